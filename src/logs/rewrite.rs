//! One statement in place of many: a statement that ran once for every value of a key becomes one that takes all of them.
//!
//! Made from the typed tree of the shape, so no value of the log can be in it. The tree is only trusted where it prints
//! what it read, and what is made of it only where PostgreSQL's parser takes it; everything else is refused, with a reason.

use super::analysis::{
    Analysis, JoinKind, Role, equality, has_group_by, is_aggregate, is_aggregate_function, is_count, is_own_key,
    join_evidence, parse, parseable, placeholder, slot, tokens,
};
use crate::fingerprint::StatementKind;
use sqlparser::ast::{
    AssignmentTarget, BinaryOperator, Delete, Distinct, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
    GroupByExpr, Ident, Insert, JoinConstraint, JoinOperator, ObjectName, OrderByExpr, OrderByKind, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Statement, TableFactor, TableWithJoins, Update,
    UpdateTableFromKind,
};
use std::fmt::{self, Write};

/// How the many became one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `select … where key = any ($1)`.
    Any,
    /// `select key, count(*) … where key = any ($1) group by key`.
    GroupedAggregate,
    /// `select distinct key … where key = any ($1)`.
    DistinctExists,
    /// `select … from unnest($1) cross join lateral (…)`.
    Lateral,
    /// `update … where key = any ($1)`.
    UpdateAny,
    /// `update … from unnest($1, $2)`.
    UnnestUpdate,
    /// `delete … where key = any ($1)`.
    DeleteAny,
    /// `insert … select … from unnest($1, $2)`.
    UnnestInsert,
}

impl Form {
    /// What it is called in an output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::GroupedAggregate => "grouped-aggregate",
            Self::DistinctExists => "distinct-exists",
            Self::Lateral => "lateral",
            Self::UpdateAny => "update-any",
            Self::UnnestUpdate => "unnest-update",
            Self::DeleteAny => "delete-any",
            Self::UnnestInsert => "unnest-insert",
        }
    }
}

/// A value that varied, and is an array now. Arrays run in step: the first of one belongs to the first of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its slot in the shape of the child, from 1.
    pub slot: usize,
    /// The column, as the catalog has it.
    pub column: String,
    /// The number of the parameter that takes the array, from 1.
    pub parameter: usize,
    /// The type of the array's elements, where the text or the caller knew it.
    pub element_type: Option<String>,
}

/// What to bind to a parameter of the rewritten statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// The array of all values that this slot had.
    Values(usize),
    /// The value that this slot always had. A list (`in (…)` in the log) is an array.
    Value(usize),
}

/// What an aggregate is over no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// 0: `count`.
    Zero,
    /// Null: every other aggregate.
    Null,
    /// Whatever an expression makes of those.
    Unknown,
}

/// How to tell that a rewritten `select` returns what the many did. Rows are multisets: their order says nothing.
///
/// Run [`Rewrite::child`] once for every **distinct** key (a key that holds a null left out) and [`Rewrite::sql`] once
/// with the arrays of exactly those keys. With `keys` leading columns more than the child has, in the order of
/// [`Rewrite::keys`]:
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compare {
    /// Without those columns the rows are the rows of all children together; and those whose leading columns equal one
    /// key are the rows of that child. `keys` is 0 where the child selects its key already.
    Rows {
        /// Leading columns that the child does not have.
        keys: usize,
    },
    /// As [`Compare::Rows`], but a key that has no row stands for a child whose one row is `empty`.
    Aggregates {
        /// Leading columns that the child does not have.
        keys: usize,
        /// The columns of the child over no row.
        empty: Vec<Empty>,
    },
    /// The rows are the distinct keys whose child found something: returned a row, or with `is_value` its one value was
    /// true.
    Keys {
        /// Whether the child answers by its value: `select exists (…)`.
        is_value: bool,
    },
    /// It writes: it is never run.
    Never,
}

/// One statement in place of many.
#[derive(Debug, Clone, PartialEq)]
pub struct Rewrite {
    /// The statement, without any literal. `$1` and on are the arrays, then come the values that never varied.
    pub sql: String,
    /// How it was made.
    pub form: Form,
    /// What to know before it is used, in words; may be empty.
    pub note: String,
    /// What varied, in the order of the arrays.
    pub keys: Vec<Key>,
    /// What to bind, in the order of the parameters.
    pub parameters: Vec<Parameter>,
    /// Whether every array has a type. Without one `unnest` cannot be run, only read: call again with the types that
    /// the catalog has.
    pub is_typed: bool,
    /// The child as it ran, with `$n` for the slot n; a list is an array.
    pub child: String,
    /// How to compare.
    pub compare: Compare,
    /// Whether rows may differ without either being wrong: a `limit` among rows that its order does not tell apart.
    pub may_tie: bool,
}

/// What else is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The statement whose rows the keys come from.
    pub parent: Option<&'a Analysis>,
    /// The types of the varying slots, in their order: `bigint`, `uuid`.
    pub types: &'a [Option<&'a str>],
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRewrite {
    /// In words, to follow "no rewrite: ".
    pub reason: String,
}

impl fmt::Display for NoRewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.reason)
    }
}

type Made<T> = Result<T, NoRewrite>;

fn no<T>(reason: impl Into<String>) -> Made<T> {
    Err(NoRewrite { reason: reason.into() })
}

/// The statement that takes the place of many executions of `child` which differ in the slots `varying`. `shape_text`
/// is the text that the child was analysed from. As deep as [`super::analysis::analyse`].
pub fn batched(child: &Analysis, shape_text: &str, varying: &[usize], context: Context<'_>) -> Made<Rewrite> {
    let mut slots = varying.to_vec();
    // the key first, then what is set
    slots.sort_by_key(|slot| (!matches!(child.role(*slot), Role::KeyEquals { .. }), *slot));
    slots.dedup();
    if slots.is_empty() {
        return no("nothing varies: the result can be kept instead");
    }
    if child.is_several {
        return no("it is several statements in one text");
    }
    let plain = parseable(shape_text);
    if plain.contains("/*") && child.kind == StatementKind::Insert {
        return no("it inserts many rows already");
    }
    if plain.contains("/*") {
        return no("a list in it is longer than its shape shows");
    }
    let Some(mut statement) = parse(&plain).filter(|_| child.has_tree) else {
        return no("its text could not be read far enough");
    };
    let same =
        |text: &str| pg_query::fingerprint(text, 0, pg_query::FingerprintOptions::default()).map(|made| made.hex);
    match (same(&plain), same(&statement.to_string())) {
        (Ok(read), Ok(printed)) if read == printed => {}
        _ => return no("its text could not be read far enough"),
    }
    if !matches!(statement, Statement::Insert(_))
        && let Some(name) = volatile(shape_text)
    {
        return no(format!("{name}() gives another result each time it is called"));
    }
    if let Statement::Query(query) = &mut statement {
        restore_positions(query, child, &plain)?;
    }
    let printed = statement.to_string();
    let mut work = Work { child, keys: Vec::new(), inlined: Vec::new(), notes: Vec::new(), text: &plain };
    for slot in slots {
        let given = varying.iter().position(|own| *own == slot).and_then(|at| context.types.get(at).copied().flatten());
        let column = match child.role(slot) {
            Role::KeyEquals { column, .. } | Role::SetValue { column } => column.clone(),
            Role::InsertValue { column } => column.clone().unwrap_or_default(),
            Role::Limit | Role::Offset => return no("its pages vary: follow the key of the last row instead"),
            Role::Compared { .. } | Role::Other => {
                return no("what varies is not compared by `=` in a condition that every row has to meet");
            }
        };
        let element_type = given.and_then(type_name);
        work.keys.push(Key { slot, column, parameter: work.keys.len() + 1, element_type });
    }
    work.types_from_casts();
    let made = match statement {
        Statement::Query(query) => work.of_query(*query)?,
        Statement::Update(update) => work.of_update(update)?,
        Statement::Delete(delete) => work.of_delete(delete)?,
        Statement::Insert(insert) => work.of_insert(insert)?,
        _ => return no("nothing takes the place of many of these"),
    };
    if let Some(parent) = context.parent
        && child.kind == StatementKind::Select
    {
        work.note_on_join(parent);
    }
    if has_literals(&made.text) {
        return no("its text holds a value that cannot be left out");
    }
    let (sql, parameters) = work.finish(&made.text);
    if same(&sql).is_err() {
        return no("what was made of it is no SQL");
    }
    let is_typed = work.keys.iter().all(|key| key.element_type.is_some());
    Ok(Rewrite {
        sql,
        form: made.form,
        note: work.notes.join("; "),
        keys: work.keys,
        parameters,
        is_typed,
        child: printed,
        compare: made.compare,
        may_tie: made.may_tie,
    })
}

