//! Demand from the transactions of a log, one by one: the only evidence that knows when clients came and how long each held
//! its connection, and so the only one that can be replayed.

use super::occupancy::Occupancy;
use super::{Busiest, Demand, Demands, Key, Period, Tier, censored};
use crate::pool::dispersion::dispersions;
use crate::pool::trace::{Arrival, Trace, View, sane};
use crate::pool::waits::{Interval, interval};
use std::collections::{BTreeMap, HashMap};

/// A transaction of a log; a statement outside one is one of its own. Times are microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transaction {
    /// What tells its session from others.
    pub session: u64,
    /// Whose it is, as an index into the keys.
    pub key: u32,
    /// When its first statement began; `None` where that was before the log.
    pub start: Option<i64>,
    /// When it ended; `None` where the log ends before.
    pub end: Option<i64>,
    /// Microseconds in it in which no statement ran.
    pub idle: i64,
}

/// What was read from a log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Read {
    /// Whose transactions.
    pub keys: Vec<Key>,
    /// In the order in which the log tells their ends.
    pub transactions: Vec<Transaction>,
    /// The first time in the log.
    pub from: i64,
    /// The last one.
    pub to: i64,
    /// The share of transactions that was logged: `log_transaction_sample_rate`, else 1.
    pub sampled: f64,
    /// Why not every statement of a transaction need be in the log: a threshold, a sample rate of statements.
    pub incomplete: Option<String>,
}

/// A transaction, put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    start: i64,
    hold: i64,
    idle: i64,
    key: u32,
}

/// The transactions of a log, in order, and what they demand.
#[derive(Debug, Clone, PartialEq)]
pub struct Traced {
    /// What is demanded.
    pub demands: Demands,
    /// Whose.
    pub keys: Vec<Key>,
    held: Vec<Held>,
    from: i64,
    to: i64,
    sampled: f64,
}

/// What becomes of the time in a transaction in which no statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// It holds the connection, as it did.
    Kept,
    /// The client does that work outside the transaction.
    Removed,
}

/// The clock of a log may step back by this much without meaning anything: sessions write their lines by turns.
const SLACK: i64 = 1_000_000;
/// A transaction that begins so soon after the one before did not wait for its client.
const SOON: i64 = 1_000;
/// The length of the busiest time.
const BUSIEST: i64 = 60_000_000;
const MINUTE: i64 = 60_000_000;
/// Keys whose demand is told apart; the rest is only in what it rolls up to.
const KEYS: usize = 40;
/// The seed of filling up what a sample left out.
const SEED: u64 = 4;

/// Puts the transactions in order and measures their demand.
pub fn read(mut log: Read) -> Traced {
    (log.from, log.to) = (sane(log.from), sane(log.to));
    let sampled = if log.sampled > 0.0 && log.sampled <= 1.0 { log.sampled } else { 1.0 };
    let mut put = Straightened::default();
    let mut held = put.all(&log);
    held.sort_unstable_by_key(|one| (one.start, one.hold, one.key));
    let to = log.to.saturating_add(put.offset).max(put.last).max(log.from);
    let mut traced = Traced {
        demands: Demands {
            total: Demand::new(Tier::Trace, Key::ALL, Period::micros(log.from, to), 0.0),
            parts: Vec::new(),
        },
        keys: log.keys,
        held,
        from: log.from,
        to,
        sampled,
    };
    let mut notes = put.notes();
    if sampled < 1.0 {
        notes.push(format!(
            "{:.3} % of the transactions were logged: load and rate are divided by that, and the rest is filled in at random \
             around those seen, which makes bursts shorter than a few transactions look calmer",
            sampled * 100.0
        ));
    }
    if let Some(why) = log.incomplete {
        notes.push(format!("{why}: transactions hold for longer than shows, so this is a lower bound"));
    }
    let mut total = traced.demand(Key::ALL, Some(put.back_to_back()));
    total.notes = notes.clone();
    // one database, or one role in it, is often all there is: the same transactions are measured once
    let mut measured: HashMap<Vec<usize>, Demand> = HashMap::new();
    let mut parts = Vec::new();
    for key in traced.largest() {
        let own = traced.indexes(&key);
        let mut demand = match measured.get(&own) {
            Some(same) => Demand { key, ..same.clone() },
            None if own.len() == traced.keys.len() => Demand { key, ..total.clone() },
            None => traced.demand(key, None),
        };
        demand.notes.clone_from(&notes);
        measured.entry(own).or_insert_with(|| demand.clone());
        parts.push(demand);
    }
    traced.demands = Demands::sorted(total, parts);
    traced
}

