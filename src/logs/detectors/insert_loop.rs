//! Rows inserted one by one
//!
//! ## Why it matters
//! A row at a time is a round trip at a time, and outside a transaction a commit at a time. The same rows in one
//! statement are ten to a hundred times as fast.
//!
//! ## How it is decided
//! An `insert` of one row that is repeated inside a unit of work, as for `n-plus-one`: found from 5 in a request at the
//! 95th percentile, *low*; *medium* with more than 50. The confidence has the parts of that of `n-plus-one` without
//! values and without what it follows; below 0.6 it is suspected at most.
//!
//! ## What to do
//! One statement with an array for each column (`insert … select … from unnest (…)`), which has one text whatever the
//! number of rows; several rows of `values`, up to 65535 parameters; or `copy` for thousands.
//!
//! ## Limits
//! A driver that sends a batch of inserts in one go has no round trip for each of them, and looks the same in the log
//! but for its pauses. Rows whose generated keys are needed at once may need `returning`, which works for many as for
//! one. What is suspected is of severity *info* and fails no gate.

use super::confidence::{
    Confidence, Grade, Needs, by_child, describe, is_enough, least_calls_per_request, subject, suspected,
};
use super::n_plus_one::per_request;
use super::prelude::*;

/// One row at a time.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "insert-loop",
        category: Category::Queries,
        severity: Severity::Low,
        source: include_str!("insert_loop.rs"),
    },
    params: &[&CALLS, &MEDIUM, &FOUND, &SUSPECTED],
    run: Run::Database(run),
};

static CALLS: Param = Param {
    name: "calls_per_request",
    doc: "so many inserts of one row in a request, at the 95th percentile, are found; fewer are hardly worth a change",
    default: 5.0,
    unit: Unit::Count,
};

static MEDIUM: Param = Param {
    name: "medium_calls_per_request",
    doc: "more inserts of one row than this in a request are medium; five times what the checklist allows in all",
    default: 50.0,
    unit: Unit::Count,
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
    for group in by_child(cx.groups(database, GroupKind::InsertLoop)) {
        verdict.findings.extend(judge(cx, &group));
    }
    Ok(verdict)
}

fn judge(cx: &Context<'_>, group: &Group) -> Option<Finding> {
    let logging = &cx.workload.logging;
    let (calls, medium) = (cx.param(&DETECTOR.meta, &CALLS), cx.param(&DETECTOR.meta, &MEDIUM));
    let p95 = least_calls_per_request(group, logging, 0.95);
    // rows of values in one statement, or those of a query, are many at once already
    let is_single = cx.analysis(&group.child).is_none_or(|child| child.is_single_row_insert);
    if p95 < calls || !is_single || !is_enough(group, logging) {
        return None;
    }
    let (found, least) = (cx.param(&DETECTOR.meta, &FOUND), cx.param(&DETECTOR.meta, &SUSPECTED));
    let confidence = Confidence::of(group, logging, Needs { values: false, parent: false });
    let grade = confidence.grade(found, least);
    if grade == Grade::Nothing {
        return None;
    }
    let query = cx.query(&group.database, &group.child);
    let table = query.map_or_else(|| format!("query {}", group.child), |query| cx.table(query));
    let (each, how) = per_request(group, logging);
    let message = format!("a row is inserted into {table} {how}{each} per request");
    let complete = logging.is_complete();
    let finding = Finding::new(&DETECTOR.meta, subject(cx, group), message)
        .severity(if p95 > medium { Severity::Medium } else { Severity::Low })
        .evidence(if complete { Evidence::Measured } else { Evidence::Inferred });
    let saving = group.wall_time.saturating_sub(group.remaining) as f64 / 1000.0;
    let finding = describe(cx, group, finding)
        .number("saving_estimated", saving, Unit::Milliseconds)
        .number("threshold", calls, Unit::Count)
        .number("medium_threshold", medium, Unit::Count);
    let finding = confidence.note(finding, found, least);
    let advice = "insert all the rows with one statement, or with copy where they are thousands";
    let finding = cx.batch(group, advice.to_owned(), finding);
    Some(if grade == Grade::Suspected { suspected(finding) } else { finding })
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::Lab;
    use super::*;

    fn lab(text: &str, times: u64, boundary: Boundary) -> Lab {
        let mut lab = Lab::new();
        let child = lab.query(text, 200 * times);
        let mut group = Lab::group(GroupKind::InsertLoop, None, &child, 200, times, boundary.clone());
        group.varying = vec![0, 1];
        lab.workload.groups.push(group);
        lab.requests(None, Some(&child), 200, times, boundary);
        lab
    }

    const ONE: &str = "insert into events (kind, payload) values ($1, $2)";

    #[test]
    fn rows_one_by_one_are_found() {
        let found = |times| lab(ONE, times, Boundary::Transaction).found(&DETECTOR);
        assert_eq!(found(20), ["low a row is inserted into events 20 times per request"]);
        assert_eq!(found(51), ["medium a row is inserted into events 51 times per request"]);
        assert!(found(4).is_empty());
        let finding = lab(ONE, 20, Boundary::Transaction).run(&DETECTOR).unwrap().findings.remove(0);
        let sql = finding.hint.unwrap().sql.unwrap().to_lowercase();
        assert!(sql.starts_with("insert into events") && sql.contains("unnest"), "{sql}");
    }

    #[test]
    fn values_need_not_be_known() {
        let mut lab = lab(ONE, 20, Boundary::Transaction);
        lab.workload.groups[0].valueless = 200;
        lab.workload.groups[0].varying.clear();
        let finding = lab.run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!((finding.evidence.clone(), finding.measured("confidence_values")), (Evidence::Measured, Some(1.0)));
        assert!(finding.hint.unwrap().text.contains("or with copy"));
    }

    #[test]
    fn many_rows_at_once_are_what_it_should_be() {
        let several = "insert into events (kind, payload) values ($1, $2), ($3, $4)";
        assert!(lab(several, 20, Boundary::Transaction).found(&DETECTOR).is_empty());
        let query = "insert into events (kind, payload) select kind, payload from old where id = $1";
        assert!(lab(query, 20, Boundary::Transaction).found(&DETECTOR).is_empty());
        assert!(lab(ONE, 10, Boundary::Gap).found(&DETECTOR)[0].starts_with("info suspected: "));
    }
}
