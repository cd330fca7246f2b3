//! Logs to measure `pgassay logs` with, made by a real server under load.
//!
//! [`bench`] starts a throw-away PostgreSQL that logs everything to standard error, csvlog and jsonlog at once, and lets
//! pgbench work on it in its three modes at the same time: its own transaction, pages that ask once for each row of a
//! list, long statements on many lines; beside it psql makes errors, temporary files and connections. [`cardinality`]
//! writes a log of statements no two of which have one shape; no server is needed for it.
//!
//! What is there already is not made again.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pgassay::scratch::{Binaries, Options, SUPERUSER, Scratch, ShutdownMode, find_binaries};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// One run of a server, as it wrote it in each format.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    /// Standard error, with [`PREFIX`].
    pub(crate) stderr: PathBuf,
    /// The same as csvlog.
    pub(crate) csv: PathBuf,
    /// The same as jsonlog.
    pub(crate) json: PathBuf,
    /// How many executions there are in each.
    pub(crate) executions: u64,
}

/// The `log_line_prefix` of both logs.
pub(crate) const PREFIX: &str = "%m [%p]: user=%u,db=%d,app=%a,client=%h ";

/// Statements of [`cardinality`], each with a table of its own.
pub(crate) const SHAPES: u32 = 300_000;

/// Sessions of each of pgbench's modes.
const CLIENTS: u32 = 4;

/// Each mode, its application, and the transactions of each session.
const MODES: [(&str, &str, u32); 3] =
    [("simple", "web", 6_200), ("extended", "api", 2_450), ("prepared", "jobs", 6_450)];

/// Scripts and how often each is chosen; pgbench's own transaction is the first.
const SCRIPTS: [(&str, &str, u32); 3] = [
    ("page.sql", include_str!("page.sql"), 2),
    ("page_in_transaction.sql", include_str!("page_in_transaction.sql"), 2),
    ("reports.sql", include_str!("reports.sql"), 1),
];
const OWN_TRANSACTION: &str = "tpcb-like@8";

/// Sessions of psql that make what is not a statement.
const TROUBLES: u32 = 120;

/// Transactions of a session each.
const CONNECTIONS: u32 = 500;

/// Keeps what prepares the server out of its log.
const UNLOGGED: &str = "-c log_min_duration_statement=-1 -c log_temp_files=-1";

/// Makes `bench.stderr.log`, `bench.csv` and `bench.json` in a directory. `supervisor` is the `pgassay` program.
///
/// `share` is the part of the whole, 1.0 for about 480,000 executions and 230 MB of standard error.
///
/// # Errors
/// When there is no PostgreSQL 15 or newer with pgbench and psql, or one of them fails.
pub(crate) fn bench(directory: &Path, supervisor: &str, share: f64) -> Result<Bench> {
    fs::create_dir_all(directory)?;
    let place = |name: &str| directory.join(name);
    let counted = place("bench.executions");
    let made = |executions| Bench {
        stderr: place("bench.stderr.log"),
        csv: place("bench.csv"),
        json: place("bench.json"),
        executions,
    };
    let there = made(0);
    if [&there.stderr, &there.csv, &there.json].iter().all(|file| file.is_file())
        && let Some(executions) = fs::read_to_string(&counted).ok().and_then(|text| text.trim().parse().ok())
    {
        return Ok(made(executions));
    }

    let binaries = find_binaries(&[])
        .into_iter()
        .filter(|found| found.major >= 15)
        .max_by_key(|found| (program(found, "pgbench").is_some(), found.major))
        .ok_or("no PostgreSQL 15 or newer, the first with jsonlog, on this machine: run `make deps`")?;
    let pgbench = program(&binaries, "pgbench").ok_or("no pgbench on this machine (Debian: postgresql)")?;
    let psql = program(&binaries, "psql").ok_or("no psql on this machine (Debian: postgresql-client)")?;
    let mut options = Options::new(binaries);
    options.preload.clear();
    for (name, value) in [
        ("log_min_duration_statement", "0"),
        ("log_destination", "stderr,csvlog,jsonlog"),
        ("logging_collector", "on"),
        ("log_directory", "log"),
        ("log_filename", "bench.log"),
        ("log_file_mode", "0644"),
        ("log_rotation_age", "0"),
        ("log_rotation_size", "0"),
        ("log_line_prefix", PREFIX),
        ("log_connections", "on"),
        ("log_disconnections", "on"),
        ("log_temp_files", "0"),
        ("log_lock_waits", "on"),
        ("log_checkpoints", "on"),
        ("checkpoint_timeout", "30s"),
        ("synchronous_commit", "off"),
    ] {
        options = options.set(name, value);
    }
    options.supervisor = Some(supervisor.into());
    let scratch = Scratch::start(options)?;
    let load = Load { scratch: &scratch, pgbench, psql, scripts: scratch.directory().join("scripts") };
    load.prepare()?;
    load.run(share)?;
    // The collector writes its last lines while the server stops.
    scratch.halt(ShutdownMode::Fast)?;
    let log = scratch.data_directory().join("log");
    for (from, to) in [("bench.log", &there.stderr), ("bench.csv", &there.csv), ("bench.json", &there.json)] {
        put(&log.join(from), to)?;
    }
    let executions = executions(&there.json)?;
    fs::write(counted, format!("{executions}\n"))?;
    scratch.stop()?;
    Ok(made(executions))
}

