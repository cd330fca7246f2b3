//! What the server can carry, and what the checklist says, each with its formula and the numbers in it.

use super::demand::Demand;
use serde::{Deserialize, Serialize};

/// A number that was computed, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// The number of connections; none where something is not known.
    pub value: Option<u32>,
    /// The formula, in words.
    pub formula: String,
    /// What went into it.
    pub inputs: Vec<Operand>,
    /// Why there is no number, and what would supply it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// A number in a formula.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operand {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Where it comes from.
    pub source: String,
}

impl Bound {
    fn new(formula: &str) -> Self {
        Self { value: None, formula: formula.to_owned(), inputs: Vec::new(), because: None }
    }

    fn with(mut self, name: &str, value: f64, source: &str) -> Self {
        self.inputs.push(Operand { name: name.to_owned(), value, source: source.to_owned() });
        self
    }

    fn unknown(mut self, because: &str) -> Self {
        self.because = Some(because.to_owned());
        self
    }

    fn known(mut self, value: f64) -> Self {
        // a quotient that is whole stays so, whatever its last digit
        self.value = value.is_finite().then_some((value + 1e-6).clamp(0.0, f64::from(u32::MAX)) as u32);
        self
    }

    /// The formula with its numbers: `cores × 2, cores 4`.
    pub fn spelt(&self) -> String {
        let inputs = self.inputs.iter().map(|input| format!("{} {}", input.name, short(input.value)));
        std::iter::once(self.formula.clone()).chain(inputs).collect::<Vec<_>>().join(", ")
    }
}

/// A number without needless digits.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        size if value.fract() == 0.0 && size < 1e15 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// What is known of the machine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Machine {
    /// The processor cores of the database server; SQL cannot read them.
    pub cores: Option<u32>,
    /// Where that number comes from: `--cores`, `read over the unix socket`.
    pub cores_source: String,
    /// Requests that its storage serves at once.
    pub parallel_io: Option<u32>,
    /// Processes that work for one statement, on average; 1 without parallel queries.
    pub parallelism: Option<f64>,
}

/// What the application holds at once, for the floor below which it can lock itself up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tasks {
    /// Tasks at once in one instance.
    pub tasks: Option<u32>,
    /// Connections that one of them holds at the same time.
    pub connections_per_task: Option<u32>,
}

/// What the server can carry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// The number of connections above which more of them only queue inside the server; none where the cores are not known.
    pub limit: Option<u32>,
    /// Twice the cores.
    pub cores: Bound,
    /// By the share of the held time in which the server works.
    pub busy_ratio: Bound,
}

const NO_CORES: &str = "the cores of the server are not known, and SQL cannot read them: --cores";

/// From the machine and how transactions use it.
///
/// Twice the cores is right where transactions work all the time. Where clients idle in transactions the server can carry more
/// of them, by Albe's bound, so the larger of both is the limit. Neither is a law: measured throughput was best from 2 to 8
/// connections a core.
pub fn capacity(machine: &Machine, demand: &Demand) -> Capacity {
    let twice = Bound::new("cores × 2");
    let ratio = Bound::new("max(cores, parallel I/O) ÷ (busy ratio × parallelism)");
    let Some(cores) = machine.cores.filter(|cores| *cores > 0) else {
        return Capacity { limit: None, cores: twice.unknown(NO_CORES), busy_ratio: ratio.unknown(NO_CORES) };
    };
    let source = machine.cores_source.as_str();
    let twice = twice.with("cores", f64::from(cores), source).known(f64::from(cores) * 2.0);
    let ratio = ratio.with("cores", f64::from(cores), source);
    let ratio = match demand.busy_ratio().filter(|ratio| *ratio > 0.0) {
        None => ratio.unknown("how much of their time transactions work is not known"),
        Some(busy) => {
            let io = machine.parallel_io.unwrap_or(0);
            let parallelism = machine.parallelism.filter(|value| *value >= 1.0).unwrap_or(1.0);
            let ratio = if io > 0 { ratio.with("parallel I/O", f64::from(io), "given") } else { ratio };
            ratio
                .with("busy ratio", busy, "active ÷ (active + idle in transaction)")
                .with(
                    "parallelism",
                    parallelism,
                    if machine.parallelism.is_some() { "given" } else { "no parallel queries" },
                )
                .known(f64::from(cores.max(io)) / (busy * parallelism))
        }
    };
    Capacity { limit: twice.value.max(ratio.value), cores: twice, busy_ratio: ratio }
}

/// The fewest connections with which tasks that hold several cannot wait for each other for ever.
pub fn deadlock_floor(tasks: Tasks) -> Bound {
    let floor = Bound::new("tasks × (connections per task − 1) + 1");
    match (tasks.tasks, tasks.connections_per_task) {
        (Some(tasks), Some(each)) => floor
            .with("tasks", f64::from(tasks), "--tasks")
            .with("connections per task", f64::from(each), "--connections-per-task")
            .known(f64::from(tasks) * (f64::from(each) - 1.0).max(0.0) + 1.0),
        (Some(tasks), None) => {
            floor.with("tasks", f64::from(tasks), "--tasks").unknown("--connections-per-task is not given")
        }
        (None, Some(each)) => floor
            .with("connections per task", f64::from(each), "--connections-per-task")
            .unknown("--tasks is not given"),
        (None, None) => floor.unknown("each task is taken to hold one connection: --connections-per-task and --tasks"),
    }
}

