//! The proof of a rewrite: the many look-ups and the one statement that replaces them are run on values of the log, and have
//! to return the same.
//!
//! This is the second of the two places where text that came from elsewhere is sent to the server, and the only one where it
//! is executed. The rules:
//! * Asked for by name (`--prove`), on a database that was named for it (`--url`), and never as a superuser.
//! * One `select` that locks nothing and makes nothing, of whose functions and operators none is volatile, in the text, in
//!   the views it reads and in their row security: `prove/safe.rs`. No foreign table.
//! * In a read-only transaction at `repeatable read`, rolled back; with `statement_timeout` and `lock_timeout`; a bounded
//!   number of keys, rows and bytes.
//! * Values come from the log that was just read, by a second pass over it; they are bound as parameters, never written into
//!   the text. They stay in memory, and no output holds one: not even the server's own error messages are repeated.
//! * The application's names are looked for where the role of the connection looks: its own `search_path`, not
//!   `pg_catalog` alone. Where the application's role has another one, `alter role … set search_path` gives it to this one.

mod compare;
mod run;
mod safe;
pub mod values;

use crate::finding::{Finding, Measure, Unit, Value as Detail};
use crate::logs::analysis::{Analysis, Role, parseable};
use crate::logs::detectors::context::varying;
use crate::logs::merge::settled;
use crate::logs::rewrite::{self, Rewrite};
use crate::logs::shape::Shape;
use crate::logs::workload::{Group, GroupKind, QueryLoad, Workload};
use crate::pg::Door;
use std::time::Duration;
use values::{Values, Wanted};

/// Rewrites that are tried at most, the worst findings first.
const MOST: usize = 50;

/// Stack for what recurses as deep as a text nests.
const STACK: usize = 256 << 20;

/// The rule whose rewrites can be proven: the others write, or ask the same again.
const RULE: &str = "n-plus-one";

/// Runs what recurses on a stack that is deep enough; none where no thread is to be had.
fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("prove".into()).stack_size(STACK);
        thread.spawn_scoped(scope, work).ok()?.join().ok()
    })
}

/// A finding whose rewrite can be proven.
#[derive(Debug)]
pub struct Candidate {
    /// Its place among the findings.
    finding: usize,
    /// The database it was seen in; empty where the log does not say.
    database: String,
    child: Analysis,
    parent: Option<Analysis>,
    shape: String,
    varying: Vec<usize>,
    rewrite: Rewrite,
    /// What is to be looked for in the log, among [`Candidates::wanted`].
    wanted: usize,
}

/// What can be proven.
#[derive(Debug, Default)]
pub struct Candidates {
    /// Each with a rewrite.
    pub candidates: Vec<Candidate>,
    /// What the log is to be searched for.
    pub wanted: Vec<Wanted>,
    /// Findings that cannot be proven, and why.
    pub refused: Vec<(usize, String)>,
}

impl Candidates {
    /// Whether there is nothing to be proven, nor to be said about it.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty() && self.refused.is_empty()
    }

    /// Of the findings of a report those whose hint is a rewrite.
    pub fn of(findings: &[Finding], workload: &Workload) -> Self {
        let concerned: Vec<(usize, &Finding)> = findings
            .iter()
            .enumerate()
            .filter(|(_, finding)| finding.rule.as_str() == RULE)
            .filter(|(_, finding)| finding.hint.as_ref().is_some_and(|hint| hint.sql.is_some()))
            .collect();
        if concerned.is_empty() {
            return Self::default();
        }
        let workload = settled(workload);
        on_large_stack(|| {
            let mut found = Self::default();
            for (at, finding) in concerned {
                match candidate(at, finding, &workload) {
                    _ if found.candidates.len() >= MOST => {
                        found.refused.push((at, format!("only {MOST} rewrites are tried at a time")));
                    }
                    Ok(candidate) => found.add(candidate),
                    Err(why) => found.refused.push((at, why)),
                }
            }
            found
        })
        .unwrap_or_default()
    }

    fn add(&mut self, candidate: Candidate) {
        let mut candidate = candidate;
        let keys = candidate.varying.clone();
        let same = |wanted: &Wanted| {
            wanted.database == candidate.database && wanted.shape == candidate.shape && wanted.keys == keys
        };
        candidate.wanted = self.wanted.iter().position(same).unwrap_or_else(|| {
            let wanted = Wanted { database: candidate.database.clone(), shape: candidate.shape.clone(), keys };
            self.wanted.push(wanted);
            self.wanted.len() - 1
        });
        self.candidates.push(candidate);
    }
}

