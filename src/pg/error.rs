//! What can go wrong between this program and a server, each in one sentence that says what to do.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::error::{DbError, SqlState};

use super::row::DecodeError;
use super::target::{SslMode, TargetError, TargetSessionAttrs};

/// Why there is no connection. No variant holds a password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The connection string, environment or service.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A certificate, key or revocation list of ours.
    #[error("\"{}\": {reason}", path.display())]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The name has no address.
    #[error("the host of {host} cannot be found: check the name ({reason})")]
    Dns {
        /// `host:port`.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// Nothing listens there.
    #[error("nothing listens on {host}: check host and port, and that the server runs and listens there")]
    Refused {
        /// `host:port`.
        host: String,
    },
    /// There is no such socket.
    #[error("there is no server socket \"{}\": check host and port, and that the server runs", path.display())]
    NoSocket {
        /// The socket.
        path: PathBuf,
    },
    /// The network did not carry.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// `host:port`.
        host: String,
        /// What the operating system said.
        reason: String,
    },
    /// Nothing answered in time.
    #[error("{host} did not answer within {} s: check host, port and firewall, or raise connect_timeout", limit.as_secs())]
    Timeout {
        /// `host:port`.
        host: String,
        /// The limit.
        limit: Duration,
    },
    /// The server hung up before the session began.
    #[error(
        "{host} closed the connection before the session began: check that it is PostgreSQL, and its log ({reason})"
    )]
    Closed {
        /// `host:port`.
        host: String,
        /// What the connection said.
        reason: String,
    },
    /// Something else listens there.
    #[error("{host} is not a PostgreSQL server: {reason}")]
    NotPostgres {
        /// `host:port`.
        host: String,
        /// What it did.
        reason: String,
    },
    /// Too old to be read.
    #[error("{host} runs PostgreSQL {version}, which pgassay cannot read: it needs 14 or newer")]
    TooOld {
        /// `host:port`.
        host: String,
        /// The version, as the server writes it.
        version: String,
    },
    /// 57P03: starting, stopping or recovering.
    #[error("{host} does not accept connections yet: {message}; try again when it does")]
    NotReady {
        /// `host:port`.
        host: String,
        /// The server's words.
        message: String,
    },
    /// 53300.
    #[error("{host} has no connection left: {message}; raise the limit or close some")]
    TooManyConnections {
        /// `host:port`.
        host: String,
        /// The server's words.
        message: String,
    },
    /// The server wants a password, and there is none.
    #[error("{host} wants a password for user \"{user}\": set PGPASSWORD or add a line to ~/.pgpass")]
    PasswordMissing {
        /// `host:port`.
        host: String,
        /// The user.
        user: String,
    },
    /// 28P01.
    #[error("{host} refused the password of user \"{user}\": check the user name and the password")]
    PasswordWrong {
        /// `host:port`.
        host: String,
        /// The user.
        user: String,
    },
    /// The role does not exist or may not log in.
    #[error("{host} does not let user \"{user}\" in: {message}; check the user name, or create the role with login")]
    NoSuchRole {
        /// `host:port`.
        host: String,
        /// The user.
        user: String,
        /// The server's words.
        message: String,
    },
    /// `pg_hba.conf`, or an authentication method other than a password.
    #[error("{host} refused user \"{user}\": {message}; check pg_hba.conf and sslmode")]
    Rejected {
        /// `host:port`.
        host: String,
        /// The user.
        user: String,
        /// The server's words.
        message: String,
    },
    /// A method this program does not speak.
    #[error(
        "{host} wants an authentication that pgassay does not support ({reason}): allow scram-sha-256 in pg_hba.conf"
    )]
    Method {
        /// `host:port`.
        host: String,
        /// What it is.
        reason: String,
    },
    /// `channel_binding=require` cannot be met, or the server proved to be another one.
    #[error("{host} failed the password exchange: {reason}")]
    Exchange {
        /// `host:port`.
        host: String,
        /// What failed.
        reason: String,
    },
    /// 3D000.
    #[error("database \"{database}\" does not exist on {host}: check its name")]
    NoSuchDatabase {
        /// `host:port`.
        host: String,
        /// The database.
        database: String,
    },
    /// 42501 or 55000: no CONNECT privilege, or the database accepts nobody.
    #[error("database \"{database}\" on {host} cannot be entered: {message}")]
    DatabaseClosed {
        /// `host:port`.
        host: String,
        /// The database.
        database: String,
        /// The server's words.
        message: String,
    },
    /// The server has no TLS.
    #[error("{host} does not offer TLS, but sslmode={mode} needs it: enable ssl on the server, or use sslmode=prefer")]
    TlsRefused {
        /// `host:port`.
        host: String,
        /// What was asked for.
        mode: SslMode,
    },
    /// The handshake failed for another reason than the server's certificate.
    #[error("TLS with {host} failed: {reason}")]
    Tls {
        /// `host:port`.
        host: String,
        /// What failed.
        reason: String,
    },
    /// The server's certificate is not to be trusted.
    #[error("the certificate of {host} was not accepted: {reason}")]
    Certificate {
        /// `host:port`.
        host: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A server was reached, but not one of the kind that was asked for.
    #[error("{host} does not meet target_session_attrs={wanted}: {reason}")]
    NotWanted {
        /// `host:port`.
        host: String,
        /// What was asked for.
        wanted: TargetSessionAttrs,
        /// What it is instead.
        reason: String,
    },
    /// Every host of several failed.
    #[error("none of {} hosts could be used: {}", .0.len(), .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several(Vec<ConnectError>),
    /// Any other refusal.
    #[error("{host} refused the connection: {message} ({sqlstate})")]
    Server {
        /// `host:port`.
        host: String,
        /// The five characters.
        sqlstate: String,
        /// The server's words.
        message: String,
    },
}

