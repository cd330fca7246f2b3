//! A recommended pool on the terminal: the answer and why, what it rests on, then what can be copied.

use super::super::digest;
use super::super::pool::{PARTS, Sized};
use super::super::text::{fit, flow, visible, width, wrap};
use super::{Page, hang, table};

/// Columns from which the median of the waits is shown.
const WIDE: usize = 120;

impl Page<'_> {
    pub(super) fn pool(&self, sized: &Sized<'_>) -> Vec<String> {
        let advice = sized.advice;
        let mut lines = self.head();
        lines.push(String::new());
        let title = "Pool";
        lines.push(format!("{}  {}", self.ink.bold(title), self.ink.bold(&visible(&sized.answer()))));
        lines.extend(hang("  ", wrap(&advice.reason, self.columns - 2)));
        if advice.recommended.is_some() {
            lines.extend(hang("  ", wrap(&sized.binding(), self.columns - 2)).iter().map(|line| self.ink.dim(line)));
        }
        self.heading("Demand", "", &mut lines);
        lines.extend(hang("  ", wrap(&sized.known().join("; "), self.columns - 2)));
        lines.extend(hang("  ", flow(&sized.demand(), self.columns - 2)));
        if advice.recommended.is_some() {
            self.sizes(sized, &mut lines);
        }
        if !advice.holders.is_empty() {
            self.heading(
                "Held while idle",
                "what to shorten first: statements after which transactions wait for their client",
                &mut lines,
            );
            for holder in &advice.holders {
                lines.extend(hang("  - ", wrap(&sized.holder(holder), self.columns - 4)));
            }
        }
        self.heading("Bounds", "", &mut lines);
        let formulas = advice.formulas.iter().map(|formula| sized.formula(formula));
        for [name, value, text] in formulas {
            let head = format!("  {name:<22}{value:>5}  ");
            lines.extend(hang(&head, wrap(&text, self.columns.saturating_sub(width(&head)).max(20))));
        }
        if let Some(budget) = &advice.budget {
            self.heading("Budget", "", &mut lines);
            for line in sized.budget(budget) {
                lines.extend(hang("  ", wrap(&line, self.columns - 2)));
            }
        }
        if !advice.what_ifs.is_empty() {
            self.heading("What if", "", &mut lines);
            for answer in &advice.what_ifs {
                lines.extend(hang(
                    &format!("  {}: ", visible(&answer.what_if)),
                    wrap(&answer.because, self.columns - 4),
                ));
            }
        }
        self.whose(sized, &mut lines);
        if !advice.notes.is_empty() {
            self.heading("What this rests on", "", &mut lines);
            for note in &advice.notes {
                lines.extend(hang("  - ", wrap(note, self.columns - 4)));
            }
        }
        self.notes(&mut lines);
        self.snippets(sized, &mut lines);
        self.items(&mut lines);
        lines
    }

    fn sizes(&self, sized: &Sized<'_>, lines: &mut Vec<String>) {
        if sized.advice.predicted.is_empty() {
            return;
        }
        self.heading("Waits by size", sized.method(), lines);
        let is_wide = self.columns >= WIDE;
        let heads = sized.heads(is_wide);
        let mut rows = vec![heads.iter().map(|head| self.ink.dim(head)).collect::<Vec<_>>()];
        for predicted in &sized.advice.predicted {
            let (mut cells, name) = sized.row(predicted, is_wide);
            cells.push(name);
            rows.push(cells);
        }
        // the first row is as long as the others
        if let Some(head) = rows.first_mut() {
            head.push(String::new());
        }
        let right: Vec<usize> = (1..=heads.len()).collect();
        let indented = rows.into_iter().map(|mut cells| {
            cells.insert(0, String::new());
            cells
        });
        // what is special about a size is cut before any number
        let laid = table(indented.collect(), &right);
        lines.extend(laid.iter().map(|line| if self.ink.on { line.clone() } else { fit(line, self.columns) }));
    }

    /// The demand of databases, roles and applications.
    fn whose(&self, sized: &Sized<'_>, lines: &mut Vec<String>) {
        let parts = &sized.advice.parts;
        if parts.is_empty() {
            return;
        }
        let shown = if self.options.verbose > 0 { parts.len() } else { PARTS };
        let more = parts.len().saturating_sub(shown);
        let rest = if more > 0 { format!("{more} more with -v") } else { String::new() };
        self.heading("By database, role, application", &rest, lines);
        let heads = ["", "held", "busiest", "most", "each holds"];
        let mut rows = vec![heads.iter().map(|head| self.ink.dim(head)).collect::<Vec<_>>()];
        rows.extend(parts.iter().take(shown).map(|part| {
            let mut cells = sized.part(part);
            if let Some(first) = cells.first_mut() {
                *first = format!("  {}", visible(first));
            }
            cells
        }));
        lines.extend(table(rows, &[1, 2, 3, 4]));
    }

    /// Configurations as they are copied: nothing is wrapped.
    fn snippets(&self, sized: &Sized<'_>, lines: &mut Vec<String>) {
        for snippet in &sized.advice.snippets {
            self.heading(&snippet.title, "", lines);
            for file in &snippet.files {
                lines.push(self.ink.dim(&format!("  {}", visible(&file.path))));
                lines.extend(file.text.lines().map(|line| format!("    {}", visible(line))));
            }
        }
        if !sized.advice.backstops.is_empty() {
            let count = sized.advice.backstops.len() as u64;
            self.heading("On the server", &digest::plural(count, "role"), lines);
            for backstop in &sized.advice.backstops {
                lines.extend(backstop.sql.lines().map(|line| format!("    {}", visible(line))));
            }
        }
    }
}
