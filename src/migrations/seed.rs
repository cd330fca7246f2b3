//! The schema that the migrations are applied to, where it is not made by them: told by a dump, a snapshot or a server.
//!
//! A dump is SQL and is replayed like any script, then marked by [`super::catalog::Catalog::was_always_there`].

pub mod snapshot;
