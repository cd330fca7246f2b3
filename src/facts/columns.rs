//! The columns of users' tables.

use crate::pg::Query;

/// `sql/facts/columns.sql`
pub static QUERY: Query = Query { name: "columns", variants: &[(14, include_str!("../../sql/facts/columns.sql"))] };

crate::row! {
    /// A column.
    pub struct Column {
        /// Its table.
        pub table_oid: u32,
        /// Its number.
        pub number: i16,
        /// Its name.
        pub name: String,
        /// Its type.
        pub type_oid: u32,
        /// The type below it, for a domain, however many domains lie between.
        pub base_type_oid: u32,
        /// The name of its type.
        pub r#type: String,
        /// Its collation; 0 for none.
        pub collation_oid: u32,
        /// Whether its collation may call different bytes equal.
        pub is_nondeterministic: bool,
        /// Whether it is `not null`.
        pub not_null: bool,
        /// `a` always, `d` by default, NUL for none.
        pub identity: char,
        /// `s` stored, `v` virtual, NUL for none.
        pub generated: char,
        /// Whether it has a default.
        pub has_default: bool,
        /// Whether its table is partitioned by it, or by an expression that uses it.
        pub is_partition_key: bool,
        /// Its type with the length or the precision, as SQL; empty where a snapshot was taken before this was read.
        pub full_type: String,
    }
}
