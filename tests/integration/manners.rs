//! Safety and manners on real servers: nothing is written, nothing is waited for, no secret gets out, and whatever happens
//! to the server meanwhile, what was read is reported.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pgassay::render;
use pgassay::scratch::{Scratch, ShutdownMode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::{
    Database, MONITOR, NOBODY, Output, Pooler, Session, connect, database, each_major, eventually, majors, options,
    own, pgassay, pgassay_command, pgassay_with, try_connect,
};

fn newest() -> u16 {
    *majors().iter().max().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}\nstdout: {}\nstderr: {}", output.stdout, output.stderr))
}

/// The program while it runs. What it writes is read all the time, so that it never waits for its reader; and it is
/// ended with the test.
struct Audit {
    child: Child,
    outputs: Option<(JoinHandle<String>, JoinHandle<String>)>,
    deadline: Instant,
}

fn start(arguments: &[&str]) -> Audit {
    fn drain(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
        std::thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).unwrap();
            text
        })
    }
    let mut child = pgassay_command(arguments, &[]).spawn().unwrap();
    let outputs = Some((drain(child.stdout.take().unwrap()), drain(child.stderr.take().unwrap())));
    Audit { child, outputs, deadline: Instant::now() + Duration::from_secs(60) }
}

impl Audit {
    fn is_running(&mut self) -> bool {
        assert!(Instant::now() < self.deadline, "the audit does not end");
        self.child.try_wait().unwrap().is_none()
    }

