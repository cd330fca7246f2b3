//! What a pool of another size would have done with the same transactions: first come, first served.
//!
//! Each transaction takes the connection that is free first, and waits until it is. It asks for its connection and holds it
//! as it did in the trace, whatever it had to wait: an open system, whose clients do not slow down when the pool does. Those
//! who would have given up at the acquire timeout are counted and yet served, so that a pool much too small looks worse
//! than it is; it would be too small all the same.

use super::random::Random;
use super::trace::View;
use super::waits::{Intervals, Summary, Waits};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How a pool is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// Connections of each pool.
    pub size: usize,
    /// Pools that share the traffic, one in each instance of the application.
    pub pools: usize,
    /// Microseconds after which a client gives up.
    pub timeout: Option<i64>,
    /// Seed of everything random: which pool a transaction goes to, what is resampled.
    pub seed: u64,
}

impl Trial {
    /// One pool of this size.
    pub fn of(size: usize) -> Self {
        Self { size, pools: 1, timeout: None, seed: SEED }
    }
}

/// The seed of everything that nobody gives one for.
pub const SEED: u64 = 20_231_105;

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Waits, in microseconds.
    pub waits: Summary,
    /// Held time by the time all connections were there; above 1 the queue grows without end.
    pub utilisation: f64,
    /// The most connections any of the pools used.
    pub used: usize,
    by_time: Waits,
    seed: u64,
}

impl Outcome {
    /// In which bounds the waits lie; none where the trace is too short to tell.
    pub fn intervals(&self) -> Option<Intervals> {
        self.by_time.intervals(self.seed)
    }
}

/// Stretches of time that are resampled.
const BLOCKS: i64 = 40;
/// A stretch is at least so many mean holds long, so that waits in one hardly depend on those in another.
const HOLDS: f64 = 20.0;

/// Replays the view.
pub fn simulate(view: &View<'_>, trial: &Trial) -> Outcome {
    let size = trial.size.max(1);
    let least = (view.mean_hold().unwrap_or(0.0) * HOLDS) as i64;
    let length = (view.length() / BLOCKS).max(least).max(1);
    let blocks = usize::try_from(view.length() / length).unwrap_or(0).max(1);
    let mut waits = Waits::new(blocks, trial.timeout);
    let mut pools: Vec<Pool> = (0..trial.pools.max(1)).map(|_| Pool::default()).collect();
    let mut random = Random::seeded(trial.seed);
    let (mut block, mut next) = (0, view.from.saturating_add(length));
    for arrival in view.arrivals {
        let pool = match pools.as_mut_slice() {
            [only] => only,
            several => {
                let chosen = random.below(several.len() as u64) as usize;
                let Some(pool) = several.get_mut(chosen) else { continue };
                pool
            }
        };
        let wait = pool.serve(size, arrival.start, arrival.hold);
        if arrival.start < view.from {
            continue;
        }
        while arrival.start >= next && block + 1 < blocks {
            (block, next) = (block + 1, next.saturating_add(length));
        }
        waits.add(block, wait);
    }
    Outcome {
        waits: waits.summary(),
        utilisation: view.erlangs() / (size as f64 * trial.pools.max(1) as f64),
        used: pools.iter().map(|pool| pool.free.len()).max().unwrap_or(0),
        by_time: waits,
        seed: trial.seed,
    }
}

/// When each of its connections is free again. It has as many as were ever needed, not as many as it may have.
#[derive(Debug, Default)]
struct Pool {
    free: BinaryHeap<Reverse<i64>>,
}

impl Pool {
    /// How long this one waits.
    #[inline]
    fn serve(&mut self, size: usize, at: i64, hold: i64) -> i64 {
        let may_grow = self.free.len() < size;
        if let Some(mut first) = self.free.peek_mut() {
            let wait = first.0.saturating_sub(at).max(0);
            if wait == 0 || !may_grow {
                *first = Reverse(first.0.max(at).saturating_add(hold));
                return wait;
            }
        }
        self.free.push(Reverse(at.saturating_add(hold)));
        0
    }
}

