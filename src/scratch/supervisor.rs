//! The process that owns a throw-away server: it makes the directory, starts the server, and undoes both.
//!
//! It outlives the process that asked for the server by exactly as long as cleaning up takes. The order to stop is the
//! end of its standard input, because that is the one message a process killed with `kill -9` still sends. It is the
//! leader of its own session, so neither Ctrl-C nor a closed terminal reaches it; a termination signal sent to it in
//! person stops the server too. Should it be killed itself, then on Linux the kernel stops the server (the death signal
//! that [`launch`] asks for), and the directory is removed by the process that asked for it, or, when that is gone as
//! well, by the next supervisor that starts ([`sweep`]).

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};

use super::account::{self, Account};
use super::protocol::{Answer, Failure, Plan, Request};
use super::{SUPERUSER, ShutdownMode, random_hex};

/// Every directory of ours begins so; [`sweep`] looks at nothing else.
const PREFIX: &str = "pgassay-";
/// Held locked by the supervisor as long as it lives.
const LOCK: &str = "supervisor.lock";
const SERVER_LOG: &str = "server.log";
const INITDB_LOG: &str = "initdb.log";
/// The settings of this server, included at the end of `postgresql.conf`.
const SETTINGS: &str = "pgassay.conf";
/// A socket needs a number in its name; the directory is private, so it can always be the same.
const SOCKET_PORT: u16 = 5432;
/// `sun_path` has 108 bytes on Linux and 104 on macOS and the BSDs, one of them for the end.
const LONGEST_SOCKET: usize = 103;

const TICK: Duration = Duration::from_millis(10);
const IDLE_TICK: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(10);

/// The hidden verb of the program, `__supervise`: runs a throw-away server for the process at the other end of standard
/// input and output, until that input ends. `arguments` are those after the verb.
///
/// Not for people: what it reads and writes is private to this module and changes with it.
#[must_use]
pub fn supervise(arguments: &[OsString]) -> ExitCode {
    match arguments.split_first() {
        Some((first, rest)) if first == "launch" => launch(rest),
        Some(_) => ExitCode::from(2),
        None => run(),
    }
}

/// Becomes the server's user, asks to be stopped when the supervisor dies, and turns into the program.
///
/// `arguments`: process id of the supervisor, user id or `-`, group id or `-`, program, its arguments. A process of its
/// own, because the kernel forgets the death signal when the user changes, and `exec` keeps it: both must happen, in
/// this order, between fork and exec, and safe Rust runs no code there.
fn launch(arguments: &[OsString]) -> ExitCode {
    let [supervisor, uid, gid, program, arguments @ ..] = arguments else {
        return ExitCode::from(2);
    };
    let error = match become_user(uid, gid).and_then(|()| follow(supervisor)) {
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error,
    };
    let message = format!("cannot start {}: {error}", program.display());
    let _ = writeln!(io::stderr(), "{message}");
    ExitCode::from(126)
}

#[cfg(target_os = "linux")]
fn become_user(uid: &OsStr, gid: &OsStr) -> io::Result<()> {
    use rustix::process::{Gid, Uid};
    use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};
    let (Some(uid), Some(gid)) = (number(uid), number(gid)) else {
        return Ok(());
    };
    // This process has one thread, so the thread's identity is the process's.
    set_thread_groups(&[])?;
    set_thread_gid(Gid::from_raw(gid))?;
    set_thread_uid(Uid::from_raw(uid))?;
    Ok(())
}

