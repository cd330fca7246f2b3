//! The statements of a snapshot, one entry for each query of each database: summed over roles, as the difference of two
//! snapshots where there are two that can be compared.
//!
//! `pg_stat_statements` keeps an entry for each role, database, query id and nesting. Calls, total time, rows and the sum of
//! squares subtract exactly between two snapshots; least and most do not, they belong to all the time since they were reset.

use crate::facts::Snapshot;
use crate::facts::statements::{RawStatement, Statement};
use crate::fingerprint::{FingerprintKind, StatementKind};
use crate::outcome::{Missing, Reason};
use crate::time::Timestamp;
use crate::window::{DAY, Daily, Span, SpanKind, comparable, unstamped};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Below this many calls one call is more than a 99th percentile's share, and nothing honest can be said of a p99.
pub const CALLS_FOR_P99: i64 = 300;

/// What one role's calls add to a query: one entry of the extension, in the window.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The role; none where it was dropped.
    pub role: Option<String>,
    /// Whether clients sent it, and no function ran it.
    pub is_top_level: bool,
    /// Executions in the window.
    pub calls: i64,
    /// Milliseconds executing, in the window.
    pub total_ms: f64,
    /// The sum of squares of the milliseconds, in the window.
    pub squares: f64,
    /// The least and the most milliseconds ever, where they were kept for at least as long as the window.
    pub extremes_ms: Option<(f64, f64)>,
    /// Rows in the window.
    pub rows: i64,
    /// Pages of temporary files written in the window.
    pub temp_blocks_written: i64,
    /// The time the counts speak of.
    pub span: Span,
}

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
    /// The time all this speaks of: that of the part that was seen for longest.
    pub span: Span,
    /// What the sums are made of, one for each role and nesting.
    pub parts: Vec<Part>,
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
    pub fn p99_ms(&self) -> Option<Interval> {
        (self.calls >= CALLS_FOR_P99).then(|| self.p99_bounds_ms())
    }

    /// The bounds of the 99th percentile of the calls that were made, however few.
    ///
    /// From below: at most one call in a hundred lies above it and none above the most, so
    /// mean ≤ 0.99 · p99 + 0.01 · most; by Cantelli's inequality it is not below mean − deviation / √99; and no call is
    /// below the least. From above: Cantelli again, mean + √99 · deviation; and the most. In n calls none lies further
    /// from the mean than √(n − 1) deviations, which bounds the most where it is not known for the window alone.
    pub fn p99_bounds_ms(&self) -> Interval {
        let (mean, deviation) = (self.mean_ms(), self.stddev_ms());
        let most = self.max_ms.min(mean + deviation * ((self.calls - 1).max(0) as f64).sqrt());
        let high = most.min(mean + 99.0_f64.sqrt() * deviation);
        let low = [(mean - 0.01 * most) / 0.99, mean - deviation / 99.0_f64.sqrt(), self.min_ms, 0.0];
        let low = low.into_iter().fold(0.0, f64::max);
        // rounding in the counters may let the two cross by a hair
        Interval { low: low.min(high), high }
    }

    /// Calls a day, as bounds.
    pub fn calls_per_day(&self) -> Daily {
        let parts = self.parts.iter().map(|part| part.span.daily(part.calls as f64));
        parts.fold(Daily { at_least: 0.0, at_most: Some(0.0) }, |sum, part| Daily {
            at_least: sum.at_least + part.at_least,
            at_most: sum.at_most.zip(part.at_most).map(|(a, b)| a + b),
        })
    }

    /// Calls a day, at least.
    pub fn calls_per_day_at_least(&self) -> Option<f64> {
        Some(self.calls_per_day().at_least)
    }

    /// Whether it reads or writes rows, as far as the text tells: no utility statement.
    pub fn is_planned(&self) -> bool {
        match self.kind {
            StatementKind::Utility => false,
            // of a text that does not parse only the leading words are kept, unless it is a query
            StatementKind::Unparsed => !self.text.ends_with('…'),
            _ => true,
        }
    }

    /// The same query as only some of its parts count it. None where nothing is left.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&Part) -> bool) -> Option<Self> {
        let parts: Vec<Part> = self.parts.iter().filter(|part| keep(part)).cloned().collect();
        if parts.is_empty() {
            return None;
        }
        if parts.len() == self.parts.len() {
            return Some(self.clone());
        }
        let mut rest = Self { parts, ..self.clone() };
        rest.sum();
        Some(rest)
    }

    /// Makes the sums from the parts.
    fn sum(&mut self) {
        let parts = &self.parts;
        self.roles = parts.iter().filter_map(|part| part.role.clone()).collect();
        self.is_top_level = parts.iter().any(|part| part.is_top_level);
        self.calls = parts.iter().map(|part| part.calls).sum();
        self.total_ms = parts.iter().map(|part| part.total_ms).sum();
        self.squares = parts.iter().map(|part| part.squares).sum();
        self.rows = parts.iter().map(|part| part.rows).sum();
        self.temp_blocks_written = parts.iter().map(|part| part.temp_blocks_written).sum();
        let length = |part: &&Part| part.span.at_most.unwrap_or(f64::INFINITY);
        if let Some(longest) = parts.iter().max_by(|a, b| length(a).total_cmp(&length(b))) {
            self.span = longest.span.clone();
        }
        let extremes: Option<Vec<(f64, f64)>> = parts.iter().map(|part| part.extremes_ms).collect();
        (self.min_ms, self.max_ms) = match extremes {
            Some(extremes) => {
                extremes.iter().fold((f64::INFINITY, 0.0_f64), |sum, part| (sum.0.min(part.0), sum.1.max(part.1)))
            }
            // the furthest that a call can lie from the mean of so many
            None => (0.0, self.mean_ms() + self.stddev_ms() * ((self.calls - 1).max(0) as f64).sqrt()),
        };
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
    /// Calls of those in the window.
    pub hidden_calls: i64,
    /// The same by database: entries and calls.
    pub hidden_by_database: BTreeMap<String, (u64, i64)>,
    /// Entries whose text the extension has lost.
    pub lost: u64,
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
    let forgetful = match before.and_then(|before| before.server.statements_info.ok()) {
        Some(earlier) => info.is_none_or(|info| info.evicted != earlier.evicted),
        None => info.is_none_or(|info| info.evicted != 0),
    };
    let mut queries: BTreeMap<(String, String), QueryStats> = BTreeMap::new();
    let mut lost = 0;
    for statement in statements.iter().filter(|statement| !is_hidden(statement)) {
        let earlier = earlier.get(&identity(statement)).copied();
        let (difference, is_continued) = difference(statement, earlier);
        if difference.calls <= 0 {
            continue;
        }
        let (Some(fingerprint), Some(kind), Some(database)) =
            (&statement.fingerprint, &statement.kind, &statement.counters.database)
        else {
            // of a database that was dropped, nothing is left to judge
            lost += u64::from(statement.fingerprint.is_none());
            continue;
        };
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
            min_ms: 0.0,
            max_ms: 0.0,
            rows: 0,
            temp_blocks_written: 0,
            span: whole.clone(),
            parts: Vec::new(),
        });
        // lists of every length have one fingerprint: the longest text is not taken for a look-up of one
        if let Some(text) = counters.query.as_ref().filter(|text| text.len() > query.text.len()) {
            query.text.clone_from(text);
        }
        query.query_ids.extend(counters.query_id.clone());
        // least and most bound the window only where they were not reset within it
        let begun = if is_continued { whole.from } else { counters.since.or(whole.from) };
        let kept = counters
            .extremes_since
            .is_none_or(|at| Some(at) == counters.since || begun.is_some_and(|begun| at <= begun));
        query.parts.push(Part {
            role: counters.role.clone(),
            is_top_level: counters.is_top_level,
            extremes_ms: kept.then_some((counters.min_ms, counters.max_ms)),
            span: span_of(statement, &whole, is_continued, forgetful, now),
            ..difference
        });
    }
    let mut queries: Vec<QueryStats> = queries.into_values().collect();
    queries.iter_mut().for_each(QueryStats::sum);
    queries.sort_by(|a, b| b.total_ms.total_cmp(&a.total_ms).then_with(|| a.fingerprint.cmp(&b.fingerprint)));
    let hidden_by_database = hidden(statements, before.and_then(|before| before.server.statements.ok()));
    Ok(Queries {
        queries,
        hidden: hidden_by_database.values().map(|(entries, _)| entries).sum(),
        hidden_calls: hidden_by_database.values().map(|(_, calls)| calls).sum(),
        hidden_by_database,
        lost,
        evicted: info.map(|info| info.evicted),
        span: whole,
    })
}

