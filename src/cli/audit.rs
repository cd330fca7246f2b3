//! `pgassay audit`: a live server or a stored snapshot becomes a report.

use super::input::{self, Rules, Server};
use super::{Exit, Failure, output};
use crate::assess;
use crate::audit::{Given, audit};
use crate::checks;
use crate::collect::{self, Databases, Stop};
use crate::config::{self, Config};
use crate::facts::Snapshot;
use crate::facts::index_pages::MINIMUM_BYTES;
use crate::measure::{self, Budget, Plans};
use crate::pg::Door;
use crate::queries::aggregate;
use crate::report::Note;
use crate::time::Timestamp;
use crate::window::comparable;
use anyhow::anyhow;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// `pgassay audit`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    server: Server,
    /// Judge a stored snapshot in place of a server; of several of one cluster the newest is judged, an older one begins
    /// the window, and those of standbys add their counters
    #[arg(long, value_name = "FILE", conflicts_with_all = ["conninfo", "watch", "replica", "save"])]
    snapshot: Vec<PathBuf>,
    /// Compare with this earlier snapshot of the same server: counters become rates
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// Watch for so long before judging: counters become rates, sessions are sampled
    #[arg(long, value_name = "TIME", value_parser = input::duration, conflicts_with = "since")]
    watch: Option<Duration>,
    /// Read the counters of this standby too; repeatable
    #[arg(long, value_name = "CONNINFO")]
    replica: Vec<String>,
    /// Store what was read: the evidence behind the report
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// What people attest about items no database can answer
    #[arg(long, value_name = "FILE")]
    attestations: Option<PathBuf>,
    /// Directory of reviewed plans, in place of the configured one
    #[arg(long, value_name = "DIR")]
    reviews: Option<PathBuf>,
    /// Judge as of this time in place of the snapshot's own
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    as_of: Option<Timestamp>,
    #[command(flatten)]
    rules: Rules,
    #[command(flatten)]
    output: output::Output,
}

/// What an audit judges, however it was come by.
pub(super) struct Material {
    pub(super) snapshot: Snapshot,
    pub(super) sha256: Option<String>,
    pub(super) before: Option<Snapshot>,
    pub(super) replicas: Vec<Snapshot>,
    pub(super) notes: Vec<Note>,
    pub(super) exit: Exit,
}

impl Material {
    pub(super) fn of(snapshot: Snapshot) -> Self {
        Self { snapshot, sha256: None, before: None, replicas: Vec::new(), notes: Vec::new(), exit: Exit::Clean }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let mut config = arguments.rules.read()?;
    arguments.server.configure(&mut config);
    let named = arguments.reviews.is_some();
    config.audit.reviews.flag("--reviews", arguments.reviews.clone());
    // bad input is told before a server is asked anything
    arguments.output.gate(&config)?;
    let reviews = input::reviews(&config.audit.reviews.value, named)?;
    let since = arguments.since.as_deref().map(input::snapshot).transpose()?.map(|(snapshot, _)| snapshot);
    input::attestations(arguments.attestations.as_deref(), input::now())?;

    let mut material = match arguments.snapshot.as_slice() {
        [] => live(arguments, &config)?,
        paths => stored(paths)?,
    };
    if let Some(since) = since {
        comparable(&since, &material.snapshot)
            .map_err(|missing| Failure::usage(anyhow!("--since cannot be used: {missing}")))?;
        material.before = Some(since);
    }
    let at = arguments.as_of.unwrap_or(material.snapshot.captured_at);
    let attestations = input::attestations(arguments.attestations.as_deref(), at)?;
    let report = judge(&material, &config, &attestations, &reviews, at);
    Ok(material.exit.and(arguments.output.write(&report, &config)?))
}

/// From facts to a report, the same for a live run and a replay.
pub(super) fn judge(
    material: &Material,
    config: &Config,
    attestations: &crate::attest::Attestations,
    reviews: &[crate::checks::context::Review],
    at: Timestamp,
) -> crate::report::Report {
    let audited = audit(&Given {
        snapshot: &material.snapshot,
        before: material.before.as_ref(),
        replicas: &material.replicas,
        at,
        config,
        reviews,
    });
    let given = assess::Given {
        snapshot: &material.snapshot,
        config,
        attestations,
        at,
        generated_at: input::now(),
        snapshot_sha256: material.sha256.as_deref(),
    };
    assess::report(&given, audited, material.notes.clone())
}

/// The snapshots of the command line: the newest of a primary is judged.
fn stored(paths: &[PathBuf]) -> Result<Material, Failure> {
    let mut snapshots = paths.iter().map(|path| input::snapshot(path)).collect::<Result<Vec<_>, _>>()?;
    let standby = |snapshot: &Snapshot| snapshot.server.server.ok().is_some_and(|server| server.in_recovery);
    // primaries last, the newest of them last of all
    snapshots.sort_by_key(|(snapshot, _)| (!standby(snapshot), snapshot.captured_at));
    let Some((snapshot, sha256)) = snapshots.pop() else {
        return Err(Failure::usage(anyhow!("no snapshot was given")));
    };
    let mut material = Material { sha256: Some(sha256), ..Material::of(snapshot) };
    for (other, _) in snapshots.into_iter().rev() {
        if standby(&other) && !standby(&material.snapshot) {
            if other.system_identifier() != material.snapshot.system_identifier() {
                return Err(Failure::usage(anyhow!("{} is no standby of {}", other.target, material.snapshot.target)));
            }
            material.replicas.push(other);
        } else if material.before.is_none() {
            comparable(&other, &material.snapshot)
                .map_err(|missing| Failure::usage(anyhow!("the snapshots cannot be compared: {missing}")))?;
            material.before = Some(other);
        } else {
            return Err(Failure::usage(anyhow!("at most two snapshots of one server are compared")));
        }
    }
    Ok(material)
}

fn live(arguments: &Arguments, config: &Config) -> Result<Material, Failure> {
    runtime()?.block_on(async {
        let (stopper, stop) = Stop::new();
        let interrupts = tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                stopper.stop();
            }
            // a second one ends the program at once, the server notices by itself
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::abort();
            }
        });
        let door = input::connect(arguments.server.conninfo.as_deref(), config).await?;
        let before = match arguments.watch {
            Some(length) => Some(watch(&door, config, length, &stop).await?),
            None => None,
        };
        let mut snapshot = read(&door, config, before.as_ref().map(|(before, _)| before), &stop).await?;
        let before = before.map(|(before, samples)| {
            snapshot.samples = samples;
            before
        });
        let mut material = Material { before, ..Material::of(snapshot) };
        for conninfo in &arguments.replica {
            let replica = input::connect(Some(conninfo), config).await?;
            let (snapshot, _) =
                collect::collect(&replica, databases(config), &stop).await.map_err(Failure::incomplete)?;
            if snapshot.system_identifier() != material.snapshot.system_identifier() {
                let text = format!("--replica {} is no standby of {}", replica.host(), material.snapshot.target);
                return Err(Failure::usage(anyhow!(text)));
            }
            material.replicas.push(snapshot);
            replica.close().await;
        }
        door.close().await;
        interrupts.abort();
        if let Some(path) = &arguments.save {
            material.sha256 = Some(input::store(&material.snapshot, path)?);
        }
        if stop.is_stopped() {
            let text = "the audit was interrupted: what had not been read by then is missing".to_owned();
            material.notes.push(Note { text, warning: true });
            material.exit = Exit::Interrupted;
        }
        Ok(material)
    })
}

