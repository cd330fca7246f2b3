//! The lexer in front of everything: one pass over the bytes of a statement gives the hash of its shape, the values that
//! were in it, and its comments. It follows PostgreSQL's lexical rules, allocates nothing per statement, and knows no grammar
//! but this:
//!
//! * A *slot* is where a value stands: a literal, a parameter, the `?` of an old driver. A sign that can only be a number's
//!   own belongs to it. The shape is everything else: words in lower case, quoted names and operators as they are.
//! * A list of two or more members after `IN` or in `ARRAY[…]` is one slot whatever its length; the arguments of a function
//!   are from seventeen on. Members are literals, parameters, `NULL`, booleans, `DEFAULT`, signed or cast or typed, and
//!   tuples of these. A list of one keeps its slot, since that is how mappers write a look-up.
//! * Rows of `VALUES` that look alike are written once, from two rows on; each of their slots stands for its column. In a
//!   row `NULL`, `TRUE` and `FALSE` are slots: a driver that writes values into the text would make a shape for every
//!   pattern of them.
//! * `/*, ... */` after a member or a row says that there were more, as pg_stat_statements writes from 18 on.
//! * The numbers of `varchar(20)` belong to the type, names of savepoints, cursors and deallocated statements to nobody.
//!
//! `"id"` and `id` are two shapes: which quoted names may go unquoted depends on the server's keywords, and one program
//! writes one of them. pg_query's fingerprint, made once per shape, joins them again.

use std::borrow::Cow;
use std::ops::Range;

/// How many slots of a statement are kept; the values of those beyond go into the last one's.
pub const SLOTS: usize = 64;

/// How many comments of a statement are kept: the first ones and the very last.
const COMMENTS: usize = 16;

/// How deep lists may nest.
const FRAMES: usize = 32;

/// From how many arguments on a call is a list.
const ARGUMENTS: u32 = 17;

/// How many kinds of rows of one `VALUES` are told apart.
const PATTERNS: usize = 16;

/// Slots held while it is not known yet whether they are a list's; values beyond only change a hash.
const HELD: usize = 1024;

/// What pg_stat_statements writes for the rest of a list.
const MORE: &[u8] = b"/*, ... */";

/// What a value is known by: whole numbers exactly, all else as a hash. In memory only, never stored, never printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotValue(u64);

impl SlotValue {
    /// `NULL`, written so.
    pub const NULL: Self = Self(0x6e75_6c6c_b5ad_4ecf);

    /// The value of the text of a literal or a parameter: `5` and `'5'` are the same.
    fn of(text: &[u8]) -> Self {
        if text.len() <= 8 {
            return Self::of_word(load(text, 0), text.len());
        }
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        match digits {
            [b'1'..=b'9', ..] if digits.len() <= 18 => match decimal(digits) {
                Some(number) => Self::integer(number, digits.len() < text.len()),
                None => Self(hash(text) | 1),
            },
            _ => Self(hash(text) | 1),
        }
    }

    /// The same of up to eight bytes.
    #[inline(always)]
    fn of_word(text: u64, length: usize) -> Self {
        let is_negative = text as u8 == b'-';
        let (digits, count) = if is_negative { (text >> 8, length - 1) } else { (text, length) };
        let is_canonical = match digits as u8 {
            b'0' => count == 1 && !is_negative,
            b'1'..=b'9' => true,
            _ => false,
        };
        if is_canonical && digits_length(digits) >= count {
            return Self::integer(eight_digits(digits, count), is_negative);
        }
        Self(fold(fold(text ^ SEED, QUOTED) ^ length as u64, WORD) | 1)
    }

    fn integer(number: u64, negative: bool) -> Self {
        // at most 18 digits: fits into 60 bits
        let number = number << 1;
        Self(if negative { number.wrapping_neg() } else { number })
    }

    /// The number, if it was a whole number of at most 18 digits, quoted or not.
    pub fn as_integer(self) -> Option<i64> {
        (self.0 & 1 == 0).then_some(self.0.cast_signed() >> 1)
    }

    /// The value of two values, in this order: for the identity of a whole vector.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        Self(fold(fold(self.0 ^ SEED, WORD) ^ next.0, MORE_OF_WORD) | 1)
    }

    /// 64 bits, equal for equal values; not to be stored, since a value can be guessed from it.
    pub fn bits(self) -> u64 {
        self.0
    }
}

/// What stands in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SlotKind {
    /// A whole number.
    Integer,
    /// A number with a point or an exponent.
    Number,
    /// A string, however quoted.
    String,
    /// `B'…'` or `X'…'`.
    Bits,
    /// `NULL`, `TRUE` or `FALSE` in a row of `VALUES`.
    Word,
    /// `$n`; 0 is a `?`.
    Parameter(u16),
    /// A list, or a column of several rows of `VALUES`.
    List {
        /// Members, or rows.
        members: u32,
    },
}

/// One slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The value; of a list, that of its members in order. Of a parameter only which parameter it is.
    pub value: SlotValue,
    /// What stands there.
    pub kind: SlotKind,
}

/// The first word of a statement, behind parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(missing_docs, reason = "each is the word")]
pub enum Verb {
    /// There is no word.
    #[default]
    None,
    Select,
    Insert,
    Update,
    Delete,
    Merge,
    With,
    Values,
    Table,
    Begin,
    Start,
    Commit,
    End,
    Rollback,
    Abort,
    Savepoint,
    Release,
    Prepare,
    Execute,
    Deallocate,
    Declare,
    Fetch,
    Move,
    Close,
    Set,
    Reset,
    Show,
    Discard,
    Listen,
    Unlisten,
    Notify,
    Lock,
    Copy,
    Call,
    Do,
    Explain,
    Vacuum,
    Analyze,
    Truncate,
    Create,
    Alter,
    Drop,
    /// Any other word.
    Other,
}

impl Verb {
    fn of(word: u64) -> Self {
        const WORDS: [(u64, Verb); 41] = [
            (pack(b"select"), Verb::Select),
            (pack(b"insert"), Verb::Insert),
            (pack(b"update"), Verb::Update),
            (pack(b"delete"), Verb::Delete),
            (pack(b"begin"), Verb::Begin),
            (pack(b"commit"), Verb::Commit),
            (pack(b"with"), Verb::With),
            (pack(b"set"), Verb::Set),
            (pack(b"rollback"), Verb::Rollback),
            (pack(b"end"), Verb::End),
            (pack(b"merge"), Verb::Merge),
            (pack(b"values"), Verb::Values),
            (pack(b"table"), Verb::Table),
            (pack(b"start"), Verb::Start),
            (pack(b"abort"), Verb::Abort),
            (pack(b"savepoint"), Verb::Savepoint),
            (pack(b"release"), Verb::Release),
            (pack(b"prepare"), Verb::Prepare),
            (pack(b"execute"), Verb::Execute),
            (pack(b"deallocate"), Verb::Deallocate),
            (pack(b"declare"), Verb::Declare),
            (pack(b"fetch"), Verb::Fetch),
            (pack(b"move"), Verb::Move),
            (pack(b"close"), Verb::Close),
            (pack(b"reset"), Verb::Reset),
            (pack(b"show"), Verb::Show),
            (pack(b"discard"), Verb::Discard),
            (pack(b"listen"), Verb::Listen),
            (pack(b"unlisten"), Verb::Unlisten),
            (pack(b"notify"), Verb::Notify),
            (pack(b"lock"), Verb::Lock),
            (pack(b"copy"), Verb::Copy),
            (pack(b"call"), Verb::Call),
            (pack(b"do"), Verb::Do),
            (pack(b"explain"), Verb::Explain),
            (pack(b"vacuum"), Verb::Vacuum),
            (pack(b"analyze"), Verb::Analyze),
            (pack(b"truncate"), Verb::Truncate),
            (pack(b"create"), Verb::Create),
            (pack(b"alter"), Verb::Alter),
            (pack(b"drop"), Verb::Drop),
        ];
        match word {
            0 => Self::None,
            word => WORDS.iter().find(|(known, _)| *known == word).map_or(Self::Other, |(_, verb)| *verb),
        }
    }

    /// Whether such a statement is planned, as far as its first word tells.
    pub fn is_planned(self) -> bool {
        matches!(
            self,
            Self::Select
                | Self::Insert
                | Self::Update
                | Self::Delete
                | Self::Merge
                | Self::With
                | Self::Values
                | Self::Table
        )
    }

    /// Whether names in such a statement are made up by a driver as it goes, numbered more often than not.
    fn has_throwaway_names(self) -> bool {
        matches!(
            self,
            Self::Savepoint
                | Self::Release
                | Self::Rollback
                | Self::Deallocate
                | Self::Close
                | Self::Fetch
                | Self::Move
                | Self::Declare
        )
    }
}

/// A statement as the lexer saw it, until it sees the next.
#[derive(Debug, Clone, Copy)]
pub struct Lexed<'a> {
    /// The hash of the shape: equal for statements that differ in values, list lengths, white space, comments and case only.
    pub shape: u64,
    /// The first [`SLOTS`] slots in order.
    pub slots: &'a [Slot],
    /// Block comments as byte ranges of the text, delimiters included, in order.
    pub comments: &'a [Range<usize>],
    /// Whether it ends inside a quote, a dollar quote or a comment: the text was cut short.
    pub is_truncated: bool,
    /// Whether a value stands in the text itself.
    pub has_literals: bool,
    /// Statements between semicolons that are not empty.
    pub statements: u32,
    /// The first word.
    pub verb: Verb,
}

/// Holds the buffers that are used again for every statement.
#[derive(Debug, Default)]
pub struct Lexer {
    slots: Vec<Slot>,
    comments: Vec<Range<usize>>,
    /// What the parts of a string constant come to, where they are not one slice of the text.
    scratch: Vec<u8>,
    /// The values of slots that were not kept, or 0.
    overflow: u64,
    has_literals: bool,
    is_truncated: bool,
    verb: Verb,
    mode: u8,
    sign: Sign,
    /// The token before the last opening parenthesis.
    before_open: u64,
    /// Whether the parenthesis that is open is a type's.
    in_type_modifier: bool,
    frames: Vec<Frame>,
    list: ListState,
    rows: Rows,
}

/// In the rows of a `VALUES`.
const ROWS: u8 = 1;
/// In what may be a list.
const LISTS: u8 = 2;
/// Names that are nobody's, to the end of the statement.
const NAMES: u8 = 4;
/// The next name is nobody's.
const NAME: u8 = 8;
/// The statement has no word yet.
const HEAD: u8 = 16;

/// A sign that may belong to the number that follows.
#[derive(Debug, Clone, Copy, Default)]
struct Sign {
    hash: u64,
    text: Mark,
    before: u64,
    is_minus: bool,
}

/// A parenthesis or bracket with nothing but members of a list in it so far.
#[derive(Debug, Clone, Copy)]
struct Frame {
    hash: u64,
    text: Mark,
    slots: usize,
    overflow: u64,
    value: u64,
    members: u32,
    /// From how many members on it is one slot.
    minimum: u32,
    is_cast: bool,
    has_more: bool,
}

/// What may come next in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum ListState {
    /// A member.
    #[default]
    Member,
    /// A comma, a cast, the end.
    After,
    /// The first word of a type.
    Type,
    /// More of a type, or what comes after a member.
    InType,
    /// In the parentheses or brackets of a type.
    InModifier,
    /// The string of `date '…'`.
    TypedString,
    /// The bracket of `ARRAY[…]` or the parenthesis of `ROW(…)`.
    Open,
    /// The parenthesis of `CAST(…)`.
    OpenCast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Slot(Slot),
    Word(u64),
    Name,
    Open(u8),
    Close,
    Comma,
    Cast,
    Dot,
    Sign,
    More,
    Other,
}

#[derive(Debug, Default)]
struct Rows {
    /// The hash before the first row.
    hash: u64,
    depth: u32,
    count: u32,
    has_more: bool,
    /// Where the slots of this row begin.
    slots: usize,
    /// The text before this row and its comma.
    text: Mark,
    patterns: Vec<Pattern>,
}

/// What rows look like that differ in values only.
#[derive(Debug, Clone, Copy)]
struct Pattern {
    hash: u64,
    slots: usize,
    end: usize,
    rows: u32,
}

// --- hashing -------------------------------------------------------------------------------------------------------

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
/// Odd constants without a pattern; each tells another kind of token.
const WORD: u64 = 0xa076_1d64_78bd_642f;
const MORE_OF_WORD: u64 = 0xe703_7ed1_a0b4_28db;
const QUOTED: u64 = 0x8ebc_6af0_9c88_c6e3;
const ROW: u64 = 0x5899_65cc_7537_4cc3;

/// Both halves of a product, the one mixed into the other: every bit of either factor reaches every bit of the result.
#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// 64 bits of a text, in steps of 16 bytes.
fn hash(text: &[u8]) -> u64 {
    let mut state = SEED ^ (text.len() as u64).wrapping_mul(ROW);
    let mut rest = text;
    while let Some((pair, after)) = rest.split_first_chunk::<16>() {
        let pair = u128::from_le_bytes(*pair);
        state = fold((pair as u64) ^ state, ((pair >> 64) as u64) ^ QUOTED);
        rest = after;
    }
    state = fold(load(rest, 0) ^ state, load(rest, 8) ^ MORE_OF_WORD);
    fold(state, WORD)
}

