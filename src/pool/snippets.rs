//! A ready configuration for the pool that is used, one file each, and the limits the server sets behind it.
//!
//! Every one meets the checklist's thresholds strictly: at most 10 seconds to get a connection (4.3), 25 minutes of life
//! (4.4), 5 minutes idle (4.5), and something that tells of a connection that is not given back (4.6). Where a pool has no
//! such thing, its text says so and what to add.

mod activerecord;
mod asyncpg;
mod bb8;
mod database_sql;
mod deadpool;
mod django;
mod hikari;
mod node_postgres;
mod pgbouncer;
mod pgx;
mod prisma;
mod psycopg;
mod rds_proxy;
pub mod server;
mod sqlalchemy;
mod sqlx;

use crate::rule::words;
use serde::{Deserialize, Serialize};

words! {
    /// What a text is written in.
    Format {
        /// Java properties.
        Properties = "properties",
        /// YAML.
        Yaml = "yaml",
        /// INI.
        Ini = "ini",
        /// JSON.
        Json = "json",
        /// TOML.
        Toml = "toml",
        /// A connection string.
        Url = "url",
        /// SQL.
        Sql = "sql",
        /// Rust.
        Rust = "rust",
        /// Python.
        Python = "python",
        /// JavaScript.
        JavaScript = "javascript",
        /// TypeScript.
        TypeScript = "typescript",
        /// Go.
        Go = "go",
    }
}

/// How a pool meets one of the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// By this setting of its own.
    Key(&'static str),
    /// By code in the text, of which this is a part.
    Code(&'static str),
    /// Not by itself; the text says so in these words, and what to add.
    Lacks(&'static str),
}

/// How a pool meets 4.3 to 4.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answers {
    /// 4.3, the acquire timeout.
    pub acquire: Answer,
    /// 4.4, the lifetime.
    pub lifetime: Answer,
    /// 4.5, the idle timeout.
    pub idle: Answer,
    /// 4.6, leak detection.
    pub leaks: Answer,
}

/// A file of a configuration, with places for the sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Template {
    path: &'static str,
    format: Format,
    text: &'static str,
}

/// A pool that a configuration can be written for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its id, as `--for` takes it.
    pub id: &'static str,
    /// Its name and the versions the keys are of.
    pub title: &'static str,
    /// How it meets the items.
    pub answers: Answers,
    files: &'static [Template],
}

/// Every pool, in the order of the documentation.
pub static ALL: &[&Pool] = &[
    &hikari::POOL,
    &sqlx::POOL,
    &bb8::POOL,
    &deadpool::POOL,
    &sqlalchemy::POOL,
    &psycopg::POOL,
    &django::POOL,
    &asyncpg::POOL,
    &activerecord::POOL,
    &node_postgres::POOL,
    &prisma::POOL,
    &pgx::POOL,
    &database_sql::POOL,
    &pgbouncer::POOL,
    &rds_proxy::POOL,
];

/// The pools of a word of `--for`: one, or all of them.
pub fn named(word: &str) -> Option<Vec<&'static Pool>> {
    match word {
        "all" => Some(ALL.to_vec()),
        _ => ALL.iter().find(|pool| pool.id == word).map(|pool| vec![*pool]),
    }
}

/// What goes into a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// Connections of each instance's pool.
    pub per_instance: u32,
    /// Connections of one pool in place of them all: of a pooler before the server.
    pub shared: u32,
    /// The database, where one is meant.
    pub database: Option<String>,
    /// `max_connections` of the server, where it is known.
    pub max_connections: Option<u32>,
}

/// A configuration, ready to be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snippet {
    /// The pool's id.
    pub pool: String,
    /// Its name and the versions the keys are of.
    pub title: String,
    /// The files.
    pub files: Vec<File>,
}

/// One file of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Where it usually is.
    pub path: String,
    /// What it is written in.
    pub format: Format,
    /// Its text.
    pub text: String,
}

/// Writes the configuration of a pool.
pub fn write(pool: &Pool, sizes: &Sizes) -> Snippet {
    let file = |template: &Template| File {
        path: template.path.to_owned(),
        format: template.format.clone(),
        text: fill(template.text, sizes),
    };
    Snippet { pool: pool.id.to_owned(), title: pool.title.to_owned(), files: pool.files.iter().map(file).collect() }
}

/// Puts the sizes into their places: `@size@` and the like, which no configuration has of its own.
fn fill(text: &str, sizes: &Sizes) -> String {
    let size = sizes.per_instance.max(1);
    let shared = sizes.shared.max(1);
    let reserve = shared.div_ceil(4);
    let all = shared.saturating_add(reserve);
    // a name that needs quotes is written by hand: every format quotes otherwise
    let is_plain = |name: &&str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let database = sizes.database.as_deref().filter(is_plain);
    let percent = sizes
        .max_connections
        .filter(|most| *most > 0)
        .map(|most| (u64::from(shared) * 100).div_ceil(u64::from(most)).clamp(1, 100));
    let places = [
        ("@size@", size.to_string()),
        ("@minimum@", (size / 2).to_string()),
        ("@waiting@", size.saturating_mul(4).to_string()),
        ("@shared@", shared.to_string()),
        ("@reserve@", reserve.to_string()),
        ("@shared_with_reserve@", all.to_string()),
        ("@database@", database.unwrap_or("*").to_owned()),
        ("@dbname@", database.map(|name| format!(" dbname={name}")).unwrap_or_default()),
        ("@percent@", percent.unwrap_or(50).to_string()),
        (
            "@percent_because@",
            match sizes.max_connections {
                Some(most) => format!("{shared} connections of the {most} of max_connections"),
                None => format!("a guess: {shared} × 100 ÷ max_connections of the instance, which is not known here"),
            },
        ),
        ("@percent_idle@", (percent.unwrap_or(50) / 2).to_string()),
    ];
    places.iter().fold(text.to_owned(), |text, (place, value)| text.replace(place, value))
}

#[cfg(test)]
mod tests;
