//! No value of a log leaves it: neither a report in any format, nor a stored workload, nor what is said beside them.

use super::{Entry, Server, csvlog, jsonlog, logs, stderr};
use crate::harness::{Folder, pgassay_command};
use pgassay::render;
use std::fs;

/// What every planted value begins with.
const CANARY: &str = "canary7f3a";

/// A log with values wherever a server puts them.
fn planted() -> Vec<Entry> {
    let mut next = 0;
    let mut canary = || {
        next += 1;
        format!("{CANARY}{next}")
    };
    let mut server = Server::at(3_600_000);
    for number in 0..24_u32 {
        let pid = 4100 + number % 3;
        let c = [(); 16].map(|()| canary());
        server.simple(pid, "BEGIN");
        server.simple(pid, &format!("SELECT id, name FROM authors WHERE country = '{}'", c[0]));
        for child in 0..12 {
            server.simple(pid, &format!("SELECT title FROM books WHERE author = '{}-{child}'", c[1]));
        }
        server.simple(pid, "COMMIT");
        // every way to write a literal
        server.simple(pid, &format!("SELECT E'{}\\'x', $${}$$, $t${}$t$, U&'{}', B'1', N'x'", c[2], c[3], c[4], c[5]));
        server
            .simple(pid, &format!("INSERT INTO t VALUES ('{}', 'a'), ('b', '{}')\nON CONFLICT DO NOTHING", c[2], c[3]));
        // comments, with keys and without
        server.simple(pid, &format!("SELECT 1 /* {} */ -- {}\nFROM t /*traceparent='{}'*/", c[0], c[1], c[2]));
        // parameters
        server.extended(pid, "SELECT name FROM users WHERE id = $1", &format!("$1 = '{}'", c[6]));
        server.extended(pid, "UPDATE users SET name = $1 WHERE id = $2", &format!("$1 = '{}', $2 = NULL", c[7]));
        // what cannot be parsed, what was cut
        server.simple(pid, &format!("SELECT FROM WHERE '{}' ((", c[8]));
        server.simple(pid, &format!("SELECT name FROM users WHERE name = '{}", c[9]));
        server.simple(pid, &format!("SELECT '{}' {} '{}'", c[10], "((".repeat(40), c[10]));
        // failures: values in the message, the detail, the context, the statement
        let failed = format!("INSERT INTO users VALUES ('{}')", c[11]);
        server.say(|at| Entry {
            detail: Some(format!("Key (email)=({}) already exists.", c[12])),
            context: Some(format!(
                "SQL statement \"SELECT '{}'\"\nunnamed portal with parameters: $1 = '{}'",
                c[13], c[14]
            )),
            ..Entry::error(at, pid, "23505", "duplicate key value violates unique constraint \"users_email\"", &failed)
        });
        let message = format!("invalid input syntax for type integer: \"{}\"", c[15]);
        server.say(|at| Entry::error(at, pid, "22P02", &message, &failed));
        let failed = format!("SELECT '{}", c[11]);
        let message = format!("unterminated quoted string at or near \"'{}\"", c[11]);
        server.say(|at| Entry::error(at, pid, "42601", &message, &failed));
        // secrets
        server.simple(pid, &format!("ALTER ROLE app PASSWORD '{}'", c[0]));
        server.simple(pid, &format!("CREATE SUBSCRIPTION s CONNECTION 'host=h password={}' PUBLICATION p", c[1]));
        server.simple(pid, &format!("SELECT dblink('postgres://u:{}@h/d', 'select 1')", c[2]));
        server.simple(pid, &format!("SET app.token = '{}'", c[3]));
        // a plan, a lock, a deadlock, a file: each with a statement
        let plan = format!(
            "duration: 0.400 ms  plan:\nQuery Text: SELECT * FROM books WHERE author = '{0}'\nSeq Scan on books  (cost=0.00..9.00 \
             rows=1 width=4)\n  Filter: (author = '{0}'::text)",
            c[4]
        );
        server.say(|at| Entry::new(at, pid, plan));
        server.say(|at| Entry {
            statement: Some(format!("UPDATE t SET a = '{}'", c[5])),
            context: Some(format!("while updating tuple (0,1) in relation \"t\" of {}", c[6])),
            ..Entry::new(at, pid, "process 4101 still waiting for ShareLock on transaction 771 after 1000.100 ms")
        });
        server.say(|at| Entry {
            detail: Some(format!("Process 4100 waits for ShareLock on transaction 1; blocked by process 4101.\nProcess 4100: SELECT '{}'", c[7])),
            ..Entry::error(at, pid, "40P01", "deadlock detected", &format!("SELECT '{}'", c[8]))
        });
        server.say(|at| Entry {
            statement: Some(format!("SELECT '{}' ORDER BY 1", c[9])),
            ..Entry::new(at, pid, "temporary file: path \"base/pgsql_tmp/pgsql_tmp1.0\", size 139264")
        });
        server.say(|at| Entry::new(at, pid, format!("{} said by a function's RAISE LOG", c[10])));
        server.say(|at| Entry {
            severity: "FATAL",
            ..Entry::error(at, pid, "28P01", &format!("password authentication failed for user \"{}\"", c[12]), "")
        });
    }
    server.entries
}

