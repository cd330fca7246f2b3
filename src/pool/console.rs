//! What PgBouncer's console shows, read into values; of its configuration only what a pool is made of.

use super::application_config::{self, ApplicationConfig, Reading as SettingReading};
use super::budget::Pools;
use super::demand::pgbouncer::{DatabaseStats, PoolState, Reading};
use crate::pg::{Console, ConsoleError, Show, Shown};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// What is known of a PgBouncer beside its counters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pooler {
    /// `1.18.0`; empty where it does not say.
    pub version: String,
    /// Its settings, as far as a pool is made of them.
    pub settings: BTreeMap<String, String>,
    /// The same, as a configuration of a pool.
    pub config: Option<ApplicationConfig>,
    /// The most server connections of each of its pools.
    pub pools: Vec<Pools>,
    /// `max_client_conn`.
    pub max_client_connections: Option<u64>,
    /// What could not be read.
    pub notes: Vec<String>,
}

/// The settings that a pool is made of: nothing else of the configuration is looked at.
const SETTINGS: &[&str] = &[
    "pool_mode",
    "default_pool_size",
    "min_pool_size",
    "reserve_pool_size",
    "reserve_pool_timeout",
    "max_db_connections",
    "max_user_connections",
    "query_wait_timeout",
    "server_lifetime",
    "server_idle_timeout",
    "idle_transaction_timeout",
    "transaction_timeout",
];

/// One reading of its counters and pools.
///
/// # Errors
/// The console refused, or was lost.
pub async fn reading(console: &Console, at: Timestamp) -> Result<Reading, ConsoleError> {
    let stats = console.show(Show::Stats).await?;
    let pools = console.show(Show::Pools).await?;
    // who may see statistics may see this too; older ones differ
    let databases = console.show(Show::Databases).await.unwrap_or_default();
    Ok(of(at, &stats, &pools, &databases))
}

/// What it is and how it is configured; what it refuses is left out and said.
pub async fn pooler(console: &Console, pools: &[PoolState]) -> Pooler {
    let mut pooler = Pooler::default();
    match console.show(Show::Version).await {
        Ok(rows) => pooler.version = version(rows.first().map_or("", |row| row.text("version"))),
        Err(error) => pooler.notes.push(error.to_string()),
    }
    match console.show(Show::Config).await {
        Ok(rows) => configured(&mut pooler, &rows, pools),
        Err(error) => pooler.notes.push(error.to_string()),
    }
    pooler
}

/// `1.18.0` of `PgBouncer 1.18.0`.
fn version(text: &str) -> String {
    let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    number.unwrap_or_default().to_owned()
}

fn of(at: Timestamp, stats: &[Shown], pools: &[Shown], databases: &[Shown]) -> Reading {
    let count = |row: &Shown, column: &str| row.number(column).unwrap_or(0);
    let small = |row: &Shown, column: &str| u32::try_from(count(row, column)).unwrap_or(u32::MAX);
    let stats = stats.iter().map(|row| DatabaseStats {
        database: row.text("database").to_owned(),
        transactions: count(row, "total_xact_count"),
        transaction_micros: count(row, "total_xact_time"),
        query_micros: count(row, "total_query_time"),
        wait_micros: count(row, "total_wait_time"),
    });
    let size = |database: &str| {
        let row = databases.iter().find(|row| row.text("name") == database)?;
        u32::try_from(row.number("pool_size")?).ok()
    };
    let pools = pools.iter().map(|row| {
        let servers = ["sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login"];
        PoolState {
            database: row.text("database").to_owned(),
            user: row.text("user").to_owned(),
            clients_active: small(row, "cl_active"),
            clients_waiting: small(row, "cl_waiting"),
            servers_active: small(row, "sv_active"),
            servers: servers.iter().map(|column| small(row, column)).fold(0, u32::saturating_add),
            longest_wait_micros: count(row, "maxwait")
                .saturating_mul(1_000_000)
                .saturating_add(count(row, "maxwait_us")),
            pool_mode: row.text("pool_mode").to_owned(),
            pool_size: size(row.text("database")),
        }
    });
    Reading { at, databases: stats.collect(), pools: pools.collect() }
}

