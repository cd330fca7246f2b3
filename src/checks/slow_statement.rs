//! Statement slower than the limit
//!
//! ## Why it matters
//! A statement that one call in a hundred waits long for holds a connection, its locks and a user for that long; under load
//! the waiting adds up in the pool.
//!
//! ## How it is decided
//! `pg_stat_statements` keeps no distribution, so no 99th percentile can be read from it; but it lies between bounds that
//! hold for every distribution. From below: (mean − 0.01 · max) ÷ 0.99, mean − deviation ÷ √99, and the least. From above:
//! mean + √99 · deviation, and the most. A statement is found when even the lower bound exceeds the limit, and passes
//! when even the upper bound does not; between the two it is not judged, and neither is one with too few calls. The
//! evidence is *inferred*; *measured* where every single call took longer than the limit. *High* when the mean alone is
//! far beyond it.
//! With two snapshots the counts are those of the time between; least and most belong to all the time before, and
//! still bound it. Normal load is what applications send: utility statements, statements run inside functions, roles
//! configured as maintenance, monitoring roles and what this program itself sends as the auditing role are left out.
//!
//! ## What to do
//! Look at the plan (`explain (analyze, buffers)`) with the values of a slow call. For an answer where the bounds give
//! none, compare two snapshots; a log with `log_min_duration_statement` no higher than the limit shows the distribution:
//! `pgassay audit --logs FILES`.
//!
//! ## Limits
//! Execution time only: planning, the network and waiting in a pool are not in it. The calls of all values of the
//! parameters are one statement. A statement that was forgotten because there were too many is not seen.

use super::context::load;
use super::prelude::*;
use crate::queries::{CALLS_FOR_P99, QueryStats};

/// A statement whose 99th percentile exceeds the limit.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "slow-statement",
        category: Category::Queries,
        severity: Severity::Medium,
        source: include_str!("slow_statement.rs"),
    },
    params: &[&LIMIT, &VERY_SLOW, &MINIMUM_CALLS],
    run: Run::Database(run),
};

static LIMIT: Param = Param {
    name: "limit_ms",
    doc: "the 99th percentile may be so long; the checklist's own figure",
    default: 100.0,
    unit: Unit::Milliseconds,
};

static VERY_SLOW: Param = Param {
    name: "high_mean_ms",
    doc: "from this mean on the finding is high; the checklist lets no request take longer than a second",
    default: 1000.0,
    unit: Unit::Milliseconds,
};

static MINIMUM_CALLS: Param = Param {
    name: "minimum_calls",
    doc: "a percentile of fewer calls says nothing: three in the last hundredth are the least to speak of",
    default: CALLS_FOR_P99 as f64,
    unit: Unit::Count,
};

fn run(cx: &DatabaseContext<'_>) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::default();
    let queries = load::of_database(cx)?;
    let total_ms: f64 = queries.iter().map(|query| query.total_ms).sum();
    for query in &queries {
        match judge(cx, query, total_ms) {
            Ok(finding) => {
                verdict.examine();
                verdict.findings.extend(finding);
            }
            Err(missing) => verdict.cannot_tell(subject(query), missing),
        }
    }
    load::note_unseen(cx, &queries, &mut verdict);
    Ok(verdict)
}

fn subject(query: &QueryStats) -> Subject {
    Subject::query(&query.database, &query.fingerprint, &query.text)
}

fn judge(cx: &DatabaseContext<'_>, query: &QueryStats, total_ms: f64) -> Result<Option<Finding>, Missing> {
    let limit = cx.param(&CHECK.meta, &LIMIT);
    let minimum = cx.param(&CHECK.meta, &MINIMUM_CALLS);
    let open = |because: String| Err(Missing::new("p99", Reason::Observation, because).unlocked_by(UNLOCK));
    if (query.calls as f64) < minimum {
        // the two are kept apart, since one of them can hide nothing that happened
        return match query.max_ms <= limit {
            true => open(format!("fewer than {minimum} calls, none of them longer than {}", ms(limit))),
            false => open(format!("fewer than {minimum} calls, some of them longer than {}", ms(limit))),
        };
    }
    let p99 = query.p99_bounds_ms();
    if p99.high <= limit {
        return Ok(None);
    }
    if p99.low <= limit {
        return match query.mean_ms() > limit {
            true => open(format!(
                "the mean exceeds {}, so the 99th percentile likely does, but its bounds do not prove it",
                ms(limit)
            )),
            false => open(format!("the bounds of the 99th percentile lie on both sides of {}", ms(limit))),
        };
    }
    let (evidence, message) = if query.min_ms > limit {
        (
            Evidence::Measured,
            format!("every one of {} calls took longer than {}", humane(query.calls as f64, &Unit::Count), ms(limit)),
        )
    } else {
        (Evidence::Inferred, format!("99th percentile is at least {}, the limit is {}", ms(p99.low), ms(limit)))
    };
    let severity = if query.mean_ms() > cx.param(&CHECK.meta, &VERY_SLOW) { Severity::High } else { Severity::Medium };
    let mut finding = Finding::new(&CHECK.meta, subject(query), message)
        .severity(severity)
        .evidence(evidence)
        .count("calls", query.calls, Unit::Count)
        .number("mean", query.mean_ms(), Unit::Milliseconds)
        .number("stddev", query.stddev_ms(), Unit::Milliseconds)
        .number("max", query.max_ms, Unit::Milliseconds)
        .number("p99_low", p99.low, Unit::Milliseconds)
        .number("p99_high", p99.high, Unit::Milliseconds)
        .number("threshold", limit, Unit::Milliseconds)
        .number("high_threshold", cx.param(&CHECK.meta, &VERY_SLOW), Unit::Milliseconds)
        .number("share_of_total_time", if total_ms > 0.0 { query.total_ms / total_ms } else { 0.0 }, Unit::Ratio)
        .list("roles", query.roles.iter().cloned().collect())
        .text("window", query.span.describe());
    if let Some(evicted) =
        cx.server.queries.as_ref().ok().and_then(|queries| queries.evicted).filter(|count| *count > 0)
    {
        finding = finding.count("statements_forgotten", evicted, Unit::Count);
    }
    Ok(Some(finding.advice(
        "look at its plan with the values of a slow call: explain (analyze, buffers) runs the statement, so try it on a \
         copy or inside a transaction that is rolled back",
    )))
}

