//! Demand from `pg_stat_database`: the time that sessions were active and idle in transactions, between readings.
//!
//! The server adds a session's time only when its transaction ends: six seconds into a transaction the counter has not moved.
//! So what every open transaction has lasted is added at the end of the time and taken off at its beginning. What remains is
//! that a busy session tells its counters once a second and an idle one up to ten seconds later: readings lie a minute apart.

use super::{Busiest, Demand, Demands, Key, NoDemand, Period, Tier};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// A database's counters, in the server's units.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DatabaseCounters {
    /// The database.
    pub database: String,
    /// Milliseconds executing.
    pub active_ms: f64,
    /// Milliseconds idle in transactions.
    pub idle_in_transaction_ms: f64,
    /// Transactions that ended, either way.
    pub transactions: i64,
    /// Sessions that began: each ended one transaction that no client asked for.
    pub sessions: i64,
    /// When the counters were reset; none if they never were.
    pub stats_reset: Option<Timestamp>,
}

/// A session that holds its connection at the instant of a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// Its database.
    pub database: String,
    /// `active`, `idle in transaction`, …; others hold nothing.
    pub state: String,
    /// When its transaction began.
    pub transaction_started_at: Option<Timestamp>,
    /// When its state changed.
    pub state_changed_at: Option<Timestamp>,
}

/// One reading of the counters, with the sessions of the same instant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// The server's clock.
    pub at: Timestamp,
    /// The counters.
    pub databases: Vec<DatabaseCounters>,
    /// The sessions.
    pub sessions: Vec<InFlight>,
    /// What this program did itself up to then, which is no demand.
    pub own: Own,
}

/// What a program that watches adds to the counters it watches, since it began.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Own {
    /// In which database.
    pub database: String,
    /// Its transactions.
    pub transactions: i64,
    /// Seconds in them.
    pub seconds: f64,
}

/// The states in which a connection is held.
pub fn holds(state: &str) -> bool {
    matches!(state, "active" | "idle in transaction" | "idle in transaction (aborted)" | "fastpath function call")
}

/// Seconds that a session's open transaction has lasted, and of those the ones since it last went idle in it.
fn lasted(session: &InFlight, at: Timestamp) -> (f64, f64) {
    if !holds(&session.state) {
        return (0.0, 0.0);
    }
    let since =
        |instant: Option<Timestamp>| instant.and_then(|instant| at.seconds_since(instant)).unwrap_or(0.0).max(0.0);
    let state = since(session.state_changed_at);
    let whole = since(session.transaction_started_at).max(state);
    // what it was idle before its current statement is not known: it counts as active
    (whole, if session.state.starts_with("idle") { state } else { 0.0 })
}

/// What happened in one database between two readings.
#[derive(Debug, Clone, Copy, Default)]
struct Change {
    held: f64,
    idle: f64,
    transactions: f64,
    seconds: f64,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    was_reset: bool,
}

impl Change {
    fn plus(self, other: Self) -> Self {
        Self {
            held: self.held + other.held,
            idle: self.idle + other.idle,
            transactions: self.transactions + other.transactions,
            seconds: self.seconds + other.seconds,
            from: self.from.or(other.from),
            to: other.to.or(self.to),
            was_reset: self.was_reset || other.was_reset,
        }
    }

    fn demand(&self, key: Key, seconds: f64) -> Option<Demand> {
        let mut period = Period::between(self.from?, self.to?)?;
        period.seconds = seconds;
        let held = self.held.max(0.0);
        let mut demand = Demand::new(Tier::Counters, key, period, held / seconds);
        demand.idle_erlangs = Some(self.idle.clamp(0.0, held) / seconds);
        demand.arrivals_per_second = Some(self.transactions.max(0.0) / seconds);
        demand.mean_hold_seconds = (self.transactions >= 1.0).then(|| held / self.transactions);
        if self.was_reset {
            demand.notes.push("partial: the counters were reset meanwhile; only the time since counts".into());
        }
        if seconds < SHORT {
            demand
                .notes
                .push(format!("over {seconds:.0} seconds only: sessions tell their counters up to ten seconds late"));
        }
        Some(demand)
    }
}

/// Shorter, and what sessions have not told yet weighs.
const SHORT: f64 = 60.0;

