//! Workloads of several logs as one: a day from its hours, a fleet from its hosts. The figures are those of one run over all
//! the logs; requests that one log cut are joined with what the next one has of them, where the session goes on.

use super::fold::{
    QueryTable, Totals, add_names, group_key, merge as merge_query, merge_group, merge_held, merge_request, order,
};
use super::names::Names;
use super::repeated::{Counted, Repeated};
use super::shape::Shape;
use super::unit::{NO_TIME, Unit};
use super::workload::{
    Boundary, Checkpoints, Coverage, FORMAT, Failures, Group, Held, LockWaits, Logging, OpenUnit, QueryLoad,
    RequestLoad, Secret, Sessions, Workload,
};
use crate::report::Note;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// How a stored workload begins.
pub const MAGIC: &str = "{\"kind\":\"workload\"";

/// Logs that are further apart than this, in microseconds, are not taken for one that was cut.
const HOLE: i64 = 60_000_000;

/// Lines that could not be read and are shown.
const UNREAD: usize = 5;

/// Why workloads cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// There is none.
    #[error("there is nothing to read")]
    Nothing,
    /// Another version wrote it.
    #[error("it has the workload format {0}, this version reads up to {FORMAT}: use a newer pgassay")]
    Format(u32),
    /// It is no workload.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// What was told of the logs differs.
    #[error("the workloads were logged under different settings ({0}), so no figure of both together would be true")]
    Settings(String),
}

/// Reads a stored workload.
///
/// # Errors
/// It is damaged, or of a newer format.
pub fn parse(bytes: &[u8]) -> Result<Workload, MergeError> {
    #[derive(serde::Deserialize)]
    struct Head {
        format: u32,
    }
    let head: Head = serde_json::from_slice(bytes)?;
    if head.format > FORMAT {
        return Err(MergeError::Format(head.format));
    }
    Ok(serde_json::from_slice(bytes)?)
}

/// Several workloads as one.
#[derive(Debug)]
pub struct Merged {
    /// The one.
    pub workload: Workload,
    /// What was left out, or counts twice.
    pub notes: Vec<Note>,
}

/// One workload of several, which are put into the order of their times. One whose logs are all counted already is left out.
///
/// # Errors
/// There is none, or they were logged under settings that no figure can be true of together.
pub fn merge(mut workloads: Vec<Workload>) -> Result<Merged, MergeError> {
    workloads.sort_by_key(|workload| (workload.from, workload.to));
    let (workloads, notes) = once(workloads)?;
    let mut workloads = workloads.into_iter();
    let mut sum = workloads.next().ok_or(MergeError::Nothing)?;
    for other in workloads {
        add(&mut sum, other)?;
    }
    Ok(Merged { workload: sum, notes })
}

/// Workloads without those whose logs are all in the others, in the same order. That of the most logs is kept first: a day
/// holds its hours.
fn once(workloads: Vec<Workload>) -> Result<(Vec<Workload>, Vec<Note>), MergeError> {
    let mut order: Vec<usize> = (0..workloads.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(workloads.get(*at).map(|workload| workload.sources.len())));
    let (mut counted, mut notes, mut repeated) = (Counted::default(), Vec::new(), BTreeSet::new());
    for at in order {
        let Some(workload) = workloads.get(at) else { continue };
        let mut note = |text: String| notes.push(Note { text, warning: true });
        match counted.add(workload) {
            Repeated::Nothing => {}
            Repeated::Some(repeated) => repeated.into_iter().for_each(note),
            Repeated::All => {
                // who says two things of one log is told so
                for other in &workloads {
                    logging(&other.logging, &workload.logging)?;
                }
                note(left_out(workload));
                repeated.insert(at);
            }
        }
    }
    let kept = workloads.into_iter().enumerate().filter(|(at, _)| !repeated.contains(at));
    Ok((kept.map(|(_, workload)| workload).collect(), notes))
}

fn left_out(workload: &Workload) -> String {
    let logs = match workload.sources.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.path.clone(),
        [first, more @ ..] => format!("{} and {} more", first.path, more.len()),
    };
    format!("a workload of {logs} was left out: all of it is in the others already")
}

