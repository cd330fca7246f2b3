//! What a normalised statement looks up: the tables it names, and the columns it compares with a parameter.
//!
//! The names of tables come from PostgreSQL's own parser, which knows every place where one can stand. What is compared
//! with what comes from a typed tree. Texts with parameters parse in both; a text that does not has no shape.

use sqlparser::ast::{
    BinaryOperator, Expr, FromTable, GroupByExpr, Ident, JoinConstraint, JoinOperator, LimitClause, ObjectName, Query,
    Select, SetExpr, Statement, TableFactor, TableWithJoins, UpdateTableFromKind, Value,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::collections::BTreeSet;

/// A table as a statement names it; without a schema where the `search_path` decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// The schema, where the statement says one.
    pub schema: Option<String>,
    /// The name, as the catalog has it.
    pub name: String,
}

/// What a statement looks up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shape {
    /// The tables it names anywhere, sub-queries included, common table expressions not. As `schema.name`, or the name
    /// alone; a name that has a dot of its own cannot be told from one with a schema.
    pub tables: BTreeSet<String>,
    /// The columns that must equal a parameter in the outermost `where`, with their tables.
    pub equalities: Vec<(TableName, String)>,
    /// The one table it selects from, where it is a `select` from one table and no more.
    pub single: Option<Single>,
    /// Whether more than the names of the tables could be made out.
    pub is_complete: bool,
}

/// A `select` from one table.
#[derive(Debug, Clone, PartialEq)]
pub struct Single {
    /// The table.
    pub table: TableName,
    /// Whether its `where` says more than that columns equal parameters.
    pub has_other_conditions: bool,
    /// Whether it says how many rows at most.
    pub has_limit: bool,
    /// Whether it groups, or makes its rows distinct.
    pub is_grouped: bool,
}

impl Shape {
    /// Whether the statement names nothing but tables of the system.
    pub fn is_of_the_system(&self) -> bool {
        !self.tables.is_empty()
            && self.tables.iter().all(|table| {
                table.starts_with("pg_catalog.")
                    || table.starts_with("information_schema.")
                    || table.rsplit('.').next().is_some_and(|name| name.starts_with("pg_"))
            })
    }

    /// Whether the statement names a table, with its schema or without.
    pub fn mentions(&self, schema: &str, name: &str) -> bool {
        self.tables.contains(name) || self.tables.contains(&format!("{schema}.{name}"))
    }

    /// The columns of a table that must equal a parameter.
    pub fn equalities_of(&self, schema: &str, name: &str) -> Vec<&str> {
        let of_table = self
            .equalities
            .iter()
            .filter(|(table, _)| table.name == name && table.schema.as_deref().is_none_or(|own| own == schema));
        of_table.map(|(_, column)| column.as_str()).collect()
    }
}

/// Stack for the parsers and for what they made: a chain of operators is as deep a tree as it is long.
const STACK: usize = 256 << 20;

/// How deep the typed tree may nest.
const DEPTH: usize = 200;

/// The shapes of many normalised texts, in order; none for one that does not parse as one statement.
pub fn shapes(texts: &[&str]) -> Vec<Option<Shape>> {
    if texts.is_empty() {
        return Vec::new();
    }
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new()
            .name("shapes".into())
            .stack_size(STACK)
            .spawn_scoped(scope, || texts.iter().map(|text| shape(text)).collect::<Vec<_>>());
        match worker.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(shapes)) => shapes,
            _ => vec![None; texts.len()],
        }
    })
}

fn shape(text: &str) -> Option<Shape> {
    let plain = without_typed_parameters(text);
    let mut shape = Shape { tables: tables(&plain)?, ..Shape::default() };
    // PostgreSQL knows more SQL than the typed tree does: then the tables are all there is to say
    let parser = Parser::new(&PostgreSqlDialect {}).with_recursion_limit(DEPTH);
    let Ok(statements) = parser.try_with_sql(&plain).and_then(|mut parser| parser.parse_statements()) else {
        return Some(shape);
    };
    shape.is_complete = true;
    match statements.as_slice() {
        [Statement::Query(query)] => of_query(query, &mut shape),
        [Statement::Update(update)] => {
            let mut from: Vec<&TableWithJoins> = vec![&update.table];
            if let Some(UpdateTableFromKind::BeforeSet(more) | UpdateTableFromKind::AfterSet(more)) = &update.from {
                from.extend(more);
            }
            of_where(&from, update.selection.as_ref(), &mut shape);
        }
        [Statement::Delete(delete)] => {
            let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
            let from: Vec<&TableWithJoins> = from.iter().chain(delete.using.iter().flatten()).collect();
            of_where(&from, delete.selection.as_ref(), &mut shape);
        }
        _ => {}
    }
    Some(shape)
}

