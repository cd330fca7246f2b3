//! The schema of a database as rows that can be compared: what there is, and what each thing is made of.

use crate::pg::{Refused, Workbench};
use std::collections::BTreeMap;

/// Everything that a schema has: kind and name, definition.
pub(super) type Schema = BTreeMap<(String, String), String>;

const SCHEMA: &str = include_str!("../../../sql/trace/schema.sql");

/// Takes away what users made, and makes an empty `public`.
pub(super) const RESET: &str = "do $$ declare s text; begin \
    for s in select n.nspname from pg_catalog.pg_namespace as n where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' \
    loop execute pg_catalog.format('drop schema %I cascade', s); end loop; \
    create schema public; end $$";

/// Reads the schema.
pub(super) async fn read(session: &Workbench) -> Result<Schema, Refused> {
    let rows = session.run(SCHEMA).await?;
    let thing = |row: Vec<Option<String>>| {
        let mut columns = row.into_iter().map(Option::unwrap_or_default);
        Some(((columns.next()?, columns.next()?), columns.next()?))
    };
    Ok(rows.into_iter().filter_map(thing).collect())
}

/// What is not in the second as it is in the first, in words.
pub(super) fn differences(first: &Schema, second: &Schema) -> Vec<String> {
    let mut differences = Vec::new();
    for ((kind, name), definition) in first {
        match second.get(&(kind.clone(), name.clone())) {
            None => differences.push(format!("{kind} {name} is gone")),
            Some(now) if now != definition => differences.push(format!("{kind} {name} was {definition}, is {now}")),
            Some(_) => {}
        }
    }
    let left = second.keys().filter(|key| !first.contains_key(*key));
    differences.extend(left.map(|(kind, name)| format!("{kind} {name} is left")));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_changed_or_left_is_told() {
        let of = |rows: &[(&str, &str, &str)]| -> Schema {
            rows.iter().map(|(kind, name, text)| (((*kind).into(), (*name).into()), (*text).into())).collect()
        };
        let first = of(&[("table", "a", "r"), ("column", "a.x", "integer"), ("column", "a.y", "text")]);
        let second = of(&[("table", "a", "r"), ("column", "a.x", "bigint"), ("type", "t", "e")]);
        assert_eq!(
            differences(&first, &second),
            ["column a.x was integer, is bigint", "column a.y is gone", "type t is left"]
        );
        assert!(differences(&first, &first).is_empty());
    }
}
