//! The tables that a workload is made of: queries by database and fingerprint, requests by what they begin with, repetitions
//! by parent and child. Everything in them is a sum: neither order nor parts change it.

use super::distribution::Distribution;
use super::event::{NONE, PlanSeen};
use super::mapper::Mapper;
use super::message::Why;
use super::names::Names;
use super::session::{Pending, Portal};
use super::shape::Shape;
use super::unit::{Before, NO_TIME, Repetition, Unit, parts, repetitions};
use super::workload::{Boundary, Group, GroupKind, Held, OTHER, QueryLoad, RequestLoad, SeqScans};
use crate::time::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Queries that are told apart.
const QUERIES: usize = 20_000;
/// Requests, groups and patterns that are told apart.
const KINDS: usize = 10_000;
/// Names that are kept of one thing.
const NAMES: usize = 16;
/// Query ids that are kept of one query.
const QUERY_IDS: usize = 64;
/// Seconds of a query in which its executions are counted apart.
const APART: usize = 128;
/// Microseconds from which on a call counts by its query id: the checklist's limit, below which a log of slow queries may lack
/// some.
const SLOW: u64 = 100_000;
/// Microseconds a row costs when all come at once, for the estimate of what a batched query takes.
const ROW: u64 = 10;

/// One query.
#[derive(Debug)]
struct Row {
    shape: Arc<Shape>,
    database: u32,
    load: QueryLoad,
    /// Applications, by the number of their name: how often.
    applications: Vec<(u32, u64)>,
    /// Executions in each of the first seconds that had any.
    seconds: Vec<(i64, u32)>,
    /// Whether something else speaks of it.
    is_pinned: bool,
    used: u64,
}

/// The queries, by number.
#[derive(Debug, Default)]
pub struct QueryTable {
    /// By database and fingerprint, and whether it asks for many keys at once: pg_query gives a look-up and the list that
    /// should replace it one fingerprint.
    numbers: HashMap<(u32, String, bool), u32>,
    rows: Vec<Option<Box<Row>>>,
    live: usize,
    others: HashMap<u32, u32>,
    clock: u64,
}

impl QueryTable {
    /// The number of a query in a database.
    pub fn number(&mut self, database: u32, shape: &Arc<Shape>) -> u32 {
        let key = (database, shape.fingerprint.clone(), shape.analysis.is_eager_load);
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = self.rows.len() as u32;
        let load = QueryLoad {
            fingerprint: shape.fingerprint.clone(),
            fingerprint_kind: Some(shape.fingerprint_kind.clone()),
            kind: Some(shape.analysis.kind.clone()),
            text: shape.analysis.text.clone(),
            shape: shape.text.clone(),
            tables: shape.analysis.tables.clone(),
            ..QueryLoad::default()
        };
        self.rows.push(Some(Box::new(Row {
            shape: Arc::clone(shape),
            database,
            load,
            applications: Vec::new(),
            seconds: Vec::new(),
            is_pinned: false,
            used: self.clock,
        })));
        self.live += 1;
        self.numbers.insert(key, number);
        number
    }

    /// Notes the mapper that wrote a query: the first one that is known.
    pub fn written_by(&mut self, number: u32, mapper: Mapper) {
        if let Some(row) = self.row(number) {
            row.load.mapper.get_or_insert_with(|| mapper.as_str().to_owned());
        }
    }

    /// The number of everything else in a database.
    pub fn other(&mut self, database: u32) -> u32 {
        if let Some(number) = self.others.get(&database) {
            return *number;
        }
        let number = self.number(database, &Arc::new(Shape::other()));
        if let Some(row) = self.row(number) {
            row.is_pinned = true;
        }
        self.others.insert(database, number);
        number
    }

    fn row(&mut self, number: u32) -> Option<&mut Row> {
        self.rows.get_mut(number as usize)?.as_deref_mut()
    }

    fn get(&self, number: u32) -> Option<&Row> {
        self.rows.get(number as usize)?.as_deref()
    }

    /// What a query is.
    pub fn shape(&self, number: u32) -> Option<&Arc<Shape>> {
        self.get(number).map(|row| &row.shape)
    }

