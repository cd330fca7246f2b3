//! The names that PostgreSQL chooses where a statement says none: `orders_pkey`, `orders_total_check1`.
//!
//! Later statements name what earlier ones left unnamed, so these must be PostgreSQL's own, its number suffixes and its
//! cut at 63 bytes included.

use super::super::command::IndexKey;
use super::expressions::column_name;
use super::registry::hashed;
use super::{Catalog, QName};

/// The longest name, in bytes.
const LONGEST: usize = 63;

/// Joins a table's name, columns and a label: of the first two the longer gives way until all fits.
fn join(table: &str, columns: &str, label: &str) -> String {
    let mut room = LONGEST.saturating_sub(label.len() + usize::from(!label.is_empty()));
    if !columns.is_empty() {
        room = room.saturating_sub(1);
    }
    let (mut first, mut second) = (table.len(), columns.len());
    while first + second > room && first + second > 0 {
        if first > second { first -= 1 } else { second -= 1 }
    }
    let mut name = clip(table, first).to_owned();
    for part in [clip(columns, second), label] {
        if !part.is_empty() {
            name.push('_');
            name.push_str(part);
        }
    }
    name
}

/// The first bytes of a text, no character of it torn.
fn clip(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Cuts a name as PostgreSQL does.
pub(super) fn truncate(name: &str) -> &str {
    clip(name, LONGEST)
}

/// How many numbers are tried one by one, as PostgreSQL does, before leaps take over: thousands of indexes whose names
/// were left to the server would otherwise cost the square of their number.
const ONE_BY_ONE: u32 = 64;

/// Tries a label, then the label with 1, 2, … behind it.
fn choose(table: &str, columns: &str, label: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = |number: u32| match number {
        0 => join(table, columns, label),
        number => join(table, columns, &format!("{label}{number}")),
    };
    if let Some(name) = (0..ONE_BY_ONE).map(numbered).find(|name| !is_taken(name)) {
        return name;
    }
    // all names up to `low` are taken, that of `high` is free
    let (mut low, mut high) = (ONE_BY_ONE, ONE_BY_ONE * 2);
    while is_taken(&numbered(high)) && high < u32::MAX / 2 {
        (low, high) = (high, high * 2);
    }
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if is_taken(&numbered(middle)) { low = middle } else { high = middle }
    }
    let first = numbered(ONE_BY_ONE);
    if is_taken(&first) { numbered(high) } else { first }
}

/// Columns as they are joined for the name of an index or a foreign key.
pub(super) fn addition<'a>(columns: impl IntoIterator<Item = &'a str>) -> String {
    let mut joined = String::new();
    for column in columns {
        if !joined.is_empty() {
            joined.push('_');
        }
        joined.push_str(clip(column, LONGEST));
        if joined.len() > LONGEST {
            break;
        }
    }
    joined
}

/// What the columns of an index are called: a number behind the second of a name.
pub(super) fn index_columns(keys: &[IndexKey], include: &[String]) -> Vec<String> {
    let of_key = |key: &IndexKey| {
        let of_expression = || key.expression.as_ref().and_then(column_name).unwrap_or("expr").to_owned();
        key.column.clone().unwrap_or_else(of_expression)
    };
    let mut names: Vec<String> = Vec::new();
    for base in keys.iter().map(of_key).chain(include.iter().cloned()) {
        let mut name = base.clone();
        let mut number: u32 = 0;
        while names.contains(&name) {
            number += 1;
            let suffix = number.to_string();
            name = format!("{}{suffix}", clip(&base, LONGEST.saturating_sub(suffix.len())));
        }
        names.push(name);
    }
    names
}

impl Catalog {
    /// Whether a table, an index, a sequence or a view has the name.
    pub(super) fn is_taken(&self, name: &QName) -> bool {
        self.relations.contains_key(name) || self.indexes.contains_key(name)
    }

    /// A name for an index or a sequence.
    pub(super) fn choose_relation(&self, table: &QName, columns: &str, label: &str) -> String {
        choose(&table.name, columns, label, |name| self.is_taken(&QName::new(&table.schema, name)))
    }

    /// A name for the index of a constraint, which bears the same.
    pub(super) fn choose_index_constraint(&self, table: &QName, columns: &str, label: &str) -> String {
        choose(&table.name, columns, label, |name| {
            self.constraint_names.contains_key(&hashed(&table.schema, name))
                || self.is_taken(&QName::new(&table.schema, name))
        })
    }

    /// A name for a check, a foreign key or a `not null`.
    pub(super) fn choose_constraint(&self, table: &QName, columns: &str, label: &str) -> String {
        choose(&table.name, columns, label, |name| self.constraint_names.contains_key(&hashed(&table.schema, name)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::command::{Expr, Name};
    use super::*;

    #[test]
    fn the_longer_part_gives_way() {
        assert_eq!(join("t", "a", "check"), "t_a_check");
        assert_eq!(join("t", "", "pkey"), "t_pkey");
        let (table, column) = ("t".repeat(60), "c".repeat(60));
        // 63 - "_key" - "_" = 58, shared
        assert_eq!(join(&table, &column, "key"), format!("{}_{}_key", "t".repeat(29), "c".repeat(29)));
        assert_eq!(join(&table, "c", "key"), format!("{}_c_key", "t".repeat(57)));
        assert_eq!(join(&table, "c", "key").len(), 63);
        assert_eq!(join(&"é".repeat(40), "", "pkey"), format!("{}_pkey", "é".repeat(29)));
    }

    #[test]
    fn taken_names_get_numbers() {
        let taken = ["t_a_check", "t_a_check1"];
        assert_eq!(choose("t", "a", "check", |name| taken.contains(&name)), "t_a_check2");
        let many: std::collections::HashSet<String> =
            (0..5000).map(|n| if n == 0 { "t_a_idx".to_owned() } else { format!("t_a_idx{n}") }).collect();
        assert_eq!(choose("t", "a", "idx", |name| many.contains(name)), "t_a_idx5000");
    }

    #[test]
    fn expressions_in_an_index_are_called_after_what_they_call() {
        let column = |name: &str| IndexKey { column: Some(name.into()), expression: None };
        let call = |name: &str| IndexKey {
            column: None,
            expression: Some(Expr::Call {
                name: Name::bare(name),
                arguments: vec![Expr::Column(vec!["email".into()])],
                is_special: false,
            }),
        };
        assert_eq!(
            index_columns(&[call("lower"), call("lower"), column("a")], &["b".into()]),
            ["lower", "lower1", "a", "b"]
        );
        let sum = IndexKey {
            column: None,
            expression: Some(Expr::Operator {
                name: Name::bare("+"),
                left: Some(Box::new(Expr::Column(vec!["a".into()]))),
                right: Box::new(Expr::Column(vec!["b".into()])),
            }),
        };
        assert_eq!(index_columns(&[sum.clone(), sum], &[]), ["expr", "expr1"]);
    }
}
