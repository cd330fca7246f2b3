//! The log as the server writes it to standard error: lines with `log_line_prefix`, and what carries them.
//!
//! An entry is a line with a severity, the lines that continue it after a tab, and lines with the same prefix for its
//! parts. Where several processes write without the collector, or several servers share a stream, the parts of one may
//! stand behind the entry of another: a few entries are held open, and a part joins the last one of its own session.

use crate::logs::prefix::{Clock, Envelope, Field, Head, Prefix, opened};
use crate::logs::record::{Reading, Record};
use crate::logs::words::{self, Part, Word};
use std::ops::Range;

/// How many entries are held open for parts that come late.
const OPEN: usize = 8;

/// How many parts of an entry have text: the message and five of the seven parts.
const TEXTS: usize = 6;

/// Reads stderr logs of one prefix.
#[derive(Debug, Clone)]
pub struct Stderr {
    prefix: Prefix,
    /// Whether lines that continue an entry begin with a tab, where the first lines show it.
    has_tabs: Option<bool>,
}

impl Stderr {
    /// With the first bytes of the log, which show whether the carrier left the tabs in front of continued lines. Where it
    /// did, a line without tab and prefix is somebody else's.
    pub fn new(prefix: Prefix, sample: &[u8]) -> Self {
        let (mut tabs, mut bare, mut is_inside) = (0u32, 0u32, false);
        for line in sample.split(|byte| *byte == b'\n') {
            let (_, _, line) = opened(line);
            if line.first() == Some(&b'\t') {
                tabs += u32::from(is_inside);
            } else if prefix.head(line).is_some() {
                is_inside = true;
            } else {
                bare += u32::from(is_inside && !line.is_empty() && !is_entry_of_another_prefix(line));
            }
        }
        // statements may be indented with tabs, and other programs write to the same stream
        let has_tabs = if tabs + bare == 0 { None } else { Some(tabs / 4 >= bare) };
        Self { prefix, has_tabs }
    }

    /// The prefix it reads by.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// How many bytes from the start of a buffer make whole entries: up to the last line that begins one. `None` if there
    /// is none behind the first byte; then more is to be read, or at the end everything.
    pub fn cut(&self, buffer: &[u8]) -> Option<usize> {
        let mut end = buffer.len();
        while let Some(feed) = memchr::memrchr(b'\n', buffer.get(..end)?) {
            let line = buffer.get(feed + 1..end)?;
            if line.first() != Some(&b'\t') {
                let (_, _, line) = opened(line);
                // the last line may be cut in the middle of its word
                if let Some(head) = self.prefix.head(line)
                    && head.is_main()
                    && (head.text < line.len() || end < buffer.len())
                {
                    return Some(feed + 1);
                }
            }
            end = feed;
        }
        None
    }

