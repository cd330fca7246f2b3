//! syslog in its file forms (RFC 3164, RFC 5424, RFC 3339 times), `journalctl -o short…`, and Heroku's logplex: a header that
//! names program and process, and texts that PostgreSQL itself cut into numbered chunks.
//!
//! RFC 3164 has neither year nor zone. The year is the latest that does not put the time after the reference, which is the
//! last write of the file; the zone is an option. Without a reference such times stay unknown.

use super::clock::{self, Yearless};
use super::emit::{Encoding, Envelope, has_marker, stream};
use super::holds::{Holds, Tag};
use super::lines::LineCarrier;
use super::{Notes, Options};
use std::borrow::Cow;
use std::collections::HashSet;

/// When a header says it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Microseconds since 1970-01-01 UTC.
    At(i64),
    /// Without a zone.
    Local(i64),
    /// Without a zone and a year.
    Yearless(Yearless),
    /// Not said.
    Unknown,
}

impl When {
    /// The instant in microseconds since 1970-01-01 UTC.
    pub(super) fn resolve(self, options: Options) -> Option<i64> {
        let east = i64::from(options.utc_offset) * 1_000_000;
        match self {
            Self::At(time) => Some(time),
            Self::Local(time) => time.checked_sub(east),
            Self::Yearless(time) => {
                time.before(options.reference?.checked_add(east)?).and_then(|time| time.checked_sub(east))
            }
            Self::Unknown => None,
        }
    }
}

/// A header and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header<'a> {
    /// Its time.
    pub(super) when: When,
    /// The machine; nothing for Heroku.
    pub(super) host: &'a [u8],
    /// The program: `postgres`, `app`.
    pub(super) program: &'a [u8],
    /// What is in the brackets behind it: a process, `postgres.4882`.
    pub(super) process: &'a [u8],
    /// The text.
    pub(super) text: &'a [u8],
}

fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().take(300).position(|b| *b == b' ')?;
    (end > 0).then(|| (&bytes[..end], &bytes[end + 1..]))
}

/// The time at the start of a line, and what follows the blank behind it.
fn time(line: &[u8]) -> Option<(When, &[u8])> {
    // `Sun 2026-11-22 02:00:16 UTC` of journalctl -o short-full
    let is_weekday =
        line.get(3) == Some(&b' ') && line.get(..3).is_some_and(|day| day.iter().all(u8::is_ascii_alphabetic));
    let (when, len) = if let Some(stamp) = clock::starts_with_rfc3339(line) {
        (if stamp.is_zoned { When::At(stamp.micros) } else { When::Local(stamp.micros) }, stamp.len)
    } else if let Some(stamp) = Yearless::parse(line) {
        (When::Yearless(stamp), stamp.len)
    } else if let Some(stamp) = clock::epoch(line) {
        (When::At(stamp.micros), stamp.len)
    } else if is_weekday && let Some(stamp) = clock::rfc3339(&line[4..]) {
        if stamp.is_zoned {
            (When::At(stamp.micros), stamp.len + 4)
        } else {
            // the zone is a word that tells nothing
            let zone = line.get(stamp.len + 5..)?.iter().take_while(|b| b.is_ascii_alphabetic()).count();
            (When::Local(stamp.micros), stamp.len + 5 + zone)
        }
    } else {
        return None;
    };
    Some((when, line.get(len..)?.strip_prefix(b" ")?))
}

fn is_name(name: &[u8], extra: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b) || extra.contains(b))
}

