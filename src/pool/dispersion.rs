//! How bursty arrivals are: the variance of their number in equal stretches of time, by its mean. 1 where they come at
//! random, more where they come in bursts; and the longer the stretch in which it is large, the longer the bursts.

use super::trace::View;
use serde::{Deserialize, Serialize};

/// The index of dispersion at one scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Dispersion {
    /// The length of the stretches, in seconds.
    pub scale_seconds: f64,
    /// Variance by mean: 1 is Poisson.
    pub index: f64,
}

/// The scales that are looked at, in microseconds: from a burst inside a page to one of a cron job.
pub const SCALES: [i64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

/// Stretches below which a variance says nothing.
const FEWEST: i64 = 20;

/// At every scale at which the view holds enough stretches.
///
/// Where only a share of the transactions was seen, each by its own chance, the index shrinks towards 1 by just that share:
/// `sampled` puts that right.
pub fn dispersions(view: &View<'_>, sampled: f64) -> Vec<Dispersion> {
    let share = if sampled > 0.0 && sampled <= 1.0 { sampled } else { 1.0 };
    let at = |scale: i64| {
        let index = 1.0 + (index(view, scale)? - 1.0) / share;
        Some(Dispersion { scale_seconds: scale as f64 / 1e6, index: index.max(0.0) })
    };
    SCALES.iter().filter_map(|scale| at(*scale)).collect()
}

fn index(view: &View<'_>, scale: i64) -> Option<f64> {
    let stretches = view.length() / scale;
    if stretches < FEWEST {
        return None;
    }
    let end = view.from + stretches * scale;
    let (mut sum, mut squares) = (0.0, 0.0);
    let (mut stretch, mut count) = (0, 0.0_f64);
    for arrival in view.counted().iter().take_while(|arrival| arrival.start < end) {
        let at = (arrival.start - view.from) / scale;
        if at != stretch {
            (sum, squares) = (sum + count, squares + count * count);
            (stretch, count) = (at, 0.0);
        }
        count += 1.0;
    }
    (sum, squares) = (sum + count, squares + count * count);
    // empty stretches add nothing to either sum
    let stretches = stretches as f64;
    let mean = sum / stretches;
    (mean > 0.0).then(|| (squares / stretches - mean * mean) * stretches / (stretches - 1.0) / mean)
}

#[cfg(test)]
mod tests {
    use super::super::random::Random;
    use super::super::trace::tests::{SECOND, poisson};
    use super::super::trace::{Arrival, Trace};
    use super::*;

    fn regular() -> Trace {
        let arrivals = (0..10_000).map(|n| Arrival { start: n * 10_000, hold: 1 }).collect();
        Trace::new(arrivals, 0, 100 * SECOND)
    }

    /// 40 or 240 a second, a second each on average.
    fn bursty() -> Trace {
        let mut random = Random::seeded(11);
        let mut arrivals = Vec::new();
        let (mut at, mut until, mut rate) = (0.0, 0.0, 40.0);
        while at < 1000e6 {
            if at >= until {
                rate = if rate > 100.0 { 40.0 } else { 240.0 };
                until = at + random.exponential(1e6);
            }
            at += random.exponential(1e6 / rate);
            arrivals.push(Arrival { start: at as i64, hold: 1 });
        }
        Trace::new(arrivals, 0, 1000 * SECOND)
    }

    #[test]
    fn random_is_one_and_a_clock_is_none() {
        let random = poisson(1, 100_000, 100.0, |_| 1.0);
        for found in dispersions(&random.view(), 1.0) {
            assert!((found.index - 1.0).abs() < 0.3, "{found:?}");
        }
        assert_eq!(dispersions(&random.view(), 1.0).len(), 4);
        let regular = regular();
        let clock = dispersions(&regular.view(), 1.0);
        assert!(clock.iter().all(|found| found.index < 0.05), "{clock:?}");
    }

    #[test]
    fn bursts_grow_with_the_scale() {
        let bursty = bursty();
        let found = dispersions(&bursty.view(), 1.0);
        assert!(found[1].index > 3.0 && found[2].index > 20.0, "{found:?}");
        assert!(found[0].index < found[1].index && found[1].index < found[2].index, "{found:?}");
    }

    #[test]
    fn a_sample_tells_of_the_whole() {
        let bursty = bursty();
        let whole = dispersions(&bursty.view(), 1.0)[2].index;
        let tenth = bursty.view().multiplied(0.1, 4);
        let seen = dispersions(&tenth.view(), 1.0)[2].index;
        let told = dispersions(&tenth.view(), 0.1)[2].index;
        assert!(seen < whole / 4.0, "{seen} of {whole}");
        assert!((told / whole - 1.0).abs() < 0.25, "{told} for {whole}");
    }

    #[test]
    fn too_short_and_empty_say_nothing() {
        assert!(dispersions(&Trace::default().view(), 1.0).is_empty());
        assert!(dispersions(&Trace::new(Vec::new(), 0, 100 * SECOND).view(), 1.0).is_empty());
        let short = regular();
        assert_eq!(dispersions(&short.part(0, SECOND), 1.0).len(), 1);
    }
}
