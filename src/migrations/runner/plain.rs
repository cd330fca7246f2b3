//! psql, or anything that sends one statement after the other: `psql --file` reads a file as if it were typed, each
//! statement a transaction of its own unless the file begins one (PostgreSQL's documentation of psql, option
//! `--single-transaction`).
//!
//! Numbers before names order the files; files without one come in the order of their paths. Names that end in `down`,
//! `undo`, `rollback` or `revert`, and folders of these names, are downs.

use super::common::{Entry, Number, Planned, View, direction_of, included, numbered, ordered};
use super::{Direction, Wrap};

const BECAUSE: &str = "plain: each statement for itself, as psql --file sends them";

pub(super) fn plan(view: &View<'_>) -> Planned {
    let halves = view.files.iter().map(|entry| {
        let (pair, direction) = half_of(entry);
        let mut half = entry.whole(direction, Wrap::Nothing, BECAUSE);
        half.pair.clone_from(&pair);
        (pair, entry.path, half)
    });
    let halves: Vec<_> = halves.collect();
    // a down where its up is; the path makes every key one of its own
    let keyed = halves.iter().map(|(pair, path, half)| ((natural(pair), *path), half.clone()));
    let mut planned = ordered(keyed.collect(), "has", view);
    planned.notes.extend(view.files.iter().flat_map(included));
    planned
}

/// What orders paths part by part: numbers by what they are and before names.
pub(super) fn natural(path: &str) -> Vec<(bool, Option<Number>, &str)> {
    let part = |part| {
        let number = numbered(part).map(|(number, _)| number);
        (number.is_none(), number, part)
    };
    path.split('/').map(part).collect()
}

fn half_of(entry: &Entry<'_>) -> (String, Direction) {
    let folder = entry.folder();
    let (above, own) = folder.rsplit_once('/').unwrap_or(("", folder));
    let named = direction_of(entry.stem());
    let pair = |folder: &str, stem: &str| if folder.is_empty() { stem.to_owned() } else { format!("{folder}/{stem}") };
    match (own, named) {
        ("down" | "undo" | "rollback" | "rollbacks" | "revert", _) => (pair(above, entry.stem()), Direction::Down),
        ("up", _) => (pair(above, entry.stem()), Direction::Up),
        (_, Some((stem, direction))) => (pair(folder, stem), direction),
        _ if matches!(entry.stem(), "down" | "rollback" | "revert" | "undo") => (folder.to_owned(), Direction::Down),
        _ if entry.stem() == "up" => (folder.to_owned(), Direction::Up),
        _ => (pair(folder, entry.stem()), Direction::Up),
    }
}

#[cfg(test)]
mod tests {
    use super::super::common::lab::Lab;

    #[test]
    fn files_run_by_number_then_by_name() {
        let lab = Lab::new(&[
            ("10_b.sql", "b; c"),
            ("9_a.sql", "a"),
            ("x/z.sql", "z"),
            ("functions.sql", "f"),
            ("README.md", ""),
        ]);
        assert_eq!(lab.halves(), ["9_a Nothing: a", "10_b Nothing: b; c", "functions Nothing: f", "z Nothing: z"]);
        assert_eq!((lab.runner(), lab.notes().len()), ("plain", 0));
        let lab = Lab::new(&[("2024/10.sql", "b"), ("2024/9.sql", "a"), ("2025/1.sql", "c")]);
        assert_eq!(lab.halves(), ["9 Nothing: a", "10 Nothing: b", "1 Nothing: c"]);
    }

    #[test]
    fn what_psql_runs_from_elsewhere_is_said() {
        let lab = Lab::new(&[("1.sql", "select 1;\n\\i other.sql\n\\set x 1\nselect 'alter table t' \\gexec\n")]);
        assert_eq!(
            lab.notes(),
            [
                "m/1.sql: line 2: \\i other.sql is another file, reviewed only where it is named itself",
                "m/1.sql: line 4: \\gexec runs what a query returns, which is not reviewed"
            ]
        );
    }

    #[test]
    fn names_and_folders_say_which_way() {
        let lab = Lab::new(&[
            ("1_a.sql", "a"),
            ("1_a_down.sql", "b"),
            ("up/2.sql", "c"),
            ("down/2.sql", "d"),
            ("3-rollback.sql", "e"),
        ]);
        assert_eq!(
            lab.halves(),
            [
                "1_a Nothing: a",
                "2 Nothing: c",
                "3-rollback down Nothing: e",
                "2 down Nothing: d",
                "1_a_down down Nothing: b"
            ]
        );
        assert_eq!(lab.pairs(), ["1_a", "2"]);
    }
}
