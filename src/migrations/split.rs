//! Where the statements of a text begin and end.
//!
//! The tokens are PostgreSQL's own ([`tokens`]). A semicolon ends a statement, save in the two places where the grammar
//! has statements within statements: between the parentheses of `create rule … do (…; …)`, and in `begin atomic … end`
//! of `create function` and `create procedure`, found as psql finds it. Only some statements can stand there; another
//! one after such a semicolon means that the parenthesis or the `end` is missing, and begins a statement of its own.
//!
//! What psql adds is known too: `\commands`, which end with their line and of which some send what stands before them,
//! and the rows that follow `copy … from stdin`.
//!
//! ## Where a quote does not end
//! A quote or a comment without an end takes the rest of the text with it. The statement is then
//! [`Unterminated`](PieceKind::Unterminated), and the next one begins at the first line after the quote that begins,
//! without indentation, with the first word of a statement and follows a blank line or one that ends in a semicolon. As
//! a missing quote turns the ones after it inside out, the fault is looked for first in what looked like a whole: the
//! first quote of which a line ends in a semicolon and the next begins with the first word of a statement. After some
//! such faults every quote of that kind is taken for one, so that the time stays proportional to the text.

mod actions;
mod placeholders;
pub(super) mod tokens;

pub use actions::list_positions;
pub use placeholders::placeholders;

use std::ops::Range;
use tokens::{Kind, Token, Tokens};

/// A statement, or what stands where one could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its bytes, without leading blanks and comments, the semicolon, and what stands between the two.
    pub span: Range<usize>,
    /// The byte after its semicolon; where the span ends if it has none.
    pub end: usize,
    /// What it is.
    pub kind: PieceKind,
    /// The comments before it that do not stand on the last line of the statement before.
    pub leading_comments: Vec<Range<usize>>,
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceKind {
    /// A statement, right or wrong.
    Sql,
    /// A command of psql: `\restrict …`, `\gset`.
    Meta,
    /// Rows of a `copy … from stdin`, with the `\.` after them.
    CopyData,
    /// A statement in which something begins that does not end.
    Unterminated {
        /// What.
        what: Open,
        /// Where it begins.
        at: usize,
    },
}

/// What can lack its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// `'`.
    Quote,
    /// `"`.
    Identifier,
    /// `$tag$`.
    DollarQuote,
    /// `/*`.
    Comment,
    /// The rows of a `copy … from stdin`, which end with a line `\.`.
    CopyData,
}

impl Open {
    /// As a message says it: `a quote`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quote => "a quote",
            Self::Identifier => "a quoted identifier",
            Self::DollarQuote => "a dollar quote",
            Self::Comment => "a comment",
            Self::CopyData => "the data of a copy",
        }
    }
}

/// What a text consists of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    /// Its pieces, in order.
    pub pieces: Vec<Piece>,
    /// All of its comments, in order, those within statements too.
    pub comments: Vec<Range<usize>>,
}

/// The pieces of a part of a text.
pub fn split(text: &str, range: Range<usize>) -> Vec<Piece> {
    split_with_comments(text, range).pieces
}

/// The first words of a part of a text, in lower case: keywords and plain names, up to the first quoted one or
/// parenthesis.
pub fn words(text: &str, range: Range<usize>, count: usize) -> Vec<String> {
    Tokens::new(text, range.start, range.end)
        .filter(|token| !matches!(token.kind, Kind::Blank | Kind::Comment))
        .take_while(|token| token.kind == Kind::Word)
        .take(count)
        .map(|token| text.get(token.start..token.end).unwrap_or_default().to_ascii_lowercase())
        .collect()
}

/// The pieces and the comments of a part of a text.
pub fn split_with_comments(text: &str, range: Range<usize>) -> Split {
    let end = range.end.min(text.len());
    let mut splitter = Splitter {
        text,
        end,
        tokens: Tokens::new(text, range.start, end),
        split: Split::default(),
        current: Statement::default(),
        is_on_last_line: false,
        trust: Trust::Everything,
    };
    let mut faults = 0;
    let mut from = Mark { at: range.start.min(end), ..Mark::default() };
    loop {
        splitter.trust = if faults < PATIENCE { Trust::Everything } else { Trust::Nothing };
        splitter.back(&from);
        let Some(mut fault) = splitter.run() else { break };
        if faults < PATIENCE && fault.what != Open::CopyData {
            // where did the quotes turn inside out?
            splitter.trust = Trust::UntilDoubt;
            splitter.back(&from);
            fault = splitter.run().unwrap_or(fault);
        }
        faults += 1;
        let next = splitter.cut(&fault);
        from = splitter.mark(next);
        if next >= end {
            break;
        }
    }
    splitter.split
}

