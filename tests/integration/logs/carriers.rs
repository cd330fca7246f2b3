//! One log in every format, carrier and compression, whole and in pieces: what it says is the same.

use super::{Entry, numbers, write_log};
use super::{PREFIX, SHOP, csvlog, figures, findings, jsonlog, list, logs, number, report, same, says, shop, stderr};
use crate::harness::{Folder, pgassay_command};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::LazyLock;

/// What the log says as a server writes it to standard error.
static PLAIN: LazyLock<Value> = LazyLock::new(|| {
    let folder = Folder::new();
    let report = report(&[&write_log(&folder, "plain.log", &SHOP)], &[]);
    assert_eq!(list(&report["coverage"], "logs")[0]["prefix"], PREFIX);
    assert_eq!((number(&report, "entries"), number(&report, "unread_lines")), (SHOP.len() as u64, 0));
    // a begin, a list, twelve look-ups, a commit and a statement in three steps; and one long one
    assert_eq!(number(&report, "executions"), 24 * 16 + 1);
    let group = findings(&report, "n-plus-one");
    assert_eq!(group.len(), 1, "{group:#?}");
    assert_eq!(group[0]["severity"], "high");
    figures(&report)
});

/// A log that is something else to look at, and says the same.
fn says_the_same(what: &str, content: impl AsRef<[u8]>, format: &str) {
    let folder = Folder::new();
    let path = folder.write("carried", content);
    let report = report(&[&path], &[]);
    let log = &list(&report["coverage"], "logs")[0];
    assert_eq!(log["format"], format, "{what}");
    assert_eq!(number(&report, "unread_lines"), 0, "{what}: {:#}", report["coverage"]);
    same(what, &PLAIN, &figures(&report));
}

#[test]
fn formats_agree() {
    says_the_same("csvlog", csvlog(&SHOP), "csvlog");
    says_the_same("jsonlog", jsonlog(&SHOP), "jsonlog");
}

#[test]
fn prefixes_agree() {
    let folder = Folder::new();
    let lines = |prefix: &dyn Fn(&Entry) -> String| {
        let lines: Vec<String> = SHOP.iter().flat_map(|entry| entry.lines(&prefix(entry))).collect();
        lines.join("\n") + "\n"
    };
    for (prefix, text) in [
        (
            "%m [%p] %q[user=%u,db=%d,app=%a] ",
            lines(&|e| format!("{} [{}] [user={},db={},app=web] ", e.time(), e.pid, e.user, e.database)),
        ),
        (
            "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
            lines(&|e| {
                let time = e.time().replacen(&e.time()[19..23], "", 1);
                format!("{time} [{}]: user={},db={},app=web,client=[local] ", e.pid, e.user, e.database)
            }),
        ),
        ("%m:%r:%u@%d:[%p]:", lines(&|e| format!("{}:[local]:{}@{}:[{}]:", e.time(), e.user, e.database, e.pid))),
    ] {
        let path = folder.write("prefixed.log", text);
        let found = report(&[&path], &[]);
        let log = &list(&found["coverage"], "logs")[0];
        assert_eq!((&log["prefix"], &log["is_detected"]), (&json!(prefix), &json!(true)));
        let mut found = figures(&found);
        let mut plain = PLAIN.clone();
        if prefix.starts_with("%t") {
            // whole seconds tell neither the log's bounds nor pauses
            for report in [&mut found, &mut plain] {
                report["window"] = Value::Null;
                for request in report["requests"].as_array_mut().unwrap() {
                    request["wall_p50_ms"] = Value::Null;
                    request["wall_p95_ms"] = Value::Null;
                }
                report["findings"] = Value::Null;
            }
        }
        same(prefix, &plain, &found);
    }
    // nobody's habit: it has to be told, and is believed
    let path = folder.write("odd.log", lines(&|e| format!("<{}|{}|{}|{}> ", e.pid, e.time(), e.database, e.user)));
    let found = report(&[&path, "--prefix", "<%p|%m|%d|%u> "], &[]);
    assert_eq!(list(&found["coverage"], "logs")[0]["is_detected"], false);
    same("a prefix that was told", &PLAIN, &figures(&found));
}

/// Pieces of a text of at most so many bytes; where characters end.
fn pieces(text: &str, most: usize) -> Vec<&str> {
    let mut rest = text;
    let mut pieces = Vec::new();
    while rest.len() > most {
        let (piece, more) = rest.split_at(crate::logs::boundary(rest, most));
        pieces.push(piece);
        rest = more;
    }
    pieces.push(rest);
    pieces
}

