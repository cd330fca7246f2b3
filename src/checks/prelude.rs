//! What every check needs.

pub use super::context::{DatabaseContext, ServerContext};
pub use super::{Check, Run};
pub use crate::catalog::{literal, qualified, quote};
pub use crate::finding::{Finding, Subject, SubjectKind, Unit, humane};
pub use crate::lock::LockMode;
pub use crate::outcome::{Missing, Reason, Verdict};
pub use crate::rule::{Category, Evidence, Meta, Param, Severity};
