//! The measured table against what is said here: every case of `tests/migrations/effects.sql`, for every major of its line.
//! That the table is what servers do is proven where there are servers, in `tests/integration/effects.rs`.

use super::{Before, Effects, effects};
use crate::lock::LockMode;
use crate::migrations::catalog::{Birth, Catalog};
use crate::migrations::command::{Command, SetTo};
use crate::migrations::script::Parsed;
use crate::migrations::session::{Began, OpenTransaction, Session, Settings};
use crate::migrations::split::split;
use crate::migrations::statement::{parse, with_parser};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const SQL: &str = include_str!("../../../tests/migrations/effects.sql");
const TABLE: &str = include_str!("../../../tests/migrations/effects.tsv");

/// What is known to differ, and why: case, reason.
const DIFFERENT: [(&str, &str); 9] = [
    ("type of a column of a trigger's condition", "the conditions of triggers are not kept"),
    ("type of a column of a policy", "policies are not kept"),
    ("drop column of a policy", "policies are not kept"),
    ("partitioned: insert", "which partitions rows go to is not known"),
    ("drop function of a trigger", "which triggers call a function would be a search through all tables"),
    ("drop statistics", "statistics objects are not kept"),
    ("drop statistics absent", "statistics objects are not kept"),
    ("publication set table", "what a publication had before is not kept"),
    ("select for update of a join", "which of the tables `of` names is not kept"),
];

#[derive(Default)]
struct Case {
    name: &'static str,
    given: String,
    alone: bool,
    sql: String,
}

fn cases() -> (&'static str, Vec<Case>) {
    let (head, body) = SQL.split_once("\n-- cases\n").unwrap();
    let mut cases: Vec<Case> = Vec::new();
    for line in body.lines() {
        if let Some(name) = line.strip_prefix("-- case: ") {
            cases.push(Case { name, ..Case::default() });
        } else if let Some(case) = cases.last_mut() {
            match line.strip_prefix("-- given: ") {
                Some(given) => writeln!(case.given, "{given}").unwrap(),
                None if line == "-- alone" => case.alone = true,
                None if !line.starts_with("--") => writeln!(case.sql, "{line}").unwrap(),
                None => {}
            }
        }
    }
    (head.split_once("\n-- set-up\n").unwrap().1, cases)
}

fn commands(sql: &str) -> Vec<Command> {
    let pieces = split(sql, 0..sql.len());
    let parsed = pieces.iter().map(|piece| {
        let text = &sql[piece.span.clone()];
        match parse(text, 0) {
            Parsed::Command(command) => command,
            other => panic!("{text}: {other:?}"),
        }
    });
    parsed.collect()
}

/// What the statements of a case do, one after another.
fn run(catalog: &Catalog, case: &Case, major: u16) -> Vec<Effects> {
    let mut catalog = catalog.clone();
    for (statement, command) in commands(&case.given).iter().enumerate() {
        let born = Birth { script: 0, statement: 1000 + statement, transaction: None };
        catalog.apply(command, born, &Settings::default(), major);
    }
    let mut session = Session { script: 1, ..Session::default() };
    if !case.alone {
        session.transaction = Some(OpenTransaction { id: 7, began: Began::Script, first_step: 0, marks: Vec::new() });
    }
    let mut all = Vec::new();
    for (statement, command) in commands(&case.sql).iter().enumerate() {
        if let Command::Set { name, to: SetTo::Value(value), .. } = command {
            session.settings.values.insert(name.clone(), value.clone());
        }
        all.push(effects(command, Before { catalog: &catalog, session: &session, major }));
        let transaction = session.transaction.as_ref().map(|transaction| transaction.id);
        let born = Birth { script: 1, statement, transaction };
        catalog.apply(command, born, &session.settings, major);
    }
    all
}

fn mode_of(word: &str) -> LockMode {
    match word {
        "RS" => LockMode::RowShare,
        "RX" => LockMode::RowExclusive,
        "SUE" => LockMode::ShareUpdateExclusive,
        "S" => LockMode::Share,
        "SRE" => LockMode::ShareRowExclusive,
        "X" => LockMode::Exclusive,
        "AE" => LockMode::AccessExclusive,
        other => panic!("no mode: {other}"),
    }
}

/// Locks as the table shows them.
fn locks_of(all: &[Effects], case: &Case, measured: &BTreeMap<String, LockMode>) -> BTreeMap<String, LockMode> {
    let mut locks: BTreeMap<String, LockMode> = BTreeMap::new();
    for locked in all.iter().flat_map(|effects| &effects.locks) {
        let name = locked.relation.to_string();
        let is_shown = match locked.is_index {
            true => locked.mode >= LockMode::ShareUpdateExclusive && !case.alone,
            false => locked.mode > LockMode::AccessShare,
        };
        // what a foreign key looks up depends on the rows
        let is_of_rows = locked.is_indirect && locked.mode <= LockMode::RowExclusive && !measured.contains_key(&name);
        if locked.is_new || !is_shown || is_of_rows {
            continue;
        }
        let strongest = locks.entry(name).or_insert(LockMode::AccessShare);
        *strongest = locked.mode.clone().max(strongest.clone());
    }
    locks
}