#[test]
fn carriers_add_and_lose_nothing() {
    let plain = stderr(&SHOP);
    assert!(plain.lines().any(|line| line.len() > 40_000), "a line that carriers split");
    let each_line = |line: &dyn Fn(usize, &str) -> String| -> String {
        plain.lines().enumerate().map(|(at, text)| line(at, text) + "\n").collect()
    };

    let docker = |_: usize, text: &str| {
        let whole = format!("{text}\n");
        let pieces = pieces(&whole, 16 << 10).into_iter();
        let piece = |log| json!({"log": log, "stream": "stderr", "time": "2026-11-22T02:00:00.123456789Z"}).to_string();
        pieces.map(piece).collect::<Vec<_>>().join("\n")
    };
    says_the_same("docker", each_line(&docker), "docker json-file > stderr");

    let cri = |_: usize, text: &str| {
        let pieces = pieces(text, 16 << 10);
        let last = pieces.len() - 1;
        let line = |(at, piece): (usize, &&str)| {
            format!("2026-11-22T02:00:00.123456789Z stderr {} {piece}", if at == last { 'F' } else { 'P' })
        };
        pieces.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
    };
    says_the_same("CRI", each_line(&cri), "Kubernetes (CRI) > stderr");

    says_the_same("compose", each_line(&|_, text| format!("db-1  | {text}")), "docker compose > stderr");
    let timed = |_: usize, text: &str| format!("2026-11-22T02:00:00.123456789Z {text}");
    says_the_same("docker logs -t", each_line(&timed), "timestamped lines > stderr");

    // tabs as octals, a number for each message of a process and each of its lines
    let mut syslog = String::new();
    for (number, entry) in (1..).zip(SHOP.iter()) {
        let lines = entry.lines(&entry.prefix());
        let pieces = lines.iter().flat_map(|line| pieces(line, 900));
        for (part, piece) in (1..).zip(pieces) {
            let piece = piece.replace('\t', "#011");
            writeln!(syslog, "Nov 22 02:00:00 db1 postgres[{}]: [{number}-{part}] {piece}", entry.pid).unwrap();
        }
    }
    says_the_same("syslog", syslog, "syslog > stderr");

    let mut cloud_sql = String::new();
    for (entry, number) in SHOP.iter().zip(numbers(&SHOP)) {
        for part in entry.parts() {
            let (time, Entry { pid, user, database, .. }) = (entry.time(), entry);
            let prefix = format!("{time} [{pid}]: [{number}-1] db={database},user={user} ");
            let text = format!("{prefix}{}:  {}", part.0, part.1.replace('\n', "\n\t"));
            let stamp = format!("{}T{}Z", &time[..10], &time[11..23]);
            let labels = json!({"type": "cloudsql_database", "labels": {"database_id": "project:shop"}});
            let name = "projects/project/logs/cloudsql.googleapis.com%2Fpostgres.log";
            let object = json!({"insertId": number.to_string(), "logName": name, "resource": labels,
                "severity": "INFO", "textPayload": text, "timestamp": stamp});
            writeln!(cloud_sql, "{object}").unwrap();
        }
    }
    says_the_same("Cloud SQL", cloud_sql, "Cloud SQL > stderr");

    let mut native = String::new();
    for (entry, number) in SHOP.iter().zip(numbers(&SHOP)) {
        let record = json!({
            "log_time": entry.time(), "user_name": entry.user, "database_name": entry.database,
            "process_id": entry.pid.to_string(), "connection_from": "[local]", "session_id": entry.session(),
            "session_line_num": number.to_string(), "command_tag": "SELECT",
            "session_start_time": "2026-11-22 00:00:00 UTC", "transaction_id": "0", "error_severity": entry.severity,
            "sql_state_code": entry.sqlstate, "message": entry.message, "detail": entry.detail,
            "context": entry.context, "query": entry.statement, "application_name": "web",
            "backend_type": "client backend", "query_id": "0",
        });
        let object = json!({"level": "info", "ts": "2026-11-22T02:00:00.123456Z", "logger": "postgres", "msg": "record",
            "logging_pod": "shop-1", "record": record});
        writeln!(native, "{object}").unwrap();
        if number % 100 == 0 {
            let other = json!({"level": "info", "ts": "2026-11-22T02:00:00Z", "logger": "instance-manager",
                "msg": "periodic TLS certificates refresh", "logging_pod": "shop-1"});
            writeln!(native, "{other}").unwrap();
        }
    }
    says_the_same("CloudNativePG", &native, "CloudNativePG > jsonlog");
    let nested = |line: &str| docker(0, line);
    let nested = native.lines().map(nested).collect::<Vec<_>>().join("\n") + "\n";
    says_the_same("CloudNativePG in docker", nested, "docker json-file > CloudNativePG > jsonlog");

    let units: Vec<u8> = "\u{feff}".encode_utf16().chain(plain.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    says_the_same("UTF-16", units, "UTF-16 > stderr");
}

/// `tests/logs/compressed`: one log, compressed by the usual programs, the gzip in two members.
#[test]
fn compressed_logs_are_told_by_their_bytes() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs/compressed");
    let plain = figures(&report(&[directory.join("shop.log").to_str().unwrap()], &[]));
    assert_eq!(plain["executions"], 105);
    for name in ["shop.log.gz", "shop.log.bz2", "shop.log.xz", "shop.log.zst"] {
        let bytes = fs::read(directory.join(name)).unwrap();
        let folder = Folder::new();
        let path = folder.write("nothing-in-its-name", bytes);
        same(name, &plain, &figures(&report(&[&path], &[])));
    }
}

