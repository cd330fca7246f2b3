//! `pgassay pool`: a watched server, logs, PgBouncer's console, or all of them, become a recommended pool size.

use super::input::{self, Rules};
use super::logs::{self, Log};
use super::{Exit, Failure, live, output};
use crate::assess;
use crate::collect::Stop;
use crate::config::{self, Config};
use crate::facts::poolers as facts;
use crate::pg::{Console, ConsoleError, Door, Target};
use crate::pool::application_config::{self, ApplicationConfig};
use crate::pool::capacity::{Machine, Tasks};
use crate::pool::console::Pooler;
use crate::pool::demand::pgbouncer::{PoolState, Reading};
use crate::pool::demand::{NoDemand, Tier, transactions};
use crate::pool::evidence::{Evidence, Wishes, size};
use crate::pool::predict::Target as Wait;
use crate::pool::snippets::{self, Pool};
use crate::pool::watch::{self, Plan};
use crate::pool::what_if::WhatIf;
use crate::pool::{console, from_log};
use crate::report::{Note, Source};
use anyhow::{Context, anyhow};
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `pgassay pool`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The server to watch: a URI, key=value pairs, or a database name; libpq's environment says the rest
    #[arg(value_name = "CONNINFO")]
    conninfo: Option<String>,
    /// The same, by name
    #[arg(long, value_name = "CONNINFO", conflicts_with = "conninfo")]
    url: Option<String>,
    /// Watch for so long; 60s where no log is given
    #[arg(long, value_name = "TIME", value_parser = length)]
    watch: Option<Duration>,
    /// Samples of the sessions a second, 1 to 10
    #[arg(long, value_name = "N", value_parser = per_second, default_value = "5")]
    samples_per_second: f64,
    /// The server's log with every statement in it: a file, a directory or a pattern; repeatable
    #[arg(long, value_name = "PATH")]
    logs: Vec<PathBuf>,
    /// PgBouncer's admin console, by a user among its stats_users; it is only asked to show
    #[arg(long, value_name = "CONNINFO")]
    pgbouncer: Option<String>,
    /// What the application says of its pool now: properties, YAML, INI, TOML, JSON, a connection string or source; repeatable
    #[arg(long, value_name = "FILE")]
    pool_config: Vec<PathBuf>,
    /// Processor cores of the database server, which SQL cannot read
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    cores: Option<u32>,
    /// Instances of the application, each with a pool of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    instances: u32,
    /// Instances that run besides while a deployment replaces them
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    surge: u32,
    /// What 99 of 100 transactions wait at most: a time such as 5ms, or mean holds such as 1x
    #[arg(long, value_name = "WAIT", default_value = "1x", value_parser = target)]
    target: Wait,
    /// After how long a client gives up waiting; else what --pool-config says, or 10s
    #[arg(long, value_name = "TIME", value_parser = input::duration)]
    acquire_timeout: Option<Duration>,
    /// Connections that one task holds at the same time
    #[arg(long, value_name = "N", requires = "tasks", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections_per_task: Option<u32>,
    /// Tasks at once in one instance
    #[arg(long, value_name = "N", requires = "connections_per_task", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    tasks: Option<u32>,
    /// What would be with: traffic=2x, instances=8, no-idle-in-transaction, shared-pooler; repeatable
    #[arg(long, value_name = "CHANGE", value_delimiter = ',')]
    what_if: Vec<WhatIf>,
    /// Write the configuration of this pool: hikari, sqlx, bb8, deadpool, sqlalchemy, psycopg, django, asyncpg, activerecord,
    /// node-postgres, prisma, pgx, database-sql, pgbouncer, rds-proxy, or all; repeatable
    #[arg(long = "for", value_name = "POOL", value_delimiter = ',', value_parser = pools)]
    pools: Vec<Pools>,
    /// What people attest about items nothing measured can answer
    #[arg(long, value_name = "FILE")]
    attestations: Option<PathBuf>,
    #[command(flatten)]
    log: Log,
    #[command(flatten)]
    rules: Rules,
    #[command(flatten)]
    output: output::Output,
}

