//! Accepting findings on the spot: `-- pgassay: allow RULE because REASON` before a statement or behind it, and
//! `-- pgassay: allow-file RULE because REASON` anywhere in the file.
//!
//! A comment that gives no reason, names no rule there is, or accepts nothing is told of: a slip of the pen must not
//! silence a review, and an acceptance that outlived its cause should go.

use super::directive;
use super::project::Project;
use super::rules;
use super::script::{Directive, SourceFile};
use crate::finding::Finding;
use crate::outcome::{Outcome, RuleResult};
use crate::report::{Note, Suppressed};
use std::collections::HashMap;
use std::ops::Range;

/// Findings, parted into those that count and those that a comment accepts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Applied {
    /// Those that count, in their order.
    pub kept: Vec<Finding>,
    /// The accepted ones, in their order, each with its comment's reason.
    pub suppressed: Vec<Suppressed>,
    /// Comments that accept nothing, and why.
    pub notes: Vec<Note>,
}

/// A comment, and the lines it speaks of.
struct Allowed<'a> {
    directive: &'a Directive,
    file: &'a SourceFile,
    /// First and last line; none for the whole file.
    lines: Option<(u32, u32)>,
    used: bool,
}

/// Applies the comments of a project's scripts to findings.
pub fn apply(project: &Project, findings: Vec<Finding>, results: &[RuleResult]) -> Applied {
    let mut allowed: Vec<Allowed<'_>> = Vec::new();
    for script in project.scripts.iter().filter(|script| project.is_reviewed(script)) {
        let Some(file) = project.files.get(script.file) else { continue };
        for directive in &script.directives {
            // a file of several scripts has the directives of the file in one of them, or in each: once is enough
            let is_known = |one: &Allowed<'_>| one.file.path == file.path && one.directive.span == directive.span;
            if !allowed.last().is_some_and(is_known) {
                let lines = (!directive.is_of_file).then(|| lines(file, project, script.file, directive));
                allowed.push(Allowed { directive, file, lines, used: false });
            }
        }
    }
    let mut by_file: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, one) in allowed.iter().enumerate() {
        by_file.entry(&one.file.path).or_default().push(index);
    }
    let mut applied = Applied::default();
    for finding in findings {
        let location = finding.location.as_ref();
        let candidates = location.and_then(|location| by_file.get(location.file.as_str()));
        let accepting = candidates.into_iter().flatten().copied().find(|index| {
            allowed.get(*index).is_some_and(|one| {
                let here = match (one.lines, location) {
                    (None, _) => true,
                    (Some((first, last)), Some(at)) => (first..=last).contains(&at.line),
                    (Some(_), None) => false,
                };
                here && one.directive.fault.is_none()
                    && one.directive.rules.iter().any(|rule| rule == finding.rule.as_str())
            })
        });
        match accepting.and_then(|index| allowed.get_mut(index)) {
            Some(one) => {
                one.used = true;
                let reason = one.directive.reason.clone();
                applied.suppressed.push(Suppressed { finding, reason, expires: None });
            }
            None => applied.kept.push(finding),
        }
    }
    applied.notes = allowed.iter().filter_map(|one| note(one, results)).collect();
    applied
}

/// What is wrong with a comment, if anything.
fn note(one: &Allowed<'_>, results: &[RuleResult]) -> Option<Note> {
    let place = format!("{}:{}", one.file.path, one.file.line_column(one.directive.span.start).0);
    let warn = |text: String| Some(Note { text, warning: true });
    if let Some(fault) = &one.directive.fault {
        return warn(format!("{place}: the comment allows nothing: {fault}"));
    }
    if let Some(rule) = one.directive.rules.iter().find(|rule| rules::by_id(rule).is_none()) {
        let near = crate::config::suggestion(rule, rules::ALL.iter().map(|rule| rule.meta.id));
        return warn(format!("{place}: \"{rule}\" is not a rule over migrations{near}"));
    }
    let ran = |rule: &String| results.iter().any(|row| row.id.as_str() == rule && row.outcome != Outcome::Skipped);
    if !one.used && one.directive.rules.iter().all(ran) {
        let rules = one.directive.rules.join(", ");
        return warn(format!("{place}: allows {rules}, which finds nothing there: remove it"));
    }
    None
}

/// The lines of the statement that a comment stands before, or behind.
fn lines(file: &SourceFile, project: &Project, index: usize, directive: &Directive) -> (u32, u32) {
    // the statements of all scripts of the file, in its order: a comment speaks of the next one, whichever half it is in
    let own = project.scripts.iter().filter(|script| script.file == index);
    let mut spans: Vec<Range<usize>> = own.flat_map(|script| &script.statements).map(|one| one.span.clone()).collect();
    spans.sort_by_key(|span| span.start);
    let span = directive::statement_of(&file.text, &directive.span, &spans).and_then(|found| spans.get(found));
    let span = span.unwrap_or(&directive.span);
    (file.line_column(span.start).0, file.line_column(span.end).0)
}
