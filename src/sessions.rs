//! Sessions as pools have them: whose they are, which belong together, and which are somebody's tools.

use crate::checks::context::ServerContext;
use crate::facts::Snapshot;
use crate::facts::activity::Activity;
use crate::finding::{Finding, Subject, SubjectKind, Unit, humane};
use crate::outcome::{Missing, Reason, Verdict};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The sessions at one instant.
#[derive(Debug, Clone, Copy)]
pub struct Instant<'a> {
    /// The server's clock.
    pub at: Timestamp,
    /// The sessions.
    pub sessions: &'a [Activity],
}

/// Every instant of a snapshot, oldest first; the last is the snapshot's own.
///
/// # Errors
/// The sessions were not read.
pub fn instants(snapshot: &Snapshot) -> Result<Vec<Instant<'_>>, Missing> {
    let sessions = snapshot.server.activity.read()?;
    let own = Instant { at: snapshot.server.activity.at().unwrap_or(snapshot.captured_at), sessions };
    let mut all: Vec<Instant<'_>> =
        snapshot.samples.iter().map(|sample| Instant { at: sample.at, sessions: &sample.sessions }).collect();
    all.retain(|instant| instant.at != own.at);
    all.push(own);
    all.sort_by_key(|instant| instant.at);
    Ok(all)
}

/// The instants of the snapshot and of the earlier one, oldest first: what was observed, and for how long.
///
/// # Errors
/// The sessions were not read.
pub fn observed<'a>(cx: &ServerContext<'a>) -> Result<Vec<Instant<'a>>, Missing> {
    let mut all = instants(cx.snapshot)?;
    if let Some(before) = cx.before.filter(|before| crate::window::comparable(before, cx.snapshot).is_ok()) {
        all.extend(instants(before).unwrap_or_default());
        all.sort_by_key(|instant| instant.at);
        all.dedup_by_key(|instant| instant.at);
    }
    Ok(all)
}

/// What makes sessions one pool's, as far as a server can see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pool {
    /// The database.
    pub database: String,
    /// The role.
    pub role: String,
    /// Where the client is; `local` for a Unix socket and for the server's own machine.
    pub address: String,
    /// The application's name, long numbers left out: they are process ids and would name every process apart.
    pub application: String,
}

impl Pool {
    /// The pool of a session.
    pub fn of(session: &Activity) -> Self {
        let process = &session.process;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let address = match process.client_address.as_deref() {
            None | Some("127.0.0.1" | "::1") => "local",
            Some(address) => address,
        };
        Self {
            database: text(&process.database),
            role: text(&process.role),
            address: address.to_owned(),
            application: without_long_numbers(process.application.as_deref().unwrap_or_default()),
        }
    }

    /// In words: `app@10.0.0.1 web`.
    pub fn label(&self) -> String {
        match self.application.as_str() {
            "" => format!("{}@{}", self.role, self.address),
            application => format!("{}@{} {application}", self.role, self.address),
        }
    }

    /// As a subject, the same in every run.
    pub fn subject(&self) -> Subject {
        Subject::named(SubjectKind::Session, Some(&self.database), &self.label())
    }

    /// Its parts, as data of a finding.
    #[must_use]
    pub fn tell(&self, finding: Finding) -> Finding {
        finding.text("role", &*self.role).text("application", &*self.application).text("client_address", &*self.address)
    }
}

/// Runs of three or more digits become an ellipsis.
fn without_long_numbers(text: &str) -> String {
    let mut short = String::with_capacity(text.len());
    let mut digits = String::new();
    let flush = |digits: &mut String, short: &mut String| {
        short.push_str(if digits.len() < 3 { digits } else { "…" });
        digits.clear();
    };
    for character in text.chars() {
        if character.is_ascii_digit() {
            digits.push(character);
        } else {
            flush(&mut digits, &mut short);
            short.push(character);
        }
    }
    flush(&mut digits, &mut short);
    short
}

/// Sessions by their pool.
pub fn by_pool<'a>(sessions: impl IntoIterator<Item = &'a Activity>) -> BTreeMap<Pool, Vec<&'a Activity>> {
    let mut pools: BTreeMap<Pool, Vec<&Activity>> = BTreeMap::new();
    for session in sessions {
        pools.entry(Pool::of(session)).or_default().push(session);
    }
    pools
}

