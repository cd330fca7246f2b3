//! PgBouncer's pools may open more connections than the server has
//!
//! ## Why it matters
//! A size is given for each user in each database, so every new one adds a whole pool. The sum is noticed on the day when all
//! are busy at once, and then the server refuses whoever comes, PgBouncer or not.
//!
//! ## How it is decided
//! The sizes of all pools that are there, their reserve included, each database's at most `max_db_connections`, against
//! `max_connections` less what is reserved. More than that is *medium*. Passed, all pools fit at once.
//!
//! ## What to do
//! `max_db_connections` for a sum that fits, or smaller pools: `pgassay pool --pgbouncer` says how small they may be.
//!
//! ## Limits
//! Pools that no client has opened yet are not there, and connections that do not come through this PgBouncer are not
//! counted. A database that lies on another server is counted as if it were on this one.

use super::prelude::*;

/// All pools together are larger than the server.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "pgbouncer-pools-exceed-max-connections",
        category: Category::Connections,
        severity: Severity::Medium,
        source: include_str!("pgbouncer_pools_exceed_max_connections.rs"),
    },
    params: &[],
    run: Run::Server(run),
};

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::default();
    let poolers = cx.poolers()?;
    let number = |name: &str| -> Result<u64, Missing> {
        let setting = cx.setting(name)?;
        let wrong = || Missing::new("settings", Reason::Failed, format!("the value of {name} is not a number"));
        setting.setting.parse().map_err(|_| wrong())
    };
    // new in 16
    let reserved = if cx.major() >= 16 { number("reserved_connections")? } else { 0 };
    let reserved = reserved + number("superuser_reserved_connections")?;
    let available = number("max_connections")?.saturating_sub(reserved);
    verdict.examine();
    let most: u64 = poolers.iter().map(|pooler| pooler.most()).sum();
    if most <= available {
        return Ok(verdict);
    }
    let pools = poolers.iter().flat_map(|pooler| &pooler.pools);
    let pools = pools.map(|pool| format!("{}/{}: {}", pool.database, pool.user, pool.most)).take(10).collect();
    let message = format!("PgBouncer's pools may open {most} connections, the server has {available} for them");
    verdict.find(
        Finding::new(&CHECK.meta, Subject::server(), message)
            .count("most", i64::try_from(most).unwrap_or(i64::MAX), Unit::Count)
            .count("available", i64::try_from(available).unwrap_or(i64::MAX), Unit::Count)
            .list("pools", pools)
            .advice("set max_db_connections, or smaller pools, so that all fit at once (pgassay pool --pgbouncer)"),
    );
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Lab;

    #[test]
    fn the_sum_counts_and_the_cap_of_a_database() {
        let mut lab = Lab::new();
        lab.setting("max_connections", "100", None);
        lab.setting("superuser_reserved_connections", "3", None);
        lab.setting("reserved_connections", "0", None);
        for number in 0..5 {
            let pool = crate::facts::poolers::Pool { user: format!("u{number}"), ..lab.pooler().pools[0].clone() };
            lab.pooler().pools.push(pool);
        }
        assert_eq!(lab.found(&CHECK), ["medium server"]);
        lab.pooler().settings.insert("max_db_connections".into(), "60".into());
        assert!(lab.found(&CHECK).is_empty());
    }
}
