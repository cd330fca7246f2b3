//! temp
pub mod query;
pub mod row;
pub mod time;
pub mod version;
pub use query::Query;
pub use row::{Column, DecodeError, FromRow};
pub use tokio_postgres::Row as RawRow;
