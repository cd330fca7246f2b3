//! The register of reviewed plans: `reviews/*.toml`, written by people and by `pgassay review-plan`.
//!
//! ```toml
//! [[review]]
//! fingerprint = "50fde20626009aba"
//! reviewer = "Ada"
//! date = "2026-11-22"
//! plan_hash = "0f6e1d2c3b4a5968"
//! query = "select * from orders where id = $1"
//! note = "index scan on orders_pkey"
//! ```
//! Pure: whoever reads the files hands in their names and texts.

use crate::checks::context::Review;
use crate::facts::plans::Plan;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::Spanned;

/// What is wrong with a file of the register.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// It is not TOML, or not of this form.
    #[error("{file}:{line}: {message}")]
    Form {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// A fingerprint or a plan hash is not one.
    #[error("{file}:{line}: {field} \"{value}\" is not 16 hexadecimal digits, as pgassay prints them")]
    Digits {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// `fingerprint` or `plan_hash`.
        field: &'static str,
        /// What stands there.
        value: String,
    },
    /// A date is not one.
    #[error("{file}:{line}: date {value} is not a date like 2026-11-22")]
    Date {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What stands there.
        value: String,
    },
    /// Nobody stands behind a review.
    #[error("{file}:{line}: reviewer is empty, name who looked at the plan")]
    Reviewer {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    #[serde(default)]
    review: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    fingerprint: Spanned<String>,
    reviewer: Spanned<String>,
    date: Spanned<toml::Value>,
    plan_hash: Option<Spanned<String>>,
    // for the reader of the file; the fingerprint decides
    #[serde(rename = "query")]
    _query: Option<String>,
    #[serde(rename = "note")]
    _note: Option<String>,
}

/// Reads the register from the names and texts of its files. Of several reviews of one statement the latest counts; of
/// two of one day the one that stands later.
///
/// # Errors
/// The first thing that is wrong, with its file and line.
pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Vec<Review>, ReviewError> {
    let mut latest: BTreeMap<String, Review> = BTreeMap::new();
    for (file, text) in files {
        for review in parse_file(file, text)? {
            match latest.get(&review.fingerprint) {
                Some(known) if known.date > review.date => {}
                _ => {
                    latest.insert(review.fingerprint.clone(), review);
                }
            }
        }
    }
    Ok(latest.into_values().collect())
}

fn parse_file(file: &str, text: &str) -> Result<Vec<Review>, ReviewError> {
    let line = |offset: usize| text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
    let register: Register = toml::from_str(text).map_err(|error| ReviewError::Form {
        file: file.to_owned(),
        line: error.span().map_or(1, |span| line(span.start)),
        message: error.message().to_owned(),
    })?;
    let digits = |field: &'static str, value: &Spanned<String>| {
        let digits = value.get_ref().to_ascii_lowercase();
        match digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => Ok(digits),
            false => Err(ReviewError::Digits {
                file: file.to_owned(),
                line: line(value.span().start),
                field,
                value: value.get_ref().clone(),
            }),
        }
    };
    let review = |entry: Entry| {
        if entry.reviewer.get_ref().trim().is_empty() {
            return Err(ReviewError::Reviewer { file: file.to_owned(), line: line(entry.reviewer.span().start) });
        }
        let written = match entry.date.get_ref() {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let date = Timestamp::parse(&written).filter(|date| date.is_finite()).ok_or_else(|| ReviewError::Date {
            file: file.to_owned(),
            line: line(entry.date.span().start),
            value: written,
        })?;
        Ok(Review {
            fingerprint: digits("fingerprint", &entry.fingerprint)?,
            reviewer: entry.reviewer.into_inner(),
            date,
            plan_hash: entry.plan_hash.as_ref().map(|hash| digits("plan_hash", hash)).transpose()?,
            file: file.to_owned(),
        })
    };
    register.review.into_iter().map(review).collect()
}

#[derive(Serialize)]
struct Written<'a> {
    fingerprint: &'a str,
    reviewer: &'a str,
    date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_hash: Option<String>,
    query: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

