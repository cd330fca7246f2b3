//! Index that is mostly empty space
//!
//! ## Why it matters
//! Empty space in an index is read, cached, backed up and replicated like the rest of it. After many deletes it can be most
//! of the file.
//!
//! ## How it is decided
//! For each valid B-tree index of at least `minimum_size_bytes`, `pgstatindex` counts its pages. Bloat is what a fresh build
//! would not need: 1 − (leaf pages × density ÷ fillfactor + internal pages + 1) ÷ all pages. Deleted and empty pages count,
//! space left free by `fillfactor` does not, and deduplication makes no difference. *Medium* from `bloat_percent` on; *high*
//! where more than half is wasted and that is more than `high_wasted_bytes`.
//! An index that was not measured is never passed. A statistical estimate above the limit is a *low* finding, marked as
//! estimated, and decides nothing; with an estimate below it, or none, the index is not judged. Smaller indexes are neither
//! measured nor counted: a rebuild would give back little in any case. Where the catalog's size is small and the table's
//! counters say that it cannot be, the index is not judged. Each partition's index is a file of its own.
//!
//! ## What to do
//! Rebuild it, concurrently: `reindex index concurrently`. It needs the space of the new index meanwhile.
//!
//! ## Limits
//! The entries of deleted rows count as full until a vacuum has removed them.
//! An index on random keys, such as UUIDs of version 4, settles at about 69 % full by itself, which counts as 23 % bloat; a
//! rebuild helps it for a while only. GIN, GiST, SP-GiST, BRIN, hash and other methods are not looked at: nothing tells how
//! full a fresh one would be.

use super::prelude::*;
use crate::facts::index_pages::IndexMeasure;
use crate::facts::indexes::Index;
use crate::facts::tables::Table;
use crate::indexes::{is_sound, table_of};
use std::collections::HashMap;

/// An index that a rebuild would make much smaller.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "bloated-index",
        category: Category::Vacuum,
        severity: Severity::Medium,
        source: include_str!("bloated_index.rs"),
    },
    params: &[&BLOAT, &MINIMUM_SIZE, &HIGH_WASTED],
    run: Run::Database(run),
};

static BLOAT: Param = Param {
    name: "bloat_percent",
    doc: "an index is bloated from this part of wasted space on; the checklist's own figure",
    default: 20.0,
    unit: Unit::Percent,
};

static MINIMUM_SIZE: Param = Param {
    name: "minimum_size_bytes",
    doc: "a smaller index is not measured: a rebuild would give back a few megabytes at most; the field's usual floor",
    default: crate::facts::index_pages::MINIMUM_BYTES as f64,
    unit: Unit::Bytes,
};

static HIGH_WASTED: Param = Param {
    name: "high_wasted_bytes",
    doc: "high where more than half of the index and more than this is wasted: it pushes other data out of memory",
    default: 1_073_741_824.0,
    unit: Unit::Bytes,
};

/// The part of the index from which on much waste is high, in per cent.
const MOSTLY: f64 = 50.0;

/// The least bytes of an entry that is not deduplicated: a header, a key of eight bytes at most, a line pointer.
const ENTRY: f64 = 20.0;

fn run(cx: &DatabaseContext<'_>) -> Result<Verdict, Missing> {
    let indexes = cx.database.indexes.read()?;
    cx.database.tables.read()?;
    let measures = cx.database.index_pages.read();
    let measured: HashMap<u32, &IndexMeasure> =
        measures.iter().flat_map(|measures| measures.iter()).map(|measure| (measure.oid, measure)).collect();
    let mut verdict = Verdict::default();
    for index in indexes {
        if index.method != "btree" || index.kind != 'i' || !is_sound(index) {
            continue;
        }
        let Some(table) = table_of(cx.catalog, index) else { continue };
        let subject = cx.catalog.index_subject(index);
        match judge(cx, index, table, measured.get(&index.oid).copied(), measures.as_ref().err()) {
            Ok(Judged::Small) => {}
            Ok(Judged::Sound) => verdict.examine(),
            Ok(Judged::Bloated(finding)) => {
                // an estimate is worth saying, and is no judgement
                if finding.evidence == Evidence::Measured {
                    verdict.examine();
                }
                verdict.find(*finding);
            }
            Err(missing) => verdict.cannot_tell(subject, missing),
        }
    }
    Ok(verdict)
}

