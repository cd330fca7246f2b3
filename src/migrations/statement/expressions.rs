//! Expressions of the parser's tree in this program's words.

use super::super::command::{Expr, Literal, Name, Reads};
use super::names::{name, text, type_name};
use super::reads::Reader;
use pg_query::protobuf::{self, AExprKind, BoolExprType, BoolTestType, NullTestType, SubLinkType, a_const};
use pg_query::{Node, NodeEnum};

/// How deep an expression is built; what lies deeper is summed up. It may be dropped and compared on a small stack.
const DEPTH: usize = 250;

/// An expression.
pub(super) fn expression(node: &Node) -> Expr {
    convert(node, 0)
}

/// An expression that may be missing.
pub(super) fn optional(node: Option<&Node>) -> Option<Expr> {
    node.map(expression)
}

/// Expressions of a list.
pub(super) fn list(nodes: &[Node]) -> Vec<Expr> {
    nodes.iter().map(expression).collect()
}

fn convert(node: &Node, depth: usize) -> Expr {
    let Some(inner) = node.node.as_ref() else { return Expr::Other(Vec::new()) };
    if depth >= DEPTH {
        return summary(inner);
    }
    let deeper = |node: &Node| convert(node, depth + 1);
    let boxed = |node: Option<&Node>| Box::new(node.map_or_else(|| Expr::Other(Vec::new()), deeper));
    let all = |nodes: &[Node]| nodes.iter().map(deeper).collect::<Vec<_>>();
    match inner {
        NodeEnum::AConst(constant) => literal(constant),
        NodeEnum::ColumnRef(column) => Expr::Column(column.fields.iter().map(field).collect()),
        NodeEnum::ParamRef(parameter) => Expr::Parameter(parameter.number),
        NodeEnum::FuncCall(call) => {
            Expr::Call { name: name(&call.funcname), arguments: all(&call.args), is_special: is_special(call) }
        }
        NodeEnum::AExpr(operator) => operation(operator, depth),
        NodeEnum::BoolExpr(junction) => match junction.boolop() {
            BoolExprType::NotExpr => Expr::Not(boxed(junction.args.first())),
            BoolExprType::OrExpr => Expr::Or(all(&junction.args)),
            BoolExprType::AndExpr | BoolExprType::Undefined => Expr::And(all(&junction.args)),
        },
        NodeEnum::NullTest(test) => match test.nulltesttype() {
            NullTestType::IsNotNull => Expr::IsNotNull(boxed(test.arg.as_deref())),
            NullTestType::IsNull | NullTestType::Undefined => Expr::IsNull(boxed(test.arg.as_deref())),
        },
        NodeEnum::BooleanTest(test) => Expr::IsBoolean(boxed(test.arg.as_deref()), boolean_test(test.booltesttype())),
        NodeEnum::TypeCast(cast) => Expr::Cast(boxed(cast.arg.as_deref()), type_name(cast.type_name.as_ref())),
        NodeEnum::CollateClause(clause) => Expr::Collate(boxed(clause.arg.as_deref()), name(&clause.collname)),
        NodeEnum::SqlvalueFunction(value) => Expr::Value(sql_value(value)),
        NodeEnum::AArrayExpr(array) => Expr::Array(all(&array.elements)),
        NodeEnum::RowExpr(row) => Expr::Row(all(&row.args)),
        NodeEnum::CoalesceExpr(choice) => Expr::Choice("coalesce", all(&choice.args)),
        NodeEnum::MinMaxExpr(choice) => {
            let word = if choice.op() == protobuf::MinMaxOp::IsLeast { "least" } else { "greatest" };
            Expr::Choice(word, all(&choice.args))
        }
        NodeEnum::CaseExpr(case) => Expr::Case {
            argument: case.arg.as_deref().map(|argument| Box::new(deeper(argument))),
            arms: case.args.iter().filter_map(|arm| arm_of(arm, depth)).collect(),
            otherwise: case.defresult.as_deref().map(|otherwise| Box::new(deeper(otherwise))),
        },
        NodeEnum::SubLink(link) => sub_query(link, depth),
        NodeEnum::NamedArgExpr(named) => Expr::Other(vec![*boxed(named.arg.as_deref())]),
        NodeEnum::AIndirection(indirection) => {
            let mut parts = vec![*boxed(indirection.arg.as_deref())];
            for step in &indirection.indirection {
                if let Some(NodeEnum::AIndices(indices)) = &step.node {
                    parts.extend([&indices.lidx, &indices.uidx].into_iter().flatten().map(|index| deeper(index)));
                }
            }
            Expr::Other(parts)
        }
        // how `in`, `between` and the arms of `values` keep what they hold
        NodeEnum::List(list) => Expr::Row(all(&list.items)),
        NodeEnum::SetToDefault(_) | NodeEnum::CurrentOfExpr(_) => Expr::Other(Vec::new()),
        other => summary(other),
    }
}

