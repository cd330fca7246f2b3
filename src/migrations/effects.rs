//! What a statement does to a running database: the locks it takes, what it rewrites, scans, builds and validates, whether
//! it can run in a transaction, whether it fails.
//!
//! Every line of it comes from measurements on real servers, `migration-effects.tsv`, which the tests replay. Rules ask
//! questions of effects; they never look at the words of a statement for what these say.

use super::catalog::{Catalog, QName};
use super::command::Command;
use super::session::Session;
use crate::lock::LockMode;

/// A lock that a statement takes on a relation that was there before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The relation: a table, an index, a view, a sequence.
    pub relation: QName,
    /// The mode.
    pub mode: LockMode,
    /// Whether it is an index.
    pub is_index: bool,
    /// Whether nobody else can be waiting: the relation came to be in this script, or is the session's own.
    pub is_new: bool,
    /// Whether it is only taken because of another one: the other side of a foreign key, a partition, an inheriting table.
    pub is_indirect: bool,
}

/// Work over all rows of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The relation.
    pub relation: QName,
    /// Why, as a clause: `the default random() differs for every row`.
    pub because: String,
    /// Whether there is nothing to do: the relation came to be in this script and nothing has filled it.
    pub is_new: bool,
    /// Whether it is taken for granted, since what decides it is not known: `the type of orders.total is not known`.
    pub assumed: Option<String>,
    /// The column, constraint or index it is about, where it is one.
    pub part: Option<String>,
    /// The mode of the lock under which it happens.
    pub mode: LockMode,
    /// The member of the statement's list it comes from: an action of `alter table`; 0 where there is one only.
    pub action: usize,
}

/// Why a statement does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The SQLSTATE the server gives.
    pub sqlstate: &'static str,
    /// Its message, or what it is like.
    pub message: String,
    /// Whether it fails only where there are rows.
    pub only_with_rows: bool,
    /// Whether it fails because of the transaction it is in.
    pub because_of_transaction: bool,
    /// Whether the target version is what lacks something; then the first major that has it.
    pub needs_major: Option<u16>,
    /// The member of the statement's list it comes from.
    pub action: usize,
}

/// Rows that a data statement changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The table.
    pub relation: QName,
    /// Whether all its rows may be: no condition, or none that a key bounds.
    pub is_unbounded: bool,
    /// Whether it has a condition at all.
    pub has_condition: bool,
    /// Whether the table came to be in this script.
    pub is_new: bool,
    /// What it does: `update`, `delete`, `insert … select`, `merge`, `copy`.
    pub verb: &'static str,
}

/// What a statement does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    /// The strongest lock on each relation that was there before, in order of the relations' names.
    pub locks: Vec<Locked>,
    /// Relations whose rows are written anew, with all their indexes.
    pub rewrites: Vec<Work>,
    /// Relations that are read to their end to verify something.
    pub scans: Vec<Work>,
    /// Indexes that are built, but for those of a rewrite.
    pub builds: Vec<Work>,
    /// Foreign keys that are validated; the relation is the referencing one, the part the constraint.
    pub validations: Vec<Work>,
    /// What it would have scanned, and why it need not: `a valid check proves it`.
    pub proven: Vec<String>,
    /// Rows it changes.
    pub writes: Vec<Written>,
    /// Whether the server refuses it in a transaction block.
    pub no_transaction: bool,
    /// Why it fails, where it does.
    pub failures: Vec<Failure>,
    /// What of it could not be read, and what could not be told: `execute of a string that is built`.
    pub unread: Vec<String>,
}

impl Effects {
    /// The lock on a relation.
    pub fn lock_on(&self, relation: &QName) -> Option<&Locked> {
        self.locks.iter().find(|locked| &locked.relation == relation)
    }

    /// The strongest mode of its locks on relations that others can be using.
    pub fn strongest(&self) -> Option<&Locked> {
        self.locks.iter().filter(|locked| !locked.is_new && !locked.is_index).max_by(|a, b| a.mode.cmp(&b.mode))
    }

    /// All work over rows that are there: rewrites, scans, builds and validations.
    pub fn work(&self) -> impl Iterator<Item = &Work> {
        let all = [&self.rewrites, &self.scans, &self.builds, &self.validations];
        all.into_iter().flatten().filter(|work| !work.is_new)
    }
}

/// What effects are computed from.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// The schema before the statement.
    pub catalog: &'a Catalog,
    /// The session before the statement.
    pub session: &'a Session,
    /// The major version it will run on.
    pub major: u16,
}
