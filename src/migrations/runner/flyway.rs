//! Flyway: <https://documentation.red-gate.com/fd/migrations-184127470.html>, and its `PostgreSQLParser`.
//!
//! `V2_1__x.sql` is version 2.1, `R__x.sql` runs again whenever it changes and after all versions, `U2_1__x.sql` undoes
//! version 2.1, `B2__x.sql` stands for all versions up to 2 in an empty database and does not run where these ran. One
//! transaction a file, unless a statement in it cannot run in one or a sidecar `V2__x.sql.conf` says
//! `executeInTransaction=false`; then each statement is sent for itself. Both kinds of statements in one file are
//! refused unless `mixed` is set.

use super::common::{Entry, Number, Planned, View, ordered};
use super::{Direction, Half, Problem, Wrap};
use crate::migrations::split::{PieceKind, split, words};

pub(super) fn plan(view: &View<'_>) -> Planned {
    let mut keyed = Vec::new();
    let mut notes = Vec::new();
    for entry in &view.files {
        let Some(name) = parse(entry.stem()) else { continue };
        let mut half = half(entry, view, name.direction());
        if name.kind == Kind::Baseline {
            let message = "not reviewed: a baseline runs only where the versions it stands for did not";
            notes.push(entry.note(message));
            continue;
        }
        half.pair = match name.kind {
            Kind::Repeatable => entry.stem().to_owned(),
            _ => name.written.replace('_', "."),
        };
        let description = if name.kind == Kind::Repeatable { entry.stem() } else { "" };
        keyed.push(((name.kind == Kind::Repeatable, name.version, description), half));
    }
    let mut planned = ordered(keyed, "Flyway refuses it: it has", view);
    planned.notes.append(&mut notes);
    planned
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Version,
    Undo,
    Repeatable,
    Baseline,
}

pub(super) struct Name<'a> {
    pub(super) kind: Kind,
    /// The numbers of the version, without zeros at the end: 1.0 is 1.
    pub(super) version: Vec<Number>,
    written: &'a str,
}

impl Name<'_> {
    fn direction(&self) -> Direction {
        if self.kind == Kind::Undo { Direction::Down } else { Direction::Up }
    }
}

/// What a name says.
pub(super) fn parse(stem: &str) -> Option<Name<'_>> {
    let (head, _) = stem.split_once("__")?;
    let kind = match head.as_bytes().first()? {
        b'V' => Kind::Version,
        b'U' => Kind::Undo,
        b'R' => Kind::Repeatable,
        b'B' => Kind::Baseline,
        _ => return None,
    };
    let written = head.get(1..)?;
    if kind == Kind::Repeatable {
        return written.is_empty().then_some(Name { kind, version: Vec::new(), written });
    }
    let parts: Vec<&str> = written.split(['.', '_']).collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !parts.iter().all(is_number) {
        return None;
    }
    let mut version: Vec<Number> = parts.iter().map(|part| Number::new(part)).collect();
    let zero = Number::new("0");
    while version.last() == Some(&zero) {
        version.pop();
    }
    Some(Name { kind, version, written })
}

fn half(entry: &Entry<'_>, view: &View<'_>, direction: Direction) -> Half {
    let text = entry.text();
    let conf = view.root.sidecar(&format!("{}.conf", entry.path));
    let mut half = entry.whole(direction, Wrap::Transaction, "flyway: one transaction a migration");
    match conf.and_then(execute_in_transaction) {
        Some(false) => {
            half.wrap = Wrap::Nothing;
            half.wrap_because = "flyway: executeInTransaction=false, each statement for itself".into();
            return half;
        }
        Some(true) => {
            half.wrap_because = "flyway: executeInTransaction=true".into();
            return half;
        }
        None => {}
    }
    let pieces = split(text, 0..text.len());
    let is_sql = |piece: &&crate::migrations::split::Piece| piece.kind == PieceKind::Sql;
    let mut alone = pieces.iter().filter(is_sql).filter(|piece| runs_alone(text, piece.span.clone()));
    if let Some(first) = alone.next() {
        let count = 1 + alone.count();
        half.wrap = Wrap::Nothing;
        let what = words(text, first.span.clone(), 3).join(" ");
        half.wrap_because = format!("flyway: without a transaction, because of {what}");
        if count < pieces.iter().filter(is_sql).count() {
            half.problems.push(Problem {
                span: first.span.clone(),
                message: "Flyway refuses the file unless `mixed` is set: other statements of it run in a transaction, \
                          this one cannot"
                    .into(),
            });
        }
    }
    half
}

