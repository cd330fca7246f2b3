//! Roles, and the roles they are members of.

use crate::pg::Query;
use crate::time::Timestamp;

/// `sql/facts/roles.sql`
pub static QUERY: Query = Query { name: "roles", variants: &[(14, include_str!("../../sql/facts/roles.sql"))] };

crate::row! {
    /// A role.
    pub struct Role {
        /// Its name.
        pub name: String,
        /// Superuser.
        pub is_superuser: bool,
        /// May log in.
        pub can_login: bool,
        /// May replicate.
        pub replication: bool,
        /// Is not subject to row security.
        pub bypass_rls: bool,
        /// May make roles.
        pub create_role: bool,
        /// May make databases.
        pub create_database: bool,
        /// Sessions at most; -1 for no limit.
        pub connection_limit: i32,
        /// When its password ends, possibly never.
        pub valid_until: Option<Timestamp>,
        /// The roles it is a direct member of.
        pub member_of: Vec<String>,
    }
}
