//! From facts to verdicts: every enabled check over the server and its databases. Pure.

use crate::catalog::Catalog;
use crate::checks::context::{DatabaseContext, Review, RoleKinds, ServerContext};
use crate::checks::{self, Check};
use crate::config::Config;
use crate::facts::Snapshot;
use crate::finding::Finding;
use crate::outcome::RuleResult;
use crate::queries::{Queries, aggregate};
use crate::report::{Query, Window};
use crate::rule::Params;
use crate::service;
use crate::time::Timestamp;
use crate::window::{Span, SpanKind, of_database};

/// What an audit judges.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The facts.
    pub snapshot: &'a Snapshot,
    /// Earlier facts of the same server.
    pub before: Option<&'a Snapshot>,
    /// Facts of its standbys.
    pub replicas: &'a [Snapshot],
    /// "Now".
    pub at: Timestamp,
    /// Thresholds, what is enabled, which roles are applications.
    pub config: &'a Config,
    /// The statements somebody reviewed.
    pub reviews: &'a [Review],
    /// The statements that a log counted.
    pub logged: Option<&'a Queries>,
}

/// What the checks had to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Audited {
    /// A row for each check and database.
    pub results: Vec<RuleResult>,
    /// What was found, worst first.
    pub findings: Vec<Finding>,
    /// The time the counters speak of.
    pub window: Option<Window>,
    /// The queries, most expensive first.
    pub queries: Vec<Query>,
    /// The managed service that was recognised.
    pub service: Option<&'static str>,
}

/// Runs every enabled check.
pub fn audit(given: &Given<'_>) -> Audited {
    let service = service::recognise(given.snapshot);
    let queries = aggregate(given.snapshot, given.before);
    let params = params(given.config);
    let role_kinds = role_kinds(given.config);
    let server = ServerContext {
        snapshot: given.snapshot,
        before: given.before,
        replicas: given.replicas,
        at: given.at,
        queries: &queries,
        logged: given.logged,
        params: &params,
        role_kinds: &role_kinds,
        reviews: given.reviews,
        service,
    };
    let catalogs: Vec<Catalog<'_>> = given.snapshot.databases.iter().map(Catalog::new).collect();
    let databases: Vec<DatabaseContext<'_>> = given
        .snapshot
        .databases
        .iter()
        .zip(&catalogs)
        .map(|(database, catalog)| DatabaseContext { server, database, catalog })
        .collect();

    let enabled = |check: &&&Check| given.config.is_enabled(check.meta.id, &check.meta.category);
    let (mut results, mut findings) = (Vec::new(), Vec::new());
    for check in checks::ALL.iter().filter(enabled) {
        for judged in checks::run(check, &server, &databases) {
            let severity = given.config.severity_override(check.meta.id);
            findings.extend(judged.verdict.findings.into_iter().map(|finding| match severity {
                Some(severity) => finding.severity(severity.clone()),
                None => finding,
            }));
            results.push(judged.result);
        }
    }
    findings.sort_by(Finding::order);
    Audited {
        results,
        findings,
        window: window(given),
        queries: queries.map(|queries| of_audited(&queries, given)).unwrap_or_default(),
        service,
    }
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

fn role_kinds(config: &Config) -> RoleKinds {
    let texts =
        |patterns: &[crate::config::Pattern]| patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect();
    RoleKinds {
        application: texts(&config.application.roles.value),
        maintenance: texts(&config.application.maintenance_roles.value),
        maintenance_applications: texts(&config.application.maintenance_applications.value),
    }
}

/// The window of the counters of the first database, for the head of the report.
fn window(given: &Given<'_>) -> Option<Window> {
    let database = given.snapshot.databases.first()?;
    let span: Span = of_database(given.snapshot, given.before, &database.name).ok()?;
    Some(Window {
        kind: if span.kind == SpanKind::Snapshots { "snapshots" } else { "counters" }.to_owned(),
        from: span.from,
        to: Some(span.to),
        seconds: span.is_exact().then_some(span.at_least),
        because: span.describe(),
    })
}

/// The queries of the databases that were audited: what runs in others is told by the audit of those.
fn of_audited(queries: &crate::queries::Queries, given: &Given<'_>) -> Vec<Query> {
    let audited = |stats: &&crate::queries::QueryStats| given.snapshot.database(&stats.database).is_some();
    queries.queries.iter().filter(audited).map(query).collect()
}

/// A query as the report has it. What statistics cannot know is left out.
fn query(stats: &crate::queries::QueryStats) -> Query {
    let interval = stats.p99_ms();
    Query {
        fingerprint: stats.fingerprint.clone(),
        fingerprint_kind: stats.fingerprint_kind.as_str().to_owned(),
        database: stats.database.clone(),
        query: stats.text.clone(),
        calls: stats.calls,
        errors: None,
        total_ms: stats.total_ms,
        mean_ms: stats.mean_ms(),
        p50_ms: None,
        p95_ms: None,
        p99_ms: None,
        p99_low_ms: interval.map(|interval| interval.low),
        p99_high_ms: interval.map(|interval| interval.high),
        // the most is of all time, and says nothing of a window between two snapshots
        max_ms: (stats.span.kind != SpanKind::Snapshots).then_some(stats.max_ms),
        rows: stats.rows,
    }
}
