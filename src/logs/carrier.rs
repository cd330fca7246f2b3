//! What is around a log when it comes from a container, a log service or a syslog, and taking it off.
//!
//! A [`Kind`] wraps the server's lines in something else. Carriers are filters over bytes: in goes the stream as it was stored,
//! out comes one of the three formats that a server writes ([`Format`]), so that the readers know nothing of carriers. They hold
//! state of bounded size, and what they write does not depend on the pieces they were given.
//!
//! What only the carrier knows is not lost. In front of a line that begins an entry of stderr's format stands an
//! [`Envelope`]: time, process and stream; lines that continue it begin with a tab, as the server writes them, and have none.
//! Objects of jsonlog get the keys `pgassay_stream` and, where they have no time, `timestamp`. csvlog's rows get nothing.
//!
//! Carriers nest: docker's json-file around CloudNativePG's objects. A [`Chain`] is what was found, from the outside in.
//!
//! A line that is none of its carrier's is handed on as it is, for the reader to count as not understood; a line that the carrier
//! knows to be of another program is dropped and counted as [`Notes::foreign`].

mod clock;
mod cloud;
mod container;
mod detect;
mod emit;
mod format;
mod holds;
mod journal;
mod json;
mod lines;
mod objects;
mod pgbouncer;
mod prefixed;
mod record;
mod syslog;
#[cfg(test)]
mod tests;
mod utf16;

pub use emit::{ENVELOPE_END, ENVELOPE_FIELD, ENVELOPE_START, Envelope};
pub use format::{Format, binary, format};
pub use pgbouncer::PgBouncer;

use cloud::{Cloud, Service};
use emit::Encoding;
use lines::ByLine;
use objects::ByObject;
use prefixed::{Front, Prefixed};
use std::fmt;

/// No line, object or entry that a carrier holds is longer, in bytes; what is gets cut there.
pub(crate) const LIMIT: usize = 16 << 20;

/// How many bytes of a stream, decompressed, tell all that is to be told of its kind and format.
pub const SAMPLE: usize = 256 << 10;

/// How many carriers are looked for inside each other.
const DEPTH: usize = 3;

/// What a log can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// docker's json-file.
    DockerJson,
    /// `journalctl -o json`.
    JournalJson,
    /// The objects of CloudNativePG.
    CloudNativePg,
    /// LogEntry objects of Google Cloud.
    CloudSql,
    /// Rows of Supabase's log explorer.
    Supabase,
    /// Diagnostic records of Azure.
    Azure,
    /// Events of Amazon CloudWatch.
    CloudWatch,
    /// Kubernetes' container logs.
    Cri,
    /// Heroku's logplex.
    Heroku,
    /// syslog in RFC 3164, RFC 5424 and RFC 3339 form, and `journalctl -o short…`.
    Syslog,
    /// PgBouncer's own log.
    PgBouncer,
    /// `kubectl logs --prefix`.
    Kubectl,
    /// `aws logs tail`.
    CloudWatchTail,
    /// An RFC 3339 time in front of each line: `docker logs -t`, `kubectl logs --timestamps`, CloudWatch in S3.
    Timestamped,
    /// `docker compose logs`.
    Compose,
}

impl Kind {
    /// All of them; of two that a line could be of, the more particular first.
    pub const ALL: [Self; 17] = [
        Self::Utf16Le,
        Self::Utf16Be,
        Self::DockerJson,
        Self::JournalJson,
        Self::CloudNativePg,
        Self::CloudSql,
        Self::Supabase,
        Self::Azure,
        Self::CloudWatch,
        Self::Cri,
        Self::Heroku,
        Self::Syslog,
        Self::PgBouncer,
        Self::Kubectl,
        Self::CloudWatchTail,
        Self::Timestamped,
        Self::Compose,
    ];

