//! What a report of a pool has to say, in words: the size and why, the demand, what other sizes would do, what fits.

use super::digest;
use crate::finding::{Unit, humane};
use crate::pool::advice::{Advice, Formula, Part};
use crate::pool::budget::Budget;
use crate::pool::decide::Holder;
use crate::pool::predict::{Method, Predicted};
use crate::report::{Body, Report};

/// The advice of a report that is one.
pub(super) struct Sized<'a> {
    pub(super) advice: &'a Advice,
}

/// Keys whose demand is listed without being asked for more.
pub(super) const PARTS: usize = 8;

impl<'a> Sized<'a> {
    pub(super) fn of(report: &'a Report) -> Option<Self> {
        match &report.body {
            Body::Pool { pool } => Some(Self { advice: pool }),
            Body::Audit { .. } | Body::Logs { .. } | Body::Review { .. } => None,
        }
    }

    /// The answer, in a line.
    pub(super) fn answer(&self) -> String {
        let advice = self.advice;
        match (advice.recommended, advice.per_instance) {
            (Some(all), Some(each)) if advice.instances > 1 => {
                format!("{all} connections: {each} in each of {} instances", advice.instances)
            }
            (Some(all), _) => digest::plural(u64::from(all), "connection"),
            (None, _) => "no size is recommended".to_owned(),
        }
    }

    /// What decided, with what it was held against.
    pub(super) fn binding(&self) -> String {
        let advice = self.advice;
        let known = |value: Option<u32>| value.map_or("?".to_owned(), |value| value.to_string());
        let bounds = match (advice.demand_low, advice.demand_high) {
            (Some(low), Some(high)) if low < high => format!(" ({low} to {high} in other times of the same traffic)"),
            _ => String::new(),
        };
        format!(
            "{} decides: demand {}{bounds}, capacity {}, checklist {}",
            advice.binding.as_str().replace('_', " "),
            known(advice.demand),
            known(advice.capacity),
            known(advice.checklist)
        )
    }

    /// How the demand is known.
    pub(super) fn known(&self) -> Vec<String> {
        let advice = self.advice;
        vec![format!("by {}", advice.tier), format!("confidence {}", advice.confidence)]
    }

    /// The demand, in short parts.
    pub(super) fn demand(&self) -> Vec<String> {
        let advice = self.advice;
        let mut parts = Vec::new();
        let between = match (advice.demand_erlangs_low, advice.demand_erlangs_high) {
            (Some(low), Some(high)) => format!(" ({} to {})", number(low), number(high)),
            _ => String::new(),
        };
        parts.push(format!("{} connections held at once on average{between}", number(advice.demand_erlangs)));
        parts.extend(advice.peak_erlangs.map(|peak| format!("{} in the busiest time", number(peak))));
        parts.extend(advice.observed_max.map(|most| format!("{most} at most")));
        parts.extend(advice.idle_erlangs.map(|idle| format!("{} of them idle in a transaction", number(idle))));
        parts.extend(advice.arrivals_per_second.map(|rate| format!("{} transactions a second", number(rate))));
        parts.extend(advice.mean_hold_ms.map(|hold| format!("each holds for {}", millis(hold))));
        let burst = advice.dispersion.iter().max_by(|a, b| a.index.total_cmp(&b.index));
        parts.extend(burst.map(|burst| {
            let scale = humane(burst.scale_seconds, &Unit::Seconds);
            format!("index of dispersion {} over {scale} (random traffic: 1)", number(burst.index))
        }));
        if advice.censored {
            parts.push("a lower bound: the pool was full".to_owned());
        }
        parts
    }

