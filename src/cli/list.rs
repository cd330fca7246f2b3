//! `pgassay list`: every rule, or every item of the checklist.

use super::{Exit, Failure, output};
use crate::{checklist, rules};
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
    output::print(&match (arguments.items, arguments.markdown) {
        (true, false) => aligned(&items()),
        (true, true) => markdown(&["id", "item", "threshold", "decided by"], &items()),
        (false, false) => aligned(&rules()),
        (false, true) => markdown(&["id", "looks at", "severity", "items", "allows …"], &rules()),
    })
}

/// One row for each rule of every family: id, what it looks at, usual severity, items, title.
pub(super) fn rules() -> Vec<[String; 5]> {
    let row = |rule: rules::Rule| {
        let meta = rule.meta;
        let items = checklist::items_of(meta.id).join(" ");
        [meta.id.to_owned(), rule.looks_at.to_owned(), meta.severity.to_string(), items, meta.title().to_owned()]
    };
    rules::each().map(row).collect()
}

fn items() -> Vec<[String; 4]> {
    let row = |item: &checklist::Item| {
        let rules: Vec<&str> = item.decide.deciders.iter().map(|decider| decider.rule).collect();
        [item.id.to_owned(), item.title.to_owned(), item.threshold.to_owned(), rules.join(" ")]
    };
    checklist::items().map(row).collect()
}

/// A Markdown table.
pub(super) fn markdown<const N: usize>(head: &[&str; N], rows: &[[String; N]]) -> String {
    let mut table = format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(N));
    for row in rows {
        let _ = writeln!(table, "| {} |", row.each_ref().map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
    table
}

fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).min(40);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}