#[cfg(target_os = "linux")]
fn follow(supervisor: &OsStr) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::QUIT))?;
    let parent = rustix::process::getppid().and_then(|pid| u32::try_from(pid.as_raw_pid()).ok());
    if parent != number(supervisor) {
        return Err(io::Error::other("its supervisor is gone"));
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn number(text: &OsStr) -> Option<u32> {
    text.to_str()?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
fn become_user(_uid: &OsStr, _gid: &OsStr) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

#[cfg(not(target_os = "linux"))]
fn follow(_supervisor: &OsStr) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// What wakes the supervisor.
enum Event {
    Plan(Box<Plan>),
    Request(Request),
    /// The process at the other end is gone, or wants no more.
    Closed,
    /// Somebody sent this process a signal to end.
    Signalled,
}

fn run() -> ExitCode {
    // Fails only for the leader of a process group, who has already left the group of the terminal.
    let _ = rustix::process::setsid();
    let (sender, events) = channel();
    watch_signals(sender.clone());
    watch_input(sender);
    let Ok(Event::Plan(plan)) = events.recv() else {
        return ExitCode::from(2);
    };
    let mut supervisor = match Supervisor::new(*plan, events) {
        Ok(supervisor) => supervisor,
        Err(failure) => {
            answer(&Answer::Failed(failure));
            return ExitCode::FAILURE;
        }
    };
    answer(&Answer::Directory { path: supervisor.base.clone() });
    supervisor.serve();
    ExitCode::SUCCESS
}

fn watch_input(events: Sender<Event>) {
    std::thread::spawn(move || {
        let mut lines = io::stdin().lock().lines().map_while(Result::ok);
        let plan = lines.next().and_then(|line| serde_json::from_str(&line).ok());
        if let Some(plan) = plan {
            let _ = events.send(Event::Plan(Box::new(plan)));
            for line in lines {
                let Ok(request) = serde_json::from_str(&line) else {
                    break;
                };
                let _ = events.send(Event::Request(request));
            }
        }
        let _ = events.send(Event::Closed);
    });
}

fn watch_signals(events: Sender<Event>) {
    use tokio::signal::unix::{SignalKind, signal};
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return;
        };
        runtime.block_on(async {
            let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) =
                (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()))
            else {
                return;
            };
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                    _ = hangup.recv() => {}
                }
                if events.send(Event::Signalled).is_err() {
                    return;
                }
            }
        });
    });
}

/// Nobody may be listening any more, which the end of the input says as well.
fn answer(answer: &Answer) {
    if let Ok(mut line) = serde_json::to_string(answer) {
        line.push('\n');
        let mut output = io::stdout().lock();
        let _ = output.write_all(line.as_bytes());
        let _ = output.flush();
    }
}

/// Why a step ended before its time.
enum Stop {
    Failed(Failure),
    /// The order to stop came while it was under way.
    Over,
}

impl Stop {
    fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(Failure { reason: reason.into(), log: String::new() })
    }

    fn io(action: &str, path: &Path, error: &io::Error) -> Self {
        Self::failed(format!("cannot {action} {}: {error}", path.display()))
    }
}

struct Supervisor {
    plan: Plan,
    account: Option<Account>,
    base: PathBuf,
    data: PathBuf,
    events: Receiver<Event>,
    server: Option<Child>,
    kept: bool,
    over: bool,
    _lock: File,
}

impl Supervisor {
    fn new(plan: Plan, events: Receiver<Event>) -> Result<Self, Failure> {
        let account = account::to_drop_to();
        if account.is_some()
            && let Some(closed) = account::first_closed(&plan.binaries)
        {
            return Err(Failure {
                reason: format!(
                    "{} is closed to other users, and PostgreSQL in {} cannot run as root; \
                     open it (chmod o+x) or install the server elsewhere",
                    closed.display(),
                    plan.binaries.display()
                ),
                log: String::new(),
            });
        }
        let (base, lock) = make_directory(plan.parent.as_deref(), account)?;
        Ok(Self {
            data: base.join("data"),
            plan,
            account,
            base,
            events,
            server: None,
            kept: false,
            over: false,
            _lock: lock,
        })
    }

