//! Rules over migrations: thin questions about effects and state. `ls src/migrations/rules` is the list of what a migration
//! is reviewed for.
//!
//! A rule is a value, as a check is: what it is called, what it looks at, and a pure function. To add one, write
//! `src/migrations/rules/x.rs`, two lines here, and `tests/migrations/x/{bad,good}.sql`.

pub mod moment;
pub mod prelude;

use super::replay::Replayed;
use crate::finding::Finding;
use crate::outcome::{Missing, Verdict};
use crate::rule::{Meta, Param};
use moment::{AtEnd, Moment};

/// A rule over migrations.
#[derive(Debug)]
pub struct Rule {
    /// What it says about itself.
    pub meta: Meta,
    /// The thresholds a user can change.
    pub params: &'static [&'static Param],
    /// Whether it is a matter of opinion: off unless `--pedantic` or the configuration asks for it.
    pub is_opinion: bool,
    /// Whether the way back is looked at too: what locks and what fails matters there as well, what it takes away is its purpose.
    pub both_ways: bool,
    /// What it looks at.
    pub run: Run,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub enum Run {
    /// Each statement, with the state before it.
    Statement(fn(&Moment<'_>) -> Vec<Finding>),
    /// Each script when it has ended.
    Script(fn(&AtEnd<'_>) -> Vec<Finding>),
    /// The migrations as a whole.
    Folder(fn(&Replayed<'_>) -> Result<Verdict, Missing>),
}

/// Every rule, in the order of the documentation.
pub static ALL: &[&Rule] = &[];

/// The rule of an id.
pub fn by_id(id: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.meta.id == id)
}

#[cfg(test)]
pub(crate) mod laboratory;

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The fixtures are beside the integration tests; the review is pure, so they are tried here.
    fn fixtures() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/migrations"))
    }

    #[test]
    fn every_rule_finds_what_its_fixtures_say_and_no_more() {
        let mut wrong = Vec::new();
        for rule in ALL {
            for name in ["bad.sql", "good.sql"] {
                let path = fixtures().join(rule.meta.id).join(name);
                let Ok(text) = std::fs::read_to_string(&path) else {
                    wrong.push(format!("{} is missing", path.display()));
                    continue;
                };
                let fixture = laboratory::fixture(&text);
                let found = laboratory::found(&fixture.project, &[rule]);
                if found != fixture.expected || found.is_empty() != (name == "good.sql") {
                    let expected = fixture.expected;
                    wrong.push(format!("{}: expected {expected:?}, found {found:?}", path.display()));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn the_sql_of_a_hint_passes_the_review_itself() {
        let all: Vec<&'static Rule> = ALL.iter().copied().filter(|rule| !rule.is_opinion).collect();
        let mut wrong = Vec::new();
        for rule in ALL {
            let Ok(text) = std::fs::read_to_string(fixtures().join(rule.meta.id).join("bad.sql")) else { continue };
            let fixture = laboratory::fixture(&text);
            for finding in crate::migrations::replay::replay(&fixture.project, &[rule]).findings {
                for objection in laboratory::objections(&fixture.project, &finding, &all) {
                    let sql = finding.hint.as_ref().and_then(|hint| hint.sql.clone()).unwrap_or_default();
                    wrong.push(format!("{}: {objection}\n{sql}", finding.key));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    }
}
