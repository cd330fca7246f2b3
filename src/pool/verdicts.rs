//! Section 4 of the checklist, decided from what was measured and what configurations say.
//!
//! A single sample can prove a failure, never a pass: that no connection is too old at one instant says nothing of the next
//! day. What a server cannot see is decided by the application's configuration, or stays *unknown* with what would supply
//! it. Thresholds of the items are the checklist's own; every other cut-off is one of [`Cutoffs`], and is said in the text.

pub mod metrics;

use super::application_config::{Amount, ApplicationConfig, Reading, What};
use super::budget::Budget;
use super::decide::Decision;
use crate::report::State;
use crate::rule::Evidence;
use metrics::Shown;
use serde::{Deserialize, Serialize};

/// The state of one item, as far as pools tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The item: `4.3`.
    pub item: String,
    /// Its state.
    pub state: State,
    /// How that is known; none where it is unknown.
    pub evidence: Option<Evidence>,
    /// The numbers behind it, or what would supply them.
    pub because: String,
    /// What even this cannot see.
    pub limit: String,
}

/// The cut-offs that the checklist does not state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cutoffs {
    /// Transactions a session up to which there is no pool.
    pub unpooled: f64,
    /// Transactions a session from which on there is one.
    pub pooled: f64,
    /// Sessions a second below which connecting is nobody's burden.
    pub sessions_per_second: f64,
    /// How far a size may be off, as a share.
    pub tolerance: f64,
    /// Seconds that samples must span to prove anything.
    pub span_seconds: f64,
    /// Samples there must be in that time.
    pub samples: u64,
    /// Seconds of age that must have been seen for a lifetime to have been seen at work.
    pub seen_age_seconds: f64,
    /// Seconds of load after which no idle transaction means something.
    pub load_seconds: f64,
    /// The share of transactions with a pause up to which they are few.
    pub few: f64,
}

impl Default for Cutoffs {
    fn default() -> Self {
        Self {
            unpooled: 3.0,
            pooled: 100.0,
            sessions_per_second: 0.1,
            tolerance: 0.25,
            span_seconds: 86_400.0,
            samples: 24,
            seen_age_seconds: 900.0,
            load_seconds: 3600.0,
            few: 0.001,
        }
    }
}

/// The checklist's thresholds, in seconds.
const ACQUIRE: f64 = 30.0;
const LIFETIME: f64 = 1800.0;
const IDLE: f64 = 600.0;

/// Transactions and sessions of the applications' databases, over a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traffic {
    /// Seconds of it.
    pub seconds: f64,
    /// Transactions that ended.
    pub transactions: f64,
    /// Sessions that began.
    pub sessions: f64,
}

/// The connections of applications, as samples of them showed: tools, standbys and listeners left out.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Connections {
    /// Samples.
    pub samples: u64,
    /// Seconds from the first to the last.
    pub span_seconds: f64,
    /// Connections that were seen, each once.
    pub seen: u64,
    /// The oldest, in seconds.
    pub oldest_seconds: f64,
    /// Those of at least 30 minutes.
    pub too_old: u64,
    /// The longest idle, in seconds.
    pub longest_idle_seconds: f64,
    /// Those idle for at least 10 minutes, in pools above their minimum.
    pub idle_too_long: u64,
    /// Those idle for at least 10 minutes, in pools of constant size.
    pub idle_in_constant_pools: u64,
    /// Connections that went into a transaction, or out of the pool, and were never given back while they were watched.
    pub never_returned: u64,
}

/// Transactions that waited for their client.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pauses {
    /// Seconds that were watched; 0 for one sample.
    pub seconds: f64,
    /// Transactions in that time, where they were counted.
    pub transactions: Option<u64>,
    /// Pauses longer than the threshold.
    pub pauses: u64,
    /// That threshold, in seconds.
    pub threshold_seconds: f64,
    /// The longest, in seconds.
    pub longest_seconds: f64,
}

/// Limits that the server sets for idle transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleLimit {
    /// Roles of applications.
    pub roles: u32,
    /// Those with an `idle_in_transaction_session_timeout`.
    pub limited: u32,
}

/// Whether clients come and go as functions do, and whether a proxy stands before the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    /// What was recognised: `PgBouncer`, `RDS Proxy by its host name`.
    pub seen: Option<String>,
    /// What looks serverless: names of applications, many addresses with short sessions.
    pub serverless: Option<String>,
    /// What somebody said about whether it is.
    pub attested: Option<bool>,
}

