//! The tables of users.

use crate::pg::Query;

/// `sql/facts/tables.sql`
pub static QUERY: Query = Query { name: "tables", variants: &[(14, include_str!("../../sql/facts/tables.sql"))] };

crate::row! {
    /// A table, partitioned table, materialized view or foreign table.
    pub struct Table {
        /// A join key within this database of this snapshot.
        pub oid: u32,
        /// Its schema.
        pub schema: String,
        /// Its name.
        pub name: String,
        /// `r` table, `p` partitioned, `m` materialized view, `f` foreign.
        pub kind: char,
        /// `p` permanent, `u` unlogged.
        pub persistence: char,
        /// Its owner.
        pub owner: String,
        /// Pages, as of the last vacuum, analyze or index build.
        pub pages: i32,
        /// Rows as of then; -1 when never counted.
        pub row_estimate: f64,
        /// Pages all of whose rows every transaction sees.
        pub all_visible_pages: i32,
        /// Whether it is a partition.
        pub is_partition: bool,
        /// `d` primary key, `n` nothing, `f` all columns, `i` an index.
        pub replica_identity: char,
        /// Pages of its toast table.
        pub toast_pages: Option<i32>,
        /// Transactions since its oldest unfrozen transaction id; none where it stores no rows.
        pub frozen_xid_age: Option<i32>,
        /// Multixacts since its oldest.
        pub min_mxid_age: Option<i32>,
        /// Transactions since the oldest unfrozen one of its toast table.
        pub toast_frozen_xid_age: Option<i32>,
        /// Its storage parameters, `name=value`.
        pub options: Option<Vec<String>>,
        /// Whether an extension made it.
        pub owned_by_extension: bool,
        /// Whether it was made of a composite type, which alone says what columns it has.
        pub is_typed: bool,
    }
}
