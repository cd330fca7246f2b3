//! What logs said, aggregated: a plain value that can be stored, merged and judged on a machine that never saw the log. It
//! holds counts, durations and normalised texts; never a literal, and never the hash of one.

use super::distribution::Distribution;
use crate::fingerprint::{FingerprintKind, StatementKind};
use crate::report::Tool;
use crate::rule::words;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of a stored workload.
pub const FORMAT: u32 = 1;

/// What a stored workload says it is.
pub const KIND: &str = "workload";

/// The fingerprint of "everything else": what was over the number of queries that is kept, with exact totals.
pub const OTHER: &str = "other";

words! {
    /// What bounds a unit of work, strongest first: how sure it is that its statements belong to one request.
    Boundary {
        /// A trace, request or job id in the statements' own comments.
        Trace = "trace",
        /// A transaction of two statements or more.
        Transaction = "transaction",
        /// A connection of its own.
        Connection = "connection",
        /// A pool's reset or check-out mark.
        Reset = "reset",
        /// The query that begins every request of its kind came again.
        Parent = "parent",
        /// A pause that is long for its session.
        Gap = "gap",
        /// The log's beginning or end.
        Cut = "cut",
    }
}

impl Boundary {
    /// How sure it is that a unit so bounded is one request, in thousandths.
    pub fn strength(&self) -> u64 {
        match self {
            Self::Trace => 950,
            Self::Transaction => 900,
            Self::Connection => 850,
            Self::Reset => 800,
            Self::Parent => 750,
            Self::Gap => 650,
            Self::Cut | Self::Other(_) => 300,
        }
    }
}

words! {
    /// What a repetition inside units of work is.
    GroupKind {
        /// Look-ups, one for each row of another query.
        NPlusOne = "n-plus-one",
        /// Updates or deletes by key, one for each row.
        NPlusOneWrite = "n-plus-one-write",
        /// The same query with the same values.
        Duplicate = "duplicate",
        /// Inserts of one row each.
        InsertLoop = "insert-loop",
        /// Pages of one list, by key or by offset.
        Pagination = "pagination",
        /// The same question asked at regular times.
        Polling = "polling",
        /// The same small transaction again and again.
        Batch = "batch",
        /// A loop inside a function: no client sends it.
        ServerLoop = "server-loop",
        /// The children of all rows at once: what an N+1 should be.
        EagerLoading = "eager-loading",
        /// Statements that come together equally often: requests that nothing parts.
        Cycle = "cycle",
    }
}

/// Everything that was aggregated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// `workload`: what tells the file from every other.
    pub kind: String,
    /// [`FORMAT`].
    pub format: u32,
    /// The program that made it.
    pub tool: Tool,
    /// The logs it was made from, in the order they were read.
    pub sources: Vec<SourceFile>,
    /// The first and the last time an entry was logged.
    pub from: Option<Timestamp>,
    /// See `from`.
    pub to: Option<Timestamp>,
    /// How much was understood.
    pub coverage: Coverage,
    /// What the log can tell and what it cannot.
    pub logging: Logging,
    /// The queries, by database and fingerprint.
    pub queries: Vec<QueryLoad>,
    /// Requests by what they begin with.
    pub requests: Vec<RequestLoad>,
    /// Repetitions inside requests.
    pub groups: Vec<Group>,
    /// Failures by database, SQLSTATE and message.
    pub failures: Vec<Failures>,
    /// Locks that were waited for.
    pub lock_waits: Vec<LockWaits>,
    /// Pauses inside transactions, by the statement before them.
    pub held: Vec<Held>,
    /// Sessions by database, role and application.
    pub sessions: Vec<Sessions>,
    /// Texts that look like secrets, by what they look like; never the text.
    pub secrets: Vec<Secret>,
    /// Checkpoints.
    pub checkpoints: Checkpoints,
    /// Tables that were vacuumed and analysed, by name: how often.
    pub autovacuum: BTreeMap<String, u64>,
    /// What pgbouncer logs and other programs said, by name: how often.
    pub other_programs: BTreeMap<String, u64>,
    /// Units of work that were open where the log began or ended, to be joined with what another log has of them.
    pub open: Vec<OpenUnit>,
    /// Whether reading was stopped before its end.
    pub is_partial: bool,
    /// Whether what is kept reached its bounds; what was left out is in [`OTHER`], with exact totals.
    pub is_bounded: bool,
}