    fn serve(&mut self) {
        while !self.over {
            let request = match self.events.recv_timeout(IDLE_TICK) {
                Ok(Event::Request(request)) => request,
                Ok(event) => {
                    self.note(&event);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    // A kept server has nobody else to ask for its end: when its user stops it, all is done.
                    if !self.running() && self.kept {
                        return;
                    }
                    continue;
                }
            };
            let step = match request {
                Request::Prepare => self.prepare().map(|()| Answer::Prepared),
                Request::Boot => self.boot(),
                Request::Halt(mode) => {
                    self.halt(mode);
                    Ok(Answer::Halted)
                }
                Request::Keep => {
                    self.kept = true;
                    Ok(Answer::Kept)
                }
            };
            match step {
                Ok(done) => answer(&done),
                Err(Stop::Failed(failure)) => answer(&Answer::Failed(failure)),
                Err(Stop::Over) => return,
            }
        }
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Closed => self.over |= !self.kept,
            Event::Signalled => self.over = true,
            Event::Plan(_) | Event::Request(_) => {}
        }
    }

    /// Whether to give up what is under way. The other side waits for an answer, so no request can be lost here.
    fn interrupted(&mut self) -> bool {
        while let Ok(event) = self.events.try_recv() {
            self.note(&event);
        }
        self.over
    }

    fn running(&mut self) -> bool {
        match self.server.as_mut().map(Child::try_wait) {
            Some(Ok(None)) => true,
            Some(_) => {
                self.server = None;
                false
            }
            None => false,
        }
    }

    // ------------------------------------------------------------------------------------------------ the directory

    fn prepare(&mut self) -> Result<(), Stop> {
        if let Some(primary) = &self.plan.primary {
            let source = primary.directory.clone();
            self.copy(&source)?;
        } else {
            self.initialise()?;
        }
        let configuration = self.data.join("postgresql.conf");
        let mut text = fs::read_to_string(&configuration).map_err(|error| Stop::io("read", &configuration, &error))?;
        let include = format!("include '{SETTINGS}'\n");
        if !text.ends_with(&include) {
            text.push_str(&include);
            self.place("postgresql.conf", &text)?;
        }
        if self.plan.primary.is_some() {
            self.place("standby.signal", "")?;
        }
        let files = std::mem::take(&mut self.plan.files);
        for (name, text) in &files {
            self.place(name, text)?;
        }
        Ok(())
    }

    fn initialise(&mut self) -> Result<(), Stop> {
        let password = self.base.join("password");
        place(&password, &self.plan.password, self.account).map_err(|error| Stop::io("write", &password, &error))?;
        let mut outcome = Ok(());
        // C.UTF-8 sorts alike everywhere and knows upper and lower case; where it does not exist, C sorts the same.
        for locale in ["C.UTF-8", "C"] {
            let mut arguments: Vec<OsString> = [
                "--no-sync",
                "--no-instructions",
                "--encoding=UTF8",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
            ]
            .map(OsString::from)
            .to_vec();
            arguments.push(format!("--username={SUPERUSER}").into());
            arguments.push(format!("--locale={locale}").into());
            arguments.push("--pwfile".into());
            arguments.push(password.clone().into());
            arguments.push("--pgdata".into());
            arguments.push(self.data.clone().into());
            outcome = self.run_to_end("initdb", &self.plan.binaries.join("initdb"), &arguments);
            match &outcome {
                Err(Stop::Failed(failure)) if failure.log.contains("locale") => {}
                _ => break,
            }
        }
        let _ = fs::remove_file(&password);
        outcome
    }

    /// A stopped server's data directory is a base backup.
    fn copy(&mut self, source: &Path) -> Result<(), Stop> {
        let arguments =
            [OsStr::new("-R"), OsStr::new("-p"), source.as_os_str(), self.data.as_os_str()].map(OsStr::to_owned);
        self.run_to_end("copy of the primary", Path::new("cp"), &arguments)
    }

    fn run_to_end(&mut self, what: &str, program: &Path, arguments: &[OsString]) -> Result<(), Stop> {
        let (log, _) = self.open_log(INITDB_LOG)?;
        let offset = log.metadata().map_or(0, |found| found.len());
        let mut child =
            self.command(program, arguments, log).spawn().map_err(|error| Stop::io("run", program, &error))?;
        let deadline = Instant::now() + Duration::from_millis(self.plan.start_timeout_ms);
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => {
                    return Err(Stop::Failed(Failure {
                        reason: format!("{what} failed ({status})"),
                        log: self.tail(INITDB_LOG, offset),
                    }));
                }
                Ok(None) if self.interrupted() => {
                    kill_tree(&mut child);
                    return Err(Stop::Over);
                }
                Ok(None) if Instant::now() > deadline => {
                    kill_tree(&mut child);
                    return Err(Stop::Failed(Failure {
                        reason: format!("{what} did not finish within {} ms", self.plan.start_timeout_ms),
                        log: self.tail(INITDB_LOG, offset),
                    }));
                }
                Ok(None) => std::thread::sleep(TICK),
                Err(error) => return Err(Stop::io("wait for", program, &error)),
            }
        }
    }

    fn place(&self, name: &str, text: &str) -> Result<(), Stop> {
        let path = self.data.join(name);
        place(&path, text, self.account).map_err(|error| Stop::io("write", &path, &error))
    }

    // --------------------------------------------------------------------------------------------------- the server

    fn boot(&mut self) -> Result<Answer, Stop> {
        if self.running() {
            return Err(Stop::failed("the server is running already"));
        }
        // The port is free when it is chosen, and may be taken when the server wants it.
        let mut attempts = 5;
        loop {
            let port = if self.plan.tcp {
                free_port().map_err(|error| Stop::failed(format!("no free port on 127.0.0.1: {error}")))?
            } else {
                SOCKET_PORT
            };
            self.place(SETTINGS, &self.settings(port)?)?;
            match self.start(port) {
                Err(Stop::Failed(failure))
                    if attempts > 1 && self.plan.tcp && failure.log.contains("Address already in use") =>
                {
                    attempts -= 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn settings(&self, port: u16) -> Result<String, Stop> {
        let socket = self.base.to_string_lossy();
        let defaults = [
            // Nothing here has to survive a power failure.
            ("fsync", "off"),
            ("full_page_writes", "off"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
        ];
        let port = port.to_string();
        let addresses = if self.plan.tcp { "127.0.0.1" } else { "" };
        // Last, so that they win: the way in is what this module promises.
        let fixed = [
            ("port", port.as_str()),
            ("listen_addresses", addresses),
            ("unix_socket_directories", &socket),
            ("unix_socket_permissions", "0700"),
        ];
        let following = self.plan.primary.as_ref().map(|primary| {
            let host = primary.directory.parent().unwrap_or(&primary.directory);
            (
                "primary_conninfo",
                format!(
                    "host={} port={} user={SUPERUSER} application_name={}",
                    host.display(),
                    primary.port,
                    self.base.file_name().map_or_else(|| "standby".into(), OsStr::to_string_lossy)
                ),
            )
        });
        let all = defaults
            .into_iter()
            .chain(following.iter().map(|(name, value)| (*name, value.as_str())))
            .chain(self.plan.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            .chain(fixed);
        let mut text = String::new();
        for (name, value) in all {
            text.push_str(
                &setting(name, value)
                    .ok_or_else(|| Stop::failed(format!("\"{name}\" is not the name of a setting")))?,
            );
        }
        Ok(text)
    }

    fn start(&mut self, port: u16) -> Result<Answer, Stop> {
        let program = self.plan.binaries.join("postgres");
        let (log, offset) = self.open_log(SERVER_LOG)?;
        let arguments = [OsString::from("-D"), self.data.clone().into_os_string()];
        let child =
            self.command(&program, &arguments, log).spawn().map_err(|error| Stop::io("run", &program, &error))?;
        let postmaster = i32::try_from(child.id()).unwrap_or(0);
        self.server = Some(child);
        let deadline = Instant::now() + Duration::from_millis(self.plan.start_timeout_ms);
        loop {
            if self.accepts(postmaster) {
                return Ok(Answer::Ready { port, postmaster });
            }
            if !self.running() {
                return Err(Stop::Failed(Failure {
                    reason: "the server did not start".to_owned(),
                    log: self.tail(SERVER_LOG, offset),
                }));
            }
            if self.interrupted() {
                return Err(Stop::Over);
            }
            if Instant::now() > deadline {
                self.halt(ShutdownMode::Immediate);
                return Err(Stop::Failed(Failure {
                    reason: format!("the server was not ready after {} ms", self.plan.start_timeout_ms),
                    log: self.tail(SERVER_LOG, offset),
                }));
            }
            std::thread::sleep(TICK);
        }
    }

    /// The server keeps its state in line 8 of its lock file, padded with spaces; that is what `pg_ctl` waits for too.
    fn accepts(&self, postmaster: i32) -> bool {
        let Ok(text) = fs::read_to_string(self.data.join("postmaster.pid")) else {
            return false;
        };
        is_ready(&text, postmaster)
    }

    fn halt(&mut self, mode: ShutdownMode) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        let firm = [Signal::INT, Signal::QUIT, Signal::KILL];
        let signals = match mode {
            ShutdownMode::Smart => [&[Signal::TERM], &firm[..]].concat(),
            ShutdownMode::Fast => firm.to_vec(),
            ShutdownMode::Immediate => firm[1..].to_vec(),
        };
        for signal in signals {
            if let Some(pid) = pid_of(&server) {
                let _ =
                    if signal == Signal::KILL { kill_process_group(pid, signal) } else { kill_process(pid, signal) };
            }
            if wait(&mut server, PATIENCE).is_some() {
                return;
            }
        }
    }

    // --------------------------------------------------------------------------------------------------- small parts

    /// A program as the server's user, in a process group of its own so that all of it can be killed.
    fn command(&self, program: &Path, arguments: &[OsString], log: File) -> Command {
        let mut command;
        if cfg!(target_os = "linux") {
            // The file this process runs from, even when it was replaced on disk since.
            command = Command::new("/proc/self/exe");
            command.args(["__supervise", "launch"]);
            command.arg(std::process::id().to_string());
            match self.account {
                Some(Account { uid, gid }) => command.args([uid.to_string(), gid.to_string()]),
                None => command.args(["-", "-"]),
            };
            command.arg(program);
        } else {
            command = Command::new(program);
            if let Some(Account { uid, gid }) = self.account {
                // The standard library drops supplementary groups when root sets another user.
                command.uid(uid).gid(gid);
            }
        }
        command.args(arguments);
        for (name, _) in std::env::vars_os() {
            if shapes_a_server(&name) {
                command.env_remove(name);
            }
        }
        command.env("HOME", &self.base).current_dir(&self.base).process_group(0).stdin(Stdio::null());
        match log.try_clone() {
            Ok(copy) => command.stdout(copy).stderr(log),
            Err(_) => command.stdout(Stdio::null()).stderr(log),
        };
        command
    }

    /// A log file opened for appending, and how long it is already.
    fn open_log(&self, name: &str) -> Result<(File, u64), Stop> {
        let path = self.base.join(name);
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| Stop::io("write", &path, &error))?;
        let length = log.metadata().map_or(0, |found| found.len());
        Ok((log, length))
    }

    fn tail(&self, name: &str, offset: u64) -> String {
        let mut bytes = Vec::new();
        if let Ok(mut file) = File::open(self.base.join(name))
            && file.seek(SeekFrom::Start(offset)).is_ok()
        {
            let _ = file.read_to_end(&mut bytes);
        }
        last_lines(&String::from_utf8_lossy(&bytes), 12)
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.halt(ShutdownMode::Fast);
        // A backend of a killed postmaster may still be writing for a moment.
        for _ in 0..100 {
            match fs::remove_dir_all(&self.base) {
                Ok(()) => return,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                Err(_) => std::thread::sleep(TICK),
            }
        }
    }
}

/// Variables by which a user's shell would change what the server is: where it looks, how it sorts, what time it is.
fn shapes_a_server(name: &OsStr) -> bool {
    name.to_str()
        .is_some_and(|name| name.starts_with("PG") || name.starts_with("LC_") || name == "LANG" || name == "TZ")
}

/// `name = 'value'`, as `postgresql.conf` reads it; `None` when `name` cannot be a setting.
fn setting(name: &str, value: &str) -> Option<String> {
    let plain = |character: char| character.is_ascii_alphanumeric() || "_.".contains(character);
    if name.is_empty() || !name.chars().all(plain) {
        return None;
    }
    let mut quoted = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\'' => quoted.push_str("''"),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\0' => return None,
            other => quoted.push(other),
        }
    }
    Some(format!("{name} = '{quoted}'\n"))
}

fn is_ready(lock_file: &str, postmaster: i32) -> bool {
    let mut lines = lock_file.lines();
    lines.next().and_then(|line| line.trim().parse().ok()) == Some(postmaster)
        && matches!(lines.nth(6).map(str::trim), Some("ready" | "standby"))
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

fn wait(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + patience;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() > deadline {
            return None;
        }
        std::thread::sleep(TICK);
    }
}

fn kill_tree(child: &mut Child) {
    if let Some(pid) = pid_of(child) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
    let _ = child.wait();
}

/// Writes a file that only the server's user can read.
pub(super) fn place(path: &Path, text: &str, account: Option<Account>) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    if let Some(Account { uid, gid }) = account {
        chown(path, Some(uid), Some(gid))?;
    }
    Ok(())
}

