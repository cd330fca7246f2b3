//! `pgassay review` as a whole: files and folders in, exit codes and formats out; hostile input; comments, baselines, what a
//! branch adds; rewrites; and, on servers, the trace.

use crate::harness::{Folder, Output, database, each_major, majors, options, pgassay, pgassay_command, server, within};
use crate::render::{sarif_validator, validator};
use pgassay::render;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long something may take that must come true.
const MINUTE: Duration = Duration::from_secs(60);

/// A folder of migrations, by name and text.
fn folder(files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new();
    for (name, text) in files {
        if let Some(parent) = Path::new(name).parent() {
            fs::create_dir_all(folder.0.join(parent)).unwrap();
        }
        folder.write(name, text);
    }
    folder
}

const OLD: (&str, &str) = ("001_orders.sql", "create table orders (id bigint primary key, total int, note text);\n");
const BAD: (&str, &str) = ("002_index.sql", "create index orders_total on orders (total);\n");
const GOOD: (&str, &str) = ("002_index.sql", "create index concurrently orders_total on orders (total);\n");

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", output.stdout, output.stderr))
}

/// `rule file:line` of each finding of medium severity and above, sorted.
fn found(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap();
    let serious = findings.iter().filter(|one| one["severity"] == "high" || one["severity"] == "medium");
    let mut found: Vec<String> = serious
        .map(|one| {
            let file = one["location"]["file"].as_str().unwrap_or("");
            let name = file.rsplit('/').next().unwrap();
            format!("{} {name}:{}", one["rule"].as_str().unwrap(), one["location"]["line"])
        })
        .collect();
    found.sort();
    found
}

fn review(folder: &Folder, more: &[&str]) -> Output {
    let path = folder.path("");
    let mut arguments = vec!["review", path.as_str(), "--format", "json"];
    arguments.extend(more);
    pgassay(&arguments)
}

// ---------------------------------------------------------------------------------------------------- codes and formats

#[test]
fn a_hazard_stops_the_merge_on_its_own_line() {
    let bad = folder(&[OLD, BAD]);
    let output = review(&bad, &[]);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert_eq!(found(&json(&output)), ["index-without-concurrently 002_index.sql:1"]);
    assert_eq!(review(&bad, &["--exit-zero"]).code, Some(0));
    assert_eq!(review(&bad, &["--fail-on", "none"]).code, Some(0));
    let good = folder(&[OLD, GOOD]);
    let output = review(&good, &[]);
    assert_eq!((output.code, found(&json(&output))), (Some(0), Vec::new()));
}

#[test]
fn every_format_is_what_it_says() {
    let bad = folder(&[OLD, BAD, ("003_drop.sql", "-- say 'x' ::error:: <b>\nalter table orders drop column note;\n")]);
    let path = bad.path("");
    let (json, sarif) = (validator(), sarif_validator());
    for renderer in render::ALL {
        let output = pgassay(&["review", &path, "--format", renderer.name, "-v"]);
        assert_eq!(output.code, Some(1), "{}: {}", renderer.name, output.stderr);
        assert!(output.stdout.contains("column-dropped") || renderer.name == "scorecard", "{}", renderer.name);
        match renderer.name {
            "json" | "sarif" => {
                let value: Value = serde_json::from_str(&output.stdout).unwrap();
                let validator = if renderer.name == "json" { &json } else { &sarif };
                let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
                assert!(errors.is_empty(), "{}: {errors:?}", renderer.name);
            }
            _ => {}
        }
    }
    let terminal = pgassay(&["review", &path]).stdout;
    let lines: Vec<&str> = terminal.lines().collect();
    let at = lines.iter().position(|line| line.contains("create index orders_total")).unwrap();
    assert!(lines[at].trim_start().starts_with("1 |"), "{terminal}");
    assert!(lines[at + 1].contains("^^^^"), "{terminal}");
}

