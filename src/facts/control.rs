//! The identity of the cluster, from its control file.

use crate::pg::Query;

/// `sql/facts/control.sql`
pub static QUERY: Query = Query { name: "control", variants: &[(14, include_str!("../../sql/facts/control.sql"))] };

crate::row! {
    /// The identity of the cluster.
    pub struct Control {
        /// Made by initdb, shared by a primary and its standbys; a 64-bit number as text.
        pub system_identifier: String,
        /// The timeline of the last checkpoint.
        pub timeline: i32,
    }
}
