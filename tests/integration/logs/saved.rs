//! Stored workloads: several of them together are one run over all their logs.

use super::{
    Entry, SHOP, Server, csvlog, figures, findings, jsonlog, list, logs, measure, number, parse, refused, report, same,
    says, shop,
};
use super::{stderr, write_log};
use crate::harness::Folder;
use serde_json::{Value, json};
use std::fs;

/// Stores what a log comes to, and says where.
fn save(folder: &Folder, name: &str, log: &str) -> String {
    let stored = folder.path(name);
    report(&[log], &["--save", &stored]);
    stored
}

/// The figures, without what a log's beginning and end do to them.
fn totals(report: &Value) -> Value {
    let mut totals = figures(report);
    // requests that were cut stay cut: each part is one
    totals["requests"] = list(report, "requests").iter().filter(|request| request["sure"] != 0).cloned().collect();
    totals
}

/// Cuts a log before an entry, stores both parts, and compares what they come to with what the whole does.
fn halves(entries: &[Entry], cuts: impl IntoIterator<Item = usize>, totals: impl Fn(&Value) -> Value) {
    let folder = Folder::new();
    let whole = totals(&report(&[&write_log(&folder, "whole.log", entries)], &[]));
    for cut in cuts {
        let one = save(&folder, "one.json", &write_log(&folder, "shop-2026-11-22_01.log", &entries[..cut]));
        let other = save(&folder, "other.json", &write_log(&folder, "shop-2026-11-22_02.log", &entries[cut..]));
        let what = format!("cut before {:?}", entries[cut].message);
        for paths in [[one.as_str(), &other], [&other, &one]] {
            let merged = report(&paths, &[]);
            same(&what, &whole, &totals(&merged));
            assert_eq!(list(&merged["coverage"], "logs").len(), 2);
        }
        // a log beside a stored workload
        let mixed = report(&[&one, &folder.path("shop-2026-11-22_02.log")], &[]);
        same(&format!("{what}, one half stored"), &whole, &totals(&mixed));
    }
}

/// The places of the entries that have these words.
fn places(entries: &[Entry], words: &str) -> Vec<usize> {
    (0..entries.len()).filter(|place| entries[*place].message.contains(words)).collect()
}

#[test]
fn halves_of_a_log_are_the_log() {
    let begins = places(&SHOP, "statement: BEGIN");
    halves(&SHOP, [begins[1], begins[7], begins[20]], totals);
}

#[test]
fn a_transaction_that_a_log_cut_is_one() {
    let inside = places(&SHOP, "FROM books");
    let (lists, ends) = (places(&SHOP, "FROM authors"), places(&SHOP, "statement: COMMIT"));
    halves(&SHOP, [inside[12 * 7 + 4], inside[12 * 9], inside[12 * 3 + 11], lists[5], ends[8]], totals);
}

/// What no transaction bounds, but pauses and what begins requests: which a part of a log may not tell, so that only what
/// the requests come to is the same.
#[test]
fn a_request_that_a_log_cut_is_one() {
    let mut server = Server::at(3_600_000);
    for number in 0..30_u32 {
        let pid = 4100 + number % 2;
        server.simple(pid, &format!("SELECT id, name FROM authors WHERE country = {number}"));
        for child in 0..30 {
            server.simple(pid, &format!("SELECT title FROM books WHERE author_id = {}", number * 100 + child));
        }
        server.at += 5000;
    }
    let (lists, inside) = (places(&server.entries, "FROM authors"), places(&server.entries, "FROM books"));
    let sums = |report: &Value| {
        let group = findings(report, "n-plus-one")[0];
        let sums = ["requests", "calls", "calls_per_request_p50", "calls_per_request_max", "database_time"];
        let sums: Vec<&Value> = sums.into_iter().map(|name| measure(group, name)).collect();
        json!({"queries": report["queries"], "group": sums, "key": group["key"]})
    };
    halves(&server.entries, [inside[30 * 7 + 4], inside[30 * 20 + 29], inside[30 * 12], lists[11]], sums);
}

#[test]
fn a_day_is_its_hours() {
    let folder = Folder::new();
    let hour = |hour: i64| {
        let mut server = Server::at(hour * 3_600_000);
        (0..30).for_each(|number| server.request(number, 4100 + number % 3));
        server.entries
    };
    let hours: Vec<Vec<Entry>> = (0..6).map(hour).collect();
    let whole = report(&[&write_log(&folder, "day.log", &hours.concat())], &[]);
    let stored: Vec<String> = (0..6)
        .map(|hour| {
            let log = write_log(&folder, "hour.log", &hours[hour]);
            save(&folder, &format!("hour-{hour}.json"), &log)
        })
        .collect();
    let stored: Vec<&str> = stored.iter().map(String::as_str).collect();
    let day = report(&stored, &[]);
    same("a day", &totals(&whole), &totals(&day));
    // and stored again, from parts that were stored
    let (first, last) = (folder.path("first.json"), folder.path("last.json"));
    report(&stored[..3], &["--save", &first]);
    report(&stored[3..], &["--save", &last]);
    let again = folder.path("again.json");
    let merged = report(&[&first, &last], &["--save", &again]);
    same("two halves of hours", &totals(&whole), &totals(&merged));
    same("stored again", &figures(&merged), &figures(&report(&[&again], &[])));
}

