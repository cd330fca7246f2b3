//! A log as chunks of whole entries. Where it is cut depends on its bytes alone: neither on threads nor on how they arrive.

use super::carrier::{self, Carrier, Chain, NotALog, Notes, SAMPLE, Unwrap};
use super::event::Rarity;
use super::prefix::{self, Prefix};
use super::reader::{Format, name, stderr::Stderr};
use super::record::Reading;
use super::workload::SourceFile;
use std::io::{self, Read};
use std::sync::Arc;

/// How many bytes a chunk has, about.
const CHUNK: usize = 1 << 20;
/// The longest entry that is waited for.
const LONGEST: usize = 64 << 20;
/// How much is asked of a carrier's log at once.
const BLOCK: usize = 256 << 10;

/// Why a log cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// It is something else.
    #[error(transparent)]
    NotALog(#[from] NotALog),
    /// No line of its beginning could be understood.
    #[error("no line could be read: {tried}")]
    Nothing {
        /// What was tried.
        tried: String,
        /// The first lines, as they are; they may hold values.
        first: Vec<Vec<u8>>,
    },
    /// It is empty.
    #[error("is empty")]
    Empty,
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// A chunk: whole entries of one log.
#[derive(Debug)]
pub struct Chunk {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How to read them.
    pub format: Arc<Format>,
}

/// A log that is being read.
pub struct Feed {
    input: Box<dyn Read + Send>,
    unwrap: Option<Unwrap>,
    format: Arc<Format>,
    /// What was read and not handed out yet; it begins with an entry.
    buffer: Vec<u8>,
    block: Vec<u8>,
    is_over: bool,
    trouble: Option<String>,
    source: SourceFile,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("source", &self.source).finish_non_exhaustive()
    }
}

/// What is told of a log beside its bytes.
#[derive(Debug, Clone, Default)]
pub struct FeedOptions {
    /// Its `log_line_prefix`, where it was given.
    pub prefix: Option<Prefix>,
    /// What carriers cannot know.
    pub carrier: carrier::Options,
}

