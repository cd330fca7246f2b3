//! A throw-away PostgreSQL: a real server from local binaries, in a private directory, gone when its owner is.
//!
//! `pgassay demo` audits one, the tests run on them, and a migration can be tried on one. [`Scratch::start`] starts the
//! program again as a supervisor (`pgassay __supervise`, the library function [`supervise`]), which makes the directory
//! with `initdb`, starts the server, and holds both until the pipe from its owner closes: on [`Scratch::stop`], on drop,
//! on a panic, and when the owner is killed with `kill -9`. The supervisor has its own session, so that Ctrl-C on the
//! terminal ends the owner alone and the clean-up still happens.
//!
//! The way in is a Unix socket in a directory of mode 0700, without a password; [`Options::tcp`] adds a free port on
//! 127.0.0.1 with a random password (SCRAM). PostgreSQL refuses to run as root: a root process starts it as the user
//! `postgres`, or `nobody` where there is none.

#![allow(
    clippy::disallowed_methods,
    reason = "where programs are installed, where temporary files go and how long a start may take are properties of \
              this machine, not of an audit"
)]

mod account;
mod binaries;
mod protocol;
mod supervisor;

use std::fmt;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde::{Deserialize, Serialize};

pub use binaries::{Binaries, find_binaries};
pub use supervisor::supervise;

use protocol::{Answer, Failure, Plan, Primary, Request};

/// The superuser of every throw-away server.
pub const SUPERUSER: &str = "postgres";

/// What kind of throw-away server to start.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The installation to run.
    pub binaries: Binaries,
    /// Settings of `postgresql.conf`, values unquoted; they win over this module's defaults (`fsync = off`, UTC), but
    /// not over the address, the port and the socket directory.
    pub settings: Vec<(String, String)>,
    /// Libraries to preload, in this order; those the installation does not have are left out. A
    /// `shared_preload_libraries` in [`Options::settings`] replaces the list.
    pub preload: Vec<String>,
    /// Files to write into the data directory before the first start, name and content, readable by the server alone:
    /// a `pg_hba.conf`, a certificate and its key.
    pub files: Vec<(String, String)>,
    /// Where to make the server's directory; the system's directory for temporary files, or `/tmp` where that cannot be
    /// used, when `None`. A path of more than about 70 bytes is too long for a socket.
    pub parent: Option<PathBuf>,
    /// Listen on 127.0.0.1 too, on a free port and with a random password.
    pub tcp: bool,
    /// The `pgassay` program that supervises; the running program when `None`. A program that is not `pgassay` itself,
    /// such as a test, must name it.
    pub supervisor: Option<PathBuf>,
    /// How long `initdb`, and each start of the server, may take.
    pub start_timeout: Duration,
}

impl Options {
    /// A server of that installation, reachable through its socket only, with `pg_stat_statements` and `auto_explain`
    /// preloaded where they are installed.
    #[must_use]
    pub fn new(binaries: Binaries) -> Self {
        Self {
            binaries,
            settings: Vec::new(),
            preload: ["pg_stat_statements", "auto_explain"].map(str::to_owned).to_vec(),
            files: Vec::new(),
            parent: None,
            tcp: false,
            supervisor: None,
            start_timeout: Duration::from_secs(60),
        }
    }

    /// The same with one more setting.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// All settings in the order the server reads them: of two with one name the later wins.
    fn all_settings(&self) -> Vec<(String, String)> {
        let present: Vec<&str> =
            self.preload.iter().map(String::as_str).filter(|name| self.binaries.has_library(name)).collect();
        let mut settings = vec![("shared_preload_libraries".to_owned(), present.join(","))];
        settings.extend(self.settings.iter().cloned());
        settings
    }
}

/// How a server is asked to stop, in the words of `pg_ctl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShutdownMode {
    /// Wait until the last session ends, for ten seconds; then as [`ShutdownMode::Fast`].
    Smart,
    /// End all sessions, write a checkpoint, exit.
    Fast,
    /// Exit at once; the next start recovers from the write-ahead log. This is how a crash looks to a client.
    Immediate,
}