/// A text in the making: `MARK p1 MARK` stands for the first array, `$3` for the slot 3.
struct Text {
    text: String,
    form: Form,
    compare: Compare,
    may_tie: bool,
}

const MARK: char = '\u{1}';

struct Work<'a> {
    child: &'a Analysis,
    keys: Vec<Key>,
    /// Slots that are columns of the arrays now, and what those are called.
    inlined: Vec<(usize, String)>,
    notes: Vec<String>,
    text: &'a str,
}

impl Work<'_> {
    /// The types that the text casts its values to.
    fn types_from_casts(&mut self) {
        let words: Vec<&str> = tokens(self.text).collect();
        for key in self.keys.iter_mut().filter(|key| key.element_type.is_none()) {
            let at = words.iter().position(|word| placeholder(word) == Some(key.slot));
            let word = |n: usize| at.and_then(|at| words.get(at + n)).copied().unwrap_or("");
            let name = match (word(1), word(2)) {
                (":", ":") => {
                    let long = match (word(3), word(4)) {
                        ("double", "precision") | ("character", "varying") => 2,
                        ("timestamp" | "time", "with" | "without") => 4,
                        _ => 1,
                    };
                    // an array has an array's elements, and a modifier cuts what it is given
                    match word(3 + long) {
                        "[" | "(" | "." => continue,
                        _ => (0..long).map(|n| word(3 + n)).collect::<Vec<_>>().join(" "),
                    }
                }
                ("as", name) if word(3) == ")" => name.to_owned(),
                _ => continue,
            };
            key.element_type = type_name(&name);
        }
    }

    fn varies(&self, slot: usize) -> bool {
        self.keys.iter().any(|key| key.slot == slot)
    }

    /// The parameter of a key, with its type where that is known.
    fn array(&self, at: usize) -> String {
        match self.keys.get(at).and_then(|key| key.element_type.as_deref()) {
            Some(name) => format!("{MARK}p{}{MARK}::{name}[]", at + 1),
            None => format!("{MARK}p{}{MARK}", at + 1),
        }
    }

    fn arrays(&self) -> String {
        (0..self.keys.len()).map(|at| self.array(at)).collect::<Vec<_>>().join(", ")
    }

    // ------------------------------------------------------------ select

    fn of_query(&mut self, mut query: Query) -> Made<Text> {
        let child = self.child;
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            if !matches!(*cte.query.body, SetExpr::Select(_) | SetExpr::SetOperation { .. } | SetExpr::Values(_)) {
                return no("a common table expression changes rows");
            }
        }
        if child.skip_locked {
            return no("`skip locked` takes whatever is free at that moment");
        }
        if child.has_offset {
            return no("it skips rows: follow the key of the last row instead");
        }
        // parentheses around all of it
        while query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none() && query.fetch.is_none()
        {
            match *query.body {
                SetExpr::Query(inner) if query.locks.is_empty() => query = *inner,
                body => {
                    query.body = Box::new(body);
                    break;
                }
            }
        }
        if self.keys.iter().any(|key| matches!(child.role(key.slot), Role::KeyEquals { list: true, .. }))
            && (self.keys.len() > 1 || child.limit.is_some() || child.is_aggregate_only || child.is_exists_probe)
        {
            return no("a list of keys varies, and the statement says more about all of it than which rows it wants");
        }
        let has_window = tokens(self.text).any(|word| word == "over") || self.is_windowed(&query);
        let SetExpr::Select(select) = &*query.body else { return self.lateral(&query) };
        if select.into.is_some() {
            return no("it makes a table");
        }
        let simple = select.having.is_none() && !has_window && query.with.is_none();
        if let Some(inner) = counted(&query)
            && !has_window
            && query.locks.is_empty()
        {
            let mut query = query.clone();
            let projection = select.projection.clone();
            query.body = Box::new(SetExpr::Select(Box::new(Select { projection, ..inner.clone() })));
            return self.grouped(query);
        }
        if child.is_exists_probe && simple && query.locks.is_empty() {
            if select.from.is_empty() {
                if let Some(inner) = asked(select) {
                    let mut inner = inner.clone();
                    inner.limit_clause = None;
                    inner.fetch = None;
                    return self.distinct(inner, true);
                }
                return self.lateral(&query);
            }
            if !has_group_by(select) {
                return self.distinct(query, false);
            }
        }
        let direct = self.keys.iter().all(|key| stands_in(select, key.slot));
        if !direct {
            return self.lateral(&query);
        }
        if child.is_aggregate_only && simple && query.locks.is_empty() {
            return self.grouped(query);
        }
        if child.limit.is_some() {
            let by_key = child.from_count == 1
                && self.keys.iter().any(|key| match child.role(key.slot) {
                    Role::KeyEquals { table, column, .. } => {
                        is_own_key(table.as_deref().or(child.main_table.as_deref()), column)
                    }
                    _ => false,
                });
            if !by_key || has_group_by(select) {
                return self.lateral(&query);
            }
            let names: Vec<&str> = self.keys.iter().map(|key| key.column.as_str()).collect();
            self.notes.push(format!("`{}` is taken to be unique, so that the limit can go", names.join(", ")));
            query.limit_clause = None;
            query.fetch = None;
            query.order_by = None;
        } else if !simple && (has_window || !has_group_by(select)) && (has_window || select.having.is_some()) {
            return self.lateral(&query);
        }
        self.any(query)
    }

    fn is_windowed(&self, query: &Query) -> bool {
        matches!(&*query.body, SetExpr::Select(select) if !select.named_window.is_empty())
    }

    /// Form 2: all keys in the condition.
    fn any(&mut self, mut query: Query) -> Made<Text> {
        let SetExpr::Select(select) = &mut *query.body else { return no("it is no plain select") };
        let columns = self.all_keys(select)?;
        let missing: Vec<&Expr> = columns.iter().filter(|column| !is_selected(select, column)).collect();
        let missing: Vec<Expr> = missing.into_iter().cloned().collect();
        let keys = if missing.is_empty() { 0 } else { columns.len() };
        if keys > 0 {
            let items = columns.iter().cloned().map(SelectItem::UnnamedExpr);
            select.projection.splice(0..0, items);
        }
        match &mut select.group_by {
            GroupByExpr::Expressions(groups, modifiers) if modifiers.is_empty() => {
                if !groups.is_empty() {
                    if groups.iter().any(|group| !matches!(group, Expr::Identifier(_) | Expr::CompoundIdentifier(_))) {
                        return self.lateral_of_child();
                    }
                    let more: Vec<Expr> = columns.iter().filter(|column| !groups.contains(column)).cloned().collect();
                    groups.splice(0..0, more);
                }
            }
            _ => return self.lateral_of_child(),
        }
        if let Some(Distinct::On(on)) = &mut select.distinct {
            let more: Vec<Expr> = columns.iter().filter(|column| !on.contains(column)).cloned().collect();
            on.splice(0..0, more);
        }
        order_first(&mut query, &columns);
        if !query.locks.is_empty() {
            self.notes.push("it locks the rows of all keys at once".to_owned());
        }
        if self.child.looks_single_row && self.child.limit.is_none() {
            self.notes.push("ask for each key once".to_owned());
        }
        Ok(Text { text: query.to_string(), form: Form::Any, compare: Compare::Rows { keys }, may_tie: false })
    }

    /// Form 3: an aggregate for each key.
    fn grouped(&mut self, mut query: Query) -> Made<Text> {
        query.order_by = None;
        query.limit_clause = None;
        query.fetch = None;
        let SetExpr::Select(select) = &mut *query.body else { return no("it is no plain select") };
        let columns = self.all_keys(select)?;
        let empty: Vec<Empty> = select.projection.iter().map(empty).collect();
        self.notes.push(match empty.as_slice() {
            all if all.iter().all(|one| *one == Empty::Zero) => {
                "a key without a row is not there: treat it as 0".into()
            }
            all if all.iter().all(|one| *one == Empty::Null) => {
                "a key without a row is not there: treat it as null".into()
            }
            _ => "a key without a row is not there: a count is 0 then, any other aggregate null".into(),
        });
        select.projection.splice(0..0, columns.iter().cloned().map(SelectItem::UnnamedExpr));
        let keys = columns.len();
        select.group_by = GroupByExpr::Expressions(columns, Vec::new());
        select.distinct = None;
        let compare = Compare::Aggregates { keys, empty };
        Ok(Text { text: query.to_string(), form: Form::GroupedAggregate, compare, may_tie: false })
    }

    /// Form 4: the keys that have a row.
    fn distinct(&mut self, mut query: Query, is_value: bool) -> Made<Text> {
        query.order_by = None;
        query.limit_clause = None;
        query.fetch = None;
        let SetExpr::Select(select) = &mut *query.body else { return no("it is no plain select") };
        let columns = self.all_keys(select)?;
        select.projection = columns.into_iter().map(SelectItem::UnnamedExpr).collect();
        select.distinct = Some(Distinct::Distinct);
        self.notes.push("a key without a row is not there: nothing was found for it".to_owned());
        let compare = Compare::Keys { is_value };
        Ok(Text { text: query.to_string(), form: Form::DistinctExists, compare, may_tie: false })
    }

    /// Form 5: the child as it is, beside every key. Right for every child; the server still runs it once for each key,
    /// but it is asked once.
    fn lateral(&mut self, query: &Query) -> Made<Text> {
        if self.keys.iter().any(|key| matches!(self.child.role(key.slot), Role::KeyEquals { list: true, .. })) {
            return no("a list of keys varies, and the statement says more about all of it than which rows it wants");
        }
        let (k, c) = (self.free("k"), self.free("c"));
        let names = self.names(|_| false);
        for (key, name) in self.keys.iter().zip(&names) {
            self.inlined.push((key.slot, format!("{k}.{name}")));
        }
        let outer = names.iter().map(|name| format!("{k}.{name}")).collect::<Vec<_>>().join(", ");
        let arrays = self.arrays();
        let text = format!(
            "SELECT {outer}, {c}.* FROM unnest({arrays}) AS {k}({}) CROSS JOIN LATERAL ({query}) AS {c}",
            names.join(", ")
        );
        if self.child.is_aggregate_only {
            self.notes.push("every key has a row".to_owned());
        } else {
            self.notes.push("ask for each key once; the order between keys is not given".to_owned());
        }
        let compare = Compare::Rows { keys: self.keys.len() };
        Ok(Text { text, form: Form::Lateral, compare, may_tie: self.child.limit.is_some() })
    }

    /// As [`Work::lateral`], where the tree was changed already.
    fn lateral_of_child(&mut self) -> Made<Text> {
        match parse(self.text) {
            Some(Statement::Query(mut query)) => {
                restore_positions(&mut query, self.child, self.text)?;
                self.lateral(&query)
            }
            _ => no("it is no plain select"),
        }
    }

    // ------------------------------------------------------------ the keys of a condition

    /// Replaces the conditions of all keys; returns their columns as the statement writes them, in the keys' order.
    fn all_keys(&self, select: &mut Select) -> Made<Vec<Expr>> {
        let mut found = Vec::new();
        for join in select.from.iter_mut().flat_map(|tree| &mut tree.joins) {
            if let JoinOperator::Join(JoinConstraint::On(on)) | JoinOperator::Inner(JoinConstraint::On(on)) =
                &mut join.join_operator
            {
                let kept = self.take_keys(std::mem::replace(on, raw("true")), &mut found)?;
                *on = kept.unwrap_or_else(|| raw("true"));
            }
        }
        if let Some(selection) = select.selection.take() {
            select.selection = self.take_keys(selection, &mut found)?;
        }
        let (columns, condition) = self.condition(found)?;
        for join in select.from.iter_mut().flat_map(|tree| &mut tree.joins) {
            if let JoinOperator::Join(JoinConstraint::On(on)) | JoinOperator::Inner(JoinConstraint::On(on)) =
                &mut join.join_operator
            {
                *on = replace_mark(std::mem::replace(on, raw("true")), &condition);
            }
        }
        select.selection = select.selection.take().map(|rest| replace_mark(rest, &condition));
        Ok(columns)
    }

    /// The columns of all keys in their order, and the condition that they equal one of the arrays' members.
    fn condition(&self, mut found: Vec<(usize, Expr)>) -> Made<(Vec<Expr>, Expr)> {
        found.sort_by_key(|(slot, _)| self.keys.iter().position(|key| key.slot == *slot));
        let columns: Vec<Expr> = found.into_iter().map(|(_, column)| column).collect();
        if columns.len() != self.keys.len() {
            return no("what varies is not compared by `=` in exactly one condition that every row has to meet");
        }
        let condition = match columns.as_slice() {
            [only] => raw(format!("{only} = ANY({})", self.array(0))),
            _ => raw(format!("({}) IN (SELECT * FROM unnest({}))", listed(&columns), self.arrays())),
        };
        Ok((columns, condition))
    }

    /// Takes the conditions of the keys out of others, and leaves a mark where the first of them stood.
    fn take_keys(&self, condition: Expr, found: &mut Vec<(usize, Expr)>) -> Made<Option<Expr>> {
        let mut kept = Vec::new();
        for part in parts(condition) {
            let keys = equality(&part).unwrap_or_default();
            let varying = keys.iter().filter(|(_, slot, _)| self.varies(*slot)).count();
            if varying == 0 {
                kept.push(part);
                continue;
            }
            if varying < keys.len() {
                return no("a row is compared as a whole, and only part of it varies");
            }
            let is_first = found.is_empty();
            for (column, slot, _) in keys {
                found.push((slot, column.clone()));
            }
            if is_first {
                kept.push(raw(MARK.to_string()));
            }
        }
        Ok(together(kept))
    }

    // ------------------------------------------------------------ writes

    fn of_update(&mut self, mut update: Update) -> Made<Text> {
        let child = self.child;
        let is_key = |key: &&Key| matches!(child.role(key.slot), Role::KeyEquals { .. });
        let keys = self.keys.iter().filter(is_key).count();
        if keys == 0 {
            return no("only what it sets varies: of the same rows, so that the last value stays");
        }
        let lists = self.keys.iter().any(|key| matches!(child.role(key.slot), Role::KeyEquals { list: true, .. }));
        if lists && self.keys.len() > 1 {
            return no("a list of keys varies together with other values");
        }
        let Some(selection) = update.selection.take() else { return no("it changes all rows") };
        let mut found = Vec::new();
        update.selection = self.take_keys(selection, &mut found)?;
        let compare = Compare::Never;
        if keys == self.keys.len() {
            let (_, condition) = self.condition(found)?;
            update.selection = update.selection.take().map(|rest| replace_mark(rest, &condition));
            return Ok(Text { text: update.to_string(), form: Form::UpdateAny, compare, may_tie: false });
        }
        if found.len() != keys {
            return no("what varies is not compared by `=` in exactly one condition that every row has to meet");
        }
        let Some(target) = target(&update.table) else { return no("it does not say plainly which table it changes") };
        let mut rest = String::new();
        for assignment in &update.assignments {
            if matches!(assignment.target, AssignmentTarget::Tuple(_)) {
                return no("it sets several columns at once");
            }
            let _ = write!(rest, "{} ", assignment.value);
        }
        for text in
            [update.selection.as_ref().map(ToString::to_string), update.returning.as_ref().map(|items| join(items))]
                .into_iter()
                .flatten()
        {
            let _ = write!(rest, "{text} ");
        }
        let v = self.free("v");
        let names = self.names(|name| is_unqualified(name, &rest));
        for (key, name) in self.keys.iter().zip(&names) {
            self.inlined.push((key.slot, format!("{v}.{name}")));
        }
        for assignment in &mut update.assignments {
            // the array has the type already
            let typed = |slot: usize| self.keys.iter().any(|key| key.slot == slot && key.element_type.is_some());
            if let Some(slot) = slot(&assignment.value).filter(|slot| typed(*slot))
                && let Some((_, name)) = self.inlined.iter().find(|(own, _)| *own == slot)
            {
                assignment.value = raw(name.clone());
            }
        }
        let conditions: Vec<Expr> = found
            .iter()
            .map(|(slot, column)| {
                let column = match column {
                    Expr::Identifier(name) => format!("{target}.{name}"),
                    other => other.to_string(),
                };
                let name = self.inlined.iter().find(|(own, _)| own == slot).map_or("", |(_, name)| name);
                raw(format!("{column} = {name}"))
            })
            .collect();
        let condition = together(conditions).unwrap_or_else(|| raw("true"));
        update.selection = update.selection.take().map(|rest| replace_mark(rest, &condition));
        let unnest = relation(&format!("unnest({}) AS {v}({})", self.arrays(), names.join(", ")));
        match &mut update.from {
            Some(UpdateTableFromKind::AfterSet(from) | UpdateTableFromKind::BeforeSet(from)) => from.push(unnest),
            None => update.from = Some(UpdateTableFromKind::AfterSet(vec![unnest])),
        }
        for item in update.returning.iter_mut().flatten() {
            if let SelectItem::Wildcard(options) = item {
                let name = ObjectName::from(vec![Ident::new(target.clone())]);
                *item =
                    SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options.clone());
            }
        }
        self.notes.push("each key once: a row is changed once, by whichever of two values comes first".to_owned());
        Ok(Text { text: update.to_string(), form: Form::UnnestUpdate, compare, may_tie: false })
    }

    fn of_delete(&mut self, mut delete: Delete) -> Made<Text> {
        if self.keys.len() > 1
            && self.keys.iter().any(|key| matches!(self.child.role(key.slot), Role::KeyEquals { list: true, .. }))
        {
            return no("a list of keys varies together with other values");
        }
        let Some(selection) = delete.selection.take() else { return no("it deletes all rows") };
        let mut found = Vec::new();
        delete.selection = self.take_keys(selection, &mut found)?;
        let (_, condition) = self.condition(found)?;
        delete.selection = delete.selection.take().map(|rest| replace_mark(rest, &condition));
        Ok(Text { text: delete.to_string(), form: Form::DeleteAny, compare: Compare::Never, may_tie: false })
    }

    fn of_insert(&mut self, mut insert: Insert) -> Made<Text> {
        if self.keys.iter().any(|key| !matches!(self.child.role(key.slot), Role::InsertValue { .. })) {
            return no("what varies is not a value of the row");
        }
        if !self.child.is_single_row_insert {
            return no("it inserts many rows already");
        }
        let Some(source) = insert.source.as_mut() else { return no("it inserts no values") };
        if source.with.is_some() || source.order_by.is_some() || source.limit_clause.is_some() {
            return no("it inserts no plain values");
        }
        let SetExpr::Values(values) = &*source.body else { return no("it inserts no plain values") };
        let [row] = values.rows.as_slice() else { return no("it inserts many rows already") };
        let mut row = row.content.clone();
        let v = self.free("v");
        // what has no name is called after its place
        for key in self.keys.iter_mut().filter(|key| key.column.is_empty()) {
            key.column = format!("c{}", key.parameter);
        }
        let names = self.names(|_| false);
        for (key, name) in self.keys.iter().zip(&names) {
            self.inlined.push((key.slot, format!("{v}.{name}")));
        }
        // a default needs no column, and cannot be selected
        let is_default =
            |expr: &Expr| matches!(expr, Expr::Identifier(name) if name.value.eq_ignore_ascii_case("default"));
        if row.iter().any(is_default) {
            if insert.columns.len() != row.len() {
                return no("it does not say which columns it leaves to their defaults");
            }
            let mut defaults = row.iter().map(is_default);
            insert.columns.retain(|_| !defaults.next().unwrap_or(false));
            row.retain(|expr| !is_default(expr));
        }
        for value in &mut row {
            let typed = |slot: usize| self.keys.iter().any(|key| key.slot == slot && key.element_type.is_some());
            if let Some(slot) = slot(value).filter(|slot| typed(*slot))
                && let Some((_, name)) = self.inlined.iter().find(|(own, _)| *own == slot)
            {
                *value = raw(name.clone());
            }
        }
        let text = format!("SELECT {} FROM unnest({}) AS {v}({})", listed(&row), self.arrays(), names.join(", "));
        let Some(Statement::Query(mut select)) = parse("select x") else { return no("it inserts no plain values") };
        if let SetExpr::Select(body) = &mut *select.body {
            // the text starts with the word that the tree prints itself
            body.projection = vec![SelectItem::UnnamedExpr(raw(text.trim_start_matches("SELECT ")))];
        }
        *source = select;
        self.notes.push("several rows of values do as well, with at most 65535 parameters, or `copy`".to_owned());
        if insert.on.as_ref().is_some_and(|on| on.to_string().to_ascii_uppercase().contains("DO UPDATE")) {
            self.notes.push("each key once: `on conflict do update` meets a row once".to_owned());
        }
        Ok(Text { text: insert.to_string(), form: Form::UnnestInsert, compare: Compare::Never, may_tie: false })
    }

    // ------------------------------------------------------------ names

    /// A name for a relation that the statement does not use.
    fn free(&self, base: &str) -> String {
        let taken = |name: &str| tokens(self.text).any(|token| token.trim_matches('"').eq_ignore_ascii_case(name));
        let mut name = base.to_owned();
        let mut number = 1;
        while taken(&name) && number < 100 {
            number += 1;
            name = format!("{base}{number}");
        }
        name
    }

    /// The names of the arrays' columns: those of the keys, told apart where two are the same or one would be taken for
    /// a column of the statement.
    fn names(&self, is_taken: impl Fn(&str) -> bool) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for key in &self.keys {
            let is_key = matches!(self.child.role(key.slot), Role::KeyEquals { .. });
            let twice = self.keys.iter().filter(|other| other.column == key.column).count() > 1;
            let mut name = key.column.clone();
            if twice || is_taken(&name) {
                name = format!("{}_{name}", if is_key { "old" } else { "new" });
            }
            let mut number = 1;
            let base = name.clone();
            while names.contains(&quoted(&name)) && number < 1000 {
                number += 1;
                name = format!("{base}_{number}");
            }
            names.push(quoted(&name));
        }
        names
    }

    /// The other remedy: the parent brings the rows itself.
    fn note_on_join(&mut self, parent: &Analysis) {
        let Some(join) = join_evidence(parent, self.child).filter(|join| self.varies(join.slot)) else { return };
        let (Some(parent_table), Some(child_table)) = (&join.parent_table, &join.child_table) else { return };
        if parent_table == child_table {
            return;
        }
        match join.kind {
            JoinKind::ManyToOne => self.notes.push(format!("or `LEFT JOIN {child_table}` in the parent")),
            JoinKind::OneToMany | JoinKind::ManyToMany if parent.limit.is_some() => self.notes.push(format!(
                "or `LEFT JOIN {child_table}` around the parent as a sub-query: beside its `LIMIT` it would count joined rows"
            )),
            _ => {}
        }
    }

    /// Numbers the parameters: arrays first, the rest in the order they stand in.
    fn finish(&self, text: &str) -> (String, Vec<Parameter>) {
        let mut parameters: Vec<Parameter> = self.keys.iter().map(|key| Parameter::Values(key.slot)).collect();
        let mut out = String::with_capacity(text.len() + 32);
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '"' => rest.get(1..).and_then(|tail| tail.find('"')).map_or(rest.len(), |end| end + 2),
                MARK => {
                    let end = rest.get(1..).and_then(|tail| tail.find(MARK)).map_or(rest.len(), |end| end + 2);
                    let number = rest.get(2..end.saturating_sub(1)).and_then(|digits| digits.parse::<usize>().ok());
                    if let Some(key) = number.and_then(|number| self.keys.get(number.checked_sub(1)?)) {
                        let _ = write!(out, "${}", key.parameter);
                        if key.element_type.is_none() {
                            let _ = write!(out, " /* array of {}'s type */", told(&key.column));
                        }
                    }
                    rest = rest.get(end..).unwrap_or_default();
                    continue;
                }
                '$' => {
                    let digits = rest.bytes().skip(1).take_while(u8::is_ascii_digit).count();
                    let Some(slot) = rest.get(..=digits).and_then(placeholder) else {
                        out.push('$');
                        rest = rest.get(1..).unwrap_or_default();
                        continue;
                    };
                    if let Some((_, name)) = self.inlined.iter().find(|(own, _)| *own == slot) {
                        out.push_str(name);
                    } else {
                        let value = Parameter::Value(slot);
                        let at = parameters.iter().position(|own| *own == value).unwrap_or_else(|| {
                            parameters.push(value);
                            parameters.len() - 1
                        });
                        let _ = write!(out, "${}", at + 1);
                    }
                    rest = rest.get(1 + digits..).unwrap_or_default();
                    continue;
                }
                c if c.is_alphanumeric() || c == '_' => {
                    rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len())
                }
                c => c.len_utf8(),
            };
            out.push_str(rest.get(..length).unwrap_or_default());
            rest = rest.get(length..).unwrap_or_default();
        }
        (out, parameters)
    }
}

