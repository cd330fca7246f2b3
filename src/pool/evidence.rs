//! Everything that was measured becomes one advice: the best evidence decides, and what the others add is added.

use super::advice::{Advice, advise};
use super::application_config::{Amount, ApplicationConfig, What};
use super::budget::{Budget, Pools, budget};
use super::capacity::{Machine, Tasks};
use super::console::Pooler;
use super::decide::{Holder, Question, decide};
use super::demand::transactions::Traced;
use super::demand::{Demands, Key, NoDemand, Period, Tier, counters, occupancy, pgbouncer};
use super::predict::Target;
use super::snippets::server::{Backstop, Statements, statements};
use super::snippets::{self, Pool, Sizes};
use super::verdicts::{self, Connections, Cutoffs, Pauses, Proxy, Scraped, Traffic, Verdict};
use super::watch::{Server, Watched};
use super::what_if::WhatIf;

/// What somebody wants to know.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// What the wait must not exceed.
    pub target: Target,
    /// Seconds after which a client gives up; none takes what a configuration says, or ten.
    pub acquire_timeout_seconds: Option<f64>,
    /// Instances of the application, each with a pool.
    pub instances: u32,
    /// Instances that run besides while a deployment replaces them.
    pub surge: u32,
    /// The machine of the server.
    pub machine: Machine,
    /// What tasks hold at once.
    pub tasks: Tasks,
    /// What else to try.
    pub what_ifs: Vec<WhatIf>,
    /// The pools to write a configuration for.
    pub pools: Vec<&'static Pool>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            target: Target::default(),
            acquire_timeout_seconds: None,
            instances: 1,
            surge: 0,
            machine: Machine::default(),
            tasks: Tasks::default(),
            what_ifs: Vec::new(),
            pools: Vec::new(),
        }
    }
}

/// What was measured, and what was read besides.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The transactions of logs.
    pub traced: Option<Traced>,
    /// Statements after which transactions wait, from the log.
    pub holders: Vec<Holder>,
    /// Pauses in transactions, from the log.
    pub pauses: Option<Pauses>,
    /// Transactions and sessions, from the log.
    pub traffic: Option<Traffic>,
    /// A server that was watched.
    pub watched: Option<Watched>,
    /// The limits of the server.
    pub server: Option<Server>,
    /// The readings of a PgBouncer.
    pub readings: Vec<pgbouncer::Reading>,
    /// That PgBouncer.
    pub pooler: Option<Pooler>,
    /// What configurations say.
    pub configs: Vec<ApplicationConfig>,
    /// What a metrics endpoint shows.
    pub metrics: Option<Scraped>,
    /// What is known of proxies.
    pub proxy: Option<Proxy>,
    /// Whether rules judge what the server counts.
    pub is_audited: bool,
    /// The most connections held at once, where only that was seen.
    pub observed_max: Option<u32>,
}

/// What it comes to.
#[derive(Debug, Clone)]
pub struct Sized {
    /// The advice.
    pub advice: Advice,
    /// Section 4 of the checklist.
    pub verdicts: Vec<Verdict>,
}

/// Seconds a client waits for a connection, where nothing says.
const ACQUIRE: f64 = 10.0;
/// Transactions that a server has without any application, at once and each second: autovacuum, monitors, counters told late.
const IDLE: (f64, f64) = (5.0, 0.3);
/// Roles that statements are written for.
const ROLES: usize = 5;
/// Connections of a role beyond its pools, for people.
const SPARE: u32 = 3;