/// `interval $1` is what normalising makes of `interval '1 day'`, and parses nowhere: the word of the type goes.
fn without_typed_parameters(text: &str) -> std::borrow::Cow<'_, str> {
    const TYPES: [&str; 6] = ["interval", "date", "time", "timestamp", "timestamptz", "timetz"];
    let mut kept = String::new();
    let mut from = 0;
    for (at, _) in text.match_indices(" $") {
        if !text[at + 2..].starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let start = text[..at]
            .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
            .map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8));
        let is_name = text[..start].ends_with(['"', '.']);
        if start >= from && !is_name && TYPES.iter().any(|word| text[start..at].eq_ignore_ascii_case(word)) {
            kept.push_str(&text[from..start]);
            from = at + 1;
        }
    }
    if from == 0 { text.into() } else { (kept + &text[from..]).into() }
}

/// The tables one statement names; none where the text is no statement, or several.
fn tables(text: &str) -> Option<BTreeSet<String>> {
    // both without the tree: handing that over takes many times as long as making it
    if pg_query::is_utility_stmt(text).ok()?.len() != 1 {
        return None;
    }
    // its own `name` is quoted where SQL needs that
    let name = |table: &pg_query::Table| match table.schema_name.as_str() {
        "" => table.table_name.clone(),
        schema => format!("{schema}.{}", table.table_name),
    };
    Some(pg_query::summary(text, 0, -1).ok()?.tables.iter().map(name).collect())
}

fn of_query(query: &Query, shape: &mut Shape) {
    let (with, body) = (query.with.is_some(), unwrap_body(&query.body));
    let Some(select) = body else { return };
    // the name of a common table expression is no table
    if with {
        return;
    }
    let from: Vec<&TableWithJoins> = select.from.iter().collect();
    let has_other_conditions = of_where(&from, select.selection.as_ref(), shape);
    if let [only] = select.from.as_slice()
        && only.joins.is_empty()
        && let Some((table, _)) = named(&only.relation)
        && shape.tables.len() == 1
    {
        shape.single =
            Some(Single { table, has_other_conditions, has_limit: has_limit(query), is_grouped: is_grouped(select) });
    }
}

fn unwrap_body(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) if query.with.is_none() => unwrap_body(&query.body),
        _ => None,
    }
}

fn has_limit(query: &Query) -> bool {
    query.fetch.is_some()
        || match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit, .. }) => limit.is_some(),
            Some(LimitClause::OffsetCommaLimit { .. }) => true,
            None => false,
        }
}

fn is_grouped(select: &Select) -> bool {
    let groups = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(columns, _) => !columns.is_empty(),
    };
    groups || select.distinct.is_some() || select.having.is_some()
}

/// Notes the equalities of a `where` and of the inner joins beside it; says whether there are other conditions.
fn of_where(from: &[&TableWithJoins], selection: Option<&Expr>, shape: &mut Shape) -> bool {
    let mut names = Vec::new();
    let mut conditions: Vec<&Expr> = selection.into_iter().collect();
    for tree in from {
        names.extend(alias(&tree.relation));
        for join in &tree.joins {
            names.extend(alias(&join.relation));
            if let JoinOperator::Join(JoinConstraint::On(on)) | JoinOperator::Inner(JoinConstraint::On(on)) =
                &join.join_operator
            {
                conditions.push(on);
            }
        }
    }
    let alone = names.len() == 1;
    let mut has_others = false;
    while let Some(condition) = conditions.pop() {
        match condition {
            Expr::Nested(inner) => conditions.push(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => conditions.extend([&**left, &**right]),
            other => match equality(other).and_then(|column| resolve(column, &names, alone)) {
                Some(found) => {
                    if !shape.equalities.contains(&found) {
                        shape.equalities.push(found);
                    }
                }
                None => has_others = true,
            },
        }
    }
    // conditions were taken from the end
    shape.equalities.reverse();
    has_others
}

/// The column that a condition says must equal a parameter.
fn equality(condition: &Expr) -> Option<&Expr> {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => match (is_parameter(left), is_parameter(right)) {
            (false, true) => Some(left),
            (true, false) => Some(right),
            _ => None,
        },
        // some mappers write a list of one
        Expr::InList { expr, list, negated: false } => match list.as_slice() {
            [only] if is_parameter(only) => Some(expr),
            _ => None,
        },
        _ => None,
    }
}

