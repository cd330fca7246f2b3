//! Checkpoints that come too often or stall the disk
//!
//! ## Why it matters
//! A checkpoint writes every changed page. After it, the first change of each page is written to the write-ahead log as
//! a whole page: checkpoints that come often multiply what is written. And while a checkpoint synchronises, commits
//! wait for the same disk.
//!
//! ## How it is decided
//! *Too often*: the server said so itself (`checkpoint_warning`), or of at least 4 checkpoints more than half were
//! begun because of `max_wal_size` and not by time: *low*, *medium* where both hold. Checkpoints that somebody asked
//! for, by a backup or a shutdown, do not count. *Stalling*: synchronising took more than a second at the 95th
//! percentile: *low*; more than 10 seconds once: *medium*. A log without a checkpoint does not say whether there were
//! none: before 15 `log_checkpoints` is off by default.
//!
//! ## What to do
//! Too often: raise `max_wal_size` until time begins them, at the price of a longer recovery after a crash. Stalling:
//! spread the writes (`checkpoint_completion_target` 0.9), and look at the disk; `checkpoint_flush_after` keeps the
//! operating system from saving all the work for the end.
//!
//! ## Limits
//! Restartpoints of a standby are counted as checkpoints. A bulk load that nobody waits for may well begin them by
//! size. How long a checkpoint takes in all says nothing: it is spread over the time to the next.

use super::confidence::whole;
use super::context::{at, milliseconds};
use super::prelude::*;

/// Checkpoints that cost more than they should.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "slow-checkpoint",
        category: Category::Settings,
        severity: Severity::Low,
        source: include_str!("slow_checkpoint.rs"),
    },
    params: &[&SYNC, &STALL, &SHARE, &LEAST],
    run: Run::Log(run),
};

static SYNC: Param = Param {
    name: "sync_p95_ms",
    doc: "synchronising may take so long at the 95th percentile; a commit that meets it waits as long",
    default: 1000.0,
    unit: Unit::Milliseconds,
};

static STALL: Param = Param {
    name: "medium_sync_seconds",
    doc: "from one synchronisation longer than this on it is medium: longer than clients have patience",
    default: 10.0,
    unit: Unit::Seconds,
};

static SHARE: Param = Param {
    name: "by_size_share",
    doc: "the part of the checkpoints that may be begun by the size of the log; above half it is the rule and not a peak",
    default: 0.5,
    unit: Unit::Ratio,
};

static LEAST: Param = Param {
    name: "minimum_checkpoints",
    doc: "a part of fewer checkpoints says nothing: four are twenty minutes by the server's defaults",
    default: 4.0,
    unit: Unit::Count,
};

fn run(cx: &Context<'_>) -> Result<Verdict, Missing> {
    let checkpoints = &cx.workload.checkpoints;
    let mut verdict = Verdict::default();
    if checkpoints.causes.is_empty() && checkpoints.total.is_empty() && checkpoints.too_frequent == 0 {
        let because =
            "no checkpoint is in the log: log_checkpoints may be off, or the log shorter than checkpoint_timeout";
        let missing = Missing::new("checkpoints", Reason::Observation, because)
            .unlocked_by("alter system set log_checkpoints = on; select pg_reload_conf();");
        verdict.cannot_tell(Subject::server(), missing);
        return Ok(verdict);
    }
    verdict.examined = checkpoints.total.count.max(checkpoints.causes.values().sum());
    verdict.findings.extend(too_often(cx));
    verdict.findings.extend(stalling(cx));
    Ok(verdict)
}

fn too_often(cx: &Context<'_>) -> Option<Finding> {
    let checkpoints = &cx.workload.checkpoints;
    let (share, least) = (cx.param(&DETECTOR.meta, &SHARE), cx.param(&DETECTOR.meta, &LEAST));
    let by = |word: &str| -> u64 {
        let has = |cause: &String| cause.split_whitespace().any(|known| known == word);
        checkpoints.causes.iter().filter(|(cause, _)| has(cause)).map(|(_, count)| count).sum()
    };
    let (by_size, by_time) = (by("wal"), by("time"));
    let all = by_size + by_time;
    let is_rule = all as f64 >= least && by_size as f64 > share * all as f64;
    let warnings = checkpoints.too_frequent;
    if !is_rule && warnings == 0 {
        return None;
    }
    let message = match (is_rule, warnings) {
        (true, _) => format!("{by_size} of {all} checkpoints were begun because of max_wal_size"),
        (false, 1) => "the server warned once that checkpoints come too often".to_owned(),
        (false, count) => format!("the server warned {count} times that checkpoints come too often"),
    };
    let severity = if is_rule && warnings > 0 { Severity::Medium } else { DETECTOR.meta.severity.clone() };
    Some(
        Finding::new(&DETECTOR.meta, Subject::named(SubjectKind::Setting, None, "max_wal_size"), message)
            .severity(severity)
            .count("by_size", whole(by_size), Unit::Count)
            .count("by_time", whole(by_time), Unit::Count)
            .count("warnings", whole(warnings), Unit::Count)
            .number("window", cx.seconds(), Unit::Seconds)
            .number("threshold", share, Unit::Ratio)
            .number("threshold_checkpoints", least, Unit::Count)
            .advice(
                "raise max_wal_size until checkpoint_timeout begins them; recovery after a crash then takes longer",
            ),
    )
}

