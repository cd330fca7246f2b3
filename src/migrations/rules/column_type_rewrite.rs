//! Column type changed to one that is stored otherwise
//!
//! ## Why it matters
//! PostgreSQL writes the whole table and all its indexes anew under AccessExclusiveLock: nobody reads or writes it
//! until that is done. Where the rows can stay, their indexes may still be built anew and their checks be verified,
//! under the same lock.
//!
//! ## How it is decided
//! `alter column … type` from the old type, as the migrations before it or the schema say it, to the new one. No
//! rewrite: a longer `varchar` or none at all, `varchar` to `text` and back, a wider `numeric` of the same scale, a
//! longer `timestamp`, `time`, `interval` or `varbit`, `cidr` to `inet`, a domain to what it is made of, an
//! unconstrained domain, and `timestamp` to `timestamptz` and back while `TimeZone` is UTC. All else is one, `using`
//! too unless it is the column itself or a cast of it that changes nothing. A new collation builds the indexes of the
//! column anew; a check on the column is verified again.
//!
//! ## What to do
//! Expand and contract: add a column of the new type, have a trigger keep it, fill it in batches, move the
//! application over, and drop the old one in a later release. For `timestamp` values that are UTC,
//! `set timezone = 'UTC'` before the statement.
//!
//! ## Limits
//! Where the old type is not known, a rewrite is taken for granted, and the finding says so: review the folder from
//! its first migration on, or give a schema. Casts that `create cast` made are not known.

use super::prelude::*;
use super::{advice, around, over_rows};
use crate::migrations::catalog::TypeDefinition;
use crate::sql::quote;

/// A rewrite for a new type.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "column-type-rewrite",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("column_type_rewrite.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    m.actions().filter_map(|(number, action)| changed(m, number, action)).collect()
}

