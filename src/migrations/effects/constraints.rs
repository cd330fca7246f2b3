//! Constraints of tables: what adding, validating and dropping them takes.

use super::super::catalog::{QName, Relation, TableConstraint};
use super::super::command::{Constraint, ConstraintKind, Persistence};
use super::alter_table::Alter;
use super::alter_table::verify_not_null;
use super::tally::{Reason, Tally};
use crate::lock::LockMode;

/// `add constraint`.
pub(super) fn add(alter: &mut Alter<'_, '_>, constraint: &Constraint) {
    needs_version(alter.tally, constraint);
    match &constraint.kind {
        ConstraintKind::Check(_) => add_check(alter, constraint),
        ConstraintKind::NotNull => add_not_null(alter, constraint),
        ConstraintKind::Unique | ConstraintKind::PrimaryKey | ConstraintKind::Exclusion => {
            index_backed(alter, constraint, false);
        }
        ConstraintKind::ForeignKey { .. } => {
            foreign_key(alter, constraint, !constraint.is_not_valid && !constraint.is_not_enforced);
        }
    }
}

/// How a constraint is spoken of.
fn title(constraint: &Constraint, word: &str) -> String {
    match &constraint.name {
        Some(name) => format!("the {word} {name}"),
        None => format!("the {word}"),
    }
}

fn add_check(alter: &mut Alter<'_, '_>, constraint: &Constraint) {
    if !constraint.is_no_inherit && alter.only_fails("constraint") {
        return;
    }
    let leaves = match constraint.is_no_inherit {
        false => alter.locked_leaves(),
        true => {
            // from 18 on whatever is added locks all that may get it
            if alter.tally.major() >= 18 {
                alter.locked_family();
            }
            vec![alter.table.clone()]
        }
    };
    if constraint.is_not_valid || constraint.is_not_enforced {
        return;
    }
    for leaf in leaves {
        let because = format!("{} is verified for every row", title(constraint, "check"));
        let reason = Reason { part: constraint.name.clone(), ..Reason::new(because) };
        alter.tally.scan(&leaf, reason);
    }
}

fn add_not_null(alter: &mut Alter<'_, '_>, constraint: &Constraint) {
    alter.tally.needs(18, "42601", "a not null constraint of a table");
    let leaves = alter.locked_leaves();
    for column in &constraint.columns {
        if !alter.needs_column(column) || constraint.is_not_valid {
            continue;
        }
        for leaf in &leaves {
            verify_not_null(alter, leaf, column, &format!("that {column} holds no nulls"));
        }
    }
}

/// The name that the index behind a constraint gets.
pub(super) fn index_name(table: &QName, constraint: &Constraint) -> String {
    let label = match constraint.kind {
        ConstraintKind::PrimaryKey => return named(constraint, format!("{}_pkey", table.name)),
        ConstraintKind::Exclusion => "excl",
        _ => "key",
    };
    named(constraint, format!("{}_{}_{label}", table.name, constraint.columns.join("_")))
}

fn named(constraint: &Constraint, otherwise: String) -> String {
    constraint.name.clone().unwrap_or(otherwise)
}

