//! The counters of each database since the last reset.

use crate::pg::Query;
use crate::time::Timestamp;

/// `sql/facts/database_stats.sql`
pub static QUERY: Query =
    Query { name: "database_stats", variants: &[(14, include_str!("../../sql/facts/database_stats.sql"))] };

crate::row! {
    /// The counters of a database.
    pub struct DatabaseStats {
        /// The database.
        pub database: String,
        /// Sessions at this instant.
        pub backends: i32,
        /// Transactions committed; each session adds one of its own when it starts.
        pub commits: i64,
        /// Transactions rolled back.
        pub rollbacks: i64,
        /// Pages read from outside the buffer cache.
        pub blocks_read: i64,
        /// Pages found in the buffer cache.
        pub blocks_hit: i64,
        /// Rows scanned.
        pub rows_returned: i64,
        /// Rows fetched by index.
        pub rows_fetched: i64,
        /// Rows inserted.
        pub rows_inserted: i64,
        /// Rows updated.
        pub rows_updated: i64,
        /// Rows deleted.
        pub rows_deleted: i64,
        /// Queries cancelled by recovery, on a standby.
        pub conflicts: i64,
        /// Temporary files.
        pub temp_files: i64,
        /// Bytes in them.
        pub temp_bytes: i64,
        /// Deadlocks.
        pub deadlocks: i64,
        /// Damaged pages seen; none where checksums are off.
        pub checksum_failures: Option<i64>,
        /// Milliseconds of all sessions.
        pub session_ms: f64,
        /// Milliseconds spent executing; added when the state ends.
        pub active_ms: f64,
        /// Milliseconds idle in transactions; added when the state ends.
        pub idle_in_transaction_ms: f64,
        /// Sessions begun.
        pub sessions: i64,
        /// Sessions whose client was lost.
        pub sessions_abandoned: i64,
        /// Sessions ended by a fatal error.
        pub sessions_fatal: i64,
        /// Sessions ended by an operator.
        pub sessions_killed: i64,
        /// When the counters were reset; none if they never were.
        pub stats_reset: Option<Timestamp>,
    }
}
