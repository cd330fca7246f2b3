//! Other table of a foreign key locked as well
//!
//! ## Why it matters
//! A foreign key lives in two tables, and what changes it locks both: a migration of `orders` makes `users` wait,
//! which nobody expects who reads the statement. Two locks that are waited for one after the other are also what
//! deadlocks are made of.
//!
//! ## How it is decided
//! *medium*: AccessExclusiveLock on the other table, when a column, a constraint or a table with a foreign key is
//! dropped, when the type of a column of one is changed, or when tables are truncated along a foreign key. *low*:
//! ShareRowExclusiveLock, when a foreign key is added without being validated. *info*: the same, for a table that is
//! new itself. Silent where the other table came to be in the same script.
//!
//! ## What to do
//! Set a `lock_timeout`, let nothing that takes long follow in the same transaction, and drop the foreign key by
//! itself, in a transaction of its own, before what must be dropped or changed.
//!
//! ## Limits
//! Foreign keys that no migration and no schema made are not known.

use super::prelude::*;
use super::{advice, around};
use crate::migrations::effects::Locked;

/// A lock on a table that the statement does not name, or names in passing.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "referenced-table-locked",
        category: Category::Locking,
        severity: Severity::Medium,
        source: include_str!("referenced_table_locked.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    locked(m).into_iter().collect()
}

fn locked(m: &Moment<'_>) -> Option<Finding> {
    let (own, verb) = what(m)?;
    let families: Vec<QName> = own.iter().chain(&beside(m)).map(|one| advice::family(m, one)).collect();
    let is_other = |locked: &&Locked| {
        !locked.is_new
            && !locked.is_index
            && locked.is_indirect
            && locked.mode >= LockMode::ShareRowExclusive
            && !own.contains(&locked.relation)
            && !families.contains(&advice::family(m, &locked.relation))
            && is_table(m, &locked.relation)
    };
    let others: Vec<&Locked> = m.effects.locks.iter().filter(is_other).collect();
    let strongest = others.iter().max_by(|a, b| a.mode.cmp(&b.mode))?;
    // where rows are looked up meanwhile, another rule names both
    if strongest.mode != LockMode::AccessExclusive && m.effects.validations.iter().any(|work| !work.is_new) {
        return None;
    }
    let others: Vec<String> =
        others.iter().filter(|one| one.mode == strongest.mode).map(|one| one.relation.to_string()).collect();
    let first = own.first()?;
    let message = format!(
        "{verb} {} takes {} on {} too, by their foreign key: {}",
        around::some(&around::shown(&own)),
        strongest.mode,
        around::some(&others),
        strongest.mode.blocks()
    );
    let severity = match (&strongest.mode, m.command) {
        (LockMode::AccessExclusive, _) => Severity::Medium,
        (_, Command::CreateTable(_)) => Severity::Info,
        _ => Severity::Low,
    };
    let finding = m
        .finding(&RULE.meta, Place::Statement, m.table(first), message)
        .severity(severity)
        .text("lock_mode", strongest.mode.as_str())
        .list("relations", others);
    let text = match strongest.mode {
        LockMode::AccessExclusive if matches!(m.command, Command::Truncate { .. }) => {
            "set a lock_timeout, and let nothing that takes long follow in the same transaction"
        }
        LockMode::AccessExclusive => {
            "drop the foreign key by itself before, in a transaction of its own with a lock_timeout, and let nothing \
             that takes long follow"
        }
        _ => "set a lock_timeout, and let nothing that takes long follow in the same transaction",
    };
    Some(finding.advice(text))
}

