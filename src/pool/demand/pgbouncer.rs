//! Demand from PgBouncer's own counters: how long transactions held a server connection, and how long they waited for one.
//!
//! Its `total_xact_time` begins when a client asks, so the time that the client waited for a server is in it:
//! hold = (xact_time − wait_time) ÷ count.

use super::{Busiest, Demand, Demands, Key, MeasuredWait, NoDemand, Period, Tier};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// A row of `SHOW STATS`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseStats {
    /// The database, by PgBouncer's name.
    pub database: String,
    /// `total_xact_count`.
    pub transactions: u64,
    /// `total_xact_time`, microseconds.
    pub transaction_micros: u64,
    /// `total_query_time`, microseconds.
    pub query_micros: u64,
    /// `total_wait_time`, microseconds.
    pub wait_micros: u64,
}

/// A row of `SHOW POOLS`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolState {
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// `cl_active`.
    pub clients_active: u32,
    /// `cl_waiting`.
    pub clients_waiting: u32,
    /// `sv_active`.
    pub servers_active: u32,
    /// All server connections of the pool.
    pub servers: u32,
    /// `maxwait` and `maxwait_us` together, microseconds.
    pub longest_wait_micros: u64,
    /// `session`, `transaction`, `statement`.
    pub pool_mode: String,
    /// The most server connections it may have, from `SHOW DATABASES` or the default.
    pub pool_size: Option<u32>,
}

/// One reading of the console.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The clock it was read by.
    pub at: Timestamp,
    /// `SHOW STATS`.
    pub databases: Vec<DatabaseStats>,
    /// `SHOW POOLS`.
    pub pools: Vec<PoolState>,
}

/// Its own console, which is no database.
const CONSOLE: &str = "pgbouncer";

#[derive(Debug, Clone, Copy, Default)]
struct Change {
    transactions: f64,
    held: f64,
    queried: f64,
    waited: f64,
}

impl Change {
    /// None where a counter went back: PgBouncer was started anew.
    fn between(before: &DatabaseStats, after: &DatabaseStats) -> Option<Self> {
        let less = |after: u64, before: u64| after.checked_sub(before).map(|difference| difference as f64);
        let waited = less(after.wait_micros, before.wait_micros)? / 1e6;
        let all = less(after.transaction_micros, before.transaction_micros)? / 1e6;
        Some(Self {
            transactions: less(after.transactions, before.transactions)?,
            held: (all - waited).max(0.0),
            queried: less(after.query_micros, before.query_micros)? / 1e6,
            waited,
        })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            transactions: self.transactions + other.transactions,
            held: self.held + other.held,
            queried: self.queried + other.queried,
            waited: self.waited + other.waited,
        }
    }
}

/// The demand between the first and the last reading; the busiest time is that between two neighbours.
///
/// # Errors
/// Fewer than two readings, no time between them, or a PgBouncer that started anew each time.
pub fn demands(readings: &[Reading]) -> Result<Demands, NoDemand> {
    let (Some(last), true) = (readings.last(), readings.len() >= 2) else {
        return Err(NoDemand::TooFew("readings of PgBouncer's SHOW STATS"));
    };
    let none = DatabaseStats::default();
    let mut steps: Vec<(Period, BTreeMap<&str, Change>)> = Vec::new();
    let mut restarts = 0;
    for two in readings.windows(2) {
        let [before, after] = two else { continue };
        let Some(period) = Period::between(before.at, after.at) else { continue };
        let mut changes = BTreeMap::new();
        let mut is_whole = true;
        for stats in after.databases.iter().filter(|stats| stats.database != CONSOLE) {
            let earlier = before.databases.iter().find(|row| row.database == stats.database).unwrap_or(&none);
            match Change::between(earlier, stats) {
                Some(change) => drop(changes.insert(stats.database.as_str(), change)),
                None => is_whole = false,
            }
        }
        match is_whole {
            true => steps.push((period, changes)),
            false => restarts += 1,
        }
    }
    if steps.is_empty() {
        return Err(if restarts > 0 { NoDemand::Reset } else { NoDemand::NoTime });
    }
    let names: std::collections::BTreeSet<&str> =
        steps.iter().flat_map(|(_, changes)| changes.keys().copied()).collect();
    let mut notes = Vec::new();
    if restarts > 0 {
        notes.push(format!(
            "partial: PgBouncer's counters went back {restarts} times; the time around that is left out"
        ));
    }
    let build = |key: Key, name: Option<&str>| {
        let of = |changes: &BTreeMap<&str, Change>| {
            let own = changes.iter().filter(|(database, _)| name.is_none_or(|name| name == **database));
            own.fold(Change::default(), |sum, (_, change)| sum.plus(*change))
        };
        let stepped: Vec<(Period, Change)> = steps.iter().map(|(period, changes)| (*period, of(changes))).collect();
        let mut demand = of_steps(key, &stepped)?;
        let own: Vec<&PoolState> = last
            .pools
            .iter()
            .filter(|pool| pool.database != CONSOLE && name.is_none_or(|name| name == pool.database))
            .collect();
        demand.observed_max = own.iter().map(|pool| pool.servers_active).reduce(|a, b| a.saturating_add(b));
        let size = match own.as_slice() {
            [only] => only.pool_size,
            _ => None,
        };
        let sum = stepped.iter().fold(Change::default(), |sum, (_, change)| sum.plus(*change));
        demand.wait = (sum.transactions > 0.0).then(|| MeasuredWait {
            mean_seconds: sum.waited / sum.transactions,
            size,
            waiting: own.iter().map(|pool| pool.clients_waiting).fold(0, u32::saturating_add),
            longest_seconds: own.iter().map(|pool| pool.longest_wait_micros).max().unwrap_or(0) as f64 / 1e6,
        });
        if own.iter().any(|pool| pool.pool_mode == "session") {
            demand.notes.push(
                "in session pooling a client holds its server connection until it leaves; what is sized here is transactions, \
                 for transaction pooling"
                    .into(),
            );
        }
        demand.notes.extend(notes.iter().cloned());
        Some(demand)
    };
    let total = build(Key::ALL, None).ok_or(NoDemand::NoTime)?;
    let parts = names.into_iter().filter_map(|name| build(Key::database(name), Some(name))).collect();
    Ok(Demands::sorted(total, parts))
}

