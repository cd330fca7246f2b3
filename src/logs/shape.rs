//! A shape of statement with its text, and what the rest asks of it.

use super::analysis::{Analysis, Command, Role, analyse};
use super::lexer::{Slot, SlotKind};
use super::secret::Suspect;
use super::workload::{OTHER, QueryLoad};
use crate::fingerprint::{FingerprintKind, StatementKind};

/// A shape: all texts that differ in their values only.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// The text with a parameter for each slot.
    pub text: String,
    /// What it is.
    pub analysis: Analysis,
    /// The identity of the query: pg_query's fingerprint, but for what that does not tell apart.
    pub fingerprint: String,
    /// What the identity was made from.
    pub fingerprint_kind: FingerprintKind,
    /// What it gives away where its values are logged.
    pub suspect: Option<Suspect>,
}

impl Shape {
    /// Of a text that has it. On a thread with a large stack: parsers go as deep as the text nests.
    pub fn of(text: String, original: &str) -> Self {
        let analysis = analyse(&text, original);
        // any two `do` blocks, and any two strings of several statements, may have one fingerprint
        let (fingerprint, fingerprint_kind) = match &analysis.text_hash {
            Some(hash) => (hash.clone(), FingerprintKind::Shape),
            None => (analysis.fingerprint.clone(), analysis.fingerprint_kind.clone()),
        };
        let suspect = Suspect::of(&text, &analysis);
        Self { text, analysis, fingerprint, fingerprint_kind, suspect }
    }

    /// Of a query that was stored, whose text is all there is; and whether the one that is meant asks for many keys at once,
    /// which has the same fingerprint.
    pub fn stored(load: &QueryLoad, is_eager: bool) -> Self {
        if load.fingerprint == OTHER {
            return Self::other();
        }
        let mut shape = Self::of(load.shape.clone(), &load.shape);
        // what was made from the original text is more than what its shape gives
        shape.fingerprint.clone_from(&load.fingerprint);
        shape.analysis.text.clone_from(&load.text);
        shape.analysis.is_eager_load |= is_eager;
        if let Some(kind) = &load.fingerprint_kind {
            shape.fingerprint_kind.clone_from(kind);
        }
        shape
    }

    /// Of many stored queries, on a stack that is as deep as their texts may nest.
    pub fn stored_all(loads: &[&QueryLoad]) -> Vec<Self> {
        const STACK: usize = 256 << 20;
        std::thread::scope(|scope| {
            let worker = std::thread::Builder::new()
                .name("shapes".into())
                .stack_size(STACK)
                .spawn_scoped(scope, || loads.iter().map(|load| Self::stored(load, false)).collect::<Vec<_>>());
            worker.ok().and_then(|worker| worker.join().ok()).unwrap_or_default()
        })
    }

    /// Whether what was made of the text it was made of holds for one with other values: `limit 1` is one row, `limit 20` is
    /// not, and `order by 1` is another column than `order by 2`.
    pub fn holds_for(&self, slots: &[Slot]) -> bool {
        let value = |slot: usize| {
            let slot = slot.checked_sub(1).and_then(|at| slots.get(at))?;
            slot.value.as_integer().filter(|_| slot.kind == SlotKind::Integer)
        };
        let limit = self.analysis.limit.as_ref().is_none_or(|limit| match limit.slot {
            Some(slot) => (limit.constant == Some(1)) == (value(slot) == Some(1)),
            None => true,
        });
        limit
            && self
                .analysis
                .positions
                .iter()
                .all(|(slot, position)| value(*slot).and_then(|value| usize::try_from(value).ok()) == Some(*position))
    }

    /// What stands for everything that is not told apart.
    pub fn other() -> Self {
        let mut shape = Self::of(String::new(), "");
        shape.analysis.is_ping = false;
        OTHER.clone_into(&mut shape.fingerprint);
        "everything else".clone_into(&mut shape.analysis.text);
        shape.fingerprint_kind = FingerprintKind::Shape;
        shape.analysis.kind = StatementKind::Utility;
        shape
    }

    /// Whether a driver or a pool asks it to get to know a connection: settings, the catalogs, the server's version. It
    /// belongs to no request.
    pub fn is_setup(&self) -> bool {
        let analysis = &self.analysis;
        let asks_nothing = analysis.tables.is_empty()
            && analysis.from_count == 0
            && analysis.slots.is_empty()
            && analysis.has_tree
            && analysis.kind == StatementKind::Select;
        matches!(analysis.command, Some(Command::Show | Command::Set)) || self.is_of_the_system() || asks_nothing
    }

    fn is_of_the_system(&self) -> bool {
        let system = |table: &String| {
            let name = table.rsplit('.').next().unwrap_or(table);
            table.starts_with("pg_catalog.") || table.starts_with("information_schema.") || name.starts_with("pg_")
        };
        !self.analysis.tables.is_empty() && self.analysis.tables.iter().all(system)
    }

    /// Whether it keeps the session or the connection going and asks nothing of the application's tables: its repetition
    /// says nothing.
    pub fn is_housekeeping(&self) -> bool {
        let analysis = &self.analysis;
        analysis.transaction.is_some()
            || analysis.session_reset
            || analysis.is_ping
            || matches!(analysis.kind, StatementKind::Utility)
            || self.is_of_the_system()
            || (analysis.tables.is_empty() && analysis.has_tree && analysis.from_count == 0)
    }

    /// Whether the rows of another query can follow from its own: a `select` of more than one row.
    pub fn can_be_parent(&self) -> bool {
        self.analysis.kind == StatementKind::Select && !self.analysis.looks_single_row && !self.is_housekeeping()
    }

    /// Whether it reads a cursor on: portions of one result, not questions.
    pub fn is_fetch(&self) -> bool {
        matches!(self.analysis.command, Some(Command::Fetch | Command::Close | Command::Declare))
    }

    /// The place of its offset among its values, from 0.
    pub fn offset_slot(&self) -> Option<usize> {
        self.analysis.slots.iter().position(|role| *role == Role::Offset)
    }
}