fn candidate(finding: usize, own: &Finding, workload: &Workload) -> Result<Candidate, String> {
    let gone = || "the query is not among those that are kept".to_owned();
    let subject = &own.subject;
    let database = subject.database.clone().unwrap_or_default();
    let child = subject.fingerprint.as_deref().ok_or_else(gone)?;
    let is_own = |group: &&Group| {
        group.kind == GroupKind::NPlusOne
            && group.database == database
            && group.child == child
            && group.parent == subject.parent_fingerprint
    };
    let group = workload.groups.iter().find(is_own).ok_or_else(gone)?;
    let load = |fingerprint: &str| -> Option<&QueryLoad> {
        workload.queries.iter().find(|query| query.database == database && query.fingerprint == fingerprint)
    };
    let load_of_child = load(child).ok_or_else(gone)?;
    // the text that is kept has to be the query that was found
    let fingerprint = |text: &str| crate::fingerprint::normalise(text).fingerprint;
    let plain = fingerprint(&parseable(&load_of_child.shape));
    let analysis = Shape::stored(load_of_child, false).analysis;
    if analysis.is_several || (fingerprint(&load_of_child.shape) != child && plain != child) {
        return Err("its text is not kept as it was".to_owned());
    }
    let parent = subject.parent_fingerprint.as_deref().and_then(load).map(|load| Shape::stored(load, false).analysis);
    let varying = varying(group, &analysis);
    let context = rewrite::Context { parent: parent.as_ref(), types: &[] };
    let rewrite = rewrite::batched(&analysis, &load_of_child.shape, &varying, context).map_err(|no| no.reason)?;
    // and so has what is run in its name
    if fingerprint(&rewrite.child) != plain {
        return Err("its text could not be read back as it was".to_owned());
    }
    let is_list = |slot: &usize| matches!(analysis.role(*slot), Role::KeyEquals { list: true, .. });
    if varying.iter().any(is_list) {
        return Err("its key is a list".to_owned());
    }
    let shape = load_of_child.shape.clone();
    Ok(Candidate { finding, database, child: analysis, parent, shape, varying, rewrite, wanted: 0 })
}

/// What a proof was made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proof {
    /// Different keys.
    pub keys: usize,
    /// Rows of the many.
    pub rows: usize,
    /// How long the many took together, the way there and back included.
    pub children: Duration,
    /// How long the one took.
    pub batched: Duration,
}

/// What trying to prove a rewrite came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Both forms return the same.
    Confirmed {
        /// On what.
        proof: Proof,
        /// The statement that was run, with the types that the database has.
        sql: String,
    },
    /// They do not.
    Refuted {
        /// On what.
        proof: Proof,
        /// How they differ, in words that follow "it".
        how: &'static str,
    },
    /// It could not be tried, or told; why.
    NotProven(String),
}

/// What became of all of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Rewrites that return what the look-ups do.
    pub confirmed: usize,
    /// Rewrites that do not.
    pub refuted: usize,
    /// What was not proven.
    pub not_proven: usize,
    /// Whether nothing was seen in a database of the name of the one it was tried on.
    pub is_elsewhere: bool,
}

/// Tries all candidates on the database that the door was opened for, and enters what came of it into the findings. With
/// a database of the log's own name only what was seen there is tried; where there is none, everything, and `is_elsewhere`
/// of the result says so. Nothing more is begun once it `is_over`.
pub async fn prove(
    door: &Door,
    findings: &mut [Finding],
    found: &Candidates,
    values: &[Values],
    is_over: impl Fn() -> bool,
) -> Tally {
    let name = door.identity().database.as_str();
    let is_here = |candidate: &Candidate| candidate.database == name || candidate.database.is_empty();
    let is_elsewhere = !found.candidates.is_empty() && !found.candidates.iter().any(is_here);
    let mut tally = Tally { is_elsewhere, ..Tally::default() };
    let mut tell = |at: usize, outcome: &Outcome| {
        match outcome {
            Outcome::Confirmed { .. } => tally.confirmed += 1,
            Outcome::Refuted { .. } => tally.refuted += 1,
            Outcome::NotProven(_) => tally.not_proven += 1,
        }
        if let Some(finding) = findings.get_mut(at) {
            enter(finding, outcome);
        }
    };
    for (at, why) in &found.refused {
        tell(*at, &Outcome::NotProven(why.clone()));
    }
    for candidate in &found.candidates {
        let values = values.get(candidate.wanted);
        let executions = values.map_or(&[][..], |values| values.executions.as_slice());
        let outcome = match values {
            _ if !is_elsewhere && !is_here(candidate) => {
                Outcome::NotProven(format!("it was seen in another database than {name}"))
            }
            _ if is_over() => Outcome::NotProven("there was no time left".to_owned()),
            Some(values) if executions.is_empty() && values.seen > 0 => {
                Outcome::NotProven("the log has its statements without values that can be read".to_owned())
            }
            _ if executions.is_empty() => Outcome::NotProven("no log that was read now has its statements".to_owned()),
            _ => run::prove(door, candidate, executions).await,
        };
        tell(candidate.finding, &outcome);
    }
    tally
}

