//! Column dropped while running code may use it
//!
//! ## Why it matters
//! Between the migration and the last old instance that stops, code that names the column fails, and so do an
//! object-relational mapper that lists every column it once saw and a prepared `select *`. The values are gone; no
//! roll-back brings them back.
//!
//! ## How it is decided
//! `drop column` on a table that was there before the script, of a column that was there too. *high*: whether code
//! still uses it cannot be seen here.
//!
//! ## What to do
//! In two releases: one whose code neither reads nor writes the column, with the column ignored by name where a mapper
//! lists columns, then this migration. A column that is not null and has no default must be made nullable first, or old
//! code that stopped writing it fails. Once that release is everywhere, accept the finding with that reason.
//!
//! ## Limits
//! The application's code is not read. On the way back a drop undoes an addition and is not reported. Attributes of row
//! types are not looked at.

use super::prelude::*;
use super::{advice, around};
use crate::sql::quote;

/// A column goes.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "column-dropped",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("column_dropped.rs"),
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
        if let ActionKind::DropColumn { column, .. } = action {
            found.extend(judge(m, place, &relation, column));
        }
    }
    found
}

fn judge(m: &Moment<'_>, place: Place, relation: &QName, name: &str) -> Option<Finding> {
    let known = m.catalog.get(relation).known();
    let column = known.and_then(|known| known.column(name));
    // what is not there cannot be missed, and what is new nobody uses
    let is_absent = column.is_none() && known.is_some_and(|known| known.is_complete);
    if is_absent || column.is_some_and(|column| m.session.is_new(column.born)) {
        return None;
    }
    let message =
        format!("column {name} of {relation} is dropped: code that still names it fails, and its values are gone");
    let mut finding = m.finding(&RULE.meta, place, m.column(relation, name), message);
    finding = around::locked(finding, m, relation);
    let indexes =
        known.map(|known| known.indexes.iter().filter(|index| index.uses(name)).map(|index| index.name.clone()));
    let indexes: Vec<String> = indexes.into_iter().flatten().collect();
    if !indexes.is_empty() {
        finding = finding.list("indexes", indexes);
    }
    let needs_value = column.is_some_and(|column| {
        column.is_not_null && column.default.is_none() && !column.is_identity && column.generated.is_none()
    });
    Some(match needs_value {
        true => finding.fix(
            "first let code leave it out, then release code that does not use it, and drop it in the migration after that",
            format!("{}\nalter table {} alter column {} drop not null;", advice::TIMEOUT, relation.sql(), quote(name)),
            Some(LockMode::AccessExclusive),
        ),
        false => finding.advice(
            "release code that neither reads nor writes it first, and drop it in a migration after that; then accept this \
             finding with that reason",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const TABLE: &str = "-- file: 0.sql released\ncreate table t (id int primary key, a int not null, b int);\n\
        create index t_b on t (b);\n-- file: 1.sql\n";

    #[test]
    fn a_drop_is_found_where_it_stands() {
        let found = findings(&RULE, &format!("{TABLE}alter table t drop column a, drop column b;"));
        let said: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
        assert_eq!(
            said,
            [
                "column a of t is dropped: code that still names it fails, and its values are gone",
                "column b of t is dropped: code that still names it fails, and its values are gone"
            ]
        );
        let sql = found[0].hint.clone().unwrap().sql.unwrap();
        assert!(sql.ends_with("alter table t alter column a drop not null;"), "{sql}");
        assert!(found[1].hint.clone().unwrap().sql.is_none());
        assert_eq!(says(&RULE, "alter table unknown drop column a;").len(), 1);
        assert_eq!(says(&RULE, &format!("{TABLE}do $$ begin alter table t drop column a; end $$;")).len(), 1);
    }

    #[test]
    fn nobody_misses_what_is_new_or_absent() {
        for sql in [
            "create table u (a int); alter table u drop column a;",
            "alter table t add column c int; alter table t drop column c;",
            "alter table t drop column if exists nothing;",
            "create temp table v (a int); alter table v drop column a;",
        ] {
            assert!(says(&RULE, &format!("{TABLE}{sql}")).is_empty(), "{sql}");
        }
        assert!(
            says(&RULE, &format!("{TABLE}select 1;\n-- file: 1.down.sql down\nalter table t drop column a;"))
                .is_empty()
        );
    }
}
