//! The manual page and shell completions, both from clap's own definitions.

use super::{Cli, Exit, Failure, output};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// `pgassay completions`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "pgassay", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}

pub(super) fn man() -> Result<Exit, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(Failure::fault)?;
    // each verb's own page follows, so that one file holds the whole manual
    for verb in Cli::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let named = verb.clone().name(format!("pgassay {}", verb.get_name()).leak() as &'static str);
        clap_mangen::Man::new(named).render(&mut page).map_err(Failure::fault)?;
    }
    output::print(&String::from_utf8_lossy(&page))
}
