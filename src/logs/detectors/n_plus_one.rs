//! One more query for each row of another
//!
//! ## Why it matters
//! A list of a hundred rows and one more query for each of them is a hundred and one round trips. Each is fast, which
//! is why no slow query log shows them; together they are slower than any index can mend, and the list grows.
//!
//! ## How it is decided
//! Statements are parted into units of work: by a trace id in their comments, by transaction, by connection, by what a
//! pool sends when it gives a connection out, by the first query of a request coming again, by a pause that is long for
//! its session. Inside a unit, a `select` that is repeated with different values is counted, whatever stands between;
//! the query it follows is one before it that returns several rows and by whose rows it can be looked up, as the names
//! of tables and columns or a logged plan say. How sure that is, is a product: the mean strength of the bounds (trace
//! 0.95, transaction 0.9, connection 0.85, a pool's mark 0.8, recurring query 0.75, pause 0.65, cut by the log's end
//! 0.3); 1 where all values are known, down to 0.85; 1 with a query it follows, 0.75 where only its place speaks for
//! that query, 0.5 without one; 0.7 + 0.1 · log₂(n ÷ 5 + 1), 1 at most, for n times a unit; 0.8 + 0.05 for each unit, 1
//! at most. From 0.6 it is found; from 0.3 it is *suspected*. *High* with more than 10 in a request at the 95th
//! percentile, *medium* from 5, *low* below. The evidence is *measured* where every statement is in the log and all
//! values are known, *inferred* otherwise. Where the log is a sample of the statements, the counts are corrected by its
//! rate, and the severity is that of the lower end of the interval. Where clients share server connections, only traces
//! and transactions can find anything; of everything else nothing is left but numbers: five look-ups or more for each of
//! ten queries or more that they can follow, as steadily in every second (a coefficient of variation below 0.3, where
//! there are three seconds to compare), are *suspected*.
//!
//! ## What to do
//! Fetch what belongs to all the rows at once: a join, `where key = any ($1)`, or the mapper's eager loading. The
//! saving is an estimate: the time between the first and the last of the repeated queries, round trips included, less
//! what one query for all may take.
//!
//! ## Limits
//! What is suspected is of severity *info*, shown with `-v`, and fails no gate. Repetitions without
//! a query that they follow are suspected at most, unless statements are missing from the log that may have been that
//! query. Pages, polling, inserts, eager loading, loops inside functions, and queries that come equally often after
//! nothing are told apart and are no findings. Keys are recognised by the names of tables and columns: names that say
//! nothing leave only the place. A request that answers from a cache of the application most of the time shows its
//! repetitions only when it does not.

use super::confidence::{
    Confidence, Grade, Needs, describe, evidence, is_enough, least_calls_per_request, loses_parents, subject,
    suspected, times, usable, whole,
};
use super::context::{at, is_of_the_client};
use super::prelude::*;
use crate::logs::workload::Logging;

/// Look-ups, one for each row.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "n-plus-one",
        category: Category::Queries,
        severity: Severity::High,
        source: include_str!("n_plus_one.rs"),
    },
    params: &[&FOUND, &SUSPECTED, &HIGH, &MEDIUM],
    run: Run::Database(run),
};

static FOUND: Param = Param {
    name: "confidence",
    doc: "a repetition that is as sure as this is found; below, it is suspected and fails no gate",
    default: 0.6,
    unit: Unit::Ratio,
};

static SUSPECTED: Param = Param {
    name: "suspected_confidence",
    doc: "a repetition that is less sure than this is not spoken of at all",
    default: 0.3,
    unit: Unit::Ratio,
};

static HIGH: Param = Param {
    name: "high_calls_per_request",
    doc: "more calls in a request at the 95th percentile are high; the checklist allows ten queries a request",
    default: 10.0,
    unit: Unit::Count,
};

static MEDIUM: Param = Param {
    name: "medium_calls_per_request",
    doc: "from so many calls in a request on, at the 95th percentile, it is medium, and low below",
    default: 5.0,
    unit: Unit::Count,
};

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    cx.need_sessions()?;
    let mut verdict = Verdict::default();
    cx.note_requests(database, &mut verdict);
    for group in explained(cx, database, GroupKind::NPlusOne) {
        verdict.findings.extend(judge(cx, group));
    }
    Ok(verdict)
}

