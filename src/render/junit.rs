//! For test reports in CI: JUnit's XML, in the dialect that Jenkins, GitLab and others read.
//!
//! A finding is a failed test named by its key; a rule that found nothing is a passed one, a rule that could not run a
//! skipped one. A read that failed is an error: it must not look like a rule that had nothing to do. What is shown of a
//! failure is its text in some programs and its message in others, so both say it.

use super::logs::Logs;
use super::text::visible;
use super::{Options, Renderer, digest};
use crate::finding::Finding;
use crate::outcome::{Missing, Outcome, RuleResult, UnjudgedGroup};
use crate::report::{Report, Suppressed};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

/// The format.
pub(super) static RENDERER: Renderer = Renderer { name: "junit", extension: "xml", render };

/// One test.
struct Case<'a> {
    /// The rule, or the key of a finding: no two tests of one class have the same.
    name: Cow<'a, str>,
    database: Option<&'a str>,
    finding: Option<&'a Finding>,
    end: End,
}

/// How a test ended, and what it has to say.
enum End {
    /// Nothing was found; the lines say what was left open.
    Passed(Vec<String>),
    Failed(Vec<String>),
    Skipped(Vec<String>),
    /// A read failed that should not have.
    Error(Vec<String>),
}

fn render(report: &Report, _: &Options, out: &mut dyn Write) -> io::Result<()> {
    let cases = cases(report);
    let count = |is: fn(&End) -> bool| cases.iter().filter(|case| is(&case.end)).count();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"0\"",
        cases.len(),
        count(|end| matches!(end, End::Failed(_))),
        count(|end| matches!(end, End::Error(_))),
        count(|end| matches!(end, End::Skipped(_))),
    );
    let name = escaped(&format!("{} {}", report.tool.name, report.kind));
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"{name}\" {counts}>")?;
    // the dialect has no zone: UTC
    let stamp: String = report.generated_at.to_string().chars().take_while(|c| !matches!(c, '.' | 'Z')).collect();
    let stamp = if stamp.contains('T') { format!(" timestamp=\"{stamp}\"") } else { String::new() };
    writeln!(out, "  <testsuite name=\"{name} {}\" {counts}{stamp}>", escaped(&report.source.target))?;
    properties(report, out)?;
    cases.iter().try_for_each(|case| write_case(report, case, out))?;
    let remarks = remarks(report);
    if !remarks.is_empty() {
        element("system-out", "", &remarks, "    ", out)?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

fn properties(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let source = &report.source;
    let properties = [
        ("tool", Some(&report.tool.name)),
        ("version", Some(&report.tool.version)),
        ("target", Some(&source.target)),
        ("server_version", source.server_version.as_ref()),
        ("role", source.role.as_ref()),
        ("snapshot_sha256", source.snapshot_sha256.as_ref()),
    ];
    writeln!(out, "    <properties>")?;
    for (name, value) in properties {
        if let Some(value) = value {
            writeln!(out, "      <property name=\"{name}\" value=\"{}\"/>", escaped(value))?;
        }
    }
    writeln!(out, "    </properties>")
}

/// What is said about the run beside its tests: its notes, and what no rule asked for and could not be read.
fn remarks(report: &Report) -> Vec<String> {
    let read = Logs::of(report).map(|logs| [digest::times(report), logs.read()].concat().join(" · "));
    let notes = read.into_iter().chain(report.notes.iter().map(|note| note.text.clone()));
    let missing = report.missing.iter().filter(|unread| !unread.missing.is_failure());
    notes.chain(missing.flat_map(|unread| reason(&unread.missing))).collect()
}

/// The tests: rule by rule as the report has them, the findings of each before what it left open.
fn cases(report: &Report) -> Vec<Case<'_>> {
    let mut places: HashMap<(&str, Option<&str>), usize> = HashMap::new();
    for (at, rule) in report.rules.iter().enumerate() {
        places.entry((rule.id.as_str(), rule.database.as_deref())).or_insert(at);
    }
    // a rule over the server finds things in databases
    let place = |finding: &Finding| {
        let (rule, database) = (finding.rule.as_str(), finding.subject.database.as_deref());
        places.get(&(rule, database)).or_else(|| places.get(&(rule, None))).copied()
    };
    let mut found: Vec<Vec<Case<'_>>> = report.rules.iter().map(|_| Vec::new()).collect();
    let mut others = Vec::new();
    let failed = digest::worst_first(report).into_iter().map(|finding| (finding, failure(report, finding)));
    let accepted = report.suppressed.iter().map(|accepted| (&accepted.finding, acceptance(report, accepted)));
    for (finding, end) in failed.chain(accepted) {
        let at = place(finding);
        let database = at.map_or(finding.subject.database.as_deref(), |at| report.rules[at].database.as_deref());
        let case = Case { name: Cow::Borrowed(&finding.key), database, finding: Some(finding), end };
        at.map_or(&mut others, |at| &mut found[at]).push(case);
    }
    let mut cases = Vec::new();
    for (rule, mut found) in report.rules.iter().zip(found) {
        let end = verdict(rule, found.is_empty());
        cases.append(&mut found);
        let name = Cow::Borrowed(rule.id.as_str());
        cases.extend(end.map(|end| Case { name, database: rule.database.as_deref(), finding: None, end }));
    }
    cases.append(&mut others);
    cases.extend(report.missing.iter().filter(|unread| unread.missing.is_failure()).map(|unread| Case {
        name: Cow::Owned(format!("read {}", unread.missing.fact)),
        database: unread.database.as_deref(),
        finding: None,
        end: End::Error(reason(&unread.missing)),
    }));
    if cases.is_empty() {
        let end = End::Skipped(vec!["no rule was run".to_owned()]);
        cases.push(Case { name: Cow::Borrowed("rules"), database: None, finding: None, end });
    }
    cases
}

