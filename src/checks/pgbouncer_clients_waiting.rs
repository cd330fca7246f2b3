//! Clients wait for a connection of PgBouncer
//!
//! ## Why it matters
//! A client that waits has an open request behind it. The wait counts against its own timeout and shows in no query of the
//! server, which looks idle meanwhile.
//!
//! ## How it is decided
//! `SHOW POOLS`: a pool with clients waiting, of which the first has waited for as long as the limit, is *medium*; for ten times
//! as long it is *high*. Passed, at that instant no client of any pool waited so long.
//!
//! ## What to do
//! See what holds the server connections: transactions that wait for their client, then slow ones. A bigger pool helps only
//! while the server has cores to spare: `pgassay pool --pgbouncer` says which it is.
//!
//! ## Limits
//! One instant: a pool that is full for a second in each minute is rarely caught. The mean wait that PgBouncer counts is what
//! `pgassay pool` reads.

use super::prelude::*;

/// Clients wait for a server connection.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "pgbouncer-clients-waiting",
        category: Category::Connections,
        severity: Severity::Medium,
        source: include_str!("pgbouncer_clients_waiting.rs"),
    },
    params: &[&WAIT],
    run: Run::Server(run),
};

static WAIT: Param = Param {
    name: "wait_seconds",
    doc: "clients wait too long from here on; ten times as long is high",
    default: 1.0,
    unit: Unit::Seconds,
};

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::default();
    let limit = cx.param(&CHECK.meta, &WAIT);
    for pool in cx.poolers()?.iter().flat_map(|pooler| &pooler.pools) {
        verdict.examine();
        if pool.clients_waiting == 0 || pool.longest_wait_seconds < limit {
            continue;
        }
        let wait = humane(pool.longest_wait_seconds, &Unit::Seconds);
        let message = format!(
            "{} clients of {} wait for a connection of PgBouncer, the first for {wait}",
            pool.clients_waiting, pool.user
        );
        let severity = if pool.longest_wait_seconds >= limit * 10.0 { Severity::High } else { Severity::Medium };
        verdict.find(
            Finding::new(&CHECK.meta, Subject::named(SubjectKind::Pooler, Some(&pool.database), &pool.user), message)
                .severity(severity)
                .count("waiting", i64::from(pool.clients_waiting), Unit::Count)
                .number("longest_wait", pool.longest_wait_seconds, Unit::Seconds)
                .count("servers_active", i64::from(pool.servers_active), Unit::Count)
                .count("most", i64::from(pool.most), Unit::Count)
                .number("threshold", limit, Unit::Seconds)
                .advice(
                    "shorten what holds the connections, above all transactions that wait for their client; a bigger pool helps \
                     only while the server has cores to spare (pgassay pool)",
                ),
        );
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Lab;

    #[test]
    fn who_waits_long_is_found() {
        let mut lab = Lab::new();
        assert!(lab.run(&CHECK).is_err(), "no pooler was given");
        lab.pooler().pools[0].clients_waiting = 3;
        assert!(lab.found(&CHECK).is_empty());
        lab.pooler().pools[0].longest_wait_seconds = 2.0;
        assert_eq!(lab.found(&CHECK), ["medium shop/app"]);
        lab.pooler().pools[0].longest_wait_seconds = 10.0;
        assert_eq!(lab.found(&CHECK), ["high shop/app"]);
    }
}
