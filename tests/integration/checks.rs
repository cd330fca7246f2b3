//! Every check on real servers: its `bad.sql` is found, its `good.sql` is not, and its own advice silences it.
//!
//! A fixture is a head of comments and a body of SQL. The head says, one `-- word: …` a line:
//!
//! * `expect: <rule> <severity> <key without rule and database>` for each finding that the body adds to those of an empty
//!   database of that server, or `expect: nothing`;
//! * `only: <rule>`, where others would be noise; `param: <rule>.<param> = <number>`, a threshold for this fixture;
//! * `major: <n>`, the oldest server it is for;
//! * `role: <name> <options>`, a role that exists while the fixture runs: `{name}` stands for its name anywhere;
//! * `database: set …`, for `alter database`;
//! * `session: <sql>` or `session as <role>: <sql>`, one more connection that runs this after the body and stays open;
//! * `wait: <condition>`, true before anything is judged;
//! * `twice`, for a body whose second part, after a line `-- then`, lies between two snapshots that are both given;
//! * `hint: apply`, for a `bad.sql` whose advice can run as it stands: afterwards the finding is gone.
//!
//! The data of a `bad.sql` are also read as a monitor and as nobody, who may not call passed what the superuser finds, and every
//! report is made again from the stored form of its snapshot. `PGASSAY_TEST_CHECKS="a b"` runs the fixtures of these checks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pgassay::checks::ALL;
use pgassay::config::Config;
use pgassay::facts::Snapshot;
use pgassay::finding::Finding;
use pgassay::outcome::Outcome;
use pgassay::report::Report;

use crate::auditing::{config, failures, judge, snapshot};
use crate::harness::{Database, MONITOR, NOBODY, Own, Running, Session, connect, majors, options, own, try_connect};

/// How long a condition of a fixture may take to become true.
const PATIENCE: Duration = Duration::from_secs(20);

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checks")
}

// ---------------------------------------------------------------------------------------------------------- fixtures

#[derive(Debug, Default)]
struct Fixture {
    /// From `tests/checks`, for messages.
    name: String,
    /// What is to be found, with the line that says so: `rule severity key`.
    expected: Vec<(usize, String)>,
    only: Vec<String>,
    params: Vec<(String, String, String)>,
    major: u16,
    roles: Vec<(String, String)>,
    database: Vec<String>,
    /// As whom, and what.
    sessions: Vec<(Option<String>, String)>,
    wait: Vec<String>,
    twice: bool,
    apply: bool,
    body: String,
    then: String,
}

impl Fixture {
    fn read(path: &Path) -> Result<Self, String> {
        let name = path.strip_prefix(directory()).unwrap_or(path).display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        Self::parse(&name, &text)
    }

    fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut fixture = Self { name: name.to_owned(), ..Self::default() };
        let mut nothing = false;
        let mut lines = text.lines().enumerate().peekable();
        while let Some((number, line)) = lines.next_if(|(_, line)| line.starts_with("--")) {
            let wrong = |what: &str| format!("{name}: line {}: {what}: {line}", number + 1);
            let line_text = line.trim_start_matches('-').trim();
            let (word, rest) = line_text.split_once(": ").unwrap_or((line_text, ""));
            let rest = rest.trim().to_owned();
            match word {
                "expect" if rest == "nothing" => nothing = true,
                "expect" => {
                    let parts: Vec<&str> = rest.split_whitespace().collect();
                    let [rule, _, _] = parts[..] else {
                        return Err(wrong("not `expect: <rule> <severity> <key>`"));
                    };
                    if pgassay::checks::by_id(rule).is_none() {
                        return Err(wrong("no such rule"));
                    }
                    fixture.expected.push((number + 1, parts.join(" ")));
                }
                "only" => fixture.only.push(rest),
                "param" => {
                    let parts = rest.split_once(" = ").and_then(|(name, value)| Some((name.split_once('.')?, value)));
                    let Some(((rule, param), value)) = parts else {
                        return Err(wrong("not `param: <rule>.<param> = <number>`"));
                    };
                    fixture.params.push((rule.to_owned(), param.to_owned(), value.trim().to_owned()));
                }
                "major" => fixture.major = rest.parse().map_err(|_| wrong("not a major"))?,
                "role" => {
                    let (role, options) = rest.split_once(' ').unwrap_or((&rest, ""));
                    fixture.roles.push((role.to_owned(), options.to_owned()));
                }
                "database" => fixture.database.push(rest),
                "session" => fixture.sessions.push((None, rest)),
                _ if word.starts_with("session as ") => {
                    let role = word.trim_start_matches("session as ").to_owned();
                    fixture.sessions.push((Some(role), rest));
                }
                "wait" => fixture.wait.push(rest),
                "twice" => fixture.twice = true,
                "hint" if rest == "apply" => fixture.apply = true,
                // a remark
                _ if rest.is_empty() || word.contains(' ') => {}
                _ => return Err(wrong("unknown word")),
            }
        }
        let rest: Vec<&str> = lines.map(|(_, line)| line).collect();
        match rest.iter().position(|line| line.trim() == "-- then") {
            Some(at) => {
                fixture.body += &rest[..at].join("\n");
                fixture.then = rest[at + 1..].join("\n");
            }
            None => fixture.body += &rest.join("\n"),
        }
        let fault = match () {
            () if fixture.twice == fixture.then.trim().is_empty() => "`-- twice` and `-- then` belong together",
            () if nothing != fixture.expected.is_empty() => "`expect: nothing`, or what to expect, and not both",
            () if name.ends_with("bad.sql") && nothing => "a bad.sql expects something",
            () if fixture.apply && !name.ends_with("bad.sql") => "`hint: apply` belongs into bad.sql",
            () => return Ok(fixture),
        };
        Err(format!("{name}: {fault}"))
    }

    fn config(&self) -> Config {
        // whoever audits, the other auditors are no applications
        let mut toml = String::new();
        let auditors = format!("[application]\nmaintenance_roles = [\"{MONITOR}\", \"{NOBODY}\"]\n");
        if !self.only.is_empty() {
            writeln!(toml, "only = {:?}", self.only).unwrap();
        }
        toml += &auditors;
        let mut rules: BTreeMap<&str, String> = BTreeMap::new();
        for (rule, param, value) in &self.params {
            writeln!(rules.entry(rule).or_default(), "{param} = {value}").unwrap();
        }
        for (rule, params) in rules {
            writeln!(toml, "[rules.{rule}]\n{params}").unwrap();
        }
        config(&toml)
    }
}

/// Names of roles that belong to one run of a fixture, and their removal at its end.
struct Roles<'a> {
    server: &'a Own,
    names: Vec<(String, String)>,
}

impl<'a> Roles<'a> {
    fn create(server: &'a Own, database: &str, wanted: &[(String, String)]) -> Self {
        let names: Vec<(String, String)> =
            wanted.iter().map(|(short, _)| (format!("{{{short}}}"), format!("{database}_{short}"))).collect();
        let session = server.connect();
        for ((_, name), (_, options)) in names.iter().zip(wanted) {
            session.execute(&format!("create role {name} {options}"));
        }
        Self { server, names }
    }

    fn insert(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (short, name)| text.replace(short, name))
    }
}

impl Drop for Roles<'_> {
    fn drop(&mut self) {
        for (_, name) in &self.names {
            if let Ok(session) = try_connect(&self.server.url("postgres")) {
                let _ = session.try_rows(&format!("drop owned by {name} cascade"));
                let _ = session.try_rows(&format!("drop role if exists {name}"));
            }
        }
    }
}

