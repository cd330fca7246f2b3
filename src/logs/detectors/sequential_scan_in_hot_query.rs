//! Whole table read by a query that runs often
//!
//! ## Why it matters
//! Reading a whole table costs the more the more it holds, takes everything else out of the cache, and keeps a
//! processor busy that others wait for. A query that runs often does so all the time.
//!
//! ## How it is decided
//! From the plans that `auto_explain` logged: a sequential scan that read more than 10,000 rows, of a query that is
//! part of one request in a hundred, or is called a thousand times a day at the log's rate. The evidence is *measured*
//! where the plan has the rows that were read (`auto_explain.log_analyze`), *estimated* where it has the planner's
//! guess.
//!
//! ## What to do
//! An index for the condition of the scan, if it returns a small part of the table; the finding names the tables.
//!
//! ## Limits
//! A query without a logged plan is not judged: `auto_explain` logs what exceeds its threshold, so quick scans of large
//! tables are missing. A scan of a table most of which is wanted is the right plan, and no index helps. The day's rate
//! of a log shorter than an hour is that of the hour.

use super::confidence::whole;
use super::context::names;
use super::prelude::*;

/// Sequential scans that plans showed.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "sequential-scan-in-hot-query",
        category: Category::Queries,
        severity: Severity::Medium,
        source: include_str!("sequential_scan_in_hot_query.rs"),
    },
    params: &[&ROWS, &SHARE, &RATE],
    run: Run::Database(run),
};

static ROWS: Param = Param {
    name: "large_table_rows",
    doc: "a scan of more rows than this is found; the checklist's own figure",
    default: 10_000.0,
    unit: Unit::Rows,
};

static SHARE: Param = Param {
    name: "hot_share",
    doc: "a query is hot that is part of this share of all requests",
    default: 0.01,
    unit: Unit::Ratio,
};

static RATE: Param = Param {
    name: "calls_per_day",
    doc: "a query is hot as well that is called so often in a day; the checklist's own figure for a query that matters",
    default: 1000.0,
    unit: Unit::PerDay,
};

const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;

/// What gives the log plans. Loaded first, because until then the server does not know the parameter's name.
pub(super) const LOG_PLANS: &str = "load 'auto_explain'; alter system set auto_explain.log_min_duration = '100ms'; \
                                    alter system set session_preload_libraries = 'auto_explain'; select \
                                    pg_reload_conf();";

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    let mut planned = cx.application_queries(database).filter(|query| query.plans > 0).peekable();
    if planned.peek().is_none() {
        let because = "the log has no plans: auto_explain writes them";
        return Err(Missing::new("plans", Reason::Input, because).unlocked_by(LOG_PLANS));
    }
    let requests: u64 = cx.requests(database).map(RequestLoad::count).sum();
    let mut verdict = Verdict::default();
    for query in planned {
        verdict.examine();
        verdict.findings.extend(judge(cx, query, requests));
    }
    Ok(verdict)
}

