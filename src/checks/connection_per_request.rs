//! New connection for every request
//!
//! ## Why it matters
//! A connection costs a process, a login and often a TLS handshake, milliseconds before the first statement runs. Under
//! load the server does little else, and a burst of requests is a burst of processes.
//!
//! ## How it is decided
//! For each database: transactions divided by sessions begun, between two snapshots or since the counters began. Each
//! session's start counts as one transaction of its own, so a connection per request shows as two or a little more.
//! Up to 3, with at least 0.1 sessions a second, is *medium*; from 100 on there is a pool; between the two, with as many
//! sessions, is *low*. The rate is known in bounds where the counters' beginning is not recorded, and both must agree.
//! Transactions alone are no sign of a pool, since autovacuum and parallel workers end some without being sessions: a
//! pass needs a session that began or an application that is connected, and a transaction a second. Too few sessions to
//! tell are said to be so for the databases that were audited; others are judged only where they have enough.
//!
//! ## What to do
//! Put a pool into the application, or PgBouncer before the server.
//!
//! ## Limits
//! A database's counters are those of all its clients together: one application with a pool can hide one without, and many
//! short sessions of a monitor or of cron look like an application's. A pooler before the server hides its clients. Log
//! lines of connections and disconnections tell each application apart.

use super::prelude::*;
use crate::facts::database_stats::DatabaseStats;
use crate::window::{Span, SpanKind, comparable, unstamped};

/// Sessions that do one thing and end.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "connection-per-request",
        category: Category::Connections,
        severity: Severity::Medium,
        source: include_str!("connection_per_request.rs"),
    },
    params: &[&NONE, &POOLED, &ACTIVITY, &RATE, &SESSIONS],
    run: Run::Server(run),
};

static NONE: Param = Param {
    name: "unpooled_transactions",
    doc: "transactions a session up to which there is no pool; one query on a new connection measures as two",
    default: 3.0,
    unit: Unit::Count,
};

static POOLED: Param = Param {
    name: "pooled_transactions",
    doc: "transactions a session from which on there is a pool; a proposal, since no standard names a figure",
    default: 100.0,
    unit: Unit::Count,
};

static ACTIVITY: Param = Param {
    name: "transactions_per_second",
    doc: "transactions a second from which on an application is at work; autovacuum and parallel workers, which are counted \
          too without being sessions, end a few a minute where nobody works",
    default: 1.0,
    unit: Unit::PerSecond,
};

static RATE: Param = Param {
    name: "sessions_per_second",
    doc: "sessions a second below which connecting is nobody's burden; one in ten seconds, more than people and cron cause",
    default: 0.1,
    unit: Unit::PerSecond,
};

static SESSIONS: Param = Param {
    name: "min_sessions",
    doc: "sessions that must have begun before anything is said: the default rate over five minutes",
    default: 30.0,
    unit: Unit::Count,
};

/// What was counted over a time.
struct Traffic {
    span: Span,
    transactions: f64,
    sessions: f64,
}

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::default();
    for stats in cx.snapshot.server.database_stats.read()? {
        let audited = cx.snapshot.database(&stats.database).is_some();
        if !crate::effective_settings::is_application_database(cx, &stats.database) {
            continue;
        }
        match judge(cx, stats) {
            Ok(finding) => {
                verdict.examine();
                finding.into_iter().for_each(|finding| verdict.find(finding));
            }
            Err(missing) if audited => verdict.cannot_tell(Subject::database(&stats.database), missing),
            Err(_) => {}
        }
    }
    Ok(verdict)
}

