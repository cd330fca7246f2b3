//! Partitions: attaching, detaching, making them.

use super::super::catalog::{Index, QName, Relation, TableConstraint};
use super::super::command::{Bound, ConstraintKind, Name};
use super::alter_table::Alter;
use super::tally::{Reason, Tally};
use super::{bounds, constraints};
use crate::lock::LockMode;

/// The default partition of a partitioned table.
pub(super) fn default_of(tally: &Tally<'_>, parent: &Relation) -> Option<QName> {
    parent.default_partition.clone().filter(|default| tally.known(default).is_some())
}

/// The default partition is locked, and read unless its constraints say that nothing in it belongs to the new one.
fn look_into_default(tally: &mut Tally<'_>, parent: &Relation, bound: &Bound) {
    if *bound == Bound::Default {
        return;
    }
    let Some(default) = default_of(tally, parent) else { return };
    tally.lock(&default, LockMode::AccessExclusive, true);
    let is_outside = |tally: &Tally<'_>, name: &QName| {
        let (Some(relation), Some(by)) = (tally.known(name), &parent.partition_by) else { return false };
        bounds::is_outside(relation, by, bound)
    };
    if is_outside(tally, &default) {
        return tally.prove(format!("the constraints of the default partition {default} keep the new rows out of it"));
    }
    for member in tally.family(&default) {
        tally.lock(&member, LockMode::AccessExclusive, true);
        if !tally.has_storage(&member) {
            continue;
        }
        if member != default && is_outside(tally, &member) {
            tally.prove(format!("the constraints of {member} keep the new rows out of it"));
            continue;
        }
        let because = format!("that no row of the default partition {member} belongs to the new one is verified");
        tally.scan(&member, Reason::new(because));
    }
}

/// What the constraints of a partitioned table lock when a partition comes to it.
fn lock_around(tally: &mut Tally<'_>, parent: &Relation) {
    for index in &parent.indexes {
        tally.lock_index(&parent.name, &index.name, LockMode::ShareUpdateExclusive, true);
    }
    if tally.major() >= 15 {
        for referencing in constraints::referencing(tally, parent, None) {
            tally.lock(&referencing, LockMode::ShareRowExclusive, true);
        }
    }
}

/// Foreign keys of a table, with what they reference.
fn foreign_keys(relation: &Relation) -> impl Iterator<Item = (&TableConstraint, &QName)> {
    relation.constraints.iter().filter_map(|constraint| Some((constraint, &constraint.references.as_ref()?.0)))
}

/// `create table … partition of`.
pub(super) fn create(tally: &mut Tally<'_>, parent: &Name, bound: &Bound) {
    let Some(parent) = tally.existing(parent, false) else { return };
    tally.lock(&parent, LockMode::AccessExclusive, false);
    let Some(parent) = tally.known(&parent) else {
        return tally.effects.unread.push(format!("whether {parent} has a default partition, which would be scanned"));
    };
    look_into_default(tally, parent, bound);
    lock_around(tally, parent);
    for (_, referenced) in foreign_keys(parent) {
        constraints::lock_referenced(tally, referenced, &LockMode::ShareRowExclusive);
    }
}

/// `attach partition`.
pub(super) fn attach(alter: &mut Alter<'_, '_>, partition: &Name, bound: &Bound) {
    let Some(partition) = alter.tally.existing(partition, false) else { return };
    let tally = &mut *alter.tally;
    let members = tally.family(&partition);
    for member in &members {
        tally.lock(member, LockMode::AccessExclusive, *member != partition);
    }
    let by = alter.relation.and_then(|relation| relation.partition_by.as_ref());
    for member in members.iter().filter(|member| tally.has_storage(member)).cloned().collect::<Vec<_>>() {
        let own = tally.known(&member);
        let within = |relation: &Relation| by.is_some_and(|by| bounds::is_within(relation, by, bound));
        let proves = own.is_some_and(within) || tally.known(&partition).is_some_and(within);
        if proves {
            tally.prove(format!("the constraints of {member} say that its rows lie within the bounds"));
            continue;
        }
        // the first partition takes all rows where it is the default
        let because = format!("that every row of {member} lies within the bounds is verified");
        let is_known = own.is_some_and(|relation| relation.is_complete) && by.is_some();
        let assumed = (!is_known).then(|| format!("the constraints of {member} are not known"));
        tally.scan(&member, Reason::new(because).assumed(assumed));
    }
    let Some(parent) = alter.relation else {
        let table = alter.name();
        return alter
            .tally
            .effects
            .unread
            .push(format!("whether {table} has a default partition, which would be scanned"));
    };
    let tally = &mut *alter.tally;
    look_into_default(tally, parent, bound);
    lock_around(tally, parent);
    for leaf in members {
        indexes_of_new(tally, parent, &leaf);
    }
    for (constraint, referenced) in foreign_keys(parent) {
        let has_own = tally.known(&partition).and_then(|relation| same_foreign_key(relation, constraint));
        if has_own.is_some() {
            // the one that is there becomes a part of the parent's
            constraints::lock_referenced(tally, referenced, &LockMode::AccessExclusive);
            continue;
        }
        constraints::lock_referenced(tally, referenced, &LockMode::ShareRowExclusive);
        if constraint.is_valid && !constraint.definition.is_not_enforced {
            let because = format!("every row of {partition} is looked up in {referenced}");
            tally.validate(&partition, Reason::new(because).part(&constraint.name));
        }
    }
}

