//! `pgassay logs`: logs, or stored workloads, become a report.

use super::input::{self, Rules};
use super::prove::Prover;
use super::{Exit, Failure, output};
use crate::assess;
use crate::config::{Config, Logs};
use crate::logs::aggregate::Told;
use crate::logs::compression::Compression;
use crate::logs::feed::FeedError;
use crate::logs::holds::Holds;
use crate::logs::interruptible::Interruptible;
use crate::logs::prefix::Prefix;
use crate::logs::select::Selection;
use crate::logs::workload::{SourceFile, Workload};
use crate::logs::{self, Options, Source, Unreadable, merge};
use crate::report::Note;
use crate::time::Timestamp;
use anyhow::{Context, anyhow};
use clap::Args;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// `pgassay logs`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Logs: files, directories, patterns, - for standard input, compressed or not; or workloads stored by --save
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    log: Log,
    /// Store what the logs came to: counts and normalised texts, never a value
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Queries and requests to list
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Prove each rewrite on a scratch or read-only database: run both forms on values of this log, and compare
    #[arg(long, requires = "url")]
    prove: bool,
    /// Where to prove it, in the search_path of the role, which may read the tables and is no superuser
    #[arg(long, value_name = "CONNINFO", requires = "prove")]
    url: Option<String>,
    /// What people attest about items no log can answer
    #[arg(long, value_name = "FILE")]
    attestations: Option<PathBuf>,
    #[command(flatten)]
    rules: Rules,
    #[command(flatten)]
    output: output::Output,
}

/// What is told of logs, wherever they are read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logs")]
pub(super) struct Log {
    /// The server's log_line_prefix; found by looking at the log where it is not given
    #[arg(long, value_name = "PREFIX", allow_hyphen_values = true)]
    prefix: Option<String>,
    /// The zone of times whose abbreviation does not tell it: a name such as Asia/Kolkata
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Leave out what was logged before
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    from: Option<Timestamp>,
    /// Leave out what was logged at this time or later
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    to: Option<Timestamp>,
    /// Only these databases; * and ? stand for any characters
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    database: Vec<String>,
    /// Only these roles
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    user: Vec<String>,
    /// Only these values of application_name
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    app: Vec<String>,
    /// What log_min_duration_statement was while it was logged
    #[arg(long, value_name = "TIME", value_parser = milliseconds)]
    min_duration: Option<Duration>,
    /// What log_statement_sample_rate was
    #[arg(long, value_name = "RATE", value_parser = rate)]
    sample_rate: Option<f64>,
    /// What log_transaction_sample_rate was
    #[arg(long, value_name = "RATE", value_parser = rate)]
    transaction_sample_rate: Option<f64>,
    /// Clients share server connections, as behind PgBouncer: only transactions and traces bound a request
    #[arg(long)]
    pooled: bool,
    /// Threads; as many as there are processors where it is not given
    #[arg(long, short, value_name = "N", value_parser = jobs)]
    jobs: Option<usize>,
}

/// A length of time; a number alone is milliseconds, as the setting takes it.
fn milliseconds(text: &str) -> Result<Duration, String> {
    match text.trim().parse::<u64>() {
        Ok(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        Err(_) => input::duration(text),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "has to be a number above 0, 1 at the most".to_owned())?;
    if rate > 0.0 && rate <= 1.0 { Ok(rate) } else { Err("has to lie above 0, at 1 at the most".to_owned()) }
}

fn jobs(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|jobs| (1..=256).contains(jobs)).ok_or_else(|| "has to be 1 to 256".to_owned())
}

impl Log {
    /// The first flag that is given.
    pub(super) fn flag(&self) -> Option<&'static str> {
        let given = [
            ("--prefix", self.prefix.is_some()),
            ("--timezone", self.timezone.is_some()),
            ("--from", self.from.is_some()),
            ("--to", self.to.is_some()),
            ("--database", !self.database.is_empty()),
            ("--user", !self.user.is_empty()),
            ("--app", !self.app.is_empty()),
            ("--min-duration", self.min_duration.is_some()),
            ("--sample-rate", self.sample_rate.is_some()),
            ("--transaction-sample-rate", self.transaction_sample_rate.is_some()),
            ("--pooled", self.pooled),
            ("--jobs", self.jobs.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
    }

    /// From when to when the logs count, as far as it is said.
    pub(super) fn time_range(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.from, self.to)
    }

    /// The same with a first and a last time, where none is given.
    pub(super) fn within(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        Self { from: self.from.or(from), to: self.to.or(to), ..self.clone() }
    }