fn is_parameter(expression: &Expr) -> bool {
    match expression {
        Expr::Value(value) => matches!(value.value, Value::Placeholder(_)),
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_parameter(inner),
        _ => false,
    }
}

/// A column with its table, by the names and aliases in scope.
pub(crate) fn resolve(column: &Expr, names: &[(String, TableName)], alone: bool) -> Option<(TableName, String)> {
    match column {
        Expr::Identifier(column) if alone => Some((names.first()?.1.clone(), folded(column))),
        Expr::CompoundIdentifier(parts) => {
            let (column, qualifier) = parts.split_last()?;
            let table = match qualifier {
                [alias] => {
                    let alias = folded(alias);
                    names.iter().find(|(name, _)| *name == alias)
                }
                [schema, table] => {
                    let full = TableName { schema: Some(folded(schema)), name: folded(table) };
                    names.iter().find(|(_, name)| *name == full)
                }
                _ => None,
            };
            Some((table?.1.clone(), folded(column)))
        }
        Expr::Nested(inner) => resolve(inner, names, alone),
        _ => None,
    }
}

/// A table with the name it goes by in the statement. Anything else that stands in `from` has a name nobody can take for
/// a table's, so that a column without a qualifier is not given to its neighbour.
pub(crate) fn alias(factor: &TableFactor) -> Vec<(String, TableName)> {
    match (named(factor), factor) {
        (Some((table, alias)), _) => vec![(alias, table)],
        (None, TableFactor::NestedJoin { table_with_joins, .. }) => {
            let mut names = alias(&table_with_joins.relation);
            names.extend(table_with_joins.joins.iter().flat_map(|join| alias(&join.relation)));
            names
        }
        _ => vec![(String::new(), TableName { schema: None, name: String::new() })],
    }
}

fn named(factor: &TableFactor) -> Option<(TableName, String)> {
    let TableFactor::Table { name, alias, args: None, .. } = factor else { return None };
    let table = table_name(name)?;
    let known_as = alias.as_ref().map_or_else(|| table.name.clone(), |alias| folded(&alias.name));
    Some((table, known_as))
}

pub(crate) fn table_name(name: &ObjectName) -> Option<TableName> {
    let parts: Option<Vec<String>> = name.0.iter().map(|part| part.as_ident().map(folded)).collect();
    match parts?.as_slice() {
        [name] => Some(TableName { schema: None, name: name.clone() }),
        // a database in front of the schema can only be the one the statement ran in
        [schema, name] | [_, schema, name] => Some(TableName { schema: Some(schema.clone()), name: name.clone() }),
        _ => None,
    }
}

