//! The only door to a server: finds it as libpq would, connects with libpq's guarantees, and reads without a trace.
//!
//! - [`Target::resolve`] turns a connection string and its [`Environment`] into a [`Target`].
//! - [`Door::open`] connects and learns the [`Version`]; [`Door::database`] gives a [`Database`] to read from.
//! - [`row!`](crate::row) declares what a row is, [`Query`] holds a query's variants by major.
//!
//! ```no_run
//! use pgassay::pg::{Door, Environment, Limits, Target};
//!
//! pgassay::row! {
//!     /// A database of the server.
//!     pub struct Named {
//!         /// Its name.
//!         pub name: String,
//!     }
//! }
//!
//! # async fn read() -> Result<(), Box<dyn std::error::Error>> {
//! let target = Target::resolve(Some("postgresql://localhost/shop"), &Environment::from_process())?;
//! let door = Door::open(target, Limits::default()).await?;
//! let sql = "select d.datname as name from pg_catalog.pg_database as d order by 1";
//! for database in door.default_database().read::<Named>(sql, &[]).await? {
//!     drop(database.name);
//! }
//! door.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! Invariants: no password is in any `Debug` or `Display`; nothing is written; nothing is left in a session; at most
//! [`Limits::connections`] connections are open at a time; all of them go to the one server that was reached first.

#![allow(clippy::disallowed_methods, reason = "the edge: libpq's environment is read here, and statements are timed")]

mod certificate;
mod connect;
mod conninfo;
mod console;
mod door;
mod environment;
mod error;
mod files;
mod notices;
mod query;
#[doc(hidden)]
pub mod row;
mod secret;
mod target;
mod time;
mod tls;
mod version;
mod wire;

pub use console::{Console, ConsoleError, Show, Shown};
pub use door::{Answer, Database, Door, Identity, Limits, Literal, Parameter, Session, Written};
pub use environment::Environment;
pub use error::{ConnectError, ReadError};
pub use notices::{Refused, Workbench};
pub use query::Query;
pub use row::{Column, DecodeError, FromRow, Json};
pub use secret::Secret;
pub use target::{
    Address, ChannelBinding, Host, RootCert, SslCertMode, SslMode, SslNegotiation, Target, TargetError,
    TargetSessionAttrs, TlsFile, TlsSettings, TlsVersion,
};
pub use time::Timestamp;
pub use version::{KNOWN_MAJORS, Version};

/// A row as the driver decodes it; for [`FromRow`] implementations.
pub type RawRow = tokio_postgres::Row;
