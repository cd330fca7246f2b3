//! Durations and counts, aggregated: every value while they are few, a log-linear histogram after that.
//!
//! What a distribution is depends only on the values it was given, never on their order or on how they were parted: two
//! threads, or two files merged, give the same figures to the last digit. Quantiles are nearest-rank. From the histogram they
//! are the middle of a bucket 1/128 of an octave wide, wrong by at most 0.4 %; count, sum, least and most are always exact.

use serde::{Deserialize, Serialize, Serializer};

/// Up to so many values are kept as they are.
pub const EXACT: usize = 1024;

/// Values below this have a bucket each.
const LINEAR: u64 = 256;
/// Buckets of each doubling above.
const PER_OCTAVE: u64 = 128;

/// A number of values, in whatever unit they were given (microseconds, where they are durations).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// How many.
    pub count: u64,
    /// Their sum; it stays at its greatest where it would overflow.
    pub sum: u64,
    /// The least, 0 where there are none.
    pub least: u64,
    /// The most, 0 where there are none.
    pub most: u64,
    #[serde(flatten)]
    values: Values,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Values {
    /// Sorted only when asked.
    Exact(#[serde(serialize_with = "in_order")] Vec<u64>),
    /// Counts of neighbouring buckets from the first that has any.
    Buckets { first: u32, counts: Vec<u32> },
}

/// What is stored does not tell in which order it came.
fn in_order<S: Serializer>(values: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
    sorted(values).serialize(serializer)
}

fn sorted(values: &[u64]) -> Vec<u64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => a.len() == b.len() && sorted(a) == sorted(b),
            (Self::Buckets { first, counts }, Self::Buckets { first: other, counts: others }) => {
                first == other && counts == others
            }
            _ => false,
        }
    }
}

impl Default for Values {
    fn default() -> Self {
        Self::Exact(Vec::new())
    }
}

/// A quantile and the interval in which that of everything, not only of what was seen, lies with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// Nearest rank.
    pub value: f64,
    /// Not below this.
    pub low: f64,
    /// Not above this; none where even the greatest value is no bound: too few were seen.
    pub high: Option<f64>,
}

impl Distribution {
    /// Adds a value.
    pub fn add(&mut self, value: u64) {
        self.least = if self.count == 0 { value } else { self.least.min(value) };
        self.most = self.most.max(value);
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
        match &mut self.values {
            Values::Exact(values) if values.len() < EXACT => values.push(value),
            Values::Exact(values) => {
                let mut buckets = Values::Buckets { first: 0, counts: Vec::new() };
                for known in std::mem::take(values) {
                    buckets.count(bucket(known), 1);
                }
                buckets.count(bucket(value), 1);
                self.values = buckets;
            }
            buckets => buckets.count(bucket(value), 1),
        }
    }

