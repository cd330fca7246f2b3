//! Predicted waits against measured ones: `cargo bench --bench pool_validation`, with `-- SECONDS FILE` for longer runs and to
//! write the table to a file. It writes `docs/pool-validation.md` as it is.
//!
//! A throw-away server logs every statement. For each kind of traffic a schedule of arrivals and holds is drawn from a seed and
//! run once against a pool that is never full: its log is all the prediction knows. Then the same schedule is run against
//! small pools, and what clients waited for a connection is measured on their side. Last, the size that is recommended is run.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program that measures: it prints, it reads clocks, and it ends where something fails"
)]

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use pgassay::logs::{self, aggregate::Told, prefix::Prefix, select::Selection};
use pgassay::pool::capacity::{Machine, Tasks};
use pgassay::pool::decide::{Question, decide};
use pgassay::pool::demand::Key;
use pgassay::pool::demand::transactions::{Idle, Traced, read};
use pgassay::pool::from_log;
use pgassay::pool::predict::Target;
use pgassay::pool::random::Random;
use pgassay::pool::simulate::{Trial, simulate};
use pgassay::scratch::{Options, Scratch, find_binaries};
use std::fmt::Write as _;
use std::io::{Read, Seek, SeekFrom};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use tokio_postgres::NoTls;

const PREFIX: &str = "%m [%p] %q%u@%d %a %v ";
/// A pool of this size is never full.
const AMPLE: usize = 40;
/// Sizes that are tried.
const SIZES: [usize; 4] = [3, 4, 5, 6];
const SEED: u64 = 7;
/// Above this the order of magnitude is all that is predicted.
const STEADY: f64 = 0.9;

/// A kind of traffic.
#[derive(Clone, Copy, PartialEq)]
enum Traffic {
    /// Arrivals at random, holds exponential, all of it in the server.
    Poisson,
    /// Arrivals at random; a short statement, 20 ms of the client's own work in the transaction, a commit.
    Thinking,
    /// Six times as many arrivals for a quarter of a second now and then.
    Bursty,
}

impl Traffic {
    fn name(self) -> &'static str {
        match self {
            Self::Poisson => "random arrivals, exponential holds",
            Self::Thinking => "random arrivals, 20 ms of the client's work inside",
            Self::Bursty => "bursts of 240 a second among 40 a second",
        }
    }
}

/// One transaction: when it comes, what the server works and what the client does meanwhile.
#[derive(Clone, Copy)]
struct Job {
    at: Duration,
    work: Duration,
    think: Duration,
}

fn schedule(traffic: Traffic, seconds: f64) -> Vec<Job> {
    let mut random = Random::seeded(SEED);
    let (mut at, mut jobs) = (0.0, Vec::new());
    let (mut is_burst, mut until) = (false, 1.0);
    while at < seconds {
        let rate = match traffic {
            Traffic::Bursty if is_burst => 240.0,
            Traffic::Bursty => 40.0,
            _ => 80.0,
        };
        let next = at + random.exponential(1.0 / rate);
        if traffic == Traffic::Bursty && next > until {
            // what is left of a memoryless pause is as long as a whole one
            at = until;
            is_burst = !is_burst;
            until = at + random.exponential(if is_burst { 0.25 } else { 1.0 });
            continue;
        }
        at = next;
        let (work, think) = match traffic {
            Traffic::Thinking => (random.exponential(0.004), 0.02),
            _ => (random.exponential(0.024), 0.0),
        };
        let span = Duration::from_secs_f64;
        jobs.push(Job { at: span(at), work: span(work), think: span(think) });
    }
    jobs
}