// --- eight bytes at a time -----------------------------------------------------------------------------------------

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The eight bytes from a place on, the first one lowest; zeros after the end.
#[inline(always)]
fn load(text: &[u8], at: usize) -> u64 {
    match text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => load_tail(text, at),
    }
}

#[inline(never)]
fn load_tail(text: &[u8], at: usize) -> u64 {
    let rest = text.len().saturating_sub(at);
    if rest == 0 {
        return 0;
    }
    match text.last_chunk::<8>() {
        // fewer than eight are left, so the shift is one of 8 to 56
        Some(chunk) => u64::from_le_bytes(*chunk) >> (8 * (8 - rest.min(7))),
        None => text.get(at..).map_or(0, load_short),
    }
}

/// Fewer than eight bytes, but not none: two loads that overlap.
fn load_short(text: &[u8]) -> u64 {
    let shift = |bytes: usize| 8 * (text.len() - bytes);
    match (text.first_chunk::<4>(), text.last_chunk::<4>(), text) {
        (Some(first), Some(last), _) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << shift(4)
        }
        (_, _, [first, second, third]) => u64::from_le_bytes([*first, *second, *third, 0, 0, 0, 0, 0]),
        (_, _, [first, second]) => u64::from_le_bytes([*first, *second, 0, 0, 0, 0, 0, 0]),
        (_, _, [first, ..]) => u64::from(*first),
        _ => 0,
    }
}

/// The lowest bytes.
#[inline(always)]
fn keep(word: u64, bytes: usize) -> u64 {
    match bytes {
        8.. => word,
        bytes => word & !(u64::MAX << (8 * bytes)),
    }
}

/// The high bit of the first byte that is this one; bits above it mean nothing.
#[inline(always)]
fn first_of(word: u64, byte: u8) -> u64 {
    let differs = word ^ (ONES * u64::from(byte));
    differs.wrapping_sub(ONES) & !differs & HIGH
}

/// How many bytes precede the lowest high bit.
#[inline(always)]
fn bytes_before(bits: u64) -> usize {
    (bits.trailing_zeros() / 8) as usize
}

/// The bytes that precede the lowest high bit.
#[inline(always)]
fn keep_before(word: u64, bits: u64) -> u64 {
    word & ((bits & bits.wrapping_neg()) >> 7).wrapping_sub(1)
}

/// The high bits of those of the eight bytes that cannot stand in an unquoted name.
#[inline(always)]
fn no_name(word: u64) -> u64 {
    let low = word & !HIGH;
    let letter = low | (ONES * 0x20);
    // adding up to 0x80 sets the high bit of every byte from a bound on, without a carry
    let letters = (letter + ONES * 0x1f) & !(letter + ONES * 0x05);
    let digits = (low + ONES * 0x50) & !(low + ONES * 0x46);
    let underscores = !((low ^ (ONES * 0x5f)) + ONES * 0x7f);
    let dollars = !((low ^ (ONES * 0x24)) + ONES * 0x7f);
    !(letters | digits | underscores | dollars | word) & HIGH
}

/// Sets the case bit of every ASCII byte: letters become lower case, `_` becomes 0x7f, which nothing else does.
#[inline(always)]
const fn lower(word: u64) -> u64 {
    word | ((!word & HIGH) >> 2)
}

/// A keyword as the lexer holds the first eight bytes of a word.
const fn pack(word: &[u8]) -> u64 {
    let (mut packed, mut at) = (0, 0);
    while at < word.len() && at < 8 {
        packed |= (word[at] as u64 | 0x20) << (8 * at);
        at += 1;
    }
    packed
}

/// Keywords, with a space between them.
const fn words<const N: usize>(list: &str) -> [u64; N] {
    let list = list.as_bytes();
    let mut words = [0; N];
    let (mut word, mut start, mut at) = (0, 0, 0);
    while at <= list.len() {
        if at == list.len() || list[at] == b' ' {
            words[word] = pack(list.split_at(at).0.split_at(start).1);
            word += 1;
            start = at + 1;
        }
        at += 1;
    }
    assert!(word == N, "as many as there are");
    words
}

/// How many of the eight bytes are digits, from the first on.
#[inline(always)]
fn digits_length(word: u64) -> usize {
    let digits = word ^ (ONES * 0x30);
    bytes_before((digits.wrapping_add(ONES * 0x76) | digits) & HIGH)
}

/// The number that up to eight digits stand for.
#[inline(always)]
fn eight_digits(word: u64, length: usize) -> u64 {
    if length == 0 {
        return 0;
    }
    let digits = (word ^ (ONES * 0x30)) << (64 - 8 * length);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

/// Up to 18 digits as a number.
fn decimal(digits: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    let mut at = 0;
    while at < digits.len() {
        let length = (digits.len() - at).min(8);
        let word = load(digits, at);
        if digits_length(word) < length {
            return None;
        }
        number = number * 10_u64.pow(length as u32) + eight_digits(word, length);
        at += length;
    }
    Some(number)
}

/// Where the next such byte is.
fn find(text: &[u8], from: usize, byte: u8) -> Option<usize> {
    let mut at = from;
    while at < text.len() {
        match first_of(load(text, at), byte) {
            0 => at += 8,
            found => return Some(at + bytes_before(found)),
        }
    }
    None
}

// --- byte classes --------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    Word,
    Digit,
    Quote,
    DoubleQuote,
    Dollar,
    Operator,
    Open,
    Close,
    Comma,
    Dot,
    Colon,
    Semicolon,
    Other,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => Class::Space,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => Class::Word,
            b'0'..=b'9' => Class::Digit,
            b'\'' => Class::Quote,
            b'"' => Class::DoubleQuote,
            b'$' => Class::Dollar,
            b'~' | b'!' | b'@' | b'#' | b'^' | b'&' | b'|' | b'`' | b'?' | b'+' | b'-' | b'*' | b'/' | b'%' | b'<'
            | b'>' | b'=' => Class::Operator,
            b'(' | b'[' => Class::Open,
            b')' | b']' => Class::Close,
            b',' => Class::Comma,
            b'.' => Class::Dot,
            b':' => Class::Colon,
            b';' => Class::Semicolon,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

#[inline(always)]
fn class(byte: u8) -> Class {
    CLASSES[usize::from(byte)]
}

/// The class of the byte at a place; [`Class::Other`] after the end.
#[inline(always)]
fn class_at(text: &[u8], at: usize) -> Class {
    text.get(at).map_or(Class::Other, |byte| class(*byte))
}

// --- tokens, as one number each: a word is its first eight bytes, punctuation itself ------------------------------------

const START: u64 = 1;
const SLOT: u64 = 2;
const NAME_TOKEN: u64 = 3;
const SIGN: u64 = 4;
const ROW_OPEN: u64 = 5;
const SOME_ROWS: u64 = 6;
const ONE_ROW: u64 = 7;
const LIST: u64 = 8;
const OPEN: u64 = b'(' as u64;
const OPEN_BRACKET: u64 = b'[' as u64;
const CLOSE: u64 = b')' as u64;
const CLOSE_BRACKET: u64 = b']' as u64;
const COMMA: u64 = b',' as u64;
const SEMICOLON: u64 = b';' as u64;

const IN: u64 = pack(b"in");
const VALUES: u64 = pack(b"values");
const ARRAY: u64 = pack(b"array");

/// Whether a value may follow this token, so that a sign before a number is the number's and a `?` a placeholder.
fn expects_value(token: u64) -> bool {
    const WORDS: [u64; 31] = words(
        "select distinct all where and or not on having by between like ilike similar to when then else \
         case limit offset returning from for set default values in using increment with",
    );
    match token {
        SLOT | NAME_TOKEN | LIST | CLOSE | CLOSE_BRACKET => false,
        token if class(token as u8) == Class::Word => WORDS.contains(&token),
        _ => true,
    }
}

/// Whether a number in parentheses after this word belongs to the type, or to the precision of a time. None of these can be
/// the name of a function.
fn takes_modifier(token: u64) -> bool {
    const WORDS: [u64; 16] = words(
        "varchar char character varying nchar bpchar numeric decimal dec timestamp time interval second \
         float bit timetz",
    );
    // `current_timestamp(3)`, `localtime(3)`
    WORDS.contains(&token) || token == pack(b"current_t") || token == pack(b"localtime")
}

/// Whether a string after this word is a literal of that type.
fn is_type(token: u64) -> bool {
    const WORDS: [u64; 30] = words(
        "date time timetz timestamp interval uuid text varchar char character json jsonb inet cidr bytea \
         numeric decimal int integer int2 int4 int8 bigint smallint float8 float4 double boolean bool \
         point",
    );
    WORDS.contains(&token)
}

/// Whether this word may go on a type, or the literal of an interval.
fn continues_type(token: u64) -> bool {
    const WORDS: [u64; 13] = words("precision varying with without time zone year month day hour minute second to");
    WORDS.contains(&token)
}

/// Whether this word of a statement with throw-away names is the statement's own.
fn is_of_the_statement(token: u64) -> bool {
    const WORDS: [u64; 25] = words(
        "savepoint release rollback deallocate close fetch move declare work transaction to and no chain \
         prepared prepare all next prior first last absolute relative forward backward",
    );
    WORDS.contains(&token) || token == pack(b"from") || token == IN
}

fn is_null_or_boolean(token: u64) -> bool {
    const TRUE: u64 = pack(b"true");
    const FALSE: u64 = pack(b"false");
    const NULL: u64 = pack(b"null");
    matches!(token, NULL | TRUE | FALSE)
}

/// The value of a word that stands for one.
fn word_value(token: u64) -> SlotValue {
    if token == pack(b"null") { SlotValue::NULL } else { SlotValue(fold(token ^ SEED, QUOTED) | 1) }
}

// --- the text of the shape ---------------------------------------------------------------------------------------------

/// What a token is to the one beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    #[default]
    Start,
    Word,
    /// A word before a parenthesis that is not the name of a function.
    Keyword,
    Name,
    Slot,
    Open,
    Close,
    Comma,
    Dot,
    Cast,
    Colon,
    Operator,
    Semicolon,
    Other,
}

/// A place in the text that it can be taken back to.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    length: usize,
    slots: u32,
    last: Kind,
}

/// Where the text of the shape goes, if anybody wants it.
trait Text {
    /// Whether anybody does.
    const IS_WANTED: bool;
    fn token(&mut self, _kind: Kind, _bytes: &[u8]) {}
    fn slot(&mut self, _kind: SlotKind) {}
    /// There was more like the last one.
    fn more(&mut self) {}
    fn statement(&mut self, _verb: Verb) {}
    fn mark(&self) -> Mark {
        Mark::default()
    }
    fn reset(&mut self, _mark: Mark) {}
}

/// Nobody does.
impl Text for () {
    const IS_WANTED: bool = false;
}

#[derive(Debug, Default)]
struct Writer {
    out: String,
    slots: u32,
    last: Kind,
    has_json_table: bool,
    verb: Verb,
}

impl Writer {
    fn space_before(&mut self, kind: Kind, bytes: &[u8]) {
        use Kind::*;
        let is_glued = match (self.last, kind) {
            (Colon, Cast) => false,
            (Start | Open, _) | (_, Comma | Close | Cast | Semicolon) => true,
            (Cast | Dot, Word | Keyword | Name) | (Colon, Word | Keyword) => true,
            (Word | Keyword | Name | Close, Dot) => true,
            (Dot, Operator) => bytes == b"*",
            (Word | Name, Open) => true,
            (Keyword | Close | Slot, Open) => bytes == b"[",
            _ => false,
        };
        if !is_glued {
            self.out.push(' ');
        }
        self.last = kind;
    }
}

impl Text for Writer {
    const IS_WANTED: bool = true;

    fn token(&mut self, kind: Kind, bytes: &[u8]) {
        let lower = match kind {
            Kind::Word => Cow::Owned(bytes.to_ascii_lowercase()),
            _ => Cow::Borrowed(bytes),
        };
        let kind = if kind == Kind::Word && is_spaced(&lower) { Kind::Keyword } else { kind };
        self.space_before(kind, &lower);
        self.has_json_table |= *lower == *b"json_table";
        self.out.push_str(&String::from_utf8_lossy(&lower));
    }

    fn slot(&mut self, kind: SlotKind) {
        self.space_before(Kind::Slot, b"");
        self.slots += 1;
        // a parameter can only stand where an expression may, and the paths of a JSON_TABLE may be none
        let is_parameter = matches!(kind, SlotKind::Parameter(_) | SlotKind::List { .. });
        let literal = match kind {
            _ if is_parameter || (self.verb.is_planned() && !self.has_json_table) => None,
            SlotKind::String => Some("''"),
            SlotKind::Bits => Some("b''"),
            SlotKind::Word => Some("null"),
            SlotKind::Number => Some("0.0"),
            _ => Some("0"),
        };
        match literal {
            Some(literal) => self.out.push_str(literal),
            None => {
                use std::fmt::Write;
                let _ = write!(self.out, "${}", self.slots);
            }
        }
    }

