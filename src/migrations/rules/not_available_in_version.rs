//! Statement that the target version does not have yet
//!
//! ## Why it matters
//! It works on the developer's newer server and fails on the one it is for.
//!
//! ## How it is decided
//! The migrations are reviewed for one major version, `--pg-version` or that of the snapshot, and the statement uses
//! what a later one brought: `unique nulls not distinct` and `set access method` (15), `set expression` (17), `not null
//! … not valid`, virtual generated columns and `not enforced` (18) are examples. *high*: it fails every time.
//!
//! ## What to do
//! Write it as the target has it, or review for the version it will really run on.
//!
//! ## Limits
//! Only what the measured table of effects knows of versions is told: a function that came with a later version, or an
//! option of a statement that is not read, is not. Versions before 14 are not reviewed for. A trace on that major says
//! the same, with the server's own message.

use super::prelude::*;

/// Ahead of its time.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "not-available-in-version",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("not_available_in_version.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Statement(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    let newer = m.effects.failures.iter().filter_map(|failure| failure.needs_major.map(|needs| (failure, needs)));
    let found = newer.map(|(failure, needs)| {
        let message = match failure.message.contains("PostgreSQL") {
            true => format!("{}, the target is {}", failure.message, m.major()),
            false => format!("{}: that needs PostgreSQL {needs}, the target is {}", failure.message, m.major()),
        };
        let finding = m.finding(&RULE.meta, Place::Action(failure.action), m.itself(), message);
        let finding = finding.count("needs_major", i64::from(needs), Unit::Count);
        let finding = finding.count("target_major", i64::from(m.major()), Unit::Count);
        finding
            .text("target_from", m.options().major_because.clone())
            .text("sqlstate", failure.sqlstate)
            .advice("write it as the target version has it; where the target is newer, say so with --pg-version")
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    const NEW: &str = "create table t (a int);\n-- file: 1.sql\nalter table t add constraint c not null a not valid;";

    #[test]
    fn the_target_decides() {
        let found = says(&RULE, &format!("-- major: 17\n{NEW}"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("high ") && found[0].ends_with("needs PostgreSQL 18, the target is 17"),
            "{found:?}"
        );
        assert!(says(&RULE, &format!("-- major: 18\n{NEW}")).is_empty());
    }
}
