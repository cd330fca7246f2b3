//! What a message says. English is told by its first bytes, the other languages by the server's own format strings.
//!
//! Only the start of a message counts: what stands inside a value or a statement is a value, whatever it looks like.

use crate::logs::record::Record;
use crate::logs::record::Severity;
use crate::logs::words::{self, Hole, Values, What};

/// What a statement's line tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The simple protocol: one line for the whole string.
    Simple,
    /// Extended protocol: a statement was prepared.
    Parse,
    /// Extended protocol: its parameters were bound, and mostly it was planned.
    Bind,
    /// Extended protocol: it ran.
    Execute,
    /// Extended protocol: a later portion of a portal's rows.
    Fetch,
    /// The function call protocol; the SQL is the name of the function.
    Fastpath,
}

/// Why something was cancelled or a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// `statement_timeout`.
    StatementTimeout,
    /// `lock_timeout`.
    LockTimeout,
    /// The client asked.
    UserRequest,
    /// `idle_in_transaction_session_timeout`.
    IdleInTransactionTimeout,
    /// `idle_session_timeout`.
    IdleSessionTimeout,
    /// `transaction_timeout`.
    TransactionTimeout,
    /// A standby could not wait for the query.
    RecoveryConflict,
    /// An administrator ended the session.
    AdminCommand,
    /// An automatic vacuum gave way to a lock.
    AutovacuumTask,
}

/// What became of a lock that was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lock {
    /// Still waiting after `deadlock_timeout`.
    Waiting,
    /// Waited and got it.
    Acquired,
    /// A deadlock avoided by another order of the queue.
    Rearranged,
    /// Waiting showed a deadlock.
    Deadlock,
    /// Did not get it.
    Failed,
}

/// A lock's wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockWait<'a> {
    /// What became of it.
    pub state: Lock,
    /// The process that waits.
    pub pid: Option<u32>,
    /// `ShareLock`.
    pub mode: &'a [u8],
    /// What is locked, in the words of the server: `transaction 779`, `relation 16384 of database 5`.
    pub object: &'a [u8],
    /// How long so far, in microseconds.
    pub waited: Option<u64>,
}

/// The figures of a checkpoint or restartpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// Buffers written.
    pub buffers: u64,
    /// Write-ahead log files added.
    pub added: u64,
    /// Write-ahead log files removed.
    pub removed: u64,
    /// Write-ahead log files recycled.
    pub recycled: u64,
    /// Time spent writing, in microseconds.
    pub write: u64,
    /// Time spent in fsync, in microseconds.
    pub sync: u64,
    /// The whole, in microseconds.
    pub total: u64,
}

/// What a message says. Durations are microseconds, as exact as the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// A statement, before it ran (`log_statement`) or with its duration after.
    Statement {
        /// Which step of its protocol.
        step: Step,
        /// The prepared statement: `<unnamed>`, `S_1`; empty in the simple protocol.
        name: &'a [u8],
        /// The portal, where it has a name.
        portal: &'a [u8],
        /// The text.
        sql: &'a [u8],
        /// How long, if the line says.
        duration: Option<u64>,
    },
    /// A duration alone: the text stands in a line before.
    Duration(u64),
    /// A plan of `auto_explain`.
    Plan {
        /// How long the executor took.
        duration: u64,
        /// The plan, in whichever format.
        body: &'a [u8],
    },
    /// A connection arrived.
    ConnectionReceived,
    /// It proved who it is.
    ConnectionAuthenticated,
    /// It may come in. A replication connection has no database.
    ConnectionAuthorized {
        /// The role.
        user: &'a [u8],
        /// The database.
        database: &'a [u8],
        /// The `application_name` it started with.
        application: &'a [u8],
    },
    /// Its set-up is over (18).
    ConnectionReady,
    /// A session ended.
    Disconnection {
        /// How long it lasted.
        duration: Option<u64>,
        /// The role.
        user: &'a [u8],
        /// The database.
        database: &'a [u8],
    },
    /// `log_lock_waits`, `log_lock_failures`.
    Lock(LockWait<'a>),
    /// `deadlock detected`: a statement was the victim.
    Deadlock,
    /// A statement, a session or a task ended before its time.
    Cancelled {
        /// Why.
        why: Why,
    },
    /// A temporary file was deleted; its size was the largest it had.
    TemporaryFile {
        /// Size in bytes.
        bytes: u64,
    },
    /// A checkpoint or restartpoint began.
    CheckpointStarting {
        /// In the words of the server: `time`, `wal`, `immediate force wait`.
        cause: &'a [u8],
    },
    /// A checkpoint or restartpoint ended.
    CheckpointComplete(Checkpoint),
    /// `checkpoint_warning`.
    CheckpointsTooFrequent {
        /// How far apart.
        seconds: u64,
    },
    /// An automatic vacuum.
    Autovacuum {
        /// `database.schema.table`.
        table: &'a [u8],
    },
    /// An automatic analyze.
    Autoanalyze {
        /// `database.schema.table`.
        table: &'a [u8],
    },
    /// The server accepts connections.
    ServerStarted,
    /// The server stops, or has stopped.
    ServerShutdown,
    /// The server had not been stopped properly.
    Recovered,
    /// A server process died and took all sessions with it.
    Crashed,
    /// Any other `ERROR`, `FATAL` or `PANIC`.
    Failure,
    /// Anything else.
    Other,
}