    /// Executions of one query for each of another, in each second that had the other, in thousandths.
    fn each_second(&self, parent: u32, child: u32) -> Distribution {
        let mut ratios = Distribution::default();
        let (Some(parent), Some(child)) = (self.get(parent), self.get(child)) else { return ratios };
        let count = |second: i64| {
            let at = child.seconds.binary_search_by_key(&second, |(second, _)| *second).ok();
            at.and_then(|at| child.seconds.get(at)).map_or(0, |(_, count)| u64::from(*count))
        };
        // what came later was not counted by seconds
        let end = match child.seconds.last() {
            Some((last, _)) if child.seconds.len() == APART => *last,
            _ => i64::MAX,
        };
        for (second, parents) in parent.seconds.iter().filter(|(second, _)| *second <= end) {
            ratios.add(1000 * count(*second) / u64::from((*parents).max(1)));
        }
        ratios
    }

    /// Its fingerprint.
    pub fn fingerprint(&self, number: u32) -> Option<&str> {
        self.get(number).map(|row| row.load.fingerprint.as_str())
    }

    /// Keeps a query that something else speaks of.
    pub fn pin(&mut self, number: u32) {
        if let Some(row) = self.row(number) {
            row.is_pinned = true;
        }
    }

    /// Counts a call; its duration too where it is whole.
    pub fn call(&mut self, pending: &Pending<'_>, shape: &Shape, application: u32, duration: Option<u64>) {
        self.clock += 1;
        let clock = self.clock;
        let Some(row) = self.row(pending.query) else { return };
        row.used = clock;
        let load = &mut row.load;
        load.calls += 1;
        if let Some(duration) = duration {
            timed(load, duration, pending.execute, pending.query_id);
        }
        if let Some(rows) = pending.rows {
            load.rows.add(rows.max(0.0) as u64);
        }
        if pending.query_id != 0 && !load.query_ids.contains(&pending.query_id) && load.query_ids.len() < QUERY_IDS {
            load.query_ids.push(pending.query_id);
        }
        count_number(&mut row.applications, application, 1);
        if pending.time != NO_TIME {
            let second = pending.time.div_euclid(1_000_000);
            // sessions are not in order to the last line: what is late belongs to the second that is open
            if let Some((_, count)) = row.seconds.last_mut().filter(|(last, _)| second <= *last) {
                *count = count.saturating_add(1);
            } else if row.seconds.len() < APART {
                row.seconds.push((second, 1));
            }
        }
        if let Some(slot) = shape.offset_slot()
            && let Some(offset) = pending.values.get(slot).and_then(|value| value.as_integer())
        {
            load.offsets.add(u64::try_from(offset).unwrap_or(0));
        }
    }

    /// The duration of a portal, all its fetches together.
    pub fn duration(&mut self, portal: &Portal) {
        if let Some(row) = self.row(portal.query) {
            timed(&mut row.load, portal.duration, portal.execute, portal.query_id);
        }
    }

    /// Notes how many rows an execution returned.
    pub fn rows(&mut self, number: u32, rows: f64) {
        if let Some(row) = self.row(number) {
            row.load.rows.add(rows.max(0.0) as u64);
        }
    }

    /// Counts a failure.
    pub fn error(&mut self, number: u32, cancelled: Option<&Why>) {
        if let Some(row) = self.row(number) {
            row.load.errors += 1;
            if let Some(why) = cancelled {
                *row.load.cancelled.entry(super::event::word(*why).to_owned()).or_default() += 1;
            }
        }
    }

    /// Counts a run inside a function.
    pub fn nested(&mut self, number: u32) {
        if let Some(row) = self.row(number) {
            row.load.nested += 1;
        }
    }

    /// Counts a temporary file.
    pub fn temporary_file(&mut self, number: u32, bytes: u64) {
        if let Some(row) = self.row(number) {
            row.load.temporary_files.add(bytes);
        }
    }

    /// Takes in a plan.
    pub fn plan(&mut self, number: u32, plan: &PlanSeen) {
        let Some(row) = self.row(number) else { return };
        row.load.plans += 1;
        for (relation, rows, is_measured) in &plan.seq_scans {
            if row.load.seq_scans.len() >= NAMES && !row.load.seq_scans.contains_key(relation) {
                continue;
            }
            let known = row.load.seq_scans.entry(relation.clone()).or_insert_with(SeqScans::default);
            known.plans += 1;
            // what was counted outweighs what was estimated
            match (known.is_measured, is_measured) {
                (false, true) => (known.most_rows, known.is_measured) = (*rows, true),
                (true, false) => {}
                _ => known.most_rows = known.most_rows.max(*rows),
            }
        }
    }

