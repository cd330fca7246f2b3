//! Logs in a job: gates, budgets, accepted findings, windows and selections.

use super::{
    Entry, SHOP, Server, findings, list, logs, measure, notes, number, refused, report, report_and_code, says,
};
use super::{stderr, write_log};
use crate::harness::Folder;
use serde_json::{Value, json};

/// The log of [`SHOP`], and its folder.
fn shop() -> (Folder, String) {
    let folder = Folder::new();
    let log = write_log(&folder, "shop.log", &SHOP);
    (folder, log)
}

fn code(log: &str, more: &[&str]) -> i32 {
    report_and_code(&[log], more).1
}

#[test]
fn gates_are_about_what_was_found() {
    let (_folder, log) = shop();
    let report = report(&[&log], &[]);
    let severity = |rule: &str| findings(&report, rule).first().map(|finding| finding["severity"].as_str().unwrap());
    assert_eq!((severity("n-plus-one"), severity("literals-in-log")), (Some("high"), Some("low")));
    for (gates, expected) in [
        (&[][..], 1),
        (&["--fail-on", "n-plus-one:high"], 1),
        (&["--fail-on", "n-plus-one"], 1),
        (&["--fail-on", "none"], 0),
        (&["--fail-on", "slow-query"], 0),
        (&["--fail-on", "literals-in-log:medium"], 0),
        (&["--fail-on", "literals-in-log:low"], 1),
        (&["--fail-on", "slow-query", "--fail-on", "n-plus-one:high"], 1),
        (&["--skip", "n-plus-one"], 0),
        (&["--exit-zero"], 0),
        (&["--only", "slow-query,deadlock"], 0),
    ] {
        assert_eq!(code(&log, gates), expected, "{gates:?}");
    }
    let text = refused(&logs(&[&log], &["--fail-on", "n-plus-on:high"]), 2).to_owned();
    assert!(text.contains("did you mean \"n-plus-one\"?"), "{text}");
}

#[test]
fn a_low_group_does_not_fail_a_gate_of_high_ones() {
    let folder = Folder::new();
    let mut server = Server::at(3_600_000);
    for number in 0..20 {
        server.simple(4100, "BEGIN");
        server.simple(4100, &format!("SELECT id FROM authors WHERE country = {number}"));
        for child in 0..4 {
            server.simple(4100, &format!("SELECT title FROM books WHERE author_id = {}", number * 10 + child));
        }
        server.simple(4100, "COMMIT");
    }
    let log = write_log(&folder, "few.log", &server.entries);
    let found = report(&[&log], &[]);
    assert_eq!(findings(&found, "n-plus-one")[0]["severity"], "low");
    assert_eq!(code(&log, &["--fail-on", "n-plus-one:high"]), 0);
    assert_eq!(code(&log, &["--fail-on", "n-plus-one:low"]), 1);
}

/// What is bounded by pauses alone is not sure enough.
#[test]
fn what_is_suspected_fails_nothing() {
    let folder = Folder::new();
    let mut server = Server::at(3_600_000);
    for number in 0..3 {
        server.simple(4100, &format!("SELECT id FROM authors WHERE country = {number}"));
        for child in 0..6 {
            server.simple(4100, &format!("SELECT title FROM books WHERE author_id = {}", number * 10 + child));
        }
        server.at += 60_000;
    }
    let log = write_log(&folder, "suspected.log", &server.entries);
    let found = report(&[&log], &["-v"]);
    let groups = findings(&found, "n-plus-one");
    assert!(groups.iter().any(|group| measure(group, "suspected") == true), "{groups:#?}");
    assert!(groups.iter().all(|group| group["severity"] == "info"), "{groups:#?}");
    for gate in ["high", "low", "n-plus-one:low"] {
        assert_eq!(code(&log, &["--skip", "literals-in-log", "--fail-on", gate]), 0, "{gate}");
    }
}

/// Requests under routes: of three statements each.
fn routed() -> Vec<Entry> {
    let mut server = Server::at(3_600_000);
    for number in 0..40 {
        let route = if number % 4 == 0 { "/reports/sales" } else { "/home" };
        let tag = format!("/*route='{}'*/", route.replace('/', "%2F"));
        server.simple(4100, "BEGIN");
        for table in ["users", "carts", "flags"] {
            server.simple(4100, &format!("SELECT a FROM {table} WHERE id = {number} {tag}"));
        }
        server.simple(4100, "COMMIT");
    }
    server.entries
}

