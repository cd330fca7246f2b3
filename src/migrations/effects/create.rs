//! What making things takes of those that are there.

use super::super::catalog::{Lookup, QName, RelationKind};
use super::super::command::{ConstraintKind, CreateIndex, CreateTable, Name, Persistence, Reads};
use super::alter_table::enum_default_of;
use super::tally::{Reason, Tally};
use super::{constraints, data, partitions};
use crate::lock::LockMode;

/// Whether a name is free for a new relation: it fails where it is taken, unless the statement allows for it.
pub(super) fn is_free(tally: &mut Tally<'_>, name: &Name, if_not_exists: bool, persistence: Persistence) -> bool {
    let named = match persistence {
        Persistence::Temporary => QName::new("pg_temp", &name.name),
        _ => in_creation_schema(tally, name),
    };
    match tally.before.catalog.get(&named) {
        Lookup::Known(relation) if relation.born.is_some() || relation.is_complete => {
            if !if_not_exists {
                tally.fail("42P07", format!("relation \"{name}\" already exists"));
            }
            false
        }
        _ => {
            tally.make(named);
            true
        }
    }
}

/// The name that something new gets: in the first schema of the path.
fn in_creation_schema(tally: &Tally<'_>, name: &Name) -> QName {
    let first = tally.before.catalog.search_path.first().map_or("public", String::as_str);
    QName::new(name.schema.as_deref().unwrap_or(first), &name.name)
}

/// `create table`.
pub(super) fn table(tally: &mut Tally<'_>, create: &CreateTable) {
    if !is_free(tally, &create.name, create.if_not_exists, create.persistence) {
        return;
    }
    let own = in_creation_schema(tally, &create.name);
    for (number, parent) in create.parents.iter().enumerate() {
        match (&create.bound, number) {
            (Some(bound), 0) => partitions::create(tally, parent, bound),
            _ => {
                if let Some(parent) = tally.existing(parent, false) {
                    tally.lock(&parent, LockMode::ShareUpdateExclusive, false);
                }
            }
        }
    }
    for (like, _) in &create.like {
        if let Some(like) = tally.existing(like, false) {
            tally.lock(&like, LockMode::AccessShare, false);
        }
    }
    for column in &create.columns {
        if let Some(default) = &column.default {
            enum_default_of(tally, &column.type_name, default);
        }
        if let Some((super::super::command::Generated::Virtual, _)) = column.generated {
            tally.needs(18, "42601", "a virtual generated column");
        }
    }
    let of_columns = create.columns.iter().flat_map(|column| &column.constraints);
    for constraint in of_columns.chain(&create.constraints) {
        constraints::needs_version(tally, constraint);
        if constraint.kind == ConstraintKind::NotNull && create.constraints.contains(constraint) {
            tally.needs(18, "42601", "a not null constraint of a table");
        }
        let ConstraintKind::ForeignKey { references, columns, .. } = &constraint.kind else { continue };
        if tally.before.catalog.resolve(references) == own {
            continue;
        }
        let Some(referenced) = tally.existing(references, false) else { continue };
        if constraints::can_reference(tally, &referenced, columns, create.persistence) {
            constraints::lock_referenced(tally, &referenced, &LockMode::ShareRowExclusive);
        }
    }
}

