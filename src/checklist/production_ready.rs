//! 003: the lines of "Production Ready Software" that concern the database.

use super::connections::{POOLED, SHORT_LIVED};
use super::database::{
    FOREIGN_KEYS, LOG_UNDERSTOOD, LOGGED_SCANS, N_PLUS_ONE, N_PLUS_ONE_SUSPECTED, ORDER_OF_STATEMENTS,
    SEQUENTIAL_SCANS, SLOW_QUERY, SLOW_STATEMENT, STATEMENTS_TRACKED, TOO_MANY_QUERIES,
};
use super::{Decide, Decider, Input, Item, Section};

pub(super) static SECTION: Section = Section {
    id: "003",
    title: "Production Ready Software",
    items: &[
        Item::attested(
            "003.1",
            "No single point of failure brings down the entire system",
            "",
            "a failover to a standby, attested with its log",
        ),
        Item {
            id: "003.2",
            title: "Database queries are indexed and optimized (no N+1 queries)",
            threshold: "",
            needs: &[Input::Server, Input::Window, Input::Logs, Input::Attestation],
            supply: ORDER_OF_STATEMENTS,
            decide: Decide::by(&[
                FOREIGN_KEYS,
                SEQUENTIAL_SCANS,
                N_PLUS_ONE,
                TOO_MANY_QUERIES,
                N_PLUS_ONE_SUSPECTED,
                LOGGED_SCANS,
                LOG_UNDERSTOOD,
            ]),
        },
        Item::attested(
            "003.3",
            "Resource usage is predictable and doesn’t leak memory/connections",
            "",
            "the number and memory of connections over days of load, attested",
        ),
        Item::attested(
            "003.4",
            "Load testing validates performance under 2-3x expected peak load",
            "",
            "the load test's output, attested",
        ),
        Item::attested(
            "003.5",
            "Critical data is backed up and can be restored in a known timeframe",
            "",
            "the log of a restore and how long it took, attested",
        ),
        Item::reviewed(
            "003.6",
            "Database migrations are reversible",
            "",
            super::migrations::REVERSIBLE,
            super::migrations::SUPPLY,
        ),
        Item::attested(
            "003.7",
            "Authentication and authorization are enforced consistently",
            "",
            "a review of pg_hba.conf, roles and grants, attested",
        ),
        Item {
            id: "003.8",
            title: "Database connections are pooled and limits are enforced",
            threshold: "",
            needs: &[Input::Server, Input::Window, Input::Pool, Input::Logs, Input::Attestation],
            supply: "the pool's limits and the roles' connection limits, attested",
            decide: Decide::against(
                &[
                    POOLED,
                    SHORT_LIVED,
                    Decider::symptom("connections-near-limit", "limits", "nearly reached").only_warns(),
                ],
                "the limits that are meant to hold show only in the pool's configuration",
            ),
        },
        Item {
            id: "003.9",
            title: "Slow queries (>100ms) are identified and indexed",
            threshold: "",
            needs: &[Input::Server, Input::Window, Input::Logs, Input::Attestation],
            supply: "pg_stat_statements and a window of normal load: pgassay snapshot before, pgassay audit --since after",
            decide: Decide::by(&[
                SLOW_STATEMENT,
                STATEMENTS_TRACKED.alternative(),
                SLOW_QUERY,
                LOG_UNDERSTOOD.alternative(),
                SEQUENTIAL_SCANS,
                LOGGED_SCANS,
            ]),
        },
        Item::attested(
            "003.10",
            "Pagination is implemented for large result sets",
            "",
            "a review of every query that answers a list, attested",
        ),
        Item::attested(
            "003.11",
            "Database migrations tested on production-sized dataset",
            "",
            "the run of the migrations on a copy of production, with its times, attested",
        ),
        Item::reviewed(
            "003.12",
            "Database schema changes are backward compatible",
            "",
            super::migrations::COMPATIBLE,
            super::migrations::SUPPLY,
        ),
        Item::attested(
            "003.13",
            "Data at rest and in transit is encrypted",
            "",
            "the storage's encryption, and a pg_hba.conf without plain host lines, attested",
        ),
    ],
};
