//! Adding and dropping constraints, and the indexes behind them.

use super::super::command::{Constraint, ConstraintKind, CreateIndex, IndexKey, Name, ReplicaIdentity};
use super::names::{addition, index_columns, truncate};
use super::registry::{Outcome, Refused, Under};
use super::{Catalog, Index, QName, Relation, RelationKind, TableConstraint};

/// The first version that keeps `not null` as a constraint of its own.
pub(super) const NOT_NULL_NAMED: u16 = 18;

/// An index as a constraint, a partition or `create index` asks for it.
pub(super) struct Wanted<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) keys: &'a [IndexKey],
    pub(super) include: &'a [String],
    pub(super) template: Index,
    /// `pkey`, `key`, `excl`, `idx`.
    pub(super) label: &'static str,
}

impl Catalog {
    /// Adds a constraint to a table and, where it is inherited, to all below it. On a table that is new, nothing is left
    /// to be validated.
    pub(super) fn add_constraint(&mut self, table: &QName, wanted: &Constraint, under: Under, is_new: bool) -> Outcome {
        let is_valid = !wanted.is_not_enforced && (is_new || !wanted.is_not_valid);
        match &wanted.kind {
            ConstraintKind::Check(condition) => {
                let mentioned = condition.columns();
                let relation = self.relations.get(table).ok_or(Refused)?;
                if let Some(column) = mentioned.iter().find(|column| relation.lacks(column)) {
                    // a whole row is named by its table, and every table has system columns
                    let is_other = *column == *relation.name.name || is_system_column(column);
                    if !is_other && mentioned.len() == 1 {
                        return Err(Refused);
                    }
                }
                let only = (mentioned.len() == 1).then(|| mentioned.first()).flatten().cloned().unwrap_or_default();
                let name = match &wanted.name {
                    Some(name) => truncate(name).to_owned(),
                    None => self.choose_constraint(table, &only, "check"),
                };
                let definition = Constraint { columns: mentioned.into_iter().collect(), ..wanted.clone() };
                let family = self.family(table, wanted.is_no_inherit);
                for relation in &family {
                    let existing = self.relations.get(relation).and_then(|relation| relation.constraint(&name));
                    match existing {
                        Some(_) if relation == table => return Err(Refused),
                        // a child's own of that name is merged with it
                        Some(_) => continue,
                        None => {}
                    }
                    self.keep_constraint(relation, ready(name.clone(), &definition, is_valid, under))?;
                }
                Ok(())
            }
            ConstraintKind::NotNull => {
                if under.major < NOT_NULL_NAMED {
                    return Err(Refused);
                }
                let column = wanted.columns.first().ok_or(Refused)?.clone();
                self.not_null(table, wanted.is_no_inherit, &column, wanted, (is_valid, !is_new), under)
            }
            ConstraintKind::Unique | ConstraintKind::PrimaryKey | ConstraintKind::Exclusion => {
                self.add_indexed(table, wanted, under)
            }
            ConstraintKind::ForeignKey { references, columns, .. } => {
                let referenced = self.resolve(references);
                self.expect(&referenced, RelationKind::Table)?;
                let relation = self.relations.get(table).ok_or(Refused)?;
                if wanted.columns.iter().any(|column| relation.lacks(column)) {
                    return Err(Refused);
                }
                let to = self.relations.get(&referenced).ok_or(Refused)?;
                let columns = if columns.is_empty() { to.key().unwrap_or_default().to_vec() } else { columns.clone() };
                // a key must be behind it; where all of the table is known, it is seen whether there is
                if to.is_complete && !to.has_key(&columns) {
                    return Err(Refused);
                }
                let name = match &wanted.name {
                    Some(name) => truncate(name).to_owned(),
                    None => {
                        let columns = addition(wanted.columns.iter().map(String::as_str));
                        self.choose_constraint(table, &columns, "fkey")
                    }
                };
                // children that are not partitions do not inherit it
                let family = if relation.is_partitioned() { self.family(table, false) } else { vec![table.clone()] };
                for relation in family {
                    let taken = self.relations.get(&relation).is_some_and(|found| found.constraint(&name).is_some());
                    let name = match taken {
                        true if relation == *table => return Err(Refused),
                        true => {
                            let columns = addition(wanted.columns.iter().map(String::as_str));
                            self.choose_constraint(&relation, &columns, "fkey")
                        }
                        false => name.clone(),
                    };
                    let mut constraint = ready(name, wanted, is_valid, under);
                    constraint.references = Some((referenced.clone(), columns.clone()));
                    self.keep_constraint(&relation, constraint)?;
                }
                Ok(())
            }
        }
    }

