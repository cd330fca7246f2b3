//! `alter table`, action by action.

use super::super::command::{
    Action, ActionKind, Bound, ColumnDef, Constraint, ConstraintKind, Expr, Name, ObjectKind, PartitionBy, Persistence,
    ReplicaIdentity,
};
use super::constraints::{NOT_NULL_NAMED, unnamed};
use super::expressions::{mentions_column, nextval};
use super::registry::{Outcome, Refused, Under};
use super::{Catalog, Column, QName, Relation, RelationKind};

/// More columns than this no table has.
const MOST_COLUMNS: usize = 1600;

/// The first version whose partitions have the identity of their parent.
const IDENTITY_OF_PARTITIONS: u16 = 17;

impl Catalog {
    /// `alter table` and its like.
    pub(super) fn alter_table(
        &mut self,
        (kind, name): (ObjectKind, &Name),
        only: bool,
        if_exists: bool,
        actions: &[Action],
        under: Under,
    ) -> Outcome {
        let table = self.resolve(name);
        if kind == ObjectKind::Index || !self.relations.contains_key(&table) && self.resolve_index(name).is_some() {
            return actions.iter().try_for_each(|action| match &action.kind {
                ActionKind::AttachIndex(part) => self.attach_index(name, part),
                _ => Ok(()),
            });
        }
        let expected = match kind {
            ObjectKind::View => RelationKind::View,
            ObjectKind::MaterializedView => RelationKind::MaterializedView,
            ObjectKind::Sequence => RelationKind::Sequence,
            ObjectKind::ForeignTable => RelationKind::ForeignTable,
            _ => RelationKind::Table,
        };
        if self.expect(&table, expected).is_err() {
            return if if_exists { Ok(()) } else { Err(Refused) };
        }
        let mut in_order: Vec<&ActionKind> = actions.iter().map(|action| &action.kind).collect();
        in_order.sort_by_key(|action| pass(action));
        in_order.into_iter().try_for_each(|action| self.act(&table, only, action, under))
    }

