//! What the parser's refusal means, and where in the text it is: it quotes a token but keeps the place to itself.

use super::super::script::Parsed;

/// What the parser says where it cannot go deeper: the statement may well be valid.
const TOO_DEEP: &[&str] = &[
    "stack depth limit exceeded",
    "nested too deeply",
    "memory exhausted",
    "recursion limit",
    "out of memory",
    "invalid memory alloc request size",
];

/// What a refused statement is; its text begins at `offset` of the file.
pub(super) fn of(error: pg_query::Error, text: &str, offset: usize) -> Parsed {
    let message = match error {
        pg_query::Error::Conversion(nul) => {
            let position = Some(offset + nul.nul_position());
            return Parsed::SyntaxError { message: "a NUL byte".to_owned(), position };
        }
        pg_query::Error::Parse(message) | pg_query::Error::Scan(message) | pg_query::Error::Split(message) => message,
        other => other.to_string(),
    };
    if is_too_deep(&message) {
        return Parsed::TooDeep;
    }
    let position = place(&message, text).map(|at| offset + at);
    Parsed::SyntaxError { message, position }
}

/// Whether a message says that the parser's own limits ended it.
pub(super) fn is_too_deep(message: &str) -> bool {
    TOO_DEEP.iter().any(|limit| message.contains(limit))
}

/// Where the error is.
fn place(message: &str, text: &str) -> Option<usize> {
    if message.ends_with("at end of input") {
        return Some(text.trim_end().len());
    }
    let Some(quoted) = quoted(message) else {
        return by_tokens(message, text, |_| true);
    };
    // what the scanner never ended goes to the end of the text
    if message.starts_with("unterminated") && text.ends_with(quoted) {
        return Some(text.len() - quoted.len());
    }
    by_tokens(message, text, |token| token == quoted).or_else(|| by_occurrence(message, text, quoted))
}

/// The token of `… at or near "token"`.
fn quoted(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("at or near \"")?;
    rest.strip_suffix('"').filter(|token| !token.is_empty())
}

/// The parser reads from left to right and stops at the first token that nothing can continue: what ends before that
/// token is refused for its end or not at all, what ends after it is refused alike. So the token can be halved for.
/// Some words (`not`, `nulls`, `with`) it only takes together with the next, which therefore stays after them.
fn by_tokens(message: &str, text: &str, is_candidate: impl Fn(&str) -> bool) -> Option<usize> {
    let scanned = pg_query::scan(text).ok()?;
    let range = |start: i32, end: i32| Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?);
    let ranges: Vec<_> = scanned.tokens.iter().filter_map(|token| range(token.start, token.end)).collect();
    let following = ranges.iter().skip(1).map(Some).chain([None]);
    let pairs = ranges.iter().zip(following);
    let candidates: Vec<_> = pairs.filter(|(range, _)| text.get((*range).clone()).is_some_and(&is_candidate)).collect();
    let found = candidates.partition_point(|(range, next)| {
        let is_alike = |end| is_refused_alike(message, text, end);
        let is_led = is_taken_with_the_next(text.get((*range).clone()).unwrap_or_default());
        !is_alike(range.end) && !next.is_some_and(|next| is_led && is_alike(next.end))
    });
    candidates.get(found).map(|(range, _)| range.start)
}

fn is_taken_with_the_next(word: &str) -> bool {
    ["not", "nulls", "with", "without", "format"].into_iter().any(|one| word.eq_ignore_ascii_case(one))
}

/// The same over plain text, where the scanner is what refuses it.
fn by_occurrence(message: &str, text: &str, quoted: &str) -> Option<usize> {
    let candidates: Vec<_> = text.match_indices(quoted).map(|(at, _)| at).collect();
    let found = candidates.partition_point(|at| !is_refused_alike(message, text, at + quoted.len()));
    candidates.get(found).copied()
}

/// Whether the text up to an end is refused with the same words. The tree is not asked for: it takes the longest.
fn is_refused_alike(message: &str, text: &str, end: usize) -> bool {
    let Some(part) = text.get(..end) else { return false };
    matches!(pg_query::split_with_parser(part), Err(pg_query::Error::Split(said)) if said == message)
}
