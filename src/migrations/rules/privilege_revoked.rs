//! Privilege taken away while running code may need it
//!
//! ## Why it matters
//! Code that runs as the role, or as one of its members, fails with "permission denied" from the commit on.
//!
//! ## How it is decided
//! `revoke` on what was there before the script, of a role from another, and `drop role`; *medium*. Silent where the
//! same transaction grants again on the same object to the same role, for what the script itself made, and for default
//! privileges, which only objects to come have.
//!
//! ## What to do
//! Release code, or roles, that do without it first. In one transaction revoke and grant what remains.
//!
//! ## Limits
//! Which role the application uses, and what it has by other ways (membership, ownership, `public`), is not known: a
//! revoke may take away nothing that was ever granted.

use super::around;
use super::prelude::*;

/// No longer allowed.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "privilege-revoked",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("privilege_revoked.rs"),
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
    let (message, roles, objects) = match command {
        Command::Grant { is_revoke: true, kind, objects, privileges, grantees, is_wholesale } => {
            // only what is made later has default privileges
            let is_default =
                *is_wholesale && m.text().trim_start().get(..5).is_some_and(|word| word.eq_ignore_ascii_case("alter"));
            if is_default || objects.iter().all(|object| is_new(m, *kind, object)) && !objects.is_empty() {
                return None;
            }
            if around::later_in_transaction(m).any(|later| gives_back(later, objects, grantees)) {
                return None;
            }
            let what = if privileges.is_empty() { "all".to_owned() } else { privileges.join(", ") };
            let names: Vec<String> = objects.iter().map(ToString::to_string).collect();
            let roles = around::some(grantees);
            let message = match (kind, is_wholesale) {
                (ObjectKind::Role, _) => {
                    format!("{roles} no longer belongs to {}: what it can do through that fails", around::some(&names))
                }
                (kind, true) => format!(
                    "{what} on every {} in {} is revoked from {roles}: code that runs as it fails",
                    kind.as_str(),
                    around::some(&names)
                ),
                (_, false) => {
                    format!("{what} on {} is revoked from {roles}: code that runs as it fails", around::some(&names))
                }
            };
            (message, grantees.clone(), names)
        }
        Command::Drop(drop) if drop.kind == ObjectKind::Role => {
            let names: Vec<String> = drop.names.iter().map(ToString::to_string).collect();
            let message = format!("role {} is dropped: sessions that log in as it fail", around::some(&names));
            (message, names, Vec::new())
        }
        _ => return None,
    };
    let finding = m.finding(&RULE.meta, Place::Statement, m.itself(), message);
    let finding = finding.list("roles", roles).list("objects", objects);
    Some(finding.advice("make sure that no running code needs it first; grant what remains in the same transaction"))
}

fn gives_back(command: &Command, objects: &[Name], grantees: &[String]) -> bool {
    match command {
        Command::Grant { is_revoke: false, objects: again, grantees: to, .. } => {
            objects.iter().all(|object| again.contains(object)) && grantees.iter().all(|role| to.contains(role))
        }
        _ => false,
    }
}

/// Whether the script made an object that is granted on.
fn is_new(m: &Moment<'_>, kind: ObjectKind, object: &Name) -> bool {
    match kind {
        ObjectKind::Function | ObjectKind::Procedure => {
            let known = m.catalog.functions(object);
            !known.is_empty() && known.iter().all(|function| m.session.is_new(function.born))
        }
        ObjectKind::Type | ObjectKind::Domain => {
            m.catalog.type_of(object).is_some_and(|found| m.session.is_new(found.born))
        }
        ObjectKind::Schema => {
            let makes =
                |command: &Command| matches!(command, Command::CreateSchema { name, .. } if *name == object.name);
            around::earlier(m).any(makes)
        }
        _ => m.is_new(&m.catalog.resolve(object)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const TABLE: &str = "-- file: 0.sql released\ncreate table t (id int);\n-- file: 1.sql\n";

    #[test]
    fn what_is_taken_away_is_told() {
        for (sql, said) in [
            (
                "revoke insert, update on t from app;",
                "medium insert, update on t is revoked from app: code that runs as it fails",
            ),
            ("revoke all on t from public;", "medium all on t is revoked from public: code that runs as it fails"),
            ("revoke writers from app;", "medium app no longer belongs to writers: what it can do through that fails"),
            ("drop role app;", "medium role app is dropped: sessions that log in as it fail"),
            (
                "revoke select on all tables in schema public from app;",
                "medium select on every table in public is revoked from app: code that runs as it fails",
            ),
        ] {
            assert_eq!(says(&RULE, &format!("{TABLE}{sql}")), [said], "{sql}");
        }
    }

    #[test]
    fn hardening_of_what_is_new_is_silent() {
        for sql in [
            "create table u (a int); revoke all on u from public;",
            "create function f() returns int language sql as 'select 1'; revoke all on function f() from public;",
            "create schema s; revoke all on schema s from public;",
            "begin; revoke all on t from app; grant select on t to app; commit;",
            "alter default privileges in schema public revoke execute on functions from public;",
            "grant select on t to app;",
        ] {
            let found = says(&RULE, &format!("{TABLE}{sql}"));
            assert!(found.is_empty(), "{sql} {found:?}");
        }
    }
}
