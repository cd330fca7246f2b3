//! Name that PostgreSQL cuts off
//!
//! ## Why it matters
//! A name keeps its first 63 bytes; the rest is dropped with a notice. Two names that differ only after that are one:
//! the second statement fails, or `if not exists` skips it in silence, and a tool that compares names finds a
//! difference for ever.
//!
//! ## How it is decided
//! A name in a statement that changes the schema is longer than 63 bytes, quoted or not. *info*, and only with
//! `--pedantic`; bytes are counted, not characters.
//!
//! ## What to do
//! A name of 63 bytes or less: letters beyond ASCII take two bytes and more each.
//!
//! ## Limits
//! Servers that were built with another `NAMEDATALEN` keep another length. Names within function bodies are not looked
//! at, nor are those that PostgreSQL chooses itself: these it makes fit.

use super::around;
use super::prelude::*;
use crate::migrations::split::tokens::Kind;
use std::collections::BTreeSet;

/// More than is kept.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "identifier-too-long",
        category: Category::Schema,
        severity: Severity::Info,
        source: include_str!("identifier_too_long.rs"),
    },
    params: &[],
    is_opinion: true,
    both_ways: false,
    run: Run::Statement(run),
};

/// `NAMEDATALEN - 1`.
const KEPT: usize = 63;

fn run(m: &Moment<'_>) -> Vec<Finding> {
    let text = m.text();
    if text.len() <= KEPT || matches!(m.command, Command::Dml(_) | Command::Copy { .. } | Command::Do { .. }) {
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for token in around::tokens(text) {
        let written = text.get(token.start..token.end).unwrap_or_default();
        let name = match token.kind {
            Kind::Word => written.to_lowercase(),
            Kind::Name => written.trim_matches('"').replace("\"\"", "\""),
            _ => continue,
        };
        if name.len() <= KEPT || !seen.insert(name.clone()) {
            continue;
        }
        let mut end = KEPT;
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        let kept = name.get(..end).unwrap_or_default().to_owned();
        let message = format!("name of {} bytes is cut off after {KEPT}: it becomes {kept}", name.len());
        let place = Place::At(Some(m.statement.span.start + token.start));
        let finding = m.finding(&RULE.meta, place, m.itself(), message);
        let length = i64::try_from(name.len()).unwrap_or(i64::MAX);
        let finding = finding.text("name", name).text("becomes", kept).count("length", length, Unit::Bytes);
        found.push(finding.advice("give it a name of at most 63 bytes"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    #[test]
    fn bytes_are_counted() {
        let (fits, long) = ("a".repeat(63), "a".repeat(64));
        assert!(says(&RULE, &format!("create index {fits} on t (a);")).is_empty());
        assert_eq!(
            says(&RULE, &format!("create index {long} on t (a);")),
            [format!("info name of 64 bytes is cut off after 63: it becomes {fits}")]
        );
        let quoted = says(&RULE, &format!("create table t (\"{}é\" int);", "b".repeat(62)));
        assert_eq!(quoted, [format!("info name of 64 bytes is cut off after 63: it becomes {}", "b".repeat(62))]);
        assert!(says(&RULE, &format!("create table t (a text default '{long}'); select 1 as {long};")).is_empty());
    }
}