/// The smallest size, and what it does, for which `good` holds. A larger pool makes nobody wait longer, so it is found by
/// halving; with as many connections as were ever held at once nobody waits. None where `good` asks for more than that.
pub fn smallest(view: &View<'_>, trial: &Trial, good: impl Fn(&Outcome) -> bool) -> Option<(usize, Outcome)> {
    let attempt = |size: usize| simulate(view, &Trial { size, ..*trial });
    let unbounded = attempt(usize::MAX);
    let enough = unbounded.used.max(1);
    let largest = Outcome { utilisation: view.erlangs() / (enough * trial.pools.max(1)) as f64, ..unbounded };
    if !good(&largest) {
        return None;
    }
    let (mut too_small, mut best) = (0, (enough, largest));
    while best.0 - too_small > 1 {
        let middle = too_small + (best.0 - too_small) / 2;
        let outcome = attempt(middle);
        match good(&outcome) {
            true => best = (middle, outcome),
            false => too_small = middle,
        }
    }
    Some(best)
}

#[cfg(test)]
mod tests {
    use super::super::erlang;
    use super::super::trace::tests::{SECOND, poisson};
    use super::super::trace::{Arrival, Trace};
    use super::*;
    use proptest::prelude::*;

    fn within(found: f64, expected: f64, share: f64, what: &str) {
        assert!((found / expected - 1.0).abs() <= share, "{what}: {found} for {expected}");
    }

    fn try_size(trace: &Trace, size: usize) -> Outcome {
        simulate(&trace.view(), &Trial::of(size))
    }

    const MILLION: usize = 1_000_000;
    /// Microseconds that a connection is held, on average.
    const HOLD: f64 = 25_000.0;

    #[test]
    fn exponential_holds_follow_erlang() {
        // Over 24 seeds the errors of a million lie evenly about 0; their spread is chance: 3 % of the p99 of 10 connections, 6 %
        // of 50, of whose clients few wait. So the bound holds for this seed, not for any.
        for (size, utilisation) in [(1, 0.5), (2, 0.8), (3, 0.7), (10, 0.8), (50, 0.8)] {
            let load = size as f64 * utilisation;
            let trace = poisson(17, MILLION, load / HOLD * 1e6, |random| random.exponential(HOLD));
            let outcome = try_size(&trace, size);
            let queue = erlang::Queue::new(load, size as u32).unwrap();
            let what = format!("{size} connections, {load} erlangs");
            within(outcome.waits.mean, queue.mean_wait() * HOLD, 0.03, &what);
            within(outcome.waits.waiting, queue.waiting(), 0.03, &what);
            within(outcome.waits.p99, queue.wait(0.99) * HOLD, 0.03, &what);
            within(outcome.utilisation, utilisation, 0.01, &what);
            if queue.wait(0.95) > 0.0 {
                within(outcome.waits.p95, queue.wait(0.95) * HOLD, 0.03, &what);
            }
        }
    }

    #[test]
    fn equal_holds_follow_pollaczek_and_khinchine() {
        for (seed, load) in [(1, 0.3), (2, 0.5), (3, 0.8)] {
            let trace = poisson(seed, MILLION, load / HOLD * 1e6, |_| HOLD);
            let outcome = try_size(&trace, 1);
            within(outcome.waits.mean, load / (2.0 * (1.0 - load)) * HOLD, 0.03, &format!("{load} erlangs"));
            within(outcome.waits.waiting, load, 0.03, &format!("{load} erlangs"));
        }
    }

    #[test]
    fn by_hand() {
        let arrivals = [(0, 10), (1, 10), (2, 10), (3, 1)];
        let arrivals: Vec<Arrival> = arrivals.iter().map(|&(start, hold)| Arrival { start, hold }).collect();
        let trace = Trace::new(arrivals, 0, 100);
        // two connections: free at 10 and 11; the third waits 8, the fourth from 3 to 11
        let outcome = simulate(&trace.view(), &Trial { timeout: Some(7), ..Trial::of(2) });
        assert_eq!((outcome.waits.mean, outcome.waits.p50, outcome.waits.p99), (4.0, 0.0, 8.0));
        assert_eq!((outcome.waits.waiting, outcome.waits.timing_out), (0.5, 0.5));
        assert!((outcome.utilisation - 31.0 / 200.0).abs() < 1e-12);
        assert_eq!(try_size(&trace, 4).waits.waiting, 0.0);
        assert_eq!(try_size(&trace, usize::MAX).used, 4);
        assert_eq!(try_size(&trace, 0).waits, try_size(&trace, 1).waits);
    }

    #[test]
    fn memory_follows_the_trace_and_not_the_size() {
        let trace = poisson(1, 1000, 80.0, |random| random.exponential(HOLD));
        assert!(try_size(&trace, usize::MAX).used < 15);
    }