    /// The heads of the table of sizes; the median is there where there is room for it.
    pub(super) fn heads(&self, is_wide: bool) -> Vec<&'static str> {
        let mut heads = vec!["size"];
        if self.advice.instances > 1 {
            heads.push("each");
        }
        heads.push("mean");
        if is_wide {
            heads.push("p50");
        }
        heads.extend(["p95", "p99", "p99 between", "wait", "time out", "busy"]);
        heads
    }

    /// What a size would do, under those heads, and what is special about it.
    pub(super) fn row(&self, row: &Predicted, is_wide: bool) -> (Vec<String>, String) {
        let advice = self.advice;
        let mut cells = vec![row.size.to_string()];
        if advice.instances > 1 {
            cells.push(row.per_instance.to_string());
        }
        let wait = |value: Option<f64>| match value {
            _ if !row.is_stable => "grows".to_owned(),
            // above 85 % a little more traffic changes everything
            Some(value) if row.is_band => format!("~{}", millis(value)),
            Some(value) => millis(value),
            None => "?".to_owned(),
        };
        let median = is_wide.then_some(row.wait_p50_ms);
        cells.extend([Some(row.wait_mean_ms), median, Some(row.wait_p95_ms)].into_iter().flatten().map(wait));
        cells.push(match (row.wait_p99_ms, row.wait_p99_holds) {
            (None, Some(holds)) if row.is_stable => format!("{} holds", number(holds)),
            (p99, _) => wait(p99),
        });
        cells.push(match (row.low, row.high) {
            (Some(low), Some(high)) if row.is_stable => format!("{} to {}", millis(low), millis(high)),
            _ => "?".to_owned(),
        });
        cells.extend(
            [row.chance_of_waiting, row.chance_of_timeout].map(|chance| chance.map_or("?".to_owned(), percent)),
        );
        cells.push(percent(row.utilisation));
        let names = [
            (advice.recommended, "recommended"),
            (advice.capacity, "capacity"),
            (advice.checklist, "checklist"),
            (advice.observed_max, "most seen"),
        ];
        let named = names.iter().filter(|(size, _)| *size == Some(row.size)).map(|(_, name)| *name);
        (cells, named.collect::<Vec<_>>().join(", "))
    }

    /// How waits were predicted.
    pub(super) fn method(&self) -> &'static str {
        match self.advice.method {
            Method::Simulation => {
                "the traced transactions replayed against pools of each size, first come first served"
            }
            Method::ErlangC => "Erlang's formula for clients that come at random",
            Method::Other(_) => "",
        }
    }

    /// Each bound with its formula.
    pub(super) fn formula(&self, formula: &Formula) -> [String; 3] {
        let name = formula.name.replace('_', " ");
        let value = formula.value.map_or("?".to_owned(), |value| value.to_string());
        let because = formula.because.as_ref().map(|because| format!(": {because}")).unwrap_or_default();
        [name, value, format!("{}{because}", formula.text)]
    }

    /// The sum of the pools and what the server has.
    pub(super) fn budget(&self, budget: &Budget) -> Vec<String> {
        let verdict = if budget.fits { "fits" } else { "does not fit" };
        let mut lines =
            vec![format!("{verdict}: {} of {} connections ({})", budget.connections, budget.available, budget.formula)];
        lines.extend(budget.shares.iter().map(|share| {
            let surge = if share.surge > 0 { format!(" + {} while deploying", share.surge) } else { String::new() };
            let times = format!("{} × ({} instances{surge})", share.size, share.instances);
            format!("{}: {times} = {}", share.name, share.connections)
        }));
        lines.extend(budget.problems.iter().cloned());
        lines
    }

    /// A statement after which transactions wait for their client.
    pub(super) fn holder(&self, holder: &Holder) -> String {
        let query = holder.query.as_deref().unwrap_or("(its text is not known)");
        format!(
            "{}: {} idle in {}, the longest {}, after {query}",
            holder.fingerprint,
            humane(holder.idle_seconds, &Unit::Seconds),
            digest::plural(holder.transactions, "transaction"),
            humane(holder.longest_seconds, &Unit::Seconds)
        )
    }

    /// The demand of a part, under `whose, held, busiest, most, hold`.
    pub(super) fn part(&self, part: &Part) -> Vec<String> {
        let known = |value: Option<f64>| value.map_or("?".to_owned(), number);
        vec![
            part.key.label(),
            number(part.erlangs),
            known(part.peak_erlangs),
            part.observed_max.map_or("?".to_owned(), |most| most.to_string()),
            part.mean_hold_ms.map_or("?".to_owned(), millis),
        ]
    }
}

/// Three significant digits.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        size if size >= 0.001 => format!("{value:.4}"),
        _ => "<0.001".to_owned(),
    }
}

fn millis(value: f64) -> String {
    match value {
        value if value <= 0.0 => "0 ms".to_owned(),
        value if value < 0.001 => "<0.001 ms".to_owned(),
        value => humane(value, &Unit::Milliseconds),
    }
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".to_owned(),
        share if share < 0.1 => "<0.1 %".to_owned(),
        share if share < 10.0 => format!("{share:.1} %"),
        share => format!("{share:.0} %"),
    }
}
