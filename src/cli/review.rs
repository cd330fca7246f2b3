//! `pgassay review`: migrations become a report, without any database, or beside a scratch one.

use super::input::{self, Rules};
use super::{Exit, Failure, live, output};
use crate::assess::review::{self as assess, Severities, Traced};
use crate::attest::Attestations;
use crate::collect::{Stop, collect};
use crate::config::{self, Config, RUNNERS};
use crate::facts::Snapshot;
use crate::finding::Finding;
use crate::migrations::load::{self, Loaded};
use crate::migrations::project::{Options, Project};
use crate::migrations::replay::{Replayed, replay};
use crate::migrations::runner::Runner;
use crate::migrations::seed::snapshot::from_snapshot;
use crate::migrations::source::gather::gather;
use crate::migrations::source::since::changed_since;
use crate::migrations::source::{Fault, Gathered};
use crate::migrations::trace::{Bench, trace};
use crate::migrations::{fix, rules, statement};
use crate::pg::Target;
use crate::report::{Note, Report};
use crate::rule::{Params, Severity};
use crate::scratch::{self, Scratch};
use crate::time::Timestamp;
use anyhow::{Context, anyhow};
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

/// `pgassay review`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Migrations: files, directories, - for standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    migrations: Migrations,
    /// Report only on files that were added or changed since the branch left this commit; the others are replayed
    #[arg(long, value_name = "REF")]
    since: Option<String>,
    /// Accept what an earlier report (--format json) found, or the keys in a file, one a line
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Look at matters of opinion too
    #[arg(long)]
    pedantic: bool,
    /// Run the migrations on a throw-away PostgreSQL, and compare
    #[arg(long)]
    trace: bool,
    /// Run them on this scratch database instead; it must have no tables
    #[arg(long, value_name = "CONNINFO", conflicts_with = "trace")]
    trace_url: Option<String>,
    /// Empty the scratch database of this name first: everything in it is dropped
    #[arg(long, value_name = "DATABASE", requires = "trace_url")]
    trace_reset: Option<String>,
    /// Apply the safe rewrites that only change text
    #[arg(long)]
    fix: bool,
    /// Print what --fix would change, as a diff, in place of a report
    #[arg(long)]
    diff: bool,
    /// What people attest about items no migration can answer
    #[arg(long, value_name = "FILE")]
    attestations: Option<PathBuf>,
    #[command(flatten)]
    rules: Rules,
    #[command(flatten)]
    output: output::Output,
}

/// What is told of migrations, wherever they are read.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Migrations")]
pub(super) struct Migrations {
    /// What runs them; found by looking at the folder where it is not given
    #[arg(long, value_name = "RUNNER", value_parser = runner)]
    runner: Option<Runner>,
    /// The major version of PostgreSQL they will run on
    #[arg(long, value_name = "MAJOR", value_parser = clap::value_parser!(u16).range(14..=18))]
    pg_version: Option<u16>,
    /// What is there before the first of them: the output of pg_dump --schema-only
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Sizes and writes from a stored snapshot; without --schema also what is there, as far as it tells
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// The same from a server, which is only read
    #[arg(long, value_name = "CONNINFO", conflicts_with = "snapshot")]
    url: Option<String>,
    /// The database of the snapshot, where it has several
    #[arg(long, value_name = "DATABASE")]
    database: Option<String>,
}

