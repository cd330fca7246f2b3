//! How sure it is that a repetition is one request's, and what everything found of one says about it.

use super::context::{at, bounds, is_of_the_client, names};
use super::prelude::*;
use crate::finding::{Measure, Value};
use crate::logs::workload::Logging;

/// What has to be known of a repetition for it to be what it seems.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    /// That its values differ, or that they do not.
    pub(super) values: bool,
    /// What it follows.
    pub(super) parent: bool,
}

/// The parts of a confidence, each from 0 to 1; it is their product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Confidence {
    /// How sure the bounds of the units of work are.
    pub(super) bounds: f64,
    /// Whether the values are known.
    pub(super) values: f64,
    /// Whether something it follows was found.
    pub(super) parent: f64,
    /// How often it is repeated.
    pub(super) count: f64,
    /// In how many units.
    pub(super) requests: f64,
    /// Why it is suspected at most, however high the product is.
    pub(super) held_back: Option<&'static str>,
}

/// What becomes of a repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grade {
    /// A finding.
    Found,
    /// Shown on demand; no gate fails on it.
    Suspected,
    /// Nothing to speak of.
    Nothing,
}

/// A product of decimal fractions is not exact to the last digit, which must not decide.
const ROUNDING: f64 = 1e-9;

impl Confidence {
    /// Of a repetition.
    pub(super) fn of(group: &Group, logging: &Logging, needs: Needs) -> Self {
        let from_clients = || group.boundaries.iter().filter(|(boundary, _)| is_of_the_client(boundary));
        let is_mixed = logging.is_pooled && from_clients().count() == 0;
        let counted: Vec<(&Boundary, &u64)> = match logging.is_pooled && !is_mixed {
            true => from_clients().collect(),
            false => group.boundaries.iter().collect(),
        };
        let units: u64 = counted.iter().map(|(_, count)| **count).sum();
        let strength: f64 = counted.iter().map(|(boundary, count)| (boundary.strength() * **count) as f64).sum();
        // values are noted once for units that were parted later
        let valueless = (group.valueless as f64 / (group.distinct.count.max(1)) as f64).min(1.0);
        let repeated = calls_per_request(group, logging, 0.5);
        Self {
            bounds: strength / 1000.0 / units.max(1) as f64,
            values: if needs.values { 1.0 - 0.15 * valueless } else { 1.0 },
            parent: match &group.parent {
                _ if !needs.parent => 1.0,
                // what stood before the unit in a shared connection may be another client's
                Some(_) if logging.is_pooled && group.looked_back * 2 >= group.units => 0.5,
                Some(_) if group.join.is_some() || group.proven > 0 => 1.0,
                // nothing but its place speaks for it
                Some(_) => 0.75,
                None if loses_parents(group, logging) => 1.0,
                None => 0.5,
            },
            count: (0.7 + 0.1 * (repeated / 5.0 + 1.0).log2()).min(1.0),
            requests: (0.8 + 0.05 * units as f64).min(1.0),
            held_back: is_mixed
                .then_some("clients share server connections, and nothing says whose statement is whose"),
        }
    }

    /// The product.
    pub(super) fn total(&self) -> f64 {
        self.bounds * self.values * self.parent * self.count * self.requests
    }

    /// The same, suspected at most.
    pub(super) fn held_back(mut self, because: &'static str) -> Self {
        self.held_back = self.held_back.or(Some(because));
        self
    }

    /// What becomes of it.
    pub(super) fn grade(&self, found: f64, suspected: f64) -> Grade {
        match self.total() + ROUNDING {
            total if total >= found && self.held_back.is_none() => Grade::Found,
            total if total >= suspected => Grade::Suspected,
            _ => Grade::Nothing,
        }
    }

