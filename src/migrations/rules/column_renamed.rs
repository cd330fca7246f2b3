//! Column renamed under running code
//!
//! ## Why it matters
//! The moment the rename commits every statement of the old code that names the column fails; before it, every
//! statement of the new code does. There is no order of migration and deployment in which both run.
//!
//! ## How it is decided
//! `rename column` on a table or a view that was there before the script. *high*.
//!
//! ## What to do
//! Expand and contract: add a column of the new name, have code (or a trigger) write both, fill the old rows in
//! batches, read the new one, and drop the old one in a later release. Where only the name bothers, keep the column and
//! let a view, or the mapper, call it otherwise.
//!
//! ## Limits
//! The application's code is not read. Views and functions of the database itself follow a rename only where they are
//! not kept as text: a PL/pgSQL body is text and fails when it next runs.

use super::prelude::*;
use super::{advice, around};
use crate::sql::quote;

/// A column by another name.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "column-renamed",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("column_renamed.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    judge(m, m.command).into_iter().collect()
}

fn judge(m: &Moment<'_>, command: &Command) -> Option<Finding> {
    let Command::Rename(rename) = command else { return None };
    let from = rename.part.as_deref().filter(|_| rename.kind == ObjectKind::Column)?;
    let relation = m.catalog.resolve(&rename.object);
    let known = m.catalog.get(&relation).known();
    let column = known.and_then(|known| known.column(from));
    let is_absent = column.is_none() && known.is_some_and(|known| known.is_complete);
    if m.is_new(&relation) || is_absent || column.is_some_and(|column| m.session.is_new(column.born)) {
        return None;
    }
    let to = &rename.to;
    let message =
        format!("column {from} of {relation} is renamed to {to}: code that knows only one of the names fails");
    let finding =
        m.finding(&RULE.meta, Place::Statement, m.column(&relation, from), message).text("new_name", to.clone());
    let finding = around::locked(finding, m, &relation);
    let is_table = known.is_none_or(|known| known.kind.object() == ObjectKind::Table);
    let text = "add the new column beside the old one, write both, fill it in batches, read the new one, and drop the old one \
                in a later release";
    Some(match column.and_then(|column| column.type_name.as_ref()?.sql()).filter(|_| is_table) {
        Some(type_name) => {
            let add =
                format!("{}\nalter table {} add column {} {};", advice::TIMEOUT, relation.sql(), quote(to), type_name);
            finding.fix(text, add, Some(LockMode::AccessExclusive))
        }
        None if is_table => finding.advice(text),
        None => finding.advice("let the view have both names until no running code uses the old one"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const TABLE: &str =
        "-- file: 0.sql released\ncreate table t (id int primary key, a varchar(20));\n-- file: 1.sql\n";

    #[test]
    fn a_rename_is_found() {
        let found = findings(&RULE, &format!("{TABLE}alter table t rename column a to \"B\";"));
        assert_eq!(found[0].message, "column a of t is renamed to B: code that knows only one of the names fails");
        let sql = found[0].hint.clone().unwrap().sql.unwrap();
        assert!(sql.contains("alter table t add column \"B\" ") && sql.contains("20"), "{sql}");
        assert_eq!(says(&RULE, "alter table unknown rename a to b;").len(), 1);
    }

    #[test]
    fn other_renames_are_not_its() {
        for sql in [
            "alter table t rename to u;",
            "alter table t rename constraint t_pkey to u_pkey;",
            "alter index t_pkey rename to u_pkey;",
            "create table u (a int); alter table u rename a to b;",
            "alter table t add column c int; alter table t rename c to d;",
        ] {
            assert!(says(&RULE, &format!("{TABLE}{sql}")).is_empty(), "{sql}");
        }
    }
}
