//! Way back that does not lead back
//!
//! ## Why it matters
//! A way back that does nothing, or that makes an empty column where a full one was, reports success. It is found out
//! in the incident it was written for.
//!
//! ## How it is decided
//! The way back is replayed on the schema that the way forward leaves. *medium*: it has no statement that changes
//! anything while the way forward does; something that the way forward made is still there; something that it dropped
//! or renamed does not come back under its name. *low*: a column or a table comes back without the rows or values that
//! were dropped or truncated, where the way back does not write any; and a value that was added to an enum, which
//! nothing can take away again but a new type. A trace, where one runs, goes up, down and up again and compares the
//! schemas; what it measures is told by this rule too.
//!
//! ## What to do
//! Write the way back for what the way forward does, the other way round and in reverse order. Where rows are to be
//! lost, keep them first (rename instead of drop, and drop in a later migration) or let the way back raise an error
//! that says so.
//!
//! ## Limits
//! Only tables, views, columns, types, indexes and constraints are compared, by name; data that an `update` overwrote
//! is not looked at. Dynamic SQL on either way is unread and then nothing is said. The trace compares everything that
//! our catalog facts have.

use super::prelude::*;
use crate::finding::{Subject, SubjectKind};
use crate::migrations::catalog::Lookup;
use crate::migrations::script::{Direction, Script, Statement};
use crate::migrations::session::Began;

/// A way that ends elsewhere.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "rollback-irreversible",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("rollback_irreversible.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Script(run),
};

fn run(end: &AtEnd<'_>) -> Vec<Finding> {
    if end.script.direction != Direction::Down {
        return Vec::new();
    }
    // the way back stands right after its way forward
    let forward = end.index.checked_sub(1).and_then(|before| end.project.scripts.get(before));
    let Some(up) = forward.filter(|up| up.direction == Direction::Up && up.pair == end.script.pair) else {
        return Vec::new();
    };
    // what became of rows is not looked at
    let is_schema = |command: &&Command| changes(command) && !matches!(command, Command::Dml(_) | Command::Copy { .. });
    let done: Vec<&Command> = commands(up).filter(is_schema).collect();
    if done.is_empty() || raises(end.script) {
        return Vec::new();
    }
    if !commands(end.script).any(changes) {
        let adds_values_only = done.iter().all(|command| matches!(command, Command::AddEnumValue { .. }));
        let is_unread = end.steps.iter().any(|step| !step.effects.unread.is_empty());
        if is_unread {
            return Vec::new();
        }
        let finding = match adds_values_only {
            true => tell(
                end,
                None,
                "the way back does nothing: a value that was added to an enum stays".to_owned(),
                "leave it, or make the type anew without the value and convert the columns",
            )
            .severity(Severity::Low),
            false => tell(
                end,
                None,
                format!("the way back does nothing, the way forward changes the schema: {}", list(&done)),
                "undo what the way forward does in reverse order, or raise an error that says why that cannot be",
            ),
        };
        return vec![finding];
    }
    let mut found = Vec::new();
    for command in done {
        judge(end, command, &mut found);
    }
    // undone by a rollback at the end of the session, and so not at all
    if end.session.transaction.as_ref().is_some_and(|open| open.began == Began::Script) {
        found.clear();
    }
    found
}

fn commands(script: &Script) -> impl Iterator<Item = &Command> {
    let own = script.statements.iter().filter_map(Statement::command);
    own.flat_map(|command| {
        let body = match command {
            Command::Do { body, .. } => body.statements.as_slice(),
            _ => &[],
        };
        std::iter::once(command).chain(body.iter().map(|inner| &inner.command))
    })
}

/// Whether a command leaves something that could be undone.
fn changes(command: &Command) -> bool {
    match command {
        Command::Transaction(_)
        | Command::Set { .. }
        | Command::Discard
        | Command::Comment { .. }
        | Command::Lock { .. }
        | Command::Explain { .. }
        | Command::Vacuum { .. }
        | Command::Reindex { .. }
        | Command::Cluster(_)
        | Command::Refresh { .. }
        | Command::Do { .. }
        | Command::Prepare(_)
        | Command::Settings(_)
        | Command::Other(_) => false,
        Command::Dml(dml) => dml.kind != DmlKind::Select || !dml.writes.is_empty() || !dml.reads.functions.is_empty(),
        _ => true,
    }
}

