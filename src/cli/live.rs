//! A live run: connect, watch where that was asked for, read, measure, and read the standbys; each Ctrl-C ends one step.

use super::audit::Material;
use super::{Exit, Failure, input};
use crate::checks;
use crate::collect::{self, Databases, Stop};
use crate::config::{self, Config};
use crate::facts::index_pages::MINIMUM_BYTES;
use crate::facts::{Sample, Snapshot};
use crate::measure::{self, Budget, Plans};
use crate::pg::Door;
use crate::queries::aggregate;
use crate::report::Note;
use anyhow::anyhow;
use std::time::Duration;

/// What a live run is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) conninfo: Option<&'a str>,
    pub(super) watch: Option<Duration>,
    pub(super) replicas: &'a [String],
}

/// The runtime of a verb that connects: two threads do, the work is the server's.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(Failure::fault)
}

pub(super) fn databases(config: &Config) -> Databases {
    if config.audit.all_databases.value { Databases::All } else { Databases::Connected }
}

/// What Ctrl-C ends: the watch first, then the reading, then the program.
struct Interrupts {
    watching: Stop,
    reading: Stop,
    listener: tokio::task::JoinHandle<()>,
}

impl Interrupts {
    fn listen(is_watching: bool) -> Self {
        let (watcher, watching) = Stop::new();
        let (reader, reading) = Stop::new();
        let listener = tokio::spawn(async move {
            if is_watching && tokio::signal::ctrl_c().await.is_ok() {
                watcher.stop();
            }
            if tokio::signal::ctrl_c().await.is_ok() {
                reader.stop();
            }
            if tokio::signal::ctrl_c().await.is_ok() {
                end();
            }
        });
        Self { watching, reading, listener }
    }
}

/// Ends the program at once: whoever asks three times does not want to wait for a server's answer.
#[allow(clippy::exit, reason = "nothing is left half written: files are renamed into place")]
fn end() {
    std::process::exit(i32::from(Exit::Interrupted.code()));
}

/// Reads everything a live run is asked for.
pub(super) fn material(wanted: Wanted<'_>, config: &Config) -> Result<Material, Failure> {
    runtime()?.block_on(async {
        let interrupts = Interrupts::listen(wanted.watch.is_some());
        let stop = &interrupts.reading;
        let door = input::connect(wanted.conninfo, config).await?;
        let mut notes = Vec::new();
        let watched = match wanted.watch {
            Some(length) => Some(watch(&door, config, length, &interrupts, &mut notes).await?),
            None => None,
        };
        let mut snapshot = read(&door, config, watched.as_ref().map(|(before, _)| before), stop).await?;
        let before = watched.map(|(before, samples)| {
            snapshot.samples = samples;
            before
        });
        let mut material = Material { before, notes, ..Material::of(snapshot) };
        for conninfo in wanted.replicas {
            let replica = input::connect(Some(conninfo), config).await?;
            let read = collect::collect(&replica, databases(config), stop).await;
            replica.close().await;
            let (snapshot, _) = read.map_err(Failure::incomplete)?;
            material.add_replica(snapshot)?;
        }
        door.close().await;
        interrupts.listener.abort();
        if interrupts.watching.is_stopped() {
            material.exit = Exit::Interrupted;
        }
        if stop.is_stopped() {
            let text = "the audit was interrupted: what had not been read by then is missing".to_owned();
            material.notes.push(Note { text, warning: true });
            material.exit = Exit::Interrupted;
        }
        Ok(material)
    })
}

/// Reads one snapshot, and measures what is worth it.
pub(super) fn snapshot(conninfo: Option<&str>, config: &Config) -> Result<(Snapshot, Exit), Failure> {
    let material = material(Wanted { conninfo, watch: None, replicas: &[] }, config)?;
    Ok((material.snapshot, material.exit))
}

/// Reads and measures.
pub(super) async fn read(
    door: &Door,
    config: &Config,
    before: Option<&Snapshot>,
    stop: &Stop,
) -> Result<Snapshot, Failure> {
    let (mut snapshot, _) = collect::collect(door, databases(config), stop).await.map_err(Failure::incomplete)?;
    let queries = aggregate(&snapshot, before).ok();
    // what is measured for a check, by the check's own threshold
    let bloated = checks::by_id("bloated-index").map_or(&[][..], |check| check.params);
    let floor = bloated.iter().find(|param| param.name == "minimum_size_bytes");
    let floor = floor.map_or(MINIMUM_BYTES, |param| config.param("bloated-index", param) as i64);
    let budget =
        Budget { bytes: config.audit.measure_budget_bytes.value, time: config.audit.measure_budget_time.value, floor };
    let plans = match config.audit.plans.value {
        config::Plans::On => Plans::On,
        config::Plans::Always => Plans::Always,
        config::Plans::Off | config::Plans::Other(_) => Plans::Off,
    };
    measure::measure(door, &mut snapshot, queries.as_ref(), budget, plans, stop).await;
    Ok(snapshot)
}

/// A snapshot now, and samples of the sessions until the time is up or Ctrl-C; the snapshot that is judged comes after.
async fn watch(
    door: &Door,
    config: &Config,
    length: Duration,
    interrupts: &Interrupts,
    notes: &mut Vec<Note>,
) -> Result<(Snapshot, Vec<Sample>), Failure> {
    let began = tokio::time::Instant::now();
    let (before, _) =
        collect::collect(door, databases(config), &interrupts.reading).await.map_err(Failure::incomplete)?;
    let until = tokio::time::Instant::now() + length;
    // often enough to see what lasts a second in a short run, and not so often as to be seen in a long one
    let every = (length / 60).clamp(Duration::from_secs(1), Duration::from_secs(60));
    let (mut samples, mut failed) = (Vec::new(), 0_usize);
    loop {
        let next = (tokio::time::Instant::now() + every).min(until);
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = interrupts.watching.stopped() => break,
        }
        if next >= until {
            break;
        }
        match collect::sample(door).await {
            Ok(sample) => samples.push(sample),
            Err(_) => failed += 1,
        }
    }
    let mut note = |text: String| notes.push(Note { text, warning: true });
    if failed > 0 {
        note(format!("{failed} of {} samples of the sessions could not be read", failed + samples.len()));
    }
    if interrupts.watching.is_stopped() {
        let lasted = crate::finding::humane(began.elapsed().as_secs_f64(), &crate::finding::Unit::Seconds);
        note(format!("the watch was interrupted after {lasted}: the report speaks of that time"));
    }
    Ok((before, samples))
}

impl Material {
    /// Adds what was read of a standby: of the same cluster, in recovery, and not one that is known already.
    pub(super) fn add_replica(&mut self, replica: Snapshot) -> Result<(), Failure> {
        let refuse =
            |because: &str| Err(Failure::usage(anyhow!("{} {because} {}", replica.target, self.snapshot.target)));
        match (replica.system_identifier(), self.snapshot.system_identifier()) {
            (Some(a), Some(b)) if a == b => {}
            (Some(_), Some(_)) => return refuse("is no standby of"),
            _ => return refuse("does not tell whether it is a standby of"),
        }
        let server =
            |snapshot: &Snapshot| snapshot.server.server.ok().map(|server| (server.started_at, server.in_recovery));
        if server(&replica).is_none_or(|(_, in_recovery)| !in_recovery) {
            return refuse("is not in recovery, so it is no standby of");
        }
        let known = std::iter::once(&self.snapshot).chain(&self.replicas);
        if known.clone().any(|known| server(known) == server(&replica)) {
            return refuse("is a server that was given already, beside");
        }
        self.replicas.push(replica);
        Ok(())
    }
}