    /// Makes a column of a table and of all below it `not null`: where that is a constraint, under one name.
    pub(super) fn not_null(
        &mut self,
        table: &QName,
        only: bool,
        column: &str,
        wanted: &Constraint,
        (is_valid, is_asked_for): (bool, bool),
        under: Under,
    ) -> Outcome {
        self.add_not_null(table, column, wanted, is_valid, under, is_asked_for)?;
        let relation = self.relations.get(table).ok_or(Refused)?;
        if only || relation.children.is_empty() {
            return Ok(());
        }
        let name = relation.not_null_of(column).map(|constraint| constraint.name.clone());
        let below = Constraint { name, ..wanted.clone() };
        for relation in self.family(table, false).iter().skip(1) {
            self.add_not_null(relation, column, &below, is_valid, under, false)?;
        }
        Ok(())
    }

    /// Makes a column of one table `not null`, by a constraint of its own where the version keeps one.
    fn add_not_null(
        &mut self,
        table: &QName,
        column: &str,
        wanted: &Constraint,
        is_valid: bool,
        under: Under,
        is_asked_for: bool,
    ) -> Outcome {
        let relation = self.edit(table).ok_or(Refused)?;
        let Some(found) = relation.column_to_change(column) else { return Err(Refused) };
        if is_valid {
            found.is_not_null = true;
        }
        if under.major < NOT_NULL_NAMED {
            return Ok(());
        }
        if let Some(existing) = relation.constraints.find_mut(|constraint| is_not_null_of(constraint, column)) {
            let is_same = wanted.name.as_ref().is_none_or(|name| *name == existing.name);
            if is_asked_for && (!is_same || (is_valid && !existing.is_valid)) {
                return Err(Refused);
            }
            existing.is_valid |= is_valid;
            return Ok(());
        }
        let name = match &wanted.name {
            Some(name) if relation.constraint(name).is_some() => return Err(Refused),
            Some(name) => truncate(name).to_owned(),
            None => self.choose_constraint(table, column, "not_null"),
        };
        let definition =
            Constraint { columns: vec![column.to_owned()], kind: ConstraintKind::NotNull, ..wanted.clone() };
        self.keep_constraint(table, ready(name, &definition, is_valid, under))
    }

    /// Adds a primary key, a unique or an exclusion constraint.
    fn add_indexed(&mut self, table: &QName, wanted: &Constraint, under: Under) -> Outcome {
        let is_primary = wanted.kind == ConstraintKind::PrimaryKey;
        let relation = self.relations.get(table).ok_or(Refused)?;
        if is_primary && relation.constraints.iter().any(|other| other.definition.kind == ConstraintKind::PrimaryKey) {
            return Err(Refused);
        }
        if wanted.columns.iter().any(|column| relation.lacks(column) && !is_system_column(column)) {
            return Err(Refused);
        }
        if let Some(name) = &wanted.name
            && relation.constraint(truncate(name)).is_some()
        {
            return Err(Refused);
        }
        if let Some(index) = &wanted.using_index {
            return self.use_index(table, index, wanted, under);
        }
        if is_primary {
            for column in &wanted.columns {
                self.not_null(table, false, column, &unnamed(ConstraintKind::NotNull), (true, false), under)?;
            }
        }
        let keys: Vec<IndexKey> =
            wanted.columns.iter().map(|column| IndexKey { column: Some(column.clone()), expression: None }).collect();
        let label = match wanted.kind {
            ConstraintKind::PrimaryKey => "pkey",
            ConstraintKind::Unique => "key",
            _ => "excl",
        };
        let template = Index {
            keys: wanted.columns.iter().cloned().map(Some).collect(),
            is_unique: wanted.kind != ConstraintKind::Exclusion,
            // of an exclusion constraint the statement's own words are not kept; gist is what nearly all have
            method: if wanted.kind == ConstraintKind::Exclusion { "gist" } else { "btree" }.to_owned(),
            has_expressions: wanted.columns.is_empty(),
            born: under.born,
            ..Index::new("")
        };
        let index = Wanted { name: wanted.name.as_deref(), keys: &keys, include: &[], template, label };
        self.make_index(table, &index, false, None, Some(wanted), under).map(|_| ())
    }

