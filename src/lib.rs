//! pgassay assays a PostgreSQL database: it measures every database item of a backend audit checklist, on the server and in
//! its logs, says how it measured each, scores the sections, and gives the fix.
//!
//! # Shape: an hourglass
//! ```text
//! pg (the door) ─ collect (sql/facts) ─ measure ──▶ Snapshot ──▶ checks ─────┐
//! logs (input, readers, digests, aggregate) ──────▶ Workload ──▶ detectors ──┤
//! migrations (source, runner, statement) ─▶ Script ─▶ replay ─▶ effects ─▶ rules
//!                                                   attestations ──▶ items ──┼▶ Finding ─▶ Report ─▶ render
//!                                                   configuration ───────────┘
//! ```
//! Producers on the left, formats on the right; they meet only in [`finding::Finding`] and [`report::Report`].
//!
//! * [`pg`] finds and reaches a server as libpq would, and reads without a trace. Nothing else opens a socket.
//! * [`collect`] reads the [`facts`], a bounded number of queries; [`measure`] chooses what is worth more than that and reads
//!   it under a budget. Both end in a [`facts::Snapshot`], a plain value that can be stored.
//! * [`logs`] reads what the server wrote, in whatever it is wrapped, and ends in a [`logs::workload::Workload`], a plain value
//!   too: it can be stored, and merged with others. The [`logs::detectors`] judge it, one file each.
//! * [`migrations`] reads what is to run, replays it over a small catalog, and says of each statement what it will do: by
//!   effects that were measured on real servers. The [`migrations::rules`] judge them, one file each; [`migrations::trace`] runs
//!   the statements on a scratch server and compares.
//! * [`pool`] says how many connections a workload needs: demand from the best evidence, a simulation of the queue, what
//!   the server can carry; a watched server and PgBouncer's console are its doors. Its verdicts take part in
//!   section 4 of the checklist.
//! * [`catalog`], [`window`] and [`queries`] join, date and aggregate the facts. [`checks`] judge them, one file each.
//! * [`audit`] runs the checks, [`assess`] turns what they and the detectors say into a report: suppressions ([`suppress`]), the items of the
//!   [`checklist`] with what people attest ([`attest`]), the [`score`].
//! * [`render`] writes reports, one file a format; [`rules`] tells it what a rule says about itself. [`cli`] is the command line.
//! * [`scratch`] runs throw-away servers, for [`demo`] and the tests.
//!
//! # Invariants
//! * **Everything between the door and the report is pure.** No clock, no environment, no network, no printing: "now" is the
//!   snapshot's time. A replay of a stored snapshot gives the same report. (`clippy.toml` and the import test hold this.)
//! * **Silence is never success.** A rule passes only when nothing was left unjudged; what could not be read is a
//!   [`outcome::Missing`] with the reason and what would unlock it.
//! * **Nothing is written to the audited server.** Every read is a read-only transaction with its own limits. The only foreign
//!   text ever sent is what [`measure::plan`] plans and, where it is asked for, what [`logs::prove`] runs, under the rules
//!   they state.
//! * **Secrets end at the door.** Values that may hold one are withheld, and query text loses its literals
//!   ([`fingerprint`], [`logs::lexer`]), before a fact or a workload exists. A workload has counts, never a literal or the
//!   hash of one.
//! * **A log gives one answer.** Chunks are cut by the bytes of the log alone and taken in in its order, so that the number of
//!   threads changes nothing but the time; parts that were stored and merged come to the totals of one run.
//! * **One name everywhere.** A rule's id is its file's stem, its fixture folder, its configuration key, its anchor.
//!
//! # Where this differs from the plan it was built to, and why
//! * [`outcome`] is a leaf of its own: what became of a rule is neither a rule nor a finding, and everything uses it.
//! * An item's decision is data ([`checklist::Decide`]), read by one engine, instead of a function for each item: 119
//!   functions would have said the same thing in 119 ways, and `pgassay list --items` can print data.
//! * `pg_stat_statements` variants are named for the extension's version (`statements.v1_9.sql`): after `pg_upgrade` the
//!   extension may be older than the server, and it decides the columns.
//! * [`window`] knows a span of time by its bounds. Counters that were never reset have no stamp; the server's start bounds
//!   them from below and the age of the cluster, which its system identifier tells, from above. A rate is found only where
//!   the lower bound violates, and passed only where the upper one does not.
//! * A statement of a log is told from others by its shape, the bytes that [`logs::lexer`] leaves of it, before PostgreSQL's
//!   parser is asked: millions of statements have some hundred shapes. Each is parsed once and then remembered
//!   ([`logs::digest`]); two shapes with one fingerprint are one query. Forgetting a shape costs time and changes nothing.
//! * Digests are made on as many threads as there are; taking them in ([`logs::aggregate`]) is sequential. Requests run across
//!   chunks, and what is left out when there is too much must depend on the order of the log and on nothing else.
//! * There is no fingerprint module in `logs`: [`logs::lexer`] and [`logs::shape`] say what a text is, [`fingerprint`] names it as
//!   it names the statements of a server, so that both can be joined. Around the planned record, session and workload
//!   there is a file for each step, and a folder of the same name where a step is more than one idea.
//! * What a migration's statement says is a [`migrations::command`] of this program's own; the parser's tree is seen in
//!   [`migrations::statement`] and its folder alone. A parser may change its tree with every major, and rules that are tested
//!   against commands need no parser at all.
//! * There is no state module in `migrations` but two: the schema ([`migrations::catalog`]), which is copied at every `begin` and
//!   is persistent for that, and the session ([`migrations::session`]), which is not.
//! * A rule over migrations runs while the scripts are replayed ([`migrations::replay`]), and not over a list of effects
//!   afterwards: most questions are about the schema as it was before the statement, which nothing keeps.
//! * `fixes` of SARIF are the edits of a finding ([`finding::Edit`]), made in one place ([`migrations::fix`]) from the hints that
//!   leave the same schema behind: a rule does not know how its statement is sent.
//! * A workload becomes a report in [`assess::logs`], beside the audit's: detectors need the suppressions, items and score that
//!   checks need, and an audit that is given logs joins both.

pub mod assess;
pub mod attest;
pub mod audit;
pub mod catalog;
pub mod checklist;
pub mod checks;
pub mod cli;
pub mod collect;
pub mod config;
pub mod demo;
pub mod effective_settings;
pub mod facts;
pub mod finding;
pub mod fingerprint;
mod foreign_keys;
pub mod glob;
pub mod hash;
mod indexes;
pub mod lock;
pub mod logs;
pub mod measure;
pub mod migrations;
pub mod outcome;
pub mod pg;
pub mod pool;
pub mod queries;
pub mod render;
pub mod report;
pub mod reviews;
pub mod rule;
pub mod rules;
pub mod score;
pub mod scratch;
pub mod service;
pub mod sessions;
pub mod sql;
pub mod statement_shape;
pub mod suppress;
#[cfg(test)]
mod testing;
pub mod time;
pub mod window;
