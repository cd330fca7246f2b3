//! Foreign text made safe to show, and fitted to a width. Names and queries come from the audited server: whoever may
//! create a table there must not be able to clear a screen, reverse a line or forge one.

use std::borrow::Cow;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Whether a character would act on the screen, or be invisible, instead of being shown: controls (ESC among them), line
/// and paragraph separators, spaces that are not U+0020, bidirectional controls, joiners, variation selectors, tags.
pub(super) fn acts(character: char) -> bool {
    character.is_control()
        || (character.is_whitespace() && character != ' ')
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text on one line with nothing in it that acts: `\n`, `\r`, `\t`, and `\u{1b}` for every other such character.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    // nearly all texts are plain, and that is seen many bytes at a time
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) || !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if acts(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Columns the text takes on a terminal. The text is [`visible`] already.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Columns of one character. The sum over a text is never less than its [`width`] once it is [`visible`]: what makes a
/// sequence wider than its parts, the variation selectors, is escaped there.
fn columns(character: char) -> usize {
    character.width().unwrap_or(0)
}

/// The text in at most `columns` columns, its end replaced by `…` where it does not fit.
pub(super) fn fit(text: &str, limit: usize) -> String {
    let text = visible(text);
    if width(&text) <= limit {
        return text.into_owned();
    }
    let (head, _) = split(&text, limit.saturating_sub(1));
    let mut head = head.trim_end().to_owned();
    if limit > 0 {
        head.push('…');
    }
    head
}

/// The start of the text on one line of at most `limit` columns, whatever stands between its words. For statements that
/// are named and not quoted: only as much of a long one is looked at.
pub(super) fn line(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    for word in text.split_whitespace() {
        if !shown.is_empty() {
            shown.push(' ');
        }
        // a word that is longer than the line is seen to be
        shown.extend(word.chars().take(limit + 1));
        if shown.chars().map(columns).sum::<usize>() > limit {
            break;
        }
    }
    fit(&shown, limit)
}

/// The longest start of the text in at most `limit` columns, and the rest.
fn split(text: &str, limit: usize) -> (&str, &str) {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += columns(character);
        if used > limit {
            return text.split_at(at);
        }
    }
    (text, "")
}

/// Adds a word to lines of at most `limit` columns, on a new line that begins with `lead` where it does not fit on the
/// last one. Whether the word had to be broken, being longer than a line.
fn place(lines: &mut Vec<String>, word: &str, limit: usize, lead: &str) -> bool {
    // no character is wider than this: something fits on every line
    let limit = limit.max(width(lead) + 4);
    let mut line = lines.pop().unwrap_or_default();
    let begun = !line.trim().is_empty() && line != lead;
    let sum = |text: &str| text.chars().map(columns).sum::<usize>();
    if sum(&line) + usize::from(begun) + sum(word) <= limit {
        if begun {
            line.push(' ');
        }
        line.push_str(word);
        lines.push(line);
        return false;
    }
    if begun {
        lines.push(line);
        line = lead.to_owned();
    }
    let mut rest = word;
    let mut broken = false;
    while sum(&line) + sum(rest) > limit {
        let (head, tail) = split(rest, limit - sum(&line));
        line.push_str(head);
        lines.push(std::mem::replace(&mut line, lead.to_owned()));
        broken = true;
        rest = tail;
    }
    line.push_str(rest);
    lines.push(line);
    broken
}

/// The text in lines of at most `limit` columns, broken at spaces where there are any. At least one line.
pub(super) fn wrap(text: &str, limit: usize) -> Vec<String> {
    let text = visible(text);
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        place(&mut lines, word, limit, "");
    }
    lines
}

/// Parts in lines of at most `limit` columns, separated by ` · `, broken between parts where possible.
pub(super) fn flow<S: AsRef<str>>(parts: &[S], limit: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        let part = visible(part.as_ref());
        match lines.last_mut() {
            Some(line) if width(line) + 3 + width(&part) <= limit => {
                line.push_str(" · ");
                line.push_str(&part);
            }
            _ => lines.extend(wrap(&part, limit)),
        }
    }
    lines
}

