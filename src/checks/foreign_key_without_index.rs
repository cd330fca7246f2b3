//! Foreign key without an index that can find its rows
//!
//! ## Why it matters
//! To delete a referenced row, or to change its key, PostgreSQL looks for rows that still reference it. Without an index on
//! the foreign key that look-up reads the whole referencing table, once for each row, while locks are held.
//!
//! ## How it is decided
//! An index serves when it is valid and the look-up can use it for every column of the key: a B-tree whose first columns
//! are the key's, in any order; a hash index on the one column; any other method but BRIN that has all of them as key
//! columns. Each column's operator family must know the operator the look-up uses, its collation must be the column's, and
//! a predicate may only say that columns of the key are not null. Included columns and expressions do not count.
//! A partitioned table is one foreign key: it is served when its own index, or one of each partition, serves.
//! Partly served (leading columns only, a hole, separate indexes) and BRIN are *info*, as is a key served on every
//! partition but not on the parent. Otherwise *medium*; *low* where the referencing table is small; *high* where it is
//! large and rows are deleted from the referenced table, or are deleted or changed along with them; *info* where the
//! referenced table is small and nothing in it changed during a known window of at least a week.
//!
//! ## What to do
//! Create the index, concurrently. Where the referenced table is a short list that never changes, accept the finding with
//! that reason.
//!
//! ## Limits
//! Updates of the referenced table cannot be told from updates of its key. PostgreSQL 18 can sometimes skip over a leading
//! column; an index that needs that is still reported.

use super::prelude::*;
use crate::catalog::Catalog;
use crate::facts::constraints::Constraint;
use crate::foreign_keys::{Service, serve};
use crate::window::DAY;
use std::collections::HashSet;

/// A foreign key that no index can find the rows of.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "foreign-key-without-index",
        category: Category::Indexes,
        severity: Severity::Medium,
        source: include_str!("foreign_key_without_index.rs"),
    },
    params: &[&LARGE_TABLE, &SMALL_PARENT, &QUIET],
    run: Run::Database(run),
};

static LARGE_TABLE: Param = Param {
    name: "large_table_rows",
    doc: "a referencing table is large from so many rows on; the checklist's own figure for a table worth an index",
    default: 10_000.0,
    unit: Unit::Rows,
};

static SMALL_PARENT: Param = Param {
    name: "small_parent_rows",
    doc: "a referenced table is a short list up to so many rows",
    default: 1000.0,
    unit: Unit::Rows,
};

static QUIET: Param = Param {
    name: "quiet_seconds",
    doc: "how long nothing must have changed in a short list before its foreign keys are only info",
    default: 7.0 * DAY,
    unit: Unit::Seconds,
};

fn run(cx: &DatabaseContext<'_>) -> Result<Verdict, Missing> {
    let constraints = cx.database.constraints.read()?;
    cx.database.indexes.read()?;
    cx.database.columns.read()?;
    cx.database.key_operators.read()?;
    cx.database.inheritance.read()?;
    let mut verdict = Verdict::default();
    for constraint in constraints {
        // copies made for partitions say nothing of their own, and a key that is not enforced looks nothing up
        if constraint.r#type != 'f' || constraint.parent_oid != 0 || !constraint.is_enforced {
            continue;
        }
        let Some(table) = cx.catalog.table(constraint.table_oid).filter(|table| !table.owned_by_extension) else {
            continue;
        };
        verdict.examine();
        match judge(cx, constraint, table) {
            Ok(Some(finding)) => verdict.find(finding),
            Ok(None) => {}
            Err(missing) => verdict.cannot_tell(cx.catalog.constraint_subject(constraint), missing),
        }
    }
    Ok(verdict)
}

