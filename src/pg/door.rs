//! The door: one server, a pool for each database, a bound on all connections, and reads that leave nothing behind.
//!
//! Every read is `begin read only; set local …`, the query as an unnamed statement, `commit`: no startup options, no named
//! statement, no type looked up, so that PgBouncer in transaction mode can be in between. All columns of a query must
//! therefore have built-in types. In a read, `pg_settings` shows the local values of the settings set here as `setting`;
//! `reset_val` is what they are otherwise.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use deadpool_postgres::{ClientWrapper, Connect, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod};
use futures_util::TryStreamExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, private::BytesMut};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::connect::{self, Endpoint, Opened};
use super::error::{ConnectError, ReadError, Waits};
use super::row::{Column, FromRow, check_columns};
use super::target::Target;
use super::version::Version;

/// How much of a server this program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections at a time, over all databases. At least 1.
    pub connections: usize,
    /// How long one statement may run; zero is no limit.
    pub statement_timeout: Duration,
    /// How long one statement may wait for a lock; zero is no limit.
    pub lock_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 3, statement_timeout: Duration::from_secs(10), lock_timeout: Duration::from_millis(200) }
    }
}

/// How much longer than its own limit a server may stay silent before it counts as lost.
const SILENCE: Duration = Duration::from_secs(10);
/// What the first connection asks. One round trip, and every column exists on every server that speaks SQL like PostgreSQL.
const IDENTIFY: &str = "select pg_catalog.current_setting('server_version_num'), pg_catalog.current_setting('server_version'), \
    pg_catalog.version(), session_user, pg_catalog.current_database(), pg_catalog.pg_is_in_recovery(), \
    (select rolsuper from pg_catalog.pg_roles where rolname = current_user)";

/// Who and where this program is on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The role that logged in.
    pub session_user: String,
    /// What the database of the first connection calls itself.
    pub database: String,
    /// Whether the role may do everything, so that a read-only transaction is no boundary.
    pub is_superuser: bool,
    /// Whether the server is a standby.
    pub in_recovery: bool,
    /// `version()`: names the builder of forks and services.
    pub banner: String,
}

/// The only way to a server. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Door {
    shared: Arc<Shared>,
}

struct Shared {
    target: Target,
    limits: Limits,
    endpoint: Endpoint,
    version: Version,
    identity: Identity,
    /// One permit for each open connection, idle ones included.
    open: Arc<Semaphore>,
    /// One permit for each connection in use. With as many as of `open`, whoever holds one and finds no room to open a
    /// connection knows that another one is idle, and can close that.
    in_use: Arc<Semaphore>,
    pools: Mutex<HashMap<String, Pool>>,
    /// The connection that [`Door::open`] made, until somebody asks for its database.
    first: Mutex<Option<Opened>>,
    /// Told when a connection becomes idle.
    returned: Notify,
    /// Cancellations under way.
    cancelling: Mutex<Vec<JoinHandle<()>>>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("target", &self.shared.target.describe())
            .field("version", &self.shared.version)
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}

