//! Result of more rows than a client can want
//!
//! ## Why it matters
//! Tens of thousands of rows for one request are memory in the application, seconds on the network, and work that grows
//! with the table. It is mostly a list without a limit that was short when it was written.
//!
//! ## How it is decided
//! The rows a query returned, from plans that `auto_explain` logged with `log_analyze`: found above 10,000 at the 95th
//! percentile, *low*, and *medium* above 100,000.
//!
//! ## What to do
//! A limit and pages by key for lists; an aggregate where the rows are only counted or summed; a cursor or `copy` for
//! an export.
//!
//! ## Limits
//! Only calls whose plan was logged are known, which are the slow ones. An export may want every row. Rows that are
//! fetched from a cursor piece by piece count as one result.

use super::confidence::whole;
use super::context::{at, has, names};
use super::prelude::*;

/// Results that are too large.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "large-result-logged",
        category: Category::Queries,
        severity: Severity::Low,
        source: include_str!("large_result_logged.rs"),
    },
    params: &[&ROWS, &MEDIUM],
    run: Run::Database(run),
};

static ROWS: Param = Param {
    name: "rows",
    doc: "more rows than this at the 95th percentile are found; the checklist's figure for a large table",
    default: 10_000.0,
    unit: Unit::Rows,
};

static MEDIUM: Param = Param {
    name: "medium_rows",
    doc: "more rows than this are medium: no page shows them, and few clients hold them",
    default: 100_000.0,
    unit: Unit::Rows,
};

/// What gives plans the rows they returned. Loaded first, because until then the server does not know the parameters.
const LOG_ROWS: &str = "load 'auto_explain'; alter system set auto_explain.log_min_duration = '100ms'; alter system \
                        set auto_explain.log_analyze = on; alter system set session_preload_libraries = \
                        'auto_explain'; select pg_reload_conf();";

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    let (rows, medium) = (cx.param(&DETECTOR.meta, &ROWS), cx.param(&DETECTOR.meta, &MEDIUM));
    let mut known = cx.application_queries(database).filter(|query| !query.rows.is_empty()).peekable();
    if known.peek().is_none() {
        let because = "the log does not say how many rows a query returned: auto_explain with log_analyze does";
        return Err(Missing::new("rows", Reason::Input, because).unlocked_by(LOG_ROWS));
    }
    let mut verdict = Verdict::default();
    for query in known {
        verdict.examine();
        let p95 = at(&query.rows, 0.95);
        if p95 <= rows {
            continue;
        }
        let message = format!("{} rows are returned at the 95th percentile", humane(p95, &Unit::Rows));
        let finding = Finding::new(&DETECTOR.meta, cx.subject(query), message)
            .severity(if p95 > medium { Severity::Medium } else { Severity::Low })
            .count("calls", whole(query.calls), Unit::Count)
            .count("plans_with_rows", whole(query.rows.count), Unit::Count)
            .number("rows_p50", at(&query.rows, 0.5), Unit::Rows)
            .number("rows_p95", p95, Unit::Rows)
            .count("rows_max", whole(query.rows.most), Unit::Rows)
            .number("threshold", rows, Unit::Rows)
            .number("medium_threshold", medium, Unit::Rows)
            .list("applications", names(&query.applications));
        verdict.find(finding.advice(match has(query, "limit") {
            true => "lower its limit and page by key; a cursor or copy for an export",
            false => {
                "give it a limit and page by key; a cursor or copy for an export, an aggregate where rows are only \
                 counted"
            }
        }));
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::Lab;
    use super::*;

    fn with(rows: impl IntoIterator<Item = u64>) -> Lab {
        let mut lab = Lab::new();
        lab.query("select id, title from books where shelf = $1", 100);
        rows.into_iter().for_each(|rows| lab.last().rows.add(rows));
        lab
    }

    #[test]
    fn large_results_are_found() {
        assert_eq!(with([20_000; 3]).found(&DETECTOR), ["low 20,000 rows are returned at the 95th percentile"]);
        assert!(with([100_001; 3]).found(&DETECTOR)[0].starts_with("medium "));
        assert!(with([10_000; 3]).found(&DETECTOR).is_empty());
        let rare = (0..100).map(|call| if call < 4 { 50_000 } else { 20 });
        assert!(with(rare).found(&DETECTOR).is_empty());
        let finding = with([20_000; 3]).run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!((finding.measured("rows_max"), finding.measured("threshold")), (Some(20_000.0), Some(10_000.0)));
        assert!(finding.hint.unwrap().text.starts_with("give it a limit"));
    }

    #[test]
    fn without_rows_nothing_is_said() {
        let missing = with([]).run(&DETECTOR).unwrap_err();
        assert_eq!(missing.reason, Reason::Input);
        assert!(missing.unlock.unwrap().contains("log_analyze = on"));
    }
}
