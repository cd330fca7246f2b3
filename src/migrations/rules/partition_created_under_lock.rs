//! Partition created under a lock on the whole partitioned table
//!
//! ## Why it matters
//! `create table … partition of` takes AccessExclusiveLock on the partitioned table: every read and write of all its
//! partitions waits, from when the statement begins to wait until its transaction ends. Where there is a default
//! partition, it is locked as well and read whole, to see that no row of it belongs into the new one.
//!
//! ## How it is decided
//! `create table … partition of` a table that was there before the script. *medium*, and *high* where a default
//! partition is read; with known sizes by the time that takes.
//!
//! ## What to do
//! Create the table by itself and attach it: that takes ShareUpdateExclusiveLock on the partitioned table, which
//! stops neither reads nor writes. A default partition is read then too, unless a validated check proves that it has
//! no such rows.
//!
//! ## Limits
//! Whether there is a default partition is known only where a migration or a schema made it.

use super::prelude::*;
use super::{advice, over_rows};

/// `partition of` a table in use.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "partition-created-under-lock",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("partition_created_under_lock.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    created(m).into_iter().collect()
}

fn created(m: &Moment<'_>) -> Option<Finding> {
    let Command::CreateTable(create) = m.command else { return None };
    let bound = create.bound.as_ref()?;
    let parent = m.catalog.resolve(create.parents.first()?);
    let locked = m.effects.lock_on(&parent).filter(|locked| !locked.is_new)?;
    let scans = over_rows::of_all(m, &m.effects.scans);
    let table = m.catalog.resolve(&create.name);
    let read = match scans.is_empty() {
        true => String::new(),
        false => format!(" while its default partition {} is read whole", over_rows::tables(&scans)),
    };
    let message = format!("{} on {parent}{read}: reads and writes of all its partitions wait", locked.mode);
    let subject = m.table(&parent);
    let lock = |finding: Finding| finding.text("lock_mode", locked.mode.as_str()).text("relation", parent.to_string());
    let finding = lock(m.finding(&RULE.meta, Place::Statement, subject, message));
    let reads: Vec<QName> = scans.iter().map(|work| work.relation.clone()).collect();
    // as long as the default partition is read, all wait; where it has no rows the lock remains
    let weighed = (!reads.is_empty())
        .then(|| m.weighed_all(finding.clone().severity(Severity::High), &reads, WorkKind::Scan))
        .flatten();
    let finding = match weighed {
        Some(weighed) => {
            let severity = weighed.severity.clone().max(Severity::Medium);
            weighed.severity(severity)
        }
        None => finding,
    };
    let finding = finding.text("partition", table.to_string());
    let text = "create the table by itself and attach it, which stops neither reads nor writes of the others";
    // columns, constraints or a key of its own would be lost
    let is_plain = create.columns.is_empty() && create.constraints.is_empty() && create.partition_by.is_none();
    let sql_of_bound = advice::bound(bound).filter(|_| is_plain && !create.is_foreign);
    let Some(sql_of_bound) = sql_of_bound else { return Some(finding.advice(text)) };
    let mut statements = Vec::new();
    let guard = match scans.is_empty() {
        true => None,
        false => advice::default_guard(m, &parent, &table, bound),
    };
    match &guard {
        Some(guard) => statements.extend(guard.before.iter().cloned()),
        None if !scans.is_empty() => {
            return Some(finding.advice(
                "create the table by itself, give the default partition a check that keeps its rows out, validate it apart, and \
                 attach the table then: nothing is read, and reads and writes of the others go on",
            ));
        }
        None => {}
    }
    let (own, above) = (table.sql(), parent.sql());
    statements.push(format!("create table {own} (like {above} including all excluding identity);"));
    if guard.is_none() {
        statements.push(advice::TIMEOUT.to_owned());
    }
    statements.push(format!("alter table {above} attach partition {own} {sql_of_bound};"));
    if let Some(guard) = &guard {
        statements.extend(guard.after.iter().cloned());
    }
    Some(finding.fix(text, advice::lines(statements), Some(LockMode::ShareUpdateExclusive)))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str =
        "-- file: 1.sql released\ncreate table events (k int, v int) partition by range (k);\n-- file: 2.sql\n";

    #[test]
    fn a_partition_of_a_table_in_use_is_found() {
        let sql = "create table events_1 partition of events for values from (0) to (10);";
        assert_eq!(
            says(&RULE, &format!("{OLD}{sql}")),
            ["medium AccessExclusiveLock on events: reads and writes of all its partitions wait"]
        );
        let found = findings(&RULE, &format!("{OLD}{sql}"));
        assert_eq!(
            found[0].hint.as_ref().unwrap().sql.as_deref(),
            Some(
                "create table events_1 (like events including all excluding identity);\nset lock_timeout = '5s';\n\
                 alter table events attach partition events_1 for values from (0) to (10);"
            )
        );
    }

    #[test]
    fn a_default_partition_is_read() {
        let old = OLD.replace("-- file: 2", "create table events_d partition of events default;\n-- file: 2");
        let found =
            says(&RULE, &format!("{old}create table events_1 partition of events for values from (0) to (10);"));
        assert_eq!(
            found,
            [
                "high AccessExclusiveLock on events while its default partition events_d is read whole: reads and writes \
              of all its partitions wait"
            ]
        );
    }

    #[test]
    fn one_of_a_new_table_is_not() {
        for sql in [
            "create table fresh (k int) partition by range (k); create table fresh_1 partition of fresh for values \
             from (0) to (10);",
            "create table events_1 (like events); alter table events attach partition events_1 for values from (0) to \
             (10);",
            "create table plain (k int);",
        ] {
            assert_eq!(says(&RULE, &format!("{OLD}{sql}")), [""; 0], "{sql}");
        }
    }
}
