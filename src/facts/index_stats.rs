//! The counters of indexes since the last reset.

use crate::pg::Query;
use crate::time::Timestamp;

/// `sql/facts/index_stats.sql`
pub static QUERY: Query = Query {
    name: "index_stats",
    variants: &[
        (14, include_str!("../../sql/facts/index_stats.sql")),
        (16, include_str!("../../sql/facts/index_stats.pg16.sql")),
    ],
};

crate::row! {
    /// The counters of an index.
    pub struct IndexStats {
        /// The index.
        pub oid: u32,
        /// Scans begun.
        pub scans: i64,
        /// Entries they returned.
        pub entries_read: i64,
        /// Rows fetched by plain index scans.
        pub rows_fetched: i64,
        /// From 16.
        pub last_scan: Option<Timestamp>,
    }
}
