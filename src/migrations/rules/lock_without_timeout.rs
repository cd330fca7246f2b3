//! Lock that is waited for without a limit
//!
//! ## Why it matters
//! A statement that waits for a strong lock makes everybody who comes after it wait too, reads included: behind one
//! long query, an `alter table` that takes a millisecond stops the table for as long as the query runs.
//! `lock_timeout` gives up instead.
//!
//! ## How it is decided
//! The first statement of a file that asks for ShareLock or more on a relation that was there before, while
//! `lock_timeout` is not set, is 0, is longer than a minute, or has ended: `set local` outside of a transaction does
//! nothing, and ends with its transaction; `reset` ends it. A `statement_timeout` of up to a minute serves as well.
//! Once a file. Silent where the configuration says that the runner sets it, and of `lock … nowait`.
//!
//! ## What to do
//! `set lock_timeout = '5s'` before, or `set local` within a transaction, and run the migration again when it gave
//! up. Not for what runs concurrently: a build that gives up leaves an invalid index behind.
//!
//! ## Limits
//! What `alter role`, `alter database` or the connection string set is not known: say so in the configuration.

use super::prelude::*;
use crate::migrations::command::SetTo;
use crate::migrations::replay::Step;
use crate::migrations::session::Timeout;
use std::collections::BTreeMap;

/// No way out of a queue.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "lock-without-timeout",
        category: Category::Locking,
        severity: Severity::Low,
        source: include_str!("lock_without_timeout.rs"),
    },
    params: &[&LONGEST],
    is_opinion: false,
    both_ways: true,
    run: Run::Script(run),
};

static LONGEST: Param = Param {
    name: "longest_seconds",
    doc: "a timeout of more than so many seconds is none: everybody behind waits as long",
    default: 60.0,
    unit: Unit::Seconds,
};

fn run(end: &AtEnd<'_>) -> Vec<Finding> {
    waiting(end).into_iter().collect()
}

fn waiting(end: &AtEnd<'_>) -> Option<Finding> {
    let longest = end.param(&RULE.meta, &LONGEST) * 1000.0;
    let is_bound = |timeout: Timeout| match timeout {
        Timeout::Milliseconds(milliseconds) => milliseconds as f64 <= longest,
        Timeout::Unknown => true,
        Timeout::Unset | Timeout::Off => false,
    };
    let by_runner = |step: &Step| step.lock_timeout == Timeout::Unset && end.project.options.runner_sets_lock_timeout;
    let mut held: BTreeMap<&QName, &LockMode> = BTreeMap::new();
    let mut transaction = None;
    let mut found: Option<(usize, &QName, &LockMode)> = None;
    let mut count = 0;
    for (index, step) in end.steps.iter().enumerate() {
        let own = step.transaction.map(|one| one.id);
        if own.is_none() || own != transaction {
            held.clear();
        }
        transaction = own;
        let Some(command) = end.command(step) else { continue };
        // nobody writes a materialized view, and what does not wait needs no limit
        let waits =
            !matches!(command, Command::Refresh { concurrently: true, .. } | Command::Lock { nowait: true, .. });
        let mut strongest: Option<(&QName, &LockMode)> = None;
        for locked in step.effects.locks.iter().filter(|locked| !locked.is_new && !locked.is_index) {
            let is_stronger = held.get(&locked.relation).is_none_or(|mode| **mode < locked.mode);
            if is_stronger {
                held.insert(&locked.relation, &locked.mode);
            }
            let asks = waits && is_stronger && locked.mode >= LockMode::Share;
            // the table that is named goes before those that come with it
            if asks && strongest.is_none_or(|(_, mode)| *mode < locked.mode) {
                strongest = Some((&locked.relation, &locked.mode));
            }
        }
        let Some((relation, mode)) = strongest else { continue };
        if is_bound(step.lock_timeout) || is_bound(step.statement_timeout) || by_runner(step) {
            continue;
        }
        count += 1;
        if found.is_none() {
            found = Some((index, relation, mode));
        }
    }
    let (index, relation, mode) = found?;
    let step = end.steps.get(index)?;
    let message = format!(
        "{mode} on {relation} is waited for without a limit, and all who come after wait too: {}",
        why(end, index, step)
    );
    let finding = end
        .finding(&RULE.meta, step.statement, end.table(relation), message)
        .text("lock_mode", mode.as_str())
        .text("relation", relation.to_string())
        .count("statements", count, Unit::Count);
    let (text, sql) = match step.transaction {
        Some(_) => (
            "set it at the beginning of the transaction, and run the migration again when it gave up",
            "set local lock_timeout = '5s';",
        ),
        None => {
            ("set it before the statement, and run the migration again when it gave up", "set lock_timeout = '5s';")
        }
    };
    Some(finding.fix(text, sql, None))
}

