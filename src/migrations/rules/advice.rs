//! Pieces of hints that several rules give: statements that do the same without the harm, for the relation at hand.

use super::around;
use super::prelude::*;
use crate::migrations::catalog::RelationKind;
use crate::migrations::command::{Bound, Expr, TypeName};
use crate::migrations::split::tokens::Kind;
use crate::sql::quote;
use std::collections::BTreeSet;

/// What comes before a statement that must wait for its lock: those behind it wait no longer than it does.
pub(super) const TIMEOUT: &str = "set lock_timeout = '5s';";

/// What follows a step that is one batch of many.
pub(super) const REPEAT: &str = "-- again until it changes no row, each time in a transaction of its own";

/// Statements, each on its line.
pub(super) fn lines<T: AsRef<str>>(statements: impl IntoIterator<Item = T>) -> String {
    let statements: Vec<String> = statements.into_iter().map(|one| one.as_ref().to_owned()).collect();
    statements.join("\n")
}

/// A name made of parts, no longer than PostgreSQL keeps it: the first part gives way.
pub(super) fn name(first: &str, rest: &str) -> String {
    const LONGEST: usize = 63;
    let mut end = first.len().min(LONGEST.saturating_sub(rest.len() + 1));
    while !first.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_{rest}", first.get(..end).unwrap_or_default())
}

/// Columns as a list of SQL.
pub(super) fn columns<T: AsRef<str>>(names: &[T]) -> String {
    names.iter().map(|name| quote(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// One batch of an update of a large table, and the word to repeat it.
pub(super) fn batched_update(m: &Moment<'_>, relation: &QName, set: &str, pending: &str) -> Vec<String> {
    vec![format!("update {} set {set} where {};", relation.sql(), batch(m, relation, Some(pending))), REPEAT.to_owned()]
}

/// The condition of one batch: the rows by their primary key where it is known, else by where they are.
pub(super) fn batch(m: &Moment<'_>, relation: &QName, pending: Option<&str>) -> String {
    let table = relation.sql();
    let pending = pending.map(|pending| format!(" where {pending}")).unwrap_or_default();
    let known = m.catalog.get(relation).known();
    let key = known.and_then(|known| {
        let primary = known.constraints.iter().find(|one| one.definition.kind == ConstraintKind::PrimaryKey)?;
        Some(primary.definition.columns.as_slice()).filter(|columns| !columns.is_empty())
    });
    match key {
        Some([one]) => format!("{0} in (select {0} from {table}{pending} limit 5000)", quote(one)),
        Some(several) => format!("({0}) in (select {0} from {table}{pending} limit 5000)", columns(several)),
        // a row's place is its own only within one table
        None if known.is_some_and(|known| known.is_partitioned() || !known.children.is_empty()) => {
            format!("(tableoid, ctid) in (select tableoid, ctid from {table}{pending} limit 5000)")
        }
        None => format!("ctid = any(array(select ctid from {table}{pending} limit 5000))"),
    }
}

/// The statements that make a column not null without a scan under AccessExclusiveLock.
pub(super) fn not_null(m: &Moment<'_>, relation: &QName, column: &str) -> Vec<String> {
    let (table, quoted) = (relation.sql(), quote(column));
    let constraint = quote(&name(&relation.name, &format!("{column}_not_null")));
    if m.major() >= 18 {
        return vec![
            TIMEOUT.to_owned(),
            format!("alter table {table} add constraint {constraint} not null {quoted} not valid;"),
            format!("alter table {table} validate constraint {constraint};"),
        ];
    }
    // a check that is there already, and only waits for its validation, serves as well
    let waiting = m.catalog.get(relation).known().and_then(|known| {
        known.constraints.iter().find(|one| !one.is_valid && proves_not_null(&one.definition, column))
    });
    let constraint = waiting.map_or(constraint, |waiting| quote(&waiting.name));
    let mut statements = vec![TIMEOUT.to_owned()];
    if waiting.is_none() {
        statements
            .push(format!("alter table {table} add constraint {constraint} check ({quoted} is not null) not valid;"));
    }
    statements.push(format!("alter table {table} validate constraint {constraint};"));
    statements.push(format!("alter table {table} alter column {quoted} set not null;"));
    statements.push(format!("alter table {table} drop constraint {constraint};"));
    statements
}

/// Whether a check says no more and no less than that a column is not null.
fn proves_not_null(constraint: &Constraint, column: &str) -> bool {
    let ConstraintKind::Check(expression) = &constraint.kind else { return false };
    let Expr::IsNotNull(inner) = &**expression else { return false };
    matches!(&**inner, Expr::Column(path) if path.last().is_some_and(|last| last == column))
}

/// The partitions of a partitioned table, without those of their own.
pub(super) fn partitions<'a>(m: &Moment<'a>, relation: &QName) -> Vec<&'a Relation> {
    let Some(parent) = m.catalog.get(relation).known() else { return Vec::new() };
    let children = parent.children.iter().filter_map(|child| m.catalog.get(child).known());
    children.filter(|child| child.partition_of.is_some()).collect()
}

/// The default partition of a partitioned table, where it is known.
pub(super) fn default_partition<'a>(m: &Moment<'a>, parent: &QName) -> Option<&'a Relation> {
    let is_default = |one: &&Relation| matches!(&one.partition_of, Some((_, Bound::Default)));
    partitions(m, parent).into_iter().find(is_default)
}

