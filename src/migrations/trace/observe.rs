//! What a statement did, asked of the server: its locks, the relations it wrote anew, and what debug messages say.

use crate::lock::LockMode;
use crate::migrations::catalog::QName;
use crate::pg::{Refused, Workbench};
use std::collections::{BTreeMap, BTreeSet};

/// Relations by their oid: name, kind, and the file of their rows.
pub(super) type Relations = BTreeMap<u64, Relation>;

/// A relation as it is at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) name: QName,
    /// `pg_class.relkind`.
    pub(super) kind: char,
    /// `pg_class.relfilenode`, as text.
    pub(super) file: String,
    /// Of an index, the oid of its table.
    pub(super) table: Option<u64>,
}

/// What a statement did to relations that were there before its script.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Observed {
    /// The strongest lock that it took on each, indexes left out; `AccessShareLock` too.
    pub(super) locks: BTreeMap<String, LockMode>,
    /// The strongest lock that is held on each when it is done, from earlier statements too.
    pub(super) held: BTreeMap<String, LockMode>,
    pub(super) rewrites: BTreeSet<String>,
    pub(super) scans: BTreeSet<String>,
    pub(super) builds: BTreeSet<String>,
    pub(super) validations: BTreeSet<String>,
    /// Why it failed.
    pub(super) error: Option<Refused>,
    /// Why it failed before the rows that were put there were taken away again.
    pub(super) with_rows: Option<Refused>,
    /// Whether its locks could be seen.
    pub(super) saw_locks: bool,
    /// The relations that were there before its script, by the names they have.
    pub(super) old: BTreeSet<String>,
}

/// The names of those relations that were there before a script.
pub(super) fn names_of_old(before: &Relations, old: &Relations) -> BTreeSet<String> {
    before.iter().filter(|(oid, _)| old.contains_key(oid)).map(|(_, one)| one.name.to_string()).collect()
}

impl Observed {
    pub(super) fn failed(error: Refused) -> Self {
        Self { error: Some(error), ..Self::default() }
    }
}

/// Tables of users.
pub(super) const TABLES: &str = "select n.nspname || '.' || c.relname from pg_catalog.pg_class as c \
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' \
    and not exists (select from pg_catalog.pg_depend as d where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass \
    and d.objid = c.oid and d.deptype = 'e') order by 1";

const RELATIONS: &str = "select c.oid, n.nspname, c.relname, c.relkind, c.relfilenode, i.indrelid \
    from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
    left join pg_catalog.pg_index as i on i.indexrelid = c.oid \
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";

const SCANS: &str = "select relid, seq_scan from pg_catalog.pg_stat_xact_user_tables where seq_scan > 0";

/// Whether a backend waits for anything.
pub(super) async fn is_waiting(session: &Workbench, pid: &str) -> bool {
    let sql = format!("select 1 from pg_catalog.pg_locks as l where l.pid = {pid} and not l.granted limit 1");
    session.run(&sql).await.is_ok_and(|rows| !rows.is_empty())
}

fn locks_of(pid: &str) -> String {
    format!(
        "select l.relation, l.mode from pg_catalog.pg_locks as l where l.locktype = 'relation' and l.pid = {pid} \
         and l.database in (0, (select d.oid from pg_catalog.pg_database as d where d.datname = \
         pg_catalog.current_database()))"
    )
}

/// The locks of a backend, granted or waited for, by relation; the strongest of each.
pub(super) async fn locks(session: &Workbench, pid: &str) -> Result<BTreeMap<u64, LockMode>, Refused> {
    let mut locks: BTreeMap<u64, LockMode> = BTreeMap::new();
    for row in session.run(&locks_of(pid)).await? {
        let mut columns = row.into_iter().map(Option::unwrap_or_default);
        let (Some(oid), Some(mode)) = (columns.next(), columns.next()) else { continue };
        let (Ok(oid), mode) = (oid.parse(), LockMode::from(mode.as_str())) else { continue };
        let known = locks.entry(oid).or_insert_with(|| mode.clone());
        if *known < mode {
            *known = mode;
        }
    }
    Ok(locks)
}

/// The relations of users, as the session sees them.
pub(super) async fn relations(session: &Workbench) -> Result<Relations, Refused> {
    let rows = session.run(RELATIONS).await?;
    let relation = |row: Vec<Option<String>>| {
        let mut columns = row.into_iter();
        let mut next = || columns.next().flatten();
        let oid = next()?.parse().ok()?;
        let name = QName::new(&next()?, &next()?);
        let kind = next()?.chars().next()?;
        let file = next()?;
        Some((oid, Relation { name, kind, file, table: next().and_then(|oid| oid.parse().ok()) }))
    };
    Ok(rows.into_iter().filter_map(relation).collect())
}

async fn scans(session: &Workbench) -> BTreeMap<u64, u64> {
    let rows = session.run(SCANS).await.unwrap_or_default();
    let pair = |row: Vec<Option<String>>| {
        let mut columns = row.into_iter().flatten();
        Some((columns.next()?.parse().ok()?, columns.next()?.parse().ok()?))
    };
    rows.into_iter().filter_map(pair).collect()
}

