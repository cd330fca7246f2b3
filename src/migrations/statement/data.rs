//! `select`, `insert`, `update`, `delete`, `merge`: what they read and write, and whether what they write is bounded.
//!
//! Bounded, as far as the words of a statement tell, is
//! * an `insert` of `values`, of a select without a `from`, of a select that is limited or whose condition is bounded;
//! * an `update` or a `delete` whose condition is bounded, or that is joined by an equality to a query that is limited;
//! * a `merge` from a source that is limited or of `values`, unless it says `when not matched by source`;
//!
//! and so must be every common table expression that writes. A query is limited that has a `limit` or `fetch first`,
//! that has no `from`, that is `values`, that samples its one table, or that reads nothing but one query that is
//! limited or a function of constants (`generate_series(1, 1000)`). A condition is bounded where one of its parts
//! joined by `and` is (of parts joined by `or` each must be):
//! * `current of` a cursor;
//! * `x in (…)` or `x = any (…)` over constants or over a query that is limited, and `x = any (array(…))` over one;
//! * `x = constant`, but for a boolean: what is equal to `true` may well be half of a table;
//! * `x between constant and constant`, or a constant below and one above the same column.
//!
//! `x` names a column; a constant names none and asks no query: literals, parameters, `now() - interval '1 day'`, and
//! in procedural code its variables. Whether an equality picks one row or nearly all is for the catalog to tell.

use super::super::command::{Dml, DmlKind, Expr, Name};
use super::Context;
use super::expressions::optional;
use super::names::{name, relation, relation_of, text};
use super::reads::Reader;
use pg_query::protobuf::{self, AExprKind, BoolExprType, MergeMatchKind, SubLinkType, a_const};
use pg_query::{Node, NodeEnum};
use std::collections::HashSet;

impl Context<'_> {
    /// A data statement; none for another one.
    pub(super) fn data(&self, node: &NodeEnum) -> Option<Dml> {
        Some(match node {
            NodeEnum::SelectStmt(select) => self.select(select),
            NodeEnum::InsertStmt(insert) => self.insert(insert),
            NodeEnum::UpdateStmt(update) => self.update(update),
            NodeEnum::DeleteStmt(delete) => self.delete(delete),
            NodeEnum::MergeStmt(merge) => self.merge(merge),
            _ => return None,
        })
    }

    /// A select.
    pub(super) fn select(&self, select: &protobuf::SelectStmt) -> Dml {
        let mut reader = Reader::default();
        reader.select(select);
        let bounds = Bounds::of(self, select.with_clause.as_ref());
        // one that writes does so in a common table expression
        let is_bounded = match reader.writes.is_empty() {
            true => bounds.is_limited(select),
            false => bounds.writes_are_bounded,
        };
        Dml { into: into(select), ..finish(DmlKind::Select, None, reader, is_bounded) }
    }

    fn insert(&self, insert: &protobuf::InsertStmt) -> Dml {
        let mut reader = Reader::default();
        reader.insert(insert);
        let bounds = Bounds::of(self, insert.with_clause.as_ref());
        let rows = match select_of(insert.select_stmt.as_deref()) {
            // `default values`
            None => Some(1),
            Some(select) => Some(select.values_lists.len()).filter(|rows| *rows > 0),
        };
        let is_bounded = bounds.writes_are_bounded && bounds.is_bounded_insert(insert);
        let columns = target_names(&insert.cols);
        Dml { rows, columns, ..finish(DmlKind::Insert, insert.relation.as_ref(), reader, is_bounded) }
    }

    fn update(&self, update: &protobuf::UpdateStmt) -> Dml {
        let mut reader = Reader::default();
        reader.update(update);
        let bounds = Bounds::of(self, update.with_clause.as_ref());
        let condition = update.where_clause.as_deref();
        let is_bounded = bounds.writes_are_bounded && bounds.is_joined_bounded(condition, &update.from_clause);
        Dml {
            condition: visible(condition, update.with_clause.as_ref()),
            columns: target_names(&update.target_list),
            ..finish(DmlKind::Update, update.relation.as_ref(), reader, is_bounded)
        }
    }

    fn delete(&self, delete: &protobuf::DeleteStmt) -> Dml {
        let mut reader = Reader::default();
        reader.delete(delete);
        let bounds = Bounds::of(self, delete.with_clause.as_ref());
        let condition = delete.where_clause.as_deref();
        let is_bounded = bounds.writes_are_bounded && bounds.is_joined_bounded(condition, &delete.using_clause);
        Dml {
            condition: visible(condition, delete.with_clause.as_ref()),
            ..finish(DmlKind::Delete, delete.relation.as_ref(), reader, is_bounded)
        }
    }

    fn merge(&self, merge: &protobuf::MergeStmt) -> Dml {
        let mut reader = Reader::default();
        reader.merge(merge);
        let bounds = Bounds::of(self, merge.with_clause.as_ref());
        let is_bounded = bounds.writes_are_bounded && bounds.is_bounded_merge(merge);
        let mut seen = HashSet::new();
        let columns = clauses(merge).flat_map(|clause| target_names(&clause.target_list));
        let columns = columns.filter(|name| seen.insert(name.clone())).collect();
        let merge_returns = merge.returning_clause.is_some();
        Dml { columns, merge_returns, ..finish(DmlKind::Merge, merge.relation.as_ref(), reader, is_bounded) }
    }
}