    fn options(&self, config: &Logs) -> Result<Options, Failure> {
        let prefix = self.prefix.as_deref().or(config.prefix.value.as_deref()).map(Prefix::compile).transpose();
        let prefix = prefix.map_err(|error| Failure::usage(anyhow!("--prefix: {error}")))?;
        let zone =
            self.timezone.as_deref().or(config.timezone.value.as_deref()).map(jiff::tz::TimeZone::get).transpose();
        let zone = zone.map_err(|error| Failure::usage(anyhow!("--timezone: {error}")))?;
        Ok(Options {
            prefix,
            zone,
            selection: Selection {
                from: self.from.map(Timestamp::unix_micros),
                to: self.to.map(Timestamp::unix_micros),
                databases: self.database.clone(),
                users: self.user.clone(),
                applications: self.app.clone(),
            },
            told: Told {
                threshold: self
                    .min_duration
                    .or(config.min_duration.value)
                    .map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)),
                sample_rate: self.sample_rate.filter(|rate| *rate < 1.0),
                transaction_sample_rate: self.transaction_sample_rate.filter(|rate| *rate < 1.0),
                is_pooled: self.pooled || config.pooled.value,
                filters: Vec::new(),
            },
            holds: false,
            jobs: self.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        })
    }
}

/// A workload, however it was come by.
pub(super) struct Material {
    pub(super) workload: Workload,
    pub(super) notes: Vec<Note>,
    pub(super) exit: Exit,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let config = arguments.rules.read()?;
    arguments.output.check(&config)?;
    if let Some(path) = &arguments.save {
        output::check_writable(path)?;
    }
    refuse_what_is_too_late(arguments)?;
    let prover = arguments.url.as_deref().map(|url| Prover::connect(url, &config)).transpose()?;
    let material = read(&arguments.paths, &arguments.log, &config)?;
    let mut exit = material.exit;
    if let Some(path) = &arguments.save
        && let Err(failure) = store(&material.workload, path)
    {
        output::complain(&failure);
        exit = exit.and(failure.exit());
    }
    let now = input::now();
    let at = material.workload.to.unwrap_or(now);
    let attestations = input::attestations(arguments.attestations.as_deref(), at)?;
    let given = assess::logs::Given {
        workload: &material.workload,
        config: &config,
        attestations: &attestations,
        at,
        generated_at: now,
        top: arguments.top,
    };
    let mut report = assess::logs::report(&given, material.notes);
    if let Some(prover) = prover {
        let again = || again(&arguments.paths, &arguments.log, &config);
        exit = exit.and(prover.prove(&mut report, &material.workload, again)?);
    }
    Ok(exit.and(arguments.output.write(&report, &config)?))
}

/// Refuses what is said of logs where there are none: what is stored is counted, and cannot be narrowed or told of any more.
fn refuse_what_is_too_late(arguments: &Arguments) -> Result<(), Failure> {
    // how many threads there are is said of the machine
    let Some(flag) = arguments.log.flag().filter(|flag| *flag != "--jobs") else { return Ok(()) };
    for path in &arguments.paths {
        if stored(path)?.is_none() {
            return Ok(());
        }
    }
    Err(Failure::usage(anyhow!(
        "{flag} says something of logs, and what is named was read and stored already: say it then"
    )))
}

/// Refuses logs that are not there and flags that say nothing, before anything else is asked for.
pub(super) fn check(paths: &[PathBuf], log: &Log, config: &Config) -> Result<(), Failure> {
    log.options(&config.logs)?;
    let mut named = Vec::new();
    for path in paths {
        // what can be read once only is not looked into twice
        let is_special = path.as_os_str() == "-" || path.metadata().is_ok_and(|data| !data.is_file() && !data.is_dir());
        if !is_special && stored(path)?.is_none() {
            named.push(path.clone());
        }
    }
    if !named.is_empty() {
        logs::input::expand(&named).map_err(Failure::usage)?;
    }
    Ok(())
}

/// Reads logs and stored workloads.
pub(super) fn read(paths: &[PathBuf], log: &Log, config: &Config) -> Result<Material, Failure> {
    Ok(read_by(paths, &log.options(&config.logs)?)?.0)
}

/// The same, with every transaction of the logs; stored workloads have none.
pub(super) fn read_with_holds(
    paths: &[PathBuf],
    log: &Log,
    config: &Config,
) -> Result<(Material, Option<Holds>), Failure> {
    read_by(paths, &Options { holds: true, ..log.options(&config.logs)? })
}

