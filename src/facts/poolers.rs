//! What a pooler before the server says of itself.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A PgBouncer, as its admin console shows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pooler {
    /// `host:port` of its console.
    pub host: String,
    /// `1.18.0`; empty where it does not say.
    pub version: String,
    /// When it was read.
    pub read_at: Timestamp,
    /// Its settings, as far as they make a pool; none that may hold a secret.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// Its pools, but for that of the console.
    #[serde(default)]
    pub pools: Vec<Pool>,
}

/// One pool: that of a user in a database.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// `session`, `transaction`, `statement`.
    pub mode: String,
    /// Clients with a server connection.
    pub clients_active: u32,
    /// Clients that wait for one.
    pub clients_waiting: u32,
    /// Server connections that clients have.
    pub servers_active: u32,
    /// All server connections.
    pub servers: u32,
    /// How long the first of those that wait has waited, in seconds.
    pub longest_wait_seconds: f64,
    /// The most server connections it may have, the reserve included.
    pub most: u32,
}

impl Pooler {
    /// A setting that is a number of seconds or connections.
    pub fn number(&self, setting: &str) -> Option<f64> {
        self.settings.get(setting)?.parse().ok()
    }

    /// The most server connections all its pools may open together, by the caps of databases.
    pub fn most(&self) -> u64 {
        let cap = self.number("max_db_connections").filter(|cap| *cap > 0.0).map_or(u64::MAX, |cap| cap as u64);
        let mut databases: BTreeMap<&str, u64> = BTreeMap::new();
        for pool in &self.pools {
            *databases.entry(&pool.database).or_default() += u64::from(pool.most);
        }
        databases.values().map(|most| (*most).min(cap)).sum()
    }
}