/// What is wrong with the times of a log, and what was done about it.
#[derive(Debug, Default)]
struct Straightened {
    offset: i64,
    last: i64,
    steps: u64,
    largest_step: i64,
    torn: u64,
    begun_before: u64,
    still_open: u64,
    overlapping: u64,
    followed: u64,
    soon: u64,
    count: u64,
    ends: HashMap<u64, i64>,
}

impl Straightened {
    fn all(&mut self, log: &Read) -> Vec<Held> {
        self.last = log.from;
        let mut held = Vec::with_capacity(log.transactions.len());
        for transaction in &log.transactions {
            held.extend(self.one(transaction, log));
        }
        held
    }

    fn one(&mut self, transaction: &Transaction, log: &Read) -> Option<Held> {
        self.count += 1;
        let end = match transaction.end {
            None => {
                self.still_open += 1;
                log.to.max(self.last.saturating_sub(self.offset))
            }
            Some(end) => {
                let end = sane(end);
                let moved = end.saturating_add(self.offset);
                if moved < self.last.saturating_sub(SLACK) && moved >= log.from {
                    // the clock went back: what follows is put behind what came before
                    self.steps += 1;
                    self.largest_step = self.largest_step.max(self.last - moved);
                    self.offset = self.offset.saturating_add(self.last - moved);
                }
                end
            }
        };
        let moved = end.saturating_add(self.offset);
        if transaction.end.is_some() {
            self.last = self.last.max(moved);
        }
        let hold = match transaction.start {
            Some(start) => end.saturating_sub(sane(start)),
            None => {
                self.begun_before += 1;
                moved.saturating_sub(log.from)
            }
        };
        if hold < 0 {
            self.torn += 1;
            return None;
        }
        let start = moved.saturating_sub(hold);
        if let Some(before) = self.ends.insert(transaction.session, moved) {
            self.followed += 1;
            self.soon += u64::from((0..SOON).contains(&start.saturating_sub(before)));
            self.overlapping += u64::from(before.saturating_sub(start) > SOON);
        }
        Some(Held { start, hold, idle: transaction.idle.clamp(0, hold), key: transaction.key })
    }

    fn back_to_back(&self) -> f64 {
        /// Fewer say nothing.
        const FEWEST: u64 = 20;
        if self.followed < FEWEST { 0.0 } else { self.soon as f64 / self.followed as f64 }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.steps > 0 {
            notes.push(format!(
                "the clock of the log went back {} times, by up to {:.0} seconds: what came after is put behind what came before",
                self.steps,
                self.largest_step as f64 / 1e6
            ));
        }
        if self.torn > 0 {
            notes.push(format!("{} transactions that end before they begin are left out", self.torn));
        }
        if self.begun_before > 0 {
            notes.push(format!(
                "{} transactions began before the log: they count from its first line",
                self.begun_before
            ));
        }
        if self.still_open > 0 {
            notes.push(format!(
                "{} transactions were open at the end of the log: they count up to its last line",
                self.still_open
            ));
        }
        if self.overlapping * 1000 > self.count {
            notes.push(format!(
                "{} transactions overlap with another one of the same session: sessions are not told apart well, and the \
                 demand may be too high",
                self.overlapping
            ));
        }
        notes
    }
}

impl Traced {
    /// The transactions of a key and its parts, as they can be replayed; what a sample left out is filled in.
    pub fn trace(&self, key: &Key, idle: Idle) -> Trace {
        let trace = self.seen(key, idle);
        if self.sampled < 1.0 { trace.view().multiplied(1.0 / self.sampled, SEED) } else { trace }
    }

    /// Connections idle in a transaction at once, on average, of those that were logged.
    fn idle(&self, key: &Key) -> f64 {
        let length = (self.to - self.from) as f64;
        let is_own = self.own(key);
        let idle = |one: &Held| {
            let inside = one.start.saturating_add(one.hold).min(self.to) - one.start.max(self.from);
            one.idle as f64 * (inside.max(0) as f64 / one.hold.max(1) as f64)
        };
        let own = self.held.iter().filter(|one| is_own.get(one.key as usize).copied().unwrap_or(*key == Key::ALL));
        if length > 0.0 { own.map(idle).sum::<f64>() / length } else { 0.0 }
    }

    fn own(&self, key: &Key) -> Vec<bool> {
        self.keys.iter().map(|other| key.covers(other)).collect()
    }

