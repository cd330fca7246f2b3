//! What samples of sessions come to: who held a connection, how old and how idle connections are, who waits for a client.

use super::{PAUSE, Watched};
use crate::facts::activity::Activity;
use crate::facts::clients::Client;
use crate::pool::decide::Holder;
use crate::pool::demand::Key;
use crate::pool::demand::counters::holds;
use crate::pool::demand::occupancy::{Sample, Seen as Held, Watch};
use crate::pool::verdicts::{Connections, Pauses};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The checklist's limits, in seconds.
const LIFETIME: f64 = 1800.0;
const IDLE: f64 = 600.0;
/// Statements that are told apart.
const HOLDERS: usize = 1000;

/// Programs of people, whose sessions are no pool's.
const TOOLS: &[&str] = &[
    "psql",
    "pg_dump",
    "pg_dumpall",
    "pg_restore",
    "pg_basebackup",
    "pgAdmin",
    "DBeaver",
    "DataGrip",
    "vacuumdb",
    "reindexdb",
];

type Session = (i32, Option<Timestamp>);

/// A connection, as it was seen the last time.
#[derive(Debug, Clone, Copy, Default)]
struct Connection {
    age: f64,
    longest_idle: f64,
    /// Since when it has been in the same state of a transaction.
    held_since: Option<Timestamp>,
    /// In how many samples in a row.
    held: u64,
}

#[derive(Debug, Default)]
pub(super) struct Seen {
    samples: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    invisible: u64,
    keys: BTreeMap<Key, u32>,
    connections: HashMap<Session, (Connection, Key)>,
    /// The fewest and the most connections of each pool.
    sizes: BTreeMap<Key, (u64, u64)>,
    pauses: HashMap<(i32, Timestamp), f64>,
    /// With the transactions that each was seen in.
    holders: BTreeMap<String, (Holder, BTreeSet<Session>)>,
}

impl Seen {
    /// Takes in a sample.
    pub(super) fn take(&mut self, clients: &[Client], watch: &mut Watch) {
        let Some(at) = clients.iter().find(|client| client.is_own).and_then(|client| client.read_at) else { return };
        self.samples += 1;
        self.first = self.first.or(Some(at));
        self.last = Some(at);
        let others = || clients.iter().filter(|client| !client.is_ours());
        self.invisible = self.invisible.max(others().filter(|client| !client.is_visible).count() as u64);
        let mut held: BTreeMap<u32, Held> = BTreeMap::new();
        let mut sizes: BTreeMap<Key, u64> = BTreeMap::new();
        for client in others().filter(|client| client.is_visible) {
            let key = key(client);
            *sizes.entry(key.clone()).or_default() += 1;
            let state = client.state.as_deref().unwrap_or_default();
            if holds(state) {
                let number = match self.keys.get(&key) {
                    Some(number) => *number,
                    None => {
                        let number = self.keys.len() as u32;
                        watch.keys.push(key.clone());
                        self.keys.insert(key.clone(), number);
                        number
                    }
                };
                let one = held.entry(number).or_insert(Held { key: number, active: 0, idle_in_transaction: 0 });
                match state.starts_with("idle") {
                    true => one.idle_in_transaction += 1,
                    false => one.active += 1,
                }
            }
            self.connection(client, key, state);
        }
        for (key, size) in sizes {
            let known = self.sizes.entry(key).or_insert((if self.samples > 1 { 0 } else { size }, size));
            *known = (known.0.min(size), known.1.max(size));
        }
        watch.samples.push(Sample { at, seen: held.into_values().collect() });
    }

    fn connection(&mut self, client: &Client, key: Key, state: &str) {
        let (known, _) =
            self.connections.entry((client.pid, client.started_at)).or_insert_with(|| (Connection::default(), key));
        known.age = client.seconds_since(client.started_at).unwrap_or(0.0).max(0.0);
        let since = client.seconds_since(client.state_changed_at).unwrap_or(0.0).max(0.0);
        if state == "idle" {
            known.longest_idle = known.longest_idle.max(since);
        }
        let is_waiting = state.starts_with("idle in transaction");
        if is_waiting
            && since >= PAUSE
            && let Some(changed) = client.state_changed_at
        {
            let longest = self.pauses.entry((client.pid, changed)).or_default();
            *longest = longest.max(since);
        }
        match is_waiting && known.held_since == client.state_changed_at {
            true => known.held += 1,
            false => {
                known.held = u64::from(is_waiting);
                known.held_since = client.state_changed_at.filter(|_| is_waiting);
            }
        }
    }