/// Why there is no throw-away server, or no longer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScratchError {
    /// The supervisor could not be started.
    #[error("cannot start {} as the supervisor of a throw-away PostgreSQL", program.display())]
    Supervisor {
        /// What was to be executed.
        program: PathBuf,
        /// Why it was not.
        source: io::Error,
    },
    /// The supervisor ended, or never spoke.
    #[error(
        "the supervisor of the throw-away PostgreSQL {version} is gone ({how}); \
         is {} the pgassay program?", program.display()
    )]
    Lost {
        /// The version of the server it had.
        version: String,
        /// What was executed.
        program: PathBuf,
        /// How it ended.
        how: String,
    },
    /// `initdb`, the server or the preparation of its directory failed.
    #[error("throw-away PostgreSQL {version}: {reason}{}", indented(log))]
    Failed {
        /// The version of the server concerned.
        version: String,
        /// What did not succeed.
        reason: String,
        /// The last lines that the failing program wrote; may be empty.
        log: String,
    },
    /// A file could not be written, or no random number could be had.
    #[error("throw-away PostgreSQL: {action}")]
    Io {
        /// What was tried.
        action: String,
        /// Why it failed.
        source: io::Error,
    },
}

fn indented(log: &str) -> String {
    if log.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = log.lines().map(|line| format!("\n  | {line}")).collect();
    format!("; the last lines of its output:{}", lines.concat())
}

/// A running throw-away server. Dropping it stops the server and removes its directory.
pub struct Scratch {
    binaries: Binaries,
    program: PathBuf,
    directory: PathBuf,
    password: String,
    tcp: bool,
    state: Mutex<State>,
}

struct State {
    supervisor: Child,
    /// Its end is the order to stop.
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    port: u16,
    postmaster: Option<i32>,
    kept: bool,
}

/// Shows no password.
impl fmt::Debug for Scratch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Scratch")
            .field("binaries", &self.binaries)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

impl Scratch {
    /// Makes a data directory and starts a server on it; returns when the server accepts connections.
    ///
    /// # Errors
    /// When the supervisor cannot be started, or `initdb` or the server fails; the error has the last lines of its log.
    pub fn start(options: Options) -> Result<Self, ScratchError> {
        let scratch = Self::summon(options, None)?;
        scratch.prepare()?;
        scratch.boot()?;
        Ok(scratch)
    }

    /// Starts a streaming standby of this server: its data directory is copied while this server is stopped for a
    /// moment, so all sessions on it end.
    ///
    /// Give it the same installation, and no smaller `max_connections` than the primary has.
    ///
    /// # Errors
    /// As [`Scratch::start`], and when this server does not come back.
    pub fn standby(&self, options: Options) -> Result<Self, ScratchError> {
        let primary = Primary { directory: self.data_directory(), port: self.port() };
        let standby = Self::summon(options, Some(primary))?;
        self.halt(ShutdownMode::Fast)?;
        let copied = standby.prepare();
        self.boot()?;
        copied?;
        standby.boot()?;
        Ok(standby)
    }

    fn summon(options: Options, primary: Option<Primary>) -> Result<Self, ScratchError> {
        let password = random_hex(16).map_err(|source| ScratchError::Io {
            action: "cannot read /dev/urandom for a password".to_owned(),
            source,
        })?;
        let program = match &options.supervisor {
            Some(program) => program.clone(),
            None => std::env::current_exe().map_err(|source| ScratchError::Io {
                action: "cannot tell which program is running".to_owned(),
                source,
            })?,
        };
        let plan = Plan {
            settings: options.all_settings(),
            binaries: options.binaries.directory.clone(),
            parent: options.parent,
            files: options.files,
            password: password.clone(),
            tcp: options.tcp,
            primary,
            start_timeout_ms: u64::try_from(options.start_timeout.as_millis()).unwrap_or(u64::MAX),
        };
        let started = Command::new(&program)
            .arg("__supervise")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A kept server would hold the other end of `pgassay demo | less` open.
            .stderr(Stdio::null())
            .spawn();
        let mut supervisor = match started {
            Ok(supervisor) => supervisor,
            Err(source) => return Err(ScratchError::Supervisor { program, source }),
        };
        let (Some(requests), Some(answers)) = (supervisor.stdin.take(), supervisor.stdout.take()) else {
            return Err(ScratchError::Supervisor { program, source: io::Error::from(io::ErrorKind::BrokenPipe) });
        };
        let mut scratch = Self {
            binaries: options.binaries,
            program,
            directory: PathBuf::new(),
            password,
            tcp: options.tcp,
            state: Mutex::new(State {
                supervisor,
                requests: Some(requests),
                answers: BufReader::new(answers),
                port: 0,
                postmaster: None,
                kept: false,
            }),
        };
        let said = scratch.say(&mut scratch.state(), &plan)?;
        match said {
            Answer::Directory { path } => scratch.directory = path,
            other => return Err(scratch.unexpected(other)),
        }
        Ok(scratch)
    }