fn add(sum: &mut Workload, other: Workload) -> Result<(), MergeError> {
    sum.logging = logging(&sum.logging, &other.logging)?;
    sum.sources.extend(other.sources);
    add_coverage(&mut sum.coverage, other.coverage);
    let (end, begin) = (sum.to, other.from);
    sum.from = sum.from.into_iter().chain(other.from).min();
    sum.to = sum.to.into_iter().chain(other.to).max();
    by_key(&mut sum.queries, other.queries, |query| (query.database.clone(), query.fingerprint.clone()), merge_query);
    order(&mut sum.queries);
    let request = |load: &RequestLoad| (load.database.clone(), load.route.clone(), load.head.clone());
    by_key(&mut sum.requests, other.requests, request, merge_request);
    sum.requests.sort_by_key(request);
    let group = |group: &Group| {
        let (kind, database, parent, child) = group_key(group);
        (kind.clone(), database.to_owned(), parent.clone(), child.to_owned())
    };
    by_key(&mut sum.groups, other.groups, group, merge_group);
    sum.groups.sort_by(|a, b| group_key(a).cmp(&group_key(b)));
    let failure = |one: &Failures| (one.database.clone(), one.sqlstate.clone(), one.message.clone());
    by_key(&mut sum.failures, other.failures, failure, |into, from| {
        into.count += from.count;
        add_names(&mut into.queries, &from.queries);
        into.first = into.first.into_iter().chain(from.first).min();
        into.last = into.last.into_iter().chain(from.last).max();
    });
    sum.failures.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| failure(a).cmp(&failure(b))));
    let lock = |one: &LockWaits| (one.database.clone(), one.mode.clone(), one.object.clone());
    by_key(&mut sum.lock_waits, other.lock_waits, lock, |into, from| {
        into.waits += from.waits;
        into.acquired.merge(&from.acquired);
        add_names(&mut into.queries, &from.queries);
    });
    sum.lock_waits.sort_by_key(lock);
    let held = |one: &Held| (one.database.clone(), one.after.clone());
    by_key(&mut sum.held, other.held, held, merge_held);
    sum.held.sort_by_key(held);
    let sessions = |one: &Sessions| (one.database.clone(), one.user.clone(), one.application.clone());
    by_key(&mut sum.sessions, other.sessions, sessions, |into, from| {
        into.connected += from.connected;
        into.lifetimes.merge(&from.lifetimes);
        into.statements.merge(&from.statements);
        into.executions += from.executions;
        into.first = into.first.into_iter().chain(from.first).min();
        into.last = into.last.into_iter().chain(from.last).max();
    });
    sum.sessions.sort_by_key(sessions);
    let secret = |one: &Secret| (one.kind.clone(), one.database.clone());
    by_key(&mut sum.secrets, other.secrets, secret, |into, from| into.count += from.count);
    sum.secrets.sort_by_key(secret);
    add_checkpoints(&mut sum.checkpoints, &other.checkpoints);
    add_names(&mut sum.autovacuum, &other.autovacuum);
    add_names(&mut sum.other_programs, &other.other_programs);
    sum.is_partial |= other.is_partial;
    sum.is_bounded |= other.is_bounded;
    let is_next = match (end, begin) {
        (Some(end), Some(begin)) => begin.unix_micros() - end.unix_micros() <= HOLE,
        _ => false,
    };
    let open = std::mem::take(&mut sum.open);
    sum.open = if is_next { join(open, other.open) } else { open.into_iter().chain(other.open).collect() };
    let joined = std::mem::take(&mut sum.open);
    let (whole, open): (Vec<OpenUnit>, Vec<OpenUnit>) =
        joined.into_iter().partition(|unit| !unit.is_head && !unit.is_tail);
    sum.open = open;
    fold(sum, &whole);
    Ok(())
}