/// The topmost table that a relation is a partition of or inherits from; itself where there is none.
pub(super) fn family(m: &Moment<'_>, relation: &QName) -> QName {
    root(m.catalog, relation)
}

/// The topmost table that a relation is a partition of or inherits from, in a catalog.
pub(super) fn root(catalog: &crate::migrations::catalog::Catalog, relation: &QName) -> QName {
    let mut seen = BTreeSet::new();
    let mut current = relation.clone();
    while seen.insert(current.clone()) {
        let Some(known) = catalog.get(&current).known() else { break };
        let above = known.partition_of.as_ref().map(|(parent, _)| parent).or_else(|| known.parents.first());
        match above {
            Some(above) => current = above.clone(),
            None => break,
        }
    }
    current
}

/// The most statements that a hint is worth reading.
const MOST: usize = 40;

/// An index over a partitioned table without a lock that stops writes: on the table alone, concurrently on each
/// partition, then put together. None where the partitions are not known, or too many to be listed.
///
/// `head` is what stands before the name, without `concurrently`; `tail` what follows the table.
pub(super) fn partitioned_index(
    m: &Moment<'_>,
    parent: &QName,
    index: &str,
    head: &str,
    tail: &str,
) -> Option<Vec<String>> {
    let mut statements = vec![format!("{head} {} on only {}{tail};", quote(index), parent.sql())];
    let mut waiting = vec![(parent.clone(), index.to_owned())];
    let mut seen = BTreeSet::from([parent.clone()]);
    while let Some((above, its_index)) = waiting.pop() {
        let parts = partitions(m, &above);
        if parts.is_empty() && above == *parent {
            return None;
        }
        for part in parts {
            if !seen.insert(part.name.clone()) {
                continue;
            }
            if part.kind == RelationKind::ForeignTable || statements.len() > MOST {
                return None;
            }
            let end = index.strip_prefix(&*parent.name).unwrap_or(index).trim_start_matches('_');
            let own = name(&part.name.name, end);
            let (own_quoted, table) = (quote(&own), part.name.sql());
            if part.is_partitioned() {
                statements.push(format!("{head} {own_quoted} on only {table}{tail};"));
                waiting.push((part.name.clone(), own.clone()));
            } else {
                statements.push(format!("{head} concurrently {own_quoted} on {table}{tail};"));
            }
            let whole = QName::new(&above.schema, &its_index).sql();
            let piece = QName::new(&part.name.schema, &own).sql();
            statements.push(format!("alter index {whole} attach partition {piece};"));
        }
    }
    Some(statements)
}

/// A primary key or a unique constraint of a partitioned table whose index is not built under lock: each partition
/// gets the constraint by an index that was built concurrently, and the parent's takes those over. None where the
/// partitions are not known, too many to be listed, or partitioned themselves.
pub(super) fn partitioned_key(
    m: &Moment<'_>,
    parent: &QName,
    constraint: &str,
    kind: &str,
    keys: &[String],
    nulls: &str,
) -> Option<Vec<String>> {
    let parts = partitions(m, parent);
    if parts.is_empty() || parts.len() * 2 > MOST || parts.iter().any(|part| part.kind != RelationKind::Table) {
        return None;
    }
    let keys = columns(keys);
    let end = constraint.strip_prefix(&*parent.name).unwrap_or(constraint).trim_start_matches('_');
    let (mut builds, mut constraints) = (Vec::new(), vec![TIMEOUT.to_owned()]);
    for part in parts {
        let (table, own) = (part.name.sql(), quote(&name(&part.name.name, end)));
        builds.push(format!("create unique index concurrently {own} on {table} ({keys}){nulls};"));
        constraints.push(format!("alter table {table} add constraint {own} {kind} using index {own};"));
    }
    constraints.push(format!(
        "alter table {} add constraint {} {kind}{nulls} ({keys});",
        parent.sql(),
        quote(constraint)
    ));
    builds.append(&mut constraints);
    Some(builds)
}

