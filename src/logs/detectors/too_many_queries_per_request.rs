//! Request that sends more statements than it should
//!
//! ## Why it matters
//! Every statement of a request is a round trip that its user waits for, and holds the connection for as long. A page
//! of thirty quick statements is slow wherever the database is not on the same machine.
//!
//! ## How it is decided
//! Requests are units of work (see `n-plus-one`) that name the same route, or begin with the same query where they name
//! none. Transaction control and pings do not count. Found where the 95th percentile of their statements exceeds the
//! limit: *medium* where the route is hot, which is one request in a hundred, *high* beyond a second limit, and *low*
//! where it is not hot. A route with a budget of its own is judged by that instead, however rare it is; a budget
//! exceeded is *high*. Only requests with sure bounds count (a strength of 0.75 at least: everything but pauses and the
//! log's ends); where fewer than half of a kind have them, the kind is not judged.
//!
//! ## What to do
//! Look for what repeats: `n-plus-one` and `duplicate-query` name it. What is left can often be asked with fewer
//! statements, or later. Set a budget where a route needs more, so that it does not grow unseen.
//!
//! ## Limits
//! A job that does its work in one transaction is a request like any other; where it runs often, give it a route and a
//! budget. From a sample or a log with a threshold statements are missing: what is found holds, what is not found is
//! not said to be well.

use super::confidence::whole;
use super::context::{at, bounds};
use super::prelude::*;

/// Requests of too many statements.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "too-many-queries-per-request",
        category: Category::Queries,
        severity: Severity::Medium,
        source: include_str!("too_many_queries_per_request.rs"),
    },
    params: &[&LIMIT, &HIGH, &HOT, &REQUESTS],
    run: Run::Database(run),
};

static LIMIT: Param = Param {
    name: "queries_per_request",
    doc: "a request may send so many statements, at the 95th percentile; the checklist's own figure",
    default: 10.0,
    unit: Unit::Count,
};

static HIGH: Param = Param {
    name: "high_queries_per_request",
    doc: "more statements than this in a hot request are high; five times the checklist's own figure",
    default: 50.0,
    unit: Unit::Count,
};

static HOT: Param = Param {
    name: "hot_share",
    doc: "a route is hot from this share of all requests on; rarer ones are low whatever they send",
    default: 0.01,
    unit: Unit::Ratio,
};

static REQUESTS: Param = Param {
    name: "minimum_requests",
    doc: "so many requests of a kind must have been seen, unless it has a budget; fewer may be somebody's script",
    default: 5.0,
    unit: Unit::Count,
};

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    cx.need_sessions()?;
    let mut verdict = Verdict::default();
    cx.note_requests(database, &mut verdict);
    let all: u64 = cx.requests(database).map(|requests| cx.sure(requests)).sum();
    for requests in cx.requests(database) {
        let sure = cx.sure(requests);
        if sure > 0 && sure * 2 >= requests.count() {
            verdict.findings.extend(judge(cx, requests, sure as f64 / all as f64));
        }
    }
    Ok(verdict)
}

