//! Section 8: scalability.

use super::{Item, Section};

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
        Item::attested(
            "8.7",
            "Pagination on all list endpoints",
            "Cursor or offset pagination",
            "a review of every list endpoint, attested",
        ),
        Item::attested(
            "8.8",
            "Max response size bounded",
            "No unbounded result sets",
            "a review of every query that answers a request for its limit, attested",
        ),
    ],
};
