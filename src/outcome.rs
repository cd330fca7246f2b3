//! What became of a rule: passed, found, partial, or skipped with a reason. Silence is never success.

use crate::finding::{Finding, Subject};
use crate::rule::{RuleId, words};
use serde::{Deserialize, Serialize};
use std::fmt;

words! {
    /// Why something could not be read.
    Reason {
        /// An extension is not installed in the database.
        Extension = "extension",
        /// A privilege is missing.
        Privilege = "privilege",
        /// The server, or the extension, is too old or too new for it.
        Version = "version",
        /// A setting switches it off.
        Disabled = "disabled",
        /// It would have cost more than the budget allows.
        Budget = "budget",
        /// The object was locked against reading.
        Locked = "locked",
        /// Too little has been observed to tell: a window too short, too few calls, a single sample.
        Observation = "observation",
        /// It was not given: no database can know it, or the stored snapshot does not hold it.
        Input = "input",
        /// A managed service hides it.
        Service = "service",
        /// What the rule asks for is not what is done here: it applies to something else.
        Inapplicable = "inapplicable",
        /// A read that should have worked did not: cut, timed out, vanished.
        Failed = "failed",
    }
}

/// Something that could not be read, why, and what would unlock it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What was wanted: the name of a fact, or of a part of one.
    pub fact: String,
    /// Why it is not there.
    pub reason: Reason,
    /// One sentence, lower case, no full stop.
    pub because: String,
    /// The SQL (or the command) that would make it available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlock: Option<String>,
}

impl Missing {
    /// Something missing, with nothing said about how to unlock it.
    pub fn new(fact: impl Into<String>, reason: Reason, because: impl Into<String>) -> Self {
        Self { fact: fact.into(), reason, because: because.into(), unlock: None }
    }

    /// With what would unlock it.
    #[must_use]
    pub fn unlocked_by(mut self, unlock: impl Into<String>) -> Self {
        self.unlock = Some(unlock.into());
        self
    }

    /// Whether it is a read that should have worked (exit code 3), and not a privilege, an extension or a version.
    pub fn is_failure(&self) -> bool {
        matches!(self.reason, Reason::Failed | Reason::Locked)
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.because)
    }
}

/// One subject that a rule could not judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unjudged {
    /// What could not be judged.
    pub subject: Subject,
    /// Why, and what would change that.
    pub reason: Missing,
}

/// What a rule has to say when it could run: how many subjects it looked at, what it found, what it could not tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// Subjects judged.
    pub examined: u64,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What could not be told.
    pub unjudged: Vec<Unjudged>,
}

impl Verdict {
    /// Counts one subject as looked at.
    pub fn examine(&mut self) {
        self.examined += 1;
    }

    /// Adds a finding.
    pub fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds something that could not be told.
    pub fn cannot_tell(&mut self, subject: Subject, reason: Missing) {
        self.unjudged.push(Unjudged { subject, reason });
    }
}

words! {
    /// What became of a rule in one database, or on the server.
    Outcome {
        /// It looked at everything it should, and found nothing.
        Passed = "passed",
        /// It found something.
        Found = "found",
        /// It found nothing, but could not judge everything.
        Partial = "partial",
        /// It could not run.
        Skipped = "skipped",
    }
}

/// How many subjects could not be judged for one reason, in the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnjudgedGroup {
    /// The kind of reason.
    pub reason: Reason,
    /// In words.
    pub because: String,
    /// How many subjects.
    pub count: u64,
    /// What would unlock them.
    pub unlock_sql: Option<String>,
    /// The first few, by label.
    pub examples: Vec<String>,
}

/// One rule in one database (or on the server): its row in the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleResult {
    /// The rule.
    pub id: RuleId,
    /// The database it was evaluated in; none for rules over the server.
    pub database: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Subjects judged.
    pub examined: u64,
    /// Findings, suppressed ones included.
    pub findings: u64,
    /// Why it was skipped.
    #[serde(default)]
    pub reason: Option<Missing>,
    /// What it could not judge, grouped by reason.
    #[serde(default)]
    pub unjudged: Vec<UnjudgedGroup>,
}

impl RuleResult {
    /// The row of a rule that ran, or of one that could not.
    pub fn new(id: &'static str, database: Option<&str>, verdict: &Result<Verdict, Missing>) -> Self {
        let base = Self {
            id: RuleId::from(id),
            database: database.map(str::to_owned),
            outcome: Outcome::Skipped,
            examined: 0,
            findings: 0,
            reason: None,
            unjudged: Vec::new(),
        };
        match verdict {
            Err(missing) => Self { reason: Some(missing.clone()), ..base },
            Ok(verdict) => {
                let outcome = match (verdict.findings.is_empty(), verdict.unjudged.is_empty()) {
                    (false, _) => Outcome::Found,
                    (true, false) => Outcome::Partial,
                    (true, true) => Outcome::Passed,
                };
                Self {
                    outcome,
                    examined: verdict.examined,
                    findings: verdict.findings.len() as u64,
                    unjudged: group(&verdict.unjudged),
                    ..base
                }
            }
        }
    }

    /// Whether anything this rule should have judged was left open because a read failed that should not have.
    pub fn has_failure(&self) -> bool {
        self.reason.as_ref().is_some_and(Missing::is_failure)
            || self.unjudged.iter().any(|group| matches!(group.reason, Reason::Failed | Reason::Locked))
    }

    /// Whether nothing was left unjudged.
    pub fn is_complete(&self) -> bool {
        self.outcome != Outcome::Skipped && self.unjudged.is_empty()
    }
}

/// The unjudged subjects by reason, in order of first appearance, with a few examples each.
fn group(unjudged: &[Unjudged]) -> Vec<UnjudgedGroup> {
    let mut groups: Vec<UnjudgedGroup> = Vec::new();
    for Unjudged { subject, reason } in unjudged {
        let known = groups.iter_mut().find(|group| {
            group.reason == reason.reason && group.because == reason.because && group.unlock_sql == reason.unlock
        });
        match known {
            Some(group) => {
                group.count += 1;
                if group.examples.len() < 3 {
                    group.examples.push(subject.label());
                }
            }
            None => groups.push(UnjudgedGroup {
                reason: reason.reason.clone(),
                because: reason.because.clone(),
                count: 1,
                unlock_sql: reason.unlock.clone(),
                examples: vec![subject.label()],
            }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_passes_only_when_nothing_was_left_unjudged() {
        let passed = RuleResult::new("x", None, &Ok(Verdict { examined: 3, ..Verdict::default() }));
        assert_eq!(passed.outcome, Outcome::Passed);
        let mut verdict = Verdict::default();
        verdict.cannot_tell(Subject::server(), Missing::new("x", Reason::Locked, "locked"));
        verdict.cannot_tell(Subject::database("a"), Missing::new("x", Reason::Locked, "locked"));
        let partial = RuleResult::new("x", None, &Ok(verdict));
        assert_eq!(partial.outcome, Outcome::Partial);
        assert_eq!((partial.unjudged.len(), partial.unjudged[0].count), (1, 2));
        assert!(partial.has_failure());
        let skipped = RuleResult::new("x", None, &Err(Missing::new("x", Reason::Privilege, "no")));
        assert_eq!(skipped.outcome, Outcome::Skipped);
        assert!(!skipped.has_failure());
    }
}
