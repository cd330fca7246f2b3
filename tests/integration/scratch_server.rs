//! The throw-away server itself: it starts, it can be had back, and it is gone afterwards whatever happens.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pgassay::scratch::{Binaries, Options, Scratch, ScratchError, ShutdownMode};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::harness::{self, PGASSAY, connect, each_major, eventually, majors, options};

fn newest() -> u16 {
    *majors().iter().max().unwrap()
}

fn start(options: Options) -> Scratch {
    Scratch::start(options).unwrap_or_else(|error| panic!("{error}"))
}

fn pid(number: i64) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap()).unwrap()
}

fn lives(pid: Pid) -> bool {
    test_kill_process(pid).is_ok()
}

#[test]
fn every_major_starts_and_loads_what_an_audit_uses() {
    each_major(|server| {
        let database = server.database();
        let session = database.connect();
        let version: u32 = session.value("select current_setting('server_version_num')").parse().unwrap();
        assert_eq!(version / 10_000, u32::from(server.major));
        assert_eq!(session.value("show server_encoding"), "UTF8");
        assert_eq!(session.value("show timezone"), "UTC");
        session.execute("create extension pg_stat_statements; create extension pgstattuple");
        session.execute("create table t (id int primary key); insert into t select generate_series(1, 1000)");
        let size: i64 = session.value("select index_size from pgstatindex('t_pkey')").parse().unwrap();
        assert!(size > 0);
        assert_ne!(session.value("select count(*) from pg_stat_statements"), "0");
        assert_eq!(session.value("show auto_explain.log_min_duration"), "-1");
    });
}

#[test]
fn roles_and_databases_of_the_harness() {
    each_major(|server| {
        let (first, second) = (server.database(), server.database());
        assert_ne!(first.name, second.name);
        first.execute("create table only_here ()");
        assert_eq!(second.connect().value("select to_regclass('only_here') is null"), "t");
        for (role, monitors) in [("monitor", "t"), ("nobody", "f")] {
            let session = connect(&first.url_as(role));
            assert_eq!(session.value("select current_user"), role);
            assert_eq!(session.value("select pg_has_role('pg_monitor', 'member')"), monitors);
            assert_eq!(session.value("show is_superuser"), "off");
        }
        let name = first.name.clone();
        drop(first);
        assert_eq!(second.connect().value(&format!("select count(*) from pg_database where datname = '{name}'")), "0");
    });
}

#[test]
fn the_directory_is_private_and_the_server_is_not_root() {
    let server = harness::server(newest());
    let directory = fs::metadata(server.directory()).unwrap();
    assert_eq!(directory.permissions().mode() & 0o777, 0o700);
    let data = fs::metadata(server.data_directory()).unwrap();
    assert_ne!(data.uid(), 0);
    if cfg!(target_os = "linux") {
        let process = format!("/proc/{}", server.postmaster_pid().unwrap());
        let status = fs::read_to_string(format!("{process}/status")).unwrap();
        let field = |name: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::split_whitespace)
                .map(|words| words.map(str::to_owned).collect::<Vec<_>>())
                .unwrap()
        };
        let user = data.uid().to_string();
        assert!(field("Uid:").iter().all(|uid| *uid == user), "{status}");
        let mine = rustix::process::geteuid();
        if mine.is_root() {
            assert_eq!(field("Groups:"), Vec::<String>::new());
        }
    }
    let socket = server.directory().join(format!(".s.PGSQL.{}", server.port()));
    assert!(socket.exists());
    assert!(socket.as_os_str().len() < 104);
}

#[test]
fn stop_and_drop_leave_nothing() {
    for explicitly in [true, false] {
        let scratch = start(options(newest()));
        let directory = scratch.directory().to_owned();
        let postmaster = pid(scratch.postmaster_pid().unwrap().into());
        let open = connect(&scratch.url("postgres"));
        assert!(lives(postmaster));
        if explicitly {
            scratch.stop().unwrap();
        } else {
            drop(scratch);
        }
        assert!(!lives(postmaster));
        assert!(!directory.exists());
        assert!(open.try_rows("select 1").is_err());
    }
}

#[test]
fn two_servers_at_once_with_tcp() {
    let tcp = || {
        let mut options = options(newest());
        options.tcp = true;
        start(options)
    };
    let (first, second) = (tcp(), tcp());
    assert_ne!(first.port(), second.port());
    for server in [&first, &second] {
        let url = server.tcp_url("postgres").unwrap();
        let session = connect(&url);
        assert_eq!(
            session.value("select current_setting('data_directory')"),
            server.data_directory().to_string_lossy()
        );
        assert_eq!(session.value("select host(inet_server_addr())"), "127.0.0.1");
        let wrong = url.replace(server.password(), "wrong");
        let refused = harness::try_connect(&wrong).err().unwrap();
        assert_eq!(refused.code().unwrap().code(), "28P01");
        assert!(!format!("{server:?}").contains(server.password()));
    }
    assert_ne!(first.password(), second.password());
}