impl<'a> Header<'a> {
    /// The header of a line, in any of the forms.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        // logplex frames each message with its length
        let digits = line.iter().take(8).take_while(|b| b.is_ascii_digit()).count();
        let line = match line.get(digits..digits + 2) {
            Some(b" <") if digits > 0 => &line[digits + 1..],
            _ => line,
        };
        if let Some(rest) = line.strip_prefix(b"<") {
            let digits = rest.iter().take(3).take_while(|b| b.is_ascii_digit()).count();
            let rest = rest.get(digits..)?.strip_prefix(b">")?;
            return match rest.strip_prefix(b"1 ") {
                Some(rest) => Self::rfc5424(rest),
                None => Self::plain(rest),
            };
        }
        Self::plain(line)
    }

    fn rfc5424(rest: &'a [u8]) -> Option<Self> {
        let (stamp, rest) = word(rest)?;
        let when = match clock::starts_with_rfc3339(stamp) {
            Some(stamp) if stamp.is_zoned => When::At(stamp.micros),
            Some(stamp) => When::Local(stamp.micros),
            None if stamp == b"-" => When::Unknown,
            None => return None,
        };
        let (host, rest) = word(rest)?;
        let (program, rest) = word(rest)?;
        let (process, rest) = word(rest)?;
        // logplex leaves out the message's id or the structured data
        let (rest, is_short) = match word(rest) {
            Some((b"-", rest)) if rest.starts_with(b"[") && !is_structured(rest) => (rest, true),
            Some((_, rest)) => (rest, false),
            None => (b"".as_slice(), true),
        };
        let text = if is_short { rest } else { structured(rest)? };
        Some(Self { when, host, program, process, text: text.strip_prefix(super::lines::BOM).unwrap_or(text) })
    }

    fn plain(line: &'a [u8]) -> Option<Self> {
        let (when, rest) = time(line)?;
        let (first, behind) = word(rest).unwrap_or((rest, b""));
        let (host, tag, text) = match first.strip_suffix(b":") {
            Some(tag) => (b"".as_slice(), tag, behind),
            None => {
                let (tag, text) = word(behind).unwrap_or((behind, b""));
                (first, tag.strip_suffix(b":")?, text)
            }
        };
        let (program, process) = match tag.iter().position(|b| *b == b'[') {
            Some(open) => (&tag[..open], tag[open + 1..].strip_suffix(b"]")?),
            None => (tag, b"".as_slice()),
        };
        // `LOG:` is a severity, and a bare time in front of PostgreSQL's own prefix is another carrier's
        let is_severity = process.is_empty() && program.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !is_name(program, b"/@()+") || is_severity || !(host.is_empty() || is_name(host, b":")) {
            return None;
        }
        Some(Self { when, host, program, process, text })
    }

    /// The process as a number: `4882`, `postgres.4882`.
    fn pid(&self) -> Option<u32> {
        let digits = self.process.rsplit(|b| *b == b'.').next()?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// Whether it is a line of a Heroku application.
    pub(super) fn is_heroku(&self) -> bool {
        let is_logplex = self.host.is_empty() || self.host == b"host";
        is_logplex && matches!(self.program, b"app" | b"heroku") && !self.process.is_empty()
    }
}

fn is_structured(rest: &[u8]) -> bool {
    rest.get(1).is_some_and(u8::is_ascii_alphabetic) && rest.iter().take(64).any(|b| *b == b'=')
}

/// What follows the structured data: `-`, or elements in brackets with quoted values.
fn structured(mut rest: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = rest.strip_prefix(b"-") {
        return if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b" ") };
    }
    while rest.first() == Some(&b'[') {
        let (mut quoted, mut escaped) = (false, false);
        let end = rest.iter().position(|byte| {
            let closes = *byte == b']' && !quoted;
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
            closes
        })?;
        rest = &rest[end + 1..];
    }
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b" ") }
}

/// `#011` and `#012`: what the daemon writes for a tab and a line feed.
fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    let mut found = memchr::memmem::find_iter(text, b"#01").peekable();
    if found.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let (mut out, mut from) = (Vec::with_capacity(text.len()), 0);
    for at in found {
        let byte = match text.get(at + 3) {
            Some(b'1') => b'\t',
            Some(b'2') => b'\n',
            Some(b'5') => b'\r',
            _ => continue,
        };
        out.extend_from_slice(&text[from..at]);
        out.push(byte);
        from = at + 4;
    }
    out.extend_from_slice(&text[from..]);
    Cow::Owned(out)
}

/// Whether the program of that name is a PostgreSQL server, by its name alone.
fn is_server(program: &[u8]) -> bool {
    let program = program.to_ascii_lowercase();
    program.starts_with(b"postgres") && !program.ends_with(b"exporter")
        || matches!(program.as_slice(), b"postmaster" | b"pg_ctl" | b"pg_ctlcluster")
}

/// How many programs that are not called like a server, and write like one, are remembered.
const PROGRAMS: usize = 64;

/// Which programs' texts are a server's, and putting the texts together.
#[derive(Debug)]
pub(super) struct Programs {
    holds: Holds,
    /// By what they wrote: `syslog_ident`, or a container whose driver is syslog or the journal.
    accepted: HashSet<u64>,
    foreign: u64,
}

impl Programs {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { holds: Holds::new(encoding), accepted: HashSet::new(), foreign: 0 }
    }

    /// A text of a process of a program.
    pub(super) fn text(&mut self, program: &[u8], key: u64, known: Envelope, text: &[u8], out: &mut Vec<u8>) {
        let (tag, text) = Tag::split(text);
        if !is_server(program) {
            let hash = stream(&[program]);
            if !self.accepted.contains(&hash) {
                if !has_marker(text) {
                    self.foreign += 1;
                    return;
                }
                if self.accepted.len() < PROGRAMS {
                    self.accepted.insert(hash);
                }
            }
        }
        self.holds.text(key, known, tag, &unescape(text), out);
    }

    /// A text of another program.
    pub(super) fn foreign(&mut self) {
        self.foreign += 1;
    }

    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        self.holds.finish(out);
    }

    pub(super) fn notes(&self) -> Notes {
        Notes { foreign: self.foreign, joined: self.holds.joined, lost: self.holds.lost, ..Notes::default() }
    }
}

/// The carrier of all forms.
#[derive(Debug)]
pub(super) struct Syslog {
    options: Options,
    programs: Programs,
    /// Whose text was last: journalctl indents the further lines of one message.
    last: Option<(Vec<u8>, u64, Envelope)>,
}

