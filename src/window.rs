//! The time that counters speak of. A count is a rate only where this is known, and it is known as bounds.
//!
//! Between two snapshots of one server the window is exact. Counters alone began at a reset, which is stamped, or at a
//! start nobody stamped: then the window is at least as long as the server has been up (a crash empties the counters), and
//! at most as long as the cluster has existed, which the upper half of its system identifier tells in seconds.

use crate::facts::{Database, Snapshot};
use crate::outcome::{Missing, Reason};
use crate::time::Timestamp;

/// Seconds in a day.
pub const DAY: f64 = 86_400.0;

/// A shorter window, in seconds, says nothing of the rest of the day.
pub const SAMPLE: f64 = 300.0;

/// How a window is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Between two snapshots: exact.
    Snapshots,
    /// Since the counters were reset: exact.
    Reset,
    /// Since a moment nobody stamped: bounds only.
    Bounds,
    /// From the first entry of a log to its last; bounds only where not every statement is in it.
    Log,
}

/// A window of time, by its bounds in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// How it is known.
    pub kind: SpanKind,
    /// Its beginning, where that is exact.
    pub from: Option<Timestamp>,
    /// Its end.
    pub to: Timestamp,
    /// It is not shorter than this.
    pub at_least: f64,
    /// It is not longer than this, where anything is known.
    pub at_most: Option<f64>,
}

/// A rate, by its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Daily {
    /// It is not less than so many a day.
    pub at_least: f64,
    /// It is not more than so many a day; none where it could be anything.
    pub at_most: Option<f64>,
}

impl Daily {
    /// Whether it is certain to reach a limit, certain not to, or neither.
    pub fn reaches(&self, limit: f64) -> Option<bool> {
        match self.at_most {
            _ if self.at_least >= limit => Some(true),
            Some(most) if most < limit => Some(false),
            _ => None,
        }
    }
}

impl Span {
    /// An exact window.
    pub fn exact(kind: SpanKind, from: Timestamp, to: Timestamp) -> Self {
        let seconds = to.seconds_since(from).unwrap_or(0.0).max(0.0);
        Self { kind, from: Some(from), to, at_least: seconds, at_most: Some(seconds) }
    }

    /// Whether both bounds are the same.
    pub fn is_exact(&self) -> bool {
        match self.kind {
            SpanKind::Snapshots | SpanKind::Reset => true,
            SpanKind::Bounds => false,
            SpanKind::Log => self.at_most == Some(self.at_least),
        }
    }

    /// A day's share of a count, at least. None where the window could be of any length.
    pub fn per_day_at_least(&self, count: f64) -> Option<f64> {
        self.at_most.filter(|seconds| *seconds > 0.0).map(|seconds| count / seconds * DAY)
    }

    /// A day's share of a count, at most. None where the window could be of no length.
    pub fn per_day_at_most(&self, count: f64) -> Option<f64> {
        (self.at_least > 0.0).then(|| count / self.at_least * DAY)
    }

    /// A day's share of a count, as bounds.
    ///
    /// What was counted for less than a day is a sample of it: then three standard deviations of a count are allowed for on
    /// either side, so that five of anything within a minute are not yet a rate, and none of it within an hour are at most
    /// some. A window shorter than [`SAMPLE`] stands for nothing but itself: the day it lies in had at least what was
    /// counted, and nobody knows the most.
    pub fn daily(&self, count: f64) -> Daily {
        let whole_day = self.at_most.is_none_or(|seconds| seconds >= DAY);
        let samples = self.at_least >= SAMPLE;
        let low = if whole_day { count } else { (count - 3.0 * count.sqrt()).max(0.0) };
        let high = if self.at_least < DAY { count + 3.0 * (count + 1.0).sqrt() } else { count };
        let rate = self.per_day_at_least(low).unwrap_or(0.0);
        Daily {
            at_least: match whole_day {
                true => rate,
                false if samples => rate.max(count),
                false => count,
            },
            at_most: samples.then(|| self.per_day_at_most(high)).flatten(),
        }
    }

    /// In words, for `because` and for the head of the report.
    pub fn describe(&self) -> String {
        use crate::finding::{Unit, humane};
        let length = humane(self.at_least, &Unit::Seconds);
        match (self.kind, self.at_most) {
            (SpanKind::Snapshots, _) => format!("{length} between two snapshots"),
            (SpanKind::Reset, _) => format!("{length} since the counters were reset"),
            (SpanKind::Log, most) => format!("{} of a log", humane(most.unwrap_or(self.at_least), &Unit::Seconds)),
            (SpanKind::Bounds, Some(most)) if most > self.at_least => format!(
                "at least {length} and at most {}, since a moment that was not recorded",
                humane(most, &Unit::Seconds)
            ),
            (SpanKind::Bounds, _) => format!("at least {length}, since a moment that was not recorded"),
        }
    }
}

