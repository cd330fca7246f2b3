//! What a statement does to a running database: the locks it takes, what it rewrites, scans, builds and validates, whether
//! it can run in a transaction, whether it fails.
//!
//! Every line of it comes from measurements on real servers, `tests/migrations/effects.tsv`, which the tests replay. Rules ask
//! questions of effects; they never look at the words of a statement for what these say.

mod alter_table;
mod bounds;
mod constraints;
mod create;
mod data;
mod drop;
mod maintenance;
mod outside;
mod partitions;
mod proofs;
#[cfg(test)]
mod table;
mod tally;
mod types;

use super::catalog::{Catalog, QName};
use super::command::{Body, Command, ObjectKind};
use super::session::Session;
use crate::lock::LockMode;
use tally::Tally;

/// A lock that a statement takes on a relation that was there before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The relation: a table, an index, a view, a sequence.
    pub relation: QName,
    /// The mode.
    pub mode: LockMode,
    /// Whether it is an index.
    pub is_index: bool,
    /// Whether nobody else can be waiting: the relation came to be in this script, or is the session's own.
    pub is_new: bool,
    /// Whether it is only taken because of another one: the other side of a foreign key, a partition, an inheriting table.
    pub is_indirect: bool,
}

/// Work over all rows of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The relation.
    pub relation: QName,
    /// Why, as a clause: `the default random() differs for every row`.
    pub because: String,
    /// Whether there is nothing to do: the relation came to be in this script and nothing has filled it.
    pub is_new: bool,
    /// Whether it is taken for granted, since what decides it is not known: `the type of orders.total is not known`.
    pub assumed: Option<String>,
    /// The column, constraint or index it is about, where it is one.
    pub part: Option<String>,
    /// The mode of the lock under which it happens.
    pub mode: LockMode,
    /// The member of the statement's list it comes from: an action of `alter table`; 0 where there is one only.
    pub action: usize,
}

/// Why a statement does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The SQLSTATE the server gives.
    pub sqlstate: &'static str,
    /// Its message, or what it is like.
    pub message: String,
    /// Whether it fails only where there are rows.
    pub only_with_rows: bool,
    /// Whether it fails because of the transaction it is in.
    pub because_of_transaction: bool,
    /// Whether the target version is what lacks something; then the first major that has it.
    pub needs_major: Option<u16>,
    /// The member of the statement's list it comes from.
    pub action: usize,
}

/// Rows that a data statement changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The table.
    pub relation: QName,
    /// Whether all its rows may be: no condition, or none that a key bounds.
    pub is_unbounded: bool,
    /// Whether it has a condition at all.
    pub has_condition: bool,
    /// Whether the table came to be in this script.
    pub is_new: bool,
    /// What it does: `update`, `delete`, `insert … select`, `merge`, `copy`.
    pub verb: &'static str,
}

/// What a statement does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    /// The strongest lock on each relation that was there before, in order of the relations' names.
    pub locks: Vec<Locked>,
    /// Relations whose rows are written anew, with all their indexes.
    pub rewrites: Vec<Work>,
    /// Relations that are read to their end to verify something.
    pub scans: Vec<Work>,
    /// Indexes that are built, but for those of a rewrite.
    pub builds: Vec<Work>,
    /// Foreign keys that are validated; the relation is the referencing one, the part the constraint.
    pub validations: Vec<Work>,
    /// What it would have scanned, and why it need not: `a valid check proves it`.
    pub proven: Vec<String>,
    /// Rows it changes.
    pub writes: Vec<Written>,
    /// Whether the server refuses it in a transaction block.
    pub no_transaction: bool,
    /// Why it fails, where it does.
    pub failures: Vec<Failure>,
    /// What of it could not be read, and what could not be told: `execute of a string that is built`.
    pub unread: Vec<String>,
}

impl Effects {
    /// The lock on a relation.
    pub fn lock_on(&self, relation: &QName) -> Option<&Locked> {
        self.locks.iter().find(|locked| &locked.relation == relation)
    }

    /// The strongest mode of its locks on relations that others can be using.
    pub fn strongest(&self) -> Option<&Locked> {
        self.locks.iter().filter(|locked| !locked.is_new && !locked.is_index).max_by(|a, b| a.mode.cmp(&b.mode))
    }

    /// All work over rows that are there: rewrites, scans, builds and validations.
    pub fn work(&self) -> impl Iterator<Item = &Work> {
        let all = [&self.rewrites, &self.scans, &self.builds, &self.validations];
        all.into_iter().flatten().filter(|work| !work.is_new)
    }
}

/// What effects are computed from.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// The schema before the statement.
    pub catalog: &'a Catalog,
    /// The session before the statement.
    pub session: &'a Session,
    /// The major version it will run on.
    pub major: u16,
}

