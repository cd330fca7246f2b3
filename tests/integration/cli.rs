//! Ring 4: the whole program, as a user or a job runs it: verbs, exit codes, formats, files, signals, bad input.

use crate::harness::{
    self, Folder, NOBODY, Output, connect, each_major, majors, options, pgassay, pgassay_command, within,
};
use pgassay::checklist;
use pgassay::checks;
use pgassay::render;
use pgassay::rules;
use pgassay::scratch::Scratch;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Child;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long something may take that must come true.
const MINUTE: Duration = Duration::from_secs(60);

/// A password that no output may repeat.
const CANARY: &str = "canary-6f1d";

fn newest() -> u16 {
    *majors().iter().max().unwrap()
}

/// Two snapshots of one small shop with planted problems, before and after some requests: what most tests judge.
struct Stored {
    folder: Folder,
}

impl Stored {
    fn before(&self) -> String {
        self.folder.path("before.json")
    }

    fn after(&self) -> String {
        self.folder.path("after.json")
    }
}

static SHOP: &str = "
create extension pg_stat_statements;
create table customers (id int primary key, name text);
create table orders (id int primary key, customer int references customers on delete cascade, total int);
insert into customers select n, 'x' from generate_series(1, 2000) as n;
insert into orders select n, 1 + n % 2000, n from generate_series(1, 20000) as n;
create index orders_total on orders (total);
create index orders_total_again on orders (total);
grant select on all tables in schema public to public;
analyze;";

const KEY: &str = "foreign-key-without-index";

static STORED: LazyLock<Stored> = LazyLock::new(|| {
    let server = harness::server(newest());
    let database = server.database();
    database.execute(SHOP);
    let stored = Stored { folder: Folder::new() };
    for path in [stored.before(), stored.after()] {
        ok(&pgassay(&["snapshot", &database.url(), "-o", &path, "--plans=always"]), 0);
        ask(&connect(&database.url_as(NOBODY)), 1500);
    }
    stored
});

/// One statement, many times, as an application sends it.
fn ask(session: &harness::Session, times: u32) {
    for _ in 0..times / 50 {
        session.execute(&"select total from orders where id = 7;".repeat(50));
    }
}

fn ok(output: &Output, code: i32) {
    assert_eq!(output.code, Some(code), "{}\n{}", output.stdout, output.stderr);
    assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
}

/// The only line of a refusal, which has to be a good one.
#[track_caller]
fn refused(output: &Output, code: i32) -> &str {
    assert_eq!(output.code, Some(code), "{output:?}");
    assert_eq!(output.stdout, "", "a refusal prints no report");
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{}", output.stderr);
    let sentence = lines[0].strip_prefix("pgassay: ").unwrap_or_else(|| panic!("{}", lines[0]));
    for word in ["panicked", "Err(", "Error {", "Some(", "Os {", "kind:", "RUST_BACKTRACE", CANARY] {
        assert!(!sentence.contains(word), "{sentence}");
    }
    assert!(sentence.len() > 15 && !sentence.ends_with('.'), "{sentence}");
    sentence
}

/// An audit of the stored shop, with more arguments.
fn replay(more: &[&str]) -> Output {
    let path = STORED.after();
    pgassay(&[&["audit", "--snapshot", &path], more].concat())
}

fn json(output: &Output) -> Value {
    let report: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let schema: Value = serde_json::from_str(include_str!("../../docs/report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    report
}

/// The report of the stored shop, and its exit code.
fn report(more: &[&str]) -> (Value, i32) {
    let output = replay(&[&["--format", "json"], more].concat());
    let code = output.code.unwrap();
    assert!(output.stderr.is_empty(), "{}", output.stderr);
    (json(&output), code)
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("no list {name}"))
}

fn findings<'v>(report: &'v Value, rule: &str) -> Vec<&'v Value> {
    list(report, "findings").iter().filter(|finding| finding["rule"] == rule).collect()
}