fn runner(name: &str) -> Result<Runner, String> {
    Runner::parse(name).ok_or_else(|| {
        let near = config::suggestion(name, RUNNERS.iter().copied());
        format!("the runners are {}{near}", RUNNERS.join(", "))
    })
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let mut config = arguments.rules.read_for(&arguments.paths)?;
    config.review.pedantic.flag("--pedantic", arguments.pedantic.then_some(true));
    if config.fail_on.value.is_none() {
        let medium = config::Gate::from_severity(Severity::Medium);
        config.fail_on = config::Setting::default(Some(medium));
    }
    arguments.output.check(&config)?;
    let baseline = arguments.baseline.as_deref().map(keys).transpose()?;
    let attestations = input::attestations(arguments.attestations.as_deref(), input::now())?;
    let mut gathered = read(&arguments.paths)?;
    if let Some(reference) = &arguments.since {
        narrow(&mut gathered, reference)?;
    }
    exclude(&mut gathered, &config);
    let mut exit = Exit::Clean;
    let mut notes = Vec::new();
    for Fault { path, message } in &gathered.faults {
        // told at once, and in the report: the others are reviewed
        output::say(&format!("pgassay: {path}: {message}"));
        notes.push(Note { text: format!("{path}: {message}"), warning: true });
        exit = exit.and(Exit::Usage);
    }
    let mut material = material(&arguments.migrations, &config, gathered)?;
    notes.append(&mut material.notes);
    material.project.options.since = arguments.since.is_some();
    let enabled = assess::enabled(&config);
    let target = arguments.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
    let severities = severities(&material.project, &config, &arguments.rules)?;
    let made = statement::with_parser(|| {
        let replayed = replay(&material.project, &enabled);
        let traced = match (arguments.trace, arguments.trace_url.as_deref()) {
            (false, None) => None,
            (_, url) => Some(traced(&replayed, url, arguments.trace_reset.as_deref(), &material)?),
        };
        let given = assess::Given {
            replayed: &replayed,
            traced: traced.as_ref(),
            config: &config,
            severities: &severities,
            attestations: &attestations,
            baseline: baseline.as_ref(),
            target: &target,
            generated_at: input::now(),
            sizes: material.sizes.clone(),
        };
        let mut report = assess::report(&given, std::mem::take(&mut notes));
        fix::add_edits(&replayed, &mut report.findings);
        Ok::<Report, Failure>(report)
    });
    let report = made?;
    if arguments.diff || arguments.fix {
        return change(arguments, &material.project, &report, &config).map(|own| own.and(exit));
    }
    Ok(exit.and(arguments.output.write(&report, &config)?))
}

/// Migrations that were judged beside a server.
pub(super) struct Reviewed {
    pub(super) judged: assess::Judged,
    pub(super) notes: Vec<Note>,
    pub(super) exit: Exit,
}

/// Reviews migrations for the server of a snapshot: its version, its schema, the sizes of its tables.
pub(super) fn judged(
    paths: &[PathBuf],
    config: &Config,
    snapshot: &Snapshot,
    at: Timestamp,
) -> Result<Reviewed, Failure> {
    let gathered = read(paths)?;
    let mut exit = Exit::Clean;
    let mut notes = Vec::new();
    for Fault { path, message } in &gathered.faults {
        notes.push(Note { text: format!("{path}: {message}"), warning: true });
        exit = exit.and(Exit::Usage);
    }
    let material = beside(snapshot, config, gathered)?;
    notes.extend(material.notes);
    let enabled = assess::enabled(config);
    let judged = statement::with_parser(|| {
        let replayed = replay(&material.project, &enabled);
        assess::judge(&assess::Given {
            replayed: &replayed,
            traced: None,
            config,
            severities: &Severities::default(),
            attestations: &Attestations::default(),
            baseline: None,
            target: "",
            generated_at: at,
            sizes: material.sizes.clone(),
        })
    });
    notes.extend(judged.notes.iter().cloned());
    Ok(Reviewed { judged, notes, exit })
}

