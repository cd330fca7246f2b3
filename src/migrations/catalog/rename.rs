//! `rename` and `set schema`.

use super::super::command::{ConstraintKind, Name, ObjectKind, Rename};
use super::expressions::rename_column;
use super::names::truncate;
use super::registry::{Outcome, Refused};
use super::{Catalog, Lookup, QName, Relation, RelationKind, TableConstraint};
use std::sync::Arc;

impl Catalog {
    /// `alter … rename …`.
    pub(super) fn apply_rename(&mut self, rename: &Rename) -> Outcome {
        let to = truncate(&rename.to);
        match (rename.kind, &rename.part) {
            (ObjectKind::Column, Some(from)) => {
                self.on_table(rename, |catalog, table| catalog.rename_column(table, from, to))
            }
            (ObjectKind::Constraint, Some(from)) => {
                self.on_table(rename, |catalog, table| catalog.rename_constraint(table, from, to))
            }
            (ObjectKind::Trigger, Some(from)) => self.on_table(rename, |catalog, table| {
                if let Some(relation) = catalog.edit(table) {
                    relation
                        .triggers
                        .iter_mut()
                        .filter(|(name, _)| name == from)
                        .for_each(|(name, _)| *name = to.to_owned());
                    if relation.row_triggers.remove(from) {
                        relation.row_triggers.insert(to.to_owned());
                    }
                }
                Ok(())
            }),
            (ObjectKind::DomainConstraint, Some(from)) => self.rename_domain_constraint(&rename.object, from, to),
            (
                ObjectKind::Table
                | ObjectKind::ForeignTable
                | ObjectKind::View
                | ObjectKind::MaterializedView
                | ObjectKind::Sequence
                | ObjectKind::Index,
                None,
            ) => self.rename_relation(rename, to),
            (ObjectKind::Schema, None) => self.rename_schema(&rename.object.name, to),
            (ObjectKind::Type | ObjectKind::Domain, None) => self.move_type(&rename.object, None, Some(to)),
            (ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate, None) => {
                self.move_function(&rename.object, None, Some(to))
            }
            _ => Ok(()),
        }
    }

    /// Does something to the table that a part of is renamed.
    fn on_table(&mut self, rename: &Rename, change: impl FnOnce(&mut Self, &QName) -> Outcome) -> Outcome {
        let table = self.resolve(&rename.object);
        match self.expect(&table, RelationKind::Table) {
            Ok(()) => change(self, &table),
            Err(_) if rename.if_exists => Ok(()),
            Err(refused) => Err(refused),
        }
    }

    fn rename_relation(&mut self, rename: &Rename, to: &str) -> Outcome {
        let name = self.resolve(&rename.object);
        // `alter table` renames indexes too, and what is said to be an index is none where a relation has the name
        if !self.relations.contains_key(&name)
            && let Some((index, table)) = self.resolve_index(&rename.object)
        {
            return self.rename_index(&table, &index.name, to);
        }
        match self.get(&name) {
            Lookup::Absent if rename.if_exists => return Ok(()),
            Lookup::Absent => return Err(Refused),
            Lookup::Unknown if rename.kind == ObjectKind::Index => return Ok(()),
            Lookup::Unknown | Lookup::Known(_) => {}
        }
        self.expect(&name, relation_kind(rename.kind))?;
        self.relocate(&name, &QName::new(&name.schema, to))
    }

    fn rename_column(&mut self, table: &QName, from: &str, to: &str) -> Outcome {
        let relation = self.relations.get(table).ok_or(Refused)?;
        let is_taken = relation.column(to).is_some() || super::constraints::is_system_column(to);
        if relation.lacks(from) || is_taken || relation.partition_of.is_some() {
            return Err(Refused);
        }
        for name in self.family(table, false) {
            let Some(relation) = self.edit(&name) else { continue };
            relation.call_column(from, to);
            let (referencing, owned) = (relation.referenced_by.clone(), relation.owns.clone());
            let readers = relation.read_by.clone();
            for user in &referencing {
                let Some(user) = self.edit(user) else { continue };
                user.constraints.change(
                    |own| {
                        own.references
                            .as_ref()
                            .is_some_and(|(to, columns)| *to == name && columns.iter().any(|c| c == from))
                    },
                    |own| {
                        let columns = own.references.iter_mut().flat_map(|(_, columns)| columns);
                        columns.filter(|column| *column == from).for_each(|column| to.clone_into(column));
                    },
                );
            }
            for view in &readers {
                let Some(view) = self.edit(view) else { continue };
                if view.mentions.contains(from) {
                    view.mentions.insert(to.to_owned());
                    // of two tables the other may have a column of that name too
                    if view.reads.len() == 1 {
                        view.mentions.remove(from);
                    }
                }
            }
            for sequence in &owned {
                if let Some((_, column)) = self.edit(sequence).and_then(|sequence| sequence.owned_by.as_mut())
                    && column == from
                {
                    to.clone_into(column);
                }
            }
        }
        Ok(())
    }