/// A condition, its queries without the names of common table expressions.
fn visible(condition: Option<&Node>, with: Option<&protobuf::WithClause>) -> Option<Expr> {
    let mut condition = optional(condition)?;
    if let Some(with) = with {
        let names: HashSet<&str> = common(with).map(|expression| expression.ctename.as_str()).collect();
        condition.hide(&names);
    }
    Some(condition)
}

fn clauses(merge: &protobuf::MergeStmt) -> impl Iterator<Item = &protobuf::MergeWhenClause> {
    merge.merge_when_clauses.iter().filter_map(|node| match node.node.as_ref()? {
        NodeEnum::MergeWhenClause(clause) => Some(&**clause),
        _ => None,
    })
}

fn finish(kind: DmlKind, target: Option<&protobuf::RangeVar>, reader: Reader<'_>, is_bounded: bool) -> Dml {
    let mut reader = reader;
    Dml {
        kind,
        target: target.map(relation),
        writes: std::mem::take(&mut reader.writes),
        condition: None,
        is_bounded,
        rows: None,
        columns: Vec::new(),
        locks_rows: reader.locks_rows,
        literals: std::mem::take(&mut reader.literals),
        into: None,
        merge_returns: false,
        reads: reader.into_reads(),
    }
}

/// The table of `select … into`: of a union it stands in the first select.
fn into(select: &protobuf::SelectStmt) -> Option<Name> {
    let mut first = select;
    while let Some(left) = first.larg.as_deref() {
        first = left;
    }
    first.into_clause.as_ref().map(|into| relation_of(into.rel.as_ref()))
}

fn select_of(node: Option<&Node>) -> Option<&protobuf::SelectStmt> {
    match node?.node.as_ref()? {
        NodeEnum::SelectStmt(select) => Some(select),
        _ => None,
    }
}

fn target_names(targets: &[Node]) -> Vec<String> {
    let name = |node: &Node| match node.node.as_ref()? {
        NodeEnum::ResTarget(target) => Some(target.name.clone()),
        _ => None,
    };
    targets.iter().filter_map(name).collect()
}

fn common(with: &protobuf::WithClause) -> impl Iterator<Item = &protobuf::CommonTableExpr> {
    with.ctes.iter().filter_map(|node| match node.node.as_ref()? {
        NodeEnum::CommonTableExpr(expression) => Some(&**expression),
        _ => None,
    })
}

