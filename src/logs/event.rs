//! What a chunk of a log comes to: events in the order of the file, small and without texts, beside tables of what they name.
//! A digest depends on its chunk alone, so that any thread may make it; the events are then taken in by one, in order.

use super::lexer::SlotValue;
use super::mapper::Mapper;
use super::message::Why;
use super::record::{Reading, Severity};
use super::shape::Shape;
use std::sync::Arc;

/// Not logged.
pub const NONE: u32 = u32::MAX;

/// No duration was logged.
pub const NO_DURATION: u64 = u64::MAX;

/// One entry of the log that something is made of.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// When it was logged, microseconds since 1970, or [`super::unit::NO_TIME`].
    pub time: i64,
    /// The session it belongs to; 0 where the log does not say.
    pub session: u64,
    /// The number of its line in the session, 0 where not logged.
    pub line: u32,
    /// Who: a place in [`Digest::actors`].
    pub actor: u32,
    /// The local part of the virtual transaction id, [`NONE`] where not logged; 0 outside a transaction.
    pub transaction: u32,
    /// What it tells of.
    pub what: What,
}

/// What an event tells of.
#[derive(Debug, Clone, Copy)]
pub enum What {
    /// A statement, or a step of one.
    Statement(Step),
    /// A duration alone.
    Duration(u64),
    /// A plan: a place in [`Digest::plans`].
    Plan(u32),
    /// Anything rarer: a place in [`Digest::rarities`].
    Rarity(u32),
}

/// A step of a statement.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Which.
    pub kind: super::message::Step,
    /// Microseconds, or [`NO_DURATION`].
    pub duration: u64,
    /// The shape: a place in [`Digest::shapes`].
    pub shape: u32,
    /// A hash of the prepared statement's name.
    pub name: u32,
    /// A hash of the portal's name, 0 for none.
    pub portal: u32,
    /// Its values: a place in [`Digest::values`].
    pub values: u32,
    /// How many values.
    pub value_count: u16,
    /// Whether the values are all there.
    pub has_values: bool,
    /// Whether literals stood in the text or parameters beside it.
    pub has_literals: bool,
    /// What its comments say: a place in [`Digest::tags`], or [`NONE`].
    pub tags: u32,
    /// The server's identity of the query, 0 for none.
    pub query_id: i64,
}

/// Who sent something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Actor {
    /// The role.
    pub user: Box<str>,
    /// The database.
    pub database: Box<str>,
    /// `application_name`.
    pub application: Box<str>,
}

/// What the comments of a statement say.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag {
    /// A hash of the trace, request or job id, 0 for none.
    pub trace: u64,
    /// The route.
    pub route: Option<Arc<str>>,
    /// Whether it is a pool's question whether the connection is alive.
    pub is_ping: bool,
}

/// What a logged plan shows.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanSeen {
    /// Microseconds the executor took.
    pub duration: u64,
    /// The shape of its text: a place in [`Digest::shapes`].
    pub shape: u32,
    /// Whether a function ran it and no client.
    pub is_nested: bool,
    /// Rows it returned; measured where the plan was analysed.
    pub rows: Option<f64>,
    /// Sequential scans: the relation, the most rows read, whether they were counted.
    pub seq_scans: Vec<(String, f64, bool)>,
    /// Its values, as a statement's.
    pub values: Option<Vec<SlotValue>>,
}

/// What comes rarely enough to be a value of its own.
#[derive(Debug, Clone, PartialEq)]
pub enum Rarity {
    /// A connection was received.
    Received,
    /// A connection was authorized.
    Connected,
    /// A session ended; its length in microseconds where it was said.
    Disconnected(Option<u64>),
    /// A lock is waited for.
    LockWaiting {
        /// The mode.
        mode: String,
        /// What is locked, without numbers.
        object: String,
        /// The shape of the statement that waits.
        shape: Option<u32>,
    },
    /// A lock was had after a wait of so many microseconds.
    LockAcquired {
        /// The mode.
        mode: String,
        /// What is locked, without numbers.
        object: String,
        /// Microseconds.
        waited: u64,
        /// The shape of the statement that waited.
        shape: Option<u32>,
    },
    /// Something failed.
    Failed(Box<Failure>),
    /// A temporary file was removed: its bytes, and the shape of the statement that made it.
    TemporaryFile(u64, Option<u32>),
    /// A checkpoint began.
    CheckpointStarting(String),
    /// A checkpoint ended: microseconds of synchronising and in all.
    CheckpointComplete(u64, u64),
    /// Checkpoints come too often.
    CheckpointsTooFrequent,
    /// A table was vacuumed.
    Vacuumed(String),
    /// A table was analysed.
    Analysed(String),
    /// The server started: no session from before goes on.
    ServerStarted,
    /// Something looks like a secret: what, and in which line of the chunk, from 0.
    Secret(&'static str, u64),
}

/// A failure.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// How severe.
    pub severity: Severity,
    /// The SQLSTATE, where logged.
    pub sqlstate: Option<String>,
    /// The message without values.
    pub message: String,
    /// A deadlock.
    pub is_deadlock: bool,
    /// A cancellation, and why.
    pub cancelled: Option<Why>,
    /// The shape of the statement that failed.
    pub shape: Option<u32>,
}

/// A shape that occurs in a chunk.
#[derive(Debug, Clone)]
pub struct ShapeSeen {
    /// Its hash.
    pub hash: u64,
    /// What it is.
    pub shape: Arc<Shape>,
    /// The mapper that wrote the first text of it in the chunk. Layout and quotes tell it, which are no part of the shape.
    pub mapper: Option<Mapper>,
}

/// What a chunk comes to.
#[derive(Debug, Clone, Default)]
pub struct Digest {
    /// How much was read and understood.
    pub reading: Reading,
    /// The first lines that belong to no entry: the line in the chunk, from 0, and its text.
    pub unread: Vec<(u64, Vec<u8>)>,
    /// Entries that nothing is made of.
    pub other_entries: u64,
    /// The events, in order.
    pub events: Vec<Event>,
    /// Who, by first appearance.
    pub actors: Vec<Actor>,
    /// Shapes, by first appearance.
    pub shapes: Vec<ShapeSeen>,
    /// Values of all statements.
    pub values: Vec<SlotValue>,
    /// Tags, by first appearance.
    pub tags: Vec<Tag>,
    /// Plans.
    pub plans: Vec<PlanSeen>,
    /// Rarities.
    pub rarities: Vec<Rarity>,
    /// Statements whose text was cut.
    pub truncated: u64,
    /// Whether times have more than whole seconds.
    pub has_fractions: bool,
}

/// Why something was cancelled, in the words of its setting.
pub fn word(why: Why) -> &'static str {
    match why {
        Why::StatementTimeout => "statement_timeout",
        Why::LockTimeout => "lock_timeout",
        Why::UserRequest => "user request",
        Why::IdleInTransactionTimeout => "idle_in_transaction_session_timeout",
        Why::IdleSessionTimeout => "idle_session_timeout",
        Why::TransactionTimeout => "transaction_timeout",
        Why::RecoveryConflict => "conflict with recovery",
        Why::AdminCommand => "administrator command",
        Why::AutovacuumTask => "autovacuum",
    }
}
