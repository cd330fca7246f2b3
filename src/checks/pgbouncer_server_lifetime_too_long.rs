//! PgBouncer keeps server connections too long
//!
//! ## Why it matters
//! A server process keeps what it has cached: catalogs, plans, memory that was freed but not given back. Old connections also
//! stay on a server that is being replaced, behind a name that points elsewhere by now.
//!
//! ## How it is decided
//! `server_lifetime` of `SHOW CONFIG` against the limit, in seconds; it has to be below. Passed, every PgBouncer that was given
//! ends its server connections sooner.
//!
//! ## What to do
//! `server_lifetime = 1500` and `RELOAD`. Connections end when they are idle and old, one after another, so no client notices.
//!
//! ## Limits
//! A connection in use is not ended, so a long transaction lives longer. Lifetimes of the application's own pools are another
//! matter: `--pool-config`.

use super::prelude::*;

/// Server connections live too long.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "pgbouncer-server-lifetime-too-long",
        category: Category::Connections,
        severity: Severity::Low,
        source: include_str!("pgbouncer_server_lifetime_too_long.rs"),
    },
    params: &[&LIFETIME],
    run: Run::Server(run),
};

static LIFETIME: Param = Param {
    name: "lifetime_seconds",
    doc: "a connection has to end before; the checklist's own figure",
    default: 1800.0,
    unit: Unit::Seconds,
};

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::default();
    let limit = cx.param(&CHECK.meta, &LIFETIME);
    for pooler in cx.poolers()? {
        let subject = Subject::named(SubjectKind::Pooler, None, &pooler.host);
        let Some(lifetime) = pooler.number("server_lifetime") else {
            let because = "PgBouncer's configuration could not be read";
            verdict.cannot_tell(subject, Missing::new("poolers", Reason::Privilege, because));
            continue;
        };
        verdict.examine();
        if lifetime < limit {
            continue;
        }
        let message = format!("PgBouncer keeps server connections for {}", humane(lifetime, &Unit::Seconds));
        verdict.find(
            Finding::new(&CHECK.meta, subject, message)
                .number("server_lifetime", lifetime, Unit::Seconds)
                .number("threshold", limit, Unit::Seconds)
                .advice("server_lifetime = 1500 in pgbouncer.ini, then RELOAD"),
        );
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Lab;

    #[test]
    fn the_limit_itself_is_too_long() {
        let mut lab = Lab::new();
        lab.pooler();
        assert_eq!(lab.run(&CHECK).unwrap().unjudged.len(), 1);
        lab.pooler().settings.insert("server_lifetime".into(), "1800".into());
        assert_eq!(lab.found(&CHECK), ["low bouncer%3A6432"]);
        lab.pooler().settings.insert("server_lifetime".into(), "1500".into());
        assert!(lab.found(&CHECK).is_empty());
    }
}
