//! Two indexes that are the same
//!
//! ## Why it matters
//! Every write maintains both and every plan considers both, on disk and in memory, and no query gains by the second.
//!
//! ## How it is decided
//! Two valid indexes of one table are duplicates when all of this is equal: method, key columns and included columns in
//! their order, operator classes, collations, sort options, expressions, predicate, uniqueness and whether two nulls
//! collide; the parameters of operator classes; and for methods other than B-tree the storage parameters that shape the
//! index, such as `pages_per_range`. Names, and storage parameters like `fillfactor`, do not matter.
//! One of them is kept: of unique ones, one that checks at once before one whose constraint can be deferred, which promises
//! no more; then a partition of another index (it cannot be dropped alone), the primary key, what a foreign key of
//! some table relies on, the index of any constraint, the replica identity, the clustered one, the one with most scans, and
//! at last the first by name. Each other one is a finding. The indexes of partitions that belong to duplicates on the
//! partitioned table are its finding, not theirs.
//!
//! ## What to do
//! Drop the surplus index, concurrently. Where it stands behind a constraint of its own, drop the constraint.
//!
//! ## Limits
//! Exclusion constraints are left out: what they exclude by is not compared. An index whose expressions or predicate could
//! not be read, on a table with an otherwise equal one, is not judged. A storage parameter that
//! is set to its default differs from one that is not set. A hint that names an index is not seen.

use super::prelude::*;
use crate::facts::indexes::Index;
use crate::indexes::{drop_sql, is_sound, keep_order, pages, scans, table_of};
use std::collections::BTreeMap;

/// An index that another one equals.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "duplicate-index",
        category: Category::Indexes,
        severity: Severity::Medium,
        source: include_str!("duplicate_index.rs"),
    },
    params: &[],
    run: Run::Database(run),
};

