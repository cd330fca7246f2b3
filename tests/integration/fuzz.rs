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

fn words() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        9 => (0..WORDS.len()).prop_map(|word| WORDS[word].as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(word, 0..80).prop_map(|words| words.concat())
}

/// A log with some bytes lost, doubled, changed or put in.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0..200_usize, 0..4_u8, 0..WORDS.len());
    (0..LOGS.len(), prop::collection::vec(change, 0..8)).prop_map(|(log, changes)| {
        let mut log = LOGS[log].clone();
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
                _ => drop(log.splice(at..at, WORDS[word].bytes())),
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
        let bytes = prop_oneof![words(), damaged()].prop_map(Bytes);
        if let Err(error) = runner.run(&bytes, |bytes| {
            target(&bytes.0);
            Ok(())
        }) {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn parts_hold_for_any_bytes() {
    let (pipeline, parts) = targets::ALL.split_last().unwrap();
    assert_eq!(pipeline.0, "pipeline");
    hold(400, parts);
}

#[test]
fn the_whole_holds_for_any_bytes() {
    hold(60, &targets::ALL[targets::ALL.len() - 1..]);
}
