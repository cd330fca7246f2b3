//! Watching a server: its counters at both ends and every minute, its sessions several times a second, and its limits.
//!
//! What ends it early, a lost connection or Ctrl-C, leaves what was seen until then.

#![allow(clippy::disallowed_methods, reason = "watching takes time, and says how much")]

mod seen;

use super::budget::{Limit, Limits};
use super::decide::Holder;
use super::demand::counters::{DatabaseCounters, InFlight, Own, Reading};
use super::demand::occupancy::Watch;
use super::verdicts::{Connections, IdleLimit, Pauses};
use crate::collect::{self, Stop};
use crate::facts::clients::{self, Client};
use crate::facts::{database_stats, databases, roles, setting_overrides, settings};
use crate::pg::{Door, FromRow, Query, ReadError};
use crate::time::Timestamp;
use seen::Seen;
use std::time::{Duration, Instant};

/// How long, and how often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// From the first reading to the last.
    pub length: Duration,
    /// Samples of the sessions a second.
    pub per_second: f64,
}

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    /// The counters, at both ends and each minute between.
    pub readings: Vec<Reading>,
    /// The sessions that held a connection.
    pub watch: Watch,
    /// The connections of applications.
    pub connections: Connections,
    /// Transactions that waited for their client.
    pub pauses: Pauses,
    /// Statements after which transactions wait for their client.
    pub holders: Vec<Holder>,
    /// The most connections each login has had at once, by role.
    pub roles: Vec<(String, u32)>,
    /// Sessions whose state this role may not see, at most at once.
    pub invisible: u64,
    /// Samples that could not be read.
    pub failed: u64,
    /// Whether somebody ended it.
    pub is_interrupted: bool,
}

/// Between two readings of the counters.
const READING: Duration = Duration::from_secs(60);
/// Between two looks at what transactions that wait for their client ran last.
const TEXTS: Duration = Duration::from_secs(5);
/// So many samples in a row that fail, over so long, and the connection is lost.
const LOST: (u32, Duration) = (3, Duration::from_secs(2));
/// A pause of a transaction that counts, in seconds.
const PAUSE: f64 = 0.1;

/// What this program adds to the counters.
#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    transactions: i64,
    time: Duration,
}

impl Spent {
    async fn read<T: FromRow>(&mut self, door: &Door, query: &Query) -> Result<Vec<T>, ReadError> {
        let began = Instant::now();
        let sql = query.sql_for(door.version()).unwrap_or_default();
        let rows = door.default_database().read::<T>(sql, &[]).await;
        self.transactions += 1;
        self.time += began.elapsed();
        rows
    }
}

/// Watches a server.
pub async fn watch(door: &Door, plan: Plan, stop: &Stop) -> Watched {
    let mut watched = Watched::default();
    let mut spent = Spent::default();
    let mut seen = Seen::default();
    watched.watch.planned_seconds = plan.length.as_secs_f64();
    let began = Instant::now();
    let lost = match reading(door, &mut spent).await {
        Ok(reading) => {
            watched.readings.push(reading);
            sampling(door, plan, stop, began, (&mut watched, &mut spent, &mut seen)).await
        }
        Err(error) => Some(error.to_string()),
    };
    if lost.is_none() {
        // what happened until somebody lost patience counts too
        match reading(door, &mut spent).await {
            Ok(reading) => watched.readings.push(reading),
            Err(error) => watched.watch.lost = Some(error.to_string()),
        }
    }
    watched.watch.lost = lost.or(watched.watch.lost);
    watched.is_interrupted = stop.is_stopped();
    if watched.is_interrupted && watched.watch.lost.is_none() {
        watched.watch.lost = Some("it was interrupted".to_owned());
    }
    seen.finish(&mut watched);
    watched
}

/// Samples until the time is up; says why where it ended before.
async fn sampling(
    door: &Door,
    plan: Plan,
    stop: &Stop,
    began: Instant,
    (watched, spent, seen): (&mut Watched, &mut Spent, &mut Seen),
) -> Option<String> {
    let every = Duration::from_secs_f64(1.0 / plan.per_second.clamp(0.1, 10.0));
    let until = began + plan.length;
    let (mut next, mut last_reading, mut last_texts) = (Instant::now(), began, began);
    let mut failing: Option<(u32, Instant)> = None;
    loop {
        next = (next + every).max(Instant::now());
        if next >= until {
            tokio::select! {
                () = tokio::time::sleep_until(until.into()) => {}
                () = stop.stopped() => {}
            }
            return None;
        }
        tokio::select! {
            () = tokio::time::sleep_until(next.into()) => {}
            () = stop.stopped() => return None,
        }
        match spent.read::<Client>(door, &clients::QUERY).await {
            Ok(clients) => {
                failing = None;
                seen.take(&clients, &mut watched.watch);
            }
            Err(error) => {
                watched.failed += 1;
                let (count, since) = failing.map_or((1, Instant::now()), |(count, since)| (count + 1, since));
                failing = Some((count, since));
                if count >= LOST.0 && since.elapsed() >= LOST.1 {
                    return Some(error.to_string());
                }
            }
        }
        if last_texts.elapsed() >= TEXTS {
            last_texts = Instant::now();
            let asked = Instant::now();
            if let Ok(sample) = collect::sample(door).await {
                seen.texts(&sample.sessions, TEXTS.as_secs_f64());
            }
            spent.transactions += 1;
            spent.time += asked.elapsed();
        }
        if last_reading.elapsed() >= READING && until.saturating_duration_since(Instant::now()) >= READING / 2 {
            last_reading = Instant::now();
            if let Ok(reading) = reading(door, spent).await {
                watched.readings.push(reading);
            }
        }
    }
}

