//! The trace: the migrations run on a scratch server, statement by statement as their runner would send them, and what the
//! server really did stands beside what the review says.
//!
//! * [`observe`] asks the server after each statement: the locks of the session, the relations that were written anew, and
//!   what `client_min_messages = debug1` says of scans, index builds and validations.
//! * [`alone`] watches what cannot run in a transaction from a second session, which stands in its way for a moment.
//! * [`rows`] puts a row into each table that was there before a script, so that what depends on rows shows.
//! * [`compare`] says where review and server disagree.
//!
//! Where both halves of a migration are there it runs up, down and up again; the schema must come back ([`schema`]).
//!
//! Each statement of a transaction has a savepoint of its own, so that one that fails does not hide the ones after it, and
//! several statements that a runner sends as one query are sent one by one in a transaction: the locks are the same.

mod alone;
mod compare;
mod observe;
mod rows;
mod schema;

use super::command::{Command, Transaction};
use super::effects::Failure;
use super::project::Project;
use super::replay::{Replayed, Step};
use super::script::{Direction, Parsed, Script, Statement};
use super::session::Began;
use crate::pg::{ConnectError, Refused, Target, Workbench};
use crate::report::review::{self, Verification};
use observe::Observed;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a trace saw.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// By script and statement of it, of the scripts that are reviewed: what the server did, and whether the review agrees.
    pub statements: HashMap<(usize, usize), Traced>,
    /// Ways back that do not lead back: the script of the way forward, that of the way back, and what differs.
    pub irreversible: Vec<Irreversible>,
    /// Tables for which no row could be made.
    pub without_rows: BTreeSet<String>,
    /// What the reader should know: what could not be run, what failed because of a row.
    pub remarks: Vec<String>,
}

/// A statement that was traced.
#[derive(Debug, Clone, PartialEq)]
pub struct Traced {
    /// What the server did.
    pub effects: review::Effects,
    /// Whether the review agrees.
    pub verification: Verification,
    /// Where it does not.
    pub differences: Vec<String>,
}

/// A way back that does not lead back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Irreversible {
    /// The script of the way back.
    pub script: usize,
    /// What is not as it was: `column public.orders.total is gone`.
    pub differences: Vec<String>,
    /// Whether it is the second way forward that does not lead to the same, and not the way back.
    pub is_second_up: bool,
}

/// Two sessions on one scratch database.
#[derive(Debug)]
pub struct Bench {
    /// The session that runs the migrations.
    main: Workbench,
    /// The session that watches it.
    watcher: Workbench,
    /// The process id of the first, as text.
    pid: String,
}

impl Bench {
    /// Opens both.
    ///
    /// # Errors
    /// As [`Workbench::open`].
    pub async fn open(target: Target) -> Result<Self, ConnectError> {
        let main = Workbench::open(target.clone()).await?;
        let watcher = Workbench::open(target).await?;
        let pid = main.run("select pg_catalog.pg_backend_pid()").await.ok();
        let pid = pid.and_then(|rows| rows.into_iter().flatten().flatten().next()).unwrap_or_default();
        Ok(Self { main, watcher, pid })
    }

    /// The server's version, as it says it.
    pub async fn version(&self) -> Option<String> {
        let rows = self.main.run("show server_version").await.ok()?;
        rows.into_iter().flatten().flatten().next()
    }

    /// The tables of users that are there: a scratch database has none.
    ///
    /// # Errors
    /// The server refused.
    pub async fn tables(&self) -> Result<Vec<String>, Refused> {
        let rows = self.main.run(observe::TABLES).await?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    /// Removes everything that users made.
    ///
    /// # Errors
    /// The server refused.
    pub async fn reset(&self) -> Result<(), Refused> {
        self.main.run(schema::RESET).await.map(drop)
    }

    /// Runs what is there before the first migration, such as a dump of a schema; what fails is said.
    pub async fn prepare<'t>(&self, statements: impl Iterator<Item = &'t str>) -> Vec<String> {
        let mut failed = Vec::new();
        for text in statements {
            if let Err(refused) = self.main.run(text).await {
                let words: String = text.split_whitespace().take(6).collect::<Vec<_>>().join(" ");
                failed.push(format!("{words} …: {}", refused.message));
            }
        }
        // a dump sets these for itself alone
        drop(self.main.run("reset all").await);
        failed
    }

    /// Ends both sessions.
    pub async fn close(self) {
        self.main.close().await;
        self.watcher.close().await;
    }
}