    fn finish(mut self) -> Output {
        while self.is_running() {
            std::thread::sleep(Duration::from_millis(2));
        }
        let code = self.child.wait().unwrap().code();
        let (stdout, stderr) = self.outputs.take().unwrap();
        Output { code, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A condition about the sessions of an audit, as another session sees them.
const OURS: &str = "pg_stat_activity where application_name like 'pgassay/%' and pid <> pg_backend_pid()";

/// Tables, statements and sizes that make an audit do everything it can do: measure, probe keys, plan.
fn shop(server: &Scratch) -> Database<'_> {
    let database = database(server);
    database.execute(
        "create extension pg_stat_statements;
         create extension pgstattuple;
         create table customers (id int primary key, email text);
         insert into customers select n, 'c' || n from generate_series(1, 60000) as n;
         create table orders (id serial primary key, customer int references customers, total int);
         insert into orders (customer, total) select 1 + n % 60000, n from generate_series(1, 120000) as n;
         create index orders_some on orders (customer) where total > 10;
         create unlogged table carts (id int primary key);
         insert into carts values (1);
         create role app login;
         grant select on all tables in schema public to app, monitor;
         analyze",
    );
    let app = connect(&database.url_as("app"));
    for _ in 0..20 {
        app.execute("select * from orders where total = 4");
        app.execute("select c.email from customers as c join orders as o on o.customer = c.id where o.id = 7");
    }
    database
}

// ------------------------------------------------------------------------------------------------------- only reading

/// What a statement begins with that an audit may send.
fn is_harmless(statement: &str) -> bool {
    let lines = statement.lines().map(str::trim).filter(|line| !line.starts_with("--"));
    let text = lines.collect::<Vec<_>>().join(" ").trim().to_lowercase();
    let plan = r#""pgassay_plan""#;
    matches!(text.as_str(), "begin read only" | "commit" | "rollback")
        || text.starts_with("set local ")
        || (text.starts_with("select ") && !text.contains(" for update") && !text.contains(" into "))
        || text.starts_with("explain (generic_plan, verbose, format json) select ")
        || text.starts_with(r#"explain (verbose, format json) execute pgassay_plan"#)
        || text.starts_with(&format!("prepare {plan} as select "))
        || text == format!("deallocate {plan}")
}

/// The statements that a server with `log_statement = all` logged for audits.
fn logged(log: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in log.lines() {
        match (line.strip_prefix('\t'), entries.last_mut()) {
            (Some(more), Some(entry)) => {
                entry.push('\n');
                entry.push_str(more);
            }
            _ => entries.push(line.to_owned()),
        }
    }
    let of_audit = entries.iter().filter_map(|entry| entry.strip_prefix("@@pgassay/"));
    let texts = of_audit.filter_map(|entry| {
        let said = entry.split_once("LOG:  ")?.1;
        let text = said.strip_prefix("statement: ").or_else(|| said.strip_prefix("execute <unnamed>: "))?;
        Some(text.to_owned())
    });
    texts.collect()
}

#[test]
fn an_audit_only_reads() {
    for major in majors() {
        let options = options(*major)
            .set("log_statement", "all")
            .set("log_line_prefix", "@@%a@@ ")
            // nobody else may write meanwhile
            .set("autovacuum", "off");
        let server = own(options);
        let database = shop(&server);
        let watcher = database.connect();
        let written =
            "select (select coalesce(sum(tup_inserted + tup_updated + tup_deleted), 0) from pg_stat_database),
               (select count(*) from pg_class where relpersistence = 't'),
               (select count(*) from pg_namespace), (select count(*) from pg_prepared_xacts),
               (select sum(temp_files) from pg_stat_database)";
        // counters of sessions that have just ended arrive late
        eventually("only the watcher", || {
            watcher.value("select count(*) from pg_stat_activity where backend_type = 'client backend'") == "1"
        });
        let mut before = watcher.rows(written);
        eventually("the counters are at rest", || std::mem::replace(&mut before, watcher.rows(written)) == before);
        let inside = "select sum(n_tup_ins + n_tup_upd + n_tup_del + n_mod_since_analyze), sum(seq_tup_read)
            from pg_stat_user_tables";
        let inside_before = database.rows(inside);
        let xid = watcher.value("select pg_snapshot_xmax(pg_current_snapshot())");

        let mut modes: BTreeSet<String> = BTreeSet::new();
        let sample = format!(
            "select distinct l.locktype || ' ' || l.mode || coalesce(' on ' || l.relation::regclass, '')
             from pg_locks as l where l.pid in (select pid from {OURS}) and l.mode <> 'AccessShareLock'
             -- every session that begins takes this one on its database, for a moment
             and not (l.locktype = 'object' and l.classid = 'pg_database'::regclass and l.mode = 'RowExclusiveLock')
             union all select 'sampled' where exists
             (select from pg_locks as l where l.pid in (select pid from {OURS}) and l.mode = 'AccessShareLock')"
        );
        for (role, plans) in [(MONITOR, "--plans=on"), ("postgres", "--plans=always")] {
            let url = database.url_as(role);
            let mut child = start(&["audit", &url, plans, "--format", "json", "--exit-zero"]);
            while child.is_running() {
                for row in watcher.rows(&sample) {
                    modes.extend(row.into_iter().flatten());
                }
            }
            let output = child.finish();
            assert_eq!(output.code, Some(0), "as {role}: {}", output.stderr);
            assert!(!json(&output)["queries"].as_array().unwrap().is_empty());
        }
        assert!(modes.remove("sampled"), "no lock of the audit was seen");
        // of each transaction on itself
        modes.remove("virtualxid ExclusiveLock");
        assert_eq!(modes, BTreeSet::new(), "locks other than AccessShareLock");

        assert_eq!(watcher.value("select pg_snapshot_xmax(pg_current_snapshot())"), xid, "a transaction id was used");
        eventually("the audit's sessions are gone", || watcher.value(&format!("select count(*) from {OURS}")) == "0");
        assert_eq!(watcher.rows(written), before);
        assert_eq!(database.rows(inside)[0][0], inside_before[0][0]);

        let log = std::fs::read_to_string(server.log_file()).unwrap();
        let texts = logged(&log);
        let mut seen = BTreeSet::new();
        for text in &texts {
            for statement in pg_query::split_with_scanner(text).unwrap() {
                assert!(is_harmless(statement), "PostgreSQL {major} was sent: {statement}");
                seen.insert(statement.split_whitespace().next().unwrap_or_default().to_owned());
            }
        }
        let expected: &[&str] = if *major >= 16 { &["explain"] } else { &["explain", "prepare", "deallocate"] };
        for word in expected.iter().chain(&["begin", "set", "commit", "rollback"]) {
            assert!(seen.contains(*word), "the log of PostgreSQL {major} has no {word}: {seen:?}");
        }
        assert!(!texts.is_empty());
    }
}

// ---------------------------------------------------------------------------------------------------------- no waiting

fn unjudged<'a>(report: &'a Value, rule: &str) -> Vec<&'a Value> {
    let rules = report["rules"].as_array().unwrap().iter().filter(|entry| entry["id"] == rule);
    rules.flat_map(|entry| entry["unjudged"].as_array().unwrap()).collect()
}

fn found(report: &Value, key: &str) -> bool {
    report["findings"].as_array().unwrap().iter().any(|finding| finding["key"].as_str().unwrap().contains(key))
}

/// A configuration for which a few megabytes are worth a word.
fn small_sizes() -> String {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let path = scratch_directory("small").join("pgassay.toml");
        std::fs::write(&path, "[rules.bloated-index]\nminimum_size_bytes = \"1 MiB\"\n").unwrap();
        path
    });
    file.display().to_string()
}

