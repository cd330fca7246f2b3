//! Accepting findings: each suppression has a reason, some an end, and one that accepts nothing any more is said to.

use crate::config::document::day;
use crate::config::{Suppression, Target};
use crate::finding::Finding;
use crate::outcome::{Outcome, RuleResult};
use crate::report::{Note, Suppressed};
use crate::time::Timestamp;

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
    let today = day(as_of);
    let expired = |suppression: &Suppression| suppression.expires.is_some_and(|expires| expires < today);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Origin, Pattern};
    use crate::finding::{Subject, SubjectKind};
    use crate::outcome::{Missing, Reason, Verdict};
    use crate::rule::{Category, Meta, Severity};
    use proptest::prelude::*;

    fn finding(name: &str) -> Finding {
        let meta = Meta { id: "unused-index", category: Category::Indexes, severity: Severity::Low, source: "" };
        Finding::new(&meta, Subject::of_table(SubjectKind::Index, "shop", "public", "orders", name), "unused")
    }

    fn suppression(key: &str, expires: Option<&str>) -> Suppression {
        Suppression {
            target: Target::Key(Pattern::new(key)),
            reason: format!("because of {key}"),
            expires: expires.map(|date| date.parse().unwrap()),
            origin: Origin::Default,
        }
    }

    fn ran() -> Vec<RuleResult> {
        vec![RuleResult::new("unused-index", Some("shop"), &Ok(Verdict::default()))]
    }

    fn applied(suppressions: &[Suppression], rules: &[RuleResult]) -> Applied {
        let as_of = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        apply(vec![finding("a"), finding("b")], suppressions, rules, as_of)
    }

    #[test]
    fn findings_are_parted_by_the_first_suppression_that_matches() {
        let both = [suppression("unused-index:shop/public/orders/a", Some("2026-11-22")), suppression("*", None)];
        let Applied { kept, suppressed, notes } = applied(&both, &ran());
        assert_eq!((kept.len(), suppressed.len(), notes.len()), (0, 2, 0));
        assert_eq!(suppressed[0].reason, "because of unused-index:shop/public/orders/a");
        assert_eq!(suppressed[0].expires.as_deref(), Some("2026-11-22"), "its last day still counts");
        assert_eq!(suppressed[1].reason, "because of *");
    }

    #[test]
    fn an_expired_one_accepts_nothing_and_is_said_to() {
        let Applied { kept, suppressed, notes } = applied(&[suppression("unused-index:*", Some("2026-11-21"))], &ran());
        assert_eq!((kept.len(), suppressed.len()), (2, 0));
        assert_eq!(
            notes,
            [Note {
                text:
                    "the suppression of unused-index:* (default) expired on 2026-11-21: it matches 2 findings, none is \
                       accepted by it"
                        .to_owned(),
                warning: true
            }]
        );
    }

    #[test]
    fn one_that_accepts_nothing_is_named_only_where_its_rule_ran() {
        let unused = [suppression("unused-index:gone", None)];
        let notes = applied(&unused, &ran()).notes;
        assert_eq!(notes.len(), 1);
        assert!(notes[0].text.ends_with("matches no finding: remove it") && !notes[0].warning);
        assert_eq!(applied(&unused, &[]).notes, []);
        let skipped = RuleResult::new("unused-index", None, &Err(Missing::new("x", Reason::Privilege, "no")));
        assert_eq!(applied(&unused, &[skipped]).notes, []);
    }

    proptest! {
        #[test]
        fn no_finding_is_lost_or_doubled(names in prop::collection::vec("[ab]{1,3}", 0..6), keys in prop::collection::vec("unused-index:[a-z/*?]{0,6}", 0..4)) {
            let findings: Vec<Finding> = names.iter().map(|name| finding(name)).collect();
            let suppressions: Vec<Suppression> = keys.iter().map(|key| suppression(key, None)).collect();
            let Applied { kept, suppressed, .. } = apply(findings.clone(), &suppressions, &ran(), Timestamp::INFINITY);
            let mut together: Vec<String> = kept.iter().chain(suppressed.iter().map(|one| &one.finding)).map(|f| f.key.clone()).collect();
            let mut all: Vec<String> = findings.iter().map(|f| f.key.clone()).collect();
            together.sort();
            all.sort();
            prop_assert_eq!(together, all);
            for finding in &kept {
                prop_assert!(!suppressions.iter().any(|one| one.target.matches(finding)));
            }
        }
    }
}