fn judge(cx: &Context<'_>, query: &QueryLoad, requests: u64) -> Option<Finding> {
    let (rows, share, rate) =
        (cx.param(&DETECTOR.meta, &ROWS), cx.param(&DETECTOR.meta, &SHARE), cx.param(&DETECTOR.meta, &RATE));
    let large = || query.seq_scans.iter().filter(|(_, scans)| scans.most_rows > rows);
    // what was counted says more than what was guessed
    let (relation, scans) =
        large().max_by(|(_, a), (_, b)| a.is_measured.cmp(&b.is_measured).then(a.most_rows.total_cmp(&b.most_rows)))?;
    let part = query.units as f64 / requests.max(1) as f64;
    let a_day = query.calls as f64 / cx.seconds().max(HOUR) * DAY;
    if part < share && a_day < rate {
        return None;
    }
    let how = if scans.is_measured { "" } else { "about " };
    let message = format!("all of {relation} is read, {how}{} rows", humane(scans.most_rows, &Unit::Rows));
    let finding = Finding::new(&DETECTOR.meta, cx.subject(query), message)
        .evidence(if scans.is_measured { Evidence::Measured } else { Evidence::Estimated })
        .number("rows", scans.most_rows, Unit::Rows)
        .count("plans_with_the_scan", whole(scans.plans), Unit::Count)
        .count("plans", whole(query.plans), Unit::Count)
        .count("calls", whole(query.calls), Unit::Count)
        .number("calls_per_day", a_day, Unit::PerDay)
        .count("requests", whole(query.units), Unit::Count)
        .number("share_of_requests", part, Unit::Ratio)
        .number("total_time", query.durations.sum as f64 / 1000.0, Unit::Milliseconds)
        .number("threshold", rows, Unit::Rows)
        .number("hot_threshold", share, Unit::Ratio)
        .number("calls_per_day_threshold", rate, Unit::PerDay)
        .list("relations", large().map(|(relation, _)| relation.clone()).collect())
        .list("applications", names(&query.applications));
    Some(finding.advice(
        "if the condition of the scan leaves a small part of the rows, an index for it; create it concurrently, and \
         see with explain that it is used",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::Lab;
    use super::*;
    use crate::logs::workload::SeqScans;

    fn lab(calls: u64, rows: f64, is_measured: bool) -> Lab {
        let mut lab = Lab::new();
        lab.query("select id from orders where note = $1", calls);
        lab.last().plans = 3;
        lab.last().seq_scans.insert("public.orders".into(), SeqScans { plans: 3, most_rows: rows, is_measured });
        lab.requests(Some("/other"), None, 100_000, 2, Boundary::Trace);
        lab
    }

    #[test]
    fn large_scans_of_hot_queries_are_found() {
        assert_eq!(lab(1000, 50_000.0, true).found(&DETECTOR), ["medium all of public.orders is read, 50,000 rows"]);
        assert!(lab(999, 50_000.0, true).found(&DETECTOR).is_empty(), "neither often nor in many requests");
        assert!(lab(5000, 10_000.0, true).found(&DETECTOR).is_empty());
        let guessed = lab(1000, 50_000.0, false);
        assert_eq!(guessed.found(&DETECTOR), ["medium all of public.orders is read, about 50,000 rows"]);
        assert_eq!(guessed.run(&DETECTOR).unwrap().findings[0].evidence, Evidence::Estimated);
        let mut share = lab(999, 50_000.0, true);
        share.workload.requests.clear();
        share.requests(Some("/other"), None, 50_000, 2, Boundary::Trace);
        share.params.set("sequential-scan-in-hot-query", "hot_share", 0.019);
        assert_eq!(share.found(&DETECTOR).len(), 1);
    }

    #[test]
    fn a_short_log_is_no_day() {
        let mut lab = lab(41, 50_000.0, true);
        lab.workload.to = lab.workload.from.map(|from| from.plus_seconds(60.0));
        assert!(lab.found(&DETECTOR).is_empty());
        lab.last().calls = 42;
        assert_eq!(lab.found(&DETECTOR).len(), 1);
    }

    #[test]
    fn the_worst_table_is_named_and_the_others_are_listed() {
        let mut lab = lab(1000, 50_000.0, true);
        for (name, rows) in [("items", 90_000.0), ("small", 10.0)] {
            let scans = SeqScans { plans: 1, most_rows: rows, is_measured: true };
            lab.last().seq_scans.insert(name.into(), scans);
        }
        assert_eq!(lab.found(&DETECTOR), ["medium all of items is read, 90,000 rows"]);
        let finding = lab.run(&DETECTOR).unwrap().findings.remove(0);
        let relations = finding.detail.iter().find(|measure| measure.name == "relations").unwrap();
        assert_eq!(relations.value.to_string(), "items, public.orders");
    }

    #[test]
    fn without_plans_nothing_is_said() {
        let mut lab = lab(1000, 50_000.0, true);
        lab.last().plans = 0;
        let missing = lab.run(&DETECTOR).unwrap_err();
        assert_eq!((missing.reason, missing.unlock.as_deref()), (Reason::Input, Some(LOG_PLANS)));
    }
}