    fn act(&mut self, table: &QName, only: bool, action: &ActionKind, under: Under) -> Outcome {
        match action {
            ActionKind::AddColumn { column, if_not_exists } => {
                self.add_column(table, only, column, *if_not_exists, under)
            }
            ActionKind::DropColumn { column, if_exists, cascade } => {
                self.drop_column(table, only, column, *if_exists, *cascade)
            }
            ActionKind::AlterType { column, type_name, collation, .. } => {
                let relation = self.relations.get(table).ok_or(Refused)?;
                let is_used = |other: &Column| {
                    other.generated.as_ref().is_some_and(|(_, expression)| mentions_column(expression, column))
                };
                if (only && !relation.children.is_empty()) || relation.columns.iter().any(is_used) {
                    return Err(Refused);
                }
                let stored = self.stored_type(type_name);
                for relation in self.family(table, only) {
                    self.note_types(&relation, [&stored]);
                    let column = self.column_of(&relation, column)?;
                    column.type_name = Some(stored.clone());
                    column.collation.clone_from(collation);
                }
                Ok(())
            }
            ActionKind::SetDefault(column, default) => {
                self.on_column(table, only, column, |column| column.default = Some(default.clone()))
            }
            ActionKind::DropDefault(column) => self.on_column(table, only, column, |column| column.default = None),
            ActionKind::SetNotNull(column) => {
                let relation = self.relations.get(table).ok_or(Refused)?;
                if only && relation.is_partitioned() && !relation.children.is_empty() {
                    let is_set = |child: &QName| {
                        let child = self.relations.get(child);
                        child.and_then(|child| child.column(column)).is_some_and(|column| column.is_not_null)
                    };
                    if !relation.children.iter().all(is_set) {
                        return Err(Refused);
                    }
                }
                self.not_null(table, only, column, &unnamed(ConstraintKind::NotNull), (true, false), under)
            }
            ActionKind::DropNotNull(column) => self.drop_not_null(table, only, column, under),
            ActionKind::SetExpression(column, expression) => self.on_column(table, only, column, |column| {
                if let Some((_, generated)) = &mut column.generated {
                    generated.clone_from(expression);
                }
            }),
            ActionKind::DropExpression(column) => self.on_column(table, only, column, |column| column.generated = None),
            ActionKind::AddIdentity(column) => {
                let relation = self.relations.get(table).ok_or(Refused)?;
                let persistence = relation.persistence;
                if relation.column(column).is_some_and(|known| {
                    known.is_identity || known.default.is_some() || (relation.is_complete && !known.is_not_null)
                }) {
                    return Err(Refused);
                }
                let found = self.column_of(table, column)?;
                (found.is_identity, found.is_not_null) = (true, true);
                let sequence = self.new_sequence(table, column, persistence, under);
                self.own(&sequence, Some((table.clone(), column.clone())));
                Ok(())
            }
            ActionKind::DropIdentity(column) => {
                self.column_of(table, column)?.is_identity = false;
                self.drop_owned(table, column, |_| true);
                Ok(())
            }
            ActionKind::AddConstraint(constraint) => {
                let relation = self.relations.get(table).ok_or(Refused)?;
                let is_inherited = matches!(constraint.kind, ConstraintKind::Check(_)) && !constraint.is_no_inherit;
                if only && is_inherited && !relation.children.is_empty() {
                    return Err(Refused);
                }
                if matches!(constraint.kind, ConstraintKind::ForeignKey { .. })
                    && constraint.is_not_valid
                    && relation.is_partitioned()
                    && under.major < 18
                {
                    return Err(Refused);
                }
                self.add_constraint(table, constraint, under, false)
            }
            ActionKind::ValidateConstraint(name) => self.validate(table, name),
            ActionKind::DropConstraint { name, if_exists, cascade } => {
                self.drop_constraint(table, name, *if_exists, *cascade, only)
            }
            ActionKind::AlterConstraint { name, enforced, inherit } => {
                for relation in self.family(table, false) {
                    let Some(relation) = self.edit(&relation) else { continue };
                    let Some(found) = relation.constraints.find_mut(|known| known.name == *name) else {
                        continue;
                    };
                    if let Some(enforced) = *enforced {
                        found.definition.is_not_enforced = !enforced;
                        // what is enforced from now on is checked at once
                        found.is_valid = enforced;
                    }
                    if let Some(inherit) = *inherit {
                        found.definition.is_no_inherit = !inherit;
                    }
                }
                Ok(())
            }
            ActionKind::AttachPartition { partition, bound } => self.attach_partition(table, partition, bound, under),
            // of an index: the statement says so by its kind
            ActionKind::AttachIndex(_) => Ok(()),
            ActionKind::DetachPartition { partition, concurrently, .. } => {
                self.detach_partition(table, partition, *concurrently, under)
            }
            ActionKind::Inherit(parent) => {
                let parent = self.resolve(parent);
                self.expect(&parent, RelationKind::Table)?;
                self.link(&parent, table)
            }
            ActionKind::NoInherit(parent) => {
                let parent = self.resolve(parent);
                self.unlink(&parent, table);
                Ok(())
            }
            ActionKind::SetLogged | ActionKind::SetUnlogged => {
                let relation = self.edit(table).ok_or(Refused)?;
                // a partitioned table stores nothing: silently nothing before 18, an error since
                if relation.is_partitioned() && under.major >= 18 {
                    return Err(Refused);
                }
                if !relation.is_partitioned() {
                    relation.persistence =
                        if *action == ActionKind::SetLogged { Persistence::Permanent } else { Persistence::Unlogged };
                }
                Ok(())
            }
            ActionKind::ReplicaIdentity(identity) => {
                let relation = self.edit(table).ok_or(Refused)?;
                if let ReplicaIdentity::Index(index) = identity
                    && relation.is_complete
                    && relation.index(index).is_none()
                {
                    return Err(Refused);
                }
                relation.replica_identity = identity.clone();
                Ok(())
            }
            ActionKind::SetIdentity(_)
            | ActionKind::SetStatistics(_)
            | ActionKind::SetStorage(_)
            | ActionKind::SetCompression(_)
            | ActionKind::SetColumnOptions(_)
            | ActionKind::SetTablespace(_)
            | ActionKind::SetAccessMethod(_)
            | ActionKind::SetOptions(_)
            | ActionKind::ResetOptions(_)
            | ActionKind::RowSecurity(_)
            | ActionKind::OwnerTo
            | ActionKind::ClusterOn(_)
            | ActionKind::SetWithoutCluster
            | ActionKind::Trigger { .. }
            | ActionKind::Rule { .. }
            | ActionKind::OfType
            | ActionKind::ForeignOptions
            | ActionKind::Other(_) => Ok(()),
        }
    }

    /// A column of a table, to change.
    fn column_of(&mut self, table: &QName, column: &str) -> Result<&mut Column, Refused> {
        self.edit(table).and_then(|relation| relation.column_to_change(column)).ok_or(Refused)
    }

