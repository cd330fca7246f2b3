//! A workload becomes a report: detectors judge it, findings are accepted or counted, items decided. Pure.

use super::top;
use crate::attest::Attestations;
use crate::checklist::{self, Inputs};
use crate::config::Config;
use crate::finding::Finding;
use crate::logs::analysis::Analysis;
use crate::logs::detectors::{self, Detector, context::Context};
use crate::logs::distribution::Distribution;
use crate::logs::merge::settled;
use crate::logs::shape::Shape;
use crate::logs::workload::{Logging, QueryLoad, RequestLoad, Workload};
use crate::outcome::RuleResult;
use crate::report::{
    Body, FORMAT, Kind, LogCoverage, LogRead, Note, Query, Report, Request, Source, Tool, UnreadLine, Window,
};
use crate::rule::Params;
use crate::suppress;
use crate::time::Timestamp;
use std::collections::HashMap;

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

/// Runs every enabled detector.
pub fn judge(workload: &Workload, config: &Config) -> Judged {
    let params = params(config);
    let budgets = config.logs.budgets();
    let analyses = analyses(workload);
    let cx = Context::new(workload, &params, &budgets, &analyses);
    let enabled = |detector: &&&Detector| config.is_enabled(detector.meta.id, &detector.meta.category);
    let mut judged = Judged::default();
    for detector in detectors::ALL.iter().filter(enabled) {
        for one in detectors::run(detector, &cx) {
            let severity = config.severity_override(detector.meta.id);
            judged.findings.extend(one.verdict.findings.into_iter().map(|finding| match severity {
                Some(severity) => finding.severity(severity.clone()),
                None => finding,
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

/// What the queries are that a group speaks of: only of those the texts are looked into again.
fn analyses(workload: &Workload) -> HashMap<String, Analysis> {
    let named = workload.groups.iter().flat_map(|group| group.parent.iter().chain([&group.child]));
    let named: std::collections::HashSet<&String> = named.collect();
    let loads: Vec<&QueryLoad> = workload.queries.iter().filter(|query| named.contains(&query.fingerprint)).collect();
    Shape::stored_all(&loads).into_iter().map(|shape| (shape.fingerprint, shape.analysis)).collect()
}

/// Makes the report of logs.
pub fn report(given: &Given<'_>, mut notes: Vec<Note>) -> Report {
    let workload = &settled(given.workload);
    let judged = judge(workload, given.config);
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
        window: window.as_ref(),
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

fn window(workload: &Workload) -> Option<Window> {
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
fn about(workload: &Workload) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |warning, text: String| notes.push(Note { text, warning });
    if workload.is_partial {
        note(true, "reading was interrupted: this is what had been read until then".to_owned());
    }
    for source in &workload.sources {
        if let Some(trouble) = &source.trouble {
            note(true, format!("{} was not read to its end: {trouble}", source.path));
        }
        if let (true, Some(prefix)) = (source.is_detected, &source.prefix) {
            note(false, format!("{}: the log_line_prefix \"{prefix}\" was found by looking at it", source.path));
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
fn query(load: &QueryLoad, logging: &Logging) -> Query {
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
        fingerprint_kind: load.fingerprint_kind.as_ref().map_or("", |kind| kind.as_str()).to_owned(),
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
