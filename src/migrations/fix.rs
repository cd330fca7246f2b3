//! The safe rewrites that are purely textual: the SQL of a hint in the place of its statement, where nothing else in the
//! file depends on how the statement is sent; a timeout at the head of a file.

use super::project::Project;
use super::replay::{Replayed, Step};
use super::rules::moment::locate;
use super::script::{Script, SourceFile};
use super::session::Timeout;
use crate::finding::{Edit, Finding, Location};
use std::collections::BTreeMap;
use std::ops::Range;

/// Rules whose hint leaves the same schema behind as the statement does, whoever runs it.
const REPLACED: &[&str] = &[
    "constraint-validated-at-once",
    "index-dropped-without-concurrently",
    "index-without-concurrently",
    "materialized-view-refreshed-without-concurrently",
    "not-null-scan",
    "partition-detached-without-concurrently",
    "reindex-without-concurrently",
    "unique-without-using-index",
];

/// The rule whose fix stands at the head of a script.
const TIMEOUT: &str = "lock-without-timeout";

/// The timeout that is set where none is.
const LOCK_TIMEOUT: &str = "5s";

/// Gives each finding the changes of its file that carry its hint out, where there are such.
pub fn add_edits(replayed: &Replayed<'_>, findings: &mut [Finding]) {
    let project = replayed.project;
    let mut by_place: BTreeMap<(String, u32, u32), (&Script, &Step)> = BTreeMap::new();
    for step in &replayed.steps {
        let Some(script) = project.scripts.get(step.script) else { continue };
        let (Some(file), Some(statement)) = (project.files.get(script.file), script.statements.get(step.statement))
        else {
            continue;
        };
        let (line, column) = file.line_column(statement.span.start);
        by_place.insert((file.path.clone(), line, column), (script, step));
    }
    for finding in findings {
        let Some(location) = &finding.location else { continue };
        let place = (location.file.clone(), location.line, location.column);
        let Some((script, step)) = by_place.get(&place).copied() else { continue };
        let (number, alone) = (step.statement, step.transaction.is_none());
        let Some(file) = project.files.get(script.file) else { continue };
        // text that was taken out of comments is not the file's to change
        if script.text.is_some() || file.path.is_empty() {
            continue;
        }
        let edit = match finding.rule.as_str() {
            TIMEOUT => timeout(script, number, file, alone),
            rule if REPLACED.contains(&rule) && alone => replaced(finding, script, step, file),
            _ => None,
        };
        finding.edits = edit.into_iter().collect();
    }
}

/// A timeout before the statement that takes the lock: for its transaction where it is in one.
fn timeout(script: &Script, number: usize, file: &SourceFile, alone: bool) -> Option<Edit> {
    let statement = script.statements.get(number)?;
    let local = if alone { "" } else { "local " };
    let text = format!("set {local}lock_timeout = '{LOCK_TIMEOUT}';\n");
    let line = file.text.get(..statement.span.start)?.rfind('\n').map_or(0, |at| at + 1);
    // only where nothing but blanks stands before it on its line
    let before = file.text.get(line..statement.span.start)?;
    before.trim().is_empty().then(|| edit(file, statement.span.start..statement.span.start, format!("{text}{before}")))
}

/// The hint's statements in the place of one that runs by itself.
fn replaced(finding: &Finding, script: &Script, step: &Step, file: &SourceFile) -> Option<Edit> {
    let statement = script.statements.get(step.statement)?;
    // the finding must speak of the whole statement: of one action of several its hint is a part only
    let (end_line, end_column) = file.line_column(statement.span.end);
    let location = finding.location.as_ref()?;
    if (location.end_line, location.end_column) != (end_line, end_column) {
        return None;
    }
    let sql = finding.hint.as_ref()?.sql.as_deref()?.trim().trim_end_matches(';').trim_end();
    let sql: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let mut sql = sql.join("\n");
    // a timeout that is right for this statement would cut short a build that comes later
    if sql.starts_with("set lock_timeout") && step.lock_timeout == Timeout::Unset {
        sql.push_str(";\nreset lock_timeout");
    }
    Some(edit(file, statement.span.clone(), sql))
}

