//! varchar with a limit
//!
//! ## Why it matters
//! The limit is a rule that lives in the type: to raise it needs AccessExclusiveLock, to lower it the table is written
//! anew, and views over the column stand in the way of both. It saves neither space nor time.
//!
//! ## How it is decided
//! A column that is added is `varchar(n)`. *info*, and only with `--pedantic`.
//!
//! ## What to do
//! `text`, with a check on the length where one is needed: a check can be replaced without either, `not valid` first.
//!
//! ## Limits
//! A matter of opinion: some tools read the limit from the type.

use super::around;
use super::prelude::*;

/// A rule in a type.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "varchar-with-limit",
        category: Category::Schema,
        severity: Severity::Info,
        source: include_str!("varchar_with_limit.rs"),
    },
    params: &[],
    is_opinion: true,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let is_limited =
        |column: &ColumnDef| around::is_type(&column.type_name, "varchar") && !column.type_name.modifiers.is_empty();
    let columns = around::new_columns(m).into_iter().filter(|(_, _, column)| is_limited(column));
    let found = columns.map(|(place, table, column)| {
        let name = &column.name;
        let message = format!(
            "{table}.{name} is {}: to change the limit later needs AccessExclusiveLock",
            around::type_words(&column.type_name)
        );
        m.finding(&RULE.meta, place, m.column(&table, name), message)
            .advice("make it text, with a check on its length if need be")
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    #[test]
    fn limits_only() {
        assert_eq!(
            says(&RULE, "create table t (a varchar(50), b varchar, c text, d numeric(5));"),
            ["info t.a is varchar(50): to change the limit later needs AccessExclusiveLock"]
        );
        assert!(says(&RULE, "alter table t alter a type varchar(100);").is_empty());
    }
}