/// What is not told apart: the columns, relations and functions in it.
fn summary(node: &NodeEnum) -> Expr {
    let mut reader = Reader::with_columns();
    reader.read(node);
    let (reads, columns) = reader.into_reads_and_columns();
    let mut parts: Vec<Expr> = columns.into_iter().map(Expr::Column).collect();
    if reads != Reads::default() {
        parts.push(Expr::Query(Box::new(reads)));
    }
    Expr::Other(parts)
}

/// A part of a column's name.
pub(super) fn field(node: &Node) -> String {
    text(node).unwrap_or("*").to_owned()
}

fn literal(constant: &protobuf::AConst) -> Expr {
    match &constant.val {
        Some(a_const::Val::Ival(integer)) => Expr::Literal(Literal::Number(integer.ival.to_string())),
        Some(a_const::Val::Fval(float)) => Expr::Literal(Literal::Number(float.fval.clone())),
        Some(a_const::Val::Boolval(boolean)) => Expr::Literal(Literal::Bool(boolean.boolval)),
        Some(a_const::Val::Sval(string)) => Expr::Literal(Literal::Text(string.sval.clone())),
        Some(a_const::Val::Bsval(bits)) => Expr::Literal(Literal::Bits(bits.bsval.clone())),
        None => Expr::Null,
    }
}

fn is_special(call: &protobuf::FuncCall) -> bool {
    call.agg_star
        || call.agg_distinct
        || call.agg_within_group
        || call.func_variadic
        || call.agg_filter.is_some()
        || call.over.is_some()
        || !call.agg_order.is_empty()
}

fn arm_of(arm: &Node, depth: usize) -> Option<(Expr, Expr)> {
    let Some(NodeEnum::CaseWhen(arm)) = &arm.node else { return None };
    Some((convert(arm.expr.as_deref()?, depth + 1), convert(arm.result.as_deref()?, depth + 1)))
}

fn operation(operator: &protobuf::AExpr, depth: usize) -> Expr {
    let deeper = |node: &Node| convert(node, depth + 1);
    let left = || operator.lexpr.as_deref().map(deeper);
    let right = || operator.rexpr.as_deref().map_or_else(|| Expr::Other(Vec::new()), deeper);
    let both = || left().into_iter().chain([right()]).collect::<Vec<_>>();
    let with_list = || left().into_iter().chain(items(operator.rexpr.as_deref(), depth)).collect::<Vec<_>>();
    let symbol = operator.name.last().and_then(text).unwrap_or_default();
    let test = |kind: &str, arguments| Expr::Test { kind: kind.to_owned(), arguments };
    match operator.kind() {
        AExprKind::AexprOpAny => Expr::Test { kind: quantified(operator, "any"), arguments: both() },
        AExprKind::AexprOpAll => Expr::Test { kind: quantified(operator, "all"), arguments: both() },
        AExprKind::AexprDistinct => test("is distinct from", both()),
        AExprKind::AexprNotDistinct => test("is not distinct from", both()),
        AExprKind::AexprNullif => test("nullif", both()),
        AExprKind::AexprIn => test(if symbol == "<>" { "not in" } else { "in" }, with_list()),
        AExprKind::AexprLike => test(if symbol == "!~~" { "not like" } else { "like" }, pattern(both())),
        AExprKind::AexprIlike => test(if symbol == "!~~*" { "not ilike" } else { "ilike" }, pattern(both())),
        AExprKind::AexprSimilar => test(if symbol == "!~" { "not similar" } else { "similar" }, pattern(both())),
        AExprKind::AexprBetween => test("between", with_list()),
        AExprKind::AexprNotBetween => test("not between", with_list()),
        AExprKind::AexprBetweenSym => test("between symmetric", with_list()),
        AExprKind::AexprNotBetweenSym => test("not between symmetric", with_list()),
        AExprKind::AexprOp | AExprKind::Undefined => {
            Expr::Operator { name: name(&operator.name), left: left().map(Box::new), right: Box::new(right()) }
        }
    }
}