/// SQL laid out in lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sql {
    /// The lines, one at least.
    pub(super) lines: Vec<String>,
    /// Whether the lines, pasted, are the statement. They are not where a character had to be escaped or a name broken.
    pub(super) exact: bool,
}

/// SQL in lines of at most `limit` columns. It breaks only where a line break means what a space does: never inside a
/// literal, a quoted name or a dollar-quoted body, and a comment that is continued is a comment again.
pub(super) fn sql(text: &str, limit: usize) -> Sql {
    let mut lines = vec![String::new()];
    let mut exact = true;
    let mut word = String::new();
    let mut lead = String::from("  ");
    let mut rest = text.trim();
    while let Some((kind, length)) = token(rest, &word) {
        let (piece, tail) = rest.split_at(length);
        rest = tail;
        match kind {
            Token::Break | Token::Space => {
                if !word.is_empty() {
                    exact &= !place(&mut lines, &word, limit, &lead);
                    word.clear();
                }
                if kind == Token::Break {
                    lines.push(String::new());
                    lead = String::from("  ");
                } else if lines.last().is_some_and(String::is_empty) {
                    let indent = piece.len().min(limit / 4);
                    lines.pop();
                    lines.push(" ".repeat(indent));
                    lead = " ".repeat(indent + 2);
                }
            }
            Token::Comment => {
                if !word.is_empty() {
                    exact &= !place(&mut lines, &word, limit, &lead);
                    word.clear();
                }
                let lead = format!("{}-- ", &lead[..lead.len() - 2]);
                for part in visible(piece).split(' ').filter(|part| !part.is_empty()) {
                    place(&mut lines, part, limit, &lead);
                }
            }
            Token::Body => {
                for (index, piece) in piece.split('\n').enumerate() {
                    if index > 0 {
                        exact &= !place(&mut lines, &word, limit, "");
                        word.clear();
                        lines.push(String::new());
                    }
                    word.push_str(&visible(piece.trim_end_matches('\r')));
                }
            }
            Token::Other => {
                let shown = visible(piece);
                exact &= matches!(shown, Cow::Borrowed(_));
                word.push_str(&shown);
            }
        }
    }
    if !word.is_empty() {
        exact &= !place(&mut lines, &word, limit, &lead);
    }
    Sql { lines: lines.into_iter().map(|line| line.trim_end().to_owned()).collect(), exact }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// The end of a line outside quotes.
    Break,
    /// Spaces outside quotes.
    Space,
    /// `-- …` to the end of the line.
    Comment,
    /// A dollar-quoted body, or a block comment: line breaks stay where they are.
    Body,
    /// Anything else, quoted or not, in one piece.
    Other,
}