#[test]
fn budgets_of_requests_and_routes() {
    let folder = Folder::new();
    let log = write_log(&folder, "routed.log", &routed());
    let names = |report: &Value| -> Vec<String> {
        let found = findings(report, "too-many-queries-per-request");
        found.iter().map(|finding| finding["subject"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let with = |text: &str| {
        let config = folder.write("pgassay.toml", text);
        report_and_code(&[&log], &["--config", &config, "--fail-on", "too-many-queries-per-request:high"])
    };
    let (report, code) = with("");
    assert_eq!((names(&report), code), (vec![], 0));
    let routes: Vec<&str> = list(&report, "requests").iter().filter_map(|request| request["route"].as_str()).collect();
    assert_eq!(routes, ["/home", "/reports/sales"]);
    let (report, code) = with("[logs]\nmax_queries_per_request = 2\n");
    assert_eq!((names(&report).len(), code), (2, 1));
    let (report, code) = with("[logs]\nmax_queries_per_request = 2\n[logs.routes]\n\"/reports/*\" = 3\n");
    assert_eq!((names(&report), code), (vec!["/home".to_owned()], 1));
    let (report, code) = with("[logs.routes]\n\"/reports/*\" = 2\n");
    assert_eq!((names(&report), code), (vec!["/reports/sales".to_owned()], 1));
    let (report, code) = with("[logs]\nmax_queries_per_request = 3\n");
    assert_eq!((names(&report), code), (vec![], 0));
    let config = folder.write("pgassay.toml", "[logs]\nmax_queries_per_requests = 3\n");
    let text = refused(&logs(&[&log], &["--config", &config]), 2).to_owned();
    assert!(text.contains("max_queries_per_request"), "{text}");
}

/// A baseline: groups that are known, by key, each with a reason.
#[test]
fn accepted_groups_need_a_reason_and_fail_nothing() {
    let (folder, log) = shop();
    let all = report(&[&log], &[]);
    let key = findings(&all, "n-plus-one")[0]["key"].as_str().unwrap();
    let with = |text: &str| folder.write("pgassay.toml", text);
    let accepted = with(&format!("[[suppress]]\nkey = \"{key}\"\nreason = \"the list is never long\"\n"));
    let (report, code) = report_and_code(&[&log], &["--config", &accepted]);
    assert_eq!((findings(&report, "n-plus-one").len(), code), (0, 0));
    let suppressed = list(&report, "suppressed");
    assert_eq!(suppressed.len(), 1, "{suppressed:#?}");
    assert_eq!((&suppressed[0]["key"], &suppressed[0]["reason"]), (&json!(key), &json!("the list is never long")));
    // the key is of the queries: other values, other times, the same key
    let later = super::shop(30, 9 * 3_600_000);
    let later = write_log(&folder, "later.log", &later);
    assert_eq!(report_and_code(&[&later], &["--config", &accepted]).1, 0);
    let text = with(&format!("[[suppress]]\nkey = \"{key}\"\n"));
    assert!(refused(&logs(&[&log], &["--config", &text]), 2).contains("reason"));
    let expired = with(&format!("[[suppress]]\nkey = \"{key}\"\nreason = \"until it is\"\nexpires = 2026-11-01\n"));
    let (report, code) = report_and_code(&[&log], &["--config", &expired]);
    assert_eq!((findings(&report, "n-plus-one").len(), code), (1, 1));
    says(&report, "expired on 2026-11-01");
    let other = with("[[suppress]]\nkey = \"n-plus-one:shop/0123456789abcdef/*\"\nreason = \"is long gone\"\n");
    let (report, _) = report_and_code(&[&log], &["--config", &other]);
    says(&report, "matches no finding: remove it");
}

#[test]
fn a_window_is_a_part_of_the_log() {
    let folder = Folder::new();
    let entries: Vec<Entry> = (0..4).flat_map(|hour| super::shop(12, hour * 3_600_000)).collect();
    let log = write_log(&folder, "day.log", &entries);
    let hour = number(&report(&[&write_log(&folder, "hour.log", &super::shop(12, 0))], &[]), "executions");
    let executions = |more: &[&str]| number(&report(&[&log], more), "executions");
    assert_eq!(executions(&[]), 4 * hour);
    assert_eq!(executions(&["--from", "2026-11-22T01:00:00Z", "--to", "2026-11-22T02:00:00Z"]), hour);
    assert_eq!(executions(&["--from", "2026-11-22T03:00:00Z"]), hour);
    assert_eq!(executions(&["--to", "2026-11-22T01:00:00+01:00"]), 0);
    let some = report(&[&log], &["--from", "2026-11-22T01:00:00Z", "--to", "2026-11-22T02:00:00Z"]);
    assert!(some["window"]["from"].as_str().unwrap().starts_with("2026-11-22T01:00:00"));
    says(&some, "from 2026-11-22T01:00:00Z");
    let none = report(&[&log], &["--from", "2027-01-01"]);
    says(&none, "! nothing in the logs is left: from 2027-01-01T00:00:00Z");
    assert!(refused(&logs(&[&log], &["--from", "yesterday"]), 2).contains("has to be a time"));
}

#[test]
fn selections_are_of_databases_roles_and_applications() {
    let folder = Folder::new();
    let mut entries = Vec::new();
    for (number, (user, database)) in
        (0..).zip([("app", "shop"), ("app", "shop_test"), ("report", "shop"), ("app", "blog")])
    {
        let other = |entry: Entry| Entry { user, database, pid: entry.pid + 10 * number, ..entry };
        entries.extend(super::shop(5, i64::from(number) * 60_000).into_iter().map(other));
    }
    let log = folder.write("all.csv", super::csvlog(&entries));
    let one = number(&report(&[&write_log(&folder, "one.log", &super::shop(5, 0))], &[]), "executions");
    let executions = |more: &[&str]| number(&report(&[&log], more), "executions");
    for (more, expected) in [
        (&[][..], 4),
        (&["--database", "shop"], 2),
        (&["--database", "shop*"], 3),
        (&["--database", "shop,blog"], 3),
        (&["--user", "app"], 3),
        (&["--user", "app", "--database", "shop"], 1),
        (&["--app", "web"], 4),
        (&["--app", "psql"], 0),
        (&["--database", "nothing"], 0),
    ] {
        assert_eq!(executions(more), expected * one, "{more:?}");
    }
    let none = report(&[&log], &["--database", "nothing"]);
    says(&none, "! nothing in the logs is left: only database nothing");
}

#[test]
fn as_many_queries_are_listed_as_asked_for() {
    let (_folder, log) = shop();
    let of = |more: &[&str]| {
        let output = logs(&[&log], &[&["--format", "json", "--fail-on", "none"], more].concat());
        let report: Value = super::parse(&output);
        (list(&report, "queries").len(), list(&report, "requests").len(), list(&report, "findings").len())
    };
    let (queries, requests, found) = of(&[]);
    assert!(queries > 3 && requests > 1 && found > 1);
    assert_eq!(of(&["--top", "1"]), (1, 1, found));
    assert_eq!(of(&["--top", "0"]), (0, 0, found));
}

#[test]
fn zones_shift_what_their_abbreviation_leaves_open() {
    let folder = Folder::new();
    let ist = folder.write("ist.log", stderr(&SHOP).replace(" UTC ", " IST "));
    let from = |report: &Value| report["window"]["from"].as_str().unwrap()[..16].to_owned();
    let unknown = report(&[&ist], &[]);
    assert_eq!(from(&unknown), "2026-11-22T02:00");
    says(&unknown, "! IST may be any zone");
    let told = report(&[&ist], &["--timezone", "Asia/Kolkata"]);
    assert_eq!(from(&told), "2026-11-21T20:30");
    assert!(!notes(&told).iter().any(|note| note.contains("zone")), "{:?}", notes(&told));
    let config = folder.write("pgassay.toml", "[logs]\ntimezone = \"Asia/Jerusalem\"\n");
    assert_eq!(from(&report(&[&ist], &["--config", &config])), "2026-11-22T00:00");
    let text = refused(&logs(&[&ist], &["--timezone", "Asia/Nowhere"]), 2).to_owned();
    assert!(text.contains("--timezone") && text.contains("Asia/Nowhere"), "{text}");
}

#[test]
fn what_a_threshold_hides_is_not_printed() {
    let folder = Folder::new();
    let mut server = Server::at(3_600_000);
    for number in 0..1500_u32 {
        let micros = 250_000 + u64::from(number) * 10;
        let sql = format!("statement: SELECT a FROM t WHERE id = {number}");
        server.say(|at| Entry::timed(at, 4100 + number % 5, micros, &sql));
    }
    let log = write_log(&folder, "slow.log", &server.entries);
    let seen = report(&[&log], &[]);
    says(&seen, "no duration is shorter than 200 ms");
    let told = report(&[&log], &["--min-duration", "250"]);
    assert_eq!(told["coverage"]["threshold_ms"], 250.0);
    for report in [&seen, &told] {
        let query = &list(report, "queries")[0];
        assert_eq!((&query["calls"], &query["p50_ms"], &query["p99_ms"]), (&json!(1500), &Value::Null, &Value::Null));
        assert!(query["max_ms"].as_f64().unwrap() > 264.0);
    }
    let config = folder.write("pgassay.toml", "[logs]\nmin_duration = \"250 ms\"\n");
    assert_eq!(report(&[&log], &["--config", &config])["coverage"]["threshold_ms"], 250.0);
    for (more, words) in [
        (["--sample-rate", "2"], "above 0, at 1 at the most"),
        (["--sample-rate", "0"], "above 0, at 1 at the most"),
        (["--min-duration", "soon"], "soon"),
        (["--jobs", "0"], "1 to 256"),
        (["--top", "many"], "many"),
    ] {
        let text = refused_by_clap(&logs(&[&log], &more));
        assert!(text.contains(words), "{more:?}: {text}");
    }
}

fn refused_by_clap(output: &crate::harness::Output) -> String {
    assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{output:?}");
    output.stderr.clone()
}

#[test]
fn a_sample_is_counted_as_one() {
    let (_folder, log) = shop();
    let sampled = report(&[&log], &["--sample-rate", "0.5"]);
    let whole = report(&[&log], &[]);
    assert_eq!(number(&sampled, "executions"), number(&whole, "executions"), "what the log holds is said as it is");
    for finding in findings(&sampled, "n-plus-one") {
        assert_ne!(finding["evidence"], "measured", "{finding:#}");
    }
    let config = report_and_code(&[&log], &["--transaction-sample-rate", "0.1"]);
    assert_eq!(config.1, 1, "a group inside whole transactions is whole");
}
