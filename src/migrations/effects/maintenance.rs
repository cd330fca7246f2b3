//! Renaming, moving, commenting; building indexes again, clustering, vacuuming, refreshing.

use super::super::catalog::{QName, Relation, RelationKind};
use super::super::command::{Name, ObjectKind, Rename};
use super::tally::{Reason, Tally};
use crate::lock::LockMode;

/// The table of an index and the index's own name, where it is known.
pub(super) fn index_of(tally: &Tally<'_>, name: &Name) -> Option<(QName, String)> {
    let table = tally.before.catalog.table_of_index(name)?;
    Some((table.name.clone(), name.name.clone()))
}

/// `rename`.
pub(super) fn rename(tally: &mut Tally<'_>, rename: &Rename) {
    match rename.kind {
        ObjectKind::Index => match index_of(tally, &rename.object) {
            Some((table, index)) => tally.lock_index(&table, &index, LockMode::ShareUpdateExclusive, false),
            None if tally.before.catalog.is_complete() => {
                if !rename.if_exists {
                    tally.fail("42P01", format!("relation \"{}\" does not exist", rename.object));
                }
            }
            None => {
                let index = tally.before.catalog.resolve(&rename.object);
                tally.lock_index(&index, &rename.object.name, LockMode::ShareUpdateExclusive, false);
            }
        },
        kind if super::is_relation(kind) => {
            if let Some((table, index)) = index_of(tally, &rename.object) {
                return tally.lock_index(&table, &index, LockMode::AccessExclusive, false);
            }
            if let Some(relation) = tally.existing(&rename.object, rename.if_exists) {
                tally.lock(&relation, LockMode::AccessExclusive, false);
            }
        }
        ObjectKind::Column | ObjectKind::Constraint | ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule => {
            if let Some(relation) = tally.existing(&rename.object, rename.if_exists) {
                tally.lock(&relation, LockMode::AccessExclusive, false);
                rename_part(tally, rename, &relation);
            }
        }
        _ => {}
    }
}

fn rename_part(tally: &mut Tally<'_>, rename: &Rename, name: &QName) {
    let (Some(relation), Some(part)) = (tally.known(name), rename.part.as_deref()) else { return };
    match rename.kind {
        ObjectKind::Column => {
            if relation.is_complete && relation.column(part).is_none() {
                return tally.fail("42703", format!("column \"{part}\" does not exist"));
            }
            let parents = relation.parents.iter().chain(relation.partition_of.as_ref().map(|(parent, _)| parent));
            let mut parents = parents.filter_map(|parent| tally.known(parent));
            if parents.any(|parent| parent.column(part).is_some()) {
                return tally.fail("42P16", format!("cannot rename inherited column \"{part}\""));
            }
            tally.lock_family(name, &LockMode::AccessExclusive, false);
        }
        ObjectKind::Constraint => {
            let Some(constraint) = relation.constraint(part) else {
                if relation.is_complete {
                    let message = format!("constraint \"{part}\" for table \"{name}\" does not exist");
                    tally.fail("42704", message);
                }
                return;
            };
            match &constraint.index {
                Some(index) => tally.lock_index(name, index, LockMode::ShareUpdateExclusive, true),
                None if constraint.references.is_none() && !constraint.definition.is_no_inherit => {
                    tally.lock_family(name, &LockMode::AccessExclusive, false);
                }
                None => {}
            }
        }
        // the partitions have it too, and from 15 on they follow
        ObjectKind::Trigger
            if relation.is_partitioned() && tally.major() >= 15 && relation.row_triggers.contains(part) =>
        {
            tally.lock_family(name, &LockMode::AccessExclusive, false);
        }
        _ => {}
    }
}

/// `set schema`.
pub(super) fn set_schema(tally: &mut Tally<'_>, kind: ObjectKind, name: &Name) {
    if !super::is_relation(kind) {
        return;
    }
    let Some(name) = tally.existing(name, false) else { return };
    tally.lock(&name, LockMode::AccessExclusive, false);
    for sequence in tally.known(&name).map(|relation| &relation.owns).into_iter().flatten() {
        tally.lock(sequence, LockMode::AccessExclusive, true);
    }
}