#[test]
fn without_tcp_nothing_listens() {
    let server = harness::server(newest());
    assert_eq!(server.tcp_url("postgres"), None);
    assert_eq!(connect(&server.url("postgres")).value("show listen_addresses"), "");
}

#[test]
fn restart_in_every_mode_keeps_the_data() {
    let scratch = start(options(newest()).set("work_mem", "1234kB"));
    connect(&scratch.url("postgres")).execute("create table kept (id int); insert into kept values (1)");
    for mode in [ShutdownMode::Fast, ShutdownMode::Immediate, ShutdownMode::Smart] {
        let before = scratch.postmaster_pid();
        scratch.restart(mode).unwrap();
        assert_ne!(scratch.postmaster_pid(), before);
        let session = connect(&scratch.url("postgres"));
        assert_eq!(session.value("select count(*) from kept"), "1");
        assert_eq!(session.value("show work_mem"), "1234kB");
    }
    assert!(matches!(scratch.boot(), Err(ScratchError::Failed { .. })));
    scratch.halt(ShutdownMode::Fast).unwrap();
    assert_eq!(scratch.postmaster_pid(), None);
    assert!(harness::try_connect(&scratch.url("postgres")).is_err());
    assert!(scratch.data_directory().exists());
}

#[test]
fn a_server_killed_under_its_supervisor_boots_again() {
    let scratch = start(options(newest()));
    let postmaster = pid(scratch.postmaster_pid().unwrap().into());
    kill_process(postmaster, Signal::KILL).unwrap();
    eventually("the killed server is gone", || !lives(postmaster));
    // Its sessions need a moment to see that it died, and hold the shared memory until then.
    eventually("the server starts again", || scratch.boot().is_ok());
    assert_eq!(connect(&scratch.url("postgres")).value("select 1"), "1");
}

#[test]
fn a_standby_follows() {
    let primary = start(options(newest()));
    connect(&primary.url("postgres")).execute("create table t (id int)");
    let standby = primary.standby(options(newest())).unwrap_or_else(|error| panic!("{error}"));
    connect(&primary.url("postgres")).execute("insert into t values (42)");
    let replica = connect(&standby.url("postgres"));
    assert_eq!(replica.value("select pg_is_in_recovery()"), "t");
    eventually("the row arrives", || replica.rows("select id from t") == [[Some("42".to_owned())]]);
    let sender = connect(&primary.url("postgres"));
    assert_eq!(sender.value("select count(*) from pg_stat_replication"), "1");
    assert_eq!(
        sender.value("select system_identifier from pg_control_system()"),
        replica.value("select system_identifier from pg_control_system()")
    );
}

