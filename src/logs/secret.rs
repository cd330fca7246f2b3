//! What looks like a secret. In two ways: a statement that gives a secret away by what it does (`alter role …
//! password`, a column named `api_key`), told once for its shape; and a value that looks like one wherever it stands,
//! found in the bytes of the log. Only what it looks like leaves this file, and where; never a byte of it.
//!
//! A hash of a password is no secret in this sense: what is logged with one is not reported.

use super::lexer::{Slot, SlotKind, SlotValue};
use super::shape::Shape;
use crate::fingerprint::StatementKind;
use crate::logs::analysis::{Analysis, Role};
use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memmem;

/// A password in a command that sets one, or as the argument of a function that takes one.
pub const PASSWORD: &str = "password in a statement";
/// A key as the argument of a function that encrypts.
pub const ENCRYPTION_KEY: &str = "encryption key in a statement";
/// The value of a column whose name says that it is a password.
pub const PASSWORD_COLUMN: &str = "value of a password column";
/// The value of a column whose name says that it is a token or a key.
pub const TOKEN_COLUMN: &str = "value of a token column";
/// The value of a column whose name says that it is of a payment card.
pub const CARD_COLUMN: &str = "value of a payment card column";
/// The id of an access key.
pub const ACCESS_KEY: &str = "access key";
/// A JSON web token with its signature.
pub const WEB_TOKEN: &str = "web token";
/// The head or the end of a private key.
pub const PRIVATE_KEY: &str = "private key";
/// A URL or a connection string with a password.
pub const CONNECTION_STRING: &str = "connection string";
/// A token whose prefix says which service it opens.
pub const SERVICE_TOKEN: &str = "service token";
/// A number that a payment card could have.
pub const CARD_NUMBER: &str = "payment card number";

/// Whether a kind is known by what the statement does, and not by how a name or a value looks.
pub fn is_certain(kind: &str) -> bool {
    matches!(kind, PASSWORD | ENCRYPTION_KEY)
}

// ------------------------------------------------------------------------------------------------------ by the statement

/// What a statement of a shape gives away where its values are logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// What, in words.
    pub kind: &'static str,
    /// The places among its values, from 0; none where it is a literal in any case, since no parameter may stand there.
    slots: Vec<usize>,
}

impl Suspect {
    /// What a shape gives away, if anything, from its text and its analysis; for once per shape.
    pub fn of(text: &str, analysis: &Analysis) -> Option<Self> {
        let tokens = Tokens { text: text.as_bytes(), at: 0 };
        let mut found: Vec<(&'static str, Option<usize>)> = in_text(tokens);
        if !matches!(analysis.kind, StatementKind::Utility) {
            for (slot, role) in analysis.slots.iter().enumerate() {
                let column = match role {
                    Role::KeyEquals { column, .. } | Role::Compared { column, .. } | Role::SetValue { column } => {
                        column
                    }
                    Role::InsertValue { column: Some(column) } => column,
                    _ => continue,
                };
                if let Some(kind) = kind_of_column(column) {
                    found.push((kind, Some(slot)));
                }
            }
        }
        let kind = found.iter().map(|(kind, _)| *kind).min_by_key(|kind| rank(kind))?;
        let of_kind = found.iter().filter(|(known, _)| *known == kind).map(|(_, slot)| *slot);
        let mut slots: Vec<usize> = of_kind.collect::<Option<_>>().unwrap_or_default();
        slots.sort_unstable();
        slots.dedup();
        Some(Self { kind, slots })
    }

    /// Whether an execution's values are in the log: its slots, whether its text holds literals, the parameters beside
    /// it (none where they were not logged), and both texts, in which a hash is told from what was hashed.
    pub fn is_shown(&self, slots: &[Slot], has_literals: bool, parameters: &[SlotValue], texts: [&[u8]; 2]) -> bool {
        if matches!(self.kind, PASSWORD | PASSWORD_COLUMN) && texts.into_iter().any(holds_hash) {
            return false;
        }
        if self.slots.is_empty() {
            return has_literals;
        }
        let numbers = self.kind == CARD_COLUMN;
        self.slots.iter().any(|at| match slots.get(*at).map(|slot| slot.kind) {
            Some(SlotKind::String) => true,
            Some(SlotKind::Integer) => numbers,
            Some(SlotKind::List { .. }) => has_literals || !parameters.is_empty(),
            Some(SlotKind::Parameter(number)) => {
                let value = usize::from(number).checked_sub(1).and_then(|at| parameters.get(at));
                value.is_some_and(|value| *value != SlotValue::NULL && (numbers || value.as_integer().is_none()))
            }
            _ => false,
        })
    }
}

/// What a statement gives away: the rough answer, where all that is known of its values is whether any are logged.
/// [`Suspect`] has the exact one.
pub fn in_statement(shape: &Shape, has_literals: bool) -> Option<&'static str> {
    if has_literals { Suspect::of(&shape.text, &shape.analysis).map(|suspect| suspect.kind) } else { None }
}

