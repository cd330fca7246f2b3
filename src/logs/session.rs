//! A session of the log: the steps of a statement joined into one execution, and executions parted into units of work.

use super::event::{NO_DURATION, NONE};
use super::holds::Holding;
use super::lexer::SlotValue;
use super::unit::{Before, NO_TIME, Unit};
use super::workload::Boundary;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

/// An execution, before it is taken in.
#[derive(Debug, Clone)]
pub struct Pending<'a> {
    /// The query, by its number.
    pub query: u32,
    /// Its shape, by its hash.
    pub shape: u64,
    /// When it was logged.
    pub time: i64,
    /// Microseconds of execute, or [`NO_DURATION`].
    pub execute: u64,
    /// Microseconds of parse and bind before it.
    pub before: u64,
    /// Whether it came by the extended protocol.
    pub is_extended: bool,
    /// Its values.
    pub values: Cow<'a, [SlotValue]>,
    /// Whether they are all there.
    pub has_values: bool,
    /// Whether literals or parameters were logged with it.
    pub has_literals: bool,
    /// Its transaction, as the log has it.
    pub transaction: u32,
    /// The trace it belongs to, 0 for none.
    pub trace: u64,
    /// The route it names.
    pub route: Option<Arc<str>>,
    /// Whether its comments say that it is a pool's ping.
    pub is_ping: bool,
    /// The server's identity of it.
    pub query_id: i64,
    /// Rows its plan returned.
    pub rows: Option<f64>,
    /// Whether its plan was seen.
    pub has_plan: bool,
    /// A hash of its portal's name, 0 for none.
    pub portal: u32,
}

/// The last execution, as far as a plan that is logged behind it needs.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    /// The query.
    pub query: u32,
    /// Its shape, by its hash.
    pub shape: u64,
    /// Microseconds of execute.
    pub execute: u64,
    /// Whether its plan was seen.
    pub has_plan: bool,
    /// Its trace, 0 for none.
    pub trace: u64,
}

/// A parse or bind that waits for its execute.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prelude {
    /// The shape.
    pub shape: u64,
    /// A hash of the statement's name.
    pub name: u32,
    /// Microseconds.
    pub duration: u64,
}

/// A portal that may be fetched from again.
#[derive(Debug, Clone, Copy)]
pub struct Portal {
    /// A hash of its name.
    pub name: u32,
    /// The query.
    pub query: u32,
    /// Microseconds so far.
    pub duration: u64,
    /// Microseconds of execute so far.
    pub execute: u64,
    /// The server's identity of the query.
    pub query_id: i64,
}

/// Portals of a session that are kept open.
pub const PORTALS: usize = 8;

/// Queries before a unit that are remembered.
const REMEMBERED: usize = 16;

/// Units of a young session that are held back at the most.
const HELD: usize = 16;

/// Pauses that the median is taken of.
const PAUSES: usize = 64;

/// A transaction that is open.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// Its statements.
    pub unit: Unit,
    /// The local part of its virtual transaction id, where the log has it.
    pub id: u32,
    /// Whether a `begin` was seen.
    pub is_explicit: bool,
    /// When its last statement ended.
    pub last_end: i64,
    /// The query of its last statement.
    pub last_query: u32,
    /// The longest pause in it, and the query before that.
    pub pause: (u64, u32),
    /// The order of its queries, as a hash.
    pub signature: u64,
}