    /// Reads whole entries, in order of their first lines.
    pub fn read(&self, chunk: &[u8], clock: &mut Clock, each: &mut impl FnMut(&Record<'_>)) -> Reading {
        let mut open = Entries::default();
        let mut reading = Reading { bytes: chunk.len() as u64, ..Reading::default() };
        let mut has_tabs = self.has_tabs;
        let mut at = if chunk.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        let mut feeds = memchr::memchr_iter(b'\n', chunk);
        while at < chunk.len() {
            let (end, next) = feeds.next().map_or((chunk.len(), chunk.len()), |feed| (feed, feed + 1));
            let start = std::mem::replace(&mut at, next);
            reading.lines += 1;
            let Some(mut line) = chunk.get(start..end) else { continue };
            if let [rest @ .., b'\r'] = line {
                line = rest;
            }
            if line.first() == Some(&b'\t') {
                has_tabs = has_tabs.or(Some(true));
                if !open.go_on(chunk, start, line, next) {
                    reading.unread(start, line);
                }
                continue;
            }
            let (envelope, skipped, line) = match line.first() {
                Some(0 | 1) => opened(line),
                _ => (None, 0, line),
            };
            let offset = start + skipped;
            let tabbed = line.first() == Some(&b'\t');
            let head = if tabbed { None } else { self.prefix.head(line) };
            let Some(head) = head else {
                let is_foreign =
                    !tabbed && !line.is_empty() && (*has_tabs.get_or_insert(false) || is_entry_of_another_prefix(line));
                let joined = match &envelope {
                    _ if is_foreign => false,
                    Some(envelope) => open.go_on_in(envelope, line, tabbed),
                    None => open.go_on(chunk, start, line, next) && open.without_tab(line),
                };
                if !joined {
                    open.last = None;
                    if !line.is_empty() {
                        reading.unread(start, line);
                    }
                }
                continue;
            };
            let envelope = envelope.unwrap_or_default();
            let key = self.key(&head, line);
            match head.word {
                Word::Level(_) => {
                    let entry = open.begin(&mut reading, each);
                    entry.key = key;
                    let record = &mut entry.record;
                    record.offset = start;
                    record.is_tabbed = true;
                    record.stream = envelope.stream;
                    self.prefix.fill(&head, line, clock, record);
                    record.time = record.time.or(envelope.time);
                    record.pid = record.pid.or(envelope.pid);
                    let mut text = head.text;
                    if let Some(code) = line.get(text..).and_then(verbose) {
                        record.sqlstate = code;
                        text += code.len() + 2;
                    }
                    record.message = line.get(text..).unwrap_or_default();
                    open.last = Some(Last { entry: open.newest, text: Some(0), from: offset + text, next });
                }
                Word::Part(part) => {
                    if !open.join(part, key, &envelope, line.get(head.text..).unwrap_or_default()) {
                        reading.unread(start, line);
                    } else if let Some(last) = &mut open.last {
                        last.from = offset + head.text;
                        last.next = next;
                    }
                }
            }
        }
        open.finish(&mut reading, each);
        reading
    }

    /// What tells the sessions of the log apart.
    #[inline]
    fn key<'a>(&self, head: &Head, line: &'a [u8]) -> &'a [u8] {
        match head.get(Field::Pid, line) {
            [] => head.get(Field::SessionId, line),
            pid => pid,
        }
    }
}

