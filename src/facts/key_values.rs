//! The greatest value of an integer primary key that no sequence feeds: one probe of its index.

use crate::outcome::Missing;
use serde::{Deserialize, Serialize};

crate::row! {
    /// The greatest value of a column.
    pub struct Greatest {
        /// None in an empty table.
        pub value: Option<i64>,
    }
}

/// What is known of the values of one key column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyValue {
    /// The table.
    pub table_oid: u32,
    /// The column.
    pub column_number: i16,
    /// The greatest value, none in an empty table; or why it could not be read.
    pub greatest: Result<Option<i64>, Missing>,
}
