//! How long transactions would wait, for any size: from a replay where there is a trace, else from queueing theory.

use super::demand::transactions::{Idle, Traced};
use super::demand::{Demand, Tier};
use super::erlang::{self, Queue};
use super::simulate::{self, Outcome, Trial};
use super::trace::{Trace, View};
use super::what_if::WhatIf;
use crate::rule::words;
use serde::{Deserialize, Serialize};

words! {
    /// How a wait was predicted.
    Method {
        /// The trace was replayed.
        Simulation = "simulation",
        /// Erlang's formula, for random arrivals and exponential holds.
        ErlangC = "erlang_c",
    }
}

/// What pools of one size would do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// Connections of all pools together.
    pub size: u32,
    /// Connections of each.
    pub per_instance: u32,
    /// The mean wait in milliseconds; none where the queue grows without end, or holds are not known.
    pub wait_mean_ms: Option<f64>,
    /// The median wait.
    pub wait_p50_ms: Option<f64>,
    /// 19 of 20 wait no longer.
    pub wait_p95_ms: Option<f64>,
    /// 99 of 100 wait no longer.
    pub wait_p99_ms: Option<f64>,
    /// The 99th percentile in mean holds.
    pub wait_p99_holds: Option<f64>,
    /// The 99th percentile in other times of the same traffic: not below this.
    pub low: Option<f64>,
    /// Not above this.
    pub high: Option<f64>,
    /// The chance of having to wait.
    pub chance_of_waiting: Option<f64>,
    /// The chance of waiting longer than the acquire timeout.
    pub chance_of_timeout: Option<f64>,
    /// Held time by the time that all connections are there.
    pub utilisation: f64,
    /// Whether connections suffice at all: where they do not, the queue grows as long as the load lasts.
    pub is_stable: bool,
    /// Whether only the order of magnitude counts: above 85 % a little more traffic changes everything.
    pub is_band: bool,
}

/// Above this, only bands are predicted.
const BAND: f64 = 0.85;

/// The load of the busiest time, in the form in which other pools can be tried on it.
#[derive(Debug, Clone)]
pub(super) struct Model {
    kind: Kind,
    /// Microseconds; none where holds are not known.
    hold: Option<f64>,
    load: f64,
    timeout: f64,
}

#[derive(Debug, Clone)]
enum Kind {
    Replay { trace: Trace, from: i64, to: i64 },
    Theory { factor: f64, least: u32 },
}

/// What a size must achieve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// A 99th percentile of the wait of at most so many mean holds.
    Holds(f64),
    /// Of at most so many seconds.
    Seconds(f64),
}

impl Default for Target {
    fn default() -> Self {
        Self::Holds(1.0)
    }
}

/// The chance of finding no connection free, where only samples exist.
pub const CHANCE: f64 = 0.01;
/// The largest burstiness taken from one measured wait.
const MOST_FACTOR: f64 = 50.0;

impl Model {
    /// Of a demand; `timeout` in seconds.
    pub(super) fn of(demand: &Demand, traced: Option<&Traced>, timeout: f64) -> Self {
        Self::with(demand, traced, timeout, Idle::Kept)
    }

    fn with(demand: &Demand, traced: Option<&Traced>, timeout: f64, idle: Idle) -> Self {
        let timeout = timeout.max(0.0) * 1e6;
        if let (Some(traced), Some(busiest)) = (traced, demand.busiest) {
            let trace = traced.trace(&demand.key, idle);
            let (from, to) = (busiest.period.from.unix_micros(), busiest.period.to.unix_micros());
            let view = trace.part(from, to);
            let (hold, load) = (view.mean_hold(), view.erlangs());
            return Self { kind: Kind::Replay { from, to, trace }, hold, load, timeout };
        }
        let busy = match idle {
            Idle::Kept => 1.0,
            Idle::Removed => demand.busy_ratio().unwrap_or(1.0),
        };
        let load = demand.load() * busy;
        // samples saw bursts that the formula does not know
        let least = match (&demand.occupancy, idle) {
            (Some(occupancy), Idle::Kept) if demand.tier == Tier::Sampling => occupancy.size_for(CHANCE),
            _ => 1,
        };
        let kind = Kind::Theory { factor: burstiness(demand), least };
        Self { kind, hold: demand.hold().map(|hold| hold * 1e6 * busy), load, timeout }
    }