/// One log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its path as it was given.
    pub path: String,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// `stderr`, `csvlog`, `jsonlog`, with the carrier around it: `docker > jsonlog`.
    pub format: String,
    /// The `log_line_prefix`, given or detected.
    pub prefix: Option<String>,
    /// Whether the prefix was detected.
    pub is_detected: bool,
    /// Why not all of it was read.
    pub trouble: Option<String>,
    /// The first and the last time of what counts.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// See `from`.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// Entries that count and that something was made of.
    #[serde(default)]
    pub events: u64,
    /// Microseconds of all durations among them, parse and bind too.
    #[serde(default)]
    pub durations: u64,
    /// The same of the first hundred: what a log keeps that goes on.
    #[serde(default)]
    pub first_durations: u64,
}

/// How much of the logs was understood.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Bytes read.
    pub bytes: u64,
    /// Lines read.
    pub lines: u64,
    /// Lines that belong to no entry.
    pub unread_lines: u64,
    /// Entries.
    pub entries: u64,
    /// Entries of a kind that is not looked into.
    pub other_entries: u64,
    /// Statements that ran to their end, by the log.
    pub executions: u64,
    /// Executions whose duration is not known.
    pub untimed: u64,
    /// Durations whose statement is not known.
    pub nameless: u64,
    /// Executions that parameters or literals could not be read of.
    pub valueless: u64,
    /// Entries with a session to tell them by.
    pub in_sessions: u64,
    /// Times that went back inside a session, by more than a second.
    pub clock_steps: u64,
    /// Statements whose text was cut.
    pub truncated: u64,
    /// Executions whose text held literals, or whose parameters were logged.
    pub with_literals: u64,
    /// The first lines that could not be read, without what may be a value.
    pub unread_samples: Vec<UnreadLine>,
}

impl Coverage {
    /// The share of lines that was understood.
    pub fn share(&self) -> f64 {
        if self.lines == 0 { 0.0 } else { 1.0 - self.unread_lines as f64 / self.lines as f64 }
    }
}

/// A line that belongs to no entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnreadLine {
    /// The log.
    pub path: String,
    /// The line, from 1.
    pub line: u64,
    /// Its beginning, masked.
    pub text: String,
}

/// What the log can tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Logging {
    /// Whether entries name their process or session.
    pub has_sessions: bool,
    /// Whether times have more than whole seconds.
    pub has_fractions: bool,
    /// Whether the server's query ids are there.
    pub has_query_ids: bool,
    /// Connections are logged.
    pub has_connections: bool,
    /// Disconnections are logged.
    pub has_disconnections: bool,
    /// `log_min_duration_statement` in microseconds, where it was told.
    pub told_threshold: Option<u64>,
    /// The same where it was recognised: no duration lies below, in more than a thousand lines.
    pub seen_threshold: Option<u64>,
    /// `log_statement_sample_rate`, where it was told.
    pub sample_rate: Option<f64>,
    /// `log_transaction_sample_rate`, where it was told.
    pub transaction_sample_rate: Option<f64>,
    /// Whether clients share server connections, told or recognised.
    pub is_pooled: bool,
    /// Options that narrow what was counted: times, databases, users.
    pub filters: Vec<String>,
}

impl Logging {
    /// The threshold in effect, in microseconds.
    pub fn threshold(&self) -> Option<u64> {
        self.told_threshold.or(self.seen_threshold).filter(|threshold| *threshold > 0)
    }

    /// Whether every execution is in the log, as far as can be told.
    pub fn is_complete(&self) -> bool {
        self.threshold().is_none() && self.sample_rate.is_none() && self.transaction_sample_rate.is_none()
    }
}

