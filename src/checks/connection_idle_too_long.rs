//! Connections idle for longer than a pool should keep them
//!
//! ## Why it matters
//! An idle connection is a process with memory and a slot of `max_connections` that nobody else can have. Firewalls and
//! load balancers drop such connections silently, and the next request pays for it.
//!
//! ## How it is decided
//! How long each session of an application's role has been idle. From 10 minutes on it is *medium*; *low* where the pool
//! looks like one of constant size, to which an idle timeout does not apply: as many connections at every sample over at
//! least that time, or several opened within a minute of each other and all still there. Sessions are grouped by database,
//! role, client address and application; tools by their name, listeners, standbys and this audit are left out.
//! That none is idle at one instant proves nothing: it passes when the samples span a day, are enough, and show idle
//! connections of applications at all.
//!
//! ## What to do
//! Set the pool's idle timeout, and its minimum to what quiet hours need. `idle_session_timeout` is not the means: it ends
//! connections behind the pool's back.
//!
//! ## Limits
//! A pool's keepalive query starts the time anew. The connections of a pool's minimum never expire, and how many those are
//! is not visible here.

use super::prelude::*;
use crate::facts::activity::Activity;
use crate::sessions::{
    Instant, Pool, by_pool, instants, is_application, is_listening, last_seen, long_enough, observed, pooler,
};

/// A pool that keeps what it does not need.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "connection-idle-too-long",
        category: Category::Connections,
        severity: Severity::Medium,
        source: include_str!("connection_idle_too_long.rs"),
    },
    params: &[&MAX_IDLE, &TOGETHER, &SPAN, &SAMPLES],
    run: Run::Server(run),
};

static MAX_IDLE: Param = Param {
    name: "max_idle_seconds",
    doc: "a connection is idle for too long from this on; the checklist asks for less than 10 minutes",
    default: 600.0,
    unit: Unit::Seconds,
};

static TOGETHER: Param = Param {
    name: "opened_together_seconds",
    doc: "connections opened within this time of each other look like a pool that was filled when it started",
    default: 60.0,
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

/// How long it has been idle; none where it is not.
fn idle(session: &Activity) -> Option<f64> {
    let is_idle = session.process.state.as_deref() == Some("idle");
    is_idle.then(|| session.seconds_since(session.process.state_changed_at)).flatten()
}

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let limit = cx.param(&CHECK.meta, &MAX_IDLE);
    let instants = instants(cx.snapshot)?;
    cx.snapshot.server.roles.read()?;
    let observed = observed(cx)?;
    let mut verdict = Verdict::default();
    if let Some(last) = instants.last() {
        crate::sessions::cannot_tell_hidden(cx, last.sessions, &mut verdict);
    }
    let judged = |session: &&Activity| is_application(cx, session) && !is_listening(session);
    for (pool, sessions) in by_pool(last_seen(&instants).into_iter().filter(judged)) {
        verdict.examine();
        let long: Vec<(f64, &Activity)> = sessions
            .iter()
            .filter_map(|session| Some((idle(session)?, *session)))
            .filter(|(idle, _)| *idle >= limit)
            .collect();
        if long.is_empty() {
            continue;
        }
        let constant = is_constant(cx, &pool, &sessions, &observed, limit);
        verdict.find(finding(&pool, &long, sessions.len(), constant, limit));
    }
    if verdict.findings.is_empty() {
        let enough = long_enough(&observed, cx.param(&CHECK.meta, &SPAN), cx.param(&CHECK.meta, &SAMPLES));
        let enough = enough.and_then(|()| {
            match last_seen(&observed).into_iter().filter(judged).any(|session| idle(session).is_some()) {
                true => Ok(()),
                false => Err(Missing::new(
                    "activity",
                    Reason::Observation,
                    "no application's connection was ever seen idle, so no idle timeout was seen at work",
                )),
            }
        });
        if let Err(missing) = enough {
            verdict.cannot_tell(Subject::server(), missing);
        }
    }
    Ok(verdict)
}

