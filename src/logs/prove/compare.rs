//! Whether one statement returned what the many did. Rows are multisets; their order says nothing.

use crate::logs::rewrite::{Compare, Empty};
use std::collections::{BTreeSet, HashMap};

/// A row, its columns as text.
pub(super) type Row = Vec<Option<String>>;

/// What a comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same rows.
    Same,
    /// As many for every key, but not the same ones, and neither need be wrong.
    Ties,
    /// Other rows; how, in words that follow "it".
    Differs(&'static str),
}

/// Compares the rows of the many, one list for each key, with those of the one. `key_of` tells which key the leading
/// columns of a row equal.
pub(super) fn compare(
    how: &Compare,
    children: &[Vec<Row>],
    batched: &[Row],
    key_of: impl Fn(&[Option<String>]) -> Option<usize>,
    may_tie: bool,
) -> Verdict {
    match how {
        Compare::Rows { keys: 0 } => {
            let all: Vec<&[Option<String>]> = children.iter().flatten().map(Vec::as_slice).collect();
            let own: Vec<&[Option<String>]> = batched.iter().map(Vec::as_slice).collect();
            match (is_same(&all, &own), all.len() == own.len()) {
                (true, _) => Verdict::Same,
                (false, true) if may_tie => Verdict::Ties,
                (false, true) => Verdict::Differs("returned other rows"),
                (false, false) => Verdict::Differs("returned another number of rows"),
            }
        }
        Compare::Rows { keys } => {
            let Some(parted) = parted(batched, *keys, children.len(), key_of) else {
                return Verdict::Differs("returned a row of a key that was not asked for");
            };
            let mut verdict = Verdict::Same;
            for (child, own) in children.iter().zip(&parted) {
                let child: Vec<&[Option<String>]> = child.iter().map(Vec::as_slice).collect();
                if child.len() != own.len() {
                    return Verdict::Differs("returned another number of rows for a key");
                }
                if !is_same(&child, own) {
                    verdict = if may_tie { Verdict::Ties } else { Verdict::Differs("returned other rows for a key") };
                }
            }
            verdict
        }
        Compare::Aggregates { keys, empty } => {
            let Some(parted) = parted(batched, *keys, children.len(), key_of) else {
                return Verdict::Differs("returned a row of a key that was not asked for");
            };
            let mut verdict = Verdict::Same;
            for (child, own) in children.iter().zip(&parted) {
                let same = match (child.as_slice(), own.as_slice()) {
                    ([child], [own]) => is_about(child, own),
                    ([child], []) => is_empty(child, empty),
                    _ => return Verdict::Differs("returned another number of rows for a key"),
                };
                if !same {
                    verdict =
                        if may_tie { Verdict::Ties } else { Verdict::Differs("returned another value for a key") };
                }
            }
            verdict
        }
        Compare::Keys { is_value } => {
            let found = |rows: &Vec<Row>| match is_value {
                true => matches!(rows.first().and_then(|row| row.first()), Some(Some(value)) if value == "t"),
                false => !rows.is_empty(),
            };
            let expected: BTreeSet<usize> =
                children.iter().enumerate().filter(|(_, rows)| found(rows)).map(|(at, _)| at).collect();
            match batched.iter().map(|row| key_of(row)).collect::<Option<BTreeSet<usize>>>() {
                None => Verdict::Differs("returned a key that was not asked for"),
                Some(own) if own == expected => Verdict::Same,
                Some(_) => Verdict::Differs("found other keys"),
            }
        }
        Compare::Never => Verdict::Differs("writes"),
    }
}

/// The rows of each key, without the columns that tell it; none where a row has another key.
fn parted(
    rows: &[Row],
    keys: usize,
    count: usize,
    key_of: impl Fn(&[Option<String>]) -> Option<usize>,
) -> Option<Vec<Vec<&[Option<String>]>>> {
    let mut parted = vec![Vec::new(); count];
    for row in rows {
        let (lead, rest) = row.split_at_checked(keys)?;
        parted.get_mut(key_of(lead)?)?.push(rest);
    }
    Some(parted)
}

fn is_same(a: &[&[Option<String>]], b: &[&[Option<String>]]) -> bool {
    let mut counts: HashMap<&[Option<String>], i64> = HashMap::new();
    a.iter().for_each(|row| *counts.entry(row).or_default() += 1);
    b.iter().for_each(|row| *counts.entry(row).or_default() -= 1);
    counts.values().all(|count| *count == 0)
}

/// Whether two rows of aggregates are the same, but for the last digits of floating-point sums, which depend on the order
/// in which rows are added.
fn is_about(a: &[Option<String>], b: &[Option<String>]) -> bool {
    let close = |a: &str, b: &str| {
        let is_float = |text: &str| text.contains(['.', 'e']);
        let (Ok(x), Ok(y)) = (a.parse::<f64>(), b.parse::<f64>()) else { return false };
        (is_float(a) || is_float(b)) && (x - y).abs() <= 1e-9 * x.abs().max(y.abs())
    };
    a.len() == b.len()
        && a.iter().zip(b).all(|pair| match pair {
            (Some(a), Some(b)) => a == b || close(a, b),
            (None, None) => true,
            _ => false,
        })
}

