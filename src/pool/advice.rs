//! The report of a pool, as one value: the object `pool` of the JSON, which other programs parse. Fields are added, never
//! renamed.

use super::budget::Budget;
use super::decide::{Answer, Binding, Decision, Holder};
use super::demand::{Demands, Key, Period, Tier};
use super::dispersion::Dispersion;
use super::predict::{Method, Predicted};
use super::snippets::Snippet;
use super::snippets::server::Statements;
use serde::{Deserialize, Serialize};

/// How large the pools should be, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    /// What the demand was measured from.
    pub tier: Tier,
    /// How far it can be trusted, in words.
    pub confidence: String,
    /// Connections held at once, on average.
    pub demand_erlangs: f64,
    /// The bounds of that in other times of the same traffic.
    pub demand_erlangs_low: Option<f64>,
    /// See `demand_erlangs_low`.
    pub demand_erlangs_high: Option<f64>,
    /// The same in the busiest time.
    pub peak_erlangs: Option<f64>,
    /// Of those, idle in transactions.
    pub idle_erlangs: Option<f64>,
    /// Transactions a second.
    pub arrivals_per_second: Option<f64>,
    /// Milliseconds a transaction holds its connection.
    pub mean_hold_ms: Option<f64>,
    /// How bursty the arrivals are, by scale.
    pub dispersion: Vec<Dispersion>,
    /// When it was measured.
    pub window: Period,
    /// The busiest part of that, which the size is for.
    pub busiest: Option<Period>,
    /// The most connections held at once.
    pub observed_max: Option<u32>,
    /// Whether clients may have waited unseen, so that all of this is a lower bound.
    pub censored: bool,
    /// The smallest size that meets the target, of all pools together.
    pub demand: Option<u32>,
    /// Its bounds in other times of the same traffic.
    pub demand_low: Option<u32>,
    /// See `demand_low`.
    pub demand_high: Option<u32>,
    /// The number of connections above which the server carries no more.
    pub capacity: Option<u32>,
    /// What the checklist's formula says.
    pub checklist: Option<u32>,
    /// The fewest connections of a pool with which tasks cannot wait for each other for ever.
    pub deadlock_floor: Option<u32>,
    /// Each of these with its formula and numbers.
    pub formulas: Vec<Formula>,
    /// Which of them decided.
    pub binding: Binding,
    /// Connections of all pools together.
    pub recommended: Option<u32>,
    /// Pools, one in each instance of the application.
    pub instances: u32,
    /// Connections of each.
    pub per_instance: Option<u32>,
    /// Why, in a sentence.
    pub reason: String,
    /// How waits were predicted.
    pub method: Method,
    /// What pools of other sizes would do.
    pub predicted: Vec<Predicted>,
    /// What would be if.
    pub what_ifs: Vec<Answer>,
    /// Where a bigger pool will not help: transactions that hold longest while idle.
    pub holders: Vec<Holder>,
    /// The demand of each database, role and application.
    pub parts: Vec<Part>,
    /// Whether all pools fit into the server; none where its limits are not known.
    pub budget: Option<Budget>,
    /// Configurations, ready to be used.
    pub snippets: Vec<Snippet>,
    /// The limits the server sets for each role.
    pub backstops: Vec<Statements>,
    /// What is incomplete, assumed, or not seen.
    pub notes: Vec<String>,
}

/// A number with its formula.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formula {
    /// What it is: `cores`, `busy_ratio`, `checklist`, `checklist_cross_check`, `deadlock_floor`.
    pub name: String,
    /// The number of connections.
    pub value: Option<u32>,
    /// The formula and what went into it.
    pub text: String,
    /// Why there is no number, and what would supply it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// The demand of one database, role or application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Whose.
    #[serde(flatten)]
    pub key: Key,
    /// Connections held at once, on average.
    pub erlangs: f64,
    /// The same in its own busiest time.
    pub peak_erlangs: Option<f64>,
    /// The most held at once.
    pub observed_max: Option<u32>,
    /// Milliseconds a transaction holds its connection.
    pub mean_hold_ms: Option<f64>,
    /// Whether it is a lower bound.
    pub censored: bool,
}

