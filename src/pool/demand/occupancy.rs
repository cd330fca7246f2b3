//! Demand from samples of `pg_stat_activity`: how many sessions were busy, again and again.
//!
//! Clients that come at random see what a sampler sees, so the share of the samples in which all of c connections are busy
//! is the chance of having to wait for one of c. No log is needed, and nothing is known of how long the wait would be.

use super::{Busiest, Demand, Demands, Key, NoDemand, Period, Tier, censored};
use crate::pool::random::Random;
use crate::pool::waits::{Interval, interval};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// For what share of the time how many connections were held.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Occupancy {
    /// By how many: none, one, two, …; together 1.
    pub shares: Vec<f64>,
}

impl Occupancy {
    /// The most held at once.
    pub fn most(&self) -> u32 {
        let most = self.shares.iter().rposition(|share| *share > 0.0).unwrap_or(0);
        u32::try_from(most).unwrap_or(u32::MAX)
    }

    /// The share of the time in which that many were held.
    pub fn at_most(&self) -> f64 {
        self.shares.get(self.most() as usize).copied().unwrap_or(0.0)
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.shares.iter().enumerate().map(|(held, share)| held as f64 * share).sum()
    }

    /// The share of the time in which all of so many connections are busy: the chance of waiting for one of them.
    pub fn all_busy(&self, size: u32) -> f64 {
        self.shares.iter().skip(size as usize).sum()
    }

    /// The fewest connections of which all are busy no more often than this.
    pub fn size_for(&self, chance: f64) -> u32 {
        let mut busy = 0.0;
        for (held, share) in self.shares.iter().enumerate().rev() {
            busy += share;
            if busy > chance + 1e-12 {
                return u32::try_from(held + 1).unwrap_or(u32::MAX);
            }
        }
        1
    }
}

/// What one key was doing in a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Whose sessions, as an index into the keys.
    pub key: u32,
    /// Sessions `active` or in a `fastpath function call`.
    pub active: u32,
    /// Sessions `idle in transaction`, aborted or not.
    pub idle_in_transaction: u32,
}

/// One look at the sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The server's clock.
    pub at: Timestamp,
    /// Those that held a connection; nobody where it is empty.
    pub seen: Vec<Seen>,
}

/// What was sampled.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Watch {
    /// Whose sessions.
    pub keys: Vec<Key>,
    /// In order.
    pub samples: Vec<Sample>,
    /// Seconds that were meant to be sampled.
    pub planned_seconds: f64,
    /// Why it ended before its time.
    pub lost: Option<String>,
}

/// The length of the busiest time, in seconds.
const BUSIEST: f64 = 60.0;
/// Samples of one block: neighbours are alike, so whole blocks are drawn.
const BLOCKS: usize = 40;
/// Times they are drawn.
const REPLICATES: usize = 400;
const FEWEST_BLOCKS: usize = 8;

/// The demand of all keys together, of each, and of what they roll up to.
///
/// # Errors
/// Fewer than two samples, or no time between them.
pub fn demands(watch: &Watch) -> Result<Demands, NoDemand> {
    let (Some(first), Some(last), true) = (watch.samples.first(), watch.samples.last(), watch.samples.len() >= 2)
    else {
        return Err(NoDemand::TooFew("samples"));
    };
    let period = Period::between(first.at, last.at).ok_or(NoDemand::NoTime)?;
    let mut notes = Vec::new();
    if let Some(why) = &watch.lost {
        notes.push(format!(
            "partial: sampling ended after {:.0} of {:.0} seconds: {why}",
            period.seconds, watch.planned_seconds
        ));
    }
    notes.extend(gap_note(&watch.samples, &period));
    // whose session takes part in which roll-ups
    let mut keys: BTreeMap<Key, Vec<u32>> = BTreeMap::new();
    keys.insert(Key::ALL, Vec::new());
    for (index, key) in watch.keys.iter().enumerate() {
        for part in key.roll_ups() {
            keys.entry(part).or_default().push(index as u32);
        }
    }
    let mut total = None;
    let mut parts = Vec::new();
    for (key, indexes) in keys {
        let is_all = key == Key::ALL;
        let mut demand = of_key(watch, key, &indexes, period);
        demand.notes.extend(notes.iter().cloned());
        match is_all {
            true => total = Some(demand),
            false => parts.push(demand),
        }
    }
    total.map(|total| Demands::sorted(total, parts)).ok_or(NoDemand::TooFew("samples"))
}

