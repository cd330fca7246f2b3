//! Which operator families can search for the equality of a foreign key.

use crate::pg::Query;

/// `sql/facts/key_operators.sql`
pub static QUERY: Query =
    Query { name: "key_operators", variants: &[(14, include_str!("../../sql/facts/key_operators.sql"))] };

crate::row! {
    /// An operator of a foreign key, and a family that has it or its commutator.
    pub struct KeyOperator {
        /// The operator.
        pub operator: u32,
        /// The family.
        pub operator_family: u32,
    }
}
