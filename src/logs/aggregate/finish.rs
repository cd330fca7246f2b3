//! The tables become a workload, with names in place of numbers, in an order that is always the same.

use super::{Aggregate, Early};
use crate::logs::fold::merge_held;
use crate::logs::unit::NO_TIME;
use crate::logs::workload::{Boundary, Failures, Held, LockWaits, Logging, OTHER, QueryLoad, Sessions, Workload};
use crate::report::Tool;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

impl Aggregate {
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
                .then(|| crate::logs::distribution::floor_of(self.durations.least)),
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
        let (requests, groups) = self.totals.finish(&self.queries, &self.names, logging.is_pooled);
        let queries: Vec<QueryLoad> = self.queries.finish(&self.names);
        let mut open = self.cut;
        open.sort_by(|a, b| (a.started, &a.session, a.ended).cmp(&(b.started, &b.session, b.ended)));
        Workload {
            kind: crate::logs::workload::KIND.to_owned(),
            format: crate::logs::workload::FORMAT,
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