/// What bounds the rows of a statement.
struct Bounds<'a> {
    /// The variables of the code around it.
    variables: Option<&'a HashSet<String>>,
    /// Common table expressions that are limited.
    limited: HashSet<&'a str>,
    /// Whether all common table expressions that write are bounded.
    writes_are_bounded: bool,
}

impl<'a> Bounds<'a> {
    fn of(context: &Context<'a>, with: Option<&'a protobuf::WithClause>) -> Self {
        Self { variables: context.variables, limited: HashSet::new(), writes_are_bounded: true }.within(with)
    }

    /// With common table expressions, each seeing those before it.
    fn within(mut self, with: Option<&'a protobuf::WithClause>) -> Self {
        for expression in with.into_iter().flat_map(common) {
            let Some(query) = expression.ctequery.as_ref().and_then(|query| query.node.as_ref()) else { continue };
            let is_limited = match query {
                NodeEnum::SelectStmt(select) => self.is_limited(select),
                written => {
                    let is_bounded = self.is_bounded_write(written);
                    self.writes_are_bounded &= is_bounded;
                    is_bounded
                }
            };
            if is_limited {
                self.limited.insert(&expression.ctename);
            }
        }
        self
    }

    fn is_bounded_write(&self, written: &NodeEnum) -> bool {
        match written {
            NodeEnum::UpdateStmt(update) => self.is_joined_bounded(update.where_clause.as_deref(), &update.from_clause),
            NodeEnum::DeleteStmt(delete) => {
                self.is_joined_bounded(delete.where_clause.as_deref(), &delete.using_clause)
            }
            NodeEnum::InsertStmt(insert) => self.is_bounded_insert(insert),
            NodeEnum::MergeStmt(merge) => self.is_bounded_merge(merge),
            _ => true,
        }
    }

    fn is_bounded_insert(&self, insert: &protobuf::InsertStmt) -> bool {
        let source = select_of(insert.select_stmt.as_deref());
        source.is_none_or(|select| self.is_limited(select) || self.has_bounded_condition(select))
    }

    fn is_bounded_merge(&self, merge: &protobuf::MergeStmt) -> bool {
        let beyond =
            |clause: &protobuf::MergeWhenClause| clause.match_kind() == MergeMatchKind::MergeWhenNotMatchedBySource;
        merge.source_relation.as_deref().is_some_and(|source| self.is_limited_item(source))
            && !clauses(merge).any(beyond)
    }

    /// Whether a query gives no more rows than it says.
    fn is_limited(&self, select: &protobuf::SelectStmt) -> bool {
        if select.limit_count.as_deref().is_some_and(|count| !is_all(count)) || !select.values_lists.is_empty() {
            return true;
        }
        match (select.larg.as_deref(), select.rarg.as_deref()) {
            (Some(left), Some(right)) => self.is_limited(left) && self.is_limited(right),
            _ => match select.from_clause.as_slice() {
                [] => true,
                [one] => self.is_limited_item(one),
                _ => false,
            },
        }
    }

    fn is_limited_item(&self, item: &Node) -> bool {
        match &item.node {
            Some(NodeEnum::RangeVar(range)) => {
                range.schemaname.is_empty() && self.limited.contains(range.relname.as_str())
            }
            Some(NodeEnum::RangeSubselect(range)) => {
                select_of(range.subquery.as_deref()).is_some_and(|select| self.is_limited(select))
            }
            Some(NodeEnum::RangeFunction(range)) => range.functions.iter().all(|function| self.is_constant(function)),
            Some(NodeEnum::RangeTableSample(_)) => true,
            _ => false,
        }
    }

    fn has_bounded_condition(&self, select: &protobuf::SelectStmt) -> bool {
        select.where_clause.as_deref().is_some_and(|condition| self.is_bounded(condition))
    }

