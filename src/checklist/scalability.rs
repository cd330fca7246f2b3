//! Section 8: scalability.

use super::{Decide, Decider, Input, Item, Section};

pub(super) static SECTION: Section = Section {
    id: "8",
    title: "Scalability",
    items: &[
        Item::attested(
            "8.1",
            "Horizontal scaling tested",
            "Service runs with N>1 instances without issues",
            "a load test with several instances, attested",
        ),
        Item::attested(
            "8.2",
            "Stateless service (no in-process session state)",
            "State in Redis/DB only",
            "a review of where sessions live, attested",
        ),
        Item::attested(
            "8.3",
            "No shared mutable in-memory state across requests",
            "Confirmed stateless",
            "a review of the application's globals, attested",
        ),
        Item::attested(
            "8.4",
            "Database read replicas used for read-heavy queries",
            "Read/write split configured",
            "the application's read/write split (which connection string serves reads), attested",
        ),
        Item::attested(
            "8.5",
            "Long-running jobs in async queue (not synchronous HTTP)",
            "Job queue in use",
            "the job queue and what runs in it, attested",
        ),
        Item::attested(
            "8.6",
            "File uploads/downloads proxied (not through app server)",
            "Presigned URLs or CDN",
            "how files reach the storage, attested",
        ),
        Item {
            id: "8.7",
            title: "Pagination on all list endpoints",
            threshold: "Cursor or offset pagination",
            needs: &[Input::Attestation, Input::Logs],
            supply: "a review of every list endpoint, attested",
            decide: Decide::against(
                // Pages by offset are pages; those that are reached by skipping thousands of rows only warn.
                &[Decider::symptom("deep-offset", "logged queries with an offset", "that skip many rows")
                    .in_logs()
                    .only_warns()],
                "which endpoints answer lists shows only in the application's code",
            ),
        },
        Item {
            id: "8.8",
            title: "Max response size bounded",
            threshold: "No unbounded result sets",
            needs: &[Input::Attestation, Input::Logs],
            supply: "a review of every query that answers a request for its limit, attested",
            decide: Decide::against(
                // A large result may be an export, which nobody's request waits for.
                &[Decider::symptom(
                    "large-result-logged",
                    "logged queries whose rows are known",
                    "with a large result",
                )
                .in_logs()
                .only_warns()],
                "what bounds a response shows only in the application's code",
            ),
        },
    ],
};