/// What is known of an index.
enum Judged {
    /// It is below the floor: nothing is said of it.
    Small,
    /// It was measured, and is full enough.
    Sound,
    /// It was measured or estimated, and is not.
    Bloated(Box<Finding>),
}

fn judge(
    cx: &DatabaseContext<'_>,
    index: &Index,
    table: &Table,
    measure: Option<&IndexMeasure>,
    unread: Option<&Missing>,
) -> Result<Judged, Missing> {
    let floor = cx.param(&CHECK.meta, &MINIMUM_SIZE);
    let limit = cx.param(&CHECK.meta, &BLOAT);
    let fillfactor = fillfactor(index);
    if let Some(Ok(pages)) = measure.map(|measure| &measure.pages) {
        let block_size = i32::try_from(cx.server.block_size()).unwrap_or(8192);
        let Some(bloat) = pages.bloat(fillfactor, block_size).filter(|_| pages.bytes as f64 >= floor) else {
            return Ok(Judged::Small);
        };
        let wasted = bloat * pages.bytes as f64;
        if bloat * 100.0 < limit {
            return Ok(Judged::Sound);
        }
        let high = bloat * 100.0 > MOSTLY && wasted > cx.param(&CHECK.meta, &HIGH_WASTED);
        let finding = finding(cx, index, table, bloat, pages.bytes as f64, limit)
            .severity(if high { Severity::High } else { Severity::Medium })
            .count("deleted_pages", pages.deleted_pages, Unit::Pages)
            .count("fillfactor", i64::from(fillfactor), Unit::Percent);
        return Ok(Judged::Bloated(Box::new(match pages.leaf_density {
            Some(density) => finding.number("leaf_density", density, Unit::Percent),
            None => finding,
        })));
    }
    let size = cx.bytes(i64::from(index.pages)) as f64;
    if size < floor {
        return match outgrown(cx, index, table, floor) {
            Some(missing) => Err(missing),
            None => Ok(Judged::Small),
        };
    }
    let bloat = measure.and_then(|measure| measure.estimated_bytes).map(|fresh| (1.0 - fresh / size).clamp(0.0, 1.0));
    match bloat {
        Some(bloat) if bloat * 100.0 > limit => Ok(Judged::Bloated(Box::new(
            finding(cx, index, table, bloat, size, limit).severity(Severity::Low).evidence(Evidence::Estimated),
        ))),
        _ => Err(why(cx, measure.and_then(|measure| measure.pages.as_ref().err()).or(unread))),
    }
}

/// Why the size of an index below the floor is not known: the catalog's figure is from before the table grew, or from when
/// the index was empty.
fn outgrown(cx: &DatabaseContext<'_>, index: &Index, table: &Table, floor: f64) -> Option<Missing> {
    let live = cx.catalog.stats(table.oid)?.live_rows as f64;
    // a partial index holds fewer entries than the table has rows
    let counted_few = !index.has_predicate && live > 2.0 * index.row_estimate.max(0.0);
    let is_old = counted_few || live > 2.0 * table.row_estimate.max(0.0);
    (is_old && live * ENTRY >= floor).then(|| {
        let because = "its table has grown much since it was analyzed: the size of the index is not known";
        Missing::new("index_pages", Reason::Observation, because)
            .unlocked_by(format!("analyze {};", qualified(&table.schema, &table.name)))
    })
}

