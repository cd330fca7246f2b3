//! The replay: every script in the order its runner sends it, statement by statement. Before each the rules see what it
//! does to the schema and the session as they are; after it, both move on.

use super::catalog::{Birth, Catalog, QName};
use super::command::{Command, Name, SetTo, Transaction};
use super::effects::{Before, Effects, Failure, effects};
use super::project::Project;
use super::rules::moment::{AtEnd, Moment};
use super::rules::{OfScript, OfStatement, Rule, Run, inside};
use super::script::{Direction, Parsed, Script, Statement, Wrap};
use super::session::{Began, Held, Mark, OpenTransaction, Session, Settings, Timeout};
use crate::finding::{Finding, Subject, SubjectKind};
use crate::outcome::{Missing, Reason, RuleResult, Unjudged, Verdict};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// The transaction a step runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InTransaction {
    /// Its number, over the whole replay.
    pub id: u32,
    /// Who began it.
    pub began: Began,
}

/// A statement that ran.
#[derive(Debug, Clone)]
pub struct Step {
    /// The script: an index into the project's.
    pub script: usize,
    /// The statement: an index into the script's.
    pub statement: usize,
    /// The transaction it runs in.
    pub transaction: Option<InTransaction>,
    /// What it does.
    pub effects: Effects,
    /// `lock_timeout` before it.
    pub lock_timeout: Timeout,
    /// `statement_timeout` before it.
    pub statement_timeout: Timeout,
}

/// A project after its replay.
#[derive(Debug)]
pub struct Replayed<'a> {
    /// What was given.
    pub project: &'a Project,
    /// Every statement, in order.
    pub steps: Vec<Step>,
    /// What the rules found, in the order of the replay; those about scripts that are not reviewed are not among them.
    pub findings: Vec<Finding>,
    /// What became of every rule.
    pub results: Vec<RuleResult>,
    /// The schema after the last script.
    pub catalog: Catalog,
}

