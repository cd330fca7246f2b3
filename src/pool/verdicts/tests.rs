use super::super::application_config::read;
use super::super::budget::{Limits, Pools, budget};
use super::super::capacity::{Machine, Tasks};
use super::super::decide::{self, Question};
use super::super::demand::{Demand, Key, Period, Tier};
use super::super::predict::Target;
use super::*;

fn of(inputs: &Inputs<'_>, item: &str) -> (State, String) {
    let all = super::decide(inputs, &Cutoffs::default());
    let found = all.into_iter().find(|verdict| verdict.item == item).unwrap();
    assert_eq!(found.evidence.is_none(), found.state == State::Unknown, "{found:?}");
    assert!(!found.because.is_empty() && !found.limit.is_empty());
    (found.state, found.because)
}

fn state(inputs: &Inputs<'_>, item: &str) -> State {
    of(inputs, item).0
}

fn config(name: &str, text: &str) -> Vec<ApplicationConfig> {
    vec![read(name, text, None).unwrap()]
}

fn decision(cores: Option<u32>) -> Decision {
    let mut demand = Demand::new(Tier::Counters, Key::ALL, Period::micros(0, 600_000_000), 2.0);
    (demand.mean_hold_seconds, demand.arrivals_per_second) = (Some(0.025), Some(80.0));
    let machine = Machine { cores, cores_source: "--cores".into(), ..Machine::default() };
    decide::decide(&Question {
        demand: &demand,
        traced: None,
        target: Target::default(),
        acquire_timeout_seconds: 10.0,
        instances: 1,
        machine: &machine,
        tasks: Tasks::default(),
        what_ifs: &[],
        holders: &[],
    })
}

#[test]
fn with_nothing_all_is_unknown() {
    let all = super::decide(&Inputs::default(), &Cutoffs::default());
    let items: Vec<&str> = all.iter().map(|verdict| verdict.item.as_str()).collect();
    assert_eq!(items, ["4.1", "4.2", "4.3", "4.4", "4.5", "4.6", "4.7", "4.8", "4.9", "4.10"]);
    assert!(all.iter().all(|verdict| verdict.state == State::Unknown && verdict.evidence.is_none()));
}

#[test]
fn a_pool_shows_in_transactions_a_session() {
    let traffic = |transactions, sessions| Inputs {
        traffic: Some(Traffic { seconds: 300.0, transactions, sessions }),
        ..Inputs::default()
    };
    assert_eq!(state(&traffic(403.0, 201.0), "4.1"), State::Fail);
    assert_eq!(state(&traffic(2000.0, 201.0), "4.1"), State::Warn);
    assert_eq!(state(&traffic(20_500.0, 205.0), "4.1"), State::Pass);
    assert_eq!(state(&traffic(500.0, 0.0), "4.1"), State::Pass);
    assert_eq!(state(&traffic(0.0, 0.0), "4.1"), State::NotApplicable);
    assert_eq!(state(&traffic(20.0, 10.0), "4.1"), State::Unknown);
    let django = config("settings.py", "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql'}}\n");
    assert_eq!(state(&Inputs { configs: &django, ..traffic(20_500.0, 205.0) }, "4.1"), State::Fail);
    let hikari = config("a.properties", "maximumPoolSize=5\n");
    assert_eq!(state(&Inputs { configs: &hikari, ..Inputs::default() }, "4.1"), State::Pass);
}

#[test]
fn the_size() {
    let decided = decision(Some(4));
    let with = |text: &str| config("a.properties", text);
    let judge =
        |configs: &[ApplicationConfig]| of(&Inputs { configs, decision: Some(&decided), ..Inputs::default() }, "4.2");
    // demand 5, the formula 3, cores × 2 8: from 3.75 to 10
    assert_eq!(judge(&with("maximumPoolSize=6\n")).0, State::Pass);
    assert_eq!(judge(&with("maximumPoolSize=10\n")).0, State::Pass);
    assert_eq!(judge(&with("maximumPoolSize=11\n")).0, State::Warn);
    assert_eq!(judge(&with("maximumPoolSize=3\n")).0, State::Warn);
    assert_eq!(judge(&with("maximumPoolSize=${N}\n")).0, State::Unknown);
    assert_eq!(
        judge(&with("maximumPoolSize=6\n")).1,
        "6 connections (configured for hikari); demand 5, the formula 3, cores × 2 8, ± 25 %"
    );
    let small = with("maximumPoolSize=3\n");
    let waits = Inputs { configs: &small, decision: Some(&decided), waits_too_long: Some(true), ..Inputs::default() };
    assert_eq!(state(&waits, "4.2"), State::Fail);
    let unlimited = config("main.go", "db, _ := sql.Open(\"pgx\", u)\ndb.SetConnMaxLifetime(time.Minute)\n");
    assert_eq!(judge(&unlimited).0, State::Warn);
    assert_eq!(
        state(&Inputs { decision: Some(&decided), observed_max: Some(7), ..Inputs::default() }, "4.2"),
        State::Pass
    );
    let unknown = decision(None);
    let (found, because) = of(&Inputs { decision: Some(&unknown), observed_max: Some(7), ..Inputs::default() }, "4.2");
    assert!(found == State::Unknown && because.ends_with("--cores"), "{because}");
    let pools = Pools { name: "web".into(), size: 50, instances: 4, ..Pools::default() };
    let budget = budget(&Limits { max_connections: 100, ..Limits::default() }, &[pools]);
    assert_eq!(
        state(&Inputs { budget: Some(&budget), decision: Some(&decided), ..Inputs::default() }, "4.2"),
        State::Fail
    );
}

