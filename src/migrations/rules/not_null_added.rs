//! Column made not null while running code may leave it out
//!
//! ## Why it matters
//! Running code that does not write the column, or writes null into it, fails from the commit on. Code that was
//! deployed before the column existed cannot write it.
//!
//! ## How it is decided
//! `set not null`, a not null constraint, or a check that says the same, valid or not, as new rows must meet both.
//! *medium* where the column was added by the same script (or one released with it) and has no default: the code that
//! runs now does not know it. *low* where it was there before and has no default. Silent with a default, an identity or
//! a generated value, where the column is not null already, where a check already refuses null, on new tables; `add
//! column … not null` with a default is silent too, and without one it is `not-null-column-without-default`, except
//! that it is reported here where the table is known to be empty.
//!
//! ## What to do
//! Release code that always writes the column first, or give it a default, then make it not null in a later migration.
//!
//! ## Limits
//! Code that writes null on purpose is not helped by a default; some mappers write every column they know. That is not
//! seen, nor are triggers that fill the column.

use super::prelude::*;
use super::{advice, around};
use crate::migrations::catalog::{Lookup, TypeDefinition};
use crate::migrations::command::Expr;
use crate::sql::quote;

/// What could be left out must be there.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "not-null-added",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("not_null_added.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let Some(relation) = m.altered().filter(|relation| !m.is_new(relation)) else { return found };
    for (number, action) in m.actions() {
        let place = Place::Action(number);
        match action {
            ActionKind::SetNotNull(column) => found.extend(judge(m, place, &relation, column)),
            ActionKind::AddConstraint(constraint) => {
                if let Some(column) = demands(constraint) {
                    found.extend(judge(m, place, &relation, column));
                }
            }
            ActionKind::AddColumn { column, .. } => found.extend(added(m, place, &relation, column)),
            _ => {}
        }
    }
    found
}

/// The column that a constraint wants to be not null, where it says nothing else.
fn demands(constraint: &Constraint) -> Option<&str> {
    match &constraint.kind {
        _ if constraint.is_not_enforced => None,
        ConstraintKind::NotNull => constraint.columns.first().map(String::as_str),
        ConstraintKind::Check(check) => refuses_null(check),
        _ => None,
    }
}

/// The column of `column is not null`.
fn refuses_null(check: &Expr) -> Option<&str> {
    match check {
        Expr::IsNotNull(inner) => match &**inner {
            Expr::Column(path) => path.last().map(String::as_str),
            _ => None,
        },
        _ => None,
    }
}

fn judge(m: &Moment<'_>, place: Place, relation: &QName, name: &str) -> Option<Finding> {
    let known = m.catalog.get(relation).known();
    let column = known.and_then(|known| known.column(name));
    let refused =
        |known: &Relation| known.constraints.iter().any(|constraint| demands(&constraint.definition) == Some(name));
    if known.is_some_and(refused) {
        return None;
    }
    let has_value = column.is_some_and(|column| {
        column.is_not_null || column.default.is_some() || column.is_identity || column.generated.is_some()
    });
    if has_value {
        return None;
    }
    let is_new = column.is_some_and(|column| m.session.is_new(column.born));
    let (severity, message) = match is_new {
        true => (
            Severity::Medium,
            format!(
                "{relation}.{name} becomes not null, but the code that runs now does not know it: its inserts fail"
            ),
        ),
        false => (
            Severity::Low,
            format!(
                "{relation}.{name} becomes not null and has no default: inserts of running code that leave it out fail"
            ),
        ),
    };
    let finding = m.finding(&RULE.meta, place, m.column(relation, name), message).severity(severity);
    let finding = around::locked(finding, m, relation);
    Some(finding.advice(
        "release code that always writes it first, or give it a default that suits, and make it not null in a later migration",
    ))
}

/// A column that is not null and has no value of its own, on a table that is empty: it can be added, and then nobody can insert.
fn added(m: &Moment<'_>, place: Place, relation: &QName, column: &ColumnDef) -> Option<Finding> {
    let Lookup::Known(known) = m.catalog.get(relation) else { return None };
    let is_empty = m.is_empty(&known.name);
    let of_domain = match m.catalog.type_of(&column.type_name.name).map(|found| &found.kind) {
        Some(TypeDefinition::Domain { default, .. }) => default.is_some(),
        _ => false,
    };
    let has_value =
        column.default.is_some() || column.is_identity || column.is_serial() || column.generated.is_some() || of_domain;
    if !is_empty || !column.is_not_null || has_value {
        return None;
    }
    let name = &column.name;
    let message = format!(
        "{relation}.{name} is not null and has no default, and the code that runs now does not know it: its inserts fail"
    );
    let finding = around::locked(m.finding(&RULE.meta, place, m.column(relation, name), message), m, relation);
    let text = "add it nullable, release code that writes it, and make it not null in a later migration";
    Some(match column.type_name.sql() {
        Some(type_name) => {
            let add = format!("alter table {} add column {} {type_name};", relation.sql(), quote(name));
            finding.fix(text, format!("{}\n{add}", advice::TIMEOUT), Some(LockMode::AccessExclusive))
        }
        None => finding.advice(text),
    })
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const TABLE: &str = "-- file: 0.sql released\n\
        create table t (id int primary key, a int, d int default 0, c int check (c is not null));\n-- file: 1.sql\n";

    #[test]
    fn old_code_and_new_columns() {
        assert_eq!(
            says(&RULE, &format!("{TABLE}alter table t add column n int; alter table t alter n set not null;")),
            ["medium t.n becomes not null, but the code that runs now does not know it: its inserts fail"]
        );
        let low = ["low t.a becomes not null and has no default: inserts of running code that leave it out fail"];
        for sql in [
            "alter table t alter a set not null;",
            "alter table t add constraint x check (a is not null) not valid;",
            "alter table t add constraint x not null a not valid;",
        ] {
            assert_eq!(says(&RULE, &format!("{TABLE}{sql}")), low, "{sql}");
        }
    }

    #[test]
    fn defaults_proofs_and_new_tables_are_silent() {
        for sql in [
            "alter table t alter d set not null;",
            "alter table t alter c set not null;",
            "alter table t alter id set not null;",
            "alter table t add column n int not null default 1;",
            "alter table t add column n int not null;",
            "alter table t add constraint x check (a > 0);",
            "create table u (a int); alter table u alter a set not null;",
            "alter table t alter a drop not null;",
        ] {
            assert!(
                says(&RULE, &format!("{TABLE}{sql}")).is_empty(),
                "{sql} {:?}",
                says(&RULE, &format!("{TABLE}{sql}"))
            );
        }
    }

    #[test]
    fn the_second_step_is_told_once() {
        let steps =
            "alter table t add constraint x check (a is not null) not valid;\nalter table t alter a set not null;";
        assert_eq!(says(&RULE, &format!("{TABLE}{steps}")).len(), 1);
    }
}
