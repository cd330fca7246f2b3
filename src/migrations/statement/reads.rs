//! What a query or an expression names, anywhere in it: relations, functions, columns, string literals, and what its
//! common table expressions write to.

use super::super::command::{DmlKind, Name, Reads};
use super::expressions::field;
use super::names::{relation, said, text};
use pg_query::protobuf::{self, a_const};
use pg_query::{Node, NodeEnum};
use std::collections::{HashMap, HashSet};

/// So many string literals are kept.
const LITERALS: usize = 64;

/// Walks a tree and keeps what it names.
#[derive(Default)]
pub(super) struct Reader<'a> {
    relations: Vec<Name>,
    seen_relations: HashSet<(&'a str, &'a str)>,
    functions: Vec<Name>,
    seen_functions: HashSet<(&'a str, &'a str)>,
    columns: Option<Vec<Vec<String>>>,
    /// Common table expressions in force, by name: how many of each.
    expressions: HashMap<&'a str, usize>,
    /// String literals, in the order of the walk.
    pub(super) literals: Vec<String>,
    /// What common table expressions write to.
    pub(super) writes: Vec<(DmlKind, Name)>,
    /// Whether rows are locked.
    pub(super) locks_rows: bool,
    /// The first place in the text that it has seen.
    pub(super) first: Option<i32>,
}

impl<'a> Reader<'a> {
    /// One that keeps the names of columns too.
    pub(super) fn with_columns() -> Self {
        Self { columns: Some(Vec::new()), ..Self::default() }
    }

    /// What was read.
    pub(super) fn into_reads(self) -> Reads {
        Reads { relations: self.relations, functions: self.functions, columns: Vec::new() }
    }

    /// What was read, and the columns.
    pub(super) fn into_reads_and_columns(self) -> (Reads, Vec<Vec<String>>) {
        (
            Reads { relations: self.relations, functions: self.functions, columns: Vec::new() },
            self.columns.unwrap_or_default(),
        )
    }

    /// Reads a node that may be missing.
    pub(super) fn maybe(&mut self, node: Option<&'a Node>) {
        if let Some(node) = node.and_then(|node| node.node.as_ref()) {
            self.read(node);
        }
    }

    /// Reads nodes.
    pub(super) fn all(&mut self, nodes: &'a [Node]) {
        for node in nodes {
            self.maybe(Some(node));
        }
    }

    /// Reads a node and everything in it.
    pub(super) fn read(&mut self, node: &'a NodeEnum) {
        match node {
            NodeEnum::AConst(constant) => self.literal(constant),
            NodeEnum::RangeVar(range) => self.relation(range),
            NodeEnum::FuncCall(call) => self.call(call),
            NodeEnum::ColumnRef(column) => {
                self.see(column.location);
                if let Some(columns) = &mut self.columns {
                    columns.push(column.fields.iter().map(field).collect());
                }
            }
            NodeEnum::SelectStmt(select) => self.select(select),
            NodeEnum::InsertStmt(insert) => {
                self.write(DmlKind::Insert, insert.relation.as_ref());
                self.insert(insert);
            }
            NodeEnum::UpdateStmt(update) => {
                self.write(DmlKind::Update, update.relation.as_ref());
                self.update(update);
            }
            NodeEnum::DeleteStmt(delete) => {
                self.write(DmlKind::Delete, delete.relation.as_ref());
                self.delete(delete);
            }
            NodeEnum::MergeStmt(merge) => {
                self.write(DmlKind::Merge, merge.relation.as_ref());
                self.merge(merge);
            }
            other => self.inner(other),
        }
    }