    /// Makes a constraint of an index that is there, which takes the constraint's name.
    fn use_index(&mut self, table: &QName, index: &str, wanted: &Constraint, under: Under) -> Outcome {
        let relation = self.relations.get(table).ok_or(Refused)?;
        if relation.is_partitioned() {
            return Err(Refused);
        }
        let keys: Vec<String> = match relation.index(index) {
            Some(found) if !found.is_unique || found.is_partial || found.has_expressions || !found.is_valid => {
                return Err(Refused);
            }
            Some(_) if relation.constraints.iter().any(|other| other.index.as_deref() == Some(index)) => {
                return Err(Refused);
            }
            Some(found) => found.keys.iter().flatten().cloned().collect(),
            None if relation.is_complete => return Err(Refused),
            // it must be there, with columns that are not known
            None => {
                let unknown = Index { is_unique: true, ..Index::new(index) };
                self.add_index(table, unknown)?;
                Vec::new()
            }
        };
        let name = wanted.name.as_deref().map_or(index, truncate).to_owned();
        if name != index {
            self.rename_index(table, index, &name)?;
        }
        if wanted.kind == ConstraintKind::PrimaryKey {
            for column in &keys {
                self.not_null(table, false, column, &unnamed(ConstraintKind::NotNull), (true, false), under)?;
            }
        }
        let definition = Constraint { columns: keys, ..wanted.clone() };
        let mut constraint = ready(name.clone(), &definition, true, under);
        constraint.index = Some(name);
        self.keep_constraint(table, constraint)
    }

    /// Makes an index on a table and, unless it is to be on that alone, on every partition, where one that is the same and
    /// belongs to no other is taken for it. The name of the table's own is returned.
    pub(super) fn make_index(
        &mut self,
        table: &QName,
        wanted: &Wanted<'_>,
        only: bool,
        part_of: Option<&str>,
        constraint: Option<&Constraint>,
        under: Under,
    ) -> Result<String, Refused> {
        let columns = addition(index_columns(wanted.keys, wanted.include).iter().map(String::as_str));
        let columns = if wanted.label == "pkey" { "" } else { &columns };
        let name = match wanted.name {
            Some(name) => truncate(name).to_owned(),
            None if constraint.is_some() => self.choose_index_constraint(table, columns, wanted.label),
            None => self.choose_relation(table, columns, wanted.label),
        };
        let relation = self.relations.get(table).ok_or(Refused)?;
        let is_second = |wanted: &Constraint| wanted.kind == ConstraintKind::PrimaryKey && relation.key().is_some();
        let is_whole = |key: &Option<String>| key.is_some() && wanted.template.keys.contains(key);
        let by = relation.partition_by.as_ref().filter(|_| wanted.template.is_unique);
        if constraint.is_some_and(is_second) || by.is_some_and(|by| !by.key.iter().all(is_whole)) {
            return Err(Refused);
        }
        let (is_partitioned, children) = (relation.is_partitioned(), relation.children.clone());
        let index = Index {
            name: name.clone(),
            is_only: is_partitioned && only && !children.is_empty(),
            is_valid: wanted.template.is_valid && !(is_partitioned && only && !children.is_empty()),
            part_of: part_of.map(str::to_owned),
            born: under.born,
            statistics: None,
            ..wanted.template.clone()
        };
        self.add_index(table, index)?;
        if let Some(constraint) = constraint {
            let mut kept = ready(name.clone(), constraint, true, under);
            kept.index = Some(name.clone());
            self.keep_constraint(table, kept)?;
        }
        if is_partitioned && !only {
            for child in &children {
                self.ensure_part(child, &name, wanted, constraint, under)?;
            }
        }
        Ok(name)
    }

