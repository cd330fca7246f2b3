//! Transaction that runs for long
//!
//! ## Why it matters
//! Vacuum may not remove what the oldest transaction could still see, in any table of the database, and row locks are kept
//! until the end. On a busy table an hour of that is felt for days.
//!
//! ## How it is decided
//! The age of each client's transaction that is at work, not idle (those are `idle-in-transaction`). From 5 minutes on it is
//! *medium*, from an hour on *high*; *low* for dumps, vacuum, index builds and roles for maintenance, which take long by
//! their nature. Sessions are grouped by database, role, client address and application; the oldest is shown.
//! Passed means passed at the instants that were seen: the next may differ, and no checklist item rests on it.
//!
//! ## What to do
//! Look at its statement. Split batches, and read large results outside of transactions that also write.
//!
//! ## Limits
//! Prepared transactions and standbys hold back vacuum too, and are not sessions.

use super::prelude::*;
use crate::facts::activity::Activity;
use crate::sessions::{by_pool, instants, is_maintenance, last_seen};

/// Transactions at work for too long.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "long-transaction",
        category: Category::Locking,
        severity: Severity::Medium,
        source: include_str!("long_transaction.rs"),
    },
    params: &[&MIN, &HIGH],
    run: Run::Server(run),
};

static MIN: Param = Param {
    name: "min_seconds",
    doc: "a transaction is long from this on; the figure pgFirstAid warns at",
    default: 300.0,
    unit: Unit::Seconds,
};

static HIGH: Param = Param {
    name: "high_seconds",
    doc: "a transaction is very long from this on; a proposal",
    default: 3600.0,
    unit: Unit::Seconds,
};

fn age(session: &Activity) -> f64 {
    session.seconds_since(session.process.transaction_started_at).unwrap_or(0.0)
}

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let (minimum, high) = (cx.param(&CHECK.meta, &MIN), cx.param(&CHECK.meta, &HIGH));
    let instants = instants(cx.snapshot)?;
    let mut verdict = Verdict::default();
    if let Some(last) = instants.last() {
        crate::sessions::cannot_tell_hidden(cx, last.sessions, &mut verdict);
        verdict.examined = last.sessions.iter().filter(|session| session.is_client()).count() as u64;
    }
    let at_work = |session: &&Activity| {
        session.is_client()
            && !session.process.state.as_deref().is_some_and(|state| state.starts_with("idle in transaction"))
            && age(session) >= minimum
    };
    for (pool, mut sessions) in by_pool(last_seen(&instants).into_iter().filter(at_work)) {
        // one of maintenance does not excuse the others
        sessions
            .sort_by(|a, b| is_maintenance(cx, a).cmp(&is_maintenance(cx, b)).then_with(|| age(b).total_cmp(&age(a))));
        let Some(oldest) = sessions.first() else { continue };
        let severity = match age(oldest) {
            _ if is_maintenance(cx, oldest) => Severity::Low,
            seconds if seconds >= high => Severity::High,
            _ => CHECK.meta.severity.clone(),
        };
        let message = match sessions.len() {
            1 => format!(
                "a transaction of {} to {} runs for {}",
                pool.label(),
                pool.database,
                humane(age(oldest), &Unit::Seconds)
            ),
            count => format!(
                "{count} transactions of {} to {} run for up to {}",
                pool.label(),
                pool.database,
                humane(age(oldest), &Unit::Seconds)
            ),
        };
        let finding = pool
            .tell(Finding::new(&CHECK.meta, pool.subject(), message).severity(severity))
            .count("transactions", sessions.len() as i64, Unit::Count)
            .number("oldest", age(oldest), Unit::Seconds)
            .number("threshold", minimum, Unit::Seconds)
            .number("threshold_high", high, Unit::Seconds);
        let finding = crate::sessions::tell(finding, oldest);
        let advice = "look at what it does before anything else; the SQL cancels its statement, which rolls the transaction \
                      back";
        verdict.find(match crate::sessions::end(oldest, "pg_cancel_backend") {
            Some(sql) => finding.fix(advice, sql, None),
            None => finding.advice(advice),
        });
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lab, now};

    fn transaction(lab: &mut Lab, seconds: f64) -> &mut crate::facts::activity::RawActivity {
        let session = lab.session("app", "active", seconds);
        session.transaction_started_at = Some(now().plus_seconds(-seconds));
        session
    }

    fn lab() -> Lab {
        let mut lab = Lab::new();
        lab.role("app");
        lab
    }

    #[test]
    fn age_decides() {
        let with = |seconds: f64| {
            let mut lab = lab();
            transaction(&mut lab, seconds);
            lab.found(&CHECK)
        };
        assert!(with(299.0).is_empty());
        assert_eq!(with(300.0), ["medium shop/app@10.0.0.1%20app"]);
        assert_eq!(with(3600.0), ["high shop/app@10.0.0.1%20app"]);
    }

    #[test]
    fn maintenance_takes_long_by_its_nature() {
        let mut lab = lab();
        transaction(&mut lab, 9000.0).application = Some("pg_dump".into());
        assert_eq!(lab.found(&CHECK), ["low shop/app@10.0.0.1%20pg_dump"]);
        transaction(&mut lab, 9000.0).query = Some("VACUUM orders".into());
        assert_eq!(lab.found(&CHECK)[0], "low shop/app@10.0.0.1%20app");
        transaction(&mut lab, 400.0);
        assert_eq!(lab.found(&CHECK)[0], "medium shop/app@10.0.0.1%20app");
    }

    #[test]
    fn idle_ones_and_those_of_the_server_are_not_meant() {
        let mut lab = lab();
        transaction(&mut lab, 9000.0).state = Some("idle in transaction".into());
        transaction(&mut lab, 9000.0).backend_type = Some("autovacuum worker".into());
        transaction(&mut lab, 9000.0).is_own = true;
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.examined, verdict.findings.len(), verdict.unjudged.len()), (1, 0, 0));
    }

    #[test]
    fn hidden_ones_are_not_judged() {
        let mut lab = lab();
        let session = transaction(&mut lab, 9000.0);
        (session.backend_type, session.transaction_started_at, session.state) = (None, None, None);
        assert_eq!(lab.run(&CHECK).unwrap().unjudged.len(), 1);
        lab.session("app", "disabled", 1.0);
        assert_eq!(lab.run(&CHECK).unwrap().unjudged.len(), 2);
    }
}
