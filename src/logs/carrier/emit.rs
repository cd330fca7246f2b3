//! What carriers write: the inner line, and in front of it what only the carrier knew.

use super::clock;
use std::io::Write;

/// The first byte of an envelope.
pub const ENVELOPE_START: u8 = 1;
/// Between the fields of an envelope.
pub const ENVELOPE_FIELD: u8 = 0x1f;
/// The last byte of an envelope; the line follows.
pub const ENVELOPE_END: u8 = 2;

/// No envelope is longer: two numbers, a hash and four marks.
const ENVELOPE_BYTES: usize = 64;

/// What a carrier knows of a line: `\x01<time>\x1f<pid>\x1f<stream>\x02`, each field empty where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Envelope {
    /// Microseconds since 1970-01-01 UTC.
    pub time: Option<i64>,
    /// The process that wrote the line, as the carrier has it.
    pub pid: Option<u32>,
    /// Which of several servers wrote it: a hash, 0 for none.
    pub stream: u64,
}

impl Envelope {
    /// The envelope at the start of a line, and the line without it; without one, nothing is known.
    pub fn split(line: &[u8]) -> (Self, &[u8]) {
        Self::open(line).unwrap_or((Self::default(), line))
    }

    fn open(line: &[u8]) -> Option<(Self, &[u8])> {
        if line.first() != Some(&ENVELOPE_START) {
            return None;
        }
        let head = line.get(1..line.len().min(ENVELOPE_BYTES))?;
        let end = head.iter().position(|b| *b == ENVELOPE_END)?;
        let mut fields = std::str::from_utf8(&head[..end]).ok()?.split(char::from(ENVELOPE_FIELD));
        let (time, pid, stream) = (fields.next()?, fields.next()?, fields.next()?);
        let known = Self {
            time: time.parse().ok(),
            pid: pid.parse().ok(),
            stream: u64::from_str_radix(stream, 16).unwrap_or_default(),
        };
        Some((known, &line[end + 2..]))
    }

    fn write(self, out: &mut Vec<u8>) {
        out.push(ENVELOPE_START);
        // writing to a vector does not fail
        if let Some(time) = self.time {
            let _ = write!(out, "{time}");
        }
        out.push(ENVELOPE_FIELD);
        if let Some(pid) = self.pid {
            let _ = write!(out, "{pid}");
        }
        out.push(ENVELOPE_FIELD);
        if self.stream != 0 {
            let _ = write!(out, "{:x}", self.stream);
        }
        out.push(ENVELOPE_END);
    }

    /// What this carrier knows, and for the rest what the one around it knew.
    pub(super) fn within(self, outer: Self) -> Self {
        let stream = match (outer.stream, self.stream) {
            (outer, 0) => outer,
            (0, inner) => inner,
            (outer, inner) => outer.rotate_left(17) ^ inner,
        };
        Self { time: self.time.or(outer.time), pid: self.pid.or(outer.pid), stream }
    }
}

/// The hash of a stream's name, never 0 (FNV-1a: the same on every machine and in every run).
pub(super) fn stream(parts: &[&[u8]]) -> u64 {
    if parts.iter().all(|part| part.is_empty()) {
        return 0;
    }
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in parts.iter().flat_map(|part| part.iter().chain(b"\0")) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash.max(1)
}

/// In which form a carrier hands on what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// In front of the line; the inner format is stderr's, or another carrier follows.
    Envelope,
    /// As keys of the object that the line is; the inner format is jsonlog.
    Object,
    /// Not at all: csvlog's rows span lines, and have their own time and process.
    Bare,
}

impl Encoding {
    /// A whole inner line. One that begins with a tab continues the entry before it.
    pub(super) fn line(self, known: Envelope, line: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Envelope if line.first() == Some(&b'\t') => {}
            _ => return self.head(known, line, out),
        }
        out.extend_from_slice(line);
        out.push(b'\n');
    }

    /// A line that begins an entry, whatever it begins with.
    pub(super) fn head(self, known: Envelope, line: &[u8], out: &mut Vec<u8>) {
        match self {
            // the server writes no empty line in the first column
            Self::Envelope if line.is_empty() => return,
            Self::Envelope => known.write(out),
            Self::Object if line.first() == Some(&b'{') => return object(known, line, out),
            _ => {}
        }
        out.extend_from_slice(line);
        out.push(b'\n');
    }

    /// A line that continues the entry before it, whatever it begins with.
    pub(super) fn tail(self, line: &[u8], out: &mut Vec<u8>) {
        if self == Self::Envelope && line.first() != Some(&b'\t') {
            out.push(b'\t');
        }
        out.extend_from_slice(line);
        out.push(b'\n');
    }

    /// A whole entry as the carrier has it. The server put a tab behind each line feed of a message, and its prefix in front of
    /// each DETAIL; where a carrier lost the tab, only a line that looks like the entry's first is taken for one of those.
    pub(super) fn entry(self, known: Envelope, text: &[u8], out: &mut Vec<u8>) {
        if self != Self::Envelope {
            for line in text.split(|b| *b == b'\n') {
                if !line.is_empty() || self == Self::Bare {
                    self.head(known, trim_cr(line), out);
                }
            }
            return;
        }
        let mut lines = text.split(|b| *b == b'\n').map(trim_cr);
        let Some(first) = lines.by_ref().find(|line| !line.is_empty()) else { return };
        self.line(known, first, out);
        for line in lines {
            if !line.is_empty() && line.first() != Some(&b'\t') && is_field_of(first, line) {
                self.head(known, line, out);
            } else if !line.is_empty() {
                self.tail(line, out);
            }
        }
    }
}

