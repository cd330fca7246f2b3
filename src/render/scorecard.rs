//! The checklist's own Score Summary Template, all nine sections, filled in as far as anything is known; and, below it,
//! the state of every item with its reason, so that no number stands without one.

use super::digest;
use super::text::{fit, visible, width, wrap};
use super::{Options, Renderer};
use crate::finding::Finding;
use crate::report::{Assessment, Report};
use crate::score::Points;
use std::io::{self, Write};

/// The format.
pub(super) static RENDERER: Renderer = Renderer { name: "scorecard", extension: "txt", render };

/// What stands where nothing is known: never 0, never a blank.
const NOT_KNOWN: &str = "?";

/// The sections of the template and their points.
const SECTIONS: [(&str, &str, u32); 9] = [
    ("1", "API Performance", 6),
    ("2", "Database", 8),
    ("3", "Caching", 8),
    ("4", "Connection Management", 10),
    ("5", "Observability", 8),
    ("6", "Security", 10),
    ("7", "Reliability", 8),
    ("8", "Scalability", 8),
    ("9", "Development Practices", 5),
];

/// The points of the template.
const MAX: u32 = 71;

/// The columns of the template: section, score, max. The last one, per cent, has no end.
const COLUMNS: [usize; 3] = [27, 9, 7];

fn render(report: &Report, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let columns = options.columns();
    let narrow = columns < COLUMNS.iter().sum::<usize>() + 16;
    let mut page = Page { columns, name: if narrow { 12 } else { COLUMNS[0] }, out };
    page.line("Score Summary")?;
    page.line("")?;
    page.signature(&signature(report, options))?;
    page.paragraph("", &format!("Target: {}", digest::source(report).join(", ")))?;
    page.paragraph("", &format!("Facts: {}", digest::times(report).join("; ")))?;
    page.line("")?;
    page.table(report)?;
    page.line("")?;
    page.legend(report)?;
    page.top(report)?;
    page.items(report)
}

/// Team, date and reviewer; the date is the day the facts were read, unless one is given.
fn signature(report: &Report, options: &Options) -> [String; 3] {
    let known = |text: &Option<String>| match text.as_deref().map(str::trim) {
        None | Some("") => NOT_KNOWN.to_owned(),
        Some(text) => text.to_owned(),
    };
    let read = report.source.captured_at.unwrap_or(report.generated_at);
    let date = options.date.clone().or_else(|| read.is_finite().then(|| read.date()));
    [
        format!("Team: {}", known(&options.team)),
        format!("Date: {}", known(&date)),
        format!("Reviewer: {}", known(&options.reviewer)),
    ]
}

/// Score and per cent as they can be claimed: a number where everything is known, from–to where some is not, `?` where
/// nothing is, `n/a` where no item applies.
fn claim(points: Option<&Points>) -> (String, String) {
    match points {
        None => (NOT_KNOWN.to_owned(), NOT_KNOWN.to_owned()),
        Some(points) if points.na == points.max => ("n/a".to_owned(), "n/a".to_owned()),
        Some(points) if points.unknown + points.na == points.max => (NOT_KNOWN.to_owned(), NOT_KNOWN.to_owned()),
        Some(points) if points.unknown > 0 => (
            format!("{}–{}", points.pass, points.pass + points.unknown),
            format!("{} to {}", digest::percent(points.strict), digest::percent(points.at_most)),
        ),
        Some(points) => (points.pass.to_string(), digest::percent(points.strict)),
    }
}

struct Page<'a> {
    columns: usize,
    name: usize,
    out: &'a mut dyn Write,
}

