//! Primary key added with an index build or a scan
//!
//! ## Why it matters
//! A primary key needs a unique index and columns without nulls. PostgreSQL builds the one and verifies the other
//! under AccessExclusiveLock: nobody reads or writes the table until that is done. `using index` saves the build, but
//! where a column may still be null, the table is read all the same.
//!
//! ## How it is decided
//! `add primary key` without `using index`; with it where a column of the key is not known to be not null; and a
//! column added as `primary key`, unless it needs a rewrite, which is the greater harm and another rule's.
//!
//! ## What to do
//! Make the columns not null without a scan under lock, build the unique index concurrently, and add the primary key
//! `using index`.
//!
//! ## Limits
//! On a partitioned table `using index` does not work: there each partition gets the key that way, and the one of the
//! partitioned table, added last, takes those over without a build.

use super::prelude::*;
use super::unique_without_using_index::key_words;
use super::{advice, over_rows};
use crate::sql::quote;

/// A primary key under AccessExclusiveLock.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "primary-key-with-scan",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("primary_key_with_scan.rs"),
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
    let is_key = |one: &&Constraint| one.kind == ConstraintKind::PrimaryKey;
    let (constraint, column) = match action {
        ActionKind::AddConstraint(constraint) => (Some(constraint).filter(is_key)?, None),
        ActionKind::AddColumn { column, .. } => (column.constraints.iter().find(is_key)?, Some(column)),
        _ => return None,
    };
    if !over_rows::of_action(m, &m.effects.rewrites, number).is_empty() {
        return None;
    }
    let builds = over_rows::of_action(m, &m.effects.builds, number);
    let scans = over_rows::of_action(m, &m.effects.scans, number);
    let (works, kind) = match builds.is_empty() {
        false => (builds, WorkKind::Build),
        true => (scans.clone(), WorkKind::Scan),
    };
    let first = works.first()?;
    let table = m.altered()?;
    let tables = over_rows::tables(&works);
    let what = match (kind, scans.is_empty()) {
        (WorkKind::Build, true) => format!("the index of the primary key of {tables} is built"),
        (WorkKind::Build, false) => {
            format!("all rows of {tables} are read for nulls and the index of the primary key is built")
        }
        _ => {
            let nulls: Vec<String> = scans.iter().filter_map(|work| work.part.clone()).collect();
            let nulls =
                if nulls.is_empty() { "its columns hold".to_owned() } else { format!("{} holds", nulls.join(", ")) };
            format!("the index is there, but all rows of {tables} are read to see that {nulls} no null,")
        }
    };
    let message = format!("{what} under {}: {}", first.mode, first.mode.blocks());
    let name = constraint.name.clone().unwrap_or_else(|| advice::name(&table.name, "pkey"));
    let subject = m.constraint(&table, &name);
    let finding = over_rows::finding(m, &RULE.meta, Place::Action(number), subject, &works, kind, message)?;
    let known = m.catalog.get(&table).known();
    let columns = match column {
        Some(column) => vec![column.name.clone()],
        None if !constraint.columns.is_empty() => constraint.columns.clone(),
        None => {
            let index = constraint.using_index.as_ref().and_then(|index| known.and_then(|known| known.index(index)));
            index.map(|index| index.keys.iter().flatten().cloned().collect()).unwrap_or_default()
        }
    };
    let finding = finding.list("columns", columns.clone());
    Some(advised(m, finding, number, &table, &name, &columns, constraint, column))
}

