//! Bringing the catalog up to date with a statement.

use super::super::command::{Body, Command, Dml, DmlKind, Name, ObjectKind, Persistence};
use super::super::session::Settings;
use super::registry::{Outcome, Refused, Under};
use super::{Birth, Catalog, QName, RelationKind};
use rpds::RedBlackTreeSetSync;
use std::sync::Arc;

/// How deep functions that call functions are followed.
const DEEPEST: u8 = 4;

/// How many statements of called functions a statement may bring with it. More of them than this nobody's migration has;
/// without a bound a folder that calls a long function on every line would take the square of its length.
const MOST_CALLED: u32 = 256;

impl Catalog {
    /// Does what the statement does. One that the server must refuse leaves everything as it was.
    ///
    /// A statement about a table of which nothing is known takes for granted that it is there: the table is kept from then
    /// on, as far as statements speak of it (see [`super::Relation::is_complete`]). In a branch of procedural code it is not
    /// known whether a statement runs: what it makes is kept as made, but is never new, and what it changes is no longer
    /// complete; what it drops is forgotten.
    pub fn apply(&mut self, command: &Command, at: Birth, settings: &Settings, major: u16) {
        self.follow(settings);
        if changes_nothing(command) {
            return;
        }
        let before = self.clone();
        if self.run(command, Under { born: Some(at), major }, &mut Called::default()).is_err() {
            *self = before;
        }
    }

    /// Whether the server must refuse the statement, as far as the schema alone tells.
    pub fn refuses(&self, command: &Command, at: Birth, settings: &Settings, major: u16) -> bool {
        let mut tried = self.clone();
        tried.follow(settings);
        tried.run(command, Under { born: Some(at), major }, &mut Called::default()).is_err()
    }