    /// Folds the queries that were used longest ago into "everything else" where there are too many; says whether it did.
    pub fn bound(&mut self) -> bool {
        if self.live <= QUERIES {
            return false;
        }
        let mut candidates: Vec<(u64, u32)> = self
            .rows
            .iter()
            .enumerate()
            .filter_map(|(number, row)| Some((row.as_ref().filter(|row| !row.is_pinned)?.used, number as u32)))
            .collect();
        candidates.sort_unstable();
        candidates.truncate(self.live - QUERIES / 2);
        for (_, number) in candidates {
            let Some(row) = self.rows.get_mut(number as usize).and_then(Option::take) else { continue };
            self.live -= 1;
            let eager = row.shape.analysis.is_eager_load;
            self.numbers.remove(&(row.database, row.load.fingerprint.clone(), eager));
            let other = self.other(row.database);
            if let Some(other) = self.row(other) {
                merge(&mut other.load, &row.load);
                for (application, count) in row.applications {
                    count_number(&mut other.applications, application, count);
                }
            }
        }
        true
    }

    /// Gives texts that a transport has cut the identity of the one query whose text goes on where they end; those that
    /// several could be keep their own.
    pub fn join_truncated(&mut self) {
        /// A shorter beginning says too little.
        const LEAST: usize = 16;
        /// More of them are not looked at: the work is their number times that of the queries.
        const MOST: usize = 2000;
        let mut joined: Vec<(usize, usize)> = Vec::new();
        let cut = self.rows.iter().enumerate().filter_map(|(at, row)| Some((at, row.as_deref()?)));
        for (at, row) in cut.filter(|(_, row)| row.shape.analysis.is_truncated).take(MOST) {
            // the last word may be half of one
            let beginning = row.load.shape.rsplit_once(' ').map_or("", |(whole, _)| whole);
            if beginning.len() < LEAST {
                continue;
            }
            let mut whole = self.rows.iter().enumerate().filter_map(|(at, row)| Some((at, row.as_deref()?))).filter(
                |(_, other)| {
                    other.database == row.database
                        && !other.shape.analysis.is_truncated
                        && other.load.shape.starts_with(beginning)
                },
            );
            if let (Some((only, _)), None) = (whole.next(), whole.next()) {
                joined.push((at, only));
            }
        }
        for (cut, whole) in joined {
            let Some(identity) = self.rows.get(whole).and_then(Option::as_deref).map(|row| row.load.clone()) else {
                continue;
            };
            if let Some(row) = self.rows.get_mut(cut).and_then(Option::as_deref_mut) {
                row.load.fingerprint = identity.fingerprint;
                row.load.fingerprint_kind = identity.fingerprint_kind;
                (row.load.kind, row.load.text, row.load.shape) = (identity.kind, identity.text, identity.shape);
                row.load.tables = identity.tables;
            }
        }
    }

    /// The queries, most expensive first.
    pub fn finish(self, names: &Names<String>) -> Vec<QueryLoad> {
        let mut rows: Vec<Box<Row>> = self.rows.into_iter().flatten().collect();
        // of two with one fingerprint the look-up says what it is: a list is the look-up of several
        rows.sort_by_key(|row| (row.shape.analysis.is_truncated, row.shape.analysis.is_eager_load));
        let mut places: HashMap<(u32, String), usize> = HashMap::new();
        let mut loads: Vec<QueryLoad> = Vec::new();
        for row in rows {
            let row = *row;
            let mut load = row.load;
            for (application, count) in row.applications {
                *load.applications.entry(names.get(application).cloned().unwrap_or_default()).or_default() += count;
            }
            let key = (row.database, load.fingerprint.clone());
            if let Some(known) = places.get(&key).and_then(|place| loads.get_mut(*place)) {
                merge(known, &load);
                continue;
            }
            load.database = names.get(row.database).cloned().unwrap_or_default();
            load.query_ids.sort_unstable();
            places.insert(key, loads.len());
            loads.push(load);
        }
        order(&mut loads);
        loads
    }
}

/// Most expensive first, then by name.
pub fn order(loads: &mut [QueryLoad]) {
    loads.sort_by(|a, b| {
        b.durations
            .sum
            .cmp(&a.durations.sum)
            .then(b.calls.cmp(&a.calls))
            .then_with(|| (&a.database, &a.fingerprint).cmp(&(&b.database, &b.fingerprint)))
    });
}

