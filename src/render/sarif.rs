//! For code scanning: SARIF 2.1.0, <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.
//!
//! A finding of a file has its region; any other is somewhere in a server and has a logical location alone, which GitHub's
//! upload refuses: `github` and `markdown` are for those. `fixes` replace text in a file: a finding has them where its advice
//! is a change of the user's own text, and not SQL to be run on a server.
//!
//! Messages have a grammar of their own, where braces are placeholders and brackets links: what a name holds is none of it.

use super::logs::Logs;
use super::repetition::Repetition;
use super::review::Reviewed;
use super::text::visible;
use super::{Options, Renderer, digest, json, markdown};
use crate::finding::{Finding, Location, Subject};
use crate::lock::LockMode;
use crate::report::{Kind, Report, Suppressed};
use crate::rule::{Category, Evidence, Meta, Severity};
use crate::rules;
use crate::time::Timestamp;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The format.
pub(super) static RENDERER: Renderer = Renderer { name: "sarif", extension: "sarif", render };

/// The schema of what is written.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

fn render(report: &Report, _: &Options, out: &mut dyn Write) -> io::Result<()> {
    let (rules, numbers) = descriptors(report);
    let run = Run {
        tool: Tool { driver: Driver { name: &report.tool.name, version: &report.tool.version, rules } },
        automation_details: Automation { id: format!("{}/{}/", report.tool.name, report.kind) },
        invocations: [Invocation {
            execution_successful: !report.has_failures(),
            end_time_utc: instant(report.generated_at),
            tool_execution_notifications: notifications(report),
        }],
        column_kind: "unicodeCodePoints",
        results: Results { report, numbers: &numbers },
        properties: RunProperties {
            kind: &report.kind,
            target: &report.source.target,
            server_version: report.source.server_version.as_deref(),
        },
    };
    json::write(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] }, out)
}

/// An instant, where it is one of the calendar.
fn instant(timestamp: Timestamp) -> Option<String> {
    let text = timestamp.to_string();
    text.starts_with(|c: char| c.is_ascii_digit()).then_some(text)
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    automation_details: Automation,
    invocations: [Invocation; 1],
    column_kind: &'static str,
    results: Results<'a>,
    properties: RunProperties<'a>,
}

#[derive(Serialize)]
struct RunProperties<'a> {
    kind: &'a Kind,
    target: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_version: Option<&'a str>,
}

/// What tells the runs of one kind from those of another: a repository may have an audit and a review.
#[derive(Serialize)]
struct Automation {
    id: String,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
struct Driver<'a> {
    name: &'a str,
    version: &'a str,
    rules: Vec<Descriptor<'a>>,
}