    /// The same without what clients do in transactions, with more traffic; the others are a matter of pools.
    pub(super) fn changed(&self, what: WhatIf, demand: &Demand, traced: Option<&Traced>) -> Self {
        let mut changed = match what {
            WhatIf::NoIdleInTransaction => return Self::with(demand, traced, self.timeout / 1e6, Idle::Removed),
            WhatIf::Instances(_) | WhatIf::SharedPooler => return self.clone(),
            WhatIf::Traffic(_) => self.clone(),
        };
        if let WhatIf::Traffic(factor) = what {
            changed.load *= factor;
            match &mut changed.kind {
                Kind::Replay { trace, from, to } => {
                    *trace = trace.part(*from, *to).multiplied(factor, simulate::SEED);
                    changed.load = trace.part(*from, *to).erlangs();
                }
                Kind::Theory { least, .. } => *least = (f64::from(*least) * factor).ceil().max(1.0) as u32,
            }
        }
        changed
    }

    pub(super) fn load(&self) -> f64 {
        self.load
    }

    /// Microseconds.
    pub(super) fn hold(&self) -> Option<f64> {
        self.hold
    }

    pub(super) fn method(&self) -> Method {
        match self.kind {
            Kind::Replay { .. } => Method::Simulation,
            Kind::Theory { .. } => Method::ErlangC,
        }
    }

    /// How much burstier than random a pooler's own measure says it is.
    pub(super) fn factor(&self) -> f64 {
        match self.kind {
            Kind::Replay { .. } => 1.0,
            Kind::Theory { factor, .. } => factor,
        }
    }

    fn view(&self) -> Option<View<'_>> {
        match &self.kind {
            Kind::Replay { trace, from, to } => Some(trace.part(*from, *to)),
            Kind::Theory { .. } => None,
        }
    }

    /// The target in microseconds, or in holds where those are not known.
    fn limit(&self, target: Target) -> Limit {
        match (target, self.hold) {
            (Target::Holds(holds), Some(hold)) => Limit::Micros(holds * hold),
            (Target::Holds(holds), None) => Limit::Holds(holds),
            (Target::Seconds(seconds), _) => Limit::Micros(seconds * 1e6),
        }
    }

    /// Connections of each of so many pools that meet the target.
    pub(super) fn smallest(&self, target: Target, pools: u32) -> Option<u32> {
        let limit = self.limit(target);
        if let Some(view) = self.view() {
            let Limit::Micros(micros) = limit else { return None };
            let (size, _) = simulate::smallest(&view, &self.trial(1, pools), |outcome| {
                outcome.waits.p99 <= micros && is_stable(outcome)
            })?;
            return u32::try_from(size).ok();
        }
        let Kind::Theory { factor, least } = self.kind else { return None };
        let load = self.load / f64::from(pools.max(1));
        let holds = match (limit, self.hold) {
            (Limit::Holds(holds), _) => holds,
            (Limit::Micros(micros), Some(hold)) if hold > 0.0 => micros / hold,
            (Limit::Micros(_), Some(_)) => return Some(1),
            (Limit::Micros(_), None) => return None,
        };
        let size = erlang::smallest_corrected(load, factor, |queue| queue.wait(0.99) <= holds)?;
        // the samples knew one pool, not how it would be split
        Some(if pools <= 1 { size.max(least) } else { size })
    }

    /// The bounds of that in other times of the same traffic; none where there are too few to tell.
    pub(super) fn smallest_bounds(&self, target: Target, pools: u32) -> Option<(u32, u32)> {
        let view = self.view()?;
        let Limit::Micros(micros) = self.limit(target) else { return None };
        let trial = self.trial(1, pools);
        // none where there are too few stretches, for any size
        simulate::simulate(&view, &trial).intervals()?;
        let size = |bound: &dyn Fn(&Outcome) -> f64| {
            let (size, _) =
                simulate::smallest(&view, &trial, |outcome| bound(outcome) <= micros && is_stable(outcome))?;
            u32::try_from(size).ok()
        };
        let low = size(&|outcome| outcome.intervals().map_or(outcome.waits.p99, |all| all.p99.low))?;
        let high = size(&|outcome| outcome.intervals().map_or(outcome.waits.p99, |all| all.p99.high))?;
        Some((low, high))
    }

    fn trial(&self, size: u32, pools: u32) -> Trial {
        Trial { pools: pools.max(1) as usize, timeout: Some(self.timeout as i64), ..Trial::of(size as usize) }
    }

    /// What so many pools of this size would do.
    pub(super) fn predict(&self, per_instance: u32, pools: u32) -> Predicted {
        let pools = pools.max(1);
        let size = per_instance.saturating_mul(pools);
        let utilisation = self.load / f64::from(size.max(1));
        let mut predicted = Predicted {
            size,
            per_instance,
            wait_mean_ms: None,
            wait_p50_ms: None,
            wait_p95_ms: None,
            wait_p99_ms: None,
            wait_p99_holds: None,
            low: None,
            high: None,
            chance_of_waiting: None,
            chance_of_timeout: None,
            utilisation,
            is_stable: utilisation < 1.0,
            is_band: utilisation > BAND,
        };
        if !predicted.is_stable {
            return predicted;
        }
        let millis = |micros: f64| Some(micros / 1e3);
        if let Some(view) = self.view() {
            let outcome = simulate::simulate(&view, &self.trial(per_instance, pools));
            let waits = outcome.waits;
            predicted.wait_mean_ms = millis(waits.mean);
            predicted.wait_p50_ms = millis(waits.p50);
            predicted.wait_p95_ms = millis(waits.p95);
            predicted.wait_p99_ms = millis(waits.p99);
            predicted.wait_p99_holds = self.hold.filter(|hold| *hold > 0.0).map(|hold| waits.p99 / hold);
            predicted.chance_of_waiting = Some(waits.waiting);
            predicted.chance_of_timeout = Some(waits.timing_out);
            if let Some(intervals) = outcome.intervals() {
                (predicted.low, predicted.high) = (millis(intervals.p99.low), millis(intervals.p99.high));
            }
        } else if let Some(queue) = Queue::new(self.load / f64::from(pools), per_instance) {
            let queue = queue.corrected(self.factor());
            let wait = |share| self.hold.and_then(|hold| millis(queue.wait(share) * hold));
            predicted.wait_mean_ms = self.hold.and_then(|hold| millis(queue.mean_wait() * hold));
            predicted.wait_p50_ms = wait(0.5);
            predicted.wait_p95_ms = wait(0.95);
            predicted.wait_p99_ms = wait(0.99);
            predicted.wait_p99_holds = Some(queue.wait(0.99));
            predicted.chance_of_waiting = Some(queue.waiting());
            let holds = self.hold.filter(|hold| *hold > 0.0).map(|hold| self.timeout / hold);
            predicted.chance_of_timeout = holds.map(|holds| queue.waiting_longer(holds));
        }
        predicted
    }
}

