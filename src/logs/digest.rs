//! A chunk of a log becomes a [`Digest`]: every entry read, classified, its statement told by its shape. The work that takes
//! the time; any number of threads do it, each with a [`Digester`] of its own.

use super::comment;
use super::event::{Actor, Digest, Event, Failure, NO_DURATION, NONE, PlanSeen, Rarity, ShapeSeen, Step, Tag, What};
use super::fast::FastMap;
use super::lexer::{self, Lexer, Parameters, Slot, SlotKind, SlotValue};
use super::mapper::mapper;
use super::mask;
use super::message::{self, Lock, Message, Step as StepKind};
use super::plan;
use super::record::Record;
use super::secret::Scanner;
use super::select::Selection;
use super::shape::Shape;
use super::unit::NO_TIME;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

/// What tells the shape of a text in lower case from the same in upper case.
const LOWER_CASE: u64 = 0x5bd1_e995_9d1b_4a5f;

/// Shapes that are remembered between chunks. Forgetting one costs time and changes nothing.
const SHAPES: usize = 20_000;

/// Shapes that were analysed before, for all threads.
#[derive(Debug, Default)]
pub struct Shapes(RwLock<FastMap<u64, Vec<Arc<Shape>>>>);

/// Variants of one shape that are remembered: those of `limit` and of ordinals.
const VARIANTS: usize = 8;

impl Shapes {
    fn get(&self, hash: u64, slots: &[Slot]) -> Option<Arc<Shape>> {
        self.0.read().ok()?.get(&hash)?.iter().find(|shape| shape.holds_for(slots)).cloned()
    }

    fn put(&self, hash: u64, shape: &Arc<Shape>) {
        if let Ok(mut known) = self.0.write() {
            if known.len() >= SHAPES {
                known.clear();
            }
            let variants = known.entry(hash).or_default();
            if variants.len() < VARIANTS {
                variants.push(Arc::clone(shape));
            }
        }
    }
}

/// What a thread needs to digest chunks.
#[derive(Debug)]
pub struct Digester<'s> {
    shapes: &'s Shapes,
    selection: &'s Selection,
    /// From when on another log holds the entries of the one at hand, microseconds since 1970.
    until: Option<i64>,
    lexer: Lexer,
    slots: Vec<Slot>,
    parameters: Vec<SlotValue>,
    scanner: Scanner,
    /// What looks like a secret in the chunk, and where; the last first.
    secrets: Vec<(usize, &'static str)>,
    /// What the statement at hand gives away.
    shown: Option<&'static str>,
}

/// The tables of one chunk.
struct Chunk<'d> {
    digest: &'d mut Digest,
    shapes: FastMap<u64, Vec<u32>>,
    actors: FastMap<u64, Vec<u32>>,
    last_actor: u32,
    tags: HashMap<Tag, u32>,
    /// Whether the entry that was read last does not count.
    is_left_out: bool,
}

impl<'s> Digester<'s> {
    /// One that shares what it learns.
    pub fn new(shapes: &'s Shapes, selection: &'s Selection) -> Self {
        Self {
            shapes,
            selection,
            until: None,
            lexer: Lexer::new(),
            slots: Vec::new(),
            parameters: Vec::new(),
            scanner: Scanner::new(),
            secrets: Vec::new(),
            shown: None,
        }
    }

