//! A row for each table that has none, so that what depends on rows shows: made from the catalog, kept only where the
//! server takes it.

use crate::migrations::effects::Effects;
use crate::pg::Workbench;
use std::collections::{BTreeMap, BTreeSet};

/// Columns that need a value: those that may not be null and have no default. With what helps to find one.
const COLUMNS: &str = "select n.nspname, c.relname, a.attname, \
    pg_catalog.format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid), case when t.typbasetype = 0 then a.atttypmod else t.typtypmod end), \
    coalesce(e.typtype, t.typtype), \
    (select l.enumlabel from pg_catalog.pg_enum as l where l.enumtypid = a.atttypid order by l.enumsortorder limit 1), \
    coalesce((select pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(k.oid), ' ') from pg_catalog.pg_constraint as k \
      where k.contype = 'c' and (k.conrelid = c.oid or k.contypid = a.atttypid)), ''), \
    a.attnotnull and d.adbin is null and a.attidentity = '' and a.attgenerated = '' \
    from pg_catalog.pg_class as c \
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
    join pg_catalog.pg_type as t on t.oid = a.atttypid \
    left join pg_catalog.pg_type as e on e.oid = t.typelem and t.typcategory = 'A' \
    left join pg_catalog.pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum \
    where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and not c.relispartition \
    order by 1, 2, a.attnum";

/// Foreign keys: table, column, referenced table, referenced column.
const KEYS: &str = "select n.nspname, c.relname, a.attname, m.nspname, r.relname, b.attname \
    from pg_catalog.pg_constraint as k \
    join pg_catalog.pg_class as c on c.oid = k.conrelid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
    join pg_catalog.pg_class as r on r.oid = k.confrelid join pg_catalog.pg_namespace as m on m.oid = r.relnamespace \
    cross join lateral pg_catalog.generate_subscripts(k.conkey, 1) as p (part) \
    join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = k.conkey[p.part] \
    join pg_catalog.pg_attribute as b on b.attrelid = k.confrelid and b.attnum = k.confkey[p.part] \
    where k.contype = 'f'";

/// How many rows of different values are tried for a table.
const TRIES: usize = 12;

type Table = (String, String);

#[derive(Debug)]
struct Column {
    name: String,
    values: Vec<String>,
    is_needed: bool,
}

/// Puts a row into every table that has none; the tables where that could not be done.
pub(super) async fn fill(session: &Workbench) -> BTreeSet<String> {
    let mut tables: BTreeMap<Table, Vec<Column>> = BTreeMap::new();
    for row in session.run(COLUMNS).await.unwrap_or_default() {
        let mut columns = row.into_iter();
        let mut next = || columns.next().flatten();
        let (Some(schema), Some(table), Some(name), Some(type_name)) = (next(), next(), next(), next()) else {
            continue;
        };
        let kind = next().unwrap_or_default();
        let label = next();
        let checks = next().unwrap_or_default();
        let is_needed = next().as_deref() == Some("t");
        let values = values(&type_name, &kind, label.as_deref(), &checks);
        tables.entry((schema, table)).or_default().push(Column { name, values, is_needed });
    }
    let mut keys: BTreeMap<Table, Vec<(String, Table, String)>> = BTreeMap::new();
    for row in session.run(KEYS).await.unwrap_or_default() {
        let mut columns = row.into_iter().flatten();
        let mut next = || columns.next().unwrap_or_default();
        let (own, column) = ((next(), next()), next());
        keys.entry(own).or_default().push((column, (next(), next()), next()));
    }
    let mut without = BTreeSet::new();
    for table in in_order(&tables, &keys) {
        let Some(columns) = tables.get(&table) else { continue };
        if !insert(session, &table, columns, keys.get(&table).map_or(&[], Vec::as_slice)).await {
            without.insert(crate::migrations::catalog::QName::new(&table.0, &table.1).to_string());
        }
    }
    without
}

/// Referenced tables before those that refer to them, as far as there is such an order.
fn in_order(tables: &BTreeMap<Table, Vec<Column>>, keys: &BTreeMap<Table, Vec<(String, Table, String)>>) -> Vec<Table> {
    let mut done: Vec<Table> = Vec::new();
    let mut known: BTreeSet<&Table> = BTreeSet::new();
    let mut left: Vec<&Table> = tables.keys().collect();
    while !left.is_empty() {
        let is_free = |table: &&Table| {
            let own = keys.get(*table).into_iter().flatten();
            own.map(|(_, other, _)| other)
                .all(|other| other == *table || known.contains(other) || !tables.contains_key(other))
        };
        let (free, rest): (Vec<&Table>, Vec<&Table>) = left.iter().copied().partition(is_free);
        // a circle: then in any order
        let (free, rest) = if free.is_empty() { (rest, Vec::new()) } else { (free, rest) };
        for table in free {
            known.insert(table);
            done.push(table.clone());
        }
        left = rest;
    }
    done
}

