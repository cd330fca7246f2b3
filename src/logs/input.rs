//! What a command line names, as an ordered list of logs: files, folders, patterns, standard input.
//!
//! Content decides what is a log, never a name: every file is looked into, through its compression. The files of one rotated set
//! are ordered by the first time in each. What would count twice is read once: a file named twice, a file beside its compressed
//! copy, and the collector's several destinations of one run, of which csvlog says most and jsonlog more than stderr.
//!
//! Reading goes on past what cannot be read; every file that was passed over is in a note with the reason.

use super::carrier::{self, Chain, Envelope, Format, Options};
use super::compression::{self, Compression};
use crate::glob;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Atomic};
use std::time::UNIX_EPOCH;

/// How much of each file is looked into, decompressed.
const PEEK: usize = 64 << 10;

/// How deep folders are searched.
const DEPTH: usize = 8;

/// One log to read.
#[derive(Debug, Clone)]
pub struct Input {
    /// Where it is; `None` for standard input.
    pub path: Option<PathBuf>,
    /// As it is called in reports: as it was named, or found under what was named.
    pub name: String,
    /// Its bytes on disk; `None` for what is no regular file.
    pub size: Option<u64>,
    /// Its last change, microseconds since 1970-01-01 UTC.
    pub modified: Option<i64>,
    /// How it is compressed.
    pub compression: Compression,
    /// What is around the log, by the first 64 kB; `None` for what can be read only once.
    pub chain: Option<Chain>,
    /// The first time in it, microseconds since 1970-01-01; named zones are taken for UTC.
    pub first: Option<i64>,
    /// The time, as it stands there, from which on another destination of the same run holds what it holds.
    pub until: Option<String>,
    /// The rotated set it belongs to: sessions may go on from one file of a set to the next.
    pub set: String,
}

/// A file that is not read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// As in [`Input::name`].
    pub name: String,
    /// Why, to be read behind the name: `is empty`.
    pub reason: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.reason)
    }
}

/// What there is to read.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The logs, in the order to read them.
    pub inputs: Vec<Input>,
    /// Passed over for a good reason.
    pub skipped: Vec<Note>,
    /// Named or found, and could not be read.
    pub failed: Vec<Note>,
}

/// Nothing can be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// No input is left.
    #[error("nothing to read: {}", some(.0))]
    Nothing(Vec<Note>),
}

/// The first notes, and how many more there are.
fn some(notes: &[Note]) -> String {
    const SHOWN: usize = 5;
    if notes.is_empty() {
        return "no file was named".to_owned();
    }
    let shown: Vec<_> = notes.iter().take(SHOWN).map(Note::to_string).collect();
    let more = notes.len().saturating_sub(SHOWN);
    shown.join("; ") + &if more > 0 { format!("; and {more} more") } else { String::new() }
}

impl Input {
    /// The log without its compression. Errors do not name the file: whoever tells them does.
    pub fn open(&self) -> io::Result<(Box<dyn Read + Send>, Compression)> {
        self.open_counted(Arc::default())
    }

    /// The same, adding the bytes that are read from disk to `read` as they are.
    pub fn open_counted(&self, read: Arc<AtomicU64>) -> io::Result<(Box<dyn Read + Send>, Compression)> {
        let inner: Box<dyn Read + Send> = match &self.path {
            Some(path) => Box::new(File::open(path)?),
            None => Box::new(io::stdin()),
        };
        compression::open(Counted { inner, read })
    }

    /// What its carriers need to know.
    pub fn options(&self, utc_offset: i32) -> Options {
        Options { reference: self.modified, utc_offset }
    }
}

struct Counted {
    inner: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.fetch_add(read as u64, Atomic::Relaxed);
        Ok(read)
    }
}

/// A path on its way to become an input.
struct Found {
    path: PathBuf,
    /// Named by the user, not found in a folder: then it is tried even if it looks like nothing.
    is_named: bool,
}

/// Turns what was named into logs in the order to read them. An error means that none is left.
pub fn expand(paths: &[PathBuf]) -> Result<Inputs, InputError> {
    let mut expansion = Expansion::default();
    for path in paths {
        expansion.named(path);
    }
    expansion.done()
}

#[derive(Default)]
struct Expansion {
    result: Inputs,
    /// Regular files by what they are on disk, and the name they were first seen under.
    seen: HashMap<Identity, String>,
    /// The start of each input, for telling copies.
    samples: Vec<Vec<u8>>,
}

