//! What a detector is given, and what several of them ask of it.

use crate::finding::{Finding, Subject, Unit, humane};
use crate::fingerprint::StatementKind;
use crate::lock::LockMode;
use crate::logs::analysis::{Analysis, Role, join_evidence};
use crate::logs::distribution::Distribution;
use crate::logs::mapper;
use crate::logs::rewrite::{self, NoRewrite, Rewrite};
use crate::logs::workload::{Boundary, Group, GroupKind, OTHER, QueryLoad, RequestLoad, Workload};
use crate::outcome::{Missing, Reason, Verdict};
use crate::rule::{Meta, Param, Params};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Requests below which the absence of a pattern says nothing: the checklist's one percent is then less than one.
pub const ENOUGH_REQUESTS: u64 = 100;
/// A bound is sure from this strength on, in thousandths.
const SURE: u64 = 750;

/// How often clients asked between two snapshots that bracket the log: what a log with a threshold does not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calls {
    /// Executions by database and the server's identity of the query.
    pub by_query: BTreeMap<(String, i64), u64>,
    /// Why there may have been slower calls than the log has: it does not cover all the time between the snapshots.
    pub uncovered: Option<Missing>,
}

impl Calls {
    /// Executions of a query of a database; of all databases where the log names none.
    pub fn of(&self, database: &str, query_id: i64) -> Option<u64> {
        if database.is_empty() {
            let all = self.by_query.iter().filter(|((_, id), _)| *id == query_id).map(|(_, calls)| *calls);
            return Some(all.sum()).filter(|sum| *sum > 0);
        }
        self.by_query.get(&(database.to_owned(), query_id)).copied()
    }
}

/// A workload, and the thresholds in effect.
#[derive(Debug)]
pub struct Context<'a> {
    /// What the log said.
    pub workload: &'a Workload,
    /// The thresholds that were configured.
    pub params: &'a Params,
    /// Budgets of statements for each request, by route (`*` and `?` allowed), from the configuration.
    pub budgets: &'a [(String, f64)],
    /// What the queries are, by fingerprint, where their texts parse.
    pub analyses: &'a HashMap<String, Analysis>,
    /// The calls between two snapshots, or why they cannot be used; none where there are no two snapshots.
    pub calls: Option<&'a Result<Calls, Missing>>,
    queries: BTreeMap<(&'a str, &'a str), &'a QueryLoad>,
    databases: BTreeSet<&'a str>,
}

impl<'a> Context<'a> {
    /// Over a workload.
    pub fn new(
        workload: &'a Workload,
        params: &'a Params,
        budgets: &'a [(String, f64)],
        analyses: &'a HashMap<String, Analysis>,
    ) -> Self {
        let queries = workload
            .queries
            .iter()
            .map(|query| ((query.database.as_str(), query.fingerprint.as_str()), query))
            .collect();
        let databases: BTreeSet<&str> = workload
            .queries
            .iter()
            .map(|query| query.database.as_str())
            .chain(workload.failures.iter().map(|failures| failures.database.as_str()))
            .chain(workload.sessions.iter().map(|sessions| sessions.database.as_str()))
            .collect();
        // where the log names its databases, what has none is the server's own
        let names_them = databases.iter().any(|name| !name.is_empty());
        let is_background = names_them && workload.queries.iter().all(|query| !query.database.is_empty());
        let databases = databases.into_iter().filter(|name| !(name.is_empty() && is_background)).collect();
        Self { workload, params, budgets, analyses, calls: None, queries, databases }
    }

    /// With the calls between two snapshots, or why they cannot be used.
    #[must_use]
    pub fn with_calls(mut self, calls: Option<&'a Result<Calls, Missing>>) -> Self {
        self.calls = calls;
        if let Some(Ok(calls)) = calls
            && !self.databases.contains("")
        {
            // where nothing was slow, a log with a threshold does not name the database
            self.databases.extend(calls.by_query.keys().map(|(database, _)| database.as_str()));
        }
        self
    }

    /// The databases the log speaks of; one without a name where it does not say.
    pub fn databases(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.databases.iter().copied()
    }

    /// The queries of a database, most expensive first.
    pub fn queries(&self, database: &str) -> impl Iterator<Item = &'a QueryLoad> + '_ {
        let database = database.to_owned();
        self.workload.queries.iter().filter(move |query| query.database == database)
    }

