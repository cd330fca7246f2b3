//! Sessions waiting for a lock that another holds
//!
//! ## Why it matters
//! Who waits for a lock holds a connection and all the locks it has itself. Behind one forgotten transaction a queue grows
//! until the pool is empty.
//!
//! ## How it is decided
//! Of each session that waits, the server says which others block it. From there to the one that waits for nobody: that is
//! the root, and the finding is about it, with how many wait for it directly and through others. *medium* from a second on,
//! *high* where one may have waited for a minute. A prepared transaction can be the root, and holds on without a session.
//! Passed means passed at the instants that were seen: the next may differ, and no checklist item rests on it.
//!
//! ## What to do
//! Look at the root, not at those that wait. Short transactions that take locks in one order seldom meet; migrations want a
//! short `lock_timeout` and another try.
//!
//! ## Limits
//! Since when a session waits is not in what is read: it is not longer than its statement runs, and that is what is shown.

use super::prelude::*;
use crate::facts::activity::Activity;
use crate::sessions::{Instant, Pool, instants};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// One session keeps others waiting.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "blocked-session",
        category: Category::Locking,
        severity: Severity::Medium,
        source: include_str!("blocked_session.rs"),
    },
    params: &[&MIN, &HIGH],
    run: Run::Server(run),
};

static MIN: Param = Param {
    name: "min_seconds",
    doc: "a wait counts from this on; deadlock_timeout's default, after which the server itself looks into a wait",
    default: 1.0,
    unit: Unit::Seconds,
};

static HIGH: Param = Param {
    name: "high_seconds",
    doc: "a wait is an incident from this on; where PgHero calls a query long",
    default: 60.0,
    unit: Unit::Seconds,
};

/// What stands at the head of a queue.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Root<'a> {
    Session(&'a Activity),
    /// A prepared transaction, in the database of those that wait.
    Prepared,
    /// A process that was gone, or hidden, when the sessions were read.
    Unknown,
}

/// A queue behind one root.
#[derive(Debug, Clone)]
struct Queue<'a> {
    root: Root<'a>,
    waiting: Vec<&'a Activity>,
    direct: usize,
    longest: f64,
}

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let minimum = cx.param(&CHECK.meta, &MIN);
    let instants = instants(cx.snapshot)?;
    let mut verdict = Verdict::default();
    if let Some(last) = instants.last() {
        crate::sessions::cannot_tell_hidden(cx, last.sessions, &mut verdict);
        verdict.examined = last.sessions.iter().filter(|session| session.is_client()).count() as u64;
    }
    // one finding for each subject: of several queues, or several instants, the worst
    let mut worst: BTreeMap<Subject, Queue<'_>> = BTreeMap::new();
    for instant in &instants {
        for queue in queues(instant).into_iter().filter(|queue| queue.longest >= minimum) {
            let subject = subject(&queue);
            let weight = |queue: &Queue<'_>| (queue.longest, queue.waiting.len());
            if worst.get(&subject).is_none_or(|known| weight(known) < weight(&queue)) {
                worst.insert(subject, queue);
            }
        }
    }
    for (subject, queue) in worst {
        verdict.find(finding(cx, subject, &queue));
    }
    Ok(verdict)
}

/// Not longer than this can it have waited.
fn waited(session: &Activity) -> f64 {
    session.seconds_since(session.process.query_started_at.or(session.process.state_changed_at)).unwrap_or(0.0)
}

/// The queues of one instant, by their roots.
fn queues<'a>(instant: &Instant<'a>) -> Vec<Queue<'a>> {
    let by_pid: HashMap<i32, &'a Activity> =
        instant.sessions.iter().map(|session| (session.process.pid, session)).collect();
    let mut queues: BTreeMap<(i32, String), Queue<'a>> = BTreeMap::new();
    for session in instant.sessions.iter().filter(|session| session.is_client()) {
        let process = &session.process;
        for pid in roots(process.pid, &by_pid) {
            let root = match (pid, by_pid.get(&pid)) {
                (0, _) => Root::Prepared,
                (_, Some(session)) => Root::Session(session),
                (_, None) => Root::Unknown,
            };
            // prepared transactions of different databases have nothing to do with each other
            let database = if pid == 0 { process.database.clone().unwrap_or_default() } else { String::new() };
            let queue = queues.entry((pid, database)).or_insert_with(|| Queue {
                root,
                waiting: Vec::new(),
                direct: 0,
                longest: 0.0,
            });
            queue.waiting.push(session);
            queue.direct += usize::from(process.blocked_by.contains(&pid));
            queue.longest = queue.longest.max(waited(session));
        }
    }
    queues.into_values().collect()
}