    /// Digests a chunk that `read` reads entry by entry; those from `until` on another log holds.
    pub fn digest(
        &mut self,
        stream: u64,
        until: Option<i64>,
        bytes: &[u8],
        read: impl FnOnce(&mut dyn FnMut(&Record<'_>)) -> super::record::Reading,
    ) -> Digest {
        let mut digest = Digest::default();
        let mut chunk = Chunk {
            digest: &mut digest,
            shapes: FastMap::default(),
            actors: FastMap::default(),
            last_actor: NONE,
            tags: HashMap::new(),
            is_left_out: false,
        };
        self.until = until;
        self.secrets.clear();
        let secrets = &mut self.secrets;
        self.scanner.find(bytes, &mut |offset, kind| secrets.push((offset, kind)));
        self.secrets.sort_unstable_by(|a, b| b.cmp(a));
        let reading = read(&mut |record: &Record<'_>| self.record(stream, record, &mut chunk));
        self.secrets_before(usize::MAX, &mut chunk);
        digest.reading = reading;
        digest
    }

    /// Notes what looks like a secret and stands before an offset: it belongs to the entry that was read last.
    fn secrets_before(&mut self, offset: usize, chunk: &mut Chunk<'_>) {
        while let Some((at, kind)) = self.secrets.pop_if(|(at, _)| *at < offset) {
            if let Some(last) = chunk.digest.events.last().copied().filter(|_| !chunk.is_left_out) {
                chunk.digest.rarities.push(Rarity::Secret(kind, at as u64));
                let what = What::Rarity(chunk.digest.rarities.len() as u32 - 1);
                chunk.digest.events.push(Event { what, ..last });
            }
        }
    }

    fn record(&mut self, stream: u64, record: &Record<'_>, chunk: &mut Chunk<'_>) {
        self.secrets_before(record.offset, chunk);
        let is_elsewhere = self.until.is_some_and(|until| record.time.is_some_and(|time| time >= until));
        chunk.is_left_out = is_elsewhere || !self.selection.takes(record);
        if chunk.is_left_out {
            return;
        }
        let message = message::classify(record);
        let what = match message {
            Message::Statement { step, name, portal, sql, duration } => {
                let context_is_nested = !record.context.is_empty() && is_nested(record.context);
                if context_is_nested {
                    chunk.digest.other_entries += 1;
                    return;
                }
                What::Statement(self.statement(record, step, name, portal, sql, duration, chunk))
            }
            Message::Duration(duration) => What::Duration(duration),
            Message::Plan { duration, body } => match self.plan(record, duration, body, chunk) {
                Some(plan) => {
                    chunk.digest.plans.push(plan);
                    What::Plan(chunk.digest.plans.len() as u32 - 1)
                }
                None => {
                    chunk.digest.other_entries += 1;
                    return;
                }
            },
            other => match self.rarity(record, other, chunk) {
                Some(rarity) => {
                    chunk.digest.rarities.push(rarity);
                    What::Rarity(chunk.digest.rarities.len() as u32 - 1)
                }
                None => {
                    chunk.digest.other_entries += 1;
                    return;
                }
            },
        };
        let event = Event {
            time: record.time.unwrap_or(NO_TIME),
            session: session(stream, record),
            line: record.session_line.map_or(0, |line| u32::try_from(line).unwrap_or(u32::MAX)),
            actor: self.actor(record, chunk),
            transaction: local_transaction(record.vxid),
            what,
        };
        chunk.digest.has_fractions |= event.time != NO_TIME && event.time % 1_000_000 != 0;
        chunk.digest.events.push(event);
        if let Some(kind) = self.shown.take() {
            chunk.digest.rarities.push(Rarity::Secret(kind, record.offset as u64));
            chunk.digest.events.push(Event { what: What::Rarity(chunk.digest.rarities.len() as u32 - 1), ..event });
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a message, once")]
    fn statement(
        &mut self,
        record: &Record<'_>,
        kind: StepKind,
        name: &[u8],
        portal: &[u8],
        sql: &[u8],
        duration: Option<u64>,
        chunk: &mut Chunk<'_>,
    ) -> Step {
        let (shape, tags, has_literals) = self.shape(sql, record.is_tabbed, chunk);
        let mut step = Step {
            kind,
            duration: duration.unwrap_or(NO_DURATION),
            shape,
            name: short_hash(name),
            portal: if portal.is_empty() { 0 } else { short_hash(portal) | 1 },
            values: chunk.digest.values.len() as u32,
            value_count: 0,
            has_values: false,
            has_literals: has_literals || !record.detail.is_empty(),
            tags,
            query_id: record.query_id.unwrap_or(0),
        };
        // what parse and bind were given is in the execution's own line
        if matches!(kind, StepKind::Parse | StepKind::Bind) {
            return step;
        }
        self.parameters.clear();
        let mut is_whole = true;
        if let Some(list) = message::parameters_of(record.detail) {
            is_whole = lexer::parameters(list, record.is_tabbed, &mut self.parameters) == Parameters::Whole;
        }
        if let Some(suspect) = chunk.digest.shapes.get(shape as usize).and_then(|seen| seen.shape.suspect.as_ref())
            && suspect.is_shown(&self.slots, has_literals, &self.parameters, [sql, record.detail])
        {
            self.shown = Some(suspect.kind);
        }
        for slot in &self.slots {
            let value = match slot.kind {
                SlotKind::Parameter(number) => {
                    let at = usize::from(number).checked_sub(1);
                    match at.and_then(|at| self.parameters.get(at)) {
                        Some(value) => *value,
                        None => {
                            is_whole = false;
                            SlotValue::NULL
                        }
                    }
                }
                _ => slot.value,
            };
            chunk.digest.values.push(value);
        }
        step.value_count = self.slots.len() as u16;
        step.has_values = is_whole;
        step
    }

    /// The shape of a text, the tags of its comments, and whether it has literals. Its slots are left in `self.slots`.
    fn shape(&mut self, sql: &[u8], tabbed: bool, chunk: &mut Chunk<'_>) -> (u32, u32, bool) {
        let lexed = self.lexer.lex(sql, tabbed);
        let (mut hash, has_literals, is_truncated) = (lexed.shape, lexed.has_literals, lexed.is_truncated);
        // by its case one mapper is told from another
        if sql.iter().find(|byte| byte.is_ascii_alphabetic()).is_some_and(u8::is_ascii_lowercase) {
            hash ^= LOWER_CASE;
        }
        self.slots.clear();
        self.slots.extend_from_slice(lexed.slots);
        let tags = match lexed.comments {
            [] => NONE,
            comments => tags(sql, comments, chunk),
        };
        chunk.digest.truncated += u64::from(is_truncated);
        let variants = chunk.shapes.get(&hash).map_or(&[][..], Vec::as_slice);
        let holds = |number: &&u32| {
            chunk.digest.shapes.get(**number as usize).is_some_and(|seen| seen.shape.holds_for(&self.slots))
        };
        if let Some(known) = variants.iter().find(holds) {
            return (*known, tags, has_literals);
        }
        let original = String::from_utf8_lossy(sql);
        let shape = match self.shapes.get(hash, &self.slots) {
            Some(shape) => shape,
            None => {
                let text = self.lexer.shape_text(sql, tabbed);
                let shape = Arc::new(Shape::of(text, &original));
                self.shapes.put(hash, &shape);
                shape
            }
        };
        let number = chunk.digest.shapes.len() as u32;
        // what is shared must not depend on which thread came first: this is of the chunk
        chunk.digest.shapes.push(ShapeSeen { hash, shape, mapper: mapper(&original) });
        chunk.shapes.entry(hash).or_default().push(number);
        (number, tags, has_literals)
    }

    /// The shape of a statement that an entry names beside its message.
    fn named(&mut self, record: &Record<'_>, chunk: &mut Chunk<'_>) -> Option<u32> {
        (!record.statement.is_empty()).then(|| self.shape(record.statement, record.is_tabbed, chunk).0)
    }

    fn plan(&mut self, record: &Record<'_>, duration: u64, body: &[u8], chunk: &mut Chunk<'_>) -> Option<PlanSeen> {
        let plan = plan::plan(body, record.is_tabbed)?;
        let (shape, _, _) = self.shape(&plan.query, false, chunk);
        // without log_analyze the planner's expectation is all there is: rows that pass the filter, so fewer than are read
        let seq_scans = plan
            .seq_scans()
            .filter_map(|(node, read)| {
                let relation = match (&node.schema, node.relation.as_ref()?) {
                    (Some(schema), relation) => format!("{schema}.{relation}"),
                    (None, relation) => relation.clone(),
                };
                Some((relation, read.unwrap_or(node.plan_rows), read.is_some()))
            })
            .collect();
        let has_parameters = self.slots.iter().any(|slot| matches!(slot.kind, SlotKind::Parameter(_)));
        let values = (!has_parameters).then(|| self.slots.iter().map(|slot| slot.value).collect());
        let rows = plan.root_rows();
        Some(PlanSeen { duration, shape, is_nested: is_nested(record.context), rows, seq_scans, values })
    }

    fn rarity(&mut self, record: &Record<'_>, message: Message<'_>, chunk: &mut Chunk<'_>) -> Option<Rarity> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes)).into_owned();
        Some(match message {
            Message::ConnectionReceived => Rarity::Received,
            Message::ConnectionAuthorized { .. } => Rarity::Connected,
            Message::Disconnection { duration, .. } => Rarity::Disconnected(duration),
            Message::Lock(wait) => {
                let (mode, object) = (text(wait.mode), mask::lock_object(wait.object));
                let shape = self.named(record, chunk);
                match (wait.state, wait.waited) {
                    (Lock::Waiting, _) => Rarity::LockWaiting { mode, object, shape },
                    (Lock::Acquired, Some(waited)) => Rarity::LockAcquired { mode, object, waited, shape },
                    _ => return None,
                }
            }
            Message::Deadlock => Rarity::Failed(self.failure(record, None, true, chunk)),
            Message::Cancelled { why } => Rarity::Failed(self.failure(record, Some(why), false, chunk)),
            Message::Failure => Rarity::Failed(self.failure(record, None, false, chunk)),
            Message::TemporaryFile { bytes } => Rarity::TemporaryFile(bytes, self.named(record, chunk)),
            Message::CheckpointStarting { cause } => Rarity::CheckpointStarting(text(cause)),
            Message::CheckpointComplete(checkpoint) => Rarity::CheckpointComplete(checkpoint.sync, checkpoint.total),
            Message::CheckpointsTooFrequent { .. } => Rarity::CheckpointsTooFrequent,
            Message::Autovacuum { table } => Rarity::Vacuumed(text(table)),
            Message::Autoanalyze { table } => Rarity::Analysed(text(table)),
            Message::ServerStarted => Rarity::ServerStarted,
            _ => return None,
        })
    }

    fn failure(
        &mut self,
        record: &Record<'_>,
        cancelled: Option<message::Why>,
        is_deadlock: bool,
        chunk: &mut Chunk<'_>,
    ) -> Box<Failure> {
        let sqlstate = Some(record.sqlstate).filter(|state| state.len() == 5 && *state != b"00000");
        Box::new(Failure {
            severity: record.severity,
            sqlstate: sqlstate.map(|state| String::from_utf8_lossy(state).into_owned()),
            message: mask::message(record.message),
            is_deadlock,
            cancelled,
            shape: self.named(record, chunk),
        })
    }

    /// The number of who sent an entry.
    fn actor(&mut self, record: &Record<'_>, chunk: &mut Chunk<'_>) -> u32 {
        const LONGEST: usize = 200;
        let kept = |name: &'_ [u8]| String::from_utf8_lossy(name.get(..LONGEST).unwrap_or(name)).into_owned();
        let is_same = |known: &str, name: &[u8]| known.as_bytes() == name;
        let is = |number: u32, actors: &[Actor]| {
            actors.get(number as usize).is_some_and(|actor| {
                is_same(&actor.user, record.user)
                    && is_same(&actor.database, record.database)
                    && is_same(&actor.application, record.application)
            })
        };
        if is(chunk.last_actor, &chunk.digest.actors) {
            return chunk.last_actor;
        }
        let hash = [record.user, record.database, record.application]
            .iter()
            .fold(0, |sum: u64, name| sum.rotate_left(17) ^ hash64(name));
        let known = chunk.actors.get(&hash).map_or(&[][..], Vec::as_slice);
        let number = match known.iter().find(|number| is(**number, &chunk.digest.actors)) {
            Some(number) => *number,
            None => {
                // a name that is cut or no UTF-8 is never the same as its record: it is looked for as it is kept
                let actor = Actor {
                    user: kept(record.user).into(),
                    database: kept(record.database).into(),
                    application: kept(record.application).into(),
                };
                let odd = known.iter().find(|number| chunk.digest.actors.get(**number as usize) == Some(&actor));
                match odd {
                    Some(number) => *number,
                    None => {
                        let number = chunk.digest.actors.len() as u32;
                        chunk.digest.actors.push(actor);
                        chunk.actors.entry(hash).or_default().push(number);
                        number
                    }
                }
            }
        };
        chunk.last_actor = number;
        number
    }
}

fn tags(sql: &[u8], comments: &[std::ops::Range<usize>], chunk: &mut Chunk<'_>) -> u32 {
    let texts = comments.iter().filter_map(|range| sql.get(range.clone()));
    let Some(found) = comment::tags(texts) else { return NONE };
    let tag = Tag {
        trace: found.trace.as_deref().map_or(0, |trace| hash64(trace) | 1),
        route: found.route.as_deref().map(|route| String::from_utf8_lossy(route).into()),
        is_ping: found.is_ping,
    };
    match chunk.tags.get(&tag) {
        Some(number) => *number,
        None => {
            let number = chunk.digest.tags.len() as u32;
            chunk.digest.tags.push(tag.clone());
            chunk.tags.insert(tag, number);
            number
        }
    }
}

/// Whether a function ran the statement and no client sent it.
fn is_nested(context: &[u8]) -> bool {
    let context = context.strip_prefix(b"\t").unwrap_or(context);
    context.starts_with(b"PL/")
        || context.starts_with(b"SQL function")
        || context.starts_with(b"fonction")
        || memchr::memmem::find(context.get(..64).unwrap_or(context), b"PL/pgSQL").is_some()
}

/// What tells one session from another: its id, or its process; 0 where there is neither.
fn session(stream: u64, record: &Record<'_>) -> u64 {
    let stream = stream ^ record.stream;
    if !record.session_id.is_empty() {
        return hash64(record.session_id).wrapping_add(stream) | 1;
    }
    match record.pid {
        Some(pid) => mix(u64::from(pid).wrapping_add(stream.rotate_left(32))) | 1,
        None => 0,
    }
}

/// The local part of `3/14`.
fn local_transaction(vxid: &[u8]) -> u32 {
    let Some(slash) = vxid.iter().rposition(|byte| *byte == b'/') else { return NONE };
    let digits = vxid.get(slash + 1..).unwrap_or_default();
    if digits.is_empty() {
        return NONE;
    }
    digits.iter().fold(0_u32, |number, digit| number.wrapping_mul(10).wrapping_add(u32::from(digit.wrapping_sub(b'0'))))
        & 0x7fff_ffff
}

fn mix(value: u64) -> u64 {
    let mixed = (value ^ (value >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

/// A hash that is the same in every run, for what sorts and joins: not against an adversary.
fn hash64(bytes: &[u8]) -> u64 {
    let mut sum = bytes.len() as u64;
    for part in bytes.chunks(8) {
        let mut word = [0; 8];
        for (into, byte) in word.iter_mut().zip(part) {
            *into = *byte;
        }
        sum = mix(sum.rotate_left(23) ^ u64::from_le_bytes(word));
    }
    sum
}

fn short_hash(bytes: &[u8]) -> u32 {
    (hash64(bytes) >> 16) as u32
}
