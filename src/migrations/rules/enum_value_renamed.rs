//! Value of an enum renamed under running code
//!
//! ## Why it matters
//! From the commit on every statement of old code that writes or compares the old value fails with "invalid input value
//! for enum", and rows read back with a value that it does not know; before it, new code fails the same way.
//!
//! ## How it is decided
//! `alter type … rename value` of a type that was there before the script. *high*.
//!
//! ## What to do
//! Add the new value, release code that understands both and writes the new one, move the rows over in batches, and
//! leave the old value: a value cannot be removed from an enum.
//!
//! ## Limits
//! The application's code is not read.

use super::prelude::*;
use crate::sql::literal;

/// A value by another name.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "enum-value-renamed",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("enum_value_renamed.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    judge(m, m.command).into_iter().collect()
}

fn judge(m: &Moment<'_>, command: &Command) -> Option<Finding> {
    let Command::RenameEnumValue { name, from, to } = command else { return None };
    if m.catalog.type_of(name).is_some_and(|found| m.session.is_new(found.born)) {
        return None;
    }
    let message = format!("value {from} of {name} is renamed to {to}: code that knows only one of them fails");
    let finding = m.finding(&RULE.meta, Place::Statement, m.itself(), message);
    let finding = finding.text("type", name.to_string()).text("old_value", from.clone()).text("new_value", to.clone());
    Some(finding.fix(
        "add the new value beside the old one, release code that knows both, and move the rows over in batches",
        format!("alter type {} add value if not exists {} after {};", name.sql(), literal(to), literal(from)),
        None,
    ))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    #[test]
    fn a_rename_is_found_where_the_type_is_old() {
        let sql = "create type mood as enum ('a', 'b');\n-- file: 1.sql\nalter type mood rename value 'a' to 'it''s';";
        let found = findings(&RULE, sql);
        assert_eq!(found[0].message, "value a of mood is renamed to it's: code that knows only one of them fails");
        assert_eq!(
            found[0].hint.clone().unwrap().sql.unwrap(),
            "alter type mood add value if not exists 'it''s' after 'a';"
        );
        assert_eq!(says(&RULE, "alter type s.unknown rename value 'a' to 'b';").len(), 1);
        assert!(says(&RULE, "create type mood as enum ('a'); alter type mood rename value 'a' to 'b';").is_empty());
        assert!(says(&RULE, "alter type mood rename to tone;").is_empty());
    }
}
