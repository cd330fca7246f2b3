//! When transactions began and how long each held its connection: what is replayed against pools of other sizes.

use super::random::Random;
use serde::{Deserialize, Serialize};

/// One transaction, as a pool sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Arrival {
    /// When it asked for a connection, microseconds since 1970.
    pub start: i64,
    /// Microseconds it held it.
    pub hold: i64,
}

impl Arrival {
    /// When it gave the connection back, if it had to wait for none.
    pub const fn end(self) -> i64 {
        self.start.saturating_add(self.hold)
    }
}

/// Transactions in the order they began, and the time that was watched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    arrivals: Vec<Arrival>,
    from: i64,
    to: i64,
    longest: i64,
}

/// A part of a trace: those that began in it count, those shortly before only fill the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View<'a> {
    /// In the order they began.
    pub arrivals: &'a [Arrival],
    /// Where it begins, microseconds since 1970.
    pub from: i64,
    /// Where it ends; left out.
    pub to: i64,
}

/// The most arrivals that multiplying makes: 1.6 GB.
const MOST: usize = 100_000_000;

/// Times beyond nine thousand years are cut: sums and differences of the rest do not overflow.
pub(crate) fn sane(micros: i64) -> i64 {
    micros.clamp(-(1 << 58), 1 << 58)
}

impl Trace {
    /// Of transactions in any order, watched from `from` to `to`. A hold below zero counts as none.
    pub fn new(mut arrivals: Vec<Arrival>, from: i64, to: i64) -> Self {
        let (from, to) = (sane(from), sane(to));
        for arrival in &mut arrivals {
            arrival.start = sane(arrival.start);
            arrival.hold = sane(arrival.hold).max(0);
        }
        if !arrivals.is_sorted() {
            arrivals.sort_unstable();
        }
        let longest = arrivals.iter().map(|arrival| arrival.hold).max().unwrap_or(0);
        Self { arrivals, from, to: to.max(from), longest }
    }

    /// All of it.
    pub fn view(&self) -> View<'_> {
        let end = self.arrivals.partition_point(|arrival| arrival.start < self.to);
        View { arrivals: self.arrivals.get(..end).unwrap_or_default(), from: self.from, to: self.to }
    }

    /// The part from `from` to `to`, with what was under way when it began.
    pub fn part(&self, from: i64, to: i64) -> View<'_> {
        let (from, to) = (from.max(self.from), to.min(self.to));
        let length = to.saturating_sub(from).max(0);
        let before = self.longest.clamp(length, length.saturating_mul(10));
        let earliest = from.saturating_sub(before);
        let begin = self.arrivals.partition_point(|arrival| arrival.start < earliest);
        let end = self.arrivals.partition_point(|arrival| arrival.start < to);
        View { arrivals: self.arrivals.get(begin..end).unwrap_or_default(), from, to: to.max(from) }
    }

    /// How many transactions.
    pub fn len(&self) -> usize {
        self.arrivals.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }
}

