//! The counters of tables since the last reset.

use crate::pg::Query;
use crate::time::Timestamp;

/// `sql/facts/table_stats.sql`
pub static QUERY: Query = Query {
    name: "table_stats",
    variants: &[
        (14, include_str!("../../sql/facts/table_stats.sql")),
        (16, include_str!("../../sql/facts/table_stats.pg16.sql")),
    ],
};

crate::row! {
    /// The counters of a table that stores rows.
    pub struct TableStats {
        /// The table.
        pub oid: u32,
        /// Sequential scans begun.
        pub sequential_scans: i64,
        /// Live rows they read.
        pub sequential_rows: i64,
        /// Rows inserted.
        pub inserts: i64,
        /// Rows updated.
        pub updates: i64,
        /// … without touching an index.
        pub hot_updates: i64,
        /// Rows deleted.
        pub deletes: i64,
        /// An estimate; 0 after a crash.
        pub live_rows: i64,
        /// An estimate.
        pub dead_rows: i64,
        /// Rows changed since its statistics were made.
        pub changed_since_analyze: i64,
        /// By hand.
        pub last_vacuum: Option<Timestamp>,
        /// By autovacuum.
        pub last_autovacuum: Option<Timestamp>,
        /// By hand.
        pub last_analyze: Option<Timestamp>,
        /// By autovacuum.
        pub last_autoanalyze: Option<Timestamp>,
        /// From 16.
        pub last_sequential_scan: Option<Timestamp>,
    }
}