/// Whether a way back says that there is none: `do $$ begin raise exception … end $$`.
fn raises(script: &Script) -> bool {
    let statements = script.statements.iter().filter_map(Statement::command);
    let mut rest = statements.filter(|command| !matches!(command, Command::Transaction(_) | Command::Set { .. }));
    match (rest.next(), rest.next()) {
        (Some(Command::Do { body, .. }), None) => body.statements.is_empty() && body.unread.is_empty(),
        _ => false,
    }
}

/// The first few of what is done, in words.
fn list(done: &[&Command]) -> String {
    let mut words: Vec<String> = Vec::new();
    for command in done {
        let tag = command.tag().to_owned();
        if !words.contains(&tag) && words.len() < 8 {
            words.push(tag);
        }
    }
    super::around::some(&words)
}

fn tell(end: &AtEnd<'_>, subject: Option<Subject>, message: String, advice: &str) -> Finding {
    let mut finding = match end.script.statements.is_empty() {
        // a way back without a statement is told at the way forward, where both are in one file
        true => {
            let forward = end.index.checked_sub(1).and_then(|before| end.project.scripts.get(before));
            let beside = forward.filter(|up| up.file == end.script.file).and_then(|up| up.statements.last());
            end.finding_at(&RULE.meta, beside.map(|last| last.span.clone()), message)
        }
        false => end.finding(&RULE.meta, 0, Subject::new(SubjectKind::Statement), message),
    };
    if let Some(subject) = subject {
        finding.subject = subject;
    }
    finding.advice(advice)
}

