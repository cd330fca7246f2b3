//! Sessions idle in a transaction
//!
//! ## Why it matters
//! While its client does something else, or has forgotten it, an open transaction keeps its row locks and its connection;
//! vacuum may not remove what it could still see. It is how an HTTP call inside a transaction looks from the server, and how
//! a leaked connection does.
//!
//! ## How it is decided
//! How long each client's session has been idle in its transaction, aborted ones included. From 30 seconds on it is
//! *medium* for an application, *low* for others; *high* for anybody from an hour on, when it blocks others, or when what it
//! keeps from vacuum is old. Sessions are grouped by database, role, client address and application; the longest is shown,
//! with its last statement.
//! That nobody is idle at one instant proves nothing. Between two snapshots the counters do: when all sessions of a database
//! together spent less than the limit idle in transactions that ended, no single one spent more. That passes, for a window
//! of five minutes or more in which something was done.
//!
//! ## What to do
//! Look at the last statement for the code that runs before the pause, and end the transaction before it waits for anything
//! else. `idle_in_transaction_session_timeout` is the backstop.
//!
//! ## Limits
//! What the client did meanwhile is not visible to the server. A connection that is held without a transaction looks idle.
//! The counters are added when the pause ends; a pause under way is seen in the sessions themselves.

use super::prelude::*;
use crate::facts::activity::Activity;
use crate::sessions::{Instant, Pool, by_pool, instants, is_application};
use std::collections::{BTreeMap, HashSet};

/// Transactions that wait for their client.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "idle-in-transaction",
        category: Category::Connections,
        severity: Severity::Medium,
        source: include_str!("idle_in_transaction.rs"),
    },
    params: &[&MIN, &HIGH, &XIDS, &WINDOW],
    run: Run::Server(run),
};

static MIN: Param = Param {
    name: "min_seconds",
    doc: "idle in a transaction for so long is no pause between two statements; the figure pgEdge's pg-healthcheck warns at",
    default: 30.0,
    unit: Unit::Seconds,
};

static HIGH: Param = Param {
    name: "high_seconds",
    doc: "from this on nobody is coming back; a proposal",
    default: 3600.0,
    unit: Unit::Seconds,
};

static XIDS: Param = Param {
    name: "old_transactions",
    doc: "what is kept from vacuum is old when so many transactions began since; a proposal, minutes on a busy server",
    default: 1_000_000.0,
    unit: Unit::Transactions,
};

static WINDOW: Param = Param {
    name: "window_seconds",
    doc: "to pass by the counters, two snapshots must lie so far apart; the usual --watch",
    default: 300.0,
    unit: Unit::Seconds,
};

/// A session idle in its transaction, at the instant it was seen.
#[derive(Debug, Clone, Copy)]
struct Idle<'a> {
    session: &'a Activity,
    seconds: f64,
    blocks: usize,
}

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let minimum = cx.param(&CHECK.meta, &MIN);
    let instants = instants(cx.snapshot)?;
    let mut verdict = Verdict::default();
    if let Some(last) = instants.last() {
        crate::sessions::cannot_tell_hidden(cx, last.sessions, &mut verdict);
        verdict.examined = last.sessions.iter().filter(|session| session.is_client()).count() as u64;
    }
    // the same pause may be seen at several instants: the last time counts
    let mut pauses: BTreeMap<(i32, Option<crate::time::Timestamp>), Idle<'_>> = BTreeMap::new();
    for instant in &instants {
        for idle in idle_at(instant).filter(|idle| idle.seconds >= minimum) {
            pauses.insert((idle.session.process.pid, idle.session.process.state_changed_at), idle);
        }
    }
    let pauses: Vec<Idle<'_>> = pauses.into_values().collect();
    for (pool, sessions) in by_pool(pauses.iter().map(|idle| idle.session)) {
        let mut of_pool: Vec<&Idle<'_>> =
            pauses.iter().filter(|idle| sessions.iter().any(|session| std::ptr::eq(*session, idle.session))).collect();
        of_pool.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        verdict.find(finding(cx, &pool, &of_pool));
    }
    // a person's session or a monitor's says nothing of the applications
    if !verdict.findings.iter().any(|finding| finding.severity >= Severity::Medium)
        && let Err(missing) = counters_rule_it_out(cx, minimum)
    {
        verdict.cannot_tell(Subject::server(), missing);
    }
    Ok(verdict)
}

fn idle_at<'a>(instant: &Instant<'a>) -> impl Iterator<Item = Idle<'a>> {
    let sessions = instant.sessions;
    let blocked =
        move |pid: i32| sessions.iter().filter(move |session| session.process.blocked_by.contains(&pid)).count();
    let clients = sessions.iter().filter(|session| session.is_client());
    clients.filter_map(move |session| {
        let state = session.process.state.as_deref()?;
        let seconds = session.seconds_since(session.process.state_changed_at)?;
        state.starts_with("idle in transaction").then(|| Idle {
            session,
            seconds,
            blocks: blocked(session.process.pid),
        })
    })
}

