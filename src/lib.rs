//! Assays a PostgreSQL database: measures it, says how it measured, scores it, and gives the fix.

pub mod pg;