fn ms(value: f64) -> String {
    humane(value, &Unit::Milliseconds)
}

/// Counters of a window alone narrow the bounds; a log of it tells for certain.
const UNLOCK: &str =
    "take two snapshots: pgassay audit --since OLD, or --watch 5m; with the log of that time: --logs FILES";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::statements::RawStatement;
    use crate::testing::Lab;

    const TEXT: &str = "select * from orders where id = 1";

    fn with(calls: i64, mean: f64, change: impl FnOnce(&mut RawStatement)) -> Lab {
        let mut lab = Lab::new();
        change(lab.statement("app", TEXT, calls, mean));
        lab
    }

    fn verdict(lab: &Lab) -> (usize, u64, Vec<String>) {
        let verdict = lab.run(&CHECK).unwrap();
        let reasons = verdict.unjudged.into_iter().map(|open| open.reason.because).collect();
        (verdict.findings.len(), verdict.examined, reasons)
    }

    #[test]
    fn found_only_where_the_lower_bound_exceeds() {
        let lab = with(1000, 150.0, |_| {});
        let finding = lab.run(&CHECK).unwrap().findings.remove(0);
        assert_eq!((finding.severity.as_str(), finding.evidence.clone()), ("medium", Evidence::Measured));
        assert_eq!(finding.key, format!("slow-statement:shop/{}", finding.subject.fingerprint.clone().unwrap()));
        assert_eq!(finding.measured("threshold"), Some(100.0));
        let bound = with(1000, 150.0, |row| (row.min_ms, row.max_ms, row.stddev_ms) = (1.0, 900.0, 40.0));
        let finding = bound.run(&CHECK).unwrap().findings.remove(0);
        assert_eq!(finding.evidence, Evidence::Inferred);
        assert!(finding.measured("p99_low").unwrap() > 100.0);
    }

    #[test]
    fn the_popular_formula_would_be_wrong() {
        // mean + 2.33 deviations says 552 ms, the truth may be 6
        let spike = with(10_000, 5.0, |row| (row.min_ms, row.max_ms, row.stddev_ms) = (4.0, 23_000.0, 235.0));
        assert_eq!(
            verdict(&spike),
            (0, 0, vec!["the bounds of the 99th percentile lie on both sides of 100 ms".into()])
        );
    }

    #[test]
    fn passes_only_where_the_upper_bound_does_not_exceed() {
        assert_eq!(verdict(&with(300, 100.0, |_| {})), (0, 1, vec![]));
        let narrow = with(300, 50.0, |row| (row.min_ms, row.max_ms, row.stddev_ms) = (1.0, 5000.0, 5.0));
        assert_eq!(verdict(&narrow), (0, 1, vec![]));
        let likely = with(300, 110.0, |row| (row.min_ms, row.max_ms, row.stddev_ms) = (1.0, 5000.0, 500.0));
        assert!(verdict(&likely).2[0].starts_with("the mean exceeds 100 ms"));
    }

    #[test]
    fn few_calls_are_not_judged() {
        assert_eq!(
            verdict(&with(299, 900.0, |_| {})),
            (0, 0, vec!["fewer than 300 calls, some of them longer than 100 ms".into()])
        );
        let open = with(299, 900.0, |_| {}).run(&CHECK).unwrap().unjudged.remove(0).reason.unlock.unwrap();
        assert!(!open.contains("alter system") && open.contains("--logs FILES"), "{open}");
        assert_eq!(verdict(&with(299, 5.0, |_| {})).2, ["fewer than 300 calls, none of them longer than 100 ms"]);
        let mut lab = with(20, 900.0, |_| {});
        lab.params.set(CHECK.meta.id, "minimum_calls", 20.0);
        assert_eq!(verdict(&lab).0, 1);
    }

    #[test]
    fn a_mean_beyond_a_second_is_high() {
        let found = with(1000, 1500.0, |_| {}).found(&CHECK);
        assert!(found[0].starts_with("high shop/"));
    }

    #[test]
    fn what_is_no_load_is_not_judged() {
        let nothing = |lab: &Lab| {
            let (findings, examined, reasons) = verdict(lab);
            assert_eq!((findings, examined, reasons.len()), (0, 0, 1));
            assert!(reasons[0].starts_with("no statement of an application was counted"));
        };
        nothing(&with(1000, 500.0, |row| row.is_top_level = false));
        nothing(&with(1000, 500.0, |row| row.database = Some("other".into())));
        let mut lab = with(1000, 500.0, |_| {});
        lab.role_kinds.maintenance = vec!["app".into()];
        nothing(&lab);
    }

    #[test]
    fn hidden_texts_are_said() {
        let mut lab = with(1000, 5.0, |_| {});
        lab.statement("x", "select 1", 5, 1.0).query_id = None;
        crate::testing::rows(&mut lab.snapshot.server.statements)[1].fingerprint = None;
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!(verdict.unjudged[0].reason.unlock.as_deref(), Some("grant pg_read_all_stats to auditor;"));
        lab.snapshot.server.statements = Default::default();
        assert!(lab.run(&CHECK).is_err());
    }
}
