//! Times as carriers write them: RFC 3339 with its relaxed forms, and syslog's date without a year.

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400;

/// A time that was read: the instant, the bytes it took, and whether it named a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Microseconds since 1970-01-01; UTC where a zone was named, else of whatever zone the writer lives in.
    pub(super) micros: i64,
    /// Bytes taken.
    pub(super) len: usize,
    /// Whether a zone was named by offset or as UTC.
    pub(super) is_zoned: bool,
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of days since 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

fn number(bytes: &[u8], from: usize, digits: usize) -> Option<i64> {
    let mut value = 0;
    for byte in bytes.get(from..from + digits)? {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    Some(value)
}

/// The time of day at `at`: seconds, microseconds and where it ends.
fn time_of_day(bytes: &[u8], at: usize) -> Option<(i64, i64, usize)> {
    let (hour, minute, second) = (number(bytes, at, 2)?, number(bytes, at + 3, 2)?, number(bytes, at + 6, 2)?);
    if bytes.get(at + 2) != Some(&b':') || bytes.get(at + 5) != Some(&b':') || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut end = at + 8;
    let mut micros = 0;
    if matches!(bytes.get(end), Some(b'.' | b',')) && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end += 1;
        let mut unit = 100_000;
        while let Some(digit) = bytes.get(end).filter(|b| b.is_ascii_digit()) {
            micros += i64::from(digit - b'0') * unit;
            unit /= 10;
            end += 1;
        }
    }
    Some((hour * 3600 + minute * 60 + second, micros, end))
}

/// The offset at `at` in seconds east, and where it ends: `Z`, `+01:00`, `+0100`, `+01`.
fn offset(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let sign = match bytes.get(at)? {
        b'Z' | b'z' => return Some((0, at + 1)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = number(bytes, at + 1, 2)?;
    let (minutes, end) = match bytes.get(at + 3) {
        Some(b':') => (number(bytes, at + 4, 2)?, at + 6),
        _ => number(bytes, at + 3, 2).map_or((0, at + 3), |minutes| (minutes, at + 5)),
    };
    Some((sign * (hours * 3600 + minutes * 60), end))
}

/// `2026-11-22T02:00:16.670+01:00` at the start of `bytes`, a blank in place of the `T`, a fraction and a zone or none.
pub(super) fn rfc3339(bytes: &[u8]) -> Option<Stamp> {
    let (year, month, day) = (number(bytes, 0, 4)?, number(bytes, 5, 2)?, number(bytes, 8, 2)?);
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') || !matches!(bytes.get(10), Some(b'T' | b't' | b' '))
    {
        return None;
    }
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (seconds, micros, end) = time_of_day(bytes, 11)?;
    let local = (days(year, month, day) * DAY + seconds) * SECOND + micros;
    if let Some((east, end)) = offset(bytes, end) {
        return Some(Stamp { micros: local - east * SECOND, len: end, is_zoned: true });
    }
    // PostgreSQL's own form: the zone is a word after a blank
    let rest = bytes.get(end..).unwrap_or_default();
    for word in [b" UTC".as_slice(), b" GMT"] {
        if rest.starts_with(word) && !rest.get(4).is_some_and(u8::is_ascii_alphanumeric) {
            return Some(Stamp { micros: local, len: end + 4, is_zoned: true });
        }
    }
    if rest.first() == Some(&b' ')
        && let Some((east, zone_end)) = offset(rest, 1)
        && rest.get(1) != Some(&b'Z')
        && !rest.get(zone_end).is_some_and(u8::is_ascii_alphanumeric)
    {
        return Some(Stamp { micros: local - east * SECOND, len: end + zone_end, is_zoned: true });
    }
    Some(Stamp { micros: local, len: end, is_zoned: false })
}

/// Whether `bytes` begins as RFC 3339 has it, with the `T` that PostgreSQL never writes.
pub(super) fn starts_with_rfc3339(bytes: &[u8]) -> Option<Stamp> {
    if !matches!(bytes.get(10), Some(b'T' | b't')) {
        return None;
    }
    rfc3339(bytes)
}

/// Seconds since 1970 with a fraction, as `%n` and `journalctl -o short-unix` have them.
pub(super) fn epoch(bytes: &[u8]) -> Option<Stamp> {
    let seconds = number(bytes, 0, 10)?;
    if bytes.get(10) != Some(&b'.') {
        return None;
    }
    let fraction = bytes.get(11..)?.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=9).contains(&fraction) {
        return None;
    }
    let micros = number(bytes, 11, fraction.min(6))? * 10_i64.pow(6 - fraction.min(6) as u32);
    Some(Stamp { micros: seconds * SECOND + micros, len: 11 + fraction, is_zoned: true })
}

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// A date without a year, as RFC 3164 has it: `Nov 22 02:00:16`, with a fraction or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Yearless {
    month: i64,
    day: i64,
    seconds: i64,
    micros: i64,
    /// Bytes taken.
    pub(super) len: usize,
}

