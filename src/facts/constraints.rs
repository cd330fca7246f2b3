//! Primary keys, unique, exclusion and foreign key constraints.

use crate::pg::Query;

/// `sql/facts/constraints.sql`
pub static QUERY: Query = Query {
    name: "constraints",
    variants: &[
        (14, include_str!("../../sql/facts/constraints.sql")),
        (18, include_str!("../../sql/facts/constraints.pg18.sql")),
    ],
};

crate::row! {
    /// A constraint of a table.
    pub struct Constraint {
        /// A join key within this database of this snapshot.
        pub oid: u32,
        /// Its table.
        pub table_oid: u32,
        /// Its name.
        pub name: String,
        /// `p` primary key, `u` unique, `x` exclusion, `f` foreign key.
        pub r#type: char,
        /// Its columns.
        pub columns: Option<Vec<i16>>,
        /// The index behind it; for a foreign key, the one of the referenced table.
        pub index_oid: u32,
        /// The referenced table, for a foreign key.
        pub referenced_table_oid: u32,
        /// The referenced columns.
        pub referenced_columns: Option<Vec<i16>>,
        /// Referenced column = referencing column, for each.
        pub equality_operators: Option<Vec<u32>>,
        /// `a` no action, `r` restrict, `c` cascade, `n` set null, `d` set default.
        pub on_delete: char,
        /// Likewise.
        pub on_update: char,
        /// `s` simple, `f` full.
        pub r#match: char,
        /// Whether existing rows were checked.
        pub is_validated: bool,
        /// Whether it is enforced at all; always before 18.
        pub is_enforced: bool,
        /// Whether it has a `period`; never before 18.
        pub is_temporal: bool,
        /// The constraint it was copied from for a partition; 0 for none.
        pub parent_oid: u32,
    }
}
