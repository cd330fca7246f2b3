//! Queueing theory for where there is no trace: Erlang's formula for clients that come at random (Poisson) and hold for
//! exponential times. Times are in mean holds, loads in erlangs.
//!
//! Real traffic comes in bursts, which the formula does not know: measured waits were up to 23 times its result. What is
//! known of that goes into the Allen–Cunneen factor; what is not known must be said.

/// A pool under a load, in equilibrium.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Queue {
    load: f64,
    size: u32,
    waiting: f64,
    factor: f64,
}

/// The most connections that are computed: the formula is a recursion over them.
const MOST: u32 = 10_000_000;

impl Queue {
    /// Of so many connections under a load in erlangs; none where they cannot carry it, or it is no load.
    pub fn new(load: f64, size: u32) -> Option<Self> {
        if !(load.is_finite() && load >= 0.0) || load >= f64::from(size) || size > MOST {
            return None;
        }
        let lost = (1..=size).fold(1.0, |lost, size| loss(load, size, lost));
        Some(Self { load, size, waiting: waiting(load, size, lost), factor: 1.0 })
    }

    /// Corrected for arrivals and holds that vary otherwise: (ca² + cs²) ÷ 2 of their squared coefficients of variation.
    /// Good for the mean; for quantiles a rule of thumb.
    #[must_use]
    pub fn corrected(self, factor: f64) -> Self {
        Self { factor: if factor.is_finite() { factor.max(0.0) } else { 1.0 }, ..self }
    }

    /// The chance of having to wait.
    pub fn waiting(&self) -> f64 {
        self.waiting
    }

    /// The mean wait, in mean holds.
    pub fn mean_wait(&self) -> f64 {
        self.waiting / self.spare() * self.factor
    }

    /// The wait that this share does not exceed, in mean holds.
    pub fn wait(&self, share: f64) -> f64 {
        let rest = 1.0 - share;
        if self.waiting <= rest { 0.0 } else { (self.waiting / rest).ln() / self.spare() * self.factor }
    }

    /// The chance of waiting longer than so many mean holds.
    pub fn waiting_longer(&self, holds: f64) -> f64 {
        match self.factor {
            0.0 => 0.0,
            factor => self.waiting * (-holds.max(0.0) * self.spare() / factor).exp(),
        }
    }

    /// The load by the connections.
    pub fn utilisation(&self) -> f64 {
        self.load / f64::from(self.size)
    }

    /// Connections.
    pub fn size(&self) -> u32 {
        self.size
    }

    fn spare(&self) -> f64 {
        f64::from(self.size) - self.load
    }
}

/// Erlang's loss formula for one more connection. It never leaves [0, 1], whatever the number.
fn loss(load: f64, size: u32, before: f64) -> f64 {
    let offered = load * before;
    offered / (f64::from(size) + offered)
}

fn waiting(load: f64, size: u32, lost: f64) -> f64 {
    let size = f64::from(size);
    size * lost / (size - load * (1.0 - lost))
}

/// The fewest connections for which `good` holds; none where that takes more than can be computed.
pub fn smallest(load: f64, good: impl Fn(&Queue) -> bool) -> Option<u32> {
    smallest_corrected(load, 1.0, good)
}

