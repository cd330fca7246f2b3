//! Making tables, views and sequences.

use super::super::command::{ColumnDef, ConstraintKind, CreateTable, IndexKey, Name, Persistence, Reads, TypeName};
use super::constraints::{Wanted, unnamed};
use super::expressions::nextval;
use super::registry::{Outcome, Refused, Under};
use super::{Catalog, Column, Lookup, QName, Relation, RelationKind, TableConstraint};
use std::collections::HashMap;

/// More columns than this no table has.
const MOST_COLUMNS: usize = 1600;

impl Catalog {
    /// `create table`. Where `if not exists` meets a table of which nothing is known, it is taken as made.
    pub(super) fn create_table(&mut self, create: &CreateTable, under: Under) -> Outcome {
        let name = self.name_of_new(&create.name, create.persistence);
        if self.is_taken(&name) {
            return if create.if_not_exists { Ok(()) } else { Err(Refused) };
        }
        let kind = match (&create.partition_by, create.is_foreign) {
            (Some(_), _) => RelationKind::PartitionedTable,
            (None, true) => RelationKind::ForeignTable,
            (None, false) => RelationKind::Table,
        };
        let mut table = Relation::new(name.clone(), kind);
        table.persistence = create.persistence;
        if *name.schema == *super::registry::TEMPORARY {
            table.persistence = Persistence::Temporary;
        }
        table.is_complete = true;
        table.partition_by.clone_from(&create.partition_by);
        table.born = under.born;
        let mut parents = Vec::new();
        let (is_partition, parent_kind) = match create.bound {
            Some(_) => (true, RelationKind::PartitionedTable),
            None => (false, RelationKind::Table),
        };
        for parent in &create.parents {
            let parent = self.resolve(parent);
            self.expect(&parent, parent_kind)?;
            parents.push(parent);
        }
        let mut columns = Columns::default();
        for parent in &parents {
            let relation = self.relations.get(parent).ok_or(Refused)?;
            if is_partition && relation.is_complete && !relation.is_partitioned() {
                return Err(Refused);
            }
            table.is_complete &= relation.is_complete;
            for column in &relation.columns {
                let mut column = Column { born: under.born, ..column.clone() };
                // a partition is filled through its parent; its own identity came with 17
                column.is_identity &= is_partition && under.major >= 17;
                columns.merge(column);
            }
        }
        for (source, included) in &create.like {
            let includes = |what: &str| included.iter().any(|one| one == "all" || one == what);
            match self.relation(source) {
                Lookup::Absent => return Err(Refused),
                Lookup::Unknown => table.is_complete = false,
                Lookup::Known(source) => {
                    table.is_complete &= source.is_complete;
                    for column in &source.columns {
                        let mut copy = Column { born: under.born, ..column.clone() };
                        let is_generated = copy.generated.is_some();
                        copy.default.take_if(|_| !includes("defaults"));
                        copy.generated.take_if(|_| !includes("generated"));
                        copy.is_identity &= includes("identity");
                        if is_generated && !includes("generated") {
                            copy.default = None;
                        }
                        columns.add(copy)?;
                    }
                }
            }
        }
        let mut sequences = Vec::new();
        for identity in columns.all.iter().filter(|column| column.is_identity && !create.like.is_empty()) {
            let sequence = self.new_sequence(&name, &identity.name, create.persistence, under);
            sequences.push((sequence, identity.name.clone()));
        }
        for definition in &create.columns {
            let mut column = self.column(definition, under.born);
            if definition.is_serial() || column.is_identity {
                let sequence = self.new_sequence(&name, &definition.name, create.persistence, under);
                if definition.is_serial() {
                    column.default = Some(nextval(&sequence));
                }
                sequences.push((sequence, definition.name.clone()));
            }
            if is_partition || (!parents.is_empty() && columns.has(&column.name)) {
                columns.merge(column);
            } else {
                columns.add(column)?;
            }
        }
        table.columns = columns.all.into();
        if table.columns.len() > MOST_COLUMNS {
            return Err(Refused);
        }
        table.parents.clone_from(&parents);
        if let (Some(bound), Some(parent)) = (&create.bound, parents.first()) {
            table.partition_of = Some((parent.clone(), bound.clone()));
        }
        let not_null: Vec<String> = table.columns.iter().filter(|c| c.is_not_null).map(|c| c.name.clone()).collect();
        self.put(table);
        if let (Some(super::Bound::Default), Some(parent)) = (&create.bound, parents.first())
            && let Some(parent) = self.edit(parent)
        {
            parent.default_partition = Some(name.clone());
        }
        for (sequence, column) in sequences {
            self.own(&sequence, Some((name.clone(), column)));
        }
        for parent in &parents {
            if let Some(parent) = self.edit(parent) {
                parent.children.insert(name.clone());
            }
        }
        self.inherit_checks(&name, &parents, under)?;
        self.copy_checks(&name, create, under)?;
        let own = create.columns.iter().flat_map(|column| &column.constraints).chain(&create.constraints);
        let own: Vec<_> = own.collect();
        let of = |wanted: fn(&ConstraintKind) -> bool| own.iter().filter(move |constraint| wanted(&constraint.kind));
        for constraint in of(|kind| matches!(kind, ConstraintKind::Check(_))) {
            self.add_constraint(&name, constraint, under, true)?;
        }
        for constraint in of(|kind| matches!(kind, ConstraintKind::NotNull)) {
            self.add_constraint(&name, constraint, under, true)?;
        }
        if under.major >= super::constraints::NOT_NULL_NAMED {
            for column in &not_null {
                self.not_null(&name, true, column, &unnamed(ConstraintKind::NotNull), (true, false), under)?;
            }
        }
        if is_partition {
            for parent in &parents {
                self.inherit_indexes(parent, &name, under)?;
            }
        }
        for constraint in of(|kind| matches!(kind, ConstraintKind::PrimaryKey)) {
            self.add_constraint(&name, constraint, under, true)?;
        }
        let mut seen: Vec<&[String]> = Vec::new();
        for constraint in of(|kind| matches!(kind, ConstraintKind::Unique | ConstraintKind::Exclusion)) {
            let is_plain = constraint.name.is_none() && constraint.kind == ConstraintKind::Unique;
            let is_key = self.relations.get(&name).and_then(|table| table.key()) == Some(&constraint.columns);
            // PostgreSQL drops what another of the same statement already asks for
            if is_plain && (is_key || seen.contains(&constraint.columns.as_slice())) {
                continue;
            }
            seen.push(&constraint.columns);
            self.add_constraint(&name, constraint, under, true)?;
        }
        self.copy_indexes(&name, create, under)?;
        for constraint in of(|kind| matches!(kind, ConstraintKind::ForeignKey { .. })) {
            self.add_constraint(&name, constraint, under, true)?;
        }
        Ok(())
    }