impl ConnectError {
    /// Whether the user's own input is wrong (exit code 2), rather than the server unreachable (exit code 3).
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Target(_) | Self::TlsFile { .. })
    }

    /// Whether libpq would go on to the next host: nobody was reached, or not one that takes sessions of this kind.
    pub(super) fn is_worth_another_host(&self) -> bool {
        matches!(
            self,
            Self::Dns { .. }
                | Self::Refused { .. }
                | Self::NoSocket { .. }
                | Self::Unreachable { .. }
                | Self::Timeout { .. }
                | Self::Closed { .. }
                | Self::NotReady { .. }
                | Self::NotWanted { .. }
        )
    }

    /// Whether the server refused this user in this way of connecting, so that the other one (with or without TLS) may
    /// be allowed.
    pub(super) fn is_authentication(&self) -> bool {
        matches!(self, Self::PasswordWrong { .. } | Self::Rejected { .. } | Self::NoSuchRole { .. })
    }

    /// Whether the connection came to an end, as opposed to being refused.
    pub(super) fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::NoSocket { .. }
                | Self::Unreachable { .. }
                | Self::Timeout { .. }
                | Self::Closed { .. }
                | Self::NotReady { .. }
        )
    }

    /// Makes sense of an error that came from the driver while a session was being started.
    pub(super) fn from_driver(error: tokio_postgres::Error, host: &str, user: &str, database: &str) -> Self {
        let host = host.to_owned();
        if let Some(error) = error.as_db_error() {
            return Self::from_server(error, host, user, database);
        }
        let kind = error.to_string();
        let closed = error.is_closed();
        let source = error.into_source();
        let reason = source.as_ref().map_or_else(|| kind.clone(), ToString::to_string);
        match source.map(|source| source.downcast::<std::io::Error>()) {
            Some(Ok(error)) => return Self::from_io(*error, host),
            _ if closed => {
                return Self::Closed { host, reason: "connection closed".to_owned() };
            }
            _ => {}
        }
        match (kind.as_str(), reason.as_str()) {
            ("invalid configuration", "password missing") => Self::PasswordMissing { host, user: user.to_owned() },
            ("authentication error", reason) if reason.starts_with("unsupported") => {
                Self::Method { host, reason: reason.to_owned() }
            }
            ("authentication error", "server did not use channel binding") => Self::Exchange {
                host,
                reason:
                    "it does not bind passwords to TLS, but channel_binding=require needs it: use TLS and scram-sha-256"
                        .to_owned(),
            },
            ("authentication error", reason) => Self::Exchange { host, reason: reason.to_owned() },
            _ => Self::NotPostgres { host, reason: format!("it does not speak PostgreSQL's protocol ({reason})") },
        }
    }

    /// A stream's error while a session is being started.
    pub(super) fn from_io(error: std::io::Error, host: String) -> Self {
        if error.get_ref().is_some_and(|inner| inner.is::<super::wire::NotPostgres>()) {
            return Self::NotPostgres { host, reason: error.to_string() };
        }
        if let Some(reason) = super::tls::alert(&error) {
            return Self::Tls { host, reason };
        }
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof
            | std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::ConnectionAborted
            | std::io::ErrorKind::BrokenPipe => Self::Closed { host, reason: error.to_string() },
            std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
                Self::NotPostgres { host, reason: format!("it does not speak PostgreSQL's protocol ({error})") }
            }
            _ => Self::Unreachable { host, reason: error.to_string() },
        }
    }

    /// A server's refusal. Messages are in the server's language, so only codes and the name of the server's routine
    /// are looked at.
    fn from_server(error: &DbError, host: String, user: &str, database: &str) -> Self {
        Self::from_code(error.code(), error.routine(), error.message(), host, user, database)
    }

    fn from_code(
        code: &SqlState,
        routine: Option<&str>,
        message: &str,
        host: String,
        user: &str,
        database: &str,
    ) -> Self {
        let (user, database, message) = (user.to_owned(), database.to_owned(), message.to_owned());
        match code.code() {
            "57P03" => Self::NotReady { host, message },
            "53300" => Self::TooManyConnections { host, message },
            "28P01" => Self::PasswordWrong { host, user },
            "28000" if routine == Some("InitializeSessionUserId") => Self::NoSuchRole { host, user, message },
            "28000" => Self::Rejected { host, user, message },
            "3D000" => Self::NoSuchDatabase { host, database },
            "42501" | "55000" => Self::DatabaseClosed { host, database, message },
            "57P01" | "57P02" => Self::Closed { host, reason: message },
            sqlstate => Self::Server { host, sqlstate: sqlstate.to_owned(), message },
        }
    }
}

