//! How many connections are held at once, by whom, and how that is known.
//!
//! The unit is the erlang: connections held at once, on average; a transaction a second that holds its connection for a
//! quarter of a second is a quarter of one. A connection is held from the first statement of a transaction to its commit, the
//! client's own work in between included. What a client holds outside transactions a server does not see.
//!
//! There are four kinds of evidence, one file each. All end in a [`Demand`].

pub mod counters;
pub mod occupancy;
pub mod pgbouncer;
pub mod transactions;

use super::dispersion::Dispersion;
use super::waits::Interval;
use crate::rule::words;
use crate::time::Timestamp;
use occupancy::Occupancy;
use serde::{Deserialize, Serialize};

words! {
    /// What a demand was measured from, weakest first.
    Tier {
        /// The time that `pg_stat_database` counts as active and idle in transaction: a mean, no peak.
        Counters = "counters",
        /// How many sessions were seen busy, again and again.
        Sampling = "sampling",
        /// PgBouncer's own counters: how long transactions held and waited, as means.
        PgBouncer = "pgbouncer",
        /// The transactions of a log, one by one.
        Trace = "trace",
    }
}

/// Whose demand it is; what is none was rolled up.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `application_name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Where the client is: an address, or `local`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
}

impl Key {
    /// Of everything together.
    pub const ALL: Self = Self { database: None, role: None, application: None, client_address: None };

    /// Of one database.
    pub fn database(name: &str) -> Self {
        Self { database: Some(name.to_owned()), ..Self::ALL }
    }

    /// Whether `other` is this one, or a part of it.
    pub fn covers(&self, other: &Self) -> bool {
        let covers = |own: &Option<String>, other: &Option<String>| own.is_none() || own == other;
        covers(&self.database, &other.database)
            && covers(&self.role, &other.role)
            && covers(&self.application, &other.application)
            && covers(&self.client_address, &other.client_address)
    }

    /// What it is part of, from everything down to itself: of a database, of a role in it, of itself.
    pub fn roll_ups(&self) -> Vec<Self> {
        let database = Self { database: self.database.clone(), ..Self::ALL };
        let role = Self { role: self.role.clone(), ..database.clone() };
        let mut all = vec![Self::ALL, database, role, self.clone()];
        all.dedup();
        all
    }

    /// In words: `app in shop from 10.0.0.1 (web)`.
    pub fn label(&self) -> String {
        let mut text = self.role.clone().unwrap_or_default();
        for (word, part) in [("in", &self.database), ("from", &self.client_address)] {
            if let Some(part) = part {
                text = if text.is_empty() { part.clone() } else { format!("{text} {word} {part}") };
            }
        }
        match self.application.as_deref() {
            Some(application) if !application.is_empty() => format!("{text} ({application})").trim_start().to_owned(),
            _ if text.is_empty() => "all".to_owned(),
            _ => text,
        }
    }
}

/// A time that was watched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Period {
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub to: Timestamp,
    /// Seconds of it.
    pub seconds: f64,
}

impl Period {
    /// From microseconds since 1970.
    pub fn micros(from: i64, to: i64) -> Self {
        let seconds = (to as f64 - from as f64) / 1e6;
        Self { from: Timestamp::from_unix_micros(from), to: Timestamp::from_unix_micros(to), seconds }
    }

    /// Between two instants; none where no time passed.
    pub fn between(from: Timestamp, to: Timestamp) -> Option<Self> {
        let seconds = to.seconds_since(from).filter(|seconds| *seconds > 0.0)?;
        Some(Self { from, to, seconds })
    }
}

/// The time in which most connections were held.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Busiest {
    /// When that was.
    pub period: Period,
    /// Connections held at once, on average.
    pub erlangs: f64,
    /// Transactions a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrivals_per_second: Option<f64>,
    /// Seconds a transaction held its connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_hold_seconds: Option<f64>,
}

/// Signs that clients waited where nobody saw it, so that what was measured is a lower bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Censored {
    /// The share of the time in which as many connections were held as ever.
    pub at_most: f64,
    /// The share of transactions that began within a millisecond of the one before in the same session; none where sessions
    /// are not told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to_back: Option<f64>,
    /// What follows from that, in words.
    pub because: String,
}

/// Longer at the ceiling than this share of the time, and the ceiling is a pool's.
pub const AT_MOST: f64 = 0.05;
/// More transactions than this share begin at once when a connection is free.
pub const BACK_TO_BACK: f64 = 0.5;

