//! Which files are one history of migrations.
//!
//! A runner reads one folder, some with the folders below it. Where an argument is a whole repository, each of its
//! folders of migrations is a history of its own: two services may both have a table `users`.

use std::collections::BTreeSet;

/// A name that folders of migrations have.
fn is_migrations(name: &str) -> bool {
    ["migrations", "migration", "migrate", "changelog", "changelogs", "db_migrations"].contains(&name)
}

/// The folder that a path is in; empty where it is in none.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The last part of a path.
pub(super) fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The folders that a sidecar makes the root of a history.
pub(super) fn marked_by(sidecar: &str) -> Option<&str> {
    match name(sidecar) {
        "sqitch.plan" | "migration_lock.toml" | "atlas.sum" => Some(parent(sidecar)),
        "_journal.json" => Some(parent(parent(sidecar))),
        _ => None,
    }
}

/// The root of a file of an argument.
pub(super) fn root_of<'a>(path: &'a str, argument: &str, marked: &BTreeSet<&str>, text: &str) -> &'a str {
    let folder = parent(path);
    let ancestors = std::iter::successors(Some(folder), |folder| (!folder.is_empty()).then(|| parent(folder)));
    if let Some(found) = ancestors.clone().find(|folder| marked.contains(folder)) {
        return found;
    }
    let (own, file) = (name(folder), name(path));
    if matches!(file, "up.sql" | "down.sql" | "migration.sql") {
        return parent(folder);
    }
    let is_sqitch = |word: &str| text.trim_start().starts_with(word);
    if matches!(own, "deploy" | "revert" | "verify")
        && ["-- Deploy", "-- Revert", "-- Verify"].into_iter().any(is_sqitch)
    {
        return parent(folder);
    }
    if matches!(own, "up" | "down" | "undo" | "rollback" | "rollbacks" | "revert") {
        return parent(folder);
    }
    // the runners of numbered files read one folder; one of a year or a release is a part of it
    if file.starts_with(|c: char| c.is_ascii_digit()) {
        let is_part = |folder: &&str| {
            let name = name(folder);
            name.strip_prefix('v').unwrap_or(name).starts_with(|c: char| c.is_ascii_digit())
                && folder.len() > argument.len()
        };
        return ancestors.clone().find(|folder| !is_part(folder)).unwrap_or(folder);
    }
    // others read what is below, too: the outermost folder of the argument that is one of migrations, or the argument
    let within = |folder: &&str| folder.len() >= argument.len() && folder.starts_with(argument);
    let outermost = ancestors.take_while(within).filter(|folder| is_migrations(name(folder))).last();
    outermost.unwrap_or_else(|| {
        let is_folder = folder.strip_prefix(argument).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if is_folder || argument.is_empty() { path.get(..argument.len()).unwrap_or(folder) } else { folder }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(path: &str, argument: &str) -> String {
        let marked = BTreeSet::from(["app/db", "web/drizzle"]);
        root_of(path, argument, &marked, "").to_owned()
    }

    #[test]
    fn each_layout_has_its_root() {
        assert_eq!(root("migrations/001_a.sql", "migrations"), "migrations");
        assert_eq!(root("a/migrations/001_a.sql", "."), "a/migrations");
        assert_eq!(root("migrations/2024_x/up.sql", "migrations"), "migrations");
        assert_eq!(root("migrations/2024/001_a.sql", "migrations"), "migrations");
        assert_eq!(root("migrations/users/001_a.sql", "migrations"), "migrations/users");
        assert_eq!(root("2024/v1.2/001_a.sql", "2024"), "2024");
        assert_eq!(root("prisma/migrations/2024_x/migration.sql", "prisma"), "prisma/migrations");
        assert_eq!(root("app/db/deploy/x.sql", "app"), "app/db");
        assert_eq!(root("web/drizzle/0000_x.sql", "web"), "web/drizzle");
        assert_eq!(root("db/migration/common/V1__a.sql", "db"), "db/migration");
        assert_eq!(root("db/more/V1__a.sql", "db"), "db");
        assert_eq!(root("sql/functions/f.sql", "sql"), "sql");
        assert_eq!(root("sql/up/1.sql", "sql"), "sql");
        assert_eq!(root("x.sql", ""), "");
        assert_eq!(root("a/b/x.sql", "a/b/x.sql"), "a/b");
        assert_eq!(root("-", ""), "");
    }
}