fn make_directory(chosen: Option<&Path>, account: Option<Account>) -> Result<(PathBuf, File), Failure> {
    let parents = match chosen {
        Some(parent) => vec![parent.to_owned()],
        None => vec![std::env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")],
    };
    let mut refused = Vec::new();
    for parent in parents {
        sweep(&parent, account);
        match make_directory_in(&parent, account) {
            Ok(made) => return Ok(made),
            Err(error) => refused.push(format!("{}: {error}", parent.display())),
        }
    }
    refused.dedup();
    Err(Failure {
        reason: format!(
            "no directory for a throw-away server ({}); {}",
            refused.join("; "),
            if chosen.is_some() {
                "choose another"
            } else {
                "set TMPDIR to a short path that other users may pass through"
            }
        ),
        log: String::new(),
    })
}

fn make_directory_in(parent: &Path, account: Option<Account>) -> io::Result<(PathBuf, File)> {
    if account.is_some()
        && let Some(closed) = account::first_closed(parent)
    {
        return Err(io::Error::other(format!("{} is closed to other users", closed.display())));
    }
    let base = parent.canonicalize()?.join(format!("{PREFIX}{}", random_hex(5)?));
    let socket = base.join(".s.PGSQL.65535");
    if socket.as_os_str().len() > LONGEST_SOCKET {
        return Err(io::Error::other("too long a path for a socket"));
    }
    fs::DirBuilder::new().mode(0o700).create(&base)?;
    let made = (|| {
        let lock = File::create(base.join(LOCK))?;
        lock.lock()?;
        if let Some(Account { uid, gid }) = account {
            chown(&base, Some(uid), Some(gid))?;
        }
        Ok(lock)
    })();
    match made {
        Ok(lock) => Ok((base, lock)),
        Err(error) => {
            let _ = fs::remove_dir_all(&base);
            Err(error)
        }
    }
}

/// Removes what supervisors left behind that were killed themselves: directories of ours whose lock nobody holds.
fn sweep(parent: &Path, account: Option<Account>) {
    let me = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok) {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        // `DirEntry::metadata` does not follow links.
        let Ok(found) = entry.metadata() else {
            continue;
        };
        let owned = found.uid() == me || account.is_some_and(|account| found.uid() == account.uid);
        if ours && owned && found.is_dir() && is_old(&found) && is_abandoned(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Between the directory and its lock there is a moment in which it looks abandoned.
fn is_old(found: &fs::Metadata) -> bool {
    found
        .modified()
        .ok()
        .and_then(|changed| SystemTime::now().duration_since(changed).ok())
        .is_some_and(|age| age > Duration::from_secs(60))
}

fn is_abandoned(base: &Path) -> bool {
    let path = base.join(LOCK);
    let is_file = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
    let free = is_file && File::open(&path).is_ok_and(|lock| lock.try_lock().is_ok());
    let dead = |pid| test_kill_process(pid).is_err();
    free && postmaster_of(&base.join("data")).is_none_or(dead)
}

/// The process id in the lock file of a data directory, whether that process lives or not.
pub(super) fn postmaster_of(data: &Path) -> Option<Pid> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    text.lines().next()?.trim().parse().ok().and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_quoted_as_the_server_reads_them() {
        assert_eq!(setting("port", "5432").as_deref(), Some("port = '5432'\n"));
        assert_eq!(
            setting("auto_explain.log_min_duration", "it's\\a\nb").as_deref(),
            Some("auto_explain.log_min_duration = 'it''s\\\\a\\nb'\n")
        );
        for name in ["", "a b", "a='1'\nport", "ä"] {
            assert_eq!(setting(name, "1"), None, "{name}");
        }
        assert_eq!(setting("port", "\0"), None);
    }

    #[test]
    fn ready_is_line_eight_of_the_right_process() {
        let text = "42\n/data\n1700000000\n5432\n/socket\n127.0.0.1\n  1 2\nready   \n";
        assert!(is_ready(text, 42));
        assert!(!is_ready(text, 43));
        assert!(!is_ready(&text.replace("ready   ", "starting"), 42));
        assert!(!is_ready("42\n", 42));
        assert!(!is_ready("", 42));
    }

    #[test]
    fn the_end_of_a_log() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a\n", 2), "a");
        assert_eq!(last_lines("", 2), "");
    }

    #[test]
    fn only_what_changes_a_server_is_taken_from_it() {
        for name in ["PGDATA", "PGOPTIONS", "LC_ALL", "LANG", "TZ"] {
            assert!(shapes_a_server(OsStr::new(name)), "{name}");
        }
        for name in ["PATH", "LD_LIBRARY_PATH", "HOME", "LANGUAGE_X"] {
            assert!(!shapes_a_server(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_directory_in_use_is_not_abandoned() {
        let base = std::env::temp_dir().join(format!("pgassay-test-{}", random_hex(5).expect("random")));
        fs::create_dir(&base).expect("a directory");
        assert!(!is_abandoned(&base), "without a lock file it is not ours");
        let lock = File::create(base.join(LOCK)).expect("a lock file");
        lock.lock().expect("the lock");
        assert!(!is_abandoned(&base));
        drop(lock);
        assert!(is_abandoned(&base));
        fs::create_dir(base.join("data")).expect("a directory");
        fs::write(base.join("data/postmaster.pid"), format!("{}\n", std::process::id())).expect("a pid file");
        assert!(!is_abandoned(&base), "its server lives");
        fs::remove_dir_all(&base).expect("removal");
    }
}
