//! Alembic, what `alembic upgrade --sql` prints: <https://alembic.sqlalchemy.org/en/latest/offline.html>.
//!
//! The text holds its own `BEGIN` and `COMMIT`: around all of it, around each migration where
//! `transaction_per_migration` is set, and not around what stands in an `autocommit_block`. A text of `Running
//! downgrade` is a down.

use super::common::{Entry, Planned, View, ordered};
use super::plain::natural;
use super::{Direction, Wrap};

const BECAUSE: &str = "alembic: the text holds its own begin and commit";

pub(super) fn plan(view: &View<'_>) -> Planned {
    let keyed = view.files.iter().map(|entry| {
        let half = entry.whole(direction(entry), Wrap::Nothing, BECAUSE);
        (natural(entry.path), half)
    });
    ordered(keyed.collect(), "has", view)
}

fn direction(entry: &Entry<'_>) -> Direction {
    match entry.lines().find_map(|(_, line)| running(line)) {
        Some("downgrade") => Direction::Down,
        _ => Direction::Up,
    }
}

/// `upgrade` or `downgrade`, where a line says that one runs.
pub(super) fn running(line: &str) -> Option<&str> {
    let word = line.strip_prefix("-- Running ")?.split(' ').next()?;
    matches!(word, "upgrade" | "downgrade").then_some(word)
}

#[cfg(test)]
mod tests {
    use super::super::common::lab::Lab;

    #[test]
    fn the_text_says_which_way() {
        let lab = Lab::new(&[
            ("up.sql", "BEGIN;\n\n-- Running upgrade  -> a1\n\nCREATE TABLE t ();\n\nCOMMIT;"),
            ("back.sql", "BEGIN;\n-- Running downgrade a1 -> \nDROP TABLE t;\nCOMMIT;"),
        ]);
        assert_eq!(
            lab.halves(),
            ["up Nothing: BEGIN; CREATE TABLE t (); COMMIT", "back down Nothing: BEGIN; DROP TABLE t; COMMIT"]
        );
    }
}