fn judge(cx: &Context<'_>, requests: &RequestLoad, share: f64) -> Option<Finding> {
    let budget = budget(cx.budgets, requests.route.as_deref());
    let limit = budget.unwrap_or_else(|| cx.param(&DETECTOR.meta, &LIMIT));
    let (high, hot) = (cx.param(&DETECTOR.meta, &HIGH), cx.param(&DETECTOR.meta, &HOT));
    let p95 = at(&requests.statements, 0.95);
    let is_enough = requests.count() as f64 >= cx.param(&DETECTOR.meta, &REQUESTS) || budget.is_some();
    if p95 <= limit || !is_enough {
        return None;
    }
    let severity = match (budget, share >= hot) {
        (Some(_), _) => Severity::High,
        (None, false) => Severity::Low,
        (None, true) if p95 > high => Severity::High,
        (None, true) => Severity::Medium,
    };
    let what = match (&requests.route, &requests.head) {
        (Some(route), _) => route.clone(),
        (None, Some(head)) => match cx.query(&requests.database, head) {
            Some(query) => format!("a request that begins with {}", cx.table(query)),
            None => format!("a request that begins with query {head}"),
        },
        (None, None) => "a request".to_owned(),
    };
    let allowed = if budget.is_some() { "its budget is" } else { "the limit is" };
    let message = format!(
        "{what} sends {} statements at the 95th percentile, {allowed} {}",
        humane(p95, &Unit::Count),
        humane(limit, &Unit::Count)
    );
    let ms = |micros: f64| micros / 1000.0;
    let complete = cx.workload.logging.is_complete();
    let finding = Finding::new(&DETECTOR.meta, subject(cx, requests), message)
        .severity(severity)
        .evidence(if complete { Evidence::Measured } else { Evidence::Inferred })
        .count("requests", whole(requests.count()), Unit::Count)
        .count("requests_sure", whole(cx.sure(requests)), Unit::Count)
        .number("share_of_requests", share, Unit::Ratio)
        .number("statements_p50", at(&requests.statements, 0.5), Unit::Count)
        .number("statements_p95", p95, Unit::Count)
        .count("statements_max", whole(requests.statements.most), Unit::Count)
        .number("database_time_p50", ms(at(&requests.database_time, 0.5)), Unit::Milliseconds)
        .number("database_time_p95", ms(at(&requests.database_time, 0.95)), Unit::Milliseconds)
        .number("wall_time_p50", ms(at(&requests.wall_time, 0.5)), Unit::Milliseconds)
        .number("wall_time_p95", ms(at(&requests.wall_time, 0.95)), Unit::Milliseconds)
        .number("threshold", limit, Unit::Count)
        .number("hot_threshold", hot, Unit::Ratio)
        .list("boundaries", bounds(&requests.boundaries));
    let finding = match budget {
        Some(budget) => finding.number("budget", budget, Unit::Count),
        None => finding.number("high_threshold", high, Unit::Count),
    };
    let repeated = repeated(cx, requests);
    let advice = match repeated.is_empty() {
        true => "ask with fewer statements what can be asked at once".to_owned(),
        false => format!("what it repeats comes first: {}", repeated.join(", ")),
    };
    Some(finding.list("repeated", repeated).advice(advice))
}

/// The budget of a route: of its very name, or of the first pattern that matches. A request without a route has that of
/// `*`.
fn budget(budgets: &[(String, f64)], route: Option<&str>) -> Option<f64> {
    let route = route.unwrap_or_default();
    let exact = budgets.iter().find(|(pattern, _)| !route.is_empty() && pattern == route);
    exact
        .or_else(|| budgets.iter().find(|(pattern, _)| crate::glob::matches(pattern, route)))
        .map(|(_, budget)| *budget)
}

fn subject(cx: &Context<'_>, requests: &RequestLoad) -> Subject {
    let database = &requests.database;
    match (&requests.route, &requests.head) {
        (Some(route), _) => Subject::named(SubjectKind::QueryGroup, Some(database), route),
        (None, Some(head)) => {
            let text = cx.query(database, head).map_or("", |query| query.text.as_str());
            Subject { kind: SubjectKind::QueryGroup, ..Subject::query(database, head, text) }
        }
        (None, None) => Subject { kind: SubjectKind::QueryGroup, ..Subject::database(database) },
    }
}

