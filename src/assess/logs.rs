//! A workload becomes a report: detectors judge it, findings are accepted or counted, items decided. Pure.

use super::top;
use crate::attest::Attestations;
use crate::checklist::{self, Inputs};
use crate::config::Config;
use crate::facts::Snapshot;
use crate::finding::Finding;
use crate::fingerprint::{FingerprintKind, StatementKind};
use crate::logs::analysis::Analysis;
use crate::logs::detectors::context::{Calls, Context, is_of_the_system, is_planned};
use crate::logs::detectors::{self, Detector};
use crate::logs::distribution::Distribution;
use crate::logs::merge::settled;
use crate::logs::select::{Narrow, Selection};
use crate::logs::shape::Shape;
use crate::logs::workload::{Logging, OTHER, QueryLoad, RequestLoad, Workload};
use crate::outcome::{Missing, Reason, RuleResult};
use crate::queries::{Part, Queries, QueryStats, calls_between};
use crate::report::{
    Body, FORMAT, Kind, LogCoverage, LogRead, Note, Query, Report, Request, Source, Tool, UnreadLine, Window,
};
use crate::rule::Params;
use crate::suppress;
use crate::time::Timestamp;
use crate::window::{Span, SpanKind};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The strength from which on a request's bounds are sure, in thousandths.
pub const SURE: u64 = 750;

/// What a report is made from.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// What the logs said.
    pub workload: &'a Workload,
    /// The configuration in effect.
    pub config: &'a Config,
    /// What people said.
    pub attestations: &'a Attestations,
    /// "Now" of the judgement.
    pub at: Timestamp,
    /// When the report is written.
    pub generated_at: Timestamp,
    /// Queries and requests to list.
    pub top: usize,
}

/// What the detectors had to say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// A row for each detector and database.
    pub results: Vec<RuleResult>,
    /// What was found, worst first.
    pub findings: Vec<Finding>,
}

/// Runs every enabled detector; with the calls between two snapshots that bracket the log, where there are two.
pub fn judge(workload: &Workload, config: &Config, calls: Option<&Result<Calls, Missing>>) -> Judged {
    let params = params(config);
    let budgets = config.logs.budgets();
    let analyses = analyses(workload);
    let cx = Context::new(workload, &params, &budgets, &analyses).with_calls(calls);
    let enabled = |detector: &&&Detector| config.is_enabled(detector.meta.id, &detector.meta.category);
    let mut judged = Judged::default();
    for detector in detectors::ALL.iter().filter(enabled) {
        for one in detectors::run(detector, &cx) {
            let severity = config.severity_override(detector.meta.id);
            judged.findings.extend(one.verdict.findings.into_iter().map(|finding| match severity {
                // what is suspected only has no severity that counts
                Some(severity) if !finding.is_suspected() => finding.severity(severity.clone()),
                _ => finding,
            }));
            judged.results.push(one.result);
        }
    }
    for finding in &mut judged.findings {
        finding.items = checklist::items_of(finding.rule.as_str()).into_iter().map(str::to_owned).collect();
    }
    judged.findings.sort_by(Finding::order);
    judged
}

fn params(config: &Config) -> Params {
    let mut params = Params::default();
    for (rule, configured) in &config.rules {
        for (param, value) in &configured.params {
            params.set(rule, param, value.value);
        }
    }
    params
}

/// What the queries are that a group or the beginning of a request speaks of: only of those the texts are looked into
/// again.
fn analyses(workload: &Workload) -> HashMap<String, Analysis> {
    let groups = workload.groups.iter().flat_map(|group| group.parent.iter().chain([&group.child]));
    let heads = workload.requests.iter().filter(|requests| requests.route.is_none());
    let named: HashSet<&String> = groups.chain(heads.filter_map(|requests| requests.head.as_ref())).collect();
    let loads: Vec<&QueryLoad> = workload.queries.iter().filter(|query| named.contains(&query.fingerprint)).collect();
    Shape::stored_all(&loads).into_iter().map(|shape| (shape.fingerprint, shape.analysis)).collect()
}