    /// Adds it to a finding, in parts.
    pub(super) fn note(&self, finding: Finding, found: f64, suspected: f64) -> Finding {
        let finding = finding
            .number("confidence", self.total(), Unit::Ratio)
            .number("confidence_bounds", self.bounds, Unit::Ratio)
            .number("confidence_values", self.values, Unit::Ratio)
            .number("confidence_parent", self.parent, Unit::Ratio)
            .number("confidence_count", self.count, Unit::Ratio)
            .number("confidence_requests", self.requests, Unit::Ratio)
            .number("confidence_threshold", found, Unit::Ratio)
            .number("suspected_threshold", suspected, Unit::Ratio);
        match self.held_back {
            Some(because) => finding.text("held_back", because),
            None => finding,
        }
    }
}

/// Whether what a repetition follows may be missing for no other reason than that not every statement is in the log.
pub(super) fn loses_parents(group: &Group, logging: &Logging) -> bool {
    logging.threshold().is_some()
        || logging.sample_rate.is_some()
        // a transaction is sampled as a whole
        || (logging.transaction_sample_rate.is_some() && !group.boundaries.contains_key(&Boundary::Transaction))
}

/// A number of things of which a part was counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    /// The estimate.
    pub(super) value: f64,
    /// Not below this, with 95 % confidence.
    pub(super) low: f64,
    /// Not above this.
    pub(super) high: f64,
}

impl Estimate {
    /// Of things that were each counted with a probability.
    pub(super) fn of(seen: f64, rate: f64) -> Self {
        let spread = 1.96 * (seen * (1.0 - rate)).max(0.0).sqrt();
        Self { value: seen / rate, low: ((seen - spread) / rate).max(seen), high: (seen + spread) / rate }
    }
}

/// A rate that is one.
pub(super) fn usable(rate: Option<f64>) -> Option<f64> {
    rate.filter(|rate| *rate > 0.0 && *rate < 1.0)
}

/// A quantile of the calls in each request, with those that a sample left out.
pub(super) fn calls_per_request(group: &Group, logging: &Logging, share: f64) -> f64 {
    let seen = at(&group.per_unit, share);
    usable(logging.sample_rate).map_or(seen, |rate| Estimate::of(seen, rate).value)
}

/// The same, not more than there are for sure.
pub(super) fn least_calls_per_request(group: &Group, logging: &Logging, share: f64) -> f64 {
    let seen = at(&group.per_unit, share);
    usable(logging.sample_rate).map_or(seen, |rate| Estimate::of(seen, rate).low)
}

/// Whether a sample holds enough of a repetition to say that it is one.
pub(super) fn is_enough(group: &Group, logging: &Logging) -> bool {
    let Some(rate) = usable(logging.sample_rate) else { return true };
    let seen = at(&group.per_unit, 0.95);
    seen >= (5.0 * rate).max(3.0) && Estimate::of(seen, rate).low >= 5.0
}

/// What every finding of a repetition says in numbers.
pub(super) fn describe(cx: &Context<'_>, group: &Group, finding: Finding) -> Finding {
    let logging = &cx.workload.logging;
    let (p50, p95) = (at(&group.per_unit, 0.5), at(&group.per_unit, 0.95));
    let ms = |micros: u64| micros as f64 / 1000.0;
    let mut finding = finding
        .count("requests", whole(group.units), Unit::Count)
        .count("calls", whole(group.calls), Unit::Count)
        .number("calls_per_request_p50", p50, Unit::Count)
        .number("calls_per_request_p95", p95, Unit::Count)
        .count("calls_per_request_max", whole(group.per_unit.most), Unit::Count)
        .number("database_time", ms(group.database_time), Unit::Milliseconds)
        .number("wall_time", ms(group.wall_time), Unit::Milliseconds);
    if let Some(rate) = usable(logging.sample_rate) {
        let each = Estimate::of(p95, rate);
        finding = finding
            .number("sample_rate", rate, Unit::Ratio)
            .number("calls_per_request_p95_estimated", each.value, Unit::Count)
            .number("calls_per_request_p95_low", each.low, Unit::Count)
            .number("calls_per_request_p95_high", each.high, Unit::Count);
        finding = estimated(finding, group.calls, rate, ["calls_estimated", "calls_low", "calls_high"]);
    }
    if let Some(rate) = usable(logging.transaction_sample_rate) {
        finding = finding.number("transaction_sample_rate", rate, Unit::Ratio);
        finding = estimated(finding, group.units, rate, ["requests_estimated", "requests_low", "requests_high"]);
    }
    if let Some(most) = group.boundaries.iter().max_by_key(|(boundary, count)| (**count, boundary.strength())) {
        finding = finding.text("boundary", most.0.as_str());
    }
    finding
        .list("boundaries", bounds(&group.boundaries))
        .list("routes", names(&group.routes))
        .list("applications", names(&group.applications))
}

