//! Digests, taken in one after another in the order of the log, become a workload. This part is sequential whatever the number
//! of threads, so that their number changes nothing.
//!
//! ```text
//! event ─ session ─ step ──▶ execution ─ unit ──▶ queries, requests, groups ─ finish ──▶ Workload
//!              └─── rarity ──────────────────────▶ failures, locks, sessions ─┘
//! ```

mod finish;
mod hold;
mod rarity;
mod session;
mod step;
mod unit;

use super::distribution::Distribution;
use super::event::{Actor, Digest, Event, NO_DURATION, NONE, What};
use super::fast::FastMap;
use super::fold::{QueryTable, Totals};
use super::holds::Recorder;
use super::names::Names;
use super::session::Session;
use super::unit::{Before, NO_TIME, Unit};
use super::workload::{
    Boundary, Checkpoints, Coverage, Failures, Held, LockWaits, OpenUnit, Secret, Sessions, SourceFile, UnreadLine,
};
use crate::time::Timestamp;
use std::collections::{BTreeMap, HashMap};

/// A trace is over when nothing of it was logged for so long.
const TRACE_OVER: i64 = 10_000_000;
/// Traces that are open at once.
const TRACES: usize = 4096;
/// Sessions that are kept although nothing was logged of them for a while.
const QUIET_SESSIONS: usize = 1000;
/// How long that is, in microseconds.
const QUIET: i64 = 600_000_000;
/// Sessions that are kept at all.
const SESSIONS: usize = 20_000;
/// Kinds of failures, lock waits, session groups that are told apart.
const KINDS: usize = 2000;
/// Entries by which a log that goes on is known again.
pub(super) const FIRST: u64 = 100;
/// Lines that could not be read and are shown.
const UNREAD: usize = 5;

/// What the command line says of the log.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// `log_min_duration_statement`, microseconds.
    pub threshold: Option<u64>,
    /// `log_statement_sample_rate`.
    pub sample_rate: Option<f64>,
    /// `log_transaction_sample_rate`.
    pub transaction_sample_rate: Option<f64>,
    /// Whether clients share server connections.
    pub is_pooled: bool,
    /// What was left out, in words.
    pub filters: Vec<String>,
}

/// Everything so far.
#[derive(Debug)]
pub struct Aggregate {
    told: Told,
    names: Names<String>,
    actors: Names<Actor>,
    queries: QueryTable,
    totals: Totals,
    sessions: FastMap<u64, Box<Session>>,
    /// The session of the last entry, which is mostly that of the next one too; it is not among `sessions`.
    current: Option<Box<Session>>,
    traces: FastMap<u64, Trace>,
    coverage: Coverage,
    sources: Vec<SourceFile>,
    lines_before: u64,
    from: i64,
    to: i64,
    /// The latest time so far, for what is over.
    now: i64,
    durations: Distribution,
    has_fractions: bool,
    has_query_ids: bool,
    has_connections: bool,
    has_disconnections: bool,
    flips: u64,
    failures: HashMap<(u32, String, String), Failures>,
    lock_waits: HashMap<(u32, String, String), LockWaits>,
    held: HashMap<u32, Held>,
    session_groups: HashMap<u32, Sessions>,
    secrets: BTreeMap<(String, u32), Secret>,
    checkpoints: Checkpoints,
    autovacuum: BTreeMap<String, u64>,
    other_programs: BTreeMap<String, u64>,
    cut: Vec<OpenUnit>,
    /// First queries of units, and how often they came after a pause.
    heads: FastMap<u32, u32>,
    /// Pool's marks that ended something, by database.
    marks: FastMap<u32, u32>,
    /// The first units of a query that may begin requests, with what stood before them.
    early: FastMap<u32, Vec<Early>>,
    is_bounded: bool,
    /// Every transaction, where they are wanted.
    holds: Option<Recorder>,
}

/// A unit, and what stood before it.
type Early = (Unit, Vec<Before>);

#[derive(Debug)]
struct Trace {
    unit: Unit,
    last: i64,
}

/// What the numbers of one digest are here.
struct Local<'d> {
    digest: &'d Digest,
    actors: Vec<(u32, u32, u32)>,
    /// By shape: the queries it is, by database.
    queries: Vec<Vec<(u32, u32)>>,
    line_base: u64,
}

impl Aggregate {
    /// Nothing yet.
    pub fn new(told: Told) -> Self {
        Self {
            told,
            names: Names::default(),
            actors: Names::default(),
            queries: QueryTable::default(),
            totals: Totals::default(),
            sessions: FastMap::default(),
            current: None,
            traces: FastMap::default(),
            coverage: Coverage::default(),
            sources: Vec::new(),
            lines_before: 0,
            from: i64::MAX,
            to: NO_TIME,
            now: NO_TIME,
            durations: Distribution::default(),
            has_fractions: false,
            has_query_ids: false,
            has_connections: false,
            has_disconnections: false,
            flips: 0,
            failures: HashMap::new(),
            lock_waits: HashMap::new(),
            held: HashMap::new(),
            session_groups: HashMap::new(),
            secrets: BTreeMap::new(),
            checkpoints: Checkpoints::default(),
            autovacuum: BTreeMap::new(),
            other_programs: BTreeMap::new(),
            cut: Vec::new(),
            heads: FastMap::default(),
            marks: FastMap::default(),
            early: FastMap::default(),
            is_bounded: false,
            holds: None,
        }
    }

    /// Begins another log.
    pub fn begin(&mut self, source: SourceFile) {
        self.sources.push(source);
        self.lines_before = 0;
    }

    /// The log that is being read.
    pub fn source(&mut self) -> Option<&mut SourceFile> {
        self.sources.last_mut()
    }

