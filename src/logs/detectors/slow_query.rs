//! Query slower than the limit
//!
//! ## Why it matters
//! A statement that one call in a hundred waits long for holds a connection, its locks and a user for that long; under
//! load the waiting adds up in the pool.
//!
//! ## How it is decided
//! The 99th percentile, by nearest rank, of all durations of a query in the log: parse, bind and execute together, as
//! its client waited for them. Above the limit it is found, *medium*; *high* where the median alone is far beyond it.
//! Fewer than 100 calls are not judged: their 99th percentile is the slowest of them. The interval beside it is where
//! the 99th percentile of all calls, not only those of this log, lies with 95 % confidence; under some 370 calls it has
//! no upper end. From a sample each call counts for as many as it stands for, and the evidence is *estimated*;
//! otherwise it is *measured*. Where only calls above a threshold were logged, a query none of whose calls exceeds the
//! limit is well; of any other the log does not say how many calls there were in all, and it is not judged.
//!
//! ## What to do
//! Look at the plan (`explain (analyze, buffers)`) with the values of a slow call. For an answer from a log with a
//! threshold, bracket it with two snapshots: `pgassay audit --logs FILE --since OLD` takes the number of calls from
//! them.
//!
//! ## Limits
//! The network and waiting in a pool are not in a duration; waiting for locks and for a slow client is. In the simple
//! protocol the duration of a statement outside a transaction includes its commit, in the extended one it never does:
//! the same query by both is not the same figure. Above some 1000 calls the percentile is exact to 0.4 %. A threshold
//! is tested for parse, bind and execute each by itself, so that a logged duration may lack the others. Statements that
//! failed, utility statements and those of the system's own tables do not count.

use super::confidence::{usable, whole};
use super::context::{LOG_EVERYTHING, at, milliseconds, names};
use super::prelude::*;
use crate::logs::distribution::Quantile;
use crate::logs::workload::Logging;

/// A query whose 99th percentile exceeds the limit.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "slow-query",
        category: Category::Queries,
        severity: Severity::Medium,
        source: include_str!("slow_query.rs"),
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
    name: "high_median_ms",
    doc: "above this median the finding is high; the checklist lets no request take longer than a second",
    default: 1000.0,
    unit: Unit::Milliseconds,
};

static MINIMUM_CALLS: Param = Param {
    name: "minimum_calls",
    doc: "of fewer calls the 99th percentile is the slowest, which says nothing of the others",
    default: 100.0,
    unit: Unit::Count,
};

/// What a log says of the durations of all calls.
pub(super) enum Seen {
    /// All of them.
    All,
    /// Those below so many microseconds only with this probability.
    Sample(u64, f64),
    /// Those from so many microseconds on, of a number of calls that it does not say.
    Above(u64),
}

impl Seen {
    /// In a log.
    pub(super) fn of(logging: &Logging) -> Self {
        let rate = match (usable(logging.sample_rate), usable(logging.transaction_sample_rate)) {
            // logged by either of the two
            (Some(statement), Some(transaction)) => Some(1.0 - (1.0 - statement) * (1.0 - transaction)),
            (one, other) => one.or(other),
        };
        match rate {
            // the threshold above which everything is logged must be told; one that is seen cuts the sample itself
            Some(rate) if logging.told_threshold.is_some() || logging.seen_threshold.is_none() => {
                Self::Sample(logging.told_threshold.filter(|threshold| *threshold > 0).unwrap_or(u64::MAX), rate)
            }
            _ => logging.threshold().map_or(Self::All, Self::Above),
        }
    }

    /// A quantile of the durations of all calls; none where it cannot be known.
    pub(super) fn quantile(&self, query: &QueryLoad, share: f64) -> Option<Quantile> {
        match self {
            Self::All => query.durations.quantile(share),
            Self::Sample(limit, rate) => query.durations.sampled_quantile(share, *limit, *rate),
            Self::Above(_) => None,
        }
    }

    /// How a figure of them came to be known.
    pub(super) fn evidence(&self) -> Evidence {
        if matches!(self, Self::All) { Evidence::Measured } else { Evidence::Estimated }
    }
}

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    cx.need_durations(database)?;
    let mut verdict = Verdict::default();
    let seen = Seen::of(&cx.workload.logging);
    let limit = cx.param(&DETECTOR.meta, &LIMIT) * 1000.0;
    if let Seen::Above(threshold) = seen
        && threshold as f64 > limit
    {
        let because = format!(
            "calls shorter than {} are not in the log, so that those longer than {} are not all there",
            milliseconds(threshold as f64),
            milliseconds(limit)
        );
        let unlock = format!(
            "alter system set log_min_duration_statement = {}; select pg_reload_conf();",
            (limit / 1000.0).floor().max(0.0)
        );
        let missing = Missing::new("p99", Reason::Input, because).unlocked_by(unlock);
        verdict.cannot_tell(Subject::database(database), missing);
    }
    let total: u64 = cx.queries(database).map(|query| query.durations.sum).sum();
    for query in cx.application_queries(database).filter(|query| query.durations.count > 0) {
        match judge(cx, query, &seen, total) {
            Ok(finding) => {
                verdict.examine();
                verdict.findings.extend(finding);
            }
            Err(missing) => verdict.cannot_tell(cx.subject(query), missing),
        }
    }
    Ok(verdict)
}