    /// The nodes that only hold others.
    fn inner(&mut self, node: &'a NodeEnum) {
        match node {
            NodeEnum::List(list) => self.all(&list.items),
            NodeEnum::ResTarget(target) => {
                self.all(&target.indirection);
                self.maybe(target.val.as_deref());
            }
            NodeEnum::AExpr(operator) => {
                self.maybe(operator.lexpr.as_deref());
                self.maybe(operator.rexpr.as_deref());
            }
            NodeEnum::BoolExpr(junction) => self.all(&junction.args),
            NodeEnum::NullTest(test) => self.maybe(test.arg.as_deref()),
            NodeEnum::BooleanTest(test) => self.maybe(test.arg.as_deref()),
            NodeEnum::TypeCast(cast) => self.maybe(cast.arg.as_deref()),
            NodeEnum::CollateClause(clause) => self.maybe(clause.arg.as_deref()),
            NodeEnum::AArrayExpr(array) => self.all(&array.elements),
            NodeEnum::RowExpr(row) => self.all(&row.args),
            NodeEnum::CoalesceExpr(choice) => self.all(&choice.args),
            NodeEnum::MinMaxExpr(choice) => self.all(&choice.args),
            NodeEnum::CaseExpr(case) => {
                self.maybe(case.arg.as_deref());
                self.all(&case.args);
                self.maybe(case.defresult.as_deref());
            }
            NodeEnum::CaseWhen(arm) => {
                self.maybe(arm.expr.as_deref());
                self.maybe(arm.result.as_deref());
            }
            NodeEnum::SubLink(link) => {
                self.maybe(link.testexpr.as_deref());
                self.maybe(link.subselect.as_deref());
            }
            NodeEnum::NamedArgExpr(named) => self.maybe(named.arg.as_deref()),
            NodeEnum::AIndirection(indirection) => {
                self.maybe(indirection.arg.as_deref());
                self.all(&indirection.indirection);
            }
            NodeEnum::AIndices(indices) => {
                self.maybe(indices.lidx.as_deref());
                self.maybe(indices.uidx.as_deref());
            }
            NodeEnum::GroupingFunc(grouping) => self.all(&grouping.args),
            NodeEnum::GroupingSet(set) => self.all(&set.content),
            NodeEnum::MultiAssignRef(reference) => self.maybe(reference.source.as_deref()),
            NodeEnum::SortBy(sort) => self.maybe(sort.node.as_deref()),
            NodeEnum::WindowDef(window) => self.window(window),
            NodeEnum::JoinExpr(join) => {
                self.maybe(join.larg.as_deref());
                self.maybe(join.rarg.as_deref());
                self.maybe(join.quals.as_deref());
            }
            NodeEnum::RangeSubselect(range) => self.maybe(range.subquery.as_deref()),
            NodeEnum::RangeFunction(range) => self.all(&range.functions),
            NodeEnum::RangeTableSample(sample) => {
                self.maybe(sample.relation.as_deref());
                self.all(&sample.args);
                self.maybe(sample.repeatable.as_deref());
            }
            NodeEnum::RangeTableFunc(table) => {
                self.maybe(table.docexpr.as_deref());
                self.maybe(table.rowexpr.as_deref());
                self.all(&table.namespaces);
                self.all(&table.columns);
            }
            NodeEnum::RangeTableFuncCol(column) => {
                self.maybe(column.colexpr.as_deref());
                self.maybe(column.coldefexpr.as_deref());
            }
            NodeEnum::IndexElem(element) => self.maybe(element.expr.as_deref()),
            NodeEnum::MergeWhenClause(clause) => {
                self.maybe(clause.condition.as_deref());
                self.all(&clause.target_list);
                self.all(&clause.values);
            }
            NodeEnum::ReturnStmt(returned) => self.maybe(returned.returnval.as_deref()),
            NodeEnum::PlassignStmt(assignment) => {
                self.all(&assignment.indirection);
                if let Some(value) = &assignment.val {
                    self.select(value);
                }
            }
            other => self.markup(other),
        }
    }