/// Executions between two snapshots that clients asked for, by database and the server's identity of the query. Exact, or
/// not at all.
///
/// # Errors
/// The two may not be subtracted, or statements were forgotten between them.
pub fn calls_between(before: &Snapshot, now: &Snapshot) -> Result<BTreeMap<(String, i64), u64>, Missing> {
    comparable(before, now)?;
    let statements = now.server.statements.read()?;
    let earlier = before.server.statements.read()?;
    let refuse = |because: &str| Err(Missing::new("calls", Reason::Observation, because));
    if !same_reset(before, now) {
        return refuse("pg_stat_statements was reset between the snapshots");
    }
    match (before.server.statements_info.ok(), now.server.statements_info.ok()) {
        (Some(before), Some(now)) if before.evicted == now.evicted => {}
        (Some(_), Some(_)) => return refuse("pg_stat_statements forgot statements between the snapshots"),
        _ => return refuse("pg_stat_statements does not tell whether it forgot statements between the snapshots"),
    }
    let earlier: HashMap<Identity, &Statement> =
        earlier.iter().map(|statement| (identity(statement), statement)).collect();
    let mut calls: BTreeMap<(String, i64), u64> = BTreeMap::new();
    let asked = |statement: &&Statement| {
        statement.counters.is_top_level && !matches!(statement.kind, None | Some(StatementKind::Utility))
    };
    for statement in statements.iter().filter(asked) {
        let counters = &statement.counters;
        let (Some(database), Some(Ok(id))) = (&counters.database, counters.query_id.as_deref().map(str::parse::<i64>))
        else {
            continue;
        };
        let (part, _) = difference(statement, earlier.get(&identity(statement)).copied());
        if part.calls > 0 {
            *calls.entry((database.clone(), id)).or_default() += part.calls.unsigned_abs();
        }
    }
    Ok(calls)
}

