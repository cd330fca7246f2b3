//! Which runner a folder is written for: by what stands in its files, else by how they are named, else by what the
//! project around them depends on.

use super::common::{View, direction_of, numbered};
use super::{Runner, alembic, dbmate, django, drizzle, flyway, goose, liquibase, node_pg_migrate};
use crate::migrations::source::{Gathered, Root};

/// The runner of a root, and how that is known.
pub fn detect(gathered: &Gathered, root: &Root) -> (Runner, String) {
    of(&View::new(gathered, root))
}

pub(super) fn of(view: &View<'_>) -> (Runner, String) {
    by_sidecar(view)
        .or_else(|| by_content(view))
        .or_else(|| by_name(view))
        .or_else(|| by_project(view))
        .unwrap_or_else(|| (Runner::Plain, "nothing speaks of a runner".to_owned()))
}

fn by_sidecar(view: &View<'_>) -> Option<(Runner, String)> {
    let known = [
        ("sqitch.plan", Runner::Sqitch),
        ("meta/_journal.json", Runner::Drizzle),
        ("migration_lock.toml", Runner::Prisma),
    ];
    known
        .iter()
        .find(|(path, _)| view.root.sidecar(path).is_some())
        .map(|(path, runner)| (*runner, format!("there is {path}")))
}

/// The first line that only one runner writes: in the first files that have one.
fn by_content(view: &View<'_>) -> Option<(Runner, String)> {
    view.files.iter().find_map(|entry| {
        if liquibase::is_formatted(entry.text()) {
            return Some((Runner::Liquibase, format!("{} begins with --liquibase formatted sql", entry.path)));
        }
        if entry.text().starts_with("-- no-transaction") {
            return Some((Runner::Sqlx, format!("{} begins with -- no-transaction", entry.path)));
        }
        let line = entry.lines().find_map(|(_, line)| Some((of_line(line)?, line.trim())));
        let mark = || memchr::memmem::find(entry.text().as_bytes(), drizzle::MARK.as_bytes());
        let (runner, line) = line.or_else(|| mark().map(|_| (Runner::Drizzle, drizzle::MARK)))?;
        Some((runner, format!("{} has {line}", entry.path)))
    })
}

fn of_line(line: &str) -> Option<Runner> {
    let trimmed = line.trim_start();
    if !trimmed.starts_with("--") {
        return None;
    }
    if goose::annotation(line).is_some() {
        Some(Runner::Goose)
    } else if dbmate::block(line).is_some() {
        Some(Runner::Dbmate)
    } else if line.starts_with(drizzle::MARK) {
        Some(Runner::Drizzle)
    } else if alembic::running(line).is_some() {
        Some(Runner::Alembic)
    } else if django::is_operation(line) {
        Some(Runner::Django)
    } else if is_sqitch(line) {
        Some(Runner::Sqitch)
    } else if node_pg_migrate::marker(line).is_some() && is_exact(trimmed) {
        Some(Runner::NodePgMigrate)
    } else {
        None
    }
}

/// node-pg-migrate sees a marker in many comments; what it writes itself is these words and no more.
fn is_exact(line: &str) -> bool {
    let words: Vec<&str> = line.trim_start_matches('-').split_ascii_whitespace().collect();
    matches!(words.as_slice(), ["Up" | "Down", "Migration"])
}

/// `-- Deploy project:change to pg`.
fn is_sqitch(line: &str) -> bool {
    let words: Vec<&str> = line.split_ascii_whitespace().take(6).collect();
    matches!(
        words.as_slice(),
        ["--", "Deploy", _, "to", "pg"] | ["--", "Revert", _, "from", "pg"] | ["--", "Verify", _, "on", "pg"]
    )
}

fn by_name(view: &View<'_>) -> Option<(Runner, String)> {
    let hinted = |runner| view.root.hints.iter().find(|hint| hint.runner == runner);
    let named = |is: &dyn Fn(&str, &str) -> bool| view.files.iter().find(|entry| is(entry.name(), entry.stem()));
    if let Some(entry) = named(&|_, stem| flyway::parse(stem).is_some()) {
        if let Some(hint) = hinted(Runner::Refinery) {
            return Some((Runner::Refinery, format!("{} is so named, and {}", entry.path, hint.because)));
        }
        return Some((Runner::Flyway, format!("{} is so named", entry.path)));
    }
    if let Some(entry) = named(&|name, _| matches!(name, "up.sql")) {
        return Some((Runner::Diesel, format!("there is {}", entry.path)));
    }
    if let Some(entry) = named(&|name, _| name == "migration.sql") {
        if let (Some(hint), None) = (hinted(Runner::Drizzle), hinted(Runner::Prisma)) {
            return Some((Runner::Drizzle, format!("there is {}, and {}", entry.path, hint.because)));
        }
        return Some((Runner::Prisma, format!("there is {}", entry.path)));
    }
    let is_pair =
        |name: &str, stem: &str| numbered(name).is_some() && (stem.ends_with(".up") || stem.ends_with(".down"));
    if let Some(entry) = named(&is_pair) {
        if let Some(hint) = hinted(Runner::Sqlx) {
            return Some((Runner::Sqlx, format!("{} is so named, and {}", entry.path, hint.because)));
        }
        return Some((Runner::GolangMigrate, format!("{} is so named", entry.path)));
    }
    let is_supabase = view.root.path == "supabase/migrations" || view.root.path.ends_with("/supabase/migrations");
    if is_supabase {
        return Some((Runner::Supabase, "the folder is supabase/migrations".into()));
    }
    let is_dump = |name: &str, _: &str| name == "structure.sql";
    (view.files.len() == 1)
        .then(|| named(&is_dump))
        .flatten()
        .map(|entry| (Runner::Rails, format!("there is {}", entry.path)))
}

