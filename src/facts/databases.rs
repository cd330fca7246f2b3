//! The databases of the server.

use crate::pg::Query;

/// `sql/facts/databases.sql`
pub static QUERY: Query = Query { name: "databases", variants: &[(14, include_str!("../../sql/facts/databases.sql"))] };

crate::row! {
    /// A database as the catalog knows it.
    pub struct DatabaseInfo {
        /// Its oid.
        pub oid: u32,
        /// Its name.
        pub name: String,
        /// Its owner.
        pub owner: String,
        /// Whether it is a template.
        pub is_template: bool,
        /// Whether anybody may connect.
        pub allows_connections: bool,
        /// Sessions at most; -1 for no limit, -2 for a database a failed `drop` left invalid.
        pub connection_limit: i32,
        /// Its encoding.
        pub encoding: String,
        /// Its default collation of libc.
        pub collation: Option<String>,
        /// Transactions since its oldest unfrozen transaction id.
        pub frozen_xid_age: i32,
        /// Multixacts since its oldest.
        pub min_mxid_age: i32,
        /// Whether the auditing role has the privilege to connect.
        pub connectable: bool,
    }
}