/// A lock whose holder panicked protects nothing that could be half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Door {
    /// Connects once and learns what the server is.
    ///
    /// # Errors
    /// Nobody was reached, or let us in, or it is not a PostgreSQL of major 14 or newer.
    pub async fn open(target: Target, limits: Limits) -> Result<Self, ConnectError> {
        let limits = Limits { connections: limits.connections.max(1), ..limits };
        let open = Arc::new(Semaphore::new(limits.connections));
        let closed = || ConnectError::Closed { host: target.describe(), reason: "the program is ending".to_owned() };
        let permit = Arc::clone(&open).acquire_owned().await.map_err(|_| closed())?;
        let opened = connect::open(&target, permit).await?;
        let (version, identity) = identify(&opened, &target).await?;
        Ok(Self {
            shared: Arc::new(Shared {
                limits,
                endpoint: opened.endpoint.clone(),
                version,
                identity,
                in_use: Arc::new(Semaphore::new(limits.connections)),
                open,
                pools: Mutex::new(HashMap::new()),
                first: Mutex::new(Some(opened)),
                returned: Notify::new(),
                cancelling: Mutex::new(Vec::new()),
                target,
            }),
        })
    }

    /// The server's version.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.shared.version
    }

    /// What was asked for. The host that was reached is [`Door::host`].
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.shared.target
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// `host:port` of the server that was reached; every connection goes to this one.
    #[must_use]
    pub fn host(&self) -> String {
        self.shared.endpoint.host.to_string()
    }

    /// The process that listens for connections, where the server was reached over a Unix socket of this machine.
    pub async fn listener(&self) -> Option<i32> {
        connect::listener(&self.shared.endpoint).await
    }

    /// Who and where this program is on the server.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    /// Whether the role may do everything.
    #[must_use]
    pub fn is_superuser(&self) -> bool {
        self.shared.identity.is_superuser
    }

    /// Whether the server is a standby.
    #[must_use]
    pub fn in_recovery(&self) -> bool {
        self.shared.identity.in_recovery
    }

    /// A database of the server, connected to when it is first read.
    #[must_use]
    pub fn database(&self, name: &str) -> Database {
        Database { shared: Arc::clone(&self.shared), name: name.to_owned() }
    }

    /// The database that was asked for. Its own name may be another one, behind a pooler: [`Identity::database`].
    #[must_use]
    pub fn default_database(&self) -> Database {
        self.database(self.shared.target.database())
    }

    /// The number of connections that are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.limits.connections - self.shared.open.available_permits()
    }

    /// Waits until every query that was abandoned has been cancelled, then closes what is idle. Each cancellation takes
    /// at most three seconds. To be called before the runtime ends; after Ctrl-C above all.
    pub async fn close(&self) {
        loop {
            let tasks = std::mem::take(&mut *lock(&self.shared.cancelling));
            if tasks.is_empty() {
                break;
            }
            for task in tasks {
                // a task that was aborted has nothing left to wait for
                let _ = task.await;
            }
        }
        if let Some(opened) = lock(&self.shared.first).take() {
            opened.driver.abort();
        }
        for (_, pool) in lock(&self.shared.pools).drain() {
            pool.close();
        }
    }
}

/// Asks the first connection what it is connected to.
async fn identify(opened: &Opened, target: &Target) -> Result<(Version, Identity), ConnectError> {
    let host = opened.endpoint.host.to_string();
    let not_postgres = |reason: String| ConnectError::NotPostgres { host: host.clone(), reason };
    let messages = match tokio::time::timeout(SILENCE, opened.client.simple_query(IDENTIFY)).await {
        Err(_) => {
            return Err(ConnectError::Timeout { host, limit: SILENCE });
        }
        Ok(Err(error)) => {
            return Err(match error.as_db_error() {
                // 57P01 and its kin: the server ends the session, for its own reasons
                Some(ended) if ended.code().code().starts_with("57P") => {
                    ConnectError::Closed { host, reason: ended.message().to_owned() }
                }
                // PgBouncer's console, CockroachDB's and Redshift's SQL, …
                Some(error) => not_postgres(format!(
                    "it speaks PostgreSQL's protocol but not its SQL ({}); give a database, not a console",
                    error.message()
                )),
                None => ConnectError::from_driver(error, &host, target.user(), target.database()),
            });
        }
        Ok(Ok(messages)) => messages,
    };
    let row = messages
        .iter()
        .find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        })
        .ok_or_else(|| {
            not_postgres("it does not say which version it is; give a database, not a console".to_owned())
        })?;
    let text = |index: usize| row.try_get(index).ok().flatten().unwrap_or_default().to_owned();
    let version = Version {
        number: text(0).parse().map_err(|_| not_postgres("its version is not a number".to_owned()))?,
        text: text(1),
    };
    let banner = text(2);
    if !banner.starts_with("PostgreSQL") && !banner.starts_with("EnterpriseDB") {
        return Err(not_postgres(format!("it says it is \"{}\"", banner.chars().take(60).collect::<String>())));
    }
    if version.is_too_old() {
        return Err(ConnectError::TooOld { host, version: version.text });
    }
    let identity = Identity {
        session_user: text(3),
        database: text(4),
        in_recovery: text(5) == "t",
        is_superuser: text(6) == "t",
        banner,
    };
    Ok((version, identity))
}