/// The migrations of a folder are those that made the schema of a server, and perhaps some more: they are replayed from the
/// beginning, and what the server says of sizes is laid over what they make.
fn beside(snapshot: &Snapshot, config: &Config, gathered: Gathered) -> Result<Material, Failure> {
    let told = Migrations::default();
    let mut material = material(&told, config, gathered)?;
    if let Ok(database) = database(snapshot, None) {
        let seed = statement::with_parser(|| from_snapshot(snapshot, Some(&database)));
        let known = seed.relations().filter_map(|one| Some((one.name.clone(), one.statistics.clone()?)));
        material.project.sizes = known.collect();
        material.sizes = Some(format!("{} at {}", snapshot.target, snapshot.captured_at));
    }
    let number = snapshot.server.server.ok().map(|server| server.version_number / 10_000);
    if let Some(major) = number.and_then(|major| u16::try_from(major).ok()) {
        material.project.options.major = major.clamp(config::OLDEST, config::NEWEST);
    }
    Ok(material)
}

/// Everything a review begins with, read.
pub(super) struct Material {
    pub(super) project: Project,
    pub(super) notes: Vec<Note>,
    pub(super) sizes: Option<String>,
    /// The statements of a dump, for a trace to begin with.
    dump: Vec<String>,
    /// Whether the seed is one that no SQL can make again.
    is_of_server: bool,
}

/// Reads what the command line names.
pub(super) fn read(paths: &[PathBuf]) -> Result<Gathered, Failure> {
    let standard_input = match paths.iter().any(|path| path.as_os_str() == "-") {
        true => {
            let mut bytes = Vec::new();
            std::io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .context("cannot read standard input")
                .map_err(Failure::usage)?;
            Some(bytes)
        }
        false => None,
    };
    let gathered = gather(paths, standard_input);
    if gathered.files.is_empty() {
        for foreign in &gathered.foreign {
            output::say(&format!(
                "pgassay: {} holds {} migrations of {}, which are no SQL; review what they send:\n  {}",
                foreign.path, foreign.count, foreign.tool, foreign.command
            ));
        }
        let why = match gathered.faults.first() {
            Some(fault) => format!("{}: {}", fault.path, fault.message),
            None => "there is no SQL to review".to_owned(),
        };
        return Err(Failure::usage(anyhow!(why)));
    }
    Ok(gathered)
}

/// From files to a project: with the schema it begins with, as far as anything says one.
pub(super) fn material(told: &Migrations, config: &Config, gathered: Gathered) -> Result<Material, Failure> {
    let review = &config.review;
    let mut notes = Vec::new();
    for note in &gathered.notes {
        notes.push(Note { text: format!("{}: {}", note.path, note.message), warning: false });
    }
    for foreign in &gathered.foreign {
        let text = format!(
            "{} holds {} migrations of {} that are no SQL and were not reviewed: {}",
            foreign.path, foreign.count, foreign.tool, foreign.command
        );
        notes.push(Note { text, warning: true });
    }
    let schema = told.schema.clone().or_else(|| review.schema.value.clone());
    let snapshot = match (&told.snapshot, &told.url) {
        (Some(path), _) => {
            let (snapshot, _) = input::snapshot(path)?;
            let name = format!("the snapshot {} of {}", path.display(), snapshot.captured_at);
            Some((snapshot, name))
        }
        (None, Some(url)) => {
            let snapshot = ask(url, config)?;
            let name = format!("{} at {}", snapshot.target, snapshot.captured_at);
            Some((snapshot, name))
        }
        (None, None) => None,
    };
    let (major, major_because) = major(told, config, snapshot.as_ref());
    let options = Options {
        major,
        major_because,
        params: params(config),
        runner_sets_lock_timeout: review.runner_lock_timeout.value.is_some(),
        runner_sets_statement_timeout: review.runner_statement_timeout.value.is_some(),
        timezone: review.timezone.value.clone(),
        require_down: review.require_down.value,
        since: false,
    };
    let mut seed = None;
    let mut dump = Vec::new();
    let mut sizes = None;
    if let Some(path) = &schema {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read the schema {}", path.display()));
        let bytes = bytes.map_err(Failure::usage)?;
        let decoded = crate::migrations::source::decode(bytes)
            .map_err(|error| Failure::usage(anyhow!("the schema {} {error}", path.display())))?;
        let read = statement::with_parser(|| load::dump(&path.display().to_string(), &decoded.text, major));
        notes.extend(read.notes);
        dump = read.statements;
        seed = Some(read.catalog);
    }
    let is_of_server = snapshot.is_some() && seed.is_none();
    let mut known = BTreeMap::new();
    if let Some((snapshot, name)) = &snapshot {
        let database = database(snapshot, told.database.as_deref())?;
        let of_server = statement::with_parser(|| from_snapshot(snapshot, Some(&database)));
        seed = Some(match seed {
            // a dump knows more of what is there, and nothing of its size
            Some(mut dumped) => {
                for relation in of_server.relations() {
                    if let Some(statistics) = &relation.statistics {
                        dumped.set_statistics(&relation.name, statistics.clone());
                        // of one that the migrations make after the dump
                        known.insert(relation.name.clone(), statistics.clone());
                    }
                }
                dumped
            }
            None => of_server,
        });
        sizes = Some(name.clone());
    }
    let configured = review.runner.value.as_deref().and_then(Runner::parse);
    let forced = told.runner.or(configured);
    let loaded = statement::with_parser(|| load::project(gathered, forced, options, seed.unwrap_or_default()));
    let Loaded { mut project, notes: more } = loaded;
    project.sizes.extend(known);
    notes.extend(more);
    Ok(Material { project, notes, sizes, dump, is_of_server })
}

