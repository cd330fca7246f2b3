//! Every rule of every family under its id: what is said about a rule outside its own family comes from here.

use crate::checks;
use crate::logs::detectors;
use crate::rule::Meta;

/// What each rule says about itself, family by family, in the order of the documentation. A new family is one line here.
pub fn all() -> impl Iterator<Item = &'static Meta> {
    let checks = checks::ALL.iter().map(|check| &check.meta);
    checks.chain(detectors::ALL.iter().map(|detector| &detector.meta))
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
    }
}
