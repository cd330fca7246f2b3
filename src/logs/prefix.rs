//! `log_line_prefix`: compiled to what stands in front of a line's text, matched on bytes, and found where it is not given.
//!
//! Names of users, databases and applications may hold anything, a colon, a bracket or `LOG:` included. So they are read
//! up to the next words of the prefix, the severity must follow the whole, and where it does not, further up to the next
//! occurrence. Every other field has a form of its own.

use crate::logs::record::Record;
use crate::logs::words::{self, Part, Word};
use jiff::civil;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::fmt;

/// What an escape of the prefix stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// `%a`.
    Application,
    /// `%u`.
    User,
    /// `%d`.
    Database,
    /// `%r`: host and port.
    HostPort,
    /// `%h`.
    Host,
    /// `%L`: the server's own address.
    LocalAddress,
    /// `%b`.
    BackendType,
    /// `%p`.
    Pid,
    /// `%P`.
    LeaderPid,
    /// `%t`: seconds.
    Time,
    /// `%m`: milliseconds.
    TimeMillis,
    /// `%n`: milliseconds since the epoch.
    TimeEpoch,
    /// `%Q`.
    QueryId,
    /// `%i`.
    CommandTag,
    /// `%e`.
    SqlState,
    /// `%c`.
    SessionId,
    /// `%l`.
    SessionLine,
    /// `%s`.
    SessionStart,
    /// `%v`.
    Vxid,
    /// `%x`.
    Xid,
}

const FIELDS: usize = 20;

impl Field {
    fn of(escape: char) -> Option<Self> {
        Some(match escape {
            'a' => Self::Application,
            'u' => Self::User,
            'd' => Self::Database,
            'r' => Self::HostPort,
            'h' => Self::Host,
            'L' => Self::LocalAddress,
            'b' => Self::BackendType,
            'p' => Self::Pid,
            'P' => Self::LeaderPid,
            't' => Self::Time,
            'm' => Self::TimeMillis,
            'n' => Self::TimeEpoch,
            'Q' => Self::QueryId,
            'i' => Self::CommandTag,
            'e' => Self::SqlState,
            'c' => Self::SessionId,
            'l' => Self::SessionLine,
            's' => Self::SessionStart,
            'v' => Self::Vxid,
            'x' => Self::Xid,
            _ => return None,
        })
    }
}

/// How finely a log tells the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resolution {
    /// `%t`: gaps between statements mean nothing.
    Seconds,
    /// `%m` or `%n`.
    Milliseconds,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Element {
    Literal(Literal),
    /// The width is that of the padding: negative is aligned to the left, 0 is none.
    Field(Field, i32),
    /// `%q`: nothing follows in a process without a session.
    Quit,
}

/// Words of the prefix. Nearly all are so short that they are compared as one number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Literal {
    bytes: Box<[u8]>,
    head: u64,
    mask: u64,
}

impl Literal {
    fn new(bytes: Vec<u8>) -> Self {
        let mut head = [0; 8];
        let mut mask = [0; 8];
        for (i, byte) in bytes.iter().take(8).enumerate() {
            head[i] = *byte;
            mask[i] = 0xFF;
        }
        Self { bytes: bytes.into(), head: u64::from_le_bytes(head), mask: u64::from_le_bytes(mask) }
    }

    #[inline]
    fn starts(&self, text: &[u8]) -> bool {
        match text.first_chunk::<8>() {
            Some(head) if (u64::from_le_bytes(*head) ^ self.head) & self.mask != 0 => false,
            Some(_) if self.bytes.len() <= 8 => true,
            _ => text.starts_with(&self.bytes),
        }
    }
}

/// A field of any text that may have to reach further.
#[derive(Debug, Clone, Copy, Default)]
struct Choice {
    /// The element after it.
    next: usize,
    field: Option<Field>,
    at: usize,
    length: usize,
    /// The most it may have.
    most: usize,
}

/// How many fields of any text are tried again.
const CHOICES: usize = 16;

/// Why a text is no prefix that lines could be read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// It has a line feed or a NUL.
    #[error("a prefix with a line feed cannot be read by lines")]
    Line,
    /// It is longer than anybody's.
    #[error("a prefix of more than {MOST_BYTES} bytes or {MOST_ELEMENTS} escapes")]
    Long,
}

const MOST_BYTES: usize = 2000;
const MOST_ELEMENTS: usize = 64;

/// How long a name may be: the server cuts them at 63 bytes, host names end at 255.
const VALUE_BYTES: usize = 300;

/// How many ways to read a line are tried, so that names made to mislead cost a bounded time.
const STEPS: u32 = 250;

/// A compiled `log_line_prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    text: String,
    elements: Vec<Element>,
    fields: Vec<Field>,
    /// Whether words stand directly after the last field, so that a space between is somebody else's.
    tight: bool,
}

/// Where the fields of a line are, and what follows them.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// The severity, or which part of an entry the line is.
    pub word: Word,
    /// Where the text begins: after the word, its colon and the spaces.
    pub text: usize,
    spans: [(u16, u16); FIELDS],
}

impl Head {
    /// The bytes of a field; empty where the line or the prefix has none.
    pub fn get<'a>(&self, field: Field, line: &'a [u8]) -> &'a [u8] {
        let (start, end) = self.spans.get(field as usize).copied().unwrap_or_default();
        line.get(usize::from(start)..usize::from(end)).unwrap_or_default()
    }

    /// Whether an entry begins here: a severity, not a part.
    pub fn is_main(&self) -> bool {
        matches!(self.word, Word::Level(_))
    }
}

impl Prefix {
    /// Compiles the value of `log_line_prefix`. Escapes that the server does not know stand for nothing, as they do there.
    pub fn compile(text: &str) -> Result<Self, PrefixError> {
        if text.contains(['\n', '\0']) {
            return Err(PrefixError::Line);
        }
        let mut elements = Vec::new();
        let mut literal = Vec::new();
        let mut rest = text.chars();
        while let Some(char) = rest.next() {
            if char != '%' {
                literal.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            let padded = rest.as_str().strip_prefix('-').unwrap_or(rest.as_str());
            let digits = padded.len() - padded.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let sign = rest.as_str().len() - padded.len();
            let width: i32 = match sign + digits {
                0 => 0,
                length => rest.as_str().get(..length).and_then(|width| width.parse().ok()).unwrap_or(0),
            };
            let mut after = rest.as_str().get(sign + digits..).unwrap_or_default().chars();
            let escape = after.next();
            let element = match escape {
                Some('%') if sign + digits == 0 => {
                    literal.push(b'%');
                    None
                }
                Some('q') => Some(Element::Quit),
                Some(escape) => Field::of(escape).map(|field| Element::Field(field, width.clamp(-200, 200))),
                None => None,
            };
            rest = after;
            if let Some(element) = element {
                if !literal.is_empty() {
                    elements.push(Element::Literal(Literal::new(std::mem::take(&mut literal))));
                }
                elements.push(element);
            }
        }
        if !literal.is_empty() {
            elements.push(Element::Literal(Literal::new(literal)));
        }
        if text.len() > MOST_BYTES || elements.len() > MOST_ELEMENTS {
            return Err(PrefixError::Long);
        }
        let fields = elements.iter().filter_map(|element| match element {
            Element::Field(field, _) => Some(*field),
            _ => None,
        });
        let mut fields: Vec<Field> = fields.collect();
        fields.dedup();
        let tight = match elements.last() {
            Some(Element::Literal(last)) => !last.bytes.ends_with(b" "),
            Some(_) => true,
            None => false,
        };
        Ok(Self { text: text.to_owned(), elements, fields, tight })
    }

    /// As it was given, or as it was found.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has an escape.
    pub fn has(&self, field: Field) -> bool {
        self.fields.contains(&field)
    }

    /// Whether the lines of a session can be told from those of another: `%p` or `%c`.
    pub fn tells_sessions(&self) -> bool {
        self.has(Field::Pid) || self.has(Field::SessionId)
    }

    /// How finely its lines tell the time, if they do.
    pub fn resolution(&self) -> Option<Resolution> {
        match (self.has(Field::TimeMillis) || self.has(Field::TimeEpoch), self.has(Field::Time)) {
            (true, _) => Some(Resolution::Milliseconds),
            (_, true) => Some(Resolution::Seconds),
            _ => None,
        }
    }

    /// Reads the prefix and the word after it.
    #[inline]
    pub fn head(&self, line: &[u8]) -> Option<Head> {
        let mut spans = [(0, 0); FIELDS];
        let (word, text) = self.walk(line, &mut spans)?;
        Some(Head { word, text, spans })
    }

    /// Reads a line: what the prefix says of it goes to `record`. The text of the line is in nobody's field yet.
    pub fn matches<'a>(&self, line: &'a [u8], clock: &mut Clock, record: &mut Record<'a>) -> Option<Head> {
        let head = self.head(line)?;
        self.fill(&head, line, clock, record);
        Some(head)
    }