/// The repetitions of a kind without those that another one of the same query explains better: where the log's edge cut
/// off what they follow, or chance put another query before them.
pub(super) fn explained<'a>(cx: &Context<'a>, database: &str, kind: GroupKind) -> Vec<&'a Group> {
    let groups: Vec<&Group> = cx.groups(database, kind).collect();
    let rank = |group: &Group| match (&group.parent, group.join.is_some() || group.proven > 0) {
        (Some(_), true) => 2,
        (Some(_), false) => 1,
        (None, _) => 0,
    };
    let is_better = |other: &Group, group: &Group| {
        other.child == group.child && rank(other) > rank(group) && other.units >= group.units
    };
    groups.iter().copied().filter(|group| !groups.iter().any(|other| is_better(other, group))).collect()
}

fn judge(cx: &Context<'_>, group: &Group) -> Option<Finding> {
    let logging = &cx.workload.logging;
    if !is_enough(group, logging) {
        return None;
    }
    let (found, least) = (cx.param(&DETECTOR.meta, &FOUND), cx.param(&DETECTOR.meta, &SUSPECTED));
    let confidence = Confidence::of(group, logging, Needs { values: true, parent: true });
    let grade = confidence.grade(found, least);
    if grade == Grade::Nothing || is_mixed(cx, group) && !is_steady(cx, group) {
        return None;
    }
    let (high, medium) = (cx.param(&DETECTOR.meta, &HIGH), cx.param(&DETECTOR.meta, &MEDIUM));
    let p95 = least_calls_per_request(group, logging, 0.95);
    let severity = match p95 {
        p95 if p95 > high => Severity::High,
        p95 if p95 >= medium => Severity::Medium,
        _ => Severity::Low,
    };
    let distinct = few_values(group);
    let mut message = message(cx, group);
    if let Some(distinct) = distinct {
        message = format!("{message}, with only {distinct} different values: a cache would help too");
    }
    let finding =
        Finding::new(&DETECTOR.meta, subject(cx, group), message).severity(severity).evidence(evidence(group, logging));
    let finding = describe(cx, group, finding).number("high_threshold", high, Unit::Count).number(
        "medium_threshold",
        medium,
        Unit::Count,
    );
    let finding = confidence.note(of_parent(cx, group, finding), found, least);
    let finding = fix(cx, group, finding);
    Some(if grade == Grade::Suspected { suspected(finding) } else { finding })
}

/// How many different values a repetition has, where they are so few that most of it asks again what was just answered.
fn few_values(group: &Group) -> Option<u64> {
    /// More are not told apart.
    const COUNTED: f64 = 64.0;
    let distinct = at(&group.distinct, 0.5);
    let few = group.valueless == 0 && distinct > 1.0 && distinct < COUNTED && distinct < at(&group.per_unit, 0.5) / 2.0;
    few.then_some(distinct as u64)
}

/// What happens, in one line.
fn message(cx: &Context<'_>, group: &Group) -> String {
    let logging = &cx.workload.logging;
    let child = cx.query(&group.database, &group.child);
    let table = child.map_or_else(|| format!("query {}", group.child), |child| cx.table(child));
    if let Some(mixed) = mixed(cx, group, &table) {
        return mixed;
    }
    let (each, how) = per_request(group, logging);
    let Some(parent) = &group.parent else {
        return match loses_parents(group, logging) {
            true => format!("{table} is looked up {how}{each} per request, parent not in the log"),
            false => format!("{table} is looked up {how}{each} per request, and nothing before explains it"),
        };
    };
    let parent = cx.query(&group.database, parent).map_or_else(|| format!("query {parent}"), |parent| cx.table(parent));
    let per_parent = at(&group.per_parent, 0.5);
    match per_parent < at(&group.per_unit, 0.5) {
        // nested: its parent is itself one of several
        true => {
            format!("{table} is looked up {} for each query of {parent}, {how}{each} per request", times(per_parent))
        }
        false if group.join.is_some() || group.proven > 0 => {
            format!("{table} is looked up {how}{each} per request, once for each row of {parent}")
        }
        false => format!("{table} is looked up {how}{each} per request, after a query of {parent}"),
    }
}

/// `12 times`, with the word that a sample's estimate needs before it.
pub(super) fn per_request(group: &Group, logging: &Logging) -> (String, &'static str) {
    let how = if usable(logging.sample_rate).is_some() { "about " } else { "" };
    (times(super::confidence::calls_per_request(group, logging, 0.5)), how)
}

