//! What each transaction holds its connection for, beside the units of work: a request may be many transactions.

use super::Aggregate;
use crate::logs::analysis::Transaction as Control;
use crate::logs::holds::{Holds, Recorder};
use crate::logs::session::{Pending, Session};
use crate::logs::shape::Shape;
use crate::logs::unit::NO_TIME;
use crate::logs::workload::Boundary;

impl Aggregate {
    /// Records every transaction from now on.
    pub fn record_holds(&mut self) {
        self.holds = Some(Recorder::default());
    }

    /// The transactions so far; every session counts as ended.
    pub fn take_holds(&mut self) -> Option<Holds> {
        self.close_all();
        let recorder = self.holds.take()?;
        Some(recorder.finish(self.actors.all().to_vec()))
    }

    /// Takes in a statement.
    pub(super) fn note_hold(
        &mut self,
        session: &mut Session,
        pending: &Pending<'_>,
        shape: &Shape,
        start: i64,
        end: i64,
    ) {
        let Some(recorder) = self.holds.as_mut().filter(|_| start != NO_TIME) else { return };
        recorder.next();
        let (key, actor) = (session.key, session.actor);
        // one that no `begin` opened ends with the statement before the first that is not of it
        if let Some(open) = session.holding.take_if(|open| !open.is_explicit && open.id != pending.transaction) {
            let is_ending = matches!(shape.analysis.transaction, Some(Control::Commit | Control::Rollback));
            match is_ending {
                true => session.holding = Some(open),
                false => recorder.close(key, actor, &open, Some(open.last_end)),
            }
        }
        match &shape.analysis.transaction {
            Some(Control::Begin) => {
                if let Some(open) = session.holding.take() {
                    recorder.close(key, actor, &open, Some(open.last_end));
                }
                session.holding = Some(recorder.open(Some(start), end, true, pending.transaction));
            }
            Some(Control::Commit | Control::Rollback) => match session.holding.take() {
                Some(mut open) => {
                    recorder.go_on(&mut open, start, end);
                    // its `begin` stands before the log
                    let is_cut = !open.is_explicit && session.is_cut;
                    open.start = open.start.filter(|_| !is_cut);
                    recorder.close(key, actor, &open, Some(end));
                }
                None if session.is_cut => {
                    let mut open = recorder.open(None, end, true, pending.transaction);
                    open.last_end = end;
                    recorder.close(key, actor, &open, Some(end));
                }
                // outside of transactions it does nothing
                None => {}
            },
            Some(_) => {
                if let Some(open) = &mut session.holding {
                    recorder.go_on(open, start, end);
                }
            }
            None => match &mut session.holding {
                Some(open) => {
                    recorder.go_on(open, start, end);
                    // of one whose begin was not seen the commit that follows tells
                    return;
                }
                None if pending.is_in_transaction() => {
                    session.holding = Some(recorder.open(Some(start), end, false, pending.transaction));
                    return;
                }
                None => {
                    // what a pool or a driver asks for itself is no client's transaction
                    let is_own = shape.analysis.session_reset || shape.analysis.is_ping || pending.is_ping;
                    if !is_own && !shape.is_setup() {
                        let open = recorder.open(Some(start), end, false, pending.transaction);
                        recorder.close(key, actor, &open, Some(end));
                    }
                }
            },
        }
        session.is_cut = false;
    }

    /// A statement of an open transaction failed: until then it ran, though no duration says so.
    pub(super) fn note_failure(&self, session: &mut Session, time: i64) {
        if let Some(open) = session.holding.as_mut().filter(|_| self.holds.is_some() && time != NO_TIME) {
            open.last_end = open.last_end.max(time);
        }
    }

    /// The session ends, and so does what it holds.
    pub(super) fn release(&mut self, session: &mut Session, end: &Boundary) {
        let (Some(recorder), Some(mut open)) = (self.holds.as_mut(), session.holding.take()) else { return };
        let is_gone = matches!(end, Boundary::Connection);
        let ended = match (open.is_explicit, is_gone) {
            (false, _) => Some(open.last_end),
            (true, true) => {
                let last = open.last_end.max(session.time);
                recorder.next();
                recorder.go_on(&mut open, last, last);
                Some(last)
            }
            (true, false) => None,
        };
        recorder.close(session.key, session.actor, &open, ended);
    }
}