/// Runs a schedule against a pool of a size; the waits of its clients in milliseconds, sorted.
async fn run(url: &str, size: usize, jobs: &[Job]) -> Vec<f64> {
    let manager =
        Manager::from_config(url.parse().unwrap(), NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    let pool = Pool::builder(manager).max_size(size).build().unwrap();
    // connecting is no part of it
    let all: Vec<_> = futures_util::future::join_all((0..size).map(|_| pool.get())).await;
    drop(all);
    let began = Instant::now() + Duration::from_millis(50);
    let one = |job: Job, pool: Pool| async move {
        tokio::time::sleep_until((began + job.at).into()).await;
        let asked = Instant::now();
        let client = pool.get().await.unwrap();
        let wait = asked.elapsed();
        let work = format!("select pg_sleep({:.6})", job.work.as_secs_f64());
        if job.think.is_zero() {
            client.batch_execute(&work).await.unwrap();
        } else {
            client.batch_execute("begin").await.unwrap();
            client.batch_execute(&work).await.unwrap();
            tokio::time::sleep(job.think).await;
            client.batch_execute("commit").await.unwrap();
        }
        wait.as_secs_f64() * 1e3
    };
    let tasks: Vec<_> = jobs.iter().map(|job| tokio::spawn(one(*job, pool.clone()))).collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.push(task.await.unwrap());
    }
    waits.sort_unstable_by(f64::total_cmp);
    waits
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len());
    sorted[at - 1]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// What the server wrote from here on.
fn traced(server: &Scratch, from: u64) -> Traced {
    let path = server.log_file();
    let source = logs::Source {
        name: path.display().to_string(),
        stream: 0,
        written: None,
        until: None,
        open: Box::new(move || {
            let mut file = std::fs::File::open(path)?;
            file.seek(SeekFrom::Start(from))?;
            Ok(Box::new(file) as Box<dyn Read + Send>)
        }),
    };
    let options = logs::Options {
        prefix: Some(Prefix::compile(PREFIX).unwrap()),
        selection: Selection { users: vec!["driver".to_owned()], ..Selection::default() },
        told: Told { threshold: Some(0), ..Told::default() },
        jobs: 1,
        holds: true,
        ..logs::Options::default()
    };
    let read_log = logs::read(vec![source], &options, &AtomicBool::new(false));
    read(from_log::transactions(&read_log.holds.unwrap(), &read_log.workload).unwrap())
}

struct Table {
    text: String,
    misses: u32,
    rows: u32,
    runs: u32,
    met: u32,
    /// Milliseconds over the target at most.
    over: f64,
}

fn verdict(predicted: f64, measured: f64, share: f64, least: f64) -> bool {
    (predicted - measured).abs() <= (measured * share).max(least)
}

