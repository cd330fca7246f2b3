//! Where the review and the server disagree about a statement.

use super::Traced;
use super::observe::Observed;
use crate::lock::LockMode;
use crate::migrations::effects::{Effects, Work};
use crate::report::review::{self, Lock, Verification};
use std::collections::{BTreeMap, BTreeSet};

/// Compares what the review says of a statement with what the server did.
pub(super) fn compare(effects: &Effects, observed: &Observed) -> Traced {
    let mut differences = Vec::new();
    // unseen work is no disagreement where the review says that it could not read everything
    let mut unseen = Vec::new();
    match &observed.error {
        Some(error) => {
            let expected = effects.failures.iter().any(|failure| failure.sqlstate == error.sqlstate);
            if !expected {
                let known = effects.failures.first().map(|failure| failure.sqlstate);
                let said = known.map_or("that it runs".to_owned(), |code| format!("that it fails with {code}"));
                differences.push(format!(
                    "the server refused it ({}: {}), the review says {said}",
                    error.sqlstate, error.message
                ));
            }
        }
        None => {
            for failure in effects.failures.iter().filter(|failure| !failure.only_with_rows) {
                differences.push(format!("it ran, the review says that it fails: {}", failure.message));
            }
            locks(effects, observed, &mut differences, &mut unseen);
            work("rewrote", names(observed, &effects.rewrites), &observed.rewrites, &mut differences, &mut unseen);
            let rewritten: BTreeSet<&String> = observed.rewrites.iter().collect();
            let builds: BTreeSet<String> =
                observed.builds.iter().filter(|table| !rewritten.contains(table)).cloned().collect();
            work("built an index on", names(observed, &effects.builds), &builds, &mut differences, &mut unseen);
            // a build or a rewrite reads the table too, and a statement may read what it likes
            let own = names(observed, &effects.scans);
            let scans: BTreeSet<String> = observed.scans.iter().filter(|table| own.contains(*table)).cloned().collect();
            work("scanned", own, &scans, &mut differences, &mut unseen);
            let validated = names(observed, &effects.validations);
            work("validated a foreign key of", validated, &observed.validations, &mut differences, &mut unseen);
        }
    }
    let verification = match (differences.is_empty(), unseen.is_empty(), effects.unread.is_empty()) {
        (true, true, _) => Verification::Confirmed,
        (true, false, false) => Verification::TraceOnly,
        _ => Verification::Refuted,
    };
    differences.extend(unseen);
    Traced { effects: told(observed), verification, differences }
}

/// What was there before the script; what the script made itself was not looked at.
fn names(observed: &Observed, work: &[Work]) -> BTreeSet<String> {
    let own = work.iter().filter(|work| !work.is_new).map(|work| work.relation.to_string());
    own.filter(|name| observed.old.contains(name)).collect()
}

fn work(
    verb: &str,
    said: BTreeSet<String>,
    seen: &BTreeSet<String>,
    differences: &mut Vec<String>,
    unseen: &mut Vec<String>,
) {
    for table in said.difference(seen) {
        differences.push(format!("the review says that it {verb} {table}, the server did not"));
    }
    for table in seen.difference(&said) {
        unseen.push(format!("the server {verb} {table}, the review says nothing of it"));
    }
}

/// Locks from `RowShareLock` up. One that is held already is not seen to be taken again.
fn locks(effects: &Effects, observed: &Observed, differences: &mut Vec<String>, unseen: &mut Vec<String>) {
    if !observed.saw_locks {
        return;
    }
    let said: BTreeMap<String, &LockMode> = effects
        .locks
        .iter()
        .filter(|lock| !lock.is_index && !lock.is_new && lock.mode > LockMode::AccessShare)
        .map(|lock| (lock.relation.to_string(), &lock.mode))
        .collect();
    for (relation, mode) in &said {
        match observed.held.get(relation) {
            Some(held) if held >= *mode => {}
            Some(held) => differences.push(format!("the review says {mode} on {relation}, the server took {held}")),
            None => differences.push(format!("the review says {mode} on {relation}, the server took none")),
        }
    }
    for (relation, mode) in observed.locks.iter().filter(|(_, mode)| **mode > LockMode::AccessShare) {
        match said.get(relation) {
            Some(own) if *own >= mode => {}
            Some(own) => differences.push(format!("the server took {mode} on {relation}, the review says {own}")),
            None => unseen.push(format!("the server took {mode} on {relation}, the review says none")),
        }
    }
}

/// What the server did, in the report's words.
fn told(observed: &Observed) -> review::Effects {
    let list = |names: &BTreeSet<String>| names.iter().cloned().collect();
    review::Effects {
        locks: observed
            .locks
            .iter()
            .filter(|(_, mode)| **mode > LockMode::AccessShare)
            .map(|(relation, mode)| Lock { relation: relation.clone(), mode: mode.clone() })
            .collect(),
        rewrite: list(&observed.rewrites),
        scan: list(&observed.scans),
        index_build: observed.builds.difference(&observed.rewrites).cloned().collect(),
        fk_validation: list(&observed.validations),
        not_in_transaction: false,
        fails: observed.error.iter().map(|error| format!("{}: {}", error.sqlstate, error.message)).collect(),
        unread: Vec::new(),
    }
}