/// What a record's message says.
#[inline]
pub fn classify<'a>(record: &Record<'a>) -> Message<'a> {
    let message = record.message;
    // statements are nearly all there is, and always LOG
    if record.severity == Severity::Log {
        if let Some(rest) = message.strip_prefix(b"duration: ") {
            return timed(rest).unwrap_or(Message::Other);
        }
        return logged(message);
    }
    match record.severity.is_failure() {
        true => failed(message),
        // auto_explain.log_level
        false => message.strip_prefix(b"duration: ").and_then(timed).filter(is_plan).unwrap_or(Message::Other),
    }
}

fn is_plan(message: &Message<'_>) -> bool {
    matches!(message, Message::Plan { .. })
}

/// After `duration: `.
#[inline]
fn timed(rest: &[u8]) -> Option<Message<'_>> {
    let (duration, length) = millis(rest)?;
    let rest = rest.get(length..)?.strip_prefix(b" ms")?;
    let Some(rest) = rest.strip_prefix(b" ") else {
        return rest.trim_ascii().is_empty().then_some(Message::Duration(duration));
    };
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    if let Some(statement) = statement(rest, Some(duration)) {
        return Some(statement);
    }
    match rest.strip_prefix(b"plan:") {
        Some(body) => Some(Message::Plan { duration, body: body.strip_prefix(b"\n").unwrap_or(body) }),
        None => rest.trim_ascii().is_empty().then_some(Message::Duration(duration)),
    }
}

/// `statement: `, `execute S_1/C_2: ` and their like, and the text.
#[inline]
fn statement(rest: &[u8], duration: Option<u64>) -> Option<Message<'_>> {
    let (step, rest) = match rest.first()? {
        b's' => {
            let sql = rest.strip_prefix(b"statement:")?;
            let sql = sql.strip_prefix(b" ").unwrap_or(sql);
            return Some(Message::Statement { step: Step::Simple, name: b"", portal: b"", sql, duration });
        }
        b'e' => {
            let rest = rest.strip_prefix(b"execute ")?;
            match rest.strip_prefix(b"fetch from ") {
                Some(rest) => (Step::Fetch, rest),
                None => (Step::Execute, rest),
            }
        }
        b'b' if duration.is_some() => (Step::Bind, rest.strip_prefix(b"bind ")?),
        b'p' if duration.is_some() => (Step::Parse, rest.strip_prefix(b"parse ")?),
        b'f' => {
            let rest = rest.strip_prefix(b"fastpath function call: \"")?;
            let end = memchr::memchr(b'"', rest)?;
            let sql = rest.get(..end)?;
            return Some(Message::Statement { step: Step::Fastpath, name: b"", portal: b"", sql, duration });
        }
        _ => return None,
    };
    let (name, sql) = named(rest)?;
    let (name, portal) = split_portal(name);
    Some(Message::Statement { step, name, portal, sql, duration })
}

/// How long a name is at most. The server cuts names in SQL at 63 bytes, a client's own are rarely longer.
const NAME_BYTES: usize = 1024;

/// A name, a colon, a space, and the rest.
#[inline]
fn named(text: &[u8]) -> Option<(&[u8], &[u8])> {
    // the most frequent name by far
    if let Some(sql) = text.strip_prefix(b"<unnamed>: ") {
        return Some((text.get(..9)?, sql));
    }
    let window = text.get(..NAME_BYTES).unwrap_or(text);
    let end = memchr::memchr_iter(b':', window).find(|end| matches!(text.get(end + 1), Some(b' ') | None))?;
    Some((text.get(..end)?, text.get(end + 2..).unwrap_or_default()))
}

