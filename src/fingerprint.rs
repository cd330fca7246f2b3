//! What may be kept of a query: its identity, its kind, and its text without literals or comments.
//!
//! The server's own normalisation is not enough: it leaves utility statements as they came, passwords included, and it
//! stores raw text where a statement was evicted while it ran. So every text passes through here before it becomes a fact.

use crate::rule::words;
use serde::{Deserialize, Serialize};

words! {
    /// What a fingerprint was made from.
    FingerprintKind {
        /// pg_query's fingerprint, with its default options.
        PgQuery = "pg_query",
        /// A hash of the text without its literals, where the text does not parse.
        Shape = "shape",
    }
}

words! {
    /// What a statement is, as far as planning it goes.
    StatementKind {
        /// `select`, `values`, `table`, with or without common table expressions; it may still lock or modify.
        Select = "select",
        /// `insert`.
        Insert = "insert",
        /// `update`.
        Update = "update",
        /// `delete`.
        Delete = "delete",
        /// `merge`.
        Merge = "merge",
        /// Everything that is not planned.
        Utility = "utility",
        /// It does not parse: cut short, another dialect, deeper than the parser goes.
        Unparsed = "unparsed",
    }
}

/// A query without its literals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Normalised {
    /// 16 hexadecimal digits.
    pub fingerprint: String,
    /// What the fingerprint was made from.
    pub fingerprint_kind: FingerprintKind,
    /// What it is.
    pub kind: StatementKind,
    /// One line, literals replaced by parameters, no comments; of a utility statement only its leading words.
    pub text: String,
}

/// Stack for the parser: its own limit ends the recursion of the C side, decoding the tree recurses as deep again.
const STACK: usize = 256 << 20;

/// Texts that are worth a thread of their own.
const WORTH_A_THREAD: usize = 100;

/// Normalises many texts, in order, on threads whose stacks are deep enough for any text the parser accepts.
pub fn normalise_all(texts: &[&str]) -> Vec<Normalised> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let share = texts.len().div_ceil(processors).max(WORTH_A_THREAD);
    std::thread::scope(|scope| {
        let work = |texts: &[&str]| texts.iter().map(|text| normalise(text)).collect::<Vec<_>>();
        let start = |texts| {
            let thread = std::thread::Builder::new().name("normalise".into()).stack_size(STACK);
            (texts, thread.spawn_scoped(scope, move || work(texts)))
        };
        // all are started before the first is waited for
        let workers: Vec<_> = texts.chunks(share).map(start).collect();
        let done =
            workers.into_iter().flat_map(|(texts, worker)| match worker.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(normalised)) => normalised,
                // no thread to be had, or it died: the texts are still accounted for, by shape alone
                _ => texts.iter().map(|text| shape(text, StatementKind::Unparsed)).collect(),
            });
        done.collect()
    })
}

pub(crate) fn normalise(text: &str) -> Normalised {
    let Ok(fingerprint) = pg_query::fingerprint(text, 0, pg_query::FingerprintOptions::default()) else {
        return shape(text, StatementKind::Unparsed);
    };
    // asks without the tree of the statement, which takes many times as long to hand over as to make
    let planned = matches!(pg_query::is_utility_stmt(text).as_deref(), Ok([false]));
    let (kind, text) = match planned {
        false => (StatementKind::Utility, leading_words(text)),
        true => {
            let unsquashed = unsquashed(text);
            let masked = pg_query::normalize(&unsquashed)
                .map_or_else(|_| mask(&unsquashed), |normalised| mask_normalised(&normalised));
            (kind(text, &masked), masked)
        }
    };
    Normalised { fingerprint: fingerprint.hex, fingerprint_kind: FingerprintKind::PgQuery, kind, text }
}

/// The kind of one statement that is planned: its first word tells, but for one that begins with a `with`.
fn kind(text: &str, masked: &str) -> StatementKind {
    match first_word(masked).to_ascii_lowercase().as_str() {
        "select" | "values" | "table" => StatementKind::Select,
        "insert" => StatementKind::Insert,
        "update" => StatementKind::Update,
        "delete" => StatementKind::Delete,
        "merge" => StatementKind::Merge,
        _ => kind_by_tree(text),
    }
}