    /// Sees to it that a partition has its part of an index.
    fn ensure_part(
        &mut self,
        partition: &QName,
        parent_index: &str,
        wanted: &Wanted<'_>,
        constraint: Option<&Constraint>,
        under: Under,
    ) -> Outcome {
        let Some(relation) = self.relations.get(partition) else { return Ok(()) };
        if relation.kind == RelationKind::ForeignTable {
            return Ok(());
        }
        let has_constraint = |index: &Index| {
            relation.constraints.iter().any(|known| {
                known.index.as_deref() == Some(&*index.name)
                    && constraint.is_some_and(|wanted| known.definition.kind == wanted.kind)
            })
        };
        let fits = relation.indexes.iter().find(|index| {
            index.part_of.is_none()
                && index.is_valid
                && is_same(index, &wanted.template)
                && (constraint.is_none() || has_constraint(index))
        });
        if let Some(name) = fits.map(|index| index.name.clone()) {
            return self.attach_index_part(partition, &name, parent_index);
        }
        let part = Wanted { name: None, template: wanted.template.clone(), ..*wanted };
        let constraint = constraint.map(|constraint| Constraint { name: None, ..constraint.clone() });
        self.make_index(partition, &part, false, Some(parent_index), constraint.as_ref(), under).map(|_| ())
    }

    /// Notes that an index is the part of another.
    pub(super) fn attach_index_part(&mut self, partition: &QName, index: &str, parent_index: &str) -> Outcome {
        let relation = self.edit(partition).ok_or(Refused)?;
        let found = relation.indexes.find_mut(|known| known.name == index).ok_or(Refused)?;
        if found.part_of.as_deref().is_some_and(|other| other != parent_index) {
            return Err(Refused);
        }
        found.part_of = Some(parent_index.to_owned());
        Ok(())
    }

    /// Gives a partition what it has from its parent: the parts of its indexes, and its foreign keys.
    pub(super) fn inherit_indexes(&mut self, parent: &QName, partition: &QName, under: Under) -> Outcome {
        let Some(relation) = self.relations.get(parent).cloned() else { return Ok(()) };
        for index in &relation.indexes {
            // an index that waits for its partitions' does not make any
            let behind =
                relation.constraints.iter().find(|constraint| constraint.index.as_deref() == Some(&*index.name));
            let keys: Vec<IndexKey> =
                index.keys.iter().map(|column| IndexKey { column: column.clone(), expression: None }).collect();
            let label = match behind.map(|constraint| &constraint.definition.kind) {
                Some(ConstraintKind::PrimaryKey) => "pkey",
                Some(ConstraintKind::Unique) => "key",
                Some(_) => "excl",
                None => "idx",
            };
            let template = Index { is_only: false, is_valid: true, ..index.clone() };
            let wanted = Wanted { name: None, keys: &keys, include: &index.include, template, label };
            self.ensure_part(partition, &index.name, &wanted, behind.map(|behind| &behind.definition), under)?;
        }
        for constraint in relation.constraints.iter().filter(|constraint| constraint.references.is_some()) {
            let child = self.relations.get(partition).ok_or(Refused)?;
            let has = child.constraints.iter().any(|own| {
                own.references == constraint.references && own.definition.columns == constraint.definition.columns
            });
            if !has {
                let taken = child.constraint(&constraint.name).is_some();
                let name = match taken {
                    true => {
                        let columns = addition(constraint.definition.columns.iter().map(String::as_str));
                        self.choose_constraint(partition, &columns, "fkey")
                    }
                    false => constraint.name.clone(),
                };
                self.keep_constraint(partition, TableConstraint { name, born: under.born, ..constraint.clone() })?;
            }
        }
        Ok(())
    }

