//! Connections older than a pool should keep them
//!
//! ## Why it matters
//! An old connection holds memory its statements once needed, keeps a server that was replaced or a rotated password alive
//! in the pool, and does not move when the load balancer does. A pool that retires its connections forgets all of that.
//!
//! ## How it is decided
//! The age of every session of an application's role. From 30 minutes on it is *medium*: one is enough, since a maximum
//! lifetime below that would have ended it. Sessions are grouped by database, role, client address and application.
//! A connection whose transaction began before its time was up is *info*: no pool retires a connection in use. Tools by
//! their name, listeners, standbys and this audit are left out.
//! That none is old at one instant proves nothing. It passes when the samples span a day, are enough, and show at least one
//! connection older than half the limit.
//!
//! ## What to do
//! Set the pool's maximum lifetime, with jitter, so that connections do not all end at once.
//!
//! ## Limits
//! A connection that is checked out but idle looks like any other. Behind a pooler the ages are those of the pooler's
//! connections (PgBouncer's `server_lifetime` is an hour by default), and the applications' own are not visible.

use super::prelude::*;
use crate::facts::activity::Activity;
use crate::sessions::{
    Pool, by_pool, instants, is_application, is_listening, last_seen, long_enough, observed, pooler,
};

/// A pool that never retires its connections.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "connection-too-old",
        category: Category::Connections,
        severity: Severity::Medium,
        source: include_str!("connection_too_old.rs"),
    },
    params: &[&MAX_AGE, &SEEN_AGE, &SPAN, &SAMPLES],
    run: Run::Server(run),
};

static MAX_AGE: Param = Param {
    name: "max_age_seconds",
    doc: "a connection is too old from this on; the checklist asks for less than 30 minutes",
    default: 1800.0,
    unit: Unit::Seconds,
};

static SEEN_AGE: Param = Param {
    name: "seen_age_seconds",
    doc: "to pass, a connection of at least this age must have been seen; half the limit, else all are simply short",
    default: 900.0,
    unit: Unit::Seconds,
};

static SPAN: Param = Param {
    name: "span_seconds",
    doc: "to pass, the samples must span this: a day, so that the quiet hours are among them",
    default: 86_400.0,
    unit: Unit::Seconds,
};

static SAMPLES: Param = Param {
    name: "min_samples",
    doc: "to pass, there must be so many samples; one an hour over the default span",
    default: 24.0,
    unit: Unit::Count,
};

fn age(session: &Activity) -> f64 {
    session.seconds_since(session.process.started_at).unwrap_or(0.0)
}

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let limit = cx.param(&CHECK.meta, &MAX_AGE);
    let instants = instants(cx.snapshot)?;
    cx.snapshot.server.roles.read()?;
    let mut verdict = Verdict::default();
    if let Some(last) = instants.last() {
        crate::sessions::cannot_tell_hidden(cx, last.sessions, &mut verdict);
    }
    let judged = |session: &&Activity| is_application(cx, session) && !is_listening(session);
    for (pool, sessions) in by_pool(last_seen(&instants).into_iter().filter(judged)) {
        verdict.examine();
        let old: Vec<&Activity> = sessions.iter().copied().filter(|session| age(session) >= limit).collect();
        // in use since before its time was up
        let (busy, free): (Vec<&Activity>, Vec<&Activity>) = old.into_iter().partition(|session| {
            let since = session.process.transaction_started_at.zip(session.process.started_at);
            since.and_then(|(transaction, start)| transaction.seconds_since(start)).is_some_and(|at| at < limit)
        });
        let found = match (free.as_slice(), busy.as_slice()) {
            ([], []) => continue,
            ([], busy) => (Severity::Info, busy, ", each in a transaction since before"),
            (free, _) => (CHECK.meta.severity.clone(), free, ""),
        };
        verdict.find(finding(&pool, found, sessions.len(), limit));
    }
    // connections in use say nothing of those that were given back
    if verdict.findings.iter().all(|finding| finding.severity == Severity::Info) {
        let observed = observed(cx)?;
        let enough = long_enough(&observed, cx.param(&CHECK.meta, &SPAN), cx.param(&CHECK.meta, &SAMPLES));
        let seen = cx.param(&CHECK.meta, &SEEN_AGE);
        let enough = enough.and_then(|()| {
            match last_seen(&observed).into_iter().filter(judged).any(|session| age(session) >= seen) {
                true => Ok(()),
                false => Err(Missing::new(
                    "activity",
                    Reason::Observation,
                    format!(
                        "no application's connection was seen that was even {} old, so nothing was retired",
                        humane(seen, &Unit::Seconds)
                    ),
                )),
            }
        });
        if let Err(missing) = enough {
            verdict.cannot_tell(Subject::server(), missing);
        }
    }
    Ok(verdict)
}