fn is_empty(row: &[Option<String>], empty: &[Empty]) -> bool {
    row.len() == empty.len()
        && row.iter().zip(empty).all(|(value, empty)| match empty {
            Empty::Zero => value.as_deref() == Some("0"),
            Empty::Null => value.is_none(),
            Empty::Unknown => true,
        })
}

/// The columns of a row that the server wrote as one text: `(1,"a, b",)`.
pub(super) fn columns(text: &str) -> Option<Row> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    let mut row = Vec::new();
    let (mut value, mut is_null, mut is_quoted) = (String::new(), true, false);
    let mut rest = inner.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if is_quoted && rest.peek() == Some(&'"') => value.extend(rest.next()),
            '"' => {
                is_quoted = !is_quoted;
                is_null = false;
            }
            '\\' => {
                value.push(rest.next()?);
                is_null = false;
            }
            ',' if !is_quoted => {
                row.push((!std::mem::replace(&mut is_null, true)).then(|| std::mem::take(&mut value)));
            }
            c => {
                value.push(c);
                is_null = false;
            }
        }
    }
    row.push((!is_null).then_some(value));
    (!is_quoted).then_some(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(text: &str) -> Row {
        columns(text).unwrap()
    }

    fn rows(texts: &[&str]) -> Vec<Row> {
        texts.iter().map(|text| row(text)).collect()
    }

    /// Keys are 1, 2, 3.
    fn key(lead: &[Option<String>]) -> Option<usize> {
        lead.first()?.as_ref()?.parse::<usize>().ok()?.checked_sub(1).filter(|at| *at < 3)
    }

    #[test]
    fn rows_are_read_as_the_server_writes_them() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            row(r#"(1,"a, b",,"","say ""hi"" \\ there",x)"#),
            [some("1"), some("a, b"), None, some(""), some(r#"say "hi" \ there"#), some("x")]
        );
        assert_eq!(row("()"), [None]);
        assert_eq!(row("(,)"), [None, None]);
        for wrong in ["", "(", "1", "(\"a)", "(\\"] {
            assert!(columns(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn plain_rows_are_those_of_all_keys_and_of_each() {
        let children = [rows(&["(a)", "(b)"]), rows(&["(a)"]), rows(&[])];
        let test = |how: Compare, batched: &[&str], tie| compare(&how, &children, &rows(batched), key, tie);
        let keyed = || Compare::Rows { keys: 1 };
        assert_eq!(test(keyed(), &["(1,b)", "(2,a)", "(1,a)"], false), Verdict::Same);
        assert_eq!(
            test(keyed(), &["(1,a)", "(1,a)", "(2,b)"], false),
            Verdict::Differs("returned other rows for a key"),
            "all together would be the same"
        );
        assert_eq!(test(keyed(), &["(1,b)", "(2,c)", "(1,a)"], true), Verdict::Ties);
        assert_eq!(
            test(keyed(), &["(1,b)", "(2,a)"], true),
            Verdict::Differs("returned another number of rows for a key")
        );
        assert!(matches!(test(keyed(), &["(1,b)", "(2,a)", "(4,a)"], false), Verdict::Differs(_)));
        let plain = || Compare::Rows { keys: 0 };
        assert_eq!(test(plain(), &["(a)", "(b)", "(a)"], false), Verdict::Same);
        assert_eq!(test(plain(), &["(a)", "(b)", "(b)"], false), Verdict::Differs("returned other rows"));
        assert_eq!(test(plain(), &["(a)", "(b)"], true), Verdict::Differs("returned another number of rows"));
    }

    #[test]
    fn an_aggregate_of_nothing_is_not_there() {
        let how = Compare::Aggregates { keys: 1, empty: vec![Empty::Zero, Empty::Null] };
        let children = [rows(&["(2,0.30000000000000004)"]), rows(&["(0,)"]), rows(&["(1,5)"])];
        let test = |batched: &[&str]| compare(&how, &children, &rows(batched), key, false);
        assert_eq!(test(&["(1,2,0.3)", "(3,1,5)"]), Verdict::Same);
        assert_eq!(test(&["(1,2,0.3)"]), Verdict::Differs("returned another value for a key"));
        assert_eq!(test(&["(1,2,0.3)", "(3,1,6)"]), Verdict::Differs("returned another value for a key"));
        assert!(matches!(test(&["(1,2,0.3)", "(1,2,0.3)", "(3,1,5)"]), Verdict::Differs(_)));
    }

    #[test]
    fn keys_are_those_that_were_found() {
        let children = [rows(&["(1)"]), rows(&[]), rows(&["(1)"])];
        let test =
            |batched: &[&str]| compare(&Compare::Keys { is_value: false }, &children, &rows(batched), key, false);
        assert_eq!(test(&["(3)", "(1)"]), Verdict::Same);
        assert_eq!(test(&["(3)"]), Verdict::Differs("found other keys"));
        assert_eq!(test(&["(3)", "(1)", "(7)"]), Verdict::Differs("returned a key that was not asked for"));
        let children = [rows(&["(t)"]), rows(&["(f)"])];
        assert_eq!(compare(&Compare::Keys { is_value: true }, &children, &rows(&["(1)"]), key, false), Verdict::Same);
    }

    proptest! {
        #[test]
        fn no_text_ends_the_process(text in ".{0,40}", inner in "[a,\"\\\\() ]{0,20}") {
            let _ = columns(&text);
            let _ = columns(&format!("({inner})"));
        }
    }
}