#[test]
fn statements_are_listed_with_what_they_do() {
    let both = folder(&[OLD, BAD]);
    let report = json(&review(&both, &["--pg-version", "15"]));
    let statements = report["statements"].as_array().unwrap();
    assert_eq!(statements.len(), 2);
    assert_eq!(statements[1]["effects"]["locks"], serde_json::json!([{"relation": "orders", "mode": "ShareLock"}]));
    assert_eq!(statements[1]["effects"]["index_build"], serde_json::json!(["orders"]));
    assert_eq!(report["review"]["major"], 15);
    let item = |id: &str| report["items"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap().clone();
    assert_eq!(item("9.4")["state"], "fail");
    assert_eq!(item("7.7")["state"], "pass");
    assert_eq!(item("002.16")["state"], "not_applicable");
}

#[test]
fn standard_input_is_a_file() {
    let mut child = pgassay_command(&["review", "-", "--format", "json"], &[]);
    let mut child = child.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"alter table t add column c int default random();\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found(&report), ["column-added-with-rewrite -:1"]);
}

#[test]
fn bad_usage_is_told_before_any_work() {
    for arguments in [
        vec!["review"],
        vec!["review", "nowhere.sql"],
        vec!["review", ".", "--pg-version", "13"],
        vec!["review", ".", "--runner", "gose"],
        vec!["review", ".", "--fail-on", "nothing"],
        vec!["review", ".", "--only", "no-such-rule"],
    ] {
        let output = pgassay(&arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {}", output.stderr);
        assert!(!output.stderr.is_empty());
    }
    assert!(pgassay(&["review", ".", "--runner", "gose"]).stderr.contains("did you mean \"goose\""));
}

#[test]
fn migrations_in_another_language_are_told_how_to_be_read() {
    let django = folder(&[
        ("shop/migrations/__init__.py", ""),
        (
            "shop/migrations/0001_initial.py",
            "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    operations = []\n",
        ),
    ]);
    let output = pgassay(&["review", &django.path("shop")]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("sqlmigrate"), "{}", output.stderr);
}

// -------------------------------------------------------------------------------------------------------- hostile input

#[test]
fn whatever_a_file_holds_the_others_are_reviewed() {
    let folder = folder(&[OLD, BAD]);
    folder.write("003_words.sql", "this is no SQL at all, it is a letter to a friend;\nselect 1;\n");
    folder.write("004_binary.sql", [0x7f, b'E', b'L', b'F', 0, 0, 1, 2, 3, 0, 0, 0].repeat(50));
    let utf16: Vec<u8> =
        "\u{feff}alter table orders drop column note;\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    folder.write("005_utf16.sql", utf16);
    folder.write("006_crlf.sql", "select 1;\r\nalter table orders\r\n  rename to purchases;\r\n");
    folder.write("007_psql.sql", "\\set ON_ERROR_STOP on\n\\restrict abc\nselect 1;\n\\gset\n");
    folder.write("008_placeholder.sql", "alter table ${schema}.orders add column x int;\nselect '${fine}';\n");
    folder.write("009_quote.sql", "select 'open;\n\nalter table purchases add column y int;\n");
    folder.write("010_dollar.sql", "do $a$ begin perform 1; end $b$;\n");
    folder.write("011_deep.sql", format!("select {}1{};\n", "(".repeat(10_000), ")".repeat(10_000)));
    folder.write("012_empty.sql", "");
    std::os::unix::fs::symlink("nowhere", folder.0.join("013_gone.sql")).unwrap();
    folder.write("014_last.sql", "drop table purchases;\n");
    let output = review(&folder, &[]);
    assert_eq!(output.code, Some(2), "a file that cannot be read is bad input: {}", output.stderr);
    assert!(output.stderr.contains("004_binary.sql") && output.stderr.contains("013_gone.sql"), "{}", output.stderr);
    let report = json(&output);
    let found = found(&report);
    for expected in [
        "index-without-concurrently 002_index.sql:1",
        "syntax-error 003_words.sql:1",
        "column-dropped 005_utf16.sql:1",
        "table-renamed 006_crlf.sql:2",
        "syntax-error 008_placeholder.sql:1",
        "syntax-error 009_quote.sql:1",
        "syntax-error 010_dollar.sql:1",
        "table-dropped 014_last.sql:1",
    ] {
        assert!(found.iter().any(|one| one == expected), "{expected} is missing from {found:#?}");
    }
    let deep = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["location"]["file"].as_str().unwrap().ends_with("011_deep.sql"));
    assert!(deep.is_none_or(|one| one["message"].as_str().unwrap().contains("too deep")), "{deep:?}");
}

#[test]
fn a_dump_with_rows_is_read_past_them() {
    let mut text = String::from("create table t (id int, x text);\ncopy t (id, x) from stdin;\n");
    let row = format!("1\t{}; drop table t; '\n", "x".repeat(200));
    while text.len() < 50 << 20 {
        text.push_str(&row);
    }
    text.push_str("\\.\ncreate index t_x on t (x);\nalter table other drop column y;\n");
    let folder = folder(&[]);
    folder.write("dump.sql", text);
    let output = review(&folder, &[]);
    assert_eq!(found(&json(&output)).len(), 1, "{}", output.stdout);
    assert!(found(&json(&output))[0].starts_with("column-dropped dump.sql:"));
}

#[test]
fn secrets_of_a_migration_do_not_reach_an_output() {
    let canary = "hunter2canary";
    let folder = folder(&[(
        "1.sql",
        "create role app password 'hunter2canary';\n\
         create subscription s connection 'host=x password=hunter2canary' publication p;\n\
         alter table t add column api_key text default 'hunter2canary' not null check (api_key <> '');\n",
    )]);
    for renderer in render::ALL {
        let output = pgassay(&["review", &folder.path(""), "--format", renderer.name, "-v"]);
        assert!(!output.stdout.contains(canary), "{}: {}", renderer.name, output.stdout);
        assert!(!output.stderr.contains(canary));
    }
}

// ------------------------------------------------------------------------------------------------------------- adoption

#[test]
fn a_comment_accepts_a_finding_with_a_reason() {
    let allowed = |comment: &str| {
        let text = format!("{comment}\ncreate index orders_total on orders (total);\n");
        let folder = folder(&[OLD, ("002_index.sql", &text)]);
        let output = review(&folder, &[]);
        let report = json(&output);
        let notes: Vec<String> =
            report["notes"].as_array().unwrap().iter().map(|note| note["text"].as_str().unwrap().to_owned()).collect();
        (output.code, report["suppressed"].as_array().unwrap().len(), notes.join("\n"))
    };
    let (code, count, _) = allowed("-- pgassay: allow index-without-concurrently because the table is small");
    assert_eq!((code, count), (Some(0), 1));
    let (code, count, _) = allowed("-- pgassay: allow-file index-without-concurrently because the table is small");
    assert_eq!((code, count), (Some(0), 1));
    let (code, count, notes) = allowed("-- pgassay: allow index-without-concurrently");
    assert_eq!((code, count), (Some(1), 0));
    assert!(notes.contains("002_index.sql:1: the comment allows nothing"), "{notes}");
    let (_, _, notes) = allowed("-- pgassay: allow index-without-concurently because of a slip");
    assert!(notes.contains("is not a rule") && notes.contains("index-without-concurrently"), "{notes}");
    let (_, _, notes) = allowed("-- pgassay: allow column-dropped because it was once");
    assert!(notes.contains("remove it"), "{notes}");
}

#[test]
fn only_what_a_branch_adds_is_reported() {
    let folder = folder(&[OLD, ("002_old.sql", "alter table orders drop column note;\n")]);
    let git = |arguments: &[&str]| {
        let status = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(&folder.0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "git {arguments:?}");
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "old"]);
    git(&["checkout", "-q", "-b", "feature"]);
    folder.write("003_new.sql", "create index orders_total on orders (total);\n");
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "new"]);
    folder.write("004_untracked.sql", "alter table orders rename column total to sum;\n");
    assert_eq!(found(&json(&review(&folder, &[]))).len(), 3);
    let report = json(&review(&folder, &["--since", "main"]));
    assert_eq!(found(&report), ["column-renamed 004_untracked.sql:1", "index-without-concurrently 003_new.sql:1"]);
    assert_eq!(report["review"]["replayed_files"], 2);
    // what the branch itself makes has no rows yet
    folder.write("005_table.sql", "create table fresh (id bigint primary key, x int);\n");
    folder.write("006_index.sql", "create index fresh_x on fresh (x);\n");
    assert_eq!(found(&json(&review(&folder, &["--since", "main"]))).len(), 2);
    let output = review(&folder, &["--since", "no-such-branch"]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("no-such-branch"), "{}", output.stderr);
}

