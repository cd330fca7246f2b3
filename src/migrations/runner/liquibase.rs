//! Liquibase's formatted SQL: <https://docs.liquibase.com/concepts/changelogs/sql-format.html>, and
//! `AbstractFormattedChangeLogParser`.
//!
//! `--changeset author:id` begins a migration: one transaction unless `runInTransaction:false`, cut into statements
//! unless `splitStatements:false`, at `endDelimiter` where it has one. `--rollback …` lines and a comment `/* liquibase
//! rollback … */` are its down. Files run in the order of their names, as `includeAll` has it; a changelog that lists
//! them is not read.

use super::common::{Entry, Planned, View, lines, next_line};
use super::{Direction, Wrap};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

pub(super) fn plan(view: &View<'_>) -> Planned {
    let mut planned = Planned::default();
    for entry in &view.files {
        if is_formatted(entry.text()) {
            changesets(entry, &mut planned);
        } else {
            let because = "liquibase: one transaction a change set, assumed as the file has no header of its own";
            planned.halves.push(entry.whole(Direction::Up, Wrap::Transaction, because));
        }
    }
    planned
}

/// Whether a text begins as formatted SQL does.
pub(super) fn is_formatted(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut words = comment(first).unwrap_or_default().split_ascii_whitespace();
    words.next().is_some_and(|word| word.eq_ignore_ascii_case("liquibase"))
        && words.next().is_some_and(|word| word.get(..9).is_some_and(|word| word.eq_ignore_ascii_case("formatted")))
}

/// What a line says after `--`.
fn comment(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("--").map(str::trim_start)
}

/// What a line says after a word that begins its comment.
fn after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let comment = comment(line)?;
    let (head, rest) = comment.split_at_checked(word.len())?;
    (head.eq_ignore_ascii_case(word) && rest.starts_with([' ', '\t'])).then(|| rest.trim())
}

fn changesets(entry: &Entry<'_>, planned: &mut Planned) {
    let text = entry.text();
    let heads: Vec<(usize, &str)> =
        entry.lines().filter_map(|(at, line)| Some((at, after(line, "changeset")?))).collect();
    let first = heads.first().map_or(text.len(), |(at, _)| *at);
    if text.get(..first).is_some_and(|before| !crate::migrations::split::split(before, 0..first).is_empty()) {
        planned.notes.push(entry.note("statements before the first --changeset do not run"));
    }
    let ends = heads.iter().skip(1).map(|(at, _)| *at).chain([text.len()]);
    let section = |((at, attributes), end): (&(usize, &str), usize)| {
        let (identity, _) = identity(attributes);
        (identity, next_line(text, *at).min(end)..end)
    };
    let sections: HashMap<String, Range<usize>> = heads.iter().zip(ends.clone()).map(section).collect();
    let mut masked: Option<Arc<str>> = None;
    for ((at, attributes), end) in heads.iter().zip(ends) {
        let (identity, rest) = identity(attributes);
        let attribute = |name: &str| attribute(rest, name);
        if attribute("dbms").is_some_and(|dbms| !is_ours(dbms)) {
            planned.notes.push(entry.note(format!("change set {identity} is for another database")));
            continue;
        }
        if attribute("ignore").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            planned.notes.push(entry.note(format!("change set {identity} is ignored")));
            continue;
        }
        let is_false = |name: &str| attribute(name).is_some_and(|value| value.eq_ignore_ascii_case("false"));
        let (wrap, because) = match (is_false("runInTransaction"), is_false("splitStatements")) {
            (false, _) => (Wrap::Transaction, "liquibase: one transaction a change set"),
            (true, false) => (Wrap::Nothing, "liquibase: runInTransaction:false"),
            (true, true) => (Wrap::OneQuery, "liquibase: runInTransaction:false, splitStatements:false, one query"),
        };
        let range = next_line(text, *at).min(end)..end;
        let delimiter = attribute("endDelimiter").unwrap_or(";");
        let pair = format!("{}::{identity}", entry.path);
        let make = |direction, ranges| {
            let mut half = entry.half(direction, wrap, because, ranges);
            half.name.clone_from(&identity);
            half.pair.clone_from(&pair);
            half
        };
        planned.halves.push(make(Direction::Up, cut(text, range.clone(), delimiter)));
        match rollback(text, range) {
            None => {}
            Some(Rollback::Own(ranges)) => {
                let mut down = make(Direction::Down, Vec::new());
                if !ranges.is_empty() {
                    let masked = masked.get_or_insert_with(|| Arc::from(without_marks(text)));
                    let delimiter = attribute("rollbackEndDelimiter").unwrap_or(";");
                    down.ranges = ranges.into_iter().flat_map(|range| cut(masked, range, delimiter)).collect();
                    down.text = Some(masked.clone());
                }
                planned.halves.push(down);
            }
            Some(Rollback::Other(other)) => match sections.get(&other) {
                Some(range) => planned.halves.push(make(Direction::Down, cut(text, range.clone(), ";"))),
                None => {
                    let message = format!("the rollback of {identity} is the change set {other}, which is not here");
                    planned.notes.push(entry.note(message));
                }
            },
        }
    }
}

