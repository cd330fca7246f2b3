//! Logs of real applications: SQLAlchemy and Django do on a real server what they were written to do, and `pgassay logs`
//! finds exactly that in every format of the server's log, no more and no less.
//!
//! The applications are in `tests/logs/apps`; what they run on is installed by `tests/logs-python.sh`. Each run of one
//! application in one regime of connections has a log of its own, and a manifest that says what it did, by database.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use crate::harness::{Own, Pooler, eventually, majors, options, own, pgassay};

/// Requests of each scenario. Fewer leave what only pauses bound below the confidence of a finding: three of a kind at 0.54.
const REQUESTS: &str = "20";

/// Every way an application gets its connections, those of the pooler last.
const REGIMES: [&str; 7] = [
    "connect",
    "pool-ping",
    "pool-autocommit",
    "pool-transaction",
    "pgbouncer",
    "pgbouncer-tagged",
    "pgbouncer-autocommit",
];

/// What the server writes before each line; a log without milliseconds is of no use where only gaps part requests, so
/// that the one with `%t` is in none of those.
const PREFIXES: [&str; 6] = [
    "%m [%p] %q%u@%d ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%m:%r:%u@%d:[%p]:",
    "%m [%p][%b][%v][%x] %q[user=%u,db=%d,app=%a] ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%n %c %v %d ",
];

/// The last of [`PREFIXES`] is nobody's habit: it has to be told.
const TOLD: &str = PREFIXES[5];

/// The rules whose findings are the groups.
const RULES: [&str; 4] = ["n-plus-one", "n-plus-one-write", "duplicate-query", "insert-loop"];

// -------------------------------------------------------------------------------------------------------- the manifest

#[derive(Debug, Deserialize)]
struct Manifest {
    /// Whether the log tells where each request begins and ends.
    exact: bool,
    scenarios: Vec<Scenario>,
}

#[derive(Debug, Deserialize)]
struct Scenario {
    database: String,
    expected: Vec<Expected>,
    executions_by_kind: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
struct Expected {
    kind: String,
    parent_table: Option<String>,
    child_table: String,
    times_per_request: u64,
    requests: u64,
}

/// A group of statements, as it is expected and as it is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    database: String,
    rule: String,
    /// Only of groups that are driven by a list.
    parent: Option<String>,
    child: String,
    /// The median.
    times: u64,
    /// Requests, executions in them, and the most in one of them, where the log tells requests apart.
    sums: Option<(u64, u64, u64)>,
}

impl Manifest {
    fn groups(&self) -> BTreeSet<Group> {
        let groups = |scenario: &Scenario| {
            let database = scenario.database.clone();
            let group = move |expected: &Expected| Group {
                database: database.clone(),
                rule: expected.kind.clone(),
                parent: expected.parent_table.clone(),
                child: expected.child_table.clone(),
                times: expected.times_per_request,
                sums: self.exact.then(|| {
                    (expected.requests, expected.requests * expected.times_per_request, expected.times_per_request)
                }),
            };
            scenario.expected.iter().map(group).collect::<Vec<_>>()
        };
        self.scenarios.iter().flat_map(groups).collect()
    }

    fn executions_by_kind(&self) -> BTreeMap<String, u64> {
        let mut kinds = BTreeMap::new();
        for (kind, executions) in self.scenarios.iter().flat_map(|scenario| &scenario.executions_by_kind) {
            *kinds.entry(kind.clone()).or_default() += executions;
        }
        kinds
    }
}

// ---------------------------------------------------------------------------------------------------------- the report

/// What a report says, in the terms of a manifest.
#[derive(Debug, PartialEq)]
struct Told {
    groups: BTreeSet<Group>,
    executions: u64,
    /// By the first word of their text; what `pg_stat_statements` does not count is not in it.
    by_kind: BTreeMap<String, u64>,
    errors: u64,
}

