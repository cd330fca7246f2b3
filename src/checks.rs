//! Checks: rules over a snapshot. `ls src/checks` is the list of what is looked at.
//!
//! A check is a value: what it is called, what it looks at, and a pure function from facts to a verdict. It never reads a
//! clock, a file or a socket: "now" is the snapshot's time. To add one, write `src/checks/x.rs`, two lines here, and
//! `tests/checks/x/{bad,good}.sql`.

pub mod context;
pub mod prelude;

mod bloated_index;
mod blocked_session;
mod connection_idle_too_long;
mod connection_per_request;
mod connection_too_old;
mod connections_near_limit;
mod duplicate_index;
mod foreign_key_without_index;
mod idle_in_transaction;
mod int4_primary_key_near_limit;
mod invalid_index;
mod long_transaction;
mod n_plus_one_suspected;
mod no_idle_in_transaction_timeout;
mod no_lock_timeout;
mod no_statement_timeout;
mod pgbouncer_clients_waiting;
mod pgbouncer_pools_exceed_max_connections;
mod pgbouncer_query_wait_unbounded;
mod pgbouncer_server_lifetime_too_long;
mod pgbouncer_session_pooling_idle;
mod pgbouncer_vulnerable_version;
mod plan_not_reviewed;
mod redundant_index;
mod sequence_near_limit;
mod sequential_scan_on_large_table;
mod slow_query_log_off;
mod slow_statement;
mod statement_not_tracked;
mod table_without_primary_key;
mod timeout_suspicious;
mod unused_index;
mod xid_wraparound;

use crate::outcome::{Missing, RuleResult, Verdict};
use crate::rule::{Meta, Param};
use context::{DatabaseContext, ServerContext};

/// A rule over a snapshot.
#[derive(Debug)]
pub struct Check {
    /// What it says about itself.
    pub meta: Meta,
    /// The thresholds a user can change.
    pub params: &'static [&'static Param],
    /// The judgement.
    pub run: Run,
}

/// What a check looks at.
#[derive(Debug, Clone, Copy)]
pub enum Run {
    /// The server, once.
    Server(fn(&ServerContext<'_>) -> Result<Verdict, Missing>),
    /// Each database that was read.
    Database(fn(&DatabaseContext<'_>) -> Result<Verdict, Missing>),
}

/// Every check, in the order of the documentation.
pub static ALL: &[&Check] = &[
    &foreign_key_without_index::CHECK,
    &bloated_index::CHECK,
    &sequential_scan_on_large_table::CHECK,
    &slow_statement::CHECK,
    &n_plus_one_suspected::CHECK,
    &no_statement_timeout::CHECK,
    &no_lock_timeout::CHECK,
    &no_idle_in_transaction_timeout::CHECK,
    &timeout_suspicious::CHECK,
    &slow_query_log_off::CHECK,
    &statement_not_tracked::CHECK,
    &pgbouncer_clients_waiting::CHECK,
    &pgbouncer_pools_exceed_max_connections::CHECK,
    &pgbouncer_query_wait_unbounded::CHECK,
    &pgbouncer_server_lifetime_too_long::CHECK,
    &pgbouncer_session_pooling_idle::CHECK,
    &pgbouncer_vulnerable_version::CHECK,
    &plan_not_reviewed::CHECK,
    &connection_per_request::CHECK,
    &connections_near_limit::CHECK,
    &connection_too_old::CHECK,
    &connection_idle_too_long::CHECK,
    &idle_in_transaction::CHECK,
    &long_transaction::CHECK,
    &blocked_session::CHECK,
    &duplicate_index::CHECK,
    &redundant_index::CHECK,
    &unused_index::CHECK,
    &invalid_index::CHECK,
    &sequence_near_limit::CHECK,
    &int4_primary_key_near_limit::CHECK,
    &table_without_primary_key::CHECK,
    &xid_wraparound::CHECK,
];

/// The check of an id.
pub fn by_id(id: &str) -> Option<&'static Check> {
    ALL.iter().copied().find(|check| check.meta.id == id)
}

/// What became of a check, and all it had to say.
#[derive(Debug)]
pub struct Judged {
    /// The row of the report.
    pub result: RuleResult,
    /// What it found.
    pub verdict: Verdict,
}

/// Runs one check over the server, or over each database.
pub fn run(check: &'static Check, server: &ServerContext<'_>, databases: &[DatabaseContext<'_>]) -> Vec<Judged> {
    // what a managed service hides from everybody is no privilege to be granted, of a rule as of a single subject
    let on_service = |missing: Missing| crate::service::on_service(missing, server.service);
    let judged = |database: Option<&str>, verdict: Result<Verdict, Missing>| {
        let verdict = verdict.map_err(on_service).map(|mut verdict| {
            for unjudged in &mut verdict.unjudged {
                unjudged.reason = on_service(unjudged.reason.clone());
            }
            verdict
        });
        Judged { result: RuleResult::new(check.meta.id, database, &verdict), verdict: verdict.unwrap_or_default() }
    };
    match check.run {
        Run::Server(run) => vec![judged(None, run(server))],
        Run::Database(run) => {
            databases.iter().map(|database| judged(Some(&database.database.name), run(database))).collect()
        }
    }
}
