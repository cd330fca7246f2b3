//! What an expression names: the columns in it, and the name that PostgreSQL would give a column made of it.

use super::super::command::{Expr, Name, TypeName};

/// Visits an expression and all within it, outermost first, to change it.
pub(super) fn walk_mut(expr: &mut Expr, visit: &mut dyn FnMut(&mut Expr)) {
    visit(expr);
    match expr {
        Expr::Null | Expr::Literal(_) | Expr::Column(_) | Expr::Parameter(_) | Expr::Value(_) | Expr::Query(_) => {}
        Expr::Call { arguments: many, .. }
        | Expr::Test { arguments: many, .. }
        | Expr::And(many)
        | Expr::Or(many)
        | Expr::Array(many)
        | Expr::Row(many)
        | Expr::Choice(_, many)
        | Expr::Other(many) => many.iter_mut().for_each(|one| walk_mut(one, visit)),
        Expr::Operator { left, right, .. } => {
            left.iter_mut().for_each(|left| walk_mut(left, visit));
            walk_mut(right, visit);
        }
        Expr::Not(one)
        | Expr::IsNull(one)
        | Expr::IsNotNull(one)
        | Expr::IsBoolean(one, _)
        | Expr::Cast(one, _)
        | Expr::Collate(one, _) => walk_mut(one, visit),
        Expr::Case { argument, arms, otherwise } => {
            argument.iter_mut().for_each(|argument| walk_mut(argument, visit));
            for (when, then) in arms {
                walk_mut(when, visit);
                walk_mut(then, visit);
            }
            otherwise.iter_mut().for_each(|otherwise| walk_mut(otherwise, visit));
        }
    }
}

/// Whether an expression names a column.
pub(super) fn mentions_column(expr: &Expr, column: &str) -> bool {
    let mut found = false;
    expr.visit(&mut |part| {
        found |= matches!(part, Expr::Column(path) if path.last().is_some_and(|last| last == column))
    });
    found
}

/// Calls a column by another name wherever an expression names it.
pub(super) fn rename_column(expr: &mut Expr, from: &str, to: &str) {
    walk_mut(expr, &mut |part| {
        if let Expr::Column(path) = part
            && let Some(column) = path.last_mut()
            && column == from
        {
            to.clone_into(column);
        }
    });
}

/// Calls the tables of an expression's sequence (`nextval('…')`) by another name.
pub(super) fn rename_sequence(expr: &mut Expr, from: &super::QName, to: &super::QName) {
    walk_mut(expr, &mut |part| {
        if let Expr::Literal(super::super::command::Literal::Text(text)) = part
            && sequence_text(from).iter().any(|known| known == text)
        {
            *text = full(to);
        }
    });
}

/// Whether an expression takes the values of a sequence.
pub(super) fn uses_sequence(expr: &Expr, sequence: &super::QName) -> bool {
    let texts = sequence_text(sequence);
    let mut found = false;
    expr.visit(&mut |part| {
        if let Expr::Call { name, arguments, .. } = part
            && name.name == "nextval"
        {
            arguments.iter().for_each(|argument| {
                argument.visit(&mut |part| {
                    if let Expr::Literal(super::super::command::Literal::Text(text)) = part {
                        found |= texts.iter().any(|known| known == text);
                    }
                });
            });
        }
    });
    found
}

/// A sequence's name as `regclass` reads it.
fn full(name: &super::QName) -> String {
    crate::sql::qualified(&name.schema, &name.name)
}

/// The ways to write a sequence's name as text.
fn sequence_text(name: &super::QName) -> [String; 4] {
    [full(name), format!("{}.{}", name.schema, name.name), crate::sql::quote(&name.name), name.name.to_string()]
}

/// The default of a serial column.
pub(super) fn nextval(sequence: &super::QName) -> Expr {
    let text = Expr::Literal(super::super::command::Literal::Text(full(sequence)));
    let regclass = TypeName { name: Name::bare("regclass"), modifiers: Vec::new(), dimensions: 0, is_set: false };
    Expr::Call { name: Name::bare("nextval"), arguments: vec![Expr::Cast(Box::new(text), regclass)], is_special: false }
}

/// The name PostgreSQL gives a column made of an expression, where it finds one: that of a column or a function in it.
pub(super) fn column_name(expr: &Expr) -> Option<&str> {
    strong_name(expr).map(|(name, _)| name)
}

/// A name, and whether it is better than that of a type.
fn strong_name(expr: &Expr) -> Option<(&str, bool)> {
    match expr {
        Expr::Column(path) => path.iter().rev().find(|part| *part != "*").map(|name| (name.as_str(), true)),
        Expr::Call { name, .. } => Some((name.name.as_str(), true)),
        Expr::Test { kind, .. } if kind == "nullif" => Some(("nullif", true)),
        Expr::Choice(word, _) => Some((word, true)),
        Expr::Cast(one, to) => match strong_name(one) {
            Some((name, true)) => Some((name, true)),
            _ => Some((to.name.name.as_str(), false)),
        },
        Expr::Collate(one, _) => strong_name(one),
        Expr::Case { otherwise, .. } => match otherwise.as_deref().and_then(strong_name) {
            Some((name, true)) => Some((name, true)),
            _ => Some(("case", false)),
        },
        Expr::Array(_) => Some(("array", true)),
        Expr::Row(_) => Some(("row", true)),
        Expr::Value(word) => Some((word.as_str(), true)),
        _ => None,
    }
}