    fn rename_constraint(&mut self, table: &QName, from: &str, to: &str) -> Outcome {
        let relation = self.relations.get(table).ok_or(Refused)?;
        if relation.constraint(to).is_some() {
            return Err(Refused);
        }
        let Some(found) = relation.constraint(from) else {
            return if relation.is_complete { Err(Refused) } else { Ok(()) };
        };
        if let Some(index) = found.index.clone() {
            return self.rename_index(table, &index, to);
        }
        // what partitions and children have of it bears its name
        for name in self.family(table, false) {
            let Some(relation) = self.edit(&name) else { continue };
            if let Some(found) = relation.constraints.find_mut(|own| own.name == from && own.index.is_none()) {
                to.clone_into(&mut found.name);
                self.count_name(&name.schema, from, false);
                self.count_name(&name.schema, to, true);
            }
        }
        Ok(())
    }

    fn rename_schema(&mut self, from: &str, to: &str) -> Outcome {
        if self.schemas.contains(to) {
            return Err(Refused);
        }
        for name in self.names_in_schema(from) {
            self.relocate(&name, &QName::new(to, &name.name))?;
        }
        let first = QName::new(from, "");
        let types: Vec<QName> =
            self.types.range(&first..).map(|(name, _)| name).take_while(|n| *n.schema == *from).cloned().collect();
        for name in types {
            self.move_type(&Name::qualified(&*name.schema, &*name.name), Some(to), None)?;
        }
        let functions: Vec<QName> =
            self.functions.range(&first..).map(|(name, _)| name).take_while(|n| *n.schema == *from).cloned().collect();
        for name in functions {
            self.move_function(&Name::qualified(&*name.schema, &*name.name), Some(to), None)?;
        }
        self.schemas.remove_mut(from);
        self.schemas.insert_mut(to.to_owned());
        Ok(())
    }

    /// `alter … set schema`.
    pub(super) fn set_schema(&mut self, kind: ObjectKind, name: &Name, schema: &str) -> Outcome {
        match kind {
            ObjectKind::Type | ObjectKind::Domain => self.move_type(name, Some(schema), None),
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
                self.move_function(name, Some(schema), None)
            }
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence => {
                let name = self.resolve(name);
                self.expect(&name, relation_kind(kind))?;
                if *name.schema == *schema {
                    return Ok(());
                }
                let relation = self.relations.get(&name).ok_or(Refused)?;
                if relation.indexes.iter().any(|index| self.is_taken(&QName::new(schema, &index.name))) {
                    return Err(Refused);
                }
                let owned: Vec<QName> = relation.owns.iter().cloned().collect();
                self.relocate(&name, &QName::new(schema, &name.name))?;
                for sequence in owned {
                    self.relocate(&sequence, &QName::new(schema, &sequence.name))?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Moves a function to another schema or name, all that bear it.
    fn move_function(&mut self, name: &Name, schema: Option<&str>, to: Option<&str>) -> Outcome {
        let Some(from) = self.functions(name).first().map(|function| function.name.clone()) else { return Ok(()) };
        let to = QName::new(schema.unwrap_or(&from.schema), to.unwrap_or(&from.name));
        let Some(moved) = self.functions.get(&from).cloned() else { return Ok(()) };
        self.functions.remove_mut(&from);
        let mut all = self.functions.get(&to).map(|there| Vec::clone(there)).unwrap_or_default();
        all.extend(
            Arc::unwrap_or_clone(moved).into_iter().map(|function| super::Function { name: to.clone(), ..function }),
        );
        self.functions.insert_mut(to, Arc::new(all));
        Ok(())
    }
}

impl Relation {
    /// Calls a column by another name, wherever the table itself names it.
    fn call_column(&mut self, from: &str, to: &str) {
        let swap = |column: &mut String| {
            if column == from {
                to.clone_into(column);
            }
        };
        if self.column(from).is_none() && !self.is_complete {
            self.columns.push(super::Column::new(from));
        }
        self.columns.change(
            |column| column.name == from || column.generated.is_some(),
            |column| {
                swap(&mut column.name);
                if let Some((_, expression)) = &mut column.generated {
                    rename_column(expression, from, to);
                }
            },
        );
        let name = &self.name;
        let is_own = |constraint: &TableConstraint| constraint.references.as_ref().is_some_and(|(to, _)| to == name);
        self.constraints.change(
            |constraint| constraint.definition.columns.iter().any(|column| column == from) || is_own(constraint),
            |constraint| {
                constraint.definition.columns.iter_mut().for_each(swap);
                if let ConstraintKind::Check(condition) = &mut constraint.definition.kind {
                    rename_column(condition, from, to);
                }
                let is_own = is_own(constraint);
                if let Some((_, columns)) = constraint.references.as_mut().filter(|_| is_own) {
                    columns.iter_mut().for_each(swap);
                }
            },
        );
        self.indexes.change(
            |index| index.uses(from),
            |index| {
                index.keys.iter_mut().flatten().for_each(swap);
                index.include.iter_mut().for_each(swap);
                if index.mentions.remove(from) {
                    index.mentions.insert(to.to_owned());
                }
            },
        );
        if let Some(by) = &mut self.partition_by {
            by.key.iter_mut().flatten().for_each(swap);
        }
    }
}

/// What a statement takes a relation for.
fn relation_kind(kind: ObjectKind) -> RelationKind {
    match kind {
        ObjectKind::View => RelationKind::View,
        ObjectKind::MaterializedView => RelationKind::MaterializedView,
        ObjectKind::Sequence => RelationKind::Sequence,
        ObjectKind::ForeignTable => RelationKind::ForeignTable,
        _ => RelationKind::Table,
    }
}
