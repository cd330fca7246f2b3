//! Which size is recommended, and why: demand, capacity and the checklist side by side, and which of them binds.

use super::capacity::{self, Bound, Capacity, Checklist, Machine, Tasks, short};
use super::demand::transactions::Traced;
use super::demand::{Demand, Tier};
use super::predict::{CHANCE, Method, Model, Predicted, Target};
use super::what_if::WhatIf;
use crate::rule::words;
use serde::{Deserialize, Serialize};

words! {
    /// What decided the size.
    Binding {
        /// The smallest pool that meets the target.
        Demand = "demand",
        /// What the server can carry.
        Capacity = "capacity",
        /// The checklist's formula.
        Checklist = "checklist",
        /// The fewest connections with which tasks cannot wait for each other for ever.
        DeadlockFloor = "deadlock_floor",
        /// Nothing: no size is recommended.
        Nothing = "nothing",
    }
}

/// Everything a decision is made from.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The demand.
    pub demand: &'a Demand,
    /// The transactions it was measured from, where there are any.
    pub traced: Option<&'a Traced>,
    /// What the wait must not exceed.
    pub target: Target,
    /// Seconds after which a client gives up.
    pub acquire_timeout_seconds: f64,
    /// Instances of the application, each with a pool.
    pub instances: u32,
    /// The machine.
    pub machine: &'a Machine,
    /// What tasks hold at once.
    pub tasks: Tasks,
    /// What else to try.
    pub what_ifs: &'a [WhatIf],
    /// Transactions that hold connections while their client does something else, by the statement before the pause.
    pub holders: &'a [Holder],
}

/// A transaction that holds its connection while idle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// The fingerprint of the statement before the pause.
    pub fingerprint: String,
    /// Its normalised text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Transactions with such a pause.
    pub transactions: u64,
    /// Seconds idle, all together.
    pub idle_seconds: f64,
    /// The longest pause, in seconds.
    pub longest_seconds: f64,
}

/// What would be if.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The question: `traffic=2x`.
    pub what_if: String,
    /// Connections held at once then, in the busiest time.
    pub erlangs: f64,
    /// Pools.
    pub pools: u32,
    /// Connections of each; none where no size meets the target, or it cannot be told.
    pub per_instance: Option<u32>,
    /// Connections of all.
    pub size: Option<u32>,
    /// The difference, in a sentence.
    pub because: String,
}

/// What is recommended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The smallest size of all pools together that meets the target; none where it cannot be told.
    pub demand: Option<u32>,
    /// Its bounds in other times of the same traffic.
    pub demand_bounds: Option<(u32, u32)>,
    /// How the waits were predicted.
    pub method: Method,
    /// What the server can carry.
    pub capacity: Capacity,
    /// What the checklist says.
    pub checklist: Checklist,
    /// The floor of each pool.
    pub deadlock_floor: Bound,
    /// Which of them decided.
    pub binding: Binding,
    /// Connections of all pools together.
    pub recommended: Option<u32>,
    /// Connections of each pool.
    pub per_instance: Option<u32>,
    /// Pools.
    pub instances: u32,
    /// Whether more may be needed than could be seen.
    pub is_lower_bound: bool,
    /// Why this size, in a sentence.
    pub reason: String,
    /// How far it can be trusted.
    pub confidence: String,
    /// What pools of other sizes would do, smallest first.
    pub predicted: Vec<Predicted>,
    /// What would be if.
    pub what_ifs: Vec<Answer>,
    /// Where a bigger pool will not help: the transactions that hold longest while idle.
    pub holders: Vec<Holder>,
    /// What is assumed and what is not seen.
    pub notes: Vec<String>,
}

/// Holders that are named.
const HOLDERS: usize = 3;
/// Sizes that are shown at most.
const ROWS: usize = 12;