/// Runs every script of a project and says what the server did.
pub async fn trace(replayed: &Replayed<'_>, bench: &mut Bench) -> Trace {
    let project = replayed.project;
    let mut steps: BTreeMap<(usize, usize), &Step> = BTreeMap::new();
    for step in &replayed.steps {
        steps.insert((step.script, step.statement), step);
    }
    let mut run = Run { project, steps, bench, trace: Trace::default() };
    let mut index = 0;
    while let Some(script) = project.scripts.get(index) {
        let back = project.scripts.get(index + 1);
        let back = back.filter(|next| next.direction == Direction::Down && next.pair == script.pair);
        match (script.direction, back) {
            (Direction::Up, Some(back)) if !back.statements.is_empty() => {
                run.there_and_back(index, script, back).await;
                index += 2;
            }
            (Direction::Up, _) => {
                run.script(index, script, true).await;
                index += 1;
            }
            // without its way forward there is nothing to go back from
            (Direction::Down, _) => index += 1,
        }
    }
    run.trace
}

struct Run<'a, 'b> {
    project: &'a Project,
    steps: BTreeMap<(usize, usize), &'a Step>,
    bench: &'b mut Bench,
    trace: Trace,
}

impl<'a> Run<'a, '_> {
    /// Up, down, up: the schema before must be the one after the way back, and the second way forward must lead where
    /// the first did.
    async fn there_and_back(&mut self, index: usize, script: &'a Script, back: &'a Script) {
        let before = schema::read(&self.bench.main).await;
        let is_whole = self.script(index, script, true).await;
        let after = schema::read(&self.bench.main).await;
        let is_back = self.script(index + 1, back, true).await;
        let returned = schema::read(&self.bench.main).await;
        let is_again = self.script(index, script, false).await;
        let again = schema::read(&self.bench.main).await;
        let (Ok(before), Ok(after), Ok(returned), Ok(again)) = (before, after, returned, again) else {
            self.trace.remarks.push(format!("{}: the schema could not be read", self.path(script)));
            return;
        };
        if !self.project.is_reviewed(back) || !is_whole {
            return;
        }
        let differences = schema::differences(&before, &returned);
        if !differences.is_empty() || !is_back {
            self.trace.irreversible.push(Irreversible { script: index + 1, differences, is_second_up: false });
            return;
        }
        let differences = schema::differences(&after, &again);
        if !differences.is_empty() || !is_again {
            self.trace.irreversible.push(Irreversible { script: index + 1, differences, is_second_up: true });
        }
    }

    fn path(&self, script: &Script) -> &'a str {
        self.project.files.get(script.file).map_or("", |file| &file.path)
    }

    fn place(&self, script: &Script, statement: &Statement) -> String {
        let file = self.project.files.get(script.file);
        let line = file.map_or(0, |file| file.line_column(statement.span.start).0);
        format!("{}:{line}", self.path(script))
    }

    /// Runs a script; whether every statement of it ran.
    async fn script(&mut self, index: usize, script: &'a Script, records: bool) -> bool {
        let records = records && self.project.is_reviewed(script);
        let without = rows::fill(&self.bench.main).await;
        self.trace.without_rows.extend(without);
        let old = observe::relations(&self.bench.main).await.unwrap_or_default();
        let mut is_whole = true;
        let mut open: Option<u32> = None;
        for (number, statement) in script.statements.iter().enumerate() {
            let step = self.steps.get(&(index, number)).copied();
            let (Some(command), Some(step)) = (statement.command(), step) else {
                if records {
                    let place = self.place(script, statement);
                    self.trace.remarks.push(format!("{place}: not run, since it could not be read"));
                }
                is_whole &= matches!(statement.parsed, Parsed::Placeholder { .. });
                continue;
            };
            // the runner's begin, or that of a query of several statements; a script's own begin turns it into a block
            let current = step.transaction.map(|transaction| transaction.id);
            if current != open {
                if open.take().is_some() {
                    drop(self.bench.main.run("commit").await);
                }
                if step.transaction.is_some_and(|transaction| transaction.began != Began::Script) {
                    open = current;
                    drop(self.bench.main.run("begin").await);
                }
            }
            let text = self.text(script, statement);
            if let Command::Transaction(transaction) = command {
                is_whole &= self.transact(transaction, text, &mut open).await;
                continue;
            }
            if let Command::Copy { is_stdin: true, .. } = command {
                if records {
                    let place = self.place(script, statement);
                    self.trace.remarks.push(format!("{place}: rows that a copy reads from its client were left out"));
                }
                continue;
            }
            let observed = self.statement(text, command, step, &old).await;
            is_whole &= observed.error.is_none();
            if records {
                self.record(index, number, script, statement, step, &observed);
            }
        }
        if open.is_some() {
            drop(self.bench.main.run("commit").await);
        }
        // what a script leaves open or sets must not reach into the next
        drop(self.bench.main.run("rollback").await);
        drop(self.bench.main.run("reset all").await);
        self.bench.main.heard();
        is_whole
    }

    fn text(&self, script: &'a Script, statement: &Statement) -> &'a str {
        self.project.files.get(script.file).map_or("", |file| script.text_of(statement, file))
    }

    async fn transact(&mut self, transaction: &Transaction, text: &str, open: &mut Option<u32>) -> bool {
        let ends =
            matches!(transaction, Transaction::Commit { .. } | Transaction::Rollback { .. } | Transaction::Prepare);
        if ends {
            *open = None;
        }
        // a begin within the runner's transaction only warns; the server says so itself
        self.bench.main.run(text).await.is_ok()
    }

    /// Runs one statement as it would run, and observes it.
    async fn statement(&mut self, text: &str, command: &Command, step: &Step, old: &observe::Relations) -> Observed {
        let in_transaction = step.transaction.is_some();
        let needs_none = step.effects.no_transaction;
        if !in_transaction && needs_none {
            return alone::run(self.bench, text, command, step, old).await;
        }
        let within = [("begin", "commit", "rollback"), ("savepoint pgassay", "release pgassay", "rollback to pgassay")];
        let (begin, end, undo) = within[usize::from(in_transaction)];
        if self.bench.main.run(begin).await.is_err() {
            return Observed::failed(Refused {
                sqlstate: "25P02".to_owned(),
                message: "the transaction was aborted before".to_owned(),
                position: None,
            });
        }
        let observed = observe::run(&mut self.bench.main, text, old).await;
        let Some(error) = observed.error.clone() else {
            drop(self.bench.main.run(end).await);
            return observed;
        };
        drop(self.bench.main.run(undo).await);
        if in_transaction {
            drop(self.bench.main.run("release pgassay").await);
        }
        // it may fail because of the row that was put there: then what it does without rows is worth knowing
        if rows::is_about_rows(&error.sqlstate) {
            drop(self.bench.main.run(begin).await);
            rows::empty(&self.bench.main, &step.effects).await;
            let mut again = observe::run(&mut self.bench.main, text, old).await;
            if again.error.is_none() {
                drop(self.bench.main.run(end).await);
                again.with_rows = Some(error);
                return again;
            }
            drop(self.bench.main.run(undo).await);
            if in_transaction {
                drop(self.bench.main.run("release pgassay").await);
            }
        }
        observed
    }

    fn record(
        &mut self,
        index: usize,
        number: usize,
        script: &Script,
        statement: &Statement,
        step: &Step,
        observed: &Observed,
    ) {
        let place = self.place(script, statement);
        if let Some(error) = &observed.with_rows
            && !step.effects.failures.iter().any(|failure: &Failure| failure.only_with_rows)
        {
            let text = format!("{place}: failed with a row in each table, and not without: {}", error.message);
            self.trace.remarks.push(text);
        }
        let traced = compare::compare(&step.effects, observed);
        for difference in &traced.differences {
            self.trace.remarks.push(format!("{place}: {difference}"));
        }
        self.trace.statements.insert((index, number), traced);
    }
}

impl Trace {
    /// In the report's words. `place` says where a statement of a script stands.
    pub fn summary(&self, server: String, place: impl Fn(usize, usize) -> String) -> review::Trace {
        let of = |verification: &Verification| {
            self.statements.values().filter(|one| &one.verification == verification).count() as u64
        };
        let mut refuted: Vec<(&(usize, usize), &Traced)> =
            self.statements.iter().filter(|(_, one)| one.verification == Verification::Refuted).collect();
        refuted.sort_by_key(|(at, _)| **at);
        let known: BTreeSet<String> = refuted
            .iter()
            .flat_map(|(at, one)| one.differences.iter().map(|text| format!("{}: {text}", place(at.0, at.1))))
            .collect();
        review::Trace {
            server,
            traced: self.statements.len() as u64,
            confirmed: of(&Verification::Confirmed),
            refuted: known.iter().cloned().collect(),
            without_rows: self.without_rows.iter().cloned().collect(),
            remarks: self.remarks.iter().filter(|remark| !known.contains(*remark)).cloned().collect(),
        }
    }
}
