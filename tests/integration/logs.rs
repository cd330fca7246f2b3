//! `pgassay logs` as a whole program: what it finds in the fixtures, in every format and carrier, from stored workloads,
//! under the gates of a job, and in what is no log or a damaged one.
//!
//! Logs are made here: [`Entry`] is what a server says, and [`stderr`], [`csvlog`] and [`jsonlog`] are how it writes it.

mod carriers;
mod fixtures;
mod gates;
mod hostile;
mod saved;
mod secrets;

use crate::harness::{Folder, Output, pgassay};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// The prefix of what [`stderr`] writes.
const PREFIX: &str = "%m [%p] %q%u@%d ";

/// The last boundary of characters at a place or before it.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// What a server says.
#[derive(Debug, Clone)]
struct Entry {
    /// Milliseconds since 2026-11-22 00:00 UTC.
    at: i64,
    pid: u32,
    user: &'static str,
    database: &'static str,
    severity: &'static str,
    sqlstate: &'static str,
    message: String,
    detail: Option<String>,
    context: Option<String>,
    statement: Option<String>,
}

impl Entry {
    fn new(at: i64, pid: u32, message: impl Into<String>) -> Self {
        Self {
            at,
            pid,
            user: "app",
            database: "shop",
            severity: "LOG",
            sqlstate: "00000",
            message: message.into(),
            detail: None,
            context: None,
            statement: None,
        }
    }

    fn timed(at: i64, pid: u32, micros: u64, text: &str) -> Self {
        Self::new(at, pid, format!("duration: {}.{:03} ms  {text}", micros / 1000, micros % 1000))
    }

    fn error(at: i64, pid: u32, sqlstate: &'static str, message: &str, statement: &str) -> Self {
        let statement = Some(statement.to_owned());
        Self { severity: "ERROR", sqlstate, statement, ..Self::new(at, pid, message) }
    }

    fn time(&self) -> String {
        let (seconds, at) = (self.at.div_euclid(1000), self.at.rem_euclid(1000));
        let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("2026-11-{:02} {hour:02}:{minute:02}:{second:02}.{at:03} UTC", 22 + day)
    }

    /// The name of its part and its text, the message first.
    fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let more = [("DETAIL", &self.detail), ("CONTEXT", &self.context), ("STATEMENT", &self.statement)];
        let more: Vec<_> = more.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))).collect();
        std::iter::once((self.severity, self.message.as_str())).chain(more)
    }

    /// Its lines under a prefix, without line feeds.
    fn lines(&self, prefix: &str) -> Vec<String> {
        let lines = |(name, text): (&str, &str)| format!("{prefix}{name}:  {}", text.replace('\n', "\n\t"));
        self.parts().map(lines).flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    fn prefix(&self) -> String {
        format!("{} [{}] {}@{} ", self.time(), self.pid, self.user, self.database)
    }

    fn session(&self) -> String {
        format!("6921a0f0.{:x}", self.pid)
    }
}

/// With [`PREFIX`].
fn stderr(entries: &[Entry]) -> String {
    let mut text = String::new();
    for line in entries.iter().flat_map(|entry| entry.lines(&entry.prefix())) {
        writeln!(text, "{line}").unwrap();
    }
    text
}

/// The number of each line in its session, which began before the log.
fn numbers(entries: &[Entry]) -> impl Iterator<Item = u32> {
    let mut last: HashMap<u32, u32> = HashMap::new();
    entries.iter().map(move |entry| {
        let number = last.entry(entry.pid).or_insert(100);
        *number += 1;
        *number
    })
}

/// Of version 14 or newer.
fn csvlog(entries: &[Entry]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let maybe = |text: &Option<String>| text.as_deref().map(quoted).unwrap_or_default();
    let mut text = String::new();
    for (entry, number) in entries.iter().zip(numbers(entries)) {
        let Entry { pid, user, database, severity, sqlstate, .. } = entry;
        let (time, session, message) = (entry.time(), entry.session(), quoted(&entry.message));
        let (detail, context, statement) = (maybe(&entry.detail), maybe(&entry.context), maybe(&entry.statement));
        writeln!(
            text,
            "{time},\"{user}\",\"{database}\",{pid},\"[local]\",{session},{number},\"SELECT\",2026-11-22 00:00:00 UTC,,0,\
             {severity},{sqlstate},{message},{detail},,,,{context},{statement},,,\"web\",\"client backend\",,0"
        )
        .unwrap();
    }
    text
}