fn estimated(finding: Finding, seen: u64, rate: f64, [value, low, high]: [&'static str; 3]) -> Finding {
    let all = Estimate::of(seen as f64, rate);
    finding.number(value, all.value, Unit::Count).number(low, all.low, Unit::Count).number(high, all.high, Unit::Count)
}

/// Marks what is suspected only: the default output hides it, and no gate fails on it.
pub(super) fn suspected(mut finding: Finding) -> Finding {
    finding.detail.push(Measure { name: "suspected".into(), value: Value::Bool(true), unit: Unit::Text });
    finding.message = format!("suspected: {}", finding.message);
    finding.severity(Severity::Info).evidence(Evidence::Inferred)
}

/// Measured where every statement is in the log and every value is known.
pub(super) fn evidence(group: &Group, logging: &Logging) -> Evidence {
    if logging.is_complete() && group.valueless == 0 { Evidence::Measured } else { Evidence::Inferred }
}

/// The subject of a repetition: the query, and the one it follows.
pub(super) fn subject(cx: &Context<'_>, group: &Group) -> Subject {
    let text = cx.query(&group.database, &group.child).map_or("", |query| query.text.as_str());
    Subject {
        kind: SubjectKind::QueryGroup,
        parent_fingerprint: group.parent.clone(),
        ..Subject::query(&group.database, &group.child, text)
    }
}

/// A count as findings carry it.
pub(super) fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// `12 times`, `once`.
pub(super) fn times(count: f64) -> String {
    match count {
        1.0 => "once".to_owned(),
        2.0 => "twice".to_owned(),
        _ => format!("{} times", humane(count.round(), &Unit::Count)),
    }
}

/// The same repetitions under whatever parent as one for each query: where what they follow does not matter.
pub(super) fn by_child<'g>(groups: impl Iterator<Item = &'g Group>) -> Vec<Group> {
    let mut merged: Vec<Group> = Vec::new();
    for group in groups {
        match merged.iter_mut().find(|known| known.child == group.child) {
            Some(known) => add(known, group),
            None => merged.push(Group { parent: None, join: None, ..group.clone() }),
        }
    }
    merged
}