    fn prepare(&self) -> Result<(), ScratchError> {
        match self.say(&mut self.state(), &Request::Prepare)? {
            Answer::Prepared => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    /// Starts the server again after [`Scratch::halt`]; returns when it accepts connections. With [`Options::tcp`] the
    /// port may be another one than before.
    ///
    /// # Errors
    /// When the server does not start, or runs already.
    pub fn boot(&self) -> Result<(), ScratchError> {
        let mut state = self.state();
        match self.say(&mut state, &Request::Boot)? {
            Answer::Ready { port, postmaster } => {
                state.port = port;
                state.postmaster = Some(postmaster);
                Ok(())
            }
            other => Err(self.unexpected(other)),
        }
    }

    /// Stops the server and keeps its directory for [`Scratch::boot`]. A server that does not obey is killed.
    ///
    /// # Errors
    /// Only when the supervisor is gone.
    pub fn halt(&self, mode: ShutdownMode) -> Result<(), ScratchError> {
        let mut state = self.state();
        match self.say(&mut state, &Request::Halt(mode))? {
            Answer::Halted => {
                state.postmaster = None;
                Ok(())
            }
            other => Err(self.unexpected(other)),
        }
    }

    /// Stops the server in the given manner and starts it again.
    ///
    /// # Errors
    /// When it does not start again.
    pub fn restart(&self, mode: ShutdownMode) -> Result<(), ScratchError> {
        self.halt(mode)?;
        self.boot()
    }

    /// Stops the server, removes its directory, and waits until both are done.
    ///
    /// # Errors
    /// When the directory could not be removed.
    pub fn stop(mut self) -> Result<(), ScratchError> {
        self.finish();
        if self.directory.exists() {
            return Err(ScratchError::Io {
                action: format!("cannot remove {}", self.directory.display()),
                source: io::Error::from(io::ErrorKind::DirectoryNotEmpty),
            });
        }
        Ok(())
    }

    /// Lets the server outlive this process. Its supervisor stays with it, and removes the directory when somebody
    /// stops the server: `kill` with the process id of [`Scratch::postmaster_pid`], or `pg_ctl stop`.
    ///
    /// # Errors
    /// Only when the supervisor is gone.
    pub fn keep(self) -> Result<(), ScratchError> {
        let mut state = self.state();
        match self.say(&mut state, &Request::Keep)? {
            Answer::Kept => {
                state.kept = true;
                Ok(())
            }
            other => Err(self.unexpected(other)),
        }
    }

    /// The installation it runs.
    #[must_use]
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// A URI for a database, as the superuser, through the socket. It holds no secret.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.url_as(SUPERUSER, database)
    }

    /// A URI for a database, as any role, through the socket; the server trusts the name.
    #[must_use]
    pub fn url_as(&self, role: &str, database: &str) -> String {
        format!(
            "postgresql:///{}?host={}&port={}&user={}",
            escape(database),
            escape_path(&self.directory.to_string_lossy()),
            self.port(),
            escape(role)
        )
    }

    /// A URI for a database, as the superuser, through 127.0.0.1, with the password in it; `None` without
    /// [`Options::tcp`].
    #[must_use]
    pub fn tcp_url(&self, database: &str) -> Option<String> {
        self.tcp.then(|| {
            format!("postgresql://{SUPERUSER}:{}@127.0.0.1:{}/{}", self.password, self.port(), escape(database))
        })
    }

    /// The superuser's password, which only connections through 127.0.0.1 are asked for.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The port in the socket's name, and on 127.0.0.1 with [`Options::tcp`]; 0 before the first start.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.state().port
    }