/// What a metrics endpoint answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scraped {
    /// Its text was read.
    Text(Shown),
    /// It was not: why.
    Failed(String),
}

/// Everything the items are decided from; none where it was not given.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inputs<'a> {
    /// What the applications' configurations and those of poolers say.
    pub configs: &'a [ApplicationConfig],
    /// What was counted.
    pub traffic: Option<Traffic>,
    /// What was sampled of connections.
    pub connections: Option<Connections>,
    /// What was seen of transactions that wait for their client.
    pub pauses: Option<Pauses>,
    /// The server's net below the pools.
    pub idle_limit: Option<IdleLimit>,
    /// The sizes that were computed.
    pub decision: Option<&'a Decision>,
    /// The most connections held at once.
    pub observed_max: Option<u32>,
    /// Whether clients were measured to wait longer than the target.
    pub waits_too_long: Option<bool>,
    /// Whether everything fits into the server.
    pub budget: Option<&'a Budget>,
    /// What the metrics endpoint shows.
    pub metrics: Option<&'a Scraped>,
    /// What is known of proxies.
    pub proxy: Option<&'a Proxy>,
}

/// Items 4.1 to 4.10, in order.
pub fn decide(inputs: &Inputs<'_>, cutoffs: &Cutoffs) -> Vec<Verdict> {
    vec![
        pooled(inputs, cutoffs),
        sized(inputs, cutoffs),
        acquire_timeout(inputs),
        lifetime(inputs, cutoffs),
        idle(inputs, cutoffs),
        leaks(inputs),
        shown(inputs),
        released(inputs),
        held(inputs, cutoffs),
        proxied(inputs),
    ]
}

fn verdict(item: &str, limit: &str, state: State, evidence: Evidence, because: String) -> Verdict {
    let evidence = Some(evidence).filter(|_| state != State::Unknown);
    Verdict { item: item.to_owned(), state, evidence, because, limit: limit.to_owned() }
}

fn unknown(item: &str, limit: &str, because: &str) -> Verdict {
    verdict(item, limit, State::Unknown, Evidence::Inferred, because.to_owned())
}

fn pooled(inputs: &Inputs<'_>, cutoffs: &Cutoffs) -> Verdict {
    const LIMIT: &str = "the counters are the database's: one application with a pool can hide one without, and scripts look like \
                         one without; a pooler hides its clients";
    let tell = |state, evidence, because| verdict("4.1", LIMIT, state, evidence, because);
    let without = |config: &&ApplicationConfig| config.pool == "django" && config.most() == Some(Amount::Unlimited);
    if let Some(config) = inputs.configs.iter().find(without) {
        let note = config.notes.first().map_or("", String::as_str);
        return tell(
            State::Fail,
            Evidence::Measured,
            format!("the configuration of {} has no pool: {note}", config.pool),
        );
    }
    if let Some(Traffic { seconds, transactions, sessions }) = inputs.traffic.filter(|traffic| traffic.seconds > 0.0) {
        if transactions < 1.0 {
            let because = format!("no transaction ended in {}", span(seconds));
            return tell(State::NotApplicable, Evidence::Measured, because);
        }
        let ratio = transactions / sessions.max(1.0);
        let rate = sessions / seconds;
        let because = format!(
            "{ratio:.0} transactions a session, {rate:.2} sessions a second, over {} (a pool: {:.0} and more; none: {:.0} and \
             less, with {} sessions a second)",
            span(seconds),
            cutoffs.pooled,
            cutoffs.unpooled,
            cutoffs.sessions_per_second
        );
        return match ratio {
            ratio if ratio >= cutoffs.pooled => tell(State::Pass, Evidence::Inferred, because),
            ratio if ratio <= cutoffs.unpooled && rate >= cutoffs.sessions_per_second => {
                tell(State::Fail, Evidence::Measured, because)
            }
            _ if rate < cutoffs.sessions_per_second => {
                unknown("4.1", LIMIT, &format!("too few sessions to tell: {because}"))
            }
            _ => tell(State::Warn, Evidence::Measured, because),
        };
    }
    match inputs.configs.first() {
        Some(config) => {
            tell(State::Pass, Evidence::Inferred, format!("the configuration of {} has a pool", config.pool))
        }
        None => unknown("4.1", LIMIT, "give a window of normal load: --watch 5m, or two snapshots"),
    }
}

