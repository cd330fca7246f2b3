//! The door against real servers: TLS by `sslmode`, authentication, failover, poolers, limits, losses, and that nothing
//! is left behind or written.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on should stop"
)]

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pgassay::pg::{
    ConnectError, Database, DecodeError, Door, Environment, Json, Limits, Parameter, ReadError, Target, Timestamp,
};
use server::{Options, Pooler, Scratch, Server, free_port};

/// Real servers that live as long as the test holds them, or its process.
mod server {
    use std::fs;
    use std::net::{Ipv4Addr, TcpListener};
    use std::os::unix::process::CommandExt;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{Duration, Instant};

    /// Where a supported server's programs are.
    fn programs() -> PathBuf {
        let mut found: Vec<_> = fs::read_dir("/usr/lib/postgresql")
            .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
            .unwrap_or_default();
        found.retain(|directory: &PathBuf| directory.join("postgres").exists());
        found.sort();
        found.pop().expect("no PostgreSQL server programs under /usr/lib/postgresql: install the package postgresql")
    }

    /// The unprivileged account that servers run as when the tests run as root, which PostgreSQL refuses.
    fn account() -> Option<(u32, u32)> {
        use std::os::unix::fs::MetadataExt;
        if fs::metadata("/proc/self").map_or(true, |metadata| metadata.uid() != 0) {
            return None;
        }
        let accounts = fs::read_to_string("/etc/passwd").unwrap();
        ["postgres", "nobody"].iter().find_map(|wanted| {
            accounts.lines().find_map(|line| {
                let fields: Vec<_> = line.split(':').collect();
                (fields[0] == *wanted).then(|| (fields[2].parse().unwrap(), fields[3].parse().unwrap()))
            })
        })
    }