#[expect(clippy::too_many_arguments, reason = "the parts of one hint")]
fn advised(
    m: &Moment<'_>,
    finding: Finding,
    number: usize,
    table: &QName,
    name: &str,
    columns: &[String],
    constraint: &Constraint,
    column: Option<&ColumnDef>,
) -> Finding {
    let known = m.catalog.get(table).known();
    if known.is_some_and(Relation::is_partitioned) {
        let text = "make the columns not null, build the index on each partition concurrently, and add the key there \
                    using it: the one of the partitioned table takes those over";
        let words = key_words(m, number);
        let is_plain = column.is_none() && !words.has_include && words.deferrable().is_empty();
        let own = is_plain.then(|| advice::partitioned_key(m, table, name, "primary key", columns, "")).flatten();
        let Some(own) = own else { return finding.advice(text) };
        let mut statements = made_not_null(m, table, columns);
        if !statements.is_empty() {
            statements.push("reset lock_timeout;".to_owned());
        }
        statements.extend(own);
        return finding.fix(text, advice::lines(statements), Some(LockMode::AccessExclusive));
    }
    let text = match constraint.using_index {
        Some(_) => {
            "make the columns not null before, without a scan under lock: then the key takes the index in an instant"
        }
        None => {
            "make the columns not null without a scan under lock, build the index concurrently, and add the key using \
             it"
        }
    };
    let words = key_words(m, number);
    if columns.is_empty() || words.has_include {
        return finding.advice(text);
    }
    let (relation, quoted) = (table.sql(), quote(name));
    let mut statements = Vec::new();
    if let Some(column) = column {
        let plain = ColumnDef { is_not_null: false, ..column.clone() };
        let Some(definition) = advice::definition(&plain) else { return finding.advice(text) };
        statements.push(advice::TIMEOUT.to_owned());
        statements.push(format!("alter table {relation} add column {definition};"));
        statements.push("-- when every row has its value:".to_owned());
    }
    let is_timed = !statements.is_empty();
    let steps = made_not_null(m, table, columns).into_iter();
    statements.extend(steps.filter(|one| !is_timed || one != advice::TIMEOUT));
    let index = match &constraint.using_index {
        Some(index) => quote(index),
        None => {
            if statements.iter().any(|one| one == advice::TIMEOUT) {
                // what builds an index concurrently must wait as long as it takes
                statements.push("reset lock_timeout;".to_owned());
            }
            let columns = advice::columns(columns);
            statements.push(format!("create unique index concurrently {quoted} on {relation} ({columns});"));
            quoted.clone()
        }
    };
    if statements.last().is_none_or(|_| constraint.using_index.is_none()) {
        statements.push(advice::TIMEOUT.to_owned());
    }
    statements.push(format!(
        "alter table {relation} add constraint {quoted} primary key using index {index}{};",
        words.deferrable()
    ));
    finding.fix(text, advice::lines(statements), Some(LockMode::AccessExclusive))
}

/// The statements that make those columns not null that are not; the timeout once.
fn made_not_null(m: &Moment<'_>, table: &QName, columns: &[String]) -> Vec<String> {
    let known = m.catalog.get(table).known();
    let is_not_null =
        |column: &&String| known.and_then(|known| known.column(column)).is_some_and(|column| column.is_not_null);
    let mut statements = Vec::new();
    for column in columns.iter().filter(|column| !is_not_null(column)) {
        let is_first = statements.is_empty();
        statements
            .extend(advice::not_null(m, table, column).into_iter().filter(|one| is_first || one != advice::TIMEOUT));
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table orders (id bigint, code text not null);\n-- file: 2.sql\n";

    fn of(sql: &str) -> Vec<String> {
        says(&RULE, &format!("{OLD}{sql}"))
    }

    #[test]
    fn a_build_and_a_scan_are_found() {
        let found = of("alter table orders add primary key (id);");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("high "), "{found:?}");
        let found =
            of("create unique index concurrently i on orders (id); alter table orders add primary key using index i;");
        assert_eq!(
            found,
            ["high the index is there, but all rows of orders are read to see that id holds no null, under \
              AccessExclusiveLock: reads and writes wait"]
        );
    }

    #[test]
    fn a_key_that_takes_what_is_there_is_not() {
        for sql in [
            "create unique index concurrently i on orders (code); alter table orders add primary key using index i;",
            "create table fresh (id int); alter table fresh add primary key (id);",
        ] {
            assert_eq!(of(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn the_hint_proves_and_builds_before() {
        let found = findings(&RULE, &format!("-- major: 17\n{OLD}alter table orders add primary key (id);"));
        let sql = found[0].hint.as_ref().unwrap().sql.clone().unwrap();
        let lines: Vec<&str> = sql.lines().collect();
        assert_eq!(lines[0], "set lock_timeout = '5s';");
        assert!(lines.contains(&"alter table orders alter column id set not null;"), "{sql}");
        assert!(
            sql.contains(
                "reset lock_timeout;\ncreate unique index concurrently orders_pkey on orders (id);\nset lock_timeout"
            ),
            "{sql}"
        );
        assert!(sql.ends_with("add constraint orders_pkey primary key using index orders_pkey;"), "{sql}");
    }
}