fn changed(m: &Moment<'_>, number: usize, action: &ActionKind) -> Option<Finding> {
    let ActionKind::AlterType { column, type_name, using, .. } = action else { return None };
    let table = m.altered()?;
    let rewrites = over_rows::of_action(m, &m.effects.rewrites, number);
    let (works, kind, what) = if rewrites.is_empty() {
        let builds = over_rows::of_action(m, &m.effects.builds, number);
        let scans = over_rows::of_action(m, &m.effects.scans, number);
        let validations = over_rows::of_action(m, &m.effects.validations, number);
        let parts: Vec<String> = builds.iter().filter_map(|work| work.part.clone()).collect();
        match (builds.is_empty(), scans.is_empty()) {
            (false, _) if parts.is_empty() => (builds, WorkKind::Build, "indexes are built anew".to_owned()),
            (false, _) => (builds, WorkKind::Build, format!("index {} is built anew", around::some(&parts))),
            (true, false) => (scans, WorkKind::Scan, "all rows are read to verify its checks".to_owned()),
            (true, true) => (validations, WorkKind::Validate, "its foreign key is validated again".to_owned()),
        }
    } else {
        let tables = over_rows::tables(&rewrites);
        (rewrites, WorkKind::Rewrite, format!("all rows of {tables} are written anew"))
    };
    let first = works.first()?;
    let message = format!(
        "{table}.{column} becomes {}: {what} under {}, {}",
        advice::shown(type_name),
        first.mode,
        first.mode.blocks()
    );
    let subject = m.column(&table, column);
    let finding = over_rows::finding(m, &RULE.meta, Place::Action(number), subject, &works, kind, message)?;
    let known = m.catalog.get(&table).known().and_then(|known| known.column(column));
    let finding = match known.and_then(|column| column.type_name.as_ref()) {
        Some(old) => finding.text("old_type", advice::shown(old)),
        None => finding,
    };
    let finding = finding.text("new_type", advice::shown(type_name));
    if kind != WorkKind::Rewrite {
        return Some(finding.advice(
            "drop the index or the constraint before, and bring it back after: the index concurrently, the constraint \
             not valid and validated later",
        ));
    }
    let text =
        "add a column of the new type, keep it with a trigger, fill it in batches, and change over in a later release";
    let old = known.and_then(|column| column.type_name.as_ref()).map(|old| old.name.name.clone()).unwrap_or_default();
    if using.is_none()
        && matches!(
            (old.as_str(), type_name.name.name.as_str()),
            ("timestamp", "timestamptz") | ("timestamptz", "timestamp")
        )
    {
        return Some(finding.advice(
            "where the values are meant as UTC, set timezone = 'UTC' in the same session before: then no row is \
             written; else add a column of the new type, keep it with a trigger and fill it in batches",
        ));
    }
    // a column of a domain with constraints cannot be added without a rewrite either
    let is_domain =
        m.catalog.type_of(&type_name.name).is_some_and(|known| matches!(known.kind, TypeDefinition::Domain { .. }));
    let Some(new_type) = type_name.sql().filter(|_| using.is_none() && !is_domain) else {
        return Some(finding.advice(text));
    };
    let (relation, old, new) = (table.sql(), quote(column), advice::name(column, "new"));
    let helper = QName::new(&table.schema, &advice::name(&table.name, &new)).sql();
    let (trigger, new) = (quote(&advice::name(&table.name, &new)), quote(&new));
    let mut statements = vec![
        advice::TIMEOUT.to_owned(),
        format!("alter table {relation} add column {new} {new_type};"),
        format!(
            "create function {helper}() returns trigger language plpgsql as $$ begin new.{new} := \
             new.{old}::{new_type}; return new; end $$;"
        ),
        format!(
            "create trigger {trigger} before insert or update on {relation} for each row execute function {helper}();"
        ),
    ];
    let pending = format!("{new} is null and {old} is not null");
    statements.extend(advice::batched_update(m, &table, &format!("{new} = {old}::{new_type}"), &pending));
    Some(finding.fix(text, advice::lines(statements), Some(LockMode::AccessExclusive)))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table orders (id bigint primary key, n int, v varchar(50), t \
                       text, amount numeric(10,2), at timestamp, unique (v));\n-- file: 2.sql\n";

    fn of(sql: &str) -> Vec<String> {
        says(&RULE, &format!("{OLD}{sql}"))
    }

    #[test]
    fn rows_that_are_stored_otherwise_are_written_anew() {
        assert_eq!(
            of("alter table orders alter column n type bigint;"),
            ["high orders.n becomes bigint: all rows of orders are written anew under AccessExclusiveLock, reads and \
              writes wait"]
        );
        for sql in [
            "alter table orders alter v type varchar(20);",
            "alter table orders alter t type varchar(20);",
            "alter table orders alter amount type numeric(10, 3);",
            "alter table orders alter at type timestamptz;",
            "alter table orders alter n type int using n + 0;",
        ] {
            assert_eq!(of(sql).len(), 1, "{sql}");
        }
        let unknown = of("alter table unheard_of alter n type bigint;");
        assert!(unknown.len() == 1 && unknown[0].contains("taken for granted"), "{unknown:?}");
    }

    #[test]
    fn rows_that_can_stay_are_not() {
        for sql in [
            "alter table orders alter v type varchar(100);",
            "alter table orders alter v type text;",
            "alter table orders alter t type varchar;",
            "alter table orders alter amount type numeric(12, 2);",
            "alter table orders alter amount type numeric;",
            "alter table orders alter n type int using n::int;",
            "set timezone = 'UTC'; alter table orders alter at type timestamptz;",
        ] {
            assert_eq!(of(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn the_hint_expands() {
        let found = findings(&RULE, &format!("{OLD}alter table orders alter n type bigint;"));
        let sql = found[0].hint.as_ref().unwrap().sql.as_ref().unwrap();
        assert!(sql.contains("alter table orders add column n_new bigint;"), "{sql}");
        assert!(sql.contains("create trigger orders_n_new before insert or update on orders"), "{sql}");
        assert!(sql.contains("where n_new is null and n is not null limit 5000"), "{sql}");
    }
}