    /// A query by fingerprint.
    pub fn query(&self, database: &str, fingerprint: &str) -> Option<&'a QueryLoad> {
        self.queries.get(&(database, fingerprint)).copied()
    }

    /// What a query is.
    pub fn analysis(&self, fingerprint: &str) -> Option<&'a Analysis> {
        self.analyses.get(fingerprint)
    }

    /// A query as a subject.
    pub fn subject(&self, query: &QueryLoad) -> Subject {
        Subject::query(&query.database, &query.fingerprint, &query.text)
    }

    /// A threshold in effect.
    pub fn param(&self, meta: &Meta, param: &Param) -> f64 {
        self.params.get(meta.id, param)
    }

    /// The queries of a database that an application plans to run: what is neither utility, nor of the system's own
    /// tables, nor everything else.
    pub fn application_queries(&self, database: &str) -> impl Iterator<Item = &'a QueryLoad> + '_ {
        self.queries(database)
            .filter(|query| is_planned(query) && query.fingerprint != OTHER && !is_of_the_system(query))
    }

    /// The requests of a database.
    pub fn requests(&self, database: &str) -> impl Iterator<Item = &'a RequestLoad> + '_ {
        let database = database.to_owned();
        self.workload.requests.iter().filter(move |requests| requests.database == database)
    }

    /// The repetitions of a kind in a database whose query is known and reads more than the system's own tables.
    pub fn groups(&self, database: &str, kind: GroupKind) -> impl Iterator<Item = &'a Group> + '_ {
        let database = database.to_owned();
        self.workload.groups.iter().filter(move |group| {
            group.database == database
                && group.kind == kind
                && group.child != OTHER
                && !self.query(&group.database, &group.child).is_some_and(is_of_the_system)
        })
    }

    /// Whether a bound parts one request from another for sure. Where clients share server connections, only what
    /// clients themselves say does.
    pub fn is_sure(&self, boundary: &Boundary) -> bool {
        match self.workload.logging.is_pooled {
            true => is_of_the_client(boundary),
            false => boundary.strength() >= SURE,
        }
    }

    /// How many of such requests have sure bounds.
    pub fn sure(&self, requests: &RequestLoad) -> u64 {
        requests.boundaries.iter().filter(|(boundary, _)| self.is_sure(boundary)).map(|(_, count)| count).sum()
    }

    /// The requests of a database whose bounds are sure and of which every statement is in the log.
    pub fn whole_requests(&self, database: &str) -> u64 {
        let is_sampled = self.workload.logging.transaction_sample_rate.is_some();
        // of sampled transactions a request that is several may be there in part
        let is_whole =
            |boundary: &Boundary| self.is_sure(boundary) && (!is_sampled || *boundary == Boundary::Transaction);
        self.requests(database)
            .flat_map(|requests| &requests.boundaries)
            .filter(|(boundary, _)| is_whole(boundary))
            .map(|(_, count)| count)
            .sum()
    }

    /// Counts the requests that were looked at, and says why there may be more to find: too few of them, or a log that
    /// does not hold every statement.
    pub fn note_requests(&self, database: &str, verdict: &mut Verdict) {
        let requests = self.whole_requests(database);
        verdict.examined = requests;
        let logging = &self.workload.logging;
        if self.is_idle(database) {
            return;
        }
        let subject = || Subject::database(database);
        if let Some(threshold) = logging.threshold() {
            let because = format!(
                "statements shorter than {} are not in the log, and what is asked for every row is short",
                milliseconds(threshold as f64)
            );
            verdict
                .cannot_tell(subject(), Missing::new("statements", Reason::Input, because).unlocked_by(LOG_EVERYTHING));
        } else if logging.sample_rate.is_some() {
            let because = "the log is a sample of the statements, in which repetitions of a few are not seen";
            verdict
                .cannot_tell(subject(), Missing::new("statements", Reason::Input, because).unlocked_by(LOG_EVERYTHING));
        }
        if requests < ENOUGH_REQUESTS {
            let because = format!("fewer than {ENOUGH_REQUESTS} requests whose bounds are sure: {requests}");
            let missing = Missing::new("requests", Reason::Observation, because);
            verdict.cannot_tell(subject(), missing.unlocked_by(self.better_bounds()));
        }
    }

    /// Whether the log has everything, and nothing of it is an application's: who connects to look after the server asks
    /// nothing that could be repeated or held.
    pub fn is_idle(&self, database: &str) -> bool {
        self.workload.logging.is_complete()
            && self.requests(database).next().is_none()
            && self.application_queries(database).next().is_none()
    }

    /// What would give requests sure bounds.
    fn better_bounds(&self) -> &'static str {
        match (self.workload.logging.is_pooled, self.workload.logging.has_connections) {
            (true, _) => "a trace id in a comment of every statement (sqlcommenter), or a transaction for each request",
            (false, true) => "more of the log, or a trace id in a comment of every statement (sqlcommenter)",
            (false, false) => {
                "more of the log; or a trace id in a comment of every statement (sqlcommenter), or connections in the \
                 log: alter system set log_connections = on; alter system set log_disconnections = on; select \
                 pg_reload_conf();"
            }
        }
    }

    /// Err where entries name no session: nothing says which statements belong together.
    ///
    /// # Errors
    /// The log names no process.
    pub fn need_sessions(&self) -> Result<(), Missing> {
        if self.workload.logging.has_sessions {
            return Ok(());
        }
        let because = "the log names no process: N+1 needs %p or %c in log_line_prefix";
        let missing = Missing::new("sessions", Reason::Input, because);
        Err(missing.unlocked_by("alter system set log_line_prefix = '%m [%p] %q%u@%d '; select pg_reload_conf();"))
    }

    /// Err where no duration of the database is known.
    ///
    /// # Errors
    /// The log has no durations.
    pub fn need_durations(&self, database: &str) -> Result<(), Missing> {
        let mut planned = self.application_queries(database).peekable();
        if planned.peek().is_none() || planned.any(|query| query.durations.count > 0) {
            return Ok(());
        }
        let because = "the log has statements without their durations";
        Err(Missing::new("durations", Reason::Input, because).unlocked_by(LOG_EVERYTHING))
    }

    /// What the application's mapper calls the remedy for a loop, where the text shows which mapper it is.
    pub fn eager_loading(&self, group: &Group) -> Option<String> {
        let query = self.query(&group.database, &group.child)?;
        let mapper = mapper::Mapper::named(query.mapper.as_deref()?)?;
        let parent = group.parent.as_deref().and_then(|parent| self.analysis(parent));
        let join = parent.zip(self.analysis(&group.child)).and_then(|(parent, child)| join_evidence(parent, child));
        Some(format!(
            "fetch what belongs to all the rows at once; in {}: {}",
            mapper.as_str(),
            mapper::hint(mapper, join.as_ref())
        ))
    }

    /// Advice for a loop, with the one statement that takes its place where there is one, or why there is none.
    pub fn batch(&self, group: &Group, advice: String, finding: Finding) -> Finding {
        let Some(rewrite) = self.rewrite(group) else { return finding.advice(advice) };
        match rewrite {
            Ok(rewrite) => {
                let reads = matches!(self.analysis(&group.child), Some(child) if child.kind == StatementKind::Select);
                let lock = if reads { LockMode::AccessShare } else { LockMode::RowExclusive };
                let text = if rewrite.note.is_empty() { advice } else { format!("{advice}; {}", rewrite.note) };
                finding.text("rewrite", rewrite.form.as_str()).fix(text, rewrite.sql, Some(lock))
            }
            Err(refused) => finding.text("no_rewrite", refused.reason).advice(advice),
        }
    }

    /// One statement in place of a loop; nothing where the query is not known.
    fn rewrite(&self, group: &Group) -> Option<Result<Rewrite, NoRewrite>> {
        let query = self.query(&group.database, &group.child)?;
        let child = self.analysis(&group.child)?;
        let parent = group.parent.as_deref().and_then(|parent| self.analysis(parent));
        let context = rewrite::Context { parent, types: &[] };
        let made = || {
            let varying = varying(group, child);
            rewrite::batched(child, &query.shape, &varying, context)
        };
        // it recurses as deep as the text nests
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("rewrite".into()).stack_size(STACK);
            thread.spawn_scoped(scope, made).ok()?.join().ok()
        })
    }

    /// The table a query is about, in words.
    pub fn table(&self, query: &QueryLoad) -> String {
        let main = self.analysis(&query.fingerprint).and_then(|analysis| analysis.main_table.clone());
        main.or_else(|| query.tables.first().cloned()).unwrap_or_else(|| format!("query {}", query.fingerprint))
    }

    /// Seconds between the first and the last entry.
    pub fn seconds(&self) -> f64 {
        match (self.workload.from, self.workload.to) {
            (Some(from), Some(to)) => to.seconds_since(from).unwrap_or(0.0),
            _ => 0.0,
        }
    }
}