    /// A column as a definition makes it, its constraints apart.
    pub(super) fn column(&self, definition: &ColumnDef, born: Option<super::Birth>) -> Column {
        Column {
            name: super::names::truncate(&definition.name).to_owned(),
            type_name: Some(self.stored_type(&definition.type_name)),
            collation: definition.collation.clone(),
            is_not_null: definition.is_not_null
                || definition.is_identity
                || definition.is_serial()
                || definition.constraints.iter().any(|constraint| constraint.kind == ConstraintKind::PrimaryKey),
            default: definition.default.clone(),
            generated: definition.generated.clone(),
            is_identity: definition.is_identity,
            born,
        }
    }

    /// A type as a column keeps it: `serial` as the integer it is, a user's with its schema, so that it stays the same
    /// when the `search_path` changes.
    pub(super) fn stored_type(&self, type_name: &TypeName) -> TypeName {
        let integer = match type_name.name.name.as_str() {
            "serial" | "serial4" => Some("int4"),
            "bigserial" | "serial8" => Some("int8"),
            "smallserial" | "serial2" => Some("int2"),
            _ => None,
        };
        let mut stored = type_name.clone();
        if let Some(integer) = integer.filter(|_| type_name.dimensions == 0 && type_name.name.schema.is_none()) {
            stored.name = Name::qualified("pg_catalog", integer);
        } else if type_name.name.schema.is_none()
            && let Some(known) = self.type_of(&type_name.name)
            && *known.name.schema != *"public"
        {
            stored.name.schema = Some(known.name.schema.to_string());
        }
        stored
    }

    /// Makes the sequence of a serial or identity column, which is owned once its table is there.
    pub(super) fn new_sequence(
        &mut self,
        table: &QName,
        column: &str,
        persistence: Persistence,
        under: Under,
    ) -> QName {
        let name = QName::new(&table.schema, &self.choose_relation(table, column, "seq"));
        let mut sequence = Relation::new(name.clone(), RelationKind::Sequence);
        (sequence.persistence, sequence.is_complete, sequence.born) = (persistence, true, under.born);
        self.put(sequence);
        name
    }

