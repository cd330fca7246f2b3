//! Default taken from a column that must have a value
//!
//! ## Why it matters
//! Running code that leaves the column out relied on the default; without it every such insert fails.
//!
//! ## How it is decided
//! `drop default` or `drop identity` of a column that is known to be not null and was there before the script, where
//! the same statement or transaction gives it no other default. *medium*.
//!
//! ## What to do
//! Release code that always writes the column first.
//!
//! ## Limits
//! A column that may be null gets nulls from then on, which is not reported. Triggers that fill the column are not
//! seen.

use super::around;
use super::prelude::*;

/// A value that nobody supplies.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "default-dropped",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("default_dropped.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let Some(relation) = m.altered().filter(|relation| !m.is_new(relation)) else { return found };
    for (number, action) in m.actions() {
        let place = Place::Action(number);
        if let ActionKind::DropDefault(column) | ActionKind::DropIdentity(column) = action {
            found.extend(judge(m, place, &relation, column, m.command));
        }
    }
    found
}

/// Whether a command lets inserts leave a column out.
fn relieves(command: &Command, column: &str) -> bool {
    let Command::AlterTable { actions, .. } = command else { return false };
    actions.iter().any(|action| match &action.kind {
        ActionKind::SetDefault(one, _)
        | ActionKind::AddIdentity(one)
        | ActionKind::DropNotNull(one)
        | ActionKind::DropColumn { column: one, .. } => one == column,
        _ => false,
    })
}

fn judge(m: &Moment<'_>, place: Place, relation: &QName, name: &str, own: &Command) -> Option<Finding> {
    let column = m.catalog.get(relation).known()?.column(name)?;
    let has_value = column.default.is_some() || column.is_identity;
    if !column.is_not_null || !has_value || m.session.is_new(column.born) || relieves(own, name) {
        return None;
    }
    let again = |command: &Command| match command {
        Command::AlterTable { name: table, .. } => around::is_named(m, table, relation) && relieves(command, name),
        _ => false,
    };
    if around::later_in_transaction(m).any(again) {
        return None;
    }
    let message =
        format!("{relation}.{name} is not null and loses its default: inserts of running code that leave it out fail");
    let finding = m.finding(&RULE.meta, place, m.column(relation, name), message);
    Some(around::locked(finding, m, relation).advice("release code that always writes it first"))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const TABLE: &str = "-- file: 0.sql released\ncreate table t (id int generated always as identity, a int not null default 1, \
                         b int default 1);\n-- file: 1.sql\n";

    #[test]
    fn a_default_that_is_needed() {
        assert_eq!(
            says(&RULE, &format!("{TABLE}alter table t alter a drop default;")),
            ["medium t.a is not null and loses its default: inserts of running code that leave it out fail"]
        );
        assert_eq!(says(&RULE, &format!("{TABLE}alter table t alter id drop identity;")).len(), 1);
    }

    #[test]
    fn one_that_is_not() {
        for sql in [
            "alter table t alter b drop default;",
            "alter table t alter a drop default, alter a set default 2;",
            "alter table t alter a drop default, alter a drop not null;",
            "alter table t add column c int not null default 5; alter table t alter c drop default;",
            "begin; alter table t alter a drop default; alter table t alter a set default 3; commit;",
        ] {
            assert!(says(&RULE, &format!("{TABLE}{sql}")).is_empty(), "{sql}");
        }
    }
}
