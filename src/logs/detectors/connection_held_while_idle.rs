//! Transaction that waits for its client
//!
//! ## Why it matters
//! Between two statements of a transaction the server waits: its row locks, its connection and what vacuum may not
//! remove are held by nobody's work. It is how a call of another service inside a transaction looks from here, and how
//! a user thinking does.
//!
//! ## How it is decided
//! The longest pause of each transaction between the end of one statement and the start of the next, where it is 100 ms
//! or more, counted by the statement before it. Found where the 95th percentile is a second or more, or where there are
//! 10 such transactions: *low*; *medium* where both hold, or where one pause lasted 30 seconds, the figure of
//! `idle-in-transaction`. The transactions must be in the log, by `begin` and `commit` or by `%v` in the prefix, with
//! fractions of seconds. In a log with a threshold or of sampled statements a pause may be work that was not logged:
//! then nothing is said.
//!
//! ## What to do
//! Look for what the code does after that statement: an HTTP call, a file, a queue, a lock of its own. Do it before the
//! transaction begins or after it ends. `idle_in_transaction_session_timeout` is the backstop.
//!
//! ## Limits
//! What the client did meanwhile is not visible to the server; a slow network is a pause too. Only the longest pause of
//! a transaction counts. One that never ended in the log is not seen. A connection held without a transaction looks
//! idle.

use super::confidence::whole;
use super::context::{LOG_EVERYTHING, at, milliseconds, names};
use super::prelude::*;
use crate::logs::workload::Held;

/// Pauses inside transactions.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "connection-held-while-idle",
        category: Category::Connections,
        severity: Severity::Low,
        source: include_str!("connection_held_while_idle.rs"),
    },
    params: &[&PAUSE, &TRANSACTIONS, &LONG],
    run: Run::Database(run),
};

static PAUSE: Param = Param {
    name: "pause_p95_ms",
    doc: "a pause so long at the 95th percentile is no pause between two statements of one program",
    default: 1000.0,
    unit: Unit::Milliseconds,
};

static TRANSACTIONS: Param = Param {
    name: "transactions",
    doc: "so many transactions with a pause of 100 ms or more after one statement are how the program works, no accident",
    default: 10.0,
    unit: Unit::Count,
};

static LONG: Param = Param {
    name: "medium_pause_seconds",
    doc: "from one pause of this length on it is medium; the figure pgEdge's pg-healthcheck warns at",
    default: 30.0,
    unit: Unit::Seconds,
};

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::default();
    if cx.is_idle(database) {
        return Ok(verdict);
    }
    if let Err(missing) = can_tell(cx, database) {
        verdict.cannot_tell(Subject::database(database), missing);
        return Ok(verdict);
    }
    verdict.examine();
    for held in cx.workload.held.iter().filter(|held| held.database == database) {
        verdict.findings.extend(judge(cx, held));
    }
    Ok(verdict)
}

/// Whether a pause in the log is a pause, and whether transactions are there at all.
fn can_tell(cx: &Context<'_>, database: &str) -> Result<(), Missing> {
    cx.need_sessions()?;
    let logging = &cx.workload.logging;
    if !logging.has_fractions {
        let because = "times in the log are whole seconds: pauses need %m or %n in log_line_prefix";
        let missing = Missing::new("times", Reason::Input, because);
        return Err(
            missing.unlocked_by("alter system set log_line_prefix = '%m [%p] %q%u@%d '; select pg_reload_conf();")
        );
    }
    if logging.threshold().is_some() || logging.sample_rate.is_some() {
        let because = "not every statement is in the log, so that what looks like a pause may be work";
        return Err(Missing::new("statements", Reason::Input, because).unlocked_by(LOG_EVERYTHING));
    }
    let by_statement = |query: &QueryLoad| {
        let word = query.text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        query.calls > 0 && ["begin", "start", "commit", "end"].iter().any(|known| word.eq_ignore_ascii_case(known))
    };
    let is_there = cx.queries(database).any(by_statement)
        || cx.requests(database).any(|requests| requests.boundaries.contains_key(&Boundary::Transaction))
        || cx.workload.held.iter().any(|held| held.database == database);
    if !is_there {
        let because = "no transaction of several statements is in the log: neither begin and commit nor %v";
        return Err(Missing::new("transactions", Reason::Input, because).unlocked_by(LOG_EVERYTHING));
    }
    Ok(())
}

