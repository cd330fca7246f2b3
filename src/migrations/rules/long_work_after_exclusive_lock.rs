//! Long work while a lock of an earlier statement is held
//!
//! ## Why it matters
//! A lock is held to the end of its transaction. An `alter table` that takes a millisecond stops the table for as
//! long as what follows it in the transaction takes: a backfill, an index build, a copy.
//!
//! ## How it is decided
//! A statement that changes, reads, writes anew or indexes all rows of a table, or copies rows, in a transaction that
//! holds ShareLock or more on a table that others use, taken by an earlier statement, and more than the statement
//! itself takes on it. *high*; with known sizes by the time the work takes.
//!
//! ## What to do
//! End the transaction before: the lock and the work in migrations of their own.
//!
//! ## Limits
//! Of a lock only the first work after it is named. What a query takes that writes nothing is not known.

use super::prelude::*;
use super::{around, over_rows};
use crate::migrations::replay::Step;
use crate::migrations::session::Held;

/// A lock window with work in it.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "long-work-after-exclusive-lock",
        category: Category::Locking,
        severity: Severity::High,
        source: include_str!("long_work_after_exclusive_lock.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    worked(m).into_iter().collect()
}

fn worked(m: &Moment<'_>) -> Option<Finding> {
    m.session.transaction.as_ref()?;
    let work = work(m)?;
    // what the statement itself locks as much is no longer for an earlier one
    let own = |held: &Held| m.effects.lock_on(&held.relation).is_some_and(|locked| locked.mode >= held.mode);
    // once for each lock: what follows the first work is no news
    let last = last_work(m);
    let is_told = |held: &Held| last.is_some_and(|last| last > held.step);
    let is_other =
        |held: &&Held| !(own(held) || is_told(held) || work.is_validation && work.reads.contains(&held.relation));
    let mut held: Vec<&Held> = m.blocking_held().filter(is_other).collect();
    held.sort_by(|a, b| b.mode.cmp(&a.mode).then(a.step.cmp(&b.step)));
    let first = held.first()?;
    let here = m.file().map_or(0, |file| file.line_column(m.range(Place::Statement).start).0);
    let (more, is) = match held.len() {
        1 => (String::new(), "is"),
        2 => (" and a lock on another table".to_owned(), "are"),
        count => (format!(" and locks on {} more tables", count - 1), "are"),
    };
    let message = format!(
        "{} on {} ({}){more} {is} held while line {here} {}: {}",
        first.mode,
        first.relation,
        m.line_of(first.step),
        work.what,
        first.mode.blocks()
    );
    let finding = m
        .finding(&RULE.meta, Place::Statement, m.table(&first.relation), message)
        .text("lock_mode", first.mode.as_str())
        .text("relation", first.relation.to_string())
        .text("held_since", m.line_of(first.step))
        .list("relations", held.iter().map(|held| held.relation.to_string()).collect());
    let finding = m.weighed_all(finding, &work.reads, work.kind)?;
    Some(finding.advice(format!(
        "end the transaction before it: what takes the lock on {} and what takes the time in migrations of their own",
        first.relation
    )))
}

/// How many statements are looked back at.
const WINDOW: usize = 1000;

/// The last step before this one, in its transaction, that took long.
fn last_work(m: &Moment<'_>) -> Option<usize> {
    let transaction = m.step.transaction.map(|one| one.id)?;
    let is_within = |step: &&Step| step.transaction.is_some_and(|one| one.id == transaction);
    let is_long = |step: &Step| {
        step.effects.work().any(|work| !m.is_new(&work.relation))
            || step.effects.writes.iter().any(|written| written.is_unbounded && !written.is_new)
    };
    let back = m.earlier.iter().rev().take(WINDOW).take_while(is_within).position(is_long)?;
    m.earlier.len().checked_sub(back + 1)
}

/// The longest work of a statement.
struct Long {
    /// A verb and what it is done to.
    what: String,
    /// The tables whose rows it goes over.
    reads: Vec<QName>,
    kind: WorkKind,
    /// Whether it is the validation of a constraint of a table, which another rule speaks of.
    is_validation: bool,
}

fn work(m: &Moment<'_>) -> Option<Long> {
    let effects = m.effects;
    let is_validation = m.actions().any(|(_, action)| matches!(action, ActionKind::ValidateConstraint(_)));
    let of = |works: &[Work], verb: &str, kind: WorkKind| {
        let works = over_rows::of_all(m, works);
        works.first()?;
        let mut reads: Vec<QName> = works.iter().map(|work| work.relation.clone()).collect();
        reads.dedup();
        let what = format!("{verb} {}", around::some(&around::shown(&reads)));
        Some(Long { what, reads, kind, is_validation })
    };
    if matches!(m.command, Command::Refresh { .. }) {
        return queried(m);
    }
    of(&effects.rewrites, "writes anew all rows of", WorkKind::Rewrite)
        .or_else(|| written(m))
        .or_else(|| of(&effects.validations, "looks up every row of", WorkKind::Validate))
        .or_else(|| of(&effects.builds, "builds an index on", WorkKind::Build))
        .or_else(|| of(&effects.scans, "reads every row of", WorkKind::Scan))
        .or_else(|| queried(m))
}

