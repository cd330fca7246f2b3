//! pgassay assays a PostgreSQL database: it measures every database item of a backend audit checklist, says how it
//! measured each, scores the section, and gives the fix.

pub mod catalog;
pub mod checks;
pub mod effective_settings;
pub mod facts;
pub mod finding;
pub mod fingerprint;
pub mod glob;
pub mod lock;
pub mod outcome;
pub mod pg;
pub mod queries;
pub mod report;
pub mod rule;
pub mod score;
pub mod sessions;
#[cfg(test)]
mod testing;
pub mod time;
pub mod window;
