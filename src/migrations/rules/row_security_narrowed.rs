//! Row level security that hides rows from running code
//!
//! ## Why it matters
//! With row level security on, every role but the owner sees and writes only rows that a policy allows, and without a
//! policy none at all: queries do not fail, they return nothing. That looks like lost data.
//!
//! ## How it is decided
//! `enable row level security` on a table that was there before the script: *high* where no policy for it is made
//! before it in the script or later in the same transaction, *low* where one is: what it lets through cannot be judged.
//! `force row level security` and a dropped policy with none in its place are *medium*.
//!
//! ## What to do
//! Create the policies first, in the same transaction, and try them as the application's role.
//!
//! ## Limits
//! Policies that the dump or the snapshot has are not known here, so a policy made by an earlier migration does not
//! count. Roles with `bypassrls` and superusers see everything; which role the application uses is not known.

use super::around;
use super::prelude::*;

/// Rows that vanish.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "row-security-narrowed",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("row_security_narrowed.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Command::Drop(drop) = m.command
        && drop.kind == ObjectKind::Policy
        && let Some(table) = &drop.table
    {
        found.extend(dropped(m, drop.names.first(), table));
    }
    let Some(relation) = m.altered().filter(|relation| !m.is_new(relation)) else { return found };
    for (number, action) in m.actions() {
        let place = Place::Action(number);
        if let ActionKind::RowSecurity(words) = action {
            found.extend(switched(m, place, &relation, words));
        }
    }
    found
}

fn makes_policy(m: &Moment<'_>, command: &Command, relation: &QName) -> bool {
    match command {
        Command::Policy { table, is_new: true, .. } => around::is_named(m, table, relation),
        _ => false,
    }
}

fn switched(m: &Moment<'_>, place: Place, relation: &QName, words: &str) -> Option<Finding> {
    let has_policy =
        around::earlier(m).chain(around::later_in_transaction(m)).any(|one| makes_policy(m, one, relation));
    let (severity, message) = match words {
        "enable row level security" if has_policy => (
            Severity::Low,
            format!("row level security on {relation}: other roles than its owner see what its policies let through"),
        ),
        "enable row level security" => (
            Severity::High,
            format!("row level security on {relation} without a policy: other roles than its owner see no row"),
        ),
        "force row level security" => (
            Severity::Medium,
            format!(
                "row level security on {relation} is forced: its owner too sees only what its policies let through"
            ),
        ),
        _ => return None,
    };
    let finding = m.finding(&RULE.meta, place, m.table(relation), message).severity(severity);
    let finding = around::locked(finding, m, relation);
    Some(
        finding.advice(
            "create the policies before it in the same transaction, and try them as the role the application uses",
        ),
    )
}

fn dropped(m: &Moment<'_>, policy: Option<&Name>, table: &Name) -> Option<Finding> {
    let relation = m.catalog.resolve(table);
    if m.is_new(&relation) || around::later_in_transaction(m).any(|one| makes_policy(m, one, &relation)) {
        return None;
    }
    let name = policy.map(|policy| policy.name.as_str()).unwrap_or_default();
    let message = format!(
        "policy {name} of {relation} is dropped and none takes its place: rows that only it let through vanish"
    );
    let finding = m.finding(&RULE.meta, Place::Statement, m.table(&relation), message).severity(Severity::Medium);
    let finding = around::locked(finding, m, &relation);
    Some(finding.advice("create what takes its place in the same transaction"))
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const TABLE: &str = "-- file: 0.sql released\ncreate table t (id int);\n-- file: 1.sql\n";

    #[test]
    fn rows_that_vanish_are_told() {
        for (sql, said) in [
            (
                "alter table t enable row level security;",
                "high row level security on t without a policy: other roles than its owner see no row",
            ),
            (
                "create policy p on t using (true); alter table t enable row level security;",
                "low row level security on t: other roles than its owner see what its policies let through",
            ),
            (
                "drop policy p on t;",
                "medium policy p of t is dropped and none takes its place: rows that only it let through vanish",
            ),
        ] {
            assert_eq!(says(&RULE, &format!("{TABLE}{sql}")), [said], "{sql}");
        }
    }

    #[test]
    fn what_is_new_or_widened_is_silent() {
        for sql in [
            "create table u (id int); alter table u enable row level security;",
            "alter table t disable row level security;",
            "begin; drop policy p on t; create policy q on t using (true); commit;",
        ] {
            assert!(says(&RULE, &format!("{TABLE}{sql}")).is_empty(), "{sql}");
        }
    }
}