impl Page<'_> {
    fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{}", line.trim_end())
    }

    /// Lines within the width, the first after `first`, the others as far in.
    fn paragraph(&mut self, first: &str, text: &str) -> io::Result<()> {
        let indent = " ".repeat(width(first));
        for (at, line) in wrap(text, self.columns - width(first)).into_iter().enumerate() {
            self.line(&format!("{}{line}", if at == 0 { first } else { &indent }))?;
        }
        Ok(())
    }

    /// On one line as in the template, or below each other where that is too narrow.
    fn signature(&mut self, parts: &[String; 3]) -> io::Result<()> {
        let line = visible(&parts.join("   ")).into_owned();
        if width(&line) <= self.columns {
            return self.line(&line);
        }
        parts.iter().try_for_each(|part| self.paragraph("", part))
    }

    fn row(&mut self, section: &str, score: &str, max: &str, percent: &str) -> io::Result<()> {
        let cell = |text: &str, columns: usize| {
            let text = fit(text, columns - 1);
            format!("{text}{}", " ".repeat(columns - width(&text)))
        };
        let (section, score, max) = (cell(section, self.name), cell(score, COLUMNS[1]), cell(max, COLUMNS[2]));
        let percent = fit(percent, self.columns - self.name - COLUMNS[1] - COLUMNS[2]);
        self.line(&format!("{section}{score}{max}{percent}"))
    }

    fn table(&mut self, report: &Report) -> io::Result<()> {
        let rule = "─".repeat((self.name + COLUMNS[1] + COLUMNS[2] + 16).min(self.columns));
        self.row("Section", "Score", "Max", "%")?;
        self.line(&rule)?;
        for (id, title, max) in SECTIONS {
            let points = report.score.as_ref().and_then(|score| score.section(id));
            let (score, percent) = claim(points);
            let max = points.map_or(max, |points| points.max).to_string();
            self.row(&format!("{id}. {title}"), &score, &max, &percent)?;
        }
        self.line(&rule)?;
        let total = report.score.as_ref().map(|score| &score.total);
        let (score, percent) = claim(total);
        self.row("TOTAL", &score, &total.map_or(MAX, |points| points.max).to_string(), &percent)
    }

    /// How to read the numbers, and the bands they lie in.
    fn legend(&mut self, report: &Report) -> io::Result<()> {
        self.paragraph(
            "",
            "1 point per ✓ pass, 0 per ✗ fail or ! warn. From–to: strict (no unknown item counts) to at most (all would \
             pass). ? nothing is known; never 0. 90 % production-ready, 70 % some gaps, 50 % significant technical debt, \
             below that high risk.",
        )?;
        let Some(score) = &report.score else {
            return self.paragraph("", "No score was made: no item was assessed.");
        };
        let assessed = |points: &Points| points.unknown + points.na < points.max || points.id == "total";
        for points in score.sections.iter().chain([&score.total]).filter(|points| assessed(points)) {
            let ratio = points.assessed.map_or("n/a".to_owned(), digest::percent);
            let text = format!(
                "{}; of the applicable {ratio}, coverage {}, {} measured and {} attested; {} warn, {} fail, {} unknown, \
                 {} not applicable",
                points.band,
                digest::percent(points.coverage),
                points.measured,
                points.attested,
                points.warn,
                points.fail,
                points.unknown,
                points.na
            );
            let name = if points.id == "total" { "TOTAL" } else { &points.id };
            self.paragraph(&format!("{:<7}", fit(name, 6)), &text)?;
        }
        Ok(())
    }

    fn top(&mut self, report: &Report) -> io::Result<()> {
        self.line("")?;
        self.line("Top 3 action items:")?;
        let findings: Vec<&Finding> = digest::top(report);
        for rank in 0..3 {
            let text = match findings.get(rank) {
                Some(finding) => {
                    let fix = finding.hint.as_ref().map(|hint| format!(" Fix: {}", hint.text)).unwrap_or_default();
                    format!("[{}] {} ({}).{fix}", finding.severity, digest::told(report, finding), finding.rule)
                }
                None if report.rules.is_empty() => NOT_KNOWN.to_owned(),
                None => "– (nothing more was found)".to_owned(),
            };
            self.paragraph(&format!("{}. ", rank + 1), &text)?;
        }
        Ok(())
    }

    fn items(&mut self, report: &Report) -> io::Result<()> {
        let (scored, apart) = digest::items(report);
        self.list("Items", &scored)?;
        self.list("Database items of the other checklists (never in the score)", &apart)
    }

    fn list(&mut self, title: &str, items: &[&Assessment]) -> io::Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        self.line("")?;
        self.paragraph("", title)?;
        let id = items.iter().map(|item| width(&visible(&item.id))).max().unwrap_or(0).min(10);
        for item in items {
            let (sign, word) = digest::state(&item.state);
            let name = fit(&item.id, id);
            let state = fit(&format!("{sign} {word}"), 9);
            let (id_pad, state_pad) = (" ".repeat(id - width(&name)), " ".repeat(9 - width(&state)));
            let evidence = item.evidence.as_ref().map(|evidence| format!(" [{evidence}]")).unwrap_or_default();
            let mut text = format!("{}{evidence}: {}", item.title, digest::because(item));
            if let Some(attested) = digest::attestation(item) {
                text.push_str(&format!(" [{attested}]"));
            }
            self.paragraph(&format!("{name}{id_pad}  {state}{state_pad}  "), &text)?;
        }
        Ok(())
    }
}
