//! What is no log, a damaged one, or made to be slow: handled, counted and said; never a crash, never nothing as success.

use super::carriers::named_pipe;
use super::{Entry, SHOP, Server, csvlog, figures, findings, jsonlog, list, logs, measure, notes, number, refused};
use super::{report, report_and_code, same, says, stderr, write_log};
use crate::harness::{Folder, Output, pgassay_command};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

fn plain() -> String {
    stderr(&SHOP)
}

/// The report of a log that has everything of [`SHOP`] in it, and how many lines of it were not understood.
#[track_caller]
fn whole(what: &str, content: impl AsRef<[u8]>) -> (Value, u64) {
    let folder = Folder::new();
    let found = report(&[&folder.write("hostile.log", content)], &[]);
    let expected = report(&[&write_log(&folder, "plain.log", &SHOP)], &[]);
    same(what, &figures(&expected), &figures(&found));
    let unread = number(&found, "unread_lines");
    (found, unread)
}

// ------------------------------------------------------------------------------------------------------------ no log

#[test]
fn nothing_recognised_is_never_success() {
    let folder = Folder::new();
    let text = folder.write("notes.txt", "hello world\nthis is user-17 and no log\n42 = answer\n".repeat(20));
    let said = refused(&logs(&[&text], &[]), 2).to_owned();
    for words in ["notes.txt", "every known log_line_prefix", "--prefix", "| xxxxx xxxxx\n", "| 99 = xxxxxx"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("hello") && !said.contains("user"), "{said}");
    // a prefix that was told, and is another one's
    let log = write_log(&folder, "a.log", &SHOP);
    let said = refused(&logs(&[&log], &["--prefix", "%t %u "]), 2).to_owned();
    assert!(said.contains("with prefix \"%t %u \"") && said.contains("line 1 | 9999-99-99 99:99:99.999 UTC"), "{said}");
    for (name, content, words) in [
        ("empty.log", &b""[..], "is empty"),
        ("blank.log", b"\n\n \n", "is empty"),
        ("tabs.log", &[b'\t'; 100_000], "is empty"),
        ("program", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0", "an executable"),
        ("image.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0", "a PNG image"),
        ("base.db", b"SQLite format 3\0\x10\0\x01\x01", "SQLite"),
        ("logs.zip", b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0", "a zip archive: unpack it first"),
        ("log.lz4", b"\x04\x22\x4d\x18\x64\x40\xa7", "lz4"),
        ("gone.gz", b"\x1f\x8b\x08\0\0\0\0\0", "gzip data is truncated"),
    ] {
        let path = folder.write(name, content);
        let said = refused(&logs(&[&path], &[]), 2).to_owned();
        assert!(said.contains(name) && said.contains(words), "{name}: {said}");
        // beside a log it fails the run, but an empty file is none that could not be read
        let (report, code) = report_and_code(&[&path, &log], &["--fail-on", "none"]);
        assert_eq!(code, if words == "is empty" && name == "empty.log" { 0 } else { 3 }, "{name}");
        assert_eq!(number(&report, "entries"), SHOP.len() as u64);
        says(&report, words);
    }
    let mut state = 0x9e37_79b9_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    let noise: Vec<u8> = noise.take(100_000).collect();
    refused(&logs(&[&folder.write("noise", noise)], &[]), 2);
    refused(&with_input(&["logs", "-"], b""), 2);
    let said = refused(&with_input(&["logs", "-"], b"hello\nworld\n"), 2).to_owned();
    assert!(said.contains("standard input"), "{said}");
}

fn with_input(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = pgassay_command(arguments, &[]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    finish(child)
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
fn paths_without_logs() {
    let folder = Folder::new();
    let (empty, other) = (folder.path("empty"), folder.path("other"));
    fs::create_dir(&empty).unwrap();
    fs::create_dir(&other).unwrap();
    fs::write(folder.0.join("other/notes.txt"), "hello\n".repeat(30)).unwrap();
    assert!(refused(&logs(&[&empty], &[]), 2).contains("holds no log (0 files looked into)"));
    let said = refused(&logs(&[&other], &[]), 2).to_owned();
    assert!(said.contains("holds no log (1 files looked into)") && said.contains("notes.txt"), "{said}");
    assert!(refused(&logs(&[&folder.path("gone.log")], &[]), 2).contains("no such file or folder"));
    assert!(refused(&logs(&[&folder.path("*.log")], &[]), 2).contains("matches no file"));
    let output = logs(&[], &[]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""));
}

/// The run is not complete, the report is there.
#[test]
fn what_cannot_be_read_among_what_can() {
    let folder = Folder::new();
    let log = write_log(&folder, "a.log", &SHOP);
    let expected = figures(&report(&[&log], &[]));
    let around = folder.path("around.log");
    std::os::unix::fs::symlink(&around, &around).unwrap();
    for (path, words) in [(folder.path("gone.log"), "no such file"), (around, "Too many levels of symbolic links")] {
        let (report, code) = report_and_code(&[&log, &path], &["--fail-on", "none"]);
        assert_eq!(code, 3, "{path}");
        says(&report, words);
        same(&path, &expected, &figures(&report));
    }
    if !rustix::process::geteuid().is_root() {
        use std::os::unix::fs::PermissionsExt;
        let secret = write_log(&folder, "secret.log", &SHOP);
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
        let (report, code) = report_and_code(&[folder.0.to_str().unwrap()], &["--fail-on", "none"]);
        assert_eq!(code, 3);
        says(&report, "secret.log: permission denied");
    }
}

// ----------------------------------------------------------------------------------------------------------- damaged

#[test]
fn truncated_compression_is_read_as_far_as_it_goes() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs/compressed");
    let folder = Folder::new();
    for name in ["shop.log.gz", "shop.log.bz2", "shop.log.xz", "shop.log.zst"] {
        let bytes = fs::read(directory.join(name)).unwrap();
        // the last part of a file that was cut while it was copied
        let path = folder.write(name, &bytes[..bytes.len() - 12]);
        let output = logs(&[&path], &["--format", "json", "--fail-on", "none"]);
        if output.stdout.is_empty() {
            // nothing of a block comes out before its end
            assert!(refused(&output, 2).contains("truncated"), "{name}: {output:?}");
            continue;
        }
        assert_eq!(output.code, Some(3), "{name}");
        let report = super::parse(&output);
        says(&report, "was not read to its end");
        let trouble = list(&report["coverage"], "logs")[0]["trouble"].as_str().unwrap();
        assert!(trouble.ends_with("data is truncated") && !trouble.contains(name), "{name}: {trouble}");
        assert!(number(&report, "executions") > 40, "{name}: {}", report["coverage"]);
    }
    let bytes = fs::read(directory.join("shop.log.gz")).unwrap();
    let path = folder.write("half.gz", &bytes[..bytes.len() * 2 / 3]);
    let (report, code) = report_and_code(&[&path], &[]);
    assert_eq!(
        (code, number(&report, "executions") > 40),
        (3, true),
        "what was found does not hide that something is missing"
    );
    // behind the last member something that is none
    let path = folder.write("padded.gz", [&bytes[..], &[0; 512]].concat());
    assert_eq!(number(&super::report(&[&path], &[]), "executions"), 105);
}

#[test]
fn ends_of_lines_marks_and_bytes_that_are_no_text() {
    assert_eq!(whole("CRLF", plain().replace('\n', "\r\n")).1, 0);
    assert_eq!(whole("BOM", format!("\u{feff}{}", plain())).1, 0);
    assert_eq!(whole("no end", plain().trim_end()).1, 0);
    assert_eq!(whole("blank lines", plain() + "\n\n\n").1, 0);
    // a hole of a file system after a crash
    let text = plain();
    let at = text[..text.len() / 2].rfind("\n2026").unwrap() + 1;
    let holed = [&text.as_bytes()[..at], &[0; 4096], b"\n", &text.as_bytes()[at..]].concat();
    let (report, unread) = whole("NUL bytes", holed);
    assert!(unread <= 1, "{unread}: {}", report["coverage"]);
    // in values they are bytes like others
    let folder = Folder::new();
    let values = plain().into_bytes();
    let place = plain().find("country = '7'").unwrap() + 11;
    let mut odd = values.clone();
    odd.splice(place..place + 1, *b"\xff\xfe\0\x80\xc3");
    let odd = super::report(&[&folder.write("odd.log", odd)], &[]);
    let even = super::report(&[&folder.write("even.log", values)], &[]);
    same("bytes in a value", &figures(&even), &figures(&odd));
    // the first and the last entry may be halves
    let halves = super::report(&[&folder.write("halves.log", &plain()[50..plain().len() - 40])], &[]);
    assert_eq!((number(&halves, "unread_lines"), number(&halves, "entries")), (1, SHOP.len() as u64 - 1));
}

#[test]
fn long_lines() {
    let folder = Folder::new();
    let mut server = Server::at(3_600_000);
    let long = "x".repeat(300_000);
    server.simple(4100, &format!("SELECT '{long}'"));
    server.simple(4100, &format!("SELECT '{}'", "y".repeat(5_000_000)));
    server.request(1, 4100);
    for (name, text) in
        [("stderr", stderr(&server.entries)), ("csv", csvlog(&server.entries)), ("json", jsonlog(&server.entries))]
    {
        let report = report(&[&folder.write(name, text)], &[]);
        assert_eq!((number(&report, "executions"), number(&report, "unread_lines")), (17, 0), "{name}");
        let queries = list(&report, "queries");
        assert!(queries.iter().any(|query| query["calls"] == 2 && query["query"] == "select $1"), "{queries:#?}");
    }
    refused(&logs(&[&folder.write("junk", &long)], &[]), 2);
}

/// Text of a log inside a value is a value.
#[test]
fn forged_lines_are_values() {
    let folder = Folder::new();
    let mut server = Server::at(3_600_000);
    for number in 0..20 {
        let forged = Entry::timed(1, 4999, 99_000_000, "statement: SELECT forged FROM nothing");
        let text = format!(
            "SELECT 'a{number}\n{}\n{}\n' FROM t",
            stderr(std::slice::from_ref(&forged)),
            csvlog(std::slice::from_ref(&forged))
        );
        server.simple(4100, &text);
        server.extended(4100, "SELECT $1", &format!("$1 = '{}'", stderr(std::slice::from_ref(&forged))));
        server.simple(4100, &format!("SELECT '{}' FROM u", jsonlog(&[forged])));
    }
    for (name, text) in
        [("log", stderr(&server.entries)), ("csv", csvlog(&server.entries)), ("json", jsonlog(&server.entries))]
    {
        let report = report(&[&folder.write(name, text)], &["-v"]);
        assert_eq!((number(&report, "executions"), number(&report, "unread_lines")), (60, 0), "{name}");
        let longest =
            list(&report, "queries").iter().map(|query| query["max_ms"].as_f64().unwrap()).fold(0.0, f64::max);
        assert!(longest < 10.0, "{name}: {longest}");
        assert!(!report.to_string().contains("forged"), "{name}");
    }
}

#[test]
fn clocks_and_processes_that_come_again() {
    let folder = Folder::new();
    // a clock that is set back by half an hour, and forward again
    let mut stepped = SHOP.clone();
    for entry in &mut stepped[200..300] {
        entry.at -= 1_800_000;
    }
    let log = write_log(&folder, "stepped.log", &stepped);
    let found = report(&[&log], &[]);
    let expected = report(&[&write_log(&folder, "plain.log", &SHOP)], &[]);
    assert_eq!(found["queries"], expected["queries"], "durations do not go by the clock");
    let stored = folder.path("stored.json");
    report(&[&log], &["--save", &stored]);
    let stored: Value = serde_json::from_str(&fs::read_to_string(stored).unwrap()).unwrap();
    assert!(stored["coverage"]["clock_steps"].as_u64().unwrap() >= 1, "{}", stored["coverage"]);
    for (what, entries) in
        [("PID reuse, connections logged", reused(true)), ("PID reuse, numbered lines", reused(false))]
    {
        let text = match entries.is_ok() {
            true => stderr(&entries.unwrap()),
            false => entries.unwrap_err(),
        };
        let found = report(&[&folder.write("reused.log", text)], &[]);
        let group = findings(&found, "n-plus-one");
        assert_eq!(group.len(), 1, "{what}");
        assert_eq!(
            (measure(group[0], "requests"), measure(group[0], "calls_per_request_max")),
            (&12.into(), &11.into())
        );
    }
}

/// Twelve connections, each of a process with the same number: as their connections tell, or the numbers of their lines.
fn reused(connections: bool) -> Result<Vec<Entry>, String> {
    let mut server = Server::at(3_600_000);
    let mut numbered = String::new();
    for number in 0..12 {
        let before = server.entries.len();
        if connections {
            server.say(|at| Entry::new(at, 4100, "connection received: host=[local]"));
            server.say(|at| Entry::new(at, 4100, "connection authorized: user=app database=shop application_name=web"));
        }
        server.simple(4100, &format!("SELECT id FROM authors WHERE country = {number}"));
        for child in 0..11 {
            server.simple(4100, &format!("SELECT title FROM books WHERE author_id = {}", number * 50 + child));
        }
        if connections {
            let end = "disconnection: session time: 0:00:00.100 user=app database=shop host=[local]";
            server.say(|at| Entry::new(at, 4100, end));
        }
        for (line, entry) in (1..).zip(&server.entries[before..]) {
            let prefix =
                format!("{} [{}]: [{line}-1] user=app,db=shop,app=web,client=[local] ", entry.time(), entry.pid);
            numbered.push_str(&(entry.lines(&prefix).join("\n") + "\n"));
        }
    }
    if connections { Ok(server.entries) } else { Err(numbered) }
}

#[test]
fn without_processes_there_are_totals_only() {
    let folder = Folder::new();
    let lines = |prefix: &dyn Fn(&Entry) -> String| {
        let lines: Vec<String> = SHOP.iter().flat_map(|entry| entry.lines(&prefix(entry))).collect();
        lines.join("\n") + "\n"
    };
    let expected = report(&[&write_log(&folder, "plain.log", &SHOP)], &[]);
    for (text, more) in [
        (lines(&|entry| format!("{} ", entry.time())), &[][..]),
        (lines(&|entry| format!("{} {}@{} ", entry.time(), entry.user, entry.database)), &["--prefix", "%m %q%u@%d "]),
    ] {
        let found = report(&[&folder.write("nameless.log", text)], more);
        says(&found, "! the log names no process: totals only; N+1 needs %p or %c in log_line_prefix");
        assert!(findings(&found, "n-plus-one").is_empty());
        let total = |report: &Value| -> f64 {
            list(report, "queries").iter().map(|query| query["total_ms"].as_f64().unwrap()).sum()
        };
        assert!((total(&found) - total(&expected)).abs() < 1e-6, "{} and {}", total(&found), total(&expected));
        let rule = list(&found, "rules").iter().find(|rule| rule["id"] == "n-plus-one").unwrap();
        assert_eq!(rule["outcome"], "skipped", "{rule:#}");
        assert!(rule.to_string().contains("%p"), "{rule:#}");
    }
}

#[test]
fn what_is_half_understood_is_said_to_be() {
    let folder = Folder::new();
    let other = plain().replace(" [41", " pid=[41");
    let found = report(&[&folder.write("mixed.log", plain() + &other)], &[]);
    assert_eq!(number(&found, "unread_lines") * 2, number(&found, "lines"));
    assert!((found["coverage"]["share"].as_f64().unwrap() - 0.5).abs() < 1e-9);
    let finding = findings(&found, "log-partly-understood");
    assert_eq!(finding.len(), 1);
    let unread = list(&found["coverage"], "unread");
    assert!(!unread.is_empty() && unread[0]["text"].as_str().unwrap().contains("xxx=[9999]"), "{unread:#?}");
    assert_eq!(unread[0]["line"].as_u64().unwrap(), plain().lines().count() as u64 + 1);
    for (name, text) in [
        ("cut.csv", csvlog(&SHOP)[300..csvlog(&SHOP).len() - 50].to_owned()),
        ("cut.json", jsonlog(&SHOP)[300..jsonlog(&SHOP).len() - 50].to_owned()),
        ("quotes.csv", csvlog(&SHOP) + "2026-11-22 02:59:59.999 UTC,\"app\",\"shop\",1,\"\"\" x\n" + &csvlog(&SHOP)),
        ("deep.json", format!("{}{}\n{}", jsonlog(&SHOP), "{\"timestamp\":[[[{".repeat(50_000), jsonlog(&SHOP))),
    ] {
        let found = report(&[&folder.write(name, text)], &[]);
        let unread = number(&found, "unread_lines");
        assert!((1..=6).contains(&unread), "{name}: {unread} lines");
        assert!(number(&found, "entries") >= SHOP.len() as u64 - 3, "{name}: {}", found["coverage"]);
    }
}

/// Files that change after they were looked into and before they are read: a pipe in front of them holds the reading up.
#[test]
fn files_that_shrink_or_vanish() {
    for (what, change) in [
        (
            "became shorter while it was read",
            &(|path: &str| fs::write(path, &plain()[..5000]).unwrap()) as &dyn Fn(&str),
        ),
        ("cannot be read: No such file", &|path: &str| fs::remove_file(path).unwrap()),
        ("is empty", &|path: &str| fs::write(path, "").unwrap()),
    ] {
        let folder = Folder::new();
        let (pipe, log) = (folder.path("pipe"), write_log(&folder, "changing.log", &SHOP));
        named_pipe(&pipe);
        let arguments = ["logs", &pipe, &log, "--format", "json", "--fail-on", "none"];
        let child = pgassay_command(&arguments, &[]).spawn().unwrap();
        // opens when the other end is opened, which is when all files have been looked into
        let mut writer = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        change(&log);
        writer.write_all(plain().as_bytes()).unwrap();
        drop(writer);
        let output = finish(child);
        assert_eq!((output.code, output.stderr.as_str()), (Some(3), ""), "{what}");
        let report = super::parse(&output);
        says(&report, what);
        assert!(notes(&report).iter().any(|note| note.starts_with('!') && note.contains("changing.log")));
        assert!(number(&report, "entries") >= SHOP.len() as u64, "the pipe was read");
    }
}

// -------------------------------------------------------------------------------------------------------- interruption

/// Ctrl-C while a pipe stays open.
#[test]
fn an_interruption_prints_what_was_found() {
    let mut child = pgassay_command(&["logs", "-", "--format", "json", "--fail-on", "none"], &[])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // more than a pipe holds: once it is written, the program has read it, and listens
    let entries = super::shop(200, 3_600_000);
    stdin.write_all(stderr(&entries).as_bytes()).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(finish(child)));
    let output = ended.recv_timeout(Duration::from_secs(60)).expect("it ends");
    assert_eq!(output.code, Some(130));
    drop(stdin);
    let report = super::parse(&output);
    says(&report, "! reading was interrupted");
    let executions = number(&report, "executions");
    assert!(executions > 200 && executions <= 200 * 16 + 1, "{executions}");
    assert_eq!(findings(&report, "n-plus-one").len(), 1);
}

/// How far it is is for people at a terminal.
#[test]
fn nothing_is_said_while_it_reads() {
    let folder = Folder::new();
    let log = folder.write("large.log", stderr(&super::shop(3000, 0)));
    for more in [&[][..], &["--format", "json"], &["--jobs", "1"]] {
        let output = logs(&[&log], &[more, &["--fail-on", "none"]].concat());
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    }
}

// -------------------------------------------------------------------------------------------------------------- growth

/// The time to read a log, in one thread; the best of so many.
fn time(path: &str, times: usize) -> Duration {
    let run = || {
        let begin = Instant::now();
        let output = logs(&[path], &["--jobs", "1", "--format", "json", "--fail-on", "none"]);
        assert!(matches!(output.code, Some(0 | 2)), "{output:?}");
        begin.elapsed()
    };
    (0..times).map(|_| run()).min().unwrap()
}

/// Four times as much takes about four times as long, whatever it is made of.
#[test]
fn time_grows_with_the_log() {
    let statement = |text: &str| stderr(&[Entry::timed(3_600_000, 4100, 500, &format!("statement: SELECT {text}"))]);
    let many = |size: usize, entry: &dyn Fn(usize) -> Entry| stderr(&(0..size / 100).map(entry).collect::<Vec<_>>());
    let plan = |size: usize| {
        let nodes: String = (0..size / 60)
            .map(|depth| format!("{}->  Nested Loop  (cost=0.00..9.00 rows=1 width=4)\n", " ".repeat(depth % 40)))
            .collect();
        format!("duration: 1.000 ms  plan:\nQuery Text: select 1\n{nodes}")
    };
    type Made<'a> = &'a dyn Fn(usize) -> String;
    let logs: [(&str, Made<'_>); 25] = [
        ("quotes", &|size| statement(&"'".repeat(size))),
        ("odd quotes", &|size| statement(&"'".repeat(size | 1))),
        ("escapes", &|size| statement(&format!("E'{}", "\\'".repeat(size / 2)))),
        ("parentheses", &|size| statement(&"(".repeat(size))),
        ("parentheses that close", &|size| statement(&format!("{}1{}", "(".repeat(size / 2), ")".repeat(size / 2)))),
        ("dollar tags", &|size| statement(&"$a$b".repeat(size / 4))),
        ("dollars", &|size| statement(&"$".repeat(size))),
        ("long dollar tags", &|size| statement(&format!("${}", "a$".repeat(size / 2)))),
        ("comments in comments", &|size| statement(&"/*".repeat(size / 2))),
        ("comments", &|size| statement(&"/*a='b'*/".repeat(size / 9))),
        ("lists", &|size| statement(&format!("1 WHERE a IN ({}1)", "1, ".repeat(size / 3)))),
        ("lists of lists", &|size| statement(&"(1,(2,".repeat(size / 6))),
        ("operators", &|size| statement(&"1 + ".repeat(size / 4))),
        ("statements", &|size| statement(&"1; SELECT ".repeat(size / 10))),
        ("a line of a megabyte and more", &|size| statement(&format!("'{}'", "x".repeat(4 * size)))),
        ("continued lines", &|size| statement(&"1,\n".repeat(size / 3))),
        ("tabs", &|size| plain() + &"\t\n".repeat(size / 2)),
        ("lines that are none", &|size| plain() + &"2026-11-22 02:00:00 UTC x LOG:\n".repeat(size / 32)),
        ("as many processes as lines", &|size| {
            many(size, &|number| {
                Entry::timed(3_600_000 + number as i64, 5000 + number as u32, 500, "statement: SELECT 1")
            })
        }),
        ("as many shapes as lines", &|size| {
            many(size, &|number| {
                Entry::timed(3_600_000 + number as i64, 4100, 500, &format!("statement: SELECT a{number}x"))
            })
        }),
        ("steps that never end", &|size| {
            many(size, &|number| {
                Entry::timed(3_600_000 + number as i64, 4100, 5, &format!("parse s{number}: SELECT 1"))
            })
        }),
        ("plans", &|size| stderr(&[Entry::new(3_600_000, 4100, plan(size))])),
        ("csv with open quotes", &|size| csvlog(&SHOP) + &"2026-11-22 02:00:00.000 UTC,\"a\n".repeat(size / 30)),
        ("csv of quotes", &|size| csvlog(&SHOP) + "2026-11-22 02:00:00.000 UTC,\"" + &"\"".repeat(size)),
        ("deep json", &|size| jsonlog(&SHOP) + "{\"timestamp\":" + &"[{\"a\":".repeat(size / 6)),
    ];
    let folder = Folder::new();
    let mut slow = Vec::new();
    for (what, made) in logs {
        const SIZE: usize = 100_000;
        let (small, large) = (folder.write("small.log", made(SIZE)), folder.write("large.log", made(4 * SIZE)));
        let measured = |times| (time(&small, times), time(&large, times));
        // what takes no time has no ratio
        let is_slow = |(small, large): (Duration, Duration)| large > 8 * small && large > Duration::from_millis(300);
        if is_slow(measured(1)) {
            let measured = measured(5);
            if is_slow(measured) {
                slow.push((what, measured));
            }
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}