#[inline]
fn split_portal(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().position(|byte| *byte == b'/') {
        Some(at) => (name.get(..at).unwrap_or_default(), name.get(at + 1..).unwrap_or_default()),
        None => (name, b""),
    }
}

/// A number of milliseconds in microseconds, and its length. Three decimals are all the server prints.
#[inline]
fn millis(text: &[u8]) -> Option<(u64, usize)> {
    let mut sum = 0u64;
    let mut at = 0;
    while let Some(digit) = text.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        sum = sum.checked_mul(10)?.checked_add(u64::from(digit))?;
        at += 1;
    }
    if at == 0 {
        return None;
    }
    let mut micros = sum.checked_mul(1000)?;
    // German has a comma in some of them
    if let Some(b'.' | b',') = text.get(at) {
        at += 1;
        let mut unit = 100;
        while let Some(digit) = text.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
            micros = micros.checked_add(u64::from(digit) * unit)?;
            unit /= 10;
            at += 1;
        }
    }
    Some((micros, at))
}

/// Seconds with three decimals, in microseconds.
fn seconds(text: &[u8]) -> u64 {
    millis(text).map_or(0, |(micros, _)| micros.saturating_mul(1000))
}

fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(text.get(..digits)?).ok()?.parse().ok()
}

/// `0:00:00.087`, in microseconds.
fn session_time(text: &[u8]) -> Option<u64> {
    let mut parts = text.split(|byte| *byte == b':');
    let (hours, minutes, rest) = (number(parts.next()?)?, number(parts.next()?)?, parts.next()?);
    let whole = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?;
    whole.checked_mul(1_000_000)?.checked_add(seconds(rest))
}

/// Between one text and the first of another, or to the end.
fn between<'a>(text: &'a [u8], from: &[u8], to: &[&[u8]]) -> &'a [u8] {
    let Some(start) = memchr::memmem::find(text, from) else { return b"" };
    let rest = text.get(start + from.len()..).unwrap_or_default();
    let end = to.iter().filter_map(|to| memchr::memmem::find(rest, to)).min();
    rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
}

/// A `LOG` message that does not begin with a duration.
fn logged(message: &[u8]) -> Message<'_> {
    let english = match message.first() {
        Some(b's') => statement(message, None).or_else(|| server_process(message)),
        Some(b'e' | b'f') => statement(message, None),
        Some(b'c') => connection(message).or_else(|| checkpoint(message)).or_else(|| cancelled(message)),
        Some(b'r') => replication(message).or_else(|| checkpoint(message)).or_else(|| received(message)),
        Some(b'd') => disconnection(message).or_else(|| database_system(message)),
        Some(b'p') => lock(message),
        Some(b't') => temporary_file(message).or_else(|| cancelled(message)),
        Some(b'a') => automatic(message),
        _ => None,
    };
    english.or_else(|| translated(message)).unwrap_or(Message::Other)
}

/// An `ERROR`, `FATAL` or `PANIC`.
fn failed(message: &[u8]) -> Message<'_> {
    let english = match message.first() {
        Some(b'c' | b't') => cancelled(message),
        Some(b'd') if message == b"deadlock detected" => Some(Message::Deadlock),
        _ => None,
    };
    let translated =
        || translated(message).filter(|said| matches!(said, Message::Deadlock | Message::Cancelled { .. }));
    english.or_else(translated).unwrap_or(Message::Failure)
}

fn cancelled(message: &[u8]) -> Option<Message<'_>> {
    let why = if let Some(reason) = message.strip_prefix(b"canceling statement due to ") {
        match reason {
            b"statement timeout" => Why::StatementTimeout,
            b"lock timeout" => Why::LockTimeout,
            b"user request" => Why::UserRequest,
            b"conflict with recovery" => Why::RecoveryConflict,
            _ => return None,
        }
    } else if let Some(reason) = message.strip_prefix(b"terminating connection due to ") {
        match reason {
            b"idle-in-transaction timeout" => Why::IdleInTransactionTimeout,
            b"idle-session timeout" => Why::IdleSessionTimeout,
            b"transaction timeout" => Why::TransactionTimeout,
            b"conflict with recovery" => Why::RecoveryConflict,
            b"administrator command" => Why::AdminCommand,
            _ => return None,
        }
    } else {
        match message {
            b"canceling autovacuum task" => Why::AutovacuumTask,
            b"terminating autovacuum process due to administrator command" => Why::AdminCommand,
            _ => return None,
        }
    };
    Some(Message::Cancelled { why })
}