/// Replays a project under some rules. On a thread with a large stack, please: expressions are as deep as they are written.
pub fn replay<'a>(project: &'a Project, rules: &[&'static Rule]) -> Replayed<'a> {
    let mut run = Replay::new(project, rules);
    let mut index = 0;
    while let Some(script) = project.scripts.get(index) {
        match script.direction {
            Direction::Up => run.script(index, script),
            // the way back begins where the way forward ended, and nothing stays of it
            Direction::Down => {
                let after = (run.catalog.clone(), run.lost_track);
                run.script(index, script);
                (run.catalog, run.lost_track) = after;
            }
        }
        index += 1;
    }
    run.finish()
}

/// A rule with its place among those that run.
type Numbered<F> = (usize, &'static Rule, F);

struct Replay<'a> {
    project: &'a Project,
    statement_rules: Vec<Numbered<OfStatement>>,
    /// Those that look into the body of a `do`.
    each_rules: Vec<Numbered<OfStatement>>,
    script_rules: Vec<Numbered<OfScript>>,
    folder_rules: Vec<(usize, &'static Rule)>,
    rules: Vec<&'static Rule>,
    verdicts: Vec<Verdict>,
    unjudged: Vec<Unjudged>,
    catalog: Catalog,
    session: Session,
    steps: Vec<Step>,
    examined: u64,
    scripts: u64,
    transactions: u32,
    /// Where in the session's list of held locks each relation's is.
    held: HashMap<QName, usize>,
    /// The script and the statement of it after which the schema is not known for sure: it could not be read.
    lost_track: Option<(usize, usize)>,
}

impl<'a> Replay<'a> {
    fn new(project: &'a Project, rules: &[&'static Rule]) -> Self {
        let (mut statement_rules, mut each_rules) = (Vec::new(), Vec::new());
        let (mut script_rules, mut folder_rules) = (Vec::new(), Vec::new());
        for (index, rule) in rules.iter().enumerate() {
            match rule.run {
                Run::Statement(run) => statement_rules.push((index, *rule, run)),
                Run::Each(run) => each_rules.push((index, *rule, run)),
                Run::Script(run) => script_rules.push((index, *rule, run)),
                Run::Folder(_) => folder_rules.push((index, *rule)),
            }
        }
        let unreleased: Arc<[bool]> = match project.options.since {
            true => project.scripts.iter().map(|script| project.is_reviewed(script)).collect(),
            false => Arc::from([]),
        };
        Self {
            project,
            statement_rules,
            each_rules,
            script_rules,
            folder_rules,
            rules: rules.to_vec(),
            verdicts: rules.iter().map(|_| Verdict::default()).collect(),
            unjudged: Vec::new(),
            catalog: project.seed.clone(),
            session: Session { unreleased, ..Session::default() },
            steps: Vec::new(),
            examined: 0,
            scripts: 0,
            transactions: 0,
            held: HashMap::new(),
            lost_track: None,
        }
    }

    fn script(&mut self, index: usize, script: &'a Script) {
        let is_reviewed = self.project.is_reviewed(script);
        let keeps = script.wrap == Wrap::SharedTransaction && script.direction == Direction::Up;
        if !(keeps && self.session.transaction.is_some()) {
            self.begin_session();
        }
        self.session.script = index;
        let first = self.steps.len();
        let before = self.catalog.clone();
        if script.wrap.is_transaction() && self.session.transaction.is_none() {
            self.begin(Began::Runner);
        }
        let many = script.statements.len() > 1;
        for (number, statement) in script.statements.iter().enumerate() {
            self.session.step = self.steps.len();
            if script.wrap == Wrap::OneQuery && many && self.session.transaction.is_none() {
                self.begin(Began::Implicit);
            }
            self.statement(index, number, script, statement, is_reviewed);
        }
        if is_reviewed {
            self.scripts += 1;
            self.at_end(index, script, first, &before);
        }
        if !keeps {
            self.end_transaction(true);
        }
    }

    fn statement(&mut self, index: usize, number: usize, script: &'a Script, statement: &'a Statement, report: bool) {
        let command = match &statement.parsed {
            Parsed::Command(command) => command,
            other => {
                if report {
                    self.unread(script, statement, other);
                }
                self.lost_track(index, number);
                return;
            }
        };
        let effects = self.effects(command);
        let transaction = self.session.transaction.as_ref();
        let step = Step {
            script: index,
            statement: number,
            transaction: transaction.map(|open| InTransaction { id: open.id, began: open.began }),
            effects,
            lock_timeout: self.session.settings.timeout("lock_timeout"),
            statement_timeout: self.session.settings.timeout("statement_timeout"),
        };
        if report {
            self.examined += 1;
            self.judge(script, statement, command, &step);
        }
        let birth = Birth { script: index, statement: number, transaction: step.transaction.map(|one| one.id) };
        let may_be_more = !step.effects.unread.is_empty() && runs_code(command);
        self.advance(command, &step, birth);
        self.steps.push(step);
        if may_be_more {
            self.lost_track(index, number);
        }
    }

    /// What the statement does. What would fail by what is not there may be there after all, where something before it
    /// could not be read.
    fn effects(&mut self, command: &Command) -> Effects {
        let major = self.project.options.major;
        let found = effects(command, Before { catalog: &self.catalog, session: &self.session, major });
        let is_of_schema = |failure: &Failure| {
            !failure.only_with_rows && !failure.because_of_transaction && failure.needs_major.is_none()
        };
        match self.lost_track {
            Some(at) if found.failures.iter().any(is_of_schema) => {
                self.catalog.doubt_older(command, at);
                effects(command, Before { catalog: &self.catalog, session: &self.session, major })
            }
            _ => found,
        }
    }

    fn lost_track(&mut self, script: usize, statement: usize) {
        self.lost_track = Some((script, statement));
        self.catalog.lost_track();
    }

    fn judge(&mut self, script: &'a Script, statement: &'a Statement, command: &'a Command, step: &Step) {
        let moment = Moment {
            project: self.project,
            script,
            statement,
            command,
            effects: &step.effects,
            step,
            earlier: &self.steps,
            catalog: &self.catalog,
            session: &self.session,
            inner: None,
        };
        let is_down = script.direction == Direction::Down;
        for (rule, definition, run) in &self.statement_rules {
            if is_down && !definition.both_ways {
                continue;
            }
            let found = run(&moment);
            if let (false, Some(verdict)) = (found.is_empty(), self.verdicts.get_mut(*rule)) {
                verdict.findings.extend(found);
            }
        }
        let (rules, verdicts) = (&self.each_rules, &mut self.verdicts);
        let mut said: HashSet<(usize, String)> = HashSet::new();
        inside::each(&moment, |own| {
            for (rule, definition, run) in rules {
                if is_down && !definition.both_ways {
                    continue;
                }
                for finding in run(own) {
                    // both arms of a branch, or a loop that was written out, are told once
                    let is_known = own.inner.is_some() && !said.insert((*rule, finding.message.clone()));
                    if let (false, Some(verdict)) = (is_known, verdicts.get_mut(*rule)) {
                        verdict.findings.push(finding);
                    }
                }
            }
        });
        if !step.effects.unread.is_empty() {
            // one reason for all, so that a report tells it once; what it is stands with the place
            let mut subject = self.place(script, statement);
            let what = step.effects.unread.iter().take(3).map(String::as_str).collect::<Vec<_>>().join("; ");
            subject.name = subject.name.map(|place| format!("{place}: {what}"));
            let missing = Missing::new("statement", Reason::Input, "what it runs could not be read");
            self.unjudged.push(Unjudged { subject, reason: missing });
        }
    }

    fn unread(&mut self, script: &Script, statement: &Statement, parsed: &Parsed) {
        let because = match parsed {
            Parsed::SyntaxError { .. } => "it does not parse",
            Parsed::TooDeep => "it nests deeper than the parser goes",
            Parsed::Placeholder { .. } => "it has a placeholder that nobody filled",
            Parsed::Command(_) => return,
        };
        let subject = self.place(script, statement);
        self.unjudged.push(Unjudged { subject, reason: Missing::new("statement", Reason::Input, because) });
    }

    /// A statement by its file and line.
    fn place(&self, script: &Script, statement: &Statement) -> Subject {
        let file = self.project.files.get(script.file);
        let name = file.map(|file| format!("{}:{}", file.path, file.line_column(statement.span.start).0));
        Subject { name, ..Subject::new(SubjectKind::Statement) }
    }

    fn at_end(&mut self, index: usize, script: &'a Script, first: usize, before: &Catalog) {
        let end = AtEnd {
            project: self.project,
            script,
            index,
            steps: self.steps.get(first..).unwrap_or_default(),
            before,
            after: &self.catalog,
            session: &self.session,
        };
        let is_down = script.direction == Direction::Down;
        for (rule, definition, run) in &self.script_rules {
            if is_down && !definition.both_ways {
                continue;
            }
            let found = run(&end);
            if let (false, Some(verdict)) = (found.is_empty(), self.verdicts.get_mut(*rule)) {
                verdict.findings.extend(found);
            }
        }
    }

    // --- what a statement leaves ---------------------------------------------------------------------------------------

    fn advance(&mut self, command: &Command, step: &Step, birth: Birth) {
        match command {
            Command::Transaction(transaction) => self.transact(transaction),
            Command::Set { name, to, is_local } => self.set(name, to, *is_local),
            Command::Discard => self.session.settings = Settings::default(),
            Command::Dml(dml) => {
                self.set_config(dml);
                self.apply(command, birth);
            }
            // what surely fails leaves nothing
            _ if step.effects.failures.iter().any(|failure| !failure.only_with_rows) => {}
            _ => self.apply(command, birth),
        }
        self.hold(step);
    }

    fn apply(&mut self, command: &Command, birth: Birth) {
        self.catalog.apply(command, birth, &self.session.settings, self.project.options.major);
        // a table that a server has too is as large as it is there
        if let (false, Some(name)) = (self.project.sizes.is_empty(), made(command)) {
            let name = self.catalog.resolve(name);
            if let Some(statistics) = self.project.sizes.get(&name) {
                self.catalog.set_statistics(&name, statistics.clone());
            }
        }
    }

    fn hold(&mut self, step: &Step) {
        if self.session.transaction.is_none() {
            return;
        }
        for lock in &step.effects.locks {
            let at = self.held.get(&lock.relation);
            match at.and_then(|at| self.session.held.get_mut(*at)) {
                Some(held) if held.mode >= lock.mode => {}
                Some(held) => (held.mode, held.step) = (lock.mode.clone(), self.session.step),
                None => {
                    self.held.insert(lock.relation.clone(), self.session.held.len());
                    self.session.held.push(Held {
                        relation: lock.relation.clone(),
                        mode: lock.mode.clone(),
                        step: self.session.step,
                        is_index: lock.is_index,
                        is_new: lock.is_new,
                    });
                }
            }
        }
    }

    // --- transactions --------------------------------------------------------------------------------------------------

    fn begin_session(&mut self) {
        let unreleased = Arc::clone(&self.session.unreleased);
        self.held.clear();
        self.session = Session { unreleased, step: self.steps.len(), ..Session::default() };
        if let Some(timezone) = &self.project.options.timezone {
            self.session.settings.values.insert("timezone".to_owned(), vec![timezone.clone()]);
        }
        self.search();
    }

    fn begin(&mut self, began: Began) {
        self.transactions += 1;
        self.session.transaction = Some(OpenTransaction {
            id: self.transactions,
            began,
            first_step: self.session.step,
            marks: vec![self.mark("")],
        });
    }

    fn mark(&self, name: &str) -> Mark {
        Mark {
            name: name.to_owned(),
            catalog: self.catalog.clone(),
            settings: self.session.settings.clone(),
            held: self.session.held.len(),
        }
    }

    fn end_transaction(&mut self, commits: bool) {
        let Some(open) = self.session.transaction.take() else { return };
        self.session.held.clear();
        self.held.clear();
        if let (false, Some(start)) = (commits, open.marks.into_iter().next()) {
            self.catalog = start.catalog;
            self.session.settings = start.settings;
            self.session.outer_settings = None;
        }
        if let Some(outer) = self.session.outer_settings.take() {
            self.session.settings = outer;
        }
        self.search();
    }

    /// The catalog looks up bare names as the settings say.
    fn search(&mut self) {
        self.catalog.set_search_path(self.session.settings.values.get("search_path").map(Vec::as_slice));
    }

    fn transact(&mut self, transaction: &Transaction) {
        match transaction {
            Transaction::Begin => match &mut self.session.transaction {
                // within one query it turns the implicit transaction into a block; within a block it is a warning
                Some(open) if open.began == Began::Implicit => open.began = Began::Script,
                Some(_) => {}
                None => self.begin(Began::Script),
            },
            Transaction::Commit { chain } | Transaction::Rollback { chain } => {
                let began = self.session.transaction.as_ref().map(|open| open.began);
                self.end_transaction(matches!(transaction, Transaction::Commit { .. }));
                if let (true, Some(began)) = (*chain, began) {
                    self.begin(began);
                }
            }
            Transaction::Prepare => self.end_transaction(true),
            Transaction::Savepoint(name) => {
                let mark = self.mark(name);
                if let Some(open) = &mut self.session.transaction {
                    open.marks.push(mark);
                }
            }
            Transaction::Release(name) => {
                if let Some(open) = &mut self.session.transaction
                    && let Some(at) = open.marks.iter().rposition(|mark| &mark.name == name)
                {
                    open.marks.truncate(at.max(1));
                }
            }
            Transaction::RollbackTo(name) => {
                if let Some(open) = &mut self.session.transaction
                    && let Some(at) = open.marks.iter().rposition(|mark| &mark.name == name)
                {
                    open.marks.truncate(at + 1);
                    if let Some(mark) = open.marks.last() {
                        self.catalog = mark.catalog.clone();
                        self.session.settings = mark.settings.clone();
                        // locks taken since are given back
                        self.session.held.truncate(mark.held);
                        self.held.retain(|_, at| *at < mark.held);
                    }
                }
            }
            Transaction::Prepared => {}
        }
    }

    // --- settings ------------------------------------------------------------------------------------------------------

    fn set(&mut self, name: &str, to: &SetTo, is_local: bool) {
        if is_local {
            // outside of a transaction it does nothing but warn
            if self.session.transaction.is_none() {
                return;
            }
            if self.session.outer_settings.is_none() {
                self.session.outer_settings = Some(self.session.settings.clone());
            }
        }
        let change = |settings: &mut Settings| match (name, to) {
            ("*", _) => settings.values.clear(),
            (name, SetTo::Value(values)) => {
                settings.values.insert(name.to_owned(), values.clone());
            }
            (name, SetTo::Default) => {
                settings.values.remove(name);
            }
            (_, SetTo::Current) => {}
        };
        change(&mut self.session.settings);
        if let (false, Some(outer)) = (is_local, &mut self.session.outer_settings) {
            change(outer);
        }
        if matches!(name, "search_path" | "*") {
            self.search();
        }
    }

    /// `select set_config('lock_timeout', '5s', true)`: a dump and some runners set so.
    fn set_config(&mut self, dml: &super::command::Dml) {
        let sets = dml.reads.functions.iter().any(|name| name.name == "set_config");
        if let (true, [name, value, ..]) = (sets, dml.literals.as_slice()) {
            let (name, value) = (name.to_ascii_lowercase(), SetTo::Value(vec![value.clone()]));
            // whether it is local is a boolean and not among the literals: within a transaction it may be, and ends with it
            let is_local = self.session.transaction.is_some();
            self.set(&name, &value, is_local);
        }
    }

    // --- the end -------------------------------------------------------------------------------------------------------

    fn finish(mut self) -> Replayed<'a> {
        let mut replayed = Replayed {
            project: self.project,
            steps: std::mem::take(&mut self.steps),
            findings: Vec::new(),
            results: Vec::new(),
            catalog: self.catalog,
        };
        let mut skipped: BTreeMap<usize, Missing> = BTreeMap::new();
        for (index, rule) in &self.folder_rules {
            if let Run::Folder(run) = rule.run {
                match run(&replayed) {
                    Ok(verdict) => {
                        if let Some(own) = self.verdicts.get_mut(*index) {
                            *own = verdict;
                        }
                    }
                    Err(missing) => {
                        skipped.insert(*index, missing);
                    }
                }
            }
        }
        let mut keys: HashMap<String, u32> = HashMap::new();
        for (index, (rule, mut verdict)) in self.rules.iter().zip(self.verdicts).enumerate() {
            match rule.run {
                Run::Statement(_) | Run::Each(_) => {
                    verdict.examined = self.examined;
                    verdict.unjudged.extend(self.unjudged.iter().cloned());
                }
                Run::Script(_) => verdict.examined = self.scripts,
                Run::Folder(_) => {}
            }
            // one statement, one rule, several subjects: numbered in order
            for finding in &mut verdict.findings {
                let times = keys.entry(finding.key.clone()).or_default();
                *times += 1;
                if *times > 1 {
                    finding.key = format!("{}:{times}", finding.key);
                }
            }
            let verdict = match skipped.remove(&index) {
                Some(missing) => Err(missing),
                None => Ok(verdict),
            };
            replayed.results.push(RuleResult::new(rule.meta.id, None, &verdict));
            replayed.findings.extend(verdict.map(|verdict| verdict.findings).unwrap_or_default());
        }
        replayed
    }
}

