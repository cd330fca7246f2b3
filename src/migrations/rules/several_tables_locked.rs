//! Several tables locked in one transaction
//!
//! ## Why it matters
//! The lock on the first table is held while the transaction waits for the one on the second: as long as that wait
//! lasts, both stand still. And a transaction of the application that uses the two in the other order makes it a
//! deadlock.
//!
//! ## How it is decided
//! AccessExclusiveLock, taken by statements that name the table, on more than one table that was there before the
//! script, in one transaction. A partitioned table and its partitions count as one; a table that is dropped does not
//! count. *medium*, and *low* where a `lock_timeout` bounds the wait.
//!
//! ## What to do
//! One table a transaction. Where they must change together: `lock_timeout`, and `lock table` on all of them at the
//! beginning, in the order in which the application uses them.
//!
//! ## Limits
//! The lock that a foreign key takes on the other table is the matter of another rule. Where the runner puts one
//! transaction around several scripts, each script is looked at by itself.

use super::prelude::*;
use super::{advice, around};
use crate::migrations::command::Transaction;
use crate::migrations::replay::Step;
use std::collections::BTreeSet;

/// More than one table at once.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "several-tables-locked",
        category: Category::Locking,
        severity: Severity::Medium,
        source: include_str!("several_tables_locked.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Script(run),
};

fn run(end: &AtEnd<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut open: Option<u32> = None;
    let mut held: Vec<Taken> = Vec::new();
    let mut families: BTreeSet<QName> = BTreeSet::new();
    let mut marks: Vec<(&str, usize)> = Vec::new();
    for step in end.steps {
        let own = step.transaction.map(|one| one.id);
        if own != open || own.is_none() {
            found.extend(told(end, &held));
            held.clear();
            families.clear();
            marks.clear();
        }
        open = own;
        match end.command(step) {
            Some(Command::Transaction(Transaction::Savepoint(name))) => marks.push((name, held.len())),
            Some(Command::Transaction(Transaction::RollbackTo(name))) => {
                // what was locked since is given back; that it was locked stays true
                if let Some(at) = marks.iter().rposition(|(mark, _)| mark == name) {
                    found.extend(told(end, &held));
                    held.truncate(marks.get(at).map_or(0, |(_, length)| *length));
                    families = held.iter().map(|one| one.family.clone()).collect();
                    marks.truncate(at + 1);
                }
            }
            Some(command) => take(end, step, command, &mut held, &mut families),
            None => {}
        }
    }
    found.extend(told(end, &held));
    found
}

/// A lock that was taken.
struct Taken {
    relation: QName,
    family: QName,
    statement: usize,
    has_timeout: bool,
}

fn take(end: &AtEnd<'_>, step: &Step, command: &Command, held: &mut Vec<Taken>, families: &mut BTreeSet<QName>) {
    let is_dropped = |relation: &QName| match command {
        Command::Drop(drop) => {
            matches!(drop.kind, ObjectKind::Table | ObjectKind::ForeignTable)
                && drop.names.iter().any(|name| *name.name == *relation.name)
        }
        _ => false,
    };
    // these go from table to table, each in a transaction of its own
    if matches!(command, Command::Vacuum { .. } | Command::Cluster(None) | Command::Reindex { .. } | Command::MoveAll) {
        return;
    }
    for locked in &step.effects.locks {
        let counts =
            locked.mode == LockMode::AccessExclusive && !locked.is_new && !locked.is_index && !locked.is_indirect;
        if !counts || is_dropped(&locked.relation) || !is_table(end, &locked.relation) {
            continue;
        }
        let family = match end.before.get(&locked.relation).known() {
            Some(_) => advice::root(end.before, &locked.relation),
            None => advice::root(end.after, &locked.relation),
        };
        if families.insert(family.clone()) {
            let has_timeout = step.lock_timeout.is_on() || end.project.options.runner_sets_lock_timeout;
            held.push(Taken { relation: locked.relation.clone(), family, statement: step.statement, has_timeout });
        }
    }
}

/// Views and sequences have locks of their own, that nobody queues for in the same way.
fn is_table(end: &AtEnd<'_>, relation: &QName) -> bool {
    use crate::migrations::catalog::RelationKind as Kind;
    let known = end.before.get(relation).known().or_else(|| end.after.get(relation).known());
    known.is_none_or(|known| matches!(known.kind, Kind::Table | Kind::PartitionedTable | Kind::MaterializedView))
}

fn told(end: &AtEnd<'_>, held: &[Taken]) -> Option<Finding> {
    let second = held.get(1)?;
    let line = |statement: usize| {
        let place = end.script.statements.get(statement).map(|one| one.span.start);
        place.and_then(|start| end.file().map(|file| file.line_column(start).0)).unwrap_or_default()
    };
    let names: Vec<String> =
        held.iter().map(|one| format!("{} (line {})", one.relation, line(one.statement))).collect();
    let message = format!(
        "AccessExclusiveLock on {} in one transaction: each is held while it waits for the next",
        around::some(&names)
    );
    let severity = match held.iter().skip(1).all(|one| one.has_timeout) {
        true => Severity::Low,
        false => Severity::Medium,
    };
    let finding = end
        .finding(&RULE.meta, second.statement, end.table(&second.relation), message)
        .severity(severity)
        .text("lock_mode", LockMode::AccessExclusive.as_str())
        .list("relations", held.iter().map(|one| one.relation.to_string()).collect());
    Some(finding.advice(
        "one table a transaction; where they must change together, set lock_timeout and lock all of them at the \
         beginning, in the order in which the application uses them",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table users (id bigint primary key); create table orders (id \
                       bigint primary key);\n\
                       create table items (id bigint primary key);\n-- file: 2.sql transaction\n";

    fn of(sql: &str) -> Vec<String> {
        says(&RULE, &format!("{OLD}{sql}"))
    }

    #[test]
    fn two_in_one_transaction_are_found() {
        assert_eq!(
            of("alter table users add column a int;\nalter table orders add column a int;\nalter table items add \
                column a int;"),
            ["medium AccessExclusiveLock on users (line 5), orders (line 6) and items (line 7) in one transaction: \
              each is held while it waits for the next"]
        );
        let timed = of(
            "set local lock_timeout = '5s';\nalter table users add column a int;\nalter table orders add column a int;",
        );
        assert!(timed.len() == 1 && timed[0].starts_with("low "), "{timed:?}");
        assert_eq!(of("truncate users, orders;").len(), 1);
    }

    #[test]
    fn one_at_a_time_is_not() {
        for sql in [
            "alter table users add column a int; alter table users add column b int;",
            "alter table users add column a int; commit; begin; alter table orders add column a int;",
            "create table fresh (n int); alter table users add column a int; alter table fresh add column b int;",
            "alter table users add column a int; drop table orders;",
            "alter table users add column a int; create table child (id bigint references orders);",
            "savepoint s; alter table users add column a int; rollback to s; alter table orders add column a int;",
        ] {
            assert_eq!(of(sql), [""; 0], "{sql}");
        }
        let apart = OLD.replace(" transaction", "");
        assert_eq!(
            says(&RULE, &format!("{apart}alter table users add column a int; alter table orders add column a int;")),
            [""; 0]
        );
    }
}