/// What a file is on disk, whatever it is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Identity {
    #[cfg(unix)]
    Inode(u64, u64),
    #[cfg(not(unix))]
    Path(PathBuf),
}

#[cfg(unix)]
fn identity(_path: &Path, metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    Identity::Inode(metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(path: &Path, _metadata: &Metadata) -> Identity {
    Identity::Path(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
}

/// A path for people: what is no text is shown as far as it is.
fn shown(path: &Path) -> String {
    path.to_string_lossy().chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?'])
}

impl Expansion {
    fn skip(&mut self, path: &Path, reason: impl Into<String>) {
        self.result.skipped.push(Note { name: shown(path), reason: reason.into() });
    }

    fn fail(&mut self, path: &Path, reason: impl Into<String>) {
        self.result.failed.push(Note { name: shown(path), reason: reason.into() });
    }

    /// One argument of the command line.
    fn named(&mut self, path: &Path) {
        if path.as_os_str() == "-" {
            if self.result.inputs.iter().any(|input| input.path.is_none()) {
                return self.skip(path, "standard input was named before");
            }
            self.samples.push(Vec::new());
            return self.result.inputs.push(Input {
                path: None,
                name: "standard input".to_owned(),
                size: None,
                modified: None,
                compression: Compression::Plain,
                chain: None,
                first: None,
                until: None,
                set: String::new(),
            });
        }
        // a file that is called so comes before a pattern
        if is_pattern(path) && fs::symlink_metadata(path).is_err() {
            let matched = self.matching(path);
            if matched.is_empty() {
                return self.fail(path, "matches no file");
            }
            for path in matched {
                self.one(&path, false);
            }
            return;
        }
        self.one(path, true);
    }

    /// The paths that match a pattern, in the order of their names.
    fn matching(&mut self, pattern: &Path) -> Vec<PathBuf> {
        let mut bases = vec![PathBuf::new()];
        for component in pattern.components() {
            let name = component.as_os_str().to_string_lossy();
            if !matches!(component, Component::Normal(_)) || !name.contains(['*', '?']) {
                bases.iter_mut().for_each(|base| base.push(component));
                continue;
            }
            let mut next = Vec::new();
            for base in &bases {
                let folder = if base.as_os_str().is_empty() { Path::new(".") } else { base.as_path() };
                let entries = match fs::read_dir(folder) {
                    Ok(entries) => entries,
                    Err(error) => {
                        if folder.is_dir() {
                            self.fail(folder, reason(&error));
                        }
                        continue;
                    }
                };
                for entry in entries.flatten() {
                    let found = entry.file_name();
                    let text = found.to_string_lossy();
                    if text.starts_with('.') == name.starts_with('.') && glob::matches(&name, &text) {
                        next.push(base.join(&found));
                    }
                }
            }
            next.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
            bases = next;
        }
        bases.retain(|path| path.exists());
        bases
    }

    /// A file or a folder.
    fn one(&mut self, path: &Path, is_named: bool) {
        match fs::metadata(path) {
            Err(error) => self.fail(path, reason(&error)),
            Ok(metadata) if metadata.is_dir() => {
                let before = (self.result.inputs.len(), self.result.failed.len(), self.result.skipped.len());
                let mut looked_at = 0;
                self.folder(path, 0, &mut HashSet::from([identity(path, &metadata)]), &mut looked_at);
                let is_repeated = || {
                    let notes = self.result.skipped.iter().skip(before.2);
                    notes.filter(|note| note.reason.starts_with(SAME)).count() > 0
                };
                if self.result.inputs.len() == before.0 && self.result.failed.len() == before.1 && !is_repeated() {
                    self.fail(path, format!("holds no log ({looked_at} files looked into)"));
                }
            }
            Ok(metadata) => self.file(Found { path: path.to_owned(), is_named }, &metadata),
        }
    }

    fn folder(&mut self, folder: &Path, depth: usize, visited: &mut HashSet<Identity>, looked_at: &mut usize) {
        let mut names = Vec::new();
        match fs::read_dir(folder) {
            Err(error) => return self.fail(folder, reason(&error)),
            Ok(entries) => {
                for entry in entries {
                    match entry {
                        Ok(entry) => names.push(entry.file_name()),
                        Err(error) => self.fail(folder, reason(&error)),
                    }
                }
            }
        }
        names.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
        // a server's data directory holds its logs in one place, and a great many files that are none
        let is_data = names.iter().any(|name| name == "PG_VERSION");
        for name in names {
            let path = folder.join(&name);
            let name = name.to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            let metadata = match fs::metadata(&path) {
                Ok(metadata) => metadata,
                // a link to nothing, a file that was rotated away meanwhile
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    self.fail(&path, reason(&error));
                    continue;
                }
            };
            if metadata.is_dir() {
                let is_wanted = !is_data || matches!(&*name, "log" | "pg_log");
                if is_wanted && depth < DEPTH && visited.insert(identity(&path, &metadata)) {
                    self.folder(&path, depth + 1, visited, looked_at);
                }
            } else if metadata.is_file() && !is_data && !is_no_log(&name) {
                *looked_at += 1;
                self.file(Found { path, is_named: false }, &metadata);
            }
        }
    }

    fn file(&mut self, found: Found, metadata: &Metadata) {
        let Found { path, is_named } = found;
        let modified = metadata.modified().ok().and_then(micros);
        let mut input = Input {
            name: shown(&path),
            size: metadata.is_file().then_some(metadata.len()),
            modified,
            compression: Compression::Plain,
            chain: None,
            first: None,
            until: None,
            set: set(&path),
            path: Some(path.clone()),
        };
        // a pipe can be read only once, and not yet
        if !metadata.is_file() {
            self.samples.push(Vec::new());
            return self.result.inputs.push(input);
        }
        if let Some(first) = self.seen.get(&identity(&path, metadata)) {
            let reason = format!("{SAME} {first}");
            return self.skip(&path, reason);
        }
        self.seen.insert(identity(&path, metadata), input.name.clone());
        if metadata.len() == 0 {
            return self.skip(&path, "is empty");
        }
        let sample = match peek(&path) {
            Ok((sample, compression)) => {
                input.compression = compression;
                sample
            }
            // an archive in a folder is no log; a file that cannot be opened may be one
            Err(error) if !is_named && error.kind() == io::ErrorKind::Unsupported => {
                return self.skip(&path, error.to_string());
            }
            Err(error) => return self.fail(&path, reason(&error)),
        };
        if sample.is_empty() {
            return self.skip(&path, "is empty");
        }
        let chain = match Chain::detect(&sample, input.options(0)) {
            Ok(chain) => chain,
            Err(error) if is_named => return self.fail(&path, error.to_string()),
            Err(error) => return self.skip(&path, error.to_string()),
        };
        if !is_named && !carrier::is_log(&sample) {
            return self.skip(&path, format!("has nothing of a log in its first {} kB", PEEK >> 10));
        }
        input.first = first_time(&chain, &sample, input.options(0));
        input.chain = Some(chain);
        self.samples.push(sample);
        self.result.inputs.push(input);
    }

    fn done(mut self) -> Result<Inputs, InputError> {
        self.copies();
        self.destinations();
        order(&mut self.result.inputs);
        if self.result.inputs.is_empty() {
            let Inputs { mut failed, skipped, .. } = self.result;
            // why a named file is not read says more than what else lies in its folder
            failed.extend(skipped);
            return Err(InputError::Nothing(failed));
        }
        Ok(self.result)
    }

    /// A file beside its compressed copy: while logs are rotated both are there for a moment, and with `gzip -k` for good.
    fn copies(&mut self) {
        let mut originals: HashMap<PathBuf, usize> = HashMap::new();
        for (index, input) in self.result.inputs.iter().enumerate() {
            if let (Some(path), Compression::Plain) = (&input.path, input.compression) {
                originals.insert(path.clone(), index);
            }
        }
        let mut dropped = Vec::new();
        for (index, input) in self.result.inputs.iter().enumerate() {
            let Some(path) = input.path.as_ref().filter(|_| input.compression != Compression::Plain) else { continue };
            let Some(original) = originals.get(&path.with_extension("")) else { continue };
            let (Some(a), Some(b)) = (self.samples.get(index), self.samples.get(*original)) else { continue };
            let shared = a.len().min(b.len());
            if shared > 0 && a[..shared] == b[..shared] {
                let reason = self.result.inputs.get(*original).map(|input| format!("is a copy of {}", input.name));
                dropped.push((index, reason.unwrap_or_default()));
            }
        }
        self.drop(dropped);
    }

    /// The collector's destinations of one run: files that are called alike but for what follows the dot.
    fn destinations(&mut self) {
        let mut runs: HashMap<(PathBuf, String), Vec<usize>> = HashMap::new();
        for (index, input) in self.result.inputs.iter().enumerate() {
            let is_bare = input.chain.as_ref().is_some_and(|chain| chain.is_bare() && chain.format.is_some());
            if let Some(run) = input.path.as_ref().filter(|_| is_bare).and_then(|path| run(path)) {
                runs.entry(run).or_default().push(index);
            }
        }
        let mut dropped = Vec::new();
        let mut parted = Vec::new();
        for members in runs.values() {
            let rank = |index: usize| match self.result.inputs.get(index).and_then(|i| i.chain.as_ref()?.format) {
                Some(Format::Csvlog { .. }) => 0,
                Some(Format::Jsonlog) => 1,
                _ => 2,
            };
            let Some(best) = members.iter().copied().min_by_key(|index| (rank(*index), *index)) else { continue };
            let Some(kept) = self.result.inputs.get(best) else { continue };
            for index in members.iter().copied().filter(|index| rank(*index) > rank(best)) {
                let Some(other) = self.result.inputs.get(index) else { continue };
                // a destination that was added later does not hold what was before
                let is_whole = match (kept.first, other.first) {
                    (Some(kept), Some(other)) => kept <= other.saturating_add(LATER),
                    _ => true,
                };
                let begin = self.samples.get(best).and_then(|sample| begin(kept.chain.as_ref()?.format?, sample));
                match begin.filter(|_| !is_whole) {
                    Some(begin) => parted.push((index, begin, kept.name.clone())),
                    None => dropped.push((index, format!("holds what {} holds", kept.name))),
                }
            }
        }
        parted.sort_unstable();
        for (index, begin, kept) in parted {
            if let Some(input) = self.result.inputs.get_mut(index) {
                let reason = format!("counts up to {begin}, where {kept} begins, which holds the rest");
                self.result.skipped.push(Note { name: input.name.clone(), reason });
                input.until = Some(begin);
            }
        }
        dropped.sort_unstable();
        self.drop(dropped);
    }

    /// Takes inputs out, given their places in rising order.
    fn drop(&mut self, dropped: Vec<(usize, String)>) {
        for (index, reason) in dropped.into_iter().rev() {
            if index < self.result.inputs.len() {
                let input = self.result.inputs.remove(index);
                self.samples.remove(index);
                self.result.skipped.push(Note { name: input.name, reason });
            }
        }
    }
}

/// A destination whose first time is so much later than another's, in microseconds, was added while the server ran.
const LATER: i64 = 60_000_000;

/// The first time in a log of a bare format, as it stands there.
fn begin(format: Format, sample: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"\"timestamp\":\"";
    let after = |sample: &[u8], text: &[u8]| {
        memchr::memmem::find(sample, text).and_then(|at| sample.get(at + text.len()..).map(<[u8]>::to_vec))
    };
    let sample = sample.strip_prefix(b"\xef\xbb\xbf").unwrap_or(sample);
    let (text, end) = match format {
        Format::Csvlog { .. } if sample.starts_with(b"log_time,") => (after(sample, b"\n")?, b','),
        Format::Csvlog { .. } => (sample.to_vec(), b','),
        Format::Jsonlog => (after(sample, KEY)?, b'"'),
        Format::Stderr => return None,
    };
    let time = text.get(..text.iter().take(TIME_BYTES).position(|byte| *byte == end)?)?;
    carrier::time_near_start(time)?;
    String::from_utf8(time.to_vec()).ok()
}

/// How a note on a file begins that was named before.
const SAME: &str = "is the same file as";

/// The system's word for an error, without its number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

fn micros(time: std::time::SystemTime) -> Option<i64> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_micros()).ok(),
        Err(before) => i64::try_from(before.duration().as_micros()).ok().map(|micros| -micros),
    }
}

