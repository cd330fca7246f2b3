//! `pgassay pool` on real servers and a real PgBouncer: each kind of evidence, what is missing of it, and what goes wrong.

use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use pgassay::scratch::{Scratch, ShutdownMode};
use serde_json::Value;

use crate::harness::{
    Database, MONITOR, NOBODY, Output, Own, Pooler, connect, database, majors, options, own, pgassay, pgassay_command,
};
use crate::render::validator;

const PREFIX: &str = "%m [%p] %q%u@%d %a %v ";
/// What must never be seen anywhere.
const CANARY: &str = "c4n4ry-p0ssw0rd";

fn newest() -> u16 {
    *majors().iter().max().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}\nstdout: {}\nstderr: {}", output.stdout, output.stderr))
}

/// Runs the verb, checks its JSON against the schema and that a report holds no secret, and returns it.
fn pool(arguments: &[&str], code: i32) -> Value {
    let mut all = vec!["pool", "--format", "json"];
    all.extend(arguments);
    let output = pgassay(&all);
    assert_eq!(output.code, Some(code), "{}\n{}", output.stderr, output.stdout);
    valid(&output)
}

fn valid(output: &Output) -> Value {
    let report = json(output);
    let faults: Vec<String> =
        validator().iter_errors(&report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(!output.stdout.contains(CANARY) && !output.stderr.contains(CANARY), "a secret got out");
    report
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

fn item<'r>(report: &'r Value, id: &str) -> &'r Value {
    report["items"].as_array().unwrap().iter().find(|item| item["id"] == id).unwrap()
}

fn has_note(report: &Value, text: &str) -> bool {
    let notes = report["pool"]["notes"].as_array().unwrap().iter();
    notes
        .chain(report["notes"].as_array().unwrap().iter().map(|note| &note["text"]))
        .any(|note| note.as_str().unwrap().contains(text))
}

/// An application at work: so many sessions, each a transaction with a pause in it and then a pause, until it is dropped.
struct Application {
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<u64>>,
}

