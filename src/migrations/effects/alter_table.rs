//! `alter table`, and what is alike: the lock on the table is the strongest that any of its actions needs, and is taken
//! before the first.

mod columns;
mod type_changes;

use super::super::catalog::{QName, Relation, RelationKind};
use super::super::command::{
    Action, ActionKind, Constraint, ConstraintKind, Name, ObjectKind, Persistence, ReplicaIdentity,
};
use super::tally::{Reason, Tally};
use super::{constraints, partitions};
use crate::lock::LockMode;
pub(super) use columns::{enum_default_of, sequence_of, verify_not_null};

/// An `alter table` that is being looked at.
pub(super) struct Alter<'t, 'a> {
    pub(super) tally: &'t mut Tally<'a>,
    /// The table.
    pub(super) table: QName,
    /// What is known of it.
    pub(super) relation: Option<&'a Relation>,
    /// `only`.
    pub(super) only: bool,
    /// The lock on the table.
    pub(super) mode: LockMode,
    /// Constraints that the statement drops: that comes first, wherever it stands.
    pub(super) dropped: Vec<String>,
    /// Columns that the statement adds: constraints may name them.
    pub(super) added: Vec<String>,
    /// Constraints that the statement adds.
    pub(super) adds: Vec<Constraint>,
    /// The table and what is below it, once it is locked.
    family: Option<Vec<QName>>,
}

/// Storage parameters whose change stops readers; all others do not.
const STRONG_OPTIONS: [&str; 10] = [
    "user_catalog_table",
    "security_barrier",
    "security_invoker",
    "check_option",
    "fastupdate",
    "buffering",
    "pages_per_range",
    "autosummarize",
    "gin_pending_list_limit",
    "length",
];

fn level(action: &ActionKind) -> LockMode {
    match action {
        ActionKind::SetStatistics(_)
        | ActionKind::SetColumnOptions(_)
        | ActionKind::ClusterOn(_)
        | ActionKind::SetWithoutCluster
        | ActionKind::ValidateConstraint(_)
        | ActionKind::AttachPartition { .. }
        | ActionKind::AttachIndex(_) => LockMode::ShareUpdateExclusive,
        ActionKind::DetachPartition { concurrently, finalize, .. } if *concurrently || *finalize => {
            LockMode::ShareUpdateExclusive
        }
        ActionKind::AddConstraint(constraint) if matches!(constraint.kind, ConstraintKind::ForeignKey { .. }) => {
            LockMode::ShareRowExclusive
        }
        ActionKind::Trigger { .. } => LockMode::ShareRowExclusive,
        ActionKind::SetOptions(names) | ActionKind::ResetOptions(names) => {
            match names.iter().any(|name| STRONG_OPTIONS.contains(&name.as_str())) {
                true => LockMode::AccessExclusive,
                false => LockMode::ShareUpdateExclusive,
            }
        }
        _ => LockMode::AccessExclusive,
    }
}

/// Adds up an `alter table`.
pub(super) fn alter_table(
    tally: &mut Tally<'_>,
    kind: ObjectKind,
    name: &Name,
    only: bool,
    if_exists: bool,
    actions: &[Action],
) {
    let mode = actions.iter().map(|action| level(&action.kind)).max().unwrap_or(LockMode::AccessExclusive);
    if let Some((table, index)) = super::maintenance::index_of(tally, name) {
        return alter_index(tally, &table, &index, mode, actions);
    }
    if kind == ObjectKind::Index {
        return alter_unknown_index(tally, name, if_exists, mode);
    }
    let Some(table) = tally.existing(name, if_exists) else { return };
    let relation = tally.known(&table);
    tally.lock(&table, mode.clone(), false);
    let dropped = actions.iter().filter_map(|action| match &action.kind {
        ActionKind::DropConstraint { name, .. } => Some(name.clone()),
        _ => None,
    });
    let added = actions.iter().filter_map(|action| match &action.kind {
        ActionKind::AddColumn { column, .. } => Some(column.name.clone()),
        _ => None,
    });
    let adds = actions.iter().filter_map(|action| match &action.kind {
        ActionKind::AddConstraint(constraint) => Some(constraint.clone()),
        _ => None,
    });
    let (dropped, added, adds) = (dropped.collect(), added.collect(), adds.collect());
    let mut alter = Alter { tally, table, relation, only, mode, dropped, added, adds, family: None };
    // The server adds columns before it adds what else stands beside them, and rewrites once for all actions.
    for (number, action) in actions.iter().enumerate() {
        alter.tally.action = number;
        alter.action(&action.kind);
    }
    alter.tally.action = 0;
    type_changes::after(&mut alter, actions);
}