/// Whether the extension hides it from this role. Where it has lost the text, it still tells the identity.
fn is_hidden(statement: &Statement) -> bool {
    statement.counters.query_id.is_none()
}

/// Hidden entries have no identity, so only their sums subtract.
fn hidden(now: &[Statement], before: Option<&Vec<Statement>>) -> BTreeMap<String, (u64, i64)> {
    let sums = |statements: &[Statement]| {
        let mut sums: BTreeMap<String, (u64, i64)> = BTreeMap::new();
        for statement in statements.iter().filter(|statement| is_hidden(statement)) {
            if let Some(database) = &statement.counters.database {
                let sum = sums.entry(database.clone()).or_default();
                *sum = (sum.0 + 1, sum.1 + statement.counters.calls);
            }
        }
        sums
    };
    let earlier = before.map(|before| sums(before)).unwrap_or_default();
    let mut since = sums(now);
    for (database, (_, calls)) in &mut since {
        // fewer calls than before: entries were forgotten, and what came since is unknown but not more than all
        let before = earlier.get(database).map_or(0, |(_, calls)| *calls);
        *calls = if *calls >= before { *calls - before } else { *calls };
    }
    since.retain(|_, (_, calls)| *calls > 0);
    since
}

impl Queries {
    /// Why what is hidden cannot be judged, if anything is.
    pub fn hidden(&self, snapshot: &Snapshot) -> Option<Missing> {
        why_hidden(self.hidden, self.hidden_calls, snapshot)
    }

    /// Why what is hidden in one database cannot be judged, if anything is.
    pub fn hidden_in(&self, database: &str, snapshot: &Snapshot) -> Option<Missing> {
        let (entries, calls) = self.hidden_by_database.get(database).copied().unwrap_or_default();
        why_hidden(entries, calls, snapshot)
    }

    /// Why what the extension lost the text of cannot be judged, if anything is.
    pub fn lost(&self) -> Option<Missing> {
        (self.lost > 0).then(|| {
            Missing::new("statements", Reason::Observation, "the extension has lost the texts of some statements")
                .unlocked_by("raise pg_stat_statements.max, which takes a restart, and audit again later")
        })
    }

