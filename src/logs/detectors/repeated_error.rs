//! Error that happens again and again
//!
//! ## Why it matters
//! Each is a request that failed, or one that an application hides from everybody, itself included. A few mean that the
//! server runs out of something, or that data is damaged.
//!
//! ## How it is decided
//! Errors of one SQLSTATE and message, values left out, that are neither deadlocks nor cancellations: from 10 on *low*,
//! and *medium* where they are at least 1 % of the database's executions (told only where every execution is in the
//! log). From the first one on *medium*: the server lacks memory, disk or connections (class 53), crashed (57P02), met
//! an error of the operating system (58) or of its own (XX). From the first one on *high*: damaged data (XX001, XX002),
//! and a panic. From 10 on *medium*: connections refused while the server starts or stops (57P03). Where the log has no
//! SQLSTATE (`%e`), the words of the commonest of these tell, in English.
//!
//! ## What to do
//! It depends on the error: its class is in the finding, with the queries that failed.
//!
//! ## Limits
//! Some errors are a program's way to ask: a unique key that may be there already (`on conflict` asks without failing),
//! a serialization failure that is tried again. Nobody can tell from the log. Errors inside PL/pgSQL that are caught
//! are not logged. With `log_min_messages` above `error`, nothing is.

use super::confidence::whole;
use super::lock_wait::queries;
use super::prelude::*;
use crate::logs::workload::Failures;

/// The same failure, many times.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "repeated-error",
        category: Category::Queries,
        severity: Severity::Low,
        source: include_str!("repeated_error.rs"),
    },
    params: &[&LEAST, &SHARE],
    run: Run::Database(run),
};

static LEAST: Param = Param {
    name: "minimum_count",
    doc: "fewer of one message are no repetition; errors of the server itself count from the first one on",
    default: 10.0,
    unit: Unit::Count,
};

static SHARE: Param = Param {
    name: "medium_share",
    doc: "from this share of the database's executions on it is medium: one in a hundred users sees it",
    default: 0.01,
    unit: Unit::Ratio,
};

/// Beginnings of messages that tell what the SQLSTATE would, where it is not logged.
const WORDS: [(&str, &str); 11] = [
    ("invalid page in block", "XX001"),
    ("missing chunk number", "XX001"),
    ("could not read block", "58030"),
    ("could not write block", "58030"),
    ("could not extend file", "53100"),
    ("out of memory", "53200"),
    ("out of shared memory", "53200"),
    ("sorry, too many clients already", "53300"),
    ("remaining connection slots are reserved", "53300"),
    ("the database system is starting up", "57P03"),
    ("the database system is shutting down", "57P03"),
];

fn sqlstate(failures: &Failures) -> &str {
    let by_words = || WORDS.iter().find(|(words, _)| failures.message.starts_with(words)).map(|(_, state)| *state);
    failures.sqlstate.as_deref().or_else(by_words).unwrap_or_default()
}

/// How much a failure matters from the first one on, whatever its number.
fn of_the_server(failures: &Failures) -> Option<Severity> {
    if failures.severity == "PANIC" {
        return Some(Severity::High);
    }
    match (sqlstate(failures), sqlstate(failures).get(..2).unwrap_or_default()) {
        ("XX001" | "XX002", _) => Some(Severity::High),
        ("57P02", _) | (_, "53" | "58" | "XX") => Some(Severity::Medium),
        _ => None,
    }
}

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    let (least, medium) = (cx.param(&DETECTOR.meta, &LEAST), cx.param(&DETECTOR.meta, &SHARE));
    let executions: u64 = cx.queries(database).map(|query| query.calls + query.errors).sum();
    // of a log that leaves executions out, they are no whole to be a part of
    let is_known = executions > 0 && cx.workload.logging.is_complete();
    let mut verdict = Verdict::default();
    verdict.examine();
    let of_database = |failures: &&Failures| failures.database == database && failures.kind.is_none();
    for failures in cx.workload.failures.iter().filter(of_database) {
        if super::deadlock::is_deadlock(failures) {
            continue;
        }
        let share = is_known.then(|| failures.count as f64 / executions as f64);
        let by_number = (failures.count as f64 >= least).then(|| {
            let is_much = share.is_some_and(|share| share >= medium) || sqlstate(failures) == "57P03";
            if is_much { Severity::Medium } else { DETECTOR.meta.severity.clone() }
        });
        let Some(severity) = of_the_server(failures).into_iter().chain(by_number).max() else { continue };
        let times = match failures.count {
            1 => "once".to_owned(),
            count => format!("{} times", humane(count as f64, &Unit::Count)),
        };
        let name = match &failures.sqlstate {
            Some(state) => format!("{state} {}", failures.message),
            None => failures.message.clone(),
        };
        let subject = Subject::named(SubjectKind::Database, Some(database), &name);
        let mut finding = Finding::new(&DETECTOR.meta, subject, format!("{times}: {name}"))
            .severity(severity)
            .count("count", whole(failures.count), Unit::Count)
            .text("level", &*failures.severity)
            .text("text", &*failures.message)
            .number("threshold", least, Unit::Count)
            .number("medium_threshold", medium, Unit::Ratio);
        if let Some(state) = &failures.sqlstate {
            finding = finding.text("sqlstate", &**state);
        }
        if let Some(share) = share {
            finding = finding.number("share_of_executions", share, Unit::Ratio);
        }
        for (name, time) in [("first", failures.first), ("last", failures.last)] {
            if let Some(time) = time {
                finding = finding.text(name, time.to_string());
            }
        }
        let finding = finding.list("queries", queries(cx, database, &failures.queries));
        verdict.find(finding.advice(advice(sqlstate(failures))));
    }
    Ok(verdict)
}

