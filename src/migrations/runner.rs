//! Migration runners: in which order they run which files, what they put around them, and which way each goes.
//!
//! Every module below names the page or the source that its rules were read from. What a folder does not say is
//! assumed, and `wrap_because` says so.

mod alembic;
mod common;
mod dbmate;
mod detect;
mod diesel;
mod django;
mod drizzle;
mod flyway;
mod golang_migrate;
mod goose;
mod liquibase;
mod node_pg_migrate;
mod plain;
mod prisma;
mod rails;
mod refinery;
mod sqitch;
mod sqlx;
mod supabase;

pub use detect::detect;

use super::script::{Direction, Problem, SourceFile, Wrap};
use super::source::{Gathered, Note, Root};
use super::split::{Split, split_with_comments};
use common::View;
use std::ops::Range;
use std::sync::Arc;

/// What runs migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Runner {
    /// psql, or anything that sends one statement after the other.
    Plain,
    /// Flyway.
    Flyway,
    /// sqlx, the crate and its command line.
    Sqlx,
    /// refinery.
    Refinery,
    /// diesel.
    Diesel,
    /// goose.
    Goose,
    /// dbmate.
    Dbmate,
    /// golang-migrate.
    GolangMigrate,
    /// Prisma Migrate.
    Prisma,
    /// Drizzle.
    Drizzle,
    /// Rails, as far as it is SQL: `db/structure.sql`.
    Rails,
    /// What `alembic upgrade --sql` prints.
    Alembic,
    /// What `manage.py sqlmigrate` prints.
    Django,
    /// Liquibase's formatted SQL.
    Liquibase,
    /// Sqitch.
    Sqitch,
    /// node-pg-migrate, as far as it is SQL.
    NodePgMigrate,
    /// The command line of Supabase.
    Supabase,
}

impl Runner {
    /// All of them, with the words for them.
    pub const ALL: [(Self, &'static str); 17] = [
        (Self::Plain, "plain"),
        (Self::Flyway, "flyway"),
        (Self::Sqlx, "sqlx"),
        (Self::Refinery, "refinery"),
        (Self::Diesel, "diesel"),
        (Self::Goose, "goose"),
        (Self::Dbmate, "dbmate"),
        (Self::GolangMigrate, "golang-migrate"),
        (Self::Prisma, "prisma"),
        (Self::Drizzle, "drizzle"),
        (Self::Rails, "rails"),
        (Self::Alembic, "alembic"),
        (Self::Django, "django"),
        (Self::Liquibase, "liquibase"),
        (Self::Sqitch, "sqitch"),
        (Self::NodePgMigrate, "node-pg-migrate"),
        (Self::Supabase, "supabase"),
    ];

    /// The word for it in options, configuration and reports.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(runner, _)| *runner == self).map_or("", |(_, word)| word)
    }

    /// The runner of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(runner, _)| *runner)
    }
}

impl std::fmt::Display for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// One migration in one direction: where its statements stand and how they are sent.
#[derive(Debug, Clone)]
pub struct Half {
    /// The file it stands in: an index into the files of the review.
    pub file: usize,
    /// What the runner calls it.
    pub name: String,
    /// What joins its two halves: equal for the up and the down of one migration of a root.
    pub pair: String,
    /// Which way it goes.
    pub direction: Direction,
    /// What the runner puts around it.
    pub wrap: Wrap,
    /// Why that is so, in words.
    pub wrap_because: String,
    /// Its bytes in the file. A statement ends where a range does.
    pub ranges: Vec<Range<usize>>,
    /// The text of the file, byte for byte as long, where the half cannot be read in it as it stands: SQL that a runner
    /// takes from comments.
    pub text: Option<Arc<str>>,
    /// What the runner will stumble over.
    pub problems: Vec<Problem>,
}

impl Half {
    /// The text that its positions are of.
    pub fn text<'a>(&'a self, file: &'a SourceFile) -> &'a str {
        self.text.as_deref().unwrap_or(&file.text)
    }
}

/// What a runner does with the files of a root.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The folder, as paths of its files begin.
    pub root: String,
    /// The runner.
    pub runner: Runner,
    /// How it is known that it is this one.
    pub because: String,
    /// Its migrations: the ups in the order they run, then the downs in the order they would run back.
    pub halves: Vec<Half>,
    /// Files that do not run, versions that are there twice, and the like.
    pub notes: Vec<Note>,
}

/// The pieces and the comments of a migration, in order; positions are of [`Half::text`].
pub fn pieces(half: &Half, file: &SourceFile) -> Split {
    let mut all = Split::default();
    for range in &half.ranges {
        let mut split = split_with_comments(half.text(file), range.clone());
        all.pieces.append(&mut split.pieces);
        all.comments.append(&mut split.comments);
    }
    all
}

/// What is run of everything that was gathered, by root.
pub fn plans(gathered: &Gathered, forced: Option<Runner>) -> Vec<Plan> {
    gathered.roots.iter().map(|root| plan(gathered, root, forced)).collect()
}

/// What is run of one root: by the runner that is forced, else by the one that its files and its project speak of.
pub fn plan(gathered: &Gathered, root: &Root, forced: Option<Runner>) -> Plan {
    let view = View::new(gathered, root);
    let (runner, because) = match forced {
        Some(runner) => (runner, "as configured".to_owned()),
        None => detect::of(&view),
    };
    let mut planned = match runner {
        Runner::Plain => plain::plan(&view),
        Runner::Flyway => flyway::plan(&view),
        Runner::Sqlx => sqlx::plan(&view),
        Runner::Refinery => refinery::plan(&view),
        Runner::Diesel => diesel::plan(&view),
        Runner::Goose => goose::plan(&view),
        Runner::Dbmate => dbmate::plan(&view),
        Runner::GolangMigrate => golang_migrate::plan(&view),
        Runner::Prisma => prisma::plan(&view),
        Runner::Drizzle => drizzle::plan(&view),
        Runner::Rails => rails::plan(&view),
        Runner::Alembic => alembic::plan(&view),
        Runner::Django => django::plan(&view),
        Runner::Liquibase => liquibase::plan(&view),
        Runner::Sqitch => sqitch::plan(&view),
        Runner::NodePgMigrate => node_pg_migrate::plan(&view),
        Runner::Supabase => supabase::plan(&view),
    };
    // as they would run back: the newest first
    let (mut halves, downs): (Vec<Half>, Vec<Half>) =
        planned.halves.into_iter().partition(|half| half.direction == Direction::Up);
    halves.extend(downs.into_iter().rev());
    planned.notes.extend(common::left_out(&view, runner, &halves));
    Plan { root: root.path.clone(), runner, because, halves, notes: planned.notes }
}