/// A session.
#[derive(Debug, Clone)]
pub struct Session {
    /// What tells it from others.
    pub key: u64,
    /// Who, by number.
    pub actor: u32,
    /// The database, by number.
    pub database: u32,
    /// The number of the last line.
    pub line: u32,
    /// The time of the last entry.
    pub time: i64,
    /// When it was connected, where that was logged.
    pub connected: i64,
    /// How long it lasted, in microseconds, once its end was logged.
    pub lifetime: Option<u64>,
    /// Statements so far.
    pub statements: u64,
    /// The statement whose duration was not logged yet.
    pub pending: Option<Pending<'static>>,
    /// The last execution.
    pub done: Option<Done>,
    /// The parse before it.
    pub parse: Option<Prelude>,
    /// The bind before it.
    pub bind: Option<Prelude>,
    /// Durations that came before their statement.
    pub loose: u64,
    /// How many those are.
    pub loose_count: u32,
    /// A plan that may belong to the statement that follows.
    pub plan: Option<Pending<'static>>,
    /// Portals that may be fetched from.
    pub portals: Vec<Portal>,
    /// Statements outside transactions, or in transactions of their own.
    pub unit: Unit,
    /// The unit before it, where only its first query's coming again ended that.
    pub previous: Option<Unit>,
    /// The open transaction.
    pub transaction: Option<Transaction>,
    /// Queries before the open unit.
    pub before: VecDeque<Before>,
    /// When the last statement ended.
    pub last_end: i64,
    pauses: Vec<u32>,
    next_pause: usize,
    gap: i64,
    /// The signature of the last transaction, and how often it came in a row.
    pub signature: (u64, u32),
    /// The query of the last unit of one statement, when it started, and the pauses between such.
    pub lonely: Lonely,
    /// Units of a young session that pauses parted: they are one request where the session ends before long.
    pub held: Vec<Unit>,
    /// Whether a pool's marks were seen, so that pauses need not part its requests.
    pub has_marks: bool,
    /// How often `application_name` was set.
    pub namings: u32,
    /// What holds its connection, where that is recorded.
    pub holding: Option<Holding>,
    /// Whether its beginning is not in the log, and no transaction of it was seen to begin or end yet.
    pub is_cut: bool,
}

/// The same statement alone, again and again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lonely {
    /// The query.
    pub query: u32,
    /// When it started the last time.
    pub started: i64,
    /// How often, with the sum and the sum of squares of the pauses in seconds.
    pub count: u32,
    /// See `count`.
    pub sum: f64,
    /// See `count`.
    pub squares: f64,
}

impl Lonely {
    /// Notes a unit of one statement; says whether the rhythm so far is that of polling.
    pub fn note(&mut self, query: u32, started: i64) -> bool {
        if self.query != query || self.count == 0 {
            *self = Self { query, started, count: 1, ..Self::default() };
            return false;
        }
        let pause = started.saturating_sub(self.started) as f64 / 1e6;
        self.started = started;
        self.count += 1;
        self.sum += pause;
        self.squares += pause * pause;
        let pauses = f64::from(self.count - 1);
        let mean = self.sum / pauses;
        let variance = (self.squares / pauses - mean * mean).max(0.0);
        self.count >= 10 && mean > 0.05 && variance.sqrt() / mean < 0.3
    }
}

/// The shortest pause that may part two requests, microseconds. On a busy machine a client is put aside for longer than a few
/// milliseconds in the middle of a request; and requests that follow each other faster are parted by what they begin with.
const SHORTEST_GAP: i64 = 20_000;
/// So long a session that was seen to begin may last and be one request.
const LONGEST_REQUEST: i64 = 10_000_000;
/// The longest pause that one request may have.
const LONGEST_GAP: i64 = 1_000_000;
/// With times in whole seconds only such a pause counts.
const COARSE_GAP: i64 = 2_000_000;

impl Session {
    /// A session that nothing is known of.
    pub fn new(key: u64, actor: u32, database: u32, application: u32, begin: Boundary) -> Self {
        let is_cut = begin == Boundary::Cut;
        Self {
            key,
            actor,
            database,
            line: 0,
            time: NO_TIME,
            connected: NO_TIME,
            lifetime: None,
            statements: 0,
            pending: None,
            done: None,
            parse: None,
            bind: None,
            loose: 0,
            loose_count: 0,
            plan: None,
            portals: Vec::new(),
            unit: Unit::new(begin, database, application),
            previous: None,
            transaction: None,
            before: VecDeque::new(),
            last_end: NO_TIME,
            pauses: Vec::new(),
            next_pause: 0,
            gap: 2 * SHORTEST_GAP,
            signature: (0, 0),
            lonely: Lonely::default(),
            held: Vec::new(),
            has_marks: false,
            namings: 0,
            holding: None,
            is_cut,
        }
    }

