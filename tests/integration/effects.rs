//! The table of effects, `tests/migrations/effects.tsv`: what servers really do, and what the library says that they do.
//!
//! Every case of `effects.sql` runs on every major under test and is compared with its line of the table; then the same
//! statements go through the library, without a server, and are compared with the same line. With
//! `PGASSAY_UPDATE_EFFECTS=1` and all supported majors the servers write the table anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock};

use tokio_postgres::{AsyncMessage, NoTls, SimpleQueryMessage};

use crate::harness::{self, Database, Server};

const SQL: &str = include_str!("../migrations/effects.sql");
const TABLE: &str = include_str!("../migrations/effects.tsv");
const TABLE_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/migrations/effects.tsv");

// -------------------------------------------------------------------------------------------------------------- cases

/// A case of effects.sql.
#[derive(Debug, Default)]
struct Case {
    name: String,
    given: Vec<String>,
    held: Vec<String>,
    alone: bool,
    from: u16,
    sql: String,
}

/// The set-up and the cases.
fn cases() -> (&'static str, Vec<Case>) {
    let (head, body) = SQL.split_once("\n-- cases\n").unwrap();
    let set_up = head.split_once("\n-- set-up\n").unwrap().1;
    let mut cases: Vec<Case> = Vec::new();
    for line in body.lines() {
        if let Some(name) = line.strip_prefix("-- case: ") {
            cases.push(Case { name: name.to_owned(), ..Case::default() });
        } else if let Some(case) = cases.last_mut() {
            if let Some(sql) = line.strip_prefix("-- given: ") {
                case.given.push(sql.to_owned());
            } else if let Some(sql) = line.strip_prefix("-- held: ") {
                case.held.push(sql.to_owned());
            } else if let Some(major) = line.strip_prefix("-- from: ") {
                case.from = major.parse().unwrap();
            } else if line == "-- alone" {
                case.alone = true;
            } else if !line.starts_with("--") && !line.is_empty() {
                case.sql.push_str(line);
                case.sql.push('\n');
            }
        }
    }
    (set_up, cases)
}

/// What a line of the table says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Row {
    locks: String,
    effects: String,
}

/// The table: by case, each range with its row.
fn table() -> BTreeMap<String, Vec<(u16, u16, Row)>> {
    let mut table: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for line in TABLE.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [case, range, locks, effects] = fields[..] else { panic!("not four columns: {line}") };
        let (from, to) = range.split_once('-').unwrap();
        let row = Row { locks: locks.to_owned(), effects: effects.to_owned() };
        table.entry(case.to_owned()).or_default().push((from.parse().unwrap(), to.parse().unwrap(), row));
    }
    table
}

fn row<'a>(table: &'a BTreeMap<String, Vec<(u16, u16, Row)>>, case: &str, major: u16) -> Option<&'a Row> {
    table.get(case)?.iter().find(|(from, to, _)| (*from..=*to).contains(&major)).map(|(_, _, row)| row)
}

// ------------------------------------------------------------------------------------------------------------ servers

/// A session whose notices are kept.
struct Worker {
    client: Arc<tokio_postgres::Client>,
    notices: Arc<Mutex<Vec<String>>>,
}

type Answer = Result<Vec<Vec<String>>, (String, String)>;

impl Worker {
    fn connect(url: &str) -> Self {
        let url = url.to_owned();
        harness::block_on(async move {
            let (client, mut connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
            let notices = Arc::new(Mutex::new(Vec::new()));
            let kept = notices.clone();
            tokio::spawn(async move {
                while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
                    if let AsyncMessage::Notice(notice) = message {
                        kept.lock().unwrap().push(notice.message().to_owned());
                    }
                }
            });
            Self { client: Arc::new(client), notices }
        })
    }

    /// Begins to run statements.
    fn begin(&self, sql: &str) -> Arc<OnceLock<Answer>> {
        let (client, sql, answer) = (self.client.clone(), sql.to_owned(), Arc::new(OnceLock::new()));
        let set = answer.clone();
        harness::block_on(async move {
            tokio::spawn(async move {
                let result = client.simple_query(&sql).await;
                let _ = set.set(match result {
                    Ok(messages) => Ok(messages.into_iter().filter_map(values).collect()),
                    Err(error) => {
                        let error = error.as_db_error().unwrap_or_else(|| panic!("{error}"));
                        Err((error.code().code().to_owned(), error.message().to_owned()))
                    }
                });
            });
        });
        answer
    }