#[test]
fn a_baseline_accepts_what_was_there() {
    let folder = folder(&[OLD, BAD]);
    let baseline = Folder::new();
    let file = baseline.path("baseline.json");
    assert_eq!(review(&folder, &["-o", &file]).code, Some(1));
    folder.write("003_drop.sql", "alter table orders drop column note;\n");
    let output = review(&folder, &["--baseline", &file]);
    let report = json(&output);
    assert_eq!(found(&report), ["column-dropped 003_drop.sql:1"]);
    assert_eq!(report["suppressed"][0]["reason"], "in the baseline");
    // lines that move change nothing
    folder.write("002_index.sql", format!("-- moved\n\n\n{}", BAD.1));
    assert_eq!(found(&json(&review(&folder, &["--baseline", &file]))), ["column-dropped 003_drop.sql:1"]);
}

#[test]
fn a_folder_may_have_a_configuration_of_its_own() {
    let folder = folder(&[
        OLD,
        ("a/001.sql", "create index orders_total on orders (total);\n"),
        ("b/001.sql", "create index orders_note on orders (note);\n"),
        ("b/pgassay.toml", "[rules.index-without-concurrently]\nenabled = false\n"),
    ]);
    let report = json(&review(&folder, &[]));
    let files: Vec<String> = found(&report);
    assert_eq!(files, ["index-without-concurrently 001.sql:1"]);
    assert!(report["findings"].to_string().contains("/a/001.sql"));
}