    /// As it is called in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf16Le | Self::Utf16Be => "UTF-16",
            Self::DockerJson => "docker json-file",
            Self::JournalJson => "journal (json)",
            Self::CloudNativePg => "CloudNativePG",
            Self::CloudSql => "Cloud SQL",
            Self::Supabase => "Supabase",
            Self::Azure => "Azure diagnostics",
            Self::CloudWatch => "CloudWatch",
            Self::Cri => "Kubernetes (CRI)",
            Self::Heroku => "Heroku logplex",
            Self::Syslog => "syslog",
            Self::PgBouncer => "PgBouncer",
            Self::Kubectl => "kubectl logs",
            Self::CloudWatchTail => "aws logs tail",
            Self::Timestamped => "timestamped lines",
            Self::Compose => "docker compose",
        }
    }

    fn start(self, options: Options, is_nested: bool, encoding: Encoding) -> Box<dyn Carrier> {
        let line = |front| Box::new(ByLine::new(Prefixed::new(front, encoding), is_nested, encoding));
        let cloud = |service| Box::new(ByObject::new(Cloud::new(service, encoding), is_nested, encoding));
        match self {
            Self::Utf16Le => Box::new(utf16::Utf16::new(false)),
            Self::Utf16Be => Box::new(utf16::Utf16::new(true)),
            Self::DockerJson => Box::new(ByLine::new(container::DockerJson::new(encoding), is_nested, encoding)),
            Self::Cri => Box::new(ByLine::new(container::Cri::new(encoding), is_nested, encoding)),
            Self::JournalJson => Box::new(ByObject::new(journal::Journal::new(encoding), is_nested, encoding)),
            Self::CloudNativePg => {
                Box::new(ByObject::new(record::CloudNativePg::default(), is_nested, Encoding::Object))
            }
            Self::Supabase => Box::new(ByObject::new(record::Supabase::default(), is_nested, Encoding::Object)),
            Self::CloudSql => cloud(Service::Google),
            Self::CloudWatch => cloud(Service::Amazon),
            Self::Azure => cloud(Service::Azure),
            Self::Heroku | Self::Syslog => {
                Box::new(ByLine::new(syslog::Syslog::new(options, encoding), is_nested, encoding))
            }
            Self::PgBouncer => Box::new(ByLine::new(pgbouncer::Log::default(), is_nested, encoding)),
            Self::Kubectl => line(Front::Kubectl),
            Self::CloudWatchTail => line(Front::TimeAndStream),
            Self::Timestamped => line(Front::Time),
            Self::Compose => line(Front::Compose),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a stream does not say of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// When the log was last written, microseconds since 1970-01-01 UTC: from it RFC 3164 times take their year. Without it
    /// they stay unknown.
    pub reference: Option<i64>,
    /// The zone of times that name none, in seconds east of UTC.
    pub utc_offset: i32,
}

/// What carriers saw, beside what they handed on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Notes {
    /// Lines or objects of the outermost carrier.
    pub lines: u64,
    /// Those that are none of their carrier's: handed on as they are.
    pub broken: u64,
    /// Those of another program: dropped.
    pub foreign: u64,
    /// Pieces that were joined to the line they were cut from.
    pub joined: u64,
    /// Pieces that are missing, by syslog's numbers.
    pub lost: u64,
    /// Whether most entries are older than the one before: an export with the newest first, whose sessions cannot be followed.
    pub is_descending: bool,
    /// What a PgBouncer log came to.
    pub pgbouncer: Option<PgBouncer>,
}

impl Notes {
    /// With those of the next carrier inward.
    fn with_inner(self, inner: Self) -> Self {
        Self {
            lines: if self.lines == 0 { inner.lines } else { self.lines },
            broken: self.broken + inner.broken,
            foreign: self.foreign + inner.foreign,
            joined: self.joined + inner.joined,
            lost: self.lost + inner.lost,
            is_descending: self.is_descending || inner.is_descending,
            pgbouncer: match (self.pgbouncer, inner.pgbouncer) {
                (Some(a), Some(b)) => Some(a.plus(b)),
                (a, b) => a.or(b),
            },
        }
    }
}

/// A filter that takes a carrier off.
pub trait Carrier: Send {
    /// Takes the next bytes, appends what is complete.
    fn feed(&mut self, input: &[u8], out: &mut Vec<u8>);
    /// Appends what is held.
    fn finish(&mut self, out: &mut Vec<u8>);
    /// What was seen so far.
    fn notes(&self) -> Notes;
}

/// The carrier of a stream by its first bytes, decompressed, at best [`SAMPLE`] of them; `None` where there is none.
pub fn detect(sample: &[u8]) -> Option<Kind> {
    detect::detect(sample)
}

/// Whether anything in a sample says that it is a log of a server or of a pooler, in whatever carrier.
pub fn is_log(sample: &[u8]) -> bool {
    detect::is_log(sample)
}

/// A time near the start of a line, microseconds since 1970-01-01: as PostgreSQL's prefixes and formats have it. What names its
/// zone by a word other than UTC and GMT is taken for UTC.
pub fn time_near_start(line: &[u8]) -> Option<i64> {
    let mut is_start = true;
    for at in 0..line.len() {
        let is_digit = line[at].is_ascii_digit();
        if is_digit && is_start {
            let rest = &line[at..];
            if let Some(stamp) = clock::rfc3339(rest).or_else(|| clock::epoch(rest)) {
                return Some(stamp.micros);
            }
        }
        is_start = !is_digit;
    }
    None
}

