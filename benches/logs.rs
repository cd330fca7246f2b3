//! What reading a log costs: time, set against `grep` on the same file, and memory.
//!
//! ```sh
//! cargo bench --bench logs -- [--share 1.0] [--runs 5] [--directory DIR] [--program PATH]
//! ```
//!
//! The logs are made by a server of this machine under pgbench, 230 MB of standard error at a share of 1, and kept in
//! `target/bench-logs` for the next run; a share of 0.02 makes small ones in seconds. Every round runs each variant once
//! and `grep -c duration` on each file, in turn, so that what else the machine does falls on all of them; figures are
//! medians of the rounds. Measures only: nothing is asserted about time.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program that measures: it prints, it reads clocks, and it ends where something fails"
)]

mod log_input;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How often a log is read through one pipe to see whether memory grows with it.
const FOLD: usize = 10;

struct Arguments {
    share: f64,
    runs: usize,
    directory: PathBuf,
    /// The build of the program to measure.
    program: String,
}

fn arguments() -> Result<Arguments> {
    let (mut share, mut runs, mut directory) = (1.0, 5, None);
    let mut program = env!("CARGO_BIN_EXE_pgassay").to_owned();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--share" => share = value()?.parse()?,
            "--runs" => runs = value()?.parse::<usize>()?.max(1),
            "--directory" => directory = Some(PathBuf::from(value()?)),
            "--program" => program = value()?,
            // what cargo itself adds
            "--bench" => {}
            _ => {
                return Err(format!("{word}: the options are --share S --runs N --directory DIR --program PATH").into());
            }
        }
    }
    if !(share > 0.0 && share <= 1.0) {
        return Err("--share has to lie above 0, at 1 at the most".into());
    }
    let directory = match directory {
        Some(directory) => directory,
        None => {
            let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("no target directory")?;
            let whole = target.join("bench-logs");
            if share < 1.0 { whole.join(format!("share-{share}")) } else { whole }
        }
    };
    Ok(Arguments { share, runs, directory, program })
}

/// What one run cost.
#[derive(Debug, Default, Clone, Copy)]
struct Cost {
    wall: f64,
    /// Seconds on a processor.
    processor: f64,
    /// The most memory it held, in MiB.
    peak: f64,
}

/// What is run, and how it is called.
struct Variant {
    name: String,
    /// The log that `grep` reads beside it.
    file: PathBuf,
    jobs: usize,
    /// How often the log is read through a pipe; 0 where it is named.
    piped: usize,
    /// What the issue asks for: at most so many times as long as `grep`.
    most: Option<f64>,
}

impl Variant {
    fn new(name: &str, file: &Path, jobs: usize, most: Option<f64>) -> Self {
        Self { name: format!("{name} --jobs {jobs}"), file: file.to_owned(), jobs, piped: 0, most }
    }

    /// The same log, so many times, through a pipe.
    fn piped(file: &Path, times: usize) -> Self {
        Self { piped: times, ..Self::new("stderr", file, 1, None) }
    }

    fn run(&self, program: &str, report: Option<&Path>) -> Result<Cost> {
        let mut command = Command::new(program);
        command.args(["logs", "--format", "json", "--exit-zero", "--jobs", &self.jobs.to_string()]);
        if let Some(path) = report {
            command.arg("-o").arg(path);
        }
        let feeder = if self.piped == 0 {
            command.arg(&self.file).stdin(Stdio::null());
            None
        } else {
            let files = std::iter::repeat_n(&self.file, self.piped);
            let mut cat = Command::new("cat").args(files).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
            command.arg("-").stdin(cat.stdout.take().ok_or("cat has no output")?);
            Some(cat)
        };
        let cost = cost(command.stdout(Stdio::null()));
        if let Some(mut cat) = feeder {
            cat.wait()?;
        }
        cost
    }
}

fn main() -> Result<()> {
    let arguments = arguments()?;
    let supervisor = env!("CARGO_BIN_EXE_pgassay");
    let made = Instant::now();
    let bench = log_input::bench(&arguments.directory, supervisor, arguments.share)?;
    let cardinality = log_input::cardinality(&arguments.directory)?;
    println!(
        "{} executions in {}, there in {:.0} s; {} rounds, medians",
        bench.executions,
        arguments.directory.display(),
        made.elapsed().as_secs_f64(),
        arguments.runs
    );
    println!("log_line_prefix \"{}\"\n", log_input::PREFIX);

    let mut variants = Vec::new();
    for (name, file, most) in [("stderr", &bench.stderr, 7.0), ("csv", &bench.csv, 9.0), ("json", &bench.json, 8.0)] {
        variants.push(Variant::new(name, file, 1, Some(most)));
        variants.push(Variant::new(name, file, 2, None));
    }
    let rounds = rounds(&variants, &arguments)?;
    times(&variants, &rounds)?;

    memory(&bench, &cardinality, &arguments)?;
    totals(&bench, &cardinality, &arguments)
}

/// The costs of every variant and of `grep` beside it.
struct Rounds {
    own: Vec<Vec<Cost>>,
    grep: Vec<Vec<Cost>>,
}

fn rounds(variants: &[Variant], arguments: &Arguments) -> Result<Rounds> {
    let mut rounds = Rounds { own: vec![Vec::new(); variants.len()], grep: vec![Vec::new(); variants.len()] };
    // the first one brings the files into memory
    for round in 0..=arguments.runs {
        for ((variant, own), greps) in variants.iter().zip(&mut rounds.own).zip(&mut rounds.grep) {
            let grep = grep(&variant.file)?;
            let cost = variant.run(&arguments.program, None)?;
            if round > 0 {
                greps.push(grep);
                own.push(cost);
            }
        }
    }
    Ok(rounds)
}

