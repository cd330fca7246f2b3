//! `pgassay snapshot`: what an audit reads, stored to be judged elsewhere.

use super::input::{self, Rules, Server};
use super::{Exit, Failure, live, output};
use clap::Args;
use std::path::PathBuf;

/// `pgassay snapshot`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    server: Server,
    /// Where to store it; standard output where none is given
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    #[command(flatten)]
    rules: Rules,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let mut config = arguments.rules.read()?;
    arguments.server.configure(&mut config);
    if arguments.output.as_os_str() != "-" {
        output::check_writable(&arguments.output)?;
    }
    let (snapshot, exit) = live::snapshot(arguments.server.conninfo.as_deref(), &config)?;
    input::store(&snapshot, &arguments.output)?;
    let mut failed: Vec<String> = snapshot
        .server
        .missing()
        .chain(snapshot.databases.iter().flat_map(crate::facts::Database::missing))
        .filter(|missing| missing.is_failure())
        .map(|missing| missing.because.clone())
        .collect();
    failed.dedup();
    for because in &failed {
        output::say(&format!("pgassay: not read: {because}"));
    }
    Ok(exit.and(if failed.is_empty() { Exit::Clean } else { Exit::Incomplete }))
}