/// The demand between the first and the last of the readings; the busiest time is that between two neighbours.
///
/// # Errors
/// Fewer than two readings, no time between them, or counters that started anew each time.
pub fn demands(readings: &[Reading]) -> Result<Demands, NoDemand> {
    if readings.len() < 2 {
        return Err(NoDemand::TooFew("readings of pg_stat_database"));
    }
    let mut databases: BTreeMap<&str, Vec<Change>> = BTreeMap::new();
    let mut steps: Vec<Change> = Vec::new();
    let mut has_time = false;
    for two in readings.windows(2) {
        let [before, after] = two else { continue };
        let Some(period) = Period::between(before.at, after.at) else { continue };
        has_time = true;
        let mut step =
            Change { from: Some(before.at), to: Some(after.at), seconds: period.seconds, ..Change::default() };
        for counters in &after.databases {
            let Some(change) = change(before, after, counters) else { continue };
            databases.entry(&counters.database).or_default().push(change);
            // a database that was reset counts for less time; its rate is taken to hold for the whole step
            let stretched = period.seconds / change.seconds;
            step.held += change.held * stretched;
            step.idle += change.idle * stretched;
            step.transactions += change.transactions * stretched;
            step.was_reset |= change.was_reset;
        }
        steps.push(step);
    }
    if !has_time {
        return Err(NoDemand::NoTime);
    }
    if databases.is_empty() && readings.iter().any(|reading| !reading.databases.is_empty()) {
        return Err(NoDemand::Reset);
    }
    let total = of(Key::ALL, &steps).ok_or(NoDemand::Reset)?;
    let parts = databases.into_iter().filter_map(|(name, changes)| of(Key::database(name), &changes)).collect();
    Ok(Demands::sorted(total, parts))
}

/// The mean since the counters were reset, or since the server first started where nobody ever did: no more than a hint.
///
/// # Errors
/// Nothing has a known beginning.
pub fn since_reset(reading: &Reading, started_at: Option<Timestamp>) -> Result<Demands, NoDemand> {
    let mut parts = Vec::new();
    for counters in &reading.databases {
        let Some(from) = counters.stats_reset.or(started_at) else { continue };
        let Some(period) = Period::between(from, reading.at) else { continue };
        let change = Change {
            held: (counters.active_ms + counters.idle_in_transaction_ms) / 1e3 + open(reading, &counters.database).0,
            idle: counters.idle_in_transaction_ms / 1e3,
            transactions: (counters.transactions - counters.sessions) as f64,
            seconds: period.seconds,
            from: Some(from),
            to: Some(reading.at),
            was_reset: false,
        };
        parts.extend(change.demand(Key::database(&counters.database), period.seconds));
    }
    let mut total = parts.iter().max_by(|a, b| a.period.seconds.total_cmp(&b.period.seconds)).cloned();
    if let Some(total) = &mut total {
        total.key = Key::ALL;
        let sum = |of: &dyn Fn(&Demand) -> Option<f64>| parts.iter().filter_map(of).sum::<f64>();
        total.erlangs = sum(&|part| Some(part.erlangs));
        total.idle_erlangs = Some(sum(&|part| part.idle_erlangs));
        let rate = sum(&|part| part.arrivals_per_second);
        total.arrivals_per_second = Some(rate);
        total.mean_hold_seconds = (rate > 0.0).then(|| total.erlangs / rate);
        total.notes =
            vec!["the mean since the counters were reset, quiet hours included: read twice to see today's load".into()];
    }
    total.map(|total| Demands::sorted(total, parts)).ok_or(NoDemand::NoTime)
}

fn of(key: Key, changes: &[Change]) -> Option<Demand> {
    let sum = changes.iter().fold(Change::default(), |sum, change| sum.plus(*change));
    let mut demand = sum.demand(key, sum.seconds)?;
    if changes.len() > 1 {
        let busiest = changes.iter().max_by(|a, b| (a.held / a.seconds).total_cmp(&(b.held / b.seconds)))?;
        let part = busiest.demand(Key::ALL, busiest.seconds)?;
        demand.busiest = Some(Busiest {
            period: part.period,
            erlangs: part.erlangs,
            arrivals_per_second: part.arrivals_per_second,
            mean_hold_seconds: part.mean_hold_seconds,
        });
        let rate = |change: &Change| change.transactions / change.seconds;
        demand.peak_per_second = changes.iter().map(rate).reduce(f64::max);
    }
    Some(demand)
}

