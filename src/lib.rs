//! Assays a PostgreSQL database: measures, explains how it measured, scores, and gives the fix.

pub mod scratch;
