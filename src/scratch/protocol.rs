//! What the process that wants a server and the supervisor that owns it say to each other: one JSON value a line,
//! requests on the supervisor's standard input, answers on its standard output. The end of the input is the order to stop.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ShutdownMode;

/// The first line: everything about the server. It travels through a pipe because it holds a password.
#[derive(Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) binaries: PathBuf,
    pub(super) parent: Option<PathBuf>,
    pub(super) settings: Vec<(String, String)>,
    pub(super) files: Vec<(String, String)>,
    pub(super) password: String,
    pub(super) tcp: bool,
    pub(super) primary: Option<Primary>,
    pub(super) start_timeout_ms: u64,
}

/// The server that a standby copies and then follows.
#[derive(Serialize, Deserialize)]
pub(super) struct Primary {
    pub(super) directory: PathBuf,
    pub(super) port: u16,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    /// Make the data directory, without starting the server.
    Prepare,
    /// Start the server on the data directory there is.
    Boot,
    /// Stop the server, keep the directory.
    Halt(ShutdownMode),
    /// Outlive the process at the other end.
    Keep,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// Said once, before anything that may fail is tried in it.
    Directory {
        path: PathBuf,
    },
    Ready {
        port: u16,
        postmaster: i32,
    },
    Prepared,
    Halted,
    Kept,
    Failed(Failure),
}

/// Why a step did not succeed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// The last lines that the program concerned wrote.
    pub(super) log: String,
}