#[test]
fn standard_input_and_pipes_are_read() {
    for (format, text) in [("stderr", stderr(&SHOP)), ("csvlog", csvlog(&SHOP)), ("jsonlog", jsonlog(&SHOP))] {
        let mut command =
            pgassay_command(&["logs", "-", "--format", "json", "--top", "1000000", "--fail-on", "none"], &[]);
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(list(&found["coverage"], "logs")[0]["path"], "standard input");
        same(format, &PLAIN, &figures(&found));
    }
    // one that can be read only once
    let folder = Folder::new();
    let pipe = folder.path("pipe");
    named_pipe(&pipe);
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, stderr(&SHOP)).unwrap()
    });
    let found = report(&[&pipe], &[]);
    writer.join().unwrap();
    same("a pipe", &PLAIN, &figures(&found));
}

/// Makes a named pipe.
pub(super) fn named_pipe(path: &str) {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

#[test]
fn rotated_logs_are_read_in_the_order_of_their_times() {
    let folder = Folder::new();
    let log = folder.0.join("log");
    fs::create_dir_all(&log).unwrap();
    let third = SHOP.len() / 3;
    // logrotate's names: the higher the older; and what lies beside logs
    for (name, part) in [("postgresql.log.2", &SHOP[..third]), ("postgresql.log.1", &SHOP[third..2 * third])] {
        fs::write(log.join(name), stderr(part)).unwrap();
    }
    fs::write(log.join("postgresql.log"), stderr(&SHOP[2 * third..])).unwrap();
    fs::write(log.join("postgresql.pid"), "4100\n").unwrap();
    fs::write(log.join("README"), "these are logs\n").unwrap();
    fs::write(log.join("empty.log"), "").unwrap();
    let path = log.to_str().unwrap();
    let found = report(&[path], &[]);
    same("a rotated set", &PLAIN, &figures(&found));
    let names: Vec<&str> = list(&found["coverage"], "logs").iter().map(|log| log["path"].as_str().unwrap()).collect();
    let names: Vec<&str> = names.iter().map(|name| name.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["postgresql.log.2", "postgresql.log.1", "postgresql.log"]);
    says(&found, "empty.log: is empty");
    same("a pattern", &PLAIN, &figures(&report(&[&format!("{path}/postgresql.log*")], &[])));
    // what would count twice counts once
    let twice = report(&[path, &format!("{path}/postgresql.log.1")], &[]);
    same("twice", &PLAIN, &figures(&twice));
    says(&twice, "is the same file as");
    // all destinations of one run
    let folder = Folder::new();
    folder.write("server.log", stderr(&SHOP));
    folder.write("server.csv", csvlog(&SHOP));
    folder.write("server.json", jsonlog(&SHOP));
    let found = report(&[folder.0.to_str().unwrap()], &[]);
    same("three destinations", &PLAIN, &figures(&found));
    says(&found, "holds what");
}

/// A report without the time at which it was made.
fn timeless(output: &str) -> String {
    let (before, after) = output.split_once("\"generated_at\"").expect("a report says when it was made");
    format!("{before}{}", after.split_once('\n').expect("something follows").1)
}

#[test]
fn threads_change_nothing() {
    let folder = Folder::new();
    let entries = shop(6000, 0);
    let csv = folder.write("large.csv", csvlog(&entries));
    let json = folder.write("large.json", jsonlog(&entries));
    let log = folder.write("large.log", stderr(&entries));
    let mut first = None;
    for path in [&log, &csv, &json] {
        assert!(fs::metadata(path).unwrap().len() > 8 << 20, "chunks for every thread");
        let mut one = None;
        for jobs in ["1", "2", "5"] {
            let stored = folder.path("stored.json");
            let output = logs(&[path], &["--jobs", jobs, "--format", "json", "--fail-on", "none", "--save", &stored]);
            assert_eq!(output.code, Some(0), "{}", output.stderr);
            let made = (timeless(&output.stdout), fs::read_to_string(&stored).unwrap());
            match &one {
                None => one = Some(made),
                Some(one) => assert!(*one == made, "{path} --jobs {jobs}"),
            }
        }
        let report = serde_json::from_str(&one.unwrap().0.replacen(",\n  ,", ",", 1)).ok();
        let figures = report.map(|report: Value| figures(&report));
        match &first {
            None => first = Some(figures),
            Some(first) => same(path, &json!(first), &json!(figures)),
        }
    }
}