impl Yearless {
    /// At the start of `bytes`.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let name = bytes.get(..3)?;
        let month = MONTHS.iter().position(|month| *month == name)? as i64 + 1;
        let day = match (bytes.get(3), bytes.get(4)) {
            (Some(b' '), Some(b' ')) => number(bytes, 5, 1)?,
            (Some(b' '), _) => number(bytes, 4, 2)?,
            _ => return None,
        };
        if bytes.get(6) != Some(&b' ') || !(1..=31).contains(&day) {
            return None;
        }
        let (seconds, micros, len) = time_of_day(bytes, 7)?;
        Some(Self { month, day, seconds, micros, len })
    }

    /// The instant in the latest year that does not put it after `reference` (a day of slack is for clocks and zones),
    /// both in microseconds, both of one zone. A log longer than a year cannot be told from a shorter one.
    pub(super) fn before(self, reference: i64) -> Option<i64> {
        let latest = reference.checked_add(DAY * SECOND)?;
        let (year, ..) = date(latest.div_euclid(DAY * SECOND));
        // eight years back: a 29 February may have to look past a century
        (0..=8).map(|back| year - back).find_map(|year| {
            let day = days(year, self.month, self.day);
            let exists = date(day) == (year, self.month, self.day);
            let micros = (day * DAY + self.seconds).checked_mul(SECOND)?.checked_add(self.micros)?;
            (exists && micros <= latest).then_some(micros)
        })
    }
}

/// Appends RFC 3339 in UTC with microseconds; nothing where the year has not four digits.
pub(super) fn write_rfc3339(micros: i64, out: &mut Vec<u8>) {
    use std::io::Write;
    let (year, month, day) = date(micros.div_euclid(DAY * SECOND));
    if !(0..=9999).contains(&year) {
        return;
    }
    let of_day = micros.rem_euclid(DAY * SECOND);
    let (seconds, fraction) = (of_day / SECOND, of_day % SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    // writing to a vector does not fail
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(micros: i64) -> String {
        let mut out = Vec::new();
        write_rfc3339(micros, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_carriers_write() {
        for (given, expected, len, is_zoned) in [
            ("2026-11-22T02:00:16.670123456Z stderr", "2026-11-22T02:00:16.670123Z", 30, true),
            ("2026-11-22T02:00:16+01:00 x", "2026-11-22T01:00:16.000000Z", 25, true),
            ("2026-11-22T02:00:16-0330 x", "2026-11-22T05:30:16.000000Z", 24, true),
            ("2026-11-22 02:00:16.670 UTC [1]", "2026-11-22T02:00:16.670000Z", 27, true),
            ("2026-11-22 02:00:16.670 +03 [1]", "2026-11-21T23:00:16.670000Z", 27, true),
            ("2026-11-22 02:00:16.670 CEST [1]", "2026-11-22T02:00:16.670000Z", 23, false),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000Z", 22, true),
            ("2024-02-29 00:00:00", "2024-02-29T00:00:00.000000Z", 19, false),
        ] {
            let stamp = rfc3339(given.as_bytes()).unwrap();
            assert_eq!((text(stamp.micros).as_str(), stamp.len, stamp.is_zoned), (expected, len, is_zoned), "{given}");
        }
        for given in ["", "2026-13-01 00:00:00", "2026-11-22", "20261122 02:00:16", "2026-11-22T25:00:00Z", "x"] {
            assert_eq!(rfc3339(given.as_bytes()), None, "{given}");
        }
        assert_eq!(epoch(b"1795312816.670 x").map(|s| s.micros), Some(1_795_312_816_670_000));
    }

    #[test]
    fn the_year_that_is_not_the_future() {
        let reference = |text: &str| rfc3339(text.as_bytes()).unwrap().micros;
        for (given, last_written, expected) in [
            ("Nov 22 02:00:16 host", "2026-11-22T03:00:00Z", "2026-11-22T02:00:16.000000Z"),
            ("Dec 31 23:59:59 host", "2027-01-01T00:10:00Z", "2026-12-31T23:59:59.000000Z"),
            ("Nov 22 14:00:16 host", "2026-11-22T03:00:00Z", "2026-11-22T14:00:16.000000Z"),
            ("Nov 25 14:00:16 host", "2026-11-22T03:00:00Z", "2025-11-25T14:00:16.000000Z"),
            ("Feb 29 12:00:00 host", "2026-11-22T03:00:00Z", "2024-02-29T12:00:00.000000Z"),
            ("Nov  2 02:00:16.5 host", "2026-11-22T03:00:00Z", "2026-11-02T02:00:16.500000Z"),
        ] {
            let stamp = Yearless::parse(given.as_bytes()).unwrap();
            assert_eq!(text(stamp.before(reference(last_written)).unwrap()), expected, "{given}");
        }
        for given in ["Nov 22", "Nob 22 02:00:16", "Nov 32 02:00:16", "Nov 2 02:00:16"] {
            assert_eq!(Yearless::parse(given.as_bytes()), None, "{given}");
        }
        let stamp = Yearless::parse(b"Nov 22 02:00:16").unwrap();
        assert_eq!(stamp.before(i64::MAX), None);
        assert!(stamp.before(i64::MIN).is_none_or(|micros| micros < 0));
    }
}