/// A value for a `$n` of a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Parameter<'a> {
    /// `boolean`
    Bool(bool),
    /// `integer`
    Int(i32),
    /// `bigint`
    BigInt(i64),
    /// `double precision`
    Double(f64),
    /// `oid`
    Oid(u32),
    /// `text`
    Text(&'a str),
    /// `oid[]`
    Oids(&'a [u32]),
    /// `bigint[]`
    BigInts(&'a [i64]),
    /// `text[]`
    Texts(&'a [String]),
}

impl Parameter<'_> {
    fn type_(&self) -> Type {
        match self {
            Self::Bool(_) => Type::BOOL,
            Self::Int(_) => Type::INT4,
            Self::BigInt(_) => Type::INT8,
            Self::Double(_) => Type::FLOAT8,
            Self::Oid(_) => Type::OID,
            Self::Text(_) => Type::TEXT,
            Self::Oids(_) => Type::OID_ARRAY,
            Self::BigInts(_) => Type::INT8_ARRAY,
            Self::Texts(_) => Type::TEXT_ARRAY,
        }
    }
}

impl ToSql for Parameter<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Bool(value) => value.to_sql(ty, out),
            Self::Int(value) => value.to_sql(ty, out),
            Self::BigInt(value) => value.to_sql(ty, out),
            Self::Double(value) => value.to_sql(ty, out),
            Self::Oid(value) => value.to_sql(ty, out),
            Self::Text(value) => value.to_sql(ty, out),
            Self::Oids(value) => value.to_sql(ty, out),
            Self::BigInts(value) => value.to_sql(ty, out),
            Self::Texts(value) => value.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // the type is always the one that `type_` names for this value
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

/// What a value is taken for before the place it stands in says more, as a literal would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Literal {
    /// Whatever its place takes: a quoted literal.
    #[default]
    Unknown,
    /// `integer`
    Int,
    /// `bigint`
    BigInt,
    /// `numeric`
    Numeric,
}

impl Literal {
    fn type_(self) -> Type {
        match self {
            Self::Unknown => Type::UNKNOWN,
            Self::Int => Type::INT4,
            Self::BigInt => Type::INT8,
            Self::Numeric => Type::NUMERIC,
        }
    }
}

/// A value in the words of the server, for a `$n` of foreign text.
#[derive(Clone, Copy)]
pub struct Written<'a> {
    /// Its text; none is null.
    pub text: Option<&'a str>,
    /// What it is taken for.
    pub literal: Literal,
}

impl fmt::Debug for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the value is somebody's
        f.debug_struct("Written").field("literal", &self.literal).finish_non_exhaustive()
    }
}

impl ToSql for Written<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(text) = self.text else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        // the server reads the text, as it reads a literal's
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    tokio_postgres::types::to_sql_checked!();
}

/// What foreign text returned.
#[derive(Clone)]
pub struct Answer {
    /// The one column of its rows, as text; none where there was more than was wanted.
    pub rows: Option<Vec<Option<String>>>,
    /// How long it took, the way there and back included.
    pub took: Duration,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("took", &self.took).finish_non_exhaustive()
    }
}

/// One database of a server. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
    name: String,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Database {
    /// The database's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs one query in a read-only transaction of its own and decodes its rows as they arrive.
    ///
    /// The names of the columns are compared with [`FromRow::COLUMNS`] at the first row; a result without rows passes.
    /// A connection that is lost meanwhile is replaced once. Dropping the future cancels the query on the server and
    /// closes its connection.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read<T: FromRow>(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<T>, ReadError> {
        match self.read_once(sql, parameters).await {
            Err(error) if error.is_loss() => {
                // the idle ones may have died with it
                self.shared.close_idle(&self.name, usize::MAX);
                self.read_once(sql, parameters).await.map_err(lost_for_good)
            }
            result => result,
        }
    }

    async fn read_once<T: FromRow>(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<T>, ReadError> {
        let mut session = self.begin().await?;
        let rows = session.read(sql, parameters).await?;
        session.commit().await?;
        Ok(rows)
    }

    /// Checks out a connection with a read-only transaction, for several statements that belong together.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn session(&self) -> Result<Session, ReadError> {
        match self.begin().await {
            Err(error) if error.is_loss() => {
                self.shared.close_idle(&self.name, usize::MAX);
                self.begin().await.map_err(lost_for_good)
            }
            result => result,
        }
    }

    async fn begin(&self) -> Result<Session, ReadError> {
        let lease = Shared::lease(&self.shared, &self.name).await?;
        let session = Session { lease, prepared: Vec::new() };
        session.simple(&session.lease.shared.preamble()).await?;
        Ok(session)
    }
}