/// The processes at the head of what a process waits for. Of a circle, which the server is about to break, the least.
fn roots(pid: i32, by_pid: &HashMap<i32, &Activity>) -> BTreeSet<i32> {
    let blocked_by = |pid: i32| by_pid.get(&pid).map_or(&[][..], |session| session.process.blocked_by.as_slice());
    let mut heads = BTreeSet::new();
    let mut seen = HashSet::from([pid]);
    let mut open: Vec<i32> = blocked_by(pid).to_vec();
    while let Some(next) = open.pop() {
        if seen.insert(next) {
            match blocked_by(next) {
                [] => {
                    heads.insert(next);
                }
                more => open.extend(more),
            }
        }
    }
    if heads.is_empty() && seen.len() > 1 {
        heads.extend(seen.into_iter().min());
    }
    // in a circle, the least of it is not behind itself
    heads.remove(&pid);
    heads
}

fn subject(queue: &Queue<'_>) -> Subject {
    let database = queue.waiting.first().and_then(|session| session.process.database.as_deref());
    match queue.root {
        Root::Session(session) => match session.process.backend_type.as_deref() {
            None | Some("client backend") => Pool::of(session).subject(),
            Some(kind) => Subject::named(SubjectKind::Session, session.process.database.as_deref(), kind),
        },
        Root::Prepared => Subject::named(SubjectKind::Session, database, "prepared transaction"),
        Root::Unknown => Subject::named(SubjectKind::Session, database, "unknown"),
    }
}

fn finding(cx: &ServerContext<'_>, subject: Subject, queue: &Queue<'_>) -> Finding {
    let (minimum, high) = (cx.param(&CHECK.meta, &MIN), cx.param(&CHECK.meta, &HIGH));
    let who = match queue.root {
        Root::Session(session) => {
            let state = session.process.state.as_deref().unwrap_or("at work");
            format!("{} ({state})", subject.label())
        }
        Root::Prepared => "a prepared transaction".to_owned(),
        Root::Unknown => "a session that was gone or hidden".to_owned(),
    };
    let verb = if queue.waiting.len() == 1 {
        "1 session waits".to_owned()
    } else {
        format!("{} sessions wait", queue.waiting.len())
    };
    let message = format!("{verb} for {who}, for {} at most", humane(queue.longest, &Unit::Seconds));
    let severity = if queue.longest >= high { Severity::High } else { CHECK.meta.severity.clone() };
    let mut finding = Finding::new(&CHECK.meta, subject, message)
        .severity(severity)
        .count("waiting", queue.waiting.len() as i64, Unit::Count)
        .count("waiting_directly", queue.direct as i64, Unit::Count)
        .number("longest_at_most", queue.longest, Unit::Seconds)
        .number("threshold", minimum, Unit::Seconds)
        .number("threshold_high", high, Unit::Seconds)
        .list("waiting_statements", statements(queue));
    if let Root::Session(session) = queue.root {
        finding = crate::sessions::tell(finding, session);
    }
    if queue.root == Root::Prepared {
        return prepared(cx, finding, queue);
    }
    let advice = "end or cancel the root only after looking at what it does; those that wait go on by themselves";
    let sql = match queue.root {
        Root::Session(session) if session.is_client() => {
            // an idle transaction has no statement to cancel
            let idle = session.process.state.as_deref().is_some_and(|state| state.starts_with("idle"));
            crate::sessions::end(session, if idle { "pg_terminate_backend" } else { "pg_cancel_backend" })
        }
        _ => None,
    };
    match sql {
        Some(sql) => finding.fix(advice, sql, None),
        None => finding.advice(advice),
    }
}

/// The statements of those that wait, each once, without literals.
fn statements(queue: &Queue<'_>) -> Vec<String> {
    let texts: BTreeSet<&str> = queue.waiting.iter().filter_map(|session| session.process.query.as_deref()).collect();
    texts.into_iter().take(5).map(str::to_owned).collect()
}