#[test]
fn a_locked_table_is_unjudged_and_not_waited_for() {
    let config = small_sizes();
    each_major(|server| {
        let database = server.database();
        database.execute(
            "create extension pgstattuple;
             create table parent (id int primary key);
             create table held (id int primary key, parent int references parent);
             insert into held select n from generate_series(1, 100000) as n;
             create index held_some on held (parent) where id > 10;
             create table free (id int primary key, parent int references parent);
             insert into free select n from generate_series(1, 100000) as n;
             analyze",
        );
        let (reader, waiter) = (database.connect(), database.connect());
        for waited_for in [false, true] {
            let running = if waited_for {
                reader.execute("begin; lock table held in access share mode");
                let pid = waiter.pid();
                let running = waiter.begin("begin; lock table held in access exclusive mode");
                let asks = format!("select exists (select from pg_locks where pid = {pid} and not granted)");
                eventually("the lock is waited for", || reader.value(&asks) == "t");
                Some(running)
            } else {
                // as a migration does; to measure an index needs a lock on the index alone
                reader.execute("begin; lock table held in access exclusive mode; reindex index held_pkey");
                None
            };
            let started = Instant::now();
            let output =
                pgassay(&["audit", &database.url(), "--format", "json", "--fail-on", "none", "--config", &config]);
            let took = started.elapsed();
            reader.execute("rollback");
            if let Some(running) = running {
                eventually("the waiter goes on", || running.is_finished());
                waiter.execute("rollback");
            }
            let report = json(&output);
            assert!(took < Duration::from_secs(8), "it took {took:?}");
            let rules: &[&str] = if waited_for {
                &["foreign-key-without-index"]
            } else {
                &["foreign-key-without-index", "bloated-index"]
            };
            for rule in rules {
                let groups = unjudged(&report, rule);
                let locked = groups.iter().find(|group| group["reason"] == "locked");
                let locked = locked.unwrap_or_else(|| panic!("{rule}, waited for: {waited_for}: {groups:?}"));
                assert!(locked["examples"].to_string().contains("held"), "{rule}: {locked}");
                assert!(!locked["examples"].to_string().contains("free"), "{rule}: {locked}");
            }
            assert!(found(&report, "/free/free_parent_fkey"), "the rest is judged");
            assert_eq!(output.code, Some(3), "{}", output.stderr);
        }
        // and free again, everything is judged
        let output = pgassay(&["audit", &database.url(), "--format", "json", "--fail-on", "none"]);
        assert_eq!(output.code, Some(0), "{}", output.stderr);
    });
}

