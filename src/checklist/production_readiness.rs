//! 002: the lines of "Production Readiness" that concern the database.

use super::connections::POOLED;
use super::database::{FOREIGN_KEYS, N_PLUS_ONE, N_PLUS_ONE_UNPROVABLE, SEQUENTIAL_SCANS, STATEMENTS_TRACKED};
use super::{Decide, Decider, Input, Item, Section};

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
        Item::attested(
            "002.8",
            "Sensitive data is never logged (passwords, tokens, PII)",
            "",
            "a scan of the logs for literals, with log_statement and log_parameter_max_length as set, attested",
        ),
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
        Item::attested(
            "002.16",
            "Rollback scripts are available for each migration",
            "",
            "the rollback script of every migration, attested; an empty one is none",
        ),
        Item::attested("002.17", "Migrations are run as part of the deployment process", "", MIGRATIONS),
        Item::attested(
            "002.18",
            "Zero-downtime migration strategies are used for large tables",
            "",
            "a review of the migrations of large tables for locks and rewrites, attested",
        ),
        Item::attested(
            "002.19",
            "Database schema changes are reviewed for performance impact",
            "",
            "the review of the last schema changes, attested",
        ),
        Item::attested(
            "002.20",
            "Database migrations have rollback scripts",
            "",
            "the rollback script of every migration, attested; an empty one is none",
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
            supply: "a log of normal load with every statement in it, for pgassay logs (coming)",
            decide: Decide::against(&[FOREIGN_KEYS, SEQUENTIAL_SCANS, N_PLUS_ONE], N_PLUS_ONE_UNPROVABLE),
        },
        Item {
            id: "002.24",
            title: "Database connection pooling is configured",
            threshold: "",
            needs: &[Input::Server, Input::Window, Input::Attestation],
            supply: "a window of normal load: pgassay snapshot before, pgassay audit --since after",
            decide: Decide::by(&[POOLED]),
        },
    ],
};