/// An identifier as the catalog has it.
pub(crate) fn folded(identifier: &Ident) -> String {
    match identifier.quote_style {
        Some(_) => identifier.value.replace("\"\"", "\""),
        None => identifier.value.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Option<Shape> {
        shapes(&[text]).remove(0)
    }

    fn equalities(text: &str) -> Vec<String> {
        let columns = one(text).unwrap().equalities;
        columns.into_iter().map(|(table, column)| format!("{}.{column}", table.name)).collect()
    }

    #[test]
    fn look_ups_of_one_table() {
        let found = one("select * from orders where id = $1").unwrap();
        let single = found.single.as_ref().unwrap();
        assert_eq!(single.table, TableName { schema: None, name: "orders".into() });
        assert!(!single.has_other_conditions && !single.has_limit && !single.is_grouped);
        assert_eq!(found.equalities_of("public", "orders"), ["id"]);
        assert!(one("select * from orders where id = $1 limit $2").unwrap().single.unwrap().has_limit);
        assert!(
            one("select * from orders where id = $1 and note is null").unwrap().single.unwrap().has_other_conditions
        );
        assert!(one("select count(*) from orders where id = $1 group by a").unwrap().single.unwrap().is_grouped);
        assert!(one("select distinct a from orders").unwrap().single.unwrap().is_grouped);
        assert_eq!(one("select * from orders o join items i on i.o = o.id where o.id = $1").unwrap().single, None);
        assert_eq!(one("select * from orders where id in (select o from items)").unwrap().single, None);
        assert_eq!(one("select * from (select * from orders) x where id = $1").unwrap().single, None);
        assert_eq!(one("with x as (select $1) select * from x where id = $2").unwrap().single, None);
    }

    #[test]
    fn equalities_in_all_their_forms() {
        for text in [
            "select * from t where a = $1",
            "select * from t where $1 = a",
            "select * from t x where x.a = $1",
            "select * from s.t where s.t.a = $1",
            "select * from t where (a = $1)",
            "select * from t where a = $1::bigint",
            "select * from t where a = cast($1 as bigint)",
            "select * from t where a in ($1)",
            "SELECT \"t\".* FROM \"t\" WHERE \"t\".\"a\" = $1 LIMIT $2",
            "select * from T where A = $1 for update",
            "update t set b = $2 where a = $1",
            "delete from t where a = $1",
            "select * from u join t on t.a = $1 and t.b = u.b",
        ] {
            assert_eq!(equalities(text), ["t.a"], "{text}");
        }
        for text in [
            "select * from t where a = $1 or b = $2",
            "select * from t where a > $1",
            "select * from t where lower(a) = $1",
            "select * from t where a = any($1)",
            "select * from t where a in ($1, $2)",
            "select * from t where not (a = $1)",
            "select * from t where a = b",
            "select * from t, u where a = $1",
            "select * from t left join u on u.a = $1",
            "select * from t, lateral (select $1) x where a = $2",
        ] {
            assert!(equalities(text).is_empty(), "{text}");
        }
        assert_eq!(equalities("select * from t where a = $1 and b = $2 and c = $3"), ["t.a", "t.b", "t.c"]);
    }

    #[test]
    fn tables_wherever_they_stand() {
        let tables = |text: &str| one(text).unwrap().tables.into_iter().collect::<Vec<_>>();
        assert_eq!(tables("with x as (select * from a) select * from x join s.b using (i)"), ["a", "s.b"]);
        assert_eq!(tables("select (select max(i) from a) from b where exists (select from c)"), ["a", "b", "c"]);
        assert_eq!(tables("insert into a select * from b"), ["a", "b"]);
        assert_eq!(
            tables("select * from \"Odd name\", \"Odd \"\"schema\".\"select\""),
            ["Odd \"schema.select", "Odd name"]
        );
        assert_eq!(tables("merge into a using (select * from b) s on true when matched then delete"), ["a", "b"]);
        assert_eq!(
            tables("with d as (delete from a using c returning *) select * from d, lateral (table b) x"),
            ["a", "b", "c"]
        );
        assert!(one("select * from pg_class c join pg_catalog.pg_namespace n on true").unwrap().is_of_the_system());
        assert!(one("select * from information_schema.tables").unwrap().is_of_the_system());
        assert!(!one("select * from pg_class, orders").unwrap().is_of_the_system());
        assert!(!one("select 1").unwrap().is_of_the_system());
        let found = one("select * from shop.orders").unwrap();
        assert!(found.mentions("shop", "orders") && !found.mentions("public", "orders"));
    }

    #[test]
    fn quoted_identifiers_are_the_catalogs() {
        let found = one("select * from \"My \"\"T\" where \"A b\" = $1").unwrap();
        assert_eq!(found.equalities, [(TableName { schema: None, name: "My \"T".into() }, "A b".into())]);
    }

    #[test]
    fn typed_literals_that_were_normalised_parse_again() {
        let found = one("select * from t where a = $1 and b > now() - interval $2 and (date $3 < c)").unwrap();
        assert!(found.is_complete && found.single.is_some());
        assert_eq!(found.equalities_of("s", "t"), ["a"]);
        for text in ["select x.date from t", "select date, $1 from t", "select é interval", "", " $1", "date $1"] {
            assert!(!without_typed_parameters(text).is_empty() || text.is_empty());
        }
        assert_eq!(without_typed_parameters("select \"date $1\""), "select \"date $1\"");
        assert_eq!(without_typed_parameters("date $1, update $2"), "$1, update $2");
    }

    #[test]
    fn what_does_not_parse_has_no_shape() {
        for text in ["", "selec * from t", "select * from t where (", "select 1; select 2"] {
            assert_eq!(one(text), None, "{text}");
        }
    }

    #[test]
    fn depth_does_not_end_the_process() {
        let chain = format!("select * from t where a = $1 {}", "and b <> $2 ".repeat(5000));
        assert_eq!(one(&chain).unwrap().equalities.len(), 1);
        let sum = format!("select $1 {} from t", "+ $2 ".repeat(20_000));
        let _ = one(&sum);
        let _ = one(&format!("select * from t where {}a = $1{}", "(".repeat(50_000), ")".repeat(50_000)));
        let nested = format!("{}select 1{}", "select * from (".repeat(2000), ") x".repeat(2000));
        let _ = one(&nested);
    }

    proptest::proptest! {
        #[test]
        fn no_text_ends_the_process(text in "(select|from|where|[a-z\"$1=(),.*' ]){0,40}") {
            let _ = one(&text);
        }
    }
}
