//! goose: <https://pressly.github.io/goose/documentation/annotations/>, and its parser, `internal/sqlparser/parser.go`.
//!
//! `-- +goose Up` and `-- +goose Down` begin the halves. A statement ends with a line that ends in a semicolon, or
//! where `StatementEnd` does; each is sent for itself, in one transaction a file unless it says `NO TRANSACTION`. Files
//! run in the order of their numbers.

use super::common::{Entry, Planned, View, numbered, ordered};
use super::{Direction, Half, Problem, Wrap};
use crate::migrations::split::{PieceKind, split};
use std::ops::Range;

pub(super) fn plan(view: &View<'_>) -> Planned {
    let mut keyed = Vec::new();
    for entry in &view.files {
        let Some((number, _)) = numbered(entry.name()) else { continue };
        keyed.extend(halves(entry).into_iter().map(|half| (number.clone(), half)));
    }
    ordered(keyed, "goose refuses it: it has", view)
}

/// An annotation of a line: the words after `-- +goose`, in lower case.
pub(super) fn annotation(line: &str) -> Option<String> {
    let rest = line.strip_prefix("--")?.trim_start();
    let word = rest.get(..6)?;
    word.eq_ignore_ascii_case("+goose").then(|| rest.get(6..).unwrap_or_default().trim().to_ascii_lowercase())
}

fn halves(entry: &Entry<'_>) -> Vec<Half> {
    let text = entry.text();
    let mut current: Option<Direction> = None;
    let mut has_transaction = true;
    let mut from = 0;
    let mut is_one_statement = false;
    // each range with its direction, and whether all of it is one statement
    let mut parts: Vec<(Direction, Range<usize>, bool)> = Vec::new();
    let mut problems = Vec::new();
    let mut before = None;
    for (at, line) in entry.lines() {
        let Some(annotation) = annotation(line) else {
            let is_blank = line.trim().is_empty() || line.trim_start().starts_with("--");
            if current.is_none() && before.is_none() && !is_blank {
                before = Some(at..at + line.len());
            }
            continue;
        };
        let direction = match annotation.as_str() {
            "up" => Some(Direction::Up),
            "down" => Some(Direction::Down),
            "statementbegin" | "statementend" => current,
            "no transaction" => {
                has_transaction = false;
                continue;
            }
            _ => continue,
        };
        parts.extend(current.map(|direction| (direction, from..at, is_one_statement)));
        (current, from) = (direction, at + line.len());
        is_one_statement = annotation == "statementbegin";
    }
    parts.extend(current.map(|direction| (direction, from..text.len(), is_one_statement)));
    if let Some(span) = before {
        let message = "goose refuses the file: there is a statement before `-- +goose Up`".to_owned();
        problems.push(Problem { span, message });
    }
    if is_one_statement {
        let message = "goose refuses the file: a StatementBegin has no StatementEnd".to_owned();
        problems.push(Problem { span: from..text.len(), message });
    }
    let (wrap, because) = match has_transaction {
        true => (Wrap::Transaction, "goose: one transaction a file"),
        false => (Wrap::Nothing, "goose: -- +goose NO TRANSACTION"),
    };
    let mut halves = Vec::new();
    for direction in [Direction::Up, Direction::Down] {
        let own = parts.iter().filter(|part| part.0 == direction);
        let is_there = own.clone().next().is_some();
        if direction == Direction::Down && !is_there {
            continue;
        }
        let ranges: Vec<Range<usize>> = own.clone().map(|part| part.1.clone()).collect();
        let mut half = entry.half(direction, wrap, because, ranges);
        for (_, range, _) in own.clone().filter(|part| !part.2) {
            half.problems.extend(cut_within(text, range));
        }
        // several statements between StatementBegin and StatementEnd are one query
        let mut filled = own.filter(|part| !split(text, part.1.clone()).is_empty());
        if let (false, Some((_, _, true)), None) = (has_transaction, filled.next(), filled.next()) {
            half.wrap = Wrap::OneQuery;
            half.wrap_because = "goose: -- +goose NO TRANSACTION, but one StatementBegin is one query".into();
        }
        if direction == Direction::Up {
            half.problems.append(&mut problems);
            if !is_there {
                let message = "goose refuses the file: there is no `-- +goose Up`".to_owned();
                half.problems.push(Problem { span: 0..0, message });
            }
        }
        halves.push(half);
    }
    halves
}