/// A unique constraint, a primary key, an exclusion: by an index that is built, or one that is there.
pub(super) fn index_backed(alter: &mut Alter<'_, '_>, constraint: &Constraint, is_new_column: bool) {
    let is_primary = constraint.kind == ConstraintKind::PrimaryKey;
    let table = alter.name();
    let has_key = alter.relation.is_some_and(|relation| {
        let is_key = |one: &TableConstraint| one.definition.kind == ConstraintKind::PrimaryKey;
        relation.constraints.iter().any(|one| is_key(one) && !alter.dropped.contains(&one.name))
    });
    if is_primary && has_key {
        return alter.tally.fail("42P16", format!("multiple primary keys for table \"{table}\" are not allowed"));
    }
    if let Some(index) = &constraint.using_index {
        return using_index(alter, constraint, index);
    }
    for column in &constraint.columns {
        if !is_new_column && !alter.needs_column(column) {
            return;
        }
    }
    if let Some(by) = alter.relation.and_then(|relation| relation.partition_by.as_ref())
        && constraint.kind != ConstraintKind::Exclusion
        && by.key.iter().any(|key| key.as_ref().is_none_or(|key| !constraint.columns.contains(key)))
    {
        let word = if is_primary { "primary key" } else { "unique" };
        let rest = "constraint on partitioned table must include all partitioning columns";
        return alter.tally.fail("0A000", format!("{word} {rest}"));
    }
    let all = match (alter.only, alter.tally.major() >= 18 || is_primary || is_new_column, alter.is_partitioned()) {
        (false, true, _) => alter.locked_leaves(),
        // the index is made on each partition as `create index` makes it
        (false, false, true) => {
            let target = alter.table.clone();
            alter.tally.lock_family(&target, &LockMode::Share, false);
            let family = alter.tally.family(&target);
            family.into_iter().filter(|name| alter.tally.has_storage(name)).collect()
        }
        // of a partitioned table alone it is made invalid, over no rows, until those of the partitions are attached
        _ => Some(alter.table.clone()).filter(|name| alter.tally.has_storage(name)).into_iter().collect(),
    };
    // an index has the rows of one table: those that inherit have none
    let leaves = if alter.is_partitioned() { all.clone() } else { vec![alter.table.clone()] };
    if is_primary && !is_new_column {
        for column in &constraint.columns {
            for leaf in &all {
                not_null_of_key(alter, leaf, column);
            }
        }
    }
    for leaf in &leaves {
        let is_own = *leaf == alter.table;
        if !is_own && takes_over(alter.tally, leaf, constraint) {
            continue;
        }
        let index = match is_own {
            true => index_name(leaf, constraint),
            false => index_name(leaf, &Constraint { name: None, ..constraint.clone() }),
        };
        let word = match constraint.kind {
            ConstraintKind::PrimaryKey => "primary key",
            ConstraintKind::Exclusion => "exclusion constraint",
            _ => "unique constraint",
        };
        let because = format!("the index of {} is built", title(constraint, word));
        alter.tally.build(leaf, Reason::new(because).part(index));
    }
}

/// Whether a partition has the constraint already: the one of the partitioned table takes it over, and builds nothing.
fn takes_over(tally: &Tally<'_>, leaf: &QName, wanted: &Constraint) -> bool {
    let is_like = |own: &TableConstraint| {
        own.definition.kind == wanted.kind
            && wanted.kind != ConstraintKind::Exclusion
            && own.definition.columns == wanted.columns
            && own.definition.is_deferrable == wanted.is_deferrable
    };
    tally.known(leaf).is_some_and(|relation| relation.constraints.iter().any(is_like))
}

/// What only newer majors have.
pub(super) fn needs_version(tally: &mut Tally<'_>, constraint: &Constraint) {
    if constraint.nulls_not_distinct {
        tally.needs(15, "42601", "nulls not distinct");
    }
    if constraint.is_temporal {
        tally.needs(18, "42601", "without overlaps");
    }
    if constraint.is_not_enforced {
        tally.needs(18, "42601", "not enforced");
    }
}

/// The columns of a primary key become not null.
fn not_null_of_key(alter: &mut Alter<'_, '_>, leaf: &QName, column: &str) {
    if alter.added.iter().any(|added| added == column) {
        return;
    }
    if let Some(relation) = alter.tally.known(leaf)
        && has_unvalidated_not_null(relation, column)
    {
        let message = format!("cannot create primary key on column \"{column}\"");
        return alter.tally.fail("55000", message);
    }
    verify_not_null(alter, leaf, column, &format!("that {column} of the primary key holds no nulls"));
}

fn has_unvalidated_not_null(relation: &Relation, column: &str) -> bool {
    relation.constraints.iter().any(|constraint| {
        constraint.definition.kind == ConstraintKind::NotNull
            && !constraint.is_valid
            && constraint.definition.columns.iter().any(|named| named == column)
    })
}

