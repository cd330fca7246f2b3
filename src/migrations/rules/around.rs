//! What stands around a statement: the ones before and after it in its script, and the words it is written in.

use super::moment::{Moment, Place};
use crate::finding::Finding;
use crate::migrations::catalog::QName;
use crate::migrations::command::{Action, ActionKind, ColumnDef, Command, Name, ObjectKind, Transaction, TypeName};
use crate::migrations::script::Statement;
use crate::migrations::session::Began;
use crate::migrations::split::tokens::{Kind, Token, Tokens};

/// How many statements are looked at before or after one: more than a person writes in a script, and a bound for what a
/// program writes.
const WINDOW: usize = 500;

fn inner(command: &Command) -> impl Iterator<Item = &Command> {
    let body = match command {
        Command::Do { body, .. } => body.statements.as_slice(),
        _ => &[],
    };
    body.iter().map(|one| &one.command)
}

/// What follows a command in the body of a `do`.
fn rest_of_body<'a>(m: &Moment<'a>) -> impl Iterator<Item = &'a Command> + use<'a> {
    let body = match (m.inner, m.statement.command()) {
        (Some(_), Some(Command::Do { body, .. })) => body.statements.as_slice(),
        _ => &[],
    };
    let own = m.inner;
    let rest = body.iter().skip_while(move |one| !own.is_some_and(|own| std::ptr::eq(*one, own))).skip(1);
    rest.take(WINDOW).map(|one| &one.command)
}

/// The commands after this one that commit together with it: the rest of its transaction, and what follows in the same `do`.
pub(super) fn later_in_transaction<'a>(m: &Moment<'a>) -> impl Iterator<Item = &'a Command> + use<'a> {
    let is_inside = m.step.transaction.is_some();
    let later = later(m).map(|(_, command)| command).take_while(move |command| is_inside && !ends(command));
    rest_of_body(m).chain(later.flat_map(|command| std::iter::once(command).chain(inner(command))))
}

/// Whether a view of a name comes to be in the same transaction.
pub(super) fn becomes_view(m: &Moment<'_>, name: &QName) -> bool {
    later_in_transaction(m).any(|command| match command {
        Command::CreateView { name: view, .. } => is_named(m, view, name),
        _ => false,
    })
}

/// Whether privileges on a relation are granted later in the same transaction.
pub(super) fn is_granted(m: &Moment<'_>, name: &QName) -> bool {
    later_in_transaction(m).any(|command| match command {
        Command::Grant { is_revoke: false, objects, is_wholesale, .. } => {
            *is_wholesale || objects.iter().any(|object| is_named(m, object, name))
        }
        _ => false,
    })
}

/// Whether a name as written is a relation that will then be there: one without a schema, in the same schema as far as the
/// path tells.
pub(super) fn is_named(m: &Moment<'_>, written: &Name, name: &QName) -> bool {
    if *written.name != *name.name {
        return false;
    }
    match &written.schema {
        Some(schema) => **schema == *name.schema,
        None => {
            let resolved = m.catalog.resolve(written);
            resolved == *name || m.catalog.get(&resolved).known().is_none()
        }
    }
}

/// With the mode of the lock that the statement takes on a relation.
pub(super) fn locked(finding: Finding, m: &Moment<'_>, relation: &QName) -> Finding {
    match m.effects.lock_on(relation) {
        Some(locked) => finding.text("lock_mode", locked.mode.as_str()),
        None => finding,
    }
}

/// The commands after this one, to the end of its script.
pub(super) fn later<'a>(m: &Moment<'a>) -> impl Iterator<Item = (usize, &'a Command)> + use<'a> {
    let first = m.step.statement + 1;
    let rest = m.script.statements.get(first..).unwrap_or_default();
    let rest = rest.iter().take(WINDOW).enumerate();
    rest.filter_map(move |(number, one)| one.command().map(|command| (first + number, command)))
}

/// The commands before this one in its script, the nearest first.
pub(super) fn earlier<'a>(m: &Moment<'a>) -> impl Iterator<Item = &'a Command> + use<'a> {
    let before = m.script.statements.get(..m.step.statement).unwrap_or_default();
    before.iter().rev().take(WINDOW).filter_map(Statement::command)
}

/// Whether a command ends the transaction it stands in.
pub(super) fn ends(command: &Command) -> bool {
    matches!(
        command,
        Command::Transaction(Transaction::Commit { .. } | Transaction::Rollback { .. } | Transaction::Prepare)
    )
}

/// The transaction that a statement runs in, as a clause after "in": who began it, and how that is known.
pub(super) fn transaction(m: &Moment<'_>) -> Option<String> {
    let open = m.session.transaction.as_ref()?;
    if m.inner.is_some() {
        return Some("procedural code, which is a transaction".to_owned());
    }
    Some(match open.began {
        Began::Script => format!("the transaction that {} began", m.line_of(open.first_step)),
        Began::Runner => format!("the transaction of the runner ({})", m.script.wrap_because),
        Began::Implicit => {
            format!("one query with other statements, which is a transaction ({})", m.script.wrap_because)
        }
    })
}