    /// Of an update or a delete with what it is joined to.
    fn is_joined_bounded(&self, condition: Option<&Node>, joined: &[Node]) -> bool {
        let Some(condition) = condition else { return false };
        self.is_bounded(condition)
            || joined.iter().any(|item| self.is_limited_item(item)) && parts(condition).any(is_equality_of_columns)
    }

    fn is_bounded(&self, condition: &Node) -> bool {
        let (mut lower, mut upper) = (HashSet::new(), HashSet::new());
        for part in parts(condition) {
            if self.is_bounded_part(part) {
                return true;
            }
            if let Some((column, is_lower)) = self.bound(part) {
                let bounds = if is_lower { &mut lower } else { &mut upper };
                bounds.insert(column);
            }
        }
        lower.iter().any(|column| upper.contains(column))
    }

    fn is_bounded_part(&self, part: &Node) -> bool {
        match &part.node {
            Some(NodeEnum::CurrentOfExpr(_)) => true,
            Some(NodeEnum::BoolExpr(junction)) if junction.boolop() == BoolExprType::OrExpr => {
                junction.args.iter().all(|arm| self.is_bounded(arm))
            }
            Some(NodeEnum::SubLink(link)) if link.sub_link_type() == SubLinkType::AnySublink => {
                (link.oper_name.is_empty() || is_named(&link.oper_name, "="))
                    && select_of(link.subselect.as_deref()).is_some_and(|select| self.is_limited(select))
            }
            Some(NodeEnum::AExpr(test)) => self.is_bounded_test(test),
            _ => false,
        }
    }

    fn is_bounded_test(&self, test: &protobuf::AExpr) -> bool {
        let (Some(left), Some(right)) = (test.lexpr.as_deref(), test.rexpr.as_deref()) else { return false };
        match test.kind() {
            AExprKind::AexprOp if is_named(&test.name, "=") => {
                let pair = |one: &Node, other: &Node| {
                    !self.is_constant(one) && names_a_column(one) && self.is_constant(other) && !is_boolean(other)
                };
                pair(left, right) || pair(right, left)
            }
            AExprKind::AexprNotDistinct => !self.is_constant(left) && self.is_constant(right) && !is_boolean(right),
            AExprKind::AexprIn if is_named(&test.name, "=") => !self.is_constant(left) && self.is_constant(right),
            AExprKind::AexprOpAny if is_named(&test.name, "=") => {
                !self.is_constant(left) && (self.is_constant(right) || self.is_array_of_limited(right))
            }
            AExprKind::AexprBetween | AExprKind::AexprBetweenSym => !self.is_constant(left) && self.is_constant(right),
            _ => false,
        }
    }

    fn is_array_of_limited(&self, node: &Node) -> bool {
        match &node.node {
            Some(NodeEnum::SubLink(link)) => {
                link.sub_link_type() == SubLinkType::ArraySublink
                    && select_of(link.subselect.as_deref()).is_some_and(|select| self.is_limited(select))
            }
            Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(|inner| self.is_array_of_limited(inner)),
            _ => false,
        }
    }