/// After the second attempt every loss is one.
fn lost_for_good(error: ReadError) -> ReadError {
    match error {
        ReadError::Connect(error) if error.is_loss() => ReadError::Lost { reason: error.to_string() },
        error => error,
    }
}

/// A connection with one read-only transaction on it.
///
/// After an error of a statement the transaction is aborted, as everywhere in PostgreSQL: [`Session::restart`] begins a
/// new one. [`Session::finish`] gives the connection back; a session that is dropped otherwise cancels what it is doing
/// and closes its connection, so nothing is ever left on one that somebody else gets.
pub struct Session {
    lease: Lease,
    prepared: Vec<String>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("database", &self.lease.database).finish_non_exhaustive()
    }
}

impl Session {
    /// Runs one query as an unnamed statement and decodes its rows as they arrive.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read<T: FromRow>(&mut self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<T>, ReadError> {
        let client = self.lease.client()?;
        let typed: Vec<_> = parameters.iter().map(|parameter| (*parameter, parameter.type_())).collect();
        let work = async {
            let started = Instant::now();
            let failed = |error: &tokio_postgres::Error| {
                ReadError::from_driver(error, started.elapsed(), self.lease.shared.waits())
            };
            let stream = client.query_typed_raw(sql, typed).await.map_err(|error| failed(&error))?;
            let mut stream = pin!(stream);
            let mut rows = Vec::new();
            while let Some(row) = stream.try_next().await.map_err(|error| failed(&error))? {
                if rows.is_empty() {
                    check_columns::<T>(&row)?;
                }
                rows.push(T::from_row(&row)?);
            }
            Ok(rows)
        };
        self.lease.shared.within(work).await
    }

    /// Runs statements by the simple protocol and discards what they return: `set local …`.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn batch(&mut self, sql: &str) -> Result<(), ReadError> {
        self.simple(sql).await.map(drop)
    }

    /// Runs statements by the simple protocol and returns their rows as text, all results in one list: `explain …`.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn text(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, ReadError> {
        let messages = self.simple(sql).await?;
        Ok(messages
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            })
            .map(|row| (0..row.len()).map(|index| row.try_get(index).ok().flatten().map(str::to_owned)).collect())
            .collect())
    }

    /// Runs foreign text, which must be one `select` of one column of type `text`, as an unnamed statement with values in
    /// the words of the server, and takes up to so many bytes of rows. Whoever calls this has made sure of what it does.
    ///
    /// # Errors
    /// See [`ReadError`]; its message may hold values.
    pub async fn foreign(&mut self, sql: &str, values: &[Written<'_>], most_bytes: usize) -> Result<Answer, ReadError> {
        let client = self.lease.client()?;
        let typed: Vec<_> = values.iter().map(|value| (*value, value.literal.type_())).collect();
        let work = async {
            let started = Instant::now();
            let failed = |error: &tokio_postgres::Error| {
                ReadError::from_driver(error, started.elapsed(), self.lease.shared.waits())
            };
            let stream = client.query_typed_raw(sql, typed).await.map_err(|error| failed(&error))?;
            let mut stream = pin!(stream);
            let (mut rows, mut bytes) = (Vec::new(), 0_usize);
            while let Some(row) = stream.try_next().await.map_err(|error| failed(&error))? {
                let text: Option<String> = Column::column(&row, 0)?;
                bytes = bytes.saturating_add(text.as_ref().map_or(0, String::len) + 32);
                if bytes > most_bytes {
                    return Ok(Answer { rows: None, took: started.elapsed() });
                }
                rows.push(text);
            }
            Ok(Answer { rows: Some(rows), took: started.elapsed() })
        };
        self.lease.shared.within(work).await
    }

    /// The types that the server gives to the parameters of foreign text where `known` leaves it to their place, without
    /// modifiers, as a cast takes them. Nothing is executed.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn parameter_types(&mut self, sql: &str, known: &[Literal]) -> Result<Vec<String>, ReadError> {
        const NAME: &str = "pgassay_types";
        let types: Vec<String> = known.iter().map(|literal| format!("pg_catalog.{}", literal.type_().name())).collect();
        let types = if types.is_empty() { String::new() } else { format!("({})", types.join(", ")) };
        self.batch(&format!("prepare {NAME}{types} as {sql}")).await?;
        self.prepared.push(NAME.to_owned());
        let rows = self
            .text(&format!(
                "select pg_catalog.format_type(t.type, -1) from pg_catalog.pg_prepared_statements as s \
                 cross join lateral pg_catalog.unnest(s.parameter_types) with ordinality as t(type, n) \
                 where s.name = '{NAME}' order by t.n"
            ))
            .await?;
        self.batch(&format!("deallocate {NAME}")).await?;
        self.prepared.retain(|name| name != NAME);
        Ok(rows.into_iter().map(|mut row| row.pop().flatten().unwrap_or_default()).collect())
    }

    /// `prepare name as sql`, and remembers to deallocate it: a prepared statement outlives its transaction.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn prepare(&mut self, name: &str, sql: &str) -> Result<(), ReadError> {
        let name = format!("\"{}\"", name.replace('"', "\"\""));
        self.batch(&format!("prepare {name} as {sql}")).await?;
        self.prepared.push(name);
        Ok(())
    }

    /// Rolls back, deallocates what was prepared, and begins a new transaction with the usual settings.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn restart(&mut self) -> Result<(), ReadError> {
        let sql = format!("{}; {}", self.ending("rollback"), self.lease.shared.preamble());
        self.prepared.clear();
        self.batch(&sql).await
    }

    /// Rolls back, deallocates what was prepared, and gives the connection back.
    ///
    /// # Errors
    /// See [`ReadError`]; the connection is closed then.
    pub async fn finish(mut self) -> Result<(), ReadError> {
        let sql = self.ending("rollback");
        self.batch(&sql).await?;
        self.lease.clean = true;
        Ok(())
    }

    async fn commit(mut self) -> Result<(), ReadError> {
        let sql = self.ending("commit");
        self.batch(&sql).await?;
        self.lease.clean = true;
        Ok(())
    }

    /// One message, so that a pooler in transaction mode deallocates where it prepared.
    fn ending(&self, end: &str) -> String {
        self.prepared.iter().fold(end.to_owned(), |sql, name| format!("{sql}; deallocate {name}"))
    }

    async fn simple(&self, sql: &str) -> Result<Vec<SimpleQueryMessage>, ReadError> {
        let client = self.lease.client()?;
        let started = Instant::now();
        let work = async {
            client
                .simple_query(sql)
                .await
                .map_err(|error| ReadError::from_driver(&error, started.elapsed(), self.lease.shared.waits()))
        };
        self.lease.shared.within(work).await
    }
}