fn statements(sql: &str) -> Result<Vec<String>, String> {
    let parts = pg_query::split_with_parser(sql).map_err(|error| format!("{error}\nin:\n{sql}"))?;
    Ok(parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
}

fn run(session: &Session, sql: &str) -> Result<(), String> {
    for statement in statements(sql)? {
        session.try_rows(&statement).map_err(|error| {
            let message = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
            format!("{message}\nin:\n{statement}")
        })?;
    }
    Ok(())
}

/// Asks until a condition holds.
fn until(session: &Session, condition: &str) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match session.try_rows(condition) {
            Ok(rows) if rows.first().and_then(|row| row.first()?.as_deref()) == Some("t") => return Ok(()),
            Ok(_) if Instant::now() > deadline => return Err(format!("did not become true: {condition}")),
            Ok(_) => std::thread::sleep(Duration::from_millis(20)),
            Err(error) => {
                let message = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
                return Err(format!("{message}\nin:\n{condition}"));
            }
        }
    }
}

/// `rule severity key`, as a fixture writes it.
fn line(finding: &Finding, database: &str) -> String {
    let key = finding.key.strip_prefix(&format!("{}:", finding.rule)).unwrap_or(&finding.key);
    let key = key.strip_prefix(&format!("{database}/")).unwrap_or(key);
    format!("{} {} {key}", finding.rule, finding.severity)
}

fn lines(report: &Report, database: &str) -> Vec<String> {
    let mut lines: Vec<String> = report.findings.iter().map(|finding| line(finding, database)).collect();
    lines.sort();
    lines
}

/// What of `these` is not among `those`, each as often as it is missing.
fn without(these: &[String], those: &[String]) -> Vec<String> {
    let mut left = those.to_vec();
    let mut extra = Vec::new();
    for one in these {
        match left.iter().position(|other| other == one) {
            Some(at) => drop(left.remove(at)),
            None => extra.push(one.clone()),
        }
    }
    extra
}

// ------------------------------------------------------------------------------------------------------------ runner

/// The facts of an empty database, and its name.
struct Empty {
    snapshot: Snapshot,
    database: String,
}

/// One fixture while it runs.
struct Stage<'a> {
    fixture: &'a Fixture,
    server: &'a Own,
    database: Database<'a>,
    config: Config,
    roles: Roles<'a>,
    open: Vec<(Session, Option<Running>)>,
}

/// Runs one fixture, and says everything that is wrong with it.
fn stage(fixture: &Fixture, server: &Own, empty: &Empty) -> Result<(), String> {
    let database = server.database();
    let roles = Roles::create(server, &database.name, &fixture.roles);
    let mut stage = Stage { fixture, server, config: fixture.config(), database, roles, open: Vec::new() };
    let played = stage.play(empty);
    // sessions end before their database and their roles go
    stage.open.clear();
    let settings = reset_settings(server);
    played.and(settings)
}

