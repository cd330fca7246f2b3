//! Real servers for the tests, and a client for them.
//!
//! * [`majors`] are the majors under test: `PGASSAY_TEST_MAJORS="14 18"`, or those found on this machine. What is
//!   missing is printed once; a major asked for by name and not found is a failure.
//! * [`each_major`] runs a test on every one of them, [`server`] lends the shared server of one major, [`own`] starts one
//!   for a test that has to have it to itself. At most [`AT_ONCE`] of these run at a time: hold one lease per test.
//! * [`Server::database`] makes a database of the test's own, dropped at its end.
//! * [`pgassay`] runs the program itself, without the environment of whoever runs the tests.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use pgassay::scratch::{Binaries, Options, SUPERUSER, Scratch, ShutdownMode, find_binaries};
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// The program under test, which is also the supervisor of the servers.
pub const PGASSAY: &str = env!("CARGO_BIN_EXE_pgassay");

/// The majors that the project supports.
pub const SUPPORTED: [u16; 5] = [14, 15, 16, 17, 18];

/// A role that is a member of `pg_monitor` and can log in.
pub const MONITOR: &str = "monitor";

/// A role that can log in and nothing else.
pub const NOBODY: &str = "nobody";

/// How many shared servers run at the same time.
const AT_ONCE: usize = 2;

// ------------------------------------------------------------------------------------------------------------ majors

static INSTALLED: LazyLock<BTreeMap<u16, Binaries>> =
    LazyLock::new(|| find_binaries(&[]).into_iter().map(|binaries| (binaries.major, binaries)).collect());

static MAJORS: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let asked = std::env::var("PGASSAY_TEST_MAJORS").unwrap_or_default();
    let asked: Vec<u16> = asked
        .split([' ', ','])
        .filter(|word| !word.is_empty())
        .map(|word| word.parse().unwrap_or_else(|_| panic!("PGASSAY_TEST_MAJORS: \"{word}\" is not a major")))
        .collect();
    if !asked.is_empty() {
        for major in &asked {
            assert!(
                INSTALLED.contains_key(major),
                "PGASSAY_TEST_MAJORS names PostgreSQL {major}, which is not on this machine: run `make matrix`, which fetches it"
            );
        }
        return asked;
    }
    let found: Vec<u16> = SUPPORTED.into_iter().filter(|major| INSTALLED.contains_key(major)).collect();
    assert!(!found.is_empty(), "no PostgreSQL of a supported major ({SUPPORTED:?}) on this machine: run `make deps`");
    let missing: Vec<String> =
        SUPPORTED.into_iter().filter(|major| !found.contains(major)).map(|major| major.to_string()).collect();
    if !missing.is_empty() {
        // `eprintln!` would be captured together with the output of the test that happens to come first.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            format!(
                "server tests run on PostgreSQL {found:?}; not on this machine: {} (`make matrix` fetches them)\n",
                missing.join(", ")
            )
            .as_bytes(),
        );
    }
    found
});

/// The majors under test, oldest first unless named in another order.
pub fn majors() -> &'static [u16] {
    &MAJORS
}

/// The installation of a major under test.
pub fn binaries(major: u16) -> Binaries {
    INSTALLED.get(&major).unwrap_or_else(|| panic!("PostgreSQL {major} is not on this machine")).clone()
}

/// Options for a server of a test's own.
pub fn options(major: u16) -> Options {
    let mut options = Options::new(binaries(major));
    options.supervisor = Some(PGASSAY.into());
    options
}

// ----------------------------------------------------------------------------------------------------------- servers

struct Slot {
    scratch: Arc<Scratch>,
    users: usize,
    running: bool,
}

#[derive(Default)]
struct Pool {
    slots: BTreeMap<u16, Slot>,
    /// Majors that some thread is starting or stopping just now.
    busy: Vec<u16>,
    /// Servers that belong to one test.
    own: usize,
}

impl Pool {
    fn running(&self) -> usize {
        self.slots.values().filter(|slot| slot.running).count() + self.busy.len() + self.own
    }

    fn idle(&self) -> Option<u16> {
        self.slots.iter().find(|(_, slot)| slot.running && slot.users == 0).map(|(major, _)| *major)
    }
}

static POOL: LazyLock<Mutex<Pool>> = LazyLock::new(Mutex::default);
static CHANGED: Condvar = Condvar::new();

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A lease of the shared server of one major.
pub struct Server {
    pub major: u16,
    scratch: Arc<Scratch>,
}

