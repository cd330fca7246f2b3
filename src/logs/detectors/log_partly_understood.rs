//! Log that was understood in part
//!
//! ## Why it matters
//! Every figure of the report is a figure of what was understood. What was not may be another program's, or half of the
//! server's own log in a format nobody told of.
//!
//! ## How it is decided
//! The share of lines that belong to an entry: *medium* below 95 %. A file that could not be read to its end is *low*,
//! for itself. The numbers beside it say what else is missing: statements without a duration, durations without a
//! statement, texts that were cut, clocks that went back, entries without a session.
//!
//! ## What to do
//! Look at the examples: letters and digits in them are masked, but their form shows. Give the prefix of the server
//! with `--prefix` (`show log_line_prefix`), or the files of one format at a time. Copy a file again that was cut.
//!
//! ## Limits
//! A line inside an entry that belongs to another program is not told from the entry's own. Entries of kinds that
//! nothing is made of are understood.

use super::confidence::whole;
use super::prelude::*;
use crate::logs::workload::SourceFile;

/// Less was read than is there.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "log-partly-understood",
        category: Category::Settings,
        severity: Severity::Medium,
        source: include_str!("log_partly_understood.rs"),
    },
    params: &[&SHARE],
    run: Run::Log(run),
};

static SHARE: Param = Param {
    name: "minimum_share",
    doc: "the share of lines that must belong to an entry; one line in twenty may be another program's",
    default: 0.95,
    unit: Unit::Ratio,
};

fn run(cx: &Context<'_>) -> Result<Verdict, Missing> {
    let coverage = &cx.workload.coverage;
    let mut verdict = Verdict { examined: cx.workload.sources.len().max(1) as u64, ..Verdict::default() };
    for source in &cx.workload.sources {
        if let Some(trouble) = &source.trouble {
            verdict.find(unfinished(source, trouble));
        }
    }
    if coverage.lines == 0 {
        if verdict.findings.is_empty() {
            return Err(Missing::new("lines", Reason::Input, "there is no line in the log"));
        }
        return Ok(verdict);
    }
    let (share, least) = (coverage.share(), cx.param(&DETECTOR.meta, &SHARE));
    if share >= least {
        return Ok(verdict);
    }
    let message = format!(
        "{} of the lines were understood, {} were not",
        humane(share, &Unit::Ratio),
        humane(coverage.unread_lines as f64, &Unit::Count)
    );
    let examples =
        coverage.unread_samples.iter().map(|sample| format!("{}:{}: {}", sample.path, sample.line, sample.text));
    let formats = cx.workload.sources.iter().map(|source| match &source.prefix {
        Some(prefix) => format!("{}: {} with prefix '{prefix}'", source.path, source.format),
        None => format!("{}: {}", source.path, source.format),
    });
    verdict.find(
        Finding::new(&DETECTOR.meta, Subject::server(), message)
            .number("share", share, Unit::Ratio)
            .count("lines", whole(coverage.lines), Unit::Count)
            .count("unread_lines", whole(coverage.unread_lines), Unit::Count)
            .count("entries", whole(coverage.entries), Unit::Count)
            .count("entries_without_session", whole(coverage.entries.saturating_sub(coverage.in_sessions)), Unit::Count)
            .count("statements_without_duration", whole(coverage.untimed), Unit::Count)
            .count("durations_without_statement", whole(coverage.nameless), Unit::Count)
            .count("texts_cut", whole(coverage.truncated), Unit::Count)
            .count("clock_steps", whole(coverage.clock_steps), Unit::Count)
            .number("threshold", least, Unit::Ratio)
            .list("examples", examples.collect())
            .list("read_as", formats.take(5).collect())
            .advice("give the server's log_line_prefix with --prefix, or leave out files that are not PostgreSQL's"),
    );
    Ok(verdict)
}

fn unfinished(source: &SourceFile, trouble: &str) -> Finding {
    let subject = Subject::named(SubjectKind::File, None, &source.path);
    Finding::new(&DETECTOR.meta, subject, format!("{} was not read to its end: {trouble}", source.path))
        .severity(Severity::Low)
        .count("bytes", whole(source.bytes), Unit::Bytes)
        .text("format", &*source.format)
        .advice("copy the file again, or look whether it is still being written")
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::Lab;
    use super::*;
    use crate::logs::workload::UnreadLine;

    fn lab(unread: u64) -> Lab {
        let mut lab = Lab::new();
        lab.workload.coverage.unread_lines = unread;
        lab
    }

    #[test]
    fn one_in_twenty_may_be_foreign() {
        assert!(lab(0).found(&DETECTOR).is_empty());
        assert!(lab(50).found(&DETECTOR).is_empty());
        assert_eq!(lab(60).found(&DETECTOR), ["medium 94 % of the lines were understood, 60 were not"]);
        let mut strict = lab(1);
        strict.params.set("log-partly-understood", "minimum_share", 1.0);
        assert_eq!(strict.found(&DETECTOR).len(), 1);
    }

    #[test]
    fn examples_and_figures_are_data() {
        let mut lab = lab(500);
        let sample = UnreadLine { path: "a.log".into(), line: 7, text: "xx 99".into() };
        lab.workload.coverage.unread_samples.push(sample);
        lab.workload.coverage.clock_steps = 3;
        let finding = lab.run(&DETECTOR).unwrap().findings.remove(0);
        let examples = finding.detail.iter().find(|measure| measure.name == "examples").unwrap();
        assert_eq!(examples.value.to_string(), "a.log:7: xx 99");
        assert_eq!((finding.measured("share"), finding.measured("clock_steps")), (Some(0.5), Some(3.0)));
        assert_eq!(finding.key, "log-partly-understood:server");
    }

    #[test]
    fn a_file_that_ended_early_is_named() {
        let mut lab = lab(0);
        lab.workload.sources = vec![
            SourceFile { path: "a.log".into(), ..SourceFile::default() },
            SourceFile { path: "b.gz".into(), trouble: Some("unexpected end of file".into()), ..SourceFile::default() },
        ];
        assert_eq!(lab.found(&DETECTOR), ["low b.gz was not read to its end: unexpected end of file"]);
        assert_eq!(lab.run(&DETECTOR).unwrap().examined, 2);
    }

    #[test]
    fn nothing_is_not_understood() {
        let mut lab = lab(0);
        lab.workload.coverage.lines = 0;
        assert!(lab.run(&DETECTOR).is_err());
    }
}
