//! The rules over migrations that take part in items, said once for all the items that ask the same.

use super::Input;
use super::decide::Decider;
use crate::rule::{Evidence, Severity};

/// How to supply what decides such an item.
pub(super) const SUPPLY: &str =
    "pgassay review, or pgassay audit --migrations, of every migration since the last release";

/// A rule over migrations: what it finds from `medium` fails the item, and where it finds nothing that is inferred.
const fn rule(rule: &'static str, wrong: &'static str) -> Decider {
    let decider = Decider::required(rule, "statements of migrations", wrong);
    Decider { input: &Input::Migrations, silence: &Evidence::Inferred, ..decider }
}

/// What breaks the application that runs while a migration does, and the one before it.
pub(super) const COMPATIBLE: &[Decider] = &[
    rule("column-dropped", "dropping a column"),
    rule("column-renamed", "renaming a column"),
    rule("column-type-changed", "changing the type of a column"),
    rule("not-null-added", "forbidding null"),
    rule("not-null-column-without-default", "adding a column that must be written"),
    rule("table-dropped", "dropping a table"),
    rule("table-renamed", "renaming a table"),
    rule("object-moved-to-schema", "moving an object to another schema"),
    rule("enum-value-renamed", "renaming a value of an enum"),
    rule("view-dropped-or-narrowed", "dropping or narrowing a view"),
    rule("function-signature-changed", "changing what calls a function"),
    rule("cascade", "dropping what depends on something"),
    rule("truncate", "emptying a table"),
    rule("replica-identity-lost", "taking a replica identity away"),
    rule("triggers-disabled", "disabling triggers"),
    rule("privilege-revoked", "revoking a privilege"),
];

/// What stops readers or writers while a migration runs.
pub(super) const LOCKS: &[Decider] = &[
    rule("column-added-with-rewrite", "writing a table anew"),
    rule("column-type-rewrite", "writing a table anew"),
    rule("table-rewritten", "writing a table anew"),
    rule("not-null-scan", "reading a table under a lock"),
    rule("constraint-validated-at-once", "validating under a lock"),
    rule("validation-under-exclusive-lock", "validating under a lock"),
    rule("unique-without-using-index", "building an index under a lock"),
    rule("primary-key-with-scan", "building a key under a lock"),
    rule("exclusion-constraint-added", "building an index under a lock"),
    rule("index-without-concurrently", "building an index under a lock"),
    rule("index-dropped-without-concurrently", "dropping an index under a lock"),
    rule("reindex-without-concurrently", "building an index under a lock"),
    rule("partition-created-under-lock", "locking a partitioned table"),
    rule("partition-attached-with-scan", "reading a partition under a lock"),
    rule("partition-detached-without-concurrently", "locking a partitioned table"),
    rule("materialized-view-refreshed-without-concurrently", "locking a materialized view"),
    rule("domain-constraint-scan", "reading tables under a lock"),
    rule("lock-without-timeout", "waiting for a lock without an end").only_warns(),
    rule("long-work-after-exclusive-lock", "working long under a lock"),
    rule("several-tables-locked", "locking several tables"),
    rule("unbatched-backfill", "writing all rows of a table at once"),
    rule("referenced-table-locked", "locking another table too"),
    rule("concurrently-in-transaction", "failing in a transaction"),
];

/// What a change of the schema costs: its locks, and what it leaves.
pub(super) const IMPACT: &[Decider] = &[
    rule("column-added-with-rewrite", "writing a table anew"),
    rule("column-type-rewrite", "writing a table anew"),
    rule("table-rewritten", "writing a table anew"),
    rule("not-null-scan", "reading a table under a lock"),
    rule("constraint-validated-at-once", "validating under a lock"),
    rule("index-without-concurrently", "building an index under a lock"),
    rule("long-work-after-exclusive-lock", "working long under a lock"),
    rule("unbatched-backfill", "writing all rows of a table at once"),
    rule("foreign-key-left-unindexed", "leaving a foreign key without an index"),
];

/// Whether there is a way back.
pub(super) const ROLLBACKS: &[Decider] = &[rule("rollback-missing", "without a way back")
    .fails_at(&Severity::Low)
    .counting("migration without a way back", "migrations without a way back")];

/// Whether the way back leads back.
pub(super) const REVERSIBLE: &[Decider] = &[
    rule("rollback-missing", "without a way back").fails_at(&Severity::Low),
    rule("rollback-irreversible", "that cannot be undone").fails_at(&Severity::Low),
];