    /// A column and a constant below or above it.
    fn bound<'n>(&self, part: &'n Node) -> Option<(Vec<&'n str>, bool)> {
        let Some(NodeEnum::AExpr(test)) = &part.node else { return None };
        let (left, right) = (test.lexpr.as_deref()?, test.rexpr.as_deref()?);
        let is_less = match test.name.last().and_then(text)? {
            "<" | "<=" => true,
            ">" | ">=" => false,
            _ => return None,
        };
        if test.kind() != AExprKind::AexprOp {
            return None;
        }
        match (self.column(left), self.column(right)) {
            (Some(column), None) if self.is_constant(right) => Some((column, !is_less)),
            (None, Some(column)) if self.is_constant(left) => Some((column, is_less)),
            _ => None,
        }
    }

    fn column<'n>(&self, node: &'n Node) -> Option<Vec<&'n str>> {
        match &node.node {
            Some(NodeEnum::ColumnRef(column)) if !self.is_variable(column) => {
                Some(column.fields.iter().filter_map(text).collect())
            }
            _ => None,
        }
    }

    fn is_variable(&self, column: &protobuf::ColumnRef) -> bool {
        let first = column.fields.first().and_then(text);
        self.variables.zip(first).is_some_and(|(variables, first)| variables.contains(first))
    }

    /// Whether it names no column and asks no query.
    fn is_constant(&self, node: &Node) -> bool {
        let all = |nodes: &[Node]| nodes.iter().all(|node| self.is_constant(node));
        let maybe = |node: Option<&Node>| node.is_none_or(|node| self.is_constant(node));
        match &node.node {
            Some(NodeEnum::AConst(_) | NodeEnum::ParamRef(_) | NodeEnum::SqlvalueFunction(_)) => true,
            Some(NodeEnum::ColumnRef(column)) => self.is_variable(column),
            Some(NodeEnum::TypeCast(cast)) => maybe(cast.arg.as_deref()),
            Some(NodeEnum::AExpr(operator)) => maybe(operator.lexpr.as_deref()) && maybe(operator.rexpr.as_deref()),
            Some(NodeEnum::FuncCall(call)) => all(&call.args),
            Some(NodeEnum::List(list)) => all(&list.items),
            Some(NodeEnum::RowExpr(row)) => all(&row.args),
            Some(NodeEnum::AArrayExpr(array)) => all(&array.elements),
            Some(NodeEnum::CoalesceExpr(choice)) => all(&choice.args),
            Some(NodeEnum::MinMaxExpr(choice)) => all(&choice.args),
            Some(NodeEnum::CollateClause(clause)) => maybe(clause.arg.as_deref()),
            Some(NodeEnum::AIndirection(indirection)) => maybe(indirection.arg.as_deref()),
            Some(NodeEnum::NamedArgExpr(named)) => maybe(named.arg.as_deref()),
            Some(NodeEnum::AIndices(_)) | None => true,
            _ => false,
        }
    }
}

/// `limit all`, `limit null`.
fn is_all(count: &Node) -> bool {
    matches!(&count.node, Some(NodeEnum::AConst(constant)) if constant.isnull)
}

fn is_named(operator: &[Node], symbol: &str) -> bool {
    operator.last().and_then(text) == Some(symbol)
}

/// The parts of a condition that `and` joins.
fn parts(condition: &Node) -> Box<dyn Iterator<Item = &Node> + '_> {
    match &condition.node {
        Some(NodeEnum::BoolExpr(junction)) if junction.boolop() == BoolExprType::AndExpr => {
            Box::new(junction.args.iter().flat_map(parts))
        }
        _ => Box::new(std::iter::once(condition)),
    }
}

fn is_equality_of_columns(part: &Node) -> bool {
    let is_column =
        |node: Option<&Node>| matches!(node.and_then(|node| node.node.as_ref()), Some(NodeEnum::ColumnRef(_)));
    match &part.node {
        Some(NodeEnum::AExpr(test)) => {
            test.kind() == AExprKind::AexprOp
                && is_named(&test.name, "=")
                && is_column(test.lexpr.as_deref())
                && is_column(test.rexpr.as_deref())
        }
        _ => false,
    }
}

fn names_a_column(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::ColumnRef(_)) => true,
        Some(NodeEnum::RowExpr(row)) => row.args.iter().any(names_a_column),
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(names_a_column),
        Some(NodeEnum::FuncCall(call)) => call.args.iter().any(names_a_column),
        _ => false,
    }
}

fn is_boolean(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => matches!(constant.val, Some(a_const::Val::Boolval(_))),
        Some(NodeEnum::TypeCast(cast)) => {
            cast.type_name.as_ref().is_some_and(|of| name(&of.names).name == "bool")
                || cast.arg.as_deref().is_some_and(is_boolean)
        }
        _ => false,
    }
}
