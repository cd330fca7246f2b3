//! What a report of logs has beside its findings, in words and in cells: what was read and how much of it was understood,
//! the queries, the requests, what failed.

use super::digest::{self, instant};
use super::text::line;
use crate::finding::{Unit, humane};
use crate::report::{Body, LogCoverage, LogRead, Query, Report, Request, Window};
use std::collections::BTreeSet;

/// The parts of a report that only a report of logs has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Logs<'a> {
    /// The queries, most expensive first.
    pub(super) queries: &'a [Query],
    /// The requests, most frequent first.
    pub(super) requests: &'a [Request],
    /// What was read.
    pub(super) coverage: &'a LogCoverage,
    /// Whether there is more than one database to tell apart.
    is_several: bool,
}

/// What stands where a figure is not known.
pub(super) const NOT_KNOWN: &str = "-";

/// The titles of the cells of a query.
pub(super) const QUERY: [&str; 8] = ["calls", "errors", "total s", "mean", "p50", "p95", "p99", "max"];

/// The titles of the cells of requests.
pub(super) const REQUEST: [&str; 6] = ["requests", "p50", "p95", "max", "db p95", "wall p95"];

impl<'a> Logs<'a> {
    /// Those of a report; none where it is of anything else.
    pub(super) fn of(report: &'a Report) -> Option<Self> {
        match &report.body {
            Body::Logs { queries, requests, coverage } => {
                let is_several = digest::databases(report) > 1;
                Some(Self { queries, requests, coverage, is_several })
            }
            Body::Audit { .. } | Body::Review { .. } | Body::Pool { .. } => None,
        }
    }

    /// How much was read, how much of it understood, and what it came to.
    pub(super) fn read(&self) -> Vec<String> {
        let coverage = self.coverage;
        let mut parts = vec![format!(
            "read {}, {}, {} understood",
            size(coverage.bytes),
            counted(coverage.lines, "line"),
            self.share()
        )];
        let executions = counted(coverage.executions, "execution");
        parts.push(match coverage.queries {
            0 => executions,
            queries => format!("{executions} of {}", numbered(queries, "query", "queries")),
        });
        parts.push(format!("{} failed", humane(coverage.failures.values().sum::<u64>() as f64, &Unit::Count)));
        if let Some(threshold) = coverage.threshold_ms.filter(|ms| ms.is_finite()) {
            parts.push(format!("only statements of {} and more", humane(threshold, &Unit::Milliseconds)));
        }
        if coverage.untimed > 0 {
            parts.push(format!("{} without a duration", counted(coverage.untimed, "execution")));
        }
        let others: Vec<String> = coverage
            .other_programs
            .iter()
            .map(|(name, lines)| format!("{} of {name}", counted(*lines, "line")))
            .collect();
        parts.extend((!others.is_empty()).then(|| others.join(", ")));
        parts
    }

    /// The share of lines that was understood, in per cent and rounded down: 100 % is said of a log without an unread line.
    pub(super) fn share(&self) -> String {
        let share = if self.coverage.share.is_finite() { self.coverage.share.clamp(0.0, 1.0) } else { 0.0 };
        let mut hundredths = (share * 10_000.0 + 1e-6).floor();
        if self.coverage.unread_lines > 0 {
            hundredths = hundredths.min(9_999.0);
        }
        let text = format!("{:.2}", hundredths / 100.0);
        format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
    }

    /// The formats that were read, each once.
    pub(super) fn formats(&self) -> Vec<String> {
        let formats: BTreeSet<&str> = self.coverage.logs.iter().map(|log| log.format.as_str()).collect();
        formats.into_iter().filter(|format| !format.is_empty()).map(str::to_owned).collect()
    }

    /// The `log_line_prefix`, and whether it was found by looking; how many there are where they differ.
    pub(super) fn prefix(&self) -> Option<String> {
        let prefixes: BTreeSet<&str> = self.coverage.logs.iter().filter_map(|log| log.prefix.as_deref()).collect();
        let is_found = self.coverage.logs.iter().any(|log| log.prefix.is_some() && log.is_detected);
        let found = if is_found { " (found by looking)" } else { "" };
        match (prefixes.len(), prefixes.first()) {
            (0, _) | (_, None) => None,
            (1, Some(prefix)) => Some(format!("log_line_prefix \"{prefix}\"{found}")),
            (count, _) => Some(format!("{count} different log_line_prefix{found}")),
        }
    }

