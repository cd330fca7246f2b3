//! PgBouncer lets clients wait too long
//!
//! ## Why it matters
//! While the pool is full, clients queue. Those that gave up long ago are still served in their turn, and the queue grows with
//! requests that nobody waits for any more.
//!
//! ## How it is decided
//! `query_wait_timeout` of `SHOW CONFIG`: 0, which is no limit, is *medium*; more than the limit is *low*. Passed, every PgBouncer
//! that was given ends a client's wait in time.
//!
//! ## What to do
//! `query_wait_timeout = 10` and `RELOAD`: less than the time after which whoever asked has given up.
//!
//! ## Limits
//! The wait for a pool inside the application comes before and is not seen here: `--pool-config`.

use super::prelude::*;

/// Clients may wait without end.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "pgbouncer-query-wait-unbounded",
        category: Category::Connections,
        severity: Severity::Medium,
        source: include_str!("pgbouncer_query_wait_unbounded.rs"),
    },
    params: &[&WAIT],
    run: Run::Server(run),
};

static WAIT: Param = Param {
    name: "wait_seconds",
    doc: "a client must not wait longer; the checklist's own figure",
    default: 30.0,
    unit: Unit::Seconds,
};

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::default();
    let limit = cx.param(&CHECK.meta, &WAIT);
    for pooler in cx.poolers()? {
        let subject = Subject::named(SubjectKind::Pooler, None, &pooler.host);
        let Some(wait) = pooler.number("query_wait_timeout") else {
            let because = "PgBouncer's configuration could not be read";
            verdict.cannot_tell(subject, Missing::new("poolers", Reason::Privilege, because));
            continue;
        };
        verdict.examine();
        let (severity, message) = match wait {
            0.0 => (Severity::Medium, "clients of PgBouncer may wait for a connection without end".to_owned()),
            wait if wait > limit => {
                let wait = humane(wait, &Unit::Seconds);
                (Severity::Low, format!("clients of PgBouncer may wait for a connection for {wait}"))
            }
            _ => continue,
        };
        verdict.find(
            Finding::new(&CHECK.meta, subject, message)
                .severity(severity)
                .number("query_wait_timeout", wait, Unit::Seconds)
                .number("threshold", limit, Unit::Seconds)
                .advice("query_wait_timeout = 10 in pgbouncer.ini, then RELOAD"),
        );
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Lab;

    #[test]
    fn no_limit_is_worse_than_a_long_one() {
        let mut lab = Lab::new();
        let mut found = |wait: &str| {
            lab.pooler().settings.insert("query_wait_timeout".into(), wait.into());
            lab.found(&CHECK)
        };
        assert_eq!(found("0"), ["medium bouncer%3A6432"]);
        assert_eq!(found("120"), ["low bouncer%3A6432"]);
        assert!(found("30").is_empty());
    }
}