    fn run(&mut self, command: &Command, under: Under, called: &mut Called) -> Outcome {
        match command {
            Command::CreateTable(create) => self.create_table(create, under),
            Command::CreateTableAs {
                name,
                is_materialized_view,
                if_not_exists,
                persistence,
                with_data,
                columns,
                reads,
            } => {
                let kind = if *is_materialized_view { RelationKind::MaterializedView } else { RelationKind::Table };
                self.create_as((name, kind, *persistence), columns, reads, (*if_not_exists, *with_data), under)
            }
            Command::AlterTable { kind, name, only, if_exists, actions } => {
                self.alter_table((*kind, name), *only, *if_exists, actions, under)
            }
            Command::Drop(drop) => self.apply_drop(drop),
            Command::Rename(rename) => self.apply_rename(rename),
            Command::SetSchema { kind, name, schema } => self.set_schema(*kind, name, schema),
            Command::CreateIndex(create) => self.create_index(create, under),
            Command::CreateType { name, kind } => self.create_type(name, kind, under),
            Command::AddEnumValue { name, value, if_not_exists } => {
                self.add_enum_value(name, value, *if_not_exists, under)
            }
            Command::RenameEnumValue { name, from, to } => self.rename_enum_value(name, from, to),
            Command::CreateDomain { name, base, constraints, default, .. } => {
                self.create_domain(name, base, constraints, default.as_ref(), under)
            }
            Command::AlterDomain { name, action } => self.alter_domain(name, action),
            Command::CreateView { name, replace, persistence, columns, reads, .. } => {
                self.create_view((name, *persistence), *replace, columns.as_deref(), reads, under)
            }
            Command::CreateFunction(create) => self.create_function(create, under),
            Command::AlterFunction { name, volatility } => self.alter_function(name, *volatility),
            Command::CreateTrigger { name, table, replace, function, for_each_row, .. } => {
                self.create_trigger(name, table, *replace, function, *for_each_row)
            }
            Command::CreateSequence { name, if_not_exists, persistence, owned_by } => {
                self.create_sequence((name, *persistence), *if_not_exists, owned_by.as_ref(), under)
            }
            Command::AlterSequence { name, owned_by } => {
                let name = self.resolve(name);
                if owned_by.is_none() {
                    return Ok(());
                }
                self.expect(&name, RelationKind::Sequence)?;
                self.owned_by(&name, owned_by.as_ref())
            }
            Command::CreateSchema { name, if_not_exists, elements } => {
                if self.schemas.contains(name) && name != "public" {
                    return if *if_not_exists { Ok(()) } else { Err(Refused) };
                }
                self.schemas.insert_mut(name.clone());
                let mut path = vec![name.clone()];
                path.extend(self.search_path.iter().cloned());
                let before = std::mem::replace(&mut self.search_path, path);
                let done = elements.iter().try_for_each(|element| self.run(element, under, called));
                self.search_path = before;
                done
            }
            Command::Truncate { tables, .. } => {
                for table in tables {
                    let table = self.resolve(table);
                    for name in self.family(&table, false) {
                        if self.relations.get(&name).is_some_and(|relation| relation.has_rows)
                            && let Some(relation) = self.edit(&name)
                        {
                            relation.has_rows = false;
                        }
                    }
                }
                Ok(())
            }
            Command::Refresh { name, with_data, .. } => {
                let name = self.resolve(name);
                if let Some(relation) = self.edit(&name) {
                    relation.has_rows = *with_data;
                }
                Ok(())
            }
            Command::Dml(dml) => self.data(dml, under, called),
            Command::Copy { table: Some(table), is_from: true, .. } => {
                self.fill(table);
                Ok(())
            }
            Command::Do { body, .. } => self.body(body, false, under, called),
            Command::Call(name) => self.call(name, under, called),
            Command::Settings("create cast") => {
                self.has_own_casts = true;
                Ok(())
            }
            Command::Explain { runs: true, command } => self.run(command, under, called),
            // what is not new is kept by nobody
            Command::Discard => {
                self.end_session();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn create_trigger(&mut self, name: &str, table: &Name, replace: bool, function: &Name, row: bool) -> Outcome {
        let table = self.resolve(table);
        self.expect(&table, RelationKind::Table)?;
        let relation = self.edit(&table).ok_or(Refused)?;
        match relation.triggers.iter_mut().find(|(known, _)| known == name) {
            Some(_) if !replace => return Err(Refused),
            Some((_, known)) => known.clone_from(function),
            None => relation.triggers.push((name.to_owned(), function.clone())),
        }
        match row {
            true => relation.row_triggers.insert(name.to_owned()),
            false => relation.row_triggers.remove(name),
        };
        Ok(())
    }

    fn data(&mut self, dml: &Dml, under: Under, called: &mut Called) -> Outcome {
        if let Some(into) = &dml.into {
            self.create_as((into, RelationKind::Table, Persistence::Permanent), &[], &dml.reads, (false, true), under)?;
        }
        // an insert of no rows that the statement shows does not exist; a query may supply none
        if matches!(dml.kind, DmlKind::Insert | DmlKind::Merge)
            && let Some(target) = &dml.target
        {
            self.fill(target);
        }
        for (kind, target) in &dml.writes {
            if matches!(kind, DmlKind::Insert | DmlKind::Merge) {
                self.fill(target);
            }
        }
        dml.reads.functions.iter().try_for_each(|function| self.call(function, under, called))
    }

    /// Notes that rows were written. They may be in any partition.
    fn fill(&mut self, table: &Name) {
        let table = self.resolve(table);
        let is_partitioned = self.relations.get(&table).is_some_and(|relation| relation.is_partitioned());
        for name in self.family(&table, !is_partitioned) {
            if self.relations.get(&name).is_some_and(|relation| !relation.has_rows)
                && let Some(relation) = self.edit(&name)
            {
                relation.has_rows = true;
            }
        }
    }

    /// Runs what a function of the users' does.
    fn call(&mut self, name: &Name, under: Under, called: &mut Called) -> Outcome {
        let [function, ..] = self.functions(name) else { return Ok(()) };
        if function.body.statements.is_empty() || called.depth >= DEEPEST || called.count >= MOST_CALLED {
            return Ok(());
        }
        let body = Arc::clone(&function.body);
        called.depth += 1;
        // which of several of a name is called is not known
        let done = self.body(&body, self.functions(name).len() > 1, under, called);
        called.depth -= 1;
        done
    }

    /// Runs the statements of procedural code. One that fails may be meant to, `exception when duplicate_object`, so
    /// that it is passed over alone.
    fn body(&mut self, body: &Body, in_doubt: bool, under: Under, called: &mut Called) -> Outcome {
        for inner in &body.statements {
            if called.depth > 0 {
                called.count += 1;
                if called.count > MOST_CALLED {
                    break;
                }
            }
            let may_not_run = in_doubt || inner.in_branch;
            let before = self.clone();
            let under = if may_not_run { Under { born: None, ..under } } else { under };
            if self.run(&inner.command, under, called).is_err() {
                *self = before;
            } else if may_not_run {
                self.doubt(&inner.command);
            }
        }
        Ok(())
    }

    /// After something that could not be read, and may have made or changed anything: what is not in it may be there. What
    /// it holds is doubted only when a statement would fail by it (see [`Self::doubt_older`]), as to go through all of it
    /// each time would take too long.
    pub fn lost_track(&mut self) {
        self.is_complete = false;
        self.gone = RedBlackTreeSetSync::new_sync();
    }

    /// The relations that the statement names are not complete any more, but for those that were made after this statement
    /// of this script.
    pub fn doubt_older(&mut self, command: &Command, than: (usize, usize)) {
        for name in self.named(command) {
            for name in self.family(&name, false) {
                let is_later = |born: Birth| (born.script, born.statement) > than;
                let Some(relation) = self.relations.get(&name) else { continue };
                if relation.is_complete && !relation.born.is_some_and(is_later) {
                    let mut relation = (**relation).clone();
                    relation.is_complete = false;
                    self.relations.insert_mut(name, Arc::new(relation));
                }
            }
        }
    }

    /// The relations that a statement changes or looks at.
    fn named(&self, command: &Command) -> Vec<QName> {
        match command {
            Command::AlterTable { kind: ObjectKind::Index, name, .. } => {
                self.indexes.get(&self.resolve(name)).cloned().into_iter().collect()
            }
            Command::AlterTable { name, .. } => vec![self.resolve(name)],
            Command::CreateIndex(create) => vec![self.resolve(&create.table)],
            Command::CreateTable(create) => {
                let mut names: Vec<QName> = create.parents.iter().map(|name| self.resolve(name)).collect();
                names.extend(create.like.iter().map(|(name, _)| self.resolve(name)));
                names
            }
            Command::Rename(rename) => vec![self.resolve(&rename.object)],
            Command::CreateTrigger { table, .. } => vec![self.resolve(table)],
            Command::Dml(dml) => dml.target.iter().chain(&dml.reads.relations).map(|name| self.resolve(name)).collect(),
            _ => Vec::new(),
        }
    }

    /// After a statement that may not have run: what it names is not complete any more, or no longer known.
    fn doubt(&mut self, command: &Command) {
        let mut names: Vec<QName> = Vec::new();
        match command {
            Command::CreateTable(create) => names.push(self.resolve(&create.name)),
            Command::AlterTable { name, .. } => names.push(self.resolve(name)),
            Command::CreateIndex(create) => names.push(self.resolve(&create.table)),
            Command::Rename(rename) => {
                names.push(self.resolve(&rename.object));
                names.push(self.resolve(&Name { name: rename.to.clone(), ..rename.object.clone() }));
            }
            Command::SetSchema { name, schema, .. } => {
                names.push(self.resolve(name));
                names.push(QName::new(schema, &name.name));
            }
            Command::Drop(drop) => names.extend(drop.names.iter().map(|name| self.resolve(name))),
            _ => {}
        }
        for name in names {
            self.gone.remove_mut(&name);
            if !self.relations.contains_key(&name) {
                self.doubtful.insert_mut(name.clone());
            }
            for name in self.family(&name, false) {
                if let Some(relation) = self.edit(&name) {
                    relation.is_complete = false;
                }
            }
        }
    }
}

/// Whether a statement leaves the schema as it is, whatever that is.
fn changes_nothing(command: &Command) -> bool {
    match command {
        Command::Dml(dml) => {
            let writes = dml.target.is_some() || !dml.writes.is_empty() || dml.into.is_some();
            !writes && dml.reads.functions.is_empty()
        }
        Command::Transaction(_)
        | Command::Set { .. }
        | Command::Comment { .. }
        | Command::Grant { .. }
        | Command::Lock { .. }
        | Command::Vacuum { .. }
        | Command::Reindex { .. }
        | Command::Copy { is_from: false, .. }
        | Command::CreateExtension(_)
        | Command::Other(_) => true,
        _ => false,
    }
}

/// How far the functions that a statement calls have been followed.
#[derive(Debug, Default)]
struct Called {
    depth: u8,
    count: u32,
}

#[cfg(test)]
mod tests {
    use super::super::super::command::SetTo;
    use super::super::super::script::Parsed;
    use super::super::super::statement::{parse, with_parser};
    use super::super::dump::dump;
    use super::super::{Lookup, Relation};
    use super::*;

    const NEVER: Birth = Birth { script: 0, statement: 0, transaction: None };

    fn command(sql: &str) -> Command {
        match parse(sql, 0) {
            Parsed::Command(command) => command,
            other => panic!("{sql}: {other:?}"),
        }
    }

    /// Replays statements; those that must be refused are given back by number.
    fn replay(catalog: &mut Catalog, statements: &[&str], major: u16) -> Vec<usize> {
        let mut settings = Settings::default();
        let mut refused = Vec::new();
        for (number, sql) in statements.iter().enumerate() {
            let command = command(sql);
            if let Command::Set { name, to: SetTo::Value(value), .. } = &command {
                settings.values.insert(name.clone(), value.clone());
            }
            let at = Birth { statement: number, ..NEVER };
            if catalog.refuses(&command, at, &settings, major) {
                refused.push(number);
            }
            catalog.apply(&command, at, &settings, major);
        }
        refused
    }

    fn after(statements: &[&str]) -> Catalog {
        let mut catalog = Catalog::default();
        replay(&mut catalog, statements, 18);
        catalog
    }

    fn table<'a>(catalog: &'a Catalog, name: &str) -> &'a Relation {
        catalog.relation(&Name::bare(name)).known().unwrap_or_else(|| panic!("{name}"))
    }

    #[test]
    fn it_leaves_what_servers_left() {
        let statements = include_str!("measured.sql");
        for (major, expected) in [(15, include_str!("measured_15.txt")), (18, include_str!("measured_18.txt"))] {
            with_parser(|| {
                let mut out = Vec::new();
                for section in statements.split("-- section ").skip(1) {
                    let (head, body) = section.split_once('\n').unwrap();
                    let [name, _, from] = head.split(' ').collect::<Vec<_>>()[..] else { panic!("{head}") };
                    if from.parse::<u16>().unwrap() > major {
                        continue;
                    }
                    let statements: Vec<&str> = body.split(";;\n").filter(|sql| !sql.trim().is_empty()).collect();
                    let mut catalog = Catalog::default();
                    out.push(format!("-- {name}"));
                    let refused = replay(&mut catalog, &statements, major);
                    out.extend(refused.iter().map(|number| format!("X {number}")));
                    out.extend(dump(&catalog, major));
                }
                let expected: Vec<&str> = expected.lines().filter(|line| !line.starts_with('#')).collect();
                for (number, (ours, theirs)) in out.iter().zip(&expected).enumerate() {
                    assert_eq!(
                        ours,
                        theirs,
                        "line {number} on {major}, after {:?}",
                        &expected[number.saturating_sub(4)..number]
                    );
                }
                assert_eq!(out.len(), expected.len());
            });
        }
    }

    #[test]
    fn what_nobody_made_is_kept_as_far_as_statements_speak_of_it() {
        with_parser(|| {
            let catalog = after(&[
                "alter table users add column a int",
                "alter table users alter column b set not null",
                "alter table users add constraint c check (a is not null) not valid",
                "alter table users validate constraint c",
                "create index concurrently i on users (z)",
                "alter table orders add foreign key (user_id) references users (id)",
            ]);
            let users = table(&catalog, "users");
            assert!(!users.is_complete && users.born.is_none());
            assert!(users.column("b").unwrap().is_not_null && users.column("a").unwrap().born.is_some());
            assert!(users.constraint("c").unwrap().is_valid);
            assert!(users.index("i").is_some());
            assert!(users.referenced_by.contains(&QName::new("public", "orders")));
            assert!(matches!(catalog.relation(&Name::bare("other")), Lookup::Unknown));
        });
    }

    #[test]
    fn what_was_dropped_is_absent_and_what_may_have_been_is_unknown() {
        with_parser(|| {
            let catalog = after(&[
                "drop table a",
                "create table b (id int)",
                "alter table b rename to c",
                "create table d (id int)",
                "do $$ begin if random() > 0.5 then drop table d; end if; end $$",
                "create table e (id int)",
                "do $$ begin if true then alter table e add column f int; end if; end $$",
            ]);
            let lookup = |name: &str| catalog.relation(&Name::bare(name));
            assert!(matches!(lookup("a"), Lookup::Absent));
            assert!(matches!(lookup("b"), Lookup::Absent));
            assert!(matches!(lookup("c"), Lookup::Known(_)));
            assert!(matches!(lookup("d"), Lookup::Unknown));
            let e = table(&catalog, "e");
            assert!(!e.is_complete && e.column("f").unwrap().born.is_none());
        });
    }

    #[test]
    fn a_refused_statement_changes_nothing() {
        with_parser(|| {
            let mut catalog = after(&["create table t (a int, b int)", "create index i on t (a)"]);
            let before = dump(&catalog, 18);
            let refused = replay(
                &mut catalog,
                &[
                    "create table t (c int)",
                    "alter table t add column c int, add column d int, drop column nope",
                    "create index i on t (b)",
                    "create table u (a int primary key, b int primary key)",
                ],
                18,
            );
            assert_eq!(refused, [0, 1, 2, 3]);
            assert_eq!(dump(&catalog, 18), before);
        });
    }

    #[test]
    fn rows_and_the_session() {
        with_parser(|| {
            let statements = ["create table t (a int)", "insert into t values (1)", "create temp table x (a int)"];
            let mut catalog = after(&statements);
            assert!(table(&catalog, "t").has_rows);
            assert_eq!(*table(&catalog, "x").name.schema, *"pg_temp");
            catalog.end_session();
            assert!(catalog.relation(&Name::bare("x")).known().is_none());
            replay(&mut catalog, &["truncate t"], 18);
            assert!(!table(&catalog, "t").has_rows);
        });
    }

    #[test]
    fn an_enum_remembers_when_a_value_was_added() {
        with_parser(|| {
            let catalog =
                after(&["create type m as enum ('a')", "alter type m add value 'b'", "alter type other add value 'x'"]);
            let values = |name: &str| match &catalog.type_of(&Name::bare(name)).unwrap().kind {
                super::super::TypeDefinition::Enum(values) => values.clone(),
                other => panic!("{other:?}"),
            };
            let born = Some(Birth { statement: 1, ..NEVER });
            assert_eq!(values("m"), [("a".to_owned(), None), ("b".to_owned(), born)]);
            assert_eq!(values("other"), [("x".to_owned(), Some(Birth { statement: 2, ..NEVER }))]);
        });
    }

    #[test]
    fn a_called_function_does_what_it_says() {
        with_parser(|| {
            let catalog = after(&[
                "create function make() returns void language plpgsql as $$ begin create table made (a int); end $$",
                "create function around() returns void language plpgsql as $$ begin perform around(); perform make(); end $$",
                "select around()",
            ]);
            assert!(table(&catalog, "made").born.is_some());
        });
    }
}
