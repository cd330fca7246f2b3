//! pgassay assays a PostgreSQL database: it measures every database item of a backend audit checklist, says how it
//! measured each, scores the section, and gives the fix.

pub mod finding;
pub mod lock;
pub mod outcome;
pub mod render;
pub mod report;
pub mod rule;
pub mod score;
pub mod time;