/// Sizes the pools.
///
/// # Errors
/// Nothing that was given measures a demand; why, by what it was tried.
pub fn size(evidence: &Evidence, wishes: &Wishes) -> Result<Sized, Vec<(Tier, NoDemand)>> {
    let mut failed = Vec::new();
    let demands = demands(evidence, &mut failed).ok_or_else(|| failed.clone())?;
    let total = &demands.total;
    let traced = evidence.traced.as_ref().filter(|_| total.tier == Tier::Trace);
    let mut configs = evidence.configs.clone();
    configs.extend(evidence.pooler.as_ref().and_then(|pooler| pooler.config.clone()));
    let holders = match &evidence.watched {
        Some(watched) if evidence.holders.is_empty() => &watched.holders,
        _ => &evidence.holders,
    };
    let question = Question {
        demand: total,
        traced,
        target: wishes.target,
        acquire_timeout_seconds: wishes.acquire_timeout_seconds.or_else(|| acquire(&configs)).unwrap_or(ACQUIRE),
        instances: wishes.instances,
        machine: &wishes.machine,
        tasks: wishes.tasks,
        what_ifs: &wishes.what_ifs,
        holders,
    };
    let mut decision = decide(&question);
    decision.notes.extend(failed.iter().map(|(tier, why)| format!("no demand from {tier}: {why}")));
    decision.notes.extend(besides(evidence));
    let budget = decision.per_instance.and_then(|each| budgeted(evidence, wishes, &demands, each));
    let shared = || {
        let what_ifs = [WhatIf::SharedPooler];
        let answers = decide(&Question { what_ifs: &what_ifs, ..question }).what_ifs;
        answers.first().and_then(|answer| answer.size).or(decision.recommended)
    };
    let sizes = decision.per_instance.filter(|_| !wishes.pools.is_empty()).map(|per_instance| Sizes {
        per_instance,
        shared: if decision.instances > 1 { shared() } else { decision.recommended }.unwrap_or(per_instance),
        database: only(&demands, |key| key.database.as_ref()),
        max_connections: evidence.server.as_ref().map(|server| server.limits.max_connections).filter(|most| *most > 0),
    });
    let snippets =
        sizes.iter().flat_map(|sizes| wishes.pools.iter().map(|pool| snippets::write(pool, sizes))).collect();
    let backstops = match sizes {
        Some(_) => backstops(evidence, wishes, &demands, decision.per_instance.unwrap_or(1)),
        None => Vec::new(),
    };
    let hold = total.hold();
    let limit = match wishes.target {
        Target::Seconds(seconds) => Some(seconds),
        Target::Holds(holds) => hold.map(|hold| holds * hold),
    };
    let verdicts = verdicts::decide(
        &verdicts::Inputs {
            configs: &configs,
            traffic: evidence.traffic.or_else(|| counted(evidence)).filter(|_| !evidence.is_audited),
            connections: connections(evidence),
            pauses: pauses(evidence, &demands),
            idle_limit: evidence.server.as_ref().and_then(|server| server.idle_limit),
            decision: Some(&decision).filter(|decision| decision.recommended.is_some()),
            observed_max: total.observed_max.max(evidence.observed_max).filter(|most| *most > 0),
            waits_too_long: total.wait.zip(limit).map(|(wait, limit)| wait.mean_seconds > limit),
            budget: budget.as_ref(),
            metrics: evidence.metrics.as_ref(),
            proxy: evidence.proxy.as_ref().or(PROXY.as_ref().filter(|_| evidence.pooler.is_some())),
        },
        &Cutoffs::default(),
    );
    Ok(Sized { advice: advise(&demands, decision, budget, snippets, backstops), verdicts })
}

/// What the items are told where nothing measures a demand, or as well as they can be.
pub fn verdicts(evidence: &Evidence, wishes: &Wishes) -> Vec<Verdict> {
    if let Ok(sized) = size(evidence, wishes) {
        return sized.verdicts;
    }
    let mut configs = evidence.configs.clone();
    configs.extend(evidence.pooler.as_ref().and_then(|pooler| pooler.config.clone()));
    let server = evidence.server.as_ref();
    // applications connect to the pooler: its pools are what the server sees
    let pools = evidence.pooler.as_ref().map(|pooler| pooler.pools.as_slice()).filter(|pools| !pools.is_empty());
    let budget = server.zip(pools).map(|(server, pools)| budget(&server.limits, pools));
    verdicts::decide(
        &verdicts::Inputs {
            configs: &configs,
            traffic: evidence.traffic,
            connections: connections(evidence),
            pauses: evidence.pauses,
            idle_limit: server.and_then(|server| server.idle_limit),
            budget: budget.as_ref(),
            metrics: evidence.metrics.as_ref(),
            proxy: evidence.proxy.as_ref().or(PROXY.as_ref().filter(|_| evidence.pooler.is_some())),
            ..verdicts::Inputs::default()
        },
        &Cutoffs::default(),
    )
}

