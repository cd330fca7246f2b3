//! jsonlog (PostgreSQL 15 on): one object a line; and the objects that others make of csvlog (CloudNativePG, Supabase): the same
//! members under the names of its columns, every value a string.
//!
//! A value holds no raw line feed, so a line is the unit: it is scanned once, and only what has a backslash is copied.

use crate::logs::prefix::Clock;
use crate::logs::reader::csvlog::{severity, signed, unsigned};
use crate::logs::record::{Reading, Record};
use memchr::{memchr, memchr2, memmem, memrchr};

/// A member whose value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    LogTime,
    Timestamp,
    User,
    Database,
    Pid,
    Client,
    SessionId,
    SessionLine,
    CommandTag,
    SessionStart,
    Vxid,
    Severity,
    Sqlstate,
    Message,
    Detail,
    Hint,
    InternalQuery,
    Context,
    Statement,
    Application,
    BackendType,
    QueryId,
    /// Which of several servers, as a carrier found it: hexadecimal digits.
    Stream,
}

/// How many of them there are.
const MEMBERS: usize = Member::Stream as usize + 1;

impl Member {
    /// By its name in jsonlog or in csvlog.
    fn of(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"timestamp" => Self::Timestamp,
            b"log_time" => Self::LogTime,
            b"user" | b"user_name" => Self::User,
            b"dbname" | b"database_name" => Self::Database,
            b"pid" | b"process_id" => Self::Pid,
            b"remote_host" | b"connection_from" => Self::Client,
            b"session_id" => Self::SessionId,
            b"line_num" | b"session_line_num" => Self::SessionLine,
            b"ps" | b"command_tag" => Self::CommandTag,
            b"session_start" | b"session_start_time" => Self::SessionStart,
            b"vxid" | b"virtual_transaction_id" => Self::Vxid,
            b"error_severity" => Self::Severity,
            b"state_code" | b"sql_state_code" => Self::Sqlstate,
            b"message" => Self::Message,
            b"detail" => Self::Detail,
            b"hint" => Self::Hint,
            b"internal_query" => Self::InternalQuery,
            b"context" => Self::Context,
            b"statement" | b"query" => Self::Statement,
            b"application_name" => Self::Application,
            b"backend_type" => Self::BackendType,
            b"query_id" => Self::QueryId,
            b"pgassay_stream" => Self::Stream,
            _ => return None,
        })
    }
}

/// A value: where it is, without its quotes, and whether it is escaped.
#[derive(Debug, Clone, Copy, Default)]
struct Value {
    start: usize,
    end: usize,
    is_escaped: bool,
}

/// The values of one object, by [`Member`].
#[derive(Debug, Default)]
struct Values {
    of: [Value; MEMBERS],
    /// A member of the server's was among them.
    is_entry: bool,
}

/// Reads jsonlog.
#[derive(Debug, Default)]
pub struct Jsonlog {
    /// Values without their escapes, of one record.
    scratch: Vec<u8>,
}

/// How many bytes of a buffer make whole lines.
pub fn cut(buffer: &[u8]) -> Option<usize> {
    memrchr(b'\n', buffer).map(|feed| feed + 1)
}

