//! Keeping relations, and what points at them from elsewhere: names of indexes and constraints, parents and children, who
//! references and who reads whom. Everything that adds, removes or moves a relation goes through here.

use super::super::command::{Name, Persistence, TypeName};
use super::super::session::Settings;
use super::{Birth, Catalog, Index, Lookup, QName, QNames, Relation, RelationKind, TableConstraint};
use std::sync::Arc;

/// A statement that the server refuses; it leaves the catalog as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused;

pub(super) type Outcome = Result<(), Refused>;

/// The schema of temporary relations.
pub(super) const TEMPORARY: &str = "pg_temp";

/// What a statement is applied under.
#[derive(Debug, Clone, Copy)]
pub(super) struct Under {
    /// When: none where it is not sure to have happened, since nothing may then count on what it made being new.
    pub(super) born: Option<Birth>,
    /// The major version.
    pub(super) major: u16,
}

impl Catalog {
    /// Looks bare names up as the session's `search_path` says. A schema of the role's own name is not known and left out.
    pub fn follow(&mut self, settings: &Settings) {
        let Some(path) = settings.values.get("search_path") else {
            if self.search_path.len() != 1 || self.search_path.first().is_none_or(|schema| schema != "public") {
                self.search_path = vec!["public".to_owned()];
            }
            return;
        };
        let schemas =
            || path.iter().map(String::as_str).filter(|schema| !matches!(*schema, "$user" | "" | "pg_catalog"));
        if !schemas().eq(self.search_path.iter().map(String::as_str)) {
            self.search_path = schemas().map(str::to_owned).collect();
        }
    }

    /// Forgets what ends with the session: temporary relations.
    pub fn end_session(&mut self) {
        for name in self.names_in_schema(TEMPORARY) {
            self.forget(&name);
            self.gone.remove_mut(&name);
        }
    }

    /// The names of a schema's relations.
    pub(in crate::migrations) fn names_in_schema(&self, schema: &str) -> Vec<QName> {
        let from = QName::new(schema, "");
        self.relations
            .range(&from..)
            .map(|(name, _)| name)
            .take_while(|name| *name.schema == *schema)
            .cloned()
            .collect()
    }

    /// The name of a relation that is made.
    pub(super) fn name_of_new(&self, name: &Name, persistence: Persistence) -> QName {
        if persistence == Persistence::Temporary {
            return QName::new(TEMPORARY, super::names::truncate(&name.name));
        }
        self.in_creation_schema(name)
    }

    /// The name of an object that is made.
    pub(super) fn in_creation_schema(&self, name: &Name) -> QName {
        let schema = match (&name.schema, self.search_path.first()) {
            (Some(schema), _) => schema,
            (None, Some(first)) => first,
            (None, None) => "public",
        };
        QName::new(schema, super::names::truncate(&name.name))
    }

    /// An index by a name as a statement writes it, and its table.
    pub(super) fn resolve_index(&self, name: &Name) -> Option<(QName, QName)> {
        let find = |schema: &str| {
            let index = QName::new(schema, &name.name);
            self.indexes.get(&index).map(|table| (index, table.clone()))
        };
        match &name.schema {
            Some(schema) => find(schema),
            None => find(TEMPORARY).or_else(|| self.search_path.iter().find_map(|schema| find(schema))),
        }
    }

    /// A relation to change.
    pub(super) fn edit(&mut self, name: &QName) -> Option<&mut Relation> {
        self.relations.get_mut(name).map(Arc::make_mut)
    }

    /// Makes sure that a relation is here that a statement takes for granted: what nothing is known of is kept from now
    /// on with what statements say of it.
    pub(super) fn expect(&mut self, name: &QName, kind: RelationKind) -> Outcome {
        match self.get(name) {
            Lookup::Known(_) => Ok(()),
            Lookup::Absent => Err(Refused),
            Lookup::Unknown => {
                let mut relation = Relation::new(name.clone(), kind);
                if *name.schema == *TEMPORARY {
                    relation.persistence = Persistence::Temporary;
                }
                self.put(relation);
                Ok(())
            }
        }
    }

    /// Keeps a relation, and makes it known to all it points at.
    pub(in crate::migrations) fn put(&mut self, relation: Relation) {
        let name = relation.name.clone();
        for index in &relation.indexes {
            self.indexes.insert_mut(QName::new(&name.schema, &index.name), name.clone());
        }
        for constraint in &relation.constraints {
            self.count_name(&name.schema, &constraint.name, true);
        }
        self.note_types(&name, relation.columns.iter().filter_map(|column| column.type_name.as_ref()));
        if self.gone.contains(&name) {
            self.gone.remove_mut(&name);
        }
        if self.doubtful.contains(&name) {
            self.doubtful.remove_mut(&name);
        }
        self.relations.insert_mut(name, Arc::new(relation));
    }

