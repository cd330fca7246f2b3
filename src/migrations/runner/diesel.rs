//! diesel: <https://docs.rs/diesel_migrations/latest/diesel_migrations/struct.FileBasedMigrations.html>.
//!
//! A folder is a migration: `up.sql`, `down.sql`, and `metadata.toml`, which may say `run_in_transaction = false`; the
//! file is then sent as one query. Versions, the names up to the first `_` without hyphens, order as texts.

use super::common::{Entry, Planned, View, ordered};
use super::{Direction, Wrap};

pub(super) fn plan(view: &View<'_>) -> Planned {
    let mut keyed = Vec::new();
    for entry in &view.files {
        let direction = match entry.name() {
            "up.sql" => Direction::Up,
            "down.sql" => Direction::Down,
            _ => continue,
        };
        let metadata = view.root.sidecar(&format!("{}/metadata.toml", entry.folder()));
        let has_transaction = metadata.and_then(run_in_transaction).unwrap_or(true);
        let (wrap, because) = match has_transaction {
            true => (Wrap::Transaction, "diesel: one transaction a migration"),
            false => (Wrap::OneQuery, "diesel: run_in_transaction = false, the file sent as one query"),
        };
        let folder = folder_of(entry, view);
        let mut half = entry.whole(direction, wrap, because);
        half.name.clone_from(&folder);
        half.pair.clone_from(&folder);
        keyed.push((version(&folder), half));
    }
    ordered(keyed, "diesel runs only one of them: it has", view)
}

/// The name of the migration's folder; the root's own where the migration is the root.
pub(super) fn folder_of(entry: &Entry<'_>, view: &View<'_>) -> String {
    let folder = if entry.folder().is_empty() { view.root.path.as_str() } else { entry.folder() };
    folder.rsplit_once('/').map_or(folder, |(_, name)| name).to_owned()
}

fn version(folder: &str) -> String {
    folder.split('_').next().unwrap_or_default().replace('-', "")
}

fn run_in_transaction(metadata: &str) -> Option<bool> {
    metadata.parse::<toml::Table>().ok()?.get("run_in_transaction")?.as_bool()
}

#[cfg(test)]
mod tests {
    use super::super::Runner;
    use super::super::common::lab::Lab;

    #[test]
    fn folders_are_migrations() {
        let lab = Lab::new(&[
            ("2024-01-02-000000_b/up.sql", "create index concurrently i on t (a)"),
            ("2024-01-02-000000_b/down.sql", "drop index i"),
            ("2024-01-02-000000_b/metadata.toml", "run_in_transaction = false"),
            ("00000000000000_setup/up.sql", "a"),
            ("2024-01-02-000000_b/notes.sql", "x"),
        ]);
        assert_eq!(
            lab.halves(),
            [
                "00000000000000_setup Transaction: a",
                "2024-01-02-000000_b OneQuery: create index concurrently i on t (a)",
                "2024-01-02-000000_b down OneQuery: drop index i"
            ]
        );
        assert_eq!(lab.pairs(), ["2024-01-02-000000_b"]);
        assert_eq!(lab.notes().len(), 1);
        assert_eq!(Lab::new(&[("up.sql", "a")]).forced(Runner::Diesel), ["m Transaction: a"]);
    }
}