fn major(told: &Migrations, config: &Config, snapshot: Option<&(Snapshot, String)>) -> (u16, String) {
    if let Some(major) = told.pg_version {
        return (major, "--pg-version".to_owned());
    }
    let of_server = snapshot.and_then(|(snapshot, name)| {
        let number = snapshot.server.server.ok()?.version_number;
        let major = u16::try_from(number / 10_000).ok()?;
        Some((major.clamp(config::OLDEST, config::NEWEST), format!("as {name} says")))
    });
    of_server
        .or_else(|| config.review.pg_version.value.map(|major| (major, "as configured".to_owned())))
        .unwrap_or((config::NEWEST, "the newest this version knows; --pg-version says another".to_owned()))
}

fn database(snapshot: &Snapshot, wanted: Option<&str>) -> Result<String, Failure> {
    let names: Vec<&str> = snapshot.databases.iter().map(|database| database.name.as_str()).collect();
    match (wanted, names.as_slice()) {
        (Some(wanted), names) if names.contains(&wanted) => Ok(wanted.to_owned()),
        (Some(wanted), _) => {
            Err(Failure::usage(anyhow!("the snapshot has no database {wanted}: {}", names.join(", "))))
        }
        (None, [one]) => Ok((*one).to_owned()),
        (None, []) => Err(Failure::usage(anyhow!("the snapshot has no database"))),
        (None, names) => {
            Err(Failure::usage(anyhow!("say with --database which of these is migrated: {}", names.join(", "))))
        }
    }
}

/// Reads a server as an audit would.
fn ask(url: &str, config: &Config) -> Result<Snapshot, Failure> {
    let runtime = live::runtime()?;
    runtime.block_on(async {
        let door = input::connect(Some(url), config).await?;
        let (_stopper, stop) = Stop::new();
        let read = collect(&door, live::databases(config), &stop).await.map_err(Failure::incomplete);
        door.close().await;
        read.map(|(snapshot, _)| snapshot)
    })
}

fn params(config: &Config) -> Params {
    let mut params = Params::default();
    for (rule, configured) in &config.rules {
        for (param, value) in &configured.params {
            params.set(rule, param, value.value);
        }
    }
    params
}