    fn more(&mut self) {
        self.out.push(' ');
        self.out.push_str(&String::from_utf8_lossy(MORE));
    }

    fn statement(&mut self, verb: Verb) {
        self.verb = verb;
    }

    fn mark(&self) -> Mark {
        Mark { length: self.out.len(), slots: self.slots, last: self.last }
    }

    fn reset(&mut self, mark: Mark) {
        self.out.truncate(mark.length);
        (self.slots, self.last) = (mark.slots, mark.last);
    }
}

/// Words with a space between them and a parenthesis; no more than looks.
fn is_spaced(word: &[u8]) -> bool {
    const WORDS: [u64; 39] = words(
        "in and or not values from where on as select by having over filter using when then else case exists any all \
         some join lateral union except intersect with returning set distinct between like is limit offset conflict \
         within",
    );
    WORDS.contains(&keep(lower(load(word, 0)), word.len()))
}

// --- the lexer -----------------------------------------------------------------------------------------------------

/// Where the next token begins, the hash so far, and the token that was taken.
type Step = (usize, u64, u64);

/// Whether a letter and the byte after it begin a literal.
#[inline(always)]
fn may_be_prefix(word: u64) -> bool {
    matches!(((word >> 8) as u8, word as u8 | 0x20), (b'\'', b'e' | b'b' | b'x' | b'n') | (b'&', b'u'))
}

/// A string constant: where it ends, where its content is, and whether that is the value itself.
struct Quoted {
    end: usize,
    content: Range<usize>,
    is_plain: bool,
    is_closed: bool,
}

