//! Reading the facts: a bounded number of queries to a server and to each of its databases, whatever they hold.
//!
//! A fact that cannot be read becomes a [`Missing`] with its reason, and the rest goes on. Nothing is judged here.

#![allow(clippy::disallowed_methods, reason = "collecting takes time, and says how much")]

use crate::facts::statements::{self, Statement, StatementsInfo};
use crate::facts::{self, Database, FORMAT, Fact, LeftOut, Sample, Server, Snapshot};
use crate::outcome::{Missing, Reason};
use crate::pg::{self, Door, FromRow, Parameter, Query, ReadError};
use crate::report::Tool;
use crate::time::Timestamp;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Which databases of a server are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Databases {
    /// The one the connection was made to.
    Connected,
    /// All that allow connections and that the role may enter, but for templates.
    All,
}

/// What one query cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// The fact.
    pub fact: &'static str,
    /// The database.
    pub database: String,
    /// From asking to the last row.
    pub took: Duration,
    /// Rows.
    pub rows: usize,
}

/// The server's clock, carried on by ours: read once, so that every fact has a time of the same clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    server: Timestamp,
    started: Instant,
}

impl Clock {
    pub(crate) fn now(self) -> Timestamp {
        self.server.plus_seconds(self.started.elapsed().as_secs_f64())
    }
}

/// Asks a run to end early with what it has.
#[derive(Debug, Clone)]
pub struct Stop(tokio::sync::watch::Receiver<bool>);

/// Ends the runs that hold its [`Stop`].
#[derive(Debug)]
pub struct Stopper(tokio::sync::watch::Sender<bool>);

impl Stop {
    /// A run that can be stopped, and what stops it.
    pub fn new() -> (Stopper, Self) {
        let (sender, receiver) = tokio::sync::watch::channel(false);
        (Stopper(sender), Self(receiver))
    }