fn advice(state: &str) -> &'static str {
    match (state, state.get(..2).unwrap_or_default()) {
        ("23505", _) => {
            "a key that is there already: insert … on conflict asks without failing; if it is a race, that is its end too"
        }
        (_, "23") => "a constraint was violated: check before it gets here, and find which path of the code does not",
        (_, "22") => "a value does not fit its type: validate what comes from outside before it becomes a parameter",
        ("40001", _) => {
            "a transaction that could not be serialised: the application must try it again, and it should be short"
        }
        ("42501", _) => "a privilege is missing: grant it if the role should have it, and look who it is if not",
        (_, "42") => {
            "a name or a statement the database does not know: code and schema are of different versions, or SQL is put \
             together from parts"
        }
        (_, "28") => {
            "logins fail: a wrong password in some configuration, or somebody is guessing; look at the addresses"
        }
        (_, "25") => {
            "statements in a transaction that failed already, or writes in a read-only one: roll back on errors"
        }
        ("53300", _) => {
            "there are no connections left: a pool before the server, and smaller pools in the applications"
        }
        (_, "53") => "the server lacks memory or disk: look at both, and at work_mem times the number of sessions",
        ("XX001" | "XX002", _) => {
            "data is damaged: stop writing, keep a copy of the files, look at the disk, and restore from a backup; amcheck \
             finds what else is"
        }
        (_, "57") => "the server was starting or stopping, or it crashed: look for the lines before it",
        (_, "58" | "XX") => "the operating system or the server itself failed: look at the disk, then for a known bug",
        (_, "08") => "connections break: look at time limits between client and server, of a proxy or a firewall",
        _ => "look at the queries that fail, and at what the application does when they do",
    }
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::{DATABASE, Lab};
    use super::*;
    use std::collections::BTreeMap;

    fn failures(sqlstate: Option<&str>, message: &str, count: u64) -> Failures {
        Failures {
            database: DATABASE.into(),
            severity: "ERROR".into(),
            sqlstate: sqlstate.map(str::to_owned),
            message: message.into(),
            kind: None,
            count,
            queries: BTreeMap::new(),
            first: None,
            last: None,
        }
    }

    fn found(of: Failures) -> Vec<String> {
        let mut lab = Lab::new();
        lab.query("select * from orders where id = $1", 10_000);
        lab.workload.failures.push(of);
        lab.found(&DETECTOR)
    }

    #[test]
    fn ten_are_a_repetition() {
        let message = "duplicate key value violates unique constraint \"users_pkey\"";
        assert!(found(failures(Some("23505"), message, 9)).is_empty());
        assert_eq!(found(failures(Some("23505"), message, 10)), [format!("low 10 times: 23505 {message}")]);
        assert!(found(failures(Some("23505"), message, 100))[0].starts_with("medium 100 times"));
    }

    #[test]
    fn a_share_needs_every_execution() {
        let mut lab = Lab::new();
        lab.query("select * from orders where id = $1", 100);
        lab.workload.failures.push(failures(None, "division by zero", 10));
        assert_eq!(lab.found(&DETECTOR), ["medium 10 times: division by zero"]);
        lab.workload.logging.told_threshold = Some(100_000);
        assert_eq!(lab.found(&DETECTOR), ["low 10 times: division by zero"]);
    }

    #[test]
    fn what_ails_the_server_counts_from_the_first() {
        for (state, message, severity) in [
            (Some("XX001"), "invalid page in block ? of relation base/?", "high"),
            (None, "invalid page in block ? of relation base/?", "high"),
            (Some("53300"), "sorry, too many clients already", "medium"),
            (None, "sorry, too many clients already", "medium"),
            (None, "out of memory", "medium"),
            (Some("58030"), "could not read block ?", "medium"),
            (Some("XX000"), "cache lookup failed for relation ?", "medium"),
            (Some("57P02"), "terminating connection because of crash of another server process", "medium"),
        ] {
            let found = found(failures(state, message, 1));
            assert!(found[0].starts_with(&format!("{severity} once: ")), "{found:?}");
        }
        assert!(found(failures(Some("57P03"), "the database system is starting up", 9)).is_empty());
        assert!(found(failures(None, "the database system is starting up", 10))[0].starts_with("medium"));
        let mut panic = failures(None, "could not locate a valid checkpoint record", 1);
        panic.severity = "PANIC".into();
        assert!(found(panic)[0].starts_with("high"));
    }

    #[test]
    fn what_other_detectors_say_is_left_to_them() {
        let mut cancelled = failures(None, "canceling statement due to user request", 50);
        cancelled.kind = Some("user request".into());
        assert!(found(cancelled).is_empty());
        assert!(found(failures(Some("40P01"), "deadlock detected", 50)).is_empty());
    }

    #[test]
    fn its_key_is_of_its_message() {
        let mut lab = Lab::new();
        let mut logins = failures(Some("28P01"), "password authentication failed for user \"…\"", 20);
        logins.severity = "FATAL".into();
        lab.workload.failures.push(logins);
        let finding = lab.run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!(
            finding.key,
            "repeated-error:shop/28P01%20password%20authentication%20failed%20for%20user%20%22…%22"
        );
        assert!(finding.hint.unwrap().text.contains("guessing"));
    }
}
