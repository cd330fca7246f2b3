//! Constraint that is verified while it is added
//!
//! ## Why it matters
//! To add a check or a not null constraint, PostgreSQL reads the whole table under AccessExclusiveLock: reads and
//! writes wait. For a foreign key it looks every row up in the other table, under ShareRowExclusiveLock on both:
//! writes to either wait.
//!
//! ## How it is decided
//! `add constraint` of a check, a foreign key or (18) a not null that is not `not valid`; a check within
//! `add column`, which is verified even where the column is null throughout; a foreign key within `add column` with a
//! default; and `alter constraint … enforced` (18). `add column … references` without a default verifies nothing and
//! is not found.
//!
//! ## What to do
//! Add the constraint `not valid`: that is instant, and holds for all rows from then on. Validate it in another
//! transaction: that reads the rows while reads and writes go on.
//!
//! ## Limits
//! On a partitioned table a foreign key cannot be `not valid` before PostgreSQL 18: there it is added so to each
//! partition, validated, and then added to the parent, which takes those over.

use super::prelude::*;
use super::{advice, over_rows};
use crate::migrations::command::Expr;
use crate::sql::quote;

/// Verified at once.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "constraint-validated-at-once",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("constraint_validated_at_once.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    m.actions().filter_map(|(number, action)| added(m, number, action)).collect()
}

fn added(m: &Moment<'_>, number: usize, action: &ActionKind) -> Option<Finding> {
    let table = m.altered()?;
    let scans = || over_rows::of_action(m, &m.effects.scans, number);
    let validations = || over_rows::of_action(m, &m.effects.validations, number);
    match action {
        ActionKind::AddConstraint(constraint) => match &constraint.kind {
            ConstraintKind::Check(_) | ConstraintKind::NotNull => {
                let finding = read(m, number, &table, &scans(), constraint.name.as_deref())?;
                Some(advised(m, finding, &table, None, &[constraint]))
            }
            ConstraintKind::ForeignKey { references, .. } => {
                let finding = looked_up(m, number, &table, &validations(), constraint.name.as_deref(), references)?;
                Some(advised(m, finding, &table, None, &[constraint]))
            }
            _ => None,
        },
        ActionKind::AddColumn { column, .. } => {
            // a rewrite verifies on the way, and is another rule's
            if !over_rows::of_action(m, &m.effects.rewrites, number).is_empty() {
                return None;
            }
            let checks: Vec<&Constraint> =
                column.constraints.iter().filter(|one| matches!(one.kind, ConstraintKind::Check(_))).collect();
            let keys = column.constraints.iter().find_map(|one| match &one.kind {
                ConstraintKind::ForeignKey { references, .. } => Some((one, references)),
                _ => None,
            });
            if let (Some(first), false) = (checks.first(), scans().is_empty()) {
                let finding = read(m, number, &table, &scans(), first.name.as_deref())?;
                let mut constraints = checks.clone();
                constraints.extend(keys.map(|(key, _)| key));
                return Some(advised(m, finding, &table, Some(column), &constraints));
            }
            let (key, references) = keys?;
            let finding = looked_up(m, number, &table, &validations(), key.name.as_deref(), references)?;
            Some(advised(m, finding, &table, Some(column), &[key]))
        }
        ActionKind::AlterConstraint { name, enforced: Some(true), .. } => {
            let known = m.catalog.get(&table).known().and_then(|known| known.constraint(name));
            let other = known.and_then(|known| known.references.as_ref()).map(|(other, _)| other.to_string());
            let works = validations();
            let first = works.first()?;
            let message = format!(
                "enforcing {name} looks all rows of {} up in {}, under {}: {}",
                over_rows::tables(&works),
                other.as_deref().unwrap_or("the other table"),
                first.mode,
                first.mode.blocks()
            );
            let subject = m.constraint(&table, name);
            let place = Place::Action(number);
            let finding = over_rows::finding(m, &RULE.meta, place, subject, &works, WorkKind::Validate, message)?;
            Some(finding.advice(
                "add the same foreign key under another name, not valid, validate it in a transaction of its own, and \
                 drop this one",
            ))
        }
        _ => None,
    }
}