fn sized(inputs: &Inputs<'_>, cutoffs: &Cutoffs) -> Verdict {
    const LIMIT: &str = "the most that was observed may be less than what is configured, and the cores must be given";
    let tell = |state, evidence, because| verdict("4.2", LIMIT, state, evidence, because);
    if let Some(budget) = inputs.budget.filter(|budget| !budget.fits) {
        let because = budget.problems.first().cloned().unwrap_or_default();
        return tell(State::Fail, Evidence::Measured, because);
    }
    let Some(decision) = inputs.decision else {
        return unknown("4.2", LIMIT, "the demand was not measured: pgassay pool, with --cores");
    };
    let configured = configured(inputs, decision.instances);
    let size = configured.map(|(size, _)| size).or(inputs.observed_max.map(f64::from));
    let whence = match (configured, inputs.observed_max) {
        (Some((_, pool)), _) => format!("configured for {pool}"),
        (None, Some(_)) => "the most held at once".to_owned(),
        (None, None) => String::new(),
    };
    let Some(size) = size else {
        return unknown("4.2", LIMIT, "no pool's size is known: --pool-config FILE");
    };
    let Some(demand) = decision.demand.map(f64::from) else {
        return unknown("4.2", LIMIT, &format!("no size was computed: {}", decision.reason));
    };
    let of_cores = decision.capacity.cores.value.map(f64::from);
    let least = demand * (1.0 - cutoffs.tolerance);
    if size < least && inputs.waits_too_long == Some(true) {
        let because = format!(
            "{size:.0} connections ({whence}), and clients wait longer than the target: {demand:.0} would meet it"
        );
        return tell(State::Fail, Evidence::Measured, because);
    }
    let Some(of_cores) = of_cores else {
        let because = format!(
            "{size:.0} connections ({whence}) for a demand of {demand:.0}, but the cores of the server are not known: --cores"
        );
        return unknown("4.2", LIMIT, &because);
    };
    let checklist = decision.checklist.formula.value.map_or(0.0, f64::from);
    let most = checklist.max(of_cores).max(demand) * (1.0 + cutoffs.tolerance);
    let because = format!(
        "{size:.0} connections ({whence}); demand {demand:.0}, the formula {checklist:.0}, cores × 2 {of_cores:.0}, ± {:.0} %",
        cutoffs.tolerance * 100.0
    );
    let evidence = if configured.is_some() { Evidence::Measured } else { Evidence::Inferred };
    let fits = size >= least && size <= most;
    tell(if fits { State::Pass } else { State::Warn }, evidence, because)
}

/// The most connections that the configurations allow, and of which pool.
fn configured<'a>(inputs: &Inputs<'a>, instances: u32) -> Option<(f64, &'a str)> {
    // with a pooler before the server its size is what the server sees
    let pooler = inputs.configs.iter().find(|config| config.pool == "pgbouncer");
    let config = pooler.or(inputs.configs.first())?;
    match config.most()? {
        Amount::Number(size) if pooler.is_some() => Some((size, config.pool.as_str())),
        Amount::Number(size) => Some((size * f64::from(instances.max(1)), config.pool.as_str())),
        Amount::Unlimited => Some((f64::INFINITY, config.pool.as_str())),
        Amount::Off => None,
    }
}

/// What all configurations say of one setting, against a limit.
struct Said {
    state: State,
    because: String,
}

fn said(inputs: &Inputs<'_>, what: &What, is_good: impl Fn(f64) -> bool) -> Option<Said> {
    let mut worst: Option<Said> = None;
    for config in inputs.configs {
        let Some(setting) = config.setting(what) else { continue };
        let key = if setting.key.is_empty() { what.as_str() } else { setting.key.as_str() };
        let (state, because) = match &setting.reading {
            Reading::Unreadable { line, because } => {
                (State::Unknown, format!("{key} of {} in line {line}: {because}", config.pool))
            }
            Reading::Set { amount, line } => {
                let line = if *line > 0 { format!(" (line {line})") } else { String::new() };
                (state_of(*amount, &is_good), format!("{key} of {} is {}{line}", config.pool, words(*amount)))
            }
            Reading::NotSet { default } => (
                state_of(*default, &is_good),
                format!("{key} of {} is not set: {} by default", config.pool, words(*default)),
            ),
        };
        let rank = |state: &State| match state {
            State::Fail => 2,
            State::Unknown => 1,
            _ => 0,
        };
        if worst.as_ref().is_none_or(|worst| rank(&state) > rank(&worst.state)) {
            worst = Some(Said { state, because });
        }
    }
    worst
}