/// What a statement is, by its words before the first name: `create index concurrently`.
pub(super) fn what(m: &Moment<'_>) -> &'static str {
    match m.command {
        Command::CreateIndex(index) if index.concurrently => "create index concurrently",
        Command::CreateIndex(_) => "create index",
        Command::Drop(drop) if drop.concurrently => "drop index concurrently",
        Command::Drop(drop) => match drop.kind {
            ObjectKind::Database => "drop database",
            ObjectKind::Tablespace => "drop tablespace",
            ObjectKind::Subscription => "drop subscription",
            _ => "drop",
        },
        Command::Reindex { concurrently: true, .. } => "reindex concurrently",
        Command::Reindex { .. } => "reindex",
        Command::Refresh { concurrently: true, .. } => "refresh materialized view concurrently",
        Command::Refresh { .. } => "refresh materialized view",
        Command::AlterTable { actions, .. } => {
            let detaches =
                |action: &Action| matches!(action.kind, ActionKind::DetachPartition { concurrently: true, .. });
            if actions.iter().any(detaches) { "detach partition concurrently" } else { "alter table" }
        }
        Command::Vacuum { is_vacuum: true, is_full: true, .. } => "vacuum full",
        Command::Vacuum { is_vacuum: true, .. } => "vacuum",
        Command::Vacuum { .. } => "analyze",
        Command::Cluster(_) => "cluster",
        Command::OfServer(words) | Command::Subscription { words, .. } | Command::Settings(words) => words,
        Command::AddEnumValue { .. } => "alter type add value",
        _ => "the statement",
    }
}

/// The columns that a statement adds, each with its table and its place; those of new tables among them.
pub(super) fn new_columns<'a>(m: &Moment<'a>) -> Vec<(Place, QName, &'a ColumnDef)> {
    let mut all = Vec::new();
    let place = |column: &ColumnDef| if m.inner.is_some() { Place::Statement } else { Place::At(column.position) };
    match m.command {
        Command::CreateTable(create) => {
            let table = m.catalog.resolve(&create.name);
            all.extend(create.columns.iter().map(|column| (place(column), table.clone(), column)));
        }
        Command::AlterTable { name, actions, .. } => {
            let table = m.catalog.resolve(name);
            for action in actions {
                if let ActionKind::AddColumn { column, .. } = &action.kind {
                    all.push((place(column), table.clone(), column));
                }
            }
        }
        _ => {}
    }
    all
}

/// Whether a type is one of PostgreSQL's own of a name.
pub(super) fn is_type(one: &TypeName, name: &str) -> bool {
    one.name.name == name && matches!(one.name.schema.as_deref(), None | Some("pg_catalog"))
}

/// A type as messages show it: as SQL has it, else by its name.
pub(super) fn type_words(one: &TypeName) -> String {
    one.sql().unwrap_or_else(|| one.name.to_string())
}

/// Names in a row, the first few of them: `orders, items and 3 more`.
pub(super) fn some(names: &[String]) -> String {
    const SHOWN: usize = 3;
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if names.len() <= SHOWN => format!("{} and {last}", first.join(", ")),
        _ => {
            let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
            format!("{} and {} more", shown.join(", "), names.len() - SHOWN)
        }
    }
}

/// Names as messages show them.
pub(super) fn shown<'n>(names: impl IntoIterator<Item = &'n QName>) -> Vec<String> {
    names.into_iter().map(ToString::to_string).collect()
}

/// The tokens of a piece of SQL that mean something.
pub(super) fn tokens(sql: &str) -> impl Iterator<Item = Token> {
    let mut tokens = Tokens::new(sql, 0, sql.len());
    std::iter::from_fn(move || tokens.next()).filter(|token| !matches!(token.kind, Kind::Blank | Kind::Comment))
}

/// Of a `create index` what follows the name of its table: `using …`, the key, and the rest.
pub(super) fn after_table(sql: &str) -> Option<&str> {
    let is = |token: &Token, word: &str| {
        token.kind == Kind::Word && sql.get(token.start..token.end).is_some_and(|text| text.eq_ignore_ascii_case(word))
    };
    let mut rest = tokens(sql).skip_while(|token| !is(token, "on")).skip(1).skip_while(|token| is(token, "only"));
    let mut end = rest.next()?.end;
    for token in rest {
        match token.kind {
            Kind::Open => break,
            Kind::Word if is(&token, "using") => break,
            _ => end = token.end,
        }
    }
    sql.get(end..).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_an_index_is_found() {
        let tail = after_table("create index concurrently \"on\" on only s.\"t (x\" using gin (a, lower(b)) where c");
        assert_eq!(tail, Some("using gin (a, lower(b)) where c"));
        assert_eq!(after_table("create index on /* on */ t(a desc)"), Some("(a desc)"));
        assert_eq!(after_table("select 1"), None);
    }

    #[test]
    fn a_row_of_names_is_short() {
        let names = |count: usize| (0..count).map(|number| format!("t{number}")).collect::<Vec<_>>();
        assert_eq!(some(&names(1)), "t0");
        assert_eq!(some(&names(3)), "t0, t1 and t2");
        assert_eq!(some(&names(5)), "t0, t1, t2 and 2 more");
    }
}
