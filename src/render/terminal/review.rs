//! A review on the terminal: each hazard under the line it stands on, as a compiler shows it.

use super::super::digest;
use super::super::review::{Reviewed, by_place, level};
use super::super::text::{self, fit, flow, visible, width, wrap};
use super::{Page, flush, hang, table};
use crate::finding::{Finding, Location};
use crate::rule::Severity;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::io::{self, Write};

impl Page<'_> {
    pub(super) fn review(&self, reviewed: &Reviewed<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = Vec::new();
        let name = visible(&format!("{} {}", self.report.tool.name, self.report.kind)).into_owned();
        let mut head = vec![name.clone(), self.report.source.target.clone()];
        head.extend(reviewed.server());
        lines.extend(flow(&head, self.columns));
        if let Some(first) = lines.first_mut()
            && let Some(rest) = first.strip_prefix(&name)
        {
            *first = format!("{}{rest}", self.ink.bold(&name));
        }
        let mut read = reviewed.read();
        read.push(digest::tally(self.report));
        lines.extend(flow(&read, self.columns).iter().map(|line| self.ink.dim(line)));
        lines.extend(flow(&reviewed.trace(), self.columns).iter().map(|line| self.ink.dim(line)));
        flush(&mut lines, out)?;
        let verbose = self.options.verbose > 0;
        let (full, brief): (Vec<&Finding>, Vec<&Finding>) =
            by_place(self.report).into_iter().partition(|finding| verbose || digest::matters(finding));
        for finding in full {
            lines.push(String::new());
            self.hazard(finding, &mut lines);
            flush(&mut lines, out)?;
        }
        if !brief.is_empty() {
            self.heading("Also found", "-v shows them on their lines", &mut lines);
            for finding in brief {
                let place = finding.location.as_ref().map(|at| format!("{}:{}", at.file, at.line)).unwrap_or_default();
                let head = format!("  {} {} ", fit(level(&finding.severity), 6), fit(finding.rule.as_str(), 40));
                let text = format!("{place}  {}", finding.message);
                lines.extend(hang(&head, wrap(&text, self.columns.saturating_sub(width(&head)).max(20))));
                flush(&mut lines, out)?;
            }
        }
        self.refuted(reviewed, &mut lines);
        self.accepted(&mut lines);
        self.notes_of_review(&mut lines);
        let gaps = digest::gaps(self.report);
        self.gaps(&gaps, &mut lines);
        if verbose {
            self.effects(reviewed, &mut lines);
        }
        self.items(&mut lines);
        flush(&mut lines, out)
    }

    /// One finding: what, where, the line underlined, the numbers, the advice and its SQL.
    fn hazard(&self, finding: &Finding, lines: &mut Vec<String>) {
        let title = format!("{}[{}]", level(&finding.severity), finding.rule);
        let head = self.ink.severity(&finding.severity, &title);
        let limit = self.columns.saturating_sub(2);
        let text = wrap(&finding.message, self.columns.saturating_sub(width(&title) + 2).max(20));
        lines.extend(hang(&format!("{title}: "), text).into_iter().enumerate().map(|(at, line)| {
            match line.strip_prefix(title.as_str()).filter(|_| at == 0) {
                Some(rest) => format!("{head}{}", self.ink.bold(rest)),
                None => self.ink.bold(&line),
            }
        }));
        if let Some(location) = &finding.location {
            lines.extend(self.snippet(location, &finding.severity));
        }
        let facts = digest::facts(finding);
        lines.extend(hang("  ", flow(&facts, limit)));
        let mut how: Vec<String> = vec![finding.evidence.to_string()];
        how.extend(finding.verification.clone());
        if !finding.items.is_empty() {
            how.push(format!("item{} {}", if finding.items.len() == 1 { "" } else { "s" }, finding.items.join(", ")));
        }
        lines.extend(hang("  ", flow(&how, limit)).iter().map(|line| self.ink.dim(line)));
        let Some(hint) = &finding.hint else { return };
        lines.extend(hang(&format!("  {} ", self.ink.dim("fix:")), wrap(&hint.text, limit.saturating_sub(5))));
        if let Some(sql) = &hint.sql {
            self.sql(sql, "    ", lines);
        }
    }

    /// The lines of a place, underlined.
    fn snippet(&self, location: &Location, severity: &Severity) -> Vec<String> {
        let place = format!("{}:{}:{}", visible(&location.file), location.line, location.column);
        let Some(source) = location.source.as_deref().filter(|source| !source.is_empty()) else {
            return vec![format!("  {} {place}", self.ink.dim("-->"))];
        };
        // what is shown must not act on the terminal, and columns count the characters of the file
        let shown: String =
            source.chars().map(|c| if c == '\n' || c == '\t' || !text::acts(c) { c } else { '\u{fffd}' }).collect();
        let offset = |line: u32, column: u32| {
            let index = (line.saturating_sub(location.line)) as usize;
            let start: usize = shown.split_inclusive('\n').take(index).map(str::len).sum();
            let own = shown.get(start..).unwrap_or_default().split('\n').next().unwrap_or_default();
            let within = own.char_indices().nth((column.max(1) - 1) as usize).map_or(own.len(), |(at, _)| at);
            (start + within).min(shown.len())
        };
        let start = offset(location.line, location.column);
        let end = offset(location.end_line, location.end_column).max(start);
        let level = match severity {
            Severity::High => Level::ERROR,
            Severity::Medium => Level::WARNING,
            _ => Level::NOTE,
        };
        let snippet = Snippet::source(shown.as_str())
            .line_start(location.line.max(1) as usize)
            .path(visible(&location.file).into_owned())
            .fold(true)
            .annotation(AnnotationKind::Primary.span(start..end));
        let renderer = if self.ink.on { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.term_width(self.columns);
        // the title stands above, wrapped as everything else is
        let text = renderer.render(&[annotate_snippets::Group::with_level(level).element(snippet)]);
        text.lines().map(str::to_owned).collect()
    }

    /// Where a trace and the review disagree.
    fn refuted(&self, reviewed: &Reviewed<'_>, lines: &mut Vec<String>) {
        let Some(trace) = &reviewed.review.trace else { return };
        let groups = [
            ("Refuted by the trace", &trace.refuted),
            ("Traced without rows", &trace.without_rows),
            ("Remarks of the trace", &trace.remarks),
        ];
        for (title, texts) in groups.iter().filter(|(_, texts)| !texts.is_empty()) {
            self.heading(title, "", lines);
            for text in *texts {
                lines.extend(hang("  - ", wrap(text, self.columns - 4)));
            }
        }
    }

    fn notes_of_review(&self, lines: &mut Vec<String>) {
        if self.report.notes.is_empty() {
            return;
        }
        self.heading("Notes", "", lines);
        for note in &self.report.notes {
            let sign = if note.warning { "! " } else { "- " };
            lines.extend(hang(&format!("  {sign}"), wrap(&note.text, self.columns - 4)));
        }
    }

    /// What each statement does, for who asks.
    fn effects(&self, reviewed: &Reviewed<'_>, lines: &mut Vec<String>) {
        if reviewed.statements.is_empty() {
            return;
        }
        self.heading("Statements", "locks on relations that were there before", lines);
        let rows = reviewed.statements.iter().map(|one| {
            let mut effects: Vec<String> =
                one.effects.locks.iter().map(|lock| format!("{} {}", lock.relation, lock.mode)).collect();
            let works = [
                ("rewrite", &one.effects.rewrite),
                ("scan", &one.effects.scan),
                ("index build", &one.effects.index_build),
                ("validation", &one.effects.fk_validation),
            ];
            effects.extend(
                works
                    .iter()
                    .filter(|(_, names)| !names.is_empty())
                    .map(|(w, names)| format!("{w} {}", names.join(", "))),
            );
            let place = fit(&format!("{}:{}", one.file, one.line), 40);
            let rest = self.columns.saturating_sub(width(&place) + 30).max(20);
            vec![format!("  {place}"), fit(&one.kind, 24), fit(&effects.join("; "), rest)]
        });
        lines.extend(table(rows.collect(), &[]));
    }
}