fn kind_by_tree(text: &str) -> StatementKind {
    use pg_query::NodeRef;
    let Ok(parsed) = pg_query::parse(text, 0) else { return StatementKind::Unparsed };
    let mut statements = parsed.protobuf.stmts.iter().filter_map(|raw| raw.stmt.as_ref()?.node.as_ref());
    let first = statements.next().map(pg_query::NodeEnum::to_ref);
    match (first, statements.next()) {
        (Some(NodeRef::SelectStmt(_)), None) => StatementKind::Select,
        (Some(NodeRef::InsertStmt(_)), None) => StatementKind::Insert,
        (Some(NodeRef::UpdateStmt(_)), None) => StatementKind::Update,
        (Some(NodeRef::DeleteStmt(_)), None) => StatementKind::Delete,
        (Some(NodeRef::MergeStmt(_)), None) => StatementKind::Merge,
        _ => StatementKind::Utility,
    }
}

/// From 18 on the extension writes a list of any length as `$1 /*, ... */`. Without its comment that would be a list of
/// one, so the parameter is written twice: still a list, and still SQL.
fn unsquashed(text: &str) -> std::borrow::Cow<'_, str> {
    const MARK: &str = " /*, ... */";
    let mut out = String::new();
    let mut from = 0;
    for (at, _) in text.match_indices(MARK) {
        let before = &text[..at];
        let number = before.trim_end_matches(|c: char| c.is_ascii_digit());
        if number.len() < at
            && let Some(start) = number.strip_suffix('$')
        {
            out.push_str(&text[from..at]);
            out.push_str(", ");
            out.push_str(&text[start.len()..at]);
            from = at + MARK.len();
        }
    }
    if from == 0 { text.into() } else { (out + &text[from..]).into() }
}

/// What is kept of a text that does not parse: the same words without literals, and a hash of that.
fn shape(text: &str, kind: StatementKind) -> Normalised {
    let masked = mask(text);
    let fingerprint = crate::hash::short(masked.as_bytes());
    // a text that does not parse may be a utility statement with a password in a form nobody foresaw
    let text = match is_query(&masked) {
        true => masked,
        false => leading_words(&masked),
    };
    Normalised { fingerprint, fingerprint_kind: FingerprintKind::Shape, kind, text }
}

fn is_query(text: &str) -> bool {
    ["select", "insert", "update", "delete", "merge", "with", "values", "table"]
        .iter()
        .any(|word| first_word(text).eq_ignore_ascii_case(word))
}

/// The first word of a text that was masked, whatever parentheses it stands in.
fn first_word(text: &str) -> &str {
    let text = text.trim_start_matches(['(', ' ']);
    &text[..text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len())]
}

/// The first words of a statement, as long as they can be nothing but SQL's own: `ALTER ROLE`, `CREATE UNIQUE INDEX`.
fn leading_words(text: &str) -> String {
    const WORDS: &[&str] = &[
        "alter",
        "analyze",
        "begin",
        "call",
        "checkpoint",
        "close",
        "cluster",
        "comment",
        "commit",
        "copy",
        "create",
        "deallocate",
        "declare",
        "discard",
        "do",
        "drop",
        "end",
        "execute",
        "explain",
        "fetch",
        "grant",
        "import",
        "listen",
        "load",
        "lock",
        "move",
        "notify",
        "prepare",
        "reassign",
        "refresh",
        "reindex",
        "release",
        "reset",
        "revoke",
        "rollback",
        "savepoint",
        "security",
        "set",
        "show",
        "start",
        "truncate",
        "unlisten",
        "vacuum",
        "access",
        "aggregate",
        "cast",
        "collation",
        "column",
        "concurrently",
        "constraint",
        "conversion",
        "database",
        "default",
        "domain",
        "event",
        "extension",
        "foreign",
        "function",
        "global",
        "group",
        "index",
        "language",
        "large",
        "local",
        "mapping",
        "materialized",
        "method",
        "object",
        "operator",
        "or",
        "owned",
        "policy",
        "privileges",
        "procedure",
        "publication",
        "replace",
        "role",
        "routine",
        "rule",
        "schema",
        "sequence",
        "server",
        "session",
        "statistics",
        "subscription",
        "system",
        "table",
        "tablespace",
        "temp",
        "temporary",
        "text",
        "transaction",
        "transform",
        "trigger",
        "type",
        "unique",
        "unlogged",
        "user",
        "view",
        "work",
        "wrapper",
    ];
    let masked = mask(text);
    let words = masked.split(' ').take_while(|word| WORDS.contains(&word.to_ascii_lowercase().as_str()));
    let words: Vec<String> = words.take(4).map(str::to_ascii_uppercase).collect();
    if words.is_empty() { "…".to_owned() } else { format!("{} …", words.join(" ")) }
}

