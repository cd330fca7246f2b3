//! The command line: clap's types, one file for each verb, and what every verb shares: exit codes, gates, outputs.

#![allow(
    clippy::disallowed_methods,
    reason = "the program's edge: arguments, environment, clock and files are read here and passed on as values"
)]

mod audit;
mod complete;
mod config;
mod demo;
mod explain;
mod grants;
mod input;
mod list;
mod live;
mod logs;
mod output;
mod pool;
mod prove;
mod review;
mod review_plan;
mod snapshot;

use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::fmt;
use std::process::ExitCode;

/// Assays a PostgreSQL database: measures every database item of a backend audit checklist, says how it measured each,
/// scores the section, and gives the fix. It only reads.
#[derive(Debug, Parser)]
#[command(name = "pgassay", version, max_term_width = 100, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 nothing at or above --fail-on; 1 something; 2 bad usage, configuration or input; \
3 unreachable, or a read failed that should not have; 4 a fault of the tool's own; 130 after Ctrl-C. \
A connection string may be a URI, key=value pairs or nothing: then libpq's environment (PGHOST, PGSERVICE, PGPASSFILE, …).";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Score a live PostgreSQL, or a stored snapshot of one, with evidence
    Audit(audit::Arguments),
    /// Read PostgreSQL logs: N+1 patterns with what batches them, how slow each query really is, and what went wrong
    Logs(logs::Arguments),
    /// Say what migrations will do to a database in use: locks, rewrites, what breaks, before they are merged
    Review(review::Arguments),
    /// Recommend the size of connection pools, from what was measured, and write their configuration
    Pool(pool::Arguments),
    /// Store what an audit reads, to be judged elsewhere
    Snapshot(snapshot::Arguments),
    /// Explain a rule: why it matters, how it is decided, what to do, its limits
    Explain(explain::Arguments),
    /// List the rules, or the items of the checklist
    List(list::Arguments),
    /// Say what is configured, and where it comes from
    Config(config::Arguments),
    /// Write an entry of the review register for a statement and its plan
    ReviewPlan(review_plan::Arguments),
    /// Print the SQL that makes a role with what an audit can use and nothing more
    Grants(grants::Arguments),
    /// Audit a throw-away PostgreSQL with planted problems
    Demo(demo::Arguments),
    /// Print the manual page
    #[command(hide = true)]
    Man,
    /// Print completions for a shell
    Completions(complete::Arguments),
}

/// How a run ended. The greater wins where there are several, but for an interruption, which says that the rest is not
/// known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing at or above the gate.
    Clean,
    /// Something at or above the gate.
    Found,
    /// Unreachable, or a read failed that should not have.
    Incomplete,
    /// Bad usage, configuration or input.
    Usage,
    /// A fault of the tool's own.
    Fault,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Found => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::Fault => 4,
            Self::Interrupted => 130,
        }
    }

    /// The one that counts of two: 4 > 2 > 3 > 1 > 0, and an interruption above all.
    pub(crate) fn and(self, other: Self) -> Self {
        let rank = |exit: Self| match exit {
            Self::Clean => 0,
            Self::Found => 1,
            Self::Incomplete => 2,
            Self::Usage => 3,
            Self::Fault => 4,
            Self::Interrupted => 5,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// What ends a verb early: one sentence for standard error, and the code.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

impl Failure {
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Usage, error: error.into() }
    }

    pub(crate) fn incomplete(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Incomplete, error: error.into() }
    }

    pub(crate) fn interrupted(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Interrupted, error: error.into() }
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    pub(crate) fn fault(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Fault, error: error.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

/// Runs a command line.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
            // help and version are answers, everything else is bad usage, in one sentence as every other failure
            let exit = match error.kind() {
                DisplayHelp | DisplayVersion => {
                    drop(error.print());
                    Exit::Clean
                }
                DisplayHelpOnMissingArgumentOrSubcommand => {
                    drop(error.print());
                    Exit::Usage
                }
                _ => {
                    output::complain(&Failure::usage(anyhow::anyhow!(sentence(&error))));
                    Exit::Usage
                }
            };
            return ExitCode::from(exit.code());
        }
    };
    let result = match cli.verb {
        Verb::Audit(arguments) => audit::run(&arguments),
        Verb::Logs(arguments) => logs::run(&arguments),
        Verb::Review(arguments) => review::run(&arguments),
        Verb::Pool(arguments) => pool::run(&arguments),
        Verb::Snapshot(arguments) => snapshot::run(&arguments),
        Verb::Explain(arguments) => explain::run(&arguments),
        Verb::List(arguments) => list::run(&arguments),
        Verb::Config(arguments) => config::run(&arguments),
        Verb::ReviewPlan(arguments) => review_plan::run(&arguments),
        Verb::Grants(arguments) => grants::run(&arguments),
        Verb::Demo(arguments) => demo::run(&arguments),
        Verb::Man => complete::man(),
        Verb::Completions(arguments) => complete::run(&arguments),
    };
    let exit = result.unwrap_or_else(|failure| {
        output::complain(&failure);
        failure.exit
    });
    ExitCode::from(exit.code())
}

/// What clap has to say, without its usage lines: the error, and what it guesses was meant.
fn sentence(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines = lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    let mut sentence = String::new();
    for line in lines {
        let line = line.strip_prefix("error: ").or_else(|| line.strip_prefix("tip: ")).unwrap_or(line);
        let between = if sentence.is_empty() {
            ""
        } else if sentence.ends_with(':') {
            " "
        } else {
            "; "
        };
        sentence.push_str(between);
        sentence.push_str(line);
    }
    sentence.push_str("; `pgassay help` lists what there is");
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_graver_exit_counts() {
        assert_eq!(Exit::Found.and(Exit::Incomplete), Exit::Incomplete);
        assert_eq!(Exit::Incomplete.and(Exit::Usage), Exit::Usage);
        assert_eq!(Exit::Fault.and(Exit::Usage), Exit::Fault);
        assert_eq!(Exit::Clean.and(Exit::Found), Exit::Found);
    }
}
