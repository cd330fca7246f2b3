//! Numbers with their units, as people write them: `10 min`, `20 %`, `2GiB`, `10,000`, `1000/day`.

use super::document::Scalar;
use crate::finding::Unit;

const SECOND: f64 = 1.0;
const DAY: f64 = 86_400.0;

/// What a suffix measures.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Time,
    Size,
    Part,
    Rate,
    Things,
}

/// Suffixes in lower case, what they measure, and how much of its base (seconds, bytes, parts of one, events a second).
/// `kB`, `MB` and so on are powers of 1024, as in PostgreSQL's own settings.
const SUFFIXES: &[(&str, Kind, f64)] = &[
    ("us", Kind::Time, 1e-6),
    ("ms", Kind::Time, 1e-3),
    ("s", Kind::Time, SECOND),
    ("sec", Kind::Time, SECOND),
    ("second", Kind::Time, SECOND),
    ("seconds", Kind::Time, SECOND),
    ("m", Kind::Time, 60.0),
    ("min", Kind::Time, 60.0),
    ("minute", Kind::Time, 60.0),
    ("minutes", Kind::Time, 60.0),
    ("h", Kind::Time, 3600.0),
    ("hour", Kind::Time, 3600.0),
    ("hours", Kind::Time, 3600.0),
    ("d", Kind::Time, DAY),
    ("day", Kind::Time, DAY),
    ("days", Kind::Time, DAY),
    ("b", Kind::Size, 1.0),
    ("bytes", Kind::Size, 1.0),
    ("kb", Kind::Size, 1024.0),
    ("kib", Kind::Size, 1024.0),
    ("mb", Kind::Size, 1_048_576.0),
    ("mib", Kind::Size, 1_048_576.0),
    ("gb", Kind::Size, 1_073_741_824.0),
    ("gib", Kind::Size, 1_073_741_824.0),
    ("tb", Kind::Size, 1_099_511_627_776.0),
    ("tib", Kind::Size, 1_099_511_627_776.0),
    ("%", Kind::Part, 0.01),
    ("percent", Kind::Part, 0.01),
    ("/s", Kind::Rate, 1.0),
    ("/second", Kind::Rate, 1.0),
    ("per second", Kind::Rate, 1.0),
    ("/day", Kind::Rate, 1.0 / DAY),
    ("a day", Kind::Rate, 1.0 / DAY),
    ("per day", Kind::Rate, 1.0 / DAY),
    ("rows", Kind::Things, 1.0),
    ("pages", Kind::Things, 1.0),
    ("calls", Kind::Things, 1.0),
    ("transactions", Kind::Things, 1.0),
];

/// A number in a unit; one without a suffix is in that unit already.
///
/// # Errors
/// One clause that says what would be right.
pub(crate) fn quantity(written: &Scalar, unit: &Unit) -> Result<f64, String> {
    let value = match written {
        Scalar::Number(number) => *number,
        Scalar::Text(text) => parse(text, unit)?,
        Scalar::Flag(_) | Scalar::Date(_) => return Err(format!("has to be a number, such as {}", example(unit))),
    };
    match value {
        v if !v.is_finite() || v < 0.0 => Err(format!("has to be 0 or more, such as {}", example(unit))),
        v if *unit == Unit::Ratio && v > 1.0 => {
            Err(format!("is a part of one: write \"{v} %\" for {v} per cent, not {v}"))
        }
        v => Ok(v),
    }
}

