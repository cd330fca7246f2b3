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
//! Two snapshots that bracket the log say it. Where the log has the server's query ids, every call of 100 ms and more
//! (a threshold of 100 ms at most, and no sample), and the limit is 100 ms, the calls so long are counted by query id and
//! divided by all calls that `pg_stat_statements` counted between the snapshots: more than 1 % means a 99th percentile
//! above the limit, and the answer is exact both ways, *measured*. A query id of fewer than 100 calls counts together with
//! the others of its query. Where the log does not reach from one snapshot to the other it can prove a query slow, and
//! none fast.
//!
//! ## What to do
//! Look at the plan (`explain (analyze, buffers)`) with the values of a slow call. For an answer from a log with a
//! threshold, bracket it with two snapshots: `pgassay audit --logs FILE --since OLD` takes the number of calls from
//! them; `--from` and `--to` leave out of the log what was before and after.
//!
//! ## Limits
//! The network and waiting in a pool are not in a duration; waiting for locks and for a slow client is. In the simple
//! protocol the duration of a statement outside a transaction includes its commit, in the extended one it never does:
//! the same query by both is not the same figure. Above some 1000 calls the percentile is exact to 0.4 %. A threshold
//! is tested for parse, bind and execute each by itself, so that a logged duration may lack the others. Several
//! statements in one string have one duration and one query id, and are counted each by itself. Statements that
//! failed, utility statements and those of the system's own tables do not count.

use super::confidence::{usable, whole};
use super::context::{Calls, LOG_EVERYTHING, at, milliseconds, names};
use super::prelude::*;
use crate::logs::distribution::Quantile;
use crate::logs::workload::Logging;
use std::collections::BTreeSet;

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
    let mut verdict = Verdict::default();
    let seen = Seen::of(&cx.workload.logging);
    let limit = cx.param(&DETECTOR.meta, &LIMIT) * 1000.0;
    let calls = cx.calls.and_then(|calls| calls.as_ref().ok()).filter(|_| limit == SLOW);
    if calls.is_none() {
        cx.need_durations(database)?;
    }
    if let Seen::Above(threshold) = seen
        && threshold as f64 > limit
        && calls.is_none()
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
        let exactly = calls.and_then(|calls| judge_exactly(cx, query, calls));
        match exactly.unwrap_or_else(|| judge(cx, query, &seen, total)) {
            Ok(finding) => {
                verdict.examine();
                verdict.findings.extend(finding);
            }
            Err(missing) => verdict.cannot_tell(cx.subject(query), missing),
        }
    }
    if let Some(calls) = calls {
        let logged: BTreeSet<i64> = cx.queries(database).flat_map(ids).collect();
        let others = calls.by_query.keys().filter(|(name, id)| name == database && !logged.contains(id)).count() as u64;
        match &calls.uncovered {
            // nothing of them was so long
            None => verdict.examined += others,
            Some(missing) if others > 0 => verdict.cannot_tell(Subject::database(database), missing.clone()),
            Some(_) => {}
        }
    }
    Ok(verdict)
}

/// The limit that calls are counted by while a log is read, in microseconds.
const SLOW: f64 = 100_000.0;

/// The server's identities of a query.
fn ids(query: &QueryLoad) -> BTreeSet<i64> {
    query.query_ids.iter().chain(query.slow_by_query_id.keys()).copied().collect()
}

/// Calls, those of them that were slow, and how many of the server's identities they belong to.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    calls: u64,
    slow: u64,
    ids: u64,
}

impl Counted {
    fn share(&self) -> f64 {
        self.slow as f64 / self.calls.max(1) as f64
    }

    fn add(&mut self, other: Self) {
        (self.calls, self.slow, self.ids) = (self.calls + other.calls, self.slow + other.slow, self.ids + other.ids);
    }
}

