use super::*;

fn config(name: &str, text: &str) -> ApplicationConfig {
    read(name, text, None).unwrap_or_else(|why| panic!("{name}: {why}"))
}

fn numbers(config: &ApplicationConfig) -> [Option<Amount>; 5] {
    [
        config.most(),
        config.amount(&What::AcquireTimeout),
        config.amount(&What::Lifetime),
        config.amount(&What::IdleTimeout),
        config.amount(&What::LeakDetection),
    ]
}

use Amount::{Number, Off, Unlimited};

#[test]
fn spring_with_hikari() {
    let yaml = "\
spring:
  datasource:
    url: jdbc:postgresql://h/db
    password: hunter2
    hikari:
      maximum-pool-size: 20
      max-lifetime: 1800000
      connection-timeout: ${TIMEOUT:30000}
";
    let found = config("application.yml", yaml);
    assert_eq!(found.pool, "hikari");
    assert_eq!(numbers(&found), [Some(Number(20.0)), None, Some(Number(1800.0)), Some(Number(600.0)), Some(Off)]);
    let timeout = found.setting(&What::AcquireTimeout).unwrap();
    assert_eq!(timeout.reading, Reading::Unreadable { line: 8, because: "it comes from the environment".into() });
    let lifetime = found.setting(&What::Lifetime).unwrap();
    assert_eq!(lifetime.reading, Reading::Set { amount: Number(1800.0), line: 7 });
    assert!(found.notes[0].contains("idleTimeout has no effect"));
    let properties =
        "spring.datasource.hikari.maximum-pool-size=5\nspring.datasource.hikari.leak-detection-threshold=2000\n";
    let found = config("application.properties", properties);
    assert_eq!((found.pool.as_str(), found.most()), ("hikari", Some(Number(5.0))));
    assert_eq!(found.amount(&What::LeakDetection), Some(Number(2.0)));
    let java = "HikariConfig config = new HikariConfig();\nconfig.setMaximumPoolSize(12);\nconfig.setMaxLifetime(0);\n";
    assert_eq!(numbers(&config("Pool.java", java))[..3], [Some(Number(12.0)), Some(Number(30.0)), Some(Unlimited)]);
}

#[test]
fn pythons() {
    let alchemy = "engine = create_engine(url, pool_size=20, max_overflow=5, pool_timeout=10, pool_recycle=-1)\n";
    let found = config("db.py", alchemy);
    assert_eq!(found.pool, "sqlalchemy");
    assert_eq!(numbers(&found), [Some(Number(25.0)), Some(Number(10.0)), Some(Unlimited), Some(Unlimited), Some(Off)]);
    assert_eq!(config("db.py", "engine = create_engine(url)\n").most(), Some(Number(15.0)));
    let url =
        config("app.toml", "[database]\nurl = \"postgresql+asyncpg://u:p@h/db\"\npool_size = 7\nmax_overflow = 0\n");
    assert_eq!((url.pool.as_str(), url.most()), ("sqlalchemy", Some(Number(7.0))));
    let psycopg = config(
        "db.py",
        "from psycopg_pool import ConnectionPool\npool = ConnectionPool(url, min_size=4, max_lifetime=600)\n",
    );
    assert_eq!((psycopg.pool.as_str(), psycopg.most()), ("psycopg", Some(Number(4.0))));
    assert!(psycopg.is_constant());
    let asyncpg =
        config("db.py", "pool = await asyncpg.create_pool(dsn, max_size=POOL, max_inactive_connection_lifetime=60)\n");
    assert_eq!((asyncpg.pool.as_str(), asyncpg.most()), ("asyncpg", None));
    assert_eq!(asyncpg.amount(&What::IdleTimeout), Some(Number(60.0)));
}

#[test]
fn django_with_and_without() {
    let without = config(
        "settings.py",
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'CONN_MAX_AGE': 600}}\n",
    );
    assert_eq!((without.pool.as_str(), without.most()), ("django", Some(Unlimited)));
    assert_eq!(without.amount(&What::Lifetime), Some(Number(600.0)));
    assert!(without.notes[0].starts_with("no OPTIONS"));
    let with = "DATABASES = {\n 'default': {\n  'ENGINE': 'django.db.backends.postgresql',\n  'OPTIONS': {'pool': {'max_size': 4, 'timeout': 10}},\n }\n}\n";
    let with = config("settings.py", with);
    assert_eq!((with.most(), with.amount(&What::AcquireTimeout)), (Some(Number(4.0)), Some(Number(10.0))));
    assert!(with.notes.is_empty());
}

