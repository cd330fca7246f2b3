//! Migrations that are not SQL: whose they are, and what prints theirs.
//!
//! Commands are those of the tools' own documentation; where a tool prints no SQL, the server's log does.

use super::{Foreign, roots};

/// A file of a folder that is not SQL, with the beginning of its text.
pub(super) struct Other {
    /// Its name.
    pub(super) name: String,
    /// The beginning of its text.
    pub(super) head: String,
}

/// Whether a file may be a migration in another language, by its name: others are not opened.
pub(super) fn may_be(name: &str) -> bool {
    let Some((stem, extension)) = name.rsplit_once('.') else {
        return false;
    };
    let digits = stem.bytes().take_while(u8::is_ascii_digit).count();
    match extension {
        "py" => stem != "__init__",
        "rb" | "exs" | "go" | "rs" => digits > 0,
        "js" | "ts" | "mjs" | "cjs" => digits > 0 || stem.starts_with("Migration"),
        "php" => digits > 0 || stem.starts_with("Version"),
        "cs" => digits > 0 && !stem.ends_with(".Designer"),
        "java" | "kt" => stem.contains("__"),
        "xml" | "yaml" | "yml" | "json" => stem.contains("changelog") || digits > 0,
        _ => false,
    }
}

/// What the files of a folder are, where they are migrations.
pub(super) fn of_folder(folder: &str, others: &[Other]) -> Option<Foreign> {
    let found: Vec<(&Other, &'static Tool)> = others.iter().filter_map(|other| Some((other, tool(other)?))).collect();
    let (first, tool) = *found.last()?;
    let count = found.len();
    let stem = first.name.rsplit_once('.').map_or(first.name.as_str(), |(stem, _)| stem);
    let app = match roots::name(roots::parent(folder)) {
        "" => "APP",
        app => app,
    };
    let command = tool.command.replace("{app}", app).replace("{stem}", stem);
    Some(Foreign { path: folder.to_owned(), tool: tool.name, count, command })
}

/// A tool whose migrations are not SQL.
struct Tool {
    name: &'static str,
    extensions: &'static [&'static str],
    /// One of which its migrations have near their beginning.
    marks: &'static [&'static str],
    command: &'static str,
}

fn tool(other: &Other) -> Option<&'static Tool> {
    let extension = other.name.rsplit_once('.').map_or("", |(_, extension)| extension);
    TOOLS
        .iter()
        .find(|tool| tool.extensions.contains(&extension) && tool.marks.iter().any(|mark| other.head.contains(mark)))
}

/// For tools that print nothing: what PostgreSQL received.
const FROM_THE_LOG: &str =
    "run it against a scratch database with log_statement = ddl, and take the statements from the log";

