//! Sessions that end after a moment
//!
//! ## Why it matters
//! A connection costs a process, a login and often a TLS handshake, milliseconds before the first statement runs. Under
//! load the server does little else, and a burst of requests is a burst of processes.
//!
//! ## How it is decided
//! For each role and application of a database, of the sessions whose end is in the log: *medium* from 30 sessions on
//! that began 0.1 a second or faster between the first and the last, where half of them lasted less than a second; or
//! from 100 on, where half of them sent 10 statements or fewer and lasted less than a minute. The rate and the least
//! number are those of `connection-per-request`, which sees the same in the server's counters. Where only connections
//! are logged, the role alone is known when they begin, and not how long they last. A log of less than five minutes
//! with fewer sessions does not tell.
//!
//! ## What to do
//! Put a pool into the application, or PgBouncer before the server; let the pool keep its connections for minutes.
//!
//! ## Limits
//! `application_name` is what the session has when it ends. Statements below a threshold are not in the log: then only
//! how long sessions last counts. A pooler before the server hides its clients. Health checks that connect are sessions
//! too, as is a program that cron starts.

use super::confidence::whole;
use super::context::at;
use super::prelude::*;
use crate::logs::distribution::Distribution;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// A connection for every request.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "short-lived-sessions",
        category: Category::Connections,
        severity: Severity::Medium,
        source: include_str!("short_lived_sessions.rs"),
    },
    params: &[&BRIEF, &SESSIONS, &RATE, &STATEMENTS, &MANY, &WINDOW],
    run: Run::Database(run),
};

static BRIEF: Param = Param {
    name: "lifetime_seconds",
    doc: "half of the sessions shorter than this do one thing and end; a request of the checklist takes no longer",
    default: 1.0,
    unit: Unit::Seconds,
};

static SESSIONS: Param = Param {
    name: "min_sessions",
    doc: "sessions that must have ended before anything is said: the default rate over five minutes",
    default: 30.0,
    unit: Unit::Count,
};

static RATE: Param = Param {
    name: "sessions_per_second",
    doc: "sessions a second below which connecting is nobody's burden; one in ten seconds, more than people and cron cause",
    default: 0.1,
    unit: Unit::PerSecond,
};

static STATEMENTS: Param = Param {
    name: "statements",
    doc: "half of the sessions with so few statements or fewer are one request each; the checklist's own figure for one",
    default: 10.0,
    unit: Unit::Count,
};

static MANY: Param = Param {
    name: "many_sessions",
    doc: "sessions that must have ended before the number of their statements counts; it shows less than how long they last",
    default: 100.0,
    unit: Unit::Count,
};

static WINDOW: Param = Param {
    name: "window_seconds",
    doc: "a shorter log with few sessions does not tell that there are few; the time the least number takes at the rate",
    default: 300.0,
    unit: Unit::Seconds,
};

/// Sessions that with few statements are still requests are shorter than this, in seconds.
const SOON: f64 = 60.0;

const LOG_CONNECTIONS: &str = "alter system set log_connections = on; alter system set log_disconnections = on; select \
                               pg_reload_conf(); -- from 18 on log_connections = 'authorization' is enough";

/// Sessions that are alike.
#[derive(Debug, Default)]
struct Like {
    count: u64,
    lifetimes: Distribution,
    statements: Distribution,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Like {
    /// Sessions a second between the first and the last.
    fn rate(&self, window: f64) -> f64 {
        let span = match (self.first, self.last) {
            (Some(first), Some(last)) => last.seconds_since(first).unwrap_or(window),
            _ => window,
        };
        self.count as f64 / span.max(1.0)
    }
}

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    let logging = &cx.workload.logging;
    if !logging.has_connections && !logging.has_disconnections {
        let because = "connections are not in the log: log_connections and log_disconnections are off";
        return Err(Missing::new("sessions", Reason::Input, because).unlocked_by(LOG_CONNECTIONS));
    }
    let least = cx.param(&DETECTOR.meta, &SESSIONS);
    let rate = cx.param(&DETECTOR.meta, &RATE);
    let mut verdict = Verdict::default();
    let mut is_enough = false;
    for ((user, application), like) in alike(cx, database) {
        if (like.count as f64) < least {
            continue;
        }
        is_enough = true;
        let name = if application.is_empty() { user.to_owned() } else { format!("{user} {application}") };
        let subject = Subject::named(SubjectKind::Session, Some(database), &name);
        if like.rate(cx.seconds()) >= rate {
            match is_brief(cx, &like) {
                None => {
                    let because = "sessions begin fast, but how long they last is not in the log";
                    let missing = Missing::new("disconnections", Reason::Input, because)
                        .unlocked_by("alter system set log_disconnections = on; select pg_reload_conf();");
                    verdict.cannot_tell(subject, missing);
                    continue;
                }
                Some(true) => verdict.find(finding(cx, subject, user, application, &like)),
                Some(false) => {}
            }
        }
        verdict.examine();
    }
    let window = cx.param(&DETECTOR.meta, &WINDOW);
    if !is_enough {
        if cx.seconds() < window {
            let because = format!(
                "fewer than {least} sessions in {}, too short a time to tell how an application connects",
                humane(cx.seconds(), &Unit::Seconds)
            );
            let missing = Missing::new("sessions", Reason::Observation, because).unlocked_by("more of the log");
            verdict.cannot_tell(Subject::database(database), missing);
        } else {
            verdict.examine();
        }
    }
    Ok(verdict)
}

