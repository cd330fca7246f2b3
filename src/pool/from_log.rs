//! What a log says of a pool: its transactions one by one, and the statements after which they wait for their client.

use super::decide::Holder;
use super::demand::Key;
use super::demand::transactions::{Read, Transaction};
use super::verdicts::{Pauses, Traffic};
use crate::logs::event::Actor;
use crate::logs::holds::{Hold, Holds};
use crate::logs::workload::Workload;

/// Pauses in transactions are counted from here on, in seconds; the log's own limit.
const PAUSE: f64 = 0.1;
/// The share of executions without a duration above which transactions are not all there.
const UNTIMED: f64 = 0.02;

/// The transactions of a log; none where no line of it has a time.
pub fn transactions(holds: &Holds, workload: &Workload) -> Option<Read> {
    let (from, to) = (workload.from?.unix_micros(), workload.to?.unix_micros());
    // statements are logged when they end: the first of them began before its line
    let from = holds.all.iter().filter_map(|hold| hold.start).fold(from, i64::min);
    // what this program asked a server is nobody's demand
    let is_ours = |hold: &&Hold| {
        let actor = holds.actors.get(hold.actor as usize);
        actor.is_some_and(|actor| actor.application.starts_with(concat!(env!("CARGO_PKG_NAME"), "/")))
    };
    let transaction = |hold: &Hold| Transaction {
        session: hold.session,
        key: hold.actor,
        start: hold.start,
        end: hold.end,
        idle: hold.idle,
    };
    Some(Read {
        keys: holds.actors.iter().map(key).collect(),
        transactions: holds.all.iter().filter(|hold| !is_ours(hold)).map(transaction).collect(),
        from,
        to,
        sampled: workload.logging.transaction_sample_rate.unwrap_or(1.0),
        incomplete: incomplete(workload),
    })
}

fn key(actor: &Actor) -> Key {
    let known = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty() && name != "[unknown]");
    Key {
        database: known(&actor.database),
        role: known(&actor.user),
        application: known(&actor.application),
        client_address: None,
    }
}

/// Why not every statement of a transaction need be in the log.
fn incomplete(workload: &Workload) -> Option<String> {
    let logging = &workload.logging;
    if !logging.has_sessions {
        return Some("the log does not say which session a line belongs to (%p or %c in log_line_prefix)".to_owned());
    }
    if let Some(threshold) = logging.threshold() {
        let millis = threshold as f64 / 1e3;
        return Some(format!("statements shorter than {millis} ms are not in the log (log_min_duration_statement)"));
    }
    if let Some(rate) = logging.sample_rate {
        return Some(format!("{} % of the statements are in the log (log_statement_sample_rate)", rate * 100.0));
    }
    let (untimed, all) = (workload.coverage.untimed as f64, workload.coverage.executions as f64);
    (untimed > all * UNTIMED)
        .then(|| format!("{untimed} of {all} statements have no duration (log_min_duration_statement = 0 adds it)"))
}

/// The statements after which transactions wait for their client, those that cost most first.
pub fn holders(workload: &Workload) -> Vec<Holder> {
    let text = |database: &str, fingerprint: &str| {
        let query = workload.queries.iter().find(|one| one.database == database && one.fingerprint == fingerprint);
        query.map(|query| query.text.clone())
    };
    let holder = |held: &crate::logs::workload::Held| Holder {
        fingerprint: held.after.clone(),
        query: text(&held.database, &held.after),
        transactions: held.transactions,
        idle_seconds: held.pauses.mean() * held.pauses.count as f64 / 1e6,
        longest_seconds: held.pauses.most as f64 / 1e6,
    };
    workload.held.iter().map(holder).collect()
}

/// Transactions that waited for their client.
pub fn pauses(workload: &Workload, transactions: u64) -> Option<Pauses> {
    let seconds = workload.to?.seconds_since(workload.from?)?;
    let longest = workload.held.iter().map(|held| held.pauses.most).max().unwrap_or(0);
    Some(Pauses {
        seconds,
        transactions: Some(transactions),
        pauses: workload.held.iter().map(|held| held.transactions).sum(),
        threshold_seconds: PAUSE,
        longest_seconds: longest as f64 / 1e6,
    })
}

/// Transactions and sessions; none where connections are not logged.
pub fn traffic(workload: &Workload, transactions: u64) -> Option<Traffic> {
    let seconds = workload.to?.seconds_since(workload.from?).filter(|seconds| *seconds > 0.0)?;
    let sessions: u64 = workload.sessions.iter().map(|group| group.connected).sum();
    workload.logging.has_connections.then_some(Traffic {
        seconds,
        transactions: transactions as f64,
        sessions: sessions as f64,
    })
}