fn state_of(amount: Amount, is_good: impl Fn(f64) -> bool) -> State {
    match amount {
        Amount::Number(number) if is_good(number) => State::Pass,
        _ => State::Fail,
    }
}

fn words(amount: Amount) -> String {
    match amount {
        Amount::Number(seconds) => span(seconds),
        Amount::Unlimited => "unlimited".to_owned(),
        Amount::Off => "off".to_owned(),
    }
}

fn acquire_timeout(inputs: &Inputs<'_>) -> Verdict {
    const LIMIT: &str = "not visible from a server: only configurations, poolers and people tell";
    match said(inputs, &What::AcquireTimeout, |seconds| seconds <= ACQUIRE) {
        Some(said) => verdict("4.3", LIMIT, said.state, Evidence::Measured, said.because),
        None => unknown(
            "4.3",
            LIMIT,
            "give the pool's configuration (--pool-config FILE), PgBouncer's console (--pgbouncer URL), or attest it",
        ),
    }
}

/// Whether samples span enough time to prove that something never happened.
fn is_long_enough(connections: &Connections, cutoffs: &Cutoffs) -> bool {
    connections.span_seconds >= cutoffs.span_seconds && connections.samples >= cutoffs.samples
}

fn too_short(connections: &Connections, cutoffs: &Cutoffs) -> String {
    format!(
        "{} samples over {} prove nothing yet: {} over {} are needed",
        connections.samples,
        span(connections.span_seconds),
        cutoffs.samples,
        span(cutoffs.span_seconds)
    )
}

/// A violation that was measured outweighs what a configuration says; what it says outweighs that nothing was seen yet.
fn lifetime(inputs: &Inputs<'_>, cutoffs: &Cutoffs) -> Verdict {
    const LIMIT: &str =
        "a connection in use is not retired, so a long transaction can look like a lifetime that is too long";
    let tell = |state, evidence, because| verdict("4.4", LIMIT, state, evidence, because);
    let said = said(inputs, &What::Lifetime, |seconds| seconds > 0.0 && seconds < LIFETIME);
    let besides = said.as_ref().map_or(String::new(), |said| format!("; {}", said.because));
    match (inputs.connections, said) {
        (Some(seen), _) if seen.too_old > 0 => tell(
            State::Fail,
            Evidence::Measured,
            format!(
                "{} connections are 30 minutes old or older, the oldest {}{besides}",
                seen.too_old,
                span(seen.oldest_seconds)
            ),
        ),
        (Some(seen), said)
            if is_long_enough(&seen, cutoffs)
                && seen.oldest_seconds >= cutoffs.seen_age_seconds
                && said.as_ref().is_none_or(|said| said.state != State::Fail) =>
        {
            let because = format!(
                "none of {} connections was 30 minutes old in {} of samples, the oldest {}",
                seen.seen,
                span(seen.span_seconds),
                span(seen.oldest_seconds)
            );
            tell(State::Pass, Evidence::Inferred, because + &besides)
        }
        (_, Some(said)) => tell(said.state, Evidence::Measured, said.because),
        (Some(seen), None) if is_long_enough(&seen, cutoffs) => unknown(
            "4.4",
            LIMIT,
            &format!("no connection grew older than {}, so no lifetime was seen at work", span(seen.oldest_seconds)),
        ),
        (Some(seen), None) => unknown("4.4", LIMIT, &too_short(&seen, cutoffs)),
        (None, None) => {
            unknown("4.4", LIMIT, "sample a day (pgassay snapshot, audit --since), or give --pool-config FILE")
        }
    }
}