/// Stack for a rewrite: as for an analysis.
const STACK: usize = 256 << 20;

/// The slots whose values differ, from 1 as the analysis counts them. Where no value is known, those that a loop
/// differs in: the keys it looks up by, the values it inserts or sets.
pub fn varying(group: &Group, child: &Analysis) -> Vec<usize> {
    let is_insert = child.kind == StatementKind::Insert;
    // a value that all rows of a loop happen to share is a value of each row all the same
    if !group.varying.is_empty() && !is_insert {
        return group.varying.iter().map(|slot| slot + 1).collect();
    }
    let slots = || (1..=child.slots.len()).filter(|slot| !matches!(child.role(*slot), Role::Limit | Role::Offset));
    match child.kind {
        StatementKind::Select | StatementKind::Delete => {
            let keys: Vec<usize> = slots().filter(|slot| child.role(*slot).key().is_some()).collect();
            // which of several keys differs cannot be told
            if keys.len() == 1 { keys } else { Vec::new() }
        }
        _ => slots().collect(),
    }
}

/// Whether a bound is what a client said of itself, so that it holds however clients share connections.
pub fn is_of_the_client(boundary: &Boundary) -> bool {
    matches!(boundary, Boundary::Trace | Boundary::Transaction)
}

/// Whether a query is planned: what applications ask.
pub fn is_planned(query: &QueryLoad) -> bool {
    use StatementKind::{Delete, Insert, Merge, Select, Update};
    matches!(query.kind, Some(Select | Insert | Update | Delete | Merge))
}

