//! Where the actions of an `alter table` stand.

use super::tokens::{Kind, Token, Tokens};
use std::ops::Range;

/// The first byte of each action of an `alter table`, `alter index`, `alter view` and the like, in order: what follows
/// the name, and what follows each comma that stands in no parentheses and no brackets. Nothing where the text is no
/// such statement.
pub fn list_positions(text: &str, span: Range<usize>) -> Vec<usize> {
    let mut tokens = Tokens::new(text, span.start, span.end.min(text.len()))
        .filter(|token| !matches!(token.kind, Kind::Blank | Kind::Comment))
        .peekable();
    let word_of = |token: &Token| text.get(token.start..token.end).unwrap_or_default();
    let is = |token: &Token, word: &str| token.kind == Kind::Word && word_of(token).eq_ignore_ascii_case(word);
    if tokens.next_if(|token| is(token, "alter")).is_none() {
        return Vec::new();
    }
    while tokens.next_if(|token| is(token, "foreign") || is(token, "materialized")).is_some() {}
    let kinds = ["table", "index", "view", "sequence", "type", "domain"];
    if tokens.next_if(|token| kinds.iter().any(|kind| is(token, kind))).is_none() {
        return Vec::new();
    }
    // a table of one of these names is quoted or it would not parse, save `if`
    while tokens.next_if(|token| ["if", "exists", "only"].iter().any(|word| is(token, word))).is_some() {}
    let is_name = |token: &Token| matches!(token.kind, Kind::Word | Kind::Name);
    let is_mark = |token: &Token, mark: &str| token.kind == Kind::Other && word_of(token) == mark;
    tokens.next_if(is_name);
    while tokens.next_if(|token| is_mark(token, ".")).is_some() {
        tokens.next_if(is_name);
    }
    tokens.next_if(|token| is_mark(token, "*"));
    let mut positions: Vec<usize> = tokens.peek().map(|token| token.start).into_iter().collect();
    let mut depth = 0_usize;
    while let Some(token) = tokens.next() {
        match token.kind {
            Kind::Open | Kind::OpenBracket => depth += 1,
            Kind::Close | Kind::CloseBracket => depth = depth.saturating_sub(1),
            Kind::Semicolon if depth == 0 => break,
            Kind::Comma if depth == 0 => positions.extend(tokens.peek().map(|next| next.start)),
            _ => {}
        }
    }
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<&str> {
        let positions = list_positions(text, 0..text.len());
        positions.iter().map(|at| text[*at..].split([' ', '\n']).next().unwrap()).collect()
    }

    #[test]
    fn actions_begin_after_the_name_and_after_commas() {
        assert_eq!(
            of("alter table t add column a numeric(10, 2) default (1), drop b, alter c set not null"),
            ["add", "drop", "alter"]
        );
        assert_eq!(
            of("ALTER TABLE IF EXISTS ONLY \"s, x\" . \"t\" *\n  add a int[] default array[1, 2],\n -- b, c\n drop b"),
            ["add", "drop"]
        );
        assert_eq!(of("alter table a.b.c rename to d"), ["rename"]);
        assert_eq!(of("alter materialized view v set schema s"), ["set"]);
        assert_eq!(of("alter table t add check (a in ('x, y', $$a, b$$)), add b int"), ["add", "add"]);
        assert_eq!(of("alter table é add a int"), ["add"]);
        assert_eq!(of("alter table t"), [] as [&str; 0]);
        assert_eq!(of("create table t (a int, b int)"), [] as [&str; 0]);
        assert_eq!(of(""), [] as [&str; 0]);
    }
}