/// Whether a session is a person's or an operator's tool by its name, and not an application's: what it does to
/// connections says nothing of a pool.
pub fn is_tool(session: &Activity) -> bool {
    const TOOLS: &[&str] = &[
        "psql",
        "pg_",
        "pgadmin",
        "dbeaver",
        "datagrip",
        "intellij",
        "tableplus",
        "pgcli",
        "barman",
        "pgbackrest",
        "wal-g",
        "patroni",
        "repmgr",
        "pgwatch",
        "pgmetrics",
        "postgres_exporter",
        "datadog",
        "reindexdb",
        "vacuumdb",
        "clusterdb",
        "rdsadmin",
        "cloudsqladmin",
    ];
    let name = session.process.application.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
    TOOLS.iter().any(|tool| name.starts_with(tool))
}

/// Whether a session is a person's or an operator's by its name, as its tool says or as the configuration does.
pub fn is_somebodys(cx: &ServerContext<'_>, session: &Activity) -> bool {
    is_tool(session) || is_configured(cx, session)
}

fn is_configured(cx: &ServerContext<'_>, session: &Activity) -> bool {
    let name = session.process.application.as_deref().unwrap_or_default();
    cx.role_kinds.maintenance_applications.iter().any(|pattern| crate::glob::matches(pattern, name))
}

/// Whether it copies or maintains the database: what may take long by its nature.
pub fn is_maintenance(cx: &ServerContext<'_>, session: &Activity) -> bool {
    const COMMANDS: &[&str] = &["vacuum", "analyze", "create index", "create unique index", "reindex"];
    const PROGRAMS: &[&str] =
        &["pg_dump", "pg_restore", "pg_basebackup", "vacuumdb", "reindexdb", "clusterdb", "pgbackrest", "barman"];
    let name = session.process.application.as_deref().unwrap_or_default().to_ascii_lowercase();
    let query = session.process.query.as_deref().unwrap_or_default().trim_start().to_ascii_lowercase();
    let role = session.process.role.as_deref().unwrap_or_default();
    PROGRAMS.iter().any(|program| name.starts_with(program))
        || COMMANDS.iter().any(|command| query.starts_with(command))
        || is_configured(cx, session)
        || cx.role_kinds.maintenance.iter().any(|pattern| crate::glob::matches(pattern, role))
}

/// The pooler a session comes from, where its name says so.
pub fn pooler(session: &Activity) -> Option<&'static str> {
    const POOLERS: &[&str] = &["pgbouncer", "pgcat", "odyssey", "supavisor", "pgpool", "pgdog", "rds proxy"];
    let of = |text: &Option<String>| text.as_deref().unwrap_or_default().to_ascii_lowercase();
    let (application, role) = (of(&session.process.application), of(&session.process.role));
    POOLERS.iter().copied().find(|pooler| application.contains(pooler) || role == *pooler)
}

/// Whether sessions of a role are an application's. Where no role could be one, every role's are: somebody's application
/// then logs in as a superuser.
pub fn is_application_role(cx: &ServerContext<'_>, name: &str) -> bool {
    let roles = cx.snapshot.server.roles.ok().map_or(&[][..], Vec::as_slice);
    let Some(role) = roles.iter().find(|role| role.name == name) else { return false };
    cx.is_application(role)
        || (role.is_superuser
            && !crate::effective_settings::is_maintenance(cx, role)
            && !roles.iter().any(|role| cx.is_application(role)))
}

/// Whether a session is an application's, of which a pool could be asked something.
pub fn is_application(cx: &ServerContext<'_>, session: &Activity) -> bool {
    session.is_client()
        && !is_somebodys(cx, session)
        && session.process.role.as_deref().is_some_and(|role| is_application_role(cx, role))
}

/// The sessions whose state this role may not see. Which of them are clients' is hidden too; the server's own processes
/// have no role.
pub fn hidden(sessions: &[Activity]) -> impl Iterator<Item = &Activity> {
    sessions.iter().filter(|session| {
        !session.is_visible()
            && !session.is_ours()
            && session.process.role.is_some()
            && session.process.database.is_some()
    })
}

/// Says of every hidden session, by role, that it could not be judged.
pub fn cannot_tell_hidden(cx: &ServerContext<'_>, sessions: &[Activity], verdict: &mut Verdict) {
    let name = |session: &'_ Activity| -> Option<(String, String)> {
        Some((session.process.database.clone()?, session.process.role.clone()?))
    };
    let unwatched = sessions.iter().filter(|session| session.process.state.as_deref() == Some("disabled"));
    for (database, role) in unwatched.filter_map(name).collect::<BTreeSet<_>>() {
        verdict.cannot_tell(
            Subject::named(SubjectKind::Session, Some(&database), &role),
            Missing::new("activity", Reason::Disabled, "track_activities is off, so that its sessions show no state")
                .unlocked_by("alter system reset track_activities;\nselect pg_reload_conf();"),
        );
    }
    for (database, role) in hidden(sessions).filter_map(name).collect::<BTreeSet<_>>() {
        verdict.cannot_tell(
            Subject::named(SubjectKind::Session, Some(&database), &role),
            Missing::new(
                "activity",
                Reason::Privilege,
                "the sessions of other roles show their state to pg_read_all_stats only",
            )
            .unlocked_by(cx.snapshot.grant("pg_read_all_stats")),
        );
    }
}

