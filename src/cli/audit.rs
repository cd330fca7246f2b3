//! `pgassay audit`: a live server or a stored snapshot becomes a report, with what the server's logs say where they are given.

use super::input::{self, Rules, Server};
use super::logs::{self, Log};
use super::{Exit, Failure, live, output, pool, review};
use crate::assess;
use crate::audit::{Given, audit};
use crate::checklist::Ruling;
use crate::config::Config;
use crate::facts::Snapshot;
use crate::logs::workload::Workload;
use crate::pool::application_config::ApplicationConfig;
use crate::pool::capacity::Machine;
use crate::pool::console::Pooler;
use crate::pool::evidence::{self, Wishes};
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
    #[arg(long, value_name = "FILE", conflicts_with_all = ["conninfo", "watch", "replica", "save", "plans", "all_databases"])]
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
    /// Read the server's logs too: a file, a directory, a pattern, or a workload stored by pgassay logs --save; repeatable.
    /// Where two snapshots bracket them, how slow a query is, is known exactly
    #[arg(long, value_name = "PATH")]
    logs: Vec<PathBuf>,
    /// Review these migrations too, for the server's version and the sizes of its tables; repeatable
    #[arg(long, value_name = "PATH")]
    migrations: Vec<PathBuf>,
    /// What the application says of its connection pool: properties, YAML, INI, TOML, JSON, a connection string; repeatable
    #[arg(long, value_name = "FILE")]
    pool_config: Vec<PathBuf>,
    /// PgBouncer's admin console, by a user among its stats_users; it is only asked to show
    #[arg(long, value_name = "CONNINFO")]
    pgbouncer: Option<String>,
    /// Processor cores of the database server, which SQL cannot read
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    cores: Option<u32>,
    /// Instances of the application, each with a pool of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    instances: u32,
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
    log: Log,
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
    pub(super) workload: Option<Workload>,
    pub(super) log_from_to: (Option<Timestamp>, Option<Timestamp>),
    pub(super) migrations: Option<assess::review::Judged>,
    /// What is known of pools, as far as section 4 asks.
    pub(super) rulings: Vec<Ruling>,
    pub(super) notes: Vec<Note>,
    pub(super) exit: Exit,
}

