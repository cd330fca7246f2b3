//! CASCADE takes away more than the statement names
//!
//! ## Why it matters
//! With `cascade` the server drops whatever depends on the thing, or empties whatever references it, and names it only
//! in a notice that nobody reads: views, foreign keys, defaults, triggers, columns of a type, the rows of other tables.
//! It differs between the developer's database and production.
//!
//! ## How it is decided
//! What goes along is listed from the schema as it is known: views that read the relation, and those that read them;
//! foreign keys to it; tables that inherit from it; columns of a type; triggers that call a function; all that a schema
//! has; of `truncate` every table that references the named ones, and so on. *high* where something goes; *medium*
//! where the thing is not known well enough to tell; silent where it is known and nothing depends on it, and for what
//! the script made.
//!
//! ## What to do
//! Name what is to go, in the order that needs no `cascade`: whatever else depends on it then stops the statement
//! instead of vanishing.
//!
//! ## Limits
//! Views depend on columns; which ones is not known, so every view that reads the table is listed for a column. What
//! extensions own, and what another database or tool made, is not seen. Functions that only name a table in their text
//! stay, and fail.

use super::around;
use super::prelude::*;
use crate::migrations::catalog::Lookup;
use std::collections::BTreeSet;

/// More goes than is said.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "cascade",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("cascade.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Each(look),
};

/// So many relations are followed, or searched for what depends on something else.
const MOST: usize = 1000;

/// What goes along.
#[derive(Default)]
struct Along {
    names: BTreeSet<String>,
    /// Whether something may go that is not known.
    is_open: bool,
}

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    match m.command {
        Command::Drop(drop) if drop.cascade => {
            let names = drop.names.iter().enumerate();
            found.extend(names.filter_map(|(number, name)| {
                let (what, along) = dropped(m, drop.kind, name)?;
                tell(m, Place::Action(number), &format!("drop {what} cascade"), "drops", along)
            }));
        }
        Command::Truncate { tables, cascade: true, .. } => found.extend(truncated(m, tables)),
        Command::AlterTable { name, .. } => {
            let relation = m.catalog.resolve(name);
            if m.is_new(&relation) {
                return found;
            }
            for (number, action) in m.actions() {
                let place = Place::Action(number);
                let (what, along) = match action {
                    ActionKind::DropColumn { column, cascade: true, .. } => {
                        (format!("drop column {column} of {relation} cascade"), of_column(m, &relation, column))
                    }
                    ActionKind::DropConstraint { name, cascade: true, .. } => {
                        (format!("drop constraint {name} of {relation} cascade"), of_constraint(m, &relation, name))
                    }
                    _ => continue,
                };
                found.extend(tell(m, place, &what, "drops", along));
            }
        }
        _ => {}
    }
    found
}

fn tell(m: &Moment<'_>, place: Place, what: &str, does: &str, along: Along) -> Option<Finding> {
    let names: Vec<String> = along.names.into_iter().collect();
    let (severity, message) = match (names.is_empty(), along.is_open) {
        (true, false) => return None,
        (true, true) => {
            (Severity::Medium, format!("{what} also {does} whatever depends on it: what that is, is not known"))
        }
        (false, _) => (Severity::High, format!("{what} also {does} {}", around::some(&names))),
    };
    let finding = m.finding(&RULE.meta, place, m.itself(), message).severity(severity);
    let finding = finding.list("also", names).count("complete", i64::from(!along.is_open), Unit::Count);
    Some(
        finding.advice(
            "name what is to go, each in its own statement without cascade: what else depends on it then stops it",
        ),
    )
}

