use super::*;
use crate::pool::application_config::{Amount, What, read};
use std::collections::BTreeMap;

fn sizes() -> Sizes {
    Sizes { per_instance: 6, shared: 14, database: Some("shop".into()), max_connections: Some(100) }
}

fn text(id: &str, file: usize) -> String {
    let pool = named(id).unwrap()[0];
    write(pool, &sizes()).files[file].text.clone()
}

#[test]
fn every_pool_is_there_once() {
    let ids: Vec<&str> = ALL.iter().map(|pool| pool.id).collect();
    assert_eq!(
        ids.join("|"),
        "hikari|sqlx|bb8|deadpool|sqlalchemy|psycopg|django|asyncpg|activerecord|node-postgres|prisma|pgx|database-sql|pgbouncer|\
         rds-proxy"
    );
    assert_eq!(named("all").unwrap().len(), ids.len());
    assert!(named("c3p0").is_none());
}

#[test]
fn every_item_is_answered_in_the_text() {
    for pool in ALL {
        let snippet = write(pool, &sizes());
        let text: String = snippet.files.iter().map(|file| file.text.as_str()).collect();
        let Answers { acquire, lifetime, idle, leaks } = pool.answers;
        for answer in [acquire, lifetime, idle, leaks] {
            let (Answer::Key(part) | Answer::Code(part) | Answer::Lacks(part)) = answer;
            assert!(text.contains(part), "{} says nothing of {part}", pool.id);
        }
        let lacks = [acquire, lifetime, idle, leaks].iter().any(|answer| matches!(answer, Answer::Lacks(_)));
        assert!(!lacks || text.contains("Add:") || text.contains("Add "), "{} does not say what to add", pool.id);
        for file in &snippet.files {
            assert!(file.text.ends_with('\n') && file.text.lines().all(|line| line.len() <= 200), "{}", pool.id);
            let places = file.text.split('@').skip(1).step_by(2).filter(|place| {
                !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            });
            assert_eq!(places.count(), 0, "{}: {}", pool.id, file.text);
        }
    }
}

/// What the program that reads configurations finds in them passes 4.3 to 4.6, or the text says why it cannot.
#[test]
fn what_is_written_passes_strictly() {
    for pool in ALL {
        let snippet = write(pool, &sizes());
        let file = &snippet.files[0];
        let name = file.path.split(' ').next().unwrap();
        let found = read(name, &file.text, None).unwrap_or_else(|why| panic!("{}: {why}", pool.id));
        assert_eq!(found.pool, pool.id, "{name}");
        let expected = match pool.id {
            "rds-proxy" => Amount::Unlimited,
            "pgbouncer" => Amount::Number(14.0 + 4.0),
            "sqlalchemy" => Amount::Number(16.0),
            _ => Amount::Number(6.0),
        };
        assert_eq!(found.most(), Some(expected), "{}", pool.id);
        for (answer, what, most) in [
            (pool.answers.acquire, What::AcquireTimeout, 10.0),
            (pool.answers.lifetime, What::Lifetime, 1500.0),
            (pool.answers.idle, What::IdleTimeout, 300.0),
        ] {
            match answer {
                Answer::Key(key) => {
                    let found = found.amount(&what).and_then(Amount::number);
                    assert!(found.is_some_and(|found| found > 0.0 && found <= most), "{} {key}: {found:?}", pool.id);
                }
                Answer::Code(_) | Answer::Lacks(_) => {}
            }
        }
        if let Answer::Key(key) = pool.answers.leaks {
            assert!(found.amount(&What::LeakDetection).and_then(Amount::number).is_some(), "{} {key}", pool.id);
        }
    }
}

#[test]
fn json_and_toml_are_what_they_say() {
    let json: serde_json::Value = serde_json::from_str(&text("rds-proxy", 1)).unwrap();
    assert_eq!(json["MaxConnectionsPercent"], 14);
    assert_eq!(json["MaxIdleConnectionsPercent"], 7);
    assert_eq!(json["ConnectionBorrowTimeout"], 10);
    let toml: toml::Table = toml::from_str(&text("deadpool", 1)).unwrap();
    assert_eq!(toml["pg"]["pool"]["max_size"].as_integer(), Some(6));
    assert_eq!(toml["pg"]["pool"]["timeouts"]["wait"]["secs"].as_integer(), Some(10));
    for pool in ALL {
        for file in write(pool, &sizes()).files {
            match file.format {
                Format::Json => drop(serde_json::from_str::<serde_json::Value>(&file.text).unwrap()),
                Format::Toml => drop(toml::from_str::<toml::Table>(&file.text).unwrap()),
                Format::Properties => drop(properties(&file.text)),
                Format::Ini => drop(ini(&file.text)),
                Format::Yaml => drop(yaml(&file.text)),
                _ => balanced(&file.text, pool.id),
            }
        }
    }
}

/// Nothing but comments and `key=value`, no key twice.
fn properties(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{line}"));
        assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{line}");
        assert!(found.insert(key.to_owned(), value.to_owned()).is_none(), "{key} twice");
    }
    found
}

/// Nothing but comments on lines of their own, sections, and `key = value`; PgBouncer knows no other comments.
fn ini(text: &str) -> BTreeMap<String, String> {
    let (mut section, mut found) = (String::new(), BTreeMap::new());
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(';')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
            continue;
        }
        let (key, value) = line.split_once(" = ").unwrap_or_else(|| panic!("{line}"));
        assert!(!value.contains([';', '#']), "{line}");
        assert!(found.insert(format!("{section}.{key}"), value.to_owned()).is_none(), "{key} twice");
    }
    found
}

