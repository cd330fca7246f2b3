//! Type of a column changed so that clients notice
//!
//! ## Why it matters
//! Clients learn a column's type with every result: after the change a driver may hand out another kind of value (a
//! string for a `bigint`, a time without or with a zone), parameters bound with the old type may be refused, and a
//! narrower type refuses what old code writes. Statements that were prepared before and return the column fail with
//! "cached plan must not change result type" until they are prepared again.
//!
//! ## How it is decided
//! `alter column … type` where the old type is known and the new one, domains resolved, is another one on the wire, or
//! narrower: fewer characters, digits or fractional seconds; *medium*. *low* where the old type is not known. Silent
//! for what no client can tell: `varchar` made longer or unlimited, `varchar` and `text` for each other, more digits
//! before the point, a domain over the same type, another collation.
//!
//! ## What to do
//! Expand and contract, as for a rename: a new column of the new type beside the old one. Where every client copes with
//! both types, accept the finding with that reason and have connections prepare anew (`discard all`, or a restart of
//! the pool).
//!
//! ## Limits
//! Measured: the plan error strikes a prepared statement that returns the column even where only the length changed,
//! once for each; that alone is not reported. What a driver makes of a type is not known. Whether the change rewrites
//! the table is another rule's.

use super::around;
use super::prelude::*;
use crate::migrations::catalog::{Catalog, TypeDefinition};
use crate::migrations::command::TypeName;

/// A column of another type.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "column-type-changed",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("column_type_changed.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Each(look),
};

/// What a client notices.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    Narrower,
    Other,
}

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let Some(relation) = m.altered().filter(|relation| !m.is_new(relation)) else { return found };
    for (number, action) in m.actions() {
        let place = Place::Action(number);
        if let ActionKind::AlterType { column, type_name, .. } = action {
            found.extend(judge(m, place, &relation, column, type_name));
        }
    }
    found
}

fn judge(m: &Moment<'_>, place: Place, relation: &QName, name: &str, new: &TypeName) -> Option<Finding> {
    let column = m.catalog.get(relation).known().and_then(|known| known.column(name));
    if column.is_some_and(|column| m.session.is_new(column.born)) {
        return None;
    }
    let subject = m.column(relation, name);
    let shown = around::type_words(new);
    let finding = match column.and_then(|column| column.type_name.as_ref()) {
        Some(old) => {
            let (was, base) = (around::type_words(old), (base(m.catalog, old), base(m.catalog, new)));
            let message = match change(&base.0, &base.1) {
                Change::Nothing => return None,
                Change::Narrower => {
                    format!("{relation}.{name} becomes {shown}, was {was}: what running code writes may no longer fit")
                }
                Change::Other => format!(
                    "{relation}.{name} becomes {shown}, was {was}: clients get another type, and prepared statements that \
                     return it fail with \"cached plan must not change result type\""
                ),
            };
            m.finding(&RULE.meta, place, subject, message).text("old_type", was)
        }
        None => {
            let message = format!(
                "{relation}.{name} becomes {shown}: what it was is not known; where clients can tell the two apart, prepared \
                 statements fail with \"cached plan must not change result type\""
            );
            let assumed = format!("the type of {relation}.{name} is not known");
            m.finding(&RULE.meta, place, subject, message).severity(Severity::Low).text("assumed", assumed)
        }
    };
    let finding = around::locked(finding.text("new_type", shown), m, relation);
    Some(finding.advice(
        "add a column of the new type, write both, fill it in batches, read the new one, and drop the old one in a later \
         release; or have every connection prepare its statements anew after the change",
    ))
}

/// What a domain is made of: clients see that.
fn base(catalog: &Catalog, given: &TypeName) -> TypeName {
    let mut current = given.clone();
    // a domain over a domain over a domain; never over itself
    for _ in 0..16 {
        let TypeDefinition::Domain { base, .. } = (match catalog.type_of(&current.name) {
            Some(found) if current.dimensions == 0 => &found.kind,
            _ => return current,
        }) else {
            return current;
        };
        current = base.clone();
    }
    current
}

