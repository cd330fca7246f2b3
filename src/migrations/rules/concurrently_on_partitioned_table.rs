//! CONCURRENTLY on a partitioned table
//!
//! ## Why it matters
//! An index on a partitioned table cannot be made or dropped concurrently, on any version so far: the statement fails,
//! and the obvious way out, leaving the word away, locks the table and every partition against writes while all of them
//! are indexed.
//!
//! ## How it is decided
//! The table, or the table of the index, is partitioned as far as the migrations, the dump or the snapshot say. *high*.
//!
//! ## What to do
//! Create the index `on only` the parent, where it is invalid and costs nothing, then one on each partition
//! concurrently, and attach each; with the last the parent's becomes valid. New partitions get theirs on their own. The
//! hint has the statements for the partitions that are known.
//!
//! ## Limits
//! A table of which nothing is known may be partitioned too; it is taken for a plain one. Partitions that are
//! partitioned themselves need the same once more. `reindex … concurrently` of a partitioned index or table works,
//! outside of a transaction, and is not reported.

use super::prelude::*;
use super::{advice, around};

/// An index that cannot be made, or dropped, this way.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "concurrently-on-partitioned-table",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("concurrently_on_partitioned_table.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Statement(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    match m.command {
        Command::CreateIndex(index) if index.concurrently && !index.only => {
            let Some(table) = m.catalog.relation(&index.table).known().filter(|table| table.is_partitioned()) else {
                return Vec::new();
            };
            let count = table.children.len();
            let message =
                format!("create index concurrently on {}, a partitioned table: the server refuses it", table.name);
            let finding = m.finding(&RULE.meta, Place::Statement, m.table(&table.name), message);
            let finding = finding.count("partitions", i64::try_from(count).unwrap_or(i64::MAX), Unit::Count);
            let finding = finding.text("sqlstate", "0A000");
            let text = "create it on the parent only, then on each partition concurrently, and attach each";
            let head = if index.is_unique { "create unique index" } else { "create index" };
            let name = index.name.clone().unwrap_or_else(|| advice::name(&table.name.name, "idx"));
            let tail = around::after_table(m.text()).map(|tail| format!(" {tail}"));
            let apart = tail.and_then(|tail| advice::partitioned_index(m, &table.name, &name, head, &tail));
            vec![match apart {
                Some(statements) => {
                    // the parent's takes ShareLock, for a moment; the partitions' must not be cancelled
                    let (first, rest) = statements.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
                    let sql = format!("{}\n{first}\nset lock_timeout = 0;\n{}", advice::TIMEOUT, advice::lines(rest));
                    finding.fix(text, sql, Some(LockMode::Share))
                }
                None => finding.advice(text),
            }]
        }
        Command::Drop(drop) if drop.concurrently && drop.kind == ObjectKind::Index => {
            let partitioned = drop.names.iter().enumerate().filter_map(|(number, name)| {
                let table = m.catalog.table_of_index(name).filter(|table| table.is_partitioned())?;
                let message =
                    format!("drop index concurrently of {name} on {}, a partitioned table: the server refuses it", table.name);
                let finding = m.finding(&RULE.meta, Place::Action(number), m.index(&table.name, &name.name), message);
                Some(finding.text("sqlstate", "0A000").advice(
                    "an index of a partitioned table goes with those of its partitions, under AccessExclusiveLock, briefly: \
                     drop it without concurrently, with a lock_timeout, and try again when that strikes",
                ))
            });
            partitioned.collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const TABLES: &str = "-- file: 0.sql released\n\
        create table e (id bigint, at date) partition by range (at);\n\
        create table e1 partition of e for values from ('2026-01-01') to ('2027-01-01');\n\
        create index e_id on e (id);\n-- file: 1.sql\n";

    #[test]
    fn making_and_dropping_are_refused() {
        let made = findings(&RULE, &format!("{TABLES}create unique index concurrently e_at on e (at desc, id);"));
        assert_eq!(made[0].message, "create index concurrently on e, a partitioned table: the server refuses it");
        let sql = made[0].hint.clone().unwrap().sql.unwrap();
        assert!(sql.contains("create unique index e_at on only e (at desc, id);"), "{sql}");
        assert!(sql.contains("create unique index concurrently e1_at on e1 (at desc, id);"), "{sql}");
        assert!(sql.contains("alter index e_at attach partition e1_at;"), "{sql}");
        assert_eq!(
            says(&RULE, &format!("{TABLES}drop index concurrently e_id;")),
            ["high drop index concurrently of e_id on e, a partitioned table: the server refuses it"]
        );
    }

    #[test]
    fn partitions_and_unknown_tables_are_not() {
        for sql in [
            "create index concurrently on e1 (at);",
            "create index on only e (at);",
            "create index concurrently on other (at);",
            "reindex index concurrently e_id;",
        ] {
            assert!(says(&RULE, &format!("{TABLES}{sql}")).is_empty(), "{sql}");
        }
    }
}