    /// Puts what a prefix said into a record.
    #[inline]
    pub fn fill<'a>(&self, head: &Head, line: &'a [u8], clock: &mut Clock, record: &mut Record<'a>) {
        if let Word::Level(severity) = head.word {
            record.severity = severity;
        }
        for field in &self.fields {
            let value = head.get(*field, line);
            match field {
                Field::Application => record.application = words::known(value),
                Field::User => record.user = words::known(value),
                Field::Database => record.database = words::known(value),
                Field::HostPort | Field::Host => record.client = value,
                Field::BackendType => record.backend_type = value,
                Field::Pid => record.pid = number(value).and_then(|pid| u32::try_from(pid).ok()),
                Field::TimeEpoch => record.time = epoch(value),
                // the finer of two wins, whichever comes first
                Field::TimeMillis => record.time = clock.read(value).or(record.time),
                Field::Time if self.resolution() == Some(Resolution::Seconds) => record.time = clock.read(value),
                Field::QueryId => record.query_id = signed(value),
                Field::CommandTag => record.command_tag = value,
                Field::SqlState => record.sqlstate = value,
                Field::SessionId => record.session_id = value,
                Field::SessionLine => record.session_line = number(value),
                Field::SessionStart => record.session_start = value,
                Field::Vxid => record.vxid = value,
                Field::Time | Field::Xid | Field::LeaderPid | Field::LocalAddress => {}
            }
        }
    }

    /// Follows the elements to the word and the start of the text. Where that fails, the last field that may reach further
    /// does.
    fn walk(&self, line: &[u8], spans: &mut [(u16, u16); FIELDS]) -> Option<(Word, usize)> {
        let mut choices = [Choice::default(); CHOICES];
        let mut depth = 0;
        let (mut next, mut at) = (0, 0);
        for step in 0..STEPS {
            if let Some(found) = self.advance(next, at, line, spans, &mut choices, &mut depth) {
                return Some(found);
            }
            // most lines that do not fit have no severity at all
            if step == 0 && !has_colon(line) {
                return None;
            }
            loop {
                let choice = choices.get_mut(depth.checked_sub(1)?)?;
                if let Some(length) =
                    self.text_length(choice.next, line.get(choice.at..)?, choice.length + 1, choice.most)
                {
                    choice.length = length;
                    next = choice.next;
                    at = choice.at + length;
                    if let Some(field) = choice.field {
                        mark(field, 0, choice.at, length, line, spans)?;
                    }
                    break;
                }
                depth -= 1;
            }
        }
        None
    }

    /// As far as it goes with the shortest of every text.
    #[inline]
    fn advance(
        &self,
        mut next: usize,
        mut at: usize,
        line: &[u8],
        spans: &mut [(u16, u16); FIELDS],
        choices: &mut [Choice; CHOICES],
        depth: &mut usize,
    ) -> Option<(Word, usize)> {
        while let Some(element) = self.elements.get(next) {
            next += 1;
            let (field, width) = match element {
                Element::Literal(literal) => {
                    if !literal.starts(line.get(at..)?) {
                        return None;
                    }
                    at += literal.bytes.len();
                    continue;
                }
                Element::Quit => {
                    if let Some(found) = self.word_at(line, at) {
                        return Some(found);
                    }
                    continue;
                }
                Element::Field(field, width) => (*field, *width),
            };
            if width > 0 {
                let width = usize::try_from(width).unwrap_or(0);
                at += line.get(at..)?.iter().take(width).take_while(|byte| **byte == b' ').count();
            }
            let rest = line.get(at..)?;
            let mut keep = |length: usize, most: usize| {
                if let Some(choice) = choices.get_mut(*depth) {
                    *choice = Choice { next, field: Some(field), at, length, most };
                    *depth += 1;
                }
            };
            let length = match field {
                Field::Pid => digits(rest).filter(|length| *length > 0)?,
                Field::SessionLine | Field::Xid | Field::LeaderPid => digits(rest)?,
                Field::TimeMillis | Field::Time | Field::SessionStart => {
                    let length = timestamp(rest, field == Field::TimeMillis)?;
                    let colon = self.elements.get(next).is_some_and(
                        |element| matches!(element, Element::Literal(literal) if literal.starts(rest.get(length..).unwrap_or_default())),
                    );
                    // `+05:30`, unless the colon is the prefix's
                    match rest.get(length..) {
                        Some([b':', b'0'..=b'9', b'0'..=b'9', ..]) if !colon => length + 3,
                        _ => length,
                    }
                }
                Field::TimeEpoch => epoch_length(rest)?,
                Field::QueryId => match rest.first() {
                    Some(b'-') => 1 + digits(rest.get(1..)?).filter(|length| *length > 0)?,
                    _ => digits(rest)?,
                },
                Field::SqlState => {
                    let code = rest.get(..5)?;
                    code.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()).then_some(5)?
                }
                Field::SessionId => session_id(rest)?,
                Field::Vxid => vxid(rest),
                Field::HostPort | Field::Host | Field::LocalAddress => {
                    match address(rest, field == Field::HostPort).filter(|length| self.fits(next, rest, *length)) {
                        Some(length) => length,
                        None => {
                            let most = host(rest);
                            let length = self.text_length(next, rest, 0, most)?;
                            keep(length, most);
                            length
                        }
                    }
                }
                Field::Application | Field::User | Field::Database | Field::BackendType | Field::CommandTag => {
                    // a padded value is at least as long as its padding
                    let least = if width < 0 { usize::try_from(-width).unwrap_or(0) } else { 0 };
                    let length = self.text_length(next, rest, least, VALUE_BYTES)?;
                    keep(length, VALUE_BYTES);
                    length
                }
            };
            at = mark(field, width, at, length, line, spans)?;
        }
        self.word_at(line, at)
    }

    /// Whether the words of the prefix that follow a value stand behind so many bytes.
    fn fits(&self, next: usize, rest: &[u8], length: usize) -> bool {
        match self.elements.get(next) {
            Some(Element::Literal(literal)) => rest.get(length..).is_some_and(|rest| literal.starts(rest)),
            _ => true,
        }
    }

    /// The least length of a text, from so many bytes on, that what follows allows.
    #[inline]
    fn text_length(&self, next: usize, rest: &[u8], least: usize, most: usize) -> Option<usize> {
        let most = rest.len().min(most);
        let mut length = least;
        let Some(Element::Literal(literal)) = self.elements.get(next) else {
            return (length <= most).then_some(length);
        };
        let first = *literal.bytes.first()?;
        loop {
            // the words may begin where the value must end
            length += rest.get(length..rest.len().min(most + 1))?.iter().position(|byte| *byte == first)?;
            if literal.starts(rest.get(length..)?) {
                return Some(length);
            }
            length += 1;
        }
    }

    #[inline]
    fn word_at(&self, line: &[u8], at: usize) -> Option<(Word, usize)> {
        let rest = line.get(at..)?;
        if let Some((word, text)) = words::word(rest) {
            return Some((word, at + text));
        }
        // a prefix given without the space it ends with, or a program that puts one there
        let rest = rest.strip_prefix(b" ").filter(|_| self.tight)?;
        words::word(rest).map(|(word, text)| (word, at + 1 + text))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Whether a severity may stand in a line: there is a colon with a space, or the end, behind.
fn has_colon(line: &[u8]) -> bool {
    memchr::memchr_iter(b':', line).any(|colon| matches!(line.get(colon + 1), None | Some(b' ' | b'\r')))
}

/// Notes where a field is, and steps over it and its padding to the right.
#[inline]
fn mark(
    field: Field,
    width: i32,
    at: usize,
    length: usize,
    line: &[u8],
    spans: &mut [(u16, u16); FIELDS],
) -> Option<usize> {
    let end = at + length;
    let mut kept = end;
    while kept > at && line.get(kept - 1) == Some(&b' ') {
        kept -= 1;
    }
    if let Some(span) = spans.get_mut(field as usize) {
        *span = (u16::try_from(at).ok()?, u16::try_from(kept).ok()?);
    }
    if width >= 0 {
        return Some(end);
    }
    let padding = usize::try_from(-width).unwrap_or(0).saturating_sub(length);
    let spaces = line.get(end..)?.iter().take(padding).take_while(|byte| **byte == b' ').count();
    Some(end + spaces)
}

#[inline]
fn digits(bytes: &[u8]) -> Option<usize> {
    let length = bytes.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    (length < 20).then_some(length)
}

#[inline]
fn number(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 19 {
        return None;
    }
    bytes.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then_some(sum * 10 + u64::from(digit))
    })
}

fn signed(bytes: &[u8]) -> Option<i64> {
    match bytes.strip_prefix(b"-") {
        // the smallest has no positive twin
        Some(rest) => number(rest).and_then(|number| 0i64.checked_sub_unsigned(number)),
        None => number(bytes).and_then(|number| i64::try_from(number).ok()),
    }
}

/// `67e5a4b1.1a2b`: the start of the session and its pid, in hexadecimal digits.
fn session_id(bytes: &[u8]) -> Option<usize> {
    let hex = |bytes: &[u8]| bytes.iter().take(17).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let start = hex(bytes);
    let rest = bytes.get(start..)?.strip_prefix(b".")?;
    let pid = hex(rest);
    (start > 0 && pid > 0).then_some(start + 1 + pid)
}

/// `3/14`, or nothing outside a session.
fn vxid(bytes: &[u8]) -> usize {
    let backend = digits(bytes).unwrap_or(0);
    match bytes.get(backend..) {
        Some([b'/', rest @ ..]) if backend > 0 => backend + 1 + digits(rest).unwrap_or(0),
        _ => 0,
    }
}