/// Statements that goose cuts in two at a semicolon within, and the one at the end that lacks its own.
fn cut_within(text: &str, range: &Range<usize>) -> Vec<Problem> {
    let pieces = split(text, range.clone());
    let mut problems = Vec::new();
    for piece in pieces.iter().filter(|piece| piece.kind == PieceKind::Sql) {
        let within = text.get(piece.span.clone()).unwrap_or_default();
        let lines = super::common::lines(within).map(|(at, line)| (at, ends_in_semicolon(line)));
        if let Some((at, _)) = lines.into_iter().find(|(_, ends)| *ends) {
            let at = piece.span.start + at;
            let line = text.get(at..).and_then(|rest| rest.lines().next()).unwrap_or_default();
            problems.push(Problem {
                span: at..at + line.len(),
                message:
                    "goose ends the statement at this semicolon: put all of it between `-- +goose StatementBegin` \
                          and `-- +goose StatementEnd`"
                        .into(),
            });
        }
    }
    if let Some(last) = pieces.last().filter(|piece| piece.kind == PieceKind::Sql && piece.end == piece.span.end) {
        problems.push(Problem {
            span: last.span.clone(),
            message: "goose refuses the file: its last statement has no semicolon".into(),
        });
    }
    problems
}

/// Whether goose sees the end of a statement in a line: its last word before a comment ends in a semicolon.
fn ends_in_semicolon(line: &str) -> bool {
    let last = line.split_ascii_whitespace().take_while(|word| !word.starts_with("--")).last();
    last.is_some_and(|word| word.ends_with(';'))
}

#[cfg(test)]
mod tests {
    use super::super::common::lab::Lab;

    const FILE: &str = "-- +goose Up\n-- comment\ncreate table t (a int);\n-- +goose StatementBegin\ncreate function f() as $$\n a;\n$$;\n\
                        -- +goose StatementEnd\nselect 1;\n\n-- +goose Down\ndrop table t;\n";

    #[test]
    fn annotations_part_the_file() {
        let lab = Lab::new(&[("2_b.sql", FILE), ("10_c.sql", "-- +goose Up\nx;\n")]);
        assert_eq!(lab.runner(), "goose");
        assert_eq!(
            lab.halves(),
            [
                "2_b Transaction: create table t (a int); create function f() as $$| a;|$$; select 1",
                "10_c Transaction: x",
                "2_b down Transaction: drop table t"
            ]
        );
        assert_eq!((lab.pairs(), lab.problems().len(), lab.notes().len()), (vec!["2_b".to_owned()], 0, 0));
    }

    #[test]
    fn without_a_transaction_statements_are_for_themselves() {
        let lab = Lab::new(&[("1_a.sql", "-- +goose NO TRANSACTION\n-- +goose Up\na;\nb;\n-- +goose down\nc;")]);
        assert_eq!(lab.halves(), ["1_a Nothing: a; b", "1_a down Nothing: c"]);
        let lab = Lab::new(&[(
            "1_a.sql",
            "-- +goose Up\n-- +goose NO TRANSACTION\n-- +goose StatementBegin\na; b;\n-- +goose StatementEnd\n",
        )]);
        assert_eq!(lab.halves(), ["1_a OneQuery: a; b"]);
    }

    #[test]
    fn what_goose_refuses_is_said() {
        let problems = |text: &str| Lab::new(&[("1_a.sql", text)]).problems().join(", ");
        assert!(problems("select 1;\n-- +goose Up\nx;\n").contains("before `-- +goose Up`"));
        assert!(problems("-- +goose Down\nx;\n").contains("no `-- +goose Up`"));
        assert!(problems("-- +goose Up\n-- +goose StatementBegin\nx;\n").contains("no StatementEnd"));
        assert!(problems("-- +goose Up\nx").contains("no semicolon"));
        assert!(problems("-- +goose Up\ndo $$ begin\n select 1; -- x\n end $$;\n").contains("StatementBegin"));
        assert_eq!(problems("-- +goose Up\nselect 'a' -- x;\n, 1;\n-- +goose Down\n"), "");
        let files = [("1_a.sql", "-- +goose Up\nx;"), ("01_b.sql", "-- +goose Up\ny;"), ("z.sql", "-- +goose Up\n")];
        let lab = Lab::new(&files);
        assert_eq!(lab.notes(), ["m/z.sql: not reviewed: goose does not run it"]);
        assert_eq!(lab.problems(), ["goose refuses it: it has the same version as m/01_b.sql"]);
    }
}
