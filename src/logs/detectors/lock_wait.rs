//! Statement that waited long for a lock
//!
//! ## Why it matters
//! Who waits holds a connection and every lock taken before. A wait of a second is felt by a user; a queue behind one
//! lock empties the pool.
//!
//! ## How it is decided
//! With `log_lock_waits` the server logs a wait that lasts longer than `deadlock_timeout` (a second by default), and
//! once more when the lock is had, with how long it took. Counted for each kind of lock: *low*, and *medium* from 10
//! waits on or from 60 seconds in all. A log without a single one does not say whether there were none: before 19 the
//! setting is off by default.
//!
//! ## What to do
//! The lock says what it was. `ShareLock` on a transaction: two transactions change the same row; make them shorter,
//! and change rows in one order. `AccessExclusiveLock` on a relation: `alter table`, `truncate`, `vacuum full` under
//! load; set a short `lock_timeout` for it and try again. A tuple: a queue behind one row, a counter or a queue table
//! (`for update skip locked`). An advisory lock is the application's own.
//!
//! ## Limits
//! Waits shorter than `deadlock_timeout` are not logged, whatever they come to together. The statements named are those
//! that waited; who held the lock is known to the log by process only. A wait that ended by cancellation has no length.

use super::confidence::whole;
use super::context::{at, milliseconds};
use super::prelude::*;
use crate::logs::workload::LockWaits;
use std::collections::BTreeMap;

/// Waits for locks of one kind.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "lock-wait",
        category: Category::Locking,
        severity: Severity::Low,
        source: include_str!("lock_wait.rs"),
    },
    params: &[&WAITS, &TOTAL],
    run: Run::Database(run),
};

static WAITS: Param = Param {
    name: "medium_waits",
    doc: "from so many waits for one kind of lock on it is medium; a single one may be a migration",
    default: 10.0,
    unit: Unit::Count,
};

static TOTAL: Param = Param {
    name: "medium_total_seconds",
    doc: "from so long in all on it is medium; where the check of blocked sessions calls a wait an incident",
    default: 60.0,
    unit: Unit::Seconds,
};

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::default();
    if cx.workload.lock_waits.is_empty() {
        let because = "no wait for a lock is in the log: log_lock_waits may be off";
        let missing = Missing::new("lock waits", Reason::Observation, because)
            .unlocked_by("alter system set log_lock_waits = on; select pg_reload_conf();");
        verdict.cannot_tell(Subject::database(database), missing);
        return Ok(verdict);
    }
    verdict.examine();
    for waits in cx.workload.lock_waits.iter().filter(|waits| waits.database == database) {
        verdict.find(finding(cx, waits));
    }
    Ok(verdict)
}

fn finding(cx: &Context<'_>, lock: &LockWaits) -> Finding {
    let (many, long) = (cx.param(&DETECTOR.meta, &WAITS), cx.param(&DETECTOR.meta, &TOTAL));
    // where the log begins in the middle of a wait, only its end is there
    let waits = lock.waits.max(lock.acquired.count);
    let total = lock.acquired.sum as f64 / 1e6;
    let severity =
        if waits as f64 >= many || total >= long { Severity::Medium } else { DETECTOR.meta.severity.clone() };
    let name = format!("{} on {}", lock.mode, lock.object);
    let times = if waits == 1 { "one wait".to_owned() } else { format!("{waits} waits") };
    let message = match lock.acquired.count {
        0 => format!("{times} for {name}, none of which is known to have got it"),
        _ => format!(
            "{times} for {name}, {} in all, the longest {}",
            humane(total, &Unit::Seconds),
            milliseconds(lock.acquired.most as f64)
        ),
    };
    let subject = Subject::named(SubjectKind::Database, Some(&lock.database), &name);
    Finding::new(&DETECTOR.meta, subject, message)
        .severity(severity)
        .text("mode", &*lock.mode)
        .text("object", &*lock.object)
        .count("waits", whole(waits), Unit::Count)
        .count("acquired", whole(lock.acquired.count), Unit::Count)
        .number("total", total, Unit::Seconds)
        .number("p95", at(&lock.acquired, 0.95) / 1e6, Unit::Seconds)
        .number("longest", lock.acquired.most as f64 / 1e6, Unit::Seconds)
        .number("threshold", many, Unit::Count)
        .number("threshold_total", long, Unit::Seconds)
        .list("queries", queries(cx, &lock.database, &lock.queries))
        .advice(advice(&lock.mode, &lock.object))
}

