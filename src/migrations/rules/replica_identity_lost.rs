//! Table left without what logical replication knows its rows by
//!
//! ## Why it matters
//! A published table whose rows have no identity refuses updates and deletes: "cannot update table because it does not
//! have a replica identity and publishes updates". That is the application's error, from the commit on, and nothing in
//! the migration fails. Subscribers, change-data-capture and managed upgrades depend on it too.
//!
//! ## How it is decided
//! On a table that was there before the script: its primary key is dropped, by itself or with one of its columns, and
//! no new one is added in the same statement or transaction; the index that is its replica identity is dropped;
//! `replica identity nothing`; or a publication takes a table that is known to have no primary key. *medium*: whether
//! the table is published is not known here; *high* where a publication of the migrations names it.
//!
//! ## What to do
//! Change the key in one transaction: build the new index concurrently, then drop the constraint and add the new one
//! `using index` in one `alter table`. Where there is no key, `replica identity full` serves, at the cost of every old
//! row in the log.
//!
//! ## Limits
//! Publications `for all tables`, those made elsewhere and `wal_level` are not seen. A replica identity of `full` is
//! not lost with the key: silent.

use super::prelude::*;
use super::{advice, around};
use crate::migrations::catalog::TableConstraint;
use crate::migrations::command::ReplicaIdentity;

/// Rows that nobody can tell apart.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "replica-identity-lost",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("replica_identity_lost.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    match m.command {
        Command::AlterTable { name, .. } => {
            let relation = m.catalog.resolve(name);
            if m.is_new(&relation) || gains_key(m.command) {
                return found;
            }
            for (number, action) in m.actions() {
                let place = Place::Action(number);
                if let Some(because) = lost(m, &relation, action) {
                    found.extend(judge(m, place, &relation, &because));
                }
            }
        }
        Command::Drop(drop) if drop.kind == ObjectKind::Index => {
            for (number, name) in drop.names.iter().enumerate() {
                let Some(table) = m.catalog.table_of_index(name).filter(|table| !m.is_new(&table.name)) else {
                    continue;
                };
                if table.replica_identity == ReplicaIdentity::Index(name.name.clone()) {
                    let because = format!("index {name}, which is its replica identity, is dropped");
                    found.extend(judge(m, Place::Action(number), &table.name, &because));
                }
            }
        }
        Command::Publication { tables, .. } if !drops(m.text()) => {
            found.extend(tables.iter().filter_map(|name| published(m, name)));
        }
        _ => {}
    }
    found
}

/// Whether a statement gives a table a primary key, or an identity.
fn gains_key(command: &Command) -> bool {
    let Command::AlterTable { actions, .. } = command else { return false };
    actions.iter().any(|action| match &action.kind {
        ActionKind::AddConstraint(constraint) => constraint.kind == ConstraintKind::PrimaryKey,
        ActionKind::AddColumn { column, .. } => {
            column.constraints.iter().any(|constraint| constraint.kind == ConstraintKind::PrimaryKey)
        }
        ActionKind::ReplicaIdentity(identity) => *identity != ReplicaIdentity::Nothing,
        _ => false,
    })
}

fn key(known: &Relation) -> Option<&TableConstraint> {
    known.constraints.iter().find(|constraint| constraint.definition.kind == ConstraintKind::PrimaryKey)
}

/// How an action takes the identity, where it does.
fn lost(m: &Moment<'_>, relation: &QName, action: &ActionKind) -> Option<String> {
    let known = m.catalog.get(relation).known();
    let is_by_key = known.is_none_or(|known| known.replica_identity == ReplicaIdentity::Default);
    match action {
        ActionKind::ReplicaIdentity(ReplicaIdentity::Nothing) => Some("replica identity nothing".to_owned()),
        ActionKind::DropConstraint { name, .. } if is_by_key => {
            let is_key = match known.and_then(key) {
                Some(key) => key.name == *name,
                // PostgreSQL's own choice of a name, where the table is not known
                None => known.is_none_or(|known| !known.is_complete) && *name == format!("{}_pkey", relation.name),
            };
            is_key.then(|| format!("its primary key {name} is dropped"))
        }
        ActionKind::DropColumn { column, .. } if is_by_key => {
            let key = known.and_then(key).filter(|key| key.definition.columns.iter().any(|one| one == column))?;
            Some(format!("its primary key {} goes with column {column}", key.name))
        }
        _ => None,
    }
}

