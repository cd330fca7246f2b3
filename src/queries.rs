//! The statements of a snapshot, one entry for each query of each database: summed over roles, as the difference of two
//! snapshots where there are two that can be compared.
//!
//! `pg_stat_statements` keeps an entry for each role, database, query id and nesting. Calls, total time, rows and the sum of
//! squares subtract exactly between two snapshots; least and most do not, they belong to all the time since they were reset.

use crate::facts::Snapshot;
use crate::facts::statements::Statement;
use crate::fingerprint::{FingerprintKind, StatementKind};
use crate::outcome::{Missing, Reason};
use crate::window::{Span, SpanKind, comparable, unstamped};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Below this many calls one call is more than a 99th percentile's share, and nothing honest can be said of a p99.
pub const CALLS_FOR_P99: i64 = 300;

/// One query of one database.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryStats {
    /// The database.
    pub database: String,
    /// pg_query's fingerprint, or the shape hash.
    pub fingerprint: String,
    /// What the fingerprint was made from.
    pub fingerprint_kind: FingerprintKind,
    /// What it is.
    pub kind: StatementKind,
    /// Its text without literals.
    pub text: String,
    /// The roles that ran it.
    pub roles: BTreeSet<String>,
    /// The server's identities of it.
    pub query_ids: BTreeSet<String>,
    /// Whether clients sent it, and it was not only run inside functions.
    pub is_top_level: bool,
    /// Executions in the window.
    pub calls: i64,
    /// Milliseconds executing, in the window.
    pub total_ms: f64,
    /// The sum of squares of the milliseconds, in the window.
    pub squares: f64,
    /// The least milliseconds ever; it bounds the window from below.
    pub min_ms: f64,
    /// The most milliseconds ever; it bounds the window from above.
    pub max_ms: f64,
    /// Rows in the window.
    pub rows: i64,
    /// Pages of temporary files written in the window.
    pub temp_blocks_written: i64,
    /// The time all this speaks of.
    pub span: Span,
}

/// Between what the 99th percentile must lie, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// It is not below this.
    pub low: f64,
    /// It is not above this.
    pub high: f64,
}

impl QueryStats {
    /// Mean milliseconds.
    pub fn mean_ms(&self) -> f64 {
        if self.calls > 0 { self.total_ms / self.calls as f64 } else { 0.0 }
    }

    /// Standard deviation of the population, in milliseconds.
    pub fn stddev_ms(&self) -> f64 {
        if self.calls <= 0 {
            return 0.0;
        }
        (self.squares / self.calls as f64 - self.mean_ms().powi(2)).max(0.0).sqrt()
    }

    /// Between what the 99th percentile must lie, whatever the distribution. None where there were too few calls.
    ///
    /// From below: at most one call in a hundred lies above it and none above the most, so
    /// mean ≤ 0.99 · p99 + 0.01 · most. From above: Cantelli's inequality, mean + √99 · deviation; and the most.
    pub fn p99_ms(&self) -> Option<Interval> {
        if self.calls < CALLS_FOR_P99 {
            return None;
        }
        let high = self.max_ms.min(self.mean_ms() + 99.0_f64.sqrt() * self.stddev_ms());
        let low = ((self.mean_ms() - 0.01 * self.max_ms) / 0.99).max(self.min_ms).max(0.0);
        // rounding in the counters may let the two cross by a hair
        Some(Interval { low: low.min(high), high })
    }

    /// Calls a day, at least.
    pub fn calls_per_day_at_least(&self) -> Option<f64> {
        self.span.per_day_at_least(self.calls as f64)
    }

    /// Rows a call.
    pub fn rows_per_call(&self) -> f64 {
        if self.calls > 0 { self.rows as f64 / self.calls as f64 } else { 0.0 }
    }
}

/// The queries of a snapshot, most expensive first.
#[derive(Debug, Clone, PartialEq)]
pub struct Queries {
    /// The queries with at least one call in the window, by total time.
    pub queries: Vec<QueryStats>,
    /// Entries whose text this role may not see.
    pub hidden: u64,
    /// Calls of those.
    pub hidden_calls: i64,
    /// Statements the extension has forgotten, where it says.
    pub evicted: Option<i64>,
    /// The time all entries speak of at most.
    pub span: Span,
}

