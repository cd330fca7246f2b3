//! A value as configurations and sources write it: `10`, `10_000`, `25m`, `Duration::from_secs(25 * 60)`.

use super::Amount;

/// What a bare number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Connections,
    Seconds,
    Millis,
    /// The value itself says.
    Duration,
    /// Anything but zero and false is on.
    Switch,
}

/// What zero means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zero {
    /// For ever.
    Unlimited,
    /// At once.
    Itself,
    /// Not at all.
    Off,
}

/// In connections or seconds.
///
/// # Errors
/// Why it is not known before the application runs.
pub(super) fn read(text: &str, unit: Unit, zero: Zero) -> Result<Amount, String> {
    let text = text.trim().trim_matches(['"', '\'', '`']).trim();
    let of_zero = match zero {
        Zero::Unlimited => Amount::Unlimited,
        Zero::Itself => Amount::Number(0.0),
        Zero::Off => Amount::Off,
    };
    match text.to_ascii_lowercase().as_str() {
        "none" | "null" | "nil" | "~" | "false" | "undefined" | "infinity" | "float('inf')" | "float::infinity" => {
            return Ok(if zero == Zero::Off { Amount::Off } else { Amount::Unlimited });
        }
        "true" if unit == Unit::Switch => return Ok(Amount::Number(1.0)),
        _ => {}
    }
    let Some(number) = seconds(text, unit, 0) else { return Err(because(text)) };
    if !number.is_finite() {
        return Err(because(text));
    }
    Ok(match number {
        number if number < 0.0 => {
            if zero == Zero::Off {
                Amount::Off
            } else {
                Amount::Unlimited
            }
        }
        0.0 => of_zero,
        number => Amount::Number(number),
    })
}

/// Never the value itself: whoever mixes up keys may have written a password there.
fn because(text: &str) -> String {
    let from_outside = ["${", "#{", "<%", "env", "ENV", "process.", "os.", "System.", "getenv", "$("];
    match from_outside.iter().any(|sign| text.contains(sign)) {
        true => "it comes from the environment".to_owned(),
        false => "it is no number; what it comes to shows when the application runs".to_owned(),
    }
}

/// The value in seconds, or in connections.
fn seconds(text: &str, unit: Unit, depth: u32) -> Option<f64> {
    /// Deeper than anybody writes.
    const DEEPEST: u32 = 8;
    let text = text.trim();
    if depth > DEEPEST || text.is_empty() {
        return None;
    }
    let factor = match unit {
        Unit::Connections | Unit::Seconds | Unit::Duration | Unit::Switch => 1.0,
        Unit::Millis => 1e-3,
    };
    if let Some(number) = plain(text) {
        // a duration without a unit is only sure where it is nothing
        return (unit != Unit::Duration || number <= 0.0).then_some(number * factor);
    }
    if let Some(found) = with_units(text) {
        return (unit != Unit::Connections).then_some(found);
    }
    if let Some(found) = call(text, unit, depth) {
        return Some(found);
    }
    // a product of numbers, one of which may have a unit: 25 * time.Minute
    let factors: Vec<&str> = text.split('*').collect();
    if factors.len() > 1 {
        let mut product = 1.0;
        let mut has_unit = false;
        for one in factors {
            let one = one.trim();
            match (plain(one), go_unit(one)) {
                (Some(number), _) => product *= number,
                (None, Some(seconds)) => (product, has_unit) = (product * seconds, true),
                (None, None) => return None,
            }
        }
        return Some(if has_unit { product } else { product * factor }).filter(|_| has_unit || unit != Unit::Duration);
    }
    go_unit(text).filter(|_| unit != Unit::Connections)
}

fn plain(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(['L', 'l', 'n']).replace('_', "");
    // no `inf`, no `nan`
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
    if is_number { digits.parse().ok() } else { None }
}

/// `1h30m`, `25m`, `500ms`, `10 s`, `PT25M`.
fn with_units(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    let mut rest = lower.strip_prefix("pt").unwrap_or(&lower);
    let mut sum = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?.trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        sum += number
            * match rest.get(..letters)? {
                "ms" => 1e-3,
                "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
                "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
                "h" | "hour" | "hours" => 3600.0,
                "d" | "day" | "days" => 86_400.0,
                _ => return None,
            };
        rest = rest.get(letters..)?.trim_start();
    }
    Some(sum)
}

fn go_unit(text: &str) -> Option<f64> {
    Some(match text {
        "time.Millisecond" => 1e-3,
        "time.Second" => 1.0,
        "time.Minute" => 60.0,
        "time.Hour" => 3600.0,
        _ => return None,
    })
}

