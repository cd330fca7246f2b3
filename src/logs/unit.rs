//! A unit of work: what one request, job or page asked of the database, and the repetitions inside it.
//!
//! Statements are counted, not compared with their neighbours: `A B A B` is as much a loop as `A A B B`. What is kept of each
//! query in a unit is a few numbers, whatever the number of its executions.

use super::analysis::{Comparison, Join, Role, join_evidence};
use super::lexer::SlotValue;
use super::shape::Shape;
use super::workload::{Boundary, GroupKind, OpenMember, OpenUnit};
use crate::fingerprint::StatementKind;
use std::sync::Arc;

/// Queries of one unit that are told apart; more are counted only.
const MEMBERS: usize = 256;
/// Different values of one query that are told apart.
const VALUES: usize = 64;
/// Places of one query that are kept.
const PLACES: usize = 256;
/// The fewest executions that are a repetition.
pub const REPEATED: u32 = 3;

/// No time was logged.
pub const NO_TIME: i64 = i64::MIN;

/// One execution, as far as units of work care.
#[derive(Debug, Clone, Copy)]
pub struct Execution<'a> {
    /// The query, by its number.
    pub query: u32,
    /// When it started, microseconds since 1970, or [`NO_TIME`].
    pub start: i64,
    /// When it ended.
    pub end: i64,
    /// Microseconds it took; 0 where they are not known.
    pub duration: u64,
    /// The values of its slots; none where they were not logged, or cut.
    pub values: Option<&'a [SlotValue]>,
    /// Rows it returned, where a plan says so.
    pub rows: Option<f64>,
}

/// One query in a unit.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its number.
    pub query: u32,
    /// Executions.
    pub count: u32,
    /// Places in the unit: of the first executions, and of the last one.
    pub places: Vec<u32>,
    /// The place of the last execution.
    pub last: u32,
    /// Microseconds in the database.
    pub database_time: u64,
    /// The longest.
    pub most: u64,
    /// When the first one started.
    pub started: i64,
    /// When the last one ended.
    pub ended: i64,
    /// Different values so far.
    pub distinct: Vec<u64>,
    /// Executions whose values are not known.
    pub valueless: u32,
    /// Slots whose values differed between two executions in a row, from bit 0.
    pub varying: u64,
    /// Rows a plan said it returned, the last time.
    pub rows: Option<f64>,
    previous: Vec<SlotValue>,
    /// Executions that came after a pause as long as the ones before: count, sum and sum of squares of the pauses.
    pauses: (u32, f64, f64),
    last_start: i64,
}

impl Member {
    fn new(query: u32) -> Self {
        Self {
            query,
            count: 0,
            places: Vec::new(),
            last: 0,
            database_time: 0,
            most: 0,
            started: NO_TIME,
            ended: NO_TIME,
            distinct: Vec::new(),
            valueless: 0,
            varying: 0,
            rows: None,
            previous: Vec::new(),
            pauses: (0, 0.0, 0.0),
            last_start: NO_TIME,
        }
    }