#[test]
fn hosts_are_kept_apart() {
    let folder = Folder::new();
    let mut stored = Vec::new();
    let mut calls = 0;
    // the same processes at the same time, cut in the middle of a request
    for host in 0..2 {
        let entries = shop(20, 3_600_000 + host * 3);
        let cut = 10 * 18 + 7;
        for (half, part) in [&entries[..cut], &entries[cut..]].into_iter().enumerate() {
            let folder_of_host = folder.0.join(format!("host-{host}"));
            fs::create_dir_all(&folder_of_host).unwrap();
            let log = folder_of_host.join(format!("{half}.log"));
            fs::write(&log, stderr(part)).unwrap();
            stored.push(save(&folder, &format!("{host}-{half}.json"), log.to_str().unwrap()));
        }
        let whole = report(&[&write_log(&folder, "whole.log", &entries)], &[]);
        calls += number(&whole, "executions");
    }
    let stored: Vec<&str> = stored.iter().map(String::as_str).collect();
    let fleet = report(&stored, &[]);
    assert_eq!(number(&fleet, "executions"), calls);
    let group = findings(&fleet, "n-plus-one");
    assert_eq!(group.len(), 1);
    // one request of each host was cut, and what is joined is of one host
    let requests = measure(group[0], "requests").as_u64().unwrap();
    assert_eq!((measure(group[0], "calls_per_request_max"), requests >= 38), (&json!(12), true), "{:#}", group[0]);
    let both = report(&[folder.0.join("host-0").to_str().unwrap(), folder.0.join("host-1").to_str().unwrap()], &[]);
    assert_eq!(measure(findings(&both, "n-plus-one")[0], "requests"), 40);
    assert_eq!(number(&both, "executions"), calls);
}

#[test]
fn what_cannot_be_merged_is_refused() {
    let folder = Folder::new();
    let log = write_log(&folder, "a.log", &SHOP);
    let stored = save(&folder, "stored.json", &log);
    let made = fs::read_to_string(&stored).unwrap();
    assert!(made.contains("\"format\":1,"));
    let newer = folder.write("newer.json", made.replacen("\"format\":1,", "\"format\":2,", 1));
    let text = refused(&logs(&[&newer], &[]), 2).to_owned();
    assert!(text.contains("newer.json") && text.contains("format 2") && text.contains("use a newer pgassay"), "{text}");
    assert!(!text.contains("damaged"), "{text}");
    // one that another version wrote, with what this one does not know
    let text = fs::read_to_string(&stored).unwrap();
    let unknown = folder.write("unknown.json", text.replacen("\"format\":1", "\"format\":1,\"unheard_of\":[1,2]", 1));
    same("a field nobody knows", &figures(&report(&[&stored], &[])), &figures(&report(&[&unknown], &[])));
    let damaged = folder.write("damaged.json", &text[..text.len() / 2]);
    let said = refused(&logs(&[&damaged, &log], &[]), 2).to_owned();
    assert!(said.contains("damaged.json") && said.matches("EOF").count() == 1, "{said}");
    // of different settings no figure of both together is true
    let sampled = folder.path("sampled.json");
    report(&[&log], &["--sample-rate", "0.5", "--save", &sampled]);
    let said = refused(&logs(&[&stored, &sampled], &[]), 2).to_owned();
    assert!(said.contains("log_statement_sample_rate 1 and 0.5"), "{said}");
    let slow = folder.path("slow.json");
    report(&[&log], &["--min-duration", "100", "--save", &slow]);
    let said = refused(&logs(&[&stored, &slow], &[]), 2).to_owned();
    assert!(said.contains("log_min_duration_statement 0 ms and 100 ms"), "{said}");
    // where it cannot be written, nothing is read
    let nowhere = folder.path("nowhere/stored.json");
    assert!(refused(&logs(&[&log], &["--save", &nowhere]), 2).contains("cannot write"));
}

/// Only counts are kept of values: logs that differ in them, and in nothing else, are stored alike.
#[test]
fn nothing_that_is_stored_depends_on_values() {
    let folder = Folder::new();
    let made = |salt: u32| {
        let mut server = Server::at(3_600_000);
        for number in 0..10_u32 {
            let pid = 4100 + number % 3;
            server.simple(pid, "BEGIN");
            server.simple(pid, &format!("SELECT id FROM authors WHERE country = 'c{:03}'", salt + number));
            for child in 0..12 {
                server.simple(pid, &format!("SELECT title FROM books WHERE author_id = {}", 1000 + salt * 10 + child));
            }
            server.extended(pid, "UPDATE authors SET name = $1", &format!("$1 = 'n{:03}'", salt + number));
            server.simple(pid, "COMMIT");
        }
        let log = folder.write("made.log", stderr(&server.entries));
        fs::read_to_string(save(&folder, "made.json", &log)).unwrap()
    };
    let one = made(100);
    assert!(one.contains("author_id = $1"));
    assert!(one == made(200), "a value left a trace");
    for value in ["c100", "1000", "n100"] {
        assert!(!one.contains(value), "{value}");
    }
}

