//! Index built while writes wait
//!
//! ## Why it matters
//! `create index` holds ShareLock on the table until all rows are read, sorted and written: reads go on, every
//! insert, update and delete waits.
//!
//! ## How it is decided
//! `create index` without `concurrently` on a table or a materialized view that was there before the script. On a
//! partitioned table the lock is on every partition, and `concurrently` is an error.
//!
//! ## What to do
//! `create index concurrently`, outside of a transaction. On a partitioned table: the index on the parent alone
//! (`on only`), one on each partition concurrently, and each attached to the parent's, which is valid when all are.
//!
//! ## Limits
//! Partitions that no migration and no schema told of are not in the hint.

use super::prelude::*;
use super::{advice, around, over_rows};

/// A plain index build.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "index-without-concurrently",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("index_without_concurrently.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    created(m).into_iter().collect()
}

fn created(m: &Moment<'_>) -> Option<Finding> {
    let Command::CreateIndex(create) = m.command else { return None };
    if create.concurrently {
        return None;
    }
    let works = over_rows::of_all(m, &m.effects.builds);
    let first = works.first()?;
    let table = m.catalog.resolve(&create.table);
    let known = m.catalog.get(&table).known();
    let is_partitioned = known.is_some_and(Relation::is_partitioned);
    let on = match is_partitioned {
        true => format!("{table} and its partitions"),
        false => over_rows::tables(&works),
    };
    let message = format!("an index on {on} is built under {}: {}", first.mode, first.mode.blocks());
    let subject = match &create.name {
        Some(name) => m.index(&table, name),
        None => m.table(&table),
    };
    let finding = over_rows::finding(m, &RULE.meta, Place::Statement, subject, &works, WorkKind::Build, message)?;
    Some(match is_partitioned {
        true => over_partitions(m, finding, create, &table),
        false => plain(m, finding, create),
    })
}

fn plain(m: &Moment<'_>, finding: Finding, create: &CreateIndex) -> Finding {
    let mut text = "build it concurrently, outside of a transaction".to_owned();
    let mut statement = m.text().to_owned();
    if create.if_not_exists {
        // a build that failed leaves an index of the name behind, which `if not exists` would take for the real one
        statement = without_if_not_exists(&statement);
        text.push_str(
            "; without if not exists, since a build that failed leaves an invalid index of that name behind: drop \
             that first",
        );
    }
    match advice::insert_after(&statement, &["index"], "concurrently") {
        Some(sql) => finding.fix(text, format!("{sql};"), Some(LockMode::ShareUpdateExclusive)),
        None => finding.advice(text),
    }
}

fn without_if_not_exists(statement: &str) -> String {
    let words = advice::top_words(statement);
    let at = words.windows(3).find(|row| row.iter().map(|(_, word)| word.as_str()).eq(["if", "not", "exists"]));
    let Some([(start, _), _, (last, word)]) = at else { return statement.to_owned() };
    let (before, after) = (statement.get(..*start), statement.get(last + word.len()..));
    format!("{}{}", before.unwrap_or_default(), after.unwrap_or_default().trim_start())
}

fn over_partitions(m: &Moment<'_>, finding: Finding, create: &CreateIndex, table: &QName) -> Finding {
    let text = "concurrently is an error on a partitioned table: create it on the parent alone, then on each \
                partition concurrently, outside of a transaction, and attach each; the parent's becomes valid with \
                the last";
    let Some(tail) = around::after_table(m.text()) else { return finding.advice(text) };
    let keys: Vec<&str> = create.keys.iter().map(|key| key.column.as_deref().unwrap_or("expr")).collect();
    let name = create.name.clone().unwrap_or_else(|| advice::name(&table.name, &format!("{}_idx", keys.join("_"))));
    let head = if create.is_unique { "create unique index" } else { "create index" };
    match advice::partitioned_index(m, table, &name, head, &format!(" {tail}")) {
        Some(statements) => finding.fix(text, advice::lines(statements), Some(LockMode::Share)),
        None => finding.advice(text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table orders (id bigint primary key, n int);\n\
                       create table events (k int, v int) partition by range (k);\n\
                       create table events_1 partition of events for values from (0) to (10);\n-- file: 2.sql\n";

    fn of(sql: &str) -> Vec<String> {
        says(&RULE, &format!("{OLD}{sql}"))
    }

    fn hint(sql: &str) -> String {
        findings(&RULE, &format!("{OLD}{sql}"))[0].hint.clone().unwrap().sql.unwrap()
    }

    #[test]
    fn a_plain_build_is_found() {
        assert_eq!(
            of("create index on orders (n);"),
            ["high an index on orders is built under ShareLock: writes wait, reads go on"]
        );
        assert_eq!(
            of("create index on events (v);"),
            ["high an index on events and its partitions is built under ShareLock: writes wait, reads go on"]
        );
        assert_eq!(of("create index on unheard_of (v);").len(), 1);
    }

    #[test]
    fn one_that_stops_nobody_is_not() {
        for sql in [
            "create index concurrently on orders (n);",
            "create index on only events (v);",
            "create table fresh (n int); create index on fresh (n);",
            "create temporary table t (n int); create index on t (n);",
        ] {
            assert_eq!(of(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn the_hint_keeps_every_word() {
        assert_eq!(
            hint(
                "create /* index */ UNIQUE INDEX i ON orders using btree (n desc nulls last) include (id) where n > 0;"
            ),
            "create /* index */ UNIQUE INDEX concurrently i ON orders using btree (n desc nulls last) include (id) \
             where n > 0;"
        );
        assert_eq!(hint("create index if not exists i on orders (n);"), "create index concurrently i on orders (n);");
    }

    #[test]
    fn partitions_are_built_one_by_one() {
        assert_eq!(
            hint("create index events_v on events (v desc);"),
            "create index events_v on only events (v desc);\ncreate index concurrently events_1_v on events_1 (v \
             desc);\n\
             alter index events_v attach partition events_1_v;"
        );
    }
}