    /// Takes a relation out with the names it has; what points at it from elsewhere stays.
    fn take(&mut self, name: &QName) -> Option<Relation> {
        let relation = self.relations.get(name)?.clone();
        self.relations.remove_mut(name);
        for index in &relation.indexes {
            self.indexes.remove_mut(&QName::new(&name.schema, &index.name));
        }
        for constraint in &relation.constraints {
            self.count_name(&name.schema, &constraint.name, false);
        }
        self.gone.insert_mut(name.clone());
        Some(Arc::unwrap_or_clone(relation))
    }

    /// Takes a relation out, with all that points at it.
    pub(super) fn forget(&mut self, name: &QName) -> Option<Relation> {
        let relation = self.take(name)?;
        for parent in &relation.parents {
            if let Some(parent) = self.edit(parent) {
                parent.children.remove(name);
                parent.default_partition.take_if(|default| default == name);
            }
        }
        for child in &relation.children {
            if let Some(child) = self.edit(child) {
                child.parents.retain(|parent| parent != name);
                child.partition_of.take_if(|(parent, _)| parent == name);
            }
        }
        for (referenced, _) in relation.constraints.iter().filter_map(|constraint| constraint.references.as_ref()) {
            if let Some(referenced) = self.edit(referenced) {
                referenced.referenced_by.remove(name);
            }
        }
        for referencing in &relation.referenced_by {
            self.drop_references(referencing, name);
        }
        for read in &relation.reads {
            if let Some(read) = self.edit(read) {
                read.read_by.remove(name);
            }
        }
        for reader in &relation.read_by {
            if let Some(reader) = self.edit(reader) {
                reader.reads.retain(|read| read != name);
            }
        }
        if let Some((owner, _)) = &relation.owned_by
            && let Some(owner) = self.edit(owner)
        {
            owner.owns.remove(name);
        }
        for owned in &relation.owns {
            if let Some(owned) = self.edit(owned) {
                owned.owned_by = None;
            }
        }
        Some(relation)
    }

    /// Drops a table's foreign keys to another.
    fn drop_references(&mut self, referencing: &QName, referenced: &QName) {
        let to_it =
            |constraint: &TableConstraint| constraint.references.as_ref().is_some_and(|(to, _)| to == referenced);
        let Some(relation) = self.edit(referencing) else { return };
        let mut names = Vec::new();
        relation.constraints.retain(|constraint| {
            let goes = to_it(constraint);
            if goes {
                names.push(constraint.name.clone());
            }
            !goes
        });
        for name in names {
            self.count_name(&referencing.schema, &name, false);
        }
    }

    /// Gives a relation another name, wherever it is named.
    pub(super) fn relocate(&mut self, from: &QName, to: &QName) -> Outcome {
        if self.is_taken(to) {
            return Err(Refused);
        }
        let Some(mut relation) = self.take(from) else { return Err(Refused) };
        relation.name = to.clone();
        let references_it = |constraint: &TableConstraint| {
            constraint.references.as_ref().is_some_and(|(referenced, _)| referenced == from)
        };
        let redirect = |constraint: &mut TableConstraint| {
            if let Some((referenced, _)) = &mut constraint.references {
                *referenced = to.clone();
            }
        };
        // a table may reference itself
        relation.constraints.change(references_it, redirect);
        let swap = |names: &mut QNames| {
            if names.remove(from) {
                names.insert(to.clone());
            }
        };
        swap(&mut relation.referenced_by);
        for parent in &relation.parents {
            if let Some(parent) = self.edit(parent) {
                swap(&mut parent.children);
                if let Some(default) = parent.default_partition.as_mut().filter(|default| *default == from) {
                    *default = to.clone();
                }
            }
        }
        for child in &relation.children {
            if let Some(child) = self.edit(child) {
                child.parents.iter_mut().filter(|parent| *parent == from).for_each(|parent| *parent = to.clone());
                if let Some((parent, _)) = &mut child.partition_of
                    && parent == from
                {
                    *parent = to.clone();
                }
            }
        }
        for (referenced, _) in relation.constraints.iter().filter_map(|constraint| constraint.references.as_ref()) {
            if let Some(referenced) = self.edit(referenced) {
                swap(&mut referenced.referenced_by);
            }
        }
        for referencing in &relation.referenced_by {
            if let Some(referencing) = self.edit(referencing) {
                referencing.constraints.change(references_it, redirect);
            }
        }
        for read in &relation.reads {
            if let Some(read) = self.edit(read) {
                swap(&mut read.read_by);
            }
        }
        for reader in &relation.read_by {
            if let Some(reader) = self.edit(reader) {
                reader.reads.iter_mut().filter(|read| *read == from).for_each(|read| *read = to.clone());
            }
        }
        if let Some((owner, column)) = &relation.owned_by
            && let Some(owner) = self.edit(owner)
        {
            swap(&mut owner.owns);
            let fed = owner.columns.find_mut(|owned| owned.name == *column);
            if let Some(default) = fed.and_then(|column| column.default.as_mut()) {
                super::expressions::rename_sequence(default, from, to);
            }
        }
        for owned in &relation.owns {
            if let Some(owned) = self.edit(owned)
                && let Some((owner, _)) = &mut owned.owned_by
            {
                *owner = to.clone();
            }
        }
        self.put(relation);
        Ok(())
    }