/// Aggregates the statements of a snapshot; with an earlier one of the same server, what came since.
///
/// # Errors
/// The statements were not read.
pub fn aggregate(now: &Snapshot, before: Option<&Snapshot>) -> Result<Queries, Missing> {
    let statements = now.server.statements.read()?;
    let info = now.server.statements_info.ok();
    let before = before.filter(|before| comparable(before, now).is_ok() && same_reset(before, now));
    let earlier: HashMap<Identity, &Statement> = before
        .and_then(|before| before.server.statements.ok())
        .map(|statements| statements.iter().map(|statement| (identity(statement), statement)).collect())
        .unwrap_or_default();
    let whole = match (before, info.and_then(|info| info.stats_reset)) {
        (Some(before), _) => Span::exact(SpanKind::Snapshots, before.captured_at, now.captured_at),
        (None, Some(reset)) => Span::exact(SpanKind::Reset, reset, now.captured_at),
        (None, None) => unstamped(now)?,
    };
    let mut queries: BTreeMap<(String, String), QueryStats> = BTreeMap::new();
    let (mut hidden, mut hidden_calls) = (0, 0);
    for statement in statements {
        let difference = difference(statement, earlier.get(&identity(statement)).copied());
        if difference.calls <= 0 {
            continue;
        }
        let (Some(fingerprint), Some(kind), Some(database)) =
            (&statement.fingerprint, &statement.kind, &statement.counters.database)
        else {
            hidden += u64::from(statement.fingerprint.is_none());
            hidden_calls += difference.calls;
            continue;
        };
        let span = span_of(statement, &whole, now);
        let counters = &statement.counters;
        let query = queries.entry((database.clone(), fingerprint.clone())).or_insert_with(|| QueryStats {
            database: database.clone(),
            fingerprint: fingerprint.clone(),
            fingerprint_kind: statement.fingerprint_kind.clone().unwrap_or(FingerprintKind::Shape),
            kind: kind.clone(),
            text: counters.query.clone().unwrap_or_default(),
            roles: BTreeSet::new(),
            query_ids: BTreeSet::new(),
            is_top_level: false,
            calls: 0,
            total_ms: 0.0,
            squares: 0.0,
            min_ms: f64::INFINITY,
            max_ms: 0.0,
            rows: 0,
            temp_blocks_written: 0,
            span: span.clone(),
        });
        query.roles.extend(counters.role.clone());
        query.query_ids.extend(counters.query_id.clone());
        query.is_top_level |= counters.is_top_level;
        query.calls += difference.calls;
        query.total_ms += difference.total_ms;
        query.squares += difference.squares;
        query.rows += difference.rows;
        query.temp_blocks_written += difference.temp_blocks_written;
        query.min_ms = query.min_ms.min(counters.min_ms);
        query.max_ms = query.max_ms.max(counters.max_ms);
        // the entry that was seen for longest speaks for all of them
        if span.at_most.unwrap_or(f64::INFINITY) > query.span.at_most.unwrap_or(f64::INFINITY) {
            query.span = span;
        }
    }
    let mut queries: Vec<QueryStats> = queries.into_values().collect();
    queries.sort_by(|a, b| b.total_ms.total_cmp(&a.total_ms).then_with(|| a.fingerprint.cmp(&b.fingerprint)));
    Ok(Queries { queries, hidden, hidden_calls, evicted: info.map(|info| info.evicted), span: whole })
}

impl Queries {
    /// Why what is hidden cannot be judged, if anything is.
    pub fn hidden(&self, snapshot: &Snapshot) -> Option<Missing> {
        (self.hidden > 0).then(|| {
            Missing::new(
                "statements",
                Reason::Privilege,
                format!(
                    "the texts of {} statements with {} calls are hidden from this role",
                    self.hidden, self.hidden_calls
                ),
            )
            .unlocked_by(snapshot.grant("pg_read_all_stats"))
        })
    }
}

type Identity<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>, bool);