fn change(old: &TypeName, new: &TypeName) -> Change {
    if old.dimensions.min(1) != new.dimensions.min(1) {
        return Change::Other;
    }
    let (was, is) = (plain(old), plain(new));
    let numbers =
        |one: &TypeName| one.modifiers.iter().map(|part| part.parse::<i64>().ok()).collect::<Option<Vec<i64>>>();
    let (Some(before), Some(after)) = (numbers(old), numbers(new)) else { return Change::Other };
    match (was.as_str(), is.as_str()) {
        ("text", "text") => Change::Nothing,
        ("text" | "varchar", "text" | "varchar") => fewer(&before, &after),
        // its values are padded to the length
        ("bpchar", "bpchar") if before != after => Change::Other,
        ("numeric", "numeric") => match (before.as_slice(), after.as_slice()) {
            (_, []) => Change::Nothing,
            ([], _) => Change::Narrower,
            ([before, ..], [after, ..]) => {
                let scale = |numbers: &[i64]| numbers.get(1).copied().unwrap_or_default();
                match (scale(&numbers(old).unwrap_or_default()), scale(&numbers(new).unwrap_or_default())) {
                    (was, is) if was == is && after >= before => Change::Nothing,
                    // everything fits, and is shown with more digits
                    (was, is) if is > was && after - is >= before - was => Change::Other,
                    _ => Change::Narrower,
                }
            }
        },
        (was, is) if was == is && before == after => Change::Nothing,
        ("varbit", is) if was == is => fewer(&before, &after),
        // all of them keep microseconds, and nothing finer, where no precision is said
        ("timestamp" | "timestamptz" | "time" | "timetz", is) if was == is => fewer(coarse(&before), coarse(&after)),
        // the precision is the last of what the parser says
        ("interval", "interval") => fewer(
            coarse(before.get(1).map_or(&[], std::slice::from_ref)),
            coarse(after.get(1).map_or(&[], std::slice::from_ref)),
        ),
        _ => Change::Other,
    }
}

/// A limit lowered, or set where none was.
fn fewer(before: &[i64], after: &[i64]) -> Change {
    match (before.first(), after.first()) {
        (_, None) => Change::Nothing,
        (Some(before), Some(after)) if after >= before => Change::Nothing,
        _ => Change::Narrower,
    }
}

/// The precision of a time, where it is one that leaves something out.
fn coarse(precision: &[i64]) -> &[i64] {
    match precision.first() {
        Some(6..) => &[],
        _ => precision,
    }
}

/// A type by the name that the catalog has for it.
fn plain(one: &TypeName) -> String {
    let name = one.name.name.as_str();
    match one.name.schema.as_deref() {
        None | Some("pg_catalog") => match name {
            "serial" | "serial4" | "integer" | "int" => "int4",
            "bigserial" | "serial8" | "bigint" => "int8",
            "smallserial" | "serial2" | "smallint" => "int2",
            other => other,
        }
        .to_owned(),
        Some(schema) => format!("{schema}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    fn becomes(old: &str, new: &str) -> Vec<String> {
        says(
            &RULE,
            &format!(
                "-- file: 0.sql released\ncreate domain short as text check (value <> '');\ncreate type mood as enum ('a');\n\
                 create table t (c {old});\n-- file: 1.sql\nalter table t alter column c type {new};"
            ),
        )
    }

    #[test]
    fn other_types_and_narrower_ones_are_noticed() {
        for (old, new) in [
            ("int", "bigint"),
            ("timestamp", "timestamptz"),
            ("mood", "text"),
            ("char(5)", "char(10)"),
            ("char(5)", "text"),
            ("jsonb", "json"),
            ("cidr", "inet"),
            ("int", "int[]"),
            ("numeric(10,2)", "numeric(14,4)"),
        ] {
            let found = becomes(old, new);
            assert!(found.len() == 1 && found[0].starts_with("medium "), "{old} {new} {found:?}");
            assert!(found[0].contains("cached plan must not change result type"), "{found:?}");
        }
        for (old, new) in [
            ("varchar(20)", "varchar(10)"),
            ("text", "varchar(10)"),
            ("numeric", "numeric(10,2)"),
            ("numeric(10,2)", "numeric(10,3)"),
            ("timestamp(6)", "timestamp(3)"),
            ("timestamp", "timestamp(3)"),
        ] {
            assert!(becomes(old, new)[0].contains("may no longer fit"), "{old} {new}");
        }
    }

    #[test]
    fn what_clients_cannot_tell_is_silent() {
        for (old, new) in [
            ("varchar(10)", "varchar(20)"),
            ("varchar(10)", "varchar"),
            ("varchar(10)", "text"),
            ("text", "varchar"),
            ("text", "text collate \"C\""),
            ("numeric(10,2)", "numeric(12,2)"),
            ("numeric(10,2)", "numeric"),
            ("timestamp(3)", "timestamp(6)"),
            ("timestamp(3)", "timestamp"),
            ("timestamp", "timestamp(6)"),
            ("timetz", "timetz(6)"),
            ("varbit(8)", "varbit(16)"),
            ("interval(3)", "interval(6)"),
            ("int", "integer"),
            ("serial", "int"),
            ("text", "short"),
            ("short", "text"),
        ] {
            assert!(becomes(old, new).is_empty(), "{old} {new} {:?}", becomes(old, new));
        }
        assert!(says(&RULE, "create table t (a int); alter table t alter a type text;").is_empty());
        assert!(says(&RULE, "alter table t alter a type text;")[0].starts_with("low "));
    }
}