/// Keys in the server's order.
fn jsonlog(entries: &[Entry]) -> String {
    let mut text = String::new();
    for (entry, number) in entries.iter().zip(numbers(entries)) {
        let Entry { pid, user, database, severity, .. } = entry;
        let more = |key: &str, value: Option<&str>| {
            value.map(|value| format!(",\"{key}\":{}", json!(value))).unwrap_or_default()
        };
        let sqlstate = more("state_code", Some(entry.sqlstate).filter(|code| *code != "00000"));
        let message = more("message", Some(&entry.message));
        let (detail, context) = (more("detail", entry.detail.as_deref()), more("context", entry.context.as_deref()));
        let statement = more("statement", entry.statement.as_deref());
        let (time, session) = (entry.time(), entry.session());
        writeln!(
            text,
            "{{\"timestamp\":\"{time}\",\"user\":\"{user}\",\"dbname\":\"{database}\",\"pid\":{pid},\"remote_host\":\"[local]\",\
             \"session_id\":\"{session}\",\"line_num\":{number},\"ps\":\"SELECT\",\
             \"session_start\":\"2026-11-22 00:00:00 UTC\",\"txid\":0,\"error_severity\":\"{severity}\"{sqlstate}{message}\
             {detail}{context}{statement},\"application_name\":\"web\",\"backend_type\":\"client backend\",\"query_id\":0}}"
        )
        .unwrap();
    }
    text
}

/// Entries one after the other, 2 ms apart.
struct Server {
    at: i64,
    entries: Vec<Entry>,
}

impl Server {
    fn at(at: i64) -> Self {
        Self { at, entries: Vec::new() }
    }

    fn say(&mut self, entry: impl FnOnce(i64) -> Entry) {
        self.at += 2;
        self.entries.push(entry(self.at));
    }

    fn simple(&mut self, pid: u32, sql: &str) {
        // durations that differ, and are the same in every run
        let micros = 100 + (self.at as u64).wrapping_mul(2_654_435_761) % 900;
        self.say(|at| Entry::timed(at, pid, micros, &format!("statement: {sql}")));
    }

    /// Parse, bind and execute of an unnamed statement.
    fn extended(&mut self, pid: u32, sql: &str, parameters: &str) {
        self.say(|at| Entry::timed(at, pid, 40, &format!("parse <unnamed>: {sql}")));
        for (step, micros) in [("bind", 60), ("execute", 200)] {
            self.say(|at| Entry {
                detail: Some(format!("Parameters: {parameters}")),
                ..Entry::timed(at, pid, micros, &format!("{step} <unnamed>: {sql}"))
            });
        }
    }

    /// A request in a transaction: a list, and twelve look-ups for it.
    fn request(&mut self, number: u32, pid: u32) {
        self.simple(pid, "BEGIN");
        self.simple(pid, &format!("SELECT id, name\nFROM authors\nWHERE country = '{number}'"));
        for child in 0..12 {
            self.simple(pid, &format!("SELECT title FROM books WHERE author_id = {}", number * 100 + child));
        }
        self.simple(pid, "COMMIT");
    }
}

/// What one application does: requests on three connections, each with an N+1, an extended statement, now and then an
/// error, and once a statement that no carrier leaves in one piece.
fn shop(requests: u32, at: i64) -> Vec<Entry> {
    let mut server = Server::at(at);
    for number in 0..requests {
        let pid = 4100 + number % 3;
        server.request(number, pid);
        server.extended(pid, "SELECT name FROM users WHERE id = $1", &format!("$1 = '{number}'"));
        if number % 10 == 3 {
            let statement = format!("SELECT note FROM nowhere WHERE id = {number}");
            server.say(|at| Entry::error(at, pid, "42P01", "relation \"nowhere\" does not exist", &statement));
        }
        if number == 5 {
            let keys: Vec<String> = (0..9000).map(|key| key.to_string()).collect();
            server.simple(pid, &format!("SELECT id FROM items WHERE id IN ({})", keys.join(", ")));
        }
    }
    server.entries
}

/// A small one that most tests read.
static SHOP: LazyLock<Vec<Entry>> = LazyLock::new(|| shop(24, 2 * 3_600_000));

// ---------------------------------------------------------------------------------------------------------- the program

/// Runs `pgassay logs` on paths, with more arguments.
fn logs(paths: &[&str], more: &[&str]) -> Output {
    let output = pgassay(&[&["logs"], paths, more].concat());
    assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
    output
}