/// The pools of one word of `--for`.
#[derive(Debug, Clone)]
struct Pools(Vec<&'static Pool>);

fn length(text: &str) -> Result<Duration, String> {
    let length = input::duration(text)?;
    let allowed = Duration::from_secs(1)..=Duration::from_secs(3600);
    if allowed.contains(&length) { Ok(length) } else { Err("has to be 1s to 1h; 1 to 10 minutes tell most".to_owned()) }
}

fn per_second(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number| (1.0..=10.0).contains(number)).ok_or_else(|| "has to be 1 to 10".to_owned())
}

fn target(text: &str) -> Result<Wait, String> {
    let wrong = || format!("\"{text}\" is neither a time such as 5ms nor a number of mean holds such as 1x");
    if let Some(holds) = text.trim().strip_suffix(['x', 'X', '×']) {
        let holds: f64 = holds.trim().parse().map_err(|_| wrong())?;
        return if holds > 0.0 && holds <= 1000.0 { Ok(Wait::Holds(holds)) } else { Err(wrong()) };
    }
    let seconds = config::seconds(text).map_err(|_| wrong())?;
    if (0.0..=3600.0).contains(&seconds) { Ok(Wait::Seconds(seconds)) } else { Err(wrong()) }
}

fn pools(word: &str) -> Result<Pools, String> {
    snippets::named(word).map(Pools).ok_or_else(|| {
        let near = config::suggestion(word, snippets::ALL.iter().map(|pool| pool.id));
        format!("no pool of that name is known{near}")
    })
}

/// What is known before anything is measured, and where it was read.
#[derive(Default)]
struct Material {
    evidence: Evidence,
    machine: Machine,
    source: Source,
    notes: Vec<Note>,
    exit: Option<Exit>,
}

impl Material {
    fn warn(&mut self, text: String) {
        self.notes.push(Note { text, warning: true });
    }

    fn ends(&mut self, exit: Exit) {
        self.exit = Some(self.exit.unwrap_or(Exit::Clean).and(exit));
    }
}

/// How long a server is watched where nothing else is said.
const WATCH: Duration = Duration::from_secs(60);
/// Readings of PgBouncer's counters.
const READINGS: u32 = 6;

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let mut config = arguments.rules.read()?;
    if config.fail_on.value.is_none() {
        config.fail_on = config::Setting::default(Some(config::Gate::default()));
    }
    arguments.output.check(&config)?;
    let attestations = input::attestations(arguments.attestations.as_deref(), input::now())?;
    match (arguments.logs.as_slice(), arguments.log.flag()) {
        ([], Some(flag)) => {
            return Err(Failure::usage(anyhow!("{flag} says something of logs: name them with --logs")));
        }
        (paths, _) => logs::check(paths, &arguments.log, &config)?,
    }
    let mut material = Material::default();
    material.evidence.configs =
        arguments.pool_config.iter().map(|path| configuration(path)).collect::<Result<_, _>>()?;
    if !arguments.logs.is_empty() {
        read_logs(arguments, &config, &mut material)?;
    }
    let conninfo = arguments.conninfo.as_deref().or(arguments.url.as_deref());
    let is_live = conninfo.is_some() || (arguments.logs.is_empty() && arguments.pgbouncer.is_none());
    if is_live || arguments.pgbouncer.is_some() {
        live::runtime()?.block_on(look(arguments, &config, conninfo, is_live, &mut material))?;
    }
    if let Some(cores) = arguments.cores {
        material.machine.cores = Some(cores);
        material.machine.cores_source = "--cores".to_owned();
    }
    let wishes = Wishes {
        target: arguments.target,
        acquire_timeout_seconds: arguments.acquire_timeout.map(|time| time.as_secs_f64()),
        instances: arguments.instances,
        surge: arguments.surge,
        machine: material.machine.clone(),
        tasks: Tasks { tasks: arguments.tasks, connections_per_task: arguments.connections_per_task },
        what_ifs: arguments.what_if.clone(),
        pools: unique(&arguments.pools),
    };
    let sized = size(&material.evidence, &wishes).map_err(|failed| nothing(&failed, &material))?;
    let given = assess::pool::Given {
        sized: &sized,
        config: &config,
        attestations: &attestations,
        source: &material.source,
        generated_at: input::now(),
    };
    let report = assess::pool::report(&given, material.notes);
    let written = arguments.output.write(&report, &config)?;
    Ok(material.exit.unwrap_or(Exit::Clean).and(written))
}

