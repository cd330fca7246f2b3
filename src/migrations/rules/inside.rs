//! Statements in the body of a `do`: a rule sees each as it sees one that stands by itself.

use super::prelude::*;
use crate::migrations::catalog::Birth;
use crate::migrations::command::{Inner, Transaction};
use crate::migrations::effects::{Before, effects};
use crate::migrations::session::{Began, Held, OpenTransaction, Session};

/// Shows a statement, or each of those in the body of a `do`, as it would be if it stood by itself. What they do is worked out
/// once, however many look.
pub(in crate::migrations) fn each(m: &Moment<'_>, mut show: impl FnMut(&Moment<'_>)) {
    let Command::Do { body, .. } = m.command else { return show(m) };
    let mut catalog = m.catalog.clone();
    let mut session = m.session.clone();
    // all of it is one transaction, whoever began it
    if session.transaction.is_none() {
        let first_step = session.step;
        session.transaction =
            Some(OpenTransaction { id: u32::MAX, began: Began::Implicit, first_step, marks: Vec::new() });
    }
    let transaction = session.transaction.as_ref().map(|open| open.id);
    let birth = Birth { script: session.script, statement: m.step.statement, transaction };
    for inner in &body.statements {
        let before = Before { catalog: &catalog, session: &session, major: m.major() };
        let effects = within(effects(&inner.command, before), inner);
        let own = Moment {
            command: &inner.command,
            effects: &effects,
            catalog: &catalog,
            session: &session,
            inner: Some(inner),
            ..*m
        };
        show(&own);
        advance(&mut session, inner, &effects);
        catalog.apply(&inner.command, birth, &session.settings, m.major());
    }
}

/// Within procedural code what comes before may have made what is missing, and a branch may not run: no failure is
/// claimed but what rows or the version make sure of.
fn within(mut effects: Effects, inner: &Inner) -> Effects {
    let is_sure = |failure: &Failure| {
        failure.only_with_rows || !inner.in_branch && (failure.needs_major.is_some() || failure.because_of_transaction)
    };
    effects.failures.retain(is_sure);
    effects
}

/// The locks that it leaves.
fn advance(session: &mut Session, inner: &Inner, effects: &Effects) {
    if matches!(inner.command, Command::Transaction(Transaction::Commit { .. } | Transaction::Rollback { .. })) {
        session.held.clear();
    }
    for lock in &effects.locks {
        match session.held.iter_mut().find(|held| held.relation == lock.relation) {
            Some(held) if held.mode >= lock.mode => {}
            Some(held) => held.mode = lock.mode.clone(),
            None => session.held.push(Held {
                relation: lock.relation.clone(),
                mode: lock.mode.clone(),
                // no step of the replay: the body as a whole is one
                step: usize::MAX,
                is_index: lock.is_index,
                is_new: lock.is_new,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{fixture, found, says};
    use super::super::{
        column_added_with_rewrite, index_without_concurrently, long_work_after_exclusive_lock, not_null_scan,
        unbatched_backfill, validation_under_exclusive_lock,
    };

    const OLD: &str = "-- file: 1.sql released\ncreate table orders (id bigint primary key, n int);\n-- file: 2.sql\n";

    #[test]
    fn the_line_is_that_of_the_statement_within() {
        let text = format!(
            "{OLD}do $body$\nbegin\n  create table fresh (n int);\n  alter table fresh add column t uuid default gen_random_uuid();\n\
             \x20 if true then\n    alter table orders add column t uuid default gen_random_uuid();\n  end if;\nend $body$;"
        );
        let rule = &column_added_with_rewrite::RULE;
        assert_eq!(found(&fixture(&text).project, &[rule]), ["column-added-with-rewrite:9"]);
    }

    #[test]
    fn its_text_is_not_taken_for_the_statement_s() {
        let text =
            format!("{OLD}do $$ begin create index i on orders (n); update orders set n = 0 where n is null; end $$;");
        for rule in [&index_without_concurrently::RULE, &unbatched_backfill::RULE] {
            let findings = super::super::laboratory::findings(rule, &text);
            assert_eq!(findings.len(), 1);
            assert_eq!(findings[0].hint.as_ref().unwrap().sql, None);
        }
    }

    #[test]
    fn its_statements_hold_their_locks_for_each_other() {
        let text = format!(
            "{OLD}do $$ begin\nalter table orders add constraint c check (n > 0) not valid;\n\
             alter table orders validate constraint c;\nupdate orders set n = 1;\nalter table orders alter n set not null;\nend $$;"
        );
        assert_eq!(says(&validation_under_exclusive_lock::RULE, &text).len(), 1);
        assert_eq!(
            says(&long_work_after_exclusive_lock::RULE, &text),
            ["high AccessExclusiveLock on orders (an earlier line) is held while line 7 updates every row of \
                 orders: reads and writes wait"]
        );
        assert_eq!(says(&not_null_scan::RULE, &text).len(), 1);
    }
}
