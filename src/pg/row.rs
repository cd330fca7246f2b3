//! Rows: from the wire to plain structs, by position, with the names checked once.

use std::error::Error;

use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type, accepts};

use super::time::Timestamp;

/// A struct that one row of a query fills. Made by [`row!`](crate::row).
pub trait FromRow: Sized {
    /// The names the result must have, in order.
    const COLUMNS: &'static [&'static str];

    /// Decodes a row whose names were found equal to [`Self::COLUMNS`].
    ///
    /// # Errors
    /// A column whose type is not the field's, or a null in a field that is no `Option`.
    fn from_row(row: &Row) -> Result<Self, DecodeError>;
}

/// A result that is not what the program expects: a query and its struct disagree, or the server is not PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The result has other columns than the struct has fields.
    #[error("the result has the columns ({}), expected ({})", found.join(", "), expected.join(", "))]
    Columns {
        /// What the server returned.
        found: Vec<String>,
        /// What the struct is made of.
        expected: Vec<String>,
    },
    /// One value does not fit its field.
    #[error("column \"{column}\" cannot be decoded: {reason}")]
    Value {
        /// The column's name.
        column: String,
        /// What does not fit: the type, a null, or the bytes.
        reason: String,
    },
}

/// A type that one column fills.
///
/// Implemented for the types PostgreSQL's catalogs are made of, their `Option`s and one-dimensional arrays. Implement it
/// for an enum that mirrors a server's by decoding a `String` first.
pub trait Column: Sized {
    /// Decodes the value at a position.
    ///
    /// # Errors
    /// The column's type is another one, or it is null and this is no `Option`.
    fn column(row: &Row, index: usize) -> Result<Self, DecodeError>;
}

/// Decodes one value by the driver, with the column named in the error.
fn value<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, DecodeError> {
    row.try_get(index).map_err(|error| DecodeError::Value {
        column: row.columns().get(index).map_or_else(|| format!("#{index}"), |column| column.name().to_owned()),
        reason: error.source().map_or_else(|| error.to_string(), ToString::to_string),
    })
}

macro_rules! columns {
    ($($type:ty),+) => { $(
        impl Column for $type {
            fn column(row: &Row, index: usize) -> Result<Self, DecodeError> { value(row, index) }
        }
        impl Column for Option<$type> {
            fn column(row: &Row, index: usize) -> Result<Self, DecodeError> { value(row, index) }
        }
        impl Column for Vec<$type> {
            fn column(row: &Row, index: usize) -> Result<Self, DecodeError> { value(row, index) }
        }
        impl Column for Option<Vec<$type>> {
            fn column(row: &Row, index: usize) -> Result<Self, DecodeError> { value(row, index) }
        }
        impl Column for Vec<Option<$type>> {
            fn column(row: &Row, index: usize) -> Result<Self, DecodeError> { value(row, index) }
        }
        impl Column for Option<Vec<Option<$type>>> {
            fn column(row: &Row, index: usize) -> Result<Self, DecodeError> { value(row, index) }
        }
    )+ };
}
columns!(bool, i16, i32, i64, u32, f32, f64, String, Timestamp, Json);

/// PostgreSQL's one-byte `"char"`.
struct Char(char);

impl<'a> FromSql<'a> for Char {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        match raw {
            // the server has no other way to write an empty "char" than a zero byte
            [byte] => Ok(Self(char::from(*byte))),
            _ => Err("a \"char\" has one byte".into()),
        }
    }

    accepts!(CHAR);
}

impl Column for char {
    fn column(row: &Row, index: usize) -> Result<Self, DecodeError> {
        value::<Char>(row, index).map(|Char(char)| char)
    }
}

impl Column for Option<char> {
    fn column(row: &Row, index: usize) -> Result<Self, DecodeError> {
        Ok(value::<Option<Char>>(row, index)?.map(|Char(char)| char))
    }
}

impl Column for Vec<char> {
    fn column(row: &Row, index: usize) -> Result<Self, DecodeError> {
        Ok(value::<Vec<Char>>(row, index)?.into_iter().map(|Char(char)| char).collect())
    }
}