/// The table that a command makes.
fn made(command: &Command) -> Option<&Name> {
    match command {
        Command::CreateTable(create) => Some(&create.name),
        Command::CreateTableAs { name, .. } => Some(name),
        _ => None,
    }
}

/// Whether a statement runs code, or what nobody here knows: then it may do anything.
fn runs_code(command: &Command) -> bool {
    matches!(
        command,
        Command::Do { .. } | Command::Call(_) | Command::Dml(_) | Command::Explain { .. } | Command::Other(_)
    )
}

impl Settings {
    /// A timeout in effect.
    pub fn timeout(&self, name: &str) -> Timeout {
        let Some(values) = self.values.get(name) else { return Timeout::Unset };
        let Some(value) = values.first() else { return Timeout::Unknown };
        match milliseconds(value) {
            Some(0) => Timeout::Off,
            Some(milliseconds) => Timeout::Milliseconds(milliseconds),
            None => Timeout::Unknown,
        }
    }
}

/// A time as PostgreSQL's settings have it: a number of milliseconds, or with a unit.
fn milliseconds(value: &str) -> Option<u64> {
    let value = value.trim();
    let digits = value.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(value.len());
    let (number, unit) = value.split_at_checked(digits)?;
    let number: f64 = number.parse().ok()?;
    let factor = match unit.trim() {
        "us" => 0.001,
        "" | "ms" => 1.0,
        "s" => 1000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    Some((number * factor).round() as u64)
}