impl Lexer {
    /// A lexer whose buffers grow to what the statements need.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lexes one text. `is_tabbed`: every line feed in it is followed by a tab of the server's own, which is no part of a
    /// value or a name.
    pub fn lex(&mut self, sql: &[u8], is_tabbed: bool) -> Lexed<'_> {
        let (shape, statements, verb) = self.run(sql, is_tabbed, &mut ());
        Lexed {
            shape,
            slots: &self.slots,
            comments: &self.comments,
            is_truncated: self.is_truncated,
            has_literals: self.has_literals,
            statements,
            verb,
        }
    }

    /// The text of the shape, for once per shape: one line, without comments, words in lower case, the slots written as
    /// `$1`, `$2`, … in order, a list as `$n /*, ... */`. It parses if the original did, and has the same shape; where it is
    /// cut inside a quoted name, or not UTF-8, it only shows what there was. In a statement that is not planned, where
    /// PostgreSQL takes no parameters, a literal is written as `''`, `b''` or `0` instead, as is every one behind the word `json_table`.
    pub fn shape_text(&mut self, sql: &[u8], is_tabbed: bool) -> String {
        let mut text = Writer::default();
        self.run(sql, is_tabbed, &mut text);
        text.out
    }

    #[inline(always)]
    fn run<T: Text>(&mut self, sql: &[u8], is_tabbed: bool, text: &mut T) -> (u64, u32, Verb) {
        self.slots.clear();
        self.comments.clear();
        self.frames.clear();
        (self.overflow, self.mode, self.before_open, self.verb) = (0, HEAD, 0, Verb::None);
        (self.has_literals, self.is_truncated, self.in_type_modifier) = (false, false, false);
        let mut at = 0;
        let mut state = SEED;
        let mut previous = START;
        let mut statements = 0;
        // what to go back to if nothing but semicolons follow
        let mut ended = (SEED, Mark::default());

        while let Some(&byte) = sql.get(at) {
            match class(byte) {
                Class::Space => at += 1,
                Class::Word => {
                    let (start, before) = (at, state);
                    let word = load(sql, at);
                    let end = no_name(word);
                    let length = bytes_before(end);
                    let token = keep_before(lower(word), end);
                    if length == 1
                        && may_be_prefix(word)
                        && let Some(step) = self.prefixed(sql, at, is_tabbed, state, previous, text)
                    {
                        (at, state, previous) = step;
                        continue;
                    }
                    state = fold(state ^ token, WORD);
                    at += length;
                    if length == 8 {
                        loop {
                            let word = load(sql, at);
                            let end = no_name(word);
                            let length = bytes_before(end);
                            if length == 0 {
                                break;
                            }
                            state = fold(state ^ keep_before(lower(word), end), MORE_OF_WORD);
                            at += length;
                            if length < 8 {
                                break;
                            }
                        }
                    }
                    if T::IS_WANTED || self.mode != 0 {
                        let bytes = sql.get(start..at).unwrap_or_default();
                        (state, previous) = self.word(bytes, token, before, state, previous, text);
                    } else {
                        previous = token;
                    }
                }
                Class::DoubleQuote => {
                    let start = at + 1;
                    let before = state;
                    let mut key = QUOTED;
                    let mut from = start;
                    // to the quote, unless something is to be seen to on the way
                    let end = loop {
                        let word = load(sql, from);
                        let quote = first_of(word, b'"');
                        if is_tabbed && first_of(word, b'\n') != 0 {
                            break None;
                        }
                        if quote == 0 {
                            state = fold(state ^ word, key);
                            key = MORE_OF_WORD;
                            from += 8;
                            if from < sql.len() {
                                continue;
                            }
                            break None;
                        }
                        let length = bytes_before(quote);
                        if length > 0 || from == start {
                            state = fold(state ^ keep_before(word, quote), key);
                        }
                        from += length;
                        break if sql.get(from + 1) == Some(&b'"') { None } else { Some(from + 1) };
                    };
                    match end {
                        Some(end) if self.mode & (NAMES | NAME) == 0 => {
                            text.token(Kind::Name, sql.get(at..end).unwrap_or_default());
                            at = end;
                        }
                        _ => (at, state) = self.quoted_name(sql, at, is_tabbed, before, text),
                    }
                    state = self.in_list(Event::Name, state, text);
                    previous = NAME_TOKEN;
                }
                Class::Quote => {
                    let word = load(sql, at + 1);
                    let quote = first_of(word, b'\'');
                    let length = bytes_before(quote);
                    let content = keep_before(word, quote);
                    let value;
                    // short, and certainly at its end
                    if quote != 0
                        && sql.get(at + length + 2) != Some(&b'\'')
                        && continuation(sql, at + length + 2).is_none()
                        && (!is_tabbed || first_of(content, b'\n') == 0)
                    {
                        value = SlotValue::of_word(content, length);
                        at += length + 2;
                    } else {
                        let quoted = string(sql, at, is_tabbed);
                        value = match quoted.is_plain {
                            true => SlotValue::of(sql.get(quoted.content).unwrap_or_default()),
                            false => self.assemble(sql, quoted.content, is_tabbed, false),
                        };
                        self.is_truncated |= !quoted.is_closed;
                        at = quoted.end;
                    }
                    self.has_literals = true;
                    state = self.slot(Slot { value, kind: SlotKind::String }, state, previous, text);
                    previous = SLOT;
                }
                Class::Digit => {
                    (at, state, previous) = self.number(sql, at, state, previous, text);
                }
                Class::Dollar => {
                    let word = load(sql, at + 1);
                    let length = digits_length(word);
                    if length == 0 {
                        (at, state, previous) = self.dollar_quoted(sql, at, is_tabbed, state, previous, text);
                        continue;
                    }
                    at += 1 + length;
                    if length == 8 {
                        while class_at(sql, at) == Class::Digit {
                            at += 1;
                        }
                    }
                    let number = eight_digits(word, length).min(u64::from(u16::MAX));
                    let value = SlotValue(fold(number ^ SEED, ROW) | 1);
                    let kind = SlotKind::Parameter(number as u16);
                    state = self.slot(Slot { value, kind }, state, previous, text);
                    previous = SLOT;
                }
                Class::Operator => {
                    let next = sql.get(at + 1).copied().unwrap_or(0);
                    match (byte, next) {
                        (b'-', b'-') => at = line_end(sql, at),
                        (b'/', b'*') => (at, state) = self.comment(sql, at, state, text),
                        (b'-' | b'+' | b'?', _) => {
                            (at, state, previous) = self.operator(sql, at, state, previous, text);
                        }
                        _ if class(next) == Class::Operator => {
                            (at, state, previous) = self.operator(sql, at, state, previous, text);
                        }
                        _ => {
                            previous = u64::from(byte);
                            state = fold(state ^ previous, WORD);
                            text.token(Kind::Operator, &[byte]);
                            state = self.in_list(Event::Other, state, text);
                            at += 1;
                        }
                    }
                }
                Class::Open => {
                    let token = u64::from(byte);
                    state = fold(state ^ token, WORD);
                    text.token(Kind::Open, &[byte]);
                    at += 1;
                    (state, previous) = self.open(token, state, previous, text);
                }
                Class::Close => {
                    state = self.in_list(Event::Close, state, text);
                    previous = u64::from(byte);
                    state = fold(state ^ previous, WORD);
                    text.token(Kind::Close, &[byte]);
                    at += 1;
                    self.in_type_modifier = false;
                    if self.mode & ROWS != 0 && byte == b')' {
                        state = self.close_in_rows(sql, at, state, text);
                    }
                }
                Class::Comma => {
                    previous = COMMA;
                    state = fold(state ^ previous, WORD);
                    text.token(Kind::Comma, b",");
                    state = self.in_list(Event::Comma, state, text);
                    at += 1;
                }
                Class::Dot if class_at(sql, at + 1) == Class::Digit => {
                    (at, state, previous) = self.any_number(sql, at, state, previous, text);
                }
                Class::Dot => {
                    previous = u64::from(byte);
                    state = fold(state ^ previous, WORD);
                    text.token(Kind::Dot, b".");
                    state = self.in_list(Event::Dot, state, text);
                    at += 1;
                }
                Class::Colon => {
                    let (kind, event, length) = match sql.get(at + 1) {
                        Some(b':') => (Kind::Cast, Event::Cast, 2),
                        Some(b'=') => (Kind::Operator, Event::Other, 2),
                        _ => (Kind::Colon, Event::Other, 1),
                    };
                    previous = keep(load(sql, at), length);
                    state = fold(state ^ previous, WORD);
                    text.token(kind, sql.get(at..at + length).unwrap_or_default());
                    state = self.in_list(event, state, text);
                    at += length;
                }
                Class::Semicolon => {
                    at += 1;
                    // one that ends nothing says nothing
                    if matches!(previous, START | SEMICOLON) {
                        continue;
                    }
                    state = self.end(state, text);
                    statements += 1;
                    ended = (state, text.mark());
                    previous = SEMICOLON;
                    state = fold(state ^ previous, WORD);
                    text.token(Kind::Semicolon, b";");
                }
                Class::Other => {
                    // no word and no operator begins like this
                    previous = u64::from(byte) | 1 << 32;
                    state = fold(state ^ previous, WORD);
                    text.token(Kind::Other, &[byte]);
                    state = self.in_list(Event::Other, state, text);
                    at += 1;
                }
            }
        }

        match previous {
            START => {}
            SEMICOLON => {
                state = ended.0;
                text.reset(ended.1);
            }
            _ => {
                state = self.end(state, text);
                statements += 1;
            }
        }
        self.keep_slots();
        (fold(state ^ ROW, WORD), statements, self.verb)
    }

    /// The end of a statement.
    fn end<T: Text>(&mut self, state: u64, text: &mut T) -> u64 {
        self.frames.clear();
        let mut state = state;
        if self.mode & ROWS != 0 {
            // inside a row that was cut, or between two
            self.end_row(state, text);
            state = self.end_rows(text);
        }
        self.mode = HEAD;
        state
    }

    /// A word where something is going on.
    #[inline(never)]
    fn word<T: Text>(
        &mut self,
        bytes: &[u8],
        token: u64,
        before: u64,
        state: u64,
        previous: u64,
        text: &mut T,
    ) -> (u64, u64) {
        if self.mode & HEAD != 0 {
            self.head(token, text);
        } else if self.mode & ROWS != 0
            && self.rows.depth == 1
            && matches!(previous, ROW_OPEN | COMMA)
            && is_null_or_boolean(token)
        {
            let slot = Slot { value: word_value(token), kind: SlotKind::Word };
            self.has_literals = true;
            return (self.slot(slot, before, previous, text), SLOT);
        } else if self.mode & (NAMES | NAME) != 0 && !is_of_the_statement(token) {
            let state = self.nameless(before, text);
            return (self.in_list(Event::Name, state, text), NAME_TOKEN);
        }
        text.token(Kind::Word, bytes);
        (self.in_list(Event::Word(token), state, text), token)
    }

    /// The first word of a statement decides what its names are worth.
    fn head<T: Text>(&mut self, token: u64, text: &mut T) {
        let verb = Verb::of(token);
        text.statement(verb);
        self.mode &= !HEAD;
        if verb.has_throwaway_names() {
            self.mode |= if verb == Verb::Declare { NAME } else { NAMES };
        }
        if self.verb == Verb::None {
            self.verb = verb;
        }
    }

    /// A name that is nobody's, whatever it was.
    fn nameless<T: Text>(&mut self, state: u64, text: &mut T) -> u64 {
        self.mode &= !NAME;
        text.token(Kind::Name, b"_");
        fold(state ^ NAME_TOKEN, QUOTED)
    }

    /// Takes a slot, after this token.
    #[inline(always)]
    fn slot<T: Text>(&mut self, slot: Slot, state: u64, previous: u64, text: &mut T) -> u64 {
        if previous == OPEN && self.mode & LISTS == 0 {
            self.push_frame(state, text.mark(), ARGUMENTS, false);
        }
        self.push_slot(slot);
        text.slot(slot.kind);
        self.in_list(Event::Slot(slot), fold(state ^ SLOT, WORD), text)
    }

    #[inline(always)]
    fn push_slot(&mut self, slot: Slot) {
        if self.slots.len() < HELD {
            self.slots.push(slot);
        } else {
            self.overflow = fold(self.overflow ^ slot.value.0, WORD) | 1;
        }
    }

    /// What follows an opening parenthesis or bracket that was taken.
    #[inline(always)]
    fn open<T: Text>(&mut self, token: u64, state: u64, previous: u64, text: &mut T) -> (u64, u64) {
        self.before_open = previous;
        let state = self.in_list(Event::Open(token as u8), state, text);
        if self.mode & LISTS == 0 && matches!((previous, token), (IN, OPEN) | (ARRAY, OPEN_BRACKET)) {
            self.push_frame(state, text.mark(), 2, false);
        }
        if self.mode & ROWS != 0 || (previous == VALUES && token == OPEN) {
            return self.open_in_rows(token, state, previous);
        }
        (state, token)
    }

    // --- lists ---

    #[inline(never)]
    fn push_frame(&mut self, hash: u64, text: Mark, minimum: u32, is_cast: bool) {
        self.mode |= LISTS;
        self.list = ListState::Member;
        let (slots, overflow) = (self.slots.len(), self.overflow);
        let (value, members, has_more) = (SEED, 0, false);
        self.frames.push(Frame { hash, text, slots, overflow, value, members, minimum, is_cast, has_more });
    }

    fn end_lists(&mut self) {
        self.frames.clear();
        self.mode &= !LISTS;
    }

    /// Tells the list that is open, if one is, what was taken.
    #[inline(always)]
    fn in_list<T: Text>(&mut self, event: Event, state: u64, text: &mut T) -> u64 {
        if self.mode & LISTS == 0 {
            return state;
        }
        match (event, self.list, self.frames.last_mut()) {
            // the many members of a long list
            (Event::Slot(slot), ListState::Member, Some(frame)) => {
                frame.value = fold(frame.value ^ slot.value.0, WORD);
                self.list = ListState::After;
                state
            }
            (Event::Comma, ListState::After, Some(frame)) => {
                frame.members = frame.members.saturating_add(1);
                self.list = ListState::Member;
                state
            }
            _ => self.list_event(event, state, text),
        }
    }

    /// One token inside a list. Whatever a list cannot hold ends it: then it was an expression, whose tokens are all taken
    /// already. The token has been taken, but for the one that closes the list.
    #[inline(never)]
    fn list_event<T: Text>(&mut self, event: Event, state: u64, text: &mut T) -> u64 {
        use ListState::*;
        let is_shallow = self.frames.len() < FRAMES;
        let Some(frame) = self.frames.last_mut() else { return state };
        let next = match (self.list, event) {
            (Member, Event::Slot(slot)) => {
                frame.value = fold(frame.value ^ slot.value.0, WORD);
                Some(After)
            }
            (Member, Event::Word(word)) if is_null_or_boolean(word) || word == pack(b"default") => {
                frame.value = fold(frame.value ^ word_value(word).0, WORD);
                Some(After)
            }
            (Member, Event::Word(word)) if word == ARRAY || word == pack(b"row") => Some(Open),
            (Member, Event::Word(word)) if word == pack(b"cast") => Some(OpenCast),
            (Member, Event::Word(word)) if is_type(word) => Some(TypedString),
            (Member, Event::Sign) => Some(Member),
            (Member | Open, Event::Open(bracket)) if is_shallow => {
                let minimum = if self.list == Open && bracket == b'[' { 2 } else { u32::MAX };
                self.push_frame(state, text.mark(), minimum, false);
                Some(Member)
            }
            (OpenCast, Event::Open(_)) if is_shallow => {
                self.push_frame(state, text.mark(), u32::MAX, true);
                Some(Member)
            }
            (After | InType, Event::Comma) => {
                frame.members = frame.members.saturating_add(1);
                Some(Member)
            }
            (After | InType, Event::Close) => return self.close_frame(state, text),
            (After | InType, Event::Cast) => Some(Type),
            (After, Event::Word(word)) if word == pack(b"as") && frame.is_cast => Some(Type),
            (After, Event::Word(word)) if continues_type(word) => Some(After),
            (After | InType, Event::More) => {
                frame.has_more = true;
                Some(After)
            }
            (Type, Event::Word(_) | Event::Name) => Some(InType),
            (InType, Event::Dot) => Some(Type),
            (InType, Event::Word(word)) if continues_type(word) || word == ARRAY => Some(InType),
            (InType, Event::Open(_)) => Some(InModifier),
            (InModifier, Event::Slot(_) | Event::Name | Event::Comma) => Some(InModifier),
            (InModifier, Event::Close) => Some(InType),
            (TypedString, Event::Slot(slot)) if slot.kind == SlotKind::String => {
                frame.value = fold(frame.value ^ slot.value.0, WORD);
                Some(After)
            }
            (TypedString, Event::Word(word)) if continues_type(word) => Some(TypedString),
            _ => None,
        };
        match next {
            Some(next) => self.list = next,
            None => self.end_lists(),
        }
        state
    }

    fn close_frame<T: Text>(&mut self, state: u64, text: &mut T) -> u64 {
        let Some(frame) = self.frames.pop() else { return state };
        let members = frame.members.saturating_add(1);
        let mut state = state;
        if frame.has_more || members >= frame.minimum {
            let slot = Slot { value: SlotValue(frame.value | 1), kind: SlotKind::List { members } };
            self.slots.truncate(frame.slots);
            self.overflow = frame.overflow;
            self.push_slot(slot);
            text.reset(frame.text);
            text.slot(slot.kind);
            text.more();
            state = fold(frame.hash ^ LIST, WORD);
        }
        self.list = ListState::After;
        match self.frames.last_mut() {
            // a tuple is not its members side by side, and what a cast is to is no value
            Some(outer) => outer.value = fold(outer.value ^ frame.value, if frame.is_cast { WORD } else { QUOTED }),
            None => self.mode &= !LISTS,
        }
        state
    }

    // --- rows ---

    #[inline(never)]
    fn open_in_rows(&mut self, token: u64, state: u64, previous: u64) -> (u64, u64) {
        let rows = &mut self.rows;
        if self.mode & ROWS == 0 {
            self.mode |= ROWS;
            (rows.hash, rows.depth, rows.count, rows.has_more) = (state, 0, 0, false);
            rows.patterns.clear();
        }
        rows.depth = rows.depth.saturating_add(u32::from(token == OPEN));
        if rows.depth > 1 || token != OPEN || !matches!(previous, VALUES | COMMA) {
            return (state, token);
        }
        // a row looks the same wherever it stands
        rows.slots = self.slots.len();
        (SEED, ROW_OPEN)
    }

    #[inline(never)]
    fn close_in_rows<T: Text>(&mut self, sql: &[u8], at: usize, state: u64, text: &mut T) -> u64 {
        self.rows.depth = self.rows.depth.saturating_sub(1);
        if self.rows.depth > 0 {
            return state;
        }
        self.end_row(state, text);
        let (next, has_more) = skip_space(sql, at);
        self.rows.has_more |= has_more;
        let is_comma = sql.get(next) == Some(&b',');
        if is_comma && sql.get(skip_space(sql, next + 1).0) == Some(&b'(') { state } else { self.end_rows(text) }
    }

    /// Writes a row once whose like was there before; each of its slots then stands for all of them.
    fn end_row<T: Text>(&mut self, state: u64, text: &mut T) {
        let end = self.slots.len();
        let rows = &mut self.rows;
        rows.count = rows.count.saturating_add(1);
        let known = rows.patterns.iter().position(|pattern| pattern.hash == state);
        let known = known.or((rows.patterns.len() >= PATTERNS).then_some(0));
        match known.and_then(|known| rows.patterns.get_mut(known)) {
            None => {
                rows.patterns.push(Pattern { hash: state, slots: rows.slots, end, rows: 1 });
            }
            Some(pattern) => {
                pattern.rows = pattern.rows.saturating_add(1);
                let (before, row) = self.slots.split_at_mut(rows.slots.min(end));
                let columns = before.get_mut(pattern.slots..pattern.end).unwrap_or_default();
                for (column, slot) in columns.iter_mut().zip(row) {
                    column.value = column.value.and(slot.value);
                    column.kind = SlotKind::List { members: pattern.rows };
                }
                self.slots.truncate(rows.slots);
                text.reset(rows.text);
            }
        }
        rows.text = text.mark();
    }

    fn end_rows<T: Text>(&mut self, text: &mut T) -> u64 {
        self.mode &= !ROWS;
        let is_one = self.rows.count == 1 && !self.rows.has_more;
        let state = fold(self.rows.hash ^ if is_one { ONE_ROW } else { SOME_ROWS }, WORD);
        if !is_one {
            text.more();
        }
        self.rows.patterns.iter().fold(state, |state, pattern| fold(state ^ pattern.hash, ROW))
    }

    // --- what is rarer ---

    /// A block comment: to be looked at for tags, and perhaps the sign that a list goes on.
    #[inline(never)]
    fn comment<T: Text>(&mut self, sql: &[u8], at: usize, state: u64, text: &mut T) -> (usize, u64) {
        let (end, is_closed) = comment_end(sql, at);
        self.is_truncated |= !is_closed;
        if sql.get(at..end) == Some(MORE) {
            let is_after = matches!(self.list, ListState::After | ListState::InType);
            return (end, if is_after { self.in_list(Event::More, state, text) } else { state });
        }
        if self.comments.len() < COMMENTS {
            self.comments.push(at..end);
        } else if let Some(last) = self.comments.last_mut() {
            *last = at..end;
        }
        (end, state)
    }

    #[inline(never)]
    fn quoted_name<T: Text>(
        &mut self,
        sql: &[u8],
        at: usize,
        is_tabbed: bool,
        state: u64,
        text: &mut T,
    ) -> (usize, u64) {
        let (end, is_closed) = quoted_end(sql, at, b'"');
        self.is_truncated |= !is_closed;
        if self.mode & (NAMES | NAME) != 0 {
            return (end, self.nameless(state, text));
        }
        let raw = sql.get(at + 1..if is_closed { end - 1 } else { end }).unwrap_or_default();
        let name = match is_tabbed {
            true => without_tabs(raw),
            false => Cow::Borrowed(raw),
        };
        let mut state = state;
        let mut key = QUOTED;
        for chunk in name.chunks(8) {
            // a name of eight bytes is told from a longer one by what follows
            state = fold(state ^ load(chunk, 0), key);
            key = MORE_OF_WORD;
        }
        if name.is_empty() {
            state = fold(state, QUOTED);
        }
        text.token(Kind::Name, &[b"\"", name.as_ref(), b"\""].concat());
        (end, state)
    }

    /// `E'…'`, `B'…'`, `X'…'`, `N'…'`, `U&'…'` and `U&"…"`; `None` where it is a word after all.
    #[inline(never)]
    fn prefixed<T: Text>(
        &mut self,
        sql: &[u8],
        at: usize,
        is_tabbed: bool,
        state: u64,
        previous: u64,
        text: &mut T,
    ) -> Option<Step> {
        let (first, second) = (sql.get(at)? | 0x20, *sql.get(at + 1)?);
        let quote = if second == b'&' { at + 2 } else { at + 1 };
        if first == b'u' && sql.get(quote) == Some(&b'"') {
            let before = fold(state ^ pack(b"u&"), WORD);
            let (end, state) = self.quoted_name(sql, quote, is_tabbed, before, &mut ());
            text.token(Kind::Name, &without_tabs(sql.get(at..end).unwrap_or_default()));
            return Some((end, self.in_list(Event::Name, state, text), NAME_TOKEN));
        }
        if sql.get(quote) != Some(&b'\'') {
            return None;
        }
        let quoted = match first {
            b'e' => escape_string(sql, quote),
            _ => string(sql, quote, is_tabbed),
        };
        self.is_truncated |= !quoted.is_closed;
        self.has_literals = true;
        let kind = if matches!(first, b'b' | b'x') { SlotKind::Bits } else { SlotKind::String };
        let value = match quoted.is_plain && kind == SlotKind::String {
            true => SlotValue::of(sql.get(quoted.content).unwrap_or_default()),
            false => self.assemble(sql, quoted.content, is_tabbed, first == b'e'),
        };
        // bits are no number, and not the same in hexadecimal
        let value =
            if kind == SlotKind::Bits { SlotValue(fold(value.0 ^ u64::from(first), QUOTED) | 1) } else { value };
        let state = self.slot(Slot { value, kind }, state, previous, text);
        Some((if first == b'u' { after_uescape(sql, quoted.end) } else { quoted.end }, state, SLOT))
    }

    /// The value of a string constant that is not one slice of the text: it was continued on another line, or lines in it
    /// have tabs of the server's own.
    #[inline(never)]
    fn assemble(&mut self, sql: &[u8], content: Range<usize>, is_tabbed: bool, has_escapes: bool) -> SlotValue {
        self.scratch.clear();
        let raw = sql.get(content).unwrap_or_default();
        let mut at = 0;
        while let Some(&byte) = raw.get(at) {
            self.scratch.push(byte);
            at += 1;
            match byte {
                b'\n' if is_tabbed && raw.get(at) == Some(&b'\t') => at += 1,
                b'\\' if has_escapes && raw.get(at) != Some(&b'\n') => {
                    self.scratch.extend(raw.get(at));
                    at += 1;
                }
                b'\'' => {
                    self.scratch.pop();
                    match raw.get(at) {
                        Some(b'\'') => {
                            self.scratch.extend_from_slice(b"''");
                            at += 1;
                        }
                        // white space and the quote that opens the next part
                        _ => at = continuation(raw, at).unwrap_or(raw.len()),
                    }
                }
                _ => {}
            }
        }
        SlotValue::of(&self.scratch)
    }

    #[inline(never)]
    fn dollar_quoted<T: Text>(
        &mut self,
        sql: &[u8],
        at: usize,
        is_tabbed: bool,
        state: u64,
        previous: u64,
        text: &mut T,
    ) -> Step {
        let Some(open) = dollar_tag(sql, at) else {
            let token = u64::from(b'$');
            text.token(Kind::Other, b"$");
            return (at + 1, self.in_list(Event::Other, fold(state ^ token, WORD), text), token);
        };
        let tag = sql.get(at..open).unwrap_or_default();
        let mut from = open;
        let (content, end) = loop {
            match find(sql, from, b'$') {
                None => {
                    self.is_truncated = true;
                    break (open..sql.len(), sql.len());
                }
                Some(found) if sql.get(found..).is_some_and(|rest| rest.starts_with(tag)) => {
                    break (open..found, found + tag.len());
                }
                Some(found) => from = found + 1,
            }
        };
        let content = sql.get(content).unwrap_or_default();
        let value = if is_tabbed { SlotValue::of(&without_tabs(content)) } else { SlotValue::of(content) };
        self.has_literals = true;
        (end, self.slot(Slot { value, kind: SlotKind::String }, state, previous, text), SLOT)
    }

    #[inline(always)]
    fn number<T: Text>(&mut self, sql: &[u8], at: usize, state: u64, previous: u64, text: &mut T) -> Step {
        let word = load(sql, at);
        let length = digits_length(word);
        let next = class((word >> (8 * length.min(7))) as u8);
        let is_whole = length > 0 && length < 8 && !matches!(next, Class::Word | Class::Dot);
        // what stands behind a sign, or may belong to a type, is looked at more closely
        let is_special = matches!(previous, SIGN | OPEN) || previous == COMMA && self.in_type_modifier;
        if is_whole && !is_special {
            self.has_literals = true;
            let value = SlotValue::integer(eight_digits(word, length), false);
            return (at + length, self.slot(Slot { value, kind: SlotKind::Integer }, state, previous, text), SLOT);
        }
        self.any_number(sql, at, state, previous, text)
    }

    #[inline(never)]
    fn any_number<T: Text>(&mut self, sql: &[u8], at: usize, state: u64, previous: u64, text: &mut T) -> Step {
        let (end, kind) = number_end(sql, at);
        let digits = sql.get(at..end).unwrap_or_default();
        let before = if previous == SIGN { self.sign.before } else { previous };
        let is_modifier = match before {
            OPEN => takes_modifier(self.before_open),
            COMMA => self.in_type_modifier,
            _ => false,
        };
        if is_modifier && kind == SlotKind::Integer {
            self.in_type_modifier = true;
            // no type takes more, so it is somebody's value
            let digits = if digits.len() <= 5 { digits } else { b"0" };
            let state = fold(state ^ load(digits, 0), QUOTED);
            text.token(Kind::Slot, digits);
            return (end, self.in_list(Event::Name, state, text), NAME_TOKEN);
        }
        let (mut state, mut is_negative) = (state, false);
        if previous == SIGN {
            text.reset(self.sign.text);
            (state, is_negative) = (self.sign.hash, self.sign.is_minus);
        }
        let value = match kind {
            SlotKind::Integer if digits.len() <= 18 => decimal(digits).map(|n| SlotValue::integer(n, is_negative)),
            _ => None,
        };
        let value = value.unwrap_or_else(|| match is_negative {
            true => SlotValue::of(&[b"-", digits].concat()),
            false => SlotValue::of(digits),
        });
        self.has_literals = true;
        (end, self.slot(Slot { value, kind }, state, before, text), SLOT)
    }

    #[inline(never)]
    fn operator<T: Text>(&mut self, sql: &[u8], at: usize, state: u64, previous: u64, text: &mut T) -> Step {
        let mut length = operator_length(sql, at);
        let operator = sql.get(at..at + length).unwrap_or_default();
        match operator {
            [sign @ (b'-' | b'+')] if expects_value(previous) => {
                let is_minus = *sign == b'-';
                match previous {
                    SIGN => self.sign.is_minus ^= is_minus,
                    before => self.sign = Sign { hash: state, text: text.mark(), before, is_minus },
                }
                text.token(Kind::Operator, operator);
                return (at + 1, self.in_list(Event::Sign, fold(state ^ u64::from(*sign), WORD), text), SIGN);
            }
            // the placeholder of an old driver, where PostgreSQL could not have an operator
            b"?" if expects_value(previous) => {
                let slot = Slot { value: SlotValue(fold(SEED, ROW) | 1), kind: SlotKind::Parameter(0) };
                return (at + 1, self.slot(slot, state, previous, text), SLOT);
            }
            b"=?" | b"<?" | b">?" | b"<=?" | b">=?" | b"<>?" | b"!=?" => length -= 1,
            _ => {}
        }
        let operator = sql.get(at..at + length).unwrap_or_default();
        let mut state = state;
        let mut key = WORD;
        for chunk in operator.chunks(8) {
            state = fold(state ^ load(chunk, 0), key);
            key = MORE_OF_WORD;
        }
        text.token(Kind::Operator, operator);
        (at + length, self.in_list(Event::Other, state, text), load(operator, 0))
    }

    /// Lets the slots beyond those that are kept change the value of the last one.
    fn keep_slots(&mut self) {
        if self.slots.len() <= SLOTS && self.overflow == 0 {
            return;
        }
        let beyond = self.slots.get(SLOTS..).unwrap_or_default();
        let beyond = beyond.iter().fold(SlotValue(self.overflow), |value, slot| value.and(slot.value));
        self.slots.truncate(SLOTS);
        if let Some(last) = self.slots.last_mut() {
            last.value = last.value.and(beyond);
        }
    }
}