/// Whether clients may have waited unseen.
pub fn censored(occupancy: &Occupancy, back_to_back: Option<f64>) -> Option<Censored> {
    let (most, at_most) = (occupancy.most(), occupancy.at_most());
    let is_full = most > 0 && at_most > AT_MOST;
    let is_chained = back_to_back.is_some_and(|share| share > BACK_TO_BACK);
    let because = match (is_full, is_chained) {
        (false, false) => return None,
        (true, _) => format!(
            "{most} connections were held, and never more, for {:.0} % of the time: the pool was full, or its clients are that \
             many workers; who waited for a connection meanwhile does not show here",
            at_most * 100.0
        ),
        (false, true) => format!(
            "{:.0} % of the transactions began within 1 ms of the one before in the same session: either clients waited for \
             the connection, or a request runs several transactions on one; both hold more than shows here",
            back_to_back.unwrap_or(0.0) * 100.0
        ),
    };
    Some(Censored { at_most, back_to_back, because })
}

/// A wait that a pooler measured itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeasuredWait {
    /// Seconds that a transaction waited for its connection, on average.
    pub mean_seconds: f64,
    /// Connections there were, where the pool has a fixed number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Clients waiting at the last reading.
    pub waiting: u32,
    /// Seconds that the first of them had waited.
    pub longest_seconds: f64,
}

/// How many connections are held at once, and what is known of how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    /// What it was measured from.
    pub tier: Tier,
    /// Whose it is.
    pub key: Key,
    /// When.
    pub period: Period,
    /// Connections held at once, on average.
    pub erlangs: f64,
    /// The bounds of that in other times of the same traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Of `erlangs`, those idle in a transaction: the client does something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_erlangs: Option<f64>,
    /// Transactions a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrivals_per_second: Option<f64>,
    /// Seconds a transaction holds its connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_hold_seconds: Option<f64>,
    /// The squared coefficient of variation of the holds: 1 where they are exponential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_variation: Option<f64>,
    /// The time in which most were held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busiest: Option<Busiest>,
    /// Transactions a second in the minute in which most began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_per_second: Option<f64>,
    /// The most connections held at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_max: Option<u32>,
    /// Why it is a lower bound; none where nothing speaks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub censored: Option<Censored>,
    /// How bursty the arrivals are, by scale.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dispersion: Vec<Dispersion>,
    /// For what share of the time how many were held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occupancy: Option<Occupancy>,
    /// What waiting a pooler measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<MeasuredWait>,
    /// What is incomplete or assumed, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Demand {
    /// Of this tier, key and period, with nothing else known.
    pub fn new(tier: Tier, key: Key, period: Period, erlangs: f64) -> Self {
        Self {
            tier,
            key,
            period,
            erlangs,
            interval: None,
            idle_erlangs: None,
            arrivals_per_second: None,
            mean_hold_seconds: None,
            hold_variation: None,
            busiest: None,
            peak_per_second: None,
            observed_max: None,
            censored: None,
            dispersion: Vec::new(),
            occupancy: None,
            wait: None,
            notes: Vec::new(),
        }
    }

    /// Whether anything happened at all.
    pub fn has_traffic(&self) -> bool {
        self.erlangs > 0.0 || self.arrivals_per_second.is_some_and(|rate| rate > 0.0)
    }

    /// The load a pool must be made for: of the busiest time, where one is known.
    pub fn load(&self) -> f64 {
        self.busiest.map_or(self.erlangs, |busiest| busiest.erlangs.max(self.erlangs))
    }

    /// Seconds a transaction holds its connection at that load.
    pub fn hold(&self) -> Option<f64> {
        self.busiest.and_then(|busiest| busiest.mean_hold_seconds).or(self.mean_hold_seconds)
    }

    /// The most transactions a second, over the busiest minute where that is known.
    pub fn peak(&self) -> Option<f64> {
        let busiest = self.busiest.and_then(|busiest| busiest.arrivals_per_second);
        [self.peak_per_second, busiest, self.arrivals_per_second].into_iter().flatten().reduce(f64::max)
    }

    /// The share of the held time in which the server worked; none where that is not known.
    pub fn busy_ratio(&self) -> Option<f64> {
        let idle = self.idle_erlangs.filter(|_| self.erlangs > 0.0)?;
        Some((1.0 - idle / self.erlangs).clamp(0.0, 1.0))
    }

    /// How far it can be trusted, in words.
    pub fn confidence(&self) -> String {
        let minutes = self.period.seconds / 60.0;
        let span = match minutes {
            minutes if minutes < 2.0 => format!("{:.0} seconds", self.period.seconds),
            minutes if minutes < 120.0 => format!("{minutes:.0} minutes"),
            minutes => format!("{:.0} hours", minutes / 60.0),
        };
        let how = match &self.tier {
            Tier::Counters => "low: counters know the mean and neither bursts nor the peak",
            Tier::Sampling => "medium: samples know how many were held, not how long clients waited",
            Tier::PgBouncer => "medium: PgBouncer knows how long transactions held and waited, as means",
            Tier::Trace => "high: every transaction was seen",
            Tier::Other(_) => "unknown",
        };
        let bound = if self.censored.is_some() { "; a lower bound" } else { "" };
        format!("{how}, over {span}{bound}")
    }
}

