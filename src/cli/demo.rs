//! `pgassay demo`: a throw-away PostgreSQL with planted problems, a short real workload, the audit of it and of its log.

use super::audit::{self, Material};
use super::input::{self, Rules};
use super::{Exit, Failure, grants, live, output};
use crate::assess;
use crate::attest::Attestations;
use crate::collect::{Stop, collect};
use crate::config::{Config, Plans};
use crate::demo;
use crate::logs::{self, aggregate::Told, prefix::Prefix};
use crate::pool::capacity::Machine;
use crate::pool::evidence::{Evidence, Sized, Wishes, size};
use crate::pool::{demand::transactions, from_log, snippets, watch};
use crate::report::{Report, Source};
use crate::scratch::{self, Options, Scratch};
use anyhow::{Context, anyhow};
use clap::Args;
use std::io::{Read, Seek, SeekFrom};
use std::sync::atomic::AtomicBool;

/// `pgassay demo`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Leave the server running and print how to reach it
    #[arg(long)]
    keep: bool,
    /// Major version of PostgreSQL to use, among those installed; the newest where none is given
    #[arg(long, value_name = "MAJOR")]
    pg_version: Option<u16>,
    #[command(flatten)]
    rules: Rules,
    #[command(flatten)]
    output: output::Output,
}

const DATABASE: &str = "shop";

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let mut config = arguments.rules.read()?;
    config.audit.plans.flag("demo", Some(Plans::On));
    arguments.output.check(&config)?;
    let installed = scratch::find_binaries(&[]);
    let names: Vec<String> = installed.iter().map(|binaries| binaries.major.to_string()).collect();
    let binaries = installed
        .into_iter()
        .find(|binaries| arguments.pg_version.is_none_or(|major| major == binaries.major))
        .ok_or_else(|| match names.as_slice() {
            [] => anyhow!(
                "no PostgreSQL server is installed here: `make deps` installs one, or put its bin directory into PATH"
            ),
            names => anyhow!("that major is not installed here; there are: {}", names.join(", ")),
        })
        .map_err(Failure::usage)?;
    let runtime = live::runtime()?;
    // listened for from here on: a server that is being started is stopped like one that runs
    let mut interrupted = runtime.spawn(tokio::signal::ctrl_c());
    output::say(&format!("starting a throw-away PostgreSQL {} with a shop in it …", binaries.version));
    let options = Options::new(binaries).set("max_connections", "60");
    let options = demo::LOGGING.iter().fold(options, |options, (name, value)| options.set(*name, *value));
    let server = Scratch::start(options).map_err(Failure::incomplete)?;
    let exit = runtime.block_on(async {
        tokio::select! {
            biased;
            // dropping the server stops it, whatever was going on
            _ = &mut interrupted => Ok(Exit::Interrupted),
            exit = shop(arguments, &config, &server) => exit,
        }
    });
    if arguments.keep && exit.as_ref().is_ok_and(|exit| *exit != Exit::Interrupted) {
        let url = server.url_as("pgassay", DATABASE);
        let stop = server.postmaster_pid().map(|pid| format!("kill -INT {pid}")).unwrap_or_default();
        server.keep().map_err(Failure::incomplete)?;
        output::say(&format!("\nthe server is still running:\n  pgassay audit --plans '{url}'\nstop it with: {stop}"));
    }
    exit
}

