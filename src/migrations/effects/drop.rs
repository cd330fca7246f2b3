//! `drop`: what goes with a thing, what it locks besides, and what keeps it from going.

use super::super::catalog::{QName, Relation, RelationKind, TableConstraint};
use super::super::command::{Bound, Drop, Name, ObjectKind};
use super::tally::Tally;
use super::{constraints, maintenance, partitions};
use crate::lock::LockMode;
use std::collections::BTreeSet;

/// Adds up a `drop`.
pub(super) fn drop(tally: &mut Tally<'_>, drop: &Drop) {
    match drop.kind {
        ObjectKind::Index => indexes(tally, drop),
        ObjectKind::Table
        | ObjectKind::ForeignTable
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Sequence => {
            let word = drop.kind.as_str();
            let mut names = Vec::new();
            for (number, name) in drop.names.iter().enumerate() {
                tally.action = number;
                let Some(name) = tally.existing_or(name, drop.if_exists, "42P01", word) else { continue };
                if let Some(relation) = tally.known(&name)
                    && relation.is_complete
                    && !is_of(relation.kind, drop.kind)
                {
                    return tally.fail("42809", format!("\"{name}\" is not a {word}"));
                }
                names.push(name);
            }
            tally.action = 0;
            relations(tally, names, drop.cascade, word);
        }
        ObjectKind::Schema => schemas(tally, drop),
        ObjectKind::Type | ObjectKind::Domain => types(tally, drop),
        ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::Policy => of_table(tally, drop),
        ObjectKind::Extension => {
            let names: Vec<String> = drop.names.iter().map(ToString::to_string).collect();
            tally.effects.unread.push(format!("what depends on the extension {}", names.join(", ")));
        }
        ObjectKind::Database | ObjectKind::Tablespace => {
            tally.no_transaction(&format!("drop {}", drop.kind.as_str()));
        }
        _ => {}
    }
}

/// Whether a relation is what the statement calls it.
fn is_of(kind: RelationKind, said: ObjectKind) -> bool {
    match said {
        ObjectKind::Table => matches!(kind, RelationKind::Table | RelationKind::PartitionedTable),
        ObjectKind::ForeignTable => kind == RelationKind::ForeignTable,
        ObjectKind::View => kind == RelationKind::View,
        ObjectKind::MaterializedView => kind == RelationKind::MaterializedView,
        _ => kind == RelationKind::Sequence,
    }
}

/// Relations, with all that goes with them.
fn relations(tally: &mut Tally<'_>, names: Vec<QName>, cascade: bool, word: &str) {
    let mut going: BTreeSet<QName> = names.iter().cloned().collect();
    let wanted = going.clone();
    let mut queue = names;
    let mut next = 0;
    let mut kept: Option<QName> = None;
    while let Some(name) = queue.get(next).cloned() {
        next += 1;
        tally.lock(&name, LockMode::AccessExclusive, !wanted.contains(&name));
        let Some(relation) = tally.known(&name) else { continue };
        tally.lock_indexes(&name, &LockMode::AccessExclusive);
        let mut push = |other: &QName, needs_cascade: bool| {
            if going.contains(other) {
                return;
            }
            if needs_cascade && !cascade {
                kept.get_or_insert_with(|| name.clone());
                return;
            }
            going.insert(other.clone());
            queue.push(other.clone());
        };
        for sequence in &relation.owns {
            push(sequence, false);
        }
        for child in &relation.children {
            let is_partition = tally.known(child).is_some_and(|child| child.partition_of.is_some());
            push(child, !is_partition);
        }
        for view in &relation.read_by {
            push(view, true);
        }
        for referencing in constraints::referencing(tally, relation, None) {
            if going.contains(&referencing) {
                continue;
            }
            if cascade {
                tally.lock_family(&referencing, &LockMode::AccessExclusive, true);
            } else {
                kept.get_or_insert_with(|| name.clone());
            }
        }
        around(tally, relation, &going);
        if referenced_partition(tally, relation) && !cascade {
            kept.get_or_insert_with(|| name.clone());
        }
        // one that is owned and takes no values from it may go
        if relation.kind == RelationKind::Sequence
            && !cascade
            && wanted.contains(&name)
            && tally.before.catalog.is_used(&name)
        {
            kept.get_or_insert_with(|| name.clone());
        }
    }
    // a table and what depends on it may go together
    if let Some(kept) = kept.filter(|_| !cascade) {
        tally.fail("2BP01", format!("cannot drop {word} {kept} because other objects depend on it"));
    }
}

/// What a relation that goes locks besides: what it references, and what it is a part of.
fn around(tally: &mut Tally<'_>, relation: &Relation, going: &BTreeSet<QName>) {
    // a foreign key that a partition has from its table has nothing of its own on the other side
    let parent = relation.partition_of.as_ref().and_then(|(parent, _)| tally.known(parent));
    let is_inherited = |own: &TableConstraint| {
        parent.is_some_and(|parent| {
            let same = |of: &TableConstraint| {
                of.references == own.references && of.definition.columns == own.definition.columns
            };
            parent.constraints.iter().any(|of| of.references.is_some() && same(of))
        })
    };
    let own = relation.constraints.iter().filter(|constraint| !is_inherited(constraint));
    for (referenced, _) in own.filter_map(|constraint| constraint.references.as_ref()) {
        if !going.contains(referenced) {
            constraints::lock_referenced(tally, referenced, &LockMode::AccessExclusive);
        }
    }
    let Some((parent, bound)) = &relation.partition_of else { return };
    if going.contains(parent) {
        return;
    }
    tally.lock(parent, LockMode::AccessExclusive, true);
    if *bound != Bound::Default
        && let Some(default) = tally.known(parent).and_then(|parent| partitions::default_of(tally, parent))
    {
        tally.lock(&default, LockMode::AccessExclusive, true);
    }
}