impl Stage<'_> {
    fn play(&mut self, empty: &Empty) -> Result<(), String> {
        let fixture = self.fixture;
        self.server.connect().execute("select statistics.pg_stat_statements_reset()");
        for setting in &fixture.database {
            let setting = self.roles.insert(setting);
            run(&self.server.connect(), &format!("alter database {} {setting}", self.database.name))?;
        }
        self.body(&fixture.body)?;
        let before = fixture.twice.then(|| snapshot(&self.database.url(), None));
        self.body(&fixture.then)?;
        for (role, sql) in &fixture.sessions {
            self.open_session(role.as_deref(), sql)?;
        }
        let watcher = self.database.connect();
        for condition in &fixture.wait {
            until(&watcher, &self.roles.insert(condition))?;
        }
        drop(watcher);

        let facts = snapshot(&self.database.url(), before.as_ref());
        let report = judge(&facts, before.as_ref(), &self.config);
        let mut faults = Vec::new();
        faults.extend(failures(&facts).into_iter().map(|failure| format!("not read: {failure}")));
        self.compare(&report, empty, &mut faults);
        replay(&facts, before.as_ref(), &self.config, &report, &mut faults);
        // where nothing is to be found, nothing can be overlooked
        let less: &[&str] = if fixture.expected.is_empty() { &[] } else { &[MONITOR, NOBODY] };
        for role in less {
            self.as_less(role, &report, &mut faults);
        }
        if faults.is_empty() && fixture.apply {
            self.apply(&report, before.as_ref(), &mut faults)?;
        }
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
    }

    /// Runs a part of the body. Its counters are those of a session that has ended, unless temporary objects keep it.
    fn body(&mut self, sql: &str) -> Result<(), String> {
        let session = self.database.connect();
        // what the runner itself does there is nobody's session
        session.execute("set application_name = 'pgassay/fixture'");
        run(&session, &self.roles.insert(sql))?;
        let temporary = session.value(
            "select exists (select from pg_class where relnamespace = pg_my_temp_schema() and pg_my_temp_schema() <> 0)",
        );
        if temporary == "t" {
            self.open.push((session, None));
            return Ok(());
        }
        let pid = session.pid();
        drop(session);
        until(&self.server.connect(), &format!("select not exists (select from pg_stat_activity where pid = {pid})"))
    }

    /// Opens a session and returns when it has done what it is to do, or waits for something.
    fn open_session(&mut self, role: Option<&str>, sql: &str) -> Result<(), String> {
        let url = match role {
            Some(role) => self.database.url_as(&self.roles.insert(role)),
            None => self.database.url(),
        };
        let session = connect(&url);
        let pid = session.pid();
        let running = session.begin(&self.roles.insert(sql));
        let watcher = self.server.connect();
        let deadline = Instant::now() + PATIENCE;
        let waiting = format!(
            "select coalesce((select wait_event_type in ('Lock', 'Timeout') and state = 'active'
                              from pg_stat_activity where pid = {pid}), false)"
        );
        while !running.is_finished() && watcher.value(&waiting) != "t" {
            if Instant::now() > deadline {
                return Err(format!("neither ends nor waits: {sql}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Some(Err(error)) = running.result() {
            let message = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
            return Err(format!("{message}\nin the session: {sql}"));
        }
        self.open.push((session, Some(running)));
        Ok(())
    }

    /// Compares what is found with what is expected and with what an empty database has.
    fn compare(&self, report: &Report, empty: &Empty, faults: &mut Vec<String>) {
        let baseline = lines(&judge(&empty.snapshot, None, &self.config), &empty.database);
        let added = without(&lines(report, &self.database.name), &baseline);
        let expected: Vec<(usize, String)> =
            self.fixture.expected.iter().map(|(number, text)| (*number, self.roles.insert(text))).collect();
        let mut unexpected = without(&added, &expected.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>());
        let absent = without(&expected.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>(), &added);
        for text in &absent {
            let number = expected.iter().find(|(_, other)| other == text).map_or(0, |(number, _)| *number);
            faults.push(format!("line {number}: expected {text}"));
            // the same at another severity is the most likely slip
            let [rule, _, key] = text.split(' ').collect::<Vec<_>>()[..] else { continue };
            let near = |other: &String| other.starts_with(&format!("{rule} ")) && other.ends_with(&format!(" {key}"));
            if let Some(at) = unexpected.iter().position(near) {
                faults.push(format!("        but found {}", self.describe(report, &unexpected.remove(at))));
            }
        }
        for text in unexpected {
            faults.push(format!("found, and not expected: {}", self.describe(report, &text)));
        }
        if !absent.is_empty() {
            for result in
                report.rules.iter().filter(|result| absent.iter().any(|text| text.starts_with(result.id.as_str())))
            {
                faults.push(format!(
                    "        {} is {}: examined {}, found {}{}{}",
                    result.id,
                    result.outcome,
                    result.examined,
                    result.findings,
                    result.reason.as_ref().map(|reason| format!(", {reason}")).unwrap_or_default(),
                    result
                        .unjudged
                        .iter()
                        .map(|group| format!("; {} unjudged: {} {:?}", group.count, group.because, group.examples))
                        .collect::<String>()
                ));
            }
        }
    }

    fn describe(&self, report: &Report, text: &str) -> String {
        let same = |finding: &&Finding| line(finding, &self.database.name) == text;
        let finding = report.findings.iter().find(same);
        format!("{text} ({})", finding.map_or("", |finding| finding.message.as_str()))
    }

    /// Whoever sees less may judge less, but not call passed what is found by who sees everything.
    fn as_less(&self, role: &str, report: &Report, faults: &mut Vec<String>) {
        let facts = snapshot(&self.database.url_as(role), None);
        faults.extend(failures(&facts).into_iter().map(|failure| format!("not read as {role}: {failure}")));
        let less = judge(&facts, None, &self.config);
        for result in less.rules.iter().filter(|result| result.outcome == Outcome::Passed) {
            for finding in report.findings.iter().filter(|finding| finding.rule == result.id) {
                let text = line(finding, &self.database.name);
                faults.push(format!("{} is passed as {role}, though the superuser finds {text}", result.id));
            }
        }
    }

    /// Follows the advice of everything that was expected, and looks again.
    fn apply(&self, report: &Report, before: Option<&Snapshot>, faults: &mut Vec<String>) -> Result<(), String> {
        let expected: Vec<String> = self.fixture.expected.iter().map(|(_, text)| self.roles.insert(text)).collect();
        let mut session = self.database.connect();
        for finding in report.findings.iter().filter(|finding| expected.contains(&line(finding, &self.database.name))) {
            let Some(sql) = finding.hint.as_ref().and_then(|hint| hint.sql.as_deref()) else {
                faults.push(format!("hint: apply, but {} has no SQL", finding.key));
                continue;
            };
            if let Err(error) = run(&session, sql) {
                faults.push(format!("the hint of {} does not run: {error}", finding.key));
            }
            // what is set for a database or a role counts from the next session on
            session = self.database.connect();
        }
        let pid = session.pid();
        drop(session);
        until(&self.server.connect(), &format!("select not exists (select from pg_stat_activity where pid = {pid})"))?;
        let after = judge(&snapshot(&self.database.url(), before), before, &self.config);
        for text in lines(&after, &self.database.name).iter().filter(|text| expected.contains(text)) {
            faults.push(format!("still found after its own hint was applied: {}", self.describe(&after, text)));
        }
        Ok(())
    }
}

/// The stored form of a snapshot gives the same verdicts.
fn replay(facts: &Snapshot, before: Option<&Snapshot>, config: &Config, report: &Report, faults: &mut Vec<String>) {
    let stored = |snapshot: &Snapshot| -> Snapshot {
        serde_json::from_slice(&serde_json::to_vec(snapshot).unwrap()).expect("a snapshot reads what it wrote")
    };
    let (again, before) = (stored(facts), before.map(stored));
    if again != *facts {
        faults.push("the stored snapshot is another one than the live run's".to_owned());
    }
    let replayed = judge(&again, before.as_ref(), config);
    if replayed.findings != report.findings {
        faults.push("the stored snapshot gives other findings than the live run".to_owned());
    }
    if replayed.items != report.items || replayed.rules != report.rules || replayed != *report {
        faults.push("the stored snapshot gives another report than the live run".to_owned());
    }
}

/// Takes back what a hint set for the whole server.
fn reset_settings(server: &Own) -> Result<(), String> {
    let session = server.connect();
    if session.value("select exists (select from pg_file_settings where sourcefile ~ 'postgresql.auto.conf$')") != "t" {
        return Ok(());
    }
    let before = session.value("select pg_conf_load_time()");
    session.execute("alter system reset all");
    session.execute("select pg_reload_conf()");
    until(&session, &format!("select pg_conf_load_time() > '{before}'"))
}

// ------------------------------------------------------------------------------------------------------------- tests

fn folders() -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory()).unwrap();
    entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