/// `1795312816.670`.
fn epoch_length(bytes: &[u8]) -> Option<usize> {
    let seconds = digits(bytes).filter(|length| *length > 0)?;
    let fraction = digits(bytes.get(seconds..)?.strip_prefix(b".")?)?;
    Some(seconds + 1 + fraction)
}

fn epoch(bytes: &[u8]) -> Option<i64> {
    let point = bytes.iter().position(|byte| *byte == b'.')?;
    let seconds = i64::try_from(number(bytes.get(..point)?)?).ok()?;
    seconds.checked_mul(1_000_000)?.checked_add(fraction(bytes.get(point + 1..)?))
}

/// Digits after a point, as microseconds.
fn fraction(bytes: &[u8]) -> i64 {
    let mut micros = 0;
    let mut unit = 100_000;
    for byte in bytes.iter().take_while(|byte| byte.is_ascii_digit()).take(6) {
        micros += i64::from(byte - b'0') * unit;
        unit /= 10;
    }
    micros
}

/// The most that a host's name may have.
fn host(bytes: &[u8]) -> usize {
    let part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'_' | b'%');
    bytes.iter().take(VALUE_BYTES).take_while(part).count()
}

/// An address, whose colons are its own: `127.0.0.1`, `::1`, `[local]`, and its port `(35680)` where the field has one.
fn address(bytes: &[u8], port: bool) -> Option<usize> {
    if *bytes.first()? == b'[' {
        let name = [&b"[local]"[..], b"[none]"].into_iter().find(|name| bytes.starts_with(name))?;
        return Some(name.len());
    }
    let length = host(bytes);
    if port && bytes.get(length) == Some(&b'(') {
        let digits = digits(bytes.get(length + 1..)?)?;
        return (bytes.get(length + 1 + digits) == Some(&b')')).then_some(length + digits + 2);
    }
    let plain = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
    let address = bytes.get(..bytes.iter().take(length).take_while(plain).count())?;
    let count = |wanted: u8| address.iter().filter(|byte| **byte == wanted).count();
    // the last colon may be the prefix's: `10.0.0.1:`
    let whole = (count(b'.') == 3 && count(b':') == 0 || count(b':') >= 2) && !address.ends_with(b":");
    whole.then_some(address.len())
}

/// The length of `2026-11-22 02:00:16.670 UTC`; of a zone that goes on with a colon, the part before.
#[inline]
fn timestamp(bytes: &[u8], millis: bool) -> Option<usize> {
    let date = date_length(bytes, millis)?;
    let zone = bytes.get(date + 1..)?;
    let length = match zone.first()? {
        b'A'..=b'Z' | b'a'..=b'z' => zone.iter().take(10).take_while(|byte| byte.is_ascii_alphabetic()).count(),
        b'+' | b'-' => 1 + zone.get(1..)?.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count(),
        _ => return None,
    };
    (length > 2 || zone.first() == Some(&b'Z')).then_some(date + 1 + length)
}

/// The length of a date and time, 19 or 23 bytes, if that is what stands there.
#[inline]
fn date_length(bytes: &[u8], millis: bool) -> Option<usize> {
    const HEAD: u128 = u128::from_le_bytes(*b"0000-00-00 00:00");
    const HEAD_MOST: u128 = most_above_digit(*b"0000-00-00 00:00");
    const TAIL: u64 = u64::from_le_bytes(*b":00.000 ");
    const TAIL_MOST: u64 = (most_above_digit(*b":00.000 :00.000 ") & u64::MAX as u128) as u64;
    let head = u128::from_le_bytes(*bytes.first_chunk()?) ^ HEAD;
    // a digit leaves 0 to 9, a separator 0: anything more reaches the top bit of its byte
    if (head | head.wrapping_add(HEAD_MOST)) & (u128::MAX / 255 * 0x80) != 0 {
        return None;
    }
    if millis {
        let tail = u64::from_le_bytes(*bytes.get(16..)?.first_chunk()?) ^ TAIL;
        return ((tail | tail.wrapping_add(TAIL_MOST)) & (u64::MAX / 255 * 0x80) == 0).then_some(23);
    }
    match bytes.get(16..20)? {
        [b':', tens, ones, b' '] if tens.is_ascii_digit() && ones.is_ascii_digit() => Some(19),
        _ => None,
    }
}

/// What to add to a byte so that its top bit is set when it is more than 9, or more than 0 for a separator.
const fn most_above_digit(form: [u8; 16]) -> u128 {
    let mut added = [0x7Fu8; 16];
    let mut i = 0;
    while i < 16 {
        if form[i] == b'0' {
            added[i] = 0x76;
        }
        i += 1;
    }
    u128::from_le_bytes(added)
}

/// What a carrier knew of a line and wrote in front of it: `\x01`, the time in microseconds, `\x1f`, the pid, `\x1f`, a hash
/// of the stream in hexadecimal digits, `\x02`; each may be empty.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Envelope {
    pub(crate) time: Option<i64>,
    pub(crate) pid: Option<u32>,
    pub(crate) stream: u64,
}

/// A line without NULs in front (the holes of a file that was truncated while it was written) and without its envelope:
/// the envelope, the bytes skipped, the line.
pub(crate) fn opened(line: &[u8]) -> (Option<Envelope>, usize, &[u8]) {
    let nuls = line.iter().take_while(|byte| **byte == 0).count();
    let rest = line.get(nuls..).unwrap_or_default();
    match envelope(rest) {
        Some((envelope, length)) => (Some(envelope), nuls + length, rest.get(length..).unwrap_or_default()),
        None => (None, nuls, rest),
    }
}

/// How long an envelope is at most.
const ENVELOPE_BYTES: usize = 80;

#[inline]
fn envelope(line: &[u8]) -> Option<(Envelope, usize)> {
    let rest = line.strip_prefix(b"\x01")?;
    let length = memchr::memchr(2, rest.get(..ENVELOPE_BYTES).unwrap_or(rest))?;
    let inside = std::str::from_utf8(rest.get(..length)?).ok()?;
    let mut fields = inside.split('\x1f');
    let (time, pid, stream) = (fields.next()?, fields.next()?, fields.next()?);
    let stream = u64::from_str_radix(stream, 16).unwrap_or(0);
    Some((Envelope { time: time.parse().ok(), pid: pid.parse().ok(), stream }, length + 2))
}

/// Turns the times of a log into microseconds since 1970-01-01 UTC. Keeps the last second, which most lines repeat.
#[derive(Debug, Clone)]
pub struct Clock {
    zone: Option<TimeZone>,
    second: [u8; 19],
    zone_text: [u8; 12],
    zone_length: usize,
    base: Option<i64>,
    unknown: BTreeSet<String>,
}

/// Zones that are remembered because nobody could tell their offset.
const UNKNOWN: usize = 4;

impl Default for Clock {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Clock {
    /// With the zone to use where an abbreviation does not tell: `IST` is India, Ireland and Israel.
    pub fn new(zone: Option<TimeZone>) -> Self {
        Self { zone, second: [0; 19], zone_text: [0; 12], zone_length: 0, base: None, unknown: BTreeSet::new() }
    }

    /// Abbreviations whose offset nobody could tell, a few of them: their times were read as UTC.
    pub fn unknown_zones(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().map(String::as_str)
    }

    /// Reads `2026-11-22 02:00:16.670 UTC`, with or without the fraction.
    #[inline]
    pub fn read(&mut self, text: &[u8]) -> Option<i64> {
        let (second, rest) = text.split_first_chunk::<19>()?;
        let (micros, zone) = match rest {
            [b'.', a, b, c, b' ', zone @ ..] => (fraction(&[*a, *b, *c]), zone),
            [b'.', more @ ..] => {
                let space = more.iter().position(|byte| *byte == b' ')?;
                (fraction(more), more.get(space + 1..)?)
            }
            [b' ', zone @ ..] => (0, zone),
            _ => return None,
        };
        if self.second != *second || self.zone_text.get(..self.zone_length) != Some(zone) {
            self.turn(second, zone);
        }
        self.base?.checked_add(micros)
    }

    #[cold]
    fn turn(&mut self, second: &[u8; 19], zone: &[u8]) {
        self.base = civil_of(second).and_then(|civil| self.micros(civil, zone));
        self.second = *second;
        // a zone too long to keep is read again each time
        self.zone_length = usize::MAX;
        if let Some(kept) = self.zone_text.get_mut(..zone.len()) {
            kept.copy_from_slice(zone);
            self.zone_length = zone.len();
        }
    }