/// A runner that the project depends on, where the files could be its own.
fn by_project(view: &View<'_>) -> Option<(Runner, String)> {
    let all_numbered = !view.files.is_empty() && view.files.iter().all(|entry| numbered(entry.name()).is_some());
    let could_be = |runner: Runner| match runner {
        Runner::Sqlx | Runner::Supabase | Runner::NodePgMigrate => all_numbered,
        // without a marker of theirs
        Runner::Drizzle => all_numbered && view.files.iter().all(|entry| direction_of(entry.stem()).is_none()),
        _ => false,
    };
    view.root.hints.iter().find(|hint| could_be(hint.runner)).map(|hint| (hint.runner, hint.because.clone()))
}

#[cfg(test)]
mod tests {
    use super::super::common::lab::Lab;
    use super::*;

    fn of(files: &[(&str, &str)]) -> &'static str {
        Lab::new(files).runner()
    }

    #[test]
    fn content_speaks_before_names() {
        assert_eq!(of(&[("1_a.up.sql", "-- +goose Up\n")]), "goose");
        assert_eq!(of(&[("a.sql", "--liquibase formatted sql\n--changeset a:1\n")]), "liquibase");
        assert_eq!(of(&[("a.sql", "\n-- liquibase formatted SQL\n")]), "liquibase");
        assert_eq!(of(&[("1_a.sql", "-- no-transaction\nselect 1;")]), "sqlx");
        assert_eq!(of(&[("1_a.sql", "select 1;\n-- Up Migration\n")]), "node-pg-migrate");
        assert_eq!(of(&[("1_a.sql", "-- the up migration adds a table\n-- Down Migration for users\n")]), "plain");
        assert_eq!(of(&[("a.sql", "BEGIN;\n\n-- Running upgrade  -> 1975ea83b712\n")]), "alembic");
        assert_eq!(of(&[("a.sql", "BEGIN;\n--\n-- Create model Author\n--\nCREATE TABLE x;\nCOMMIT;")]), "django");
        assert_eq!(of(&[("a.sql", "--\n-- Add field score to author\n--\n")]), "django");
        assert_eq!(of(&[("a.sql", "-- Add field score\n-- Create index on users\n")]), "plain");
        assert_eq!(of(&[("a.sql", "-- Deploy flipr:users to pg\n\nBEGIN;")]), "sqitch");
        assert_eq!(of(&[("0000_a.sql", "create table t ();\n--> statement-breakpoint\n")]), "drizzle");
        assert_eq!(of(&[("0000_a.sql", "create table t ();--> statement-breakpoint\n")]), "drizzle");
    }

    #[test]
    fn names_and_sidecars_speak() {
        assert_eq!(of(&[("V1__a.sql", "")]), "flyway");
        assert_eq!(Lab::new(&[("V1__a.sql", "")]).hint(Runner::Refinery, None).runner(), "refinery");
        assert_eq!(of(&[("2024-01-01_a/up.sql", ""), ("2024-01-01_a/down.sql", "")]), "diesel");
        assert_eq!(of(&[("20240101_a/migration.sql", "")]), "prisma");
        assert_eq!(Lab::new(&[("20240101_a/migration.sql", "")]).hint(Runner::Drizzle, None).runner(), "drizzle");
        assert_eq!(of(&[("1_a.up.sql", ""), ("1_a.down.sql", "")]), "golang-migrate");
        assert_eq!(Lab::new(&[("1_a.up.sql", "")]).hint(Runner::Sqlx, None).runner(), "sqlx");
        assert_eq!(Lab::new(&[("20240101_a.sql", "")]).hint(Runner::Sqlx, None).runner(), "sqlx");
        assert_eq!(Lab::new(&[("functions.sql", "")]).hint(Runner::Sqlx, None).runner(), "plain");
        assert_eq!(of(&[("1_a.sql", ""), ("meta/_journal.json", "{}")]), "drizzle");
        assert_eq!(of(&[("deploy/a.sql", ""), ("sqitch.plan", "")]), "sqitch");
        assert_eq!(of(&[("structure.sql", "")]), "rails");
        assert_eq!(of(&[("1_a.sql", ""), ("2_b.sql", "")]), "plain");
        assert_eq!(of(&[]), "plain");
        let plan = Lab::new(&[("V1__a.sql", "")]).plan();
        assert_eq!(plan.because, "V1__a.sql is so named");
        assert_eq!(Runner::parse("golang-migrate"), Some(Runner::GolangMigrate));
        assert_eq!((Runner::parse("x"), Runner::ALL.len()), (None, 17));
    }
}