/// Where nothing says whose statement is whose, the ratio of all look-ups to all queries they may follow is what is
/// left.
fn mixed(cx: &Context<'_>, group: &Group, table: &str) -> Option<String> {
    let parent = cx.query(&group.database, group.parent.as_deref().filter(|_| is_mixed(cx, group))?)?;
    let child = cx.query(&group.database, &group.child)?;
    let ratio = child.calls as f64 / parent.calls.max(1) as f64;
    let (parents, calls) = (parent.calls, child.calls);
    Some(format!(
        "{table} is looked up about {} for each query of {} ({calls}/{parents}), clients are mixed",
        times(ratio),
        cx.table(parent)
    ))
}

/// Whether nothing says whose statement is whose.
fn is_mixed(cx: &Context<'_>, group: &Group) -> bool {
    cx.workload.logging.is_pooled && !group.boundaries.keys().any(is_of_the_client)
}

/// Whether there are so many look-ups for each query that they may follow, always about as many, that the one explains the
/// other.
fn is_steady(cx: &Context<'_>, group: &Group) -> bool {
    /// Look-ups for each.
    const RATIO: u64 = 5;
    /// Queries they may follow.
    const PARENTS: u64 = 10;
    /// Seconds without which nothing can be said of steadiness.
    const SECONDS: u64 = 3;
    const VARIATION: f64 = 0.3;
    let calls = |fingerprint: &str| cx.query(&group.database, fingerprint).map_or(0, |query| query.calls);
    let parents = group.parent.as_deref().map_or(0, calls);
    let each_second = &group.each_second;
    parents >= PARENTS
        && calls(&group.child) >= parents * RATIO
        && (each_second.count < SECONDS || each_second.variation() < VARIATION)
}

/// What is known of the query that a repetition follows.
pub(super) fn of_parent(cx: &Context<'_>, group: &Group, finding: Finding) -> Finding {
    let mut finding = finding;
    let per_parent = at(&group.per_parent, 0.5);
    if per_parent != at(&group.per_unit, 0.5) {
        finding = finding.number("calls_per_parent_p50", per_parent, Unit::Count);
    }
    if group.valueless == 0 {
        finding = finding.number("distinct_values_p50", at(&group.distinct, 0.5), Unit::Count);
    }
    let saving = group.wall_time.saturating_sub(group.remaining) as f64 / 1000.0;
    finding = finding.number("saving_estimated", saving, Unit::Milliseconds);
    if let Some(parent) = group.parent.as_deref().and_then(|parent| cx.query(&group.database, parent)) {
        finding =
            finding.count("requests_seen", whole(parent.units), Unit::Count).text("parent_query", parent.text.clone());
    }
    if let Some(join) = &group.join {
        finding = finding.text("join", join.clone());
    }
    if group.proven > 0 {
        finding = finding.count("requests_proven_by_plans", whole(group.proven), Unit::Count);
    }
    match group.looked_back {
        0 => finding,
        units => finding.count("requests_with_the_parent_before", whole(units), Unit::Count),
    }
}