#[test]
fn the_configuration_says_how_migrations_run() {
    let folder = folder(&[
        OLD,
        ("002_column.sql", "alter table orders add column x int;\n"),
        ("pgassay.toml", "[review]\nrunner_lock_timeout = \"5 s\"\npg_version = 16\n"),
    ]);
    let rules = |report: &Value| -> Vec<String> {
        report["findings"].as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap().to_owned()).collect()
    };
    let report = json(&review(&folder, &[]));
    assert_eq!((rules(&report), report["review"]["major"].as_u64()), (Vec::new(), Some(16)));
    fs::remove_file(folder.0.join("pgassay.toml")).unwrap();
    assert_eq!(rules(&json(&review(&folder, &[]))), ["lock-without-timeout"]);
}

#[test]
fn what_changing_text_repairs_is_repaired() {
    let folder = folder(&[
        OLD,
        (
            "002.sql",
            "-- an index\ncreate index orders_total on orders (total);\n\nalter table orders add constraint positive check (total > 0);\n",
        ),
    ]);
    let path = folder.path("");
    let diff = pgassay(&["review", &path, "--diff"]);
    assert_eq!(diff.code, Some(1));
    assert!(diff.stdout.contains("+++ b/") && diff.stdout.contains("concurrently"), "{}", diff.stdout);
    assert!(fs::read_to_string(folder.0.join("002.sql")).unwrap().contains("create index orders_total"));
    let fixed = pgassay(&["review", &path, "--fix"]);
    assert_eq!(fixed.code, Some(0), "{}", fixed.stderr);
    let text = fs::read_to_string(folder.0.join("002.sql")).unwrap();
    assert!(text.starts_with("-- an index\n") && text.contains("concurrently") && text.contains("not valid"), "{text}");
    let again = review(&folder, &[]);
    assert_eq!((again.code, found(&json(&again))), (Some(0), Vec::new()), "{text}");
    // what was repaired is left alone
    let diff = pgassay(&["review", &path, "--diff"]);
    assert!(!diff.stdout.contains("concurrently"), "{}", diff.stdout);
}