/// Puts together what two logs have of one request, in the order of the logs.
fn join(before: Vec<OpenUnit>, after: Vec<OpenUnit>) -> Vec<OpenUnit> {
    let mut heads: HashMap<String, OpenUnit> = HashMap::new();
    let mut units = Vec::new();
    for unit in after {
        match unit.is_head && !heads.contains_key(&unit.session) {
            true => drop(heads.insert(unit.session.clone(), unit)),
            false => units.push(unit),
        }
    }
    for mut unit in before {
        let head = if unit.is_tail { heads.remove(&unit.session) } else { None };
        let Some(mut head) = head else {
            units.push(unit);
            continue;
        };
        let pause = head.started.saturating_sub(unit.ended);
        let is_near =
            head.started != NO_TIME && unit.ended != NO_TIME && pause <= i64::try_from(unit.gap).unwrap_or(i64::MAX);
        // what begins a transaction goes on until it ends, whatever it waits for
        let goes_on = unit.begin == Boundary::Transaction || is_near;
        if goes_on {
            units.push(append(unit, head));
        } else {
            (unit.is_tail, unit.end) = (false, Boundary::Gap);
            (head.is_head, head.begin) = (false, Boundary::Gap);
            units.push(unit);
            units.push(head);
        }
    }
    units.extend(heads.into_values());
    units.sort_by(|a, b| (a.started, &a.session, a.ended).cmp(&(b.started, &b.session, b.ended)));
    units
}

fn append(mut first: OpenUnit, rest: OpenUnit) -> OpenUnit {
    let mut numbers: Names<(String, bool)> = Names::default();
    let mut unit = |open: &OpenUnit| {
        Unit::from_open(open, 0, 0, |query, is_eager| Some(numbers.number(&(query.to_owned(), is_eager))))
    };
    let mut whole = unit(&first);
    whole.append(unit(&rest));
    first.members = whole.to_open(|number| numbers.get(number).map(|(query, is_eager)| (query.as_str(), *is_eager)));
    first.statements += rest.statements;
    first.database_time += rest.database_time;
    if first.started == NO_TIME {
        first.started = rest.started;
    }
    first.ended = first.ended.max(rest.ended);
    first.is_tail = rest.is_tail;
    first.end = rest.end;
    first.route = first.route.or(rest.route);
    first
}

/// Counts units whose bounds are known now, and those that stay cut, each as one.
fn fold(workload: &mut Workload, units: &[OpenUnit]) {
    if units.is_empty() {
        return;
    }
    let mut names: Names<String> = Names::default();
    let mut table = QueryTable::default();
    let mut totals = Totals::default();
    let queries: HashMap<(&str, &str), &QueryLoad> =
        workload.queries.iter().map(|query| ((query.database.as_str(), query.fingerprint.as_str()), query)).collect();
    for open in units {
        let database = names.number(&open.database);
        let application = names.number(&open.application);
        let unit = Unit::from_open(open, database, application, |fingerprint, is_eager| {
            let load = queries.get(&(open.database.as_str(), fingerprint))?;
            Some(table.number(database, &Arc::new(Shape::stored(load, is_eager))))
        });
        let boundary = match (open.is_head || open.is_tail, open.begin == open.end) {
            (true, _) => Boundary::Cut,
            (false, true) => open.begin.clone(),
            (false, false) if open.begin.strength() < open.end.strength() => open.begin.clone(),
            (false, false) => open.end.clone(),
        };
        totals.fold(&unit, &boundary, &[], &mut table, &names);
    }
    let (requests, groups) = totals.finish(&table, &names, false);
    drop(queries);
    for load in table.finish(&names) {
        let known = workload
            .queries
            .iter_mut()
            .find(|known| known.database == load.database && known.fingerprint == load.fingerprint);
        if let Some(known) = known {
            known.units += load.units;
        }
    }
    let request = |load: &RequestLoad| (load.database.clone(), load.route.clone(), load.head.clone());
    by_key(&mut workload.requests, requests, request, merge_request);
    workload.requests.sort_by_key(request);
    let group = |group: &Group| {
        let (kind, database, parent, child) = group_key(group);
        (kind.clone(), database.to_owned(), parent.clone(), child.to_owned())
    };
    by_key(&mut workload.groups, groups, group, merge_group);
    workload.groups.sort_by(|a, b| group_key(a).cmp(&group_key(b)));
}