#[test]
fn files_and_settings_arrive() {
    let mut options = options(newest()).set("search_path", r#"it's, "a\b""#);
    options.files.push(("pg_hba.conf".to_owned(), "local all postgres trust\nlocal all all reject\n".to_owned()));
    let scratch = start(options);
    let session = connect(&scratch.url("postgres"));
    assert_eq!(session.value("show search_path"), r#"it's, "a\b""#);
    session.execute("create role other login");
    let refused = harness::try_connect(&scratch.url_as("other", "postgres")).err().unwrap();
    assert_eq!(refused.code().unwrap().code(), "28000");
    scratch.write_file("pg_hba.conf", "local all all trust\n").unwrap();
    scratch.restart(ShutdownMode::Fast).unwrap();
    connect(&scratch.url_as("other", "postgres"));
}

// ---------------------------------------------------------------------------------------------------------- failures

/// A directory of a test's own, open to the user that the server runs as.
struct Parent(PathBuf);

impl Parent {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("parent-{}-{name}", std::process::id()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    fn options(&self) -> Options {
        let mut options = options(newest());
        options.parent = Some(self.0.clone());
        options
    }

    fn holds(&self) -> Vec<PathBuf> {
        fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn refused(options: Options) -> String {
    Scratch::start(options).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_server_that_does_not_start_says_why_and_leaves_nothing() {
    let parent = Parent::new("fails");
    let said = refused(parent.options().set("shared_buffers", "many"));
    assert!(said.contains("the server did not start"), "{said}");
    assert!(said.contains("\n  | "), "{said}");
    assert!(said.contains("shared_buffers"), "{said}");
    assert_eq!(parent.holds(), Vec::<PathBuf>::new());

    let said = refused(parent.options().set("a b", "1"));
    assert!(said.contains("\"a b\""), "{said}");
    assert_eq!(parent.holds(), Vec::<PathBuf>::new());
}

#[test]
fn a_start_that_takes_too_long_is_given_up() {
    let parent = Parent::new("slow");
    let mut options = parent.options();
    options.start_timeout = Duration::ZERO;
    let said = refused(options);
    assert!(said.contains("did not finish within 0 ms"), "{said}");
    assert_eq!(parent.holds(), Vec::<PathBuf>::new());
}

#[test]
fn a_path_too_long_for_a_socket_is_refused() {
    let parent = Parent::new(&"long".repeat(20));
    let said = refused(parent.options());
    assert!(said.contains("too long a path"), "{said}");
    assert_eq!(parent.holds(), Vec::<PathBuf>::new());
}

#[test]
fn what_a_killed_supervisor_left_is_swept_up_and_nothing_else() {
    let parent = Parent::new("sweep");
    let make = |name: &str, lock: bool, old: bool| {
        let path = parent.0.join(name);
        fs::create_dir_all(path.join("data")).unwrap();
        if lock {
            fs::File::create(path.join("supervisor.lock")).unwrap();
        }
        if old {
            let hour_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
            fs::File::open(&path).unwrap().set_modified(hour_ago).unwrap();
        }
        path
    };
    let abandoned = make("pgassay-abandoned", true, true);
    let kept =
        [make("pgassay-young", true, false), make("pgassay-not-ours", false, true), make("somebody-elses", true, true)];
    let used = make("pgassay-used", true, true);
    let held = fs::File::open(used.join("supervisor.lock")).unwrap();
    held.lock().unwrap();
    start(parent.options()).stop().unwrap();
    assert!(!abandoned.exists());
    for path in kept.iter().chain([&used]) {
        assert!(path.exists(), "{}", path.display());
    }
}

#[test]
fn wrong_programs_are_named() {
    let mut missing = options(newest());
    missing.supervisor = Some("/nonexistent/pgassay".into());
    let error = Scratch::start(missing).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/pgassay"), "{error}");

    let mut other = options(newest());
    other.supervisor = Some("/bin/true".into());
    let error = Scratch::start(other).map(|_| ()).unwrap_err();
    assert!(matches!(error, ScratchError::Lost { .. }), "{error}");

    let mut empty = Options::new(Binaries { directory: "/usr".into(), major: 17, version: "17.0".to_owned() });
    empty.supervisor = Some(PGASSAY.into());
    let error = Scratch::start(empty).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("/usr/initdb"), "{error}");
}

#[test]
fn binaries_that_the_unprivileged_user_cannot_reach_are_refused_with_the_way_out() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not root: nothing to drop, so nothing can be closed");
        return;
    }
    let closed = std::env::temp_dir().join(format!("closed-{}", std::process::id()));
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let mut options = options(newest());
    options.binaries.directory = closed.join("bin");
    let error = Scratch::start(options).map(|_| ()).unwrap_err().to_string();
    fs::remove_dir(&closed).unwrap();
    assert!(error.contains("chmod o+x"), "{error}");
    assert!(error.contains(&*closed.to_string_lossy()), "{error}");
}

#[test]
fn the_hidden_verb_is_not_for_people() {
    for arguments in [&["__supervise"][..], &["__supervise", "me"], &["__supervise", "launch", "1"]] {
        let output = harness::pgassay(arguments);
        assert_eq!(output.code, Some(2), "{output:?}");
        assert_eq!(output.stdout, "");
    }
}

// ------------------------------------------------------------------------------------------- whatever happens to whom

/// This test binary again, as a process that owns a server and can be killed. It runs [`owner`], prints what it has,
/// and stands still.
struct Owner {
    process: std::process::Child,
    /// Kept open: it goes on printing.
    _output: std::io::Lines<BufReader<std::process::ChildStdout>>,
    directory: PathBuf,
    postmaster: Pid,
    supervisor: Pid,
}

impl Owner {
    fn start(mode: &str, unprivileged: Option<u32>) -> Self {
        // On Linux by the link that leads there even for a user who cannot reach the path.
        let me = match Path::new("/proc/self/exe") {
            link if link.exists() => link.to_owned(),
            _ => std::env::current_exe().unwrap(),
        };
        let mut command = Command::new(me);
        if let Some(uid) = unprivileged {
            command.uid(uid).gid(uid);
        }
        let mut process = command
            .args(["scratch_server::owner", "--exact", "--ignored", "--nocapture"])
            .env("PGASSAY_TEST_OWNER", mode)
            .env("PGASSAY_TEST_MAJORS", newest().to_string())
            .process_group(0)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(if mode == "panic" { Stdio::null() } else { Stdio::inherit() })
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let said = lines
            .by_ref()
            .map(Result::unwrap)
            .find_map(|line| Some(line.split_once("owner has ")?.1.to_owned()))
            .expect("the owner says what it has");
        let mut words = said.split(' ');
        let mut next = || words.next().unwrap().to_owned();
        Self {
            process,
            _output: lines,
            postmaster: pid(next().parse().unwrap()),
            supervisor: pid(next().parse().unwrap()),
            directory: next().into(),
        }
    }

    fn assert_gone(&self) {
        eventually("the server is gone", || !lives(self.postmaster));
        eventually("the supervisor is gone", || !lives(self.supervisor));
        eventually("the directory is gone", || !self.directory.exists());
    }
}

#[test]
#[ignore = "a process that other tests start and kill"]
fn owner() {
    let Ok(mode) = std::env::var("PGASSAY_TEST_OWNER") else {
        return;
    };
    let scratch = start(options(newest()));
    let has = format!(
        "owner has {} {} {}\n",
        scratch.postmaster_pid().unwrap(),
        scratch.supervisor_pid(),
        scratch.directory().display()
    );
    if mode == "keep" {
        scratch.keep().unwrap();
    } else {
        std::mem::forget(scratch);
    }
    std::io::Write::write_all(&mut std::io::stdout(), has.as_bytes()).unwrap();
    assert_ne!(mode, "panic", "as ordered");
    // Until the other side has seen enough.
    let _ = std::io::stdin().lines().next();
}

#[test]
fn kill_9_of_the_owner_leaves_neither_process_nor_directory() {
    let mut owner = Owner::start("stand", None);
    assert!(owner.directory.exists() && lives(owner.postmaster));
    owner.process.kill().unwrap();
    owner.process.wait().unwrap();
    owner.assert_gone();
}

#[test]
fn kill_9_of_the_owners_whole_group_is_no_different() {
    let mut owner = Owner::start("stand", None);
    rustix::process::kill_process_group(pid(owner.process.id().into()), Signal::KILL).unwrap();
    owner.process.wait().unwrap();
    owner.assert_gone();
}

#[test]
fn a_panic_of_the_owner_is_no_different() {
    let mut owner = Owner::start("panic", None);
    owner.process.wait().unwrap();
    owner.assert_gone();
}

#[test]
fn a_signal_to_the_supervisor_stops_the_server() {
    let mut owner = Owner::start("stand", None);
    kill_process(owner.supervisor, Signal::TERM).unwrap();
    eventually("the server is gone", || !lives(owner.postmaster));
    eventually("the directory is gone", || !owner.directory.exists());
    drop(owner.process.stdin.take());
    owner.process.wait().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn kill_9_of_the_supervisor_is_cleaned_up_by_kernel_and_owner() {
    let scratch = start(options(newest()));
    let postmaster = pid(scratch.postmaster_pid().unwrap().into());
    let directory = scratch.directory().to_owned();
    kill_process(pid(scratch.supervisor_pid().into()), Signal::KILL).unwrap();
    eventually("the kernel stops the server", || !lives(postmaster));
    assert!(directory.exists());
    let error = scratch.boot().unwrap_err();
    assert!(matches!(error, ScratchError::Lost { .. }), "{error}");
    drop(scratch);
    assert!(!directory.exists());
}

#[test]
fn a_kept_server_outlives_its_owner_and_cleans_up_when_it_is_stopped() {
    let mut owner = Owner::start("keep", None);
    drop(owner.process.stdin.take());
    assert!(owner.process.wait().unwrap().success());
    let session = connect(&format!("postgresql:///postgres?host={}&user=postgres", owner.directory.display()));
    assert_eq!(session.value("select 1"), "1");
    kill_process(owner.postmaster, Signal::INT).unwrap();
    owner.assert_gone();
}

#[test]
fn an_unprivileged_owner_needs_no_other_user() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not root: all other tests have shown this already");
        return;
    }
    let reachable = |path: &Path| {
        path.ancestors()
            .all(|ancestor| fs::metadata(ancestor).is_ok_and(|found| found.permissions().mode() & 0o001 != 0))
    };
    assert!(reachable(Path::new(PGASSAY)), "{PGASSAY} must be executable by everybody for this test");
    let mut owner = Owner::start("stand", Some(65534));
    assert_eq!(fs::metadata(&owner.directory).unwrap().uid(), 65534);
    owner.process.kill().unwrap();
    owner.process.wait().unwrap();
    owner.assert_gone();
}