/// The counters, and the sessions of the same instant.
async fn reading(door: &Door, spent: &mut Spent) -> Result<Reading, ReadError> {
    let stats = spent.read::<database_stats::DatabaseStats>(door, &database_stats::QUERY).await?;
    let clients = spent.read::<Client>(door, &clients::QUERY).await?;
    let at = clients.iter().find(|client| client.is_own).and_then(|client| client.read_at).unwrap_or_default();
    let counters = stats.into_iter().map(|row| DatabaseCounters {
        transactions: row.commits + row.rollbacks,
        database: row.database,
        active_ms: row.active_ms,
        idle_in_transaction_ms: row.idle_in_transaction_ms,
        sessions: row.sessions,
        stats_reset: row.stats_reset,
    });
    let sessions = clients.into_iter().filter(|client| !client.is_ours()).map(|client| InFlight {
        database: client.database.unwrap_or_default(),
        state: client.state.unwrap_or_default(),
        transaction_started_at: client.transaction_started_at,
        state_changed_at: client.state_changed_at,
    });
    let own = Own {
        database: door.identity().database.clone(),
        transactions: spent.transactions,
        seconds: spent.time.as_secs_f64(),
    };
    Ok(Reading { at, databases: counters.collect(), sessions: sessions.collect(), own })
}

/// What a server lets in, and what it ends by itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Server {
    /// Its connections.
    pub limits: Limits,
    /// Its major version.
    pub major: u32,
    /// Whether transactions that wait for their client are ended.
    pub idle_limit: Option<IdleLimit>,
    /// When it was read.
    pub at: Timestamp,
}

/// Kept free for people, monitors and migrations.
pub const OTHERS: u32 = 3;

/// Reads the limits of a server.
///
/// # Errors
/// They could not be read.
pub async fn server(door: &Door) -> Result<Server, ReadError> {
    let mut spent = Spent::default();
    let settings = spent.read::<settings::Setting>(door, &settings::QUERY).await?;
    let roles = spent.read::<roles::Role>(door, &roles::QUERY).await?;
    let databases = spent.read::<databases::DatabaseInfo>(door, &databases::QUERY).await?;
    let overrides = spent.read::<setting_overrides::SettingOverride>(door, &setting_overrides::QUERY).await?;
    let clients = spent.read::<Client>(door, &clients::QUERY).await?;
    // what a new session gets: this one has limits of its own
    let number = |name: &str| {
        let setting = settings.iter().find(|one| one.name == name)?;
        setting.reset_value.as_ref().unwrap_or(&setting.setting).parse::<u32>().ok()
    };
    let limits = Limits {
        max_connections: number("max_connections").unwrap_or(0),
        superuser_reserved: number("superuser_reserved_connections").unwrap_or(0),
        reserved: number("reserved_connections").unwrap_or(0),
        others: OTHERS,
        roles: roles.iter().map(|role| limit(&role.name, role.connection_limit)).collect(),
        databases: databases.iter().map(|database| limit(&database.name, database.connection_limit)).collect(),
    };
    // roles that only administer, replicate or monitor hold no connection for an application
    let is_tool = |role: &roles::Role| {
        role.is_superuser || role.replication || role.member_of.iter().any(|group| group == "pg_monitor")
    };
    let logins: Vec<&roles::Role> = roles.iter().filter(|role| role.can_login && !is_tool(role)).collect();
    const IDLE: &str = "idle_in_transaction_session_timeout";
    let is_global = number(IDLE).is_some_and(|millis| millis > 0);
    let is_limited = |role: &roles::Role| {
        let own = overrides.iter().find(|one| one.name == IDLE && one.role.as_deref() == Some(role.name.as_str()));
        own.map_or(is_global, |own| own.value != "0")
    };
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Server {
        limits,
        major: u32::from(door.version().major()),
        idle_limit: (!logins.is_empty()).then(|| IdleLimit {
            roles: count(logins.len()),
            limited: count(logins.iter().filter(|role| is_limited(role)).count()),
        }),
        at: clients.iter().find_map(|client| client.read_at).unwrap_or_default(),
    })
}

fn limit(name: &str, connections: i32) -> Limit {
    Limit { name: name.to_owned(), connections: i64::from(connections) }
}
