//! A script: the statements that a migration runner sends for one migration in one direction, and how it sends them.

use super::command::Command;
use std::ops::Range;
use std::sync::Arc;

/// A file as it was read, decoded.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The path as the user gave it or as the folder has it, `/` between its parts; `-` for standard input.
    pub path: String,
    /// Its text: UTF-8, line ends as they were. Positions are bytes into it.
    pub text: Arc<str>,
    /// Byte offsets of the beginnings of its lines.
    pub lines: Vec<usize>,
    /// Whether it is one that the user asked about; others are replayed for the state they leave.
    pub is_reviewed: bool,
}

impl SourceFile {
    /// A file of a path and a text.
    pub fn new(path: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let lines = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|end| end + 1)).collect();
        Self { path: path.into(), text, lines, is_reviewed: true }
    }

    /// Line and column of a byte offset, both from 1; the column counts characters.
    pub fn line_column(&self, offset: usize) -> (u32, u32) {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.lines.get(line).copied().unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        (number(line + 1), number(before.chars().count() + 1))
    }
}

/// Which way a script goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Forward: `up`, `deploy`.
    Up,
    /// Back: `down`, `revert`, `undo`.
    Down,
}

/// What the runner puts around the statements of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrap {
    /// `begin` before and `commit` after.
    Transaction,
    /// One transaction over this script and the ones that are pending with it.
    SharedTransaction,
    /// Nothing: each statement for itself, unless the script begins a transaction itself.
    Nothing,
    /// Nothing, but all statements are sent as one simple query: an implicit transaction where there is more than one.
    OneQuery,
}

impl Wrap {
    /// Whether the runner's own `begin` stands before the first statement.
    pub fn is_transaction(self) -> bool {
        matches!(self, Self::Transaction | Self::SharedTransaction)
    }
}

/// What one migration sends, in one direction.
#[derive(Debug, Clone)]
pub struct Script {
    /// The file it stands in: an index into the files of the review.
    pub file: usize,
    /// What the runner calls it: `V2__add_total`, `20240102_add_total`; the file's stem where it has no name.
    pub name: String,
    /// What joins its two halves: equal for the up and the down of one migration.
    pub pair: String,
    /// Which way it goes.
    pub direction: Direction,
    /// What the runner puts around it.
    pub wrap: Wrap,
    /// Whether the wrap was read off the files (a marker, a sidecar, a preset) or taken for granted, in words: `goose: -- +goose NO TRANSACTION`,
    /// `plain: each statement for itself`.
    pub wrap_because: String,
    /// Its statements, in order.
    pub statements: Vec<Statement>,
    /// What stands in it that is no statement and matters: a placeholder, a psql command.
    pub problems: Vec<Problem>,
    /// `-- pgassay: …` comments.
    pub directives: Vec<Directive>,
}

/// A statement of a script.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Its bytes in the file, without the semicolon, leading blanks and leading comments.
    pub span: Range<usize>,
    /// What it says.
    pub parsed: Parsed,
}

/// What a statement turned out to be.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "nearly all are commands")]
pub enum Parsed {
    /// It parses.
    Command(Command),
    /// It does not.
    SyntaxError {
        /// The parser's message.
        message: String,
        /// Where, as a byte offset into the file, where it could be found.
        position: Option<usize>,
    },
    /// It nests deeper than the parser goes: it may well be valid.
    TooDeep,
    /// It has an unfilled placeholder where a value or a name must be.
    Placeholder {
        /// The placeholder.
        text: String,
        /// Where, as a byte offset into the file.
        position: usize,
    },
}

impl Statement {
    /// The command, where it parses.
    pub fn command(&self) -> Option<&Command> {
        match &self.parsed {
            Parsed::Command(command) => Some(command),
            _ => None,
        }
    }
}

/// Something in a script that is no statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub span: Range<usize>,
    /// What, one line, lower case, no full stop.
    pub message: String,
}

/// A `-- pgassay: allow …` comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Where the comment is.
    pub span: Range<usize>,
    /// Whether it speaks of the whole file.
    pub is_of_file: bool,
    /// The rules it allows.
    pub rules: Vec<String>,
    /// Why; empty where it does not say.
    pub reason: String,
    /// What is wrong with it, where something is: it then allows nothing.
    pub fault: Option<String>,
}
