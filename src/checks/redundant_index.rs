//! Index whose every use another index serves
//!
//! ## Why it matters
//! A B-tree on (a, b) finds by a as well as one on (a) does. The shorter one costs every write and serves no query that the
//! longer one does not.
//!
//! ## How it is decided
//! A valid B-tree index is redundant when the key of another one of the same table begins with its own: the same columns
//! and expressions in the same order, with the same operator classes, collations and sort options, the same predicate or
//! none, and all its included columns are among the other's columns. Indexes that are the same in all this, uniqueness too,
//! are duplicates and not repeated here.
//! Where the shorter one was scanned since the counters began and the longer one was not, nor stands for anything else,
//! `unused-index` may offer to drop the longer one: the shorter one is then *info*, without a statement.
//! Never redundant: an index that is unique, behind a constraint, the replica identity or the clustered one, and a
//! partition of another index; the latter is judged with its parent.
//!
//! ## What to do
//! Drop it, concurrently, after a look at how much larger the other one is.
//!
//! ## Limits
//! Reading the longer index costs more pages for each scan: where that one is several times the size and the shorter one is
//! busy, it can be worth keeping. Methods other than B-tree are not compared. Expressions and predicates are compared by
//! their text.

use super::prelude::*;
use crate::facts::indexes::Index;
use crate::indexes::{Cover, cover, drop_sql, has_duty, is_sound, keep_order, keys, pages, scans, table_of};
use std::collections::HashMap;

/// An index whose key another one begins with.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "redundant-index",
        category: Category::Indexes,
        severity: Severity::Low,
        source: include_str!("redundant_index.rs"),
    },
    params: &[],
    run: Run::Database(run),
};

fn run(cx: &DatabaseContext<'_>) -> Result<Verdict, Missing> {
    let indexes = cx.database.indexes.read()?;
    cx.database.tables.read()?;
    cx.database.constraints.read()?;
    cx.database.inheritance.read()?;
    let catalog = cx.catalog;
    let comparable = |index: &Index| index.method == "btree" && is_sound(index);
    // by each beginning of their keys, so that an index meets only those that could serve it, in the order of their names
    let mut begin: HashMap<(u32, &[i16]), Vec<&Index>> = HashMap::new();
    for index in indexes.iter().filter(|index| comparable(index)) {
        for length in 1..=keys(index).len() {
            begin.entry((index.table_oid, &index.columns[..length])).or_default().push(index);
        }
    }
    let mut verdict = Verdict::default();
    for index in indexes {
        if !comparable(index) || has_duty(catalog, index) || index.is_partition {
            continue;
        }
        let Some(table) = table_of(catalog, index) else { continue };
        let (mut covers, mut unknown) = (Vec::new(), false);
        for other in begin.get(&(index.table_oid, keys(index))).into_iter().flatten() {
            if other.oid == index.oid {
                continue;
            }
            match cover(catalog, other, index) {
                // of two that can stand for each other only one may go
                Cover::Yes if stands_for(cx, index, other) => {}
                Cover::Yes => covers.push(*other),
                Cover::Unknown => unknown = true,
                Cover::No => {}
            }
        }
        // the one that stays is the longest: it covers whatever the others cover
        covers.sort_by_cached_key(|other| (std::cmp::Reverse(other.key_count), keep_order(catalog, other)));
        match covers.first() {
            Some(other) => {
                verdict.examine();
                verdict.find(finding(cx, index, other, table));
            }
            None if unknown => {
                verdict.cannot_tell(catalog.index_subject(index), catalog.why_no_expression(index));
            }
            None => verdict.examine(),
        }
    }
    Ok(verdict)
}

/// Whether `index` is to stay although `other` covers it, because it covers `other` too and is the one to keep; or because
/// the two are duplicates, which is another check's finding.
fn stands_for(cx: &DatabaseContext<'_>, index: &Index, other: &Index) -> bool {
    if cover(cx.catalog, index, other) != Cover::Yes || has_duty(cx.catalog, other) || other.is_partition {
        return is_duplicate(index, other);
    }
    is_duplicate(index, other) || keep_order(cx.catalog, index) < keep_order(cx.catalog, other)
}

/// Whether two indexes that cover each other are the same to `duplicate-index`, which leaves out exclusion constraints.
fn is_duplicate(a: &Index, b: &Index) -> bool {
    !a.is_exclusion
        && !b.is_exclusion
        && a.columns == b.columns
        && a.key_count == b.key_count
        && (a.is_unique, a.nulls_not_distinct) == (b.is_unique, b.nulls_not_distinct)
}