/// The text on one line, its literals replaced by `?`, its comments gone. What follows an unterminated quote is left out:
/// nobody can say whether it is a value.
fn mask(text: &str) -> String {
    masked(text, 0)
}

/// What PostgreSQL's own normaliser made of a text, on one line. The constants it leaves are no values but part of the
/// statement: `order by 1`, `varchar(20)`. Those of a few digits stay, so that the text still parses; nothing else does.
fn mask_normalised(text: &str) -> String {
    masked(text, 4)
}

/// [`mask`], but for whole numbers of at most so many digits.
fn masked(text: &str, digits: usize) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let mut space = false;
    while at < bytes.len() {
        let rest = &text[at..];
        let (length, kept): (usize, &str) = match bytes[at] {
            b if b.is_ascii_whitespace() => (1, " "),
            b'-' if rest.starts_with("--") => (rest.find('\n').unwrap_or(rest.len()), " "),
            b'/' if rest.starts_with("/*") => (block_comment(rest), " "),
            b'\'' => match quoted(rest, !space && escapes_before(&out)) {
                Some(length) => {
                    if !space {
                        strip_string_prefix(&mut out);
                    }
                    (length, "?")
                }
                None => {
                    out.push('…');
                    return out;
                }
            },
            b'"' => match rest[1..].find('"') {
                Some(end) => (end + 2, &rest[..end + 2]),
                None => {
                    out.push('…');
                    return out;
                }
            },
            b'$' => match dollar(rest) {
                Dollar::Parameter(length) => (length, &rest[..length]),
                Dollar::Quoted(length) => (length, "?"),
                Dollar::Unterminated => {
                    out.push('…');
                    return out;
                }
                Dollar::Other => (1, "$"),
            },
            // a digit that goes on a word is part of a name
            b if b.is_ascii_digit()
                && (space || !out.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$')) =>
            {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_'));
                let number = &rest[..end.unwrap_or(rest.len())];
                let stays = number.len() <= digits && number.bytes().all(|byte| byte.is_ascii_digit());
                (number.len(), if stays { number } else { "?" })
            }
            _ => {
                let length = rest.chars().next().map_or(1, char::len_utf8);
                (length, &rest[..length])
            }
        };
        at += length;
        if kept == " " {
            space = !out.is_empty();
        } else {
            if std::mem::take(&mut space) {
                out.push(' ');
            }
            out.push_str(kept);
        }
    }
    out
}

/// The length of a comment that may hold comments; to the end where it is not closed.
fn block_comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0, 0);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