    /// Whether the run was asked to end.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when the run is asked to end, and never where nobody can ask any more.
    pub async fn stopped(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Stopper {
    /// Asks the runs to end.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// Reads facts, one by one or many at once, and remembers what each cost.
struct Collector<'a> {
    door: &'a Door,
    stop: &'a Stop,
    role: String,
    clock: Clock,
    costs: Mutex<Vec<Cost>>,
}

/// Reads a whole server: its own facts and those of its databases. Measuring is another step. A run that is stopped
/// returns what it has; what it does not have is missing with that reason.
///
/// # Errors
/// Not even the server's own identity could be read.
pub async fn collect(door: &Door, databases: Databases, stop: &Stop) -> Result<(Snapshot, Vec<Cost>), ReadError> {
    let collector = Collector::new(door, stop).await?;
    let server = collector.server().await;
    let (names, left_out) = collector.names(&server, databases);
    let mut snapshot = Snapshot {
        format: FORMAT,
        tool: Tool::this(),
        captured_at: collector.clock.server,
        target: format!("{}/{}", door.host(), door.default_database().name()),
        server,
        databases: Vec::with_capacity(names.len()),
        left_out,
        samples: Vec::new(),
        poolers: Vec::new(),
    };
    for name in names {
        snapshot.databases.push(collector.database(&name).await);
    }
    let (statements, info) = collector.statements(&snapshot.databases).await;
    snapshot.server.statements = statements;
    snapshot.server.statements_info = info;
    Ok((snapshot, collector.into_costs()))
}

/// Reads the sessions alone, for a run that watches.
///
/// # Errors
/// They could not be read.
pub async fn sample(door: &Door) -> Result<Sample, ReadError> {
    let sql = facts::activity::QUERY.sql_for(door.version()).unwrap_or_default();
    let rows = door.default_database().read::<facts::activity::RawActivity>(sql, &[]).await?;
    let sessions = facts::activity::redact(rows);
    let at = sessions.first().and_then(|session| session.process.read_at).unwrap_or_default();
    Ok(Sample { at, sessions })
}

impl<'a> Collector<'a> {
    async fn new(door: &'a Door, stop: &'a Stop) -> Result<Self, ReadError> {
        let started = Instant::now();
        let sql = facts::server::QUERY.sql_for(door.version()).unwrap_or_default();
        let rows = door.default_database().read::<facts::server::Server>(sql, &[]).await?;
        let server = rows.first().and_then(|server| server.read_at).unwrap_or_default();
        Ok(Self {
            door,
            stop,
            role: door.identity().session_user.clone(),
            clock: Clock { server, started },
            costs: Mutex::new(Vec::new()),
        })
    }

    fn into_costs(self) -> Vec<Cost> {
        self.costs.into_inner().unwrap_or_default()
    }

    fn remember(&self, cost: Cost) {
        if let Ok(mut costs) = self.costs.lock() {
            costs.push(cost);
        }
    }

    /// Reads rows by a text, and turns what went wrong into a reason.
    async fn rows<T: FromRow>(
        &self,
        database: &pg::Database,
        fact: &'static str,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<T>, ReadError> {
        let started = Instant::now();
        let interrupted = || ReadError::Cancelled { message: "the audit was interrupted".to_owned() };
        if self.stop.is_stopped() {
            return Err(interrupted());
        }
        let result = tokio::select! {
            result = database.read::<T>(sql, parameters) => result,
            () = self.stop.stopped() => Err(interrupted()),
        };
        let rows = result.as_ref().map_or(0, Vec::len);
        self.remember(Cost { fact, database: database.name().to_owned(), took: started.elapsed(), rows });
        result
    }

    async fn fact<T: FromRow>(&self, database: &pg::Database, query: &'static Query) -> Fact<Vec<T>> {
        let Some(sql) = query.sql_for(self.door.version()) else {
            return Fact::Missing(Missing::new(
                query.name,
                Reason::Version,
                format!("the server is older than every query for {}", query.name),
            ));
        };
        match self.rows(database, query.name, sql, &[]).await {
            Ok(rows) => Fact::Read { at: self.clock.now(), rows },
            Err(error) => Fact::Missing(missing(query.name, &error, &self.role)),
        }
    }

    /// A fact of one row.
    async fn one<T: FromRow>(&self, database: &pg::Database, query: &'static Query) -> Fact<T> {
        match self.fact(database, query).await {
            Fact::Missing(missing) => Fact::Missing(missing),
            Fact::Read { at, mut rows } => match rows.pop() {
                Some(row) => Fact::Read { at, rows: row },
                None => Fact::Missing(Missing::new(query.name, Reason::Failed, "the server returned no row")),
            },
        }
    }

    /// The facts of the server. The door bounds how many are read at once.
    async fn server(&self) -> Server {
        use facts as f;
        let database = &self.door.default_database();
        let (server, control, settings, overrides, files, roles, databases, role_databases) = tokio::join!(
            self.one(database, &f::server::QUERY),
            self.one(database, &f::control::QUERY),
            self.fact(database, &f::settings::QUERY),
            self.fact(database, &f::setting_overrides::QUERY),
            self.fact(database, &f::file_settings::QUERY),
            self.fact(database, &f::roles::QUERY),
            self.fact(database, &f::databases::QUERY),
            self.fact(database, &f::role_databases::QUERY),
        );
        let (database_stats, activity, ssl_sessions, replication, slots, prepared, archiver) = tokio::join!(
            self.fact(database, &f::database_stats::QUERY),
            self.fact(database, &f::activity::QUERY),
            self.fact(database, &f::ssl_sessions::QUERY),
            self.fact(database, &f::replication::QUERY),
            self.fact(database, &f::replication_slots::QUERY),
            self.fact(database, &f::prepared_transactions::QUERY),
            self.one(database, &f::archiver::QUERY),
        );
        Server {
            server,
            control,
            settings: settings.map(f::settings::redact),
            setting_overrides: overrides.map(f::setting_overrides::redact),
            file_settings: files.map(f::file_settings::redact),
            roles,
            databases,
            role_databases,
            database_stats,
            activity: activity.map(f::activity::redact),
            ssl_sessions,
            replication,
            replication_slots: slots,
            prepared_transactions: prepared,
            archiver,
            ..Server::default()
        }
    }

    /// The databases to read, the connected one first; and those that were asked for but that the role may not enter.
    fn names(&self, server: &Server, wanted: Databases) -> (Vec<String>, Vec<LeftOut>) {
        let connected = self.door.default_database().name().to_owned();
        let (mut names, mut left_out) = (vec![connected.clone()], Vec::new());
        let all = server.databases.ok().filter(|_| wanted == Databases::All);
        for database in all.into_iter().flatten().filter(|database| database.name != connected && !database.is_template)
        {
            let refuse = |reason, because: &str| Missing::new("database", reason, because);
            let reason = match database {
                database if database.connection_limit == -2 => refuse(Reason::Failed, "a failed drop left it invalid")
                    .unlocked_by(format!("drop database {};", crate::sql::quote(&database.name))),
                database if !database.allows_connections => refuse(Reason::Disabled, "it allows no connections"),
                database if !database.connectable => refuse(Reason::Privilege, "the role may not connect to it")
                    .unlocked_by(self.connect_grant(&database.name)),
                database => {
                    names.push(database.name.clone());
                    continue;
                }
            };
            left_out.push(LeftOut { database: database.name.clone(), reason });
        }
        (names, left_out)
    }

    fn connect_grant(&self, database: &str) -> String {
        use crate::sql::quote;
        format!("grant connect on database {} to {};", quote(database), quote(&self.role))
    }

    /// The facts of one database.
    async fn database(&self, name: &str) -> Database {
        use facts as f;
        let database = &self.door.database(name);
        // first: what could not be read without waiting is left out of the queries that would wait
        let locked_relations: Fact<Vec<f::locked_relations::LockedRelation>> =
            self.fact(database, &f::locked_relations::QUERY).await;
        if let Fact::Missing(missing) = &locked_relations {
            // everybody may read that: the database cannot be entered, and asking again for each fact would tell no more
            let missing = match missing.reason {
                Reason::Privilege => Missing::new("database", Reason::Privilege, missing.because.clone())
                    .unlocked_by(self.connect_grant(name)),
                _ => missing.clone(),
            };
            return Database::unread(name.to_owned(), &missing);
        }
        let locked: Vec<u32> =
            locked_relations.ok().map(|rows| rows.iter().map(|row| row.oid).collect()).unwrap_or_default();
        let (extensions, tables, table_stats, columns, indexes, index_stats, constraints, key_operators) = tokio::join!(
            self.fact(database, &f::extensions::QUERY),
            self.fact(database, &f::tables::QUERY),
            self.fact(database, &f::table_stats::QUERY),
            self.fact(database, &f::columns::QUERY),
            self.fact(database, &f::indexes::QUERY),
            self.fact(database, &f::index_stats::QUERY),
            self.fact(database, &f::constraints::QUERY),
            self.fact(database, &f::key_operators::QUERY),
        );
        let (inheritance, sequence_uses, index_builds, index_expressions, sequences) = tokio::join!(
            self.fact(database, &f::inheritance::QUERY),
            self.fact(database, &f::sequence_uses::QUERY),
            self.fact(database, &f::index_builds::QUERY),
            self.unlocked(database, &f::index_expressions::QUERY, &locked),
            self.fact(database, &f::sequences::QUERY),
        );
        Database {
            name: name.to_owned(),
            extensions,
            tables,
            table_stats,
            columns,
            indexes,
            index_stats,
            index_expressions: index_expressions.map(f::index_expressions::redact),
            constraints,
            key_operators,
            inheritance,
            sequences,
            sequence_uses,
            locked_relations,
            index_builds,
            ..Database::default()
        }
    }

    /// A fact whose query locks what it reads: what is locked is left out. A migration may begin while it runs, so it is
    /// tried again with what is locked by then.
    async fn unlocked<T: FromRow>(
        &self,
        database: &pg::Database,
        query: &'static Query,
        locked: &[u32],
    ) -> Fact<Vec<T>> {
        const ATTEMPTS: usize = 3;
        let sql = query.sql_for(self.door.version()).unwrap_or_default();
        let mut locked = locked.to_vec();
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match self.rows(database, query.name, sql, &[Parameter::Oids(&locked)]).await {
                Ok(rows) => return Fact::Read { at: self.clock.now(), rows },
                Err(error @ ReadError::Locked { .. }) => last = Some(error),
                Err(error) => return Fact::Missing(missing(query.name, &error, &self.role)),
            }
            let now: Fact<Vec<facts::locked_relations::LockedRelation>> =
                self.fact(database, &facts::locked_relations::QUERY).await;
            locked.extend(now.ok().into_iter().flatten().map(|row| row.oid));
        }
        let because = last.map_or_else(String::new, |error| error.to_string());
        Fact::Missing(Missing::new(query.name, Reason::Locked, because))
    }

    /// The statements of all databases, read from the first database that has the extension in a version that is known.
    async fn statements(&self, databases: &[Database]) -> (Fact<Vec<Statement>>, Fact<StatementsInfo>) {
        const NAME: &str = "statements";
        let installed = databases.iter().find_map(|database| {
            let extension =
                database.extensions.ok()?.iter().find(|extension| extension.name == "pg_stat_statements")?;
            Some((database.name.as_str(), extension))
        });
        let Some((name, extension)) = installed else {
            let because = match databases.iter().any(|database| database.extensions.ok().is_some()) {
                true => Missing::new(
                    NAME,
                    Reason::Extension,
                    "pg_stat_statements is not installed in any database that was read",
                )
                .unlocked_by("create extension pg_stat_statements;"),
                false => Missing::new(NAME, Reason::Failed, "the extensions of no database could be read"),
            };
            return (
                Fact::Missing(because.clone()),
                Fact::Missing(Missing { fact: "statements_info".into(), ..because }),
            );
        };
        let database = &self.door.database(name);
        let schema = format!("{}.", crate::sql::quote(&extension.schema));
        let in_schema = |sql: &str| sql.replace("extension_schema.", &schema);
        let explain = |fact: &str, error: &ReadError| {
            match error {
            ReadError::Denied { .. } => Missing::new(fact, Reason::Privilege, error.message())
                .unlocked_by(format!("grant usage on schema {} to {};", schema.trim_end_matches('.'), crate::sql::quote(&self.role))),
            // "must be loaded via shared_preload_libraries"
            ReadError::Other { sqlstate, .. } if sqlstate == "55000" => Missing::new(
                fact,
                Reason::Disabled,
                "pg_stat_statements is installed but not loaded by the server",
            )
            .unlocked_by("add pg_stat_statements to shared_preload_libraries, beside the libraries already there, and restart the server"),
            error => missing(fact, error, &self.role),
        }
        };
        let Some(sql) = statements::sql(&extension.version) else {
            let because = format!("pg_stat_statements {} is older than what is known", extension.version);
            let old =
                Missing::new(NAME, Reason::Version, because).unlocked_by("alter extension pg_stat_statements update;");
            return (Fact::Missing(old.clone()), Fact::Missing(old));
        };
        let statements = match self.rows::<statements::RawStatement>(database, NAME, &in_schema(sql), &[]).await {
            Ok(rows) => Fact::Read { at: self.clock.now(), rows: statements::redact(rows) },
            Err(error) => Fact::Missing(explain(NAME, &error)),
        };
        let info = match self
            .rows::<StatementsInfo>(database, "statements_info", &in_schema(statements::INFO), &[])
            .await
        {
            Ok(mut rows) => match rows.pop() {
                Some(rows) => Fact::Read { at: self.clock.now(), rows },
                None => Fact::Missing(Missing::new("statements_info", Reason::Failed, "the server returned no row")),
            },
            Err(error) => Fact::Missing(explain("statements_info", &error)),
        };
        (statements, info)
    }
}

/// Why a fact is missing, and what would unlock it.
pub(crate) fn missing(fact: &str, error: &ReadError, role: &str) -> Missing {
    let role = crate::sql::quote(role);
    let reason = match error {
        ReadError::Denied { .. } => Reason::Privilege,
        ReadError::Undefined { .. } => Reason::Version,
        ReadError::Locked { .. } => Reason::Locked,
        ReadError::TimedOut { .. }
        | ReadError::Cancelled { .. }
        | ReadError::Vanished { .. }
        | ReadError::Lost { .. }
        | ReadError::Connect(_)
        | ReadError::Decode(_)
        | ReadError::Other { .. } => Reason::Failed,
    };
    let missing = Missing::new(fact, reason, format!("{fact}: {error}"));
    match (error, fact) {
        (ReadError::TimedOut { .. }, _) => missing.unlocked_by("--statement-timeout 60s"),
        (ReadError::Denied { .. }, "control") => missing.unlocked_by(format!(
            "grant execute on function pg_catalog.pg_control_system(), pg_catalog.pg_control_checkpoint() to {role};"
        )),
        (ReadError::Denied { .. }, "file_settings") => missing.unlocked_by(format!(
            "grant select on pg_catalog.pg_file_settings to {role};\n\
             grant execute on function pg_catalog.pg_show_all_file_settings() to {role};"
        )),
        (ReadError::Denied { .. }, _) => missing.unlocked_by(format!("grant pg_monitor to {role};")),
        _ => missing,
    }
}