impl Told {
    fn of(report: &Value, exact: bool) -> Self {
        let queries = report["queries"].as_array().unwrap();
        let texts: BTreeMap<&str, &str> = queries
            .iter()
            .map(|query| (query["fingerprint"].as_str().unwrap(), query["query"].as_str().unwrap()))
            .collect();
        let mut by_kind = BTreeMap::new();
        for query in queries {
            let kind = first_word(query["query"].as_str().unwrap());
            if !["", "DEALLOCATE"].contains(&kind.as_str()) {
                *by_kind.entry(kind).or_default() += query["calls"].as_u64().unwrap();
            }
        }
        let findings = report["findings"].as_array().unwrap().iter();
        let groups = findings
            .filter(|finding| {
                RULES.contains(&finding["rule"].as_str().unwrap()) && detail(finding, "suspected") != true
            })
            .map(|finding| {
                let subject = &finding["subject"];
                assert_eq!(subject["kind"], "query-group", "{finding}");
                let rule = finding["rule"].as_str().unwrap();
                let number = |name| detail(finding, name).as_f64().unwrap_or_else(|| panic!("no {name} in {finding}"));
                let parent = subject["parent_fingerprint"].as_str();
                let parent = parent.filter(|_| rule.starts_with("n-plus-one")).map(|fingerprint| {
                    table(texts.get(fingerprint).unwrap_or_else(|| panic!("{fingerprint} is no query of the report")))
                });
                Group {
                    database: subject["database"].as_str().unwrap().to_owned(),
                    rule: rule.to_owned(),
                    parent,
                    child: table(subject["query"].as_str().unwrap()),
                    times: number("calls_per_request_p50") as u64,
                    sums: exact.then(|| {
                        (number("requests") as u64, number("calls") as u64, number("calls_per_request_max") as u64)
                    }),
                }
            })
            .collect();
        let sum = |name: &str| queries.iter().map(|query| query[name].as_u64().unwrap()).sum();
        Self { groups, executions: sum("calls"), by_kind, errors: sum("errors") }
    }
}

fn detail<'a>(finding: &'a Value, name: &str) -> &'a Value {
    let measures = finding["detail"].as_array().unwrap();
    measures.iter().find(|measure| measure["name"] == name).map_or(&Value::Null, |measure| &measure["value"])
}

/// The text after its comments.
fn bare(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        match text.strip_prefix("/*").and_then(|rest| rest.split_once("*/")) {
            Some((_, rest)) => text = rest,
            None => return text,
        }
    }
}

fn first_word(text: &str) -> String {
    bare(text).split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_uppercase()
}

/// The first table that a statement names.
fn table(text: &str) -> String {
    let words: Vec<&str> = bare(text).split_whitespace().collect();
    let after = |word: &str| words.iter().position(|other| other.eq_ignore_ascii_case(word));
    let place = match first_word(text).as_str() {
        "UPDATE" => Some(0),
        "INSERT" => after("into"),
        _ => after("from"),
    };
    let name = place.and_then(|place| words.get(place + 1)).unwrap_or_else(|| panic!("no table in: {text}"));
    let name = name.split(['(', ',', ';', ')']).next().unwrap_or_default();
    name.rsplit('.').next().unwrap_or_default().replace('"', "")
}

#[test]
fn tables_are_read_off_the_texts() {
    for (text, expected) in [
        ("SELECT authors.id \nFROM authors \nWHERE authors.country = $1", "authors"),
        ("SELECT \"books\".\"id\" FROM \"public\".\"books\" WHERE x = $1", "books"),
        ("/* a */ UPDATE books SET price=$1", "books"),
        ("INSERT INTO \"events\" (\"kind\") VALUES ($1)", "events"),
        ("insert into events(kind, payload) values ($1)", "events"),
        ("SELECT EXISTS (SELECT * FROM books WHERE $1) AS anon_1", "books"),
    ] {
        assert_eq!(table(text), expected, "{text}");
    }
    assert_eq!(first_word("/* a */ BEGIN;"), "BEGIN");
    assert_eq!(first_word(""), "");
}

// ----------------------------------------------------------------------------------------------------- the applications

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs/apps")
}

/// A Python that has what the applications run on.
static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs-python.sh");
    let output = Command::new(&script).output().unwrap();
    assert!(
        output.status.success(),
        "no Python for the applications (run `make deps`): {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
});

