//! Migrations: what they will do to a database that is in use, said before they run.
//!
//! ```text
//! files ─ source ─ runner ─ split ─ statement ──▶ Script of Commands ─┐
//! a dump, a snapshot, a server ─ seed ─▶ Catalog ─────────────────────┼▶ replay ─▶ effects ─▶ rules ─▶ Finding
//!                                                                     └▶ trace (a scratch server)
//! ```
//! * [`source`] reads files, [`runner`] knows in which order and in which transactions they are sent, [`split`] finds the
//!   statements, [`statement`] parses each into a [`command`]. Only `statement` sees the parser's tree.
//! * [`replay`] runs the scripts over a [`catalog`] and a [`session`]. [`effects`] says of each statement, from a table that
//!   was measured on real servers, which locks it takes and what it reads, writes or builds.
//! * [`rules`] ask questions of effects and state; each is one file. [`allow`] heeds comments that accept a finding.
//! * [`trace`] runs the scripts on a scratch server and compares.
//!
//! Everything but [`source::gather`], [`source::since`] and [`trace`] is pure.

pub mod allow;
pub mod catalog;
pub mod command;
pub mod directive;
pub mod effects;
pub mod expression;
pub mod fix;
pub mod load;
pub mod plpgsql;
pub mod project;
pub mod replay;
pub mod rules;
pub mod runner;
pub mod script;
pub mod seed;
pub mod session;
pub mod source;
pub mod split;
pub mod statement;
pub mod trace;
pub mod type_change;
pub mod volatility;
pub mod weight;