fn stalling(cx: &Context<'_>) -> Option<Finding> {
    let sync = &cx.workload.checkpoints.sync;
    let (usual, stall) = (cx.param(&DETECTOR.meta, &SYNC), cx.param(&DETECTOR.meta, &STALL));
    let (p95, most) = (at(sync, 0.95) / 1000.0, sync.most as f64 / 1000.0);
    let is_stall = most > stall * 1000.0;
    if p95 <= usual && !is_stall {
        return None;
    }
    let message = format!(
        "checkpoints synchronise for {} at the 95th percentile, for {} at most",
        milliseconds(p95 * 1000.0),
        milliseconds(sync.most as f64)
    );
    Some(
        Finding::new(&DETECTOR.meta, Subject::server(), message)
            .severity(if is_stall { Severity::Medium } else { DETECTOR.meta.severity.clone() })
            .count("checkpoints", whole(sync.count), Unit::Count)
            .number("sync_p95", p95, Unit::Milliseconds)
            .number("sync_max", most, Unit::Milliseconds)
            .number("total_p95", at(&cx.workload.checkpoints.total, 0.95) / 1e6, Unit::Seconds)
            .number("threshold", usual, Unit::Milliseconds)
            .number("medium_threshold", stall, Unit::Seconds)
            .advice(
                "look at the disk first: what else writes to it, how long its fsync takes; then checkpoint_completion_target = \
                 0.9, and checkpoint_flush_after as it is by default",
            ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::Lab;
    use super::*;

    fn lab(causes: &[(&str, u64)], warnings: u64, sync_ms: &[u64]) -> Lab {
        let mut lab = Lab::new();
        let checkpoints = &mut lab.workload.checkpoints;
        checkpoints.causes = causes.iter().map(|(cause, count)| ((*cause).to_owned(), *count)).collect();
        checkpoints.too_frequent = warnings;
        for ms in sync_ms {
            checkpoints.sync.add(ms * 1000);
            checkpoints.total.add(270_000_000);
        }
        lab
    }

    #[test]
    fn size_must_not_be_the_rule() {
        assert!(lab(&[("time", 10)], 0, &[50; 10]).found(&DETECTOR).is_empty());
        assert!(lab(&[("time", 2), ("wal", 2)], 0, &[]).found(&DETECTOR).is_empty());
        let found = lab(&[("time", 1), ("wal", 3)], 0, &[]).found(&DETECTOR);
        assert_eq!(found, ["low 3 of 4 checkpoints were begun because of max_wal_size"]);
        assert!(lab(&[("wal", 3)], 0, &[]).found(&DETECTOR).is_empty());
        // asked for
        assert!(
            lab(&[("immediate force wait", 9), ("shutdown immediate", 3), ("time", 1)], 0, &[])
                .found(&DETECTOR)
                .is_empty()
        );
    }

    #[test]
    fn warnings_are_the_servers_own_word() {
        let found = lab(&[("time", 9), ("wal", 1)], 1, &[]).found(&DETECTOR);
        assert_eq!(found, ["low the server warned once that checkpoints come too often"]);
        let found = lab(&[("wal", 9)], 4, &[]).found(&DETECTOR);
        assert_eq!(found, ["medium 9 of 9 checkpoints were begun because of max_wal_size"]);
        assert_eq!(lab(&[], 2, &[]).found(&DETECTOR).len(), 1);
    }

    #[test]
    fn a_long_sync_stalls() {
        assert!(lab(&[], 0, &[1000; 20]).found(&DETECTOR).is_empty());
        let found = lab(&[], 0, &[1500; 20]).found(&DETECTOR);
        assert_eq!(found, ["low checkpoints synchronise for 1,500 ms at the 95th percentile, for 1,500 ms at most"]);
        let mut once = [50; 100];
        once[7] = 12_000;
        assert!(lab(&[], 0, &once).found(&DETECTOR)[0].starts_with("medium checkpoints synchronise for 50 ms"));
        let both = lab(&[("wal", 9)], 0, &[1500; 9]).run(&DETECTOR).unwrap();
        let keys: Vec<&str> = both.findings.iter().map(|finding| finding.key.as_str()).collect();
        assert_eq!(keys, ["slow-checkpoint:max_wal_size", "slow-checkpoint:server"]);
        assert_eq!(both.examined, 9);
    }

    #[test]
    fn silence_is_not_a_pass() {
        assert!(Lab::new().open(&DETECTOR)[0].starts_with("no checkpoint is in the log"));
    }
}