/// What is dropped, in words, and what goes along; none where nobody can be using it.
fn dropped(m: &Moment<'_>, kind: ObjectKind, name: &Name) -> Option<(String, Along)> {
    let mut along = Along::default();
    match kind {
        ObjectKind::Table | ObjectKind::ForeignTable | ObjectKind::View | ObjectKind::MaterializedView => {
            let relation = m.catalog.resolve(name);
            if m.is_new(&relation) || matches!(m.catalog.get(&relation), Lookup::Absent) {
                return None;
            }
            follow(m, &relation, &mut along);
        }
        ObjectKind::Sequence => {
            let relation = m.catalog.resolve(name);
            if m.is_new(&relation) || matches!(m.catalog.get(&relation), Lookup::Absent) {
                return None;
            }
            match m.catalog.get(&relation).known().and_then(|known| known.owned_by.as_ref()) {
                Some((table, column)) => {
                    along.names.insert(format!("the default of {table}.{column}"));
                }
                None => along.is_open = true,
            }
        }
        ObjectKind::Schema => {
            let within = m.catalog.names_in_schema(&name.name);
            if !within.is_empty() && within.iter().all(|relation| m.is_new(relation)) {
                return None;
            }
            along.names.extend(around::shown(within.iter().take(MOST)));
            along.is_open = !m.catalog.is_complete();
        }
        ObjectKind::Type | ObjectKind::Domain => {
            let known = m.catalog.type_of(name);
            if known.is_some_and(|known| m.session.is_new(known.born)) {
                return None;
            }
            along.is_open = known.is_none();
            let resolved = known.map(|known| known.name.clone());
            for table in &resolved.map(|name| m.catalog.users_of_type(&name)).unwrap_or_default() {
                let Some(known) = m.catalog.get(table).known() else { continue };
                let of_type = known.columns.iter().filter(|column| {
                    column.type_name.as_ref().is_some_and(|own| {
                        own.name.name == name.name
                            && (name.schema.is_none() || own.name.schema.is_none() || own.name.schema == name.schema)
                    })
                });
                along.names.extend(of_type.map(|column| format!("{table}.{}", column.name)));
            }
        }
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
            let known = m.catalog.functions(name);
            if !known.is_empty() && known.iter().all(|function| m.session.is_new(function.born)) {
                return None;
            }
            along.is_open = !m.catalog.is_complete();
            for relation in m.catalog.relations().take(MOST) {
                let calling = relation.triggers.iter().filter(|(_, function)| function.name == name.name);
                along.names.extend(calling.map(|(trigger, _)| format!("trigger {trigger} of {}", relation.name)));
            }
        }
        ObjectKind::Extension | ObjectKind::Server | ObjectKind::Language | ObjectKind::Collation => {
            along.is_open = true
        }
        _ => return None,
    }
    Some((format!("{} {name}", kind.as_str()), along))
}

/// Views that read a relation, foreign keys to it, and what inherits from it.
fn follow(m: &Moment<'_>, relation: &QName, along: &mut Along) {
    let mut waiting = vec![relation.clone()];
    let mut seen = BTreeSet::from([relation.clone()]);
    while let Some(current) = waiting.pop() {
        let Some(known) = m.catalog.get(&current).known() else {
            along.is_open = true;
            continue;
        };
        along.is_open |= !known.is_complete || seen.len() > MOST;
        if seen.len() > MOST {
            return;
        }
        keys_to(m, known, None, along);
        for reader in &known.read_by {
            if seen.insert(reader.clone()) {
                along.names.insert(format!("{} {reader}", kind_of(m, reader)));
                waiting.push(reader.clone());
            }
        }
        for child in &known.children {
            if seen.insert(child.clone()) {
                // a partition goes with its table, cascade or not
                let is_partition = m.catalog.get(child).known().is_some_and(|child| child.partition_of.is_some());
                if !is_partition {
                    along.names.insert(format!("table {child}"));
                }
                waiting.push(child.clone());
            }
        }
    }
}

