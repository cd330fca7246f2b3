//! Index that is not valid
//!
//! ## Why it matters
//! Queries cannot use it, while writes may maintain it. It is what a failed `create index concurrently` or `reindex
//! concurrently` leaves behind, or a partitioned index that some partitions lack. A unique one may let
//! duplicates in.
//!
//! ## How it is decided
//! The catalog says that an index is not valid, not ready, or not live. One of a table where an index is being built or
//! rebuilt at this instant may be work in progress and is not judged. A partitioned index below another invalid one is that
//! one's finding.
//! A name that ends in `_ccnew` is the unfinished copy of a rebuild: the original still serves, drop the copy. One that ends
//! in `_ccold` is the original after a finished rebuild: drop it.
//!
//! ## What to do
//! Drop it, or rebuild it concurrently. To make a partitioned index whole, create the index on the partitions that lack it
//! and attach each one: it becomes valid with the last. Behind a constraint, each of those indexes needs the constraint too.
//! A rebuild that fails, as one of a unique index does where rows collide, leaves another invalid index whose name ends in
//! `_ccnew`: drop that one before the next try.
//!
//! ## Limits
//! A build that began or failed between the reading of the indexes and of the builds in progress is seen as it was then. A
//! concurrent drop in progress looks like one that was interrupted.

use super::prelude::*;
use crate::catalog::Catalog;
use crate::facts::indexes::Index;
use crate::facts::tables::Table;
use crate::indexes::{drop_sql, is_sound, table_of};

/// An index that queries cannot use.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "invalid-index",
        category: Category::Indexes,
        severity: Severity::Medium,
        source: include_str!("invalid_index.rs"),
    },
    params: &[],
    run: Run::Database(run),
};

fn run(cx: &DatabaseContext<'_>) -> Result<Verdict, Missing> {
    let indexes = cx.database.indexes.read()?;
    cx.database.tables.read()?;
    cx.database.constraints.read()?;
    cx.database.inheritance.read()?;
    let mut verdict = Verdict::default();
    for index in indexes {
        let Some(table) = table_of(cx.catalog, index) else { continue };
        if is_sound(index) {
            verdict.examine();
            continue;
        }
        let above = cx.catalog.parent(index.oid).and_then(|oid| cx.catalog.index(oid));
        if index.kind == 'I' && above.is_some_and(|above| !is_sound(above)) {
            continue;
        }
        match building(cx, index) {
            Some(missing) => verdict.cannot_tell(cx.catalog.index_subject(index), missing),
            None => {
                verdict.examine();
                verdict.find(finding(cx, index, table));
            }
        }
    }
    Ok(verdict)
}

/// Why an invalid index may be work in progress.
fn building(cx: &DatabaseContext<'_>, index: &Index) -> Option<Missing> {
    // nobody builds a partitioned index over time: it is made whole by attaching
    if index.kind == 'I' {
        return None;
    }
    let builds = match cx.database.index_builds.read() {
        Ok(builds) => builds,
        Err(missing) => return Some(missing),
    };
    if builds.iter().any(|build| build.table_oid == 0) {
        // somebody builds something, and this role may not see what
        let hidden =
            Missing::new("index_builds", Reason::Privilege, "an index is being built that this role may not see");
        return Some(hidden.unlocked_by(cx.server.snapshot.grant("pg_read_all_stats")));
    }
    // a rebuild names one index and works on all of the table, old and new
    let build = builds.iter().find(|build| {
        build.index_oid == index.oid
            || build.table_oid == index.table_oid && (build.index_oid == 0 || copy_of(&index.name).is_some())
    })?;
    let told = |text: &Option<String>| text.as_deref().unwrap_or("hidden from this role").to_lowercase();
    let because = format!("it is being built: {}, {}", told(&build.command), told(&build.phase));
    Some(Missing::new("index_builds", Reason::Observation, because).unlocked_by("run the audit again when it is done"))
}

/// Which leftover of `reindex concurrently` a name tells of: `ccnew` or `ccold`, numbered where it was taken.
fn copy_of(name: &str) -> Option<&'static str> {
    let stem = name.trim_end_matches(|character: char| character.is_ascii_digit());
    ["ccnew", "ccold"].into_iter().find(|ending| stem.strip_suffix(ending).is_some_and(|stem| stem.ends_with('_')))
}