    /// Counts what another program said.
    pub fn other_program(&mut self, name: &str, count: u64) {
        if count == 0 {
            return;
        }
        *self.other_programs.entry(name.to_owned()).or_default() += count;
    }

    /// Takes in what a log of PgBouncer came to.
    pub fn pgbouncer(&mut self, seen: &super::carrier::PgBouncer) {
        self.other_program("PgBouncer: client logins", seen.logins);
        self.other_program("PgBouncer: server connections", seen.server_connections);
        self.other_program("PgBouncer: warnings and errors", seen.problems);
    }

    /// How much was understood so far.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Takes in what a chunk came to.
    pub fn take(&mut self, digest: &Digest) {
        let path = self.sources.last().map(|source| source.path.clone()).unwrap_or_default();
        if let Some(source) = self.sources.last_mut() {
            source.bytes += digest.reading.bytes;
            count(source, digest);
        }
        let coverage = &mut self.coverage;
        coverage.bytes += digest.reading.bytes;
        coverage.lines += digest.reading.lines;
        coverage.unread_lines += digest.reading.unread_lines;
        coverage.entries += digest.reading.records;
        coverage.other_entries += digest.other_entries;
        coverage.truncated += digest.truncated;
        for (line, text) in &digest.unread {
            if coverage.unread_samples.len() < UNREAD {
                let line = self.lines_before + line + 1;
                let text = super::mask::line(text);
                coverage.unread_samples.push(UnreadLine { path: path.clone(), line, text });
            }
        }
        self.has_fractions |= digest.has_fractions;
        let actors = digest.actors.iter().map(|actor| {
            let number = self.actors.number(actor);
            let database = self.names.number(&*actor.database);
            (number, database, self.names.number(&*actor.application))
        });
        let local = Local {
            actors: actors.collect(),
            queries: vec![Vec::new(); digest.shapes.len()],
            digest,
            line_base: self.lines_before,
        };
        let mut local = local;
        for event in &digest.events {
            self.event(event, &mut local, &path);
        }
        self.lines_before += digest.reading.lines;
        self.sweep();
        self.is_bounded |= self.queries.bound();
    }

    fn event(&mut self, event: &Event, local: &mut Local<'_>, path: &str) {
        let (actor, database, application) =
            local.actors.get(event.actor as usize).copied().unwrap_or((NONE, NONE, NONE));
        if event.time != NO_TIME {
            self.from = self.from.min(event.time);
            self.to = self.to.max(event.time);
            self.now = self.now.max(event.time);
        }
        if event.session != 0 {
            self.coverage.in_sessions += 1;
        }
        // taken out while it is worked on: everything else is then free to be changed
        let mut taken = match self.current.take() {
            Some(current) if current.key == event.session => current,
            other => {
                self.put_back(other);
                match self.sessions.remove(&event.session) {
                    Some(session) => session,
                    None => Box::new(self.open(event, actor, database, application)),
                }
            }
        };
        let session = &mut *taken;
        if event.session != 0 {
            self.follow(session, event, actor, database, application);
        }
        match event.what {
            What::Statement(step) => self.step(session, event, &step, local),
            What::Duration(duration) => self.duration(session, event, duration),
            What::Plan(plan) => self.plan(session, event, plan, local),
            What::Rarity(rarity) => {
                if let Some(rarity) = local.digest.rarities.get(rarity as usize) {
                    let gone = self.rarity(session, event, rarity, local, path);
                    if gone {
                        self.close(session, Boundary::Connection);
                        return;
                    }
                }
            }
        }
        self.current = Some(taken);
    }

    /// Ends what nothing was logged of for long. Between digests only, so that it depends on the log alone.
    fn sweep(&mut self) {
        let current = self.current.take();
        self.put_back(current);
        let over = |last: i64| last != NO_TIME && self.now.saturating_sub(last) > TRACE_OVER;
        let mut traces: Vec<(i64, u64)> = self
            .traces
            .iter()
            .filter(|(_, trace)| over(trace.last) || self.traces.len() > TRACES)
            .map(|(id, trace)| (trace.last, *id))
            .collect();
        traces.sort_unstable();
        for (_, id) in traces {
            self.end_trace(id);
        }
        if self.sessions.len() > QUIET_SESSIONS {
            let is_over = self.sessions.len() > SESSIONS;
            let mut quiet: Vec<(i64, u64)> = self
                .sessions
                .iter()
                .filter(|(_, session)| is_over || self.now.saturating_sub(session.time) > QUIET)
                .map(|(key, session)| (session.time, *key))
                .collect();
            quiet.sort_unstable();
            if is_over {
                quiet.truncate(self.sessions.len() - SESSIONS / 2);
            }
            for (_, key) in quiet {
                if let Some(mut session) = self.sessions.remove(&key) {
                    self.close(&mut session, Boundary::Gap);
                }
            }
        }
    }
}

/// What a log is known by, should it be named again.
fn count(source: &mut SourceFile, digest: &Digest) {
    let times = || digest.events.iter().map(|event| event.time).filter(|time| *time != NO_TIME);
    let (first, last) = (times().min(), times().max());
    let time = Timestamp::from_unix_micros;
    source.from = source.from.into_iter().chain(first.map(time)).min();
    source.to = source.to.into_iter().chain(last.map(time)).max();
    let durations = digest.events.iter().map(|event| match event.what {
        What::Statement(step) if step.duration != NO_DURATION => step.duration,
        What::Duration(duration) => duration,
        _ => 0,
    });
    let left = FIRST.saturating_sub(source.events) as usize;
    source.first_durations = durations.clone().take(left).fold(source.first_durations, u64::saturating_add);
    source.durations = durations.fold(source.durations, u64::saturating_add);
    source.events += digest.events.len() as u64;
}