/// What a console that answers proves.
static PROXY: std::sync::LazyLock<Option<Proxy>> =
    std::sync::LazyLock::new(|| Some(Proxy { seen: Some("PgBouncer".to_owned()), serverless: None, attested: None }));

/// The demand by the best evidence there is.
fn demands(evidence: &Evidence, failed: &mut Vec<(Tier, NoDemand)>) -> Option<Demands> {
    let mut attempt = |tier: Tier, result: Result<Demands, NoDemand>| match result {
        Ok(demands) => Some(demands),
        Err(why) => {
            failed.push((tier, why));
            None
        }
    };
    let traced = evidence.traced.as_ref().map(|traced| traced.demands.clone());
    let pooler = match evidence.readings.is_empty() {
        true => None,
        false => attempt(Tier::PgBouncer, pgbouncer::demands(&evidence.readings)),
    };
    let live = evidence.watched.as_ref().and_then(|watched| {
        let counted = attempt(Tier::Counters, counters::demands(&watched.readings));
        let sampled = match watched.invisible {
            0 => attempt(Tier::Sampling, occupancy::demands(&watched.watch)),
            // what cannot be seen is not idle
            _ => None,
        };
        joined(sampled, counted)
    });
    let mut all: Vec<Demands> = [traced, pooler, live].into_iter().flatten().collect();
    // of what saw nothing at all, something that saw traffic is better evidence
    let at = all.iter().position(|demands| demands.total.has_traffic()).unwrap_or(0);
    if all.is_empty() { None } else { Some(all.swap_remove(at)) }
}

/// Samples know how many are busy, counters how many transactions there were: together how long each held.
fn joined(sampled: Option<Demands>, counted: Option<Demands>) -> Option<Demands> {
    let rate = counted.as_ref().and_then(|counted| counted.total.arrivals_per_second);
    let was_busy = sampled.as_ref().is_some_and(|sampled| sampled.total.erlangs > 0.0);
    let is_quiet = counted.as_ref().zip(rate).is_some_and(|(counted, rate)| {
        let seconds = counted.total.period.seconds;
        rate * seconds <= IDLE.0 + IDLE.1 * seconds
    });
    if !was_busy && is_quiet {
        // what autovacuum, monitors and this program do is no traffic
        let mut quiet = sampled.or(counted)?;
        quiet.parts.clear();
        quiet.total.erlangs = 0.0;
        quiet.total.arrivals_per_second = Some(0.0);
        quiet.total.mean_hold_seconds = None;
        quiet.total.busiest = None;
        quiet.total.notes.retain(|note| note.starts_with("partial"));
        return Some(quiet);
    }
    let Some(mut sampled) = sampled.filter(|sampled| sampled.total.erlangs > 0.0) else { return counted };
    let Some(counted) = counted else { return Some(sampled) };
    let total = &mut sampled.total;
    total.arrivals_per_second = counted.total.arrivals_per_second;
    total.mean_hold_seconds = counted.total.mean_hold_seconds;
    total.peak_per_second = counted.total.peak_per_second;
    total
        .notes
        .extend(counted.total.notes.iter().filter(|note| !total.notes.contains(note)).cloned().collect::<Vec<_>>());
    let (by_samples, by_counters) = (total.erlangs, counted.total.erlangs);
    let within =
        total.interval.map_or(by_samples * 0.25, |interval| (interval.high - interval.low).max(by_samples * 0.25));
    if (by_samples - by_counters).abs() > within {
        total.notes.push(format!(
            "samples saw {by_samples:.2} connections held at once, the counters {by_counters:.2}: one of them missed something, \
             so watch for longer"
        ));
    }
    for part in &mut sampled.parts {
        let same = counted.parts.iter().find(|other| other.key == part.key);
        part.arrivals_per_second = same.and_then(|same| same.arrivals_per_second);
        part.mean_hold_seconds = same.and_then(|same| same.mean_hold_seconds);
    }
    Some(sampled)
}

