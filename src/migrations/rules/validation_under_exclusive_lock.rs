//! Constraint validated while a stronger lock is held
//!
//! ## Why it matters
//! `validate constraint` reads the table under ShareUpdateExclusiveLock, while reads and writes go on: that is what
//! it is for. In one transaction with what added the constraint, or in one `alter table` with an action that needs
//! more, it reads under the stronger lock, and nothing is won.
//!
//! ## How it is decided
//! `validate constraint` in a transaction that holds ShareLock or more on the table, or on the one that the foreign
//! key references; and in one statement with an action that takes such a lock.
//!
//! ## What to do
//! Commit in between: the validation in a migration of its own, or at the least in a transaction of its own.
//!
//! ## Limits
//! A lock that an earlier statement took in a function it called is seen only where the function's body is in the
//! migrations. A table that is small validates in a blink; without `--snapshot` or `--url` its size is not known.

use super::prelude::*;
use super::{advice, over_rows};
use crate::migrations::session::Held;
use crate::migrations::split;

/// A validation that gains nothing.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "validation-under-exclusive-lock",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("validation_under_exclusive_lock.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    m.actions().filter_map(|(number, action)| validated(m, number, action)).collect()
}

fn validated(m: &Moment<'_>, number: usize, action: &ActionKind) -> Option<Finding> {
    let ActionKind::ValidateConstraint(name) = action else { return None };
    let table = m.altered()?;
    let scans = over_rows::of_action(m, &m.effects.scans, number);
    let validations = over_rows::of_action(m, &m.effects.validations, number);
    let (works, kind) = match scans.is_empty() {
        false => (scans, WorkKind::Scan),
        true => (validations, WorkKind::Validate),
    };
    works.first()?;
    let rows = over_rows::tables(&works);
    let subject = m.constraint(&table, name);
    let place = Place::Action(number);
    if let Some(held) = held_on(m, &table, name, &works) {
        let message = format!(
            "{} on {} ({}) is held while all rows of {rows} are read to validate {name}: {}",
            held.mode,
            held.relation,
            m.line_of(held.step),
            held.mode.blocks()
        );
        let finding = over_rows::finding(m, &RULE.meta, place, subject, &works, kind, message)?;
        let finding = finding.text("held_lock_mode", held.mode.as_str()).text("held_since", m.line_of(held.step));
        let sql = format!("alter table {} validate constraint {};", table.sql(), crate::sql::quote(name));
        let text = "commit before it: validate in a transaction of its own, while reads and writes go on";
        return Some(finding.fix(text, sql, Some(LockMode::ShareUpdateExclusive)));
    }
    let own = m.effects.lock_on(&table).filter(|locked| !locked.is_new && locked.mode >= LockMode::Share)?;
    let message = format!(
        "all rows of {rows} are read to validate {name} under {}, which another action of the statement needs: {}",
        own.mode,
        own.mode.blocks()
    );
    let finding = over_rows::finding(m, &RULE.meta, place, subject, &works, kind, message)?;
    let text = "two statements, each in a transaction of its own: then reads and writes go on while it validates";
    Some(match parted(m, &table, number) {
        Some(sql) => finding.fix(text, sql, Some(own.mode.clone())),
        None => finding.advice(text),
    })
}

/// The strongest lock held on one of the tables that the validation reads.
fn held_on<'a>(m: &Moment<'a>, table: &QName, name: &str, works: &[&Work]) -> Option<&'a Held> {
    let known = m.catalog.get(table).known().and_then(|known| known.constraint(name));
    let other = known.and_then(|constraint| constraint.references.as_ref()).map(|(other, _)| other);
    let is_read = |held: &&Held| {
        held.relation == *table
            || Some(&held.relation) == other
            || works.iter().any(|work| work.relation == held.relation)
    };
    // the first of the strongest
    m.blocking_held().filter(is_read).min_by(|a, b| b.mode.cmp(&a.mode).then(a.step.cmp(&b.step)))
}

/// The statement without an action, and that action as a statement of its own.
fn parted(m: &Moment<'_>, table: &QName, number: usize) -> Option<String> {
    let text = m.text();
    let positions = split::list_positions(text, 0..text.len());
    let head = text.get(..*positions.first()?)?;
    let end = |index: usize| positions.get(index + 1).copied().unwrap_or(text.len());
    let actions: Vec<&str> = positions
        .iter()
        .enumerate()
        .filter_map(|(index, start)| text.get(*start..end(index)))
        .map(|action| action.trim_end().trim_end_matches(',').trim_end())
        .collect();
    let own = actions.get(number)?;
    let rest: Vec<&str> =
        actions.iter().enumerate().filter(|(index, _)| *index != number).map(|(_, action)| *action).collect();
    if rest.is_empty() {
        return None;
    }
    Some(advice::lines([
        advice::TIMEOUT.to_owned(),
        format!("{head}{};", rest.join(", ")),
        format!("alter table {} {own};", table.sql()),
    ]))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table users (id bigint primary key);\n\
                       create table orders (id bigint primary key, user_id bigint, n int);\n-- file: 2.sql\n";
    const CHECK: &str = "alter table orders add constraint c check (n > 0) not valid;\n";
    const KEY: &str = "alter table orders add constraint f foreign key (user_id) references users not valid;\n";

    #[test]
    fn in_one_transaction_nothing_is_won() {
        assert_eq!(
            says(&RULE, &format!("{OLD}begin;\n{CHECK}alter table orders validate constraint c;\ncommit;")),
            ["high AccessExclusiveLock on orders (line 6) is held while all rows of orders are read to validate c: \
              reads and writes wait"]
        );
        assert_eq!(
            says(&RULE, &format!("{OLD}begin;\n{KEY}alter table orders validate constraint f;\ncommit;")),
            ["high ShareRowExclusiveLock on orders (line 6) is held while all rows of orders are read to validate f: \
              writes wait, reads go on"]
        );
        let wrapped = OLD.replace("-- file: 2.sql", "-- file: 2.sql transaction");
        assert_eq!(says(&RULE, &format!("{wrapped}{CHECK}alter table orders validate constraint c;")).len(), 1);
        let query = OLD.replace("-- file: 2.sql", "-- file: 2.sql query");
        assert_eq!(says(&RULE, &format!("{query}{CHECK}alter table orders validate constraint c;")).len(), 1);
    }

    #[test]
    fn in_one_statement_nothing_is_won() {
        let text = format!("{OLD}{CHECK}alter table orders add column x int, validate constraint c;");
        assert_eq!(
            says(&RULE, &text),
            ["high all rows of orders are read to validate c under AccessExclusiveLock, which another action of the \
              statement needs: reads and writes wait"]
        );
        assert_eq!(
            findings(&RULE, &text)[0].hint.as_ref().unwrap().sql.as_deref(),
            Some(
                "set lock_timeout = '5s';\nalter table orders add column x int;\nalter table orders validate \
                 constraint c;"
            )
        );
    }

    #[test]
    fn apart_all_is_won() {
        for sql in [
            format!("{CHECK}alter table orders validate constraint c;"),
            format!("begin;\n{CHECK}commit;\nbegin;\nalter table orders validate constraint c;\ncommit;"),
            "begin; create table fresh (n int); alter table fresh add constraint c check (n > 0) not valid; alter \
             table fresh validate constraint c; commit;"
                .to_owned(),
        ] {
            assert_eq!(says(&RULE, &format!("{OLD}{sql}")), [""; 0], "{sql}");
        }
    }
}