/// Decides.
pub fn decide(question: &Question<'_>) -> Decision {
    let demand = question.demand;
    let pools = question.instances.max(1);
    let model = Model::of(demand, question.traced, question.acquire_timeout_seconds);
    let mut decision = Decision {
        demand: None,
        demand_bounds: None,
        method: model.method(),
        capacity: capacity::capacity(question.machine, demand),
        checklist: capacity::checklist(question.machine, demand),
        deadlock_floor: capacity::deadlock_floor(question.tasks),
        binding: Binding::Nothing,
        recommended: None,
        per_instance: None,
        instances: pools,
        is_lower_bound: demand.censored.is_some(),
        reason: String::new(),
        confidence: demand.confidence(),
        predicted: Vec::new(),
        what_ifs: Vec::new(),
        holders: Vec::new(),
        notes: demand.notes.clone(),
    };
    if !demand.has_traffic() {
        decision.reason = format!(
            "no transaction was seen in {}, so there is nothing to size a pool by: measure while the application is at work",
            seconds(demand.period.seconds)
        );
        return decision;
    }
    decision.notes.extend(assumptions(demand, &model));
    let needed = model.smallest(question.target, pools);
    let kept = needed.map(|needed| at_least_as_now(needed, demand, pools));
    decision.demand = needed.map(|needed| needed.saturating_mul(pools));
    decision.demand_bounds = model
        .smallest_bounds(question.target, pools)
        .map(|(low, high)| (low.saturating_mul(pools), high.saturating_mul(pools)));
    choose(&mut decision, question, &model, kept);
    decision.predicted = rows(&decision, &model, demand);
    decision.what_ifs = question.what_ifs.iter().map(|what| answer(*what, question, &model, needed, pools)).collect();
    decision
}

/// A pool that is full now may hide that it is too small: it does not shrink by what was seen through it.
fn at_least_as_now(needed: u32, demand: &Demand, pools: u32) -> u32 {
    match (&demand.censored, demand.observed_max) {
        (Some(_), Some(most)) => needed.max(most.div_ceil(pools)),
        _ => needed,
    }
}

fn choose(decision: &mut Decision, question: &Question<'_>, model: &Model, needed: Option<u32>) {
    let pools = decision.instances;
    let load = short(model.load());
    let Some(needed) = needed else {
        decision.reason = match question.target {
            Target::Seconds(_) if model.hold().is_none() => format!(
                "{load} connections are held at once, but how long each is held is not known, so no wait in seconds can be \
                 predicted: state the target in holds, or add counters or a log"
            ),
            _ => format!("{load} connections are held at once, more than a pool can be computed for"),
        };
        return;
    };
    let limit = decision.capacity.limit;
    let total = needed.saturating_mul(pools);
    let at_least = if decision.is_lower_bound { "at least " } else { "" };
    let (mut per_instance, binding, reason) = match limit {
        Some(limit) if total > limit => {
            let each = (limit / pools).max(1);
            decision.holders = worst(question.holders);
            (each, Binding::Capacity, beyond(decision, question, model, total, limit, each))
        }
        _ => {
            let carried = match limit {
                Some(limit) => format!("; the server can carry {limit}"),
                None => "; what the server can carry is not known without its cores (--cores)".to_owned(),
            };
            let split = if pools > 1 { format!(", {needed} in each of {pools} instances") } else { String::new() };
            let when = if question.demand.busiest.is_some() { "in the busiest time" } else { "on average" };
            let met = met(question, model, needed, pools);
            (
                needed,
                Binding::Demand,
                format!("{at_least}{total} connections{split}: {load} are held at once {when}, and {met}{carried}"),
            )
        }
    };
    decision.binding = binding;
    decision.reason = reason;
    if let Some(floor) = decision.deadlock_floor.value.filter(|floor| *floor > per_instance) {
        per_instance = floor;
        decision.binding = Binding::DeadlockFloor;
        decision.reason = format!(
            "{} connections: fewer than {floor} in a pool, and tasks that hold several can wait for each other for ever ({}); \
             without that: {}",
            floor.saturating_mul(pools),
            decision.deadlock_floor.spelt(),
            decision.reason
        );
    }
    if let Some(censored) = &question.demand.censored {
        decision.notes.push(format!(
            "a lower bound: {}. The pool's own metrics would tell (PgBouncer cl_waiting and maxwait, hikaricp_connections_pending, \
             db.client.connection.pending_requests)",
            censored.because
        ));
    }
    decision.per_instance = Some(per_instance);
    decision.recommended = Some(per_instance.saturating_mul(pools));
}

/// What the size achieves.
fn met(question: &Question<'_>, model: &Model, size: u32, pools: u32) -> String {
    let demand = question.demand;
    let predicted = model.predict(size, pools);
    if demand.tier == Tier::Sampling && pools == 1 {
        return format!("all {size} are busy in no more than {} % of the samples", short(CHANCE * 100.0));
    }
    let target = target(question.target, model);
    match predicted.wait_p99_ms {
        Some(wait) => format!("with as many 99 of 100 transactions wait at most {} for one ({target})", millis(wait)),
        None => format!(
            "with as many the p99 wait is at most {} mean holds ({target})",
            short(predicted.wait_p99_holds.unwrap_or(0.0))
        ),
    }
}

