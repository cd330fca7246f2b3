//! `drop`, and what goes with it.

use super::super::command::{Drop, Name, ObjectKind};
use super::registry::{Outcome, Refused};
use super::{Catalog, Lookup, QName, QNames, RelationKind};

impl Catalog {
    /// `drop …`.
    pub(super) fn apply_drop(&mut self, statement: &Drop) -> Outcome {
        match statement.kind {
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence => self.drop_relations(statement),
            ObjectKind::Index => statement.names.iter().try_for_each(|name| self.drop_index(name, statement)),
            ObjectKind::Schema => statement.names.iter().try_for_each(|name| self.drop_schema(&name.name, statement)),
            ObjectKind::Type | ObjectKind::Domain => {
                statement.names.iter().try_for_each(|name| self.drop_type(name, statement))
            }
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
                statement.names.iter().try_for_each(|name| self.drop_function(name, statement))
            }
            ObjectKind::Trigger => {
                let Some(table) = statement.table.as_ref().map(|table| self.resolve(table)) else { return Ok(()) };
                if let Some(relation) = self.edit(&table) {
                    relation.triggers.retain(|(name, _)| statement.names.iter().all(|dropped| dropped.name != *name));
                    for dropped in &statement.names {
                        relation.row_triggers.remove(&dropped.name);
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn drop_relations(&mut self, statement: &Drop) -> Outcome {
        let mut targets = Vec::new();
        for name in &statement.names {
            let name = self.resolve(name);
            match self.get(&name) {
                Lookup::Known(relation) => {
                    let fits = match relation.kind {
                        RelationKind::PartitionedTable => statement.kind == ObjectKind::Table,
                        kind => kind.object() == statement.kind,
                    };
                    if !fits && relation.is_complete {
                        return Err(Refused);
                    }
                    targets.push(name);
                }
                Lookup::Absent if !statement.if_exists => return Err(Refused),
                Lookup::Absent => {}
                Lookup::Unknown => {
                    self.gone.insert_mut(name);
                }
            }
        }
        self.drop_all(targets, statement.cascade)
    }

    /// Drops relations with all that cannot be without them; without `cascade` only what is their own.
    fn drop_all(&mut self, targets: Vec<QName>, cascade: bool) -> Outcome {
        let mut going: QNames = targets.iter().cloned().collect();
        let mut todo = targets;
        let mut above = QNames::default();
        let mut next = 0;
        while let Some(name) = todo.get(next).cloned() {
            next += 1;
            let Some(relation) = self.relations.get(&name) else { continue };
            if let Some((parent, _)) = &relation.partition_of
                && !going.contains(parent)
            {
                above.insert(parent.clone());
            }
            let parts = relation
                .children
                .iter()
                .filter(|child| cascade || self.relations.get(child).is_some_and(|child| child.partition_of.is_some()));
            let readers = relation.read_by.iter().filter(|_| cascade);
            for other in parts.chain(relation.owns.iter()).chain(readers) {
                if !going.contains(other) {
                    going.insert(other.clone());
                    todo.push(other.clone());
                }
            }
        }
        if !cascade {
            let stands_in_the_way = |name: &QName| {
                self.relations.get(name).is_some_and(|relation| {
                    let dependents = relation.referenced_by.iter().chain(&relation.read_by).chain(&relation.children);
                    dependents.into_iter().any(|dependent| !going.contains(dependent))
                })
            };
            if going.iter().any(stands_in_the_way) {
                return Err(Refused);
            }
        }
        if going.iter().any(|name| self.feeds(name, &going, cascade)) {
            return Err(Refused);
        }
        // who references a partitioned table references each partition
        for parent in above.iter().filter(|parent| !going.contains(parent)) {
            let users = self.references_above(parent);
            if !users.is_empty() && !cascade {
                return Err(Refused);
            }
            for (user, foreign_key) in users {
                self.remove_constraint(&user, &foreign_key);
            }
        }
        for name in todo {
            self.drop_defaults_of(&name);
            self.forget(&name);
        }
        Ok(())
    }

    /// Whether the column that owns a sequence takes its values from it.
    pub fn is_used(&self, sequence: &QName) -> bool {
        self.feeds(sequence, &QNames::default(), false)
    }

    /// Whether a sequence cannot go because a column takes its values: of an identity never, of a default not without
    /// `cascade`.
    fn feeds(&self, name: &QName, going: &QNames, cascade: bool) -> bool {
        let owner = self.relations.get(name).and_then(|sequence| sequence.owned_by.as_ref());
        let Some((table, column)) = owner.filter(|(table, _)| !going.contains(table)) else { return false };
        let column = self.relations.get(table).and_then(|table| table.column(column));
        column.is_some_and(|column| {
            let is_default = column.default.as_ref().is_some_and(|from| super::expressions::uses_sequence(from, name));
            column.is_identity || (is_default && !cascade)
        })
    }

    /// Foreign keys to a partitioned table or to one above it.
    fn references_above(&self, table: &QName) -> Vec<(QName, String)> {
        let mut users = Vec::new();
        let mut next = self.relations.get(table);
        // what files say may go in a circle
        for _ in 0..64 {
            let Some(relation) = next else { break };
            for user in relation.referenced_by.iter().filter_map(|user| self.relations.get(user)) {
                let to_it = user.constraints.iter().filter(|constraint| {
                    constraint.references.as_ref().is_some_and(|(referenced, _)| *referenced == relation.name)
                });
                users.extend(to_it.map(|constraint| (user.name.clone(), constraint.name.clone())));
            }
            next = relation.partition_of.as_ref().and_then(|(parent, _)| self.relations.get(parent));
        }
        users
    }

    /// Of a sequence: the default that takes its values.
    fn drop_defaults_of(&mut self, name: &QName) {
        let Some((table, column)) = self.relations.get(name).and_then(|relation| relation.owned_by.clone()) else {
            return;
        };
        if let Some(column) = self.edit(&table).and_then(|table| table.columns.find_mut(|own| own.name == column)) {
            column.default.take_if(|default| super::expressions::uses_sequence(default, name));
        }
    }

    fn drop_index(&mut self, name: &Name, statement: &Drop) -> Outcome {
        let Some((index, table)) = self.resolve_index(name) else {
            // the index of a table that is not all known may well be there
            let is_missing = self.is_complete && !statement.if_exists;
            return if is_missing { Err(Refused) } else { Ok(()) };
        };
        let Some(relation) = self.relations.get(&table) else { return Ok(()) };
        let is_behind = relation.constraints.iter().any(|constraint| constraint.index.as_deref() == Some(&*index.name));
        let is_part = relation.index(&index.name).is_some_and(|index| index.part_of.is_some());
        if is_behind || is_part || (statement.concurrently && relation.is_partitioned()) {
            return Err(Refused);
        }
        if let Some(found) = relation.index(&index.name).filter(|found| found.is_unique && !found.is_partial) {
            let keys: Vec<String> = found.keys.iter().flatten().cloned().collect();
            let users = self.users_of_key(&table, &keys, Some(&index.name));
            if !users.is_empty() && !statement.cascade {
                return Err(Refused);
            }
            for (user, foreign_key) in users {
                self.remove_constraint(&user, &foreign_key);
            }
        }
        self.remove_index(&table, &index.name);
        Ok(())
    }

    fn drop_schema(&mut self, schema: &str, statement: &Drop) -> Outcome {
        if !self.schemas.contains(schema) && self.is_complete {
            return if statement.if_exists { Ok(()) } else { Err(Refused) };
        }
        let relations = self.names_in_schema(schema);
        let from = QName::new(schema, "");
        let types: Vec<QName> =
            self.types.range(&from..).map(|(name, _)| name).take_while(|n| *n.schema == *schema).cloned().collect();
        let functions: Vec<QName> =
            self.functions.range(&from..).map(|(name, _)| name).take_while(|n| *n.schema == *schema).cloned().collect();
        if !(statement.cascade || relations.is_empty() && types.is_empty() && functions.is_empty()) {
            return Err(Refused);
        }
        self.drop_all(relations, true)?;
        for name in types {
            self.drop_type_columns(&name);
            self.types.remove_mut(&name);
        }
        for name in functions {
            self.functions.remove_mut(&name);
        }
        self.schemas.remove_mut(schema);
        Ok(())
    }
}
