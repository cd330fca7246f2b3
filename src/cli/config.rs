//! `pgassay config check`: what is configured, and where it comes from.

use super::input::Rules;
use super::{Exit, Failure, output};
use clap::{Args, Subcommand};
use std::fmt::Write;

/// `pgassay config`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    rules: Rules,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Read the configuration as every verb would, and explain it
    Check,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let Verb::Check = arguments.verb;
    let config = arguments.rules.read()?;
    let mut text = String::new();
    match config.files.as_slice() {
        [] => text.push_str("no configuration file was found; every value is a default\n"),
        files => {
            for (level, path) in files {
                let _ = writeln!(text, "{level} file: {}", path.display());
            }
        }
    }
    text.push('\n');
    let lines = config.explain();
    let width = lines.iter().map(|line| line.key.len()).max().unwrap_or(0);
    for line in lines {
        let _ = writeln!(text, "{:<width$}  {}  ({})", line.key, line.value, line.origin);
    }
    output::print(&text)
}