/// What takes the place of all the look-ups.
fn fix(cx: &Context<'_>, group: &Group, finding: Finding) -> Finding {
    let advice = cx.eager_loading(group).unwrap_or_else(|| {
        "fetch what belongs to all the rows at once: a join, where key = any ($1), or the mapper's eager loading"
            .to_owned()
    });
    cx.batch(group, advice, finding)
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::Lab;
    use super::*;
    use crate::logs::distribution::Distribution;

    const LIST: &str = "select id, name from authors where country = $1";
    const BOOKS: &str = "select id, author_id, title from books where author_id = $1";
    const REVIEWS: &str = "select id, stars from reviews where book_id = $1";

    /// So many requests that list authors, each with as many look-ups of books.
    fn lab(units: u64, times: u64, boundary: Boundary) -> Lab {
        let mut lab = Lab::new();
        let parent = lab.query(LIST, units);
        let child = lab.query(BOOKS, units * times);
        let mut group = Lab::group(GroupKind::NPlusOne, Some(&parent), &child, units, times, boundary.clone());
        group.join = Some("books.author_id = authors.id".into());
        lab.workload.groups.push(group);
        lab.requests(None, Some(&parent), units, times + 1, boundary);
        lab
    }

    #[test]
    fn the_severity_is_that_of_the_calls_in_a_request() {
        let found = |times| lab(200, times, Boundary::Transaction).found(&DETECTOR);
        assert_eq!(found(12), ["high books is looked up 12 times per request, once for each row of authors"]);
        assert_eq!(found(10), ["medium books is looked up 10 times per request, once for each row of authors"]);
        assert_eq!(found(5), ["medium books is looked up 5 times per request, once for each row of authors"]);
        assert_eq!(found(4), ["low books is looked up 4 times per request, once for each row of authors"]);
        let mut strict = lab(200, 5, Boundary::Transaction);
        strict.params.set("n-plus-one", "high_calls_per_request", 4.0);
        assert!(strict.found(&DETECTOR)[0].starts_with("high "));
    }

    #[test]
    fn the_finding_has_its_numbers_and_the_query_that_replaces_the_loop() {
        let lab = lab(200, 12, Boundary::Transaction);
        let finding = lab.run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!(finding.subject.kind, SubjectKind::QueryGroup);
        let key = format!(
            "n-plus-one:shop/{}/{}",
            lab.workload.groups[0].parent.clone().unwrap(),
            lab.workload.groups[0].child
        );
        assert_eq!((finding.key.as_str(), finding.evidence.clone()), (key.as_str(), Evidence::Measured));
        for (name, value) in [
            ("requests", 200.0),
            ("requests_seen", 200.0),
            ("calls", 2400.0),
            ("calls_per_request_p50", 12.0),
            ("calls_per_request_p95", 12.0),
            ("calls_per_request_max", 12.0),
            ("distinct_values_p50", 12.0),
            ("database_time", 1200.0),
            ("wall_time", 2400.0),
            ("saving_estimated", 2200.0),
            ("confidence_bounds", 0.9),
            ("high_threshold", 10.0),
        ] {
            assert_eq!(finding.measured(name), Some(value), "{name}");
        }
        assert!((finding.measured("confidence").unwrap() - 0.9 * (0.7 + 0.1 * 3.4_f64.log2())).abs() < 1e-9);
        assert_eq!(finding.measured("calls_per_parent_p50"), None);
        let sql = finding.hint.unwrap().sql.unwrap().to_lowercase();
        assert!(sql.contains("author_id = any") && sql.contains("from books"), "{sql}");
    }

    #[test]
    fn nested_loops_say_both_numbers() {
        let mut lab = lab(200, 6, Boundary::Trace);
        let child = lab.query(REVIEWS, 200 * 30);
        let books = lab.workload.groups[0].child.clone();
        let mut group = Lab::group(GroupKind::NPlusOne, Some(&books), &child, 200, 30, Boundary::Trace);
        group.join = Some("reviews.book_id = books.id".into());
        group.per_parent = Distribution::default();
        (0..200).for_each(|_| group.per_parent.add(5));
        lab.workload.groups.push(group);
        let found = lab.found(&DETECTOR);
        assert_eq!(found[1], "high reviews is looked up 5 times for each query of books, 30 times per request");
    }

    #[test]
    fn what_is_less_sure_is_suspected_or_nothing() {
        // without what it follows, half of it is gone
        let alone = |boundary| {
            let mut lab = lab(200, 12, boundary);
            lab.workload.groups[0].parent = None;
            lab.workload.groups[0].join = None;
            lab
        };
        let transaction = alone(Boundary::Transaction);
        assert_eq!(
            transaction.found(&DETECTOR),
            ["info suspected: books is looked up 12 times per request, and nothing before explains it"]
        );
        let finding = transaction.run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!(finding.evidence, Evidence::Inferred);
        assert!(finding.detail.iter().any(|measure| measure.name == "suspected"));
        assert!(alone(Boundary::Cut).found(&DETECTOR).is_empty());
        // the pause of a session with one look-up each
        assert!(lab(200, 12, Boundary::Gap).found(&DETECTOR)[0].starts_with("info suspected: "));
        assert!(lab(200, 25, Boundary::Gap).found(&DETECTOR)[0].starts_with("high "));
        let mut place_only = lab(200, 12, Boundary::Transaction);
        place_only.workload.groups[0].join = None;
        assert_eq!(
            place_only.found(&DETECTOR),
            ["info suspected: books is looked up 12 times per request, after a query of authors"]
        );
        place_only.workload.groups[0].proven = 100;
        assert!(place_only.found(&DETECTOR)[0].starts_with("high "));
    }

    #[test]
    fn a_sample_is_corrected_and_may_have_lost_the_parent() {
        let mut lab = lab(200, 8, Boundary::Connection);
        lab.workload.groups[0].parent = None;
        lab.workload.groups[0].join = None;
        lab.workload.logging.sample_rate = Some(0.5);
        assert_eq!(
            lab.found(&DETECTOR),
            ["medium books is looked up about 16 times per request, parent not in the log"],
            "of 16 the interval begins at 8"
        );
        let finding = lab.run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!(finding.evidence, Evidence::Inferred);
        assert_eq!(finding.measured("calls_per_request_p95_estimated"), Some(16.0));
        assert!(finding.measured("calls_per_request_p95_low").unwrap() < 10.0);
        assert!(lab.open(&DETECTOR)[0].starts_with("the log is a sample of the statements"));
        lab.workload.logging.sample_rate = None;
        lab.workload.logging.transaction_sample_rate = Some(0.1);
        let finding = lab.run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!(finding.measured("requests_estimated"), Some(2000.0));
        assert_eq!(finding.measured("calls_per_request_p95_estimated"), None, "what is there is whole");
    }

    #[test]
    fn shared_connections_tell_only_a_ratio() {
        let mut pooled = lab(18, 10, Boundary::Parent);
        pooled.workload.logging.is_pooled = true;
        assert_eq!(
            pooled.found(&DETECTOR),
            ["info suspected: books is looked up about 10 times for each query of authors (180/18), clients are mixed"]
        );
        assert!(pooled.open(&DETECTOR).iter().any(|because| because.ends_with("bounds are sure: 0")));
        let in_seconds = |ratios: &[u64]| {
            let mut pooled = pooled.workload.clone();
            ratios.iter().for_each(|ratio| pooled.groups[0].each_second.add(ratio * 1000));
            let mut own = lab(18, 10, Boundary::Parent);
            own.workload = pooled;
            own.found(&DETECTOR).len()
        };
        assert_eq!([in_seconds(&[10, 9, 11]), in_seconds(&[2, 20, 8]), in_seconds(&[2, 20])], [1, 0, 1]);
        for (parents, children) in [(9, 10), (18, 4)] {
            let mut few = lab(parents, children, Boundary::Parent);
            few.workload.logging.is_pooled = true;
            assert!(few.found(&DETECTOR).is_empty());
        }
        let mut traced = lab(200, 12, Boundary::Trace);
        traced.workload.logging.is_pooled = true;
        assert!(traced.found(&DETECTOR)[0].starts_with("high "));
        assert!(traced.open(&DETECTOR).is_empty());
    }

    #[test]
    fn few_values_are_worth_a_cache() {
        let mut lab = lab(200, 20, Boundary::Transaction);
        lab.workload.groups[0].distinct = Distribution::default();
        (0..200).for_each(|_| lab.workload.groups[0].distinct.add(3));
        assert!(lab.found(&DETECTOR)[0].ends_with(", with only 3 different values: a cache would help too"));
    }

    #[test]
    fn the_better_explanation_is_the_one_that_is_said() {
        let mut lab = lab(200, 12, Boundary::Transaction);
        let child = lab.workload.groups[0].child.clone();
        let other = lab.query("select id from sessions where token = $1", 10);
        lab.workload.groups.push(Lab::group(GroupKind::NPlusOne, None, &child, 4, 12, Boundary::Transaction));
        lab.workload.groups.push(Lab::group(GroupKind::NPlusOne, Some(&other), &child, 9, 12, Boundary::Transaction));
        assert_eq!(lab.found(&DETECTOR).len(), 1);
    }

    #[test]
    fn the_systems_own_tables_and_everything_else_are_no_application() {
        let mut lab = lab(200, 12, Boundary::Transaction);
        let types = lab.query("select typname from pg_catalog.pg_type where oid = $1", 100);
        lab.workload.groups.clear();
        for child in [types.as_str(), crate::logs::workload::OTHER] {
            lab.workload.groups.push(Lab::group(GroupKind::NPlusOne, None, child, 20, 20, Boundary::Trace));
        }
        assert!(lab.found(&DETECTOR).is_empty());
    }

    #[test]
    fn what_was_looked_at_are_requests_with_sure_bounds() {
        let sure = lab(200, 12, Boundary::Parent).run(&DETECTOR).unwrap();
        assert_eq!((sure.examined, sure.unjudged.len()), (200, 0));
        let gaps = lab(200, 12, Boundary::Gap);
        assert_eq!(gaps.run(&DETECTOR).unwrap().examined, 0);
        assert_eq!(gaps.open(&DETECTOR), ["fewer than 100 requests whose bounds are sure: 0"]);
        let mut threshold = lab(200, 12, Boundary::Trace);
        threshold.workload.logging.told_threshold = Some(100_000);
        assert!(threshold.open(&DETECTOR)[0].starts_with("statements shorter than 100 ms are not in the log"));
        let mut nameless = lab(200, 12, Boundary::Trace);
        nameless.workload.logging.has_sessions = false;
        let missing = nameless.run(&DETECTOR).unwrap_err();
        assert_eq!(missing.reason, Reason::Input);
        assert!(missing.unlock.unwrap().contains("'%m [%p] %q%u@%d '"));
    }
}
