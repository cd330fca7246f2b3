//! Drizzle: <https://orm.drizzle.team/docs/kit-overview>, and `drizzle-orm/src/migrator.ts`.
//!
//! `meta/_journal.json` says which files run and in which order; without one, as of version 1, a folder is a migration
//! and its name orders it. `--> statement-breakpoint` ends a statement. All migrations that are pending run in one
//! transaction (<https://github.com/drizzle-team/drizzle-orm/issues/860>). There are no downs.

use super::common::{Entry, Planned, View, numbered, ordered};
use super::diesel::folder_of;
use super::{Direction, Half, Wrap};
use crate::migrations::source::Note;
use std::ops::Range;

/// What ends a statement.
pub(super) const MARK: &str = "--> statement-breakpoint";

const BECAUSE: &str = "drizzle: one transaction over all migrations that are pending";

pub(super) fn plan(view: &View<'_>) -> Planned {
    let Some(journal) = view.root.sidecar("meta/_journal.json") else {
        let keyed = view.files.iter().map(|entry| {
            let folder = folder_of(entry, view);
            let is_folder = entry.name() == "migration.sql";
            let name = if is_folder { folder } else { entry.stem().to_owned() };
            let number = numbered(&name).map(|(number, _)| number);
            let half = half(entry, name.clone());
            ((number.is_none(), number, name), half)
        });
        return ordered(keyed.collect(), "has", view);
    };
    let Some(tags) = tags(journal) else {
        let note =
            Note { path: view.root.path.clone(), message: "meta/_journal.json is no journal: nothing runs".into() };
        return Planned { halves: Vec::new(), notes: vec![note] };
    };
    let mut planned = Planned::default();
    for tag in tags {
        match view.files.iter().find(|entry| entry.stem() == tag && entry.folder().is_empty()) {
            Some(entry) => planned.halves.push(half(entry, tag)),
            None => planned.notes.push(Note {
                path: view.root.path.clone(),
                message: format!("meta/_journal.json names {tag}, and there is no such file here"),
            }),
        }
    }
    planned
}

fn half(entry: &Entry<'_>, name: String) -> Half {
    let mut half = entry.half(Direction::Up, Wrap::SharedTransaction, BECAUSE, ranges(entry.text()));
    half.pair.clone_from(&name);
    half.name = name;
    half
}

fn ranges(text: &str) -> Vec<Range<usize>> {
    let marks = memchr::memmem::find_iter(text.as_bytes(), MARK);
    let mut from = 0;
    let mut ranges = Vec::new();
    for mark in marks.chain([text.len()]) {
        ranges.push(from..mark);
        from = (mark + MARK.len()).min(text.len());
    }
    ranges
}

/// The names of the migrations, in the order of the journal's numbers.
fn tags(journal: &str) -> Option<Vec<String>> {
    let journal: serde_json::Value = serde_json::from_str(journal).ok()?;
    let entries = journal.get("entries")?.as_array()?;
    let tag = |entry: &serde_json::Value| {
        Some((entry.get("idx").and_then(serde_json::Value::as_u64), entry.get("tag")?.as_str()?.to_owned()))
    };
    let mut tags: Vec<(Option<u64>, String)> = entries.iter().filter_map(tag).collect();
    tags.sort_by_key(|(number, _)| *number);
    Some(tags.into_iter().map(|(_, tag)| tag).collect())
}

#[cfg(test)]
mod tests {
    use super::super::common::lab::Lab;

    #[test]
    fn the_journal_orders() {
        let journal = r#"{"entries":[{"idx":1,"tag":"0000_b"},{"idx":0,"tag":"0001_a"},{"idx":2,"tag":"gone"}]}"#;
        let lab = Lab::new(&[
            ("meta/_journal.json", journal),
            (
                "0000_b.sql",
                "create table b (a int);--> statement-breakpoint\nselect 1\n--> statement-breakpoint\nselect 2",
            ),
            ("0001_a.sql", "a"),
            ("0002_c.sql", "c"),
        ]);
        assert_eq!(
            lab.halves(),
            ["0001_a SharedTransaction: a", "0000_b SharedTransaction: create table b (a int); select 1; select 2"]
        );
        assert_eq!(
            lab.notes(),
            [
                "m: meta/_journal.json names gone, and there is no such file here",
                "m/0002_c.sql: not reviewed: drizzle does not run it"
            ]
        );
        assert_eq!(Lab::new(&[("meta/_journal.json", "x"), ("0_a.sql", "a")]).notes().len(), 2);
    }

    #[test]
    fn folders_are_migrations_without_one() {
        let lab = Lab::new(&[("2_b/migration.sql", "b"), ("1_a/migration.sql", "a--> statement-breakpoint")]);
        assert_eq!(lab.halves(), ["1_a SharedTransaction: a", "2_b SharedTransaction: b"]);
    }
}