fn judge(m: &Moment<'_>, place: Place, relation: &QName, because: &str) -> Option<Finding> {
    let regains = around::later_in_transaction(m).any(|command| match command {
        Command::AlterTable { name, .. } => around::is_named(m, name, relation) && gains_key(command),
        _ => false,
    });
    if regains {
        return None;
    }
    let publication = publication_of(m, relation);
    let (severity, message) = match &publication {
        Some(name) => {
            (Severity::High, format!("{because}: {relation} is in publication {name}, so its updates and deletes fail"))
        }
        None => (
            Severity::Medium,
            format!("{because}: where {relation} is published, its updates and deletes fail from the commit on"),
        ),
    };
    let finding = m.finding(&RULE.meta, place, m.table(relation), message).severity(severity);
    let finding = around::locked(finding, m, relation).list("publications", publication.into_iter().collect());
    Some(finding.advice(
        "add the new key in the same transaction, from an index built concurrently before, or set replica identity full first",
    ))
}

/// The publication of the migrations so far that takes a relation.
fn publication_of(m: &Moment<'_>, relation: &QName) -> Option<String> {
    // a bound for what a program writes: a publication is made early, if at all
    const SEARCHED: usize = 1000;
    let scripts = m.project.scripts.iter().take(m.step.script + 1);
    let statements = scripts.flat_map(|script| script.statements.iter().map(move |statement| (script, statement)));
    let mut of = None;
    for (script, statement) in statements.take(SEARCHED) {
        let Some(Command::Publication { name, tables, .. }) = statement.command() else { continue };
        if tables.iter().any(|table| m.catalog.resolve(table) == *relation) {
            let text = m.project.files.get(script.file).and_then(|file| file.text.get(statement.span.clone()));
            of = if drops(text.unwrap_or_default()) { None } else { Some(name.clone()) };
        }
    }
    of
}

/// `alter publication … drop table`.
fn drops(sql: &str) -> bool {
    advice::top_words(sql).iter().any(|(_, word)| word == "drop")
}

fn published(m: &Moment<'_>, name: &Name) -> Option<Finding> {
    let relation = m.catalog.resolve(name);
    let known = m.catalog.get(&relation).known().filter(|known| known.is_complete)?;
    let is_bare = known.replica_identity == ReplicaIdentity::Default && key(known).is_none();
    if !(is_bare || known.replica_identity == ReplicaIdentity::Nothing) {
        return None;
    }
    let message =
        format!("{relation} is published and has no replica identity: its updates and deletes fail from the commit on");
    let finding = m.finding(&RULE.meta, Place::Statement, m.table(&relation), message).severity(Severity::High);
    Some(finding.advice("give it a primary key, or set replica identity full, before it is published"))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const TABLES: &str = "-- file: 0.sql released\ncreate table t (id int primary key, a int not null);\n\
        create table p (id int primary key);\ncreate publication feed for table p;\ncreate table bare (a int);\n\
        create table f (id int primary key);\nalter table f replica identity full;\n\
        create table x (id int not null);\ncreate unique index x_id on x (id);\n\
        alter table x replica identity using index x_id;\n-- file: 1.sql\n";

    #[test]
    fn keys_and_identities_that_go() {
        for (sql, start) in [
            ("alter table t drop constraint t_pkey;", "medium its primary key t_pkey is dropped: where t is published"),
            ("alter table t drop column id;", "medium its primary key t_pkey goes with column id"),
            (
                "alter table p drop constraint p_pkey;",
                "high its primary key p_pkey is dropped: p is in publication feed",
            ),
            ("alter table t replica identity nothing;", "medium replica identity nothing"),
            ("drop index x_id;", "medium index x_id, which is its replica identity, is dropped"),
            ("alter publication feed add table bare;", "high bare is published and has no replica identity"),
            ("alter table unknown drop constraint unknown_pkey;", "medium its primary key unknown_pkey is dropped"),
        ] {
            let found = says(&RULE, &format!("{TABLES}{sql}"));
            assert!(found.len() == 1 && found[0].starts_with(start), "{sql} {found:?}");
        }
    }

    #[test]
    fn keys_that_are_replaced_are_silent() {
        for sql in [
            "alter table t drop constraint t_pkey, add primary key (a);",
            "begin; alter table t drop constraint t_pkey; alter table t add primary key (a); commit;",
            "alter table f drop constraint f_pkey;",
            "alter table t drop column a;",
            "create table n (id int primary key); alter table n drop constraint n_pkey;",
            "alter publication feed add table t;",
            "alter publication feed drop table bare;",
        ] {
            let found = says(&RULE, &format!("{TABLES}{sql}"));
            assert!(found.is_empty(), "{sql} {found:?}");
        }
    }
}