/// Surest first.
fn rank(kind: &str) -> usize {
    let order = [PASSWORD, ENCRYPTION_KEY, PASSWORD_COLUMN, TOKEN_COLUMN, CARD_COLUMN];
    order.iter().position(|known| *known == kind).unwrap_or(order.len())
}

/// How stored hashes of passwords begin, but for PostgreSQL's md5: with that one can log in as with the password
/// itself.
fn holds_hash(text: &[u8]) -> bool {
    const HASHES: [&[u8]; 12] = [
        b"SCRAM-SHA-256$",
        b"pbkdf2",
        b"$2a$",
        b"$2b$",
        b"$2y$",
        b"$argon2",
        b"scrypt:",
        b"bcrypt",
        b"$5$",
        b"$6$",
        b"$pbkdf2",
        b"{SSHA",
    ];
    HASHES.iter().any(|hash| memmem::find(text, hash).is_some())
}

/// What a column's name says its values are.
fn kind_of_column(name: &str) -> Option<&'static str> {
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let has = |any: &[&str]| words.iter().any(|word| any.contains(word));
    // what is stored of it instead, and what is said about it
    if has(&["hash", "hashed", "digest", "encrypted", "crypted", "salted", "csrf", "page", "cursor", "continuation"]) {
        return None;
    }
    match words.as_slice() {
        [.., "password" | "passwd" | "pwd" | "passphrase"] => Some(PASSWORD_COLUMN),
        [.., "token" | "secret" | "apikey" | "authorization" | "jwt"] => Some(TOKEN_COLUMN),
        [.., "api" | "private" | "secret" | "access" | "encryption" | "session", "key"] => Some(TOKEN_COLUMN),
        [.., "card" | "cc" | "creditcard", "number" | "no" | "num"] | [.., "credit", "card"] => Some(CARD_COLUMN),
        [.., "creditcard" | "cardnumber" | "cvv" | "cvv2" | "cvc"] => Some(CARD_COLUMN),
        _ => None,
    }
}

/// The words of a name: `apiKey` and `api_key` are the same.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut was_lower) = (String::new(), false);
    for character in name.chars().take(128) {
        let parts = !character.is_alphanumeric();
        if (parts || (character.is_uppercase() && was_lower)) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if !parts {
            word.extend(character.to_lowercase());
        }
        was_lower = character.is_lowercase();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// A token of the text of a shape, as far as secrets go.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Token<'a> {
    Name(&'a [u8]),
    /// `$n`.
    Slot(usize),
    /// `''`: a string where no parameter may stand.
    Literal,
    Sign(u8),
}

#[derive(Debug)]
struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        loop {
            let rest = self.text.get(self.at..)?;
            let (length, token) = match rest {
                [] => return None,
                [b'/', b'*', ..] => (memmem::find(rest, b"*/").map_or(rest.len(), |end| end + 2), None),
                [b'\'', b'\'', ..] => (2, Some(Token::Literal)),
                [b'"', ..] => {
                    let end = memchr::memchr(b'"', rest.get(1..)?).map_or(rest.len(), |end| end + 2);
                    (end, Some(Token::Name(rest.get(1..end.saturating_sub(1)).unwrap_or_default())))
                }
                [b'$', b'0'..=b'9', ..] => {
                    let digits = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
                    let number = std::str::from_utf8(rest.get(1..=digits)?).ok().and_then(|digits| digits.parse().ok());
                    (1 + digits, Some(Token::Slot(number.unwrap_or(0))))
                }
                [first, ..] if is_name(*first) => {
                    let length = rest.iter().take_while(|byte| is_name(**byte) || **byte == b'$').count();
                    (length, rest.get(..length).map(Token::Name))
                }
                [first, ..] => (1, Some(Token::Sign(*first)).filter(|_| !first.is_ascii_whitespace())),
            };
            self.at += length;
            if token.is_some() {
                return token;
            }
        }
    }
}

