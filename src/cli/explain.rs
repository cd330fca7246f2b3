//! `pgassay explain`: the documentation of a rule, from the head of its own file.

use super::{Exit, Failure, output};
use crate::finding::humane;
use crate::rules::{self, Rule};
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
    let Some(rule) = rules::by_id(id) else {
        let known = rules::all().map(|meta| meta.id);
        let hint = crate::config::suggestion(id, known);
        return Err(Failure::usage(anyhow!("there is no rule \"{id}\"{hint}; `pgassay list` names them all")));
    };
    output::print(&page(&rule))
}

/// The whole page of a rule, in Markdown.
pub(super) fn page(rule: &Rule) -> String {
    let meta = rule.meta;
    let mut page = format!("# {}\n\n{}\n\n", meta.id, meta.title());
    let items = crate::checklist::items_of(meta.id);
    let _ = writeln!(
        page,
        "- category: {}\n- looks at: the {}\n- usual severity: {}",
        meta.category, rule.looks_at, meta.severity
    );
    if !items.is_empty() {
        let _ = writeln!(page, "- takes part in deciding: {}", items.join(", "));
    }
    let _ = writeln!(page, "\n{}", meta.documentation());
    if !rule.params.is_empty() {
        let _ = writeln!(page, "\n## Thresholds\nIn `pgassay.toml` under `[rules.{}]`:\n", meta.id);
        for param in rule.params {
            let _ = writeln!(page, "- `{}` = {}: {}", param.name, humane(param.default, &param.unit), param.doc);
        }
    }
    page
}