/// Each pool once, in the order of the documentation.
fn unique(words: &[Pools]) -> Vec<&'static Pool> {
    let named = |pool: &&&'static Pool| words.iter().any(|word| word.0.iter().any(|one| one.id == pool.id));
    snippets::ALL.iter().filter(named).copied().collect()
}

/// Why no demand could be measured at all.
fn nothing(failed: &[(Tier, NoDemand)], material: &Material) -> Failure {
    let mut reasons: Vec<String> = failed.iter().map(|(tier, why)| format!("{tier}: {why}")).collect();
    reasons.extend(material.notes.iter().filter(|note| note.warning).map(|note| note.text.clone()));
    let lost = material.evidence.watched.as_ref().and_then(|watched| watched.watch.lost.clone());
    reasons.extend(lost);
    let text = match reasons.is_empty() {
        true => {
            "nothing that was given measures a demand: a server, a log with every statement, or PgBouncer's console"
                .to_owned()
        }
        false => format!("no demand could be measured: {}", reasons.join("; ")),
    };
    let failure = anyhow!(text);
    match material.exit {
        Some(Exit::Interrupted) => Failure::interrupted(failure),
        Some(Exit::Usage) | None if material.evidence.watched.is_none() => Failure::usage(failure),
        _ => Failure::incomplete(failure),
    }
}

/// What a file says of a pool.
pub(super) fn configuration(path: &Path) -> Result<ApplicationConfig, Failure> {
    let text = std::fs::read(path)
        .with_context(|| format!("cannot read the configuration {}", path.display()))
        .map_err(Failure::usage)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    application_config::read(&name, &String::from_utf8_lossy(&text), None)
        .map_err(|error| Failure::usage(anyhow!("{}: {error}", path.display())))
}

/// Reads the transactions of logs.
fn read_logs(arguments: &Arguments, config: &Config, material: &mut Material) -> Result<(), Failure> {
    let (read, holds) = logs::read_with_holds(&arguments.logs, &arguments.log, config)?;
    material.notes.extend(read.notes);
    material.ends(read.exit);
    let workload = &read.workload;
    material.source.target = arguments.logs.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
    let Some(transactions) = holds.and_then(|holds| from_log::transactions(&holds, workload)) else {
        material.warn("the log has no transactions: stored workloads have only what they add up to".to_owned());
        return Ok(());
    };
    let count = transactions.transactions.len() as u64;
    let evidence = &mut material.evidence;
    evidence.holders = from_log::holders(workload);
    evidence.pauses = from_log::pauses(workload, count);
    evidence.traffic = from_log::traffic(workload, count);
    if workload.logging.is_pooled {
        material.notes.push(Note {
            text: "clients share server connections in this log: what is sized is the pooler's pool".to_owned(),
            warning: false,
        });
    }
    material.evidence.traced = Some(transactions::read(transactions));
    Ok(())
}

