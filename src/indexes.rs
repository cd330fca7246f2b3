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

/// Whether one index can do all that another one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cover {
    Yes,
    No,
    /// It depends on expressions or a predicate that could not be read.
    Unknown,
}

/// The numbers of the key columns, without included ones.
pub(crate) fn keys(index: &Index) -> &[i16] {
    &index.columns[..usize::try_from(index.key_count).unwrap_or(0).min(index.columns.len())]
}

/// Whether a B-tree index can do all that `short` of the same table does, promises aside.
pub(crate) fn cover(catalog: &Catalog<'_>, long: &Index, short: &Index) -> Cover {
    let keys = usize::try_from(short.key_count).unwrap_or(0);
    let begins = |long: &[u32], short: &[u32]| long.get(..keys).is_some() && long.get(..keys) == short.get(..keys);
    let same = long.key_count >= short.key_count
        && long.columns.get(..keys).is_some()
        && long.columns.get(..keys) == short.columns.get(..keys)
        && begins(&long.operator_classes, &short.operator_classes)
        && begins(&long.collations, &short.collations)
        && long.options.get(..keys) == short.options.get(..keys)
        && long.class_parameters == short.class_parameters
        && long.has_predicate == short.has_predicate
        && short.columns.iter().skip(keys).all(|column| long.columns.contains(column));
    if !same {
        return Cover::No;
    }
    let expressions = short.columns.iter().take(keys).any(|column| *column == 0);
    if !expressions && !short.has_predicate {
        return Cover::Yes;
    }
    let (Some(long), Some(short)) = (catalog.expression(long.oid), catalog.expression(short.oid)) else {
        return Cover::Unknown;
    };
    // each text is whole, so one that the other begins with, up to a comma, is the same expressions from the first on
    let begins = match (&long.expressions, &short.expressions) {
        (_, None) => !expressions,
        (Some(long), Some(short)) => {
            long.strip_prefix(short.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(", "))
        }
        (None, Some(_)) => false,
    };
    if begins && long.predicate == short.predicate { Cover::Yes } else { Cover::No }
}

/// Another index of the table that was scanned, and whose drop an index may justify: it does all that the other one does.
pub(crate) fn relies_on<'a>(catalog: &Catalog<'a>, index: &Index) -> Option<&'a Index> {
    let is_alike = |other: &Index| other.columns == index.columns && other.key_count == index.key_count;
    catalog.indexes(index.table_oid).iter().copied().find(|other| {
        other.oid != index.oid
            && other.method == index.method
            && (other.method == "btree" || is_alike(other))
            && is_sound(other)
            && !has_duty(catalog, other)
            && scans(catalog, other) != Some(0)
            && cover(catalog, index, other) != Cover::No
    })
}

/// Which of several like indexes to keep: the least one. What refuses duplicates at once does all that a deferrable one
/// does, and not the other way round; a partition of another index cannot be dropped alone; then the
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
    let can_wait = index.is_unique && !index.is_immediate;
    (can_wait, duty, Reverse(scans(catalog, index)), index.name.as_str())
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