fn finding(cx: &DatabaseContext<'_>, index: &Index, table: &Table) -> Finding {
    let catalog = cx.catalog;
    let place = format!("{} on {}.{}", index.name, table.schema, table.name);
    let finding = |message: String| Finding::new(&CHECK.meta, catalog.index_subject(index), message);
    if index.kind == 'I' {
        let lacking = lacking(catalog, index);
        let names = lacking.iter().map(|table| format!("{}.{}", table.schema, table.name)).collect();
        let what = match lacking.len() {
            0 => "although every partition has it".to_owned(),
            1 => "1 partition lacks it".to_owned(),
            many => format!("{many} partitions lack it"),
        };
        let finding = finding(format!("partitioned index {place} is not valid: {what}"))
            .count("partitions_without", lacking.len() as i64, Unit::Count)
            .list("partitions", names);
        // every one is there and sound: attaching one again makes the server look
        if lacking.is_empty() {
            let Some(child) = catalog.children(index.oid).iter().find_map(|child| catalog.index(*child)) else {
                return finding.advice("create it again; nothing is below it");
            };
            return finding.fix(
                "attach one of its partitions again: that makes a server of a current minor release look whether it is whole",
                attach_one(catalog, index, table, child),
                Some(LockMode::AccessExclusive),
            );
        }
        return match attach(catalog, index, table, &lacking) {
            Some(sql) => finding.fix(
                "attach the indexes that the partitions already have; the index becomes valid with the last one",
                sql,
                Some(LockMode::AccessExclusive),
            ),
            None if catalog.constraint_of(index.oid).is_some() => finding.advice(format!(
                "on each partition that lacks it create the unique index concurrently, make it a constraint of the partition \
                 (alter table … add constraint … using index …), and attach it with alter index {} attach partition; it \
                 becomes valid with the last one",
                qualified(&table.schema, &index.name)
            )),
            None => finding.advice(format!(
                "create the index concurrently on each partition that lacks it, as pg_get_indexdef({}::regclass) shows it, \
                 and attach each one with alter index {} attach partition, a deeper one to the index of its own parent; it \
                 becomes valid with the last one",
                literal(&qualified(&table.schema, &index.name)),
                qualified(&table.schema, &index.name)
            )),
        };
    }
    let finding = finding(format!("index {place} is not valid"))
        .text(
            "state",
            match (index.is_live, index.is_ready) {
                (false, _) => "being dropped, or a drop was interrupted",
                (true, false) => "not maintained by writes",
                (true, true) => "maintained by writes",
            },
        )
        .count("index_size", cx.bytes(i64::from(index.pages)), Unit::Bytes);
    let (drop, lock) = drop_sql(catalog, index, table);
    let reindex = format!("reindex index concurrently {};", qualified(&table.schema, &index.name));
    let copy = copy_of(&index.name);
    match (copy, index.is_live) {
        (Some("ccnew"), _) => {
            finding.fix("the unfinished copy of a rebuild; the original still serves: drop the copy", drop, Some(lock))
        }
        (Some(_), _) => finding.fix("what a finished rebuild left of the original: drop it", drop, Some(lock)),
        (None, false) => finding.fix("finish the drop", drop, Some(lock)),
        // an attached partition of an index cannot be dropped, and a promise should not be
        (None, true) => {
            let text = if index.is_unique {
                "rebuild it; where rows collide the rebuild fails, names them, and leaves an invalid index that ends in \
                 _ccnew: drop that one, make the rows differ, and rebuild again"
            } else {
                "rebuild it, or drop it where it is not wanted any more"
            };
            finding.fix(text, reindex, Some(LockMode::ShareUpdateExclusive))
        }
    }
}

/// The partitions, at any depth, that have no sound index below a partitioned one.
fn lacking<'a>(catalog: &Catalog<'a>, index: &Index) -> Vec<&'a Table> {
    let served: std::collections::HashSet<u32> = catalog
        .leaves(index.oid)
        .into_iter()
        .filter_map(|leaf| catalog.index(leaf))
        .filter(|leaf| leaf.kind == 'i' && is_sound(leaf))
        .map(|leaf| leaf.table_oid)
        .collect();
    let mut lacking: Vec<&Table> = catalog
        .leaves(index.table_oid)
        .into_iter()
        .filter(|leaf| *leaf != index.table_oid && !served.contains(leaf))
        .filter_map(|leaf| catalog.table(leaf))
        .collect();
    lacking.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    lacking
}

/// The statements that rebuild and attach what the partitions already have; none where one has nothing alike, or lies deeper
/// than one level, or where expressions would have to be compared.
fn attach(catalog: &Catalog<'_>, index: &Index, table: &Table, lacking: &[&Table]) -> Option<String> {
    if lacking.is_empty() || index.has_expressions || index.has_predicate {
        return None;
    }
    let wanted = catalog.column_names(index.table_oid, &index.columns);
    let statements = lacking.iter().map(|partition| {
        let own = catalog.indexes(partition.oid);
        // one that is attached and not valid is rebuilt; attaching it again makes the server look
        if let Some(broken) = own.iter().find(|own| catalog.parent(own.oid) == Some(index.oid)) {
            let reindex = format!("reindex index concurrently {};", qualified(&partition.schema, &broken.name));
            return Some(format!("{reindex}\n{}", attach_one(catalog, index, table, broken)));
        }
        let alike = own.iter().find(|own| {
            catalog.parent(partition.oid) == Some(index.table_oid)
                && !own.is_partition
                && is_sound(own)
                && !own.has_expressions
                && !own.has_predicate
                && (own.method == index.method && own.is_unique == index.is_unique)
                && own.nulls_not_distinct == index.nulls_not_distinct
                && own.key_count == index.key_count
                && own.operator_classes == index.operator_classes
                && own.collations == index.collations
                && own.options == index.options
                && catalog.constraint_of(index.oid).is_none()
                && catalog.column_names(partition.oid, &own.columns) == wanted
        })?;
        Some(attach_one(catalog, index, table, alike))
    });
    Some(statements.collect::<Option<Vec<_>>>()?.join("\n"))
}