/// Adds what a log says to an audit of the server that wrote it: of the databases that were audited, and of the server. The
/// queries get the quantiles that only a log has; where nothing else counted them they are those of the log.
pub(super) fn add(given: &super::Given<'_>, workload: &Workload, audited: &mut crate::audit::Audited) -> Vec<Note> {
    let calls = given.before.map(|before| calls(workload, given.log_from_to, before, given.snapshot));
    let mut judged = judge(workload, given.config, calls.as_ref());
    let names: BTreeSet<&str> = given.snapshot.databases.iter().map(|database| database.name.as_str()).collect();
    // what happens in other databases is told by the audit of those; a log may not name its databases
    let counts =
        |database: Option<&String>| database.is_none_or(|name| name.is_empty() || names.contains(name.as_str()));
    let is_of_log =
        |rule: &str| detectors::by_id(rule).is_some_and(|detector| matches!(detector.run, detectors::Run::Log(_)));
    judged.results.retain(|row| counts(row.database.as_ref()));
    judged.findings.retain(|one| is_of_log(one.rule.as_str()) || counts(one.subject.database.as_ref()));
    audited.results.extend(left_out(workload, given.config, &names, &judged.results));
    audited.results.extend(judged.results);
    audited.findings.extend(judged.findings);
    audited.findings.sort_by(Finding::order);
    if audited.queries.is_empty() {
        let own = workload.queries.iter().filter(|load| counts(Some(&load.database)));
        audited.queries = own.map(|load| query(load, &workload.logging)).collect();
    } else {
        let logged: HashMap<(&str, &str), &QueryLoad> =
            workload.queries.iter().map(|load| ((load.database.as_str(), load.fingerprint.as_str()), load)).collect();
        for counted in &mut audited.queries {
            let named = logged.get(&(counted.database.as_str(), counted.fingerprint.as_str()));
            if let Some(load) = named.or_else(|| logged.get(&("", counted.fingerprint.as_str()))) {
                with_quantiles(counted, query(load, &workload.logging));
            }
        }
    }
    let mut notes = about(workload);
    notes.push(Note { text: read(workload), warning: false });
    if let Some(Err(missing)) = &calls {
        let unlock = missing.unlock.as_ref().map_or_else(String::new, |unlock| format!("; {unlock}"));
        let text = format!("the calls between the two snapshots say nothing of the log: {}{unlock}", missing.because);
        notes.push(Note { text, warning: false });
    }
    notes
}

/// What was read of the logs, in one sentence.
fn read(workload: &Workload) -> String {
    let coverage = &workload.coverage;
    let count = |count: u64| crate::finding::humane(count as f64, &crate::finding::Unit::Count);
    let length = window(workload).and_then(|window| window.seconds);
    let over = length.map_or_else(String::new, |seconds| {
        format!(" over {}", crate::finding::humane(seconds, &crate::finding::Unit::Seconds))
    });
    format!(
        "logs: {} executions{over}, {} of {} lines not understood",
        count(coverage.executions),
        count(coverage.unread_lines),
        count(coverage.lines)
    )
}

/// Where the log was narrowed to some databases, it says nothing of the others.
fn left_out(workload: &Workload, config: &Config, names: &BTreeSet<&str>, results: &[RuleResult]) -> Vec<RuleResult> {
    if !Selection::narrows(&workload.logging.filters, Narrow::Databases) {
        return Vec::new();
    }
    let mut rows = Vec::new();
    for detector in detectors::ALL.iter().filter(|detector| matches!(detector.run, detectors::Run::Database(_))) {
        let is_judged = |name: &str| {
            results.iter().any(|row| row.id.as_str() == detector.meta.id && row.database.as_deref() == Some(name))
        };
        if config.is_enabled(detector.meta.id, &detector.meta.category) {
            for name in names.iter().filter(|name| !is_judged(name)) {
                let missing = Missing::new("log", Reason::Input, "--database left it out of the log");
                rows.push(RuleResult::new(detector.meta.id, Some(name), &Err(missing)));
            }
        }
    }
    rows
}

fn with_quantiles(counted: &mut Query, logged: Query) {
    counted.errors = counted.errors.or(logged.errors);
    counted.p50_ms = logged.p50_ms.or(counted.p50_ms);
    counted.p95_ms = logged.p95_ms.or(counted.p95_ms);
    if logged.p99_ms.is_some() {
        (counted.p99_ms, counted.p99_low_ms, counted.p99_high_ms) =
            (logged.p99_ms, logged.p99_low_ms, logged.p99_high_ms);
    }
}

/// The statements of a log as counts and rates: what a review register needs where nothing else counts them. Durations are
/// left to the detectors.
pub fn frequencies(workload: &Workload) -> Option<Queries> {
    let (from, to) = (workload.from?, workload.to?);
    let exact = Span::exact(SpanKind::Log, from, to);
    let is_complete = workload.logging.is_complete() && !workload.is_partial && !workload.is_bounded;
    // of a part of the calls only the least is known
    let span = if is_complete { exact } else { Span { at_least: 0.0, ..exact } };
    let of_applications =
        |load: &&QueryLoad| is_planned(load) && load.fingerprint != OTHER && !is_of_the_system(load) && load.calls > 0;
    let stats = |load: &QueryLoad| {
        let calls = i64::try_from(load.calls).unwrap_or(i64::MAX);
        let part = Part {
            role: None,
            is_top_level: true,
            calls,
            total_ms: ms(load.durations.sum as f64),
            squares: 0.0,
            extremes_ms: None,
            rows: 0,
            temp_blocks_written: 0,
            span: span.clone(),
        };
        QueryStats {
            database: load.database.clone(),
            fingerprint: load.fingerprint.clone(),
            fingerprint_kind: load.fingerprint_kind.clone().unwrap_or(FingerprintKind::Shape),
            kind: load.kind.clone().unwrap_or(StatementKind::Unparsed),
            text: load.text.clone(),
            roles: BTreeSet::new(),
            query_ids: load.query_ids.iter().map(i64::to_string).collect(),
            is_top_level: true,
            calls,
            total_ms: part.total_ms,
            squares: 0.0,
            min_ms: 0.0,
            max_ms: ms(load.durations.most as f64),
            rows: 0,
            temp_blocks_written: 0,
            span: span.clone(),
            parts: vec![part],
        }
    };
    Some(Queries {
        queries: workload.queries.iter().filter(of_applications).map(stats).collect(),
        hidden: 0,
        hidden_calls: 0,
        hidden_by_database: BTreeMap::new(),
        lost: 0,
        evicted: None,
        span,
    })
}