impl Deref for Server {
    type Target = Scratch;

    fn deref(&self) -> &Scratch {
        &self.scratch
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(slot) = pool().slots.get_mut(&self.major) {
            slot.users -= 1;
        }
        CHANGED.notify_all();
    }
}

/// The shared server of a major, started when first asked for. Nobody may stop it or change its settings: a test that
/// does needs its own, from [`options`].
pub fn server(major: u16) -> Server {
    one_of(&[major])
}

/// Runs a test on every major, those first whose server is running already.
pub fn each_major(mut test: impl FnMut(&Server)) {
    let mut left = majors().to_vec();
    while !left.is_empty() {
        let server = one_of(&left);
        left.retain(|major| *major != server.major);
        eprintln!("on PostgreSQL {}", server.binaries().version);
        test(&server);
    }
}

fn one_of(wanted: &[u16]) -> Server {
    let mut pool = pool();
    loop {
        let running = wanted.iter().copied().find(|major| pool.slots.get(major).is_some_and(|slot| slot.running));
        if let Some(major) = running {
            return lease(&mut pool, major);
        }
        let startable = wanted.iter().copied().find(|major| !pool.busy.contains(major));
        if let Some(major) = startable {
            if pool.running() < AT_ONCE {
                pool.busy.push(major);
                let known = pool.slots.get(&major).map(|slot| slot.scratch.clone());
                drop(pool);
                let busy = Busy(major);
                let scratch = start(major, known);
                let slot = Slot { scratch: scratch.clone(), users: 1, running: true };
                self::pool().slots.insert(major, slot);
                // Only now: in between nobody may take the major for one that is not there.
                drop(busy);
                return Server { major, scratch };
            }
            if let Some(idle) = pool.idle() {
                pool = halt(pool, idle);
                continue;
            }
        }
        pool = CHANGED.wait(pool).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Halts the shared server of a major that nobody uses, to make room.
fn halt(mut pool: MutexGuard<'static, Pool>, idle: u16) -> MutexGuard<'static, Pool> {
    let scratch = pool.slots.get_mut(&idle).map(|slot| {
        slot.running = false;
        slot.scratch.clone()
    });
    pool.busy.push(idle);
    drop(pool);
    let busy = Busy(idle);
    if let Some(scratch) = scratch {
        scratch.halt(ShutdownMode::Fast).unwrap();
    }
    drop(busy);
    self::pool()
}

/// A server that one test has to itself: to stop it, to change its settings, to know every session on it. It counts as
/// one of those that run at the same time, so a test that has one must not lease another.
pub struct Own {
    scratch: Option<Scratch>,
}

impl Deref for Own {
    type Target = Scratch;

    fn deref(&self) -> &Scratch {
        self.scratch.as_ref().unwrap()
    }
}

impl Own {
    /// A fresh, empty database.
    pub fn database(&self) -> Database<'_> {
        database(self)
    }

    /// A session of the superuser in `postgres`.
    pub fn connect(&self) -> Session {
        connect(&self.url("postgres"))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        drop(self.scratch.take());
        pool().own -= 1;
        CHANGED.notify_all();
    }
}

/// Starts a server for one test, with [`MONITOR`] and [`NOBODY`] on it.
pub fn own(options: Options) -> Own {
    let mut pool = pool();
    while pool.running() >= AT_ONCE {
        pool = match pool.idle() {
            Some(idle) => halt(pool, idle),
            None => CHANGED.wait(pool).unwrap_or_else(PoisonError::into_inner),
        };
    }
    pool.own += 1;
    drop(pool);
    // counted from here on, whatever happens
    let mut own = Own { scratch: None };
    own.scratch = Some(Scratch::start(options).unwrap_or_else(|error| panic!("{error}")));
    own.connect().execute(ROLES);
    own
}

/// The least and the less privileged of those who audit.
const ROLES: &str = "create role monitor login in role pg_monitor; create role nobody login";

fn lease(pool: &mut Pool, major: u16) -> Server {
    let slot = pool.slots.get_mut(&major).unwrap();
    slot.users += 1;
    Server { major, scratch: slot.scratch.clone() }
}

/// The mark that a major is being started or stopped; it goes away in a panic too, so that the other tests fail with the
/// reason and do not wait.
struct Busy(u16);

impl Drop for Busy {
    fn drop(&mut self) {
        pool().busy.retain(|major| *major != self.0);
        CHANGED.notify_all();
    }
}

fn start(major: u16, known: Option<Arc<Scratch>>) -> Arc<Scratch> {
    if let Some(scratch) = known {
        scratch.boot().unwrap_or_else(|error| panic!("{error}"));
        return scratch;
    }
    let scratch = Scratch::start(options(major)).unwrap_or_else(|error| panic!("{error}"));
    connect(&scratch.url("postgres")).execute(ROLES);
    Arc::new(scratch)
}

// --------------------------------------------------------------------------------------------------------- databases

static NEXT: AtomicU32 = AtomicU32::new(1);

/// A database of one test, dropped with this value.
pub struct Database<'a> {
    pub name: String,
    server: &'a Scratch,
}

/// A fresh database on any server, shared or a test's own.
pub fn database(server: &Scratch) -> Database<'_> {
    let name = format!("t_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    connect(&server.url("postgres")).execute(&format!("create database {name} template template0"));
    Database { name, server }
}

impl Server {
    /// A fresh, empty database.
    pub fn database(&self) -> Database<'_> {
        database(&self.scratch)
    }
}