/// The same, corrected by the Allen–Cunneen factor.
pub fn smallest_corrected(load: f64, factor: f64, good: impl Fn(&Queue) -> bool) -> Option<u32> {
    if !(load.is_finite() && load >= 0.0) {
        return None;
    }
    let mut lost = 1.0;
    for size in 1..=MOST {
        lost = loss(load, size, lost);
        if f64::from(size) <= load {
            continue;
        }
        let queue = Queue { load, size, waiting: waiting(load, size, lost), factor: 1.0 }.corrected(factor);
        if good(&queue) {
            return Some(size);
        }
        if queue.waiting < f64::MIN_POSITIVE {
            // nobody waits, and more connections change nothing
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64, off: f64) {
        assert!((found - expected).abs() <= off, "{found} for {expected}");
    }

    #[test]
    fn one_connection_is_the_text_book() {
        let queue = Queue::new(0.8, 1).unwrap();
        near(queue.waiting(), 0.8, 1e-12);
        near(queue.mean_wait(), 4.0, 1e-12);
        near(queue.wait(0.99), 80_f64.ln() / 0.2, 1e-9);
        near(queue.waiting_longer(queue.wait(0.99)), 0.01, 1e-12);
    }

    #[test]
    fn two_connections_by_hand() {
        // C(2, 1) = 1/3
        let queue = Queue::new(1.0, 2).unwrap();
        near(queue.waiting(), 1.0 / 3.0, 1e-12);
        near(queue.mean_wait(), 1.0 / 3.0, 1e-12);
        assert_eq!(queue.wait(0.5), 0.0);
    }

    #[test]
    fn the_table_of_the_reference() {
        // erlangs, connections for a p99 wait of one hold, of a quarter
        for (load, one, quarter) in [
            (0.5, 3, 3),
            (1.0, 4, 4),
            (2.0, 5, 6),
            (5.0, 8, 11),
            (7.5, 11, 14),
            (20.0, 24, 28),
            (50.0, 54, 60),
            (100.0, 105, 112),
            (300.0, 305, 313),
        ] {
            assert_eq!(smallest(load, |queue| queue.wait(0.99) <= 1.0), Some(one), "{load}");
            let found = smallest(load, |queue| queue.wait(0.99) <= 0.25).unwrap();
            assert!(found.abs_diff(quarter) <= 1, "{load}: {found}");
        }
        // the checklist's own example: 7.5 erlangs, 10 connections
        near(Queue::new(7.5, 10).unwrap().wait(0.99), 1.4, 0.05);
        near(Queue::new(2.14, 3).unwrap().mean_wait() * 25.0, 16.3, 1.5);
    }

    #[test]
    fn thousands_of_connections_stay_numbers() {
        for (load, size) in [(3000.0, 3050), (9_900.0, 10_000), (0.001, 10_000), (99_000.0, 100_000)] {
            let queue = Queue::new(load, size).unwrap();
            assert!((0.0..=1.0).contains(&queue.waiting()), "{load} {size}: {queue:?}");
            assert!(queue.wait(0.99).is_finite());
        }
        // square-root staffing: β = 1 means a chance of 0.2234 of waiting
        near(Queue::new(10_000.0, 10_100).unwrap().waiting(), 0.223, 0.005);
    }

    #[test]
    fn what_cannot_be_carried_is_no_queue() {
        assert!(Queue::new(3.0, 3).is_none());
        assert!(Queue::new(f64::NAN, 3).is_none());
        assert!(Queue::new(-1.0, 3).is_none());
        assert!(Queue::new(0.0, 0).is_none());
        assert!(Queue::new(0.0, 1).is_some_and(|queue| queue.waiting() == 0.0 && queue.wait(0.99) == 0.0));
        assert_eq!(smallest(f64::INFINITY, |_| true), None);
        assert_eq!(smallest(1.0, |_| false), None);
        assert_eq!(smallest(0.0, |_| true), Some(1));
    }

    #[test]
    fn the_correction() {
        let queue = Queue::new(0.8, 1).unwrap();
        // equal holds: half the mean
        near(queue.corrected(0.5).mean_wait(), 2.0, 1e-12);
        near(queue.corrected(4.0).wait(0.99), 4.0 * queue.wait(0.99), 1e-9);
        near(queue.corrected(4.0).waiting_longer(queue.corrected(4.0).wait(0.99)), 0.01, 1e-12);
        assert_eq!(queue.corrected(f64::NAN), queue);
        assert_eq!(queue.corrected(0.0).waiting_longer(1.0), 0.0);
        let plain = smallest(2.0, |queue| queue.wait(0.99) <= 1.0).unwrap();
        assert!(smallest_corrected(2.0, 10.0, |queue| queue.wait(0.99) <= 1.0).unwrap() > plain);
    }
}