/// Why a query has no result. What can be granted or waited for is told apart from what is broken.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// 42501: the role may not see it.
    #[error("permission denied: {message}")]
    Denied {
        /// The server's words.
        message: String,
    },
    /// 57014 after the statement's time was up.
    #[error("took longer than statement_timeout = {} ms and was cancelled", limit.as_millis())]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// 57014 before that: somebody cancelled it.
    #[error("was cancelled on the server: {message}")]
    Cancelled {
        /// The server's words.
        message: String,
    },
    /// 55P03: another session holds the lock.
    #[error("waited longer than lock_timeout = {} ms for a lock: {message}", limit.as_millis())]
    Locked {
        /// The relation, where the server names it.
        relation: Option<String>,
        /// The limit.
        limit: Duration,
        /// The server's words.
        message: String,
    },
    /// 42P01, 42703, 42883, 42704: this version or service has no such relation, column, function or object.
    #[error("not in this version or service: {message}")]
    Undefined {
        /// The five characters.
        sqlstate: String,
        /// The server's words.
        message: String,
    },
    /// 3D000 and the like: the database, or what was read in it, was dropped meanwhile.
    #[error("vanished while it was read: {message}")]
    Vanished {
        /// The server's words.
        message: String,
    },
    /// The connection ended, and so did the one that was opened instead.
    #[error("the connection was lost: {reason}")]
    Lost {
        /// What ended it.
        reason: String,
    },
    /// No connection to this database could be opened.
    #[error(transparent)]
    Connect(ConnectError),
    /// The result is not what the program expects.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Anything else.
    #[error("{message} ({sqlstate})")]
    Other {
        /// The five characters.
        sqlstate: String,
        /// The server's words.
        message: String,
    },
}

impl ReadError {
    /// The SQLSTATE, where the server gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Denied { .. } => Some("42501"),
            Self::TimedOut { .. } | Self::Cancelled { .. } => Some("57014"),
            Self::Locked { .. } => Some("55P03"),
            Self::Undefined { sqlstate, .. } | Self::Other { sqlstate, .. } => Some(sqlstate),
            Self::Vanished { .. } | Self::Lost { .. } | Self::Connect(_) | Self::Decode(_) => None,
        }
    }

    /// One sentence: the server's words where there are any.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Denied { message }
            | Self::Cancelled { message }
            | Self::Undefined { message, .. }
            | Self::Vanished { message }
            | Self::Other { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }

    /// Whether trying once more on a fresh connection may help.
    pub(super) fn is_loss(&self) -> bool {
        match self {
            Self::Lost { .. } => true,
            Self::Connect(error) => error.is_loss(),
            _ => false,
        }
    }

    /// Makes sense of an error of a running statement.
    pub(super) fn from_driver(error: &tokio_postgres::Error, spent: Duration, limits: Waits) -> Self {
        match error.as_db_error() {
            Some(error) => Self::from_server(error, spent, limits),
            None if error.is_closed() => Self::Lost { reason: error.to_string() },
            None => {
                let source = std::error::Error::source(error);
                let reason = source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
                match error.to_string().as_str() {
                    "error communicating with the server" => Self::Lost { reason },
                    _ => Self::Other { sqlstate: "XX000".to_owned(), message: reason },
                }
            }
        }
    }

    fn from_server(error: &DbError, spent: Duration, limits: Waits) -> Self {
        Self::from_code(error.code().code(), error.message(), error.where_(), spent, limits)
    }

    fn from_code(code: &str, message: &str, context: Option<&str>, spent: Duration, limits: Waits) -> Self {
        let message = message.to_owned();
        let sqlstate = code.to_owned();
        match code {
            "42501" => Self::Denied { message },
            // the words are in the server's language, the time is not
            "57014" if spent >= limits.statement.mul_f64(0.95) => Self::TimedOut { limit: limits.statement },
            "57014" => Self::Cancelled { message },
            "55P03" => Self::Locked {
                relation: quoted(&message).or_else(|| context.and_then(quoted)),
                limit: limits.lock,
                message,
            },
            "42P01" | "42703" | "42883" | "42704" | "3F000" => Self::Undefined { sqlstate, message },
            "3D000" | "57P04" => Self::Vanished { message },
            // these two are never translated: a relation that was there when it was listed
            "XX000" if message.starts_with("cache lookup failed") || message.starts_with("could not open relation") => {
                Self::Vanished { message }
            }
            "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04" => Self::Lost { reason: message },
            _ if code.starts_with("08") => Self::Lost { reason: message },
            _ => Self::Other { sqlstate, message },
        }
    }
}