/// `alter index`, and `alter table` of an index.
fn alter_index(tally: &mut Tally<'_>, table: &QName, index: &str, mode: LockMode, actions: &[Action]) {
    tally.lock_index(table, index, mode, false);
    for (number, action) in actions.iter().enumerate() {
        tally.action = number;
        match &action.kind {
            ActionKind::AttachIndex(part) => {
                if let Some((partition, part)) = super::maintenance::index_of(tally, part) {
                    tally.lock_index(&partition, &part, LockMode::AccessExclusive, true);
                }
            }
            ActionKind::SetTablespace(tablespace) if tablespace != "pg_default" => {
                let assumed = Some(format!("where {index} lies now is not known"));
                let because = format!("{index} moves to the tablespace {tablespace}");
                tally.build(table, Reason::new(because).part(index).assumed(assumed));
            }
            _ => {}
        }
    }
    tally.action = 0;
}

fn alter_unknown_index(tally: &mut Tally<'_>, name: &Name, if_exists: bool, mode: LockMode) {
    if tally.before.catalog.is_complete() {
        if !if_exists {
            tally.fail("42P01", format!("relation \"{name}\" does not exist"));
        }
        return;
    }
    let index = tally.before.catalog.resolve(name);
    tally.lock_index(&index, &name.name, mode, false);
    tally.effects.unread.push(format!("which table the index {name} is of"));
}

