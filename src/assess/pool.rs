//! The advice for a pool becomes a report, and what is known of pools takes part in section 4 of the checklist.

use crate::attest::Attestations;
use crate::checklist::{self, Inputs, Ruling};
use crate::config::Config;
use crate::pool::demand::Tier;
use crate::pool::evidence::Sized;
use crate::pool::verdicts::Verdict;
use crate::report::{Body, FORMAT, Kind, Note, Report, Source, Tool, Window};
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
        body: Body::Pool { pool },
    }
}
