//! Primary key that ends at 2,147,483,647
//!
//! ## Why it matters
//! When the numbers of an `integer` key run out every insert fails, and the change to `bigint` writes the table, and
//! all that references it, anew under AccessExclusiveLock: on the day when the table is at its largest. Sequences run
//! ahead of rows: rolled back inserts and `on conflict` use numbers too.
//!
//! ## How it is decided
//! A table that the script creates has a primary key of one `integer` or `smallint` column: *medium* where its values
//! are counted up (`serial`, identity, `nextval`), *low* where they are not, so that the application numbers them.
//! Silent where the column references another table, whose key then decides.
//!
//! ## What to do
//! `bigint generated always as identity`, and `bigint` in every column that references it. Rows become at most four
//! bytes larger, and often not at all, as they are aligned to eight.
//!
//! ## Limits
//! How many rows a table will ever have is not known: a list of countries is fine, accept it with that reason. Keys of
//! several columns are not looked at.

use super::prelude::*;
use crate::migrations::command::{Expr, Persistence};

/// A key that runs out.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "int4-primary-key",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("int4_primary_key.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    match m.command {
        Command::CreateTable(create) => {
            let table = m.catalog.resolve(&create.name);
            let is_key = |constraint: &Constraint| constraint.kind == ConstraintKind::PrimaryKey;
            let of_table = create.constraints.iter().find(|constraint| is_key(constraint));
            let references = |name: &str| {
                create.constraints.iter().any(|constraint| {
                    matches!(constraint.kind, ConstraintKind::ForeignKey { .. })
                        && constraint.columns.iter().any(|one| one == name)
                })
            };
            for column in &create.columns {
                let is_own = column.constraints.iter().any(is_key)
                    || of_table.is_some_and(|key| key.columns.as_slice() == [column.name.clone()]);
                let points = column.constraints.iter().any(|one| matches!(one.kind, ConstraintKind::ForeignKey { .. }));
                if is_own && !points && !references(&column.name) && create.persistence != Persistence::Temporary {
                    let is_counted = column.is_serial() || column.is_identity || counts(column.default.as_ref());
                    let width = width(&column.type_name.name.name);
                    let place = Place::At(column.position);
                    found.extend(width.map(|width| tell(m, place, &table, &column.name, width, is_counted)));
                }
            }
        }
        // a dump makes the key apart
        Command::AlterTable { name, .. } => {
            let table = m.catalog.resolve(name);
            let Some(known) = m.catalog.get(&table).known().filter(|_| m.is_new(&table)) else { return found };
            for (number, action) in m.actions() {
                let place = Place::Action(number);
                let ActionKind::AddConstraint(constraint) = action else { continue };
                let [name] = constraint.columns.as_slice() else { continue };
                if constraint.kind != ConstraintKind::PrimaryKey || known.persistence == Persistence::Temporary {
                    continue;
                }
                let Some(column) = known.column(name) else { continue };
                let points = known
                    .constraints
                    .iter()
                    .any(|one| one.references.is_some() && one.definition.columns.contains(name));
                let width = column.type_name.as_ref().and_then(|own| width(&own.name.name)).filter(|_| !points);
                let is_counted = column.is_identity || counts(column.default.as_ref());
                found.extend(width.map(|width| tell(m, place, &table, name, width, is_counted)));
            }
        }
        _ => {}
    }
    found
}

/// A type's last number, and its name.
fn width(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "int4" | "integer" | "int" | "serial" | "serial4" => Some(("integer", "2,147,483,647")),
        "int2" | "smallint" | "smallserial" | "serial2" => Some(("smallint", "32,767")),
        _ => None,
    }
}

fn counts(default: Option<&Expr>) -> bool {
    default.is_some_and(|default| default.functions().iter().any(|name| name.name == "nextval"))
}

fn tell(m: &Moment<'_>, place: Place, table: &QName, column: &str, width: (&str, &str), is_counted: bool) -> Finding {
    let (word, last) = width;
    let (severity, message) = match is_counted {
        true => (
            Severity::Medium,
            format!("primary key {table}.{column} is {word} and counted up: inserts fail after {last}"),
        ),
        false => (Severity::Low, format!("primary key {table}.{column} is {word}: there is no number after {last}")),
    };
    let finding = m.finding(&RULE.meta, place, m.column(table, column), message).severity(severity);
    finding.text("type", word).advice("make it bigint generated always as identity, and bigint what references it")
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    #[test]
    fn narrow_keys_of_new_tables() {
        for (sql, said) in [
            (
                "create table t (id serial primary key);",
                "medium primary key t.id is integer and counted up: inserts fail after 2,147,483,647",
            ),
            (
                "create table t (id int generated always as identity, a int, primary key (id));",
                "medium primary key t.id is integer and counted up: inserts fail after 2,147,483,647",
            ),
            (
                "create table t (id smallint primary key);",
                "low primary key t.id is smallint: there is no number after 32,767",
            ),
            (
                "create table t (id integer not null); alter table only t add constraint t_pkey primary key (id);",
                "low primary key t.id is integer: there is no number after 2,147,483,647",
            ),
        ] {
            assert_eq!(says(&RULE, sql), [said], "{sql}");
        }
    }

    #[test]
    fn wide_and_borrowed_ones_are_silent() {
        for sql in [
            "create table t (id bigserial primary key);",
            "create table t (id uuid primary key, n int);",
            "create table t (a int, b int, primary key (a, b));",
            "create table p (id bigint primary key); create table t (p_id int primary key references p);",
            "create table t (p_id int primary key, foreign key (p_id) references p);",
            "create temp table t (id int primary key);",
            "alter table old add primary key (id);",
        ] {
            assert!(says(&RULE, sql).is_empty(), "{sql} {:?}", says(&RULE, sql));
        }
    }
}
