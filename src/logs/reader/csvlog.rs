//! csvlog: 23 columns until PostgreSQL 12, 24 in 13, 26 from 14 on; columns a later version may add are skipped.
//!
//! Values span lines, so a record ends at a line feed outside quotes only. Text the server quoted cannot look like the start
//! of a record: its quotes are doubled, and where a record's own quotes stand single, `is_start` asks for an odd run.

use crate::logs::prefix::Clock;
use crate::logs::record::{Reading, Record, Severity};
use crate::logs::words::{self, Word};
use memchr::{memchr, memchr_iter, memchr2, memrchr, memrchr2};

/// Columns every version writes.
const COLUMNS: usize = 23;

/// Columns that are known.
const KNOWN: usize = 26;

/// The columns before the message, none of which a client can make long.
const HEAD: usize = 13;

/// More than the head of a record can take: names of 63 bytes, every one of them a doubled quote.
const HEAD_BYTES: usize = 2048;

/// Record starts that disagree with the count of quotes and are read in full to find who is right.
const ATTEMPTS: usize = 8;

// where the columns are, from 0
const LOG_TIME: usize = 0;
const USER_NAME: usize = 1;
const DATABASE_NAME: usize = 2;
const PROCESS_ID: usize = 3;
const CONNECTION_FROM: usize = 4;
const SESSION_ID: usize = 5;
const SESSION_LINE_NUM: usize = 6;
const COMMAND_TAG: usize = 7;
const SESSION_START_TIME: usize = 8;
const VIRTUAL_TRANSACTION_ID: usize = 9;
const ERROR_SEVERITY: usize = 11;
const SQL_STATE_CODE: usize = 12;
const MESSAGE: usize = 13;
const DETAIL: usize = 14;
const HINT: usize = 15;
const INTERNAL_QUERY: usize = 16;
const INTERNAL_QUERY_POS: usize = 17;
const CONTEXT: usize = 18;
const QUERY: usize = 19;
const QUERY_POS: usize = 20;
const APPLICATION_NAME: usize = 22;
const BACKEND_TYPE: usize = 23;
const LEADER_PID: usize = 24;
const QUERY_ID: usize = 25;

/// A value: where it is, without its quotes, and whether quotes inside it are doubled.
#[derive(Debug, Clone, Copy, Default)]
struct Field {
    start: usize,
    end: usize,
    has_doubled: bool,
}

type Fields = [Field; KNOWN];

/// How the scan of a record came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scan {
    /// So many columns, the next record would begin there, and whether a line feed ended this one.
    Record { columns: usize, next: usize, is_ended: bool },
    /// The limit of columns was reached: where the next one begins.
    Limit { next: usize },
    /// Sound csv up to the next record, and none of the server's.
    Foreign { next: usize },
    /// No csv from this byte on.
    Damaged { at: usize },
}

/// Reads csvlog.
#[derive(Debug, Default)]
pub struct Csvlog {
    /// Values with their quotes made single again, of one record.
    scratch: Vec<u8>,
}

/// How many bytes of a buffer that begins with a record make whole records: none is known to end before the rest. What follows
/// the cut is the start of a record, or nothing.
///
/// One pass counts the quotes, which is all that a sound buffer needs. A torn record (a crash, a file cut by other means) turns
/// the count around; then a start inside quotes is believed if the record it begins can be read to its end.
pub fn cut(buffer: &[u8]) -> Option<usize> {
    let mut is_inside = memchr_iter(b'"', buffer).count() % 2 == 1;
    let mut end = buffer.len();
    let mut attempts = ATTEMPTS;
    while let Some(feed) = memrchr(b'\n', buffer.get(..end)?) {
        let start = feed + 1;
        is_inside ^= memchr_iter(b'"', buffer.get(start..end)?).count() % 2 == 1;
        if start == buffer.len() {
            if !is_inside {
                return Some(start);
            }
        } else if is_start(buffer, start) {
            if !is_inside {
                return Some(start);
            }
            if attempts == 0 {
                return None;
            }
            attempts -= 1;
            if matches!(record(buffer, start, &mut Fields::default()), Scan::Record { is_ended: true, .. }) {
                return Some(start);
            }
        }
        end = feed;
    }
    None
}

