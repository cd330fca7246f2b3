//! How long transactions waited for a connection, by stretches of time, so that the uncertainty of a quantile is known.
//!
//! Waits are counted in buckets 1/128 of an octave wide: memory does not grow with their number. A quantile is wrong by at
//! most 0.4 %, far less than what another hour of the same traffic would change.

use super::random::Random;
use serde::{Deserialize, Serialize};

/// Values below this have a bucket each.
const LINEAR: u64 = 256;
/// Buckets of each doubling above, and the binary digits that number them.
const PER_OCTAVE: u64 = 128;
const DIGITS: u32 = 7;

/// The waits of those who began within one stretch of time.
#[derive(Debug, Clone, Default)]
struct Block {
    count: u64,
    waited: u64,
    sum: f64,
    timed_out: u64,
    buckets: Vec<u32>,
}

/// Waits in microseconds, by stretches of time.
#[derive(Debug, Clone)]
pub struct Waits {
    blocks: Vec<Block>,
    timeout: i64,
}

/// A value and the interval in which it lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Not below this.
    pub low: f64,
    /// Not above this.
    pub high: f64,
    /// How sure that is, between 0 and 1.
    pub level: f64,
}

/// What waiting looks like, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many transactions.
    pub count: u64,
    /// The mean wait over all of them, those who did not wait included.
    pub mean: f64,
    /// The median.
    pub p50: f64,
    /// 19 of 20 wait no longer.
    pub p95: f64,
    /// 99 of 100 wait no longer.
    pub p99: f64,
    /// The chance of having to wait at all.
    pub waiting: f64,
    /// The chance of waiting longer than the acquire timeout.
    pub timing_out: f64,
}

/// The intervals of the two figures a pool is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    /// Of the mean wait, in microseconds.
    pub mean: Interval,
    /// Of the 99th percentile, in microseconds.
    pub p99: Interval,
}

/// Times that stretches are drawn.
const REPLICATES: usize = 400;
/// How sure the interval is.
const LEVEL: f64 = 0.95;
/// Fewer stretches say nothing about how they differ.
const FEWEST: usize = 8;

impl Waits {
    /// None yet, in so many stretches, told apart by whether they are longer than `timeout` microseconds.
    pub fn new(blocks: usize, timeout: Option<i64>) -> Self {
        Self { blocks: vec![Block::default(); blocks.max(1)], timeout: timeout.unwrap_or(i64::MAX) }
    }

    /// Adds one to a stretch.
    #[inline]
    pub(super) fn add(&mut self, block: usize, wait: i64) {
        let timeout = self.timeout;
        let Some(block) = self.blocks.get_mut(block) else { return };
        block.count += 1;
        if wait <= 0 {
            return;
        }
        block.waited += 1;
        block.sum += wait as f64;
        block.timed_out += u64::from(wait > timeout);
        let bucket = bucket(wait as u64);
        if bucket >= block.buckets.len() {
            block.buckets.resize(bucket + 1, 0);
        }
        if let Some(count) = block.buckets.get_mut(bucket) {
            *count = count.saturating_add(1);
        }
    }

    /// Of all stretches together.
    pub fn summary(&self) -> Summary {
        let mut merged = Merged::default();
        self.blocks.iter().for_each(|block| merged.add(block, 1));
        merged.summary()
    }

    /// How much the figures would differ in other stretches of the same traffic: stretches are drawn with replacement,
    /// whole, because waits within one depend on each other. None where there are too few to tell.
    pub fn intervals(&self, seed: u64) -> Option<Intervals> {
        let filled: Vec<&Block> = self.blocks.iter().filter(|block| block.count > 0).collect();
        if filled.len() < FEWEST {
            return None;
        }
        let mut random = Random::seeded(seed);
        let mut means = Vec::with_capacity(REPLICATES);
        let mut p99s = Vec::with_capacity(REPLICATES);
        let mut merged = Merged::default();
        for _ in 0..REPLICATES {
            let mut times = vec![0_u32; filled.len()];
            for _ in 0..filled.len() {
                if let Some(time) = times.get_mut(random.below(filled.len() as u64) as usize) {
                    *time += 1;
                }
            }
            merged.clear();
            for (block, times) in filled.iter().zip(&times).filter(|(_, times)| **times > 0) {
                merged.add(block, u64::from(*times));
            }
            means.push(merged.sum / merged.count.max(1) as f64);
            p99s.push(merged.quantile(0.99));
        }
        Some(Intervals { mean: interval(means), p99: interval(p99s) })
    }
}

/// The middle part of what came out.
pub(super) fn interval(mut values: Vec<f64>) -> Interval {
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        let rank = (share * values.len().saturating_sub(1) as f64).round() as usize;
        values.get(rank).copied().unwrap_or(0.0)
    };
    Interval { low: at((1.0 - LEVEL) / 2.0), high: at((1.0 + LEVEL) / 2.0), level: LEVEL }
}

/// Several stretches together, each as often as it was drawn.
#[derive(Debug, Default)]
struct Merged {
    count: u64,
    waited: u64,
    sum: f64,
    timed_out: u64,
    buckets: Vec<u64>,
}