fn finding(cx: &ServerContext<'_>, pool: &Pool, pauses: &[&Idle<'_>]) -> Finding {
    let (minimum, high) = (cx.param(&CHECK.meta, &MIN), cx.param(&CHECK.meta, &HIGH));
    let old = cx.param(&CHECK.meta, &XIDS);
    let held = |session: &Activity| session.process.xmin_age.max(session.process.xid_age).unwrap_or(0);
    let horizon = pauses.iter().map(|idle| held(idle.session)).max().unwrap_or(0);
    let blocks: usize = pauses.iter().map(|idle| idle.blocks).sum();
    let longest = pauses.iter().map(|idle| idle.seconds).fold(0.0, f64::max);
    let severity = if longest >= high || blocks > 0 || f64::from(horizon) >= old {
        Severity::High
    } else if pauses.iter().any(|idle| is_application(cx, idle.session)) {
        CHECK.meta.severity.clone()
    } else {
        Severity::Low
    };
    let mut message = match pauses.len() {
        1 => format!(
            "a session of {} to {} is idle in its transaction for {}",
            pool.label(),
            pool.database,
            humane(longest, &Unit::Seconds)
        ),
        count => format!(
            "{count} sessions of {} to {} are idle in their transactions, the longest for {}",
            pool.label(),
            pool.database,
            humane(longest, &Unit::Seconds)
        ),
    };
    if blocks > 0 {
        let keep = if pauses.len() == 1 { "keeps" } else { "keep" };
        message.push_str(&format!(", and {keep} {blocks} waiting"));
    }
    let queries: HashSet<&str> = pauses.iter().filter_map(|idle| idle.session.fingerprint.as_deref()).collect();
    let mut fingerprints: Vec<String> = queries.into_iter().map(str::to_owned).collect();
    fingerprints.sort();
    let finding = pool
        .tell(Finding::new(&CHECK.meta, pool.subject(), message).severity(severity))
        .count("sessions", pauses.len() as i64, Unit::Count)
        .number("longest", longest, Unit::Seconds)
        .count("blocks", blocks as i64, Unit::Count)
        .number("threshold", minimum, Unit::Seconds)
        .number("threshold_high", high, Unit::Seconds)
        .list("last_statements", fingerprints);
    let Some(worst) = pauses.iter().max_by(|a, b| a.blocks.cmp(&b.blocks).then(a.seconds.total_cmp(&b.seconds))) else {
        return finding;
    };
    let finding = crate::sessions::tell(finding, worst.session);
    let advice = "find what the code does after that statement, and let it end the transaction first; the SQL ends this one \
                  session and rolls its transaction back";
    match crate::sessions::end(worst.session, "pg_terminate_backend") {
        Some(sql) => finding.fix(advice, sql, None),
        None => finding.advice(advice),
    }
}

