//! Section 9: how changes are made.

use super::{Item, Section};

pub(super) static SECTION: Section = Section {
    id: "9",
    title: "Development Practices",
    items: &[
        Item::attested(
            "9.1",
            "EXPLAIN ANALYZE for every new query",
            "PR review requirement",
            "the review template or pipeline step that asks for it, attested",
        ),
        Item::attested(
            "9.2",
            "Load tests for every new endpoint > 100 req/day",
            "Load test in CI",
            "the pipeline step that runs the load tests, attested",
        ),
        Item::attested(
            "9.3",
            "Query count asserted in tests",
            "Test fails if N+1 introduced",
            "a test that asserts its number of queries and fails above it, attested",
        ),
        Item::reviewed(
            "9.4",
            "Database migrations reviewed for lock risk",
            "Advisory lock audit",
            super::migrations::LOCKS,
            "pgassay review, or pgassay audit --migrations; the advisory lock of the migration tool, attested",
        ),
        Item::attested(
            "9.5",
            "Performance budget defined and enforced",
            "p99 SLA per endpoint documented",
            "the document with the p99 of each endpoint and what enforces it, attested",
        ),
    ],
};