/// `comment on`.
pub(super) fn comment(tally: &mut Tally<'_>, kind: ObjectKind, name: &Name) {
    match kind {
        ObjectKind::Index => {
            if let Some((table, index)) = index_of(tally, name) {
                tally.lock_index(&table, &index, LockMode::ShareUpdateExclusive, false);
            }
        }
        kind if super::is_relation(kind) || kind == ObjectKind::Column => {
            if let Some(name) = tally.existing(name, false) {
                tally.lock(&name, LockMode::ShareUpdateExclusive, false);
            }
        }
        _ => {}
    }
}

/// `reindex`.
pub(super) fn reindex(tally: &mut Tally<'_>, kind: ObjectKind, name: Option<&Name>, concurrently: bool) {
    if concurrently {
        tally.no_transaction("reindex concurrently");
    } else if matches!(kind, ObjectKind::Schema | ObjectKind::Database) {
        tally.no_transaction(&format!("reindex {}", kind.as_str()));
    }
    match (kind, name) {
        (ObjectKind::Index, Some(name)) => match index_of(tally, name) {
            Some((table, index)) => reindex_members(tally, &table, Some(&index), "index", concurrently),
            None if tally.before.catalog.is_complete() => {
                tally.fail("42P01", format!("relation \"{name}\" does not exist"));
            }
            None => {
                let mode = if concurrently { LockMode::ShareUpdateExclusive } else { LockMode::AccessExclusive };
                let index = tally.before.catalog.resolve(name);
                tally.lock_index(&index, &name.name, mode, false);
                tally.effects.unread.push(format!("which table the index {name} is of: it is locked too"));
            }
        },
        (ObjectKind::Table | ObjectKind::MaterializedView, Some(name)) => {
            if let Some(table) = tally.existing(name, false) {
                reindex_members(tally, &table, None, "table", concurrently);
            }
        }
        (ObjectKind::Schema, Some(name)) => {
            let from = QName::new(&name.name, "");
            let within = tally.before.catalog.relations.range(&from..).map(|(name, _)| name);
            let within: Vec<QName> = within.take_while(|found| *found.schema == *name.name).cloned().collect();
            for table in within {
                reindex_table(tally, &table, None, concurrently);
            }
        }
        _ => {
            let all: Vec<QName> = tally.before.catalog.relations().map(|relation| relation.name.clone()).collect();
            for table in all {
                reindex_table(tally, &table, None, concurrently);
            }
        }
    }
}

/// A table, or an index of it, with its partitions, which are done one after another, each in a transaction of its own.
fn reindex_members(tally: &mut Tally<'_>, table: &QName, index: Option<&str>, word: &str, concurrently: bool) {
    if tally.is_partitioned(table) {
        if !concurrently {
            tally.no_transaction(&format!("reindex {word}"));
        }
        let mode = if concurrently { LockMode::ShareUpdateExclusive } else { LockMode::Share };
        tally.lock(table, mode, false);
        for member in tally.family(table) {
            if member != *table && tally.has_storage(&member) {
                reindex_table(tally, &member, index.map(|index| (index, true)), concurrently);
            }
        }
        return;
    }
    reindex_table(tally, table, index.map(|index| (index, false)), concurrently);
}

