//! Section 7: reliability.

use super::{Item, Section};

pub(super) static SECTION: Section = Section {
    id: "7",
    title: "Reliability",
    items: &[
        Item::attested(
            "7.1",
            "Circuit breakers on all external service calls",
            "100% of external calls",
            "a review of every external call in the application's code, attested",
        ),
        Item::attested(
            "7.2",
            "Retry with exponential backoff implemented",
            "Retries capped, jittered",
            "a review of the retry policy in the application's code, attested",
        ),
        Item::attested(
            "7.3",
            "Timeouts on ALL outbound calls (DB, HTTP, cache)",
            "100% have explicit timeout",
            "a review of every client's timeouts, attested; item 2.5 says what the server enforces",
        ),
        Item::attested(
            "7.4",
            "Graceful shutdown implemented",
            "SIGTERM handled, in-flight requests complete",
            "a deployment under load without failed requests, attested",
        ),
        Item::attested(
            "7.5",
            "Health check endpoints exist (liveness + readiness)",
            "/health/live and /health/ready",
            "a request to both endpoints, attested",
        ),
        Item::attested(
            "7.6",
            "Deployment is zero-downtime",
            "Rolling update or blue/green",
            "the deployment's strategy, attested",
        ),
        Item::reviewed(
            "7.7",
            "Database migrations are backward-compatible",
            "Non-breaking schema changes",
            super::migrations::COMPATIBLE,
            super::migrations::SUPPLY,
        ),
        Item::attested(
            "7.8",
            "Feature flags available",
            "Flag system in use",
            "the flag system and one flag in use, attested",
        ),
    ],
};