/// What the open transactions of a database have lasted, in seconds: all, and idle since their last statement.
fn open(reading: &Reading, database: &str) -> (f64, f64) {
    let own = reading.sessions.iter().filter(|session| session.database == database);
    own.map(|session| lasted(session, reading.at)).fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

fn change(before: &Reading, after: &Reading, now: &DatabaseCounters) -> Option<Change> {
    let earlier = before.databases.iter().find(|counters| counters.database == now.database);
    let was_reset = earlier.is_some_and(|earlier| {
        earlier.stats_reset != now.stats_reset
            || earlier.active_ms > now.active_ms
            || earlier.transactions > now.transactions
            || earlier.sessions > now.sessions
    });
    let (still_held, still_idle) = open(after, &now.database);
    let from = match (earlier, was_reset) {
        // since then all that is counted was counted in this time
        (_, true) => now.stats_reset.filter(|reset| *reset > before.at && *reset < after.at)?,
        (None, false) => before.at,
        (Some(_), false) => before.at,
    };
    let seconds = Period::between(from, after.at)?.seconds;
    let none = DatabaseCounters::default();
    let base = earlier.filter(|_| !was_reset).unwrap_or(&none);
    // a transaction that was open at the reset is not told from one that began after it: what it may have lasted at most
    let (held_before, idle_before) = if was_reset { (0.0, 0.0) } else { open(before, &now.database) };
    let (still_held, still_idle) = if was_reset {
        (still_held.min(seconds * open_count(after, &now.database)), still_idle)
    } else {
        (still_held, still_idle)
    };
    let (own_transactions, own_seconds) = match after.own.database == now.database {
        true => (after.own.transactions - before.own.transactions, after.own.seconds - before.own.seconds),
        false => (0, 0.0),
    };
    let counted = (now.active_ms - base.active_ms) / 1e3 - own_seconds;
    let idle = (now.idle_in_transaction_ms - base.idle_in_transaction_ms) / 1e3;
    Some(Change {
        held: (counted + idle + still_held - held_before).max(0.0),
        idle: (idle + still_idle - idle_before).max(0.0),
        transactions: ((now.transactions - base.transactions) - (now.sessions - base.sessions) - own_transactions)
            .max(0) as f64,
        seconds,
        from: Some(from),
        to: Some(after.at),
        was_reset,
    })
}

fn open_count(reading: &Reading, database: &str) -> f64 {
    reading.sessions.iter().filter(|session| session.database == database && holds(&session.state)).count() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_unix_micros(1_700_000_000_000_000).plus_seconds(seconds)
    }

    fn reading(seconds: f64, active: f64, idle: f64, transactions: i64) -> Reading {
        let counters = DatabaseCounters {
            database: "shop".into(),
            active_ms: active * 1e3,
            idle_in_transaction_ms: idle * 1e3,
            transactions,
            ..DatabaseCounters::default()
        };
        Reading { at: at(seconds), databases: vec![counters], ..Reading::default() }
    }

    fn session(state: &str, transaction: f64, changed: f64) -> InFlight {
        InFlight {
            database: "shop".into(),
            state: state.into(),
            transaction_started_at: Some(at(transaction)),
            state_changed_at: Some(at(changed)),
        }
    }

    #[test]
    fn the_run_of_the_reference() {
        // 19.93 s active and 64.91 s idle in transactions in 40 s: 2.12 erlangs
        let demands = demands(&[reading(0.0, 100.0, 0.0, 0), reading(40.0, 119.93, 64.91, 3343)]).unwrap();
        let total = &demands.total;
        assert!((total.erlangs - 2.121).abs() < 0.001, "{}", total.erlangs);
        assert!((total.idle_erlangs.unwrap() - 1.623).abs() < 0.001);
        assert!((total.busy_ratio().unwrap() - 0.235).abs() < 0.001);
        assert!((total.mean_hold_seconds.unwrap() - 0.02538).abs() < 0.0001);
        assert!(total.busiest.is_none());
        assert!(total.notes[0].starts_with("over 40 seconds only"));
        assert_eq!(demands.parts[0].key, Key::database("shop"));
    }

    #[test]
    fn open_transactions_are_put_right() {
        // one that is open all the time: the counters never move
        let mut before = reading(100.0, 5.0, 5.0, 10);
        let mut after = reading(200.0, 5.0, 5.0, 10);
        before.sessions.push(session("idle in transaction", 40.0, 90.0));
        after.sessions.push(session("idle in transaction", 40.0, 90.0));
        let total = demands(&[before.clone(), after]).unwrap().total;
        assert!((total.erlangs - 1.0).abs() < 1e-9, "{}", total.erlangs);
        assert!((total.idle_erlangs.unwrap() - 1.0).abs() < 1e-9);
        // one that ended in the window: the counters get all of it at once, the 60 s before it included
        let after = reading(200.0, 15.0, 105.0, 11);
        let total = demands(&[before.clone(), after]).unwrap().total;
        assert!((total.erlangs - 0.5).abs() < 1e-9, "{}", total.erlangs);
        // one that began in the window and runs a statement now
        let mut after = reading(200.0, 5.0, 5.0, 10);
        after.sessions.push(session("active", 190.0, 199.0));
        let total = demands(&[reading(100.0, 5.0, 5.0, 10), after]).unwrap().total;
        assert!((total.erlangs - 0.1).abs() < 1e-9, "{}", total.erlangs);
        assert_eq!(total.idle_erlangs, Some(0.0));
        // idle sessions hold nothing
        let mut idle = reading(200.0, 5.0, 5.0, 10);
        idle.sessions.push(session("idle", 100.0, 150.0));
        assert!(!demands(&[reading(100.0, 5.0, 5.0, 10), idle]).unwrap().total.has_traffic());
    }

    #[test]
    fn sessions_that_begin_are_no_transactions() {
        let mut after = reading(60.0, 6.0, 0.0, 403);
        after.databases[0].sessions = 201;
        let total = demands(&[reading(0.0, 0.0, 0.0, 0), after]).unwrap().total;
        assert!((total.arrivals_per_second.unwrap() - 202.0 / 60.0).abs() < 1e-9);
    }

    #[test]
    fn a_reset_in_the_middle_leaves_the_rest() {
        let mut after = reading(100.0, 4.0, 1.0, 50);
        after.databases[0].stats_reset = Some(at(90.0));
        let before = reading(0.0, 500.0, 50.0, 9000);
        let total = demands(&[before.clone(), after]).unwrap().total;
        assert!((total.erlangs - 0.5).abs() < 1e-9, "{}", total.erlangs);
        assert!(total.notes[0].starts_with("partial: the counters were reset"), "{:?}", total.notes);
        // counters that went back without a word of it: a crash; nothing says when
        assert_eq!(demands(&[before, reading(100.0, 4.0, 1.0, 50)]), Err(NoDemand::Reset));
    }

    #[test]
    fn the_busiest_of_many() {
        let all = [
            reading(0.0, 0.0, 0.0, 0),
            reading(60.0, 6.0, 0.0, 60),
            reading(120.0, 126.0, 0.0, 660),
            reading(180.0, 132.0, 0.0, 720),
        ];
        let total = demands(&all).unwrap().total;
        let busiest = total.busiest.unwrap();
        assert_eq!((busiest.period.from, busiest.erlangs), (at(60.0), 2.0));
        assert_eq!((total.peak(), total.load()), (Some(10.0), 2.0));
        assert!((total.erlangs - 132.0 / 180.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_to_tell() {
        assert_eq!(demands(&[reading(0.0, 1.0, 0.0, 0)]), Err(NoDemand::TooFew("readings of pg_stat_database")));
        assert_eq!(demands(&[reading(5.0, 1.0, 0.0, 0), reading(0.0, 2.0, 0.0, 9)]), Err(NoDemand::NoTime));
        let idle = demands(&[reading(0.0, 1.0, 0.0, 3), reading(60.0, 1.0, 0.0, 3)]).unwrap();
        assert!(!idle.total.has_traffic());
        let empty = |seconds| Reading { at: at(seconds), ..Reading::default() };
        assert!(!demands(&[empty(0.0), empty(60.0)]).unwrap().total.has_traffic());
    }

    #[test]
    fn since_the_reset() {
        let mut one = reading(1000.0, 90.0, 10.0, 1000);
        assert_eq!(since_reset(&one, None), Err(NoDemand::NoTime));
        one.databases[0].stats_reset = Some(at(0.0));
        let demands = since_reset(&one, None).unwrap();
        assert!((demands.total.erlangs - 0.1).abs() < 1e-9);
        assert_eq!(demands.total.key, Key::ALL);
        assert_eq!(demands.total.notes.len(), 1);
        assert!((demands.total.mean_hold_seconds.unwrap() - 0.1).abs() < 1e-9);
    }
}