/// A log that begins or ends by so much later or earlier than the snapshots is taken to reach from one to the other: where
/// little happens, nothing is logged. Seconds, or this part of the time between them, whichever is more.
const EDGE: f64 = 60.0;
const EDGE_SHARE: f64 = 0.05;
/// Seconds that the time of an entry may be early by: what is cut off of it.
const WHOLE: f64 = 1.0;
const FRACTION: f64 = 0.001;
/// The checklist's limit, in microseconds: with a threshold above it, calls that exceed it are missing.
const LIMIT: u64 = 100_000;

/// The calls that were counted between two snapshots, if the log has all the slow ones of that time and of no other. Whoever
/// says from when to when the log counts says that it has that time.
///
/// # Errors
/// Why they cannot be used.
pub fn calls(
    workload: &Workload,
    (from, to): (Option<Timestamp>, Option<Timestamp>),
    before: &Snapshot,
    now: &Snapshot,
) -> Result<Calls, Missing> {
    let by_query = calls_between(before, now)?;
    let logging = &workload.logging;
    let refuse = |because: &str| Missing::new("calls", Reason::Input, because);
    if !logging.has_query_ids {
        return Err(refuse("the log has no query ids").unlocked_by(
            "%Q in log_line_prefix with compute_query_id = on, or csvlog or jsonlog: query ids in the log",
        ));
    }
    if logging.sample_rate.is_some() || logging.transaction_sample_rate.is_some() {
        return Err(refuse("the log is a sample"));
    }
    if Selection::narrows(&logging.filters, Narrow::Clients) {
        return Err(
            refuse("only some roles or applications of the log count").unlocked_by("leave out --user and --app")
        );
    }
    if workload.is_partial || workload.is_bounded {
        return Err(refuse("not all queries of the log are kept"));
    }
    threshold(workload, &[before, now])?;
    let read_at = |snapshot: &Snapshot| snapshot.server.statements.at().unwrap_or(snapshot.captured_at);
    let (begin, end) = (read_at(before), read_at(now));
    let (Some(first), Some(last)) = (workload.from, workload.to) else {
        return Err(refuse("the log does not say when it was written"));
    };
    let after = |late: Timestamp, early: Timestamp| late.seconds_since(early).unwrap_or(0.0);
    let cut = if logging.has_fractions { FRACTION } else { WHOLE };
    if after(begin, first) > cut || after(last, end) > 0.0 {
        let because = format!("the log ({first} to {last}) is longer than the time between the snapshots");
        return Err(refuse(&because).unlocked_by(format!("--from {begin} --to {end}")));
    }
    let (first, last) = (from.unwrap_or(first).min(first), to.unwrap_or(last).max(last));
    let allowed = EDGE.max(EDGE_SHARE * after(end, begin));
    let uncovered = (after(first, begin) > allowed || after(end, last) > allowed).then(|| {
        Missing::new(
            "log",
            Reason::Input,
            format!("the log ({first} to {last}) does not reach from one snapshot ({begin}) to the other ({end})"),
        )
        .unlocked_by("all logs of that time; where they are given, --from and --to say so")
    });
    Ok(Calls { by_query, uncovered })
}