/// Whether a relation is a partition of a table that is referenced: the key that is referenced needs it.
fn referenced_partition(tally: &Tally<'_>, relation: &Relation) -> bool {
    let parent = relation.partition_of.as_ref().and_then(|(parent, _)| tally.known(parent));
    parent.is_some_and(|parent| !constraints::referencing(tally, parent, None).is_empty())
}

/// A view that goes with what it reads, and those that read it.
pub(super) fn lock_view(tally: &mut Tally<'_>, view: &QName) {
    let mut queue = vec![view.clone()];
    let mut seen: BTreeSet<QName> = queue.iter().cloned().collect();
    let mut next = 0;
    while let Some(view) = queue.get(next).cloned() {
        next += 1;
        tally.lock(&view, LockMode::AccessExclusive, true);
        tally.lock_indexes(&view, &LockMode::AccessExclusive);
        for reader in tally.known(&view).map(|view| &view.read_by).into_iter().flatten() {
            if seen.insert(reader.clone()) {
                queue.push(reader.clone());
            }
        }
    }
}

/// Indexes.
fn indexes(tally: &mut Tally<'_>, drop: &Drop) {
    if drop.concurrently {
        tally.no_transaction("drop index concurrently");
        if drop.names.len() > 1 {
            return tally.fail("0A000", "DROP INDEX CONCURRENTLY does not support dropping multiple objects");
        }
        if drop.cascade {
            return tally.fail("0A000", "DROP INDEX CONCURRENTLY does not support CASCADE");
        }
    }
    for (number, name) in drop.names.iter().enumerate() {
        tally.action = number;
        index(tally, drop, name);
    }
    tally.action = 0;
}

fn index(tally: &mut Tally<'_>, drop: &Drop, name: &Name) {
    let mode = if drop.concurrently { LockMode::ShareUpdateExclusive } else { LockMode::AccessExclusive };
    let Some((table, index)) = maintenance::index_of(tally, name) else {
        if tally.before.catalog.is_complete() {
            if !drop.if_exists {
                tally.fail("42704", format!("index \"{name}\" does not exist"));
            }
        } else {
            let resolved = tally.before.catalog.resolve(name);
            tally.lock_index(&resolved, &name.name, mode, false);
            tally.effects.unread.push(format!("which table the index {name} is of: it is locked too"));
        }
        return;
    };
    let Some(relation) = tally.known(&table) else { return };
    if drop.concurrently && relation.is_partitioned() {
        return tally.fail("0A000", format!("cannot drop partitioned index \"{index}\" concurrently"));
    }
    tally.lock(&table, mode.clone(), false);
    tally.lock_index(&table, &index, mode, false);
    let known = relation.index(&index);
    if let Some(whole) = known.and_then(|index| index.part_of.as_ref()) {
        return tally.fail("2BP01", format!("cannot drop index {index} because index {whole} requires it"));
    }
    if let Some(constraint) = relation.constraints.iter().find(|constraint| constraint.index.as_deref() == Some(&index))
    {
        let message =
            format!("cannot drop index {index} because constraint {} on table {table} requires it", constraint.name);
        return tally.fail("2BP01", message);
    }
    if relation.is_partitioned() {
        for member in tally.family(&table) {
            tally.lock(&member, LockMode::AccessExclusive, member != table);
            constraints::lock_parts(tally, &member, &index);
        }
    }
}

/// Schemas, with what is in them.
fn schemas(tally: &mut Tally<'_>, drop: &Drop) {
    for name in &drop.names {
        let from = QName::new(&name.name, "");
        let within = tally.before.catalog.relations.range(&from..).map(|(name, _)| name);
        let within: Vec<QName> = within.take_while(|found| *found.schema == *name.name).cloned().collect();
        let has_types = tally.before.catalog.types().any(|found| *found.name.schema == *name.name);
        if !drop.cascade && (!within.is_empty() || has_types) {
            return tally.fail("2BP01", format!("cannot drop schema {} because other objects depend on it", name.name));
        }
        relations(tally, within, true, "table");
    }
}

/// Types and domains.
fn types(tally: &mut Tally<'_>, drop: &Drop) {
    for name in &drop.names {
        let Some(known) = tally.before.catalog.type_of(name) else { continue };
        let users: Vec<QName> = super::types::users(tally, &known.name);
        if users.is_empty() {
            continue;
        }
        if !drop.cascade {
            let message = format!("cannot drop type {} because other objects depend on it", known.name);
            return tally.fail("2BP01", message);
        }
        for user in users {
            tally.lock(&user, LockMode::AccessExclusive, true);
        }
    }
}

/// Triggers, rules, policies: the table is locked.
fn of_table(tally: &mut Tally<'_>, drop: &Drop) {
    let Some(table) = &drop.table else { return };
    let Some(table) = tally.existing(table, drop.if_exists) else { return };
    tally.lock(&table, LockMode::AccessExclusive, false);
    let Some(relation) = tally.known(&table) else { return };
    if drop.kind == ObjectKind::Trigger && relation.is_partitioned() {
        let is_cloned = drop.names.iter().any(|name| relation.row_triggers.contains(&name.name));
        if is_cloned {
            tally.lock_family(&table, &LockMode::AccessExclusive, false);
        }
    }
}
