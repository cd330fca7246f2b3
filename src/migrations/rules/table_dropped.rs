//! Table dropped while running code may use it
//!
//! ## Why it matters
//! Every statement of running code that names the table fails from the commit on, and its rows are gone: no roll-back
//! of the release brings them back.
//!
//! ## How it is decided
//! `drop table`, `drop schema`, `drop database` of what was there before the script; *high*: whether code still uses it
//! cannot be seen here. *low* for a partition, which old data is usually dropped by, and for a table in whose place the
//! same transaction puts a view: code goes on, the rows are gone. Silent for tables that the script made, temporary
//! ones, and where it is known that there is none.
//!
//! ## What to do
//! Release code that does not use it first, drop it in a later migration, and accept the finding with that reason. To
//! be able to go back for a while, rename it out of the way first and drop it when nobody has missed it.
//!
//! ## Limits
//! The application's code is not read. On the way back a drop undoes a creation and is not reported.

use super::around;
use super::prelude::*;

/// A table goes.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "table-dropped",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("table_dropped.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Each(look),
};

const ADVICE: &str = "release code that does not use it first and drop it in a later migration; to be able to go back, rename it \
                      out of the way for a while";

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    match m.command {
        Command::Drop(drop) => match drop.kind {
            ObjectKind::Table | ObjectKind::ForeignTable => {
                let names = drop.names.iter().enumerate();
                found.extend(names.filter_map(|(number, name)| table(m, Place::Action(number), name)));
            }
            ObjectKind::Schema => {
                let names = drop.names.iter().enumerate();
                found.extend(names.filter_map(|(number, name)| schema(m, Place::Action(number), &name.name)));
            }
            _ => {}
        },
        Command::OfServer(words) if words.starts_with("drop database") => {
            let message = "the database is dropped: every table of it is gone";
            found.push(m.finding(&RULE.meta, Place::Statement, m.itself(), message).advice(ADVICE));
        }
        _ => {}
    }
    found
}

fn table(m: &Moment<'_>, place: Place, name: &Name) -> Option<Finding> {
    let relation = m.catalog.resolve(name);
    let lookup = m.catalog.get(&relation);
    if m.is_new(&relation) || matches!(lookup, crate::migrations::catalog::Lookup::Absent) {
        return None;
    }
    let known = lookup.known();
    // it fails
    if known.is_some_and(|known| !matches!(known.kind.object(), ObjectKind::Table | ObjectKind::ForeignTable)) {
        return None;
    }
    let (severity, message) = if let Some((parent, _)) = known.and_then(|known| known.partition_of.as_ref()) {
        (Severity::Low, format!("partition {relation} of {parent} is dropped: its rows are gone"))
    } else if around::becomes_view(m, &relation) {
        (Severity::Low, format!("table {relation} gives way to a view: code goes on, the table's own rows are gone"))
    } else {
        (Severity::High, format!("table {relation} is dropped: code that still names it fails, and its rows are gone"))
    };
    let mut finding = m.finding(&RULE.meta, place, m.table(&relation), message).severity(severity);
    finding = around::locked(finding, m, &relation);
    if let Some(rows) = known.and_then(|known| known.statistics.as_ref()).and_then(|statistics| statistics.rows) {
        finding = finding.number("rows", rows, Unit::Rows);
    }
    let others: Vec<String> = m
        .effects
        .locks
        .iter()
        .filter(|locked| locked.is_indirect && !locked.is_index && !locked.is_new && locked.relation != relation)
        .map(|locked| locked.relation.to_string())
        .collect();
    if !others.is_empty() {
        finding = finding.list("also_locked", others);
    }
    Some(finding.advice(ADVICE))
}

fn schema(m: &Moment<'_>, place: Place, name: &str) -> Option<Finding> {
    let within = m.catalog.names_in_schema(name);
    let is_known = !within.is_empty() || m.catalog.is_complete();
    // made by the script, or empty as far as everything is known
    if is_known && within.iter().all(|relation| m.is_new(relation)) {
        return None;
    }
    let names = around::shown(&within);
    let message = match names.is_empty() {
        true => format!(
            "schema {name} is dropped: code that still names something in it fails, and all rows in it are gone"
        ),
        false => format!("schema {name} is dropped with {}: code that still names them fails", around::some(&names)),
    };
    let finding = m.finding(&RULE.meta, place, m.itself(), message).text("schema", name);
    Some(finding.list("relations", names).advice(ADVICE))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const TABLES: &str = "-- file: 0.sql released\ncreate table t (id int);\n\
        create table e (at date) partition by range (at);\n\
        create table e1 partition of e for values from ('2026-01-01') to ('2027-01-01');\n\
        create schema s;\ncreate table s.a (id int);\n-- file: 1.sql\n";

    #[test]
    fn tables_partitions_and_schemas() {
        for (sql, said) in [
            ("drop table t;", "high table t is dropped: code that still names it fails, and its rows are gone"),
            (
                "drop table if exists u;",
                "high table u is dropped: code that still names it fails, and its rows are gone",
            ),
            ("drop table e1;", "low partition e1 of e is dropped: its rows are gone"),
            ("drop schema s cascade;", "high schema s is dropped with s.a: code that still names them fails"),
            ("drop database shop;", "high the database is dropped: every table of it is gone"),
            (
                "begin; drop table t; create view t as select 1 as id; commit;",
                "low table t gives way to a view: code goes on, the table's own rows are gone",
            ),
        ] {
            assert_eq!(says(&RULE, &format!("{TABLES}{sql}")), [said], "{sql}");
        }
    }

    #[test]
    fn what_nobody_uses_is_silent() {
        for sql in [
            "create table u (a int); drop table u;",
            "create temp table t (a int); drop table t;",
            "drop view v;",
            "create schema n; create table n.a (id int); drop schema n cascade;",
        ] {
            assert!(says(&RULE, &format!("{TABLES}{sql}")).is_empty(), "{sql}");
        }
        assert!(says(&RULE, &format!("{TABLES}select 1;\n-- file: 1.down.sql down\ndrop table t;")).is_empty());
    }
}