/// Whether every call above the limit is logged: as it was told, as the server says, or as the log looks.
fn threshold(workload: &Workload, snapshots: &[&Snapshot]) -> Result<(), Missing> {
    const NAME: &str = "log_min_duration_statement";
    const LOWER: &str = "alter system set log_min_duration_statement = 100; select pg_reload_conf();";
    let too_high = |because: String| Err(Missing::new("calls", Reason::Input, because).unlocked_by(LOWER));
    let judge = |micros: u64, who: &str| match micros <= LIMIT {
        true => Ok(()),
        false => too_high(format!("{NAME} was {} ms {who}, above 100 ms", micros / 1000)),
    };
    if let Some(told) = workload.logging.told_threshold {
        return judge(told, "as it was told");
    }
    let mut is_known = true;
    for snapshot in snapshots {
        let overrides = snapshot.server.setting_overrides.ok().into_iter().flatten();
        if overrides.filter(|one| one.name == NAME).any(|one| !is_low(&one.value)) {
            return too_high(format!("{NAME} is above 100 ms for a role or a database"));
        }
        let settings = snapshot.server.settings.ok().into_iter().flatten();
        // what hides the server's own value says nothing of others; that of the only database that is audited is its own
        let is_told = |source: &str| match source {
            "user" | "database user" | "client" | "session" => false,
            "database" => snapshot.databases.len() < 2,
            _ => true,
        };
        match settings.into_iter().find(|one| one.name == NAME && is_told(&one.source)) {
            Some(setting) => match setting.setting.parse::<u64>() {
                Ok(ms) => judge(ms.saturating_mul(1000), "on the server")?,
                // off: what is logged, something else logs
                Err(_) => is_known = false,
            },
            None => is_known = false,
        }
    }
    match workload.logging.seen_threshold {
        _ if is_known => Ok(()),
        Some(seen) => judge(seen, "by the look of the log"),
        None => Err(Missing::new("calls", Reason::Input, format!("nothing says what {NAME} was"))
            .unlocked_by("--min-duration says it")),
    }
}

/// Whether a value as it was written is a threshold at or below the limit.
fn is_low(value: &str) -> bool {
    let digits: String = value.trim().chars().take_while(char::is_ascii_digit).collect();
    let unit = value.trim().trim_start_matches(|c: char| c.is_ascii_digit()).trim();
    match (digits.parse::<u64>(), unit) {
        (Ok(0), _) => true,
        (Ok(ms), "" | "ms") => ms.saturating_mul(1000) <= LIMIT,
        (Ok(us), "us") => us <= LIMIT,
        _ => false,
    }
}

/// Makes the report of logs.
pub fn report(given: &Given<'_>, mut notes: Vec<Note>) -> Report {
    let workload = &settled(given.workload);
    let judged = judge(workload, given.config, None);
    let applied = suppress::apply(judged.findings, &given.config.suppressions, &judged.results, given.at);
    notes.extend(about(workload));
    notes.extend(applied.notes);
    let source = source(given, workload);
    let window = window(workload);
    let items = checklist::assess(&Inputs {
        audited: false,
        rules: &judged.results,
        findings: &applied.kept,
        suppressed: &applied.suppressed,
        attestations: given.attestations,
        target: &source.target,
        databases: &source.databases,
        service: None,
        window: None,
        log: window.as_ref(),
        reviewed: false,
        pool: &[],
    });
    Report {
        format: FORMAT,
        kind: Kind::Logs,
        tool: Tool::this(),
        generated_at: given.generated_at,
        score: Some(checklist::score(&items)),
        top: top(&applied.kept, &items),
        items,
        window,
        notes,
        rules: judged.results,
        findings: applied.kept,
        suppressed: applied.suppressed,
        missing: Vec::new(),
        source,
        body: Body::Logs {
            queries: workload.queries.iter().take(given.top).map(|load| query(load, &workload.logging)).collect(),
            requests: requests(workload, given.top),
            coverage: coverage(workload),
        },
    }
}

fn source(given: &Given<'_>, workload: &Workload) -> Source {
    let target = match workload.sources.as_slice() {
        [] => String::new(),
        [one] => one.path.clone(),
        [first, more @ ..] => format!("{} and {} more", first.path, more.len()),
    };
    let mut databases: Vec<String> = workload.queries.iter().map(|query| query.database.clone()).collect();
    databases.sort();
    databases.dedup();
    Source {
        target,
        databases,
        captured_at: workload.to,
        config_sha256: Some(given.config.fingerprint()),
        ..Source::default()
    }
}

/// The time the logs speak of.
pub(super) fn window(workload: &Workload) -> Option<Window> {
    let (from, to) = (workload.from?, workload.to?);
    Some(Window {
        kind: "log".to_owned(),
        from: Some(from),
        to: Some(to),
        seconds: to.seconds_since(from),
        because: "the first and the last time in the logs".to_owned(),
    })
}

