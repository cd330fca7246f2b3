//! Deadlock
//!
//! ## Why it matters
//! Two transactions waited for each other, and the server ended one of them: a request failed that was not wrong in
//! itself, after a second or more in which both held their locks.
//!
//! ## How it is decided
//! The server logs every deadlock it breaks, as an error. One or more in a database is *medium*, 10 or more *high*. The
//! statements that were the victims are named.
//!
//! ## What to do
//! Change rows in one order everywhere: sort the keys before a loop of updates, or take the locks first with `select …
//! for update order by`. One statement for all rows needs the same order in its parts. Keep the transactions short, and
//! let the application try a transaction again that failed with 40P01.
//!
//! ## Limits
//! The other side of the deadlock is in the detail of the log's line, as text of a moment, and is not read here. With
//! `log_min_messages` above `error`, nothing is logged. Deadlocks of locks outside of the database are seen by nobody.

use super::confidence::whole;
use super::lock_wait::queries;
use super::prelude::*;
use crate::logs::workload::Failures;
use std::collections::BTreeMap;

/// Transactions that waited for each other.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "deadlock",
        category: Category::Locking,
        severity: Severity::Medium,
        source: include_str!("deadlock.rs"),
    },
    params: &[&HIGH],
    run: Run::Database(run),
};

static HIGH: Param = Param {
    name: "high_count",
    doc: "from so many deadlocks in a log on it is high: no accident any more, users are told of failures",
    default: 10.0,
    unit: Unit::Count,
};

/// Whether a failure is a deadlock's.
pub(super) fn is_deadlock(failures: &Failures) -> bool {
    failures.kind.as_deref() == Some("deadlock") || failures.sqlstate.as_deref() == Some("40P01")
}

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::default();
    verdict.examine();
    // one for each language of the message
    let of: Vec<&Failures> =
        cx.workload.failures.iter().filter(|failures| failures.database == database && is_deadlock(failures)).collect();
    let count: u64 = of.iter().map(|failures| failures.count).sum();
    if count == 0 {
        return Ok(verdict);
    }
    let high = cx.param(&DETECTOR.meta, &HIGH);
    let mut victims: BTreeMap<String, u64> = BTreeMap::new();
    for (fingerprint, count) in of.iter().flat_map(|failures| &failures.queries) {
        *victims.entry(fingerprint.clone()).or_default() += count;
    }
    let severity = if count as f64 >= high { Severity::High } else { DETECTOR.meta.severity.clone() };
    let message = match count {
        1 => "a deadlock".to_owned(),
        count => format!("{} deadlocks", humane(count as f64, &Unit::Count)),
    };
    let mut finding = Finding::new(&DETECTOR.meta, Subject::database(database), message)
        .severity(severity)
        .count("deadlocks", whole(count), Unit::Count)
        .number("window", cx.seconds(), Unit::Seconds)
        .number("high_threshold", high, Unit::Count)
        .list("victims", queries(cx, database, &victims));
    if let Some(last) = of.iter().filter_map(|failures| failures.last).max() {
        finding = finding.text("last", last.to_string());
    }
    verdict.find(finding.advice(
        "change rows in one order everywhere (sort the keys, or lock them first with select … order by … for update), keep \
         the transactions short, and try a transaction again that failed with 40P01",
    ));
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::{DATABASE, Lab};
    use super::*;

    fn failures(kind: Option<&str>, sqlstate: Option<&str>, count: u64) -> Failures {
        Failures {
            database: DATABASE.into(),
            severity: "ERROR".into(),
            sqlstate: sqlstate.map(str::to_owned),
            message: "deadlock detected".into(),
            kind: kind.map(str::to_owned),
            count,
            queries: BTreeMap::new(),
            first: None,
            last: crate::time::Timestamp::parse("2026-11-22"),
        }
    }

    fn found(of: Vec<Failures>) -> Vec<String> {
        let mut lab = Lab::new();
        lab.workload.failures = of;
        lab.found(&DETECTOR)
    }

    #[test]
    fn one_is_found_and_ten_are_high() {
        assert_eq!(found(vec![failures(Some("deadlock"), None, 1)]), ["medium a deadlock"]);
        // by its state, whatever the language
        let both = vec![failures(Some("deadlock"), Some("40P01"), 6), failures(None, Some("40P01"), 4)];
        assert_eq!(found(both), ["high 10 deadlocks"]);
    }

    #[test]
    fn other_failures_are_not() {
        assert!(found(vec![failures(None, Some("23505"), 50), failures(Some("lock timeout"), None, 5)]).is_empty());
        let mut other = failures(Some("deadlock"), None, 1);
        other.database = "other".into();
        assert!(found(vec![other]).is_empty());
        assert_eq!(Lab::new().run(&DETECTOR).unwrap().examined, 1);
    }

    #[test]
    fn victims_are_named() {
        let mut lab = Lab::new();
        let fingerprint = lab.query("update stock set n = $1 where id = $2", 10);
        let mut one = failures(Some("deadlock"), None, 2);
        one.queries = BTreeMap::from([(fingerprint.clone(), 2)]);
        lab.workload.failures.push(one);
        let finding = lab.run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!(finding.key, "deadlock:shop");
        let victims = finding.detail.iter().find(|measure| measure.name == "victims").unwrap();
        assert!(victims.value.to_string().starts_with(&format!("{fingerprint} × 2: update stock")));
    }
}