    /// Only those that were logged.
    fn seen(&self, key: &Key, idle: Idle) -> Trace {
        let is_own = self.own(key);
        let is_all = *key == Key::ALL;
        let own = self.held.iter().filter(|one| is_all || is_own.get(one.key as usize).copied().unwrap_or(false));
        let hold = |one: &Held| if idle == Idle::Removed { one.hold - one.idle } else { one.hold };
        let arrivals = own.map(|one| Arrival { start: one.start, hold: hold(one) }).collect();
        Trace::new(arrivals, self.from, self.to)
    }

    /// Which keys are this one's, or parts of it.
    fn indexes(&self, key: &Key) -> Vec<usize> {
        self.keys.iter().enumerate().filter(|(_, other)| key.covers(other)).map(|(index, _)| index).collect()
    }

    /// The keys, and what they roll up to, that hold most.
    fn largest(&self) -> Vec<Key> {
        let mut sums: Vec<f64> = vec![0.0; self.keys.len()];
        for one in &self.held {
            if let Some(sum) = sums.get_mut(one.key as usize) {
                *sum += one.hold as f64;
            }
        }
        let mut by_key: BTreeMap<Key, f64> = BTreeMap::new();
        for (key, sum) in self.keys.iter().zip(&sums) {
            for part in key.roll_ups().into_iter().skip(1) {
                *by_key.entry(part).or_default() += sum;
            }
        }
        let mut sorted: Vec<(Key, f64)> = by_key.into_iter().collect();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        sorted.into_iter().take(KEYS).map(|(key, _)| key).collect()
    }

    fn demand(&self, key: Key, back_to_back: Option<f64>) -> Demand {
        let trace = self.seen(&key, Idle::Kept);
        let view = trace.view();
        let share = self.sampled;
        let mut demand = Demand::new(Tier::Trace, key, Period::micros(self.from, self.to), view.erlangs() / share);
        demand.idle_erlangs = Some((self.idle(&demand.key) / share).min(demand.erlangs));
        demand.interval = erlang_interval(&view, share);
        demand.arrivals_per_second = Some(view.rate() / share);
        demand.mean_hold_seconds = view.mean_hold().map(|hold| hold / 1e6);
        demand.hold_variation = view.hold_variation();
        let minute = view.length().clamp(1, MINUTE);
        demand.peak_per_second = Some(view.most_begun(minute) as f64 * 1e6 / minute as f64 / share);
        let (from, to) = view.busiest(BUSIEST);
        let part = trace.part(from, to);
        demand.busiest = Some(Busiest {
            period: Period::micros(from, to),
            erlangs: part.erlangs() / share,
            arrivals_per_second: Some(part.rate() / share),
            mean_hold_seconds: part.mean_hold().map(|hold| hold / 1e6),
        });
        demand.dispersion = dispersions(&view, share);
        let occupancy = occupancy(&view);
        // of a sample neither the greatest number nor the time at it says anything
        if share >= 1.0 {
            demand.observed_max = Some(occupancy.most());
            demand.censored = censored(&occupancy, back_to_back);
            demand.occupancy = Some(occupancy);
        }
        demand
    }
}

/// For what share of the view how many connections were held.
fn occupancy(view: &View<'_>) -> Occupancy {
    let mut ends: Vec<i64> = view.arrivals.iter().map(|arrival| arrival.end()).collect();
    ends.sort_unstable();
    let mut shares = vec![0.0];
    let (mut held, mut at) = (0_usize, view.from);
    let mut until = |to: i64, held: usize| {
        let to = to.clamp(view.from, view.to);
        if to > at {
            if held >= shares.len() {
                shares.resize(held + 1, 0.0);
            }
            if let Some(share) = shares.get_mut(held) {
                *share += (to as f64 - at as f64) / (view.length().max(1)) as f64;
            }
            at = to;
        }
    };
    let mut ending = ends.iter().peekable();
    for arrival in view.arrivals {
        while let Some(end) = ending.next_if(|end| **end <= arrival.start) {
            until(*end, held);
            held = held.saturating_sub(1);
        }
        until(arrival.start, held);
        held += 1;
    }
    for end in ending {
        until(*end, held);
        held = held.saturating_sub(1);
    }
    until(view.to, held);
    Occupancy { shares }
}

