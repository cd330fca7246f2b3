//! What an audit of a large server costs: time, the server's share of it, queries, rows and memory.
//!
//! ```sh
//! cargo bench --bench large_server -- [--tables 10000] [--statements 5000] [--runs 5] [--program PATH] [--keep]
//! ```
//!
//! Makes a throw-away server with two databases, one of N tables, 2.5 N indexes, N foreign keys and N sequences with
//! statistics and counters, and one a tenth of that; audits each as a member of `pg_monitor` with the released program;
//! and reads the raw catalogs once with `copy` beside it, so that a figure of another machine can be set against this
//! one. Measures only: nothing is asserted about time.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program that measures: it prints, it reads clocks, and it ends where something fails"
)]

use futures_util::{TryStreamExt, future::try_join_all};
use pgassay::scratch::{Options, Scratch, find_binaries};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Tables made in one transaction, in a schema of their own.
const BATCH: usize = 500;
/// The role that audits.
const AUDITOR: &str = "auditor";
/// Measuring reads what the user's budget says; it is left aside here.
const UNMEASURED: [&str; 2] = ["--measure-budget", "0B,0s"];
/// The catalogs an audit needs at the least, as they are.
const RAW: [&str; 12] = [
    "select * from pg_class",
    "select * from pg_index",
    "select * from pg_constraint",
    "select * from pg_attribute",
    "select * from pg_type",
    "select * from pg_namespace",
    "select * from pg_depend",
    "select * from pg_inherits",
    "select * from pg_sequence",
    "select oid, pg_stat_get_numscans(oid), pg_stat_get_tuples_returned(oid), pg_stat_get_tuples_inserted(oid), \
     pg_stat_get_tuples_updated(oid), pg_stat_get_tuples_deleted(oid), pg_stat_get_live_tuples(oid), \
     pg_stat_get_dead_tuples(oid), pg_stat_get_last_analyze_time(oid) from pg_class where relkind in ('r', 'm')",
    "select indexrelid, pg_stat_get_numscans(indexrelid), pg_stat_get_tuples_returned(indexrelid), \
     pg_stat_get_tuples_fetched(indexrelid) from pg_index",
    "select seqrelid, pg_sequence_last_value(seqrelid) from pg_sequence",
];

struct Arguments {
    tables: usize,
    statements: usize,
    runs: usize,
    /// The build of the program to measure.
    program: String,
    keep: bool,
}

fn arguments() -> Result<Arguments> {
    let mut arguments = Arguments {
        tables: 10_000,
        statements: 5_000,
        runs: 5,
        program: env!("CARGO_BIN_EXE_pgassay").into(),
        keep: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|value| value.parse().ok()).ok_or(format!("{word} needs a number"));
        match word.as_str() {
            "--tables" => arguments.tables = number()?,
            "--statements" => arguments.statements = number()?,
            "--runs" => arguments.runs = number()?.max(1),
            "--program" => arguments.program = words.next().ok_or("--program needs a path")?,
            "--keep" => arguments.keep = true,
            // what cargo itself adds
            "--bench" => {}
            _ => {
                return Err(format!(
                    "{word}: the options are --tables N --statements N --runs N --program PATH --keep"
                )
                .into());
            }
        }
    }
    Ok(arguments)
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = arguments()?;
    let binaries = find_binaries(&[])
        .into_iter()
        .max_by_key(|found| found.major)
        .ok_or("no PostgreSQL on this machine: run `make deps`")?;
    let mut options = Options::new(binaries);
    for (name, value) in [
        ("autovacuum", "off"),
        ("shared_buffers", "1GB"),
        ("max_wal_size", "16GB"),
        ("checkpoint_timeout", "1h"),
        ("full_page_writes", "off"),
        ("synchronous_commit", "off"),
        ("max_locks_per_transaction", "2048"),
        ("pg_stat_statements.max", "20000"),
    ] {
        options = options.set(name, value);
    }
    options.supervisor = Some(env!("CARGO_BIN_EXE_pgassay").into());
    options.start_timeout = Duration::from_secs(120);
    let scratch = Scratch::start(options)?;
    let postgres = connect(&scratch.url("postgres")).await?;
    postgres.batch_execute(&format!("create role {AUDITOR} login; grant pg_monitor to {AUDITOR}")).await?;
    println!("PostgreSQL {}, {} runs each, medians", scratch.binaries().version, arguments.runs);

    for (database, tables) in [("tenth", arguments.tables.div_ceil(10)), ("whole", arguments.tables)] {
        let started = Instant::now();
        postgres.batch_execute(&format!("create database {database}")).await?;
        generate(&scratch.url(database), tables).await?;
        postgres.batch_execute("checkpoint").await?;
        println!(
            "\n{database}: {} (made in {:.0} s)",
            describe(&scratch.url(database)).await?,
            started.elapsed().as_secs_f64()
        );
        measure(&scratch, database, &arguments).await?;
    }
    if arguments.statements > 0 {
        let bytes = state(&scratch.url("whole"), arguments.tables, arguments.statements).await?;
        println!("\nwhole, and {} statements of {bytes} bytes on average", arguments.statements);
        measure(&scratch, "whole", &arguments).await?;
    }
    if arguments.keep {
        println!("\nkept: {}", scratch.url_as(AUDITOR, "whole"));
        scratch.keep()?;
    } else {
        scratch.stop()?;
    }
    Ok(())
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