/// `any`, `all` with the operator before it, but for the usual one (`= any`, `<> all`).
fn quantified(operator: &protobuf::AExpr, word: &str) -> String {
    quantifier(&name(&operator.name), word)
}

fn quantifier(operator: &Name, word: &str) -> String {
    match (operator.schema.as_deref(), operator.name.as_str(), word) {
        (None, "=", "any") | (None, "<>", "all") => word.to_owned(),
        (None, symbol, _) => format!("{symbol} {word}"),
        (Some(schema), symbol, _) => format!("operator({}.{symbol}) {word}", crate::sql::quote(schema)),
    }
}

fn items(node: Option<&Node>, depth: usize) -> Vec<Expr> {
    match node.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::List(list)) => list.items.iter().map(|item| convert(item, depth + 1)).collect(),
        Some(_) => node.map(|node| convert(node, depth + 1)).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The grammar writes `escape` and `similar to` with a function; here the pattern and the escape stand side by side.
fn pattern(mut arguments: Vec<Expr>) -> Vec<Expr> {
    let hidden = |name: &Name| {
        name.schema.as_deref() == Some("pg_catalog")
            && matches!(name.name.as_str(), "like_escape" | "similar_to_escape")
    };
    if let Some(Expr::Call { name, arguments: inner, is_special: false }) = arguments.get_mut(1)
        && hidden(name)
    {
        let inner = std::mem::take(inner);
        arguments.truncate(1);
        arguments.extend(inner);
    }
    arguments
}

fn boolean_test(test: BoolTestType) -> &'static str {
    match test {
        BoolTestType::IsNotTrue => "is not true",
        BoolTestType::IsFalse => "is false",
        BoolTestType::IsNotFalse => "is not false",
        BoolTestType::IsUnknown => "is unknown",
        BoolTestType::IsNotUnknown => "is not unknown",
        BoolTestType::IsTrue | BoolTestType::Undefined => "is true",
    }
}

fn sql_value(value: &protobuf::SqlValueFunction) -> String {
    use protobuf::SqlValueFunctionOp as Op;
    let with_precision = |word: &str| format!("{word}({})", value.typmod);
    match value.op() {
        Op::SvfopCurrentTime => "current_time".to_owned(),
        Op::SvfopCurrentTimeN => with_precision("current_time"),
        Op::SvfopCurrentTimestamp => "current_timestamp".to_owned(),
        Op::SvfopCurrentTimestampN => with_precision("current_timestamp"),
        Op::SvfopLocaltime => "localtime".to_owned(),
        Op::SvfopLocaltimeN => with_precision("localtime"),
        Op::SvfopLocaltimestamp => "localtimestamp".to_owned(),
        Op::SvfopLocaltimestampN => with_precision("localtimestamp"),
        Op::SvfopCurrentRole => "current_role".to_owned(),
        Op::SvfopCurrentUser => "current_user".to_owned(),
        Op::SvfopUser => "user".to_owned(),
        Op::SvfopSessionUser => "session_user".to_owned(),
        Op::SvfopCurrentCatalog => "current_catalog".to_owned(),
        Op::SvfopCurrentSchema => "current_schema".to_owned(),
        Op::SvfopCurrentDate | Op::SqlvalueFunctionOpUndefined => "current_date".to_owned(),
    }
}

fn sub_query(link: &protobuf::SubLink, depth: usize) -> Expr {
    let mut reader = Reader::default();
    if let Some(query) = link.subselect.as_ref().and_then(|query| query.node.as_ref()) {
        reader.read(query);
    }
    let query = Expr::Query(Box::new(reader.into_reads()));
    let Some(tested) = link.testexpr.as_deref() else { return query };
    let kind = match link.sub_link_type() {
        SubLinkType::AnySublink if link.oper_name.is_empty() => "in".to_owned(),
        SubLinkType::AnySublink => quantifier(&name(&link.oper_name), "any"),
        SubLinkType::AllSublink => quantifier(&name(&link.oper_name), "all"),
        _ => return Expr::Other(vec![convert(tested, depth + 1), query]),
    };
    Expr::Test { kind, arguments: vec![convert(tested, depth + 1), query] }
}
