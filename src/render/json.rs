//! For programs: format 1, the contract of `docs/report.schema.json`. Fields are added, never renamed.
//!
//! The objects of the leaf types are written as they are; what is written out here is the order of the fields, the
//! members a consumer may rely on being there, and that a number no JSON can carry is left out. The output loads again
//! as the same [`Report`].

use super::text::acts;
use super::{Options, Renderer};
use crate::finding::{Edit, Finding, Hint, Location, Measure, Subject, Value};
use crate::lock::LockMode;
use crate::outcome::RuleResult;
use crate::report::{Assessment, Body, Kind, Note, Report, Source, Suppressed, Tool, Unread, Window};
use crate::rule::{Evidence, RuleId, Severity};
use crate::score::Score;
use crate::time::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::ser::{Formatter, PrettyFormatter};
use std::io::{self, Write};

/// The format.
pub(super) static RENDERER: Renderer = Renderer { name: "json", extension: "json", render };

fn render(report: &Report, _: &Options, out: &mut dyn Write) -> io::Result<()> {
    write(&ReportJson::from(report), out)
}

/// A value as the formats made of JSON write it.
pub(super) fn write(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Shown(PrettyFormatter::new()));
    value.serialize(&mut serializer).map_err(io::Error::from)?;
    writeln!(out)
}

/// Indented, and with everything escaped that would act on a terminal or hide in an editor: the C1 controls and the
/// bidirectional ones are characters like any other to JSON itself. The strings it encodes are the same.
struct Shown(PrettyFormatter<'static>);

impl Formatter for Shown {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        // nearly all of it is plain, and that is seen many bytes at a time
        if fragment.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return out.write_all(fragment.as_bytes());
        }
        let mut shown = 0;
        for (at, character) in fragment.char_indices().filter(|(_, character)| acts(*character)) {
            out.write_all(&fragment.as_bytes()[shown..at])?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            shown = at + character.len_utf8();
        }
        out.write_all(&fragment.as_bytes()[shown..])
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

/// The whole, in the order it is documented in.
#[derive(Serialize)]
struct ReportJson<'a> {
    format: u32,
    kind: &'a Kind,
    tool: &'a Tool,
    generated_at: Timestamp,
    source: &'a Source,
    window: Option<WindowJson<'a>>,
    notes: &'a [Note],
    score: &'a Option<Score>,
    items: &'a [Assessment],
    rules: &'a [RuleResult],
    #[serde(serialize_with = "findings")]
    findings: &'a [Finding],
    #[serde(serialize_with = "suppressed")]
    suppressed: &'a [Suppressed],
    missing: &'a [Unread],
    top: &'a [String],
    #[serde(flatten)]
    body: &'a Body,
}

impl<'a> From<&'a Report> for ReportJson<'a> {
    fn from(report: &'a Report) -> Self {
        Self {
            format: report.format,
            kind: &report.kind,
            tool: &report.tool,
            generated_at: report.generated_at,
            source: &report.source,
            window: report.window.as_ref().map(WindowJson::from),
            notes: &report.notes,
            score: &report.score,
            items: &report.items,
            rules: &report.rules,
            findings: &report.findings,
            suppressed: &report.suppressed,
            missing: &report.missing,
            top: &report.top,
            body: &report.body,
        }
    }
}

/// The window, its length only where it is a number.
#[derive(Serialize)]
struct WindowJson<'a> {
    kind: &'a str,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    seconds: Option<f64>,
    because: &'a str,
}

impl<'a> From<&'a Window> for WindowJson<'a> {
    fn from(window: &'a Window) -> Self {
        Self {
            kind: &window.kind,
            from: window.from,
            to: window.to,
            seconds: window.seconds.filter(|seconds| seconds.is_finite()),
            because: &window.because,
        }
    }
}

/// One finding, every member there.
#[derive(Serialize)]
struct FindingJson<'a> {
    rule: &'a RuleId,
    items: &'a [String],
    severity: &'a Severity,
    evidence: &'a Evidence,
    key: &'a str,
    subject: &'a Subject,
    verification: &'a Option<String>,
    message: &'a str,
    #[serde(serialize_with = "measures")]
    detail: &'a [Measure],
    hint: Option<HintJson<'a>>,
    location: &'a Option<Location>,
    #[serde(skip_serializing_if = "<[Edit]>::is_empty")]
    edits: &'a [Edit],
}

impl<'a> From<&'a Finding> for FindingJson<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            rule: &finding.rule,
            items: &finding.items,
            severity: &finding.severity,
            evidence: &finding.evidence,
            key: &finding.key,
            subject: &finding.subject,
            verification: &finding.verification,
            message: &finding.message,
            detail: &finding.detail,
            hint: finding.hint.as_ref().map(HintJson::from),
            location: &finding.location,
            edits: &finding.edits,
        }
    }
}

/// Advice, with nulls where it has no SQL or that takes no lock.
#[derive(Serialize)]
struct HintJson<'a> {
    text: &'a str,
    sql: Option<&'a str>,
    lock: Option<&'a LockMode>,
}

impl<'a> From<&'a Hint> for HintJson<'a> {
    fn from(hint: &'a Hint) -> Self {
        Self { text: &hint.text, sql: hint.sql.as_deref(), lock: hint.lock.as_ref() }
    }
}

/// An accepted finding.
#[derive(Serialize)]
struct SuppressedJson<'a> {
    #[serde(flatten)]
    finding: FindingJson<'a>,
    reason: &'a str,
    expires: Option<&'a str>,
}

fn findings<S: Serializer>(findings: &[Finding], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(findings.iter().map(FindingJson::from))
}

fn suppressed<S: Serializer>(suppressed: &[Suppressed], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(suppressed.iter().map(|accepted| SuppressedJson {
        finding: FindingJson::from(&accepted.finding),
        reason: &accepted.reason,
        expires: accepted.expires.as_deref(),
    }))
}

/// The numbers that JSON can carry; it has neither infinities nor NaN.
fn measures<S: Serializer>(measures: &[Measure], serializer: S) -> Result<S::Ok, S::Error> {
    let finite = |measure: &&Measure| !matches!(measure.value, Value::Number(value) if !value.is_finite());
    serializer.collect_seq(measures.iter().filter(finite))
}