/// What the way forward did, and what is left of it after the way back.
fn judge(end: &AtEnd<'_>, command: &Command, found: &mut Vec<Finding>) {
    let left = |name: &QName, what: &str| {
        let message = format!("{what} {name}, which the way forward makes, is still there after the way back");
        tell(end, Some(end.table(name)), message, "drop it on the way back")
    };
    let lost = |name: &QName, what: &str| {
        let message = format!("{what} {name}, which the way forward takes away, does not come back");
        tell(end, Some(end.table(name)), message, "make it again on the way back, or keep it until a later migration")
    };
    let emptied = |name: &QName, what: &str, rows: &str| {
        let message = format!("{what} {name} comes back without the {rows} it had");
        let advice = "rename instead, and drop in a later migration: then the way back has everything";
        tell(end, Some(end.table(name)), message, advice).severity(Severity::Low)
    };
    match command {
        Command::CreateTable(create) if create.persistence != crate::migrations::command::Persistence::Temporary => {
            let name = end.after.resolve(&create.name);
            if !create.if_not_exists && is_there(end, &name) && is_of_forward(end, &name) {
                found.push(left(&name, "table"));
            }
        }
        Command::CreateTableAs { name, is_materialized_view, if_not_exists: false, .. } => {
            let name = end.after.resolve(name);
            if is_there(end, &name) && is_of_forward(end, &name) {
                found.push(left(&name, if *is_materialized_view { "materialized view" } else { "table" }));
            }
        }
        Command::CreateView { name, replace: false, .. } => {
            let name = end.after.resolve(name);
            if is_there(end, &name) && is_of_forward(end, &name) {
                found.push(left(&name, "view"));
            }
        }
        Command::CreateIndex(create) if !create.if_not_exists => {
            let Some(index) = &create.name else { return };
            let table = end.after.resolve(&create.table);
            // made anew by the way back it is another one
            let is_left = end
                .after
                .get(&table)
                .known()
                .and_then(|known| known.index(index))
                .is_some_and(|index| index.born.is_some_and(|born| born.script + 1 == end.index));
            if is_left {
                found.push(left(&QName::new(&table.schema, index), "index"));
            }
        }
        Command::CreateType { name, .. } | Command::CreateDomain { name, .. } => {
            if let Some(own) =
                end.after.type_of(name).filter(|own| own.born.is_some_and(|born| born.script + 1 == end.index))
            {
                found.push(left(&own.name, "type"));
            }
        }
        Command::AddEnumValue { name, value, .. } => {
            let message =
                format!("value {value} of {name} stays after the way back: nothing takes a value from an enum");
            let advice = "leave it, or make the type anew without the value and convert the columns";
            let own = end.after.type_of(name);
            let is_left = own.is_some_and(|own| match &own.kind {
                crate::migrations::catalog::TypeDefinition::Enum(values) => values.iter().any(|(one, _)| one == value),
                _ => false,
            });
            if is_left {
                found.push(tell(end, None, message, advice).severity(Severity::Low));
            }
        }
        Command::Drop(drop) => {
            let what = drop.kind.as_str();
            match drop.kind {
                ObjectKind::Table | ObjectKind::MaterializedView | ObjectKind::View => {
                    for name in &drop.names {
                        let name = end.after.resolve(name);
                        match is_there(end, &name) {
                            false => found.push(lost(&name, what)),
                            true if drop.kind == ObjectKind::Table && !is_filled(end, &name, None) => {
                                found.push(emptied(&name, what, "rows"));
                            }
                            true => {}
                        }
                    }
                }
                ObjectKind::Index => {
                    for name in &drop.names {
                        if end.after.table_of_index(name).is_none() {
                            found.push(lost(&QName::new(name.schema.as_deref().unwrap_or("public"), &name.name), what));
                        }
                    }
                }
                _ => {}
            }
        }
        Command::Truncate { tables, .. } => {
            for name in tables {
                let name = end.after.resolve(name);
                if is_there(end, &name) && !is_filled(end, &name, None) {
                    found.push(emptied(&name, "table", "rows"));
                }
            }
        }
        Command::Rename(rename) => {
            let is_relation =
                matches!(rename.kind, ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView);
            if rename.kind == ObjectKind::Column
                && let Some(column) = &rename.part
            {
                let table = end.after.resolve(&rename.object);
                let known = end.after.get(&table).known();
                if known.is_some_and(|known| known.column(&rename.to).is_some() && known.column(column).is_none()) {
                    found.push(lost(&QName::new(&table.name, column), "column"));
                }
            } else if is_relation && rename.part.is_none() {
                let from = end.after.resolve(&rename.object);
                if !is_there(end, &from) && is_there(end, &QName::new(&from.schema, &rename.to)) {
                    found.push(lost(&from, rename.kind.as_str()));
                }
            }
        }
        Command::AlterTable { name, actions, .. } => {
            let table = end.after.resolve(name);
            let Some(known) = end.after.get(&table).known() else { return };
            for action in actions {
                match &action.kind {
                    ActionKind::AddColumn { column, if_not_exists: false } => {
                        let own = known.column(&column.name);
                        if own.is_some_and(|own| own.born.is_some_and(|born| born.script + 1 == end.index)) {
                            found.push(left(&QName::new(&table.name, &column.name), "column"));
                        }
                    }
                    ActionKind::DropColumn { column, .. } => {
                        let name = QName::new(&table.name, column);
                        match known.column(column) {
                            Some(_) if is_filled(end, &table, Some(column)) => {}
                            Some(_) => found.push(emptied(&name, "column", "values")),
                            None => found.push(lost(&name, "column")),
                        }
                    }
                    ActionKind::AddConstraint(constraint) => {
                        let own = constraint.name.as_ref().and_then(|name| known.constraint(name));
                        if let Some(own) = own.filter(|own| own.born.is_some_and(|born| born.script + 1 == end.index)) {
                            found.push(left(&QName::new(&table.name, &own.name), "constraint"));
                        }
                    }
                    ActionKind::DropConstraint { name, .. } if known.constraint(name).is_none() => {
                        found.push(lost(&QName::new(&table.name, name), "constraint"));
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// Whether the way back writes rows into a table, or values into a column of it.
fn is_filled(end: &AtEnd<'_>, table: &QName, column: Option<&str>) -> bool {
    commands(end.script).any(|command| match command {
        Command::Dml(dml) => {
            let names =
                column.is_none_or(|column| dml.columns.is_empty() || dml.columns.iter().any(|one| one == column));
            names
                && matches!(dml.kind, DmlKind::Insert | DmlKind::Update | DmlKind::Merge)
                && dml.target.as_ref().is_some_and(|target| end.after.resolve(target) == *table)
        }
        Command::Copy { table: Some(target), is_from: true, .. } => end.after.resolve(target) == *table,
        _ => false,
    })
}

fn is_there(end: &AtEnd<'_>, name: &QName) -> bool {
    matches!(end.after.get(name), Lookup::Known(_))
}

/// Whether a relation is the one that the way forward made: not one that the way back makes of the same name.
fn is_of_forward(end: &AtEnd<'_>, name: &QName) -> bool {
    let known = end.after.get(name).known();
    known.is_some_and(|known| known.born.is_some_and(|born| born.script + 1 == end.index))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    fn back(up: &str, down: &str) -> Vec<String> {
        says(
            &RULE,
            &format!(
                "-- file: 0.sql released\ncreate table t (id int, a int);\ncreate index t_a on t (a);\n\
                 create type mood as enum ('x');\n-- file: 1.sql\n{up}\n-- file: 1.down.sql down\n{down}"
            ),
        )
    }

    #[test]
    fn one_without_a_statement_is_told_where_it_is_missing() {
        let text =
            "create table t (id int);\n-- file: 1.sql\nalter table t add a int;\n-- file: 1.down.sql down\nselect 1;\n";
        let mut project = super::super::laboratory::fixture(text).project;
        let back = project.scripts.iter().position(|one| one.direction == Direction::Down).unwrap();
        project.scripts[back].statements.clear();
        let place = |project: &_| {
            let replayed = crate::migrations::replay::replay(project, &[&RULE]);
            let location = replayed.findings[0].location.clone().unwrap();
            (location.file, location.line)
        };
        assert_eq!(place(&project), ("1.down.sql".to_owned(), 1));
        // both halves in one file
        project.scripts[back].file = project.scripts[back - 1].file;
        assert_eq!(place(&project), ("1.sql".to_owned(), 3));
    }

    #[test]
    fn a_way_back_that_does_nothing() {
        assert_eq!(
            back("create table u (i int);", "select 1;"),
            ["medium the way back does nothing, the way forward changes the schema: create table"]
        );
        assert_eq!(
            back("alter type mood add value 'y';", "select 1;"),
            ["low the way back does nothing: a value that was added to an enum stays"]
        );
        assert!(back("select 1;", "select 1;").is_empty());
        assert!(back("drop table t;", "do $$ begin raise exception 'restore a backup'; end $$;").is_empty());
    }

    #[test]
    fn what_is_left_and_what_is_lost() {
        for (up, down, said) in [
            (
                "create table u (i int); create table v (i int);",
                "drop table u;",
                "medium table v, which the way forward makes, is still there after the way back",
            ),
            (
                "alter table t add column b int, add column c int;",
                "alter table t drop column b;",
                "medium column t.c, which the way forward makes, is still there after the way back",
            ),
            (
                "drop index t_a; create table u (i int);",
                "drop table u;",
                "medium index t_a, which the way forward takes away, does not come back",
            ),
            (
                "alter table t drop column a;",
                "alter table t add column a int;",
                "low column t.a comes back without the values it had",
            ),
            ("drop table t;", "create table t (id int, a int);", "low table t comes back without the rows it had"),
            (
                "alter table t rename a to b;",
                "alter table t add column z int;",
                "medium column t.a, which the way forward takes away, does not come back",
            ),
        ] {
            let found = back(up, down);
            assert!(found.contains(&said.to_owned()), "{up} {down} {found:?}");
        }
    }

    #[test]
    fn ways_that_lead_back_are_silent() {
        for (up, down) in [
            ("create table u (i int);", "drop table u;"),
            ("alter table t add column b int;", "alter table t drop column b;"),
            ("create index t_b on t (id);", "drop index t_b;"),
            ("alter table t rename a to b;", "alter table t rename b to a;"),
            ("alter table t rename to u;", "alter table u rename to t;"),
            ("create view v as select 1 as a;", "drop view v;"),
            ("update t set a = 1;", "select 1;"),
            ("alter table t drop column a;", "alter table t add column a int; update t set a = id;"),
            ("alter table t add constraint c check (a > 0) not valid;", "alter table t drop constraint c;"),
        ] {
            assert!(back(up, down).is_empty(), "{up} {down} {:?}", back(up, down));
        }
    }
}
