//! PgBouncer's admin console, which speaks the simple protocol only and knows no transaction: it is asked to `show`, and
//! nothing is ever set there.

use super::connect;
use super::error::ConnectError;
use super::target::Target;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, SimpleQueryMessage};

/// The database by which it is reached.
const DATABASE: &str = "pgbouncer";
/// How long an answer may take: PgBouncer has one thread, and everything is in its memory.
const SILENCE: Duration = Duration::from_secs(10);

/// What the console can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the word after show")]
pub enum Show {
    Stats,
    Pools,
    Databases,
    Config,
    Version,
}

impl Show {
    fn sql(self) -> &'static str {
        match self {
            Self::Stats => "show stats",
            Self::Pools => "show pools",
            Self::Databases => "show databases",
            Self::Config => "show config",
            Self::Version => "show version",
        }
    }
}

/// Why the console did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsoleError {
    /// It may not be asked by this user, or does not know the question.
    #[error("PgBouncer's console refuses \"{question}\": {message}")]
    Refused {
        /// What was asked.
        question: &'static str,
        /// Its words.
        message: String,
    },
    /// It went away, or says nothing.
    #[error("PgBouncer's console was lost: {0}")]
    Lost(String),
}

/// A row, by the names of its columns: versions differ in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown(Vec<(String, Option<String>)>);

impl Shown {
    /// From names and values.
    pub fn new(columns: Vec<(String, Option<String>)>) -> Self {
        Self(columns)
    }

    /// The text of a column; empty where there is none.
    pub fn text(&self, column: &str) -> &str {
        let found = self.0.iter().find(|(name, _)| name == column);
        found.and_then(|(_, value)| value.as_deref()).unwrap_or_default()
    }

    /// The number in a column.
    pub fn number(&self, column: &str) -> Option<u64> {
        self.text(column).parse().ok()
    }
}

/// A session on the console.
#[derive(Debug)]
pub struct Console {
    client: Client,
    driver: JoinHandle<()>,
    host: String,
}

impl Console {
    /// Connects as libpq would, to the console whatever database was named.
    ///
    /// # Errors
    /// As [`super::Door::open`].
    pub async fn open(target: &Target) -> Result<Self, ConnectError> {
        let target = target.with_database(DATABASE);
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await;
        let Ok(permit) = permit else { return Err(ConnectError::Several(Vec::new())) };
        let opened = connect::open(&target, permit).await?;
        Ok(Self { client: opened.client, driver: opened.driver, host: opened.endpoint.host.to_string() })
    }

    /// `host:port` of what was reached.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Asks.
    ///
    /// # Errors
    /// It refused, or the connection was lost.
    pub async fn show(&self, what: Show) -> Result<Vec<Shown>, ConsoleError> {
        let question = what.sql();
        let answer = match tokio::time::timeout(SILENCE, self.client.simple_query(question)).await {
            Err(_) => return Err(ConsoleError::Lost(format!("no answer in {} seconds", SILENCE.as_secs()))),
            Ok(Err(error)) => {
                return Err(match error.as_db_error() {
                    Some(server) => ConsoleError::Refused { question, message: server.message().to_owned() },
                    None => ConsoleError::Lost(error.to_string()),
                });
            }
            Ok(Ok(answer)) => answer,
        };
        let row = |message: &SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => {
                let columns = row.columns().iter().enumerate();
                Some(Shown(columns.map(|(at, one)| (one.name().to_owned(), row.get(at).map(str::to_owned))).collect()))
            }
            _ => None,
        };
        Ok(answer.iter().filter_map(row).collect())
    }

    /// Ends the session.
    pub async fn close(self) {
        drop(self.client);
        drop(self.driver.await);
    }
}