/// By the calls that were counted between two snapshots. Nothing where the query is not among them.
fn judge_exactly(cx: &Context<'_>, query: &QueryLoad, calls: &Calls) -> Option<Result<Option<Finding>, Missing>> {
    let minimum = cx.param(&DETECTOR.meta, &MINIMUM_CALLS);
    let open =
        |because: &str, unlock: &str| Some(Err(Missing::new("p99", Reason::Observation, because).unlocked_by(unlock)));
    let (mut judged, mut rest, mut all) = (Vec::new(), Counted::default(), Counted::default());
    for id in ids(query) {
        let slow = query.slow_by_query_id.get(&id).copied().unwrap_or(0);
        let one = Counted { calls: calls.of(&query.database, id)?, slow, ids: 1 };
        if one.slow > one.calls {
            return open("the log has more calls of it than the server counted between the snapshots", BRACKET);
        }
        all.add(one);
        if one.calls as f64 >= minimum { judged.push(one) } else { rest.add(one) }
    }
    if all.ids == 0 {
        return None;
    }
    // of a histogram the count is one of buckets
    let nameless = query.durations.above(SLOW as u64 - 1) as f64 - (all.slow as f64 * 1.01 + 1.0);
    if nameless > 0.0 {
        return open("some of its slow calls have no query id in the log", QUERY_IDS);
    }
    let is_few = (rest.calls as f64) < minimum;
    judged.extend((rest.ids > 0 && !is_few).then_some(rest));
    let worst = judged.into_iter().filter(|one| one.share() > SHARE).max_by(|a, b| a.share().total_cmp(&b.share()));
    let Some(worst) = worst else {
        if is_few && rest.slow > 0 {
            let because = format!("fewer than {minimum} calls, some of them longer than {}", milliseconds(SLOW));
            return open(&because, MORE);
        }
        return Some(calls.uncovered.clone().map_or(Ok(None), Err));
    };
    let limit = milliseconds(SLOW);
    let message = format!(
        "{} of {} calls took {limit} or longer, so the 99th percentile exceeds the limit of {limit}",
        humane(worst.share(), &Unit::Ratio),
        humane(worst.calls as f64, &Unit::Count)
    );
    let median = query.durations.largest(all.calls.div_ceil(2)).filter(|_| all.ids == 1);
    let very_slow = cx.param(&DETECTOR.meta, &VERY_SLOW) * 1000.0;
    let p99 = query.durations.largest(all.calls / 100 + 1).filter(|_| all.ids == 1);
    let finding = Finding::new(&DETECTOR.meta, cx.subject(query), message)
        .severity(if median.is_some_and(|p50| p50 > very_slow) { Severity::High } else { Severity::Medium })
        .evidence(Evidence::Measured)
        .count("calls", whole(worst.calls), Unit::Count)
        .count("slow_calls", whole(worst.slow), Unit::Count)
        .number("share_of_slow_calls", worst.share(), Unit::Ratio)
        .count("errors", whole(query.errors), Unit::Count);
    let finding = match p99 {
        Some(p99) => finding.number("p99", p99 / 1000.0, Unit::Milliseconds),
        None => finding,
    };
    let finding = finding
        .number("max", query.durations.most as f64 / 1000.0, Unit::Milliseconds)
        .number("threshold", SLOW / 1000.0, Unit::Milliseconds)
        .number("high_threshold", very_slow / 1000.0, Unit::Milliseconds)
        .list("applications", names(&query.applications));
    Some(Ok(Some(finding.advice(ADVICE))))
}

/// More of the calls than this above the limit are a 99th percentile above it.
const SHARE: f64 = 0.01;

const QUERY_IDS: &str = "query ids in the log: %Q in log_line_prefix with compute_query_id = on, or csvlog or jsonlog";

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
        return match cx.calls {
            Some(Err(missing)) => {
                open(format!("{because}; {}", missing.because), missing.unlock.as_deref().unwrap_or(BRACKET))
            }
            _ => open(because, BRACKET),
        };
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
    Ok(Some(finding.advice(ADVICE)))
}

const ADVICE: &str = "look at its plan with the values of a slow call: explain (analyze, buffers) runs the statement, so \
                      try it on a copy or inside a transaction that is rolled back";

/// What tells how many calls there were of those that are not in the log.
const BRACKET: &str = "two snapshots that bracket the log: pgassay audit --logs FILE --since OLD";

