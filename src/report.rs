//! The report: everything a run has to say, as one value that every renderer reads and other programs parse.

pub mod review;

use crate::finding::{Finding, Subject};
use crate::outcome::{Missing, RuleResult};
use crate::pool::advice::Advice;
use crate::rule::{Evidence, RuleId, words};
use crate::score::Score;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of the JSON of reports. Fields are added to it, never renamed.
pub const FORMAT: u32 = 1;

words! {
    /// Which producer a report comes from.
    Kind {
        /// A server was audited.
        Audit = "audit",
        /// Logs were read.
        Logs = "logs",
        /// Migrations were reviewed.
        Review = "review",
        /// A pool was sized.
        Pool = "pool",
    }
}

words! {
    /// The state of one item of the checklist.
    State {
        /// The threshold is met.
        Pass = "pass",
        /// A weaker violation, a symptom without proof, or an accepted one.
        Warn = "warn",
        /// The threshold is violated.
        Fail = "fail",
        /// It could not be told from what was given.
        Unknown = "unknown",
        /// It does not apply here.
        NotApplicable = "not_applicable",
    }
}

/// The state of one item of the checklist, and how it was arrived at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// The item's id: `2.2`, or `002.3` for the other seeds.
    pub id: String,
    /// The section it belongs to: `2`, or `002`.
    pub section: String,
    /// The item in its own words.
    pub title: String,
    /// Its threshold in its own words.
    pub threshold: String,
    /// Its state.
    pub state: State,
    /// The evidence behind the state; none where it is unknown.
    pub evidence: Option<Evidence>,
    /// One sentence: the numbers behind the state, or what would supply them.
    pub because: String,
    /// The rules that took part.
    pub rules: Vec<RuleId>,
    /// Whether a measurement contradicts what was attested.
    #[serde(default)]
    pub contradiction: bool,
    /// The attestation that was taken into account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Attested>,
}

/// Who said what about an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attested {
    /// Who says so.
    pub owner: String,
    /// Who looked at it, somebody else.
    pub reviewer: String,
    /// When, `YYYY-MM-DD`.
    pub date: String,
    /// Until when it counts, `YYYY-MM-DD`.
    pub expires: String,
    /// What was said: the state claimed.
    pub state: State,
    /// Evidence files or addresses.
    #[serde(default)]
    pub evidence: Vec<String>,
}

/// A finding that was accepted, by whom the configuration says and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suppressed {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// Why it is accepted.
    pub reason: String,
    /// Until when, `YYYY-MM-DD`.
    pub expires: Option<String>,
}

/// The program that wrote the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Tool {
    /// This program.
    pub fn this() -> Self {
        Self { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// What was looked at. Never a password, never a connection string.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// `host:port/database`, or the path of what was read.
    pub target: String,
    /// `server_version` as the server says it.
    #[serde(default)]
    pub server_version: Option<String>,
    /// The identity of the cluster, as text.
    #[serde(default)]
    pub system_identifier: Option<String>,
    /// The role the audit ran as.
    #[serde(default)]
    pub role: Option<String>,
    /// Whether that role is a superuser.
    #[serde(default)]
    pub superuser: bool,
    /// Whether the server is a standby.
    #[serde(default)]
    pub in_recovery: bool,
    /// The managed service that was recognised.
    #[serde(default)]
    pub service: Option<String>,
    /// The databases that were read.
    #[serde(default)]
    pub databases: Vec<String>,
    /// When the facts were read.
    #[serde(default)]
    pub captured_at: Option<Timestamp>,
    /// SHA-256 of the snapshot the report was made from, hexadecimal.
    #[serde(default)]
    pub snapshot_sha256: Option<String>,
    /// SHA-256 of the configuration in effect, hexadecimal.
    #[serde(default)]
    pub config_sha256: Option<String>,
}

/// The time the counters speak of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// `snapshots` where two were compared, `counters` where they run since a reset or a start.
    pub kind: String,
    /// Its beginning, where known.
    pub from: Option<Timestamp>,
    /// Its end.
    pub to: Option<Timestamp>,
    /// Its length in seconds, where known.
    pub seconds: Option<f64>,
    /// How the beginning is known, in words.
    pub because: String,
}

/// A remark about the run itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// One sentence.
    pub text: String,
    /// Whether it is something the user should change.
    pub warning: bool,
}

/// One query, aggregated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Query {
    /// pg_query's fingerprint, or the shape hash of text that does not parse.
    pub fingerprint: String,
    /// `pg_query` or `shape`.
    pub fingerprint_kind: String,
    /// The database it ran in.
    pub database: String,
    /// Normalised text: never a literal.
    pub query: String,
    /// Executions.
    pub calls: i64,
    /// Executions that failed, where known.
    pub errors: Option<i64>,
    /// Total execution time in milliseconds.
    pub total_ms: f64,
    /// Mean execution time in milliseconds.
    pub mean_ms: f64,
    /// Median, where known.
    pub p50_ms: Option<f64>,
    /// 95th percentile, where known.
    pub p95_ms: Option<f64>,
    /// 99th percentile, where known.
    pub p99_ms: Option<f64>,
    /// The 99th percentile is not below this.
    pub p99_low_ms: Option<f64>,
    /// The 99th percentile is not above this.
    pub p99_high_ms: Option<f64>,
    /// Longest execution, where it belongs to the window.
    pub max_ms: Option<f64>,
    /// Rows returned or affected.
    pub rows: i64,
}