impl Application {
    fn start(url: &str, sessions: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let worker = |number| {
            let (stop, session) = (stop.clone(), connect(url));
            let work = format!("begin; update stock set held = held + 1 where id = {number}; select pg_sleep(0.02)");
            std::thread::spawn(move || {
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    // held for 40 ms, half of it by the client
                    if session.try_rows(&work).is_err() {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(20));
                    if session.try_rows("commit").is_err() {
                        break;
                    }
                    count += 1;
                    std::thread::sleep(Duration::from_millis(30));
                }
                count
            })
        };
        let workers = (0..sessions).map(worker).collect();
        Self { stop, workers }
    }

    /// Ends it; the transactions it ran.
    fn end(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.workers.drain(..).map(|worker| worker.join().unwrap()).sum()
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

fn logging() -> Own {
    let options = options(newest()).set("log_min_duration_statement", "0").set("log_line_prefix", PREFIX);
    own(options.set("log_connections", "on").set("log_disconnections", "on"))
}

/// A database and a role for the application, whose sessions say what they are.
fn shop(server: &Scratch) -> (Database<'_>, String) {
    let database = database(server);
    connect(&server.url("postgres"))
        .execute("do $$ begin create role app login; exception when duplicate_object then null; end $$");
    database.execute(
        "create table stock (id int primary key, held int); insert into stock select n, 0 from generate_series(0, 20) as n;
         grant all on stock to app",
    );
    let url = format!("{}&application_name=web", database.url_as("app"));
    (database, url)
}

#[test]
fn a_watched_server_tells_its_demand() {
    let server = own(options(newest()));
    let (database, url) = shop(&server);
    let application = Application::start(&url, 4);
    let monitor = database.url_as(MONITOR);
    let report = pool(
        &[
            &monitor,
            "--watch",
            "6s",
            "--samples-per-second",
            "10",
            "--what-if",
            "traffic=2x,shared-pooler",
            "--instances",
            "2",
        ],
        0,
    );
    let sampled = &report["pool"];
    assert_eq!(sampled["tier"], "sampling", "{sampled:#}");
    // four sessions, each busy for 40 of some 75 ms: on a busy machine for more
    let erlangs = number(&sampled["demand_erlangs"]);
    assert!((1.0..=3.6).contains(&erlangs), "{erlangs}");
    assert!(number(&sampled["idle_erlangs"]) > 0.3 && number(&sampled["idle_erlangs"]) < erlangs);
    let hold = number(&sampled["mean_hold_ms"]);
    assert!((30.0..=90.0).contains(&hold), "{hold}");
    assert!(number(&sampled["recommended"]) >= 2.0);
    assert_eq!(sampled["what_ifs"].as_array().unwrap().len(), 2);
    // the test runs on the machine of the server, over its socket
    assert!(sampled["capacity"].is_number(), "{}", sampled["formulas"]);
    assert_eq!(sampled["budget"]["fits"], true);
    let whose =
        sampled["parts"].as_array().unwrap().iter().any(|part| part["application"] == "web" && part["role"] == "app");
    assert!(whose, "{}", sampled["parts"]);

    // who may not see what sessions do has the counters
    let nobody = database.url_as(NOBODY);
    let counted = pool(&[&nobody, "--watch", "5s", "--cores", "2"], 0);
    assert_eq!(counted["pool"]["tier"], "counters", "{:#}", counted["pool"]);
    let erlangs = number(&counted["pool"]["demand_erlangs"]);
    assert!((0.7..=3.6).contains(&erlangs), "{erlangs}");
    assert!(has_note(&counted, "grant pg_monitor"), "{:#}", counted["pool"]["notes"]);
    assert_eq!(counted["pool"]["formulas"][0]["value"], 4);

    // every format can be written
    for format in ["terminal", "markdown", "scorecard", "junit", "sarif", "github", "gitlab"] {
        let output = pgassay(&["pool", &monitor, "--watch", "1s", "--format", format, "--for", "all"]);
        assert_eq!(output.code, Some(0), "{format}: {}", output.stderr);
        let shown = !output.stdout.is_empty() || format == "github";
        assert!(shown, "{format}");
        if ["terminal", "markdown"].contains(&format) {
            for text in ["held at once", "maximumPoolSize", "default_pool_size", "alter role", "Budget"] {
                assert!(output.stdout.contains(text), "{format}: {text} is missing in\n{}", output.stdout);
            }
        }
    }
    assert!(application.end() > 50);
}

#[test]
fn without_traffic_nothing_is_recommended() {
    let server = own(options(newest()));
    let (database, url) = shop(&server);
    let _idle = connect(&url);
    for role in [MONITOR, NOBODY] {
        let report = pool(&[&database.url_as(role), "--watch", "4s", "--for", "all"], 0);
        let quiet = &report["pool"];
        assert_eq!(quiet["recommended"], Value::Null, "{role}: {quiet:#}");
        assert_eq!(quiet["binding"], "nothing");
        assert!(quiet["reason"].as_str().unwrap().contains("no transaction was seen"), "{}", quiet["reason"]);
        assert_eq!(quiet["snippets"].as_array().unwrap().len(), 0);
    }
}

#[test]
fn a_log_tells_each_transaction() {
    let server = logging();
    let (_database, url) = shop(&server);
    let application = Application::start(&url, 3);
    std::thread::sleep(Duration::from_secs(4));
    let count = application.end();
    let log = server.log_file();
    let log = log.to_str().unwrap();
    let report = pool(
        &[
            "--logs",
            log,
            "--user",
            "app",
            "--cores",
            "4",
            "--what-if",
            "no-idle-in-transaction",
            "--for",
            "hikari,pgbouncer",
        ],
        0,
    );
    let traced = &report["pool"];
    assert_eq!(traced["tier"], "trace");
    assert_eq!(traced["method"], "simulation");
    let seconds = number(&traced["window"]["seconds"]);
    let seen = number(&traced["arrivals_per_second"]) * seconds;
    assert!((seen - count as f64).abs() <= 4.0, "{seen} of {count}");
    let hold = number(&traced["mean_hold_ms"]);
    assert!((39.0..=90.0).contains(&hold), "the client's own time is part of it: {hold}");
    let (all, idle) = (number(&traced["demand_erlangs"]), number(&traced["idle_erlangs"]));
    assert!(idle > all * 0.25 && idle < all * 0.75, "{idle} of {all}");
    let without = &traced["what_ifs"][0];
    assert!(number(&without["erlangs"]) < all * 0.8, "{without}");
    let predicted = traced["predicted"].as_array().unwrap();
    let waits: Vec<f64> = predicted.iter().filter_map(|row| row["wait_mean_ms"].as_f64()).collect();
    assert!(waits.is_sorted_by(|a, b| a >= b), "{waits:?}");
    let snippets: Vec<&str> =
        traced["snippets"].as_array().unwrap().iter().map(|one| one["pool"].as_str().unwrap()).collect();
    assert_eq!(snippets, ["hikari", "pgbouncer"]);
    assert_eq!(traced["backstops"][0]["role"], "app");
    // three sessions for all of it, and no server was asked
    assert_eq!(item(&report, "4.10")["state"], "unknown");
    assert_eq!(traced["budget"], Value::Null);

    // the same log tells the same, whatever the number of threads
    for jobs in ["1", "3"] {
        let again = pool(&["--logs", log, "--user", "app", "--jobs", jobs], 0);
        assert_eq!(again["pool"]["demand_erlangs"], traced["demand_erlangs"]);
        assert_eq!(again["pool"]["predicted"], traced["predicted"]);
    }
}

#[test]
fn what_an_application_is_configured_to_decides_items() {
    let server = own(options(newest()).set("max_connections", "40"));
    let (database, url) = shop(&server);
    let application = Application::start(&url, 2);
    let folder = crate::harness::Folder::new();
    let file = folder.write(
        "application.properties",
        format!(
            "spring.datasource.password={CANARY}\nspring.datasource.hikari.maximum-pool-size=10\n\
             spring.datasource.hikari.connection-timeout=20000\nspring.datasource.hikari.max-lifetime=1800000\n"
        ),
    );
    let report = pool(
        &[&database.url_as(MONITOR), "--watch", "3s", "--pool-config", &file, "--instances", "60", "--surge", "10"],
        0,
    );
    assert_eq!(item(&report, "4.3")["state"], "pass", "{:#}", item(&report, "4.3"));
    assert_eq!(item(&report, "4.4")["state"], "fail");
    assert_eq!(item(&report, "4.6")["state"], "fail");
    // sixty pools do not fit into forty connections
    let budget = &report["pool"]["budget"];
    assert_eq!(budget["fits"], false, "{budget:#}");
    assert_eq!(item(&report, "4.2")["state"], "fail");
    assert!(!budget["problems"].as_array().unwrap().is_empty());
    application.end();
}

/// A PgBouncer with pools of a size, and roles that may look at its console.
fn pooler(server: &Scratch, size: u32) -> Pooler {
    let users = format!("\"app\" \"\"\n\"stats\" \"{CANARY}\"\n\"stranger\" \"\"\n");
    let users = server.write_file("users.txt", &users).unwrap();
    let settings = format!(
        "auth_type = trust\nauth_file = {}\ndefault_pool_size = {size}\nmax_client_conn = 50\nstats_users = stats\n\
         admin_users = boss\n",
        users.display()
    );
    Pooler::start(server, "", &settings)
}

#[test]
fn pgbouncer_tells_holds_and_waits() {
    let server = own(options(newest()));
    let (database, _) = shop(&server);
    let _pooler = pooler(&server, 2);
    let application = Application::start(&Pooler::url(&server, "app", &database.name), 5);
    let console = Pooler::url(&server, "stats", "pgbouncer");
    let report = pool(&["--pgbouncer", &console, "--watch", "6s"], 0);
    let told = &report["pool"];
    assert_eq!(told["tier"], "pgbouncer", "{told:#}");
    // five clients want more than two connections: what they hold is what there is, and they wait besides
    let erlangs = number(&told["demand_erlangs"]);
    assert!((1.3..=2.2).contains(&erlangs), "{erlangs}");
    let hold = number(&told["mean_hold_ms"]);
    assert!((35.0..=100.0).contains(&hold), "without the wait: {hold}");
    assert_eq!(item(&report, "4.3")["state"], "fail", "query_wait_timeout is two minutes");
    assert!(item(&report, "4.3")["because"].as_str().unwrap().contains("query_wait_timeout"));
    assert_eq!(item(&report, "4.10")["state"], "pass");

    // together with its server, whose connections its pools are held against
    let both = pool(&[&database.url_as(MONITOR), "--pgbouncer", &console, "--watch", "3s"], 0);
    assert_eq!(both["pool"]["tier"], "pgbouncer");
    let shares = both["pool"]["budget"]["shares"].as_array().unwrap();
    assert!(shares.iter().any(|share| share["name"].as_str().unwrap().starts_with("PgBouncer ")), "{shares:?}");
    application.end();
}

#[test]
fn a_console_that_refuses_says_who_it_lets_in() {
    let server = own(options(newest()));
    let _pooler = pooler(&server, 2);
    let url = format!("{}&password={CANARY}", Pooler::url(&server, "stranger", "pgbouncer"));
    let output = pgassay(&["pool", "--pgbouncer", &url, "--watch", "1s"]);
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    assert!(output.stderr.contains("stats_users"), "{}", output.stderr);
    assert!(!output.stderr.contains(CANARY), "{}", output.stderr);
    // nor is a server a console
    let output = pgassay(&["pool", "--pgbouncer", &server.url_as(MONITOR, "postgres"), "--watch", "1s"]);
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    assert_eq!(output.stdout, "");
}

#[test]
fn counters_that_are_reset_meanwhile_count_from_then_on() {
    let server = own(options(newest()));
    let (database, url) = shop(&server);
    let application = Application::start(&url, 3);
    let role = database.url_as(NOBODY);
    let child = pgassay_command(&["pool", &role, "--watch", "8s", "--format", "json"], &[]).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    database.execute("select pg_stat_reset()");
    let output = finish(child);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let report = valid(&output);
    assert!(has_note(&report, "partial: the counters were reset"), "{:#}", report["pool"]["notes"]);
    let erlangs = number(&report["pool"]["demand_erlangs"]);
    assert!((0.5..=2.9).contains(&erlangs), "{erlangs}");
    application.end();
}

#[test]
fn a_server_that_is_lost_leaves_what_was_seen() {
    let server = own(options(newest()));
    let (database, url) = shop(&server);
    let application = Application::start(&url, 3);
    let role = database.url_as(MONITOR);
    let child = pgassay_command(&["pool", &role, "--watch", "60s", "--format", "json"], &[]).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(4));
    server.halt(ShutdownMode::Immediate).unwrap();
    let output = finish(child);
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    let report = valid(&output);
    assert_eq!(report["pool"]["tier"], "sampling");
    assert!(has_note(&report, "partial: sampling ended after"), "{:#}", report["pool"]["notes"]);
    assert!(number(&report["pool"]["recommended"]) >= 1.0);
    application.end();
    server.boot().unwrap();
}

