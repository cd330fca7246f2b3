//! Column added with a value that differs for every row
//!
//! ## Why it matters
//! PostgreSQL writes the whole table and all its indexes anew, under AccessExclusiveLock: nobody reads or writes it
//! until that is done. Standbys replay as much, and the table takes its size once more on disk meanwhile.
//!
//! ## How it is decided
//! `add column` with a default that is volatile (`random()`, `gen_random_uuid()`, `clock_timestamp()`, a sequence),
//! with `serial` or an identity, generated and stored, or of a domain that has constraints. A constant default and
//! one that is stable (`now()`, `current_date`) are kept in the catalog and cost nothing. A function of the user's
//! counts as it is declared, unless its body can take its place: then as its body does.
//!
//! ## What to do
//! Add the column without the value, set the default for the rows to come, and fill the old rows in batches, each in
//! a transaction of its own. A virtual generated column (18) is not kept at all. In place of a domain take what it is
//! made of and a check that is validated later.
//!
//! ## Limits
//! A function that no migration made counts as volatile, and the finding says so. Extensions may declare theirs
//! otherwise.

use super::prelude::*;
use super::{advice, over_rows};
use crate::migrations::catalog::TypeDefinition;
use crate::migrations::command::Expr;
use crate::sql::{literal, quote};

/// A rewrite for a new column.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "column-added-with-rewrite",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("column_added_with_rewrite.rs"),
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
    let ActionKind::AddColumn { column, .. } = action else { return None };
    let works = over_rows::of_action(m, &m.effects.rewrites, number);
    let first = works.first()?;
    let table = m.altered()?;
    let message = format!(
        "adding {} writes all rows of {} anew under {}, {}: {}",
        column.name,
        over_rows::tables(&works),
        first.mode,
        first.mode.blocks(),
        first.because
    );
    let subject = m.column(&table, &column.name);
    let finding =
        over_rows::finding(m, &RULE.meta, Place::Action(number), subject, &works, WorkKind::Rewrite, message)?;
    Some(advised(m, finding, &table, column))
}

/// The same column without the rewrite.
fn advised(m: &Moment<'_>, finding: Finding, table: &QName, column: &ColumnDef) -> Finding {
    let lock = Some(LockMode::AccessExclusive);
    if let Some((_, expression)) = &column.generated {
        let text = "add a plain column that a trigger keeps, and fill the old rows in batches";
        let is_new_enough = m.major() >= 18;
        let parts = expression.sql().filter(|_| is_new_enough).zip(column.type_name.sql());
        return match parts {
            Some((sql, type_name)) => finding.fix(
                format!("a virtual column costs nothing, where it need not be indexed; else {text}"),
                advice::lines([
                    advice::TIMEOUT.to_owned(),
                    format!(
                        "alter table {} add column {} {type_name} generated always as ({sql}) virtual;",
                        table.sql(),
                        quote(&column.name)
                    ),
                ]),
                lock,
            ),
            None => finding.advice(text),
        };
    }
    if column.is_serial() || column.is_identity {
        return sequenced(m, finding, table, column);
    }
    if let Some(statements) = undomained(m, table, column) {
        let text = "take the type that the domain is made of, and check its constraint later, without a lock that \
                    stops anybody";
        return finding.fix(text, advice::lines(statements), lock);
    }
    let constraints = match column.constraints.as_slice() {
        [] => "",
        _ => "; its constraints after that, each as it can be added to a table in use",
    };
    let text = format!(
        "add the column without the default, set the default for new rows, and fill the old ones in batches{constraints}"
    );
    match column.default.as_ref().and_then(Expr::sql).zip(column.type_name.sql()) {
        Some((default, type_name)) => {
            let statements = filled(m, table, column, &type_name, &default);
            finding.fix(text, advice::lines(statements), lock)
        }
        None => finding.advice(text),
    }
}

fn filled(m: &Moment<'_>, table: &QName, column: &ColumnDef, type_name: &str, default: &str) -> Vec<String> {
    let (relation, name) = (table.sql(), quote(&column.name));
    let mut statements = vec![
        advice::TIMEOUT.to_owned(),
        format!("alter table {relation} add column {name} {type_name};"),
        format!("alter table {relation} alter column {name} set default {default};"),
    ];
    statements.extend(advice::batched_update(m, table, &format!("{name} = {default}"), &format!("{name} is null")));
    if column.is_not_null {
        statements.push("-- when all are filled:".to_owned());
        statements.extend(advice::not_null(m, table, &column.name).into_iter().filter(|one| one != advice::TIMEOUT));
    }
    statements
}