fn add(into: &mut Group, other: &Group) {
    into.units += other.units;
    into.calls += other.calls;
    into.per_unit.merge(&other.per_unit);
    into.distinct.merge(&other.distinct);
    into.valueless += other.valueless;
    into.database_time += other.database_time;
    into.wall_time += other.wall_time;
    into.remaining += other.remaining;
    for (boundary, count) in &other.boundaries {
        *into.boundaries.entry(boundary.clone()).or_default() += count;
    }
    for (names, more) in [(&mut into.routes, &other.routes), (&mut into.applications, &other.applications)] {
        for (name, count) in more {
            *names.entry(name.clone()).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::detectors::context::laboratory::Lab;

    const LOOK_UP: Needs = Needs { values: true, parent: true };

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn the_parts_are_those_of_the_formula() {
        let mut group = Lab::group(GroupKind::NPlusOne, Some("p"), "c", 20, 35, Boundary::Transaction);
        group.join = Some("c.p_id = p.id".into());
        let logging = Lab::new().workload.logging;
        let sure = Confidence::of(&group, &logging, LOOK_UP);
        assert!(close(sure.total(), 0.9), "{sure:?}");
        group.join = None;
        assert!(close(Confidence::of(&group, &logging, LOOK_UP).parent, 0.75));
        group.proven = 3;
        assert!(close(Confidence::of(&group, &logging, LOOK_UP).parent, 1.0));
        group.parent = None;
        assert!(close(Confidence::of(&group, &logging, LOOK_UP).parent, 0.5));
        group.valueless = 10;
        assert!(close(Confidence::of(&group, &logging, LOOK_UP).values, 1.0 - 0.15 / 2.0));
        let once = Lab::group(GroupKind::NPlusOne, Some("p"), "c", 1, 5, Boundary::Gap);
        let weak = Confidence::of(&once, &logging, LOOK_UP);
        assert!(close(weak.count, 0.8) && close(weak.requests, 0.85) && close(weak.bounds, 0.65));
        assert_eq!((weak.grade(0.6, 0.3), sure.grade(0.6, 0.3)), (Grade::Suspected, Grade::Found));
        assert_eq!(sure.held_back("x").grade(0.6, 0.3), Grade::Suspected);
        assert_eq!(weak.grade(0.9, 0.8), Grade::Nothing);
    }

    #[test]
    fn the_bounds_are_the_mean_of_all_and_in_a_pool_of_the_clients_own() {
        let mut group = Lab::group(GroupKind::NPlusOne, Some("p"), "c", 10, 10, Boundary::Trace);
        group.boundaries.insert(Boundary::Cut, 10);
        let mut logging = Lab::new().workload.logging;
        assert!(close(Confidence::of(&group, &logging, LOOK_UP).bounds, (0.95 + 0.3) / 2.0));
        logging.is_pooled = true;
        let pooled = Confidence::of(&group, &logging, LOOK_UP);
        assert!(close(pooled.bounds, 0.95) && pooled.held_back.is_none());
        group.boundaries.remove(&Boundary::Trace);
        assert!(Confidence::of(&group, &logging, LOOK_UP).held_back.is_some());
    }

    #[test]
    fn a_log_that_is_not_whole_may_have_lost_the_parent() {
        let group = Lab::group(GroupKind::NPlusOne, None, "c", 10, 10, Boundary::Transaction);
        let mut logging = Lab::new().workload.logging;
        assert!(!loses_parents(&group, &logging));
        logging.transaction_sample_rate = Some(0.1);
        assert!(!loses_parents(&group, &logging), "a transaction is there as a whole");
        logging.sample_rate = Some(0.1);
        assert!(loses_parents(&group, &logging));
        assert!(close(Confidence::of(&group, &logging, LOOK_UP).parent, 1.0));
    }

    #[test]
    fn an_estimate_has_the_interval_of_a_binomial() {
        let estimate = Estimate::of(18.0, 0.5);
        assert!(close(estimate.value, 36.0));
        assert!(close(estimate.low, 2.0 * (18.0 - 1.96 * 3.0)) && close(estimate.high, 2.0 * (18.0 + 1.96 * 3.0)));
        assert!(close(Estimate::of(3.0, 0.1).low, 3.0), "what was seen is there");
        let mut logging = Lab::new().workload.logging;
        let few = Lab::group(GroupKind::NPlusOne, Some("p"), "c", 10, 3, Boundary::Trace);
        assert!(is_enough(&few, &logging));
        logging.sample_rate = Some(0.9);
        assert!(!is_enough(&few, &logging), "five are not sure to be there");
        assert!(is_enough(&Lab::group(GroupKind::NPlusOne, Some("p"), "c", 10, 9, Boundary::Trace), &logging));
    }
}
