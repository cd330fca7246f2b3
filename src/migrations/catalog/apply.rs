//! Bringing the catalog up to date with a statement.

use super::super::command::{Body, Command, Dml, DmlKind, Name, Persistence};
use super::super::session::Settings;
use super::registry::{Outcome, Refused, Under};
use super::{Birth, Catalog, QName, RelationKind};
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
