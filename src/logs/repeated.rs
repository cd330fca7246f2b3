//! What counts twice: the same log in two stored workloads, or under two names. Whoever merges a day from its hours, or a fleet
//! from its hosts, names many files, and a figure that is twice what it should be looks like any other.
//!
//! A log is known by what was counted of it, not by its name: a copy has another name, and every host has a
//! `postgresql.log`. Two logs with the same bytes, the same first and last time and the same sum of durations are one.

use super::aggregate::FIRST;
use super::workload::{SourceFile, Workload};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// The logs that are counted already.
#[derive(Debug, Default)]
pub struct Counted {
    /// By their first time, each with what narrowed the workload it is of.
    logs: BTreeMap<Timestamp, Vec<(SourceFile, Vec<String>)>>,
}

/// What a workload has of what is counted already.
#[derive(Debug, PartialEq, Eq)]
pub enum Repeated {
    /// Nothing.
    Nothing,
    /// All of it.
    All,
    /// Some of its logs, whose counts cannot be taken out of it again; in words.
    Some(Vec<String>),
}

impl Counted {
    /// What a workload has of what is counted already, and of itself twice; it is counted from now on unless all of it was.
    pub fn add(&mut self, workload: &Workload) -> Repeated {
        let filters = &workload.logging.filters;
        let dated = || workload.sources.iter().filter_map(|log| Some((log.from?, log)));
        let is_known = |(from, log): (Timestamp, &SourceFile)| {
            self.logs.get(&from).is_some_and(|known| known.iter().any(|(known, _)| is_same(known, log)))
        };
        if dated().next().is_some() && dated().all(is_known) {
            return Repeated::All;
        }
        let mut repeated = Vec::new();
        for (from, log) in dated() {
            let known = self.logs.entry(from).or_default();
            repeated.extend(known.iter().find_map(|(known, narrowed)| twice(known, log, narrowed == filters)));
            known.push((log.clone(), filters.clone()));
        }
        if repeated.is_empty() { Repeated::Nothing } else { Repeated::Some(repeated) }
    }
}

/// Whether the same was counted of two logs.
fn is_same(a: &SourceFile, b: &SourceFile) -> bool {
    let counted = |log: &SourceFile| (log.from, log.to, log.bytes, log.events, log.durations);
    counted(a) == counted(b)
}

/// How two logs count twice, in words.
fn twice(known: &SourceFile, log: &SourceFile, is_narrowed_alike: bool) -> Option<String> {
    if is_same(known, log) {
        return Some(match known.path == log.path {
            true => format!("{} counts twice", log.path),
            false => format!("{} holds what {} holds: it counts twice", log.path, known.path),
        });
    }
    // it was read, went on, and was read again
    let is_longer = known.path == log.path
        && is_narrowed_alike
        && known.events.min(log.events) >= FIRST
        && known.first_durations == log.first_durations;
    is_longer.then(|| format!("{} was read at two times: what it held at the first counts twice", log.path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::detectors::context::laboratory::Lab;

    fn workload(logs: &[(&str, i64, u64)]) -> Workload {
        let mut workload = Lab::new().workload;
        let log = |(path, from, bytes): &(&str, i64, u64)| SourceFile {
            path: (*path).to_owned(),
            bytes: *bytes,
            from: Some(Timestamp::from_unix_micros(*from)),
            to: Some(Timestamp::from_unix_micros(from + 1000)),
            events: 300,
            ..SourceFile::default()
        };
        workload.sources = logs.iter().map(log).collect();
        workload
    }

    #[test]
    fn a_log_is_known_by_what_was_counted_of_it() {
        let mut counted = Counted::default();
        assert_eq!(counted.add(&workload(&[("a", 1, 10), ("b", 2, 10)])), Repeated::Nothing);
        assert_eq!(counted.add(&workload(&[("b", 2, 10)])), Repeated::All);
        assert_eq!(counted.add(&workload(&[("copy of b", 2, 10), ("a", 1, 10)])), Repeated::All);
        let some = |words: &str| Repeated::Some(vec![words.to_owned()]);
        assert_eq!(counted.add(&workload(&[("a", 1, 10), ("c", 3, 10)])), some("a counts twice"));
        assert_eq!(
            counted.add(&workload(&[("b", 2, 25)])),
            some("b was read at two times: what it held at the first counts twice")
        );
        // another host's, which began its log at the same time
        let mut other = workload(&[("a", 1, 11)]);
        other.sources[0].first_durations = 5;
        assert_eq!(counted.add(&other), Repeated::Nothing);
        assert_eq!(counted.add(&workload(&[("a", 7, 10)])), Repeated::Nothing);
        assert_eq!(counted.add(&workload(&[("d", 9, 1), ("e", 9, 1)])), some("e holds what d holds: it counts twice"));
    }

    #[test]
    fn parts_of_one_log_are_no_repetition() {
        let mut counted = Counted::default();
        let mut shop = workload(&[("a", 1, 10)]);
        shop.logging.filters = vec!["only database shop".into()];
        let mut billing = workload(&[("a", 1, 10)]);
        billing.logging.filters = vec!["only database billing".into()];
        billing.sources[0].events = 2;
        assert_eq!(counted.add(&shop), Repeated::Nothing);
        assert_eq!(counted.add(&billing), Repeated::Nothing);
        // a log without an entry says nothing, and what an older version stored does not say it
        let mut empty = workload(&[("b", 1, 10)]);
        empty.sources[0].from = None;
        assert_eq!((counted.add(&empty), counted.add(&empty)), (Repeated::Nothing, Repeated::Nothing));
    }
}