/// Whether the quote that follows is an `E'…'`, in which a backslash escapes.
fn escapes_before(out: &str) -> bool {
    let mut back = out.chars().rev();
    matches!(back.next(), Some('e' | 'E')) && !back.next().is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// Takes back the `E`, `B`, `X` or `N` that belongs to a literal.
fn strip_string_prefix(out: &mut String) {
    let mut back = out.chars().rev();
    let prefix = matches!(back.next(), Some('e' | 'E' | 'b' | 'B' | 'x' | 'X' | 'n' | 'N'));
    if prefix && !back.next().is_some_and(|c| c.is_alphanumeric() || c == '_') {
        out.pop();
    }
}

/// The length of a quoted literal, quotes included.
fn quoted(text: &str, escapes: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if escapes => at += 2,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

enum Dollar {
    Parameter(usize),
    Quoted(usize),
    Unterminated,
    Other,
}

fn dollar(text: &str) -> Dollar {
    let digits = text[1..].bytes().take_while(u8::is_ascii_digit).count();
    // the protocol counts parameters in two bytes: a longer number is somebody's value
    if digits > 5 {
        return Dollar::Quoted(1 + digits);
    }
    if digits > 0 {
        return Dollar::Parameter(1 + digits);
    }
    let Some(close) = text[1..].find('$') else { return Dollar::Other };
    let tag = &text[..close + 2];
    if !tag[1..tag.len() - 1].chars().all(|c| c.is_alphanumeric() || c == '_') {
        return Dollar::Other;
    }
    match text[tag.len()..].find(tag) {
        Some(end) => Dollar::Quoted(tag.len() + end + tag.len()),
        None => Dollar::Unterminated,
    }
}

/// An expression, or several with commas between, as the server prints them, without literals.
pub fn expression(text: &str) -> String {
    const SELECT: &str = "select ";
    match pg_query::normalize(&format!("{SELECT}{text}")) {
        Ok(normalised) => normalised.strip_prefix(SELECT).map_or_else(|| mask(text), str::to_owned),
        Err(_) => mask(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &str) -> Normalised {
        normalise_all(&[text]).remove(0)
    }

    #[test]
    fn literals_and_comments_are_gone() {
        for text in [
            "select * from t where a = 'canary' and b = 7331 /* canary */ -- canary",
            "insert into t values (E'can\\'ary', $$canary$$, $x$ canary $x$, U&'canary', 7331)",
            "alter role app password 'canary'",
            "create subscription s connection 'password=canary' publication p",
            "create user mapping for a server s options (password 'canary')",
            "select 'canary' frm t whre (",
            "selec 'unterminated canary",
            "set app.token = canary",
            "copy t from program 'curl -u canary'",
            "alter role app passwrd canary",
            "\u{0}canary",
            "select * from t where a between 7331 and b limit 7331 (",
            "select * from t where (a, b) in ((7331, 'canary')) and c = any (array[7331]) order by 1, d offset 7331",
            "select case when a then 7331 end, interval '7331 days' from t group by 1 having max(b) > 7331 fetch first 7331 rows only",
            "insert into t values (7331, 7331) on conflict (a) do update set b = 7331 where t.c <> 7331",
            "select * from t where e 'canary\\' and x = 'canary'",
        ] {
            let normalised = one(text);
            assert!(!normalised.text.contains("canary"), "{text} became {}", normalised.text);
            assert!(!normalised.text.contains("7331"), "{text} became {}", normalised.text);
            assert_eq!(normalised.fingerprint.len(), 16);
        }
    }

    #[test]
    fn numbers_do_not_survive_in_a_text_that_does_not_parse() {
        let tail = "and x = any (".repeat(40);
        for (text, kept) in [
            ("select * from t where a between 4111111111111111 and 4222222222222222", "between ? and ?"),
            ("select * from t where a = 1 limit 5", "limit ?"),
            ("select * from t where password 123", "password ?"),
            ("select $4111111111111111, a1, t_20231, \"77777\"", "select ?, a1, t_20231, \"77777\""),
        ] {
            let masked = one(&format!("{text} {tail}"));
            assert_eq!(masked.kind, StatementKind::Unparsed, "{text}");
            assert!(masked.text.contains(kept), "{text} became {}", masked.text);
            assert!(!masked.text.contains("4111") && !masked.text.contains("4222") && !masked.text.contains("123 "));
        }
        assert_eq!(one("alter role app password 123").text, "ALTER ROLE …");
    }

    #[test]
    fn numbers_that_belong_to_the_statement_stay_and_parse() {
        for text in [
            "select a::varchar(10), b::numeric(10,2) from t order by 1, 2",
            "select a, b, count(*) from t group by 1, 2 order by 1, 2",
            "select cast(a as varchar(10)) from t where b::numeric(10,2) = 5.5 and c between 4111111111111111 and 7",
        ] {
            let normalised = one(text);
            assert!(pg_query::parse(&normalised.text, 0).is_ok(), "{text} became {}", normalised.text);
            assert!(!normalised.text.contains("4111"), "{text} became {}", normalised.text);
        }
        assert_eq!(one("select a, b from t group by 1, 2").text, "select a, b from t group by 1, 2");
        assert_eq!(one("select a::numeric(10,2) from t").text, "select a::numeric(10,2) from t");
    }

    #[test]
    fn a_squashed_list_stays_a_list() {
        let squashed = one("select * from t where a in ($1 /*, ... */) and b = $2");
        assert_eq!(squashed.text, "select * from t where a in ($1, $1) and b = $2");
        assert_eq!(one("select array[$1 /*, ... */]").text, "select array[$1, $1]");
        assert_eq!(one("select $1 /* , ... */ from t").text, "select $1 from t");
    }

    proptest! {
        #[test]
        fn no_long_number_is_kept(
            before in "(select|from|where|between|and|limit|in|[(),=<> ]|a1|'){0,8}",
            number in 10_000_u64..,
            after in "[ a-z(),=']{0,12}",
        ) {
            for text in [format!("{before} {number} {after}"), format!("{before} {number}")] {
                let kept = one(&text).text;
                prop_assert!(!kept.contains(&number.to_string()), "{text} became {kept}");
            }
        }
    }

    #[test]
    fn kinds_and_texts() {
        let select = one("select  *\nfrom orders where id = 7");
        assert_eq!((select.kind, select.text.as_str()), (StatementKind::Select, "select * from orders where id = $1"));
        assert_eq!(select.fingerprint_kind, FingerprintKind::PgQuery);
        let ordered = one("select a, b::varchar(20) from t where c = 5 group by 1, 2 order by 2 desc, 1 limit 7");
        assert_eq!(
            ordered.text,
            "select a, b::varchar(20) from t where c = $1 group by 1, 2 order by 2 desc, 1 limit $2"
        );
        assert_eq!(one("ALTER ROLE app SET x = 1").text, "ALTER ROLE …");
        for (text, kind) in [
            ("with d as (delete from t returning *) select * from d", StatementKind::Select),
            ("with s as (select 1) insert into t select * from s", StatementKind::Insert),
            ("/* a */ ( (select 1) union table t)", StatementKind::Select),
            ("-- a\nValues (1)", StatementKind::Select),
            ("select 1 into x", StatementKind::Select),
            ("update t set a = 1", StatementKind::Update),
            ("delete from t", StatementKind::Delete),
            ("merge into t using s on true when matched then delete", StatementKind::Merge),
            ("create table x as select 1", StatementKind::Utility),
            ("explain select 1", StatementKind::Utility),
            ("", StatementKind::Utility),
        ] {
            assert_eq!(one(text).kind, kind, "{text}");
        }
        assert_eq!(one("select 1; drop table t").kind, StatementKind::Utility);
        let cut = one("select * from orders where name = $1 and (");
        assert_eq!((cut.kind, cut.fingerprint_kind), (StatementKind::Unparsed, FingerprintKind::Shape));
        assert_eq!(cut.text, "select * from orders where name = $1 and (");
    }

    #[test]
    fn many_texts_stay_in_their_order() {
        let texts: Vec<String> = (0..3 * WORTH_A_THREAD).map(|number| format!("select c{number}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let normalised: Vec<String> = normalise_all(&texts).into_iter().map(|one| one.text).collect();
        assert_eq!(normalised, texts);
        assert_eq!(normalise_all(&[]), []);
    }

    #[test]
    fn deep_texts_do_not_end_the_process() {
        let deep = format!("select {}1{}", "(".repeat(100_000), ")".repeat(100_000));
        assert_eq!(one(&deep).fingerprint.len(), 16);
        let chain = format!("select 1 {}", "+ 1 ".repeat(20_000));
        assert_eq!(one(&chain).fingerprint.len(), 16);
    }

    proptest! {
        #[test]
        fn masking_never_panics_and_keeps_no_quoted_value(text in "[ -~é\\n]{0,60}", value in "[a-z]{8}") {
            let _ = mask(&text);
            let masked = mask(&format!("select '{value}', x from t where y = '{value}'"));
            prop_assert!(!masked.contains(&value));
        }
    }
}