fn using_index(alter: &mut Alter<'_, '_>, constraint: &Constraint, index: &str) {
    if alter.is_partitioned() {
        let message = "ALTER TABLE / ADD CONSTRAINT USING INDEX is not supported on partitioned tables";
        return alter.tally.fail("0A000", message);
    }
    let known = alter.relation.and_then(|relation| relation.index(index));
    if alter.is_complete() && known.is_none() {
        return alter.tally.fail("42704", format!("index \"{index}\" does not exist"));
    }
    if alter.tally.major() >= 18 {
        alter.locked_family();
    }
    let table = alter.table.clone();
    if constraint.name.as_ref().is_some_and(|name| name != index) {
        alter.tally.lock_index(&table, index, LockMode::ShareUpdateExclusive, true);
    }
    let Some(known) = known else {
        if constraint.kind == ConstraintKind::PrimaryKey {
            let because = "that the columns of the primary key hold no nulls is verified for every row";
            let assumed = Some(format!("the columns of {index} are not known"));
            alter.tally.scan(&table, Reason::new(because).assumed(assumed));
        }
        return;
    };
    let fault = match known {
        index if !index.is_valid => Some(("55000", "is not valid")),
        index if !index.is_unique => Some(("42809", "is not a unique index")),
        index if index.has_expressions => Some(("42809", "contains expressions")),
        index if index.is_partial => Some(("42809", "is a partial index")),
        _ => None,
    };
    if let Some((sqlstate, fault)) = fault {
        return alter.tally.fail(sqlstate, format!("index \"{index}\" {fault}"));
    }
    if constraint.kind == ConstraintKind::PrimaryKey {
        for column in known.keys.iter().flatten() {
            not_null_of_key(alter, &table, column);
        }
    }
}

/// A foreign key of the table: the other side is locked as strongly, and every row is looked up where it is validated.
pub(super) fn foreign_key(alter: &mut Alter<'_, '_>, constraint: &Constraint, is_validated: bool) {
    let ConstraintKind::ForeignKey { references, columns, .. } = &constraint.kind else { return };
    let table = alter.table.clone();
    let Some(referenced) = alter.tally.existing(references, false) else { return };
    for column in &constraint.columns {
        if alter.is_complete()
            && alter.relation.is_some_and(|relation| relation.column(column).is_none())
            && !alter.added.contains(column)
        {
            let message = format!("column \"{column}\" referenced in foreign key constraint does not exist");
            return alter.tally.fail("42703", message);
        }
    }
    let persistence = alter.relation.map(|relation| relation.persistence).unwrap_or_default();
    if !can_reference(alter.tally, &referenced, columns, persistence) {
        return;
    }
    if alter.is_partitioned() && constraint.is_not_valid && alter.tally.major() < 18 {
        let rest = format!("foreign key on partitioned table \"{table}\" referencing relation \"{referenced}\"");
        alter.tally.needs(18, "42809", &format!("a not valid {rest}"));
        return;
    }
    lock_referenced(alter.tally, &referenced, &LockMode::ShareRowExclusive);
    if alter.is_partitioned() || alter.tally.major() >= 18 {
        alter.locked_family();
    }
    if !is_validated {
        return;
    }
    let leaves = match alter.is_partitioned() {
        true => alter.locked_leaves(),
        false => vec![table.clone()],
    };
    let name = constraint.name.clone();
    let name = name.unwrap_or_else(|| format!("{}_{}_fkey", table.name, constraint.columns.join("_")));
    for leaf in leaves {
        let because = format!("every row of {leaf} is looked up in {referenced}");
        alter.tally.validate(&leaf, Reason::new(because).part(&name));
    }
}

/// A lock on the referenced side, its partitions too.
pub(super) fn lock_referenced(tally: &mut Tally<'_>, referenced: &QName, mode: &LockMode) {
    match tally.is_partitioned(referenced) {
        true => tally.lock_family(referenced, mode, true),
        false => tally.lock(referenced, mode.clone(), true),
    }
}

/// Whether a table has what a foreign key to it needs; a failure where it is known not to.
pub(super) fn can_reference(
    tally: &mut Tally<'_>,
    referenced: &QName,
    columns: &[String],
    persistence: Persistence,
) -> bool {
    let Some(relation) = tally.known(referenced) else { return true };
    if persistence == Persistence::Permanent && relation.persistence != Persistence::Permanent {
        tally.fail("42P16", "constraints on permanent tables may reference only permanent tables");
        return false;
    }
    if !relation.is_complete {
        return true;
    }
    if let Some(column) = columns.iter().find(|column| relation.column(column).is_none()) {
        tally.fail("42703", format!("column \"{column}\" referenced in foreign key constraint does not exist"));
        return false;
    }
    let primary =
        relation.constraints.iter().find(|constraint| constraint.definition.kind == ConstraintKind::PrimaryKey);
    if columns.is_empty() {
        if primary.is_none() {
            tally.fail("42704", format!("there is no primary key for referenced table \"{referenced}\""));
        }
        return primary.is_some();
    }
    let is_key = |keys: &[Option<String>]| {
        keys.len() == columns.len() && columns.iter().all(|column| keys.iter().flatten().any(|key| key == column))
    };
    let has = relation.indexes.iter().any(|index| index.is_unique && !index.is_partial && is_key(&index.keys))
        || relation.constraints.iter().any(|constraint| {
            matches!(constraint.definition.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique)
                && constraint.definition.columns.len() == columns.len()
                && columns.iter().all(|column| constraint.definition.columns.contains(column))
        });
    if !has {
        let message =
            format!("there is no unique constraint matching given keys for referenced table \"{referenced}\"");
        tally.fail("42830", message);
    }
    has
}