fn acquire(configs: &[ApplicationConfig]) -> Option<f64> {
    configs.iter().find_map(|config| config.amount(&What::AcquireTimeout).and_then(Amount::number))
}

/// What was seen beside the demand and has to be known.
fn besides(evidence: &Evidence) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(watched) = &evidence.watched {
        if watched.invisible > 0 {
            notes.push(format!(
                "the state of {} sessions is hidden from this role, so nothing was sampled: grant pg_monitor to it",
                watched.invisible
            ));
        }
        if watched.failed > 0 {
            notes.push(format!("{} samples of the sessions could not be read", watched.failed));
        }
    }
    notes.extend(evidence.pooler.iter().flat_map(|pooler| pooler.notes.iter().cloned()));
    notes
}

/// The name that all parts have in common, where there is one only.
fn only(demands: &Demands, name: impl Fn(&Key) -> Option<&String>) -> Option<String> {
    let mut names: Vec<&String> = demands.parts.iter().filter_map(|part| name(&part.key)).collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [one] => Some((*one).clone()),
        _ => None,
    }
}

fn budgeted(evidence: &Evidence, wishes: &Wishes, demands: &Demands, each: u32) -> Option<Budget> {
    let server = evidence.server.as_ref().filter(|server| server.limits.max_connections > 0)?;
    if let Some(pooler) = evidence.pooler.as_ref().filter(|pooler| !pooler.pools.is_empty()) {
        // applications connect to the pooler: its pools are what the server sees
        return Some(budget(&server.limits, &pooler.pools));
    }
    let pools = Pools {
        name: "recommended".to_owned(),
        role: only(demands, |key| key.role.as_ref()),
        database: only(demands, |key| key.database.as_ref()),
        size: each,
        instances: wishes.instances.max(1),
        surge: wishes.surge,
        cap: None,
    };
    Some(budget(&server.limits, &[pools]))
}

fn backstops(evidence: &Evidence, wishes: &Wishes, demands: &Demands, each: u32) -> Vec<Statements> {
    let mut roles: Vec<&String> = Vec::new();
    for part in &demands.parts {
        if let Some(role) = &part.key.role
            && !roles.contains(&role)
        {
            roles.push(role);
        }
    }
    let all = each.saturating_mul(wishes.instances.max(1).saturating_add(wishes.surge)).saturating_add(SPARE);
    let connections = Some(all).filter(|_| roles.len() == 1);
    let major = evidence.server.as_ref().map_or(0, |server| server.major);
    let statement = |role: &&String| statements(&Backstop { role: (*role).clone(), major, connections });
    roles.iter().take(ROLES).map(statement).collect()
}

fn connections(evidence: &Evidence) -> Option<Connections> {
    evidence.watched.as_ref().map(|watched| watched.connections).filter(|connections| connections.samples > 0)
}

fn pauses(evidence: &Evidence, demands: &Demands) -> Option<Pauses> {
    evidence.pauses.or_else(|| {
        let watched = evidence.watched.as_ref().filter(|watched| watched.invisible == 0)?;
        let total = &demands.total;
        let transactions = total.arrivals_per_second.map(|rate| (rate * total.period.seconds) as u64);
        Some(Pauses { transactions, ..watched.pauses }).filter(|_| watched.connections.samples > 0)
    })
}

/// Transactions and sessions between the first and the last reading.
fn counted(evidence: &Evidence) -> Option<Traffic> {
    let readings = &evidence.watched.as_ref()?.readings;
    let (first, last) = (readings.first()?, readings.last()?);
    let period = Period::between(first.at, last.at)?;
    let mut traffic = Traffic { seconds: period.seconds, transactions: 0.0, sessions: 0.0 };
    for now in &last.databases {
        let before = first.databases.iter().find(|before| before.database == now.database)?;
        let own = if now.database == last.own.database { last.own.transactions - first.own.transactions } else { 0 };
        let (transactions, sessions) = (now.transactions - before.transactions - own, now.sessions - before.sessions);
        if before.stats_reset != now.stats_reset {
            return None;
        }
        traffic.transactions += transactions.max(0) as f64;
        traffic.sessions += sessions.max(0) as f64;
    }
    Some(traffic)
}