/// Watches the server and PgBouncer at the same time.
async fn look(
    arguments: &Arguments,
    config: &Config,
    conninfo: Option<&str>,
    is_live: bool,
    material: &mut Material,
) -> Result<(), Failure> {
    let door = if is_live { Some(input::connect(conninfo, config).await?) } else { None };
    let console = match &arguments.pgbouncer {
        Some(conninfo) => Some(open(conninfo).await?),
        None => None,
    };
    let (stopper, stop) = Stop::new();
    let listener = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stopper.stop();
        }
        // the stopper lives as long as somebody may be stopped
        std::future::pending::<()>().await;
    });
    let is_watched = arguments.watch.is_some() || arguments.logs.is_empty();
    let length = arguments.watch.unwrap_or(WATCH);
    let plan = Plan { length, per_second: arguments.samples_per_second };
    if is_watched {
        output::say(&format!(
            "watching for {} …",
            crate::finding::humane(length.as_secs_f64(), &crate::finding::Unit::Seconds)
        ));
    }
    let server = async {
        let door = door.as_ref()?;
        Some((watch::server(door).await, if is_watched { Some(watch::watch(door, plan, &stop).await) } else { None }))
    };
    let pooler = async { Some(polled(console.as_ref()?, length, &stop).await) };
    let (server, pooler) = tokio::join!(server, pooler);
    let is_interrupted = stop.is_stopped();
    listener.abort();
    if let (Some(door), Some((limits, watched))) = (&door, server) {
        match limits {
            Ok(server) => {
                material.source.captured_at = Some(server.at);
                material.evidence.server = Some(server);
            }
            Err(error) => {
                material.warn(format!("the limits of the server could not be read: {error}"));
                material.ends(Exit::Incomplete);
            }
        }
        if let Some(watched) = watched {
            if let (Some(why), false) = (&watched.watch.lost, watched.is_interrupted) {
                material.warn(format!("watching ended early: {why}"));
                material.ends(Exit::Incomplete);
            }
            material.evidence.watched = Some(watched);
        }
        described(door, &mut material.source);
        material.machine = machine(door).await;
        door.close().await;
    }
    if let (Some(console), Some(polled)) = (console, pooler) {
        if material.source.target.is_empty() {
            material.source.target = format!("PgBouncer at {}", console.host());
        }
        if let Some(error) = polled.lost {
            material.warn(error.to_string());
            material.ends(Exit::Incomplete);
        }
        let pools = polled.readings.last().map(|reading| reading.pools.clone()).unwrap_or_default();
        material.evidence.readings = polled.readings;
        material.evidence.pooler = Some(console::pooler(&console, &pools).await);
        console.close().await;
    }
    if is_interrupted {
        material.warn("interrupted: the report speaks of what was seen until then".to_owned());
        material.ends(Exit::Interrupted);
    }
    Ok(())
}

/// Opens PgBouncer's console.
async fn open(conninfo: &str) -> Result<Console, Failure> {
    let environment = crate::pg::Environment::from_process();
    let target = Target::resolve(Some(conninfo), &environment)
        .map_err(|error| Failure::usage(anyhow::Error::new(error).context("--pgbouncer")))?;
    for warning in target.warnings() {
        output::say(&format!("pgassay: warning: {warning}"));
    }
    Console::open(&target).await.map_err(|error| {
        use crate::pg::ConnectError::{NoSuchDatabase, NoSuchRole, PasswordWrong, Rejected, Server};
        let is_usage = error.is_usage();
        let context = match error {
            NoSuchDatabase { .. } | NoSuchRole { .. } | PasswordWrong { .. } | Rejected { .. } | Server { .. } => {
                "PgBouncer's console lets in who is among its stats_users or admin_users"
            }
            _ => "PgBouncer's console",
        };
        let error = anyhow::Error::new(error).context(context);
        if is_usage { Failure::usage(error) } else { Failure::incomplete(error) }
    })
}

/// What a PgBouncer is and how it is configured, for an audit.
pub(super) fn look_at_pooler(conninfo: &str) -> Result<(Pooler, facts::Pooler), Failure> {
    live::runtime()?.block_on(async {
        let console = open(conninfo).await?;
        let reading = console::reading(&console, input::now()).await.map_err(Failure::incomplete)?;
        let pooler = console::pooler(&console, &reading.pools).await;
        let fact = fact(&pooler, &reading, console.host());
        console.close().await;
        Ok((pooler, fact))
    })
}

/// The same as a fact of a snapshot.
fn fact(pooler: &Pooler, reading: &Reading, host: &str) -> facts::Pooler {
    let most = |pool: &PoolState| {
        let own = |other: &&crate::pool::budget::Pools| {
            other.database.as_ref() == Some(&pool.database) && other.role.as_ref() == Some(&pool.user)
        };
        pooler.pools.iter().find(own).map_or(0, |own| own.size)
    };
    let pool = |pool: &PoolState| facts::Pool {
        database: pool.database.clone(),
        user: pool.user.clone(),
        mode: pool.pool_mode.clone(),
        clients_active: pool.clients_active,
        clients_waiting: pool.clients_waiting,
        servers_active: pool.servers_active,
        servers: pool.servers,
        longest_wait_seconds: pool.longest_wait_micros as f64 / 1e6,
        most: most(pool),
    };
    facts::Pooler {
        host: host.to_owned(),
        version: pooler.version.clone(),
        read_at: reading.at,
        settings: pooler.settings.clone(),
        pools: reading.pools.iter().filter(|pool| pool.database != "pgbouncer").map(pool).collect(),
    }
}