/// The kind and length of the next token; `word` is what stands before it without a space.
fn token(rest: &str, word: &str) -> Option<(Token, usize)> {
    let first = rest.chars().next()?;
    let until = |close: &str, open: usize| rest[open..].find(close).map_or(rest.len(), |at| open + at + close.len());
    Some(match first {
        '\n' => (Token::Break, 1),
        '\r' if rest.starts_with("\r\n") => (Token::Break, 2),
        ' ' | '\t' => (Token::Space, rest.len() - rest.trim_start_matches([' ', '\t']).len()),
        '-' if rest.starts_with("--") => (Token::Comment, rest.find(['\n', '\r']).unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => (Token::Body, until("*/", 2)),
        '"' => (Token::Other, until("\"", 1)),
        '\'' if word.strip_suffix(['E', 'e']).is_some_and(|before| !before.ends_with(in_name)) => {
            (Token::Other, escaped_string(rest))
        }
        '\'' => (Token::Other, until("'", 1)),
        '$' => match dollar_tag(rest).filter(|_| !word.ends_with(in_name)) {
            Some(tag) => (Token::Body, until(tag, tag.len())),
            None => (Token::Other, 1),
        },
        first => {
            let special = |c: char| matches!(c, '\n' | '\r' | ' ' | '\t' | '-' | '/' | '"' | '\'' | '$');
            let after = first.len_utf8();
            (Token::Other, rest[after..].find(special).map_or(rest.len(), |at| after + at))
        }
    })
}

/// The length of a string in which a backslash escapes: `E'…'`.
fn escaped_string(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                characters.next();
            }
            '\'' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Whether the character continues an unquoted name.
fn in_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// `$$` or `$tag$` at the start.
fn dollar_tag(rest: &str) -> Option<&str> {
    let length = rest[1..].find('$')?;
    let tag = &rest[1..=length];
    let name = tag.chars().all(in_name) && !tag.starts_with(|c: char| c.is_ascii_digit());
    name.then(|| &rest[..length + 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_acts_is_shown_and_what_is_seen_stays() {
        assert_eq!(visible("\x1b[2J\nzażółć 表 🐘"), "\\u{1b}[2J\\nzażółć 表 🐘");
        assert_eq!(visible("a\u{202e}b\u{200b}c\u{a0}d"), "a\\u{202e}b\\u{200b}c\\u{a0}d");
        assert!(matches!(visible("plain \"name\""), Cow::Borrowed(_)));
    }

    #[test]
    fn fitting_counts_columns_and_not_characters() {
        assert_eq!(fit("orders", 6), "orders");
        assert_eq!(fit("orders", 5), "orde…");
        assert_eq!(fit("表表表", 5), "表表…");
        assert_eq!(fit("表表表", 4), "表…");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("", 3), [""]);
        assert_eq!(flow(&["aaaa", "bbbb", "cccc"], 11), ["aaaa · bbbb", "cccc"]);
    }

    #[test]
    fn sql_breaks_where_a_break_is_a_space() {
        let laid = sql("create index concurrently \"a  b\" on t (x);", 20);
        assert_eq!(laid.lines, ["create index", "  concurrently", "  \"a  b\" on t (x);"]);
        assert!(laid.exact);
        assert_eq!(
            sql("select 'two  words' -- and why it is so\n  , 1", 22).lines,
            ["select 'two  words' --", "-- and why it is so", "  , 1"]
        );
        assert!(!sql("drop table \"a\nb\"", 40).exact);
        assert_eq!(sql("drop table \"a\nb\"", 40).lines, ["drop table \"a\\nb\""]);
        assert!(!sql("select aaaaaaaaaaaaaaaaaaaaaa", 10).exact);
        let body = sql("do $x$\nbegin\n  perform  1;\nend $x$;", 40);
        assert_eq!(body.lines, ["do $x$", "begin", "  perform  1;", "end $x$;"]);
        assert!(body.exact);
        assert_eq!(sql(r"select E'a\'  b', $1", 40).lines, [r"select E'a\'  b', $1"]);
    }

    proptest! {
        #[test]
        fn lines_never_exceed_the_limit(text in any::<String>(), limit in 12usize..120) {
            for line in wrap(&text, limit).iter().chain(&sql(&text, limit).lines).chain(&flow(&[&text, &text], limit)) {
                prop_assert!(width(line) <= limit, "{} > {limit}: {line:?}", width(line));
                prop_assert!(!line.chars().any(char::is_control));
            }
            prop_assert!(width(&fit(&text, limit)) <= limit);
        }

        /// Pasted, the lines are the statement: they have the same tokens, spaces outside quotes aside.
        #[test]
        fn sql_that_is_called_exact_keeps_its_quoted_text(
            name in "[a-z \\-'$/]{1,20}", limit in 30usize..100, filler in "[a-z ,]{0,80}",
        ) {
            let quoted = format!("\"{name}\"");
            let laid = sql(&format!("select {filler} {quoted} from {filler} t"), limit);
            if laid.exact {
                prop_assert!(laid.lines.iter().any(|line| line.contains(&quoted)), "{:?}", laid.lines);
            }
        }
    }
}
