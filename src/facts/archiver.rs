//! What the archiver of write-ahead log has done.

use crate::pg::Query;
use crate::time::Timestamp;

/// `sql/facts/archiver.sql`
pub static QUERY: Query = Query { name: "archiver", variants: &[(14, include_str!("../../sql/facts/archiver.sql"))] };

crate::row! {
    /// The archiver's counters.
    pub struct Archiver {
        /// Files archived.
        pub archived: i64,
        /// The last success.
        pub last_archived_at: Option<Timestamp>,
        /// Failures.
        pub failed: i64,
        /// The last failure.
        pub last_failed_at: Option<Timestamp>,
        /// When the counters were reset.
        pub stats_reset: Option<Timestamp>,
    }
}