/// What a rule says about itself; of a rule this version does not have, its name.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    id: &'a str,
    name: String,
    short_description: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_description: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_configuration: Option<Configuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Classified>,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Classified {
    category: &'static Category,
    tags: [&'static Category; 1],
}

/// A text, and the same laid out.
#[derive(Serialize)]
struct Message {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    markdown: Option<String>,
}

impl Message {
    /// Foreign text on one line, and nothing else.
    fn plain(text: &str) -> Self {
        // `[…](…)` is a link even in plain text
        Self { text: literally(&visible(text).replace("](", "] (")), markdown: None }
    }
}

/// The text with nothing in it that would be a placeholder.
fn literally(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

impl<'a> Descriptor<'a> {
    fn new(id: &'a str) -> Self {
        let name = pascal(id);
        let Some(meta) = rules::meta(id) else {
            let (full_description, help, default_configuration, properties) = (None, None, None, None);
            let short_description = Message::plain(id);
            return Self { id, name, short_description, full_description, help, default_configuration, properties };
        };
        let documentation = literally(&meta.documentation());
        Self {
            id,
            name,
            short_description: Message::plain(meta.title()),
            full_description: why(meta).map(|why| Message::plain(&why)),
            help: Some(Message { text: documentation.replace("## ", ""), markdown: Some(documentation) }),
            default_configuration: Some(Configuration { level: level(&meta.severity) }),
            properties: Some(Classified { category: &meta.category, tags: [&meta.category] }),
        }
    }
}

/// The first section of the documentation, why the rule matters, as one paragraph.
fn why(meta: &Meta) -> Option<String> {
    let documentation = meta.documentation();
    let section = documentation.split("## ").nth(1)?;
    let (_, text) = section.split_once('\n')?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// `foreign-key-without-index` as viewers show names: `ForeignKeyWithoutIndex`.
fn pascal(id: &str) -> String {
    let capital = |word: &str| {
        let mut characters = word.chars();
        characters.next().map_or(String::new(), |first| format!("{}{}", first.to_uppercase(), characters.as_str()))
    };
    id.split('-').map(capital).collect()
}

/// The rules that ran or found something, and the number of each in that list.
fn descriptors(report: &Report) -> (Vec<Descriptor<'_>>, BTreeMap<&str, usize>) {
    let ran = report.rules.iter().map(|rule| rule.id.as_str());
    let found = report.findings.iter().map(|finding| finding.rule.as_str());
    let accepted = report.suppressed.iter().map(|accepted| accepted.finding.rule.as_str());
    let (mut rules, mut numbers) = (Vec::new(), BTreeMap::new());
    for id in ran.chain(found).chain(accepted) {
        numbers.entry(id).or_insert_with(|| {
            rules.push(Descriptor::new(id));
            rules.len() - 1
        });
    }
    (rules, numbers)
}

/// A severity in SARIF's words; one of another version is not to be overlooked.
fn level(severity: &Severity) -> &'static str {
    match severity {
        Severity::High => "error",
        Severity::Medium | Severity::Other(_) => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time_utc: Option<String>,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Unjudged>,
}

/// What was left open for a reason.
#[derive(Serialize)]
struct Unjudged {
    reason: String,
    rules: Vec<String>,
    databases: Vec<String>,
}

/// What could not be judged, and the remarks about the run.
fn notifications(report: &Report) -> Vec<Notification> {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let gaps = digest::gaps(report);
    let gaps = gaps.iter().map(|gap| Notification {
        level: if gap.is_failure() { "error" } else { "warning" },
        message: Message::plain(&format!("not judged: {}", gap.line())),
        properties: Some(Unjudged {
            reason: gap.reason.to_string(),
            rules: owned(&gap.rules),
            databases: owned(&gap.databases),
        }),
    });
    let notes = report.notes.iter().map(|note| Notification {
        level: if note.warning { "warning" } else { "note" },
        message: Message::plain(&note.text),
        properties: None,
    });
    let read = Logs::of(report).map(|logs| logs.read());
    let read = read.or_else(|| Reviewed::of(report).map(|reviewed| [reviewed.server(), reviewed.read()].concat()));
    let read =
        read.map(|parts| Notification { level: "note", message: Message::plain(&parts.join(", ")), properties: None });
    gaps.chain(notes).chain(read).collect()
}

/// The findings, worst first, and the accepted ones.
struct Results<'a> {
    report: &'a Report,
    numbers: &'a BTreeMap<&'a str, usize>,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // the results of a run either all say whether they are suppressed, or none does
        let none = || (!self.report.suppressed.is_empty()).then(Vec::new);
        let found = digest::worst_first(self.report).into_iter().map(|finding| self.result(finding, none()));
        let accepted = self.report.suppressed.iter().map(|accepted| {
            let suppression = Suppression::from(accepted);
            self.result(&accepted.finding, Some(vec![suppression]))
        });
        serializer.collect_seq(found.chain(accepted))
    }
}

impl<'a> Results<'a> {
    fn result<'b>(&self, finding: &'b Finding, suppressions: Option<Vec<Suppression<'b>>>) -> ResultJson<'b> {
        ResultJson {
            rule_id: finding.rule.as_str(),
            rule_index: self.numbers.get(finding.rule.as_str()).copied(),
            level: if digest::is_suspected(finding) { "note" } else { level(&finding.severity) },
            message: message(self.report, finding),
            locations: [Place {
                physical_location: finding.location.as_ref().map(Physical::from),
                logical_locations: [Logical::from(&finding.subject)],
            }],
            partial_fingerprints: Fingerprints { key: &finding.key },
            fixes: Fix::of(finding),
            suppressions,
            properties: Properties {
                severity: &finding.severity,
                evidence: &finding.evidence,
                verification: finding.verification.as_deref(),
                items: &finding.items,
            },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultJson<'a> {
    rule_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Message,
    locations: [Place<'a>; 1],
    partial_fingerprints: Fingerprints<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<Fix<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressions: Option<Vec<Suppression<'a>>>,
    properties: Properties<'a>,
}

/// The changes of a file that carry the advice out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fix<'a> {
    description: Message,
    artifact_changes: [Change<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change<'a> {
    artifact_location: Artifact,
    replacements: Vec<Replacement<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement<'a> {
    deleted_region: Region,
    inserted_content: Content<'a>,
}

#[derive(Serialize)]
struct Content<'a> {
    text: &'a str,
}

impl<'a> Fix<'a> {
    fn of(finding: &'a Finding) -> Vec<Self> {
        let Some(first) = finding.edits.first() else { return Vec::new() };
        let text = finding.hint.as_ref().map_or(finding.message.as_str(), |hint| hint.text.as_str());
        let replacements = finding.edits.iter().map(|edit| Replacement {
            deleted_region: Physical::from(&edit.location).region,
            inserted_content: Content { text: &edit.text },
        });
        let change = Change {
            artifact_location: Physical::from(&first.location).artifact_location,
            replacements: replacements.collect(),
        };
        vec![Self { description: Message::plain(text), artifact_changes: [change] }]
    }
}

#[derive(Serialize)]
struct Fingerprints<'a> {
    #[serde(rename = "pgassayKey/v1")]
    key: &'a str,
}

#[derive(Serialize)]
struct Properties<'a> {
    severity: &'a Severity,
    evidence: &'a Evidence,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<&'a str>,
    items: &'a [String],
}

#[derive(Serialize)]
struct Suppression<'a> {
    kind: &'static str,
    status: &'static str,
    justification: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Expiry<'a>>,
}