/// Whether Flyway knows that a statement cannot run in a transaction. It does not know all of them: `reindex …
/// concurrently` and `alter table … detach partition … concurrently` fail in the transaction it begins.
fn runs_alone(text: &str, span: std::ops::Range<usize>) -> bool {
    let words = words(text, span, 4);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(
        words.as_slice(),
        ["create" | "drop", "database" | "tablespace" | "subscription", ..]
            | ["alter", "system", ..]
            | ["create" | "drop", "index", "concurrently", ..]
            | ["create" | "drop", "unique", "index", "concurrently"]
            | ["reindex", "schema" | "database" | "system", ..]
            | ["reindex", "verbose", "schema" | "database" | "system", ..]
            | ["vacuum", ..]
            | ["discard", "all", ..]
    )
}

/// What a sidecar says of the transaction.
fn execute_in_transaction(conf: &str) -> Option<bool> {
    let line = conf.lines().find_map(|line| line.trim().strip_prefix("executeInTransaction"))?;
    Some(!line.trim_start_matches([' ', '\t', '=', ':']).trim().eq_ignore_ascii_case("false"))
}

#[cfg(test)]
mod tests {
    use super::super::common::lab::Lab;

    #[test]
    fn versions_order_by_their_numbers() {
        let lab = Lab::new(&[
            ("V1_10__b.sql", "b"),
            ("V1.9__a.sql", "a"),
            ("x/V2.0__c.sql", "c"),
            ("R__view.sql", "r"),
            ("U2__c.sql", "undo c"),
            ("B2__base.sql", "base"),
            ("afterMigrate.sql", "x"),
        ]);
        assert_eq!(lab.runner(), "flyway");
        assert_eq!(
            lab.halves(),
            [
                "V1.9__a Transaction: a",
                "V1_10__b Transaction: b",
                "V2.0__c Transaction: c",
                "R__view Transaction: r",
                "U2__c down Transaction: undo c"
            ]
        );
        assert_eq!(lab.pairs(), [] as [&str; 0]);
        let notes = lab.notes();
        assert!(notes[0].starts_with("m/B2__base.sql: not reviewed: a baseline"), "{notes:?}");
        assert!(notes.contains(&"m/afterMigrate.sql: not reviewed: flyway does not run it".to_owned()), "{notes:?}");
        let lab = Lab::new(&[("V1__a.sql", "a"), ("V1.0__b.sql", "b"), ("R__x.sql", ""), ("R__y.sql", "")]);
        assert_eq!(lab.problems(), ["Flyway refuses it: it has the same version as m/V1.0__b.sql"]);
        assert_eq!(Lab::new(&[("V2__a.sql", "a"), ("U2__a.sql", "b")]).pairs(), ["2"]);
    }

    #[test]
    fn statements_that_cannot_run_in_a_transaction_leave_it_out() {
        let lab = Lab::new(&[
            ("V1__a.sql", "create unique index concurrently i on t (a);"),
            ("V2__a.sql", "create index concurrently i on t (a); select 1;"),
            ("V3__a.sql", "alter table t add a int;"),
            ("V3__a.sql.conf", "executeInTransaction=false\n"),
            ("V4__a.sql", "vacuum t;"),
            ("V4__a.sql.conf", "# x\nexecuteInTransaction = true"),
            ("V5__a.sql", "reindex index concurrently i; alter type e add value 'x'"),
        ]);
        let wraps: Vec<_> = lab.halves().iter().map(|half| half.split([' ', ':']).nth(1).unwrap().to_owned()).collect();
        assert_eq!(wraps, ["Nothing", "Nothing", "Nothing", "Transaction", "Transaction"]);
        assert_eq!(lab.problems().len(), 1);
        assert_eq!(lab.plan().halves[0].wrap_because, "flyway: without a transaction, because of create unique index");
    }
}