    /// `create index`.
    pub(super) fn create_index(&mut self, create: &CreateIndex, under: Under) -> Outcome {
        let table = self.resolve(&create.table);
        self.expect(&table, RelationKind::Table)?;
        let relation = self.relations.get(&table).ok_or(Refused)?;
        if matches!(relation.kind, RelationKind::View | RelationKind::Sequence) {
            return Err(Refused);
        }
        if create.concurrently && relation.is_partitioned() {
            return Err(Refused);
        }
        if let Some(name) = &create.name
            && self.is_taken(&QName::new(&table.schema, truncate(name)))
        {
            return if create.if_not_exists { Ok(()) } else { Err(Refused) };
        }
        let mut mentioned = std::collections::BTreeSet::new();
        for expression in create.keys.iter().filter_map(|key| key.expression.as_ref()).chain(&create.predicate) {
            mentioned.append(&mut expression.columns());
        }
        let columns = create.keys.iter().filter_map(|key| key.column.as_ref()).chain(&create.include);
        if columns.into_iter().any(|column| relation.lacks(column) && !is_system_column(column)) {
            return Err(Refused);
        }
        let template = Index {
            keys: create.keys.iter().map(|key| key.column.clone()).collect(),
            include: create.include.clone(),
            mentions: mentioned,
            is_unique: create.is_unique,
            is_partial: create.predicate.is_some(),
            has_expressions: create.keys.iter().any(|key| key.column.is_none()),
            method: create.method.clone(),
            born: under.born,
            ..Index::new("")
        };
        let wanted = Wanted {
            name: create.name.as_deref(),
            keys: &create.keys,
            include: &create.include,
            template,
            label: "idx",
        };
        self.make_index(&table, &wanted, create.only, None, None, under).map(|_| ())
    }

    /// `alter index … attach partition`.
    pub(super) fn attach_index(&mut self, parent: &Name, part: &Name) -> Outcome {
        // neither index may be known, and then there is nothing to say of them
        let (Some((parent, table)), Some((part, partition))) = (self.resolve_index(parent), self.resolve_index(part))
        else {
            return Ok(());
        };
        let relation = self.relations.get(&partition).ok_or(Refused)?;
        if relation.is_complete && !relation.parents.contains(&table) {
            return Err(Refused);
        }
        self.attach_index_part(&partition, &part.name, &parent.name)?;
        self.settle_index(&table, &parent.name);
        Ok(())
    }

    /// Makes an index valid that waited for its partitions', once all have theirs; and so on upwards.
    fn settle_index(&mut self, table: &QName, index: &str) {
        let (mut table, mut index) = (table.clone(), index.to_owned());
        loop {
            let Some(relation) = self.relations.get(&table) else { return };
            let Some(found) = relation.index(&index).filter(|found| found.is_only || !found.is_valid) else { return };
            let has_part = |child: &QName| {
                self.relations.get(child).is_some_and(|child| {
                    child.indexes.iter().any(|part| part.part_of.as_deref() == Some(&index) && part.is_valid)
                })
            };
            if !relation.children.iter().all(has_part) {
                return;
            }
            let above = found.part_of.clone().zip(relation.parents.first().cloned());
            if let Some(found) = self.edit(&table).and_then(|relation| relation.indexes.find_mut(|i| i.name == index)) {
                (found.is_only, found.is_valid) = (false, true);
            }
            let Some((name, parent)) = above else { return };
            (table, index) = (parent, name);
        }
    }

    /// Gives an index another name; of a constraint, the constraint too.
    pub(super) fn rename_index(&mut self, table: &QName, from: &str, to: &str) -> Outcome {
        let new = QName::new(&table.schema, to);
        if self.is_taken(&new) {
            return Err(Refused);
        }
        let relation = self.edit(table).ok_or(Refused)?;
        let index = relation.indexes.find_mut(|index| index.name == from).ok_or(Refused)?;
        to.clone_into(&mut index.name);
        if relation.replica_identity == ReplicaIdentity::Index(from.to_owned()) {
            relation.replica_identity = ReplicaIdentity::Index(to.to_owned());
        }
        let behind = relation.constraints.find_mut(|constraint| constraint.index.as_deref() == Some(from));
        let renamed = behind.map(|constraint| {
            constraint.index = Some(to.to_owned());
            std::mem::replace(&mut constraint.name, to.to_owned())
        });
        let children = relation.children.clone();
        self.indexes.remove_mut(&QName::new(&table.schema, from));
        self.indexes.insert_mut(new, table.clone());
        if let Some(old) = renamed {
            self.count_name(&table.schema, &old, false);
            self.count_name(&table.schema, to, true);
        }
        for child in &children {
            let is_part = |index: &Index| index.part_of.as_deref() == Some(from);
            if self.relations.get(child).is_some_and(|child| child.indexes.iter().any(is_part))
                && let Some(child) = self.edit(child)
            {
                child.indexes.change(|index| is_part(index), |index| index.part_of = Some(to.to_owned()));
            }
        }
        Ok(())
    }