fn timed(load: &mut QueryLoad, duration: u64, execute: u64, query_id: i64) {
    // from the first execution on that had a parse or a bind, both are kept: until then they are the same
    if duration != execute && load.execute.is_none() {
        load.execute = Some(load.durations.clone());
    }
    load.durations.add(duration);
    if let Some(own) = &mut load.execute {
        own.add(execute);
    }
    if query_id != 0 && duration >= SLOW {
        *load.slow_by_query_id.entry(query_id).or_default() += 1;
    }
}

/// Adds what another log says of the same query.
pub fn merge(into: &mut QueryLoad, other: &QueryLoad) {
    if into.mapper.is_none() && into.fingerprint != OTHER {
        into.mapper.clone_from(&other.mapper);
    }
    into.calls += other.calls;
    into.errors += other.errors;
    into.nested += other.nested;
    into.units += other.units;
    into.plans += other.plans;
    into.execute = match (into.execute.take(), &other.execute) {
        (None, None) => None,
        (mine, theirs) => {
            let mut sum = mine.unwrap_or_else(|| into.durations.clone());
            sum.merge(theirs.as_ref().unwrap_or(&other.durations));
            Some(sum)
        }
    };
    into.durations.merge(&other.durations);
    into.rows.merge(&other.rows);
    into.temporary_files.merge(&other.temporary_files);
    into.offsets.merge(&other.offsets);
    for id in &other.query_ids {
        if into.query_ids.len() < QUERY_IDS && !into.query_ids.contains(id) {
            into.query_ids.push(*id);
        }
    }
    into.query_ids.sort_unstable();
    for (id, count) in &other.slow_by_query_id {
        *into.slow_by_query_id.entry(*id).or_default() += count;
    }
    add_names(&mut into.applications, &other.applications);
    add_names(&mut into.cancelled, &other.cancelled);
    for (relation, scans) in &other.seq_scans {
        let known = into.seq_scans.entry(relation.clone()).or_default();
        known.plans += scans.plans;
        match (known.is_measured, scans.is_measured) {
            (false, true) => (known.most_rows, known.is_measured) = (scans.most_rows, true),
            (true, false) => {}
            _ => known.most_rows = known.most_rows.max(scans.most_rows),
        }
    }
}

/// Adds counts by name.
pub fn add_names(into: &mut BTreeMap<String, u64>, other: &BTreeMap<String, u64>) {
    for (name, count) in other {
        *into.entry(name.clone()).or_default() += count;
    }
}

/// Requests and repetitions.
#[derive(Debug, Default)]
pub struct Totals {
    requests: HashMap<(u32, Option<Arc<str>>, u32), RequestLoad>,
    groups: HashMap<(GroupKind, u32, u32, u32), Group>,
}

impl Totals {
    /// Notes a pattern of one query that is no repetition inside a unit.
    pub fn note(&mut self, kind: GroupKind, query: u32, database: u32) {
        if let Some(group) = self.group(kind, database, NONE, query) {
            group.units += 1;
            group.calls += 1;
        }
    }

    fn group(&mut self, kind: GroupKind, database: u32, parent: u32, child: u32) -> Option<&mut Group> {
        let key = (kind.clone(), database, parent, child);
        if self.groups.len() >= KINDS && !self.groups.contains_key(&key) {
            return None;
        }
        Some(self.groups.entry(key).or_insert_with(|| Group {
            kind,
            database: String::new(),
            parent: None,
            child: String::new(),
            units: 0,
            per_unit: Distribution::default(),
            per_parent: Distribution::default(),
            calls: 0,
            distinct: Distribution::default(),
            valueless: 0,
            database_time: 0,
            wall_time: 0,
            remaining: 0,
            boundaries: BTreeMap::new(),
            each_second: Distribution::default(),
            looked_back: 0,
            proven: 0,
            join: None,
            routes: BTreeMap::new(),
            applications: BTreeMap::new(),
            varying: Vec::new(),
            first: None,
            last: None,
        }))
    }

    /// Takes in a unit of work that is over.
    pub fn fold(
        &mut self,
        unit: &Unit,
        boundary: &Boundary,
        before: &[Before],
        queries: &mut QueryTable,
        names: &Names<String>,
    ) {
        if unit.is_empty() {
            return;
        }
        let found = {
            let shape = |query: u32| queries.shape(query).map(Arc::as_ref);
            repetitions(unit, before, &shape)
        };
        let is_weak = !matches!(boundary, Boundary::Trace | Boundary::Transaction);
        let mut requests = 1;
        for repetition in &found {
            let divided = if is_weak { parts(unit, &found, repetition) } else { 1 };
            requests = requests.max(divided);
            let bounded = if divided > 1 { &Boundary::Parent } else { boundary };
            self.repeated(unit, bounded, repetition, divided, queries, names);
        }
        for member in &unit.members {
            queries.units(member.query, u64::from(requests));
        }
        let bounded = if requests > 1 { &Boundary::Parent } else { boundary };
        self.request(unit, bounded, requests);
    }