impl Merged {
    fn clear(&mut self) {
        let mut buckets = std::mem::take(&mut self.buckets);
        buckets.fill(0);
        *self = Self { buckets, ..Self::default() };
    }

    fn add(&mut self, block: &Block, times: u64) {
        self.count += block.count * times;
        self.waited += block.waited * times;
        self.sum += block.sum * times as f64;
        self.timed_out += block.timed_out * times;
        if self.buckets.len() < block.buckets.len() {
            self.buckets.resize(block.buckets.len(), 0);
        }
        for (sum, count) in self.buckets.iter_mut().zip(&block.buckets) {
            *sum += u64::from(*count) * times;
        }
    }

    /// The value that this share does not exceed: 0 where so many did not wait at all.
    fn quantile(&self, share: f64) -> f64 {
        let rank = ((share * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut below = self.count - self.waited;
        if rank <= below {
            return 0.0;
        }
        for (bucket, count) in self.buckets.iter().enumerate() {
            if rank <= below + count {
                let (low, high) = bounds(bucket);
                // a bucket's values are taken to lie evenly in it
                return low + (high - low) * ((rank - below) as f64 - 0.5) / *count as f64;
            }
            below += count;
        }
        0.0
    }

    fn summary(&self) -> Summary {
        let of = |part: u64| part as f64 / self.count.max(1) as f64;
        Summary {
            count: self.count,
            mean: self.sum / self.count.max(1) as f64,
            p50: self.quantile(0.5),
            p95: self.quantile(0.95),
            p99: self.quantile(0.99),
            waiting: of(self.waited),
            timing_out: of(self.timed_out),
        }
    }
}

fn bucket(value: u64) -> usize {
    if value < LINEAR {
        return value as usize;
    }
    let shift = value.ilog2() - DIGITS;
    ((value >> shift) + u64::from(shift) * PER_OCTAVE) as usize
}

/// The least value of a bucket and the first above it.
fn bounds(bucket: usize) -> (f64, f64) {
    let bucket = bucket as u64;
    if bucket < LINEAR {
        // whole microseconds
        return (bucket as f64, bucket as f64);
    }
    let shift = bucket / PER_OCTAVE - 1;
    let digits = bucket - shift * PER_OCTAVE;
    let width = (shift as f64).exp2();
    (digits as f64 * width, (digits + 1) as f64 * width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[i64]) -> Waits {
        let mut waits = Waits::new(1, Some(1000));
        values.iter().for_each(|value| waits.add(0, *value));
        waits
    }

    #[test]
    fn those_who_do_not_wait_count() {
        let summary = of(&[0, 0, 0, 2000]).summary();
        assert_eq!((summary.count, summary.p50, summary.mean), (4, 0.0, 500.0));
        assert_eq!((summary.waiting, summary.timing_out), (0.25, 0.25));
        assert!((summary.p99 / 2000.0 - 1.0).abs() < 0.005);
        assert_eq!(of(&[]).summary(), Summary::default());
        assert_eq!(of(&[1000]).summary().timing_out, 0.0);
    }

    #[test]
    fn quantiles_are_nearest_rank() {
        let summary = of(&(1..=200).collect::<Vec<_>>()).summary();
        assert_eq!((summary.p50, summary.p95, summary.p99), (100.0, 190.0, 198.0));
    }

    #[test]
    fn stretches_that_differ_make_the_interval_wide() {
        let mut even = Waits::new(20, None);
        let mut uneven = Waits::new(20, None);
        for block in 0..20 {
            for n in 0..100 {
                even.add(block, n * 10);
                uneven.add(block, if block == 3 { n * 200 } else { 0 });
            }
        }
        assert!((even.summary().mean - 495.0).abs() < 1.0 && (uneven.summary().mean - 495.0).abs() < 1.0);
        let (even, uneven) = (even.intervals(1).unwrap(), uneven.intervals(1).unwrap());
        assert!(even.mean.high - even.mean.low < 1.0);
        assert!(uneven.mean.low < 1.0 && uneven.mean.high > 1000.0, "{uneven:?}");
        assert!(uneven.p99.low < 1.0 && uneven.p99.high > 15_000.0, "{uneven:?}");
        assert!(Waits::new(20, None).intervals(1).is_none());
        assert!(of(&[1, 2, 3]).intervals(1).is_none());
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let mut waits = Waits::new(10, None);
        let mut random = Random::seeded(5);
        (0..1000).for_each(|n| waits.add(n % 10, random.below(100_000) as i64));
        assert_eq!(waits.intervals(9), waits.intervals(9));
        assert_ne!(waits.intervals(9), waits.intervals(10));
    }

    proptest! {
        #[test]
        fn a_bucket_holds_its_values(value in any::<u64>().prop_map(|value| value >> (value % 64))) {
            let (low, high) = bounds(bucket(value));
            prop_assert!(low <= value as f64 && (value as f64) <= high);
            prop_assert!(high - low <= value as f64 / 128.0 + 1e-9);
        }
    }
}
