//! Foreign key that the migrations leave without an index
//!
//! ## Why it matters
//! To delete a referenced row, or to change its key, PostgreSQL looks for rows that still reference it. Without an
//! index on the referencing columns that reads the whole table, once for each row, while locks are held; joins along
//! the key do so too.
//!
//! ## How it is decided
//! A foreign key that a reviewed script adds and that is there after the last script, on a table whose indexes are all
//! known then: no valid B-tree index without a predicate begins with its columns, in any order, nor a hash index on its
//! one column. *medium* where the referencing table is known to be large, else *low*. An index that a later statement
//! or script adds counts; a new table counts too, as it will fill. Not where the key is not enforced.
//!
//! ## What to do
//! Create the index, concurrently where the table has rows.
//!
//! ## Limits
//! Where nothing ever deletes or re-keys a referenced row and nothing joins along the key, the index is not worth its
//! cost: accept the finding with that reason. A table that was there before the first script is judged only where a
//! dump, a snapshot or a server told its indexes. `pgassay audit` says the same of a running database
//! (`foreign-key-without-index`), with operators and collations.

use super::advice;
use super::moment::about_statement;
use super::prelude::*;
use crate::finding::{Subject, SubjectKind};
use crate::migrations::catalog::{Birth, TableConstraint};
use crate::migrations::replay::Replayed;
use crate::migrations::script::Direction;
use crate::outcome::{Missing, Reason, Verdict};
use crate::sql::quote;

/// A look-up that reads everything.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "foreign-key-left-unindexed",
        category: Category::Schema,
        severity: Severity::Low,
        source: include_str!("foreign_key_left_unindexed.rs"),
    },
    params: &[&LARGE],
    is_opinion: false,
    both_ways: true,
    run: Run::Folder(run),
};

static LARGE: Param = Param {
    name: "large_table_rows",
    doc: "a referencing table is large from so many rows on; the checklist's figure for a table worth an index",
    default: 10_000.0,
    unit: Unit::Rows,
};

fn run(replayed: &Replayed<'_>) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::default();
    let mut keys: Vec<(Birth, &Relation, &TableConstraint)> = Vec::new();
    for table in replayed.catalog.relations() {
        // the keys of partitions are their table's
        if table.partition_of.is_some() {
            continue;
        }
        for constraint in &table.constraints {
            let is_key = matches!(constraint.definition.kind, ConstraintKind::ForeignKey { .. });
            if let (true, Some(born)) = (is_key && !constraint.definition.is_not_enforced, constraint.born) {
                keys.push((born, table, constraint));
            }
        }
    }
    keys.sort_by_key(|(born, table, constraint)| (*born, table.name.clone(), constraint.name.clone()));
    for (born, table, constraint) in keys {
        let Some(script) = replayed.project.scripts.get(born.script) else { continue };
        if script.direction == Direction::Down || !replayed.project.is_reviewed(script) {
            continue;
        }
        verdict.examine();
        let columns = &constraint.definition.columns;
        if columns.is_empty() || table.indexes.iter().any(|index| serves(index, columns)) {
            continue;
        }
        let subject = Subject {
            schema: Some(table.name.schema.to_string()),
            relation: Some(table.name.name.to_string()),
            name: Some(constraint.name.clone()),
            ..Subject::new(SubjectKind::Constraint)
        }
        .with_columns(columns.clone());
        if !table.is_complete && !is_new_column(table, columns, born) {
            let because = "the indexes of its table are not known: a dump or a snapshot tells them";
            let missing = Missing::new("indexes", Reason::Input, because).unlocked_by("pgassay review --schema FILE");
            verdict.cannot_tell(subject, missing);
            continue;
        }
        let rows = table.statistics.as_ref().and_then(|statistics| statistics.rows);
        let large = replayed.project.options.params.get(RULE.meta.id, &LARGE);
        let references = constraint.references.as_ref().map(|(name, _)| name.to_string()).unwrap_or_default();
        let message = format!(
            "foreign key on {} ({}) is left without an index: deletes from {references} read all of it",
            table.name,
            columns.join(", ")
        );
        let mut finding = about_statement(replayed.project, &RULE.meta, script, born.statement, subject, message);
        let is_large = rows.is_some_and(|rows| rows >= large);
        finding = finding.severity(if is_large { Severity::Medium } else { Severity::Low });
        if let Some(rows) = rows {
            finding = finding.number("rows", rows, Unit::Rows);
        }
        let finding = finding.text("references", references).number("threshold", large, Unit::Rows);
        let name = advice::name(&table.name.name, &format!("{}_idx", columns.join("_")));
        verdict.find(match table.is_partitioned() {
            true => finding.advice(
                "create it on the parent only, then on each partition concurrently, and attach each; on a table without rows, at once",
            ),
            false => finding.fix(
                "create an index that begins with the key's columns",
                format!(
                    "create index concurrently {} on {} ({});",
                    quote(&name),
                    table.name.sql(),
                    advice::columns(columns)
                ),
                Some(LockMode::ShareUpdateExclusive),
            ),
        });
    }
    Ok(verdict)
}

/// Whether an index finds the rows of a key.
fn serves(index: &crate::migrations::catalog::Index, columns: &[String]) -> bool {
    if !index.is_valid || index.is_partial {
        return false;
    }
    let first = index.keys.get(..columns.len()).unwrap_or_default();
    let begins =
        first.len() == columns.len() && columns.iter().all(|column| first.iter().flatten().any(|key| key == column));
    match index.method.as_str() {
        "btree" => begins,
        "hash" => columns.len() == 1 && begins,
        _ => false,
    }
}

/// Whether a column of a key came with it, so that no index from before can have it.
fn is_new_column(table: &Relation, columns: &[String], born: Birth) -> bool {
    columns.iter().any(|column| {
        table.column(column).is_some_and(|column| column.born.is_some_and(|own| own.script == born.script))
    })
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    const TABLES: &str = "-- file: 0.sql released\ncreate table p (id int primary key);\ncreate table c (id int primary key, p_id int, q int);\n\
        -- file: 1.sql\n";

    #[test]
    fn a_key_without_an_index() {
        let found = findings(
            &RULE,
            &format!("{TABLES}alter table c add constraint c_p foreign key (p_id) references p not valid;"),
        );
        assert_eq!(found[0].message, "foreign key on c (p_id) is left without an index: deletes from p read all of it");
        assert_eq!(found[0].hint.clone().unwrap().sql.unwrap(), "create index concurrently c_p_id_idx on c (p_id);");
        for sql in [
            "create table d (p_id int references p);",
            "alter table unknown add column p_id int references p;",
            "alter table c add foreign key (p_id) references p; create index i on c (q, p_id);",
            "alter table c add foreign key (p_id) references p; create index i on c (p_id) where q > 0;",
        ] {
            assert_eq!(says(&RULE, &format!("{TABLES}{sql}")).len(), 1, "{sql}");
        }
    }

    #[test]
    fn one_that_comes_later_counts() {
        for sql in [
            "alter table c add foreign key (p_id) references p;\n-- file: 2.sql\ncreate index concurrently i on c (p_id, q);",
            "create table d (p_id int primary key references p);",
            "create table d (p_id int references p); create index on d using hash (p_id);",
            "alter table c add constraint x foreign key (p_id) references p; alter table c drop constraint x;",
            "alter table unknown add foreign key (p_id) references p;",
        ] {
            assert!(
                says(&RULE, &format!("{TABLES}{sql}")).is_empty(),
                "{sql} {:?}",
                says(&RULE, &format!("{TABLES}{sql}"))
            );
        }
    }
}