/// Copies a file so that nobody ever sees a part of it under its name.
fn put(from: &Path, to: &Path) -> Result<()> {
    let part = to.with_extension("part");
    fs::copy(from, &part)?;
    fs::rename(part, to)?;
    Ok(())
}

/// A program of that installation, or one in the path.
fn program(binaries: &Binaries, name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(binaries.directory.clone())
        .chain(std::env::split_paths(&path))
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
}

/// A server under load.
struct Load<'a> {
    scratch: &'a Scratch,
    pgbench: PathBuf,
    psql: PathBuf,
    /// In the server's own directory, which goes with it.
    scripts: PathBuf,
}

impl Load<'_> {
    fn command(&self, program: &Path, user: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("PGHOST", self.scratch.directory())
            .env("PGPORT", self.scratch.port().to_string())
            .env("PGUSER", user)
            .env("PGDATABASE", "shop")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn psql(&self, database: &str, sql: &str) -> Command {
        let mut command = self.command(&self.psql, SUPERUSER);
        command.env("PGDATABASE", database).env("PGOPTIONS", UNLOGGED);
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        command
    }

    /// The tables and an ordinary role, out of the log's sight.
    fn prepare(&self) -> Result<()> {
        fs::create_dir_all(&self.scripts)?;
        let more = [("schema.sql", include_str!("schema.sql")), ("trouble.sql", include_str!("trouble.sql"))];
        for (name, text) in SCRIPTS.into_iter().map(|(name, text, _)| (name, text)).chain(more) {
            fs::write(self.scripts.join(name), text)?;
        }
        done(&mut self.psql("postgres", "create role app login"))?;
        done(&mut self.psql("postgres", "create database shop owner app"))?;
        done(self.command(&self.pgbench, SUPERUSER).env("PGOPTIONS", UNLOGGED).args(["-i", "-q", "-s", "4"]))?;
        done(self.psql("shop", "").arg("-f").arg(self.scripts.join("schema.sql")))?;
        done(&mut self.psql("shop", "grant all on all tables in schema public to app"))?;
        Ok(())
    }

    /// Everything at the same time; returns when all of it is over.
    fn run(&self, share: f64) -> Result<()> {
        let part = |count: u32| ((f64::from(count) * share) as u32).max(1).to_string();
        let mut running = Vec::new();
        for (mode, application, transactions) in MODES {
            let mut command = self.command(&self.pgbench, "app");
            command.env("PGAPPNAME", application);
            command.args(["-n", "-M", mode, "-c", &CLIENTS.to_string(), "-t", &part(transactions)]);
            command.args(["--random-seed", "3", "-b", OWN_TRANSACTION]);
            for (name, _, weight) in SCRIPTS {
                command.arg("-f").arg(format!("{}@{weight}", self.scripts.join(name).display()));
            }
            running.push((mode, command.spawn()?));
        }
        let mut reconnecting = self.command(&self.pgbench, "app");
        reconnecting.env("PGAPPNAME", "health").args(["-n", "-C", "-S", "-t", &part(CONNECTIONS)]);
        running.push(("connections", reconnecting.spawn()?));
        let troubles: u32 = part(TROUBLES).parse()?;
        for number in 0..troubles {
            let mut command = self.command(&self.psql, "app");
            command.env("PGAPPNAME", format!("worker {}", number % 7)).args(["-X", "-q", "-f"]);
            command.arg(self.scripts.join("trouble.sql"));
            // psql's own code says only that the last statement went well
            done(&mut command)?;
            std::thread::sleep(Duration::from_millis(20));
        }
        for (name, mut child) in running {
            let status = child.wait()?;
            if !status.success() {
                return Err(format!("pgbench ({name}) failed: {status}").into());
            }
        }
        Ok(())
    }
}

