//! All rows of a table changed by one statement
//!
//! ## Why it matters
//! One transaction that changes every row locks every row until it commits: whoever updates one of them waits for
//! all. The table and its indexes grow by as many dead rows as it has, vacuum cannot remove anything meanwhile, and
//! standbys fall behind.
//!
//! ## How it is decided
//! `update`, `delete` or `merge` on a table that was there before the script, without a condition or with one that
//! bounds nothing. A condition bounds where it compares a column with a value or a list of values, gives it a lower
//! and an upper bound, or takes its rows from a query with a limit. *medium*; with known sizes by the time it takes.
//!
//! ## What to do
//! Batches of a few thousand rows, each in a transaction of its own, outside of the migration. To remove all rows of
//! a table that nothing uses, `truncate`.
//!
//! ## Limits
//! How many rows a condition matches is not known: `state = 'new'` counts as bounded though half the table may be
//! new, and `n is null` as unbounded though it may match ten.

use super::advice;
use super::prelude::*;
use crate::migrations::command::Expr;
use crate::migrations::effects::Written;

/// A backfill in one go.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "unbatched-backfill",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("unbatched_backfill.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    m.effects.writes.iter().filter_map(|written| changed(m, written)).collect()
}

fn changed(m: &Moment<'_>, written: &Written) -> Option<Finding> {
    if !written.is_unbounded || written.is_new || m.is_new(&written.relation) {
        return None;
    }
    let table = &written.relation;
    let what = match (written.verb, written.has_condition) {
        ("update", false) => format!("every row of {table} is updated"),
        ("update", true) => format!("all rows of {table} that meet its condition, which bounds nothing, are updated"),
        ("delete", false) => format!("every row of {table} is deleted"),
        ("delete", true) => format!("all rows of {table} that meet its condition, which bounds nothing, are deleted"),
        ("merge", _) => format!("rows of {table} are merged, however many match,"),
        _ => return None,
    };
    let message =
        format!("{what} in one transaction: writes of these rows wait until it commits, and each leaves a dead row");
    let finding = m
        .finding(&RULE.meta, Place::Statement, m.table(table), message)
        .text("lock_mode", LockMode::RowExclusive.as_str())
        .text("relation", table.to_string());
    let finding = m.weighed(finding, table, WorkKind::Write)?;
    let text = "batches of a few thousand rows, each in a transaction of its own, outside of the migration";
    Some(match batched(m, table) {
        Some(statements) => finding.fix(text, advice::lines(statements), Some(LockMode::RowExclusive)),
        None => finding.advice(text),
    })
}

/// The same statement for one batch; none where the rows that are done could not be told from those that are not, and
/// where it names other tables.
fn batched(m: &Moment<'_>, table: &QName) -> Option<Vec<String>> {
    let Command::Dml(dml) = m.command else { return None };
    if !dml.writes.is_empty() || !dml.reads.relations.iter().all(|read| m.catalog.resolve(read) == *table) {
        return None;
    }
    let text = m.text();
    let words = advice::top_words(text);
    let at = |word: &str| words.iter().find(|(_, one)| one == word).map(|(at, _)| *at);
    // an alias, another table or rows that are returned: the text cannot be cut apart so simply
    if words.iter().any(|(_, word)| matches!(word.as_str(), "with" | "using" | "returning" | "current" | "as")) {
        return None;
    }
    if dml.kind == DmlKind::Update && at("from").is_some() {
        return None;
    }
    let start = at("where");
    let head = text.get(..start.unwrap_or(text.len()))?.trim_end();
    let condition = start.and_then(|start| text.get(start + "where".len()..)).map(str::trim);
    let pending = match dml.kind {
        DmlKind::Delete => condition.map(str::to_owned),
        DmlKind::Update => {
            // an update that makes its own condition false comes to an end
            let condition = condition?;
            let tests_own = |column: &String| {
                let mut tested = false;
                if let Some(condition) = &dml.condition {
                    tested = condition.columns().contains(column);
                }
                tested
            };
            if !dml.columns.iter().any(tests_own) {
                return None;
            }
            Some(condition.to_owned())
        }
        _ => return None,
    };
    // a query in it, or another name of the table
    if dml.condition.as_ref().is_some_and(|condition| condition.sql().is_none() || has_alias(condition, table)) {
        return None;
    }
    let batch = advice::batch(m, table, pending.as_deref());
    Some(vec![format!("{head} where {batch};"), advice::REPEAT.to_owned()])
}

/// Whether a condition names columns by another name than the table's.
fn has_alias(condition: &Expr, table: &QName) -> bool {
    let mut found = false;
    condition.visit(&mut |part| {
        if let Expr::Column(path) = part
            && let [.., before, _] = path.as_slice()
        {
            found |= **before != *table.name;
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str =
        "-- file: 1.sql released\ncreate table orders (id bigint primary key, n int, state text);\n-- file: 2.sql\n";

    fn of(sql: &str) -> Vec<String> {
        says(&RULE, &format!("{OLD}{sql}"))
    }

    #[test]
    fn all_rows_at_once_are_found() {
        assert_eq!(
            of("update orders set n = 1;"),
            ["medium every row of orders is updated in one transaction: writes of these rows wait until it commits, \
              and each leaves a dead row"]
        );
        for sql in [
            "update orders set n = 0 where n is null;",
            "delete from orders where state <> 'old';",
            "delete from orders;",
        ] {
            assert_eq!(of(sql).len(), 1, "{sql}");
        }
    }

    #[test]
    fn a_few_rows_and_new_tables_are_not() {
        for sql in [
            "update orders set n = 1 where id = 5;",
            "update orders set n = 1 where id in (1, 2, 3);",
            "update orders set n = 1 where id in (select id from orders where n is null limit 5000);",
            "insert into orders select * from orders;",
            "create table fresh (n int); insert into fresh values (1); update fresh set n = 2;",
            "create temporary table t (n int); delete from t;",
        ] {
            assert_eq!(of(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn the_hint_is_one_batch() {
        let hint = |sql: &str| findings(&RULE, &format!("{OLD}{sql}"))[0].hint.clone().unwrap().sql;
        let repeat = "\n-- again until it changes no row, each time in a transaction of its own";
        assert_eq!(
            hint("update orders set n = 0 where n is null;"),
            Some(format!(
                "update orders set n = 0 where id in (select id from orders where n is null limit 5000);{repeat}"
            ))
        );
        assert_eq!(
            hint("delete from orders where state <> 'old';"),
            Some(format!(
                "delete from orders where id in (select id from orders where state <> 'old' limit 5000);{repeat}"
            ))
        );
        assert_eq!(hint("update orders set n = 1;"), None);
        assert_eq!(hint("update orders o set n = 0 where o.n is null;"), None);
    }
}