/// Puts everything together.
pub fn advise(
    demands: &Demands,
    decision: Decision,
    budget: Option<Budget>,
    snippets: Vec<Snippet>,
    backstops: Vec<Statements>,
) -> Advice {
    let total = &demands.total;
    let millis = |seconds: Option<f64>| seconds.map(|seconds| seconds * 1e3);
    let formulas = [
        ("cores", &decision.capacity.cores),
        ("busy_ratio", &decision.capacity.busy_ratio),
        ("checklist", &decision.checklist.formula),
        ("checklist_cross_check", &decision.checklist.cross_check),
        ("deadlock_floor", &decision.deadlock_floor),
    ];
    let formula = |(name, bound): (&str, &super::capacity::Bound)| Formula {
        name: name.to_owned(),
        value: bound.value,
        text: bound.spelt(),
        because: bound.because.clone(),
    };
    let parts = demands.parts.iter().map(|part| Part {
        key: part.key.clone(),
        erlangs: part.erlangs,
        peak_erlangs: part.busiest.map(|busiest| busiest.erlangs),
        observed_max: part.observed_max,
        mean_hold_ms: millis(part.mean_hold_seconds),
        censored: part.censored.is_some(),
    });
    Advice {
        tier: total.tier.clone(),
        confidence: decision.confidence,
        demand_erlangs: total.erlangs,
        demand_erlangs_low: total.interval.map(|interval| interval.low),
        demand_erlangs_high: total.interval.map(|interval| interval.high),
        peak_erlangs: total.busiest.map(|busiest| busiest.erlangs),
        idle_erlangs: total.idle_erlangs,
        arrivals_per_second: total.arrivals_per_second,
        mean_hold_ms: millis(total.mean_hold_seconds),
        dispersion: total.dispersion.clone(),
        window: total.period,
        busiest: total.busiest.map(|busiest| busiest.period),
        observed_max: total.observed_max,
        censored: total.censored.is_some(),
        demand: decision.demand,
        demand_low: decision.demand_bounds.map(|(low, _)| low),
        demand_high: decision.demand_bounds.map(|(_, high)| high),
        capacity: decision.capacity.limit,
        checklist: decision.checklist.value,
        deadlock_floor: decision.deadlock_floor.value,
        formulas: formulas.into_iter().map(formula).collect(),
        binding: decision.binding,
        recommended: decision.recommended,
        instances: decision.instances,
        per_instance: decision.per_instance,
        reason: decision.reason,
        method: decision.method,
        predicted: decision.predicted,
        what_ifs: decision.what_ifs,
        holders: decision.holders,
        parts: parts.collect(),
        budget,
        snippets,
        backstops,
        notes: decision.notes,
    }
}

#[cfg(test)]
mod tests {
    use super::super::budget::{Limits, Pools, budget};
    use super::super::capacity::{Machine, Tasks};
    use super::super::decide::{Question, decide};
    use super::super::demand::Demand;
    use super::super::predict::Target;
    use super::super::snippets::server::{Backstop, statements};
    use super::super::snippets::{Sizes, named, write};
    use super::*;

    fn advice() -> Advice {
        let mut total = Demand::new(Tier::Counters, Key::ALL, Period::micros(0, 600_000_000), 2.0);
        (total.mean_hold_seconds, total.arrivals_per_second) = (Some(0.025), Some(80.0));
        let mut part = total.clone();
        part.key = Key::database("shop");
        let demands = Demands { total, parts: vec![part] };
        let machine = Machine { cores: Some(4), cores_source: "--cores".into(), ..Machine::default() };
        let decision = decide(&Question {
            demand: &demands.total,
            traced: None,
            target: Target::default(),
            acquire_timeout_seconds: 10.0,
            instances: 1,
            machine: &machine,
            tasks: Tasks::default(),
            what_ifs: &[],
            holders: &[],
        });
        let sizes = Sizes { per_instance: 5, shared: 5, database: Some("shop".into()), max_connections: Some(100) };
        let snippets = named("all").unwrap().into_iter().map(|pool| write(pool, &sizes)).collect();
        let pools = Pools { name: "web".into(), size: 5, instances: 1, ..Pools::default() };
        let budget = budget(&Limits { max_connections: 100, ..Limits::default() }, &[pools]);
        let backstop = statements(&Backstop { role: "app".into(), major: 15, connections: Some(10) });
        advise(&demands, decision, Some(budget), snippets, vec![backstop])
    }

    #[test]
    fn the_object_has_what_the_design_says() {
        let json = serde_json::to_value(advice()).unwrap();
        for field in [
            "tier",
            "demand_erlangs",
            "window",
            "observed_max",
            "censored",
            "demand",
            "capacity",
            "checklist",
            "binding",
            "recommended",
            "reason",
            "predicted",
            "budget",
            "snippets",
        ] {
            assert!(json.get(field).is_some(), "{field}");
        }
        let row = &json["predicted"][0];
        for field in ["size", "wait_mean_ms", "wait_p99_ms", "low", "high"] {
            assert!(row.get(field).is_some(), "{field}");
        }
        assert_eq!(
            (&json["tier"], &json["binding"], &json["recommended"]),
            (&"counters".into(), &"demand".into(), &5.into())
        );
        assert_eq!(json["parts"][0]["database"], "shop");
        assert_eq!(json["formulas"][0]["text"], "cores × 2, cores 4");
        assert_eq!(json["window"]["from"], "1970-01-01T00:00:00Z");
    }

    #[test]
    fn it_goes_through_json() {
        let advice = advice();
        let json = serde_json::to_string(&advice).unwrap();
        assert_eq!(serde_json::from_str::<Advice>(&json).unwrap(), advice);
    }
}