/// A name as it may stand in a comment.
fn told(column: &str) -> &str {
    let plain = !column.is_empty() && column.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { column } else { "the column" }
}

/// SQL that is printed as it is.
fn raw(text: impl Into<String>) -> Expr {
    Expr::Identifier(Ident::new(text))
}

fn relation(text: &str) -> TableWithJoins {
    let name = ObjectName::from(vec![Ident::new(text)]);
    let relation = TableFactor::Table {
        name,
        alias: None,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    };
    TableWithJoins { relation, joins: Vec::new() }
}

/// The conditions that all have to be met.
fn parts(condition: Expr) -> Vec<Expr> {
    let mut found = Vec::new();
    let mut rest = vec![condition];
    while let Some(condition) = rest.pop() {
        match condition {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => rest.extend([*right, *left]),
            Expr::Nested(inner) if is_and(&inner) || equality(&inner).is_some() => rest.push(*inner),
            other => found.push(other),
        }
    }
    found
}

fn is_and(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op: BinaryOperator::And, .. } => true,
        Expr::Nested(inner) => is_and(inner) || equality(inner).is_some(),
        _ => false,
    }
}

fn together(parts: Vec<Expr>) -> Option<Expr> {
    parts.into_iter().reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::And,
        right: Box::new(right),
    })
}

