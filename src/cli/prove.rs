//! `pgassay logs --prove`: the rewrites of a report are tried on a database that was named for it.

use super::live::runtime;
use super::{Exit, Failure, input};
use crate::config::Config;
use crate::logs::prove::{self, Candidates, values};
use crate::logs::workload::Workload;
use crate::logs::{Options, Source};
use crate::pg::Door;
use crate::report::{Note, Report};
use anyhow::anyhow;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// How long all rewrites together may take before no other is begun.
const TIME: Duration = Duration::from_secs(120);

/// A server to prove on.
pub(super) struct Prover {
    runtime: tokio::runtime::Runtime,
    door: Door,
}

impl Prover {
    /// Connects, before any log is read: what cannot be done is known at once.
    pub(super) fn connect(url: &str, config: &Config) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let door = runtime.block_on(input::connect(Some(url), config))?;
        if door.is_superuser() {
            runtime.block_on(door.close());
            return Err(Failure::usage(anyhow!(
                "--prove runs statements of a log, and not as a superuser, for whom a read-only transaction is no bound: \
                 give --url a role that may do nothing but read the tables; `pgassay grants` prints how to make one, \
                 `grant select` on the tables does the rest"
            )));
        }
        Ok(Self { runtime, door })
    }

    /// Proves what the report advises, and says in its notes what came of it. `again` gives the logs once more.
    pub(super) fn prove(
        self,
        report: &mut Report,
        workload: &Workload,
        again: impl FnOnce() -> Result<(Vec<Source>, Options), Failure>,
    ) -> Result<Exit, Failure> {
        let found = Candidates::of(&report.findings, workload);
        let mut note = |warning, text: String| report.notes.push(Note { text, warning });
        if found.is_empty() {
            note(false, "--prove: there is nothing to prove, since no N+1 with a rewrite was found".to_owned());
            self.runtime.block_on(self.door.close());
            return Ok(Exit::Clean);
        }
        let (sources, options) = again()?;
        let values = values::collect(sources, &options, &found.wanted, &AtomicBool::new(false));
        let until = Instant::now() + TIME;
        let door = &self.door;
        let findings = &mut report.findings;
        let tally = self.runtime.block_on(async {
            let proving = prove::prove(door, findings, &found, &values, || Instant::now() >= until);
            let tally = tokio::select! {
                tally = proving => Some(tally),
                _ = tokio::signal::ctrl_c() => None,
            };
            door.close().await;
            tally
        });
        let Some(tally) = tally else {
            note(true, "--prove was interrupted: what says nothing of a proof was not tried".to_owned());
            return Ok(Exit::Interrupted);
        };
        let name = &door.identity().database;
        if tally.is_elsewhere {
            let text =
                format!("--prove: no N+1 was seen in a database called {name}; all were tried there all the same");
            note(true, text);
        }
        note(
            false,
            format!(
                "--prove: on database {name}, {} of {} rewrites returned what the look-ups return, {} did not, of {} it \
                 could not be told",
                tally.confirmed,
                tally.confirmed + tally.refuted + tally.not_proven,
                tally.refuted,
                tally.not_proven
            ),
        );
        Ok(Exit::Clean)
    }
}
