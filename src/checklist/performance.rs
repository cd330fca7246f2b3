//! Section 1: latency and limits of the API. A database sees its own share of a request, never the request.

use super::{Decide, Decider, Input, Item, Section};

const LOAD_TEST: &str = "a load test of the endpoints (k6 or wrk print the percentiles), attested with its output";

pub(super) static SECTION: Section = Section {
    id: "1",
    title: "API Performance",
    items: &[
        Item::attested("1.1", "Read endpoints p99 latency", "< 200ms", LOAD_TEST),
        Item::attested("1.2", "Write endpoints p99 latency", "< 500ms", LOAD_TEST),
        Item::attested("1.3", "No endpoint exceeds p99 > 1s under normal load", "0 violations", LOAD_TEST),
        Item {
            id: "1.4",
            title: "p99/p50 ratio (tail latency amplification)",
            threshold: "< 4×",
            needs: &[Input::Attestation, Input::Logs],
            supply: LOAD_TEST,
            decide: Decide::against(
                // A tail of a query is a tail of every request that waits for it, but not by as much.
                &[Decider::symptom("slow-tail", "logged queries", "with a long tail").in_logs().only_warns()],
                "a log has the database's share of a request, never the request",
            ),
        },
        Item::attested(
            "1.5",
            "Timeouts configured on all outbound HTTP calls",
            "100% coverage",
            "a review of every HTTP client's timeout in the application's code, attested",
        ),
        Item::attested(
            "1.6",
            "Request size limits enforced",
            "Max body size configured",
            "the maximum body size in the web server's or gateway's configuration, attested",
        ),
    ],
};
