//! What a report of a review has beside its findings, in words: what was read, for which server, how it would be sent.

use super::digest;
use crate::finding::Finding;
use crate::report::review::{Review, Statement, Verification};
use crate::report::{Body, Report};
use crate::rule::Severity;

/// The review of a report that is one.
pub(super) struct Reviewed<'a> {
    pub(super) review: &'a Review,
    pub(super) statements: &'a [Statement],
}

impl<'a> Reviewed<'a> {
    pub(super) fn of(report: &'a Report) -> Option<Self> {
        match &report.body {
            Body::Review { review, statements } => Some(Self { review, statements }),
            Body::Audit { .. } | Body::Logs { .. } | Body::Pool { .. } => None,
        }
    }

    /// For which server, and how the files are sent, in short parts.
    pub(super) fn server(&self) -> Vec<String> {
        let review = self.review;
        let mut parts = vec![format!("for PostgreSQL {} ({})", review.major, review.major_because)];
        parts.extend(review.runners.iter().cloned());
        parts.extend(review.sizes.iter().map(|from| format!("sizes from {from}")));
        parts
    }

    /// What was read, in short parts.
    pub(super) fn read(&self) -> Vec<String> {
        let review = self.review;
        let mut parts = vec![digest::plural(review.files, "file")];
        if review.replayed_files > 0 {
            parts.push(format!("{} replayed before", digest::plural(review.replayed_files, "file")));
        }
        parts.push(digest::plural(review.statements_reviewed, "statement"));
        if review.unread > 0 {
            parts.push(format!("{} unread", review.unread));
        }
        parts
    }

    /// What a trace came to, in short parts; nothing where there was none.
    pub(super) fn trace(&self) -> Vec<String> {
        let Some(trace) = &self.review.trace else { return Vec::new() };
        let refuted = self.statements.iter().filter(|one| one.verification == Some(Verification::Refuted)).count();
        let mut parts = vec![format!("traced on {}", trace.server), format!("{} traced", trace.traced)];
        parts.push(format!("{} confirmed", trace.confirmed));
        parts.push(format!("{refuted} refuted"));
        parts.extend(match trace.without_rows.len() {
            0 => None,
            count => Some(format!("{} without rows", digest::plural(count as u64, "table"))),
        });
        parts
    }
}

/// The findings as a reader meets them in the files: by file, line and column, the worst first where they share a place.
pub(super) fn by_place(report: &Report) -> Vec<&Finding> {
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    let place = |finding: &Finding| {
        finding.location.as_ref().map(|location| (location.file.clone(), location.line, location.column))
    };
    findings.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.order(b)));
    findings
}

/// The word a compiler would use.
pub(super) fn level(severity: &Severity) -> &str {
    match severity {
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::Info => "info",
        Severity::Other(word) => word,
    }
}