/// What makes a percentile of few calls.
const MORE: &str = "more of the log: pgassay logs takes folders, and merges what --save kept of other days";

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::{DATABASE, Lab};
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

    /// A log with a threshold of 100 ms that has so many slow calls by query id, of so many calls between two snapshots.
    fn bracketed(counted: &[(i64, u64, u64)]) -> Lab {
        let slow: u64 = counted.iter().map(|(_, slow, _)| slow).sum();
        let mut lab = with(of(0, slow as usize, 150.0));
        lab.workload.logging.told_threshold = Some(100_000);
        let mut calls = Calls::default();
        for (id, slow, all) in counted {
            calls.by_query.insert((DATABASE.to_owned(), *id), *all);
            if *slow > 0 {
                lab.last().query_ids.push(*id);
                lab.last().slow_by_query_id.insert(*id, *slow);
            }
        }
        lab.calls = Some(Ok(calls));
        lab
    }

    #[test]
    fn two_snapshots_say_how_many_calls_there_were() {
        let slow = bracketed(&[(7, 21, 2000)]).run(&DETECTOR).unwrap();
        let finding = &slow.findings[0];
        assert_eq!(
            finding.message,
            "1.05 % of 2,000 calls took 100 ms or longer, so the 99th percentile exceeds the limit of 100 ms"
        );
        assert_eq!((finding.evidence.clone(), finding.severity.clone()), (Evidence::Measured, Severity::Medium));
        assert_eq!((finding.measured("p99"), finding.measured("slow_calls")), (Some(150.0), Some(21.0)));
        let well = bracketed(&[(7, 20, 2000), (8, 0, 50)]).run(&DETECTOR).unwrap();
        assert_eq!((well.findings.len(), well.examined, well.unjudged.len()), (0, 2, 0));
        // most calls longer than a second
        let mut very = bracketed(&[(7, 200, 300)]);
        very.durations(of(0, 200, 1001.0));
        assert!(very.found(&DETECTOR)[0].starts_with("high 66.7 %"));
        // each query id is judged by itself, those of few calls together
        assert_eq!(bracketed(&[(7, 5, 100), (8, 1, 10_000)]).found(&DETECTOR).len(), 1);
        assert_eq!(bracketed(&[(7, 1, 60), (8, 1, 60)]).found(&DETECTOR).len(), 1);
        let few = bracketed(&[(7, 1, 60), (8, 20, 10_000)]);
        assert_eq!(few.open(&DETECTOR), ["fewer than 100 calls, some of them longer than 100 ms"]);
    }

    #[test]
    fn nothing_slow_in_the_log_is_well_where_it_has_all_of_the_time() {
        let mut lab = Lab::new();
        lab.workload.logging.told_threshold = Some(100_000);
        let mut calls = Calls::default();
        calls.by_query.insert((DATABASE.to_owned(), 7), 5000);
        lab.calls = Some(Ok(calls.clone()));
        assert_eq!((lab.run(&DETECTOR).unwrap().examined, lab.open(&DETECTOR).len()), (1, 0));
        calls.uncovered = Some(Missing::new("log", Reason::Input, "it ends early"));
        lab.calls = Some(Ok(calls.clone()));
        assert_eq!(lab.open(&DETECTOR), ["it ends early"]);
        // a part of the log proves a query slow, and none fast
        for (slow, found) in [(30, 1), (3, 0)] {
            let mut part = bracketed(&[(7, slow, 2000)]);
            let Some(Ok(calls)) = &mut part.calls else { panic!() };
            calls.uncovered = Some(Missing::new("log", Reason::Input, "it ends early"));
            assert_eq!((part.found(&DETECTOR).len(), part.open(&DETECTOR).len()), (found, 1 - found));
        }
    }

    #[test]
    fn counts_that_cannot_be_right_are_not_used() {
        let more = bracketed(&[(7, 30, 20)]);
        assert_eq!(
            more.open(&DETECTOR),
            ["the log has more calls of it than the server counted between the snapshots"]
        );
        let mut nameless = bracketed(&[(7, 3, 2000)]);
        nameless.durations(of(0, 40, 150.0));
        assert_eq!(nameless.open(&DETECTOR), ["some of its slow calls have no query id in the log"]);
        // of a query that the server does not count the log says what it can
        let mut unknown = bracketed(&[(7, 30, 2000)]);
        unknown.calls = Some(Ok(Calls::default()));
        assert!(unknown.open(&DETECTOR)[0].starts_with("only calls of 100 ms and more are in the log"));
        unknown.calls = Some(Err(Missing::new("calls", Reason::Input, "the log has no query ids").unlocked_by("%Q")));
        let open = unknown.run(&DETECTOR).unwrap().unjudged.remove(0).reason;
        assert!(open.because.ends_with("; the log has no query ids"), "{}", open.because);
        assert_eq!(open.unlock.as_deref(), Some("%Q"));
        // another limit is not what was counted
        let mut other = bracketed(&[(7, 21, 2000)]);
        other.params.set("slow-query", "limit_ms", 50.0);
        assert!(other.found(&DETECTOR).is_empty());
        // where a log has everything, both ways agree
        let mut whole = with(of(979, 21, 150.0));
        whole.last().query_ids.push(7);
        whole.last().slow_by_query_id.insert(7, 21);
        whole.workload.logging.has_query_ids = true;
        assert_eq!(whole.found(&DETECTOR).len(), 1);
        let by_query = [((DATABASE.to_owned(), 7), 1000)].into();
        whole.calls = Some(Ok(Calls { by_query, uncovered: None }));
        assert_eq!(whole.found(&DETECTOR).len(), 1);
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
