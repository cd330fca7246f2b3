//! Table attached as a partition without a proof of its rows
//!
//! ## Why it matters
//! PostgreSQL reads the whole table under AccessExclusiveLock to see that every row belongs into the partition, and
//! the default partition, where there is one, to see that none of its rows does: reads and writes of both wait.
//!
//! ## How it is decided
//! `attach partition` of a table that was there before the script, where no validated check implies the bound; or to
//! a partitioned table whose default partition has no validated check that excludes it.
//!
//! ## What to do
//! Before, in transactions of their own: add a check of the bound to the table `not valid`, with `is not null` of the
//! key, and validate it. For a default partition, a check that excludes the bound. After, drop the checks.
//!
//! ## Limits
//! Which checks PostgreSQL can prove the bound from is its own secret in the end; taken as proof are comparisons of
//! the key with constants, joined with `and`. A trace shows what it did.

use super::prelude::*;
use super::{advice, over_rows};
use crate::sql::quote;

/// A scan to attach.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "partition-attached-with-scan",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("partition_attached_with_scan.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    m.actions().filter_map(|(number, action)| attached(m, number, action)).collect()
}

fn attached(m: &Moment<'_>, number: usize, action: &ActionKind) -> Option<Finding> {
    let ActionKind::AttachPartition { partition, bound } = action else { return None };
    let works = over_rows::of_action(m, &m.effects.scans, number);
    let first = works.first()?;
    let parent = m.altered()?;
    let table = m.catalog.resolve(partition);
    let tables = over_rows::tables(&works);
    let message =
        format!("all rows of {tables} are read under {} to attach {table}: {}", first.mode, first.mode.blocks());
    let subject = m.table(&table);
    let finding = over_rows::finding(m, &RULE.meta, Place::Action(number), subject, &works, WorkKind::Scan, message)?;
    let finding = finding.text("partitioned_table", parent.to_string());
    let text = "add a check of the bound that is validated apart before, so that it is proven and nothing is read; \
                drop it after";
    Some(match proven(m, &works, &parent, &table, bound) {
        Some(statements) => finding.fix(text, advice::lines(statements), Some(LockMode::AccessExclusive)),
        None => finding.advice(text),
    })
}

/// The statements that attach without a scan; none where the bound cannot be written as a condition.
fn proven(
    m: &Moment<'_>,
    works: &[&Work],
    parent: &QName,
    table: &QName,
    bound: &crate::migrations::command::Bound,
) -> Option<Vec<String>> {
    let known = m.catalog.get(parent).known()?;
    let condition = advice::bound_condition(known, bound)?;
    let (own, above) = (table.sql(), parent.sql());
    let mut statements = vec![advice::TIMEOUT.to_owned()];
    let mut after = Vec::new();
    if works.iter().any(|work| work.relation == *table) {
        let check = quote(&advice::free_constraint(m, table, advice::name(&table.name, "bound")));
        let within = &condition.within;
        statements.push(format!("alter table {own} add constraint {check} check ({within}) not valid;"));
        statements.push(format!("alter table {own} validate constraint {check};"));
        after.push(format!("alter table {own} drop constraint {check};"));
    }
    if works.iter().any(|work| work.relation != *table) {
        let guard = advice::default_guard(m, parent, table, bound)?;
        statements.extend(guard.before.into_iter().filter(|one| one != advice::TIMEOUT));
        after.extend(guard.after);
    }
    statements.push(format!("alter table {above} attach partition {own} {};", advice::bound(bound)?));
    statements.extend(after);
    Some(statements)
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table events (k int, v int) partition by range (k);\n\
                       create table olden (k int, v int);\n-- file: 2.sql\n";
    const ATTACH: &str = "alter table events attach partition olden for values from (0) to (10);";

    #[test]
    fn a_table_without_a_proof_is_read() {
        assert_eq!(
            says(&RULE, &format!("{OLD}{ATTACH}")),
            ["high all rows of olden are read under AccessExclusiveLock to attach olden: reads and writes wait"]
        );
        let found = findings(&RULE, &format!("{OLD}{ATTACH}"));
        assert_eq!(
            found[0].hint.as_ref().unwrap().sql.as_deref(),
            Some(
                "set lock_timeout = '5s';\n\
                 alter table olden add constraint olden_bound check (k is not null and k >= 0 and k < 10) not valid;\n\
                 alter table olden validate constraint olden_bound;\n\
                 alter table events attach partition olden for values from (0) to (10);\n\
                 alter table olden drop constraint olden_bound;"
            )
        );
        let waiting = "alter table olden add constraint c check (k is not null and k >= 0 and k < 10) not valid;";
        assert_eq!(says(&RULE, &format!("{OLD}{waiting}{ATTACH}")).len(), 1);
    }

    #[test]
    fn a_proof_saves_it() {
        let proof = "alter table olden add constraint c check (k is not null and k >= 0 and k < 10) not valid;\n\
                     alter table olden validate constraint c;\n";
        assert_eq!(says(&RULE, &format!("{OLD}{proof}{ATTACH}")), [""; 0]);
        let fresh =
            "create table fresh (like events);\nalter table events attach partition fresh for values from (0) to (10);";
        assert_eq!(says(&RULE, &format!("{OLD}{fresh}")), [""; 0]);
    }

    #[test]
    fn a_default_partition_is_read_too() {
        let old = OLD.replace("-- file: 2", "create table events_d partition of events default;\n-- file: 2");
        let fresh =
            "create table fresh (like events);\nalter table events attach partition fresh for values from (0) to (10);";
        assert_eq!(
            says(&RULE, &format!("{old}{fresh}")),
            ["high all rows of events_d are read under AccessExclusiveLock to attach fresh: reads and writes wait"]
        );
    }
}