impl From<ConnectError> for ReadError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::NoSuchDatabase { .. } => Self::Vanished { message: error.to_string() },
            ConnectError::DatabaseClosed { .. } => Self::Denied { message: error.to_string() },
            error => Self::Connect(error),
        }
    }
}

/// The two limits that a cancelled statement may have met.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    pub(super) statement: Duration,
    pub(super) lock: Duration,
}

/// The first name in double quotes, which PostgreSQL writes in every language.
fn quoted(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('"')?;
    rest.split_once('"').map(|(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(code: &str, routine: Option<&str>) -> ConnectError {
        let code = SqlState::from_code(code);
        ConnectError::from_code(&code, routine, "its words", "h:1".into(), "ada", "shop")
    }

    #[test]
    fn refusals_are_told_apart_without_reading_words() {
        for (code, routine, expected) in [
            ("57P03", None, "does not accept connections yet: its words"),
            ("53300", None, "no connection left"),
            ("28P01", None, "refused the password of user \"ada\""),
            ("28000", Some("InitializeSessionUserId"), "does not let user \"ada\" in"),
            ("28000", Some("ClientAuthentication"), "check pg_hba.conf"),
            ("28000", None, "check pg_hba.conf"),
            ("3D000", None, "database \"shop\" does not exist"),
            ("42501", None, "cannot be entered"),
            ("55000", None, "cannot be entered"),
            ("XX000", None, "its words (XX000)"),
        ] {
            let error = connect(code, routine);
            assert!(error.to_string().contains(expected), "{code}: {error}");
            assert!(!error.is_usage());
        }
        assert!(ConnectError::from(TargetError::NoUser).is_usage());
    }

    #[test]
    fn the_next_host_is_tried_as_libpq_does() {
        assert!(connect("57P03", None).is_worth_another_host());
        assert!(!connect("28P01", None).is_worth_another_host());
        assert!(!connect("53300", None).is_worth_another_host());
        assert!(!connect("3D000", None).is_worth_another_host());
    }

    #[test]
    fn read_errors_by_code() {
        let limits = Waits { statement: Duration::from_secs(10), lock: Duration::from_millis(200) };
        let read = |code, message, spent| ReadError::from_code(code, message, None, Duration::from_secs(spent), limits);
        assert!(matches!(read("57014", "", 10), ReadError::TimedOut { .. }));
        assert!(matches!(read("57014", "", 1), ReadError::Cancelled { .. }));
        assert!(matches!(read("42501", "", 1), ReadError::Denied { .. }));
        assert!(
            matches!(read("55P03", "lock on relation \"a b\"", 1), ReadError::Locked { relation: Some(name), .. } if name == "a b")
        );
        assert!(matches!(read("55P03", "annulé", 1), ReadError::Locked { relation: None, .. }));
        assert!(matches!(read("XX000", "cache lookup failed for index 1", 1), ReadError::Vanished { .. }));
        assert!(matches!(read("XX000", "other", 1), ReadError::Other { .. }));
        assert!(read("57P01", "", 1).is_loss() && read("08006", "", 1).is_loss() && !read("42P01", "", 1).is_loss());
        for code in ["42P01", "42703", "42883"] {
            assert_eq!(read(code, "m", 1).code(), Some(code));
        }
    }
}