fn compare(all: &[Effects], case: &Case, locks: &str, effects: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let failures: Vec<_> = all.iter().flat_map(|effects| &effects.failures).collect();
    if let Some(error) = effects.strip_prefix("ERR ") {
        let sqlstate = &error[..5];
        if !failures.iter().any(|failure| failure.sqlstate == sqlstate) {
            wrong.push(format!("fails with {error}, said: {failures:?}"));
        }
        let says = all.iter().any(|effects| effects.no_transaction);
        if sqlstate == "25001" && !says {
            wrong.push("does not run in a transaction".to_owned());
        }
        return wrong;
    }
    if !failures.is_empty() {
        wrong.push(format!("runs, said: {failures:?}"));
    }
    let measured = locks.split(',').filter(|lock| *lock != "-");
    let measured: BTreeMap<String, LockMode> = measured
        .map(|lock| lock.rsplit_once(':').unwrap())
        .map(|(name, mode)| (name.to_owned(), mode_of(mode)))
        .collect();
    let said = locks_of(all, case, &measured);
    if said != measured {
        wrong.push(format!("locks {measured:?}\n    said  {said:?}"));
    }
    let words: Vec<&str> = effects.split(' ').filter(|word| !word.is_empty()).collect();
    let seen = |kinds: &[&str]| -> BTreeSet<String> {
        let pairs = words.chunks(2).filter(|pair| kinds.contains(&pair[0]));
        pairs.map(|pair| pair[1].to_owned()).collect()
    };
    let relation = |work: &super::Work| work.relation.to_string();
    let part = |work: &super::Work| work.part.clone().unwrap_or_default();
    let works = |of: fn(&Effects) -> &Vec<super::Work>, name: &dyn Fn(&super::Work) -> String| -> BTreeSet<String> {
        all.iter().flat_map(of).filter(|work| !work.is_new).map(name).collect()
    };
    let mut same = |what: &str, seen: BTreeSet<String>, said: BTreeSet<String>| {
        if seen != said {
            wrong.push(format!("{what} {seen:?}, said {said:?}"));
        }
    };
    same("rewrites", seen(&["REWRITE"]), works(|effects| &effects.rewrites, &relation));
    same("scans", seen(&["SCAN", "READ"]), works(|effects| &effects.scans, &relation));
    let build = |work: &super::Work| format!("{}.{}", work.relation, part(work));
    same("builds", seen(&["BUILD"]), works(|effects| &effects.builds, &build));
    same("validates", seen(&["FKVALIDATE"]), works(|effects| &effects.validations, &part));
    let proven = all.iter().any(|effects| !effects.proven.is_empty());
    if !seen(&["PROVEN", "IMPLIED"]).is_empty() && !proven {
        wrong.push(format!("proves: {effects}"));
    }
    wrong
}

#[test]
fn what_is_said_is_what_was_measured() {
    with_parser(|| {
        let (set_up, cases) = cases();
        let set_up = commands(set_up);
        let mut wrong = String::new();
        let mut compared = 0;
        let mut differs = BTreeSet::new();
        for major in 14..=18 {
            let mut catalog = Catalog::default();
            catalog.complete();
            for (statement, command) in set_up.iter().enumerate() {
                let born = Birth { script: 0, statement, transaction: None };
                catalog.apply(command, born, &Settings::default(), major);
            }
            for line in TABLE.lines().skip(1) {
                let fields: Vec<&str> = line.split('\t').collect();
                let [name, range, locks, effects] = fields[..] else { panic!("not four columns: {line}") };
                let (from, to) = range.split_once('-').unwrap();
                if !(from.parse::<u16>().unwrap()..=to.parse().unwrap()).contains(&major) {
                    continue;
                }
                let case = cases.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case: {name}"));
                let found = compare(&run(&catalog, case, major), case, locks, effects);
                compared += 1;
                if DIFFERENT.iter().any(|(different, _)| *different == name) {
                    differs.extend((!found.is_empty()).then_some(name));
                } else if !found.is_empty() {
                    writeln!(wrong, "{name} on {major}: {}\n  {}", case.sql.trim(), found.join("\n  ")).unwrap();
                }
            }
        }
        assert!(compared > 2000, "{compared} rows");
        assert!(wrong.is_empty(), "\n{wrong}");
        let listed: BTreeSet<&str> = DIFFERENT.iter().map(|(name, _)| *name).collect();
        assert_eq!(differs, listed, "what no longer differs is not listed");
    });
}
