//! Which indexes serve a foreign key: find the rows that reference one row, as the look-up of `delete` and `update` does.

use crate::catalog::Catalog;
use crate::facts::columns::Column;
use crate::facts::constraints::Constraint;
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

/// What `delete` and `update` of a referenced row look for.
#[derive(Debug, Clone)]
pub(crate) struct Lookup {
    /// The columns of the key.
    pub(crate) names: Vec<String>,
    operators: Vec<u32>,
    /// The collation of each comparison, where it is not the column's own.
    collations: Vec<Option<u32>>,
}

impl Lookup {
    /// The look-up of a foreign key. None where the snapshot does not hold what it needs.
    pub(crate) fn of(catalog: &Catalog<'_>, key: &Constraint) -> Option<Self> {
        const DEFAULT: u32 = 100;
        const C: u32 = 950;
        const NAME: u32 = 19;
        let numbers = key.columns.as_deref()?;
        let operators = key.equality_operators.clone()?;
        let columns: Option<Vec<&Column>> =
            numbers.iter().map(|number| catalog.column(key.table_oid, *number)).collect();
        let columns = columns?;
        if columns.len() != operators.len() || columns.is_empty() {
            return None;
        }
        let referenced = key.referenced_columns.as_deref().unwrap_or_default();
        let referenced = |position: usize| catalog.column(key.referenced_table_oid, *referenced.get(position)?);
        let collation = |(position, own): (usize, &&Column)| match referenced(position) {
            Some(other) if other.is_nondeterministic => Some(other.collation_oid),
            // a parameter of type name brings its collation along, which wins over the default
            Some(other) if other.base_type_oid == NAME && own.collation_oid == DEFAULT => Some(C),
            _ => None,
        };
        Some(Self {
            names: columns.iter().map(|column| column.name.clone()).collect(),
            collations: columns.iter().enumerate().map(collation).collect(),
            operators,
        })
    }

    /// The columns of the key that a new index by a method could not serve, since the look-up compares them as another type.
    pub(crate) fn unservable<'a>(&self, catalog: &Catalog<'a>, table: u32, method: &str) -> Vec<&'a Column> {
        let columns = self.columns(catalog, table).unwrap_or_default().into_iter();
        let parts = columns.zip(&self.operators);
        parts
            .filter(|(column, operator)| !catalog.finds_by_default(**operator, method, column.base_type_oid))
            .map(|(column, _)| column)
            .collect()
    }

    /// Whether some column is compared in another collation than its own.
    pub(crate) fn is_collated_otherwise(&self, catalog: &Catalog<'_>, table: u32) -> bool {
        let columns = self.columns(catalog, table).unwrap_or_default();
        let mut parts = columns.iter().zip(&self.collations);
        parts.any(|(column, compared)| compared.is_some_and(|compared| compared != column.collation_oid))
    }

    /// The columns on a table that has them; a partition may number them differently: the name is what they share.
    fn columns<'a>(&self, catalog: &Catalog<'a>, table: u32) -> Option<Vec<&'a Column>> {
        let of = |name: &String| catalog.columns(table).iter().find(|column| &column.name == name).copied();
        self.names.iter().map(of).collect()
    }
}

/// How well the indexes of one table (the key's own, or a partition of it) serve the key.
pub(crate) fn serve(catalog: &Catalog<'_>, table: u32, lookup: &Lookup) -> Service {
    let indexes = catalog.indexes(table).iter().filter(|index| index.is_valid && index.is_ready && index.is_live);
    indexes.map(|index| serve_by(catalog, index, lookup)).fold(Service::None, Service::better)
}