fn sequenced(m: &Moment<'_>, finding: Finding, table: &QName, column: &ColumnDef) -> Finding {
    let text = "add a plain column, set its default to a sequence for new rows, and fill the old ones in batches";
    let spelled = match column.type_name.name.name.as_str() {
        "bigserial" | "serial8" => Some("bigint".to_owned()),
        "smallserial" | "serial2" => Some("smallint".to_owned()),
        "serial" | "serial4" => Some("integer".to_owned()),
        _ => column.type_name.sql(),
    };
    let Some(spelled) = spelled else { return finding.advice(text) };
    let sequence = QName::new(&table.schema, &advice::name(&table.name, &format!("{}_seq", column.name)));
    let default = format!("nextval({})", literal(&sequence.sql()));
    let (relation, name) = (table.sql(), quote(&column.name));
    let mut statements = vec![format!("create sequence {} as {spelled};", sequence.sql())];
    statements.extend(filled(m, table, column, &spelled, &default));
    statements.push(format!("alter sequence {} owned by {relation}.{name};", sequence.sql()));
    finding.fix(text, advice::lines(statements), Some(LockMode::AccessExclusive))
}

/// The column with the type its domain is made of, and a check that is validated apart; none where its type is no
/// known domain or has a constraint that cannot be written for a column.
fn undomained(m: &Moment<'_>, table: &QName, column: &ColumnDef) -> Option<Vec<String>> {
    let known = m.catalog.type_of(&column.type_name.name).filter(|_| column.type_name.dimensions == 0)?;
    let TypeDefinition::Domain { base, constraints, .. } = &known.kind else { return None };
    if column.default.as_ref().is_some_and(|default| !advice::is_constant(default)) {
        return None;
    }
    let (relation, name) = (table.sql(), quote(&column.name));
    let default = match &column.default {
        Some(default) => format!(" default {}", default.sql()?),
        None => String::new(),
    };
    let type_name = base.sql()?;
    let mut statements =
        vec![advice::TIMEOUT.to_owned(), format!("alter table {relation} add column {name} {type_name}{default};")];
    for (number, constraint) in constraints.iter().enumerate() {
        let ConstraintKind::Check(check) = &constraint.kind else { return None };
        let condition = advice::for_column(check, &column.name).sql()?;
        let suffix = if number == 0 { "check".to_owned() } else { format!("check{number}") };
        let own = quote(&advice::name(&table.name, &format!("{}_{suffix}", column.name)));
        statements.push(format!("alter table {relation} add constraint {own} check ({condition}) not valid;"));
        statements.push(format!("alter table {relation} validate constraint {own};"));
    }
    Some(statements)
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate table orders (id bigint primary key, a int);\n-- file: 2.sql\n";

    fn of(sql: &str) -> Vec<String> {
        says(&RULE, &format!("{OLD}{sql}"))
    }

    #[test]
    fn a_value_for_every_row_is_a_rewrite() {
        let found = of("alter table orders add column token uuid default gen_random_uuid();");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with(
                "high adding token writes all rows of orders anew under AccessExclusiveLock, reads and writes wait: "
            ),
            "{found:?}"
        );
        assert!(found[0].contains("gen_random_uuid()"), "{found:?}");
        for sql in [
            "alter table orders add column n serial;",
            "alter table orders add column n bigint generated always as identity;",
            "alter table orders add column n int generated always as (a + 1) stored;",
            "create domain positive as int check (value > 0); alter table orders add column n positive;",
        ] {
            assert_eq!(of(sql).len(), 1, "{sql}");
        }
    }

    #[test]
    fn a_value_for_all_rows_is_not() {
        for sql in [
            "alter table orders add column n int default -1;",
            "alter table orders add column at timestamptz not null default now();",
            "alter table orders add column at timestamp default (now() at time zone 'utc');",
            "alter table orders add column n int generated always as (a + 1) virtual;",
            "create table fresh (id int); alter table fresh add column token uuid default gen_random_uuid();",
        ] {
            assert_eq!(of(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn the_hint_fills_in_batches() {
        let found = findings(
            &RULE,
            &format!("{OLD}alter table orders add column \"Token\" uuid not null default gen_random_uuid();"),
        );
        let sql = found[0].hint.as_ref().unwrap().sql.as_ref().unwrap();
        assert!(sql.starts_with("set lock_timeout = '5s';\nalter table orders add column \"Token\" uuid;\n"), "{sql}");
        assert!(sql.contains("where id in (select id from orders where \"Token\" is null limit 5000);"), "{sql}");
        assert!(sql.contains("validate constraint"), "{sql}");
    }

    #[test]
    fn each_action_is_its_own() {
        let found = of(
            "alter table orders\n  add column x int,\n  add column y float default random(),\n  add column z serial;",
        );
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
