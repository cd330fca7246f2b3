//! Domain constraint that is verified in every table that uses it
//!
//! ## Why it matters
//! PostgreSQL reads every table with a column of the domain, whole, under ShareLock on all of them until the
//! transaction ends: reads go on, writes wait.
//!
//! ## How it is decided
//! `alter domain … add constraint` that is not `not valid`, and `alter domain … set not null`, where a table that was
//! there before the script has a column of the domain or of a domain over it. *low*: `validate constraint`, which
//! reads under the same lock.
//!
//! ## What to do
//! Add a check `not valid`, which reads nothing and holds for new values. It may stay so: its validation, too, holds
//! ShareLock on every table, up to PostgreSQL 18. Where old values must be verified in large tables, give the tables
//! themselves a check, which is validated while writes go on. A `not null` cannot be `not valid`: a check
//! `(value is not null)` can.
//!
//! ## Limits
//! Which tables use the domain is known only of those that a migration or a schema made.

use super::prelude::*;
use super::{advice, over_rows};
use crate::migrations::command::DomainAction;
use crate::sql::quote;

/// A domain that is verified at once.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "domain-constraint-scan",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("domain_constraint_scan.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Each(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    altered(m).into_iter().collect()
}

fn altered(m: &Moment<'_>) -> Option<Finding> {
    let Command::AlterDomain { name, action } = m.command else { return None };
    let check = match action {
        DomainAction::Add(constraint) => match &constraint.kind {
            ConstraintKind::Check(expression) => Some((constraint.name.clone(), expression.sql())),
            _ => Some((constraint.name.clone(), Some("value is not null".to_owned()))),
        },
        DomainAction::SetNotNull => Some((None, Some("value is not null".to_owned()))),
        DomainAction::Validate(_) => None,
        _ => return None,
    };
    let works = over_rows::of_all(m, &m.effects.scans);
    let first = works.first()?;
    let message = format!(
        "all rows of {} are read under {} to verify a constraint of {name}: {}",
        over_rows::tables(&works),
        first.mode,
        first.mode.blocks()
    );
    let subject = m.table(&first.relation);
    let finding = over_rows::finding(m, &RULE.meta, Place::Statement, subject, &works, WorkKind::Scan, message)?;
    let finding = finding.text("domain", name.to_string());
    let Some((own, condition)) = check else {
        let text = "leave it not valid, since it holds for new values all the same, or validate it in a quiet hour; a \
                    check of the table itself is validated while writes go on";
        return Some(finding.severity(Severity::Low).advice(text));
    };
    let text = "add a check not valid, which reads nothing and holds for new values";
    let Some(condition) = condition else { return Some(finding.advice(text)) };
    let own = quote(&own.unwrap_or_else(|| advice::name(&name.name, "check")));
    let sql = format!("alter domain {} add constraint {own} check ({condition}) not valid;", name.sql());
    Some(finding.fix(text, sql, None))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const OLD: &str = "-- file: 1.sql released\ncreate domain amount as int; create table orders (id bigint, n \
                       amount);\n\
                       create table items (id bigint, n amount); create domain idle as int;\n-- file: 2.sql\n";

    #[test]
    fn every_table_is_read() {
        let text = format!("{OLD}alter domain amount add constraint c check (value > 0);");
        assert_eq!(
            says(&RULE, &text),
            ["high all rows of items and orders are read under ShareLock to verify a constraint of amount: writes \
              wait, reads go on"]
        );
        assert_eq!(
            findings(&RULE, &text)[0].hint.as_ref().unwrap().sql.as_deref(),
            Some("alter domain amount add constraint c check (\"value\" > 0) not valid;")
        );
        assert_eq!(says(&RULE, &format!("{OLD}alter domain amount set not null;")).len(), 1);
        let apart = "alter domain amount add constraint c check (value > 0) not valid; alter domain amount validate constraint c;";
        let found = says(&RULE, &format!("{OLD}{apart}"));
        assert!(found.len() == 1 && found[0].starts_with("low "), "{found:?}");
    }

    #[test]
    fn nothing_is_read() {
        for sql in [
            "alter domain amount add constraint c check (value > 0) not valid;",
            "alter domain idle add constraint c check (value > 0);",
            "alter domain amount set default 5;",
        ] {
            assert_eq!(says(&RULE, &format!("{OLD}{sql}")), [""; 0], "{sql}");
        }
    }
}
