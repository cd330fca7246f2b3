//! Every rule of every family under its id: what is said about a rule outside its own family comes from here.

use crate::checks;
use crate::logs::detectors;
use crate::migrations;
use crate::rule::{Meta, Param};

/// A rule, whichever family it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// What it says about itself.
    pub meta: &'static Meta,
    /// The thresholds a user can change.
    pub params: &'static [&'static Param],
    /// What its family looks at: `server`, `log` or `migration`.
    pub looks_at: &'static str,
}

/// Every rule, family by family, in the order of the documentation. A new family is one line here.
pub fn each() -> impl Iterator<Item = Rule> {
    let checks = checks::ALL.iter().map(|check| Rule { meta: &check.meta, params: check.params, looks_at: "server" });
    let detectors = detectors::ALL.iter().map(|one| Rule { meta: &one.meta, params: one.params, looks_at: "log" });
    let migrations = migrations::rules::ALL.iter();
    let migrations = migrations.map(|one| Rule { meta: &one.meta, params: one.params, looks_at: "migration" });
    checks.chain(detectors).chain(migrations)
}

/// The rule of an id; `None` where this version does not have it.
pub fn by_id(id: &str) -> Option<Rule> {
    each().find(|rule| rule.meta.id == id)
}

/// What each rule says about itself.
pub fn all() -> impl Iterator<Item = &'static Meta> {
    each().map(|rule| rule.meta)
}

/// What the rule of an id says about itself; `None` where this version does not have it.
pub fn meta(id: &str) -> Option<&'static Meta> {
    all().find(|meta| meta.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_over_all_families() {
        let mut seen = BTreeSet::new();
        for meta in all() {
            assert!(seen.insert(meta.id), "{} is there twice", meta.id);
        }
        assert!(meta("foreign-key-without-index").is_some() && meta("nothing").is_none());
        let looks_at = |id| by_id(id).map(|rule| rule.looks_at);
        assert_eq!((looks_at("foreign-key-without-index"), looks_at("n-plus-one")), (Some("server"), Some("log")));
    }
}
