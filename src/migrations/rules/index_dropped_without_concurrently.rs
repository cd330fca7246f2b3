//! Index dropped under a lock on its table
//!
//! ## Why it matters
//! `drop index` takes AccessExclusiveLock on the table of the index. The work is done in an instant, but the wait for
//! the lock is not: behind a statement that waits for it, every read and write of the table waits too.
//!
//! ## How it is decided
//! `drop index` without `concurrently`, unless its table came to be in the same script or the index is one of a
//! partitioned table, which cannot be dropped concurrently.
//!
//! ## What to do
//! `drop index concurrently`, outside of a transaction, one index at a time.
//!
//! ## Limits
//! An index of which nothing is known may belong to a partitioned table or to a constraint; then the statement in the
//! hint fails and does no harm.

use super::prelude::*;
use super::{advice, around};

/// A plain drop of an index.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "index-dropped-without-concurrently",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("index_dropped_without_concurrently.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    dropped(m).into_iter().collect()
}

fn dropped(m: &Moment<'_>) -> Option<Finding> {
    let Command::Drop(drop) = m.command else { return None };
    if drop.kind != ObjectKind::Index || drop.concurrently {
        return None;
    }
    let blocks = |name: &&Name| match m.catalog.table_of_index(name) {
        Some(table) => !m.is_new(&table.name) && !table.is_partitioned(),
        // where all that there is is known, it is not there
        None => !m.catalog.is_complete(),
    };
    let names: Vec<&Name> = drop.names.iter().filter(blocks).collect();
    let first = names.first()?;
    // an index that came to nothing more than `if exists` takes no lock; whether it is there is not known
    let tables: Vec<String> =
        names.iter().filter_map(|name| m.catalog.table_of_index(name)).map(|table| table.name.to_string()).collect();
    let on = match (tables.is_empty(), names.len()) {
        (true, 1) => format!("the table of {first}"),
        (true, _) => "the tables of the indexes".to_owned(),
        (false, _) => around::some(&tables),
    };
    let message = format!(
        "AccessExclusiveLock on {on} to drop {}: while it waits, all reads and writes wait behind it",
        around::some(&names.iter().map(ToString::to_string).collect::<Vec<_>>())
    );
    let subject = match m.catalog.table_of_index(first) {
        Some(table) => m.index(&table.name, &first.name),
        None => m.itself(),
    };
    let finding = m
        .finding(&RULE.meta, Place::Statement, subject, message)
        .text("lock_mode", LockMode::AccessExclusive.as_str())
        .list("indexes", names.iter().map(ToString::to_string).collect())
        .list("relations", tables);
    let exists = if drop.if_exists { "if exists " } else { "" };
    let statements = drop.names.iter().map(|name| format!("drop index concurrently {exists}{};", name.sql()));
    Some(finding.fix(
        "drop it concurrently, outside of a transaction, one index at a time",
        advice::lines(statements),
        Some(LockMode::ShareUpdateExclusive),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table orders (id bigint primary key, n int); create index i on \
                       orders (n);\n\
                       create table events (k int) partition by range (k); create index e on events (k);\n-- file: \
                       2.sql\n";

    fn of(sql: &str) -> Vec<String> {
        says(&RULE, &format!("{OLD}{sql}"))
    }

    #[test]
    fn a_plain_drop_is_found() {
        assert_eq!(
            of("drop index i;"),
            ["medium AccessExclusiveLock on orders to drop i: while it waits, all reads and writes wait behind it"]
        );
        assert_eq!(of("drop index if exists unheard_of;").len(), 1);
    }

    #[test]
    fn what_stops_nobody_or_cannot_be_helped_is_not() {
        for sql in [
            "drop index concurrently i;",
            "drop index e;",
            "create table fresh (n int); create index f on fresh (n); drop index f;",
        ] {
            assert_eq!(of(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn one_at_a_time() {
        let found = findings(&RULE, &format!("{OLD}drop index if exists i, j;"));
        assert_eq!(
            found[0].hint.as_ref().unwrap().sql.as_deref(),
            Some("drop index concurrently if exists i;\ndrop index concurrently if exists j;")
        );
    }
}