/// What the words of a text say, tree or no tree: `password ''`, `api_key = $2`, `crypt($1, …)`. A place of none is a
/// literal in any case.
fn in_text(tokens: Tokens<'_>) -> Vec<(&'static str, Option<usize>)> {
    let mut found = Vec::new();
    let mut name: &[u8] = b"";
    // nothing but `=` or `to` came after the name
    let mut is_open = false;
    // a call whose argument is a secret: which kind, which argument, the one that is at hand, how deep
    let mut call: Option<(&'static str, u32, u32, u32)> = None;
    for token in tokens {
        let said = |name: &[u8]| std::str::from_utf8(name).ok().and_then(kind_of_column);
        match token {
            Token::Name(word) => {
                if !(is_open && word.eq_ignore_ascii_case(b"to")) {
                    (name, is_open) = (word, true);
                }
            }
            Token::Sign(b'=') => {}
            Token::Sign(b'(') => {
                call = match (call, name) {
                    (Some((kind, wanted, argument, depth)), _) => Some((kind, wanted, argument, depth + 1)),
                    (None, b"crypt") if is_open => Some((PASSWORD, 0, 0, 1)),
                    (None, _) if is_open && is_symmetric(name) => Some((ENCRYPTION_KEY, 1, 0, 1)),
                    (None, _) => None,
                };
                is_open = false;
            }
            Token::Sign(b')') => {
                call = call.and_then(|(kind, wanted, at, depth)| (depth > 1).then(|| (kind, wanted, at, depth - 1)));
                is_open = false;
            }
            Token::Sign(b',') => {
                if let Some((_, _, argument, 1)) = &mut call {
                    *argument += 1;
                }
                is_open = false;
            }
            Token::Sign(b':') if is_open => {}
            Token::Sign(_) => is_open = false,
            Token::Literal => {
                // of a command: the name is a word of it or an option
                if is_open && let Some(kind) = said(name) {
                    found.push((if kind == PASSWORD_COLUMN { PASSWORD } else { kind }, None));
                }
                is_open = false;
            }
            Token::Slot(number) => {
                let place = number.checked_sub(1);
                if is_open && let (Some(kind), Some(place)) = (said(name), place) {
                    found.push((kind, Some(place)));
                }
                if let (Some((kind, wanted, argument, 1)), Some(place)) = (call, place)
                    && wanted == argument
                {
                    found.push((kind, Some(place)));
                }
                is_open = false;
            }
        }
    }
    found
}

fn is_symmetric(name: &[u8]) -> bool {
    name.starts_with(b"pgp_sym_encrypt") || name.starts_with(b"pgp_sym_decrypt")
}

// ------------------------------------------------------------------------------------------------------ by the value

/// How what begins, or is, a needle has to go on.
#[derive(Debug, Clone, Copy)]
enum Form {
    AccessKey,
    WebToken,
    PrivateKey,
    Conninfo,
    LiveKey,
    /// So many characters of a token's alphabet at least.
    Token(usize),
}

/// Four bytes at least and rare in logs: what is searched for all at once, is searched for by its first four bytes.
const NEEDLES: [(&str, Form); 19] = [
    ("AKIA", Form::AccessKey),
    ("ASIA", Form::AccessKey),
    (".eyJ", Form::WebToken),
    ("PRIVATE KEY-----", Form::PrivateKey),
    ("assword=", Form::Conninfo),
    ("ghp_", Form::Token(36)),
    ("gho_", Form::Token(36)),
    ("ghu_", Form::Token(36)),
    ("ghs_", Form::Token(36)),
    ("ghr_", Form::Token(36)),
    ("github_pat_", Form::Token(40)),
    ("glpat-", Form::Token(20)),
    ("npm_", Form::Token(36)),
    ("xoxb-", Form::Token(20)),
    ("xoxp-", Form::Token(20)),
    ("_live_", Form::LiveKey),
    ("AIza", Form::Token(35)),
    ("sk-ant-", Form::Token(20)),
    ("sk-proj-", Form::Token(20)),
];

/// The longest token that is looked at.
const TOKEN: usize = 512;
/// How far before a password the string that holds it may begin.
const BEFORE: usize = 256;
/// The digits of a payment card's number: American Express has 15, the others that are looked for 16.
const CARD: std::ops::RangeInclusive<usize> = 15..=16;
/// So many bytes are looked at at once: half of a card's number.
const BLOCK: usize = 8;

/// Finds values that look like secrets in any bytes. What it costs does not depend on what it finds.
#[derive(Debug)]
pub struct Scanner {
    needles: Option<AhoCorasick>,
    url: memmem::Finder<'static>,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// One that can be used again and again, by any thread.
    pub fn new() -> Self {
        let needles = NEEDLES.iter().map(|(needle, _)| needle);
        // fails only for more needles than there can be
        let needles = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(needles).ok();
        Self { needles, url: memmem::Finder::new("://") }
    }

    /// What in a text looks like a secret; the first thing that does.
    pub fn scan(&self, text: &[u8]) -> Option<&'static str> {
        let mut first: Option<(usize, &'static str)> = None;
        self.find(text, &mut |at, kind| {
            if first.is_none_or(|(known, _)| at < known) {
                first = Some((at, kind));
            }
        });
        first.map(|(_, kind)| kind)
    }

    /// Tells of everything in a chunk that looks like a secret, and where. In three passes, each in the
    /// order of the chunk: URLs, then payment cards, then all else.
    pub fn find(&self, chunk: &[u8], each: &mut dyn FnMut(usize, &'static str)) {
        for start in self.url.find_iter(chunk) {
            if is_url(chunk, start) == Some(true) {
                each(start, CONNECTION_STRING);
            }
        }
        cards(chunk, each);
        if let Some(needles) = &self.needles {
            for found in needles.find_iter(chunk) {
                let Some((_, form)) = NEEDLES.get(found.pattern().as_usize()) else { continue };
                if let Some(kind) = verify(*form, chunk, found.start(), found.end()) {
                    each(found.start(), kind);
                }
            }
        }
    }
}

/// Whether a needle's surroundings are those of a secret.
fn verify(form: Form, chunk: &[u8], start: usize, end: usize) -> Option<&'static str> {
    let before = chunk.get(..start).unwrap_or_default();
    let after = chunk.get(end..).unwrap_or_default();
    let starts_word = !before.last().is_some_and(|byte| is_token(*byte));
    match form {
        Form::AccessKey => {
            let rest = after.get(..16)?;
            let ends = !after.get(16).is_some_and(|byte| is_token(*byte));
            let is_id = rest.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            // the one in the documentation of the service
            let is_example = rest.ends_with(b"EXAMPLE");
            (starts_word && ends && is_id && !is_example && is_varied(rest)).then_some(ACCESS_KEY)
        }
        Form::WebToken => {
            // the header ends here, the claims begin; no claims without a point before them, so no byte is seen twice
            let header = trailing(before, TOKEN);
            let claims = leading(after, 8 * TOKEN);
            let signature = after.get(claims.len()..)?.strip_prefix(b".").map(|rest| leading(rest, TOKEN))?;
            let is_whole = header.starts_with(b"eyJ") && header.len() >= 12 && claims.len() >= 8;
            (is_whole && signature.len() >= 16 && is_varied(signature)).then_some(WEB_TOKEN)
        }
        Form::PrivateKey => {
            let line = before.get(before.len().saturating_sub(48)..).unwrap_or(before);
            let begin = memmem::rfind(line, b"-----BEGIN ")?;
            let words = line.get(begin + 11..)?;
            words.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b' ').then_some(PRIVATE_KEY)
        }
        Form::Conninfo => conninfo(before, after).then_some(CONNECTION_STRING),
        Form::LiveKey => {
            let kind = before.strip_suffix(b"sk").or_else(|| before.strip_suffix(b"rk"))?;
            let rest = leading(after, TOKEN);
            let starts = !kind.last().is_some_and(|byte| is_token(*byte));
            (starts && rest.len() >= 16 && is_varied(rest)).then_some(SERVICE_TOKEN)
        }
        Form::Token(least) => {
            let rest = leading(after, TOKEN);
            (starts_word && rest.len() >= least && is_varied(rest)).then_some(SERVICE_TOKEN)
        }
    }
}