    /// Counts a constraint's name, or no longer.
    pub(super) fn count_name(&mut self, schema: &str, name: &str, is_there: bool) {
        let name = hashed(schema, name);
        let before = self.constraint_names.get(&name).copied().unwrap_or_default();
        match if is_there { before + 1 } else { before.saturating_sub(1) } {
            0 => drop(self.constraint_names.remove_mut(&name)),
            count => self.constraint_names.insert_mut(name, count),
        }
    }

    /// Notes that a table has columns of types that are users' own.
    pub(super) fn note_types<'t>(&mut self, table: &QName, types: impl IntoIterator<Item = &'t TypeName>) {
        for type_name in types {
            let Some(known) = self.type_of(&type_name.name).map(|known| known.name.clone()) else { continue };
            match self.type_users.get_mut(&known) {
                Some(users) => users.insert(table.clone()),
                None => self.type_users.insert_mut(known, [table.clone()].into_iter().collect()),
            }
        }
    }

    /// A relation and all below it, or it alone.
    pub(super) fn family(&self, name: &QName, only: bool) -> Vec<QName> {
        let mut all = vec![name.clone()];
        if only || self.relations.get(name).is_none_or(|relation| relation.children.is_empty()) {
            return all;
        }
        let mut seen: QNames = [name.clone()].into_iter().collect();
        let mut next = 0;
        while let Some(relation) = all.get(next).and_then(|name| self.relations.get(name)) {
            next += 1;
            for child in &relation.children {
                if !seen.contains(child) && self.relations.contains_key(child) {
                    seen.insert(child.clone());
                    all.push(child.clone());
                }
            }
        }
        all
    }

    /// Adds an index to a table.
    pub(super) fn add_index(&mut self, table: &QName, index: Index) -> Outcome {
        let name = QName::new(&table.schema, &index.name);
        if self.is_taken(&name) {
            return Err(Refused);
        }
        let relation = self.edit(table).ok_or(Refused)?;
        relation.indexes.push(index);
        self.indexes.insert_mut(name, table.clone());
        Ok(())
    }

    /// Takes an index off a table, and its parts off the table's partitions.
    pub(super) fn remove_index(&mut self, table: &QName, name: &str) {
        let mut todo = vec![(table.clone(), name.to_owned())];
        while let Some((table, name)) = todo.pop() {
            let Some(relation) = self.edit(&table) else { continue };
            relation.indexes.retain(|index| index.name != name);
            let lost: Vec<String> = relation
                .constraints
                .iter()
                .filter(|constraint| constraint.index.as_deref() == Some(&name))
                .map(|constraint| constraint.name.clone())
                .collect();
            relation.constraints.retain(|constraint| constraint.index.as_deref() != Some(&name));
            let children: Vec<QName> = relation.children.iter().cloned().collect();
            self.indexes.remove_mut(&QName::new(&table.schema, &name));
            for constraint in lost {
                self.count_name(&table.schema, &constraint, false);
            }
            for child in children {
                let Some(relation) = self.relations.get(&child) else { continue };
                let parts = relation.indexes.iter().filter(|index| index.part_of.as_deref() == Some(&name));
                todo.extend(parts.map(|part| (child.clone(), part.name.clone())));
            }
        }
    }

    /// Adds a constraint that is ready, its index apart.
    pub(super) fn keep_constraint(&mut self, table: &QName, constraint: TableConstraint) -> Outcome {
        if let Some((referenced, _)) = &constraint.references
            && let Some(referenced) = self.edit(referenced)
        {
            referenced.referenced_by.insert(table.clone());
        }
        self.count_name(&table.schema, &constraint.name, true);
        self.edit(table).ok_or(Refused)?.constraints.push(constraint);
        Ok(())
    }

    /// Takes a constraint off one table, with its index.
    pub(super) fn remove_constraint(&mut self, table: &QName, name: &str) -> Option<TableConstraint> {
        let relation = self.edit(table)?;
        let constraint = relation.constraints.take(|constraint| constraint.name == name)?;
        let references = |other: &TableConstraint| {
            other.references.as_ref().map(|(to, _)| to) == constraint.references.as_ref().map(|(to, _)| to)
        };
        let still = relation.constraints.iter().any(references);
        self.count_name(&table.schema, name, false);
        if let Some((referenced, _)) = constraint.references.as_ref().filter(|_| !still)
            && let Some(referenced) = self.edit(referenced)
        {
            referenced.referenced_by.remove(table);
        }
        if let Some(index) = &constraint.index {
            self.remove_index(table, index);
        }
        Some(constraint)
    }
}

/// A name of a schema as a number: two that are one number by chance cost a number behind a name that PostgreSQL would choose.
pub(super) fn hashed(schema: &str, name: &str) -> u64 {
    // FNV-1a; the zero parts the two
    let bytes = schema.bytes().chain([0]).chain(name.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