    fn micros(&mut self, civil: civil::DateTime, zone: &[u8]) -> Option<i64> {
        let utc = TimeZone::UTC.to_timestamp(civil).ok()?;
        let at = |seconds: i64| utc.as_microsecond().checked_sub(seconds * 1_000_000);
        if let Some(seconds) = numeric_offset(zone) {
            return at(seconds);
        }
        let name = std::str::from_utf8(zone).unwrap_or_default();
        if let Some(own) = &self.zone {
            // where the abbreviation is the zone's own, it also tells the two hours of autumn apart
            let times = own.clone().into_ambiguous_zoned(civil);
            for time in [times.clone().earlier(), times.later()].into_iter().flatten() {
                if own.to_offset_info(time.timestamp()).abbreviation() == name {
                    return Some(time.timestamp().as_microsecond());
                }
            }
        }
        if let Some((_, minutes)) = ABBREVIATIONS.iter().find(|(known, _)| *known == name) {
            return at(i64::from(*minutes) * 60);
        }
        if let Some(own) = &self.zone {
            return own.to_timestamp(civil).ok().map(|time| time.as_microsecond());
        }
        // the first of all by name, so that they do not depend on who read what
        if self.unknown.insert(name.to_owned()) && self.unknown.len() > UNKNOWN {
            self.unknown.pop_last();
        }
        at(0)
    }
}

fn civil_of(second: &[u8; 19]) -> Option<civil::DateTime> {
    let part = |from: usize, to: usize| number(second.get(from..to)?).and_then(|n| i8::try_from(n).ok());
    let year = number(second.get(..4)?).and_then(|n| i16::try_from(n).ok())?;
    // the server never prints a leap second
    civil::DateTime::new(year, part(5, 7)?, part(8, 10)?, part(11, 13)?, part(14, 16)?, part(17, 19)?, 0).ok()
}

/// `+03`, `-0330`, `+05:30`, in seconds.
fn numeric_offset(zone: &[u8]) -> Option<i64> {
    let (sign, rest) = match zone {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let digits = rest.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| i64::from(byte - b'0'));
    let seconds = match digits.collect::<Vec<_>>()[..] {
        [a, b] => (a * 10 + b) * 3600,
        [a, b, c, d] => (a * 10 + b) * 3600 + (c * 10 + d) * 60,
        [a, b, c, d, e, f] => (a * 10 + b) * 3600 + (c * 10 + d) * 60 + e * 10 + f,
        _ => return None,
    };
    Some(sign * seconds)
}

/// Abbreviations that one offset has today, in minutes east of UTC. `IST` and `CST` have three, so they are not here.
static ABBREVIATIONS: &[(&str, i32)] = &[
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("UCT", 0),
    ("CET", 60),
    ("CEST", 120),
    ("EST", -300),
    ("EDT", -240),
    ("PST", -480),
    ("PDT", -420),
    ("MST", -420),
    ("MDT", -360),
    ("CDT", -300),
    ("MSK", 180),
    ("JST", 540),
    ("EET", 120),
    ("EEST", 180),
    ("WET", 0),
    ("WEST", 60),
    ("BST", 60),
    ("MET", 60),
    ("MEST", 120),
    ("KST", 540),
    ("HKT", 480),
    ("PKT", 300),
    ("WIB", 420),
    ("WITA", 480),
    ("WIT", 540),
    ("AEST", 600),
    ("AEDT", 660),
    ("ACST", 570),
    ("ACDT", 630),
    ("AWST", 480),
    ("NZST", 720),
    ("NZDT", 780),
    ("ChST", 600),
    ("SST", -660),
    ("HST", -600),
    ("HDT", -540),
    ("AKST", -540),
    ("AKDT", -480),
    ("AST", -240),
    ("ADT", -180),
    ("NST", -210),
    ("NDT", -150),
    ("SAST", 120),
    ("CAT", 120),
    ("EAT", 180),
    ("WAT", 60),
    ("IDT", 180),
];

/// The prefix a log was found to have.
#[derive(Debug, Clone)]
pub struct Detection {
    /// The prefix; its text is the value of `log_line_prefix` that fits.
    pub prefix: Prefix,
    /// Lines of the sample that it reads.
    pub matched: usize,
    /// Lines of the sample that could have a prefix: not empty, not led by a tab.
    pub lines: usize,
    /// How many prefixes were tried.
    pub tried: usize,
    /// Whether it was put together from the lines, not one of the known.
    pub is_derived: bool,
}

impl Detection {
    /// The share of the lines that it reads, 0 to 1.
    pub fn share(&self) -> f64 {
        self.matched as f64 / self.lines.max(1) as f64
    }
}

/// How much of a sample is looked at.
const SAMPLE_BYTES: usize = 256 << 10;
const SAMPLE_LINES: usize = 400;

/// Prefixes in use: the server's and the packages' defaults, those of the hosting services and of other programs' manuals.
static KNOWN: &[&str] = &[
    "%m [%p] %q%u@%d ",
    "%m [%p] ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t:%r:%u@%d:[%p]:",
    "%m:%r:%u@%d:[%p]:",
    "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
    "%t-%c-",
    "%m-%c-",
    "%t-%c-u\"%u\"u-",
    "",
    "%t ",
    "%m ",
    "%t [%p] ",
    "%t [%p]: ",
    "%t [%p-%l] ",
    "%t [%p-%l] %q%u@%d ",
    "%m [%p-%l] %q%u@%d ",
    "%t [%p] %q%u@%d ",
    "%t [%p] %q%u@%d %h ",
    "%t [%p] %u@%d ",
    "%m [%p] %u@%d ",
    "%m [%p] %q[user=%u,db=%d,app=%a] ",
    "%m [%p] %q[user=%u,db=%d,app=%a,host=%h] ",
    "%m [%p] %q[app=%a,user=%u,db=%d,host=%h] ",
    "%m [%p] %quser=%u,db=%d,app=%a,client=%h ",
    "%m [%p][%v] : [%l-1] %q[app=%a] ",
    "%m [%p][%b][%v][%x] %q[user=%u,db=%d,app=%a] ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%m [%p]: [%l-1] db=%d,user=%u ",
    "%m [%p]: [%l-1] db=%d,user=%u,app=%a,client=%h ",
    "%m [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: user=%u,db=%d ",
    "%t [%p]: [%l-1] ",
    "%t [%p]: [%l-1] user=%u,db=%d ",
    "%t [%p]: [%l-1] db=%d,user=%u ",
    "%t [%p]: [%l-1] db=%d,user=%u,app=%a,client=%h ",
    "%t [%p]: [%l] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d - PG-%e ",
    "%t [%p]: [%l-1] [trx_id=%x] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: %q[%l-1] user=%u,db=%d,app=%a,client=%h ",
    "[%p]: [%l-1] db=%d,user=%u ",
    "user=%u,db=%d ",
    "user=%u,db=%d,app=%a,client=%h ",
    "pid=%p,user=%u,db=%d,app=%a,client=%h ",
    "db=%d,user=%u,app=%a,client=%h ",
    "%m [%p] %r %u@%d ",
    "%m %r %u %a [%c] [%p] ",
    "%m [%p] %d %u %a ",
    "%m %u@%d [%p] ",
    "%m %u %d [%p] ",
    "%m %u %d %p ",
    "%m [%p] [%c] ",
    "%m [%c] ",
    "%m %p %u@%d ",
    "%p-%s-%c-%l-%h-%u-%d-%m ",
    "%n [%p] %q%u@%d ",
    "%n [%p] ",
    "[%m] [%p] ",
    "[%m][%p]: ",
    "[%p] ",
    "[%u] [%d] [%p] [%m] ",
    "<%m>",
    "< %m >",
    "< %m > ",
    "<%t>",
    "< %t >",
    "%m|%u|%d|%c|%v|%x|",
    "%m|%r|%d|%u|%a|%c|%v|%x|%e|",
    "%m [%p]: [%l-1] %u@%d ",
    "%m %q%u@%d [%p] ",
    " sql_error_code = %e ",
    " sql_error_code = %e time_ms = \"%m\" pid=\"%p\" proc_start_time=\"%s\" session_id=\"%c\" vtid=\"%v\" tid=\"%x\" log_line=\"%l\" %qdatabase=\"%d\" connection_source=\"%r\" user=\"%u\" application_name=\"%a\" ",
];

/// Finds the prefix of a log by its first lines: the known one or the one put together from the lines themselves that reads
/// most of them and tells most. `None` if no line has a severity at all.
pub fn detect(sample: &[u8]) -> Option<Detection> {
    let lines = sample_lines(sample);
    // what differs only behind %q cannot be told apart until a session writes
    let sessions = lines.iter().any(|line| tells_of_a_session(line));
    let mut best: Option<(Score, Prefix, bool)> = None;
    let mut tried = 0;
    let derived = derive(&lines);
    let known = KNOWN.iter().map(|text| ((*text).to_owned(), false));
    let mut texts = std::collections::BTreeSet::new();
    for (text, is_derived) in known.chain(derived.into_iter().map(|text| (text, true))) {
        let Ok(prefix) = Prefix::compile(&text) else { continue };
        if !texts.insert(text) {
            continue;
        }
        tried += 1;
        let score = Score::of(&prefix, &lines);
        let better = best.as_ref().is_none_or(|(other, kept, kept_derived)| {
            let simpler = sessions && prefix.fields.len() < kept.fields.len();
            score.beats(other, is_derived && !kept_derived, simpler)
        });
        if score.matched > 0 && better {
            best = Some((score, prefix, is_derived));
        }
    }
    let (score, prefix, is_derived) = best?;
    Some(Detection { prefix, matched: score.matched, lines: lines.len(), tried, is_derived })
}

/// The lines that could have a prefix, without what a carrier put in front.
fn sample_lines(sample: &[u8]) -> Vec<&[u8]> {
    let sample = sample.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(sample);
    let cut = sample.get(..SAMPLE_BYTES).unwrap_or(sample);
    // the last line may be cut, but one that is all there is counts
    let whole = match memchr::memrchr(b'\n', cut) {
        Some(feed) => cut.get(..feed).unwrap_or(cut),
        None => cut,
    };
    let line = |line| {
        let (_, _, line): (_, _, &[u8]) = opened(line);
        line.strip_suffix(b"\r").unwrap_or(line)
    };
    let lines = whole.split(|byte| *byte == b'\n').map(line);
    lines.filter(|line| !matches!(line.first(), None | Some(b'\t'))).take(SAMPLE_LINES).collect()
}

/// Where the word of a line is that any prefix might stand before.
fn word_column(line: &[u8]) -> Option<(usize, Word, usize)> {
    let window = line.get(..600).unwrap_or(line);
    let mut before = b' ';
    for (at, byte) in window.iter().enumerate() {
        let starts = byte.is_ascii_uppercase() || *byte >= 0xC3;
        if starts
            && matches!(before, b' ' | b':' | b']' | b'-' | b'|' | b',' | b';' | b'>' | b')' | b'"')
            && let Some((word, text)) = words::word(line.get(at..)?)
        {
            return Some((at, word, at + text));
        }
        before = *byte;
    }
    None
}

fn tells_of_a_session(line: &[u8]) -> bool {
    let Some((_, word, text)) = word_column(line) else { return false };
    let text = line.get(text..).unwrap_or_default();
    let starts = [&b"duration: "[..], b"statement: ", b"execute ", b"connection ", b"disconnection: "];
    matches!(word, Word::Part(Part::Statement)) || starts.iter().any(|start| text.starts_with(start))
}

/// How well a prefix reads a sample.
#[derive(Debug, Clone, Copy)]
struct Score {
    matched: usize,
    /// Fields that have a value, less those whose value shows that they were misread.
    filled: i64,
}

impl Score {
    fn of(prefix: &Prefix, lines: &[&[u8]]) -> Self {
        let mut score = Self { matched: 0, filled: 0 };
        let mut clock = Clock::default();
        for line in lines {
            let mut record = Record::default();
            let Some(head) = prefix.matches(line, &mut clock, &mut record) else { continue };
            // a date that is none
            if prefix.resolution().is_some() && record.time.is_none() {
                continue;
            }
            score.matched += 1;
            score.filled += agreement(&record, line.get(head.text..).unwrap_or_default());
            for field in &prefix.fields {
                let value = head.get(*field, line);
                score.filled += if value.is_empty() { 0 } else { 1 - 3 * i64::from(is_odd(*field, value)) };
            }
        }
        score
    }