impl Jsonlog {
    /// Reads a chunk that begins with a line and hands on what it finds. A line may hold several objects.
    pub fn read(&mut self, chunk: &[u8], clock: &mut Clock, each: &mut impl FnMut(&Record<'_>)) -> Reading {
        let mut reading = Reading { bytes: chunk.len() as u64, ..Reading::default() };
        let mut values = Values::default();
        let mut at = if chunk.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        while at < chunk.len() {
            let end = chunk.get(at..).and_then(|rest| memchr(b'\n', rest)).map_or(chunk.len(), |length| at + length);
            let line = chunk.get(at..end).unwrap_or_default();
            reading.lines += 1;
            let mut scan = Scan { line, at: 0 };
            // a hole that a crash left in the file: the object after it is whole
            while scan.peek().is_some_and(|byte| byte == 0 || byte.is_ascii_whitespace()) {
                scan.at += 1;
            }
            let mut is_counted = line.get(..scan.at).is_some_and(|skipped| skipped.contains(&0));
            if is_counted {
                reading.unread(at, line.get(..scan.at).unwrap_or_default());
            }
            while scan.at < line.len() {
                let start = scan.at;
                values.of.fill(Value::default());
                values.is_entry = false;
                let is_whole = scan.object(&mut values).is_some();
                if is_whole && values.is_entry {
                    self.hand_on(line, at + start, &values, clock, each);
                    reading.records += 1;
                } else {
                    if !is_whole {
                        scan.at = next_object(line, start, scan.at);
                    }
                    if !is_counted {
                        reading.unread(at + start, line.get(start..scan.at).unwrap_or_default());
                        is_counted = true;
                    }
                }
                scan.space();
                // exports put commas between objects
                if scan.peek() == Some(b',') {
                    scan.at += 1;
                    scan.space();
                }
            }
            at = end + 1;
        }
        reading
    }

    fn hand_on(
        &mut self,
        line: &[u8],
        offset: usize,
        values: &Values,
        clock: &mut Clock,
        each: &mut impl FnMut(&Record<'_>),
    ) {
        // the scratch must be complete before anything borrows from it; what is in it is still marked as escaped
        self.scratch.clear();
        let mut places = values.of;
        for place in places.iter_mut().filter(|place| place.is_escaped) {
            let start = self.scratch.len();
            unescape(line.get(place.start..place.end).unwrap_or_default(), &mut self.scratch);
            (place.start, place.end) = (start, self.scratch.len());
        }
        let scratch = self.scratch.as_slice();
        let of = |member: Member| {
            let place = places[member as usize];
            let from = if place.is_escaped { scratch } else { line };
            from.get(place.start..place.end).unwrap_or_default()
        };
        let time = match of(Member::LogTime) {
            [] => of(Member::Timestamp),
            time => time,
        };
        let sqlstate = match of(Member::Sqlstate) {
            // jsonlog leaves it out
            [] => b"00000",
            sqlstate => sqlstate,
        };
        each(&Record {
            time: clock.read(time),
            pid: unsigned(of(Member::Pid)).and_then(|pid| u32::try_from(pid).ok()),
            session_id: of(Member::SessionId),
            session_line: unsigned(of(Member::SessionLine)),
            session_start: of(Member::SessionStart),
            user: of(Member::User),
            database: of(Member::Database),
            application: of(Member::Application),
            client: of(Member::Client),
            vxid: of(Member::Vxid),
            query_id: signed(of(Member::QueryId)),
            backend_type: of(Member::BackendType),
            command_tag: of(Member::CommandTag),
            sqlstate,
            stream: std::str::from_utf8(of(Member::Stream)).map_or(0, |hex| u64::from_str_radix(hex, 16).unwrap_or(0)),
            severity: severity(of(Member::Severity), sqlstate),
            message: of(Member::Message),
            detail: of(Member::Detail),
            hint: of(Member::Hint),
            context: of(Member::Context),
            statement: of(Member::Statement),
            internal_query: of(Member::InternalQuery),
            is_tabbed: false,
            offset,
        });
    }
}

/// A place in a line.
struct Scan<'a> {
    line: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    #[inline]
    fn take(&mut self, wanted: u8) -> Option<()> {
        self.space();
        (self.peek() == Some(wanted)).then(|| self.at += 1)
    }

    fn object(&mut self, values: &mut Values) -> Option<()> {
        self.take(b'{')?;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Some(());
        }
        loop {
            self.take(b'"')?;
            let key = self.string()?;
            let key = self.line.get(key.start..key.end)?;
            self.take(b':')?;
            self.space();
            let value = match self.peek()? {
                b'"' => {
                    self.at += 1;
                    self.string()?
                }
                b'{' | b'[' => {
                    self.nested()?;
                    Value::default()
                }
                _ => self.bare()?,
            };
            if let Some(member) = Member::of(key) {
                values.of[member as usize] = value;
                values.is_entry |= matches!(member, Member::Message | Member::Severity | Member::SessionId);
            }
            self.space();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// The rest of a string whose quote has been taken, and its closing quote.
    #[inline(always)]
    fn string(&mut self) -> Option<Value> {
        let start = self.at;
        let mut is_escaped = false;
        loop {
            let found = find_mark(self.line, self.at)?;
            if self.line.get(found) == Some(&b'"') {
                self.at = found + 1;
                return Some(Value { start, end: found, is_escaped });
            }
            is_escaped = true;
            self.at = found + 2;
        }
    }

    /// A number, `true`, `false`, or `null`, which is no value.
    #[inline]
    fn bare(&mut self) -> Option<Value> {
        let start = self.at;
        while let Some(byte) = self.peek()
            && !matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'"' | b'{' | b'[')
        {
            self.at += 1;
        }
        match self.line.get(start..self.at)? {
            [] => None,
            b"null" => Some(Value::default()),
            _ => Some(Value { start, end: self.at, is_escaped: false }),
        }
    }

    /// Passes over an object or an array, however deep.
    fn nested(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(());
                    }
                }
                _ => {}
            }
        }
    }
}