fn edit(file: &SourceFile, range: Range<usize>, text: String) -> Edit {
    Edit { location: locate(file, range), text }
}

/// A file after its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// Its path.
    pub path: String,
    /// Its text as it was.
    pub before: String,
    /// Its text as it is to be.
    pub text: String,
    /// How many changes were made, in words: `2 statements`.
    pub changes: String,
}

/// Applies the edits of findings, those of one file together. Of edits that overlap the first counts.
pub fn apply(project: &Project, findings: &[Finding]) -> Vec<Fixed> {
    let mut by_file: BTreeMap<&str, Vec<&Edit>> = BTreeMap::new();
    for edit in findings.iter().flat_map(|finding| &finding.edits) {
        by_file.entry(&edit.location.file).or_default().push(edit);
    }
    let mut fixed = Vec::new();
    for (path, edits) in by_file {
        let Some(file) = project.files.iter().find(|file| file.path == path) else { continue };
        let mut ranges: Vec<(Range<usize>, &str)> =
            edits.iter().filter_map(|edit| Some((range(file, &edit.location)?, edit.text.as_str()))).collect();
        // what takes the place of a statement brings the timeout it needs
        let replaced: Vec<usize> = ranges.iter().filter(|(at, _)| !at.is_empty()).map(|(at, _)| at.start).collect();
        ranges.retain(|(at, _)| !(at.is_empty() && replaced.contains(&at.start)));
        ranges.sort_by_key(|(range, _)| (range.start, range.end));
        let mut text = String::with_capacity(file.text.len() + 256);
        let (mut at, mut count) = (0, 0);
        for (range, replacement) in ranges {
            let Some(between) = file.text.get(at..range.start) else { continue };
            text.push_str(between);
            text.push_str(replacement);
            at = range.end.max(at);
            count += 1;
        }
        text.push_str(file.text.get(at..).unwrap_or_default());
        let changes = if count == 1 { "1 place".to_owned() } else { format!("{count} places") };
        fixed.push(Fixed { path: path.to_owned(), before: file.text.to_string(), text, changes });
    }
    fixed
}

fn range(file: &SourceFile, location: &Location) -> Option<Range<usize>> {
    let offset = |line: u32, column: u32| {
        let start = *file.lines.get((line.max(1) - 1) as usize)?;
        let rest = file.text.get(start..)?;
        let within = rest.char_indices().nth((column.max(1) - 1) as usize).map_or(rest.len(), |(at, _)| at);
        Some(start + within)
    };
    let (start, end) = (offset(location.line, location.column)?, offset(location.end_line, location.end_column)?);
    (start <= end).then_some(start..end)
}

/// Lines around a change that a diff shows.
const CONTEXT: usize = 3;

impl Fixed {
    /// The change as a unified diff, which `git apply` takes.
    pub fn diff(&self) -> String {
        let (old, new): (Vec<&str>, Vec<&str>) =
            (self.before.split_inclusive('\n').collect(), self.text.split_inclusive('\n').collect());
        let path = &self.path;
        let mut diff = format!("--- a/{path}\n+++ b/{path}\n");
        for hunk in hunks(&old, &new) {
            diff.push_str(&hunk);
        }
        diff
    }
}

