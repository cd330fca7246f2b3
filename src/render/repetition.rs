//! A query that is repeated inside requests, in words: what the detectors of repetitions say in numbers, in the order in
//! which it matters, and apart from what only matters to whoever doubts it.

use super::digest;
use crate::finding::{Finding, Unit, Value, humane};

/// A finding about a repetition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repetition<'a>(&'a Finding);

/// The parts of a confidence, as they are called in findings and in words.
const PARTS: [(&str, &str); 5] = [
    ("confidence_bounds", "bounds"),
    ("confidence_values", "values"),
    ("confidence_parent", "parent"),
    ("confidence_count", "count"),
    ("confidence_requests", "requests"),
];

/// Numbers that are told in a sentence, or decide what is.
const TOLD: [&str; 28] = [
    "requests",
    "requests_seen",
    "calls_per_request_p50",
    "calls_per_request_p95",
    "calls_per_request_max",
    "calls_per_request_p95_estimated",
    "calls_per_request_p95_low",
    "calls_per_request_p95_high",
    "sample_rate",
    "database_time",
    "wall_time",
    "saving",
    "saving_estimated",
    "parent_query",
    "routes",
    "boundary",
    "confidence",
    "confidence_threshold",
    "suspected_threshold",
    "high_threshold",
    "medium_threshold",
    "held_back",
    "suspected",
    "proved_keys",
    "proved_rows",
    "measured_children_ms",
    "measured_batched_ms",
    "not_proven",
];

impl<'a> Repetition<'a> {
    /// What a finding says of a repetition; none where it is about anything else.
    pub(super) fn of(finding: &'a Finding) -> Option<Self> {
        let is_one = finding.measured("calls_per_request_p50").and(finding.measured("calls_per_request_p95"));
        is_one.map(|_| Self(finding))
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.0.measured(name).filter(|number| number.is_finite())
    }

    fn count(&self, name: &str) -> Option<String> {
        self.number(name).map(|number| humane(number, &Unit::Count))
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.0.detail.iter().find(|measure| measure.name == name).map(|measure| &measure.value)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        match self.value(name) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    fn list(&self, name: &str) -> &'a [String] {
        match self.value(name) {
            Some(Value::List(list)) => list,
            _ => &[],
        }
    }

    /// How often in each request, and in how many: `37 a request at the median`, `41 at p95`, `60 at most`, `in 412 of 418
    /// requests`.
    pub(super) fn times(&self) -> Vec<String> {
        let mut parts = Vec::new();
        parts.extend(self.count("calls_per_request_p50").map(|count| format!("{count} a request at the median")));
        parts.extend(self.count("calls_per_request_p95").map(|count| format!("{count} at p95")));
        parts.extend(self.count("calls_per_request_max").map(|count| format!("{count} at most")));
        if let Some(estimate) = self.count("calls_per_request_p95_estimated") {
            let low = self.count("calls_per_request_p95_low").unwrap_or_else(|| "?".to_owned());
            let high = self.count("calls_per_request_p95_high").unwrap_or_else(|| "?".to_owned());
            let rate = self
                .number("sample_rate")
                .map_or_else(String::new, |rate| format!(" in a sample of {}", humane(rate, &Unit::Ratio)));
            parts.push(format!("seen{rate}: about {estimate} at p95 ({low} to {high})"));
        }
        let seen = self.number("requests_seen");
        parts.extend(self.number("requests").map(|requests| match seen.filter(|seen| *seen >= requests) {
            Some(seen) => format!("in {} of {} requests", humane(requests, &Unit::Count), humane(seen, &Unit::Count)),
            None => format!(
                "in {} {}",
                humane(requests, &Unit::Count),
                if requests == 1.0 { "request" } else { "requests" }
            ),
        }));
        parts
    }

    /// What it costs and what of that one query would save.
    pub(super) fn cost(&self) -> Vec<String> {
        let time = |name: &str| self.number(name).map(|ms| humane(ms, &Unit::Milliseconds));
        let mut parts = Vec::new();
        parts.extend(time("wall_time").map(|time| format!("wall {time}")));
        parts.extend(time("database_time").map(|time| format!("database {time}")));
        let saving = self.number("saving_estimated").or(self.number("saving")).filter(|ms| *ms > 0.0);
        let saving = saving.map(|ms| humane(ms, &Unit::Milliseconds));
        parts.extend(saving.map(|time| format!("one statement would save about {time}")));
        parts
    }

    /// Whether the statement that is to replace it was tried on values of the log, and what came of it: `proven on 12 keys,
    /// 34 rows: 12.3 ms → 1.4 ms`.
    pub(super) fn proof(&self) -> Option<String> {
        if let Some(why) = self.text("not_proven") {
            return Some(format!("not proven: {why}"));
        }
        let count = |name: &str, one: &str| {
            let number = self.number(name)?;
            Some(format!("{} {one}{}", humane(number, &Unit::Count), if number == 1.0 { "" } else { "s" }))
        };
        let on = format!("{}, {}", count("proved_keys", "key")?, count("proved_rows", "row")?);
        match self.0.verification.as_deref() {
            Some("confirmed") => {
                let time = |name: &str| self.number(name).map(|ms| humane(ms, &Unit::Milliseconds));
                let times = time("measured_children_ms").zip(time("measured_batched_ms"));
                let times = times.map_or_else(String::new, |(many, one)| format!(": {many} → {one}"));
                Some(format!("proven on {on}{times}"))
            }
            Some("refuted") => Some(format!("refuted on {on}")),
            _ => None,
        }
    }

