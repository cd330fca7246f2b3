//! serial column
//!
//! ## Why it matters
//! `serial` is an integer, a sequence and a default that only looks like a type: the sequence needs its own grants,
//! `create table … like` shares it, and an insert that gives a number leaves the sequence behind, to fail later on.
//!
//! ## How it is decided
//! A column that is added is `serial`, `bigserial` or `smallserial`. *info*, and only with `--pedantic`.
//!
//! ## What to do
//! `bigint generated always as identity`.
//!
//! ## Limits
//! A matter of opinion: both count. On a table that has rows neither can be added without writing it anew, which is
//! another rule's.

use super::around;
use super::prelude::*;

/// Not a type.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "serial-column",
        category: Category::Schema,
        severity: Severity::Info,
        source: include_str!("serial_column.rs"),
    },
    params: &[],
    is_opinion: true,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let columns = around::new_columns(m).into_iter().filter(|(_, _, column)| column.is_serial());
    let found = columns.map(|(place, table, column)| {
        let name = &column.name;
        let message = format!(
            "{table}.{name} is {}: an identity column says the same and owns its sequence",
            column.type_name.name.name
        );
        m.finding(&RULE.meta, place, m.column(&table, name), message)
            .advice("make it bigint generated always as identity")
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    #[test]
    fn serial_and_its_kin() {
        assert_eq!(
            says(&RULE, "create table t (a bigserial, b bigint generated always as identity, c int);"),
            ["info t.a is bigserial: an identity column says the same and owns its sequence"]
        );
        assert_eq!(says(&RULE, "alter table t add column a serial;").len(), 1);
        assert!(says(&RULE, "create table t (id bigint primary key);").is_empty());
    }
}