impl Csvlog {
    /// Reads a chunk that begins with a record, see [`cut`], and hands on what it finds. A record that cannot be read costs its
    /// lines up to the next start of one.
    pub fn read(&mut self, chunk: &[u8], clock: &mut Clock, each: &mut impl FnMut(&Record<'_>)) -> Reading {
        let mut reading = Reading {
            bytes: chunk.len() as u64,
            lines: memchr_iter(b'\n', chunk).count() as u64,
            ..Reading::default()
        };
        if chunk.last().is_some_and(|&last| last != b'\n') {
            reading.lines += 1;
        }
        // what is read again from the middle of a line is one line with what was before
        let mut counted = 0;
        let mut unread = |reading: &mut Reading, offset: usize, text: &[u8]| {
            if offset >= counted {
                reading.unread(offset, text);
                counted = line_end(chunk, offset);
            }
        };
        let mut fields = Fields::default();
        let mut at = if chunk.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        if chunk.get(at..).is_some_and(|rest| rest.starts_with(b"log_time,")) {
            at = line_end(chunk, at);
        }
        while let Some(&first) = chunk.get(at) {
            match first {
                b'\n' | b'\r' => at += 1,
                // a hole that a crash left in the file: the record after it is whole
                0 => {
                    let end = chunk.get(at..).and_then(|rest| rest.iter().position(|&byte| byte != 0));
                    let end = end.map_or(chunk.len(), |length| at + length);
                    unread(&mut reading, at, chunk.get(at..end).unwrap_or_default());
                    at = end;
                }
                _ => match record(chunk, at, &mut fields) {
                    Scan::Record { columns, next, is_ended } => {
                        self.hand_on(chunk, at, fields.get(..columns).unwrap_or(&fields), is_ended, clock, each);
                        reading.records += 1;
                        at = next;
                    }
                    scan => {
                        let next = match scan {
                            Scan::Damaged { at: damage } => resynchronise(chunk, at, damage),
                            Scan::Record { next, .. } | Scan::Limit { next } | Scan::Foreign { next } => next,
                        };
                        for_each_line(chunk, at, next, |offset, line| unread(&mut reading, offset, line));
                        at = next;
                    }
                },
            }
        }
        reading
    }

    fn hand_on(
        &mut self,
        chunk: &[u8],
        offset: usize,
        fields: &[Field],
        is_ended: bool,
        clock: &mut Clock,
        each: &mut impl FnMut(&Record<'_>),
    ) {
        let field = |column: usize| fields.get(column).copied().unwrap_or_default();
        let raw = |column: usize| bytes(chunk, field(column));
        // the scratch must be complete before anything borrows from it
        self.scratch.clear();
        let mut texts = Texts::default();
        for (place, column) in texts.0.iter_mut().zip(TEXTS) {
            let field = field(column);
            *place = match field.has_doubled {
                false => (false, field.start, field.end),
                true => {
                    let start = self.scratch.len();
                    undouble(bytes(chunk, field), &mut self.scratch);
                    (true, start, self.scratch.len())
                }
            };
        }
        let scratch = self.scratch.as_slice();
        let [user, database, client, tag, message, detail, hint, internal_query, context, query, application, backend] =
            texts.0.map(|(is_scratch, start, end)| {
                let from = if is_scratch { scratch } else { chunk };
                from.get(start..end).unwrap_or_default()
            });
        let sqlstate = raw(SQL_STATE_CODE);
        each(&Record {
            time: clock.read(raw(LOG_TIME)),
            pid: unsigned(raw(PROCESS_ID)).and_then(|pid| u32::try_from(pid).ok()),
            session_id: raw(SESSION_ID),
            session_line: unsigned(raw(SESSION_LINE_NUM)),
            session_start: raw(SESSION_START_TIME),
            user,
            database,
            application,
            client,
            vxid: raw(VIRTUAL_TRANSACTION_ID),
            // digits at the end of a file that ends without a line feed may be the first ones only
            query_id: if is_ended { signed(raw(QUERY_ID)) } else { None },
            backend_type: backend,
            command_tag: tag,
            sqlstate,
            stream: 0,
            severity: severity(raw(ERROR_SEVERITY), sqlstate),
            message,
            detail,
            hint,
            context,
            statement: query,
            internal_query,
            is_tabbed: false,
            offset,
        });
    }
}

/// The columns that are text, in the order in which [`Csvlog::hand_on`] takes them.
const TEXTS: [usize; 12] = [
    USER_NAME,
    DATABASE_NAME,
    CONNECTION_FROM,
    COMMAND_TAG,
    MESSAGE,
    DETAIL,
    HINT,
    INTERNAL_QUERY,
    CONTEXT,
    QUERY,
    APPLICATION_NAME,
    BACKEND_TYPE,
];

/// Where each text is: in the scratch or in the chunk, from, to.
#[derive(Debug, Default)]
struct Texts([(bool, usize, usize); TEXTS.len()]);

/// The whole record that begins at `at`, or where it stops being one.
fn record(chunk: &[u8], at: usize, fields: &mut Fields) -> Scan {
    match scan(chunk, at, usize::MAX, fields) {
        Scan::Record { columns, next, .. }
            if columns < COLUMNS
                || !is_head(chunk, fields)
                || !is_tail(chunk, fields.get(..columns).unwrap_or(fields)) =>
        {
            Scan::Foreign { next }
        }
        scan => scan,
    }
}

/// Finds the values of the record that begins at `at`, of at most `limit` columns.
fn scan(chunk: &[u8], at: usize, limit: usize, fields: &mut Fields) -> Scan {
    let mut at = at;
    let mut columns = 0;
    loop {
        let field = if chunk.get(at) == Some(&b'"') {
            let start = at + 1;
            let mut quote = start;
            let mut has_doubled = false;
            let end = loop {
                match find_quote(chunk, quote) {
                    None => return Scan::Damaged { at: chunk.len() },
                    Some(found) if chunk.get(found + 1) == Some(&b'"') => {
                        has_doubled = true;
                        quote = found + 2;
                    }
                    Some(found) => break found,
                }
            };
            at = end + 1;
            Field { start, end, has_doubled }
        } else {
            let start = at;
            while let Some(byte) = chunk.get(at)
                && !matches!(byte, b',' | b'\n' | b'"')
            {
                at += 1;
            }
            let end = if chunk.get(at) != Some(&b',') && at > start && chunk.get(at - 1) == Some(&b'\r') {
                at - 1
            } else {
                at
            };
            Field { start, end, has_doubled: false }
        };
        if let Some(place) = fields.get_mut(columns) {
            *place = field;
        }
        columns += 1;
        at = match chunk.get(at) {
            Some(b',') if columns == limit => return Scan::Limit { next: at + 1 },
            Some(b',') => at + 1,
            Some(b'\n') => return Scan::Record { columns, next: at + 1, is_ended: true },
            Some(b'\r') if matches!(chunk.get(at + 1), Some(b'\n') | None) => {
                return Scan::Record { columns, next: (at + 2).min(chunk.len()), is_ended: at + 1 < chunk.len() };
            }
            None => return Scan::Record { columns, next: at, is_ended: false },
            Some(_) => return Scan::Damaged { at },
        };
    }
}

/// The next quote. Mostly it is near: names are short, and dialects that quote every identifier double a quote every few bytes.
#[inline]
fn find_quote(chunk: &[u8], from: usize) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let mut at = from;
    for _ in 0..2 {
        let Some(&eight) = chunk.get(at..).and_then(|rest| rest.first_chunk::<8>()) else { break };
        let zero_where_quote = u64::from_le_bytes(eight) ^ (ONES * u64::from(b'"'));
        let found = zero_where_quote.wrapping_sub(ONES) & !zero_where_quote & (ONES << 7);
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    memchr(b'"', chunk.get(at..)?).map(|length| at + length)
}

/// Whether the columns before the message hold what the server writes there.
fn is_head(chunk: &[u8], fields: &Fields) -> bool {
    let of = |column: usize| fields.get(column).map_or(&[][..], |&field| bytes(chunk, field));
    let is_number = |column: usize| of(column).iter().all(u8::is_ascii_digit);
    is_time(of(LOG_TIME))
        && is_number(PROCESS_ID)
        && is_number(SESSION_LINE_NUM)
        && (is_time(of(SESSION_START_TIME)) || of(SESSION_START_TIME).is_empty())
        && !of(ERROR_SEVERITY).is_empty()
        && of(SQL_STATE_CODE).len() == 5
}

/// Whether the columns after the message hold numbers where the server writes numbers. They do not where a record was torn
/// outside quotes and the next one was appended to it.
fn is_tail(chunk: &[u8], fields: &[Field]) -> bool {
    [INTERNAL_QUERY_POS, QUERY_POS, LEADER_PID, QUERY_ID].iter().all(|&column| {
        let text = fields.get(column).map_or(&[][..], |&field| bytes(chunk, field));
        text.strip_prefix(b"-").unwrap_or(text).iter().all(u8::is_ascii_digit)
    })
}

/// Whether a record begins at `at` that no value can hold: see the top of this file. False where the buffer ends before that is
/// certain.
fn is_start(buffer: &[u8], at: usize) -> bool {
    if !buffer.get(at).is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let end = buffer.len().min(at.saturating_add(HEAD_BYTES));
    let Some(window) = buffer.get(at..end) else { return false };
    if !is_time(window) {
        return false;
    }
    let mut fields = Fields::default();
    let Scan::Limit { next } = scan(window, 0, HEAD, &mut fields) else { return false };
    let rest = window.get(next..).unwrap_or_default();
    let quotes = rest.iter().take_while(|&&byte| byte == b'"').count();
    quotes % 2 == 1 && quotes < rest.len() && is_head(window, &fields)
}

/// Whether a text begins as a timestamp does, to the second.
fn is_time(text: &[u8]) -> bool {
    let Some(text) = text.first_chunk::<19>() else { return false };
    // digits differ from `0` by 0 to 9, the marks by nothing; without an early end it is a few vector operations
    text.iter()
        .zip(b"0000-00-00 00:00:00")
        .zip(b"9999099099099099099")
        .fold(true, |holds, ((byte, least), span)| holds & (byte.wrapping_sub(*least) <= span - b'0'))
}

/// The next start of a record after the one at `at`, which is no csv from `damage` on. It follows a line feed, or the zeros of a
/// hole that a crash left in the file.
///
/// What tore it is right before the damage: the quotes of the next record came out the wrong way round. So the last start before
/// the damage is tried, which also bounds the work: no byte is scanned more than twice, however many starts there are.
fn resynchronise(chunk: &[u8], at: usize, damage: usize) -> usize {
    let mut end = damage;
    while end > at
        && let Some(feed) = chunk.get(at..end).and_then(|damaged| memrchr2(b'\n', 0, damaged))
    {
        let start = at + feed + 1;
        if is_start(chunk, start) {
            return start;
        }
        end = at + feed;
    }
    let mut start = damage.max(at);
    while let Some(feed) = chunk.get(start..).and_then(|rest| memchr2(b'\n', 0, rest)) {
        start += feed + 1;
        if is_start(chunk, start) {
            return start;
        }
    }
    chunk.len()
}

/// Where the line after the one at `at` begins.
fn line_end(chunk: &[u8], at: usize) -> usize {
    chunk.get(at..).and_then(|rest| memchr(b'\n', rest)).map_or(chunk.len(), |length| at + length + 1)
}

fn for_each_line(chunk: &[u8], from: usize, to: usize, mut each: impl FnMut(usize, &[u8])) {
    let mut at = from;
    while at < to {
        let end = line_end(chunk, at).min(to);
        let line = chunk.get(at..end).unwrap_or_default();
        each(at, line.strip_suffix(b"\n").unwrap_or(line));
        at = end;
    }
}

fn bytes(chunk: &[u8], field: Field) -> &[u8] {
    chunk.get(field.start..field.end).unwrap_or_default()
}

/// Makes doubled quotes single.
fn undouble(value: &[u8], into: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(quote) = find_quote(value, at) {
        into.extend_from_slice(value.get(at..=quote).unwrap_or_default());
        at = quote + 2;
    }
    into.extend_from_slice(value.get(at..).unwrap_or_default());
}

/// The severity, whose word is in the server's language in csvlog; of a word not known, what its SQLSTATE says.
pub(crate) fn severity(word: &[u8], sqlstate: &[u8]) -> Severity {
    if word == b"LOG" {
        return Severity::Log;
    }
    // words are known with the colon that follows them on standard error
    let mut known = [b':'; 40];
    if let Some(start) = known.get_mut(..word.len()) {
        start.copy_from_slice(word);
        if let Some((Word::Level(severity), _)) = words::word(known.get(..=word.len()).unwrap_or_default()) {
            return severity;
        }
    }
    match sqlstate {
        [b'0', b'0', ..] | [] => Severity::Log,
        [b'0', b'1', ..] => Severity::Warning,
        [b'0', b'2', ..] => Severity::Notice,
        _ => Severity::Error,
    }
}

/// Decimal digits.
pub(crate) fn unsigned(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// Decimal digits, after a minus or not.
pub(crate) fn signed(text: &[u8]) -> Option<i64> {
    match text.strip_prefix(b"-") {
        Some(digits) => 0i64.checked_sub_unsigned(unsigned(digits)?),
        None => i64::try_from(unsigned(text)?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::record::SAMPLES;
    use proptest::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, Default)]
    struct Owned {
        offset: usize,
        time: Option<i64>,
        pid: Option<u32>,
        line: Option<u64>,
        query_id: Option<i64>,
        severity: Severity,
        texts: Vec<(&'static str, String)>,
    }

    impl Owned {
        fn text(&self, name: &str) -> &str {
            self.texts.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
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
        let texts = texts.iter().filter(|(_, text)| !text.is_empty());
        Owned {
            offset: record.offset,
            time: record.time,
            pid: record.pid,
            line: record.session_line,
            query_id: record.query_id,
            severity: record.severity,
            texts: texts.map(|(name, text)| (*name, String::from_utf8_lossy(text).into_owned())).collect(),
        }
    }

    fn read(chunk: &[u8]) -> (Vec<Owned>, Reading) {
        let mut records = Vec::new();
        let mut each = |record: &Record<'_>| records.push(owned(record));
        let reading = Csvlog::default().read(chunk, &mut Clock::default(), &mut each);
        assert_eq!(reading.records, records.len() as u64);
        assert_eq!(reading.bytes, chunk.len() as u64);
        (records, reading)
    }

    fn messages(chunk: &str) -> (Vec<String>, u64) {
        let (records, reading) = read(chunk.as_bytes());
        (records.iter().map(|record| record.text("message").to_owned()).collect(), reading.unread_lines)
    }

    fn entry(message: &str) -> String {
        let message = message.replace('"', "\"\"");
        format!(
            "2026-11-22 02:00:16.670 UTC,\"app\",\"shop\",13153,\"127.0.0.1:44780\",6b058eb6.3361,5856,\"SELECT\",2026-11-22 02:00:10 UTC,3/841,0,LOG,00000,\"{message}\",,,,,,,,,\"pgbench\",\"client backend\",,-4980553518391887893\n"
        )
    }

    /// An entry that ends within its message.
    fn torn() -> String {
        entry("torn").split_inclusive("torn").next().unwrap_or_default().to_owned()
    }

    /// Of a process that has neither user nor database: no quote before the message.
    fn background(message: &str) -> String {
        let message = message.replace('"', "\"\"");
        format!(
            "2026-11-22 02:00:16.670 UTC,,,77,,6b058eb6.4d,3,,2026-11-22 02:00:10 UTC,,0,LOG,00000,\"{message}\",,,,,,,,,\"\",\"checkpointer\",,0\n"
        )
    }

    #[test]
    fn an_entry_of_the_server() {
        let (records, reading) = read(entry("duration: 0.107 ms  statement: SELECT \"a\"\n  FROM t, u").as_bytes());
        assert_eq!((reading.lines, reading.unread_lines), (2, 0));
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!(record.time, Some(1_795_312_816_670_000));
        assert_eq!((record.pid, record.line), (Some(13153), Some(5856)));
        assert_eq!(record.query_id, Some(-4_980_553_518_391_887_893));
        let expected = [
            ("session_id", "6b058eb6.3361"),
            ("session_start", "2026-11-22 02:00:10 UTC"),
            ("user", "app"),
            ("database", "shop"),
            ("application", "pgbench"),
            ("client", "127.0.0.1:44780"),
            ("vxid", "3/841"),
            ("backend_type", "client backend"),
            ("command_tag", "SELECT"),
            ("sqlstate", "00000"),
            ("message", "duration: 0.107 ms  statement: SELECT \"a\"\n  FROM t, u"),
        ];
        assert_eq!(record.texts, expected.map(|(name, text)| (name, text.to_owned())));
    }

    #[test]
    fn every_text_has_its_column() {
        let line = "2026-11-22 02:00:16.670 UTC,\"u\",\"d\",1,\"[local]\",a.1,2,\"idle\",2026-11-22 02:00:10 UTC,,0,ERROR,22012,\"m\",\"dt\",\"h\",\"iq\",3,\"c\",\"q\",4,\"l\",\"an\",\"bt\",9,-1\n";
        let (records, _) = read(line.as_bytes());
        for (name, text) in [
            ("message", "m"),
            ("detail", "dt"),
            ("hint", "h"),
            ("internal_query", "iq"),
            ("context", "c"),
            ("statement", "q"),
            ("application", "an"),
            ("backend_type", "bt"),
            ("sqlstate", "22012"),
        ] {
            assert_eq!(records[0].text(name), text, "{name}");
        }
        assert_eq!((records[0].severity, records[0].query_id), (Severity::Error, Some(-1)));
    }

    #[test]
    fn any_number_of_columns_from_23_on() {
        let whole = entry("m");
        let line = whole.trim_end();
        for (columns, backend, query_id) in [
            (line.trim_end_matches(",\"client backend\",,-4980553518391887893").to_owned(), "", None),
            (line.trim_end_matches(",,-4980553518391887893").to_owned(), "client backend", None),
            (format!("{line},\"n,\"\"ew\",5,"), "client backend", Some(-4_980_553_518_391_887_893)),
        ] {
            let (records, reading) = read(format!("{columns}\n{columns}\n").as_bytes());
            assert_eq!((records.len(), reading.unread_lines), (2, 0), "{columns}");
            assert_eq!((records[1].text("backend_type"), records[1].query_id), (backend, query_id));
        }
        let (taken, unread) = messages("2026-11-22 02:00:16.670 UTC,\"u\",\"d\",1\n");
        assert_eq!((taken.len(), unread), (0, 1));
    }

    #[test]
    fn a_forged_record_is_a_value() {
        let forged = format!("SELECT '\n{}{}'", entry("forged"), background("forged"));
        let chunk = format!("{}{}", entry(&forged), background("real"));
        assert_eq!(messages(&chunk), (vec![forged.clone(), "real".into()], 0));
        // nor is it a place to cut, nor one to go on from after damage
        let start_of_second = entry(&forged).len();
        for end in start_of_second + 1..chunk.len() {
            let cut = cut(&chunk.as_bytes()[..end]);
            assert!(cut.is_none() || cut == Some(start_of_second), "{end} {cut:?}");
        }
        assert_eq!(messages(&format!("{}{chunk}", torn())), (vec!["real".into()], 4));
        assert_eq!(messages(&format!("{}\n{chunk}", torn())), (vec![forged, "real".into()], 1));
    }

    #[test]
    fn a_torn_record_costs_itself() {
        for whole in [entry("a \"b\" c, d\ne"), background("x\"y\"\nz")] {
            for end in (1..whole.len() - 1).filter(|&end| whole.is_char_boundary(end)) {
                let torn = &whole[..end];
                for next in [entry("next"), background("next")] {
                    for gap in ["\n", "\n\0\0\0", "\0\0\0"] {
                        let (taken, unread) = messages(&format!("{torn}{gap}{next}{}", entry("last")));
                        let (next, last) = (taken.iter().any(|m| m == "next"), taken.iter().any(|m| m == "last"));
                        assert!(last, "{torn:?} {gap:?} {taken:?}");
                        // torn in its last columns only, it may still pass for whole
                        assert!(next || gap == "\0\0\0", "{torn:?} {gap:?} {taken:?}");
                        assert!(unread > 0 || taken.len() == 3 || gap != "\n", "{torn:?} {gap:?} {taken:?}");
                    }
                    // no line feed at all: the entry that was appended is lost with it
                    let (taken, _) = messages(&format!("{torn}{next}{}", entry("last")));
                    assert_eq!(taken.last().map(String::as_str), Some("last"), "{torn:?}");
                }
            }
        }
    }

    #[test]
    fn a_file_that_begins_in_the_middle() {
        let whole = format!("{}{}", entry("a \"b\"\n, \"c\" d\ne"), background("next"));
        for start in 1..entry("a \"b\"\n, \"c\" d\ne").len() - 1 {
            let (taken, unread) = messages(&whole[start..]);
            assert_eq!(taken, ["next"], "{start}");
            assert!(unread > 0);
        }
    }

    #[test]
    fn the_last_record_may_be_cut_short() {
        let whole = entry("a");
        assert_eq!(read(whole.trim_end().as_bytes()).0[0].query_id, None);
        assert_eq!(messages(whole.trim_end()), (vec!["a".into()], 0));
        assert_eq!(messages(&format!("{whole}{}", &whole[..150])), (vec!["a".into()], 1));
        assert_eq!(messages(&format!("{whole}{}", &whole[..20])), (vec!["a".into()], 1));
    }

    #[test]
    fn marks_of_order_carriage_returns_headers_and_blank_lines() {
        let chunk = format!("\u{feff}log_time,user_name,database_name\n{}\n\n{}", entry("a"), entry("b"));
        assert_eq!(messages(&chunk), (vec!["a".into(), "b".into()], 0));
        let (records, reading) = read(chunk.replace('\n', "\r\n").as_bytes());
        assert_eq!((records.len(), reading.unread_lines, reading.lines), (2, 0, 5));
        assert_eq!(records[1].query_id, Some(-4_980_553_518_391_887_893));
        assert_eq!(read(b"").1, Reading::default());
        assert_eq!(read(b"\0\0\0").1.unread_lines, 1);
        assert_eq!(read(b"\0\0\nx\n\0x\n\0\rx").1.unread_lines, 4);
    }

    #[test]
    fn a_line_with_several_faults_counts_once() {
        // behind each hole something begins as a record does, and is none
        let torn = entry("a")
            .trim_end()
            .strip_suffix(|last: char| last.is_ascii_digit())
            .unwrap()
            .replace(",\"pgbench\"", "x");
        let chunk = format!("x\"\0{torn}\0{torn}\0{torn}\n{}", entry("b"));
        let (records, reading) = read(chunk.as_bytes());
        assert_eq!((reading.lines, reading.unread_lines, records.len()), (2, 1, 1));
    }

    #[test]
    fn lines_of_something_else_are_counted_one_by_one() {
        let mut chunk = entry("a");
        chunk.push_str(&"no csv \"at all\nnor, this\n".repeat(SAMPLES));
        chunk.push_str(&entry("b"));
        let (records, reading) = read(chunk.as_bytes());
        assert_eq!((records.len(), reading.unread_lines), (2, 2 * SAMPLES as u64));
        assert_eq!(reading.unread.len(), SAMPLES);
        assert_eq!(reading.unread[0], (entry("a").len(), b"no csv \"at all".to_vec()));
    }

    #[test]
    fn exports_quote_what_they_like() {
        let line = "\"2026-11-22 02:00:16.670+00\",app,shop,13153,[local],6b.33,5,idle,2026-11-22 02:00:10+00,3/8,0,LOG,00000,connection authorized,,,,,,,,,psql,client backend,,0\n";
        assert_eq!(messages(line), (vec!["connection authorized".into()], 0));
    }

    #[test]
    fn severities_are_translated() {
        let line = entry("m");
        for (word, sqlstate, severity) in [
            ("ERROR", "42P01", Severity::Error),
            ("WARNING", "01000", Severity::Warning),
            ("DEBUG1", "00000", Severity::Debug),
            ("FEHLER", "00000", Severity::Error),
            ("СООБЩЕНИЕ", "00000", Severity::Log),
            ("DETAIL", "42P01", Severity::Error),
            ("XYZ", "00000", Severity::Log),
            ("XYZ", "01000", Severity::Warning),
            ("XYZ", "42P01", Severity::Error),
        ] {
            let line = line.replace("LOG,00000", &format!("{word},{sqlstate}"));
            assert_eq!(read(line.as_bytes()).0[0].severity, severity, "{word}");
        }
    }

    #[test]
    fn cut_is_at_the_last_start_outside_quotes() {
        let (one, two) = (entry("a\nb \"c\",\n2026-11-22 02:00:16.670 UTC,"), background("d"));
        let whole = format!("{one}{two}{one}");
        assert_eq!(cut(b""), None);
        assert_eq!(cut(whole.as_bytes()), Some(whole.len()));
        for end in 1..whole.len() {
            let buffer = &whole.as_bytes()[..end];
            let found = cut(buffer);
            // a start is seen once its head is in the buffer
            let starts = [one.len() + two.len(), one.len()];
            let expected = starts.iter().find(|&&start| end == start || end > start + 170).copied();
            assert!(
                found == expected || starts.iter().any(|&start| found == Some(start) && end >= start),
                "{end} {found:?} {expected:?}"
            );
        }
    }

    #[test]
    fn cut_gets_over_a_torn_record() {
        let torn = format!("{}\n{}{}", torn(), entry("a\nb\n\"c\""), entry("d"));
        let start = torn.len() - entry("d").len();
        assert_eq!(cut(torn.as_bytes()), Some(start));
        let (records, reading) = read(&torn.as_bytes()[..start]);
        assert_eq!((records.len(), reading.unread_lines), (1, 1));
    }

    fn text() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "\"",
            "\"\"",
            ",",
            "\n",
            "\r",
            "a",
            " ",
            "é",
            "\t",
            "\n2026-11-22 02:00:16.670 UTC,\"app\",",
            "\n2026-11-22 02:00:16.670 UTC,,,77,,6b058eb6.4d,3,,2026-11-22 02:00:10 UTC,,0,LOG,00000,\"",
            "\n2026-11-22 02:00:16.670 UTC,,,77,,6b058eb6.4d,3,,2026-11-22 02:00:10 UTC,,0,LOG,00000,",
        ]);
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_wherever_it_is_cut(texts in prop::collection::vec((text(), any::<bool>()), 1..6)) {
            let lines: Vec<String> =
                texts.iter().map(|(text, is_client)| if *is_client { entry(text) } else { background(text) }).collect();
            let whole = lines.concat();
            let expected: Vec<String> = texts.iter().map(|(text, _)| text.clone()).collect();
            prop_assert_eq!(messages(&whole), (expected, 0));
            let mut ends: Vec<usize> = Vec::new();
            for line in &lines {
                ends.push(ends.last().unwrap_or(&0) + line.len());
            }
            for end in 0..whole.len() {
                if let Some(cut) = cut(&whole.as_bytes()[..end]) {
                    prop_assert!(ends.contains(&cut), "{} {}", end, cut);
                }
            }
        }

        #[test]
        fn nothing_panics(pieces in prop::collection::vec(prop::sample::select(vec![
            "\"", ",", "\n", "\r", "\0", "\u{feff}", "a", "é", "2026-11-22 02:00:16", " UTC,\"app\",\"shop\",1,",
            "\n2026-11-22 02:00:16.670 UTC,,,77,,6b058eb6.4d,3,,2026-11-22 02:00:10 UTC,,0,LOG,00000,\"",
            "\",,,,,,,,,\"\",\"checkpointer\",,0\n",
        ]), 0..40)) {
            let chunk = pieces.concat();
            let (_, reading) = read(chunk.as_bytes());
            prop_assert!(reading.unread.len() <= SAMPLES);
            if let Some(cut) = cut(chunk.as_bytes()) {
                prop_assert!(cut > 0 && cut <= chunk.len());
            }
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            read(&bytes);
            cut(&bytes);
        }
    }
}
