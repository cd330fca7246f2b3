//! Everything given becomes one report: findings accepted or counted, items decided, sections scored, three things to do
//! first. Pure.

pub mod logs;
pub mod pool;
pub mod review;

use crate::attest::Attestations;
use crate::audit::Audited;
use crate::checklist::{self, Inputs, Ruling};
use crate::config::Config;
use crate::facts::{KNOWN_MAJORS, Snapshot};
use crate::finding::{Finding, Unit, Value};
use crate::logs::merge::settled;
use crate::logs::workload::Workload;
use crate::report::{Assessment, Body, FORMAT, Kind, Note, Report, Source, State, Tool, Unread};
use crate::suppress;
use crate::time::Timestamp;
use std::collections::HashSet;

/// What a report is made from.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The facts that were judged.
    pub snapshot: &'a Snapshot,
    /// Earlier facts of the same server.
    pub before: Option<&'a Snapshot>,
    /// What the server's logs said.
    pub workload: Option<&'a Workload>,
    /// From when to when the logs count, where somebody says so.
    pub log_from_to: (Option<Timestamp>, Option<Timestamp>),
    /// What the rules over migrations said, where migrations were given.
    pub migrations: Option<&'a review::Judged>,
    /// What is known of pools, as far as the items ask.
    pub pool: &'a [Ruling],
    /// The configuration in effect.
    pub config: &'a Config,
    /// What people said.
    pub attestations: &'a Attestations,
    /// "Now" of the judgement.
    pub at: Timestamp,
    /// When the report is written.
    pub generated_at: Timestamp,
    /// SHA-256 of the stored snapshot, where there is one.
    pub snapshot_sha256: Option<&'a str>,
}

/// Makes the report of an audit.
pub fn report(given: &Given<'_>, mut audited: Audited, mut notes: Vec<Note>) -> Report {
    let workload = given.workload.map(settled);
    if let Some(workload) = &workload {
        notes.extend(logs::add(given, workload, &mut audited));
    }
    let log = workload.as_ref().and_then(logs::window);
    let mut allowed = Vec::new();
    if let Some(judged) = given.migrations {
        audited.results.extend(judged.results.iter().cloned());
        audited.findings.extend(judged.findings.iter().cloned());
        audited.findings.sort_by(Finding::order);
        allowed.clone_from(&judged.suppressed);
    }
    for finding in &mut audited.findings {
        finding.items = checklist::items_of(finding.rule.as_str()).into_iter().map(str::to_owned).collect();
    }
    let mut applied = suppress::apply(audited.findings, &given.config.suppressions, &audited.results, given.at);
    applied.suppressed.append(&mut allowed);
    let source = source(given, audited.service);
    notes.extend(about(given.snapshot));
    notes.extend(applied.notes);
    let items = checklist::assess(&Inputs {
        audited: true,
        rules: &audited.results,
        findings: &applied.kept,
        suppressed: &applied.suppressed,
        attestations: given.attestations,
        target: &source.target,
        databases: &source.databases,
        service: audited.service,
        window: audited.window.as_ref(),
        log: log.as_ref(),
        reviewed: given.migrations.is_some(),
        pool: given.pool,
    });
    Report {
        format: FORMAT,
        kind: Kind::Audit,
        tool: Tool::this(),
        generated_at: given.generated_at,
        score: Some(checklist::score(&items)),
        top: top(&applied.kept, &items),
        items,
        window: audited.window,
        notes,
        rules: audited.results,
        findings: applied.kept,
        suppressed: applied.suppressed,
        missing: failures(given.snapshot),
        source,
        body: Body::Audit { queries: audited.queries },
    }
}

fn source(given: &Given<'_>, service: Option<&str>) -> Source {
    let snapshot = given.snapshot;
    let server = snapshot.server.server.ok();
    Source {
        target: snapshot.target.clone(),
        server_version: server.map(|server| server.version.clone()),
        system_identifier: snapshot.system_identifier().map(str::to_owned),
        role: server.map(|server| server.role.clone()),
        superuser: server.is_some_and(|server| server.is_superuser),
        in_recovery: server.is_some_and(|server| server.in_recovery),
        service: service.map(str::to_owned),
        databases: snapshot.databases.iter().map(|database| database.name.clone()).collect(),
        captured_at: Some(snapshot.captured_at),
        snapshot_sha256: given.snapshot_sha256.map(str::to_owned),
        config_sha256: Some(given.config.fingerprint()),
    }
}

/// What the reader has to know of the run before believing it.
fn about(snapshot: &Snapshot) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |warning, text: String| notes.push(Note { text, warning });
    if let Some(server) = snapshot.server.server.ok() {
        if server.is_superuser {
            note(
                true,
                format!(
                    "the audit ran as superuser {}: a read-only transaction is no boundary for one; use a role made by \
                     `pgassay grants`",
                    server.role
                ),
            );
        } else if !server.reads_all_stats {
            note(
                true,
                format!(
                    "role {} is no member of pg_monitor: much cannot be seen; {}",
                    server.role,
                    snapshot.grant("pg_monitor")
                ),
            );
        }
        let major = u16::try_from(server.version_number / 10_000).unwrap_or(0);
        if major > *KNOWN_MAJORS.end() {
            let newest = KNOWN_MAJORS.end();
            note(
                false,
                format!("PostgreSQL {major} is newer than this version knows; the queries for {newest} were used"),
            );
        }
        if server.in_recovery {
            note(false, "the server is a standby: its counters are its own, not the primary's".to_owned());
        }
    }
    for left in &snapshot.left_out {
        let unlock = left.reason.unlock.as_ref().map_or_else(String::new, |unlock| format!("; {unlock}"));
        note(true, format!("database {} was not read: {}{unlock}", left.database, left.reason.because));
    }
    if snapshot.tool != Tool::this() {
        note(false, format!("the snapshot was taken by {} {}", snapshot.tool.name, snapshot.tool.version));
    }
    notes
}