/// Puts a condition in the place of the mark, if it is among these.
fn replace_mark(condition: Expr, with: &Expr) -> Expr {
    let placed = parts(condition).into_iter().map(|part| match &part {
        Expr::Identifier(name) if name.value.strip_prefix(MARK) == Some("") => with.clone(),
        _ => part,
    });
    together(placed.collect()).unwrap_or_else(|| with.clone())
}

fn listed(expressions: &[Expr]) -> String {
    expressions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether the condition of a slot stands in the outermost `where`, or in the `on` of an inner join beside it.
fn stands_in(select: &Select, slot: usize) -> bool {
    let mut conditions: Vec<&Expr> = select.selection.iter().collect();
    for join in select.from.iter().flat_map(|tree| &tree.joins) {
        if let JoinOperator::Join(JoinConstraint::On(on)) | JoinOperator::Inner(JoinConstraint::On(on)) =
            &join.join_operator
        {
            conditions.push(on);
        }
    }
    while let Some(condition) = conditions.pop() {
        match condition {
            Expr::Nested(inner) => conditions.push(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => conditions.extend([&**left, &**right]),
            other => {
                if equality(other).is_some_and(|keys| keys.iter().any(|(_, own, _)| *own == slot)) {
                    return true;
                }
            }
        }
    }
    false
}

/// The `select` whose rows another only counts.
fn counted(query: &Query) -> Option<&Select> {
    let SetExpr::Select(outer) = &*query.body else { return None };
    let [only] = outer.from.as_slice() else { return None };
    let TableFactor::Derived { subquery, lateral: false, .. } = &only.relation else { return None };
    let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] = outer.projection.as_slice() else {
        return None;
    };
    let Expr::Function(function) = expr else { return None };
    let FunctionArguments::List(arguments) = &function.args else { return None };
    let stars = matches!(arguments.args.as_slice(), [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]);
    let bare = only.joins.is_empty()
        && outer.selection.is_none()
        && outer.having.is_none()
        && !has_group_by(outer)
        && function.filter.is_none()
        && query.with.is_none();
    let SetExpr::Select(inner) = &*subquery.body else { return None };
    let plain = subquery.with.is_none()
        && subquery.limit_clause.is_none()
        && subquery.fetch.is_none()
        && subquery.locks.is_empty()
        && inner.distinct.is_none()
        && inner.having.is_none()
        && !has_group_by(inner)
        && !inner.projection.iter().any(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => is_aggregate(expr),
            _ => false,
        });
    (is_count(expr) && stars && bare && plain).then_some(inner)
}