fn is_stable(outcome: &Outcome) -> bool {
    outcome.utilisation < 1.0
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    Micros(f64),
    Holds(f64),
}

/// By how much a pooler's measured wait exceeds what random traffic would have waited; 1 where that is not known.
fn burstiness(demand: &Demand) -> f64 {
    /// A wait shorter than this share of a hold is lost in the noise.
    const LEAST: f64 = 0.01;
    let known = demand.wait.filter(|_| demand.tier == Tier::PgBouncer).and_then(|wait| {
        let queue = Queue::new(demand.erlangs, wait.size?)?;
        let expected = queue.mean_wait() * demand.mean_hold_seconds?;
        (queue.mean_wait() > LEAST).then(|| wait.mean_seconds / expected)
    });
    known.map_or(1.0, |factor| factor.clamp(1.0, MOST_FACTOR))
}

#[cfg(test)]
mod tests {
    use super::super::demand::transactions::{Read, Transaction, read};
    use super::super::demand::{Key, MeasuredWait, Period};
    use super::super::trace::tests::poisson;
    use super::*;

    pub(super) fn traced(rate: f64, count: usize) -> Traced {
        let trace = poisson(6, count, rate, |random| random.exponential(25_000.0));
        let transaction = |(session, arrival): (usize, &super::super::trace::Arrival)| Transaction {
            session: session as u64,
            key: 0,
            start: Some(arrival.start),
            end: Some(arrival.end()),
            idle: arrival.hold / 2,
        };
        let transactions = trace.view().arrivals.iter().enumerate().map(transaction).collect();
        read(Read {
            keys: vec![Key::database("shop")],
            transactions,
            from: 0,
            to: trace.view().to,
            sampled: 1.0,
            incomplete: None,
        })
    }

