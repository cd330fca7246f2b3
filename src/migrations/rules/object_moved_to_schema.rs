//! Object moved to another schema
//!
//! ## Why it matters
//! Running code finds the object only where its `search_path` has the new schema; whoever names the old one fails from
//! the commit on, and `usage` on the new schema is needed too.
//!
//! ## How it is decided
//! `set schema` of a table, view, sequence, function, type or domain that was there before the script; *medium*, as the
//! `search_path` of the application is not known. Where the same transaction creates a view of the old name, silent.
//!
//! ## What to do
//! Put the new schema on the `search_path` of every role that uses the object, grant `usage` on it, and leave a view in
//! the old place until no running code names that.
//!
//! ## Limits
//! What is moved with an extension is not looked at.

use super::around;
use super::prelude::*;
use crate::migrations::catalog::Lookup;
use crate::sql::{qualified, quote};

/// Elsewhere than it was.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "object-moved-to-schema",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("object_moved_to_schema.rs"),
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
    let Command::SetSchema { kind, name, schema } = command else { return None };
    let relation = m.catalog.resolve(name);
    let is_relation = matches!(
        kind,
        ObjectKind::Table
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::ForeignTable
            | ObjectKind::Sequence
    );
    let is_new = match kind {
        ObjectKind::Type | ObjectKind::Domain => {
            m.catalog.type_of(name).is_some_and(|found| m.session.is_new(found.born))
        }
        ObjectKind::Function | ObjectKind::Procedure => {
            let known = m.catalog.functions(name);
            !known.is_empty() && known.iter().all(|function| m.session.is_new(function.born))
        }
        _ if is_relation => m.is_new(&relation) || matches!(m.catalog.get(&relation), Lookup::Absent),
        _ => return None,
    };
    if is_new || (is_relation && around::becomes_view(m, &relation)) {
        return None;
    }
    let message = format!(
        "{} {name} moves to schema {schema}: code whose search_path does not have that schema no longer finds it",
        kind.as_str()
    );
    let subject = if is_relation { m.table(&relation) } else { m.itself() };
    let finding = m.finding(&RULE.meta, Place::Statement, subject, message).text("new_schema", schema.clone());
    let finding = around::locked(finding, m, &relation);
    let is_readable = is_relation && *kind != ObjectKind::Sequence;
    Some(match is_readable {
        true => finding.fix(
            "leave a view in the old place, grant on it and usage on the new schema, until no running code names the old one",
            format!(
                "begin;\nset local lock_timeout = '5s';\nalter {} {} set schema {};\ncreate view {} as select * from {};\ncommit;",
                kind.as_str(),
                relation.sql(),
                quote(schema),
                relation.sql(),
                qualified(schema, &relation.name)
            ),
            Some(LockMode::AccessExclusive),
        ),
        false => finding.advice("put the new schema on the search_path of every role that uses it first, and grant usage on it"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const TABLE: &str = "-- file: 0.sql released\ncreate table t (id int);\n-- file: 1.sql\n";

    #[test]
    fn a_move_is_found() {
        assert_eq!(
            says(&RULE, &format!("{TABLE}alter table t set schema s;")),
            ["medium table t moves to schema s: code whose search_path does not have that schema no longer finds it"]
        );
        for sql in
            ["alter type m set schema s;", "alter function f(int) set schema s;", "alter sequence q set schema s;"]
        {
            assert_eq!(says(&RULE, &format!("{TABLE}{sql}")).len(), 1, "{sql}");
        }
    }

    #[test]
    fn a_view_in_its_place_and_new_objects_are_silent() {
        for sql in [
            "begin; alter table t set schema s; create view t as select * from s.t; commit;",
            "create table u (a int); alter table u set schema s;",
            "create type m as enum ('a'); alter type m set schema s;",
        ] {
            assert!(says(&RULE, &format!("{TABLE}{sql}")).is_empty(), "{sql}");
        }
    }
}
