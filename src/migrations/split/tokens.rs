//! PostgreSQL's tokens, as far as it takes to see where a statement ends.
//!
//! The rules are those of the server's lexer: what begins and continues an identifier and the tag of a dollar quote,
//! which strings know backslashes, that comments nest and that a carriage return ends one of a line.

use memchr::memmem;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::migrations) enum Kind {
    /// Blanks and line ends.
    Blank,
    /// `-- …` or `/* … */`.
    Comment,
    /// `'…'`, `E'…'`.
    Text,
    /// `"…"`.
    Name,
    /// `$tag$…$tag$`.
    Dollar,
    /// A keyword or a plain identifier.
    Word,
    /// `;`.
    Semicolon,
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// `[`.
    OpenBracket,
    /// `]`.
    CloseBracket,
    /// `,`.
    Comma,
    /// `:`, each of `::` for itself.
    Colon,
    /// `\`.
    Backslash,
    /// `$` that begins neither a dollar quote nor a parameter.
    Dollars,
    /// A number, an operator's character, anything else.
    Other,
}

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::migrations) struct Token {
    /// What it is.
    pub(in crate::migrations) kind: Kind,
    /// Where it begins.
    pub(in crate::migrations) start: usize,
    /// The byte after it.
    pub(in crate::migrations) end: usize,
    /// Whether a quote or comment ends before the text does; true of all else.
    pub(in crate::migrations) is_closed: bool,
}

/// The tokens of a part of a text, none missing between them.
#[derive(Debug, Clone)]
pub(in crate::migrations) struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Whether plain strings know backslashes too: `standard_conforming_strings` is off.
    pub(in crate::migrations) has_backslashes: bool,
}

impl<'a> Tokens<'a> {
    /// From a byte on to the byte before `end`; both are cut to what there is.
    pub(in crate::migrations) fn new(text: &'a str, start: usize, end: usize) -> Self {
        let bytes = text.as_bytes();
        Self { bytes: bytes.get(..end).unwrap_or(bytes), at: start.min(end).min(bytes.len()), has_backslashes: false }
    }

    /// Where the next token begins.
    pub(in crate::migrations) fn at(&self) -> usize {
        self.at
    }

    /// Goes on at another byte.
    pub(in crate::migrations) fn go(&mut self, at: usize) {
        self.at = at.min(self.bytes.len());
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or_default()
    }

    fn rest(&self, at: usize) -> &'a [u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    /// The first byte from `at` on that does not hold.
    fn past(&self, at: usize, holds: impl Fn(u8) -> bool) -> usize {
        self.rest(at).iter().position(|byte| !holds(*byte)).map_or(self.bytes.len(), |more| at + more)
    }

    /// The end of a quote that is doubled within itself; `from` is the byte after the opening one.
    fn quoted(&self, from: usize, quote: u8) -> Option<usize> {
        let mut at = from;
        loop {
            let found = at + memchr::memchr(quote, self.rest(at))?;
            if self.byte(found + 1) != quote {
                return Some(found + 1);
            }
            at = found + 2;
        }
    }

