//! Foreign key without an index that can find its rows
//!
//! ## Why it matters
//! To delete a referenced row, or to change its key, PostgreSQL looks for rows that still reference it. Without an index on
//! the foreign key that look-up reads the whole referencing table, once for each row, while locks are held.
//!
//! ## How it is decided
//! An index serves when it is valid and the look-up can use it for every column of the key: a B-tree whose first columns
//! are the key's, in any order; a hash index on the one column; a GiST, SP-GiST or GIN index that has all of them as key
//! columns. Each column's operator family must know the operator the look-up uses, its collation must be the one the
//! look-up compares in (the column's; that of the referenced column where it is not deterministic), and a predicate must
//! follow from columns of the key being not null. Included columns and expressions do not count.
//! A partitioned table is one foreign key: it is served when its own index, or one of each partition, serves.
//! Partly served (leading columns only, a hole, separate indexes) and BRIN are *info*, as is a key served on every
//! partition but not on the parent. Otherwise *medium*; *low* where the referencing table is small; *high* where it is
//! large and rows are deleted from the referenced table, or are deleted or changed along with them; *info* where the
//! referenced table is small and nothing in it changed during a known window of at least a week.
//!
//! ## What to do
//! Create the index, concurrently; where the types of the two columns differ so that no index on the column can serve,
//! change the type first. A key with a `period` wants a GiST index. Where the referenced table is a short list that never changes, accept the finding with
//! that reason.
//!
//! ## Limits
//! Updates of the referenced table cannot be told from updates of its key. PostgreSQL 18 can sometimes skip over a leading
//! column; an index that needs that is still reported, and so is a key served by an index method of an extension. Where the
//! look-up compares a column as another type, only an index on that expression could serve, which is not recognised.

use super::prelude::*;
use crate::catalog::Catalog;
use crate::facts::constraints::Constraint;
use crate::facts::indexes::Index;
use crate::facts::tables::Table;
use crate::foreign_keys::{Lookup, Service, serve, serve_by};
use crate::indexes::is_sound;
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

fn judge(cx: &DatabaseContext<'_>, key: &Constraint, table: &Table) -> Result<Option<Finding>, Missing> {
    let Some(lookup) = Lookup::of(cx.catalog, key) else {
        return Err(Missing::new(
            "columns",
            Reason::Failed,
            "its columns were not read; it may just have been created",
        ));
    };
    let names = lookup.names.clone();
    let service = |oid: u32| serve(cx.catalog, oid, &lookup);
    let own = service(key.table_oid);
    let leaves = storing(cx.catalog, table);
    let (best, bare) = if table.kind == 'p' && !leaves.is_empty() {
        let served: Vec<(u32, Service)> = leaves.iter().map(|leaf| (*leaf, service(*leaf))).collect();
        let bare: Vec<u32> =
            served.iter().filter(|(_, service)| *service == Service::None).map(|(leaf, _)| *leaf).collect();
        let worst = served.into_iter().map(|(_, service)| service).max_by_key(Service::rank).unwrap_or(Service::None);
        if own == Service::Full && worst == Service::Full {
            return Ok(None);
        }
        (worst, bare)
    } else {
        (own.clone(), Vec::new())
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
        Service::Full if table.kind == 'p' && own != Service::Full => Some(
            finding(format!("foreign key on {label} is indexed on every partition but not on the parent"))
                .severity(Severity::Info)
                .advice("new partitions will not have the index; create it on the parent too"),
        ),
        Service::Full => None,
        Service::Unknown(missing) => return Err(missing),
        Service::Partly(index) => {
            let finding = finding(format!("foreign key on {label} is only partly served by index {index}"));
            Some(hint(finding.severity(Severity::Info), cx.catalog, key, table, &lookup))
        }
        Service::Brin(index) => {
            let finding = finding(format!("foreign key on {label} is served by BRIN index {index} only"));
            Some(hint(finding.severity(Severity::Info), cx.catalog, key, table, &lookup))
        }
        Service::None => {
            let (severity, why) = severity(cx, key)?;
            let message = match bare.len() {
                0 => format!("foreign key on {label} has no index"),
                n => format!("foreign key on {label} has no index on {n} of {} partitions", leaves.len()),
            };
            Some(hint(finding(message).severity(severity).text("because", why), cx.catalog, key, table, &lookup))
        }
    })
}