/// How many faults are looked for before quotes are no longer trusted.
const PATIENCE: usize = 8;

/// What is believed of a quote over several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// That it ends where it ends.
    Everything,
    /// The same, but there is a fault somewhere: it is the first quote that holds what looks like a statement, or the
    /// last.
    UntilDoubt,
    /// Not even that it ends, if it holds what looks like a statement.
    Nothing,
}

/// Something without an end.
#[derive(Debug, Clone, Copy)]
struct Fault {
    what: Open,
    at: usize,
    /// Where to go on.
    next: usize,
}

/// Where to go back to.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    at: usize,
    pieces: usize,
    comments: usize,
    has_backslashes: bool,
}

/// The statement that is being read.
#[derive(Debug, Clone, Default)]
struct Statement {
    start: Option<usize>,
    /// The byte after its last token.
    last: usize,
    leading: Vec<Range<usize>>,
    /// How many words it has so far.
    words: usize,
    first: First,
    /// How far it is into `copy … from stdin`.
    copy: Copy,
    parentheses: usize,
    /// How many of `begin` and `case` are open.
    blocks: usize,
    /// The semicolon within that was read last, if no statement has followed it yet.
    within: Option<Within>,
}

/// A semicolon within a statement, after which a statement should follow that can stand there.
#[derive(Debug, Clone, Copy)]
struct Within {
    /// The byte after what stands before it.
    last: usize,
    /// The byte after it.
    end: usize,
    /// How many comments there were.
    comments: usize,
    /// Where the first parenthesis after it stands.
    next: Option<usize>,
}

/// What the first words of a statement say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum First {
    #[default]
    Nothing,
    Create,
    CreateOr,
    CreateOrReplace,
    Routine,
    Rule,
    Copy,
    Set,
    Other,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Copy {
    #[default]
    No,
    From,
    FromStdin,
}

struct Splitter<'a> {
    text: &'a str,
    end: usize,
    tokens: Tokens<'a>,
    split: Split,
    current: Statement,
    /// Whether no line has ended since the last piece did.
    is_on_last_line: bool,
    trust: Trust,
}

