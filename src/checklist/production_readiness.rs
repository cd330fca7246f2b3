//! 002: the lines of "Production Readiness" that concern the database.

use super::connections::{POOLED, SHORT_LIVED};
use super::database::{
    FOREIGN_KEYS, LOG_UNDERSTOOD, LOGGED_SCANS, N_PLUS_ONE, N_PLUS_ONE_SUSPECTED, ORDER_OF_STATEMENTS,
    SEQUENTIAL_SCANS, STATEMENTS_TRACKED, TOO_MANY_QUERIES,
};
use super::{Decide, Decider, Input, Item, Section};
use crate::rule::Evidence;

const MIGRATIONS: &str = "the migrations' repository and the pipeline that runs them, attested";

pub(super) static SECTION: Section = Section {
    id: "002",
    title: "Production Readiness",
    items: &[
        Item::attested(
            "002.1",
            "Database backups are configured and tested",
            "",
            "the backup tool's own list (pgbackrest info, barman list-backups), attested; archiving alone is no backup",
        ),
        Item::attested(
            "002.2",
            "Backup frequency matches your recovery point objective (RPO)",
            "",
            "the objective and the times of the last backups, attested",
        ),
        Item::attested(
            "002.3",
            "Backups are stored in a separate location from production data",
            "",
            "where the backup repository lives, attested",
        ),
        Item::attested(
            "002.4",
            "Backup restoration has been tested recently",
            "",
            "the log of a restore and when it ran, attested",
        ),
        Item {
            id: "002.5",
            title: "Database query performance is monitored",
            threshold: "",
            needs: &[Input::Server, Input::Attestation],
            supply: "what reads pg_stat_statements and who looks at it, attested",
            decide: Decide::against(
                // Not tracked is not monitored.
                &[Decider { part: super::Part::Symptom, ..STATEMENTS_TRACKED }],
                "that statements are tracked does not mean that anybody looks",
            ),
        },
        Item::attested(
            "002.6",
            "Alert thresholds are defined and tested",
            "",
            "the alert rules on the database and a test of them, attested",
        ),
        Item::attested(
            "002.7",
            "Structured logging is implemented (JSON format)",
            "",
            "log_destination = 'jsonlog' (15 and later) or 'csvlog', and the application's format, attested",
        ),
        Item {
            id: "002.8",
            title: "Sensitive data is never logged (passwords, tokens, PII)",
            threshold: "",
            needs: &[Input::Logs, Input::Attestation],
            supply: "a log of normal load: pgassay logs FILES, or pgassay audit --logs FILES",
            decide: Decide::by(&[
                // Silence is that of the logs that were read, and of what can be told from other values.
                Decider::required("secret-in-log", "entries", "with a secret")
                    .counting("place or kind of secret", "places or kinds of secrets")
                    .in_logs()
                    .passes_as(&Evidence::Inferred),
                // Whose values they are is not known.
                Decider::required("literals-in-log", "statements", "with values")
                    .counting("log with values beside its statements", "logs with values beside their statements")
                    .in_logs()
                    .only_warns()
                    .passes_as(&Evidence::Inferred),
                LOG_UNDERSTOOD,
            ]),
        },
        Item::attested("002.9", "Logs are centralized and searchable", "", "where the server's log goes, attested"),
        Item::attested("002.10", "Log retention policy is defined", "", "the policy and what enforces it, attested"),
        Item::attested(
            "002.11",
            "Logs are accessible for debugging but secured from unauthorized access",
            "",
            "who can read the server's log (log_file_mode, the log store's permissions), attested",
        ),
        Item::attested(
            "002.12",
            "SSL/TLS certificates are auto-renewing (Let's Encrypt)",
            "",
            "how the server's certificate is renewed, attested",
        ),
        Item::attested(
            "002.13",
            "TLS version 1.2 or higher is enforced",
            "",
            "ssl_min_protocol_version and a pg_hba.conf without plain host lines, attested",
        ),
        Item::attested("002.14", "Migrations are version-controlled", "", MIGRATIONS),
        Item::attested(
            "002.15",
            "Migrations are tested in staging before production",
            "",
            "the run of the migrations in staging, attested",
        ),
        Item::reviewed(
            "002.16",
            "Rollback scripts are available for each migration",
            "",
            super::migrations::ROLLBACKS,
            super::migrations::SUPPLY,
        ),
        Item::attested("002.17", "Migrations are run as part of the deployment process", "", MIGRATIONS),
        Item::reviewed(
            "002.18",
            "Zero-downtime migration strategies are used for large tables",
            "",
            super::migrations::LOCKS,
            super::migrations::SUPPLY,
        ),
        Item::reviewed(
            "002.19",
            "Database schema changes are reviewed for performance impact",
            "",
            super::migrations::IMPACT,
            super::migrations::SUPPLY,
        ),
        Item::reviewed(
            "002.20",
            "Database migrations have rollback scripts",
            "",
            super::migrations::ROLLBACKS,
            super::migrations::SUPPLY,
        ),
        Item::attested("002.21", "Data retention policies are defined", "", "the policy by table, attested"),
        Item::attested(
            "002.22",
            "Outdated dependencies are updated promptly",
            "",
            "the server's minor version against the newest one, and the extensions', attested",
        ),
        Item {
            id: "002.23",
            title: "Database queries are optimized (indexes, N+1 queries)",
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
        Item {
            id: "002.24",
            title: "Database connection pooling is configured",
            threshold: "",
            needs: &[Input::Server, Input::Window, Input::Logs, Input::Attestation],
            supply: "a window of normal load: pgassay snapshot before, pgassay audit --since after",
            decide: Decide::by(&[POOLED, SHORT_LIVED, LOG_UNDERSTOOD.alternative()]),
        },
    ],
};
