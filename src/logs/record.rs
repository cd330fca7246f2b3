//! One entry of a log, whatever the format it was read from: who, when, how severe, and the texts, borrowed from the bytes
//! they were read in.

use std::fmt;

/// How severe the server says an entry is. Translated words are already told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Severity {
    /// `DEBUG1` to `DEBUG5`.
    Debug,
    /// `LOG`: what an administrator asked for, which is nearly everything here.
    #[default]
    Log,
    /// `INFO`.
    Info,
    /// `NOTICE`.
    Notice,
    /// `WARNING`.
    Warning,
    /// `ERROR`: the statement failed.
    Error,
    /// `FATAL`: the session ended.
    Fatal,
    /// `PANIC`: the server ended.
    Panic,
}

impl Severity {
    /// Whether a statement, a session or the server failed.
    pub fn is_failure(self) -> bool {
        self >= Self::Error
    }

    /// The server's own word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Log => "LOG",
            Self::Info => "INFO",
            Self::Notice => "NOTICE",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Panic => "PANIC",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One entry. Texts are raw bytes without the quoting of their format; what was not logged is empty or `None`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Record<'a> {
    /// Microseconds since 1970-01-01 UTC, when it was logged: the end of the statement it tells of.
    pub time: Option<i64>,
    /// `%p`: the backend's process id.
    pub pid: Option<u32>,
    /// `%c`: the session's id as written, the best name a session has.
    pub session_id: &'a [u8],
    /// `%l`: the number of the entry's (last) line in its session; it restarts at 1 with a new process.
    pub session_line: Option<u64>,
    /// `%s`: the start of the session's process as written.
    pub session_start: &'a [u8],
    /// `%u`.
    pub user: &'a [u8],
    /// `%d`.
    pub database: &'a [u8],
    /// `%a`: `application_name`.
    pub application: &'a [u8],
    /// `%h` or `%r`: host, or host and port, as written.
    pub client: &'a [u8],
    /// `%v`: the virtual transaction id as written, `3/14`; the local part is 0 outside a transaction.
    pub vxid: &'a [u8],
    /// `%Q`: the server's identity of the query; 0 is none.
    pub query_id: Option<i64>,
    /// `%b`.
    pub backend_type: &'a [u8],
    /// `%i`: the command tag, from the title of the process.
    pub command_tag: &'a [u8],
    /// `%e`.
    pub sqlstate: &'a [u8],
    /// Which of several servers wrote it, where one stream carries several (pods, containers, instances): a hash, 0 for none.
    pub stream: u64,
    /// How severe.
    pub severity: Severity,
    /// The message without the severity. See [`Record::is_tabbed`].
    pub message: &'a [u8],
    /// `DETAIL`.
    pub detail: &'a [u8],
    /// `HINT`.
    pub hint: &'a [u8],
    /// `CONTEXT`.
    pub context: &'a [u8],
    /// `STATEMENT` (csvlog `query`).
    pub statement: &'a [u8],
    /// `QUERY` (csvlog `internal_query`): what a function ran.
    pub internal_query: &'a [u8],
    /// Whether every line feed inside the texts is followed by a tab that the server put there (stderr and what carries it).
    pub is_tabbed: bool,
    /// Where the entry begins in the chunk it was read from, in bytes.
    pub offset: usize,
}

/// What reading a chunk came to, beside the records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// Bytes looked at.
    pub bytes: u64,
    /// Physical lines looked at.
    pub lines: u64,
    /// Entries handed on.
    pub records: u64,
    /// Lines that belong to no entry that was understood.
    pub unread_lines: u64,
    /// The first of those: offset in the chunk, and the line, at most [`SAMPLE_BYTES`] of it.
    pub unread: Vec<(usize, Vec<u8>)>,
}

/// How many unread lines of a chunk are kept to be shown.
pub const SAMPLES: usize = 5;

/// How much of an unread line is kept.
pub const SAMPLE_BYTES: usize = 200;

impl Reading {
    /// Counts a line that belongs to no entry.
    pub fn unread(&mut self, offset: usize, line: &[u8]) {
        self.unread_lines += 1;
        if self.unread.len() < SAMPLES {
            self.unread.push((offset, line.get(..SAMPLE_BYTES).unwrap_or(line).to_vec()));
        }
    }
}
