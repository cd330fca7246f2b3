//! A session that may write and hears what the server says beside its answers: for scratch databases alone.
//!
//! Everything else of this module reads. This is for the trace of migrations, which runs them where they harm nobody.

use super::connect;
use super::error::ConnectError;
use super::target::Target;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, SimpleQueryMessage};

/// A session on a scratch database.
#[derive(Debug)]
pub struct Workbench {
    client: Client,
    driver: JoinHandle<()>,
    notices: mpsc::UnboundedReceiver<String>,
}

/// Why a statement did not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The SQLSTATE; empty where the connection was lost.
    pub sqlstate: String,
    /// The server's message.
    pub message: String,
    /// Where in the text, in characters from 1, where the server says.
    pub position: Option<u32>,
}

impl Workbench {
    /// Connects as libpq would.
    ///
    /// # Errors
    /// As [`super::Door::open`].
    pub async fn open(mut target: Target) -> Result<Self, ConnectError> {
        let (sender, notices) = mpsc::unbounded_channel();
        target.notices = Some(sender);
        // its own bound: one
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await;
        let Ok(permit) = permit else { return Err(ConnectError::Several(Vec::new())) };
        let opened = connect::open(&target, permit).await?;
        Ok(Self { client: opened.client, driver: opened.driver, notices })
    }

    /// Runs a text by the simple protocol; the rows of its last answer, as text.
    ///
    /// # Errors
    /// The server refused, or the connection was lost.
    pub async fn run(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Refused> {
        let answer = self.client.simple_query(sql).await.map_err(|error| refused(&error))?;
        let mut rows = Vec::new();
        for message in answer {
            match message {
                SimpleQueryMessage::Row(row) => {
                    rows.push((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect());
                }
                SimpleQueryMessage::RowDescription(_) => rows.clear(),
                _ => {}
            }
        }
        Ok(rows)
    }

    /// What the server has said since it was asked last.
    pub fn heard(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.notices.try_recv().ok()).collect()
    }

    /// Ends the session.
    pub async fn close(self) {
        drop(self.client);
        drop(self.driver.await);
    }
}

fn refused(error: &tokio_postgres::Error) -> Refused {
    match error.as_db_error() {
        Some(server) => Refused {
            sqlstate: server.code().code().to_owned(),
            message: server.message().to_owned(),
            position: match server.position() {
                Some(tokio_postgres::error::ErrorPosition::Original(position)) => Some(*position),
                _ => None,
            },
        },
        None => Refused { sqlstate: String::new(), message: error.to_string(), position: None },
    }
}
