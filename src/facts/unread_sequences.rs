//! The sequences whose last value the auditing role may read, and that could not be read all the same.

use crate::outcome::Missing;
use serde::{Deserialize, Serialize};

/// A sequence whose last value is not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnreadSequence {
    /// The sequence.
    pub oid: u32,
    /// Why.
    pub reason: Missing,
}