impl Splitter<'_> {
    fn mark(&self, at: usize) -> Mark {
        Mark {
            at,
            pieces: self.split.pieces.len(),
            comments: self.split.comments.len(),
            has_backslashes: self.tokens.has_backslashes,
        }
    }

    fn back(&mut self, mark: &Mark) {
        self.split.pieces.truncate(mark.pieces);
        self.split.comments.truncate(mark.comments);
        self.tokens.go(mark.at);
        self.tokens.has_backslashes = mark.has_backslashes;
        self.current = Statement::default();
        self.is_on_last_line = false;
    }

    /// Reads to the end, or to something that lacks one.
    fn run(&mut self) -> Option<Fault> {
        while let Some(token) = self.tokens.next() {
            if let Some(fault) = self.fault(&token) {
                return Some(fault);
            }
            match token.kind {
                Kind::Blank => self.is_on_last_line &= !self.has_line_end(&token),
                Kind::Comment => {
                    let span = token.start..token.end;
                    if self.current.start.is_none() && !self.is_on_last_line {
                        self.current.leading.push(span.clone());
                    }
                    self.is_on_last_line &= !self.has_line_end(&token);
                    self.split.comments.push(span);
                }
                Kind::Semicolon => {
                    if let Some(fault) = self.semicolon(&token) {
                        return Some(fault);
                    }
                }
                Kind::Backslash => self.backslash(&token),
                Kind::Word => self.word(&token),
                _ => self.add(&token),
            }
        }
        self.finish(self.end);
        None
    }

    fn has_line_end(&self, token: &Token) -> bool {
        memchr::memchr(b'\n', self.slice(token.start..token.end)).is_some()
    }

    fn slice(&self, range: Range<usize>) -> &[u8] {
        self.text.as_bytes().get(range).unwrap_or_default()
    }

    /// What is wrong with a quote or a comment, as far as the quotes are trusted.
    fn fault(&self, token: &Token) -> Option<Fault> {
        let what = match token.kind {
            Kind::Text => Open::Quote,
            Kind::Name => Open::Identifier,
            Kind::Dollar => Open::DollarQuote,
            Kind::Comment => Open::Comment,
            _ => return None,
        };
        // a function's body has lines that begin with `select`
        let words: &[&str] = if token.kind == Kind::Dollar { &DEFINING } else { &BEGINNING };
        let fault = |next| Fault { what, at: token.start, next };
        if !token.is_closed {
            let next = next_statement(self.text, token.start..self.end, words, true).unwrap_or(self.end);
            return Some(fault(next));
        }
        // comments nest, and say what they like: they are not in doubt
        if self.trust == Trust::Everything || token.kind == Kind::Comment {
            return None;
        }
        next_statement(self.text, token.start..token.end, words, false).map(fault)
    }

    /// Makes a piece of the statement that is being read and of what lacks its end.
    fn cut(&mut self, fault: &Fault) -> usize {
        let start = self.current.start.unwrap_or(fault.at);
        let end = trimmed(self.text, start.min(fault.next)..fault.next);
        let leading_comments = std::mem::take(&mut self.current.leading);
        let kind = PieceKind::Unterminated { what: fault.what, at: fault.at };
        self.split.pieces.push(Piece { span: start..end, end, kind, leading_comments });
        fault.next
    }

    fn add(&mut self, token: &Token) {
        match token.kind {
            Kind::Open => self.current.parentheses += 1,
            Kind::Close => self.current.parentheses = self.current.parentheses.saturating_sub(1),
            _ => {}
        }
        match &mut self.current.within {
            Some(within) if token.kind == Kind::Open => {
                within.next.get_or_insert(token.start);
            }
            within => *within = None,
        }
        self.current.start.get_or_insert(token.start);
        self.current.last = token.end;
    }

    fn word(&mut self, token: &Token) {
        if let Some(within) = self.current.within.take() {
            let word = self.slice(token.start..token.end);
            if !WITHIN.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes())) {
                // the end of what the semicolon stood within is missing: this is another statement
                self.current.last = within.last;
                self.finish(within.end);
                self.current.leading = self.split.comments.get(within.comments..).unwrap_or_default().to_vec();
                self.current.start = within.next;
            }
        }
        let current = &self.current;
        if current.words < 4 || matches!(current.first, First::Routine | First::Copy) {
            self.follow(token);
        }
        self.current.words += 1;
        self.add(token);
    }

    /// What a word changes in what a semicolon means.
    fn follow(&mut self, token: &Token) {
        let word = self.text.as_bytes().get(token.start..token.end).unwrap_or_default();
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        let current = &mut self.current;
        if current.first == First::Nothing && current.start.is_some() {
            current.first = First::Other;
        }
        current.first = match current.first {
            First::Nothing if is("create") => First::Create,
            First::Nothing if is("copy") => First::Copy,
            First::Nothing if is("set") => First::Set,
            First::Nothing => First::Other,
            First::Create if is("or") => First::CreateOr,
            First::CreateOr if is("replace") => First::CreateOrReplace,
            First::Create | First::CreateOrReplace if is("function") || is("procedure") => First::Routine,
            First::Create | First::CreateOrReplace if is("rule") => First::Rule,
            First::Create | First::CreateOr | First::CreateOrReplace => First::Other,
            as_it_was => as_it_was,
        };
        if current.parentheses > 0 {
            return;
        }
        match current.first {
            First::Routine if is("begin") => current.blocks += 1,
            First::Routine if is("case") && current.blocks > 0 => current.blocks += 1,
            First::Routine if is("end") => current.blocks = current.blocks.saturating_sub(1),
            First::Copy if is("from") => current.copy = Copy::From,
            First::Copy if current.copy == Copy::From && is("stdin") => current.copy = Copy::FromStdin,
            First::Copy if current.copy == Copy::From => current.copy = Copy::No,
            _ => {}
        }
    }

    fn semicolon(&mut self, token: &Token) -> Option<Fault> {
        let current = &mut self.current;
        let is_in_rule = current.first == First::Rule && current.parentheses > 0;
        if current.start.is_some() && (current.blocks > 0 || is_in_rule) {
            let last = current.last;
            current.last = token.end;
            let comments = self.split.comments.len();
            current.within = Some(Within { last, end: token.end, comments, next: None });
            return None;
        }
        let has_data = current.copy == Copy::FromStdin;
        self.finish(token.end);
        if has_data { self.copy_data(token.end) } else { None }
    }

    /// Ends the statement that is being read, where there is one.
    fn finish(&mut self, end: usize) {
        let current = std::mem::take(&mut self.current);
        self.is_on_last_line = true;
        let Some(start) = current.start else {
            return;
        };
        let span = start..current.last;
        if current.first == First::Set {
            self.setting(&span);
        }
        let end = end.min(self.end).max(current.last);
        // without a semicolon there is nothing between the end of the statement and its own
        let end = if self.slice(current.last..end).contains(&b';') { end } else { current.last };
        self.split.pieces.push(Piece { span, end, kind: PieceKind::Sql, leading_comments: current.leading });
    }

    /// Follows `set standard_conforming_strings`: old dumps turn it off.
    fn setting(&mut self, span: &Range<usize>) {
        let text = self.text.get(span.clone()).unwrap_or_default();
        if text.len() < 100 && text.to_ascii_lowercase().contains("standard_conforming_strings") {
            let value = text.rsplit(['=', ' ', '\t', '\n']).next().unwrap_or_default().trim_matches('\'');
            self.tokens.has_backslashes = ["off", "false", "no", "0"].iter().any(|off| value.eq_ignore_ascii_case(off));
        }
    }

    /// Skips the rows after a `copy … from stdin`.
    fn copy_data(&mut self, after: usize) -> Option<Fault> {
        let rest = self.slice(after..self.end);
        let line = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let comment =
            memchr::memmem::find(rest.get(..line).unwrap_or_default(), b"--").map(|at| after + at..after + line);
        self.split.comments.extend(comment);
        let start = (after + line + 1).min(self.end);
        let rows = self.slice(start..self.end);
        // `\.` alone on its line
        let mut found = None;
        if is_end_of_rows(rows, 0) {
            found = Some(0);
        } else {
            found = found.or_else(|| {
                memchr::memmem::find_iter(rows, b"\n\\.").map(|at| at + 1).find(|at| is_end_of_rows(rows, *at))
            });
        }
        let is_blank = rows.trim_ascii().is_empty();
        self.is_on_last_line = false;
        let Some(found) = found else {
            let fault = Fault { what: Open::CopyData, at: start, next: self.end };
            return (!is_blank).then_some(fault);
        };
        let end = start + found + 2;
        self.split.pieces.push(Piece {
            span: start..end,
            end,
            kind: PieceKind::CopyData,
            leading_comments: Vec::new(),
        });
        self.tokens.go(end);
        None
    }

    /// A command of psql, to the end of its line; what stands before it ends there, sent or not.
    fn backslash(&mut self, token: &Token) {
        match self.slice(token.end..self.end).first() {
            // a semicolon that does not send
            Some(b';') => {
                self.finish(token.start);
                self.tokens.go(token.end + 1);
            }
            Some(byte) if byte.is_ascii_alphabetic() || matches!(byte, b'!' | b'?') => {
                self.finish(token.start);
                let line = memchr::memchr(b'\n', self.slice(token.start..self.end));
                let line_end = line.map_or(self.end, |more| token.start + more);
                let end = trimmed(self.text, token.start..line_end);
                let kind = PieceKind::Meta;
                self.split.pieces.push(Piece { span: token.start..end, end, kind, leading_comments: Vec::new() });
                self.tokens.go(end);
            }
            _ => self.add(token),
        }
    }
}