    /// Reading more lines counts first, but for a few; then telling more. What was put together must be clearly better
    /// than what is known to be in use.
    fn beats(&self, other: &Self, is_derived: bool, simpler: bool) -> bool {
        let margin = other.matched.max(self.matched) / 50;
        if self.matched.abs_diff(other.matched) > margin {
            return self.matched > other.matched;
        }
        match is_derived {
            true => self.filled > other.filled + other.filled.abs() / 10,
            false => self.filled > other.filled || (self.filled == other.filled && simpler),
        }
    }
}

/// Whether the prefix says the same as a message that names the session's user and database.
fn agreement(record: &Record<'_>, message: &[u8]) -> i64 {
    if !message.starts_with(b"disconnection: session time: ") {
        return 0;
    }
    let said = |name: &[u8], value: &[u8]| {
        let at = memchr::memmem::find(message, name)?;
        Some(message.get(at + name.len()..)?.starts_with(value))
    };
    let weight = |name: &[u8], value: &[u8]| match (value, said(name, value)) {
        ([] | b"[unknown]", _) | (_, None) => 0,
        (_, Some(true)) => 1,
        (_, Some(false)) => -8,
    };
    // a name that is also the application's is no proof
    let application = match record.application {
        b"" => 0,
        name if name == record.user || name == record.database => 0,
        name if said(b" user=", name) == Some(true) || said(b" database=", name) == Some(true) => -8,
        _ => 0,
    };
    weight(b" user=", record.user) + weight(b" database=", record.database) + application
}

/// Whether a value looks as if it reached into its neighbours.
fn is_odd(field: Field, value: &[u8]) -> bool {
    let has = |bytes: &[u8]| value.iter().any(|byte| bytes.contains(byte));
    match field {
        Field::User | Field::Database => words::known(value) != b"[unknown]" && has(b"=,|[]@ "),
        Field::Application => has(b"=|"),
        Field::Host | Field::HostPort => !matches!(value, b"[local]") && has(b"=,|[] "),
        Field::BackendType | Field::CommandTag => has(b"=,|[]@:"),
        _ => false,
    }
}

/// Prefixes put together from the lines: what stands before the severity with every value that is recognised replaced by
/// its escape, the most frequent results first, with `%q` where the lines of other processes end early.
fn derive(lines: &[&[u8]]) -> Vec<String> {
    let mut heads = Vec::new();
    let mut own = std::collections::BTreeSet::new();
    for line in lines {
        let Some((at, _, text)) = word_column(line) else { continue };
        let Some(head) = line.get(..at).and_then(|head| std::str::from_utf8(head).ok()) else { continue };
        heads.push(head);
        // a word in front of what no session writes is the prefix's own
        if tells_of_no_session(line.get(text..).unwrap_or_default()) {
            own.extend(head.split(|char: char| !char.is_alphanumeric() && char != '_').map(str::to_owned));
        }
    }
    let mut derived: Vec<String> = Vec::new();
    for names in [['u', 'd', 'a'], ['d', 'u', 'a'], ['a', 'u', 'd'], ['u', 'a', 'd'], ['a', 'd', 'u'], ['d', 'a', 'u']]
    {
        let mut counts = std::collections::BTreeMap::<String, usize>::new();
        for head in &heads {
            *counts.entry(generalised(head, &names, &own)).or_default() += 1;
        }
        let mut texts: Vec<(String, usize)> = counts.into_iter().collect();
        texts.sort_by(|(text, count), (other, others)| others.cmp(count).then(text.cmp(other)));
        texts.truncate(6);
        for (long, _) in &texts {
            for (short, _) in &texts {
                let rest = long.strip_prefix(short.as_str());
                if let Some(rest) = rest.filter(|rest| rest.contains('%')) {
                    derived.push(format!("{short}%q{rest}"));
                }
            }
            derived.push(long.clone());
        }
    }
    derived
}

fn tells_of_no_session(text: &[u8]) -> bool {
    let starts = [
        &b"checkpoint "[..],
        b"automatic ",
        b"database system ",
        b"starting PostgreSQL",
        b"listening on ",
        b"received ",
        b"parameter \"",
    ];
    starts.iter().any(|start| text.starts_with(start))
}

/// Names that people give to the fields, and the escapes they mean.
static KEYS: &[(&str, char)] = &[
    ("user", 'u'),
    ("usr", 'u'),
    ("username", 'u'),
    ("role", 'u'),
    ("u", 'u'),
    ("db", 'd'),
    ("database", 'd'),
    ("dbname", 'd'),
    ("base", 'd'),
    ("datname", 'd'),
    ("d", 'd'),
    ("app", 'a'),
    ("appname", 'a'),
    ("application", 'a'),
    ("application_name", 'a'),
    ("a", 'a'),
    ("client", 'r'),
    ("host", 'r'),
    ("remote", 'r'),
    ("rhost", 'r'),
    ("addr", 'r'),
    ("ip", 'r'),
    ("h", 'r'),
    ("r", 'r'),
    ("connection_source", 'r'),
    ("pid", 'p'),
    ("p", 'p'),
    ("session", 'c'),
    ("session_id", 'c'),
    ("sess", 'c'),
    ("sid", 'c'),
    ("c", 'c'),
    ("line", 'l'),
    ("log_line", 'l'),
    ("l", 'l'),
    ("xid", 'x'),
    ("trx_id", 'x'),
    ("tx", 'x'),
    ("txid", 'x'),
    ("tid", 'x'),
    ("xact", 'x'),
    ("x", 'x'),
    ("vxid", 'v'),
    ("vtid", 'v'),
    ("v", 'v'),
    ("queryid", 'Q'),
    ("query_id", 'Q'),
    ("qid", 'Q'),
    ("q", 'Q'),
    ("sqlstate", 'e'),
    ("state", 'e'),
    ("err", 'e'),
    ("error", 'e'),
    ("code", 'e'),
    ("e", 'e'),
    ("cmd", 'i'),
    ("command", 'i'),
    ("tag", 'i'),
    ("ps", 'i'),
    ("backend", 'b'),
    ("backend_type", 'b'),
    ("type", 'b'),
    ("b", 'b'),
];

static BACKENDS: &[&str] = &[
    "client backend",
    "autovacuum launcher",
    "autovacuum worker",
    "background worker",
    "background writer",
    "checkpointer",
    "logical replication launcher",
    "logical replication worker",
    "parallel worker",
    "not initialized",
    "postmaster",
    "startup",
    "archiver",
    "walreceiver",
    "walsender",
    "walwriter",
];

static TAGS: &[&str] = &[
    "idle in transaction",
    "idle",
    "authentication",
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "PARSE",
    "BIND",
    "SET",
    "SHOW",
];

static APPLICATIONS: &[&str] =
    &["PostgreSQL JDBC Driver", "psql", "pgbench", "pg_dump", "pg_dumpall", "pg_restore", "pg_basebackup", "vacuumdb"];

/// What stands before a severity, with escapes for the values it is seen to have.
fn generalised(head: &str, names: &[char], own: &std::collections::BTreeSet<String>) -> String {
    let mut text = String::new();
    let mut rest = head;
    let mut names = names.iter();
    let mut has_time = false;
    let mut before = ' ';
    // the second half of a session's id is its pid, which tells the pid from the number of the line
    let session = head.char_indices().find_map(|(at, _)| {
        let (before, rest) = head.split_at_checked(at)?;
        if before.ends_with(|char: char| char.is_ascii_alphanumeric()) {
            return None;
        }
        let length = session_id(rest.as_bytes()).filter(|_| rest.as_bytes().get(8) == Some(&b'.'))?;
        u64::from_str_radix(rest.get(9..length)?, 16).ok()
    });
    let used = |text: &str, escape: char| text.contains(&format!("%{escape}"));
    while let Some(char) = rest.chars().next() {
        let fresh = !before.is_ascii_alphanumeric() && before != '_';
        let found = if fresh { value(rest, before) } else { None };
        let length = match found {
            Some(Value::Escape(escape, length)) => {
                let escape = match escape {
                    // a second time of whole seconds is when the session began
                    't' if has_time => 's',
                    other => other,
                };
                has_time |= matches!(escape, 't' | 'm' | 'n');
                text.push('%');
                text.push(escape);
                length
            }
            Some(Value::Key(escape, lead, length)) => {
                text.push_str(&rest.get(..lead).unwrap_or_default().replace('%', "%%"));
                text.push('%');
                text.push(escape);
                lead + length
            }
            Some(Value::UserAtDatabase(length)) => {
                text.push_str("%u@%d");
                length
            }
            Some(Value::Number(length)) => {
                let digits = rest.get(..length).unwrap_or_default();
                let number = digits.parse::<u64>().ok();
                let escape = match session {
                    _ if digits == "0" => 'x',
                    Some(_) if number == session && !used(&text, 'p') => 'p',
                    None if !used(&text, 'p') => 'p',
                    _ if !used(&text, 'l') => 'l',
                    _ => 'x',
                };
                // `[       588]`
                let spaces = text.len() - text.trim_end_matches(' ').len();
                let padded =
                    spaces > 1 && !matches!(text.trim_end_matches(' ').chars().next_back(), Some('0'..='9') | None);
                if padded {
                    text.truncate(text.len() - spaces);
                    text.push_str(&format!("%{}{escape}", length + spaces));
                } else {
                    text.push('%');
                    text.push(escape);
                }
                length
            }
            Some(Value::Name(length)) if own.contains(rest.get(..length).unwrap_or_default()) => {
                literal(&mut text, rest, length)
            }
            Some(Value::Name(length)) => match names.find(|name| !used(&text, **name) && !used_later(rest, **name)) {
                Some(escape) => {
                    let after = rest.get(length..).unwrap_or_default();
                    let spaces = after.len() - after.trim_start_matches(' ').len();
                    text.push('%');
                    // aligned to the left
                    let padding = spaces.saturating_sub(1);
                    if padding > 0 {
                        text.push_str(&format!("-{}", length + padding));
                    }
                    text.push(*escape);
                    length + padding
                }
                None => literal(&mut text, rest, length),
            },
            Some(Value::Literal(length)) => literal(&mut text, rest, length),
            None => literal(&mut text, rest, char.len_utf8()),
        };
        let taken = rest.get(..length).unwrap_or(rest);
        before = taken.chars().next_back().unwrap_or(before);
        rest = rest.get(length..).unwrap_or_default();
    }
    // the finer time is that of the line, whichever comes first
    if text.contains("%m") { text.replace("%t", "%s") } else { text }
}

/// Whether a name with a key comes later: `role=`.
fn used_later(rest: &str, escape: char) -> bool {
    rest.char_indices().any(|(at, _)| {
        let starts = rest.get(..at).and_then(|before| before.chars().next_back()).is_some_and(|c| !c.is_alphanumeric());
        starts && matches!(rest.get(at..).and_then(keyed), Some(Value::Key(found, _, _)) if found == escape)
    })
}

fn literal(text: &mut String, rest: &str, length: usize) -> usize {
    text.push_str(&rest.get(..length).unwrap_or_default().replace('%', "%%"));
    length
}

enum Value {
    Escape(char, usize),
    /// The escape, the length of the key with what is around it, the length of the value.
    Key(char, usize, usize),
    UserAtDatabase(usize),
    Number(usize),
    Name(usize),
    Literal(usize),
}

/// What kind of value a text begins with.
fn value(rest: &str, before: char) -> Option<Value> {
    let bytes = rest.as_bytes();
    for (millis, escape) in [(true, 'm'), (false, 't')] {
        if let Some(length) = timestamp(bytes, millis) {
            return Some(Value::Escape(escape, length));
        }
    }
    let word = word_length(rest);
    let ends = |length: usize| !bytes.get(length).is_some_and(u8::is_ascii_alphanumeric);
    if epoch_length(bytes) == Some(14) && digits(bytes) == Some(10) && ends(14) {
        return Some(Value::Escape('n', 14));
    }
    if let Some(length) = session_id(bytes).filter(|length| bytes.get(8) == Some(&b'.') && ends(*length)) {
        return Some(Value::Escape('c', length));
    }
    if let Some(key) = keyed(rest) {
        return Some(key);
    }
    if rest.starts_with("[local]") {
        return Some(Value::Escape('r', 7));
    }
    if let Some(length) = address(bytes, true).filter(|length| bytes.first() != Some(&b'[') && *length > 2) {
        let has_port = bytes.get(length - 1) == Some(&b')');
        return Some(Value::Escape(if has_port { 'r' } else { 'h' }, length));
    }
    let vxid = vxid(bytes);
    if vxid > 0 && ends(vxid) {
        return Some(Value::Escape('v', vxid));
    }
    let code = bytes.get(..5).filter(|_| ends(5)).is_some_and(|code| {
        let upper = code.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        let mixed = code.iter().any(u8::is_ascii_digit) && code.iter().any(u8::is_ascii_uppercase);
        code == b"00000" || (upper && mixed)
    });
    if code {
        return Some(Value::Escape('e', 5));
    }
    let digits = digits(bytes.strip_prefix(b"-").unwrap_or(bytes)).unwrap_or(0);
    if digits > 10 {
        return Some(Value::Escape('Q', digits + usize::from(bytes.first() == Some(&b'-'))));
    }
    if bytes.first().is_some_and(u8::is_ascii_digit) && ends(digits) {
        // `[12-1]`: the server has no such number, so people write one
        return Some(if before == '-' && rest.starts_with("1]") { Value::Literal(1) } else { Value::Number(digits) });
    }
    if let Some(at) = user_at_database(rest) {
        return Some(Value::UserAtDatabase(at));
    }
    for (names, escape) in [(BACKENDS, 'b'), (TAGS, 'i'), (APPLICATIONS, 'a')] {
        if let Some(name) = names.iter().find(|name| rest.starts_with(**name) && ends(name.len())) {
            return Some(Value::Escape(escape, name.len()));
        }
    }
    let unknown = rest.starts_with("[unknown]");
    match word {
        _ if unknown => Some(Value::Name(9)),
        0 => None,
        // `PG-`, `xid=`: words of the prefix itself
        _ if matches!(bytes.get(word), Some(b'-' | b'=' | b'(' | b'[')) => Some(Value::Literal(word)),
        _ if rest.get(word..).is_some_and(|rest| rest.starts_with(": ") || rest.starts_with(" =")) => {
            Some(Value::Literal(word))
        }
        _ => Some(Value::Name(word)),
    }
}

fn word_length(rest: &str) -> usize {
    let part = |char: &char| char.is_alphanumeric() || matches!(char, '_' | '.' | '$');
    let starts = rest.chars().next().is_some_and(|char| char.is_alphabetic() || char == '_');
    if starts { rest.chars().take_while(part).map(char::len_utf8).sum() } else { 0 }
}

/// `bob@shop`, or the two `[unknown]` before the login.
fn user_at_database(rest: &str) -> Option<usize> {
    let name = |rest: &str| match rest.starts_with("[unknown]") {
        true => 9,
        false => {
            let part = |char: &char| char.is_alphanumeric() || matches!(char, '_' | '.' | '$' | '-');
            rest.chars().take_while(part).map(char::len_utf8).sum()
        }
    };
    let user: usize = name(rest);
    let database = name(rest.get(user..)?.strip_prefix('@')?);
    (user > 0).then_some(user + 1 + database)
}

/// `user=bob`, `db: shop`, `pid="12"`.
fn keyed(rest: &str) -> Option<Value> {
    let word = word_length(rest);
    let key = rest.get(..word)?.to_ascii_lowercase();
    let (_, escape) = KEYS.iter().find(|(known, _)| *known == key)?;
    let after = rest.get(word..)?;
    let separator =
        ["=\"", " = \"", "=", " = ", ":\"", ": ", ":"].iter().find(|separator| after.starts_with(**separator))?;
    // a colon alone also ends a name
    if *separator == ": " && key.len() == 1 {
        return None;
    }
    let lead = word + separator.len();
    let value = rest.get(lead..)?;
    let quoted = separator.ends_with('"');
    let to = |ends: &[char]| value.find(ends).unwrap_or(value.len());
    let name = |names: &[&str]| names.iter().find(|name| value.starts_with(**name)).map(|name| name.len());
    let bytes = value.as_bytes();
    let length = match (*escape, quoted) {
        (_, true) => to(&['"']),
        _ if value.starts_with("[unknown]") => 9,
        _ if value.starts_with("[local]") => 7,
        ('p' | 'l' | 'x', _) => digits(bytes)?,
        ('c', _) => session_id(bytes)?,
        ('v', _) => vxid(bytes),
        ('b', _) if name(BACKENDS).is_some() => name(BACKENDS)?,
        ('i', _) if name(TAGS).is_some() => name(TAGS)?,
        // names of applications have spaces
        ('a' | 'i' | 'b', _) => {
            let enough = to(&[']', ')', '|', '"']);
            let inside = value.get(..enough).unwrap_or(value);
            next_key(inside).unwrap_or_else(|| if enough < value.len() { enough } else { to(&[',', ' ']) })
        }
        ('r', _) => match address(bytes, true) {
            Some(length) => length,
            None => to(&[',', ' ', ']', '|', ';']),
        },
        _ => to(&[',', ' ', ']', ')', '|', ';', ':']),
    };
    Some(Value::Key(*escape, lead, length))
}

/// Where the next `,key=` begins.
fn next_key(value: &str) -> Option<usize> {
    let found = value.match_indices([',', ' ', ';']).find(|(at, _)| {
        let rest = value.get(at + 1..).unwrap_or_default();
        let rest = rest.trim_start();
        let word = word_length(rest);
        word > 0 && rest.get(word..).is_some_and(|after| after.starts_with('='))
    });
    found.map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::record::Severity;
    use proptest::prelude::*;

    fn head(prefix: &str, line: &str) -> Option<(Head, String)> {
        let head = Prefix::compile(prefix).unwrap().head(line.as_bytes())?;
        Some((head, line[head.text..].to_owned()))
    }

    #[track_caller]
    fn reads(prefix: &str, line: &str, wanted: &[(Field, &str)]) {
        let (head, text) = head(prefix, line).unwrap_or_else(|| panic!("{prefix} does not read {line}"));
        assert_eq!(text, "x", "{line}");
        for (field, value) in wanted {
            assert_eq!(String::from_utf8_lossy(head.get(*field, line.as_bytes())), *value, "{field:?} of {line}");
        }
    }

    #[test]
    fn every_escape() {
        let all = "%a|%u|%d|%r|%h|%L|%b|%p|%P|%t|%m|%n|%Q|%i|%e|%c|%l|%s|%v|%x|%%|%z|";
        let line = "my app|bob|shop|127.0.0.1(35680)|[local]|::1|client backend|12|11|2026-11-22 02:00:16 UTC|\
            2026-11-22 02:00:16.670 UTC|1795312816.670|-77|UPDATE waiting|00000|67e5a4b1.1a2b|3|\
            2026-11-22 01:00:00 UTC|3/14|99|%||LOG:  x";
        reads(
            all,
            line,
            &[
                (Field::Application, "my app"),
                (Field::User, "bob"),
                (Field::Database, "shop"),
                (Field::HostPort, "127.0.0.1(35680)"),
                (Field::Host, "[local]"),
                (Field::LocalAddress, "::1"),
                (Field::BackendType, "client backend"),
                (Field::Pid, "12"),
                (Field::LeaderPid, "11"),
                (Field::Time, "2026-11-22 02:00:16 UTC"),
                (Field::TimeMillis, "2026-11-22 02:00:16.670 UTC"),
                (Field::TimeEpoch, "1795312816.670"),
                (Field::QueryId, "-77"),
                (Field::CommandTag, "UPDATE waiting"),
                (Field::SqlState, "00000"),
                (Field::SessionId, "67e5a4b1.1a2b"),
                (Field::SessionLine, "3"),
                (Field::SessionStart, "2026-11-22 01:00:00 UTC"),
                (Field::Vxid, "3/14"),
                (Field::Xid, "99"),
            ],
        );
        let mut record = Record::default();
        let prefix = Prefix::compile(all).unwrap();
        prefix.matches(line.as_bytes(), &mut Clock::default(), &mut record).unwrap();
        assert_eq!((record.time, record.pid, record.query_id), (Some(1_795_312_816_670_000), Some(12), Some(-77)));
        assert_eq!((record.session_line, record.severity), (Some(3), Severity::Log));
        assert_eq!(prefix.resolution(), Some(Resolution::Milliseconds));
        assert!(prefix.tells_sessions() && prefix.has(Field::Xid));
        assert_eq!(prefix.to_string(), all);
    }

    #[test]
    fn empty_fields_of_other_processes() {
        reads("%a|%u|%d|%r|%h|%b|%p|%P|%v|%i|LOG: |", "|||||checkpointer|12||||LOG: |ERROR:  x", &[(Field::Pid, "12")]);
    }

    #[test]
    fn percent_q_ends_early() {
        let prefix = "%m [%p] %q%u@%d ";
        reads(
            prefix,
            "2026-11-22 02:00:16.670 UTC [12] bob@shop LOG:  x",
            &[(Field::User, "bob"), (Field::Database, "shop")],
        );
        reads(prefix, "2026-11-22 02:00:16.670 UTC [12] LOG:  x", &[(Field::Pid, "12"), (Field::User, "")]);
        reads(prefix, "2026-11-22 02:00:16.670 UTC [12] [unknown]@[unknown] LOG:  x", &[(Field::User, "[unknown]")]);
        assert!(head(prefix, "2026-11-22 02:00:16.670 UTC [12] bob LOG:  x").is_none());
    }

    #[test]
    fn padding() {
        let prefix = "[%5p] [%-10u]%8d|";
        reads(
            prefix,
            "[   12] [bob       ]    shop|LOG:  x",
            &[(Field::Pid, "12"), (Field::User, "bob"), (Field::Database, "shop")],
        );
        reads(prefix, "[1234567] [bob smith the]a_long_name|LOG:  x", &[(Field::User, "bob smith the")]);
        reads("%-8p|", "12      |LOG:  x", &[(Field::Pid, "12")]);
        // what the server makes of a percent sign with padding, and of one at the end
        reads("%5%[%p]%", "[12]LOG:  x", &[(Field::Pid, "12")]);
        reads("%", "LOG:  x", &[]);
        reads("%-", "LOG:  x", &[]);
    }

    #[test]
    fn names_of_any_text() {
        let prefix = "%t [%p]: user=%u,db=%d,app=%a,client=%h ";
        let line = |user: &str, app: &str| {
            format!("2026-11-22 02:00:16 CEST [12]: user={user},db=s,app={app},client=[local] LOG:  x")
        };
        for (user, app) in [("b,db=c", "psql"), ("b", "a,client=b"), ("we ird] LOG:", "q LOG:y"), ("", "")] {
            let (_, text) = head(prefix, &line(user, app)).unwrap();
            assert_eq!(text, "x");
        }
        reads(prefix, &line("bob", "PostgreSQL JDBC Driver"), &[(Field::Application, "PostgreSQL JDBC Driver")]);
        reads("%u ", "we ird user LOG:  x", &[(Field::User, "we ird user")]);
        reads(
            "%a %h: ",
            "My App, x=1 [local]: LOG:  x",
            &[(Field::Application, "My App, x=1"), (Field::Host, "[local]")],
        );
    }

    #[test]
    fn hosts() {
        let prefix = "%t:%r:%u@%d:[%p]:";
        for host in
            ["127.0.0.1(35680)", "::1(5)", "fe80::1%eth0(5)", "db-1.example.com(35680)", "[local]", "10.0.0.1", ""]
        {
            let line = format!("2026-11-22 02:00:16 UTC:{host}:bob@shop:[12]:LOG:  x");
            reads(prefix, &line, &[(Field::HostPort, host), (Field::User, "bob"), (Field::Pid, "12")]);
        }
        reads("%h-%u-%d-%m ", "127.0.0.1-bob-shop-2026-11-22 02:00:16.670 UTC LOG:  x", &[(Field::Host, "127.0.0.1")]);
    }

    #[test]
    fn hosting_services() {
        reads(
            "%t:%r:%u@%d:[%p]:",
            "2020-03-11 20:40:43 CET::@:[12760]:LOG:  x",
            &[(Field::Pid, "12760"), (Field::User, "")],
        );
        reads("%t-%c-", "2026-11-22 02:00:16 UTC-67e5a4b1.1a2b-LOG:  x", &[(Field::SessionId, "67e5a4b1.1a2b")]);
    }

    #[test]
    fn a_prefix_without_its_last_space() {
        reads("%m [%p]", "2026-11-22 02:00:16.670 UTC [12] LOG:  x", &[(Field::Pid, "12")]);
        assert!(head("", " LOG:  x").is_none());
        assert!(head("%m [%p] ", "2026-11-22 02:00:16.670 UTC [12] log:  x").is_none());
    }

    #[test]
    fn texts_that_are_no_prefix() {
        assert_eq!(Prefix::compile("a\nb"), Err(PrefixError::Line));
        assert_eq!(Prefix::compile(&"%u ".repeat(100)), Err(PrefixError::Long));
        assert_eq!(Prefix::compile(&"x".repeat(5000)), Err(PrefixError::Long));
    }

    #[test]
    fn times() {
        let micros = |text: &str| Clock::default().read(text.as_bytes());
        let utc = 1_795_312_816_670_000;
        assert_eq!(micros("2026-11-22 02:00:16.670 UTC"), Some(utc));
        assert_eq!(micros("2026-11-22 02:00:16 GMT"), Some(utc - 670_000));
        for (zone, minutes) in [
            ("+03", 180),
            ("-0330", -210),
            ("+05:30", 330),
            ("CET", 60),
            ("CEST", 120),
            ("PST", -480),
            ("MSK", 180),
            ("JST", 540),
        ] {
            assert_eq!(micros(&format!("2026-11-22 02:00:16.670 {zone}")), Some(utc - minutes * 60_000_000), "{zone}");
        }
        for wrong in ["2026-13-22 02:00:16 UTC", "2026-02-30 02:00:16 UTC", "2026-11-22 25:00:16 UTC", "", "2026"] {
            assert_eq!(micros(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_clock_keeps_its_second() {
        let mut clock = Clock::default();
        for (text, wanted) in [
            ("2026-11-22 02:00:16.670 UTC", 1_795_312_816_670_000),
            ("2026-11-22 02:00:16.671 UTC", 1_795_312_816_671_000),
            ("2026-11-22 02:00:16.671 CET", 1_795_309_216_671_000),
            ("2026-11-22 02:00:17.000 CET", 1_795_309_217_000_000),
            ("2026-11-22 02:00:17 CET", 1_795_309_217_000_000),
        ] {
            assert_eq!(clock.read(text.as_bytes()), Some(wanted), "{text}");
        }
        // a date that is none is not taken for the one before
        assert_eq!(clock.read(b"2026-99-22 02:00:17 CET"), None);
        assert_eq!(clock.read(b"2026-99-22 02:00:17 CET"), None);
    }

    #[test]
    fn zones_that_do_not_tell() {
        let mut clock = Clock::default();
        assert_eq!(clock.read(b"2026-11-22 02:00:16 IST"), Some(1_795_312_816_000_000));
        assert_eq!(clock.unknown_zones().collect::<Vec<_>>(), ["IST"]);
        let fixed = TimeZone::fixed(jiff::tz::offset(5));
        let mut clock = Clock::new(Some(fixed));
        assert_eq!(clock.read(b"2026-11-22 02:00:16 IST"), Some(1_795_312_816_000_000 - 5 * 3_600_000_000));
        assert_eq!(clock.read(b"2026-11-22 02:00:16 UTC"), Some(1_795_312_816_000_000));
        assert_eq!(clock.unknown_zones().count(), 0);
        // the zone's own abbreviation tells which of the two hours of autumn it is
        let zone = TimeZone::posix("CST6CDT,M3.2.0,M11.1.0").unwrap();
        let mut clock = Clock::new(Some(zone));
        let summer = clock.read(b"2026-11-01 01:30:00 CDT").unwrap();
        assert_eq!(clock.read(b"2026-11-01 01:30:00 CST"), Some(summer + 3_600_000_000));
    }

    #[test]
    fn envelopes() {
        let (envelope, skipped, line) = opened(b"\x01-5\x1f7\x1fFF\x02LOG:  x");
        let envelope = envelope.unwrap();
        assert_eq!((envelope.time, envelope.pid, envelope.stream), (Some(-5), Some(7), 255));
        assert_eq!((skipped, line), (9, &b"LOG:  x"[..]));
        for broken in [&b"\x01LOG"[..], b"\x01\x02x", b"\x011\x1f2\x02x"] {
            assert!(opened(broken).0.is_none());
        }
        assert_eq!(opened(b"\0\0x").1, 2);
    }

    fn found(log: &str) -> Option<(String, bool)> {
        detect(log.as_bytes()).map(|found| (found.prefix.as_str().to_owned(), found.is_derived))
    }

    /// Lines of some sessions and of the server itself, as a prefix would make them.
    fn written(prefix: &str) -> String {
        let mut log = String::new();
        for i in 0..12 {
            let session = i % 3 != 2;
            let until = if session { None } else { prefix.find("%q") };
            let text = until.map_or(prefix, |until| &prefix[..until]);
            let pid = if session { 4000 + i % 3 } else { 77 };
            let of = |value: &'static str| if session { value } else { "" };
            let made = text
                .replace("%q", "")
                .replace("%m", &format!("2026-11-22 02:00:{:02}.{:03} UTC", 10 + i, 100 + i))
                .replace("%t", &format!("2026-11-22 02:00:{:02} UTC", 10 + i))
                .replace("%n", &format!("17953128{:02}.123", 10 + i))
                .replace("%s", "2026-11-22 01:00:00 UTC")
                .replace("%p", &pid.to_string())
                .replace("%c", &format!("67e5a4b1.{pid:x}"))
                .replace("%l", &(i + 1).to_string())
                .replace("%u", of("bob"))
                .replace("%d", of("shop"))
                .replace("%a", of("PostgreSQL JDBC Driver"))
                .replace("%h", of("10.0.0.7"))
                .replace("%r", of("10.0.0.7(4242)"))
                .replace("%v", of("3/14"))
                .replace("%x", "0")
                .replace("%e", "00000")
                .replace("%Q", "-6543210987654321098")
                .replace("%b", if session { "client backend" } else { "checkpointer" })
                .replace("%i", of("SELECT"))
                .replace("%%", "%");
            let message = match (session, i) {
                (false, _) => "LOG:  checkpoint starting: time",
                (true, 9..) => {
                    "LOG:  disconnection: session time: 0:00:01.000 user=bob database=shop host=10.0.0.7 port=4242"
                }
                (true, _) => "LOG:  duration: 1.000 ms  statement: select\n\t1",
            };
            log.push_str(&format!("{made}{message}\n"));
        }
        log
    }

    #[test]
    fn known_prefixes_are_found() {
        for prefix in [
            "%m [%p] %q%u@%d ",
            "%m [%p] ",
            "%t:%r:%u@%d:[%p]:",
            "%t-%c-",
            "",
            "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
            "%m [%p] %q[user=%u,db=%d,app=%a] ",
            "%t [%p-%l] %q%u@%d ",
            "%p-%s-%c-%l-%h-%u-%d-%m ",
        ] {
            assert_eq!(found(&written(prefix)), Some((prefix.to_owned(), false)), "{}", written(prefix));
        }
    }

    #[test]
    fn unknown_prefixes_are_put_together() {
        for prefix in [
            "srv %m pid:%p/%l role=%u base=%d state=%e type=%b > ",
            "%t %u@%d(%p) tx:%x q:%Q ps:\"%i\" ",
            "[%m] {%a} %p: ",
            "%m;%p;%u;%d;%e;",
            "{%c} <%l> %d/%u %s %m - ",
            "%m %% [%p] %q(%u) ",
        ] {
            assert_eq!(found(&written(prefix)), Some((prefix.to_owned(), true)), "{}", written(prefix));
        }
    }

    #[test]
    fn nothing_to_find() {
        assert!(detect(b"").is_none());
        assert!(detect(b"hello\nworld\n").is_none());
        assert!(detect(&[0xff, 0, 1, 2, b'\n'].repeat(100)).is_none());
    }

    #[test]
    fn one_line_without_an_end_is_enough() {
        let one = "2026-11-22 02:00:16.670 UTC [12] bob@shop LOG:  duration: 1.0 ms  statement: select";
        let detection = detect(one.as_bytes()).unwrap();
        assert_eq!((detection.prefix.as_str(), detection.matched, detection.lines), ("%m [%p] %q%u@%d ", 1, 1));
        assert!((detection.share() - 1.0).abs() < f64::EPSILON && detection.tried > KNOWN.len() / 2);
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(prefix in "(%-?[0-9]{0,3}[a-zA-Z%]|[ \\[\\]:,|a-z]){0,12}", line in "[ -~é]{0,80}(LOG:  )?[ -~]{0,20}") {
            if let Ok(prefix) = Prefix::compile(&prefix) {
                let mut record = Record::default();
                if let Some(head) = prefix.matches(line.as_bytes(), &mut Clock::default(), &mut record) {
                    prop_assert!(head.text <= line.len());
                }
            }
            let _ = detect(line.as_bytes());
        }

        #[test]
        fn times_come_back(second in 0i64..4_102_444_800, milli in 0i64..1000) {
            let time = jiff::Timestamp::from_microsecond(second * 1_000_000 + milli * 1000).unwrap();
            let text = time.strftime("%Y-%m-%d %H:%M:%S.%3f UTC").to_string();
            prop_assert_eq!(timestamp(text.as_bytes(), true), Some(text.len()));
            prop_assert_eq!(Clock::default().read(text.as_bytes()), Some(time.as_microsecond()));
        }

        #[test]
        fn only_dates_are_dates(text in "[0-9:. -]{19,23} UTC") {
            let looks = |i: usize, byte: u8| match i {
                4 | 7 => byte == b'-',
                10 => byte == b' ',
                13 | 16 => byte == b':',
                _ => byte.is_ascii_digit(),
            };
            let date = text.bytes().take(19).enumerate().all(|(i, byte)| looks(i, byte)) && text.as_bytes()[19] == b' ';
            prop_assert_eq!(date_length(text.as_bytes(), false).is_some(), date);
        }
    }
}
