//! Which login role may enter which database.

use crate::pg::Query;

/// `sql/facts/role_databases.sql`
pub static QUERY: Query =
    Query { name: "role_databases", variants: &[(14, include_str!("../../sql/facts/role_databases.sql"))] };

crate::row! {
    /// A login role, and a database it has the privilege to connect to.
    pub struct RoleDatabase {
        /// The role.
        pub role: String,
        /// The database.
        pub database: String,
    }
}
