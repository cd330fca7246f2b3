//! What nearly every detector names.

pub(super) use super::context::Context;
pub(super) use super::{Detector, Run};
pub(super) use crate::finding::{Finding, Subject, SubjectKind, Unit, humane};
pub(super) use crate::logs::workload::{Boundary, Group, GroupKind, QueryLoad, RequestLoad};
pub(super) use crate::outcome::{Missing, Reason, Verdict};
pub(super) use crate::rule::{Category, Evidence, Meta, Param, Severity};
