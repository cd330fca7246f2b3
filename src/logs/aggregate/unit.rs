//! Executions are parted into units of work: transactions, traces, and what lies between the marks and pauses of a session.

use super::{Aggregate, KINDS, Trace};
use crate::logs::analysis::{Command, Transaction as Control};
use crate::logs::distribution::Distribution;
use crate::logs::event::NONE;
use crate::logs::session::{Pending, Session, Transaction};
use crate::logs::shape::Shape;
use crate::logs::unit::{Execution, NO_TIME, Unit};
use crate::logs::workload::{Boundary, GroupKind, Held, OpenUnit};
use std::collections::BTreeMap;
use std::sync::Arc;

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

impl Aggregate {
    /// Parts executions into units of work.
    pub(super) fn control(
        &mut self,
        session: &mut Session,
        pending: &Pending<'_>,
        shape: &Shape,
        start: i64,
        end: i64,
    ) {
        self.note_hold(session, pending, shape, start, end);
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

    pub(super) fn end_trace(&mut self, id: u64) {
        if let Some(trace) = self.traces.remove(&id) {
            self.totals.fold(&trace.unit, &Boundary::Trace, &[], &mut self.queries, &self.names);
        }
    }

    /// Ends the open transaction: a unit of its own where it had two statements or more.
    pub(super) fn end_transaction(&mut self, session: &mut Session) {
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

    fn names_of(&self, actor: u32) -> &str {
        self.actors.get(actor).map_or("", |actor| &actor.application)
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
    pub(super) fn end_unit(&mut self, session: &mut Session, boundary: Boundary) {
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
    pub(super) fn leave_open(&mut self, session: &Session, unit: &Unit, end: Boundary) {
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