/// What a statement does, from what is known before it.
pub fn effects(command: &Command, before: Before<'_>) -> Effects {
    let mut tally = Tally::new(before);
    of(&mut tally, command);
    tally.finish()
}

/// Adds up what a command does.
fn of(tally: &mut Tally<'_>, command: &Command) {
    match command {
        Command::AlterTable { kind, name, only, if_exists, actions } => {
            alter_table::alter_table(tally, *kind, name, *only, *if_exists, actions);
        }
        Command::CreateTable(create) => create::table(tally, create),
        Command::CreateTableAs { name, if_not_exists, persistence, reads, .. } => {
            if create::is_free(tally, name, *if_not_exists, *persistence) {
                data::reads(tally, reads);
            }
        }
        Command::CreateIndex(create) => create::index(tally, create),
        Command::CreateView { name, replace, persistence, columns, reads, options } => {
            if options.iter().any(|option| option == "security_invoker") {
                tally.needs(15, "22023", "security_invoker");
            }
            create::view(tally, name, *replace, *persistence, columns.as_deref(), reads);
        }
        Command::CreateTrigger { table, for_each_row, .. } => {
            create::trigger(tally, table, *for_each_row);
        }
        Command::CreateRule { table, .. } | Command::Policy { table, .. } => {
            if let Some(table) = tally.existing(table, false) {
                tally.lock(&table, LockMode::AccessExclusive, false);
            }
        }
        Command::CreateStatistics(tables) => {
            for table in tables {
                if let Some(table) = tally.existing(table, false) {
                    tally.lock(&table, LockMode::ShareUpdateExclusive, false);
                }
            }
        }
        Command::CreateSequence { name, if_not_exists, persistence, .. } => {
            create::is_free(tally, name, *if_not_exists, *persistence);
        }
        Command::CreateSchema { elements, .. } => elements.iter().for_each(|element| of(tally, element)),
        Command::AlterSequence { name, .. } => {
            if let Some(sequence) = tally.existing(name, false) {
                tally.lock(&sequence, LockMode::ShareRowExclusive, false);
            }
        }
        Command::Drop(drop) => drop::drop(tally, drop),
        Command::Rename(rename) => maintenance::rename(tally, rename),
        Command::SetSchema { kind, name, .. } => maintenance::set_schema(tally, *kind, name),
        Command::Comment { kind, name } => maintenance::comment(tally, *kind, name),
        Command::Reindex { kind, name, concurrently } => {
            maintenance::reindex(tally, *kind, name.as_ref(), *concurrently);
        }
        Command::Cluster(table) => maintenance::cluster(tally, table.as_ref()),
        Command::Vacuum { is_vacuum, is_full, tables } => maintenance::vacuum(tally, *is_vacuum, *is_full, tables),
        Command::Refresh { name, concurrently, with_data } => {
            maintenance::refresh(tally, name, *concurrently, *with_data);
        }
        Command::AddEnumValue { name, value, if_not_exists } => types::add_value(tally, name, value, *if_not_exists),
        Command::AlterCompositeType { name, actions } => types::alter_composite(tally, name, actions),
        Command::AlterDomain { name, action } => types::alter_domain(tally, name, action),
        Command::Truncate { tables, cascade, restart_identity } => {
            data::truncate(tally, tables, *cascade, *restart_identity);
        }
        Command::Lock { tables, only, mode, .. } => data::lock(tally, tables, only, mode),
        Command::Dml(dml) => data::data(tally, dml, true),
        Command::Copy { table, is_from, reads, .. } => data::copy(tally, table.as_ref(), *is_from, reads),
        Command::Do { body, .. } => inside(tally, body),
        Command::Call(name) => data::call(tally, name),
        Command::Explain { runs: true, command } => of(tally, command),
        Command::Explain { command, .. } | Command::Prepare(command) => match &**command {
            Command::Dml(dml) => data::data(tally, dml, false),
            Command::CreateTableAs { reads, .. } => data::reads(tally, reads),
            _ => {}
        },
        Command::Publication { tables, has_filter, .. } => {
            if *has_filter {
                tally.needs(15, "42601", "a list of columns or a condition of a publication");
            }
            for table in tables {
                if let Some(table) = tally.existing(table, false) {
                    tally.lock(&table, LockMode::ShareUpdateExclusive, false);
                }
            }
        }
        Command::Subscription { no_transaction: true, words } | Command::OfServer(words) => tally.no_transaction(words),
        Command::MoveAll => tally.effects.unread.push("which relations lie in the tablespace".to_owned()),
        Command::AlterExtension(name) => {
            tally.effects.unread.push(format!("what the scripts of the extension {name} do"));
        }
        Command::Other(words) => tally.effects.unread.push(format!("what {words} does")),
        Command::Transaction(_)
        | Command::Set { .. }
        | Command::Discard
        | Command::OwnerTo(..)
        | Command::CreateType { .. }
        | Command::RenameEnumValue { .. }
        | Command::CreateDomain { .. }
        | Command::CreateFunction(_)
        | Command::AlterFunction { .. }
        | Command::CreateExtension(_)
        | Command::Grant { .. }
        | Command::Subscription { .. }
        | Command::Settings(_) => {}
    }
}