/// Whether `\.` stands at a byte and nothing else on its line.
fn is_end_of_rows(rows: &[u8], at: usize) -> bool {
    let rest = rows.get(at..).unwrap_or_default();
    rest.strip_prefix(b"\\.")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"\n") || rest.starts_with(b"\r\n"))
}

/// The end of a range without the blanks at its end.
fn trimmed(text: &str, range: Range<usize>) -> usize {
    let kept = text.as_bytes().get(range.clone()).unwrap_or_default().trim_ascii_end();
    range.start + kept.len()
}

/// The first line after the first one of a range that begins with one of the words and follows a line that ends in a
/// semicolon, or is blank where that will do.
fn next_statement(text: &str, range: Range<usize>, words: &[&str], blank_will_do: bool) -> Option<usize> {
    let bytes = text.as_bytes().get(range.clone())?;
    let mut line_start = 0;
    for line_end in memchr::memchr_iter(b'\n', bytes) {
        let line = bytes.get(line_start..line_end).unwrap_or_default().trim_ascii_end();
        line_start = line_end + 1;
        if line.last() != Some(&b';') && !(blank_will_do && line.is_empty()) {
            continue;
        }
        let next = bytes.get(line_start..).unwrap_or_default();
        let length = next.iter().take(16).take_while(|byte| tokens::is_of_word(**byte)).count();
        let word = next.get(..length).unwrap_or_default();
        if words.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes())) {
            return Some(range.start + line_start);
        }
    }
    None
}

