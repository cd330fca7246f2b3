//! The expressions and predicates of indexes.

use crate::pg::Query;

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
