//! Standbys and other receivers that stream from this server.

use crate::pg::Query;

/// `sql/facts/replication.sql`
pub static QUERY: Query =
    Query { name: "replication", variants: &[(14, include_str!("../../sql/facts/replication.sql"))] };

crate::row! {
    /// A receiver of write-ahead log.
    pub struct Replica {
        /// The walsender.
        pub pid: i32,
        /// The role it connected as.
        pub role: Option<String>,
        /// Its application_name: the name of the standby.
        pub application: Option<String>,
        /// Where it is.
        pub client_address: Option<String>,
        /// `streaming`, `catchup`, …
        pub state: Option<String>,
        /// `async`, `sync`, `quorum`, `potential`.
        pub sync_state: Option<String>,
        /// Sent up to.
        pub sent_lsn: Option<String>,
        /// Replayed up to.
        pub replay_lsn: Option<String>,
        /// Bytes not yet replayed.
        pub replay_lag_bytes: Option<i64>,
        /// The lag the standby reported last; grows stale on an idle primary.
        pub replay_lag_seconds: Option<f64>,
        /// The age of the horizon it holds back.
        pub xmin_age: Option<i32>,
    }
}
