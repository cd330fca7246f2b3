//! Nearly all connections are in use
//!
//! ## Why it matters
//! When the last connection is taken, every further client is refused, whatever it wants. The limit comes without warning,
//! and most often in the busiest minute.
//!
//! ## How it is decided
//! Clients' sessions divided by `max_connections` less what is reserved (`superuser_reserved_connections`, and
//! `reserved_connections` from 16 on); by a role's `connection limit`; by a database's. 75 % is *medium*, 90 % *high*. The
//! fullest of all sampled instants counts. Processes of the server's own and standbys do not take these connections.
//!
//! ## What to do
//! Look who holds them: idle ones are a pool that is too big, or one pool too many. A pooler serves more clients with fewer
//! connections; a higher `max_connections` needs a restart and memory.
//!
//! ## Limits
//! An instant says nothing of the busiest one; passed means passed at the instants that were seen. Superusers may exceed the
//! limits of roles and databases. Sessions whose kind is hidden may be clients' or not: they are counted as bounds.

use super::prelude::*;
use crate::facts::activity::Activity;
use crate::facts::roles::Role;
use crate::sessions::{Instant, instants};

/// Few connections are left.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "connections-near-limit",
        category: Category::Connections,
        severity: Severity::Medium,
        source: include_str!("connections_near_limit.rs"),
    },
    params: &[&WARN, &FAIL],
    run: Run::Server(run),
};

static WARN: Param = Param {
    name: "medium_percent",
    doc: "a limit is near from this on; where pgEdge's pg-healthcheck warns",
    default: 75.0,
    unit: Unit::Percent,
};

static FAIL: Param = Param {
    name: "high_percent",
    doc: "a limit is as good as reached from this on; where check_postgres warns and pg-healthcheck calls it critical",
    default: 90.0,
    unit: Unit::Percent,
};

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let instants = instants(cx.snapshot)?;
    let mut verdict = Verdict::default();
    match available(cx) {
        Ok(limit) => judge(cx, &mut verdict, &instants, Subject::server(), "the server", limit, &|_| true),
        Err(missing) => verdict.cannot_tell(Subject::server(), missing),
    }
    let superusers: Vec<&str> = {
        let roles = cx.snapshot.server.roles.read()?;
        roles.iter().filter(|role| role.is_superuser).map(|role| role.name.as_str()).collect()
    };
    let limited = |role: &&Role| role.can_login && role.connection_limit > 0 && !role.is_superuser;
    for role in cx.snapshot.server.roles.read()?.iter().filter(limited) {
        let subject = Subject::named(SubjectKind::Role, None, &role.name);
        let label = format!("role {}", role.name);
        let of_role = |session: &Activity| session.process.role.as_deref() == Some(role.name.as_str());
        judge(cx, &mut verdict, &instants, subject, &label, i64::from(role.connection_limit), &of_role);
    }
    for database in cx.snapshot.server.databases.read()?.iter().filter(|database| database.connection_limit > 0) {
        let label = format!("database {}", database.name);
        let in_database = |session: &Activity| {
            session.process.database.as_deref() == Some(database.name.as_str())
                && !session.process.role.as_deref().is_some_and(|role| superusers.contains(&role))
        };
        let (subject, limit) = (Subject::database(&database.name), i64::from(database.connection_limit));
        judge(cx, &mut verdict, &instants, subject, &label, limit, &in_database);
    }
    Ok(verdict)
}

/// Connections that anybody may have.
fn available(cx: &ServerContext<'_>) -> Result<i64, Missing> {
    let number = |name: &str| -> Result<i64, Missing> {
        let setting = cx.setting(name)?;
        setting.setting.parse().map_err(|_| {
            Missing::new(
                "settings",
                Reason::Failed,
                format!("the value of {name} is not a number: {}", setting.setting),
            )
        })
    };
    // new in 16
    let reserved = if cx.major() >= 16 { number("reserved_connections")? } else { 0 };
    Ok((number("max_connections")? - number("superuser_reserved_connections")? - reserved).max(1))
}