/// What two indexes must share, but for the text of expressions and predicate.
type Shape<'a> =
    (u32, &'a str, (bool, bool), i16, &'a [i16], [&'a [u32]; 2], &'a [i16], [Vec<&'a str>; 2], (bool, bool));

/// Storage parameters that change how an index is filled or maintained, and not what it can find.
const UPKEEP: [&str; 6] =
    ["fillfactor", "deduplicate_items", "autosummarize", "fastupdate", "gin_pending_list_limit", "buffering"];

/// The storage parameters that make an index another one; a B-tree has none.
fn parameters(index: &Index) -> Vec<&str> {
    let name = |parameter: &str| parameter.split_once('=').map_or(parameter, |(name, _)| name).to_owned();
    let own = index.parameters.iter().flatten().map(String::as_str).filter(|_| index.method != "btree");
    let mut parameters: Vec<&str> = own.filter(|parameter| !UPKEEP.contains(&name(parameter).as_str())).collect();
    parameters.sort_unstable();
    parameters
}

fn shape(index: &Index) -> Shape<'_> {
    (
        index.table_oid,
        &index.method,
        (index.is_unique, index.nulls_not_distinct),
        index.key_count,
        &index.columns,
        [&index.operator_classes, &index.collations],
        &index.options,
        [parameters(index), index.class_parameters.iter().flatten().map(String::as_str).collect()],
        (index.has_expressions, index.has_predicate),
    )
}

fn run(cx: &DatabaseContext<'_>) -> Result<Verdict, Missing> {
    let indexes = cx.database.indexes.read()?;
    cx.database.tables.read()?;
    // which of two to keep is decided by what relies on them
    cx.database.constraints.read()?;
    cx.database.inheritance.read()?;
    let mut verdict = Verdict::default();
    let mut shapes: BTreeMap<Shape<'_>, Vec<&Index>> = BTreeMap::new();
    for index in indexes {
        if is_sound(index) && !index.is_exclusion && table_of(cx.catalog, index).is_some() {
            shapes.entry(shape(index)).or_default().push(index);
        }
    }
    for ((.., (has_expressions, has_predicate)), group) in shapes {
        if group.len() == 1 || !(has_expressions || has_predicate) {
            verdict.examined += group.len() as u64;
            judge(cx, group, &mut verdict);
            continue;
        }
        let mut texts: BTreeMap<(Option<&str>, Option<&str>), Vec<&Index>> = BTreeMap::new();
        for index in group {
            match cx.catalog.expression(index.oid) {
                Some(text) => {
                    verdict.examine();
                    texts.entry((text.expressions.as_deref(), text.predicate.as_deref())).or_default().push(index);
                }
                None => verdict.cannot_tell(cx.catalog.index_subject(index), cx.catalog.why_no_expression(index)),
            }
        }
        for group in texts.into_values() {
            judge(cx, group, &mut verdict);
        }
    }
    Ok(verdict)
}

/// Finds all but one of indexes that are the same.
fn judge(cx: &DatabaseContext<'_>, mut group: Vec<&Index>, verdict: &mut Verdict) {
    group.sort_by_cached_key(|index| keep_order(cx.catalog, index));
    let Some((kept, surplus)) = group.split_first() else { return };
    for index in surplus {
        // a partition of an index is its parent's finding: the parents are duplicates as well
        if let Some(table) = table_of(cx.catalog, index).filter(|_| !index.is_partition) {
            verdict.find(finding(cx, kept, index, table));
        }
    }
}

fn finding(cx: &DatabaseContext<'_>, kept: &Index, surplus: &Index, table: &crate::facts::tables::Table) -> Finding {
    let catalog = cx.catalog;
    let message = format!("index {} on {}.{} is the same as {}", surplus.name, table.schema, table.name, kept.name);
    let mut finding = Finding::new(&CHECK.meta, catalog.index_subject(surplus), message)
        .text("same_as", kept.name.clone())
        .count("index_size", cx.bytes(pages(catalog, surplus)), Unit::Bytes);
    if let Some(scans) = scans(catalog, surplus) {
        finding = finding.count("scans", scans, Unit::Count);
    }
    if surplus.is_primary {
        return finding.advice(
            "the primary key can be deferred and the other index checks at once, so deferring it has no effect: keep the \
             one that is meant, and make it the primary key",
        );
    }
    if catalog.is_referenced(surplus.oid) {
        return finding.advice(
            "foreign keys rely on both: drop those that rely on this one's constraint, drop the constraint, and add them \
             again, which makes them rely on the other",
        );
    }
    let (drop, lock) = drop_sql(catalog, surplus, table);
    if surplus.is_replica_identity {
        let identity = match kept.is_primary {
            true => "default".to_owned(),
            false => format!("using index {}", quote(&kept.name)),
        };
        return finding.fix(
            "make the other one the replica identity, then drop this one",
            format!("alter table {} replica identity {identity};\n{drop}", qualified(&table.schema, &table.name)),
            Some(LockMode::AccessExclusive),
        );
    }
    let text = match (catalog.constraint_of(surplus.oid).is_some(), surplus.kind) {
        (true, _) => "drop the constraint that repeats the other one; the lock is held for a moment",
        (false, 'I') => {
            "drop it; a partitioned index cannot be dropped concurrently, so keep lock_timeout low and try again"
        }
        (false, _) => "drop it; reads and writes go on",
    };
    finding.fix(text, drop, Some(lock))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::constraints::Constraint;
    use crate::facts::index_stats::IndexStats;
    use crate::facts::inheritance::Inheritance;
    use crate::testing::{Lab, rows};

    const NOTHING: [&str; 0] = [];

    fn pair(change: impl FnOnce(&mut Lab, u32)) -> Vec<String> {
        let mut lab = Lab::new();
        let table = lab.table("orders", &["id", "customer", "note"], 1000.0);
        lab.index(table, "a", &[2, 3]);
        let b = lab.index(table, "b", &[2, 3]);
        change(&mut lab, b);
        lab.found(&CHECK)
    }

    #[test]
    fn everything_that_matters_must_be_equal() {
        assert_eq!(pair(|_, _| {}), ["medium shop/public/orders/b"]);
        assert_eq!(
            pair(|lab, b| lab.index_row(b).parameters = Some(vec!["fillfactor=50".into()])),
            ["medium shop/public/orders/b"]
        );
        assert_eq!(pair(|lab, b| lab.index_row(b).columns = vec![3, 2]), NOTHING);
        assert_eq!(pair(|lab, b| lab.index_row(b).key_count = 1), NOTHING, "the second is included");
        assert_eq!(pair(|lab, b| lab.index_row(b).method = "gist".into()), NOTHING);
        assert_eq!(pair(|lab, b| lab.index_row(b).is_unique = true), NOTHING);
        assert_eq!(pair(|lab, b| lab.index_row(b).nulls_not_distinct = true), NOTHING);
        assert_eq!(pair(|lab, b| lab.index_row(b).operator_classes = vec![1978, 2]), NOTHING);
        assert_eq!(pair(|lab, b| lab.index_row(b).collations = vec![0, 950]), NOTHING);
        assert_eq!(pair(|lab, b| lab.index_row(b).options = vec![0, 3]), NOTHING);
        assert_eq!(pair(|lab, b| lab.index_row(b).is_valid = false), NOTHING);
        assert_eq!(pair(|lab, b| lab.expression(b, None, Some("(id > 0)"))), NOTHING);
    }

    #[test]
    fn what_can_be_deferred_never_replaces_what_checks_at_once() {
        let unique = |a: bool, b: bool| {
            pair(|lab, oid| {
                for (oid, is_immediate) in [(oid - 1, a), (oid, b)] {
                    let index = lab.index_row(oid);
                    (index.is_unique, index.is_immediate) = (true, is_immediate);
                }
            })
        };
        assert_eq!(unique(true, false), ["medium shop/public/orders/b"]);
        assert_eq!(unique(false, true), ["medium shop/public/orders/a"]);
        assert_eq!(unique(false, false), ["medium shop/public/orders/b"]);
        let mut lab = Lab::new();
        let table = lab.table("orders", &["id"], 1000.0);
        let (a, b) = (lab.index(table, "a", &[1]), lab.index(table, "pkey", &[1]));
        lab.index_row(a).is_unique = true;
        let key = lab.index_row(b);
        (key.is_unique, key.is_primary, key.is_immediate) = (true, true, false);
        let finding = lab.run(&CHECK).unwrap().findings.remove(0);
        assert_eq!(finding.key, "duplicate-index:shop/public/orders/pkey");
        assert_eq!(finding.hint.unwrap().sql, None, "a table keeps its primary key");
    }

    #[test]
    fn parameters_that_shape_an_index_must_be_equal() {
        let with = |method: &str, parameter: &str, class: Option<&str>| {
            pair(|lab, b| {
                for oid in [b - 1, b] {
                    lab.index_row(oid).method = method.into();
                }
                let index = lab.index_row(b);
                index.parameters = Some(vec![parameter.into()]);
                index.class_parameters = class.map(|class| vec![class.into()]);
            })
        };
        assert_eq!(with("brin", "pages_per_range=16", None), NOTHING);
        assert_eq!(with("brin", "autosummarize=on", None), ["medium shop/public/orders/b"]);
        assert_eq!(with("bloom", "length=128", None), NOTHING);
        assert_eq!(with("gin", "fastupdate=off", None), ["medium shop/public/orders/b"]);
        assert_eq!(with("gist", "fillfactor=50", Some("1 {siglen=64}")), NOTHING);
    }

    #[test]
    fn expressions_are_compared_and_unknown_ones_are_not_judged() {
        let with = |first: &str, second: Option<&str>| {
            let mut lab = Lab::new();
            let table = lab.table("orders", &["id"], 1000.0);
            let (a, b) = (lab.index(table, "a", &[0]), lab.index(table, "b", &[0]));
            lab.expression(a, Some(first), None);
            match second {
                Some(second) => lab.expression(b, Some(second), None),
                None => lab.index_row(b).has_expressions = true,
            }
            lab.run(&CHECK).unwrap()
        };
        assert_eq!(with("lower(a)", Some("lower(a)")).findings.len(), 1);
        assert!(with("lower(a)", Some("lower(b)")).findings.is_empty());
        let unknown = with("lower(a)", None);
        assert_eq!((unknown.findings.len(), unknown.unjudged.len(), unknown.examined), (0, 1, 1));
    }

    #[test]
    fn what_others_rely_on_is_kept() {
        let constraint = |lab: &mut Lab, oid: u32, name: &str| {
            let table_oid = lab.index_row(oid).table_oid;
            rows(&mut lab.db().constraints).push(Constraint {
                oid: oid + 5000,
                table_oid,
                name: name.into(),
                r#type: 'u',
                index_oid: oid,
                ..Constraint::default()
            });
        };
        assert_eq!(pair(|lab, b| constraint(lab, b, "b")), ["medium shop/public/orders/a"]);
        assert_eq!(pair(|lab, b| lab.index_row(b).is_replica_identity = true), ["medium shop/public/orders/a"]);
        assert_eq!(pair(|lab, b| lab.index_row(b).is_clustered = true), ["medium shop/public/orders/a"]);
        assert_eq!(
            pair(|lab, b| rows(&mut lab.db().index_stats).push(IndexStats { oid: b, scans: 9, ..Default::default() })),
            ["medium shop/public/orders/a"]
        );
        let mut lab = Lab::new();
        let table = lab.table("orders", &["id"], 1000.0);
        for name in ["a", "b"] {
            let index = lab.index(table, name, &[1]);
            lab.index_row(index).is_unique = true;
            constraint(&mut lab, index, &format!("{name} key"));
        }
        let hint = lab.run(&CHECK).unwrap().findings.remove(0).hint.unwrap();
        assert_eq!(hint.sql.as_deref(), Some("alter table public.orders drop constraint \"b key\";"));
        assert_eq!(hint.lock, Some(LockMode::AccessExclusive));
    }

    #[test]
    fn partitions_repeat_nothing_and_keep_what_belongs_to_the_parent() {
        let mut lab = Lab::new();
        let parent = lab.table("events", &["id"], -1.0);
        lab.table_row(parent).kind = 'p';
        let leaf = lab.table("events_1", &["id"], 1000.0);
        rows(&mut lab.db().inheritance).push(Inheritance { child_oid: leaf, parent_oid: parent });
        for name in ["a", "b"] {
            let top = lab.index(parent, name, &[1]);
            lab.index_row(top).kind = 'I';
            let below = lab.index(leaf, &format!("leaf_{name}"), &[1]);
            lab.index_row(below).is_partition = true;
            rows(&mut lab.db().inheritance).push(Inheritance { child_oid: below, parent_oid: top });
        }
        assert_eq!(lab.found(&CHECK), ["medium shop/public/events/b"]);
        let hint = lab.run(&CHECK).unwrap().findings.remove(0).hint.unwrap();
        assert_eq!(hint.sql.as_deref(), Some("drop index public.b;"));
        lab.index(leaf, "alone", &[1]);
        assert_eq!(lab.found(&CHECK), ["medium shop/public/events/b", "medium shop/public/events_1/alone"]);
    }
}