/// One hunk over each region that differs; lines that are alike in both at head and tail of what is left are skipped.
fn hunks(old: &[&str], new: &[&str]) -> Vec<String> {
    // changes are few and far between: walk both, and where they part look for the next place where they agree
    let (mut at, mut to) = (0, 0);
    let mut regions: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    while at < old.len() || to < new.len() {
        if at < old.len() && to < new.len() && old.get(at) == new.get(to) {
            (at, to) = (at + 1, to + 1);
            continue;
        }
        let (ahead, beyond) = meet(old.get(at..).unwrap_or_default(), new.get(to..).unwrap_or_default());
        regions.push((at..at + ahead, to..to + beyond));
        (at, to) = (at + ahead, to + beyond);
    }
    // regions that are near are one hunk
    let mut groups: Vec<Vec<(Range<usize>, Range<usize>)>> = Vec::new();
    for region in regions {
        let is_near =
            groups.last().and_then(|group| group.last()).is_some_and(|last| region.0.start <= last.0.end + 2 * CONTEXT);
        match groups.last_mut().filter(|_| is_near) {
            Some(group) => group.push(region),
            None => groups.push(vec![region]),
        }
    }
    groups.iter().map(|group| hunk(group, old, new)).collect()
}

/// How many lines of each are skipped until three lines agree again.
fn meet(old: &[&str], new: &[&str]) -> (usize, usize) {
    const AGREE: usize = 3;
    const FAR: usize = 400;
    let most = (old.len() + new.len()).min(FAR);
    for sum in 1..=most {
        for ahead in 0..=sum.min(old.len()) {
            let beyond = sum - ahead;
            if beyond > new.len() {
                continue;
            }
            let (rest, left) = (old.get(ahead..).unwrap_or_default(), new.get(beyond..).unwrap_or_default());
            let count = AGREE.min(rest.len()).min(left.len());
            let ends = rest.len() <= AGREE && rest.len() == left.len();
            if rest.get(..count) == left.get(..count) && (count == AGREE || ends) {
                return (ahead, beyond);
            }
        }
    }
    (old.len(), new.len())
}

fn hunk(group: &[(Range<usize>, Range<usize>)], old: &[&str], new: &[&str]) -> String {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return String::new() };
    let lead = first.0.start.min(CONTEXT);
    let trail = (old.len() - last.0.end).min(CONTEXT);
    let (from, to) = (first.0.start - lead..last.0.end + trail, first.1.start - lead..last.1.end + trail);
    let start = |range: &Range<usize>| if range.is_empty() { range.start } else { range.start + 1 };
    let mut text = format!("@@ -{},{} +{},{} @@\n", start(&from), from.len(), start(&to), to.len());
    let mut push = |sign: char, line: &str| {
        text.push(sign);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    };
    let mut at = from.start;
    for (gone, come) in group {
        old.get(at..gone.start).unwrap_or_default().iter().for_each(|line| push(' ', line));
        old.get(gone.clone()).unwrap_or_default().iter().for_each(|line| push('-', line));
        new.get(come.clone()).unwrap_or_default().iter().for_each(|line| push('+', line));
        at = gone.end;
    }
    old.get(at..from.end).unwrap_or_default().iter().for_each(|line| push(' ', line));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_shows_what_changes() {
        let before: String = (1..=20).map(|n| format!("line {n}\n")).collect();
        let text = before.replace("line 5\n", "five\nfive and a half\n").replace("line 18\n", "");
        let fixed = Fixed { path: "m/1.sql".into(), before, text, changes: String::new() };
        let diff = fixed.diff();
        assert!(
            diff.starts_with(
                "--- a/m/1.sql\n+++ b/m/1.sql\n@@ -2,7 +2,8 @@\n line 2\n line 3\n line 4\n-line 5\n+five\n"
            )
        );
        assert!(
            diff.contains("@@ -15,6 +16,5 @@\n line 15\n line 16\n line 17\n-line 18\n line 19\n line 20\n"),
            "{diff}"
        );
    }

    #[test]
    fn a_file_without_an_end_of_line_is_told() {
        let fixed = Fixed { path: "x".into(), before: "a".into(), text: "b\na".into(), changes: String::new() };
        assert_eq!(fixed.diff(), "--- a/x\n+++ b/x\n@@ -1,1 +1,2 @@\n+b\n a\n\\ No newline at end of file\n");
    }
}