/// What a file is that is no log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is {0}, not a log")]
pub struct NotALog(pub &'static str);

/// The carriers of a stream, from the outside in, and the format inside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain {
    /// The carriers; none for a log as a server writes it.
    pub kinds: Vec<Kind>,
    /// The format inside; `None` where the sample holds none of it, as a PgBouncer log does.
    pub format: Option<Format>,
}

impl Chain {
    /// What is around a stream, by its first bytes, decompressed.
    pub fn detect(sample: &[u8], options: Options) -> Result<Self, NotALog> {
        let mut chain = Self::default();
        let mut inner = sample.to_vec();
        loop {
            let kind = (chain.kinds.len() < DEPTH).then(|| detect::detect(&inner)).flatten();
            if kind.is_none()
                && let Some(name) = format::binary(&inner)
            {
                return Err(NotALog(name));
            }
            let Some(kind) = kind else { break };
            chain.kinds.push(kind);
            let mut out = Vec::new();
            let mut carrier = kind.start(options, false, Encoding::Bare);
            carrier.feed(&inner, &mut out);
            carrier.finish(&mut out);
            inner = out;
        }
        chain.format = format::format(&inner);
        Ok(chain)
    }

    /// Whether nothing is around the log: it can be read where it lies.
    pub fn is_bare(&self) -> bool {
        self.kinds.is_empty()
    }

    /// The filter.
    pub fn start(&self, options: Options) -> Unwrap {
        let inner = match self.format {
            Some(Format::Csvlog { .. }) => Encoding::Bare,
            Some(Format::Jsonlog) => Encoding::Object,
            Some(Format::Stderr) | None => Encoding::Envelope,
        };
        let last = self.kinds.len().saturating_sub(1);
        let mut is_nested = false;
        let stages = self.kinds.iter().enumerate().map(|(index, kind)| {
            let carrier = kind.start(options, is_nested, if index == last { inner } else { Encoding::Envelope });
            // UTF-16 is around bytes, not lines
            is_nested |= !matches!(kind, Kind::Utf16Le | Kind::Utf16Be);
            carrier
        });
        Unwrap { stages: stages.collect(), between: Vec::new(), next: Vec::new() }
    }
}

impl fmt::Display for Chain {
    /// `docker json-file > CloudNativePG > jsonlog`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kind in &self.kinds {
            write!(f, "{kind} > ")?;
        }
        match self.format {
            Some(Format::Csvlog { columns }) => write!(f, "csvlog ({columns} columns)"),
            Some(Format::Jsonlog) => f.write_str("jsonlog"),
            Some(Format::Stderr) => f.write_str("stderr"),
            None => f.write_str("nothing"),
        }
    }
}

/// The filters of a chain, one behind the other.
pub struct Unwrap {
    stages: Vec<Box<dyn Carrier>>,
    between: Vec<u8>,
    next: Vec<u8>,
}

impl fmt::Debug for Unwrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unwrap").field("stages", &self.stages.len()).finish_non_exhaustive()
    }
}

impl Unwrap {
    /// Everything that is inside of bytes that are all there are.
    pub fn all(mut self, input: &[u8]) -> (Vec<u8>, Notes) {
        let mut out = Vec::new();
        self.feed(input, &mut out);
        self.finish(&mut out);
        (out, self.notes())
    }

    /// Hands what stage `from` wrote, which is in `between`, through the stages behind it.
    fn pass(&mut self, from: usize, out: &mut Vec<u8>) {
        for index in from + 1..self.stages.len() {
            self.next.clear();
            if let Some(stage) = self.stages.get_mut(index) {
                stage.feed(&self.between, &mut self.next);
            }
            std::mem::swap(&mut self.between, &mut self.next);
        }
        out.extend_from_slice(&self.between);
    }
}

impl Carrier for Unwrap {
    fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) {
        match self.stages.as_mut_slice() {
            [] => out.extend_from_slice(input),
            [only] => only.feed(input, out),
            [first, ..] => {
                self.between.clear();
                first.feed(input, &mut self.between);
                self.pass(0, out);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        for index in 0..self.stages.len() {
            self.between.clear();
            if let Some(stage) = self.stages.get_mut(index) {
                stage.finish(&mut self.between);
            }
            self.pass(index, out);
        }
    }

    fn notes(&self) -> Notes {
        self.stages.iter().rev().fold(Notes::default(), |inner, stage| stage.notes().with_inner(inner))
    }
}