    /// Runs statements to their end.
    fn run(&self, sql: &str) -> Answer {
        let (client, sql) = (self.client.clone(), sql.to_owned());
        match harness::block_on(async move { client.simple_query(&sql).await }) {
            Ok(messages) => Ok(messages.into_iter().filter_map(values).collect()),
            Err(error) => {
                let error = error.as_db_error().unwrap_or_else(|| panic!("{error}"));
                Err((error.code().code().to_owned(), error.message().to_owned()))
            }
        }
    }

    fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        self.run(sql).unwrap_or_else(|error| panic!("{error:?}\nin: {sql}"))
    }
}

fn values(message: SimpleQueryMessage) -> Option<Vec<String>> {
    match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|at| row.get(at).unwrap_or_default().to_owned()).collect())
        }
        _ => None,
    }
}

/// A relation as it was before.
#[derive(Debug, Clone)]
struct Before {
    name: String,
    kind: String,
    file: String,
}

const RELATIONS: &str =
    "select c.oid, case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname, c.relkind,
        pg_relation_filenode(c.oid)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid >= 16384 and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind <> 'c'";
const FILES: &str = "select c.oid, pg_relation_filenode(c.oid), pg_relation_size(c.oid) from pg_class c
    where c.oid >= 16384 and c.relkind in ('r', 'm', 'i')";
const READS: &str = "select relid, seq_scan from pg_stat_xact_all_tables where relid >= 16384 and seq_scan > 0";

fn relations(session: &Worker) -> BTreeMap<String, Before> {
    let read = |mut row: Vec<String>| {
        let (file, kind, name, oid) = (row.pop()?, row.pop()?, row.pop()?, row.pop()?);
        Some((oid, Before { name, kind, file }))
    };
    session.rows(RELATIONS).into_iter().filter_map(read).collect()
}

/// What was seen of a case.
#[derive(Debug, Default)]
struct Seen {
    /// Relation and mode.
    locks: Vec<(String, String)>,
    /// Relation, filenode, size.
    files: Vec<Vec<String>>,
    /// Relations read from begin to end.
    reads: BTreeSet<String>,
    /// Whether it ran outside of a transaction: its locks were seen now and then only.
    alone: bool,
    notices: Vec<String>,
    error: Option<(String, String)>,
}

/// Runs a case in a transaction that is rolled back.
fn in_transaction(session: &Worker, case: &Case) -> Seen {
    session.rows("begin; set local client_min_messages = debug1");
    let reads = |rows: Vec<Vec<String>>| -> BTreeMap<String, i64> {
        rows.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
    };
    let earlier = reads(session.rows(READS));
    session.notices.lock().unwrap().clear();
    let mut seen = Seen { error: session.run(&case.sql).err(), ..Seen::default() };
    if seen.error.is_none() {
        seen.notices = std::mem::take(&mut *session.notices.lock().unwrap());
        let own = "select relation, mode from pg_locks where locktype = 'relation' and pid = pg_backend_pid()";
        seen.locks = session.rows(own).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
        let later = reads(session.rows(READS));
        seen.reads = later
            .into_iter()
            .filter(|(oid, scans)| earlier.get(oid).unwrap_or(&0) < scans)
            .map(|(oid, _)| oid)
            .collect();
        seen.files = session.rows(FILES);
    }
    session.rows("rollback");
    seen
}

/// Runs the statement of a case outside of a transaction and looks on from another session.
fn alone(url: &str, case: &Case) -> Seen {
    let (worker, watcher) = (Worker::connect(url), Worker::connect(url));
    let pid = worker.rows("select pg_backend_pid()")[0][0].clone();
    let hold = |sql: &String| {
        let holder = Worker::connect(url);
        holder.rows(&format!("begin; {sql}"));
        let pid = holder.rows("select pg_backend_pid()")[0][0].clone();
        (holder, pid)
    };
    let holders: Vec<(Worker, String)> = case.held.iter().map(hold).collect();
    worker.rows("set client_min_messages = debug1");
    worker.notices.lock().unwrap().clear();
    let running = worker.begin(&case.sql);
    let sample = format!("select relation, mode from pg_locks where locktype = 'relation' and pid = {pid}");
    let mut locks = BTreeSet::new();
    for (holder, holding) in &holders {
        let waits = format!("select {holding} = any (pg_blocking_pids({pid}))");
        while running.get().is_none() && watcher.rows(&waits)[0][0] == "f" {}
        locks.extend(watcher.rows(&sample));
        holder.rows("rollback");
    }
    // What it does after the last wait cannot be caught for sure.
    while running.get().is_none() {
        watcher.rows("select");
    }
    let error = running.get().unwrap().clone().err();
    let mut seen = Seen { error, alone: true, ..Seen::default() };
    if seen.error.is_none() {
        seen.notices = std::mem::take(&mut *worker.notices.lock().unwrap());
        seen.locks = locks.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
        seen.files = watcher.rows(FILES);
    }
    seen
}