    /// How often statements failed, by SQLSTATE with its name, most often first.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut failures: Vec<(&String, &u64)> = self.coverage.failures.iter().collect();
        failures.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let told = |(state, count): (&String, &u64)| {
            let name = condition(state).map(|name| format!(" {name}")).unwrap_or_default();
            format!("{state}{name} {}", humane(*count as f64, &Unit::Count))
        };
        failures.into_iter().map(told).collect()
    }

    /// The lines that were not understood, in one sentence; none where there are none.
    pub(super) fn unread(&self) -> Option<String> {
        let LogCoverage { unread_lines, lines, .. } = self.coverage;
        let of = humane(*lines as f64, &Unit::Count);
        (*unread_lines > 0).then(|| {
            let unread = humane(*unread_lines as f64, &Unit::Count);
            format!(
                "{unread} of {}; letters are shown as x, digits as 9",
                if *lines == 1 { "1 line".to_owned() } else { format!("{of} lines") }
            )
        })
    }

    /// The cells of a query under [`QUERY`]: total in seconds, the others in milliseconds.
    pub(super) fn query(&self, query: &Query, with_interval: bool) -> Vec<String> {
        let is_timed = query.max_ms.is_some();
        let known = |time: f64| match time {
            _ if !is_timed => NOT_KNOWN.to_owned(),
            time if time > 0.0 && time < 0.001 => "<0.001".to_owned(),
            time => cell(Some(time)),
        };
        let mut p99 = cell(query.p99_ms);
        if with_interval && p99 != NOT_KNOWN {
            let finite = |ms: Option<f64>| ms.filter(|ms| ms.is_finite()).map(|ms| humane(ms, &Unit::Count));
            match (finite(query.p99_low_ms), finite(query.p99_high_ms)) {
                (Some(low), Some(high)) => p99.push_str(&format!(" ({low}–{high})")),
                (Some(low), None) => p99.push_str(&format!(" (from {low})")),
                (None, _) => {}
            }
        }
        vec![
            humane(query.calls as f64, &Unit::Count),
            query.errors.map_or(NOT_KNOWN.to_owned(), |errors| humane(errors as f64, &Unit::Count)),
            known(query.total_ms / 1000.0),
            known(query.mean_ms),
            cell(query.p50_ms),
            cell(query.p95_ms),
            p99,
            cell(query.max_ms),
        ]
    }

    /// Whether any of the queries failed, or may have.
    pub(super) fn has_errors(&self) -> bool {
        self.queries.iter().any(|query| query.errors != Some(0))
    }

    /// Why figures of the queries are not known.
    pub(super) fn footnotes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let is_timed = |query: &&Query| query.max_ms.is_some();
        let threshold = self.coverage.threshold_ms.filter(|ms| ms.is_finite());
        let lacks = |query: &Query| query.p50_ms.is_none() || query.p95_ms.is_none() || query.p99_ms.is_none();
        if let Some(threshold) = threshold {
            if self.queries.iter().filter(is_timed).any(lacks) {
                let threshold = humane(threshold, &Unit::Milliseconds);
                notes.push(format!(
                    "statements shorter than {threshold} are not in the log: no quantile of all calls is known, and total and \
                     mean are of those that are"
                ));
            }
        } else if self.queries.iter().filter(is_timed).any(lacks) {
            notes.push("too few calls to tell: a p95 takes 20, a p99 takes 100".to_owned());
        }
        if self.queries.iter().any(|query| query.max_ms.is_none()) {
            notes.push("no duration in the log".to_owned());
        }
        notes
    }

    /// The cells of requests under [`REQUEST`], times in milliseconds.
    pub(super) fn request(&self, request: &Request) -> Vec<String> {
        vec![
            humane(request.requests as f64, &Unit::Count),
            cell(Some(request.statements_p50)),
            cell(Some(request.statements_p95)),
            cell(Some(request.statements_max)),
            cell(request.database_p95_ms),
            cell(request.wall_p95_ms),
        ]
    }

    /// What requests are told by: their route, or the query they begin with.
    pub(super) fn of_request(&self, request: &Request, limit: usize) -> String {
        let name = match (&request.route, &request.query, &request.fingerprint) {
            (Some(route), _, _) => route.clone(),
            (None, Some(query), _) => query.clone(),
            (None, None, Some(fingerprint)) => format!("begins with query {fingerprint}"),
            (None, None, None) => "begins with no query that is known".to_owned(),
        };
        line(&self.within(&request.database, &name), limit)
    }

    /// The text of a query on one line.
    pub(super) fn of_query(&self, query: &Query, limit: usize) -> String {
        line(&self.within(&query.database, &query.query), limit)
    }

    /// The database before a name, where there are several.
    fn within(&self, database: &str, name: &str) -> String {
        if self.is_several && !database.is_empty() { format!("{database}: {name}") } else { name.to_owned() }
    }
}

/// One log, in short parts.
pub(super) fn log(log: &LogRead) -> Vec<String> {
    let mut parts = vec![log.path.clone(), size(log.bytes)];
    parts.extend((!log.format.is_empty()).then(|| log.format.clone()));
    let found = if log.is_detected { " (found by looking)" } else { "" };
    parts.extend(log.prefix.iter().map(|prefix| format!("log_line_prefix \"{prefix}\"{found}")));
    parts.extend(log.trouble.iter().map(|trouble| format!("not read to its end: {trouble}")));
    parts
}