fn rules_run(report: &Value) -> Vec<&str> {
    let mut rules: Vec<&str> = list(report, "rules").iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    rules.dedup();
    rules
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn finish(child: Child) -> Output {
    let output = child.wait_with_output().unwrap();
    Output {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

// --------------------------------------------------------------------------------------------------- codes and gates

#[test]
fn gates_decide_between_nothing_and_something() {
    let (found, code) = report(&[]);
    assert_eq!(findings(&found, KEY)[0]["severity"], "high", "{found:#}");
    assert_eq!(code, 1, "high is the gate of an audit");
    let duplicate = findings(&found, "duplicate-index")[0]["severity"].as_str().unwrap();
    assert_eq!(duplicate, "medium");
    for (arguments, code) in [
        (&["--fail-on", "none"][..], 0),
        (&["--fail-on", "high"], 1),
        (&["--fail-on", "info"], 1),
        (&["--fail-on", "duplicate-index"], 1),
        (&["--fail-on", "duplicate-index:medium"], 1),
        (&["--fail-on", "duplicate-index:high"], 0),
        (&["--fail-on", "xid-wraparound"], 0),
        (&["--fail-on", "xid-wraparound", "--fail-on", "medium"], 1),
        (&["--skip", KEY, "--fail-on", "high", "--only", "indexes"], 0),
        (&["--exit-zero"], 0),
        (&["--exit-zero", "--fail-on", "info"], 0),
    ] {
        assert_eq!(replay(arguments).code, Some(code), "{arguments:?}");
    }
    assert!(refused(&replay(&["--fail-on", "hgih"]), 2).contains("did you mean \"high\"?"));
    assert!(refused(&replay(&["--fail-on", "duplicate-indx:low"]), 2).contains("did you mean"));
}

#[test]
fn strict_coverage_makes_what_was_not_judged_a_failure() {
    let one = ["--only", "duplicate-index", "--fail-on", "none"];
    assert_eq!(replay(&one).code, Some(0));
    assert_eq!(replay(&[&one[..], &["--strict-coverage"]].concat()).code, Some(0), "it judged all there is");
    let (report, code) = report(&["--strict-coverage", "--fail-on", "none"]);
    let open =
        list(&report, "rules").iter().any(|rule| rule["outcome"] == "skipped" || !list(rule, "unjudged").is_empty());
    assert_eq!((open, code), (true, 3));
    assert_eq!(replay(&["--strict-coverage", "--exit-zero"]).code, Some(3), "--exit-zero is about findings");
}

#[test]
fn selected_rules_and_no_others_run() {
    let (all, _) = report(&[]);
    assert_eq!(rules_run(&all), checks::ALL.iter().map(|check| check.meta.id).collect::<Vec<_>>());
    let (only, _) = report(&["--only", "duplicate-index,unused-index", "--only", "xid-wraparound"]);
    assert_eq!(rules_run(&only), ["duplicate-index", "unused-index", "xid-wraparound"]);
    let (category, _) = report(&["--only", "indexes", "--skip", "unused-index"]);
    let indexes = checks::ALL.iter().filter(|check| check.meta.category.as_str() == "indexes");
    let expected: Vec<&str> = indexes.map(|check| check.meta.id).filter(|id| *id != "unused-index").collect();
    assert_eq!(rules_run(&category), expected);
    assert!(refused(&replay(&["--only", "duplicate-indexes"]), 2).contains("did you mean \"duplicate-index\"?"));
}

#[test]
fn every_format_is_what_it_says() {
    for renderer in pgassay::render::ALL {
        let output = replay(&[
            "--format",
            renderer.name,
            "--exit-zero",
            "--team",
            "Shop",
            "--reviewer",
            "Ada",
            "--date",
            "2026-11-22",
        ]);
        ok(&output, 0);
        assert_eq!(output.stderr, "");
        assert!(output.stdout.ends_with('\n') && !output.stdout.contains('\x1b'), "{}", renderer.name);
        match renderer.name {
            "json" => {
                let report = json(&output);
                assert_eq!((&report["format"], &report["kind"]), (&Value::from(1), &Value::from("audit")));
                assert_eq!(list(&report, "items").len(), checklist::ids().len());
            }
            "scorecard" => {
                for word in ["Shop", "Ada", "2026-11-22", "Top 3 action items"] {
                    assert!(output.stdout.contains(word), "{word}: {}", output.stdout);
                }
            }
            _ => assert!(output.stdout.contains(KEY), "{}", renderer.name),
        }
    }
    let verbose = replay(&["-v", "--exit-zero"]).stdout;
    assert!(verbose.lines().count() > replay(&["--exit-zero"]).stdout.lines().count());
    assert!(replay(&["--color", "always"]).stdout.contains('\x1b'));
    assert!(refused(&replay(&["--format", "pdf"]), 2).contains("terminal, json, markdown, scorecard"));
}

#[test]
fn an_output_file_is_written_whole_or_not_at_all() {
    let folder = Folder::new();
    let path = folder.write("report.json", "what was there before");
    let output = replay(&["--format", "json", "-o", &path]);
    ok(&output, 1);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""));
    json(&Output { stdout: fs::read_to_string(&path).unwrap(), ..output });
    assert_eq!(folder.names(), ["report.json"], "nothing is left beside it");
    for path in [folder.path("no/such/directory/report.json"), folder.0.to_str().unwrap().to_owned()] {
        assert!(refused(&replay(&["-o", &path]), 2).contains("cannot write"));
    }
    assert_eq!(folder.names(), ["report.json"]);
    ok(&replay(&["-o", "/dev/null", "--exit-zero"]), 0);
}

#[test]
fn a_closed_pipe_is_success() {
    for arguments in [
        &["completions", "bash"][..],
        &["list", "--items"],
        &["audit", "--format", "json", "--exit-zero", "-v", "--snapshot", &STORED.after()],
    ] {
        let mut child = pgassay_command(arguments, &[]).spawn().unwrap();
        let mut first = String::new();
        // the reader and with it the pipe are gone after one line
        BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let output = finish(child);
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(!first.is_empty());
    }
}

// -------------------------------------------------------------------------------------------------- replay and windows

/// A report without what names the moment and the file it was made from.
fn timeless(mut report: Value) -> Value {
    report["generated_at"] = Value::Null;
    report
}

#[test]
fn a_replay_is_the_live_run() {
    each_major(|server| {
        let database = server.database();
        database.execute(SHOP);
        let folder = Folder::new();
        let path = folder.path("saved.json");
        let output = pgassay(&["audit", &database.url(), "--format", "json", "--save", &path, "--plans=always"]);
        ok(&output, 1);
        let live = json(&output);
        let replayed = json(&pgassay(&["audit", "--snapshot", &path, "--format", "json"]));
        assert_ne!(live["generated_at"], Value::Null);
        assert_eq!(live["source"]["snapshot_sha256"].as_str().unwrap().len(), 64);
        assert_eq!(timeless(live), timeless(replayed));
    });
}

#[test]
fn two_snapshots_make_a_window_in_whatever_way_they_are_given() {
    let (before, after) = (STORED.before(), STORED.after());
    let run = |arguments: &[&str]| {
        let output = pgassay(&[&["audit", "--format", "json"], arguments].concat());
        ok(&output, 1);
        timeless(json(&output))
    };
    let since = run(&["--snapshot", &after, "--since", &before]);
    assert_eq!(since["window"]["kind"], "snapshots");
    assert!(since["window"]["seconds"].as_f64().unwrap() > 0.0);
    let calls = list(&since, "queries").iter().find(|query| query["calls"] == 1500);
    assert!(calls.is_some(), "the window counts what was sent in it: {:#}", since["queries"]);
    assert_eq!(run(&["--snapshot", &after, "--snapshot", &before]), since);
    assert_eq!(run(&["--snapshot", &before, "--snapshot", &after]), since, "the order does not matter");
    let alone = run(&["--snapshot", &after]);
    assert_ne!(alone["window"], since["window"]);
    let backwards = pgassay(&["audit", "--snapshot", &before, "--since", &after]);
    assert!(refused(&backwards, 2).contains("--since cannot be used"));
    let three = pgassay(&["audit", "--snapshot", &before, "--snapshot", &after, "--snapshot", &after]);
    refused(&three, 2);
}

#[test]
fn watching_makes_a_window_too() {
    let server = harness::server(newest());
    let database = server.database();
    database.execute(SHOP);
    let output = pgassay(&["audit", &database.url(), "--watch", "1s", "--format", "json", "--exit-zero"]);
    ok(&output, 0);
    let report = json(&output);
    assert_eq!(report["window"]["kind"], "snapshots");
    let seconds = report["window"]["seconds"].as_f64().unwrap();
    assert!((1.0..30.0).contains(&seconds), "{seconds}");
    assert_eq!(list(&report, "missing").len(), 0);
}

#[test]
fn attestations_are_judged_on_the_day_of_the_facts_or_the_day_asked_for() {
    let folder = Folder::new();
    let path = folder.write(
        "attest.toml",
        "[[attest]]\nitem = \"4.3\"\nstatus = \"pass\"\nowner = \"Ada\"\nreviewer = \"Grace\"\ndate = 2020-01-01\nexpires = 2020-02-01\n",
    );
    let state = |more: &[&str]| {
        let (report, _) = report(&[&["--attestations", &path], more].concat());
        list(&report, "items").iter().find(|item| item["id"] == "4.3").unwrap().clone()
    };
    assert_eq!(state(&[])["state"], "unknown", "it expired long ago");
    assert!(state(&[])["because"].as_str().unwrap().contains("expired on 2020-02-01"));
    let then = state(&["--as-of", "2020-01-15"]);
    assert_eq!((&then["state"], &then["evidence"]), (&Value::from("pass"), &Value::from("attested")));
    assert_eq!(then["attestation"]["owner"], "Ada");
    assert_eq!(state(&["--as-of", "2020-01-15T10:00:00Z"]), then);
    assert!(refused(&replay(&["--as-of", "soon"]), 2).contains("2026-11-22T02:30:00Z"));
    let wrong = folder.write(
        "wrong.toml",
        "[[attest]]\nitem = \"4.33\"\nstatus = \"pass\"\nowner = \"A\"\nreviewer = \"B\"\ndate = 2020-01-01\n",
    );
    assert!(refused(&replay(&["--attestations", &wrong]), 2).contains("wrong.toml:2: \"4.33\" is not an item"));
    assert!(
        refused(&replay(&["--attestations", &folder.path("gone.toml")]), 2).contains("cannot read the attestations")
    );
}

#[test]
fn a_reviewed_plan_is_not_asked_for_again() {
    let folder = Folder::new();
    let (before, after) = (STORED.before(), STORED.after());
    let only = ["audit", "--snapshot", &after, "--since", &before, "--only", "plan-not-reviewed", "--format", "json"];
    let fingerprints = |reviews: &[&str]| -> Vec<String> {
        let report = json(&pgassay(&[&only[..], reviews].concat()));
        findings(&report, "plan-not-reviewed")
            .iter()
            .map(|finding| finding["subject"]["fingerprint"].as_str().unwrap().to_owned())
            .collect()
    };
    let found = fingerprints(&[]);
    assert_eq!(found.len(), 1, "the statement sent 1500 times");
    fs::create_dir(folder.0.join("reviews")).unwrap();
    let register = folder.path("reviews/shop.toml");
    let review = |more: &[&str]| pgassay(&[&["review-plan", "--snapshot", &after], more].concat());
    assert!(refused(&review(&[&found[0]]), 2).contains("--reviewer is missing"));
    assert!(
        refused(&review(&["0000000000000000", "--reviewer", "Ada"]), 2).contains("no statement with the fingerprint")
    );
    let printed = review(&[&found[0], "--reviewer", "Ada", "--note", "by its key"]);
    ok(&printed, 0);
    assert!(printed.stdout.contains("[[review]]") && printed.stdout.contains("plan_hash"), "{printed:?}");
    let written = review(&[&found[0], "--reviewer", "Ada", "-o", &register]);
    ok(&written, 0);
    assert!(written.stdout.is_empty() && written.stderr.contains("is reviewed by Ada"), "{written:?}");
    assert_eq!(fingerprints(&["--reviews", &folder.path("reviews")]), Vec::<String>::new());
    ok(&review(&[&found[0], "--reviewer", "Grace", "-o", &register]), 0);
    assert_eq!(fs::read_to_string(&register).unwrap().matches("[[review]]").count(), 2, "it is appended to");
    assert_eq!(fingerprints(&["--reviews", &folder.path("reviews")]), Vec::<String>::new());
    assert!(refused(&replay(&["--reviews", &folder.path("gone")]), 2).contains("cannot read the reviews"));
    fs::write(&register, "[[review]]\nfingerprint = \"x\"\n").unwrap();
    assert!(refused(&replay(&["--reviews", &folder.path("reviews")]), 2).contains("shop.toml:1: "));
}

// -------------------------------------------------------------------------------------------------------- configuration

#[test]
fn configuration_is_found_upwards_and_in_effect() {
    let folder = Folder::new();
    fs::create_dir_all(folder.0.join("a/b")).unwrap();
    folder.write(
        "pgassay.toml",
        "team = \"Shop\"\nfail_on = [\"none\"]\nskip = [\"vacuum\"]\n\
         [rules.foreign-key-without-index]\nseverity = \"info\"\nlarge_table_rows = 1000000\n\
         [rules.duplicate-index]\nenabled = false\n",
    );
    let run = |arguments: &[&str]| {
        let mut command = pgassay_command(arguments, &[]);
        finish(command.current_dir(folder.0.join("a/b")).spawn().unwrap())
    };
    let audit = run(&["audit", "--snapshot", &STORED.after(), "--format", "json"]);
    ok(&audit, 0);
    let report = json(&audit);
    let key = findings(&report, KEY)[0];
    assert_eq!(key["severity"], "info");
    assert!(rules_run(&report).iter().all(|rule| !["duplicate-index", "xid-wraparound"].contains(rule)));
    let check = run(&["config", "check"]);
    ok(&check, 0);
    for line in ["team", "fail_on", "rules.duplicate-index.enabled", "rules.foreign-key-without-index.large_table_rows"]
    {
        let line = check.stdout.lines().find(|text| text.starts_with(line)).unwrap_or_else(|| panic!("{line}"));
        assert!(line.contains("pgassay.toml:"), "{line}");
    }
    let (other, _) = self::report(&[]);
    assert_ne!(report["source"]["config_sha256"], other["source"]["config_sha256"]);
    let named = pgassay(&["config", "check", "--config", &folder.path("pgassay.toml")]);
    assert_eq!(named.stdout.lines().filter(|line| line.contains("Shop")).count(), 1);
}

#[test]
fn a_threshold_changes_the_verdict_and_is_printed_with_it() {
    let folder = Folder::new();
    let severity = |rows: &str| {
        let path = folder.write("pgassay.toml", format!("[rules.{KEY}]\nlarge_table_rows = {rows}\n"));
        let (report, _) = report(&["--config", &path, "--only", KEY]);
        findings(&report, KEY)[0]["severity"].as_str().unwrap().to_owned()
    };
    assert_eq!((severity("10000").as_str(), severity("30000").as_str()), ("high", "low"));
}

#[test]
fn accepted_findings_are_listed_apart_until_they_expire() {
    let folder = Folder::new();
    let (all, _) = report(&[]);
    let key = findings(&all, KEY)[0]["key"].as_str().unwrap().to_owned();
    let write = |expires: &str| {
        folder.write(
            "pgassay.toml",
            format!("[[suppress]]\nkey = \"{key}\"\nreason = \"the yearly job needs it\"\nexpires = {expires}\n"),
        )
    };
    let path = write("2999-01-01");
    let (report, code) = report(&["--config", &path]);
    assert_eq!((findings(&report, KEY).len(), code), (0, 0));
    let accepted = &list(&report, "suppressed")[0];
    assert_eq!(
        (&accepted["key"], &accepted["reason"]),
        (&Value::from(key.clone()), &Value::from("the yearly job needs it"))
    );
    let item = list(&report, "items").iter().find(|item| item["id"] == "2.2").unwrap();
    assert_eq!(item["state"], "warn", "accepted is not passed");
    let path = write("2020-01-01");
    let (report, code) = self::report(&["--config", &path]);
    assert_eq!((findings(&report, KEY).len(), code), (1, 1));
    let expired =
        |note: &Value| note["warning"] == true && note["text"].as_str().unwrap().contains("expired on 2020-01-01");
    assert!(list(&report, "notes").iter().any(expired), "{:#}", report["notes"]);
    let (then, _) = self::report(&["--config", &path, "--as-of", "2019-12-31"]);
    assert_eq!(findings(&then, KEY).len(), 0, "on its last days it still counted");
}

#[test]
fn a_bad_configuration_is_told_by_its_line() {
    let folder = Folder::new();
    for (text, says) in [
        ("team = 1\n", "pgassay.toml:1: "),
        ("\nteem = \"Shop\"\n", "pgassay.toml:2: unknown key \"teem\", did you mean \"team\"?"),
        ("[rules.duplicate-indx]\n", "did you mean \"duplicate-index\"?"),
        ("[rules.foreign-key-without-index]\nlarge_table_row = 1\n", "did you mean \"large_table_rows\"?"),
        ("[rules.foreign-key-without-index]\nlarge_table_rows = \"many\"\n", "pgassay.toml:2: "),
        ("fail_on = [\"hihg\"]\n", "did you mean \"high\"?"),
        ("[[suppress]]\nkey = \"unused-index:*\"\n", "reason"),
        ("team = \"\n", "pgassay.toml:1: "),
        ("\u{0}", "pgassay.toml"),
    ] {
        let path = folder.write("pgassay.toml", text);
        for arguments in [&["config", "check"][..], &["audit", "--snapshot", &STORED.after()]] {
            let output = pgassay(&[arguments, &["--config", &path]].concat());
            let sentence = refused(&output, 2);
            assert!(sentence.contains(says), "{text:?}: {sentence}");
        }
    }
    for path in [folder.path("gone.toml"), folder.0.to_str().unwrap().to_owned()] {
        assert!(
            refused(&pgassay(&["config", "check", "--config", &path]), 2).contains("cannot read the configuration")
        );
    }
    let path = folder.write("latin.toml", b"team = \"\xe9\"\n");
    refused(&pgassay(&["config", "check", "--config", &path]), 2);
}

// ------------------------------------------------------------------------------------------------------- reading aloud

#[test]
fn every_rule_is_explained_and_listed() {
    let listed = pgassay(&["list"]);
    ok(&listed, 0);
    let markdown = pgassay(&["list", "--markdown"]).stdout;
    for rule in rules::each() {
        let id = rule.meta.id;
        let page = pgassay(&["explain", id]);
        ok(&page, 0);
        assert!(page.stdout.starts_with(&format!("# {id}\n\n{}\n", rule.meta.title())), "{}", page.stdout);
        for heading in ["Why it matters", "How it is decided", "What to do", "Limits"] {
            assert!(page.stdout.contains(&format!("\n## {heading}\n")), "{id}: {heading}");
        }
        assert!(rule.params.iter().all(|param| page.stdout.contains(&format!("`{}`", param.name))), "{id}");
        assert_eq!(pgassay(&["explain", &format!("{id}:db/public/t/x")]).stdout, page.stdout, "a key is as good");
        assert!(listed.stdout.lines().any(|line| line.starts_with(id)), "{id}");
        assert!(markdown.contains(&format!("| {id} |")), "{id}");
    }
    assert!(
        refused(&pgassay(&["explain", "foreign-key-without-indx"]), 2)
            .contains("did you mean \"foreign-key-without-index\"?")
    );
    assert!(refused(&pgassay(&["explain", "n-plus-on"]), 2).contains("did you mean \"n-plus-one\"?"));
    assert!(refused(&pgassay(&["explain", "zzz"]), 2).contains("`pgassay list` names them all"));
    let items = pgassay(&["list", "--items"]);
    ok(&items, 0);
    for id in checklist::ids() {
        assert!(items.stdout.lines().any(|line| line.split_whitespace().next() == Some(id)), "{id}");
    }
    ok(&pgassay(&["list", "--items", "--markdown"]), 0);
}

#[test]
fn the_program_describes_itself() {
    let help = pgassay(&["--help"]);
    ok(&help, 0);
    for verb in
        ["audit", "logs", "snapshot", "explain", "list", "config", "review-plan", "grants", "demo", "completions"]
    {
        assert!(help.stdout.contains(&format!("  {verb}")), "{verb}");
        let page = pgassay(&[verb, "--help"]);
        ok(&page, 0);
        assert!(page.stdout.contains("Usage: pgassay"), "{verb}");
        assert!(page.stdout.lines().all(|line| line.chars().count() <= 100), "{verb}");
    }
    assert!(pgassay(&["--version"]).stdout.starts_with(concat!("pgassay ", env!("CARGO_PKG_VERSION"))));
    let man = pgassay(&["man"]);
    ok(&man, 0);
    assert!(man.stdout.contains(".TH") && man.stdout.contains("measure\\-budget"));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = pgassay(&["completions", shell]);
        ok(&script, 0);
        assert!(script.stdout.contains("strict-coverage"), "{shell}");
    }
    let nothing = pgassay(&[]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(2), ""));
    assert!(nothing.stderr.contains("Usage: pgassay"));
}

