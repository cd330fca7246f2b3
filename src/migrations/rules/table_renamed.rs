//! Table or view renamed under running code
//!
//! ## Why it matters
//! Old code fails from the commit on, new code until then: no order of migration and deployment lets both run.
//!
//! ## How it is decided
//! `rename to` of a table, view, materialized view, foreign table, sequence or schema that was there before the script;
//! *high*. Where the same transaction creates a view of the old name that reads the renamed one, old code goes on:
//! silent where privileges are granted on that view too, *low* where they are not, as the view has none of the table's.
//!
//! ## What to do
//! In one transaction rename, create a view of the old name over it, and grant on the view what was granted on the
//! table; drop the view when no running code uses the old name. A view over one table takes inserts, updates and
//! deletes as the table does.
//!
//! ## Limits
//! Through such a view `copy … from` and `truncate` do not work, and row level security is that of the view's owner
//! unless it is made `with (security_invoker)` (15). Whether the owner is the only one who uses it is not known: then
//! no grant is needed. Renamed constraints, indexes and triggers are not reported: code rarely names them.

use super::around;
use super::prelude::*;
use crate::migrations::catalog::Lookup;
use crate::sql::quote;

/// A table by another name.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "table-renamed",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("table_renamed.rs"),
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
    if rename.part.is_some() {
        return None;
    }
    let (kind, to) = (rename.kind, &rename.to);
    if kind == ObjectKind::Schema {
        return schema(m, &rename.object.name, to);
    }
    if !matches!(
        kind,
        ObjectKind::Table
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::ForeignTable
            | ObjectKind::Sequence
    ) {
        return None;
    }
    let relation = m.catalog.resolve(&rename.object);
    // `alter table … rename` takes an index too
    if m.is_new(&relation)
        || matches!(m.catalog.get(&relation), Lookup::Absent)
        || m.catalog.table_of_index(&rename.object).is_some()
    {
        return None;
    }
    let subject = m.table(&relation);
    let what = kind.as_str();
    if around::becomes_view(m, &relation) {
        if around::is_granted(m, &relation) {
            return None;
        }
        let message = format!(
            "{what} {relation} is renamed to {to} behind a view of its old name, on which nothing is granted: only its owner can \
             use it"
        );
        let finding = m.finding(&RULE.meta, Place::Statement, subject, message).severity(Severity::Low);
        return Some(finding.text("new_name", to.clone()).advice(
            "grant on the view, in the same transaction, what is granted on the table, unless code runs as its owner",
        ));
    }
    let message = format!("{what} {relation} is renamed to {to}: code that knows only one of the names fails");
    let finding = around::locked(m.finding(&RULE.meta, Place::Statement, subject, message), m, &relation)
        .text("new_name", to.clone());
    let renamed = QName::new(&relation.schema, to);
    Some(match kind {
        ObjectKind::Sequence => finding.advice(
            "leave the name: a sequence that a column owns is found through pg_get_serial_sequence, whatever it is called",
        ),
        _ => finding.fix(
            "keep the old name as a view until no running code uses it, and grant on the view what is granted on the table",
            format!(
                "begin;\nset local lock_timeout = '5s';\nalter {what} {} rename to {};\ncreate view {} as select * from {};\ncommit;",
                relation.sql(),
                quote(to),
                relation.sql(),
                renamed.sql()
            ),
            Some(LockMode::AccessExclusive),
        ),
    })
}

fn schema(m: &Moment<'_>, from: &str, to: &str) -> Option<Finding> {
    let within = m.catalog.names_in_schema(from);
    if !within.is_empty() && within.iter().all(|relation| m.is_new(relation)) {
        return None;
    }
    let message = format!("schema {from} is renamed to {to}: code that knows only one of the names fails");
    let finding =
        m.finding(&RULE.meta, Place::Statement, m.itself(), message).text("schema", from).text("new_name", to);
    let finding = finding.list("relations", around::shown(&within));
    Some(finding.advice("leave the schema, and make one of the new name with views on what is in the old"))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const TABLE: &str = "-- file: 0.sql released\ncreate table t (id int primary key);\ncreate view v as select id from t;\n\
        -- file: 1.sql\n";

    #[test]
    fn a_rename_breaks_code() {
        let found = findings(&RULE, &format!("{TABLE}alter table t rename to u;"));
        assert_eq!(found[0].message, "table t is renamed to u: code that knows only one of the names fails");
        let sql = found[0].hint.clone().unwrap().sql.unwrap();
        assert!(sql.contains("create view t as select * from u;"), "{sql}");
        for sql in ["alter view v rename to w;", "alter schema s rename to r;", "alter table unknown rename to u;"] {
            assert_eq!(says(&RULE, &format!("{TABLE}{sql}")).len(), 1, "{sql}");
        }
    }

    #[test]
    fn a_view_of_the_old_name_lets_it_go_on() {
        let view = "begin; alter table t rename to u; create view t as select * from u;";
        assert_eq!(
            says(&RULE, &format!("{TABLE}{view} commit;")),
            [
                "low table t is renamed to u behind a view of its old name, on which nothing is granted: only its owner can \
                 use it"
            ]
        );
        assert!(says(&RULE, &format!("{TABLE}{view} grant select on t to app; commit;")).is_empty());
        assert!(
            says(&RULE, &format!("{TABLE}alter table t rename to u; create view t as select * from u;"))[0]
                .starts_with("high")
        );
    }

    #[test]
    fn what_code_does_not_name_is_silent() {
        for sql in [
            "alter index t_pkey rename to u_pkey;",
            "alter table t_pkey rename to u_pkey;",
            "alter table t rename constraint t_pkey to u_pkey;",
            "create table n (a int); alter table n rename to o;",
        ] {
            assert!(says(&RULE, &format!("{TABLE}{sql}")).is_empty(), "{sql}");
        }
    }
}
