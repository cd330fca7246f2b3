//! A review as a comment on a pull request: short, what to do first, the rest folded.

use super::super::digest;
use super::super::review::{Reviewed, by_place};
use super::{COMMENT, Page, code, columns, fence, prose, row};
use crate::finding::Finding;
use std::io;

impl Page<'_> {
    pub(super) fn review(&mut self, reviewed: &Reviewed<'_>) -> io::Result<()> {
        let report = self.report;
        let name = format!("{} {}", prose(&report.tool.name), prose(report.kind.as_str()));
        self.put(&format!("## {name}: {}\n\n", prose(&digest::tally(report))))?;
        let mut parts = reviewed.read();
        parts.extend(reviewed.server());
        parts.extend(reviewed.trace());
        let parts: Vec<String> = parts.iter().map(|part| prose(part)).collect();
        self.put(&format!("{}\n", parts.join(" · ")))?;
        let (full, brief): (Vec<&Finding>, Vec<&Finding>) =
            by_place(report).into_iter().partition(|finding| self.verbose() || digest::matters(finding));
        let mut left = 0;
        for finding in full {
            let text = hazard(finding);
            if left > 0 || (!self.verbose() && self.written + text.chars().count() > COMMENT) {
                left += 1;
                continue;
            }
            self.put(&text)?;
        }
        if left > 0 {
            let text = digest::plural(left, "more finding");
            self.put(&format!("\n{text} not shown: run `pgassay review` for them.\n"))?;
        }
        if !brief.is_empty() {
            let mut text =
                format!("\n<details><summary>{}</summary>\n\n", digest::plural(brief.len() as u64, "minor finding"));
            text.push_str(&columns(&["Severity", "Rule", "Where", "What"]));
            for finding in brief.iter().take(super::ROWS) {
                let cells = [
                    prose(finding.severity.as_str()),
                    code(finding.rule.as_str()),
                    place(finding),
                    prose(&finding.message),
                ];
                text.push_str(&row(&cells));
            }
            text.push_str("\n</details>\n");
            self.put(&text)?;
        }
        if let Some(trace) = reviewed.review.trace.as_ref().filter(|trace| !trace.refuted.is_empty()) {
            self.put("\n### Refuted by the trace\n\n")?;
            for text in &trace.refuted {
                self.put(&format!("* {}\n", prose(text)))?;
            }
        }
        self.notes()?;
        self.accepted()
    }
}

fn place(finding: &Finding) -> String {
    finding.location.as_ref().map(|at| code(&format!("{}:{}", at.file, at.line))).unwrap_or_default()
}

/// A finding as an item: severity, place, what happens, and the fix.
fn hazard(finding: &Finding) -> String {
    let mut text = format!(
        "\n**{}** {} {}\n{}\n",
        prose(finding.severity.as_str()),
        place(finding),
        code(finding.rule.as_str()),
        prose(&finding.message)
    );
    if let Some(source) = finding.location.as_ref().and_then(|location| location.source.as_ref()) {
        text.push_str(&format!("\n{}", fence("sql", source, "")));
    }
    let facts: Vec<String> = digest::facts(finding).iter().map(|fact| prose(fact)).collect();
    if !facts.is_empty() {
        text.push_str(&format!("\n{}\n", facts.join(" · ")));
    }
    if let Some(hint) = &finding.hint {
        text.push_str(&format!("\n**Do:** {}\n", prose(&hint.text)));
        if let Some(sql) = &hint.sql {
            text.push_str(&format!("\n{}", fence("sql", sql, "")));
        }
    }
    text
}
