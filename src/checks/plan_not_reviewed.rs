//! Plan of a frequent statement not reviewed
//!
//! ## Why it matters
//! What runs a thousand times a day decides how the server feels. Whoever has seen its plan knows whether it grows with the
//! data; nobody else does until it hurts.
//!
//! ## How it is decided
//! A statement that applications send more often than the limit, by the lower bound of its rate, must stand in the review
//! register `reviews/*.toml` by its fingerprint: *medium* where it does not. Where the reviewed plan's hash is known and
//! the statement's plan has another one now, the review is stale: *low*. A rate whose bounds lie on both sides of the
//! limit is not judged, unless the statement is reviewed. Counts of less than a day are taken as a sample of it. Where
//! `pg_stat_statements` counts nothing, a log that was given does (`--logs`); one that is shorter than a day, or lacks
//! statements, leaves open what else runs as often.
//!
//! ## What to do
//! Look at `explain (analyze, buffers)` with real values, on a copy where it writes, and record it with
//! `pgassay review-plan FINGERPRINT`.
//!
//! ## Limits
//! A review without a plan hash cannot become stale, nor can one of a statement whose plan is not known now (`--plans`).
//! The plans compared are generic; with real values the server may choose another.

use super::context::load;
use super::prelude::*;
use crate::checks::context::Review;
use crate::facts::plans::Plan;
use crate::queries::{Queries, QueryStats};
use crate::window::DAY;
use std::collections::HashMap;

/// A frequent statement whose plan nobody has reviewed.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "plan-not-reviewed",
        category: Category::Queries,
        severity: Severity::Medium,
        source: include_str!("plan_not_reviewed.rs"),
    },
    params: &[&CALLS],
    run: Run::Database(run),
};

static CALLS: Param = Param {
    name: "calls_per_day",
    doc: "a statement called more often must be reviewed; the checklist's own figure",
    default: 1000.0,
    unit: Unit::PerDay,
};

fn run(cx: &DatabaseContext<'_>) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::default();
    let queries = match (load::of_database(cx), cx.server.logged) {
        (Err(_), Some(logged)) => of_log(cx, logged, &mut verdict),
        (queries, _) => queries?,
    };
    let reviews: HashMap<&str, &Review> =
        cx.server.reviews.iter().map(|review| (review.fingerprint.as_str(), review)).collect();
    let plans = cx.database.plans.ok().map_or(&[][..], Vec::as_slice);
    let plans: HashMap<&str, &Plan> = plans.iter().map(|plan| (plan.fingerprint.as_str(), plan)).collect();
    for query in &queries {
        let review = reviews.get(query.fingerprint.as_str()).copied();
        match judge(cx, query, review, plans.get(query.fingerprint.as_str()).copied()) {
            Ok(finding) => {
                verdict.examine();
                verdict.findings.extend(finding);
            }
            Err(missing) => {
                let subject = Subject::query(&query.database, &query.fingerprint, &query.text);
                verdict.cannot_tell(subject, missing);
            }
        }
    }
    load::note_unseen(cx, &queries, &mut verdict);
    Ok(verdict)
}

/// What a log counted, in place of counters.
fn of_log(cx: &DatabaseContext<'_>, logged: &Queries, verdict: &mut Verdict) -> Vec<QueryStats> {
    if logged.span.at_least < DAY {
        let because = format!("{} does not show every statement of a day", logged.span.describe());
        verdict.cannot_tell(
            Subject::database(cx.name()),
            Missing::new("statements", Reason::Observation, because)
                .unlocked_by("a day of log with every statement in it, or create extension pg_stat_statements"),
        );
    }
    logged.of(cx.name()).cloned().collect()
}