fn target(target: Target, model: &Model) -> String {
    match (target, model.hold()) {
        (Target::Holds(holds), Some(hold)) => {
            let holds_text =
                if holds == 1.0 { "one mean hold".to_owned() } else { format!("{} mean holds", short(holds)) };
            format!("target: {holds_text}, {}", millis(holds * hold / 1e3))
        }
        (Target::Holds(holds), None) => format!("target: {}", short(holds)),
        (Target::Seconds(seconds), _) => format!("target: {}", millis(seconds * 1e3)),
    }
}

/// Why a bigger pool will not help.
fn beyond(decision: &Decision, question: &Question<'_>, model: &Model, total: u32, limit: u32, each: u32) -> String {
    let pools = decision.instances;
    let predicted = model.predict(each, pools);
    let how = match (&decision.capacity.busy_ratio.value, &decision.capacity.cores.value) {
        (Some(ratio), Some(cores)) if ratio > cores => decision.capacity.busy_ratio.spelt(),
        _ => decision.capacity.cores.spelt(),
    };
    let wait = match (predicted.is_stable, predicted.wait_p99_ms) {
        (false, _) => format!(
            "{} connections are held at once, so the queue grows as long as the load lasts",
            short(model.load())
        ),
        (true, Some(wait)) => format!("at that size 99 of 100 wait up to {}", millis(wait)),
        (true, None) => {
            format!("at that size the p99 wait is {} mean holds", short(predicted.wait_p99_holds.unwrap_or(0.0)))
        }
    };
    let help = match question.demand.busy_ratio() {
        Some(busy) if busy < 0.7 => format!(
            "connections are idle in transactions for {:.0} % of the time they are held: shorten that first",
            (1.0 - busy) * 100.0
        ),
        _ => "make the transactions shorter, or the server larger".to_owned(),
    };
    let at_least = if decision.is_lower_bound { "at least " } else { "" };
    format!(
        "{} connections: {at_least}{total} would meet the target, but the server can carry {limit} ({how}), and a bigger pool \
         will not help; {wait}; {help}",
        each.saturating_mul(pools)
    )
}

fn worst(holders: &[Holder]) -> Vec<Holder> {
    let mut worst: Vec<Holder> = holders.iter().filter(|holder| holder.idle_seconds > 0.0).cloned().collect();
    worst.sort_by(|a, b| b.idle_seconds.total_cmp(&a.idle_seconds).then_with(|| a.fingerprint.cmp(&b.fingerprint)));
    worst.truncate(HOLDERS);
    worst
}

fn assumptions(demand: &Demand, model: &Model) -> Vec<String> {
    let mut notes = Vec::new();
    match (model.method(), &demand.tier) {
        (Method::ErlangC, Tier::PgBouncer) if model.factor() > 1.0 => notes.push(format!(
            "the measured wait is {} times what random traffic would have: waits are predicted as so much longer \
             (Allen–Cunneen)",
            short(model.factor())
        )),
        (Method::ErlangC, tier) => {
            let seen = if *tier == Tier::Sampling { "; the size is that of the samples, which saw them" } else { "" };
            notes.push(format!(
                "waits are Erlang's, for clients that come at random: bursts are not seen, and with them measured waits were up \
                 to 23 times as long{seen}; a log with every transaction tells"
            ));
        }
        _ => {}
    }
    if demand.busiest.is_none() {
        notes.push("the peak is not known: the size is that of the mean load while it was measured".into());
    }
    if let Some(worst) =
        demand.dispersion.iter().max_by(|a, b| a.index.total_cmp(&b.index)).filter(|worst| worst.index > 2.0)
    {
        notes.push(format!(
            "traffic comes in bursts: the index of dispersion is {} over {} (random traffic: 1)",
            short(worst.index),
            seconds(worst.scale_seconds)
        ));
    }
    notes
}