fn connection(message: &[u8]) -> Option<Message<'_>> {
    let rest = message.strip_prefix(b"connection ")?;
    if let Some(rest) = rest.strip_prefix(b"authorized: ") {
        return Some(authorized(rest));
    }
    [
        (&b"received: "[..], Message::ConnectionReceived),
        (b"authenticated: ", Message::ConnectionAuthenticated),
        (b"ready: ", Message::ConnectionReady),
    ]
    .into_iter()
    .find_map(|(said, message)| rest.starts_with(said).then_some(message))
}

fn replication(message: &[u8]) -> Option<Message<'_>> {
    message.strip_prefix(b"replication connection authorized: ").map(authorized)
}

/// `user=… database=… application_name=… SSL enabled (…)`; Azure has no space before `database`.
fn authorized(rest: &[u8]) -> Message<'_> {
    const ENDS: [&[u8]; 2] = [b" SSL enabled (", b" GSS ("];
    let [ssl, gss] = ENDS;
    let user = between(rest, b"user=", &[b" database=", b"database=", b" application_name=", ssl, gss]);
    let database = between(rest, b"database=", &[b" application_name=", ssl, gss]);
    let application = between(rest, b" application_name=", &[ssl, gss]);
    Message::ConnectionAuthorized { user, database, application }
}

fn disconnection(message: &[u8]) -> Option<Message<'_>> {
    let rest = message.strip_prefix(b"disconnection: session time: ")?;
    let user = between(rest, b" user=", &[b" database="]);
    let database = between(rest, b" database=", &[b" host="]);
    Some(Message::Disconnection { duration: session_time(rest), user, database })
}

fn lock(message: &[u8]) -> Option<Message<'_>> {
    let rest = message.strip_prefix(b"process ")?;
    let pid = number(rest)?;
    let space = memchr::memchr(b' ', rest)?;
    let rest = rest.get(space + 1..)?;
    let (state, rest) = [
        (Lock::Waiting, &b"still waiting for "[..]),
        (Lock::Acquired, b"acquired "),
        (Lock::Rearranged, b"avoided deadlock for "),
        (Lock::Deadlock, b"detected deadlock while waiting for "),
        (Lock::Failed, b"failed to acquire "),
        (Lock::Failed, b"could not obtain "),
    ]
    .into_iter()
    .find_map(|(state, said)| rest.strip_prefix(said).map(|rest| (state, rest)))?;
    let on = memchr::memmem::find(rest, b" on ")?;
    let (mode, rest) = (rest.get(..on)?, rest.get(on + 4..)?);
    let after = memchr::memmem::rfind(rest, b" after ");
    let waited = after.and_then(|after| millis(rest.get(after + 7..)?)).map(|(micros, _)| micros);
    let object = rest.get(..after.unwrap_or(rest.len()))?;
    let object = object.strip_suffix(b" by rearranging queue order").unwrap_or(object);
    let pid = u32::try_from(pid).ok();
    Some(Message::Lock(LockWait { state, pid, mode, object, waited }))
}

fn temporary_file(message: &[u8]) -> Option<Message<'_>> {
    let rest = message.strip_prefix(b"temporary file: path ")?;
    let size = memchr::memmem::rfind(rest, b", size ")?;
    Some(Message::TemporaryFile { bytes: number(rest.get(size + 7..)?)? })
}

fn checkpoint(message: &[u8]) -> Option<Message<'_>> {
    if let Some(rest) = message.strip_prefix(b"checkpoints are occurring too frequently (") {
        return Some(Message::CheckpointsTooFrequent { seconds: number(rest)? });
    }
    let rest = message.strip_prefix(b"checkpoint ").or_else(|| message.strip_prefix(b"restartpoint "))?;
    if let Some(cause) = rest.strip_prefix(b"starting:") {
        return Some(Message::CheckpointStarting { cause: cause.trim_ascii() });
    }
    // Azure has a number between
    let rest = rest.strip_prefix(b"complete")?;
    let whole = |name: &[u8]| number(between(rest, name, &[b" "])).unwrap_or(0);
    // a figure stands before its word
    let before = |name: &[u8]| {
        let at = memchr::memmem::find(rest, name)?;
        let figure = rest.get(..at)?.rsplit(|byte| *byte == b' ').next()?;
        number(figure)
    };
    let time = |name: &[u8]| seconds(between(rest, name, &[b" s"]));
    let added = before(b" WAL file(s) added").or_else(|| before(b" transaction log file(s) added")).unwrap_or(0);
    Some(Message::CheckpointComplete(Checkpoint {
        buffers: whole(b"wrote "),
        added,
        removed: before(b" removed").unwrap_or(0),
        recycled: before(b" recycled").unwrap_or(0),
        write: time(b" write="),
        sync: time(b" sync="),
        total: time(b" total="),
    }))
}