    fn add(&mut self, execution: &Execution<'_>, place: u32) {
        self.count += 1;
        self.last = place;
        if self.places.len() < PLACES {
            self.places.push(place);
        }
        self.database_time += execution.duration;
        self.most = self.most.max(execution.duration);
        if execution.start != NO_TIME {
            if self.started == NO_TIME {
                self.started = execution.start;
            }
            if self.last_start != NO_TIME {
                let pause = execution.start.saturating_sub(self.last_start) as f64;
                self.pauses = (self.pauses.0 + 1, self.pauses.1 + pause, self.pauses.2 + pause * pause);
            }
            self.last_start = execution.start;
            self.ended = execution.end;
        }
        self.rows = execution.rows.or(self.rows);
        match execution.values {
            None => self.valueless += 1,
            Some(values) => {
                let combined = values.iter().fold(values.len() as u64, |sum, value| {
                    (sum.rotate_left(5) ^ value.bits()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
                });
                if self.distinct.len() < VALUES && !self.distinct.contains(&combined) {
                    self.distinct.push(combined);
                }
                if self.count > 1 && self.previous.len() == values.len() {
                    for (slot, (before, now)) in self.previous.iter().zip(values).take(64).enumerate() {
                        if before != now {
                            self.varying |= 1 << slot;
                        }
                    }
                }
                self.previous.clear();
                self.previous.extend_from_slice(values);
            }
        }
    }

    /// Executions after a place.
    fn after(&self, place: u32) -> u32 {
        let known = self.places.len() - self.places.partition_point(|own| *own <= place);
        known as u32 + (self.count - self.places.len() as u32)
    }

    /// The coefficient of variation of the pauses between starts, and their mean in microseconds.
    fn rhythm(&self) -> Option<(f64, f64)> {
        let (count, sum, squares) = self.pauses;
        if count < 8 {
            return None;
        }
        let mean = sum / f64::from(count);
        let variance = (squares / f64::from(count) - mean * mean).max(0.0);
        (mean > 0.0).then(|| (variance.sqrt() / mean, mean))
    }

    /// Whether every value is known.
    fn has_values(&self) -> bool {
        self.valueless == 0
    }

    /// Adds what came later in the same unit.
    fn append(&mut self, later: Self, places: u32) {
        let room = PLACES.saturating_sub(self.places.len());
        // places are those of the first executions without a gap, or `after` would count some twice
        if self.places.len() == self.count as usize {
            self.places.extend(later.places.iter().take(room).map(|place| place + places));
        }
        self.count += later.count;
        self.last = later.last + places;
        self.database_time += later.database_time;
        self.most = self.most.max(later.most);
        if self.started == NO_TIME {
            self.started = later.started;
        }
        if later.ended != NO_TIME {
            self.ended = later.ended;
        }
        for value in later.distinct {
            if self.distinct.len() < VALUES && !self.distinct.contains(&value) {
                self.distinct.push(value);
            }
        }
        self.valueless += later.valueless;
        self.varying |= later.varying;
        if self.previous.len() == later.previous.len() {
            for (slot, (before, now)) in self.previous.iter().zip(&later.previous).take(64).enumerate() {
                if before != now {
                    self.varying |= 1 << slot;
                }
            }
        }
        self.previous = later.previous;
        self.rows = later.rows.or(self.rows);
        self.pauses = (self.pauses.0 + later.pauses.0, self.pauses.1 + later.pauses.1, self.pauses.2 + later.pauses.2);
        self.last_start = later.last_start;
    }
}

/// What one request asked.
#[derive(Debug, Clone)]
pub struct Unit {
    /// What bounds it at its beginning.
    pub begin: Boundary,
    /// The database, by its number.
    pub database: u32,
    /// The application, by the number of its name.
    pub application: u32,
    /// The route its statements name.
    pub route: Option<Arc<str>>,
    /// When its first statement started.
    pub started: i64,
    /// When its last one ended.
    pub ended: i64,
    /// Statements, without transaction control and pings.
    pub statements: u32,
    /// Microseconds in the database.
    pub database_time: u64,
    /// Its queries, in the order of their first execution.
    pub members: Vec<Member>,
    /// The place of the last statement.
    pub place: u32,
    /// The query of the last statement.
    pub last_query: u32,
    /// Whether its first query turned out to be repeated inside it, so that its coming again begins nothing.
    pub is_headless: bool,
}

/// No query yet.
const NO_QUERY: u32 = u32::MAX;

impl Unit {
    /// A unit without statements.
    pub fn new(begin: Boundary, database: u32, application: u32) -> Self {
        Self {
            begin,
            database,
            application,
            route: None,
            started: NO_TIME,
            ended: NO_TIME,
            statements: 0,
            database_time: 0,
            members: Vec::new(),
            place: 0,
            last_query: NO_QUERY,
            is_headless: false,
        }
    }

    /// Whether nothing ran in it.
    pub fn is_empty(&self) -> bool {
        self.statements == 0
    }

    /// The query it begins with.
    pub fn head(&self) -> Option<u32> {
        self.members.first().map(|member| member.query)
    }