/// Files in a folder of logs that are known not to be one. Content decides on the rest.
fn is_no_log(name: &str) -> bool {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    let ends =
        ["pid", "conf", "lock", "sock", "sql", "sh", "py", "pl", "md", "html", "toml", "yml", "yaml", "key", "crt"];
    ends.iter().any(|other| end.eq_ignore_ascii_case(other))
}

/// The start of a file, decompressed; what is damaged counts as far as it goes.
fn peek(path: &Path) -> io::Result<(Vec<u8>, Compression)> {
    let (mut reader, compression) = compression::open(File::open(path)?)?;
    let mut sample = vec![0; PEEK];
    let mut len = 0;
    while len < PEEK {
        match reader.read(&mut sample[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if len == 0 => return Err(error),
            Err(_) => break,
        }
    }
    sample.truncate(len);
    Ok((sample, compression))
}

/// How many lines are looked at for a time, and how far into each.
const TIME_LINES: usize = 500;
const TIME_BYTES: usize = 128;

/// The first time in the start of a log: the carrier's, or one near the start of a line.
fn first_time(chain: &Chain, sample: &[u8], options: Options) -> Option<i64> {
    let inside;
    let bytes = if chain.is_bare() {
        sample
    } else {
        let (out, notes) = chain.start(options).all(sample);
        if let Some(first) = notes.pgbouncer.and_then(|pgbouncer| pgbouncer.first) {
            return Some(first);
        }
        inside = out;
        &inside
    };
    bytes.split(|b| *b == b'\n').filter(|line| line.first() != Some(&b'\t')).take(TIME_LINES).find_map(|line| {
        let (known, line) = Envelope::split(line);
        known.time.or_else(|| carrier::time_near_start(&line[..line.len().min(TIME_BYTES)]))
    })
}

/// Orders the files of each set by time; the sets stay in the order in which they were named.
fn order(inputs: &mut [Input]) {
    let mut places: HashMap<String, usize> = HashMap::new();
    for (index, input) in inputs.iter().enumerate() {
        // standard input and pipes are sets of their own
        if input.chain.is_some() {
            places.entry(input.set.clone()).or_insert(index);
        }
    }
    let mut keyed: Vec<(usize, Input)> = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.iter().enumerate() {
        let place = if input.chain.is_some() { places.get(&input.set).copied().unwrap_or(index) } else { index };
        keyed.push((place, input.clone()));
    }
    keyed.sort_by(|(a_place, a), (b_place, b)| {
        // a file without a time in its start is placed by its end, which is before the next one's start
        let time = |input: &Input| input.first.or(input.modified);
        a_place.cmp(b_place).then_with(|| time(a).cmp(&time(b))).then_with(|| natural(&a.name, &b.name))
    });
    for (slot, (_, input)) in inputs.iter_mut().zip(keyed) {
        *slot = input;
    }
}

/// `.2` before `.10`: runs of digits are compared as numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a.as_bytes(), b.as_bytes());
    loop {
        match (x.first(), y.first()) {
            (None, None) => return a.cmp(b),
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(p), Some(q)) if p.is_ascii_digit() && q.is_ascii_digit() => {
                let number = |bytes: &[u8]| bytes.iter().take_while(|b| b.is_ascii_digit()).count();
                let (digits_x, rest_x) = x.split_at(number(x));
                let (digits_y, rest_y) = y.split_at(number(y));
                let significant = |digits: &'_ [u8]| digits.iter().take_while(|b| **b == b'0').count();
                let (n, m) = (&digits_x[significant(digits_x)..], &digits_y[significant(digits_y)..]);
                match n.len().cmp(&m.len()).then_with(|| n.cmp(m)) {
                    Ordering::Equal => (x, y) = (rest_x, rest_y),
                    unequal => return unequal,
                }
            }
            (Some(p), Some(q)) if p == q => (x, y) = (&x[1..], &y[1..]),
            (Some(p), Some(q)) => return p.cmp(q),
        }
    }
}

