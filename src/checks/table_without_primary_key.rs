//! Table without a primary key
//!
//! ## Why it matters
//! Nothing names one row of it: duplicates cannot be told apart or deleted singly, other tables cannot reference it, and
//! logical replication refuses its updates and deletes.
//!
//! ## How it is decided
//! Every ordinary and partitioned table without a primary key is found; partitions are their parent's finding. A unique
//! index over columns that are not null serves when the table names it as its replica identity; otherwise it is told.
//! *Low*; *medium* where a logical replication slot exists for the database and the table has no other replica identity:
//! once published, its updates and deletes fail.
//!
//! ## What to do
//! Make the unique index the primary key, or add a column that is one. An index in another order, collation or operator
//! class than the type's own cannot become one: add the key beside it.
//!
//! ## Limits
//! Publications are not read: a slot says that something is replicated, not that this table is. Unlogged tables are never
//! published, so they stay *low*. Logs and staging tables may need no key: accept the finding with that reason.

use super::prelude::*;
use crate::facts::indexes::Index;
use crate::facts::tables::Table;
use crate::indexes::is_sound;

/// A table none of whose rows has a name.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "table-without-primary-key",
        category: Category::Tables,
        severity: Severity::Low,
        source: include_str!("table_without_primary_key.rs"),
    },
    params: &[],
    run: Run::Database(run),
};