#[derive(Serialize)]
struct Expiry<'a> {
    expires: &'a str,
}

impl<'a> From<&'a Suppressed> for Suppression<'a> {
    fn from(accepted: &'a Suppressed) -> Self {
        Self {
            kind: "external",
            status: "accepted",
            justification: &accepted.reason,
            properties: accepted.expires.as_deref().map(|expires| Expiry { expires }),
        }
    }
}

/// The sentence and the advice, each a sentence of its own where only text is shown; laid out, the numbers and the SQL too.
fn message(report: &Report, finding: &Finding) -> Message {
    let sentence = digest::told(report, finding);
    let text = match &finding.hint {
        Some(hint) if sentence.ends_with(['.', '?', '!']) => format!("{sentence} {}", hint.text),
        Some(hint) => format!("{sentence}. {}", hint.text),
        None => sentence.clone(),
    };
    let mut laid = format!("**{}** {}\n", markdown::prose(finding.severity.as_str()), markdown::prose(&sentence));
    let numbers = digest::facts(finding);
    if !numbers.is_empty() {
        laid.push_str(&format!("\nDetail: {}\n", markdown::prose(&numbers.join(" · "))));
    }
    if let Some(parent) = Repetition::of(finding).and_then(|repetition| repetition.parent()) {
        laid.push_str(&format!("\nAfter:\n\n{}\nRepeated:\n", markdown::fence("sql", parent, "")));
    }
    if let Some(query) = &finding.subject.query {
        laid.push_str(&format!("\n{}", markdown::fence("sql", query, "")));
    }
    if let Some(hint) = &finding.hint {
        laid.push_str(&format!("\nFix: {}\n", markdown::prose(&hint.text)));
        laid.extend(hint.sql.iter().map(|sql| format!("\n{}", markdown::fence("sql", sql, ""))));
        let lock = |lock: &LockMode| format!("\nTakes {}: {}.\n", markdown::prose(lock.as_str()), lock.blocks());
        laid.extend(digest::lock(hint).map(lock));
    }
    Message { markdown: Some(literally(laid.trim_end())), ..Message::plain(&text) }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_location: Option<Physical>,
    logical_locations: [Logical<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
}

impl From<&Location> for Physical {
    fn from(location: &Location) -> Self {
        // a report that was loaded may say anything
        let (line, column) = (location.line.max(1), location.column.max(1));
        let end_line = location.end_line.max(line);
        let least = if end_line == line { column } else { 1 };
        let region =
            Region { start_line: line, start_column: column, end_line, end_column: location.end_column.max(least) };
        let path = digest::path(location);
        let artifact_location = match path.starts_with('/') {
            true => Artifact { uri: format!("file://{}", encoded(path)), uri_base_id: None },
            false => Artifact { uri: encoded(path), uri_base_id: Some("%SRCROOT%") },
        };
        Self { artifact_location, region }
    }
}

/// A path as the path of a URI.
fn encoded(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical<'a> {
    name: &'a str,
    fully_qualified_name: String,
    kind: &'a str,
}

impl<'a> From<&'a Subject> for Logical<'a> {
    fn from(subject: &'a Subject) -> Self {
        let parts = [
            &subject.database,
            &subject.schema,
            &subject.relation,
            &subject.name,
            &subject.parent_fingerprint,
            &subject.fingerprint,
        ];
        // a log need not say the database
        let parts: Vec<&str> = parts.into_iter().filter_map(Option::as_deref).filter(|part| !part.is_empty()).collect();
        let kind = subject.kind.as_str();
        let name = parts.last().copied().unwrap_or(kind);
        let qualified = parts.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(".");
        Self { name, fully_qualified_name: if qualified.is_empty() { kind.to_owned() } else { qualified }, kind }
    }
}