/// A connection that is checked out. Unless it was left clean, dropping it cancels what runs on it and closes it.
struct Lease {
    object: Option<Object>,
    /// Whether nothing runs on the connection and no transaction is open.
    clean: bool,
    database: String,
    shared: Arc<Shared>,
    in_use: Option<OwnedSemaphorePermit>,
}

impl Lease {
    fn client(&self) -> Result<&ClientWrapper, ReadError> {
        self.object
            .as_deref()
            .ok_or_else(|| ReadError::Lost { reason: "the connection was already given back".to_owned() })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else {
            return;
        };
        let in_use = self.in_use.take();
        if self.clean {
            // back to its pool before anybody is told
            drop(object);
            drop(in_use);
            self.shared.returned.notify_waiters();
            return;
        }
        let client = Object::take(object);
        let shared = Arc::clone(&self.shared);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let task = runtime.spawn(async move {
            if !client.is_closed() {
                connect::cancel(&shared.target, &shared.endpoint, client.cancel_token()).await;
            }
            drop(client);
            drop(in_use);
            shared.returned.notify_waiters();
        });
        let mut cancelling = lock(&self.shared.cancelling);
        cancelling.retain(|task| !task.is_finished());
        cancelling.push(task);
    }
}

impl Shared {
    /// The start of every read. What it sets ends with the transaction. The memory is for sorting a large catalog, which
    /// would otherwise go through files on the server's disk.
    fn preamble(&self) -> String {
        format!(
            "begin read only; set local statement_timeout = {}; set local lock_timeout = {}; \
             set local idle_in_transaction_session_timeout = '30s'; set local search_path = pg_catalog; \
             set local jit = off; set local max_parallel_workers_per_gather = 0; set local work_mem = '32MB'",
            self.limits.statement_timeout.as_millis(),
            self.limits.lock_timeout.as_millis(),
        )
    }

