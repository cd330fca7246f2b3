//! Which columns take their values from which sequence.

use crate::pg::Query;

/// `sql/facts/sequence_uses.sql`
pub static QUERY: Query =
    Query { name: "sequence_uses", variants: &[(14, include_str!("../../sql/facts/sequence_uses.sql"))] };

crate::row! {
    /// A column fed by a sequence.
    pub struct SequenceUse {
        /// The sequence.
        pub sequence_oid: u32,
        /// The table.
        pub table_oid: u32,
        /// The column.
        pub column_number: i16,
    }
}
