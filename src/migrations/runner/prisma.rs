//! Prisma Migrate: <https://www.prisma.io/docs/orm/prisma-migrate/understanding-prisma-migrate/migration-histories>.
//!
//! A folder is a migration, `migration.sql` its text; they run in the order of the folders' names. It is sent as one
//! query (<https://github.com/prisma/prisma/issues/14456>). From version 7.4 on a migration that builds or drops an
//! index concurrently is cut into its statements (<https://github.com/prisma/prisma-engines/pull/5767>); which version
//! runs it is read from `package.json`. Prisma runs no downs: a `down.sql` beside it is applied by hand.

use super::common::{Planned, View, ordered};
use super::diesel::folder_of;
use super::{Direction, Runner, Wrap};
use crate::migrations::split::{split, words};

pub(super) fn plan(view: &View<'_>) -> Planned {
    let version = view.version(Runner::Prisma);
    let keyed = view.files.iter().filter_map(|entry| {
        let (direction, wrap, because) = match entry.name() {
            "migration.sql" if !has_concurrently(entry.text()) => {
                (Direction::Up, Wrap::OneQuery, "prisma: the file is one query")
            }
            "migration.sql" => match version {
                Some(version) if version >= (7, 4) => (
                    Direction::Up,
                    Wrap::Nothing,
                    "prisma 7.4 and later: each statement for itself, as one of them is concurrent",
                ),
                Some(_) => (Direction::Up, Wrap::OneQuery, "prisma before 7.4: the file is one query"),
                None => (Direction::Up, Wrap::OneQuery, "prisma: the file is one query, assumed to be older than 7.4"),
            },
            "down.sql" => (Direction::Down, Wrap::Nothing, "prisma: applied by hand, each statement for itself"),
            _ => return None,
        };
        let folder = folder_of(entry, view);
        let mut half = entry.whole(direction, wrap, because);
        half.name.clone_from(&folder);
        half.pair.clone_from(&folder);
        Some((folder, half))
    });
    ordered(keyed.collect(), "has", view)
}

/// Whether an index is built or dropped concurrently.
pub(super) fn has_concurrently(text: &str) -> bool {
    // most texts do not have the word: then there is no need to split them
    let has_word = text.as_bytes().windows(12).any(|window| window.eq_ignore_ascii_case(b"concurrently"));
    has_word
        && split(text, 0..text.len()).iter().any(|piece| {
            let words = words(text, piece.span.clone(), 4);
            matches!(words.first().map(String::as_str), Some("create" | "drop"))
                && words.iter().any(|word| word == "concurrently")
        })
}

#[cfg(test)]
mod tests {
    use super::super::common::lab::Lab;
    use super::*;

    #[test]
    fn the_version_decides_where_an_index_is_built_concurrently() {
        let files = [
            ("2_b/migration.sql", "select 1; create index concurrently i on t (a);"),
            ("1_a/migration.sql", "a; b"),
            ("1_a/down.sql", "c"),
        ];
        let wraps =
            |lab: &Lab| lab.plan().halves.iter().map(|half| format!("{:?}", half.wrap)).collect::<Vec<_>>().join(" ");
        let lab = Lab::new(&files);
        assert_eq!(lab.halves()[0], "1_a OneQuery: a; b");
        assert_eq!((wraps(&lab).as_str(), lab.pairs()), ("OneQuery OneQuery Nothing", vec!["1_a".to_owned()]));
        assert_eq!(wraps(&Lab::new(&files).hint(Runner::Prisma, Some("7.4.1"))), "OneQuery Nothing Nothing");
        assert_eq!(wraps(&Lab::new(&files).hint(Runner::Prisma, Some("6.19"))), "OneQuery OneQuery Nothing");
        assert!(
            !has_concurrently("refresh materialized view concurrently v")
                && !has_concurrently("-- create index concurrently")
        );
    }
}
