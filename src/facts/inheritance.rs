//! Which table or index is a partition or child of which.

use crate::pg::Query;

/// `sql/facts/inheritance.sql`
pub static QUERY: Query =
    Query { name: "inheritance", variants: &[(14, include_str!("../../sql/facts/inheritance.sql"))] };

crate::row! {
    /// A child and its parent.
    pub struct Inheritance {
        /// The child.
        pub child_oid: u32,
        /// The parent.
        pub parent_oid: u32,
    }
}