/// The tables that a statement names, and what it does to them.
fn what(m: &Moment<'_>) -> Option<(Vec<QName>, &'static str)> {
    let resolve = |names: &[Name]| names.iter().map(|name| m.catalog.resolve(name)).collect::<Vec<_>>();
    match m.command {
        Command::AlterTable { name, actions, .. } => {
            // the first action that concerns a foreign key, as far as its words tell
            let verb = |action: &ActionKind| match action {
                ActionKind::AlterType { .. } => Some("changing the type of a column of"),
                ActionKind::DropColumn { .. } => Some("dropping a column of"),
                ActionKind::DropConstraint { .. } => Some("dropping a constraint of"),
                ActionKind::AttachPartition { .. } => Some("attaching a partition to"),
                ActionKind::DetachPartition { .. } => Some("detaching a partition from"),
                ActionKind::AddConstraint(constraint) => is_key(constraint).then_some("adding a foreign key to"),
                ActionKind::AddColumn { column, .. } => {
                    column.constraints.iter().any(is_key).then_some("adding a foreign key to")
                }
                _ => None,
            };
            let verb = actions.iter().find_map(|action| verb(&action.kind)).unwrap_or("altering");
            Some((vec![m.catalog.resolve(name)], verb))
        }
        Command::CreateTable(create) => Some((vec![m.catalog.resolve(&create.name)], "creating")),
        Command::Drop(drop) if drop.kind == ObjectKind::Table => Some((resolve(&drop.names), "dropping")),
        Command::Truncate { tables, .. } => Some((resolve(tables), "truncating")),
        _ => None,
    }
}

/// The tables whose partitions come with a statement, but that it does not change itself.
fn beside(m: &Moment<'_>) -> Vec<QName> {
    let partition = |action: &ActionKind| match action {
        ActionKind::AttachPartition { partition, .. } | ActionKind::DetachPartition { partition, .. } => {
            Some(m.catalog.resolve(partition))
        }
        ActionKind::Inherit(parent) => Some(m.catalog.resolve(parent)),
        _ => None,
    };
    match m.command {
        Command::CreateTable(create) => create.parents.iter().map(|parent| m.catalog.resolve(parent)).collect(),
        Command::AlterTable { actions, .. } => actions.iter().filter_map(|action| partition(&action.kind)).collect(),
        _ => Vec::new(),
    }
}

fn is_key(constraint: &Constraint) -> bool {
    matches!(constraint.kind, ConstraintKind::ForeignKey { .. })
}

/// Views, sequences and the like are not on the other side of a foreign key.
fn is_table(m: &Moment<'_>, relation: &QName) -> bool {
    use crate::migrations::catalog::RelationKind as Kind;
    let known = m.catalog.get(relation).known();
    known.is_none_or(|known| matches!(known.kind, Kind::Table | Kind::PartitionedTable))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table users (id bigint primary key);\n\
                       create table orders (id bigint primary key, user_id bigint constraint f references users, n \
                       int);\n-- file: 2.sql\n";

    fn of(sql: &str) -> Vec<String> {
        says(&RULE, &format!("{OLD}{sql}"))
    }

    #[test]
    fn both_sides_are_named() {
        assert_eq!(
            of("alter table orders drop constraint f;"),
            ["medium dropping a constraint of orders takes AccessExclusiveLock on users too, by their foreign key: \
              reads and writes wait"]
        );
        for (sql, severity) in [
            ("alter table orders drop column user_id;", "medium"),
            ("alter table orders alter user_id type int;", "medium"),
            ("alter table users alter id type int;", "medium"),
            ("drop table orders;", "medium"),
            ("alter table orders add column other_id bigint references users;", "low"),
            ("create table items (id bigint references users);", "info"),
        ] {
            let found = of(sql);
            assert!(found.len() == 1 && found[0].starts_with(severity), "{sql}: {found:?}");
        }
    }

    #[test]
    fn one_side_is_not() {
        for sql in [
            "alter table orders drop column n;",
            "alter table orders alter n type bigint;",
            "create table fresh (id bigint primary key); create table child (id bigint references fresh); drop table \
             child;",
            "alter table orders add constraint s foreign key (n) references orders (id) not valid;",
        ] {
            assert_eq!(of(sql), [""; 0], "{sql}");
        }
    }
}
