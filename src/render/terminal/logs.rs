//! What a report of logs has on the terminal beside its findings: the queries, the requests, what failed, and the lines that
//! nobody understood.

use super::super::logs::{self, Logs, QUERY, REQUEST};
use super::super::repetition::Repetition;
use super::super::text::{self, fit, flow, visible, width, wrap};
use super::{Page, hang, table};
use crate::finding::{Unit, humane};
use crate::report::Query;

/// Columns below which the text of a query is not beside its numbers but under them.
const TEXT: usize = 26;

/// Unread lines that are shown without being asked for more.
const UNREAD: usize = 3;

/// A row of numbers, and what they are of.
struct Row {
    numbers: Vec<String>,
    /// Lines for what it is of, at most as wide as they may be.
    of: Vec<String>,
}

impl Page<'_> {
    pub(super) fn logs(&self, logs: &Logs<'_>, lines: &mut Vec<String>) {
        self.query_table(logs, lines);
        self.request_table(logs, lines);
        let failures = logs.failures();
        if !failures.is_empty() {
            self.heading("Failed", "statements by SQLSTATE, or by severity where the log has none", lines);
            lines.extend(hang("  ", flow(&failures, self.columns - 2)));
        }
        self.unread(logs, lines);
    }

    /// How often a query is repeated, what that costs, where it was seen; and, when asked for, how sure that is.
    pub(super) fn repetition(&self, repetition: Repetition<'_>, limit: usize) -> Vec<String> {
        let mut lines = hang("times ", flow(&repetition.times(), limit - 6));
        lines.extend(hang("cost  ", flow(&repetition.cost(), limit - 6)));
        lines.extend(repetition.proof().into_iter().flat_map(|proof| hang("proof ", wrap(&proof, limit - 6))));
        // the only one stands in the title
        if repetition.routes().len() > 1 {
            lines.extend(hang("route ", flow(repetition.routes(), limit - 6)));
        }
        if self.options.verbose > 0 {
            lines.extend(hang("sure  ", flow(&repetition.confidence(), limit - 6)));
            lines.extend(hang("more  ", flow(&repetition.rest(), limit - 6)));
        }
        lines
    }

    /// The calls, times and text of each query: with `-v` the whole text, and the interval in which the 99th percentile is.
    fn query_table(&self, logs: &Logs<'_>, lines: &mut Vec<String>) {
        if logs.queries.is_empty() {
            return;
        }
        self.heading("Queries", "most expensive first; times in milliseconds, the total in seconds", lines);
        let verbose = self.options.verbose > 0;
        let mut heads = QUERY.to_vec();
        let mut rows: Vec<Vec<String>> = logs.queries.iter().map(|query| logs.query(query, verbose)).collect();
        if !logs.has_errors() {
            heads.remove(1);
            rows.iter_mut().for_each(|row| drop(row.remove(1)));
        }
        let text = |query: &Query, limit: usize| match verbose {
            false => vec![logs.of_query(query, limit)],
            true => self.query_in_full(query, limit),
        };
        let beside = if verbose { None } else { self.beside(&heads, &rows) };
        let limit = beside.unwrap_or(self.columns - 4);
        let rows = rows.into_iter().zip(logs.queries).map(|(numbers, query)| Row { numbers, of: text(query, limit) });
        self.numbered(&heads, "query", rows.collect(), beside.is_some(), lines);
        for note in logs.footnotes() {
            let note = hang(&format!("  {} ", logs::NOT_KNOWN), wrap(&note, self.columns - 4));
            lines.extend(note.iter().map(|line| self.ink.dim(line)));
        }
    }

    fn query_in_full(&self, query: &Query, limit: usize) -> Vec<String> {
        let mut parts = vec![query.fingerprint.clone()];
        parts.extend((!query.database.is_empty()).then(|| format!("database {}", query.database)));
        let mut lines: Vec<String> = flow(&parts, limit).iter().map(|line| self.ink.dim(line)).collect();
        lines.extend(text::sql(&query.query, limit).lines);
        lines
    }

    fn request_table(&self, logs: &Logs<'_>, lines: &mut Vec<String>) {
        if logs.requests.is_empty() {
            return;
        }
        self.heading("Requests", "most frequent first; statements in each, times in milliseconds", lines);
        let mut heads = REQUEST.to_vec();
        let mut rows: Vec<Vec<String>> = logs.requests.iter().map(|request| logs.request(request)).collect();
        if self.options.verbose > 0 {
            heads.insert(1, "sure");
            for (row, request) in rows.iter_mut().zip(logs.requests) {
                row.insert(1, humane(request.sure as f64, &Unit::Count));
            }
        }
        let beside = self.beside(&heads, &rows);
        let limit = beside.unwrap_or(self.columns - 4);
        let rows = rows.into_iter().zip(logs.requests);
        let rows = rows.map(|(numbers, request)| Row { numbers, of: vec![logs.of_request(request, limit)] });
        self.numbered(&heads, "route or first query", rows.collect(), beside.is_some(), lines);
    }

    /// The columns that are left beside the numbers; none where those are too few for a text.
    fn beside(&self, heads: &[&str], rows: &[Vec<String>]) -> Option<usize> {
        let left = self.columns.checked_sub(numbers_width(heads, rows) + 2)?;
        (left >= TEXT).then_some(left)
    }

    /// Rows of numbers with what they are of beside them, or under them, or, where not even the numbers have room on a
    /// line, under their names.
    fn numbered(&self, heads: &[&str], last: &str, rows: Vec<Row>, is_beside: bool, lines: &mut Vec<String>) {
        let numbers: Vec<Vec<String>> = rows.iter().map(|row| row.numbers.clone()).collect();
        if !is_beside && numbers_width(heads, &numbers) > self.columns {
            for row in rows {
                let parts: Vec<String> =
                    heads.iter().zip(&row.numbers).map(|(head, number)| format!("{head} {number}")).collect();
                lines.extend(hang("  ", flow(&parts, self.columns - 2)));
                lines.extend(row.of.into_iter().map(|line| format!("    {line}")));
            }
            return;
        }
        let mut head: Vec<String> = heads.iter().map(|word| self.ink.dim(word)).collect();
        let indented = |mut cells: Vec<String>| {
            // the table has no margin of its own
            cells.insert(0, String::new());
            cells
        };
        if is_beside {
            head.push(self.ink.dim(last));
        }
        let mut cells = vec![indented(head)];
        cells.extend(rows.iter().map(|row| {
            let mut cells = row.numbers.clone();
            cells.extend(row.of.first().filter(|_| is_beside).cloned());
            indented(cells)
        }));
        let right: Vec<usize> = (1..=heads.len()).collect();
        let mut laid = table(cells, &right).into_iter();
        lines.extend(laid.next());
        for (line, row) in laid.zip(rows) {
            lines.push(line);
            if !is_beside {
                lines.extend(row.of.into_iter().map(|line| format!("    {line}")));
            }
        }
    }

    /// How many lines were not understood, and what the first of them look like.
    fn unread(&self, logs: &Logs<'_>, lines: &mut Vec<String>) {
        let Some(unread) = logs.unread() else { return };
        self.heading("Not understood", &unread, lines);
        let shown = if self.options.verbose > 0 { logs.coverage.unread.len() } else { UNREAD };
        for one in logs.coverage.unread.iter().take(shown) {
            let place = visible(&format!("{}:{}", one.path, one.line)).into_owned();
            match self.columns.checked_sub(2 + width(&place) + 2).filter(|left| *left >= 2 * TEXT) {
                Some(left) => lines.push(format!("  {}  {}", self.ink.dim(&place), fit(&one.text, left))),
                None => {
                    let place = wrap(&place, self.columns - 2);
                    lines.extend(place.iter().map(|line| format!("  {}", self.ink.dim(line))));
                    lines.push(format!("    {}", fit(&one.text, self.columns - 4)));
                }
            }
        }
    }

    /// The logs one by one.
    pub(super) fn read(&self, logs: &Logs<'_>, lines: &mut Vec<String>) {
        for log in &logs.coverage.logs {
            lines.extend(hang("  ", flow(&logs::log(log), self.columns - 2)));
        }
    }
}

/// The columns that numbers under their titles take, with the margin before and the space behind each.
fn numbers_width(heads: &[&str], rows: &[Vec<String>]) -> usize {
    let column = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| width(cell));
        cells.chain(heads.get(at).map(|head| width(head))).max().unwrap_or(0)
    };
    (0..heads.len()).map(|at| column(at) + 2).sum()
}