/// One query of one database.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct QueryLoad {
    /// The database; empty where the log does not say.
    pub database: String,
    /// pg_query's fingerprint, or the hash of the shape, or [`OTHER`].
    pub fingerprint: String,
    /// What the fingerprint was made from.
    pub fingerprint_kind: Option<FingerprintKind>,
    /// What it is.
    pub kind: Option<StatementKind>,
    /// Normalised text.
    pub text: String,
    /// The text with a parameter for each slot, from which its analysis can be made again.
    pub shape: String,
    /// The tables it names.
    pub tables: Vec<String>,
    /// The object-relational mapper that wrote it, where its text as it was sent tells.
    #[serde(default)]
    pub mapper: Option<String>,
    /// Executions that ran to their end.
    pub calls: u64,
    /// Executions that failed.
    pub errors: u64,
    /// Times it ran inside a function; those are not among `calls`.
    pub nested: u64,
    /// Whole durations in microseconds: parse, bind and execute together.
    pub durations: Distribution,
    /// Durations of execute alone, where the protocol has it apart.
    pub execute: Option<Distribution>,
    /// The server's identities of it.
    pub query_ids: Vec<i64>,
    /// Executions of at least 100 ms, by query id: what a threshold log has in full.
    pub slow_by_query_id: BTreeMap<i64, u64>,
    /// Applications that ran it, by name: how often.
    pub applications: BTreeMap<String, u64>,
    /// Rows it returned, where a plan said so.
    pub rows: Distribution,
    /// Sequential scans its plans showed, by relation: how many plans, and the most rows read.
    pub seq_scans: BTreeMap<String, SeqScans>,
    /// Plans that were logged.
    pub plans: u64,
    /// Temporary files: sizes in bytes.
    pub temporary_files: Distribution,
    /// Offsets it was called with, where it has one.
    pub offsets: Distribution,
    /// Cancellations, by reason.
    pub cancelled: BTreeMap<String, u64>,
    /// Units of work it was part of.
    pub units: u64,
}

/// Sequential scans of one relation, from plans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct SeqScans {
    /// Plans that showed one.
    pub plans: u64,
    /// The most rows read, measured where the plan was analysed.
    pub most_rows: f64,
    /// Whether `most_rows` was counted by the executor and not estimated by the planner.
    pub is_measured: bool,
}

/// Requests that begin alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestLoad {
    /// The database.
    pub database: String,
    /// The route their statements name.
    pub route: Option<String>,
    /// The fingerprint of the query they begin with, where there is no route.
    pub head: Option<String>,
    /// How many, by what bounds them.
    pub boundaries: BTreeMap<Boundary, u64>,
    /// Statements in each: transaction control and pings do not count.
    pub statements: Distribution,
    /// Microseconds in the database, each.
    pub database_time: Distribution,
    /// Microseconds from the first statement's start to the last one's end, each.
    pub wall_time: Distribution,
}

impl RequestLoad {
    /// How many.
    pub fn count(&self) -> u64 {
        self.boundaries.values().sum()
    }

    /// How many whose bounds are at least so strong, in thousandths.
    pub fn with_strength(&self, least: u64) -> u64 {
        self.boundaries.iter().filter(|(boundary, _)| boundary.strength() >= least).map(|(_, count)| count).sum()
    }
}

/// A repetition inside units of work: one child query under one parent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// What it is.
    pub kind: GroupKind,
    /// The database.
    pub database: String,
    /// The query whose rows the children follow, where one was found.
    pub parent: Option<String>,
    /// The query that is repeated.
    pub child: String,
    /// Units of work it was found in.
    pub units: u64,
    /// Times in each unit.
    pub per_unit: Distribution,
    /// Times for each execution of the parent, rounded, for each unit.
    pub per_parent: Distribution,
    /// All executions of the child in those units.
    pub calls: u64,
    /// Different values in each unit.
    pub distinct: Distribution,
    /// Units whose values are not known or were cut.
    pub valueless: u64,
    /// Microseconds in the database.
    pub database_time: u64,
    /// Microseconds from the first child's start to the last one's end, over all units: what it costs, round trips included.
    pub wall_time: u64,
    /// Microseconds of `wall_time` that one query for all would take, estimated.
    pub remaining: u64,
    /// What bounded the units.
    pub boundaries: BTreeMap<Boundary, u64>,
    /// Children for each parent in each second, in thousandths: of a log in which clients share connections, where nothing
    /// else says which belong together.
    #[serde(default)]
    pub each_second: Distribution,
    /// Units in which the parent stood before the unit, in the same session.
    pub looked_back: u64,
    /// Units in which a plan proved that the parent returned as many rows.
    pub proven: u64,
    /// How parent and child belong together, in words, where their texts say so.
    pub join: Option<String>,
    /// Routes, by name: units.
    pub routes: BTreeMap<String, u64>,
    /// Applications, by name: units.
    pub applications: BTreeMap<String, u64>,
    /// The slots whose values differ.
    pub varying: Vec<usize>,
    /// When it was first and last seen.
    pub first: Option<Timestamp>,
    /// See `first`.
    pub last: Option<Timestamp>,
}

/// Failures that read alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failures {
    /// The database.
    pub database: String,
    /// `ERROR`, `FATAL`, `PANIC`.
    pub severity: String,
    /// The SQLSTATE, where it was logged.
    pub sqlstate: Option<String>,
    /// The message without values.
    pub message: String,
    /// What became of the statement: `deadlock`, a reason of cancellation, or nothing special.
    pub kind: Option<String>,
    /// How often.
    pub count: u64,
    /// Fingerprints of the statements that failed, with how often.
    pub queries: BTreeMap<String, u64>,
    /// When first and last.
    pub first: Option<Timestamp>,
    /// See `first`.
    pub last: Option<Timestamp>,
}

