//! What a check says of nulls: whether `set not null` need not look.

use super::super::catalog::{Relation, TableConstraint};
use super::super::command::{ConstraintKind, Expr};

/// So deep are checks looked into.
const DEPTH: usize = 64;

/// Whether an expression that is not false leaves no null in a column.
pub(super) fn excludes_null(expr: &Expr, column: &str) -> bool {
    excludes(expr, column, DEPTH)
}

fn excludes(expr: &Expr, column: &str, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match expr {
        Expr::IsNotNull(inner) => is_column(inner, column),
        Expr::Not(inner) => matches!(&**inner, Expr::IsNull(inner) if is_column(inner, column)),
        Expr::And(parts) => parts.iter().any(|part| excludes(part, column, depth)),
        Expr::Or(parts) => !parts.is_empty() && parts.iter().all(|part| excludes(part, column, depth)),
        _ => false,
    }
}

/// Whether an expression is a column and nothing else.
pub(super) fn is_column(expr: &Expr, column: &str) -> bool {
    matches!(expr, Expr::Column(parts) if parts.last().is_some_and(|last| last == column))
}

/// The checks of a relation that the server believes.
pub(super) fn believed(relation: &Relation) -> impl Iterator<Item = (&str, &Expr)> {
    relation.constraints.iter().filter_map(|constraint| match &constraint.definition.kind {
        ConstraintKind::Check(check) if is_believed(constraint) => Some((&*constraint.name, &**check)),
        _ => None,
    })
}

fn is_believed(constraint: &TableConstraint) -> bool {
    constraint.is_valid && !constraint.definition.is_not_enforced
}

/// What proves that a column holds no nulls: the name of a check that is not dropped just now.
pub(super) fn proof_of_not_null<'a>(relation: &'a Relation, column: &str, dropped: &[String]) -> Option<&'a str> {
    let proves =
        |(name, check): &(&str, &Expr)| excludes_null(check, column) && dropped.iter().all(|dropped| dropped != name);
    believed(relation).find(proves).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> Box<Expr> {
        Box::new(Expr::Column(vec![name.to_owned()]))
    }

    #[test]
    fn a_conjunct_is_a_proof_and_a_disjunct_is_not() {
        let not_null = || Expr::IsNotNull(column("a"));
        let other = || Expr::IsNotNull(column("b"));
        assert!(excludes_null(&not_null(), "a"));
        assert!(!excludes_null(&not_null(), "b"));
        assert!(excludes_null(&Expr::And(vec![other(), not_null()]), "a"));
        assert!(!excludes_null(&Expr::Or(vec![other(), not_null()]), "a"));
        assert!(excludes_null(&Expr::Or(vec![not_null(), Expr::And(vec![not_null(), other()])]), "a"));
        assert!(!excludes_null(&Expr::Or(Vec::new()), "a"));
        assert!(excludes_null(&Expr::Not(Box::new(Expr::IsNull(column("a")))), "a"));
        assert!(!excludes_null(&Expr::IsNull(column("a")), "a"));
    }

    #[test]
    fn a_deep_check_is_no_proof_and_no_overflow() {
        let deep = (0..10_000).fold(Expr::IsNotNull(column("a")), |inner, _| Expr::And(vec![inner]));
        assert!(!excludes_null(&deep, "a"));
        // its own drop recurses
        std::mem::forget(deep);
    }
}