/// A partition's bound as SQL; none where a value of it cannot be written again.
pub(super) fn bound(bound: &Bound) -> Option<String> {
    let list = |values: &[Expr]| values.iter().map(Expr::sql).collect::<Option<Vec<_>>>().map(|all| all.join(", "));
    let ends = |values: &[Option<Expr>], open: &str| {
        let one = |value: &Option<Expr>| value.as_ref().map_or_else(|| Some(open.to_owned()), Expr::sql);
        values.iter().map(one).collect::<Option<Vec<_>>>().map(|all| all.join(", "))
    };
    Some(match bound {
        Bound::Default => "default".to_owned(),
        Bound::In(values) => format!("for values in ({})", list(values)?),
        Bound::Range { from, to } => {
            format!("for values from ({}) to ({})", ends(from, "minvalue")?, ends(to, "maxvalue")?)
        }
        Bound::Hash { modulus, remainder } => format!("for values with (modulus {modulus}, remainder {remainder})"),
        Bound::Unknown => return None,
    })
}

/// A condition that the rows of a partition meet.
pub(super) struct Condition {
    /// That a row belongs into it.
    pub(super) within: String,
    /// That a row does not. PostgreSQL proves the bound from the first and that a default partition has none of the
    /// rows from the second.
    pub(super) outside: String,
}

/// The condition of a bound, for a key of one column; none for any other key and for hashes.
pub(super) fn bound_condition(parent: &Relation, bound: &Bound) -> Option<Condition> {
    let key = parent.partition_by.as_ref().map(|by| by.key.as_slice())?;
    let [Some(column)] = key else { return None };
    let column = quote(column);
    let (mut within, mut outside) = (vec![format!("{column} is not null")], vec![format!("{column} is null")]);
    match bound {
        Bound::Default | Bound::Hash { .. } | Bound::Unknown => return None,
        Bound::In(values) => {
            // a null in the list is another condition altogether
            if values.iter().any(|value| matches!(value, Expr::Null)) {
                return None;
            }
            let values = values.iter().map(Expr::sql).collect::<Option<Vec<_>>>()?.join(", ");
            within.push(format!("{column} in ({values})"));
            outside.push(format!("{column} not in ({values})"));
        }
        Bound::Range { from, to } => {
            let ([from], [to]) = (from.as_slice(), to.as_slice()) else { return None };
            if let Some(from) = from {
                let from = from.sql()?;
                within.push(format!("{column} >= {from}"));
                outside.push(format!("{column} < {from}"));
            }
            if let Some(to) = to {
                let to = to.sql()?;
                within.push(format!("{column} < {to}"));
                outside.push(format!("{column} >= {to}"));
            }
        }
    }
    Some(Condition { within: within.join(" and "), outside: outside.join(" or ") })
}

/// A name that no constraint of a table has yet: the one that is wished for, or that with a number.
pub(super) fn free_constraint(m: &Moment<'_>, table: &QName, wished: String) -> String {
    let Some(known) = m.catalog.get(table).known() else { return wished };
    let is_free = |name: &String| known.constraint(name).is_none();
    let numbered = (1..100).map(|number| format!("{wished}{number}"));
    std::iter::once(wished.clone()).chain(numbered).find(is_free).unwrap_or_else(|| wished.clone())
}

/// What keeps a default partition from being read when another is attached.
pub(super) struct DefaultGuard {
    /// The statements before.
    pub(super) before: Vec<String>,
    /// And after.
    pub(super) after: Vec<String>,
}

/// A check on the default partition that excludes the rows of a new one; none where there is no default partition
/// that is known, or the bound cannot be written as a condition.
pub(super) fn default_guard(m: &Moment<'_>, parent: &QName, partition: &QName, bound: &Bound) -> Option<DefaultGuard> {
    let default = default_partition(m, parent)?;
    let condition = bound_condition(m.catalog.get(parent).known()?, bound)?;
    let check = quote(&free_constraint(m, &default.name, name(&partition.name, "excluded")));
    let table = default.name.sql();
    Some(DefaultGuard {
        before: vec![
            TIMEOUT.to_owned(),
            format!("alter table {table} add constraint {check} check ({}) not valid;", condition.outside),
            format!("alter table {table} validate constraint {check};"),
        ],
        after: vec![format!("alter table {table} drop constraint {check};")],
    })
}

