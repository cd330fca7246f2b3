//! For GitHub Actions: workflow commands, which become annotations of the run and of the lines of a pull request.
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>
//!
//! Every line is a command of ours, so that no name can be one: the runner reads a line that begins with `::`, and one with
//! `##[` anywhere where that did not apply. It shows ten annotations of each level a step: the summary goes first, then the
//! worst.

use super::logs::Logs;
use super::text::visible;
use super::{Options, Renderer, digest};
use crate::finding::Finding;
use crate::report::Report;
use crate::rule::Severity;
use std::io::{self, Write};

/// The format.
pub(super) static RENDERER: Renderer = Renderer { name: "github", extension: "txt", render };

fn render(report: &Report, _: &Options, out: &mut dyn Write) -> io::Result<()> {
    let gaps = digest::gaps(report);
    let title = format!("{} {} {}", report.tool.name, report.kind, report.source.target);
    let mut summary = format!("{}; not judged: {}", digest::tally(report), digest::not_judged(report, &gaps));
    if let Some(logs) = Logs::of(report) {
        summary.push_str(&format!("; {}", logs.read().join(", ")));
    }
    command(out, "notice", &[("title", title)], &[visible(&summary).into_owned()])?;
    for gap in gaps.iter().filter(|gap| gap.is_failure()) {
        command(out, "warning", &[("title", "could not be read".to_owned())], &[gap.line()])?;
    }
    for finding in digest::worst_first(report) {
        command(out, level(finding), &properties(finding), &digest::explained(report, finding))?;
    }
    Ok(())
}

/// A severity in GitHub's words; one of another version is not to be overlooked, and what is suspected fails nothing.
fn level(finding: &Finding) -> &'static str {
    match &finding.severity {
        _ if digest::is_suspected(finding) => "notice",
        Severity::High => "error",
        Severity::Medium | Severity::Other(_) => "warning",
        Severity::Low | Severity::Info => "notice",
    }
}

/// Where it is, and what it is called.
fn properties(finding: &Finding) -> Vec<(&'static str, String)> {
    let mut properties = Vec::new();
    if let Some(location) = &finding.location {
        let line = location.line.max(1);
        let end_line = location.end_line.max(line);
        properties.push(("file", digest::path(location).to_owned()));
        properties.push(("line", line.to_string()));
        properties.push(("endLine", end_line.to_string()));
        // the runner drops the columns of what spans lines
        if end_line == line {
            properties.push(("col", location.column.max(1).to_string()));
        }
    }
    properties.push(("title", finding.rule.to_string()));
    properties
}

/// Writes one command on one line; the lines of its text are told to the runner.
fn command(out: &mut dyn Write, name: &str, properties: &[(&str, String)], lines: &[String]) -> io::Result<()> {
    let properties: Vec<String> =
        properties.iter().map(|(name, value)| format!("{name}={}", property(value))).collect();
    let text: Vec<String> = lines.iter().map(|line| data(line)).collect();
    writeln!(out, "::{name} {}::{}", properties.join(","), text.join("%0A"))
}

/// Text as the data of a command.
fn data(text: &str) -> String {
    visible(text).replace('%', "%25")
}

/// Text as the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_command_is_made_of_is_escaped() {
        assert_eq!(data("100 %0A\n::set-output name=x::y"), "100 %250A\\n::set-output name=x::y");
        assert_eq!(property("a,b::c%"), "a%2Cb%3A%3Ac%25");
    }

    proptest! {
        /// As the runner reads it: the name, the properties up to the next `::`, the data.
        #[test]
        fn a_line_is_one_command(value in any::<String>(), text in any::<String>()) {
            let mut out = Vec::new();
            command(&mut out, "error", &[("file", value.clone()), ("title", value.clone())], &[text.clone(), text]).unwrap();
            let out = String::from_utf8(out).unwrap();
            let line = out.strip_suffix('\n').unwrap();
            prop_assert!(!line.contains(['\n', '\r']));
            let (properties, _) = line.strip_prefix("::error ").unwrap().split_once("::").unwrap();
            let properties: Vec<&str> = properties.split(',').collect();
            prop_assert_eq!(properties.len(), 2);
            let plain = |text: &str| text.replace("%3A", ":").replace("%2C", ",").replace("%25", "%");
            prop_assert_eq!(plain(properties[0].strip_prefix("file=").unwrap()), visible(&value));
            prop_assert_eq!(plain(properties[1].strip_prefix("title=").unwrap()), visible(&value));
        }
    }
}
