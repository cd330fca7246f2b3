//! Rules over migrations: thin questions about effects and state. `ls src/migrations/rules` is the list of what a migration
//! is reviewed for.
//!
//! A rule is a value, as a check is: what it is called, what it looks at, and a pure function. To add one, write
//! `src/migrations/rules/x.rs`, two lines here, and `tests/migrations/x/{bad,good}.sql`.

mod advice;
mod around;
pub(super) mod inside;
pub mod moment;
mod over_rows;
pub mod prelude;

mod cascade;
mod char_column;
mod column_added_with_rewrite;
mod column_dropped;
mod column_renamed;
mod column_type_changed;
mod column_type_rewrite;
mod concurrently_if_not_exists;
mod concurrently_in_transaction;
mod concurrently_on_partitioned_table;
mod concurrently_with_short_timeout;
mod constraint_validated_at_once;
mod default_dropped;
mod domain_constraint_scan;
mod enum_value_renamed;
mod enum_value_used_before_commit;
mod exclusion_constraint_added;
mod foreign_key_left_unindexed;
mod function_signature_changed;
mod identifier_too_long;
mod index_dropped_without_concurrently;
mod index_without_concurrently;
mod int4_primary_key;
mod json_column;
mod lock_without_timeout;
mod long_work_after_exclusive_lock;
mod materialized_view_refreshed_without_concurrently;
mod not_available_in_version;
mod not_null_added;
mod not_null_column_without_default;
mod not_null_scan;
mod object_moved_to_schema;
mod partition_attached_with_scan;
mod partition_created_under_lock;
mod partition_detached_without_concurrently;
mod primary_key_with_scan;
mod privilege_revoked;
mod referenced_table_locked;
mod reindex_without_concurrently;
mod replica_identity_lost;
mod rollback_irreversible;
mod rollback_missing;
mod row_security_narrowed;
mod serial_column;
mod several_alter_tables;
mod several_tables_locked;
mod statement_fails;
mod syntax_error;
mod table_dropped;
mod table_renamed;
mod table_rewritten;
mod timestamp_without_time_zone;
mod triggers_disabled;
mod truncate;
mod unbatched_backfill;
mod unclosed_transaction;
mod unique_without_using_index;
mod validation_under_exclusive_lock;
mod varchar_with_limit;
mod view_dropped_or_narrowed;

use super::project::Project;
use super::replay::Replayed;
use super::trace::Irreversible;
use crate::finding::{Finding, Subject, SubjectKind};
use crate::outcome::{Missing, Verdict};
use crate::rule::{Meta, Param};
use moment::{AtEnd, Moment};

/// A rule over migrations.
#[derive(Debug)]
pub struct Rule {
    /// What it says about itself.
    pub meta: Meta,
    /// The thresholds a user can change.
    pub params: &'static [&'static Param],
    /// Whether it is a matter of opinion: off unless `--pedantic` or the configuration asks for it.
    pub is_opinion: bool,
    /// Whether the way back is looked at too: what locks and what fails matters there as well, what it takes away is its purpose.
    pub both_ways: bool,
    /// What it looks at.
    pub run: Run,
}