    /// Adds all values of another.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.least = if self.count == 0 { other.least } else { self.least.min(other.least) };
        self.most = self.most.max(other.most);
        let count = self.count + other.count;
        self.sum = self.sum.saturating_add(other.sum);
        if let (Values::Exact(mine), Values::Exact(theirs)) = (&mut self.values, &other.values)
            && mine.len() + theirs.len() <= EXACT
        {
            mine.extend(theirs);
        } else {
            let mut buckets = Values::Buckets { first: 0, counts: Vec::new() };
            for values in [&self.values, &other.values] {
                values.each(|at, count| buckets.count(at, count));
            }
            self.values = buckets;
        }
        self.count = count;
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The mean; 0 of nothing.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }

    /// The coefficient of variation: the standard deviation as a part of the mean; 0 of nothing.
    pub fn variation(&self) -> f64 {
        let mean = self.mean();
        if mean <= 0.0 {
            return 0.0;
        }
        let squares = |sum: f64, value: f64, count: f64| sum + (value - mean) * (value - mean) * count;
        let sum = match &self.values {
            Values::Exact(values) => sorted(values).iter().fold(0.0, |sum, value| squares(sum, *value as f64, 1.0)),
            buckets => {
                let mut sum = 0.0;
                buckets.each(|at, count| sum = squares(sum, middle(at), f64::from(count)));
                sum
            }
        };
        (sum / self.count as f64).sqrt() / mean
    }

    /// How many values exceed a limit; from a histogram the bucket that holds the limit counts by its middle.
    pub fn above(&self, limit: u64) -> u64 {
        match &self.values {
            Values::Exact(values) => values.iter().filter(|value| **value > limit).count() as u64,
            buckets => {
                let mut above = 0;
                buckets.each(|at, count| {
                    if middle(at) > limit as f64 {
                        above += u64::from(count);
                    }
                });
                above
            }
        }
    }

    /// The value of a rank, from 1. Exact at both ends.
    fn ranked(&self, rank: u64) -> f64 {
        self.weighted(rank as f64, &|_| 1.0)
    }

    /// The least value below which lies a weight of at least `rank`, each value counting by its weight.
    fn weighted(&self, rank: f64, weight: &dyn Fn(u64) -> f64) -> f64 {
        let mut seen = 0.0;
        match &self.values {
            Values::Exact(values) => {
                for value in sorted(values) {
                    seen += weight(value);
                    // a weight summed from parts is not exact to the last digit
                    if seen >= rank - 1e-9 {
                        return value as f64;
                    }
                }
            }
            buckets => {
                let mut found = None;
                buckets.each(|at, count| {
                    seen += f64::from(count) * weight(middle(at) as u64);
                    if found.is_none() && seen >= rank - 1e-9 {
                        found = Some(middle(at));
                    }
                });
                if let Some(middle) = found {
                    return middle.clamp(self.least as f64, self.most as f64);
                }
            }
        }
        self.most as f64
    }

    /// The quantile of a share (0.99 for p99) of what was seen, and where that of everything lies. None of nothing.
    pub fn quantile(&self, share: f64) -> Option<Quantile> {
        if self.count == 0 {
            return None;
        }
        let rank = (share * self.count as f64).ceil().clamp(1.0, self.count as f64);
        let (low, high) = ranks(self.count, share);
        Some(Quantile {
            value: self.ranked(rank as u64),
            low: low.map_or(0.0, |rank| self.ranked(rank)),
            high: high.map(|rank| self.ranked(rank)),
        })
    }

    /// The quantile where values below `limit` were logged only with a probability: each of those stands for several. The
    /// interval is that of the effective number of values.
    pub fn sampled_quantile(&self, share: f64, limit: u64, rate: f64) -> Option<Quantile> {
        if self.count == 0 || !(rate > 0.0 && rate <= 1.0) {
            return None;
        }
        let weight = |value: u64| if value >= limit { 1.0 } else { 1.0 / rate };
        let above = self.above(limit.saturating_sub(1)) as f64;
        let below = self.count as f64 - above;
        let (sum, squares) = (above + below / rate, above + below / (rate * rate));
        let effective = ((sum * sum / squares) as u64).max(1);
        let at = |share: f64| self.weighted((share * sum).max(f64::MIN_POSITIVE), &weight);
        let (low, high) = ranks(effective, share);
        let part = |rank: u64| at(rank as f64 / effective as f64);
        Some(Quantile { value: at(share), low: low.map_or(0.0, part), high: high.map(part) })
    }

    /// The k-th largest value, from 1; none where there are fewer.
    pub fn largest(&self, k: u64) -> Option<f64> {
        (k >= 1 && k <= self.count).then(|| self.ranked(self.count - k + 1))
    }
}

impl Values {
    fn count(&mut self, at: u32, more: u32) {
        let Self::Buckets { first, counts } = self else { return };
        if counts.is_empty() {
            *first = at;
        }
        if at < *first {
            let missing = (*first - at) as usize;
            counts.splice(0..0, std::iter::repeat_n(0, missing));
            *first = at;
        }
        let index = (at - *first) as usize;
        if index >= counts.len() {
            counts.resize(index + 1, 0);
        }
        if let Some(count) = counts.get_mut(index) {
            *count = count.saturating_add(more);
        }
    }

    fn each(&self, mut each: impl FnMut(u32, u32)) {
        match self {
            Self::Exact(values) => values.iter().for_each(|value| each(bucket(*value), 1)),
            Self::Buckets { first, counts } => {
                let filled = counts.iter().enumerate().filter(|(_, count)| **count > 0);
                filled.for_each(|(index, count)| each(first.saturating_add(index as u32), *count));
            }
        }
    }
}

/// The round number just below the least duration of a log with a threshold: 1, 2, 5, 10, … milliseconds, in microseconds.
pub fn floor_of(least: u64) -> u64 {
    let mut floor = 1000;
    while floor <= least / 10 {
        floor *= 10;
    }
    [5, 2, 1].into_iter().map(|digit| digit * floor).find(|round| *round <= least).unwrap_or(least)
}

/// The bucket of a value.
fn bucket(value: u64) -> u32 {
    if value < LINEAR {
        return value as u32;
    }
    let octave = u64::from(value.ilog2());
    let part = (value >> (octave - 7)) & (PER_OCTAVE - 1);
    (LINEAR + (octave - 8) * PER_OCTAVE + part) as u32
}

/// The middle of a bucket.
fn middle(at: u32) -> f64 {
    let at = u64::from(at);
    if at < LINEAR {
        return at as f64;
    }
    let octave = (8 + (at - LINEAR) / PER_OCTAVE).min(63);
    let part = (at - LINEAR) % PER_OCTAVE;
    let width = (1_u64 << (octave - 7)) as f64;
    (PER_OCTAVE + part) as f64 * width + (width - 1.0) / 2.0
}