/// The words of a statement that stand outside of brackets, quotes and comments: each with where it begins, in lower
/// case.
pub(super) fn top_words(text: &str) -> Vec<(usize, String)> {
    let mut depth = 0_usize;
    let mut words = Vec::new();
    for token in around::tokens(text) {
        match token.kind {
            Kind::Open | Kind::OpenBracket => depth += 1,
            Kind::Close | Kind::CloseBracket => depth = depth.saturating_sub(1),
            Kind::Word if depth == 0 => {
                let word = text.get(token.start..token.end).unwrap_or_default();
                words.push((token.start, word.to_ascii_lowercase()));
            }
            _ => {}
        }
    }
    words
}

/// The statement with a word after the first of some words that stands outside of brackets, quotes and comments; none
/// where it has none.
pub(super) fn insert_after(text: &str, words: &[&str], insert: &str) -> Option<String> {
    let (at, word) = top_words(text).into_iter().find(|(_, word)| words.contains(&word.as_str()))?;
    let (before, after) = text.split_at_checked(at + word.len())?;
    Some(format!("{before} {insert}{after}"))
}

/// Whether an expression is a plain constant.
pub(super) fn is_constant(expression: &Expr) -> bool {
    match expression {
        Expr::Null | Expr::Literal(_) => true,
        Expr::Cast(inner, _) => is_constant(inner),
        _ => false,
    }
}

/// The check of a domain as one of a column: `value` is the column.
pub(super) fn for_column(check: &Expr, column: &str) -> Expr {
    let own = |inner: &Expr| for_column(inner, column);
    let boxed = |inner: &Expr| Box::new(for_column(inner, column));
    let all = |list: &[Expr]| list.iter().map(|inner| for_column(inner, column)).collect::<Vec<_>>();
    match check {
        Expr::Column(path) if path.len() == 1 && path.first().is_some_and(|name| name == "value") => {
            Expr::Column(vec![column.to_owned()])
        }
        Expr::Call { name, arguments, is_special } => {
            Expr::Call { name: name.clone(), arguments: all(arguments), is_special: *is_special }
        }
        Expr::Operator { name, left, right } => {
            Expr::Operator { name: name.clone(), left: left.as_deref().map(boxed), right: boxed(right) }
        }
        Expr::Test { kind, arguments } => Expr::Test { kind: kind.clone(), arguments: all(arguments) },
        Expr::Not(inner) => Expr::Not(boxed(inner)),
        Expr::And(list) => Expr::And(all(list)),
        Expr::Or(list) => Expr::Or(all(list)),
        Expr::IsNull(inner) => Expr::IsNull(boxed(inner)),
        Expr::IsNotNull(inner) => Expr::IsNotNull(boxed(inner)),
        Expr::IsBoolean(inner, test) => Expr::IsBoolean(boxed(inner), test),
        Expr::Cast(inner, type_name) => Expr::Cast(boxed(inner), type_name.clone()),
        Expr::Collate(inner, collation) => Expr::Collate(boxed(inner), collation.clone()),
        Expr::Array(list) => Expr::Array(all(list)),
        Expr::Row(list) => Expr::Row(all(list)),
        Expr::Choice(word, list) => Expr::Choice(word, all(list)),
        Expr::Case { argument, arms, otherwise } => Expr::Case {
            argument: argument.as_deref().map(boxed),
            arms: arms.iter().map(|(when, then)| (own(when), own(then))).collect(),
            otherwise: otherwise.as_deref().map(boxed),
        },
        // what cannot be looked into cannot be written again either
        Expr::Other(_) | Expr::Query(_) => Expr::Other(Vec::new()),
        Expr::Null | Expr::Literal(_) | Expr::Column(_) | Expr::Parameter(_) | Expr::Value(_) => check.clone(),
    }
}

/// A type as a message shows it.
pub(super) fn shown(type_name: &TypeName) -> String {
    type_name.sql().unwrap_or_else(|| type_name.name.to_string())
}

/// A column with its type, collation, default and `not null`, without its constraints; none where it cannot be
/// written again.
pub(super) fn definition(column: &ColumnDef) -> Option<String> {
    let mut definition = format!("{} {}", quote(&column.name), column.type_name.sql()?);
    if let Some(collation) = &column.collation {
        definition.push_str(&format!(" collate {}", collation.sql()));
    }
    if let Some(default) = &column.default {
        definition.push_str(&format!(" default {}", default.sql()?));
    }
    if column.is_not_null {
        definition.push_str(" not null");
    }
    Some(definition)
}
