//! Detectors: rules over a workload. `ls src/logs/detectors` is the list of what a log is searched for.
//!
//! A detector is a value, as a check is: what it is called, what it looks at, and a pure function from a workload to a
//! verdict for each database. To add one, write `src/logs/detectors/x.rs`, two lines here, and `tests/logs/x/`.

mod confidence;
pub mod context;
pub mod prelude;

mod connection_held_while_idle;
mod deadlock;
mod deep_offset;
mod duplicate_query;
mod insert_loop;
mod large_result_logged;
mod literals_in_log;
mod lock_wait;
mod log_partly_understood;
mod n_plus_one;
mod n_plus_one_write;
mod repeated_error;
mod secret_in_log;
mod sequential_scan_in_hot_query;
mod short_lived_sessions;
mod slow_checkpoint;
mod slow_query;
mod slow_tail;
mod statement_cancelled;
mod temp_file_logged;
mod too_many_queries_per_request;

use crate::outcome::{Missing, RuleResult, Verdict};
use crate::rule::{Meta, Param};
use context::Context;

/// A rule over a workload.
#[derive(Debug)]
pub struct Detector {
    /// What it says about itself.
    pub meta: Meta,
    /// The thresholds a user can change.
    pub params: &'static [&'static Param],
    /// What it looks at.
    pub run: Run,
}

/// What a detector looks at.
#[derive(Debug, Clone, Copy)]
pub enum Run {
    /// The log as a whole, once: what belongs to no database.
    Log(fn(&Context<'_>) -> Result<Verdict, Missing>),
    /// What the log says of each database.
    Database(fn(&Context<'_>, &str) -> Result<Verdict, Missing>),
}

/// Every detector, in the order of the documentation.
pub static ALL: &[&Detector] = &[
    &n_plus_one::DETECTOR,
    &n_plus_one_write::DETECTOR,
    &duplicate_query::DETECTOR,
    &insert_loop::DETECTOR,
    &too_many_queries_per_request::DETECTOR,
    &slow_query::DETECTOR,
    &slow_tail::DETECTOR,
    &sequential_scan_in_hot_query::DETECTOR,
    &deep_offset::DETECTOR,
    &large_result_logged::DETECTOR,
    &temp_file_logged::DETECTOR,
    &lock_wait::DETECTOR,
    &deadlock::DETECTOR,
    &statement_cancelled::DETECTOR,
    &repeated_error::DETECTOR,
    &short_lived_sessions::DETECTOR,
    &connection_held_while_idle::DETECTOR,
    &secret_in_log::DETECTOR,
    &literals_in_log::DETECTOR,
    &slow_checkpoint::DETECTOR,
    &log_partly_understood::DETECTOR,
];

/// The detector of an id.
pub fn by_id(id: &str) -> Option<&'static Detector> {
    ALL.iter().copied().find(|detector| detector.meta.id == id)
}

/// What became of a detector, and all it had to say.
#[derive(Debug)]
pub struct Judged {
    /// The row of the report.
    pub result: RuleResult,
    /// What it found.
    pub verdict: Verdict,
}

/// Runs one detector over the log, or over each of its databases.
pub fn run(detector: &'static Detector, cx: &Context<'_>) -> Vec<Judged> {
    let judged = |database: Option<&str>, verdict: Result<Verdict, Missing>| Judged {
        result: RuleResult::new(detector.meta.id, database, &verdict),
        verdict: verdict.unwrap_or_default(),
    };
    match detector.run {
        Run::Log(run) => vec![judged(None, run(cx))],
        Run::Database(run) => cx.databases().map(|database| judged(Some(database), run(cx, database))).collect(),
    }
}
