//! `pgassay logs --prove` on real servers: what is confirmed, refuted, refused, and that nothing of it leaves a trace.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::harness::{Database, NOBODY, Output, Server, each_major, majors, pgassay, server};

/// Requests of each kind in a log, and look-ups in each: every one with another key until all were asked for.
const REQUESTS: usize = 4;
const LOOK_UPS: usize = 12;

const SCHEMA: &str = "\
create table authors (id bigint primary key, name text, country text);
create table books (id bigint primary key, author_id bigint, title text, price numeric);
create table letters (id bigint primary key, author_id char(6), note text, price numeric);
create table notes (id bigint, body text);
create sequence counter;
insert into authors select n, 'author ' || n, 'x' from generate_series(1, 60) n;
insert into books select n, n % 40, 'a, \"b\" \\ ' || n, n % 7 / 2.0 from generate_series(1, 100) n;
insert into letters select n, 'c' || n % 40, 'note ' || n, n % 7 / 2.0 from generate_series(1, 100) n;
insert into notes select n / 2, 'note ' || n from generate_series(1, 100) n;
create function harmless(text) returns text language sql immutable as 'select upper($1)';
create function noisy(text) returns text language sql as 'select $1';
create function noisy_row(books) returns text language sql as 'select $1.title';
create function slippery(bigint) returns text language sql stable as 'select clock_timestamp()::text';
create function sleepy(bigint) returns text language sql stable as 'select pg_sleep(20)::text';
create function writing(bigint) returns text language plpgsql stable as
  $$ begin return nextval('counter'); end $$;
create view plain_books as select id, author_id, harmless(title) as title from books;
create view noisy_books as select id, author_id, noisy(title) as title from books;
create view deep_books as select id, author_id, title from noisy_books;
grant select on authors, books, letters, notes, plain_books, noisy_books, deep_books to nobody;
grant usage on sequence counter to nobody;
";

/// A log in which each of the statements is looked up by another key in every request, `$K` being the key.
fn log(database: &str, children: &[&str]) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let mut text = String::new();
    let mut clock = 0;
    let mut say = |message: &str, detail: Option<&str>| {
        clock += 1;
        let time = format!("2026-11-22 02:{:02}:{:02}.{:03} UTC", clock / 60_000, clock / 1000 % 60, clock % 1000);
        text.push_str(&format!("{time} [77] app@{database} LOG:  duration: 0.100 ms  {message}\n"));
        if let Some(detail) = detail {
            text.push_str(&format!("{time} [77] app@{database} DETAIL:  {detail}\n"));
        }
    };
    for child in children {
        for request in 0..REQUESTS {
            say("statement: BEGIN", None);
            say("statement: select id, name from authors where country = 'x'", None);
            for at in 0..LOOK_UPS {
                let key = (request * LOOK_UPS + at + 1).to_string();
                match child.contains("$1") {
                    true => say(&format!("execute <unnamed>: {child}"), Some(&format!("Parameters: $1 = '{key}'"))),
                    false => say(&format!("statement: {}", child.replace("$K", &key)), None),
                }
            }
            say("statement: COMMIT", None);
        }
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("prove-{}-{number}.log", std::process::id()));
    fs::write(&path, text).unwrap();
    path
}

fn prepared(server: &Server) -> Database<'_> {
    let database = server.database();
    database.execute(SCHEMA);
    database
}

fn run(log: &Path, url: &str, more: &[&str]) -> Output {
    let path = log.to_str().unwrap();
    let mut arguments = vec!["logs", path, "--prefix", "%m [%p] %q%u@%d ", "--prove", "--url", url];
    arguments.extend_from_slice(more);
    pgassay(&arguments)
}

/// The report, and of each statement by a part of its text the finding.
fn report(log: &Path, url: &str, more: &[&str]) -> Value {
    let output = run(log, url, &[&["--format", "json"], more].concat());
    assert!(matches!(output.code, Some(0 | 1)), "{output:?}");
    serde_json::from_str(&output.stdout).unwrap()
}