/// The string constant whose quote is here, with the parts it is continued in.
#[inline(always)]
fn string(sql: &[u8], at: usize, is_tabbed: bool) -> Quoted {
    let start = at + 1;
    let mut at = start;
    let mut is_plain = true;
    loop {
        let word = load(sql, at);
        let quote = first_of(word, b'\'');
        if quote == 0 {
            // the tab after a line feed is told apart later
            is_plain &= !is_tabbed || first_of(word, b'\n') == 0;
            at += 8;
            if at < sql.len() {
                continue;
            }
            return Quoted { end: sql.len(), content: start.min(sql.len())..sql.len(), is_plain, is_closed: false };
        }
        let length = bytes_before(quote);
        is_plain &= !is_tabbed || first_of(keep(word, length), b'\n') == 0;
        at += length;
        match sql.get(at + 1) {
            Some(b'\'') => at += 2,
            Some(next) if is_plain && !matches!(class(*next), Class::Space | Class::Operator) => {
                return Quoted { end: at + 1, content: start..at, is_plain, is_closed: true };
            }
            _ => match continuation(sql, at + 1) {
                Some(next) => (at, is_plain) = (next, false),
                None => return Quoted { end: at + 1, content: start..at, is_plain, is_closed: true },
            },
        }
    }
}

/// [`string`] with backslashes that escape. Its parts may be continued too.
fn escape_string(sql: &[u8], at: usize) -> Quoted {
    let start = at + 1;
    let mut at = start;
    let mut is_plain = true;
    while let Some(&byte) = sql.get(at) {
        match byte {
            b'\\' => at += 2,
            b'\n' => (at, is_plain) = (at + 1, false),
            b'\'' if sql.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => match continuation(sql, at + 1) {
                Some(next) => (at, is_plain) = (next, false),
                None => return Quoted { end: at + 1, content: start..at, is_plain, is_closed: true },
            },
            _ => at += 1,
        }
    }
    Quoted { end: sql.len(), content: start.min(sql.len())..sql.len(), is_plain, is_closed: false }
}

/// Where the content of the next part begins, if a string constant that ended here goes on after a line feed.
#[inline(always)]
fn continuation(sql: &[u8], at: usize) -> Option<usize> {
    match (sql.get(at)?, sql.get(at + 1)) {
        // by far the most
        (b' ', Some(next)) if !matches!(class(*next), Class::Space | Class::Quote) && *next != b'-' => None,
        (b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | b'-', _) => continuation_far(sql, at),
        _ => None,
    }
}

#[inline(never)]
fn continuation_far(sql: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    let mut has_line_feed = false;
    loop {
        match sql.get(at)? {
            b'\n' | b'\r' => (at, has_line_feed) = (at + 1, true),
            b' ' | b'\t' | 0x0b | 0x0c => at += 1,
            b'-' if sql.get(at + 1) == Some(&b'-') => at = line_end(sql, at),
            b'\'' if has_line_feed => return Some(at + 1),
            _ => return None,
        }
    }
}

/// After `UESCAPE '…'`, if that follows.
fn after_uescape(sql: &[u8], at: usize) -> usize {
    let word = skip_space(sql, at).0;
    let is_uescape = sql.get(word..word + 7).is_some_and(|word| word.eq_ignore_ascii_case(b"uescape"));
    let quote = skip_space(sql, word + 7).0;
    match (is_uescape, sql.get(quote), sql.get(quote + 2)) {
        (true, Some(b'\''), Some(b'\'')) => quote + 3,
        _ => at,
    }
}

/// Where the next token begins, and whether a comment before it says that there is more.
fn skip_space(sql: &[u8], from: usize) -> (usize, bool) {
    let (mut at, mut has_more) = (from, false);
    loop {
        let end = match (class_at(sql, at), sql.get(at), sql.get(at + 1)) {
            (Class::Space, ..) => at + 1,
            (_, Some(b'-'), Some(b'-')) => line_end(sql, at),
            (_, Some(b'/'), Some(b'*')) => comment_end(sql, at).0,
            _ => return (at, has_more),
        };
        has_more |= sql.get(at..end) == Some(MORE);
        at = end;
    }
}

fn line_end(sql: &[u8], at: usize) -> usize {
    let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
    sql.get(at..).and_then(|rest| rest.iter().position(ends)).map_or(sql.len(), |length| at + length)
}

/// The end of a comment that may hold comments, and whether it has one.
fn comment_end(sql: &[u8], from: usize) -> (usize, bool) {
    let mut at = from + 2;
    let mut depth = 1_usize;
    while at < sql.len() {
        let word = load(sql, at);
        let found = first_of(word, b'*') | first_of(word, b'/');
        if found == 0 {
            at += 8;
            continue;
        }
        at += bytes_before(found);
        match (sql.get(at), sql.get(at + 1)) {
            (Some(b'*'), Some(b'/')) => {
                (at, depth) = (at + 2, depth - 1);
                if depth == 0 {
                    return (at, true);
                }
            }
            (Some(b'/'), Some(b'*')) => (at, depth) = (at + 2, depth + 1),
            _ => at += 1,
        }
    }
    (sql.len(), false)
}

/// The end of what this quote begins, in which it is doubled, and whether it has one.
fn quoted_end(sql: &[u8], at: usize, quote: u8) -> (usize, bool) {
    let mut at = at + 1;
    while let Some(found) = find(sql, at, quote) {
        if sql.get(found + 1) != Some(&quote) {
            return (found + 1, true);
        }
        at = found + 2;
    }
    (sql.len(), false)
}

/// The end of the tag of a dollar quote.
fn dollar_tag(sql: &[u8], at: usize) -> Option<usize> {
    let mut end = at + 1;
    loop {
        match (class_at(sql, end), sql.get(end)?) {
            (Class::Dollar, _) => return Some(end + 1),
            (Class::Word, _) => end += 1,
            (Class::Digit, _) if end > at + 1 => end += 1,
            _ => return None,
        }
    }
}