fn received(message: &[u8]) -> Option<Message<'_>> {
    let kind = message.strip_prefix(b"received ")?.strip_suffix(b" shutdown request")?;
    matches!(kind, b"smart" | b"fast" | b"immediate").then_some(Message::ServerShutdown)
}

fn database_system(message: &[u8]) -> Option<Message<'_>> {
    let rest = message.strip_prefix(b"database system ")?;
    [
        (&b"is ready to accept "[..], Message::ServerStarted),
        (b"is shut down", Message::ServerShutdown),
        (b"was not properly shut down", Message::Recovered),
        (b"was interrupted", Message::Recovered),
    ]
    .into_iter()
    .find_map(|(said, message)| rest.starts_with(said).then_some(message))
}

fn server_process(message: &[u8]) -> Option<Message<'_>> {
    let rest = message.strip_prefix(b"server process (PID ")?;
    let close = memchr::memchr(b')', rest)?;
    rest.get(close..)?.starts_with(b") was terminated by ").then_some(Message::Crashed)
}

fn automatic(message: &[u8]) -> Option<Message<'_>> {
    if message == b"all server processes terminated; reinitializing" {
        return Some(Message::Crashed);
    }
    let rest = message.strip_prefix(b"automatic ")?;
    // `vacuum`, `aggressive vacuum`, `vacuum to prevent wraparound`
    let at = memchr::memmem::find(rest.get(..80).unwrap_or(rest), b"of table \"")?;
    let table = between(rest, b"of table \"", &[b"\": ", b"\"\n", b"\" "]);
    let table = table.strip_suffix(b"\"").unwrap_or(table);
    let task = rest.get(..at)?;
    Some(match task.starts_with(b"analyze") {
        true => Message::Autoanalyze { table },
        false => Message::Autovacuum { table },
    })
}