fn judge(cx: &ServerContext<'_>, stats: &DatabaseStats) -> Result<Option<Finding>, Missing> {
    let traffic = traffic(cx, stats)?;
    let Traffic { span, transactions, sessions } = &traffic;
    let (unpooled, pooled) = (cx.param(&CHECK.meta, &NONE), cx.param(&CHECK.meta, &POOLED));
    let (enough, least) = (cx.param(&CHECK.meta, &RATE), cx.param(&CHECK.meta, &SESSIONS));
    let per_second = |per_day: Option<f64>| per_day.map_or(0.0, |rate| rate / crate::window::DAY);
    let too_little = |because: String| {
        Err(Missing::new("database_stats", Reason::Observation, because)
            .unlocked_by("take two snapshots under load: pgassay audit --since OLD, or --watch 5m"))
    };
    // a pool shows without any session beginning, as long as applications do something in those there are
    if *transactions >= pooled * sessions.max(1.0) {
        if *sessions < 1.0 && !is_connected(cx, &stats.database) {
            return too_little(format!("no session of a client was seen in {}", span.describe()));
        }
        let active = cx.param(&CHECK.meta, &ACTIVITY);
        if per_second(span.per_day_at_least(*transactions)) >= active {
            return Ok(None);
        }
        return too_little(format!(
            "{transactions} transactions ended in {}, which need not be as many as {active} a second: the server's own \
             processes end some too",
            span.describe()
        ));
    }
    if *sessions < least {
        return too_little(format!(
            "{sessions} {} began in {}, too few to tell how an application connects",
            if *sessions == 1.0 { "session" } else { "sessions" },
            span.describe()
        ));
    }
    let slowest = per_second(span.per_day_at_least(*sessions));
    if slowest < enough {
        return too_little(format!(
            "{sessions} sessions began in {}, which need not be as many as {enough} a second",
            span.describe()
        ));
    }
    let ratio = transactions / sessions;
    let (severity, message) = if ratio <= unpooled {
        (
            CHECK.meta.severity.clone(),
            format!("sessions of database {} end after {ratio:.1} transactions: no pool", stats.database),
        )
    } else {
        (Severity::Low, format!("sessions of database {} are short: {ratio:.0} transactions each", stats.database))
    };
    Ok(Some(
        Finding::new(&CHECK.meta, Subject::database(&stats.database), message)
            .severity(severity)
            .number("transactions_per_session", ratio, Unit::Count)
            .number("sessions_per_second", slowest, Unit::PerSecond)
            .number("sessions", *sessions, Unit::Count)
            .number("window", span.at_least, Unit::Seconds)
            .text("counted", span.describe())
            .number("unpooled_transactions", unpooled, Unit::Count)
            .number("pooled_transactions", pooled, Unit::Count)
            .number("threshold", enough, Unit::PerSecond)
            .advice(
                "keep connections in a pool in the application, or put PgBouncer in transaction mode before the server; the \
                 counters are the database's, so look first which client it is",
            ),
    ))
}

/// Whether an application was seen connected to a database at any instant, by its role where its state is hidden.
fn is_connected(cx: &ServerContext<'_>, database: &str) -> bool {
    let of_application = |session: &crate::facts::activity::Activity| {
        let role = session.process.role.as_deref();
        crate::sessions::is_application(cx, session)
            || (!session.is_visible()
                && !session.is_ours()
                && role.is_some_and(|role| crate::sessions::is_application_role(cx, role)))
    };
    crate::sessions::observed(cx).is_ok_and(|instants| {
        let mut sessions = instants.iter().flat_map(|instant| instant.sessions);
        sessions.any(|session| session.process.database.as_deref() == Some(database) && of_application(session))
    })
}

