//! Logs: what the server wrote becomes a [`workload::Workload`], and [`detectors`] judge it.
//!
//! ```text
//! input ─ compression ─ carrier ─ feed ──▶ chunks ──▶ reader ─ message ─ lexer ─ digest ──▶ aggregate ──▶ Workload
//!         one thread at a time              any thread, in any order                         one at a time, in order
//! ```
//! Chunks are cut by the bytes of the log alone, a digest depends on its chunk alone, and digests are taken in in the order
//! of the log: so the number of threads changes nothing but the time.

pub mod aggregate;
pub mod analysis;
pub mod carrier;
pub mod comment;
pub mod compression;
pub mod detectors;
pub mod digest;
pub mod distribution;
pub mod event;
pub mod fast;
pub mod feed;
pub mod fold;
pub mod holds;
pub mod input;
pub mod interruptible;
pub mod lexer;
pub mod mapper;
pub mod mask;
pub mod merge;
pub mod message;
pub mod names;
pub mod plan;
pub mod prefix;
pub mod prove;
pub mod reader;
pub mod record;
pub mod repeated;
pub mod rewrite;
pub mod secret;
pub mod select;
pub mod session;
pub mod shape;
pub mod unit;
pub mod words;
pub mod workload;

#[cfg(test)]
mod tests;

use aggregate::{Aggregate, Told};
use digest::{Digester, Shapes};
use event::Digest;
use feed::{Chunk, Feed, FeedError, FeedOptions};
use prefix::Clock;
use reader::Reader;
use select::Selection;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use workload::{SourceFile, Workload};

/// A log to be read.
pub struct Source {
    /// Its name in the report.
    pub name: String,
    /// What tells its sessions from those of logs of other servers, whose processes may have the same numbers.
    pub stream: u64,
    /// When it was last written, microseconds since 1970: for times without a year.
    pub written: Option<i64>,
    /// The time, as a log has it, from which on another log holds what it holds.
    pub until: Option<String>,
    /// Opens it, decompressed.
    pub open: Box<dyn FnOnce() -> io::Result<Box<dyn Read + Send>> + Send>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How to read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The `log_line_prefix`; found where it is not given.
    pub prefix: Option<prefix::Prefix>,
    /// The zone of times that name none.
    pub zone: Option<jiff::tz::TimeZone>,
    /// What counts.
    pub selection: Selection,
    /// What is known of how it was logged.
    pub told: Told,
    /// Threads, at least 1.
    pub jobs: usize,
    /// Whether every transaction is wanted, one by one.
    pub holds: bool,
}

/// A log that could not be read, and why.
#[derive(Debug)]
pub struct Unreadable {
    /// Its name.
    pub name: String,
    /// Why.
    pub error: FeedError,
}

/// What reading came to.
#[derive(Debug)]
pub struct Outcome {
    /// The workload.
    pub workload: Workload,
    /// Logs that could not be read.
    pub unreadable: Vec<Unreadable>,
    /// Zones whose offset nobody could tell, a few of them: their times were taken for UTC.
    pub unknown_zones: BTreeSet<String>,
    /// The transactions, where they were wanted.
    pub holds: Option<holds::Holds>,
}

/// Stack for the parsers, which go as deep as a statement nests. Only what is used of it is memory.
const STACK: usize = 256 << 20;

/// The state of the reading threads: the log that is open, and those to come.
struct Line {
    sources: std::vec::IntoIter<Source>,
    open: Option<Open>,
    next: u64,
    spare: Vec<Vec<u8>>,
    unreadable: Vec<Unreadable>,
    is_over: bool,
}

/// The log that is being read.
struct Open {
    feed: Feed,
    stream: u64,
    until: Option<i64>,
}

/// What is handed to a thread to work on.
struct Work {
    number: u64,
    chunk: Chunk,
    stream: u64,
    until: Option<i64>,
    /// The log begins with this chunk.
    begins: Option<SourceFile>,
}

/// What comes before a chunk in the order of the log, and the chunk's digest.
enum Piece {
    Digest(Option<SourceFile>, Box<Digest>),
    End { trouble: Option<String>, notes: Option<carrier::Notes> },
}