/// A name without the ending of its compression.
fn uncompressed(name: &str) -> &str {
    let ends = [".gz", ".bz2", ".xz", ".zst", ".zstd", ".gzip", ".z"];
    let end = ends.iter().find(|end| name.len() > end.len() && name.to_ascii_lowercase().ends_with(**end));
    end.map_or(name, |end| name.get(..name.len() - end.len()).unwrap_or(name))
}

/// The rotated set of a file: its folder, and its name without what rotation puts in: numbers at the end, dates, times and
/// weekdays.
fn set(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut name = uncompressed(&name).to_ascii_lowercase();
    for end in [".csv", ".json"] {
        // destinations of one run are of one set
        name = name.strip_suffix(end).map_or(name.clone(), |stem| format!("{stem}.log"));
    }
    let mut words: Vec<String> = Vec::new();
    for byte in name.chars() {
        // words of letters, words of digits, marks
        let class = |c: char| {
            if c.is_ascii_digit() {
                0
            } else if c.is_alphanumeric() {
                1
            } else {
                2
            }
        };
        match words.last_mut() {
            Some(word) if class(byte) < 2 && word.ends_with(|last| class(last) == class(byte)) => word.push(byte),
            _ => words.push(byte.to_string()),
        }
    }
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let is_year = |word: &str| word.len() == 4 && (word.starts_with("19") || word.starts_with("20"));
    let is_digits = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let is_mark = |word: &str| matches!(word, "-" | "_" | "." | "t");
    let mut kept: Vec<&str> = Vec::new();
    let mut in_date = false;
    for word in words.iter().map(String::as_str) {
        let is_date = is_digits(word) && (word.len() >= 6 || is_year(word) || in_date)
            || days.contains(&word)
            || months.contains(&word);
        if is_date {
            // with the mark in front of it
            while kept.last().is_some_and(|last| is_mark(last)) {
                kept.pop();
            }
        } else if !(in_date && (is_mark(word) && word != "." || word == "t")) {
            kept.push(word);
        }
        in_date = is_date || in_date && is_mark(word) && word != ".";
    }
    // `.1`, `-2`, `.1` behind a date
    while let [.., mark, number] = kept.as_slice()
        && matches!(*mark, "." | "-" | "_")
        && is_digits(number)
    {
        kept.truncate(kept.len() - 2);
    }
    let folder = path.parent().map(shown).unwrap_or_default();
    format!("{folder}/{}", kept.concat())
}

