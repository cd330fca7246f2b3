//! Materialized view refreshed while its readers wait
//!
//! ## Why it matters
//! `refresh materialized view` holds AccessExclusiveLock on the view until its query has run and its indexes are
//! built: nobody reads the view meanwhile.
//!
//! ## How it is decided
//! `refresh materialized view` without `concurrently`, unless the view came to be in the same script or is filled for
//! the first time there (`with no data` before).
//!
//! ## What to do
//! `refresh materialized view concurrently`: readers go on. It needs a unique index over all rows on plain columns,
//! and a view that was filled before. It may run in a transaction.
//!
//! ## Limits
//! `concurrently` takes longer where most rows change. Whether the view is filled is known only where a migration
//! made it.

use super::advice;
use super::prelude::*;
use crate::migrations::catalog::RelationKind;

/// A plain refresh.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "materialized-view-refreshed-without-concurrently",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("materialized_view_refreshed_without_concurrently.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    refreshed(m).into_iter().collect()
}

fn refreshed(m: &Moment<'_>) -> Option<Finding> {
    let Command::Refresh { name, concurrently: false, with_data: true } = m.command else { return None };
    let view = m.catalog.resolve(name);
    let locked = m.effects.lock_on(&view).filter(|locked| !locked.is_new)?;
    let message = format!("{} on {view} until its query has run: reads wait", locked.mode);
    let finding = m
        .finding(&RULE.meta, Place::Statement, m.table(&view), message)
        .text("lock_mode", locked.mode.as_str())
        .text("relation", view.to_string());
    let finding = m.weighed(finding, &view, WorkKind::Rewrite)?;
    let known = m.catalog.get(&view).known().filter(|known| known.kind == RelationKind::MaterializedView);
    let serves = |index: &crate::migrations::catalog::Index| {
        index.is_unique && index.is_valid && !index.is_partial && !index.has_expressions
    };
    let has_key = known.is_none_or(|known| !known.is_complete || known.indexes.iter().any(serves));
    if !has_key {
        return Some(finding.advice(
            "create a unique index on plain columns of it first, without a condition, and refresh it concurrently \
             then: readers go on",
        ));
    }
    Some(match advice::insert_after(m.text(), &["view"], "concurrently") {
        Some(sql) => finding.fix(
            "refresh it concurrently: readers go on; it needs a unique index on plain columns, without a condition",
            format!("{sql};"),
            Some(LockMode::Exclusive),
        ),
        None => finding.advice("refresh it concurrently: readers go on"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table orders (id bigint primary key, n int);\n\
                       create materialized view totals as select id, n from orders; create unique index t on totals \
                       (id);\n\
                       create materialized view bare as select id, n from orders;\n-- file: 2.sql\n";

    #[test]
    fn a_plain_refresh_is_found() {
        assert_eq!(
            says(&RULE, &format!("{OLD}refresh materialized view totals;")),
            ["medium AccessExclusiveLock on totals until its query has run: reads wait"]
        );
        let hint =
            |view: &str| findings(&RULE, &format!("{OLD}refresh materialized view {view};"))[0].hint.clone().unwrap();
        assert_eq!(hint("totals").sql.as_deref(), Some("refresh materialized view concurrently totals;"));
        assert_eq!(hint("unheard_of").sql.as_deref(), Some("refresh materialized view concurrently unheard_of;"));
        assert_eq!(hint("bare").sql, None);
    }

    #[test]
    fn a_concurrent_one_and_a_new_view_are_not() {
        for sql in [
            "refresh materialized view concurrently totals;",
            "create materialized view fresh as select 1 with no data; refresh materialized view fresh;",
        ] {
            assert_eq!(says(&RULE, &format!("{OLD}{sql}")), [""; 0], "{sql}");
        }
    }
}