/// Whether a URL names a user's password: `scheme://user:password@host`.
fn is_url(chunk: &[u8], start: usize) -> Option<bool> {
    let (before, after) = (chunk.get(..start)?, chunk.get(start + 3..)?);
    let scheme = before.iter().rev().take(24).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'+').count();
    let user = after.iter().take(64).take_while(|byte| is_of_user(**byte)).count();
    let rest = after.get(user..)?.strip_prefix(b":")?;
    let length = rest.iter().take(128).take_while(|byte| is_of_password(**byte)).count();
    let host = rest.get(length..)?.strip_prefix(b"@")?.first()?;
    let is_host = host.is_ascii_alphanumeric() || *host == b'[';
    Some(scheme >= 2 && is_host && is_real(rest.get(..length)?))
}

/// Whether `password=` stands in a string of keys and values (`'host=… password=…'`, `Host=…;Password=…`) or of a URL
/// (`?user=…&password=…`), and not in SQL.
fn conninfo(before: &[u8], after: &[u8]) -> bool {
    let near = before.get(before.len().saturating_sub(BEFORE)..).unwrap_or(before);
    let Some(quote) = memchr::memrchr2(b'\'', b'"', near) else { return false };
    let Some(body) = near.get(quote + 1..).and_then(|body| body.strip_suffix(b"p").or(body.strip_suffix(b"P"))) else {
        return false;
    };
    // a value that is quoted in its turn has its quotes twice
    let after = after.strip_prefix(b"''").unwrap_or(after);
    let length = after.iter().take(128).take_while(|byte| is_of_value(**byte)).count();
    let Some(value) = after.get(..length) else { return false };
    if !is_real(value) {
        return false;
    }
    let is_key = |text: &[u8]| {
        let key = text.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'_').count();
        key >= 2 && text.get(key) == Some(&b'=')
    };
    match body.last() {
        None => after.get(length..).is_some_and(|rest| matches!(rest, [b' ' | b';', rest @ ..] if is_key(rest))),
        Some(b' ' | b';') => is_key(body),
        Some(b'&' | b'?') => memmem::find(body, b"://").is_some(),
        Some(_) => false,
    }
}