/// The tables with a foreign key to a column of a table, or to the table; itself not.
pub(super) fn referencing(tally: &Tally<'_>, relation: &Relation, column: Option<&str>) -> Vec<QName> {
    let refers = |constraint: &TableConstraint| {
        constraint.references.as_ref().is_some_and(|(to, keys)| {
            *to == relation.name && column.is_none_or(|column| refers_to(relation, keys, column))
        })
    };
    let refers_any = |name: &&QName| {
        tally.known(name).is_some_and(|other| other.constraints.iter().any(refers)) && **name != relation.name
    };
    relation.referenced_by.iter().filter(refers_any).cloned().collect()
}

/// Whether a column is among the referenced ones; none are said where the primary key is meant.
fn refers_to(relation: &Relation, keys: &[String], column: &str) -> bool {
    if !keys.is_empty() {
        return keys.iter().any(|key| key == column);
    }
    relation.constraints.iter().any(|constraint| {
        constraint.definition.kind == ConstraintKind::PrimaryKey
            && constraint.definition.columns.iter().any(|key| key == column)
    })
}

/// `validate constraint`.
pub(super) fn validate(alter: &mut Alter<'_, '_>, name: &str) {
    let known = alter.relation.and_then(|relation| relation.constraint(name));
    let Some(constraint) = known else {
        if alter.is_complete() {
            return validate_new(alter, name);
        }
        let because = format!("the constraint {name} is verified for every row");
        let assumed = Some(format!("what {name} asks is not known"));
        let table = alter.table.clone();
        return alter.tally.scan(&table, Reason::new(because).part(name).assumed(assumed));
    };
    if constraint.is_valid {
        return;
    }
    match (&constraint.definition.kind, &constraint.references) {
        (ConstraintKind::ForeignKey { .. }, references) => {
            let referenced = references.as_ref().map(|(referenced, _)| referenced.clone());
            if let Some(referenced) = &referenced {
                alter.tally.lock(referenced, LockMode::RowShare, true);
            }
            let leaves = match alter.is_partitioned() {
                true => alter.locked_leaves(),
                false => vec![alter.table.clone()],
            };
            for leaf in leaves {
                let referenced = referenced.as_ref().map_or_else(|| "the other table".to_owned(), ToString::to_string);
                let because = format!("every row of {leaf} is looked up in {referenced}");
                alter.tally.validate(&leaf, Reason::new(because).part(name));
            }
        }
        (kind, _) => {
            let word = if *kind == ConstraintKind::NotNull { "not null constraint" } else { "check" };
            let leaves = match constraint.definition.is_no_inherit {
                true => vec![alter.table.clone()],
                false => alter.locked_leaves(),
            };
            for leaf in leaves {
                let because = format!("the {word} {name} is verified for every row");
                alter.tally.scan(&leaf, Reason::new(because).part(name));
            }
        }
    }
}

/// A constraint that is not there; it may be added beside.
fn validate_new(alter: &mut Alter<'_, '_>, name: &str) {
    if alter.adds.iter().all(|added| added.name.as_deref() != Some(name)) {
        let table = alter.name();
        return alter.tally.fail("42704", format!("constraint \"{name}\" of relation \"{table}\" does not exist"));
    }
    let added = alter.adds.iter().find(|added| added.name.as_deref() == Some(name)).cloned();
    let Some(added) = added.filter(|added| added.is_not_valid) else { return };
    let valid = Constraint { is_not_valid: false, ..added };
    add(alter, &valid);
}

