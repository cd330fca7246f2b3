//! Statement or session that was cancelled
//!
//! ## Why it matters
//! Work was done for nothing, and somebody got an error. A timeout that strikes again and again says that a query is
//! too slow for those who ask, or that a client gives up before the server does.
//!
//! ## How it is decided
//! Counted by reason and query; sessions that ended without a statement by reason and database. *Medium*:
//! `statement_timeout`, `transaction_timeout`, `idle_in_transaction_session_timeout` — the application failed, and
//! where it was idle in a transaction it forgot one. *Low*: `lock_timeout`, which mostly is meant to be tried again,
//! and conflicts with recovery on a standby; from 10 on also what a client cancelled itself and autovacuum that gave
//! way to a lock. *Info*: fewer of these, `idle_session_timeout`, and an administrator's command, which every session
//! gets when the server stops.
//!
//! ## What to do
//! Make the query faster, or give those that may take long a role with a longer timeout. Cancelled by the client mostly
//! is the driver's own timeout: let `statement_timeout` be the shorter one. For idle in transaction, find what the code
//! does before it commits. On a standby, `max_standby_streaming_delay` or `hot_standby_feedback` trade its queries
//! against the primary.
//!
//! ## Limits
//! A client that closes its connection without cancelling is not among these. A session that is ended while idle has no
//! statement in the log.

use super::confidence::whole;
use super::prelude::*;
use crate::logs::workload::Failures;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// What ended before its time.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "statement-cancelled",
        category: Category::Queries,
        severity: Severity::Medium,
        source: include_str!("statement_cancelled.rs"),
    },
    params: &[&LEAST, &MANY],
    run: Run::Database(run),
};

static LEAST: Param = Param {
    name: "minimum_count",
    doc: "fewer of one reason and query are no finding; every one was somebody's error, so one is enough by default",
    default: 1.0,
    unit: Unit::Count,
};

static MANY: Param = Param {
    name: "many",
    doc: "from so many on, what a person or autovacuum may do now and then is low and not only worth knowing",
    default: 10.0,
    unit: Unit::Count,
};

/// Why something was cancelled, as far as it is judged differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    StatementTimeout,
    TransactionTimeout,
    IdleInTransaction,
    LockTimeout,
    Recovery,
    Client,
    Autovacuum,
    IdleSession,
    Administrator,
    Unknown,
}

impl Cause {
    /// Of a word in a workload, which another version may have written.
    fn of(kind: &str) -> Self {
        let kind = kind.to_ascii_lowercase().replace(['-', '_'], " ");
        let says = |words: &str| kind.contains(words);
        match () {
            () if says("idle in transaction") => Self::IdleInTransaction,
            () if says("idle session") => Self::IdleSession,
            () if says("transaction timeout") => Self::TransactionTimeout,
            () if says("statement timeout") => Self::StatementTimeout,
            () if says("lock timeout") => Self::LockTimeout,
            () if says("user") => Self::Client,
            () if says("recovery") => Self::Recovery,
            () if says("admin") => Self::Administrator,
            () if says("autovacuum") => Self::Autovacuum,
            () => Self::Unknown,
        }
    }

    fn severity(self, is_many: bool) -> Severity {
        match self {
            Self::StatementTimeout | Self::TransactionTimeout | Self::IdleInTransaction => Severity::Medium,
            Self::LockTimeout | Self::Recovery | Self::Unknown => Severity::Low,
            Self::Client | Self::Autovacuum if is_many => Severity::Low,
            Self::Client | Self::Autovacuum | Self::IdleSession | Self::Administrator => Severity::Info,
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::StatementTimeout => {
                "look at its plan with the values of a slow call; what may take long wants a role, or a transaction, with a \
                 longer statement_timeout"
            }
            Self::TransactionTimeout => {
                "find what takes so long between begin and commit; long work wants smaller portions"
            }
            Self::IdleInTransaction => {
                "the client began a transaction and forgot it: find what the code does before it commits, an HTTP call or a \
                 path on which an error is swallowed"
            }
            Self::LockTimeout => {
                "let a migration try again; if it is the application's, find who holds the lock (lock-wait, log_lock_waits)"
            }
            Self::Recovery => {
                "the standby had to replay what the query still read: max_standby_streaming_delay gives queries longer, \
                 hot_standby_feedback keeps the rows on the primary"
            }
            Self::Client => {
                "mostly the driver's own timeout: a statement_timeout below it would say so, and end what nobody waits for"
            }
            Self::Autovacuum => {
                "a command with a strong lock came in its way; if it is the same table every time, vacuum it at a quiet hour"
            }
            Self::IdleSession => {
                "the pool keeps connections for longer than idle_session_timeout: let it close them first"
            }
            Self::Administrator => {
                "somebody ended the sessions, or the server stopped; nothing to do if that was meant"
            }
            Self::Unknown => "look at the lines of the log",
        }
    }
}

/// How often, and when last.
#[derive(Debug, Default)]
struct Counted {
    count: u64,
    last: Option<Timestamp>,
}