fn finish(child: Child) -> Output {
    let output = child.wait_with_output().unwrap();
    Output {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_asked() {
    for arguments in [
        &["pool", "--target", "soon"][..],
        &["pool", "--watch", "2h"],
        &["pool", "--for", "hikary"],
        &["pool", "--what-if", "traffic=none"],
        &["pool", "--tasks", "3"],
        &["pool", "--user", "app"],
        &["pool", "--samples-per-second", "50"],
        &["pool", "--logs", "/nonexistent/a.log"],
        &["pool", "--pool-config", "/nonexistent/a.properties"],
        &["pool", "a", "--url", "b"],
    ] {
        let output = pgassay(arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {}", output.stderr);
        assert_eq!(output.stderr.lines().count(), 1, "{arguments:?}: {}", output.stderr);
    }
}

#[test]
fn an_audit_hears_of_pools() {
    let server = own(options(newest()));
    let (database, url) = shop(&server);
    let _pooler = pooler(&server, 2);
    let application = Application::start(&url, 3);
    let monitor = database.url_as(MONITOR);
    let folder = crate::harness::Folder::new();
    let file =
        folder.write("hikari.properties", "maximumPoolSize=4\nconnectionTimeout=10000\nleakDetectionThreshold=30000\n");
    let console = Pooler::url(&server, "stats", "pgbouncer");
    let audit = |arguments: &[&str]| {
        let mut all = vec!["audit", &monitor, "--format", "json", "--fail-on", "none"];
        all.extend(arguments);
        let output = pgassay(&all);
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        valid(&output)
    };
    let plain = audit(&[]);
    for id in ["4.2", "4.3", "4.7"] {
        assert_eq!(item(&plain, id)["state"], "unknown");
    }
    assert!(item(&plain, "4.3")["because"].as_str().unwrap().contains("--pool-config"), "{}", item(&plain, "4.3"));
    let watched = audit(&["--watch", "4s", "--pool-config", &file, "--cores", "2"]);
    assert_eq!(item(&watched, "4.3")["state"], "pass");
    assert_eq!(item(&watched, "4.3")["evidence"], "measured");
    assert_eq!(item(&watched, "4.2")["state"], "pass", "{:#}", item(&watched, "4.2"));
    assert_eq!(item(&watched, "4.6")["state"], "pass", "{:#}", item(&watched, "4.6"));
    let pooled = audit(&["--pgbouncer", &console]);
    assert_eq!(item(&pooled, "4.3")["state"], "fail");
    assert_eq!(item(&pooled, "4.10")["state"], "pass");
    application.end();
}