// ----------------------------------------------------------------------------------------------------------- a server

#[test]
fn severity_follows_the_sizes_of_a_server() {
    let server = server(*majors().last().unwrap());
    let database = database(&server);
    database.execute("create table orders (id bigint primary key, total int, note text); create table nobody (id int)");
    database.execute(
        "insert into orders select n, n, repeat('x', 900) from generate_series(1, 40000) n; analyze orders, nobody",
    );
    let folder =
        folder(&[("1.sql", "create index orders_total on orders (total);\ncreate index nobody_id on nobody (id);\n")]);
    let output = review(&folder, &["--url", &database.url()]);
    let report = json(&output);
    let finding = &report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["rule"] == "index-without-concurrently")
        .unwrap()
        .clone();
    assert_eq!(finding["evidence"], "estimated");
    assert!(finding["detail"].to_string().contains("estimated_duration"), "{finding}");
    assert!(!output.stdout.contains("nobody_id on nobody"), "an empty table is nothing: {}", output.stdout);
    let report = pgassay(&["audit", &database.url(), "--migrations", &folder.path(""), "--format", "json"]);
    let report = json(&report);
    let item = report["items"].as_array().unwrap().iter().find(|one| one["id"] == "9.4").unwrap();
    assert_ne!(item["state"], "unknown", "{item}");
}

/// The histories: an application's that an ORM writes, a partitioned table's, a rename by expanding and contracting.
const HISTORIES: [&str; 3] = ["shop", "events", "rename"];

