//! Digests, taken in one after another in the order of the log, become a workload. This part is sequential whatever the number
//! of threads, so that their number changes nothing.

use super::analysis::{Command, Transaction as Control};
use super::distribution::Distribution;
use super::event::{Actor, Digest, Event, Failure, NO_DURATION, NONE, Rarity, Step, Tag, What};
use super::fast::FastMap;
use super::fold::{QueryTable, Totals, merge_held};
use super::message::Step as StepKind;
use super::names::Names;
use super::session::{Done, PORTALS, Pending, Portal, Prelude, Session, Transaction};
use super::shape::Shape;
use super::unit::{Before, Execution, NO_TIME, Unit};
use super::workload::{
    Boundary, Checkpoints, Coverage, Failures, GroupKind, Held, LockWaits, Logging, OTHER, OpenUnit, QueryLoad, Secret,
    Sessions, SourceFile, UnreadLine, Workload,
};
use crate::report::Tool;
use crate::time::Timestamp;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

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
/// A pause inside a transaction that is worth counting, in microseconds.
const PAUSE: i64 = 100_000;
/// So often a query begins units after a pause before it is known to begin requests. Its coming again without one tells as
/// much at once.
const HEADS: u32 = 3;
/// So many marks of a pool that ended requests show that it gives them.
const MARKS: u32 = 3;
/// Queries that begin requests and are known to.
const KNOWN_HEADS: usize = 10_000;
/// So often a client sets `application_name` in a session of its own: when it connects, and once more.
const NAMINGS: u32 = 2;
/// Kinds of failures, lock waits, session groups that are told apart.
const KINDS: usize = 2000;
/// Lines that could not be read and are shown.
const UNREAD: usize = 5;
/// What a slow query log has in full under the checklist's threshold.
const SLOW: u64 = 100_000;

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

    fn put_back(&mut self, session: Option<Box<Session>>) {
        if let Some(session) = session {
            self.sessions.insert(session.key, session);
        }
    }

    /// A session seen for the first time.
    fn open(&mut self, event: &Event, actor: u32, database: u32, application: u32) -> Session {
        // the first lines of a session are those of its connection, where they are numbered
        let begin =
            if event.session != 0 && matches!(event.line, 1 | 2) { Boundary::Connection } else { Boundary::Cut };
        let mut session = Session::new(event.session, actor, database, application, begin);
        session.time = event.time;
        session
    }

    /// Whether an entry still belongs to a session of the same key: process ids are used again.
    fn follow(&mut self, session: &mut Session, event: &Event, actor: u32, database: u32, application: u32) {
        let restarted = event.line != 0 && event.line < session.line;
        let is_other = session.actor != actor && self.is_other_session(session.actor, actor);
        if restarted || is_other {
            let begin = if restarted || matches!(event.line, 1 | 2) { Boundary::Connection } else { Boundary::Cut };
            self.close(session, Boundary::Connection);
            *session = Session::new(event.session, actor, database, application, begin);
        } else if session.actor != actor {
            if self.flips_application(session.actor, actor) {
                self.flips += 1;
            }
            session.actor = actor;
            if session.database != database {
                // only now is it known where it went
                session.database = database;
                session.unit.database = database;
            }
            session.unit.application = application;
        }
        if event.time != NO_TIME {
            if session.time != NO_TIME && session.time - event.time > 1_000_000 {
                self.coverage.clock_steps += 1;
            }
            session.time = event.time;
        }
        session.line = event.line;
    }

    fn is_other_session(&self, before: u32, now: u32) -> bool {
        let (Some(before), Some(now)) = (self.actors.get(before), self.actors.get(now)) else { return false };
        let known = |name: &str| !name.is_empty() && name != "[unknown]";
        let differ = |a: &str, b: &str| known(a) && known(b) && a != b;
        differ(&before.user, &now.user) || differ(&before.database, &now.database)
    }

    fn flips_application(&self, before: u32, now: u32) -> bool {
        let (Some(before), Some(now)) = (self.actors.get(before), self.actors.get(now)) else { return false };
        let known = |name: &str| !name.is_empty() && name != "[unknown]";
        known(&before.application) && known(&now.application) && before.application != now.application
    }

    // ------------------------------------------------------------------------------------------------ steps of statements

    fn query(&mut self, local: &mut Local<'_>, shape: u32, database: u32) -> Option<u32> {
        let known = local.queries.get_mut(shape as usize)?;
        if let Some((_, query)) = known.iter().find(|(of, _)| *of == database) {
            return Some(*query);
        }
        let seen = local.digest.shapes.get(shape as usize)?;
        let query = self.queries.number(database, &seen.shape);
        if let Some(mapper) = seen.mapper {
            self.queries.written_by(query, mapper);
        }
        known.push((database, query));
        Some(query)
    }

    fn step(&mut self, session: &mut Session, event: &Event, step: &Step, local: &mut Local<'_>) {
        let Some(shape) = local.digest.shapes.get(step.shape as usize).map(|seen| seen.hash) else { return };
        if step.duration != NO_DURATION {
            self.durations.add(step.duration);
        }
        self.has_query_ids |= step.query_id != 0;
        match step.kind {
            StepKind::Parse | StepKind::Bind => {
                let prelude = Prelude {
                    shape,
                    name: step.name,
                    duration: if step.duration == NO_DURATION { 0 } else { step.duration },
                };
                self.settle(session);
                let slot = if matches!(step.kind, StepKind::Parse) { &mut session.parse } else { &mut session.bind };
                // one that was never executed is no execution, but it took its time
                *slot = Some(prelude);
                return;
            }
            StepKind::Fetch => {
                if let Some(mut portal) = session.take_portal(step.portal) {
                    if step.duration != NO_DURATION {
                        portal.duration += step.duration;
                        portal.execute += step.duration;
                        session.last_end = event.time;
                    }
                    session.portals.push(portal);
                    return;
                }
                // its beginning is not in the log: an execution like any other
            }
            _ => {}
        }
        self.settle(session);
        let Some(query) = self.query(local, step.shape, session.database) else { return };
        let prelude = session.take_prelude(shape);
        let tag: Option<&Tag> = local.digest.tags.get(step.tags as usize);
        let values = values(local.digest, step);
        let is_extended = matches!(step.kind, StepKind::Execute | StepKind::Fetch);
        let plan = session.plan.take();
        let own_plan = plan.as_ref().filter(|plan| plan.shape == shape).cloned();
        if let Some(other) = plan.filter(|plan| plan.shape != shape) {
            self.execute(session, other);
        }
        let loose = std::mem::take(&mut session.loose);
        self.coverage.nameless += u64::from(if is_extended { 0 } else { session.loose_count });
        session.loose_count = 0;
        let pending = Pending {
            query,
            shape,
            time: event.time,
            execute: step.duration,
            before: prelude.unwrap_or(0) + if is_extended && step.duration == NO_DURATION { loose } else { 0 },
            is_extended,
            values: values.into(),
            has_values: step.has_values,
            has_literals: step.has_literals,
            transaction: event.transaction,
            trace: tag.map_or(0, |tag| tag.trace),
            route: tag.and_then(|tag| tag.route.clone()),
            is_ping: tag.is_some_and(|tag| tag.is_ping),
            query_id: step.query_id,
            rows: own_plan.as_ref().and_then(|plan| plan.rows),
            has_plan: own_plan.is_some(),
            portal: step.portal,
        };
        // one whose duration is known is whole: waiting would put it behind what other sessions of its trace did since
        if pending.execute == NO_DURATION {
            session.pending = Some(pending.owned());
        } else {
            self.execute(session, pending);
        }
    }

    /// A duration without its statement: of the statement before it, or of a step of the one that follows.
    fn duration(&mut self, session: &mut Session, event: &Event, duration: u64) {
        self.durations.add(duration);
        match session.pending.take() {
            Some(mut pending) => {
                pending.execute = duration;
                pending.time = event.time;
                pending.transaction = event.transaction;
                self.execute(session, pending);
            }
            None => {
                session.loose = session.loose.saturating_add(duration);
                session.loose_count += 1;
                if session.loose_count > 2 {
                    // parse and bind are two: more belong to statements the log has no text of
                    self.coverage.nameless += 1;
                    session.loose = duration;
                }
            }
        }
    }

    fn plan(&mut self, session: &mut Session, event: &Event, plan: u32, local: &mut Local<'_>) {
        let Some(seen) = local.digest.plans.get(plan as usize) else { return };
        let Some(shape) = local.digest.shapes.get(seen.shape as usize).map(|shape| shape.hash) else { return };
        let Some(query) = self.query(local, seen.shape, session.database) else { return };
        self.queries.plan(query, seen);
        if seen.is_nested {
            self.queries.nested(query);
            self.totals.note(GroupKind::ServerLoop, query, session.database);
            return;
        }
        // the extended protocol logs it behind the execution, the simple one before
        if let Some(pending) = &mut session.pending
            && pending.shape == shape
            && !pending.has_plan
        {
            pending.has_plan = true;
            pending.rows = seen.rows;
            return;
        }
        if let Some(done) = &mut session.done
            && done.shape == shape
            && !done.has_plan
            && done.execute >= seen.duration
        {
            done.has_plan = true;
            let trace = done.trace;
            if let Some(rows) = seen.rows {
                self.queries.rows(query, rows);
                let unit = match (self.traces.get_mut(&trace), &mut session.transaction) {
                    (Some(trace), _) => &mut trace.unit,
                    (None, Some(open)) => &mut open.unit,
                    (None, None) => &mut session.unit,
                };
                unit.note_rows(query, rows);
            }
            return;
        }
        self.settle(session);
        if let Some(other) = session.plan.take() {
            self.execute(session, other);
        }
        session.plan = Some(Pending {
            query,
            shape,
            time: event.time,
            execute: seen.duration,
            before: 0,
            is_extended: false,
            values: seen.values.clone().unwrap_or_default().into(),
            has_values: seen.values.is_some(),
            has_literals: false,
            transaction: event.transaction,
            trace: 0,
            route: None,
            is_ping: false,
            query_id: 0,
            rows: seen.rows,
            has_plan: true,
            portal: 0,
        });
    }

    /// The duration that a statement waited for does not come.
    fn settle(&mut self, session: &mut Session) {
        if let Some(pending) = session.pending.take() {
            self.execute(session, pending);
        }
    }

    // ----------------------------------------------------------------------------------------------------- executions

    /// Takes in a whole execution.
    fn execute(&mut self, session: &mut Session, pending: Pending<'_>) {
        let Some(shape) = self.queries.shape(pending.query).cloned() else { return };
        let duration = pending.duration();
        self.coverage.executions += 1;
        self.coverage.untimed += u64::from(duration.is_none());
        self.coverage.valueless += u64::from(!pending.has_values);
        self.coverage.with_literals += u64::from(pending.has_literals);
        session.statements += 1;
        session.done = Some(Done {
            query: pending.query,
            shape: pending.shape,
            execute: pending.execute,
            has_plan: pending.has_plan,
            trace: pending.trace,
        });
        let is_portal = pending.portal != 0 && duration.is_some();
        let application = session.unit.application;
        self.queries.call(&pending, &shape, application, if is_portal { None } else { duration });
        if is_portal {
            let portal = Portal {
                name: pending.portal,
                query: pending.query,
                duration: duration.unwrap_or(0),
                execute: pending.execute,
                query_id: pending.query_id,
            };
            if let Some(old) = session.take_portal(portal.name) {
                self.queries.duration(&old);
            }
            if session.portals.len() == PORTALS {
                let oldest = session.portals.remove(0);
                self.queries.duration(&oldest);
            }
            session.portals.push(portal);
        }
        let end = pending.time;
        let start = if end == NO_TIME { NO_TIME } else { end - duration.unwrap_or(0) as i64 };
        self.control(session, &pending, &shape, start, end);
    }

    fn names_of(&self, actor: u32) -> &str {
        self.actors.get(actor).map_or("", |actor| &actor.application)
    }

    /// Parts executions into units of work.
    fn control(&mut self, session: &mut Session, pending: &Pending<'_>, shape: &Shape, start: i64, end: i64) {
        let analysis = &shape.analysis;
        let pause = if start == NO_TIME || session.last_end == NO_TIME { 0 } else { start - session.last_end };
        let has_fractions = self.has_fractions;
        let implicit =
            session.transaction.as_ref().is_some_and(|open| !open.is_explicit && open.id != pending.transaction);
        if implicit {
            self.end_transaction(session);
        }
        if let Some(open) = &mut session.transaction
            && pause >= PAUSE
            && pause as u64 > open.pause.0
        {
            open.pause = (pause as u64, open.last_query);
        }
        match &analysis.transaction {
            Some(Control::Begin) => {
                self.end_transaction(session);
                session.transaction = Some(self.transaction(session, pending, true, end));
                session.last_end = end;
                return;
            }
            Some(Control::Commit | Control::Rollback) => {
                if session.transaction.is_none() && session.unit.begin == Boundary::Cut {
                    // the log begins in the middle of it, or with its end
                    if session.unit.is_empty() && self.cut.len() < KINDS {
                        let nothing = session.unit.clone();
                        self.leave_open(session, &nothing, Boundary::Transaction);
                    } else {
                        self.end_unit(session, Boundary::Transaction);
                    }
                    session.unit.begin = Boundary::Gap;
                }
                self.end_transaction(session);
                session.last_end = end;
                return;
            }
            Some(_) => {
                if let Some(open) = &mut session.transaction {
                    open.last_end = end;
                }
                session.last_end = end;
                return;
            }
            None => {}
        }
        if analysis.session_reset || analysis.is_ping || pending.is_ping {
            // a pool's mark ends what came before, whether it is given back or taken out
            if analysis.session_reset && analysis.command == Some(Command::Set) {
                session.namings += 1;
                // a pooler does so whenever another client gets the connection
                self.flips += u64::from(session.namings > NAMINGS);
            }
            if session.transaction.is_none() {
                if !session.unit.is_empty() {
                    *self.marks.entry(session.database).or_default() += 1;
                }
                session.has_marks = self.marks.get(&session.database).is_some_and(|marks| *marks >= MARKS);
                self.end_unit(session, Boundary::Reset);
            }
            session.last_end = end;
            return;
        }
        if shape.is_setup() {
            session.last_end = end;
            return;
        }
        let execution = Execution {
            query: pending.query,
            start,
            end,
            duration: pending.duration().unwrap_or(0),
            values: pending.has_values.then_some(&*pending.values),
            rows: pending.rows,
        };
        if pending.trace != 0 {
            self.trace(session, pending, &execution);
            session.last_end = end;
            return;
        }
        if session.transaction.is_none() && pending.is_in_transaction() {
            session.transaction = Some(self.transaction(session, pending, false, start));
        }
        if let Some(open) = &mut session.transaction {
            open.unit.add(&execution);
            if open.unit.route.is_none() {
                open.unit.route.clone_from(&pending.route);
            }
            open.signature =
                (open.signature.rotate_left(7) ^ u64::from(pending.query)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            open.last_end = end;
            open.last_query = pending.query;
            session.last_end = end;
            if open.is_explicit && pause >= 0 && pause < session.gap(has_fractions) {
                session.pause(pause);
            }
            return;
        }
        if shape.is_fetch() {
            session.last_end = end;
            return;
        }
        self.loose(session, &execution, pending.route.as_ref(), pause, shape);
    }

    fn transaction(&self, session: &Session, pending: &Pending<'_>, is_explicit: bool, end: i64) -> Transaction {
        Transaction {
            unit: Unit::new(Boundary::Transaction, session.database, session.unit.application),
            id: pending.transaction,
            is_explicit,
            last_end: end,
            last_query: pending.query,
            pause: (0, NONE),
            signature: 0,
        }
    }

    /// A statement outside of transactions.
    fn loose(
        &mut self,
        session: &mut Session,
        execution: &Execution<'_>,
        route: Option<&Arc<str>>,
        pause: i64,
        shape: &Shape,
    ) {
        if !session.unit.is_empty() {
            if session.is_parted(pause, execution.query, self.has_fractions) {
                self.end_unit(session, Boundary::Gap);
            } else if session.unit.route.is_some() && route.is_some() && session.unit.route.as_ref() != route {
                self.end_unit(session, Boundary::Reset);
            } else if pause >= 0 {
                session.pause(pause);
            }
        }
        let unit = &session.unit;
        if unit.head() == Some(execution.query)
            && !unit.is_headless
            && unit.members.len() >= 2
            && unit.last_query != execution.query
            && shape.analysis.kind == crate::fingerprint::StatementKind::Select
        {
            self.end_unit(session, Boundary::Parent);
        } else if unit.begin == Boundary::Parent
            && unit.statements == 1
            && unit.head() == Some(execution.query)
            && let Some(previous) = session.previous.take()
        {
            // it is the child of a loop, not what a request begins with: the two were one
            let mut whole = previous;
            let rest = std::mem::replace(&mut session.unit, Unit::new(Boundary::Cut, session.database, 0));
            whole.append(rest);
            whole.is_headless = true;
            session.unit = whole;
        } else if unit.statements == 1
            && let Some(previous) = session.previous.take()
        {
            if let Some(head) = previous.head() {
                self.head(head, HEADS);
            }
            self.over(session, previous, Boundary::Parent);
        }
        session.unit.add(execution);
        if session.unit.route.is_none() {
            session.unit.route = route.cloned();
        }
        session.last_end = execution.end;
    }

    fn trace(&mut self, session: &Session, pending: &Pending<'_>, execution: &Execution<'_>) {
        let application = session.unit.application;
        let trace = self.traces.entry(pending.trace).or_insert_with(|| Trace {
            unit: Unit::new(Boundary::Trace, session.database, application),
            last: NO_TIME,
        });
        trace.unit.add(execution);
        trace.last = trace.last.max(execution.end);
        if trace.unit.route.is_none() {
            trace.unit.route.clone_from(&pending.route);
        }
    }

    /// Ends the open transaction: a unit of its own where it had two statements or more.
    fn end_transaction(&mut self, session: &mut Session) {
        let Some(open) = session.transaction.take() else { return };
        if open.pause.0 > 0 {
            self.hold(session, &open);
        }
        match open.unit.statements {
            0 => {}
            // what the extended protocol calls a transaction is no more than a statement of its own
            1 if !open.is_explicit => self.flow(session, open.unit),
            _ => {
                let (last, count) = &mut session.signature;
                *count = if *last == open.signature { *count + 1 } else { 1 };
                *last = open.signature;
                if *count == 5 {
                    for member in &open.unit.members {
                        self.totals.note(GroupKind::Batch, member.query, session.database);
                    }
                }
                // what the same session asked just before may be what this follows
                let gap = session.gap(self.has_fractions);
                let is_near = open.unit.started == NO_TIME
                    || session.unit.ended == NO_TIME
                    || open.unit.started - session.unit.ended <= gap;
                let outer = std::mem::replace(&mut session.unit, Unit::new(Boundary::Cut, 0, 0));
                if is_near {
                    session.remember(&outer);
                }
                session.unit = outer;
                let before: Vec<_> = session.before.iter().copied().collect();
                self.totals.fold(&open.unit, &Boundary::Transaction, &before, &mut self.queries, &self.names);
                session.remember(&open.unit);
            }
        }
    }

    /// One statement in a transaction of its own is like one outside.
    fn flow(&mut self, session: &mut Session, single: Unit) {
        let pause = match (single.started, session.unit.ended) {
            (NO_TIME, _) | (_, NO_TIME) => 0,
            (started, ended) => started - ended,
        };
        if !session.unit.is_empty() {
            if session.is_parted(pause, single.last_query, self.has_fractions) {
                self.end_unit(session, Boundary::Gap);
            } else if pause >= 0 {
                session.pause(pause);
            }
        }
        let again = session.unit.head() == single.head()
            && !session.unit.is_headless
            && session.unit.members.len() >= 2
            && Some(session.unit.last_query) != single.head();
        if again {
            self.end_unit(session, Boundary::Parent);
        }
        session.unit.append(single);
    }

    fn hold(&mut self, session: &Session, open: &Transaction) {
        let (pause, after) = open.pause;
        let application = self.names_of(session.actor).to_owned();
        let database = self.names.get(session.database).cloned().unwrap_or_default();
        if self.held.len() >= KINDS && !self.held.contains_key(&after) {
            self.is_bounded = true;
            return;
        }
        let held = self.held.entry(after).or_insert_with(|| Held {
            database,
            after: String::new(),
            transactions: 0,
            pauses: Distribution::default(),
            applications: BTreeMap::new(),
        });
        held.transactions += 1;
        held.pauses.add(pause);
        *held.applications.entry(application).or_default() += 1;
        self.queries.pin(after);
    }

    /// Ends the unit outside transactions and begins another by the same mark.
    fn end_unit(&mut self, session: &mut Session, boundary: Boundary) {
        let next = Unit::new(boundary.clone(), session.database, session.unit.application);
        let unit = std::mem::replace(&mut session.unit, next);
        if let Some(previous) = session.previous.take() {
            self.over(session, previous, Boundary::Parent);
        }
        if boundary == Boundary::Gap && session.may_be_one_request(&unit) {
            session.held.push(unit);
            return;
        }
        let unit = match (&boundary, session.held.is_empty()) {
            (_, true) => unit,
            // connected or checked out, asked, and gone: the pauses were the application's own
            (Boundary::Connection | Boundary::Reset, false) if session.is_one_request(&unit, &boundary) => {
                let mut parts = std::mem::take(&mut session.held).into_iter().chain([unit]);
                let mut whole = parts.next().unwrap_or_else(|| Unit::new(boundary.clone(), session.database, 0));
                parts.for_each(|part| whole.append(part));
                whole
            }
            (_, false) => {
                for part in std::mem::take(&mut session.held) {
                    self.over(session, part, Boundary::Gap);
                }
                unit
            }
        };
        if unit.is_empty() {
            return;
        }
        if boundary == Boundary::Parent {
            // whether its first query really begins requests is seen by what follows
            session.previous = Some(unit);
        } else {
            self.over(session, unit, boundary);
        }
    }

    /// Notes a query that a unit began with, `times` more often.
    fn head(&mut self, query: u32, times: u32) {
        if self.heads.len() < KNOWN_HEADS || self.heads.contains_key(&query) {
            let known = self.heads.entry(query).or_default();
            *known = known.saturating_add(times);
        }
    }

    fn over(&mut self, session: &mut Session, unit: Unit, end: Boundary) {
        if unit.statements == 1
            && let Some(query) = unit.head()
            && unit.started != NO_TIME
            && session.lonely.note(query, unit.started)
        {
            self.totals.note(GroupKind::Polling, query, unit.database);
        }
        if let Some(head) = unit.head().filter(|_| unit.begin == Boundary::Gap) {
            self.head(head, 1);
        }
        let is_known_head = unit.head().is_some_and(|head| self.heads.get(&head).is_some_and(|times| *times >= HEADS));
        let boundary = bounded(&unit.begin, &end, is_known_head);
        let before: Vec<_> = session.before.iter().copied().collect();
        session.remember(&unit);
        match (&boundary, unit.head()) {
            (Boundary::Cut, _) if self.cut.len() < KINDS => self.leave_open(session, &unit, end.clone()),
            // whether its first query begins requests is known when it came often enough: then it did from the start
            (Boundary::Gap, Some(head)) if unit.begin == Boundary::Gap && self.heads.contains_key(&head) => {
                self.queries.pin(head);
                self.early.entry(head).or_default().push((unit, before));
            }
            (_, head) => {
                let known = head.filter(|_| boundary == Boundary::Parent);
                for (early, before) in known.and_then(|head| self.early.remove(&head)).unwrap_or_default() {
                    self.totals.fold(&early, &boundary, &before, &mut self.queries, &self.names);
                }
                self.totals.fold(&unit, &boundary, &before, &mut self.queries, &self.names);
            }
        }
        if end != Boundary::Parent {
            // a request does not look back over what ended it
            session.before.clear();
        }
    }

    /// Keeps a unit that the log's beginning or end has cut: another log may have the rest.
    fn leave_open(&mut self, session: &Session, unit: &Unit, end: Boundary) {
        for member in &unit.members {
            self.queries.pin(member.query);
        }
        self.cut.push(OpenUnit {
            session: format!("{:016x}", session.key),
            is_head: unit.begin == Boundary::Cut,
            is_tail: end == Boundary::Cut,
            database: self.names.get(unit.database).cloned().unwrap_or_default(),
            begin: unit.begin.clone(),
            end,
            route: unit.route.as_deref().map(str::to_owned),
            application: self.names.get(unit.application).cloned().unwrap_or_default(),
            // what a transaction begins it ends, whatever it waits for
            gap: match unit.begin {
                Boundary::Transaction => u64::MAX,
                _ => u64::try_from(session.gap(self.has_fractions)).unwrap_or(0),
            },
            started: unit.started,
            ended: unit.ended,
            statements: u64::from(unit.statements),
            database_time: unit.database_time,
            members: unit.to_open(|query| {
                let shape = self.queries.shape(query)?;
                Some((shape.fingerprint.as_str(), shape.analysis.is_eager_load))
            }),
        });
    }

    /// Ends a session.
    fn close(&mut self, session: &mut Session, end: Boundary) {
        self.settle(session);
        if let Some(plan) = session.plan.take() {
            self.execute(session, plan);
        }
        self.coverage.nameless += u64::from(session.loose_count);
        for portal in std::mem::take(&mut session.portals) {
            self.queries.duration(&portal);
        }
        let is_cut = |open: &Transaction| open.is_explicit && self.cut.len() < KINDS;
        match session.transaction.take_if(|open| end == Boundary::Cut && is_cut(open)) {
            Some(open) => {
                self.leave_open(session, &open.unit, Boundary::Cut);
                // what stood before it was over when it began
                self.end_unit(session, Boundary::Gap);
            }
            None => {
                self.end_transaction(session);
                self.end_unit(session, end);
            }
        }
        // who it was is only known for certain at its end: `application_name` is often set after the connection
        let (connected, statements, lifetime) = (session.connected, session.statements, session.lifetime);
        let began = if connected == NO_TIME { session.time } else { connected };
        self.session_group(session.actor, began, |group| {
            group.executions += statements;
            if connected != NO_TIME {
                group.connected += 1;
                group.statements.add(statements);
            }
            if let Some(lifetime) = lifetime {
                group.lifetimes.add(lifetime);
            }
        });
    }

    // ------------------------------------------------------------------------------------------------- everything else

    /// Takes in a rarity; says whether the session is over.
    fn rarity(
        &mut self,
        session: &mut Session,
        event: &Event,
        rarity: &Rarity,
        local: &mut Local<'_>,
        path: &str,
    ) -> bool {
        match rarity {
            Rarity::Received => {
                self.has_connections = true;
                self.restart(session, event);
            }
            Rarity::Connected => {
                self.has_connections = true;
                if session.statements > 0 {
                    self.restart(session, event);
                }
                session.connected = event.time;
                session.unit.begin = Boundary::Connection;
            }
            Rarity::Disconnected(lifetime) => {
                self.has_disconnections = true;
                let known = match session.connected {
                    NO_TIME => None,
                    connected => u64::try_from(event.time.saturating_sub(connected)).ok(),
                };
                session.lifetime = lifetime.or(known);
                return true;
            }
            Rarity::LockWaiting { mode, object, shape } => {
                let query = shape.and_then(|shape| self.query(local, shape, session.database));
                self.lock_wait(session.database, mode, object, query, None);
            }
            Rarity::LockAcquired { mode, object, waited, shape } => {
                let query = shape.and_then(|shape| self.query(local, shape, session.database));
                self.lock_wait(session.database, mode, object, query, Some(*waited));
            }
            Rarity::Failed(failure) => self.failed(session, event, failure, local),
            Rarity::TemporaryFile(bytes, shape) => {
                let query = shape.and_then(|shape| self.query(local, shape, session.database));
                let pending = session.pending.as_ref().map(|pending| pending.query);
                let query = query.or(pending).unwrap_or_else(|| self.queries.other(session.database));
                self.queries.temporary_file(query, *bytes);
            }
            Rarity::CheckpointStarting(cause) => *self.checkpoints.causes.entry(cause.clone()).or_default() += 1,
            Rarity::CheckpointComplete(sync, total) => {
                self.checkpoints.sync.add(*sync);
                self.checkpoints.total.add(*total);
            }
            Rarity::CheckpointsTooFrequent => self.checkpoints.too_frequent += 1,
            Rarity::Vacuumed(table) | Rarity::Analysed(table) => {
                if self.autovacuum.len() < KINDS || self.autovacuum.contains_key(table) {
                    *self.autovacuum.entry(table.clone()).or_default() += 1;
                }
            }
            Rarity::ServerStarted => self.close_all(),
            Rarity::Secret(kind, line) => {
                let key = ((*kind).to_owned(), session.database);
                let database = self.names.get(session.database).cloned().unwrap_or_default();
                let query =
                    session.done.map(|done| done.query).or(session.pending.as_ref().map(|pending| pending.query));
                let query = query.and_then(|query| self.queries.fingerprint(query)).map(str::to_owned);
                let secret = self.secrets.entry(key).or_insert_with(|| Secret {
                    kind: (*kind).to_owned(),
                    database,
                    query: query.clone(),
                    count: 0,
                    path: path.to_owned(),
                    line: local.line_base + line + 1,
                });
                secret.count += 1;
            }
        }
        false
    }

    /// A connection begins in a process id that was used before.
    fn restart(&mut self, session: &mut Session, event: &Event) {
        if session.statements == 0 {
            return;
        }
        let fresh =
            Session::new(session.key, session.actor, session.database, session.unit.application, Boundary::Connection);
        let mut old = std::mem::replace(session, fresh);
        session.time = event.time;
        session.line = event.line;
        self.close(&mut old, Boundary::Connection);
    }

    fn session_group(&mut self, actor: u32, time: i64, change: impl FnOnce(&mut Sessions)) {
        if self.session_groups.len() >= KINDS && !self.session_groups.contains_key(&actor) {
            self.is_bounded = true;
            return;
        }
        let Some(who) = self.actors.get(actor) else { return };
        let group = self.session_groups.entry(actor).or_insert_with(|| Sessions {
            database: who.database.to_string(),
            user: who.user.to_string(),
            application: who.application.to_string(),
            connected: 0,
            lifetimes: Distribution::default(),
            statements: Distribution::default(),
            executions: 0,
            first: None,
            last: None,
        });
        if time != NO_TIME {
            let time = Timestamp::from_unix_micros(time);
            group.first = Some(group.first.map_or(time, |first| first.min(time)));
            group.last = Some(group.last.map_or(time, |last| last.max(time)));
        }
        change(group);
    }

    fn lock_wait(&mut self, database: u32, mode: &str, object: &str, query: Option<u32>, acquired: Option<u64>) {
        let key = (database, mode.to_owned(), object.to_owned());
        if self.lock_waits.len() >= KINDS && !self.lock_waits.contains_key(&key) {
            self.is_bounded = true;
            return;
        }
        let name = self.names.get(database).cloned().unwrap_or_default();
        let waits = self.lock_waits.entry(key).or_insert_with(|| LockWaits {
            database: name,
            mode: mode.to_owned(),
            object: object.to_owned(),
            waits: 0,
            acquired: Distribution::default(),
            queries: BTreeMap::new(),
        });
        match acquired {
            None => waits.waits += 1,
            Some(waited) => waits.acquired.add(waited),
        }
        if let Some(fingerprint) = query.and_then(|query| self.queries.fingerprint(query)) {
            *waits.queries.entry(fingerprint.to_owned()).or_default() += u64::from(acquired.is_none());
            if let Some(query) = query {
                self.queries.pin(query);
            }
        }
    }

    fn failed(&mut self, session: &mut Session, event: &Event, failure: &Failure, local: &mut Local<'_>) {
        let shape = failure.shape.and_then(|shape| local.digest.shapes.get(shape as usize)).map(|shape| shape.hash);
        // with log_statement the text came before the failure, and is no execution
        if let Some(pending) = &session.pending
            && (shape.is_none() || shape == Some(pending.shape))
        {
            session.pending = None;
        }
        self.settle(session);
        let query = failure.shape.and_then(|shape| self.query(local, shape, session.database));
        if let Some(query) = query {
            self.queries.error(query, failure.cancelled.as_ref());
            session.parse = None;
            session.bind = None;
        }
        let sqlstate = failure.sqlstate.clone().unwrap_or_default();
        let key = (session.database, sqlstate, failure.message.clone());
        if self.failures.len() >= KINDS && !self.failures.contains_key(&key) {
            self.is_bounded = true;
            return;
        }
        let database = self.names.get(session.database).cloned().unwrap_or_default();
        let known = self.failures.entry(key).or_insert_with(|| Failures {
            database,
            severity: failure.severity.as_str().to_owned(),
            sqlstate: failure.sqlstate.clone(),
            message: failure.message.clone(),
            kind: match (&failure.cancelled, failure.is_deadlock) {
                (Some(why), _) => Some(super::event::word(*why).to_owned()),
                (None, true) => Some("deadlock".to_owned()),
                (None, false) => None,
            },
            count: 0,
            queries: BTreeMap::new(),
            first: None,
            last: None,
        });
        known.count += 1;
        if event.time != NO_TIME {
            let time = Timestamp::from_unix_micros(event.time);
            known.first = Some(known.first.map_or(time, |first| first.min(time)));
            known.last = Some(known.last.map_or(time, |last| last.max(time)));
        }
        if let Some(fingerprint) = query.and_then(|query| self.queries.fingerprint(query)) {
            if known.queries.len() < 64 || known.queries.contains_key(fingerprint) {
                *known.queries.entry(fingerprint.to_owned()).or_default() += 1;
            }
            if let Some(query) = query {
                self.queries.pin(query);
            }
        }
    }

    // ------------------------------------------------------------------------------------------------- what is over

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

    fn end_trace(&mut self, id: u64) {
        if let Some(trace) = self.traces.remove(&id) {
            self.totals.fold(&trace.unit, &Boundary::Trace, &[], &mut self.queries, &self.names);
        }
    }

    fn close_all(&mut self) {
        let current = self.current.take();
        self.put_back(current);
        let mut sessions: Vec<(i64, u64)> = self.sessions.iter().map(|(key, session)| (session.time, *key)).collect();
        sessions.sort_unstable();
        for (_, key) in sessions {
            if let Some(mut session) = self.sessions.remove(&key) {
                // a unit that ended long before the log does was not cut by its end
                let quiet = self.now.saturating_sub(session.last_end.max(session.time));
                let end = if quiet > session.gap(self.has_fractions) { Boundary::Gap } else { Boundary::Cut };
                self.close(&mut session, end);
            }
        }
    }

    /// The workload. `is_partial`: reading was stopped before its end.
    pub fn finish(mut self, is_partial: bool) -> Workload {
        self.close_all();
        let mut traces: Vec<(i64, u64)> = self.traces.iter().map(|(id, trace)| (trace.last, *id)).collect();
        traces.sort_unstable();
        for (_, id) in traces {
            self.end_trace(id);
        }
        let mut early: Vec<(u32, Vec<Early>)> = self.early.drain().collect();
        early.sort_unstable_by_key(|(head, _)| *head);
        for (unit, before) in early.into_iter().flat_map(|(_, units)| units) {
            self.totals.fold(&unit, &Boundary::Gap, &before, &mut self.queries, &self.names);
        }
        let logging = Logging {
            has_sessions: self.coverage.in_sessions > 0,
            has_fractions: self.has_fractions,
            has_query_ids: self.has_query_ids,
            has_connections: self.has_connections,
            has_disconnections: self.has_disconnections,
            told_threshold: self.told.threshold,
            seen_threshold: (self.durations.count > 1000 && self.durations.least >= 1000)
                .then(|| super::distribution::floor_of(self.durations.least)),
            sample_rate: self.told.sample_rate,
            transaction_sample_rate: self.told.transaction_sample_rate,
            is_pooled: self.told.is_pooled || self.flips >= 10,
            filters: self.told.filters.clone(),
        };
        let mut failures: Vec<Failures> = self.failures.into_values().collect();
        failures.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| failure_key(a).cmp(&failure_key(b))));
        let mut lock_waits: Vec<LockWaits> = self.lock_waits.into_values().collect();
        lock_waits.sort_by(|a, b| lock_key(a).cmp(&lock_key(b)));
        // a look-up and the list of many keys are two queries with one name
        let mut held: BTreeMap<(String, String), Held> = BTreeMap::new();
        for (query, mut one) in self.held {
            one.after = self.queries.fingerprint(query).unwrap_or(OTHER).to_owned();
            match held.entry((one.database.clone(), one.after.clone())) {
                Entry::Vacant(free) => drop(free.insert(one)),
                Entry::Occupied(mut known) => merge_held(known.get_mut(), &one),
            }
        }
        let mut sessions: Vec<Sessions> = self.session_groups.into_values().collect();
        sessions.sort_by(|a, b| (&a.database, &a.user, &a.application).cmp(&(&b.database, &b.user, &b.application)));
        self.queries.join_truncated();
        let (requests, groups) = self.totals.finish(&self.queries, &self.names);
        let queries: Vec<QueryLoad> = self.queries.finish(&self.names);
        let mut open = self.cut;
        open.sort_by(|a, b| (a.started, &a.session, a.ended).cmp(&(b.started, &b.session, b.ended)));
        Workload {
            kind: super::workload::KIND.to_owned(),
            format: super::workload::FORMAT,
            tool: Tool::this(),
            sources: self.sources,
            from: (self.from != i64::MAX).then(|| Timestamp::from_unix_micros(self.from)),
            to: (self.to != NO_TIME).then(|| Timestamp::from_unix_micros(self.to)),
            coverage: self.coverage,
            logging,
            queries,
            requests,
            groups,
            failures,
            lock_waits,
            held: held.into_values().collect(),
            sessions,
            secrets: self.secrets.into_values().collect(),
            checkpoints: self.checkpoints,
            autovacuum: self.autovacuum,
            other_programs: self.other_programs,
            open,
            is_partial,
            is_bounded: self.is_bounded,
        }
    }
}

fn failure_key(of: &Failures) -> (&str, &Option<String>, &str) {
    (&of.database, &of.sqlstate, &of.message)
}

fn lock_key(of: &LockWaits) -> (&str, &str, &str) {
    (&of.database, &of.mode, &of.object)
}

fn values<'d>(digest: &'d Digest, step: &Step) -> &'d [super::lexer::SlotValue] {
    let from = step.values as usize;
    digest.values.get(from..from + usize::from(step.value_count)).unwrap_or_default()
}

/// What a unit outside transactions is bounded by, from what begins and ends it.
fn bounded(begin: &Boundary, end: &Boundary, is_known_head: bool) -> Boundary {
    if *begin == Boundary::Cut || *end == Boundary::Cut {
        return Boundary::Cut;
    }
    if begin == end && *begin != Boundary::Gap {
        return begin.clone();
    }
    if *begin == Boundary::Parent || *end == Boundary::Parent || is_known_head {
        // the weaker mark at its other side adds nothing against it
        return Boundary::Parent;
    }
    if begin.strength() < end.strength() { begin.clone() } else { end.clone() }
}

/// What the options of [`Told`] and the slow limit of the checklist have in common: microseconds.
pub(super) const fn slow() -> u64 {
    SLOW
}
