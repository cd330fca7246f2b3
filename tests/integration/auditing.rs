//! An audit inside the test's own process, step by step as the program does it: read, measure, judge. What a test has to
//! know of the facts themselves, or of their cost, it learns here; what concerns outputs and exit codes runs the program.

use pgassay::assess;
use pgassay::attest::Attestations;
use pgassay::audit::{self, audit};
use pgassay::checks;
use pgassay::collect::{Cost, Databases, Stop, collect};
use pgassay::config::{Config, Level, RuleInfo, Source};
use pgassay::facts::Snapshot;
use pgassay::measure::{Budget, Plans, measure};
use pgassay::outcome::Missing;
use pgassay::pg::{Door, Environment, Limits, Target};
use pgassay::queries::aggregate;
use pgassay::report::Report;

use crate::harness::block_on;

/// Opens the door to a server, or panics.
pub async fn door(url: &str) -> Door {
    let target = Target::resolve(Some(url), &Environment::empty()).unwrap_or_else(|error| panic!("{error}"));
    Door::open(target, Limits::default()).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Reads a server and what each query cost, without measuring, or panics.
pub fn collected(url: &str, databases: Databases) -> (Snapshot, Vec<Cost>) {
    let url = url.to_owned();
    block_on(async move {
        let door = door(&url).await;
        let (_stopper, stop) = Stop::new();
        let collected = collect(&door, databases, &stop).await.unwrap_or_else(|error| panic!("{error}"));
        door.close().await;
        collected
    })
}

/// Reads the database of a URL and measures, plans included, or panics. With an earlier snapshot its statements are those
/// of the time between.
pub fn snapshot(url: &str, before: Option<&Snapshot>) -> Snapshot {
    let (url, before) = (url.to_owned(), before.cloned());
    block_on(async move {
        let door = door(&url).await;
        let (_stopper, stop) = Stop::new();
        let (mut snapshot, _) =
            collect(&door, Databases::Connected, &stop).await.unwrap_or_else(|error| panic!("{error}"));
        let queries = aggregate(&snapshot, before.as_ref()).ok();
        measure(&door, &mut snapshot, queries.as_ref(), Budget::default(), Plans::Always, &stop).await;
        door.close().await;
        snapshot
    })
}

/// The report of facts, "now" being when they were read.
pub fn judge(snapshot: &Snapshot, before: Option<&Snapshot>, config: &Config) -> Report {
    let at = snapshot.captured_at;
    let given = audit::Given { snapshot, before, replicas: &[], at, config, reviews: &[], logged: None };
    let audited = audit(&given);
    let given = assess::Given {
        before,
        workload: None,
        log_from_to: (None, None),
        snapshot,
        migrations: None,
        pool: &[],
        config,
        attestations: &Attestations::default(),
        at: snapshot.captured_at,
        generated_at: snapshot.captured_at,
        snapshot_sha256: None,
    };
    assess::report(&given, audited, Vec::new())
}

/// What the program says to a configuration file, or panics with its problems.
pub fn config(toml: &str) -> Config {
    let known: Vec<RuleInfo> = checks::ALL.iter().map(|check| RuleInfo::new(&check.meta, check.params)).collect();
    let source = Source { level: Level::Nearest, path: "pgassay.toml".into(), text: toml.to_owned() };
    Config::read(&[source], &known).unwrap_or_else(|problems| panic!("{problems}\nin:\n{toml}"))
}

/// Every fact that is missing, with the database it is missing in.
pub fn missing(snapshot: &Snapshot) -> Vec<(Option<&str>, &Missing)> {
    let server = snapshot.server.missing().map(|missing| (None, missing));
    let databases = snapshot.databases.iter().flat_map(|database| {
        let name = database.name.as_str();
        database.missing().map(move |missing| (Some(name), missing))
    });
    server.chain(databases).collect()
}

/// Those among them whose reading failed though it should not have.
pub fn failures(snapshot: &Snapshot) -> Vec<String> {
    let failed = missing(snapshot).into_iter().filter(|(_, missing)| missing.is_failure());
    failed.map(|(database, missing)| format!("{}: {missing}", database.unwrap_or("the server"))).collect()
}