/// The query inside `select exists (…)`.
fn asked(select: &Select) -> Option<&Query> {
    let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] = select.projection.as_slice() else {
        return None;
    };
    let Expr::Exists { subquery, negated: false } = expr else { return None };
    let SetExpr::Select(inner) = &*subquery.body else { return None };
    let plain = subquery.with.is_none()
        && subquery.locks.is_empty()
        && inner.having.is_none()
        && !has_group_by(inner)
        && !inner.projection.iter().any(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => is_aggregate(expr),
            _ => false,
        });
    plain.then_some(subquery)
}

/// Whether a `select` returns a column already.
fn is_selected(select: &Select, column: &Expr) -> bool {
    let owner = match column {
        Expr::CompoundIdentifier(parts) => parts.split_last().map(|(_, owner)| owner),
        _ => None,
    };
    select.projection.iter().any(|item| match item {
        SelectItem::Wildcard(_) => true,
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
            let parts: Option<Vec<&Ident>> = name.0.iter().map(|part| part.as_ident()).collect();
            match owner {
                Some(owner) => parts.is_some_and(|parts| parts.into_iter().eq(owner.iter())),
                None => select.from.len() == 1 && select.from.iter().all(|tree| tree.joins.is_empty()),
            }
        }
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr == column,
        _ => false,
    })
}

/// Orders by the keys first, where there is an order.
fn order_first(query: &mut Query, columns: &[Expr]) {
    let Some(order) = &mut query.order_by else { return };
    let OrderByKind::Expressions(all) = &mut order.kind else { return };
    let more: Vec<OrderByExpr> = columns
        .iter()
        .filter(|column| !all.iter().any(|one| one.expr == **column))
        .map(|column| OrderByExpr::from(Ident::new(column.to_string())))
        .collect();
    all.splice(0..0, more);
}

fn empty(item: &SelectItem) -> Empty {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => match expr {
            expr if is_count(expr) => Empty::Zero,
            Expr::Function(function) if is_aggregate_function(function) => Empty::Null,
            _ => Empty::Unknown,
        },
        _ => Empty::Unknown,
    }
}

/// How the changed table is called in the statement.
fn target(table: &TableWithJoins) -> Option<String> {
    let TableFactor::Table { name, alias, .. } = &table.relation else { return None };
    if !table.joins.is_empty() {
        return None;
    }
    Some(alias.as_ref().map_or_else(|| name.to_string(), |alias| alias.name.to_string()))
}

fn join(items: &[SelectItem]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether a name stands in a text without a table in front of it.
fn is_unqualified(name: &str, text: &str) -> bool {
    let mut before = "";
    tokens(text).any(|token| {
        let qualified = std::mem::replace(&mut before, token) == ".";
        !qualified && token.trim_matches('"').eq_ignore_ascii_case(name)
    })
}

/// `order by 1` counts columns, and columns will be put in front: the one it means is written out.
fn restore_positions(query: &mut Query, child: &Analysis, plain: &str) -> Made<()> {
    let in_text = count_positions(plain);
    if in_text == 0 {
        return Ok(());
    }
    let projection = match &*query.body {
        SetExpr::Select(select) => select.projection.clone(),
        _ => Vec::new(),
    };
    let column = |place: &Expr| {
        let number = match slot(place) {
            Some(slot) => child.positions.iter().find(|(own, _)| *own == slot).map(|(_, number)| *number)?,
            None => place.to_string().parse().ok()?,
        };
        let before = projection.get(..number).filter(|before| {
            !before.iter().any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)))
        })?;
        match before.last()? {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr.clone()),
            _ => None,
        }
    };
    let mut restored = 0;
    let mut restore = |place: &mut Expr| {
        if let Some(column) = column(place) {
            *place = column;
            restored += 1;
        }
    };
    if let Some(OrderByKind::Expressions(all)) = query.order_by.as_mut().map(|order| &mut order.kind) {
        all.iter_mut().for_each(|one| restore(&mut one.expr));
    }
    if let SetExpr::Select(select) = &mut *query.body
        && let GroupByExpr::Expressions(all, _) = &mut select.group_by
    {
        all.iter_mut().for_each(restore);
    }
    match restored == in_text {
        true => Ok(()),
        false => no("it orders or groups by the number of a column, where that cannot be told"),
    }
}

/// How many members of `order by` and `group by` lists, wherever they stand, may be numbers of columns.
fn count_positions(text: &str) -> usize {
    const AFTER: [&str; 16] = [
        ",",
        ")",
        ";",
        "asc",
        "desc",
        "nulls",
        "limit",
        "offset",
        "order",
        "having",
        "fetch",
        "for",
        "union",
        "intersect",
        "except",
        "window",
    ];
    let words: Vec<&str> = tokens(text).collect();
    let (mut depth, mut lists, mut found) = (0_usize, Vec::new(), 0);
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| words.get(at)).copied().unwrap_or("");
        let in_list = lists.last() == Some(&depth);
        match *word {
            "(" => depth += 1,
            ")" => {
                depth = depth.saturating_sub(1);
                lists.retain(|list| *list <= depth);
            }
            "by" if matches!(before, "order" | "group") && !in_list => lists.push(depth),
            "limit" | "offset" | "fetch" | "having" | "for" | "union" | "intersect" | "except" | "window"
                if in_list =>
            {
                lists.pop();
            }
            _ => {
                let is_number = placeholder(word).is_some() || word.bytes().all(|byte| byte.is_ascii_digit());
                let opens = before == "by" || before == ",";
                let closes = words.get(at + 1).is_none_or(|next| AFTER.contains(next));
                found += usize::from(is_number && in_list && opens && closes);
            }
        }
    }
    found
}

/// The name of a type, where it is nothing but that.
fn type_name(name: &str) -> Option<String> {
    let name = name.trim();
    let plain = name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ' ' | '.'))
        && !name.split([' ', '.']).any(|word| word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()));
    // no value has this type, only its text has
    (plain && !matches!(name, "unknown" | "serial" | "bigserial")).then(|| name.to_owned())
}

