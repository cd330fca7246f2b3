//! `create index concurrently if not exists` keeps what a failed build left
//!
//! ## Why it matters
//! A concurrent build that is cancelled or fails leaves an INVALID index behind: no query uses it, every write keeps it
//! up to date. When the migration is run again, `if not exists` sees that name, says "already exists, skipping" and
//! reports success. The index is never there, and nobody is told.
//!
//! ## How it is decided
//! Both words in one statement, and no `drop index` of the same name before it in the script. *medium*. Silent on
//! tables the script itself made.
//!
//! ## What to do
//! Drop first, then create: `drop index concurrently if exists …` removes the remains and costs nothing where there are
//! none. Or leave `if not exists` away, so that the second run fails and someone looks.
//!
//! ## Limits
//! Whether the runner ever runs a failed migration again is not known. A runner that checks `pg_index.indisvalid`
//! itself needs none of this: accept the finding with that reason. A trace shows the index valid, as its builds do not
//! fail.

use super::around;
use super::prelude::*;
use crate::sql::quote;

/// A build that takes the remains of the last one for its work.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "concurrently-if-not-exists",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("concurrently_if_not_exists.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Statement(run),
};

fn run(m: &Moment<'_>) -> Vec<Finding> {
    let Command::CreateIndex(index) = m.command else { return Vec::new() };
    let table = m.catalog.resolve(&index.table);
    let Some(name) = index.name.as_deref().filter(|_| index.concurrently && index.if_not_exists) else {
        return Vec::new();
    };
    let drops = |command: &Command| match command {
        Command::Drop(drop) => drop.kind == ObjectKind::Index && drop.names.iter().any(|one| one.name == name),
        _ => false,
    };
    if m.is_new(&table) || around::earlier(m).any(drops) {
        return Vec::new();
    }
    let message = format!(
        "index {name} on {table} if not exists: an INVALID one that a cancelled build left is kept when this runs again"
    );
    let finding = m.finding(&RULE.meta, Place::Statement, m.index(&table, name), message);
    let text = "drop what a failed build left, then create without if not exists";
    vec![match around::after_table(m.text()) {
        Some(tail) => {
            let unique = if index.is_unique { "unique " } else { "" };
            let sql = format!(
                "drop index concurrently if exists {};\ncreate {unique}index concurrently {} on {} {tail};",
                QName::new(&table.schema, name).sql(),
                quote(name),
                table.sql()
            );
            finding.fix(text, sql, Some(LockMode::ShareUpdateExclusive))
        }
        None => finding.advice(text),
    }]
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    #[test]
    fn what_is_left_is_dropped_first() {
        let found = findings(&RULE, "create index concurrently if not exists i on s.t (a) where b;");
        assert_eq!(
            found[0].message,
            "index i on s.t if not exists: an INVALID one that a cancelled build left is kept when this runs again"
        );
        assert_eq!(
            found[0].hint.clone().unwrap().sql.unwrap(),
            "drop index concurrently if exists s.i;\ncreate index concurrently i on s.t (a) where b;"
        );
    }

    #[test]
    fn what_cannot_be_left_is_not_spoken_of() {
        for sql in [
            "create index if not exists i on t (a);",
            "create index concurrently i on t (a);",
            "drop index concurrently if exists i; create index concurrently if not exists i on t (a);",
            "create table t (a int); create index concurrently if not exists i on t (a);",
        ] {
            assert!(says(&RULE, sql).is_empty(), "{sql}");
        }
    }
}