    /// `alter table … drop constraint`.
    pub(super) fn drop_constraint(
        &mut self,
        table: &QName,
        name: &str,
        if_exists: bool,
        cascade: bool,
        only: bool,
    ) -> Outcome {
        let relation = self.relations.get(table).ok_or(Refused)?;
        let Some(constraint) = relation.constraint(name).cloned() else {
            return if if_exists || !relation.is_complete { Ok(()) } else { Err(Refused) };
        };
        if self.inherits_constraint(relation, &constraint) {
            return Err(Refused);
        }
        if constraint.index.is_some() {
            let users = self.users_of_key(table, &constraint.definition.columns, constraint.index.as_deref());
            if !users.is_empty() && !cascade {
                return Err(Refused);
            }
            for (user, foreign_key) in users {
                self.remove_constraint(&user, &foreign_key);
            }
            self.remove_constraint(table, name);
            return Ok(());
        }
        if constraint.definition.kind == ConstraintKind::NotNull
            && let Some(column) = constraint.definition.columns.first()
            && relation.is_pinned_not_null(column)
        {
            return Err(Refused);
        }
        for relation in self.family(table, only) {
            let same = |own: &TableConstraint| {
                own.definition.kind == constraint.definition.kind
                    && own.references == constraint.references
                    && (own.name == name
                        || (own.references.is_some() && own.definition.columns == constraint.definition.columns))
            };
            let Some(own) =
                self.relations.get(&relation).and_then(|found| found.constraints.iter().find(|own| same(own)))
            else {
                continue;
            };
            let own = own.name.clone();
            self.remove_constraint(&relation, &own);
            if constraint.definition.kind == ConstraintKind::NotNull
                && let Some(relation) = self.edit(&relation)
            {
                let columns = &constraint.definition.columns;
                relation.columns.change(
                    |column| columns.contains(&column.name),
                    |column| {
                        column.is_not_null = false;
                    },
                );
            }
        }
        Ok(())
    }

    /// Whether a table has a constraint from a parent, so that it goes with that one only.
    fn inherits_constraint(&self, relation: &Relation, constraint: &TableConstraint) -> bool {
        if let Some(index) = &constraint.index {
            return relation.index(index).is_some_and(|index| index.part_of.is_some());
        }
        let is_partition = relation.partition_of.is_some();
        relation.parents.iter().filter_map(|parent| self.relations.get(parent)).any(|parent| {
            parent.constraints.iter().any(|other| match &constraint.definition.kind {
                ConstraintKind::ForeignKey { .. } => {
                    is_partition
                        && other.references == constraint.references
                        && other.definition.columns == constraint.definition.columns
                }
                ConstraintKind::NotNull => {
                    other.definition.kind == ConstraintKind::NotNull
                        && other.definition.columns == constraint.definition.columns
                        && !other.definition.is_no_inherit
                }
                ConstraintKind::Check(_) => {
                    other.name == constraint.name
                        && matches!(other.definition.kind, ConstraintKind::Check(_))
                        && !other.definition.is_no_inherit
                }
                _ => false,
            })
        })
    }