/// The sizes around the one that is recommended, and those of the formulas.
fn rows(decision: &Decision, model: &Model, demand: &Demand) -> Vec<Predicted> {
    let pools = decision.instances;
    let least = ((model.load() / f64::from(pools)).floor() as u32).saturating_add(1);
    let center = decision.per_instance.unwrap_or(least);
    let mut sizes = vec![center];
    let named = [decision.demand, decision.checklist.formula.value, decision.capacity.limit, demand.observed_max];
    sizes.extend(named.into_iter().flatten().map(|total| total.div_ceil(pools)).filter(|size| *size > 0));
    for step in 1..=ROWS as u32 {
        sizes.push(center.saturating_sub(step).max(1));
        sizes.push(center.saturating_add(step));
    }
    let mut chosen: Vec<u32> = Vec::new();
    for size in sizes {
        // of those that cannot carry the load, one is enough
        let is_useful = size + 1 >= least || size == center;
        if chosen.len() < ROWS && is_useful && !chosen.contains(&size) {
            chosen.push(size);
        }
    }
    chosen.sort_unstable();
    chosen.into_iter().map(|size| model.predict(size, pools)).collect()
}

fn answer(what: WhatIf, question: &Question<'_>, model: &Model, now: Option<u32>, pools: u32) -> Answer {
    let changed = model.changed(what, question.demand, question.traced);
    let then = match what {
        WhatIf::Instances(count) => count.max(1),
        WhatIf::SharedPooler => 1,
        WhatIf::Traffic(_) | WhatIf::NoIdleInTransaction => pools,
    };
    // a target in holds is one in seconds: shorter holds must not make it stricter
    let target = match (question.target, model.hold()) {
        (Target::Holds(holds), Some(hold)) => Target::Seconds(holds * hold / 1e6),
        (target, _) => target,
    };
    let per_instance = changed.smallest(target, then);
    let size = per_instance.map(|each| each.saturating_mul(then));
    let before = now.map(|now| now.saturating_mul(pools));
    let erlangs = short(changed.load());
    let because = match (size, before, what) {
        (None, _, _) => "no size can be told for it".to_owned(),
        (Some(_), _, WhatIf::SharedPooler) if pools == 1 => {
            "there is one pool already: give --instances to compare with a pool in each".to_owned()
        }
        (Some(size), Some(before), WhatIf::SharedPooler) => format!(
            "one pool of {size} does what {pools} pools do with {before} connections: {} fewer",
            before.saturating_sub(size)
        ),
        (Some(size), Some(before), WhatIf::Instances(count)) => {
            format!("{size} connections, {} in each of {count} instances, in place of {before}", size / count.max(1))
        }
        (Some(size), before, _) => {
            let before = before.map_or(String::new(), |before| format!(" in place of {before}"));
            format!("{size} connections{before}, for {erlangs} erlangs")
        }
    };
    let note = match (what, question.demand.busy_ratio(), question.traced) {
        (WhatIf::NoIdleInTransaction, None, None) => "; how long transactions idle is not known, so nothing changes",
        _ => "",
    };
    Answer {
        what_if: what.to_string(),
        erlangs: changed.load(),
        pools: then,
        per_instance,
        size,
        because: because + note,
    }
}

fn millis(millis: f64) -> String {
    match millis {
        0.0 => "0 ms".to_owned(),
        millis if millis < 1.0 => format!("{millis:.2} ms"),
        millis if millis < 100.0 => format!("{millis:.1} ms"),
        millis if millis < 10_000.0 => format!("{millis:.0} ms"),
        millis => format!("{:.0} s", millis / 1e3),
    }
}

