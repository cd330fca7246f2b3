//! New enum value used in the transaction that adds it
//!
//! ## Why it matters
//! A value that `alter type … add value` adds can be used only after its transaction has committed. Before that every
//! statement that stores it or compares with it fails with "unsafe use of new value", and the migration with it.
//!
//! ## How it is decided
//! A later statement of the same transaction names the value as a literal, as far as statements, defaults and
//! constraints show it. An enum that the transaction itself created has no such values: silent. *high*: it fails every
//! time.
//!
//! ## What to do
//! Two migrations: the first adds the value and commits, the second uses it.
//!
//! ## Limits
//! Literals are compared, not types: a text that happens to be the new value, in a statement that touches no column of
//! the enum, is told apart only where the column's type is known. Values that a function body or dynamic SQL uses are
//! not seen; a trace sees them.

use super::around;
use super::prelude::*;

/// A value that is not safe yet.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "enum-value-used-before-commit",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("enum_value_used_before_commit.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Statement(run),
};

/// `unsafe_new_enum_value_usage`.
pub(super) const UNSAFE: &str = "55P04";

fn run(m: &Moment<'_>) -> Vec<Finding> {
    let Some(failure) = m.effects.failures.iter().find(|failure| failure.sqlstate == UNSAFE) else { return Vec::new() };
    let place = around::transaction(m).unwrap_or_else(|| "this transaction".to_owned());
    let message = format!("{}: it was added in {place}, which has not committed", failure.message);
    let finding = m.finding(&RULE.meta, Place::Action(failure.action), m.itself(), message);
    let finding = finding.text("sqlstate", UNSAFE);
    vec![finding.advice("add the value in a migration of its own, and use it in the next one")]
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const ENUM: &str = "-- file: 0.sql released\ncreate type mood as enum ('a', 'b');\ncreate table t (m mood);\n";

    #[test]
    fn a_value_is_used_too_early() {
        let found = says(
            &RULE,
            &format!(
                "{ENUM}-- file: 1.sql transaction\nalter type mood add value 'c';\nupdate t set m = 'c' where m = 'a';"
            ),
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("high ") && found[0].contains("has not committed"), "{found:?}");
    }

    #[test]
    fn afterwards_it_is_safe() {
        for sql in [
            "-- file: 1.sql\nalter type mood add value 'c';\nupdate t set m = 'c';",
            "-- file: 1.sql transaction\nalter type mood add value 'c';\n-- file: 2.sql transaction\nupdate t set m = 'c';",
            "-- file: 1.sql transaction\ncreate type tone as enum ('x');\ncreate table u (t tone default 'x');",
            "-- file: 1.sql transaction\nalter type mood add value 'c';\nupdate t set m = 'a';",
        ] {
            assert!(says(&RULE, &format!("{ENUM}{sql}")).is_empty(), "{sql}");
        }
    }
}