fn finding(pool: &Pool, found: (Severity, &[&Activity], &str), all: usize, limit: f64) -> Finding {
    let (severity, old, suffix) = found;
    let oldest = old.iter().copied().map(age).fold(0.0, f64::max);
    let connections = if old.len() == 1 { "connection" } else { "connections" };
    let message = format!(
        "{} {connections} of {} to {} older than {}, the oldest {}{suffix}",
        old.len(),
        pool.label(),
        pool.database,
        humane(limit, &Unit::Seconds),
        humane(oldest, &Unit::Seconds)
    );
    let finding = pool
        .tell(Finding::new(&CHECK.meta, pool.subject(), message).severity(severity))
        .count("connections", old.len() as i64, Unit::Count)
        .count("of", all as i64, Unit::Count)
        .number("oldest", oldest, Unit::Seconds)
        .number("threshold", limit, Unit::Seconds);
    if finding.severity == Severity::Info {
        return finding.advice(
            "a pool retires a connection when it is given back: shorten the transactions, and look again without them",
        );
    }
    match old.iter().find_map(|session| pooler(session)) {
        Some(name) => finding.text("pooler", name).advice(format!(
            "these are the connections {name} keeps to the server: set its lifetime of server connections below the limit \
             (PgBouncer's server_lifetime)"
        )),
        None => finding.advice(
            "set the pool's maximum lifetime below the limit, with jitter: 25 minutes leaves room (Hikari maxLifetime, \
             SQLAlchemy pool_recycle, pgx pool_max_conn_lifetime, PgBouncer server_lifetime)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Sample, Snapshot};
    use crate::testing::{Lab, now, rows};

    fn lab(ages: &[f64]) -> Lab {
        let mut lab = Lab::new();
        lab.role("app");
        for age in ages {
            lab.session("app", "idle", *age);
        }
        lab
    }

    /// The same sessions, seen so many times over so many hours.
    fn sampled(mut lab: Lab, samples: usize, hours: f64) -> Lab {
        let sessions = rows(&mut lab.snapshot.server.activity).clone();
        for sample in 1..samples {
            let at = now().plus_seconds(-hours * 3600.0 / (samples - 1) as f64 * sample as f64);
            lab.snapshot.samples.push(Sample { at, sessions: sessions.clone() });
        }
        lab
    }

    #[test]
    fn one_old_connection_is_enough_and_pools_are_one_finding() {
        assert_eq!(lab(&[1800.0]).found(&CHECK), ["medium shop/app@10.0.0.1%20app"]);
        assert!(lab(&[1799.9]).found(&CHECK).is_empty());
        let finding = lab(&[60.0, 4000.0, 7200.0]).run(&CHECK).unwrap().findings.remove(0);
        assert_eq!(finding.message, "2 connections of app@10.0.0.1 app to shop older than 30 min, the oldest 2 h");
    }

    #[test]
    fn one_sample_never_passes_and_a_day_of_them_does() {
        let open = |lab: &Lab| lab.run(&CHECK).unwrap().unjudged.len();
        assert_eq!(open(&lab(&[1000.0])), 1);
        assert_eq!(open(&sampled(lab(&[1000.0]), 25, 12.0)), 1);
        assert_eq!(open(&sampled(lab(&[1000.0]), 2, 30.0)), 1);
        assert_eq!(open(&sampled(lab(&[10.0]), 25, 25.0)), 1, "nothing older than 15 minutes was seen");
        assert_eq!(open(&sampled(lab(&[1000.0]), 25, 25.0)), 0);
    }

    #[test]
    fn samples_of_the_earlier_snapshot_count_as_observation_only() {
        let mut lab = sampled(lab(&[1000.0]), 12, 6.0);
        let mut before: Snapshot = lab.snapshot.clone();
        before.captured_at = now().plus_seconds(-86_400.0);
        for sample in &mut before.samples {
            sample.at = sample.at.plus_seconds(-86_400.0);
        }
        before.server.activity =
            crate::facts::Fact::Read { at: before.captured_at, rows: rows(&mut lab.snapshot.server.activity).clone() };
        rows(&mut before.server.activity)[0].process.started_at = Some(now().plus_seconds(-9000.0));
        lab.before = Some(before);
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.findings.len(), verdict.unjudged.len()), (0, 0));
    }

    #[test]
    fn connections_in_use_are_not_retired() {
        let mut lab = lab(&[]);
        let session = lab.session("app", "active", 4000.0);
        session.transaction_started_at = Some(now().plus_seconds(-3000.0));
        assert_eq!(lab.found(&CHECK), ["info shop/app@10.0.0.1%20app"]);
        assert_eq!(lab.run(&CHECK).unwrap().unjudged.len(), 1, "of the others nothing is known");
        let session = lab.session("app", "active", 9000.0);
        session.transaction_started_at = Some(now().plus_seconds(-3000.0));
        assert_eq!(
            lab.found(&CHECK),
            ["medium shop/app@10.0.0.1%20app"],
            "it began when the connection was old already"
        );
    }

    #[test]
    fn what_is_nobodys_pool_is_left_out() {
        let mut lab = lab(&[]);
        lab.role("postgres").is_superuser = true;
        lab.role("auditor").member_of = vec!["pg_monitor".into()];
        lab.session("postgres", "idle", 9000.0);
        lab.session("auditor", "idle", 9000.0);
        lab.session("app", "idle", 9000.0).application = Some("pg_dump".into());
        lab.session("app", "idle", 9000.0).application = Some("pgassay/0.1".into());
        lab.session("app", "active", 9000.0).backend_type = Some("walsender".into());
        lab.session("app", "idle", 9000.0).query = Some("LISTEN jobs".into());
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.examined, verdict.findings.len()), (0, 0));
    }

    #[test]
    fn a_superuser_is_the_application_where_nobody_else_can_be() {
        let mut lab = lab(&[9000.0]);
        rows(&mut lab.snapshot.server.roles)[0].is_superuser = true;
        assert_eq!(lab.found(&CHECK), ["medium shop/app@10.0.0.1%20app"]);
    }

    #[test]
    fn poolers_are_named() {
        let mut lab = lab(&[]);
        lab.session("app", "idle", 3600.0).application = Some("PgBouncer".into());
        let hint = lab.run(&CHECK).unwrap().findings.remove(0).hint.unwrap();
        assert!(hint.text.contains("server_lifetime"));
    }

    #[test]
    fn hidden_sessions_are_not_judged() {
        let mut lab = lab(&[]);
        let session = lab.session("app", "idle", 9000.0);
        (session.backend_type, session.started_at) = (None, None);
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!(verdict.unjudged[0].reason.unlock.as_deref(), Some("grant pg_read_all_stats to auditor;"));
    }
}
