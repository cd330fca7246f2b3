//! A recommended pool for a wiki page or a comment.

use super::super::digest;
use super::super::pool::{PARTS, Sized};
use super::{Page, code, columns, fence, prose, row};
use std::io;

impl Page<'_> {
    pub(super) fn pool(&mut self, sized: &Sized<'_>) -> io::Result<()> {
        let advice = sized.advice;
        let report = self.report;
        let name = format!("{} {}", prose(&report.tool.name), prose(report.kind.as_str()));
        self.put(&format!("## {name}: {}\n\n", prose(&sized.answer())))?;
        self.put(&format!(
            "{}\n",
            digest::source(report).iter().map(|part| prose(part)).collect::<Vec<_>>().join(" · ")
        ))?;
        self.put(&format!("\n{}\n", prose(&advice.reason)))?;
        if advice.recommended.is_some() {
            self.put(&format!("\n{}\n", prose(&sized.binding())))?;
        }
        self.put("\n### Demand\n\n")?;
        for part in sized.known().iter().chain(&sized.demand()) {
            self.put(&format!("* {}\n", prose(part)))?;
        }
        if advice.recommended.is_some() && !advice.predicted.is_empty() {
            self.put(&format!("\n### Waits by size\n\n{}\n\n", prose(sized.method())))?;
            let mut heads = sized.heads(true);
            heads.push("");
            self.put(&columns(&heads))?;
            for predicted in &advice.predicted {
                let (mut cells, name) = sized.row(predicted, true);
                cells.push(name);
                let cells: Vec<String> = cells.iter().map(|cell| prose(cell)).collect();
                self.put(&row(&cells))?;
            }
        }
        if !advice.holders.is_empty() {
            self.put("\n### Held while idle\n\n")?;
            for holder in &advice.holders {
                self.put(&format!("* {}\n", prose(&sized.holder(holder))))?;
            }
        }
        self.put("\n### Bounds\n\n")?;
        self.put(&columns(&["Bound", "Connections", "How"]))?;
        for formula in &advice.formulas {
            self.put(&row(&sized.formula(formula).map(|cell| prose(&cell))))?;
        }
        if let Some(budget) = &advice.budget {
            self.put("\n### Budget\n\n")?;
            for line in sized.budget(budget) {
                self.put(&format!("* {}\n", prose(&line)))?;
            }
        }
        if !advice.what_ifs.is_empty() {
            self.put("\n### What if\n\n")?;
            for answer in &advice.what_ifs {
                self.put(&format!("* {}: {}\n", code(&answer.what_if), prose(&answer.because)))?;
            }
        }
        if !advice.parts.is_empty() {
            self.put("\n### By database, role, application\n\n")?;
            self.put(&columns(&["", "Held", "Busiest", "Most", "Each holds"]))?;
            let shown = if self.verbose() { advice.parts.len() } else { PARTS };
            for part in advice.parts.iter().take(shown) {
                let cells: Vec<String> = sized.part(part).iter().map(|cell| prose(cell)).collect();
                self.put(&row(&cells))?;
            }
        }
        if !advice.notes.is_empty() {
            self.put("\n### What this rests on\n\n")?;
            for note in &advice.notes {
                self.put(&format!("* {}\n", prose(note)))?;
            }
        }
        self.notes()?;
        for snippet in &advice.snippets {
            self.put(&format!("\n### {}\n", prose(&snippet.title)))?;
            for file in &snippet.files {
                self.put(&format!("\n{}\n\n{}", code(&file.path), fence(file.format.as_str(), &file.text, "")))?;
            }
        }
        if !advice.backstops.is_empty() {
            self.put("\n### On the server\n")?;
            for backstop in &advice.backstops {
                self.put(&format!("\n{}", fence("sql", &backstop.sql, "")))?;
            }
        }
        self.items()
    }
}
