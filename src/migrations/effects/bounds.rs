//! Whether a check says that all rows of a table lie within the bounds of a partition, or none of a default partition's do.
//!
//! The server proves more than is proven here; what is not proven here is taken for a scan, and said to be taken so.

use super::super::catalog::Relation;
use super::super::command::{Bound, Expr, Literal, PartitionBy};
use super::proofs::{believed, excludes_null, is_column};
use std::cmp::Ordering;

/// A constant of a bound or a check.
#[derive(Debug, Clone, PartialEq)]
enum Constant<'a> {
    Number(f64),
    Text(&'a str),
}

/// Whether it comes before another, where that can be told: texts can be dates, so they are equal or not comparable, but
/// for those that are written as dates in the order of their letters.
fn compare(a: &Constant<'_>, b: &Constant<'_>) -> Option<Ordering> {
    match (a, b) {
        (Constant::Number(a), Constant::Number(b)) => a.partial_cmp(b),
        (Constant::Text(a), Constant::Text(b)) if a == b => Some(Ordering::Equal),
        (Constant::Text(a), Constant::Text(b)) if is_date(a) && is_date(b) => Some(a.cmp(b)),
        _ => None,
    }
}

/// `2024-01-31`.
fn is_date(text: &str) -> bool {
    text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() })
}

fn constant(expr: &Expr) -> Option<Constant<'_>> {
    match expr {
        Expr::Literal(Literal::Number(number)) => number.parse().ok().map(Constant::Number),
        // the column's type decides what a text means, and both sides have the same
        Expr::Literal(Literal::Text(text)) => Some(match text.trim().parse() {
            Ok(number) => Constant::Number(number),
            Err(_) => Constant::Text(text),
        }),
        Expr::Cast(inner, _) => constant(inner),
        Expr::Operator { name, left: None, right } if name.name == "-" => match constant(right)? {
            Constant::Number(number) => Some(Constant::Number(-number)),
            Constant::Text(_) => None,
        },
        _ => None,
    }
}

/// A comparison of a column with a constant, the column on the left.
fn comparison<'a>(expr: &'a Expr, column: &str) -> Option<(&'a str, Constant<'a>)> {
    let Expr::Operator { name, left: Some(left), right } = expr else { return None };
    let name = name.name.as_str();
    if is_the_column(left, column) {
        return Some((name, constant(right)?));
    }
    if is_the_column(right, column) {
        let turned = match name {
            "<" => ">",
            "<=" => ">=",
            ">" => "<",
            ">=" => "<=",
            same => same,
        };
        return Some((turned, constant(left)?));
    }
    None
}

fn is_the_column(expr: &Expr, column: &str) -> bool {
    is_column(expr, column)
}

/// What the rows of a table are known to meet: the conjuncts of its believed checks.
struct Facts<'a>(Vec<&'a Expr>);

impl<'a> Facts<'a> {
    fn of(relation: &'a Relation) -> Self {
        let mut conjuncts = Vec::new();
        let mut left: Vec<&Expr> = believed(relation).map(|(_, check)| check).collect();
        while let Some(expr) = left.pop() {
            match expr {
                Expr::And(parts) => left.extend(parts),
                other => conjuncts.push(other),
            }
        }
        Self(conjuncts)
    }