/// The runtime of a verb that connects: two threads do, the work is the server's.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(Failure::fault)
}

pub(super) fn databases(config: &Config) -> Databases {
    if config.audit.all_databases.value { Databases::All } else { Databases::Connected }
}

/// Reads and measures.
pub(super) async fn read(
    door: &Door,
    config: &Config,
    before: Option<&Snapshot>,
    stop: &Stop,
) -> Result<Snapshot, Failure> {
    let (mut snapshot, _) = collect::collect(door, databases(config), stop).await.map_err(Failure::incomplete)?;
    let queries = aggregate(&snapshot, before).ok();
    // what is measured for a check, by the check's own threshold
    let bloated = checks::by_id("bloated-index").map_or(&[][..], |check| check.params);
    let floor = bloated.iter().find(|param| param.name == "minimum_size_bytes");
    let floor = floor.map_or(MINIMUM_BYTES, |param| config.param("bloated-index", param) as i64);
    let budget =
        Budget { bytes: config.audit.measure_budget_bytes.value, time: config.audit.measure_budget_time.value, floor };
    let plans = match config.audit.plans.value {
        config::Plans::On => Plans::On,
        config::Plans::Always => Plans::Always,
        config::Plans::Off | config::Plans::Other(_) => Plans::Off,
    };
    measure::measure(door, &mut snapshot, queries.as_ref(), budget, plans, stop).await;
    Ok(snapshot)
}

/// A snapshot now, and samples of the sessions until the time is up; the snapshot that is judged comes after.
async fn watch(
    door: &Door,
    config: &Config,
    length: Duration,
    stop: &Stop,
) -> Result<(Snapshot, Vec<crate::facts::Sample>), Failure> {
    let (before, _) = collect::collect(door, databases(config), stop).await.map_err(Failure::incomplete)?;
    let until = tokio::time::Instant::now() + length;
    // often enough to see what lasts a second in a short run, and not so often as to be seen in a long one
    let every = (length / 60).clamp(Duration::from_secs(1), Duration::from_secs(60));
    let mut samples = Vec::new();
    loop {
        let next = (tokio::time::Instant::now() + every).min(until);
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = stop.stopped() => break,
        }
        if next >= until {
            break;
        }
        // one that fails leaves a gap, and the snapshot at the end says what became of the server
        if let Ok(sample) = collect::sample(door).await {
            samples.push(sample);
        }
    }
    Ok((before, samples))
}
