//! Several `alter table` on one table that could be one
//!
//! ## Why it matters
//! One `alter table` reads or writes the rows once for all its actions; two do it twice, and each of several that are
//! sent one by one waits for AccessExclusiveLock anew, with everyone else behind it.
//!
//! ## How it is decided
//! On a table that was there before the script. In one transaction, where the lock is held anyway: from two statements
//! on that each read or write all rows. Sent one by one: from two on that take AccessExclusiveLock, do not depend on
//! each other and only add, drop or describe columns. *low*.
//!
//! ## What to do
//! One `alter table` with the actions in a list.
//!
//! ## Limits
//! What belongs apart is not counted: `not valid` and its validation, `using index`, `set not null` and the constraint
//! that proves it, partitions. Statements that name the same column are taken to depend on each other.

use super::around;
use super::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Once would do.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "several-alter-tables",
        category: Category::Schema,
        severity: Severity::Low,
        source: include_str!("several_alter_tables.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Script(run),
};

/// Statements on one table, in one transaction or in none.
#[derive(Default)]
struct Group {
    /// The statements that read or write all rows.
    working: Vec<usize>,
    /// The ones that could be sent together.
    plain: Vec<usize>,
    /// The columns they name.
    columns: BTreeSet<String>,
}

fn run(end: &AtEnd<'_>) -> Vec<Finding> {
    let mut groups: BTreeMap<(QName, Option<u32>), Group> = BTreeMap::new();
    for step in end.steps {
        let Some(Command::AlterTable { actions, .. }) = end.command(step) else { continue };
        let locks = step.effects.locks.iter();
        let mut own = locks.filter(|lock| !lock.is_indirect && !lock.is_index && !lock.is_new);
        let Some(lock) = own.find(|lock| lock.mode == LockMode::AccessExclusive) else { continue };
        let group = groups.entry((lock.relation.clone(), step.transaction.map(|open| open.id))).or_default();
        let all_rows = step.effects.rewrites.iter().chain(&step.effects.scans);
        if all_rows.filter(|work| work.relation == lock.relation && !work.is_new).count() > 0
            && actions.iter().all(can_share)
        {
            group.working.push(step.statement);
        }
        if let Some(columns) = plain(actions)
            && columns.iter().all(|column| group.columns.insert(column.clone()))
        {
            group.plain.push(step.statement);
        }
    }
    let mut found = Vec::new();
    for ((table, transaction), group) in groups {
        let (statements, message) = match transaction {
            Some(_) => (&group.working, "all its rows are read or written anew"),
            None if group.working.len() > 1 => (&group.working, "all its rows are read or written anew"),
            None => (&group.plain, "AccessExclusiveLock is waited for"),
        };
        let [_, second, ..] = statements.as_slice() else { continue };
        let lines: Vec<String> = statements.iter().filter_map(|one| line(end, *one)).collect();
        let message =
            format!("{table}: {message} {} times, once would do (lines {})", statements.len(), around::some(&lines));
        let finding = end.finding(&RULE.meta, *second, end.table(&table), message);
        let count = i64::try_from(statements.len()).unwrap_or(i64::MAX);
        let finding = finding.count("statements", count, Unit::Count).list("lines", lines);
        found.push(finding.advice("put the actions into one alter table, in a list"));
    }
    found
}

fn line(end: &AtEnd<'_>, statement: usize) -> Option<String> {
    let start = end.script.statements.get(statement)?.span.start;
    Some(end.file()?.line_column(start).0.to_string())
}

/// Whether the rows can be read for an action and for others at once.
fn can_share(action: &Action) -> bool {
    match &action.kind {
        ActionKind::AddConstraint(constraint) => constraint.using_index.is_none() && !constraint.is_not_valid,
        ActionKind::AddColumn { .. } | ActionKind::AlterType { .. } | ActionKind::SetNotNull(_) => true,
        kind => column(kind).is_some(),
    }
}

/// The columns of actions that need nothing but the lock; none where one is of another kind.
fn plain(actions: &[Action]) -> Option<BTreeSet<String>> {
    actions.iter().map(|action| column(&action.kind).map(str::to_owned)).collect()
}

fn column(action: &ActionKind) -> Option<&str> {
    match action {
        ActionKind::AddColumn { column, .. } => Some(&column.name),
        ActionKind::DropColumn { column, .. } => Some(column),
        ActionKind::SetDefault(column, _) | ActionKind::DropDefault(column) | ActionKind::DropNotNull(column) => {
            Some(column)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const TABLE: &str = "-- file: 0.sql released\ncreate table t (id int primary key, a int, b int);\n-- file: 1.sql\n";

    #[test]
    fn rows_read_twice_and_locks_taken_twice() {
        assert_eq!(
            says(
                &RULE,
                &format!(
                    "{TABLE}begin;\nalter table t alter a type bigint;\nalter table t alter b type bigint;\ncommit;"
                )
            ),
            ["low t: all its rows are read or written anew 2 times, once would do (lines 5 and 6)"]
        );
        assert_eq!(
            says(&RULE, &format!("{TABLE}alter table t add column c int;\nalter table t drop column a;")),
            ["low t: AccessExclusiveLock is waited for 2 times, once would do (lines 4 and 5)"]
        );
    }

    #[test]
    fn what_belongs_apart_is_silent() {
        for sql in [
            "begin; alter table t add column c int; alter table t add column d int; commit;",
            "alter table t add column c int, drop column a;",
            "alter table t add column c int; alter table t alter c set default 5;",
            "alter table t add constraint x check (a > 0) not valid; alter table t validate constraint x;",
            "alter table t alter a set not null; alter table t drop constraint x;",
            "create table u (a int); alter table u add column b int; alter table u add column c int;",
            "alter table t add column c int; alter table v add column c int;",
        ] {
            assert!(
                says(&RULE, &format!("{TABLE}{sql}")).is_empty(),
                "{sql} {:?}",
                says(&RULE, &format!("{TABLE}{sql}"))
            );
        }
    }
}