/// The same with lines that belong to nothing.
fn interrupted(log: &str) -> String {
    let mut text = String::new();
    for (number, line) in (0..).zip(log.split_inclusive('\n')) {
        text.push_str(line);
        if number % 97 == 0 {
            text.push_str(&format!("password={CANARY}-unread of {number}\n"));
            text.push_str(&format!("2026-11-22 02:00:00 [x] {CANARY}-unread LOG: \n"));
        }
    }
    text
}

#[track_caller]
fn clean(what: &str, text: &str) {
    if let Some(at) = text.find(CANARY) {
        panic!(
            "{what}: {}",
            &text[crate::logs::boundary(text, at.saturating_sub(200))..crate::logs::boundary(text, at + 40)]
        );
    }
}

#[test]
fn no_format_and_no_file_repeats_a_value() {
    let folder = Folder::new();
    let entries = planted();
    let (plain, stored) = (stderr(&entries), folder.path("stored.json"));
    assert!(plain.matches(CANARY).count() > 900);
    for (name, text) in [
        ("a.log", plain.clone()),
        ("a.csv", csvlog(&entries)),
        ("a.json", jsonlog(&entries)),
        ("unread.log", interrupted(&plain)),
        ("cut.csv", csvlog(&entries)[..csvlog(&entries).len() / 2].to_owned()),
        ("nothing.txt", interrupted("")),
    ] {
        let log = folder.write(name, text);
        for renderer in render::ALL {
            let arguments = ["--format", renderer.name, "-v", "--top", "1000", "--save", &stored, "--fail-on", "none"];
            let output = logs(&[&log], &arguments);
            let expected = if name == "nothing.txt" { 2 } else { 0 };
            assert_eq!(output.code, Some(expected), "{name}: {}", output.stderr);
            clean(&format!("{name} as {}", renderer.name), &output.stdout);
            clean(&format!("{name}, beside {}", renderer.name), &output.stderr);
        }
        if name != "nothing.txt" {
            clean(&format!("{name}, stored"), &fs::read_to_string(&stored).unwrap());
            let output = logs(&[&stored], &["--format", "json", "-v", "--top", "1000"]);
            clean(&format!("{name}, stored and judged"), &output.stdout);
        }
    }
}

/// The wrong prefix: nothing can be read, and what is said of it has its form only.
#[test]
fn lines_that_cannot_be_read_are_shown_by_their_form() {
    let folder = Folder::new();
    let log = folder.write("a.log", stderr(&planted()));
    for prefix in ["%t|%p|", "%p %u %m "] {
        let output = logs(&[&log], &["--prefix", prefix, "--format", "json", "--fail-on", "none"]);
        assert_eq!(output.code, Some(2), "{output:?}");
        assert!(output.stderr.contains(prefix) && output.stderr.contains("9999-99-99"), "{}", output.stderr);
        clean(prefix, &output.stderr);
    }
}

/// Passwords in arguments that do not belong there.
#[test]
fn arguments_are_not_repeated_with_their_passwords() {
    let url = format!("postgres://app:{CANARY}@localhost/shop");
    for arguments in [&["logs", &url][..], &["logs", "a.log", "--prefix", &url], &["logs", "a.log", "--config", &url]] {
        let output = pgassay_command(arguments, &[]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        clean("arguments", &String::from_utf8_lossy(&output.stderr));
        clean("arguments", &String::from_utf8_lossy(&output.stdout));
    }
}
