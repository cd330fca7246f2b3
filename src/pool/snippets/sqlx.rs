//! sqlx. It has no leak detection: a connection that is never dropped is never missed.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "sqlx",
    title: "sqlx 0.8 and 0.9",
    answers: Answers {
        acquire: Answer::Key("acquire_timeout"),
        lifetime: Answer::Key("max_lifetime"),
        idle: Answer::Key("idle_timeout"),
        leaks: Answer::Lacks("sqlx has no leak detection"),
    },
    files: &[Template {
        path: "src/database.rs",
        format: Format::Rust,
        text: "\
use sqlx::postgres::{PgPool, PgPoolOptions};
use std::time::Duration;

pub async fn connect(url: &str) -> Result<PgPool, sqlx::Error> {
    PgPoolOptions::new()
        .max_connections(@size@)
        .acquire_timeout(Duration::from_secs(10))
        // a wait of this length is logged
        .acquire_slow_threshold(Duration::from_secs(1))
        .max_lifetime(Duration::from_secs(25 * 60))
        .idle_timeout(Duration::from_secs(5 * 60))
        .connect(url)
        .await
}
// sqlx has no leak detection. Add: a gauge of pool.size() - pool.num_idle() with an alert where it stays at
// max_connections, and idle_in_transaction_session_timeout for the role, which ends what is forgotten in a transaction.
",
    }],
};
