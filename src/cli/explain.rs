//! `pgassay explain`: the documentation of a rule, from the head of its own file.

use super::{Exit, Failure, output};
use crate::checks::{self, Check};
use crate::finding::humane;
use anyhow::anyhow;
use clap::Args;
use std::fmt::Write;

/// `pgassay explain`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The rule's id, as findings and `pgassay list` show it
    rule: String,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    // a finding's whole key is as good: it begins with the rule
    let id = arguments.rule.split(':').next().unwrap_or_default();
    let Some(check) = checks::by_id(id) else {
        let known = checks::ALL.iter().map(|check| check.meta.id);
        let hint = crate::config::suggestion(id, known);
        return Err(Failure::usage(anyhow!("there is no rule \"{id}\"{hint}; `pgassay list` names them all")));
    };
    output::print(&page(check))
}

/// The whole page of a rule, in Markdown.
pub(super) fn page(check: &Check) -> String {
    let meta = &check.meta;
    let mut page = format!("# {}\n\n{}\n\n", meta.id, meta.title());
    let items = crate::checklist::items_of(meta.id);
    let _ = writeln!(page, "- category: {}\n- usual severity: {}", meta.category, meta.severity);
    if !items.is_empty() {
        let _ = writeln!(page, "- takes part in deciding: {}", items.join(", "));
    }
    let _ = writeln!(page, "\n{}", meta.documentation());
    if !check.params.is_empty() {
        let _ = writeln!(page, "\n## Thresholds\nIn `pgassay.toml` under `[rules.{}]`:\n", meta.id);
        for param in check.params {
            let _ = writeln!(page, "- `{}` = {}: {}", param.name, humane(param.default, &param.unit), param.doc);
        }
    }
    page
}