fn reindex_table(tally: &mut Tally<'_>, table: &QName, index: Option<(&str, bool)>, concurrently: bool) {
    let (mode, of_index) = match concurrently {
        true => (LockMode::ShareUpdateExclusive, LockMode::ShareUpdateExclusive),
        false => (LockMode::Share, LockMode::AccessExclusive),
    };
    let Some(relation) = tally.known(table) else {
        tally.lock(table, mode, false);
        let assumed = Some(format!("the indexes of {table} are not known"));
        return tally.build(table, Reason::new("every index is built again").assumed(assumed));
    };
    if !matches!(relation.kind, RelationKind::Table | RelationKind::MaterializedView) {
        return;
    }
    tally.lock(table, mode, false);
    for found in &relation.indexes {
        let is_meant = match index {
            None => true,
            Some((index, false)) => found.name == index,
            Some((index, true)) => found.part_of.as_deref() == Some(index),
        };
        if is_meant {
            tally.lock_index(table, &found.name, of_index.clone(), true);
            let because = format!("the index {} is built again", found.name);
            tally.build(table, Reason::new(because).part(&found.name));
        }
    }
}

/// `cluster`.
pub(super) fn cluster(tally: &mut Tally<'_>, table: Option<&Name>) {
    let Some(name) = table else {
        tally.no_transaction("cluster");
        return tally.effects.unread.push("which tables were clustered before: they are rewritten".to_owned());
    };
    let Some(table) = tally.existing(name, false) else { return };
    if tally.is_partitioned(&table) {
        if tally.major() < 15 {
            return tally.needs(15, "0A000", "cluster of a partitioned table");
        }
        tally.no_transaction("cluster");
    }
    for member in tally.family(&table) {
        if member != table && !tally.is_partitioned(&table) {
            continue;
        }
        tally.lock(&member, LockMode::AccessExclusive, member != table);
        if tally.has_storage(&member) {
            tally.rewrite(&member, Reason::new(format!("{member} is written anew in the order of an index")));
        }
    }
}

/// `vacuum`, `analyze`.
pub(super) fn vacuum(tally: &mut Tally<'_>, is_vacuum: bool, is_full: bool, tables: &[Name]) {
    if is_vacuum {
        tally.no_transaction("vacuum");
    }
    let mut all = Vec::new();
    for name in tables {
        if let Some(table) = tally.existing(name, false) {
            // partitions are done with their table, tables that inherit are not
            let partitioned = tally.is_partitioned(&table);
            all.extend(if partitioned { tally.family(&table) } else { vec![table] });
        }
    }
    if tables.is_empty() {
        if !is_full {
            return;
        }
        let stored =
            |relation: &&Relation| matches!(relation.kind, RelationKind::Table | RelationKind::MaterializedView);
        all.extend(tally.before.catalog.relations().filter(stored).map(|relation| relation.name.clone()));
    }
    for table in all {
        let is_stored = tally.has_storage(&table);
        match is_full && is_stored {
            true => {
                tally.lock(&table, LockMode::AccessExclusive, false);
                tally.rewrite(&table, Reason::new(format!("{table} is written anew without its dead rows")));
            }
            false if is_full => {}
            false => tally.lock(&table, LockMode::ShareUpdateExclusive, false),
        }
    }
}

/// `refresh materialized view`.
pub(super) fn refresh(tally: &mut Tally<'_>, name: &Name, concurrently: bool, with_data: bool) {
    let Some(view) = tally.existing(name, false) else { return };
    let known = tally.known(&view);
    for read in known.map(|view| view.reads.as_slice()).unwrap_or_default() {
        tally.lock(read, LockMode::AccessShare, true);
    }
    if concurrently {
        tally.lock(&view, LockMode::Exclusive, false);
        let fits = |relation: &Relation| {
            let mut indexes = relation.indexes.iter();
            indexes.any(|index| index.is_unique && !index.is_partial && !index.has_expressions && index.is_valid)
        };
        if known.is_some_and(|relation| relation.is_complete && !fits(relation)) {
            tally.fail("55000", format!("cannot refresh materialized view \"{view}\" concurrently"));
        }
        return;
    }
    tally.lock(&view, LockMode::AccessExclusive, false);
    tally.lock_indexes(&view, &LockMode::AccessExclusive);
    if with_data {
        tally.rewrite(&view, Reason::new(format!("the query of {view} runs and all its rows are written anew")));
    }
}