impl<'a> Alter<'_, 'a> {
    /// Its name for messages.
    pub(super) fn name(&self) -> String {
        self.table.to_string()
    }

    /// Whether all of the table is known.
    pub(super) fn is_complete(&self) -> bool {
        self.relation.is_some_and(|relation| relation.is_complete)
    }

    /// Whether there is something below the table.
    pub(super) fn has_children(&self) -> bool {
        self.relation.is_some_and(|relation| !relation.children.is_empty())
    }

    pub(super) fn is_partitioned(&self) -> bool {
        self.relation.is_some_and(Relation::is_partitioned)
    }

    /// Whether it is a view or a sequence: nothing is rewritten or read then.
    fn has_rows_to_change(&self) -> bool {
        self.relation.is_none_or(|relation| {
            !matches!(relation.kind, RelationKind::View | RelationKind::Sequence | RelationKind::ForeignTable)
        })
    }

    /// The table and what is below it, locked as the table is; the table alone for `only`.
    pub(super) fn locked_family(&mut self) -> Vec<QName> {
        if self.only {
            return vec![self.table.clone()];
        }
        if self.family.is_none() {
            let mode = self.mode.clone();
            self.tally.lock_family(&self.table, &mode, false);
        }
        self.family.get_or_insert_with(|| self.tally.family(&self.table)).clone()
    }

    /// Those of the family that keep rows.
    pub(super) fn locked_leaves(&mut self) -> Vec<QName> {
        let family = self.locked_family();
        if !self.has_rows_to_change() {
            return Vec::new();
        }
        family.into_iter().filter(|name| self.tally.has_storage(name)).collect()
    }

    /// A failure unless the table is known to have the column, or may have it.
    pub(super) fn needs_column(&mut self, column: &str) -> bool {
        let is_there = self.relation.is_some_and(|relation| relation.column(column).is_some());
        if is_there || !self.is_complete() || self.added.iter().any(|added| added == column) {
            return true;
        }
        let table = self.name();
        self.tally.fail("42703", format!("column \"{column}\" of relation \"{table}\" does not exist"));
        false
    }

    /// Whether a column comes from a parent.
    pub(super) fn is_inherited(&self, column: &str) -> bool {
        let Some(relation) = self.relation else { return false };
        let parents = relation.parents.iter().chain(relation.partition_of.as_ref().map(|(parent, _)| parent));
        parents.into_iter().any(|parent| self.tally.known(parent).is_some_and(|parent| parent.column(column).is_some()))
    }

    /// Whether a column is in the key that the table, or a partition of it, is parted by.
    pub(super) fn is_partition_key(&self, column: &str) -> bool {
        self.tally.family(&self.table).iter().any(|member| {
            let by = self.tally.known(member).and_then(|relation| relation.partition_by.as_ref());
            by.is_some_and(|by| by.key.iter().flatten().any(|key| key == column))
        })
    }

    /// A failure where `only` leaves partitions behind.
    pub(super) fn only_fails(&mut self, what: &str) -> bool {
        let fails = self.only && self.has_children();
        if fails {
            self.tally.fail("42P16", format!("{what} must be added to child tables too"));
        }
        fails
    }

    fn action(&mut self, action: &ActionKind) {
        match action {
            ActionKind::AddColumn { column, if_not_exists } => columns::add(self, column, *if_not_exists),
            ActionKind::DropColumn { column, if_exists, cascade } => columns::drop(self, column, *if_exists, *cascade),
            ActionKind::AlterType { column, type_name, collation, using } => {
                type_changes::change(self, column, type_name, collation.as_ref(), using.as_ref());
            }
            ActionKind::SetDefault(column, default) => {
                if self.needs_column(column) {
                    self.locked_family();
                    columns::enum_default(self, column, default);
                }
            }
            ActionKind::DropDefault(column) | ActionKind::SetStorage(column) => {
                if self.needs_column(column) {
                    self.locked_family();
                }
            }
            ActionKind::SetStatistics(column) => {
                if column.parse::<u32>().is_ok() || self.needs_column(column) {
                    self.locked_family();
                }
            }
            ActionKind::SetColumnOptions(column) | ActionKind::SetCompression(column) => {
                self.needs_column(column);
            }
            ActionKind::SetNotNull(column) => columns::set_not_null(self, column),
            ActionKind::DropNotNull(column) => columns::drop_not_null(self, column),
            ActionKind::SetExpression(column, _) => columns::set_expression(self, column),
            ActionKind::DropExpression(column) => {
                if self.needs_column(column) {
                    self.locked_family();
                }
            }
            ActionKind::AddIdentity(column) => columns::add_identity(self, column),
            ActionKind::SetIdentity(column) => columns::lock_sequences(self, column, &LockMode::ShareRowExclusive),
            ActionKind::DropIdentity(column) => columns::lock_sequences(self, column, &LockMode::AccessExclusive),
            ActionKind::AddConstraint(constraint) => constraints::add(self, constraint),
            ActionKind::ValidateConstraint(name) => constraints::validate(self, name),
            ActionKind::DropConstraint { name, if_exists, cascade } => {
                constraints::drop(self, name, *if_exists, *cascade);
            }
            ActionKind::AlterConstraint { name, enforced, inherit } => {
                constraints::alter(self, name, *enforced, *inherit);
            }
            ActionKind::AttachPartition { partition, bound } => partitions::attach(self, partition, bound),
            ActionKind::DetachPartition { partition, concurrently, finalize } => {
                partitions::detach(self, partition, *concurrently, *finalize);
            }
            ActionKind::Inherit(parent) => {
                if let Some(parent) = self.tally.existing(parent, false) {
                    self.tally.lock(&parent, LockMode::ShareUpdateExclusive, true);
                }
            }
            ActionKind::SetLogged => self.set_persistence(Persistence::Permanent),
            ActionKind::SetUnlogged => self.set_persistence(Persistence::Unlogged),
            ActionKind::SetTablespace(tablespace) => self.set_tablespace(tablespace),
            ActionKind::SetAccessMethod(method) => self.set_access_method(method.as_deref()),
            ActionKind::SetOptions(names) => self.set_options(names),
            ActionKind::ReplicaIdentity(ReplicaIdentity::Index(index)) => self.lock_index(index, LockMode::Share),
            ActionKind::ClusterOn(index) => self.lock_index(index, LockMode::ShareUpdateExclusive),
            ActionKind::Trigger { name, .. } => self.set_trigger(name.as_deref()),
            ActionKind::OwnerTo => self.set_owner(),
            ActionKind::Other(words) => self.tally.effects.unread.push(format!("what {words} does")),
            ActionKind::AttachIndex(_)
            | ActionKind::NoInherit(_)
            | ActionKind::ResetOptions(_)
            | ActionKind::ReplicaIdentity(_)
            | ActionKind::RowSecurity(_)
            | ActionKind::SetWithoutCluster
            | ActionKind::Rule { .. }
            | ActionKind::OfType
            | ActionKind::ForeignOptions => {}
        }
    }

    fn lock_index(&mut self, index: &str, mode: LockMode) {
        if self.is_complete() && self.relation.is_some_and(|relation| relation.index(index).is_none()) {
            let table = self.name();
            return self.tally.fail("42704", format!("index \"{index}\" for table \"{table}\" does not exist"));
        }
        let table = self.table.clone();
        self.tally.lock_index(&table, index, mode, true);
    }

    fn set_persistence(&mut self, to: Persistence) {
        let word = if to == Persistence::Permanent { "logged" } else { "unlogged" };
        let Some(relation) = self.relation else {
            let assumed = Some(format!("whether {} is {word} already is not known", self.table));
            let because = format!("{} becomes {word}", self.table);
            return self.rewrite_table(Reason::new(because).assumed(assumed));
        };
        if relation.is_partitioned() {
            if self.tally.major() >= 18 {
                let action = format!("SET {}", word.to_uppercase());
                let message = format!("ALTER action {action} cannot be performed on relation \"{}\"", self.table);
                self.tally.fail("42809", message);
            }
            return;
        }
        if relation.kind == RelationKind::Sequence {
            return;
        }
        if relation.persistence == Persistence::Temporary {
            let message = format!("cannot change logged status of table \"{}\" because it is temporary", self.table);
            return self.tally.fail("42P16", message);
        }
        if relation.is_complete && relation.persistence == to {
            return;
        }
        if let Some(other) = self.conflict(relation, to) {
            let verb = if to == Persistence::Permanent { "references unlogged" } else { "references logged" };
            let message =
                format!("could not change table \"{}\" to {word} because it {verb} table \"{other}\"", self.table);
            return self.tally.fail("42P16", message);
        }
        let known = relation.is_complete || relation.persistence != to;
        let assumed = (!known).then(|| format!("whether {} is {word} already is not known", self.table));
        self.rewrite_table(Reason::new(format!("{} becomes {word}", self.table)).assumed(assumed));
        if self.tally.major() >= 15 {
            for sequence in &relation.owns {
                self.tally.lock(sequence, LockMode::AccessExclusive, true);
            }
        }
    }

    /// A table on the other side of a foreign key that forbids the change.
    fn conflict(&self, relation: &Relation, to: Persistence) -> Option<QName> {
        let is = |name: &QName, wanted: Persistence| {
            self.tally.known(name).is_some_and(|other| other.persistence == wanted) && *name != self.table
        };
        if to == Persistence::Permanent {
            let referenced = relation.constraints.iter().filter_map(|constraint| constraint.references.as_ref());
            return referenced.map(|(name, _)| name).find(|name| is(name, Persistence::Unlogged)).cloned();
        }
        relation.referenced_by.iter().find(|name| is(name, Persistence::Permanent)).cloned()
    }

    fn rewrite_table(&mut self, reason: Reason) {
        let table = self.table.clone();
        self.tally.rewrite(&table, reason);
    }

    fn set_tablespace(&mut self, tablespace: &str) {
        if self.is_partitioned() || !self.has_rows_to_change() {
            return;
        }
        let table = self.name();
        if tablespace == "pg_default" {
            return self.tally.effects.unread.push(format!("whether {table} lies in pg_default already"));
        }
        let assumed = Some(format!("where {table} lies now is not known"));
        let because = format!("{table} moves to the tablespace {tablespace}");
        // the files are copied as they are, indexes stay where they are
        let reason = Reason::new(because).assumed(assumed);
        let target = self.table.clone();
        self.tally.copy(&target, reason);
    }

    fn set_access_method(&mut self, method: Option<&str>) {
        self.tally.needs(15, "42601", "set access method");
        if self.is_partitioned() {
            if (15..17).contains(&self.tally.major()) {
                self.tally.fail("42809", "cannot change access method of a partitioned table");
            }
            return;
        }
        match method {
            Some("heap") => {}
            method => {
                let method = method.unwrap_or("the default");
                let table = self.name();
                let assumed = Some(format!("the access method of {table} now is not known"));
                self.rewrite_table(Reason::new(format!("{table} gets the access method {method}")).assumed(assumed));
            }
        }
    }

    fn set_options(&mut self, names: &[String]) {
        if self.is_partitioned() && !names.is_empty() {
            match self.tally.major() {
                16.. => self.tally.fail("42809", "cannot specify storage parameters for a partitioned table"),
                _ => self.tally.fail("22023", format!("unrecognized parameter \"{}\"", names.join("\", \""))),
            }
        }
        if names.iter().any(|name| name == "security_invoker") {
            self.tally.needs(15, "22023", "security_invoker");
        }
    }

    fn set_trigger(&mut self, name: Option<&str>) {
        let Some(relation) = self.relation.filter(|relation| relation.is_partitioned()) else { return };
        let is_cloned = match name {
            Some(name) => relation.row_triggers.contains(name),
            None => !relation.row_triggers.is_empty(),
        };
        if is_cloned {
            self.locked_family();
        }
    }

    /// A new owner owns the indexes and the sequences too.
    fn set_owner(&mut self) {
        let table = self.table.clone();
        self.tally.lock_indexes(&table, &LockMode::AccessExclusive);
        for sequence in self.relation.map(|relation| &relation.owns).into_iter().flatten() {
            self.tally.lock(sequence, LockMode::AccessExclusive, true);
        }
    }
}
