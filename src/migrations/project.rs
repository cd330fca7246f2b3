//! What a review is given: the files, the scripts they hold in the order their runner sends them, the schema they begin
//! with, and what was asked for.

use super::catalog::Catalog;
use super::script::{Direction, Script, SourceFile, Statement};
use crate::finding::{Subject, escape};
use crate::rule::Params;

/// What was asked for and configured.
#[derive(Debug, Clone)]
pub struct Options {
    /// The major version the migrations will run on.
    pub major: u16,
    /// Where the major comes from, in words.
    pub major_because: String,
    /// Thresholds of rules.
    pub params: Params,
    /// Whether the configuration says that the runner sets `lock_timeout`.
    pub runner_sets_lock_timeout: bool,
    /// Whether the configuration says that the runner sets `statement_timeout`.
    pub runner_sets_statement_timeout: bool,
    /// The `TimeZone` of the runner's session, where the configuration says one.
    pub timezone: Option<String>,
    /// Whether every migration must have a way back: none leaves it to the runner's convention.
    pub require_down: Option<bool>,
    /// Whether only what is new is reported, so that what new scripts made has no rows yet.
    pub since: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            major: NEWEST,
            major_because: "the newest this version knows".to_owned(),
            params: Params::default(),
            runner_sets_lock_timeout: false,
            runner_sets_statement_timeout: false,
            timezone: None,
            require_down: None,
            since: false,
        }
    }
}

/// The oldest major version that can be reviewed for.
pub const OLDEST: u16 = 14;

/// The newest major version that can be reviewed for.
pub const NEWEST: u16 = 18;

/// What a review is given.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// The files.
    pub files: Vec<SourceFile>,
    /// The scripts, in the order of the replay; the way back of a migration stands right after it.
    pub scripts: Vec<Script>,
    /// The runner, and how it is known, by folder: `goose: -- +goose Up in 12 of 12 files`.
    pub runners: Vec<String>,
    /// Whether the runner's convention has ways back at all.
    pub has_down_convention: bool,
    /// The schema before the first script.
    pub seed: Catalog,
    /// What was asked for and configured.
    pub options: Options,
}

impl Project {
    /// Whether a script is to be reported on.
    pub fn is_reviewed(&self, script: &Script) -> bool {
        self.files.get(script.file).is_some_and(|file| file.is_reviewed)
    }

    /// The stable identity of a finding about a statement: `rule:path:hash(statement)`, never a line number.
    pub fn key(&self, rule: &str, script: &Script, statement: &Statement, _subject: &Subject) -> String {
        let text = self.files.get(script.file).and_then(|file| file.text.get(statement.span.clone()));
        self.key_of_text(rule, script, text.unwrap_or_default())
    }

    /// The stable identity of a finding about a piece of text; of a file where it is empty.
    pub fn key_of_text(&self, rule: &str, script: &Script, text: &str) -> String {
        let path = self.files.get(script.file).map_or("", |file| &file.path);
        let path: Vec<String> = path.split('/').map(escape).collect();
        let way = if script.direction == Direction::Down { "down:" } else { "" };
        match text {
            "" => format!("{rule}:{}:{way}file", path.join("/")),
            text => format!("{rule}:{}:{way}{:016x}", path.join("/"), identity(text)),
        }
    }
}

/// A hash of a text that white space does not change. FNV-1a, 64 bits: stable over versions and machines.
pub fn identity(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let mut blank = false;
    for byte in text.trim().bytes() {
        if byte.is_ascii_whitespace() {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank) {
            eat(b' ');
        }
        eat(byte);
    }
    hash
}
