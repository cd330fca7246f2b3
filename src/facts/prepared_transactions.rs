//! Transactions prepared for two-phase commit.

use crate::pg::Query;
use crate::time::Timestamp;

/// `sql/facts/prepared_transactions.sql`
pub static QUERY: Query = Query {
    name: "prepared_transactions",
    variants: &[(14, include_str!("../../sql/facts/prepared_transactions.sql"))],
};

crate::row! {
    /// A prepared transaction.
    pub struct PreparedTransaction {
        /// Its global identifier.
        pub name: String,
        /// Who prepared it.
        pub owner: String,
        /// Where.
        pub database: String,
        /// When.
        pub prepared_at: Option<Timestamp>,
        /// The age of its transaction id.
        pub xid_age: i32,
    }
}