/// The partitions that store rows, at any depth: foreign tables cannot have an index.
fn storing(catalog: &Catalog<'_>, table: &Table) -> Vec<u32> {
    let stores = |leaf: &u32| catalog.table(*leaf).is_some_and(|leaf| leaf.kind == 'r');
    catalog.leaves(table.oid).into_iter().filter(stores).collect()
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

/// The finding with the statements that create what is missing, or with why no index alone can serve.
fn hint(finding: Finding, catalog: &Catalog<'_>, key: &Constraint, table: &Table, lookup: &Lookup) -> Finding {
    let method = if key.is_temporal { "gist" } else { "btree" };
    let unservable = lookup.unservable(catalog, key.table_oid, method);
    if !unservable.is_empty() {
        let columns: Vec<String> =
            unservable.iter().map(|column| format!("{} ({})", column.name, column.r#type)).collect();
        return finding.advice(format!(
            "the look-up compares {} as the type of the referenced column, which an ordinary index on it cannot answer; \
             give it the type of the column it references, then create the index",
            columns.join(", ")
        ));
    }
    if lookup.is_collated_otherwise(catalog, key.table_oid) {
        return finding.advice(
            "the look-up compares in the collation of the referenced column, which an index in the column's own collation \
             cannot answer; create the index with `collate` and that collation",
        );
    }
    let using = if key.is_temporal { "using gist " } else { "" };
    let mut names = lookup.names.clone();
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let columns = names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ");
    let mut script = Script {
        catalog,
        lookup,
        method,
        target: format!("{using}({columns})"),
        names,
        taken: HashSet::new(),
        statements: Vec::new(),
    };
    let concurrently = "create the index; writes go on while it is built";
    if table.kind != 'p' {
        return finding.fix(concurrently, script.alone(table), Some(LockMode::ShareUpdateExclusive));
    }
    let leaves = storing(catalog, table);
    if leaves.is_empty() {
        let sql = format!("create index on {} {};", qualified(&table.schema, &table.name), script.target);
        let text = "create the index; without partitions there is nothing to build, and each new one will have it";
        return finding.fix(text, sql, Some(LockMode::Share));
    }
    let bare: Vec<u32> =
        leaves.iter().copied().filter(|leaf| serve(catalog, *leaf, lookup).rank() > Service::Full.rank()).collect();
    if bare.len() < leaves.len() && script.existing(table).is_none() {
        let statements = bare.iter().filter_map(|leaf| catalog.table(*leaf)).map(|leaf| script.alone(leaf));
        let sql = statements.collect::<Vec<_>>().join("\n");
        return finding.fix(concurrently, sql, Some(LockMode::ShareUpdateExclusive));
    }
    script.tree(table, None);
    finding.fix(
        "create the index on each partition, where writes go on while it is built, and attach it; to attach it locks it, \
         and planning on the partition waits, for a moment: set lock_timeout",
        script.statements.join("\n"),
        Some(LockMode::AccessExclusive),
    )
}

/// The statements that build an index of a partitioned table without stopping writes.
struct Script<'a, 'b> {
    catalog: &'b Catalog<'a>,
    lookup: &'b Lookup,
    method: &'static str,
    /// What follows the table's name.
    target: String,
    names: Vec<String>,
    taken: HashSet<String>,
    statements: Vec<String>,
}

impl<'a> Script<'a, '_> {
    /// An index on one table, without a name of its own.
    fn alone(&self, table: &Table) -> String {
        format!("create index concurrently on {} {};", qualified(&table.schema, &table.name), self.target)
    }

    /// An index of a table that is what the script would create, sound or not.
    fn existing(&self, table: &Table) -> Option<&'a Index> {
        self.catalog.indexes(table.oid).iter().copied().find(|index| self.is_alike(index))
    }

    fn is_alike(&self, index: &Index) -> bool {
        let plain = !index.has_expressions && !index.has_predicate && !index.is_unique && !index.is_exclusion;
        let keys_only = usize::try_from(index.key_count).is_ok_and(|count| count == index.columns.len());
        let numbers = index.options.iter().all(|option| *option == 0) && index.method == self.method;
        plain
            && keys_only
            && numbers
            && self.catalog.column_names(index.table_oid, &index.columns) == self.names
            && matches!(serve_by(self.catalog, index, self.lookup), Service::Full)
    }

    /// The index of a table from the top: parents first and empty, then each leaf, attached as it is made. What exists
    /// is used. Gives the name to attach above; none where it is attached already.
    fn tree(&mut self, table: &Table, above: Option<&Index>) -> Option<String> {
        let catalog = self.catalog;
        let target = qualified(&table.schema, &table.name);
        // one that is attached to another index cannot be attached here
        let usable = |index: &&Index| match catalog.parent(index.oid) {
            Some(parent) => above.is_some_and(|above| above.oid == parent),
            None => true,
        };
        let indexes = catalog.indexes(table.oid).iter().copied();
        let existing = indexes.filter(|index| self.is_alike(index)).filter(usable);
        let existing = existing.max_by_key(|index| (catalog.parent(index.oid).is_some(), is_sound(index)));
        let attached = existing.is_some_and(|index| catalog.parent(index.oid).is_some());
        if table.kind != 'p' {
            return match existing {
                Some(index) if attached && is_sound(index) => None,
                Some(index) => {
                    let name = qualified(&table.schema, &index.name);
                    if !is_sound(index) {
                        self.statements.push(format!("reindex index concurrently {name};"));
                    }
                    Some(name)
                }
                None => {
                    let name = index_name(catalog, table, &self.names, &mut self.taken);
                    let sql = format!("create index concurrently {} on {target} {};", quote(&name), self.target);
                    self.statements.push(sql);
                    Some(qualified(&table.schema, &name))
                }
            };
        }
        let name = match existing {
            Some(index) => index.name.clone(),
            None => {
                let name = index_name(catalog, table, &self.names, &mut self.taken);
                self.statements.push(format!("create index {} on only {target} {};", quote(&name), self.target));
                name
            }
        };
        let name = qualified(&table.schema, &name);
        for child in catalog.children(table.oid).iter().filter_map(|child| catalog.table(*child)) {
            // a foreign table cannot have an index
            if child.kind != 'f'
                && let Some(below) = self.tree(child, existing)
            {
                self.statements.push(format!("alter index {name} attach partition {below};"));
            }
        }
        (!attached).then_some(name)
    }
}

/// `table_columns_idx`, cut to 63 bytes, numbered where it is taken.
fn index_name(catalog: &Catalog<'_>, table: &Table, names: &[String], taken: &mut HashSet<String>) -> String {
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
        assert_eq!(with(&[2], |lab, index| lab.index_row(index).method = "bloom".into()), MISSING);
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
        assert_eq!(partial("((customer IS NOT NULL) OR (note IS NULL))"), NOTHING);
        assert_eq!(partial("(NOT (customer IS NULL))"), NOTHING);
        assert_eq!(partial("(NOT ((customer IS NULL) AND (id > 3)))"), NOTHING);
        assert_eq!(partial("(NOT ((customer IS NULL) OR (note IS NULL)))"), MISSING);
        assert_eq!(partial("((customer IS NOT NULL) AND (note IS NULL))"), MISSING);
        assert_eq!(partial("(NOT (customer IS NOT NULL))"), MISSING);
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
        assert_eq!(with(&[2, 2, 3]), NOTHING, "a column twice");
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
        let hint = |lab: Lab| lab.run(&CHECK).unwrap().findings.remove(0).hint.unwrap();
        let sql = |lab: Lab| hint(lab).sql.unwrap();
        assert_eq!(sql(with(2, false)), "create index concurrently on public.orders_2 (customer);");
        assert_eq!(hint(with(2, false)).lock, Some(LockMode::ShareUpdateExclusive));
        assert_eq!(hint(with(0, false)).lock, Some(LockMode::AccessExclusive));
        assert_eq!(
            sql(with(0, false)).lines().take(3).collect::<Vec<_>>(),
            [
                "create index orders_customer_idx on only public.orders (customer);",
                "create index concurrently orders_0_customer_idx on public.orders_0 (customer);",
                "alter index public.orders_customer_idx attach partition public.orders_0_customer_idx;",
            ]
        );
    }

    /// A partitioned `orders` with so many partitions `orders_0`…, all without an index.
    fn partitioned(partitions: usize) -> (Lab, u32, Vec<u32>) {
        let (mut lab, parent, child) = lab();
        lab.table_row(child).kind = 'p';
        lab.foreign_key("fk", (child, &[2]), (parent, &[1]));
        let leaf = |number: usize| {
            let leaf = lab.table(&format!("orders_{number}"), &["customer", "id"], 100_000.0);
            link(&mut lab, leaf, child);
            leaf
        };
        let leaves = (0..partitions).map(leaf).collect();
        (lab, child, leaves)
    }

    fn link(lab: &mut Lab, below: u32, above: u32) {
        let link = crate::facts::inheritance::Inheritance { child_oid: below, parent_oid: above };
        rows(&mut lab.db().inheritance).push(link);
    }

    fn only(lab: &Lab) -> Finding {
        lab.run(&CHECK).unwrap().findings.remove(0)
    }

    #[test]
    fn a_partitioned_table_that_stores_nothing_gets_an_index_of_its_own() {
        let (mut lab, child, leaves) = partitioned(1);
        lab.table_row(leaves[0]).kind = 'p';
        let hint = only(&lab).hint.unwrap();
        assert_eq!(hint.sql.unwrap(), "create index on public.orders (customer);");
        assert_eq!(hint.lock, Some(LockMode::Share));
        lab.index(child, "i", &[2]);
        assert_eq!(lab.found(&CHECK), NOTHING);
    }

    #[test]
    fn partitions_that_are_partly_served_are_not_counted_as_bare() {
        let (mut lab, _, leaves) = partitioned(3);
        let brin = lab.index(leaves[0], "b", &[1]);
        lab.index_row(brin).method = "brin".into();
        lab.index(leaves[1], "i", &[1]);
        assert_eq!(only(&lab).message, "foreign key on public.orders (customer) has no index on 1 of 3 partitions");
    }

    #[test]
    fn an_index_begun_on_the_parent_is_finished() {
        let (mut lab, child, leaves) = partitioned(4);
        let above = lab.index(child, "i", &[2]);
        lab.index_row(above).kind = 'I';
        lab.index_row(above).is_valid = false;
        let attached = lab.index(leaves[0], "i_0", &[1]);
        link(&mut lab, attached, above);
        lab.index(leaves[1], "i_1", &[1]);
        let broken = lab.index(leaves[2], "i_2", &[1]);
        lab.index_row(broken).is_valid = false;
        assert_eq!(
            only(&lab).hint.unwrap().sql.unwrap().lines().collect::<Vec<_>>(),
            [
                "alter index public.i attach partition public.i_1;",
                "reindex index concurrently public.i_2;",
                "alter index public.i attach partition public.i_2;",
                "create index concurrently orders_3_customer_idx on public.orders_3 (customer);",
                "alter index public.i attach partition public.orders_3_customer_idx;",
            ]
        );
    }

    #[test]
    fn no_index_is_advised_that_could_not_serve() {
        let (mut lab, parent, child) = lab();
        lab.foreign_key("fk", (child, &[2]), (parent, &[1]));
        rows(&mut lab.db().key_operators)[0].default_types = vec![1700];
        let hint = only(&lab).hint.unwrap();
        assert_eq!(hint.sql, None);
        assert!(hint.text.contains("customer (int4)"), "{}", hint.text);
    }

    #[test]
    fn a_key_with_a_period_wants_gist() {
        let (mut lab, parent, child) = lab();
        let key = lab.foreign_key("fk", (child, &[2, 3]), (parent, &[1, 2]));
        lab.constraint_row(key).is_temporal = true;
        rows(&mut lab.db().key_operators)[0].method = "gist".into();
        let hint = only(&lab).hint.unwrap();
        assert_eq!(hint.sql.unwrap(), "create index concurrently on public.orders using gist (customer, region);");
    }

    #[test]
    fn the_look_up_may_compare_in_the_collation_of_the_referenced_column() {
        let (mut lab, parent, child) = lab();
        lab.foreign_key("fk", (child, &[2]), (parent, &[1]));
        let index = lab.index(child, "i", &[2]);
        let column = |lab: &mut Lab, table: u32, number: i16, collation: u32, loose: bool| {
            let columns = rows(&mut lab.db().columns);
            let mut all = columns.iter_mut();
            let column = all.find(|column| column.table_oid == table && column.number == number).unwrap();
            (column.collation_oid, column.is_nondeterministic) = (collation, loose);
        };
        column(&mut lab, child, 2, 100, false);
        lab.index_row(index).collations = vec![100];
        assert_eq!(lab.found(&CHECK), NOTHING);
        column(&mut lab, parent, 1, 16_000, true);
        assert_eq!(lab.found(&CHECK), MISSING);
        assert_eq!(only(&lab).hint.unwrap().sql, None);
        lab.index_row(index).collations = vec![16_000];
        assert_eq!(lab.found(&CHECK), NOTHING);
    }

    #[test]
    fn without_the_facts_there_is_no_verdict() {
        let mut lab = Lab::new();
        lab.db().constraints = Default::default();
        assert!(lab.run(&CHECK).is_err());
    }
}