    /// Changes a column of a table and of all below it.
    fn on_column(&mut self, table: &QName, only: bool, column: &str, change: impl Fn(&mut Column)) -> Outcome {
        for relation in self.family(table, only) {
            change(self.column_of(&relation, column)?);
        }
        Ok(())
    }

    fn add_column(
        &mut self,
        table: &QName,
        only: bool,
        definition: &ColumnDef,
        if_not_exists: bool,
        under: Under,
    ) -> Outcome {
        let relation = self.relations.get(table).ok_or(Refused)?;
        if relation.partition_of.is_some() || (only && !relation.children.is_empty()) {
            return Err(Refused);
        }
        let persistence = relation.persistence;
        let mut column = self.column(definition, under.born);
        if super::constraints::is_system_column(&column.name) {
            return Err(Refused);
        }
        if relation.column(&column.name).is_some() {
            return if if_not_exists { Ok(()) } else { Err(Refused) };
        }
        if definition.is_serial() || definition.is_identity {
            let sequence = self.new_sequence(table, &column.name, persistence, under);
            if definition.is_serial() {
                column.default = Some(nextval(&sequence));
            }
            self.own(&sequence, Some((table.clone(), column.name.clone())));
        }
        for name in self.family(table, only) {
            self.note_types(&name, &column.type_name);
            let relation = self.edit(&name).ok_or(Refused)?;
            if relation.columns.len() >= MOST_COLUMNS {
                return Err(Refused);
            }
            // a child's own column of that name is merged with it
            if relation.column(&column.name).is_none() {
                relation.columns.push(Column { is_identity: column.is_identity && name == *table, ..column.clone() });
            }
        }
        let own = |wanted: fn(&ConstraintKind) -> bool| {
            definition.constraints.iter().filter(move |constraint| wanted(&constraint.kind))
        };
        for constraint in own(|kind| matches!(kind, ConstraintKind::Check(_))) {
            self.add_constraint(table, constraint, under, true)?;
        }
        if under.major >= NOT_NULL_NAMED && column.is_not_null {
            self.not_null(table, false, &column.name, &unnamed(ConstraintKind::NotNull), (true, false), under)?;
        }
        for constraint in own(|kind| !matches!(kind, ConstraintKind::Check(_) | ConstraintKind::NotNull)) {
            self.add_constraint(table, constraint, under, true)?;
        }
        Ok(())
    }

    fn drop_column(&mut self, table: &QName, only: bool, column: &str, if_exists: bool, cascade: bool) -> Outcome {
        let relation = self.relations.get(table).ok_or(Refused)?;
        if relation.lacks(column) {
            return if if_exists { Ok(()) } else { Err(Refused) };
        }
        let is_key = |relation: &Relation| {
            relation.partition_by.as_ref().is_some_and(|by| by.key.iter().flatten().any(|key| key == column))
        };
        if is_key(relation)
            || relation.partition_of.is_some()
            || (only && relation.is_partitioned() && !relation.children.is_empty())
        {
            return Err(Refused);
        }
        for name in self.family(table, only) {
            self.drop_column_of(&name, column, cascade)?;
        }
        Ok(())
    }

    pub(super) fn drop_column_of(&mut self, table: &QName, column: &str, cascade: bool) -> Outcome {
        let relation = self.relations.get(table).ok_or(Refused)?;
        let made_of_it: Vec<String> = relation
            .columns
            .iter()
            .filter(|other| other.generated.as_ref().is_some_and(|(_, from)| mentions_column(from, column)))
            .map(|other| other.name.clone())
            .collect();
        if !made_of_it.is_empty() && !cascade {
            return Err(Refused);
        }
        let involved: Vec<String> = relation
            .constraints
            .iter()
            .filter(|constraint| constraint.definition.columns.iter().any(|own| own == column))
            .map(|constraint| constraint.name.clone())
            .collect();
        for constraint in involved {
            let Some(relation) = self.relations.get(table) else { break };
            let Some(found) = relation.constraint(&constraint) else { continue };
            if found.index.is_some() {
                let users = self.users_of_key(table, &found.definition.columns, found.index.as_deref());
                // a foreign key of the table itself may go with the column
                if !cascade && users.iter().any(|(user, _)| user != table) {
                    return Err(Refused);
                }
                for (user, foreign_key) in users {
                    self.remove_constraint(&user, &foreign_key);
                }
            }
            self.remove_constraint(table, &constraint);
        }
        let relation = self.relations.get(table).ok_or(Refused)?;
        let indexes: Vec<String> =
            relation.indexes.iter().filter(|index| index.uses(column)).map(|index| index.name.clone()).collect();
        for index in indexes {
            self.remove_index(table, &index);
        }
        self.drop_owned(table, column, |_| true);
        if let Some(relation) = self.edit(table) {
            relation.columns.retain(|own| own.name != column);
        }
        made_of_it.iter().try_for_each(|other| self.drop_column_of(table, other, cascade))
    }