fn advice(mode: &str, object: &str) -> &'static str {
    match (object.split(' ').next().unwrap_or_default(), mode) {
        ("transaction", _) => {
            "two transactions change the same row: end them sooner, with nothing slow between the change and the commit, and \
             change rows in one order"
        }
        ("tuple", _) => {
            "several wait for one row: a counter that all update, or a queue, which for update skip locked would serve"
        }
        ("relation", "AccessExclusiveLock") => {
            "a command that locks the whole table met traffic: give it a short lock_timeout and try again, or use a form that \
             takes a weaker lock"
        }
        ("relation", _) => {
            "a command that locks the whole table held it meanwhile: let it run with a short lock_timeout"
        }
        ("extension", _) => "many sessions make a table larger at once: insert more rows at a time, or use copy",
        ("advisory", _) => "the lock is the application's own: hold it for less, or take pg_try_advisory_lock",
        _ => "find who held the lock in the detail of the log's line, and let that transaction end sooner",
    }
}

/// The queries that were counted, most often first: fingerprint, how often, and the beginning of the text.
pub(super) fn queries(cx: &Context<'_>, database: &str, counts: &BTreeMap<String, u64>) -> Vec<String> {
    const SHOWN: usize = 5;
    let mut sorted: Vec<(&String, &u64)> = counts.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    let label = |(fingerprint, count): (&String, &u64)| {
        let text = cx.query(database, fingerprint).map_or("", |query| query.text.as_str());
        let short: String = text.chars().take(100).collect();
        let mark = if short.len() < text.len() { "…" } else { "" };
        format!("{fingerprint} × {count}: {short}{mark}")
    };
    sorted.into_iter().take(SHOWN).map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::{DATABASE, Lab};
    use super::*;
    use crate::logs::distribution::Distribution;

    fn waits(waits: u64, acquired: &[u64]) -> LockWaits {
        let mut distribution = Distribution::default();
        acquired.iter().for_each(|ms| distribution.add(ms * 1000));
        LockWaits {
            database: DATABASE.into(),
            mode: "ShareLock".into(),
            object: "transaction".into(),
            waits,
            acquired: distribution,
            queries: BTreeMap::new(),
        }
    }

    fn lab(one: LockWaits) -> Lab {
        let mut lab = Lab::new();
        lab.workload.lock_waits.push(one);
        lab
    }

    #[test]
    fn number_and_length_decide() {
        let few = lab(waits(2, &[1500, 3000]));
        assert_eq!(
            few.found(&DETECTOR),
            ["low 2 waits for ShareLock on transaction, 4.5 s in all, the longest 3,000 ms"]
        );
        assert!(lab(waits(10, &[1000])).found(&DETECTOR)[0].starts_with("medium 10 waits"));
        assert!(lab(waits(1, &[60_000])).found(&DETECTOR)[0].starts_with("medium one wait"));
        let lost = lab(waits(1, &[])).found(&DETECTOR);
        assert_eq!(lost, ["low one wait for ShareLock on transaction, none of which is known to have got it"]);
        // its beginning was before the log's
        assert!(lab(waits(0, &[2000])).found(&DETECTOR)[0].starts_with("low one wait"));
    }

    #[test]
    fn silence_is_not_a_pass() {
        assert_eq!(Lab::new().open(&DETECTOR), ["no wait for a lock is in the log: log_lock_waits may be off"]);
        let mut other = waits(3, &[]);
        other.database = "other".into();
        let verdict = lab(other).run(&DETECTOR).unwrap();
        assert_eq!((verdict.examined, verdict.findings.len(), verdict.unjudged.len()), (1, 0, 0));
    }

    #[test]
    fn who_waited_is_named() {
        let mut lab = Lab::new();
        let fingerprint = lab.query("update stock set n = n - $1 where id = $2", 10);
        let mut one = waits(3, &[1200]);
        one.queries = BTreeMap::from([(fingerprint.clone(), 3), ("0000000000000000".into(), 1)]);
        lab.workload.lock_waits.push(one);
        let finding = lab.run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!(finding.key, "lock-wait:shop/ShareLock%20on%20transaction");
        let named = finding.detail.iter().find(|measure| measure.name == "queries").unwrap().value.to_string();
        assert!(named.starts_with(&format!("{fingerprint} × 3: update stock set n = n - $1")), "{named}");
    }

    #[test]
    fn advice_is_of_the_lock() {
        assert!(advice("ShareLock", "transaction").contains("one order"));
        assert!(advice("AccessExclusiveLock", "relation of database").contains("lock_timeout"));
        assert!(advice("ExclusiveLock", "tuple of relation of database").contains("skip locked"));
        assert!(advice("ExclusiveLock", "advisory lock").contains("pg_try_advisory_lock"));
        assert!(advice("", "").contains("held the lock"));
    }
}