async fn insert(session: &Workbench, table: &Table, columns: &[Column], keys: &[(String, Table, String)]) -> bool {
    let name = crate::sql::qualified(&table.0, &table.1);
    let is_there = session.run(&format!("select from {name} limit 1")).await;
    if is_there.is_ok_and(|rows| !rows.is_empty()) {
        return true;
    }
    let needed: Vec<&Column> = columns.iter().filter(|column| column.is_needed).collect();
    for attempt in 0..TRIES {
        let value = |column: &Column| match keys.iter().find(|(own, other, _)| own == &column.name && other != table) {
            Some((_, other, key)) => {
                let key = crate::sql::quote(key);
                format!("(select {key} from {} limit 1)", crate::sql::qualified(&other.0, &other.1))
            }
            None => {
                let index = attempt.min(column.values.len().saturating_sub(1));
                column.values.get(index).cloned().unwrap_or_else(|| "null".to_owned())
            }
        };
        let names: Vec<String> = needed.iter().map(|column| crate::sql::quote(&column.name)).collect();
        let values: Vec<String> = needed.iter().map(|column| value(column)).collect();
        let sql = match names.is_empty() {
            true => format!("insert into {name} default values"),
            false => format!("insert into {name} ({}) values ({})", names.join(", "), values.join(", ")),
        };
        if session.run(&sql).await.is_ok() {
            return true;
        }
        if needed.iter().all(|column| column.values.len() <= attempt + 1) {
            break;
        }
    }
    false
}

/// Values to try, the likeliest first: the words that its checks name, then one of its type.
fn values(type_name: &str, kind: &str, label: Option<&str>, checks: &str) -> Vec<String> {
    let bare = type_name.split('(').next().unwrap_or_default().trim_end_matches("[]");
    if type_name.ends_with("[]") || kind.is_empty() {
        return vec![format!("'{{}}'::{type_name}")];
    }
    let usual = match bare {
        "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" | "money" | "oid" => "1",
        "boolean" => "true",
        "text" | "character varying" | "character" | "\"char\"" | "name" | "citext" => "'x'",
        "uuid" => "'00000000-0000-0000-0000-000000000001'",
        "date" => "'2026-01-01'",
        "timestamp without time zone" | "timestamp with time zone" => "'2026-01-01 00:00:00'",
        "time without time zone" | "time with time zone" => "'12:00'",
        "interval" => "'1 day'",
        "json" | "jsonb" => "'{}'",
        "bytea" => "'\\x00'",
        "inet" | "cidr" => "'127.0.0.1'",
        "macaddr" => "'08:00:2b:01:02:03'",
        "bit" | "bit varying" => "B'1'",
        "xml" => "'<a/>'",
        "tsvector" => "'x'",
        "point" => "'(1,1)'",
        _ => "",
    };
    let mut values: Vec<String> = label.map(crate::sql::literal).into_iter().collect();
    if label.is_none() && !usual.is_empty() {
        values.push(usual.to_owned());
    }
    if kind == "r" {
        values.push("'empty'".to_owned());
    }
    // a word in quotes, or a number, that a check compares with
    let is_text = usual == "'x'";
    let quoted = checks.split('\'').skip(1).step_by(2).filter(|_| is_text).map(crate::sql::literal);
    let numbers = checks.split(|c: char| !(c.is_ascii_digit() || c == '-' || c == '.'));
    let numbers = numbers.filter(|word| usual == "1" && word.parse::<f64>().is_ok()).flat_map(|word| {
        let number: f64 = word.parse().unwrap_or_default();
        [format!("{number}"), format!("{}", number + 1.0), format!("{}", number - 1.0)]
    });
    values.extend(quoted.chain(numbers).take(TRIES));
    values
}

/// Whether a failure is about the rows that are there.
pub(super) fn is_about_rows(sqlstate: &str) -> bool {
    // integrity constraint violations, data exceptions
    sqlstate.starts_with("23") || sqlstate.starts_with("22")
}

/// Takes the rows away again from the tables that a statement works on.
pub(super) async fn empty(session: &Workbench, effects: &Effects) {
    for lock in effects.locks.iter().filter(|lock| !lock.is_index) {
        // another savepoint: a view cannot be emptied, and that must not abort what comes
        drop(session.run("savepoint pgassay_rows").await);
        if session.run(&format!("truncate {} cascade", lock.relation.sql())).await.is_err() {
            drop(session.run("rollback to pgassay_rows").await);
        }
        drop(session.run("release pgassay_rows").await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_from_the_type_and_its_checks() {
        assert_eq!(values("integer", "b", None, "CHECK ((n > 10))"), ["1", "10", "11", "9"]);
        let words = values("text", "b", None, "CHECK ((s = ANY (ARRAY['new'::text, 'done'::text])))");
        assert_eq!(words, ["'x'", "'new'", "'done'"]);
        assert_eq!(values("mood", "e", Some("o'k"), ""), ["'o''k'"]);
        assert_eq!(values("text[]", "b", None, ""), ["'{}'::text[]"]);
        assert!(values("geometry", "b", None, "").is_empty());
    }

    #[test]
    fn referenced_tables_come_first() {
        let table = |name: &str| ("public".to_owned(), name.to_owned());
        let tables = ["a", "b", "c"].map(|name| (table(name), Vec::new())).into();
        let keys = [(table("a"), vec![("b".to_owned(), table("b"), "id".to_owned())])].into();
        let order = in_order(&tables, &keys);
        let at = |name: &str| order.iter().position(|one| one.1 == name).unwrap();
        assert!(at("b") < at("a"));
        let circle = [
            (table("a"), vec![("x".to_owned(), table("b"), "id".to_owned())]),
            (table("b"), vec![("x".to_owned(), table("a"), "id".to_owned())]),
        ];
        assert_eq!(in_order(&tables, &circle.into()).len(), 3);
    }
}
