//! [`Timestamp`] from the wire.

use std::error::Error;

use tokio_postgres::types::{FromSql, Type, accepts};

pub use crate::time::Timestamp;

impl<'a> FromSql<'a> for Timestamp {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let micros = raw.try_into().map_err(|_| "a timestamptz has eight bytes")?;
        Ok(Self::from_postgres_micros(i64::from_be_bytes(micros)))
    }

    accepts!(TIMESTAMPTZ);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_the_servers_epoch_and_infinities() {
        let decoded = |raw: i64| Timestamp::from_sql(&Type::TIMESTAMPTZ, &raw.to_be_bytes()).unwrap();
        assert_eq!(decoded(0).to_string(), "2000-01-01T00:00:00Z");
        assert_eq!(decoded(i64::MAX), Timestamp::INFINITY);
        assert_eq!(decoded(i64::MIN), Timestamp::NEGATIVE_INFINITY);
        assert!(Timestamp::from_sql(&Type::TIMESTAMPTZ, &[1, 2]).is_err());
    }
}
