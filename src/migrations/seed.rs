//! s
pub mod snapshot;