fn judge(cx: &Context<'_>, held: &Held) -> Option<Finding> {
    let param = |param| cx.param(&DETECTOR.meta, param);
    let (pause, many, long) = (param(&PAUSE), param(&TRANSACTIONS), param(&LONG));
    let (p95, most) = (at(&held.pauses, 0.95) / 1000.0, held.pauses.most as f64 / 1000.0);
    let (is_long, is_usual) = (p95 >= pause, held.transactions as f64 >= many);
    if !is_long && !is_usual {
        return None;
    }
    let severity = if (is_long && is_usual) || most >= long * 1000.0 { Severity::Medium } else { Severity::Low };
    let query = cx.query(&held.database, &held.after);
    let subject = match query {
        Some(query) => cx.subject(query),
        None => Subject::query(&held.database, &held.after, ""),
    };
    let message = match held.transactions {
        1 => format!("a transaction waits {} for its client after it", milliseconds(held.pauses.most as f64)),
        count => format!(
            "{} transactions wait for their client after it, {} at the 95th percentile",
            humane(count as f64, &Unit::Count),
            milliseconds(p95 * 1000.0)
        ),
    };
    Some(
        Finding::new(&DETECTOR.meta, subject, message)
            .severity(severity)
            .count("transactions", whole(held.transactions), Unit::Count)
            .number("pause_p50", at(&held.pauses, 0.5) / 1000.0, Unit::Milliseconds)
            .number("pause_p95", p95, Unit::Milliseconds)
            .number("pause_max", most, Unit::Milliseconds)
            .number("held", held.pauses.sum as f64 / 1e6, Unit::Seconds)
            .list("applications", names(&held.applications))
            .number("threshold", pause, Unit::Milliseconds)
            .number("threshold_transactions", many, Unit::Count)
            .number("medium_threshold", long, Unit::Seconds)
            .advice(
                "find what the code does after this statement (a call of another service, a user who thinks, work on the rows) \
                 and do it before the transaction begins or after it ends",
            ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::{DATABASE, Lab};
    use super::*;
    use crate::logs::distribution::Distribution;
    use std::collections::BTreeMap;

    fn lab(pauses: &[u64]) -> (Lab, String) {
        let mut lab = Lab::new();
        lab.query("begin", 100);
        let after = lab.query("select * from orders where id = $1 for update", 100);
        let mut distribution = Distribution::default();
        pauses.iter().for_each(|ms| distribution.add(ms * 1000));
        if !pauses.is_empty() {
            lab.workload.held.push(Held {
                database: DATABASE.into(),
                after: after.clone(),
                transactions: pauses.len() as u64,
                pauses: distribution,
                applications: BTreeMap::from([("web".into(), 1)]),
            });
        }
        (lab, after)
    }

    #[test]
    fn length_and_number_decide() {
        let found = |pauses: &[u64]| lab(pauses).0.found(&DETECTOR);
        assert!(found(&[150; 9]).is_empty());
        assert_eq!(found(&[1500]), ["low a transaction waits 1,500 ms for its client after it"]);
        assert_eq!(
            found(&[150; 10]),
            ["low 10 transactions wait for their client after it, 150 ms at the 95th percentile"]
        );
        assert!(found(&[1500; 10])[0].starts_with("medium 10 transactions"));
        assert!(found(&[30_000])[0].starts_with("medium a transaction waits 30 s"));
    }

    #[test]
    fn the_query_before_the_pause_is_the_subject() {
        let (lab, after) = lab(&[1500]);
        let finding = lab.run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!(finding.key, format!("connection-held-while-idle:shop/{after}"));
        assert_eq!(finding.evidence, Evidence::Measured);
        assert_eq!(finding.measured("held"), Some(1.5));
    }

    #[test]
    fn without_transactions_it_cannot_tell() {
        let mut bare = Lab::new();
        bare.query("select * from orders where id = $1", 100);
        let open = bare.open(&DETECTOR);
        assert_eq!(open, ["no transaction of several statements is in the log: neither begin and commit nor %v"]);
        bare.requests(None, Some("x"), 5, 3, Boundary::Transaction);
        assert!(bare.open(&DETECTOR).is_empty());
        let (with, _) = lab(&[]);
        assert_eq!(with.run(&DETECTOR).unwrap().examined, 1);
    }

    #[test]
    fn a_pause_that_may_be_work_is_none() {
        let (mut lab, _) = lab(&[1500; 20]);
        lab.workload.logging.seen_threshold = Some(10_000);
        assert!(lab.found(&DETECTOR).is_empty());
        assert_eq!(
            lab.open(&DETECTOR),
            ["not every statement is in the log, so that what looks like a pause may be work"]
        );
        lab.workload.logging.seen_threshold = None;
        lab.workload.logging.sample_rate = Some(0.5);
        assert!(lab.found(&DETECTOR).is_empty());
        // whole transactions are logged or none of it
        lab.workload.logging.sample_rate = None;
        lab.workload.logging.transaction_sample_rate = Some(0.5);
        assert_eq!(lab.found(&DETECTOR).len(), 1);
        lab.workload.logging.has_fractions = false;
        assert!(lab.open(&DETECTOR)[0].contains("whole seconds"));
        lab.workload.logging.has_sessions = false;
        assert!(lab.open(&DETECTOR)[0].contains("no process"));
    }
}
