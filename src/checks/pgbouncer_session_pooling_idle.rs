//! PgBouncer pools sessions, and its connections are idle
//!
//! ## Why it matters
//! In session pooling a client keeps its server connection until it leaves, whether it works or not. Most of the connections
//! are then idle, and the pooler spares the server nothing but the connecting.
//!
//! ## How it is decided
//! A pool in mode `session` has at least so many server connections with a client, and of the server's sessions of that role and
//! database at least the given share is `idle` at the same instant: *medium*. Passed, no pool in that mode was so idle.
//!
//! ## What to do
//! `pool_mode = transaction` where the application keeps nothing in its sessions: no `set` outside transactions, no `listen`, no
//! session-level advisory locks, no temporary tables, no cursors with hold. Prepared statements work from 1.21 on with
//! `max_prepared_statements`.
//!
//! ## Limits
//! Whether an application needs its sessions a server does not see. Sessions of the same role that do not come through the
//! pooler are counted with the others.

use super::prelude::*;

/// Session pooling, and idle connections behind it.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "pgbouncer-session-pooling-idle",
        category: Category::Connections,
        severity: Severity::Medium,
        source: include_str!("pgbouncer_session_pooling_idle.rs"),
    },
    params: &[&IDLE, &FEWEST],
    run: Run::Server(run),
};

static IDLE: Param =
    Param { name: "idle_percent", doc: "so many of a pool's sessions are idle", default: 50.0, unit: Unit::Percent };

static FEWEST: Param = Param {
    name: "fewest_connections",
    doc: "a pool with fewer server connections in use costs too little to matter",
    default: 5.0,
    unit: Unit::Count,
};

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::default();
    let (idle, fewest) = (cx.param(&CHECK.meta, &IDLE), cx.param(&CHECK.meta, &FEWEST));
    for pool in cx.poolers()?.iter().flat_map(|pooler| &pooler.pools) {
        if pool.mode != "session" || f64::from(pool.servers_active) < fewest {
            verdict.examine();
            continue;
        }
        let subject = Subject::named(SubjectKind::Pooler, Some(&pool.database), &pool.user);
        let sessions = cx.snapshot.server.activity.read()?;
        let own: Vec<_> = sessions
            .iter()
            .filter(|session| session.process.role.as_deref() == Some(pool.user.as_str()))
            .filter(|session| session.process.database.as_deref() == Some(pool.database.as_str()))
            .collect();
        let visible = own.iter().filter(|session| session.is_client()).count();
        if visible == 0 {
            let because =
                format!("no session of {} is seen in {}: another server, name or role", pool.user, pool.database);
            verdict.cannot_tell(subject, Missing::new("activity", Reason::Observation, because));
            continue;
        }
        verdict.examine();
        let at_rest = own.iter().filter(|session| session.process.state.as_deref() == Some("idle")).count();
        let share = at_rest as f64 / visible as f64 * 100.0;
        if share < idle {
            continue;
        }
        let message = format!("{at_rest} of {visible} sessions behind the session pool of {} are idle", pool.user);
        verdict.find(
            Finding::new(&CHECK.meta, subject, message)
                .count("sessions", visible as i64, Unit::Count)
                .number("idle", share, Unit::Percent)
                .number("threshold", idle, Unit::Percent)
                .advice(
                    "pool transactions (pool_mode = transaction) where the application keeps nothing in its sessions",
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
    fn idle_sessions_behind_a_session_pool() {
        let mut lab = Lab::new();
        lab.role("app");
        lab.pooler().pools[0].servers_active = 8;
        for _ in 0..6 {
            lab.session("app", "idle", 5.0);
        }
        lab.session("app", "active", 1.0);
        assert!(lab.found(&CHECK).is_empty(), "it pools transactions");
        lab.pooler().pools[0].mode = "session".into();
        assert_eq!(lab.found(&CHECK), ["medium shop/app"]);
        lab.pooler().pools[0].user = "other".into();
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.findings.len(), verdict.unjudged.len()), (0, 1));
    }
}
