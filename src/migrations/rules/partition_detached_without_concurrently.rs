//! Partition detached under a lock on the whole partitioned table
//!
//! ## Why it matters
//! `detach partition` takes AccessExclusiveLock on the partitioned table, on the partition and on the default
//! partition: every read and write of all partitions waits, from when the statement begins to wait until its
//! transaction ends.
//!
//! ## How it is decided
//! `detach partition` without `concurrently` and without `finalize`, unless the partitioned table came to be in the
//! same script. *low* where there is a default partition, since `concurrently` is an error there.
//!
//! ## What to do
//! `detach partition … concurrently`, outside of a transaction. It waits for the transactions that use the table, and
//! lets new ones in.
//!
//! ## Limits
//! Whether there is a default partition is known only where a migration or a schema made it.

use super::advice;
use super::prelude::*;

/// A plain detach.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "partition-detached-without-concurrently",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("partition_detached_without_concurrently.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    m.actions().filter_map(|(number, action)| detached(m, number, action)).collect()
}

fn detached(m: &Moment<'_>, number: usize, action: &ActionKind) -> Option<Finding> {
    let ActionKind::DetachPartition { partition, concurrently: false, finalize: false } = action else { return None };
    let parent = m.altered()?;
    let locked = m.effects.lock_on(&parent).filter(|locked| !locked.is_new)?;
    let table = m.catalog.resolve(partition);
    let message = format!("{} on {parent} to detach {table}: reads and writes of all its partitions wait", locked.mode);
    let finding = m
        .finding(&RULE.meta, Place::Action(number), m.table(&parent), message)
        .text("lock_mode", locked.mode.as_str())
        .text("relation", parent.to_string())
        .text("partition", table.to_string());
    if let Some(default) = advice::default_partition(m, &parent) {
        let text = format!(
            "beside default partition {} it cannot be detached concurrently: set a lock_timeout, and let nothing else \
             stand in the transaction",
            default.name
        );
        return Some(finding.severity(Severity::Low).advice(text));
    }
    let sql = format!("alter table {} detach partition {} concurrently;", parent.sql(), table.sql());
    Some(finding.fix("detach it concurrently, outside of a transaction", sql, Some(LockMode::ShareUpdateExclusive)))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table events (k int) partition by range (k);\n\
                       create table events_1 partition of events for values from (0) to (10);\n-- file: 2.sql\n";

    #[test]
    fn a_plain_detach_is_found() {
        let text = format!("{OLD}alter table events detach partition events_1;");
        assert_eq!(
            says(&RULE, &text),
            ["medium AccessExclusiveLock on events to detach events_1: reads and writes of all its partitions wait"]
        );
        assert_eq!(
            findings(&RULE, &text)[0].hint.as_ref().unwrap().sql.as_deref(),
            Some("alter table events detach partition events_1 concurrently;")
        );
        let default = text.replace("-- file: 2", "create table events_d partition of events default;\n-- file: 2");
        assert!(says(&RULE, &default)[0].starts_with("low "));
    }

    #[test]
    fn a_concurrent_one_is_not() {
        for sql in [
            "alter table events detach partition events_1 concurrently;",
            "alter table events detach partition events_1 finalize;",
            "create table fresh (k int) partition by range (k); create table fresh_1 partition of fresh default; \
             alter table fresh detach partition fresh_1;",
        ] {
            assert_eq!(says(&RULE, &format!("{OLD}{sql}")), [""; 0], "{sql}");
        }
    }
}