fn same_foreign_key<'a>(relation: &'a Relation, wanted: &TableConstraint) -> Option<&'a TableConstraint> {
    relation.constraints.iter().find(|own| {
        own.is_valid
            && own.definition.columns == wanted.definition.columns
            && matches!((&own.references, &wanted.references), (Some((own, _)), Some((wanted, _))) if own == wanted)
    })
}

/// The indexes of a partitioned table are built on a new partition, but where it has the like.
fn indexes_of_new(tally: &mut Tally<'_>, parent: &Relation, leaf: &QName) {
    if !tally.has_storage(leaf) {
        return;
    }
    let own = tally.known(leaf);
    for index in &parent.indexes {
        if own.is_some_and(|relation| like(relation, index).is_some()) {
            continue;
        }
        let name = match parent.constraints.iter().find(|constraint| constraint.index.as_deref() == Some(&index.name)) {
            Some(constraint) if constraint.definition.kind == ConstraintKind::PrimaryKey => {
                format!("{}_pkey", leaf.name)
            }
            Some(constraint) => format!("{}_{}_key", leaf.name, constraint.definition.columns.join("_")),
            None => part_name(leaf, index),
        };
        let because = format!("the new partition gets the index {}", index.name);
        let is_known = own.is_some_and(|relation| relation.is_complete);
        let assumed = (!is_known).then(|| format!("the indexes of {leaf} are not known"));
        tally.build(leaf, Reason::new(because).part(name).assumed(assumed));
    }
}

/// The name that an index made for a partition gets.
pub(super) fn part_name(leaf: &QName, index: &Index) -> String {
    let keys: Vec<&str> = index.keys.iter().map(|key| key.as_deref().unwrap_or("expr")).collect();
    format!("{}_{}_idx", leaf.name, keys.join("_"))
}

/// An index of a table that can be a part of a partitioned index.
pub(super) fn like<'a>(relation: &'a Relation, wanted: &Index) -> Option<&'a Index> {
    relation.indexes.iter().find(|own| {
        own.keys == wanted.keys
            && own.include == wanted.include
            && own.is_unique == wanted.is_unique
            && own.method == wanted.method
            && own.is_valid
            && !own.is_partial
            && !own.has_expressions
            && !wanted.is_partial
            && !wanted.has_expressions
    })
}

/// `detach partition`.
pub(super) fn detach(alter: &mut Alter<'_, '_>, partition: &Name, concurrently: bool, finalize: bool) {
    if concurrently {
        alter.tally.no_transaction("alter table … detach concurrently");
    }
    let Some(partition) = alter.tally.existing(partition, false) else { return };
    let parent = alter.relation;
    let default = parent.and_then(|parent| default_of(alter.tally, parent));
    if let (true, Some(_)) = (concurrently, &default) {
        let message = "cannot detach partitions concurrently when a default partition exists";
        return alter.tally.fail("55000", message);
    }
    // concurrently, too: at its end it waits for whoever reads the partition, and others behind it
    alter.tally.lock_family(&partition, &LockMode::AccessExclusive, false);
    if let (Some(default), false) = (&default, concurrently || finalize) {
        alter.tally.lock(default, LockMode::AccessExclusive, true);
    }
    let Some(parent) = parent else { return };
    for (_, referenced) in foreign_keys(parent) {
        constraints::lock_referenced(alter.tally, referenced, &LockMode::ShareRowExclusive);
    }
    for referencing in constraints::referencing(alter.tally, parent, None) {
        alter.tally.lock(&referencing, LockMode::AccessExclusive, true);
        alter.tally.lock_indexes(&partition, &LockMode::AccessExclusive);
        for table in [&referencing, &partition] {
            let because = format!("that no row of {referencing} references {partition} is verified");
            alter.tally.scan(table, Reason::new(because));
        }
    }
}
