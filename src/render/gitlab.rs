//! For GitLab's merge requests: a Code Quality report, <https://docs.gitlab.com/ci/testing/code_quality/>.
//!
//! It knows findings in files and nothing else: what is about a server is put on the first line of a path named after it,
//! and what is about logs on the first line of the first.
//! A read that failed is an issue of its own, since a list without issues says that all is well.

use super::logs::Logs;
use super::text::visible;
use super::{Options, Renderer, digest, json};
use crate::finding::Finding;
use crate::hash::sha256;
use crate::report::Report;
use crate::rule::Severity;
use serde::{Serialize, Serializer};
use std::io::{self, Write};

/// The format.
pub(super) static RENDERER: Renderer = Renderer { name: "gitlab", extension: "json", render };

fn render(report: &Report, _: &Options, out: &mut dyn Write) -> io::Result<()> {
    json::write(&Issues(report), out)
}

struct Issues<'a>(&'a Report);

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    /// Unique: GitLab shows one issue of each.
    fingerprint: String,
    severity: &'static str,
    location: Place,
}

#[derive(Serialize)]
struct Place {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<u32>,
}

impl Serialize for Issues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = self.0;
        let nowhere = || {
            let source = &report.source.target;
            let first = Logs::of(report).and_then(|logs| logs.coverage.logs.first()).map(|log| &log.path);
            let path = first.or(Some(source)).filter(|path| !path.is_empty()).unwrap_or(&report.tool.name);
            Place { path: visible(path).into_owned(), lines: Lines { begin: 1, end: None } }
        };
        let gaps = digest::gaps(report);
        let unread = gaps.iter().filter(|gap| gap.is_failure()).map(|gap| Issue {
            description: format!("could not be read: {}", gap.line()),
            check_name: "could-not-be-read",
            fingerprint: sha256(format!("could-not-be-read:{}", gap.because).as_bytes()),
            severity: "major",
            location: nowhere(),
        });
        let found = digest::worst_first(report).into_iter().map(|finding| Issue {
            description: description(report, finding),
            check_name: finding.rule.as_str(),
            fingerprint: sha256(finding.key.as_bytes()),
            severity: severity(finding),
            location: finding.location.as_ref().map_or_else(nowhere, |location| {
                let begin = location.line.max(1);
                let end = Some(location.end_line).filter(|end| *end > begin);
                Place { path: visible(digest::path(location)).into_owned(), lines: Lines { begin, end } }
            }),
        });
        serializer.collect_seq(unread.chain(found))
    }
}

/// One line, which is all that is shown: the sentence, and what to do.
fn description(report: &Report, finding: &Finding) -> String {
    let sentence = digest::told(report, finding);
    let text = finding.hint.as_ref().map_or(sentence.clone(), |hint| format!("{sentence}; fix: {}", hint.text));
    visible(&text).into_owned()
}

/// A severity in GitLab's words; one of another version is not to be overlooked, and what is suspected fails nothing.
fn severity(finding: &Finding) -> &'static str {
    match &finding.severity {
        _ if digest::is_suspected(finding) => "info",
        Severity::High => "critical",
        Severity::Medium | Severity::Other(_) => "major",
        Severity::Low => "minor",
        Severity::Info => "info",
    }
}