/// `drop constraint`.
pub(super) fn drop(alter: &mut Alter<'_, '_>, name: &str, if_exists: bool, cascade: bool) {
    let known = alter.relation.and_then(|relation| relation.constraint(name));
    let Some(constraint) = known else {
        if alter.is_complete() && !if_exists {
            let table = alter.name();
            alter.tally.fail("42704", format!("constraint \"{name}\" of relation \"{table}\" does not exist"));
        }
        if !alter.is_complete() {
            let table = alter.name();
            let because = format!("what {name} of {table} is: a foreign key would lock the other table too");
            alter.tally.effects.unread.push(because);
        }
        return;
    };
    let Some(relation) = alter.relation else { return };
    match &constraint.definition.kind {
        ConstraintKind::ForeignKey { .. } => {
            if alter.is_partitioned() {
                alter.locked_family();
            }
            if let Some((referenced, _)) = &constraint.references {
                lock_referenced(alter.tally, referenced, &LockMode::AccessExclusive);
            }
        }
        ConstraintKind::Check(_) | ConstraintKind::NotNull => {
            if !constraint.definition.is_no_inherit {
                alter.locked_family();
            }
        }
        ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclusion => {
            drop_index_backed(alter, relation, constraint, cascade);
        }
    }
}

fn drop_index_backed(alter: &mut Alter<'_, '_>, relation: &Relation, constraint: &TableConstraint, cascade: bool) {
    let users = key_users(alter.tally, relation, &constraint.definition.columns);
    if !users.is_empty() && !cascade {
        let message = format!(
            "cannot drop constraint {} on table {} because other objects depend on it",
            constraint.name, relation.name
        );
        return alter.tally.fail("2BP01", message);
    }
    for user in users {
        alter.tally.lock_family(&user, &LockMode::AccessExclusive, true);
    }
    let index = constraint.index.as_deref().unwrap_or(&constraint.name);
    alter.tally.lock_index(&relation.name, index, LockMode::AccessExclusive, true);
    if relation.is_partitioned() {
        for member in alter.locked_family() {
            lock_parts(alter.tally, &member, index);
        }
    }
}

/// A lock on the parts of a partitioned index.
pub(super) fn lock_parts(tally: &mut Tally<'_>, member: &QName, index: &str) {
    let Some(relation) = tally.known(member) else { return };
    for part in relation.indexes.iter().filter(|part| part.part_of.as_deref() == Some(index)) {
        tally.lock_index(member, &part.name, LockMode::AccessExclusive, true);
    }
}

/// Tables whose foreign keys use a key of these columns.
fn key_users(tally: &Tally<'_>, relation: &Relation, columns: &[String]) -> Vec<QName> {
    let uses = |constraint: &TableConstraint| {
        constraint.references.as_ref().is_some_and(|(to, keys)| {
            *to == relation.name
                && (keys.is_empty() || keys.len() == columns.len() && keys.iter().all(|key| columns.contains(key)))
        })
    };
    let is_user = |name: &&QName| tally.known(name).is_some_and(|other| other.constraints.iter().any(uses));
    relation.referenced_by.iter().filter(is_user).cloned().collect()
}

/// `alter constraint`.
pub(super) fn alter(alter: &mut Alter<'_, '_>, name: &str, enforced: Option<bool>, inherit: Option<bool>) {
    if enforced.is_some() {
        alter.tally.needs(18, "42601", "enforced");
    }
    let known = alter.relation.and_then(|relation| relation.constraint(name));
    if alter.is_complete() && known.is_none() {
        let table = alter.name();
        return alter.tally.fail("42704", format!("constraint \"{name}\" of relation \"{table}\" does not exist"));
    }
    let table = alter.table.clone();
    let references = known.and_then(|constraint| constraint.references.as_ref());
    match (enforced, references) {
        (Some(true), Some((referenced, _))) => {
            lock_referenced(alter.tally, referenced, &LockMode::ShareRowExclusive);
            let because = format!("every row of {table} is looked up in {referenced}");
            alter.tally.validate(&table, Reason::new(because).part(name));
        }
        (Some(false), Some((referenced, _))) => lock_referenced(alter.tally, referenced, &LockMode::AccessExclusive),
        (Some(true), None) => {
            let because = format!("every row of {table} is looked up in the other table");
            let assumed = Some(format!("what {name} asks is not known"));
            alter.tally.validate(&table, Reason::new(because).part(name).assumed(assumed));
        }
        _ => {}
    }
    if inherit == Some(true) {
        let columns = known.map(|constraint| constraint.definition.columns.clone()).unwrap_or_default();
        for leaf in alter.locked_leaves() {
            if leaf == table {
                continue;
            }
            for column in &columns {
                verify_not_null(alter, &leaf, column, &format!("that {column} holds no nulls"));
            }
        }
    }
}
