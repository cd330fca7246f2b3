//! A query in the variants that the supported majors need.

use super::version::Version;

/// One query, with one text for each range of majors.
///
/// A variant is named for the minimum major it needs; the newest one not above the server wins, so a server newer than
/// every variant is read with the newest. All variants return the same columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// The name of the fact it reads, and the stem of its SQL files.
    pub name: &'static str,
    /// (minimum major, SQL), in any order.
    pub variants: &'static [(u16, &'static str)],
}

impl Query {
    /// The text for a server of this major; `None` where every variant needs a newer one.
    #[must_use]
    pub fn sql(&self, major: u16) -> Option<&'static str> {
        self.variants
            .iter()
            .filter(|(minimum, _)| *minimum <= major)
            .max_by_key(|(minimum, _)| *minimum)
            .map(|(_, sql)| *sql)
    }

    /// The text for a server of this version.
    #[must_use]
    pub fn sql_for(&self, version: &Version) -> Option<&'static str> {
        self.sql(version.major())
    }

    /// The oldest major that any variant can read.
    #[must_use]
    pub fn minimum(&self) -> Option<u16> {
        self.variants.iter().map(|(minimum, _)| *minimum).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: Query = Query { name: "x", variants: &[(14, "old"), (17, "new"), (16, "middle")] };

    #[test]
    fn newest_variant_not_above_the_server_wins() {
        let texts: Vec<_> = (13..=19).map(|major| QUERY.sql(major)).collect();
        assert_eq!(texts, [None, Some("old"), Some("old"), Some("middle"), Some("new"), Some("new"), Some("new")]);
        assert_eq!(QUERY.minimum(), Some(14));
    }
}