// -------------------------------------------------------------------------------------------------------------- grants

#[test]
fn the_granted_role_reads_what_was_promised_and_no_more() {
    each_major(|server| {
        let role = format!("Auditor {}", server.major);
        let database = server.database();
        database.execute(SHOP);
        let grants = pgassay(&["grants", "--role", &role]);
        ok(&grants, 0);
        assert!(grants.stdout.contains(&format!("create role \"{role}\" login")), "{}", grants.stdout);
        database.execute(&grants.stdout);
        database.execute("create table secrets (id int primary key)");
        // large enough an index to be worth measuring
        database
            .execute("insert into customers select n, 'y' from generate_series(3000, 80000) as n; analyze customers");
        ask(&connect(&database.url_as(NOBODY)), 100);
        let folder = Folder::new();
        let path = folder.path("snapshot.json");
        let url = database.url_as(&role);
        let config = folder.path("pgassay.toml");
        std::fs::write(&config, "[rules.bloated-index]\nminimum_size_bytes = \"1 MB\"\n").unwrap();
        ok(&pgassay(&["snapshot", &url, "-o", &path, "--config", &config]), 0);
        let snapshot: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for fact in [
            "settings",
            "file_settings",
            "roles",
            "activity",
            "statements",
            "statements_info",
            "control",
            "database_stats",
        ] {
            let fact_read = &snapshot["server"][fact]["read"];
            assert!(fact_read.is_object(), "PostgreSQL {}: {fact}: {}", server.major, snapshot["server"][fact]);
        }
        let texts = list(&snapshot["server"]["statements"]["read"], "rows");
        assert!(texts.iter().all(|statement| statement["query"].is_string()), "a text of somebody else is hidden");
        let pages = list(&snapshot["databases"][0]["index_pages"]["read"], "rows");
        assert!(pages.iter().any(|index| index["pages"]["Ok"].is_object()), "no index could be measured: {pages:#?}");
        let report = json(&pgassay(&["audit", "--snapshot", &path, "--format", "json"]));
        assert_eq!(report["source"]["superuser"], false);
        let denied: Vec<&Value> =
            list(&report, "rules").iter().filter(|rule| rule["reason"]["reason"] == "privilege").collect();
        assert!(denied.is_empty(), "PostgreSQL {}: {denied:#?}", server.major);
        let session = connect(&url);
        for forbidden in ["create table t ()", "select * from secrets", "delete from orders", "set role postgres"] {
            assert!(session.try_rows(forbidden).is_err(), "{forbidden}");
        }
        drop(session);
        database.execute(&format!("drop owned by \"{role}\" cascade; drop role \"{role}\""));
    });
}