/// The modes that the table shows, weakest first.
const MODES: [(&str, &str); 7] = [
    ("RS", "RowShareLock"),
    ("RX", "RowExclusiveLock"),
    ("SUE", "ShareUpdateExclusiveLock"),
    ("S", "ShareLock"),
    ("SRE", "ShareRowExclusiveLock"),
    ("X", "ExclusiveLock"),
    ("AE", "AccessExclusiveLock"),
];

/// The mode from which on an index's lock is shown.
const OF_INDEXES: usize = 2;

/// The row of what was seen.
fn row_of(seen: &Seen, before: &BTreeMap<String, Before>) -> Row {
    if let Some((code, message)) = &seen.error {
        return Row { locks: String::new(), effects: format!("ERR {code} {message}") };
    }
    let mut locks: BTreeMap<&str, usize> = BTreeMap::new();
    for (oid, mode) in &seen.locks {
        let Some(relation) = before.get(oid) else { continue };
        let Some(rank) = MODES.iter().position(|(_, name)| name == mode) else { continue };
        if relation.kind.eq_ignore_ascii_case("i") && (rank < OF_INDEXES || seen.alone) {
            continue;
        }
        let strongest = locks.entry(&relation.name).or_default();
        *strongest = rank.max(*strongest);
    }
    let mut shown: Vec<String> = locks.iter().map(|(name, rank)| format!("{name}:{}", MODES[*rank].0)).collect();
    if shown.is_empty() {
        shown.push("-".to_owned());
    }
    Row { locks: shown.join(","), effects: effects_of(seen, before).into_iter().collect::<Vec<_>>().join(" ") }
}

/// The first two quoted words of a message that begins so.
fn quoted<'a>(message: &'a str, beginning: &str) -> Option<(&'a str, &'a str)> {
    let mut words = message.strip_prefix(beginning)?.split('"');
    words.next()?;
    let first = words.next()?;
    words.next();
    Some((first, words.next().unwrap_or_default()))
}

fn effects_of(seen: &Seen, before: &BTreeMap<String, Before>) -> BTreeSet<String> {
    let mut effects = BTreeSet::new();
    let known = |name: &str| before.values().any(|relation| relation.name.rsplit('.').next() == Some(name));
    let mut anew: BTreeSet<&str> = BTreeSet::new();
    for message in &seen.notices {
        if let Some((table, _)) = quoted(message, "rewriting table ") {
            anew.insert(table);
            effects.insert(format!("REWRITE {table}"));
        }
    }
    for file in &seen.files {
        let Some(relation) = before.get(&file[0]) else { continue };
        if relation.kind != "i" && relation.file != file[1] && anew.insert(&relation.name) {
            effects.insert(format!("{} {}", if file[2] == "0" { "EMPTIED" } else { "REWRITE" }, relation.name));
        }
    }
    let mut read: BTreeSet<&str> = anew.clone();
    for message in &seen.notices {
        if let Some((table, _)) = quoted(message, "verifying table ") {
            read.insert(table);
            effects.insert(format!("SCAN {table}"));
        } else if let Some((index, table)) = quoted(message, "building index ") {
            read.insert(table);
            if !anew.contains(table) && known(table) {
                // `reindex concurrently` builds beside the old one
                effects.insert(format!("BUILD {table}.{}", index.trim_end_matches("_ccnew")));
            }
        } else if let Some((constraint, _)) = quoted(message, "validating foreign key constraint ") {
            effects.insert(format!("FKVALIDATE {constraint}"));
        } else if message.contains("are sufficient to prove that it does not contain nulls") {
            effects.extend(
                quoted(message, "existing constraints on column ").map(|(column, _)| format!("PROVEN {column}")),
            );
        } else if message.ends_with("is implied by existing constraints") {
            let (new, default) =
                ("partition constraint for table ", "updated partition constraint for default partition ");
            let implied = quoted(message, new).or_else(|| quoted(message, default));
            effects.extend(implied.map(|(table, _)| format!("IMPLIED {table}")));
        }
    }
    if !effects.iter().any(|effect| effect.starts_with("FKVALIDATE")) {
        // The query that validates a foreign key reads as it sees fit.
        for oid in &seen.reads {
            let Some(relation) = before.get(oid) else { continue };
            if !read.contains(&*relation.name) {
                effects.insert(format!("READ {}", relation.name));
            }
        }
    }
    effects
}