impl Material {
    pub(super) fn of(snapshot: Snapshot) -> Self {
        Self {
            snapshot,
            sha256: None,
            before: None,
            replicas: Vec::new(),
            workload: None,
            log_from_to: (None, None),
            migrations: None,
            rulings: Vec::new(),
            notes: Vec::new(),
            exit: Exit::Clean,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let mut config = arguments.rules.read()?;
    arguments.server.configure(&mut config);
    let named = arguments.reviews.is_some();
    config.audit.reviews.flag("--reviews", arguments.reviews.clone());
    // bad input is told before a server is asked anything
    arguments.output.check(&config)?;
    if let Some(path) = &arguments.save {
        output::check_writable(path)?;
    }
    let configs = arguments.pool_config.iter().map(|path| pool::configuration(path)).collect::<Result<Vec<_>, _>>()?;
    let reviews = input::reviews(&config.audit.reviews.value, named)?;
    let since = arguments.since.as_deref().map(input::snapshot).transpose()?.map(|(snapshot, _)| snapshot);
    input::attestations(arguments.attestations.as_deref(), input::now())?;
    match (arguments.logs.as_slice(), arguments.log.flag()) {
        ([], Some(flag)) => {
            return Err(Failure::usage(anyhow!("{flag} says something of logs: name them with --logs")));
        }
        (paths, _) => logs::check(paths, &arguments.log, &config)?,
    }

    let mut material = match arguments.snapshot.as_slice() {
        [] => live::material(
            live::Wanted {
                conninfo: arguments.server.conninfo.as_deref(),
                watch: arguments.watch,
                replicas: &arguments.replica,
            },
            &config,
        )?,
        paths => stored(paths)?,
    };
    let pooler = match &arguments.pgbouncer {
        Some(conninfo) => {
            let (pooler, fact) = pool::look_at_pooler(conninfo)?;
            material.snapshot.poolers.push(fact);
            Some(pooler)
        }
        None => None,
    };
    if let Some(path) = &arguments.save {
        // what was read is worth a report even where it cannot be stored
        match input::store(&material.snapshot, path) {
            Ok(sha256) => material.sha256 = Some(sha256),
            Err(failure) => {
                output::complain(&failure);
                material.exit = material.exit.and(failure.exit());
            }
        }
    }
    if let Some(since) = since {
        comparable(&since, &material.snapshot)
            .map_err(|missing| Failure::usage(anyhow!("--since cannot be used: {missing}")))?;
        material.before = Some(since);
    }
    if !arguments.logs.is_empty() {
        read_logs(arguments, &config, &mut material)?;
    }
    rule_on_pools(arguments, configs, pooler, &mut material);
    let at = arguments.as_of.unwrap_or(material.snapshot.captured_at);
    let attestations = input::attestations(arguments.attestations.as_deref(), at)?;
    if !arguments.migrations.is_empty() {
        let reviewed = review::judged(&arguments.migrations, &config, &material.snapshot, at)?;
        material.notes.extend(reviewed.notes);
        material.exit = material.exit.and(reviewed.exit);
        material.migrations = Some(reviewed.judged);
    }
    let report = judge(&material, &config, &attestations, &reviews, at);
    Ok(material.exit.and(arguments.output.write(&report, &config)?))
}

/// What section 4 is told of pools: by the counters between two snapshots, configurations, and PgBouncer.
fn rule_on_pools(
    arguments: &Arguments,
    configs: Vec<ApplicationConfig>,
    pooler: Option<Pooler>,
    material: &mut Material,
) {
    let mut evidence = assess::pool::between(material.before.as_ref(), &material.snapshot);
    evidence.configs = configs;
    evidence.pooler = pooler;
    let machine = Machine { cores: arguments.cores, cores_source: "--cores".to_owned(), ..Machine::default() };
    let wishes = Wishes { machine, instances: arguments.instances, ..Wishes::default() };
    let verdicts = evidence::verdicts(&evidence, &wishes);
    material.rulings = assess::pool::beside_rules(&verdicts);
}

/// Reads the logs. What was logged after the snapshot is not what it speaks of; nor is what was logged before a watch.
fn read_logs(arguments: &Arguments, config: &Config, material: &mut Material) -> Result<(), Failure> {
    let read_at = |snapshot: &Snapshot| snapshot.server.statements.at().unwrap_or(snapshot.captured_at);
    let is_live = arguments.snapshot.is_empty();
    let to = is_live.then(|| read_at(&material.snapshot));
    let from = material.before.as_ref().filter(|_| arguments.watch.is_some()).map(read_at);
    let log = arguments.log.within(from, to);
    let read = logs::read(&arguments.logs, &log, config)?;
    material.notes.extend(read.notes);
    material.exit = material.exit.and(read.exit);
    material.workload = Some(read.workload);
    material.log_from_to = arguments.log.time_range();
    Ok(())
}

/// From facts to a report, the same for a live run and a replay.
pub(super) fn judge(
    material: &Material,
    config: &Config,
    attestations: &crate::attest::Attestations,
    reviews: &[crate::checks::context::Review],
    at: Timestamp,
) -> crate::report::Report {
    let logged = material.workload.as_ref().and_then(assess::logs::frequencies);
    let audited = audit(&Given {
        snapshot: &material.snapshot,
        before: material.before.as_ref(),
        replicas: &material.replicas,
        at,
        config,
        reviews,
        logged: logged.as_ref(),
    });
    let given = assess::Given {
        snapshot: &material.snapshot,
        before: material.before.as_ref(),
        workload: material.workload.as_ref(),
        log_from_to: material.log_from_to,
        migrations: material.migrations.as_ref(),
        pool: &material.rulings,
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
            material.add_replica(other)?;
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
