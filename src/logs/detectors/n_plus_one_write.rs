//! One more update or delete for each row of a query
//!
//! ## Why it matters
//! A hundred updates by key are a hundred round trips, and outside a transaction a hundred commits, each of which waits
//! for the disk. The rows stay locked until the last of them is done.
//!
//! ## How it is decided
//! As for `n-plus-one`, with its confidence: an `update` or a `delete` that is repeated inside a unit of work, after a
//! query whose rows it can be by. Without such a query it is suspected at most. *Medium* with more than 10 in a request
//! at the 95th percentile, *low* otherwise.
//!
//! ## What to do
//! Send the keys, and the values, at once: `update … from unnest (…)`, `delete … where key = any ($1)`; or let the
//! mapper do it in bulk.
//!
//! ## Limits
//! A worker that takes one job after the other, each in its own transaction, is no such loop, and is not found. What is
//! suspected is of severity *info* and fails no gate. Otherwise the limits are those of
//! `n-plus-one`.

use super::confidence::{
    Confidence, Grade, Needs, describe, evidence, is_enough, least_calls_per_request, subject, suspected,
};
use super::n_plus_one::{explained, of_parent, per_request};
use super::prelude::*;
use crate::fingerprint::StatementKind;

/// Updates and deletes, one for each row.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "n-plus-one-write",
        category: Category::Queries,
        severity: Severity::Medium,
        source: include_str!("n_plus_one_write.rs"),
    },
    params: &[&FOUND, &SUSPECTED, &MEDIUM],
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

static MEDIUM: Param = Param {
    name: "medium_calls_per_request",
    doc: "more calls in a request at the 95th percentile are medium; the checklist allows ten queries a request",
    default: 10.0,
    unit: Unit::Count,
};

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    cx.need_sessions()?;
    let mut verdict = Verdict::default();
    cx.note_requests(database, &mut verdict);
    for group in explained(cx, database, GroupKind::NPlusOneWrite) {
        verdict.findings.extend(judge(cx, group));
    }
    Ok(verdict)
}

fn judge(cx: &Context<'_>, group: &Group) -> Option<Finding> {
    let logging = &cx.workload.logging;
    if !is_enough(group, logging) {
        return None;
    }
    let (found, least) = (cx.param(&DETECTOR.meta, &FOUND), cx.param(&DETECTOR.meta, &SUSPECTED));
    let mut confidence = Confidence::of(group, logging, Needs { values: true, parent: true });
    if group.parent.is_none() {
        confidence = confidence.held_back("no query was found whose rows it may be for");
    }
    let grade = confidence.grade(found, least);
    if grade == Grade::Nothing {
        return None;
    }
    let medium = cx.param(&DETECTOR.meta, &MEDIUM);
    let severity = match least_calls_per_request(group, logging, 0.95) > medium {
        true => Severity::Medium,
        false => Severity::Low,
    };
    let finding = Finding::new(&DETECTOR.meta, subject(cx, group), message(cx, group))
        .severity(severity)
        .evidence(evidence(group, logging));
    let finding = describe(cx, group, finding).number("medium_threshold", medium, Unit::Count);
    let finding = confidence.note(of_parent(cx, group, finding), found, least);
    let advice = match is_delete(cx, group) {
        true => "delete all the rows at once, by an array of their keys",
        false => "update all the rows at once, by arrays of their keys and values, or by the mapper's bulk update",
    };
    let finding = cx.batch(group, advice.to_owned(), finding);
    Some(if grade == Grade::Suspected { suspected(finding) } else { finding })
}

fn is_delete(cx: &Context<'_>, group: &Group) -> bool {
    cx.query(&group.database, &group.child).is_some_and(|child| child.kind == Some(StatementKind::Delete))
}

fn message(cx: &Context<'_>, group: &Group) -> String {
    let name = |fingerprint: &str| {
        let query = cx.query(&group.database, fingerprint);
        query.map_or_else(|| format!("query {fingerprint}"), |query| cx.table(query))
    };
    let what = if is_delete(cx, group) { "deleted from" } else { "updated" };
    let (each, how) = per_request(group, &cx.workload.logging);
    let table = name(&group.child);
    match &group.parent {
        Some(parent) if group.join.is_some() || group.proven > 0 => {
            format!("{table} is {what} {how}{each} per request, once for each row of {}", name(parent))
        }
        Some(parent) => format!("{table} is {what} {how}{each} per request, after a query of {}", name(parent)),
        None => format!("{table} is {what} {how}{each} per request, one row at a time"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::Lab;
    use super::*;

    fn lab(text: &str, times: u64, boundary: Boundary) -> Lab {
        let mut lab = Lab::new();
        let parent = lab.query("select id, price from books where shelf = $1", 200);
        let child = lab.query(text, 200 * times);
        let mut group = Lab::group(GroupKind::NPlusOneWrite, Some(&parent), &child, 200, times, boundary.clone());
        group.join = Some("books.id = books.id".into());
        group.varying = vec![0, 1];
        lab.workload.groups.push(group);
        lab.requests(None, Some(&parent), 200, times + 1, boundary);
        lab
    }

    #[test]
    fn updates_for_each_row_are_found() {
        let many = lab("update books set price = $1 where id = $2", 12, Boundary::Transaction);
        assert_eq!(many.found(&DETECTOR), ["medium books is updated 12 times per request, once for each row of books"]);
        let finding = many.run(&DETECTOR).unwrap().findings.remove(0);
        let sql = finding.hint.unwrap().sql.unwrap().to_lowercase();
        assert!(sql.starts_with("update books") && sql.contains("unnest"), "{sql}");
        let mut few = lab("delete from books where id = $1", 10, Boundary::Transaction);
        few.workload.groups[0].varying = vec![0];
        assert_eq!(
            few.found(&DETECTOR),
            ["low books is deleted from 10 times per request, once for each row of books"]
        );
        let sql = few.run(&DETECTOR).unwrap().findings.remove(0).hint.unwrap().sql.unwrap().to_lowercase();
        assert!(sql.contains("id = any"), "{sql}");
    }

    #[test]
    fn without_a_query_whose_rows_they_are_for_they_are_suspected() {
        let mut lab = lab("update books set price = $1 where id = $2", 12, Boundary::Trace);
        lab.workload.groups[0].parent = None;
        lab.workload.groups[0].join = None;
        assert!(lab.found(&DETECTOR)[0].starts_with("info suspected: books is updated 12 times per request, one row"));
        // not even where the query may be one that the log left out
        lab.workload.logging.told_threshold = Some(1000);
        assert!(lab.found(&DETECTOR)[0].starts_with("info suspected: "));
    }

    #[test]
    fn look_ups_are_another_rule_s() {
        let mut lab = lab("update books set price = $1 where id = $2", 12, Boundary::Trace);
        lab.workload.groups[0].kind = GroupKind::NPlusOne;
        assert!(lab.found(&DETECTOR).is_empty());
        lab.workload.logging.has_sessions = false;
        assert!(lab.run(&DETECTOR).is_err());
    }
}