    /// The private directory of this server; the socket is in it, the data directory and the log below it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The data directory.
    #[must_use]
    pub fn data_directory(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Where the server's standard error goes.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    /// The process id of the server, `None` while it is halted.
    #[must_use]
    pub fn postmaster_pid(&self) -> Option<i32> {
        self.state().postmaster
    }

    /// The process id of the supervisor.
    #[must_use]
    pub fn supervisor_pid(&self) -> u32 {
        self.state().supervisor.id()
    }

    /// Writes a file into the data directory that only the server's user can read, and returns its path; the server
    /// sees it after a reload or a restart, as the file requires.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_file(&self, name: &str, content: &str) -> Result<PathBuf, ScratchError> {
        let path = self.data_directory().join(name);
        supervisor::place(&path, content, account::to_drop_to())
            .map_err(|source| ScratchError::Io { action: format!("cannot write {}", path.display()), source })?;
        Ok(path)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What is inside stays true when a thread panics while it holds it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, state: &mut State, message: &impl Serialize) -> Result<Answer, ScratchError> {
        let sent = match (&mut state.requests, serde_json::to_string(message)) {
            (Some(requests), Ok(mut line)) => {
                line.push('\n');
                requests.write_all(line.as_bytes()).is_ok()
            }
            _ => false,
        };
        let mut line = String::new();
        if sent
            && state.answers.read_line(&mut line).is_ok()
            && let Ok(answer) = serde_json::from_str(&line)
        {
            return Ok(answer);
        }
        // Without its input it ends by itself, so that waiting for it does.
        state.requests = None;
        let how = state.supervisor.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        Err(ScratchError::Lost { version: self.binaries.version.clone(), program: self.program.clone(), how })
    }

    fn unexpected(&self, answer: Answer) -> ScratchError {
        let failure = match answer {
            Answer::Failed(failure) => failure,
            other => Failure { reason: format!("the supervisor answered {other:?} out of turn"), log: String::new() },
        };
        ScratchError::Failed { version: self.binaries.version.clone(), reason: failure.reason, log: failure.log }
    }

    fn finish(&mut self) {
        let directory = self.directory.clone();
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.requests = None;
        if state.kept {
            return;
        }
        let ended = state.supervisor.wait();
        // A supervisor that was killed has cleaned nothing up.
        let killed = ended.is_ok_and(|status| status.signal().is_some());
        if killed && directory.is_absolute() {
            end_orphan(&directory.join("data"));
            let _ = fs::remove_dir_all(&directory);
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Stops a server whose supervisor is gone, as the kernel has already done on Linux.
fn end_orphan(data: &Path) {
    let alive = |pid: Pid| test_kill_process(pid).is_ok();
    for signal in [Signal::QUIT, Signal::KILL] {
        let Some(pid) = supervisor::postmaster_of(data).filter(|pid| alive(*pid)) else {
            return;
        };
        let _ = kill_process(pid, signal);
        for _ in 0..300 {
            if !alive(pid) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// That many random bytes from the operating system, in hexadecimal.
fn random_hex(bytes: usize) -> io::Result<String> {
    let mut random = vec![0; bytes];
    fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    let mut text = String::with_capacity(2 * bytes);
    for byte in random {
        push_hex(&mut text, byte);
    }
    Ok(text)
}

fn push_hex(text: &mut String, byte: u8) {
    for digit in [byte >> 4, byte & 15] {
        text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
    }
}

/// Percent-encodes a part of a URI.
fn escape(text: &str) -> String {
    escape_except(text, b"-._~")
}

/// The same for a path in a query string, where a slash needs no escape and reads better without one.
fn escape_path(text: &str) -> String {
    escape_except(text, b"-._~/")
}

fn escape_except(text: &str, plain: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            push_hex(&mut escaped, byte);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_uri() {
        assert_eq!(escape("t_1"), "t_1");
        assert_eq!(escape("a b/ü?"), "a%20b%2f%c3%bc%3f");
        assert_eq!(escape_path("/tmp/a b"), "/tmp/a%20b");
    }

    #[test]
    fn a_missing_library_is_not_preloaded_and_the_users_list_wins() {
        let options = Options::new(Binaries {
            directory: PathBuf::from("/nonexistent/bin"),
            major: 17,
            version: "17.0".to_owned(),
        })
        .set("shared_preload_libraries", "mine");
        let settings = options.all_settings();
        assert_eq!(settings[0].1, "");
        assert_eq!(settings[1].1, "mine");
    }

    #[test]
    fn a_failure_shows_the_log() {
        let error = ScratchError::Failed {
            version: "17.0".to_owned(),
            reason: "the server did not start".to_owned(),
            log: "FATAL: one\nFATAL: two".to_owned(),
        };
        assert_eq!(
            error.to_string(),
            "throw-away PostgreSQL 17.0: the server did not start; the last lines of its output:\
             \n  | FATAL: one\n  | FATAL: two"
        );
    }

    #[test]
    fn random_numbers_differ() {
        let (first, second) = (random_hex(16), random_hex(16));
        let (first, second) = (first.expect("random"), second.expect("random"));
        assert_eq!(first.len(), 32);
        assert_ne!(first, second);
    }
}