    /// The end of a string with backslashes, further literals that continue it included: they are read the same way.
    fn escaped(&self, from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            let found = at + memchr::memchr2(b'\'', b'\\', self.rest(at))?;
            if self.byte(found) == b'\\' || self.byte(found + 1) == b'\'' {
                at = found + 2;
                continue;
            }
            match self.continuation(found + 1) {
                Some(more) => at = more,
                None => return Some(found + 1),
            }
        }
    }

    /// Whether a literal goes on after its closing quote: blanks and comments with a line end among them, then a quote.
    fn continuation(&self, from: usize) -> Option<usize> {
        let (mut at, mut has_line_end) = (from, false);
        loop {
            match self.byte(at) {
                b'\n' | b'\r' => (at, has_line_end) = (at + 1, true),
                b' ' | b'\t' | 0x0b | 0x0c => at += 1,
                b'-' if self.byte(at + 1) == b'-' => at = self.line_end(at),
                b'\'' if has_line_end => return Some(at + 1),
                _ => return None,
            }
        }
    }

    fn line_end(&self, at: usize) -> usize {
        memchr::memchr2(b'\n', b'\r', self.rest(at)).map_or(self.bytes.len(), |more| at + more)
    }

    /// The end of a comment that nests; `from` is the byte after its first `/*`.
    fn comment(&self, from: usize) -> Option<usize> {
        let (mut at, mut depth) = (from, 1_usize);
        loop {
            let found = at + memchr::memchr2(b'*', b'/', self.rest(at))?;
            at = match (self.byte(found), self.byte(found + 1)) {
                (b'*', b'/') if depth == 1 => return Some(found + 2),
                (b'*', b'/') => {
                    depth -= 1;
                    found + 2
                }
                (b'/', b'*') => {
                    depth += 1;
                    found + 2
                }
                _ => found + 1,
            };
        }
    }

    /// The byte after the delimiter of a dollar quote, where one begins at `at`.
    fn delimiter(&self, at: usize) -> Option<usize> {
        let first = self.byte(at + 1);
        let end = if starts_tag(first) {
            self.past(at + 1, |byte| starts_tag(byte) || byte.is_ascii_digit())
        } else {
            at + 1
        };
        (self.byte(end) == b'$').then_some(end + 1)
    }

    fn dollar(&self, start: usize) -> (Kind, Option<usize>) {
        if let Some(body) = self.delimiter(start) {
            let delimiter = self.bytes.get(start..body).unwrap_or_default();
            let end = memmem::find(self.rest(body), delimiter).map(|more| body + more + delimiter.len());
            return (Kind::Dollar, end);
        }
        let end = self.past(start + 1, |byte| byte.is_ascii_digit());
        (if end > start + 1 { Kind::Other } else { Kind::Dollars }, Some(end))
    }
}

/// Whether a byte can begin an identifier or a tag. All that is not ASCII can.
fn starts_tag(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

/// Whether a byte can continue an identifier.
pub(in crate::migrations) fn is_of_word(byte: u8) -> bool {
    starts_tag(byte) || byte.is_ascii_digit() || byte == b'$'
}

/// Whether a byte is blank to the lexer.
pub(in crate::migrations) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let start = self.at;
        let first = *self.bytes.get(start)?;
        let one = |kind| (kind, Some(start + 1));
        let (kind, end) = match first {
            byte if is_blank(byte) => (Kind::Blank, Some(self.past(start, is_blank))),
            b'-' if self.byte(start + 1) == b'-' => (Kind::Comment, Some(self.line_end(start))),
            b'/' if self.byte(start + 1) == b'*' => (Kind::Comment, self.comment(start + 2)),
            b'\'' if self.has_backslashes => (Kind::Text, self.escaped(start + 1)),
            b'\'' => (Kind::Text, self.quoted(start + 1, b'\'')),
            b'"' => (Kind::Name, self.quoted(start + 1, b'"')),
            b'e' | b'E' if self.byte(start + 1) == b'\'' => (Kind::Text, self.escaped(start + 2)),
            b'$' => self.dollar(start),
            byte if starts_tag(byte) => (Kind::Word, Some(self.past(start, is_of_word))),
            // what sticks to a number is no word: `1e5`, `0x1f`
            b'0'..=b'9' => (Kind::Other, Some(self.past(start, |byte| starts_tag(byte) || byte.is_ascii_digit()))),
            b';' => one(Kind::Semicolon),
            b'(' => one(Kind::Open),
            b')' => one(Kind::Close),
            b'[' => one(Kind::OpenBracket),
            b']' => one(Kind::CloseBracket),
            b',' => one(Kind::Comma),
            b':' => one(Kind::Colon),
            b'\\' => one(Kind::Backslash),
            _ => one(Kind::Other),
        };
        self.at = end.unwrap_or(self.bytes.len());
        Some(Token { kind, start, end: self.at, is_closed: end.is_some() })
    }
}
