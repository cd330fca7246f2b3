//! Table emptied
//!
//! ## Why it matters
//! `truncate` takes AccessExclusiveLock, so it waits for every reader and all others wait behind it, and once it has
//! committed no roll-back of the release brings the rows back. Triggers for each row and `on delete` actions do not
//! run.
//!
//! ## How it is decided
//! `truncate` of a table that was there before the script and is not known to be empty. *high*.
//!
//! ## What to do
//! Keep what may be needed: `create table … as table …` before it. Where rows are to go a part at a time, `delete` in
//! batches outside of the migration; where the table is a cache, say so when accepting the finding.
//!
//! ## Limits
//! What the rows are worth is not known. What `cascade` empties besides is the rule `cascade`'s.

use super::prelude::*;

/// All rows gone.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "truncate",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("truncate.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let Command::Truncate { tables, .. } = m.command else { return found };
    for name in tables {
        let table = m.catalog.resolve(name);
        let known = m.catalog.get(&table).known();
        let is_other = known.is_some_and(|known| known.kind.object() != ObjectKind::Table);
        if m.is_new(&table) || m.is_empty(&table) || is_other {
            continue;
        }
        let message = format!(
            "AccessExclusiveLock on {table} while all its rows are removed: reads and writes wait, the rows are gone"
        );
        let finding = m.finding(&RULE.meta, Place::Statement, m.table(&table), message);
        let mut finding = finding.text("lock_mode", LockMode::AccessExclusive.as_str());
        if let Some(rows) = known.and_then(|known| known.statistics.as_ref()).and_then(|statistics| statistics.rows) {
            finding = finding.number("rows", rows, Unit::Rows);
        }
        found.push(finding.advice(
            "keep a copy of what may be needed first; where only some rows are to go, delete them in batches outside of the \
             migration",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    #[test]
    fn old_tables_are_told_and_new_ones_not() {
        assert_eq!(
            says(&RULE, "create table t (a int);\n-- file: 1.sql\ntruncate t, u;"),
            [
                "high AccessExclusiveLock on t while all its rows are removed: reads and writes wait, the rows are gone",
                "high AccessExclusiveLock on u while all its rows are removed: reads and writes wait, the rows are gone"
            ]
        );
        assert!(says(&RULE, "create table t (a int); truncate t; create temp table u (a int); truncate u;").is_empty());
        assert!(says(&RULE, "delete from t;").is_empty());
    }
}
