//! node-pg-migrate, as far as it is SQL: <https://salsita.github.io/node-pg-migrate/migrations/>, and
//! `src/sqlMigration.ts`, `src/migration.ts`.
//!
//! A line `-- Up Migration` begins the up, one `-- Down Migration` the down, in either order. Files run in the order of
//! the numbers before their first `_`, all that are pending in one transaction unless `singleTransaction` is off; each
//! half is one query. SQL files cannot leave the transaction.

use super::common::{Entry, Planned, View, numbered, ordered};
use super::{Direction, Half, Problem, Wrap};

const BECAUSE: &str =
    "node-pg-migrate: one transaction over all migrations that are pending, assumed with singleTransaction";

pub(super) fn plan(view: &View<'_>) -> Planned {
    let mut keyed = Vec::new();
    for entry in &view.files {
        let number = numbered(entry.name()).map(|(number, _)| number);
        keyed.extend(halves(entry).into_iter().map(|half| ((number.is_none(), number.clone(), entry.path), half)));
    }
    ordered(keyed, "has", view)
}

/// The direction that a line begins.
pub(super) fn marker(line: &str) -> Option<Direction> {
    let rest = line.trim_start().strip_prefix("--")?.trim_start_matches(|c: char| c == '-' || c.is_whitespace());
    let (word, rest) = rest.split_once(char::is_whitespace)?;
    let is_migration = rest.trim_start().get(..9).is_some_and(|word| word.eq_ignore_ascii_case("migration"));
    match word {
        _ if !is_migration => None,
        word if word.eq_ignore_ascii_case("up") => Some(Direction::Up),
        word if word.eq_ignore_ascii_case("down") => Some(Direction::Down),
        _ => None,
    }
}

fn halves(entry: &Entry<'_>) -> Vec<Half> {
    let length = entry.text().len();
    let mark = |wanted| entry.lines().find(|(_, line)| marker(line) == Some(wanted)).map(|(at, _)| at);
    let (up, down) = (mark(Direction::Up), mark(Direction::Down));
    let until = |from: usize, other: Option<usize>| match other {
        Some(other) if other > from => from..other,
        _ => from..length,
    };
    let range = up.map_or(0..length, |up| until(up, down));
    let mut first = entry.half(Direction::Up, Wrap::SharedTransaction, BECAUSE, std::iter::once(range).collect());
    let Some(at) = down else {
        return vec![first];
    };
    if up.is_none() {
        let message =
            "without a line `-- Up Migration` node-pg-migrate runs all of the file as the up, the down included";
        first
            .problems
            .push(Problem { span: at..super::common::next_line(entry.text(), at), message: message.to_owned() });
    }
    let range = std::iter::once(until(at, up)).collect();
    vec![first, entry.half(Direction::Down, Wrap::SharedTransaction, BECAUSE, range)]
}

#[cfg(test)]
mod tests {
    use super::super::common::lab::Lab;

    #[test]
    fn markers_part_the_file_in_either_order() {
        let lab = Lab::new(&[
            ("1700000000000_a.sql", "-- Up Migration\na;\n\n-- Down Migration\nb;"),
            ("1600000000000_c.sql", "-- Down Migration\nd;\n-- Up Migration\nc;"),
            ("1500000000000_e.sql", "e"),
        ]);
        assert_eq!(
            lab.halves(),
            [
                "1500000000000_e SharedTransaction: e",
                "1600000000000_c SharedTransaction: c",
                "1700000000000_a SharedTransaction: a",
                "1700000000000_a down SharedTransaction: b",
                "1600000000000_c down SharedTransaction: d"
            ]
        );
        assert_eq!(lab.pairs().len(), 2);
        let lab = Lab::new(&[("1_a.sql", "a;\n-- Down Migration\nb;")]);
        assert_eq!(lab.halves(), ["1_a SharedTransaction: a; b", "1_a down SharedTransaction: b"]);
        assert_eq!(lab.problems().len(), 1);
    }
}