    /// Takes in what transactions that wait for their client ran last; a sample stands for so many seconds.
    pub(super) fn texts(&mut self, sessions: &[Activity], seconds: f64) {
        for session in sessions.iter().filter(|session| session.is_client()) {
            let waits = session.process.state.as_deref().is_some_and(|state| state.starts_with("idle in transaction"));
            let Some(fingerprint) = session.fingerprint.as_ref().filter(|_| waits) else { continue };
            if self.holders.len() >= HOLDERS && !self.holders.contains_key(fingerprint) {
                continue;
            }
            let since = session.seconds_since(session.process.state_changed_at).unwrap_or(0.0).max(0.0);
            let (holder, transactions) = self.holders.entry(fingerprint.clone()).or_insert_with(|| {
                let holder = Holder {
                    fingerprint: fingerprint.clone(),
                    query: session.process.query.clone(),
                    transactions: 0,
                    idle_seconds: 0.0,
                    longest_seconds: 0.0,
                };
                (holder, BTreeSet::new())
            });
            transactions.insert((session.process.pid, session.process.transaction_started_at));
            holder.transactions = transactions.len() as u64;
            holder.idle_seconds += seconds;
            holder.longest_seconds = holder.longest_seconds.max(since);
        }
    }

    /// What it all comes to.
    pub(super) fn finish(self, watched: &mut Watched) {
        let span = self.last.zip(self.first).and_then(|(last, first)| last.seconds_since(first)).unwrap_or(0.0);
        watched.invisible = self.invisible;
        watched.holders = self.holders.into_values().map(|(holder, _)| holder).collect();
        let mut roles: BTreeMap<String, u32> = BTreeMap::new();
        for (key, (_, most)) in &self.sizes {
            if let Some(role) = &key.role {
                *roles.entry(role.clone()).or_default() += u32::try_from(*most).unwrap_or(u32::MAX);
            }
        }
        watched.roles = roles.into_iter().collect();
        let is_constant = |key: &Key| self.sizes.get(key).is_some_and(|(least, most)| least == most);
        let mut all = Connections { samples: self.samples, span_seconds: span, ..Connections::default() };
        for (connection, key) in self.connections.values().filter(|(_, key)| !is_tool(key)) {
            all.seen += 1;
            all.oldest_seconds = all.oldest_seconds.max(connection.age);
            all.too_old += u64::from(connection.age >= LIFETIME);
            all.longest_idle_seconds = all.longest_idle_seconds.max(connection.longest_idle);
            if connection.longest_idle >= IDLE {
                match is_constant(key) {
                    true => all.idle_in_constant_pools += 1,
                    false => all.idle_too_long += 1,
                }
            }
            // in one pause from the first sample to the last: nobody will give it back
            all.never_returned += u64::from(connection.held >= self.samples && self.samples > 1 && span >= 60.0);
        }
        watched.connections = all;
        watched.pauses = Pauses {
            seconds: span,
            transactions: None,
            pauses: self.pauses.len() as u64,
            threshold_seconds: PAUSE,
            longest_seconds: self.pauses.values().copied().fold(0.0, f64::max),
        };
    }
}

fn key(client: &Client) -> Key {
    Key {
        database: client.database.clone(),
        role: client.role.clone(),
        application: client.application.clone().filter(|name| !name.is_empty()),
        client_address: Some(client.client_address.clone().unwrap_or_else(|| "local".to_owned())),
    }
}

fn is_tool(key: &Key) -> bool {
    key.application.as_deref().is_some_and(|name| TOOLS.iter().any(|tool| name.starts_with(tool)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(pid: i32, state: &str, at: i64, since: i64) -> Client {
        let micros = |seconds: i64| Some(Timestamp::from_unix_micros(seconds * 1_000_000));
        Client {
            pid,
            role: Some("app".into()),
            application: Some("web".into()),
            state: Some(state.into()),
            started_at: micros(0),
            state_changed_at: micros(since),
            is_visible: true,
            is_own: pid == 1,
            read_at: micros(at),
            ..Client::default()
        }
    }

    #[test]
    fn samples_tell_who_holds_who_waits_and_who_never_gives_back() {
        let (mut seen, mut watched) = (Seen::default(), Watched::default());
        for at in 5000..5100 {
            let busy = if at % 2 == 0 { "active" } else { "idle" };
            let mut clients = vec![client(1, "active", at, at), client(2, busy, at, at)];
            clients.push(client(3, "idle in transaction", at, 4990));
            clients.push(client(4, "idle", at, 4000));
            seen.take(&clients, &mut watched.watch);
        }
        seen.finish(&mut watched);
        let held: Vec<u32> = watched
            .watch
            .samples
            .iter()
            .take(2)
            .map(|sample| sample.seen[0].active + sample.seen[0].idle_in_transaction)
            .collect();
        assert_eq!(held, [2, 1]);
        let all = watched.connections;
        assert_eq!((all.seen, all.too_old, all.never_returned, all.idle_in_constant_pools), (3, 3, 1, 1));
        assert_eq!((watched.pauses.pauses, watched.pauses.longest_seconds), (1, 109.0));
        assert_eq!(watched.roles, [("app".to_owned(), 3)]);
    }
}
