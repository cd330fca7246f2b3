//! 000: the lines of "Pragmatic Audits for Production-Ready Code at Scale" that concern the database.

use super::connections::{POOLED, SHORT_LIVED};
use super::database::{
    LOG_UNDERSTOOD, LOGGED_SCANS, N_PLUS_ONE, N_PLUS_ONE_SUSPECTED, SEQUENTIAL_SCANS, STATEMENT_TIMEOUT,
    TOO_MANY_QUERIES,
};
use super::{Decide, Input, Item, Section};

pub(super) static SECTION: Section = Section {
    id: "000",
    title: "Pragmatic Audits for Production-Ready Code at Scale",
    items: &[
        Item::attested(
            "000.1",
            "Trace data lineage for PII and payment flows; document lawful bases and storage locations.",
            "",
            "the document that names the tables and columns, attested",
        ),
        Item {
            id: "000.2",
            title: "Eliminate N+1 queries by preloading relations or batching with dataloaders; verify with query counts in tests.",
            threshold: "",
            needs: &[Input::Logs, Input::Server, Input::Attestation],
            supply: "a log of normal load with every statement in it, and the tests that count queries, attested",
            decide: Decide::against(
                &[N_PLUS_ONE, TOO_MANY_QUERIES, N_PLUS_ONE_SUSPECTED],
                "query counts in tests show only in the application's code",
            ),
        },
        Item::attested(
            "000.3",
            "Apply least-privilege IAM with human/robot separation, short-lived tokens, and session recording for production access.",
            "",
            "a review of roles, grants and who uses them, attested",
        ),
        Item::attested(
            "000.4",
            "Encrypt data in transit and at rest; verify KMS usage and disallow unmanaged keys.",
            "",
            "the storage's encryption and its keys, attested; SQL sees neither",
        ),
        Item::attested(
            "000.5",
            "Force idempotency on writes, make services stateless, and treat databases as the most precious resource.",
            "",
            "a review of the unique keys that make each write idempotent, attested",
        ),
        Item {
            id: "000.6",
            title: "Split read/write traffic; add paginated queries and bounded scans with proper indexes.",
            threshold: "",
            needs: &[Input::Server, Input::Window, Input::Logs, Input::Attestation],
            supply: "the application's read/write split and its list queries, attested",
            decide: Decide::against(
                &[SEQUENTIAL_SCANS, LOGGED_SCANS],
                "the split of reads and writes shows only in the application's configuration",
            ),
        },
        Item::attested(
            "000.7",
            "Plan capacity with queue depth, not CPU; alert on backlog age and drop policies.",
            "",
            "the alert on waiting clients of the pool and its test, attested",
        ),
        Item {
            id: "000.8",
            title: "Introduce read replicas and query timeouts; prove with before/after load tests.",
            threshold: "",
            needs: &[Input::Server, Input::Attestation],
            supply: "the load tests before and after, attested with their output",
            decide: Decide::against(&[STATEMENT_TIMEOUT], "load tests leave no trace on a server"),
        },
        Item::attested(
            "000.9",
            "Centralize secrets, rotate quarterly, and eliminate long-lived cloud credentials.",
            "",
            "the secrets manager's rotation log for the database's credentials, attested",
        ),
        Item::attested(
            "000.10",
            "Create a “last 10 outages” review and fix systemic causes, not symptoms.",
            "",
            "the review, attested",
        ),
        Item {
            id: "000.11",
            title: "long-lived DB connections",
            threshold: "",
            needs: &[Input::Window, Input::Server, Input::Logs, Input::Attestation],
            supply: "snapshots a day apart (pgassay audit --since), or the pool's maximum lifetime, attested",
            decide: Decide::by(&[super::connections::TOO_OLD, POOLED, SHORT_LIVED, LOG_UNDERSTOOD.alternative()]),
        },
    ],
};