// ------------------------------------------------------------------------------------------------------------- signals

#[test]
fn an_interrupted_watch_reports_what_it_has() {
    let server = harness::server(newest());
    let database = server.database();
    database.execute(SHOP);
    let url = database.url_as(harness::MONITOR);
    let child = pgassay_command(&["audit", &url, "--watch", "60s", "--format", "json"], &[]).spawn().unwrap();
    let admin = database.connect();
    let seen = format!(
        "select count(*) > 0 from pg_stat_activity where datname = '{}' and usename = 'monitor'",
        database.name
    );
    within(MINUTE, "the audit is connected", || admin.value(&seen) == "t");
    let begin = Instant::now();
    signal(&child, Signal::INT);
    let output = finish(child);
    assert_eq!(output.code, Some(130), "{output:?}");
    assert!(begin.elapsed() < Duration::from_secs(30), "it went on watching");
    let report = json(&output);
    let interrupted = |note: &Value| note["text"].as_str().unwrap().contains("interrupted");
    assert!(list(&report, "notes").iter().any(interrupted), "{:#}", report["notes"]);
    within(MINUTE, "its sessions are gone", || admin.value(&seen) == "f");
}

/// A directory for throw-away servers: short, for their sockets, and one that an unprivileged user can enter.
fn servers() -> Folder {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("pga-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o1777)).unwrap();
    Folder(path)
}

fn demo(folder: &Folder, more: &[&str]) -> std::process::Command {
    let major = newest().to_string();
    let arguments = [&["demo", "--pg-version", &major], more].concat();
    pgassay_command(&arguments, &[("TMPDIR", folder.0.to_str().unwrap())])
}

#[test]
fn the_demo_fits_on_a_screen_and_leaves_nothing() {
    let folder = servers();
    let output = finish(demo(&folder, &[]).spawn().unwrap());
    ok(&output, 0);
    assert_eq!(folder.names(), Vec::<String>::new(), "something is left");
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    let summary: Vec<&str> =
        output.stdout.lines().take_while(|line| !line.starts_with("Findings") && *line != "Notes").collect();
    assert!(summary.len() <= 40, "{} lines", summary.len());
    for line in output.stdout.lines() {
        assert!(unicode_width::UnicodeWidthStr::width(line) <= 100, "{line}");
    }
    for item in (1..=8).map(|item| format!("2.{item} ")).chain((1..=10).map(|item| format!("4.{item} "))) {
        assert!(summary.iter().any(|line| line.contains(&item)), "{item}");
    }
    for rule in [KEY, "duplicate-index", "invalid-index", "sequence-near-limit", "no-statement-timeout"] {
        assert!(output.stdout.contains(rule), "{rule}: {}", output.stdout);
    }
    let mut blocks = output.stdout.split("\n\n");
    let repeated = blocks.find(|block| block.contains("n-plus-one · /customers/:id/orders")).unwrap_or_default();
    for words in [
        "order_items is looked up 15 times per request, once for each row of orders",
        "in 120 of 120 requests",
        "after select id, state, created_at from orders",
        "WHERE order_id = ANY($1",
    ] {
        assert!(repeated.contains(words), "{words}: {}", output.stdout);
    }
}

#[test]
fn the_demo_writes_one_document() {
    let folder = servers();
    let path = folder.path("report.json");
    let output = finish(demo(&folder, &["--format", "json"]).spawn().unwrap());
    ok(&output, 0);
    let report = json(&output);
    assert_eq!(report["kind"], "audit");
    assert_eq!(findings(&report, "n-plus-one")[0]["severity"], "high", "what the log says is in it");
    let slow = findings(&report, "slow-query");
    let names: Vec<&Value> =
        slow.iter().flat_map(|found| list(found, "detail")).map(|measure| &measure["name"]).collect();
    assert!(names.iter().any(|name| *name == "share_of_slow_calls"), "log and statistics are joined: {slow:#?}");
    let output = finish(demo(&folder, &["--format", "json", "-o", &path, "--fail-on", "high"]).spawn().unwrap());
    ok(&output, 1);
    assert!(output.stdout.is_empty());
    json(&Output { stdout: fs::read_to_string(&path).unwrap(), ..output });
}

#[test]
fn the_demo_s_server_is_gone_however_it_ends() {
    for how in [Signal::KILL, Signal::INT] {
        let folder = servers();
        let mut child = demo(&folder, &[]).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        assert!(line.starts_with("starting a throw-away PostgreSQL"), "{line}");
        let pid_file = || {
            let name = folder.names().into_iter().next()?;
            let text = fs::read_to_string(folder.0.join(name).join("data/postmaster.pid")).ok()?;
            // initdb has one too, with a pid below zero
            let pid = Pid::from_raw(text.lines().next()?.trim().parse().ok().filter(|pid| *pid > 0)?);
            text.contains("ready").then_some(pid).flatten()
        };
        let mut pid = None;
        within(MINUTE, "the server is running", || {
            pid = pid_file();
            pid.is_some()
        });
        signal(&child, how);
        let status = child.wait().unwrap();
        assert_eq!(status.code(), if how == Signal::INT { Some(130) } else { None }, "{how:?}");
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "{how:?}");
        within(MINUTE, "the directory is gone", || folder.names().is_empty());
        let pid = pid.unwrap();
        within(MINUTE, "the server is gone", || rustix::process::test_kill_process(pid).is_err());
    }
}