    /// XML and JSON.
    fn markup(&mut self, node: &'a NodeEnum) {
        match node {
            NodeEnum::XmlExpr(xml) => {
                self.all(&xml.named_args);
                self.all(&xml.args);
            }
            NodeEnum::XmlSerialize(xml) => self.maybe(xml.expr.as_deref()),
            NodeEnum::JsonIsPredicate(test) => self.maybe(test.expr.as_deref()),
            NodeEnum::JsonValueExpr(value) => self.json(Some(value)),
            NodeEnum::JsonArgument(argument) => self.json(argument.val.as_deref()),
            NodeEnum::JsonKeyValue(pair) => self.json_pair(pair),
            NodeEnum::JsonFuncExpr(function) => {
                self.json(function.context_item.as_deref());
                self.maybe(function.pathspec.as_deref());
                self.all(&function.passing);
                self.json_behavior(function.on_empty.as_deref());
                self.json_behavior(function.on_error.as_deref());
            }
            NodeEnum::JsonTable(table) => {
                self.json(table.context_item.as_deref());
                self.all(&table.passing);
                self.all(&table.columns);
            }
            NodeEnum::JsonTableColumn(column) => {
                self.all(&column.columns);
                self.json_behavior(column.on_empty.as_deref());
                self.json_behavior(column.on_error.as_deref());
            }
            NodeEnum::JsonParseExpr(parse) => self.json(parse.expr.as_deref()),
            NodeEnum::JsonScalarExpr(scalar) => self.maybe(scalar.expr.as_deref()),
            NodeEnum::JsonSerializeExpr(serialize) => self.json(serialize.expr.as_deref()),
            NodeEnum::JsonObjectConstructor(object) => self.all(&object.exprs),
            NodeEnum::JsonArrayConstructor(array) => self.all(&array.exprs),
            NodeEnum::JsonArrayQueryConstructor(array) => self.maybe(array.query.as_deref()),
            NodeEnum::JsonObjectAgg(aggregate) => {
                if let Some(pair) = aggregate.arg.as_deref() {
                    self.json_pair(pair);
                }
                self.json_aggregate(aggregate.constructor.as_deref());
            }
            NodeEnum::JsonArrayAgg(aggregate) => {
                self.json(aggregate.arg.as_deref());
                self.json_aggregate(aggregate.constructor.as_deref());
            }
            _ => {}
        }
    }

    fn json(&mut self, value: Option<&'a protobuf::JsonValueExpr>) {
        self.maybe(value.and_then(|value| value.raw_expr.as_deref()));
    }

    fn json_pair(&mut self, pair: &'a protobuf::JsonKeyValue) {
        self.maybe(pair.key.as_deref());
        self.json(pair.value.as_deref());
    }

    fn json_behavior(&mut self, behavior: Option<&'a protobuf::JsonBehavior>) {
        self.maybe(behavior.and_then(|behavior| behavior.expr.as_deref()));
    }

    fn json_aggregate(&mut self, constructor: Option<&'a protobuf::JsonAggConstructor>) {
        let Some(constructor) = constructor else { return };
        self.maybe(constructor.agg_filter.as_deref());
        self.all(&constructor.agg_order);
        if let Some(window) = constructor.over.as_deref() {
            self.window(window);
        }
    }

    fn see(&mut self, location: i32) {
        if location >= 0 && self.first.is_none_or(|first| location < first) {
            self.first = Some(location);
        }
    }

    fn literal(&mut self, constant: &protobuf::AConst) {
        self.see(constant.location);
        if let Some(a_const::Val::Sval(string)) = &constant.val
            && self.literals.len() < LITERALS
        {
            self.literals.push(string.sval.clone());
        }
    }

    fn relation(&mut self, range: &'a protobuf::RangeVar) {
        self.see(range.location);
        let (schema, named) = (range.schemaname.as_str(), range.relname.as_str());
        let is_expression = schema.is_empty() && self.expressions.contains_key(named);
        if !is_expression && self.seen_relations.insert((schema, named)) {
            self.relations.push(relation(range));
        }
    }

    /// A call, and its function.
    fn call(&mut self, call: &'a protobuf::FuncCall) {
        self.see(call.location);
        let mut parts = call.funcname.iter().rev().filter_map(text);
        let named = parts.next().unwrap_or_default();
        let schema = parts.next().unwrap_or_default();
        if self.seen_functions.insert((schema, named)) {
            self.functions.push(Name { schema: said(schema), name: named.to_owned() });
        }
        self.all(&call.args);
        self.all(&call.agg_order);
        self.maybe(call.agg_filter.as_deref());
        if let Some(window) = call.over.as_deref() {
            self.window(window);
        }
    }

    fn window(&mut self, window: &'a protobuf::WindowDef) {
        self.all(&window.partition_clause);
        self.all(&window.order_clause);
        self.maybe(window.start_offset.as_deref());
        self.maybe(window.end_offset.as_deref());
    }

    fn write(&mut self, kind: DmlKind, target: Option<&protobuf::RangeVar>) {
        self.see(target.map_or(-1, |target| target.location));
        self.writes.extend(target.map(|target| (kind, relation(target))));
    }