fn identity(statement: &Statement) -> Identity<'_> {
    let counters = &statement.counters;
    (counters.database.as_deref(), counters.role.as_deref(), counters.query_id.as_deref(), counters.is_top_level)
}

fn same_reset(before: &Snapshot, now: &Snapshot) -> bool {
    let reset = |snapshot: &Snapshot| snapshot.server.statements_info.ok().map(|info| info.stats_reset);
    before.server.statements.ok().is_some() && reset(before) == reset(now)
}

struct Difference {
    calls: i64,
    total_ms: f64,
    squares: f64,
    rows: i64,
    temp_blocks_written: i64,
}

/// n · (σ² + μ²): the sum of squares that mean and deviation were made of.
fn squares(statement: &Statement) -> f64 {
    let counters = &statement.counters;
    counters.calls as f64 * (counters.stddev_ms.powi(2) + counters.mean_ms.powi(2))
}

/// What came since; everything where the entry is new, or was forgotten and began again.
fn difference(now: &Statement, before: Option<&Statement>) -> Difference {
    let counters = &now.counters;
    let before =
        before.filter(|before| before.counters.calls <= counters.calls && before.counters.since == counters.since);
    let Some(before) = before else {
        return Difference {
            calls: counters.calls,
            total_ms: counters.total_ms,
            squares: squares(now),
            rows: counters.rows,
            temp_blocks_written: counters.temp_blocks_written,
        };
    };
    Difference {
        calls: counters.calls - before.counters.calls,
        total_ms: (counters.total_ms - before.counters.total_ms).max(0.0),
        squares: (squares(now) - squares(before)).max(0.0),
        rows: (counters.rows - before.counters.rows).max(0),
        temp_blocks_written: (counters.temp_blocks_written - before.counters.temp_blocks_written).max(0),
    }
}

/// The time an entry speaks of: since it was first seen where the extension stamps that, else the window of all; which may
/// be too long where entries are forgotten, and never too short.
fn span_of(statement: &Statement, whole: &Span, now: &Snapshot) -> Span {
    match (whole.kind, statement.counters.since) {
        (SpanKind::Snapshots, _) | (_, None) => whole.clone(),
        (_, Some(since)) => Span::exact(SpanKind::Reset, since.max(whole.from.unwrap_or(since)), now.captured_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn query(samples: &[f64]) -> QueryStats {
        let span = Span::exact(SpanKind::Reset, Timestamp::from_unix_micros(0), Timestamp::from_unix_micros(1_000_000));
        QueryStats {
            database: "d".into(),
            fingerprint: "f".into(),
            fingerprint_kind: FingerprintKind::PgQuery,
            kind: StatementKind::Select,
            text: String::new(),
            roles: BTreeSet::new(),
            query_ids: BTreeSet::new(),
            is_top_level: true,
            calls: samples.len() as i64,
            total_ms: samples.iter().sum(),
            squares: samples.iter().map(|ms| ms * ms).sum(),
            min_ms: samples.iter().copied().fold(f64::INFINITY, f64::min),
            max_ms: samples.iter().copied().fold(0.0, f64::max),
            rows: 0,
            temp_blocks_written: 0,
            span,
        }
    }

    #[test]
    fn nothing_is_said_of_a_p99_of_few_calls() {
        assert_eq!(query(&[5.0; 299]).p99_ms(), None);
        let constant = query(&[5.0; 300]).p99_ms().unwrap();
        assert!((constant.low - 5.0).abs() < 0.01 && (constant.high - 5.0).abs() < 0.01);
    }

    proptest::proptest! {
        #[test]
        fn the_interval_holds_the_true_p99(samples in proptest::collection::vec(0.01f64..10_000.0, 300..900)) {
            let interval = query(&samples).p99_ms().unwrap();
            let mut sorted = samples.clone();
            sorted.sort_by(f64::total_cmp);
            // the least value that at least 99 % of the calls do not exceed
            let p99 = sorted[(samples.len() * 99).div_ceil(100) - 1];
            proptest::prop_assert!(interval.low <= p99 + 1e-6 && p99 <= interval.high + 1e-6, "{interval:?} {p99}");
        }
    }
}