/// Blocks of two spaces, pairs and lists of scalars or pairs; no tabs, no key twice in a block.
fn yaml(text: &str) -> BTreeMap<String, String> {
    let mut open: Vec<String> = Vec::new();
    let mut found = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let indent = line.len() - line.trim_start().len();
        assert!(indent % 2 == 0 && !line.contains('\t'), "{line}");
        assert!(indent / 2 <= open.len(), "{line}");
        open.truncate(indent / 2);
        let rest = line.trim_start();
        let rest = match rest.strip_prefix("- ") {
            Some(item) => {
                open.push("-".into());
                item
            }
            None => rest,
        };
        match rest.split_once(':') {
            Some((key, "")) => open.push(key.to_owned()),
            Some((key, value)) => {
                assert!(value.starts_with(' ') && !key.contains(' '), "{line}");
                let path = [&open[..], &[key.to_owned()]].concat().join(".");
                assert!(found.insert(path, value.trim().to_owned()).is_none(), "{key} twice");
            }
            None => assert!(line.trim_start().starts_with("- "), "{line}"),
        }
    }
    found
}

/// Brackets that close, outside strings.
fn balanced(text: &str, id: &str) {
    let (mut open, mut quote) = (Vec::new(), None);
    let code: Vec<&str> =
        text.lines().filter(|line| !line.trim_start().starts_with(['#', '/']) || line.contains("#[")).collect();
    for c in code.join("\n").chars() {
        match (quote, c) {
            (None, '"' | '`') => quote = Some(c),
            (Some(begun), c) if begun == c => quote = None,
            (None, '(' | '[' | '{') => open.push(c),
            (None, ')' | ']' | '}') => {
                let begun = open.pop();
                assert!(matches!((begun, c), (Some('('), ')') | (Some('['), ']') | (Some('{'), '}')), "{id}: {c}");
            }
            _ => {}
        }
    }
    assert!(open.is_empty() && quote.is_none(), "{id}: {open:?} {quote:?}");
}

#[test]
fn hikari_as_it_is_written() {
    assert_eq!(
        text("hikari", 0),
        "# milliseconds\n\
         maximumPoolSize=6\n\
         # below maximumPoolSize, or idleTimeout has no effect\n\
         minimumIdle=3\n\
         connectionTimeout=10000\n\
         maxLifetime=1500000\n\
         idleTimeout=300000\n\
         keepaliveTime=120000\n\
         # logs the stack of whoever holds a connection for longer\n\
         leakDetectionThreshold=30000\n\
         # active, idle and waiting over JMX; with Micrometer: setMetricRegistry\n\
         registerMbeans=true\n"
    );
    let yaml = yaml(&text("hikari", 1));
    assert_eq!(yaml["spring.datasource.hikari.maximum-pool-size"], "6");
    assert_eq!(yaml["spring.datasource.hikari.leak-detection-threshold"], "30000");
    // keepalive pings must come before a connection is idle for too long, and before it is too old
    let number = |key: &str| properties(&text("hikari", 0))[key].parse::<u32>().unwrap();
    assert!(number("keepaliveTime") < number("idleTimeout") && number("idleTimeout") < number("maxLifetime"));
    assert!(number("minimumIdle") < number("maximumPoolSize"));
}

#[test]
fn pgbouncer_is_one_pool_for_all() {
    let found = ini(&text("pgbouncer", 0));
    for (key, value) in [
        ("databases.shop", "host=127.0.0.1 port=5432 dbname=shop"),
        ("pgbouncer.pool_mode", "transaction"),
        ("pgbouncer.default_pool_size", "14"),
        ("pgbouncer.reserve_pool_size", "4"),
        ("pgbouncer.max_db_connections", "18"),
        ("pgbouncer.query_wait_timeout", "10"),
        ("pgbouncer.server_lifetime", "1500"),
        ("pgbouncer.server_idle_timeout", "300"),
        ("pgbouncer.idle_transaction_timeout", "60"),
    ] {
        assert_eq!(found.get(key).map(String::as_str), Some(value), "{key}");
    }
    // 1.21 and later only: older ones refuse to start with a setting they do not know
    assert!(!found.contains_key("pgbouncer.max_prepared_statements"));
}

#[test]
fn rails_and_clouds() {
    assert_eq!(yaml(&text("activerecord", 0))["production.max_connections"], "6");
    let proxy = yaml(&text("rds-proxy", 0));
    assert_eq!(
        proxy["Resources.ProxyTargetGroup.Properties.ConnectionPoolConfigurationInfo.MaxConnectionsPercent"],
        "14"
    );
    assert_eq!(proxy["Resources.Proxy.Properties.IdleClientTimeout"], "300");
    let unknown = Sizes { max_connections: None, ..sizes() };
    let text = write(&rds_proxy::POOL, &unknown).files[0].text.clone();
    assert!(text.contains("a guess: 14 × 100 ÷ max_connections"), "{text}");
    assert_eq!(
        ini(&write(&pgbouncer::POOL, &Sizes { database: Some("a b\n[x]".into()), ..sizes() }).files[0].text)["databases.*"],
        "host=127.0.0.1 port=5432"
    );
}

#[test]
fn the_smallest_and_the_largest() {
    for size in [0, 1, u32::MAX] {
        for pool in ALL {
            let sizes = Sizes { per_instance: size, shared: size, database: None, max_connections: Some(size) };
            assert!(write(pool, &sizes).files.iter().all(|file| !file.text.is_empty()));
        }
    }
    let one = Sizes { per_instance: 1, shared: 1, ..sizes() };
    assert_eq!(properties(&write(&hikari::POOL, &one).files[0].text)["minimumIdle"], "0");
}
