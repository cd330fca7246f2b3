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
        /// The index method of the family.
        pub method: String,
        /// The types that an index by that method uses the family for where no operator class is named. Those of a
        /// polymorphic type (arrays, enums, ranges, rows) are named by it.
        pub default_types: Vec<u32>,
    }
}