    /// Drops the sequences that a column owns.
    fn drop_owned(&mut self, table: &QName, column: &str, wanted: impl Fn(&Relation) -> bool) {
        let Some(relation) = self.relations.get(table) else { return };
        let is_owned = |sequence: &&QName| {
            self.relations.get(sequence).is_some_and(|sequence| {
                wanted(sequence) && sequence.owned_by.as_ref().is_some_and(|(_, owner)| owner == column)
            })
        };
        for sequence in relation.owns.iter().filter(is_owned).cloned().collect::<Vec<_>>() {
            self.forget(&sequence);
        }
    }

    fn drop_not_null(&mut self, table: &QName, only: bool, column: &str, under: Under) -> Outcome {
        let relation = self.relations.get(table).ok_or(Refused)?;
        let has_it = |parent: &QName| {
            let parent = self.relations.get(parent).and_then(|parent| parent.column(column));
            parent.is_some_and(|column| column.is_not_null)
        };
        // of a child that is no partition, from the version on that keeps it as a constraint
        let is_inherited = relation.partition_of.is_some() || under.major >= NOT_NULL_NAMED;
        if relation.is_pinned_not_null(column) || (is_inherited && relation.parents.iter().any(has_it)) {
            return Err(Refused);
        }
        for name in self.family(table, only) {
            self.column_of(&name, column)?.is_not_null = false;
            let Some(relation) = self.relations.get(&name) else { continue };
            if let Some(named) = relation.not_null_of(column).map(|constraint| constraint.name.clone()) {
                self.remove_constraint(&name, &named);
            }
        }
        Ok(())
    }

    fn validate(&mut self, table: &QName, name: &str) -> Outcome {
        let relation = self.relations.get(table).ok_or(Refused)?;
        let Some(found) = relation.constraint(name) else {
            return if relation.is_complete { Err(Refused) } else { Ok(()) };
        };
        if found.definition.is_not_enforced {
            return Err(Refused);
        }
        for relation in self.family(table, false) {
            let Some(relation) = self.edit(&relation) else { continue };
            let Some(found) = relation.constraints.find_mut(|known| known.name == name) else { continue };
            found.is_valid = true;
            if found.definition.kind == ConstraintKind::NotNull {
                let columns = &found.definition.columns;
                relation.columns.change(
                    |column| columns.contains(&column.name),
                    |column| {
                        column.is_not_null = true;
                    },
                );
            }
        }
        Ok(())
    }

    /// Makes one relation the child of another.
    fn link(&mut self, parent: &QName, child: &QName) -> Outcome {
        let relation = self.relations.get(child).ok_or(Refused)?;
        let is_above = self.family(child, false).contains(parent);
        if relation.parents.contains(parent) || is_above || relation.partition_of.is_some() {
            return Err(Refused);
        }
        if let Some(parent) = self.relations.get(parent).filter(|_| relation.is_complete) {
            let fits = |column: &Column| {
                let own = relation.column(&column.name);
                own.is_some_and(|own| own.is_not_null || !column.is_not_null)
            };
            let lacks_check = parent.constraints.iter().any(|constraint| {
                matches!(constraint.definition.kind, ConstraintKind::Check(_))
                    && !constraint.definition.is_no_inherit
                    && relation.constraint(&constraint.name).is_none()
            });
            if lacks_check || !parent.columns.iter().all(fits) {
                return Err(Refused);
            }
        }
        if let Some(child) = self.edit(child) {
            child.parents.push(parent.clone());
        }
        if let Some(parent) = self.edit(parent) {
            parent.children.insert(child.clone());
        }
        Ok(())
    }

    fn unlink(&mut self, parent: &QName, child: &QName) {
        if let Some(child) = self.edit(child) {
            child.parents.retain(|known| known != parent);
            child.partition_of.take_if(|(known, _)| known == parent);
        }
        if let Some(parent) = self.edit(parent) {
            parent.children.remove(child);
            parent.default_partition.take_if(|default| default == child);
        }
    }

