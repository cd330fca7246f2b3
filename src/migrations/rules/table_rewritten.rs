//! Table written anew as a whole
//!
//! ## Why it matters
//! The table and its indexes are written anew under AccessExclusiveLock: nobody reads or writes it until that is
//! done. It takes its size once more on disk meanwhile, and standbys replay as much.
//!
//! ## How it is decided
//! `vacuum full`, `cluster`, `set logged`, `set unlogged`, `set tablespace` and `set access method` where they change
//! something, `set expression` (17) of a stored column, and `alter … all in tablespace`. On a table that was there
//! before the script.
//!
//! ## What to do
//! In place of `vacuum full` and `cluster`: pg_repack or pg_squeeze, which take the lock for an instant at the end; a
//! plain `vacuum` already makes the space usable again. For the others: a quiet hour, a `lock_timeout`, or a new
//! table that a trigger keeps and that takes the old one's name.
//!
//! ## Limits
//! Where a table already is as the statement asks, PostgreSQL does nothing; of the tablespace and the access method
//! that is not always known.

use super::over_rows;
use super::prelude::*;

/// A rewrite that is asked for.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "table-rewritten",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("table_rewritten.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    looked(m)
}

fn looked(m: &Moment<'_>) -> Vec<Finding> {
    match m.command {
        Command::AlterTable { .. } => m.actions().filter_map(|(number, action)| altered(m, number, action)).collect(),
        Command::Vacuum { is_full: true, tables, .. } => {
            maintained(m, "vacuum full", tables.is_empty(), ONLINE).into_iter().collect()
        }
        Command::Cluster(table) => maintained(m, "cluster", table.is_none(), ONLINE).into_iter().collect(),
        Command::MoveAll => {
            let message =
                "every relation of the tablespace is copied under AccessExclusiveLock: reads and writes of each wait";
            let finding = m.finding(&RULE.meta, Place::Statement, m.itself(), message);
            vec![
                finding
                    .text("lock_mode", LockMode::AccessExclusive.as_str())
                    .advice("move one at a time, in quiet hours, with a lock_timeout"),
            ]
        }
        _ => Vec::new(),
    }
}

const ONLINE: &str = "pg_repack or pg_squeeze do it with a lock for an instant only; where space is all that matters, \
                      a plain vacuum makes it usable again without a lock that stops anybody";

/// What an action does, and what else there is.
fn words(action: &ActionKind) -> Option<(String, &'static str)> {
    Some(match action {
        ActionKind::SetLogged => {
            ("set logged".to_owned(), "in a quiet hour with a lock_timeout, before the table is large")
        }
        ActionKind::SetUnlogged => (
            "set unlogged".to_owned(),
            "in a quiet hour with a lock_timeout; after a crash the table is empty, and standbys have none of it",
        ),
        ActionKind::SetTablespace(to) => (
            format!("set tablespace {to}"),
            "in a quiet hour with a lock_timeout, or with pg_repack, which takes the lock for an instant only",
        ),
        ActionKind::SetAccessMethod(to) => (
            format!("set access method {}", to.as_deref().unwrap_or("default")),
            "make a new table of that access method, keep it with a trigger, fill it in batches, and change the names \
             over",
        ),
        ActionKind::SetExpression(column, _) => (
            format!("the new expression of {column}"),
            "add another generated or plain column, and change over in a later release",
        ),
        _ => return None,
    })
}

fn altered(m: &Moment<'_>, number: usize, action: &ActionKind) -> Option<Finding> {
    let (what, instead) = words(action)?;
    let works = over_rows::of_action(m, &m.effects.rewrites, number);
    let first = works.first()?;
    let tables = over_rows::tables(&works);
    let message = format!("{what} writes all of {tables} anew under {}: {}", first.mode, first.mode.blocks());
    let subject = m.table(&first.relation);
    let finding =
        over_rows::finding(m, &RULE.meta, Place::Action(number), subject, &works, WorkKind::Rewrite, message)?;
    Some(finding.advice(instead))
}

fn maintained(m: &Moment<'_>, what: &str, is_all: bool, instead: &str) -> Option<Finding> {
    if is_all {
        let tables =
            if what == "cluster" { "every table that was clustered before" } else { "every table of the database" };
        let message = format!("{what} writes {tables} anew under AccessExclusiveLock: reads and writes of each wait");
        let finding = m.finding(&RULE.meta, Place::Statement, m.itself(), message);
        return Some(finding.text("lock_mode", LockMode::AccessExclusive.as_str()).advice(instead));
    }
    let works = over_rows::of_all(m, &m.effects.rewrites);
    let first = works.first()?;
    let message = format!(
        "{what} writes all of {} anew under {}: {}",
        over_rows::tables(&works),
        first.mode,
        first.mode.blocks()
    );
    let subject = m.table(&first.relation);
    let finding = over_rows::finding(m, &RULE.meta, Place::Statement, subject, &works, WorkKind::Rewrite, message)?;
    Some(finding.advice(instead))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table orders (id bigint primary key, n int,\n\
                       g int generated always as (n + 1) stored);\n-- file: 2.sql\n";

    #[test]
    fn what_writes_it_anew_is_found() {
        assert_eq!(
            says(&RULE, &format!("{OLD}vacuum full orders;")),
            ["high vacuum full writes all of orders anew under AccessExclusiveLock: reads and writes wait"]
        );
        for sql in [
            "vacuum (full, analyze) orders;",
            "vacuum full;",
            "cluster orders using orders_pkey;",
            "cluster;",
            "alter table orders set unlogged;",
            "alter table orders set tablespace fast;",
            "alter table orders alter column g set expression as (n + 2);",
            "alter table all in tablespace slow set tablespace fast;",
        ] {
            assert_eq!(says(&RULE, &format!("{OLD}{sql}")).len(), 1, "{sql}");
        }
    }

    #[test]
    fn what_does_not_is_not() {
        for sql in [
            "vacuum orders;",
            "analyze orders;",
            "alter table orders cluster on orders_pkey;",
            "alter table orders set (fillfactor = 70);",
            "alter table orders set logged;",
            "create table fresh (n int); alter table fresh set unlogged;",
        ] {
            assert_eq!(says(&RULE, &format!("{OLD}{sql}")), [""; 0], "{sql}");
        }
    }
}
