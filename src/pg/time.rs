//! [`Timestamp`] from the wire.

pub use crate::time::Timestamp;
use std::error::Error;
use tokio_postgres::types::{FromSql, Type, accepts};

impl<'a> FromSql<'a> for Timestamp {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let micros = raw.try_into().map_err(|_| "a timestamptz has eight bytes")?;
        Ok(Self::from_postgres_micros(i64::from_be_bytes(micros)))
    }

    accepts!(TIMESTAMPTZ);
}