/// The demand of all together and of its parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Demands {
    /// Of all.
    pub total: Demand,
    /// Of databases, roles in them, applications; the largest first.
    pub parts: Vec<Demand>,
}

impl Demands {
    fn sorted(total: Demand, mut parts: Vec<Demand>) -> Self {
        parts.sort_by(|a, b| b.erlangs.total_cmp(&a.erlangs).then_with(|| a.key.cmp(&b.key)));
        Self { total, parts }
    }

    /// Of one key.
    pub fn of(&self, key: &Key) -> Option<&Demand> {
        std::iter::once(&self.total).chain(&self.parts).find(|demand| demand.key == *key)
    }
}

/// Why there is no demand to speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoDemand {
    /// Fewer readings or samples than a difference takes.
    TooFew(&'static str),
    /// The clock stood still or went back.
    NoTime,
    /// The counters started anew, and nothing usable is left between the readings.
    Reset,
}

impl std::fmt::Display for NoDemand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooFew(what) => write!(f, "too few {what} to measure a demand from: two at least"),
            Self::NoTime => f.write_str("no time passed between the readings, or the clock went back"),
            Self::Reset => f.write_str("the counters were reset between all of the readings: read again"),
        }
    }
}

impl std::error::Error for NoDemand {}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn key(database: &str, role: &str, application: &str) -> Key {
        Key {
            database: Some(database.into()),
            role: Some(role.into()),
            application: Some(application.into()),
            client_address: Some("10.0.0.1".into()),
        }
    }

    #[test]
    fn keys_roll_up() {
        let key = key("shop", "app", "web");
        assert_eq!(key.label(), "app in shop from 10.0.0.1 (web)");
        let labels: Vec<String> = key.roll_ups().iter().map(Key::label).collect();
        assert_eq!(labels, ["all", "shop", "app in shop", "app in shop from 10.0.0.1 (web)"]);
        assert!(key.roll_ups().iter().all(|part| part.covers(&key)));
        assert!(!key.covers(&Key::ALL));
        assert_eq!(Key::database("shop").roll_ups().len(), 2);
        assert_eq!(Key { application: Some("web".into()), ..Key::ALL }.label(), "(web)");
    }

    #[test]
    fn a_full_pool_is_a_lower_bound() {
        let busy = |shares: &[f64]| Occupancy { shares: shares.to_vec() };
        assert!(censored(&busy(&[0.5, 0.3, 0.16, 0.04]), Some(0.1)).is_none());
        let full = censored(&busy(&[0.1, 0.2, 0.7]), Some(0.9)).unwrap();
        assert!(full.because.starts_with("2 connections were held, and never more, for 70 %"), "{}", full.because);
        let chained = censored(&busy(&[0.5, 0.3, 0.16, 0.04]), Some(0.6)).unwrap();
        assert!(chained.because.starts_with("60 % of the transactions"), "{}", chained.because);
        assert!(censored(&busy(&[1.0]), None).is_none());
    }

    #[test]
    fn a_demand_goes_through_json() {
        let mut demand = Demand::new(Tier::Trace, key("shop", "app", "web"), Period::micros(0, 60_000_000), 2.5);
        demand.idle_erlangs = Some(1.0);
        demand.censored = censored(&Occupancy { shares: vec![0.0, 1.0] }, None);
        let json = serde_json::to_string(&demand).unwrap();
        assert_eq!(serde_json::from_str::<Demand>(&json).unwrap(), demand);
        assert_eq!(demand.busy_ratio(), Some(0.6));
        assert_eq!(demand.confidence(), "high: every transaction was seen, over 60 seconds; a lower bound");
        assert_eq!((demand.load(), demand.peak()), (2.5, None));
    }
}