/// Where in a line an object begins after the one at `start`, which is none from `damage` on: the server's next entry follows
/// without a line feed where a crash tore one. Quotes in values are escaped, so that no value holds what is looked for.
fn next_object(line: &[u8], start: usize, damage: usize) -> usize {
    // a torn string ends at the first quote of the next object
    let from = damage.saturating_sub(2).max(start + 1);
    line.get(from..).and_then(|rest| memmem::find(rest, b"{\"timestamp\":")).map_or(line.len(), |length| from + length)
}

/// The next quote or backslash. Mostly it is near: keys and names are short, and text with many lines or quoted identifiers has
/// an escape every few bytes.
#[inline]
fn find_mark(line: &[u8], from: usize) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let has_zero = |eight: u64| eight.wrapping_sub(ONES) & !eight & (ONES << 7);
    let mut at = from;
    for _ in 0..2 {
        let Some(&eight) = line.get(at..).and_then(|rest| rest.first_chunk::<8>()) else { break };
        let eight = u64::from_le_bytes(eight);
        let found = has_zero(eight ^ (ONES * u64::from(b'"'))) | has_zero(eight ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    memchr2(b'"', b'\\', line.get(at..)?).map(|length| at + length)
}

/// Undoes the escapes of a JSON string. What is no escape stays as it is written; half of a surrogate pair becomes U+FFFD.
pub(crate) fn unescape(text: &[u8], into: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(backslash) = text.get(at..).and_then(|rest| memchr(b'\\', rest)).map(|length| at + length) {
        into.extend_from_slice(text.get(at..backslash).unwrap_or_default());
        let byte = match text.get(backslash + 1) {
            Some(&byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 8,
            Some(b'f') => 12,
            _ => {
                if let Some((character, end)) = unicode(text, backslash) {
                    into.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    at = end;
                } else {
                    into.push(b'\\');
                    at = backslash + 1;
                }
                continue;
            }
        };
        into.push(byte);
        at = backslash + 2;
    }
    into.extend_from_slice(text.get(at..).unwrap_or_default());
}

/// The character that the `\u` at `at` writes, and where it ends.
fn unicode(text: &[u8], at: usize) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..)?.first_chunk::<6>()?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0u32, |unit, &digit| Some(unit * 16 + char::from(digit).to_digit(16)?))
    };
    let high = unit(at)?;
    if (0xd800..0xdc00).contains(&high)
        && let Some(low @ 0xdc00..0xe000) = unit(at + 6)
    {
        let character = char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?;
        return Some((character, at + 12));
    }
    Some((char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), at + 6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::record::{SAMPLES, Severity};
    use proptest::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, Default)]
    struct Owned {
        offset: usize,
        time: Option<i64>,
        pid: Option<u32>,
        line: Option<u64>,
        query_id: Option<i64>,
        severity: Severity,
        stream: u64,
        texts: Vec<(&'static str, Vec<u8>)>,
    }

    impl Owned {
        fn text(&self, name: &str) -> &[u8] {
            self.texts.iter().find(|(known, _)| *known == name).map_or(&[], |(_, text)| text)
        }
    }

    fn owned(record: &Record<'_>) -> Owned {
        let texts = [
            ("session_id", record.session_id),
            ("session_start", record.session_start),
            ("user", record.user),
            ("database", record.database),
            ("application", record.application),
            ("client", record.client),
            ("vxid", record.vxid),
            ("backend_type", record.backend_type),
            ("command_tag", record.command_tag),
            ("sqlstate", record.sqlstate),
            ("message", record.message),
            ("detail", record.detail),
            ("hint", record.hint),
            ("context", record.context),
            ("statement", record.statement),
            ("internal_query", record.internal_query),
        ];
        Owned {
            offset: record.offset,
            time: record.time,
            pid: record.pid,
            line: record.session_line,
            query_id: record.query_id,
            severity: record.severity,
            stream: record.stream,
            texts: texts
                .iter()
                .filter(|(_, text)| !text.is_empty())
                .map(|(name, text)| (*name, text.to_vec()))
                .collect(),
        }
    }

    fn read(chunk: &[u8]) -> (Vec<Owned>, Reading) {
        let mut records = Vec::new();
        let reading = Jsonlog::default()
            .read(chunk, &mut Clock::default(), &mut |record: &Record<'_>| records.push(owned(record)));
        assert_eq!(reading.records, records.len() as u64);
        assert_eq!(reading.bytes, chunk.len() as u64);
        (records, reading)
    }

    fn message(chunk: &str) -> String {
        let (records, reading) = read(chunk.as_bytes());
        assert_eq!((records.len(), reading.unread_lines), (1, 0), "{chunk}");
        String::from_utf8_lossy(records[0].text("message")).into_owned()
    }

    const LINE: &str = r#"{"timestamp":"2026-11-22 02:00:16.670 UTC","user":"app","dbname":"shop","pid":13153,"remote_host":"127.0.0.1","remote_port":44780,"session_id":"6b058eb6.3361","line_num":5856,"ps":"UPDATE","session_start":"2026-11-22 02:00:10 UTC","vxid":"3/841","txid":5025,"error_severity":"LOG","message":"duration: 0.107 ms  statement: SELECT \"a\"\n  FROM t","application_name":"pgbench","backend_type":"client backend","query_id":-4980553518391887893}
"#;

    #[test]
    fn an_entry_of_the_server() {
        let (records, reading) = read(LINE.as_bytes());
        assert_eq!((reading.lines, reading.unread_lines), (1, 0));
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!(record.time, Some(1_795_312_816_670_000));
        assert_eq!((record.pid, record.line), (Some(13153), Some(5856)));
        assert_eq!(record.query_id, Some(-4_980_553_518_391_887_893));
        assert_eq!(record.severity, Severity::Log);
        let expected: Vec<(&str, Vec<u8>)> = [
            ("session_id", "6b058eb6.3361"),
            ("session_start", "2026-11-22 02:00:10 UTC"),
            ("user", "app"),
            ("database", "shop"),
            ("application", "pgbench"),
            ("client", "127.0.0.1"),
            ("vxid", "3/841"),
            ("backend_type", "client backend"),
            ("command_tag", "UPDATE"),
            ("sqlstate", "00000"),
            ("message", "duration: 0.107 ms  statement: SELECT \"a\"\n  FROM t"),
        ]
        .map(|(name, text)| (name, text.as_bytes().to_vec()))
        .to_vec();
        assert_eq!(record.texts, expected);
    }

    #[test]
    fn every_text_has_its_name() {
        let (records, _) = read(
            br#"{"error_severity":"ERROR","state_code":"22012","message":"m","detail":"d","hint":"h","internal_query":"i","internal_position":3,"context":"c","statement":"s","cursor_position":1,"func_name":"f","file_name":"x.c","file_line_num":7}"#,
        );
        let [record] = &records[..] else { panic!() };
        assert_eq!(record.severity, Severity::Error);
        let names = [
            ("message", "m"),
            ("detail", "d"),
            ("hint", "h"),
            ("internal_query", "i"),
            ("context", "c"),
            ("statement", "s"),
            ("sqlstate", "22012"),
        ];
        for (name, text) in names {
            assert_eq!(record.text(name), text.as_bytes(), "{name}");
        }
    }

    #[test]
    fn csvlog_names_with_strings() {
        let entry = r#"{"log_time":"2026-11-22 02:00:16.670 UTC","user_name":"app","database_name":"shop","process_id":"13153","connection_from":"10.0.0.1:5000","session_id":"6b.33","session_line_num":"13","command_tag":"SELECT","session_start_time":"2026-11-22 02:00:10 UTC","virtual_transaction_id":"3/14","transaction_id":"0","error_severity":"LOG","sql_state_code":"00000","message":"duration: 1.0 ms","query":"q","application_name":"a","backend_type":"client backend","leader_pid":"","query_id":"-7"}"#;
        let (bare, _) = read(entry.as_bytes());
        assert_eq!((bare[0].pid, bare[0].line, bare[0].query_id), (Some(13153), Some(13), Some(-7)));
        assert_eq!(bare[0].text("client"), b"10.0.0.1:5000");
        assert_eq!(bare[0].text("statement"), b"q");
        assert_eq!(bare[0].time, Some(1_795_312_816_670_000));
    }

    #[test]
    fn objects_of_others_are_counted() {
        let (records, reading) = read(b"{\"level\":\"info\",\"msg\":\"x\"}\n{}\n");
        assert_eq!((records.len(), reading.unread_lines), (0, 2));
    }

    #[test]
    fn the_stream_is_the_carriers() {
        assert_eq!(read(b"{\"pgassay_stream\":\"ab\",\"message\":\"m\"}").0[0].stream, 0xab);
        assert_eq!(read(b"{\"pgassay_stream\":\"x\",\"message\":\"m\"}").0[0].stream, 0);
    }

    #[test]
    fn log_time_wins_over_timestamp() {
        for line in [
            r#"{"timestamp":"1795312816670000","log_time":"2026-11-22 02:00:16.670 UTC","message":"m"}"#,
            r#"{"log_time":"2026-11-22 02:00:16.670 UTC","timestamp":"2000-11-22 02:00:16.670 UTC","message":"m"}"#,
        ] {
            assert_eq!(read(line.as_bytes()).0[0].time, Some(1_795_312_816_670_000));
        }
    }

    #[test]
    fn escapes() {
        for (written, meant) in [
            (r#"a\"b\\c\/d"#, "a\"b\\c/d"),
            (r"\n\t\r\b\f", "\n\t\r\u{8}\u{c}"),
            (r"\u0041\u00e9\u20AC", "Aé€"),
            (r"\ud83d\ude00!", "😀!"),
            (r"\ud83d", "\u{fffd}"),
            (r"\ud83d\u0041", "\u{fffd}A"),
            (r"\ude00\ud83d\ude00", "\u{fffd}😀"),
            (r"\u0000", "\0"),
            (r"\q\u12\u12g4", r"\q\u12\u12g4"),
            (r"\é", r"\é"),
            (r"\\u0041", r"\u0041"),
        ] {
            assert_eq!(message(&format!("{{\"message\":\"{written}\"}}\n")), meant, "{written}");
        }
    }

    #[test]
    fn unknown_members_are_skipped_whatever_they_hold() {
        let line = r#"{ "x" : {"message":"no","y":[1,{"z":"}]"}]} , "message" : "yes" , "n":null,"f":-1.5e3,"t":true, "a":[], "pid":7}"#;
        let (records, reading) = read(line.as_bytes());
        assert_eq!(reading.unread_lines, 0);
        assert_eq!(records[0].text("message"), b"yes");
        assert_eq!(records[0].pid, Some(7));
        let deep = format!("{{\"x\":{}{},\"message\":\"m\"}}", "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(message(&deep), "m");
    }

    #[test]
    fn several_objects_on_a_line() {
        let (records, reading) = read(b"{\"message\":\"a\"}{\"message\":\"b\"}, {\"message\":\"c\"}\r\n");
        assert_eq!((records.len(), reading.unread_lines, reading.lines), (3, 0, 1));
        assert_eq!(records[2].offset, 32);
    }

    #[test]
    fn damage_is_counted_and_reading_goes_on() {
        let whole = "{\"timestamp\":\"2026-11-22 02:00:16 UTC\",\"message\":\"m\"}";
        for cut in 1..whole.len() {
            let torn = &whole[..cut];
            // with a line feed after it, without, and with a hole
            let (records, reading) = read(format!("{torn}\n{whole}\n").as_bytes());
            assert_eq!((records.len(), reading.unread_lines), (1, 1), "{torn}");
            let (records, reading) = read(format!("{torn}\n\0\0\0{whole}\n").as_bytes());
            assert_eq!((records.len(), reading.unread_lines), (1, 2), "{torn}");
            let (records, reading) = read(format!("{torn}{whole}\n{whole}\n").as_bytes());
            let is_value = torn.ends_with("\":");
            assert_eq!((records.len(), reading.unread_lines), (if is_value { 1 } else { 2 }, 1), "{torn}");
        }
        let (_, reading) = read("nonsense\n".repeat(SAMPLES + 3).as_bytes());
        assert_eq!((reading.unread.len(), reading.unread_lines), (SAMPLES, SAMPLES as u64 + 3));
        assert_eq!(reading.unread[1], (9, b"nonsense".to_vec()));
    }

    #[test]
    fn mark_of_order_blank_lines_and_no_line_feed_at_the_end() {
        let (records, reading) = read(b"\xef\xbb\xbf{\"message\":\"a\"}\r\n\r\n\n{\"message\":\"b\"}");
        assert_eq!((records.len(), reading.unread_lines, reading.lines), (2, 0, 4));
        assert_eq!(records[0].offset, 3);
        assert_eq!(read(b"").1, Reading::default());
    }

    #[test]
    fn numbers_out_of_range_are_none() {
        let (records, _) = read(br#"{"message":"m","pid":99999999999,"line_num":"x","query_id":-9223372036854775808}"#);
        assert_eq!((records[0].pid, records[0].line, records[0].query_id), (None, None, Some(i64::MIN)));
        let (records, _) = read(br#"{"message":"m","query_id":9223372036854775808}"#);
        assert_eq!(records[0].query_id, None);
    }

    #[test]
    fn cut_is_after_the_last_line_feed() {
        assert_eq!(cut(b""), None);
        assert_eq!(cut(b"{}"), None);
        assert_eq!(cut(b"{}\n{"), Some(3));
    }

    proptest! {
        #[test]
        fn what_serde_writes_is_read(texts in prop::collection::vec(any::<String>(), 3)) {
            let line = serde_json::json!({"user": &texts[0], "message": &texts[1], "unknown": &texts[2]}).to_string();
            let (records, reading) = read(line.as_bytes());
            prop_assert_eq!((records.len(), reading.unread_lines), (1, 0));
            prop_assert_eq!(records[0].text("user"), texts[0].as_bytes());
            prop_assert_eq!(records[0].text("message"), texts[1].as_bytes());
        }

        #[test]
        fn nothing_panics(pieces in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", "\"", "\\", "\\u", "d83d", ",", ":", "\n", "\0", " ", "null", "1", "{\"timestamp\":", "\"message\"",
    "é", "{\"message\":\"m\"}",
        ]), 0..40)) {
            let text = pieces.concat();
            let (_, reading) = read(text.as_bytes());
            prop_assert!(reading.unread.len() <= SAMPLES);
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            read(&bytes);
        }
    }
}