/// Why there is no limit.
fn why(end: &AtEnd<'_>, index: usize, step: &Step) -> String {
    match step.lock_timeout {
        Timeout::Off => return "lock_timeout is 0, which is no limit".to_owned(),
        Timeout::Milliseconds(milliseconds) => {
            let time = crate::finding::humane(milliseconds as f64 / 1000.0, &Unit::Seconds);
            return format!("lock_timeout is {time}, and so long they wait");
        }
        Timeout::Unset | Timeout::Unknown => {}
    }
    let line = |statement: usize| {
        let statement = end.script.statements.get(statement);
        statement.and_then(|one| end.file().map(|file| file.line_column(one.span.start).0)).unwrap_or_default()
    };
    let before = end.steps.get(..index).unwrap_or_default();
    for one in before.iter().rev() {
        match end.command(one) {
            Some(Command::Set { name, to: SetTo::Default, .. }) if name == "lock_timeout" || name == "*" => {
                return format!("lock_timeout was reset on line {}", line(one.statement));
            }
            Some(Command::Discard) => return format!("lock_timeout was reset on line {}", line(one.statement)),
            Some(Command::Set { name, is_local: true, .. }) if name == "lock_timeout" => {
                return match one.transaction {
                    None => format!(
                        "set local on line {} stands outside of a transaction and does nothing",
                        line(one.statement)
                    ),
                    Some(_) => format!("set local on line {} ended with its transaction", line(one.statement)),
                };
            }
            Some(Command::Set { name, .. }) if name == "lock_timeout" => {
                return format!("set on line {} was undone with its transaction", line(one.statement));
            }
            _ => {}
        }
    }
    "lock_timeout is not set".to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, fixture, says};
    use super::*;
    use crate::migrations::replay::replay;

    const OLD: &str = "-- file: 1.sql released\ncreate table orders (id bigint primary key, n int);\n-- file: 2.sql\n";

    fn of(sql: &str) -> Vec<String> {
        says(&RULE, &format!("{OLD}{sql}"))
    }

    #[test]
    fn a_wait_without_end_is_found_once() {
        assert_eq!(
            of("alter table orders add column a int; alter table orders add column b int;"),
            ["low AccessExclusiveLock on orders is waited for without a limit, and all who come after wait too: \
              lock_timeout is not set"]
        );
        let found =
            findings(&RULE, &format!("{OLD}alter table orders add column a int; alter table orders add column b int;"));
        assert_eq!(found[0].measured("statements"), Some(2.0));
    }

    #[test]
    fn a_limit_that_is_none_is_named() {
        for (sql, why) in [
            (
                "set local lock_timeout = '5s';\nalter table orders add column a int;",
                "set local on line 4 stands outside of a transaction and does nothing",
            ),
            ("set lock_timeout = 0;\nalter table orders add column a int;", "lock_timeout is 0, which is no limit"),
            (
                "set lock_timeout = '5min';\nalter table orders add column a int;",
                "lock_timeout is 5 min, and so long they wait",
            ),
            (
                "set lock_timeout = '5s';\nreset lock_timeout;\nalter table orders add column a int;",
                "lock_timeout was reset on line 5",
            ),
            (
                "begin;\nset local lock_timeout = '5s';\ncommit;\nalter table orders add column a int;",
                "set local on line 5 ended with its transaction",
            ),
            (
                "begin;\nset lock_timeout = '5s';\nrollback;\nalter table orders add column a int;",
                "set on line 5 was undone with its transaction",
            ),
        ] {
            let found = of(sql);
            assert!(found.len() == 1 && found[0].ends_with(why), "{sql}: {found:?}");
        }
    }

    #[test]
    fn a_limit_or_no_wait_is_silent() {
        for sql in [
            "set lock_timeout = '5s'; alter table orders add column a int;",
            "set statement_timeout = '10s'; alter table orders add column a int;",
            "begin; set local lock_timeout = '5s'; alter table orders add column a int; commit;",
            "begin; lock table orders in access exclusive mode nowait; alter table orders add column a int; commit;",
            "create table fresh (n int); alter table fresh add column a int;",
            "create index concurrently on orders (n);",
            "update orders set n = 1 where id = 5;",
            "select set_config('lock_timeout', '5s', false); alter table orders add column a int;",
        ] {
            assert_eq!(of(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn the_runner_may_set_it() {
        let run = |sql: &str| {
            let mut fixture = fixture(&format!("{OLD}{sql}"));
            fixture.project.options.runner_sets_lock_timeout = true;
            replay(&fixture.project, &[&RULE]).findings.len()
        };
        assert_eq!(run("alter table orders add column a int;"), 0);
        assert_eq!(run("set lock_timeout = 0; alter table orders add column a int;"), 1);
    }
}
