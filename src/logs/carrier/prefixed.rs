//! Carriers that only put something in front of each line: compose and kubectl the name, others the time.

use super::emit::{Encoding, Envelope, stream};
use super::holds::Holds;
use super::lines::LineCarrier;
use super::{Notes, clock};

/// `\x1b[36m`: colours around the name.
fn without_colour(mut text: &[u8]) -> &[u8] {
    while let Some(rest) = text.strip_prefix(b"\x1b[") {
        match rest.iter().take(16).position(|b| *b == b'm') {
            Some(end) => text = &rest[end + 1..],
            None => break,
        }
    }
    text
}

/// The name and the text of `db-1  | text`.
pub(super) fn compose(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = without_colour(line);
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"_.-".contains(b);
    let end = line.iter().take(256).position(|b| !is_name(b))?;
    let (name, rest) = line.split_at(end);
    let bar = rest.iter().take(256).position(|b| *b != b' ')?;
    let behind = rest.get(bar..)?.strip_prefix(b"|")?;
    if name.is_empty() || bar == 0 {
        return None;
    }
    let behind = without_colour(behind);
    let text = if behind.is_empty() { behind } else { behind.strip_prefix(b" ")? };
    Some((name, without_colour(text)))
}

/// The name and the text of `[pod/name/container] text`.
pub(super) fn kubectl(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = line.strip_prefix(b"[")?;
    let end = inside.iter().take(512).position(|b| *b == b']')?;
    let (name, behind) = (&inside[..end], &inside[end + 1..]);
    if !name.starts_with(b"pod/") || name.iter().any(u8::is_ascii_whitespace) {
        return None;
    }
    Some((name, if behind.is_empty() { behind } else { behind.strip_prefix(b" ")? }))
}

/// The time and the text of `2026-11-22T02:00:16Z text`.
pub(super) fn timestamped(line: &[u8]) -> Option<(i64, &[u8])> {
    let stamp = clock::starts_with_rfc3339(line)?;
    let behind = line.get(stamp.len..)?;
    Some((stamp.micros, if behind.is_empty() { behind } else { behind.strip_prefix(b" ")? }))
}

/// The time, the name and the text of `2026-11-22T02:00:16+00:00 stream text`, as `aws logs tail` prints it.
pub(super) fn tail(line: &[u8]) -> Option<(i64, &[u8], &[u8])> {
    let (time, behind) = timestamped(line)?;
    let end = behind.iter().take(600).position(|b| *b == b' ')?;
    let name = &behind[..end];
    let is_date = name.len() == 10 && name.get(4) == Some(&b'-') && name.get(7) == Some(&b'-');
    (!name.is_empty() && !is_date).then_some((time, name, &behind[end + 1..]))
}

/// What stands in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Front {
    /// The container's name and a bar.
    Compose,
    /// The pod's name in brackets.
    Kubectl,
    /// The time.
    Time,
    /// The time and the stream's name.
    TimeAndStream,
}

/// A carrier that puts a name or a time in front of each line.
#[derive(Debug)]
pub(super) struct Prefixed {
    front: Front,
    holds: Holds,
    /// Whose line was last: an event of several lines has its front only on the first.
    last: Option<(u64, Envelope)>,
}

impl Prefixed {
    pub(super) fn new(front: Front, encoding: Encoding) -> Self {
        Self { front, holds: Holds::new(encoding), last: None }
    }
}

impl LineCarrier for Prefixed {
    fn line(&mut self, outer: Envelope, line: &[u8], out: &mut Vec<u8>) -> bool {
        let parsed = match self.front {
            Front::Compose => compose(line).map(|(name, text)| (None, name, text)),
            Front::Kubectl => kubectl(line).map(|(name, text)| (None, name, text)),
            Front::Time => timestamped(line).map(|(time, text)| (Some(time), b"".as_slice(), text)),
            Front::TimeAndStream => tail(line).map(|(time, name, text)| (Some(time), name, text)),
        };
        let (key, known, text) = match (parsed, self.last) {
            (Some((time, name, text)), _) => {
                let known = Envelope { time, pid: None, stream: stream(&[name]) }.within(outer);
                (known.stream, known, text)
            }
            (None, Some((key, known))) if line.first() == Some(&b'\t') => (key, known, line),
            _ => return false,
        };
        self.last = Some((key, known));
        self.holds.text(key, known, None, text, out);
        true
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.holds.finish(out);
    }

    fn notes(&self) -> Notes {
        Notes::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fronts() {
        let text = |given: Option<(&[u8], &[u8])>| {
            given.map(|(a, b)| (String::from_utf8_lossy(a).into_owned(), String::from_utf8_lossy(b).into_owned()))
        };
        let some = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(text(compose(b"db-1  | LOG:  x")), some("db-1", "LOG:  x"));
        assert_eq!(text(compose(b"\x1b[36mdb-1        | \x1b[0mLOG:  x | y")), some("db-1", "LOG:  x | y"));
        assert_eq!(text(compose(b"db-1  | \tx")), some("db-1", "\tx"));
        assert_eq!(text(compose(b"db-1  |")), some("db-1", ""));
        for line in ["", "db-1", "db-1| x", " | x", "a b | c", "2026-11-22 02:00:00 | x"] {
            assert_eq!(text(compose(line.as_bytes())), None, "{line}");
        }
        assert_eq!(text(kubectl(b"[pod/db-0/postgres] x")), some("pod/db-0/postgres", "x"));
        assert_eq!(text(kubectl(b"[123] x")), None);
        assert!(timestamped(b"2026-11-22 02:00:16.670 UTC [1] LOG:  x").is_none());
        assert!(tail(b"2026-11-22T02:00:16+00:00 2026-11-22 02:00:16").is_none());
        let (_, name, rest) = tail(b"2026-11-22T02:00:16+00:00 db.0 2026-11-22 02:00:16 UTC").unwrap();
        assert_eq!((name, rest), (b"db.0".as_slice(), b"2026-11-22 02:00:16 UTC".as_slice()));
    }
}
