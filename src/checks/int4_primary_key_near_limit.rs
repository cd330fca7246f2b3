//! Narrow primary key whose values are running out
//!
//! ## Why it matters
//! A key of type `integer` ends at 2,147,483,647, one of type `smallint` at 32,767. Where the application chooses the
//! values no sequence tells how far it has come, and one day every insert fails.
//!
//! ## How it is decided
//! For each primary key of one `integer` or `smallint` column that no sequence feeds, the greatest value is read by one
//! probe of its index, and compared with the end of the type. *Medium* from `warn_percent` on, *high* from `fail_percent`
//! on. A partitioned table is one key. A column that is itself a foreign key takes its values from the table it references
//! and is judged there, unless its values were read.
//!
//! ## What to do
//! Widen the column to `bigint` in good time, and before it every column that references it; views and generated columns that
//! use it must be dropped first and made again. A column that a table is partitioned by cannot be widened: make a new table.
//!
//! ## Limits
//! Only the greatest value is looked at, not one that runs to the least. One odd row at the end of the range looks like a
//! range that is used up: look at the values before acting. A key whose default names a sequence by a text,
//! `nextval('s'::text)`, is looked at here, since no sequence is seen to feed it. `numeric` keys are not looked at. Keys of several columns are judged where one was read.

use super::prelude::*;
use super::sequence_near_limit::{FAIL, WARN, WIDEN, range, widen};
use crate::facts::columns::Column;
use crate::facts::key_values::KeyValue;
use crate::facts::tables::Table;
use std::collections::{HashMap, HashSet};

/// A narrow key near the end of its values.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "int4-primary-key-near-limit",
        category: Category::Tables,
        severity: Severity::Medium,
        source: include_str!("int4_primary_key_near_limit.rs"),
    },
    params: &[&WARN, &FAIL],
    run: Run::Database(run),
};