/// The ranks between which the quantile of everything lies with at least 95 % confidence, by the binomial distribution: the
/// lower one from 1, none where the least value is no bound; likewise the upper one.
pub fn ranks(count: u64, share: f64) -> (Option<u64>, Option<u64>) {
    const SIDE: f64 = 0.025;
    // how many of `count` lie above the quantile is binomial with this chance
    let (n, above) = (count as f64, 1.0 - share);
    let mean = n * above;
    if mean > 5000.0 && n * share > 5000.0 {
        let spread = 1.96 * (n * above * share).sqrt();
        let low = (n * share - spread).floor().max(1.0);
        let high = (n * share + spread).ceil() + 1.0;
        return (Some(low as u64), (high <= n).then_some(high as u64));
    }
    // chance that exactly k lie above, from k = 0 on, in logarithms: 0.99^100000 is no number any more
    let mut log_chance = n * share.ln();
    let mut sum = 0.0;
    let (mut fewest, mut most) = (None, None);
    for k in 0..=count {
        sum += log_chance.exp();
        // fewer than this many above is too unlikely: the upper rank
        if fewest.is_none() && sum > SIDE {
            fewest = Some(k);
        }
        if sum >= 1.0 - SIDE {
            most = Some(k);
            break;
        }
        log_chance += ((n - k as f64) / (k as f64 + 1.0)).ln() + (above / share).ln();
    }
    let high = fewest.filter(|k| *k >= 1).map(|k| count - k + 1);
    let low = most.map(|k| count.saturating_sub(k)).filter(|rank| *rank >= 1);
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Distribution {
        let mut distribution = Distribution::default();
        values.into_iter().for_each(|value| distribution.add(value));
        distribution
    }

    #[test]
    fn few_values_are_exact() {
        let hundred = of(1..=100);
        assert_eq!(hundred.quantile(0.5).unwrap().value, 50.0);
        assert_eq!(hundred.quantile(0.99).unwrap().value, 99.0);
        assert_eq!((hundred.mean(), hundred.above(90), hundred.largest(3)), (50.5, 10, Some(98.0)));
        assert_eq!((of([]).variation(), of([7, 7]).variation(), of([5, 15]).variation()), (0.0, 0.0, 0.5));
        assert_eq!(of([]).quantile(0.5), None);
        assert_eq!(of([7]).quantile(0.99).unwrap(), Quantile { value: 7.0, low: 7.0, high: None });
    }

    #[test]
    fn the_interval_is_the_binomial_one() {
        // 0.99^299 is the first power below 5 %: with fewer the greatest value bounds nothing even on one side
        assert_eq!(ranks(1000, 0.99), (Some(983), Some(997)));
        assert_eq!(ranks(100, 0.99).1, None);
        assert_eq!(ranks(367, 0.99).1, None);
        assert_eq!(ranks(368, 0.99).1, Some(368));
        assert_eq!(ranks(100, 0.5), (Some(40), Some(61)));
        let (low, high) = ranks(10_000_000, 0.99);
        assert!((9_899_300..=9_899_400).contains(&low.unwrap()) && (9_900_600..=9_900_700).contains(&high.unwrap()));
        assert_eq!(ranks(0, 0.99), (None, None));
    }

    #[test]
    fn many_values_are_right_within_the_stated_error() {
        let many = of((1..=200_000).map(|n| n * 37));
        for share in [0.01, 0.5, 0.95, 0.99, 0.999] {
            let (found, right) = (many.quantile(share).unwrap().value, share * 200_000.0 * 37.0);
            assert!((found / right - 1.0).abs() <= 0.0041, "{share}: {found} for {right}");
        }
        assert_eq!((many.least, many.most, many.count), (37, 7_400_000, 200_000));
    }

    #[test]
    fn a_sample_counts_for_what_it_stands_for() {
        // nine of ten short ones were not logged
        let sample = of(std::iter::repeat_n(1_000, 100).chain(std::iter::repeat_n(50_000, 50)));
        assert_eq!(sample.sampled_quantile(0.95, 10_000, 0.1).unwrap().value, 1_000.0);
        assert_eq!(sample.sampled_quantile(0.97, 10_000, 0.1).unwrap().value, 50_000.0);
        assert_eq!(sample.quantile(0.95).unwrap().value, 50_000.0);
    }

    #[test]
    fn a_stored_distribution_is_the_same() {
        for count in [0, 3, 5000_u64] {
            let distribution = of((0..count).map(|n| n * n));
            let json = serde_json::to_string(&distribution).unwrap();
            assert_eq!(serde_json::from_str::<Distribution>(&json).unwrap(), distribution);
        }
    }

    proptest! {
        #[test]
        fn buckets_hold_their_values(value in any::<u64>()) {
            let at = bucket(value);
            prop_assert!((middle(at) / (value.max(1) as f64) - 1.0).abs() <= 0.0041 || value == 0);
            prop_assert!(at <= 256 + 56 * 128);
        }

        #[test]
        fn order_and_parts_do_not_matter(values in prop::collection::vec(0_u64..1 << 40, 0..3000), cut in 0_usize..3000) {
            let cut = cut.min(values.len());
            let mut parts = of(values[..cut].iter().copied());
            parts.merge(&of(values[cut..].iter().copied()));
            let backwards = of(values.iter().rev().copied());
            prop_assert_eq!(&parts, &backwards);
            prop_assert_eq!(serde_json::to_string(&parts).unwrap(), serde_json::to_string(&backwards).unwrap());
        }
    }
}