/// Why an index was not measured, and what would measure it.
fn why(cx: &DatabaseContext<'_>, known: Option<&Missing>) -> Missing {
    let grant = cx.server.snapshot.grant("pg_stat_scan_tables");
    let missing = match known {
        Some(missing) => missing.clone(),
        None => Missing::new("index_pages", Reason::Budget, "it was not measured within the budget"),
    };
    if missing.unlock.is_some() {
        return missing;
    }
    match missing.reason {
        Reason::Extension => missing.unlocked_by(format!("create extension pgstattuple;\n{grant}")),
        Reason::Privilege => missing.unlocked_by(grant),
        Reason::Budget => missing.unlocked_by("a larger --measure-budget"),
        _ => missing,
    }
}

/// The index's own fillfactor, or a B-tree's default.
fn fillfactor(index: &Index) -> i32 {
    let parameters = index.parameters.iter().flatten();
    parameters
        .filter_map(|parameter| parameter.strip_prefix("fillfactor="))
        .find_map(|value| value.parse().ok())
        .unwrap_or(90)
}

fn finding(cx: &DatabaseContext<'_>, index: &Index, table: &Table, bloat: f64, size: f64, limit: f64) -> Finding {
    let message = format!(
        "index {} on {}.{} is {} wasted space",
        index.name,
        table.schema,
        table.name,
        humane(bloat, &Unit::Ratio)
    );
    Finding::new(&CHECK.meta, cx.catalog.index_subject(index), message)
        .number("bloat", bloat * 100.0, Unit::Percent)
        .number("threshold", limit, Unit::Percent)
        .number("index_size", size, Unit::Bytes)
        .number("wasted", (bloat * size).round(), Unit::Bytes)
        .fix(
            "rebuild it; reads and writes go on, and the space of the new index is needed meanwhile",
            format!("reindex index concurrently {};", qualified(&table.schema, &index.name)),
            Some(LockMode::ShareUpdateExclusive),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::index_pages::IndexPages;
    use crate::testing::{Lab, rows};

    const NOTHING: [&str; 0] = [];

    /// An index of so many pages, all of them leaves this full, or not measured for a reason.
    fn with(pages: i64, measure: Option<Result<f64, Missing>>, estimated: Option<f64>) -> (Lab, u32) {
        let mut lab = Lab::new();
        let table = lab.table("orders", &["id"], 100_000.0);
        let oid = lab.index(table, "i", &[1]);
        lab.index_row(oid).pages = pages as i32;
        if let Some(measure) = measure {
            let measure = measure.map(|density| IndexPages {
                bytes: pages * 8192,
                leaf_pages: pages - 2,
                leaf_density: Some(density),
                ..IndexPages::default()
            });
            let row = IndexMeasure { oid, pages: measure, estimated_bytes: estimated };
            rows(&mut lab.db().index_pages).push(row);
        }
        (lab, oid)
    }

    #[test]
    fn measured_bloat_of_an_index_large_enough() {
        let found = |pages, density| with(pages, Some(Ok(density)), None).0.found(&CHECK);
        assert_eq!(found(2000, 90.0), NOTHING);
        assert_eq!(found(2000, 73.0), NOTHING);
        assert_eq!(found(2000, 71.0), ["medium shop/public/orders/i"]);
        assert_eq!(found(2000, 9.0), ["medium shop/public/orders/i"], "not a gigabyte");
        assert_eq!(found(300_000, 9.0), ["high shop/public/orders/i"]);
        assert_eq!(found(300_000, 60.0), ["medium shop/public/orders/i"]);
        let (mut lab, oid) = with(2000, Some(Ok(50.0)), None);
        lab.index_row(oid).parameters = Some(vec!["deduplicate_items=off".into(), "fillfactor=50".into()]);
        assert_eq!(lab.found(&CHECK), NOTHING, "by design");
        let small = with(1000, Some(Ok(9.0)), None).0.run(&CHECK).unwrap();
        assert_eq!((small.findings.len(), small.examined), (0, 0), "nothing is said of a small one");
        let (mut lab, _) = with(1000, Some(Ok(9.0)), None);
        lab.params.set("bloated-index", "minimum_size_bytes", 4_194_304.0);
        assert_eq!(lab.found(&CHECK), ["medium shop/public/orders/i"], "the floor is the user's");
    }

    #[test]
    fn an_estimate_is_low_and_never_a_pass() {
        let missing = || Some(Err(Missing::new("index_pages", Reason::Extension, "pgstattuple is not installed")));
        let (lab, _) = with(2000, missing(), Some(2000.0 * 8192.0 * 0.5));
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!(lab.found(&CHECK), ["low shop/public/orders/i"]);
        assert_eq!((verdict.findings[0].evidence.clone(), verdict.examined), (Evidence::Estimated, 0));
        for estimate in [None, Some(2000.0 * 8192.0 * 0.9)] {
            let verdict = with(2000, missing(), estimate).0.run(&CHECK).unwrap();
            assert_eq!((verdict.findings.len(), verdict.examined), (0, 0));
            assert_eq!(
                verdict.unjudged[0].reason.unlock.as_deref(),
                Some("create extension pgstattuple;\ngrant pg_stat_scan_tables to auditor;")
            );
        }
    }

    #[test]
    fn not_measured_is_not_judged() {
        let (mut lab, _) = with(2000, None, None);
        assert_eq!(lab.run(&CHECK).unwrap().unjudged[0].reason.reason, Reason::Budget);
        lab.db().index_pages =
            crate::facts::Fact::Missing(Missing::new("index_pages", Reason::Disabled, "measuring is switched off"));
        assert_eq!(lab.run(&CHECK).unwrap().unjudged[0].reason.reason, Reason::Disabled);
        let (lab, _) = with(100, None, None);
        assert_eq!(lab.run(&CHECK).unwrap(), Verdict::default(), "below the floor");
    }

    #[test]
    fn a_size_from_before_the_table_grew_says_nothing() {
        let (mut lab, _) = with(1, None, None);
        let table = rows(&mut lab.db().tables)[0].oid;
        lab.table_row(table).row_estimate = -1.0;
        lab.stats_row(table).live_rows = 5_000_000;
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!(verdict.unjudged[0].reason.unlock.as_deref(), Some("analyze public.orders;"));
    }

    #[test]
    fn an_index_made_empty_and_filled_is_not_small() {
        let (mut lab, oid) = with(0, None, None);
        let table = rows(&mut lab.db().tables)[0].oid;
        lab.table_row(table).row_estimate = 5_000_000.0;
        lab.stats_row(table).live_rows = 5_000_000;
        lab.index_row(oid).row_estimate = 0.0;
        assert_eq!(lab.run(&CHECK).unwrap().unjudged.len(), 1);
        lab.expression(oid, None, Some("(id > 5)"));
        assert_eq!(lab.run(&CHECK).unwrap(), Verdict::default(), "a partial one may be empty");
        let (mut lab, oid) = with(1000, None, None);
        let table = rows(&mut lab.db().tables)[0].oid;
        lab.table_row(table).row_estimate = 1_000_000.0;
        lab.stats_row(table).live_rows = 1_000_000;
        lab.index_row(oid).row_estimate = 1_000_000.0;
        assert_eq!(lab.run(&CHECK).unwrap(), Verdict::default(), "deduplicated entries are small");
    }

    #[test]
    fn other_methods_and_invalid_indexes_are_not_looked_at() {
        for change in [
            |index: &mut Index| index.method = "gin".into(),
            |index: &mut Index| index.is_valid = false,
            |index: &mut Index| index.kind = 'I',
        ] {
            let (mut lab, oid) = with(2000, None, None);
            change(lab.index_row(oid));
            let verdict = lab.run(&CHECK).unwrap();
            assert_eq!((verdict.examined, verdict.unjudged.len()), (0, 0));
        }
    }
}