/// What the reader has to know of the logs before believing the figures.
pub(super) fn about(workload: &Workload) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |warning, text: String| notes.push(Note { text, warning });
    if workload.is_partial {
        note(true, "reading was interrupted: this is what had been read until then".to_owned());
    }
    for source in &workload.sources {
        if let Some(trouble) = &source.trouble {
            note(true, format!("{} was not read to its end: {trouble}", source.path));
        }
    }
    let Logging { told_threshold, seen_threshold, .. } = workload.logging;
    if let (None, Some(seen)) = (told_threshold, seen_threshold) {
        let seen = seen as f64 / 1000.0;
        note(
            true,
            format!(
                "no duration is shorter than {seen} ms: the log seems to hold slow statements only, so no quantile of all \
                 calls is known and no N+1 can be seen; say so with --min-duration"
            ),
        );
    }
    if !workload.logging.has_sessions && workload.coverage.executions > 0 {
        note(true, "the log names no process: totals only; N+1 needs %p or %c in log_line_prefix".to_owned());
    }
    if workload.is_bounded {
        note(
            false,
            "there were more queries than are kept: the least used are summed up as everything else".to_owned(),
        );
    }
    let cut = workload.coverage.nameless;
    if cut > 0 {
        note(
            false,
            format!(
                "{cut} durations have no statement beside them: log_statement or log_min_duration_statement names it"
            ),
        );
    }
    notes.extend(workload.logging.filters.iter().map(|filter| Note { text: filter.clone(), warning: false }));
    notes
}

fn ms(micros: f64) -> f64 {
    micros / 1000.0
}

/// A query as the report has it. What the log cannot know is left out: quantiles of all calls, where only some were logged.
pub(super) fn query(load: &QueryLoad, logging: &Logging) -> Query {
    let quantile = |share: f64| {
        if logging.threshold().is_some() {
            return None;
        }
        match logging.sample_rate {
            Some(rate) => load.durations.sampled_quantile(share, u64::MAX, rate),
            None => load.durations.quantile(share),
        }
    };
    // of fewer than a hundred calls the 99th percentile is the slowest one, and says nothing
    let p99 = quantile(0.99).filter(|_| load.durations.count >= 100);
    Query {
        fingerprint: load.fingerprint.clone(),
        fingerprint_kind: load.fingerprint_kind.as_ref().unwrap_or(&FingerprintKind::Shape).as_str().to_owned(),
        database: load.database.clone(),
        query: load.text.clone(),
        calls: i64::try_from(load.calls).unwrap_or(i64::MAX),
        errors: Some(i64::try_from(load.errors).unwrap_or(i64::MAX)),
        total_ms: ms(load.durations.sum as f64),
        mean_ms: ms(load.durations.mean()),
        p50_ms: quantile(0.5).map(|quantile| ms(quantile.value)),
        p95_ms: quantile(0.95).filter(|_| load.durations.count >= 20).map(|quantile| ms(quantile.value)),
        p99_ms: p99.map(|quantile| ms(quantile.value)),
        p99_low_ms: p99.map(|quantile| ms(quantile.low)),
        p99_high_ms: p99.and_then(|quantile| quantile.high).map(ms),
        max_ms: (!load.durations.is_empty()).then(|| ms(load.durations.most as f64)),
        rows: i64::try_from(load.rows.sum).unwrap_or(i64::MAX),
    }
}

fn requests(workload: &Workload, most: usize) -> Vec<Request> {
    let texts: HashMap<(&str, &str), &str> = workload
        .queries
        .iter()
        .map(|query| ((query.database.as_str(), query.fingerprint.as_str()), query.text.as_str()))
        .collect();
    let mut loads: Vec<&RequestLoad> = workload.requests.iter().collect();
    loads.sort_by(|a, b| b.count().cmp(&a.count()).then_with(|| key(a).cmp(&key(b))));
    let at = |distribution: &Distribution, share: f64| distribution.quantile(share).map_or(0.0, |found| found.value);
    let time = |distribution: &Distribution, share: f64| distribution.quantile(share).map(|found| ms(found.value));
    loads
        .into_iter()
        .take(most)
        .map(|load| Request {
            database: load.database.clone(),
            route: load.route.clone(),
            fingerprint: load.head.clone(),
            query: load
                .head
                .as_ref()
                .and_then(|head| texts.get(&(load.database.as_str(), head.as_str())).map(|text| (*text).to_owned())),
            requests: load.count(),
            sure: load.with_strength(SURE),
            statements_p50: at(&load.statements, 0.5),
            statements_p95: at(&load.statements, 0.95),
            statements_max: load.statements.most as f64,
            database_p50_ms: time(&load.database_time, 0.5),
            database_p95_ms: time(&load.database_time, 0.95),
            wall_p50_ms: time(&load.wall_time, 0.5),
            wall_p95_ms: time(&load.wall_time, 0.95),
        })
        .collect()
}

fn key(load: &RequestLoad) -> (&str, &Option<String>, &Option<String>) {
    (&load.database, &load.route, &load.head)
}