    /// The queries of one database.
    pub fn of<'a>(&'a self, database: &'a str) -> impl Iterator<Item = &'a QueryStats> {
        self.queries.iter().filter(move |query| query.database == database)
    }
}

fn why_hidden(entries: u64, calls: i64, snapshot: &Snapshot) -> Option<Missing> {
    (entries > 0).then(|| {
        Missing::new(
            "statements",
            Reason::Privilege,
            match entries {
                1 => format!("the text of 1 statement with {} is hidden from this role", counted(calls, "call")),
                _ => format!(
                    "the texts of {entries} statements with {} are hidden from this role",
                    counted(calls, "call")
                ),
            },
        )
        .unlocked_by(snapshot.grant("pg_read_all_stats"))
    })
}

/// A number of things, in words.
pub(crate) fn counted(count: i64, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
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

/// n · (σ² + μ²): the sum of squares that mean and deviation were made of.
fn squares(statement: &Statement) -> f64 {
    let counters = &statement.counters;
    counters.calls as f64 * (counters.stddev_ms.powi(2) + counters.mean_ms.powi(2))
}

/// What came since, and whether the entry goes on from before; everything where it is new, or was forgotten and began
/// again.
fn difference(now: &Statement, before: Option<&Statement>) -> (Part, bool) {
    let counters = &now.counters;
    let before = before.filter(|before| {
        before.counters.calls <= counters.calls
            && before.counters.total_ms <= counters.total_ms
            && before.counters.rows <= counters.rows
            && before.counters.since == counters.since
    });
    let zero = RawStatement::default();
    let earlier = before.map_or(&zero, |before| &before.counters);
    let part = Part {
        role: None,
        is_top_level: false,
        calls: counters.calls - earlier.calls,
        total_ms: counters.total_ms - earlier.total_ms,
        squares: (squares(now) - before.map_or(0.0, squares)).max(0.0),
        extremes_ms: None,
        rows: counters.rows - earlier.rows,
        temp_blocks_written: (counters.temp_blocks_written - earlier.temp_blocks_written).max(0),
        span: Span { kind: SpanKind::Bounds, from: None, to: Timestamp::default(), at_least: 0.0, at_most: None },
    };
    (part, before.is_some())
}

/// The time an entry speaks of. Where the extension stamps when it was first seen, since then; but calls of less than a
/// day are no more than the day's, so that a statement seen a minute ago is not taken to have been running for a day at
/// that pace. Without the stamp the window of all, which is too long where entries were forgotten, and never too short.
fn span_of(statement: &Statement, whole: &Span, is_continued: bool, forgetful: bool, now: &Snapshot) -> Span {
    if whole.kind == SpanKind::Snapshots && (is_continued || !forgetful) {
        return whole.clone();
    }
    let Some(since) = statement.counters.since else {
        return match forgetful {
            true => Span { kind: SpanKind::Bounds, from: None, at_least: 0.0, ..whole.clone() },
            false => whole.clone(),
        };
    };
    let since = since.max(whole.from.unwrap_or(since));
    let own = Span::exact(SpanKind::Reset, since, now.captured_at);
    let day = whole.at_most.map_or(DAY, |whole| whole.min(DAY)).max(own.at_least);
    if own.at_least >= day { own } else { Span { kind: SpanKind::Bounds, at_most: Some(day), ..own } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Fact;
    use crate::testing::{Lab, now};

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
            parts: vec![],
        }
    }

    #[test]
    fn nothing_is_said_of_a_p99_of_few_calls() {
        assert_eq!(query(&[5.0; 299]).p99_ms(), None);
        let constant = query(&[5.0; 300]).p99_ms().unwrap();
        assert!((constant.low - 5.0).abs() < 0.01 && (constant.high - 5.0).abs() < 0.01);
    }

    #[test]
    fn the_lower_bound_does_not_give_in_to_one_outlier() {
        // 200 ms but for one lock of 30 s: the most alone would bound nothing
        let mut samples = vec![200.0; 1000];
        samples[0] = 30_000.0;
        let interval = query(&samples).p99_ms().unwrap();
        assert!(interval.low > 100.0, "{interval:?}");
    }

    /// Two snapshots of a statement, an hour apart.
    fn two(change: impl FnOnce(&mut Snapshot, &mut Snapshot)) -> QueryStats {
        let mut lab = Lab::new();
        lab.statement("app", "select * from orders where id = 1", 1000, 10.0);
        let mut before = lab.snapshot.clone();
        before.captured_at = now().plus_seconds(-3600.0);
        let counters = counters(&mut lab.snapshot);
        (counters.calls, counters.total_ms, counters.max_ms) = (1400, 18_000.0, 20.0);
        (counters.mean_ms, counters.stddev_ms) =
            (18_000.0 / 1400.0, ((100.0 * 1000.0 + 400.0 * 400.0) / 1400.0 - (18_000.0f64 / 1400.0).powi(2)).sqrt());
        change(&mut before, &mut lab.snapshot);
        aggregate(&lab.snapshot, Some(&before)).unwrap().queries.remove(0)
    }

    fn counters(snapshot: &mut Snapshot) -> &mut RawStatement {
        &mut crate::testing::rows(&mut snapshot.server.statements)[0].counters
    }

    #[test]
    fn the_difference_of_two_snapshots_is_the_windows_own() {
        let query = two(|_, _| {});
        assert_eq!(query.calls, 400);
        assert!((query.mean_ms() - 20.0).abs() < 1e-6 && query.stddev_ms() < 1e-3);
        assert_eq!(query.span.kind, SpanKind::Snapshots);
        let interval = query.p99_ms().unwrap();
        assert!(interval.low > 19.9 && interval.high <= 20.0, "{interval:?}");
    }

    #[test]
    fn an_entry_that_began_again_counts_in_full() {
        assert_eq!(two(|before, _| counters(before).calls = 2000).calls, 1400);
        assert_eq!(two(|before, _| counters(before).total_ms = 20_000.0).calls, 1400);
        assert_eq!(two(|_, after| counters(after).since = Some(now())).calls, 1400);
    }

    #[test]
    fn least_and_most_that_were_reset_within_the_window_bound_nothing() {
        let query = two(|before, after| {
            let since = Some(now().plus_seconds(-86_400.0));
            (counters(before).since, counters(after).since) = (since, since);
            counters(after).extremes_since = Some(now().plus_seconds(-60.0));
            (counters(after).min_ms, counters(after).max_ms) = (19.0, 19.5);
        });
        assert_eq!(query.min_ms, 0.0);
        assert!(query.max_ms >= 20.0);
    }

    #[test]
    fn what_was_seen_a_minute_ago_is_not_a_days_pace() {
        let rate = |since: Option<f64>, evicted: i64| {
            let mut lab = Lab::new();
            lab.statement("app", "select 1", 2000, 1.0).since = since.map(|seconds| now().plus_seconds(-seconds));
            let Fact::Read { rows, .. } = &mut lab.snapshot.server.statements_info else { panic!() };
            rows.evicted = evicted;
            aggregate(&lab.snapshot, None).unwrap().queries.remove(0).calls_per_day()
        };
        assert_eq!(rate(None, 0), Daily { at_least: 200.0, at_most: Some(200.0) });
        assert_eq!(rate(None, 7), Daily { at_least: 200.0, at_most: None }, "calls may have been forgotten");
        assert_eq!(rate(Some(2.0 * 86_400.0), 7), Daily { at_least: 1000.0, at_most: Some(1000.0) });
        let recent = rate(Some(60.0), 0);
        assert_eq!(recent, Daily { at_least: 2000.0, at_most: None });
    }

    #[test]
    fn calls_between_two_snapshots_are_exact_or_nothing() {
        let pair = |change: &dyn Fn(&mut Lab)| {
            let mut lab = Lab::new();
            lab.statement("app", "select 1 from t", 1000, 1.0).query_id = Some("-7".into());
            lab.statement("dump", "select 1 from t", 10, 1.0).query_id = Some("-7".into());
            lab.statement("app", "begin", 10, 1.0).query_id = Some("8".into());
            lab.statement("app", "select 2 from t", 10, 1.0).query_id = Some("9".into());
            let mut before = lab.snapshot.clone();
            before.captured_at = now().plus_seconds(-3600.0);
            for statement in crate::testing::rows(&mut lab.snapshot.server.statements).iter_mut().take(3) {
                statement.counters.calls += 5;
                statement.counters.total_ms += 5.0;
            }
            lab.statement("app", "select 3 from t", 4, 1.0).query_id = Some("10".into());
            change(&mut lab);
            calls_between(&before, &lab.snapshot)
        };
        let shop = |id, calls| (("shop".to_owned(), id), calls);
        assert_eq!(pair(&|_| {}), Ok([shop(-7, 10), shop(10, 4)].into()), "no utility, nothing that was not called");
        let nested =
            pair(&|lab| crate::testing::rows(&mut lab.snapshot.server.statements)[0].counters.is_top_level = false);
        assert_eq!(nested.unwrap()[&("shop".to_owned(), -7)], 5);
        let forgot = pair(&|lab| {
            let Fact::Read { rows, .. } = &mut lab.snapshot.server.statements_info else { panic!() };
            rows.evicted += 1;
        });
        assert!(forgot.unwrap_err().because.contains("forgot"));
        let reset = pair(&|lab| {
            let Fact::Read { rows, .. } = &mut lab.snapshot.server.statements_info else { panic!() };
            rows.stats_reset = Some(now().plus_seconds(-60.0));
        });
        assert!(reset.unwrap_err().because.contains("was reset"));
    }

    #[test]
    fn hidden_statements_are_counted_for_their_database() {
        let mut lab = Lab::new();
        for (database, calls) in [("shop", 5), ("shop", 7), ("other", 1)] {
            let counters = lab.statement("app", "select 1", calls, 1.0);
            (counters.query_id, counters.database) = (None, Some(database.into()));
        }
        for statement in crate::testing::rows(&mut lab.snapshot.server.statements) {
            (statement.fingerprint, statement.kind, statement.counters.query) = (None, None, None);
        }
        let queries = aggregate(&lab.snapshot, None).unwrap();
        assert_eq!((queries.hidden, queries.hidden_calls), (3, 13));
        assert_eq!(queries.hidden_by_database["shop"], (2, 12));
        assert!(queries.hidden_in("elsewhere", &lab.snapshot).is_none());
        let before = lab.snapshot.clone();
        lab.snapshot.captured_at = now().plus_seconds(60.0);
        assert_eq!(aggregate(&lab.snapshot, Some(&before)).unwrap().hidden, 0, "nothing ran in the window");
    }

    #[test]
    fn a_part_can_be_left_out() {
        let mut lab = Lab::new();
        lab.statement("app", "select 1", 400, 1.0);
        lab.statement("dump", "select 1", 400, 900.0);
        let query = aggregate(&lab.snapshot, None).unwrap().queries.remove(0);
        assert_eq!((query.calls, query.max_ms), (800, 900.0));
        let rest = query.only(|part| part.role.as_deref() == Some("app")).unwrap();
        assert_eq!((rest.calls, rest.max_ms, rest.roles.len()), (400, 1.0, 1));
        assert!(query.only(|_| false).is_none());
    }

    #[test]
    fn of_one_fingerprint_the_longest_list_is_told() {
        let mut lab = Lab::new();
        lab.statement("app", "select * from t where a in ($1)", 5, 1.0);
        lab.statement("app", "select * from t where a in ($1, $2, $3)", 5, 1.0).query_id = Some("another".into());
        let queries = aggregate(&lab.snapshot, None).unwrap().queries;
        assert_eq!(queries.len(), 1);
        assert_eq!(queries[0].text, "select * from t where a in ($1, $2, $3)");
    }

    #[test]
    fn what_is_lost_or_hidden_is_told_without_destroying_evidence() {
        let lab = Lab::new();
        let mut queries = aggregate(&lab.snapshot, None).unwrap();
        queries.lost = 1;
        assert!(!queries.lost().unwrap().unlock.unwrap().contains("reset"));
        assert!(why_hidden(1, 1, &lab.snapshot).unwrap().because.starts_with("the text of 1 statement with 1 call is"));
        assert!(why_hidden(2, 1, &lab.snapshot).unwrap().because.contains("of 2 statements with 1 call are"));
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
