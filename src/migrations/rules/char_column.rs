//! char(n) column
//!
//! ## Why it matters
//! Values are filled up with blanks to the length, which take space, count for nothing in comparisons and surprise in
//! `like` and in concatenations. It is no faster than `text`, and changing its length writes the table anew.
//!
//! ## How it is decided
//! A column that is added is `char(n)` or `character(n)`. *info*, and only with `--pedantic`.
//!
//! ## What to do
//! `text`, with a check on the length where there is one: `check (length(code) = 2)`.
//!
//! ## Limits
//! A matter of opinion: for codes of one fixed length it does no harm. `"char"`, the one-byte type, is not meant.

use super::around;
use super::prelude::*;

/// Filled up with blanks.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "char-column",
        category: Category::Schema,
        severity: Severity::Info,
        source: include_str!("char_column.rs"),
    },
    params: &[],
    is_opinion: true,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let columns =
        around::new_columns(m).into_iter().filter(|(_, _, column)| around::is_type(&column.type_name, "bpchar"));
    let found = columns.map(|(place, table, column)| {
        let name = &column.name;
        let message =
            format!("{table}.{name} is {}: values are filled up with blanks", around::type_words(&column.type_name));
        m.finding(&RULE.meta, place, m.column(&table, name), message).advice("make it text, with a check on its length")
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    #[test]
    fn padded_types_only() {
        assert_eq!(
            says(&RULE, "create table t (a char(5), b text, c varchar(5), d \"char\");"),
            ["info t.a is char(5): values are filled up with blanks"]
        );
        assert_eq!(says(&RULE, "alter table t add column a character(2);").len(), 1);
    }
}