/// A check or a not null: the table is read.
fn read(m: &Moment<'_>, number: usize, table: &QName, works: &[&Work], name: Option<&str>) -> Option<Finding> {
    let first = works.first()?;
    let name = name.map(str::to_owned).or_else(|| first.part.clone());
    let message = format!(
        "all rows of {} are read under {} to verify {}: {}",
        over_rows::tables(works),
        first.mode,
        name.as_deref().unwrap_or("the constraint"),
        first.mode.blocks()
    );
    let subject = name.map_or_else(|| m.table(table), |name| m.constraint(table, &name));
    over_rows::finding(m, &RULE.meta, Place::Action(number), subject, works, WorkKind::Scan, message)
}

/// A foreign key: every row is looked up.
fn looked_up(
    m: &Moment<'_>,
    number: usize,
    table: &QName,
    works: &[&Work],
    name: Option<&str>,
    references: &Name,
) -> Option<Finding> {
    let first = works.first()?;
    let name = name.map(str::to_owned).or_else(|| first.part.clone());
    let other = m.catalog.resolve(references);
    // the statement as a whole may hold more than the constraint alone needs
    let held = m.effects.lock_on(table).map_or(&first.mode, |locked| &locked.mode).max(&first.mode);
    let on = match (*table == other, *held == LockMode::AccessExclusive) {
        (true, _) => format!("{held} on {table}: {}", held.blocks()),
        (false, false) => format!("{held} on {table} and {other}: writes to both wait"),
        (false, true) => format!("{held} on {table}: {}, and writes to {other} wait", held.blocks()),
    };
    let message = format!("all rows of {} are looked up in {other} under {on}", over_rows::tables(works));
    let subject = name.map_or_else(|| m.table(table), |name| m.constraint(table, &name));
    let finding =
        over_rows::finding(m, &RULE.meta, Place::Action(number), subject, works, WorkKind::Validate, message)?;
    Some(finding.text("references", other.to_string()))
}

/// The same constraints, added not valid and validated later, after the column where they come with one.
fn advised(
    m: &Moment<'_>,
    finding: Finding,
    table: &QName,
    column: Option<&ColumnDef>,
    list: &[&Constraint],
) -> Finding {
    let text =
        "add it not valid, which is instant, and validate it in a transaction of its own, while reads and writes go on";
    let known = m.catalog.get(table).known();
    let is_partitioned = known.is_some_and(Relation::is_partitioned);
    let is_key = |one: &&Constraint| matches!(one.kind, ConstraintKind::ForeignKey { .. });
    if is_partitioned && m.major() < 18 && list.iter().any(is_key) {
        return finding.advice(
            "before PostgreSQL 18 a foreign key on a partitioned table cannot be not valid: add it not valid to each \
             partition, validate it there, and add it to the parent at the end, which takes those over without \
             reading a row",
        );
    }
    // columns that the same statement adds must be there first
    let needed = |added: &&ColumnDef| list.iter().any(|one| names(one, &added.name));
    let beside: Vec<&ColumnDef> = match column {
        Some(column) => vec![column],
        None => m.actions().filter_map(|(_, action)| added_column(action)).filter(needed).collect(),
    };
    let Some(statements) = apart(table, &beside, list) else { return finding.advice(text) };
    let lock = match list.iter().all(is_key) && beside.is_empty() {
        true => LockMode::ShareRowExclusive,
        false => LockMode::AccessExclusive,
    };
    finding.fix(text, advice::lines(statements), Some(lock))
}

fn added_column(action: &ActionKind) -> Option<&ColumnDef> {
    match action {
        ActionKind::AddColumn { column, .. } => Some(column),
        _ => None,
    }
}

/// Whether a constraint speaks of a column.
fn names(constraint: &Constraint, column: &str) -> bool {
    let is_checked = match &constraint.kind {
        ConstraintKind::Check(check) => check.columns().contains(column),
        _ => false,
    };
    is_checked || constraint.columns.iter().any(|named| named == column)
}