    fn request(&mut self, unit: &Unit, boundary: &Boundary, requests: u32) {
        let head = if unit.route.is_some() { NONE } else { unit.head().unwrap_or(NONE) };
        let key = (unit.database, unit.route.clone(), head);
        if self.requests.len() >= KINDS && !self.requests.contains_key(&key) {
            return;
        }
        let load = self.requests.entry(key).or_insert_with(|| RequestLoad {
            database: String::new(),
            route: unit.route.as_deref().map(str::to_owned),
            head: None,
            boundaries: BTreeMap::new(),
            statements: Distribution::default(),
            database_time: Distribution::default(),
            wall_time: Distribution::default(),
        });
        *load.boundaries.entry(boundary.clone()).or_default() += u64::from(requests);
        let wall = wall(unit.started, unit.ended);
        for _ in 0..requests {
            let each = |sum: u64| (sum + u64::from(requests) / 2) / u64::from(requests);
            load.statements.add(each(u64::from(unit.statements)));
            load.database_time.add(each(unit.database_time));
            load.wall_time.add(each(wall));
        }
    }

    fn repeated(
        &mut self,
        unit: &Unit,
        boundary: &Boundary,
        repetition: &Repetition,
        divided: u32,
        queries: &mut QueryTable,
        names: &Names<String>,
    ) {
        let Some(child) = unit.members.get(repetition.child) else { return };
        let parent = repetition.parent.as_ref();
        let number = parent.map_or(NONE, |parent| parent.query);
        queries.pin(child.query);
        queries.pin(number);
        let application = names.get(unit.application).map_or("", String::as_str);
        let Some(group) = self.group(repetition.kind.clone(), unit.database, number, child.query) else { return };
        let parts = u64::from(divided);
        let count = u64::from(repetition.count);
        group.units += parts;
        *group.boundaries.entry(boundary.clone()).or_default() += parts;
        for _ in 0..parts {
            group.per_unit.add((count + parts / 2) / parts);
        }
        let executions = parent.map_or(1, |parent| u64::from(parent.count.max(1)));
        group.per_parent.add((count + executions / 2) / executions);
        group.calls += count;
        group.distinct.add(child.distinct.len() as u64);
        group.valueless += u64::from(child.valueless > 0);
        group.database_time += child.database_time;
        let wall = wall(child.started, child.ended).max(child.database_time.min(wall(unit.started, unit.ended)));
        group.wall_time += wall;
        group.remaining += (child.most + count * ROW).min(wall);
        if let Some(parent) = parent {
            group.looked_back += u64::from(parent.looked_back);
            group.proven += u64::from(parent.proven);
            if group.join.is_none() {
                group.join.clone_from(&parent.join);
            }
        }
        if let Some(route) = &unit.route {
            count_name(&mut group.routes, route, parts);
        }
        count_name(&mut group.applications, application, parts);
        for slot in 0..64 {
            if child.varying >> slot & 1 == 1 && !group.varying.contains(&slot) {
                group.varying.push(slot);
            }
        }
        group.varying.sort_unstable();
        if unit.ended != NO_TIME {
            let (first, last) = (Timestamp::from_unix_micros(unit.started), Timestamp::from_unix_micros(unit.ended));
            group.first = Some(group.first.map_or(first, |known| known.min(first)));
            group.last = Some(group.last.map_or(last, |known| known.max(last)));
        }
    }