/// The end of a number, and what it is.
fn number_end(sql: &[u8], from: usize) -> (usize, SlotKind) {
    let digits = |from: usize, is_digit: fn(u8) -> bool| {
        let mut at = from;
        while let Some(&byte) = sql.get(at) {
            // an underscore stands between digits
            let is_between = byte == b'_' && at > from && sql.get(at + 1).is_some_and(|next| is_digit(*next));
            if !is_digit(byte) && !is_between {
                break;
            }
            at += 1;
        }
        at
    };
    let is_decimal = |byte: u8| byte.is_ascii_digit();
    if sql.get(from) == Some(&b'0') {
        let is_digit: Option<fn(u8) -> bool> = match sql.get(from + 1).map(|byte| byte | 0x20) {
            Some(b'x') => Some(|byte| byte.is_ascii_hexdigit()),
            Some(b'o') => Some(|byte| matches!(byte, b'0'..=b'7')),
            Some(b'b') => Some(|byte| matches!(byte, b'0' | b'1')),
            _ => None,
        };
        if let Some(is_digit) = is_digit {
            // `0x_1F` is one too
            let start = from + 2 + usize::from(sql.get(from + 2) == Some(&b'_'));
            let end = digits(start, is_digit);
            if end > start {
                return (end, SlotKind::Integer);
            }
        }
    }
    let mut kind = SlotKind::Integer;
    let mut at = digits(from, is_decimal);
    // not the dots of `1..10`
    if sql.get(at) == Some(&b'.') && sql.get(at + 1) != Some(&b'.') {
        kind = SlotKind::Number;
        at = digits(at + 1, is_decimal);
    }
    if matches!(sql.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(sql.get(at + 1), Some(b'+' | b'-')));
        let end = digits(at + 1 + sign, is_decimal);
        if end > at + 1 + sign {
            return (end, SlotKind::Number);
        }
    }
    (at, kind)
}

/// The length of an operator by PostgreSQL's rules: a comment ends it, and it ends in a sign only if it holds something that
/// cannot be arithmetic.
fn operator_length(sql: &[u8], from: usize) -> usize {
    // longer ones are no operators, and would be read again for every sign in them
    const LONGEST: usize = 16;
    let mut length = 1;
    while length < LONGEST {
        let at = from + length;
        let begins_comment = match sql.get(at) {
            Some(b'-') => sql.get(at + 1) == Some(&b'-'),
            Some(b'/') => sql.get(at + 1) == Some(&b'*'),
            _ => false,
        };
        if begins_comment || class_at(sql, at) != Class::Operator {
            break;
        }
        length += 1;
    }
    let operator = sql.get(from..from + length).unwrap_or_default();
    let is_arithmetic = |byte: &u8| matches!(byte, b'+' | b'-' | b'*' | b'/' | b'<' | b'>' | b'=');
    if operator.iter().all(is_arithmetic) {
        while length > 1 && matches!(operator.get(length - 1), Some(b'+' | b'-')) {
            length -= 1;
        }
    }
    length
}

/// A text without the tab after every line feed.
fn without_tabs(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = find(text, 0, b'\n') else { return Cow::Borrowed(text) };
    let mut out = Vec::with_capacity(text.len());
    out.extend_from_slice(text.get(..first).unwrap_or_default());
    let mut rest = text.get(first..).unwrap_or_default().iter().peekable();
    while let Some(&byte) = rest.next() {
        out.push(byte);
        if byte == b'\n' {
            rest.next_if_eq(&&b'\t');
        }
    }
    Cow::Owned(out)
}

// --- parameters ----------------------------------------------------------------------------------------------------

/// Whether the values that a log line gives are all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parameters {
    /// Each is whole.
    Whole,
    /// At least one was cut by `log_parameter_max_length`, or may have been, or the line was: equal texts are not equal values
    /// then.
    Cut,
}

/// Appends the values of a list of parameters as the server writes it, `$1 = '5', $2 = 'it''s', $3 = NULL`, from behind the
/// word that announces it.
pub fn parameters(detail: &[u8], is_tabbed: bool, out: &mut Vec<SlotValue>) -> Parameters {
    let mut list = Assignments { text: detail, at: 0, is_cut: false };
    while let Some(value) = list.next() {
        out.push(match value {
            None => SlotValue::NULL,
            Some(text) if is_tabbed => SlotValue::of(&without_tabs(text)),
            Some(text) => SlotValue::of(text),
        });
    }
    if list.is_cut { Parameters::Cut } else { Parameters::Whole }
}

/// The texts of the same list, as the client sent them; `None` is `NULL`. For the time of a proof only: never stored.
pub fn raw_parameters(detail: &[u8], is_tabbed: bool) -> Vec<Option<Cow<'_, [u8]>>> {
    let mut list = Assignments { text: detail, at: 0, is_cut: false };
    let mut out = Vec::new();
    while let Some(value) = list.next() {
        out.push(value.map(|text| {
            let text = if is_tabbed { without_tabs(text) } else { Cow::Borrowed(text) };
            if find(&text, 0, b'\'').is_none() {
                return text;
            }
            // the first of every two quotes
            let mut is_second = false;
            let kept = |byte: &&u8| {
                is_second = **byte == b'\'' && !is_second;
                **byte != b'\'' || is_second
            };
            Cow::Owned(text.iter().filter(kept).copied().collect())
        }));
    }
    out
}

/// The values of a list of parameters, quotes in them still doubled.
struct Assignments<'a> {
    text: &'a [u8],
    at: usize,
    is_cut: bool,
}

