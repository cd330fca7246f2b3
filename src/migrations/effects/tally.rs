//! The sum of what a statement does, as it is added up.

use super::super::catalog::{Lookup, QName, Relation, RelationKind};
use super::super::command::{Name, Persistence};
use super::{Before, Effects, Failure, Locked, Work, Written};
use crate::lock::LockMode;
use std::collections::{BTreeMap, BTreeSet};

/// So deep are functions followed that call functions.
const DEPTH: usize = 16;

/// Relations of extensions that stand in the schema they were made in.
const OF_EXTENSIONS: [&str; 5] =
    ["geography_columns", "geometry_columns", "raster_columns", "raster_overviews", "spatial_ref_sys"];

/// What has been added up.
pub(super) struct Tally<'a> {
    pub(super) before: Before<'a>,
    pub(super) effects: Effects,
    /// The member of the statement's list that is being looked at.
    pub(super) action: usize,
    locks: BTreeMap<QName, Locked>,
    /// Relations that work was put down for, by what and for whom, so that it is put down once.
    rewritten: BTreeSet<QName>,
    /// How many bodies of procedural code are being looked into, and whether what is looked at may not run.
    depth: usize,
    is_branch: bool,
    called: BTreeSet<QName>,
    /// Relations that an earlier part of the statement makes: nobody else sees them.
    made: BTreeSet<QName>,
}

/// Work as the ones who find it describe it.
#[derive(Debug, Clone, Default)]
pub(super) struct Reason {
    pub(super) because: String,
    pub(super) part: Option<String>,
    pub(super) assumed: Option<String>,
}

impl Reason {
    /// A clause.
    pub(super) fn new(because: impl Into<String>) -> Self {
        Self { because: because.into(), ..Self::default() }
    }

    /// What it is about.
    pub(super) fn part(self, part: impl Into<String>) -> Self {
        Self { part: Some(part.into()), ..self }
    }

    /// Why it is not sure, where it is not.
    pub(super) fn assumed(self, assumed: Option<String>) -> Self {
        Self { assumed, ..self }
    }
}

impl<'a> Tally<'a> {
    pub(super) fn new(before: Before<'a>) -> Self {
        Self {
            before,
            effects: Effects::default(),
            action: 0,
            locks: BTreeMap::new(),
            rewritten: BTreeSet::new(),
            depth: 0,
            is_branch: false,
            called: BTreeSet::new(),
            made: BTreeSet::new(),
        }
    }

    /// The effects, in order.
    pub(super) fn finish(self) -> Effects {
        let Self { mut effects, locks, rewritten, .. } = self;
        // A rewrite reads every row and builds every index anew; nothing is read or built besides.
        effects.scans.retain(|work| !rewritten.contains(&work.relation));
        effects.builds.retain(|work| !rewritten.contains(&work.relation));
        let works = [&mut effects.rewrites, &mut effects.scans, &mut effects.builds, &mut effects.validations];
        for work in works.into_iter().flatten() {
            if let Some(locked) = locks.get(&work.relation) {
                work.mode = locked.mode.clone();
            }
        }
        effects.locks = locks.into_values().collect();
        effects
    }

    // --- what is known -------------------------------------------------------------------------------------------------

    pub(super) fn major(&self) -> u16 {
        self.before.major
    }