impl Syslog {
    pub(super) fn new(options: Options, encoding: Encoding) -> Self {
        Self { options, programs: Programs::new(encoding), last: None }
    }
}

impl LineCarrier for Syslog {
    fn line(&mut self, outer: Envelope, line: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(header) = Header::parse(line) else {
            if line.starts_with(b"-- ") {
                // journalctl on boots and rotations
                self.programs.foreign();
                return true;
            }
            return match &self.last {
                Some((program, key, known)) if line.first().is_some_and(|b| matches!(b, b' ' | b'\t')) => {
                    let text = [b"\t", line.trim_ascii_start()].concat();
                    self.programs.text(program, *key, *known, &text, out);
                    true
                }
                _ => false,
            };
        };
        let time = header.when.resolve(self.options);
        let (program, name, text) = if header.is_heroku() {
            let Some(colour) = header.process.starts_with(b"postgres").then(|| heroku_colour(header.text)).flatten()
            else {
                self.programs.foreign();
                return true;
            };
            (b"postgres".as_slice(), stream(&[colour.0]), colour.1)
        } else {
            (header.program, stream(&[header.host, header.program]), header.text)
        };
        let known = Envelope { time, pid: header.pid(), stream: name }.within(outer);
        let key = stream(&[&known.stream.to_le_bytes(), header.process]);
        self.programs.text(program, key, known, text, out);
        match &mut self.last {
            Some((last, last_key, last_known)) if last == program => (*last_key, *last_known) = (key, known),
            last => *last = Some((program.to_vec(), key, known)),
        }
        true
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.programs.end(out);
    }

    fn notes(&self) -> Notes {
        self.programs.notes()
    }
}

/// The database's colour and the text of `[GREEN] [15-1]  sql_error_code = …`.
fn heroku_colour(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = text.strip_prefix(b"[")?;
    let end = inside.iter().take(128).position(|b| *b == b']')?;
    let colour = &inside[..end];
    if colour.iter().all(|b| b.is_ascii_digit() || *b == b'-') {
        return Some((b"", text));
    }
    Some((colour, inside[end + 1..].strip_prefix(b" ")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_in_all_forms() {
        for (line, host, program, process, text) in [
            ("Nov 22 02:00:16 db1 postgres[4882]: [5-1] LOG:  x", "db1", "postgres", "4882", "[5-1] LOG:  x"),
            ("<134>Nov 22 02:00:16 db1 postgres[4882]: x", "db1", "postgres", "4882", "x"),
            ("2026-11-22T02:00:16.670123+00:00 db1 postgres[4882]: x", "db1", "postgres", "4882", "x"),
            ("2026-11-22T02:00:16+0000 db1 postgres[4882]: \tx", "db1", "postgres", "4882", "\tx"),
            ("<134>1 2026-11-22T02:00:16Z db1 postgres 4882 - - [5-1] x", "db1", "postgres", "4882", "[5-1] x"),
            (
                "<134>1 2026-11-22T02:00:16Z db1 postgres 4882 id [a b=\"]\\\"\"][c] \u{feff}x",
                "db1",
                "postgres",
                "4882",
                "x",
            ),
            (
                "83 <134>1 2026-11-22T02:00:16Z host app postgres.48 - [GREEN] [1-1] x",
                "host",
                "app",
                "postgres.48",
                "[GREEN] [1-1] x",
            ),
            ("2026-11-22T02:00:16+00:00 app[postgres.4882]: [GREEN] x", "", "app", "postgres.4882", "[GREEN] x"),
            ("Sun 2026-11-22 02:00:16 UTC db1 postgres[4882]: x", "db1", "postgres", "4882", "x"),
            ("Sun 2026-11-22 02:00:16 CEST db1 postgres[4882]: x", "db1", "postgres", "4882", "x"),
            ("1795312816.670123 db1 postgres[4882]: x", "db1", "postgres", "4882", "x"),
            ("Nov 22 02:00:16 db1 kernel: x: y", "db1", "kernel", "", "x: y"),
            ("Nov 22 02:00:16 db1 postgres[4882]:", "db1", "postgres", "4882", ""),
        ] {
            let header = Header::parse(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            let shown = [header.host, header.program, header.process, header.text].map(String::from_utf8_lossy);
            assert_eq!(shown, [host, program, process, text], "{line}");
        }
        for line in [
            "",
            "2026-11-22 02:00:16.670 UTC [1] LOG:  x",
            "2026-11-22T02:00:16Z 2026-11-22 02:00:16.670 UTC [1] LOG:  x",
            "2026-11-22T02:00:16Z app LOG:  x",
            "2026-11-22T02:00:16Z stderr F x",
            "<1>",
            "<134>1 x - - - -",
        ] {
            assert_eq!(Header::parse(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn escapes_of_the_daemon() {
        assert_eq!(unescape(b"#011a#012#011b#01#013#"), b"\ta\n\tb#01#013#".as_slice());
    }
}
