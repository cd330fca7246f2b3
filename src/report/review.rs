//! What only the report of a review has: what was read, for which server, and what each statement does.

use crate::lock::LockMode;
use crate::rule::words;
use serde::{Deserialize, Serialize};

/// What was read, and how it would be sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// The major version it was reviewed for.
    pub major: u16,
    /// Where that comes from, in words.
    pub major_because: String,
    /// The runners, by folder, and how each is known.
    pub runners: Vec<String>,
    /// Files that were asked about.
    pub files: u64,
    /// Files that were replayed for the schema they leave, and not reported on.
    pub replayed_files: u64,
    /// Migrations, in both directions.
    pub scripts: u64,
    /// Statements of the files that were asked about.
    pub statements_reviewed: u64,
    /// Statements that could not be read: they do not parse, nest too deep, or have a placeholder.
    pub unread: u64,
    /// Where the sizes of tables come from, where anything said them.
    pub sizes: Option<String>,
    /// What the trace ran on, where there was one.
    pub trace: Option<Trace>,
}

/// What a trace ran on, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The server: its version, and whether it was a throw-away one.
    pub server: String,
    /// Statements whose effects were seen.
    pub traced: u64,
    /// Statements on which the review and the server agree.
    pub confirmed: u64,
    /// Statements on which they do not: `V2__x.sql:7: …`.
    pub refuted: Vec<String>,
    /// Tables for which no row could be made, so that what depends on rows was not seen.
    pub without_rows: Vec<String>,
    /// Remarks: statements that could not run alone, what was left out.
    pub remarks: Vec<String>,
}

words! {
    /// Whether a trace agrees.
    Verification {
        /// It does.
        Confirmed = "confirmed",
        /// It does not.
        Refuted = "refuted",
        /// Only the trace saw it.
        TraceOnly = "trace_only",
    }
}

/// A statement, and what it does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The file.
    pub file: String,
    /// Its first line, from 1.
    pub line: u32,
    /// What it is, in PostgreSQL's words: `alter table`.
    pub kind: String,
    /// `up` or `down`.
    pub direction: String,
    /// The transaction it runs in, numbered over the review, and who began it: `3 (runner)`; none where it is its own.
    pub transaction: Option<String>,
    /// What it does.
    pub effects: Effects,
    /// What the server did, where a trace ran and it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traced: Option<Effects>,
    /// Whether a trace agrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

/// A lock on a relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The relation.
    pub relation: String,
    /// The mode.
    pub mode: LockMode,
}

/// What a statement does to relations that were there before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effects {
    /// The strongest lock on each.
    pub locks: Vec<Lock>,
    /// Relations whose rows are written anew.
    pub rewrite: Vec<String>,
    /// Relations that are read to their end.
    pub scan: Vec<String>,
    /// Relations on which indexes are built, but for those of a rewrite.
    pub index_build: Vec<String>,
    /// Relations whose foreign keys are validated.
    pub fk_validation: Vec<String>,
    /// Whether the server refuses it in a transaction block.
    #[serde(default, skip_serializing_if = "is_false")]
    pub not_in_transaction: bool,
    /// Why it fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fails: Vec<String>,
    /// What of it could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(value: &bool) -> bool {
    !value
}