/// The workload with its cut units counted, as weakly bounded as they are: for a judgement. What is stored keeps them apart.
#[must_use]
pub fn settled(workload: &Workload) -> Workload {
    let mut settled = workload.clone();
    let open = std::mem::take(&mut settled.open);
    on_large_stack(|| fold(&mut settled, &open));
    settled
}

/// Runs what parses on a stack that is as deep as statements may nest.
fn on_large_stack(work: impl FnOnce() + Send) {
    const STACK: usize = 256 << 20;
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("merge".into()).stack_size(STACK);
        // a thread that cannot be had leaves the cut units out: they prove nothing anyway
        if let Ok(worker) = builder.spawn_scoped(scope, work) {
            drop(worker.join());
        }
    });
}

fn by_key<T, K: std::hash::Hash + Eq>(
    into: &mut Vec<T>,
    from: Vec<T>,
    key: impl Fn(&T) -> K,
    mut merge: impl FnMut(&mut T, &T),
) {
    let mut places: HashMap<K, usize> = into.iter().enumerate().map(|(place, one)| (key(one), place)).collect();
    for one in from {
        match places.get(&key(&one)).copied().and_then(|place| into.get_mut(place)) {
            Some(known) => merge(known, &one),
            None => {
                places.insert(key(&one), into.len());
                into.push(one);
            }
        }
    }
}

fn logging(a: &Logging, b: &Logging) -> Result<Logging, MergeError> {
    let differ = |what: &str, a: &Option<f64>, b: &Option<f64>| {
        let words = |rate: &Option<f64>| rate.map_or("1".to_owned(), |rate| rate.to_string());
        (a != b).then(|| format!("{what} {} and {}", words(a), words(b)))
    };
    let rates = differ("log_statement_sample_rate", &a.sample_rate, &b.sample_rate)
        .or_else(|| differ("log_transaction_sample_rate", &a.transaction_sample_rate, &b.transaction_sample_rate));
    if let Some(differs) = rates {
        return Err(MergeError::Settings(differs));
    }
    let told = match (a.told_threshold, b.told_threshold) {
        (a, b) if a.unwrap_or(0) != b.unwrap_or(0) => {
            let words = |threshold: Option<u64>| format!("{} ms", threshold.unwrap_or(0) as f64 / 1000.0);
            return Err(MergeError::Settings(format!("log_min_duration_statement {} and {}", words(a), words(b))));
        }
        (a, b) => a.or(b),
    };
    let mut filters = a.filters.clone();
    filters.extend(b.filters.iter().filter(|filter| !a.filters.contains(filter)).cloned());
    Ok(Logging {
        has_sessions: a.has_sessions || b.has_sessions,
        has_fractions: a.has_fractions || b.has_fractions,
        has_query_ids: a.has_query_ids || b.has_query_ids,
        has_connections: a.has_connections || b.has_connections,
        has_disconnections: a.has_disconnections || b.has_disconnections,
        told_threshold: told,
        // of both together only what holds for either
        seen_threshold: a.seen_threshold.zip(b.seen_threshold).map(|(a, b)| a.min(b)),
        sample_rate: a.sample_rate,
        transaction_sample_rate: a.transaction_sample_rate,
        is_pooled: a.is_pooled || b.is_pooled,
        filters,
    })
}

fn add_coverage(into: &mut Coverage, from: Coverage) {
    into.bytes += from.bytes;
    into.lines += from.lines;
    into.unread_lines += from.unread_lines;
    into.entries += from.entries;
    into.other_entries += from.other_entries;
    into.executions += from.executions;
    into.untimed += from.untimed;
    into.nameless += from.nameless;
    into.valueless += from.valueless;
    into.in_sessions += from.in_sessions;
    into.clock_steps += from.clock_steps;
    into.truncated += from.truncated;
    into.with_literals += from.with_literals;
    into.unread_samples.extend(from.unread_samples);
    into.unread_samples.truncate(UNREAD);
}

fn add_checkpoints(into: &mut Checkpoints, from: &Checkpoints) {
    let causes: &BTreeMap<String, u64> = &from.causes;
    add_names(&mut into.causes, causes);
    into.total.merge(&from.total);
    into.sync.merge(&from.sync);
    into.too_frequent += from.too_frequent;
}