fn parse(text: &str, unit: &Unit) -> Result<f64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '_'))).unwrap_or(text.len());
    let (digits, suffix) = text.split_at(digits);
    let suffix = suffix.trim().to_lowercase();
    let number = plain(digits).ok_or_else(|| format!("\"{text}\" has to be a number, such as {}", example(unit)))?;
    if suffix.is_empty() {
        return Ok(number);
    }
    let Some((_, kind, factor)) = SUFFIXES.iter().find(|(known, _, _)| *known == suffix) else {
        return Err(format!("\"{text}\" has the unknown unit \"{suffix}\": write it such as {}", example(unit)));
    };
    let base = number * factor;
    match (unit, kind) {
        (Unit::Seconds, Kind::Time) | (Unit::Bytes, Kind::Size) | (Unit::PerSecond, Kind::Rate) => Ok(base),
        (Unit::Milliseconds, Kind::Time) => Ok(base * 1000.0),
        (Unit::PerDay, Kind::Rate) => Ok(base * DAY),
        // Percent as written: a hundredth of a hundredth would not come back exactly.
        (Unit::Percent, Kind::Part) => Ok(number),
        (Unit::Ratio, Kind::Part) => Ok(number / 100.0),
        (Unit::Count | Unit::Rows | Unit::Pages | Unit::Transactions, Kind::Things) => Ok(number),
        _ => Err(format!("\"{text}\" is in the wrong unit: it counts {unit}, such as {}", example(unit))),
    }
}

/// Digits with a point, underscores, or thousands grouped by commas.
fn plain(digits: &str) -> Option<f64> {
    let (whole, _) = digits.split_once('.').unwrap_or((digits, ""));
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let grouped = whole.contains(',');
    let well = groups.all(|group| group.len() == 3) && (!grouped || (1..=3).contains(&first.len()));
    let starts = digits.starts_with(|c: char| c.is_ascii_digit());
    let point = digits.matches('.').count() <= 1 && !digits.split_once('.').is_some_and(|(_, part)| part.contains(','));
    if !(well && starts && point) {
        return None;
    }
    digits.replace([',', '_'], "").parse().ok()
}

fn example(unit: &Unit) -> &'static str {
    match unit {
        Unit::Seconds | Unit::Milliseconds => "\"10 min\"",
        Unit::Bytes => "\"10 MB\"",
        Unit::Percent | Unit::Ratio => "\"20 %\"",
        Unit::PerSecond => "\"100/s\"",
        Unit::PerDay => "\"1000/day\"",
        _ => "10000",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str, unit: &Unit) -> Result<f64, String> {
        quantity(&Scalar::Text(text.to_owned()), unit)
    }

    #[test]
    fn people_write_units_in_many_ways() {
        assert_eq!(read("10 min", &Unit::Seconds), Ok(600.0));
        assert_eq!(read("100ms", &Unit::Milliseconds), Ok(100.0));
        assert_eq!(read("1.5 s", &Unit::Milliseconds), Ok(1500.0));
        assert_eq!(read("20 %", &Unit::Percent), Ok(20.0));
        assert_eq!(read("20%", &Unit::Ratio), Ok(0.2));
        assert_eq!(read("2GiB", &Unit::Bytes), Ok(2_147_483_648.0));
        assert_eq!(read("10 MB", &Unit::Bytes), Ok(10_485_760.0));
        assert_eq!(read("10,000", &Unit::Rows), Ok(10_000.0));
        assert_eq!(read("10_000 rows", &Unit::Rows), Ok(10_000.0));
        assert_eq!(read("1000/day", &Unit::PerDay).map(f64::round), Ok(1000.0));
        assert_eq!(quantity(&Scalar::Number(3.0), &Unit::Seconds), Ok(3.0));
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for (text, unit, said) in [
            ("10 MB", Unit::Seconds, "wrong unit: it counts seconds, such as \"10 min\""),
            ("10 parsecs", Unit::Seconds, "unknown unit \"parsecs\""),
            ("ten", Unit::Count, "has to be a number, such as 10000"),
            ("1,00", Unit::Count, "has to be a number"),
            ("1.2.3", Unit::Count, "has to be a number"),
            ("", Unit::Count, "has to be a number"),
        ] {
            let error = read(text, &unit).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        assert!(quantity(&Scalar::Number(-1.0), &Unit::Seconds).is_err());
        assert!(quantity(&Scalar::Number(20.0), &Unit::Ratio).unwrap_err().contains("20 %"));
        assert!(quantity(&Scalar::Flag(true), &Unit::Ratio).is_err());
    }

    proptest! {
        #[test]
        fn never_panics_never_negative(text in ".{0,20}") {
            for unit in Unit::ALL {
                if let Ok(value) = read(&text, unit) {
                    prop_assert!(value.is_finite() && value >= 0.0);
                }
            }
        }
    }
}