/// The line's object with what the carrier knows as its first keys; a second `timestamp` would be one too many.
fn object(known: Envelope, line: &[u8], out: &mut Vec<u8>) {
    out.push(b'{');
    let inside = &line[1..];
    let is_empty = inside.trim_ascii_start().first() == Some(&b'}');
    let mut comma = false;
    if known.stream != 0 {
        let _ = write!(out, "\"pgassay_stream\":\"{:x}\"", known.stream);
        comma = true;
    }
    let start = &line[..line.len().min(4096)];
    if let Some(time) = known.time.filter(|_| memchr::memmem::find(start, b"\"timestamp\"").is_none()) {
        out.extend_from_slice(if comma { b",\"timestamp\":\"" } else { b"\"timestamp\":\"" });
        clock::write_rfc3339(time, out);
        out.push(b'"');
        comma = true;
    }
    if comma && !is_empty {
        out.push(b',');
    }
    out.extend_from_slice(inside);
    out.push(b'\n');
}

/// A line without the carriage return of its end.
pub(super) fn trim_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// How far a severity word may stand from the start of its line: prefixes are long, messages longer.
const PREFIX_BYTES: usize = 512;

/// Where the first word stands that is followed by a colon and two blanks, as severities and field names are in every
/// language the server speaks.
fn marker(line: &[u8]) -> Option<usize> {
    let start = &line[..line.len().min(PREFIX_BYTES)];
    memchr::memmem::find_iter(start, b":  ").find_map(|at| {
        let is_letter = |b: &&u8| b.is_ascii_uppercase() || **b >= 0x80 || b.is_ascii_digit();
        let from = at - start[..at].iter().rev().take_while(is_letter).count();
        (at >= from + 3 && !start[from].is_ascii_digit()).then_some(from)
    })
}

/// Whether a line has a severity or a field's name within its first bytes.
pub(super) fn has_marker(line: &[u8]) -> bool {
    marker(line).is_some()
}

/// Whether `line` is a further line of the server with a prefix of its own, given the entry's first line.
fn is_field_of(first: &[u8], line: &[u8]) -> bool {
    let class = |byte: &u8| match byte {
        b'0'..=b'9' => b'0',
        b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => b'a',
        other => *other,
    };
    let (Some(first_at), Some(at)) = (marker(first), marker(line)) else { return false };
    let shared = first_at.min(at).min(5);
    (first_at == 0) == (at == 0) && first[..shared].iter().map(class).eq(line[..shared].iter().map(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(out: &[u8]) -> String {
        String::from_utf8_lossy(out).replace('\x01', "<").replace('\x1f', "|").replace('\x02', ">")
    }

    #[test]
    fn envelopes_there_and_back() {
        for known in [
            Envelope::default(),
            Envelope { time: Some(-5), pid: Some(7), stream: u64::MAX },
            Envelope { time: None, pid: Some(u32::MAX), stream: 0 },
            Envelope { time: Some(i64::MIN), pid: Some(u32::MAX), stream: u64::MAX },
        ] {
            let mut out = Vec::new();
            known.write(&mut out);
            out.extend_from_slice(b"text");
            assert_eq!(Envelope::split(&out), (known, b"text".as_slice()));
        }
        for line in [b"".as_slice(), b"\x01", b"\x01\x02", b"\x01a\x1fb\x02x", b"\x01\xff\x1f\x1f\x02"] {
            assert_eq!(Envelope::split(line), (Envelope::default(), line));
        }
    }

    #[test]
    fn entries_of_many_lines() {
        let known = Envelope { time: Some(1), pid: None, stream: 0xab };
        let entry = |text: &str| {
            let mut out = Vec::new();
            Encoding::Envelope.entry(known, text.as_bytes(), &mut out);
            shown(&out)
        };
        assert_eq!(
            entry("10:00 [1] LOG:  a\n\tb\nc\n10:00 [1] DETAIL:  d\r\n\n"),
            "<1||ab>10:00 [1] LOG:  a\n\tb\n\tc\n<1||ab>10:00 [1] DETAIL:  d\n"
        );
        // with its tab, a forged line is a value
        assert_eq!(entry("10:00 [1] LOG:  a\n\t10:00 [1] LOG:  b"), "<1||ab>10:00 [1] LOG:  a\n\t10:00 [1] LOG:  b\n");
        assert_eq!(entry("LOG:  a\nERROR:  b"), "<1||ab>LOG:  a\n<1||ab>ERROR:  b\n");
        assert_eq!(entry("\n\n"), "");
    }

    #[test]
    fn objects_get_keys() {
        let known = Envelope { time: Some(1), pid: None, stream: 0xab };
        let line = |text: &str| {
            let mut out = Vec::new();
            Encoding::Object.line(known, text.as_bytes(), &mut out);
            shown(&out)
        };
        let added = r#""pgassay_stream":"ab""#;
        assert_eq!(line("{}"), format!("{{{added},\"timestamp\":\"1970-01-01T00:00:00.000001Z\"}}\n"));
        assert_eq!(line(r#"{"timestamp":1}"#), format!("{{{added},\"timestamp\":1}}\n"));
        assert_eq!(line("plain"), "plain\n");
    }

    #[test]
    fn markers_in_any_language() {
        for line in ["LOG:  x", "a [1] FEHLER:  x", "[1]: ПОДРОБНОСТИ:  x", ":[1]:LOG:  x", "文:  x", "DEBUG1:  x"]
        {
            assert!(has_marker(line.as_bytes()), "{line}");
        }
        for line in ["", "select a:  b", "10:00:  x", ":  ", "LOG: x"] {
            assert!(!has_marker(line.as_bytes()), "{line}");
        }
    }
}