#[test]
fn rails() {
    let text = "\
default: &default
  adapter: postgresql
  pool: <%= ENV.fetch(\"RAILS_MAX_THREADS\") { 5 } %>
development:
  <<: *default
  pool: 99
production:
  <<: *default
  checkout_timeout: 2
";
    let found = config("config/database.yml", text);
    assert_eq!(found.pool, "activerecord");
    assert_eq!(numbers(&found), [None, Some(Number(2.0)), Some(Unlimited), Some(Number(300.0)), Some(Number(60.0))]);
    assert_eq!(
        found.setting(&What::Size).unwrap().reading,
        Reading::Unreadable { line: 3, because: "it comes from the environment".into() }
    );
}

#[test]
fn bouncers_nodes_and_goes() {
    let ini = "[databases]\nshop = host=h\n[pgbouncer]\npool_mode = transaction\ndefault_pool_size = 8\nquery_wait_timeout = 0\n";
    let found = config("pgbouncer.ini", ini);
    assert_eq!((found.pool.as_str(), found.most()), ("pgbouncer", Some(Number(8.0))));
    assert_eq!(found.amount(&What::AcquireTimeout), Some(Unlimited));
    assert_eq!(found.amount(&What::Lifetime), Some(Number(3600.0)));
    let node = config("db.json", "{\"database\": {\"max\": 30, \"idleTimeoutMillis\": 0}}");
    assert_eq!(numbers(&node), [Some(Number(30.0)), Some(Unlimited), Some(Unlimited), Some(Unlimited), Some(Off)]);
    let prisma = config(".env", "DATABASE_URL=\"postgresql://u:p@h/db?connection_limit=5&pool_timeout=20\"\n");
    assert_eq!((prisma.pool.as_str(), prisma.most()), ("prisma", Some(Number(5.0))));
    assert_eq!(prisma.amount(&What::AcquireTimeout), Some(Number(20.0)));
    let pgx = config(".env", "DATABASE_URL=postgres://u:p@h/db?pool_max_conns=9&pool_max_conn_lifetime=30m\n");
    assert_eq!(
        (pgx.pool.as_str(), pgx.most(), pgx.amount(&What::Lifetime)),
        ("pgx", Some(Number(9.0)), Some(Number(1800.0)))
    );
    let go = config(
        "main.go",
        "db, err := sql.Open(\"pgx\", url)\ndb.SetMaxOpenConns(25)\ndb.SetConnMaxLifetime(5 * time.Minute)\n",
    );
    assert_eq!(
        (go.pool.as_str(), go.most(), go.amount(&What::Lifetime)),
        ("database-sql", Some(Number(25.0)), Some(Number(300.0)))
    );
}

#[test]
fn rusts() {
    let sqlx = config(
        "main.rs",
        "let pool = PgPoolOptions::new().max_connections(5).acquire_timeout(Duration::from_secs(3)).connect(&url).await?;",
    );
    assert_eq!(numbers(&sqlx)[..3], [Some(Number(5.0)), Some(Number(3.0)), Some(Number(1800.0))]);
    let deadpool =
        config("config.toml", "[pg.pool]\nmax_size = 16\n[pg.pool.timeouts]\nwait = { secs = 10, nanos = 0 }\n");
    assert_eq!((deadpool.pool.as_str(), deadpool.most()), ("deadpool", Some(Number(16.0))));
    assert_eq!(deadpool.amount(&What::AcquireTimeout), Some(Number(10.0)));
    let bb8 = config("main.rs", "bb8::Pool::builder().max_size(15).max_lifetime(None).build(manager)");
    assert_eq!(numbers(&bb8)[..3], [Some(Number(15.0)), Some(Number(30.0)), Some(Unlimited)]);
}

#[test]
fn a_named_pool_and_none() {
    assert_eq!(read("a.txt", "hello world", None), Err(Unread::NoPool));
    assert_eq!(read("a.txt", "", None), Err(Unread::NoPool));
    assert_eq!(read("a.txt", "x", Some("c3p0")), Err(Unread::UnknownPool("c3p0".into())));
    let named = read("db.yml", "production:\n  max: 7\n", Some("node-postgres")).unwrap();
    assert_eq!(named.most(), Some(Number(7.0)));
}

#[test]
fn no_password_is_kept() {
    let text = "password: canary\nhikari:\n  maximum-pool-size: canary\n  max-lifetime: canary\nurl: postgres://u:canary@h/d?password=canary\n";
    let found = config("application.yml", text);
    assert!(!format!("{found:?}{}", serde_json::to_string(&found).unwrap()).contains("canary"));
}

#[test]
fn it_goes_through_json() {
    let found = config("a.properties", "maximumPoolSize=5\nmaxLifetime=0\nidleTimeout=${X}\n");
    let json = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<ApplicationConfig>(&json).unwrap(), found);
}
