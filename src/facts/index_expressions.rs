//! The expressions and predicates of indexes.

use crate::pg::Query;
use std::collections::HashMap;

/// `sql/facts/index_expressions.sql`
pub static QUERY: Query =
    Query { name: "index_expressions", variants: &[(14, include_str!("../../sql/facts/index_expressions.sql"))] };

crate::row! {
    /// The text of an index's expressions and predicate.
    pub struct IndexExpression {
        /// The index.
        pub oid: u32,
        /// Its expressions, separated by commas.
        pub expressions: Option<String>,
        /// Its predicate.
        pub predicate: Option<String>,
    }
}

/// Takes the literals out of the texts. Two indexes are the same only where their literals are, so a text that had any
/// carries the number of its original among the different ones of the database, as a comment.
pub fn redact(rows: Vec<IndexExpression>) -> Vec<IndexExpression> {
    let mut originals: HashMap<String, usize> = HashMap::new();
    let mut plain = |text: String| {
        let without = crate::fingerprint::expression(&text);
        if without == text {
            return text;
        }
        let next = originals.len() + 1;
        let number = *originals.entry(text).or_insert(next);
        format!("{without} /* {number} */")
    };
    rows.into_iter()
        .map(|row| IndexExpression {
            oid: row.oid,
            expressions: row.expressions.map(&mut plain),
            predicate: row.predicate.map(&mut plain),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_go_and_what_differed_still_differs() {
        let row = |oid, predicate: &str| IndexExpression { oid, expressions: None, predicate: Some(predicate.into()) };
        let rows = redact(vec![
            row(1, "(state = 'canary'::text)"),
            row(2, "(state = 'other'::text)"),
            row(3, "(state = 'canary'::text)"),
            row(4, "(customer IS NOT NULL)"),
        ]);
        assert!(!format!("{rows:?}").contains("canary"));
        assert_eq!(rows[0].predicate, rows[2].predicate);
        assert_ne!(rows[0].predicate, rows[1].predicate);
        assert_eq!(rows[3].predicate.as_deref(), Some("(customer IS NOT NULL)"));
    }
}