#[test]
fn a_stored_workload_is_judged_as_its_log() {
    let folder = Folder::new();
    let log = write_log(&folder, "a.log", &SHOP);
    let stored = folder.path("stored.json");
    let first = logs(&[&log], &["--format", "json", "--top", "1000000", "--save", &stored]);
    assert_eq!(first.code, Some(1), "the N+1 is high");
    let again = logs(&[&stored], &["--format", "json", "--top", "1000000"]);
    assert_eq!(again.code, Some(1));
    same("stored", &figures(&parse(&first)), &figures(&parse(&again)));
    let narrow = report(&[&log], &["--database", "other", "--save", &stored]);
    says(&narrow, "only database other");
    says(&report(&[&stored], &[]), "only database other");
}

#[test]
fn what_is_stored_is_told_by_what_it_holds_and_is_not_narrowed_any_more() {
    let folder = Folder::new();
    let log = write_log(&folder, "a.log", &SHOP);
    let stored = save(&folder, "a.json", &log);
    let laid_out = fs::read_to_string(&stored).unwrap().replacen("{\"kind\":", "{\n  \"kind\": ", 1);
    let laid_out = folder.write("laid-out.json", laid_out);
    assert_eq!(
        number(&report(&[&laid_out], &["--jobs", "1"]), "executions"),
        number(&report(&[&log], &[]), "executions")
    );
    for flag in [["--database", "shop"], ["--min-duration", "100"], ["--from", "2026-11-22"]] {
        let text = logs(&[&stored], &flag);
        assert!(refused(&text, 2).starts_with(&format!("{} says something of logs", flag[0])));
    }
    let later = write_log(&folder, "b.log", &shop(3, 9 * 3_600_000));
    report(&[&stored, &later], &["--database", "shop"]);
}

#[test]
fn what_is_named_twice_counts_once() {
    let folder = Folder::new();
    let half = SHOP.len() / 2;
    let (first, last) = (&SHOP[..half], &SHOP[half..]);
    let one = save(&folder, "one.json", &write_log(&folder, "shop-2026-11-22_01.log", first));
    let log = write_log(&folder, "shop-2026-11-22_02.log", last);
    let other = save(&folder, "other.json", &log);
    let whole = report(&[&one, &other], &["--save", &folder.path("both.json")]);
    let executions = number(&whole, "executions");
    let copy = folder.path("copy.json");
    fs::copy(&one, &copy).unwrap();
    // a copy, a log beside what it came to, all of it again
    for more in [copy.as_str(), log.as_str(), &folder.path("both.json")] {
        let again = report(&[&one, &other, more], &[]);
        assert_eq!(number(&again, "executions"), executions, "{more}");
        says(&again, "was left out: all of it is in the others already");
        same(more, &figures(&whole), &figures(&again));
    }
    // what is added up cannot be taken apart again
    let third = write_log(&folder, "later.log", &shop(3, 9 * 3_600_000));
    report(&[&log, &third], &["--save", &folder.path("mixed.json")]);
    says(&report(&[&folder.path("both.json"), &folder.path("mixed.json")], &[]), "shop-2026-11-22_02.log counts twice");
    // a log that went on after it was stored
    let grown = folder.path("grown.json");
    let log = write_log(&folder, "today.log", first);
    let stored = save(&folder, "noon.json", &log);
    fs::write(&log, stderr(&SHOP)).unwrap();
    report(&[&log], &["--save", &grown]);
    says(&report(&[&stored, &grown], &[]), "today.log was read at two times: what it held at the first counts twice");
    // two names of one content
    fs::copy(&log, folder.path("tomorrow.log")).unwrap();
    says(&report(&[&log, &folder.path("tomorrow.log")], &[]), "tomorrow.log holds what");
}

#[test]
fn a_destination_that_was_added_later_is_not_counted_twice() {
    let folder = Folder::new();
    let mut late = shop(40, 2 * 3_600_000);
    // csvlog was switched on after a pause of minutes
    let begins = places(&late, "statement: BEGIN")[20];
    late[begins..].iter_mut().for_each(|entry| entry.at += 120_000);
    let whole = report(&[&write_log(&folder, "whole.log", &late)], &[]);
    write_log(&folder, "postgresql-2026-11-22_020000.log", &late);
    for (name, content) in [("csv", csvlog(&late[begins..])), ("json", jsonlog(&late[begins..]))] {
        let second = folder.write(&format!("postgresql-2026-11-22_020000.{name}"), content);
        let both = report(&[&folder.path("postgresql-2026-11-22_020000.log"), &second], &[]);
        assert_eq!(number(&both, "executions"), number(&whole, "executions"), "{name}");
        assert_eq!(both["queries"], whole["queries"], "{name}");
        says(&both, "which holds the rest");
    }
}
