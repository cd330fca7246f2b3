//! Same query with the same values again in one request
//!
//! ## Why it matters
//! What was answered a moment ago is asked again: a round trip for each time, and a row that the application holds
//! already. It is often the current user, a setting, or a count that a template asks for.
//!
//! ## How it is decided
//! Inside a unit of work, as for `n-plus-one`, a `select` that is repeated with the same values, 25 ms apart at the
//! most on average: what asks the same more slowly waits for another answer, as polling does. Found from 5 in a request
//! at the 95th percentile: *low*, with more than 10 *medium*. The confidence has the parts of that of `n-plus-one`
//! without what it follows; below 0.6 it is suspected at most. A query that mostly comes with different values is an
//! N+1, and is found as that.
//!
//! ## What to do
//! Keep the answer for the rest of the request: in a variable, in the mapper's session, or in a cache that lives as
//! long.
//!
//! ## Limits
//! Values must be in the log: with parameters left out or cut nothing is a duplicate. Two questions with a write
//! between them may have two answers; that is not looked into. The tables of the system do not count. What is suspected
//! is of severity *info* and fails no gate.

use super::confidence::{
    Confidence, Grade, Needs, by_child, describe, evidence, is_enough, least_calls_per_request, subject, suspected,
};
use super::n_plus_one::per_request;
use super::prelude::*;

/// The same question again and again.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "duplicate-query",
        category: Category::Queries,
        severity: Severity::Low,
        source: include_str!("duplicate_query.rs"),
    },
    params: &[&CALLS, &MEDIUM, &PAUSE, &FOUND, &SUSPECTED],
    run: Run::Database(run),
};

static CALLS: Param = Param {
    name: "calls_per_request",
    doc: "so often the same question in a request is found, at the 95th percentile; half of what a request may ask",
    default: 5.0,
    unit: Unit::Count,
};

static MEDIUM: Param = Param {
    name: "medium_calls_per_request",
    doc: "more times than this it is medium; the checklist allows ten queries a request",
    default: 10.0,
    unit: Unit::Count,
};

static PAUSE: Param = Param {
    name: "pause_ms",
    doc: "a longer pause between two of the same is that of somebody who waits for another answer; no loop is so slow",
    default: 25.0,
    unit: Unit::Milliseconds,
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

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    cx.need_sessions()?;
    let mut verdict = Verdict::default();
    cx.note_requests(database, &mut verdict);
    for group in by_child(cx.groups(database, GroupKind::Duplicate)) {
        // rows that happen to have the same key make a loop ask the same
        let loops = cx.groups(database, GroupKind::NPlusOne).filter(|other| other.child == group.child);
        if loops.map(|other| other.units).sum::<u64>() <= group.units {
            verdict.findings.extend(judge(cx, &group));
        }
    }
    Ok(verdict)
}

fn judge(cx: &Context<'_>, group: &Group) -> Option<Finding> {
    let logging = &cx.workload.logging;
    let (calls, medium) = (cx.param(&DETECTOR.meta, &CALLS), cx.param(&DETECTOR.meta, &MEDIUM));
    let p95 = least_calls_per_request(group, logging, 0.95);
    if p95 < calls || !is_enough(group, logging) || pause(group) > cx.param(&DETECTOR.meta, &PAUSE) {
        return None;
    }
    let (found, least) = (cx.param(&DETECTOR.meta, &FOUND), cx.param(&DETECTOR.meta, &SUSPECTED));
    let confidence = Confidence::of(group, logging, Needs { values: true, parent: false });
    let grade = confidence.grade(found, least);
    if grade == Grade::Nothing {
        return None;
    }
    let query = cx.query(&group.database, &group.child);
    let table = query.map_or_else(|| format!("query {}", group.child), |query| cx.table(query));
    let (each, how) = per_request(group, logging);
    let message = format!("{table} is asked the same {how}{each} per request");
    let finding = Finding::new(&DETECTOR.meta, subject(cx, group), message)
        .severity(if p95 > medium { Severity::Medium } else { Severity::Low })
        .evidence(evidence(group, logging));
    let finding = describe(cx, group, finding).number("threshold", calls, Unit::Count).number(
        "medium_threshold",
        medium,
        Unit::Count,
    );
    let finding = confidence.note(finding, found, least).advice(
        "keep the answer for the rest of the request: in a variable, in the mapper's session, or in a cache that lives \
         as long",
    );
    Some(if grade == Grade::Suspected { suspected(finding) } else { finding })
}

/// Milliseconds between the end of one and the start of the next, on average.
fn pause(group: &Group) -> f64 {
    let pauses = group.calls.saturating_sub(group.units).max(1);
    group.wall_time.saturating_sub(group.database_time) as f64 / 1000.0 / pauses as f64
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::Lab;
    use super::*;

    fn lab(text: &str, units: u64, times: u64, boundary: Boundary) -> Lab {
        let mut lab = Lab::new();
        let child = lab.query(text, units * times);
        lab.workload.groups.push(Lab::group(GroupKind::Duplicate, None, &child, units, times, boundary.clone()));
        lab.requests(None, Some(&child), units, times, boundary);
        lab
    }

    const SETTING: &str = "select value from settings where key = $1";

    #[test]
    fn the_same_question_is_found_whatever_it_follows() {
        let lab = |times| lab(SETTING, 200, times, Boundary::Connection).found(&DETECTOR);
        assert_eq!(lab(20), ["medium settings is asked the same 20 times per request"]);
        assert_eq!(lab(10), ["low settings is asked the same 10 times per request"]);
        assert!(lab(4).is_empty());
    }

    #[test]
    fn under_several_parents_it_is_one() {
        let mut lab = lab(SETTING, 100, 20, Boundary::Transaction);
        let other = lab.query("select id from users where id = $1", 10);
        let child = lab.workload.groups[0].child.clone();
        lab.workload.groups.push(Lab::group(GroupKind::Duplicate, Some(&other), &child, 50, 20, Boundary::Transaction));
        let finding = lab.run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!((lab.found(&DETECTOR).len(), finding.measured("requests")), (1, Some(150.0)));
        assert_eq!(finding.key, format!("duplicate-query:shop/{child}"));
        // most of the time the values differ
        lab.workload.groups.push(Lab::group(GroupKind::NPlusOne, Some(&other), &child, 500, 20, Boundary::Transaction));
        assert!(lab.found(&DETECTOR).is_empty());
    }

    #[test]
    fn who_asks_slowly_waits_for_another_answer() {
        let mut lab = lab(SETTING, 1, 21, Boundary::Connection);
        lab.workload.groups[0].database_time = 0;
        lab.workload.groups[0].wall_time = 20 * 25_000;
        assert_eq!(lab.found(&DETECTOR).len(), 1);
        lab.workload.groups[0].wall_time = 20 * 50_000;
        assert!(lab.found(&DETECTOR).is_empty());
    }

    #[test]
    fn catalogs_and_weak_bounds() {
        assert!(
            lab("select typname from pg_type where oid = $1", 200, 20, Boundary::Trace).found(&DETECTOR).is_empty()
        );
        assert!(lab(SETTING, 200, 10, Boundary::Gap).found(&DETECTOR)[0].starts_with("info suspected: "));
        assert!(lab(SETTING, 200, 10, Boundary::Cut).found(&DETECTOR).is_empty());
        let mut pooled = lab(SETTING, 200, 20, Boundary::Reset);
        pooled.workload.logging.is_pooled = true;
        assert!(pooled.found(&DETECTOR)[0].starts_with("info suspected: "));
    }
}