/// Pieces that wait for those before them.
struct Waiting {
    pieces: BTreeMap<u64, Piece>,
    next: u64,
    is_merging: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // a thread that died leaves what it had done: the rest is still worth reporting
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads logs, in their order; `stop` ends it early.
pub fn read(sources: Vec<Source>, options: &Options, stop: &AtomicBool) -> Outcome {
    let shapes = Shapes::default();
    let line = Mutex::new(Line {
        sources: sources.into_iter(),
        open: None,
        next: 0,
        spare: Vec::new(),
        unreadable: Vec::new(),
        is_over: false,
    });
    let waiting = Mutex::new(Waiting { pieces: BTreeMap::new(), next: 0, is_merging: false });
    let merged = Condvar::new();
    let mut told = options.told.clone();
    told.filters.extend(options.selection.words());
    let mut aggregate = Aggregate::new(told);
    if options.holds {
        aggregate.record_holds();
    }
    let aggregate = Mutex::new(aggregate);
    let unknown_zones = Mutex::new(BTreeSet::new());
    let jobs = options.jobs.max(1);
    let work = || {
        let mut digester = Digester::new(&shapes, &options.selection);
        let mut reader = Reader::new(Clock::new(options.zone.clone()));
        while let Some((work, ends)) = next(&line, options, stop) {
            if let Some(Work { number, chunk, stream, until, begins }) = work {
                let format = &chunk.format;
                let bytes = &chunk.bytes;
                let mut digest = digester.digest(stream, until, bytes, |each| reader.read(format, bytes, each));
                digest.unread = feed::lines_of(bytes, &digest.reading);
                feed::place_secrets(bytes, &mut digest.rarities);
                lock(&line).spare.push(chunk.bytes);
                hand_in(&waiting, &merged, &aggregate, number, Piece::Digest(begins, Box::new(digest)), jobs);
            }
            if let Some((number, end)) = ends {
                hand_in(&waiting, &merged, &aggregate, number, end, jobs);
            }
        }
        lock(&unknown_zones).extend(reader.unknown_zones().map(str::to_owned));
    };
    std::thread::scope(|scope| {
        let spawned: Vec<_> = (0..jobs)
            .filter_map(|_| {
                std::thread::Builder::new().name("logs".into()).stack_size(STACK).spawn_scoped(scope, work).ok()
            })
            .collect();
        if spawned.is_empty() {
            // no thread to be had: then on this one, whose stack may be too small for what is deep
            work();
        }
    });
    let line = line.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut aggregate = aggregate.into_inner().unwrap_or_else(PoisonError::into_inner);
    let holds = options.holds.then(|| aggregate.take_holds()).flatten();
    Outcome {
        holds,
        workload: aggregate.finish(stop.load(Ordering::Relaxed)),
        unreadable: line.unreadable,
        unknown_zones: unknown_zones.into_inner().unwrap_or_else(PoisonError::into_inner),
    }
}

/// The next chunk, or the end of a log, or both; none when all is read.
#[expect(clippy::type_complexity, reason = "used once")]
fn next(line: &Mutex<Line>, options: &Options, stop: &AtomicBool) -> Option<(Option<Work>, Option<(u64, Piece)>)> {
    let mut line = lock(line);
    loop {
        let is_stopped = stop.load(Ordering::Relaxed);
        if line.open.is_none() && (line.is_over || is_stopped) {
            return None;
        }
        if let (Some(open), true) = (&mut line.open, is_stopped) {
            // what was read before is worth having
            open.feed.stop();
        }
        let mut begins = None;
        if line.open.is_none() {
            let Some(source) = line.sources.next() else {
                line.is_over = true;
                return None;
            };
            let feed_options = FeedOptions {
                prefix: options.prefix.clone(),
                carrier: carrier::Options { reference: source.written, utc_offset: 0 },
            };
            let opened = (source.open)().map_err(FeedError::from);
            match opened.and_then(|input| Feed::open(&source.name, input, &feed_options)) {
                Ok(feed) => {
                    begins = Some(feed.source().clone());
                    let until = source.until.and_then(|time| Clock::new(options.zone.clone()).read(time.as_bytes()));
                    line.open = Some(Open { feed, stream: source.stream, until });
                }
                Err(error) => {
                    line.unreadable.push(Unreadable { name: source.name, error });
                    continue;
                }
            }
        }
        let spare = line.spare.pop().unwrap_or_default();
        let Some(Open { feed, stream, until }) = &mut line.open else { continue };
        let (stream, until) = (*stream, *until);
        match feed.next(spare) {
            Some(chunk) => {
                let number = line.next;
                line.next += 1;
                return Some((Some(Work { number, chunk, stream, until, begins }), None));
            }
            None => {
                let end = Piece::End { trouble: feed.trouble().map(str::to_owned), notes: feed.notes() };
                line.open = None;
                // a log without a chunk still is a log
                let mut number = line.next;
                line.next += 1;
                if let Some(source) = begins {
                    let empty = Chunk { bytes: Vec::new(), format: std::sync::Arc::new(reader::Format::Jsonlog) };
                    let work = Work { number, chunk: empty, stream, until, begins: Some(source) };
                    number = line.next;
                    line.next += 1;
                    return Some((Some(work), Some((number, end))));
                }
                return Some((None, Some((number, end))));
            }
        }
    }
}

/// Hands a piece in; whoever finds the next one in order takes it in, and those that follow.
fn hand_in(
    waiting: &Mutex<Waiting>,
    merged: &Condvar,
    aggregate: &Mutex<Aggregate>,
    number: u64,
    piece: Piece,
    jobs: usize,
) {
    let mut held = lock(waiting);
    // threads that are far ahead wait, or memory would grow with the log; the one that is next never does
    while held.pieces.len() > 2 * jobs && number != held.next {
        held = merged.wait(held).unwrap_or_else(PoisonError::into_inner);
    }
    held.pieces.insert(number, piece);
    if held.is_merging {
        return;
    }
    held.is_merging = true;
    loop {
        let next = held.next;
        let Some(piece) = held.pieces.remove(&next) else { break };
        drop(held);
        take(&mut lock(aggregate), piece);
        held = lock(waiting);
        held.next += 1;
        merged.notify_all();
    }
    held.is_merging = false;
}

fn take(aggregate: &mut Aggregate, piece: Piece) {
    match piece {
        Piece::Digest(begins, digest) => {
            if let Some(source) = begins {
                aggregate.begin(source);
            }
            aggregate.take(&digest);
        }
        Piece::End { trouble, notes } => {
            if let Some(source) = aggregate.source() {
                source.trouble = trouble;
            }
            if let Some(notes) = notes {
                aggregate.other_program("other programs", notes.foreign);
                if let Some(pgbouncer) = notes.pgbouncer {
                    aggregate.pgbouncer(&pgbouncer);
                }
            }
        }
    }
}