/// A server that logs every statement in every format it has.
fn logging(major: u16) -> Own {
    let destination = if major == 14 { "stderr,csvlog" } else { "stderr,csvlog,jsonlog" };
    let mut options = options(major);
    options.preload = vec!["pg_stat_statements".to_owned()];
    for (name, value) in [
        ("log_min_duration_statement", "0"),
        ("log_destination", destination),
        ("logging_collector", "on"),
        ("log_directory", "before"),
        ("log_filename", "server.log"),
        ("log_rotation_age", "0"),
        ("log_rotation_size", "0"),
        ("log_connections", "on"),
        ("log_disconnections", "on"),
        ("max_connections", "200"),
        ("pg_stat_statements.max", "20000"),
        // a statement that the server runs for itself takes the processors from those that are timed
        ("autovacuum", "off"),
        ("jit", "off"),
        ("synchronous_commit", "off"),
    ] {
        options = options.set(name, value);
    }
    own(options)
}

/// The logs of one run, by format, and what the application says it did.
struct Run {
    name: String,
    prefix: &'static str,
    logs: BTreeMap<&'static str, PathBuf>,
    manifest: Manifest,
}

/// The session that gives orders is not in the log.
const UNSEEN: &str = "set log_min_duration_statement = -1";

/// Runs one application in one regime, with a log of its own.
fn run(server: &Own, application: &str, regime: &str, prefix: &'static str) -> Run {
    let name = format!("{application}.{regime}");
    let logs = server.data_directory().join(&name);
    let session = server.connect();
    session.execute(UNSEEN);
    // Not in one message, which would be one transaction.
    session.execute(&format!("alter system set log_directory = '{name}'"));
    session.execute(&format!("alter system set log_line_prefix = '{prefix}'"));
    session.execute("select pg_reload_conf()");
    let suffixes: &[&str] = if server.binaries().major == 14 { &["log", "csv"] } else { &["log", "csv", "json"] };
    let paths: BTreeMap<&str, PathBuf> =
        suffixes.iter().map(|suffix| (*suffix, logs.join(format!("server.{suffix}")))).collect();
    eventually("the log has moved", || paths.values().all(|path| path.exists()));

    let manifest = server.directory().join(format!("{name}.manifest.json"));
    let mut command = Command::new(&*PYTHON);
    command
        .arg(directory().join("run.py"))
        .args(["--url", &server.url("postgres"), "--pooler", &Pooler::url(server, "postgres", "")])
        .args(["--app", application, "--regime", regime, "--requests", REQUESTS])
        .arg("--manifest")
        .arg(&manifest)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null());
    for (variable, _) in std::env::vars_os() {
        // libpq's own
        if variable.to_str().is_some_and(|name| name.starts_with("PG") && !name.starts_with("PGASSAY")) {
            command.env_remove(variable);
        }
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{name}:\n{}", String::from_utf8_lossy(&output.stderr));

    // All that was said before this is in the files before it.
    let mark = format!("the end of {name}");
    session.execute(&format!("do $$ begin raise log '{mark}'; end $$"));
    let logs = paths.into_iter().map(|(format, path)| (format, taken(&path, &mark))).collect();
    let manifest = serde_json::from_str(&fs::read_to_string(manifest).unwrap()).unwrap();
    Run { name, prefix, logs, manifest }
}

/// A log up to the line with these words, once it has them, as a file of its own: a pooler that closes idle connections
/// makes it longer while it is read.
fn taken(path: &Path, words: &str) -> PathBuf {
    let mut content = Vec::new();
    let mut end = None;
    eventually("the log is complete", || {
        content = fs::read(path).unwrap();
        end = content.windows(words.len()).rposition(|window| window == words.as_bytes());
        end.is_some_and(|end| content[end..].contains(&b'\n'))
    });
    let line = content[end.unwrap()..].iter().position(|byte| *byte == b'\n').unwrap();
    content.truncate(end.unwrap() + line + 1);
    let taken = path.with_file_name(format!("taken.{}", path.extension().unwrap().to_str().unwrap()));
    fs::write(&taken, content).unwrap();
    taken
}

/// The executions in a jsonlog, counted without the program under test: a quote within a value has a backslash, so that no
/// value looks like this key.
fn executions(json: &Path) -> u64 {
    let lines = BufReader::new(File::open(json).unwrap()).lines().map(Result::unwrap);
    let is_execution = |line: &String| {
        let duration = line.split_once(",\"message\":\"duration: ").map(|(_, rest)| rest);
        let what = duration.and_then(|rest| rest.split_once(" ms  ")).map_or("", |(_, what)| what);
        what.starts_with("statement: ") || what.starts_with("execute ")
    };
    lines.filter(is_execution).count() as u64
}