fn run(cx: &DatabaseContext<'_>) -> Result<Verdict, Missing> {
    let tables = cx.database.tables.read()?;
    cx.database.constraints.read()?;
    cx.database.indexes.read()?;
    cx.database.columns.read()?;
    cx.database.inheritance.read()?;
    let slots = cx.server.snapshot.server.replication_slots.ok();
    let slot = slots.and_then(|slots| {
        slots.iter().find(|slot| slot.r#type == "logical" && slot.database.as_deref() == Some(cx.name()))
    });
    let mut verdict = Verdict::default();
    for table in tables.iter().filter(|table| matches!(table.kind, 'r' | 'p')) {
        if table.owned_by_extension || table.is_partition {
            continue;
        }
        verdict.examine();
        if cx.catalog.constraints(table.oid).iter().any(|key| key.r#type == 'p') {
            continue;
        }
        let unique: Vec<&Index> =
            cx.catalog.indexes(table.oid).iter().copied().filter(|index| names_rows(cx, index)).collect();
        if table.replica_identity == 'i' && unique.iter().any(|index| index.is_replica_identity) {
            continue;
        }
        verdict.find(finding(cx, table, &unique, slot.map(|slot| slot.name.as_str())));
    }
    Ok(verdict)
}

/// Whether an index gives every row a name: unique, of all rows, over columns that are never null.
fn names_rows(cx: &DatabaseContext<'_>, index: &Index) -> bool {
    let keys = index.columns.iter().take(usize::try_from(index.key_count).unwrap_or(0));
    let never_null = |column: &i16| cx.catalog.column(index.table_oid, *column).is_some_and(|column| column.not_null);
    index.is_unique && is_sound(index) && !index.has_predicate && !index.has_expressions && keys.clone().all(never_null)
}

fn finding(cx: &DatabaseContext<'_>, table: &Table, unique: &[&Index], slot: Option<&str>) -> Finding {
    let target = qualified(&table.schema, &table.name);
    let message = format!("table {}.{} has no primary key", table.schema, table.name);
    let mut finding = Finding::new(&CHECK.meta, cx.catalog.table_subject(table), message);
    if let Some(rows) = cx.catalog.rows(table.oid) {
        finding = finding.number("rows", rows, Unit::Rows);
    }
    // with all columns as identity, updates and deletes replicate, slowly
    if let Some(slot) = slot.filter(|_| table.persistence == 'p' && table.replica_identity != 'f') {
        finding = finding.severity(Severity::Medium).text("logical_slot", slot.to_owned());
    }
    if let Some(index) = unique.first() {
        finding = finding.text("unique_index", index.name.clone());
    }
    // a key is not inherited: each table of a family needs its own, and names in one may collide with those in another
    let has_family = cx.catalog.parent(table.oid).is_some() || !cx.catalog.children(table.oid).is_empty();
    if has_family && table.kind != 'p' {
        return finding.advice(
            "a primary key is not inherited and does not reach the children: give each table of the family a key of its own, \
             or make it a partitioned table",
        );
    }
    // one that stands behind a constraint cannot become another constraint, nor one that sorts otherwise, nor one of a
    // partitioned table
    let promotable = unique.iter().find(|index| {
        cx.catalog.constraint_of(index.oid).is_none()
            && index.kind == 'i'
            && index.method == "btree"
            && index.options.iter().all(|option| *option == 0)
            && index.has_default_classes
            && index.class_parameters.is_none()
            && index.columns.iter().zip(&index.collations).all(|(column, collation)| {
                cx.catalog.column(table.oid, *column).is_some_and(|column| column.collation_oid == *collation)
            })
            && !index.nulls_not_distinct
    });
    if let Some(index) = promotable {
        return finding.fix(
            "make its unique index the primary key; the lock is held for a moment",
            format!("alter table {target} add primary key using index {};", quote(&index.name)),
            Some(LockMode::AccessExclusive),
        );
    }
    if let Some(index) = unique.first() {
        let columns = cx
            .catalog
            .column_names(table.oid, &index.columns[..index.columns.len().min(index.key_count.max(0) as usize)]);
        return finding.advice(format!(
            "({}) is unique and not null already: add a primary key on it, which builds an index of its own, and drop the \
             other one where nothing relies on it",
            columns.join(", ")
        ));
    }
    if table.is_typed {
        return finding.advice(
            "its type says what columns it has: make those that name its rows the primary key, or add an attribute to the \
             type first",
        );
    }
    if table.kind == 'p' {
        return finding.advice("add a primary key; it must contain the columns the table is partitioned by");
    }
    let column = (0..)
        .map(|number| if number == 0 { "id".to_owned() } else { format!("id{number}") })
        .find(|name| cx.catalog.columns(table.oid).iter().all(|column| &column.name != name))
        .unwrap_or_default();
    finding.fix(
        "where columns name its rows already, make them the primary key; else add a column, which rewrites the table while \
         reads and writes wait",
        format!(
            "alter table {target} add column {} bigint generated always as identity primary key;",
            quote(&column)
        ),
        Some(LockMode::AccessExclusive),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::constraints::Constraint;
    use crate::facts::inheritance::Inheritance;
    use crate::facts::replication_slots::ReplicationSlot;
    use crate::testing::{Lab, rows};

    const NOTHING: [&str; 0] = [];
    const LOW: [&str; 1] = ["low shop/public/orders"];

    fn with(change: impl FnOnce(&mut Lab, u32)) -> Lab {
        let mut lab = Lab::new();
        let table = lab.table("orders", &["id", "note"], 1000.0);
        change(&mut lab, table);
        lab
    }

    fn unique(lab: &mut Lab, table: u32) -> u32 {
        let index = lab.index(table, "u", &[1]);
        lab.index_row(index).is_unique = true;
        rows(&mut lab.db().columns)[0].not_null = true;
        index
    }

    fn slot(lab: &mut Lab, kind: &str, database: &str) {
        rows(&mut lab.snapshot.server.replication_slots).push(ReplicationSlot {
            name: "s".into(),
            r#type: kind.into(),
            database: Some(database.into()),
            ..ReplicationSlot::default()
        });
    }

    fn sql(lab: &Lab) -> Option<String> {
        lab.run(&CHECK).unwrap().findings.remove(0).hint.unwrap().sql
    }

    #[test]
    fn tables_and_partitioned_tables() {
        assert_eq!(with(|_, _| {}).found(&CHECK), LOW);
        assert_eq!(with(|lab, table| lab.table_row(table).kind = 'p').found(&CHECK), LOW);
        assert_eq!(with(|lab, table| lab.table_row(table).kind = 'm').found(&CHECK), NOTHING);
        assert_eq!(with(|lab, table| lab.table_row(table).kind = 'f').found(&CHECK), NOTHING);
        assert_eq!(with(|lab, table| lab.table_row(table).is_partition = true).found(&CHECK), NOTHING);
        assert_eq!(with(|lab, table| lab.table_row(table).owned_by_extension = true).found(&CHECK), NOTHING);
        let key = |lab: &mut Lab, table_oid: u32| {
            let key = Constraint { table_oid, r#type: 'p', ..Constraint::default() };
            rows(&mut lab.db().constraints).push(key);
        };
        assert_eq!(with(key).found(&CHECK), NOTHING);
    }

    #[test]
    fn a_unique_index_serves_as_replica_identity_only() {
        let lab = with(|lab, table| _ = unique(lab, table));
        assert_eq!(lab.found(&CHECK), LOW);
        assert_eq!(sql(&lab).as_deref(), Some("alter table public.orders add primary key using index u;"));
        let identity = |lab: &mut Lab, table: u32| {
            let index = unique(lab, table);
            lab.index_row(index).is_replica_identity = true;
            lab.table_row(table).replica_identity = 'i';
        };
        assert_eq!(with(identity).found(&CHECK), NOTHING);
        let nullable = with(|lab, table| {
            unique(lab, table);
            rows(&mut lab.db().columns)[0].not_null = false;
        });
        assert_eq!(
            sql(&nullable).as_deref(),
            Some("alter table public.orders add column id1 bigint generated always as identity primary key;")
        );
    }

    #[test]
    fn what_no_statement_can_do_is_advice() {
        assert_eq!(sql(&with(|lab, table| lab.table_row(table).is_typed = true)), None);
        let class = |lab: &mut Lab, table: u32| {
            let index = unique(lab, table);
            lab.index_row(index).has_default_classes = false;
        };
        assert_eq!(sql(&with(class)), None);
        let sorted = |lab: &mut Lab, table: u32| {
            let index = unique(lab, table);
            lab.index_row(index).options = vec![3];
        };
        assert_eq!(sql(&with(sorted)), None);
        let family = |lab: &mut Lab, table: u32| {
            let child_oid = lab.table("orders_old", &["id"], 10.0);
            rows(&mut lab.db().inheritance).push(Inheritance { child_oid, parent_oid: table });
        };
        let lab = with(family);
        let findings = lab.run(&CHECK).unwrap().findings;
        assert_eq!(findings.len(), 2);
        assert!(findings.iter().all(|finding| finding.hint.as_ref().unwrap().sql.is_none()), "parent and child");
    }

    #[test]
    fn logical_replication_makes_it_worse() {
        let medium = ["medium shop/public/orders"];
        assert_eq!(with(|lab, _| slot(lab, "logical", "shop")).found(&CHECK), medium);
        assert_eq!(with(|lab, _| slot(lab, "logical", "other")).found(&CHECK), LOW);
        assert_eq!(with(|lab, _| slot(lab, "physical", "shop")).found(&CHECK), LOW);
        let full = |lab: &mut Lab, table: u32| {
            slot(lab, "logical", "shop");
            lab.table_row(table).replica_identity = 'f';
        };
        assert_eq!(with(full).found(&CHECK), LOW);
        let unlogged = |lab: &mut Lab, table: u32| {
            slot(lab, "logical", "shop");
            lab.table_row(table).persistence = 'u';
        };
        assert_eq!(with(unlogged).found(&CHECK), LOW);
    }
}
