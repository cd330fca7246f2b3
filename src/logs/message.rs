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
    let message = words::without_position(message);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(message: &str) -> Message<'_> {
        classify(&Record { message: message.as_bytes(), severity: Severity::Log, ..Record::default() })
    }

    fn failing(message: &str) -> Message<'_> {
        classify(&Record { message: message.as_bytes(), severity: Severity::Error, ..Record::default() })
    }

    fn step<'a>(step: Step, name: &'a str, portal: &'a str, sql: &'a str, duration: Option<u64>) -> Message<'a> {
        Message::Statement { step, name: name.as_bytes(), portal: portal.as_bytes(), sql: sql.as_bytes(), duration }
    }

    #[test]
    fn statements() {
        let some = Some(575);
        for (text, wanted) in [
            ("duration: 0.575 ms  statement: select 1", step(Step::Simple, "", "", "select 1", some)),
            ("duration: 0.575 ms statement: select 1", step(Step::Simple, "", "", "select 1", some)),
            ("duration: 0.575 ms  statement: PREPARE a AS x", step(Step::Simple, "", "", "PREPARE a AS x", some)),
            ("duration: 0.575 ms  parse <unnamed>: s", step(Step::Parse, "<unnamed>", "", "s", some)),
            ("duration: 0.575 ms  bind S_1/C_2: s", step(Step::Bind, "S_1", "C_2", "s", some)),
            ("duration: 0.575 ms  execute _pg3_0: s: t", step(Step::Execute, "_pg3_0", "", "s: t", some)),
            ("duration: 0.575 ms  execute fetch from S_21/C_22: s", step(Step::Fetch, "S_21", "C_22", "s", some)),
            ("duration: 0.575 ms  execute a:b: s", step(Step::Execute, "a:b", "", "s", some)),
            ("duration: 0.575 ms  fastpath function call: \"f\" (OID 1)", step(Step::Fastpath, "", "", "f", some)),
            ("statement: select", step(Step::Simple, "", "", "select", None)),
            ("statement:", step(Step::Simple, "", "", "", None)),
            ("execute <unnamed>: s", step(Step::Execute, "<unnamed>", "", "s", None)),
            ("execute <unnamed>:", step(Step::Execute, "<unnamed>", "", "", None)),
            ("execute fetch from S_1: s", step(Step::Fetch, "S_1", "", "s", None)),
            ("fastpath function call: \"f\" (OID 1)", step(Step::Fastpath, "", "", "f", None)),
            ("duration: 0.575 ms", Message::Duration(575)),
            ("duration: 0.575 ms  ", Message::Duration(575)),
            ("duration: 3.5 ms", Message::Duration(3500)),
            ("duration: 1.2 ms  plan:\n\t{", Message::Plan { duration: 1200, body: b"\t{" }),
        ] {
            assert_eq!(said(text), wanted, "{text}");
        }
        let sql = "select 'duration: 1.0 ms  statement: x\n\tLOG:  y'";
        assert_eq!(said(&format!("statement: {sql}")), step(Step::Simple, "", "", sql, None));
    }

    #[test]
    fn what_only_looks_like_a_statement() {
        for text in [
            "duration: ",
            "duration: x ms",
            "duration: 1.0 s",
            "parse S_1: x",
            "bind x: y",
            " statement: x",
            "statements: x",
        ] {
            assert_eq!(said(text), Message::Other, "{text}");
        }
        assert_eq!(said("duration: 99999999999999999999.0 ms"), Message::Other);
        assert_eq!(failing("duration: 1.0 ms  statement: x"), Message::Failure);
        assert_eq!(failing("statement: x"), Message::Failure);
        let notice = Record { message: b"statement: x", severity: Severity::Notice, ..Record::default() };
        assert_eq!(classify(&notice), Message::Other);
        let info =
            Record { message: b"duration: 1.0 ms  plan:\n\tSort", severity: Severity::Info, ..Record::default() };
        assert!(matches!(classify(&info), Message::Plan { duration: 1000, body: b"\tSort" }));
    }

    #[test]
    fn connections() {
        let authorized = |user: &'static str, database: &'static str, application: &'static str| {
            let [user, database, application] = [user, database, application].map(str::as_bytes);
            Message::ConnectionAuthorized { user, database, application }
        };
        for (text, wanted) in [
            ("connection received: host=127.0.0.1 port=3", Message::ConnectionReceived),
            ("connection received: host=10.0.0.1 port=3 pid=77", Message::ConnectionReceived),
            ("connection authenticated: identity=\"a\" method=scram", Message::ConnectionAuthenticated),
            ("connection ready: setup total=9.743 ms, fork=2.870 ms", Message::ConnectionReady),
            (
                "connection authorized: user=bob database=shop application_name=my app",
                authorized("bob", "shop", "my app"),
            ),
            (
                "connection authorized: user=bob database=shop application_name=a SSL enabled (protocol=TLSv1.3)",
                authorized("bob", "shop", "a"),
            ),
            ("connection authorized: user=bob database=shop SSL enabled (x)", authorized("bob", "shop", "")),
            ("connection authorized: user=xdatabase=y", authorized("x", "y", "")),
            ("replication connection authorized: user=r application_name=s", authorized("r", "", "s")),
        ] {
            assert_eq!(said(text), wanted, "{text}");
        }
        let ended = said("disconnection: session time: 100:01:02.087 user=bob database=shop host=[local]");
        let micros = (100 * 3600 + 62) * 1_000_000 + 87_000;
        assert_eq!(ended, Message::Disconnection { duration: Some(micros), user: b"bob", database: b"shop" });
    }

    #[test]
    fn locks() {
        let wait = |state, object: &'static str, waited| {
            let object = object.as_bytes();
            Message::Lock(LockWait { state, pid: Some(9), mode: b"ShareLock", object, waited })
        };
        for (text, wanted) in [
            (
                "process 9 still waiting for ShareLock on transaction 7 after 1000.108 ms at character 15",
                wait(Lock::Waiting, "transaction 7", Some(1_000_108)),
            ),
            (
                "process 9 acquired ShareLock on relation 1 of database 2 after 1.000 ms",
                wait(Lock::Acquired, "relation 1 of database 2", Some(1000)),
            ),
            (
                "process 9 avoided deadlock for ShareLock on x by rearranging queue order after 1.000 ms",
                wait(Lock::Rearranged, "x", Some(1000)),
            ),
            ("process 9 could not obtain ShareLock on x", wait(Lock::Failed, "x", None)),
        ] {
            assert_eq!(said(text), wanted, "{text}");
        }
        assert_eq!(said("process 9 exited"), Message::Other);
    }

    #[test]
    fn failures() {
        for (text, why) in [
            ("canceling statement due to statement timeout", Why::StatementTimeout),
            ("canceling statement due to lock timeout at character 15", Why::LockTimeout),
            ("canceling statement due to user request", Why::UserRequest),
            ("terminating connection due to idle-in-transaction timeout", Why::IdleInTransactionTimeout),
            ("terminating connection due to transaction timeout", Why::TransactionTimeout),
            ("terminating connection due to administrator command", Why::AdminCommand),
            ("canceling autovacuum task", Why::AutovacuumTask),
            ("выполнение оператора отменено из-за тайм-аута блокировки (символ 5)", Why::LockTimeout),
        ] {
            assert_eq!(failing(text), Message::Cancelled { why }, "{text}");
        }
        assert_eq!(failing("deadlock detected at character 3"), Message::Deadlock);
        assert_eq!(failing("Verklemmung (Deadlock) entdeckt"), Message::Deadlock);
        assert_eq!(failing("relation \"x\" does not exist at character 15"), Message::Failure);
        assert_eq!(failing(""), Message::Failure);
    }

    #[test]
    fn the_server() {
        let complete = "checkpoint complete: wrote 78 buffers (1.0%), wrote 3 SLRU buffers; 1 WAL file(s) added, 2 removed, \
            3 recycled; write=0.5 s, sync=0.025 s, total=1.525 s; sync files=2, longest=0.005 s, average=0.003 s; x";
        let figures = Checkpoint {
            buffers: 78,
            added: 1,
            removed: 2,
            recycled: 3,
            write: 500_000,
            sync: 25_000,
            total: 1_525_000,
        };
        let vacuum =
            "automatic aggressive vacuum to prevent wraparound of table \"shop.public.a\": index scans: 0\n\tpages: 1";
        for (text, wanted) in [
            (complete, Message::CheckpointComplete(figures)),
            (
                "checkpoint starting: immediate force wait",
                Message::CheckpointStarting { cause: b"immediate force wait" },
            ),
            (
                "checkpoints are occurring too frequently (9 seconds apart)",
                Message::CheckpointsTooFrequent { seconds: 9 },
            ),
            (
                "temporary file: path \"base/pgsql_tmp/x, size 1\", size 139264",
                Message::TemporaryFile { bytes: 139_264 },
            ),
            (vacuum, Message::Autovacuum { table: b"shop.public.a" }),
            ("automatic analyze of table \"s.p.a\"\n\tI/O timings", Message::Autoanalyze { table: b"s.p.a" }),
            ("automatic analyze of table \"s.p.a\" system usage: CPU", Message::Autoanalyze { table: b"s.p.a" }),
            ("database system is ready to accept connections", Message::ServerStarted),
            ("database system is shut down", Message::ServerShutdown),
            ("received fast shutdown request", Message::ServerShutdown),
            ("received SIGHUP, reloading configuration files", Message::Other),
            ("database system was not properly shut down; automatic recovery in progress", Message::Recovered),
            ("server process (PID 1) was terminated by signal 9: Killed", Message::Crashed),
            ("server process (PID 1) exited with exit code 2", Message::Other),
            ("parameter \"x\" changed to \"y\"", Message::Other),
            ("", Message::Other),
        ] {
            assert_eq!(said(text), wanted, "{text}");
        }
        assert!(
            matches!(said("checkpoint complete (123): wrote 7 buffers (1.0%)"), Message::CheckpointComplete(c) if c.buffers == 7)
        );
    }

    #[test]
    fn the_other_languages() {
        for (text, wanted) in [
            ("durée : 0.575 ms, instruction : select", step(Step::Simple, "", "", "select", Some(575))),
            ("Dauer: 0.575 ms  Ausführen Fetch von S_1/C_2: s", step(Step::Fetch, "S_1", "C_2", "s", Some(575))),
            ("期間: 0.575 ミリ秒  パース<unnamed> : s", step(Step::Parse, "<unnamed>", "", "s", Some(575))),
            ("실행시간: 0.575 ms  S_1/C_2 접속: s", step(Step::Bind, "S_1", "C_2", "s", Some(575))),
            ("продолжительность: 0.575 мс", Message::Duration(575)),
            ("执行时间: 0.575 ms", Message::Duration(575)),
            ("varaktighet 0.575 ms", Message::Duration(575)),
            ("sats: select", step(Step::Simple, "", "", "select", None)),
            ("временный файл: путь \"x\", размер 12", Message::TemporaryFile { bytes: 12 }),
        ] {
            assert_eq!(said(text), wanted, "{text}");
        }
    }

    #[test]
    fn parameters() {
        for text in [
            "parameters: $1 = '5'",
            "Parameters: $1 = '5'",
            "unnamed portal with parameters: $1 = '5'",
            "portal \"c\" with parameters: $1 = '5'",
            "SQL function \"f\" statement 1\n\tportal \"c\" with parameters: $1 = '5'",
            "paramètres : $1 = '5'",
            "Paramètres : $1 = '5'",
            "portail non nommé avec les paramètres : « $1 = '5' »",
            "매개 변수: $1 = '5'",
            "portal \"c\" med parametrar: $1 = '5'",
        ] {
            assert_eq!(parameters_of(text.as_bytes()), Some(&b"$1 = '5'"[..]), "{text}");
        }
        for text in ["", "Process 1 waits", "a portal with parameters: x", "prepare: PREPARE x AS select 1"] {
            assert_eq!(parameters_of(text.as_bytes()), None, "{text}");
        }
    }
}