/// Adds up what a piece of procedural code does: all of it, since which branches run is not known.
fn inside(tally: &mut Tally<'_>, body: &Body) {
    tally.inside(|tally| {
        for inner in &body.statements {
            tally.in_branch(inner.in_branch, |tally| of(tally, &inner.command));
        }
    });
    tally.effects.unread.extend(body.unread.iter().map(|unread| format!("line {}: {}", unread.line, unread.because)));
}

/// Whether a word names something that is a relation.
fn is_relation(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
            | ObjectKind::Index
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::catalog::Birth;
    use crate::migrations::script::Parsed;
    use crate::migrations::session::{Began, OpenTransaction, Settings};
    use crate::migrations::split::split;
    use crate::migrations::statement::{parse, with_parser};

    fn commands(sql: &str) -> Vec<Command> {
        let pieces = split(sql, 0..sql.len());
        let parsed = pieces.iter().map(|piece| match parse(&sql[piece.span.clone()], 0) {
            Parsed::Command(command) => command,
            other => panic!("{other:?}"),
        });
        parsed.collect()
    }

    /// What the last statement does: `before` in an earlier script, the others in this one.
    fn last(before: &str, sql: &str, is_complete: bool, in_transaction: bool) -> Effects {
        with_parser(|| {
            let mut catalog = Catalog::default();
            if is_complete {
                catalog.complete();
            }
            for (statement, command) in commands(before).iter().enumerate() {
                catalog.apply(command, Birth { script: 0, statement, transaction: None }, &Settings::default(), 18);
            }
            let mut session = Session { script: 1, ..Session::default() };
            if in_transaction {
                session.transaction =
                    Some(OpenTransaction { id: 1, began: Began::Script, first_step: 0, marks: Vec::new() });
            }
            let mut last = Effects::default();
            for (statement, command) in commands(sql).iter().enumerate() {
                last = effects(command, Before { catalog: &catalog, session: &session, major: 18 });
                let transaction = session.transaction.as_ref().map(|transaction| transaction.id);
                catalog.apply(command, Birth { script: 1, statement, transaction }, &Settings::default(), 18);
            }
            last
        })
    }

    fn unknown(sql: &str) -> Effects {
        last("", sql, false, false)
    }

    fn names(works: &[Work]) -> Vec<String> {
        works.iter().map(|work| work.relation.to_string()).collect()
    }

    fn states(effects: &Effects) -> Vec<&str> {
        effects.failures.iter().map(|failure| failure.sqlstate).collect()
    }

    #[test]
    fn of_a_table_that_is_not_known_only_what_holds_for_any_is_sure() {
        let found = unknown("alter table t add column r float default random()");
        assert_eq!((names(&found.rewrites), &found.rewrites[0].assumed), (vec!["t".to_owned()], &None));
        assert_eq!(found.rewrites[0].mode, LockMode::AccessExclusive);
        let found = unknown("alter table t alter column a set not null");
        assert_eq!(found.scans[0].assumed.as_deref(), Some("the constraints of t are not known"));
        let found = unknown("alter table t alter column a type bigint");
        assert!(found.rewrites[0].assumed.is_some());
        let found = unknown("alter table t add column e app.email");
        assert!(found.rewrites.is_empty() && found.unread.len() == 1, "{found:?}");
        assert!(unknown("alter table t add column e vector(3)").unread.is_empty());
        assert!(unknown("drop table t").failures.is_empty());
    }

    #[test]
    fn what_is_missing_fails_where_everything_is_known() {
        assert_eq!(states(&last("", "alter table t add column a int", true, false)), ["42P01"]);
        assert_eq!(states(&last("create table t(id int)", "alter table t drop column x", true, false)), ["42703"]);
        assert_eq!(states(&last("", "drop table t", true, false)), ["42P01"]);
        assert_eq!(states(&last("", "drop table if exists t", true, false)), Vec::<&str>::new());
        // an extension's, and a schema that only an extension can have made
        assert!(last("", "select * from spatial_ref_sys", true, false).failures.is_empty());
        assert!(last("", "update cron.job set active = false", true, false).failures.is_empty());
        assert_eq!(states(&last("create view v as select 1 as a", "drop table v", true, false)), ["42809"]);
    }

    #[test]
    fn what_this_script_made_is_nobody_elses() {
        let found = last("", "create table t(a int); alter table t add check (a > 0)", false, false);
        assert!(found.locks.iter().all(|locked| locked.is_new) && found.scans[0].is_new);
        let filled = "create table t(a int); insert into t select 1; alter table t add check (a > 0)";
        assert!(!last("", filled, false, false).scans[0].is_new);
        assert!(!last("create table t(a int)", "alter table t add check (a > 0)", false, false).scans[0].is_new);
        // no rows, so nothing is null
        let found = last("", "create table t(a int); alter table t add column b int not null", false, false);
        assert!(found.failures.is_empty());
        let found = last("create table t(a int)", "alter table t add column b int not null", false, false);
        assert!(found.failures[0].only_with_rows);
    }

    #[test]
    fn what_a_statement_makes_for_itself_is_not_locked() {
        let found = last("", "create schema s create table s.a(id int) create index i on s.a(id)", true, false);
        assert!(found.failures.is_empty() && found.locks.is_empty(), "{found:?}");
    }

    #[test]
    fn code_is_looked_into() {
        let before = "create table t(a int); create function f() returns void language plpgsql as
            'begin alter table t add column b float default random(); perform g(); end';
            create function g() returns void language plpgsql as 'begin lock table u; perform f(); end'; create table u(a int)";
        let found = last(before, "select f()", false, false);
        assert_eq!(names(&found.rewrites), ["t"]);
        assert_eq!(found.lock_on(&QName::new("public", "u")).map(|lock| &lock.mode), Some(&LockMode::AccessExclusive));
        let found = unknown("do $$ begin execute 'drop table ' || x; end $$");
        assert_eq!(found.unread.len(), 1, "{found:?}");
        assert_eq!(unknown("select app.make_partitions()").unread, ["what app.make_partitions() does"]);
        assert!(unknown("select now()").unread.is_empty());
        assert_eq!(unknown("call app.work()").unread, ["what app.work() does"]);
        // it may be there by then, and the branch may not run
        let found = last("", "do $$ begin if x then drop table t; end if; end $$", true, false);
        assert!(found.failures.is_empty(), "{found:?}");
        let found = last("", "do $$ begin create table n(a int); create index on n(a); end $$", true, false);
        assert!(found.failures.is_empty() && found.locks.is_empty(), "{found:?}");
    }

    #[test]
    fn updates_are_bounded_by_keys() {
        let before = "create table t(id int primary key, a int)";
        let unbounded = |sql: &str| last(before, sql, false, false).writes[0].is_unbounded;
        assert!(unbounded("update t set a = 1"));
        assert!(unbounded("update t set a = 1 where a is null"));
        assert!(!unbounded("update t set a = 1 where id = 5"));
        assert!(!unbounded("delete from t where 5 = id and a = 1"));
        assert!(unbounded("delete from t where a > 1"));
        assert!(unbounded("insert into t select * from u"));
        assert!(last(before, "insert into t values (1, 1)", false, false).writes.is_empty());
    }

    #[test]
    fn a_new_value_of_an_enum_is_not_for_this_transaction() {
        let before = "create type mood as enum ('a'); create table t(m mood, x text)";
        let sql = "alter type mood add value 'b'; insert into t(m) values ('b')";
        assert_eq!(states(&last(before, sql, false, true)), ["55P04"]);
        assert!(last(before, sql, false, true).failures[0].because_of_transaction);
        assert!(last(before, sql, false, false).failures.is_empty());
        let other = "alter type mood add value 'b'; insert into t(m) values ('a')";
        assert!(last(before, other, false, true).failures.is_empty());
    }

    #[test]
    fn what_is_dropped_together_does_not_depend_on_itself() {
        let before = "create table a(id int primary key); create table b(id int references a)";
        assert_eq!(states(&last(before, "drop table a", false, false)), ["2BP01"]);
        assert!(last(before, "drop table a, b", false, false).failures.is_empty());
        let found = last(before, "drop table b", false, false);
        assert_eq!(found.lock_on(&QName::new("public", "a")).map(|lock| &lock.mode), Some(&LockMode::AccessExclusive));
    }

    #[test]
    fn many_actions_and_partitions_are_no_square() {
        let actions: Vec<String> = (0..3000).map(|number| format!("add column c{number} int")).collect();
        let found = last("create table t(a int)", &format!("alter table t {}", actions.join(", ")), true, false);
        assert!(found.failures.is_empty() && found.locks.len() == 1);
    }
}
