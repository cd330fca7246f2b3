//! Indexes that are being built at this instant.

use crate::pg::Query;

/// `sql/facts/index_builds.sql`
pub static QUERY: Query =
    Query { name: "index_builds", variants: &[(14, include_str!("../../sql/facts/index_builds.sql"))] };

crate::row! {
    /// An index build in progress.
    pub struct IndexBuild {
        /// The table; 0 where this role may not see what is built.
        pub table_oid: u32,
        /// The index; 0 where it has none yet.
        pub index_oid: u32,
        /// `CREATE INDEX CONCURRENTLY`, …
        pub command: Option<String>,
        /// How far it is.
        pub phase: Option<String>,
    }
}
