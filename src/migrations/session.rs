//! The session that runs a migration: the transaction it is in, the settings in effect, the locks it holds.

use super::catalog::{Birth, Catalog, QName};
use crate::lock::LockMode;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who began a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Began {
    /// The script's own `begin`.
    Script,
    /// The runner.
    Runner,
    /// Nobody: several statements were sent as one query.
    Implicit,
}

/// A transaction that is open.
#[derive(Debug, Clone)]
pub struct OpenTransaction {
    /// Its number, over the whole replay.
    pub id: u32,
    /// Who began it.
    pub began: Began,
    /// The step that began it, or its first one.
    pub first_step: usize,
    /// The catalog and the settings it would go back to, innermost savepoint last; the first is the transaction's own.
    pub marks: Vec<Mark>,
}

/// A place a transaction can go back to.
#[derive(Debug, Clone)]
pub struct Mark {
    /// The savepoint's name; empty for the transaction itself.
    pub name: String,
    /// The schema as it was.
    pub catalog: Catalog,
    /// The settings as they were.
    pub settings: Settings,
    /// How many locks were held.
    pub held: usize,
}

/// A lock that is held to the end of the transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The relation.
    pub relation: QName,
    /// The mode.
    pub mode: LockMode,
    /// The step that took it.
    pub step: usize,
    /// Whether it is an index.
    pub is_index: bool,
    /// Whether nobody else can be waiting for it.
    pub is_new: bool,
}

/// A timeout in effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timeout {
    /// Nobody set it here; the configuration may say that the runner does.
    #[default]
    Unset,
    /// It was set to 0: no limit.
    Off,
    /// Milliseconds.
    Milliseconds(u64),
    /// It was set, to something that is not known (`${timeout}`, a parameter).
    Unknown,
}

impl Timeout {
    /// Whether a statement that waits is ended by it.
    pub fn is_on(self) -> bool {
        matches!(self, Self::Milliseconds(_) | Self::Unknown)
    }
}

/// The settings that a migration's effects depend on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// By name, in lower case; what was set and is in effect.
    pub values: BTreeMap<String, Vec<String>>,
}

/// The session at one moment of the replay.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// The transaction it is in.
    pub transaction: Option<OpenTransaction>,
    /// The settings in effect.
    pub settings: Settings,
    /// The settings that come back when the transaction ends: before `set local`.
    pub outer_settings: Option<Settings>,
    /// The locks held.
    pub held: Vec<Held>,
    /// The script that runs: an index into the scripts of the review.
    pub script: usize,
    /// The step that runs.
    pub step: usize,
    /// By script, whether it is not released yet (`--since`): what such a script made has no rows and no readers. Empty
    /// where nothing says so.
    pub unreleased: Arc<[bool]>,
}

impl Session {
    /// Whether something came to be where nobody else can be using it: in this script, or in one that is released with it.
    pub fn is_new(&self, born: Option<Birth>) -> bool {
        born.is_some_and(|born| {
            born.script == self.script || self.unreleased.get(born.script).copied().unwrap_or_default()
        })
    }

    /// Whether a statement runs in a transaction block.
    pub fn is_in_transaction(&self) -> bool {
        self.transaction.is_some()
    }
}