/// Whether a line without the prefix has one of its own: it begins with a date or a bracket, and a severity comes soon.
/// Carriers that strip white space strip the tabs too, so not every line without prefix and tab is somebody else's.
fn is_entry_of_another_prefix(line: &[u8]) -> bool {
    let starts = match line {
        [b'[', ..] => true,
        [a, b, c, d, b'-', ..] => [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    let window = line.get(..300).unwrap_or(line);
    let severity = |colon: usize| {
        let start =
            window.get(..colon).unwrap_or_default().iter().rposition(|byte| *byte == b' ').map_or(0, |at| at + 1);
        window.get(start..).is_some_and(|word| words::word(word).is_some())
    };
    starts && memchr::memchr_iter(b':', window).any(severity)
}

/// The SQLSTATE in front of a message under `log_error_verbosity = verbose`. One of letters alone could be a word.
#[inline]
fn verbose(message: &[u8]) -> Option<&[u8]> {
    let code = message.get(..5)?;
    let is_code = message.get(5..7) == Some(b": ")
        && code.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        && code.iter().any(u8::is_ascii_digit);
    is_code.then_some(code)
}

/// An entry whose parts may still come.
#[derive(Default)]
struct Entry<'a> {
    record: Record<'a>,
    /// What its lines are told by: the pid or the session, as written.
    key: &'a [u8],
    /// Texts that do not stand in one piece in the chunk.
    copies: Vec<u8>,
    copied: [Option<Range<usize>>; TEXTS],
    is_copied: bool,
}

/// The text that the last line belongs to.
#[derive(Clone, Copy)]
struct Last {
    entry: usize,
    /// Which text; `None` for a part that is not kept.
    text: Option<usize>,
    /// Where the text begins in the chunk, and where the line after it does.
    from: usize,
    next: usize,
}

/// The open entries: a ring, the newest last.
#[derive(Default)]
struct Entries<'a> {
    ring: [Entry<'a>; OPEN],
    newest: usize,
    count: usize,
    last: Option<Last>,
}

impl<'a> Entries<'a> {
    /// A place for a new entry; the oldest is handed on when there is none.
    #[inline]
    fn begin(&mut self, reading: &mut Reading, each: &mut impl FnMut(&Record<'_>)) -> &mut Entry<'a> {
        self.newest = (self.newest + 1) % OPEN;
        let place = self.newest % OPEN;
        let entry = &mut self.ring[place];
        if self.count == OPEN {
            reading.records += 1;
            entry.hand_on(each);
        } else {
            self.count += 1;
        }
        entry.record = Record::default();
        if entry.is_copied {
            entry.copies.clear();
            entry.copied = Default::default();
            entry.is_copied = false;
        }
        entry
    }

    fn finish(&mut self, reading: &mut Reading, each: &mut impl FnMut(&Record<'_>)) {
        for age in (0..self.count).rev() {
            reading.records += 1;
            let place = (self.newest + OPEN - age) % OPEN;
            self.ring[place].hand_on(each);
        }
        self.count = 0;
    }

    /// The newest open entry of a session.
    #[inline]
    fn find(&self, wanted: impl Fn(&Entry<'_>) -> bool) -> Option<usize> {
        let places = (0..self.count).map(|age| (self.newest + OPEN - age) % OPEN);
        places.into_iter().find(|place| self.ring.get(*place).is_some_and(&wanted))
    }

    /// Gives a part to the entry it belongs to, if that is still open and has none of its kind.
    #[inline]
    fn join(&mut self, part: Part, key: &[u8], envelope: &Envelope, text: &'a [u8]) -> bool {
        let found = self.find(|entry| {
            let same = match key {
                [] => envelope.pid.is_none() || envelope.pid == entry.record.pid,
                key => entry.key == key,
            };
            same && entry.record.stream == envelope.stream
        });
        self.last = None;
        let Some(place) = found else { return false };
        let entry = &mut self.ring[place % OPEN];
        let index = index(part);
        if let Some(index) = index {
            if !entry.text(index).is_empty() || entry.copied.get(index).is_some_and(Option::is_some) {
                return false;
            }
            *entry.text(index) = text;
        }
        self.last = Some(Last { entry: place, text: index, from: 0, next: 0 });
        true
    }

    /// Continues the text of the line before, in the chunk.
    #[inline]
    fn go_on(&mut self, chunk: &'a [u8], start: usize, line: &'a [u8], next: usize) -> bool {
        let Some(last) = &mut self.last else { return false };
        let Some(text) = last.text else { return true };
        let entry = &mut self.ring[last.entry % OPEN];
        if last.next == start && !entry.is_copied {
            last.next = next;
            let end = start + line.len();
            *entry.text(text) = chunk.get(last.from..end).unwrap_or_default();
        } else {
            entry.append(text, line);
        }
        true
    }

    /// Notes that a line had no tab; an empty one may have lost it with the rest of its white space.
    fn without_tab(&mut self, line: &[u8]) -> bool {
        if let Some(last) = self.last.filter(|_| !line.is_empty()) {
            self.ring[last.entry % OPEN].record.is_tabbed = false;
        }
        true
    }

    /// Continues the text that the envelope's process wrote last.
    fn go_on_in(&mut self, envelope: &Envelope, line: &'a [u8], tabbed: bool) -> bool {
        let is_its = |entry: &Entry<'_>| {
            entry.record.stream == envelope.stream && (envelope.pid.is_none() || envelope.pid == entry.record.pid)
        };
        let last = self.last.filter(|last| self.ring.get(last.entry).is_some_and(is_its));
        let (place, text) = match last {
            Some(last) => (last.entry, last.text),
            // another process wrote in between: the text goes on where its entry ended
            None => match self.find(is_its) {
                Some(place) => (place, self.ring.get_mut(place).and_then(Entry::last_text)),
                None => return false,
            },
        };
        let entry = &mut self.ring[place % OPEN];
        if let Some(text) = text {
            entry.append(text, line);
            entry.record.is_tabbed &= tabbed || line.is_empty();
        }
        self.last = Some(Last { entry: place, text, from: 0, next: usize::MAX });
        true
    }
}

impl<'a> Entry<'a> {
    #[inline]
    fn text(&mut self, index: usize) -> &mut &'a [u8] {
        text_of(&mut self.record, index)
    }

    /// The last of its texts that has anything, in the order the server writes them.
    fn last_text(&mut self) -> Option<usize> {
        let filled = |index: &usize| *index == 0 || !text_of(&mut self.record, *index).is_empty();
        (0..TEXTS).rev().find(filled)
    }

    /// Adds a line to a text that does not stand in one piece.
    fn append(&mut self, index: usize, line: &[u8]) {
        let text: &'a [u8] = self.text(index);
        let Some(copied) = self.copied.get_mut(index) else { return };
        self.is_copied = true;
        let range = match copied.take() {
            Some(range) if range.end == self.copies.len() => range.start..range.end,
            // something else was copied since: once more, behind it
            Some(range) => {
                let start = self.copies.len();
                self.copies.extend_from_within(range);
                start..self.copies.len()
            }
            None => {
                let start = self.copies.len();
                self.copies.extend_from_slice(text);
                start..self.copies.len()
            }
        };
        self.copies.push(b'\n');
        self.copies.extend_from_slice(line);
        *copied = Some(range.start..self.copies.len());
    }

    #[inline]
    fn hand_on(&self, each: &mut impl FnMut(&Record<'_>)) {
        if !self.is_copied {
            return each(&self.record);
        }
        let mut record = self.record;
        for (index, range) in self.copied.iter().enumerate() {
            if let Some(text) = range.clone().and_then(|range| self.copies.get(range)) {
                *text_of(&mut record, index) = text;
            }
        }
        each(&record);
    }
}

/// A text by its place: the message, then the parts in the order the server writes them.
fn text_of<'r, 'a>(record: &'r mut Record<'a>, index: usize) -> &'r mut &'a [u8] {
    match index {
        0 => &mut record.message,
        1 => &mut record.detail,
        2 => &mut record.hint,
        3 => &mut record.internal_query,
        4 => &mut record.context,
        _ => &mut record.statement,
    }
}

/// The place of a part's text; none for those that are not kept.
fn index(part: Part) -> Option<usize> {
    match part {
        Part::Detail => Some(1),
        Part::Hint => Some(2),
        Part::Query => Some(3),
        Part::Context => Some(4),
        Part::Statement => Some(5),
        Part::Location | Part::Backtrace => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::record::Severity;
    use proptest::prelude::*;

    #[derive(Debug, Clone, Default, PartialEq)]
    struct Owned {
        time: Option<i64>,
        pid: Option<u32>,
        stream: u64,
        severity: Severity,
        is_tabbed: bool,
        sqlstate: String,
        user: String,
        message: String,
        detail: String,
        hint: String,
        context: String,
        statement: String,
        query: String,
    }

    fn read_with(reader: &Stderr, log: &[u8]) -> (Vec<Owned>, Reading) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut records = Vec::new();
        let reading = reader.read(log, &mut Clock::default(), &mut |record| {
            records.push(Owned {
                time: record.time,
                pid: record.pid,
                stream: record.stream,
                severity: record.severity,
                is_tabbed: record.is_tabbed,
                sqlstate: text(record.sqlstate),
                user: text(record.user),
                message: text(record.message),
                detail: text(record.detail),
                hint: text(record.hint),
                context: text(record.context),
                statement: text(record.statement),
                query: text(record.internal_query),
            });
        });
        (records, reading)
    }

    fn reader(prefix: &str, sample: &[u8]) -> Stderr {
        Stderr::new(Prefix::compile(prefix).unwrap(), sample)
    }

    fn read(prefix: &str, log: &str) -> (Vec<Owned>, Reading) {
        read_with(&reader(prefix, log.as_bytes()), log.as_bytes())
    }

    const TWO: &str = "2026-11-22 02:00:16.670 UTC [12] bob@shop ERROR:  division by zero\n\
        2026-11-22 02:00:16.670 UTC [12] bob@shop DETAIL:  a\n\tb\n\
        2026-11-22 02:00:16.670 UTC [12] bob@shop HINT:  think\n\
        2026-11-22 02:00:16.670 UTC [12] bob@shop QUERY:  select 1/0\n\
        2026-11-22 02:00:16.670 UTC [12] bob@shop CONTEXT:  PL/pgSQL function f() line 1 at RETURN\n\
        2026-11-22 02:00:16.670 UTC [12] bob@shop LOCATION:  int4div, int.c:824\n\
        2026-11-22 02:00:16.670 UTC [12] bob@shop STATEMENT:  select\n\t\n\tf()\n\
        2026-11-22 02:00:17.000 UTC [13] LOG:  checkpoint starting: time\n";
    const PREFIX: &str = "%m [%p] %q%u@%d ";

    #[test]
    fn an_entry_has_its_parts() {
        let (records, reading) = read(PREFIX, TWO);
        assert_eq!((reading.records, reading.lines, reading.unread_lines), (2, 11, 0));
        let first = &records[0];
        assert_eq!((first.pid, first.severity, first.user.as_str()), (Some(12), Severity::Error, "bob"));
        assert_eq!(first.time, Some(1_795_312_816_670_000));
        assert_eq!((first.message.as_str(), first.detail.as_str()), ("division by zero", "a\n\tb"));
        assert_eq!((first.hint.as_str(), first.query.as_str()), ("think", "select 1/0"));
        assert_eq!(first.statement, "select\n\t\n\tf()");
        assert!(first.context.starts_with("PL/pgSQL") && first.is_tabbed);
        assert_eq!((records[1].pid, records[1].user.as_str()), (Some(13), ""));
    }

    #[test]
    fn line_ends_and_marks_of_windows() {
        let log = format!("\u{feff}{}", TWO.replace('\n', "\r\n"));
        let (records, reading) = read(PREFIX, &log);
        assert_eq!((reading.records, reading.unread_lines), (2, 0));
        assert_eq!(records[0].message, "division by zero");
        assert_eq!(records[0].detail, "a\r\n\tb");
    }

    #[test]
    fn a_forged_line_is_a_value() {
        let log = "2026-11-22 02:00:16.670 UTC [12] b@s LOG:  duration: 1.0 ms  statement: select '\n\
            \t2026-11-22 02:00:16.670 UTC [12] b@s LOG:  duration: 9.0 ms  statement: drop'\n\
            2026-11-22 02:00:16.671 UTC [12] b@s LOG:  x\n";
        let (records, _) = read(PREFIX, log);
        assert_eq!(records.len(), 2);
        assert!(records[0].message.ends_with("drop'"));
    }

    #[test]
    fn foreign_lines_do_not_join_where_tabs_are_kept() {
        let log = format!("{TWO}rsync: no such file\n\tat all\n{TWO}\n");
        let (records, reading) = read(PREFIX, &log);
        assert_eq!((records.len(), reading.unread_lines), (4, 2));
        assert_eq!(reading.unread[0].1, b"rsync: no such file");
        assert_eq!(records[1].message, "checkpoint starting: time");
    }

    #[test]
    fn lines_without_tabs_join_where_none_are_kept() {
        let log = "2026-11-22 02:00:16 UTC [1] LOG:  statement: select a,\n\
            -- ERROR:  none\n\
            b\n\
            2026-11-22 02:00:17 [1] b@s LOG:  of another prefix\n\
            its second line\n\
            2026-11-22 02:00:18 UTC [1] LOG:  y\n";
        let (records, reading) = read("%t [%p] ", log);
        assert_eq!(records[0].message, "statement: select a,\n-- ERROR:  none\nb");
        assert!(!records[0].is_tabbed && records[1].is_tabbed);
        assert_eq!((records.len(), reading.unread_lines), (2, 2));
    }

    #[test]
    fn an_empty_prefix() {
        let (records, reading) = read("", "LOG:  statement: select\n\t1\nDETAIL:  d\nERROR:  e\nSTATEMENT:  s\n");
        assert_eq!((records.len(), reading.unread_lines), (2, 0));
        assert_eq!((records[0].message.as_str(), records[0].detail.as_str()), ("statement: select\n\t1", "d"));
        assert_eq!(records[1].statement, "s");
    }

    #[test]
    fn parts_join_the_entry_of_their_own_process() {
        let log = "[1] LOG:  one\n[2] LOG:  two\n[1] DETAIL:  of one\n[3] DETAIL:  of nobody\n\tstill\n\
            [2] STATEMENT:  of two\n[1] DETAIL:  again\n";
        let (records, reading) = read("[%p] ", log);
        assert_eq!((records[0].detail.as_str(), records[1].statement.as_str()), ("of one", "of two"));
        assert_eq!((records.len(), reading.unread_lines), (2, 3));
    }

    #[test]
    fn more_entries_than_are_held_open() {
        let log: String = (0..100).map(|pid| format!("[{pid}] LOG:  {pid}\n[{pid}] DETAIL:  d{pid}\n")).collect();
        let (records, reading) = read("[%p] ", &log);
        assert_eq!((records.len(), reading.unread_lines), (100, 0));
        assert!(records.iter().enumerate().all(|(i, r)| r.message == i.to_string() && r.detail == format!("d{i}")));
    }

    #[test]
    fn verbose_messages_lose_their_sqlstate() {
        let log = "[1] LOG:  00000: duration: 1.0 ms\n[1] LOCATION:  f, a.c:1\n[1] ERROR:  22012: no\n[1] ERROR:  HELLO: no\n";
        let (records, reading) = read("[%p] ", log);
        assert_eq!((records[0].message.as_str(), records[0].sqlstate.as_str()), ("duration: 1.0 ms", "00000"));
        assert_eq!((records[1].message.as_str(), records[1].sqlstate.as_str()), ("no", "22012"));
        assert_eq!((records[2].message.as_str(), reading.unread_lines), ("HELLO: no", 0));
    }

    #[test]
    fn an_envelope_fills_what_the_prefix_lacks() {
        let log = "\x011795312816670000\x1f7\x1fff\x02LOG:  statement: select\n\
            \x011\x1f8\x1fff\x02LOG:  other\n\
            \x012\x1f7\x1fff\x02\t1,\n\
            \x012\x1f7\x1fff\x02\t2\n\
            \x012\x1f7\x1fff\x02DETAIL:  d\n\
            \te\n\
            \x012\x1f9\x1fff\x02\tof nobody\n\
            \x01\x1f\x1f\x02LOG:  bare\n";
        let (records, reading) = read("", log);
        assert_eq!((records.len(), reading.unread_lines), (3, 1));
        let first = &records[0];
        assert_eq!((first.time, first.pid, first.stream), (Some(1_795_312_816_670_000), Some(7), 0xff));
        assert_eq!((first.message.as_str(), first.detail.as_str()), ("statement: select\n\t1,\n\t2", "d\n\te"));
        assert_eq!((records[1].message.as_str(), records[1].pid), ("other", Some(8)));
        assert_eq!((records[2].time, records[2].pid, records[2].stream), (None, None, 0));
    }

    #[test]
    fn the_prefix_goes_before_the_envelope() {
        let log = "\x015\x1f7\x1f1\x022026-11-22 02:00:16 UTC [12] LOG:  x\n\x015\x1f7\x1f2\x022026-11-22 02:00:16 UTC [12] DETAIL:  y\n";
        let (records, reading) = read("%t [%p] ", log);
        assert_eq!((records[0].time, records[0].pid), (Some(1_795_312_816_000_000), Some(12)));
        // the same pid in another stream is another process
        assert_eq!((records[0].detail.as_str(), reading.unread_lines), ("", 1));
    }

    #[test]
    fn nuls_and_long_lines() {
        let long = "x".repeat(300_000);
        let log = format!("\0\0\0[1] LOG:  statement: {long}\n[1] DETAIL:  {long}\n");
        let (records, reading) = read("[%p] ", &log);
        assert_eq!((records[0].message.len(), records[0].detail.len(), reading.unread_lines), (300_011, 300_000, 0));
    }

    #[test]
    fn a_cut_is_before_an_entry() {
        let reader = reader(PREFIX, TWO.as_bytes());
        let last = TWO.rfind("2026").unwrap();
        assert_eq!(reader.cut(TWO.as_bytes()), Some(last));
        // before anything that may be the last entry's own
        assert_eq!(reader.cut(&TWO.as_bytes()[..last]), None);
        assert_eq!(reader.cut(&TWO.as_bytes()[..last + 30]), None);
        let word = TWO.rfind("LOG:  ").unwrap();
        assert_eq!(reader.cut(&TWO.as_bytes()[..word + 4]), None);
        assert_eq!(reader.cut(&TWO.as_bytes()[..word + 7]), Some(last));
        assert_eq!((reader.cut(b""), reader.cut(b"\n\n")), (None, None));
    }

    #[test]
    fn chunks_give_what_the_whole_gives() {
        let log: String = (0..200).map(|_| TWO).collect();
        let reader = reader(PREFIX, log.as_bytes());
        let whole = read_with(&reader, log.as_bytes()).0;
        for size in [700, 1000, 4096] {
            let (mut at, mut records) = (0, Vec::new());
            while at < log.len() {
                let end = log.len().min(at + size);
                let chunk = &log.as_bytes()[at..end];
                let cut = if end == log.len() { chunk.len() } else { reader.cut(chunk).unwrap_or(chunk.len()) };
                let (more, reading) = read_with(&reader, &chunk[..cut]);
                assert_eq!(reading.unread_lines, 0, "{size}");
                records.extend(more);
                at += cut;
            }
            assert_eq!(records, whole);
        }
    }

    /// Work per byte on input made to be slow: steps are counted by size, not by a clock.
    #[test]
    fn hostile_lines_are_bounded() {
        let reader = reader("%a %u %d %h %i %b [%p] ", b"");
        let line = format!("{}\n", "a ".repeat(300));
        let log = line.repeat(500);
        let (_, reading) = read_with(&reader, log.as_bytes());
        assert_eq!(reading.lines, 500);
        assert_eq!(reader.cut(log.as_bytes()), None);
    }

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            Just(b"2026-11-22 02:00:16.670 UTC [12] bob@shop LOG:  ".to_vec()),
            Just(b"2026-11-22 02:00:16.670 UTC [12] DETAIL:  ".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\n\t".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"\x011\x1f12\x1fa\x02".to_vec()),
            Just(b"\x01\x1f\x1f\x02\t".to_vec()),
            Just("ОШИБКА:  ".into()),
            proptest::collection::vec(any::<u8>(), 0..20),
        ]
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(pieces in proptest::collection::vec(piece(), 0..60)) {
            let log = pieces.concat();
            for prefix in [PREFIX, "", "%a %u %d %h ", "%q[%r] %5p %-9c"] {
                let reader = reader(prefix, &log);
                let (records, reading) = read_with(&reader, &log);
                prop_assert_eq!(reading.records as usize, records.len());
                let lines = log.split(|byte| *byte == b'\n').count() as u64;
                prop_assert!(reading.lines == lines || reading.lines + 1 == lines);
                if let Some(cut) = reader.cut(&log) {
                    let mut parts = read_with(&reader, &log[..cut]).1.records;
                    parts += read_with(&reader, &log[cut..]).1.records;
                    prop_assert_eq!(parts, reading.records);
                }
            }
            let _ = crate::logs::prefix::detect(&log);
        }
    }
}
