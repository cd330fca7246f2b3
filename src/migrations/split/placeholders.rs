//! What a tool puts a value in place of before the text is SQL.

use super::tokens::{Kind, Tokens, is_of_word};
use std::ops::Range;

/// The placeholders in a part of a text, with how they are written: `${name}`, `{{name}}`, `$(name)`, and psql's
/// `:name`, `:'name'` and `:"name"`. Within quotes only `${name}` is one: `{{1,2}}` is an array and `:name` a text
/// there. Nothing is one within a comment. Casts, `:=`, slices and the colons of `json_object('key': value)` are none.
pub fn placeholders(text: &str, span: Range<usize>) -> Vec<(Range<usize>, String)> {
    let end = span.end.min(text.len());
    let bytes = text.as_bytes().get(..end).unwrap_or_default();
    let mut found = Vec::new();
    let mut add = |range: Range<usize>| {
        let written = text.get(range.clone()).unwrap_or_default().to_owned();
        found.push((range, written));
    };
    let mut tokens = Tokens::new(text, span.start, end);
    let mut brackets = 0_usize;
    // the last byte that is not blank, and where the token of it ended
    let (mut before, mut before_end) = (b';', span.start);
    while let Some(token) = tokens.next() {
        let mut placeholder = None;
        match token.kind {
            Kind::Blank | Kind::Comment => continue,
            Kind::Text | Kind::Name | Kind::Dollar => {
                // `$${x}$$` is a dollar quote around `{x}`
                let mut at = if token.kind == Kind::Dollar { body(bytes, token.start) } else { token.start };
                while let Some(range) = next_braced(bytes, at..token.end) {
                    at = range.end;
                    add(range);
                }
            }
            Kind::OpenBracket => brackets += 1,
            Kind::CloseBracket => brackets = brackets.saturating_sub(1),
            Kind::Dollars => placeholder = braced(bytes, token.start).or_else(|| parenthesized(bytes, token.start)),
            Kind::Other if bytes.get(token.start..token.start + 2) == Some(b"{{") => {
                placeholder = doubly_braced(bytes, token.start);
            }
            Kind::Colon if bytes.get(token.end) == Some(&b':') => tokens.go(token.end + 1),
            Kind::Colon if brackets == 0 => {
                let is_glued = before_end == token.start && is_of_word(before);
                let is_after_value = matches!(before, b'\'' | b'"' | b')' | b']');
                if !is_glued && !is_after_value {
                    placeholder = variable(bytes, token.end).map(|end| token.start..end);
                }
            }
            _ => {}
        }
        if let Some(range) = placeholder {
            tokens.go(range.end);
            add(range);
        }
        before_end = tokens.at();
        before = before_end.checked_sub(1).and_then(|last| bytes.get(last)).copied().unwrap_or_default();
    }
    found
}

/// The byte after the delimiter of a dollar quote.
fn body(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start + 1..).unwrap_or_default();
    memchr::memchr(b'$', rest).map_or(bytes.len(), |more| start + more + 2)
}

/// `${name}` at a byte: what begins with a letter and holds what names of settings hold.
fn braced(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = bytes.get(at..)?.strip_prefix(b"${")?;
    named(rest, b'}').map(|length| at..at + 2 + length)
}

/// `$(name)` at a byte.
fn parenthesized(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = bytes.get(at..)?.strip_prefix(b"$(")?;
    named(rest, b')').map(|length| at..at + 2 + length)
}

/// How long a name and what closes it are.
fn named(rest: &[u8], close: u8) -> Option<usize> {
    let is_start = rest.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b':');
    let length = rest.iter().take(200).take_while(of_name).count();
    (is_start && rest.get(length) == Some(&close)).then_some(length + 1)
}

/// `{{ … }}` at a byte, on one line.
fn doubly_braced(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = bytes.get(at + 2..)?;
    let rest = rest.get(..200).unwrap_or(rest);
    let length = rest.windows(2).take_while(|pair| pair.first() != Some(&b'\n')).position(|pair| pair == b"}}")?;
    Some(at..at + 4 + length)
}

/// The first `${name}` of a range.
fn next_braced(bytes: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let within = bytes.get(range.clone())?;
    memchr::memmem::find_iter(within, b"${")
        .find_map(|at| braced(bytes, range.start + at))
        .filter(|found| found.end <= range.end)
}

/// The end of a variable of psql whose colon stands before a byte.
fn variable(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let first = *rest.first()?;
    let of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    if matches!(first, b'\'' | b'"') {
        let length = rest.iter().skip(1).take_while(of_name).count();
        return (length > 0 && rest.get(length + 1) == Some(&first)).then_some(at + length + 2);
    }
    let is_start = first.is_ascii_alphabetic() || first == b'_';
    is_start.then(|| at + rest.iter().take_while(of_name).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        placeholders(text, 0..text.len()).into_iter().map(|(_, written)| written).collect()
    }

    #[test]
    fn each_way_of_writing_one_is_known() {
        assert_eq!(of("create table ${schema}.t (a int)"), ["${schema}"]);
        assert_eq!(of("grant select on t to {{ role }}, {{.App}}"), ["{{ role }}", "{{.App}}"]);
        assert_eq!(
            of("grant select on t to :app; set x = :'v'; alter table :\"t\" add a int"),
            [":app", ":'v'", ":\"t\""]
        );
        assert_eq!(of("create table $(schema).t (a int)"), ["$(schema)"]);
        assert_eq!(of("select '${a} and ${b}', \"${c}\", $$ ${d} $$"), ["${a}", "${b}", "${c}", "${d}"]);
        assert_eq!(of("select ${flyway:timestamp}, limit :n"), ["${flyway:timestamp}", ":n"]);
        assert_eq!(of("select (:a), -:b"), [":a", ":b"]);
    }

    #[test]
    fn what_looks_like_one_is_none() {
        for text in [
            "select a::text, b :: int, c[1:2], d[lo:hi], e[:n]",
            "select '{{1,2}}'::int[], ':name', '$(x)'",
            "select $1, $${x$$, $a$ {x} $a$",
            "do $$ begin a := b; end $$",
            "select json_object('key': value, 'k' :v)",
            "-- :name ${x} {{y}}",
            "/* ${x} */ select 1",
            "select '${2}', '${', '${a'",
            "select f(a => 1), a:b",
        ] {
            assert!(of(text).is_empty(), "{text}: {:?}", of(text));
        }
        assert_eq!(of("select $${x}$$"), [] as [&str; 0]);
    }
}
