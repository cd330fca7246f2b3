//! Measuring: what is worth its cost, chosen from what was read, and then read itself, under a budget of bytes and time.
//!
//! The choice is a pure function of the facts; the results are stored as facts, so that no check can tell a live run from a
//! replay. What was not measured is named with the reason.

#![allow(clippy::disallowed_methods, reason = "measuring takes time, and says how much")]

pub mod index_size;
pub mod plan;
mod sequence_value;

use crate::catalog::{Catalog, qualified, quote};
use crate::collect::{Stop, missing};
use crate::facts::index_pages::{self, IndexMeasure, IndexPages, MINIMUM_BYTES};
use crate::facts::key_values::{Greatest, KeyValue};
use crate::facts::tables::Table;
use crate::facts::{Database, Fact, Snapshot};
use crate::outcome::{Missing, Reason};
use crate::pg::{self, Door, Parameter};
use crate::queries::Queries;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// What measuring may cost, over all databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of indexes read at most.
    pub bytes: u64,
    /// Time spent at most.
    pub time: Duration,
    /// Bytes an index must have to be worth it.
    pub floor: i64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: 2 << 30, time: Duration::from_secs(30), floor: MINIMUM_BYTES }
    }
}

/// When statements are planned to learn how tables are read. Planning may run functions that the statement calls, so it
/// never happens as a superuser unless that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plans {
    /// Never.
    Off,
    /// As a role that is no superuser.
    On,
    /// As any role.
    Always,
}

/// Measures what is worth it in every database of a snapshot, and adds it to its facts. `queries` says which statements
/// are worth a plan.
pub async fn measure(
    door: &Door,
    snapshot: &mut Snapshot,
    queries: Option<&Queries>,
    budget: Budget,
    plans: Plans,
    stop: &Stop,
) {
    let mut purse =
        Purse { bytes: budget.bytes, until: Instant::now() + budget.time, budget, stop: Some(stop.clone()) };
    let role = door.identity().session_user.clone();
    let in_recovery = door.in_recovery();
    let block_size = snapshot.server.server.ok().map_or(8192, |server| i64::from(server.block_size));
    let at = snapshot.captured_at;
    // the smaller works first: the bytes that are left are for the indexes
    for index in 0..snapshot.databases.len() {
        let name = snapshot.databases[index].name.clone();
        let unread = sequence_value::read(&door.database(&name), &mut snapshot.databases[index], &purse, &role).await;
        snapshot.databases[index].unread_sequences = unread;
        let facts = &snapshot.databases[index];
        let session = Measuring { database: door.database(&facts.name), role: &role, in_recovery };
        let key_values = session.key_values(facts, &purse).await;
        snapshot.databases[index].key_values = Fact::Read { at, rows: key_values };
        let planned = plan::plans(door, snapshot, index, queries, plans, purse.until).await;
        snapshot.databases[index].plans = planned;
    }
    // biggest first over all databases, so that one with many small indexes does not use up what another needs
    let mut targets: Vec<(usize, u32, i64)> = Vec::new();
    for (index, database) in snapshot.databases.iter().enumerate() {
        let worth = worth_measuring(database, block_size, budget.floor);
        targets.extend(worth.into_iter().map(|(oid, bytes)| (index, oid, bytes)));
    }
    targets.sort_by_key(|(_, _, bytes)| std::cmp::Reverse(*bytes));
    let mut measured: Vec<Vec<IndexMeasure>> = vec![Vec::new(); snapshot.databases.len()];
    for (index, oid, bytes) in targets {
        let facts = &snapshot.databases[index];
        let session = Measuring { database: door.database(&facts.name), role: &role, in_recovery };
        let pages = session.index_pages(facts, oid, bytes, &mut purse).await;
        measured[index].push(IndexMeasure { oid, pages, estimated_bytes: None });
    }
    for (index, mut rows) in measured.into_iter().enumerate() {
        let facts = &snapshot.databases[index];
        index_size::estimate(&door.database(&facts.name), facts, &mut rows, block_size).await;
        snapshot.databases[index].index_pages = match snapshot.databases[index].indexes.missing() {
            Some(missing) => Fact::Missing(missing.clone()),
            None => Fact::Read { at, rows },
        };
    }
}

/// What is left of the budget.
struct Purse {
    bytes: u64,
    until: Instant,
    budget: Budget,
    stop: Option<Stop>,
}