// ------------------------------------------------------------------------------------------------------------- the proof

/// The report on one log, without the time at which it was made.
fn report(log: &Path, prefix: Option<&str>, jobs: &str) -> String {
    let log = log.to_str().unwrap();
    let mut arguments = vec!["logs", log, "--format", "json", "--top", "1000000", "--fail-on", "none", "--jobs", jobs];
    if let Some(prefix) = prefix {
        arguments.extend(["--prefix", prefix]);
    }
    let output = pgassay(&arguments);
    assert_eq!(output.code, Some(0), "{log}: {}", output.stderr);
    let (before, after) = output.stdout.split_once("\"generated_at\"").expect("a report says when it was made");
    let after = after.split_once(['\n', ',']).expect("something follows").1;
    format!("{before}{after}")
}

/// What is wrong with the reports on the logs of a run; nothing, if all is well.
fn differences(run: &Run) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut first: Option<(&str, Told)> = None;
    for (format, log) in &run.logs {
        let place = format!("{}, {format}", run.name);
        let prefix = (*format == "log" && run.prefix == TOLD).then_some(run.prefix);
        let text = report(log, prefix, "1");
        if text != report(log, prefix, "3") {
            wrong.push(format!("{place}: --jobs 1 and --jobs 3 differ"));
        }
        let told = Told::of(&serde_json::from_str(&text).unwrap(), run.manifest.exact);
        let expected = run.manifest.groups();
        wrong.extend(expected.difference(&told.groups).map(|group| format!("{place}: not found: {group:?}")));
        wrong.extend(told.groups.difference(&expected).map(|group| format!("{place}: found: {group:?}")));
        if told.errors > 0 {
            wrong.push(format!("{place}: {} errors in a run that has none", told.errors));
        }
        let kinds = run.manifest.executions_by_kind();
        if told.by_kind != kinds {
            wrong.push(format!("{place}: executions {:?}, the server counted {kinds:?}", told.by_kind));
        }
        if let Some(json) = run.logs.get("json")
            && told.executions != executions(json)
        {
            wrong.push(format!("{place}: {} executions of {}", told.executions, executions(json)));
        }
        match &first {
            None => first = Some((format, told)),
            Some((other, same)) if *same != told => wrong.push(format!("{place}: not as in {other}")),
            Some(_) => {}
        }
    }
    wrong
}

/// An application in several regimes; every difference is told at once.
fn prove(server: &Own, application: &str, regimes: &[&str], turn: usize) {
    let three = "auth_type = any\ndefault_pool_size = 3\nmax_client_conn = 200\nserver_idle_timeout = 3\n\
                 ignore_startup_parameters = options\n";
    let _pooler = Pooler::start(server, "user=postgres", three);
    let mut wrong = Vec::new();
    for (number, regime) in regimes.iter().enumerate() {
        let mut prefix = PREFIXES[(number + turn) % PREFIXES.len()];
        if *regime == "pool-autocommit" && prefix.starts_with("%t") {
            prefix = PREFIXES[0];
        }
        let run = run(server, application, regime, prefix);
        assert!(!run.manifest.groups().is_empty() || *regime == "pgbouncer-autocommit");
        wrong.extend(differences(&run));
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

fn newest() -> u16 {
    *majors().iter().max().unwrap()
}

#[test]
fn sqlalchemy_with_parameters() {
    prove(&logging(newest()), "sqlalchemy-psycopg3", &REGIMES, 0);
}

#[test]
fn sqlalchemy_with_literals() {
    prove(&logging(newest()), "sqlalchemy-psycopg2", &REGIMES, 2);
}

#[test]
fn django_with_literals() {
    prove(&logging(newest()), "django-client", &REGIMES, 3);
}

#[test]
fn django_with_parameters() {
    prove(&logging(newest()), "django-server", &REGIMES, 5);
}

/// The wording of parameters, the format of times and the formats of logs are each major's own.
#[test]
fn on_the_other_majors() {
    for major in majors().iter().copied().filter(|major| *major != newest()) {
        let server = logging(major);
        prove(&server, "sqlalchemy-psycopg3", &["pool-transaction"], usize::from(major));
        prove(&server, "django-client", &["connect"], usize::from(major));
    }
}