#[test]
fn timeouts_are_the_checklists_own_words() {
    let judge = |text: &str, item: &str| {
        let configs = config("a.properties", text);
        state(&Inputs { configs: &configs, ..Inputs::default() }, item)
    };
    // at most 30 seconds, less than 30 and less than 10 minutes
    assert_eq!(judge("maximumPoolSize=5\nconnectionTimeout=30000\n", "4.3"), State::Pass);
    assert_eq!(judge("maximumPoolSize=5\nconnectionTimeout=30001\n", "4.3"), State::Fail);
    assert_eq!(judge("maximumPoolSize=5\nconnectionTimeout=0\n", "4.3"), State::Fail);
    assert_eq!(judge("maximumPoolSize=5\nconnectionTimeout=${T}\n", "4.3"), State::Unknown);
    assert_eq!(judge("maximumPoolSize=5\nmaxLifetime=1799999\n", "4.4"), State::Pass);
    assert_eq!(judge("maximumPoolSize=5\nmaxLifetime=1800000\n", "4.4"), State::Fail);
    assert_eq!(judge("maximumPoolSize=5\n", "4.4"), State::Fail);
    assert_eq!(judge("maximumPoolSize=5\nminimumIdle=2\nidleTimeout=300000\n", "4.5"), State::Pass);
    assert_eq!(judge("maximumPoolSize=5\nminimumIdle=2\nidleTimeout=600000\n", "4.5"), State::Fail);
    // the pool keeps all it has
    assert_eq!(judge("maximumPoolSize=5\nidleTimeout=300000\n", "4.5"), State::Warn);
    assert_eq!(judge("maximumPoolSize=5\nminimumIdle=5\nidleTimeout=300000\n", "4.5"), State::Warn);
    assert_eq!(judge("maximumPoolSize=5\nleakDetectionThreshold=2000\n", "4.6"), State::Pass);
    assert_eq!(judge("maximumPoolSize=5\n", "4.6"), State::Fail);
}

#[test]
fn defaults_of_every_pool_as_the_reference_counts_them() {
    // how many of 4.3 to 4.6 pass with nothing set
    for (name, text, passes) in [
        ("a.properties", "maximumPoolSize=5\n", 1),
        ("a.rs", "PgPoolOptions::new()", 1),
        ("a.rs", "bb8::Pool::builder()", 1),
        ("a.toml", "[pg.pool]\nmax_size = 5\n", 0),
        ("a.py", "create_engine(url)", 1),
        ("a.py", "from psycopg_pool import ConnectionPool\np = ConnectionPool(url)", 1),
        ("a.py", "asyncpg.create_pool(url)", 1),
        ("database.yml", "production:\n  adapter: postgresql\n", 3),
        ("a.js", "new Pool({max: 3})", 1),
        (".env", "U=postgres://h/d?pool_max_conns=3\n", 0),
        ("a.go", "sql.Open(\"pgx\", u)", 0),
        ("a.ini", "[pgbouncer]\ndefault_pool_size = 3\n", 0),
        ("a.yml", "Type: AWS::RDS::DBProxy\n", 0),
    ] {
        let configs = config(name, text);
        let inputs = Inputs { configs: &configs, ..Inputs::default() };
        let found = ["4.3", "4.4", "4.5", "4.6"].iter().filter(|item| state(&inputs, item) == State::Pass).count();
        assert_eq!(found, passes, "{}", configs[0].pool);
    }
}

#[test]
fn one_sample_fails_and_never_passes() {
    let one = Connections {
        samples: 1,
        seen: 4,
        oldest_seconds: 100.0,
        longest_idle_seconds: 30.0,
        ..Connections::default()
    };
    let judge = |connections: Connections, item: &str| {
        state(&Inputs { connections: Some(connections), ..Inputs::default() }, item)
    };
    assert_eq!((judge(one, "4.4"), judge(one, "4.5")), (State::Unknown, State::Unknown));
    let old = Connections { too_old: 1, oldest_seconds: 1800.0, idle_too_long: 1, longest_idle_seconds: 600.0, ..one };
    assert_eq!((judge(old, "4.4"), judge(old, "4.5")), (State::Fail, State::Fail));
    assert_eq!(judge(Connections { idle_in_constant_pools: 1, ..one }, "4.5"), State::Warn);
    let day = Connections { samples: 24, span_seconds: 86_400.0, oldest_seconds: 1000.0, ..one };
    assert_eq!((judge(day, "4.4"), judge(day, "4.5")), (State::Pass, State::Pass));
    assert_eq!(judge(Connections { samples: 23, ..day }, "4.4"), State::Unknown);
    // nothing was old enough, or idle at all, for a limit to be seen at work
    assert_eq!(judge(Connections { oldest_seconds: 800.0, ..day }, "4.4"), State::Unknown);
    assert_eq!(judge(Connections { longest_idle_seconds: 0.0, ..day }, "4.5"), State::Unknown);
    assert_eq!((judge(one, "4.8"), judge(one, "4.6")), (State::Unknown, State::Unknown));
    let leaking = Connections { never_returned: 2, ..one };
    assert_eq!((judge(leaking, "4.8"), judge(leaking, "4.6")), (State::Fail, State::Fail));
}