fn judge(
    cx: &DatabaseContext<'_>,
    key: &Constraint,
    table: &crate::facts::tables::Table,
) -> Result<Option<Finding>, Missing> {
    let names = cx.catalog.column_names(key.table_oid, key.columns.as_deref().unwrap_or_default());
    let service = |oid: u32| serve(cx.catalog, oid, &names, key.equality_operators.as_deref().unwrap_or_default());
    let own = service(key.table_oid);
    let (best, bare): (Service, Vec<u32>) = if table.kind == 'p' {
        let leaves = cx.catalog.leaves(key.table_oid);
        let leaves: Vec<u32> = leaves.into_iter().filter(|leaf| *leaf != key.table_oid).collect();
        if own == Service::Full && leaves.iter().all(|leaf| service(*leaf) == Service::Full) {
            return Ok(None);
        }
        let (mut worst, mut bare) = (Service::Full, Vec::new());
        for leaf in &leaves {
            let served = service(*leaf);
            if served != Service::Full {
                bare.push(*leaf);
            }
            if served.rank() > worst.rank() {
                worst = served;
            }
        }
        if leaves.is_empty() { (own, bare) } else { (worst, bare) }
    } else {
        (own, Vec::new())
    };

    let finding = |message: String| {
        let finding =
            Finding::new(&CHECK.meta, cx.catalog.constraint_subject(key).with_columns(names.clone()), message);
        let finding = match cx.catalog.table(key.referenced_table_oid) {
            Some(parent) => finding.text("references", format!("{}.{}", parent.schema, parent.name)),
            None => finding,
        };
        match cx.catalog.rows(key.table_oid) {
            Some(rows) => finding.number("rows", rows, Unit::Rows).count(
                "table_size",
                cx.bytes(cx.catalog.pages(key.table_oid)),
                Unit::Bytes,
            ),
            None => finding,
        }
        .text("on_delete", action(key.on_delete))
    };
    let label = format!("{}.{} ({})", table.schema, table.name, names.join(", "));
    Ok(match best {
        Service::Full if table.kind == 'p' => Some(
            finding(format!("foreign key on {label} is indexed on every partition but not on the parent"))
                .severity(Severity::Info)
                .advice("new partitions will not have the index; create it on the parent too"),
        ),
        Service::Full => None,
        Service::Unknown(missing) => return Err(missing),
        Service::Partly(index) => Some(
            finding(format!("foreign key on {label} is only partly served by index {index}"))
                .severity(Severity::Info)
                .fix(
                    "an index on all columns of the key finds the rows at once",
                    create(cx, key, table, &names, &bare),
                    lock(table),
                ),
        ),
        Service::Brin(index) => Some(
            finding(format!("foreign key on {label} is served by BRIN index {index} only"))
                .severity(Severity::Info)
                .fix(
                    "a B-tree finds single rows, a BRIN reads ranges of pages",
                    create(cx, key, table, &names, &bare),
                    lock(table),
                ),
        ),
        Service::None => {
            let (severity, why) = severity(cx, key)?;
            let message = match bare.len() {
                0 => format!("foreign key on {label} has no index"),
                n => {
                    let leaves = cx.catalog.leaves(key.table_oid).len();
                    format!("foreign key on {label} has no index on {n} of {leaves} partitions")
                }
            };
            Some(finding(message).severity(severity).text("because", why).fix(
                "create the index; writes go on while it is built",
                create(cx, key, table, &names, &bare),
                lock(table),
            ))
        }
    })
}

/// The severity of a foreign key without an index, and why it is that.
fn severity(cx: &DatabaseContext<'_>, key: &Constraint) -> Result<(Severity, String), Missing> {
    let child = cx.catalog.rows(key.table_oid);
    let large = child.is_some_and(|rows| rows >= cx.param(&CHECK.meta, &LARGE_TABLE));
    let changes = cx.catalog.changes(key.referenced_table_oid);
    let (deletes, updates) = (changes.map(|changes| changes.deletes), changes.map(|changes| changes.updates));
    let along = |action: char| matches!(action, 'c' | 'n' | 'd');
    if large && deletes.is_some_and(|deletes| deletes > 0) {
        return Ok((Severity::High, "the table is large and rows are deleted from the referenced one".into()));
    }
    if large && (along(key.on_delete) || along(key.on_update)) {
        return Ok((Severity::High, "the table is large and its rows follow the referenced one".into()));
    }
    let short =
        cx.catalog.rows(key.referenced_table_oid).is_some_and(|rows| rows <= cx.param(&CHECK.meta, &SMALL_PARENT));
    // tables that were empty all the time are pre-production: nothing has been seen of them yet
    let seen = cx.catalog.rows(key.referenced_table_oid).is_some_and(|rows| rows > 0.0);
    let quiet = deletes == Some(0) && updates == Some(0);
    if short && seen && quiet {
        let span = cx.span()?;
        if span.at_least >= cx.param(&CHECK.meta, &QUIET) {
            return Ok((
                Severity::Info,
                format!("the referenced table is a short list without changes for {}", span.describe()),
            ));
        }
    }
    Ok(match child {
        Some(_) if !large => (Severity::Low, "the table is small".into()),
        Some(_) => (Severity::Medium, "the table is large".into()),
        None => (Severity::Medium, "nobody has counted the table's rows".into()),
    })
}

