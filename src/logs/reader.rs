//! The three formats a server writes: where chunks may be cut, and entries read.

pub mod csvlog;
pub mod jsonlog;
pub mod stderr;

use super::carrier;
use super::prefix::{Clock, Resolution};
use super::record::{Reading, Record};

/// The format of a log, with what is known of it.
#[derive(Debug, Clone)]
pub enum Format {
    /// Lines as on standard error.
    Stderr(stderr::Stderr),
    /// csvlog.
    Csvlog,
    /// jsonlog, and objects like it.
    Jsonlog,
}

impl Format {
    /// How many bytes of a buffer make whole entries; none where that cannot be told of so few.
    pub fn cut(&self, buffer: &[u8]) -> Option<usize> {
        match self {
            Self::Stderr(reader) => reader.cut(buffer),
            Self::Csvlog => csvlog::cut(buffer),
            Self::Jsonlog => jsonlog::cut(buffer),
        }
    }

    /// Whether its entries name a session or a process.
    pub fn tells_sessions(&self) -> bool {
        match self {
            Self::Stderr(reader) => reader.prefix().tells_sessions(),
            Self::Csvlog | Self::Jsonlog => true,
        }
    }

    /// Whether its times have more than whole seconds.
    pub fn has_fractions(&self) -> bool {
        match self {
            Self::Stderr(reader) => reader.prefix().resolution() == Some(Resolution::Milliseconds),
            Self::Csvlog | Self::Jsonlog => true,
        }
    }
}

/// Reads chunks; one for each thread.
#[derive(Debug)]
pub struct Reader {
    clock: Clock,
    csvlog: csvlog::Csvlog,
    jsonlog: jsonlog::Jsonlog,
}

impl Reader {
    /// With the zone of times that name none.
    pub fn new(clock: Clock) -> Self {
        Self { clock, csvlog: csvlog::Csvlog::default(), jsonlog: jsonlog::Jsonlog::default() }
    }

    /// Hands on every entry of a chunk, in order.
    pub fn read(&mut self, format: &Format, chunk: &[u8], mut each: impl FnMut(&Record<'_>)) -> Reading {
        match format {
            Format::Stderr(reader) => reader.read(chunk, &mut self.clock, &mut each),
            Format::Csvlog => self.csvlog.read(chunk, &mut self.clock, &mut each),
            Format::Jsonlog => self.jsonlog.read(chunk, &mut self.clock, &mut each),
        }
    }

    /// Zones whose offset nobody could tell.
    pub fn unknown_zones(&self) -> impl Iterator<Item = &str> {
        self.clock.unknown_zones()
    }
}

/// The name of a format in a report.
pub fn name(format: carrier::Format) -> &'static str {
    match format {
        carrier::Format::Csvlog { .. } => "csvlog",
        carrier::Format::Jsonlog => "jsonlog",
        carrier::Format::Stderr => "stderr",
    }
}