#[test]
fn review_and_trace_agree_on_the_histories() {
    let mut wrong = Vec::new();
    for major in majors() {
        for history in HISTORIES {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/migrations/histories").join(history);
            let version = major.to_string();
            let arguments = ["review", path.to_str().unwrap(), "--trace", "--pg-version", &version, "--format", "json"];
            let report = json(&pgassay(&arguments));
            let trace = &report["review"]["trace"];
            assert!(trace["server"].as_str().unwrap().contains(&format!("PostgreSQL {major}")), "{trace}");
            assert!(trace["traced"].as_u64().unwrap() > 10, "{history}: {trace}");
            for text in trace["refuted"].as_array().unwrap() {
                wrong.push(format!("{major} {history}: {}", text.as_str().unwrap()));
            }
            let refuted =
                report["statements"].as_array().unwrap().iter().filter(|one| one["verification"] == "refuted");
            wrong.extend(refuted.map(|one| format!("{major} {history}: {}:{} {one}", one["file"], one["line"])));
            let irreversible = report["findings"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|one| one["rule"] == "rollback-irreversible" && one["verification"] == "trace_only");
            wrong.extend(
                irreversible
                    .map(|one| format!("{major} {history}: {}", one["message"]))
                    .filter(|_| history == "rename"),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_way_back_that_does_not_lead_back_is_measured() {
    let folder = folder(&[
        ("000001_a.up.sql", "create table a (id int, x text default 'y');\n"),
        ("000001_a.down.sql", "drop table a;\n"),
        ("000002_b.up.sql", "alter table a drop column x;\n"),
        ("000002_b.down.sql", "alter table a add column x text;\n"),
    ]);
    let report = json(&review(&folder, &["--trace"]));
    let found = report["findings"].as_array().unwrap();
    let measured =
        found.iter().find(|one| one["rule"] == "rollback-irreversible" && one["verification"] == "trace_only");
    let measured = measured.unwrap_or_else(|| panic!("{found:#?}"));
    assert!(measured["message"].as_str().unwrap().contains("public.a.x"), "{measured}");
    assert_eq!(measured["evidence"], "measured");
}

#[test]
fn a_scratch_database_with_tables_is_refused_unless_named() {
    each_major(|server| {
        let database = server.database();
        database.execute("create table keep (id int)");
        let folder = folder(&[OLD, BAD]);
        let output = review(&folder, &["--trace-url", &database.url()]);
        assert_eq!(output.code, Some(2), "{}", output.stderr);
        assert!(output.stderr.contains("public.keep"), "{}", output.stderr);
        assert_eq!(database.rows("select count(*)::text from keep"), [[Some("0".to_owned())]]);
        let name = &database.rows("select current_database()::text")[0][0].clone().unwrap();
        let output = review(&folder, &["--trace-url", &database.url(), "--trace-reset", "another"]);
        assert_eq!(output.code, Some(2));
        let output = review(&folder, &["--trace-url", &database.url(), "--trace-reset", name]);
        assert_eq!(output.code, Some(1), "{}", output.stderr);
        let report = json(&output);
        assert_eq!(report["statements"][1]["verification"], "confirmed", "{report}");
    });
}

#[test]
fn what_fails_because_of_rows_shows() {
    let folder = folder(&[
        ("1.sql", "create table t (id bigint primary key, x text not null, n int check (n > 5) not null);\n"),
        ("2.sql", "alter table t add column y int not null;\n"),
    ]);
    let report = json(&review(&folder, &["--trace"]));
    let statement = &report["statements"][1];
    assert_eq!(statement["verification"], "confirmed", "{statement}");
    assert_eq!(report["review"]["trace"]["without_rows"], serde_json::json!([]));
}

#[test]
fn a_killed_trace_leaves_nothing_behind() {
    let slow = folder(&[("1.sql", "select pg_sleep(60);\n")]);
    let temporary = Folder::new();
    let arguments = ["review", &slow.path(""), "--trace"];
    let mut child = pgassay_command(&arguments, &[("TMPDIR", temporary.0.to_str().unwrap())]).spawn().unwrap();
    let is_running = || !temporary.names().is_empty();
    within(MINUTE, "a server runs", is_running);
    std::thread::sleep(Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    within(MINUTE, "its directory is gone", || temporary.names().is_empty());
}

/// Everything a migration folder holds can be dumped, and the dump is what a later migration begins with.
#[test]
fn a_dump_of_a_server_is_a_schema_to_begin_with() {
    let server = server(*majors().last().unwrap());
    let dump = options(*majors().last().unwrap()).binaries.directory.join("pg_dump");
    let database = database(&server);
    database.execute(
        "create table orders (id bigint primary key, total varchar(20)); create view v as select id from orders",
    );
    let folder = folder(&[(
        "9.sql",
        "alter table orders alter column total type varchar(40);\nalter table nothing add column x int;\n",
    )]);
    let schema = if dump.is_file() {
        let output = Command::new(dump).args(["--schema-only", "--dbname", &database.url()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    } else {
        "\\restrict x\nSET search_path = '';\nCREATE TABLE public.orders (\n    id bigint NOT NULL,\n    total character varying(20)\n);\n\
         CREATE VIEW public.v AS\n SELECT orders.id\n   FROM public.orders;\n\\unrestrict x\n".to_owned()
    };
    let file = Folder::new();
    let file = file.write("schema.sql", schema);
    let report = json(&review(&folder, &["--schema", &file]));
    let found = found(&report);
    assert!(!found.iter().any(|one| one.starts_with("column-type-rewrite")), "{found:?}");
    assert!(report["statements"].to_string().contains("42P01"), "{report}");
}
