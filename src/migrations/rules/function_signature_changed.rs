//! Function dropped, or given arguments that running code does not know
//!
//! ## Why it matters
//! Calls that match no function of the name fail, and so do calls that now match two: with a second function whose
//! further arguments have defaults, PostgreSQL cannot choose and says "function is not unique", to code that was not
//! touched at all. A function is what its argument types are: `create or replace` with other types replaces nothing.
//!
//! ## How it is decided
//! *high*: `drop function`, `procedure` or `aggregate` of one that was there, where the same transaction makes none of
//! that name; or one with other arguments. *high*: a new function such that a call which an existing one answers could
//! mean either of them: as many arguments, of the same types where they are given, the rest by default (measured: the
//! call fails even where one of them needs no default). *low*: dropped and made anew with the same arguments:
//! privileges granted on it are gone, and its result or the names of its arguments must have changed, since otherwise
//! `create or replace` would do.
//!
//! ## What to do
//! Keep the old signature beside the new one until no running code calls it, without defaults that make both match.
//! Name a new version anew where the two cannot live side by side.
//!
//! ## Limits
//! The function of a trigger is not reported: its trigger goes first, or the drop fails. Which of several functions of
//! one name a `drop` means is not read. What replaces the body only is not reported. Types are compared as written,
//! without casts: overloads that only casts make ambiguous are not found.

use super::around;
use super::prelude::*;
use crate::migrations::catalog::Function;
use crate::migrations::command::{CreateFunction, TypeName};

/// Calls that no longer find their function.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "function-signature-changed",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("function_signature_changed.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    match m.command {
        Command::Drop(drop)
            if matches!(drop.kind, ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate) =>
        {
            let names = drop.names.iter().enumerate();
            found.extend(names.filter_map(|(number, name)| dropped(m, Place::Action(number), drop.kind, name)));
        }
        Command::CreateFunction(create) => found.extend(overloaded(m, create)),
        _ => {}
    }
    found
}

fn dropped(m: &Moment<'_>, place: Place, kind: ObjectKind, name: &Name) -> Option<Finding> {
    let known = m.catalog.functions(name);
    if known.is_empty() && m.catalog.is_complete() {
        return None;
    }
    // a trigger's function is called by its trigger alone, which must go first
    let is_quiet = |function: &Function| function.is_of_trigger || m.session.is_new(function.born);
    if !known.is_empty() && known.iter().all(is_quiet) {
        return None;
    }
    let again: Vec<&CreateFunction> = around::later_in_transaction(m)
        .filter_map(|command| match command {
            Command::CreateFunction(create) if create.name.name == name.name => Some(create),
            _ => None,
        })
        .collect();
    let what = kind.as_str();
    let is_same = |create: &&CreateFunction| known.iter().any(|function| same(&types(create), &function.arguments));
    let (severity, message, advice) = if again.is_empty() {
        (
            Severity::High,
            format!("{what} {name} is dropped: code that still calls it fails"),
            "release code that does not call it first, and drop it in a later migration",
        )
    } else if known.is_empty() || again.iter().any(is_same) {
        (
            Severity::Low,
            format!(
                "{what} {name} is dropped and made anew: what was granted on it is gone, and its result may be another one"
            ),
            "grant execute on it again; where only the body changes, create or replace keeps everything else",
        )
    } else {
        (
            Severity::High,
            format!("{what} {name} is dropped and made anew with other arguments: calls with the old ones fail"),
            "keep the old signature beside the new one until no running code calls it",
        )
    };
    let finding = m.finding(&RULE.meta, place, m.itself(), message).severity(severity);
    Some(finding.text("function", name.to_string()).count("overloads", whole(known.len()), Unit::Count).advice(advice))
}