#[test]
fn a_slow_query_is_cancelled_and_the_rest_goes_on() {
    let server = own(options(newest()));
    let database = shop(&server);
    // the view of the extension reads this function: its owner may make it as slow as a large server's
    database.execute(
        "create or replace function pg_stat_statements_info(out dealloc bigint, out stats_reset timestamptz)
         returns record language plpgsql as $$ begin perform pg_sleep(60); end $$;
         create or replace function pgstatindex(relname regclass, out version int, out tree_level int,
           out index_size bigint, out root_block_no bigint, out internal_pages bigint, out leaf_pages bigint,
           out empty_pages bigint, out deleted_pages bigint, out avg_leaf_density double precision,
           out leaf_fragmentation double precision)
         returns record language plpgsql as $$ begin perform pg_sleep(60); end $$",
    );
    let started = Instant::now();
    let output = pgassay(&[
        "audit",
        &database.url(),
        "--format",
        "json",
        "--fail-on",
        "none",
        "--statement-timeout",
        "300ms",
        "--config",
        &small_sizes(),
    ]);
    assert!(started.elapsed() < Duration::from_secs(10), "it took {:?}", started.elapsed());
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    let report = json(&output);
    let missing = report["missing"].as_array().unwrap();
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert_eq!((&missing[0]["fact"], &missing[0]["reason"]), (&Value::from("statements_info"), &Value::from("failed")));
    assert!(missing[0]["unlock"].as_str().unwrap().contains("--statement-timeout"));
    let groups = unjudged(&report, "bloated-index");
    assert!(groups.iter().any(|group| group["because"].as_str().unwrap().contains("statement_timeout")), "{groups:?}");
    assert!(found(&report, "orders_customer_fkey"), "the rest is judged");
}

// ------------------------------------------------------------------------------------------------------------ canaries

/// A word that must not be in anything the program writes.
const CANARY: &str = "kanari3nv0gel";