    /// Says which column owns a sequence.
    pub(super) fn own(&mut self, sequence: &QName, owner: Option<(QName, String)>) {
        let Some(relation) = self.edit(sequence) else { return };
        let before = std::mem::replace(&mut relation.owned_by, owner.clone());
        if let Some((table, _)) = before
            && let Some(table) = self.edit(&table)
        {
            table.owns.remove(sequence);
        }
        if let Some((table, _)) = owner
            && let Some(table) = self.edit(&table)
        {
            table.owns.insert(sequence.clone());
        }
    }

    /// Checks and named `not null` that a new table has from its parents.
    fn inherit_checks(&mut self, name: &QName, parents: &[QName], under: Under) -> Outcome {
        for parent in parents {
            let Some(parent) = self.relations.get(parent).cloned() else { continue };
            for constraint in &parent.constraints {
                let is_inherited =
                    matches!(constraint.definition.kind, ConstraintKind::Check(_) | ConstraintKind::NotNull);
                self.copy_constraint(name, constraint, is_inherited && !constraint.definition.is_no_inherit, under)?;
            }
        }
        Ok(())
    }

    /// Checks that `like … including constraints` copies; `not null` always is.
    fn copy_checks(&mut self, name: &QName, create: &CreateTable, under: Under) -> Outcome {
        for (source, included) in &create.like {
            let includes = included.iter().any(|one| one == "all" || one == "constraints");
            let Some(source) = self.relations.get(&self.resolve(source)).cloned() else { continue };
            for constraint in &source.constraints {
                let is_copied = match constraint.definition.kind {
                    ConstraintKind::Check(_) => includes,
                    ConstraintKind::NotNull => true,
                    _ => false,
                };
                self.copy_constraint(name, constraint, is_copied, under)?;
            }
        }
        Ok(())
    }

    fn copy_constraint(
        &mut self,
        name: &QName,
        constraint: &TableConstraint,
        is_wanted: bool,
        under: Under,
    ) -> Outcome {
        let has = self.relations.get(name).is_some_and(|table| table.constraint(&constraint.name).is_some());
        if !is_wanted || has {
            return Ok(());
        }
        let is_valid = !constraint.definition.is_not_enforced;
        self.keep_constraint(name, TableConstraint { is_valid, born: under.born, ..constraint.clone() })
    }

    /// Indexes that `like … including indexes` copies, and the constraints on them.
    fn copy_indexes(&mut self, name: &QName, create: &CreateTable, under: Under) -> Outcome {
        for (source, included) in &create.like {
            if !included.iter().any(|one| one == "all" || one == "indexes") {
                continue;
            }
            let Some(source) = self.relations.get(&self.resolve(source)).cloned() else { continue };
            for index in &source.indexes {
                let behind = source.constraints.iter().find(|own| own.index.as_deref() == Some(&*index.name));
                let keys: Vec<IndexKey> =
                    index.keys.iter().map(|column| IndexKey { column: column.clone(), expression: None }).collect();
                let label = match behind.map(|own| &own.definition.kind) {
                    Some(ConstraintKind::PrimaryKey) => "pkey",
                    Some(ConstraintKind::Unique) => "key",
                    Some(_) => "excl",
                    None => "idx",
                };
                let template = super::Index { part_of: None, is_only: false, is_valid: true, ..index.clone() };
                let wanted = Wanted { name: None, keys: &keys, include: &index.include, template, label };
                let constraint =
                    behind.map(|own| super::super::command::Constraint { name: None, ..own.definition.clone() });
                self.make_index(name, &wanted, false, None, constraint.as_ref(), under)?;
            }
        }
        Ok(())
    }

    /// `create table as`, `create materialized view`, `select … into`: the types of the columns are the query's.
    pub(super) fn create_as(
        &mut self,
        (name, kind, persistence): (&Name, RelationKind, Persistence),
        columns: &[String],
        reads: &Reads,
        (if_not_exists, with_data): (bool, bool),
        under: Under,
    ) -> Outcome {
        let name = self.name_of_new(name, persistence);
        if self.is_taken(&name) {
            return if if_not_exists { Ok(()) } else { Err(Refused) };
        }
        let mut relation = Relation::new(name.clone(), kind);
        relation.persistence = persistence;
        relation.columns = columns.iter().map(|name| Column { born: under.born, ..Column::new(name) }).collect();
        relation.is_complete = !columns.is_empty();
        relation.has_rows = with_data;
        relation.born = under.born;
        relation.mentions = reads.columns.iter().cloned().collect();
        let read = if kind == RelationKind::MaterializedView { self.expect_read(reads)? } else { Vec::new() };
        self.put(relation);
        self.set_reads(&name, read);
        Ok(())
    }