impl Purse {
    /// Takes what a read costs, or says why it cannot be afforded.
    fn spend(&mut self, bytes: i64) -> Result<(), Missing> {
        use crate::finding::{Unit, humane};
        if self.is_stopped() {
            return Err(Missing::new("index_pages", Reason::Failed, "the audit was interrupted"));
        }
        if Instant::now() >= self.until {
            let limit = humane(self.budget.time.as_secs_f64(), &Unit::Seconds);
            return Err(over(format!("measuring stopped after its budget of {limit}"), "--measure-budget 2GiB,5min"));
        }
        let bytes = u64::try_from(bytes).unwrap_or(0);
        match self.bytes.checked_sub(bytes) {
            Some(left) => {
                self.bytes = left;
                Ok(())
            }
            None => {
                let limit = humane(self.budget.bytes as f64, &Unit::Bytes);
                Err(over(format!("reading it would exceed the budget of {limit}"), "--measure-budget 20GiB,5min"))
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(Stop::is_stopped)
    }

    fn has_time(&self) -> bool {
        !self.is_stopped() && Instant::now() < self.until
    }
}

fn over(because: String, unlock: &str) -> Missing {
    Missing::new("index_pages", Reason::Budget, because).unlocked_by(unlock)
}

/// The B-tree indexes of users' tables that are large enough, with their bytes, biggest first.
pub fn worth_measuring(database: &Database, block_size: i64, floor: i64) -> Vec<(u32, i64)> {
    let (Some(indexes), Some(tables)) = (database.indexes.ok(), database.tables.ok()) else { return Vec::new() };
    let foreign: HashSet<u32> = tables.iter().filter(|table| table.owned_by_extension).map(|table| table.oid).collect();
    let mut targets: Vec<(u32, i64)> = indexes
        .iter()
        .filter(|index| {
            index.method == "btree" && index.kind == 'i' && index.is_live && !foreign.contains(&index.table_oid)
        })
        .map(|index| (index.oid, i64::from(index.pages) * block_size))
        .filter(|(_, bytes)| *bytes >= floor)
        .collect();
    targets.sort_by_key(|(oid, bytes)| (std::cmp::Reverse(*bytes), *oid));
    targets
}

struct Measuring<'a> {
    database: pg::Database,
    role: &'a str,
    in_recovery: bool,
}

impl Measuring<'_> {
    async fn index_pages(
        &self,
        facts: &Database,
        oid: u32,
        bytes: i64,
        purse: &mut Purse,
    ) -> Result<IndexPages, Missing> {
        const FACT: &str = "index_pages";
        let extensions = facts.extensions.read()?;
        let Some(extension) = extensions.iter().find(|extension| extension.name == "pgstattuple") else {
            return Err(Missing::new(
                FACT,
                Reason::Extension,
                format!("pgstattuple is not installed in {}", facts.name),
            )
            .unlocked_by("create extension pgstattuple;"));
        };
        let index = facts.indexes.ok().into_iter().flatten().find(|index| index.oid == oid);
        let table =
            facts.tables.ok().into_iter().flatten().find(|table| index.is_some_and(|i| i.table_oid == table.oid));
        if table.is_some_and(|table| self.is_absent(table)) {
            return Err(on_the_primary(FACT));
        }
        purse.spend(bytes)?;
        let sql = index_pages::SQL.replace("extension_schema.", &format!("{}.", quote(&extension.schema)));
        match self.database.read::<IndexPages>(&sql, &[Parameter::Oid(oid)]).await {
            Ok(mut rows) => rows.pop().ok_or_else(|| Missing::new(FACT, Reason::Failed, "the server returned no row")),
            Err(pg::ReadError::Denied { message }) => {
                Err(Missing::new(FACT, Reason::Privilege, message).unlocked_by(format!(
                    "grant usage on schema {} to {role};\ngrant pg_stat_scan_tables to {role};",
                    quote(&extension.schema),
                    role = quote(self.role)
                )))
            }
            Err(error) => Err(missing(FACT, &error, self.role)),
        }
    }

    /// The greatest value of every integer key that no sequence feeds: the largest tables first, one probe each.
    async fn key_values(&self, facts: &Database, purse: &Purse) -> Vec<KeyValue> {
        const AT_MOST: usize = 500;
        let catalog = Catalog::new(facts);
        let mut values = Vec::new();
        for (number, (table_oid, column_number)) in application_keys(facts, &catalog).into_iter().enumerate() {
            let greatest = match number < AT_MOST && purse.has_time() {
                true => self.greatest(&catalog, table_oid, column_number).await,
                false => Err(Missing::new("key_values", Reason::Budget, "too many keys to probe within the budget")),
            };
            values.push(KeyValue { table_oid, column_number, greatest });
        }
        values
    }

