//! Sequences, and how far they have come.

use crate::pg::Query;

/// `sql/facts/sequences.sql`
pub static QUERY: Query = Query { name: "sequences", variants: &[(14, include_str!("../../sql/facts/sequences.sql"))] };

crate::row! {
    /// A sequence.
    pub struct Sequence {
        /// A join key within this database of this snapshot.
        pub oid: u32,
        /// Its schema.
        pub schema: String,
        /// Its name.
        pub name: String,
        /// `int2`, `int4` or `int8`.
        pub r#type: String,
        /// The first value.
        pub start: i64,
        /// The least value.
        pub minimum: i64,
        /// The greatest value.
        pub maximum: i64,
        /// The step, negative for a descending one.
        pub increment: i64,
        /// Whether it starts again at the end.
        pub cycles: bool,
        /// Whether its last value was read: the auditing role may, and nothing stood in the way.
        pub readable: bool,
        /// The last value handed out, measured; none where it was never used or is not readable.
        pub last_value: Option<i64>,
        /// Whether an extension made it.
        pub owned_by_extension: bool,
    }
}
