//! The fuzz targets of `tests/fuzz`, for as long as `cargo test` has patience: what real logs are made of, put together
//! wrongly. Without instrumentation, and the same on every toolchain.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// What logs are made of.
const WORDS: [&str; 60] = [
    "2026-11-22 02:00:16.670 UTC",
    "2026-11-22 02:00:16 UTC",
    "1795312816.670",
    " [4101] ",
    " [x] ",
    "app@shop ",
    "LOG:  ",
    "ERROR:  ",
    "DETAIL:  ",
    "STATEMENT:  ",
    "CONTEXT:  ",
    "duration: 0.575 ms  ",
    "duration: 1 ms",
    "statement: ",
    "parse <unnamed>: ",
    "bind S_1/C_2: ",
    "execute fetch from S_1/C_2: ",
    "plan:\n\tQuery Text: select 1\n\tSeq Scan on t  (cost=0.00..1.00 rows=1 width=4)\n",
    "parameters: $1 = '5', $2 = NULL",
    "Parameters: $1 = '",
    "SELECT ",
    "select a from t where b = ",
    "INSERT INTO t VALUES (1), (2)",
    "BEGIN",
    "COMMIT",
    "'",
    "\"",
    "''",
    "\\",
    "$$",
    "$a$",
    "/*",
    "*/",
    "--",
    "(",
    ")",
    "[",
    "{",
    "}",
    "]",
    ":",
    ",",
    ",,",
    ";",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "é",
    "\u{feff}",
    "{\"timestamp\":\"2026-11-22 02:00:16.670 UTC\",\"pid\":4101,\"error_severity\":\"LOG\",\"message\":\"",
    "\"}\n",
    "\",\"shop\",4101,\"[local]\",6921.64,7,\"SELECT\",2026-11-22 01:00:00 UTC,,0,LOG,00000,\"",
    "{\"log\":\"",
    "\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-22T02:00:00Z\"}\n",
    "2026-11-22T02:00:00.1Z stderr F ",
    "2026-11-22T02:00:00.1Z stderr P ",
    "db-1  | ",
    "Nov 22 02:00:00 db postgres[4101]: [7-1] ",
    "connection authorized: user=app database=shop",
];

/// The beginnings of the fixtures.
static LOGS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut logs = Vec::new();
    for folder in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs")).unwrap() {
        for name in ["bad.log", "good.log"] {
            if let Ok(log) = fs::read(folder.as_ref().unwrap().path().join(name)) {
                logs.push(log[..log.len().min(6000)].to_vec());
            }
        }
    }
    logs.sort();
    assert!(logs.len() > 40);
    logs
});

/// What migrations are made of.
const SQL: [&str; 48] = [
    "alter table t ",
    "add column c int ",
    "alter column c type bigint ",
    "set not null ",
    "default random() ",
    "add constraint k check (c > 0) not valid ",
    "validate constraint k ",
    "foreign key (c) references u (id) ",
    "attach partition p for values from (1) to (2) ",
    "create table t (id int primary key, c text) ",
    "partition by range (id) ",
    "create index concurrently i on t (c) ",
    "drop index i ",
    "drop table t cascade ",
    "create type e as enum ('a') ",
    "alter type e add value 'b' ",
    "update t set c = 1 where id = 2 ",
    "insert into t select 1 ",
    "copy t from stdin;\n1\ta\n\\.\n",
    "begin",
    "commit",
    "rollback to s",
    "savepoint s",
    "set local lock_timeout = '5s'",
    "do $$ begin execute 'drop table t'; end $$",
    "create function f() returns int language plpgsql as $f$ begin return 1; end $f$",
    "-- +goose Up\n",
    "-- +goose Down\n",
    "-- migrate:up transaction:false\n",
    "-- migrate:down\n",
    "--changeset a:1 runInTransaction:false\n",
    "--rollback drop table t;\n",
    "-- pgassay: allow index-without-concurrently because x\n",
    "${x}",
    ":'v'",
    "\\restrict x\n",
    "'",
    "\"",
    "$$",
    "$a$",
    "/*",
    "*/",
    "--",
    "(",
    ")",
    ";",
    "\n",
    "\u{c}",
];

/// The fixtures of the rules over migrations.
static MIGRATIONS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut texts = Vec::new();
    for folder in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/migrations")).unwrap() {
        for name in ["bad.sql", "good.sql"] {
            if let Ok(text) = fs::read(folder.as_ref().unwrap().path().join(name)) {
                let text = String::from_utf8(text).unwrap();
                // the files of a fixture are files of the target
                texts.push(text.replace("-- file:", "\u{c}-- file:").into_bytes());
            }
        }
    }
    texts.sort();
    assert!(texts.len() > 80);
    texts
});

fn words(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        9 => (0..words.len()).prop_map(|word| words[word].as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(word, 0..80).prop_map(|words| words.concat())
}

/// A text with some bytes lost, doubled, changed or put in.
fn damaged(texts: &'static [Vec<u8>], words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0..200_usize, 0..4_u8, 0..words.len());
    (0..texts.len(), prop::collection::vec(change, 0..8)).prop_map(|(log, changes)| {
        let mut log = texts[log].clone();
        for (at, length, change, word) in changes {
            let at = at.index(log.len() + 1);
            let end = (at + length).min(log.len());
            match change {
                0 => drop(log.drain(at..end)),
                1 => {
                    let doubled = log[at..end].to_vec();
                    log.splice(at..at, doubled);
                }
                2 => log[at..end].iter_mut().for_each(|byte| *byte ^= 0x15),
                _ => drop(log.splice(at..at, words[word].bytes())),
            }
        }
        log
    })
}

/// Bytes that can be pasted into a test.
#[derive(Clone)]
struct Bytes(Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

fn hold(cases: u32, targets: &[targets::Target]) {
    for (name, target) in targets {
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
            cases,
            failure_persistence: None,
            max_shrink_iters: 2000,
            ..ProptestConfig::default()
        });
        let bytes = match *name {
            "review" => prop_oneof![words(&SQL), damaged(&MIGRATIONS, &SQL)].boxed(),
            _ => prop_oneof![words(&WORDS), damaged(&LOGS, &WORDS)].boxed(),
        };
        if let Err(error) = runner.run(&bytes.prop_map(Bytes), |bytes| {
            target(&bytes.0);
            Ok(())
        }) {
            panic!("{name}: {error}");
        }
    }
}

/// Targets that are a whole, and take longer than their parts.
const WHOLES: [&str; 2] = ["pipeline", "review"];

#[test]
fn parts_hold_for_any_bytes() {
    let parts: Vec<targets::Target> = targets::ALL.into_iter().filter(|(name, _)| !WHOLES.contains(name)).collect();
    assert_eq!(parts.len() + WHOLES.len(), targets::ALL.len());
    hold(400, &parts);
}

#[test]
fn the_whole_holds_for_any_bytes() {
    let wholes: Vec<targets::Target> = targets::ALL.into_iter().filter(|(name, _)| WHOLES.contains(name)).collect();
    hold(60, &wholes);
}
