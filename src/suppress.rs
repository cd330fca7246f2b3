//! Accepting findings: each suppression has a reason, some an end, and one that accepts nothing any more is said to.

use crate::config::{Suppression, Target};
use crate::finding::Finding;
use crate::outcome::{Outcome, RuleResult};
use crate::report::{Note, Suppressed};
use crate::time::Timestamp;
use jiff::civil::Date;

/// Findings, parted into those that count and those that were accepted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Applied {
    /// Those that count, in their order.
    pub kept: Vec<Finding>,
    /// The accepted ones, in their order, each with the reason of the first suppression that matches.
    pub suppressed: Vec<Suppressed>,
    /// Suppressions that have expired, or accepted nothing although their rule ran.
    pub notes: Vec<Note>,
}

/// Applies suppressions to the findings of a run, as of an instant. `rules` says which rules ran: a suppression of a
/// rule that did not is not called unused.
pub fn apply(findings: Vec<Finding>, suppressions: &[Suppression], rules: &[RuleResult], as_of: Timestamp) -> Applied {
    let today: Option<Date> = as_of.date().parse().ok();
    let expired =
        |suppression: &Suppression| suppression.expires.zip(today).is_some_and(|(expires, today)| expires < today);
    // Per suppression, how many findings it matches first.
    let mut matched = vec![0_usize; suppressions.len()];
    let mut applied = Applied::default();
    for finding in findings {
        let mut accepting = None;
        for (index, suppression) in suppressions.iter().enumerate() {
            if suppression.target.matches(&finding) {
                if let Some(count) = matched.get_mut(index) {
                    *count += 1;
                }
                if accepting.is_none() && !expired(suppression) {
                    accepting = Some(suppression);
                }
            }
        }
        match accepting {
            Some(suppression) => applied.suppressed.push(Suppressed {
                finding,
                reason: suppression.reason.clone(),
                expires: suppression.expires.map(|date| date.to_string()),
            }),
            None => applied.kept.push(finding),
        }
    }
    for (suppression, count) in suppressions.iter().zip(matched) {
        let Suppression { target, origin, .. } = suppression;
        if let (true, Some(expires)) = (expired(suppression), suppression.expires) {
            let text = format!(
                "the suppression of {target} ({origin}) expired on {expires}: it matches {count} findings, none is accepted by it"
            );
            applied.notes.push(Note { text, warning: true });
        } else if count == 0 && ran(target, rules) {
            let text = format!("the suppression of {target} ({origin}) matches no finding: remove it");
            applied.notes.push(Note { text, warning: false });
        }
    }
    applied
}

/// Whether every rule a suppression concerns, and at least one, ran everywhere.
fn ran(target: &Target, rules: &[RuleResult]) -> bool {
    let pattern = target.rule();
    let mut concerned = rules.iter().filter(|row| pattern.matches(row.id.as_str())).peekable();
    concerned.peek().is_some() && concerned.all(|row| row.outcome != Outcome::Skipped)
}
