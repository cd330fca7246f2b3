//! For a person at a terminal: a summary that fits on one screen, the details below.

mod logs;
mod pool;
mod review;

use super::digest::{self, Gap};
use super::logs::Logs;
use super::pool::Sized;
use super::repetition::Repetition;
use super::review::Reviewed;
use super::text::{self, fit, flow, line, visible, width, wrap};
use super::{Options, Renderer};
use crate::finding::{Finding, Hint};
use crate::report::{Assessment, Note, Report, State};
use crate::rule::{Evidence, RuleId, Severity};
use crate::score::{Band, Points};
use std::io::{self, Write};
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Padding, Style};

/// The format.
pub(super) static RENDERER: Renderer = Renderer { name: "terminal", extension: "txt", render };

/// Lines the summary keeps to on a terminal of [`super::DEFAULT_WIDTH`] columns: one screen.
const SUMMARY_LINES: usize = 40;

/// Columns from which the items have a column for the evidence.
const EVIDENCE_COLUMN_FROM: usize = 96;

/// Lines of a query that are shown without being asked for more.
const QUERY_LINES: usize = 3;

/// Rules that are named where they all lack the same.
const RULES: usize = 12;

/// Queries listed, the most expensive first.
const QUERIES: usize = 10;

fn render(report: &Report, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let page = Page { report, options, columns: options.columns(), ink: Ink { on: options.colour } };
    if let Some(reviewed) = Reviewed::of(report) {
        return page.review(&reviewed, out);
    }
    if let Some(sized) = Sized::of(report) {
        return flush(&mut page.pool(&sized), out);
    }
    let gaps = digest::gaps(report);
    let mut lines = page.summary(&gaps);
    page.notes(&mut lines);
    flush(&mut lines, out)?;
    page.findings(out)?;
    page.accepted(&mut lines);
    if let Some(logs) = Logs::of(report) {
        page.logs(&logs, &mut lines);
    }
    page.gaps(&gaps, &mut lines);
    page.checklist(&mut lines);
    if options.verbose > 0 {
        page.run(&mut lines);
        page.rules(&mut lines);
        if Logs::of(report).is_none() {
            page.queries(&mut lines);
        }
    }
    flush(&mut lines, out)
}

fn flush(lines: &mut Vec<String>, out: &mut dyn Write) -> io::Result<()> {
    lines.drain(..).try_for_each(|line| writeln!(out, "{}", line.trim_end()))
}

/// The colours: a handful of the sixteen every terminal has, each beside a word that says the same.
#[derive(Clone, Copy)]
struct Ink {
    on: bool,
}

impl Ink {
    fn with(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn state(self, state: &State, text: &str) -> String {
        match state {
            State::Pass => self.with("32", text),
            State::Warn => self.with("33", text),
            State::Fail => self.with("1;31", text),
            State::Unknown | State::Other(_) => self.with("36", text),
            State::NotApplicable => self.dim(text),
        }
    }

    fn severity(self, severity: &Severity, text: &str) -> String {
        match severity {
            Severity::High | Severity::Other(_) => self.with("1;31", text),
            Severity::Medium => self.with("33", text),
            Severity::Low => text.to_owned(),
            Severity::Info => self.dim(text),
        }
    }
}

/// Rows in aligned columns two spaces apart, without borders. `right` are the columns of numbers.
fn table(rows: Vec<Vec<String>>, right: &[usize]) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let mut builder = Builder::default();
    rows.into_iter().for_each(|row| builder.push_record(row));
    let mut table = builder.build();
    table.with(Style::empty()).with(Padding::new(0, 2, 0, 0));
    for column in right {
        table.modify(Columns::one(*column), Alignment::right());
    }
    table.to_string().lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Lines with a word before the first and as much space before the others.
fn hang(first: &str, lines: Vec<String>) -> Vec<String> {
    let rest = " ".repeat(width(first));
    lines.into_iter().enumerate().map(|(at, line)| format!("{}{line}", if at == 0 { first } else { &rest })).collect()
}

/// As many parts as fit on a line, the first at least, and ` …` where that is not all.
fn whole(parts: &[String], limit: usize) -> String {
    let lines = flow(parts, limit);
    match lines.split_first() {
        None => String::new(),
        Some((line, [])) => line.clone(),
        Some((line, _)) if width(line) + 2 <= limit => format!("{line} …"),
        Some((line, _)) => fit(&format!("{line} …"), limit),
    }
}

struct Page<'a> {
    report: &'a Report,
    options: &'a Options,
    columns: usize,
    ink: Ink,
}

