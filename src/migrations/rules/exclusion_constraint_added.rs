//! Exclusion constraint added to a table that is in use
//!
//! ## Why it matters
//! Its index is built under AccessExclusiveLock, and there is no other way: it can be neither built concurrently nor
//! added `not valid` nor `using index`.
//!
//! ## How it is decided
//! `add constraint … exclude` on a table that was there before the script.
//!
//! ## What to do
//! Where the table is large: create a new table with the constraint, have a trigger keep it, copy the rows in
//! batches, and change the names over. Else add it in a quiet hour, with a `lock_timeout`. A trigger that takes an
//! advisory lock on the key can hold the rule without a constraint.
//!
//! ## Limits
//! There is no form that builds it without the lock, so the advice is a new table or a quiet hour; how long the build takes
//! is known only where `--snapshot` or `--url` says how large the table is.

use super::over_rows;
use super::prelude::*;

/// An exclusion constraint under AccessExclusiveLock.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "exclusion-constraint-added",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("exclusion_constraint_added.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    m.actions().filter_map(|(number, action)| added(m, number, action)).collect()
}

fn added(m: &Moment<'_>, number: usize, action: &ActionKind) -> Option<Finding> {
    let ActionKind::AddConstraint(constraint) = action else { return None };
    if constraint.kind != ConstraintKind::Exclusion {
        return None;
    }
    let works = over_rows::of_action(m, &m.effects.builds, number);
    let first = works.first()?;
    let table = m.altered()?;
    let message = format!(
        "the index of an exclusion constraint on {} is built under {}: {}, and it cannot be built concurrently",
        over_rows::tables(&works),
        first.mode,
        first.mode.blocks()
    );
    let name = constraint.name.as_ref().or(first.part.as_ref());
    let subject = name.map_or_else(|| m.table(&table), |name| m.constraint(&table, name));
    let finding = over_rows::finding(m, &RULE.meta, Place::Action(number), subject, &works, WorkKind::Build, message)?;
    Some(finding.advice(
        "add it to a new table that a trigger keeps and that is filled in batches, and change the names over; on a \
         small table add it in a quiet hour with a lock_timeout",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    #[test]
    fn only_a_table_in_use_waits() {
        let old = "-- file: 1.sql released\ncreate table bookings (room int, during tstzrange);\n-- file: 2.sql\n";
        let add = |table: &str| {
            format!("alter table {table} add constraint e exclude using gist (room with =, during with &&);")
        };
        let found = says(&RULE, &format!("{old}{}", add("bookings")));
        assert_eq!(
            found,
            ["high the index of an exclusion constraint on bookings is built under AccessExclusiveLock: reads and \
              writes wait, and it cannot be built concurrently"]
        );
        let fresh = format!("{old}create table fresh (room int, during tstzrange); {}", add("fresh"));
        assert_eq!(says(&RULE, &fresh), [""; 0]);
    }
}