/// `create index`.
pub(super) fn index(tally: &mut Tally<'_>, create: &CreateIndex) {
    if create.concurrently {
        tally.no_transaction("create index concurrently");
    }
    if create.nulls_not_distinct {
        tally.needs(15, "42601", "nulls not distinct");
    }
    let Some(table) = tally.existing(&create.table, false) else { return };
    let mode = if create.concurrently { LockMode::ShareUpdateExclusive } else { LockMode::Share };
    tally.lock(&table, mode.clone(), false);
    let relation = tally.known(&table);
    if let Some(relation) =
        relation.filter(|relation| matches!(relation.kind, RelationKind::View | RelationKind::Sequence))
    {
        return tally.fail("42809", format!("cannot create index on relation \"{}\"", relation.name));
    }
    if create.concurrently && relation.is_some_and(|relation| relation.is_partitioned()) {
        return tally.fail("0A000", format!("cannot create index on partitioned table \"{table}\" concurrently"));
    }
    if let Some(relation) = relation.filter(|relation| relation.is_complete) {
        let named = create.keys.iter().filter_map(|key| key.column.as_ref()).chain(&create.include);
        if let Some(column) = named.into_iter().find(|column| relation.column(column).is_none()) {
            return tally.fail("42703", format!("column \"{column}\" does not exist"));
        }
    }
    if let Some(name) = &create.name {
        let index = QName::new(&table.schema, name);
        if tally.before.catalog.table_of(&index).is_some() || tally.known(&index).is_some() {
            if !create.if_not_exists {
                tally.fail("42P07", format!("relation \"{name}\" already exists"));
            }
            return;
        }
    }
    let wanted = super::super::catalog::Index {
        keys: create.keys.iter().map(|key| key.column.clone()).collect(),
        include: create.include.clone(),
        is_unique: create.is_unique,
        is_partial: create.predicate.is_some(),
        has_expressions: create.keys.iter().any(|key| key.column.is_none()),
        method: create.method.clone(),
        ..super::super::catalog::Index::new(create.name.clone().unwrap_or_default())
    };
    let is_partitioned = relation.is_some_and(|relation| relation.is_partitioned());
    let members = match (is_partitioned, create.only) {
        (true, true) => return,
        // tables that inherit are not indexed with their parent
        (false, _) => vec![table.clone()],
        (true, false) => tally.family(&table),
    };
    for member in members {
        tally.lock(&member, mode.clone(), member != table);
        if !tally.has_storage(&member) {
            continue;
        }
        let name = match (&create.name, member == table) {
            (Some(name), true) => name.clone(),
            _ => partitions::part_name(&member, &wanted),
        };
        if member != table
            && let Some(like) = tally.known(&member).and_then(|relation| partitions::like(relation, &wanted))
        {
            tally.lock_index(&member, &like.name, LockMode::Share, true);
            tally.prove(format!("{member} has the index {} already", like.name));
            continue;
        }
        tally.build(&member, Reason::new(format!("the index {name} is built")).part(name));
    }
}

/// `create view`.
pub(super) fn view(
    tally: &mut Tally<'_>,
    name: &Name,
    replace: bool,
    persistence: Persistence,
    columns: Option<&[String]>,
    reads: &Reads,
) {
    if !replace {
        if is_free(tally, name, false, persistence) {
            data::reads(tally, reads);
        }
        return;
    }
    let own = in_creation_schema(tally, name);
    if let Some(view) = tally.known(&own) {
        tally.lock(&own, LockMode::AccessExclusive, false);
        if view.kind != RelationKind::View && view.is_complete {
            return tally.fail("42809", format!("\"{own}\" is not a view"));
        }
        if let Some(columns) = columns.filter(|_| view.is_complete) {
            let kept = view.columns.iter().zip(columns);
            if columns.len() < view.columns.len() {
                return tally.fail("42P16", "cannot drop columns from view");
            }
            for (old, new) in kept {
                if old.name != *new {
                    let message = format!("cannot change name of view column \"{}\" to \"{new}\"", old.name);
                    return tally.fail("42P16", message);
                }
            }
        }
    }
    data::reads(tally, reads);
}

/// `create trigger`.
pub(super) fn trigger(tally: &mut Tally<'_>, table: &Name, for_each_row: bool) {
    let Some(table) = tally.existing(table, false) else { return };
    match for_each_row && tally.is_partitioned(&table) {
        true => tally.lock_family(&table, &LockMode::ShareRowExclusive, false),
        false => tally.lock(&table, LockMode::ShareRowExclusive, false),
    }
}
