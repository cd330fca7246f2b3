//! Section 2: the database.
//!
//! Where there is nothing to judge: no foreign keys, no large tables, no statement above 1,000 calls a day and no index
//! worth measuring are as good as a pass, since the catalog or the counters say so themselves. No statement at all, or no
//! role to look at, means that nothing was seen.
//!
//! How slow a query is, counters bound and a log shows: either decides. What the order of statements shows, only a log does.

use super::{Decide, Decider, Input, Item, Section};
use crate::rule::{Evidence, Severity};

pub(super) const SLOW_STATEMENT: Decider =
    // Its bounds hold for any distribution, but they are bounds: the percentile itself was never read.
    Decider::required("slow-statement", "statements", "with a p99 above the limit")
            .passes_as(&Evidence::Inferred)
            .alternative();

pub(super) const SLOW_QUERY: Decider =
    Decider::required("slow-query", "logged queries", "with a p99 above the limit").in_logs().alternative();

/// Every figure of a log is a figure of what was understood of it.
pub(super) const LOG_UNDERSTOOD: Decider =
    Decider::premise("log-partly-understood", "logs", "understood in part").in_logs();

pub(super) const FOREIGN_KEYS: Decider =
    Decider::required("foreign-key-without-index", "foreign keys", "without an index")
        .fails_at(&Severity::Low)
        .vacuous("no foreign keys");

pub(super) const SEQUENTIAL_SCANS: Decider =
    Decider::required("sequential-scan-on-large-table", "large tables", "read sequentially in a hot path")
        .vacuous("no table is large enough to matter");

/// In a hot query a plan of the log speaks against the item, but plans of the log are those of slow calls only.
pub(super) const LOGGED_SCANS: Decider =
    Decider::symptom("sequential-scan-in-hot-query", "logged queries", "that read a large table sequentially")
        .in_logs();

pub(super) const N_PLUS_ONE: Decider = Decider::required("n-plus-one", "requests", "with an N+1 pattern")
    .counting("N+1 pattern", "N+1 patterns")
    .fails_at(&Severity::High)
    .in_logs();

pub(super) const TOO_MANY_QUERIES: Decider =
    Decider::required("too-many-queries-per-request", "requests", "with too many queries")
        .counting("kind of request with too many queries", "kinds of requests with too many queries")
        .in_logs();

/// Ratios of calls are a symptom; only the order of statements in a session proves the pattern.
pub(super) const N_PLUS_ONE_SUSPECTED: Decider =
    Decider::symptom("n-plus-one-suspected", "statements", "called like an N+1 query").proven_by(&Evidence::Measured);

pub(super) const STATEMENT_TIMEOUT: Decider =
    Decider::required("no-statement-timeout", "logins (role and database)", "without a statement_timeout");

pub(super) const STATEMENTS_TRACKED: Decider =
    Decider::premise("statement-not-tracked", "databases", "whose statements are not all tracked");

/// What supplies the order of statements.
pub(super) const ORDER_OF_STATEMENTS: &str = "a log of normal load with every statement in it (log_min_duration_statement = 0 for a while): \
    pgassay logs FILES, or pgassay audit --logs FILES";

/// A day of counters: less than that says little about calls a day.
const DAY: f64 = 86_400.0;

pub(super) static SECTION: Section = Section {
    id: "2",
    title: "Database",
    items: &[
        Item {
            id: "2.1",
            title: "No query exceeds p99 > 100ms under normal load",
            threshold: "0 violations",
            needs: &[Input::Server, Input::Window, Input::Logs, Input::Attestation],
            supply: "pg_stat_statements and a window of normal load: pgassay snapshot before, pgassay audit --since after; a log \
                of that time (--logs FILES) decides it exactly",
            decide: Decide::by(&[SLOW_STATEMENT, SLOW_QUERY, LOG_UNDERSTOOD.alternative()]),
        },
        Item {
            id: "2.2",
            title: "Foreign key columns have indexes",
            threshold: "100% of FKs",
            needs: &[Input::Server, Input::Attestation],
            supply: "pgassay audit of every database that serves the application (--all-databases)",
            decide: Decide::by(&[FOREIGN_KEYS]),
        },
        Item {
            id: "2.3",
            title: "No sequential scans on tables > 10,000 rows in hot paths",
            threshold: "0 violations",
            needs: &[Input::Server, Input::Window, Input::Logs, Input::Attestation],
            supply: "a window of normal load: pgassay snapshot before, pgassay audit --since after",
            decide: Decide::by(&[SEQUENTIAL_SCANS, LOGGED_SCANS]),
        },
        Item {
            id: "2.4",
            title: "N+1 query patterns absent",
            threshold: "0 hot endpoints with queries/req > 10",
            needs: &[Input::Logs, Input::Server, Input::Attestation],
            supply: ORDER_OF_STATEMENTS,
            // Hot is what the rule of requests calls medium; an N+1 of ten statements or fewer is within the threshold.
            decide: Decide::by(&[N_PLUS_ONE, TOO_MANY_QUERIES, N_PLUS_ONE_SUSPECTED, LOG_UNDERSTOOD]),
        },
        Item {
            id: "2.5",
            title: "Query timeouts configured",
            threshold: "statement_timeout set",
            needs: &[Input::Server, Input::Attestation],
            supply: "pgassay audit; where another role serves the application, name it in [application] roles",
            decide: Decide::by(&[
                STATEMENT_TIMEOUT,
                // A suspicious value is a value: it warns whatever its severity.
                Decider::symptom("timeout-suspicious", "timeouts", "with a suspicious value").only_warns(),
            ]),
        },
        Item {
            id: "2.6",
            title: "Slow query log enabled",
            threshold: "log_min_duration_statement ≤ 100ms",
            needs: &[Input::Server, Input::Attestation],
            supply: "pgassay audit as a member of pg_monitor",
            decide: Decide::by(&[Decider::required(
                "slow-query-log-off",
                "server defaults and overrides",
                "that do not log every statement above 100 ms",
            )]),
        },
        Item {
            id: "2.7",
            title: "EXPLAIN ANALYZE reviewed for all queries used > 1000×/day",
            threshold: "Documented",
            needs: &[Input::Server, Input::Window, Input::Logs, Input::Attestation],
            supply: "pg_stat_statements over a known window, or a day of log (pgassay audit --logs FILES), and a review of each \
                statement: pgassay review-plan FINGERPRINT",
            decide: Decide::by(&[
                Decider::required(
                    "plan-not-reviewed",
                    "statements above 1,000 calls a day",
                    "without a current review",
                )
                .vacuous("no statement above 1,000 calls a day")
                .over(DAY),
                STATEMENTS_TRACKED,
            ]),
        },
        Item {
            id: "2.8",
            title: "Index bloat < 20%",
            threshold: "pgstattuple",
            needs: &[Input::Server, Input::Attestation],
            supply: "create extension pgstattuple; and a larger --measure-budget where it was spent",
            decide: Decide::by(&[
                // A statistical estimate is wrong by tens of per cent on deduplicated or stale indexes: it only warns.
                Decider::required("bloated-index", "indexes", "with bloat above the limit")
                    .proven_by(&Evidence::Measured)
                    .vacuous("no index is large enough to measure"),
            ]),
        },
    ],
};