/// The text of an entry, to be appended to a file of the register: it parses back by [`parse`].
///
/// `plan` is the plan that was reviewed, where one is known; its hash is what makes the review stale later.
///
/// # Errors
/// The text has no form in TOML, which no fingerprint and no normalised query lacks.
pub fn entry(
    query: &crate::report::Query,
    reviewer: &str,
    date: Timestamp,
    plan: Option<&Plan>,
    note: Option<&str>,
) -> Result<String, toml::ser::Error> {
    let written = Written {
        fingerprint: &query.fingerprint,
        reviewer,
        date: date.date(),
        plan_hash: plan.and_then(Plan::hash),
        query: &query.query,
        note,
    };
    Ok(format!("[[review]]\n{}", toml::to_string(&written)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::plans::PlanNode;

    fn one(text: &str) -> Result<Vec<Review>, String> {
        parse([("reviews/a.toml", text)]).map_err(|error| error.to_string())
    }

    const GOOD: &str =
        "[[review]]\nfingerprint = \"50FDE20626009aba\"\nreviewer = \"Ada\"\ndate = 2026-11-22\nnote = \"x\"\n";

    #[test]
    fn entries_are_read() {
        let review = one(GOOD).unwrap().remove(0);
        assert_eq!(review.fingerprint, "50fde20626009aba");
        assert_eq!(
            (review.date.date().as_str(), review.plan_hash, review.file.as_str()),
            ("2026-11-22", None, "reviews/a.toml")
        );
        assert_eq!(one("").unwrap(), []);
        assert_eq!(one(&GOOD.replace("2026-11-22", "\"2026-11-22\"")).unwrap().len(), 1);
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        for (from, to, error) in [
            (
                "50FDE20626009aba",
                "50fd",
                "reviews/a.toml:2: fingerprint \"50fd\" is not 16 hexadecimal digits, as pgassay prints them",
            ),
            ("\"Ada\"", "\" \"", "reviews/a.toml:3: reviewer is empty, name who looked at the plan"),
            ("2026-11-22", "\"soon\"", "reviews/a.toml:4: date soon is not a date like 2026-11-22"),
            ("2026-11-22", "7", "reviews/a.toml:4: date 7 is not a date like 2026-11-22"),
            ("2026-11-22", "\"infinity\"", "reviews/a.toml:4: date infinity is not a date like 2026-11-22"),
        ] {
            assert_eq!(one(&GOOD.replace(from, to)).unwrap_err(), error);
        }
        assert!(one(&GOOD.replace("note", "nota")).unwrap_err().starts_with("reviews/a.toml:5: unknown field `nota`"));
        assert!(one(&GOOD.replace("reviewer", "#")).unwrap_err().contains("missing field `reviewer`"));
        assert!(one("[[review]\n").unwrap_err().starts_with("reviews/a.toml:1: "));
        assert!(one("[[reviews]]\n").unwrap_err().contains("unknown field `reviews`"));
    }

    #[test]
    fn the_latest_review_counts() {
        let old = GOOD.replace("2026-11-22", "2025-01-01").replace("Ada", "Old");
        let again = GOOD.replace("Ada", "Again");
        for (files, reviewer) in [
            (vec![("a", GOOD), ("b", old.as_str())], "Ada"),
            (vec![("a", old.as_str()), ("b", GOOD)], "Ada"),
            (vec![("a", GOOD), ("b", again.as_str())], "Again"),
        ] {
            let reviews = parse(files).unwrap();
            assert_eq!((reviews.len(), reviews[0].reviewer.as_str()), (1, reviewer));
        }
    }

    fn query(text: &str) -> crate::report::Query {
        serde_json::from_value(serde_json::json!({
            "fingerprint": "50fde20626009aba", "fingerprint_kind": "pg_query", "database": "shop", "query": text,
            "calls": 1, "errors": null, "total_ms": 1.0, "mean_ms": 1.0, "p50_ms": null, "p95_ms": null, "p99_ms": null,
            "p99_low_ms": null, "p99_high_ms": null, "max_ms": null, "rows": 1
        }))
        .unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let nodes = vec![PlanNode { node: "Index Scan".into(), ..PlanNode::default() }];
        let plan = Plan { fingerprint: "50fde20626009aba".into(), nodes: Ok(nodes) };
        for text in ["select 1", "select \"a\nb\" from \"'''\" where x = '\\'", "select \u{1}\"\"\"é😀"] {
            let date = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
            let written = entry(&query(text), "Ada \"L\"", date, Some(&plan), Some("[[review]]\n#")).unwrap();
            // appended to what is there already
            let reviews = parse([("f", format!("{}{written}", GOOD.replace("50FDE", "00000")).as_str())]).unwrap();
            assert_eq!(reviews.len(), 2, "{written}");
            assert_eq!(reviews[1].reviewer, "Ada \"L\"");
            assert_eq!(reviews[1].plan_hash, plan.hash());
            let table: toml::Table = written.parse().unwrap();
            assert_eq!(table["review"][0]["query"].as_str(), Some(text));
        }
    }
}
