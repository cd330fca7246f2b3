//! What the judgements of single indexes share: how often an index was used, how large it is, and what it takes to be rid
//! of it. A partitioned index is the sum of its partitions.

use crate::catalog::{Catalog, qualified};
use crate::facts::indexes::Index;
use crate::facts::tables::Table;
use crate::lock::LockMode;
use std::cmp::Reverse;

/// Whether queries can use it and writes keep it up to date.
pub(crate) fn is_sound(index: &Index) -> bool {
    index.is_valid && index.is_ready && index.is_live
}

/// The table of an index, where it is one to judge: a user's, not an extension's.
pub(crate) fn table_of<'a>(catalog: &Catalog<'a>, index: &Index) -> Option<&'a Table> {
    catalog.table(index.table_oid).filter(|table| !table.owned_by_extension)
}

/// Scans of an index with all its partitions since the counters began; none where they were not read.
pub(crate) fn scans(catalog: &Catalog<'_>, index: &Index) -> Option<i64> {
    catalog.leaves(index.oid).into_iter().map(|leaf| catalog.index_stats(leaf).map(|stats| stats.scans)).sum()
}

/// Pages of an index with all its partitions, as of the last vacuum, analyze or build.
pub(crate) fn pages(catalog: &Catalog<'_>, index: &Index) -> i64 {
    catalog.leaves(index.oid).into_iter().filter_map(|leaf| catalog.index(leaf)).map(|leaf| i64::from(leaf.pages)).sum()
}

/// Whether it stands for more than speed: a promise the table makes, or what another server or `cluster` relies on.
pub(crate) fn has_duty(catalog: &Catalog<'_>, index: &Index) -> bool {
    index.is_unique
        || index.is_primary
        || index.is_exclusion
        || index.is_replica_identity
        || index.is_clustered
        || catalog.constraint_of(index.oid).is_some()
}

/// Which of several like indexes to keep: the least one. A partition of another index cannot be dropped alone; then the
/// primary key, what foreign keys refer to, any constraint, the replica identity, the clustered one, the most used, and at
/// last the first by name.
pub(crate) fn keep_order<'a>(catalog: &Catalog<'_>, index: &'a Index) -> impl Ord + use<'a> {
    let duty = match () {
        () if index.is_partition => 0,
        () if index.is_primary => 1,
        () if catalog.is_referenced(index.oid) => 2,
        () if catalog.constraint_of(index.oid).is_some() => 3,
        () if index.is_replica_identity => 4,
        () if index.is_clustered => 5,
        () => 6,
    };
    (duty, Reverse(scans(catalog, index)), index.name.as_str())
}

/// The statement that drops an index, and the lock it takes. One that stands behind a constraint goes with it; the index of
/// a partitioned table cannot be dropped concurrently.
pub(crate) fn drop_sql(catalog: &Catalog<'_>, index: &Index, table: &Table) -> (String, LockMode) {
    let name = qualified(&table.schema, &index.name);
    match catalog.constraint_of(index.oid) {
        Some(constraint) => (
            format!(
                "alter table {} drop constraint {};",
                qualified(&table.schema, &table.name),
                crate::catalog::quote(&constraint.name)
            ),
            LockMode::AccessExclusive,
        ),
        None if index.kind == 'I' => (format!("drop index {name};"), LockMode::AccessExclusive),
        None => (format!("drop index concurrently {name};"), LockMode::ShareUpdateExclusive),
    }
}
