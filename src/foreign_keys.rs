//! Which indexes serve a foreign key: find the rows that reference one row, as the look-up of `delete` and `update` does.

use crate::catalog::Catalog;
use crate::facts::columns::Column;
use crate::facts::indexes::Index;
use crate::outcome::Missing;
use std::collections::HashSet;

/// How well the indexes of one table serve a foreign key, best first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Service {
    /// An index finds the rows by the whole key.
    Full,
    /// An index whose predicate could not be read would serve, if the predicate allows it.
    Unknown(Missing),
    /// This one finds more than the rows: it knows only the leading columns, or has a hole.
    Partly(String),
    /// This one finds ranges of pages.
    Brin(String),
    /// Nothing helps.
    None,
}

impl Service {
    /// The order of the services, best first.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Full => 0,
            Self::Unknown(_) => 1,
            Self::Partly(_) => 2,
            Self::Brin(_) => 3,
            Self::None => 4,
        }
    }

    /// The better of two.
    fn better(self, other: Self) -> Self {
        if other.rank() < self.rank() { other } else { self }
    }
}

/// How well the indexes of one table (the key's own, or a partition of it) serve the key.
pub(crate) fn serve(catalog: &Catalog<'_>, table: u32, names: &[String], operators: &[u32]) -> Service {
    // a partition may number its columns differently: the name is what they share
    let columns: Vec<&Column> = names
        .iter()
        .filter_map(|name| catalog.columns(table).iter().find(|column| &column.name == name).copied())
        .collect();
    if columns.len() != names.len() || operators.len() != names.len() {
        return Service::None;
    }
    let indexes = catalog.indexes(table).iter().filter(|index| index.is_valid && index.is_ready && index.is_live);
    indexes.map(|index| serve_by(catalog, index, &columns, operators)).fold(Service::None, Service::better)
}

/// How well one index serves a foreign key on these columns of its table, with the equality operators of the key.
pub(crate) fn serve_by(catalog: &Catalog<'_>, index: &Index, columns: &[&Column], operators: &[u32]) -> Service {
    let keys = &index.columns[..index.columns.len().min(usize::try_from(index.key_count).unwrap_or(0))];
    // whether the look-up's operator and collation fit the index at a position
    let fits = |column: &Column, operator: u32| {
        let position = keys.iter().position(|key| *key == column.number)?;
        let collation = index.collations.get(position).copied().unwrap_or(0);
        let family = index.operator_families.get(position).copied().unwrap_or(0);
        (collation == column.collation_oid && catalog.can_search(operator, family)).then_some(position)
    };
    let positions: Vec<Option<usize>> =
        columns.iter().zip(operators).map(|(column, operator)| fits(column, *operator)).collect();
    let all = positions.iter().all(Option::is_some);
    let leading: HashSet<usize> = (0..columns.len()).collect();
    let grade = match index.method.as_str() {
        "brin" if columns.iter().any(|column| keys.contains(&column.number)) => Service::Brin(index.name.clone()),
        "brin" => Service::None,
        "btree" if all && positions.iter().flatten().copied().collect::<HashSet<_>>() == leading => Service::Full,
        "btree" if positions.contains(&Some(0)) => Service::Partly(index.name.clone()),
        "btree" => Service::None,
        "hash" if columns.len() == 1 && all => Service::Full,
        "hash" if all || positions.contains(&Some(0)) => Service::Partly(index.name.clone()),
        _ if all => Service::Full,
        _ => Service::None,
    };
    if grade == Service::None || !index.has_predicate {
        return grade;
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    match catalog.expression(index.oid).and_then(|text| text.predicate.as_deref()) {
        Some(predicate) if only_not_null(predicate, &names) => grade,
        Some(_) => Service::None,
        None if grade == Service::Full => Service::Unknown(catalog.why_no_expression(index)),
        None => Service::None,
    }
}

/// Whether a predicate says nothing but that columns of the key are not null, which `column = $1` implies.
fn only_not_null(predicate: &str, names: &[&str]) -> bool {
    let Ok(parsed) = pg_query::parse(&format!("select 1 where {predicate}"), 0) else { return false };
    let condition = parsed.protobuf.stmts.first().and_then(|raw| raw.stmt.as_ref()).and_then(|node| match &node.node {
        Some(pg_query::NodeEnum::SelectStmt(select)) => select.where_clause.as_deref(),
        _ => None,
    });
    condition.is_some_and(|condition| implied(condition, names))
}

fn implied(node: &pg_query::protobuf::Node, names: &[&str]) -> bool {
    use pg_query::NodeEnum;
    use pg_query::protobuf::{BoolExprType, NullTestType};
    match &node.node {
        Some(NodeEnum::BoolExpr(expression)) => {
            expression.boolop() == BoolExprType::AndExpr
                && expression.args.iter().all(|argument| implied(argument, names))
        }
        Some(NodeEnum::NullTest(test)) if test.nulltesttype() == NullTestType::IsNotNull => {
            let column = test.arg.as_deref().and_then(|argument| match &argument.node {
                Some(NodeEnum::ColumnRef(column)) => column.fields.last()?.node.as_ref(),
                _ => None,
            });
            matches!(column, Some(NodeEnum::String(name)) if names.contains(&name.sval.as_str()))
        }
        _ => false,
    }
}
