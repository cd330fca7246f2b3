//! Which PostgreSQL a server is.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// The majors this build has queries for and is tested with.
pub const KNOWN_MAJORS: RangeInclusive<u16> = 14..=18;

/// A server's version, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// `server_version_num`: 150018 is 15.18.
    pub number: u32,
    /// `server_version`: "15.18 (Debian 15.18-0+deb12u1)".
    pub text: String,
}

impl Version {
    /// The major version: 15 for 15.18.
    #[must_use]
    pub fn major(&self) -> u16 {
        u16::try_from(self.number / 10_000).unwrap_or(u16::MAX)
    }

    /// The minor version: 18 for 15.18.
    #[must_use]
    pub fn minor(&self) -> u16 {
        u16::try_from(self.number % 10_000).unwrap_or(u16::MAX)
    }

    /// Whether the server is older than anything this build can read.
    #[must_use]
    pub fn is_too_old(&self) -> bool {
        self.major() < *KNOWN_MAJORS.start()
    }

    /// Whether the server is newer than anything this build was tested with.
    #[must_use]
    pub fn is_newer_than_known(&self) -> bool {
        self.major() > *KNOWN_MAJORS.end()
    }

    /// What a reader of the report should know about this version, if anything.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        self.is_newer_than_known().then(|| {
            format!(
                "PostgreSQL {} is newer than this program knows: it was read with the queries for {}, update pgassay",
                self.major(),
                KNOWN_MAJORS.end()
            )
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major(), self.minor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u32) -> Version {
        Version { number, text: String::new() }
    }

    #[test]
    fn splits_the_number() {
        assert_eq!((version(150_018).major(), version(150_018).minor()), (15, 18));
        assert_eq!(version(180_000).to_string(), "18.0");
    }

    #[test]
    fn knows_its_bounds() {
        assert!(version(130_022).is_too_old());
        assert!(version(90_624).is_too_old());
        assert!(!version(140_000).is_too_old());
        assert!(version(180_099).note().is_none());
        assert!(version(190_000).note().is_some_and(|note| note.contains("for 18")));
    }
}