fn action(code: char) -> &'static str {
    match code {
        'a' => "no action",
        'r' => "restrict",
        'c' => "cascade",
        'n' => "set null",
        'd' => "set default",
        _ => "unknown",
    }
}

/// A build that is not concurrent is needed for the empty index of a partitioned table alone.
fn lock(table: &crate::facts::tables::Table) -> Option<LockMode> {
    Some(if table.kind == 'p' { LockMode::Share } else { LockMode::ShareUpdateExclusive })
}

/// The statements that create what is missing. For a partitioned table: the index on the parent alone, which takes no
/// time, then one on each partition concurrently, attached; where some partitions have one already, only the missing ones.
fn create(
    cx: &DatabaseContext<'_>,
    key: &Constraint,
    table: &crate::facts::tables::Table,
    names: &[String],
    bare: &[u32],
) -> String {
    let columns = names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ");
    let concurrently = |table: &crate::facts::tables::Table| {
        format!("create index concurrently on {} ({columns});", qualified(&table.schema, &table.name))
    };
    if table.kind != 'p' {
        return concurrently(table);
    }
    let leaves = cx.catalog.leaves(key.table_oid);
    if bare.len() < leaves.len() {
        return bare.iter().filter_map(|leaf| cx.catalog.table(*leaf)).map(concurrently).collect::<Vec<_>>().join("\n");
    }
    let mut names_taken = HashSet::new();
    let mut statements = Vec::new();
    tree(cx.catalog, table, names, &columns, &mut names_taken, &mut statements);
    statements.join("\n")
}

/// The index of a partitioned table from the top: parents first and empty, then each leaf, attached as it is made.
fn tree(
    catalog: &Catalog<'_>,
    table: &crate::facts::tables::Table,
    names: &[String],
    columns: &str,
    taken: &mut HashSet<String>,
    statements: &mut Vec<String>,
) -> String {
    let name = index_name(catalog, table, names, taken);
    let target = qualified(&table.schema, &table.name);
    if table.kind != 'p' {
        statements.push(format!("create index concurrently {} on {target} ({columns});", quote(&name)));
        return qualified(&table.schema, &name);
    }
    statements.push(format!("create index {} on only {target} ({columns});", quote(&name)));
    for child in catalog.children(table.oid).iter().filter_map(|child| catalog.table(*child)) {
        // a foreign table cannot have an index
        if child.kind != 'f' {
            let attached = tree(catalog, child, names, columns, taken, statements);
            statements.push(format!("alter index {} attach partition {attached};", qualified(&table.schema, &name)));
        }
    }
    qualified(&table.schema, &name)
}