fn attach_one(catalog: &Catalog<'_>, index: &Index, table: &Table, child: &Index) -> String {
    let schema = catalog.table(child.table_oid).map_or(table.schema.as_str(), |partition| partition.schema.as_str());
    format!(
        "alter index {} attach partition {};",
        qualified(&table.schema, &index.name),
        qualified(schema, &child.name)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::constraints::Constraint;
    use crate::facts::index_builds::IndexBuild;
    use crate::facts::inheritance::Inheritance;
    use crate::testing::{Lab, rows};

    fn lab(name: &str) -> (Lab, u32, u32) {
        let mut lab = Lab::new();
        let table = lab.table("orders", &["id"], 1000.0);
        let index = lab.index(table, name, &[1]);
        lab.index_row(index).is_valid = false;
        (lab, table, index)
    }

    fn sql(lab: &Lab) -> Option<String> {
        lab.run(&CHECK).unwrap().findings.remove(0).hint.unwrap().sql
    }

    #[test]
    fn leftovers_are_named_and_dropped() {
        let (lab, ..) = super::tests::lab("i");
        assert_eq!(lab.found(&CHECK), ["medium shop/public/orders/i"]);
        assert_eq!(sql(&lab).as_deref(), Some("reindex index concurrently public.i;"));
        assert_eq!(sql(&super::tests::lab("i_ccnew").0).as_deref(), Some("drop index concurrently public.i_ccnew;"));
        assert_eq!(sql(&super::tests::lab("i_ccold1").0).as_deref(), Some("drop index concurrently public.i_ccold1;"));
        assert_eq!(copy_of("accnew"), None);
        for change in [|index: &mut Index| index.is_ready = false, |index: &mut Index| index.is_live = false] {
            let (mut lab, _, index) = super::tests::lab("i");
            lab.index_row(index).is_valid = true;
            change(lab.index_row(index));
            assert_eq!(lab.found(&CHECK).len(), 1);
        }
    }

    #[test]
    fn a_build_in_progress_is_not_judged() {
        let (mut lab, table, index) = lab("i");
        let build = |table_oid, index_oid| IndexBuild {
            table_oid,
            index_oid,
            command: Some("CREATE INDEX CONCURRENTLY".into()),
            phase: Some("building index".into()),
        };
        rows(&mut lab.db().index_builds).push(build(table, index));
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.findings.len(), verdict.unjudged.len()), (0, 1));
        rows(&mut lab.db().index_builds)[0] = build(table, index + 1);
        assert_eq!(lab.found(&CHECK).len(), 1, "another index of the table");
        lab.db().index_builds = Default::default();
        assert_eq!(lab.run(&CHECK).unwrap().unjudged.len(), 1, "nobody knows");
    }

    #[test]
    fn a_partitioned_index_names_what_lacks_it() {
        let mut lab = Lab::new();
        let parent = lab.table("events", &["id"], -1.0);
        lab.table_row(parent).kind = 'p';
        let top = lab.index(parent, "i", &[1]);
        lab.index_row(top).kind = 'I';
        lab.index_row(top).is_valid = false;
        let leaves: Vec<u32> = (0..3).map(|number| lab.table(&format!("events_{number}"), &["id"], 10.0)).collect();
        for leaf in &leaves {
            rows(&mut lab.db().inheritance).push(Inheritance { child_oid: *leaf, parent_oid: parent });
        }
        let below = lab.index(leaves[0], "i_0", &[1]);
        lab.index_row(below).is_partition = true;
        rows(&mut lab.db().inheritance).push(Inheritance { child_oid: below, parent_oid: top });
        lab.index(leaves[1], "alike", &[1]);
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!(verdict.findings[0].measured("partitions_without"), Some(2.0));
        assert_eq!(sql(&lab), None);
        let key = Constraint { table_oid: parent, r#type: 'u', index_oid: top, ..Constraint::default() };
        rows(&mut lab.db().constraints).push(key);
        let hint = lab.run(&CHECK).unwrap().findings.remove(0).hint.unwrap();
        assert!(hint.sql.is_none() && hint.text.contains("using index"), "{}", hint.text);
        rows(&mut lab.db().constraints).clear();
        let broken = lab.index(leaves[2], "i_2", &[1]);
        lab.index_row(broken).is_valid = false;
        lab.index_row(broken).is_partition = true;
        rows(&mut lab.db().inheritance).push(Inheritance { child_oid: broken, parent_oid: top });
        assert_eq!(
            sql(&lab).as_deref(),
            Some(
                "alter index public.i attach partition public.alike;\nreindex index concurrently public.i_2;\n\
                 alter index public.i attach partition public.i_2;"
            )
        );
        assert_eq!(lab.found(&CHECK).len(), 2, "the broken one is a file of its own");
        lab.index_row(broken).is_valid = true;
        rows(&mut lab.db().inheritance).retain(|link| link.child_oid != leaves[1]);
        assert_eq!(sql(&lab).as_deref(), Some("alter index public.i attach partition public.i_0;"));
    }
}
