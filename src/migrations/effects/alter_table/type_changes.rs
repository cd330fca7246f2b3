//! `alter column … type`, and what hangs on the column: checks are verified again, indexes are built again where they
//! cannot be kept, foreign keys are made again on both sides.

use super::super::constraints;
use super::super::outside;
use super::super::tally::Reason;
use super::{Alter, columns};
use crate::lock::LockMode;
use crate::migrations::catalog::{QName, Relation};
use crate::migrations::command::{Action, ActionKind, ConstraintKind, Expr, Name, TypeName};
use crate::migrations::type_change::{Change, rebuilds};

/// The change itself.
pub(super) fn change(
    alter: &mut Alter<'_, '_>,
    column: &str,
    type_name: &TypeName,
    collation: Option<&Name>,
    using: Option<&Expr>,
) {
    if !alter.needs_column(column) {
        return;
    }
    let table = alter.name();
    if alter.is_inherited(column) {
        return alter.tally.fail("42P16", format!("cannot alter inherited column \"{column}\""));
    }
    if alter.is_partition_key(column) {
        let message =
            format!("cannot alter column \"{column}\" because it is part of the partition key of relation \"{table}\"");
        return alter.tally.fail("42P16", message);
    }
    if let Some(relation) = alter.relation {
        if relation.columns.iter().any(|other| columns::is_generated_from(other, column)) {
            let sqlstate = if alter.tally.major() >= 15 { "0A000" } else { "42601" };
            return alter.tally.fail(sqlstate, "cannot alter type of a column used by a generated column");
        }
        if !columns::readers(alter.tally, relation, column).is_empty() {
            return alter.tally.fail("0A000", "cannot alter type of a column used by a view or rule");
        }
        for view in columns::perhaps_readers(alter.tally, relation, column) {
            let because = format!("whether {view} reads {table}.{column}: if it does, the statement fails");
            alter.tally.effects.unread.push(because);
        }
    }
    let known = alter.relation.and_then(|relation| relation.column(column));
    let changed = outside::change(alter.tally, &table, column, known, (type_name, collation, using));
    if let Change::Fails(message) = changed {
        return alter.tally.fail("42804", message);
    }
    let leaves = alter.locked_leaves();
    let (because, assumed) = match &changed {
        Change::Rewrite(because) => (Some(because.clone()), None),
        Change::Unknown(why) => (Some(format!("{column} gets another type")), Some(why.clone())),
        Change::NoRewrite | Change::NoRewriteIndexesRebuilt(_) | Change::Fails(_) => (None, None),
    };
    if let Some(because) = because {
        for leaf in &leaves {
            alter.tally.rewrite(leaf, Reason::new(because.clone()).part(column).assumed(assumed.clone()));
        }
    }
    if known.is_some_and(|column| column.is_identity) {
        columns::lock_sequences(alter, column, &LockMode::ShareRowExclusive);
    }
    for member in alter.tally.family(&alter.table.clone()) {
        if let Some(relation) = alter.tally.known(&member) {
            indexes(alter, relation, column, &changed);
        }
    }
}

/// Indexes on the column are made again; one is kept as it is where nothing but names changes.
fn indexes(alter: &mut Alter<'_, '_>, relation: &Relation, column: &str, changed: &Change) {
    for index in relation.indexes.iter().filter(|index| index.uses(column)) {
        alter.tally.lock_index(&relation.name, &index.name, LockMode::AccessExclusive, true);
        if let (Some(because), true) = (rebuilds(index, column, changed), alter.tally.has_storage(&relation.name)) {
            alter.tally.build(&relation.name, Reason::new(because).part(&index.name));
        }
    }
}

/// What the changes of types leave to be done for the constraints on the columns, once it is known whether the table is
/// rewritten.
pub(super) fn after(alter: &mut Alter<'_, '_>, actions: &[Action]) {
    if !alter.tally.effects.failures.is_empty() {
        return;
    }
    for (number, action) in actions.iter().enumerate() {
        let ActionKind::AlterType { column, .. } = &action.kind else { continue };
        alter.tally.action = number;
        for member in alter.tally.family(&alter.table.clone()) {
            if let Some(relation) = alter.tally.known(&member) {
                checks(alter, relation, column);
                foreign_keys(alter, relation, column);
            }
        }
    }
    alter.tally.action = 0;
}

fn checks(alter: &mut Alter<'_, '_>, relation: &Relation, column: &str) {
    let is_dropped = |name: &String| alter.dropped.contains(name);
    let concerned = relation.constraints.iter().filter(|constraint| match &constraint.definition.kind {
        ConstraintKind::Check(check) => {
            constraint.is_valid
                && !constraint.definition.is_not_enforced
                && !is_dropped(&constraint.name)
                && check.columns().contains(column)
        }
        _ => false,
    });
    let names: Vec<&String> = concerned.map(|constraint| &constraint.name).collect();
    if !alter.tally.has_storage(&relation.name) {
        return;
    }
    for name in names {
        let because = format!("the check {name} is verified again, since {column} is in it");
        alter.tally.scan(&relation.name, Reason::new(because).part(name));
    }
}

fn foreign_keys(alter: &mut Alter<'_, '_>, relation: &Relation, column: &str) {
    let is_rewritten = alter.tally.is_rewritten(&relation.name)
        || alter.tally.family(&relation.name).iter().any(|member| alter.tally.is_rewritten(member));
    let because = |name: &str| format!("the foreign key {name} is validated again, since {column} is in it");
    for constraint in &relation.constraints {
        let Some((referenced, _)) = &constraint.references else { continue };
        if !constraint.definition.columns.iter().any(|named| named == column)
            || alter.dropped.contains(&constraint.name)
        {
            continue;
        }
        match alter.tally.major() < 15 && alter.tally.is_partitioned(referenced) {
            // measured on 14: the partitions are locked more strongly than their table
            true => {
                alter.tally.lock(referenced, LockMode::ShareRowExclusive, true);
                for member in alter.tally.family(referenced).into_iter().skip(1) {
                    alter.tally.lock(&member, LockMode::AccessExclusive, true);
                }
            }
            false => constraints::lock_referenced(alter.tally, referenced, &LockMode::AccessExclusive),
        }
        if is_rewritten && constraint.is_valid && !constraint.definition.is_not_enforced {
            let reason = Reason::new(because(&constraint.name)).part(&constraint.name);
            alter.tally.validate(&relation.name, reason);
        }
    }
    let others: Vec<QName> = constraints::referencing(alter.tally, relation, Some(column));
    for other in others {
        alter.tally.lock_family(&other, &LockMode::AccessExclusive, true);
        let Some(referencing) = alter.tally.known(&other) else { continue };
        for constraint in &referencing.constraints {
            let is_to_it = constraint.references.as_ref().is_some_and(|(to, keys)| {
                *to == relation.name && (keys.is_empty() || keys.iter().any(|key| key == column))
            });
            // a key that the same statement drops takes the foreign keys to it along
            let is_going = constraint.references.as_ref().is_some_and(|(_, keys)| {
                let key = relation.constraints.iter().find(|own| {
                    let is_key = matches!(own.definition.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique);
                    is_key && (own.definition.columns == *keys || keys.is_empty())
                });
                key.is_some_and(|key| alter.dropped.contains(&key.name))
            });
            if !is_going && is_to_it && is_rewritten && constraint.is_valid && !constraint.definition.is_not_enforced {
                let reason = Reason::new(because(&constraint.name)).part(&constraint.name);
                alter.tally.validate(&other, reason);
            }
        }
    }
}
