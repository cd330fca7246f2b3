//! Section 5: what the service tells about itself.

use super::{Item, Section};

const ALERT: &str = "the alert rule of the monitoring system and a test of it, attested";

pub(super) static SECTION: Section = Section {
    id: "5",
    title: "Observability",
    items: &[
        Item::attested(
            "5.1",
            "Distributed tracing implemented",
            "100% of service boundaries",
            "a trace that crosses every service boundary, attested",
        ),
        Item::attested(
            "5.2",
            "RED metrics exported (Rate, Errors, Duration)",
            "Per endpoint",
            "the metrics endpoint of each service, attested",
        ),
        Item::attested(
            "5.3",
            "Structured logging (JSON, not freeform text)",
            "100% of log lines",
            "a sample of the application's log, attested; the server's own: log_destination = 'jsonlog' (15 and later)",
        ),
        Item::attested(
            "5.4",
            "Request IDs propagated across service calls",
            "100% of requests",
            "one request id followed through every service (traceparent in SQL comments carries it to the server), attested",
        ),
        Item::attested("5.5", "Error rates alerted", "Alert at > 1% error rate", ALERT),
        Item::attested("5.6", "Latency p99 alerted", "Alert at > 500ms p99", ALERT),
        Item::attested(
            "5.7",
            "DB query count per request tracked",
            "Metric exists",
            "the name of the metric on the metrics endpoint, such as db_queries_total{endpoint}, attested",
        ),
        Item::attested(
            "5.8",
            "Cache hit rate tracked",
            "Metric exists",
            "the names of the metrics on the metrics endpoint, such as cache_hits_total, attested",
        ),
    ],
};