/// Each connection once, as it was last seen at any of the instants.
pub fn last_seen<'a>(instants: &[Instant<'a>]) -> Vec<&'a Activity> {
    let mut seen: BTreeMap<(i32, Option<Timestamp>), &'a Activity> = BTreeMap::new();
    for instant in instants {
        for session in instant.sessions {
            seen.insert((session.process.pid, session.process.started_at), session);
        }
    }
    seen.into_values().collect()
}

/// Whether sessions were observed long enough, and often enough, to say that something does not happen.
///
/// # Errors
/// They were not, with what would do it.
pub fn long_enough(instants: &[Instant<'_>], seconds: f64, samples: f64) -> Result<(), Missing> {
    let span = match (instants.first(), instants.last()) {
        (Some(first), Some(last)) => last.at.seconds_since(first.at).unwrap_or(0.0),
        _ => 0.0,
    };
    if span >= seconds && instants.len() as f64 >= samples {
        return Ok(());
    }
    let seen = match instants.len() {
        1 => "one sample".to_owned(),
        count => format!("{count} samples over {}", humane(span, &Unit::Seconds)),
    };
    Err(Missing::new(
        "activity",
        Reason::Observation,
        format!(
            "{seen} can show that it happens, not that it never does: {samples} samples over {} would",
            humane(seconds, &Unit::Seconds)
        ),
    )
    .unlocked_by(format!("pgassay audit --watch {}h", (seconds / 3600.0).ceil().max(1.0))))
}

/// Whether it listens for notifications: such a connection is kept on purpose, and never given back to a pool.
pub fn is_listening(session: &Activity) -> bool {
    let query = session.process.query.as_deref().unwrap_or_default().trim_start();
    query.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("listen"))
}

/// The SQL that ends one session and no other: a process id alone may be somebody else's by the time it is run.
pub fn end(session: &Activity, function: &str) -> Option<String> {
    let process = &session.process;
    Some(format!(
        "select {function}(pid) from pg_stat_activity where pid = {} and backend_start = '{}';",
        process.pid,
        process.started_at.filter(|at| at.is_finite())?
    ))
}

/// What a session does, as data of a finding: its statement without literals, and since when.
#[must_use]
pub fn tell(finding: Finding, session: &Activity) -> Finding {
    let process = &session.process;
    let mut finding = finding.text("pid", process.pid.to_string());
    if let Some(state) = &process.state {
        finding = finding.text("state", state);
    }
    if let Some(query) = &process.query {
        finding = finding.text("query", query);
    }
    if let Some(fingerprint) = &session.fingerprint {
        finding = finding.text("fingerprint", fingerprint);
    }
    if let Some(age) = session.seconds_since(process.transaction_started_at) {
        finding = finding.number("transaction_age", age, Unit::Seconds);
    }
    for (name, age) in [("xid_age", process.xid_age), ("xmin_age", process.xmin_age)] {
        if let Some(age) = age {
            finding = finding.count(name, i64::from(age), Unit::Transactions);
        }
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lab, rows};

    #[test]
    fn pools_have_the_same_name_in_every_run() {
        let mut lab = Lab::new();
        for (application, address) in
            [("worker-4711", Some("127.0.0.1")), ("worker-4712", None), ("web 1", Some("10.0.0.1")), ("", Some("::2"))]
        {
            let session = lab.session("app", "idle", 1.0);
            session.application = Some(application.into());
            session.client_address = address.map(str::to_owned);
        }
        let sessions = rows(&mut lab.snapshot.server.activity);
        let labels: Vec<String> = by_pool(sessions.iter()).keys().map(Pool::label).collect();
        assert_eq!(labels, ["app@10.0.0.1 web 1", "app@::2", "app@local worker-…"]);
    }

    #[test]
    fn ending_a_session_names_it_exactly() {
        let mut lab = Lab::new();
        lab.session("app", "idle", 1.5).pid = 42;
        let sql = end(&rows(&mut lab.snapshot.server.activity)[0], "pg_terminate_backend").unwrap();
        assert_eq!(
            sql,
            "select pg_terminate_backend(pid) from pg_stat_activity where pid = 42 \
             and backend_start = '2026-11-22T11:59:58.5Z';"
        );
    }
}