/// The facts whose reading failed though it should not have. What a privilege, an extension or a version hides is told by
/// the rules that needed it.
fn failures(snapshot: &Snapshot) -> Vec<Unread> {
    let unread = |database: Option<&str>, missing: &crate::outcome::Missing| Unread {
        database: database.map(str::to_owned),
        missing: missing.clone(),
    };
    let server = snapshot.server.missing().filter(|missing| missing.is_failure()).map(|missing| unread(None, missing));
    let databases = snapshot.databases.iter().flat_map(|database| {
        let failed = database.missing().filter(|missing| missing.is_failure());
        failed.map(move |missing| unread(Some(&database.name), missing))
    });
    // one cause often hides many facts: a server that is gone, a database that was dropped
    let mut all: Vec<Unread> = server.chain(databases).collect();
    let mut seen = HashSet::new();
    all.retain(|unread| seen.insert((unread.database.clone(), unread.missing.because.clone())));
    all
}

/// At most three findings to act on first: one of each rule, by severity, then by failed items the rule decides, then by
/// the largest size measured, then by key. What is suspected only is nothing to do.
pub(super) fn top(findings: &[Finding], items: &[Assessment]) -> Vec<String> {
    let failed = |finding: &Finding| {
        let decides = |item: &&Assessment| item.state == State::Fail && item.rules.contains(&finding.rule);
        items.iter().filter(decides).count()
    };
    let size = |finding: &Finding| {
        let bytes = finding.detail.iter().filter(|measure| measure.unit == Unit::Bytes);
        bytes.fold(0.0_f64, |most, measure| match measure.value {
            Value::Integer(value) => most.max(value as f64),
            Value::Number(value) => most.max(value),
            _ => most,
        })
    };
    let mut ranked: Vec<(&Finding, usize, f64)> =
        findings.iter().filter(|finding| !finding.is_suspected()).map(|f| (f, failed(f), size(f))).collect();
    ranked.sort_by(|(a, a_items, a_size), (b, b_items, b_size)| {
        b.severity
            .cmp(&a.severity)
            .then(b_items.cmp(a_items))
            .then(b_size.total_cmp(a_size))
            .then_with(|| a.key.cmp(&b.key))
    });
    let mut seen = HashSet::new();
    ranked
        .into_iter()
        .filter(|(finding, _, _)| seen.insert(&finding.rule))
        .take(3)
        .map(|(f, _, _)| f.key.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit;
    use crate::testing::Lab;

    fn assessed(lab: &Lab) -> Report {
        let config = Config::default();
        let given = audit::Given {
            snapshot: &lab.snapshot,
            before: None,
            replicas: &[],
            at: lab.snapshot.captured_at,
            config: &config,
            reviews: &[],
            logged: None,
        };
        let given_report = Given {
            snapshot: &lab.snapshot,
            before: None,
            workload: None,
            log_from_to: (None, None),
            migrations: None,
            pool: &[],
            config: &config,
            attestations: &Attestations::default(),
            at: lab.snapshot.captured_at,
            generated_at: lab.snapshot.captured_at,
            snapshot_sha256: None,
        };
        report(&given_report, audit::audit(&given), Vec::new())
    }

    #[test]
    fn a_replay_of_a_stored_snapshot_gives_the_same_report() {
        let mut lab = Lab::new();
        let parent = lab.table("customers", &["id"], 50_000.0);
        let child = lab.table("orders", &["id", "customer"], 500_000.0);
        lab.foreign_key("fk", (child, &[2]), (parent, &[1]));
        lab.statement("app", "select * from orders where customer = 7", 5000, 3.0);
        let first = assessed(&lab);
        let stored = serde_json::to_string(&lab.snapshot).unwrap();
        lab.snapshot = serde_json::from_str(&stored).unwrap();
        assert_eq!(assessed(&lab), first);
        assert_eq!(first.items.iter().find(|item| item.id == "2.2").unwrap().state, State::Fail);
        assert!(first.top.iter().any(|key| key == "foreign-key-without-index:shop/public/orders/fk"));
        let found = first.findings.iter().find(|finding| finding.rule.as_str() == "foreign-key-without-index").unwrap();
        assert_eq!(found.items, checklist::items_of("foreign-key-without-index"));
        assert_eq!(first.score.unwrap().total.max, 71);
    }

    #[test]
    fn a_snapshot_of_another_version_loads() {
        let json = r#"{"format": 1, "tool": {"name": "pgassay", "version": "9.9.9"}, "captured_at": "2026-11-22T00:00:00Z",
            "target": "x", "server": {"new_fact": {"read": {"at": "2026-11-22T00:00:00Z", "rows": 1}}},
            "databases": [{"name": "shop"}], "future": true}"#;
        let mut lab = Lab::new();
        lab.snapshot = serde_json::from_str(json).unwrap();
        let report = assessed(&lab);
        assert_eq!(report.findings, []);
        use crate::outcome::Outcome;
        assert!(report.rules.iter().all(|rule| matches!(rule.outcome, Outcome::Skipped | Outcome::Partial)));
        assert!(report.items.iter().all(|item| item.state != State::Pass));
    }
}