fn read_by(paths: &[PathBuf], options: &Options) -> Result<(Material, Option<Holds>), Failure> {
    let mut workloads = Vec::new();
    let mut named = Vec::new();
    for path in paths {
        match stored(path)? {
            Some(workload) => workloads.push(workload),
            None => named.push(path.clone()),
        }
    }
    let mut notes = Vec::new();
    let mut exit = Exit::Clean;
    let mut holds = None;
    if !named.is_empty() {
        let expanded = logs::input::expand(&named).map_err(Failure::usage)?;
        let note = |warning| move |note: &logs::input::Note| Note { text: note.to_string(), warning };
        notes.extend(expanded.failed.iter().map(note(true)));
        notes.extend(expanded.skipped.iter().map(note(false)));
        if !expanded.failed.is_empty() {
            exit = Exit::Incomplete;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let files: Vec<Progress> = expanded.inputs.iter().map(Progress::new).collect();
        let sources = expanded.inputs.into_iter().zip(&files).map(|(input, file)| source(input, file, &stop)).collect();
        listen(&stop);
        let read = watched(&files, || logs::read(sources, options, &stop));
        let is_interrupted = stop.load(Ordering::Relaxed);
        let coverage = &read.workload.coverage;
        let is_nothing = coverage.entries == 0 && read.workload.other_programs.is_empty();
        if is_nothing && workloads.is_empty() && !is_interrupted {
            return Err(nothing(&read.unreadable, &read.workload));
        }
        let mut warnings: Vec<String> = read.unreadable.iter().map(told).collect();
        let has_failed = |name: &str| {
            let told = |source: &SourceFile| source.path == name && source.trouble.is_some();
            read.unreadable.iter().any(|one| one.name == name) || read.workload.sources.iter().any(told)
        };
        if !is_interrupted {
            warnings.extend(files.iter().filter(|file| !has_failed(&file.name)).filter_map(Progress::shrunk));
        }
        if !warnings.is_empty() || read.workload.sources.iter().any(|source| source.trouble.is_some()) {
            exit = exit.and(Exit::Incomplete);
        }
        if !read.unknown_zones.is_empty() {
            let zones: Vec<&str> = read.unknown_zones.iter().map(String::as_str).collect();
            let zones = zones.join(", ");
            warnings.push(format!("{zones} may be any zone: times were taken for UTC, say which with --timezone"));
        }
        notes.extend(warnings.into_iter().map(|text| Note { text, warning: true }));
        if is_interrupted {
            exit = Exit::Interrupted;
        }
        workloads.push(read.workload);
        holds = read.holds;
    }
    let merge::Merged { workload, notes: repeated } = merge::merge(workloads).map_err(Failure::usage)?;
    notes.extend(repeated);
    if workload.from.is_none() && workload.coverage.executions == 0 && !workload.logging.filters.is_empty() {
        let text = format!("nothing in the logs is left: {}", workload.logging.filters.join(", "));
        notes.push(Note { text, warning: true });
    }
    Ok((Material { workload, notes, exit }, holds))
}

/// How far a log was read.
struct Progress {
    name: String,
    /// Its bytes, where it is a regular file.
    size: Option<u64>,
    is_compressed: bool,
    read: Arc<AtomicU64>,
}

impl Progress {
    fn new(input: &logs::input::Input) -> Self {
        let is_compressed = input.compression != Compression::Plain;
        Self { name: input.name.clone(), size: input.size, is_compressed, read: Arc::default() }
    }

    /// What there is to say of a file that became shorter meanwhile.
    fn shrunk(&self) -> Option<String> {
        // behind compressed data there may be something that is not read
        let size = self.size.filter(|_| !self.is_compressed)?;
        let read = self.read.load(Ordering::Relaxed);
        (read < size).then(|| format!("{}: became shorter while it was read: {read} of its {size} bytes", self.name))
    }
}

/// The logs among these, to be read once more; what a pipe gave is gone.
fn again(paths: &[PathBuf], log: &Log, config: &Config) -> Result<(Vec<Source>, Options), Failure> {
    let options = log.options(&config.logs)?;
    let is_log = |path: &&PathBuf| path.as_os_str() != "-" && matches!(stored(path), Ok(None));
    let named: Vec<PathBuf> = paths.iter().filter(is_log).cloned().collect();
    let inputs = logs::input::expand(&named).map(|expanded| expanded.inputs).unwrap_or_default();
    let stop = Arc::default();
    let source = |input: logs::input::Input| {
        let progress = Progress::new(&input);
        source(input, &progress, &stop)
    };
    Ok((inputs.into_iter().filter(|input| input.size.is_some()).map(source).collect(), options))
}

/// A stored workload; none where a file is something else.
fn stored(path: &Path) -> Result<Option<Workload>, Failure> {
    // the beginning of a pipe would be lost
    if !path.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(None);
    }
    let mut head = [0; 64];
    let is_object =
        std::fs::File::open(path).and_then(|mut file| std::io::Read::read(&mut file, &mut head)).is_ok_and(|length| {
            // laid out by another program it is one too
            let head = head.iter().take(length).copied().filter(|byte| !byte.is_ascii_whitespace());
            head.take(merge::MAGIC.len()).eq(merge::MAGIC.bytes())
        });
    if !is_object {
        return Ok(None);
    }
    let read = || -> anyhow::Result<Workload> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read the workload {}", path.display()))?;
        merge::parse(&bytes).with_context(|| format!("cannot use the workload {}", path.display()))
    };
    read().map(Some).map_err(Failure::usage)
}