/// Waits for locks that read alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LockWaits {
    /// The database.
    pub database: String,
    /// The lock mode, as PostgreSQL spells it.
    pub mode: String,
    /// What is locked, without numbers: `transaction`, `relation of database`, `tuple of relation`.
    pub object: String,
    /// Waits that exceeded `deadlock_timeout`.
    pub waits: u64,
    /// Microseconds waited until the lock was had.
    pub acquired: Distribution,
    /// Fingerprints of the statements that waited, with how often.
    pub queries: BTreeMap<String, u64>,
}

/// Pauses inside transactions, by the statement before them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The database.
    pub database: String,
    /// The fingerprint of the statement that ran before the pause.
    pub after: String,
    /// Transactions with a pause that is long for a client: 100 ms and more.
    pub transactions: u64,
    /// The pauses in microseconds.
    pub pauses: Distribution,
    /// Applications, by name: how often.
    pub applications: BTreeMap<String, u64>,
}

/// Sessions of one database, role and application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sessions {
    /// The database.
    pub database: String,
    /// The role.
    pub user: String,
    /// `application_name`.
    pub application: String,
    /// Connections that were authorized.
    pub connected: u64,
    /// Lifetimes in microseconds of those that ended.
    pub lifetimes: Distribution,
    /// Statements of each session that began and ended in the log.
    pub statements: Distribution,
    /// Statements of all of them.
    pub executions: u64,
    /// When the first was opened and the last.
    pub first: Option<Timestamp>,
    /// See `first`.
    pub last: Option<Timestamp>,
}

/// Something that looks like a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Secret {
    /// What it looks like: `password in a statement`, `access key`, `connection string`.
    pub kind: String,
    /// The database.
    pub database: String,
    /// The fingerprint of the statement, where it stood in one.
    pub query: Option<String>,
    /// How often.
    pub count: u64,
    /// The log and the line it was first seen at.
    pub path: String,
    /// The line, from 1.
    pub line: u64,
}

/// Checkpoints.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoints {
    /// Begun, by cause: `time`, `wal`, `immediate force wait`.
    pub causes: BTreeMap<String, u64>,
    /// Total microseconds of each.
    pub total: Distribution,
    /// Microseconds of synchronising, each.
    pub sync: Distribution,
    /// Times the server said that they come too often.
    pub too_frequent: u64,
}

/// A unit of work at the beginning or the end of the log, as counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenUnit {
    /// The session: its id, or its process and the time it was first seen.
    pub session: String,
    /// Whether it is cut at its beginning: nothing says that a request began here.
    pub is_head: bool,
    /// Whether it is cut at its end.
    pub is_tail: bool,
    /// The database.
    pub database: String,
    /// What begins it, where it is not cut there.
    pub begin: Boundary,
    /// What ends it, where it is not cut there.
    pub end: Boundary,
    /// The route its statements name.
    pub route: Option<String>,
    /// The application.
    pub application: String,
    /// The pause that would end it, in microseconds.
    pub gap: u64,
    /// When its first statement started, microseconds since 1970.
    pub started: i64,
    /// When its last statement ended.
    pub ended: i64,
    /// Statements.
    pub statements: u64,
    /// Microseconds in the database.
    pub database_time: u64,
    /// Its queries in order of first execution.
    pub members: Vec<OpenMember>,
}

/// A query in an open unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenMember {
    /// Its fingerprint.
    pub query: String,
    /// Whether it asks for many keys at once: that has the fingerprint of the look-up of one.
    pub is_eager: bool,
    /// Executions.
    pub count: u32,
    /// Places in the unit: of the first executions.
    pub places: Vec<u32>,
    /// The place of the last one.
    pub last: u32,
    /// Different values, at least: how many, not which.
    pub distinct: u64,
    /// Executions whose values are not known.
    pub valueless: u32,
    /// Slots whose values differed.
    pub varying: u64,
    /// Microseconds in the database.
    pub database_time: u64,
    /// The longest.
    pub most: u64,
    /// When the first one started, microseconds since 1970.
    pub started: i64,
    /// When the last one ended.
    pub ended: i64,
    /// Rows a plan said it returned, the last time.
    pub rows: Option<f64>,
}
