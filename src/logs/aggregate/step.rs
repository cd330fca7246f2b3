//! Steps of a statement become executions: parse, bind and execute, a text and its duration, a plan and what it is of, the
//! portions of a portal.

use super::{Aggregate, Local};
use crate::logs::event::{Digest, Event, NO_DURATION, Step, Tag};
use crate::logs::message::Step as StepKind;
use crate::logs::session::{Done, PORTALS, Pending, Portal, Prelude, Session};
use crate::logs::unit::NO_TIME;
use crate::logs::workload::GroupKind;

impl Aggregate {
    pub(super) fn query(&mut self, local: &mut Local<'_>, shape: u32, database: u32) -> Option<u32> {
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

    pub(super) fn step(&mut self, session: &mut Session, event: &Event, step: &Step, local: &mut Local<'_>) {
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
    pub(super) fn duration(&mut self, session: &mut Session, event: &Event, duration: u64) {
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

    pub(super) fn plan(&mut self, session: &mut Session, event: &Event, plan: u32, local: &mut Local<'_>) {
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
    pub(super) fn settle(&mut self, session: &mut Session) {
        if let Some(pending) = session.pending.take() {
            self.execute(session, pending);
        }
    }

    /// Takes in a whole execution.
    pub(super) fn execute(&mut self, session: &mut Session, pending: Pending<'_>) {
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
}

fn values<'d>(digest: &'d Digest, step: &Step) -> &'d [crate::logs::lexer::SlotValue] {
    let from = step.values as usize;
    digest.values.get(from..from + usize::from(step.value_count)).unwrap_or_default()
}
