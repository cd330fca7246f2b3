//! The server, the session that reads it, and what its role may see.

use crate::pg::Query;
use crate::time::Timestamp;

/// `sql/facts/server.sql`
pub static QUERY: Query = Query { name: "server", variants: &[(14, include_str!("../../sql/facts/server.sql"))] };

crate::row! {
    /// The server and the session that reads it.
    pub struct Server {
        /// `server_version_num`: 150018 is 15.18.
        pub version_number: i32,
        /// `server_version`.
        pub version: String,
        /// `version()`, with the platform it was built for.
        pub version_text: String,
        /// The server's clock when the collection began: "now" of every judgement.
        pub read_at: Option<Timestamp>,
        /// When the postmaster started.
        pub started_at: Option<Timestamp>,
        /// When the configuration was loaded last.
        pub configured_at: Option<Timestamp>,
        /// Whether it is a standby.
        pub in_recovery: bool,
        /// Bytes a page.
        pub block_size: i32,
        /// The database this session is in.
        pub database: String,
        /// The session's role.
        pub role: String,
        /// Whether that role is a superuser.
        pub is_superuser: bool,
        /// Whether it has the privileges of `pg_monitor`.
        pub has_monitor: bool,
        /// … of `pg_read_all_stats`.
        pub reads_all_stats: bool,
        /// … of `pg_read_all_settings`.
        pub reads_all_settings: bool,
        /// … of `pg_stat_scan_tables`.
        pub scans_tables: bool,
        /// … of `pg_read_all_data`.
        pub reads_all_data: bool,
    }
}
