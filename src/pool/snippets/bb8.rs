//! bb8. It has no leak detection.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "bb8",
    title: "bb8 0.9 with bb8-postgres 0.9",
    answers: Answers {
        acquire: Answer::Key("connection_timeout"),
        lifetime: Answer::Key("max_lifetime"),
        idle: Answer::Key("idle_timeout"),
        leaks: Answer::Lacks("bb8 has no leak detection"),
    },
    files: &[Template {
        path: "src/database.rs",
        format: Format::Rust,
        text: "\
use bb8_postgres::PostgresConnectionManager;
use std::time::Duration;
use tokio_postgres::{Error, NoTls};

pub type Pool = bb8::Pool<PostgresConnectionManager<NoTls>>;

pub async fn connect(url: &str) -> Result<Pool, Error> {
    let manager = PostgresConnectionManager::new_from_stringlike(url, NoTls)?;
    bb8::Pool::builder()
        .max_size(@size@)
        .connection_timeout(Duration::from_secs(10))
        .max_lifetime(Some(Duration::from_secs(25 * 60)))
        .idle_timeout(Some(Duration::from_secs(5 * 60)))
        .build(manager)
        .await
}
// bb8 has no leak detection. Add: a gauge of pool.state().connections - pool.state().idle_connections with an alert where
// it stays at max_size, and idle_in_transaction_session_timeout for the role, which ends what is forgotten in a transaction.
",
    }],
};