impl View<'_> {
    /// Microseconds from begin to end.
    pub fn length(&self) -> i64 {
        self.to.saturating_sub(self.from)
    }

    /// Those that count.
    pub fn counted(&self) -> &[Arrival] {
        let begin = self.arrivals.partition_point(|arrival| arrival.start < self.from);
        self.arrivals.get(begin..).unwrap_or_default()
    }

    /// Connections held at once, on average: the time held inside the view by its length.
    pub fn erlangs(&self) -> f64 {
        let inside = |arrival: &Arrival| (arrival.end().min(self.to) - arrival.start.max(self.from)).max(0);
        let held: f64 = self.arrivals.iter().map(|arrival| inside(arrival) as f64).sum();
        if self.length() > 0 { held / self.length() as f64 } else { 0.0 }
    }

    /// Transactions that began, a second.
    pub fn rate(&self) -> f64 {
        if self.length() > 0 { self.counted().len() as f64 * 1e6 / self.length() as f64 } else { 0.0 }
    }

    /// The mean hold of those that count, in microseconds; none where there are none.
    pub fn mean_hold(&self) -> Option<f64> {
        let counted = self.counted();
        let sum: f64 = counted.iter().map(|arrival| arrival.hold as f64).sum();
        (!counted.is_empty()).then(|| sum / counted.len() as f64)
    }

    /// The squared coefficient of variation of the holds: 0 where all are alike, 1 where they are exponential.
    pub fn hold_variation(&self) -> Option<f64> {
        let mean = self.mean_hold().filter(|mean| *mean > 0.0)?;
        let squares: f64 = self.counted().iter().map(|arrival| (arrival.hold as f64 - mean).powi(2)).sum();
        Some(squares / self.counted().len() as f64 / (mean * mean))
    }

    /// The most transactions that began in any `length` microseconds.
    pub fn most_begun(&self, length: i64) -> usize {
        let counted = self.counted();
        let mut first = 0;
        let mut most = 0;
        for (at, arrival) in counted.iter().enumerate() {
            while counted.get(first).is_some_and(|oldest| arrival.start - oldest.start >= length) {
                first += 1;
            }
            most = most.max(at + 1 - first);
        }
        most
    }

    /// The stretch of this length in which most connections were held, as begin and end; all of it where it is shorter.
    pub fn busiest(&self, length: i64) -> (i64, i64) {
        /// Steps in which the stretch moves along.
        const STEPS: i64 = 10;
        /// Steps that are kept at most, whatever the times in a log claim.
        const MOST_STEPS: i64 = 200_000;
        if length <= 0 || self.length() <= length {
            return (self.from, self.to);
        }
        let step = (length / STEPS).max(self.length() / MOST_STEPS).max(1);
        let count = usize::try_from(self.length() / step + 1).unwrap_or(1);
        // a hold adds to its first and last step in part and wholly to those between: differences of these sums
        let mut part = vec![0.0_f64; count];
        let mut slope = vec![0.0_f64; count + 1];
        let width = step as f64;
        for arrival in self.arrivals {
            let (begin, end) = (arrival.start.max(self.from) - self.from, arrival.end().min(self.to) - self.from);
            if end <= begin {
                continue;
            }
            let (first, last) = ((begin / step) as usize, (end / step) as usize);
            if first == last {
                add(&mut part, first, (end - begin) as f64);
                continue;
            }
            add(&mut part, first, width - (begin % step) as f64);
            add(&mut part, last, (end % step) as f64);
            add(&mut slope, first + 1, width);
            add(&mut slope, last, -width);
        }
        let mut whole = 0.0;
        for (part, slope) in part.iter_mut().zip(&slope) {
            whole += slope;
            *part += whole;
        }
        let steps = usize::try_from((length / step).max(1)).unwrap_or(1);
        // the last step may be cut short by the end of the view, so a stretch may not begin too late to be whole
        let last_start = usize::try_from((self.length() - length) / step).unwrap_or(0);
        let mut held: f64 = part.iter().take(steps).sum();
        let (mut best, mut most) = (0, held);
        for start in 1..=last_start {
            held += part.get(start + steps - 1).unwrap_or(&0.0) - part.get(start - 1).unwrap_or(&0.0);
            // rounding may not move the stretch: later ones must be busier by more than that
            if held > most * (1.0 + 1e-9) {
                (best, most) = (start, held);
            }
        }
        // the steps need not reach the end, where the traffic may be
        let last = self.to.saturating_sub(length);
        let inside =
            |arrival: &Arrival| arrival.end().min(self.to).saturating_sub(arrival.start.max(last)).max(0) as f64;
        if self.arrivals.iter().map(inside).sum::<f64>() > most * (1.0 + 1e-9) {
            return (last, self.to);
        }
        let from = self.from.saturating_add(step.saturating_mul(best as i64));
        (from, from.saturating_add(length).min(self.to))
    }

    /// The same stretch with `factor` times as many transactions, as dense where it was dense.
    ///
    /// A copy begins somewhere up to the next transaction and holds as long as another one that began about then: copies
    /// that were exactly alike would come in pairs, which no traffic does. Below 1, transactions are left out at random.
    /// What began before the view, and only fills the pool, is multiplied alike.
    pub fn multiplied(&self, factor: f64, seed: u64) -> Trace {
        let factor = if factor.is_finite() { factor.max(0.0) } else { 1.0 };
        let factor = factor.min(MOST as f64 / self.arrivals.len().max(1) as f64);
        let mut random = Random::seeded(seed);
        let mut arrivals = Vec::with_capacity((self.arrivals.len() as f64 * factor) as usize + 16);
        for (at, arrival) in self.arrivals.iter().enumerate() {
            let copies = factor.floor() as u64 + u64::from(random.unit() < factor.fract());
            let room = self.arrivals.get(at + 1).map_or(0, |next| next.start - arrival.start);
            for copy in 0..copies {
                let start = match copy {
                    0 => arrival.start,
                    _ => arrival.start + random.below(u64::try_from(room).unwrap_or(0)) as i64,
                };
                let hold = if copy == 0 { arrival.hold } else { self.near(at, &mut random) };
                arrivals.push(Arrival { start, hold });
            }
        }
        Trace::new(arrivals, self.from, self.to)
    }

    /// The hold of one of the transactions around this one.
    fn near(&self, at: usize, random: &mut Random) -> i64 {
        const AROUND: usize = 50;
        let begin = at.saturating_sub(AROUND);
        let end = (at + AROUND + 1).min(self.arrivals.len());
        let chosen = begin + random.below((end - begin) as u64) as usize;
        self.arrivals.get(chosen).map_or(0, |arrival| arrival.hold)
    }
}

