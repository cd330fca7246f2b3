//! A report of logs for a pull request or the summary of a job: what is repeated and what takes its place come first, then
//! what is slow, what failed, and how much was understood. The rest is folded, or left to `-v`.

use super::super::digest;
use super::super::logs::{self, Logs, QUERY, REQUEST};
use super::super::repetition::Repetition;
use super::super::text::line;
use super::{COMMENT, Page, code, columns, fence, fix, prose, reasons, row};
use crate::finding::Finding;
use std::io;

/// Queries and requests in the tables, unless asked for more.
const ROWS: usize = 10;

/// Columns of a statement that is named and not quoted.
const NAMED: usize = 120;

impl Page<'_> {
    pub(super) fn logs(&mut self, logs: &Logs<'_>) -> io::Result<()> {
        self.head()?;
        let read: Vec<String> = logs.read().iter().map(|part| prose(part)).collect();
        self.put(&format!("\n{}\n\n**{}**\n", read.join(" · "), prose(&digest::tally(self.report))))?;
        if self.verbose() {
            self.score()?;
        }
        self.items()?;
        let all = digest::worst_first(self.report);
        let (repeated, others): (Vec<&Finding>, Vec<&Finding>) =
            all.into_iter().partition(|finding| Repetition::of(finding).is_some());
        self.repeated(repeated)?;
        if !others.is_empty() {
            self.put("\n### Other findings\n")?;
            let report = self.report;
            self.listed(others, |finding| digest::told(report, finding))?;
        }
        self.query_table(logs)?;
        self.request_table(logs)?;
        self.failed(logs)?;
        self.coverage(logs)?;
        self.left_open()?;
        self.notes()?;
        self.accepted()?;
        if self.verbose() { self.rules() } else { Ok(()) }
    }

    /// Each repetition in full, its rewrite unfolded: it is what the report is read for. Beyond what a comment holds they
    /// are counted.
    fn repeated(&mut self, repeated: Vec<&Finding>) -> io::Result<()> {
        let (shown, hidden): (Vec<&Finding>, Vec<&Finding>) =
            repeated.into_iter().partition(|finding| self.verbose() || !digest::is_suspected(finding));
        if shown.is_empty() && hidden.is_empty() {
            return Ok(());
        }
        self.put("\n### Repeated queries\n")?;
        let mut left = shown.into_iter();
        let mut counted = 0;
        for finding in left.by_ref() {
            let text = self.repetition(finding);
            if !self.verbose() && self.written + text.chars().count() > COMMENT {
                counted = 1;
                break;
            }
            self.put(&text)?;
        }
        counted += left.count() as u64;
        for (count, what) in [(counted, "repetition"), (hidden.len() as u64, "suspected repetition")] {
            if count > 0 {
                self.put(&format!("\n{} not shown; `-v` lists them.\n", digest::plural(count, what)))?;
            }
        }
        Ok(())
    }

    fn repetition(&self, finding: &Finding) -> String {
        let Some(repetition) = Repetition::of(finding) else { return String::new() };
        let place = repetition.place().map(|place| format!(" ({})", code(&place))).unwrap_or_default();
        let severity = prose(finding.severity.as_str());
        let mut text = format!("\n**{severity}** {}{place}\n\n", prose(&finding.message));
        let numbers: Vec<String> = digest::facts(finding).iter().map(|fact| prose(fact)).collect();
        text.push_str(&format!("* {}\n", numbers.join(" · ")));
        if let Some(parent) = repetition.parent() {
            text.push_str(&format!("* after {}\n", code(&line(parent, NAMED))));
        }
        if let Some(query) = &finding.subject.query {
            text.push_str(&format!("* repeats {}\n", code(&line(query, NAMED))));
        }
        if self.verbose() {
            for parts in [repetition.confidence(), repetition.rest(), vec![format!("key {}", finding.key)]] {
                let parts: Vec<String> = parts.iter().map(|part| prose(part)).collect();
                text.push_str(&if parts.is_empty() { String::new() } else { format!("* {}\n", parts.join(" · ")) });
            }
        }
        text.extend(finding.hint.as_ref().map(|hint| format!("\n{}", fix(hint, ""))));
        text
    }

    fn query_table(&mut self, logs: &Logs<'_>) -> io::Result<()> {
        if logs.queries.is_empty() {
            return Ok(());
        }
        let shown = if self.verbose() { logs.queries.len() } else { ROWS };
        let mut titles: Vec<String> = QUERY.iter().map(|title| format!(" {title}")).collect();
        titles.push("query".to_owned());
        let mut cells: Vec<Vec<String>> =
            logs.queries.iter().take(shown).map(|query| logs.query(query, self.verbose())).collect();
        for (row, query) in cells.iter_mut().zip(logs.queries) {
            row.push(code(&logs.of_query(query, NAMED)));
        }
        if !logs.has_errors() {
            titles.remove(1);
            cells.iter_mut().for_each(|row| drop(row.remove(1)));
        }
        let mut text = table(&titles, &cells);
        let notes = logs.footnotes();
        if !notes.is_empty() {
            // a dash at the start of a line would be a list
            text.push_str(&format!("\n`{}` is {}\n", logs::NOT_KNOWN, prose(&notes.join("; or "))));
        }
        self.put(&format!(
            "\n### Queries\n\nMost expensive first; times in milliseconds, the total in seconds.\n\n{text}"
        ))?;
        if !self.verbose() {
            return Ok(());
        }
        let full = logs
            .queries
            .iter()
            .map(|query| format!("{}\n\n{}", code(&query.fingerprint), fence("sql", &query.query, "")));
        let full: Vec<String> = full.collect();
        self.folded("The queries in full", &full.join("\n"))
    }

    fn request_table(&mut self, logs: &Logs<'_>) -> io::Result<()> {
        if logs.requests.is_empty() {
            return Ok(());
        }
        let shown = if self.verbose() { logs.requests.len() } else { ROWS };
        let mut titles: Vec<String> = REQUEST.iter().map(|title| format!(" {title}")).collect();
        titles.push("route or first query".to_owned());
        let cells: Vec<Vec<String>> = logs
            .requests
            .iter()
            .take(shown)
            .map(|request| {
                let mut row = logs.request(request);
                row.push(code(&logs.of_request(request, NAMED)));
                row
            })
            .collect();
        let text = format!("Statements in each; times in milliseconds.\n\n{}", table(&titles, &cells));
        self.folded("Requests, most frequent first", &text)
    }

    fn failed(&mut self, logs: &Logs<'_>) -> io::Result<()> {
        let failures = logs.failures();
        if failures.is_empty() {
            return Ok(());
        }
        let failures: Vec<String> = failures.iter().map(|failure| prose(failure)).collect();
        self.put(&format!("\n### Failed\n\n{}\n", failures.join(" · ")))
    }

    /// The lines that were not understood, and the logs one by one where asked for.
    fn coverage(&mut self, logs: &Logs<'_>) -> io::Result<()> {
        if let Some(unread) = logs.unread() {
            let samples = logs.coverage.unread.iter().map(|one| {
                let place = format!("{}:{}", one.path, one.line);
                format!("* {} {}\n", code(&place), code(&line(&one.text, NAMED)))
            });
            let text = format!("{}\n\n{}", prose(&unread), samples.collect::<String>());
            self.folded(&format!("Not understood: {} of the lines were", logs.share()), &text)?;
        }
        if !self.verbose() {
            return Ok(());
        }
        let each = logs.coverage.logs.iter().map(|log| {
            let parts: Vec<String> = logs::log(log).iter().map(|part| prose(part)).collect();
            format!("* {}\n", parts.join(" · "))
        });
        let each: String = each.collect();
        self.folded("The logs", &each)
    }

    fn left_open(&mut self) -> io::Result<()> {
        let gaps = digest::gaps(self.report);
        let text = digest::not_judged(self.report, &gaps);
        if gaps.is_empty() {
            return self.put(&format!("\nNot judged: {}\n", prose(&text)));
        }
        self.folded(&format!("Not judged: {text}"), &reasons(&gaps))
    }
}

fn table(titles: &[String], rows: &[Vec<String>]) -> String {
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    let mut text = columns(&titles);
    rows.iter().for_each(|cells| text.push_str(&row(cells)));
    text
}