fn finding<'v>(report: &'v Value, part: &str) -> &'v Value {
    let is_own = |finding: &&Value| {
        finding["rule"] == "n-plus-one"
            && finding["subject"]["query"].as_str().is_some_and(|query| query.contains(part))
    };
    report["findings"].as_array().unwrap().iter().find(is_own).unwrap_or_else(|| panic!("{part}: {report:#}"))
}

fn measure<'v>(finding: &'v Value, name: &str) -> Option<&'v Value> {
    let detail = finding["detail"].as_array()?;
    detail.iter().find(|measure| measure["name"] == name).map(|measure| &measure["value"])
}

fn not_proven<'v>(report: &'v Value, part: &str) -> &'v str {
    let finding = finding(report, part);
    assert!(finding["verification"].is_null(), "{finding:#}");
    measure(finding, "not_proven").and_then(Value::as_str).unwrap_or_else(|| panic!("{finding:#}"))
}

fn notes(report: &Value) -> Vec<String> {
    report["notes"].as_array().unwrap().iter().map(|note| note["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_returns_the_same_is_confirmed() {
    let children = [
        "select id, title from books where author_id = $K",
        "select title, author_id from books where author_id = $1 order by price desc",
        "select count(*), sum(price), max(title) from books where author_id = $K",
        "select 1 as one from books where author_id = $K limit 1",
        "select exists(select 1 from books where author_id = $1 and price >= 0.5)",
        "select id as newest from books where author_id = $K order by id desc limit 2",
        "select b.title as of_author from books b join authors a on a.id = b.author_id where a.id = $K",
        "select note as letter, id from letters where author_id = 'c$K' and note <> 'it''s' and price > 0.5",
        "select harmless(title) as loud from books where id = $1 limit 1",
        "select title as of_view from plain_books where author_id = $K",
        "select title as never from books where author_id = 1$K000 and price > 0.1",
    ];
    each_major(|server| {
        let database = prepared(server);
        let log = log(&database.name, &children);
        let before = writes(&database);
        let report = report(&log, &database.url_as(NOBODY), &[]);
        for (part, form) in [
            ("select id, title", "any"),
            ("order by price", "any"),
            ("count(*)", "grouped-aggregate"),
            ("as one", "distinct-exists"),
            ("exists", "distinct-exists"),
            ("as newest", "lateral"),
            ("as of_author", "any"),
            ("as letter", "any"),
            ("as loud", "any"),
            ("as of_view", "any"),
            ("as never", "any"),
        ] {
            let finding = finding(&report, part);
            assert_eq!(finding["verification"], "confirmed", "{finding:#}");
            assert_eq!(measure(finding, "rewrite").unwrap(), form, "{finding:#}");
            assert_eq!(measure(finding, "proved_keys").unwrap(), 20);
            let rows = measure(finding, "proved_rows").unwrap().as_u64().unwrap();
            assert_eq!(rows == 0, part == "as never", "{finding:#}");
            for name in ["measured_children_ms", "measured_batched_ms"] {
                assert!(measure(finding, name).unwrap().as_f64().unwrap() > 0.0, "{finding:#}");
            }
            let sql = finding["hint"]["sql"].as_str().unwrap();
            let of = if part == "as letter" { "bpchar[]" } else { "bigint[]" };
            assert!(sql.contains(of) && !sql.contains("/*"), "what was proven is what is shown: {sql}");
        }
        let all = children.len();
        let told = notes(&report).into_iter().find(|note| note.starts_with("--prove")).unwrap();
        assert!(told.contains(&format!("{all} of {all} rewrites returned")), "{told}");
        assert_eq!(writes(&database), before);
        let shown = run(&log, &database.url_as(NOBODY), &[]).stdout;
        assert!(shown.contains("proof proven on 20 keys, ") && shown.contains(" → "), "{shown}");
    });
}

/// All rows with who wrote and locked them, and where the sequence is: what a write would change.
fn writes(database: &Database<'_>) -> Vec<Vec<Option<String>>> {
    let tables = ["authors", "books", "letters", "notes"];
    let sums = tables
        .map(|table| format!("(select md5(string_agg(t::text || xmin || xmax, ',' order by ctid)) from {table} t)"));
    database.rows(&format!("select {}, last_value, is_called from counter", sums.join(", ")))
}

#[test]
fn what_returns_something_else_is_refuted_and_left_out() {
    let server = server(majors()[0]);
    let database = prepared(&server);
    let log = log(
        &database.name,
        &[
            // what is taken to be unique is not
            "select body from notes where id = $K limit 1",
            // a function whose volatility is a lie
            "select slippery(id) as now, title from books where author_id = $K",
        ],
    );
    let report = report(&log, &database.url_as(NOBODY), &[]);
    for (part, how) in [("body", "returned another number of rows"), ("slippery", "returned other rows")] {
        let finding = finding(&report, part);
        assert_eq!(finding["verification"], "refuted", "{finding:#}");
        assert!(measure(finding, "no_rewrite").unwrap().as_str().unwrap().contains(how), "{finding:#}");
        assert!(measure(finding, "rewrite").is_none() && finding["hint"]["sql"].is_null(), "{finding:#}");
        assert!(finding["hint"]["text"].as_str().unwrap().contains("so it is left out"), "{finding:#}");
    }
    let shown = run(&log, &database.url_as(NOBODY), &[]).stdout;
    assert!(shown.contains("refuted on 20 keys") && !shown.contains("any($1"), "{shown}");
}

#[test]
fn what_may_do_something_is_not_run() {
    each_major(|server| {
        let database = prepared(server);
        database.execute(
            "create table locked (id bigint, note text); create table hidden (id bigint, note text); \
            grant select on locked to nobody; insert into locked values (1, 'x')",
        );
        let holding = database.connect();
        holding.execute("begin; lock table locked in access exclusive mode");
        let log = log(
            &database.name,
            &[
                "select noisy(title) as shout from books where author_id = $K",
                "select b.noisy_row as rowed from books b where author_id = $K",
                "select title as behind from noisy_books where author_id = $K",
                "select title as deeper from deep_books where author_id = $K",
                "select title as held from books where author_id = $K for update",
                "select writing(id) as written from books where author_id = $K",
                "select sleepy(id) as slept from books where author_id = $K",
                "select note as waited from locked where id = $K",
                "select note as unseen from hidden where id = $K",
                "select note as gone from nowhere where id = $K",
                "select title as wrong from books where author_id = 'canary$K'",
            ],
        );
        let config = log.with_extension("toml");
        fs::write(&config, "[audit]\nstatement_timeout = \"500 ms\"\n").unwrap();
        let before = writes(&database);
        let report = report(&log, &database.url_as(NOBODY), &["--config", config.to_str().unwrap()]);
        for (part, why) in [
            ("as shout", "noisy() is volatile"),
            ("as rowed", "noisy_row() is volatile"),
            ("as behind", "noisy() is volatile"),
            ("as deeper", "noisy() is volatile"),
            ("as held", "it locks rows"),
            ("as written", "the server could not run it (SQLSTATE 25006)"),
            ("as slept", "took longer than statement_timeout = 500 ms and was cancelled"),
            ("as waited", "a table of it was locked"),
            ("as unseen", "the role may not read what it reads: grant select on hidden"),
            ("as gone", "this database does not have what it reads"),
            ("as wrong", "the server could not run it (SQLSTATE 22P02)"),
        ] {
            let said = not_proven(&report, part);
            assert!(said.contains(why), "{part}: {said}");
        }
        assert_eq!(writes(&database), before);
    });
}

#[test]
fn no_value_of_the_log_is_in_any_output() {
    let server = server(majors()[0]);
    let database = prepared(&server);
    database.execute(
        "update books set title = 'canary' || id; create table things (id bigint, author_id oid); \
         grant select on things to nobody",
    );
    let log = log(
        &database.name,
        &[
            "select id from books where title = 'canary$K'",
            "select price from books where title = $1 and title <> 'canary'",
            "select id as wrong from books where author_id = 'canary$K'",
            "select slippery(id) as now from books where title = 'canary$K'",
            "select id as named from things where author_id = 'canary$K'::regclass",
        ],
    );
    let url = database.url_as(NOBODY);
    for format in ["terminal", "json", "markdown", "junit", "sarif", "github", "gitlab"] {
        for verbose in [&[][..], &["-v"]] {
            let output = run(&log, &url, &[&["--format", format], verbose].concat());
            assert!(matches!(output.code, Some(0 | 1)), "{output:?}");
            assert!(!output.stdout.is_empty());
            let all = format!("{}{}", output.stdout, output.stderr);
            assert!(!all.contains("canary"), "{format}: {all}");
        }
    }
    let named = report(&log, &url, &[]);
    assert_eq!(not_proven(&named, "as named"), "the server could not run it (SQLSTATE 42P01)");
    let workload = log.with_extension("json");
    let saved = workload.to_str().unwrap();
    run(&log, &url, &["--save", saved]);
    assert!(!fs::read_to_string(&workload).unwrap().contains("canary"));
    // of what was stored the values are not known any more
    let stored: Value = {
        let output = pgassay(&["logs", saved, "--prove", "--url", &url, "--format", "json"]);
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    };
    assert_eq!(not_proven(&stored, "select id from books where title"), "no log that was read now has its statements");
}

#[test]
fn who_may_do_everything_is_refused_and_who_is_not_there_is_missed() {
    let server = server(majors()[0]);
    let database = prepared(&server);
    let path = log(&database.name, &["select title from books where author_id = $K"]);
    let refused = run(&path, &database.url(), &[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("not as a superuser") && refused.stderr.contains("pgassay grants"), "{refused:?}");
    let missed = run(&path, "postgresql://nobody@127.0.0.1:1/x?sslmode=disable", &[]);
    assert_eq!(missed.code, Some(3), "{missed:?}");
    assert_eq!(pgassay(&["logs", "x.log", "--prove"]).code, Some(2));
    let nothing = log(&database.name, &[]);
    fs::write(&nothing, "2026-11-22 02:00:00.000 UTC [7] app@x LOG:  duration: 0.1 ms  statement: select 1\n").unwrap();
    let report = report(&nothing, &database.url_as(NOBODY), &[]);
    assert!(notes(&report).iter().any(|note| note.contains("there is nothing to prove")), "{report:#}");
}

#[test]
fn another_database_is_said_to_be_one() {
    let server = server(majors()[0]);
    let database = prepared(&server);
    let child = ["select title from books where author_id = $K"];
    let elsewhere = log("production", &child);
    let of_it = report(&elsewhere, &database.url_as(NOBODY), &[]);
    assert_eq!(finding(&of_it, "title")["verification"], "confirmed");
    let said = format!("no N+1 was seen in a database called {}", database.name);
    assert!(notes(&of_it).iter().any(|note| note.contains(&said)), "{of_it:#}");
    // what is of the database itself goes before
    let both = log("production", &child);
    let own = fs::read_to_string(log(&database.name, &["select price from books where author_id = $K"])).unwrap();
    fs::write(&both, format!("{}{}", fs::read_to_string(&both).unwrap(), own.replace("[77]", "[78]"))).unwrap();
    let of_both = report(&both, &database.url_as(NOBODY), &[]);
    assert_eq!(finding(&of_both, "price")["verification"], "confirmed", "{of_both:#}");
    assert!(not_proven(&of_both, "title").contains("another database"), "{of_both:#}");
}