/// What a statement reads because it says so is no effect of it.
fn reads_by_itself(case: &Case) -> bool {
    let first = case.sql.split_whitespace().next().unwrap_or_default();
    let says = [
        "select", "insert", "update", "delete", "merge", "with", "copy", "explain", "call", "do", "refresh", "analyze",
    ];
    says.contains(&first) || case.sql.contains(" as select")
}

/// Measures every case on one server.
fn measure(server: &Server, set_up: &str, cases: &[Case]) -> BTreeMap<String, Row> {
    let base = server.database();
    Worker::connect(&base.url()).rows(set_up);
    // Copies of a database are made while nobody is connected to it, so the transactions have one of their own.
    let admin = Worker::connect(&server.url("postgres"));
    let copy = |number: usize| Copy::new(&admin, &base, number);
    let shared = copy(0);
    let session = Worker::connect(&server.url(&shared.name));
    let before = relations(&session);
    let mut rows = BTreeMap::new();
    for (number, case) in cases.iter().enumerate().filter(|(_, case)| case.from <= server.major) {
        let (mut seen, before) = if case.given.is_empty() && !case.alone {
            (in_transaction(&session, case), before.clone())
        } else {
            let own = copy(number + 1);
            let url = server.url(&own.name);
            let session = Worker::connect(&url);
            match case.given.iter().try_for_each(|sql| session.run(sql).map(drop)) {
                // What a case takes for granted may itself need a newer major.
                Err(error) => (Seen { error: Some(error), ..Seen::default() }, BTreeMap::new()),
                Ok(()) => {
                    let before = relations(&session);
                    let seen = if case.alone { alone(&url, case) } else { in_transaction(&session, case) };
                    (seen, before)
                }
            }
        };
        if reads_by_itself(case) {
            seen.reads.clear();
        }
        rows.insert(case.name.clone(), row_of(&seen, &before));
    }
    drop(session);
    drop(shared);
    rows
}

/// A copy of a database, dropped with this value.
struct Copy<'a> {
    admin: &'a Worker,
    name: String,
}

impl<'a> Copy<'a> {
    fn new(admin: &'a Worker, of: &Database<'_>, number: usize) -> Self {
        let name = format!("{}_{number}", of.name);
        // The last session of the base may be on its way out still.
        admin.rows(&format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'", of.name));
        let mut create = admin.run(&format!("create database {name} template {}", of.name));
        while create.as_ref().is_err_and(|(code, _)| code == "55006") {
            create = admin.run(&format!("create database {name} template {}", of.name));
        }
        create.unwrap();
        Self { admin, name }
    }
}

impl Drop for Copy<'_> {
    fn drop(&mut self) {
        let _ = self.admin.run(&format!("drop database if exists {} with (force)", self.name));
        let _ = self.admin.run("drop tablespace if exists pgassay_effects");
    }
}

/// The table as text, ranges of equal rows joined.
fn written(cases: &[Case], measured: &BTreeMap<u16, BTreeMap<String, Row>>) -> String {
    let mut text = "case\tpg_range\tlocks\teffects\n".to_owned();
    for case in cases {
        let mut ranges: Vec<(u16, u16, &Row)> = Vec::new();
        for (major, rows) in measured {
            let Some(row) = rows.get(&case.name) else { continue };
            match ranges.last_mut() {
                Some((_, to, last)) if *last == row => *to = *major,
                _ => ranges.push((*major, *major, row)),
            }
        }
        for (from, to, row) in ranges {
            writeln!(text, "{}\t{from}-{to}\t{}\t{}", case.name, row.locks, row.effects).unwrap();
        }
    }
    text
}

#[test]
fn servers_do_what_the_table_says() {
    let (set_up, cases) = cases();
    let names: BTreeSet<&str> = cases.iter().map(|case| &*case.name).collect();
    assert_eq!(names.len(), cases.len(), "each case has a name of its own");
    let mut measured = BTreeMap::new();
    harness::each_major(|server| {
        measured.insert(server.major, measure(server, set_up, &cases));
    });
    if std::env::var_os("PGASSAY_UPDATE_EFFECTS").is_some() {
        assert_eq!(measured.len(), harness::SUPPORTED.len(), "the table is written from all supported majors");
        std::fs::write(TABLE_PATH, written(&cases, &measured)).unwrap();
        return;
    }
    let table = table();
    let mut wrong = String::new();
    for (major, rows) in &measured {
        for (case, seen) in rows {
            let said = row(&table, case, *major);
            if said != Some(seen) {
                writeln!(wrong, "{case} on {major}:\n  table  {said:?}\n  server {seen:?}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