// --------------------------------------------------------------------------------------------------------- the schema

/// Makes the tables on as many connections as there are processors. A foreign key that is part of its `create table` needs
/// no look at the rows, a load without triggers none either, and what is said in one message is one transaction.
async fn generate(url: &str, tables: usize) -> Result<()> {
    let setup = connect(url).await?;
    setup.batch_execute("create extension pg_stat_statements").await?;
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let batches = tables.div_ceil(BATCH);
    try_join_all((0..workers).map(|worker| async move {
        let client = connect(url).await?;
        client.batch_execute("set session_replication_role = replica; set enable_seqscan = off; set jit = off").await?;
        for batch in (worker..batches).step_by(workers) {
            let numbers = batch * BATCH..tables.min((batch + 1) * BATCH);
            for make in [create, fill, analyze, scan] {
                client.batch_execute(&make(batch, numbers.clone())).await?;
            }
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    }))
    .await?;
    // a tenth of the tables are large, as far as anybody can tell who does not read them
    for statement in [
        "set allow_system_table_mods = on",
        "update pg_class set reltuples = reltuples * 5000, relpages = relpages * 5000
         where relnamespace in (select oid from pg_namespace where nspname like 'area_%') and relname ~ '^table_\\d*7'",
        "vacuum analyze",
        "select pg_stat_statements_reset()",
    ] {
        setup.batch_execute(statement).await?;
    }
    Ok(())
}

fn create(batch: usize, numbers: std::ops::Range<usize>) -> String {
    let first = numbers.start;
    let mut sql = format!("create schema area_{batch}; set search_path = area_{batch}, public;");
    for number in numbers {
        let parent = number.saturating_sub(1).max(first);
        let on_delete = if number % 5 == 0 { "on delete cascade" } else { "" };
        let key = if number % 100 == 9 { "int" } else { "bigint" };
        sql += &format!(
            "create table table_{number} (
               id {key} generated by default as identity primary key,
               parent_id bigint references table_{parent} {on_delete},
               code text not null, amount numeric, state int not null default 0, made_at timestamptz not null default now());"
        );
        // one in twenty finds the rows of its foreign key twice, half of the others do not find them at all
        let second = if number % 10 == 0 { "parent_id, code" } else { "code" };
        sql += &format!("create index table_{number}_code on table_{number} ({second});");
        if number % 2 == 0 {
            sql += &format!("create index table_{number}_parent on table_{number} (parent_id);");
        }
    }
    sql
}

fn fill(_: usize, numbers: std::ops::Range<usize>) -> String {
    let insert = |number| {
        format!(
            "insert into table_{number} (parent_id, code, amount, state)
             select n % 7, 'code ' || n, n * 1.5, n % 3 from generate_series(1, 60) as n;"
        )
    };
    numbers.map(insert).collect()
}

fn analyze(_: usize, numbers: std::ops::Range<usize>) -> String {
    format!("analyze {}", numbers.map(|number| format!("table_{number}")).collect::<Vec<_>>().join(", "))
}