/// Enters what came of it into a finding.
pub fn enter(finding: &mut Finding, outcome: &Outcome) {
    let mut text = |name: &'static str, value: String| {
        finding.detail.push(Measure { name: name.into(), value: Detail::Text(value), unit: Unit::Text });
    };
    let proof = match outcome {
        Outcome::NotProven(why) => return text("not_proven", why.clone()),
        Outcome::Confirmed { proof, .. } | Outcome::Refuted { proof, .. } => proof,
    };
    let count = |name: &'static str, value: usize, unit| Measure {
        name: name.into(),
        value: Detail::Integer(i64::try_from(value).unwrap_or(i64::MAX)),
        unit,
    };
    let time = |name: &'static str, value: Duration| Measure {
        name: name.into(),
        value: Detail::Number(value.as_secs_f64() * 1000.0),
        unit: Unit::Milliseconds,
    };
    finding.detail.extend([
        count("proved_keys", proof.keys, Unit::Count),
        count("proved_rows", proof.rows, Unit::Rows),
        time("measured_children_ms", proof.children),
        time("measured_batched_ms", proof.batched),
    ]);
    match outcome {
        Outcome::Confirmed { sql, .. } => {
            finding.verification = Some("confirmed".to_owned());
            if let Some(hint) = &mut finding.hint {
                hint.sql = Some(sql.clone());
            }
        }
        Outcome::Refuted { how, .. } => {
            finding.verification = Some("refuted".to_owned());
            finding.detail.retain(|measure| measure.name != "rewrite");
            let why = format!("the statement that was to replace it was tried, and {how}");
            finding.detail.push(Measure {
                name: "no_rewrite".into(),
                value: Detail::Text(why.clone()),
                unit: Unit::Text,
            });
            if let Some(hint) = &mut finding.hint {
                hint.sql = None;
                hint.lock = None;
                hint.text = format!("{}; {why}, so it is left out", hint.text);
            }
        }
        Outcome::NotProven(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::detectors::by_id;
    use crate::logs::detectors::context::laboratory::{DATABASE, Lab};
    use crate::logs::workload::Boundary;

    fn lab(children: &[&str]) -> Lab {
        let mut lab = Lab::new();
        let parent = lab.query("select id, name from authors where country = $1", 200);
        for child in children {
            let child = lab.query(child, 2400);
            let mut group = Lab::group(GroupKind::NPlusOne, Some(&parent), &child, 200, 12, Boundary::Transaction);
            group.join = Some("books.author_id = authors.id".into());
            lab.workload.groups.push(group);
        }
        lab
    }

    fn findings(lab: &Lab) -> Vec<Finding> {
        lab.run(by_id(RULE).unwrap()).unwrap().findings
    }

    #[test]
    fn what_has_a_rewrite_is_a_candidate() {
        let lab = lab(&[
            "select title from books where author_id = $1",
            "select title from books where author_id > $1",
            "select price from books where author_id = $1 order by id limit $2",
        ]);
        let findings = findings(&lab);
        let found = Candidates::of(&findings, &lab.workload);
        assert_eq!((found.candidates.len(), found.wanted.len(), found.refused.len()), (2, 2, 0), "{found:?}");
        for candidate in &found.candidates {
            let wanted = &found.wanted[candidate.wanted];
            assert_eq!((wanted.database.as_str(), &wanted.keys), (DATABASE, &vec![1]));
            assert!(wanted.shape.starts_with("select ") && findings[candidate.finding].hint.is_some());
        }
        assert!(Candidates::of(&[], &lab.workload).is_empty());
        // a text that is not the one of its fingerprint is not run in its name
        let mut forged = lab.workload.clone();
        for query in &mut forged.queries {
            query.shape = query.shape.replace("books", "salaries");
        }
        let found = Candidates::of(&findings, &forged);
        assert!(found.candidates.is_empty());
        assert!(found.refused.iter().all(|(_, why)| why == "its text is not kept as it was"), "{found:?}");
    }

    #[test]
    fn a_finding_says_what_came_of_it() {
        let lab = lab(&["select title from books where author_id = $1"]);
        let own = findings(&lab).remove(0);
        let proof =
            Proof { keys: 12, rows: 34, children: Duration::from_micros(12_300), batched: Duration::from_micros(1400) };
        let mut confirmed = own.clone();
        enter(&mut confirmed, &Outcome::Confirmed { proof, sql: "select 1".into() });
        assert_eq!(confirmed.verification.as_deref(), Some("confirmed"));
        assert_eq!(confirmed.hint.unwrap().sql.as_deref(), Some("select 1"));
        let mut refuted = own.clone();
        enter(&mut refuted, &Outcome::Refuted { proof, how: "returned other rows" });
        assert_eq!((refuted.verification.as_deref(), refuted.measured("proved_rows")), (Some("refuted"), Some(34.0)));
        assert_eq!(refuted.measured("measured_children_ms"), Some(12.3));
        assert!(refuted.hint.as_ref().unwrap().sql.is_none() && refuted.hint.unwrap().text.contains("returned other"));
        let mut untold = own.clone();
        enter(&mut untold, &Outcome::NotProven("it locks rows".into()));
        assert_eq!((untold.verification, untold.hint), (None, own.hint));
    }
}