fn judge(
    cx: &ServerContext<'_>,
    verdict: &mut Verdict,
    instants: &[Instant<'_>],
    subject: Subject,
    label: &str,
    limit: i64,
    counts: &dyn Fn(&Activity) -> bool,
) {
    // at least, and at most, the clients' sessions at the fullest instant
    let used = instants.iter().map(|instant| {
        let sessions = || instant.sessions.iter().filter(|session| counts(session));
        let certain = sessions().filter(|session| session.is_client()).count();
        let hidden = crate::sessions::hidden(instant.sessions).filter(|session| counts(session)).count();
        (certain as i64, (certain + hidden) as i64)
    });
    let (least, most) = used.fold((0, 0), |(least, most), (a, b)| (a.max(least), b.max(most)));
    let percent = |used: i64| used as f64 / limit as f64 * 100.0;
    let (warn, fail) = (cx.param(&CHECK.meta, &WARN), cx.param(&CHECK.meta, &FAIL));
    if percent(least) < warn && percent(most) >= warn {
        let because = format!(
            "{least} to {most} of {limit} connections are in use: the kind of the others' sessions shows to \
             pg_read_all_stats only"
        );
        let missing = Missing::new("activity", Reason::Privilege, because);
        verdict.cannot_tell(subject, missing.unlocked_by(cx.snapshot.grant("pg_read_all_stats")));
        return;
    }
    verdict.examine();
    if percent(least) < warn {
        return;
    }
    let severity = if percent(least) >= fail { Severity::High } else { Severity::Medium };
    let message =
        format!("{least} of {limit} connections of {label} are in use ({})", humane(percent(least), &Unit::Percent));
    verdict.find(
        Finding::new(&CHECK.meta, subject, message)
            .severity(severity)
            .count("connections", least, Unit::Count)
            .count("limit", limit, Unit::Count)
            .number("used", percent(least), Unit::Percent)
            .number("threshold", warn, Unit::Percent)
            .number("threshold_high", fail, Unit::Percent)
            .list("holders", holders(instants, counts))
            .advice(
                "look at who holds them and what their pools may open together; a pooler such as PgBouncer serves the same \
                 clients with fewer connections, and a higher limit costs memory and a restart",
            ),
    );
}

/// The biggest pools at the last instant, with how many connections each has and how many of them are idle.
fn holders(instants: &[Instant<'_>], counts: &dyn Fn(&Activity) -> bool) -> Vec<String> {
    let Some(last) = instants.last() else { return Vec::new() };
    let clients = last.sessions.iter().filter(|session| session.is_client() && counts(session));
    let mut pools: Vec<(usize, usize, String)> = crate::sessions::by_pool(clients)
        .into_iter()
        .map(|(pool, sessions)| {
            let idle = sessions.iter().filter(|session| session.process.state.as_deref() == Some("idle")).count();
            (sessions.len(), idle, pool.label())
        })
        .collect();
    pools.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.2.cmp(&b.2)));
    pools.into_iter().take(5).map(|(count, idle, label)| format!("{label}: {count}, {idle} idle")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lab, rows};

    fn lab(sessions: usize) -> Lab {
        let mut lab = Lab::new();
        lab.setting("max_connections", "25", None);
        lab.setting("superuser_reserved_connections", "3", None);
        lab.setting("reserved_connections", "2", None);
        lab.role("app");
        for _ in 0..sessions {
            lab.session("app", "idle", 5.0);
        }
        lab
    }

    #[test]
    fn the_servers_limit_is_less_what_is_reserved() {
        assert!(lab(14).found(&CHECK).is_empty());
        assert_eq!(lab(15).found(&CHECK), ["medium server"]);
        assert_eq!(lab(18).found(&CHECK), ["high server"]);
        let finding = lab(18).run(&CHECK).unwrap().findings.remove(0);
        assert_eq!(finding.message, "18 of 20 connections of the server are in use (90 %)");
        assert_eq!(finding.detail.last().unwrap().value.to_string(), "app@10.0.0.1 app: 18, 18 idle");
    }

    #[test]
    fn only_clients_count() {
        let mut lab = lab(14);
        for kind in ["autovacuum worker", "walsender", "parallel worker"] {
            lab.session("app", "active", 5.0).backend_type = Some(kind.into());
        }
        lab.session("auditor", "active", 5.0).is_own = true;
        assert!(lab.found(&CHECK).is_empty());
    }

    #[test]
    fn limits_of_roles_and_databases() {
        let mut lab = lab(4);
        rows(&mut lab.snapshot.server.roles)[0].connection_limit = 5;
        assert_eq!(lab.found(&CHECK), ["medium app"]);
        rows(&mut lab.snapshot.server.databases)[0].connection_limit = 4;
        assert_eq!(lab.found(&CHECK), ["medium app", "high shop"]);
        rows(&mut lab.snapshot.server.roles)[0].is_superuser = true;
        assert!(lab.found(&CHECK).is_empty());
    }

    #[test]
    fn hidden_sessions_are_bounds() {
        let mut lab = lab(14);
        let hide = |lab: &mut Lab| {
            let session = lab.session("other", "idle", 5.0);
            (session.backend_type, session.state) = (None, None);
        };
        hide(&mut lab);
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.findings.len(), verdict.unjudged.len()), (0, 1));
        lab.session("app", "idle", 5.0);
        assert_eq!(lab.found(&CHECK), ["medium server"]);
    }

    #[test]
    fn the_fullest_instant_counts() {
        let mut lab = lab(19);
        let full = rows(&mut lab.snapshot.server.activity).clone();
        rows(&mut lab.snapshot.server.activity).clear();
        lab.snapshot
            .samples
            .push(crate::facts::Sample { at: crate::testing::now().plus_seconds(-60.0), sessions: full });
        assert_eq!(lab.found(&CHECK), ["high server"]);
    }
}
