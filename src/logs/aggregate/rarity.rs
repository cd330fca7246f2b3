//! What is no statement: connections, lock waits, failures, temporary files, checkpoints, secrets.

use super::{Aggregate, KINDS, Local};
use crate::logs::distribution::Distribution;
use crate::logs::event::{Event, Failure, Rarity};
use crate::logs::session::Session;
use crate::logs::unit::NO_TIME;
use crate::logs::workload::{Boundary, Failures, LockWaits, Secret};
use crate::time::Timestamp;
use std::collections::BTreeMap;

impl Aggregate {
    /// Takes in a rarity; says whether the session is over.
    pub(super) fn rarity(
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
                session.is_cut = false;
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
            Rarity::Failed(failure) => {
                self.note_failure(session, event.time);
                self.failed(session, event, failure, local);
            }
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
                (Some(why), _) => Some(crate::logs::event::word(*why).to_owned()),
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
}