    fn attach_partition(&mut self, table: &QName, partition: &Name, bound: &Bound, under: Under) -> Outcome {
        let partition = self.resolve(partition);
        self.expect(&partition, RelationKind::Table)?;
        let parent = self.edit(table).ok_or(Refused)?;
        if !parent.is_partitioned() {
            if parent.is_complete {
                return Err(Refused);
            }
            // nothing was known of it but its name
            parent.kind = RelationKind::PartitionedTable;
        }
        self.link(table, &partition)?;
        let parent = self.relations.get(table).ok_or(Refused)?;
        let identities: Vec<String> =
            parent.columns.iter().filter(|column| column.is_identity).map(|column| column.name.clone()).collect();
        if let Some(child) = self.edit(&partition) {
            child.partition_of = Some((table.clone(), bound.clone()));
            let is_taken = |column: &Column| identities.contains(&column.name);
            child.columns.change(is_taken, |column| column.is_identity |= under.major >= IDENTITY_OF_PARTITIONS);
        }
        if let (Bound::Default, Some(parent)) = (bound, self.edit(table)) {
            parent.default_partition = Some(partition.clone());
        }
        self.inherit_indexes(table, &partition, under)
    }

    fn detach_partition(&mut self, table: &QName, partition: &Name, concurrently: bool, under: Under) -> Outcome {
        let partition = self.resolve(partition);
        self.expect(&partition, RelationKind::Table)?;
        let is_part = self.relations.get(table).is_some_and(|table| table.children.contains(&partition));
        if !is_part && self.relations.get(table).is_some_and(|table| table.is_complete) {
            return Err(Refused);
        }
        let bound = self.relations.get(&partition).and_then(|child| child.partition_of.clone());
        let by = self.relations.get(table).and_then(|table| table.partition_by.clone());
        self.unlink(table, &partition);
        // what is detached concurrently keeps its bound as a check, unless one says so already
        if let (true, Some(by), Some((_, bound))) = (concurrently, by, bound)
            && let Some((column, check)) = bound_check(&by, &bound)
        {
            let check = Constraint {
                name: Some(self.choose_constraint(&partition, &column, "check")),
                ..unnamed(ConstraintKind::Check(Box::new(check)))
            };
            self.add_constraint(&partition, &check, under, false)?;
        }
        if let Some(child) = self.edit(&partition) {
            child.indexes.change(|_| true, |index| index.part_of = None);
            if under.major >= IDENTITY_OF_PARTITIONS {
                child.columns.change(|_| true, |column| column.is_identity = false);
            }
        }
        Ok(())
    }
}

/// The check that says what a bound says, of a key of one column, and the column.
fn bound_check(by: &PartitionBy, bound: &Bound) -> Option<(String, Expr)> {
    let [Some(column)] = by.key.as_slice() else { return None };
    let own = || Expr::Column(vec![column.clone()]);
    let compared = |operator: &str, value: &Expr| Expr::Operator {
        name: Name::bare(operator),
        left: Some(Box::new(own())),
        right: Box::new(value.clone()),
    };
    let mut parts = vec![Expr::IsNotNull(Box::new(own()))];
    match bound {
        Bound::Range { from, to } => {
            parts.extend(from.first()?.as_ref().map(|from| compared(">=", from)));
            parts.extend(to.first()?.as_ref().map(|to| compared("<", to)));
        }
        Bound::In(values) if !values.contains(&Expr::Null) => {
            let arguments = std::iter::once(own()).chain(values.iter().cloned()).collect();
            parts.push(Expr::Test { kind: "in".to_owned(), arguments });
        }
        Bound::In(_) | Bound::Default | Bound::Hash { .. } | Bound::Unknown => return None,
    }
    Some((column.clone(), Expr::And(parts)))
}

/// When an action of a statement with several is done: PostgreSQL drops first and validates last, whatever is written first.
fn pass(action: &ActionKind) -> u8 {
    match action {
        ActionKind::DropColumn { .. }
        | ActionKind::DropConstraint { .. }
        | ActionKind::DropNotNull(_)
        | ActionKind::DropDefault(_)
        | ActionKind::DropExpression(_)
        | ActionKind::DropIdentity(_) => 0,
        ActionKind::AlterType { .. } => 1,
        ActionKind::AddColumn { .. } => 2,
        ActionKind::SetExpression(..) => 3,
        ActionKind::SetNotNull(_) => 4,
        ActionKind::AddConstraint(constraint) => match constraint.kind {
            // `not null` goes with the attributes of columns
            ConstraintKind::NotNull => 4,
            ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclusion => 5,
            ConstraintKind::Check(_) | ConstraintKind::ForeignKey { .. } => 6,
        },
        ActionKind::SetDefault(..) | ActionKind::AddIdentity(_) => 6,
        _ => 7,
    }
}