async fn validate(server: &Scratch, url: &str, traffic: Traffic, seconds: f64, table: &mut Table) {
    let jobs = schedule(traffic, seconds);
    let from = std::fs::metadata(server.log_file()).unwrap().len();
    run(url, AMPLE, &jobs).await;
    let traced = traced(server, from);
    let trace = traced.trace(&Key::ALL, Idle::Kept);
    let view = trace.view();
    let demand = &traced.demands.total;
    let hold = view.mean_hold().unwrap() / 1e3;
    let burst = demand.dispersion.iter().map(|one| one.index).fold(0.0, f64::max);
    writeln!(
        table.text,
        "\n### {}\n\n{} transactions in {seconds:.0} s, {:.2} erlangs, mean hold {hold:.1} ms, index of dispersion up to {burst:.1}; \
         seen by the log: {}\n\n| size | busy | predicted mean / p95 / p99 ms | measured mean / p95 / p99 ms | within bounds |\n\
         |--:|--:|--:|--:|---|",
        traffic.name(),
        jobs.len(),
        view.erlangs(),
        view.counted().len(),
    )
    .unwrap();
    let mut row = |size: usize, measured: &[f64], name: &str| {
        let outcome = simulate(&view, &Trial::of(size));
        let waits = outcome.waits;
        let (mean_ms, p95, p99) = (waits.mean / 1e3, waits.p95 / 1e3, waits.p99 / 1e3);
        let (real_mean, real_p95, real_p99) = (mean(measured), quantile(measured, 0.95), quantile(measured, 0.99));
        let within = verdict(mean_ms, real_mean, 0.25, 1.0) && verdict(p95, real_p95, 0.3, 3.0);
        let is_judged = outcome.utilisation <= STEADY;
        table.rows += u32::from(is_judged);
        table.misses += u32::from(is_judged && !within);
        let word = match (is_judged, within) {
            (false, _) => "not judged: busier than 90 %",
            (true, true) => "yes",
            (true, false) => "**no**",
        };
        writeln!(
            table.text,
            "| {size}{name} | {:.0} % | {mean_ms:.2} / {p95:.1} / {p99:.1} | {real_mean:.2} / {real_p95:.1} / {real_p99:.1} | {word} |",
            outcome.utilisation * 100.0
        )
        .unwrap();
    };
    for size in SIZES {
        row(size, &run(url, size, &jobs).await, "");
    }
    let question = Question {
        demand,
        traced: Some(&traced),
        target: Target::default(),
        acquire_timeout_seconds: 10.0,
        instances: 1,
        machine: &Machine::default(),
        tasks: Tasks::default(),
        what_ifs: &[],
        holders: &[],
    };
    let decision = decide(&question);
    let size = decision.recommended.unwrap();
    let measured = run(url, size as usize, &jobs).await;
    row(size as usize, &measured, " (recommended)");
    let p99 = quantile(&measured, 0.99);
    let target = demand.hold().unwrap() * 1e3;
    table.runs += 1;
    table.met += u32::from(p99 <= target);
    table.over = table.over.max(p99 - target);
    let met = match p99 - target {
        over if over <= 0.0 => "met".to_owned(),
        over => format!("**over by {over:.1} ms**"),
    };
    writeln!(
        table.text,
        "\nRecommended: {size} for a p99 wait of one mean hold, {target:.1} ms; run again it was {p99:.1} ms: {met}. The checklist's \
         formula says {}.",
        decision.checklist.formula.value.map_or("nothing".to_owned(), |value| value.to_string())
    )
    .unwrap();
    println!("{} done", traffic.name());
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let seconds = words.first().and_then(|word| word.parse().ok()).unwrap_or(20.0);
    let binaries = find_binaries(&[]).into_iter().next_back().expect("a PostgreSQL: `make deps`");
    let version = binaries.version.clone();
    let mut options = Options::new(binaries).set("log_min_duration_statement", "0").set("log_line_prefix", PREFIX);
    options.supervisor = Some(env!("CARGO_BIN_EXE_pgassay").into());
    options = options.set("max_connections", "100").set("log_destination", "stderr").set("logging_collector", "off");
    let server = Scratch::start(options).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut table = Table { text: String::new(), misses: 0, rows: 0, runs: 0, met: 0, over: 0.0 };
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&server.url("postgres"), NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("create role driver login").await.unwrap();
        let url = server.url_as("driver", "postgres");
        for traffic in [Traffic::Poisson, Traffic::Thinking, Traffic::Bursty] {
            validate(&server, &url, traffic, seconds, &mut table).await;
        }
    });
    let text = format!(
        "# Predicted waits against measured ones\n\n\
         Made by `cargo bench --bench pool_validation -- {seconds} docs/pool-validation.md` on PostgreSQL {version}, with \
         {} processors that other work shares.\n\n\
         A schedule of arrivals and holds is drawn from a seed and run once against a pool of {AMPLE}, which is never full. The \
         server's log of that run is replayed against smaller pools: *predicted*. The same schedule is run against pools of \
         those sizes (deadpool-postgres), and what clients waited is measured on their side: *measured*. Bounds: the mean \
         within the greater of 25 % and 1 ms, the 95th percentile within the greater of 30 % and 3 ms.\n\n\
         {} of {} comparisons are within their bounds. A pool of the recommended size met its target in {} of {} runs, and was over \
         it by {:.1} ms at most; a 99th percentile of so short a run rests on a dozen transactions.\n{}",
        std::thread::available_parallelism().map_or(1, usize::from),
        table.rows - table.misses,
        table.rows,
        table.met,
        table.runs,
        table.over,
        table.text
    );
    match words.get(1) {
        Some(path) => std::fs::write(path, &text).unwrap(),
        None => println!("{text}"),
    }
    println!("{} of {} within bounds", table.rows - table.misses, table.rows);
}