/// Counters: most indexes are used, some tables are read whole, from some rows are deleted.
fn scan(_: usize, numbers: std::ops::Range<usize>) -> String {
    let mut sql = String::new();
    for number in numbers {
        if number % 10 != 3 {
            sql += &format!(
                "select from table_{number} where id = 1; select from table_{number} where code = '';
                 select from table_{number} where parent_id = 8;"
            );
        }
        if number % 10 == 7 {
            sql += &format!("select count(amount) from table_{number};");
        }
        if number % 10 == 6 {
            sql += &format!("delete from table_{number} where id > 55;");
        }
    }
    sql
}

async fn describe(url: &str) -> Result<String> {
    let row = connect(url)
        .await?
        .query_one(
            "select count(*) filter (where relkind = 'r' and relnamespace > 16000),
               count(*) filter (where relkind = 'i' and relnamespace > 16000),
               (select count(*) from pg_constraint where contype = 'f'), count(*) filter (where relkind = 'S'),
               (select count(*) from pg_statistic), pg_database_size(current_database()) >> 20
             from pg_class where relkind in ('r', 'i', 'S')",
            &[],
        )
        .await?;
    let count = |index| row.get::<_, i64>(index);
    Ok(format!(
        "{} tables, {} indexes, {} foreign keys, {} sequences, {} rows of statistics, {} MiB",
        count(0),
        count(1),
        count(2),
        count(3),
        count(4),
        count(5)
    ))
}

/// Runs statements with long texts, so that `pg_stat_statements` holds them; returns the average length it kept.
async fn state(url: &str, tables: usize, statements: usize) -> Result<i32> {
    let client = connect(url).await?;
    client.batch_execute("select pg_stat_statements_reset(); set jit = off").await?;
    for number in 0..statements {
        let table = number % tables;
        let name = format!("area_{}.table_{table}", table / BATCH);
        // beyond the number of tables, another number of terms makes another statement; an alias would make all of them
        // one, since from 18 on the server goes by that
        let terms: Vec<String> = (0..40 + number / tables)
            .map(|term| {
                format!(
                    "coalesce(amount, {term}) * {term} + case when code = 'x{term}' then 1 else 0 end as term_{term}"
                )
            })
            .collect();
        let sql = format!(
            "select id, code, {} from {name} where parent_id = {number} and state in (1, 2, 3) order by made_at limit 10",
            terms.join(", ")
        );
        client.batch_execute(&sql).await?;
    }
    Ok(client.query_one("select avg(length(query))::int from pg_stat_statements", &[]).await?.get(0))
}

// ---------------------------------------------------------------------------------------------------- the measurement

/// What one run cost.
#[derive(Default, Clone, Copy)]
struct Cost {
    wall: f64,
    /// Seconds on a processor, of the program itself.
    processor: f64,
    /// Seconds executing, by the server's own account.
    server: f64,
    queries: i64,
    rows: i64,
    /// The most memory the program held, in MiB.
    peak: f64,
    written: u64,
}