/// A name as SQL has it.
fn quoted(name: &str) -> String {
    const RESERVED: &[&str] = &[
        "all",
        "analyse",
        "analyze",
        "and",
        "any",
        "array",
        "as",
        "asc",
        "asymmetric",
        "authorization",
        "binary",
        "both",
        "case",
        "cast",
        "check",
        "collate",
        "collation",
        "column",
        "concurrently",
        "constraint",
        "create",
        "cross",
        "current_catalog",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "default",
        "deferrable",
        "desc",
        "distinct",
        "do",
        "else",
        "end",
        "except",
        "false",
        "fetch",
        "for",
        "foreign",
        "freeze",
        "from",
        "full",
        "grant",
        "group",
        "having",
        "ilike",
        "in",
        "initially",
        "inner",
        "intersect",
        "into",
        "is",
        "isnull",
        "join",
        "lateral",
        "leading",
        "left",
        "like",
        "limit",
        "localtime",
        "localtimestamp",
        "natural",
        "not",
        "notnull",
        "null",
        "offset",
        "on",
        "only",
        "or",
        "order",
        "outer",
        "overlaps",
        "placing",
        "primary",
        "references",
        "returning",
        "right",
        "select",
        "session_user",
        "similar",
        "some",
        "symmetric",
        "system_user",
        "table",
        "tablesample",
        "then",
        "to",
        "trailing",
        "true",
        "union",
        "unique",
        "user",
        "using",
        "variadic",
        "verbose",
        "when",
        "where",
        "window",
        "with",
    ];
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !RESERVED.contains(&name);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// The first function that a text calls which gives another result each time, or does something.
fn volatile(text: &str) -> Option<&str> {
    const NAMES: &[&str] = &[
        "random",
        "random_normal",
        "setseed",
        "nextval",
        "setval",
        "currval",
        "lastval",
        "clock_timestamp",
        "timeofday",
        "gen_random_uuid",
        "gen_random_bytes",
        "uuidv4",
        "uuidv7",
        "txid_current",
        "pg_current_xact_id",
        "pg_notify",
        "set_config",
        "pg_cancel_backend",
        "pg_terminate_backend",
        "pg_reload_conf",
        "query_to_xml",
        "dblink",
        "dblink_exec",
        "pg_backend_pid",
        "pg_stat_reset",
    ];
    const STARTS: &[&str] =
        &["pg_sleep", "pg_advisory", "pg_try_advisory", "uuid_generate", "lo_", "pg_read_", "pg_ls_"];
    let mut before = "";
    tokens(text).find_map(|token| {
        let name = std::mem::replace(&mut before, token);
        let called = token == "(" && !name.is_empty();
        let known = || {
            let plain = name.trim_matches('"').to_ascii_lowercase();
            NAMES.contains(&plain.as_str()) || STARTS.iter().any(|start| plain.starts_with(start))
        };
        (called && known()).then_some(name)
    })
}

/// Whether a text holds what no shape does: a quote, or a number too long to belong to a type.
fn has_literals(text: &str) -> bool {
    tokens(text).any(|token| {
        token == "'"
            || token.starts_with(|c: char| c.is_ascii_digit()) && token.len() > 4
            || token.contains("$$") && !token.starts_with('"')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::analysis::analyse;
    use crate::logs::lexer::Lexer;
    use proptest::prelude::*;

    fn shape(sql: &str) -> (Analysis, String) {
        let text = Lexer::default().shape_text(sql.as_bytes(), false);
        (analyse(&text, sql), text)
    }

    fn made(sql: &str, varying: &[usize]) -> Made<Rewrite> {
        let (child, text) = shape(sql);
        batched(&child, &text, varying, Context::default())
    }

    fn one(sql: &str, varying: &[usize]) -> Rewrite {
        made(sql, varying).unwrap_or_else(|none| panic!("{sql}: {none}"))
    }

    /// Without what the types are not known of.
    fn sql(rewrite: &Rewrite) -> String {
        let mut text = rewrite.sql.clone();
        while let Some(at) = text.find(" /*") {
            let end = text[at..].find("*/").map_or(text.len(), |end| at + end + 2);
            text.replace_range(at..end, "");
        }
        text
    }

    #[test]
    fn every_form() {
        use Form::*;
        for (child, varying, form, expected) in [
            // 2
            ("select * from b where a_id = 1", &[1_usize][..], Any, "SELECT * FROM b WHERE a_id = ANY($1)"),
            ("select x from b where a_id = 1", &[1], Any, "SELECT a_id, x FROM b WHERE a_id = ANY($1)"),
            ("select b.* from b where $1 = b.a_id", &[1], Any, "SELECT b.* FROM b WHERE b.a_id = ANY($1)"),
            (
                "select b.x from b where b.y = 5 and b.a_id = 1 and b.z is null order by b.x desc",
                &[2],
                Any,
                "SELECT b.a_id, b.x FROM b WHERE b.y = $2 AND b.a_id = ANY($1) AND b.z IS NULL ORDER BY b.a_id, b.x DESC",
            ),
            (
                "select x from b where a_id = $1::bigint",
                &[1],
                Any,
                "SELECT a_id, x FROM b WHERE a_id = ANY($1::bigint[])",
            ),
            (
                "select x from b where a_id = cast($1 as uuid)",
                &[1],
                Any,
                "SELECT a_id, x FROM b WHERE a_id = ANY($1::uuid[])",
            ),
            (
                "select x from b where a_id = date '2020-01-01'",
                &[1],
                Any,
                "SELECT a_id, x FROM b WHERE a_id = ANY($1::date[])",
            ),
            (
                "select distinct x from b where a_id = 1",
                &[1],
                Any,
                "SELECT DISTINCT a_id, x FROM b WHERE a_id = ANY($1)",
            ),
            (
                "select distinct on (x) x, y from b where a_id = 1 order by x, y",
                &[1],
                Any,
                "SELECT DISTINCT ON (a_id, x) a_id, x, y FROM b WHERE a_id = ANY($1) ORDER BY a_id, x, y",
            ),
            (
                "select x, count(*) from b where a_id = 1 group by x",
                &[1],
                Any,
                "SELECT a_id, x, count(*) FROM b WHERE a_id = ANY($1) GROUP BY a_id, x",
            ),
            (
                "select c.x from b join c on c.b_id = b.id and c.k = 1 where (b.y = 2)",
                &[1],
                Any,
                "SELECT c.k, c.x FROM b JOIN c ON c.b_id = b.id AND c.k = ANY($1) WHERE b.y = $2",
            ),
            (
                "select x from b where a = 1 and c = 2 and d = 3",
                &[1, 3],
                Any,
                "SELECT a, d, x FROM b WHERE (a, d) IN (SELECT * FROM unnest($1, $2)) AND c = $3",
            ),
            (
                "select x from b where (a, c) = (1, 2)",
                &[1, 2],
                Any,
                "SELECT a, c, x FROM b WHERE (a, c) IN (SELECT * FROM unnest($1, $2))",
            ),
            ("select id from b where id in (1, 2)", &[1], Any, "SELECT id FROM b WHERE id = ANY($1)"),
            ("select id from b where id in (1)", &[1], Any, "SELECT id FROM b WHERE id = ANY($1)"),
            (
                "select id from b where k = 1 and id in (1, 2)",
                &[1],
                Any,
                "SELECT k, id FROM b WHERE k = ANY($1) AND id = ANY($2)",
            ),
            (
                "select id from b where k = 1 and id not in (1, 2)",
                &[1],
                Any,
                "SELECT k, id FROM b WHERE k = ANY($1) AND id <> ALL($2)",
            ),
            ("select * from users where id = 1 limit 1", &[1], Any, "SELECT * FROM users WHERE id = ANY($1)"),
            ("select * from b where a = 1 for update", &[1], Any, "SELECT * FROM b WHERE a = ANY($1) FOR UPDATE"),
            (
                "select x from b where a = 1 and t > now() - interval '1 day'",
                &[1],
                Any,
                "SELECT a, x FROM b WHERE a = ANY($1) AND t > now() - $2::INTERVAL",
            ),
            (
                "select y, x from b where a = 1 order by y, x",
                &[1],
                Any,
                "SELECT a, y, x FROM b WHERE a = ANY($1) ORDER BY a, y, x",
            ),
            (
                "with c as (select * from d where e = 9) select x from b join c on true where b.a = 1",
                &[2],
                Any,
                "WITH c AS (SELECT * FROM d WHERE e = $2) SELECT b.a, x FROM b JOIN c ON true WHERE b.a = ANY($1)",
            ),
            // 3
            (
                "select count(*) from b where a_id = 1 and x > 3",
                &[1],
                GroupedAggregate,
                "SELECT a_id, count(*) FROM b WHERE a_id = ANY($1) AND x > $2 GROUP BY a_id",
            ),
            (
                "select sum(x) as s, max(y) from b where a = 1 and c = 2",
                &[1, 2],
                GroupedAggregate,
                "SELECT a, c, sum(x) AS s, max(y) FROM b WHERE (a, c) IN (SELECT * FROM unnest($1, $2)) GROUP BY a, c",
            ),
            (
                "SELECT count(*) AS count_1 FROM (SELECT b.id AS b_id FROM b WHERE b.a_id = 4) AS anon_1",
                &[1],
                GroupedAggregate,
                "SELECT b.a_id, count(*) AS count_1 FROM b WHERE b.a_id = ANY($1) GROUP BY b.a_id",
            ),
            // 4
            (
                "select 1 as one from b where a_id = 1 and x = 2 limit 1",
                &[2],
                DistinctExists,
                "SELECT DISTINCT a_id FROM b WHERE a_id = ANY($1) AND x = $2",
            ),
            (
                "select exists(select * from b where a_id = 1) as e",
                &[1],
                DistinctExists,
                "SELECT DISTINCT a_id FROM b WHERE a_id = ANY($1)",
            ),
            (
                "select exists(select 1 from b where b.a_id = 1 limit 1)",
                &[2],
                DistinctExists,
                "SELECT DISTINCT b.a_id FROM b WHERE b.a_id = ANY($1)",
            ),
            // 5
            (
                "select x from b where a_id = 1 order by x desc limit 3",
                &[1],
                Lateral,
                "SELECT k.a_id, c.* FROM unnest($1) AS k(a_id) CROSS JOIN LATERAL (SELECT x FROM b WHERE a_id = k.a_id ORDER BY x DESC LIMIT $2) AS c",
            ),
            (
                "select c.x from c join k on true where c.a = 1 and k.b = 2 limit 3",
                &[1, 2],
                Lateral,
                "SELECT k2.a, k2.b, c2.* FROM unnest($1, $2) AS k2(a, b) CROSS JOIN LATERAL (SELECT c.x FROM c JOIN k ON true WHERE c.a = k2.a AND k.b = k2.b LIMIT $3) AS c2",
            ),
            (
                "select x, row_number() over (order by x) from b where a = 1",
                &[1],
                Lateral,
                "SELECT k.a, c.* FROM unnest($1) AS k(a) CROSS JOIN LATERAL (SELECT x, row_number() OVER (ORDER BY x) FROM b WHERE a = k.a) AS c",
            ),
            (
                "select x from b where a = 1 union all select y from c where d = 2",
                &[1, 2],
                Lateral,
                "SELECT k.a, k.d, c2.* FROM unnest($1, $2) AS k(a, d) CROSS JOIN LATERAL (SELECT x FROM b WHERE a = k.a UNION ALL SELECT y FROM c WHERE d = k.d) AS c2",
            ),
            (
                "select count(*) from b where a = 1 having count(*) > 2",
                &[1],
                Lateral,
                "SELECT k.a, c.* FROM unnest($1) AS k(a) CROSS JOIN LATERAL (SELECT count(*) FROM b WHERE a = k.a HAVING count(*) > $2) AS c",
            ),
            (
                "select count(*) from (select x from b where a = 1 limit 5) s",
                &[1],
                Lateral,
                "SELECT k.a, c.* FROM unnest($1) AS k(a) CROSS JOIN LATERAL (SELECT count(*) FROM (SELECT x FROM b WHERE a = k.a LIMIT $2) s) AS c",
            ),
            // 7
            ("update b set x = 1 where id = 2", &[2], UpdateAny, "UPDATE b SET x = $2 WHERE id = ANY($1)"),
            (
                "update b set x = $1, n = n + $2::int where id = $3::bigint and y = 4",
                &[1, 3],
                UnnestUpdate,
                "UPDATE b SET x = v.x, n = n + $3::INT FROM unnest($1::bigint[], $2) AS v(id, x) WHERE b.id = v.id AND y = $4",
            ),
            (
                "update b set n = n + 5 where id = 2",
                &[1, 2],
                UnnestUpdate,
                "UPDATE b SET n = n + v.new_n FROM unnest($1, $2) AS v(id, new_n) WHERE b.id = v.id",
            ),
            (
                "update b set version = 2, x = 3 where b.id = 1 and b.version = 1 returning *",
                &[1, 2, 3, 4],
                UnnestUpdate,
                "UPDATE b SET version = v.new_version, x = v.x FROM unnest($1, $2, $3, $4) AS v(id, old_version, new_version, x) WHERE b.id = v.id AND b.version = v.old_version RETURNING b.*",
            ),
            ("delete from b where id = 1", &[1], DeleteAny, "DELETE FROM b WHERE id = ANY($1)"),
            (
                "delete from b where a = 1 and c = 2 and d = 3",
                &[1, 2],
                DeleteAny,
                "DELETE FROM b WHERE (a, c) IN (SELECT * FROM unnest($1, $2)) AND d = $3",
            ),
            (
                "insert into b (x, y, z) values ($1, lower($2), now()) returning id",
                &[1, 2],
                UnnestInsert,
                "INSERT INTO b (x, y, z) SELECT v.x, lower(v.y), now() FROM unnest($1, $2) AS v(x, y) RETURNING id",
            ),
            (
                "insert into b (id, x, y) values (default, 1, 2) on conflict (x) do update set y = excluded.y",
                &[1],
                UnnestInsert,
                "INSERT INTO b (x, y) SELECT v.x, $2 FROM unnest($1) AS v(x) ON CONFLICT(x) DO UPDATE SET y = EXCLUDED.y",
            ),
            (
                "insert into b values (1, 2)",
                &[1, 2],
                UnnestInsert,
                "INSERT INTO b SELECT v.c1, v.c2 FROM unnest($1, $2) AS v(c1, c2)",
            ),
            (
                "insert into b (\"order\", \"Camel\") values (nextval('s'), 2)",
                &[2],
                UnnestInsert,
                "INSERT INTO b (\"order\", \"Camel\") SELECT nextval($2), v.\"Camel\" FROM unnest($1) AS v(\"Camel\")",
            ),
        ] {
            let rewrite = one(child, varying);
            assert_eq!(
                (rewrite.form, sql(&rewrite).to_ascii_lowercase()),
                (form, expected.to_ascii_lowercase()),
                "{child}"
            );
            assert!(
                pg_query::parse(&rewrite.sql, 0).is_ok() && pg_query::parse(&rewrite.child, 0).is_ok(),
                "{}",
                rewrite.sql
            );
            assert_eq!(rewrite.keys.len(), varying.len(), "{child}");
        }
    }

    #[test]
    fn what_mappers_write() {
        for (child, varying, expected) in [
            (
                r#"SELECT "b"."id", "b"."author_id" FROM "b" WHERE "b"."author_id" = 5"#,
                1,
                r#"SELECT "b"."id", "b"."author_id" FROM "b" WHERE "b"."author_id" = ANY($1)"#,
            ),
            (
                "select b1_0.author_id,b1_0.id from book b1_0 where b1_0.author_id=$1",
                1,
                "SELECT b1_0.author_id, b1_0.id FROM book b1_0 WHERE b1_0.author_id = ANY($1)",
            ),
            (
                "select books0_.id as id1_0_ from book books0_ where books0_.author_id=$1",
                1,
                "SELECT books0_.author_id, books0_.id AS id1_0_ FROM book books0_ WHERE books0_.author_id = ANY($1)",
            ),
            (
                r#"SELECT "public"."U"."id" FROM "public"."U" WHERE ("public"."U"."id" = $1 AND 1=1) LIMIT $2"#,
                1,
                r#"SELECT "public"."U"."id" FROM "public"."U" WHERE "public"."U"."id" = ANY($1) AND $2 = $3"#,
            ),
            (
                "SELECT b.\"Id\"\nFROM \"Books\" AS b\nWHERE b.\"AuthorId\" = $1",
                1,
                "SELECT b.\"AuthorId\", b.\"Id\" FROM \"Books\" AS b WHERE b.\"AuthorId\" = ANY($1)",
            ),
            (
                r#"select * from "b" where "b"."a_id" = 3 and "b"."a_id" is not null"#,
                1,
                r#"SELECT * FROM "b" WHERE "b"."a_id" = ANY($1) AND "b"."a_id" IS NOT NULL"#,
            ),
        ] {
            assert_eq!(sql(&one(child, &[varying])), expected);
        }
    }

    #[test]
    fn what_is_refused() {
        for (child, varying, reason) in [
            ("select * from b where a = 1 and r > random()", &[1_usize][..], "random()"),
            ("select nextval('s') from b where a = 1", &[2], "nextval()"),
            ("select * from b where a = 1 and t < clock_timestamp()", &[1], "clock_timestamp()"),
            ("select * from b where a = 1 limit 1 for update skip locked", &[1], "skip locked"),
            ("select * from b where a = 1 limit 1 offset 5", &[1], "skips rows"),
            ("select * from b where a = 1 limit 10", &[2], "pages"),
            ("select * from b order by id limit 10 offset 20", &[2], "pages"),
            ("with d as (delete from c returning *) select * from b where a = 1", &[1], "changes rows"),
            ("select * from b where a = 1 or c = 2", &[1], "compared by"),
            ("select * from b where a > 1 order by a limit 5", &[1], "compared by"),
            ("select * from b where lower(a) = 'x'", &[1], "compared by"),
            ("select * from b left join c on c.x = 1 where b.y = 2", &[1], "compared by"),
            ("select f(1)", &[1], "compared by"),
            ("select * from b where a = 1", &[], "nothing varies"),
            ("select * from b where a = 1", &[7], "compared by"),
            ("select 1; select 2", &[1], "several"),
            ("begin", &[1], "read far enough"),
            ("select * from b where a = 1 and (", &[1], "read far enough"),
            ("update t set arr[1] = 5 where id = 1", &[3], "read far enough"),
            ("insert into b (x) values (1), (2)", &[1], "many rows"),
            ("insert into b (x) select y from c where d = 1", &[1], "not a value"),
            ("insert into b (x) values (1) on conflict (x) do update set y = 5", &[2], "compared by"),
            ("update b set x = 1 where y = 2", &[1], "only what it sets"),
            ("update b set x = 1", &[1], "only what it sets"),
            ("select count(*) from b where a in (1, 2)", &[1], "list of keys"),
            ("select x from b where (a, c) in ((1, 2), (3, 4)) and d = 1", &[2], "longer"),
            ("select x into y from b where a = 1", &[1], "makes a table"),
            ("select x from b where a = 1 for no key update", &[1], "read far enough"),
        ] {
            let none = made(child, varying).expect_err(child);
            assert!(none.reason.contains(reason), "{child}: {none}");
        }
    }

    #[test]
    fn positions_are_written_out() {
        for (child, expected) in [
            (
                "select x, y from b where a = 1 order by 2 desc, 1",
                "SELECT a, x, y FROM b WHERE a = ANY($1) ORDER BY a, y DESC, x",
            ),
            (
                "select x, count(*) from b where a = 1 group by 1",
                "SELECT a, x, count(*) FROM b WHERE a = ANY($1) GROUP BY a, x",
            ),
        ] {
            assert_eq!(sql(&one(child, &[1])), expected);
        }
        for child in [
            "select * from b where a = 1 order by 2",
            "select x from b where a = 1 order by 2",
            "select x from (select x, y from d order by 2 limit 5) c join b on true where a = 1",
            "select x from b where a = 1 union select y from c where d = 2 order by 1",
        ] {
            assert!((1..4).all(|slot| made(child, &[slot]).is_err()), "{child}");
        }
        // only a text that has the shape can tell
        let text = "select x, y from b where a = $1 order by $2";
        assert!(batched(&analyse(text, text), text, &[1], Context::default()).is_err());
        let text = "select x, y from b where a = $1 order by 2";
        assert!(batched(&analyse(text, text), text, &[1], Context::default()).unwrap().sql.contains("ORDER BY a, y"));
    }

    #[test]
    fn parameters_and_how_to_compare() {
        let rewrite = one("select x from b where y = 5 and a = 1 and z = 6", &[2]);
        assert_eq!(rewrite.parameters, [Parameter::Values(2), Parameter::Value(1), Parameter::Value(3)]);
        assert_eq!(rewrite.compare, Compare::Rows { keys: 1 });
        assert_eq!(rewrite.child, "SELECT x FROM b WHERE y = $1 AND a = $2 AND z = $3");
        assert!(!rewrite.is_typed && !rewrite.may_tie);
        assert_eq!(rewrite.keys[0], Key { slot: 2, column: "a".into(), parameter: 1, element_type: None });
        assert_eq!(one("select a, x from b where a = 1", &[1]).compare, Compare::Rows { keys: 0 });
        let counted = one("select count(*), sum(x), coalesce(max(y), 0) from b where a = 1", &[2]);
        assert_eq!(
            counted.compare,
            Compare::Aggregates { keys: 1, empty: vec![Empty::Zero, Empty::Null, Empty::Unknown] }
        );
        assert_eq!(one("select exists(select 1 from b where a = 1)", &[2]).compare, Compare::Keys { is_value: true });
        assert!(one("select x from b where a = 1 limit 2", &[1]).may_tie);
        assert_eq!(one("delete from b where a = 1", &[1]).compare, Compare::Never);
    }

    #[test]
    fn types_come_from_the_caller_too() {
        let (child, text) = shape("select x from b where a = 1 and c = 'x'");
        let types = [Some("bigint"), Some("pg_catalog.text")];
        let rewrite = batched(&child, &text, &[1, 2], Context { types: &types, ..Context::default() }).unwrap();
        assert!(
            rewrite.is_typed && rewrite.sql.contains("unnest($1::bigint[], $2::pg_catalog.text[])"),
            "{}",
            rewrite.sql
        );
        // what is no type is not written
        for bad in ["bigint); drop table b", "int[]", "'canary'", "", "1", "a  b", "unknown"] {
            let rewrite = batched(&child, &text, &[1], Context { types: &[Some(bad)], ..Context::default() }).unwrap();
            assert!(rewrite.sql.contains("ANY($1 /* array of a's type */)"), "{}", rewrite.sql);
        }
        let odd = one("select * from b where \"a */ x\" = 1", &[1]);
        assert!(odd.sql.contains("ANY($1 /* array of the column's type */)"), "{}", odd.sql);
    }

    #[test]
    fn notes_name_the_join() {
        let note = |parent: &str, child: &str| {
            let (child, text) = shape(child);
            let parent = shape(parent).0;
            batched(&child, &text, &[1], Context { parent: Some(&parent), ..Context::default() }).unwrap().note
        };
        assert!(
            note("select id, author_id from books", "select * from authors where id = 1")
                .contains("`LEFT JOIN authors` in the parent")
        );
        let limited = note("select id from authors order by id limit 20", "select * from books where author_id = 1");
        assert!(limited.contains("sub-query"), "{limited}");
        assert_eq!(note("select id from authors", "select * from books where author_id = 1"), "");
    }

    #[test]
    fn no_literal_gets_in() {
        for child in [
            "select 'canary', x from t where a = 1 and b = 'canary' and c in ('canary', 'canary') and d = 73317331",
            "select x from t where a = 1 and b = $$canary$$ limit 73317331",
            "update t set b = 'canary', c = 73317331 where a = 1",
            "insert into t (a, b) values (1, 'canary')",
            "delete from t where a = 1 and b = E'can\\'canary'",
        ] {
            let (analysis, text) = shape(child);
            for slot in 1..=analysis.slots.len() {
                if let Ok(rewrite) = batched(&analysis, &text, &[slot], Context::default()) {
                    let all = format!("{rewrite:?}");
                    assert!(!all.contains("canary") && !all.contains("7331"), "{all}");
                }
            }
            // not even from a text that is no shape
            for slot in 1..4 {
                if let Ok(rewrite) = batched(&analyse(child, child), child, &[slot], Context::default()) {
                    panic!("{rewrite:?}");
                }
            }
        }
        let text = "select x from t where a = $1 and b = 73317331";
        assert!(batched(&analyse(text, text), text, &[1], Context::default()).is_err());
        let text = "select x from t where a = $1 and b = 'canary'";
        assert!(batched(&analyse(text, text), text, &[1], Context::default()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
        #[test]
        fn what_is_made_parses(
            head in "(select |select distinct |select count\\(\\*\\), )(a|b\\.\\*|\\*|b\\.c as d)( from b| from b join c on b\\.x = c\\.x and c\\.k = 5)",
            conditions in proptest::collection::vec("(a|b\\.a|c|\"B\"\\.\"c\") (=|>|in) (\\(1\\)|\\(1, 2\\))( or x = 2)?", 1..4),
            tail in "( group by a| having count\\(\\*\\) > 1)?( order by a| order by 1)?( limit 5)?( offset 6)?( for update)?",
        ) {
            let text = format!("{head} where {}{tail}", conditions.join(" and "));
            let (child, shape_text) = shape(&text);
            for slot in 0..=child.slots.len() {
                for varying in [&[slot][..], &[1, slot]] {
                    if let Ok(rewrite) = batched(&child, &shape_text, varying, Context::default()) {
                        prop_assert!(pg_query::parse(&rewrite.sql, 0).is_ok(), "{}", rewrite.sql);
                        prop_assert!(!rewrite.sql.contains(MARK));
                    }
                }
            }
        }

        #[test]
        fn no_text_ends_the_process(text in "(select |from |where |and |insert into |values |update |set |limit |in |[a-z\"$1=(),.*'; ]|é|\u{1}|/\\*){0,30}") {
            let (child, shape_text) = shape(&text);
            for (child, text) in [(child, shape_text), (analyse(&text, &text), text)] {
                for varying in [&[1_usize][..], &[1, 2], &[0, 3]] {
                    let _ = batched(&child, &text, varying, Context::default());
                }
            }
        }
    }
}