/// Numbers of payment cards: 15 or 16 digits in quotes, of a known issuer, with the right check digit.
fn cards(chunk: &[u8], each: &mut dyn FnMut(usize, &'static str)) {
    // 15 digits in a row fill one of these whole, wherever they begin
    let (blocks, _) = chunk.as_chunks::<BLOCK>();
    for (index, block) in blocks.iter().enumerate() {
        // digits, and six other characters
        if u64::from_le_bytes(*block) & 0xf0f0_f0f0_f0f0_f0f0 == 0x3030_3030_3030_3030
            && let Some(start) = card_around(chunk, index * BLOCK)
        {
            each(start, CARD_NUMBER);
        }
    }
}

/// Where the number begins whose first whole block begins here, if a card could have it.
fn card_around(chunk: &[u8], at: usize) -> Option<usize> {
    const MOST: usize = 17;
    let is_digit = |byte: &&u8| byte.is_ascii_digit();
    let left = chunk.get(..at)?.iter().rev().take(MOST).take_while(is_digit).count();
    let right = chunk.get(at..)?.iter().take(MOST).take_while(is_digit).count();
    let (start, length) = (at - left, left + right);
    if left >= BLOCK || !CARD.contains(&length) {
        return None;
    }
    let is_quoted = chunk.get(start.checked_sub(1)?) == Some(&b'\'') && chunk.get(start + length) == Some(&b'\'');
    let digits = chunk.get(start..start + length)?;
    (is_quoted && has_issuer(digits) && has_check_digit(digits)).then_some(start)
}

fn has_issuer(digits: &[u8]) -> bool {
    let first = |count: usize| digits.iter().take(count).fold(0_u32, |sum, digit| 10 * sum + u32::from(*digit - b'0'));
    match digits.len() {
        15 => matches!(first(2), 34 | 37),
        _ => {
            first(1) == 4
                || matches!(first(2), 51..=55 | 65)
                || matches!(first(3), 644..=649)
                || matches!(first(4), 2221..=2720 | 3528..=3589 | 6011)
        }
    }
}

fn has_check_digit(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| match (index % 2, u32::from(digit.wrapping_sub(b'0'))) {
            (0, digit) => digit,
            (_, digit) => 2 * digit / 10 + 2 * digit % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn leading(text: &[u8], most: usize) -> &[u8] {
    let length = text.iter().take(most).take_while(|byte| is_token(**byte)).count();
    text.get(..length).unwrap_or_default()
}

fn trailing(text: &[u8], most: usize) -> &[u8] {
    let length = text.iter().rev().take(most).take_while(|byte| is_token(**byte)).count();
    text.get(text.len() - length..).unwrap_or_default()
}

fn is_of_user(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'%' | b'+' | b'~')
}

fn is_of_password(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'/' | b'@' | b'\'' | b'"' | b'\\' | b':')
}

fn is_of_value(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'\'' | b'"' | b'\\' | b'&' | b';')
}

