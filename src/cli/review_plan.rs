//! `pgassay review-plan`: an entry of the review register, for a statement somebody has looked at.

use super::input::{self, Rules, Server};
use super::{Exit, Failure, live, output};
use crate::audit::{Given, audit as judge};
use crate::facts::plans::Plan;
use crate::report::Query;
use anyhow::{Context, anyhow};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

/// `pgassay review-plan`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The fingerprint of the statement, as findings and reports show it
    fingerprint: String,
    #[command(flatten)]
    server: Server,
    /// Take the statement and its plan from a stored snapshot
    #[arg(long, value_name = "FILE", conflicts_with = "conninfo")]
    snapshot: Option<PathBuf>,
    /// Who looked at the plan; the configured reviewer where nobody is named
    #[arg(long)]
    reviewer: Option<String>,
    /// What was seen
    #[arg(long)]
    note: Option<String>,
    /// Append to this file of the register; standard output where none is given
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    rules: Rules,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let mut config = arguments.rules.read()?;
    // the plan is what is reviewed
    config.audit.plans.flag("review-plan", Some(crate::config::Plans::On));
    arguments.server.configure(&mut config);
    let reviewer = arguments.reviewer.clone().or_else(|| config.reviewer.value.clone());
    let reviewer =
        reviewer.ok_or_else(|| Failure::usage(anyhow!("--reviewer is missing: name who looked at the plan")))?;
    let snapshot = match &arguments.snapshot {
        Some(path) => input::snapshot(path)?.0,
        None => live::snapshot(arguments.server.conninfo.as_deref(), &config)?.0,
    };
    let given = Given {
        snapshot: &snapshot,
        before: None,
        replicas: &[],
        at: snapshot.captured_at,
        config: &config,
        reviews: &[],
        logged: None,
    };
    let queries = judge(&given).queries;
    let wanted = |query: &&Query| query.fingerprint.eq_ignore_ascii_case(&arguments.fingerprint);
    let query = queries.iter().find(wanted).ok_or_else(|| {
        Failure::usage(anyhow!(
            "no statement with the fingerprint {} was counted; `pgassay audit --format json` lists them under \"queries\"",
            arguments.fingerprint
        ))
    })?;
    let database = snapshot.database(&query.database);
    let plans = database.and_then(|database| database.plans.ok()).into_iter().flatten();
    let plan: Option<&Plan> =
        plans.into_iter().find(|plan| plan.fingerprint == query.fingerprint && plan.nodes.is_ok());
    if plan.is_none() {
        output::say(
            "pgassay: the plan is not known (--plans, as a role that may read the tables): the review cannot become stale",
        );
    }
    let entry = crate::reviews::entry(query, &reviewer, input::now(), plan, arguments.note.as_deref())
        .map_err(Failure::fault)?;
    match &arguments.output {
        None => output::print(&entry),
        Some(path) => {
            let append = || -> std::io::Result<()> {
                if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
                    std::fs::create_dir_all(directory)?;
                }
                let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
                let gap = if file.metadata()?.len() > 0 { "\n" } else { "" };
                file.write_all(format!("{gap}{entry}").as_bytes())
            };
            append().with_context(|| format!("cannot write {}", path.display())).map_err(Failure::usage)?;
            output::say(&format!("pgassay: {} is reviewed by {reviewer} in {}", query.fingerprint, path.display()));
            Ok(Exit::Clean)
        }
    }
}
