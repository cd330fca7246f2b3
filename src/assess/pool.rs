//! The advice for a pool becomes a report, and what is known of pools takes part in section 4 of the checklist.

use crate::attest::Attestations;
use crate::checklist::{self, Inputs, Ruling};
use crate::config::Config;
use crate::facts::Snapshot;
use crate::facts::activity::Activity;
use crate::pool::budget::{Limit, Limits};
use crate::pool::demand::Tier;
use crate::pool::demand::counters::{self, DatabaseCounters, InFlight};
use crate::pool::evidence::{Evidence, Sized};
use crate::pool::verdicts::Verdict;
use crate::pool::watch::{self, Watched};
use crate::report::{Body, FORMAT, Kind, Note, Report, Source, State, Tool, Window};
use crate::time::Timestamp;

/// What a report of a pool is made from.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// What was measured comes to.
    pub sized: &'a Sized,
    /// The configuration in effect.
    pub config: &'a Config,
    /// What people said.
    pub attestations: &'a Attestations,
    /// What was looked at.
    pub source: &'a Source,
    /// When the report is written.
    pub generated_at: Timestamp,
}

/// What two snapshots of a server say of its pools, beside what its rules do: the demand between them by its counters, and
/// what the server lets in.
pub fn between(before: Option<&Snapshot>, snapshot: &Snapshot) -> Evidence {
    let readings = before.into_iter().chain([snapshot]).filter_map(reading).collect();
    let most = snapshot.samples.iter().map(|sample| held(&sample.sessions)).max();
    let watched = Watched { readings, ..Watched::default() };
    let limit = |name: &str, connections: i32| Limit { name: name.to_owned(), connections: i64::from(connections) };
    let number = |name: &str| {
        let setting = snapshot.server.settings.ok()?.iter().find(|setting| setting.name == name)?;
        setting.setting.parse().ok()
    };
    let limits = number("max_connections").map(|max_connections| Limits {
        max_connections,
        superuser_reserved: number("superuser_reserved_connections").unwrap_or(0),
        reserved: number("reserved_connections").unwrap_or(0),
        others: watch::OTHERS,
        roles: snapshot
            .server
            .roles
            .ok()
            .into_iter()
            .flatten()
            .map(|role| limit(&role.name, role.connection_limit))
            .collect(),
        databases: snapshot
            .server
            .databases
            .ok()
            .into_iter()
            .flatten()
            .map(|one| limit(&one.name, one.connection_limit))
            .collect(),
    });
    let major =
        snapshot.server.server.ok().map_or(0, |server| u32::try_from(server.version_number / 10_000).unwrap_or(0));
    Evidence {
        watched: Some(watched).filter(|_| before.is_some()),
        server: limits.map(|limits| watch::Server { limits, major, idle_limit: None, at: snapshot.captured_at }),
        observed_max: most,
        is_audited: true,
        ..Evidence::default()
    }
}

/// Sessions of clients that hold a connection.
fn held(sessions: &[Activity]) -> u32 {
    let holds =
        |session: &&Activity| session.is_client() && session.process.state.as_deref().is_some_and(counters::holds);
    u32::try_from(sessions.iter().filter(holds).count()).unwrap_or(u32::MAX)
}

/// The counters of a snapshot, with the sessions of about the same instant.
fn reading(snapshot: &Snapshot) -> Option<counters::Reading> {
    let stats = snapshot.server.database_stats.ok()?;
    let sessions = snapshot.server.activity.ok()?;
    let counters = stats.iter().map(|row| DatabaseCounters {
        database: row.database.clone(),
        active_ms: row.active_ms,
        idle_in_transaction_ms: row.idle_in_transaction_ms,
        transactions: row.commits + row.rollbacks,
        sessions: row.sessions,
        stats_reset: row.stats_reset,
    });
    let open = sessions.iter().filter(|session| session.is_client()).map(|session| InFlight {
        database: session.process.database.clone().unwrap_or_default(),
        state: session.process.state.clone().unwrap_or_default(),
        transaction_started_at: session.process.transaction_started_at,
        state_changed_at: session.process.state_changed_at,
    });
    Some(counters::Reading {
        at: snapshot.server.database_stats.at().unwrap_or(snapshot.captured_at),
        databases: counters.collect(),
        sessions: open.collect(),
        own: counters::Own::default(),
    })
}

/// The verdicts that an audit has nothing for in its own rules, and those that are sure: what rules lack they say themselves.
pub fn beside_rules(verdicts: &[Verdict]) -> Vec<Ruling> {
    const ONLY_POOLS_TELL: &[&str] = &["4.2", "4.3", "4.7", "4.10"];
    // counters are judged by their own rule, which knows databases apart
    let mut rulings = rulings(verdicts);
    rulings.retain(|ruling| ruling.state != State::Unknown || ONLY_POOLS_TELL.contains(&ruling.item.as_str()));
    rulings
}

/// What the items of section 4 are told of pools.
pub fn rulings(verdicts: &[Verdict]) -> Vec<Ruling> {
    let ruling = |verdict: &Verdict| Ruling {
        item: verdict.item.clone(),
        state: verdict.state.clone(),
        evidence: verdict.evidence.clone(),
        because: match verdict.limit.is_empty() {
            true => verdict.because.clone(),
            false => format!("{} ({})", verdict.because, verdict.limit),
        },
    };
    verdicts.iter().map(ruling).collect()
}

/// From an advice to a report.
pub fn report(given: &Given<'_>, notes: Vec<Note>) -> Report {
    let rulings = rulings(&given.sized.verdicts);
    let items = checklist::assess(&Inputs {
        target: &given.source.target,
        databases: &given.source.databases,
        pool: &rulings,
        ..Inputs::attested(given.attestations)
    });
    let pool = given.sized.advice.clone();
    let kind = match pool.tier {
        Tier::Trace => "log",
        _ => "watch",
    };
    Report {
        format: FORMAT,
        kind: Kind::Pool,
        tool: Tool::this(),
        generated_at: given.generated_at,
        source: Source { config_sha256: Some(given.config.fingerprint()), ..given.source.clone() },
        window: Some(Window {
            kind: kind.to_owned(),
            from: Some(pool.window.from),
            to: Some(pool.window.to),
            seconds: Some(pool.window.seconds),
            because: format!("the demand was measured by {}", pool.tier),
        }),
        notes,
        score: Some(checklist::score(&items)),
        items,
        rules: Vec::new(),
        findings: Vec::new(),
        suppressed: Vec::new(),
        missing: Vec::new(),
        top: Vec::new(),
        body: Body::Pool { pool: Box::new(pool) },
    }
}