    #[test]
    fn the_smallest_that_meets_a_target() {
        let trace = poisson(9, 200_000, 80.0, |random| random.exponential(HOLD));
        let (size, outcome) = smallest(&trace.view(), &Trial::of(1), |outcome| outcome.waits.p99 <= HOLD).unwrap();
        assert_eq!(Some(size), erlang::smallest(2.0, |queue| queue.wait(0.99) <= 1.0).map(|size| size as usize));
        assert!(outcome.waits.p99 <= HOLD);
        assert!(try_size(&trace, size - 1).waits.p99 > HOLD);
        assert!(smallest(&trace.view(), &Trial::of(1), |_| false).is_none());
        // nothing there: one connection is always enough
        let (size, _) = smallest(&Trace::default().view(), &Trial::of(1), |o| o.waits.p99 <= 0.0).unwrap();
        assert_eq!(size, 1);
    }

    #[test]
    fn split_pools_need_more() {
        let trace = poisson(9, 200_000, 320.0, |random| random.exponential(HOLD));
        let need = |pools| {
            let trial = Trial { pools, ..Trial::of(1) };
            smallest(&trace.view(), &trial, |outcome| outcome.waits.p99 <= HOLD).unwrap().0 * pools
        };
        // 8 erlangs; the reference's own figures
        assert!((11..=12).contains(&need(1)), "{}", need(1));
        assert_eq!(need(8), 32);
    }

    #[test]
    fn what_was_under_way_is_in_the_way_but_not_counted() {
        let arrivals = vec![Arrival { start: 0, hold: 60 }, Arrival { start: 50, hold: 10 }];
        let trace = Trace::new(arrivals, 0, 1000);
        let outcome = simulate(&trace.part(40, 100), &Trial::of(1));
        assert_eq!((outcome.waits.count, outcome.waits.mean), (1, 10.0));
    }

    #[test]
    fn bursts_make_the_interval_wide() {
        let calm = poisson(1, 20_000, 80.0, |random| random.exponential(HOLD));
        let mut arrivals = calm.view().arrivals.to_vec();
        arrivals.extend((0..2000).map(|n| Arrival { start: 100 * SECOND + n * 1000, hold: HOLD as i64 }));
        let bursty = Trace::new(arrivals, 0, calm.view().to);
        let width = |trace: &Trace| {
            let p99 = try_size(trace, 4).intervals().unwrap().p99;
            p99.high / p99.low.max(1.0)
        };
        assert!(width(&bursty) > 3.0 * width(&calm), "{} {}", width(&bursty), width(&calm));
        let short = poisson(1, 10, 80.0, |random| random.exponential(HOLD));
        assert!(try_size(&short, 4).intervals().is_none());
    }

    /// `cargo test --release ten_million -- --ignored --nocapture` says how long it takes.
    #[test]
    #[ignore = "a measurement, not a test"]
    fn ten_million() {
        for (load, size) in [(2.0, 3), (8.0, 12), (200.0, 210), (2000.0, 2050)] {
            let trace = poisson(1, 10 * MILLION, load / HOLD * 1e6, |random| random.exponential(HOLD));
            #[expect(clippy::disallowed_methods)]
            let before = std::time::Instant::now();
            let outcome = try_size(&trace, size);
            println!("{load} erlangs, {size} connections: {:?}, p99 {}", before.elapsed(), outcome.waits.p99);
        }
    }

    proptest! {
        #[test]
        fn a_larger_pool_makes_nobody_wait_longer(spans in prop::collection::vec((0_i64..500, 0_i64..200), 0..80), size in 1_usize..8) {
            let arrivals = spans.iter().map(|&(start, hold)| Arrival { start, hold }).collect();
            let trace = Trace::new(arrivals, 0, 500);
            let (small, large) = (try_size(&trace, size).waits, try_size(&trace, size + 1).waits);
            prop_assert!(large.mean <= small.mean + 1e-9);
            prop_assert!(large.p99 <= small.p99 && large.p50 <= small.p50);
            prop_assert!(large.waiting <= small.waiting);
        }

        #[test]
        fn nothing_it_is_given_makes_it_fail(spans in prop::collection::vec((any::<i64>(), any::<i64>()), 0..20), from in any::<i64>(), to in any::<i64>()) {
            let arrivals = spans.iter().map(|&(start, hold)| Arrival { start: start / 4, hold }).collect();
            let trace = Trace::new(arrivals, from / 4, to / 4);
            let outcome = simulate(&trace.view(), &Trial { pools: 3, ..Trial::of(2) });
            prop_assert!(outcome.waits.mean.is_finite());
        }
    }
}
