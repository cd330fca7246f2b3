//! Triggers switched off
//!
//! ## Why it matters
//! A trigger that is off does not fire for anyone's rows, not just the migration's: what it keeps up (an audit, a copy,
//! a search column) is silently wrong afterwards. `disable trigger all` and `session_replication_role = replica` switch
//! off foreign keys too, which are triggers, and nothing checks those rows later.
//!
//! ## How it is decided
//! `disable trigger` on a table that was there before the script, *medium* where the script does not switch it on
//! again, *low* where it does in a later transaction: writes between the two escape. Silent where the same transaction
//! does, since ShareRowExclusiveLock keeps other writers out until then. `session_replication_role` set to `replica` is
//! *medium*, and `disable rule` counts as a trigger.
//!
//! ## What to do
//! Switch it on again in the same transaction, or let the trigger's function leave the migration's rows alone by a
//! setting.
//!
//! ## Limits
//! A loader that sets `session_replication_role` for known good data does so on purpose: accept the finding with that
//! reason.

use super::around;
use super::prelude::*;
use crate::migrations::command::SetTo;

/// Triggers that do not fire.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "triggers-disabled",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("triggers_disabled.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Command::Set { name, to: SetTo::Value(values), .. } = m.command {
        let is_replica = values.first().is_some_and(|value| value.eq_ignore_ascii_case("replica"));
        if name == "session_replication_role" && is_replica {
            let message =
                "session_replication_role = replica: triggers and foreign keys do not see what this session writes";
            let finding = m.finding(&RULE.meta, Place::Statement, m.itself(), message);
            found.push(finding.advice("write the rows as everyone does, in an order that foreign keys allow"));
        }
    }
    let Some(relation) = m.altered().filter(|relation| !m.is_new(relation)) else { return found };
    for (number, action) in m.actions() {
        let place = Place::Action(number);
        found.extend(judge(m, place, &relation, action));
    }
    found
}

/// Whether a command switches it on again.
fn enables(command: &Command, disabled: &ActionKind) -> bool {
    let Command::AlterTable { actions, .. } = command else { return false };
    actions.iter().any(|action| match (&action.kind, disabled) {
        (ActionKind::Trigger { enable: true, name }, ActionKind::Trigger { name: off, .. }) => {
            name.is_none() || name == off
        }
        (ActionKind::Rule { enable: true, name }, ActionKind::Rule { name: off, .. }) => name == off,
        _ => false,
    })
}

fn judge(m: &Moment<'_>, place: Place, relation: &QName, action: &ActionKind) -> Option<Finding> {
    let what = match action {
        ActionKind::Trigger { enable: false, name: Some(name) } => format!("trigger {name} of {relation}"),
        ActionKind::Trigger { enable: false, name: None } => format!("every trigger of {relation}"),
        ActionKind::Rule { enable: false, name } => format!("rule {name} of {relation}"),
        _ => return None,
    };
    let again = |command: &Command| match command {
        Command::AlterTable { name, .. } => around::is_named(m, name, relation) && enables(command, action),
        _ => false,
    };
    if around::later_in_transaction(m).any(again) {
        return None;
    }
    let (severity, message) = match around::later(m).any(|(_, command)| again(command)) {
        true => (
            Severity::Low,
            format!(
                "{what} is off until a later transaction of this script: rows that others write meanwhile escape it"
            ),
        ),
        false => (Severity::Medium, format!("{what} is off, and stays so: rows that anyone writes escape it")),
    };
    let finding = m.finding(&RULE.meta, place, m.table(relation), message).severity(severity);
    let finding = around::locked(finding, m, relation);
    Some(finding.advice("switch it on again in the same transaction, which keeps other writers out until it commits"))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const TABLE: &str = "-- file: 0.sql released\ncreate table t (id int);\n-- file: 1.sql\n";

    #[test]
    fn what_stays_off_is_told() {
        for (sql, said) in [
            (
                "alter table t disable trigger audit;",
                "medium trigger audit of t is off, and stays so: rows that anyone writes escape it",
            ),
            (
                "alter table t disable trigger all;",
                "medium every trigger of t is off, and stays so: rows that anyone writes escape it",
            ),
            (
                "alter table t disable rule r;",
                "medium rule r of t is off, and stays so: rows that anyone writes escape it",
            ),
            (
                "alter table t disable trigger user; alter table t enable trigger user;",
                "low every trigger of t is off until a later transaction of this script: rows that others write meanwhile \
                 escape it",
            ),
            (
                "set session_replication_role = replica;",
                "medium session_replication_role = replica: triggers and foreign keys do not see what this session writes",
            ),
        ] {
            assert_eq!(says(&RULE, &format!("{TABLE}{sql}")), [said], "{sql}");
        }
    }

    #[test]
    fn what_is_on_again_is_silent() {
        for sql in [
            "begin; alter table t disable trigger a; update t set id = 1; alter table t enable trigger a; commit;",
            "alter table t enable trigger a;",
            "create table u (a int); alter table u disable trigger all;",
            "set session_replication_role = origin;",
        ] {
            assert!(says(&RULE, &format!("{TABLE}{sql}")).is_empty(), "{sql}");
        }
    }
}
