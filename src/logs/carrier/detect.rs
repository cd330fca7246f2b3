//! Which carrier a stream is in: by what most of its lines look like, never by a file's name.

use super::Kind;
use super::container::CriLine;
use super::emit::has_marker;
use super::format::{is_jsonlog, is_log_like};
use super::json::{self, Value};
use super::objects::{Objects, Piece};
use super::prefixed;
use super::syslog::Header;
use super::{format, pgbouncer, utf16};

/// How many lines or objects of a sample are looked at.
const PIECES: usize = 400;

/// Tallies in the order of [`Kind::ALL`]: of two kinds with as many lines the more particular one is first there.
type Tally = [usize; Kind::ALL.len()];

/// The carrier of a stream, by its first bytes; `None` where there is none.
pub(super) fn detect(sample: &[u8]) -> Option<Kind> {
    if let Some(is_big_endian) = utf16::is_utf16(sample) {
        return Some(if is_big_endian { Kind::Utf16Be } else { Kind::Utf16Le });
    }
    if matches!(format::format(sample), None | Some(format::Format::Csvlog { .. })) {
        return None;
    }
    // the last line is cut where the sample is, unless it is all there is
    let whole = memchr::memrchr(b'\n', sample).map_or(sample, |end| &sample[..=end]);
    let (mut tally, mut seen) = ([0; Kind::ALL.len()], 0);
    let mut names = Vec::new();
    let mut objects = Objects::new(false);
    let mut each = |_, piece: Piece<'_>| {
        if seen >= PIECES {
            return true;
        }
        match piece {
            Piece::Line(_) => return false,
            Piece::Object(object) => {
                seen += 1;
                if !is_jsonlog(object) {
                    count(&mut tally, of_object(object));
                }
            }
            Piece::Text(line) => {
                seen += 1;
                count(&mut tally, of_line(line, &mut names));
            }
        }
        true
    };
    // the splitter drops the tab that says a line continues another, and such a line says nothing
    for line in whole.split_inclusive(|b| *b == b'\n') {
        if line.first() != Some(&b'\t') {
            objects.feed(line, &mut each);
        }
    }
    objects.finish(&mut each);
    let (best, count) = tally.iter().enumerate().max_by_key(|(index, count)| (**count, usize::MAX - *index))?;
    if *count == 0 || *count * 2 < seen {
        return None;
    }
    let kind = *Kind::ALL.get(best)?;
    // a stream's name is one of few, the first word of a message one of many
    match kind {
        Kind::CloudWatchTail if names.len() * 5 > *count && names.len() > 3 => Some(Kind::Timestamped),
        kind => Some(kind),
    }
}

fn count(tally: &mut Tally, kind: Option<Kind>) {
    let index = kind.and_then(|kind| Kind::ALL.iter().position(|other| *other == kind));
    if let Some(slot) = index.and_then(|index| tally.get_mut(index)) {
        *slot += 1;
    }
}

fn of_object(object: &[u8]) -> Option<Kind> {
    let has = |wanted: &[&str]| {
        let mut found = 0;
        json::fields(object, |key, _| found += usize::from(wanted.iter().any(|name| name.as_bytes() == key)));
        found
    };
    if has(&["log"]) == 1 && has(&["stream", "time"]) > 0 {
        return Some(Kind::DockerJson);
    }
    if has(&["MESSAGE"]) == 1 && has(&["__REALTIME_TIMESTAMP", "_PID", "SYSLOG_IDENTIFIER", "_TRANSPORT"]) > 0 {
        return Some(Kind::JournalJson);
    }
    if has(&["logger", "msg"]) == 2 && has(&["level", "ts", "logging_pod", "record"]) > 0 {
        return Some(Kind::CloudNativePg);
    }
    if has(&["textPayload", "jsonPayload", "protoPayload"]) > 0
        && has(&["logName", "timestamp", "insertId", "resource"]) > 0
    {
        return Some(Kind::CloudSql);
    }
    if has(&["event_message"]) == 1 {
        return Some(Kind::Supabase);
    }
    if has(&["properties", "Properties"]) > 0 && has(&["category", "Category", "resourceId", "_ResourceId"]) > 0 {
        return Some(Kind::Azure);
    }
    if has(&["@message"]) == 1 && has(&["@timestamp", "@logStream", "@ptr"]) > 0 {
        return Some(Kind::CloudWatch);
    }
    let is_event =
        matches!(json::field(object, "timestamp"), Some(value @ Value::Word(_)) if value.integer().is_some());
    (is_event && has(&["message"]) == 1).then_some(Kind::CloudWatch)
}

fn of_line(line: &[u8], names: &mut Vec<Vec<u8>>) -> Option<Kind> {
    if CriLine::parse(line).is_some() {
        return Some(Kind::Cri);
    }
    if let Some(header) = Header::parse(line) {
        return Some(if header.is_heroku() { Kind::Heroku } else { Kind::Syslog });
    }
    if pgbouncer::parse(line).is_some() {
        return Some(Kind::PgBouncer);
    }
    if prefixed::kubectl(line).is_some() {
        return Some(Kind::Kubectl);
    }
    if let Some((_, name, text)) = prefixed::tail(line)
        && looks_inner(text)
        && !has_marker(&[name, b" ".as_slice()].concat())
    {
        if !names.iter().any(|known| known == name) && names.len() < PIECES {
            names.push(name.to_vec());
        }
        return Some(Kind::CloudWatchTail);
    }
    if prefixed::timestamped(line).is_some() {
        return Some(Kind::Timestamped);
    }
    prefixed::compose(line).map(|_| Kind::Compose)
}

/// Whether a text begins as the services whose streams have names let the server begin its lines: with the date.
fn looks_inner(text: &[u8]) -> bool {
    let is_date = text.get(4) == Some(&b'-') && text.get(7) == Some(&b'-') && text.get(10) == Some(&b' ');
    is_date && text.first().is_some_and(u8::is_ascii_digit) || is_jsonlog(text)
}

/// Whether anything in a sample says that it is a log, whatever is around it.
pub(super) fn is_log(sample: &[u8]) -> bool {
    is_log_like(sample) || detect(sample).is_some()
}