/// The sessions of a database that are known to the end, by role and application; where no end is logged, those that
/// began, by role: the application is not known yet when a connection is authorized.
fn alike<'a>(cx: &Context<'a>, database: &str) -> BTreeMap<(&'a str, &'a str), Like> {
    let has_ends = cx.workload.logging.has_disconnections;
    let mut alike: BTreeMap<(&str, &str), Like> = BTreeMap::new();
    for sessions in cx.workload.sessions.iter().filter(|sessions| sessions.database == database) {
        let count = if has_ends { sessions.lifetimes.count } else { sessions.connected };
        if count == 0 {
            continue;
        }
        let application = match sessions.application.as_str() {
            _ if !has_ends => "",
            "[unknown]" => "",
            name => name,
        };
        let like = alike.entry((&sessions.user, application)).or_default();
        like.count += count;
        like.lifetimes.merge(&sessions.lifetimes);
        like.statements.merge(&sessions.statements);
        like.first = like.first.into_iter().chain(sessions.first).min();
        like.last = like.last.max(sessions.last);
    }
    alike
}

/// Whether such sessions are one request each; none where nothing tells.
fn is_brief(cx: &Context<'_>, like: &Like) -> Option<bool> {
    let param = |param| cx.param(&DETECTOR.meta, param);
    let lifetime = like.lifetimes.quantile(0.5).map(|median| median.value / 1e6);
    if lifetime.is_some_and(|seconds| seconds < param(&BRIEF)) {
        return Some(true);
    }
    let knows_statements =
        cx.workload.logging.is_complete() && like.statements.sum > 0 && like.count as f64 >= param(&MANY);
    if knows_statements && lifetime.is_none_or(|seconds| seconds < SOON) {
        return Some(at(&like.statements, 0.5) <= param(&STATEMENTS));
    }
    lifetime.map(|_| false)
}