    /// `create view`.
    pub(super) fn create_view(
        &mut self,
        (name, persistence): (&Name, Persistence),
        replace: bool,
        columns: Option<&[String]>,
        reads: &Reads,
        under: Under,
    ) -> Outcome {
        let name = self.name_of_new(name, persistence);
        let read = self.expect_read(reads)?;
        let existing = self.relations.get(&name);
        if self.is_taken(&name) {
            if !replace || existing.is_none_or(|existing| existing.kind != RelationKind::View && existing.is_complete) {
                return Err(Refused);
            }
            // a view's columns stay, in order, and new ones come after them
            if let (Some(existing), Some(columns)) = (existing, columns)
                && existing.is_complete
                && !existing.columns.iter().enumerate().all(|(at, column)| columns.get(at) == Some(&column.name))
            {
                return Err(Refused);
            }
        }
        let mut relation = match existing {
            Some(existing) => Relation { kind: RelationKind::View, ..Relation::clone(existing) },
            None => Relation { persistence, born: under.born, ..Relation::new(name.clone(), RelationKind::View) },
        };
        relation.is_complete = columns.is_some();
        let listed = columns.unwrap_or_default();
        relation.columns = listed.iter().map(|name| Column { born: under.born, ..Column::new(name) }).collect();
        relation.mentions = reads.columns.iter().cloned().collect();
        self.put(relation);
        self.set_reads(&name, read);
        Ok(())
    }

    /// What a view reads, each relation kept from now on if it was not known.
    fn expect_read(&mut self, reads: &Reads) -> Result<Vec<QName>, Refused> {
        let mut read = Vec::new();
        for name in &reads.relations {
            let name = self.resolve(name);
            if super::is_system_schema(&name.schema) {
                continue;
            }
            self.expect(&name, RelationKind::Table)?;
            read.push(name);
        }
        read.sort_unstable();
        read.dedup();
        Ok(read)
    }

    fn set_reads(&mut self, name: &QName, reads: Vec<QName>) {
        let Some(relation) = self.edit(name) else { return };
        let before = std::mem::replace(&mut relation.reads, reads.clone());
        for read in before {
            if let Some(read) = self.edit(&read) {
                read.read_by.remove(name);
            }
        }
        for read in reads {
            if let Some(read) = self.edit(&read) {
                read.read_by.insert(name.clone());
            }
        }
    }

    /// `create sequence`.
    pub(super) fn create_sequence(
        &mut self,
        (name, persistence): (&Name, Persistence),
        if_not_exists: bool,
        owned_by: Option<&(Name, String)>,
        under: Under,
    ) -> Outcome {
        let name = self.name_of_new(name, persistence);
        if self.is_taken(&name) {
            return if if_not_exists { Ok(()) } else { Err(Refused) };
        }
        let mut sequence = Relation::new(name.clone(), RelationKind::Sequence);
        (sequence.persistence, sequence.is_complete, sequence.born) = (persistence, true, under.born);
        self.put(sequence);
        self.owned_by(&name, owned_by)
    }

    /// `owned by`.
    pub(super) fn owned_by(&mut self, sequence: &QName, owner: Option<&(Name, String)>) -> Outcome {
        let Some((table, column)) = owner else { return Ok(()) };
        let table = self.resolve(table);
        self.expect(&table, RelationKind::Table)?;
        if *table.schema != *sequence.schema || self.relations.get(&table).is_none_or(|table| table.lacks(column)) {
            return Err(Refused);
        }
        self.own(sequence, Some((table, column.clone())));
        Ok(())
    }
}

/// Columns of a table that is made: each once.
#[derive(Default)]
struct Columns {
    all: Vec<Column>,
    by_name: HashMap<String, usize>,
}

impl Columns {
    fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// One that must be new.
    fn add(&mut self, column: Column) -> Outcome {
        if self.has(&column.name) || super::constraints::is_system_column(&column.name) {
            return Err(Refused);
        }
        self.by_name.insert(column.name.clone(), self.all.len());
        self.all.push(column);
        Ok(())
    }

    /// One that may be a parent's already: what it adds is kept.
    fn merge(&mut self, column: Column) {
        let existing = self.by_name.get(&column.name).and_then(|at| self.all.get_mut(*at));
        match existing {
            None => drop(self.add(column)),
            Some(existing) => {
                existing.is_not_null |= column.is_not_null;
                existing.is_identity |= column.is_identity;
                if column.default.is_some() {
                    existing.default = column.default;
                }
                if column.generated.is_some() {
                    existing.generated = column.generated;
                }
            }
        }
    }
}