    fn waits(&self) -> Waits {
        let or_for_ever = |limit: Duration| {
            if limit.is_zero() { Duration::MAX } else { limit }
        };
        Waits {
            // halved so that the product with 0.95 cannot overflow
            statement: or_for_ever(self.limits.statement_timeout).min(Duration::MAX / 2),
            lock: self.limits.lock_timeout,
        }
    }

    /// Gives up on a server that is silent for longer than its own timeout allows.
    async fn within<T>(&self, work: impl Future<Output = Result<T, ReadError>>) -> Result<T, ReadError> {
        if self.limits.statement_timeout.is_zero() {
            return work.await;
        }
        let limit = self.limits.statement_timeout + SILENCE;
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            Err(ReadError::Lost { reason: format!("the server was silent for {} s", limit.as_secs()) })
        })
    }

    /// Checks a connection out, opening or replacing one where necessary.
    async fn lease(shared: &Arc<Self>, database: &str) -> Result<Lease, ReadError> {
        let ending = || ReadError::Lost { reason: "the program is ending".to_owned() };
        let in_use = Arc::clone(&shared.in_use).acquire_owned().await.map_err(|_| ending())?;
        let pool = Self::pool(shared, database)?;
        let object = pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => match recover(error) {
                Ok(error) => ReadError::from(error),
                Err(error) => ReadError::Lost { reason: error.to_string() },
            },
            error => ReadError::Lost { reason: error.to_string() },
        })?;
        Ok(Lease {
            object: Some(object),
            clean: false,
            database: database.to_owned(),
            shared: Arc::clone(shared),
            in_use: Some(in_use),
        })
    }

    fn pool(shared: &Arc<Self>, database: &str) -> Result<Pool, ReadError> {
        let mut pools = lock(&shared.pools);
        if let Some(pool) = pools.get(database) {
            return Ok(pool.clone());
        }
        let opener = Opener { shared: Arc::downgrade(shared), database: database.to_owned() };
        // the driver's own configuration is not used: the opener knows the target
        let manager = Manager::from_connect(
            tokio_postgres::Config::new(),
            opener,
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let pool = Pool::builder(manager)
            .max_size(shared.limits.connections)
            .build()
            .map_err(|error| ReadError::Lost { reason: error.to_string() })?;
        pools.insert(database.to_owned(), pool.clone());
        Ok(pool)
    }

    /// Closes up to `most` idle connections of one database; returns how many.
    fn close_idle(&self, database: &str, most: usize) -> usize {
        let pool = lock(&self.pools).get(database).cloned();
        pool.map_or(0, |pool| close_idle(&pool, most))
    }

    /// Closes one idle connection of any other database.
    fn close_one_of_others(&self, database: &str) -> bool {
        if self.target.database() != database
            && let Some(first) = lock(&self.first).take()
        {
            first.driver.abort();
            return true;
        }
        let others: Vec<Pool> =
            lock(&self.pools).iter().filter(|(name, _)| *name != database).map(|(_, pool)| pool.clone()).collect();
        others.iter().any(|pool| close_idle(pool, 1) > 0)
    }

    /// Room for one more connection, made by closing an idle one where necessary.
    async fn permit(&self, database: &str) -> Result<OwnedSemaphorePermit, ConnectError> {
        loop {
            // registered before looking, so that a connection returned in between is not missed
            let mut returned = pin!(self.returned.notified());
            returned.as_mut().enable();
            if let Ok(permit) = Arc::clone(&self.open).try_acquire_owned() {
                return Ok(permit);
            }
            let closed_one = self.close_one_of_others(database) || self.close_idle(database, 1) > 0;
            let acquire = Arc::clone(&self.open).acquire_owned();
            if closed_one {
                return acquire.await.map_err(|_| self.closed());
            }
            tokio::select! {
                permit = acquire => return permit.map_err(|_| self.closed()),
                () = returned => {}
            }
        }
    }

    fn closed(&self) -> ConnectError {
        ConnectError::Closed { host: self.endpoint.host.to_string(), reason: "the program is ending".to_owned() }
    }

    async fn connect(&self, database: &str) -> Result<Opened, ConnectError> {
        if self.target.database() == database
            && let Some(first) = lock(&self.first).take()
            && !first.client.is_closed()
        {
            return Ok(first);
        }
        let permit = self.permit(database).await?;
        connect::open_at(&self.target.with_database(database), &self.endpoint, permit).await
    }
}