/// Runs a statement in the transaction that is open, and looks at what it did.
pub(super) async fn run(session: &mut Workbench, text: &str, old: &Relations) -> Observed {
    let own = "pg_catalog.pg_backend_pid()";
    let before = relations(session).await.unwrap_or_default();
    let locks_before = locks(session, own).await.unwrap_or_default();
    let scans_before = scans(session).await;
    let valid = valid_keys(session).await;
    drop(session.run("set client_min_messages = debug1").await);
    session.heard();
    let answer = session.run(text).await;
    let heard = session.heard();
    let mut observed = Observed { old: names_of_old(&before, old), ..Observed::default() };
    read_messages(&heard, &before, old, &mut observed);
    if let Err(error) = answer {
        observed.error = Some(error);
        return observed;
    }
    drop(session.run("set client_min_messages = notice").await);
    let Ok(locks_after) = locks(session, own).await else { return observed };
    observed.saw_locks = true;
    for (oid, mode) in &locks_after {
        let Some(relation) = before.get(oid).filter(|relation| is_told(relation) && old.contains_key(oid)) else {
            continue;
        };
        let name = relation.name.to_string();
        observed.held.insert(name.clone(), mode.clone());
        if locks_before.get(oid).is_none_or(|known| known < mode) {
            observed.locks.insert(name, mode.clone());
        }
    }
    observed.validations = validated(session, &heard, &before, old, &valid).await;
    let after = relations(session).await.unwrap_or_default();
    read_files(&before, &after, old, &mut observed);
    for (oid, count) in scans(session).await {
        let Some(relation) = before.get(&oid).filter(|_| old.contains_key(&oid)) else { continue };
        if scans_before.get(&oid).is_none_or(|known| *known < count) {
            observed.scans.insert(relation.name.to_string());
        }
    }
    observed
}

/// Whether a lock on it is told of: of indexes the review tells only what matters.
pub(super) fn is_told(relation: &Relation) -> bool {
    !matches!(relation.kind, 'i' | 'I' | 't')
}

/// Tables whose rows are in another file than before.
pub(super) fn read_files(before: &Relations, after: &Relations, old: &Relations, observed: &mut Observed) {
    for (oid, relation) in before {
        let is_stored = matches!(relation.kind, 'r' | 'm') && old.contains_key(oid);
        if is_stored && after.get(oid).is_some_and(|now| now.file != relation.file) {
            observed.rewrites.insert(relation.name.to_string());
        }
        let table = relation.table.filter(|table| old.contains_key(table));
        let (true, Some(table)) = (relation.kind == 'i', table) else { continue };
        if after.get(oid).is_some_and(|now| now.file != relation.file)
            && let Some(table) = before.get(&table)
        {
            observed.builds.insert(table.name.to_string());
        }
    }
}

/// What the server says while it works; the wording has not changed since 10.
pub(super) fn read_messages(heard: &[String], before: &Relations, old: &Relations, observed: &mut Observed) {
    // messages name a relation without its schema
    let named = |bare: &str| {
        let own = before.iter().filter(|(oid, one)| &*one.name.name == bare && old.contains_key(oid));
        own.map(|(_, one)| one.name.to_string()).next()
    };
    for message in heard {
        let mut quoted = message.split('"').skip(1).step_by(2);
        let (first, second) = (quoted.next().unwrap_or_default(), quoted.next());
        if message.starts_with("rewriting table ") {
            observed.rewrites.extend(named(first));
        } else if message.starts_with("verifying table ") {
            observed.scans.extend(named(first));
        } else if message.starts_with("building index ") {
            observed.builds.extend(second.and_then(named));
        }
    }
}

/// The foreign keys that are valid, by oid.
pub(super) async fn valid_keys(session: &Workbench) -> BTreeSet<u64> {
    let sql = "select k.oid from pg_catalog.pg_constraint as k where k.contype = 'f' and k.convalidated";
    let rows = session.run(sql).await.unwrap_or_default();
    rows.into_iter().flatten().flatten().filter_map(|oid| oid.parse().ok()).collect()
}

/// The tables of the foreign keys that a statement validated: the message names the constraint alone, and partitions have
/// those of their table by the same name, so that it is one of those that were not valid before.
pub(super) async fn validated(
    session: &Workbench,
    heard: &[String],
    before: &Relations,
    old: &Relations,
    valid: &BTreeSet<u64>,
) -> BTreeSet<String> {
    let named = heard.iter().filter(|message| message.starts_with("validating foreign key constraint "));
    let names: Vec<String> = named.filter_map(|message| message.split('"').nth(1)).map(crate::sql::literal).collect();
    if names.is_empty() {
        return BTreeSet::new();
    }
    let sql = format!(
        "select k.oid, k.conrelid from pg_catalog.pg_constraint as k where k.contype = 'f' and k.conname in ({})",
        names.join(", ")
    );
    let rows = session.run(&sql).await.unwrap_or_default();
    let pair = |row: Vec<Option<String>>| {
        let mut columns = row.into_iter().flatten().filter_map(|oid| oid.parse::<u64>().ok());
        Some((columns.next()?, columns.next()?))
    };
    let oids = rows.into_iter().filter_map(pair).filter(|(key, _)| !valid.contains(key)).map(|(_, table)| table);
    oids.filter(|oid| old.contains_key(oid)).filter_map(|oid| Some(before.get(&oid)?.name.to_string())).collect()
}
