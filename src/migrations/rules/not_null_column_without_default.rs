//! Column that must not be null, added without a value
//!
//! ## Why it matters
//! The statement fails as soon as the table has a row: there is nothing to put into it. On an empty table, as in
//! tests, it passes, so that it is production where it is first seen to fail, after the wait for AccessExclusiveLock.
//!
//! ## How it is decided
//! `add column … not null`, or one in a primary key, with no default, no identity and no generation, on a table that
//! was there before the script. Silent where the table is known to be empty.
//!
//! ## What to do
//! Give it a constant default: since PostgreSQL 11 that costs nothing. Where no constant is right, add it without
//! `not null`, let the application fill it, fill the old rows in batches, and make it `not null` at the end with a
//! constraint that is validated apart.
//!
//! ## Limits
//! A table of which nothing is known is taken to have rows.

use super::advice;
use super::prelude::*;

/// A column for which the old rows have nothing.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "not-null-column-without-default",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("not_null_column_without_default.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    m.actions().filter_map(|(number, action)| added(m, number, action)).collect()
}

fn added(m: &Moment<'_>, number: usize, action: &ActionKind) -> Option<Finding> {
    let ActionKind::AddColumn { column, .. } = action else { return None };
    let fails = |failure: &&Failure| failure.only_with_rows && failure.action == number;
    let failure = m.effects.failures.iter().find(fails)?;
    let table = m.altered()?;
    if m.is_new(&table) || m.is_empty(&table) {
        return None;
    }
    let message =
        format!("adding {} fails as soon as {table} has a row: it must not be null, and has no default", column.name);
    let finding = m
        .finding(&RULE.meta, Place::Action(number), m.column(&table, &column.name), message)
        .text("relation", table.to_string())
        .text("sqlstate", failure.sqlstate)
        .text("error", failure.message.clone());
    let text = "with a constant default it costs nothing; where no constant is right, add it without not null, let \
                the application and a backfill in batches fill it, and make it not null in a later migration, by a \
                constraint that is validated apart";
    let nullable = ColumnDef { is_not_null: false, ..column.clone() };
    let Some(definition) = advice::definition(&nullable) else { return Some(finding.advice(text)) };
    let sql =
        advice::lines([advice::TIMEOUT.to_owned(), format!("alter table {} add column {definition};", table.sql())]);
    Some(finding.fix(text, sql, Some(LockMode::AccessExclusive)))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table orders (id bigint primary key);\n-- file: 2.sql\n";

    #[test]
    fn nothing_to_put_into_the_old_rows() {
        assert_eq!(
            says(&RULE, &format!("{OLD}alter table orders add column state text not null;")),
            ["high adding state fails as soon as orders has a row: it must not be null, and has no default"]
        );
        let found = findings(&RULE, "alter table unheard_of add column state text not null;");
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].hint.as_ref().unwrap().sql.as_deref(),
            Some("set lock_timeout = '5s';\nalter table unheard_of add column state text;")
        );
    }

    #[test]
    fn something_to_put_into_them() {
        for sql in [
            "alter table orders add column state text not null default 'new';",
            "alter table orders add column n bigint generated always as identity;",
            "alter table orders add column n serial;",
            "create table fresh (id int); alter table fresh add column state text not null;",
        ] {
            assert_eq!(says(&RULE, &format!("{OLD}{sql}")), [""; 0], "{sql}");
        }
    }
}