// ----------------------------------------------------------------------------------------------------------- bad input

#[test]
fn servers_that_cannot_be_reached_are_told_apart() {
    let mut settings = options(newest());
    settings.tcp = true;
    let server = Scratch::start(settings).unwrap_or_else(|error| panic!("{error}"));
    let url = server.tcp_url("postgres").unwrap();
    ok(&pgassay(&["audit", &url, "--exit-zero", "--only", "duplicate-index"]), 0);
    let authority = url.split_once("://").unwrap().1.split_once('@').unwrap().1.split('/').next().unwrap().to_owned();
    let canary = |user: &str, host: &str, rest: &str| format!("postgresql://{user}:{CANARY}@{host}/{rest}");
    let impostor = TcpListener::bind("127.0.0.1:0").unwrap();
    let web = format!("127.0.0.1:{}", impostor.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in impostor.incoming().flatten() {
            let mut stream = stream;
            drop(stream.read(&mut [0; 64]));
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"));
        }
    });
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("127.0.0.1:{}", free.local_addr().unwrap().port())
    };
    let silent = format!(
        "127.0.0.1:{}",
        silent
            .local_addr()
            .map(|address| (address.port(), silent))
            .map(|(port, listener)| {
                std::mem::forget(listener);
                port
            })
            .unwrap()
    );
    for (url, says) in [
        (canary("ada", "no-such-host.invalid", "shop"), "cannot be found"),
        (canary("ada", &closed, "shop"), "nothing listens"),
        (canary("ada", &web, "shop"), "not a PostgreSQL server"),
        (canary("ada", &silent, "shop?connect_timeout=2"), "did not answer"),
        (canary("postgres", &authority, "postgres"), "refused the password"),
        (canary("no_such_role", &authority, "postgres"), "refused the password"),
        (server.tcp_url("no_such_database").unwrap(), "\"no_such_database\" does not exist"),
        (format!("{url}?sslmode=verify-full&sslrootcert=system"), "TLS"),
        (format!("{url}?sslmode=require"), "TLS"),
    ] {
        for verb in ["audit", "snapshot"] {
            let output = pgassay(&[verb, &url]);
            let sentence = refused(&output, 3);
            assert!(sentence.contains(says), "{verb}: {sentence}");
        }
    }
    // what the user typed is wrong before any server is asked
    for (url, says) in [
        (format!("{url}?sslmode=sometimes"), "sslmode"),
        (format!("{url}?sslmoed=require"), "sslmoed"),
        (canary("ada", "h:port", "x"), "port"),
        (format!("host=h passwort={CANARY}"), "passwort"),
        ("host='h".to_owned(), "quote"),
    ] {
        let output = pgassay(&["audit", &url]);
        let sentence = refused(&output, 2);
        assert!(sentence.contains(says), "{url}: {sentence}");
    }
}

