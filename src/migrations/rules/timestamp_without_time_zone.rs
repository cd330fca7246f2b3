//! timestamp without time zone
//!
//! ## Why it matters
//! It holds what a clock on some wall showed, and not which wall: the same instant is stored differently by sessions of
//! different `TimeZone`, and once a year an hour comes twice.
//!
//! ## How it is decided
//! A column that is added is `timestamp`. *info*, and only with `--pedantic`.
//!
//! ## What to do
//! `timestamptz`: it holds an instant, takes as many bytes, and shows it in the session's zone. Changing it later
//! writes the table anew unless the session's `TimeZone` is UTC.
//!
//! ## Limits
//! A matter of opinion: where everything writes UTC, or a local time is meant (an opening hour), it is right.

use super::around;
use super::prelude::*;

/// Some clock's time.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "timestamp-without-time-zone",
        category: Category::Schema,
        severity: Severity::Info,
        source: include_str!("timestamp_without_time_zone.rs"),
    },
    params: &[],
    is_opinion: true,
    both_ways: false,
    run: Run::Each(look),
};

fn look(m: &Moment<'_>) -> Vec<Finding> {
    let columns =
        around::new_columns(m).into_iter().filter(|(_, _, column)| around::is_type(&column.type_name, "timestamp"));
    let found = columns.map(|(place, table, column)| {
        let name = &column.name;
        let message =
            format!("{table}.{name} is timestamp without a time zone: which instant it means depends on who wrote it");
        m.finding(&RULE.meta, place, m.column(&table, name), message)
            .advice("make it timestamptz, unless a local time is meant")
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    #[test]
    fn the_zone_makes_the_difference() {
        assert_eq!(
            says(&RULE, "create table t (a timestamp, b timestamptz, c timestamp with time zone, d date);"),
            ["info t.a is timestamp without a time zone: which instant it means depends on who wrote it"]
        );
        assert!(says(&RULE, "alter table t add column a timestamptz(3);").is_empty());
    }
}