fn finding(cx: &DatabaseContext<'_>, index: &Index, other: &Index, table: &crate::facts::tables::Table) -> Finding {
    let names = |index: &Index| {
        let named = index.columns.iter().map(|column| match column {
            0 => "an expression".to_owned(),
            column => cx.catalog.column_names(index.table_oid, &[*column]).concat(),
        });
        named.collect::<Vec<_>>()
    };
    let message = format!(
        "index {} on {}.{} ({}) is served by {} ({})",
        index.name,
        table.schema,
        table.name,
        names(index).join(", "),
        other.name,
        names(other).join(", ")
    );
    let mut finding = Finding::new(&CHECK.meta, cx.catalog.index_subject(index).with_columns(names(index)), message)
        .text("served_by", other.name.clone())
        .count("index_size", cx.bytes(pages(cx.catalog, index)), Unit::Bytes)
        .count("other_size", cx.bytes(pages(cx.catalog, other)), Unit::Bytes);
    if let Some(scans) = scans(cx.catalog, index) {
        finding = finding.count("scans", scans, Unit::Count);
    }
    // what nothing scans may be dropped itself, and serves nothing then
    let may_go = !has_duty(cx.catalog, other) && scans(cx.catalog, other) == Some(0);
    if may_go && scans(cx.catalog, index) != Some(0) {
        return finding.severity(Severity::Info).text("because", "the other index was never scanned").advice(format!(
            "nothing scanned {} since the counters began: keep one of the two, this one where no query needs the further \
             columns",
            other.name
        ));
    }
    let (sql, lock) = drop_sql(cx.catalog, index, table);
    let text = match index.kind {
        'I' => "drop it; a partitioned index cannot be dropped concurrently, so keep lock_timeout low and try again",
        _ => "drop it; reads and writes go on",
    };
    finding.fix(text, sql, Some(lock))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::index_stats::IndexStats;
    use crate::testing::{Lab, rows};

    const NOTHING: [&str; 0] = [];
    const SHORT: [&str; 1] = ["low shop/public/orders/short"];

    fn pair(short: &[i16], long: &[i16], change: impl FnOnce(&mut Lab, u32, u32)) -> Vec<String> {
        let mut lab = Lab::new();
        let names: Vec<String> = (1..=12).map(|number| format!("c{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let table = lab.table("orders", &names, 1000.0);
        let (short, long) = (lab.index(table, "short", short), lab.index(table, "long", long));
        change(&mut lab, short, long);
        lab.found(&CHECK)
    }

    #[test]
    fn a_key_that_another_begins_with() {
        assert_eq!(pair(&[1], &[1, 2], |_, _, _| {}), SHORT);
        assert_eq!(pair(&[1, 2], &[1, 2, 3], |_, _, _| {}), SHORT);
        assert_eq!(pair(&[2], &[1, 2], |_, _, _| {}), NOTHING);
        assert_eq!(pair(&[1], &[10, 2], |_, _, _| {}), NOTHING, "column 1 is not column 10");
        assert_eq!(pair(&[2, 1], &[1, 2, 3], |_, _, _| {}), NOTHING);
        assert_eq!(pair(&[1, 2], &[1, 2], |_, _, _| {}), NOTHING, "a duplicate");
    }

    #[test]
    fn what_differs_is_not_served() {
        let with = |change: fn(&mut Lab, u32, u32)| pair(&[1], &[1, 2], change);
        assert_eq!(with(|lab, _, long| lab.index_row(long).options = vec![3, 0]), NOTHING);
        assert_eq!(with(|lab, _, long| lab.index_row(long).collations = vec![950, 0]), NOTHING);
        assert_eq!(with(|lab, _, long| lab.index_row(long).operator_classes = vec![1, 1978]), NOTHING);
        assert_eq!(with(|lab, _, long| lab.index_row(long).method = "gist".into()), NOTHING);
        assert_eq!(with(|lab, _, long| lab.index_row(long).is_valid = false), NOTHING);
        assert_eq!(with(|lab, _, long| lab.expression(long, None, Some("(c1 > 0)"))), NOTHING);
        assert_eq!(with(|lab, short, _| lab.expression(short, None, Some("(c1 > 0)"))), NOTHING);
        let both = |lab: &mut Lab, short, long| {
            lab.expression(short, None, Some("(c1 > 0)"));
            lab.expression(long, None, Some("(c1 > 0)"));
        };
        assert_eq!(pair(&[1], &[1, 2], both), SHORT);
    }

    #[test]
    fn an_index_with_a_duty_is_never_redundant() {
        let with = |change: fn(&mut Lab, u32, u32)| pair(&[1], &[1, 2], change);
        assert_eq!(with(|lab, short, _| lab.index_row(short).is_unique = true), NOTHING);
        assert_eq!(with(|lab, short, _| lab.index_row(short).is_replica_identity = true), NOTHING);
        assert_eq!(with(|lab, short, _| lab.index_row(short).is_clustered = true), NOTHING);
        assert_eq!(with(|lab, short, _| lab.index_row(short).is_exclusion = true), NOTHING);
        assert_eq!(with(|lab, short, _| lab.index_row(short).is_partition = true), NOTHING);
        // a plain index beside a unique one on the same column
        assert_eq!(pair(&[1], &[1], |lab, _, long| lab.index_row(long).is_unique = true), SHORT);
    }

    #[test]
    fn included_columns_are_not_keys_but_must_be_found() {
        let key = |lab: &mut Lab, index: u32| lab.index_row(index).key_count = 1;
        assert_eq!(pair(&[1, 2], &[1, 3], |lab, short, _| key(lab, short)), NOTHING);
        assert_eq!(pair(&[1, 2], &[1, 3, 2], |lab, short, _| key(lab, short)), SHORT);
        assert_eq!(pair(&[1, 2], &[1, 2, 3], |lab, _, long| key(lab, long)), NOTHING, "2 is only included");
        assert_eq!(pair(&[1], &[1, 2], |lab, _, long| key(lab, long)), SHORT);
        // two that can stand for each other: one of them goes
        let mutual = |lab: &mut Lab, short, long| {
            key(lab, short);
            key(lab, long);
        };
        assert_eq!(pair(&[1, 2, 3], &[1, 3, 2], mutual), SHORT, "long comes first by name");
    }

    #[test]
    fn an_index_like_the_one_of_an_exclusion_constraint_is_served_by_it() {
        assert_eq!(pair(&[1], &[1], |lab, _, long| lab.index_row(long).is_exclusion = true), SHORT);
    }

    #[test]
    fn what_is_never_scanned_serves_nothing() {
        let with = |short_scans: i64, scans: i64, unique: bool| {
            let mut lab = Lab::new();
            let table = lab.table("orders", &["a", "b"], 1000.0);
            let (short, long) = (lab.index(table, "short", &[1]), lab.index(table, "long", &[1, 2]));
            lab.index_row(long).is_unique = unique;
            rows(&mut lab.db().index_stats).push(IndexStats {
                oid: short,
                scans: short_scans,
                ..IndexStats::default()
            });
            rows(&mut lab.db().index_stats).push(IndexStats { oid: long, scans, ..IndexStats::default() });
            let finding = lab.run(&CHECK).unwrap().findings.remove(0);
            (finding.severity.clone(), finding.hint.unwrap().sql.is_some())
        };
        assert_eq!(with(9, 1, false), (Severity::Low, true));
        assert_eq!(with(9, 0, false), (Severity::Info, false));
        assert_eq!(with(0, 0, false), (Severity::Low, true), "no query needs either");
        assert_eq!(with(9, 0, true), (Severity::Low, true), "it stays for its promise");
    }

    #[test]
    fn expressions_by_their_text() {
        let with = |short: &'static str, long: Option<&'static str>| {
            let mut lab = Lab::new();
            let table = lab.table("orders", &["c1"], 1000.0);
            let (a, b) = (lab.index(table, "short", &[0]), lab.index(table, "long", &[0, 0]));
            lab.expression(a, Some(short), None);
            match long {
                Some(long) => lab.expression(b, Some(long), None),
                None => lab.index_row(b).has_expressions = true,
            }
            lab.run(&CHECK).unwrap()
        };
        assert_eq!(with("lower(a)", Some("lower(a), upper(b)")).findings.len(), 1);
        assert!(with("lower(a)", Some("lower(ab), upper(b)")).findings.is_empty());
        assert!(with("(a)", Some("(a) + b, c")).findings.is_empty());
        let unknown = with("lower(a)", None);
        assert_eq!((unknown.findings.len(), unknown.unjudged.len()), (0, 1));
    }
}
