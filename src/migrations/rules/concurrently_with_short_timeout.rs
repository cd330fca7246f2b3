//! CONCURRENTLY under a timeout that cancels it half way
//!
//! ## Why it matters
//! A concurrent build reads the table twice and waits, more than once, until every older transaction has ended; those
//! waits are lock waits, so `lock_timeout` ends them as `statement_timeout` ends the whole. What remains is an INVALID
//! index that every write keeps up and no query uses, and a name that is taken. A cancelled concurrent drop leaves the
//! same.
//!
//! ## How it is decided
//! `create index`, `drop index` and `reindex` with CONCURRENTLY while `lock_timeout` is in effect, or a
//! `statement_timeout` below `statement_timeout_seconds`, set by the script before it; *medium*. Where the
//! configuration says that the runner sets `lock_timeout` or `statement_timeout` and the script does not lift it:
//! *low*, as its value is not known. Silent on tables that the script made, or that are known to be empty.
//!
//! ## What to do
//! Lift both for this statement, `set lock_timeout = 0; set statement_timeout = 0`, and put them back after it: its own
//! lock is one that reads and writes do not wait for.
//!
//! ## Limits
//! Timeouts of the role or the database (`alter role … set`) are not seen. A trace finds no older transactions and so
//! nothing to wait for.

use super::prelude::*;
use crate::migrations::session::Timeout;

/// A build that a timeout will cancel.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "concurrently-with-short-timeout",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("concurrently_with_short_timeout.rs"),
    },
    params: &[&STATEMENT],
    is_opinion: false,
    both_ways: true,
    run: Run::Statement(run),
};

static STATEMENT: Param = Param {
    name: "statement_timeout_seconds",
    doc: "a statement_timeout from so many seconds on is taken to be meant for a long build",
    default: 3600.0,
    unit: Unit::Seconds,
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    let (verb, table, name) = match m.command {
        Command::CreateIndex(index) if index.concurrently => {
            ("create index concurrently", Some(m.catalog.resolve(&index.table)), index.name.clone())
        }
        Command::Drop(drop) if drop.concurrently => {
            let first = drop.names.first();
            let table = first.and_then(|name| m.catalog.table_of_index(name)).map(|table| table.name.clone());
            ("drop index concurrently", table, first.map(|name| name.name.clone()))
        }
        Command::Reindex { kind, name, concurrently: true } => {
            let table = name.as_ref().and_then(|name| match kind {
                ObjectKind::Table => Some(m.catalog.resolve(name)),
                ObjectKind::Index => m.catalog.table_of_index(name).map(|table| table.name.clone()),
                _ => None,
            });
            ("reindex concurrently", table, name.as_ref().map(|name| name.name.clone()))
        }
        _ => return Vec::new(),
    };
    // in a transaction it fails before any timeout could strike
    if m.session.is_in_transaction() || table.as_ref().is_some_and(|table| m.is_new(table) || m.is_empty(table)) {
        return Vec::new();
    }
    let limit = m.param(&RULE.meta, &STATEMENT) * 1000.0;
    let in_effect = [
        ("lock_timeout", m.step.lock_timeout, m.options().runner_sets_lock_timeout, f64::INFINITY),
        ("statement_timeout", m.step.statement_timeout, m.options().runner_sets_statement_timeout, limit),
    ];
    let struck: Vec<(&str, Option<u64>)> = in_effect
        .into_iter()
        .filter_map(|(name, timeout, runner_sets, limit)| match timeout {
            Timeout::Milliseconds(value) if (value as f64) < limit => Some((name, Some(value))),
            Timeout::Unknown => Some((name, None)),
            Timeout::Unset if runner_sets => Some((name, None)),
            _ => None,
        })
        .collect();
    let Some((first, value)) = struck.first() else { return Vec::new() };
    let on = table.as_ref().map(|table| format!(" on {table}")).unwrap_or_default();
    let message = match value {
        Some(value) => format!("{verb}{on} under {first} = {value} ms: cancelled half way it leaves an INVALID index"),
        None => format!("{verb}{on} under a {first} of unknown length: cancelled half way it leaves an INVALID index"),
    };
    let subject = match (&table, &name) {
        (Some(table), Some(name)) => m.index(table, name),
        (Some(table), None) => m.table(table),
        _ => m.itself(),
    };
    let is_known = struck.iter().any(|(_, value)| value.is_some());
    let mut finding = m.finding(&RULE.meta, Place::Statement, subject, message);
    finding = finding.severity(if is_known { Severity::Medium } else { Severity::Low });
    for (name, value) in &struck {
        if let Some(value) = value {
            finding = finding.count(name, i64::try_from(*value).unwrap_or(i64::MAX), Unit::Milliseconds);
        }
    }
    let finding = finding.number("threshold", limit / 1000.0, Unit::Seconds);
    let set: String = struck.iter().map(|(name, _)| format!("set {name} = 0;\n")).collect();
    let reset: String = struck.iter().map(|(name, _)| format!("\nreset {name};")).collect();
    let sql = format!("{set}{};{reset}", m.text());
    vec![finding.fix("lift the timeout for this statement alone", sql, Some(LockMode::ShareUpdateExclusive))]
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, fixture, says};
    use super::*;

    #[test]
    fn both_timeouts_strike() {
        assert_eq!(
            says(&RULE, "set lock_timeout = '2s'; create index concurrently i on t (a);"),
            [
                "medium create index concurrently on t under lock_timeout = 2000 ms: cancelled half way it leaves an INVALID index"
            ]
        );
        let found = findings(&RULE, "set statement_timeout = '1min'; reindex table concurrently t;");
        assert!(found[0].message.contains("statement_timeout = 60000 ms"), "{}", found[0].message);
        assert_eq!(
            found[0].hint.clone().unwrap().sql.unwrap(),
            "set statement_timeout = 0;\nreindex table concurrently t;\nreset statement_timeout;"
        );
        assert_eq!(says(&RULE, "set lock_timeout = '2s'; drop index concurrently i;").len(), 1);
    }

    #[test]
    fn lifted_or_long_ones_do_not() {
        for sql in [
            "create index concurrently i on t (a);",
            "set lock_timeout = '2s'; set lock_timeout = 0; create index concurrently i on t (a);",
            "set lock_timeout = '2s'; reset lock_timeout; create index concurrently i on t (a);",
            "set statement_timeout = '2h'; create index concurrently i on t (a);",
            "begin; set local lock_timeout = '2s'; commit; create index concurrently i on t (a);",
            "set lock_timeout = '2s'; create index i on t (a);",
            "create table t (a int); set lock_timeout = '2s'; create index concurrently i on t (a);",
        ] {
            assert!(says(&RULE, sql).is_empty(), "{sql}");
        }
    }

    #[test]
    fn the_timeout_of_a_runner_is_low() {
        let mut made = fixture("create index concurrently i on t (a);");
        made.project.options.runner_sets_lock_timeout = true;
        let found = crate::migrations::replay::replay(&made.project, &[&RULE]).findings;
        assert_eq!((found.len(), found[0].severity.clone()), (1, Severity::Low));
    }
}
