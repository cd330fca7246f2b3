//! Instants as PostgreSQL has them: microseconds, and both infinities.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An instant in microseconds since the Unix epoch, UTC; `i64::MIN` and `i64::MAX` are PostgreSQL's `-infinity` and
/// `infinity`. Serialised as RFC 3339 in UTC, or as those two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// 2000-01-01 00:00:00 UTC in microseconds since the Unix epoch: where PostgreSQL counts from.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl Timestamp {
    /// Later than every instant.
    pub const INFINITY: Self = Self(i64::MAX);
    /// Earlier than every instant.
    pub const NEGATIVE_INFINITY: Self = Self(i64::MIN);

    /// From microseconds since 1970-01-01 UTC.
    pub const fn from_unix_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From the binary form of a `timestamptz`: microseconds since 2000-01-01 UTC, the extremes being the infinities.
    pub const fn from_postgres_micros(micros: i64) -> Self {
        match micros {
            i64::MAX | i64::MIN => Self(micros),
            _ => Self(micros.saturating_add(POSTGRES_EPOCH)),
        }
    }

    /// Microseconds since 1970-01-01 UTC.
    pub const fn unix_micros(self) -> i64 {
        self.0
    }

    /// Whether it is an instant and not one of the infinities.
    pub const fn is_finite(self) -> bool {
        self.0 != i64::MAX && self.0 != i64::MIN
    }

    /// Seconds from `earlier` to `self`, negative where it lies after; `None` where one is infinite.
    pub fn seconds_since(self, earlier: Self) -> Option<f64> {
        (self.is_finite() && earlier.is_finite()).then(|| (self.0 as f64 - earlier.0 as f64) / 1e6)
    }

    /// The instant so many seconds later; the infinities stay.
    pub fn plus_seconds(self, seconds: f64) -> Self {
        if self.is_finite() { Self(self.0.saturating_add((seconds * 1e6) as i64)) } else { self }
    }

    /// From RFC 3339, a date (midnight UTC), or the two infinities.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "infinity" => return Some(Self::INFINITY),
            "-infinity" => return Some(Self::NEGATIVE_INFINITY),
            _ => {}
        }
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Some(Self(instant.as_microsecond()));
        }
        let date: jiff::civil::Date = text.parse().ok()?;
        let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Self(midnight.timestamp().as_microsecond()))
    }

    /// The calendar date in UTC, `2026-11-22`.
    pub fn date(self) -> String {
        self.to_string().chars().take_while(|c| *c != 'T').collect()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, jiff::Timestamp::from_microsecond(self.0)) {
            (i64::MAX, _) => f.pad("infinity"),
            (i64::MIN, _) => f.pad("-infinity"),
            (_, Ok(instant)) => f.pad(&instant.to_string()),
            // PostgreSQL's years reach 294276, the calendar of RFC 3339 ends at 9999.
            (micros, Err(_)) => f.pad(if micros > 0 { "infinity" } else { "-infinity" }),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("\"{text}\" is not an RFC 3339 time")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinities_and_instants_round_trip() {
        for text in ["infinity", "-infinity", "2026-11-22T05:43:00Z", "1999-12-31T23:59:59.000001Z"] {
            let instant = Timestamp::parse(text).unwrap();
            assert_eq!(instant.to_string(), text);
            let json = serde_json::to_string(&instant).unwrap();
            assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), instant);
        }
        assert_eq!(Timestamp::from_postgres_micros(i64::MAX), Timestamp::INFINITY);
        assert_eq!(Timestamp::from_postgres_micros(0).to_string(), "2000-01-01T00:00:00Z");
        assert_eq!(Timestamp::parse("2026-11-22").unwrap().to_string(), "2026-11-22T00:00:00Z");
        assert_eq!(Timestamp::INFINITY.seconds_since(Timestamp::from_unix_micros(0)), None);
        assert!(Timestamp::parse("yesterday").is_none());
    }
}