/// What can begin a statement between the parentheses of a rule or in `begin atomic`.
const WITHIN: [&str; 11] =
    ["select", "insert", "update", "delete", "merge", "with", "values", "table", "notify", "return", "end"];

/// What begins a statement that defines something: what a body of a function does not begin a line with.
const DEFINING: [&str; 7] = ["create", "alter", "drop", "comment", "grant", "revoke", "do"];

/// What begins a statement.
const BEGINNING: [&str; 32] = [
    "create",
    "alter",
    "drop",
    "comment",
    "grant",
    "revoke",
    "do",
    "insert",
    "update",
    "delete",
    "select",
    "with",
    "merge",
    "set",
    "reset",
    "begin",
    "start",
    "commit",
    "rollback",
    "savepoint",
    "release",
    "truncate",
    "lock",
    "copy",
    "vacuum",
    "analyze",
    "cluster",
    "reindex",
    "refresh",
    "call",
    "reassign",
    "security",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The pieces as short texts.
    fn pieces(text: &str) -> Vec<String> {
        let show = |piece: &Piece| {
            let span = &text[piece.span.clone()];
            match piece.kind {
                PieceKind::Sql => span.to_owned(),
                PieceKind::Meta => format!("meta {span}"),
                PieceKind::CopyData => format!("rows {}", span.len()),
                PieceKind::Unterminated { what, at } => {
                    format!("{} at {} of {}", what.as_str(), at - piece.span.start, span.replace('\n', "|"))
                }
            }
        };
        split(text, 0..text.len()).iter().map(show).collect()
    }

    #[test]
    fn semicolons_end_statements() {
        assert_eq!(pieces("select 1; select 2 ;\n;;\n select 3"), ["select 1", "select 2", "select 3"]);
        assert_eq!(pieces(""), [] as [&str; 0]);
        assert_eq!(pieces(" ; -- x\n"), [] as [&str; 0]);
        let text = "select 1 /* x */ ; select 2";
        let all = split(text, 0..text.len());
        assert_eq!((all[0].span.clone(), all[0].end, all[1].span.clone(), all[1].end), (0..8, 18, 19..27, 27));
    }

    #[test]
    fn quotes_hide_semicolons() {
        assert_eq!(pieces("select 'a;''b;', \"x;\"\"y;\"; select 2"), ["select 'a;''b;', \"x;\"\"y;\"", "select 2"]);
        assert_eq!(
            pieces("select E'a\\';b', e'\\\\'; select '\\'; x"),
            ["select E'a\\';b', e'\\\\'", "select '\\'", "x"]
        );
        assert_eq!(pieces("select E'a'\n -- more\n 'b\\';c'; x"), ["select E'a'\n -- more\n 'b\\';c'", "x"]);
        assert_eq!(pieces("select E'a' 'b\\'; x"), ["select E'a' 'b\\'", "x"]);
        assert_eq!(
            pieces("select U&'\\0041;', n'a;', x'1f', type'a\\'; y"),
            ["select U&'\\0041;', n'a;', x'1f', type'a\\'", "y"]
        );
        assert_eq!(pieces("select $$a;b$$, $x$a;$$;$y$;$x$; y"), ["select $$a;b$$, $x$a;$$;$y$;$x$", "y"]);
        assert_eq!(pieces("select a$b$c; d$b$; $é1$;$é1$; $1; y"), ["select a$b$c", "d$b$", "$é1$;$é1$", "$1", "y"]);
        assert_eq!(pieces("select 1$$;$$; y"), ["select 1$$;$$", "y"]);
        assert_eq!(
            pieces("-- a;b\rselect 1; /* a; /* b; */ c; */ select 2 -- c;\n + 1; x"),
            ["select 1", "select 2 -- c;\n + 1", "x"]
        );
        assert_eq!(pieces("select 2*/* ; */3 --;\n; x"), ["select 2*/* ; */3", "x"]);
    }

    #[test]
    fn strings_know_backslashes_where_an_old_dump_says_so() {
        let text = "set standard_conforming_strings = off; select 'a\\';b'; set standard_conforming_strings to on; select '\\'; x";
        assert_eq!(pieces(text)[1], "select 'a\\';b'");
        assert_eq!(pieces(text)[3..], ["select '\\'", "x"]);
    }

    #[test]
    fn bodies_of_routines_and_rules_are_within() {
        let body = "create or replace function f() returns int language sql begin atomic select case when a then 1 end; select 2; end";
        assert_eq!(pieces(&format!("{body}; x")), [body, "x"]);
        let body = "CREATE PROCEDURE p() BEGIN ATOMIC insert into t values (1);\n-- c\n update t set a = case b when 1 then 2 end; END";
        assert_eq!(pieces(&format!("{body}; x")), [body, "x"]);
        let rule = "create rule r as on insert to v do instead (insert into a values (1); notify n; (select 1);)";
        assert_eq!(pieces(&format!("{rule}; x")), [rule, "x"]);
        assert_eq!(
            pieces("begin; create function f() returns int as 'x' language c; end; x"),
            ["begin", "create function f() returns int as 'x' language c", "end", "x"]
        );
        assert_eq!(pieces("create schema s create table t (a int) create view v as select 1; x").len(), 2);
    }

    #[test]
    fn a_parenthesis_or_end_too_few_costs_one_statement() {
        assert_eq!(
            pieces("create table t (a int;\ncreate table u (a int);"),
            ["create table t (a int", "create table u (a int)"]
        );
        assert_eq!(
            pieces("create rule r as on insert to v do (insert into a values (1);\n\n-- c\ncreate table u (a int); x"),
            ["create rule r as on insert to v do (insert into a values (1)", "create table u (a int)", "x"]
        );
        let text = "create function f() begin atomic select 1;\n/* c */ alter table t add a int; x";
        assert_eq!(pieces(text), ["create function f() begin atomic select 1", "alter table t add a int", "x"]);
        let all = split(text, 0..text.len());
        assert_eq!(&text[all[1].leading_comments[0].clone()], "/* c */");
    }

    #[test]
    fn psql_is_understood() {
        let text =
            "\\restrict abc\n\\set x 'a;b'\nselect 1 \\gset\nselect 2 \\; select 3;\n\\if :x\nselect 4;\n\\endif";
        let expected = [
            "meta \\restrict abc",
            "meta \\set x 'a;b'",
            "select 1",
            "meta \\gset",
            "select 2",
            "select 3",
            "meta \\if :x",
            "select 4",
            "meta \\endif",
        ];
        assert_eq!(pieces(text), expected);
        assert_eq!(pieces("select 1 \\ 2; x"), ["select 1 \\ 2", "x"]);
    }

    #[test]
    fn rows_of_copy_are_skipped() {
        let text = "COPY public.t (a, b) FROM stdin;\n1\tit's; -- x\n$$\n\\.\n\nselect 1;";
        assert_eq!(pieces(text), ["COPY public.t (a, b) FROM stdin", "rows 18", "select 1"]);
        assert_eq!(pieces("copy t from stdin;\r\n\\.\r\nselect 1"), ["copy t from stdin", "rows 2", "select 1"]);
        assert_eq!(
            pieces("copy t from stdin with (format csv);\na\n\\.x\n\\."),
            ["copy t from stdin with (format csv)", "rows 8"]
        );
        assert_eq!(pieces("copy t from 'stdin'; select from stdin; x").len(), 3);
        assert_eq!(pieces("copy (select a from stdin) to stdout; x").len(), 2);
        assert_eq!(pieces("copy t from stdin;\n1\n2\n"), ["copy t from stdin", "the data of a copy at 0 of 1|2"]);
        assert_eq!(pieces("copy t from stdin;"), ["copy t from stdin"]);
    }

    #[test]
    fn comments_belong_where_they_stand() {
        let text = "-- a\n/* b */ select 1; -- c\n-- d\nselect /* e */ 2\n-- f\n; -- g\n-- h";
        let split = split_with_comments(text, 0..text.len());
        let show = |spans: &[Range<usize>]| spans.iter().map(|span| &text[span.clone()]).collect::<Vec<_>>().join(" ");
        assert_eq!(show(&split.pieces[0].leading_comments), "-- a /* b */");
        assert_eq!(show(&split.pieces[1].leading_comments), "-- d");
        assert_eq!(show(&split.comments), "-- a /* b */ -- c -- d /* e */ -- f -- g -- h");
    }

    #[test]
    fn a_quote_without_an_end_costs_one_statement() {
        assert_eq!(
            pieces("select 1;\ninsert into t values ('a);\n\ncreate table u (a int);\nselect 2;"),
            ["select 1", "a quote at 22 of insert into t values ('a);", "create table u (a int)", "select 2"]
        );
        // the quotes after it are inside out: all of them, up to the last one
        assert_eq!(
            pieces("insert into t values ('it's');\nalter table t add a text default 'x';\nselect 'y';\nselect 3;"),
            [
                "a quote at 27 of insert into t values ('it's');",
                "alter table t add a text default 'x'",
                "select 'y'",
                "select 3"
            ]
        );
        assert_eq!(
            pieces(
                "create function f() returns int as $$ begin\n select 1;\n end\n\ncreate table u (a int);\nselect 2"
            ),
            [
                "a dollar quote at 35 of create function f() returns int as $$ begin| select 1;| end",
                "create table u (a int)",
                "select 2"
            ]
        );
        assert_eq!(pieces("select 1; /* a\n\nselect 2;"), ["select 1", "a comment at 0 of /* a", "select 2"]);
        assert_eq!(
            pieces("alter table \"t add a int;\ndrop table u;"),
            ["a quoted identifier at 12 of alter table \"t add a int;", "drop table u"]
        );
        assert_eq!(pieces("select 'a"), ["a quote at 7 of select 'a"]);
        assert_eq!(pieces("'"), ["a quote at 0 of '"]);
    }

    #[test]
    fn a_string_that_holds_statements_is_a_string() {
        let text = "comment on table t is 'first;\ncreate table x;\n';\ndo 'begin\nselect 1;\nupdate t set a = 1;\nend';\nselect 3;";
        assert_eq!(pieces(text).len(), 3);
        let body = "create function f() returns void language plpgsql as $$\nbegin\n  select 1;\ninsert into t values (1);\nend $$";
        assert_eq!(pieces(&format!("{body};\nselect 1;\nselect 'x")), [body, "select 1", "a quote at 7 of select 'x"]);
    }

    #[test]
    fn many_faults_take_no_longer() {
        let faulty = "insert into t values ('it's);\n\n".repeat(2000);
        assert!(split(&faulty, 0..faulty.len()).len() >= 1000);
        let faulty = "select $a$ from t;\n\ncreate table x (a int);\n".repeat(2000);
        assert!(split(&faulty, 0..faulty.len()).len() > 1000);
        let faulty = "/* select 1;\n\n".repeat(5000);
        assert!(!split(&faulty, 0..faulty.len()).is_empty());
        let deep = "(".repeat(10_000) + &")".repeat(10_000) + "; x";
        assert_eq!(split(&deep, 0..deep.len()).len(), 2);
    }

    #[test]
    fn a_part_of_a_text_is_split_for_itself() {
        let text = "select 'a; select 1; b'";
        let all = split(text, 9..20);
        assert_eq!((all.len(), &text[all[0].span.clone()]), (1, "select 1"));
        assert_eq!(split(text, 50..60), []);
        assert_eq!(words("Create  /* x */ UNIQUE index (a)", 0..32, 5), ["create", "unique", "index"]);
    }

    /// Parts that mean something to the lexer, whole and broken.
    const PARTS: [&str; 40] = [
        "select",
        " ",
        "\n",
        ";",
        "'",
        "''",
        "\"",
        "$$",
        "$a$",
        "$",
        "/*",
        "*/",
        "--",
        "-",
        "E'",
        "\\'",
        "\\",
        "\\.",
        "(",
        ")",
        "[",
        "]",
        "é",
        "a$b",
        "copy t from stdin;\n",
        "create function f()",
        "begin atomic",
        "end",
        "case",
        "create rule r do (",
        ":x",
        "${x}",
        "{{",
        "}}",
        "\r",
        "\0",
        "set standard_conforming_strings = off",
        "create table",
        "1",
        ",",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn pieces_are_in_order_and_leave_out_nothing_but_blanks(indices in prop::collection::vec(0..PARTS.len(), 0..60)) {
            let text: String = indices.iter().map(|index| PARTS[*index]).collect();
            let all = split_with_comments(&text, 0..text.len());
            let mut covered = vec![false; text.len()];
            let mut last = 0;
            for piece in &all.pieces {
                prop_assert!(piece.span.start >= last && piece.span.start < piece.span.end && piece.end >= piece.span.end);
                prop_assert!(piece.end <= text.len());
                prop_assert!(text.get(piece.span.clone()).is_some());
                last = piece.span.end;
                covered[piece.span.start..piece.end].fill(true);
                placeholders(&text, piece.span.clone());
                list_positions(&text, piece.span.clone());
            }
            let mut last = 0;
            for comment in &all.comments {
                prop_assert!(comment.start >= last && text.get(comment.clone()).is_some(), "{:?}", all.comments);
                last = comment.end;
                covered[comment.clone()].fill(true);
            }
            let lost: Vec<u8> = text.bytes().zip(&covered).filter(|(_, covered)| !**covered).map(|(byte, _)| byte).collect();
            let is_nothing = |byte: &u8| tokens::is_blank(*byte) || matches!(byte, b';' | b'\\');
            prop_assert!(lost.iter().all(is_nothing) || text.contains("stdin"), "{:?}", String::from_utf8_lossy(&lost));
        }

        #[test]
        fn any_text_is_split(text in "\\PC{0,80}", from in 0..100usize, to in 0..100usize) {
            split_with_comments(&text, 0..text.len());
            let _ = split(&text, from..to);
            placeholders(&text, from..to);
            list_positions(&text, from..to);
        }

        #[test]
        fn the_servers_lexer_agrees(indices in prop::collection::vec(0..WHOLE.len(), 0..25)) {
            // it leaves out statements without a keyword
            let text: String = std::iter::once("select ").chain(indices.iter().map(|index| WHOLE[*index])).collect();
            let theirs = pg_query::split_with_scanner(&text);
            if let Ok(theirs) = theirs {
                let theirs: Vec<&str> = theirs.into_iter().map(str::trim).collect();
                let ours = split(&text, 0..text.len());
                prop_assert_eq!(ours.len(), theirs.len(), "{:?} {:?} {:?}", &text, pieces(&text), &theirs);
                for (ours, theirs) in ours.iter().zip(theirs) {
                    prop_assert!(theirs.contains(&text[ours.span.clone()]));
                }
            }
        }
    }

    /// Parts that the server's lexer takes, in any order.
    const WHOLE: [&str; 22] = [
        "select ",
        " ",
        "\n",
        ";select ",
        ";select ",
        "'it''s;'",
        "\"a;\"",
        "$$ ; $$",
        " $a$ ; $$ $a$",
        "/* ; /* ; */ ; */",
        " -- ;\n",
        " E'\\';'",
        " e'\\';' -- '\n '\\';'",
        " a$b$c ",
        " é$é ",
        "(1)",
        " +",
        " :: int",
        " U&'\\0041;'",
        " x'1f'",
        "\t",
        " 1",
    ];
}
