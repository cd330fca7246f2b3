//! The statements `pg_stat_statements` counts, and since when.

use crate::fingerprint::{FingerprintKind, StatementKind, normalise_all};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// `sql/facts/statements*.sql`: the extension's version decides the columns, not the server's, so the variants are named
/// for it. `extension_schema` stands for the schema it was installed in.
pub static VARIANTS: &[((u32, u32), &str)] = &[
    ((1, 8), include_str!("../../sql/facts/statements.sql")),
    ((1, 9), include_str!("../../sql/facts/statements.v1_9.sql")),
    ((1, 11), include_str!("../../sql/facts/statements.v1_11.sql")),
];

/// `sql/facts/statements_info.sql`, from 1.9 of the extension.
pub static INFO: &str = include_str!("../../sql/facts/statements_info.sql");

/// The text for an installed version of the extension; none where it is older than every variant.
pub fn sql(version: &str) -> Option<&'static str> {
    let installed = parse_version(version)?;
    VARIANTS.iter().rev().find(|(minimum, _)| *minimum <= installed).map(|(_, sql)| *sql)
}

/// `1.10` as (1, 10).
pub fn parse_version(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next().unwrap_or("0").parse().ok()?))
}

crate::row! {
    /// What the extension says of itself.
    pub struct StatementsInfo {
        /// Statements forgotten because there were too many.
        pub evicted: i64,
        /// When it was reset.
        pub stats_reset: Option<Timestamp>,
    }
}

crate::row! {
    /// A statement as the extension shows it, with its raw text.
    pub struct RawStatement {
        /// The database; none where it was dropped.
        pub database: Option<String>,
        /// The role; none where it was dropped.
        pub role: Option<String>,
        /// The server's identity of the statement; none where this role may not see it.
        pub query_id: Option<String>,
        /// Whether it was sent by a client, and not run inside a function; always before 1.9 of the extension.
        pub is_top_level: bool,
        /// Its text; none where this role may not see it.
        pub query: Option<String>,
        /// Whether the text was cut.
        pub is_truncated: Option<bool>,
        /// Executions.
        pub calls: i64,
        /// Milliseconds executing, together.
        pub total_ms: f64,
        /// Milliseconds, least.
        pub min_ms: f64,
        /// Milliseconds, most.
        pub max_ms: f64,
        /// Milliseconds, mean.
        pub mean_ms: f64,
        /// Milliseconds, standard deviation of the population.
        pub stddev_ms: f64,
        /// Rows returned or affected, together.
        pub rows: i64,
        /// Pages found in the buffer cache.
        pub blocks_hit: i64,
        /// Pages read from outside it.
        pub blocks_read: i64,
        /// Pages of temporary files written.
        pub temp_blocks_written: i64,
        /// When it was first seen; from 1.11 of the extension.
        pub since: Option<Timestamp>,
        /// When its least and most were reset; from 1.11 of the extension.
        pub extremes_since: Option<Timestamp>,
    }
}

/// A statement of one role in one database, counted since it was first seen. Its text is without literals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The counters.
    #[serde(flatten)]
    pub counters: RawStatement,
    /// pg_query's fingerprint, or the shape hash; none where this role may not see the text.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// What the fingerprint was made from.
    #[serde(default)]
    pub fingerprint_kind: Option<FingerprintKind>,
    /// What it is; none where this role may not see the text.
    #[serde(default)]
    pub kind: Option<StatementKind>,
}

/// Takes the literals out of the texts; each distinct text is parsed once.
pub fn redact(rows: Vec<RawStatement>) -> Vec<Statement> {
    let visible = |row: &RawStatement| row.query_id.is_some() && row.query.is_some();
    let mut distinct: HashMap<String, usize> = HashMap::new();
    for row in rows.iter().filter(|row| visible(row)) {
        let next = distinct.len();
        distinct.entry(row.query.clone().unwrap_or_default()).or_insert(next);
    }
    let mut texts = vec![""; distinct.len()];
    for (text, index) in &distinct {
        texts[*index] = text;
    }
    let normalised = normalise_all(&texts);
    let redacted = rows.into_iter().map(|mut counters| {
        let known = visible(&counters).then(|| counters.query.as_deref().and_then(|text| distinct.get(text))).flatten();
        let Some(normalised) = known.and_then(|index| normalised.get(*index)) else {
            counters.query = None;
            return Statement { counters, ..Statement::default() };
        };
        counters.query = Some(normalised.text.clone());
        Statement {
            counters,
            fingerprint: Some(normalised.fingerprint.clone()),
            fingerprint_kind: Some(normalised.fingerprint_kind.clone()),
            kind: Some(normalised.kind.clone()),
        }
    });
    redacted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installed_version_decides() {
        assert_eq!(sql("1.7"), None);
        assert_eq!(sql("1.8"), Some(VARIANTS[0].1));
        assert_eq!(sql("1.10"), Some(VARIANTS[1].1));
        assert_eq!(sql("1.12"), Some(VARIANTS[2].1));
        assert_eq!(sql("2.0"), Some(VARIANTS[2].1));
        assert_eq!(sql("devel"), None);
    }

    #[test]
    fn hidden_texts_stay_hidden_and_literals_go() {
        let row = |id: Option<&str>, query: &str| RawStatement {
            query_id: id.map(str::to_owned),
            query: Some(query.to_owned()),
            ..RawStatement::default()
        };
        let rows = redact(vec![
            row(Some("1"), "alter role a password 'canary'"),
            row(None, "<insufficient privilege>"),
            row(Some("2"), "select * from t where a = $1 and b = 'canary'"),
        ]);
        assert_eq!(rows[0].counters.query.as_deref(), Some("ALTER ROLE …"));
        assert_eq!((rows[1].counters.query.as_deref(), rows[1].kind.as_ref()), (None, None));
        assert!(!format!("{rows:?}").contains("canary"));
    }
}
