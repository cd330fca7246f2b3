//! Statement that is certain to fail
//!
//! ## Why it matters
//! It stops the migration on the way to production, after the statements before it ran, and it is known beforehand.
//!
//! ## How it is decided
//! The schema at that moment is what the dump, the snapshot or the server holds and the migrations have made of it.
//! *high*: the statement names what is not there any more, or, where all that exists is known, what never was; makes
//! what is there already; drops what others depend on without `cascade`; changes the type of a column that a view or a
//! generated column uses; combines what the server does not combine. Reported only where it is certain: a table of
//! which nothing is known may have any column. Failures that depend on the rows are other rules', as are transactions,
//! versions and enum values.
//!
//! ## What to do
//! Correct the statement, or the order of the migrations. In a file that was edited after it ran somewhere, restore it
//! and write a new one.
//!
//! ## Limits
//! Objects that dynamic SQL, an extension or another tool made are unknown, and so is a migration outside of the
//! folder: where the dump is older than the first migration, or newer, `--schema` misleads. What comes after a statement
//! that could not be read, or that calls what is not known, is not said to fail by what that may have made. Privileges are
//! not looked at. The statements after a failure are reviewed as if it had not been there.

use super::prelude::*;

/// It cannot work.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "statement-fails",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("statement_fails.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Statement(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    let is_told_elsewhere = is_of_concurrently(m);
    let failures = m.effects.failures.iter().filter(|failure| {
        !failure.only_with_rows
            && !failure.because_of_transaction
            && failure.needs_major.is_none()
            && failure.sqlstate != super::enum_value_used_before_commit::UNSAFE
            && !(is_told_elsewhere && failure.sqlstate == "0A000")
    });
    let found = failures.map(|failure| {
        let message = format!("fails: {}", failure.message);
        let finding = m.finding(&RULE.meta, Place::Action(failure.action), m.itself(), message);
        finding.text("sqlstate", failure.sqlstate).advice(advice(failure.sqlstate))
    });
    found.collect()
}

/// `concurrently-on-partitioned-table` speaks of these.
fn is_of_concurrently(m: &Moment<'_>) -> bool {
    match m.command {
        Command::CreateIndex(index) => index.concurrently,
        Command::Drop(drop) => drop.concurrently,
        _ => false,
    }
}

fn advice(sqlstate: &str) -> &'static str {
    match sqlstate {
        "42P01" | "42703" | "42704" | "42883" | "3F000" => {
            "correct the name, or run the migration that makes it before this one"
        }
        "42P07" | "42701" | "42710" | "42723" | "42P06" => {
            "it is there already: leave it away, or give it another name"
        }
        "2BP01" => "drop or change what depends on it first, by name",
        "0A000" => "the server does not do this: take the way around that its documentation names",
        _ => "correct the statement",
    }
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    #[test]
    fn what_could_not_be_read_may_have_made_it() {
        let old = "create table t (id int);\n-- file: 2.sql\n";
        let fails = |text: &str| says(&RULE, &format!("{old}{text}")).len();
        for unread in [
            "select AddGeometryColumn('t', 'g', 4326, 'POINT', 2);",
            "call app.work();",
            "do $$ declare r text; begin execute r; end $$;",
            "alter tabel t add g int;",
        ] {
            for then in
                ["create index on t (g);", "alter table t alter g set not null;", "alter table t drop column g;"]
            {
                assert_eq!((fails(then), fails(&format!("{unread}\n{then}"))), (1, 0), "{unread} {then}");
            }
            // it came after it
            assert_eq!(fails(&format!("{unread}\ncreate table u (id int);\ncreate index on u (g);")), 1, "{unread}");
            assert_eq!(fails(&format!("{unread}\ndrop table t;\nselect id from t;")), 1, "{unread}");
            assert_eq!(fails(&format!("drop table t;\n{unread}\nselect id from t;")), 0, "{unread}");
        }
    }

    #[test]
    fn what_is_gone_is_missed() {
        let found = says(&RULE, "create table t (a int);\ndrop table t;\nalter table t add column b int;");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("high fails: "), "{found:?}");
    }

    #[test]
    fn what_is_not_known_is_not() {
        for sql in [
            "alter table unknown add column b int;",
            "alter table t add column b int; alter table t drop column c;",
            "drop table if exists t;",
            "create table if not exists t (a int); create table if not exists t (a int);",
        ] {
            assert!(says(&RULE, sql).is_empty(), "{sql}");
        }
    }
}