/// The time a log covers: `2026-11-21 05:43:00 to 2026-11-22 05:43:00 UTC`, `24 h`.
pub(super) fn window(window: &Window) -> Vec<String> {
    let mut parts = Vec::new();
    match (window.from.map(instant), window.to.map(instant)) {
        (Some(from), Some(to)) => parts.push(format!("{} to {to}", from.strip_suffix(" UTC").unwrap_or(&from))),
        (Some(one), None) | (None, Some(one)) => parts.push(one),
        (None, None) => {}
    }
    let length = window.seconds.filter(|seconds| seconds.is_finite());
    parts.extend(length.map(|seconds| humane(seconds, &Unit::Seconds)));
    parts
}

/// A figure as it stands in a cell.
fn cell(number: Option<f64>) -> String {
    number.filter(|number| number.is_finite()).map_or(NOT_KNOWN.to_owned(), |number| humane(number, &Unit::Count))
}

/// `1 line`, `1,514,438 lines`.
fn counted(count: u64, one: &str) -> String {
    numbered(count, one, &format!("{one}s"))
}

fn numbered(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {many}", humane(count as f64, &Unit::Count)) }
}

/// Bytes as logs are measured: in thousands.
fn size(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut unit = 0;
    let mut value = bytes as f64;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{} {}", humane(value, &Unit::Count), units[unit])
}

/// PostgreSQL's name of an SQLSTATE: the ones that logs hold.
fn condition(sqlstate: &str) -> Option<&'static str> {
    let name = match sqlstate {
        "08000" => "connection_exception",
        "08003" => "connection_does_not_exist",
        "08006" => "connection_failure",
        "08P01" => "protocol_violation",
        "0A000" => "feature_not_supported",
        "21000" => "cardinality_violation",
        "22001" => "string_data_right_truncation",
        "22003" => "numeric_value_out_of_range",
        "22007" => "invalid_datetime_format",
        "22008" => "datetime_field_overflow",
        "22012" => "division_by_zero",
        "22021" => "character_not_in_repertoire",
        "22023" => "invalid_parameter_value",
        "22P02" => "invalid_text_representation",
        "23502" => "not_null_violation",
        "23503" => "foreign_key_violation",
        "23505" => "unique_violation",
        "23514" => "check_violation",
        "23P01" => "exclusion_violation",
        "25001" => "active_sql_transaction",
        "25006" => "read_only_sql_transaction",
        "25P01" => "no_active_sql_transaction",
        "25P02" => "in_failed_sql_transaction",
        "25P03" => "idle_in_transaction_session_timeout",
        "25P04" => "transaction_timeout",
        "26000" => "invalid_sql_statement_name",
        "28000" => "invalid_authorization_specification",
        "28P01" => "invalid_password",
        "2BP01" => "dependent_objects_still_exist",
        "34000" => "invalid_cursor_name",
        "3D000" => "invalid_catalog_name",
        "3F000" => "invalid_schema_name",
        "40001" => "serialization_failure",
        "40P01" => "deadlock_detected",
        "42501" => "insufficient_privilege",
        "42601" => "syntax_error",
        "42702" => "ambiguous_column",
        "42703" => "undefined_column",
        "42704" => "undefined_object",
        "42710" => "duplicate_object",
        "42803" => "grouping_error",
        "42804" => "datatype_mismatch",
        "42883" => "undefined_function",
        "42P01" => "undefined_table",
        "42P05" => "duplicate_prepared_statement",
        "42P07" => "duplicate_table",
        "42P10" => "invalid_column_reference",
        "42P18" => "indeterminate_datatype",
        "53100" => "disk_full",
        "53200" => "out_of_memory",
        "53300" => "too_many_connections",
        "54000" => "program_limit_exceeded",
        "55000" => "object_not_in_prerequisite_state",
        "55006" => "object_in_use",
        "55P03" => "lock_not_available",
        "57014" => "query_canceled",
        "57P01" => "admin_shutdown",
        "57P02" => "crash_shutdown",
        "57P03" => "cannot_connect_now",
        "57P05" => "idle_session_timeout",
        "58030" => "io_error",
        "58P01" => "undefined_file",
        "P0001" => "raise_exception",
        "P0002" => "no_data_found",
        "XX000" => "internal_error",
        "XX001" => "data_corrupted",
        "XX002" => "index_corrupted",
        _ => return None,
    };
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_wholly_understood_only_without_an_unread_line() {
        let share = |share: f64, unread_lines: u64| {
            let coverage = LogCoverage { share, unread_lines, ..LogCoverage::default() };
            Logs { queries: &[], requests: &[], coverage: &coverage, is_several: false }.share()
        };
        assert_eq!(share(1.0, 0), "100 %");
        assert_eq!(share(0.9999999, 1), "99.99 %");
        assert_eq!(share(0.992, 8), "99.2 %");
        assert_eq!(share(0.99986, 8), "99.98 %");
        assert_eq!(share(0.0, 8), "0 %");
        assert_eq!(share(f64::NAN, 8), "0 %");
    }

    #[test]
    fn sizes_are_in_thousands() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(229_700_000), "230 MB");
        assert_eq!(size(999_900), "1 MB");
        assert_eq!(size(u64::MAX), "18.4 EB");
    }
}