impl Counted {
    fn add(&mut self, count: u64, failures: &Failures) {
        self.count += count;
        self.last = self.last.max(failures.last);
    }
}

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    let (least, many) = (cx.param(&DETECTOR.meta, &LEAST), cx.param(&DETECTOR.meta, &MANY));
    let mut verdict = Verdict::default();
    verdict.examine();
    // by reason and query; what has no query by reason alone
    let mut counts: BTreeMap<(&str, Option<&str>), Counted> = BTreeMap::new();
    let cancelled = |failures: &&Failures| failures.database == database && !super::deadlock::is_deadlock(failures);
    for failures in cx.workload.failures.iter().filter(cancelled) {
        let Some(kind) = failures.kind.as_deref() else { continue };
        let mut rest = failures.count;
        for (query, count) in &failures.queries {
            rest = rest.saturating_sub(*count);
            let known = counts.entry((kind, Some(query))).or_default();
            known.add(*count, failures);
        }
        if rest > 0 {
            let known = counts.entry((kind, None)).or_default();
            known.add(rest, failures);
        }
    }
    for ((kind, query), Counted { count, last }) in counts {
        if (count as f64) < least {
            continue;
        }
        let cause = Cause::of(kind);
        let subject = match query {
            None => Subject::database(database),
            Some(fingerprint) => match cx.query(database, fingerprint) {
                Some(query) => cx.subject(query),
                None => Subject::query(database, fingerprint, ""),
            },
        };
        let what = match (query.is_some(), count) {
            (true, 1) => "cancelled once".to_owned(),
            (true, count) => format!("cancelled {} times", humane(count as f64, &Unit::Count)),
            (false, 1) => "one was ended".to_owned(),
            (false, count) => format!("{} were ended", humane(count as f64, &Unit::Count)),
        };
        // what it is of is part of its identity: a query may be cancelled for several reasons
        let subject = Subject { name: Some(kind.to_owned()), ..subject };
        let mut finding = Finding::new(&DETECTOR.meta, subject, format!("{what}: {kind}"))
            .severity(cause.severity(count as f64 >= many))
            .count("cancelled", whole(count), Unit::Count)
            .text("reason", kind)
            .number("threshold", least, Unit::Count)
            .number("many", many, Unit::Count);
        if let Some(query) = query.and_then(|fingerprint| cx.query(database, fingerprint)) {
            finding = finding.count("calls", whole(query.calls), Unit::Count).text("query", &*query.text);
        }
        if let Some(last) = last {
            finding = finding.text("last", last.to_string());
        }
        verdict.find(finding.advice(cause.advice()));
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::{DATABASE, Lab};
    use super::*;

    fn failures(kind: Option<&str>, count: u64) -> Failures {
        Failures {
            database: DATABASE.into(),
            severity: "ERROR".into(),
            sqlstate: None,
            message: kind.unwrap_or("division by zero").into(),
            kind: kind.map(str::to_owned),
            count,
            queries: BTreeMap::new(),
            first: None,
            last: None,
        }
    }

    fn found(kind: &str, count: u64) -> Vec<String> {
        let mut lab = Lab::new();
        lab.workload.failures.push(failures(Some(kind), count));
        lab.found(&DETECTOR)
    }

    #[test]
    fn the_reason_decides() {
        for (kind, few, many) in [
            ("statement_timeout", "medium", "medium"),
            ("transaction_timeout", "medium", "medium"),
            ("idle_in_transaction_session_timeout", "medium", "medium"),
            ("idle-in-transaction timeout", "medium", "medium"),
            ("lock_timeout", "low", "low"),
            ("conflict with recovery", "low", "low"),
            ("user request", "info", "low"),
            ("autovacuum task", "info", "low"),
            ("idle_session_timeout", "info", "info"),
            ("administrator command", "info", "info"),
            ("something new", "low", "low"),
        ] {
            assert_eq!(found(kind, 1), [format!("{few} one was ended: {kind}")]);
            assert_eq!(found(kind, 10), [format!("{many} 10 were ended: {kind}")]);
        }
    }

    #[test]
    fn queries_are_told_apart() {
        let mut lab = Lab::new();
        let slow = lab.query("select count(*) from events where at > $1", 10);
        let mut timeouts = failures(Some("statement_timeout"), 5);
        timeouts.queries = BTreeMap::from([(slow.clone(), 3), ("0000000000000000".into(), 1)]);
        lab.workload.failures.push(timeouts);
        let mut asked = failures(Some("user request"), 2);
        asked.queries = BTreeMap::from([(slow.clone(), 2)]);
        lab.workload.failures.push(asked);
        let mut found = lab.found(&DETECTOR);
        found.sort();
        assert_eq!(
            found,
            [
                "info cancelled 2 times: user request",
                "medium cancelled 3 times: statement_timeout",
                "medium cancelled once: statement_timeout",
                "medium one was ended: statement_timeout",
            ]
        );
        let verdict = lab.run(&DETECTOR).unwrap();
        let keys: std::collections::BTreeSet<&str> =
            verdict.findings.iter().map(|finding| finding.key.as_str()).collect();
        assert_eq!(keys.len(), 4, "{keys:?}");
        assert!(keys.contains(format!("statement-cancelled:shop/statement_timeout/{slow}").as_str()));
    }

    #[test]
    fn other_failures_and_few_are_left_out() {
        let mut lab = Lab::new();
        lab.workload.failures = vec![failures(None, 50), failures(Some("deadlock"), 5)];
        assert!(lab.found(&DETECTOR).is_empty());
        assert_eq!(lab.run(&DETECTOR).unwrap().examined, 1);
        lab.workload.failures.push(failures(Some("lock_timeout"), 3));
        lab.params.set("statement-cancelled", "minimum_count", 4.0);
        assert!(lab.found(&DETECTOR).is_empty());
        lab.params.set("statement-cancelled", "minimum_count", 3.0);
        assert_eq!(lab.found(&DETECTOR).len(), 1);
    }
}