/// Whether it is not a placeholder: `$1`, `%s`, `{password}`, `****`, `xxx`.
fn is_real(password: &[u8]) -> bool {
    let Some(first) = password.first() else { return false };
    let is_mark = matches!(first, b'$' | b'%' | b'{' | b'<' | b'[' | b'?' | b':' | b'(');
    !is_mark && !password.iter().all(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.'))
}

/// Whether it has enough different characters to be no placeholder.
fn is_varied(text: &[u8]) -> bool {
    let seen = text.iter().fold(0_u128, |seen, byte| seen | 1 << (byte & 0x7f));
    seen.count_ones() >= 6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::lexer::{Lexer, parameters};
    use proptest::prelude::*;

    /// A text in the test that no scanner of repositories takes for a secret: the parts are joined only here.
    fn joined(parts: &[&str]) -> String {
        parts.concat()
    }

    /// What a statement and the parameters logged beside it give away.
    fn shown(sql: &str, logged: Option<&str>) -> Option<&'static str> {
        let mut lexer = Lexer::new();
        let text = lexer.shape_text(sql.as_bytes(), false);
        let shape = Shape::of(text, sql);
        let lexed = lexer.lex(sql.as_bytes(), false);
        let (slots, has_literals) = (lexed.slots.to_vec(), lexed.has_literals);
        let mut values = Vec::new();
        if let Some(list) = logged {
            parameters(list.as_bytes(), false, &mut values);
        }
        let texts = [sql.as_bytes(), logged.unwrap_or_default().as_bytes()];
        let suspect = Suspect::of(&shape.text, &shape.analysis)?;
        suspect.is_shown(&slots, has_literals, &values, texts).then_some(suspect.kind)
    }

    #[test]
    fn commands_that_set_a_password() {
        for sql in [
            "alter role app password 'canary'",
            "ALTER USER app WITH ENCRYPTED PASSWORD 'canary' VALID UNTIL 'infinity'",
            "create role app login password $$canary$$",
            "create user mapping for app server s options (user 'u', password 'canary')",
            "alter user mapping for app server s options (set \"password\" 'canary')",
            "create role a; alter role a password E'can\\'ary'",
            "select id from users where name = 'u' and hash = crypt('canary', hash)",
            "alter role app password 'md5b3d4e1c0a1b2c3d4e5f60718293a4b5c'",
        ] {
            assert_eq!(shown(sql, None), Some(PASSWORD), "{sql}");
        }
        for sql in [
            "alter role app password null",
            "alter role app password 'SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy'",
            "alter role app valid until 'infinity'",
            "set password_encryption = 'scram-sha-256'",
            "comment on column users.password is 'never logged'",
            "create table t (password text default '')",
            "alter system set log_line_prefix = '%m [%p] '",
            "grant select (password) on users to app",
            "notify token, 'x'",
        ] {
            assert_eq!(shown(sql, None), None, "{sql}");
        }
    }

    #[test]
    fn settings_and_keys_of_functions() {
        assert_eq!(shown("set app.api_key = 'canary'", None), Some(TOKEN_COLUMN));
        assert_eq!(shown("set app.jwt to 'canary'", None), Some(TOKEN_COLUMN));
        assert_eq!(shown("set app.tenant = 'canary'", None), None);
        assert_eq!(shown("select pgp_sym_decrypt(card, 'canary') from t", None), Some(ENCRYPTION_KEY));
        assert_eq!(shown("select pgp_sym_encrypt(coalesce('a', 'b'), $1) from t", None), None);
        assert_eq!(
            shown("select pgp_sym_encrypt(coalesce('a', 'b'), $1)", Some("$1 = 'canary'")),
            Some(ENCRYPTION_KEY)
        );
        assert_eq!(shown("select crypt($1, gen_salt('bf'))", None), None);
    }

    #[test]
    fn columns_that_hold_secrets() {
        for (sql, kind) in [
            ("select * from users where name = 'u' and password = 'canary'", PASSWORD_COLUMN),
            ("update users set passwd = 'canary' where id = 1", PASSWORD_COLUMN),
            ("insert into users (name, password) values ('u', 'canary')", PASSWORD_COLUMN),
            ("insert into users (name, new_password) values ('u', 'canary'), ('v', 'canary')", PASSWORD_COLUMN),
            ("select * from sessions where token = 'canary'", TOKEN_COLUMN),
            ("select * from \"Account\" a where a.\"accessToken\" = 'canary'", TOKEN_COLUMN),
            ("delete from keys where api_key = 'canary'", TOKEN_COLUMN),
            ("select * from django_session where session_key = 'canary'", TOKEN_COLUMN),
            ("select 1 from clients where client_secret in ('canary', 'b')", TOKEN_COLUMN),
            ("insert into payments (card_number, cvv) values (4111111111111111, 123)", CARD_COLUMN),
        ] {
            assert_eq!(shown(sql, None), Some(kind), "{sql}");
        }
        for sql in [
            "select * from users where password_hash = 'x'",
            "select * from users where encrypted_password = 'x'",
            "update users set password = '$2b$12$abcdefghijklmnopqrstuv' where id = 1",
            "insert into auth_user (password) values ('pbkdf2_sha256$600000$salt$hash')",
            "select * from users where reset_password_sent_at > '2026-01-01'",
            "select tokens from usage where token_count = 5 and token_type = 'a'",
            "select token from sessions where id = 5",
            "select * from sessions where token is null and id = 7",
            "select * from keyboards where key = 'a'",
            "select 'password' as password",
            "insert into users (password, name) values (null, 'u')",
            "select * from pages where next_page_token = 'x'",
        ] {
            assert_eq!(shown(sql, None), None, "{sql}");
        }
    }

    #[test]
    fn parameters_count_where_they_are_logged() {
        let sql = "select * from users where id = $2 and password = $1 and active = 'yes'";
        assert_eq!(shown(sql, None), None);
        assert_eq!(shown(sql, Some("$1 = 'canary', $2 = '5'")), Some(PASSWORD_COLUMN));
        assert_eq!(shown(sql, Some("$1 = NULL, $2 = '5'")), None);
        assert_eq!(shown(sql, Some("$1 = '$2y$10$abc', $2 = '5'")), None);
        // a number of a row is no token
        assert_eq!(shown("select * from tokens where token = $1", Some("$1 = '5'")), None);
        assert_eq!(shown("update cards set card_number = $1", Some("$1 = '4111111111111111'")), Some(CARD_COLUMN));
        assert_eq!(shown("select * from users where password_hash = $1", Some("$1 = 'canary'")), None);
        assert_eq!(shown("select ?, password from users where password = ?", None), None);
    }

    #[test]
    fn the_rough_answer_knows_no_places() {
        let sql = "select * from users where password = $1 and id = 5";
        let mut lexer = Lexer::new();
        let shape = Shape::of(lexer.shape_text(sql.as_bytes(), false), sql);
        assert_eq!(in_statement(&shape, true), Some(PASSWORD_COLUMN));
        assert_eq!(in_statement(&shape, false), None);
    }

    #[test]
    fn values_that_look_like_secrets() {
        let scanner = Scanner::new();
        let word = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY2zA4bC6d";
        for (text, kind) in [
            (joined(&["key '", "AK", "IA", "2E0A8F3B244C9986", "'"]), ACCESS_KEY),
            (joined(&["AS", "IA", "2E0A8F3B244C9986"]), ACCESS_KEY),
            (joined(&["bearer ", "ey", "JhbGciOiJIUzI1NiJ9", ".ey", "JzdWIiOiIxMjM0In0", ".", word]), WEB_TOKEN),
            (joined(&["-----BEGIN RSA ", "PRIVATE KEY-----\nMII"]), PRIVATE_KEY),
            (joined(&["-----BEGIN ", "PRIVATE KEY-----\\nMII"]), PRIVATE_KEY),
            ("'postgres://app:canary@db.example/shop'".into(), CONNECTION_STRING),
            ("redis://:canary@10.0.0.1:6379/0".into(), CONNECTION_STRING),
            ("'jdbc:postgresql://db/shop?user=app&password=canary'".into(), CONNECTION_STRING),
            (
                "create subscription s connection 'host=db user=app password=canary' publication p".into(),
                CONNECTION_STRING,
            ),
            ("dblink_connect('password=canary host=db')".into(), CONNECTION_STRING),
            ("dblink('host=db password=''can ary'' user=app', 'select 1')".into(), CONNECTION_STRING),
            ("$1 = 'Host=db;Username=app;Password=canary'".into(), CONNECTION_STRING),
            (joined(&["gh", "p_", &word[..36]]), SERVICE_TOKEN),
            (joined(&["git", "hub_pat_", word]), SERVICE_TOKEN),
            (joined(&["'xo", "xb-", "123456789012-", word, "'"]), SERVICE_TOKEN),
            (joined(&["sk", "_live_", &word[..24]]), SERVICE_TOKEN),
            ("'4111111111111111'".into(), CARD_NUMBER),
            ("'5555555555554444'".into(), CARD_NUMBER),
            ("'378282246310005'".into(), CARD_NUMBER),
            ("'6011111111111117'".into(), CARD_NUMBER),
        ] {
            assert_eq!(scanner.scan(text.as_bytes()), Some(kind), "{text}");
            // wherever it stands
            for padding in 0..20 {
                let moved = format!("{} {text} and more", "x".repeat(padding));
                assert_eq!(scanner.scan(moved.as_bytes()), Some(kind), "{moved}");
            }
        }
    }

    #[test]
    fn values_that_do_not() {
        let scanner = Scanner::new();
        let word = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY2zA4bC6d";
        for text in [
            "",
            "2026-11-22 02:00:16.670 UTC [77] app@shop LOG:  duration: 0.575 ms  statement: SELECT 1",
            "https://example.org/path:80/@user",
            "http://localhost:8080/a@b",
            "postgres://app@db.example/shop",
            "postgres://app:****@db.example/shop",
            "postgres://app:$PASSWORD@db.example/shop",
            "postgres://app:{password}@db.example/shop",
            "update t set a = 'x', password=crypt($1, $2)",
            "select * from users where password='canary'",
            "select * from users where name='a' and password=canary",
            "'host=db user=app password=$1'",
            "'host=db user=app password='",
            &joined(&["AK", "IA", "IOSFODNN7", "EXAMPLE"]),
            &joined(&["xAK", "IA", "2E0A8F3B244C9986"]),
            &joined(&["AK", "IA", "2E0A8F3B244C9986abc"]),
            &joined(&["AK", "IA", "AAAAAAAAAAAAAAAA"]),
            &joined(&["ey", "JhbGciOiJub25lIn0", ".ey", "JzdWIiOiIxMjM0In0", "."]),
            "a.eyJ.eyJ.eyJ",
            "-----BEGIN PUBLIC KEY-----",
            &joined(&["gh", "p_short"]),
            &joined(&["agh", "p_", &word[..36]]),
            &joined(&["gh", "p_", &"x".repeat(36)]),
            "'4111111111111112'",
            "4111111111111111",
            "'41111111111111112222'",
            "'1795312816670123'",
            "'9111111111111111'",
            "id = '0000000000000000'",
        ] {
            assert_eq!(scanner.scan(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn all_are_told_and_where() {
        let text = "'4111111111111111' http://a:b@c 'x' '5555555555554444' ftp://u:p@h";
        let mut found = Vec::new();
        Scanner::new().find(text.as_bytes(), &mut |at, kind| found.push((at, kind)));
        found.sort_unstable();
        assert_eq!(found, [(1, CARD_NUMBER), (23, CONNECTION_STRING), (37, CARD_NUMBER), (58, CONNECTION_STRING)]);
    }

    #[test]
    fn what_is_certain() {
        assert!(is_certain(PASSWORD) && is_certain(ENCRYPTION_KEY));
        assert!(!is_certain(PASSWORD_COLUMN) && !is_certain(CARD_NUMBER) && !is_certain(PRIVATE_KEY));
    }

    proptest! {
        #[test]
        fn a_card_is_found_wherever_it_stands(before in "[a-z0-9' ]{0,64}", after in "[a-z0-9' ]{0,64}") {
            let text = format!("{before} '4012888888881881' {after}");
            prop_assert!(Scanner::new().scan(text.as_bytes()).is_some());
        }

        #[test]
        fn any_bytes_do(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            Scanner::new().find(&bytes, &mut |_, _| {});
            let tokens = Tokens { text: &bytes, at: 0 };
            let _ = in_text(tokens);
        }

        #[test]
        fn any_mix_of_what_is_looked_for_does(parts in prop::collection::vec(
            prop::sample::select(vec![
                "://", ":", "@", "'", "password=", "password", " ", "=", "eyJ", ".eyJ", ".", "AK", "IA", "-----BEGIN ",
                "PRIVATE KEY-----", "4", "11", "a1B2c3", "$1", "''", "(", ")", ",", "crypt", "\"", "/*", "*/", "é",
            ]),
            0..60,
        )) {
            let text = parts.concat();
            Scanner::new().find(text.as_bytes(), &mut |at, _| assert!(at < text.len()));
            let _ = in_text(Tokens { text: text.as_bytes(), at: 0 });
        }
    }
}
