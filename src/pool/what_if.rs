//! What would change the demand: questions that the measured traffic can answer.

use std::fmt;
use std::str::FromStr;

/// A change to what was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WhatIf {
    /// So many times as many transactions, as bursty as now.
    Traffic(f64),
    /// The application runs in so many instances, each with a pool of its own.
    Instances(u32),
    /// Clients do inside transactions only what the database does.
    NoIdleInTransaction,
    /// One pooler before the server in place of a pool in each instance.
    SharedPooler,
}

/// The most that traffic is multiplied by: what was measured says nothing of a hundred times as much.
const MOST_TRAFFIC: f64 = 100.0;
const MOST_INSTANCES: u32 = 10_000;

impl FromStr for WhatIf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value.trim())));
        match (name.trim(), value) {
            ("traffic", Some(value)) => {
                let (number, unit) = match value.strip_suffix('%') {
                    Some(number) => (number, 100.0),
                    None => (value.trim_end_matches(['x', 'X', '×']), 1.0),
                };
                let factor = number.trim().parse::<f64>().map(|number| number / unit);
                match factor {
                    Ok(factor) if factor > 0.0 && factor <= MOST_TRAFFIC => Ok(Self::Traffic(factor)),
                    _ => Err(format!("traffic=\"{value}\" is not a factor up to {MOST_TRAFFIC}, such as 2x or 150%")),
                }
            }
            ("instances", Some(value)) => match value.parse() {
                Ok(count) if (1..=MOST_INSTANCES).contains(&count) => Ok(Self::Instances(count)),
                _ => Err(format!("instances=\"{value}\" is not a number from 1 to {MOST_INSTANCES}")),
            },
            ("no-idle-in-transaction", None) => Ok(Self::NoIdleInTransaction),
            ("shared-pooler", None) => Ok(Self::SharedPooler),
            _ => Err(format!("\"{text}\" is none of traffic=2x, instances=8, no-idle-in-transaction, shared-pooler")),
        }
    }
}

impl fmt::Display for WhatIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Traffic(factor) => write!(f, "traffic={factor}x"),
            Self::Instances(count) => write!(f, "instances={count}"),
            Self::NoIdleInTransaction => f.write_str("no-idle-in-transaction"),
            Self::SharedPooler => f.write_str("shared-pooler"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_and_written() {
        for text in ["traffic=2x", "traffic=0.5x", "instances=8", "no-idle-in-transaction", "shared-pooler"] {
            assert_eq!(text.parse::<WhatIf>().unwrap().to_string(), text);
        }
        assert_eq!("traffic=150%".parse(), Ok(WhatIf::Traffic(1.5)));
        assert_eq!("traffic = 3".parse(), Ok(WhatIf::Traffic(3.0)));
        let bad =
            ["traffic", "traffic=", "traffic=-1", "traffic=nanx", "traffic=1e9", "instances=0", "instances=x", "x", ""];
        for text in bad {
            assert!(text.parse::<WhatIf>().is_err(), "{text}");
        }
    }
}