fn run(cx: &DatabaseContext<'_>) -> Result<Verdict, Missing> {
    cx.database.tables.read()?;
    let constraints = cx.database.constraints.read()?;
    let uses = cx.database.sequence_uses.read()?;
    cx.database.columns.read()?;
    cx.database.inheritance.read()?;
    let values = cx.database.key_values.read()?;
    let catalog = cx.catalog;
    let values: HashMap<(u32, i16), &KeyValue> =
        values.iter().map(|value| ((value.table_oid, value.column_number), value)).collect();
    let fed: HashSet<(u32, i16)> = uses.iter().map(|usage| (usage.table_oid, usage.column_number)).collect();
    let foreign: HashSet<(u32, i16)> = constraints
        .iter()
        .filter(|key| key.r#type == 'f')
        .flat_map(|key| key.columns.iter().flatten().map(|column| (key.table_oid, *column)))
        .collect();
    let mut verdict = Verdict::default();
    for key in constraints.iter().filter(|key| key.r#type == 'p') {
        let Some(table) = catalog.table(key.table_oid) else { continue };
        if table.owned_by_extension || is_copy(cx, table) {
            continue;
        }
        let numbers = key.columns.as_deref().unwrap_or_default();
        for number in numbers {
            let Some(column) = catalog.column(table.oid, *number) else { continue };
            let Some((_, end)) = range(column.base_type_oid).filter(|_| column.base_type_oid != 20) else { continue };
            let parts = parts(cx, table, column);
            if parts.iter().any(|part| fed.contains(part)) {
                continue;
            }
            let is_read = parts.iter().any(|part| values.contains_key(part));
            if !is_read && (numbers.len() > 1 || foreign.contains(&(table.oid, *number))) {
                continue;
            }
            let subject = Subject::of_table(SubjectKind::Column, cx.name(), &table.schema, &table.name, &column.name);
            match greatest(cx, table, &parts, &values) {
                Ok(greatest) => {
                    verdict.examine();
                    verdict.findings.extend(greatest.and_then(|value| judge(cx, subject, table, column, value, end)));
                }
                Err(missing) => verdict.cannot_tell(subject, missing),
            }
        }
    }
    Ok(verdict)
}

/// Whether a table is a partition of one whose primary key is judged for all of them.
fn is_copy(cx: &DatabaseContext<'_>, table: &Table) -> bool {
    let parent = cx.catalog.parent(table.oid).filter(|_| table.is_partition);
    parent.is_some_and(|parent| cx.catalog.constraints(parent).iter().any(|key| key.r#type == 'p'))
}

/// A column of a table and the same one of all its partitions, by name: they may be numbered differently.
fn parts(cx: &DatabaseContext<'_>, table: &Table, column: &Column) -> Vec<(u32, i16)> {
    let mut parts = vec![(table.oid, column.number)];
    for leaf in cx.catalog.leaves(table.oid).into_iter().filter(|leaf| table.kind == 'p' && *leaf != table.oid) {
        let same = cx.catalog.columns(leaf).iter().find(|own| own.name == column.name);
        parts.extend(same.map(|own| (leaf, own.number)));
    }
    parts
}

/// The greatest value of a key: read for the table itself, or for each of its partitions.
fn greatest(
    cx: &DatabaseContext<'_>,
    table: &Table,
    parts: &[(u32, i16)],
    values: &HashMap<(u32, i16), &KeyValue>,
) -> Result<Option<i64>, Missing> {
    if let Some(value) = parts.first().and_then(|own| values.get(own)) {
        return value.greatest.clone();
    }
    let leaves = if table.kind == 'p' { parts.get(1..).unwrap_or_default() } else { parts };
    let mut greatest = None;
    for part in leaves {
        let value = match values.get(part) {
            Some(value) => value.greatest.clone()?,
            // a table that was counted and has no rows has no values
            None if cx.catalog.rows(part.0) == Some(0.0) => None,
            None => {
                return Err(Missing::new(
                    "key_values",
                    Reason::Budget,
                    "the greatest value of the key was not read within the budget",
                )
                .unlocked_by("a larger --measure-budget"));
            }
        };
        greatest = greatest.max(value);
    }
    Ok(greatest)
}

fn judge(
    cx: &DatabaseContext<'_>,
    subject: Subject,
    table: &Table,
    column: &Column,
    value: i64,
    end: i64,
) -> Option<Finding> {
    let percent = value as f64 / end as f64 * 100.0;
    let (warn, fail) = (cx.param(&CHECK.meta, &WARN), cx.param(&CHECK.meta, &FAIL));
    let (severity, threshold) = match percent {
        percent if percent >= fail => (Severity::High, fail),
        percent if percent >= warn => (Severity::Medium, warn),
        _ => return None,
    };
    let message = format!(
        "primary key {} of {}.{} has come to {} of what {} can hold",
        column.name,
        table.schema,
        table.name,
        humane(percent, &Unit::Percent),
        column.r#type
    );
    let finding = Finding::new(&CHECK.meta, subject, message)
        .severity(severity)
        .number("used", percent, Unit::Percent)
        .number("threshold", threshold, Unit::Percent)
        .count("greatest_value", value, Unit::Count)
        .count("limit", end, Unit::Count);
    Some(match widen(cx, table, column) {
        Ok(sql) => finding.fix(WIDEN, sql, Some(LockMode::AccessExclusive)),
        Err(text) => finding.advice(text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::constraints::Constraint;
    use crate::facts::inheritance::Inheritance;
    use crate::facts::sequence_uses::SequenceUse;
    use crate::testing::{INT8, Lab, rows};

    const NOTHING: [&str; 0] = [];

    fn key(lab: &mut Lab, table_oid: u32, columns: &[i16]) {
        rows(&mut lab.db().constraints).push(Constraint {
            oid: table_oid + 5000,
            table_oid,
            name: "pkey".into(),
            r#type: 'p',
            columns: Some(columns.to_vec()),
            ..Constraint::default()
        });
    }

    fn value(lab: &mut Lab, table_oid: u32, column_number: i16, greatest: Result<Option<i64>, Missing>) {
        rows(&mut lab.db().key_values).push(KeyValue { table_oid, column_number, greatest });
    }

    fn lab() -> (Lab, u32) {
        let mut lab = Lab::new();
        let table = lab.table("orders", &["id", "line"], 1000.0);
        key(&mut lab, table, &[1]);
        (lab, table)
    }

    fn with(greatest: i64) -> Vec<String> {
        let (mut lab, table) = lab();
        value(&mut lab, table, 1, Ok(Some(greatest)));
        lab.found(&CHECK)
    }

    #[test]
    fn the_end_of_the_type() {
        assert_eq!(with(1_000_000_000), NOTHING);
        assert_eq!(with(1_700_000_000), ["medium shop/public/orders/id"]);
        assert_eq!(with(2_000_000_000), ["high shop/public/orders/id"]);
        assert_eq!(with(-2_000_000_000), NOTHING);
    }

    #[test]
    fn what_was_not_read_is_not_judged_unless_empty() {
        let (mut lab, table) = lab();
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.unjudged.len(), verdict.examined), (1, 0));
        assert_eq!(verdict.unjudged[0].reason.reason, Reason::Budget);
        lab.table_row(table).row_estimate = 0.0;
        lab.stats_row(table).live_rows = 0;
        assert_eq!(lab.run(&CHECK).unwrap().examined, 1);
        value(&mut lab, table, 1, Err(Missing::new("key_values", Reason::Privilege, "no select")));
        assert_eq!(lab.run(&CHECK).unwrap().unjudged[0].reason.reason, Reason::Privilege);
    }

    #[test]
    fn other_keys_are_not_looked_at() {
        let none = |change: &dyn Fn(&mut Lab, u32)| {
            let (mut lab, table) = lab();
            change(&mut lab, table);
            let verdict = lab.run(&CHECK).unwrap();
            (verdict.examined, verdict.unjudged.len())
        };
        assert_eq!(none(&|lab, _| rows(&mut lab.db().columns)[0].base_type_oid = INT8), (0, 0));
        let fed = |lab: &mut Lab, table_oid: u32| {
            rows(&mut lab.db().sequence_uses).push(SequenceUse { sequence_oid: 1, table_oid, column_number: 1 });
        };
        assert_eq!(none(&fed), (0, 0));
        let foreign = |lab: &mut Lab, table: u32| {
            let parent = lab.table("customers", &["id"], 10.0);
            lab.foreign_key("fk", (table, &[1]), (parent, &[1]));
        };
        assert_eq!(none(&foreign), (0, 0));
    }

    #[test]
    fn a_partitioned_table_is_one_key() {
        let mut lab = Lab::new();
        let parent = lab.table("events", &["id"], -1.0);
        lab.table_row(parent).kind = 'p';
        key(&mut lab, parent, &[1]);
        for number in 0..2 {
            let leaf = lab.table(&format!("events_{number}"), &["note", "id"], 10.0);
            lab.table_row(leaf).is_partition = true;
            key(&mut lab, leaf, &[2]);
            rows(&mut lab.db().inheritance).push(Inheritance { child_oid: leaf, parent_oid: parent });
            value(&mut lab, leaf, 2, Ok(Some(1_050_000_000 * (number + 1))));
        }
        assert_eq!(lab.found(&CHECK), ["high shop/public/events/id"]);
        let sql = |lab: &Lab| lab.run(&CHECK).unwrap().findings.remove(0).hint.unwrap().sql;
        assert_eq!(sql(&lab).as_deref(), Some("alter table public.events alter column id type bigint;"));
        rows(&mut lab.db().columns)[0].is_partition_key = true;
        assert_eq!(sql(&lab), None);
        rows(&mut lab.db().key_values).remove(0);
        assert_eq!(lab.run(&CHECK).unwrap().unjudged.len(), 1);
    }
}