/// How the test of a finding ended: what is suspected only is told, and passes.
fn failure(report: &Report, finding: &Finding) -> End {
    let mut lines = digest::explained(report, finding);
    lines.extend(finding.location.iter().map(|at| format!("at {}:{}:{}", at.file, at.line, at.column)));
    let items = if finding.items.is_empty() { String::new() } else { format!("; items {}", finding.items.join(", ")) };
    lines.push(format!("{}, {}{items}", finding.severity, finding.evidence));
    if digest::is_suspected(finding) { End::Passed(lines) } else { End::Failed(lines) }
}

fn acceptance(report: &Report, accepted: &Suppressed) -> End {
    let until = accepted.expires.as_ref().map(|expires| format!(" until {expires}")).unwrap_or_default();
    End::Skipped(vec![format!("accepted{until}: {}", accepted.reason), digest::told(report, &accepted.finding)])
}

/// The test of a rule itself; none where its findings say it all.
fn verdict(rule: &RuleResult, nothing_found: bool) -> Option<End> {
    let open: Vec<String> = rule.reason.iter().flat_map(reason).chain(rule.unjudged.iter().flat_map(group)).collect();
    match rule.outcome {
        _ if rule.has_failure() => Some(End::Error(open)),
        Outcome::Skipped => Some(End::Skipped(open)),
        Outcome::Passed | Outcome::Partial if nothing_found => Some(End::Passed(open)),
        _ if open.is_empty() => None,
        _ => Some(End::Skipped(open)),
    }
}

fn reason(missing: &Missing) -> Vec<String> {
    let unlock = missing.unlock.iter().map(|unlock| format!("unlock: {unlock}"));
    std::iter::once(format!("{}: {}", missing.reason, missing.because)).chain(unlock).collect()
}

fn group(group: &UnjudgedGroup) -> Vec<String> {
    let subjects = digest::plural(group.count, "subject");
    let first = format!("{subjects} not judged: {}: {}: {}", group.reason, group.because, group.examples.join(", "));
    std::iter::once(first).chain(group.unlock_sql.iter().map(|unlock| format!("unlock: {unlock}"))).collect()
}

fn write_case(report: &Report, case: &Case<'_>, out: &mut dyn Write) -> io::Result<()> {
    let class = match case.database.filter(|database| !database.is_empty()) {
        Some(database) => format!("{}.{}.{database}", report.tool.name, report.kind),
        None => format!("{}.{}", report.tool.name, report.kind),
    };
    write!(out, "    <testcase classname=\"{}\" name=\"{}\" time=\"0\"", escaped(&class), escaped(&case.name))?;
    if let Some(location) = case.finding.and_then(|finding| finding.location.as_ref()) {
        write!(out, " file=\"{}\" line=\"{}\"", escaped(digest::path(location)), location.line)?;
    }
    let (name, attributes, lines) = match (&case.end, case.finding) {
        (End::Passed(lines), _) if lines.is_empty() => return writeln!(out, "/>"),
        (End::Passed(lines), _) => ("system-out", String::new(), lines),
        (End::Failed(lines), finding) => {
            let severity = finding.map(|finding| finding.severity.as_str()).unwrap_or_default();
            ("failure", format!(" type=\"{}\"{}", escaped(severity), message(lines)), lines)
        }
        (End::Skipped(lines), _) => ("skipped", message(lines), lines),
        (End::Error(lines), _) => ("error", format!(" type=\"unread\"{}", message(lines)), lines),
    };
    writeln!(out, ">")?;
    element(name, &attributes, lines, "      ", out)?;
    writeln!(out, "    </testcase>")
}

fn message(lines: &[String]) -> String {
    format!(" message=\"{}\"", escaped(lines.first().map_or("", String::as_str)))
}

/// An element whose text is lines.
fn element(name: &str, attributes: &str, lines: &[String], indent: &str, out: &mut dyn Write) -> io::Result<()> {
    let text: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
    writeln!(out, "{indent}<{name}{attributes}>{}</{name}>", text.join("\n"))
}

/// Text as it may stand in an attribute or between tags, on one line.
fn escaped(text: &str) -> String {
    let text = visible(text);
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // the two that XML 1.0 has no way to write and that are not made visible already
            '\u{fffe}' | '\u{ffff}' => escaped.extend(character.escape_default()),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn markup_is_text() {
        assert_eq!(escaped("a<b & \"c\" ]]>\n\u{1b}\u{ffff}"), "a&lt;b &amp; &quot;c&quot; ]]&gt;\\n\\u{1b}\\u{ffff}");
    }

    proptest! {
        #[test]
        fn every_character_is_one_of_xml_1_0(text in any::<String>()) {
            let forbidden = |c: char| c < ' ' || ['\u{fffe}', '\u{ffff}', '<', '>', '"'].contains(&c);
            prop_assert!(!escaped(&text).contains(forbidden));
        }
    }
}
