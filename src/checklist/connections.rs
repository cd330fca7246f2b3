//! Section 4: connections, from the side of the server.
//!
//! One sample can show that a connection is too old, idle too long or idle in a transaction; it cannot show that none
//! ever is. So these pass only over a time between two snapshots, and where a server cannot see the thing itself (a
//! `finally` block, a pool's own timeout) only fail or stay unknown.

use super::database::LOG_UNDERSTOOD;
use super::{Decide, Decider, Input, Item, Section};
use crate::rule::{Evidence, Severity};

/// Transactions per session, by database: what a pool looks like from behind, not the pool itself.
pub(super) const POOLED: Decider =
    Decider::required("connection-per-request", "databases", "with a new connection for nearly every request")
        .passes_as(&Evidence::Inferred)
        .alternative();

/// The same from the log: how long sessions live, and how much each of them does.
pub(super) const SHORT_LIVED: Decider =
    Decider::required("short-lived-sessions", "databases and applications", "with a session for nearly every request")
        .in_logs()
        .passes_as(&Evidence::Inferred)
        .alternative();

pub(super) const IDLE_TOO_LONG: Decider =
    Decider::required("connection-idle-too-long", "connections", "idle for longer than the limit")
        .fails_at(&Severity::Low)
        .passes_as(&Evidence::Inferred)
        .between_snapshots(DAY);

pub(super) const TOO_OLD: Decider = Decider::required("connection-too-old", "connections", "older than the limit")
    .fails_at(&Severity::Low)
    .passes_as(&Evidence::Inferred)
    .between_snapshots(DAY);

/// A day of samples: an hour of them misses the night, when pools shrink.
const DAY: f64 = 86_400.0;
/// Sessions idle in a transaction are counted between two snapshots by the server itself; an hour has seen some load.
const HOUR: f64 = 3_600.0;

const IDLE_IN_TRANSACTION: &str = "idle-in-transaction";
const IDLE_SUBJECTS: &str = "sessions";
const IDLE_WRONG: &str = "idle in a transaction";

pub(super) static SECTION: Section = Section {
    id: "4",
    title: "Connection Management",
    items: &[
        Item {
            id: "4.1",
            title: "Connection pool configured (not new-connection-per-request)",
            threshold: "Pool exists",
            needs: &[Input::Server, Input::Window, Input::Logs, Input::Attestation],
            supply: "a window of normal load: pgassay snapshot before, pgassay audit --since after; or its log with connections \
                and disconnections in it (--logs FILES)",
            decide: Decide::by(&[POOLED, SHORT_LIVED, LOG_UNDERSTOOD.alternative()]),
        },
        Item {
            id: "4.2",
            title: "Pool size follows sizing formula",
            threshold: "pool_size ≈ DB_CPU_cores × 2",
            needs: &[Input::Pool, Input::Attestation],
            supply: "the size of every pool and the number of cores of the server, which SQL cannot read, attested",
            decide: Decide::ATTESTED,
        },
        Item {
            id: "4.3",
            title: "Pool acquire timeout configured",
            threshold: "≤ 30 seconds",
            needs: &[Input::Pool, Input::Attestation],
            supply: "the pool's own configuration (HikariCP connectionTimeout, PgBouncer query_wait_timeout), attested",
            decide: Decide::ATTESTED,
        },
        Item {
            id: "4.4",
            title: "max_conn_lifetime configured",
            threshold: "< 30 minutes",
            needs: &[Input::Window, Input::Server, Input::Attestation],
            supply: "snapshots a day apart (pgassay audit --since), or the pool's maximum lifetime, attested",
            decide: Decide::by(&[TOO_OLD]),
        },
        Item {
            id: "4.5",
            title: "max_conn_idle_time configured",
            threshold: "< 10 minutes",
            needs: &[Input::Window, Input::Server, Input::Attestation],
            supply: "snapshots a day apart (pgassay audit --since), or the pool's idle timeout, attested",
            decide: Decide::by(&[IDLE_TOO_LONG]),
        },
        // A leak that is there has not been detected: it fails. Detection itself lives in the application, so only a word
        // passes it; until then the server's own idle_in_transaction_session_timeout stands in: set, it warns (it ends a
        // leak, it does not detect one), not set for some role of the application, it fails.
        Item {
            id: "4.6",
            title: "Connection leak detection enabled",
            threshold: "Leak detection implemented",
            needs: &[Input::Pool, Input::Server, Input::Attestation],
            supply: "the pool's leak detection setting (HikariCP leakDetectionThreshold and the like), attested",
            decide: Decide::against(
                &[
                    Decider::symptom(IDLE_IN_TRANSACTION, IDLE_SUBJECTS, IDLE_WRONG),
                    Decider::backstop(
                        "no-idle-in-transaction-timeout",
                        "logins (role and database)",
                        "without an idle_in_transaction_session_timeout",
                    ),
                ],
                "leak detection lives in the application's pool, where a server does not see it",
            ),
        },
        Item {
            id: "4.7",
            title: "Pool metrics exposed (active, idle, waiting)",
            threshold: "Metrics endpoint exists",
            needs: &[Input::Pool, Input::Attestation],
            supply: "the names of the pool's metrics for active, idle and waiting on the metrics endpoint, attested",
            decide: Decide::ATTESTED,
        },
        Item {
            id: "4.8",
            title: "Connections released in finally blocks",
            threshold: "100% coverage",
            needs: &[Input::Attestation, Input::Server],
            supply: "a review of every place in the application's code that takes a connection, attested",
            decide: Decide::against(
                // Held for so long that it is high, it was forgotten; anything shorter may only be slow.
                &[Decider::symptom(IDLE_IN_TRANSACTION, IDLE_SUBJECTS, IDLE_WRONG).fails_at(&Severity::High)],
                "that every path releases its connection shows only in the application's code",
            ),
        },
        Item {
            id: "4.9",
            title: "No connections held across external HTTP calls",
            threshold: "0 violations",
            needs: &[Input::Window, Input::Logs, Input::Server, Input::Attestation],
            supply: "two snapshots with an hour of load between them: pgassay snapshot before, pgassay audit --since after; or \
                a log of an hour with every statement in it (--logs FILES)",
            decide: Decide::by(&[
                // What the client did meanwhile, and what it holds outside a transaction, a server does not see.
                Decider::required(IDLE_IN_TRANSACTION, IDLE_SUBJECTS, IDLE_WRONG)
                    .passes_as(&Evidence::Inferred)
                    .between_snapshots(HOUR)
                    .alternative(),
                Decider::required(
                    "connection-held-while-idle",
                    "databases",
                    "with transactions that wait for their client",
                )
                .counting(
                    "statement after which transactions wait for their client",
                    "statements after which transactions wait for their client",
                )
                .in_logs()
                .passes_as(&Evidence::Inferred)
                .over(HOUR)
                .alternative(),
                LOG_UNDERSTOOD.alternative(),
            ]),
        },
        Item {
            id: "4.10",
            title: "For serverless: connection proxy (RDS Proxy/PgBouncer) in use",
            threshold: "Proxy configured",
            needs: &[Input::Pool, Input::Attestation],
            supply: "whether the application is serverless, and if so its proxy: attest pass, or not_applicable",
            decide: Decide::ATTESTED,
        },
    ],
};
