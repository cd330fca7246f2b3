//! Page that is reached by skipping rows
//!
//! ## Why it matters
//! `offset 10000` reads ten thousand rows to throw them away, each page a little more than the one before; rows that
//! are inserted meanwhile appear twice or never.
//!
//! ## How it is decided
//! The offsets a query was called with, from its text or its parameters: found from 1000 on at the 95th percentile, or
//! from 10,000 at the most; *low*, and *medium* where the greatest is 100,000 or more.
//!
//! ## What to do
//! Page by key: remember the last row's values of the `order by` columns, with a unique one as the last of them, and
//! continue after it. `where (created_at, id) < ($1, $2) order by created_at desc, id desc limit …` reads one page,
//! however far it is, with an index on those columns.
//!
//! ## Limits
//! Pages by key have no numbers: who must jump to page 200 needs the offset, or a limit to how far they may. A crawler
//! can be the one who asks for the last page. Offsets are not known where parameters are not logged.

use super::confidence::whole;
use super::context::{at, has, names};
use super::prelude::*;

/// Rows read to be skipped.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "deep-offset",
        category: Category::Queries,
        severity: Severity::Low,
        source: include_str!("deep_offset.rs"),
    },
    params: &[&USUAL, &GREATEST, &MEDIUM],
    run: Run::Database(run),
};

static USUAL: Param = Param {
    name: "offset_p95",
    doc: "an offset of so many rows at the 95th percentile is found; twenty pages of fifty",
    default: 1000.0,
    unit: Unit::Rows,
};

static GREATEST: Param = Param {
    name: "offset_max",
    doc: "a greatest offset of so many rows is found however rare it is; the checklist's figure for a large table",
    default: 10_000.0,
    unit: Unit::Rows,
};

static MEDIUM: Param = Param {
    name: "medium_offset_max",
    doc: "from a greatest offset of so many rows on it is medium: such a page takes tens of milliseconds at the least",
    default: 100_000.0,
    unit: Unit::Rows,
};

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    let (usual, greatest, medium) =
        (cx.param(&DETECTOR.meta, &USUAL), cx.param(&DETECTOR.meta, &GREATEST), cx.param(&DETECTOR.meta, &MEDIUM));
    let mut verdict = Verdict::default();
    for query in cx.application_queries(database) {
        if query.offsets.is_empty() {
            if query.calls > 0 && has(query, "offset") {
                let because = "the offsets it was called with are not in the log";
                let missing = Missing::new("parameters", Reason::Input, because).unlocked_by(LOG_PARAMETERS);
                verdict.cannot_tell(cx.subject(query), missing);
            }
            continue;
        }
        verdict.examine();
        let (p95, most) = (at(&query.offsets, 0.95), query.offsets.most as f64);
        if p95 < usual && most < greatest {
            continue;
        }
        let message = format!(
            "up to {} rows are skipped to reach a page, {} at the 95th percentile",
            humane(most, &Unit::Rows),
            humane(p95, &Unit::Rows)
        );
        let finding = Finding::new(&DETECTOR.meta, cx.subject(query), message)
            .severity(if most >= medium { Severity::Medium } else { Severity::Low })
            .count("calls", whole(query.calls), Unit::Count)
            .number("offset_p50", at(&query.offsets, 0.5), Unit::Rows)
            .number("offset_p95", p95, Unit::Rows)
            .count("offset_max", whole(query.offsets.most), Unit::Rows)
            .number("duration_p50", at(&query.durations, 0.5) / 1000.0, Unit::Milliseconds)
            .number("duration_max", query.durations.most as f64 / 1000.0, Unit::Milliseconds)
            .number("threshold", usual, Unit::Rows)
            .number("max_threshold", greatest, Unit::Rows)
            .number("medium_threshold", medium, Unit::Rows)
            .list("applications", names(&query.applications));
        verdict.find(finding.advice(
            "page by key: in place of the offset a condition that continues after the last row seen, on the columns of \
             the order by with a unique one as the last, as in where (created_at, id) < ($1, $2) order by created_at \
             desc, id desc, and an index on those columns",
        ));
    }
    Ok(verdict)
}

const LOG_PARAMETERS: &str = "alter system set log_parameter_max_length = -1; select pg_reload_conf();";

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::Lab;
    use super::*;

    fn with(offsets: impl IntoIterator<Item = u64>) -> Lab {
        let mut lab = Lab::new();
        lab.query("select id from books order by id limit $1 offset $2", 100);
        offsets.into_iter().for_each(|offset| lab.last().offsets.add(offset));
        lab
    }

    #[test]
    fn deep_pages_are_found() {
        let pages = |last: u64| (0..=last).map(|page| page * 50);
        assert!(with(pages(10)).found(&DETECTOR).is_empty());
        assert_eq!(
            with(pages(40)).found(&DETECTOR),
            ["low up to 2,000 rows are skipped to reach a page, 1,900 at the 95th percentile"]
        );
        let crawled = (0..100).map(|_| 0).chain([10_000]);
        assert!(with(crawled).found(&DETECTOR)[0].starts_with("low up to 10,000 rows"));
        assert!(with([100_000]).found(&DETECTOR)[0].starts_with("medium "));
        let finding = with([100_000]).run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!((finding.measured("offset_max"), finding.measured("threshold")), (Some(100_000.0), Some(1000.0)));
        assert_eq!(finding.evidence, Evidence::Measured);
    }

    #[test]
    fn offsets_that_were_not_logged_are_not_judged() {
        assert_eq!(with([]).open(&DETECTOR), ["the offsets it was called with are not in the log"]);
        let mut lab = Lab::new();
        lab.query("select id from books where id > $1 order by id limit $2", 100);
        assert_eq!(lab.run(&DETECTOR).unwrap(), Verdict::default());
    }
}
