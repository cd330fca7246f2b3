//! `pgassay list`: every rule, or every item of the checklist.

use super::{Exit, Failure, output};
use crate::{checklist, checks};
use clap::Args;
use std::fmt::Write;

/// `pgassay list`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// List the items of the checklist in place of the rules
    #[arg(long)]
    items: bool,
    /// As a Markdown table
    #[arg(long)]
    markdown: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let rows: Vec<[String; 4]> = if arguments.items { items() } else { rules() };
    let head = if arguments.items {
        ["id", "item", "threshold", "decided by"]
    } else {
        ["id", "severity", "items", "allows …"]
    };
    output::print(&if arguments.markdown { markdown(&head, &rows) } else { aligned(&rows) })
}

/// One row for each rule: id, usual severity, items, title.
pub(super) fn rules() -> Vec<[String; 4]> {
    let row = |check: &&checks::Check| {
        let meta = &check.meta;
        [meta.id.to_owned(), meta.severity.to_string(), checklist::items_of(meta.id).join(" "), meta.title().to_owned()]
    };
    checks::ALL.iter().map(row).collect()
}

fn items() -> Vec<[String; 4]> {
    let row = |item: &checklist::Item| {
        let rules: Vec<&str> = item.decide.deciders.iter().map(|decider| decider.rule).collect();
        [item.id.to_owned(), item.title.to_owned(), item.threshold.to_owned(), rules.join(" ")]
    };
    checklist::items().map(row).collect()
}

/// A Markdown table.
pub(super) fn markdown(head: &[&str; 4], rows: &[[String; 4]]) -> String {
    let mut table = format!("| {} |\n| --- | --- | --- | --- |\n", head.join(" | "));
    for row in rows {
        let _ = writeln!(table, "| {} |", row.each_ref().map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
    table
}

fn aligned(rows: &[[String; 4]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).min(40);
    let widths = [width(0), width(1), width(2)];
    let mut text = String::new();
    for [first, second, third, last] in rows {
        let line = format!("{first:<0$}  {second:<1$}  {third:<2$}  {last}", widths[0], widths[1], widths[2]);
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