/// Only what the branch adds or changes is reported on.
fn narrow(gathered: &mut Gathered, reference: &str) -> Result<(), Failure> {
    let here = std::env::current_dir().context("the working directory is gone").map_err(Failure::usage)?;
    let first = gathered.files.iter().map(|file| here.join(&file.path)).next().unwrap_or_else(|| here.clone());
    let folder = first.parent().unwrap_or(&here).to_owned();
    let changed = changed_since(&folder, reference).map_err(|error| Failure::usage(anyhow!("--since: {error}")))?;
    let resolved: BTreeSet<PathBuf> = changed.into_iter().map(|path| path.canonicalize().unwrap_or(path)).collect();
    gathered.review_only(|path| {
        let whole = here.join(path);
        resolved.contains(&whole.canonicalize().unwrap_or(whole))
    });
    Ok(())
}

fn exclude(gathered: &mut Gathered, config: &Config) {
    let patterns = &config.review.exclude.value;
    if !patterns.is_empty() {
        gathered.review_only(|path| !patterns.iter().any(|pattern| pattern.matches(path)));
    }
}

/// The keys of an earlier report, or of a list.
fn keys(path: &Path) -> Result<BTreeSet<String>, Failure> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the baseline {}", path.display()))
        .map_err(Failure::usage)?;
    if text.trim_start().starts_with('{') {
        let report: Report = serde_json::from_str(&text)
            .with_context(|| format!("{} is no report of pgassay: make one with --format json", path.display()))
            .map_err(Failure::usage)?;
        let accepted = report.suppressed.into_iter().map(|one| one.finding.key);
        return Ok(report.findings.into_iter().map(|finding| finding.key).chain(accepted).collect());
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

/// What configurations in folders of the migrations say of rules, where they are nearer to a file than the run's own.
fn severities(project: &Project, own: &Config, flags: &Rules) -> Result<Severities, Failure> {
    let mut severities = Severities::default();
    if flags.config.is_some() {
        return Ok(severities);
    }
    let here = std::env::current_dir().unwrap_or_default();
    let mut by_folder: BTreeMap<PathBuf, Option<Config>> = BTreeMap::new();
    for file in project.files.iter().filter(|file| file.is_reviewed) {
        let folder = here.join(&file.path).parent().map(Path::to_owned).unwrap_or_default();
        if !by_folder.contains_key(&folder) {
            let config = flags.read_in(&folder)?;
            let is_own = config.files == own.files;
            by_folder.insert(folder.clone(), (!is_own).then_some(config));
        }
        let Some(Some(config)) = by_folder.get(&folder) else { continue };
        for rule in rules::ALL {
            let id = rule.meta.id;
            let said = match (config.is_enabled(id, &rule.meta.category), config.severity_override(id)) {
                (false, _) => None,
                (true, Some(severity)) => Some(severity.clone()),
                (true, None) => continue,
            };
            severities.of.insert((file.path.clone(), id.to_owned()), said);
        }
    }
    Ok(severities)
}

/// Runs the migrations on a scratch server.
fn traced(
    replayed: &Replayed<'_>,
    url: Option<&str>,
    reset: Option<&str>,
    material: &Material,
) -> Result<Traced, Failure> {
    if material.is_of_server {
        return Err(Failure::usage(anyhow!(
            "a trace needs what is there before as SQL: add --schema with the output of pg_dump --schema-only"
        )));
    }
    let project = replayed.project;
    let runtime = live::runtime()?;
    let (server, target, name) = match url {
        Some(url) => {
            let environment = crate::pg::Environment::from_process();
            let target = Target::resolve(Some(url), &environment).map_err(Failure::usage)?;
            (None, target, "the scratch database".to_owned())
        }
        None => {
            let installed = scratch::find_binaries(&[]);
            let distance = |major: u16| major.abs_diff(project.options.major);
            let binaries = installed.into_iter().min_by_key(|one| distance(one.major)).ok_or_else(|| {
                Failure::usage(anyhow!("no PostgreSQL server is installed here: --trace-url names a scratch database"))
            })?;
            let name = match binaries.major == project.options.major {
                true => format!("a throw-away PostgreSQL {}", binaries.version),
                false => format!(
                    "a throw-away PostgreSQL {}, the nearest to {} that is installed here",
                    binaries.version, project.options.major
                ),
            };
            let server = Scratch::start(scratch::Options::new(binaries)).map_err(Failure::incomplete)?;
            let environment = crate::pg::Environment::empty();
            let target = Target::resolve(Some(&server.url("postgres")), &environment).map_err(Failure::fault)?;
            (Some(server), target, name)
        }
    };
    let database = target.database().to_owned();
    let seen = runtime.block_on(async {
        let mut bench = Bench::open(target).await.map_err(Failure::incomplete)?;
        let version = bench.version().await.unwrap_or_default();
        let name = if server.is_some() { name } else { format!("{name} {database}, PostgreSQL {version}") };
        if server.is_none() {
            match reset {
                Some(reset) if reset == database => {
                    let emptied = bench.reset().await;
                    emptied.map_err(|refused| {
                        Failure::incomplete(anyhow!("{database} cannot be emptied: {}", refused.message))
                    })?;
                }
                Some(reset) => {
                    return Err(Failure::usage(anyhow!("--trace-reset names {reset}, --trace-url {database}")));
                }
                None => {
                    let tables = bench.tables().await;
                    let tables = tables.map_err(|refused| Failure::incomplete(anyhow!("{}", refused.message)))?;
                    if let Some(first) = tables.first() {
                        return Err(Failure::usage(anyhow!(
                            "{database} is no scratch database: it has {} relations, {first} among them; \
                             --trace-reset {database} drops everything in it",
                            tables.len()
                        )));
                    }
                }
            }
        }
        let failed = bench.prepare(material.dump.iter().map(String::as_str)).await;
        let seen = tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => None,
            seen = trace(replayed, &mut bench) => Some(seen),
        };
        bench.close().await;
        Ok::<_, Failure>(seen.map(|seen| (seen, name, failed)))
    })?;
    if let Some(server) = server {
        server.stop().map_err(Failure::incomplete)?;
    }
    let Some((mut seen, name, failed)) = seen else {
        return Err(Failure::interrupted(anyhow!("the trace was interrupted")));
    };
    seen.remarks.extend(failed.into_iter().map(|text| format!("the schema: {text}")));
    let place = |script: usize, number: usize| {
        let own = project.scripts.get(script);
        let file = own.and_then(|own| project.files.get(own.file));
        match (own.and_then(|own| own.statements.get(number)), file) {
            (Some(statement), Some(file)) => format!("{}:{}", file.path, file.line_column(statement.span.start).0),
            _ => String::new(),
        }
    };
    let findings = rules::irreversible(project, &seen.irreversible);
    Ok(Traced {
        trace: seen.summary(name, place),
        statements: seen.statements.into_iter().map(|(at, one)| (at, (one.effects, one.verification))).collect(),
        findings,
    })
}

/// Prints what changing text would repair, or changes it.
fn change(arguments: &Arguments, project: &Project, report: &Report, config: &Config) -> Result<Exit, Failure> {
    let fixed = fix::apply(project, &report.findings);
    if arguments.diff {
        let texts: Vec<String> = fixed.iter().map(fix::Fixed::diff).collect();
        output::print(&texts.concat())?;
    } else {
        for one in &fixed {
            if one.path == "-" {
                output::print(&one.text)?;
                continue;
            }
            output::to_file(Path::new(&one.path), |out| out.write_all(one.text.as_bytes()))?;
            output::say(&format!("pgassay: {}: {} changed", one.path, one.changes));
        }
        if fixed.is_empty() {
            output::say("pgassay: nothing that changing text alone would repair");
        }
    }
    let gate = arguments.output.gate(config)?;
    let left: Vec<Finding> = report.findings.iter().filter(|finding| finding.edits.is_empty()).cloned().collect();
    let found = if arguments.diff { gate.fails(&report.findings) } else { gate.fails(&left) };
    Ok(if found { Exit::Found } else { Exit::Clean })
}