/// How much the load differs between stretches of the trace, resampled.
fn erlang_interval(view: &View<'_>, share: f64) -> Option<Interval> {
    const BLOCKS: i64 = 40;
    const REPLICATES: usize = 400;
    const SHORTEST: i64 = 100_000;
    let length = view.length() / BLOCKS;
    if length < SHORTEST {
        return None;
    }
    let mut held = vec![0.0; BLOCKS as usize];
    for arrival in view.arrivals {
        let (mut at, end) = (arrival.start.max(view.from), arrival.end().min(view.to));
        while at < end {
            let block = (at - view.from) / length;
            let until = (view.from + (block + 1) * length).min(end);
            if let Some(sum) = held.get_mut(block as usize) {
                *sum += (until - at) as f64 / length as f64;
            }
            at = until;
        }
    }
    let mut random = crate::pool::random::Random::seeded(crate::pool::simulate::SEED);
    let mean = |_| {
        let drawn = (0..BLOCKS).filter_map(|_| held.get(random.below(BLOCKS as u64) as usize));
        drawn.sum::<f64>() / BLOCKS as f64 / share
    };
    Some(interval((0..REPLICATES).map(mean).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::key;
    use super::*;
    use crate::pool::trace::tests::{SECOND, poisson};
    use proptest::prelude::*;

    fn transaction(session: u64, start: i64, end: i64) -> Transaction {
        Transaction { session, key: 0, start: Some(start), end: Some(end), idle: 0 }
    }

    fn log(transactions: Vec<Transaction>, to: i64) -> Read {
        Read { keys: vec![key("shop", "app", "web")], transactions, from: 0, to, sampled: 1.0, incomplete: None }
    }

    fn random_log(rate: f64, count: usize) -> Read {
        let trace = poisson(2, count, rate, |random| random.exponential(25_000.0));
        let mut free: Vec<i64> = Vec::new();
        let mut transactions: Vec<Transaction> = Vec::new();
        for arrival in trace.view().arrivals {
            let session = free.iter().position(|end| *end <= arrival.start).unwrap_or_else(|| {
                free.push(0);
                free.len() - 1
            });
            free[session] = arrival.end();
            let idle = arrival.hold / 4;
            transactions.push(Transaction { idle, ..transaction(session as u64, arrival.start, arrival.end()) });
        }
        transactions.sort_by_key(|one| one.end);
        log(transactions, trace.view().to)
    }

    #[test]
    fn random_traffic() {
        let traced = read(random_log(80.0, 20_000));
        let total = &traced.demands.total;
        assert!((total.erlangs - 2.0).abs() < 0.1, "{}", total.erlangs);
        assert!((total.idle_erlangs.unwrap() / total.erlangs - 0.25).abs() < 0.01);
        assert!((total.hold_variation.unwrap() - 1.0).abs() < 0.1);
        assert!((total.occupancy.as_ref().unwrap().mean() - total.erlangs).abs() < 1e-9);
        assert!((total.occupancy.as_ref().unwrap().shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!((7..=12).contains(&total.observed_max.unwrap()), "{:?}", total.observed_max);
        assert!(total.censored.is_none(), "{:?}", total.censored);
        assert!(total.notes.is_empty(), "{:?}", total.notes);
        let interval = total.interval.unwrap();
        assert!(interval.low < total.erlangs && total.erlangs < interval.high);
        assert!(total.load() > total.erlangs && total.peak().unwrap() > 80.0);
        assert!(total.dispersion.iter().all(|found| (found.index - 1.0).abs() < 0.5), "{:?}", total.dispersion);
        let without = traced.trace(&Key::ALL, Idle::Removed);
        assert!((without.view().erlangs() / total.erlangs - 0.75).abs() < 0.01);
        assert_eq!(traced.demands.parts.len(), 3);
    }

    #[test]
    fn a_sample_is_scaled_up() {
        let mut whole = random_log(400.0, 100_000);
        let expected = read(whole.clone()).demands.total;
        let mut random = crate::pool::random::Random::seeded(1);
        whole.transactions.retain(|_| random.unit() < 0.1);
        whole.sampled = 0.1;
        let traced = read(whole);
        let total = &traced.demands.total;
        assert!((total.erlangs / expected.erlangs - 1.0).abs() < 0.05, "{} {}", total.erlangs, expected.erlangs);
        assert!((total.arrivals_per_second.unwrap() / 400.0 - 1.0).abs() < 0.05);
        let filled = traced.trace(&Key::ALL, Idle::Kept);
        assert!((filled.view().erlangs() / expected.erlangs - 1.0).abs() < 0.05);
        assert_eq!(total.observed_max, None);
        assert!(total.notes[0].starts_with("10.000 % of the transactions"), "{:?}", total.notes);
    }

    #[test]
    fn a_log_may_begin_and_end_in_the_middle() {
        let open = |start, end| Transaction { start, end, ..transaction(1, 0, 0) };
        let log = log(vec![open(None, Some(10 * SECOND)), open(Some(90 * SECOND), None)], 100 * SECOND);
        let traced = read(log);
        let total = &traced.demands.total;
        assert!((total.erlangs - 0.2).abs() < 1e-9, "{}", total.erlangs);
        assert_eq!(total.notes.len(), 2);
        assert!(total.notes[0].starts_with("1 transactions began before the log"));
        assert!(total.notes[1].starts_with("1 transactions were open at the end"));
    }

    #[test]
    fn a_clock_that_goes_back() {
        let second = |n: i64| n * SECOND;
        let mut all: Vec<Transaction> = (0..100).map(|n| transaction(1, second(n), second(n) + SECOND / 2)).collect();
        // an hour's jump, as in autumn; one transaction lies over it
        all.push(transaction(2, second(99), second(60)));
        all.extend((60..160).map(|n| transaction(1, second(n), second(n) + SECOND / 2)));
        let traced = read(log(all, second(160)));
        let total = &traced.demands.total;
        assert!((total.erlangs - 0.5).abs() < 0.02, "{}", total.erlangs);
        assert_eq!(total.observed_max, Some(1));
        assert!((total.period.seconds - 200.0).abs() < 1.5, "{:?}", total.period);
        assert!(
            total.notes[0].starts_with("the clock of the log went back 1 times, by up to 40 seconds"),
            "{:?}",
            total.notes
        );
        assert!(total.notes[1].starts_with("1 transactions that end before they begin"));
        // lines that swap places mean nothing
        let swapped = vec![transaction(1, 0, SECOND + 300), transaction(2, 0, SECOND)];
        assert!(read(log(swapped, 2 * SECOND)).demands.total.notes.is_empty());
    }

    #[test]
    fn a_full_pool_shows() {
        // two connections, one transaction after the other
        let all: Vec<Transaction> =
            (0..2000).map(|n| transaction(n % 2, (n as i64 / 2) * 1000, (n as i64 / 2) * 1000 + 900)).collect();
        let total = read(log(all, SECOND)).demands.total;
        let censored = total.censored.unwrap();
        assert!(censored.at_most > 0.89 && censored.back_to_back.unwrap() > 0.99, "{censored:?}");
        assert!(censored.because.starts_with("2 connections were held, and never more, for 90 %"));
    }

    #[test]
    fn keys_are_told_apart() {
        let mut log = random_log(80.0, 1000);
        log.keys.push(key("stock", "app", "web"));
        for one in log.transactions.iter_mut().step_by(4) {
            one.key = 1;
        }
        let traced = read(log);
        let (shop, stock) = (Key::database("shop"), Key::database("stock"));
        let erlangs = |key: &Key| traced.demands.of(key).unwrap().erlangs;
        assert!((erlangs(&shop) + erlangs(&stock) - traced.demands.total.erlangs).abs() < 1e-9);
        assert!(erlangs(&shop) > 2.0 * erlangs(&stock));
        assert_eq!(traced.demands.parts[0].key, shop);
        assert_eq!(traced.trace(&stock, Idle::Kept).len(), 250);
    }

    #[test]
    fn nothing_is_no_traffic() {
        assert!(!read(Read::default()).demands.total.has_traffic());
        let total = read(log(Vec::new(), 600 * SECOND)).demands.total;
        assert!(!total.has_traffic() && total.mean_hold_seconds.is_none());
        assert_eq!(total.peak(), Some(0.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_times_make_it_fail(
            spans in prop::collection::vec((0_u64..3, 0_u32..3, any::<Option<i64>>(), any::<Option<i64>>(), any::<i64>()), 0..30),
            from in any::<i64>(), to in any::<i64>(), sampled in any::<f64>(),
        ) {
            let transactions = spans.into_iter().map(|(session, key, start, end, idle)| Transaction { session, key, start, end, idle }).collect();
            let traced = read(Read { keys: vec![key("shop", "app", "web")], transactions, from, to, sampled: if sampled > 0.5 { sampled } else { 1.0 }, incomplete: None });
            prop_assert!(traced.demands.total.erlangs.is_finite());
        }
    }
}