    async fn greatest(&self, catalog: &Catalog<'_>, table: u32, column: i16) -> Result<Option<i64>, Missing> {
        const FACT: &str = "key_values";
        let (Some(row), Some(column)) = (catalog.table(table), catalog.column(table, column)) else {
            return Err(Missing::new(FACT, Reason::Failed, "the column is gone"));
        };
        if catalog.is_locked(table) {
            return Err(Missing::new(FACT, Reason::Locked, "the table was held in AccessExclusiveLock"));
        }
        if self.is_absent(row) {
            return Err(on_the_primary(FACT));
        }
        let name = qualified(&row.schema, &row.name);
        let sql = format!("select max({})::int8 as value from {name}", quote(&column.name));
        match self.database.read::<Greatest>(&sql, &[]).await {
            Ok(rows) => Ok(rows.first().and_then(|row| row.value)),
            Err(pg::ReadError::Denied { message }) => {
                Err(Missing::new(FACT, Reason::Privilege, message).unlocked_by(format!(
                    "grant usage on schema {} to {role};\ngrant select ({}) on {name} to {role};",
                    quote(&row.schema),
                    quote(&column.name),
                    role = quote(self.role)
                )))
            }
            // a partition of it is unlogged
            Err(pg::ReadError::Other { sqlstate, .. }) if self.in_recovery && sqlstate == "0A000" => {
                Err(on_the_primary(FACT))
            }
            Err(error) => Err(missing(FACT, &error, self.role)),
        }
    }

    /// Whether a table has no data here: a standby does not receive those of unlogged ones.
    fn is_absent(&self, table: &Table) -> bool {
        self.in_recovery && table.persistence == 'u'
    }
}

fn on_the_primary(fact: &str) -> Missing {
    Missing::new(fact, Reason::Service, "an unlogged table cannot be read on a standby")
        .unlocked_by("run the audit on the primary")
}

/// The primary keys of one small integer column that applications fill themselves, those of the largest tables first.
/// Partitions share the key of their parent.
pub fn application_keys(facts: &Database, catalog: &Catalog<'_>) -> Vec<(u32, i16)> {
    let fed: HashSet<(u32, i16)> =
        facts.sequence_uses.ok().into_iter().flatten().map(|using| (using.table_oid, using.column_number)).collect();
    let keys = facts.constraints.ok().into_iter().flatten().filter(|constraint| constraint.r#type == 'p');
    let mut keys: Vec<(u32, i16)> = keys
        .filter_map(|constraint| match constraint.columns.as_deref() {
            Some([column]) => Some((constraint.table_oid, *column)),
            _ => None,
        })
        .filter(|key| !fed.contains(key))
        .filter(|(table, column)| {
            let small = catalog.column(*table, *column).is_some_and(|column| matches!(column.base_type_oid, 21 | 23));
            let own = catalog.table(*table).is_some_and(|table| !table.owned_by_extension && !table.is_partition);
            small && own
        })
        .collect();
    keys.sort_by(|a, b| {
        let rows = |table: u32| catalog.rows(table).unwrap_or(0.0);
        rows(b.0).total_cmp(&rows(a.0)).then(a.cmp(b))
    });
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Lab;

    #[test]
    fn large_b_trees_are_worth_it_biggest_first() {
        let mut lab = Lab::new();
        let table = lab.table("t", &["a"], 1e6);
        let small = lab.index(table, "small", &[1]);
        lab.index_row(small).pages = 10;
        let big = lab.index(table, "big", &[1]);
        lab.index_row(big).pages = 10_000;
        let bigger = lab.index(table, "bigger", &[1]);
        lab.index_row(bigger).pages = 20_000;
        let gin = lab.index(table, "gin", &[1]);
        lab.index_row(gin).pages = 90_000;
        lab.index_row(gin).method = "gin".into();
        let oids: Vec<u32> = worth_measuring(lab.db(), 8192, MINIMUM_BYTES).into_iter().map(|(oid, _)| oid).collect();
        assert_eq!(oids, [bigger, big]);
    }

    #[test]
    fn a_purse_says_what_ran_out() {
        let budget = Budget { bytes: 100, time: Duration::from_secs(60), floor: 0 };
        let mut purse = Purse { bytes: 100, until: Instant::now() + budget.time, budget, stop: None };
        assert!(purse.spend(60).is_ok());
        assert_eq!(purse.spend(60).unwrap_err().reason, Reason::Budget);
        assert!(purse.spend(40).is_ok());
        purse.until = Instant::now();
        assert!(purse.spend(0).is_err() && !purse.has_time());
    }
}
