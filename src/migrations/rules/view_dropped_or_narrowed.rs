//! View dropped, or made anew without columns it had
//!
//! ## Why it matters
//! Code that reads the view, or the column, fails from the commit on. A view that is made anew has none of the
//! privileges that were granted on the old one.
//!
//! ## How it is decided
//! `drop view` and `drop materialized view` of one that was there before the script: *high* where the same transaction
//! makes none of that name, and *high* where the new one is known to lack columns that the old one had. *low* where the
//! new one has all of them but nothing is granted on it. `create or replace` cannot take columns away: the server
//! refuses it.
//!
//! ## What to do
//! Add what is new at the end with `create or replace view`, which keeps privileges and the columns that are there;
//! drop a column or a view when no running code reads it. Drop and create in one transaction, and grant again.
//!
//! ## Limits
//! Columns of `select *` over a table that is not known cannot be told. Types of columns are not compared. A
//! materialized view is a table here: nothing is said of how old its rows are.

use super::around;
use super::prelude::*;
use crate::migrations::catalog::Lookup;

/// A view goes, or some of it.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "view-dropped-or-narrowed",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("view_dropped_or_narrowed.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let Command::Drop(drop) = m.command else { return found };
    if matches!(drop.kind, ObjectKind::View | ObjectKind::MaterializedView) {
        let names = drop.names.iter().enumerate();
        found.extend(names.filter_map(|(number, name)| judge(m, Place::Action(number), drop.kind, name)));
    }
    found
}

/// What comes in its place.
enum Again<'a> {
    /// Nothing.
    No,
    /// A view, and its columns where they can be told.
    Yes(Option<&'a [String]>),
}

fn judge(m: &Moment<'_>, place: Place, kind: ObjectKind, name: &Name) -> Option<Finding> {
    let relation = m.catalog.resolve(name);
    let lookup = m.catalog.get(&relation);
    if m.is_new(&relation) || matches!(lookup, Lookup::Absent) {
        return None;
    }
    let again = around::later_in_transaction(m).find_map(|command| match command {
        Command::CreateView { name, columns, .. } if around::is_named(m, name, &relation) => {
            Some(Again::Yes(columns.as_deref()))
        }
        Command::CreateTableAs { name, columns, .. } if around::is_named(m, name, &relation) => {
            Some(Again::Yes(Some(columns.as_slice()).filter(|columns| !columns.is_empty())))
        }
        Command::CreateTable(create) if around::is_named(m, &create.name, &relation) => Some(Again::Yes(None)),
        Command::Rename(rename) if rename.part.is_none() && *rename.to == *relation.name => Some(Again::Yes(None)),
        _ => None,
    });
    let what = kind.as_str();
    let (severity, message, advice) = match again.unwrap_or(Again::No) {
        Again::No => (
            Severity::High,
            format!("{what} {relation} is dropped: code that still reads it fails"),
            "release code that does not read it first; where it is to be another one, drop and create in one transaction",
        ),
        Again::Yes(columns) => {
            let had = lookup.known().filter(|known| known.is_complete);
            let lacks = |name: &String| columns.is_some_and(|columns| !columns.iter().any(|one| one == name));
            let had = had.into_iter().flat_map(|known| &known.columns).map(|column| column.name.clone());
            let lost: Vec<String> = had.filter(lacks).collect();
            if !lost.is_empty() {
                let message = format!(
                    "{what} {relation} is made anew without {}: code that still reads that fails",
                    around::some(&lost)
                );
                let finding = m.finding(&RULE.meta, place, m.table(&relation), message).list("columns", lost);
                return Some(
                    finding.advice("keep the columns until no running code reads them, with null in them if need be"),
                );
            }
            if around::is_granted(m, &relation) {
                return None;
            }
            (
                Severity::Low,
                format!("{what} {relation} is made anew and nothing is granted on it: only its owner can read it"),
                "grant on it again in the same transaction, unless code runs as its owner; create or replace view keeps what was \
                 granted",
            )
        }
    };
    let finding = m.finding(&RULE.meta, place, m.table(&relation), message).severity(severity);
    Some(around::locked(finding, m, &relation).advice(advice))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const VIEW: &str = "-- file: 0.sql released\ncreate table t (a int, b int);\ncreate view v as select a, b from t;\n\
        -- file: 1.sql\n";

    #[test]
    fn views_and_columns_that_go() {
        for (sql, said) in [
            ("drop view v;", "high view v is dropped: code that still reads it fails"),
            (
                "drop view v; create view v as select a, b from t;",
                "high view v is dropped: code that still reads it fails",
            ),
            (
                "begin; drop view v; create view v as select a from t; grant select on v to app; commit;",
                "high view v is made anew without b: code that still reads that fails",
            ),
            (
                "begin; drop view v; create view v as select a, b, 1 as c from t; commit;",
                "low view v is made anew and nothing is granted on it: only its owner can read it",
            ),
            ("drop materialized view m;", "high materialized view m is dropped: code that still reads it fails"),
        ] {
            assert_eq!(says(&RULE, &format!("{VIEW}{sql}")), [said], "{sql}");
        }
    }

    #[test]
    fn replaced_and_new_views_are_silent() {
        for sql in [
            "create or replace view v as select a, b, 1 as c from t;",
            "begin; drop view v; create view v as select a, b, 1 as c from t; grant select on v to app; commit;",
            "create view w as select 1 as a; drop view w;",
        ] {
            assert!(says(&RULE, &format!("{VIEW}{sql}")).is_empty(), "{sql}");
        }
    }
}