/// `Duration::from_secs(10)`, `Some(…)`, `timedelta(minutes=25)`, `Duration.ofMinutes(25)`, `{ secs = 10, nanos = 0 }`.
fn call(text: &str, unit: Unit, depth: u32) -> Option<f64> {
    if let Some(inner) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        let secs =
            inner.split(',').find_map(|part| part.split_once(['=', ':']).filter(|(key, _)| key.trim() == "secs"))?;
        return plain(secs.1.trim()).filter(|_| unit != Unit::Connections);
    }
    let (name, inner) = text.strip_suffix(')')?.split_once('(')?;
    let name = name.rsplit([':', '.']).next()?.trim();
    let scaled = |factor: f64| Some(product(inner)? * factor).filter(|_| unit != Unit::Connections);
    match name {
        "Some" | "Integer" | "int" | "Number" => seconds(inner, unit, depth + 1),
        "from_secs" | "ofSeconds" | "from_secs_f64" => scaled(1.0),
        "from_millis" | "ofMillis" => scaled(1e-3),
        "from_mins" | "ofMinutes" => scaled(60.0),
        "from_hours" | "ofHours" => scaled(3600.0),
        "timedelta" => {
            let (key, value) = inner.split_once('=')?;
            let factor = match key.trim() {
                "seconds" => 1.0,
                "minutes" => 60.0,
                "hours" => 3600.0,
                _ => return None,
            };
            Some(product(value)? * factor).filter(|_| unit != Unit::Connections)
        }
        _ => None,
    }
}

fn product(text: &str) -> Option<f64> {
    text.split('*').map(|part| plain(part.trim())).try_fold(1.0, |product, part| Some(product * part?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str, unit: Unit) -> Option<f64> {
        read(text, unit, Zero::Unlimited).ok().and_then(Amount::number)
    }

    #[test]
    fn as_they_are_written() {
        for (text, unit, expected) in [
            ("10", Unit::Connections, 10.0),
            ("\"10\"", Unit::Connections, 10.0),
            ("Integer(10)", Unit::Connections, 10.0),
            ("10_000", Unit::Millis, 10.0),
            ("1800000L", Unit::Millis, 1800.0),
            ("25 * 60", Unit::Seconds, 1500.0),
            ("25 * 60 * 1000", Unit::Millis, 1500.0),
            ("25m", Unit::Duration, 1500.0),
            ("1h30m", Unit::Duration, 5400.0),
            ("PT25M", Unit::Millis, 1500.0),
            ("500ms", Unit::Duration, 0.5),
            ("10 s", Unit::Millis, 10.0),
            ("25 * time.Minute", Unit::Duration, 1500.0),
            ("time.Hour", Unit::Duration, 3600.0),
            ("Duration::from_secs(25 * 60)", Unit::Duration, 1500.0),
            ("Some(Duration::from_millis(500))", Unit::Duration, 0.5),
            ("std::time::Duration::from_secs(10)", Unit::Duration, 10.0),
            ("timedelta(minutes=25)", Unit::Seconds, 1500.0),
            ("{ secs = 10, nanos = 0 }", Unit::Duration, 10.0),
            ("true", Unit::Switch, 1.0),
        ] {
            assert_eq!(of(text, unit), Some(expected), "{text}");
        }
    }

    #[test]
    fn nothing_and_for_ever() {
        assert_eq!(read("0", Unit::Millis, Zero::Unlimited), Ok(Amount::Unlimited));
        assert_eq!(read("0", Unit::Millis, Zero::Off), Ok(Amount::Off));
        assert_eq!(read("0", Unit::Seconds, Zero::Itself), Ok(Amount::Number(0.0)));
        assert_eq!(read("-1", Unit::Seconds, Zero::Itself), Ok(Amount::Unlimited));
        assert_eq!(read("None", Unit::Seconds, Zero::Unlimited), Ok(Amount::Unlimited));
        assert_eq!(read("false", Unit::Switch, Zero::Off), Ok(Amount::Off));
        assert_eq!(read("0", Unit::Duration, Zero::Unlimited), Ok(Amount::Unlimited));
    }

    #[test]
    fn what_only_the_application_knows() {
        for text in ["${DB_POOL:10}", "<%= ENV.fetch('X') { 5 } %>", "process.env.MAX", "os.getenv('X', 5)"] {
            assert_eq!(read(text, Unit::Connections, Zero::Off), Err("it comes from the environment".into()), "{text}");
        }
        for text in ["POOL_SIZE", "cpus * 2", "", "secret", "1e", "inf", "nan", "25m", "10 + 5"] {
            let found = read(text, Unit::Connections, Zero::Off);
            assert!(found.as_ref().is_err_and(|why| !why.contains("secret")), "{text} {found:?}");
        }
        assert!(read("10", Unit::Duration, Zero::Off).is_err(), "a duration needs a unit");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_fail(text in ".{0,40}", numbers in "[-0-9smh.*() _]{0,20}") {
            for unit in [Unit::Connections, Unit::Seconds, Unit::Millis, Unit::Duration, Unit::Switch] {
                let _ = read(&text, unit, Zero::Unlimited);
                let _ = read(&numbers, unit, Zero::Off);
            }
        }
    }
}