/// A part of a name, quoted as PostgreSQL does where a dot or a quote in it would make it two.
fn quoted(part: &str) -> String {
    match part.contains(['.', '"']) {
        true => format!("\"{}\"", part.replace('"', "\"\"")),
        false => part.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::SubjectKind;
    use proptest::prelude::*;

    #[test]
    fn names_are_qualified_so_that_they_can_be_taken_apart() {
        let index = Subject::of_table(SubjectKind::Index, "shop", "public", "or.ders", "a\"b");
        let place = Logical::from(&index);
        assert_eq!(
            (place.name, &*place.fully_qualified_name, place.kind),
            ("a\"b", "shop.public.\"or.ders\".\"a\"\"b\"", "index")
        );
        let server = Subject::server();
        let place = Logical::from(&server);
        assert_eq!((place.name, &*place.fully_qualified_name, place.kind), ("server", "server", "server"));
        let query = Subject::query("shop", "0123456789abcdef", "select 1");
        assert_eq!(Logical::from(&query).fully_qualified_name, "shop.0123456789abcdef");
    }

    #[test]
    fn paths_are_uris() {
        let at = |file: &str| {
            Physical::from(&Location {
                file: file.to_owned(),
                line: 0,
                column: 0,
                end_line: 0,
                end_column: 0,
                source: None,
            })
        };
        let place = at("./migrations/0001 add:é%.sql");
        assert_eq!(place.artifact_location.uri, "migrations/0001%20add%3A%C3%A9%25.sql");
        assert_eq!(place.artifact_location.uri_base_id, Some("%SRCROOT%"));
        assert_eq!((place.region.start_line, place.region.end_column), (1, 1));
        let place = at("/var/log/a.log");
        assert_eq!(
            (&*place.artifact_location.uri, place.artifact_location.uri_base_id),
            ("file:///var/log/a.log", None)
        );
    }

    #[test]
    fn nothing_foreign_is_a_placeholder_or_a_link() {
        assert_eq!(Message::plain("{0} [a](b)\n").text, "{{0}} [a] (b)\\n");
        assert_eq!(pascal("int4-primary-key-near-limit"), "Int4PrimaryKeyNearLimit");
        assert_eq!(pascal(""), "");
    }

    proptest! {
        #[test]
        fn a_path_is_encoded_without_loss(path in any::<String>()) {
            let uri = encoded(&path);
            prop_assert!(uri.bytes().all(|b| b.is_ascii_graphic()));
            let mut bytes = Vec::new();
            let mut rest = uri.as_str();
            while let Some(first) = rest.chars().next() {
                let taken = if first == '%' { 3 } else { 1 };
                bytes.push(if taken == 3 { u8::from_str_radix(&rest[1..3], 16).unwrap() } else { rest.as_bytes()[0] });
                rest = &rest[taken..];
            }
            prop_assert_eq!(bytes, path.as_bytes());
        }
    }
}
