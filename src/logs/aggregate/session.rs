//! Which session an entry belongs to: where one begins, where it ends, and who it was.

use super::{Aggregate, KINDS};
use crate::logs::distribution::Distribution;
use crate::logs::event::Event;
use crate::logs::session::{Session, Transaction};
use crate::logs::unit::NO_TIME;
use crate::logs::workload::{Boundary, Sessions};
use crate::time::Timestamp;

impl Aggregate {
    /// A session seen for the first time.
    pub(super) fn open(&mut self, event: &Event, actor: u32, database: u32, application: u32) -> Session {
        // the first lines of a session are those of its connection, where they are numbered
        let begin =
            if event.session != 0 && matches!(event.line, 1 | 2) { Boundary::Connection } else { Boundary::Cut };
        let mut session = Session::new(event.session, actor, database, application, begin);
        session.time = event.time;
        session
    }

    /// Whether an entry still belongs to a session of the same key: process ids are used again.
    pub(super) fn follow(&mut self, session: &mut Session, event: &Event, actor: u32, database: u32, application: u32) {
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

    /// A connection begins in a process id that was used before.
    pub(super) fn restart(&mut self, session: &mut Session, event: &Event) {
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

    pub(super) fn put_back(&mut self, session: Option<Box<Session>>) {
        if let Some(session) = session {
            self.sessions.insert(session.key, session);
        }
    }

    /// Ends a session.
    pub(super) fn close(&mut self, session: &mut Session, end: Boundary) {
        self.settle(session);
        if let Some(plan) = session.plan.take() {
            self.execute(session, plan);
        }
        self.release(session, &end);
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

    pub(super) fn close_all(&mut self) {
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
}