/// Samples that are missing in the middle, where there are many.
fn gap_note(samples: &[Sample], period: &Period) -> Option<String> {
    let mut gaps: Vec<f64> =
        samples.windows(2).filter_map(|two| two.last()?.at.seconds_since(two.first()?.at)).collect();
    gaps.sort_unstable_by(f64::total_cmp);
    let usual = *gaps.get(gaps.len() / 2)?;
    let missed: f64 = gaps.iter().filter(|gap| **gap > usual * 5.0).map(|gap| gap - usual).sum();
    (missed > period.seconds * 0.05).then(|| {
        format!("{missed:.0} of {:.0} seconds were not sampled: the server was slow to answer", period.seconds)
    })
}

fn of_key(watch: &Watch, key: Key, indexes: &[u32], period: Period) -> Demand {
    let counts = |sample: &Sample| {
        let own = sample.seen.iter().filter(|seen| indexes.contains(&seen.key));
        own.fold((0, 0), |(active, idle), seen| {
            (active + u64::from(seen.active), idle + u64::from(seen.idle_in_transaction))
        })
    };
    let counted: Vec<(u64, u64)> = watch.samples.iter().map(counts).collect();
    let busy: Vec<usize> = counted.iter().map(|(active, idle)| (active + idle) as usize).collect();
    let occupancy = occupancy(&busy);
    let idle: u64 = counted.iter().map(|(_, idle)| idle).sum();
    let held: usize = busy.iter().sum();
    let mut demand = Demand::new(Tier::Sampling, key, period, held as f64 / busy.len().max(1) as f64);
    demand.idle_erlangs = Some(idle as f64 / busy.len().max(1) as f64);
    demand.interval = mean_interval(&busy);
    demand.observed_max = Some(occupancy.most());
    demand.censored = censored(&occupancy, None);
    demand.busiest = busiest(watch, &busy, &period);
    demand.occupancy = Some(occupancy);
    demand
}

fn occupancy(busy: &[usize]) -> Occupancy {
    let mut shares = vec![0.0; busy.iter().max().map_or(1, |most| most + 1)];
    for held in busy {
        if let Some(share) = shares.get_mut(*held) {
            *share += 1.0 / busy.len() as f64;
        }
    }
    Occupancy { shares }
}

fn blocks<T>(busy: &[T]) -> Option<Vec<&[T]>> {
    let length = busy.len().div_ceil(BLOCKS).max(1);
    let blocks: Vec<&[T]> = busy.chunks_exact(length).collect();
    (blocks.len() >= FEWEST_BLOCKS).then_some(blocks)
}

/// Draws blocks with replacement, as many as there are, many times.
fn resampled<S>(blocks: usize, mut statistic: impl FnMut(&[usize]) -> S) -> Vec<S> {
    let mut random = Random::seeded(crate::pool::simulate::SEED);
    let mut chosen = vec![0; blocks];
    let draw = |_| {
        chosen.iter_mut().for_each(|block| *block = random.below(blocks as u64) as usize);
        statistic(&chosen)
    };
    (0..REPLICATES).map(draw).collect()
}

fn mean_interval(busy: &[usize]) -> Option<Interval> {
    let blocks = blocks(busy)?;
    let means: Vec<f64> =
        blocks.iter().map(|block| block.iter().sum::<usize>() as f64 / block.len().max(1) as f64).collect();
    let mean = |chosen: &[usize]| {
        chosen.iter().filter_map(|block| means.get(*block)).sum::<f64>() / chosen.len().max(1) as f64
    };
    Some(interval(resampled(means.len(), mean)))
}