fn judge(cx: &Context<'_>, query: &QueryLoad, seen: &Seen, total: u64) -> Result<Option<Finding>, Missing> {
    let limit = cx.param(&DETECTOR.meta, &LIMIT) * 1000.0;
    let minimum = cx.param(&DETECTOR.meta, &MINIMUM_CALLS);
    let slowest = query.durations.most as f64;
    let open =
        |because: String, unlock: &str| Err(Missing::new("p99", Reason::Observation, because).unlocked_by(unlock));
    if let Seen::Above(threshold) = seen {
        if slowest <= limit && *threshold as f64 <= limit {
            // what is not in the log was shorter still
            return Ok(None);
        }
        let because = format!(
            "only calls of {} and more are in the log: of how many is not known, and so neither is the 99th percentile",
            milliseconds(*threshold as f64)
        );
        return open(because, BRACKET);
    }
    let (Some(p50), Some(p99)) = (seen.quantile(query, 0.5), seen.quantile(query, 0.99)) else {
        return open("its durations are not known".to_owned(), LOG_EVERYTHING);
    };
    if (query.durations.count as f64) < minimum {
        // the two are kept apart, since one of them can hide nothing that happened
        let how = if slowest <= limit { "none" } else { "some" };
        return open(format!("fewer than {minimum} calls, {how} of them longer than {}", milliseconds(limit)), MORE);
    }
    if p99.value <= limit {
        return Ok(None);
    }
    let very_slow = cx.param(&DETECTOR.meta, &VERY_SLOW) * 1000.0;
    let message = format!("99th percentile is {}, the limit is {}", milliseconds(p99.value), milliseconds(limit));
    let ms = |micros: f64| micros / 1000.0;
    let mut finding = Finding::new(&DETECTOR.meta, cx.subject(query), message)
        .severity(if p50.value > very_slow { Severity::High } else { Severity::Medium })
        .evidence(seen.evidence())
        .count("calls", whole(query.calls), Unit::Count)
        .count("errors", whole(query.errors), Unit::Count)
        .number("p50", ms(p50.value), Unit::Milliseconds)
        .number("p95", ms(seen.quantile(query, 0.95).map_or(0.0, |p95| p95.value)), Unit::Milliseconds)
        .number("p99", ms(p99.value), Unit::Milliseconds)
        .number("p99_low", ms(p99.low), Unit::Milliseconds);
    if let Some(high) = p99.high {
        finding = finding.number("p99_high", ms(high), Unit::Milliseconds);
    }
    finding = finding.number("max", ms(slowest), Unit::Milliseconds);
    if matches!(seen, Seen::All) {
        finding = finding
            .number("mean", ms(query.durations.mean()), Unit::Milliseconds)
            .number("total_time", ms(query.durations.sum as f64), Unit::Milliseconds)
            .number("share_of_total_time", query.durations.sum as f64 / total.max(1) as f64, Unit::Ratio);
        if let Some(execute) = &query.execute {
            finding = finding.number("p50_execute_only", ms(at(execute, 0.5)), Unit::Milliseconds).number(
                "p99_execute_only",
                ms(at(execute, 0.99)),
                Unit::Milliseconds,
            );
        }
    }
    let finding = finding
        .number("threshold", ms(limit), Unit::Milliseconds)
        .number("high_threshold", ms(very_slow), Unit::Milliseconds)
        .list("applications", names(&query.applications));
    Ok(Some(finding.advice(
        "look at its plan with the values of a slow call: explain (analyze, buffers) runs the statement, so try it on \
         a copy or inside a transaction that is rolled back",
    )))
}

/// What tells how many calls there were of those that are not in the log.
const BRACKET: &str = "two snapshots that bracket the log: pgassay audit --logs FILE --since OLD";

