//! What a verb is given: configuration, connections, stored snapshots, attestations, reviews.

use super::{Failure, output};
use crate::attest::Attestations;
use crate::checks::context::Review;
use crate::config::{self, Config, Environment, RuleInfo, Selector};
use crate::facts::{FORMAT, Snapshot};
use crate::pg::{ConnectError, Door, Limits, Target};
use crate::time::Timestamp;
use anyhow::{Context, anyhow};
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The flags of every verb that judges.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rules")]
pub(super) struct Rules {
    /// Use this configuration file in place of the nearest pgassay.toml
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,
    /// Run these rules or categories and no others; repeatable
    #[arg(long, value_name = "RULE|CATEGORY", value_delimiter = ',')]
    only: Vec<String>,
    /// Do not run these rules or categories; repeatable
    #[arg(long, value_name = "RULE|CATEGORY", value_delimiter = ',')]
    skip: Vec<String>,
}

/// The flags of every verb that reads a server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct Server {
    /// Where to connect: a URI, key=value pairs, or a database name; libpq's environment says the rest
    #[arg(value_name = "CONNINFO")]
    pub(super) conninfo: Option<String>,
    /// Read every database of the server that the role may enter
    #[arg(long)]
    pub(super) all_databases: bool,
    /// Connections to the server at most
    #[arg(long, value_name = "N", value_parser = connections)]
    pub(super) connections: Option<usize>,
    /// Cancel each query of the audit after this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) statement_timeout: Option<Duration>,
    /// What measuring may read and take, such as 2GiB,30s
    #[arg(long, value_name = "BYTES,TIME", value_parser = budget)]
    pub(super) measure_budget: Option<(u64, Duration)>,
    /// Plan statements to see how they read tables: on (not as a superuser), always, off
    #[arg(long, value_name = "WHEN", num_args = 0..=1, default_missing_value = "on", require_equals = true, value_parser = plans)]
    pub(super) plans: Option<config::Plans>,
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = config::seconds(text)?;
    Duration::try_from_secs_f64(seconds).map_err(|_| format!("\"{text}\" is no length of time"))
}

fn connections(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| (1..=100).contains(number)).ok_or_else(|| "has to be 1 to 100".to_owned())
}

fn budget(text: &str) -> Result<(u64, Duration), String> {
    let (bytes, time) = text.split_once(',').ok_or("has to be bytes and time, such as 2GiB,30s")?;
    Ok((config::bytes(bytes.trim())? as u64, duration(time.trim())?))
}

fn plans(text: &str) -> Result<config::Plans, String> {
    match config::Plans::from(text) {
        config::Plans::Other(_) => Err("has to be on, off or always".to_owned()),
        plans => Ok(plans),
    }
}

pub(super) fn timestamp(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text)
        .filter(|at| at.is_finite())
        .ok_or_else(|| "has to be a time such as 2026-11-22T02:30:00Z or a date".to_owned())
}

/// What the configuration has to know of the rules there are.
pub(super) fn rules() -> Vec<RuleInfo> {
    crate::rules::each().map(|rule| RuleInfo::new(rule.meta, rule.params)).collect()
}

/// "Now", for the head of a report and for what is not judged by a snapshot's own time.
pub(super) fn now() -> Timestamp {
    Timestamp::from_unix_micros(jiff::Timestamp::now().as_microsecond())
}

impl Rules {
    /// The configuration in effect: files, then these flags.
    pub(super) fn read(&self) -> Result<Config, Failure> {
        self.read_in(&std::env::current_dir().unwrap_or_default())
    }

    /// The same for paths: the nearest file is looked for from the folder that holds them all.
    pub(super) fn read_for(&self, paths: &[PathBuf]) -> Result<Config, Failure> {
        let here = std::env::current_dir().unwrap_or_default();
        let folder = |path: &PathBuf| match here.join(path) {
            _ if path.as_os_str() == "-" => here.clone(),
            whole if whole.is_dir() => whole,
            whole => whole.parent().map_or_else(|| here.clone(), Path::to_owned),
        };
        let common = paths.iter().map(folder).reduce(|a, b| {
            let both = a.components().zip(b.components()).take_while(|(one, other)| one == other);
            both.map(|(one, _)| one).collect()
        });
        self.read_in(&common.unwrap_or(here))
    }

    /// The same where the nearest file is looked for from a folder upwards.
    pub(super) fn read_in(&self, folder: &Path) -> Result<Config, Failure> {
        let known = rules();
        let environment = Environment {
            working_directory: folder.to_owned(),
            config_home: std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from),
            home: std::env::var_os("HOME").map(PathBuf::from),
            explicit: self.config.clone(),
        };
        let sources =
            config::discover(&environment, &|path: &Path| std::fs::read_to_string(path)).map_err(Failure::usage)?;
        let mut config = Config::read(&sources, &known).map_err(Failure::usage)?;
        let selectors = |flag: &str, words: &[String]| {
            let parsed = (!words.is_empty()).then(|| Selector::parse(words, &known)).transpose();
            parsed.map_err(|error| Failure::usage(anyhow!("--{flag}: {error}")))
        };
        config.only.flag("--only", selectors("only", &self.only)?);
        config.skip.flag("--skip", selectors("skip", &self.skip)?);
        Ok(config)
    }
}

