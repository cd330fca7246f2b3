//! Statement in a transaction that the server refuses there
//!
//! ## Why it matters
//! `create index concurrently` and its kin commit on their own way, so the server refuses them in a transaction: the
//! migration fails, and what it did before is undone or, worse, stays half done.
//!
//! ## How it is decided
//! By the statement (the CONCURRENTLY forms, `vacuum`, `alter system`, `create` and `drop database`, `cluster` without
//! a table, `reindex` of a schema or a partitioned table …) and by the transaction it runs in: one the script began,
//! one the runner puts around the script, or the one that several statements sent as one query are, without any
//! `begin`. The message says which it is and how the runner's part is known. *high*: it fails every time.
//!
//! ## What to do
//! Put the statement into a migration of its own that the runner sends without a transaction; the hint names the
//! runner's marker for that. Where the runner sends a file as one query, the statement must be the only one in it.
//!
//! ## Limits
//! What the runner does is read off its conventions and the files, not off its configuration: a runner that was told
//! otherwise is to be told here too. A trace sends the script the same way and so fails the same way.

use super::around;
use super::prelude::*;
use crate::migrations::session::Began;

/// A statement that must be on its own, in company.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "concurrently-in-transaction",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("concurrently_in_transaction.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let Some(open) = m.session.transaction.as_ref().filter(|_| m.effects.no_transaction) else { return Vec::new() };
    let Some(place) = around::transaction(m) else { return Vec::new() };
    let what = around::what(m);
    let finding =
        m.finding(&RULE.meta, Place::Statement, m.itself(), format!("{what} in {place}: the server refuses it"));
    let finding = finding.text("transaction", began(open.began)).text("sqlstate", "25001");
    let text = format!("send it alone and outside of a transaction: {}", way_out(m, open.began));
    // what would be reported in its own right even when it is alone is not repeated as advice
    let is_gentle = match m.command {
        Command::Vacuum { is_full, .. } => !is_full,
        Command::CreateIndex(_) | Command::Drop(_) | Command::AlterTable { .. } => true,
        Command::Reindex { concurrently, .. } => *concurrently,
        _ => false,
    };
    vec![if is_gentle && m.inner.is_none() {
        finding.fix(text, format!("{};", m.text()), None)
    } else {
        finding.advice(text)
    }]
}

fn began(by: Began) -> &'static str {
    match by {
        Began::Script => "script",
        Began::Runner => "runner",
        Began::Implicit => "implicit",
    }
}

/// How the runner is told.
fn way_out(m: &Moment<'_>, by: Began) -> &'static str {
    let runner = m.script.wrap_because.split(':').next().unwrap_or_default();
    let marker = MARKERS.iter().find(|(name, _)| *name == runner).map(|(_, marker)| *marker);
    match by {
        // these print the begin that the script has
        Began::Script if !matches!(runner, "alembic" | "django") => "after the commit, or in a migration of its own",
        _ => marker.unwrap_or("in a migration of its own that the runner does not wrap"),
    }
}

/// What takes a migration out of the transaction, by runner.
const MARKERS: &[(&str, &str)] = &[
    ("flyway", "in a migration of its own, with executeInTransaction=false in a file of the same name and .conf"),
    ("sqlx", "in a migration of its own whose first line is -- no-transaction"),
    ("refinery", "apart from refinery, which runs each migration in a transaction"),
    ("diesel", "in a migration of its own with run_in_transaction = false in its metadata.toml"),
    ("goose", "in a file of its own with the line -- +goose NO TRANSACTION"),
    ("dbmate", "in a migration of its own that begins with -- migrate:up transaction:false"),
    ("golang-migrate", "as the only statement of a migration"),
    ("prisma", "as the only statement of a migration"),
    ("drizzle", "apart from drizzle's migrations, which all run in one transaction"),
    ("rails", "in a migration of its own with disable_ddl_transaction!"),
    ("supabase", "as the only statement of a migration"),
    ("alembic", "within op.get_context().autocommit_block()"),
    ("django", "in a migration of its own with atomic = False"),
    ("liquibase", "in a changeset of its own with runInTransaction:false"),
    ("sqitch", "in a change of its own without begin and commit"),
    ("node-pg-migrate", "in a migration of its own that calls pgm.noTransaction()"),
];

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, fixture, says};
    use super::*;

    #[test]
    fn each_kind_of_transaction_is_named() {
        let index = "create index concurrently i on t (a);";
        assert_eq!(
            says(&RULE, &format!("create table t (a int);\nbegin;\n{index}\ncommit;")),
            ["high create index concurrently in the transaction that line 2 began: the server refuses it"]
        );
        assert_eq!(
            says(&RULE, &format!("-- file: a.sql transaction\n{index}")),
            [
                "high create index concurrently in the transaction of the runner (as the fixture says): the server refuses \
                 it"
            ]
        );
        let query = says(&RULE, &format!("-- file: a.sql query\nselect 1;\n{index}"));
        assert!(query[0].contains("one query with other statements"), "{query:?}");
        assert!(says(&RULE, &format!("-- file: a.sql query\n{index}")).is_empty());
        assert!(says(&RULE, &format!("begin;\ncommit;\n{index}\nbegin;\nrollback;\n{index}")).is_empty());
    }

    #[test]
    fn the_marker_of_the_runner_is_told() {
        let mut made = fixture("-- file: a.sql transaction\nvacuum t;");
        made.project.scripts[0].wrap_because = "goose: no marker".to_owned();
        let finding = crate::migrations::replay::replay(&made.project, &[&RULE]).findings.remove(0);
        assert!(finding.message.starts_with("vacuum in the transaction of the runner (goose"), "{}", finding.message);
        assert!(finding.hint.unwrap().text.contains("-- +goose NO TRANSACTION"));
        assert_eq!(findings(&RULE, "begin; alter system set work_mem = '1MB'; commit;").len(), 1);
    }
}