/// What makes a percentile of few calls.
const MORE: &str = "more of the log: pgassay logs takes folders, and merges what --save kept of other days";

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::Lab;
    use super::*;

    const TEXT: &str = "select * from orders where id = $1";

    fn with(durations: impl IntoIterator<Item = f64>) -> Lab {
        let mut lab = Lab::new();
        lab.query(TEXT, 1);
        lab.durations(durations);
        lab
    }

    fn of(fast: usize, slow: usize, ms: f64) -> impl Iterator<Item = f64> {
        std::iter::repeat_n(1.0, fast).chain(std::iter::repeat_n(ms, slow))
    }

    #[test]
    fn found_where_more_than_one_in_a_hundred_is_slower() {
        assert_eq!(
            with(of(980, 20, 150.0)).found(&DETECTOR),
            ["medium 99th percentile is 150 ms, the limit is 100 ms"]
        );
        assert!(with(of(990, 10, 150.0)).found(&DETECTOR).is_empty());
        assert!(with(of(900, 100, 100.0)).found(&DETECTOR).is_empty(), "so long it may be");
        assert_eq!(with(of(990, 10, 150.0)).run(&DETECTOR).unwrap().examined, 1);
        assert!(with(of(0, 100, 1001.0)).found(&DETECTOR)[0].starts_with("high 99th percentile is 1,001 ms"));
        let mut lab = with(of(980, 20, 60.0));
        lab.params.set("slow-query", "limit_ms", 50.0);
        assert_eq!(lab.found(&DETECTOR), ["medium 99th percentile is 60 ms, the limit is 50 ms"]);
    }

    #[test]
    fn the_numbers_are_those_of_the_log() {
        let mut lab = with(of(980, 20, 150.0));
        lab.last().execute = Some(Default::default());
        for ms in of(990, 10, 70.0) {
            lab.last().execute.as_mut().unwrap().add((ms * 1000.0) as u64);
        }
        let finding = lab.run(&DETECTOR).unwrap().findings.remove(0);
        for (name, value) in [
            ("calls", 1000.0),
            ("p50", 1.0),
            ("p95", 1.0),
            ("p99", 150.0),
            ("p99_low", 150.0),
            ("p99_high", 150.0),
            ("max", 150.0),
            ("total_time", 3980.0),
            ("share_of_total_time", 1.0),
            ("threshold", 100.0),
            ("p99_execute_only", 1.0),
        ] {
            assert_eq!(finding.measured(name), Some(value), "{name}");
        }
        assert_eq!(finding.evidence, Evidence::Measured);
        // the slowest bounds nothing from above while they are few
        let few = with(of(200, 10, 150.0)).run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!(few.measured("p99_high"), None);
    }

    #[test]
    fn few_calls_are_not_judged() {
        let few = with(of(98, 1, 900.0));
        assert_eq!(few.open(&DETECTOR), ["fewer than 100 calls, some of them longer than 100 ms"]);
        assert_eq!(with(of(99, 0, 0.0)).open(&DETECTOR), ["fewer than 100 calls, none of them longer than 100 ms"]);
        let mut lab = with(of(10, 10, 900.0));
        lab.params.set("slow-query", "minimum_calls", 20.0);
        assert_eq!(lab.found(&DETECTOR).len(), 1);
    }

    #[test]
    fn a_threshold_hides_how_many_calls_there_were() {
        let mut lab = with(of(0, 500, 150.0));
        lab.workload.logging.told_threshold = Some(100_000);
        assert!(lab.found(&DETECTOR).is_empty());
        assert_eq!(
            lab.open(&DETECTOR),
            ["only calls of 100 ms and more are in the log: of how many is not known, and so neither is the 99th \
                 percentile"]
        );
        // below the limit everything that matters is there
        let mut well = with(of(0, 50, 80.0));
        well.workload.logging.told_threshold = Some(50_000);
        assert_eq!((well.run(&DETECTOR).unwrap().examined, well.open(&DETECTOR).len()), (1, 0));
        well.workload.logging.told_threshold = Some(200_000);
        well.durations([250.0]);
        let verdict = well.run(&DETECTOR).unwrap();
        assert!(verdict.unjudged[0].reason.because.starts_with("calls shorter than 200 ms are not in the log"));
        assert_eq!(
            verdict.unjudged[0].reason.unlock.as_deref(),
            Some("alter system set log_min_duration_statement = 100; select pg_reload_conf();")
        );
    }

    #[test]
    fn a_sample_counts_for_what_it_stands_for() {
        // ten in a hundred of the fast ones were logged, and all of the slow ones: 20 in 9820
        let mut lab = with(of(980, 20, 150.0));
        lab.workload.logging.sample_rate = Some(0.1);
        lab.workload.logging.told_threshold = Some(100_000);
        assert!(lab.found(&DETECTOR).is_empty());
        assert_eq!(lab.run(&DETECTOR).unwrap().examined, 1);
        // without such a threshold all are sampled alike
        lab.workload.logging.told_threshold = None;
        let finding = lab.run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!((finding.evidence.clone(), finding.measured("total_time")), (Evidence::Estimated, None));
        lab.workload.logging.sample_rate = None;
        lab.workload.logging.transaction_sample_rate = Some(0.5);
        assert_eq!(lab.found(&DETECTOR).len(), 1);
        // a sample that was cut as well says nothing of what lies below
        lab.workload.logging.seen_threshold = Some(1000);
        assert!(lab.found(&DETECTOR).is_empty());
    }

    #[test]
    fn what_no_application_asks_is_not_judged() {
        let mut lab = with(of(0, 200, 500.0));
        lab.workload.queries[0].tables = vec!["pg_class".into()];
        assert!(lab.found(&DETECTOR).is_empty());
        lab.query("vacuum", 1);
        lab.durations(of(0, 200, 500.0));
        assert!(lab.found(&DETECTOR).is_empty());
    }

    #[test]
    fn without_durations_nothing_is_said() {
        let lab = with([]);
        assert_eq!(lab.open(&DETECTOR), ["the log has statements without their durations"]);
        assert_eq!(Lab::new().run(&DETECTOR).unwrap(), Verdict::default());
    }
}