/// Whether the counters of two snapshots may be subtracted: one cluster, in order, not restarted by a crash between.
///
/// # Errors
/// Why they may not.
pub fn comparable(before: &Snapshot, now: &Snapshot) -> Result<(), Missing> {
    let refuse = |because: &str| Err(Missing::new("window", Reason::Observation, because));
    match (before.system_identifier(), now.system_identifier()) {
        (Some(a), Some(b)) if a != b => return refuse("the two snapshots are of different clusters"),
        (Some(_), Some(_)) => {}
        _ if before.target == now.target => {}
        _ => return refuse("nothing says that the two snapshots are of one server"),
    }
    if before.captured_at >= now.captured_at {
        return refuse("the earlier snapshot is not the older one");
    }
    let recovery = |snapshot: &Snapshot| snapshot.server.server.ok().is_some_and(|server| server.in_recovery);
    if recovery(before) != recovery(now) {
        return refuse("one snapshot is of the primary and one of a standby; counters belong to one server");
    }
    Ok(())
}

/// The window of the counters of a database's tables and indexes: between the snapshots where there are two that can be
/// compared, else since the reset.
///
/// # Errors
/// The counters of the database, or the server's start, were not read.
pub fn of_database(now: &Snapshot, before: Option<&Snapshot>, database: &str) -> Result<Span, Missing> {
    let reset = |snapshot: &Snapshot| {
        let stats = snapshot.server.database_stats.read()?;
        Ok::<_, Missing>(stats.iter().find(|stats| stats.database == database).and_then(|stats| stats.stats_reset))
    };
    let stamped = reset(now)?;
    if let Some(before) = before.filter(|before| comparable(before, now).is_ok())
        && reset(before).is_ok_and(|earlier| earlier == stamped)
        && !went_backwards(before.database(database), now.database(database))
    {
        return Ok(Span::exact(SpanKind::Snapshots, before.captured_at, now.captured_at));
    }
    Ok(match stamped {
        Some(from) => Span::exact(SpanKind::Reset, from, now.captured_at),
        None => unstamped(now)?,
    })
}

/// The window of counters that were never reset.
///
/// # Errors
/// The server's start was not read.
pub fn unstamped(now: &Snapshot) -> Result<Span, Missing> {
    let started = now.server.server.read()?.started_at;
    let up = started.and_then(|at| now.captured_at.seconds_since(at)).unwrap_or(0.0);
    Ok(Span {
        kind: SpanKind::Bounds,
        from: None,
        to: now.captured_at,
        at_least: up.max(0.0),
        at_most: age_of_cluster(now),
    })
}

/// Seconds since initdb: the system identifier's upper 32 bits are its time of day.
fn age_of_cluster(now: &Snapshot) -> Option<f64> {
    let identifier: u64 = now.system_identifier()?.parse().ok()?;
    let made = i64::try_from(identifier >> 32).ok()?.checked_mul(1_000_000)?;
    let age = now.captured_at.seconds_since(Timestamp::from_unix_micros(made))?;
    (age > 0.0).then_some(age)
}

/// Whether a counter is smaller than it was: emptied by a crash or by a reset of one table, which stamps nothing.
fn went_backwards(before: Option<&Database>, now: Option<&Database>) -> bool {
    let (Some(before), Some(now)) = (before, now) else { return true };
    let (Some(before), Some(now)) = (before.table_stats.ok(), now.table_stats.ok()) else { return true };
    let sum = |stats: &[crate::facts::table_stats::TableStats]| {
        stats.iter().map(|table| table.sequential_scans + table.inserts + table.updates + table.deletes).sum::<i64>()
    };
    sum(now) < sum(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_bounds_where_the_window_is() {
        let to = Timestamp::from_unix_micros(1_000_000_000_000);
        let span = Span { kind: SpanKind::Bounds, from: None, to, at_least: DAY, at_most: Some(10.0 * DAY) };
        assert_eq!(span.per_day_at_least(1000.0), Some(100.0));
        assert_eq!(span.per_day_at_most(1000.0), Some(1000.0));
        assert_eq!(span.daily(1000.0), Daily { at_least: 100.0, at_most: Some(1000.0) });
        assert_eq!(span.daily(1000.0).reaches(100.0), Some(true));
        assert_eq!(span.daily(1000.0).reaches(500.0), None);
        assert_eq!(span.daily(1000.0).reaches(2000.0), Some(false));
        let exact = Span::exact(SpanKind::Reset, to.plus_seconds(-DAY), to);
        assert_eq!(exact.per_day_at_least(7.0), exact.per_day_at_most(7.0));
    }

    #[test]
    fn a_short_window_is_a_sample() {
        let to = Timestamp::from_unix_micros(1_000_000_000_000);
        let hour = Span::exact(SpanKind::Snapshots, to.plus_seconds(-3600.0), to);
        assert_eq!(hour.daily(5.0).at_least, 5.0, "what was counted was counted");
        let moment = Span::exact(SpanKind::Snapshots, to.plus_seconds(-3.0), to);
        assert_eq!(moment.daily(500.0), Daily { at_least: 500.0, at_most: None });
        assert_eq!(hour.daily(0.0).at_most, Some(72.0));
        assert!(hour.daily(100.0).at_least > 1600.0);
    }
}