/// Whether a pool looks like one of constant size.
fn is_constant(
    cx: &ServerContext<'_>,
    pool: &Pool,
    sessions: &[&Activity],
    observed: &[Instant<'_>],
    limit: f64,
) -> bool {
    let size = |instant: &Instant<'_>| instant.sessions.iter().filter(|session| Pool::of(session) == *pool).count();
    let span = observed.first().zip(observed.last()).and_then(|(first, last)| last.at.seconds_since(first.at));
    if span.is_some_and(|span| span >= limit) {
        return observed.iter().all(|instant| size(instant) == sessions.len());
    }
    let starts = || sessions.iter().filter_map(|session| session.process.started_at);
    let spread = starts().max().zip(starts().min()).and_then(|(last, first)| last.seconds_since(first));
    sessions.len() > 1 && spread.is_some_and(|spread| spread <= cx.param(&CHECK.meta, &TOGETHER))
}

fn finding(pool: &Pool, long: &[(f64, &Activity)], all: usize, constant: bool, limit: f64) -> Finding {
    let longest = long.iter().map(|(idle, _)| *idle).fold(0.0, f64::max);
    let connections = if long.len() == 1 { "connection" } else { "connections" };
    let message = format!(
        "{} of {all} {connections} of {} to {} idle for more than {}, the longest {}{}",
        long.len(),
        pool.label(),
        pool.database,
        humane(limit, &Unit::Seconds),
        humane(longest, &Unit::Seconds),
        if constant { "; the pool looks like one of constant size" } else { "" }
    );
    let finding = pool
        .tell(Finding::new(&CHECK.meta, pool.subject(), message))
        .severity(if constant { Severity::Low } else { CHECK.meta.severity.clone() })
        .count("connections", long.len() as i64, Unit::Count)
        .count("of", all as i64, Unit::Count)
        .number("longest", longest, Unit::Seconds)
        .number("threshold", limit, Unit::Seconds);
    match long.iter().find_map(|(_, session)| pooler(session)) {
        Some(name) => finding.text("pooler", name).advice(format!(
            "these are the connections {name} keeps to the server: set its idle timeout of server connections below the \
             limit (PgBouncer's server_idle_timeout)"
        )),
        None => finding.advice(
            "set the pool's idle timeout below the limit and its minimum to what quiet hours need (Hikari idleTimeout and \
             minimumIdle, pgx pool_max_conn_idle_time, psycopg max_idle, PgBouncer server_idle_timeout)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Sample;
    use crate::testing::{Lab, now, rows};

    fn lab(idle: &[(f64, f64)]) -> Lab {
        let mut lab = Lab::new();
        lab.role("app");
        for (age, idle) in idle {
            lab.session("app", "idle", *age).state_changed_at = Some(now().plus_seconds(-idle));
        }
        lab
    }

    #[test]
    fn idle_connections_are_one_finding_a_pool() {
        assert_eq!(lab(&[(900.0, 600.0)]).found(&CHECK), ["medium shop/app@10.0.0.1%20app"]);
        assert!(lab(&[(900.0, 599.0)]).found(&CHECK).is_empty());
        let finding = lab(&[(9000.0, 700.0), (900.0, 800.0), (100.0, 1.0)]).run(&CHECK).unwrap().findings.remove(0);
        assert_eq!(finding.severity, Severity::Medium);
        assert_eq!((finding.measured("connections"), finding.measured("of")), (Some(2.0), Some(3.0)));
    }

    #[test]
    fn a_pool_of_constant_size_is_low() {
        assert_eq!(lab(&[(9000.0, 700.0), (8990.0, 5.0)]).found(&CHECK), ["low shop/app@10.0.0.1%20app"]);
        // seen twice, an hour apart
        let with = |before: usize| {
            let mut lab = lab(&[(9000.0, 700.0), (4000.0, 700.0)]);
            let sessions = rows(&mut lab.snapshot.server.activity)[..before].to_vec();
            lab.snapshot.samples.push(Sample { at: now().plus_seconds(-3600.0), sessions });
            lab.found(&CHECK)
        };
        assert_eq!(with(2), ["low shop/app@10.0.0.1%20app"]);
        assert_eq!(with(1), ["medium shop/app@10.0.0.1%20app"]);
    }

    #[test]
    fn only_idle_ones_count_and_one_sample_never_passes() {
        let mut lab = lab(&[]);
        lab.session("app", "active", 9000.0);
        lab.session("app", "idle in transaction", 9000.0);
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.findings.len(), verdict.unjudged.len()), (0, 1));
    }

    #[test]
    fn a_day_of_samples_passes() {
        let mut lab = lab(&[(100.0, 30.0)]);
        let sessions = rows(&mut lab.snapshot.server.activity).clone();
        for hour in 1..=24 {
            let at = now().plus_seconds(-3600.0 * f64::from(hour));
            lab.snapshot.samples.push(Sample { at, sessions: sessions.clone() });
        }
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.examined, verdict.findings.len(), verdict.unjudged.len()), (1, 0, 0));
    }
}
