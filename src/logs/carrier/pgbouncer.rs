//! PgBouncer's own log: no SQL in it, but who logged in and how much went through.

use super::emit::Envelope;
use super::lines::LineCarrier;
use super::{Notes, clock};

/// What a PgBouncer log came to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PgBouncer {
    /// Client logins (`login attempt`).
    pub logins: u64,
    /// Connections to servers (`new connection to server`).
    pub server_connections: u64,
    /// Lines of level WARNING, ERROR and FATAL.
    pub problems: u64,
    /// `stats:` lines, one for each `stats_period`.
    pub periods: u64,
    /// Transactions a second, summed over the periods.
    pub transactions_per_second: f64,
    /// Queries a second, summed over the periods.
    pub queries_per_second: f64,
    /// Microseconds a client waited for a server, summed over the periods.
    pub wait_micros: f64,
    /// The first line's time, microseconds since 1970-01-01 UTC where its zone is known.
    pub first: Option<i64>,
    /// The last line's time.
    pub last: Option<i64>,
}

impl PgBouncer {
    /// The sum over two logs.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            logins: self.logins + other.logins,
            server_connections: self.server_connections + other.server_connections,
            problems: self.problems + other.problems,
            periods: self.periods + other.periods,
            transactions_per_second: self.transactions_per_second + other.transactions_per_second,
            queries_per_second: self.queries_per_second + other.queries_per_second,
            wait_micros: self.wait_micros + other.wait_micros,
            first: self.first.or(other.first),
            last: other.last.or(self.last),
        }
    }
}

/// A line: time, level, text. PostgreSQL puts a colon behind its level.
pub(super) fn parse(line: &[u8]) -> Option<(i64, &[u8], &[u8])> {
    if line.get(10) != Some(&b' ') {
        return None;
    }
    let stamp = clock::rfc3339(line)?;
    let rest = line.get(stamp.len..)?;
    let open = rest.iter().take(16).position(|b| *b == b'[')?;
    let inside = &rest[open + 1..];
    let close = inside.iter().take(12).position(|b| *b == b']')?;
    if close == 0 || !inside[..close].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let rest = inside[close + 1..].strip_prefix(b" ")?;
    let end = rest.iter().take(10).position(|b| *b == b' ')?;
    let level = &rest[..end];
    let is_level = matches!(level, b"LOG" | b"DEBUG" | b"NOISE" | b"WARNING" | b"ERROR" | b"FATAL");
    is_level.then(|| (stamp.micros, level, &rest[end + 1..]))
}

/// The carrier: everything is counted, nothing is handed on.
#[derive(Debug, Default)]
pub(super) struct Log {
    sum: PgBouncer,
}

impl LineCarrier for Log {
    fn line(&mut self, _outer: Envelope, line: &[u8], _out: &mut Vec<u8>) -> bool {
        let Some((time, level, text)) = parse(line) else { return false };
        let sum = &mut self.sum;
        sum.first = sum.first.or(Some(time));
        sum.last = Some(time);
        sum.problems += u64::from(matches!(level, b"WARNING" | b"ERROR" | b"FATAL"));
        if let Some(stats) = text.strip_prefix(b"stats: ") {
            sum.periods += 1;
            for part in stats.split(|b| *b == b',') {
                let part = String::from_utf8_lossy(part);
                let words: Vec<_> = part.split_ascii_whitespace().collect();
                let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite()).unwrap_or(0.0);
                match words.as_slice() {
                    [value, "xacts/s"] => sum.transactions_per_second += number(value),
                    [value, "queries/s"] => sum.queries_per_second += number(value),
                    ["wait", value, "us"] | ["wait", "time", value, "us"] => sum.wait_micros += number(value),
                    _ => {}
                }
            }
            return true;
        }
        let start = &text[..text.len().min(256)];
        sum.logins += u64::from(memchr::memmem::find(start, b" login attempt:").is_some());
        sum.server_connections += u64::from(memchr::memmem::find(start, b" new connection to server").is_some());
        true
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}

    fn notes(&self) -> Notes {
        Notes { pgbouncer: Some(self.sum), ..Notes::default() }
    }
}