    /// Foreign keys that stand on a key of a table, as far as it is sure: no other index of the table would do for them.
    pub(super) fn users_of_key(&self, table: &QName, columns: &[String], index: Option<&str>) -> Vec<(QName, String)> {
        let Some(relation) = self.relations.get(table) else { return Vec::new() };
        let same_columns =
            |names: Vec<&String>| names.len() == columns.len() && names.into_iter().all(|name| columns.contains(name));
        let another = relation.indexes.iter().any(|other| {
            Some(other.name.as_str()) != index
                && other.is_unique
                && !other.is_partial
                && !other.has_expressions
                && same_columns(other.keys.iter().flatten().collect())
        });
        if another || columns.is_empty() {
            return Vec::new();
        }
        let mut users = Vec::new();
        for user in &relation.referenced_by {
            let Some(user) = self.relations.get(user) else { continue };
            for constraint in &user.constraints {
                if let Some((to, referenced)) = &constraint.references
                    && to == table
                    && same_columns(referenced.iter().collect())
                {
                    users.push((user.name.clone(), constraint.name.clone()));
                }
            }
        }
        users
    }
}

impl Relation {
    /// Whether it is known not to have a column.
    pub(super) fn lacks(&self, column: &str) -> bool {
        self.is_complete && self.column(column).is_none()
    }

    /// Whether a unique index has these columns as its key, in whatever order.
    pub(super) fn has_key(&self, columns: &[String]) -> bool {
        self.indexes.iter().any(|index| {
            let is_one_of_them = |key: &Option<String>| key.as_ref().is_some_and(|key| columns.contains(key));
            index.is_unique
                && !index.is_partial
                && index.keys.len() == columns.len()
                && index.keys.iter().all(is_one_of_them)
        })
    }

    /// The columns of its primary key, where that is known.
    pub fn key(&self) -> Option<&[String]> {
        let primary =
            self.constraints.iter().find(|constraint| constraint.definition.kind == ConstraintKind::PrimaryKey);
        primary.map(|constraint| constraint.definition.columns.as_slice())
    }

    /// A column to change: one that is not known yet where not all are; none where there is none.
    pub(super) fn column_to_change(&mut self, name: &str) -> Option<&mut super::Column> {
        if self.column(name).is_none() {
            if self.is_complete {
                return None;
            }
            self.columns.push(super::Column::new(name));
        }
        self.columns.find_mut(|column| column.name == name)
    }

    /// The constraint that makes a column `not null`, where the version keeps one.
    pub fn not_null_of(&self, column: &str) -> Option<&TableConstraint> {
        self.constraints.iter().find(|constraint| is_not_null_of(constraint, column))
    }

    /// Whether a column must stay `not null`: of a primary key, or an identity.
    pub(super) fn is_pinned_not_null(&self, column: &str) -> bool {
        self.key().is_some_and(|key| key.iter().any(|key| key == column))
            || self.column(column).is_some_and(|column| column.is_identity)
    }
}

fn is_not_null_of(constraint: &TableConstraint, column: &str) -> bool {
    constraint.definition.kind == ConstraintKind::NotNull && constraint.definition.columns.iter().eq([column])
}

/// A constraint of which a statement says nothing but what it asks.
pub(super) fn unnamed(kind: ConstraintKind) -> Constraint {
    Constraint {
        name: None,
        kind,
        columns: Vec::new(),
        is_not_valid: false,
        is_not_enforced: false,
        is_deferrable: false,
        is_no_inherit: false,
        using_index: None,
        nulls_not_distinct: false,
        is_temporal: false,
        position: None,
    }
}

fn ready(name: String, definition: &Constraint, is_valid: bool, under: Under) -> TableConstraint {
    TableConstraint { name, definition: definition.clone(), is_valid, references: None, index: None, born: under.born }
}

/// Whether a partition's index can be the part of another.
fn is_same(index: &Index, wanted: &Index) -> bool {
    index.keys == wanted.keys
        && index.include == wanted.include
        && index.is_unique == wanted.is_unique
        && index.is_partial == wanted.is_partial
        && index.has_expressions == wanted.has_expressions
        && index.mentions == wanted.mentions
        && index.method == wanted.method
}

/// The columns that every table has.
pub(super) fn is_system_column(name: &str) -> bool {
    matches!(name, "ctid" | "tableoid" | "xmin" | "xmax" | "cmin" | "cmax")
}
