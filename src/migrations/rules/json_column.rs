//! Column of type json
//!
//! ## Why it matters
//! `json` is text that was checked once: every access parses it anew, it has no equality, so `distinct`, `group by` and
//! `union` over it fail, and no index but one on an expression helps. `jsonb` has none of these faults.
//!
//! ## How it is decided
//! A column that is added, or given the type, is `json` or an array of it. *low*.
//!
//! ## What to do
//! `jsonb`. Changing it later writes the table anew.
//!
//! ## Limits
//! `jsonb` keeps neither the order of keys, nor blanks, nor the first of two equal keys: where a document must come
//! back byte by byte, as for a signature, `json` or `text` is right, and the finding is accepted with that reason.

use super::prelude::*;
use super::{advice, around};
use crate::sql::quote;

/// Text that looks like data.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "json-column",
        category: Category::Schema,
        severity: Severity::Low,
        source: include_str!("json_column.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (place, table, column) in around::new_columns(m) {
        if !around::is_type(&column.type_name, "json") {
            continue;
        }
        let finding = tell(m, place, &table, &column.name);
        let is_bare = column.default.is_none() && !column.is_not_null && column.constraints.is_empty();
        let is_added = matches!(m.command, Command::AlterTable { .. }) && is_bare && column.generated.is_none();
        found.push(match is_added {
            true => {
                let array = "[]".repeat(column.type_name.dimensions);
                let add = format!("alter table {} add column {} jsonb{array};", table.sql(), quote(&column.name));
                finding.fix(ADVICE, format!("{}\n{add}", advice::TIMEOUT), Some(LockMode::AccessExclusive))
            }
            false => finding.advice(ADVICE),
        });
    }
    let Some(table) = m.altered() else { return found };
    for (number, action) in m.actions() {
        let place = Place::Action(number);
        if let ActionKind::AlterType { column, type_name, .. } = action
            && around::is_type(type_name, "json")
        {
            found.push(tell(m, place, &table, column).advice(ADVICE));
        }
    }
    found
}

const ADVICE: &str = "make it jsonb, unless it must come back byte by byte";

fn tell(m: &Moment<'_>, place: Place, table: &QName, column: &str) -> Finding {
    let message = format!("{table}.{column} is json: it has no equality, and every access parses it anew");
    m.finding(&RULE.meta, place, m.column(table, column), message)
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, says};
    use super::*;

    #[test]
    fn json_is_told_and_jsonb_is_not() {
        let said = "low t.a is json: it has no equality, and every access parses it anew";
        assert_eq!(says(&RULE, "create table t (a json, b jsonb, c text);"), [said]);
        assert_eq!(says(&RULE, "alter table t alter a type json using a::json;"), [said]);
        let found = findings(&RULE, "alter table t add column a json[];");
        assert_eq!(
            found[0].hint.clone().unwrap().sql.unwrap(),
            "set lock_timeout = '5s';\nalter table t add column a jsonb[];"
        );
        assert!(says(&RULE, "alter table t drop column a;").is_empty());
    }
}
