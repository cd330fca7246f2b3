//! Index rebuilt under lock
//!
//! ## Why it matters
//! `reindex` holds ShareLock on the table, so writes wait, and AccessExclusiveLock on each index while it is built
//! anew: a query whose plan would look at the index waits as well, and the planner looks at all of them.
//!
//! ## How it is decided
//! `reindex` without `concurrently` of an index, a table, a schema or a database. `reindex system`, and what came to
//! be in the same script, are not found.
//!
//! ## What to do
//! `reindex … concurrently`, outside of a transaction.
//!
//! ## Limits
//! An index of an exclusion constraint and one of a system catalog cannot be built anew concurrently; PostgreSQL says
//! so.

use super::prelude::*;
use super::{advice, over_rows};

/// A plain reindex.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "reindex-without-concurrently",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("reindex_without_concurrently.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    rebuilt(m).into_iter().collect()
}

fn rebuilt(m: &Moment<'_>) -> Option<Finding> {
    let Command::Reindex { kind, name, concurrently: false } = m.command else { return None };
    let words = advice::top_words(m.text());
    if words.iter().any(|(_, word)| word == "system") {
        return None;
    }
    let works = over_rows::of_all(m, &m.effects.builds);
    let finding = match kind {
        ObjectKind::Index | ObjectKind::Table => {
            let first = works.first()?;
            let what = match (kind, name) {
                (ObjectKind::Index, Some(name)) => format!("index {name} is built anew"),
                _ => "its indexes are built anew".to_owned(),
            };
            let message = format!(
                "{} on {} while {what}, under AccessExclusiveLock each: {}, and reads whose plan looks at it wait too",
                first.mode,
                over_rows::tables(&works),
                "writes wait"
            );
            let subject = m.table(&first.relation);
            over_rows::finding(m, &RULE.meta, Place::Statement, subject, &works, WorkKind::Build, message)?
        }
        _ => {
            let of = match (kind, name) {
                (ObjectKind::Schema, Some(name)) => format!("schema {name}"),
                _ => "the database".to_owned(),
            };
            let message = format!(
                "ShareLock on every table of {of} in turn while its indexes are built anew, under AccessExclusiveLock \
                 each: writes wait, and reads whose plan looks at them wait too"
            );
            m.finding(&RULE.meta, Place::Statement, m.itself(), message).text("lock_mode", LockMode::Share.as_str())
        }
    };
    let text = "build them anew concurrently, outside of a transaction";
    let kinds = ["index", "table", "schema", "database"];
    Some(match advice::insert_after(m.text(), &kinds, "concurrently") {
        Some(sql) => finding.fix(text, format!("{sql};"), Some(LockMode::ShareUpdateExclusive)),
        None => finding.advice(text),
    })
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table orders (id bigint primary key, n int); create index i on \
                       orders (n);\n\
                       -- file: 2.sql\n";

    #[test]
    fn a_plain_reindex_is_found() {
        for (sql, hint) in [
            ("reindex index i;", "reindex index concurrently i;"),
            ("reindex (verbose) table orders;", "reindex (verbose) table concurrently orders;"),
            ("reindex schema public;", "reindex schema concurrently public;"),
        ] {
            let found = findings(&RULE, &format!("{OLD}{sql}"));
            assert_eq!(found.len(), 1, "{sql}");
            assert_eq!(found[0].hint.as_ref().unwrap().sql.as_deref(), Some(hint));
        }
        assert_eq!(
            says(&RULE, &format!("{OLD}reindex index i;")),
            ["high ShareLock on orders while index i is built anew, under AccessExclusiveLock each: writes wait, and \
              reads whose plan looks at it wait too"]
        );
    }

    #[test]
    fn a_concurrent_one_is_not() {
        for sql in [
            "reindex index concurrently i;",
            "reindex (concurrently) table orders;",
            "reindex system shop;",
            "create table fresh (n int primary key); reindex table fresh;",
        ] {
            assert_eq!(says(&RULE, &format!("{OLD}{sql}")), [""; 0], "{sql}");
        }
    }
}