fn finding(cx: &Context<'_>, subject: Subject, user: &str, application: &str, like: &Like) -> Finding {
    let param = |param| cx.param(&DETECTOR.meta, param);
    let seconds = |share| at(&like.lifetimes, share) / 1e6;
    let count = humane(like.count as f64, &Unit::Count);
    let rate = like.rate(cx.seconds());
    let brief = !like.lifetimes.is_empty() && seconds(0.5) < param(&BRIEF);
    let message = if brief {
        format!(
            "{count} sessions, {}, half of them shorter than {}",
            humane(rate, &Unit::PerSecond),
            humane(seconds(0.5).max(0.001), &Unit::Seconds)
        )
    } else {
        format!(
            "{count} sessions, {}, half of them with {} statements or fewer",
            humane(rate, &Unit::PerSecond),
            at(&like.statements, 0.5)
        )
    };
    let mut finding = Finding::new(&DETECTOR.meta, subject, message)
        .text("role", user)
        .text("application", application)
        .count("sessions", whole(like.count), Unit::Count)
        .number("sessions_per_second", rate, Unit::PerSecond);
    if !like.lifetimes.is_empty() {
        finding = finding.number("lifetime_p50", seconds(0.5), Unit::Seconds).number(
            "lifetime_p95",
            seconds(0.95),
            Unit::Seconds,
        );
    }
    if cx.workload.logging.is_complete() && like.statements.sum > 0 {
        finding = finding.number("statements_p50", at(&like.statements, 0.5), Unit::Count);
    }
    finding
        .number("threshold_lifetime", param(&BRIEF), Unit::Seconds)
        .number("threshold_statements", param(&STATEMENTS), Unit::Count)
        .number("threshold", param(&RATE), Unit::PerSecond)
        .advice(
            "keep connections in a pool in the application, for minutes and not for a request, or put PgBouncer in \
             transaction mode before the server",
        )
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::{DATABASE, Lab};
    use super::*;
    use crate::logs::workload::Sessions;

    /// So many sessions in an hour, each so long and with so many statements.
    fn sessions(count: u64, lifetime: f64, statements: u64) -> Sessions {
        let mut one = Sessions {
            database: DATABASE.into(),
            user: "app".into(),
            application: "web".into(),
            connected: count,
            lifetimes: Distribution::default(),
            statements: Distribution::default(),
            executions: 0,
            first: Timestamp::parse("2026-11-22"),
            last: Timestamp::parse("2026-11-22").map(|from| from.plus_seconds(3600.0)),
        };
        for _ in 0..count {
            one.lifetimes.add((lifetime * 1e6) as u64);
            one.statements.add(statements);
        }
        one
    }

    fn lab(of: impl IntoIterator<Item = Sessions>) -> Lab {
        let mut lab = Lab::new();
        (lab.workload.logging.has_connections, lab.workload.logging.has_disconnections) = (true, true);
        lab.workload.sessions.extend(of);
        lab
    }

    #[test]
    fn short_ones_are_found() {
        assert_eq!(
            lab([sessions(3600, 0.05, 2)]).found(&DETECTOR),
            ["medium 3,600 sessions, 1/s, half of them shorter than 50 ms"]
        );
        assert_eq!(
            lab([sessions(3600, 5.0, 10)]).found(&DETECTOR),
            ["medium 3,600 sessions, 1/s, half of them with 10 statements or fewer"]
        );
        let finding = lab([sessions(3600, 0.05, 2)]).run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!(finding.key, "short-lived-sessions:shop/app%20web");
    }

    #[test]
    fn pools_people_and_cron_are_not() {
        // a pool that renews its connections
        assert!(lab([sessions(3600, 1800.0, 5)]).found(&DETECTOR).is_empty());
        assert!(lab([sessions(3600, 30.0, 200)]).found(&DETECTOR).is_empty());
        // once a minute
        assert!(lab([sessions(60, 0.05, 1)]).found(&DETECTOR).is_empty());
        assert!(lab([sessions(29, 0.05, 1)]).found(&DETECTOR).is_empty());
        let verdict = lab([sessions(3600, 1800.0, 5)]).run(&DETECTOR).unwrap();
        assert_eq!((verdict.examined, verdict.unjudged.len()), (1, 0));
        // nothing ended in a whole day
        assert_eq!(lab([]).run(&DETECTOR).unwrap().examined, 1);
    }

    #[test]
    fn a_burst_counts_by_its_own_time() {
        let mut burst = sessions(100, 0.05, 2);
        burst.last = burst.first.map(|first| first.plus_seconds(10.0));
        assert!(lab([burst]).found(&DETECTOR)[0].starts_with("medium 100 sessions, 10/s"));
    }

    #[test]
    fn statements_below_a_threshold_do_not_count() {
        let mut lab = lab([sessions(3600, 5.0, 1)]);
        lab.workload.logging.told_threshold = Some(100_000);
        assert!(lab.found(&DETECTOR).is_empty() && lab.open(&DETECTOR).is_empty());
    }

    #[test]
    fn connections_must_be_logged() {
        let lab = Lab::new();
        let missing = lab.run(&DETECTOR).unwrap_err();
        assert_eq!(missing.reason, Reason::Input);
        assert!(missing.unlock.unwrap().contains("log_connections = 'authorization'"));
    }

    #[test]
    fn without_ends_only_statements_tell() {
        let mut one = sessions(3600, 0.0, 2);
        one.lifetimes = Distribution::default();
        let mut lab = lab([one.clone()]);
        lab.workload.logging.has_disconnections = false;
        let found = lab.found(&DETECTOR);
        assert_eq!(found, ["medium 3,600 sessions, 1/s, half of them with 2 statements or fewer"]);
        one.statements = Distribution::default();
        lab.workload.sessions = vec![one];
        assert_eq!(lab.open(&DETECTOR), ["sessions begin fast, but how long they last is not in the log"]);
    }

    #[test]
    fn a_short_log_does_not_tell() {
        let mut lab = lab([sessions(5, 0.05, 2)]);
        lab.workload.to = lab.workload.from.map(|from| from.plus_seconds(20.0));
        assert_eq!(
            lab.open(&DETECTOR),
            ["fewer than 30 sessions in 20 s, too short a time to tell how an application connects"]
        );
    }

    #[test]
    fn what_began_before_its_name_was_known_is_not_counted_twice() {
        let mut begun = sessions(3600, 0.0, 0);
        begun.application = "[unknown]".into();
        (begun.lifetimes, begun.statements) = (Distribution::default(), Distribution::default());
        let mut ended = sessions(3600, 0.05, 2);
        ended.connected = 0;
        let lab = lab([begun, ended]);
        assert_eq!(lab.found(&DETECTOR), ["medium 3,600 sessions, 1/s, half of them shorter than 50 ms"]);
    }
}