/// Requests that begin alike, or name the same route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The database they ask.
    pub database: String,
    /// The route their statements name.
    pub route: Option<String>,
    /// The fingerprint of the query they begin with, where they name no route.
    pub fingerprint: Option<String>,
    /// The text of that query.
    pub query: Option<String>,
    /// How many.
    pub requests: u64,
    /// How many of them are bounded surely enough to count: by a trace, a transaction, a connection, a reset or the coming
    /// again of their first query.
    pub sure: u64,
    /// Statements in each: the median.
    pub statements_p50: f64,
    /// The 95th percentile.
    pub statements_p95: f64,
    /// The most.
    pub statements_max: f64,
    /// Milliseconds in the database, each: the median.
    pub database_p50_ms: Option<f64>,
    /// The 95th percentile.
    pub database_p95_ms: Option<f64>,
    /// Milliseconds from the first statement's start to the last one's end: the median.
    pub wall_p50_ms: Option<f64>,
    /// The 95th percentile.
    pub wall_p95_ms: Option<f64>,
}

/// What was read of logs, and how much of it was understood.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LogCoverage {
    /// The logs, in the order they were read.
    pub logs: Vec<LogRead>,
    /// Bytes, decompressed.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Lines that belong to no entry.
    pub unread_lines: u64,
    /// The share of lines that was understood: 0 to 1.
    pub share: f64,
    /// Entries.
    pub entries: u64,
    /// Statements that ran to their end.
    pub executions: u64,
    /// Those whose duration is not known.
    pub untimed: u64,
    /// Different queries, whether they are listed or not.
    #[serde(default)]
    pub queries: u64,
    /// Durations whose statement is not known.
    pub nameless: u64,
    /// `log_min_duration_statement` in milliseconds, told or recognised; none where everything was logged.
    pub threshold_ms: Option<f64>,
    /// The first lines that could not be read: masked, since nobody knows what stands there.
    pub unread: Vec<UnreadLine>,
    /// Statements that failed, by SQLSTATE.
    pub failures: std::collections::BTreeMap<String, u64>,
    /// Other programs whose lines were among them, by name: how many.
    pub other_programs: std::collections::BTreeMap<String, u64>,
}

/// One log that was read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LogRead {
    /// Its path.
    pub path: String,
    /// Bytes, decompressed.
    pub bytes: u64,
    /// Its format, with what is around it.
    pub format: String,
    /// Its `log_line_prefix`, where it has one.
    pub prefix: Option<String>,
    /// Whether the prefix was found by looking at the log.
    pub is_detected: bool,
    /// Why not all of it was read.
    pub trouble: Option<String>,
}

/// A line of a log that belongs to no entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnreadLine {
    /// The log.
    pub path: String,
    /// The line, from 1.
    pub line: u64,
    /// Its form: every letter an x, every digit a 9.
    pub text: String,
}

/// What only one kind of report has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Body {
    /// Of logs: the queries, most expensive first; the requests, most frequent first; what was read.
    Logs {
        /// The queries.
        queries: Vec<Query>,
        /// The requests.
        requests: Vec<Request>,
        /// What was read, and how much of it was understood.
        coverage: LogCoverage,
    },
    /// Of an audit: the queries, most expensive first.
    Audit {
        /// The queries.
        queries: Vec<Query>,
    },
    /// Of a review: what was read and how, and every statement with what it does, in the order in which it would run.
    Review {
        /// What was read.
        review: review::Review,
        /// The statements of the scripts that were asked about.
        statements: Vec<review::Statement>,
    },
    /// Of a pool: how large it should be, and why.
    Pool {
        /// The advice.
        pool: Box<Advice>,
    },
}

/// Everything a run has to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// Which producer.
    pub kind: Kind,
    /// The program that wrote it.
    pub tool: Tool,
    /// When it was written.
    pub generated_at: Timestamp,
    /// What was looked at.
    pub source: Source,
    /// The time the counters speak of.
    pub window: Option<Window>,
    /// Remarks about the run.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// The scores by section, where the report has any.
    pub score: Option<Score>,
    /// The checklist's items.
    pub items: Vec<Assessment>,
    /// What became of every rule.
    pub rules: Vec<RuleResult>,
    /// The findings, worst first.
    pub findings: Vec<Finding>,
    /// The accepted ones.
    pub suppressed: Vec<Suppressed>,
    /// Facts that could not be read, whether or not a rule needed them.
    #[serde(default)]
    pub missing: Vec<Unread>,
    /// At most three things to do first: keys of findings.
    #[serde(default)]
    pub top: Vec<String>,
    /// What only this kind of report has.
    #[serde(flatten)]
    pub body: Body,
}

/// A fact that could not be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unread {
    /// In which database, where it belongs to one.
    pub database: Option<String>,
    /// What, why, and what would unlock it.
    #[serde(flatten)]
    pub missing: Missing,
}

impl Report {
    /// The findings of the top three, in order.
    pub fn top_findings(&self) -> impl Iterator<Item = &Finding> {
        self.top.iter().filter_map(|key| self.findings.iter().find(|finding| &finding.key == key))
    }

    /// Whether a read failed that should not have: exit code 3.
    pub fn has_failures(&self) -> bool {
        self.missing.iter().any(|unread| unread.missing.is_failure()) || self.rules.iter().any(RuleResult::has_failure)
    }

    /// The databases and subjects that were left unjudged, for `--strict-coverage`.
    pub fn is_complete(&self) -> bool {
        self.rules.iter().all(RuleResult::is_complete)
    }

    /// The finding about a subject, if a rule found one.
    pub fn finding(&self, rule: &str, subject: &Subject) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.rule.as_str() == rule && &finding.subject == subject)
    }
}
