//! Unique constraint that builds its index under lock
//!
//! ## Why it matters
//! The index of the constraint is built under AccessExclusiveLock: nobody reads or writes the table until all rows
//! are read and sorted.
//!
//! ## How it is decided
//! `add constraint … unique` without `using index`, and a column added as `unique`.
//!
//! ## What to do
//! Build the unique index concurrently, then add the constraint `using index`: that takes the lock for an instant. A
//! column can be added first, without the constraint. A unique constraint cannot be `not valid`.
//!
//! ## Limits
//! On a partitioned table neither `concurrently` nor `using index` works: there each partition gets the constraint
//! that way, and the one of the partitioned table, added last, takes those over without a build.

use super::prelude::*;
use super::{advice, over_rows};
use crate::sql::quote;

/// A unique index under AccessExclusiveLock.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "unique-without-using-index",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("unique_without_using_index.rs"),
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
    let is_unique = |one: &&Constraint| one.kind == ConstraintKind::Unique;
    let (constraint, column) = match action {
        ActionKind::AddConstraint(constraint) => (Some(constraint).filter(is_unique)?, None),
        ActionKind::AddColumn { column, .. } => {
            // a primary key beside it builds an index as well, and is another rule's
            if column.constraints.iter().any(|one| one.kind == ConstraintKind::PrimaryKey) {
                return None;
            }
            (column.constraints.iter().find(is_unique)?, Some(column))
        }
        _ => return None,
    };
    let works = over_rows::of_action(m, &m.effects.builds, number);
    let first = works.first()?;
    let table = m.altered()?;
    let message = format!(
        "a unique index on {} is built under {}: {}",
        over_rows::tables(&works),
        first.mode,
        first.mode.blocks()
    );
    let name = constraint.name.clone().or_else(|| first.part.clone());
    let subject = name.as_ref().map_or_else(|| m.table(&table), |name| m.constraint(&table, name));
    let finding = over_rows::finding(m, &RULE.meta, Place::Action(number), subject, &works, WorkKind::Build, message)?;
    let columns = match column {
        Some(column) => vec![column.name.clone()],
        None => constraint.columns.clone(),
    };
    let name = name.unwrap_or_else(|| advice::name(&table.name, &format!("{}_key", columns.join("_"))));
    let finding = finding.list("columns", columns.clone());
    Some(advised(m, finding, number, &table, &name, &columns, column))
}

fn advised(
    m: &Moment<'_>,
    finding: Finding,
    number: usize,
    table: &QName,
    name: &str,
    columns: &[String],
    column: Option<&ColumnDef>,
) -> Finding {
    let known = m.catalog.get(table).known();
    let text = "build the unique index concurrently, outside of a transaction, and add the constraint using it";
    let words = key_words(m, number);
    if known.is_some_and(Relation::is_partitioned) {
        let text = "build the index on each partition concurrently, outside of a transaction, and add the constraint \
                    there using it: the one of the partitioned table takes those over";
        let is_plain = column.is_none() && !words.has_include && words.deferrable().is_empty();
        let statements =
            is_plain.then(|| advice::partitioned_key(m, table, name, "unique", columns, words.nulls())).flatten();
        return match statements {
            Some(statements) => finding.fix(text, advice::lines(statements), Some(LockMode::AccessExclusive)),
            None => finding.advice(text),
        };
    }
    if words.has_include || columns.is_empty() {
        return finding.advice(text);
    }
    let (relation, quoted) = (table.sql(), quote(name));
    let mut statements = Vec::new();
    if let Some(column) = column {
        let Some(definition) = advice::definition(column) else { return finding.advice(text) };
        statements.push(advice::TIMEOUT.to_owned());
        statements.push(format!("alter table {relation} add column {definition};"));
        // what builds an index concurrently must wait as long as it takes
        statements.push("reset lock_timeout;".to_owned());
    }
    statements.push(format!(
        "create unique index concurrently {quoted} on {relation} ({}){};",
        advice::columns(columns),
        words.nulls()
    ));
    statements.push(advice::TIMEOUT.to_owned());
    statements.push(format!(
        "alter table {relation} add constraint {quoted} unique using index {quoted}{};",
        words.deferrable()
    ));
    finding.fix(text, advice::lines(statements), Some(LockMode::AccessExclusive))
}