    /// Adds an execution.
    pub fn add(&mut self, execution: &Execution<'_>) {
        self.statements += 1;
        self.place += 1;
        self.database_time += execution.duration;
        self.last_query = execution.query;
        if execution.start != NO_TIME {
            if self.started == NO_TIME {
                self.started = execution.start;
            }
            self.ended = self.ended.max(execution.end);
        }
        let known = self.members.iter().position(|member| member.query == execution.query);
        let at = match known {
            Some(at) => at,
            None if self.members.len() < MEMBERS => {
                self.members.push(Member::new(execution.query));
                self.members.len() - 1
            }
            None => return,
        };
        if let Some(member) = self.members.get_mut(at) {
            member.add(execution, self.place);
        }
    }

    /// Notes how many rows the last execution of a query returned.
    pub fn note_rows(&mut self, query: u32, rows: f64) {
        if let Some(member) = self.members.iter_mut().find(|member| member.query == query) {
            member.rows = Some(rows);
        }
    }

    /// Adds what came later: it was one unit after all.
    pub fn append(&mut self, later: Self) {
        let places = self.place;
        self.statements += later.statements;
        self.place += later.place;
        self.database_time += later.database_time;
        self.last_query = later.last_query;
        if self.started == NO_TIME {
            self.started = later.started;
        }
        self.ended = self.ended.max(later.ended);
        if self.route.is_none() {
            self.route = later.route;
        }
        for member in later.members {
            if let Some(own) = self.members.iter_mut().find(|own| own.query == member.query) {
                own.append(member, places);
            } else if self.members.len() < MEMBERS {
                let mut member = member;
                member.places.iter_mut().for_each(|place| *place += places);
                member.last += places;
                self.members.push(member);
            }
        }
    }
}

impl Unit {
    /// As it is stored where it is cut: counts, no values. `name` says the fingerprint of a query, and whether it asks for
    /// many keys at once.
    pub fn to_open<'n>(&self, name: impl Fn(u32) -> Option<(&'n str, bool)>) -> Vec<OpenMember> {
        let member = |member: &Member| {
            let (query, is_eager) = name(member.query)?;
            Some(OpenMember {
                query: query.to_owned(),
                is_eager,
                count: member.count,
                places: member.places.clone(),
                last: member.last,
                distinct: member.distinct.len() as u64,
                valueless: member.valueless,
                varying: member.varying,
                database_time: member.database_time,
                most: member.most,
                started: member.started,
                ended: member.ended,
                rows: member.rows,
            })
        };
        self.members.iter().filter_map(member).collect()
    }

    /// From what is stored. Which values there were is not known any more: two parts joined have at least as many
    /// different ones as the larger of them. `number` says the number of a query.
    pub fn from_open(
        open: &OpenUnit,
        database: u32,
        application: u32,
        mut number: impl FnMut(&str, bool) -> Option<u32>,
    ) -> Self {
        let mut unit = Self::new(open.begin.clone(), database, application);
        unit.route = open.route.as_deref().map(Arc::from);
        (unit.started, unit.ended) = (open.started, open.ended);
        unit.statements = u32::try_from(open.statements).unwrap_or(u32::MAX);
        unit.database_time = open.database_time;
        for stored in &open.members {
            let Some(query) = number(&stored.query, stored.is_eager) else { continue };
            unit.place = unit.place.max(stored.last);
            unit.members.push(Member {
                count: stored.count,
                places: stored.places.clone(),
                last: stored.last,
                database_time: stored.database_time,
                most: stored.most,
                started: stored.started,
                ended: stored.ended,
                distinct: (0..stored.distinct.min(VALUES as u64)).collect(),
                valueless: stored.valueless,
                varying: stored.varying,
                rows: stored.rows,
                ..Member::new(query)
            });
        }
        unit
    }
}

/// A query that ran shortly before a unit in the same session: where a parent may stand.
#[derive(Debug, Clone, Copy)]
pub struct Before {
    /// The query.
    pub query: u32,
    /// Executions.
    pub count: u32,
    /// Rows a plan said it returned.
    pub rows: Option<f64>,
}

/// What is repeated in a unit.
#[derive(Debug, Clone)]
pub struct Repetition {
    /// What it is.
    pub kind: GroupKind,
    /// The place of the child in the unit's members.
    pub child: usize,
    /// The parent.
    pub parent: Option<Parent>,
    /// Executions of the child under it.
    pub count: u32,
}