#[test]
fn every_check_has_fixtures_or_a_reason() {
    let folders = folders();
    let by_hand = std::fs::read_to_string(directory().join("by-hand.txt")).unwrap();
    let reasons: BTreeMap<&str, &str> = by_hand.lines().filter_map(|line| line.split_once(": ")).collect();
    let mut faults = Vec::new();
    for id in ALL.iter().map(|check| check.meta.id) {
        match (folders.contains(id), reasons.get(id)) {
            (true, None) => {
                for file in ["bad.sql", "good.sql"] {
                    match Fixture::read(&directory().join(id).join(file)) {
                        Err(fault) => faults.push(fault),
                        Ok(fixture)
                            if file == "bad.sql" && !fixture.expected.iter().any(|(_, l)| l.starts_with(id)) =>
                        {
                            faults.push(format!("{id}/bad.sql does not expect {id}"));
                        }
                        Ok(_) => {}
                    }
                }
            }
            (false, Some(reason)) if reason.len() > 20 => {}
            (false, Some(_)) => faults.push(format!("by-hand.txt: {id} needs a reason that explains")),
            (true, Some(_)) => faults.push(format!("{id} has fixtures and is in by-hand.txt too")),
            (false, None) => faults.push(format!("{id} has neither tests/checks/{id} nor a line in by-hand.txt")),
        }
    }
    let known = |id: &str| pgassay::checks::by_id(id).is_some();
    faults.extend(folders.iter().filter(|id| !known(id)).map(|id| format!("tests/checks/{id} is no check")));
    faults.extend(reasons.keys().filter(|id| !known(id)).map(|id| format!("by-hand.txt: {id} is no check")));
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn fixtures() {
    let wanted = std::env::var("PGASSAY_TEST_CHECKS").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split_whitespace().collect();
    let mut faults = Vec::new();
    let mut fixtures = Vec::new();
    for folder in folders().iter().filter(|folder| wanted.is_empty() || wanted.contains(&folder.as_str())) {
        for file in ["bad.sql", "good.sql"] {
            match Fixture::read(&directory().join(folder).join(file)) {
                Ok(fixture) => fixtures.push(fixture),
                Err(fault) => faults.push(fault),
            }
        }
    }
    for major in majors() {
        let server = own(options(*major));
        let started = Instant::now();
        server.connect().execute("create schema statistics; create extension pg_stat_statements schema statistics");
        let database = server.database();
        let empty = Empty { snapshot: snapshot(&database.url(), None), database: database.name.clone() };
        let mut ran = 0;
        for fixture in fixtures.iter().filter(|fixture| fixture.major <= *major) {
            let began = Instant::now();
            if let Err(fault) = stage(fixture, &server, &empty) {
                let fault = fault.replace('\n', "\n    ");
                faults.push(format!("tests/checks/{} on PostgreSQL {major}:\n    {fault}", fixture.name));
            }
            ran += 1;
            if began.elapsed() > Duration::from_secs(4) {
                eprintln!("{} took {:.1} s on PostgreSQL {major}", fixture.name, began.elapsed().as_secs_f64());
            }
        }
        eprintln!("{ran} fixtures on PostgreSQL {major} in {:.1} s", started.elapsed().as_secs_f64());
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn a_fixture_that_cannot_be_understood_is_refused() {
    let fault = |name: &str, text: &str| Fixture::parse(name, text).err().unwrap_or_default();
    let expect = "-- expect: foreign-key-without-index low public/a/b\n";
    assert_eq!(fault("x/bad.sql", expect), "");
    assert!(fault("x/bad.sql", "select 1;").contains("expect"));
    assert!(fault("x/bad.sql", "-- expect: nothing\n").contains("expects something"));
    assert!(fault("x/good.sql", &format!("{expect}-- hint: apply\n")).contains("bad.sql"));
    assert!(fault("x/bad.sql", "-- expect: foreign-key low public/a/b\n").contains("no such rule"));
    assert!(fault("x/bad.sql", "-- expect: foreign-key-without-index low\n").contains("line 1"));
    assert!(fault("x/bad.sql", &format!("{expect}-- exept: nothing\n")).contains("unknown word"));
    assert!(fault("x/bad.sql", &format!("{expect}-- twice\n")).contains("belong together"));
    let fixture =
        Fixture::parse("x/good.sql", "-- expect: nothing\n-- role: app login\n-- a remark\nselect 1;").unwrap();
    assert_eq!((fixture.roles.len(), fixture.body.as_str()), (1, "select 1;"));
}