    /// A relation, where it is known.
    pub(super) fn known(&self, name: &QName) -> Option<&'a Relation> {
        self.before.catalog.get(name).known()
    }

    /// The relation that a name means; none where it is sure not to be there, which is a failure unless the statement
    /// allows for it.
    pub(super) fn existing(&mut self, name: &Name, if_exists: bool) -> Option<QName> {
        self.existing_or(name, if_exists, "42P01", "relation")
    }

    /// Likewise, with the SQLSTATE and the word that the server has for it.
    pub(super) fn existing_or(
        &mut self,
        name: &Name,
        if_exists: bool,
        sqlstate: &'static str,
        word: &str,
    ) -> Option<QName> {
        let resolved = self.before.catalog.resolve(name);
        if self.made.contains(&resolved) {
            return Some(resolved);
        }
        match self.before.catalog.get(&resolved) {
            // what extensions make stands in no dump
            Lookup::Absent if self.is_of_extension(&resolved) => Some(resolved),
            Lookup::Absent => {
                if !if_exists {
                    self.fail(sqlstate, format!("{word} \"{name}\" does not exist"));
                }
                None
            }
            Lookup::Known(_) | Lookup::Unknown => Some(resolved),
        }
    }

    /// Whether a relation may be one that an extension made.
    fn is_of_extension(&self, name: &QName) -> bool {
        !self.before.catalog.has_schema(&name.schema) || OF_EXTENSIONS.contains(&&*name.name)
    }

    /// Whether nobody else can be using a relation: it came to be in this script, or is the session's own.
    pub(super) fn is_new(&self, name: &QName) -> bool {
        self.known(name).is_some_and(|relation| {
            relation.persistence == Persistence::Temporary || self.before.session.is_new(relation.born)
        })
    }

    /// Whether a relation is new and nothing has filled it.
    pub(super) fn is_empty(&self, name: &QName) -> bool {
        self.known(name).is_some_and(|relation| {
            !relation.has_rows
                && (self.before.session.is_new(relation.born) || self.is_partitioned(name) && self.is_hollow(relation))
        })
    }

    /// Whether a partitioned table has partitions that are new and empty only.
    fn is_hollow(&self, relation: &Relation) -> bool {
        relation.is_complete && relation.children.iter().all(|child| self.is_new(child) && self.is_empty(child))
    }

    /// Whether a relation is known to be partitioned.
    pub(super) fn is_partitioned(&self, name: &QName) -> bool {
        self.known(name).is_some_and(Relation::is_partitioned)
    }

    /// A relation and everything below it: partitions, inheriting tables.
    pub(super) fn family(&self, name: &QName) -> Vec<QName> {
        let mut all = vec![name.clone()];
        let mut seen: BTreeSet<QName> = all.iter().cloned().collect();
        let mut next = 0;
        while let Some(name) = all.get(next) {
            next += 1;
            let children = self.known(name).map(|relation| &relation.children);
            for child in children.into_iter().flatten() {
                if seen.insert(child.clone()) {
                    all.push(child.clone());
                }
            }
        }
        all
    }

    /// Whether a relation keeps rows of its own, on this server.
    pub(super) fn has_storage(&self, name: &QName) -> bool {
        self.known(name)
            .is_none_or(|relation| matches!(relation.kind, RelationKind::Table | RelationKind::MaterializedView))
    }

    // --- locks ---------------------------------------------------------------------------------------------------------

    /// A lock on a relation; the strongest counts.
    pub(super) fn lock(&mut self, relation: &QName, mode: LockMode, is_indirect: bool) {
        let is_new = self.is_new(relation);
        self.take(relation.clone(), mode, false, is_new, is_indirect);
    }

    /// A lock on an index.
    pub(super) fn lock_index(&mut self, table: &QName, index: &str, mode: LockMode, is_indirect: bool) {
        let born = self.known(table).and_then(|relation| relation.index(index)).and_then(|index| index.born);
        let is_new = self.is_new(table) || self.before.session.is_new(born);
        self.take(QName::new(&table.schema, index), mode, true, is_new, is_indirect);
    }

    /// A lock on every index of a table.
    pub(super) fn lock_indexes(&mut self, table: &QName, mode: &LockMode) {
        for index in self.known(table).into_iter().flat_map(|relation| &relation.indexes) {
            self.lock_index(table, &index.name, mode.clone(), true);
        }
    }

    /// A lock on a relation and on all below it.
    pub(super) fn lock_family(&mut self, relation: &QName, mode: &LockMode, is_indirect: bool) {
        for (number, member) in self.family(relation).iter().enumerate() {
            self.lock(member, mode.clone(), is_indirect || number > 0);
        }
    }

    fn take(&mut self, relation: QName, mode: LockMode, is_index: bool, is_new: bool, is_indirect: bool) {
        if self.made.contains(&relation) {
            return;
        }
        match self.locks.get_mut(&relation) {
            Some(held) => {
                held.is_indirect &= is_indirect;
                if held.mode < mode {
                    held.mode = mode;
                }
            }
            None => {
                let locked = Locked { relation: relation.clone(), mode, is_index, is_new, is_indirect };
                self.locks.insert(relation, locked);
            }
        }
    }

    // --- work ----------------------------------------------------------------------------------------------------------

    fn work(&self, relation: &QName, reason: Reason) -> Work {
        Work {
            relation: relation.clone(),
            because: reason.because,
            is_new: self.made.contains(relation) || self.is_new(relation) && self.is_empty(relation),
            assumed: reason.assumed,
            part: reason.part,
            mode: LockMode::AccessShare,
            action: self.action,
        }
    }

    /// A rewrite of a relation that keeps rows, and of its indexes with it.
    pub(super) fn rewrite(&mut self, relation: &QName, reason: Reason) {
        self.lock_indexes(relation, &LockMode::AccessExclusive);
        self.rewritten.insert(relation.clone());
        let work = self.work(relation, reason);
        self.effects.rewrites.push(work);
    }

    /// Files that are copied as they are, without the indexes.
    pub(super) fn copy(&mut self, relation: &QName, reason: Reason) {
        let work = self.work(relation, reason);
        self.effects.rewrites.push(work);
    }

    /// Whether a relation is rewritten by what has been looked at.
    pub(super) fn is_rewritten(&self, relation: &QName) -> bool {
        self.rewritten.contains(relation)
    }

    /// A scan.
    pub(super) fn scan(&mut self, relation: &QName, reason: Reason) {
        let work = self.work(relation, reason);
        self.effects.scans.push(work);
    }

    /// The build of an index of a table.
    pub(super) fn build(&mut self, table: &QName, reason: Reason) {
        let work = self.work(table, reason);
        self.effects.builds.push(work);
    }

    /// The validation of a foreign key of a table.
    pub(super) fn validate(&mut self, table: &QName, reason: Reason) {
        let work = self.work(table, reason);
        self.effects.validations.push(work);
    }

    /// A scan that is not needed.
    pub(super) fn prove(&mut self, because: String) {
        self.effects.proven.push(because);
    }

    /// Rows that are written.
    pub(super) fn write(&mut self, written: Written) {
        self.effects.writes.push(written);
    }

    // --- failures ------------------------------------------------------------------------------------------------------

    /// The statement fails. Within procedural code what comes before may have made what is missing, and a branch may not
    /// run: nothing is claimed of it.
    pub(super) fn fail(&mut self, sqlstate: &'static str, message: impl Into<String>) {
        self.put_failure(sqlstate, message.into(), |_| {});
    }

    /// It fails where there are rows.
    pub(super) fn fail_with_rows(&mut self, sqlstate: &'static str, message: impl Into<String>) {
        self.put_failure(sqlstate, message.into(), |failure| failure.only_with_rows = true);
    }

    /// It fails because of the transaction it is in.
    pub(super) fn fail_in_transaction(&mut self, sqlstate: &'static str, message: impl Into<String>) {
        self.put_failure(sqlstate, message.into(), |failure| failure.because_of_transaction = true);
    }

    /// It needs a newer major: a failure where the target is older.
    pub(super) fn needs(&mut self, major: u16, sqlstate: &'static str, what: &str) {
        if self.before.major < major {
            self.put_failure(sqlstate, format!("{what} needs PostgreSQL {major}"), |failure| {
                failure.needs_major = Some(major);
            });
        }
    }

    fn put_failure(&mut self, sqlstate: &'static str, message: String, change: impl FnOnce(&mut Failure)) {
        let mut failure = Failure {
            sqlstate,
            message,
            only_with_rows: false,
            because_of_transaction: false,
            needs_major: None,
            action: self.action,
        };
        change(&mut failure);
        if self.depth == 0 || (failure.needs_major.is_some() || failure.because_of_transaction) && !self.is_branch {
            self.effects.failures.push(failure);
        }
    }

    /// The server refuses it in a transaction block.
    pub(super) fn no_transaction(&mut self, words: &str) {
        self.effects.no_transaction = true;
        if self.before.session.is_in_transaction() || self.depth > 0 {
            let words = words.to_uppercase();
            self.fail_in_transaction("25001", format!("{words} cannot run inside a transaction block"));
        }
    }

    // --- procedural code -----------------------------------------------------------------------------------------------

    /// Looks into a piece of procedural code.
    pub(super) fn inside(&mut self, look: impl FnOnce(&mut Self)) {
        if self.depth >= DEPTH {
            self.effects.unread.push("functions that call each other more deeply than is followed".to_owned());
            return;
        }
        self.depth += 1;
        look(self);
        self.depth -= 1;
    }

    /// Looks at what may be in a branch.
    pub(super) fn in_branch(&mut self, is_branch: bool, look: impl FnOnce(&mut Self)) {
        let outer = self.is_branch;
        self.is_branch |= is_branch;
        look(self);
        self.is_branch = outer;
    }

    /// The statement makes a relation.
    pub(super) fn make(&mut self, name: QName) {
        self.made.insert(name);
    }

    /// Whether a function is looked into for the first time.
    pub(super) fn calls(&mut self, function: &QName) -> bool {
        self.called.insert(function.clone())
    }
}