/// A `json` or `jsonb` value.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(pub serde_json::Value);

impl<'a> FromSql<'a> for Json {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let text = match (ty, raw) {
            // the one version of jsonb's wire format there is
            (&Type::JSONB, [1, text @ ..]) => text,
            (&Type::JSONB, _) => return Err("an unknown version of jsonb".into()),
            (_, text) => text,
        };
        Ok(Self(serde_json::from_slice(text)?))
    }

    accepts!(JSON, JSONB);
}

/// Compares a result's names with a struct's, once for each result.
pub(crate) fn check_columns<T: FromRow>(row: &Row) -> Result<(), DecodeError> {
    if row.columns().iter().map(tokio_postgres::Column::name).eq(T::COLUMNS.iter().copied()) {
        return Ok(());
    }
    Err(DecodeError::Columns {
        found: row.columns().iter().map(|column| column.name().to_owned()).collect(),
        expected: T::COLUMNS.iter().map(|&name| name.to_owned()).collect(),
    })
}

/// Declares a struct that is a row: its fields are the columns, in order.
///
/// The struct is `Debug`, `Clone`, `PartialEq`, `Default` and serialisable; a field missing in a stored file is read as
/// its default, so that a field added later must be an `Option` where zero would be a lie.
///
/// ```
/// pgassay::row! {
///     /// A relation and its size.
///     pub struct Size {
///         /// The schema's name.
///         pub schema: String,
///         /// Bytes; null where it could not be read.
///         pub bytes: Option<i64>,
///     }
/// }
/// # use pgassay::pg::FromRow;
/// assert_eq!(Size::COLUMNS, ["schema", "bytes"]);
/// assert_eq!(serde_json::from_str::<Size>("{}").unwrap(), Size::default());
/// ```
#[macro_export]
macro_rules! row {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_visibility:vis $field:ident : $type:ty),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default, ::serde::Serialize, ::serde::Deserialize)]
        $visibility struct $name {
            $($(#[$field_meta])* #[serde(default)] $field_visibility $field: $type,)+
        }

        impl $crate::pg::FromRow for $name {
            const COLUMNS: &'static [&'static str] = &[$($crate::pg::row::name(stringify!($field))),+];

            fn from_row(row: &$crate::pg::RawRow) -> ::core::result::Result<Self, $crate::pg::DecodeError> {
                let mut index = 0..;
                // the fields of a struct expression are evaluated in the order they are written
                Ok(Self {
                    $($field: $crate::pg::Column::column(row, index.next().unwrap_or(usize::MAX))?,)+
                })
            }
        }
    };
}

/// A field's name without the `r#` that Rust's own words need (`r#type` is the column `type`).
#[doc(hidden)]
#[must_use]
pub const fn name(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    row! {
        /// A row with a Rust word for a name.
        struct Sample {
            /// Text.
            schema: String,
            /// A word of Rust's own.
            r#type: Option<char>,
            /// A time.
            at: Option<Timestamp>,
        }
    }

    #[test]
    fn names_are_the_columns() {
        assert_eq!(Sample::COLUMNS, ["schema", "type", "at"]);
    }

    #[test]
    fn a_stored_row_may_lack_fields_or_have_more() {
        let sample: Sample = serde_json::from_str(r#"{"schema":"a","unknown":1}"#).unwrap();
        assert_eq!(sample, Sample { schema: "a".into(), ..Sample::default() });
    }

    #[test]
    fn json_and_jsonb_decode() {
        assert_eq!(Json::from_sql(&Type::JSON, b"[1]").unwrap().0, serde_json::json!([1]));
        assert_eq!(Json::from_sql(&Type::JSONB, b"\x01[1]").unwrap().0, serde_json::json!([1]));
        assert!(Json::from_sql(&Type::JSONB, b"[1]").is_err());
    }

    #[test]
    fn errors_name_both_lists() {
        let error = DecodeError::Columns { found: vec!["a".into()], expected: vec!["b".into(), "c".into()] };
        assert_eq!(error.to_string(), "the result has the columns (a), expected (b, c)");
    }
}