async fn shop(arguments: &Arguments, config: &Config, server: &Scratch) -> Result<Exit, Failure> {
    let admin = server.url("postgres");
    let setup = async {
        demo::connect(&admin, "shop-setup").await?.execute(&format!("create database {DATABASE}")).await?;
        let grants = format!("{}\ngrant pg_read_all_data to pgassay;", grants::SQL);
        demo::populate(&server.url(DATABASE), &grants).await
    };
    setup.await.context("the shop could not be made").map_err(Failure::fault)?;

    let (_stopper, stop) = Stop::new();
    let door = input::connect(Some(&server.url_as("pgassay", DATABASE)), config).await?;
    let (before, _) = collect(&door, live::databases(config), &stop).await.map_err(Failure::incomplete)?;
    let begin = logged(server)?;
    let (app, batch) = (server.url_as("shop_app", DATABASE), server.url_as("shop_batch", DATABASE));
    demo::workload(&app, &batch).await.context("the shop's requests failed").map_err(Failure::fault)?;
    let obstacles = demo::obstruct(&app).await.context("the shop's requests failed").map_err(Failure::fault)?;
    let end = logged(server)?;
    let snapshot = live::read(&door, config, Some(&before), &stop).await?;
    let limits = watch::server(&door).await.map_err(Failure::incomplete)?;
    let machine = super::pool::machine(&door).await;
    drop(obstacles);
    door.close().await;

    let at = snapshot.captured_at;
    let read = log(server, begin, end)?;
    let sized = sized(&read, limits, machine);
    let material = Material {
        before: Some(before),
        workload: Some(read.workload),
        rulings: sized.as_ref().map(|sized| assess::pool::rulings(&sized.verdicts)).unwrap_or_default(),
        ..Material::of(snapshot)
    };
    let report = audit::judge(&material, config, &Attestations::default(), &[], at);
    let written = arguments.output.write(&report, config)?;
    if let Some(sized) = &sized {
        let given = assess::pool::Given {
            sized,
            config,
            attestations: &Attestations::default(),
            source: &Source { target: report.source.target.clone(), ..Source::default() },
            generated_at: input::now(),
        };
        recommend(arguments, &assess::pool::report(&given, Vec::new()))?;
    }
    // what the demo finds is planted: its findings are no failure of the demo
    Ok(if written == Exit::Found && !arguments.output.has_gate() { Exit::Clean } else { written })
}

/// The pool that the shop's requests need, by its own log.
fn sized(read: &logs::Outcome, server: watch::Server, machine: Machine) -> Option<Sized> {
    let transactions = from_log::transactions(read.holds.as_ref()?, &read.workload)?;
    let count = transactions.transactions.len() as u64;
    let evidence = Evidence {
        traced: Some(transactions::read(transactions)),
        holders: from_log::holders(&read.workload),
        pauses: from_log::pauses(&read.workload, count),
        traffic: from_log::traffic(&read.workload, count),
        server: Some(server),
        ..Evidence::default()
    };
    let pools = ["hikari", "pgbouncer"].iter().filter_map(|name| snippets::named(name)).flatten().collect();
    size(&evidence, &Wishes { machine, pools, ..Wishes::default() }).ok()
}

/// Says which pool the shop needs: behind the report on a terminal, and never inside one that a program reads.
fn recommend(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    if arguments.output.is_for_people() { arguments.output.also(report) } else { Ok(()) }
}

/// How much the server has written.
fn logged(server: &Scratch) -> Result<u64, Failure> {
    let path = server.log_file();
    let metadata = std::fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()));
    metadata.map(|metadata| metadata.len()).map_err(Failure::fault)
}

/// What the server wrote while the shop was at work: not how it was made, nor the audit.
fn log(server: &Scratch, begin: u64, end: u64) -> Result<logs::Outcome, Failure> {
    let prefix = Prefix::compile(demo::LOG_LINE_PREFIX).map_err(Failure::fault)?;
    let path = server.log_file();
    let source = logs::Source {
        name: path.display().to_string(),
        stream: 0,
        written: None,
        until: None,
        open: Box::new(move || {
            let mut file = std::fs::File::open(path)?;
            file.seek(SeekFrom::Start(begin))?;
            Ok(Box::new(file.take(end.saturating_sub(begin))))
        }),
    };
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    // for the roles of the shop, which are the only ones at work
    let told = Told { threshold: Some(0), ..Told::default() };
    let options = logs::Options { prefix: Some(prefix), told, jobs, holds: true, ..logs::Options::default() };
    let mut read = logs::read(vec![source], &options, &AtomicBool::new(false));
    match read.unreadable.pop() {
        Some(unreadable) => Err(Failure::fault(anyhow!("the shop's log cannot be read: {}", unreadable.error))),
        None => Ok(read),
    }
}