/// The query whose rows the children follow.
#[derive(Debug, Clone)]
pub struct Parent {
    /// The query.
    pub query: u32,
    /// Its executions.
    pub count: u32,
    /// Whether it stood before the unit.
    pub looked_back: bool,
    /// Whether a plan says that it returned as many rows as there are children.
    pub proven: bool,
    /// How the two belong together.
    pub join: Option<String>,
}

/// Everything that is repeated in a unit, told apart.
pub fn repetitions<'a>(unit: &Unit, before: &[Before], shape: &impl Fn(u32) -> Option<&'a Shape>) -> Vec<Repetition> {
    let mut found: Vec<Repetition> = Vec::new();
    for (at, member) in unit.members.iter().enumerate() {
        let Some(child) = shape(member.query) else { continue };
        if child.analysis.is_eager_load && child.analysis.kind == StatementKind::Select {
            let repetition = |kind| Repetition { kind, child: at, parent: None, count: member.count };
            found.push(repetition(GroupKind::EagerLoading));
            continue;
        }
        if member.count < REPEATED || child.is_housekeeping() {
            continue;
        }
        let kind = kind(member, child);
        let (parent, count) = match kind {
            GroupKind::NPlusOne | GroupKind::NPlusOneWrite | GroupKind::Duplicate => {
                match parent_of(unit, member, child, before, shape) {
                    Some((parent, count)) => (Some(parent), count),
                    None => (None, member.count),
                }
            }
            _ => (None, member.count),
        };
        let kind = match kind {
            // the order of a page of rows decides which of two look-ups comes first, not a third query
            GroupKind::NPlusOne if parent.is_none() && is_cycle(unit, member, shape) => GroupKind::Cycle,
            kind => kind,
        };
        found.push(Repetition { kind, child: at, parent, count });
    }
    found
}

/// What a repeated query is, by itself.
fn kind(member: &Member, child: &Shape) -> GroupKind {
    let child = &child.analysis;
    match child.kind {
        StatementKind::Insert if child.is_single_row_insert => return GroupKind::InsertLoop,
        StatementKind::Insert | StatementKind::Merge => return GroupKind::InsertLoop,
        StatementKind::Update | StatementKind::Delete => return GroupKind::NPlusOneWrite,
        _ => {}
    }
    let known = member.has_values();
    if known && member.distinct.len() == 1 {
        return match member.rhythm() {
            // the same question at regular times, with pauses no loop makes
            Some((variation, mean)) if variation < 0.3 && mean > 50_000.0 => GroupKind::Polling,
            _ => GroupKind::Duplicate,
        };
    }
    let role = |slot: usize| role_kind(child.role(slot + 1));
    let varying: Vec<SlotRoleKind> = (0..64).filter(|slot| member.varying >> slot & 1 == 1).map(role).collect();
    if !varying.is_empty() && varying.iter().all(|role| *role == SlotRoleKind::Page) {
        return GroupKind::Pagination;
    }
    // the next page by key: what follows the last row seen
    let is_keyset = child.has_order_by
        && child.limit.is_some()
        && !varying.is_empty()
        && varying.iter().all(|role| matches!(role, SlotRoleKind::Range | SlotRoleKind::Page));
    if is_keyset {
        return GroupKind::Pagination;
    }
    if let Some((variation, mean)) = member.rhythm()
        && variation < 0.3
        && mean > 200_000.0
    {
        return GroupKind::Polling;
    }
    GroupKind::NPlusOne
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SlotRoleKind {
    Page,
    Range,
    Other,
}

fn role_kind(role: &Role) -> SlotRoleKind {
    match role {
        Role::Limit | Role::Offset => SlotRoleKind::Page,
        Role::Compared { by: Comparison::Ordered, .. } => SlotRoleKind::Range,
        _ => SlotRoleKind::Other,
    }
}

/// Whether every query that is repeated in a unit comes equally often and nothing stands before them: those are requests that
/// nothing parts, each asking a little of everything.
fn is_cycle<'a>(unit: &Unit, member: &Member, shape: &impl Fn(u32) -> Option<&'a Shape>) -> bool {
    let mut others = 0;
    for other in &unit.members {
        if shape(other.query).is_none_or(Shape::is_housekeeping) {
            continue;
        }
        if other.count.abs_diff(member.count) > member.count / 20 + 1 {
            return false;
        }
        others += 1;
    }
    others > 1
}