/// Rows that it changes, many or all.
fn written(m: &Moment<'_>) -> Option<Long> {
    let long =
        |what: String, reads: Vec<QName>| Some(Long { what, reads, kind: WorkKind::Write, is_validation: false });
    m.effects.writes.iter().filter(|written| written.is_unbounded).find_map(|written| {
        let table = &written.relation;
        match written.verb {
            "update" if !written.is_new => long(format!("updates every row of {table}"), vec![table.clone()]),
            "delete" if !written.is_new => long(format!("deletes every row of {table}"), vec![table.clone()]),
            "merge" if !written.is_new => long(format!("merges into {table}"), vec![table.clone()]),
            "copy" => long(format!("copies rows into {table}"), Vec::new()),
            verb if verb.starts_with("insert") => {
                let Command::Dml(dml) = m.command else { return None };
                let reads = in_use(m, &dml.reads.relations);
                let names = around::some(&around::shown(&reads));
                (!reads.is_empty()).then(|| long(format!("copies rows of {names} into {table}"), reads)).flatten()
            }
            _ => None,
        }
    })
}

/// Rows that it makes a table or a materialized view of.
fn queried(m: &Moment<'_>) -> Option<Long> {
    let long = |what: String, reads| Some(Long { what, reads, kind: WorkKind::Scan, is_validation: false });
    match m.command {
        Command::CreateTableAs { name, with_data: true, reads, .. } => {
            let reads = in_use(m, &reads.relations);
            if reads.is_empty() {
                return None;
            }
            long(format!("makes {name} of rows of {}", around::some(&around::shown(&reads))), reads)
        }
        Command::Refresh { name, with_data: true, .. } => long(format!("runs the query of {name}"), Vec::new()),
        _ => None,
    }
}

/// The relations that were there before and are not only the session's own.
fn in_use(m: &Moment<'_>, names: &[Name]) -> Vec<QName> {
    names.iter().map(|name| m.catalog.resolve(name)).filter(|name| !m.is_new(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table users (id bigint primary key, n int);\n\
                       create table orders (id bigint primary key, n int);\n-- file: 2.sql transaction\n";
    const LOCK: &str = "alter table users add column a int;\n";

    fn of(sql: &str) -> Vec<String> {
        says(&RULE, &format!("{OLD}{sql}"))
    }

    #[test]
    fn work_in_a_lock_window_is_found() {
        assert_eq!(
            of(&format!("{LOCK}update orders set n = 1;")),
            ["high AccessExclusiveLock on users (line 5) is held while line 6 updates every row of orders: reads and \
              writes wait"]
        );
        for sql in [
            "update users set a = 1;",
            "delete from orders;",
            "create index on orders (n);",
            "create index on users (n);",
            "insert into orders select * from users;",
            "create table copy as select * from orders;",
            "alter table orders alter n set not null;",
            "copy orders from stdin;",
        ] {
            assert_eq!(of(&format!("{LOCK}{sql}")).len(), 1, "{sql}");
        }
        assert_eq!(
            of("create trigger t before insert on users for each row execute function f();\nupdate orders set n = 1;"),
            ["high ShareRowExclusiveLock on users (line 5) is held while line 6 updates every row of orders: writes \
              wait, reads go on"]
        );
    }

    #[test]
    fn no_window_or_no_work_is_silent() {
        for sql in [
            format!("{LOCK}update orders set n = 1 where id = 5;"),
            format!("{LOCK}insert into orders values (1, 2);"),
            format!("{LOCK}commit;\nupdate orders set n = 1;"),
            format!("update orders set n = 1;\n{LOCK}"),
            "create table fresh (n int);\nupdate orders set n = 1;".to_owned(),
            format!("{LOCK}create table fresh (n int); insert into fresh values (1); update fresh set n = 2;"),
            format!("savepoint s;\n{LOCK}rollback to s;\nupdate orders set n = 1;"),
        ] {
            assert_eq!(of(&sql), [""; 0], "{sql}");
        }
        let apart = OLD.replace(" transaction", "");
        assert_eq!(says(&RULE, &format!("{apart}{LOCK}update orders set n = 1;")), [""; 0]);
    }

    #[test]
    fn what_the_statement_locks_itself_is_not_an_earlier_one_s() {
        assert_eq!(of(&format!("{LOCK}alter table users alter n set not null;")), [""; 0]);
        // reads wait for the earlier one, and would not for the later
        assert_eq!(of(&format!("{LOCK}create index on users (n);")).len(), 1);
        // another rule speaks of that
        let check =
            "alter table users add constraint c check (n > 0) not valid;\nalter table users validate constraint c;";
        assert_eq!(of(check), [""; 0]);
    }
}