async fn measure(scratch: &Scratch, database: &str, arguments: &Arguments) -> Result<()> {
    let superuser = connect(&scratch.url(database)).await?;
    let directory = std::env::temp_dir().join(format!("pgassay-bench-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let (report, snapshot) = (directory.join("report"), directory.join("snapshot.json"));
    let (report_path, snapshot_path) = (report.display().to_string(), snapshot.display().to_string());
    let url = scratch.url_as(AUDITOR, database);
    let live = |more: &[&str]| {
        let mut words = vec!["audit", url.as_str(), "-o", report_path.as_str()];
        words.extend(UNMEASURED);
        words.extend(more);
        words.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let variants = [
        ("audit --format json", live(&["--format", "json"]), &report),
        ("audit --format terminal", live(&[]), &report),
        ("audit --format json --save", live(&["--format", "json", "--save", &snapshot_path]), &snapshot),
        (
            "audit --snapshot --format json",
            ["audit", "--snapshot", &snapshot_path, "--format", "json", "-o", &report_path].map(str::to_owned).to_vec(),
            &report,
        ),
    ];
    println!(
        "{:<32} {:>8} {:>9} {:>9} {:>9} {:>8} {:>9} {:>9} {:>9}",
        "", "wall s", "of raw", "own cpu s", "server s", "queries", "rows", "peak MiB", "file MiB"
    );
    let raw = raw(&superuser, arguments.runs).await?;
    print("raw catalogs, one copy each", raw, raw.wall);
    for (name, words, written) in variants {
        let mut costs = Vec::new();
        // the first one warms the server's caches
        for _ in 0..=arguments.runs {
            costs.push(audit(&arguments.program, &superuser, &words, written).await?);
        }
        costs.remove(0);
        print(name, median(costs), raw.wall);
    }
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

fn print(name: &str, cost: Cost, raw: f64) {
    println!(
        "{name:<32} {:>8.2} {:>8.1}x {:>9.2} {:>9.2} {:>8} {:>9} {:>9.0} {:>9.1}",
        cost.wall,
        cost.wall / raw,
        cost.processor,
        cost.server,
        cost.queries,
        cost.rows,
        cost.peak,
        cost.written as f64 / f64::from(1 << 20)
    );
}

/// The run in the middle by wall time, with the highest peak of all.
fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by(|a, b| a.wall.total_cmp(&b.wall));
    let peak = costs.iter().map(|cost| cost.peak).fold(0.0, f64::max);
    Cost { peak, ..costs[costs.len() / 2] }
}

/// Reads the raw catalogs once, one after the other, and does nothing with them but count.
async fn raw(client: &Client, runs: usize) -> Result<Cost> {
    let mut costs = Vec::new();
    for _ in 0..=runs {
        let started = Instant::now();
        let mut cost = Cost { queries: RAW.len() as i64, ..Cost::default() };
        for query in RAW {
            let stream = std::pin::pin!(client.copy_out(&format!("copy ({query}) to stdout")).await?);
            let (bytes, rows) = stream
                .try_fold((0, 0), |(bytes, rows), chunk| async move { Ok((bytes + chunk.len() as u64, rows + 1)) })
                .await?;
            cost.written += bytes;
            cost.rows += rows;
        }
        cost.wall = started.elapsed().as_secs_f64();
        costs.push(cost);
    }
    costs.remove(0);
    Ok(median(costs))
}

/// Runs the program once. Its peak is read until it ends, and only ever rises; its processor time when it has ended.
async fn audit(program: &str, superuser: &Client, words: &[String], written: &Path) -> Result<Cost> {
    superuser
        .batch_execute(&format!("select pg_stat_statements_reset(oid, 0, 0) from pg_roles where rolname = '{AUDITOR}'"))
        .await?;
    let started = Instant::now();
    let mut child = Command::new(program)
        .args(words)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()?;
    let pid = Pid::from_child(&child);
    let mut cost = Cost::default();
    let peak = || -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
    };
    while waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT)?.is_none() {
        cost.peak = peak().unwrap_or(0.0).max(cost.peak);
        std::thread::sleep(Duration::from_millis(2));
    }
    cost.wall = started.elapsed().as_secs_f64();
    // not yet waited for, so its account is still there
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))?;
    let after = stat.rsplit_once(") ").ok_or("/proc/…/stat is not as proc(5) has it")?.1;
    let ticks = after.split(' ').skip(11).take(2).map(str::parse::<f64>).sum::<std::result::Result<f64, _>>()?;
    cost.processor = ticks / 100.0;
    let status = child.wait()?;
    if !matches!(status.code(), Some(0 | 1)) {
        return Err(format!("pgassay {} ended with {status}", words.join(" ")).into());
    }
    let row = superuser
        .query_one(
            "select count(*), coalesce(sum(s.calls) filter (where s.query ~* '^(--|select|with|explain)'), 0)::int8,
               coalesce(sum(s.rows), 0)::int8, coalesce(sum(s.total_exec_time), 0)::float8 / 1000
             from pg_stat_statements(true) as s join pg_roles as r on r.oid = s.userid where r.rolname = $1",
            &[&AUDITOR],
        )
        .await?;
    (cost.queries, cost.rows, cost.server) = (row.get(1), row.get(2), row.get(3));
    cost.written = std::fs::metadata(written)?.len();
    Ok(cost)
}