fn configured(pooler: &mut Pooler, rows: &[Shown], pools: &[PoolState]) {
    let value = |key: &str| rows.iter().find(|row| row.text("key") == key).map(|row| row.text("value"));
    let mut text = String::from("[pgbouncer]\n");
    for key in SETTINGS {
        if let Some(value) = value(key).filter(|value| value.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')) {
            text.push_str(&format!("{key} = {value}\n"));
            pooler.settings.insert((*key).to_owned(), value.to_owned());
        }
    }
    if let Ok(mut config) = application_config::read("pgbouncer.ini", &text, Some("pgbouncer")) {
        for setting in &mut config.settings {
            // no line of any file: the console said it
            if let SettingReading::Set { line, .. } = &mut setting.reading {
                *line = 0;
            }
        }
        pooler.config = Some(config);
    }
    let number = |key: &str| value(key).and_then(|value| value.parse::<u32>().ok());
    pooler.max_client_connections = value("max_client_conn").and_then(|value| value.parse().ok());
    let reserve = number("reserve_pool_size").unwrap_or(0);
    let cap = number("max_db_connections").filter(|cap| *cap > 0);
    let own = pools.iter().filter(|pool| pool.database != "pgbouncer");
    pooler.pools = own
        .map(|pool| Pools {
            name: format!("PgBouncer {}/{}", pool.database, pool.user),
            role: Some(pool.user.clone()),
            database: Some(pool.database.clone()),
            size: pool.pool_size.or(number("default_pool_size")).unwrap_or(20).saturating_add(reserve),
            instances: 1,
            surge: 0,
            cap,
        })
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(columns: &[(&str, &str)]) -> Shown {
        Shown::new(columns.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect())
    }

    #[test]
    fn columns_are_found_by_name_and_what_is_missing_is_nothing() {
        let stats = [row(&[("total_wait_time", "5"), ("database", "shop"), ("total_xact_count", "7")])];
        let pools = [row(&[
            ("database", "shop"),
            ("user", "app"),
            ("sv_active", "2"),
            ("sv_idle", "1"),
            ("maxwait", "1"),
            ("maxwait_us", "500000"),
        ])];
        let databases = [row(&[("name", "shop"), ("pool_size", "20")])];
        let reading = of(Timestamp::default(), &stats, &pools, &databases);
        assert_eq!((reading.databases[0].transactions, reading.databases[0].wait_micros), (7, 5));
        assert_eq!((reading.pools[0].servers, reading.pools[0].pool_size), (3, Some(20)));
        assert_eq!(reading.pools[0].longest_wait_micros, 1_500_000);
        assert_eq!(version("PgBouncer 1.18.0"), "1.18.0");
        assert_eq!(version("nonsense"), "");
    }

    #[test]
    fn of_the_configuration_only_what_a_pool_is_made_of_is_read() {
        let setting = |key, value| row(&[("key", key), ("value", value), ("default", "")]);
        let rows = [
            setting("auth_query", "select canary"),
            setting("query_wait_timeout", "120"),
            setting("default_pool_size", "20"),
            setting("reserve_pool_size", "5"),
            setting("max_db_connections", "0"),
        ];
        let pool = PoolState { database: "shop".into(), user: "app".into(), ..PoolState::default() };
        let mut pooler = Pooler::default();
        configured(&mut pooler, &rows, &[pool]);
        assert!(!format!("{pooler:?}").contains("canary"));
        assert_eq!((pooler.pools[0].size, pooler.pools[0].cap), (25, None));
        let config = pooler.config.unwrap();
        let acquire = config.setting(&application_config::What::AcquireTimeout).unwrap();
        assert!(matches!(acquire.reading, SettingReading::Set { line: 0, .. }), "{acquire:?}");
    }
}
