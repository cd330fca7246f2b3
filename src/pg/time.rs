//! Points in time as PostgreSQL has them: with infinity at both ends.

use std::error::Error;
use std::fmt;
use std::ops::Sub;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio_postgres::types::{FromSql, Type, accepts};

/// Microseconds from the Unix epoch to 2000-01-01, PostgreSQL's own epoch.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;
/// The last instant that RFC 3339 can write with any offset: some hours before the year 10000.
const LAST_WRITABLE: i64 = 253_402_207_200_000_000 - 1;
/// 0001-01-01T00:00:00Z.
const FIRST_WRITABLE: i64 = -62_135_596_800_000_000;

/// A `timestamptz`: microseconds since the Unix epoch in UTC, or one of the two infinities.
///
/// In JSON it is RFC 3339 in UTC with microseconds, or `"infinity"` or `"-infinity"`. A year that RFC 3339 cannot write
/// (before 1 or after 9999) is clamped to the nearest instant it can, when it is written; comparisons are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Later than every other time.
    pub const INFINITY: Self = Self(i64::MAX);
    /// Earlier than every other time.
    pub const NEG_INFINITY: Self = Self(i64::MIN);

    /// A time from microseconds since the Unix epoch; the extremes of `i64` are the infinities.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch, where the time is finite.
    #[must_use]
    pub fn micros(self) -> Option<i64> {
        self.is_finite().then_some(self.0)
    }

    /// Whether this is a real instant.
    #[must_use]
    pub fn is_finite(self) -> bool {
        self != Self::INFINITY && self != Self::NEG_INFINITY
    }

    /// The time `seconds` later (or earlier, when negative); an infinity stays what it is, and nothing overflows into one.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        if !self.is_finite() {
            return self;
        }
        let micros = self.0.saturating_add(seconds.saturating_mul(1_000_000));
        Self(micros.clamp(i64::MIN + 1, i64::MAX - 1))
    }

    /// The local clock, now. For the outermost edge only: a check's "now" is its snapshot's time.
    #[must_use]
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond())
    }
}

/// Seconds from the right time to the left one; `None` where one of them is infinite.
impl Sub for Timestamp {
    type Output = Option<f64>;

    fn sub(self, earlier: Self) -> Option<f64> {
        let micros = i128::from(self.micros()?) - i128::from(earlier.micros()?);
        // 2^53 µs are 285 years: beyond that the last microseconds are rounded, which no threshold notices
        #[expect(clippy::cast_precision_loss)]
        Some(micros as f64 / 1e6)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::INFINITY => f.write_str("infinity"),
            Self::NEG_INFINITY => f.write_str("-infinity"),
            Self(micros) => {
                let time = jiff::Timestamp::from_microsecond(micros.clamp(FIRST_WRITABLE, LAST_WRITABLE))
                    .map_err(|_| fmt::Error)?;
                write!(f, "{time:.6}")
            }
        }
    }
}

/// A text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a time: write RFC 3339 such as 2026-01-31T12:00:00Z, or infinity, or -infinity")]
pub struct TimestampError {
    text: String,
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        match text {
            "infinity" => Ok(Self::INFINITY),
            "-infinity" => Ok(Self::NEG_INFINITY),
            other => other
                .parse::<jiff::Timestamp>()
                .map(|time| Self(time.as_microsecond()))
                .map_err(|_| TimestampError { text: other.to_owned() }),
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
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<'a> FromSql<'a> for Timestamp {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let raw: [u8; 8] = raw.try_into().map_err(|_| "a timestamptz has eight bytes")?;
        Ok(match i64::from_be_bytes(raw) {
            i64::MAX => Self::INFINITY,
            i64::MIN => Self::NEG_INFINITY,
            // PostgreSQL's last year, 294276, is within i64 of either epoch; a damaged value must not wrap
            micros => Self(micros.saturating_add(POSTGRES_EPOCH).clamp(i64::MIN + 1, i64::MAX - 1)),
        })
    }

    accepts!(TIMESTAMPTZ);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(raw: i64) -> Timestamp {
        Timestamp::from_sql(&Type::TIMESTAMPTZ, &raw.to_be_bytes()).unwrap()
    }

    #[test]
    fn decodes_the_servers_epoch_and_infinities() {
        assert_eq!(decoded(0).to_string(), "2000-01-01T00:00:00.000000Z");
        assert_eq!(decoded(i64::MAX), Timestamp::INFINITY);
        assert_eq!(decoded(i64::MIN), Timestamp::NEG_INFINITY);
        assert!(decoded(i64::MAX - 1).is_finite());
        assert!(Timestamp::from_sql(&Type::TIMESTAMPTZ, &[1, 2]).is_err());
    }

    #[test]
    fn is_ordered_and_subtracts() {
        assert!(Timestamp::NEG_INFINITY < decoded(0) && decoded(0) < Timestamp::INFINITY);
        assert_eq!(decoded(2_500_000) - decoded(0), Some(2.5));
        assert_eq!(decoded(0) - decoded(500_000), Some(-0.5));
        assert_eq!(Timestamp::INFINITY - decoded(0), None);
        assert_eq!(decoded(0) - Timestamp::NEG_INFINITY, None);
        assert_eq!(decoded(0).plus_seconds(i64::MAX) - decoded(0) > Some(1e11), true);
        assert_eq!(Timestamp::INFINITY.plus_seconds(-1), Timestamp::INFINITY);
    }

    #[test]
    fn writes_years_that_rfc_3339_cannot() {
        assert!(decoded(i64::MAX - 1).to_string().starts_with("9999-12-30T"));
        assert!(decoded(i64::MIN + 1).to_string().starts_with("0001-01-01T"));
    }

    #[test]
    fn refuses_what_is_no_time() {
        assert!("yesterday".parse::<Timestamp>().is_err());
        assert!(serde_json::from_str::<Timestamp>("\"\"").is_err());
    }

    proptest! {
        #[test]
        fn survives_json(micros in FIRST_WRITABLE..LAST_WRITABLE) {
            let time = Timestamp::from_micros(micros);
            let text = serde_json::to_string(&time).unwrap();
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), time);
        }
    }

    #[test]
    fn infinities_survive_json() {
        for time in [Timestamp::INFINITY, Timestamp::NEG_INFINITY] {
            let text = serde_json::to_string(&time).unwrap();
            assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), time);
        }
    }
}