impl Page<'_> {
    fn summary(&self, gaps: &[Gap<'_>]) -> Vec<String> {
        let mut lines = self.head();
        self.scores(&mut lines);
        self.items(&mut lines);
        self.top(&mut lines);
        self.not_judged(gaps, &mut lines);
        lines
    }

    /// Target and times, a line each, and the first thing about the run that should be changed.
    fn head(&self) -> Vec<String> {
        let name = visible(&format!("{} {}", self.report.tool.name, self.report.kind)).into_owned();
        let mut target = vec![name.clone()];
        target.extend(digest::source(self.report));
        let mut lines = match Logs::of(self.report) {
            None => vec![whole(&target, self.columns)],
            // the path of a log is long, and nothing else says which it was
            Some(_) => flow(&target, self.columns),
        };
        if let Some(first) = lines.first_mut()
            && let Some(rest) = first.strip_prefix(&name)
        {
            *first = format!("{}{rest}", self.ink.bold(&name));
        }
        match Logs::of(self.report) {
            None => lines.push(self.ink.dim(&whole(&digest::times(self.report), self.columns))),
            Some(logs) => {
                let times = flow(&digest::times(self.report), self.columns);
                lines.extend(times.iter().map(|line| self.ink.dim(line)));
                lines.extend(flow(&logs.read(), self.columns));
            }
        }
        let warnings: Vec<&Note> = self.report.notes.iter().filter(|note| note.warning).collect();
        if let Some(first) = warnings.first() {
            let more = match warnings.len() {
                1 => String::new(),
                count => format!(" (and {} more below)", count - 1),
            };
            let text = fit(&warning(first), self.columns.saturating_sub(width(&more)));
            lines.push(self.ink.with("33", &format!("{text}{more}")));
        }
        lines
    }

    /// One row a section where the terminal is wide enough, else its band above its numbers.
    fn scores(&self, lines: &mut Vec<String>) {
        if !digest::has_score(self.report, self.options.verbose > 0) {
            return;
        }
        let Some(score) = &self.report.score else {
            if let Some(why) = digest::no_score(self.report) {
                lines.extend([String::new(), format!("{}  {why}", self.ink.bold("Score"))]);
            }
            return;
        };
        let listed = |points: &&Points| self.options.verbose > 0 || self.options.sections.contains(&&*points.id);
        let all: Vec<&Points> = score.sections.iter().filter(listed).chain([&score.total]).collect();
        let name = |points: &Points| match points.id.as_str() {
            "total" => format!("Total of {}", points.max),
            id => format!("{id} {}", points.title),
        };
        lines.push(String::new());
        let longest = all.iter().map(|points| width(&visible(&name(points)))).max().unwrap_or(0);
        let longest_band = all.iter().map(|points| width(&visible(&points.band))).max().unwrap_or(0);
        // four ratios under `strict`, `at most`, `assessed`, `coverage`
        let ratios = longest + 2 + 6 + 2 + 7 + 2 + 8 + 2 + 8 + 2;
        let (words, room) = match self.columns.checked_sub(ratios + 8 + 2 + 8 + 2) {
            Some(room) if room >= longest_band => (["measured", "attested"], room),
            _ => (["meas", "att"], self.columns.saturating_sub(ratios + 4 + 2 + 3 + 2)),
        };
        if room < BAND {
            return all.iter().for_each(|points| self.stacked(points, &name(points), lines));
        }
        let head = ["", "strict", "at most", "assessed", "coverage", words[0], words[1], ""];
        let mut rows = vec![head.map(|word| self.ink.dim(word)).to_vec()];
        for points in all {
            let mut band = wrap(&points.band, room);
            if band.len() > 2 && self.options.verbose == 0 {
                // the summary keeps to its lines; how many are unknown is in the coverage too
                band = wrap(points.band.split(" (").next().unwrap_or_default(), room);
                band.truncate(2);
            }
            let band: Vec<String> = band.iter().map(|line| self.band(points, line)).collect();
            rows.push(vec![
                self.ink.bold(&visible(&name(points))),
                digest::percent(points.strict),
                digest::percent(points.at_most),
                points.assessed.map_or("n/a".to_owned(), digest::percent),
                digest::percent(points.coverage),
                points.measured.to_string(),
                points.attested.to_string(),
                band.join("\n"),
            ]);
        }
        lines.extend(table(rows, &[1, 2, 3, 4, 5, 6]));
    }

    fn stacked(&self, points: &Points, name: &str, lines: &mut Vec<String>) {
        let line = flow(&[name, &points.band], self.columns);
        lines.extend(line.iter().map(|line| self.ink.bold(line)));
        let numbers = [
            format!("strict {}", digest::percent(points.strict)),
            format!("at most {}", digest::percent(points.at_most)),
            format!("assessed {}", points.assessed.map_or("n/a".to_owned(), digest::percent)),
            format!("coverage {}", digest::percent(points.coverage)),
            format!("{} meas, {} att", points.measured, points.attested),
        ];
        lines.extend(hang("  ", flow(&numbers, self.columns - 2)));
    }

    fn band(&self, points: &Points, band: &str) -> String {
        let sure = Band::of(points.strict);
        let code = match sure {
            _ if points.band != sure.as_str() => "36",
            Band::ProductionReady => "32",
            Band::SomeGaps => "33",
            _ => "1;31",
        };
        self.ink.with(code, band)
    }

    /// One line for each item of the listed sections.
    fn items(&self, lines: &mut Vec<String>) {
        let items = self.listed();
        if items.is_empty() {
            return;
        }
        let layout = Layout::of(&items, self.columns);
        let rows = items.iter().map(|item| {
            let (sign, word) = digest::state(&item.state);
            let state = fit(&format!("{sign} {word}"), STATE);
            let mut row =
                vec![self.ink.state(&item.state, &state), fit(&item.id, layout.id), fit(&item.title, layout.title)];
            if layout.evidence > 0 {
                row.push(self.ink.dim(&fit(item.evidence.as_ref().map_or("", Evidence::as_str), layout.evidence)));
            }
            row.push(fit(&layout.because_of(item), layout.because));
            row
        });
        lines.push(String::new());
        lines.extend(table(rows.collect(), &[]));
    }

    fn listed(&self) -> Vec<&Assessment> {
        digest::listed(self.report, self.options.sections)
    }

    /// What to do first: the message, and the first line of the fix.
    fn top(&self, lines: &mut Vec<String>) {
        lines.push(String::new());
        let title = "Top three";
        let tally = fit(&digest::tally(self.report), self.columns - width(title) - 2);
        lines.push(format!("{}  {tally}", self.ink.bold(title)));
        let first = digest::top(self.report);
        for (rank, finding) in first.iter().enumerate() {
            let severity = fit(finding.severity.as_str(), 6);
            let severity = format!("{severity}{}", " ".repeat(6 - width(&severity)));
            let text = fit(&digest::told(self.report, finding), self.columns - 10);
            lines.push(format!("{} {}  {text}", rank + 1, self.ink.severity(&finding.severity, &severity)));
            if let Some(hint) = &finding.hint {
                let fix = first_line(hint, self.columns - 15);
                lines.push(format!("          {} {fix}", self.ink.dim("fix:")));
            }
        }
        if first.is_empty() && self.report.findings.iter().any(|finding| !digest::is_suspected(finding)) {
            lines.push("  none was singled out".to_owned());
        }
    }

    /// Every reason on its line where the screen still holds them, else how much by kind of reason and what unlocks it.
    fn not_judged(&self, gaps: &[Gap<'_>], lines: &mut Vec<String>) {
        lines.push(String::new());
        let title = "Not judged";
        let text = fit(&digest::not_judged(self.report, gaps), self.columns - width(title) - 2);
        lines.push(format!("{}  {text}", self.ink.bold(title)));
        // a narrower terminal has more lines than its summary may have anyway
        let least = if self.columns < super::DEFAULT_WIDTH { 2 } else { 1 };
        let room = SUMMARY_LINES.saturating_sub(lines.len()).max(least);
        if gaps.len() > room {
            lines.push(format!("  {}", whole(&digest::extents(gaps), self.columns - 2)));
            let mut unlocks: Vec<String> = Vec::new();
            for unlock in gaps.iter().filter_map(|gap| gap.unlock) {
                if !unlocks.iter().any(|known| known == unlock) {
                    unlocks.push(unlock.to_owned());
                }
            }
            if room > 1 && !unlocks.is_empty() {
                lines.push(format!("  {} {}", self.ink.dim("unlock:"), whole(&unlocks, self.columns - 10)));
            }
            return;
        }
        let extent = gaps.iter().map(|gap| width(&gap.extent())).max().unwrap_or(0).min(22);
        let rest = self.columns.saturating_sub(2 + 11 + 2 + extent + 2);
        let rows = gaps.iter().map(|gap| {
            let text = match gap.unlock {
                Some(unlock) => format!("{} → {unlock}", gap.because),
                None => gap.because.to_owned(),
            };
            vec![format!("  {}", fit(gap.reason.as_str(), 11)), fit(&gap.extent(), extent), fit(&text, rest)]
        });
        lines.extend(table(rows.collect(), &[]));
    }

    fn heading(&self, title: &str, rest: &str, lines: &mut Vec<String>) {
        lines.push(String::new());
        let limit = self.columns.saturating_sub(width(title) + 2);
        let rest = if rest.is_empty() { String::new() } else { format!("  {}", fit(rest, limit)) };
        lines.push(format!("{}{}", self.ink.bold(title), self.ink.dim(&rest)));
    }

    /// The remarks about the run, but for the warning that stands whole in the head.
    fn notes(&self, lines: &mut Vec<String>) {
        let warnings = self.report.notes.iter().filter(|note| note.warning).count();
        let first = self.report.notes.iter().position(|note| note.warning);
        let whole = |note: &Note| warnings == 1 && width(&visible(&warning(note))) <= self.columns;
        let left = self.report.notes.iter().enumerate().filter(|(at, note)| Some(*at) != first || !whole(note));
        let left: Vec<&Note> = left.map(|(_, note)| note).collect();
        if left.is_empty() {
            return;
        }
        self.heading("Notes", "", lines);
        for note in left {
            let sign = if note.warning { "! warning: " } else { "- " };
            let note = hang(&format!("  {sign}"), wrap(&note.text, self.columns - 2 - width(sign)));
            lines.extend(note);
        }
    }

    /// Every reason in full, with what would unlock it.
    fn gaps(&self, gaps: &[Gap<'_>], lines: &mut Vec<String>) {
        if gaps.is_empty() {
            return;
        }
        self.heading("Not judged, in full", "", lines);
        let limit = self.columns - 6;
        for gap in gaps {
            lines.extend(hang("  ", wrap(&format!("{} ({}): {}", gap.reason, gap.extent(), gap.because), limit)));
            let mut parts = Vec::new();
            if !gap.rules.is_empty() {
                // what could not be read is read by none of them
                match gap.rules.len() {
                    ..=RULES => parts.push(format!("rules {}", gap.rules.join(", "))),
                    count => parts.push(format!("{count} rules")),
                }
            }
            if !gap.databases.is_empty() {
                parts.push(format!("in {}", gap.databases.join(", ")));
            }
            if !gap.examples.is_empty() {
                parts.push(format!("such as {}", gap.examples[..gap.examples.len().min(3)].join(", ")));
            }
            for line in flow(&parts, limit) {
                lines.push(format!("      {}", self.ink.dim(&line)));
            }
            if let Some(unlock) = gap.unlock {
                self.sql(unlock, "      ", lines);
            }
        }
    }

    /// SQL, and a remark where what is shown must not be pasted.
    fn sql(&self, sql: &str, indent: &str, lines: &mut Vec<String>) {
        let laid = text::sql(sql, self.columns - indent.len());
        lines.extend(laid.lines.into_iter().map(|line| format!("{indent}{line}")));
        if !laid.exact {
            let remark = "(names are escaped or broken here: take this SQL from --format json)";
            for line in wrap(remark, self.columns - indent.len()) {
                lines.push(format!("{indent}{}", self.ink.dim(&line)));
            }
        }
    }

    /// Items whose reason the summary cuts short; every item when asked for.
    fn checklist(&self, lines: &mut Vec<String>) {
        let listed = self.listed();
        let layout = Layout::of(&listed, self.columns);
        let cut = |item: &&Assessment| item.contradiction || width(&visible(&layout.because_of(item))) > layout.because;
        let verbose = self.options.verbose > 0;
        let is_of_logs = Logs::of(self.report).is_some();
        let items: Vec<&Assessment> = match verbose {
            // of the others nothing is known but that no log knows it
            true if is_of_logs => listed,
            true => self.report.items.iter().collect(),
            false => listed.into_iter().filter(cut).collect(),
        };
        if items.is_empty() {
            return;
        }
        let which = match (verbose, is_of_logs) {
            (false, _) => "those cut above; -v for all",
            (true, false) => "",
            (true, true) => "those that this log says something of; --format json has the others",
        };
        self.heading("Items, in full", which, lines);
        let id = items.iter().map(|item| width(&visible(&item.id))).max().unwrap_or(0).min(12);
        let indent = " ".repeat(2 + id + 2);
        let limit = self.columns - indent.len();
        for item in items {
            let (sign, word) = digest::state(&item.state);
            let title = match item.threshold.is_empty() {
                true => item.title.clone(),
                false => format!("{} ({})", item.title, item.threshold),
            };
            let name = fit(&item.id, id);
            let pad = " ".repeat(id - width(&name));
            lines.extend(hang(&format!("  {name}{pad}  "), wrap(&title, limit)));
            let evidence = item.evidence.as_ref().map(|evidence| format!(", {evidence}")).unwrap_or_default();
            let because = wrap(&format!("{sign} {word}{evidence}: {}", digest::because(item)), limit);
            lines.extend(because.iter().map(|line| format!("{indent}{}", self.ink.state(&item.state, line))));
            let mut parts: Vec<String> = digest::attestation(item).into_iter().collect();
            if !item.rules.is_empty() {
                let rules: Vec<&str> = item.rules.iter().map(RuleId::as_str).collect();
                parts.push(format!("rules {}", rules.join(", ")));
            }
            lines.extend(flow(&parts, limit).iter().map(|line| format!("{indent}{}", self.ink.dim(line))));
        }
    }

    /// The findings, worst first: those that matter in full, the others counted; all when asked for.
    fn findings(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.report.findings.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        let all = digest::worst_first(self.report);
        let (full, counted): (Vec<&Finding>, Vec<&Finding>) =
            all.into_iter().partition(|finding| self.options.verbose > 0 || digest::matters(finding));
        let (hidden, counted): (Vec<&Finding>, Vec<&Finding>) =
            counted.into_iter().partition(|finding| digest::is_suspected(finding));
        if !full.is_empty() || !counted.is_empty() {
            self.heading("Findings", &digest::tally(self.report), &mut lines);
        }
        for finding in full {
            lines.push(String::new());
            self.finding(finding, &mut lines);
            flush(&mut lines, out)?;
        }
        if !counted.is_empty() {
            self.heading("Also found", "-v lists them", &mut lines);
            let rows = digest::by_rule(counted.into_iter()).into_iter().map(|(severity, rule, count)| {
                let rule = fit(rule.as_str(), self.columns.saturating_sub(24));
                vec![format!("  {}", fit(severity.as_str(), 8)), count.to_string(), rule]
            });
            lines.extend(table(rows.collect(), &[1]));
        }
        if !hidden.is_empty() {
            let text = format!("{} that may be chance; -v lists them", digest::plural(hidden.len() as u64, "finding"));
            self.heading("Suspected", &text, &mut lines);
        }
        flush(&mut lines, out)
    }

    fn finding(&self, finding: &Finding, lines: &mut Vec<String>) {
        let indent = "        ";
        let limit = self.columns - indent.len();
        let severity = fit(finding.severity.as_str(), 6);
        let repetition = Repetition::of(finding);
        let mut title = vec![finding.rule.as_str().to_owned(), digest::about(finding)];
        let is_several = digest::databases(self.report) > 1;
        title.extend(finding.subject.database.as_ref().filter(|database| is_several && !database.is_empty()).cloned());
        let first = format!("{severity}{}  ", " ".repeat(6 - width(&severity)));
        let head = hang(&first, flow(&title, self.columns.saturating_sub(width(&first))));
        for (at, line) in head.into_iter().enumerate() {
            match line.strip_prefix(&first).filter(|_| at == 0) {
                Some(rest) => {
                    let severity = self.ink.severity(&finding.severity, &first);
                    lines.push(format!("{severity}{}", self.ink.bold(rest)));
                }
                None => lines.push(line),
            }
        }
        let mut push = |line: String| lines.push(format!("{indent}{line}"));
        wrap(&finding.message, limit).into_iter().for_each(&mut push);
        match repetition {
            Some(repetition) => self.repetition(repetition, limit).into_iter().for_each(&mut push),
            None => flow(&digest::facts(finding), limit).into_iter().for_each(&mut push),
        }
        let mut how = vec![finding.evidence.to_string()];
        if !finding.items.is_empty() {
            how.push(format!("item{} {}", if finding.items.len() == 1 { "" } else { "s" }, finding.items.join(", ")));
        }
        how.extend(finding.verification.clone());
        how.extend(finding.location.as_ref().map(|at| format!("{}:{}:{}", at.file, at.line, at.column)));
        flow(&how, limit).iter().for_each(|line| push(self.ink.dim(line)));
        if let Some(parent) = repetition.and_then(|repetition| repetition.parent()) {
            push(format!("after {}", line(parent, limit - 6)));
        }
        if let Some(query) = &finding.subject.query {
            let laid = text::sql(query, limit - 6).lines;
            let shown = if self.options.verbose > 0 { laid.len() } else { laid.len().min(QUERY_LINES) };
            let cut = laid.len() > shown;
            let mut query = laid;
            query.truncate(shown);
            if cut {
                query.push("…".to_owned());
            }
            hang("query ", query).into_iter().for_each(&mut push);
        }
        if let Some(hint) = &finding.hint {
            hang("fix   ", wrap(&hint.text, limit - 6)).into_iter().for_each(&mut push);
            if let Some(sql) = &hint.sql {
                self.sql(sql, "              ", lines);
            }
            if let Some(lock) = digest::lock(hint) {
                let text = hang("lock  ", wrap(&format!("{lock}: {}", lock.blocks()), limit - 6));
                lines.extend(text.iter().map(|line| format!("{indent}{}", self.ink.dim(line))));
            }
        }
        if self.options.verbose > 0 {
            let key = hang("key   ", wrap(&finding.key, limit - 6));
            lines.extend(key.iter().map(|line| format!("{indent}{}", self.ink.dim(line))));
        }
    }

    /// Accepted findings: their number by reason, and each of them when asked for.
    fn accepted(&self, lines: &mut Vec<String>) {
        let groups = digest::accepted(&self.report.suppressed);
        if groups.is_empty() {
            return;
        }
        let hint = if self.options.verbose > 0 { "" } else { "accepted in the configuration; -v lists them" };
        self.heading("Suppressed", hint, lines);
        for (reason, expires, findings) in groups {
            let until = expires.map_or("no expiry".to_owned(), |date| format!("until {date}"));
            let text = format!("{} ({until}): {reason}", digest::plural(findings.len() as u64, "finding"));
            lines.extend(hang("  ", wrap(&text, self.columns - 2)));
            if self.options.verbose > 0 {
                for finding in findings {
                    let text = format!("{} {}: {}", finding.severity, finding.rule, digest::told(self.report, finding));
                    lines.extend(hang("      ", wrap(&text, self.columns - 6)));
                    let key = hang("      key ", wrap(&finding.key, self.columns - 10));
                    lines.extend(key.iter().map(|line| self.ink.dim(line)));
                }
            }
        }
    }

    /// What the first lines of the summary leave out: where from, as whom, and the hashes to check it by.
    fn run(&self, lines: &mut Vec<String>) {
        self.heading("Run", "", lines);
        let (source, tool) = (&self.report.source, &self.report.tool);
        let mut parts = vec![format!("{} {}", tool.name, tool.version), source.target.clone()];
        parts.extend(source.server_version.iter().map(|version| format!("server {version}")));
        parts.extend(source.system_identifier.iter().map(|id| format!("system identifier {id}")));
        if !source.databases.is_empty() {
            parts.push(format!("read {}", source.databases.join(", ")));
        }
        parts.extend(digest::times(self.report));
        parts.push(format!("written {}", digest::instant(self.report.generated_at)));
        parts.extend(source.snapshot_sha256.iter().map(|hash| format!("snapshot sha256 {hash}")));
        parts.extend(source.config_sha256.iter().map(|hash| format!("configuration sha256 {hash}")));
        for part in parts {
            lines.extend(hang("  ", wrap(&part, self.columns - 2)));
        }
        if let Some(logs) = Logs::of(self.report) {
            self.read(&logs, lines);
        }
    }

    fn rules(&self, lines: &mut Vec<String>) {
        if self.report.rules.is_empty() {
            return;
        }
        self.heading("Rules", "what became of each", lines);
        let name = self.report.rules.iter().map(|rule| width(&visible(rule.id.as_str()))).max().unwrap_or(0);
        let name = name.min(self.columns / 2);
        let limit = self.columns - 2 - 7 - 2 - name - 2;
        for rule in &self.report.rules {
            let mut parts: Vec<String> = rule.database.iter().map(|database| format!("in {database}")).collect();
            match &rule.reason {
                Some(missing) => parts.push(format!("{}: {}", missing.reason, missing.because)),
                None => parts.push(format!("{} examined", rule.examined)),
            }
            if rule.findings > 0 {
                parts.push(digest::plural(rule.findings, "finding"));
            }
            let unjudged: u64 = rule.unjudged.iter().map(|group| group.count).sum();
            if unjudged > 0 {
                parts.push(format!("{unjudged} not judged"));
            }
            let id = fit(rule.id.as_str(), name);
            let pad = " ".repeat(name - width(&id));
            let first = format!("  {:<7}  {id}{pad}  ", fit(rule.outcome.as_str(), 7));
            lines.extend(hang(&first, flow(&parts, limit)));
        }
    }

    fn queries(&self, lines: &mut Vec<String>) {
        let queries = digest::queries(self.report);
        if queries.is_empty() {
            return;
        }
        self.heading("Queries", "by total time", lines);
        for query in queries.iter().take(QUERIES) {
            lines.push(String::new());
            let parts = digest::query(query);
            lines.extend(hang("  ", flow(&parts, self.columns - 2)));
            let laid = text::sql(&query.query, self.columns - 4).lines;
            lines.extend(laid.into_iter().map(|line| format!("    {line}")));
        }
        if queries.len() > QUERIES {
            lines.push(format!("  and {} more in --format json", queries.len() - QUERIES));
        }
    }
}

/// The line of a warning.
fn warning(note: &Note) -> String {
    format!("! warning: {}", note.text)
}

/// Columns a band needs, so that no name of one is broken: `significant technical debt`.
const BAND: usize = 26;

/// The first line of the SQL, or of the advice where there is none; `…` says that more follows.
fn first_line(hint: &Hint, limit: usize) -> String {
    match &hint.sql {
        Some(sql) => {
            let mut lines = text::sql(sql, limit).lines;
            if lines.len() > 1 {
                lines = text::sql(sql, limit.saturating_sub(2)).lines;
                return format!("{} …", lines.swap_remove(0));
            }
            lines.swap_remove(0)
        }
        None => fit(&hint.text, limit),
    }
}

/// Columns of the longest state, `? unknown`.
const STATE: usize = 9;

/// The columns of the items' table.
struct Layout {
    id: usize,
    title: usize,
    evidence: usize,
    because: usize,
}

impl Layout {
    fn of(items: &[&Assessment], columns: usize) -> Self {
        let longest = |of: fn(&Assessment) -> &str| items.iter().map(|item| width(&visible(of(item)))).max();
        let id = longest(|item| &item.id).unwrap_or(0).min(8);
        let evidence = if columns >= EVIDENCE_COLUMN_FROM { width(Evidence::Estimated.as_str()) } else { 0 };
        let gaps = 2 + 2 + 2 + if evidence > 0 { 2 } else { 0 };
        let rest = columns.saturating_sub(STATE + id + evidence + gaps);
        let title = longest(|item| &item.title).unwrap_or(0).min(rest * 2 / 5);
        Self { id, title, evidence, because: rest - title }
    }

    /// The sentence of an item; where there is no column for the evidence it says what is weaker than measured.
    fn because_of(&self, item: &Assessment) -> String {
        match &item.evidence {
            Some(evidence) if self.evidence == 0 && *evidence != Evidence::Measured => {
                format!("{evidence}: {}", digest::because(item))
            }
            _ => digest::because(item),
        }
    }
}