/// Whether the counters of two snapshots show that no pause that ended between them was as long as the limit.
fn counters_rule_it_out(cx: &ServerContext<'_>, limit: f64) -> Result<(), Missing> {
    let refuse = |because: String| {
        Missing::new("database_stats", Reason::Observation, because)
            .unlocked_by("take two snapshots under load: pgassay audit --since OLD, or --watch 5m")
    };
    let Some(before) = cx.before else {
        return Err(refuse(
            "one sample can show that sessions idle in transactions, not that they never do".to_owned(),
        ));
    };
    crate::window::comparable(before, cx.snapshot)?;
    let seconds = cx.snapshot.captured_at.seconds_since(before.captured_at).unwrap_or(0.0);
    let window = cx.param(&CHECK.meta, &WINDOW);
    if seconds < window {
        return Err(refuse(format!(
            "{} between two snapshots are too short to tell, {} would do",
            humane(seconds, &Unit::Seconds),
            humane(window, &Unit::Seconds)
        )));
    }
    let (now, before) = (cx.snapshot.server.database_stats.read()?, before.server.database_stats.read()?);
    let mut transactions = 0;
    for database in &cx.snapshot.databases {
        let of = |rows: &'_ [crate::facts::database_stats::DatabaseStats]| {
            rows.iter().find(|row| row.database == database.name).cloned()
        };
        let (Some(after), Some(earlier)) = (of(now), of(before)) else {
            return Err(refuse(format!("the counters of database {} are not in both snapshots", database.name)));
        };
        let idle = (after.idle_in_transaction_ms - earlier.idle_in_transaction_ms) / 1000.0;
        if after.stats_reset != earlier.stats_reset || idle < 0.0 {
            return Err(refuse(format!("the counters of database {} were reset between the snapshots", database.name)));
        }
        if idle >= limit {
            return Err(refuse(format!(
                "sessions of database {} were idle in transactions for {} in {}; whether one of them was for {} or more \
                 only samples or the log can tell",
                database.name,
                humane(idle, &Unit::Seconds),
                humane(seconds, &Unit::Seconds),
                humane(limit, &Unit::Seconds)
            )));
        }
        transactions += after.commits + after.rollbacks - earlier.commits - earlier.rollbacks;
    }
    // the audit itself makes a few, some for each query it sends
    match transactions {
        1 => Err(refuse("only one transaction ended between the snapshots, too few to tell".to_owned())),
        0..100 => Err(refuse(format!("only {transactions} transactions ended between the snapshots, too few to tell"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lab, now, rows};

    const STATE: &str = "idle in transaction";

    fn lab(sessions: &[f64]) -> Lab {
        let mut lab = Lab::new();
        lab.role("app");
        for seconds in sessions {
            lab.session("app", STATE, *seconds);
        }
        lab
    }

    #[test]
    fn the_longest_pause_decides() {
        assert!(lab(&[29.9]).found(&CHECK).is_empty());
        assert_eq!(lab(&[30.0]).found(&CHECK), ["medium shop/app@10.0.0.1%20app"]);
        assert_eq!(lab(&[30.0, 3600.0, 1.0]).found(&CHECK), ["high shop/app@10.0.0.1%20app"]);
        let finding = lab(&[40.0, 50.0]).run(&CHECK).unwrap().findings.remove(0);
        assert_eq!(
            finding.message,
            "2 sessions of app@10.0.0.1 app to shop are idle in their transactions, the longest for 50 s"
        );
        assert!(finding.hint.unwrap().sql.unwrap().contains("backend_start = '2026-11-22T11:59:10Z'"));
    }

    #[test]
    fn aborted_ones_count_and_other_states_do_not() {
        let mut lab = lab(&[]);
        for state in ["idle", "active", "fastpath function call", "disabled"] {
            lab.session("app", state, 4000.0);
        }
        assert!(lab.found(&CHECK).is_empty());
        lab.session("app", "idle in transaction (aborted)", 60.0);
        assert_eq!(lab.found(&CHECK), ["medium shop/app@10.0.0.1%20app"]);
    }

    #[test]
    fn blocking_and_holding_back_vacuum_are_high() {
        let mut blocking = lab(&[40.0]);
        rows(&mut blocking.snapshot.server.activity)[0].process.pid = 7;
        blocking.session("app", "active", 5.0).blocked_by = vec![7];
        assert_eq!(blocking.found(&CHECK), ["high shop/app@10.0.0.1%20app"]);
        let mut holding = lab(&[40.0]);
        rows(&mut holding.snapshot.server.activity)[0].process.xmin_age = Some(1_000_000);
        assert_eq!(holding.found(&CHECK), ["high shop/app@10.0.0.1%20app"]);
    }

    #[test]
    fn people_are_low_until_it_hurts() {
        let mut lab = lab(&[]);
        lab.role("postgres").is_superuser = true;
        lab.session("postgres", STATE, 60.0).application = Some("psql".into());
        assert_eq!(lab.found(&CHECK), ["low shop/postgres@10.0.0.1%20psql"]);
        assert_eq!(lab.run(&CHECK).unwrap().unjudged.len(), 1, "of the applications nothing is known");
    }

    #[test]
    fn one_sample_never_passes_and_counters_do() {
        let mut lab = lab(&[5.0]);
        let open = |lab: &Lab| lab.run(&CHECK).unwrap().unjudged.len();
        assert_eq!(open(&lab), 1);
        let mut before = lab.snapshot.clone();
        before.captured_at = now().plus_seconds(-300.0);
        lab.before = Some(before);
        assert_eq!(open(&lab), 1, "nothing was done meanwhile");
        rows(&mut lab.snapshot.server.database_stats)[0].commits = 1000;
        rows(&mut lab.snapshot.server.database_stats)[0].idle_in_transaction_ms = 29_000.0;
        assert_eq!(open(&lab), 0);
        rows(&mut lab.snapshot.server.database_stats)[0].idle_in_transaction_ms = 30_000.0;
        assert_eq!(open(&lab), 1, "it could have been one");
        rows(&mut lab.snapshot.server.database_stats)[0].idle_in_transaction_ms = 0.0;
        lab.before.as_mut().unwrap().captured_at = now().plus_seconds(-10.0);
        assert_eq!(open(&lab), 1, "too short");
    }

    #[test]
    fn samples_find_what_the_last_instant_does_not() {
        let mut lab = lab(&[40.0]);
        let sessions = std::mem::take(rows(&mut lab.snapshot.server.activity));
        lab.snapshot.samples.push(crate::facts::Sample { at: now().plus_seconds(-60.0), sessions });
        assert_eq!(lab.found(&CHECK), ["medium shop/app@10.0.0.1%20app"]);
    }

    #[test]
    fn hidden_sessions_are_not_judged() {
        let mut lab = lab(&[]);
        let session = lab.session("app", STATE, 90.0);
        (session.backend_type, session.state, session.state_changed_at) = (None, None, None);
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!(verdict.unjudged[0].reason.reason, Reason::Privilege);
        assert!(verdict.findings.is_empty());
    }
}