/// Lines of a jsonlog that say how long an execution took. A quote within a value has a backslash, so that no value looks
/// like this key. (`pg_stat_statements` counts a prepared BEGIN once only.)
fn executions(json: &Path) -> Result<u64> {
    let mut executions = 0;
    for line in BufReader::new(File::open(json)?).lines() {
        let line = line?;
        let duration = line.split_once(",\"message\":\"duration: ").map(|(_, rest)| rest);
        let what = duration.and_then(|rest| rest.split_once(" ms  ")).map(|(_, what)| what);
        executions +=
            u64::from(what.is_some_and(|what| what.starts_with("statement: ") || what.starts_with("execute ")));
    }
    Ok(executions)
}

fn done(command: &mut Command) -> Result<()> {
    let output = command.stderr(Stdio::piped()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} failed: {}", command.get_program().display(), said.trim()).into())
}

// --------------------------------------------------------------------------------------------------------- cardinality

/// Makes `cardinality.stderr.log` in a directory: [`SHAPES`] statements, each with a table name of its own, all letters,
/// since digits in a name do not make another query.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn cardinality(directory: &Path) -> Result<PathBuf> {
    fs::create_dir_all(directory)?;
    let path = directory.join("cardinality.stderr.log");
    if path.is_file() {
        return Ok(path);
    }
    let part = path.with_extension("part");
    let mut file = BufWriter::new(File::create(&part)?);
    for number in 0..SHAPES {
        let second = number / 1000;
        writeln!(
            file,
            "2026-11-22 02:{:02}:{:02}.{:03} UTC [{}]: user=app,db=shop,app=import,client=127.0.0.1 LOG:  \
             duration: {}.{:03} ms  statement: SELECT s.id, s.payload, s.created_at FROM staging_{} AS s \
             WHERE s.batch_id = {} AND s.state = 'ready' ORDER BY s.id LIMIT 100",
            second / 60,
            second % 60,
            number % 1000,
            4000 + number % 8,
            number % 3,
            number * 37 % 1000,
            letters(number),
            number,
        )?;
    }
    file.into_inner()?.sync_all()?;
    fs::rename(part, &path)?;
    Ok(path)
}

/// A number in letters, five of them for all below 26⁵.
fn letters(mut number: u32) -> String {
    let mut name = [b'a'; 5];
    for place in name.iter_mut().rev() {
        *place = b'a' + u8::try_from(number % 26).unwrap_or(0);
        number /= 26;
    }
    name.iter().copied().map(char::from).collect()
}