/// The words of a key's definition that no command carries.
pub(super) struct KeyWords {
    /// `include`.
    pub(super) has_include: bool,
    nulls_not_distinct: bool,
    deferrable: bool,
    initially_deferred: bool,
}

impl KeyWords {
    /// What follows the columns of its index.
    pub(super) fn nulls(&self) -> &'static str {
        if self.nulls_not_distinct { " nulls not distinct" } else { "" }
    }

    /// What follows the constraint.
    pub(super) fn deferrable(&self) -> &'static str {
        match (self.deferrable, self.initially_deferred) {
            (_, true) => " deferrable initially deferred",
            (true, false) => " deferrable",
            (false, false) => "",
        }
    }
}

/// The words of an action that defines a key.
pub(super) fn key_words(m: &Moment<'_>, number: usize) -> KeyWords {
    let range = m.range(Place::Action(number));
    let text = m.file().and_then(|file| file.text.get(range)).unwrap_or_default();
    let words: Vec<String> = advice::top_words(text).into_iter().map(|(_, word)| word).collect();
    let has = |row: &[&str]| words.windows(row.len()).any(|window| window.iter().zip(row).all(|(a, b)| a == b));
    KeyWords {
        has_include: has(&["include"]),
        nulls_not_distinct: has(&["nulls", "not", "distinct"]),
        deferrable: has(&["deferrable"]) && !has(&["not", "deferrable"]),
        initially_deferred: has(&["initially", "deferred"]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str =
        "-- file: 1.sql released\ncreate table orders (id bigint primary key, number int);\n-- file: 2.sql\n";

    fn of(sql: &str) -> Vec<String> {
        says(&RULE, &format!("{OLD}{sql}"))
    }

    #[test]
    fn of_a_partitioned_table_alone_nothing_is_built() {
        let parts = "create table e (k int, n int) partition by range (k);\n\
                     create table e1 partition of e for values from (0) to (9);\n-- file: 2.sql\n";
        let count = |sql: &str| says(&RULE, &format!("{parts}{sql}")).len();
        assert_eq!(count("alter table e add unique (k, n);"), 1);
        assert_eq!(count("alter table only e add unique (k, n);"), 0);
    }

    #[test]
    fn an_index_under_lock_is_found() {
        assert_eq!(
            of("alter table orders add constraint u unique (number);"),
            ["high a unique index on orders is built under AccessExclusiveLock: reads and writes wait"]
        );
        assert_eq!(of("alter table orders add column code text unique;").len(), 1);
        assert_eq!(of("alter table orders add column a int, add unique (a), add unique (number);").len(), 2);
    }

    #[test]
    fn one_that_is_there_is_not() {
        for sql in [
            "create unique index concurrently u on orders (number); alter table orders add constraint u unique using \
             index u;",
            "create table fresh (n int); alter table fresh add unique (n);",
            "create table fresh (n int unique);",
        ] {
            assert_eq!(of(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn the_hint_builds_concurrently() {
        let hint = |sql: &str| findings(&RULE, &format!("{OLD}{sql}"))[0].hint.clone().unwrap();
        assert_eq!(
            hint(
                "alter table orders add constraint u unique nulls not distinct (number) deferrable initially deferred;"
            )
            .sql
            .as_deref(),
            Some(
                "create unique index concurrently u on orders (number) nulls not distinct;\nset lock_timeout = '5s';\n\
                 alter table orders add constraint u unique using index u deferrable initially deferred;"
            )
        );
        assert_eq!(hint("alter table orders add constraint u unique (number) include (id);").sql, None);
        let column = hint("alter table orders add column code text unique;").sql.unwrap();
        assert!(
            column.contains(
                "add column code text;\nreset lock_timeout;\ncreate unique index concurrently orders_code_key"
            ),
            "{column}"
        );
    }
}
