//! What nearly every rule names.

pub(super) use super::moment::{AtEnd, Moment, Place};
pub(super) use super::{Rule, Run};
pub(super) use crate::finding::{Finding, Unit};
pub(super) use crate::lock::LockMode;
pub(super) use crate::migrations::catalog::{QName, Relation};
pub(super) use crate::migrations::command::{
    Action, ActionKind, ColumnDef, Command, Constraint, ConstraintKind, CreateIndex, DmlKind, Name, ObjectKind,
};
pub(super) use crate::migrations::effects::{Effects, Failure, Work};
pub(super) use crate::migrations::weight::WorkKind;
pub(super) use crate::rule::{Category, Meta, Param, Severity};