/// `table_columns_idx`, cut to 63 bytes, numbered where it is taken.
fn index_name(
    catalog: &Catalog<'_>,
    table: &crate::facts::tables::Table,
    names: &[String],
    taken: &mut HashSet<String>,
) -> String {
    let stem = format!("{}_{}", table.name, names.join("_"));
    for number in 0.. {
        let suffix = if number == 0 { "_idx".to_owned() } else { format!("_idx{number}") };
        let mut end = stem.len().min(63 - suffix.len());
        while !stem.is_char_boundary(end) {
            end -= 1;
        }
        let name = format!("{}{suffix}", &stem[..end]);
        let exists = catalog.has_relation(&table.schema, &name);
        if !exists && taken.insert(format!("{}.{name}", table.schema)) {
            return name;
        }
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::index_expressions::IndexExpression;
    use crate::testing::{Lab, rows};

    fn lab() -> (Lab, u32, u32) {
        let mut lab = Lab::new();
        let parent = lab.table("customers", &["id", "region"], 50_000.0);
        let child = lab.table("orders", &["id", "customer", "region", "note"], 500_000.0);
        (lab, parent, child)
    }

    fn with(columns: &[i16], change: impl FnOnce(&mut Lab, u32)) -> Vec<String> {
        let (mut lab, parent, child) = lab();
        lab.foreign_key("fk", (child, &[2]), (parent, &[1]));
        let index = lab.index(child, "i", columns);
        change(&mut lab, index);
        lab.found(&CHECK)
    }

    const MISSING: [&str; 1] = ["medium shop/public/orders/fk"];
    const NOTHING: [&str; 0] = [];

    #[test]
    fn single_column_keys() {
        assert_eq!(with(&[2], |_, _| {}), NOTHING);
        assert_eq!(with(&[2, 4], |_, _| {}), NOTHING);
        assert_eq!(with(&[4, 2], |_, _| {}), MISSING);
        assert_eq!(with(&[4], |_, _| {}), MISSING);
        assert_eq!(with(&[0], |_, _| {}), MISSING, "an expression");
        assert_eq!(with(&[2], |lab, index| lab.index_row(index).is_valid = false), MISSING);
        assert_eq!(with(&[4, 2], |lab, index| lab.index_row(index).key_count = 1), MISSING, "included only");
        assert_eq!(with(&[2], |lab, index| lab.index_row(index).collations = vec![950]), MISSING);
        assert_eq!(with(&[2], |lab, index| lab.index_row(index).operator_families = vec![1988]), MISSING);
        assert_eq!(with(&[2], |lab, index| lab.index_row(index).method = "hash".into()), NOTHING);
        assert_eq!(with(&[4, 2], |lab, index| lab.index_row(index).method = "gist".into()), NOTHING);
        let brin = with(&[2], |lab, index| lab.index_row(index).method = "brin".into());
        assert_eq!(brin, ["info shop/public/orders/fk"]);
    }

    #[test]
    fn predicates_that_the_look_up_implies() {
        let partial = |predicate: &'static str| {
            with(&[2], move |lab, index| {
                lab.index_row(index).has_predicate = true;
                rows(&mut lab.db().index_expressions).push(IndexExpression {
                    oid: index,
                    expressions: None,
                    predicate: Some(predicate.into()),
                });
            })
        };
        assert_eq!(partial("(customer IS NOT NULL)"), NOTHING);
        assert_eq!(partial("((customer IS NOT NULL) AND (customer IS NOT NULL))"), NOTHING);
        assert_eq!(partial("(note IS NOT NULL)"), MISSING);
        assert_eq!(partial("((customer IS NOT NULL) OR (note IS NULL))"), MISSING);
        assert_eq!(partial("(customer > 100)"), MISSING);
    }

    #[test]
    fn a_predicate_that_could_not_be_read_is_not_judged() {
        let (mut lab, parent, child) = lab();
        lab.foreign_key("fk", (child, &[2]), (parent, &[1]));
        let index = lab.index(child, "i", &[2]);
        lab.index_row(index).has_predicate = true;
        rows(&mut lab.db().locked_relations).push(crate::facts::locked_relations::LockedRelation { oid: child });
        let verdict = lab.run(&CHECK).unwrap();
        assert!(verdict.findings.is_empty());
        assert_eq!(verdict.unjudged[0].reason.reason, Reason::Locked);
    }

    #[test]
    fn keys_of_several_columns() {
        let with = |columns: &[i16]| {
            let (mut lab, parent, child) = lab();
            lab.foreign_key("fk", (child, &[2, 3]), (parent, &[1, 2]));
            lab.index(child, "i", columns);
            lab.found(&CHECK)
        };
        assert_eq!(with(&[2, 3]), NOTHING);
        assert_eq!(with(&[3, 2]), NOTHING, "any order");
        assert_eq!(with(&[2, 4, 3]), ["info shop/public/orders/fk"], "a hole");
        assert_eq!(with(&[3]), ["info shop/public/orders/fk"]);
        assert_eq!(with(&[4, 2, 3]), MISSING);
    }

    #[test]
    fn severity_follows_size_action_and_change() {
        let with = |change: &dyn Fn(&mut Lab, u32, u32, u32)| {
            let (mut lab, parent, child) = lab();
            let key = lab.foreign_key("fk", (child, &[2]), (parent, &[1]));
            change(&mut lab, parent, child, key);
            lab.found(&CHECK)
        };
        assert_eq!(with(&|lab, parent, _, _| lab.stats_row(parent).deletes = 5), ["high shop/public/orders/fk"]);
        assert_eq!(with(&|lab, _, _, key| lab.constraint_row(key).on_delete = 'c'), ["high shop/public/orders/fk"]);
        let small = |lab: &mut Lab, child: u32| {
            lab.table_row(child).row_estimate = 10.0;
            lab.stats_row(child).live_rows = 10;
        };
        assert_eq!(with(&|lab, _, child, _| small(lab, child)), ["low shop/public/orders/fk"]);
        let list = |lab: &mut Lab, parent: u32| {
            lab.table_row(parent).row_estimate = 20.0;
            lab.stats_row(parent).live_rows = 20;
        };
        assert_eq!(with(&|lab, parent, _, _| list(lab, parent)), ["info shop/public/orders/fk"]);
        let changing = |lab: &mut Lab, parent: u32| {
            list(lab, parent);
            lab.stats_row(parent).updates = 1;
        };
        assert_eq!(with(&|lab, parent, _, _| changing(lab, parent)), MISSING);
    }

    #[test]
    fn not_enforced_keys_and_copies_are_not_judged() {
        let (mut lab, parent, child) = lab();
        let key = lab.foreign_key("fk", (child, &[2]), (parent, &[1]));
        lab.constraint_row(key).is_enforced = false;
        let copy = lab.foreign_key("copy", (child, &[2]), (parent, &[1]));
        lab.constraint_row(copy).parent_oid = key;
        assert_eq!(lab.run(&CHECK).unwrap().examined, 0);
    }

    #[test]
    fn partitioned_tables_are_one_key() {
        let with = |leaf_indexes: usize, parent_index: bool| {
            let (mut lab, parent, child) = lab();
            lab.table_row(child).kind = 'p';
            lab.foreign_key("fk", (child, &[2]), (parent, &[1]));
            if parent_index {
                lab.index(child, "i", &[2]);
            }
            for number in 0..3 {
                let leaf = lab.table(&format!("orders_{number}"), &["customer", "id"], 100_000.0);
                rows(&mut lab.db().inheritance)
                    .push(crate::facts::inheritance::Inheritance { child_oid: leaf, parent_oid: child });
                if number < leaf_indexes {
                    lab.index(leaf, &format!("i_{number}"), &[1]);
                }
            }
            lab
        };
        assert_eq!(with(3, true).found(&CHECK), NOTHING);
        assert_eq!(with(3, false).found(&CHECK), ["info shop/public/orders/fk"]);
        let verdict = with(2, false).run(&CHECK).unwrap();
        assert_eq!(
            verdict.findings[0].message,
            "foreign key on public.orders (customer) has no index on 1 of 3 partitions"
        );
        let sql = |lab: Lab| lab.run(&CHECK).unwrap().findings.remove(0).hint.unwrap().sql.unwrap();
        assert_eq!(sql(with(2, false)), "create index concurrently on public.orders_2 (customer);");
        assert_eq!(
            sql(with(0, false)).lines().take(3).collect::<Vec<_>>(),
            [
                "create index orders_customer_idx on only public.orders (customer);",
                "create index concurrently orders_0_customer_idx on public.orders_0 (customer);",
                "alter index public.orders_customer_idx attach partition public.orders_0_customer_idx;",
            ]
        );
    }

    #[test]
    fn without_the_facts_there_is_no_verdict() {
        let mut lab = Lab::new();
        lab.db().constraints = Default::default();
        assert!(lab.run(&CHECK).is_err());
    }
}