/// `author:id`, without quotes, and what follows.
fn identity(attributes: &str) -> (String, &str) {
    let mut is_quoted = false;
    let mut has_colon = false;
    let mut end = attributes.len();
    for (at, c) in attributes.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            ':' if !is_quoted => has_colon = true,
            c if c.is_whitespace()
                && !is_quoted
                && has_colon
                && !attributes.get(..at).is_some_and(|s| s.ends_with(':')) =>
            {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let (identity, rest) = attributes.split_at_checked(end).unwrap_or((attributes, ""));
    (identity.replace('"', ""), rest)
}

/// The value of `name:value`, where it is there; names have no case.
fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    attributes.split_ascii_whitespace().find_map(|word| {
        let (own, value) = word.split_once(':')?;
        own.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// Whether a list of databases holds PostgreSQL.
fn is_ours(dbms: &str) -> bool {
    let names: Vec<&str> = dbms.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let excluded = |name: &&str| name.strip_prefix('!').is_some_and(|name| name.eq_ignore_ascii_case("postgresql"));
    if names.iter().any(excluded) {
        return false;
    }
    let is_included = |name: &&str| name.eq_ignore_ascii_case("postgresql") || name.eq_ignore_ascii_case("all");
    names.iter().all(|name| name.starts_with('!')) || names.iter().any(is_included)
}

/// A range without the delimiters that are not SQL's own: alone on a line or at the end of one.
fn cut(text: &str, range: Range<usize>, delimiter: &str) -> Vec<Range<usize>> {
    let delimiter = delimiter.trim_start_matches("\\n").trim_end_matches('$');
    let section = text.get(range.clone()).unwrap_or_default();
    let mut ranges = Vec::new();
    let mut from = range.start;
    for (at, line) in lines(section) {
        let line = line.trim_end();
        // `go` and `/` end a statement even where nothing is said
        let is_alone = line.eq_ignore_ascii_case("go") || line == "/";
        let ends = (delimiter != ";" && !delimiter.is_empty())
            .then(|| line.len().checked_sub(delimiter.len()))
            .flatten()
            .filter(|start| line.get(*start..).is_some_and(|tail| tail.eq_ignore_ascii_case(delimiter)));
        let Some(start) = ends.or(is_alone.then_some(0)) else { continue };
        ranges.push(from..range.start + at + start);
        from = next_line(text, range.start + at).min(range.end);
    }
    ranges.push(from..range.end);
    ranges
}

/// The down of a change set.
enum Rollback {
    /// Where it is; nowhere where it says that nothing is to be done.
    Own(Vec<Range<usize>>),
    /// What another change set does: `author:id`.
    Other(String),
}

fn rollback(text: &str, range: Range<usize>) -> Option<Rollback> {
    let section = text.get(range.clone())?;
    let mut ranges: Option<Vec<Range<usize>>> = None;
    let mut is_block = false;
    let mut last_line_end = None;
    for (at, line) in lines(section) {
        let at = range.start + at;
        let end = at + line.len();
        if is_block {
            let stop = line.find("*/");
            if let Some(open) = ranges.as_mut().and_then(|ranges| ranges.last_mut()) {
                open.end = stop.map_or(end, |stop| at + stop);
            }
            is_block = stop.is_none();
        } else if begins_block(line) {
            is_block = true;
            ranges.get_or_insert_default().push(end..end);
        } else if let Some(said) = after(line, "rollback") {
            let ranges = ranges.get_or_insert_default();
            if said.eq_ignore_ascii_case("empty") || said.eq_ignore_ascii_case("not required") {
                continue;
            }
            if let Some(id) = attribute(said, "changeSetId") {
                let author = attribute(said, "changesetAuthor").unwrap_or_default();
                return Some(Rollback::Other(format!("{author}:{id}")));
            }
            // a statement may go on over several of these lines
            match ranges.last_mut() {
                Some(open) if last_line_end == Some(at) => open.end = end,
                _ => ranges.push(at..end),
            }
            last_line_end = Some(next_line(text, at));
        }
    }
    ranges.map(Rollback::Own)
}

fn begins_block(line: &str) -> bool {
    let mut words = line.trim_start().strip_prefix("/*").unwrap_or_default().split_ascii_whitespace();
    words.next().is_some_and(|word| word.eq_ignore_ascii_case("liquibase"))
        && words.next().is_some_and(|word| word.eq_ignore_ascii_case("rollback"))
        && words.next().is_none()
}

/// The text with blanks where `--rollback` stands, so that what follows is SQL at its own place.
fn without_marks(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    for (at, line) in lines(text) {
        if after(line, "rollback").is_none() {
            continue;
        }
        let comment = line.len() - comment(line).unwrap_or_default().len();
        let mark = comment + "rollback".len();
        masked.push_str(text.get(from..at).unwrap_or_default());
        masked.extend(std::iter::repeat_n(' ', mark));
        from = at + mark;
    }
    masked.push_str(text.get(from..).unwrap_or_default());
    masked
}

#[cfg(test)]
mod tests {
    use super::super::common::lab::Lab;
    use super::*;

    const FILE: &str = "--liquibase formatted sql\n\n--changeset \"a b\":1\ncreate table t (a int);\n--rollback drop table t;\n\n\
        -- changeset me:2 runInTransaction:false context:prod\ncreate index concurrently i on t (a);\n\
        --rollback create table u (\n--rollback   b int);\n--rollback drop index i;\n\
        --changeset me:3 splitStatements:false runInTransaction:false\nx; y;\n/* liquibase rollback\nalter table t drop a;\n*/\n\
        --changeset me:4 dbms:oracle,mysql\nz;\n--changeset me:5 endDelimiter:/ dbms:postgresql\nf1;\n/\nf2 /\n--rollback empty\n";

    #[test]
    fn change_sets_are_migrations() {
        let lab = Lab::new(&[("a.sql", FILE)]);
        assert_eq!(
            lab.halves(),
            [
                "a b:1 Transaction: create table t (a int)",
                "me:2 Nothing: create index concurrently i on t (a)",
                "me:3 OneQuery: x; y",
                "me:5 Transaction: f1; f2",
                "me:5 down Transaction: ",
                "me:3 down OneQuery: alter table t drop a",
                "me:2 down Nothing: create table u (|             b int); drop index i",
                "a b:1 down Transaction: drop table t"
            ]
        );
        assert_eq!(lab.pairs().len(), 4);
        assert_eq!(lab.notes(), ["m/a.sql: change set me:4 is for another database"]);
        let half = &lab.plan().halves[6];
        let text = half.text(&lab.gathered.files[0]);
        let at = text.find("b int").unwrap();
        assert_eq!(&FILE[at..at + 5], "b int");
    }

    #[test]
    fn other_files_are_one_change_set() {
        let lab = Lab::new(&[("a.sql", "--liquibase formatted sql\nselect 1;\n--changeset a:1\nx;"), ("b.sql", "y;")]);
        assert_eq!(lab.halves(), ["a:1 Transaction: x", "b Transaction: y"]);
        assert_eq!(lab.notes().len(), 1);
        assert!(is_ours("!oracle") && is_ours("postgresql, h2") && !is_ours("!postgresql") && !is_ours("h2"));
        let text = "--liquibase formatted sql\n--changeset a:1\nx;\n--changeset a:2\ny;\n\
                    --rollback changeSetId:1 changesetAuthor:a\n--changeset a:3\nz;\n--rollback changeSetId:9 changesetAuthor:b\n";
        let lab = Lab::new(&[("a.sql", text)]);
        assert_eq!(lab.halves().last().unwrap(), "a:2 down Transaction: x");
        assert_eq!(lab.notes(), ["m/a.sql: the rollback of a:3 is the change set b:9, which is not here"]);
    }
}