/// The run a file is a destination of: its folder, and its name without `.log`, `.csv` or `.json`.
fn run(path: &Path) -> Option<(PathBuf, String)> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let name = uncompressed(&name);
    let mut parts: Vec<&str> = name.split('.').collect();
    let place = parts.iter().rposition(|part| matches!(part.to_ascii_lowercase().as_str(), "log" | "csv" | "json"))?;
    parts.remove(place);
    Some((path.parent()?.to_owned(), parts.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A folder that is gone at the end of a test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let unique = format!("pgassay-input-{name}-{}", std::process::id());
            #[allow(clippy::disallowed_methods, reason = "tests make their files where the system wants them")]
            let path = std::env::temp_dir().join(unique);
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn log(hour: u32) -> String {
        format!("2026-11-22 {hour:02}:00:00.000 UTC [1] LOG:  duration: 1.0 ms  statement: select 1\n")
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn names(folder: &Folder, inputs: &Inputs) -> Vec<String> {
        let strip = |input: &Input| match &input.path {
            Some(path) => path.strip_prefix(&folder.0).unwrap().to_string_lossy().replace('\\', "/"),
            None => input.name.clone(),
        };
        inputs.inputs.iter().map(strip).collect()
    }

    #[test]
    fn rotated_sets_are_ordered_by_time() {
        let folder = Folder::new("rotated");
        folder.write("postgresql.log", log(12));
        folder.write("postgresql.log.1", log(11));
        folder.write("postgresql.log.2.gz", gzip(&log(10)));
        folder.write("postgresql.log.10.gz", gzip(&log(2)));
        folder.write("other-2026-11-22_000000.log", log(1));
        folder.write("other-2026-11-21_000000.log", log(0));
        let expected = [
            "other-2026-11-21_000000.log",
            "other-2026-11-22_000000.log",
            "postgresql.log.10.gz",
            "postgresql.log.2.gz",
            "postgresql.log.1",
            "postgresql.log",
        ];
        let inputs = expand(std::slice::from_ref(&folder.0)).unwrap();
        assert_eq!(names(&folder, &inputs), expected);
        // the same, named one by one by the shell, and as a pattern
        let all: Vec<_> = ["postgresql.log", "postgresql.log.1", "postgresql.log.10.gz", "postgresql.log.2.gz"]
            .map(|n| folder.0.join(n))
            .into();
        assert_eq!(names(&folder, &expand(&all).unwrap()), expected[2..]);
        assert_eq!(names(&folder, &expand(&[folder.0.join("postgresql.log*")]).unwrap()), expected[2..]);
        assert_eq!(names(&folder, &expand(&[folder.0.join("other-2026-11-2?_*.log")]).unwrap()), expected[..2]);
        let mut text = String::new();
        inputs.inputs[2].open().unwrap().0.read_to_string(&mut text).unwrap();
        assert_eq!(text, log(2));
    }

    #[test]
    fn a_folder_gives_its_logs_and_nothing_else() {
        let folder = Folder::new("folder");
        folder.write("sub/deeper/a.txt", log(1));
        folder.write("app.conf", log(1));
        folder.write(".hidden.log", log(1));
        folder.write("postmaster.pid", "4801\n/var/lib/postgresql\n");
        folder.write("notes", "shared_buffers = 1GB\nwork_mem = 4MB\n");
        folder.write("prog", b"\x7fELF\x02\x01\x01\0\0\0\0");
        folder.write("empty.log", "");
        folder.write("backup.tar", {
            let mut tar = vec![b'x'; 600];
            tar[257..262].copy_from_slice(b"ustar");
            tar
        });
        folder.write("data/PG_VERSION", "15\n");
        folder.write("data/base/1/1259", log(1));
        folder.write("data/log/postgresql.log", log(2));
        let inputs = expand(std::slice::from_ref(&folder.0)).unwrap();
        assert_eq!(names(&folder, &inputs), ["data/log/postgresql.log", "sub/deeper/a.txt"]);
        assert!(inputs.failed.is_empty());
        let reasons: Vec<_> = inputs.skipped.iter().map(|note| note.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "is a tar archive: unpack it first",
                "is empty",
                "has nothing of a log in its first 64 kB",
                "is an executable, not a log"
            ]
        );
        let error = expand(&[folder.0.join("data/base")]).err().map(|e| e.to_string());
        assert_eq!(error, None);
        let nothing = Folder::new("nothing");
        nothing.write("notes", "nothing\n");
        let error = expand(std::slice::from_ref(&nothing.0)).unwrap_err().to_string();
        assert!(error.contains("holds no log (1 files looked into)"), "{error}");
    }

    #[test]
    fn what_is_named_is_tried_or_refused_aloud() {
        let folder = Folder::new("named");
        let odd = folder.write("odd.txt", "nothing like a log\n");
        let program = folder.write("prog", b"\x7fELF\x02\x01\x01\0\0\0\0");
        let good = folder.write("good.log", log(1));
        let inputs = expand(&[
            odd.clone(),
            program.clone(),
            good,
            folder.0.join("missing.log"),
            folder.0.join("*.zip"),
            PathBuf::from("-"),
        ])
        .unwrap();
        assert_eq!(names(&folder, &inputs), ["odd.txt", "good.log", "standard input"]);
        let reasons: Vec<_> = inputs.failed.iter().map(|note| note.reason.as_str()).collect();
        assert_eq!(reasons, ["is an executable, not a log", "no such file or folder", "matches no file"]);
        let error = expand(&[program]).unwrap_err().to_string();
        assert!(
            error.starts_with("nothing to read: ") && error.ends_with("prog: is an executable, not a log"),
            "{error}"
        );
        assert_eq!(expand(&[]).unwrap_err().to_string(), "nothing to read: no file was named");
        let input = &expand(std::slice::from_ref(&odd)).unwrap().inputs[0];
        fs::remove_file(&odd).unwrap();
        assert_eq!(input.open().err().unwrap().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn nothing_counts_twice() {
        let folder = Folder::new("twice");
        let path = folder.write("a.log", log(1));
        folder.write("a.log.gz", gzip(&log(1)));
        let csv = "2026-11-22 02:00:16.670 UTC,\"app\",\"shop\",4882,\"[local]\",6922f1a0.1312,3,\"SELECT\",2026-11-22 02:00:00 UTC,3/14,0,LOG,00000,\"duration: 0.575 ms\",,,,,,,,,\"psql\",\"client backend\",,-5\n";
        let json = "{\"timestamp\":\"2026-11-22 02:00:16.670 UTC\",\"pid\":4882,\"error_severity\":\"LOG\",\"message\":\"x\"}\n";
        folder.write("run-2026-11-22_020000.log", log(2));
        folder.write("run-2026-11-22_020000.csv", csv);
        folder.write("run-2026-11-22_020000.json", json);
        folder.write("alone.json", json);
        // csvlog was added an hour later: the other has what was before
        folder.write("late.log", log(1));
        folder.write("late.csv", csv);
        let inputs = expand(&[folder.0.clone(), path.clone(), folder.0.join("./a.log")]).unwrap();
        assert_eq!(
            names(&folder, &inputs),
            ["a.log", "alone.json", "late.log", "late.csv", "run-2026-11-22_020000.csv"]
        );
        let mut reasons: Vec<_> = inputs
            .skipped
            .iter()
            .map(|note| note.to_string().replace(&*folder.0.to_string_lossy(), "").replace("/./", "/"))
            .collect();
        reasons.sort();
        assert_eq!(inputs.inputs[2].until.as_deref(), Some("2026-11-22 02:00:16.670 UTC"));
        assert_eq!(
            reasons,
            [
                "/a.log.gz: is a copy of /a.log",
                "/a.log: is the same file as /a.log",
                "/a.log: is the same file as /a.log",
                "/late.log: counts up to 2026-11-22 02:00:16.670 UTC, where /late.csv begins, which holds the rest",
                "/run-2026-11-22_020000.json: holds what /run-2026-11-22_020000.csv holds",
                "/run-2026-11-22_020000.log: holds what /run-2026-11-22_020000.csv holds",
            ]
        );
        assert_eq!(names(&folder, &expand(&[path, folder.0.clone()]).unwrap()).len(), 5);
    }

    #[test]
    fn faults_while_reading_come_after_what_could_be_read() {
        let folder = Folder::new("faults");
        let text = log(1).repeat(5000);
        let whole = gzip(&text);
        let path = folder.write("cut.log.gz", &whole[..whole.len() - 20]);
        let inputs = expand(&[path]).unwrap();
        let read = Arc::new(AtomicU64::new(0));
        let mut out = Vec::new();
        let error = inputs.inputs[0].open_counted(Arc::clone(&read)).unwrap().0.read_to_end(&mut out).unwrap_err();
        assert_eq!(error.to_string(), "gzip data is truncated");
        assert!(!out.is_empty() && text.as_bytes().starts_with(&out));
        assert_eq!(read.load(Atomic::Relaxed), whole.len() as u64 - 20);
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_lead_around_or_twice() {
        let folder = Folder::new("links");
        let path = folder.write("a/x.log", log(1));
        std::os::unix::fs::symlink(&folder.0, folder.0.join("a/loop")).unwrap();
        std::os::unix::fs::symlink(&path, folder.0.join("b.log")).unwrap();
        fs::hard_link(&path, folder.0.join("c.log")).unwrap();
        let inputs = expand(std::slice::from_ref(&folder.0)).unwrap();
        assert_eq!((inputs.inputs.len(), inputs.skipped.len()), (1, 2));
    }

    #[test]
    fn names_of_sets_and_runs() {
        let named = |name: &str| set(Path::new(name)).trim_start_matches('/').to_owned();
        for (a, b) in [
            ("postgresql.log", "postgresql.log.1"),
            ("postgresql.log", "postgresql.log.2.gz"),
            ("postgresql-15-main.log", "postgresql-15-main.log-20261122.xz"),
            ("postgresql-2026-11-22_020000.log", "postgresql-2026-11-23_000000.csv"),
            ("postgresql.log.2026-11-22-02", "postgresql.log.2026-11-22-03"),
            ("postgresql-Mon.log", "postgresql-Sun.log"),
            ("0.log", "0.log.20261122-020000.gz"),
            ("3f2a-json.log", "3f2a-json.log.1"),
        ] {
            assert_eq!(named(a), named(b), "{a} {b}");
        }
        for (a, b) in [("postgresql-14-main.log", "postgresql-15-main.log"), ("a.log", "b.log"), ("x/a.log", "y/a.log")]
        {
            assert_ne!(named(a), named(b), "{a} {b}");
        }
        let stem = |name: &str| run(Path::new(name)).map(|(_, stem)| stem);
        assert_eq!(stem("x-1.csv"), stem("x-1.log"));
        assert_eq!(stem("x.csv.1.gz"), stem("x.log.1"));
        assert_eq!(stem("x.txt"), None);
        let mut names = ["a.10", "a.2", "a.1", "a", "a.02"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "a.1", "a.02", "a.2", "a.10"]);
    }
}