    fn any(&self, holds: impl FnMut(&&'a Expr) -> bool) -> bool {
        self.0.iter().any(holds)
    }

    /// Whether the column is at or above a constant.
    fn at_least(&self, column: &str, bound: &Constant<'_>) -> bool {
        self.any(|expr| is_at_least(expr, column, bound))
    }

    /// Whether the column is below a constant.
    fn below(&self, column: &str, bound: &Constant<'_>) -> bool {
        self.any(|expr| is_below(expr, column, bound))
    }
}

fn is_at_least(expr: &Expr, column: &str, bound: &Constant<'_>) -> bool {
    if let Expr::Test { kind, arguments } = expr
        && let ("between", [value, low, _]) = (kind.as_str(), arguments.as_slice())
    {
        let low = constant(low).and_then(|low| compare(&low, bound));
        return is_column(value, column) && low.is_some_and(Ordering::is_ge);
    }
    comparison(expr, column).is_some_and(|(operator, value)| match operator {
        ">=" | ">" | "=" => compare(&value, bound).is_some_and(Ordering::is_ge),
        _ => false,
    })
}

fn is_below(expr: &Expr, column: &str, bound: &Constant<'_>) -> bool {
    if let Expr::Test { kind, arguments } = expr
        && let ("between", [value, _, high]) = (kind.as_str(), arguments.as_slice())
    {
        let high = constant(high).and_then(|high| compare(&high, bound));
        return is_column(value, column) && high.is_some_and(Ordering::is_lt);
    }
    comparison(expr, column).is_some_and(|(operator, value)| match operator {
        "<" => compare(&value, bound).is_some_and(Ordering::is_le),
        "<=" | "=" => compare(&value, bound).is_some_and(Ordering::is_lt),
        _ => false,
    })
}

/// Whether a check holds the column to some of these values.
fn is_one_of(expr: &Expr, column: &str, values: &[Constant<'_>]) -> bool {
    let among = |value: &Constant<'_>| values.iter().any(|one| compare(one, value) == Some(Ordering::Equal));
    match expr {
        Expr::Test { kind, arguments } if kind == "in" => match arguments.split_first() {
            Some((value, list)) => {
                is_column(value, column)
                    && !list.is_empty()
                    && list.iter().all(|one| constant(one).is_some_and(|one| among(&one)))
            }
            None => false,
        },
        Expr::Or(parts) => !parts.is_empty() && parts.iter().all(|part| is_one_of(part, column, values)),
        _ => comparison(expr, column).is_some_and(|(operator, value)| operator == "=" && among(&value)),
    }
}

/// The single column of a key.
fn single_key(by: &PartitionBy) -> Option<&str> {
    match by.key.as_slice() {
        [Some(column)] => Some(column),
        _ => None,
    }
}

fn is_not_null(relation: &Relation, column: &str, facts: &Facts<'_>) -> bool {
    relation.column(column).is_some_and(|column| column.is_not_null) || facts.any(|expr| excludes_null(expr, column))
}

/// Whether the constraints of a table say that all its rows lie within the bounds.
pub(super) fn is_within(relation: &Relation, by: &PartitionBy, bound: &Bound) -> bool {
    let Some(column) = single_key(by) else { return false };
    let facts = Facts::of(relation);
    match bound {
        Bound::Range { from, to } => {
            let ([from], [to]) = (from.as_slice(), to.as_slice()) else { return false };
            let low = from.as_ref().map(constant);
            let high = to.as_ref().map(constant);
            is_not_null(relation, column, &facts)
                && low.is_none_or(|low| low.is_some_and(|low| facts.at_least(column, &low)))
                && high.is_none_or(|high| high.is_some_and(|high| facts.below(column, &high)))
        }
        Bound::In(values) => {
            // null is a value of a list like others, and then nothing says that the column is not null
            let Some(values) = values.iter().map(constant).collect::<Option<Vec<_>>>() else { return false };
            is_not_null(relation, column, &facts) && facts.any(|expr| is_one_of(expr, column, &values))
        }
        Bound::Default | Bound::Hash { .. } | Bound::Unknown => false,
    }
}

/// Whether the constraints of a default partition say that none of its rows lies within the bounds of a new one.
pub(super) fn is_outside(relation: &Relation, by: &PartitionBy, bound: &Bound) -> bool {
    let Some(column) = single_key(by) else { return false };
    let facts = Facts::of(relation);
    match bound {
        Bound::Range { from, to } => {
            let ([from], [to]) = (from.as_slice(), to.as_slice()) else { return false };
            let (low, high) = (from.as_ref().map(constant), to.as_ref().map(constant));
            let is_out = |expr: &Expr| {
                low.as_ref().is_some_and(|low| low.as_ref().is_some_and(|low| is_below(expr, column, low)))
                    || high
                        .as_ref()
                        .is_some_and(|high| high.as_ref().is_some_and(|high| is_at_least(expr, column, high)))
            };
            facts.any(|expr| {
                let (allows_null, parts) = beside_null(expr, column);
                (allows_null || is_not_null(relation, column, &facts))
                    && !parts.is_empty()
                    && parts.iter().all(|part| is_out(part))
            })
        }
        Bound::In(values) => {
            let Some(values) = values.iter().map(constant).collect::<Option<Vec<_>>>() else { return false };
            let by_one = |expr: &Expr| {
                let (allows_null, parts) = beside_null(expr, column);
                let is_out = |part: &&Expr| values.iter().all(|value| is_other_than(part, column, value));
                allows_null && !parts.is_empty() && parts.iter().all(is_out)
            };
            is_not_null(relation, column, &facts)
                && values.iter().all(|value| facts.any(|expr| is_other_than(expr, column, value)))
                || facts.any(|expr| by_one(expr))
        }
        Bound::Default | Bound::Hash { .. } | Bound::Unknown => false,
    }
}

/// The arms of a check, and whether a null in the column is one: a null lies in no range, and in no list without one.
fn beside_null<'e>(expr: &'e Expr, column: &str) -> (bool, Vec<&'e Expr>) {
    let arms = match expr {
        Expr::Or(arms) => arms.as_slice(),
        other => std::slice::from_ref(other),
    };
    let is_null = |arm: &Expr| matches!(arm, Expr::IsNull(inner) if is_column(inner, column));
    (arms.iter().any(is_null), arms.iter().filter(|arm| !is_null(arm)).collect())
}

/// Whether a check keeps a value out of a column.
fn is_other_than(expr: &Expr, column: &str, value: &Constant<'_>) -> bool {
    if let Expr::Test { kind, arguments } = expr
        && kind == "not in"
        && let Some((tested, list)) = arguments.split_first()
    {
        let is_it = |one: &Expr| constant(one).is_some_and(|one| compare(&one, value) == Some(Ordering::Equal));
        return is_column(tested, column) && list.iter().any(is_it);
    }
    comparison(expr, column)
        .is_some_and(|(operator, other)| operator == "<>" && compare(&other, value) == Some(Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::command::Name;

    fn number(value: i32) -> Expr {
        Expr::Literal(Literal::Number(value.to_string()))
    }

    fn compared(operator: &str, value: Expr) -> Expr {
        let left = Some(Box::new(Expr::Column(vec!["k".to_owned()])));
        Expr::Operator { name: Name::bare(operator), left, right: Box::new(value) }
    }

    #[test]
    fn comparisons_are_read_from_both_sides() {
        assert!(is_at_least(&compared(">=", number(200)), "k", &Constant::Number(200.0)));
        assert!(is_at_least(&compared(">", number(200)), "k", &Constant::Number(200.0)));
        assert!(!is_at_least(&compared(">=", number(199)), "k", &Constant::Number(200.0)));
        assert!(is_below(&compared("<", number(300)), "k", &Constant::Number(300.0)));
        assert!(!is_below(&compared("<=", number(300)), "k", &Constant::Number(300.0)));
        let turned = Expr::Operator {
            name: Name::bare("<="),
            left: Some(Box::new(number(200))),
            right: Box::new(Expr::Column(vec!["k".to_owned()])),
        };
        assert!(is_at_least(&turned, "k", &Constant::Number(200.0)));
        assert!(!is_at_least(&turned, "other", &Constant::Number(200.0)));
    }

    #[test]
    fn texts_compare_as_dates_or_not_at_all() {
        let (early, late) = (Constant::Text("2024-01-01"), Constant::Text("2024-02-01"));
        assert_eq!(compare(&early, &late), Some(Ordering::Less));
        assert_eq!(compare(&Constant::Text("a"), &Constant::Text("b")), None);
        assert_eq!(compare(&Constant::Text("a"), &Constant::Text("a")), Some(Ordering::Equal));
        assert_eq!(compare(&Constant::Text("1"), &Constant::Number(1.0)), None);
    }
}
