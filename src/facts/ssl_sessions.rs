//! How each session's connection is encrypted.

use crate::pg::Query;

/// `sql/facts/ssl_sessions.sql`
pub static QUERY: Query =
    Query { name: "ssl_sessions", variants: &[(14, include_str!("../../sql/facts/ssl_sessions.sql"))] };

crate::row! {
    /// A session's encryption.
    pub struct SslSession {
        /// The session.
        pub pid: i32,
        /// Whether it is encrypted.
        pub encrypted: bool,
        /// `TLSv1.3`, …
        pub version: Option<String>,
        /// The cipher.
        pub cipher: Option<String>,
        /// Bits of the cipher.
        pub bits: Option<i32>,
    }
}