    /// The query whose rows it follows.
    pub(super) fn parent(&self) -> Option<&'a str> {
        self.text("parent_query")
    }

    /// The routes it was seen on, most often first.
    pub(super) fn routes(&self) -> &'a [String] {
        self.list("routes")
    }

    /// The routes in one phrase: `GET /authors and 2 more`.
    pub(super) fn place(&self) -> Option<String> {
        match self.routes() {
            [] => None,
            [one] => Some(one.clone()),
            [first, more @ ..] => Some(format!("{first} and {} more", more.len())),
        }
    }

    /// How sure it is, as the product it is: `confidence 0.81 = bounds 0.9 (transaction) × values 1 × …`, what it is found
    /// from, and what holds it back.
    pub(super) fn confidence(&self) -> Vec<String> {
        let part = |name: &str| self.number(name).map(|part| humane(part, &Unit::Count));
        let factors: Vec<String> = PARTS
            .iter()
            .filter_map(|(name, word)| {
                let bound = self.text("boundary").filter(|_| *word == "bounds");
                let bound = bound.map(|bound| format!(" ({bound})")).unwrap_or_default();
                part(name).map(|factor| format!("{word} {factor}{bound}"))
            })
            .collect();
        let mut parts = Vec::new();
        if let Some(total) = part("confidence") {
            let factors = if factors.is_empty() { String::new() } else { format!(" = {}", factors.join(" × ")) };
            parts.push(format!("confidence {total}{factors}"));
        }
        parts.extend(part("confidence_threshold").map(|threshold| format!("found from {threshold}")));
        parts.extend(self.text("held_back").map(|why| format!("held back: {why}")));
        parts
    }

    /// Every other number.
    pub(super) fn rest(&self) -> Vec<String> {
        let told = |name: &str| TOLD.contains(&name) || PARTS.iter().any(|(part, _)| *part == name);
        self.0.detail.iter().filter(|measure| !told(&measure.name)).filter_map(digest::fact).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Measure, Subject};
    use crate::rule::{Category, Evidence, Meta, Severity};

    fn finding(detail: &[(&'static str, Value)]) -> Finding {
        static META: Meta =
            Meta { id: "n-plus-one", category: Category::Queries, severity: Severity::High, source: "" };
        let mut finding = Finding::new(&META, Subject::server(), "x").evidence(Evidence::Measured);
        finding.detail = detail
            .iter()
            .map(|(name, value)| Measure { name: (*name).into(), value: value.clone(), unit: Unit::Count })
            .collect();
        finding
    }

    #[test]
    fn what_is_not_there_is_not_spoken_of() {
        assert!(Repetition::of(&finding(&[("requests", Value::Integer(3))])).is_none());
        let least = finding(&[
            ("calls_per_request_p50", Value::Number(f64::NAN)),
            ("calls_per_request_p95", Value::Number(12.0)),
            ("requests", Value::Integer(1)),
            ("requests_seen", Value::Integer(0)),
            ("saving_estimated", Value::Number(0.0)),
            ("routes", Value::List(Vec::new())),
            ("parent_query", Value::Text(String::new())),
        ]);
        let least = Repetition::of(&least).unwrap();
        assert_eq!(least.times(), ["12 at p95", "in 1 request"]);
        assert!(
            least.proof().is_none()
                && least.cost().is_empty()
                && least.confidence().is_empty()
                && least.rest().is_empty()
        );
        assert_eq!((least.parent(), least.place()), (None, None));
    }

    #[test]
    fn a_proof_is_one_sentence() {
        let proof = |verification: Option<&str>, more: &[(&'static str, Value)]| {
            let ms = |number: f64| Value::Number(number);
            let mut detail = vec![
                ("calls_per_request_p50", Value::Number(5.0)),
                ("calls_per_request_p95", Value::Number(5.0)),
                ("proved_keys", Value::Integer(12)),
                ("proved_rows", Value::Integer(1)),
                ("measured_children_ms", ms(12.34)),
                ("measured_batched_ms", ms(1.4)),
            ];
            detail.extend_from_slice(more);
            let mut finding = finding(&detail);
            finding.verification = verification.map(str::to_owned);
            let repetition = Repetition::of(&finding).unwrap();
            assert!(repetition.rest().is_empty());
            repetition.proof()
        };
        assert_eq!(proof(Some("confirmed"), &[]).unwrap(), "proven on 12 keys, 1 row: 12.3 ms → 1.4 ms");
        assert_eq!(proof(Some("refuted"), &[]).unwrap(), "refuted on 12 keys, 1 row");
        let why = Value::Text("a table of it was locked".into());
        assert_eq!(proof(None, &[("not_proven", why)]).unwrap(), "not proven: a table of it was locked");
        assert_eq!(proof(None, &[]), None);
    }

    #[test]
    fn a_sample_says_what_it_was_seen_in() {
        let sampled = finding(&[
            ("calls_per_request_p50", Value::Number(18.0)),
            ("calls_per_request_p95", Value::Number(20.0)),
            ("sample_rate", Value::Number(0.5)),
            ("calls_per_request_p95_estimated", Value::Number(40.0)),
            ("calls_per_request_p95_low", Value::Number(31.2)),
            ("calls_per_request_p95_high", Value::Number(48.8)),
            ("requests", Value::Integer(20)),
            ("calls_per_parent_p50", Value::Number(6.0)),
        ]);
        let sampled = Repetition::of(&sampled).unwrap();
        assert_eq!(sampled.times()[2], "seen in a sample of 50 %: about 40 at p95 (31.2 to 48.8)");
        assert_eq!(sampled.rest(), ["calls per parent p50 6"]);
    }
}