    fn counted(load: f64, hold: Option<f64>) -> Demand {
        let mut demand = Demand::new(Tier::Counters, Key::ALL, Period::micros(0, 600_000_000), load);
        demand.mean_hold_seconds = hold;
        demand
    }

    #[test]
    fn theory_and_replay_agree_on_random_traffic() {
        let traced = traced(80.0, 20_000);
        let demand = &traced.demands.total;
        let replay = Model::of(demand, Some(&traced), 10.0);
        let theory = Model::of(demand, None, 10.0);
        assert_eq!((replay.method(), theory.method()), (Method::Simulation, Method::ErlangC));
        let (a, b) = (replay.smallest(Target::default(), 1).unwrap(), theory.smallest(Target::default(), 1).unwrap());
        assert!(a.abs_diff(b) <= 1, "{a} {b}");
        let predicted = replay.predict(a, 1);
        assert!(predicted.wait_p99_holds.unwrap() <= 1.0 && predicted.is_stable);
        assert!(predicted.low.unwrap() <= predicted.wait_p99_ms.unwrap());
        assert!(predicted.high.unwrap() >= predicted.wait_p99_ms.unwrap());
        let (low, high) = replay.smallest_bounds(Target::default(), 1).unwrap();
        assert!(low <= a && a <= high && high <= a + 3, "{low} {a} {high}");
        assert!(theory.smallest_bounds(Target::default(), 1).is_none());
    }

    #[test]
    fn too_few_connections_have_no_wait() {
        let traced = traced(80.0, 5000);
        for model in
            [Model::of(&traced.demands.total, Some(&traced), 10.0), Model::of(&traced.demands.total, None, 10.0)]
        {
            let predicted = model.predict(1, 1);
            assert!(!predicted.is_stable && predicted.is_band && predicted.wait_mean_ms.is_none());
            assert!(model.predict(3, 1).is_stable);
        }
    }

    #[test]
    fn without_holds_the_target_is_in_holds() {
        let model = Model::of(&counted(2.0, None), None, 10.0);
        assert_eq!(model.smallest(Target::Holds(1.0), 1), Some(5));
        assert_eq!(model.smallest(Target::Seconds(0.005), 1), None);
        let predicted = model.predict(5, 1);
        assert!(predicted.wait_p99_ms.is_none() && predicted.wait_p99_holds.unwrap() <= 1.0);
        assert!(predicted.chance_of_timeout.is_none());
        let model = Model::of(&counted(2.0, Some(0.025)), None, 10.0);
        assert_eq!(model.smallest(Target::Seconds(0.025), 1), Some(5));
        assert!(model.smallest(Target::Seconds(0.005), 1) > Some(5));
        assert!(model.predict(5, 1).chance_of_timeout.unwrap() < 1e-9);
    }

    #[test]
    fn a_measured_wait_tells_of_bursts() {
        let mut demand = counted(2.14, Some(0.0257));
        demand.tier = Tier::PgBouncer;
        let wait = |mean_seconds| Some(MeasuredWait { mean_seconds, size: Some(3), waiting: 0, longest_seconds: 0.0 });
        demand.wait = wait(0.478);
        let bursty = Model::of(&demand, None, 10.0);
        assert!(bursty.factor() > 20.0, "{}", bursty.factor());
        assert!(bursty.smallest(Target::default(), 1).unwrap() > 6);
        demand.wait = wait(0.001);
        assert_eq!(Model::of(&demand, None, 10.0).factor(), 1.0);
        demand.wait = Some(MeasuredWait { size: Some(2), ..demand.wait.unwrap() });
        assert_eq!(Model::of(&demand, None, 10.0).factor(), 1.0);
    }

    #[test]
    fn changes() {
        let traced = traced(80.0, 20_000);
        let demand = &traced.demands.total;
        for model in [Model::of(demand, Some(&traced), 10.0), Model::of(demand, None, 10.0)] {
            let load = |what| {
                model.changed(what, demand, Some(&traced).filter(|_| model.method() == Method::Simulation)).load()
            };
            assert!((load(WhatIf::Traffic(2.0)) / model.load() - 2.0).abs() < 0.1);
            assert!((load(WhatIf::NoIdleInTransaction) / model.load() - 0.5).abs() < 0.05);
            assert_eq!(load(WhatIf::SharedPooler), model.load());
        }
    }
}
