//! `pgassay audit --logs` on a real server that logs its statements: what counters leave open, the log decides.

use crate::harness::{NOBODY, Output, Own, connect, database, majors, options, own, pgassay};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const PREFIX: &str = "%m [%p] %q%u@%d %v %Q ";

const TABLES: &str = "
create extension pg_stat_statements;
create table authors (id int primary key, name text, country int);
create table books (id int primary key, author_id int references authors, title text);
create index on books (author_id);
create table stock (id int primary key, held int);
insert into authors select n, 'x', n % 20 from generate_series(1, 400) as n;
insert into books select n, 1 + n % 400, 'y' from generate_series(1, 2000) as n;
insert into stock select n, n from generate_series(1, 100) as n;
grant select on all tables in schema public to public;
analyze;";

fn logging() -> Own {
    let options = options(*majors().iter().max().unwrap());
    own(options.set("log_min_duration_statement", "0").set("log_line_prefix", PREFIX).set("compute_query_id", "on"))
}

/// A directory of a test's own, removed with this value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("audit-logs-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn log_of(server: &Own) -> String {
    server.log_file().to_str().unwrap().to_owned()
}

/// The report of a run, whatever was found.
#[track_caller]
fn report(output: &Output) -> Value {
    assert!(matches!(output.code, Some(0 | 1)), "{output:?}");
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn valid(report: &Value) {
    let schema: Value = serde_json::from_str(include_str!("../../docs/report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

fn item<'r>(report: &'r Value, id: &str) -> &'r Value {
    report["items"].as_array().unwrap().iter().find(|item| item["id"] == id).unwrap()
}

#[track_caller]
fn decided(report: &Value, id: &str, state: &str, evidence: &str) {
    let item = item(report, id);
    assert_eq!(
        (&item["state"], &item["evidence"]),
        (&state.into(), &evidence.into()),
        "{item:#}\n{:#}",
        report["notes"]
    );
}

fn notes(report: &Value) -> Vec<&str> {
    report["notes"].as_array().unwrap().iter().map(|note| note["text"].as_str().unwrap()).collect()
}

fn findings<'r>(report: &'r Value, rule: &str) -> Vec<&'r Value> {
    report["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == rule).collect()
}

#[test]
fn two_snapshots_and_the_log_between_them_decide_2_1_exactly() {
    let server = logging();
    let folder = Folder::new("exact");
    let log = log_of(&server);
    // of so many calls so many are slow
    for (calls, slow, state) in [(150, 3, "fail"), (350, 3, "pass")] {
        let shop = database(&server);
        shop.execute(TABLES);
        // only what is slow is in the log
        shop.execute(&format!("alter database {} set log_min_duration_statement = '100ms'", shop.name));
        let (before, after) = (folder.path("before.json"), folder.path("after.json"));
        let snapshot = |path: &str| {
            let output = pgassay(&["snapshot", &shop.url(), "-o", path]);
            assert_eq!(output.code, Some(0), "{output:?}");
        };
        snapshot(&before);
        let session = connect(&shop.url_as(NOBODY));
        for call in 0..calls {
            let seconds = if call < slow { "0.11" } else { "0.0001" };
            session.execute(&format!("select held, pg_sleep({seconds}) from stock where id = {}", call % 100 + 1));
        }
        snapshot(&after);
        let judge = |more: &[&str]| {
            let given = ["audit", "--snapshot", &after, "--since", &before, "--format", "json", "--exit-zero"];
            report(&pgassay(&[&given[..], more].concat()))
        };
        // counters bound the percentile, and the bounds lie on both sides of the limit
        assert_ne!(item(&judge(&[]), "2.1")["evidence"], "measured");
        // the log is longer than the time between the snapshots
        let with_log = ["--logs", &log, "--prefix", PREFIX];
        let longer = judge(&with_log);
        let told =
            notes(&longer).into_iter().find(|note| note.contains("is longer than the time between the snapshots"));
        let told = told.unwrap_or_else(|| panic!("{:#}", longer["notes"]));
        let times: Vec<&str> = told.rsplit_once("; ").unwrap().1.split(' ').collect();
        assert_eq!((times[0], times[2], times.len()), ("--from", "--to", 4), "{told}");
        assert_ne!(item(&longer, "2.1")["evidence"], "measured", "{told}");
        let exact = judge(&[&with_log[..], &times].concat());
        valid(&exact);
        decided(&exact, "2.1", state, "measured");
        let found = findings(&exact, "slow-query");
        assert_eq!(found.len(), usize::from(state == "fail"), "{found:#?}");
        if let Some(finding) = found.first() {
            let number = |name: &str| {
                finding["detail"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|one| one["name"] == name)
                    .map(|one| one["value"].clone())
            };
            assert_eq!((number("calls"), number("slow_calls")), (Some(calls.into()), Some(slow.into())), "{finding:#}");
        }
        // the stored log is as good
        let stored = folder.path("workload.json");
        let save = pgassay(
            &[
                &["logs", &log, "--prefix", PREFIX, "--save", &stored, "--exit-zero", "-o", &folder.path("x")],
                &times[..],
            ]
            .concat(),
        );
        assert_eq!(save.code, Some(0), "{save:?}");
        decided(&judge(&["--logs", &stored]), "2.1", state, "measured");
    }
}

#[test]
fn requests_in_the_log_decide_2_4() {
    let server = logging();
    let log = log_of(&server);
    let audit = |url: &str, more: &[&str]| {
        let given = ["audit", url, "--logs", &log, "--prefix", PREFIX, "--format", "json", "--exit-zero"];
        report(&pgassay(&[&given[..], more].concat()))
    };
    for (is_bad, state) in [(true, "fail"), (false, "pass")] {
        let shop = database(&server);
        shop.execute(TABLES);
        let session = connect(&shop.url_as(NOBODY));
        for request in 0..120 {
            session.execute("begin");
            let authors = session.rows(&format!("select id, name from authors where country = {}", request % 20));
            let authors: Vec<String> = authors.into_iter().map(|row| row[0].clone().unwrap()).collect();
            assert_eq!(authors.len(), 20);
            if is_bad {
                for author in authors.iter().take(12) {
                    session.execute(&format!("select id, title from books where author_id = {author}"));
                }
            } else {
                session.execute(&format!("select id, title from books where author_id in ({})", authors.join(", ")));
            }
            session.execute("commit");
        }
        let without = report(&pgassay(&["audit", &shop.url(), "--format", "json", "--exit-zero"]));
        assert_ne!(item(&without, "2.4")["state"], "pass");
        let with = audit(&shop.url(), &[]);
        valid(&with);
        decided(&with, "2.4", state, "measured");
        let found = findings(&with, "n-plus-one");
        assert_eq!(found.len(), usize::from(is_bad), "{found:#?}");
        let own = |rule: &&Value| rule["id"] == "n-plus-one";
        let rows: Vec<&Value> = with["rules"].as_array().unwrap().iter().filter(own).collect();
        assert_eq!(rows.len(), 1, "of the database that was audited, and of no other: {rows:#?}");
        assert!(rows[0]["examined"].as_u64() >= Some(120), "{}", rows[0]);
        // a watch is of its own time, and so is what it reads of the log
        let watched = audit(&shop.url(), &["--watch", "1s"]);
        let said = notes(&watched);
        assert!(["from 2", "to 2"].iter().all(|word| said.iter().any(|note| note.starts_with(word))), "{said:#?}");
        assert!(!said.iter().any(|note| note.contains("longer than the time between")), "{said:#?}");
        assert_eq!(findings(&watched, "n-plus-one").len(), 0);
        // what only a log knows of a query stands beside what the counters do
        let queries = with["queries"].as_array().unwrap();
        let list = queries.iter().find(|query| query["query"].as_str().unwrap().contains("from authors where country"));
        assert!(list.unwrap()["p99_ms"].is_number(), "{list:#?}");
    }
}

#[test]
fn what_is_said_of_logs_needs_logs() {
    let refused = |arguments: &[&str], words: &str| {
        let output = pgassay(arguments);
        assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{output:?}");
        assert!(output.stderr.contains(words), "{}", output.stderr);
    };
    // nothing listens there: it is told before anything is asked
    let nowhere = "postgres://127.0.0.1:1/shop";
    refused(&["audit", nowhere, "--from", "2026-11-22"], "--from says something of logs: name them with --logs");
    refused(&["audit", nowhere, "--logs", "/nowhere/at.log"], "/nowhere/at.log");
    refused(&["audit", nowhere, "--logs", "/dev/null", "--timezone", "Nowhere/Land"], "--timezone");
}