#[test]
fn what_is_measured_outweighs_what_is_written() {
    let configs = config("a.properties", "maximumPoolSize=5\nmaxLifetime=600000\n");
    let old = Connections { samples: 1, too_old: 3, oldest_seconds: 7300.0, ..Connections::default() };
    let (found, because) = of(&Inputs { configs: &configs, connections: Some(old), ..Inputs::default() }, "4.4");
    assert_eq!(found, State::Fail);
    assert_eq!(
        because,
        "3 connections are 30 minutes old or older, the oldest 2 hours; maxLifetime of hikari is 10 minutes (line 2)"
    );
    // a day without an old one does not make up for a limit that is too long
    let configs = config("a.properties", "maximumPoolSize=5\nmaxLifetime=3600000\n");
    let day = Connections { samples: 99, span_seconds: 90_000.0, oldest_seconds: 1000.0, ..Connections::default() };
    assert_eq!(state(&Inputs { configs: &configs, connections: Some(day), ..Inputs::default() }, "4.4"), State::Fail);
}

#[test]
fn of_several_configurations_the_worst_counts() {
    let mut configs = config("a.properties", "maximumPoolSize=5\nconnectionTimeout=10000\n");
    configs.extend(config("a.ini", "[pgbouncer]\ndefault_pool_size = 3\n"));
    let (found, because) = of(&Inputs { configs: &configs, ..Inputs::default() }, "4.3");
    assert_eq!(
        (found, because.as_str()),
        (State::Fail, "query_wait_timeout of pgbouncer is not set: 2 minutes by default")
    );
}

#[test]
fn the_server_ends_leaks_but_detects_none() {
    let judge =
        |roles, limited| state(&Inputs { idle_limit: Some(IdleLimit { roles, limited }), ..Inputs::default() }, "4.6");
    assert_eq!((judge(2, 2), judge(2, 1), judge(0, 0)), (State::Warn, State::Fail, State::Unknown));
}

#[test]
fn transactions_that_wait_for_their_client() {
    let judge = |seconds, transactions, pauses, longest_seconds| {
        let pauses = Pauses { seconds, transactions, pauses, threshold_seconds: 0.05, longest_seconds };
        state(&Inputs { pauses: Some(pauses), ..Inputs::default() }, "4.9")
    };
    assert_eq!(judge(3600.0, Some(1000), 0, 0.0), State::Pass);
    assert_eq!(judge(3599.0, Some(1000), 0, 0.0), State::Unknown);
    assert_eq!(judge(3600.0, Some(0), 0, 0.0), State::Unknown);
    assert_eq!(judge(60.0, Some(10_000), 10, 0.2), State::Warn);
    assert_eq!(judge(60.0, Some(10_000), 11, 0.2), State::Fail);
    assert_eq!(judge(0.0, None, 0, 0.0), State::Unknown);
    assert_eq!(judge(0.0, None, 1, 0.5), State::Warn);
    assert_eq!(judge(0.0, None, 1, 5.0), State::Fail);
}

#[test]
fn metrics_and_proxies() {
    let judge = |text: &str| {
        let scraped = Scraped::Text(metrics::read(text));
        state(&Inputs { metrics: Some(&scraped), ..Inputs::default() }, "4.7")
    };
    assert_eq!(
        judge("hikaricp_connections_active 1\nhikaricp_connections_idle 1\nhikaricp_connections_pending 1\n"),
        State::Pass
    );
    assert_eq!(judge("hikaricp_connections_active 1\n"), State::Warn);
    assert_eq!(judge("up 1\n"), State::Fail);
    let failed = Scraped::Failed("connection refused".into());
    assert_eq!(state(&Inputs { metrics: Some(&failed), ..Inputs::default() }, "4.7"), State::Unknown);
    let judge = |seen: Option<&str>, serverless: Option<&str>, attested| {
        let proxy = Proxy { seen: seen.map(str::to_owned), serverless: serverless.map(str::to_owned), attested };
        state(&Inputs { proxy: Some(&proxy), ..Inputs::default() }, "4.10")
    };
    assert_eq!(judge(Some("PgBouncer"), None, None), State::Pass);
    assert_eq!(judge(None, Some("lambda"), None), State::Fail);
    assert_eq!(judge(None, Some("lambda"), Some(false)), State::NotApplicable);
    assert_eq!(judge(None, None, Some(true)), State::Fail);
    assert_eq!(judge(None, None, None), State::Unknown);
}