fn add(sums: &mut [f64], at: usize, value: f64) {
    if let Some(sum) = sums.get_mut(at) {
        *sum += value;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) const SECOND: i64 = 1_000_000;

    pub(crate) fn poisson(seed: u64, count: usize, rate: f64, hold: impl Fn(&mut Random) -> f64) -> Trace {
        let mut random = Random::seeded(seed);
        let mut at = 0.0;
        let mut arrivals = Vec::with_capacity(count);
        for _ in 0..count {
            at += random.exponential(1e6 / rate);
            arrivals.push(Arrival { start: at as i64, hold: hold(&mut random) as i64 });
        }
        Trace::new(arrivals, 0, at as i64 + 1)
    }

    fn trace(spans: &[(i64, i64)], to: i64) -> Trace {
        Trace::new(spans.iter().map(|&(start, hold)| Arrival { start, hold }).collect(), 0, to)
    }

    #[test]
    fn what_reaches_over_the_end_counts_up_to_it() {
        let trace = trace(&[(5, 10), (0, 10), (90, 20)], 100);
        assert_eq!(trace.view().arrivals[0].start, 0);
        assert!((trace.view().erlangs() - 0.3).abs() < 1e-12);
        assert!((trace.view().rate() - 30_000.0).abs() < 1e-6);
        assert!((trace.view().mean_hold().unwrap() - 40.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_part_keeps_what_was_under_way() {
        let trace = trace(&[(0, 60), (10, 5), (50, 10), (120, 5)], 200);
        let part = trace.part(50, 100);
        assert_eq!(part.counted(), [Arrival { start: 50, hold: 10 }]);
        assert!((part.erlangs() - 0.4).abs() < 1e-12, "{}", part.erlangs());
        assert_eq!(trace.part(300, 400).counted(), []);
        assert_eq!(trace.part(300, 400).length(), 0);
    }

    #[test]
    fn the_busiest_stretch() {
        let mut spans: Vec<(i64, i64)> = (0..100).map(|second| (second * SECOND, SECOND / 10)).collect();
        spans.extend((0..50).map(|n| (42 * SECOND + n * SECOND / 10, SECOND)));
        let trace = trace(&spans, 100 * SECOND);
        let (from, to) = trace.view().busiest(10 * SECOND);
        assert_eq!(to - from, 10 * SECOND);
        assert!(from <= 42 * SECOND && to >= 48 * SECOND, "{from} {to}");
        assert_eq!(trace.view().busiest(200 * SECOND), (0, 100 * SECOND));
        assert_eq!(trace.view().busiest(0), (0, 100 * SECOND));
        // one long hold makes its own time busy, not the time it began
        let (from, _) = self::trace(&[(0, 10), (20 * SECOND, 70 * SECOND)], 100 * SECOND).view().busiest(60 * SECOND);
        assert!((20 * SECOND..=30 * SECOND).contains(&from), "{from}");
    }

    #[test]
    fn times_from_another_age_do_no_harm() {
        let trace = Trace::new(
            vec![Arrival { start: i64::MIN / 2, hold: i64::MAX }, Arrival { start: 5, hold: -7 }],
            i64::MIN / 2,
            i64::MAX / 2,
        );
        let view = trace.view();
        let (from, to) = view.busiest(60 * SECOND);
        assert!(from < to);
        assert!(view.erlangs().is_finite());
        assert_eq!(view.most_begun(SECOND), 1);
    }

    #[test]
    fn most_begun_in_a_minute() {
        let trace = trace(&[(0, 1), (10, 1), (59, 1), (60, 1), (119, 1)], 200);
        assert_eq!(trace.view().most_begun(60), 3);
        assert_eq!(Trace::default().view().most_begun(60), 0);
    }

    #[test]
    fn twice_the_traffic_is_twice_the_load_where_it_was() {
        let trace = poisson(3, 20_000, 100.0, |random| random.exponential(20_000.0));
        let double = trace.view().multiplied(2.0, 1);
        assert_eq!(double.len(), 40_000);
        assert!((double.view().erlangs() / trace.view().erlangs() - 2.0).abs() < 0.05);
        let half = trace.view().multiplied(0.5, 1);
        assert!((half.view().erlangs() / trace.view().erlangs() - 0.5).abs() < 0.03);
        assert_eq!(trace.view().multiplied(1.0, 1), trace);
        assert_eq!(trace.view().multiplied(f64::NAN, 1), trace);
        assert!(trace.view().multiplied(-1.0, 1).is_empty());
    }

    #[test]
    fn what_comes_at_the_very_end_is_seen() {
        assert_eq!(trace(&[(939, 61)], 1000).view().busiest(770), (230, 1000));
    }

    proptest! {
        #[test]
        fn the_busiest_stretch_is_no_less_busy_than_all(spans in prop::collection::vec((0_i64..1000, 0_i64..300), 1..60), length in 1_i64..1000) {
            let trace = trace(&spans, 1000);
            let (from, to) = trace.view().busiest(length);
            prop_assert!(from >= 0 && to <= 1000 && from < to);
            // stretches do not tile the whole, and move in steps: half the mean is certain
            prop_assert!(trace.part(from, to).erlangs() * 2.0 + 1e-9 >= trace.view().erlangs() * 0.5);
        }
    }
}