/// What a rule finds in a statement.
pub type OfStatement = fn(&Moment<'_>) -> Vec<Finding>;

/// What a rule finds in a script.
pub type OfScript = fn(&AtEnd<'_>) -> Vec<Finding>;

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub enum Run {
    /// Each statement, with the state before it; a `do` as the one statement that it is.
    Statement(OfStatement),
    /// Each statement, and in place of a `do` each in its body.
    Each(OfStatement),
    /// Each script when it has ended.
    Script(OfScript),
    /// The migrations as a whole.
    Folder(fn(&Replayed<'_>) -> Result<Verdict, Missing>),
}

/// Every rule, in the order of the documentation.
pub static ALL: &[&Rule] = &[
    &column_added_with_rewrite::RULE,
    &not_null_column_without_default::RULE,
    &column_type_rewrite::RULE,
    &not_null_scan::RULE,
    &constraint_validated_at_once::RULE,
    &validation_under_exclusive_lock::RULE,
    &unique_without_using_index::RULE,
    &primary_key_with_scan::RULE,
    &exclusion_constraint_added::RULE,
    &index_without_concurrently::RULE,
    &index_dropped_without_concurrently::RULE,
    &reindex_without_concurrently::RULE,
    &partition_created_under_lock::RULE,
    &partition_attached_with_scan::RULE,
    &partition_detached_without_concurrently::RULE,
    &table_rewritten::RULE,
    &materialized_view_refreshed_without_concurrently::RULE,
    &domain_constraint_scan::RULE,
    &lock_without_timeout::RULE,
    &long_work_after_exclusive_lock::RULE,
    &several_tables_locked::RULE,
    &unbatched_backfill::RULE,
    &referenced_table_locked::RULE,
    &concurrently_in_transaction::RULE,
    &concurrently_on_partitioned_table::RULE,
    &concurrently_if_not_exists::RULE,
    &concurrently_with_short_timeout::RULE,
    &enum_value_used_before_commit::RULE,
    &unclosed_transaction::RULE,
    &syntax_error::RULE,
    &not_available_in_version::RULE,
    &statement_fails::RULE,
    &column_dropped::RULE,
    &column_renamed::RULE,
    &column_type_changed::RULE,
    &not_null_added::RULE,
    &table_dropped::RULE,
    &table_renamed::RULE,
    &object_moved_to_schema::RULE,
    &enum_value_renamed::RULE,
    &view_dropped_or_narrowed::RULE,
    &function_signature_changed::RULE,
    &cascade::RULE,
    &truncate::RULE,
    &replica_identity_lost::RULE,
    &triggers_disabled::RULE,
    &privilege_revoked::RULE,
    &rollback_missing::RULE,
    &rollback_irreversible::RULE,
    &foreign_key_left_unindexed::RULE,
    &several_alter_tables::RULE,
    &json_column::RULE,
    &int4_primary_key::RULE,
    &serial_column::RULE,
    &timestamp_without_time_zone::RULE,
    &char_column::RULE,
    &varchar_with_limit::RULE,
    &identifier_too_long::RULE,
    &default_dropped::RULE,
    &row_security_narrowed::RULE,
];

/// The rule of an id.
pub fn by_id(id: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.meta.id == id)
}

/// What a trace found of ways back that do not lead back, as the findings of the rule that asks for them.
pub fn irreversible(project: &Project, found: &[Irreversible]) -> Vec<Finding> {
    let Some(rule) = by_id("rollback-irreversible") else { return Vec::new() };
    let finding = |one: &Irreversible| {
        let script = project.scripts.get(one.script)?;
        let file = project.files.get(script.file)?;
        let what = if one.is_second_up {
            "the second way forward does not lead where the first did"
        } else {
            "the way back does not lead back"
        };
        let count = one.differences.len();
        let first = one.differences.first().map_or("a statement of it failed", String::as_str);
        let message =
            format!("{what}: {first}{}", if count > 1 { format!(", and {} more", count - 1) } else { String::new() });
        let subject = Subject { name: Some(file.path.clone()), ..Subject::new(SubjectKind::File) };
        let mut finding = Finding::new(&rule.meta, subject, message).list("differences", one.differences.clone());
        finding.key = project.key_of_text(rule.meta.id, script, "measured");
        let start = script.statements.first().map_or(0, |statement| statement.span.start);
        let end = script.statements.first().map_or(0, |statement| statement.span.end);
        finding.location = Some(moment::locate(file, start..end));
        finding.verification = Some("trace_only".to_owned());
        Some(finding)
    };
    found.iter().filter_map(finding).collect()
}

#[cfg(test)]
pub(crate) mod laboratory;

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The fixtures are beside the integration tests; the review is pure, so they are tried here.
    fn fixtures() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/migrations"))
    }

    #[test]
    fn every_rule_finds_what_its_fixtures_say_and_no_more() {
        let mut wrong = Vec::new();
        for rule in ALL {
            for name in ["bad.sql", "good.sql"] {
                let path = fixtures().join(rule.meta.id).join(name);
                let Ok(text) = std::fs::read_to_string(&path) else {
                    wrong.push(format!("{} is missing", path.display()));
                    continue;
                };
                let fixture = laboratory::fixture(&text);
                let found = laboratory::found(&fixture.project, &[rule]);
                if found != fixture.expected || found.is_empty() != (name == "good.sql") {
                    let expected = fixture.expected;
                    wrong.push(format!("{}: expected {expected:?}, found {found:?}", path.display()));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn the_sql_of_a_hint_passes_the_review_itself() {
        let all: Vec<&'static Rule> = ALL.iter().copied().filter(|rule| !rule.is_opinion).collect();
        let mut wrong = Vec::new();
        for rule in ALL {
            let Ok(text) = std::fs::read_to_string(fixtures().join(rule.meta.id).join("bad.sql")) else { continue };
            let fixture = laboratory::fixture(&text);
            for finding in crate::migrations::replay::replay(&fixture.project, &[rule]).findings {
                for objection in laboratory::objections(&fixture.project, &finding, &all) {
                    let sql = finding.hint.as_ref().and_then(|hint| hint.sql.clone()).unwrap_or_default();
                    wrong.push(format!("{}: {objection}\n{sql}", finding.key));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    }
}