impl Database<'_> {
    /// As the superuser.
    pub fn url(&self) -> String {
        self.url_as(SUPERUSER)
    }

    /// As [`MONITOR`], [`NOBODY`] or any other role.
    pub fn url_as(&self, role: &str) -> String {
        self.server.url_as(role, &self.name)
    }

    /// A session of the superuser.
    pub fn connect(&self) -> Session {
        connect(&self.url())
    }

    /// Runs statements as the superuser in a session of their own.
    pub fn execute(&self, sql: &str) {
        self.connect().execute(sql);
    }

    /// Rows of the last statement, as text.
    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.connect().rows(sql)
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        // A test may have stopped its own server.
        if let Ok(session) = try_connect(&self.server.url("postgres")) {
            let _ = session.try_rows(&format!("drop database if exists {} with (force)", self.name));
        }
    }
}

// ---------------------------------------------------------------------------------------------------------- sessions

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

/// Runs a future to its end from any thread, one that drives another runtime included.
pub fn block_on<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = std::sync::mpsc::channel();
    RUNTIME.spawn(async move {
        let _ = sender.send(future.await);
    });
    receiver.recv().expect("the future panicked")
}

/// A connection that stays open until it is dropped: to hold a lock, a transaction, a place.
pub struct Session {
    client: Arc<tokio_postgres::Client>,
}

/// Connects by URI, without TLS, or panics.
pub fn connect(url: &str) -> Session {
    try_connect(url).unwrap_or_else(|error| panic!("cannot connect: {}", explain(&error)))
}

/// Connects by URI, without TLS.
pub fn try_connect(url: &str) -> Result<Session, tokio_postgres::Error> {
    let url = url.to_owned();
    block_on(async move {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
        tokio::spawn(connection);
        Ok(Session { client: Arc::new(client) })
    })
}

/// Statements that a session runs while the test goes on.
pub struct Running(Arc<OnceLock<Result<(), tokio_postgres::Error>>>);

impl Running {
    /// How they ended; none while they run.
    pub fn result(&self) -> Option<&Result<(), tokio_postgres::Error>> {
        self.0.get()
    }

    /// Whether they have ended, one way or another.
    pub fn is_finished(&self) -> bool {
        self.0.get().is_some()
    }
}

impl Session {
    /// Begins to run statements and does not wait for them: one of them may wait for a lock, or last.
    pub fn begin(&self, sql: &str) -> Running {
        let client = self.client.clone();
        let sql = sql.to_owned();
        let result = Arc::new(OnceLock::new());
        let running = Running(result.clone());
        RUNTIME.spawn(async move {
            let _ = result.set(client.simple_query(&sql).await.map(drop));
        });
        running
    }

    /// The columns that a statement would return, each with its type.
    pub fn described(&self, sql: &str) -> Result<Vec<(String, String)>, tokio_postgres::Error> {
        let client = self.client.clone();
        let sql = sql.to_owned();
        let statement = block_on(async move { client.prepare(&sql).await })?;
        let described = |column: &tokio_postgres::Column| (column.name().to_owned(), format!("{:?}", column.type_()));
        Ok(statement.columns().iter().map(described).collect())
    }

    /// Its process id on the server.
    pub fn pid(&self) -> i32 {
        self.value("select pg_backend_pid()").parse().unwrap()
    }