/// Whether a query names nothing but tables of the system.
pub fn is_of_the_system(query: &QueryLoad) -> bool {
    !query.tables.is_empty()
        && query.tables.iter().all(|table| {
            table.starts_with("pg_catalog.")
                || table.starts_with("information_schema.")
                || table.rsplit('.').next().is_some_and(|name| name.starts_with("pg_"))
        })
}

/// Whether a query has a clause with a value: `limit`, `offset`. By its text, since most queries are not analysed again.
pub fn has(query: &QueryLoad, clause: &str) -> bool {
    query.text.to_ascii_lowercase().contains(&format!(" {clause} $"))
}

/// Names by how often they were counted, most often first.
pub fn names(counts: &BTreeMap<String, u64>) -> Vec<String> {
    let mut names: Vec<(&String, &u64)> = counts.iter().filter(|(name, _)| !name.is_empty()).collect();
    names.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    names.into_iter().map(|(name, _)| name.clone()).collect()
}

/// Counts by what bounds the units, strongest bound first: `trace 18`.
pub fn bounds(boundaries: &BTreeMap<Boundary, u64>) -> Vec<String> {
    boundaries.iter().map(|(boundary, count)| format!("{boundary} {count}")).collect()
}

/// A quantile; 0 of nothing.
pub fn at(distribution: &Distribution, share: f64) -> f64 {
    distribution.quantile(share).map_or(0.0, |quantile| quantile.value)
}

/// Microseconds as a person reads them.
pub fn milliseconds(microseconds: f64) -> String {
    humane(microseconds / 1000.0, &Unit::Milliseconds)
}

/// What puts every statement into the log. It can be much: for an hour of normal load, not for ever.
pub const LOG_EVERYTHING: &str =
    "alter system set log_min_duration_statement = 0; select pg_reload_conf(); -- for an hour of normal load";

/// Workloads made by hand, for the tests of detectors.
#[cfg(test)]
pub mod laboratory {
    use super::*;
    use crate::logs::analysis::analyse;
    use crate::logs::detectors::{Detector, Run};
    use crate::logs::workload::{Checkpoints, Coverage, FORMAT, Logging};
    use crate::report::Tool;
    use crate::time::Timestamp;

    /// The database that everything happens in.
    pub const DATABASE: &str = "shop";

    /// A workload and its thresholds.
    #[derive(Debug)]
    pub struct Lab {
        /// What the log said.
        pub workload: Workload,
        /// The thresholds.
        pub params: Params,
        /// The budgets.
        pub budgets: Vec<(String, f64)>,
        /// The calls between two snapshots.
        pub calls: Option<Result<Calls, Missing>>,
        analyses: HashMap<String, Analysis>,
    }

    impl Default for Lab {
        fn default() -> Self {
            Self::new()
        }
    }

    impl Lab {
        /// A complete log of a day in which nothing happened.
        pub fn new() -> Self {
            let from = Timestamp::parse("2026-11-22").unwrap();
            let workload = Workload {
                kind: "workload".to_owned(),
                format: FORMAT,
                tool: Tool::this(),
                sources: Vec::new(),
                from: Some(from),
                to: Some(from.plus_seconds(86_400.0)),
                coverage: Coverage { lines: 1000, entries: 1000, ..Coverage::default() },
                logging: Logging { has_sessions: true, has_fractions: true, ..Logging::default() },
                queries: Vec::new(),
                requests: Vec::new(),
                groups: Vec::new(),
                failures: Vec::new(),
                lock_waits: Vec::new(),
                held: Vec::new(),
                sessions: Vec::new(),
                secrets: Vec::new(),
                checkpoints: Checkpoints::default(),
                autovacuum: BTreeMap::new(),
                other_programs: BTreeMap::new(),
                open: Vec::new(),
                is_partial: false,
                is_bounded: false,
            };
            Self { workload, params: Params::default(), budgets: Vec::new(), calls: None, analyses: HashMap::new() }
        }

