//! Query whose slow calls take many times as long as its usual ones
//!
//! ## Why it matters
//! A query that is fast most of the time and slow one time in a hundred is what makes a page feel unreliable: a page of
//! twenty such queries meets a slow one every fifth time. The cause is rarely the query: locks, checkpoints, a cold
//! cache, or values for which its plan is wrong.
//!
//! ## How it is decided
//! The 99th percentile of all durations of a query divided by their median. From 4 on it is found, *low*, where the
//! 99th percentile is not short anyway: the checklist allows a request a ratio of 4, and this is the database's share
//! in it. Fewer than 300 calls are not judged, since both figures then are chance. From a sample the figures are
//! *estimated*.
//!
//! ## What to do
//! See when the slow calls happen: all at once, with a checkpoint or a lock wait beside them, or always with the same
//! values. `auto_explain` shows the plan that a slow call had.
//!
//! ## Limits
//! A query whose values ask for little or for much has a tail by nature. Where only calls above a threshold are logged,
//! the usual ones are not there and nothing can be said. The network and waiting in a pool are not in a duration.

use super::confidence::whole;
use super::context::{LOG_EVERYTHING, milliseconds, names};
use super::prelude::*;
use super::slow_query::Seen;

/// A long tail.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "slow-tail",
        category: Category::Queries,
        severity: Severity::Low,
        source: include_str!("slow_tail.rs"),
    },
    params: &[&RATIO, &FLOOR, &MINIMUM_CALLS],
    run: Run::Database(run),
};

static RATIO: Param = Param {
    name: "ratio",
    doc: "from this ratio of the 99th percentile to the median on it is found; the checklist's own figure for requests",
    default: 4.0,
    unit: Unit::Count,
};

static FLOOR: Param = Param {
    name: "floor_ms",
    doc: "a 99th percentile up to this is short anyway; a tenth of what the checklist allows a query",
    default: 10.0,
    unit: Unit::Milliseconds,
};

static MINIMUM_CALLS: Param = Param {
    name: "minimum_calls",
    doc: "so many calls must be known: three in the last hundredth are the least to speak of",
    default: 300.0,
    unit: Unit::Count,
};

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    cx.need_durations(database)?;
    let seen = Seen::of(&cx.workload.logging);
    if let Seen::Above(threshold) = seen {
        let because = format!(
            "calls shorter than {} are not in the log, and the median is one of them",
            milliseconds(threshold as f64)
        );
        return Err(Missing::new("p50", Reason::Input, because).unlocked_by(LOG_EVERYTHING));
    }
    let (ratio, floor) = (cx.param(&DETECTOR.meta, &RATIO), cx.param(&DETECTOR.meta, &FLOOR) * 1000.0);
    let minimum = cx.param(&DETECTOR.meta, &MINIMUM_CALLS);
    let mut verdict = Verdict::default();
    for query in cx.application_queries(database).filter(|query| query.durations.count > 0) {
        if query.durations.most as f64 <= floor {
            // however few they are, all of them were short
            verdict.examine();
            continue;
        }
        if (query.durations.count as f64) < minimum {
            let because = format!("fewer than {minimum} calls");
            verdict.cannot_tell(cx.subject(query), Missing::new("p99", Reason::Observation, because));
            continue;
        }
        verdict.examine();
        let (Some(p50), Some(p99)) = (seen.quantile(query, 0.5), seen.quantile(query, 0.99)) else { continue };
        let found = p99.value / p50.value.max(1.0);
        if p99.value <= floor || found < ratio {
            continue;
        }
        let message = format!(
            "99th percentile is {}, {} times the median of {}",
            milliseconds(p99.value),
            humane(found, &Unit::Count),
            milliseconds(p50.value)
        );
        let ms = |micros: f64| micros / 1000.0;
        let finding = Finding::new(&DETECTOR.meta, cx.subject(query), message)
            .evidence(seen.evidence())
            .count("calls", whole(query.calls), Unit::Count)
            .number("p50", ms(p50.value), Unit::Milliseconds)
            .number("p99", ms(p99.value), Unit::Milliseconds)
            .number("p99_low", ms(p99.low), Unit::Milliseconds);
        let finding = match p99.high {
            Some(high) => finding.number("p99_high", ms(high), Unit::Milliseconds),
            None => finding,
        };
        let finding = finding
            .number("max", ms(query.durations.most as f64), Unit::Milliseconds)
            .number("ratio", found, Unit::Count)
            .number("threshold", ratio, Unit::Count)
            .number("floor", ms(floor), Unit::Milliseconds)
            .list("applications", names(&query.applications));
        verdict.find(finding.advice(
            "see what the slow calls have in common: their time, a lock wait or a checkpoint beside them, or their \
             values; auto_explain logs the plan they had",
        ));
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::Lab;
    use super::*;

    fn with(fast: (usize, f64), slow: (usize, f64)) -> Lab {
        let mut lab = Lab::new();
        lab.query("select * from orders where id = $1", 1);
        lab.durations(std::iter::repeat_n(fast.1, fast.0).chain(std::iter::repeat_n(slow.1, slow.0)));
        lab
    }

    #[test]
    fn the_ratio_decides_where_it_matters() {
        assert_eq!(
            with((980, 5.0), (20, 20.0)).found(&DETECTOR),
            ["low 99th percentile is 20 ms, 4 times the median of 5 ms"]
        );
        assert!(with((980, 5.1), (20, 20.0)).found(&DETECTOR).is_empty());
        assert!(with((980, 0.1), (20, 10.0)).found(&DETECTOR).is_empty(), "short anyway");
        assert!(with((990, 5.0), (10, 500.0)).found(&DETECTOR).is_empty(), "not one in a hundred");
        assert!(with((980, 0.0), (20, 20.0)).found(&DETECTOR)[0].starts_with("low "), "nothing is divided by nothing");
        let finding = with((980, 5.0), (20, 60.0)).run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!((finding.measured("ratio"), finding.measured("threshold")), (Some(12.0), Some(4.0)));
    }

    #[test]
    fn few_calls_are_not_judged_unless_all_were_short() {
        assert_eq!(with((279, 1.0), (20, 50.0)).open(&DETECTOR), ["fewer than 300 calls"]);
        let short = with((20, 1.0), (5, 9.0)).run(&DETECTOR).unwrap();
        assert_eq!((short.examined, short.unjudged.len()), (1, 0));
    }

    #[test]
    fn a_threshold_hides_the_median() {
        let mut lab = with((980, 5.0), (20, 60.0));
        lab.workload.logging.seen_threshold = Some(5000);
        assert_eq!(lab.open(&DETECTOR), ["calls shorter than 5 ms are not in the log, and the median is one of them"]);
        lab.workload.logging.seen_threshold = None;
        lab.workload.logging.transaction_sample_rate = Some(0.5);
        assert_eq!(lab.run(&DETECTOR).unwrap().findings[0].evidence, Evidence::Estimated);
    }
}
