//! Relations somebody holds, or waits for, in AccessExclusiveLock.

use crate::pg::Query;

/// `sql/facts/locked_relations.sql`
pub static QUERY: Query =
    Query { name: "locked_relations", variants: &[(14, include_str!("../../sql/facts/locked_relations.sql"))] };

crate::row! {
    /// A relation that cannot be read now.
    pub struct LockedRelation {
        /// The relation.
        pub oid: u32,
    }
}