fn judge(
    cx: &DatabaseContext<'_>,
    query: &QueryStats,
    review: Option<&Review>,
    plan: Option<&Plan>,
) -> Result<Option<Finding>, Missing> {
    let limit = cx.param(&CHECK.meta, &CALLS);
    let rate = query.calls_per_day();
    let finding = |message: String| {
        let subject = Subject::query(&query.database, &query.fingerprint, &query.text);
        let finding = Finding::new(&CHECK.meta, subject, message)
            .number("calls_per_day_at_least", rate.at_least, Unit::PerDay)
            .count("calls", query.calls, Unit::Count)
            .number("threshold", limit, Unit::PerDay)
            .number("mean", query.mean_ms(), Unit::Milliseconds)
            .text("window", query.span.describe());
        match rate.at_most {
            Some(most) => finding.number("calls_per_day_at_most", most, Unit::PerDay),
            None => finding,
        }
    };
    let advice = format!(
        "look at explain (analyze, buffers) with real values, on a copy where it writes, then record the review: pgassay \
         review-plan {}",
        query.fingerprint
    );
    match (rate.reaches(limit), review) {
        (Some(false), _) => Ok(None),
        (_, Some(review)) => {
            let hashes = review.plan_hash.as_deref().zip(plan.and_then(Plan::hash));
            Ok(hashes.filter(|(reviewed, now)| reviewed != now).map(|(reviewed, now)| {
                finding(format!("the plan changed since {} reviewed it on {}", review.reviewer, review.date.date()))
                    .severity(Severity::Low)
                    .text("reviewed_plan", reviewed)
                    .text("plan", now)
                    .text("register", review.file.clone())
                    .advice(advice)
            }))
        }
        (Some(true), None) => {
            let at_least = humane(rate.at_least, &Unit::PerDay);
            Ok(Some(
                finding(format!("called at least {at_least} and its plan is not in the review register"))
                    .advice(advice),
            ))
        }
        (None, None) => Err(Missing::new(
            "window",
            Reason::Observation,
            format!("the window does not tell whether it is called more than {}", humane(limit, &Unit::PerDay)),
        )
        .unlocked_by("take two snapshots a day apart: pgassay audit --since OLD")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::plans::PlanNode;
    use crate::testing::{Lab, now, rows};
    use crate::window::{Span, SpanKind};

    const TEXT: &str = "select * from orders where id = 1";

    /// So many calls in the ten days of the laboratory.
    fn lab(calls: i64) -> (Lab, String) {
        let mut lab = Lab::new();
        lab.statement("app", TEXT, calls, 1.0);
        let fingerprint = rows(&mut lab.snapshot.server.statements)[0].fingerprint.clone().unwrap();
        (lab, fingerprint)
    }

    fn plan(fingerprint: &str, node: &str) -> Plan {
        let nodes = vec![PlanNode { node: node.into(), ..PlanNode::default() }];
        Plan { fingerprint: fingerprint.into(), nodes: Ok(nodes) }
    }

    fn reviewed(lab: &mut Lab, fingerprint: &str, plan_hash: Option<String>) {
        lab.reviews.push(Review {
            fingerprint: fingerprint.into(),
            reviewer: "Ada".into(),
            date: now(),
            plan_hash,
            file: "reviews/a.toml".into(),
        });
    }

    #[test]
    fn frequent_statements_must_be_reviewed() {
        let (lab, fingerprint) = lab(10_000);
        assert_eq!(lab.found(&CHECK), [format!("medium shop/{fingerprint}")]);
        let (lab, _) = self::lab(9_999);
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.findings.len(), verdict.examined, verdict.unjudged.len()), (0, 1, 0));
        let (mut lab, fingerprint) = self::lab(10_000);
        reviewed(&mut lab, &fingerprint, None);
        assert!(lab.found(&CHECK).is_empty());
    }

    #[test]
    fn a_review_is_stale_when_the_plan_changed() {
        let (mut lab, fingerprint) = lab(10_000);
        let before = plan(&fingerprint, "Index Scan");
        reviewed(&mut lab, &fingerprint, before.hash());
        assert!(lab.found(&CHECK).is_empty(), "no plan is known now");
        rows(&mut lab.db().plans).push(before);
        assert!(lab.found(&CHECK).is_empty());
        *rows(&mut lab.db().plans) = vec![plan(&fingerprint, "Seq Scan")];
        assert_eq!(lab.found(&CHECK), [format!("low shop/{fingerprint}")]);
        lab.reviews[0].plan_hash = None;
        assert!(lab.found(&CHECK).is_empty());
    }

    #[test]
    fn a_rate_that_is_not_known_is_not_judged_unless_reviewed() {
        let (mut lab, fingerprint) = lab(10_000);
        rows(&mut lab.snapshot.server.statements)[0].counters.since = Some(now().plus_seconds(-600.0));
        assert_eq!(lab.found(&CHECK).len(), 1, "ten thousand within a day are more than a thousand a day");
        rows(&mut lab.snapshot.server.statements)[0].counters.calls = 500;
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.findings.len(), verdict.unjudged.len()), (0, 1));
        reviewed(&mut lab, &fingerprint, None);
        assert!(lab.run(&CHECK).unwrap().unjudged.is_empty());
    }

    /// What a log of so many seconds counted.
    fn logged(calls: i64, span: Span) -> Queries {
        let (lab, _) = lab(calls);
        let mut queries = crate::queries::aggregate(&lab.snapshot, None).unwrap();
        for query in &mut queries.queries {
            query.parts.iter_mut().for_each(|part| part.span = span.clone());
            query.span = span.clone();
        }
        Queries { span, ..queries }
    }

    #[test]
    fn a_log_counts_where_nothing_else_does() {
        let log = |seconds: f64| Span::exact(SpanKind::Log, now().plus_seconds(-seconds), now());
        let mut lab = Lab::new();
        let absent = Missing::new("statements", Reason::Extension, "pg_stat_statements is not installed");
        lab.snapshot.server.statements = crate::facts::Fact::Missing(absent.clone());
        assert_eq!(lab.run(&CHECK), Err(absent));
        lab.logged = Some(logged(1000, log(DAY)));
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.findings.len(), verdict.examined, verdict.unjudged.len()), (1, 1, 0));
        lab.logged = Some(logged(999, log(DAY)));
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.findings.len(), verdict.examined, verdict.unjudged.len()), (0, 1, 0));
        // an hour is a sample of the day, and does not show all of it
        lab.logged = Some(logged(1000, log(3600.0)));
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.findings.len(), verdict.unjudged.len()), (1, 1));
        assert_eq!(verdict.unjudged[0].reason.because, "60 min of a log does not show every statement of a day");
        // a part of the calls is the least there were
        let part = Span { at_least: 0.0, ..log(DAY) };
        lab.logged = Some(logged(1000, part.clone()));
        assert_eq!(lab.run(&CHECK).unwrap().findings.len(), 1);
        lab.logged = Some(logged(900, part));
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.findings.len(), verdict.unjudged.len()), (0, 2));
        // counters are the better count
        let (mut lab, _) = self::lab(10_000);
        lab.logged = Some(logged(1, log(DAY)));
        assert_eq!(lab.found(&CHECK).len(), 1);
    }

    #[test]
    fn utility_statements_have_no_plan() {
        let mut lab = Lab::new();
        lab.statement("app", "begin", 1_000_000, 0.1);
        lab.statement("app", "set search_path = x", 1_000_000, 0.1);
        assert!(lab.found(&CHECK).is_empty());
    }
}
