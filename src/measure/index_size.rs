//! The size a fresh build of an index would have, by the planner's statistics: for indexes that could not be measured.
//!
//! The model counts what every entry takes without deduplication, so it is an upper bound: what an index has beyond it is
//! lost for certain (as far as the statistics are right), what it has below it proves nothing.

use crate::catalog::Catalog;
use crate::facts::Database;
use crate::facts::index_pages::IndexMeasure;
use crate::facts::indexes::Index;
use crate::pg::{self, Parameter};
use std::collections::HashMap;

static SQL: &str = include_str!("../../sql/measures/index_columns.sql");

/// Indexes that are estimated at most.
const AT_MOST: usize = 500;

crate::row! {
    /// The statistics of a key column.
    pub struct IndexColumn {
        /// The index.
        pub index_oid: u32,
        /// The column.
        pub column: String,
        /// Whether it is of type `name`, whose width in the index is not the one in the statistics.
        pub is_name: bool,
        /// Bytes of a value that is not null; none where the statistics are missing or hidden.
        pub average_width: Option<i32>,
        /// The part of the values that is null.
        pub null_fraction: Option<f64>,
        /// Distinct values; negative for a part of the rows.
        pub distinct_values: Option<f64>,
    }
}

/// Adds an estimate to what could not be measured, wherever the model's conditions hold.
pub(super) async fn estimate(
    database: &pg::Database,
    facts: &Database,
    measures: &mut [IndexMeasure],
    block_size: i64,
) {
    let catalog = Catalog::new(facts);
    let wanted: Vec<u32> = measures
        .iter()
        .filter(|measure| measure.pages.is_err())
        .filter(|measure| {
            catalog.index(measure.oid).is_some_and(|index| is_plain(index) && has_fresh_statistics(&catalog, index))
        })
        .map(|measure| measure.oid)
        .take(AT_MOST)
        .collect();
    if wanted.is_empty() {
        return;
    }
    // an estimate is a courtesy: where it cannot be had, the index stays unjudged with the reason it was not measured
    let Ok(rows) = database.read::<IndexColumn>(SQL, &[Parameter::Oids(&wanted)]).await else { return };
    let mut columns: HashMap<u32, Vec<IndexColumn>> = HashMap::new();
    for row in rows {
        columns.entry(row.index_oid).or_default().push(row);
    }
    for measure in measures.iter_mut().filter(|measure| measure.pages.is_err()) {
        let (Some(index), Some(columns)) = (catalog.index(measure.oid), columns.get(&measure.oid)) else { continue };
        measure.estimated_bytes = fresh_bytes(index, columns, fillfactor(index.parameters.as_deref()), block_size);
    }
}

/// Whether the model speaks of such an index at all: no expressions, no predicate, no included columns.
fn is_plain(index: &Index) -> bool {
    !index.has_expressions
        && !index.has_predicate
        && index.columns.len() == usize::try_from(index.key_count).unwrap_or(0)
}

/// Whether the table was analyzed, and little of it has changed since.
fn has_fresh_statistics(catalog: &Catalog<'_>, index: &Index) -> bool {
    let Some(stats) = catalog.stats(index.table_oid) else { return false };
    let analyzed = stats.last_analyze.is_some() || stats.last_autoanalyze.is_some();
    analyzed && stats.changed_since_analyze as f64 <= 0.1 * catalog.rows(index.table_oid).unwrap_or(0.0)
}

/// The fillfactor of a B-tree's storage parameters; 90 where none is given.
pub fn fillfactor(parameters: Option<&[String]>) -> i32 {
    let value = parameters.into_iter().flatten().find_map(|parameter| parameter.strip_prefix("fillfactor="));
    value.and_then(|value| value.parse().ok()).unwrap_or(90)
}

/// Bytes of a fresh build, at most. None where statistics of a column are missing, or its width is not the one they say.
///
/// A page has a header of 24 bytes and 16 of its own at the end; an entry has a header of 8, a bitmap of nulls that fills up
/// to 16 where there are any, its values aligned to 8, and a pointer of 4.
pub fn fresh_bytes(index: &Index, columns: &[IndexColumn], fillfactor: i32, block_size: i64) -> Option<f64> {
    if index.row_estimate < 0.0 || columns.len() != index.columns.len() || columns.iter().any(|column| column.is_name) {
        return None;
    }
    let nulls = columns.iter().any(|column| column.null_fraction.is_some_and(|fraction| fraction > 0.0));
    let mut width = 0.0;
    for column in columns {
        width += f64::from(column.average_width?) * (1.0 - column.null_fraction?);
    }
    let header = if nulls { 16.0 } else { 8.0 };
    let entry = header + (width / 8.0).ceil() * 8.0 + 4.0;
    let usable = (block_size as f64 - 24.0 - 16.0) * f64::from(fillfactor) / 100.0;
    let per_page = (usable / entry).floor().max(1.0);
    let leaves = (index.row_estimate / per_page).ceil();
    // the levels above: each page points at some two hundred, rounded down to be an upper bound
    let above = (leaves / 100.0).ceil();
    Some((leaves + above + 1.0) * block_size as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(width: i32) -> IndexColumn {
        IndexColumn { average_width: Some(width), null_fraction: Some(0.0), ..IndexColumn::default() }
    }

    #[test]
    fn a_fresh_int4_index_is_about_what_postgresql_makes() {
        let index = Index { row_estimate: 300_000.0, columns: vec![1], key_count: 1, ..Index::default() };
        // create index on 300,000 distinct int4 makes 825 pages
        let pages = fresh_bytes(&index, &[column(4)], 90, 8192).unwrap() / 8192.0;
        assert!((820.0..850.0).contains(&pages), "{pages}");
        assert_eq!(fresh_bytes(&index, &[IndexColumn::default()], 90, 8192), None);
        assert_eq!(fresh_bytes(&index, &[IndexColumn { is_name: true, ..column(64) }], 90, 8192), None);
        assert_eq!(fillfactor(Some(&["fillfactor=50".into()])), 50);
        assert_eq!(fillfactor(None), 90);
    }
}