/// The bounds of the size for which all connections are busy no more often than `chance`, from what was sampled for a key.
pub fn size_interval(watch: &Watch, key: &Key, chance: f64) -> Option<Interval> {
    let own = |seen: &&Seen| watch.keys.get(seen.key as usize).is_some_and(|other| key.covers(other));
    let count = |sample: &Sample| {
        let counts = sample.seen.iter().filter(own).map(|seen| u64::from(seen.active + seen.idle_in_transaction));
        counts.sum::<u64>() as usize
    };
    let busy: Vec<usize> = watch.samples.iter().map(count).collect();
    let blocks = blocks(&busy)?;
    let size = |chosen: &[usize]| {
        let drawn: Vec<usize> =
            chosen.iter().filter_map(|block| blocks.get(*block)).copied().flatten().copied().collect();
        f64::from(occupancy(&drawn).size_for(chance))
    };
    Some(interval(resampled(blocks.len(), size)))
}

/// The minute in which most were held, where there are two at least.
fn busiest(watch: &Watch, busy: &[usize], period: &Period) -> Option<Busiest> {
    if period.seconds < 2.0 * BUSIEST {
        return None;
    }
    let mut best: Option<Busiest> = None;
    let (mut first, mut sum) = (0, 0);
    for (last, held) in busy.iter().enumerate() {
        sum += held;
        let since = |first: usize| {
            let (from, to) = (watch.samples.get(first)?.at, watch.samples.get(last)?.at);
            Period::between(from, to)
        };
        while since(first + 1).is_some_and(|period| period.seconds >= BUSIEST) {
            sum -= busy.get(first).copied().unwrap_or(0);
            first += 1;
        }
        let Some(period) = since(first).filter(|period| period.seconds >= BUSIEST) else { continue };
        let erlangs = sum as f64 / (last - first + 1) as f64;
        if best.is_none_or(|best| erlangs > best.erlangs) {
            best = Some(Busiest { period, erlangs, arrivals_per_second: None, mean_hold_seconds: None });
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::super::tests::key;
    use super::*;
    use crate::pool::erlang;
    use crate::pool::trace::tests::poisson;

    fn watch(busy: impl IntoIterator<Item = (u32, u32)>) -> Watch {
        let sample = |(second, (active, idle)): (usize, (u32, u32))| Sample {
            at: Timestamp::from_unix_micros(second as i64 * 100_000),
            seen: vec![Seen { key: 0, active, idle_in_transaction: idle }],
        };
        let samples: Vec<Sample> = busy.into_iter().enumerate().map(sample).collect();
        Watch { keys: vec![key("shop", "app", "web")], planned_seconds: 60.0, samples, lost: None }
    }

    #[test]
    fn the_size_that_is_rarely_busy() {
        let occupancy = Occupancy { shares: vec![0.5, 0.3, 0.15, 0.04, 0.01] };
        assert_eq!(occupancy.size_for(0.01), 4);
        assert_eq!(occupancy.size_for(0.05), 3);
        assert_eq!(occupancy.size_for(0.0), 5);
        assert_eq!(occupancy.size_for(1.0), 1);
        assert!((occupancy.all_busy(3) - 0.05).abs() < 1e-12);
        assert_eq!((occupancy.most(), occupancy.at_most()), (4, 0.01));
        assert_eq!(Occupancy::default().size_for(0.01), 1);
        assert_eq!((Occupancy::default().most(), Occupancy::default().at_most()), (0, 0.0));
    }

    #[test]
    fn samples_of_random_traffic_tell_its_load() {
        let trace = poisson(5, 50_000, 80.0, |random| random.exponential(25_000.0));
        let (mut open, mut arrivals) = (Vec::new(), trace.view().arrivals.iter().peekable());
        let counts = (0..6000).map(|tick| {
            let at = tick * 100_000;
            while let Some(arrival) = arrivals.next_if(|arrival| arrival.start <= at) {
                open.push(arrival.end());
            }
            open.retain(|end| *end > at);
            (open.len() as u32, 0)
        });
        let demands = demands(&watch(counts)).unwrap();
        let total = &demands.total;
        assert!((total.erlangs / trace.part(0, 600_000_000).erlangs() - 1.0).abs() < 0.1, "{}", total.erlangs);
        let interval = total.interval.unwrap();
        assert!(interval.low < total.erlangs && total.erlangs < interval.high);
        assert!(interval.high - interval.low < 0.4, "{interval:?}");
        assert!(total.censored.is_none() && total.busiest.is_some());
        // with nobody turned away, the chance that c or more are held is above Erlang's loss and below his delay formula
        let size = total.occupancy.as_ref().unwrap().size_for(0.01);
        let delay = erlang::smallest(2.0, |queue| queue.waiting() <= 0.01).unwrap();
        assert!(size.abs_diff(delay) <= 1, "{size} {delay}");
    }

    #[test]
    fn parts_and_roll_ups() {
        let mut watch = watch(vec![(1, 1); 20]);
        watch.keys.push(key("shop", "batch", "job"));
        watch.samples[0].seen.push(Seen { key: 1, active: 20, idle_in_transaction: 0 });
        let demands = demands(&watch).unwrap();
        assert_eq!(demands.total.erlangs, 3.0);
        assert_eq!(demands.total.idle_erlangs, Some(1.0));
        assert_eq!(demands.of(&Key::database("shop")).unwrap().observed_max, Some(22));
        assert_eq!(demands.of(&watch.keys[1]).unwrap().erlangs, 1.0);
        assert_eq!(demands.parts.len(), 5);
        assert_eq!(demands.parts[0].key, Key::database("shop"));
        assert!(demands.parts.windows(2).all(|two| two[0].erlangs >= two[1].erlangs));
    }

    #[test]
    fn what_was_lost_is_said() {
        let mut broken = watch(vec![(1, 0); 10]);
        broken.lost = Some("terminating connection due to administrator command".into());
        let notes = demands(&broken).unwrap().total.notes;
        assert_eq!(notes.len(), 1);
        assert!(notes[0].starts_with("partial: sampling ended after 1 of 60 seconds: terminating"), "{notes:?}");
        let mut slow = watch(vec![(1, 0); 30]);
        slow.samples.iter_mut().skip(15).for_each(|sample| sample.at = sample.at.plus_seconds(10.0));
        assert!(demands(&slow).unwrap().total.notes[0].starts_with("10 of 13 seconds were not sampled"));
        assert_eq!(demands(&watch(vec![(1, 0)])), Err(NoDemand::TooFew("samples")));
        let mut stopped = watch(vec![(1, 0); 3]);
        stopped.samples.iter_mut().for_each(|sample| sample.at = Timestamp::from_unix_micros(7));
        assert_eq!(demands(&stopped), Err(NoDemand::NoTime));
    }

    #[test]
    fn idle_is_no_traffic_and_full_is_a_lower_bound() {
        assert!(!demands(&watch(vec![(0, 0); 100])).unwrap().total.has_traffic());
        let full = demands(&watch((0..100).map(|n| (if n % 5 == 0 { 2 } else { 4 }, 0)))).unwrap();
        assert!(full.total.censored.is_some());
    }

    #[test]
    fn the_size_has_bounds_too() {
        let bursts = watch((0..1200).map(|n| (if (600..660).contains(&n) { 9 } else { 1 }, 0)));
        let size = size_interval(&bursts, &Key::ALL, 0.01).unwrap();
        assert_eq!((size.low, size.high), (2.0, 10.0));
        assert!(size_interval(&watch(vec![(1, 0); 3]), &Key::ALL, 0.01).is_none());
        let calm = size_interval(&bursts, &key("other", "app", "web"), 0.01).unwrap();
        assert_eq!((calm.low, calm.high), (1.0, 1.0));
    }
}