fn kind_of(m: &Moment<'_>, relation: &QName) -> &'static str {
    m.catalog.get(relation).known().map_or("view", |known| known.kind.object().as_str())
}

/// Foreign keys to a table: to some of its columns, or to any.
fn keys_to(m: &Moment<'_>, table: &Relation, columns: Option<&[String]>, along: &mut Along) {
    for referencing in &table.referenced_by {
        if *referencing == table.name {
            continue;
        }
        let Some(known) = m.catalog.get(referencing).known() else { continue };
        for constraint in &known.constraints {
            let Some((to, to_columns)) = &constraint.references else { continue };
            let is_meant = *to == table.name
                && columns
                    .is_none_or(|columns| to_columns.is_empty() || to_columns.iter().any(|one| columns.contains(one)));
            if is_meant {
                along.names.insert(format!("foreign key {} of {referencing}", constraint.name));
            }
        }
    }
}

fn of_column(m: &Moment<'_>, relation: &QName, column: &str) -> Along {
    let mut along = Along::default();
    let Some(known) = m.catalog.get(relation).known() else { return Along { is_open: true, ..along } };
    if known.column(column).is_some_and(|column| m.session.is_new(column.born)) {
        return along;
    }
    along.is_open = !known.is_complete;
    keys_to(m, known, Some(&[column.to_owned()]), &mut along);
    along.names.extend(known.read_by.iter().map(|reader| format!("{} {reader} if it reads it", kind_of(m, reader))));
    let generated = known.columns.iter().filter(|other| {
        let Some((_, from)) = &other.generated else { return false };
        other.name != column && from.columns().contains(column)
    });
    along.names.extend(generated.map(|other| format!("generated column {}", other.name)));
    along
}

fn of_constraint(m: &Moment<'_>, relation: &QName, name: &str) -> Along {
    let mut along = Along::default();
    let Some(known) = m.catalog.get(relation).known() else { return Along { is_open: true, ..along } };
    along.is_open = !known.is_complete;
    if let Some(constraint) = known.constraint(name) {
        let is_key = matches!(constraint.definition.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique);
        if is_key {
            keys_to(m, known, Some(&constraint.definition.columns), &mut along);
        } else {
            along.is_open = false;
        }
    }
    along
}

/// Tables that a `truncate … cascade` empties besides the named ones.
fn truncated(m: &Moment<'_>, tables: &[Name]) -> Option<Finding> {
    let named: BTreeSet<QName> = tables.iter().map(|name| m.catalog.resolve(name)).collect();
    let mut seen = named.clone();
    let mut waiting: Vec<QName> = named.iter().cloned().collect();
    let mut along = Along::default();
    while let Some(current) = waiting.pop() {
        let Some(known) = m.catalog.get(&current).known() else {
            along.is_open = true;
            continue;
        };
        along.is_open |= !known.is_complete || seen.len() > MOST;
        if seen.len() > MOST {
            break;
        }
        for referencing in &known.referenced_by {
            if seen.insert(referencing.clone()) {
                if !m.is_new(referencing) {
                    along.names.insert(referencing.to_string());
                }
                waiting.push(referencing.clone());
            }
        }
    }
    if named.iter().all(|table| m.is_new(table)) && along.names.is_empty() {
        return None;
    }
    let shown = around::some(&around::shown(&named));
    tell(m, Place::Statement, &format!("truncate {shown} cascade"), "empties", along)
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const TABLES: &str = "-- file: 0.sql released\ncreate type mood as enum ('a');\n\
        create table t (id int primary key, a mood, g int);\n\
        create table o (id int primary key, t_id int constraint o_fk references t);\n\
        create table i (o_id int references o);\n\
        create view v as select id from t;\ncreate view w as select id from v;\ncreate table alone (id int);\n-- file: 1.sql\n";

    #[test]
    fn what_goes_along_is_named() {
        for (sql, said) in [
            ("drop table t cascade;", "high drop table t cascade also drops foreign key o_fk of o, view v and view w"),
            ("drop view v cascade;", "high drop view v cascade also drops view w"),
            ("drop type mood cascade;", "high drop type mood cascade also drops t.a"),
            ("truncate t cascade;", "high truncate t cascade also empties i and o"),
            (
                "alter table t drop constraint t_pkey cascade;",
                "high drop constraint t_pkey of t cascade also drops foreign key o_fk of o",
            ),
            (
                "alter table t drop column g cascade;",
                "high drop column g of t cascade also drops view v if it reads it",
            ),
            (
                "drop table unknown cascade;",
                "medium drop table unknown cascade also drops whatever depends on it: what that is, is not known",
            ),
            (
                "drop extension hstore cascade;",
                "medium drop extension hstore cascade also drops whatever depends on it: what that is, is not known",
            ),
        ] {
            assert_eq!(says(&RULE, &format!("{TABLES}{sql}")), [said], "{sql}");
        }
    }

    #[test]
    fn nothing_goes_where_nothing_depends() {
        for sql in [
            "drop table alone cascade;",
            "truncate alone cascade;",
            "drop table alone;",
            "create table u (id int primary key); create view x as select id from u; drop table u cascade;",
            "create type n as enum ('a'); drop type n cascade;",
        ] {
            assert!(says(&RULE, &format!("{TABLES}{sql}")).is_empty(), "{sql}");
        }
    }
}