        /// Adds a query by a text with parameters, with so many calls of a millisecond, and gives its fingerprint.
        pub fn query(&mut self, text: &str, calls: u64) -> String {
            let analysis = analyse(text, text);
            let fingerprint = analysis.fingerprint.clone();
            let mut load = QueryLoad {
                database: DATABASE.to_owned(),
                fingerprint: fingerprint.clone(),
                fingerprint_kind: Some(analysis.fingerprint_kind.clone()),
                kind: Some(analysis.kind.clone()),
                text: analysis.text.clone(),
                shape: text.to_owned(),
                tables: analysis.tables.clone(),
                calls,
                units: calls,
                ..QueryLoad::default()
            };
            (0..calls).for_each(|_| load.durations.add(1000));
            self.workload.queries.push(load);
            self.analyses.insert(fingerprint.clone(), analysis);
            fingerprint
        }

        /// The query that was added last.
        pub fn last(&mut self) -> &mut QueryLoad {
            self.workload.queries.last_mut().unwrap()
        }

        /// Durations of the query that was added last, in milliseconds.
        pub fn durations(&mut self, milliseconds: impl IntoIterator<Item = f64>) {
            let load = self.last();
            load.durations = Distribution::default();
            milliseconds.into_iter().for_each(|ms| load.durations.add((ms * 1000.0) as u64));
            load.calls = load.durations.count;
        }

        /// A repetition in so many units, so often in each, with as many different values.
        pub fn group(
            kind: GroupKind,
            parent: Option<&str>,
            child: &str,
            units: u64,
            times: u64,
            boundary: Boundary,
        ) -> Group {
            let each = |value: u64| {
                let mut distribution = Distribution::default();
                (0..units).for_each(|_| distribution.add(value));
                distribution
            };
            Group {
                kind,
                database: DATABASE.to_owned(),
                parent: parent.map(str::to_owned),
                child: child.to_owned(),
                units,
                per_unit: each(times),
                per_parent: each(times),
                calls: units * times,
                distinct: each(times),
                valueless: 0,
                database_time: units * times * 500,
                wall_time: units * times * 1000,
                remaining: units * 1000,
                boundaries: BTreeMap::from([(boundary, units)]),
                each_second: Distribution::default(),
                looked_back: 0,
                proven: 0,
                join: None,
                routes: BTreeMap::new(),
                applications: BTreeMap::from([("web".to_owned(), units)]),
                varying: vec![0],
                first: None,
                last: None,
            }
        }

        /// Requests of a route or a first query, so many, with so many statements each.
        pub fn requests(&mut self, route: Option<&str>, head: Option<&str>, count: u64, statements: u64, by: Boundary) {
            let each = |value: u64| {
                let mut distribution = Distribution::default();
                (0..count).for_each(|_| distribution.add(value));
                distribution
            };
            self.workload.requests.push(RequestLoad {
                database: DATABASE.to_owned(),
                route: route.map(str::to_owned),
                head: head.map(str::to_owned),
                boundaries: BTreeMap::from([(by, count)]),
                statements: each(statements),
                database_time: each(statements * 500),
                wall_time: each(statements * 1000),
            });
        }

        /// What a detector says of the database, or of the log.
        pub fn run(&self, detector: &'static Detector) -> Result<Verdict, Missing> {
            let cx = Context::new(&self.workload, &self.params, &self.budgets, &self.analyses);
            let cx = cx.with_calls(self.calls.as_ref());
            match detector.run {
                Run::Log(run) => run(&cx),
                Run::Database(run) => run(&cx, DATABASE),
            }
        }

        /// What it found: severity and message.
        pub fn found(&self, detector: &'static Detector) -> Vec<String> {
            let verdict = self.run(detector).unwrap_or_default();
            verdict.findings.iter().map(|finding| format!("{} {}", finding.severity, finding.message)).collect()
        }

        /// What it could not tell.
        pub fn open(&self, detector: &'static Detector) -> Vec<String> {
            match self.run(detector) {
                Ok(verdict) => verdict.unjudged.into_iter().map(|unjudged| unjudged.reason.because).collect(),
                Err(missing) => vec![missing.because],
            }
        }
    }
}