/// The query that a child follows, with the number of children that come after it.
fn parent_of<'a>(
    unit: &Unit,
    member: &Member,
    child: &Shape,
    before: &[Before],
    shape: &impl Fn(u32) -> Option<&'a Shape>,
) -> Option<(Parent, u32)> {
    let mut best: Option<(u32, u32, Parent, u32)> = None;
    // of two that are as likely the nearer one, which comes later
    let consider = |best: &mut Option<(u32, u32, Parent, u32)>, score: u32, place: u32, parent: Parent, count: u32| {
        if best.as_ref().is_none_or(|(known, at, ..)| (score, place) > (*known, *at)) {
            *best = Some((score, place, parent, count));
        }
    };
    for other in unit.members.iter().filter(|other| other.query != member.query) {
        let Some(first) = other.places.first() else { continue };
        let after = member.after(*first);
        // a look-up of the same query may stand before the list, as that of the current user does
        let enough = after >= REPEATED && after * 5 >= member.count * 4 && other.count <= after / 3;
        let Some(candidate) = shape(other.query).filter(|candidate| enough && candidate.can_be_parent()) else {
            continue;
        };
        let join = join_evidence(&candidate.analysis, &child.analysis);
        let proven = other.rows.is_some_and(|rows| is_about(rows * f64::from(other.count), after));
        let score = 1 + evidence(join.as_ref()) + if proven { 3 } else { 0 };
        let join = join.map(|join| explained(&join));
        let parent = Parent { query: other.query, count: other.count, looked_back: false, proven, join };
        consider(&mut best, score, *first, parent, after);
    }
    if best.as_ref().is_none_or(|(score, ..)| *score < 4) {
        for other in before.iter().filter(|other| other.query != member.query) {
            let Some(candidate) = shape(other.query).filter(|candidate| candidate.can_be_parent()) else { continue };
            // outside the unit only the texts tell that the two belong together
            let Some(join) = join_evidence(&candidate.analysis, &child.analysis) else { continue };
            let proven = other.rows.is_some_and(|rows| is_about(rows, member.count));
            let score = evidence(Some(&join)) + if proven { 3 } else { 0 };
            let parent =
                Parent { query: other.query, count: 1, looked_back: true, proven, join: Some(explained(&join)) };
            consider(&mut best, score, 0, parent, member.count);
        }
    }
    best.map(|(_, _, parent, count)| (parent, count))
}

/// What the names of tables and columns are worth.
fn evidence(join: Option<&Join>) -> u32 {
    match join {
        Some(join) if join.is_weak => 2,
        Some(_) => 3,
        None => 0,
    }
}

/// `books.author_id = authors.id`, as far as the texts say.
fn explained(join: &Join) -> String {
    let column = |table: &Option<String>, column: &str| match table {
        Some(table) => format!("{table}.{column}"),
        None => column.to_owned(),
    };
    let parent = match (&join.parent_column, &join.parent_table) {
        (Some(name), table) => column(table, name),
        (None, Some(table)) => format!("the key of {table}"),
        (None, None) => "a key".to_owned(),
    };
    format!("{} = {parent}", column(&join.child_table, &join.child_column))
}

/// Whether a number of rows explains a number of look-ups.
fn is_about(rows: f64, count: u32) -> bool {
    (rows - f64::from(count)).abs() <= f64::from(count) * 0.1 + 1.0
}

/// In how many requests a unit falls apart that has only weak bounds: as many as the outermost parent was executed.
pub fn parts(unit: &Unit, repetitions: &[Repetition], of: &Repetition) -> u32 {
    let mut parts = 1;
    let mut parent = of.parent.as_ref();
    // a chain of parents is as long as the unit has queries, at the most
    for _ in 0..unit.members.len() {
        let Some(current) = parent.filter(|parent| !parent.looked_back) else { break };
        parts = current.count;
        let above = repetitions
            .iter()
            .find(|repetition| unit.members.get(repetition.child).is_some_and(|member| member.query == current.query));
        match above.and_then(|above| above.parent.as_ref()) {
            Some(above) => parent = Some(above),
            None => break,
        }
    }
    parts.max(1)
}