fn apart(table: &QName, beside: &[&ColumnDef], list: &[&Constraint]) -> Option<Vec<String>> {
    let relation = table.sql();
    let mut statements = vec![advice::TIMEOUT.to_owned()];
    for column in beside {
        let definition = advice::definition(column)?;
        statements.push(format!("alter table {relation} add column {definition};"));
    }
    let mut validations = Vec::new();
    for (number, one) in list.iter().enumerate() {
        let (kind, clause) = clause(one)?;
        let suffix = if number == 0 { kind.to_owned() } else { format!("{kind}{number}") };
        let own = || match one.columns.as_slice() {
            [] => advice::name(&table.name, &suffix),
            columns => advice::name(&table.name, &format!("{}_{suffix}", columns.join("_"))),
        };
        let name = quote(&one.name.clone().unwrap_or_else(own));
        statements.push(format!("alter table {relation} add constraint {name} {clause} not valid;"));
        validations.push(format!("alter table {relation} validate constraint {name};"));
    }
    statements.extend(validations);
    Some(statements)
}

/// The usual end of its name, and what it asks, as SQL.
fn clause(constraint: &Constraint) -> Option<(&'static str, String)> {
    Some(match &constraint.kind {
        ConstraintKind::Check(expression) => {
            let no_inherit = if constraint.is_no_inherit { " no inherit" } else { "" };
            ("check", format!("check ({}){no_inherit}", Expr::sql(expression)?))
        }
        ConstraintKind::NotNull => ("not_null", format!("not null {}", quote(constraint.columns.first()?))),
        ConstraintKind::ForeignKey { references, columns, on_delete, on_update } => {
            if constraint.columns.is_empty() || constraint.is_deferrable {
                // whether it is initially deferred is not known
                return None;
            }
            let mut sql =
                format!("foreign key ({}) references {}", advice::columns(&constraint.columns), references.sql());
            if !columns.is_empty() {
                sql.push_str(&format!(" ({})", advice::columns(columns)));
            }
            for (event, action) in [("delete", on_delete), ("update", on_update)] {
                if *action != "no action" {
                    sql.push_str(&format!(" on {event} {action}"));
                }
            }
            ("fkey", sql)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table users (id bigint primary key);\n\
                       create table orders (id bigint primary key, user_id bigint, n int);\n-- file: 2.sql\n";

    fn of(sql: &str) -> Vec<String> {
        says(&RULE, &format!("{OLD}{sql}"))
    }

    #[test]
    fn what_is_verified_at_once_is_found() {
        assert_eq!(
            of("alter table orders add constraint c check (n > 0);"),
            ["high all rows of orders are read under AccessExclusiveLock to verify c: reads and writes wait"]
        );
        assert_eq!(
            of("alter table orders add foreign key (user_id) references users;"),
            ["high all rows of orders are looked up in users under ShareRowExclusiveLock on orders and users: writes \
              to both wait"]
        );
        for sql in [
            "alter table orders add column x int check (x > 0);",
            "alter table orders add column x bigint default 1 references users (id);",
            "alter table orders add constraint nn not null n;",
        ] {
            assert_eq!(of(sql).len(), 1, "{sql}");
        }
    }

    #[test]
    fn what_is_not_is_not() {
        for sql in [
            "alter table orders add constraint c check (n > 0) not valid;",
            "alter table orders add constraint f foreign key (user_id) references users not valid;",
            "alter table orders add column x bigint references users (id);",
            "alter table orders add constraint f foreign key (user_id) references users not enforced;",
            "create table fresh (n int); alter table fresh add check (n > 0);",
            "create table fresh (n int check (n > 0), user_id bigint references users);",
        ] {
            assert_eq!(of(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn the_hint_validates_apart() {
        let found = findings(
            &RULE,
            &format!(
                "{OLD}alter table orders add constraint f foreign key (user_id) references users on delete cascade;"
            ),
        );
        assert_eq!(
            found[0].hint.as_ref().unwrap().sql.as_deref(),
            Some(
                "set lock_timeout = '5s';\nalter table orders add constraint f foreign key (user_id) references users \
                 on delete cascade not valid;\nalter table orders validate constraint f;"
            )
        );
    }
}