/// What the checklist's formula says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checklist {
    /// The larger of both, as the checklist words it; none where the formula lacks a number.
    pub value: Option<u32>,
    /// The formula.
    pub formula: Bound,
    /// What it is checked against.
    pub cross_check: Bound,
}

/// The checklist's formula, over transactions: requests are not visible from a database.
pub fn checklist(machine: &Machine, demand: &Demand) -> Checklist {
    let formula = Bound::new("ceil(peak transactions a second × mean seconds × 1.3)");
    let minute = match (demand.peak_per_second, demand.busiest.and_then(|busiest| busiest.arrivals_per_second)) {
        (Some(_), _) => "the minute in which most transactions began (requests are not visible from a database)",
        (None, Some(_)) => "the busiest time",
        (None, None) => "the mean: the peak is not known",
    };
    let formula = match (demand.peak(), demand.mean_hold_seconds) {
        (Some(peak), Some(hold)) => formula
            .with("peak transactions a second", peak, minute)
            .with("mean seconds", hold, "how long a transaction holds its connection")
            .known((peak * hold * 1.3 - 1e-9).ceil().max(1.0)),
        (None, _) => {
            formula.unknown("how many transactions come is not known: samples count sessions; add counters or a log")
        }
        (_, None) => formula.unknown("how long transactions hold is not known: no transaction was seen"),
    };
    let cross_check = match machine.cores.filter(|cores| *cores > 0) {
        Some(cores) => {
            Bound::new("cores × 2").with("cores", f64::from(cores), &machine.cores_source).known(f64::from(cores) * 2.0)
        }
        None => Bound::new("cores × 2").unknown(NO_CORES),
    };
    Checklist { value: formula.value.map(|value| value.max(cross_check.value.unwrap_or(0))), formula, cross_check }
}

#[cfg(test)]
mod tests {
    use super::super::demand::{Key, Period, Tier};
    use super::*;

    fn demand(erlangs: f64, idle: f64) -> Demand {
        let mut demand = Demand::new(Tier::Counters, Key::ALL, Period::micros(0, 60_000_000), erlangs);
        demand.idle_erlangs = Some(idle);
        demand.arrivals_per_second = Some(400.0);
        demand.peak_per_second = Some(500.0);
        demand.mean_hold_seconds = Some(0.015);
        demand
    }

    fn machine(cores: u32) -> Machine {
        Machine { cores: Some(cores), cores_source: "--cores".into(), ..Machine::default() }
    }

    #[test]
    fn twice_the_cores_where_transactions_work() {
        let capacity = capacity(&machine(4), &demand(7.5, 0.0));
        assert_eq!((capacity.limit, capacity.cores.value, capacity.busy_ratio.value), (Some(8), Some(8), Some(4)));
        assert_eq!(capacity.cores.spelt(), "cores × 2, cores 4");
    }

    #[test]
    fn more_where_they_idle() {
        let mut machine = machine(4);
        let capacity = super::capacity(&machine, &demand(8.0, 6.0));
        assert_eq!((capacity.limit, capacity.busy_ratio.value), (Some(16), Some(16)));
        (machine.parallel_io, machine.parallelism) = (Some(16), Some(2.0));
        assert_eq!(super::capacity(&machine, &demand(8.0, 6.0)).limit, Some(32));
    }

    #[test]
    fn without_cores_it_is_unknown() {
        let capacity = capacity(&Machine::default(), &demand(8.0, 6.0));
        assert_eq!((capacity.limit, capacity.cores.value), (None, None));
        assert!(capacity.cores.because.unwrap().ends_with("--cores"));
        let all_idle = super::capacity(&machine(2), &demand(8.0, 8.0));
        assert_eq!((all_idle.limit, all_idle.busy_ratio.value), (Some(4), None));
    }

    #[test]
    fn the_floor() {
        let floor = |tasks, connections_per_task| deadlock_floor(Tasks { tasks, connections_per_task });
        assert_eq!(floor(Some(8), Some(2)).value, Some(9));
        assert_eq!(floor(Some(8), Some(1)).value, Some(1));
        assert_eq!(floor(Some(u32::MAX), Some(u32::MAX)).value, Some(u32::MAX));
        assert_eq!(floor(Some(8), None).value, None);
        assert!(floor(None, None).because.is_some());
    }

    #[test]
    fn the_checklists_own_example() {
        // 500 a second, 15 ms: 9.75
        let all = checklist(&machine(4), &demand(7.5, 0.0));
        assert_eq!((all.value, all.formula.value, all.cross_check.value), (Some(10), Some(10), Some(8)));
        assert_eq!(checklist(&machine(8), &demand(7.5, 0.0)).value, Some(16));
        assert_eq!(checklist(&Machine::default(), &demand(7.5, 0.0)).value, Some(10));
        let mut unknown = demand(7.5, 0.0);
        unknown.mean_hold_seconds = None;
        assert_eq!(checklist(&machine(4), &unknown).value, None);
        // 100 × 0.1 × 1.3 is thirteen, whatever floating point says
        let mut exact = demand(7.5, 0.0);
        (exact.peak_per_second, exact.arrivals_per_second, exact.mean_hold_seconds) = (Some(100.0), None, Some(0.1));
        assert_eq!(checklist(&Machine::default(), &exact).value, Some(13));
    }
}