/// What a PgBouncer said.
struct Polled {
    readings: Vec<Reading>,
    lost: Option<ConsoleError>,
}

/// Reads PgBouncer's counters several times.
async fn polled(console: &Console, length: Duration, stop: &Stop) -> Polled {
    let mut polled = Polled { readings: Vec::new(), lost: None };
    let began = tokio::time::Instant::now();
    for number in 0..=READINGS {
        if number > 0 {
            let next = began + length * number / READINGS;
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = stop.stopped() => {}
            }
        }
        match console::reading(console, input::now()).await {
            Ok(reading) => polled.readings.push(reading),
            Err(error) => {
                polled.lost = Some(error);
                break;
            }
        }
        if stop.is_stopped() {
            break;
        }
    }
    polled
}

fn described(door: &Door, source: &mut Source) {
    let identity = door.identity();
    source.target = format!("{}/{}", door.host(), door.default_database().name());
    source.server_version = Some(door.version().text.clone());
    source.role = Some(identity.session_user.clone());
    source.superuser = identity.is_superuser;
    source.in_recovery = identity.in_recovery;
}

/// The machine of a server that listens on a Unix socket of this one.
pub(super) async fn machine(door: &Door) -> Machine {
    let cores = door.listener().await.and_then(cores);
    Machine {
        cores,
        cores_source: if cores.is_some() {
            "read of the process behind the Unix socket".to_owned()
        } else {
            String::new()
        },
        ..Machine::default()
    }
}

/// The processors that a server's first process may use; none where it is no server, or cannot be seen.
fn cores(pid: i32) -> Option<u32> {
    let process = PathBuf::from(format!("/proc/{pid}"));
    let name = std::fs::read_to_string(process.join("comm")).ok()?;
    if !name.trim().starts_with("postgres") && name.trim() != "postmaster" {
        return None;
    }
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let allowed = processors(list.trim())?;
    // a container may have less of their time
    let group = std::fs::read_to_string(process.join("cgroup")).ok();
    let path = group.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("0::/")));
    let quota =
        path.and_then(|path| std::fs::read_to_string(Path::new("/sys/fs/cgroup").join(path).join("cpu.max")).ok());
    Some(quota.as_deref().and_then(share).map_or(allowed, |share| share.min(allowed)))
}

/// How many processors a list such as `0-3,8` names.
fn processors(list: &str) -> Option<u32> {
    let mut count = 0_u32;
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        count = count.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(count).filter(|count| *count > 0)
}

/// Processors worth of time that `cpu.max` leaves: `200000 100000` is two; none where it sets no limit.
fn share(text: &str) -> Option<u32> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    u32::try_from(quota.div_ceil(period.max(1))).ok().filter(|cores| *cores > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_time_or_holds() {
        assert_eq!(target("1x"), Ok(Wait::Holds(1.0)));
        assert_eq!(target("0.25x"), Ok(Wait::Holds(0.25)));
        assert_eq!(target("5ms"), Ok(Wait::Seconds(0.005)));
        for wrong in ["", "x", "-1x", "soon", "0x", "9h"] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn processors_are_counted_and_a_share_of_them_bounds_that() {
        assert_eq!(processors("0-3,8"), Some(5));
        assert_eq!(processors("0"), Some(1));
        assert_eq!(processors("3-1"), None);
        assert_eq!(processors(""), None);
        assert_eq!(share("150000 100000\n"), Some(2));
        assert_eq!(share("max 100000"), None);
    }

    #[test]
    fn pools_are_named_once_in_the_order_of_the_documentation() {
        let words = [pools("pgbouncer").unwrap(), pools("hikari").unwrap(), pools("hikari").unwrap()];
        assert_eq!(unique(&words).iter().map(|pool| pool.id).collect::<Vec<_>>(), ["hikari", "pgbouncer"]);
        assert!(pools("hikary").unwrap_err().contains("hikari"));
        assert_eq!(unique(&[pools("all").unwrap()]).len(), snippets::ALL.len());
    }
}
