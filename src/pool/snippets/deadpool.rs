//! deadpool-postgres. Age and idleness are only known to it when asked: a task of your own retires connections.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "deadpool",
    title: "deadpool-postgres 0.14, deadpool 0.12 and 0.13",
    answers: Answers {
        acquire: Answer::Key("wait"),
        lifetime: Answer::Code("metrics.age() < Duration::from_secs(25 * 60)"),
        idle: Answer::Code("metrics.last_used() < Duration::from_secs(5 * 60)"),
        leaks: Answer::Lacks("deadpool has no leak detection"),
    },
    files: &[Template {
        path: "src/database.rs",
        format: Format::Rust,
        text: "\
use deadpool_postgres::{Config, CreatePoolError, Pool, PoolConfig, Runtime, Timeouts};
use std::time::Duration;
use tokio_postgres::NoTls;

pub fn connect(url: &str) -> Result<Pool, CreatePoolError> {
    let mut config = Config { url: Some(url.to_owned()), ..Config::default() };
    config.pool = Some(PoolConfig {
        max_size: @size@,
        timeouts: Timeouts {
            wait: Some(Duration::from_secs(10)),
            create: Some(Duration::from_secs(5)),
            recycle: Some(Duration::from_secs(5)),
        },
        ..PoolConfig::default()
    });
    let pool = config.create_pool(Some(Runtime::Tokio1), NoTls)?;
    tokio::spawn(retire(pool.clone()));
    Ok(pool)
}

/// deadpool keeps connections for ever: what is too old, or idle for too long, is closed here.
async fn retire(pool: Pool) {
    while !pool.is_closed() {
        tokio::time::sleep(Duration::from_secs(30)).await;
        pool.retain(|_, metrics| {
            metrics.age() < Duration::from_secs(25 * 60) && metrics.last_used() < Duration::from_secs(5 * 60)
        });
    }
}
// deadpool has no leak detection. Add: a gauge of pool.status() (size, available, waiting) with an alert where waiting stays
// above 0, and idle_in_transaction_session_timeout for the role, which ends what is forgotten in a transaction.
",
    },
    Template {
        path: "config.toml (with the serde feature, read into Config)",
        format: Format::Toml,
        text: "\
[pg.pool]
max_size = @size@

[pg.pool.timeouts]
wait = { secs = 10, nanos = 0 }
create = { secs = 5, nanos = 0 }
recycle = { secs = 5, nanos = 0 }
",
    }],
};