#[test]
fn no_secret_gets_out() {
    let major = newest();
    let mut options = options(major);
    options.tcp = true;
    for (name, value) in [
        ("primary_conninfo", format!("host=nowhere password={CANARY}01")),
        ("archive_mode", "on".to_owned()),
        ("archive_command", format!("true --password {CANARY}02")),
        ("restore_command", format!("curl -u x:{CANARY}03")),
        ("recovery_end_command", format!("true {CANARY}04")),
        ("app.jwt_secret", format!("{CANARY}05")),
        ("pg_stat_statements.track", "all".to_owned()),
        ("pg_stat_statements.track_utility", "on".to_owned()),
    ] {
        options = options.set(name, value);
    }
    let server = own(options);
    let database = shop(&server);
    let name = &database.name;
    database.execute(&format!(
        "create foreign data wrapper dummy options (secret '{CANARY}06');
         create server elsewhere foreign data wrapper dummy options (password '{CANARY}07');
         create user mapping for app server elsewhere options (user 'x', password '{CANARY}08');
         create foreign table abroad (id int) server elsewhere options (token '{CANARY}09');
         create subscription away connection 'host=nowhere password={CANARY}10' publication p with (connect = false);
         alter role app password '{CANARY}11';
         alter role app set app.token = '{CANARY}12';
         alter database {name} set app.key = '{CANARY}13';
         alter role app in database {name} set my.secret = '{CANARY}14';
         create table messages (id int primary key, body text);
         insert into messages values (1, '{CANARY}15');
         create index on messages (lower(body)) where body <> '{CANARY}16';
         create index on messages ((body || '{CANARY}17'));
         alter table messages alter column body set default '{CANARY}18', add check (body <> '{CANARY}19');
         analyze",
    ));
    // what statements carry: literals, comments, odd quoting, text that does not parse, utility statements
    let talker = connect(&database.url_as("app"));
    talker.execute(&format!("set app.mine = '{CANARY}20'"));
    for text in [
        format!("select * from orders where total::text = '{CANARY}21' -- {CANARY}22"),
        format!("/* {CANARY}23 */ select $${CANARY}24$$, E'{CANARY}25\\n', U&'{CANARY}26' from orders limit 1"),
        format!("do $$ begin perform '{CANARY}27'; end $$"),
        format!("prepare p as select '{CANARY}28' from orders limit 1"),
        "execute p".to_owned(),
        format!("declare c cursor with hold for select '{CANARY}29' from orders limit 1"),
    ] {
        talker.execute(&text);
    }
    for text in [
        format!("alter user mapping for app server elsewhere options (set password '{CANARY}30')"),
        format!("alter subscription away connection 'host=nowhere password={CANARY}31'"),
        format!("create role other password '{CANARY}32'"),
        format!("comment on table orders is '{CANARY}33'"),
        format!("copy (select '{CANARY}34') to '/dev/null'"),
        format!("alter system set archive_cleanup_command = '{CANARY}35'"),
    ] {
        database.execute(&text);
    }
    // sessions that are seen while they run, wait, idle, and after an error
    let open: Vec<Session> = (0..4).map(|_| connect(&database.url_as("app"))).collect();
    let _running = open[0].begin(&format!("select pg_sleep(600) /* {CANARY}40 */ where '{CANARY}41' <> ''"));
    open[1].execute(&format!("begin; select '{CANARY}42' from orders limit 1"));
    let _ = open[2].try_rows(&format!("selct '{CANARY}43"));
    open[3].execute(&format!("select '{CANARY}44'"));
    let blocker = database.connect();
    blocker.execute("begin; lock table messages in access exclusive mode");
    let waiting = database.connect();
    let _waiting = waiting.begin(&format!("select * from messages where body = '{CANARY}45'"));
    eventually("a session waits", || {
        blocker.value("select exists (select from pg_stat_activity where wait_event_type = 'Lock')") == "t"
    });

    // proof that the canaries sing: the server itself shows them to whoever asks
    let seen = database.rows("select query from pg_stat_statements").concat().into_iter().flatten().collect::<String>();
    assert!(seen.contains(CANARY), "pg_stat_statements has no canary in it");

    let directory = scratch_directory("canaries");
    let path = |file: &str| directory.join(file).display().to_string();
    // the password of the connection itself: in a URI, as key=value, in the environment and in a file
    server.connect().execute(&format!("alter role app password '{CANARY}50'; grant pg_monitor to app"));
    let uri =
        server.tcp_url(name).unwrap().replace("postgres:", "app:").replace(server.password(), &format!("{CANARY}50"));
    let port = server.port();
    let pairs = format!("host=127.0.0.1 port={port} user=app dbname={name} password={CANARY}50");
    let bare = format!("host=127.0.0.1 port={port} user=app dbname={name}");
    std::fs::write(directory.join("pass"), format!("*:*:*:*:{CANARY}50\n")).unwrap();
    std::fs::set_permissions(directory.join("pass"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let passfile = path("pass");
    let password = format!("{CANARY}50");
    let saved = path("saved.json");

    let mut written: Vec<(String, String)> = Vec::new();
    let mut run = |what: &str, arguments: &[&str], environment: &[(&str, &str)], codes: &[i32]| {
        let output = pgassay_with(arguments, environment);
        assert!(output.code.is_some_and(|code| codes.contains(&code)), "{what}: {:?} {}", output.code, output.stderr);
        written.push((format!("{what}: standard output"), output.stdout));
        written.push((format!("{what}: standard error"), output.stderr));
    };
    // a table is locked on purpose, so that its unjudged subjects are told too
    let complete = [0, 1, 3];
    for format in render::ALL.iter().map(|renderer| renderer.name) {
        run(format, &["audit", &uri, "--format", format, "-vv", "--plans", "--save", &saved], &[], &complete);
        run(
            &format!("{format}, as superuser"),
            &["audit", &database.url(), "--format", format, "-vv", "--plans=always"],
            &[],
            &complete,
        );
    }
    run("key=value", &["audit", &pairs, "--format", "json"], &[], &complete);
    run("PGPASSWORD", &["audit", &bare], &[("PGPASSWORD", &password)], &complete);
    run("PGPASSFILE", &["audit", &bare], &[("PGPASSFILE", &passfile)], &complete);
    run("snapshot", &["snapshot", &database.url(), "-o", "-"], &[], &[0, 3]);
    run("replay", &["audit", "--snapshot", &saved, "--format", "json"], &[], &complete);
    run("watch", &["audit", &database.url(), "--watch", "1s", "--format", "json", "-vv"], &[], &complete);
    // and where it fails
    let wrong = [
        uri.replace(&format!(":{port}/"), ":1/"),
        uri.replace(name, "no_such_database"),
        uri.replace("app:", "no_such_role:"),
        format!("{uri}?sslmode=require"),
        format!("{uri}?no_such_parameter=1"),
        format!("{uri}?target_session_attrs=standby"),
        uri.replace("127.0.0.1", "127.0.0.1:"),
        pairs.replace("host=", "hots="),
        format!("{pairs} application_name='"),
        format!("postgresql://u:{CANARY}60@[::1/x"),
        format!("postgresql://u:{CANARY}61"),
    ];
    for (number, conninfo) in wrong.iter().enumerate() {
        run(&format!("wrong {number}"), &["audit", conninfo], &[], &[2, 3]);
        run(&format!("wrong {number}, snapshot"), &["snapshot", conninfo], &[], &[2, 3]);
    }
    run("config", &["config", "check"], &[("PGPASSWORD", &password)], &[0, 2]);
    run("man", &["man"], &[("PGPASSWORD", &password)], &[0]);
    written.push(("--save".to_owned(), std::fs::read_to_string(&saved).unwrap()));

    for (what, text) in &written {
        if let Some(at) = text.find(CANARY) {
            let start = text[..at].char_indices().rev().nth(200).map_or(0, |(index, _)| index);
            let end = text[at..].char_indices().nth(60).map_or(text.len(), |(index, _)| at + index);
            panic!("a secret got into {what}: …{}…", &text[start..end]);
        }
    }
    // nothing was hidden by hiding everything
    assert!(written.iter().any(|(_, text)| text.contains("orders_customer_fkey")));
    assert!(written.iter().any(|(what, text)| what == "--save" && text.contains("app.token")));
    std::fs::remove_dir_all(&directory).unwrap();
}

fn scratch_directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

// ----------------------------------------------------------------------------------------------------------- accidents

/// Holds a catalog of a database, so that an audit of it stops for a moment at a place a test can see.
fn obstacle(database: &Database<'_>) -> Session {
    let session = database.connect();
    session.execute("begin; lock table pg_catalog.pg_inherits in access exclusive mode");
    session
}

/// Returns when an audit stands before the obstacle.
fn wait_at_obstacle(watcher: &Session, child: &mut Audit) {
    eventually("the audit stands before the obstacle", || {
        assert!(child.is_running(), "the audit ended before the obstacle");
        watcher.value(&format!("select exists (select from {OURS} and wait_event_type = 'Lock')")) == "t"
    });
}

/// A run that was cut off: code 3, a report with what was read, and what was not.
fn assert_cut_off(output: &Output) -> Value {
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
    let report = json(output);
    let missing = report["missing"].as_array().unwrap();
    assert!(!missing.is_empty());
    for unread in missing {
        let because = unread["because"].as_str().unwrap();
        assert!(because.len() < 300 && !because.contains('\n') && !because.contains("Error {"), "{because}");
    }
    report
}

#[test]
fn a_locked_catalog_is_one_fact_less() {
    each_major(|server| {
        let database = server.database();
        database.execute("create table parent (id int primary key); create table t (id int primary key, parent int references parent)");
        let obstacle = obstacle(&database);
        let started = Instant::now();
        let output = pgassay(&["audit", &database.url(), "--format", "json"]);
        assert!(started.elapsed() < Duration::from_secs(8), "it took {:?}", started.elapsed());
        obstacle.execute("rollback");
        let report = assert_cut_off(&output);
        let facts: BTreeSet<&str> =
            report["missing"].as_array().unwrap().iter().map(|unread| unread["fact"].as_str().unwrap()).collect();
        assert!(facts.contains("inheritance") && facts.len() <= 4, "{facts:?}");
    });
}

#[test]
fn a_server_that_is_killed_meanwhile() {
    let server = own(options(newest()));
    let database = shop(&server);
    let obstacle = obstacle(&database);
    let watcher = server.connect();
    let url = database.url();
    let mut child = start(&["audit", &url, "--format", "json"]);
    wait_at_obstacle(&watcher, &mut child);
    let postmaster = Pid::from_raw(server.postmaster_pid().unwrap()).unwrap();
    kill_process(postmaster, Signal::KILL).unwrap();
    let output = child.finish();
    drop(obstacle);
    let report = assert_cut_off(&output);
    // what had been read by then is there
    assert_eq!(report["source"]["superuser"], true);
    assert!(report["rules"].as_array().unwrap().iter().any(|rule| rule["outcome"] != "skipped"));
    // the same for a human: it says that something is missing
    let refused = pgassay(&["audit", &url]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(3), ""));
    assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
}

#[test]
fn sessions_that_are_terminated_again_and_again() {
    let server = own(options(newest()));
    let database = shop(&server);
    let obstacle = obstacle(&database);
    let watcher = server.connect();
    let mut child = start(&["audit", &database.url(), "--format", "json"]);
    wait_at_obstacle(&watcher, &mut child);
    while child.is_running() {
        watcher.execute(&format!("select pg_terminate_backend(pid) from {OURS}"));
    }
    let output = child.finish();
    drop(obstacle);
    let report = assert_cut_off(&output);
    assert_eq!(report["source"]["superuser"], true);

    // terminated once, it connects again and nothing is lost
    let mut child = start(&["audit", &database.url(), "--format", "json", "--fail-on", "none", "--watch", "1s"]);
    eventually("the audit is connected", || watcher.value(&format!("select count(*) > 0 from {OURS}")) == "t");
    eventually("the audit watches", || {
        assert!(child.is_running());
        watcher.value(&format!("select count(*) > 0 and bool_and(state = 'idle') from {OURS}")) == "t"
    });
    watcher.execute(&format!("select pg_terminate_backend(pid) from {OURS}"));
    let output = child.finish();
    assert_eq!(output.code, Some(0), "{}\n{}", output.stderr, json(&output)["missing"]);
}

#[test]
fn a_database_that_is_dropped_while_all_are_read() {
    let server = own(options(newest()));
    let (first, victim, last) = (shop(&server), database(&server), database(&server));
    last.execute("create table parent (id int primary key); insert into parent select generate_series(1, 2000);
        create table kept (id int primary key, parent int references parent); insert into kept select n, n from generate_series(1, 2000) as n; analyze");
    let obstacle = obstacle(&first);
    let watcher = server.connect();
    let mut child = start(&["audit", &first.url(), "--all-databases", "--format", "json"]);
    wait_at_obstacle(&watcher, &mut child);
    watcher.execute(&format!("drop database {} with (force)", victim.name));
    let output = child.finish();
    drop(obstacle);
    let report = assert_cut_off(&output);
    let of_victim: Vec<&Value> =
        report["missing"].as_array().unwrap().iter().filter(|unread| unread["database"] == *victim.name).collect();
    assert!(!of_victim.is_empty());
    assert!(of_victim.iter().any(|unread| unread["because"].to_string().contains("does not exist")), "{of_victim:?}");
    assert!(found(&report, "kept_parent_fkey"), "the databases after it are read");
}

// ------------------------------------------------------------------------------------------------------ in between

#[test]
fn a_standby_is_audited_and_said_to_be_one() {
    let server = own(options(newest()));
    let database = shop(&server);
    let standby = server.standby(options(newest())).unwrap_or_else(|error| panic!("{error}"));
    let url = standby.url(&database.name);
    eventually("the standby has the database", || {
        try_connect(&url).is_ok_and(|session| session.value("select pg_is_in_recovery()") == "t")
    });
    let output = pgassay(&["audit", &url, "--format", "json", "--fail-on", "none", "--plans=always"]);
    assert_eq!(output.code, Some(0), "{}\n{}", output.stderr, json(&output)["missing"]);
    let report = json(&output);
    assert_eq!(report["source"]["in_recovery"], true);
    assert!(report["notes"].to_string().contains("standby"), "{}", report["notes"]);
    assert!(found(&report, "orders_customer_fkey"));
    // and beside its primary
    let primary = database.url();
    let output = pgassay(&["audit", &primary, "--replica", &url, "--format", "json", "--fail-on", "none"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(json(&output)["source"]["in_recovery"], false);
    drop(standby);
}

#[test]
fn through_pgbouncer_with_one_connection() {
    let server = own(options(newest()));
    let database = shop(&server);
    let one = "auth_type = any\ndefault_pool_size = 1\nmax_db_connections = 1\nmax_client_conn = 20\n";
    let _pooler = Pooler::start(&server, "user=postgres", one);
    let arguments = |url: &str| {
        let output = pgassay(&["audit", url, "--format", "json", "--fail-on", "none", "--plans=always"]);
        assert_eq!(output.code, Some(0), "{}\n{}", output.stderr, json(&output)["missing"]);
        json(&output)
    };
    let url = Pooler::url(&server, "postgres", &database.name);
    let pooled = arguments(&url);
    let direct = arguments(&database.url());
    let keys = |report: &Value| -> BTreeSet<String> {
        let findings = report["findings"].as_array().unwrap().iter();
        findings.map(|finding| finding["key"].as_str().unwrap().to_owned()).filter(|key| key.contains('/')).collect()
    };
    assert_eq!(keys(&pooled), keys(&direct));
    // the one connection has nothing of the audit left in it
    let session = connect(&url);
    assert_eq!(session.value("select count(*) from pg_prepared_statements"), "0");
    assert_eq!(session.value("select pg_my_temp_schema()"), "0");
    for (setting, value) in
        [("statement_timeout", "0"), ("lock_timeout", "0"), ("search_path", "\"$user\", public"), ("jit", "on")]
    {
        let now = session.value(&format!("select current_setting('{setting}')"));
        assert!(now == value || setting == "jit", "{setting} is {now}");
    }
    assert_eq!(session.value("show transaction_read_only"), "off");
}

// ----------------------------------------------------------------------------------------------------------- who may

#[test]
fn whoever_sees_less_calls_nothing_passed_that_is_found() {
    each_major(|server| {
        let database = server.database();
        database.execute(
            "create extension pg_stat_statements; create extension pgstattuple;
             create schema hidden;
             create table hidden.parent (id serial primary key);
             create table hidden.child (id int primary key, parent int references hidden.parent, note text);
             insert into hidden.parent select from generate_series(1, 20000);
             insert into hidden.child select n, n, n from generate_series(1, 20000) as n;
             create index on hidden.child (note);
             create index on hidden.child (note);
             create table hidden.keyless (id int);
             create table hidden.keys (id int primary key);
             insert into hidden.keys values (2147483000);
             create sequence hidden.nearly as smallint start 32760;
             create table hidden.fed (id smallint primary key default nextval('hidden.nearly'));
             insert into hidden.fed values (default);
             analyze",
        );
        let report = |role: &str| {
            let url = database.url_as(role);
            let output = pgassay(&["audit", &url, "--format", "json", "--fail-on", "none", "--plans=always"]);
            assert_eq!(output.code, Some(0), "as {role}: {}\n{}", output.stderr, json(&output)["missing"]);
            json(&output)
        };
        let all = report("postgres");
        for role in [MONITOR, NOBODY] {
            let less = report(role);
            let rules = less["rules"].as_array().unwrap();
            assert_eq!(rules.len(), all["rules"].as_array().unwrap().len());
            for rule in rules.iter().filter(|rule| rule["outcome"] == "passed" && rule["database"].is_string()) {
                let id = rule["id"].as_str().unwrap();
                let same =
                    |finding: &&Value| finding["rule"] == id && finding["subject"]["database"] == rule["database"];
                let found = all["findings"].as_array().unwrap().iter().find(same);
                assert!(found.is_none(), "{id} is passed as {role}, the superuser finds {}", found.unwrap()["key"]);
            }
            for item in less["items"].as_array().unwrap().iter().filter(|item| item["state"] == "pass") {
                let same = |other: &&Value| other["id"] == item["id"];
                let other = all["items"].as_array().unwrap().iter().find(same).unwrap();
                assert!(other["state"] != "fail", "item {} passes as {role} and fails as superuser", item["id"]);
            }
        }
    });
}

#[test]
fn a_server_that_stops_in_order_says_so() {
    // as an administrator does it: sessions are told, and so is the user
    let server = own(options(newest()));
    let database = shop(&server);
    let obstacle = obstacle(&database);
    let watcher = server.connect();
    let mut child = start(&["audit", &database.url(), "--format", "json"]);
    wait_at_obstacle(&watcher, &mut child);
    server.halt(ShutdownMode::Fast).unwrap();
    let output = child.finish();
    drop(obstacle);
    assert_cut_off(&output);
    server.boot().unwrap();
}
