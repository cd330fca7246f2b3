//! pgassay assays a PostgreSQL database: it measures every database item of a backend audit checklist, says how it
//! measured each, scores the section, and gives the fix.

pub mod assess;
pub mod attest;
pub mod audit;
pub mod catalog;
pub mod checklist;
pub mod checks;
pub mod cli;
pub mod collect;
pub mod config;
pub mod demo;
pub mod facts;
pub mod finding;
pub mod fingerprint;
pub mod glob;
pub mod hash;
pub mod lock;
pub mod measure;
pub mod outcome;
pub mod pg;
pub mod queries;
pub mod render;
pub mod report;
pub mod reviews;
pub mod rule;
pub mod score;
pub mod scratch;
pub mod service;
pub mod suppress;
#[cfg(test)]
mod testing;
pub mod time;
pub mod window;
