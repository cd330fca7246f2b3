//! Replication slots, and what they hold back.

use crate::pg::Query;

/// `sql/facts/replication_slots.sql`
pub static QUERY: Query =
    Query { name: "replication_slots", variants: &[(14, include_str!("../../sql/facts/replication_slots.sql"))] };

crate::row! {
    /// A replication slot.
    pub struct ReplicationSlot {
        /// Its name.
        pub name: String,
        /// `physical` or `logical`.
        pub r#type: String,
        /// The database of a logical slot.
        pub database: Option<String>,
        /// Whether somebody streams from it.
        pub active: bool,
        /// `reserved`, `extended`, `unreserved`, `lost`.
        pub wal_status: Option<String>,
        /// Bytes until it may be lost.
        pub safe_wal_bytes: Option<i64>,
        /// The oldest log it needs.
        pub restart_lsn: Option<String>,
        /// Bytes of log it keeps.
        pub retained_bytes: Option<i64>,
        /// The age of the horizon it holds back.
        pub xmin_age: Option<i32>,
        /// … for the catalogs.
        pub catalog_xmin_age: Option<i32>,
    }
}
