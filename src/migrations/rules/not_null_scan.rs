//! Column made not null with a scan of the table
//!
//! ## Why it matters
//! PostgreSQL reads the whole table to see that the column holds no null, under AccessExclusiveLock: nobody reads or
//! writes it until that is done.
//!
//! ## How it is decided
//! `set not null` on a column that is not so already, where no validated check proves it. A check that is not valid
//! yet proves nothing.
//!
//! ## What to do
//! Before PostgreSQL 18: add a check that is `not valid`, validate it (reads and writes go on), set the column not
//! null (the check proves it, nothing is read), drop the check. From 18 on: add the not null constraint itself
//! `not valid`, and validate it. In transactions of their own, all of them.
//!
//! ## Limits
//! A check that was validated by hand, in no migration and in no schema that was given, is not known. A check proves
//! it where it says `column is not null`, alone or joined with `and`; PostgreSQL can prove it from a few others.

use super::prelude::*;
use super::{advice, over_rows};

/// A scan for a null.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "not-null-scan",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("not_null_scan.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    m.actions().filter_map(|(number, action)| set(m, number, action)).collect()
}

fn set(m: &Moment<'_>, number: usize, action: &ActionKind) -> Option<Finding> {
    let ActionKind::SetNotNull(column) = action else { return None };
    let works = over_rows::of_action(m, &m.effects.scans, number);
    let first = works.first()?;
    let table = m.altered()?;
    let message = format!(
        "all rows of {} are read under {} to see that {column} holds no null: {}",
        over_rows::tables(&works),
        first.mode,
        first.mode.blocks()
    );
    let subject = m.column(&table, column);
    let finding = over_rows::finding(m, &RULE.meta, Place::Action(number), subject, &works, WorkKind::Scan, message)?;
    let text = match m.major() {
        ..=17 => {
            "prove it with a check that is validated while reads and writes go on, each statement in a transaction of \
             its own"
        }
        _ => "add the constraint not valid, and validate it in a transaction of its own, while reads and writes go on",
    };
    let sql = advice::lines(advice::not_null(m, &table, column));
    Some(finding.fix(text, sql, Some(LockMode::AccessExclusive)))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table orders (id bigint primary key, n int);\n-- file: 2.sql\n";

    #[test]
    fn a_scan_is_found() {
        assert_eq!(
            says(&RULE, &format!("{OLD}alter table orders alter n set not null;")),
            ["high all rows of orders are read under AccessExclusiveLock to see that n holds no null: reads and \
              writes wait"]
        );
        let waiting = "alter table orders add constraint c check (n is not null) not valid; alter table orders alter \
                       n set not null;";
        assert_eq!(says(&RULE, &format!("{OLD}{waiting}")).len(), 1);
        assert_eq!(says(&RULE, "alter table unheard_of alter n set not null;").len(), 1);
    }

    #[test]
    fn a_proof_needs_none() {
        for sql in [
            "alter table orders add constraint c check (n is not null) not valid; alter table orders validate \
             constraint c; alter table orders alter n set not null;",
            "alter table orders alter id set not null;",
            "create table fresh (n int); alter table fresh alter n set not null;",
            "alter table orders alter n drop not null;",
        ] {
            assert_eq!(says(&RULE, &format!("{OLD}{sql}")), [""; 0], "{sql}");
        }
    }

    #[test]
    fn the_hint_is_that_of_the_version() {
        let hint = |major: u16, sql: &str| {
            let found =
                findings(&RULE, &format!("-- major: {major}\n{OLD}{sql}alter table orders alter n set not null;"));
            found[0].hint.as_ref().unwrap().sql.clone().unwrap()
        };
        assert!(hint(18, "").contains("add constraint orders_n_not_null not null n not valid;"));
        assert!(hint(17, "").contains("add constraint orders_n_not_null check (n is not null) not valid;"));
        let waiting = hint(17, "alter table orders add constraint c check (n is not null) not valid;");
        assert!(waiting.contains("validate constraint c;") && !waiting.contains("add constraint"), "{waiting}");
    }
}