fn seconds(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1e3),
        seconds if seconds < 120.0 => format!("{} s", short(seconds)),
        seconds if seconds < 7200.0 => format!("{:.0} minutes", seconds / 60.0),
        seconds => format!("{:.0} hours", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::demand::occupancy::Occupancy;
    use super::super::demand::transactions::{Read, Transaction, read};
    use super::super::demand::{Key, Period, censored};
    use super::super::trace::tests::poisson;
    use super::*;

    fn machine(cores: u32) -> Machine {
        Machine { cores: Some(cores), cores_source: "--cores".into(), ..Machine::default() }
    }

    fn counted(load: f64) -> Demand {
        let mut demand = Demand::new(Tier::Counters, Key::ALL, Period::micros(0, 600_000_000), load);
        demand.mean_hold_seconds = Some(0.025);
        demand.arrivals_per_second = Some(load / 0.025);
        demand
    }

    fn ask(demand: &Demand) -> Question<'_> {
        static UNKNOWN: Machine =
            Machine { cores: None, cores_source: String::new(), parallel_io: None, parallelism: None };
        Question {
            demand,
            traced: None,
            target: Target::default(),
            acquire_timeout_seconds: 10.0,
            instances: 1,
            machine: &UNKNOWN,
            tasks: Tasks::default(),
            what_ifs: &[],
            holders: &[],
        }
    }

    fn traced(rate: f64, count: usize, idle: i64) -> Traced {
        let trace = poisson(6, count, rate, |random| random.exponential(25_000.0));
        let arrivals = trace.view().arrivals.iter().enumerate();
        let transactions = arrivals
            .map(|(session, arrival)| Transaction {
                session: session as u64,
                key: 0,
                start: Some(arrival.start),
                end: Some(arrival.end()),
                idle: arrival.hold * idle / 100,
            })
            .collect();
        read(Read {
            keys: vec![Key::database("shop")],
            transactions,
            from: 0,
            to: trace.view().to,
            sampled: 1.0,
            incomplete: None,
        })
    }

    #[test]
    fn demand_binds_where_the_server_can_carry_it() {
        let demand = counted(2.0);
        let machine = machine(4);
        let decision = decide(&Question { machine: &machine, ..ask(&demand) });
        assert_eq!((decision.demand, decision.recommended, decision.capacity.limit), (Some(5), Some(5), Some(8)));
        assert_eq!((decision.binding, decision.checklist.formula.value), (Binding::Demand, Some(3)));
        assert_eq!(
            decision.reason,
            "5 connections: 2 are held at once on average, and with as many 99 of 100 transactions wait at most 14.9 ms \
             for one (target: one mean hold, 25.0 ms); the server can carry 8"
        );
        assert!(
            decision.predicted.iter().any(|row| row.size == 5) && decision.predicted.iter().any(|row| row.size == 3)
        );
        assert!(decision.predicted.is_sorted_by_key(|row| row.size) && decision.predicted.len() <= ROWS);
        assert!(decision.notes.iter().any(|note| note.contains("bursts are not seen")));
        assert!(decision.notes.iter().any(|note| note.contains("the peak is not known")));
    }

    #[test]
    fn capacity_binds_and_a_bigger_pool_does_not_help() {
        let mut demand = counted(9.0);
        demand.idle_erlangs = Some(1.0);
        let machine = machine(4);
        let holder = |fingerprint: &str, idle_seconds| Holder {
            fingerprint: fingerprint.into(),
            query: None,
            transactions: 1,
            idle_seconds,
            longest_seconds: 1.0,
        };
        let holders = [holder("a", 1.0), holder("b", 9.0), holder("c", 0.0), holder("d", 3.0), holder("e", 2.0)];
        let decision = decide(&Question { machine: &machine, holders: &holders, ..ask(&demand) });
        assert_eq!((decision.recommended, &decision.binding), (Some(8), &Binding::Capacity));
        assert!(decision.demand > Some(9));
        assert!(decision.reason.contains("a bigger pool will not help"), "{}", decision.reason);
        assert!(decision.reason.contains("the queue grows as long as the load lasts"), "{}", decision.reason);
        let named: Vec<&str> = decision.holders.iter().map(|holder| holder.fingerprint.as_str()).collect();
        assert_eq!(named, ["b", "d", "e"]);
    }

    #[test]
    fn idle_transactions_are_what_to_shorten() {
        let mut demand = counted(20.0);
        demand.idle_erlangs = Some(8.0);
        let machine = machine(4);
        let decision = decide(&Question { machine: &machine, ..ask(&demand) });
        assert!(decision.reason.contains("idle in transactions for 40 % of the time"), "{}", decision.reason);
    }

    #[test]
    fn no_traffic_no_size() {
        let decision = decide(&ask(&Demand::new(Tier::Sampling, Key::ALL, Period::micros(0, 300_000_000), 0.0)));
        assert_eq!((decision.recommended, &decision.binding), (None, &Binding::Nothing));
        assert!(decision.reason.starts_with("no transaction was seen in 5 minutes"), "{}", decision.reason);
        assert!(decision.predicted.is_empty());
    }

    #[test]
    fn a_full_pool_is_no_reason_to_shrink_it() {
        let mut demand = counted(2.0);
        demand.observed_max = Some(12);
        demand.censored = censored(&Occupancy { shares: [vec![0.9], vec![0.0; 11], vec![0.1]].concat() }, None);
        let decision = decide(&ask(&demand));
        assert_eq!((decision.demand, decision.recommended), (Some(5), Some(12)));
        assert!(decision.is_lower_bound);
        assert!(decision.reason.starts_with("at least 12 connections"), "{}", decision.reason);
        assert!(decision.notes.iter().any(|note| note.contains("cl_waiting")));
        assert!(decision.confidence.ends_with("a lower bound"));
    }

    #[test]
    fn the_floor_binds() {
        let demand = counted(0.5);
        let tasks = Tasks { tasks: Some(8), connections_per_task: Some(2) };
        let decision = decide(&Question { tasks, ..ask(&demand) });
        assert_eq!((decision.recommended, &decision.binding), (Some(9), &Binding::DeadlockFloor));
    }

    #[test]
    fn instances_split_the_load() {
        let demand = counted(8.0);
        let what_ifs = [WhatIf::SharedPooler, WhatIf::Instances(16), WhatIf::Traffic(2.0), WhatIf::NoIdleInTransaction];
        let decision = decide(&Question { instances: 8, what_ifs: &what_ifs, ..ask(&demand) });
        assert_eq!((decision.per_instance, decision.recommended), (Some(4), Some(32)));
        let sizes: Vec<Option<u32>> = decision.what_ifs.iter().map(|answer| answer.size).collect();
        assert_eq!(sizes, [Some(12), Some(48), Some(40), Some(32)]);
        assert_eq!(decision.what_ifs[0].because, "one pool of 12 does what 8 pools do with 32 connections: 20 fewer");
        assert!(decision.what_ifs[3].because.ends_with("so nothing changes"));
    }

    #[test]
    fn a_trace_is_replayed() {
        let traced = traced(80.0, 20_000, 75);
        let what_ifs = [WhatIf::NoIdleInTransaction, WhatIf::Traffic(2.0)];
        let machine = machine(2);
        let demand = &traced.demands.total;
        let decision =
            decide(&Question { traced: Some(&traced), what_ifs: &what_ifs, machine: &machine, ..ask(demand) });
        assert_eq!(decision.method, Method::Simulation);
        let size = decision.recommended.unwrap();
        assert!((5..=7).contains(&size), "{size}");
        let (low, high) = decision.demand_bounds.unwrap();
        assert!(low <= size && size <= high);
        // clients idle for just under three quarters of the time: two cores carry nearly eight
        assert_eq!(decision.capacity.limit, Some(7));
        let [without, double] = decision.what_ifs.as_slice() else { panic!() };
        assert!(without.size < Some(size) && double.size > Some(size), "{without:?} {double:?}");
        assert!(decision.notes.is_empty(), "{:?}", decision.notes);
        assert!(decision.confidence.starts_with("high"));
    }

    /// `cargo test --release ten_million_transactions -- --ignored --nocapture` says how long it takes.
    #[test]
    #[ignore = "a measurement, not a test"]
    fn ten_million_transactions() {
        let what_ifs = [WhatIf::NoIdleInTransaction, WhatIf::Traffic(2.0), WhatIf::Instances(8), WhatIf::SharedPooler];
        #[expect(clippy::disallowed_methods)]
        let now = std::time::Instant::now;
        let before = now();
        let traced = traced(800.0, 10_000_000, 30);
        println!("demand of {:?} keys: {:?}", traced.demands.parts.len(), before.elapsed());
        let before = now();
        let decision = decide(&Question { traced: Some(&traced), what_ifs: &what_ifs, ..ask(&traced.demands.total) });
        println!("decision: {:?} {}", before.elapsed(), decision.reason);
    }

    #[test]
    fn samples_know_no_seconds() {
        let mut demand = Demand::new(Tier::Sampling, Key::ALL, Period::micros(0, 600_000_000), 2.0);
        demand.occupancy = Some(Occupancy { shares: vec![0.3, 0.3, 0.1, 0.1, 0.1, 0.05, 0.03, 0.015, 0.005] });
        let decision = decide(&ask(&demand));
        assert_eq!(decision.recommended, Some(8));
        assert!(decision.reason.contains("all 8 are busy in no more than 1 % of the samples"), "{}", decision.reason);
        let decision = decide(&Question { target: Target::Seconds(0.005), ..ask(&demand) });
        assert_eq!(decision.recommended, None);
        assert!(decision.reason.contains("no wait in seconds can be predicted"), "{}", decision.reason);
    }

    #[test]
    fn a_decision_goes_through_json() {
        let decision = decide(&ask(&counted(2.0)));
        let json = serde_json::to_string(&decision).unwrap();
        assert_eq!(serde_json::from_str::<Decision>(&json).unwrap(), decision);
    }
}