    /// Runs any number of statements by the simple protocol, or panics with the server's message.
    pub fn execute(&self, sql: &str) {
        self.rows(sql);
    }

    /// Runs statements and returns all their rows as text, or panics with the server's message.
    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.try_rows(sql).unwrap_or_else(|error| panic!("{}\nin:\n{sql}", explain(&error)))
    }

    /// The first column of the first row, or panics where it is missing or null.
    pub fn value(&self, sql: &str) -> String {
        self.rows(sql)
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next().flatten())
            .unwrap_or_else(|| panic!("no value from: {sql}"))
    }

    /// Runs statements; the error is the test's to judge.
    pub fn try_rows(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
        let client = self.client.clone();
        let sql = sql.to_owned();
        let messages = block_on(async move { client.simple_query(&sql).await })?;
        Ok(messages
            .into_iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => {
                    Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
                }
                _ => None,
            })
            .collect())
    }
}

fn explain(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| format!("{error:?}"), ToString::to_string)
}

// ------------------------------------------------------------------------------------------------------------- files

/// A directory of a test's own, removed with this value.
pub struct Folder(pub PathBuf);

impl Folder {
    /// An empty one.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Where a file of it is.
    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file of it, and says where it is.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.0.join(name), content).unwrap();
        self.path(name)
    }

    /// What is in it, in order.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

// ------------------------------------------------------------------------------------------------------- the program

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Output {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `pgassay` with these arguments, no input, and of the environment only what says where servers are ([`PASSED_ON`]).
pub fn pgassay(arguments: &[&str]) -> Output {
    pgassay_with(arguments, &[])
}

/// The same with more environment variables.
pub fn pgassay_with(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let output = pgassay_command(arguments, environment).output().unwrap();
    Output {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
    }
}

/// What the program under test may know of the machine: where programs and temporary files are.
const PASSED_ON: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "TMPDIR", "PGASSAY_SERVERS"];

/// The command itself, for a test that wants to feed, watch or kill it. `HOME` and the working directory are empty, so
/// that no configuration of this machine is found.
pub fn pgassay_command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(PGASSAY);
    command
        .args(arguments)
        .env_clear()
        .envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .env("HOME", empty_directory())
        .envs(environment.iter().copied())
        .current_dir(empty_directory())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn empty_directory() -> &'static Path {
    static DIRECTORY: OnceLock<std::path::PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty");
        std::fs::create_dir_all(&path).unwrap();
        path
    })
}

// ------------------------------------------------------------------------------------------------------------ waiting

/// Waits for something that must come true soon.
pub fn eventually(what: &str, holds: impl FnMut() -> bool) {
    within(Duration::from_secs(30), what, holds);
}

/// Waits for something that must come true in that time.
pub fn within(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

// ---------------------------------------------------------------------------------------------------------- PgBouncer

/// A PgBouncer in transaction mode in front of a server, stopped with this value.
pub struct Pooler(Child);

impl Pooler {
    const PORT: u16 = 6432;

    /// Listens in the server's own directory, as the server's own user: it refuses to run as root. `database` follows
    /// host and port of every database, `settings` are further lines of its configuration.
    pub fn start(server: &Scratch, database: &str, settings: &str) -> Self {
        let directory = server.directory().display();
        let (port, own) = (server.port(), Self::PORT);
        let text = format!(
            "[databases]\n* = host={directory} port={port} {database}\n[pgbouncer]\nlisten_addr =\nlisten_port = {own}\n\
             unix_socket_dir = {directory}\npool_mode = transaction\n{settings}"
        );
        let file = server.write_file("pgbouncer.ini", &text).unwrap();
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].into_iter().find(|path| Path::new(path).exists());
        let mut command = Command::new(program.expect("no pgbouncer: run `make deps`"));
        command.arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        if rustix::process::geteuid().is_root() {
            let owner = fs::metadata(server.data_directory()).unwrap();
            command.uid(owner.uid()).gid(owner.gid());
        }
        let pooler = Self(command.spawn().unwrap());
        let socket = server.directory().join(format!(".s.PGSQL.{}", Self::PORT));
        // the file is there before anybody listens on it
        eventually("pgbouncer listens", || std::os::unix::net::UnixStream::connect(&socket).is_ok());
        pooler
    }

    /// The way in, by the socket.
    pub fn url(server: &Scratch, role: &str, database: &str) -> String {
        format!("postgresql:///{database}?host={}&port={}&user={role}", server.directory().display(), Self::PORT)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