    /// The pause in microseconds that parts two requests here: eight times the usual one, within bounds.
    pub fn gap(&self, has_fractions: bool) -> i64 {
        match (self.has_marks, has_fractions) {
            (_, false) => COARSE_GAP,
            (true, true) => LONGEST_GAP,
            (false, true) => self.gap,
        }
    }

    /// Whether a pause before a query parts two requests. Inside a loop a longer one does not.
    pub fn is_parted(&self, pause: i64, query: u32, has_fractions: bool) -> bool {
        let gap = self.gap(has_fractions);
        let continues_loop = self.unit.last_query == query && self.unit.members.len() > 1;
        pause > if continues_loop { gap.saturating_mul(4) } else { gap }
    }

    /// Whether the session so far can be that of one request: it was seen to begin, not long ago.
    pub fn may_be_one_request(&self, unit: &Unit) -> bool {
        let first = self.held.first().unwrap_or(unit);
        matches!(first.begin, Boundary::Connection | Boundary::Reset)
            && self.held.len() < HELD
            && first.started != NO_TIME
            && unit.ended.saturating_sub(first.started) < LONGEST_REQUEST
            && !unit.is_empty()
    }

    /// Whether what was held back and a last part are one request: what began it did not come again after a pause, and it ends
    /// by the same kind of mark.
    pub fn is_one_request(&self, last: &Unit, end: &Boundary) -> bool {
        let mut parts = self.held.iter().chain([last]);
        parts.next().is_some_and(|first| first.begin == *end && parts.all(|part| part.head() != first.head()))
    }

    /// Notes the pause before a statement that belongs to the same request.
    pub fn pause(&mut self, pause: i64) {
        let pause = pause.clamp(0, LONGEST_GAP) as u32;
        if self.pauses.len() < PAUSES {
            self.pauses.push(pause);
        } else if let Some(oldest) = self.pauses.get_mut(self.next_pause) {
            *oldest = pause;
        }
        self.next_pause = (self.next_pause + 1) % PAUSES;
        // the median moves slowly: it is not worth sorting for every statement
        if self.next_pause.is_multiple_of(8) {
            let mut sorted = self.pauses.clone();
            let middle = sorted.len() / 2;
            let (_, median, _) = sorted.select_nth_unstable(middle);
            self.gap = (i64::from(*median) * 8).clamp(SHORTEST_GAP, LONGEST_GAP);
        }
    }

    /// Remembers the queries of a unit, for the children that may follow it.
    pub fn remember(&mut self, unit: &Unit) {
        for member in &unit.members {
            self.before.retain(|before| before.query != member.query);
            if self.before.len() == REMEMBERED {
                self.before.pop_front();
            }
            self.before.push_back(Before { query: member.query, count: member.count, rows: member.rows });
        }
    }

    /// Takes the portal of a name.
    pub fn take_portal(&mut self, name: u32) -> Option<Portal> {
        let at = self.portals.iter().position(|portal| portal.name == name)?;
        Some(self.portals.swap_remove(at))
    }

    /// Takes what parse and bind of a shape took before its execute, and whether there were any.
    pub fn take_prelude(&mut self, shape: u64) -> Option<u64> {
        let parse = self.parse.take().filter(|step| step.shape == shape);
        let bind = self.bind.take().filter(|step| step.shape == shape);
        match (parse, bind) {
            (None, None) => None,
            (parse, bind) => {
                let known = |step: Option<Prelude>| step.map_or(0, |step| step.duration);
                Some(known(parse).saturating_add(known(bind)))
            }
        }
    }
}

impl Pending<'_> {
    /// With values of its own, to be kept.
    pub fn owned(self) -> Pending<'static> {
        Pending { values: Cow::Owned(self.values.into_owned()), ..self }
    }

    /// All microseconds it took, where known.
    pub fn duration(&self) -> Option<u64> {
        (self.execute != NO_DURATION).then(|| self.execute.saturating_add(self.before))
    }

    /// Whether the log says that it ran in a transaction of more than this statement: outside one, the simple protocol logs
    /// its end with no transaction any more.
    pub fn is_in_transaction(&self) -> bool {
        self.transaction != NONE && self.transaction != 0
    }
}