fn overloaded(m: &Moment<'_>, create: &CreateFunction) -> Option<Finding> {
    let given = types(create);
    let defaults = create.arguments.iter().rev().take_while(|(_, _, has_default)| *has_default).count();
    // a bound for what a program writes
    let known = m.catalog.functions(&create.name);
    let known = known.get(..known.len().min(100)).unwrap_or_default();
    // the same arguments: it is replaced
    if known.iter().any(|function| same(&given, &function.arguments)) {
        return None;
    }
    let clash = known.iter().find_map(|old| {
        let calls = ambiguous(&given, defaults, old)?;
        (!m.session.is_new(old.born)).then_some((old, calls))
    });
    let (old, count) = clash?;
    let is_old_dropped = around::later_in_transaction(m).any(|command| match command {
        Command::Drop(drop) => drop.kind == ObjectKind::Function && drop.names.contains(&create.name),
        _ => false,
    });
    if is_old_dropped {
        return None;
    }
    let written: Vec<String> = old.arguments.iter().map(around::type_words).collect();
    let name = &create.name;
    let arguments = if count == 1 { "1 argument" } else { "arguments" };
    let number = if count == 1 { String::new() } else { format!("{count} ") };
    let message = format!(
        "{name} has a second function whose defaults match the same calls as {name}({}): calls with {number}{arguments} fail as \
         not unique",
        written.join(", ")
    );
    let finding = m.finding(&RULE.meta, Place::Statement, m.itself(), message);
    let finding = finding.text("function", name.to_string()).text("sqlstate", "42725");
    Some(finding.advice(
        "leave the defaults of the new one away, or drop the old one in the same transaction so that one of them answers all calls",
    ))
}

/// The number of arguments of a call that could mean either of two functions.
fn ambiguous(new: &[TypeName], new_defaults: usize, old: &Function) -> Option<usize> {
    let least = new.len().saturating_sub(new_defaults).max(old.arguments.len().saturating_sub(old.defaults));
    let most = new.len().min(old.arguments.len());
    if new_defaults == 0 && old.defaults == 0 {
        return None;
    }
    (least..=most)
        .find(|count| same(new.get(..*count).unwrap_or_default(), old.arguments.get(..*count).unwrap_or_default()))
}

fn types(create: &CreateFunction) -> Vec<TypeName> {
    create.arguments.iter().map(|(_, type_name, _)| type_name.clone()).collect()
}

/// Modifiers are no part of a signature.
fn same(one: &[TypeName], other: &[TypeName]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|(one, other)| one.name.name == other.name.name && (one.dimensions > 0) == (other.dimensions > 0))
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const FUNCTION: &str = "-- file: 0.sql released\n\
        create function f(a int) returns int language sql as 'select 1';\n-- file: 1.sql\n";

    #[test]
    fn drops_and_other_arguments() {
        for (sql, start) in [
            ("drop function f(int);", "high function f is dropped: code that still calls it fails"),
            ("drop function if exists unknown;", "high function unknown is dropped"),
            (
                "begin; drop function f(int); create function f(a bigint) returns int language sql as 'select 1'; commit;",
                "high function f is dropped and made anew with other arguments",
            ),
            (
                "begin; drop function f(int); create function f(b int) returns int language sql as 'select 1'; commit;",
                "low function f is dropped and made anew: what was granted on it is gone",
            ),
            (
                "create function f(a int, b text default 'x') returns int language sql as 'select 1';",
                "high f has a second function whose defaults match the same calls as f(",
            ),
        ] {
            let found = says(&RULE, &format!("{FUNCTION}{sql}"));
            assert!(found.len() == 1 && found[0].starts_with(start), "{sql} {found:?}");
        }
    }

    #[test]
    fn bodies_and_distinct_overloads_are_silent() {
        for sql in [
            "create or replace function f(a int) returns int language sql as 'select 2';",
            "create function f(a int, b text) returns int language sql as 'select 2';",
            "create function f(a text, b text default 'x') returns int language sql as 'select 2';",
            "create function g() returns int language sql as 'select 2'; drop function g();",
            "begin; create function f(a int, b text default 'x') returns int language sql as 'select 1';\n\
             drop function f(int); create function f(a int) returns int language sql as 'select 1'; commit;",
        ] {
            let found = says(&RULE, &format!("{FUNCTION}{sql}"));
            assert!(found.iter().all(|said| said.starts_with("low ")), "{sql} {found:?}");
            assert!(found.is_empty() || sql.starts_with("begin"), "{sql} {found:?}");
        }
    }
}