    /// Reads common table expressions and puts their names in force: each sees those before it, if recursive all.
    fn enter(&mut self, clause: Option<&'a protobuf::WithClause>) {
        let Some(clause) = clause else { return };
        let of_node = |node: &'a Node| match node.node.as_ref() {
            Some(NodeEnum::CommonTableExpr(expression)) => Some(&**expression),
            _ => None,
        };
        if clause.recursive {
            for expression in clause.ctes.iter().filter_map(of_node) {
                *self.expressions.entry(&expression.ctename).or_default() += 1;
            }
        }
        for expression in clause.ctes.iter().filter_map(of_node) {
            self.maybe(expression.ctequery.as_deref());
            if !clause.recursive {
                *self.expressions.entry(&expression.ctename).or_default() += 1;
            }
        }
    }

    fn leave(&mut self, clause: Option<&'a protobuf::WithClause>) {
        let Some(clause) = clause else { return };
        for node in &clause.ctes {
            let Some(NodeEnum::CommonTableExpr(expression)) = &node.node else { continue };
            let name = expression.ctename.as_str();
            match self.expressions.get_mut(name) {
                Some(count) if *count > 1 => *count -= 1,
                _ => _ = self.expressions.remove(name),
            }
        }
    }

    /// Reads a select.
    pub(super) fn select(&mut self, select: &'a protobuf::SelectStmt) {
        self.enter(select.with_clause.as_ref());
        for side in [&select.larg, &select.rarg].into_iter().flatten() {
            self.select(side);
        }
        self.all(&select.distinct_clause);
        self.all(&select.target_list);
        self.all(&select.values_lists);
        self.all(&select.from_clause);
        self.maybe(select.where_clause.as_deref());
        self.all(&select.group_clause);
        self.maybe(select.having_clause.as_deref());
        self.all(&select.window_clause);
        self.all(&select.sort_clause);
        self.maybe(select.limit_count.as_deref());
        self.maybe(select.limit_offset.as_deref());
        self.locks_rows |= !select.locking_clause.is_empty();
        self.leave(select.with_clause.as_ref());
    }

    /// Reads an insert, but not its target.
    pub(super) fn insert(&mut self, insert: &'a protobuf::InsertStmt) {
        self.enter(insert.with_clause.as_ref());
        self.all(&insert.cols);
        self.maybe(insert.select_stmt.as_deref());
        if let Some(conflict) = insert.on_conflict_clause.as_deref() {
            self.all(&conflict.target_list);
            self.maybe(conflict.where_clause.as_deref());
            if let Some(infer) = conflict.infer.as_deref() {
                self.all(&infer.index_elems);
                self.maybe(infer.where_clause.as_deref());
            }
        }
        self.returning(insert.returning_clause.as_ref());
        self.leave(insert.with_clause.as_ref());
    }

    /// Reads an update, but not its target.
    pub(super) fn update(&mut self, update: &'a protobuf::UpdateStmt) {
        self.enter(update.with_clause.as_ref());
        self.all(&update.target_list);
        self.all(&update.from_clause);
        self.maybe(update.where_clause.as_deref());
        self.returning(update.returning_clause.as_ref());
        self.leave(update.with_clause.as_ref());
    }

    /// Reads a delete, but not its target.
    pub(super) fn delete(&mut self, delete: &'a protobuf::DeleteStmt) {
        self.enter(delete.with_clause.as_ref());
        self.all(&delete.using_clause);
        self.maybe(delete.where_clause.as_deref());
        self.returning(delete.returning_clause.as_ref());
        self.leave(delete.with_clause.as_ref());
    }

    /// Reads a merge, but not its target.
    pub(super) fn merge(&mut self, merge: &'a protobuf::MergeStmt) {
        self.enter(merge.with_clause.as_ref());
        self.maybe(merge.source_relation.as_deref());
        self.maybe(merge.join_condition.as_deref());
        self.all(&merge.merge_when_clauses);
        self.returning(merge.returning_clause.as_ref());
        self.leave(merge.with_clause.as_ref());
    }

    fn returning(&mut self, clause: Option<&'a protobuf::ReturningClause>) {
        if let Some(clause) = clause {
            self.all(&clause.exprs);
        }
    }
}