impl<'a> Assignments<'a> {
    fn next(&mut self) -> Option<Option<&'a [u8]>> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        // the end, most of the time; a long run of spaces is looked at once, since what follows it cannot be read
        if rest.first().is_none_or(u8::is_ascii_whitespace) && rest.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        let value = self.assignment();
        // what cannot be read was cut short
        self.is_cut |= value.is_none();
        value
    }

    fn assignment(&mut self) -> Option<Option<&'a [u8]>> {
        const NULL: &[u8] = b"NULL";
        let digits = self.at + 1;
        let dollar = self.text.get(self.at)?;
        let length = digits_length(load(self.text, digits));
        let value = digits + length + 3;
        if *dollar != b'$' || length == 0 || self.text.get(digits + length..value)? != b" = " {
            return None;
        }
        let (end, content) = match self.text.get(value)? {
            b'\'' => {
                let (end, is_closed) = quoted_end(self.text, value, b'\'');
                let content = self.text.get(value + 1..end - usize::from(is_closed))?;
                // the server's mark, which a value may end in too
                self.is_cut |= !is_closed || content.ends_with(b"...");
                (end, Some(content))
            }
            _ if self.text.get(value..)?.starts_with(NULL) => (value + NULL.len(), None),
            _ => return None,
        };
        let next = self.text.get(end..)?;
        self.at = if next.starts_with(b", ") { end + 2 } else { end };
        Some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shape(sql: &str) -> u64 {
        Lexer::new().lex(sql.as_bytes(), false).shape
    }

    fn text(sql: &str) -> String {
        Lexer::new().shape_text(sql.as_bytes(), false)
    }

    fn slots(sql: &str) -> Vec<Slot> {
        Lexer::new().lex(sql.as_bytes(), false).slots.to_vec()
    }

    fn kinds(sql: &str) -> Vec<SlotKind> {
        slots(sql).iter().map(|slot| slot.kind).collect()
    }

    fn integers(sql: &str) -> Vec<Option<i64>> {
        slots(sql).iter().map(|slot| slot.value.as_integer()).collect()
    }

    fn value(sql: &str) -> SlotValue {
        slots(sql)[0].value
    }

    #[track_caller]
    fn same(texts: &[&str]) {
        for other in texts {
            assert_eq!(shape(texts[0]), shape(other), "{} and {other}", texts[0]);
            assert_eq!(text(texts[0]), text(other), "{} and {other}", texts[0]);
        }
    }

    #[track_caller]
    fn all_different(texts: &[&str]) {
        let mut shapes: Vec<u64> = texts.iter().map(|sql| shape(sql)).collect();
        shapes.sort_unstable();
        shapes.dedup();
        assert_eq!(shapes.len(), texts.len(), "{texts:?}");
        let mut written: Vec<String> = texts.iter().map(|sql| text(sql)).collect();
        written.sort_unstable();
        written.dedup();
        assert_eq!(written.len(), texts.len(), "{written:?}");
    }

    const ONE: SlotKind = SlotKind::Integer;
    const STRING: SlotKind = SlotKind::String;

    fn list(members: u32) -> SlotKind {
        SlotKind::List { members }
    }

    #[test]
    fn white_space_case_and_comments_say_nothing() {
        same(&[
            "select a from t where a=1",
            "SELECT  a\n\tFROM t\r\nWHERE a = 1 ;",
            "/* x */select/**/a from t--x\nwhere a =1;;",
            ";select a from t /* a /* b */ ' */ where a = 2 -- ' \"",
            "select a from T where a = '7'",
            "select a from t where a = $1",
            "select a from t where a = ?",
            "select a from t where a =?",
            "select a from t where a = $$x$$",
        ]);
        assert_eq!(text("SELECT A  FROM t -- x\nWHERE b=1"), "select a from t where b = $1");
        all_different(&["select a", "select b", "select ab", "select a b", "select a, b", "select a.b", "select (a)"]);
        all_different(&[
            "select abcdefgh",
            "select abcdefghi",
            "select abcdefgh i",
            "select abcdefghijklmnop",
            "select \"abcdefgh\"",
            "select \"abcdefghi\"",
            "select \"a\"\"b\"",
            "select \"A\"",
            "select \"a\"",
            "select a",
            "select \"\"",
            "select",
        ]);
    }

    #[test]
    fn literals_of_every_kind_are_slots() {
        let literals = "1|1.5|.5|1.|1e10|1.5e-3|1E+5|0x1F|0o17|0b1|1_000|0xdead_beef|''|'a'|'it''s'|E'it\\'s'|e'\\\\'|\
                        U&'d\\0061t'|u&'x' uescape '!'|N'a'|B'101'|x'1f'|$$it's$$|$t$ $$ $x$ $t$|$1|$65535|-1|- 1.5|+7|\
                        'a'\n'b'|'a' -- x\n  'b'|'\n'|'a long string, with words'|123456789|12345678901234567890|\
                        '12345678'|12345678|1234567";
        for literal in literals.split('|') {
            let sql = format!("select * from t where a = {literal} and b");
            same(&["select * from t where a = 1 and b", &sql]);
            assert_eq!(slots(&sql).len(), 1, "{sql}");
            same(&["select f(1)", &format!("select f({literal})"), &format!("select f( {literal} )")]);
        }
        let number = SlotKind::Number;
        let bits = SlotKind::Bits;
        let expected = [ONE, number, STRING, bits, SlotKind::Parameter(3), bits, number];
        assert_eq!(kinds("1 1.5 'a' b'1' $3 X'1' 1e3"), expected);
        assert_eq!(kinds("where a = ? and b in (?)"), [SlotKind::Parameter(0); 2]);
        all_different(&["select null", "select true", "select false", "select 1"]);
    }

    #[test]
    fn names_keep_their_digits() {
        let sql = "select t1.a_2$3 from temp_123 t1 join é2 on x";
        assert_eq!(text(sql), sql);
        all_different(&["select t1", "select t2", "select É", "select é"]);
        assert!(slots("select t1.c2 from \"3\" where a1b = c").is_empty());
        // an old server reads a number and a name
        assert_eq!(text("select 1a"), "select $1 a");
    }

    #[test]
    fn operators_follow_the_servers_rules() {
        same(&["select a<-1", "select a < -1", "select a < 1"]);
        same(&["select a- -1", "select a - 1", "select a - + 1"]);
        all_different(&[
            "a || b", "a - b", "a + b", "a @-b", "a @ -b", "a ->> b", "a -> b", "a <> b", "a < > b", "a != b",
        ]);
        same(&["select a::int", "select a :: int"]);
        same(&["f(a=>1)", "f(a => 1)"]);
        same(&["a ? 'b'", "a ?'b'"]);
        assert_eq!(
            text("select a ? 'b' and a ?| array['b','c'] and c->>'d' ?& e"),
            "select a ? $1 and a ?| array[$2 /*, ... */] and c ->> $3 ?& e"
        );
        assert_eq!(text("select * from t limit ? offset ?"), "select * from t limit $1 offset $2");
        assert_eq!(
            text("select a.*, count(*) from t where b%2=:name and c = %s"),
            "select a.*, count(*) from t where b % $1 = :name and c = % s"
        );
        same(&["select a+/* x */-1", "select a + 1"]);
        assert_eq!(text("select a[1:2], b[:n]"), "select a[$1 : $2], b[:n]");
    }

    #[test]
    fn a_sign_belongs_to_the_number_where_it_can_be_nothing_else() {
        let found = integers("where a = -5 and b between -1 and - 2 and c in (-1) limit -3 and x = '-9'");
        assert_eq!(found, [-5, -1, -2, -1, -3, -9].map(Some));
        assert_eq!(integers("select a -5, (b) -5, c[1] - 5, 7 - 5"), [5, 5, 1, 5, 7, 5].map(Some));
        assert_eq!(value("a = -1.5"), value("a = '-1.5'"));
        assert_eq!(value("a = - 1.5"), value("a = '-1.5'"));
        all_different(&["a = -b", "a = b", "a = -$1", "a = $1"]);
    }

    #[test]
    fn values_are_the_same_however_they_are_written() {
        assert_eq!(value("5"), value("'5'"));
        assert_eq!(value("123456789012345678"), value("'123456789012345678'"));
        assert_eq!(value("'123456789012345678'").as_integer(), Some(123_456_789_012_345_678));
        assert_eq!(value("'-123456789012345678'").as_integer(), Some(-123_456_789_012_345_678));
        assert_eq!(value("'0'").as_integer(), Some(0));
        assert_eq!(value("1234567890123456789").as_integer(), None);
        assert_eq!(value("1234567890123456789"), value("'1234567890123456789'"));
        // as texts these differ from the number
        for text in ["007", "-0", "5 ", "5a", "", "-", "12345678a", "0123456789", "--5", "-05", " 5", "1234567\0"] {
            assert_eq!(value(&format!("'{text}'")).as_integer(), None, "{text}");
        }
        assert_ne!(value("'a'"), value("'b'"));
        assert_ne!(value("'a'"), value("'a '"));
        assert_eq!(value("'ab'"), value("'a'\n'b'"));
        assert_eq!(value("'abcdefghijkl'"), value("'abcdefg' -- x\n 'hijkl'"));
        assert_eq!(value("'it''s'"), value("'i' \n 't''s'"));
        assert_eq!(value("E'abc'"), value("'abc'"));
        assert_eq!(value("$$abc$$"), value("'abc'"));
        assert_ne!(value("B'1'"), value("X'1'"));
        assert_ne!(value("1.5"), value("1.6"));
    }

    #[test]
    fn tabs_of_the_server_are_no_part_of_values() {
        let lex = |sql: &str, is_tabbed| {
            let mut lexer = Lexer::new();
            let lexed = lexer.lex(sql.as_bytes(), is_tabbed);
            (lexed.shape, lexed.slots.to_vec())
        };
        let text = |sql: &str, is_tabbed| Lexer::new().shape_text(sql.as_bytes(), is_tabbed);
        for sql in [
            "select 'a\nb', 'a\n\n\tb', \"c\nd\", \"c\n\te\" from t\nwhere a = $x$\nb\n$x$ and c = E'\\\n\\'\n'\n'x'",
            "select 'a'\n'b', 'longer than a word\nor two', U&\"d\n\" /* \n */, U&'\n', $$\n$$",
            "select 'a\n''\nb', \"a\nlonger name\", \"\n\"",
        ] {
            let tabbed = sql.replace('\n', "\n\t");
            assert_eq!(lex(sql, false), lex(&tabbed, true), "{sql}");
            assert_eq!(text(sql, false), text(&tabbed, true), "{sql}");
        }
        let detail = "$1 = 'a\n\tb', $2 = '\n'";
        let read = |detail: &str, is_tabbed| {
            let mut out = Vec::new();
            parameters(detail.as_bytes(), is_tabbed, &mut out);
            let texts = raw_parameters(detail.as_bytes(), is_tabbed);
            (out, texts.into_iter().map(|text| text.map(Cow::into_owned)).collect::<Vec<_>>())
        };
        assert_eq!(read(detail, false), read(&detail.replace('\n', "\n\t"), true));
    }

    #[test]
    fn lists_are_one_slot_whatever_their_length() {
        same(&[
            "select * from t where id in (1, 2)",
            "select * from t where id in ($1,$2,$3)",
            "select * from t where id in ('a', null, -5, true, 1::int, 'x'::\"My\".type[], date 'x', cast(1 as date), default)",
            "select * from t where id in ('x'::character varying(20), 1::numeric(10,2), interval '1' day, -$1)",
            "select * from t where id in (timestamp with time zone 'x', 1.5)",
            "select * from t where id in ((1,2),(3,4))",
            "select * from t where id in ((1,(2,3)),row(3,4), array[1], array[1,2], array[[1,2],[3,4]])",
            "select * from t where id in ($1 /*, ... */)",
            "select * from t where id in ( /* x */ 1 -- y\n, 2 )",
        ]);
        assert_eq!(text("select * from t where id in (1, 2)"), "select * from t where id in ($1 /*, ... */)");
        assert_eq!(kinds("a = 1 and id in (1, 2, 3) and b = 'x'"), [ONE, list(3), STRING]);
        // a list of one is a look-up
        same(&["select id in (1)", "select id in (2)", "select id in ( 'a' )", "select id in (-1)"]);
        assert_eq!(kinds("id in (5)"), [ONE]);
        assert_eq!(kinds("(a, b) in ((5, 'x'))"), [ONE, STRING]);
        all_different(&[
            "id in (1)",
            "id in (1, 2)",
            "id = 1",
            "id in (a)",
            "id in (1, a)",
            "id in (1, 2 + 3)",
            "id in (f(1), 2)",
        ]);
        same(&["a = any (array[1,2])", "a = any(array['x',NULL,'y'])", "a = any ( array [ 1 , 2 , 3 ] )"]);
        all_different(&["array[1]", "array[1,2]", "array[a]", "array[]"]);
        same(&["array[[1],[2]]", "array[[1,2],[3,4],[5,6]]"]);
        assert_eq!(kinds("id in (select 1)"), [ONE]);
        assert_eq!(kinds("id in (1, (select 2), 3)"), [ONE; 3]);
        assert_eq!(kinds("id in (1, 2) and (a, b) > (1, 2)"), [list(2), ONE, ONE]);
        assert_eq!(kinds("select 1::numeric(10,2), 'x'::varchar(5)"), [ONE, STRING]);
    }

    #[test]
    fn the_arguments_of_a_call_are_its_own_until_they_are_too_many() {
        assert_eq!(kinds("f(1, 'a', $3)"), [ONE, STRING, SlotKind::Parameter(3)]);
        assert_eq!(kinds("f(1, array[2,3], 4)"), [ONE, list(2), ONE]);
        let call = |count: usize| format!("f({})", vec!["1"; count].join(", "));
        all_different(&["f(1)", "f(1, 2)", &call(16), &call(17)]);
        same(&[&call(17), &call(1000)]);
    }

    #[test]
    fn the_value_of_a_list_is_that_of_its_members_in_order() {
        assert_eq!(value("in (1, 2)"), value("in ('1', '2')"));
        assert_eq!(value("in (1, 2)"), value("in (1::int, 2::varchar(20))"));
        let different = [
            "in (1, 2)",
            "in (2, 1)",
            "in (1, 3)",
            "in (1, 2, 3)",
            "in (1, null)",
            "in (1, true)",
            "in (1, -2)",
            "in ((1, 2), 3)",
            "in (1, (2, 3))",
        ];
        let mut values: Vec<SlotValue> = different.iter().map(|sql| value(sql)).collect();
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), different.len());
        assert!(values.iter().all(|value| value.as_integer().is_none()));
        let long = |last: u32| format!("in ({}, {last})", vec!["1"; 5000].join(","));
        assert_ne!(value(&long(1)), value(&long(2)));
        assert_eq!(slots(&format!("a = 1 and b {} and c = 2", long(1))).len(), 3);
    }

    #[test]
    fn rows_that_look_alike_are_written_once() {
        same(&["insert into t values (1, 'a')", "insert into t values ($1, null)", "insert into t values (true,-1);"]);
        let word = SlotKind::Word;
        assert_eq!(kinds("insert into t values (1, null, 'a', true)"), [ONE, word, STRING, word]);
        same(&[
            "insert into t (a, b) values (1, 2), (3, 4)",
            "insert into t (a, b) values ($1,$2),($3,$4),($5,$6)",
            "insert into t (a, b) values (1, null), (null, 4) , /* x */ (5, 'x')",
            "insert into t (a, b) values ($1, $2) /*, ... */",
        ]);
        assert_eq!(
            text("insert into t(a) values (1, now()), (2, now())"),
            "insert into t(a) values ($1, now()) /*, ... */"
        );
        let sql = "insert into t values (1, now(), 2), (3, now(), 4), (5, now(), 6) returning 7";
        assert_eq!(kinds(sql), [list(3), list(3), ONE]);
        all_different(&[
            "insert into t values (1, 2)",
            "insert into t values (1, 2), (3, 4)",
            "insert into t values (1, now()), (3, now())",
            "insert into t values (1, 2), (3, now())",
            "insert into t values (1, 2), (3, 4) on conflict do nothing",
            "insert into u values (1, 2), (3, 4)",
            "insert into t values (1, default)",
            "insert into t values (1, 2, 3)",
            "insert into t values (a.b, 1), (a.c, 2)",
            "insert into t values (a.b, 1)",
        ]);
        same(&["select * from (values (1), (2)) v, w", "select * from (values (1), (2), (3)) v, w"]);
        all_different(&[
            "select * from (values (1), (2)) v, w",
            "select * from (values (1), (2)) v",
            "values (1), (2)",
            "values (1), (2), x",
        ]);
        same(&["values (1, array[1,2]), (2, array[3,4])", "values (1, array[1,2,3]), (2, array[3,4])"]);
        all_different(&["values (1; select 1", "select 1", "x values (1; select 1"]);
        // more kinds of rows than anybody writes
        let rows = |count: usize| (0..count).map(|row| format!("(c{row}, 1)")).collect::<Vec<_>>().join(",");
        same(&[&format!("values {}", rows(100)), &format!("values {}", rows(200))]);
        let first = slots("insert into t values (1, 2), (3, 4)");
        assert_ne!(first, slots("insert into t values (1, 2), (3, 5)"));
        assert_ne!(first, slots("insert into t values (1, 3), (3, 4)"));
        assert_eq!(first, slots("insert into t values ('1', 2), (3, '4')"));
    }

    #[test]
    fn numbers_of_types_belong_to_the_shape() {
        let sql = "select a::varchar(20), b::numeric(10, 2), current_timestamp(3), d::interval second(2), \
                   cast(c as timestamp(6) with time zone)";
        assert_eq!(text(sql), sql);
        all_different(&["select a::varchar(20)", "select a::varchar(30)"]);
    }

    #[test]
    fn throwaway_names_are_nobodys() {
        same(&["savepoint sa_savepoint_1", "savepoint sa_savepoint_22", "SAVEPOINT \"s140_x1\""]);
        same(&["release savepoint a", "release savepoint b"]);
        same(&["rollback to savepoint a", "rollback to savepoint b1"]);
        all_different(&["rollback", "rollback to a", "rollback prepared 'x'", "savepoint a", "release a"]);
        same(&[
            "declare \"_django_curs_139_sync_17\" no scroll cursor for select a from t",
            "declare c2 no scroll cursor for select a from t",
        ]);
        all_different(&["declare a cursor for select b", "declare a cursor for select c"]);
        same(&["fetch 100 from \"c_1\"", "fetch 50 from \"c_2\""]);
        same(&["deallocate pdo_stmt_00000001", "deallocate pdo_stmt_00000002"]);
        all_different(&["deallocate all", "deallocate a", "close a", "close all"]);
        same(&["begin; savepoint a; select b", "begin; savepoint c; select b"]);
        all_different(&["begin; savepoint a; select b", "begin; savepoint a; select c"]);
    }

    #[test]
    fn comments_are_found_and_literals_are_not_comments() {
        let mut lexer = Lexer::new();
        let mut comments = |sql: &str| {
            let lexed = lexer.lex(sql.as_bytes(), false);
            lexed.comments.iter().map(|range| sql[range.clone()].to_owned()).collect::<Vec<_>>()
        };
        let sql = "/*a*/ select '/*b*/' /* /*c*/ */ -- /*d*/\n, $$/*e*/$$ \"/*f*/\" +/*g*/";
        assert_eq!(comments(sql), ["/*a*/", "/* /*c*/ */", "/*g*/"]);
        assert_eq!(comments("select 1 /* cut"), ["/* cut"]);
        assert_eq!(comments("insert into t values (1) /*a*/, /*b*/ (2) /*c*/"), ["/*a*/", "/*b*/", "/*c*/"]);
        let many = comments(&(0..1000).map(|number| format!("/*{number}*/")).collect::<String>());
        assert_eq!((many.len(), many.last().map(String::as_str)), (COMMENTS, Some("/*999*/")));
    }

    #[test]
    fn what_is_cut_is_known() {
        let is_truncated = |sql: &str| Lexer::new().lex(sql.as_bytes(), false).is_truncated;
        let cut = "select 'a|select '|select 'a''|select E'a\\'|select E'a\\|select $$a|select $t$ $$|a /* /* */|a /*|select \"a|\
                   select \"|u&'a|select 'long enough to be more than one word|u&\"x|select \"long enough too";
        for sql in cut.split('|') {
            assert!(is_truncated(sql), "{sql}");
            assert_eq!(shape(sql), shape(&text(sql)), "{sql}");
        }
        for sql in "|select 'a'|select a|-- '|$a|select $|/**/|$t$$t$|''''|\"\"\"\"".split('|') {
            assert!(!is_truncated(sql), "{sql}");
        }
    }

    #[test]
    fn statements_words_and_literals_are_counted() {
        let lex = |sql: &str| {
            let mut lexer = Lexer::new();
            let lexed = lexer.lex(sql.as_bytes(), false);
            (lexed.statements, lexed.verb, lexed.has_literals)
        };
        assert_eq!(lex(""), (0, Verb::None, false));
        assert_eq!(lex(" ; ; -- x"), (0, Verb::None, false));
        assert_eq!(lex("select 1"), (1, Verb::Select, true));
        assert_eq!(lex(";; ( (SELECT $1 from t));"), (1, Verb::Select, false));
        assert_eq!(lex("BEGIN; update t set a = $1; commit"), (3, Verb::Begin, false));
        assert_eq!(lex("deallocate x"), (1, Verb::Deallocate, false));
        assert_eq!(lex("selecting x in (1, 2)"), (1, Verb::Other, true));
        assert_eq!(lex("insert into t values (null)"), (1, Verb::Insert, true));
        assert_eq!(lex("copy t from stdin").1, Verb::Copy);
        assert!(Verb::With.is_planned() && !Verb::Copy.is_planned());
        all_different(&["select 1", "select 1; select 1", "select 1; select 1; select 1"]);
    }

    #[test]
    fn literals_where_no_parameter_may_stand_stay_literals() {
        for (sql, expected) in [
            ("ALTER ROLE app PASSWORD 'x' VALID UNTIL 'x'", "alter role app password '' valid until ''"),
            ("do $$ begin end $$", "do ''"),
            ("create sequence s increment by -5 start 77", "create sequence s increment by 0 start 0"),
            ("copy (select a where b = $7 and c = 5) to '/x'", "copy(select a where b = $1 and c = 0) to ''"),
            ("create table t (a varchar(20) default 'x')", "create table t(a varchar(20) default '')"),
            ("(select 1) union select 2", "(select $1) union select $2"),
            ("begin; select 1", "begin; select $1"),
            ("select json_table(a, '$' columns (b int path '$.b'))", "select json_table(a, '' columns(b int path ''))"),
        ] {
            assert_eq!(text(sql), expected);
        }
    }

    #[test]
    fn many_slots_are_bounded_and_none_is_without_effect() {
        let sql = |last: usize| format!("select {}, {last}", (0..3000).map(|_| "a = 1").collect::<Vec<_>>().join(", "));
        let (one, other) = (slots(&sql(1)), slots(&sql(2)));
        assert_eq!(one.len(), SLOTS);
        assert_eq!(one[..SLOTS - 1], other[..SLOTS - 1]);
        assert_ne!(one[SLOTS - 1], other[SLOTS - 1]);
        let sql = |count: usize| format!("select {}", vec!["1"; count].join(", "));
        assert_eq!(slots(&sql(SLOTS)).last().map(|slot| slot.value.as_integer()), Some(Some(1)));
        assert_ne!(slots(&sql(SLOTS + 1)), slots(&sql(SLOTS + 2)));
        // wide rows, many of them
        let row = format!("({})", vec!["1"; 100].join(","));
        same(&[&format!("values {row},{row}"), &format!("values {}", vec![row.as_str(); 50].join(","))]);
    }

    #[test]
    fn a_lexer_that_was_used_is_like_new() {
        let mut used = Lexer::new();
        let dirty =
            "values (1, (2|select 'a|in ((1, 2), (|savepoint x|declare|varchar(1,|- |in (1|f(1|values (1),|a in (x";
        let probes = "select 1, x from t where a in (1, 2)|values (1, null), (2, 3)|a -1|numeric(10, 2)|1)|, 2)|null|x";
        for sql in dirty.split('|') {
            for probe in probes.split('|') {
                used.lex(sql.as_bytes(), true);
                let lexed = used.lex(probe.as_bytes(), false);
                assert_eq!((lexed.shape, lexed.slots), (shape(probe), slots(probe).as_slice()), "{probe} after {sql}");
                used.lex(sql.as_bytes(), true);
                assert_eq!(used.shape_text(probe.as_bytes(), false), text(probe), "{probe} after {sql}");
            }
        }
    }

    #[test]
    fn long_and_odd_texts_end() {
        let units = "( [( in( /* */ + +- $a$$b$ $a ' '' '\" \" ''\n values( (1), in(1, u&''/**/ E'\\ 1_ 1 ; a; \0 \n\t ? -- $1 \
                     array[ cast( é ::a .1 'a'--\n values(a),";
        let mut lexer = Lexer::new();
        for unit in units.split(' ') {
            for prefix in ["", "values ", "in (", "'", "$x$", "u&''"] {
                let sql = format!("{prefix}{}", unit.repeat(30_000 / unit.len().max(1)));
                lexer.lex(sql.as_bytes(), true);
                parameters(sql.as_bytes(), true, &mut Vec::new());
            }
        }
        let blob = format!("insert into t values (1, '{}', 2)", "it''s ".repeat(50_000));
        assert_eq!(text(&blob), "insert into t values ($1, $2, $3)");
    }

    #[test]
    fn lists_of_parameters() {
        let read = |detail: &str| {
            let mut out = Vec::new();
            let completeness = parameters(detail.as_bytes(), false, &mut out);
            (completeness, out)
        };
        let texts = ["'5'", "'it''s'", "NULL", "''", "'a, $6 = ''x'''", "'-12'"];
        let detail = texts.iter().enumerate().map(|(at, text)| format!("${} = {text}", at + 1)).collect::<Vec<_>>();
        let values = texts.iter().map(|text| if *text == "NULL" { SlotValue::NULL } else { value(text) }).collect();
        assert_eq!(read(&detail.join(", ")), (Parameters::Whole, values));
        assert_eq!(read("$1 = 'aaaa...', $2 = 'b'").0, Parameters::Cut);
        assert_eq!(read("$1 = 'aaaa...', $2 = 'b'").1.len(), 2);
        assert_eq!(read("$1 = 'cut").0, Parameters::Cut);
        assert_eq!(read("$1 = 'a', $2").0, Parameters::Cut);
        assert_eq!(read("$1 = 'a', "), (Parameters::Whole, vec![value("'a'")]));
        assert_eq!(read(""), (Parameters::Whole, vec![]));
        assert_eq!(read("what is this").0, Parameters::Cut);
        assert_ne!(SlotValue::NULL, value("'NULL'"));
        assert_eq!(SlotValue::NULL.as_integer(), None);
        let raw = raw_parameters(b"$1 = '5', $2 = 'it''s ''''', $3 = NULL, $12 = '\xff'", false);
        let raw: Vec<Option<&[u8]>> = raw.iter().map(Option::as_deref).collect();
        assert_eq!(raw, [Some(b"5".as_slice()), Some(b"it's ''"), None, Some(b"\xff")]);
    }

    #[test]
    fn hashes_spread() {
        let mut shapes: Vec<u64> = (0..100_000).map(|number| shape(&format!("select c{number} from t"))).collect();
        shapes.sort_unstable();
        shapes.dedup();
        assert_eq!(shapes.len(), 100_000);
        // any part of the hash will do for a table: of 65 536 places 78 % are hit by chance
        for shift in [0, 13, 29, 48] {
            let mut is_hit = vec![false; 1 << 16];
            shapes.iter().for_each(|shape| is_hit[(shape >> shift) as usize & 0xffff] = true);
            let hit = is_hit.iter().filter(|is_hit| **is_hit).count();
            assert!((50_500..52_500).contains(&hit), "{hit}");
        }
    }

    fn fixed() -> impl Strategy<Value = String> {
        let words = "select FROM where and in values array cast as date interval null TRUE limit like t T1 a_b é savepoint \
                     row int any path default x e u timestamp day ( ) ( ) [ ] , , . ; : :: := = < >= <> || ->> * / - + ? ?| @> \
                     % $ \\ { \"Q\" \"a\"\"b\" \"long_quoted_name\" a_long_unquoted_name U&\"x\" #";
        prop::sample::select(words.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn literal() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<u64>().prop_map(|number| number.to_string()),
            (0_u32..200).prop_map(|number| number.to_string()),
            "'[a-z0-9 \"/*$-]{0,20}(''[a-z]{0,3})?'",
            "\\$[1-9][0-9]?",
            "[0-9]{1,3}\\.[0-9]{0,3}(e-?[0-9])?",
            "[eE]'([a-z]|\\\\'|''){0,5}'",
            "[bBxX]'[01]{0,9}'",
            ("[a-z]{0,2}", "[a-z' ]{0,9}").prop_map(|(tag, text)| format!("${tag}${text}${tag}$")),
        ]
    }

    fn token() -> impl Strategy<Value = String> {
        prop_oneof![3 => fixed(), 2 => literal()]
    }

    fn between() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![" ", "  ", "\t", " /* ' */ ", " /* /*x*/ */", "\u{c}", "\r\n", "\n", " -- ' \"\n"])
    }

    const ODD: &str = "[-'\"$/*(),;.:?\\\\+=0-9a-zAEBXUN&_\n\t é]{0,60}";

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_end_the_process(bytes in prop::collection::vec(any::<u8>(), 0..200), is_tabbed: bool) {
            let mut lexer = Lexer::new();
            let lexed = lexer.lex(&bytes, is_tabbed);
            prop_assert!(lexed.slots.len() <= SLOTS);
            prop_assert!(lexed.comments.iter().all(|range| range.start < range.end && range.end <= bytes.len()));
            lexer.shape_text(&bytes, is_tabbed);
            parameters(&bytes, is_tabbed, &mut Vec::new());
            raw_parameters(&bytes, is_tabbed);
        }

        #[test]
        fn white_space_and_comments_change_nothing(tokens in prop::collection::vec((token(), between()), 0..20)) {
            let plain = tokens.iter().map(|(token, _)| token.as_str()).collect::<Vec<_>>().join(" ");
            let mut spaced = String::new();
            for (position, (token, between)) in tokens.iter().enumerate() {
                let next = tokens.get(position + 1).map_or("", |(next, _)| next.as_str());
                spaced.push_str(token);
                // a line feed makes one of two strings
                spaced.push_str(if token.ends_with('\'') && next.starts_with('\'') { " " } else { between });
            }
            let (mut one, mut other) = (Lexer::new(), Lexer::new());
            let (one, other) = (one.lex(plain.as_bytes(), false), other.lex(spaced.as_bytes(), false));
            prop_assert_eq!((one.shape, one.slots, one.verb), (other.shape, other.slots, other.verb));
            prop_assert_eq!(one.statements, other.statements);
            prop_assert_eq!(text(&plain), text(&spaced));
        }

        #[test]
        fn literals_change_nothing(tokens in prop::collection::vec((fixed(), literal(), literal()), 0..20)) {
            let write = |literal: fn(&(String, String, String)) -> &String| {
                let tokens = tokens.iter().map(|three| match three.0.as_str() {
                    "x" | "t" | "e" | "u" => literal(three).as_str(),
                    // a typed literal is a string, a sign is a number's, a point may be too
                    "interval" | "date" | "timestamp" | "int" | "-" | "+" | "." => "y",
                    token => token,
                });
                tokens.collect::<Vec<_>>().join(" ")
            };
            let (one, other) = (write(|three| &three.1), write(|three| &three.2));
            prop_assert_eq!(shape(&one), shape(&other), "{} and {}", one, other);
        }

        #[test]
        fn the_text_of_a_shape_has_that_shape(tokens in prop::collection::vec(token(), 0..25), odd in ODD) {
            for sql in [tokens.join(" "), tokens.join("\n"), tokens.concat(), odd] {
                let written = text(&sql);
                prop_assert_eq!(shape(&sql), shape(&written), "{} became {}", sql, written);
                prop_assert_eq!(&text(&written), &written, "of {}", sql);
                prop_assert_eq!(slots(&sql).len(), slots(&written).len(), "{} became {}", sql, written);
            }
        }

        #[test]
        fn parameters_come_back(
            values in prop::collection::vec(prop::option::of("[a-z0-9', $=\n\té.-]{0,20}"), 0..10),
            is_tabbed: bool,
        ) {
            let write = |value: &Option<String>| match value {
                None => "NULL".to_owned(),
                Some(text) => {
                    let text = text.replace('\'', "''");
                    format!("'{}'", if is_tabbed { text.replace('\n', "\n\t") } else { text })
                }
            };
            let items = values.iter().enumerate().map(|(position, value)| format!("${} = {}", position + 1, write(value)));
            let detail = items.collect::<Vec<_>>().join(", ");
            let raw = raw_parameters(detail.as_bytes(), is_tabbed);
            let raw = raw.into_iter().map(|text| text.map(|text| String::from_utf8_lossy(&text).into_owned()));
            prop_assert_eq!(&raw.collect::<Vec<_>>(), &values);
            let mut out = Vec::new();
            let is_cut = parameters(detail.as_bytes(), is_tabbed, &mut out) == Parameters::Cut;
            prop_assert_eq!(is_cut, values.iter().flatten().any(|text| text.ends_with("...")));
            for (found, text) in out.iter().zip(&values) {
                let literal = text.as_ref().map(|text| value(&format!("'{}'", text.replace('\'', "''"))));
                prop_assert_eq!(*found, literal.unwrap_or(SlotValue::NULL));
            }
        }
    }
}