/// How well one index serves a foreign key of its table.
pub(crate) fn serve_by(catalog: &Catalog<'_>, index: &Index, lookup: &Lookup) -> Service {
    let Some(columns) = lookup.columns(catalog, index.table_oid) else { return Service::None };
    let keys = &index.columns[..index.columns.len().min(usize::try_from(index.key_count).unwrap_or(0))];
    // a column that an index repeats adds nothing to it; an expression stands as column 0
    let mut seen = HashSet::new();
    let firsts: Vec<usize> =
        (0..keys.len()).filter(|position| keys[*position] == 0 || seen.insert(keys[*position])).collect();
    // whether the look-up's operator and collation fit the index at a position
    let fits = |column: &Column, operator: u32, compared: Option<u32>| {
        let position = keys.iter().position(|key| *key == column.number)?;
        let collation = index.collations.get(position).copied().unwrap_or(0);
        let family = index.operator_families.get(position).copied().unwrap_or(0);
        let fit = collation == compared.unwrap_or(column.collation_oid) && catalog.can_search(operator, family);
        fit.then(|| firsts.iter().position(|first| *first == position)).flatten()
    };
    let parts = columns.iter().zip(&lookup.operators).zip(&lookup.collations);
    let positions: Vec<Option<usize>> =
        parts.map(|((column, operator), collation)| fits(column, *operator, *collation)).collect();
    let all = positions.iter().all(Option::is_some);
    // a column may stand in a key twice: it is looked for once
    let width = columns.iter().map(|column| column.number).collect::<HashSet<_>>().len();
    let leading: HashSet<usize> = (0..width).collect();
    let grade = match index.method.as_str() {
        "brin" if columns.iter().any(|column| keys.contains(&column.number)) => Service::Brin(index.name.clone()),
        "brin" => Service::None,
        "btree" if all && positions.iter().flatten().copied().collect::<HashSet<_>>() == leading => Service::Full,
        "btree" if positions.contains(&Some(0)) => Service::Partly(index.name.clone()),
        "btree" => Service::None,
        "hash" if width == 1 && all => Service::Full,
        "hash" if all || positions.contains(&Some(0)) => Service::Partly(index.name.clone()),
        "gist" | "spgist" | "gin" if all => Service::Full,
        _ => Service::None,
    };
    if grade == Service::None || !index.has_predicate {
        return grade;
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    match catalog.expression(index.oid).and_then(|text| text.predicate.as_deref()) {
        Some(predicate) if follows(predicate, &names) => grade,
        Some(_) => Service::None,
        None if grade == Service::Full => Service::Unknown(catalog.why_no_expression(index)),
        None => Service::None,
    }
}

/// Whether a predicate holds wherever no column of the key is null, which `column = $1` implies.
fn follows(predicate: &str, names: &[&str]) -> bool {
    let Ok(parsed) = pg_query::parse(&format!("select 1 where {predicate}"), 0) else { return false };
    let condition = parsed.protobuf.stmts.first().and_then(|raw| raw.stmt.as_ref()).and_then(|node| match &node.node {
        Some(pg_query::NodeEnum::SelectStmt(select)) => select.where_clause.as_deref(),
        _ => None,
    });
    condition.is_some_and(|condition| settled(condition, names, true))
}

/// Whether a condition must hold, or with `holds` false must not, where no column of the key is null.
fn settled(node: &pg_query::protobuf::Node, names: &[&str], holds: bool) -> bool {
    use pg_query::NodeEnum;
    use pg_query::protobuf::{BoolExprType, NullTestType};
    match &node.node {
        Some(NodeEnum::BoolExpr(expression)) => {
            let mut arguments = expression.args.iter();
            match expression.boolop() {
                BoolExprType::NotExpr => arguments.all(|argument| settled(argument, names, !holds)),
                // all of an `and` must hold, and one is enough to refute it; of an `or` the other way round
                BoolExprType::AndExpr if holds => arguments.all(|argument| settled(argument, names, true)),
                BoolExprType::OrExpr if !holds => arguments.all(|argument| settled(argument, names, false)),
                BoolExprType::AndExpr | BoolExprType::OrExpr => {
                    arguments.any(|argument| settled(argument, names, holds))
                }
                BoolExprType::Undefined => false,
            }
        }
        Some(NodeEnum::NullTest(test)) => {
            let wanted = if holds { NullTestType::IsNotNull } else { NullTestType::IsNull };
            let column = test.arg.as_deref().and_then(|argument| match &argument.node {
                Some(NodeEnum::ColumnRef(column)) => column.fields.last()?.node.as_ref(),
                _ => None,
            });
            test.nulltesttype() == wanted
                && matches!(column, Some(NodeEnum::String(name)) if names.contains(&name.sval.as_str()))
        }
        _ => false,
    }
}