/// What was counted between the snapshots where both count from one beginning, else since that beginning.
fn traffic(cx: &ServerContext<'_>, stats: &DatabaseStats) -> Result<Traffic, Missing> {
    let transactions = |stats: &DatabaseStats| (stats.commits + stats.rollbacks) as f64;
    let now = cx.snapshot;
    if let Some(before) = cx.before.filter(|before| comparable(before, now).is_ok())
        && let Some(rows) = before.server.database_stats.ok()
        && let Some(earlier) = rows.iter().find(|row| row.database == stats.database)
        && earlier.stats_reset == stats.stats_reset
        && earlier.sessions <= stats.sessions
        && transactions(earlier) <= transactions(stats)
    {
        return Ok(Traffic {
            span: Span::exact(SpanKind::Snapshots, before.captured_at, now.captured_at),
            transactions: transactions(stats) - transactions(earlier),
            sessions: (stats.sessions - earlier.sessions) as f64,
        });
    }
    let span = match stats.stats_reset {
        Some(from) => Span::exact(SpanKind::Reset, from, now.captured_at),
        None => unstamped(now)?,
    };
    Ok(Traffic { span, transactions: transactions(stats), sessions: stats.sessions as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lab, now, rows};

    /// Ten days of counters.
    fn lab(transactions: i64, sessions: i64) -> Lab {
        let mut lab = Lab::new();
        let stats = &mut rows(&mut lab.snapshot.server.database_stats)[0];
        (stats.commits, stats.sessions) = (transactions, sessions);
        lab
    }

    #[test]
    fn transactions_a_session_decide() {
        assert_eq!(lab(403_000, 201_000).found(&CHECK), ["medium shop"]);
        assert_eq!(lab(603_001, 201_000).found(&CHECK), ["low shop"]);
        assert_eq!(lab(20_000_000, 201_000).found(&CHECK), ["low shop"]);
        assert_eq!(lab(20_100_000, 201_000).run(&CHECK).unwrap().examined, 1);
        assert!(lab(20_100_000, 201_000).found(&CHECK).is_empty());
    }

    #[test]
    fn too_little_traffic_is_no_verdict() {
        // a thousand days of autovacuum alone, an application that is hardly there, and too few sessions
        for lab in [lab(0, 0), lab(1_400_000, 0), lab(20_000, 20), lab(40, 20), lab(40_000, 20_000)] {
            let verdict = lab.run(&CHECK).unwrap();
            assert_eq!((verdict.examined, verdict.findings.len(), verdict.unjudged.len()), (0, 0, 1));
            assert_eq!(verdict.unjudged[0].reason.reason, Reason::Observation);
        }
    }

    #[test]
    fn a_pool_opened_before_the_window_passes() {
        let mut lab = lab(1_000_000, 50);
        lab.role("app");
        lab.session("app", "idle", 4000.0);
        let mut before = lab.snapshot.clone();
        before.captured_at = now().plus_seconds(-300.0);
        lab.before = Some(before);
        rows(&mut lab.snapshot.server.database_stats)[0].commits += 5000;
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.examined, verdict.findings.len()), (1, 0));
        rows(&mut lab.snapshot.server.activity).clear();
        lab.before.as_mut().unwrap().server.activity = lab.snapshot.server.activity.clone();
        assert_eq!(lab.run(&CHECK).unwrap().unjudged.len(), 1, "nobody was connected");
    }

    #[test]
    fn the_window_between_snapshots_is_judged_alone() {
        let mut lab = lab(20_000_000, 1000);
        assert!(lab.found(&CHECK).is_empty());
        let mut before = lab.snapshot.clone();
        before.captured_at = now().plus_seconds(-300.0);
        lab.before = Some(before);
        let stats = &mut rows(&mut lab.snapshot.server.database_stats)[0];
        (stats.commits, stats.sessions) = (stats.commits + 800, stats.sessions + 400);
        assert_eq!(lab.found(&CHECK), ["medium shop"]);
        // a reset in between: the counters since then, of no known length but the stamp's
        rows(&mut lab.snapshot.server.database_stats)[0].stats_reset = Some(now().plus_seconds(-60.0));
        let stats = &mut rows(&mut lab.snapshot.server.database_stats)[0];
        (stats.commits, stats.sessions) = (80, 40);
        assert_eq!(lab.found(&CHECK), ["medium shop"]);
    }

    #[test]
    fn counters_of_unknown_age_are_bounded() {
        let mut lab = lab(8_000_000, 4_000_000);
        rows(&mut lab.snapshot.server.database_stats)[0].stats_reset = None;
        // no identifier tells the age of the cluster
        let crate::facts::Fact::Read { rows: control, .. } = &mut lab.snapshot.server.control else { unreachable!() };
        control.system_identifier = "x".into();
        assert_eq!(lab.run(&CHECK).unwrap().unjudged.len(), 1);
        // born thirty days ago
        let born = now().plus_seconds(-30.0 * 86_400.0).unix_micros() as u64 / 1_000_000;
        let crate::facts::Fact::Read { rows: control, .. } = &mut lab.snapshot.server.control else { unreachable!() };
        control.system_identifier = (born << 32).to_string();
        assert_eq!(lab.found(&CHECK), ["medium shop"]);
    }

    #[test]
    fn idle_databases_nobody_audited_are_passed_over() {
        let mut lab = lab(20_000_000, 1000);
        for database in ["other", "postgres"] {
            rows(&mut lab.snapshot.server.database_stats)
                .push(DatabaseStats { database: database.into(), ..DatabaseStats::default() });
        }
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.examined, verdict.unjudged.len()), (1, 0));
    }
}