    pub(super) fn command(program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir("/").env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin");
        if let Some((uid, gid)) = account() {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Gives a path to the account servers run as.
    pub(super) fn hand_over(path: &Path) {
        if let Some((uid, gid)) = account() {
            std::os::unix::fs::chown(path, Some(uid), Some(gid)).unwrap();
        }
    }

    /// A fresh directory of that account, removed when it is dropped.
    pub(super) struct Scratch(PathBuf);

    impl Scratch {
        pub(super) fn new(name: &str) -> Self {
            Self(scratch(name))
        }

        pub(super) fn join(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            // a directory that stays is no reason to fail
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// A fresh directory of that account.
    fn scratch(name: &str) -> PathBuf {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("pgassay-{name}-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        hand_over(&path);
        path
    }

    pub(super) fn free_port() -> u16 {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
    }

    /// Runs a program under a shell that ends it, and removes its directory, when our end of a pipe closes: also when
    /// this process is killed.
    struct Guarded {
        shell: Child,
    }

    impl Guarded {
        fn start(directory: &Path, program: &Path, arguments: &[&str]) -> Self {
            let script = "log=$1; directory=$2; shift 2; \"$@\" >\"$log\" 2>&1 </dev/null & program=$!; \
                          read -r _; kill -INT $program 2>/dev/null; wait $program; rm -rf \"$directory\"";
            let log = directory.join("log");
            let shell = command("/bin/sh")
                .args(["-c", script, "sh"])
                .arg(&log)
                .arg(directory)
                .arg(program)
                .args(arguments)
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            Self { shell }
        }
    }

    impl Drop for Guarded {
        fn drop(&mut self) {
            drop(self.shell.stdin.take());
            let _ = self.shell.wait();
        }
    }

    /// What one server is started with, besides the defaults.
    #[derive(Default)]
    pub(super) struct Options<'a> {
        /// A certificate of `tests/tls`, which turns TLS on.
        pub(super) certificate: Option<&'a str>,
        /// Lines before the last ones of `pg_hba.conf`.
        pub(super) hba: &'a str,
        /// Lines of `postgresql.conf`.
        pub(super) conf: &'a str,
        /// Start as a standby that waits for a primary.
        pub(super) standby: bool,
    }

    pub(super) struct Server {
        pub(super) port: u16,
        pub(super) directory: PathBuf,
        guarded: Option<Guarded>,
    }

    impl Server {
        pub(super) fn start(options: &Options<'_>) -> Self {
            let directory = scratch("server");
            let data = directory.join("data");
            let copied = command("/bin/cp").arg("-r").arg(template()).arg(&data).status().unwrap();
            assert!(copied.success());
            let mut conf = format!(
                "listen_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nfsync = off\nshared_buffers = 16MB\n\
                 autovacuum = off\nlog_min_messages = log\n{}\n",
                directory.display(),
                options.conf
            );
            if let Some(name) = options.certificate {
                for kind in ["crt", "key"] {
                    let copy = directory.join(format!("server.{kind}"));
                    fs::copy(fixture(&format!("{name}.{kind}")), &copy).unwrap();
                    fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
                    hand_over(&copy);
                }
                let root = directory.join("root.crt");
                fs::copy(fixture("root.crt"), &root).unwrap();
                hand_over(&root);
                let shown = directory.display();
                conf += &format!(
                    "ssl = on\nssl_cert_file = '{shown}/server.crt'\nssl_key_file = '{shown}/server.key'\n\
                     ssl_ca_file = '{shown}/root.crt'\n"
                );
            }
            if options.standby {
                fs::write(data.join("standby.signal"), "").unwrap();
                hand_over(&data.join("standby.signal"));
            }
            let hba = format!("local all all trust\n{}\nhost all all 127.0.0.1/32 trust\n", options.hba);
            fs::write(data.join("pg_hba.conf"), hba).unwrap();
            fs::OpenOptions::new()
                .append(true)
                .open(data.join("postgresql.conf"))
                .and_then(|mut file| std::io::Write::write_all(&mut file, conf.as_bytes()))
                .unwrap();
            let port = free_port();
            let server = Self { port, directory, guarded: None }.run();
            server.wait();
            server
        }

        fn run(mut self) -> Self {
            let data = self.directory.join("data").display().to_string();
            let port = self.port.to_string();
            let arguments = ["-D", &data, "-p", &port];
            self.guarded = Some(Guarded::start(&self.directory, &programs().join("postgres"), &arguments));
            self
        }

        fn wait(&self) {
            let socket = self.directory.display().to_string();
            wait_for("the server", || {
                let ready = command(programs().join("pg_isready"))
                    .args(["-q", "-h", &socket, "-p", &self.port.to_string()])
                    .status();
                ready.is_ok_and(|status| status.success())
            });
        }

        /// Stops at once and stays stopped.
        pub(super) fn stop(&mut self) {
            self.guarded = None;
        }

        /// A connection of the test's own, over the socket.
        pub(super) async fn admin(&self) -> tokio_postgres::Client {
            let mut config = tokio_postgres::Config::new();
            config.host_path(&self.directory).port(self.port).user("super").dbname("postgres");
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client
        }
    }

    /// A pgbouncer in transaction mode.
    pub(super) struct Pooler {
        pub(super) port: u16,
        _guarded: Guarded,
    }

    impl Pooler {
        pub(super) fn start(server: &Server, connections: u32) -> Self {
            let directory = scratch("pooler");
            let port = free_port();
            let conf = format!(
                "[databases]\nalias = host=127.0.0.1 port={} dbname=postgres user=super\n* = host=127.0.0.1 port={} user=super\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
                 unix_socket_dir =\nauth_type = any\nauth_file =\npool_mode = transaction\ndefault_pool_size = {connections}\n\
                 max_client_conn = 20\nadmin_users = super\nserver_check_delay = 0\n",
                server.port, server.port
            );
            let path = directory.join("pgbouncer.ini");
            fs::write(&path, conf).unwrap();
            hand_over(&path);
            let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
                .iter()
                .map(Path::new)
                .find(|path| path.exists())
                .expect("no pgbouncer: install the package pgbouncer");
            let guarded = Guarded::start(&directory, program, &[path.to_str().unwrap()]);
            wait_for("pgbouncer", || std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
            Self { port, _guarded: guarded }
        }
    }

    fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
        let started = Instant::now();
        while !ready() {
            assert!(started.elapsed() < Duration::from_secs(60), "{what} did not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(super) fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
    }

    /// An initialised data directory, made once for all servers of this process and removed with it.
    fn template() -> &'static Path {
        static TEMPLATE: OnceLock<(PathBuf, Child)> = OnceLock::new();
        let (path, _) = TEMPLATE.get_or_init(|| {
            let directory = scratch("template");
            let data = directory.join("data");
            let made = command(programs().join("initdb"))
                .args(["-N", "-A", "trust", "-U", "super", "-E", "UTF8", "--no-locale", "-D"])
                .arg(&data)
                .stdout(Stdio::null())
                .status()
                .unwrap();
            assert!(made.success());
            let janitor = command("/bin/sh")
                .args(["-c", "read -r _; rm -rf \"$1\"", "sh"])
                .arg(&directory)
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            (data, janitor)
        });
        path
    }
}

const CANARY: &str = "canary-7f3a";

fn environment() -> Environment {
    // no variables, no home: only what a test gives
    Environment::empty().with_user("super").with_real_files()
}

fn resolve(text: &str) -> Target {
    Target::resolve(Some(text), &environment()).unwrap()
}

async fn open(text: &str) -> Result<Door, ConnectError> {
    let opened = Door::open(resolve(text), Limits::default()).await;
    if let Err(error) = &opened {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(CANARY), "{shown}");
    }
    opened
}

async fn refused(text: &str) -> ConnectError {
    match open(text).await {
        Ok(door) => panic!("{text}: let in by {}", door.host()),
        Err(error) => error,
    }
}

pgassay::row! {
    struct Count {
        n: i64,
    }
}

pgassay::row! {
    struct Word {
        word: Option<String>,
    }
}

async fn word(database: &Database, sql: &str) -> String {
    let rows: Vec<Word> = database.read(sql, &[]).await.unwrap();
    rows.into_iter().next().and_then(|row| row.word).unwrap()
}

/// Whether the door's connection is encrypted, as the server sees it.
async fn encrypted(door: &Door) -> bool {
    let sql = "select ssl::text as word from pg_stat_ssl where pid = pg_backend_pid()";
    word(&door.default_database(), sql).await == "true"
}

/// A copy of a key with these permissions.
fn private(directory: &Scratch, name: &str, mode: u32) -> PathBuf {
    let copy = directory.join(&format!("{mode:o}-{name}"));
    std::fs::copy(server::fixture(name), &copy).unwrap();
    std::fs::set_permissions(&copy, Permissions::from_mode(mode)).unwrap();
    copy
}

fn tls(name: &str) -> String {
    server::fixture(name).display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sslmode_against_servers_with_and_without_tls() {
    let plain = Server::start(&Options::default());
    let good = Server::start(&Options { certificate: Some("server"), ..Options::default() });
    let root = tls("root.crt");
    let other = tls("other-root.crt");
    for (mode, on_plain, on_good, with_other_root) in [
        // Some(encrypted), or None where it must be refused
        ("disable", Some(false), Some(false), Some(false)),
        ("allow", Some(false), Some(false), Some(false)),
        ("prefer", Some(false), Some(true), Some(false)),
        ("require", None, Some(true), None),
        ("verify-ca", None, Some(true), None),
        ("verify-full", None, Some(true), None),
    ] {
        for (port, root, expected) in
            [(plain.port, &root, on_plain), (good.port, &root, on_good), (good.port, &other, with_other_root)]
        {
            let text = format!(
                "host=localhost hostaddr=127.0.0.1 port={port} dbname=postgres sslmode={mode} sslrootcert={root}"
            );
            match (open(&text).await, expected) {
                (Ok(door), Some(expected)) => assert_eq!(encrypted(&door).await, expected, "{text}"),
                (Err(ConnectError::TlsRefused { .. }), None) if port == plain.port => {}
                (Err(ConnectError::Certificate { reason, .. }), None) if port == good.port => {
                    assert!(reason.contains("not signed by an authority"), "{reason}");
                }
                (result, _) => panic!("{text}: {result:?}"),
            }
        }
    }
    // no root certificate: require takes any, verify-ca wants one
    let text = format!("host=localhost hostaddr=127.0.0.1 port={} dbname=postgres sslmode=", good.port);
    assert!(encrypted(&open(&format!("{text}require")).await.unwrap()).await);
    let error = refused(&format!("{text}verify-ca")).await;
    assert!(error.is_usage() && error.to_string().contains("sslrootcert"), "{error}");
    let error = refused(&format!("{text}verify-full sslrootcert=/nowhere/root.crt")).await;
    assert!(error.is_usage() && error.to_string().contains("does not exist"), "{error}");
    assert!(encrypted(&open(&format!("{text}require sslrootcert=/nowhere/root.crt")).await.unwrap()).await);
    // a socket has no TLS and needs none
    let socket = format!("host={} port={} dbname=postgres sslmode=require", good.directory.display(), good.port);
    assert!(!encrypted(&open(&socket).await.unwrap()).await);
    // the versions of TLS
    for version in ["TLSv1.2", "TLSv1.3"] {
        let text = format!(
            "{text}verify-full sslrootcert={root} ssl_min_protocol_version={version} ssl_max_protocol_version={version}"
        );
        let door = open(&text).await.unwrap();
        let sql = "select version as word from pg_stat_ssl where pid = pg_backend_pid()";
        assert_eq!(word(&door.default_database(), sql).await, version);
    }
    // direct negotiation needs PostgreSQL 17: an older one hangs up, or says what it thinks
    if good_major(&good).await < 17 {
        refused(&format!("{text}require sslnegotiation=direct")).await;
    } else {
        assert!(encrypted(&open(&format!("{text}require sslnegotiation=direct")).await.unwrap()).await);
    }
}

async fn good_major(server: &Server) -> u16 {
    open(&format!("host={} port={} dbname=postgres", server.directory.display(), server.port))
        .await
        .unwrap()
        .version()
        .major()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_as_libpq_accepts_them() {
    /// What a mode makes of a certificate: fine, or the words of the refusal.
    type Verdict = Result<(), &'static str>;
    let fine: Verdict = Ok(());
    for (certificate, root, host, verify_ca, verify_full) in [
        ("server", "root", "localhost", fine, fine),
        ("server", "root", "127.0.0.1", fine, fine),
        ("server", "root", "db.pgassay.test", fine, fine),
        ("server", "root", "a.db.pgassay.test", fine, Err("not for \"a.db.pgassay.test\"")),
        ("server", "root", "ignored", fine, Err("not for \"ignored\"")),
        ("wrong-name", "root", "localhost", fine, Err("\"other.example\"")),
        // its own authority has a CN that names an address only by name
        ("wrong-name", "root", "127.0.0.1", fine, Err("not for \"127.0.0.1\"")),
        ("version-1", "root", "localhost", fine, fine),
        ("version-1", "root", "other", fine, Err("not for \"other\"")),
        ("version-1", "other-root", "localhost", Err("not signed"), Err("not signed")),
        ("under-v1", "root-v1", "localhost", fine, fine),
        ("self-signed", "self-signed", "localhost", fine, fine),
        ("self-signed", "self-signed", "other", fine, Err("not for \"other\"")),
        ("self-signed", "root", "localhost", Err("not signed"), Err("not signed")),
        ("chained", "root", "localhost", fine, fine),
        ("chained", "other-root", "localhost", Err("not signed"), Err("not signed")),
        ("impostor", "root", "localhost", Err("may not sign"), Err("may not sign")),
        ("client-only", "root", "localhost", Err("not meant for a server"), Err("not meant for a server")),
        ("expired", "root", "localhost", Err("expired"), Err("expired")),
        ("revoked", "root", "localhost", fine, fine),
    ] {
        let server = Server::start(&Options { certificate: Some(certificate), ..Options::default() });
        for (mode, expected) in [("verify-ca", verify_ca), ("verify-full", verify_full)] {
            let text = format!(
                "host={host} hostaddr=127.0.0.1 port={} dbname=postgres sslmode={mode} sslrootcert={}",
                server.port,
                tls(&format!("{root}.crt"))
            );
            match (open(&text).await, expected) {
                (Ok(door), Ok(())) => assert!(encrypted(&door).await),
                (Err(error @ ConnectError::Certificate { .. }), Err(words)) => {
                    assert!(error.to_string().contains(words), "{certificate} {host} {mode}: {error}");
                }
                (result, _) => panic!("{certificate} {host} {mode}: {result:?}"),
            }
        }
        let text = format!("host=localhost hostaddr=127.0.0.1 port={} dbname=postgres sslmode=require", server.port);
        assert!(encrypted(&open(&text).await.unwrap()).await, "{certificate}: require verifies nothing");
        if certificate == "revoked" {
            let text = format!("{text} sslrootcert={} sslcrl={}", tls("root.crt"), tls("root.crl"));
            let error = refused(&text).await;
            assert!(error.to_string().contains("revoked"), "{error}");
        }
        if certificate == "server" && host == "localhost" {
            let text = format!("{text} sslrootcert={} sslcrl={}", tls("root.crt"), tls("root.crl"));
            assert!(encrypted(&open(&text).await.unwrap()).await);
            let error = refused(&format!("{text}.missing")).await;
            assert!(error.is_usage(), "{error}");
            // only an address is known: there is no name to verify
            let error = refused(&format!(
                "hostaddr=127.0.0.1 port={} sslmode=verify-full sslrootcert={}",
                server.port,
                tls("root.crt")
            ))
            .await;
            assert!(error.is_usage() && error.to_string().contains("give host"), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_certificates() {
    let server = Server::start(&Options {
        certificate: Some("server"),
        hba: "hostssl all certified 127.0.0.1/32 cert\nhost all certified all reject",
        ..Options::default()
    });
    server.admin().await.batch_execute("create role certified login superuser").await.unwrap();
    let base = format!(
        "host=localhost hostaddr=127.0.0.1 port={} sslmode=require user=certified dbname=postgres",
        server.port
    );
    let with = |certificate: &str, key: &Path| format!("{base} sslcert={} sslkey={}", tls(certificate), key.display());
    let keys = Scratch::new("keys");
    let key = private(&keys, "client.key", 0o600);
    for extra in ["", " sslcertmode=require", " ssl_max_protocol_version=TLSv1.2"] {
        let door = open(&format!("{}{extra}", with("client.crt", &key))).await.unwrap();
        assert_eq!(door.identity().session_user, "certified");
    }
    let error = refused(&base).await;
    assert!(matches!(error, ConnectError::Rejected { .. }), "{error:?}");
    let error = refused(&format!("{} sslcertmode=disable", with("client.crt", &key))).await;
    assert!(matches!(error, ConnectError::Rejected { .. }), "{error:?}");
    // the server does not know the authority
    let stranger = private(&keys, "stranger.key", 0o600);
    for version in ["TLSv1.2", "TLSv1.3"] {
        let error = refused(&format!("{} ssl_max_protocol_version={version}", with("stranger.crt", &stranger))).await;
        assert!(error.to_string().contains("our client certificate"), "{error:?}");
    }
    for (key, words) in [
        (private(&keys, "client.key", 0o644), "chmod 0600"),
        (private(&keys, "client-encrypted.key", 0o600), "encrypted"),
        (PathBuf::from("/nowhere/client.key"), "does not exist"),
        (private(&keys, "client.crt", 0o600), "not a private key"),
    ] {
        let error = refused(&with("client.crt", &key)).await;
        assert!(error.is_usage() && error.to_string().contains(words), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_and_channel_binding() {
    let server = Server::start(&Options {
        certificate: Some("server"),
        conf: "password_encryption = 'scram-sha-256'",
        hba: "host all scram 127.0.0.1/32 scram-sha-256\nhost all md5 127.0.0.1/32 md5\nhost all clear 127.0.0.1/32 password\n\
              hostssl all only_tls 127.0.0.1/32 trust\nhostnossl all only_plain 127.0.0.1/32 trust\n\
              host all only_tls,only_plain,nobody_may all reject",
        ..Options::default()
    });
    let admin = server.admin().await;
    admin
        .batch_execute(&format!(
            "create role scram login password '{CANARY} ü'; create role clear login password '{CANARY}'; \
             set password_encryption = 'md5'; create role md5 login password '{CANARY}'; \
             create role only_tls login; create role only_plain login; create role nobody_may login; create role group_only"
        ))
        .await
        .unwrap();
    let base = format!("host=localhost hostaddr=127.0.0.1 port={} dbname=postgres", server.port);
    for (user, password, sslmode, binding, fine) in [
        ("scram", "canary-7f3a ü", "require", "require", true),
        ("scram", "canary-7f3a ü", "require", "prefer", true),
        ("scram", "canary-7f3a ü", "require", "disable", true),
        ("scram", "canary-7f3a ü", "disable", "prefer", true),
        ("scram", "canary-7f3a ü", "disable", "require", false),
        ("md5", CANARY, "require", "prefer", true),
        ("md5", CANARY, "require", "require", false),
        ("clear", CANARY, "require", "prefer", true),
        ("clear", CANARY, "require", "require", false),
    ] {
        let text = format!("{base} user={user} password='{password}' sslmode={sslmode} channel_binding={binding}");
        match open(&text).await {
            Ok(door) => assert!(fine && door.identity().session_user == user, "{user} {sslmode} {binding}"),
            Err(error) => {
                assert!(!fine && matches!(error, ConnectError::Exchange { .. }), "{user} {sslmode} {binding}: {error}");
            }
        }
    }
    for user in ["scram", "md5", "clear"] {
        let error = refused(&format!("{base} user={user} password=canary-7f3a-wrong")).await;
        assert!(matches!(error, ConnectError::PasswordWrong { .. }), "{error:?}");
        let error = refused(&format!("{base} user={user}")).await;
        assert!(matches!(error, ConnectError::PasswordMissing { .. }), "{error:?}");
    }
    // the second try that allow and prefer grant
    assert!(encrypted(&open(&format!("{base} user=only_tls sslmode=allow")).await.unwrap()).await);
    assert!(encrypted(&open(&format!("{base} user=only_tls sslmode=prefer")).await.unwrap()).await);
    assert!(!encrypted(&open(&format!("{base} user=only_plain sslmode=prefer")).await.unwrap()).await);
    assert!(matches!(refused(&format!("{base} user=only_plain sslmode=require")).await, ConnectError::Rejected { .. }));
    assert!(matches!(refused(&format!("{base} user=only_tls sslmode=disable")).await, ConnectError::Rejected { .. }));
    assert!(matches!(refused(&format!("{base} user=nobody_may")).await, ConnectError::Rejected { .. }));
    // roles and databases
    for user in ["group_only", "no_such_role"] {
        let error = refused(&format!("{base} user={user}")).await;
        assert!(matches!(error, ConnectError::NoSuchRole { .. }), "{error:?}");
    }
    let error = refused(&format!("{base} user=super dbname=no_such_database")).await;
    assert!(matches!(error, ConnectError::NoSuchDatabase { .. }) && error.to_string().contains("no_such_database"));
    for sql in [
        "create database closed allow_connections false",
        "create database private",
        "revoke connect on database private from public",
        "alter role md5 connection limit 0",
    ] {
        admin.batch_execute(sql).await.unwrap();
    }
    assert!(matches!(refused(&format!("{base} dbname=closed")).await, ConnectError::DatabaseClosed { .. }));
    let error = refused(&format!("{base} user=only_tls dbname=private")).await;
    assert!(matches!(error, ConnectError::DatabaseClosed { .. }), "{error:?}");
    let error = refused(&format!("{base} user=md5 password={CANARY}")).await;
    assert!(matches!(error, ConnectError::TooManyConnections { .. }), "{error:?}");

    // the same password from a real file, under its permission rule, and from a service
    let directory = Scratch::new("files");
    let passfile = directory.join("pass");
    std::fs::write(&passfile, format!("localhost:{}:postgres:scram:{CANARY} ü\n", server.port)).unwrap();
    let services = directory.join("services");
    std::fs::write(
        &services,
        format!(
            "[door]\nhost=localhost\nhostaddr=127.0.0.1\nport={}\ndbname=postgres\nuser=scram\npassfile={}\n",
            server.port,
            passfile.display()
        ),
    )
    .unwrap();
    let environment = environment().with_variable("PGSERVICEFILE", services.to_str().unwrap());
    for (mode, fine) in [(0o600, true), (0o640, false), (0o604, false)] {
        std::fs::set_permissions(&passfile, Permissions::from_mode(mode)).unwrap();
        let target = Target::resolve(Some("service=door"), &environment).unwrap();
        assert_eq!(target.warnings().is_empty(), fine);
        let shown = format!("{target:?} {}", target.describe());
        assert!(!shown.contains(CANARY), "{shown}");
        match Door::open(target, Limits::default()).await {
            Ok(door) => {
                assert!(fine);
                let shown = format!("{door:?} {:?} {:?}", door.default_database(), door.target());
                assert!(!shown.contains(CANARY), "{shown}");
            }
            Err(error) => assert!(!fine && matches!(error, ConnectError::PasswordMissing { .. }), "{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_hosts_and_kinds_of_servers() {
    let primary = Server::start(&Options::default());
    let standby = Server::start(&Options { standby: true, ..Options::default() });
    let closed = free_port();
    let both = |attributes: &str| {
        format!(
            "postgresql://127.0.0.1:{closed},127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs={attributes}",
            primary.port, standby.port
        )
    };
    for (attributes, expected) in [
        ("any", &primary),
        ("read-write", &primary),
        ("primary", &primary),
        ("read-only", &standby),
        ("standby", &standby),
        ("prefer-standby", &standby),
    ] {
        let door = open(&both(attributes)).await.unwrap();
        assert_eq!(door.host(), format!("127.0.0.1:{}", expected.port), "{attributes}");
        assert_eq!(door.in_recovery(), expected.port == standby.port);
        // a standby can be read like any other
        assert_eq!(
            word(&door.default_database(), "select pg_is_in_recovery()::text as word").await,
            door.in_recovery().to_string()
        );
    }
    let one = |port: u16, attributes: &str| {
        format!("host=127.0.0.1 port={port} dbname=postgres target_session_attrs={attributes}")
    };
    assert!(open(&one(primary.port, "prefer-standby")).await.is_ok());
    for (port, attributes, words) in [
        (primary.port, "standby", "it is a primary"),
        (primary.port, "read-only", "it accepts writes"),
        (standby.port, "primary", "it is a standby"),
        (standby.port, "read-write", "it is a standby"),
    ] {
        let error = refused(&one(port, attributes)).await;
        assert!(matches!(error, ConnectError::NotWanted { .. }) && error.to_string().contains(words), "{error}");
    }
    primary
        .admin()
        .await
        .batch_execute("alter database postgres set default_transaction_read_only = on")
        .await
        .unwrap();
    assert!(refused(&one(primary.port, "read-write")).await.to_string().contains("read only by default"));
    assert!(open(&one(primary.port, "read-only")).await.is_ok());
    // each host's own reason
    let error = refused(&format!(
        "host=127.0.0.1,127.0.0.1 port={closed},{} dbname=postgres target_session_attrs=standby",
        primary.port
    ))
    .await;
    let text = error.to_string();
    assert!(
        matches!(error, ConnectError::Several(_))
            && text.contains("nothing listens")
            && text.contains("it is a primary"),
        "{text}"
    );
    // load balancing reaches both in the end
    let mut reached = BTreeSet::new();
    for _ in 0..64 {
        reached.insert(open(&format!("{}&load_balance_hosts=random", both("any"))).await.unwrap().host());
    }
    assert_eq!(reached.len(), 2);
}

/// Something that listens and says the same to everybody.
fn impersonate(greeting: &'static [u8], answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { break };
            let _ = stream.write_all(greeting);
            let mut heard = [0; 64];
            if matches!(stream.read(&mut heard), Ok(1..)) {
                let _ = stream.write_all(answer);
            }
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_server() {
    let closed = free_port();
    let error = refused(&format!("host=127.0.0.1 port={closed}")).await;
    assert!(matches!(error, ConnectError::Refused { .. }) && !error.is_usage(), "{error:?}");
    let error = refused("host=no-such-host.invalid").await;
    assert!(matches!(error, ConnectError::Dns { .. }), "{error:?}");
    let error = refused("host=/nowhere").await;
    assert!(matches!(error, ConnectError::NoSocket { .. }), "{error:?}");
    let http = impersonate(b"", b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    let ssh = impersonate(b"SSH-2.0-OpenSSH_9.2\r\n", b"");
    let smtp = impersonate(b"220 mail.example ESMTP\r\n", b"");
    for port in [http, ssh, smtp] {
        for mode in ["disable", "prefer", "require"] {
            let error = refused(&format!("host=127.0.0.1 port={port} sslmode={mode} connect_timeout=5")).await;
            assert!(matches!(error, ConnectError::NotPostgres { .. }), "{port} {mode}: {error:?}");
        }
    }
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let started = Instant::now();
    let error = refused(&format!("host=127.0.0.1 port={port} connect_timeout=1")).await;
    assert!(matches!(error, ConnectError::Timeout { .. }), "{error:?}");
    assert!((2..5).contains(&started.elapsed().as_secs()));
    let hangs_up = impersonate(b"", b"");
    for mode in ["disable", "prefer", "require"] {
        let error = refused(&format!("host=127.0.0.1 port={hangs_up} sslmode={mode}")).await;
        assert!(matches!(error, ConnectError::Closed { .. }), "{mode}: {error:?}");
    }
    // protocol 3 with an error in it, as a server that is starting sends it
    let starting = impersonate(b"", b"E\0\0\0\x2dSFATAL\0VFATAL\0C57P03\0Mstarting up, wait\0\0");
    let error = refused(&format!("host=127.0.0.1 port={starting} sslmode=disable")).await;
    assert!(matches!(error, ConnectError::NotReady { .. }) && error.to_string().contains("starting up"), "{error:?}");
}

/// Something that speaks the protocol and answers the first query with these columns.
fn pretend(columns: &'static [&'static str]) -> u16 {
    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[tag], &length.to_be_bytes()[..], body].concat()
    }
    let count = u16::try_from(columns.len()).unwrap().to_be_bytes();
    let mut description = count.to_vec();
    let mut row = count.to_vec();
    for column in columns {
        // a name, no table, no column, text, of any length, without a modifier, as text
        description.extend([&b"c\0\0\0\0\0\0\0"[..], &25u32.to_be_bytes(), &[0xff; 6], &[0, 0]].concat());
        row.extend(u32::try_from(column.len()).unwrap().to_be_bytes());
        row.extend(column.bytes());
    }
    let ready = message(b'Z', b"I");
    let hello = [message(b'R', &[0; 4]), ready.clone()].concat();
    let result = [message(b'T', &description), message(b'D', &row), message(b'C', b"SELECT 1\0"), ready].concat();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { break };
            let mut heard = [0; 4096];
            for answer in [&hello, &result] {
                if matches!(stream.read(&mut heard), Ok(1..)) {
                    let _ = stream.write_all(answer);
                }
            }
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_too_old_or_only_look_alike() {
    let text = |port| format!("host=127.0.0.1 port={port} sslmode=disable");
    let old = pretend(&["130022", "13.22", "PostgreSQL 13.22 on x86_64", "super", "postgres", "f", "t"]);
    let error = refused(&text(old)).await;
    assert!(matches!(error, ConnectError::TooOld { .. }) && error.to_string().contains("13.22"), "{error:?}");
    let other = pretend(&["130000", "13.0.0", "CockroachDB CCL v23.1.0", "super", "postgres", "f", "t"]);
    let error = refused(&text(other)).await;
    assert!(
        matches!(error, ConnectError::NotPostgres { .. }) && error.to_string().contains("CockroachDB"),
        "{error:?}"
    );
    // newer than known is read with the newest known queries, and said so
    let newer = pretend(&["990001", "99.1", "PostgreSQL 99.1 on x86_64", "ada", "shop", "t", "f"]);
    let door = open(&text(newer)).await.unwrap();
    assert!(door.version().is_newer_than_known() && door.version().note().is_some());
    assert!(door.in_recovery() && !door.is_superuser());
    assert_eq!(door.identity().session_user, "ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn through_pgbouncer_in_transaction_mode() {
    let server = Server::start(&Options::default());
    let pooler = Pooler::start(&server, 1);
    let text = format!("host=127.0.0.1 port={} dbname=postgres", pooler.port);
    let limits = Limits { connections: 2, ..Limits::default() };
    let door = Door::open(resolve(&text), limits).await.unwrap();
    let database = door.default_database();
    let reads = (0..20i64).map(|number| {
        let database = database.clone();
        async move {
            let rows: Vec<Count> = database
                .read("select $1 + 0 * count(*) as n from pg_class", &[Parameter::BigInt(number)])
                .await
                .unwrap();
            assert_eq!(rows, [Count { n: number }]);
        }
    });
    futures_util::future::join_all(reads).await;
    let mut session = database.session().await.unwrap();
    session.prepare("p", "select relname from pg_class where oid = $1").await.unwrap();
    assert!(!session.text("explain execute p (null)").await.unwrap().is_empty());
    session.finish().await.unwrap();
    assert_eq!(word(&database, "select count(*)::text as word from pg_prepared_statements").await, "0");
    assert_eq!(word(&database, "select current_setting('statement_timeout') as word").await, "10s");
    // an abandoned read is cancelled through the pooler as well
    abandon(&server, &door, &database).await;
    assert_eq!(word(&database, "select 'still here' as word").await, "still here");
    // a database may have another name behind the pooler
    let alias = open(&format!("host=127.0.0.1 port={} dbname=alias", pooler.port)).await.unwrap();
    assert_eq!((alias.identity().database.as_str(), alias.default_database().name()), ("postgres", "alias"));
    assert_eq!(word(&alias.default_database(), "select current_database()::text as word").await, "postgres");
    alias.close().await;
    assert_eq!(word(&alias.default_database(), "select current_database()::text as word").await, "postgres");
    // the console speaks the protocol, and is no database
    let error = refused(&format!("host=127.0.0.1 port={} dbname=pgbouncer user=super", pooler.port)).await;
    assert!(matches!(error, ConnectError::NotPostgres { .. }) && error.to_string().contains("console"), "{error:?}");
}

/// Starts a read that takes a minute, drops it once the server runs it, and sees it end.
async fn abandon(server: &Server, door: &Door, database: &Database) {
    let admin = server.admin().await;
    let running = "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid() and state = 'active'";
    let count = || async { admin.query_one(running, &[]).await.unwrap().get::<_, i64>(0) };
    let task = tokio::spawn({
        let database = database.clone();
        async move { database.read::<Word>("select pg_sleep(60)::text as word", &[]).await }
    });
    let started = Instant::now();
    while count().await == 0 {
        assert!(started.elapsed() < Duration::from_secs(20), "the query does not run");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    door.close().await;
    let started = Instant::now();
    while count().await > 0 {
        assert!(started.elapsed() < Duration::from_secs(3), "the query still runs");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_manners() {
    let server = Server::start(&Options { certificate: Some("server"), ..Options::default() });
    let admin = server.admin().await;
    admin.batch_execute("create table t (a int); create table u (a int); create role plain login").await.unwrap();
    let text = format!("host=localhost hostaddr=127.0.0.1 port={} dbname=postgres sslmode=require", server.port);
    let limits = Limits { statement_timeout: Duration::from_millis(700), ..Limits::default() };
    let door = Door::open(resolve(&text), limits).await.unwrap();
    let database = door.default_database();
    assert!(door.is_superuser() && !door.in_recovery());
    assert!(door.version().major() >= 14 && door.version().text.starts_with(&door.version().to_string()));

    // the settings of every read, and that they end with it
    for (name, expected) in [
        ("statement_timeout", "700ms"),
        ("lock_timeout", "200ms"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("search_path", "pg_catalog"),
        ("jit", "off"),
        ("max_parallel_workers_per_gather", "0"),
        ("work_mem", "32MB"),
        ("transaction_read_only", "on"),
        ("client_encoding", "UTF8"),
    ] {
        assert_eq!(word(&database, &format!("select current_setting('{name}') as word")).await, expected, "{name}");
    }
    let left: i64 = admin
        .query_one(
            "select count(*) from pg_stat_activity where application_name = $1 and state <> 'idle'",
            &[&format!("pgassay/{}", env!("CARGO_PKG_VERSION"))],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(left, 0, "nothing of ours may be left in a transaction");

    // timeouts
    let error = database.read::<Word>("select pg_sleep(5)::text as word", &[]).await.unwrap_err();
    assert!(matches!(error, ReadError::TimedOut { limit } if limit == Duration::from_millis(700)), "{error:?}");
    admin.batch_execute("begin; lock table t in access exclusive mode").await.unwrap();
    let started = Instant::now();
    let error = database.read::<Count>("select count(*) as n from public.t", &[]).await.unwrap_err();
    assert!(matches!(error, ReadError::Locked { .. }) && started.elapsed() < Duration::from_millis(650), "{error:?}");
    admin.batch_execute("rollback").await.unwrap();

    // nothing is written, also not by a superuser who asks for it
    for sql in ["create table public.x (a int)", "insert into public.t values (1)", "select nextval('public.s')"] {
        admin.batch_execute("create sequence if not exists s").await.unwrap();
        let error = database.read::<Word>(sql, &[]).await.unwrap_err();
        assert_eq!(error.code(), Some("25006"), "{sql}: {error:?}");
    }

    // errors by kind, and the connection is fine after each
    let plain = open(&format!("{text} user=plain")).await.unwrap().default_database();
    for (database, sql, expected) in [
        (&plain, "select count(*) as n from public.t", "42501"),
        (&database, "select count(*) as n from public.nowhere", "42P01"),
        (&database, "select nothing as n from pg_class", "42703"),
        (&database, "select pg_nothing() as n", "42883"),
        (&database, "select 1 / 0 as n", "22012"),
    ] {
        let error = database.read::<Count>(sql, &[]).await.unwrap_err();
        assert_eq!(error.code(), Some(expected), "{sql}: {error:?}");
    }
    let error = database.read::<Count>("select 1::int8 as m", &[]).await.unwrap_err();
    assert!(matches!(&error, ReadError::Decode(DecodeError::Columns { found, .. }) if found == &["m"]), "{error:?}");
    let error = database.read::<Count>("select null::int8 as n", &[]).await.unwrap_err();
    assert!(matches!(&error, ReadError::Decode(DecodeError::Value { column, .. }) if column == "n"), "{error:?}");
    let error = database.read::<Count>("select 1 as n", &[]).await.unwrap_err();
    assert!(matches!(error, ReadError::Decode(DecodeError::Value { .. })), "{error:?}");
    let error = door.database("no such database").read::<Count>("select 1::int8 as n", &[]).await.unwrap_err();
    assert!(matches!(error, ReadError::Vanished { .. }), "{error:?}");

    // an abandoned read is cancelled, over TLS
    let door = open(&text).await.unwrap();
    abandon(&server, &door, &door.default_database()).await;
}

pgassay::row! {
    struct Everything {
        b: bool,
        s: i16,
        i: i32,
        l: i64,
        o: u32,
        f: f32,
        d: f64,
        t: String,
        n: String,
        c: char,
        none: Option<i32>,
        texts: Vec<String>,
        names: Vec<Option<String>>,
        oids: Option<Vec<u32>>,
        smalls: Vec<i16>,
        chars: Vec<char>,
        at: Option<Timestamp>,
        later: Option<Timestamp>,
        earlier: Option<Timestamp>,
        json: Json,
        jsonb: Option<Json>,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_and_session() {
    let server = Server::start(&Options::default());
    let text = format!("host={} port={} dbname=postgres", server.directory.display(), server.port);
    let door = open(&text).await.unwrap();
    let database = door.default_database();
    let sql = "select true as b, 1::int2 as s, 2 as i, 3::int8 as l, 4::oid as o, 1.5::float4 as f, 2.5::float8 as d, 'ü'::text as t, \
               'n'::name as n, 'c'::\"char\" as c, null::int as none, '{a,b}'::text[] as texts, '{a,NULL}'::name[] as names, \
               '{7}'::oid[] as oids, '1 2'::int2vector::int2[] as smalls, '{a,d}'::\"char\"[] as chars, '2000-01-01 00:00:00+00'::timestamptz as at, \
               'infinity'::timestamptz as later, '-infinity'::timestamptz as earlier, '{\"a\":1}'::json as json, '[2]'::jsonb as jsonb";
    let rows: Vec<Everything> = database.read(sql, &[]).await.unwrap();
    let expected = Everything {
        b: true,
        s: 1,
        i: 2,
        l: 3,
        o: 4,
        f: 1.5,
        d: 2.5,
        t: "ü".into(),
        n: "n".into(),
        c: 'c',
        none: None,
        texts: vec!["a".into(), "b".into()],
        names: vec![Some("a".into()), None],
        oids: Some(vec![7]),
        smalls: vec![1, 2],
        chars: vec!['a', 'd'],
        at: Some(Timestamp::from_postgres_micros(0)),
        later: Some(Timestamp::INFINITY),
        earlier: Some(Timestamp::NEGATIVE_INFINITY),
        json: Json(serde_json::json!({"a": 1})),
        jsonb: Some(Json(serde_json::json!([2]))),
    };
    assert_eq!(rows, [expected]);
    let parameters = [
        Parameter::Bool(true),
        Parameter::Int(1),
        Parameter::BigInt(2),
        Parameter::Double(0.5),
        Parameter::Oid(3),
        Parameter::Text("x'y"),
        Parameter::Oids(&[4, 5]),
        Parameter::BigInts(&[6]),
        Parameter::Texts(&["a".to_owned()]),
    ];
    let sql = "select concat_ws(' ', $1, $2, $3, $4, $5, $6, $7, $8, $9) as word";
    let rows: Vec<Word> = database.read(sql, &parameters).await.unwrap();
    assert_eq!(rows[0].word.as_deref(), Some("t 1 2 0.5 3 x'y {4,5} {6} {a}"));
    assert_eq!(database.read::<Count>("select 1::int8 as n where false", &[]).await.unwrap(), []);
    let many: Vec<Count> =
        database.read("select g::int8 as n from generate_series(1, 100000) as g", &[]).await.unwrap();
    assert_eq!(many.len(), 100_000);

    // several statements in one transaction, also after an error
    let mut session = database.session().await.unwrap();
    session.batch("set local plan_cache_mode = force_generic_plan").await.unwrap();
    session.prepare("odd \" name", "select relname from pg_class where oid = $1").await.unwrap();
    let plan = session.text("explain (format text) execute \"odd \"\" name\" (null)").await.unwrap();
    assert!(plan[0][0].as_deref().is_some_and(|line| line.contains("pg_class")), "{plan:?}");
    assert!(session.batch("select 1 / 0").await.is_err());
    assert_eq!(session.batch("select 1").await.unwrap_err().code(), Some("25P02"));
    session.restart().await.unwrap();
    let rows: Vec<Word> = session
        .read("select count(*)::text || current_setting('plan_cache_mode') as word from pg_prepared_statements", &[])
        .await
        .unwrap();
    assert_eq!(rows[0].word.as_deref(), Some("0auto"));
    assert_eq!(session.batch("create table public.x (a int)").await.unwrap_err().code(), Some("25006"));
    session.restart().await.unwrap();
    session.prepare("p", "select 1").await.unwrap();
    session.finish().await.unwrap();
    let rows = word(&database, "select count(*)::text as word from pg_prepared_statements").await;
    assert_eq!(rows, "0");
    // one that is dropped half way takes its connection with it
    let mut session = database.session().await.unwrap();
    session.batch("set local enable_hashjoin = off").await.unwrap();
    drop(session);
    door.close().await;
    assert_eq!(word(&door.default_database(), "select current_setting('enable_hashjoin') as word").await, "on");
}

#[tokio::test(flavor = "multi_thread")]
async fn never_more_connections_than_allowed() {
    let server = Server::start(&Options::default());
    let admin = server.admin().await;
    for number in 0..5 {
        admin.batch_execute(&format!("create database d{number}")).await.unwrap();
    }
    let text = format!("host=127.0.0.1 port={} dbname=postgres", server.port);
    // one is enough for any number of databases
    let door = Door::open(resolve(&text), Limits { connections: 1, ..Limits::default() }).await.unwrap();
    let reads = (0..20).map(|number| {
        let database = door.database(&format!("d{}", number % 5));
        async move { word(&database, "select 'x' as word").await }
    });
    tokio::time::timeout(Duration::from_secs(60), futures_util::future::join_all(reads)).await.expect("a deadlock");
    assert_eq!(door.open_connections(), 1);
    door.close().await;
    let door = Door::open(resolve(&text), Limits { connections: 2, ..Limits::default() }).await.unwrap();
    let watching = tokio::spawn({
        let watcher = server.admin().await;
        async move {
            let mut most = 0;
            loop {
                let sql = "select count(*) from pg_stat_activity where application_name like 'pgassay/%'";
                let count: i64 = watcher.query_one(sql, &[]).await.unwrap().get(0);
                most = most.max(count);
                if watcher.query_one("select to_regclass('done') is not null", &[]).await.unwrap().get(0) {
                    return most;
                }
            }
        }
    });
    let reads = (0..100).map(|number| {
        let database = door.database(&format!("d{}", number % 5));
        async move {
            let name = word(&database, "select current_database()::text as word").await;
            assert_eq!(name, database.name());
        }
    });
    tokio::time::timeout(Duration::from_secs(60), futures_util::future::join_all(reads)).await.expect("a deadlock");
    assert!(door.open_connections() <= 2);
    admin.batch_execute("create table done ()").await.unwrap();
    let most = watching.await.unwrap();
    // a connection that was closed lives on in the server's table until its backend has noticed
    assert!((1..=4).contains(&most), "{most}");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_replaced_once() {
    let mut server = Server::start(&Options::default());
    let admin = server.admin().await;
    let text = format!("host=127.0.0.1 port={} dbname=postgres", server.port);
    let door = open(&text).await.unwrap();
    let database = door.default_database();
    let kill = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'pgassay/%'";
    // while idle
    assert_eq!(word(&database, "select 'a' as word").await, "a");
    admin.query(kill, &[]).await.unwrap();
    assert_eq!(word(&database, "select 'b' as word").await, "b");
    // in the middle
    let reading = tokio::spawn({
        let database = database.clone();
        async move { database.read::<Word>("select 'c' || pg_sleep(1)::text as word", &[]).await }
    });
    let active = "select count(*) from pg_stat_activity where query like '%pg_sleep(1)%' and pid <> pg_backend_pid() and state = 'active'";
    let started = Instant::now();
    while admin.query_one(active, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(started.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    admin.query(kill, &[]).await.unwrap();
    assert_eq!(reading.await.unwrap().unwrap()[0].word.as_deref(), Some("c"));
    // a database dropped with everybody in it
    admin.batch_execute("create database gone").await.unwrap();
    let gone = door.database("gone");
    assert_eq!(word(&gone, "select 'd' as word").await, "d");
    admin.batch_execute("drop database gone with (force)").await.unwrap();
    let error = gone.read::<Word>("select 'e' as word", &[]).await.unwrap_err();
    assert!(matches!(error, ReadError::Vanished { .. }), "{error:?}");
    // the whole server
    let reading = tokio::spawn({
        let database = database.clone();
        async move { database.read::<Word>("select pg_sleep(9)::text as word", &[]).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(admin);
    server.stop();
    let error = reading.await.unwrap().unwrap_err();
    assert!(matches!(error, ReadError::Lost { .. }), "{error:?}");
    door.close().await;
}