fn times(variants: &[Variant], rounds: &Rounds) -> Result<()> {
    println!(
        "{:<20} {:>7} {:>8} {:>9} {:>8} {:>8} {:>8} {:>9} {:>9}",
        "", "MB", "wall s", "own cpu s", "MB/s", "grep s", "of grep", "allowed", "peak MiB"
    );
    for ((variant, own), grep) in variants.iter().zip(&rounds.own).zip(&rounds.grep) {
        let (cost, grep) = (median(own), median(grep));
        let size = fs::metadata(&variant.file)?.len() as f64 / 1e6;
        println!(
            "{:<20} {size:>7.0} {:>8.3} {:>9.3} {:>8.0} {:>8.3} {:>7.2}x {:>9} {:>9.1}",
            variant.name,
            cost.wall,
            cost.processor,
            size / cost.wall,
            grep.wall,
            cost.wall / grep.wall,
            variant.most.map_or_else(String::new, |most| format!("{most}x")),
            cost.peak,
        );
    }
    println!();
    for pair in rounds.own.chunks_exact(2).zip(variants.chunks_exact(2)) {
        if let ([one, two], [variant, _]) = pair {
            let format = variant.name.split(' ').next().unwrap_or_default();
            println!(
                "{format}: two threads are {:.2}x as fast as one (1.7x wanted)",
                median(one).wall / median(two).wall
            );
        }
    }
    Ok(())
}

fn memory(bench: &log_input::Bench, cardinality: &Path, arguments: &Arguments) -> Result<()> {
    let peak = |variant: &Variant| variant.run(&arguments.program, None);
    let one = peak(&Variant::piped(&bench.stderr, 1))?;
    let many = peak(&Variant::piped(&bench.stderr, FOLD))?;
    println!("\n{:<28} {:>8} {:>9}  wanted", "", "wall s", "peak MiB");
    let row = |name: &str, cost: Cost, wanted: &str| {
        println!("{name:<28} {:>8.2} {:>9.1}  {wanted}", cost.wall, cost.peak);
    };
    row("stderr, piped", one, "64 MiB");
    row(&format!("stderr {FOLD} times, piped"), many, &format!("{:.1} MiB (10 % more)", one.peak * 1.1));
    for jobs in [1, 2] {
        let cost = peak(&Variant::new("", cardinality, jobs, None))?;
        row(&format!("{} shapes, --jobs {jobs}", log_input::SHAPES), cost, "200 MiB");
    }
    Ok(())
}

/// What was counted: everything, whatever the number of threads.
fn totals(bench: &log_input::Bench, cardinality: &Path, arguments: &Arguments) -> Result<()> {
    let path = arguments.directory.join("report.json");
    let report = |file: &Path, jobs: usize| -> Result<String> {
        Variant::new("", file, jobs, None).run(&arguments.program, Some(&path))?;
        let mut report: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        if let Some(report) = report.as_object_mut() {
            report.remove("generated_at");
        }
        Ok(report.to_string())
    };
    println!();
    let shapes = u64::from(log_input::SHAPES);
    for (name, file, expected) in [
        ("stderr", bench.stderr.as_path(), bench.executions),
        ("csv", &bench.csv, bench.executions),
        ("json", &bench.json, bench.executions),
        ("shapes", cardinality, shapes),
    ] {
        let (one, two) = (report(file, 1)?, report(file, 2)?);
        let parsed: Value = serde_json::from_str(&one)?;
        let counted = executions(&parsed).ok_or("the report has no number of executions")?;
        let same = if one == two { "the same with two threads" } else { "ANOTHER REPORT WITH TWO THREADS" };
        println!("{name}: {counted} of {expected} executions, {same}");
    }
    fs::remove_file(&path)?;
    Ok(())
}

/// The executions a report counts.
fn executions(report: &Value) -> Option<u64> {
    report.pointer("/coverage/executions")?.as_u64()
}

/// The run in the middle by wall time, with the highest peak of all.
fn median(costs: &[Cost]) -> Cost {
    let mut sorted = costs.to_vec();
    sorted.sort_by(|a, b| a.wall.total_cmp(&b.wall));
    let peak = sorted.iter().map(|cost| cost.peak).fold(0.0, f64::max);
    Cost { peak, ..sorted.get(sorted.len() / 2).copied().unwrap_or_default() }
}

/// What `grep` pays that only counts the lines. Into a pipe: where its output is /dev/null it stops at the first one.
fn grep(file: &Path) -> Result<Cost> {
    cost(Command::new("grep").args(["-c", "duration"]).arg(file).stdin(Stdio::null()).stdout(Stdio::piped()))
}

/// Runs a program once, in the C locale. What it prints has to fit into a pipe, or go elsewhere.
fn cost(command: &mut Command) -> Result<Cost> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).stderr(Stdio::inherit());
    let started = Instant::now();
    let mut child = command.spawn()?;
    let (peak, wall) = ended(&child, started)?;
    // not yet waited for, so its account is still there
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
    let after = stat.rsplit_once(") ").ok_or("/proc/…/stat is not as proc(5) has it")?.1;
    let ticks = after.split(' ').skip(11).take(2).map(str::parse::<f64>).sum::<std::result::Result<f64, _>>()?;
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("{command:?} ended with {status}").into());
    }
    Ok(Cost { wall, processor: ticks / 100.0, peak })
}

/// Waits until a program has ended. Its peak is read until then, and only ever rises.
fn ended(child: &Child, started: Instant) -> Result<(f64, f64)> {
    let pid = Pid::from_child(child);
    let read = || -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
    };
    let mut peak = 0.0_f64;
    while waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT)?.is_none() {
        peak = peak.max(read().unwrap_or(0.0));
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok((peak, started.elapsed().as_secs_f64()))
}