/// Which of the prepared transactions it is, the server does not say; only whoever prepared it knows how it must end.
fn prepared(cx: &ServerContext<'_>, finding: Finding, queue: &Queue<'_>) -> Finding {
    let databases: HashSet<&str> =
        queue.waiting.iter().filter_map(|session| session.process.database.as_deref()).collect();
    let all = cx.snapshot.server.prepared_transactions.ok().map_or(&[][..], Vec::as_slice);
    let names =
        all.iter().filter(|row| databases.contains(row.database.as_str())).map(|row| row.name.clone()).collect();
    finding.list("prepared_transactions", names).advice(
        "ask whoever coordinates two-phase commit how it ends, then commit prepared or rollback prepared by its name; nothing \
         else lets go of its locks, a restart included",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::prepared_transactions::PreparedTransaction;
    use crate::testing::{Lab, rows};

    fn lab() -> Lab {
        let mut lab = Lab::new();
        lab.role("app");
        lab
    }

    /// A session with its pid, its role and what blocks it, for so many seconds.
    fn session(lab: &mut Lab, pid: i32, role: &str, blocked_by: &[i32], seconds: f64) {
        let state = if blocked_by.is_empty() { "idle in transaction" } else { "active" };
        let session = lab.session(role, state, seconds);
        session.pid = pid;
        session.blocked_by = blocked_by.to_vec();
    }

    #[test]
    fn the_finding_is_about_the_root() {
        let mut lab = lab();
        session(&mut lab, 1, "boss", &[], 500.0);
        session(&mut lab, 2, "app", &[1], 20.0);
        session(&mut lab, 3, "app", &[2], 10.0);
        session(&mut lab, 4, "app", &[2, 1], 5.0);
        assert_eq!(lab.found(&CHECK), ["medium shop/boss@10.0.0.1%20app"]);
        let finding = lab.run(&CHECK).unwrap().findings.remove(0);
        assert_eq!(
            finding.message,
            "3 sessions wait for session boss@10.0.0.1 app (idle in transaction), for 20 s at most"
        );
        assert_eq!((finding.measured("waiting"), finding.measured("waiting_directly")), (Some(3.0), Some(2.0)));
        assert!(finding.hint.unwrap().sql.unwrap().starts_with("select pg_terminate_backend(pid)"));
    }

    #[test]
    fn how_long_decides() {
        let with = |seconds: f64| {
            let mut lab = lab();
            session(&mut lab, 1, "app", &[], 500.0);
            session(&mut lab, 2, "app", &[1], seconds);
            lab.found(&CHECK)
        };
        assert!(with(0.5).is_empty());
        assert_eq!(with(1.0), ["medium shop/app@10.0.0.1%20app"]);
        assert_eq!(with(60.0), ["high shop/app@10.0.0.1%20app"]);
    }

    #[test]
    fn roots_that_are_no_sessions() {
        let mut lab = lab();
        session(&mut lab, 2, "app", &[0], 20.0);
        session(&mut lab, 3, "app", &[99], 20.0);
        rows(&mut lab.snapshot.server.prepared_transactions).push(PreparedTransaction {
            name: "forgotten".into(),
            database: "shop".into(),
            ..PreparedTransaction::default()
        });
        assert_eq!(lab.found(&CHECK), ["medium shop/prepared%20transaction", "medium shop/unknown"]);
        let finding = lab.run(&CHECK).unwrap().findings.remove(0);
        assert_eq!(finding.detail.last().unwrap().value.to_string(), "forgotten");
        assert!(finding.hint.unwrap().sql.is_none());
    }

    #[test]
    fn a_process_of_the_server_can_be_the_root() {
        let mut lab = lab();
        session(&mut lab, 1, "", &[], 500.0);
        rows(&mut lab.snapshot.server.activity)[0].process.backend_type = Some("autovacuum worker".into());
        session(&mut lab, 2, "app", &[1], 20.0);
        assert_eq!(lab.found(&CHECK), ["medium shop/autovacuum%20worker"]);
    }

    #[test]
    fn a_circle_ends() {
        let mut lab = lab();
        session(&mut lab, 1, "app", &[2], 20.0);
        session(&mut lab, 2, "app", &[1], 20.0);
        session(&mut lab, 3, "app", &[2], 20.0);
        assert_eq!(lab.found(&CHECK), ["medium shop/app@10.0.0.1%20app"]);
    }

    #[test]
    fn nobody_waits_and_hidden_ones_are_not_judged() {
        let mut lab = lab();
        session(&mut lab, 1, "app", &[], 500.0);
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.examined, verdict.findings.len(), verdict.unjudged.len()), (1, 0, 0));
        lab.session("other", "active", 5.0).backend_type = None;
        assert_eq!(lab.run(&CHECK).unwrap().unjudged.len(), 1);
    }
}