static TOOLS: [Tool; 16] = [
    Tool {
        name: "Django",
        extensions: &["py"],
        marks: &["django.db", "migrations.Migration"],
        command: "python manage.py sqlmigrate {app} {stem}",
    },
    Tool {
        name: "Alembic",
        extensions: &["py"],
        marks: &["down_revision", "from alembic"],
        command: "alembic upgrade head --sql",
    },
    Tool {
        name: "Rails",
        extensions: &["rb"],
        marks: &["ActiveRecord::Migration"],
        command: "bin/rails db:migrate with config.active_record.schema_format = :sql, then review the difference of \
                  db/structure.sql; the statements as sent: run it against a scratch database with log_statement = ddl",
    },
    Tool { name: "Sequel", extensions: &["rb"], marks: &["Sequel.migration"], command: FROM_THE_LOG },
    Tool {
        name: "node-pg-migrate",
        extensions: &["js", "ts", "mjs", "cjs"],
        marks: &["pgm", "node-pg-migrate"],
        command: "node-pg-migrate up --dry-run",
    },
    Tool {
        name: "TypeORM",
        extensions: &["js", "ts", "mjs", "cjs"],
        marks: &["MigrationInterface", "QueryRunner", "queryRunner"],
        command: FROM_THE_LOG,
    },
    Tool {
        name: "Sequelize",
        extensions: &["js", "ts", "mjs", "cjs"],
        marks: &["queryInterface", "QueryInterface"],
        command: FROM_THE_LOG,
    },
    Tool {
        name: "MikroORM",
        extensions: &["js", "ts", "mjs", "cjs"],
        marks: &["@mikro-orm", "this.addSql"],
        command: "mikro-orm migration:create --dump",
    },
    Tool {
        name: "Knex",
        extensions: &["js", "ts", "mjs", "cjs"],
        marks: &["knex", "Knex", "exports.up"],
        command: FROM_THE_LOG,
    },
    Tool {
        name: "Laravel",
        extensions: &["php"],
        marks: &["Illuminate\\Database"],
        command: "php artisan migrate --pretend",
    },
    Tool {
        name: "Doctrine",
        extensions: &["php"],
        marks: &["Doctrine\\Migrations", "AbstractMigration"],
        command: "php bin/console doctrine:migrations:migrate --write-sql",
    },
    Tool {
        name: "Entity Framework",
        extensions: &["cs"],
        marks: &["MigrationBuilder", "EntityFrameworkCore"],
        command: "dotnet ef migrations script --idempotent",
    },
    Tool {
        name: "Ecto",
        extensions: &["exs"],
        marks: &["Ecto.Migration"],
        command: "mix ecto.migrate --log-migrations-sql, against a scratch database",
    },
    Tool { name: "goose (Go)", extensions: &["go"], marks: &["goose.Add", "pressly/goose"], command: FROM_THE_LOG },
    Tool {
        name: "Flyway (Java)",
        extensions: &["java", "kt"],
        marks: &["BaseJavaMigration", "JavaMigration", "flywaydb"],
        command: FROM_THE_LOG,
    },
    Tool {
        name: "Liquibase",
        extensions: &["xml", "yaml", "yml", "json"],
        marks: &["databaseChangeLog"],
        command: "liquibase update-sql",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(folder: &str, files: &[(&str, &str)]) -> Option<(&'static str, String)> {
        let others: Vec<Other> =
            files.iter().map(|(name, head)| Other { name: (*name).into(), head: (*head).into() }).collect();
        of_folder(folder, &others).map(|found| (found.tool, found.command))
    }

    #[test]
    fn each_tool_is_told_with_its_command() {
        let django =
            [("0001_initial.py", "from django.db import migrations"), ("0002_x.py", "from django.db import models")];
        assert_eq!(of("shop/migrations", &django), Some(("Django", "python manage.py sqlmigrate shop 0002_x".into())));
        let alembic = [("ab12_x.py", "\"\"\"x\n\"\"\"\nrevision = 'ab12'\ndown_revision = None")];
        assert_eq!(of("alembic/versions", &alembic).unwrap().1, "alembic upgrade head --sql");
        assert_eq!(of("db/migrate", &[("2024_x.rb", "class X < ActiveRecord::Migration[7.1]")]).unwrap().0, "Rails");
        assert_eq!(of("m", &[("1_x.ts", "export class X implements MigrationInterface {")]).unwrap().0, "TypeORM");
        assert_eq!(of("m", &[("1_x.js", "exports.up = (pgm) => {")]).unwrap().0, "node-pg-migrate");
        assert_eq!(of("m", &[("1_x.js", "exports.up = function(knex) {")]).unwrap().0, "Knex");
        assert_eq!(of("m", &[("changelog.xml", "<databaseChangeLog")]).unwrap().0, "Liquibase");
        assert_eq!(of("m", &[("x.py", "print(1)")]), None);
    }

    #[test]
    fn only_files_that_may_be_one_are_opened() {
        assert!(
            may_be("0001_initial.py") && may_be("20240101_x.rb") && may_be("V2__x.java") && may_be("db.changelog.yaml")
        );
        assert!(
            !may_be("__init__.py") && !may_be("user.rb") && !may_be("index.ts") && !may_be("README") && !may_be("a.md")
        );
    }
}