fn store(workload: &Workload, path: &Path) -> Result<(), Failure> {
    let write = |out: &mut dyn Write| {
        serde_json::to_writer(&mut *out, workload)?;
        out.write_all(b"\n")
    };
    if path.as_os_str() == "-" { output::to_stdout(write) } else { output::to_file(path, write) }
}

fn source(input: logs::input::Input, progress: &Progress, stop: &Arc<AtomicBool>) -> Source {
    let (read, stop) = (Arc::clone(&progress.read), Arc::clone(stop));
    Source {
        name: input.name.clone(),
        // logs of one set are one server's; processes of another may have the same numbers
        stream: crate::hash::number(input.set.as_bytes()),
        written: input.modified,
        until: input.until.clone(),
        open: Box::new(move || {
            let is_file = input.size.is_some();
            let open = move || input.open_counted(read).map(|(reader, _)| reader);
            if is_file { open() } else { Ok(Box::new(Interruptible::open(open, stop)?)) }
        }),
    }
}

/// Ctrl-C ends reading, not the report of what was read.
fn listen(stop: &Arc<AtomicBool>) {
    let stop = Arc::clone(stop);
    // where it cannot be listened for, it ends the program as ever
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let listening = std::thread::Builder::new().name("interrupt".into()).spawn(move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            stop.store(true, Ordering::Relaxed);
            // a second one does not wait
            if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
                #[expect(clippy::exit, reason = "asked twice, there is nothing left to say")]
                std::process::exit(130);
            }
        }
    });
    drop(listening);
}

/// Does work, with a line on a terminal's standard error that says how far it is, once it takes long.
fn watched<T: Send>(files: &[Progress], work: impl FnOnce() -> T + Send) -> T {
    if !std::io::stderr().is_terminal() {
        return work();
    }
    // of a pipe nobody knows how much there is
    let bytes = files.iter().map(|file| file.size).sum::<Option<u64>>().unwrap_or(0);
    std::thread::scope(|scope| {
        let (is_over, over) = std::sync::mpsc::channel::<()>();
        let working = scope.spawn(move || {
            let done = work();
            drop(is_over);
            done
        });
        let mut shown = false;
        let mut waited = 0;
        while over.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
            waited += 1;
            if waited < 10 {
                continue;
            }
            let done: u64 = files.iter().map(|file| file.read.load(Ordering::Relaxed)).sum();
            let text = match bytes {
                0 => format!("{} MB read", done / 1_000_000),
                // a log that is written to goes on
                bytes => {
                    let share = (done * 100 / bytes).min(100);
                    format!("{share:>3} %  {} of {} MB", done / 1_000_000, bytes / 1_000_000)
                }
            };
            drop(write!(std::io::stderr().lock(), "\r{text}\x1b[K"));
            shown = true;
        }
        if shown {
            drop(write!(std::io::stderr().lock(), "\r\x1b[K"));
        }
        match working.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Why a log could not be read, with its first lines where those tell: the user has the log and may see it, on standard
/// error only.
fn told(unreadable: &Unreadable) -> String {
    format!("{}: {}", unreadable.name, unreadable.error)
}

fn nothing(unreadable: &[Unreadable], workload: &Workload) -> Failure {
    let mut text = String::from("nothing in it is a PostgreSQL log");
    for one in unreadable.iter().take(5) {
        text.push_str(&format!("\n  {}", told(one)));
        if let FeedError::Nothing { first, .. } = &one.error {
            for line in first {
                text.push_str(&format!("\n    | {}", logs::mask::line(line)));
            }
        }
    }
    for source in workload.sources.iter().take(5) {
        let prefix = source.prefix.as_deref().map_or_else(String::new, |prefix| format!(" with prefix \"{prefix}\""));
        text.push_str(&format!("\n  {}: read as {}{prefix}", source.path, source.format));
    }
    for line in &workload.coverage.unread_samples {
        text.push_str(&format!("\n    line {} | {}", line.line, line.text));
    }
    Failure::usage(anyhow!(text))
}