    /// Requests and groups, with names in place of numbers. In a log in which clients share connections what says how parents
    /// and children go together is their number in each second.
    pub fn finish(
        self,
        queries: &QueryTable,
        names: &Names<String>,
        is_pooled: bool,
    ) -> (Vec<RequestLoad>, Vec<Group>) {
        let name = |database: u32| names.get(database).cloned().unwrap_or_default();
        let fingerprint = |query: u32| queries.fingerprint(query).map(str::to_owned);
        // heads that were folded into everything else may be several
        let mut requests: BTreeMap<(String, Option<String>, Option<String>), RequestLoad> = BTreeMap::new();
        for ((database, _, head), mut load) in in_order(self.requests) {
            load.database = name(database);
            load.head = (head != NONE).then(|| fingerprint(head).unwrap_or_else(|| OTHER.to_owned()));
            let key = (load.database.clone(), load.route.clone(), load.head.clone());
            match requests.get_mut(&key) {
                Some(known) => merge_request(known, &load),
                None => {
                    requests.insert(key, load);
                }
            }
        }
        // what has one name now may have had two numbers: a text that was cut, everything else
        let mut groups: BTreeMap<(GroupKind, String, Option<String>, String), Group> = BTreeMap::new();
        for ((_, database, parent, child), mut group) in in_order(self.groups) {
            group.database = name(database);
            if is_pooled && parent != NONE {
                group.each_second = queries.each_second(parent, child);
            }
            group.parent = (parent != NONE).then(|| fingerprint(parent).unwrap_or_else(|| OTHER.to_owned()));
            group.child = fingerprint(child).unwrap_or_else(|| OTHER.to_owned());
            let key = (group.kind.clone(), group.database.clone(), group.parent.clone(), group.child.clone());
            match groups.get_mut(&key) {
                Some(known) => merge_group(known, &group),
                None => {
                    groups.insert(key, group);
                }
            }
        }
        (requests.into_values().collect(), groups.into_values().collect())
    }
}

/// By number, which is the order of the log: that of a hash table is another one in every run.
fn in_order<K: Ord, T>(table: HashMap<K, T>) -> BTreeMap<K, T> {
    table.into_iter().collect()
}

/// What makes two groups the same.
pub fn group_key(group: &Group) -> (&GroupKind, &str, &Option<String>, &str) {
    (&group.kind, &group.database, &group.parent, &group.child)
}

/// Adds what another log says of the same requests.
pub fn merge_request(into: &mut RequestLoad, other: &RequestLoad) {
    for (boundary, count) in &other.boundaries {
        *into.boundaries.entry(boundary.clone()).or_default() += count;
    }
    into.statements.merge(&other.statements);
    into.database_time.merge(&other.database_time);
    into.wall_time.merge(&other.wall_time);
}

/// Adds what another log says of the same group.
pub fn merge_group(into: &mut Group, other: &Group) {
    into.units += other.units;
    into.per_unit.merge(&other.per_unit);
    into.per_parent.merge(&other.per_parent);
    into.calls += other.calls;
    into.distinct.merge(&other.distinct);
    into.valueless += other.valueless;
    into.database_time += other.database_time;
    into.wall_time += other.wall_time;
    into.remaining += other.remaining;
    for (boundary, count) in &other.boundaries {
        *into.boundaries.entry(boundary.clone()).or_default() += count;
    }
    into.each_second.merge(&other.each_second);
    into.looked_back += other.looked_back;
    into.proven += other.proven;
    if into.join.is_none() {
        into.join.clone_from(&other.join);
    }
    add_names(&mut into.routes, &other.routes);
    add_names(&mut into.applications, &other.applications);
    into.varying.extend(&other.varying);
    into.varying.sort_unstable();
    into.varying.dedup();
    into.first = into.first.into_iter().chain(other.first).min();
    into.last = into.last.into_iter().chain(other.last).max();
}

/// Adds what another log says of the pauses behind the same statement.
pub fn merge_held(into: &mut Held, other: &Held) {
    into.transactions += other.transactions;
    into.pauses.merge(&other.pauses);
    add_names(&mut into.applications, &other.applications);
}

fn count_number(numbers: &mut Vec<(u32, u64)>, number: u32, count: u64) {
    if let Some((_, known)) = numbers.iter_mut().find(|(known, _)| *known == number) {
        *known += count;
    } else if numbers.len() < NAMES {
        numbers.push((number, count));
    }
}

fn count_name(names: &mut BTreeMap<String, u64>, name: &str, count: u64) {
    if let Some(known) = names.get_mut(name) {
        *known += count;
    } else if names.len() < NAMES {
        names.insert(name.to_owned(), count);
    }
}

fn wall(started: i64, ended: i64) -> u64 {
    if started == NO_TIME || ended == NO_TIME { 0 } else { u64::try_from(ended.saturating_sub(started)).unwrap_or(0) }
}

impl QueryTable {
    /// Counts the units of work a query was part of.
    pub fn units(&mut self, number: u32, units: u64) {
        if let Some(row) = self.row(number) {
            row.load.units += units;
        }
    }
}