fn of_steps(key: Key, steps: &[(Period, Change)]) -> Option<Demand> {
    let seconds: f64 = steps.iter().map(|(period, _)| period.seconds).sum();
    let sum = steps.iter().fold(Change::default(), |sum, (_, change)| sum.plus(*change));
    let mut period = Period::between(steps.first()?.0.from, steps.last()?.0.to)?;
    period.seconds = seconds;
    let mut demand = Demand::new(Tier::PgBouncer, key, period, sum.held / seconds);
    demand.idle_erlangs = Some((sum.held - sum.queried).max(0.0) / seconds);
    demand.arrivals_per_second = Some(sum.transactions / seconds);
    demand.mean_hold_seconds = (sum.transactions > 0.0).then(|| sum.held / sum.transactions);
    if steps.len() > 1 {
        let erlangs = |(period, change): &(Period, Change)| change.held / period.seconds;
        let (period, busiest) = steps.iter().max_by(|a, b| erlangs(a).total_cmp(&erlangs(b)))?;
        demand.busiest = Some(Busiest {
            period: *period,
            erlangs: busiest.held / period.seconds,
            arrivals_per_second: Some(busiest.transactions / period.seconds),
            mean_hold_seconds: (busiest.transactions > 0.0).then(|| busiest.held / busiest.transactions),
        });
        demand.peak_per_second =
            steps.iter().map(|(period, change)| change.transactions / period.seconds).reduce(f64::max);
    }
    Some(demand)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(second: i64, transactions: u64, transaction_micros: u64, wait_micros: u64) -> Reading {
        let own = DatabaseStats {
            database: "shop".into(),
            transactions,
            transaction_micros,
            query_micros: transactions * 6000,
            wait_micros,
        };
        let console = DatabaseStats { database: CONSOLE.into(), transactions: 1_000_000, ..DatabaseStats::default() };
        let pool = PoolState {
            database: "shop".into(),
            user: "app".into(),
            servers_active: 3,
            clients_waiting: 2,
            longest_wait_micros: 40_000,
            pool_mode: "transaction".into(),
            pool_size: Some(3),
            ..PoolState::default()
        };
        Reading {
            at: Timestamp::from_unix_micros(second * 1_000_000),
            databases: vec![own, console],
            pools: vec![pool],
        }
    }

    #[test]
    fn the_wait_is_no_part_of_the_hold() {
        // pool of 3: 37.9 ms = 25.7 held + 12.2 waited
        let demands = demands(&[reading(0, 0, 0, 0), reading(40, 3200, 3200 * 37_900, 3200 * 12_200)]).unwrap();
        let total = &demands.total;
        assert!((total.mean_hold_seconds.unwrap() - 0.0257).abs() < 1e-9);
        assert!((total.erlangs - 80.0 * 0.0257).abs() < 1e-9);
        assert!((total.idle_erlangs.unwrap() - 80.0 * 0.0197).abs() < 1e-9);
        let wait = total.wait.unwrap();
        assert!((wait.mean_seconds - 0.0122).abs() < 1e-9);
        assert_eq!((wait.size, wait.waiting, wait.longest_seconds), (Some(3), 2, 0.04));
        assert!(total.censored.is_none());
        assert_eq!(demands.parts.len(), 1, "the console is no database");
    }

    #[test]
    fn a_restart_in_the_middle_leaves_the_rest() {
        let all = [
            reading(0, 1000, 1_000_000, 0),
            reading(10, 2000, 2_000_000, 0),
            reading(20, 5, 5000, 0),
            reading(30, 1005, 2_005_000, 0),
        ];
        let total = demands(&all).unwrap().total;
        assert_eq!((total.period.seconds, total.erlangs), (20.0, 0.15));
        assert!(total.notes[0].starts_with("partial: PgBouncer's counters went back 1 times"));
        assert_eq!(total.busiest.unwrap().erlangs, 0.2);
        assert_eq!(demands(&all[1..3]), Err(NoDemand::Reset));
    }

    #[test]
    fn nothing_to_tell() {
        assert!(matches!(demands(&[reading(0, 1, 1, 1)]), Err(NoDemand::TooFew(_))));
        assert_eq!(demands(&[reading(9, 1, 1, 1), reading(9, 2, 2, 2)]), Err(NoDemand::NoTime));
        assert!(!demands(&[reading(0, 5, 5, 0), reading(9, 5, 5, 0)]).unwrap().total.has_traffic());
        let mut session = reading(9, 50, 5000, 0);
        session.pools[0].pool_mode = "session".into();
        assert!(demands(&[reading(0, 5, 5, 0), session]).unwrap().total.notes[0].starts_with("in session pooling"));
    }
}