impl Server {
    /// Enters the flags into the configuration.
    pub(super) fn configure(&self, config: &mut Config) {
        let audit = &mut config.audit;
        audit.connections.flag("--connections", self.connections);
        audit.statement_timeout.flag("--statement-timeout", self.statement_timeout);
        audit.measure_budget_bytes.flag("--measure-budget", self.measure_budget.map(|(bytes, _)| bytes));
        audit.measure_budget_time.flag("--measure-budget", self.measure_budget.map(|(_, time)| time));
        audit.plans.flag("--plans", self.plans.clone());
        audit.all_databases.flag("--all-databases", self.all_databases.then_some(true));
    }
}

/// Opens the door to a server.
pub(super) async fn connect(conninfo: Option<&str>, config: &Config) -> Result<Door, Failure> {
    let environment = crate::pg::Environment::from_process();
    let target = Target::resolve(conninfo, &environment).map_err(|error| refuse(error.into()))?;
    for warning in target.warnings() {
        output::say(&format!("pgassay: warning: {warning}"));
    }
    let limits = Limits {
        connections: config.audit.connections.value,
        statement_timeout: config.audit.statement_timeout.value,
        ..Limits::default()
    };
    Door::open(target, limits).await.map_err(refuse)
}

fn refuse(error: ConnectError) -> Failure {
    if error.is_usage() { Failure::usage(error) } else { Failure::incomplete(error) }
}

/// A stored snapshot, and the SHA-256 of its bytes.
pub(super) fn snapshot(path: &Path) -> Result<(Snapshot, String), Failure> {
    let read = || -> anyhow::Result<(Snapshot, String)> {
        let bytes = match path.as_os_str() == "-" {
            true => {
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes).map(|_| bytes)
            }
            false => std::fs::read(path),
        };
        let bytes = bytes.with_context(|| format!("cannot read the snapshot {}", path.display()))?;
        let foreign =
            || format!("{} is no snapshot of pgassay: make one with `pgassay snapshot -o FILE`", path.display());
        // a look at the head first; the whole as a tree of values would be many times its size
        let head: Head = serde_json::from_slice(&bytes).with_context(foreign)?;
        match head.format.as_ref().and_then(serde_json::Value::as_u64) {
            _ if head.captured_at.is_none() || head.server.is_none() => return Err(anyhow!(foreign())),
            Some(format) if format <= u64::from(FORMAT) => {}
            Some(format) => {
                return Err(anyhow!(
                    "{} has the snapshot format {format}, this version reads up to {FORMAT}: use a newer pgassay",
                    path.display()
                ));
            }
            None => return Err(anyhow!(foreign())),
        }
        let snapshot =
            serde_json::from_slice(&bytes).with_context(|| format!("the snapshot {} is damaged", path.display()))?;
        Ok((snapshot, crate::hash::sha256(&bytes)))
    };
    read().map_err(Failure::usage)
}

/// What tells a snapshot from any other file.
#[derive(serde::Deserialize)]
struct Head {
    format: Option<serde_json::Value>,
    captured_at: Option<serde::de::IgnoredAny>,
    server: Option<serde::de::IgnoredAny>,
}

/// Writes a snapshot to a file, or to standard output where the path is `-`, and returns the SHA-256 of its bytes.
pub(super) fn store(snapshot: &Snapshot, path: &Path) -> Result<String, Failure> {
    // written as it is made: in memory its text would be as large as the facts themselves
    let mut sum = crate::hash::Running::default();
    let mut write = |out: &mut dyn Write| {
        let mut out = std::io::BufWriter::with_capacity(1 << 16, sum.over(out));
        serde_json::to_writer(&mut out, snapshot)?;
        out.write_all(b"\n")?;
        out.flush()
    };
    if path.as_os_str() == "-" {
        output::to_stdout(write)?;
    } else {
        output::to_file(path, &mut write)?;
    }
    Ok(sum.digits())
}

/// What people said, from a file; nothing where none is given.
pub(super) fn attestations(path: Option<&Path>, at: Timestamp) -> Result<Attestations, Failure> {
    let Some(path) = path else { return Ok(Attestations::default()) };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the attestations {}", path.display()))
        .map_err(Failure::usage)?;
    let beside = path.parent().unwrap_or(Path::new("")).to_owned();
    let read = |evidence: &str| std::fs::read(beside.join(evidence)).map_err(|error| error.to_string());
    let items = crate::checklist::ids();
    Attestations::parse(&path.display().to_string(), &text, &items, at, &read).map_err(Failure::usage)
}

/// The review register: every `*.toml` of a directory, in order of name. A directory that does not exist is an empty one,
/// unless somebody named it.
pub(super) fn reviews(directory: &Path, named: bool) -> Result<Vec<Review>, Failure> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => return Ok(Vec::new()),
        Err(error) => {
            let error =
                anyhow::Error::new(error).context(format!("cannot read the reviews in {}", directory.display()));
            return Err(Failure::usage(error));
        }
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let mut texts = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read the reviews {}", path.display()))
            .map_err(Failure::usage)?;
        texts.push((path.display().to_string(), text));
    }
    let texts = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    crate::reviews::parse(texts).map_err(Failure::usage)
}