fn idle(inputs: &Inputs<'_>, cutoffs: &Cutoffs) -> Verdict {
    const LIMIT: &str = "a keepalive query starts the time anew, and connections of a pool's minimum never expire";
    let tell = |state, evidence, because| verdict("4.5", LIMIT, state, evidence, because);
    let said = said(inputs, &What::IdleTimeout, |seconds| seconds > 0.0 && seconds < IDLE);
    let besides = said.as_ref().map_or(String::new(), |said| format!("; {}", said.because));
    let constant = inputs.configs.iter().find(|config| {
        config.is_constant() || config.notes.iter().any(|note| note.contains("idleTimeout has no effect"))
    });
    match (inputs.connections, said) {
        (Some(seen), _) if seen.idle_too_long > 0 => tell(
            State::Fail,
            Evidence::Measured,
            format!(
                "{} connections are idle for 10 minutes or more, the longest {}, in pools above their minimum{besides}",
                seen.idle_too_long,
                span(seen.longest_idle_seconds)
            ),
        ),
        (Some(seen), _) if seen.idle_in_constant_pools > 0 => tell(
            State::Warn,
            Evidence::Measured,
            format!(
                "{} connections are idle for 10 minutes or more, in pools of constant size, which an idle timeout does not shrink{besides}",
                seen.idle_in_constant_pools
            ),
        ),
        (_, Some(said)) => match (said.state, constant) {
            (State::Pass, Some(config)) => tell(
                State::Warn,
                Evidence::Measured,
                format!(
                    "{}, but the pool of {} keeps as many as it may have, so it ends none",
                    said.because, config.pool
                ),
            ),
            (state, _) => tell(state, Evidence::Measured, said.because),
        },
        (Some(seen), None) if is_long_enough(&seen, cutoffs) && seen.longest_idle_seconds > 0.0 => tell(
            State::Pass,
            Evidence::Inferred,
            format!(
                "none of {} connections was idle for 10 minutes in {} of samples, the longest {}",
                seen.seen,
                span(seen.span_seconds),
                span(seen.longest_idle_seconds)
            ),
        ),
        (Some(seen), None) if is_long_enough(&seen, cutoffs) => {
            unknown("4.5", LIMIT, "no connection was ever seen idle, so no idle timeout was seen at work")
        }
        (Some(seen), None) => unknown("4.5", LIMIT, &too_short(&seen, cutoffs)),
        (None, None) => {
            unknown("4.5", LIMIT, "sample a day (pgassay snapshot, audit --since), or give --pool-config FILE")
        }
    }
}

fn leaks(inputs: &Inputs<'_>) -> Verdict {
    const LIMIT: &str = "a connection that is taken and idle outside a transaction looks like any idle one";
    let tell = |state, evidence, because| verdict("4.6", LIMIT, state, evidence, because);
    if let Some(seen) = inputs.connections.filter(|seen| seen.never_returned > 0) {
        let because =
            format!("{} connections were never given back in {}", seen.never_returned, span(seen.span_seconds));
        return tell(State::Fail, Evidence::Measured, because);
    }
    let said = said(inputs, &What::LeakDetection, |seconds| seconds > 0.0);
    let besides = said.as_ref().map_or(String::new(), |said| format!("{}; ", said.because));
    match (said.map(|said| said.state), inputs.idle_limit) {
        (Some(State::Pass), _) => tell(State::Pass, Evidence::Measured, besides.trim_end_matches("; ").to_owned()),
        (_, Some(IdleLimit { roles, limited })) if roles > 0 && limited >= roles => tell(
            State::Warn,
            Evidence::Measured,
            format!(
                "{besides}the server ends idle transactions of all {roles} roles, which ends a leak and does not detect it"
            ),
        ),
        (Some(State::Unknown), _) => unknown("4.6", LIMIT, besides.trim_end_matches("; ")),
        (Some(_), None) => tell(State::Fail, Evidence::Measured, besides.trim_end_matches("; ").to_owned()),
        (_, Some(IdleLimit { roles, limited })) if roles > 0 => tell(
            State::Fail,
            if besides.is_empty() { Evidence::Inferred } else { Evidence::Measured },
            format!(
                "{besides}no leak detection is known, and {} of {roles} roles have no idle_in_transaction_session_timeout",
                roles - limited
            ),
        ),
        _ => unknown("4.6", LIMIT, "give the pool's configuration (--pool-config FILE), or attest it"),
    }
}

fn shown(inputs: &Inputs<'_>) -> Verdict {
    const LIMIT: &str = "names of metrics are recognised by convention";
    let tell = |state, because| verdict("4.7", LIMIT, state, Evidence::Measured, because);
    match inputs.metrics {
        None => unknown("4.7", LIMIT, "give the address of the metrics endpoint: --metrics URL"),
        Some(Scraped::Failed(why)) => unknown("4.7", LIMIT, &format!("the metrics endpoint could not be read: {why}")),
        Some(Scraped::Text(shown)) => match (shown.found(), shown.missing()) {
            (found, missing) if missing.is_empty() => {
                tell(State::Pass, format!("active, idle and waiting: {}", found.join(", ")))
            }
            (found, missing) if found.is_empty() => {
                tell(State::Fail, format!("the endpoint shows nothing of a pool: no {}", missing.join(", ")))
            }
            (found, missing) => tell(State::Warn, format!("{} without {}", found.join(", "), missing.join(", "))),
        },
    }
}