/// Closes up to `most` idle connections of a pool.
fn close_idle(pool: &Pool, most: usize) -> usize {
    let mut closed = 0;
    pool.retain(|_, _| {
        let keep = closed >= most;
        closed += usize::from(!keep);
        keep
    });
    closed
}

/// Opens connections for a pool. Weak, because the pools belong to what it points to.
struct Opener {
    shared: Weak<Shared>,
    database: String,
}

impl Connect for Opener {
    fn connect(
        &self,
        _: &tokio_postgres::Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), tokio_postgres::Error>> + Send + '_>> {
        Box::pin(async move {
            let opened = match self.shared.upgrade() {
                Some(shared) => shared.connect(&self.database).await,
                None => Err(ConnectError::Closed {
                    host: self.database.clone(),
                    reason: "the program is ending".to_owned(),
                }),
            };
            match opened {
                Ok(opened) => Ok((opened.client, opened.driver)),
                Err(error) => smuggle(error).await,
            }
        })
    }
}

/// The pool can only report the driver's errors, which nobody else can make. A stream that fails with ours makes the
/// driver wrap it; [`recover`] takes it out again.
async fn smuggle(error: ConnectError) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.user("nobody");
    let (client, connection) = config.connect_raw(Failing(Some(error)), NoTls).await?;
    // not reached: the first write fails
    Ok((client, tokio::spawn(async move { drop(connection.await) })))
}

fn recover(error: tokio_postgres::Error) -> Result<ConnectError, Box<dyn Error + Sync + Send>> {
    let source = error.into_source().ok_or("the pool failed without a reason")?;
    let inner = source.downcast::<io::Error>()?.into_inner().ok_or("the pool failed without a reason")?;
    inner.downcast::<ConnectError>().map(|error| *error)
}

/// A stream that carries nothing but an error.
struct Failing(Option<ConnectError>);

impl AsyncRead for Failing {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
    }
}

impl AsyncWrite for Failing {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(match self.0.take() {
            Some(error) => io::Error::other(error),
            None => io::ErrorKind::NotConnected.into(),
        }))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_error_of_ours_comes_through_the_pool() {
        let error = smuggle(ConnectError::Refused { host: "h:1".into() }).await.err().unwrap();
        assert!(matches!(recover(error), Ok(ConnectError::Refused { host }) if host == "h:1"));
    }

    #[test]
    fn everything_is_shareable_between_tasks() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Door>();
        check::<Database>();
        check::<Session>();
        check::<ReadError>();
        check::<ConnectError>();
    }
}
