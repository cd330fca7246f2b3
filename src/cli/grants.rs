//! `pgassay grants`: the SQL that makes a role with what an audit can use and nothing more.

use super::{Exit, Failure, output};
use crate::catalog::quote;
use clap::Args;

/// `pgassay grants`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Name of the role
    #[arg(long, default_value = "pgassay")]
    role: String,
}

/// `sql/grants.sql`, with `pgassay` for the name of the role.
pub(super) static SQL: &str = include_str!("../../sql/grants.sql");

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    output::print(&SQL.replace("pgassay", &quote(&arguments.role)))
}