fn released(inputs: &Inputs<'_>) -> Verdict {
    const LIMIT: &str = "that every path gives its connection back shows only in the application's code";
    match inputs.connections {
        Some(seen) if seen.never_returned > 0 => verdict(
            "4.8",
            LIMIT,
            State::Fail,
            Evidence::Measured,
            format!("{} connections were never given back in {}", seen.never_returned, span(seen.span_seconds)),
        ),
        _ => unknown("4.8", LIMIT, "review every place that takes a connection, and attest it"),
    }
}

fn held(inputs: &Inputs<'_>, cutoffs: &Cutoffs) -> Verdict {
    const LIMIT: &str = "it shows that a transaction waits for its client, not for what: HTTP calls are not told from other work, and \
                         connections held outside transactions are not seen";
    /// A pause of this length in a single sample is no accident.
    const CERTAIN: f64 = 1.0;
    let tell = |state, evidence, because| verdict("4.9", LIMIT, state, evidence, because);
    let Some(seen) = inputs.pauses else {
        return unknown("4.9", LIMIT, "give an hour of load: a log with every statement, or two snapshots");
    };
    let over = if seen.seconds > 0.0 { format!("in {}", span(seen.seconds)) } else { "at one instant".to_owned() };
    let because = format!(
        "{} transactions waited longer than {} for their client {over}, the longest {}",
        seen.pauses,
        span(seen.threshold_seconds),
        span(seen.longest_seconds)
    );
    if seen.pauses > 0 {
        let few = seen.transactions.is_some_and(|all| seen.pauses as f64 <= all as f64 * cutoffs.few);
        return match (seen.transactions, few) {
            (Some(all), true) => tell(State::Warn, Evidence::Measured, format!("{because}, of {all}: few")),
            (Some(all), false) => tell(State::Fail, Evidence::Measured, format!("{because}, of {all}")),
            (None, _) if seen.longest_seconds >= CERTAIN => tell(State::Fail, Evidence::Measured, because),
            (None, _) => tell(State::Warn, Evidence::Measured, because),
        };
    }
    match seen.seconds >= cutoffs.load_seconds && seen.transactions != Some(0) {
        true => tell(
            State::Pass,
            Evidence::Inferred,
            format!("no transaction waited longer than {} for its client {over}", span(seen.threshold_seconds)),
        ),
        false => unknown(
            "4.9",
            LIMIT,
            &format!("none seen {over}, which proves nothing: {} of load are needed", span(cutoffs.load_seconds)),
        ),
    }
}

fn proxied(inputs: &Inputs<'_>) -> Verdict {
    const LIMIT: &str = "whether an application is serverless is its owner's word";
    let tell = |state, evidence, because| verdict("4.10", LIMIT, state, evidence, because);
    let pooler = inputs.configs.iter().find(|config| matches!(config.pool.as_str(), "pgbouncer" | "rds-proxy"));
    let Some(proxy) = inputs.proxy else {
        return match pooler {
            Some(config) => tell(State::Pass, Evidence::Measured, format!("{} is configured", config.pool)),
            None => unknown("4.10", LIMIT, "say whether it is serverless, and if so its proxy: attest it"),
        };
    };
    match (&proxy.seen, pooler, proxy.attested, &proxy.serverless) {
        (Some(seen), _, _, _) => tell(State::Pass, Evidence::Measured, format!("{seen} stands before the server")),
        (None, Some(config), _, _) => tell(State::Pass, Evidence::Measured, format!("{} is configured", config.pool)),
        (None, None, Some(false), _) => {
            tell(State::NotApplicable, Evidence::Attested, "the application is not serverless".to_owned())
        }
        (None, None, _, Some(signs)) => {
            tell(State::Fail, Evidence::Inferred, format!("clients look serverless ({signs}), and no proxy was seen"))
        }
        (None, None, Some(true), None) => {
            tell(State::Fail, Evidence::Inferred, "the application is serverless, and no proxy was seen".to_owned())
        }
        (None, None, None, None) => unknown("4.10", LIMIT, "nothing looks serverless; say whether it is: attest it"),
    }
}

fn span(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1e3),
        seconds if seconds < 120.0 => format!("{} s", super::capacity::short(seconds)),
        seconds if seconds < 7200.0 => format!("{:.0} minutes", seconds / 60.0),
        seconds => format!("{:.0} hours", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests;
