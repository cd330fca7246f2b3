//! Findings about work over all rows of a table, its partitions and children: one for each cause, however many tables it
//! reaches.

use super::around;
use super::prelude::*;
use crate::finding::Subject;

/// The work that an action of the statement's list causes, on tables that others use.
pub(super) fn of_action<'a>(m: &Moment<'_>, works: &'a [Work], action: usize) -> Vec<&'a Work> {
    of_all(m, works).into_iter().filter(|work| work.action == action).collect()
}

/// Work on tables that others use: on one that came to be in this script nobody waits, even where it has rows by now.
pub(super) fn of_all<'a>(m: &Moment<'_>, works: &'a [Work]) -> Vec<&'a Work> {
    works.iter().filter(|work| !work.is_new && !m.is_new(&work.relation)).collect()
}

/// A finding about some work; none where there is none, or where the tables are known to be empty.
pub(super) fn finding(
    m: &Moment<'_>,
    meta: &Meta,
    place: Place,
    subject: Subject,
    works: &[&Work],
    kind: WorkKind,
    message: impl Into<String>,
) -> Option<Finding> {
    let first = works.first()?;
    let mut message = message.into();
    if let Some(assumed) = works.iter().find_map(|work| work.assumed.as_ref()) {
        message.push_str(&format!(" (taken for granted: {assumed})"));
    }
    let mut finding = m.finding(meta, place, subject, message).text("lock_mode", first.mode.as_str());
    finding = finding.text("relation", first.relation.to_string());
    if works.len() > 1 {
        finding = finding.list("relations", works.iter().map(|work| work.relation.to_string()).collect());
    }
    finding = finding.text("because", first.because.clone());
    if let Some(assumed) = works.iter().find_map(|work| work.assumed.clone()) {
        finding = finding.text("assumed", assumed);
    }
    let relations: Vec<QName> = works.iter().map(|work| work.relation.clone()).collect();
    m.weighed_all(finding, &relations, kind)
}

/// The tables of some work, as a message names them: `orders`, `events and 3 more`.
pub(super) fn tables(works: &[&Work]) -> String {
    let mut names: Vec<String> = Vec::new();
    for work in works {
        let name = work.relation.to_string();
        if names.last() != Some(&name) {
            names.push(name);
        }
    }
    around::some(&names)
}