/// The report, whatever it found, and the exit code.
fn report_and_code(paths: &[&str], more: &[&str]) -> (Value, i32) {
    let output = logs(paths, &[&["--format", "json", "--top", "1000000"], more].concat());
    assert_eq!(output.stderr, "", "{paths:?} {more:?}: nothing is said beside a report");
    (parse(&output), output.code.unwrap())
}

/// The report of what can be read as it should be.
fn report(paths: &[&str], more: &[&str]) -> Value {
    let (report, code) = report_and_code(paths, &[&["--fail-on", "none"], more].concat());
    assert_eq!(code, 0, "{:#}", report["notes"]);
    report
}

fn parse(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Only an error, which ends with this code; what it says.
#[track_caller]
fn refused(output: &Output, code: i32) -> &str {
    assert_eq!((output.code, output.stdout.as_str()), (Some(code), ""), "{output:?}");
    let text = output.stderr.strip_prefix("pgassay: ").unwrap_or_else(|| panic!("{output:?}"));
    for word in ["panicked", "Err(", "Error {", "Some(", "Os {", "kind:", "RUST_BACKTRACE"] {
        assert!(!text.contains(word), "{text}");
    }
    text
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("no list {name} in {value:#}"))
}

fn findings<'v>(report: &'v Value, rule: &str) -> Vec<&'v Value> {
    list(report, "findings").iter().filter(|finding| finding["rule"] == rule).collect()
}

fn measure<'v>(finding: &'v Value, name: &str) -> &'v Value {
    list(finding, "detail").iter().find(|measure| measure["name"] == name).map_or(&Value::Null, |found| &found["value"])
}

/// The notes, a warning marked as one.
fn notes(report: &Value) -> Vec<String> {
    let text = |note: &Value| {
        let mark = if note["warning"] == true { "! " } else { "" };
        format!("{mark}{}", note["text"].as_str().unwrap())
    };
    list(report, "notes").iter().map(text).collect()
}

/// Whether one of the notes has these words.
#[track_caller]
fn says(report: &Value, words: &str) {
    assert!(notes(report).iter().any(|note| note.contains(words)), "{words}: {:#?}", notes(report));
}

fn number(report: &Value, name: &str) -> u64 {
    report["coverage"][name].as_u64().unwrap_or_else(|| panic!("no {name} in {:#}", report["coverage"]))
}

/// What has to be the same whatever a log is written in: without where it lies and what only some formats tell.
fn figures(report: &Value) -> Value {
    let finding = |finding: &Value| {
        let mut finding = finding.clone();
        finding["location"] = Value::Null;
        let detail = list(&finding, "detail").iter();
        let detail = detail
            .filter(|measure| measure["name"] != "applications" && measure["name"] != "sqlstate")
            .cloned()
            .collect();
        finding["detail"] = Value::Array(detail);
        finding
    };
    let coverage = &report["coverage"];
    // errors go by their SQLSTATE, where there is one
    let findings = list(report, "findings").iter().filter(|finding| finding["rule"] != "repeated-error");
    // without %e nothing but their severity tells them apart
    let failures: u64 = coverage["failures"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    json!({
        "queries": report["queries"], "requests": report["requests"], "window": report["window"],
        "findings": findings.map(finding).collect::<Vec<_>>(),
        "executions": coverage["executions"], "failures": failures, "nameless": coverage["nameless"],
    })
}

/// Two reports that have to say the same; the first difference is told.
#[track_caller]
fn same(what: &str, one: &Value, other: &Value) {
    fn difference(path: &str, one: &Value, other: &Value) -> Option<String> {
        match (one, other) {
            (Value::Object(a), Value::Object(b)) => {
                let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                keys.into_iter()
                    .find_map(|key| difference(&format!("{path}.{key}"), &one[key.as_str()], &other[key.as_str()]))
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                a.iter().zip(b).zip(0..).find_map(|((a, b), at)| difference(&format!("{path}[{at}]"), a, b))
            }
            _ => (one != other).then(|| format!("{path}: {one} and {other}")),
        }
    }
    if let Some(difference) = difference("", one, other) {
        panic!("{what}: {difference}");
    }
}

/// A log as a file of a folder.
fn write_log(folder: &Folder, name: &str, entries: &[Entry]) -> String {
    folder.write(name, stderr(entries))
}