fn coverage(workload: &Workload) -> LogCoverage {
    let own = &workload.coverage;
    let mut failures = std::collections::BTreeMap::new();
    for one in &workload.failures {
        *failures.entry(one.sqlstate.clone().unwrap_or_else(|| one.severity.clone())).or_default() += one.count;
    }
    LogCoverage {
        logs: workload
            .sources
            .iter()
            .map(|source| LogRead {
                path: source.path.clone(),
                bytes: source.bytes,
                format: source.format.clone(),
                prefix: source.prefix.clone(),
                is_detected: source.is_detected,
                trouble: source.trouble.clone(),
            })
            .collect(),
        bytes: own.bytes,
        lines: own.lines,
        unread_lines: own.unread_lines,
        share: own.share(),
        entries: own.entries,
        executions: own.executions,
        untimed: own.untimed,
        queries: workload.queries.iter().filter(|query| query.fingerprint != OTHER).count() as u64,
        nameless: own.nameless,
        threshold_ms: workload.logging.threshold().map(|threshold| ms(threshold as f64)),
        unread: own
            .unread_samples
            .iter()
            .map(|line| UnreadLine { path: line.path.clone(), line: line.line, text: line.text.clone() })
            .collect(),
        failures,
        other_programs: workload.other_programs.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{self, Audited};
    use crate::config::{Gate, Level, RuleInfo, Source};
    use crate::finding::SubjectKind;
    use crate::logs::detectors::context::laboratory::Lab as Log;
    use crate::logs::workload::{Boundary, GroupKind};
    use crate::outcome::Outcome;
    use crate::report::State;
    use crate::rule::{Evidence, Severity};
    use crate::testing::{Lab, now, rows};

    const LOOK_UP: &str = "select id from books where author_id = $1";

    /// A log of two hundred requests, each of which looks up so many books after a list of authors.
    fn log(times: u64) -> Log {
        let mut log = Log::new();
        let head = log.query("select id, name from authors where country = $1", 200);
        let child = log.query(LOOK_UP, 200 * times);
        let mut group = Log::group(GroupKind::NPlusOne, Some(&head), &child, 200, times, Boundary::Transaction);
        group.join = Some("books.author_id = authors.id".into());
        log.workload.groups.push(group);
        log.requests(None, Some(&head), 200, times + 1, Boundary::Transaction);
        log
    }

    fn given<'a>(log: &'a Log, config: &'a Config, attestations: &'a Attestations) -> Given<'a> {
        Given { workload: &log.workload, config, attestations, at: now(), generated_at: now(), top: 1 }
    }

    fn known() -> Vec<RuleInfo> {
        detectors::ALL.iter().map(|detector| RuleInfo::new(&detector.meta, detector.params)).collect()
    }

    fn configured(toml: &str) -> Config {
        let source = Source { level: Level::Nearest, path: "pgassay.toml".into(), text: toml.to_owned() };
        Config::read(&[source], &known()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn state(report: &Report, id: &str) -> State {
        report.items.iter().find(|item| item.id == id).unwrap().state.clone()
    }

    #[test]
    fn logs_alone_decide_what_logs_decide() {
        let (config, attestations) = (Config::default(), Attestations::default());
        let bad = log(12);
        let report = super::report(&given(&bad, &config, &attestations), Vec::new());
        assert_eq!(state(&report, "2.4"), State::Fail);
        let request = report.findings.iter().find(|one| one.rule.as_str() == "too-many-queries-per-request").unwrap();
        assert!(request.message.starts_with("a request that begins with authors sends 13"), "{}", request.message);
        let Body::Logs { queries, coverage, .. } = &report.body else { panic!() };
        assert_eq!((queries.len(), coverage.queries), (1, 2));
        let mut good = log(1);
        good.workload.groups.clear();
        let report = super::report(&given(&good, &config, &attestations), Vec::new());
        assert_eq!((state(&report, "2.4"), state(&report, "2.1")), (State::Pass, State::Pass));
        good.workload.queries[0].fingerprint_kind = None;
        assert_eq!(query(&good.workload.queries[0], &good.workload.logging).fingerprint_kind, "shape");
    }

    #[test]
    fn what_is_suspected_is_not_raised_and_fails_nothing() {
        let mut log = log(12);
        log.workload.requests.clear();
        for group in &mut log.workload.groups {
            (group.join, group.boundaries) = (None, [(Boundary::Gap, 200)].into());
        }
        let toml = "[rules.n-plus-one]\nseverity = \"high\"\n";
        let config = configured(toml);
        let judged = judge(&log.workload, &config, None);
        let own: Vec<&Finding> = judged.findings.iter().filter(|one| one.rule.as_str() == "n-plus-one").collect();
        assert!(own.len() == 1 && own[0].is_suspected() && own[0].severity == Severity::Info, "{own:?}");
        assert!(!Gate::from_severity(Severity::Info).fails(&[own[0].clone()]));
        assert!(!Gate::parse(&["n-plus-one"], &known()).unwrap().fails_by(own[0]));
        assert!(super::super::top(&[own[0].clone()], &[]).is_empty());
    }

    // --- beside a server ---------------------------------------------------------------------------------------------

    fn audited(lab: &Lab, log: &Log, config: &Config) -> Report {
        let logged = frequencies(&log.workload);
        let audited = audit::audit(&audit::Given {
            snapshot: &lab.snapshot,
            before: lab.before.as_ref(),
            replicas: &[],
            at: now(),
            config,
            reviews: &[],
            logged: logged.as_ref(),
        });
        super::super::report(&of_server(lab, log, config, &Attestations::default()), audited, Vec::new())
    }

    fn of_server<'a>(
        lab: &'a Lab,
        log: &'a Log,
        config: &'a Config,
        attestations: &'a Attestations,
    ) -> super::super::Given<'a> {
        super::super::Given {
            snapshot: &lab.snapshot,
            before: lab.before.as_ref(),
            workload: Some(&log.workload),
            log_from_to: (None, None),
            migrations: None,
            pool: &[],
            config,
            attestations,
            at: now(),
            generated_at: now(),
            snapshot_sha256: None,
        }
    }

    #[test]
    fn a_log_adds_to_an_audit() {
        let mut lab = Lab::new();
        lab.statement("app", "select id from books where author_id = 7", 20_000, 3.0);
        let mut log = log(12);
        let mut elsewhere = log.workload.groups[0].clone();
        elsewhere.database = "billing".into();
        log.workload.groups.push(elsewhere);
        let mut billing = log.workload.queries[1].clone();
        billing.database = "billing".into();
        log.workload.queries.push(billing);
        let report = audited(&lab, &log, &Config::default());
        assert_eq!(report.kind, Kind::Audit);
        assert_eq!(state(&report, "2.4"), State::Fail);
        assert!(report.findings.is_sorted_by(|a, b| a.order(b).is_le()));
        let found: Vec<&Finding> = report.findings.iter().filter(|one| one.rule.as_str() == "n-plus-one").collect();
        assert_eq!(found.len(), 1, "what happens in other databases is told by their audit");
        assert!(report.rules.iter().all(|row| row.database.as_deref() != Some("billing")));
        let Body::Audit { queries } = &report.body else { panic!() };
        assert_eq!((queries.len(), queries[0].calls, queries[0].p99_ms), (1, 20_000, Some(1.0)));
        assert!(report.notes.iter().any(|note| note.text.starts_with("logs: ")));
        assert!(report.findings.iter().any(|one| one.rule.as_str() == "plan-not-reviewed"));
        // accepted, it warns
        let toml = "[[suppress]]\nrule = \"n-plus-one\"\nreason = \"known\"\n\
                    [[suppress]]\nrule = \"too-many-queries-per-request\"\nreason = \"known\"\n";
        let report = audited(&lab, &log, &configured(toml));
        assert_eq!((state(&report, "2.4"), report.suppressed.len()), (State::Warn, 2));
    }

    #[test]
    fn a_log_stands_in_for_counters_that_are_not_there() {
        let mut lab = Lab::new();
        let absent = Missing::new("statements", Reason::Extension, "pg_stat_statements is not installed");
        lab.snapshot.server.statements = crate::facts::Fact::Missing(absent);
        let report = audited(&lab, &log(12), &Config::default());
        let Body::Audit { queries } = &report.body else { panic!() };
        assert_eq!(queries.len(), 2);
        let frequent = report.findings.iter().find(|one| one.rule.as_str() == "plan-not-reviewed").unwrap();
        assert_eq!((frequent.subject.kind.clone(), frequent.measured("calls")), (SubjectKind::Query, Some(2400.0)));
        let slow = report.rules.iter().find(|row| row.id.as_str() == "slow-statement").unwrap();
        assert_eq!(slow.outcome, Outcome::Skipped, "of a log its own rules judge the durations");
        assert_eq!(state(&report, "2.1"), State::Pass);
    }

    #[test]
    fn a_log_of_some_databases_says_nothing_of_the_others() {
        let (lab, mut log) = (Lab::new(), Log::new());
        log.workload.logging.filters = vec!["only database b*".into()];
        let mut added = Audited { results: vec![], findings: vec![], window: None, queries: vec![], service: None };
        let (config, attestations) = (Config::default(), Attestations::default());
        add(&of_server(&lab, &log, &config, &attestations), &log.workload, &mut added);
        let row = added.results.iter().find(|row| row.id.as_str() == "n-plus-one").unwrap();
        assert_eq!((row.outcome.clone(), row.database.as_deref()), (Outcome::Skipped, Some("shop")));
    }

    // --- calls between two snapshots -----------------------------------------------------------------------------------

    /// An hour between two snapshots in which a query was called 1000 times, and a log of it with so many slow ones.
    fn bracketed(slow: u64) -> (Lab, Log) {
        let mut lab = Lab::new();
        lab.statement("app", "select id from books where author_id = 7", 5000, 3.0).query_id = Some("-77".into());
        let mut before = lab.snapshot.clone();
        before.captured_at = now().plus_seconds(-3600.0);
        let crate::facts::Fact::Read { at, .. } = &mut before.server.statements else { panic!() };
        *at = before.captured_at;
        let statement = &mut rows(&mut lab.snapshot.server.statements)[0].counters;
        (statement.calls, statement.total_ms) = (6000, 18_000.0);
        lab.before = Some(before);
        let mut log = Log::new();
        log.query(LOOK_UP, slow);
        log.durations((0..slow).map(|_| 150.0));
        if slow > 0 {
            (log.last().query_ids, log.last().slow_by_query_id) = (vec![-77], [(-77, slow)].into());
        }
        let workload = &mut log.workload;
        (workload.from, workload.to) = (Some(now().plus_seconds(-3599.0)), Some(now().plus_seconds(-1.0)));
        workload.logging.has_query_ids = true;
        workload.logging.told_threshold = Some(100_000);
        (lab, log)
    }

    fn item<'r>(report: &'r Report, id: &str) -> &'r crate::report::Assessment {
        report.items.iter().find(|item| item.id == id).unwrap()
    }

    #[test]
    fn the_calls_between_two_snapshots_decide_exactly() {
        let decided = |slow| {
            let (lab, log) = bracketed(slow);
            let report = audited(&lab, &log, &Config::default());
            let item = item(&report, "2.1");
            (item.state.clone(), item.evidence.clone())
        };
        assert_eq!(decided(11), (State::Fail, Some(Evidence::Measured)));
        assert_eq!(decided(10), (State::Pass, Some(Evidence::Measured)));
        assert_eq!(decided(0), (State::Pass, Some(Evidence::Measured)));
    }

    #[test]
    fn calls_that_say_nothing_of_the_log_are_refused_with_the_reason() {
        type Change = fn(&mut Lab, &mut Log);
        let refused = |change: Change, from_to| {
            let (mut lab, mut log) = bracketed(11);
            change(&mut lab, &mut log);
            calls(&log.workload, from_to, lab.before.as_ref().unwrap(), &lab.snapshot)
        };
        let none = (None, None);
        assert_eq!(refused(|_, _| {}, none).map(|calls| calls.uncovered), Ok(None));
        let cases: [(Change, &str); 9] = [
            (|_, log| log.workload.logging.has_query_ids = false, "the log has no query ids"),
            (|_, log| log.workload.logging.sample_rate = Some(0.5), "the log is a sample"),
            (|_, log| log.workload.logging.filters.push("only user app".into()), "only some roles or applications"),
            (|_, log| log.workload.is_partial = true, "not all queries of the log are kept"),
            (
                |_, log| log.workload.logging.told_threshold = Some(200_000),
                "log_min_duration_statement was 200 ms as it",
            ),
            (|_, log| log.workload.from = Some(now().plus_seconds(-7200.0)), "the log ("),
            (|_, log| log.workload.to = Some(now().plus_seconds(60.0)), "the log ("),
            (|_, log| log.workload.logging.told_threshold = None, "nothing says what log_min_duration_statement was"),
            (|lab, _| lab.before = Some(lab.snapshot.clone()), "the earlier snapshot is not the older one"),
        ];
        for (change, because) in cases {
            let missing = refused(change, none).unwrap_err();
            assert!(missing.because.starts_with(because), "{because}: {}", missing.because);
        }
        let longer = refused(|_, log| log.workload.from = Some(now().plus_seconds(-7200.0)), none).unwrap_err();
        assert_eq!(longer.unlock.as_deref(), Some("--from 2026-11-22T11:00:00Z --to 2026-11-22T12:00:00Z"));
        // a log that ends early proves nothing fast, unless somebody says that it is all there is
        let short: Change = |_, log| log.workload.to = Some(now().plus_seconds(-1800.0));
        let because = refused(short, none).unwrap().uncovered.unwrap().because;
        assert!(because.contains("does not reach from one snapshot"), "{because}");
        assert_eq!(refused(short, (None, Some(now()))).unwrap().uncovered, None);
    }

    #[test]
    fn the_threshold_is_the_servers_own_where_nobody_told_it() {
        let with = |server: &str, seen: Option<u64>, role: Option<&str>| {
            let (mut lab, mut log) = bracketed(11);
            (log.workload.logging.told_threshold, log.workload.logging.seen_threshold) = (None, seen);
            lab.setting("log_min_duration_statement", server, Some("ms"));
            if let Some(value) = role {
                lab.set(Some("app"), None, "log_min_duration_statement", value);
            }
            let mut before = lab.before.take().unwrap();
            before.server.settings = lab.snapshot.server.settings.clone();
            calls(&log.workload, (None, None), &before, &lab.snapshot).is_ok()
        };
        assert!(with("100", None, None) && with("0", None, None));
        assert!(!with("250", None, None) && !with("-1", None, None));
        assert!(with("-1", Some(50_000), None), "something else logs, and it looks like all");
        assert!(with("50", None, Some("100ms")) && !with("50", None, Some("1s")) && !with("50", None, Some("-1")));
    }
}