/// Reads so many bytes more, or to the end of the input; tells whether it ended. What was read before a fault is kept.
fn fill(input: &mut dyn Read, buffer: &mut Vec<u8>, more: usize) -> io::Result<bool> {
    let mut filled = buffer.len();
    let full = filled + more;
    buffer.resize(full, 0);
    let result = loop {
        match input.read(buffer.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break Ok(filled < full),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    buffer.truncate(filled);
    result
}

impl Feed {
    /// Opens a log: finds out what is around it, what format it has, and its prefix.
    pub fn open(path: &str, input: Box<dyn Read + Send>, options: &FeedOptions) -> Result<Self, FeedError> {
        let mut input = input;
        let mut buffer = Vec::new();
        let mut trouble = None;
        let mut is_over = match fill(&mut input, &mut buffer, SAMPLE) {
            Ok(is_over) => is_over,
            // what was read before is worth having
            Err(error) if !buffer.is_empty() => {
                trouble = Some(error.to_string());
                true
            }
            Err(error) => return Err(error.into()),
        };
        if buffer.iter().all(|byte| byte.is_ascii_whitespace()) && is_over {
            return Err(FeedError::Empty);
        }
        let chain = Chain::detect(&buffer, options.carrier)?;
        let mut unwrap = (!chain.is_bare()).then(|| chain.start(options.carrier));
        if let Some(unwrap) = &mut unwrap {
            let raw = std::mem::take(&mut buffer);
            unwrap.feed(&raw, &mut buffer);
            if is_over {
                unwrap.finish(&mut buffer);
            }
        }
        let mut source = SourceFile { path: path.to_owned(), format: chain.to_string(), ..SourceFile::default() };
        let format = match chain.format {
            Some(carrier::Format::Csvlog { .. }) => Format::Csvlog,
            Some(carrier::Format::Jsonlog) => Format::Jsonlog,
            Some(carrier::Format::Stderr) | None => {
                let (prefix, is_detected) = match &options.prefix {
                    Some(prefix) => (Some(prefix.clone()), false),
                    None => match prefix::detect(&buffer) {
                        Some(found) => (Some(found.prefix), true),
                        None => (None, false),
                    },
                };
                let is_other = unwrap.as_ref().is_some_and(|unwrap| unwrap.notes().pgbouncer.is_some());
                let Some(prefix) = prefix.or_else(|| is_other.then(|| Prefix::compile("").ok()).flatten()) else {
                    return Err(FeedError::Nothing { tried: tried(None), first: first_lines(&buffer) });
                };
                source.prefix = Some(prefix.as_str().to_owned());
                source.is_detected = is_detected;
                Format::Stderr(Stderr::new(prefix, &buffer))
            }
        };
        if let Some(format) = chain.format.filter(|_| chain.is_bare()) {
            name(format).clone_into(&mut source.format);
        }
        if trouble.is_some() {
            is_over = true;
        }
        Ok(Self { input, unwrap, format: Arc::new(format), buffer, block: Vec::new(), is_over, trouble, source })
    }

    /// What the log is.
    pub fn source(&self) -> &SourceFile {
        &self.source
    }

    /// Why not all of it was read.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// What its carriers saw.
    pub fn notes(&self) -> Option<Notes> {
        self.unwrap.as_ref().map(Unwrap::notes)
    }

    /// The next chunk; `spare` is a buffer that is used again. None at the end.
    pub fn next(&mut self, mut spare: Vec<u8>) -> Option<Chunk> {
        let mut wanted = CHUNK;
        loop {
            self.read_up_to(wanted);
            if self.buffer.is_empty() && self.is_over {
                return None;
            }
            let end = match (self.is_over, self.buffer.len() <= wanted) {
                (true, true) => self.buffer.len(),
                _ => {
                    let window = self.buffer.get(..wanted).unwrap_or(&self.buffer);
                    match self.format.cut(window).filter(|end| *end > 0) {
                        Some(end) => end,
                        None if wanted < LONGEST => {
                            wanted *= 2;
                            continue;
                        }
                        // an entry that never ends is cut at a line
                        None => memchr::memrchr(b'\n', window).map_or(window.len(), |at| at + 1),
                    }
                }
            };
            // the buffer goes with the chunk, what is left of it is little
            spare.clear();
            spare.extend_from_slice(self.buffer.get(end..).unwrap_or_default());
            let mut bytes = std::mem::replace(&mut self.buffer, spare);
            bytes.truncate(end);
            return Some(Chunk { bytes, format: Arc::clone(&self.format) });
        }
    }

    /// Reads no more, and leaves out what may be half an entry.
    pub fn stop(&mut self) {
        if !std::mem::replace(&mut self.is_over, true) && !self.buffer.ends_with(b"\n") {
            self.buffer.truncate(self.format.cut(&self.buffer).unwrap_or(0));
        }
    }

    fn read_up_to(&mut self, wanted: usize) {
        while !self.is_over && self.buffer.len() < wanted {
            let result = match &mut self.unwrap {
                None => {
                    let more = wanted - self.buffer.len();
                    fill(&mut self.input, &mut self.buffer, more)
                }
                Some(unwrap) => {
                    self.block.clear();
                    let result = fill(&mut self.input, &mut self.block, BLOCK);
                    unwrap.feed(&self.block, &mut self.buffer);
                    result
                }
            };
            match result {
                Ok(is_over) => self.is_over = is_over,
                Err(error) => {
                    self.trouble = Some(error.to_string());
                    self.is_over = true;
                }
            }
            if self.is_over
                && let Some(unwrap) = &mut self.unwrap
            {
                unwrap.finish(&mut self.buffer);
            }
        }
    }
}

/// What was tried on a log that nothing could be read of.
fn tried(prefix: Option<&str>) -> String {
    match prefix {
        Some(prefix) => format!("log_line_prefix \"{prefix}\" was tried"),
        None => "csvlog, jsonlog and every known log_line_prefix were tried; say yours with --prefix".to_owned(),
    }
}

fn first_lines(sample: &[u8]) -> Vec<Vec<u8>> {
    let lines = sample.split(|byte| *byte == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace));
    lines.take(3).map(|line| line.get(..200).unwrap_or(line).to_vec()).collect()
}

/// Puts lines in the place of the offsets of what looks like a secret, from 0.
pub fn place_secrets(chunk: &[u8], rarities: &mut [Rarity]) {
    let (mut from, mut line) = (0, 0);
    for rarity in rarities {
        if let Rarity::Secret(_, place) = rarity {
            let offset = usize::try_from(*place).unwrap_or(0).min(chunk.len());
            // they come nearly in order: what was counted is not counted again
            if offset < from {
                (from, line) = (0, 0);
            }
            line += memchr::memchr_iter(b'\n', chunk.get(from..offset).unwrap_or_default()).count() as u64;
            from = offset;
            *place = line;
        }
    }
}

/// The lines of what a chunk's unread offsets are in, from 0.
pub fn lines_of(chunk: &[u8], reading: &Reading) -> Vec<(u64, Vec<u8>)> {
    let line = |offset: usize| memchr::memchr_iter(b'\n', chunk.get(..offset).unwrap_or_default()).count() as u64;
    reading.unread.iter().map(|(offset, text)| (line(*offset), text.clone())).collect()
}
