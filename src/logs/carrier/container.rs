//! Container runtimes: docker's json-file and the CRI format of Kubernetes, which cut lines at 16 KiB.

use super::emit::{Encoding, Envelope, trim_cr};
use super::json::{self, Value};
use super::lines::LineCarrier;
use super::{LIMIT, Notes, clock};

/// A line in pieces: of standard output, and of standard error.
#[derive(Debug, Default)]
struct Pieces {
    text: Vec<u8>,
    known: Envelope,
    is_open: bool,
    /// What was flushed because it did not end: the rest continues it.
    is_rest: bool,
}

impl Pieces {
    /// Adds a piece that ends its line, or does not.
    fn add(&mut self, encoding: Encoding, known: Envelope, text: &[u8], is_end: bool, out: &mut Vec<u8>) {
        if is_end && !self.is_open {
            return encoding.line(known, trim_cr(text), out);
        }
        if !self.is_open {
            self.known = known;
        }
        self.is_open = !is_end;
        let mut text = text;
        while self.text.len() + text.len() >= LIMIT {
            let (fits, rest) = text.split_at(LIMIT - self.text.len());
            self.text.extend_from_slice(fits);
            self.flush(encoding, out);
            self.is_rest = true;
            text = rest;
        }
        self.text.extend_from_slice(text);
        if is_end {
            self.flush(encoding, out);
            self.is_rest = false;
        }
    }

    fn flush(&mut self, encoding: Encoding, out: &mut Vec<u8>) {
        let line = trim_cr(&self.text);
        if self.is_rest && !line.is_empty() {
            encoding.tail(line, out);
        } else if !self.is_rest {
            encoding.line(self.known, line, out);
        }
        self.text.clear();
    }

    fn end(&mut self, encoding: Encoding, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.is_open) {
            self.flush(encoding, out);
        }
    }
}

/// `{"log":"line\n","stream":"stderr","time":"…"}`: a piece without a line feed at its end goes on.
#[derive(Debug)]
pub(super) struct DockerJson {
    encoding: Encoding,
    pieces: [Pieces; 2],
    text: Vec<u8>,
    joined: u64,
}

impl DockerJson {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, pieces: Default::default(), text: Vec::new(), joined: 0 }
    }
}

impl LineCarrier for DockerJson {
    fn line(&mut self, outer: Envelope, line: &[u8], out: &mut Vec<u8>) -> bool {
        let (mut log, mut is_stdout, mut time) = (None, false, None);
        let is_whole = json::fields(line, |key, value| match (key, value) {
            (b"log", Value::Text(raw)) => log = Some(raw),
            (b"stream", Value::Text(raw)) => is_stdout = raw == b"stdout",
            (b"time", Value::Text(raw)) => time = clock::rfc3339(raw).map(|stamp| stamp.micros),
            _ => {}
        });
        let (true, Some(log)) = (is_whole, log) else { return false };
        self.text.clear();
        json::unescape(log, &mut self.text);
        let known = Envelope { time, pid: None, stream: 0 }.within(outer);
        let (text, is_end) = match self.text.strip_suffix(b"\n") {
            Some(text) => (text, true),
            None => (self.text.as_slice(), false),
        };
        let pieces = &mut self.pieces[usize::from(is_stdout)];
        self.joined += u64::from(pieces.is_open);
        // several lines in one log are of one write, each a line of the container's
        let mut lines = text.split(|b| *b == b'\n').peekable();
        while let Some(line) = lines.next() {
            pieces.add(self.encoding, known, line, is_end || lines.peek().is_some(), out);
        }
        true
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        for pieces in &mut self.pieces {
            pieces.end(self.encoding, out);
        }
    }

    fn notes(&self) -> Notes {
        Notes { joined: self.joined, ..Notes::default() }
    }
}

/// A line of the CRI format: `TIME stderr P text`, with `F` where it ends.
pub(super) struct CriLine<'a> {
    time: i64,
    is_stdout: bool,
    is_end: bool,
    text: &'a [u8],
}

impl<'a> CriLine<'a> {
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let stamp = clock::starts_with_rfc3339(line).filter(|stamp| stamp.is_zoned)?;
        let rest = line.get(stamp.len..)?.strip_prefix(b" ")?;
        let (is_stdout, rest) = match rest.strip_prefix(b"stderr ") {
            Some(rest) => (false, rest),
            None => (true, rest.strip_prefix(b"stdout ")?),
        };
        // the tag is a list; its first member is the one that is defined
        let end = rest.iter().position(|b| *b == b' ').unwrap_or(rest.len());
        let is_end = match rest[..end].split(|b| *b == b':').next()? {
            b"F" => true,
            b"P" => false,
            _ => return None,
        };
        Some(Self { time: stamp.micros, is_stdout, is_end, text: rest.get(end + 1..).unwrap_or_default() })
    }
}

/// The CRI format of Kubernetes and podman.
#[derive(Debug)]
pub(super) struct Cri {
    encoding: Encoding,
    pieces: [Pieces; 2],
    joined: u64,
}

impl Cri {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, pieces: Default::default(), joined: 0 }
    }
}

impl LineCarrier for Cri {
    fn line(&mut self, outer: Envelope, line: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(line) = CriLine::parse(line) else { return false };
        let known = Envelope { time: Some(line.time), pid: None, stream: 0 }.within(outer);
        let pieces = &mut self.pieces[usize::from(line.is_stdout)];
        self.joined += u64::from(pieces.is_open);
        pieces.add(self.encoding, known, line.text, line.is_end, out);
        true
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        for pieces in &mut self.pieces {
            pieces.end(self.encoding, out);
        }
    }

    fn notes(&self) -> Notes {
        Notes { joined: self.joined, ..Notes::default() }
    }
}
