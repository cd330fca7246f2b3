//! The extensions of a database.

use crate::pg::Query;

/// `sql/facts/extensions.sql`
pub static QUERY: Query =
    Query { name: "extensions", variants: &[(14, include_str!("../../sql/facts/extensions.sql"))] };

crate::row! {
    /// An extension.
    pub struct Extension {
        /// Its name.
        pub name: String,
        /// The installed version: it decides the columns of its views.
        pub version: String,
        /// The schema it lives in.
        pub schema: String,
        /// Whether the auditing role has the privilege to use that schema.
        pub usable: bool,
    }
}