/// The tables of what is repeated in such requests, most calls first.
fn repeated(cx: &Context<'_>, requests: &RequestLoad) -> Vec<String> {
    use GroupKind::{Duplicate, InsertLoop, NPlusOne, NPlusOneWrite};
    let mut found: Vec<(u64, String)> = Vec::new();
    for kind in [NPlusOne, NPlusOneWrite, Duplicate, InsertLoop] {
        for group in cx.groups(&requests.database, kind) {
            let belongs = match (&requests.route, &requests.head) {
                (Some(route), _) => group.routes.contains_key(route),
                (None, head) => group.routes.is_empty() && head.is_some() && group.parent == *head,
            };
            if let Some(query) = cx.query(&requests.database, &group.child).filter(|_| belongs) {
                let times = humane(at(&group.per_unit, 0.5), &Unit::Count);
                found.push((group.calls, format!("{} {times} times ({})", cx.table(query), group.kind)));
            }
        }
    }
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    found.into_iter().take(5).map(|(_, text)| text).collect()
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::Lab;
    use super::*;

    fn lab(statements: u64, count: u64, boundary: Boundary) -> Lab {
        let mut lab = Lab::new();
        lab.requests(Some("/books"), None, count, statements, boundary);
        lab.requests(Some("/other"), None, 990, 2, Boundary::Trace);
        lab
    }

    #[test]
    fn hot_routes_above_the_limit() {
        let found = |statements| lab(statements, 10, Boundary::Trace).found(&DETECTOR);
        assert_eq!(found(31), ["medium /books sends 31 statements at the 95th percentile, the limit is 10"]);
        assert!(found(51)[0].starts_with("high "));
        assert!(found(10).is_empty());
        assert_eq!(lab(31, 9, Boundary::Trace).found(&DETECTOR)[0].split(' ').next(), Some("low"));
        assert!(lab(31, 4, Boundary::Trace).found(&DETECTOR).is_empty());
        let finding = lab(31, 10, Boundary::Trace).run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!(finding.key, "too-many-queries-per-request:shop/%2Fbooks");
        assert_eq!((finding.measured("requests"), finding.measured("statements_p95")), (Some(10.0), Some(31.0)));
        assert_eq!((finding.measured("threshold"), finding.measured("share_of_requests")), (Some(10.0), Some(0.01)));
    }

    #[test]
    fn a_budget_takes_the_place_of_the_limit() {
        let with = |budgets: &[(&str, f64)], statements, count| {
            let mut lab = lab(statements, count, Boundary::Trace);
            lab.budgets = budgets.iter().map(|(pattern, budget)| ((*pattern).to_owned(), *budget)).collect();
            lab.found(&DETECTOR)
        };
        assert_eq!(
            with(&[("/b*", 3.0)], 4, 1),
            ["high /books sends 4 statements at the 95th percentile, its budget is 3"]
        );
        assert!(with(&[("/b*", 3.0), ("/books", 40.0)], 31, 100).is_empty(), "its own name says more than a pattern");
        assert!(with(&[("/c*", 3.0)], 31, 100)[0].starts_with("medium "));
        assert_eq!(budget(&[("*".into(), 5.0)], None), Some(5.0));
        assert_eq!(budget(&[("/b*".into(), 5.0)], None), None);
    }

    #[test]
    fn without_a_route_they_are_named_by_their_first_query() {
        let mut lab = Lab::new();
        let head = lab.query("select id, name from authors where country = $1", 200);
        let child = lab.query("select id from books where author_id = $1", 2400);
        lab.workload.groups.push(Lab::group(GroupKind::NPlusOne, Some(&head), &child, 200, 12, Boundary::Parent));
        lab.requests(None, Some(&head), 200, 13, Boundary::Parent);
        let finding = lab.run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!(
            finding.message,
            "a request that begins with authors sends 13 statements at the 95th percentile, the limit is 10"
        );
        assert_eq!(finding.subject.fingerprint.as_deref(), Some(head.as_str()));
        assert_eq!(finding.hint.unwrap().text, "what it repeats comes first: books 12 times (n-plus-one)");
    }

    #[test]
    fn weak_bounds_do_not_count() {
        let gaps = lab(31, 200, Boundary::Gap);
        assert!(gaps.found(&DETECTOR).is_empty());
        assert_eq!(gaps.run(&DETECTOR).unwrap().examined, 990);
        let mut mixed = lab(31, 200, Boundary::Trace);
        mixed.workload.requests[0].boundaries.insert(Boundary::Cut, 201);
        assert!(mixed.found(&DETECTOR).is_empty());
        let mut pooled = lab(31, 200, Boundary::Reset);
        pooled.workload.logging.is_pooled = true;
        assert!(pooled.found(&DETECTOR).is_empty());
    }

    #[test]
    fn a_log_that_is_not_whole_finds_but_does_not_pass() {
        let mut lab = lab(31, 200, Boundary::Trace);
        lab.workload.logging.told_threshold = Some(1000);
        assert_eq!(lab.run(&DETECTOR).unwrap().findings[0].evidence, Evidence::Inferred);
        assert_eq!(lab.open(&DETECTOR).len(), 1);
        lab.workload.logging.has_sessions = false;
        assert!(lab.run(&DETECTOR).is_err());
    }
}