/// A message of one of the other languages.
fn translated(message: &[u8]) -> Option<Message<'_>> {
    let (what, values) = words::translated(message)?;
    let duration = millis(values.get(Hole::Ms)).map(|(micros, _)| micros);
    let spoken = |step| {
        let (name, portal) = split_portal(values.get(Hole::Name));
        let sql = values.get(Hole::Rest);
        Message::Statement { step, name, portal, sql, duration }
    };
    let call = || {
        let sql = values.get(Hole::Name);
        Message::Statement { step: Step::Fastpath, name: b"", portal: b"", sql, duration }
    };
    let lock = |state| Message::Lock(lock_wait(state, &values, duration));
    let cancelled = |why| Message::Cancelled { why };
    Some(match what {
        What::Duration => Message::Duration(duration?),
        What::TimedStatement | What::Statement => spoken(Step::Simple),
        What::TimedParse => spoken(Step::Parse),
        What::TimedBind => spoken(Step::Bind),
        What::TimedFetch | What::Fetch => spoken(Step::Fetch),
        What::TimedExecute | What::Execute => spoken(Step::Execute),
        What::TimedFastpath | What::Fastpath => call(),
        What::ConnectionReceived => Message::ConnectionReceived,
        What::ConnectionAuthenticated => Message::ConnectionAuthenticated,
        What::ConnectionAuthorized => {
            let ends = |value| before_tls(value);
            Message::ConnectionAuthorized {
                user: ends(values.get(Hole::User)),
                database: ends(values.get(Hole::Database)),
                application: ends(values.get(Hole::Application)),
            }
        }
        What::Disconnection => Message::Disconnection {
            duration: session_time(values.get(Hole::Session)),
            user: values.get(Hole::User),
            database: values.get(Hole::Database),
        },
        What::LockWaiting => lock(Lock::Waiting),
        What::LockAcquired => lock(Lock::Acquired),
        What::LockRearranged => lock(Lock::Rearranged),
        What::LockDeadlock => lock(Lock::Deadlock),
        What::LockFailed => lock(Lock::Failed),
        What::Deadlock => Message::Deadlock,
        What::StatementTimeout => cancelled(Why::StatementTimeout),
        What::LockTimeout => cancelled(Why::LockTimeout),
        What::UserRequest => cancelled(Why::UserRequest),
        What::RecoveryConflict => cancelled(Why::RecoveryConflict),
        What::AutovacuumTask => cancelled(Why::AutovacuumTask),
        What::IdleInTransactionTimeout => cancelled(Why::IdleInTransactionTimeout),
        What::IdleSessionTimeout => cancelled(Why::IdleSessionTimeout),
        What::AdminCommand => cancelled(Why::AdminCommand),
        What::TemporaryFile => Message::TemporaryFile { bytes: number(values.get(Hole::Bytes))? },
        What::CheckpointStarting | What::RestartpointStarting => {
            Message::CheckpointStarting { cause: values.get(Hole::Rest).trim_ascii() }
        }
        What::CheckpointComplete => Message::CheckpointComplete(Checkpoint {
            buffers: number(values.get(Hole::Buffers)).unwrap_or(0),
            added: number(values.get(Hole::Added)).unwrap_or(0),
            removed: number(values.get(Hole::Removed)).unwrap_or(0),
            recycled: number(values.get(Hole::Recycled)).unwrap_or(0),
            write: seconds(values.get(Hole::Write)),
            sync: seconds(values.get(Hole::Sync)),
            total: seconds(values.get(Hole::Total)),
        }),
        What::CheckpointsTooFrequent => {
            Message::CheckpointsTooFrequent { seconds: number(values.get(Hole::Seconds)).unwrap_or(0) }
        }
        What::Autovacuum => Message::Autovacuum { table: values.get(Hole::Table) },
        What::Autoanalyze => Message::Autoanalyze { table: values.get(Hole::Table) },
        What::Started => Message::ServerStarted,
        What::Shutdown => Message::ServerShutdown,
        What::Recovered => Message::Recovered,
        What::Crashed => Message::Crashed,
        What::Parameters | What::PortalParameters => return None,
    })
}

fn lock_wait<'a>(state: Lock, values: &Values<'a>, waited: Option<u64>) -> LockWait<'a> {
    let pid = number(values.get(Hole::Pid)).and_then(|pid| u32::try_from(pid).ok());
    LockWait { state, pid, mode: values.get(Hole::Mode), object: values.get(Hole::Object), waited }
}

/// A value without the description of the encryption after it, which every language begins alike.
fn before_tls(value: &[u8]) -> &[u8] {
    let ends = [&b" SSL"[..], b" GSS", b" (SSL"];
    let end = ends.iter().filter_map(|end| memchr::memmem::find(value, end)).min();
    value.get(..end.unwrap_or(value.len())).unwrap_or(value)
}

/// The list of parameters in a `DETAIL`, or in the line of a `CONTEXT` that tells of a portal: `$1 = '5', $2 = NULL`.
/// The word is `parameters` up to PostgreSQL 16 and `Parameters` from 17 on.
pub fn parameters_of(detail: &[u8]) -> Option<&[u8]> {
    match detail.first()? {
        b'p' | b'P' => {
            if let Some(list) = detail.get(1..)?.strip_prefix(b"arameters: ") {
                return Some(list);
            }
        }
        _ => {}
    }
    // functions come before the portal they ran in, each on its lines; the list is the rest
    let mut rest = detail;
    for _ in 0..CONTEXT_LINES {
        if let Some(list) = portal_parameters(rest) {
            return Some(list);
        }
        rest = rest.get(memchr::memchr(b'\n', rest)? + 1..)?;
        rest = rest.strip_prefix(b"\t").unwrap_or(rest);
    }
    None
}

/// How many lines of a context are looked at.
const CONTEXT_LINES: usize = 256;

fn portal_parameters(line: &[u8]) -> Option<&[u8]> {
    const WITH: &[u8] = b" with parameters: ";
    let known = [&b"unnamed portal"[..], b"portal \"", b"extended query"].iter().any(|start| line.starts_with(start));
    if known && let Some(at) = memchr::memmem::find(line.get(..NAME_BYTES).unwrap_or(line), WITH) {
        return line.get(at + WITH.len()..);
    }
    words::translated_parameters(line)
}