#[test]
fn snapshots_that_are_none_are_refused() {
    let folder = Folder::new();
    let good = fs::read_to_string(STORED.after()).unwrap();
    let value: Value = serde_json::from_str(&good).unwrap();
    let changed = |key: &str, to: Value| {
        let mut value = value.clone();
        value[key] = to;
        value.to_string()
    };
    for (name, bytes, says) in [
        ("empty", Vec::new(), "is no snapshot"),
        ("cut", good.as_bytes()[..good.len() / 2].to_vec(), "is no snapshot"),
        ("text", b"hello\n".to_vec(), "is no snapshot"),
        ("binary", vec![0xff; 4096], "is no snapshot"),
        ("foreign", br#"{"format": 1, "kind": "audit"}"#.to_vec(), "is no snapshot"),
        ("list", b"[]".to_vec(), "is no snapshot"),
        ("deep", "[".repeat(200_000).into_bytes(), "is no snapshot"),
        ("newer", changed("format", 2.into()).into_bytes(), "use a newer pgassay"),
        ("huge", good.replacen("\"format\":1", "\"format\":99999999999999999999999999", 1).into_bytes(), "snapshot"),
        ("float", good.replacen("\"format\":1", "\"format\":1e999", 1).into_bytes(), "snapshot"),
        ("negative", changed("format", (-1).into()).into_bytes(), "is no snapshot"),
        ("damaged", changed("databases", "none".into()).into_bytes(), "is damaged"),
        ("when", changed("captured_at", "soon".into()).into_bytes(), "is damaged"),
    ] {
        let path = folder.write(name, bytes);
        let outputs = [
            pgassay(&["audit", "--snapshot", &path]),
            pgassay(&["audit", "--snapshot", &STORED.after(), "--since", &path]),
            pgassay(&["review-plan", "0000000000000000", "--reviewer", "Ada", "--snapshot", &path]),
        ];
        for output in &outputs {
            let sentence = refused(output, 2);
            assert!(sentence.contains(says) && sentence.contains(name), "{name}: {sentence}");
        }
    }
    for path in [folder.path("gone"), folder.0.to_str().unwrap().to_owned()] {
        assert!(refused(&pgassay(&["audit", "--snapshot", &path]), 2).contains("cannot read the snapshot"));
    }
    let report = folder.write("report.json", replay(&["--format", "json"]).stdout);
    assert!(refused(&pgassay(&["audit", "--snapshot", &report]), 2).contains("is no snapshot"));
    let url = format!("postgres://ada:{CANARY}@h/shop");
    refused(&pgassay(&["audit", "--snapshot", &url]), 2);
}

#[test]
fn a_snapshot_of_another_cluster_is_no_beginning() {
    let folder = Folder::new();
    let mut value: Value = serde_json::from_str(&fs::read_to_string(STORED.before()).unwrap()).unwrap();
    value["server"]["control"]["read"]["rows"]["system_identifier"] = "7".into();
    let path = folder.write("other.json", value.to_string());
    assert!(refused(&replay(&["--since", &path]), 2).contains("--since cannot be used"));
}

#[test]
fn numbers_at_their_limits_are_judged_without_a_fault() {
    let text = fs::read_to_string(STORED.after()).unwrap();
    let folder = Folder::new();
    let extreme = |most: bool| {
        fn change(value: &mut Value, most: bool) {
            match value {
                Value::Number(number) if number.is_i64() && number.as_i64().unwrap().abs() > 1000 => {
                    let small = number.as_i64().unwrap().abs() <= i64::from(i32::MAX);
                    *value = match (small, most) {
                        (true, true) => i32::MAX.into(),
                        (true, false) => 0.into(),
                        (false, true) => i64::MAX.into(),
                        (false, false) => 0.into(),
                    };
                }
                Value::Number(number) if number.is_f64() => *value = if most { 1e300.into() } else { (-1e300).into() },
                Value::Array(list) => list.iter_mut().for_each(|value| change(value, most)),
                Value::Object(members) => members
                    .iter_mut()
                    .filter(|(name, _)| !name.ends_with("oid") && *name != "version_number" && *name != "block_size")
                    .for_each(|(_, value)| change(value, most)),
                _ => {}
            }
        }
        let mut value: Value = serde_json::from_str(&text).unwrap();
        change(&mut value, most);
        folder.write("extreme.json", value.to_string())
    };
    for most in [true, false] {
        let path = extreme(most);
        for format in render::ALL.iter().map(|renderer| renderer.name) {
            let output = pgassay(&["audit", "--snapshot", &path, "--format", format, "--fail-on", "none"]);
            assert!(matches!(output.code, Some(0 | 2 | 3)), "{most} {format}: {output:?}");
            assert!(!output.stderr.contains("panicked"), "{most} {format}: {}", output.stderr);
        }
    }
}

#[test]
fn bad_arguments_are_refused_in_one_sentence() {
    let url = format!("postgres://ada:{CANARY}@h/shop");
    for (arguments, says) in [
        (&["audti"][..], "audit"),
        (&["audit", "--fromat", "json"], "--format"),
        (&["audit", "--watch", "soon"], "soon"),
        (&["audit", "--watch", "-5s"], "-5"),
        (&["audit", "--statement-timeout", "1 parsec"], "parsec"),
        (&["audit", "--measure-budget", "2GiB"], "2GiB,30s"),
        (&["audit", "--plans=perhaps"], "on, off or always"),
        (&["audit", "--connections", "many"], "many"),
        (&["audit", "--snapshot"], "--snapshot"),
        (&["audit", "--snapshot", "a", "--watch", "1s"], "cannot be used with"),
        (&["audit", "--snapshot", "a", "--save", "b"], "cannot be used with"),
        (&["audit", "--watch", "1s", "--since", "b"], "cannot be used with"),
        (&["audit", "a", "b"], "b"),
        (&["explain"], "RULE"),
        (&["completions", "tcsh"], "bash"),
        (&["demo", "--pg-version", "9"], "not installed here"),
        (&["demo", "--pg-version", "x"], "x"),
        (&[&url], "subcommand"),
        (&["explain", &url], "no rule"),
        (&["audit", "h", &url], "unexpected"),
        (&["audit", "--format", &url], "formats are"),
        (&["config", &url], "subcommand"),
    ] {
        let output = pgassay(arguments);
        let sentence = refused(&output, 2);
        assert!(sentence.contains(says), "{arguments:?}: {sentence}");
    }
    assert_eq!(pgassay(&["config"]).code, Some(2));
}
