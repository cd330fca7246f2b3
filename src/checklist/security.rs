//! Section 6: security. What a server shows of these (row security, secrets in settings, an outdated minor version) is
//! a part of each item and proves none of them.

use super::{Item, Section};

pub(super) static SECTION: Section = Section {
    id: "6",
    title: "Security",
    items: &[
        Item::attested(
            "6.1",
            "Authentication on all non-public endpoints",
            "100% coverage",
            "a test that calls every endpoint without credentials, attested",
        ),
        Item::attested(
            "6.2",
            "Authorization checked at data layer (not just route layer)",
            "100% coverage",
            "a review of row security policies, or of tenant filters in the data layer, attested",
        ),
        Item::attested(
            "6.3",
            "Rate limiting on all public endpoints",
            "Limits configured",
            "the limits in the gateway's configuration, attested",
        ),
        Item::attested(
            "6.4",
            "Rate limiting on auth endpoints",
            "Stricter limits (e.g., 10 req/min)",
            "the limits of the authentication endpoints in the gateway's configuration, attested",
        ),
        Item::attested(
            "6.5",
            "SQL injection prevention (parameterized queries)",
            "0 string-concatenated queries",
            "static analysis of the application's code for concatenated SQL, attested",
        ),
        Item::attested(
            "6.6",
            "Input validation on all user-provided data",
            "Validation library in use",
            "the validation library and where it is applied, attested",
        ),
        Item::attested(
            "6.7",
            "Secrets not in source code",
            "0 secrets in git history",
            "a secret scan over the whole git history, attested with its output",
        ),
        Item::attested(
            "6.8",
            "CORS configured (not * on API)",
            "Domain allowlist",
            "the Access-Control-Allow-Origin header of the API's responses, attested",
        ),
        Item::attested(
            "6.9",
            "Security headers set (HSTS, X-Frame-Options, etc.)",
            "Headers present",
            "the headers of the service's responses, attested",
        ),
        Item::attested(
            "6.10",
            "Dependencies scanned for CVEs",
            "Scan in CI pipeline",
            "the pipeline step that scans dependencies, attested with its output",
        ),
    ],
};
