//! What one shape of statement is: its identity, its kind, what it looks up, and which of its values do what.
//!
//! PostgreSQL's own parser says who it is, and the typed tree what it does; where the tree cannot be had, the words of
//! the text still say the most. Made once for every shape, from the shape's text and from one of the texts that have it.

use crate::fingerprint::{FingerprintKind, StatementKind, normalise};
use crate::statement_shape::{TableName, alias, folded, resolve, table_name};
use sqlparser::ast::{
    AssignmentTarget, BinaryOperator, Expr, FromTable, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    GroupByExpr, Insert, JoinConstraint, JoinOperator, LimitClause, NonBlock, ObjectName, OrderByKind, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Statement, TableFactor, TableObject, TableWithJoins,
    UpdateTableFromKind, Value,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What a statement does to the transaction it runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    /// `begin`, `start transaction`.
    Begin,
    /// `commit`, `end`.
    Commit,
    /// `rollback`, `abort`.
    Rollback,
    /// `savepoint`.
    Savepoint,
    /// `release savepoint`.
    Release,
    /// `rollback to savepoint`.
    RollbackTo,
    /// `prepare transaction`: it ends for the session.
    Prepare,
}

/// Commands that are not planned, as far as they matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// `declare … cursor`.
    Declare,
    /// `fetch`, `move`.
    Fetch,
    /// `close`.
    Close,
    /// `prepare`.
    Prepare,
    /// `execute`.
    Execute,
    /// `deallocate`.
    Deallocate,
    /// `do`.
    Do,
    /// `call`.
    Call,
    /// `copy`.
    Copy,
    /// `set`, `reset`.
    Set,
    /// `show`.
    Show,
    /// `discard`.
    Discard,
    /// `explain`.
    Explain,
    /// `listen`, `notify`, `unlisten`.
    Notify,
}

/// How a column is compared with a value, other than by equality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`, `<=`, `>`, `>=`, with the column on the left or on the right.
    Ordered,
    /// `between`.
    Between,
    /// `like`, `ilike`, `similar to`, a regular expression.
    Pattern,
    /// `<>`, `not in`.
    Unequal,
}

/// What a value of the statement is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Role {
    /// A column must equal it, by a condition that every row has to meet.
    KeyEquals {
        /// The table of the column, as in [`Analysis::tables`], where the statement says which.
        table: Option<String>,
        /// The column, as the catalog has it.
        column: String,
        /// Whether any of several values will do: a list of two or more, `= any (…)`.
        list: bool,
    },
    /// A column is compared with it, by a condition that every row has to meet.
    Compared {
        /// How.
        by: Comparison,
        /// The column, as the catalog has it.
        column: String,
    },
    /// The outermost `limit`.
    Limit,
    /// The outermost `offset`.
    Offset,
    /// A value, or part of one, of a row that is inserted.
    InsertValue {
        /// The column, where the statement names it.
        column: Option<String>,
    },
    /// A value, or part of one, that a column is set to.
    SetValue {
        /// The column.
        column: String,
    },
    /// Anything else.
    #[default]
    Other,
}

impl Role {
    /// The column that must equal the value.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::KeyEquals { column, .. } => Some(column),
            _ => None,
        }
    }
}

/// How many rows a statement wants at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limit {
    /// The number, where the text that was analysed has it as a literal. Other texts of the shape may have another.
    pub constant: Option<u64>,
    /// The number of the slot.
    pub slot: Option<usize>,
}

/// A column that a statement selects by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its table, as in [`Analysis::tables`], where the statement says which.
    pub table: Option<String>,
    /// Its name, as the catalog has it.
    pub name: String,
}

/// What a statement is. Slots are numbered from 1, as in the text of the shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// 16 hexadecimal digits; the one that the same statement has in `pg_stat_statements`, where it parses.
    pub fingerprint: String,
    /// What the fingerprint was made from.
    pub fingerprint_kind: FingerprintKind,
    /// 16 hexadecimal digits of the text of the shape, where the fingerprint alone tells too little: `do`, and several
    /// statements in one text.
    pub text_hash: Option<String>,
    /// What it is. Several statements in one text are [`StatementKind::Utility`].
    pub kind: StatementKind,
    /// Whether the text is several statements.
    pub is_several: bool,
    /// Whether the text ends before the statement does.
    pub is_truncated: bool,
    /// Whether the typed tree could be had. Without it roles are [`Role::Other`] and most of what follows is unknown.
    pub has_tree: bool,
    /// What it does to the transaction; of several statements the last that does anything.
    pub transaction: Option<Transaction>,
    /// Which command it is, where it is one that matters.
    pub command: Option<Command>,
    /// Whether it puts a session back to its start, as poolers do: `discard all`, `set application_name`.
    pub session_reset: bool,
    /// Whether it asks for nothing but an answer: an empty text, `select 1`.
    pub is_ping: bool,
    /// One line, literals replaced by parameters, no comments; of a utility statement only its leading words.
    pub text: String,
    /// The tables it names anywhere, sorted: `schema.name`, or the name alone.
    pub tables: Vec<String>,
    /// The first table of its outermost `from`, or the one it writes.
    pub main_table: Option<String>,
    /// What each slot is for.
    pub slots: Vec<Role>,
    /// The outermost `limit` or `fetch first`.
    pub limit: Option<Limit>,
    /// Whether it has an `offset`.
    pub has_offset: bool,
    /// Whether its rows are in an order.
    pub has_order_by: bool,
    /// Whether it groups.
    pub has_group_by: bool,
    /// Whether its rows are distinct.
    pub has_distinct: bool,
    /// Whether it selects nothing but aggregates over all its rows: always one row.
    pub is_aggregate_only: bool,
    /// Whether it asks whether there is a row: `select 1 … limit 1`, `select exists (…)`.
    pub is_exists_probe: bool,
    /// Whether its outermost `from` joins.
    pub has_join: bool,
    /// Whether it locks the rows it reads.
    pub has_for_update: bool,
    /// Whether it leaves out the rows that others have locked.
    pub skip_locked: bool,
    /// How many relations its outermost `from` names.
    pub from_count: usize,
    /// Whether it selects `*` or `t.*`.
    pub selects_all_columns: bool,
    /// The columns it selects by name.
    pub selected: Vec<Column>,
    /// Whether it looks as if it could return one row only: no `from`, an aggregate, `limit 1`, a key of its own table.
    pub looks_single_row: bool,
    /// Whether it inserts one row of values.
    pub is_single_row_insert: bool,
    /// The columns it inserts into, where it says.
    pub insert_columns: Vec<String>,
    /// Whether it asks for the rows of many keys at once.
    pub is_eager_load: bool,
    /// The slots of the outermost `order by` and `group by` that count columns (`order by 1`), with the column's number
    /// in the text that was analysed.
    pub positions: Vec<(usize, usize)>,
}

impl Analysis {
    /// Whether it is a `select` that names a table; with a schema or without on either side.
    pub fn reads(&self, table: &str) -> bool {
        self.kind == StatementKind::Select && self.names(table)
    }

    /// Whether it names a table; with a schema or without on either side.
    pub fn names(&self, table: &str) -> bool {
        self.tables.iter().any(|own| {
            own == table
                || (own.contains('.') != table.contains('.') && { own.rsplit('.').next() == table.rsplit('.').next() })
        })
    }

    /// What a slot is for; slots are numbered from 1.
    pub fn role(&self, slot: usize) -> &Role {
        const OTHER: &Role = &Role::Other;
        slot.checked_sub(1).and_then(|at| self.slots.get(at)).unwrap_or(OTHER)
    }

    fn give(&mut self, slot: usize, role: Role) {
        if let Some(place) = slot.checked_sub(1).and_then(|at| self.slots.get_mut(at)) {
            *place = role;
        }
    }
}

/// The protocol counts parameters in two bytes, and so do we count slots; the rest are [`Role::Other`].
const SLOTS: usize = u16::MAX as usize;

/// How deep the typed tree may nest.
const DEPTH: usize = 200;

/// Analyses a shape. `shape_text` has every value as `$1`, `$2`, … in order, a list of two or more as `$1 /*, ... */`;
/// `original` is a text that has the shape, and only what the shape does not say is taken from it: [`Limit::constant`].
/// Runs as deep as the text nests: on a thread with a large stack, please.
pub fn analyse(shape_text: &str, original: &str) -> Analysis {
    // the shape first: it says the same of every text that has it, whichever came first
    let normalised = match normalise(shape_text) {
        known if known.kind != StatementKind::Unparsed => known,
        unknown => match normalise(original) {
            known if known.kind != StatementKind::Unparsed => known,
            _ => unknown,
        },
    };
    let statements = statements(shape_text);
    let several = statements.len() > 1;
    let unparsed = normalised.kind == StatementKind::Unparsed;
    let slots = tokens(shape_text).filter_map(placeholder).max().unwrap_or(0).min(SLOTS);
    let mut analysis = Analysis {
        fingerprint: normalised.fingerprint,
        fingerprint_kind: normalised.fingerprint_kind,
        text_hash: None,
        kind: normalised.kind,
        is_several: several,
        is_truncated: unparsed && is_truncated(original),
        has_tree: false,
        transaction: statements.iter().rev().find_map(|statement| transaction(statement)),
        command: None,
        session_reset: statements.iter().any(|statement| is_reset(statement)),
        is_ping: statements.is_empty(),
        text: normalised.text,
        tables: Vec::new(),
        main_table: None,
        slots: vec![Role::Other; slots],
        limit: None,
        has_offset: false,
        has_order_by: false,
        has_group_by: false,
        has_distinct: false,
        is_aggregate_only: false,
        is_exists_probe: false,
        has_join: false,
        has_for_update: false,
        skip_locked: false,
        from_count: 0,
        selects_all_columns: false,
        selected: Vec::new(),
        looks_single_row: false,
        is_single_row_insert: false,
        insert_columns: Vec::new(),
        is_eager_load: false,
        positions: Vec::new(),
    };
    if !several {
        analysis.command = statements.first().and_then(|statement| command(statement));
    }
    if several || analysis.command == Some(Command::Do) {
        analysis.text_hash = Some(crate::hash::short(shape_text.as_bytes()));
    }
    if analysis.transaction.is_some() && !several {
        return analysis;
    }
    let plain = parseable(shape_text);
    analysis.tables = tables(&plain).or_else(|| tables(original)).unwrap_or_else(|| tables_by_words(shape_text));
    if analysis.tables.is_empty()
        && matches!(analysis.command, Some(Command::Declare | Command::Prepare | Command::Explain))
    {
        analysis.tables = tables_by_words(shape_text);
    }
    let planned = !matches!(analysis.kind, StatementKind::Utility | StatementKind::Unparsed | StatementKind::Other(_));
    if !several && planned {
        // locks the typed tree does not read, and would not print
        let locks = || plain.replace(" for no key update", " for update").replace(" for key share", " for share");
        match parse(&plain).or_else(|| parse(&locks())) {
            Some(statement) => {
                analysis.has_tree = true;
                of_statement(&statement, &plain, &mut analysis);
                if let Statement::Query(query) = &statement {
                    analysis.positions = positions(query, original);
                }
                if let Some(limit) = &mut analysis.limit {
                    limit.constant = limit_of(original);
                }
                conclude(&mut analysis);
            }
            None => by_words(shape_text, &mut analysis),
        }
    }
    analysis
}

/// The typed tree of one statement.
pub(super) fn parse(text: &str) -> Option<Statement> {
    let parser = Parser::new(&PostgreSqlDialect {}).with_recursion_limit(DEPTH);
    let mut statements = parser.try_with_sql(text).and_then(|mut parser| parser.parse_statements()).ok()?;
    match statements.len() {
        1 => statements.pop(),
        _ => None,
    }
}

// ---------------------------------------------------------------- the text of a shape

/// How a shape says that a list or the rows of a `values` had more members than the one it writes.
const MORE: &str = "/*, ... */";

/// The tokens of a shape's text, which has no comments but [`MORE`] and no quoted values: words, quoted names, parameters,
/// and single characters.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    tokens_at(text).map(|(_, token)| token)
}

/// [`tokens`] with where each begins.
fn tokens_at(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let trimmed = rest.trim_start();
            at += rest.len() - trimmed.len();
            match trimmed.strip_prefix("/*") {
                Some(comment) => at += comment.find("*/").map_or(trimmed.len(), |end| end + 4),
                None => break,
            }
        }
        let rest = text.get(at..)?;
        let length = match rest.chars().next()? {
            '"' => quoted(rest),
            c if is_word(c) => rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let start = at;
        at += length;
        Some((start, rest.get(..length)?))
    })
}

/// The length of a quoted name, quotes included; to the end where it is not closed.
fn quoted(text: &str) -> usize {
    let mut at = 1;
    loop {
        match text.get(at..).and_then(|tail| tail.find('"')) {
            Some(end) if text.as_bytes().get(at + end + 1) == Some(&b'"') => at += end + 2,
            Some(end) => return at + end + 1,
            None => return text.len(),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// The number of a parameter.
pub(super) fn placeholder(token: &str) -> Option<usize> {
    let digits = token.strip_prefix('$')?;
    if digits.is_empty() || digits.len() > 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// The statements of a shape's text, but for those that are empty.
fn statements(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    for (at, token) in tokens_at(text) {
        if token == ";" {
            found.extend(text.get(from..at));
            from = at + 1;
        }
    }
    found.extend(text.get(from..));
    found.into_iter().map(str::trim).filter(|statement| !statement.is_empty()).collect()
}

fn transaction(statement: &str) -> Option<Transaction> {
    let mut words = tokens(statement);
    let first = words.next()?;
    let second = words.next().unwrap_or("");
    let third = words.next().unwrap_or("");
    match first.to_ascii_lowercase().as_str() {
        "begin" => Some(Transaction::Begin),
        "start" if second.eq_ignore_ascii_case("transaction") => Some(Transaction::Begin),
        // what was prepared is somebody else's by then
        "commit" | "rollback" if second.eq_ignore_ascii_case("prepared") => None,
        "commit" | "end" => Some(Transaction::Commit),
        "rollback" | "abort" => {
            let to = |word: &str| word.eq_ignore_ascii_case("to");
            let noise = ["work", "transaction"].iter().any(|word| second.eq_ignore_ascii_case(word));
            match to(second) || noise && to(third) {
                true => Some(Transaction::RollbackTo),
                false => Some(Transaction::Rollback),
            }
        }
        "savepoint" => Some(Transaction::Savepoint),
        "release" => Some(Transaction::Release),
        "prepare" if second.eq_ignore_ascii_case("transaction") => Some(Transaction::Prepare),
        _ => None,
    }
}

fn command(statement: &str) -> Option<Command> {
    Some(match tokens(statement).next()?.to_ascii_lowercase().as_str() {
        "declare" => Command::Declare,
        "fetch" | "move" => Command::Fetch,
        "close" => Command::Close,
        "prepare" => Command::Prepare,
        "execute" => Command::Execute,
        "deallocate" => Command::Deallocate,
        "do" => Command::Do,
        "call" => Command::Call,
        "copy" => Command::Copy,
        "set" | "reset" => Command::Set,
        "show" => Command::Show,
        "discard" => Command::Discard,
        "explain" => Command::Explain,
        "listen" | "notify" | "unlisten" => Command::Notify,
        _ => return None,
    })
}

fn is_reset(statement: &str) -> bool {
    const RESETS: [&[&str]; 7] = [
        &["discard", "all"],
        &["reset", "all"],
        &["deallocate", "all"],
        &["set", "session", "authorization", "default"],
        &["set", "application_name"],
        &["set", "session", "application_name"],
        &["select", "pg_advisory_unlock_all"],
    ];
    let words: Vec<&str> = tokens(statement).take(4).collect();
    RESETS.iter().any(|reset| {
        reset.len() <= words.len() && reset.iter().zip(&words).all(|(word, own)| word.eq_ignore_ascii_case(own))
    })
}

/// Whether PostgreSQL found the end of the text where it expected more, or a word at the end that is none.
fn is_truncated(original: &str) -> bool {
    let Err(pg_query::Error::Parse(message)) =
        pg_query::fingerprint(original, 0, pg_query::FingerprintOptions::default())
    else {
        return false;
    };
    let at_word = message.rsplit_once("at or near \"").and_then(|(_, near)| near.strip_suffix('"'));
    message.contains("at end of input")
        || message.contains("unterminated")
        || at_word.is_some_and(|word| !word.is_empty() && original.trim_end().ends_with(word))
}

/// A shape's text in a form that parses and means the same: `interval $1`, which stands for `interval '1 day'`, is no
/// SQL; and a list that had more members than it shows is an array, where an array may stand. Elsewhere [`MORE`] stays.
pub(crate) fn parseable(text: &str) -> Cow<'_, str> {
    const TYPES: [&str; 21] = [
        "interval",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "timetz",
        "json",
        "jsonb",
        "uuid",
        "inet",
        "text",
        "bool",
        "boolean",
        "int",
        "integer",
        "bigint",
        "int4",
        "int8",
        "numeric",
        "float8",
        "bytea",
    ];
    let tokens: Vec<(usize, &str)> = tokens_at(text).collect();
    let mut out = String::new();
    let mut copied = 0;
    for (at, &(start, token)) in tokens.iter().enumerate() {
        if placeholder(token).is_none() {
            continue;
        }
        let before = |n: usize| at.checked_sub(n).and_then(|at| tokens.get(at)).copied().unwrap_or((0, ""));
        let (one, two, three, four) = (before(1).1, before(2).1, before(3).1, before(4).1);
        let end = start + token.len();
        let (after, closing) = tokens.get(at + 1).copied().unwrap_or((text.len(), ""));
        let more = text.get(end..after).is_some_and(|between| between.trim() == MORE);
        // `timestamp with time zone $1`
        let zoned = (three, two, one) == ("with", "time", "zone") && matches!(four, "timestamp" | "time");
        let typed = TYPES.contains(&one) && !matches!(two, "." | "as" | ":");
        let (from, written, to) = if zoned || typed {
            let from = before(if zoned { 4 } else { 1 }).0;
            (from, format!("{token}::{}", text.get(from..start).unwrap_or_default().trim_end()), end)
        } else if more && (two, one, closing) == ("array", "[", "]") {
            (before(2).0, token.to_owned(), after + 1)
        } else if more && (two, one, closing) == ("in", "(", ")") && three != ")" {
            match three == "not" {
                true => (before(3).0, format!("<> all({token}"), after),
                false => (before(2).0, format!("= any({token}"), after),
            }
        } else {
            continue;
        };
        if from < copied {
            continue;
        }
        out.push_str(text.get(copied..from).unwrap_or_default());
        out.push_str(&written);
        copied = to;
    }
    if copied == 0 {
        return text.into();
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out.into()
}

/// The tables a text names, once PostgreSQL's parser takes it.
fn tables(text: &str) -> Option<Vec<String>> {
    // its own `name` is quoted where SQL needs that
    let name = |table: &pg_query::Table| match table.schema_name.as_str() {
        "" => table.table_name.clone(),
        schema => format!("{schema}.{}", table.table_name),
    };
    let names: BTreeSet<String> = pg_query::summary(text, 0, -1).ok()?.tables.iter().map(name).collect();
    Some(names.into_iter().collect())
}

/// The tables of a text that nobody parses: the names after the words that a table follows.
fn tables_by_words(text: &str) -> Vec<String> {
    let mut names = BTreeSet::new();
    let mut tokens = tokens(text).peekable();
    while let Some(token) = tokens.next() {
        if !["from", "join", "into", "update"].iter().any(|word| token.eq_ignore_ascii_case(word)) {
            continue;
        }
        let _ = tokens.next_if(|next| next.eq_ignore_ascii_case("only"));
        let mut name = String::new();
        while let Some(part) =
            tokens.next_if(|next| next.starts_with('"') || next.starts_with(|c: char| c.is_alphabetic() || c == '_'))
        {
            name.push_str(part.trim_matches('"'));
            match tokens.next_if_eq(&".") {
                Some(_) => name.push('.'),
                None => break,
            }
        }
        // a function is no table, nor is what the text breaks off at
        if !name.is_empty() && tokens.peek().is_some_and(|next| *next != "(" || token.eq_ignore_ascii_case("into")) {
            names.insert(name);
        }
    }
    names.into_iter().collect()
}

/// The number of an outermost `limit`, which only white space, comments and an `offset` may follow. Read from the end:
/// there no literal can be in the way.
fn limit_of(original: &str) -> Option<u64> {
    let mut text = original.trim_end();
    loop {
        text = text.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
        match text.strip_suffix("*/") {
            Some(before) => text = before.get(..before.rfind("/*")?)?,
            None => break,
        }
    }
    let mut words = text.rsplit(char::is_whitespace).filter(|word| !word.is_empty()).take(14).peekable();
    let mut number = None;
    loop {
        let word = words.next()?.to_ascii_lowercase();
        match word.as_str() {
            "limit" => return number,
            // the number stands in front of the words
            "row" | "rows" if words.peek().is_some_and(|next| next.parse::<u64>().is_ok()) => {
                let first = words.next()?.parse().ok();
                return match words.next()?.to_ascii_lowercase().as_str() {
                    "first" | "next" => first,
                    _ => None,
                };
            }
            "offset" | "row" | "rows" | "only" | "for" | "update" | "share" | "no" | "key" | "nowait" | "skip"
            | "locked" => number = None,
            other => number = Some(other.parse().ok()?),
        }
    }
}

// ---------------------------------------------------------------- the typed tree

fn of_statement(statement: &Statement, text: &str, analysis: &mut Analysis) {
    match statement {
        Statement::Query(query) => of_query(query, analysis),
        Statement::Insert(insert) => of_insert(insert, has_more_rows(text), analysis),
        Statement::Update(update) => {
            let mut from: Vec<&TableWithJoins> = vec![&update.table];
            if let Some(UpdateTableFromKind::BeforeSet(more) | UpdateTableFromKind::AfterSet(more)) = &update.from {
                from.extend(more);
            }
            for assignment in &update.assignments {
                let column = match &assignment.target {
                    AssignmentTarget::ColumnName(name) => last_part(name),
                    AssignmentTarget::Tuple(_) => None,
                };
                if let Some(column) = column {
                    for slot in slots_in(&assignment.value) {
                        analysis.give(slot, Role::SetValue { column: column.clone() });
                    }
                }
            }
            of_from(&from, analysis);
            of_conditions(&from, update.selection.as_ref(), analysis);
        }
        Statement::Delete(delete) => {
            let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
            let from: Vec<&TableWithJoins> = from.iter().chain(delete.using.iter().flatten()).collect();
            of_from(&from, analysis);
            of_conditions(&from, delete.selection.as_ref(), analysis);
        }
        _ => {}
    }
}

/// Whether a row of values stands for more than one.
fn has_more_rows(text: &str) -> bool {
    text.match_indices(MORE).any(|(at, _)| text.get(..at).is_some_and(|before| before.trim_end().ends_with(')')))
}

fn last_part(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(|part| part.as_ident()).map(folded)
}

fn of_insert(insert: &Insert, has_more: bool, analysis: &mut Analysis) {
    if let TableObject::TableName(name) = &insert.table {
        analysis.main_table = table_name(name).map(qualified);
    }
    analysis.insert_columns = insert.columns.iter().filter_map(last_part).collect();
    let Some(source) = &insert.source else { return };
    match &*source.body {
        SetExpr::Values(values) => {
            analysis.is_single_row_insert = values.rows.len() == 1 && !has_more;
            for row in &values.rows {
                for (at, value) in row.content.iter().enumerate() {
                    let column = analysis.insert_columns.get(at).cloned();
                    for slot in slots_in(value) {
                        analysis.give(slot, Role::InsertValue { column: column.clone() });
                    }
                }
            }
        }
        body => of_keys(body, analysis, 0),
    }
}

fn of_query(query: &Query, analysis: &mut Analysis) {
    analysis.has_order_by = query.order_by.is_some();
    analysis.has_for_update = !query.locks.is_empty();
    analysis.skip_locked = query.locks.iter().any(|lock| matches!(lock.nonblock, Some(NonBlock::SkipLocked)));
    let (limit, offset) = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
        }
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
        None => (None, None),
    };
    let limit = limit.or_else(|| query.fetch.as_ref()?.quantity.as_ref());
    if limit.is_some() || query.fetch.is_some() {
        let slot = limit.and_then(slot);
        analysis.limit = Some(Limit { constant: None, slot });
        if let Some(slot) = slot {
            analysis.give(slot, Role::Limit);
        }
    }
    if let Some(offset) = offset {
        analysis.has_offset = true;
        for slot in slots_in(offset) {
            analysis.give(slot, Role::Offset);
        }
    }
    if let Some(select) = outermost(&query.body) {
        of_select(select, analysis);
    }
    of_keys(&query.body, analysis, 0);
}

/// What a query is ordered and grouped by, in this order.
pub(super) fn order_and_group(query: &Query) -> impl Iterator<Item = &Expr> {
    let order = match query.order_by.as_ref().map(|order| &order.kind) {
        Some(OrderByKind::Expressions(all)) => all.as_slice(),
        _ => &[],
    };
    let group = match &*query.body {
        SetExpr::Select(select) => match &select.group_by {
            GroupByExpr::Expressions(all, _) => all.as_slice(),
            GroupByExpr::All(_) => &[],
        },
        _ => &[],
    };
    order.iter().map(|one| &one.expr).chain(group)
}

/// The slots that count columns: PostgreSQL's own normaliser leaves their numbers.
fn positions(query: &Query, original: &str) -> Vec<(usize, usize)> {
    if !order_and_group(query).any(|expr| slot(expr).is_some()) {
        return Vec::new();
    }
    let Some(Statement::Query(original)) = parse(&parseable(&normalise(original).text)) else { return Vec::new() };
    let numbers = order_and_group(&original).map(|expr| expr.to_string().parse::<usize>().ok());
    order_and_group(query).zip(numbers).filter_map(|(expr, number)| Some((slot(expr)?, number?))).collect()
}

/// The one `select` that a body is, whatever parentheses it stands in.
fn outermost(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) if query.limit_clause.is_none() && query.fetch.is_none() => outermost(&query.body),
        _ => None,
    }
}

fn of_select(select: &Select, analysis: &mut Analysis) {
    let from: Vec<&TableWithJoins> = select.from.iter().collect();
    of_from(&from, analysis);
    analysis.has_group_by = has_group_by(select);
    analysis.has_distinct = select.distinct.is_some();
    let names = names(&from);
    for item in &select.projection {
        match item {
            SelectItem::Wildcard(_) => analysis.selects_all_columns = true,
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(_), _) => {
                analysis.selects_all_columns = true;
            }
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                if let Some((table, name)) = column_of(expr, &names) {
                    analysis.selected.push(Column { table: table.filter(|table| analysis.names(table)), name });
                }
            }
            _ => {}
        }
    }
    let expressions = || {
        select.projection.iter().map(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
            _ => None,
        })
    };
    let is_empty = select.projection.is_empty();
    let constants = expressions().all(|expr| expr.is_some_and(is_constant));
    analysis.is_ping = select.from.is_empty() && select.selection.is_none() && constants && !is_empty;
    analysis.is_aggregate_only =
        !analysis.has_group_by && !is_empty && expressions().all(|expr| expr.is_some_and(is_aggregate));
    let asks = !select.from.is_empty() && constants && analysis.limit.is_some();
    let exists = select.from.is_empty()
        && !is_empty
        && expressions().all(|expr| matches!(expr, Some(Expr::Exists { negated: false, .. })));
    analysis.is_exists_probe = asks || exists;
}

/// Whether a `select` has a `group by`.
pub(super) fn has_group_by(select: &Select) -> bool {
    match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(columns, modifiers) => !columns.is_empty() || !modifiers.is_empty(),
    }
}

fn of_from(from: &[&TableWithJoins], analysis: &mut Analysis) {
    analysis.from_count = from.iter().map(|tree| 1 + tree.joins.len()).sum();
    analysis.has_join = analysis.from_count > 1;
    analysis.main_table = main_table(from, analysis);
}

/// The first relation, where it is a table.
fn main_table(from: &[&TableWithJoins], analysis: &Analysis) -> Option<String> {
    let (_, table) = alias(&from.first()?.relation).into_iter().next()?;
    let table = Some(qualified(table)).filter(|table| !table.is_empty())?;
    analysis.names(&table).then_some(table)
}

/// The relations of a `from`, by the name each goes by.
pub(super) fn names(from: &[&TableWithJoins]) -> Vec<(String, TableName)> {
    let mut names = Vec::new();
    for tree in from {
        names.extend(alias(&tree.relation));
        for join in &tree.joins {
            names.extend(alias(&join.relation));
        }
    }
    names
}

fn qualified(table: TableName) -> String {
    match table.schema {
        Some(schema) => format!("{schema}.{}", table.name),
        None => table.name,
    }
}

/// A column, with its table where that can be told.
fn column_of(expr: &Expr, names: &[(String, TableName)]) -> Option<(Option<String>, String)> {
    match expr {
        Expr::Nested(inner) => column_of(inner, names),
        Expr::Identifier(name) => match resolve(expr, names, names.len() == 1) {
            Some((table, column)) => Some((Some(qualified(table)).filter(|name| !name.is_empty()), column)),
            None => Some((None, folded(name))),
        },
        Expr::CompoundIdentifier(parts) => {
            // the server knows the database in front of a schema as its own, and needs no reminding
            let table = resolve(expr, names, false).map(|(table, _)| qualified(table));
            Some((table.filter(|name| !name.is_empty()), folded(parts.last()?)))
        }
        _ => None,
    }
}

/// The conditions of a body's outermost `where`, and of the one body inside where the outermost only wraps it: the
/// sub-query that is counted, the one asked for existence, the arms of a `union`.
fn of_keys(body: &SetExpr, analysis: &mut Analysis, depth: usize) {
    if depth > DEPTH {
        return;
    }
    match body {
        SetExpr::Select(select) => {
            let from: Vec<&TableWithJoins> = select.from.iter().collect();
            of_conditions(&from, select.selection.as_ref(), analysis);
            if analysis.main_table.is_none() {
                analysis.main_table = main_table(&from, analysis);
            }
            match select.from.as_slice() {
                [] => {
                    if let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] =
                        select.projection.as_slice()
                        && let Expr::Exists { subquery, .. } | Expr::Subquery(subquery) = expr
                    {
                        of_keys(&subquery.body, analysis, depth + 1);
                    }
                }
                [only] if only.joins.is_empty() => {
                    if let TableFactor::Derived { subquery, .. } = &only.relation {
                        of_keys(&subquery.body, analysis, depth + 1);
                    }
                }
                _ => {}
            }
        }
        SetExpr::Query(query) => of_keys(&query.body, analysis, depth + 1),
        SetExpr::SetOperation { left, right, .. } => {
            of_keys(left, analysis, depth + 1);
            of_keys(right, analysis, depth + 1);
        }
        _ => {}
    }
}

fn of_conditions(from: &[&TableWithJoins], selection: Option<&Expr>, analysis: &mut Analysis) {
    let names = names(from);
    let mut conditions: Vec<&Expr> = Vec::new();
    for tree in from {
        for join in &tree.joins {
            if let JoinOperator::Join(JoinConstraint::On(on)) | JoinOperator::Inner(JoinConstraint::On(on)) =
                &join.join_operator
            {
                conditions.push(on);
            }
        }
    }
    conditions.extend(selection);
    while let Some(condition) = conditions.pop() {
        match condition {
            Expr::Nested(inner) => conditions.push(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => conditions.extend([&**right, &**left]),
            other => of_condition(other, &names, analysis),
        }
    }
}

fn of_condition(condition: &Expr, names: &[(String, TableName)], analysis: &mut Analysis) {
    if let Some(found) = equality(condition) {
        for (column, slot, list) in found {
            if let Some((table, column)) = column_of(column, names) {
                let table = table.filter(|table| analysis.names(table));
                analysis.give(slot, Role::KeyEquals { table, column, list });
            }
        }
        return;
    }
    let (by, sides): (Comparison, Vec<&Expr>) = match condition {
        Expr::BinaryOp { left, op, right } => {
            use BinaryOperator as Op;
            let by = match op {
                Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => Comparison::Ordered,
                Op::NotEq => Comparison::Unequal,
                Op::PGRegexMatch | Op::PGRegexIMatch | Op::PGRegexNotMatch | Op::PGRegexNotIMatch => {
                    Comparison::Pattern
                }
                _ => return,
            };
            (by, vec![left, right])
        }
        Expr::Between { expr, low, high, .. } => (Comparison::Between, vec![expr, low, high]),
        Expr::Like { expr, pattern, .. }
        | Expr::ILike { expr, pattern, .. }
        | Expr::SimilarTo { expr, pattern, .. } => (Comparison::Pattern, vec![expr, pattern]),
        Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => (Comparison::Unequal, vec![left, right]),
        Expr::InList { expr, list, negated: true } => {
            (Comparison::Unequal, std::iter::once(&**expr).chain(list).collect())
        }
        _ => return,
    };
    // a row comparison, as keyset pages have it, compares its first column
    let first = |expr: &&Expr| match expr {
        Expr::Tuple(parts) => parts.first().and_then(|part| column_of(part, names)),
        other => column_of(other, names),
    };
    let Some((_, column)) = sides.iter().find_map(first) else { return };
    for slot in sides.iter().flat_map(|side| slots_in(side)) {
        analysis.give(slot, Role::Compared { by, column: column.clone() });
    }
}

/// What a condition says must equal a value: column, slot, and whether the value is a list.
pub(super) fn equality(condition: &Expr) -> Option<Vec<(&Expr, usize, bool)>> {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => match (&**left, &**right) {
            (Expr::Tuple(columns), Expr::Tuple(values)) if columns.len() == values.len() => {
                columns.iter().zip(values).map(|(column, value)| Some((column, slot(value)?, false))).collect()
            }
            (left, right) => match (slot(left), slot(right)) {
                (None, Some(slot)) => Some(vec![(left, slot, false)]),
                (Some(slot), None) => Some(vec![(right, slot, false)]),
                _ => None,
            },
        },
        Expr::InList { expr, list, negated: false } => match list.as_slice() {
            // some mappers write a list of one
            [only] => Some(vec![(expr, slot(only)?, false)]),
            _ => None,
        },
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => Some(vec![(left, slot(right)?, true)]),
        _ => None,
    }
}

/// The slot that an expression is, whatever it is cast to.
pub(super) fn slot(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(name) => placeholder(name),
            _ => None,
        },
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => slot(inner),
        _ => None,
    }
}

/// The slots anywhere in an expression. By its text: that knows every place where one can stand.
fn slots_in(expr: &Expr) -> Vec<usize> {
    match slot(expr) {
        Some(slot) => vec![slot],
        None if matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) => Vec::new(),
        None => tokens(&expr.to_string()).filter_map(placeholder).collect(),
    }
}

fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Value(_) => true,
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } | Expr::UnaryOp { expr: inner, .. } => is_constant(inner),
        _ => false,
    }
}

/// Whether an expression has one value for all the rows, made by an aggregate.
pub(super) fn is_aggregate(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) => {
            if function.over.is_some() {
                return false;
            }
            match is_aggregate_function(function) {
                true => true,
                false => {
                    let arguments = arguments(function);
                    arguments.iter().any(|argument| is_aggregate(argument))
                        && arguments.iter().all(|argument| is_aggregate(argument) || is_constant(argument))
                }
            }
        }
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } | Expr::UnaryOp { expr: inner, .. } => is_aggregate(inner),
        Expr::BinaryOp { left, right, .. } => {
            let one = |expr| is_aggregate(expr) || is_constant(expr);
            one(left) && one(right) && (is_aggregate(left) || is_aggregate(right))
        }
        _ => false,
    }
}

/// The aggregates that PostgreSQL comes with and applications use.
pub(super) fn is_aggregate_function(function: &Function) -> bool {
    const AGGREGATES: [&str; 29] = [
        "count",
        "sum",
        "avg",
        "min",
        "max",
        "array_agg",
        "string_agg",
        "bool_and",
        "bool_or",
        "every",
        "json_agg",
        "jsonb_agg",
        "json_object_agg",
        "jsonb_object_agg",
        "bit_and",
        "bit_or",
        "bit_xor",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "variance",
        "var_pop",
        "var_samp",
        "percentile_cont",
        "percentile_disc",
        "mode",
        "any_value",
        "range_agg",
        "corr",
    ];
    last_part(&function.name).is_some_and(|name| AGGREGATES.contains(&name.as_str()))
}

/// Whether an aggregate over no row is 0 and not null.
pub(super) fn is_count(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) => last_part(&function.name).is_some_and(|name| name == "count"),
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_count(inner),
        _ => false,
    }
}

fn arguments(function: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    let inner = list.args.iter().filter_map(|argument| match argument {
        FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } | FunctionArg::Unnamed(arg) => match arg {
            FunctionArgExpr::Expr(expr) => Some(expr),
            _ => None,
        },
    });
    inner.collect()
}

/// What follows from all that was found.
fn conclude(analysis: &mut Analysis) {
    if analysis.kind != StatementKind::Select {
        return;
    }
    analysis.is_eager_load = analysis.slots.iter().any(|role| matches!(role, Role::KeyEquals { list: true, .. }));
    let own_key = analysis.from_count == 1
        && analysis.slots.iter().any(|role| match role {
            Role::KeyEquals { table, column, list: false } => {
                is_own_key(table.as_deref().or(analysis.main_table.as_deref()), column)
            }
            _ => false,
        });
    let one = analysis.limit.as_ref().is_some_and(|limit| limit.constant == Some(1));
    analysis.looks_single_row =
        analysis.from_count == 0 || analysis.is_aggregate_only || analysis.is_exists_probe || one || own_key;
}

/// The little that the words of a statement say when there is no tree.
fn by_words(text: &str, analysis: &mut Analysis) {
    let words = || tokens(text).map(str::to_ascii_lowercase);
    let pair = |first: &str, second: &str| {
        let mut before = false;
        words().any(|word| std::mem::replace(&mut before, word == first) && word == second)
    };
    match analysis.kind {
        StatementKind::Insert => {
            // one row has one parenthesis after `values`
            let after: Vec<String> = words().skip_while(|word| word != "values").collect();
            let mut depth = 0_i64;
            let mut rows = 0;
            for word in after.iter().skip(1) {
                match word.as_str() {
                    "(" => {
                        rows += i32::from(depth == 0);
                        depth += 1;
                    }
                    ")" => depth -= 1,
                    "," => {}
                    _ if depth == 0 => break,
                    _ => {}
                }
            }
            analysis.is_single_row_insert = rows == 1 && !has_more_rows(text);
        }
        StatementKind::Select => {
            analysis.has_order_by = pair("order", "by");
            analysis.has_group_by = pair("group", "by");
            analysis.has_join = words().any(|word| word == "join");
            analysis.skip_locked = pair("skip", "locked");
            analysis.has_for_update = pair("for", "update") || pair("for", "share");
        }
        _ => {}
    }
    if analysis.tables.len() == 1 {
        analysis.main_table = analysis.tables.first().cloned();
    }
}

// ---------------------------------------------------------------- who belongs to whom

/// How the rows of two statements belong together, seen from the parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// A parent row has at most one child row: the child is looked up by its own key.
    ManyToOne,
    /// A parent row has any number of child rows: the child is looked up by a key that is the parent's.
    OneToMany,
    /// As [`JoinKind::OneToMany`], over a table in between.
    ManyToMany,
    /// The parent selects a column of the name that the child is looked up by; which of both is the key is not known.
    SameColumn,
}

/// Why a statement may be looked up once for every row of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// How the rows belong together.
    pub kind: JoinKind,
    /// The parent's table, as in [`Analysis::tables`].
    pub parent_table: Option<String>,
    /// The parent's column, where its text names one.
    pub parent_column: Option<String>,
    /// The child's table.
    pub child_table: Option<String>,
    /// The child's column that must equal the value.
    pub child_column: String,
    /// The slot of that value.
    pub slot: usize,
    /// Whether the names allow it rather than say it: `select *`, a column that is called after its part in things.
    pub is_weak: bool,
}

/// Whether the keys that a child is looked up by can come from the rows of a parent: by the names of tables and
/// columns, which is all that a log has.
pub fn join_evidence(parent: &Analysis, child: &Analysis) -> Option<Join> {
    if parent.kind != StatementKind::Select {
        return None;
    }
    let keys = child.slots.iter().enumerate().filter_map(|(at, role)| match role {
        Role::KeyEquals { table, column, .. } => Some((at + 1, table.as_deref(), column.as_str())),
        _ => None,
    });
    let found: Vec<Join> =
        keys.filter_map(|(slot, table, column)| join_by(parent, child, slot, table, column)).collect();
    found.iter().find(|join| !join.is_weak).or_else(|| found.first()).cloned()
}

fn join_by(parent: &Analysis, child: &Analysis, slot: usize, table: Option<&str>, column: &str) -> Option<Join> {
    let child_table = child.main_table.as_deref();
    let key_table = table.or(child_table);
    let join = |kind, parent_table: Option<&str>, parent_column: Option<&str>, is_weak| {
        Some(Join {
            kind,
            parent_table: parent_table.map(str::to_owned),
            parent_column: parent_column.map(str::to_owned),
            child_table: child_table.map(str::to_owned),
            child_column: column.to_owned(),
            slot,
            is_weak,
        })
    };
    // a column that the parent itself looks up by one value cannot be where many values come from
    let selected = || parent.selected.iter().filter(|found| !is_looked_up(parent, &found.name));
    let foreign = |found: &&Column| {
        stem(&found.name).is_some_and(|stem| key_table.is_some_and(|table| is_called_after(&stem, table)))
    };
    let main = parent.main_table.as_deref();
    if is_own_key(key_table, column) {
        // the parent names the foreign key
        if let Some(found) = selected().find(foreign) {
            return join(JoinKind::ManyToOne, found.table.as_deref().or(main), Some(&found.name), false);
        }
        // a foreign key that is called after the part the row plays: `owner_id` of a user
        let part = |found: &&Column| {
            stem(&found.name).is_some_and(|stem| {
                !parent.tables.iter().any(|table| is_called_after(&stem, table)) && !stem.is_empty()
            })
        };
        if let Some(found) = selected().find(part) {
            return join(JoinKind::ManyToOne, found.table.as_deref().or(main), Some(&found.name), true);
        }
        return match parent.selects_all_columns {
            true => join(JoinKind::ManyToOne, main, None, true),
            false => None,
        };
    }
    if let Some(stem) = stem(column) {
        let named = main
            .filter(|table| is_called_after(&stem, table))
            .or_else(|| parent.tables.iter().map(String::as_str).find(|table| is_called_after(&stem, table)));
        let over = key_table.is_some() && key_table != child_table;
        let kind = if over { JoinKind::ManyToMany } else { JoinKind::OneToMany };
        if named.is_some() {
            return join(kind, named, None, false);
        }
        // a tree: `parent_id` of the table itself
        if key_table.is_some_and(|table| parent.names(table)) && matches!(stem.as_str(), "parent" | "ancestor" | "root")
        {
            return join(JoinKind::OneToMany, key_table, None, false);
        }
        // a reference to any table: `item_id` beside `item_type`
        let beside = format!("{stem}_type");
        if child.slots.iter().any(|role| role.key().is_some_and(|other| snake(other) == beside)) {
            return join(kind, main, None, true);
        }
    }
    const COMMON: [&str; 12] =
        ["id", "name", "type", "status", "state", "kind", "active", "deleted", "title", "key", "value", "position"];
    let same = selected().find(|found| found.name == column && !COMMON.contains(&column));
    same.and_then(|found| join(JoinKind::SameColumn, found.table.as_deref().or(main), Some(&found.name), false))
}

/// Whether a statement looks a column up by one value.
fn is_looked_up(statement: &Analysis, column: &str) -> bool {
    statement.slots.iter().any(|role| match role {
        Role::KeyEquals { column: own, list: false, .. } => own == column,
        _ => false,
    })
}

/// Whether a column has the name of the key of its own table: `id`, `users.user_id`.
pub(super) fn is_own_key(table: Option<&str>, column: &str) -> bool {
    const KEYS: [&str; 6] = ["id", "uuid", "guid", "pk", "pkid", "_id"];
    KEYS.iter().any(|key| column.eq_ignore_ascii_case(key))
        || table.is_some_and(|table| stem(column).is_some_and(|stem| is_the_same(&stem, bare(table))))
}

/// The table's own name, without its schema.
pub(super) fn bare(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table).trim_matches('"')
}

/// What a foreign key is called after: `author` of `author_id`, `authorId`, `fk_author`, `id_author`.
pub(super) fn stem(column: &str) -> Option<String> {
    const AFTER: [&str; 12] =
        ["_ptr_id", "_id", "_uuid", "_guid", "_fk", "_pk", "_key", "_ref", "_no", "_nr", "_code", "_pkid"];
    const BEFORE: [&str; 4] = ["fk_", "id_", "ref_", "uuid_"];
    let name = snake(column);
    let cut = AFTER
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .or_else(|| BEFORE.iter().find_map(|start| name.strip_prefix(start)))
        .or_else(|| name.strip_suffix("id").filter(|rest| rest.len() > 2));
    let cut = cut.map(|rest| BEFORE.iter().find_map(|start| rest.strip_prefix(start)).unwrap_or(rest));
    cut.map(|rest| rest.trim_matches('_').to_owned()).filter(|rest| !rest.is_empty())
}

/// Whether a key called after something may be the key of a table: `author` of `authors`, `library_author`, `Author`;
/// and `primary_author` too.
fn is_called_after(stem: &str, table: &str) -> bool {
    let table = bare(table);
    is_the_same(stem, table)
        || singulars(&snake(table)).iter().any(|name| name.len() > 2 && stem.ends_with(&format!("_{name}")))
}

/// Whether a table is called what a key is called after, in the plural or behind the prefix of an application.
fn is_the_same(stem: &str, table: &str) -> bool {
    let table = snake(table);
    let table = ["tbl_", "t_", "tb_"].iter().find_map(|prefix| table.strip_prefix(prefix)).unwrap_or(&table);
    let solid = |text: &str| text.replace('_', "");
    singulars(table).iter().any(|name| {
        name == stem
            || solid(name) == solid(stem)
            || name.strip_suffix(stem).is_some_and(|before| before.ends_with('_'))
    })
}

/// A word and what it may be the plural of.
fn singulars(word: &str) -> Vec<String> {
    let mut found = vec![word.to_owned(), singular(word)];
    found.extend(word.strip_suffix('s').map(str::to_owned));
    found.extend(word.strip_suffix("es").map(str::to_owned));
    found
}

/// The singular of an English noun, as the tables of applications have them.
pub(super) fn singular(word: &str) -> String {
    const IRREGULAR: [(&str, &str); 12] = [
        ("people", "person"),
        ("children", "child"),
        ("women", "woman"),
        ("men", "man"),
        ("mice", "mouse"),
        ("feet", "foot"),
        ("indices", "index"),
        ("matrices", "matrix"),
        ("vertices", "vertex"),
        ("movies", "movie"),
        ("cookies", "cookie"),
        ("caches", "cache"),
    ];
    const SAME: [&str; 4] = ["series", "species", "news", "data"];
    let last = word.rsplit('_').next().unwrap_or(word);
    let head = word.strip_suffix(last).unwrap_or_default();
    let changed = if let Some((_, one)) = IRREGULAR.iter().find(|(many, _)| *many == last) {
        (*one).to_owned()
    } else if SAME.contains(&last) || ["ss", "us", "is"].iter().any(|end| last.ends_with(end)) {
        last.to_owned()
    } else if let Some(before) = last.strip_suffix("ies").filter(|before| before.len() > 1) {
        format!("{before}y")
    } else if let Some(before) = ["sses", "shes", "ches", "xes", "zzes", "uses"]
        .iter()
        .find(|end| last.ends_with(**end) && !last.ends_with("ouses") && !last.ends_with("auses"))
        .and_then(|_| last.strip_suffix("es"))
    {
        before.to_owned()
    } else {
        last.strip_suffix('s').unwrap_or(last).to_owned()
    };
    format!("{head}{changed}")
}

/// A name in lower case with `_` between its words: `author_id` of `authorId` and `AuthorID`.
pub(super) fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut before = '_';
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let starts = c.is_uppercase()
            && before != '_'
            && (!before.is_uppercase() || rest.peek().is_some_and(|next| next.is_lowercase()));
        if starts {
            out.push('_');
        }
        match c {
            ' ' | '-' => out.push('_'),
            _ => out.extend(c.to_lowercase()),
        }
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::lexer::Lexer;
    use proptest::prelude::*;

    fn of(sql: &str) -> Analysis {
        analyse(&Lexer::default().shape_text(sql.as_bytes(), false), sql)
    }

    fn roles(sql: &str) -> String {
        let one = |role: &Role| match role {
            Role::KeyEquals { table, column, list } => {
                let table = table.as_deref().unwrap_or("?");
                format!("{table}.{column}{}", if *list { "[]" } else { "" })
            }
            Role::Compared { by, column } => format!("{by:?}({column})"),
            Role::InsertValue { column } => format!("insert({})", column.as_deref().unwrap_or("?")),
            Role::SetValue { column } => format!("set({column})"),
            other => format!("{other:?}"),
        };
        of(sql).slots.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn roles_of_what_mappers_write() {
        for (sql, expected) in [
            // Django
            (r#"SELECT "b"."id", "b"."author_id" FROM "b" WHERE "b"."author_id" = 5"#, "b.author_id"),
            (r#"SELECT "b"."id" FROM "b" WHERE "b"."author_id" IN (1, 2, 3)"#, "b.author_id[]"),
            (r#"SELECT "b"."id" FROM "b" WHERE "b"."author_id" IN (1)"#, "b.author_id"),
            (
                r#"SELECT "b"."id" FROM "b" WHERE ("b"."a" = 1 AND "b"."price" > 2.5) LIMIT 21"#,
                "b.a Ordered(price) Limit",
            ),
            (
                r#"SELECT "t"."id" FROM "t" INNER JOIN "bt" ON ("t"."id" = "bt"."t_id") WHERE "bt"."b_id" = 7"#,
                "bt.b_id",
            ),
            // SQLAlchemy
            ("SELECT b.id AS b_id \nFROM b \nWHERE $1::INTEGER = b.author_id", "b.author_id"),
            ("SELECT count(*) AS count_1 \nFROM (SELECT b.id FROM b WHERE b.author_id = 4) AS anon_1", "b.author_id"),
            ("SELECT EXISTS (SELECT * FROM b WHERE b.author_id = 4) AS anon_1", "b.author_id"),
            // Hibernate
            ("select b1_0.id from book b1_0 where b1_0.author_id=$1", "book.author_id"),
            ("select b1_0.id from book b1_0 where b1_0.author_id = any ($1)", "book.author_id[]"),
            ("select b0_.id as id1_0_ from book b0_ where b0_.id=$1 limit $2 offset $3", "book.id Limit Offset"),
            // Active Record
            (r#"SELECT "b".* FROM "b" WHERE "b"."author_id" = $1 ORDER BY "b"."id" ASC LIMIT $2"#, "b.author_id Limit"),
            (r#"SELECT 1 AS one FROM "b" WHERE "b"."author_id" = $1 LIMIT $2"#, "Other b.author_id Limit"),
            // Prisma
            (
                r#"SELECT "public"."U"."id" FROM "public"."U" WHERE ("public"."U"."id" = $1 AND 1=1) LIMIT $2 OFFSET $3"#,
                "public.U.id Other Other Limit Offset",
            ),
            // Entity Framework
            ("SELECT b.\"Id\"\nFROM \"Books\" AS b\nWHERE b.\"AuthorId\" = $1", "Books.AuthorId"),
            // Eloquent
            (r#"select * from "b" where "b"."a_id" = 3 and "b"."a_id" is not null limit 1"#, "b.a_id Limit"),
            ("update b set x = $1, y = y + $2 where id = $3 and version = $4", "set(x) set(y) b.id b.version"),
            ("insert into b (x, y) values ($1, lower($2)) returning id", "insert(x) insert(y)"),
            ("insert into b values ($1)", "insert(?)"),
            ("delete from b where id = $1", "b.id"),
            ("delete from b using a where b.a_id = a.id and a.name = 'x'", "a.name"),
            (
                "select * from b where a <> 1 and c like 'x%' and d between 1 and 2 and e not in (1, 2)",
                "Unequal(a) Pattern(c) Between(d) Between(d) Unequal(e)",
            ),
            (
                "select * from b where (a, c) > (1, 2) order by a, c fetch first 10 rows only",
                "Ordered(a) Ordered(a) Limit",
            ),
            ("select * from b where (a, c) = (1, 2)", "b.a b.c"),
            ("select * from a, b where x = 1", "?.x"),
            ("select * from b left join a on a.x = 1 where b.y = 2", "Other b.y"),
            ("select * from b where x = 1 or y = 2", "Other Other"),
            ("select * from b where lower(x) = 'a'", "Other"),
            ("select * from b where x = 1 union all select * from c where y = 2", "b.x c.y"),
            ("with c as (select * from b where x = 1) select * from c where y = 2", "Other ?.y"),
            ("select * from b where x = array[1, 2] and y = any(array[3, 4])", "b.x b.y[]"),
            ("select * from b where t > now() - interval '1 day' and x = 1", "Ordered(t) b.x"),
            ("select * from b where t = timestamp with time zone '2020-01-01' and x = date '2020-01-01'", "b.t b.x"),
        ] {
            assert_eq!(roles(sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_a_select_is() {
        let flags = |sql: &str| {
            let found = of(sql);
            [
                ("limit1", found.limit.as_ref().is_some_and(|limit| limit.constant == Some(1))),
                ("order", found.has_order_by),
                ("group", found.has_group_by),
                ("distinct", found.has_distinct),
                ("aggregate", found.is_aggregate_only),
                ("exists", found.is_exists_probe),
                ("join", found.has_join),
                ("lock", found.has_for_update),
                ("skip", found.skip_locked),
                ("all", found.selects_all_columns),
                ("one", found.looks_single_row),
                ("eager", found.is_eager_load),
                ("ping", found.is_ping),
            ]
            .iter()
            .filter(|(_, set)| *set)
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(" ")
        };
        for (sql, expected) in [
            ("select 1", "one ping"),
            ("SELECT 1;", "one ping"),
            ("select now()", "one"),
            ("select * from b", "all"),
            ("select b.* from b where id = 1", "all one"),
            ("select x from users where user_id = 1", "one"),
            ("select x from library_user where user_id = 1", "one"),
            ("select x from b where author_id = 1", ""),
            ("select x from b where id = 1 or y = 2", ""),
            ("select x from b join c on c.b_id = b.id where b.id = 1", "join"),
            ("select x from a, b", "join"),
            ("select count(*) from b where x = 1", "aggregate one"),
            ("select coalesce(max(x), 0) + 1, sum(y)::int from b", "aggregate one"),
            ("select count(*) over () from b", ""),
            ("select x, count(*) from b group by x", "group"),
            ("select distinct x from b", "distinct"),
            ("select x from b order by y desc limit 1", "limit1 order one"),
            ("select x from b order by y limit 10 /* limit 1 */", "order"),
            ("select x from b limit 1 offset 5;", "limit1 one"),
            ("select x from b fetch first 1 rows only", "limit1 one"),
            ("select x from b where y = 1 limit 1 for update skip locked", "limit1 lock skip one"),
            ("select x from b where y = 1 for no key update", "lock"),
            ("select x from b where id = 1 for key share of b", "lock one"),
            ("select 1 as one from b where x = 1 limit 1", "limit1 exists one"),
            ("select exists(select 1 from b where x = 1)", "exists one"),
            ("select x from b where y in (1, 2)", "eager"),
            ("select x from b where y = any('{1,2}')", "eager"),
        ] {
            assert_eq!(flags(sql), expected, "{sql}");
        }
    }

    #[test]
    fn inserts_of_one_row_and_of_many() {
        assert!(of("insert into t (a, b) values (1, 2)").is_single_row_insert);
        assert_eq!(of("insert into t (a, \"B\") values (1, 2)").insert_columns, ["a", "B"]);
        for many in [
            "insert into t (a, b) values (1, 2), (3, 4)",
            "insert into t (a, b) values (1, 2), (3, now())",
            "insert into t (a) select x from u",
            "insert into t default values",
            "update t set a = 1",
        ] {
            assert!(!of(many).is_single_row_insert, "{many}");
        }
        // what the typed tree does not read
        let found = of("insert into t (a, b) values (1, 'x') on conflict (lower(b)) do nothing");
        assert!(found.is_single_row_insert && found.kind == StatementKind::Insert, "{found:?}");
        let found = of("insert into t (a, b) values (1, 'x'), (2, 'y') on conflict (lower(b)) do nothing");
        assert!(!found.is_single_row_insert);
    }

    #[test]
    fn transactions_commands_and_resets() {
        use Transaction as T;
        for (sql, expected) in [
            ("BEGIN", Some(T::Begin)),
            ("start transaction isolation level serializable", Some(T::Begin)),
            ("COMMIT;", Some(T::Commit)),
            ("end", Some(T::Commit)),
            ("ROLLBACK", Some(T::Rollback)),
            ("abort work", Some(T::Rollback)),
            ("SAVEPOINT active_record_1", Some(T::Savepoint)),
            ("release savepoint s1", Some(T::Release)),
            ("rollback to savepoint s1", Some(T::RollbackTo)),
            ("ROLLBACK TRANSACTION TO s1", Some(T::RollbackTo)),
            ("prepare transaction 'x'", Some(T::Prepare)),
            ("commit prepared 'x'", None),
            ("begin; select 1; commit", Some(T::Commit)),
            ("begin; select 1", Some(T::Begin)),
            ("select 1", None),
            ("start_x", None),
        ] {
            assert_eq!(of(sql).transaction, expected, "{sql}");
        }
        for sql in [
            "DISCARD ALL",
            "reset all",
            "SET SESSION AUTHORIZATION DEFAULT",
            "set application_name = 'canary'",
            "deallocate all",
            "select pg_advisory_unlock_all(); close all; unlisten *; reset all",
        ] {
            assert!(of(sql).session_reset, "{sql}");
        }
        assert!(!of("set statement_timeout = 5").session_reset);
        for (sql, expected) in [
            ("declare c cursor for select * from b", Command::Declare),
            ("fetch forward 100 from c", Command::Fetch),
            ("move 5 in c", Command::Fetch),
            ("close c", Command::Close),
            ("prepare p as select 1", Command::Prepare),
            ("execute p(1)", Command::Execute),
            ("deallocate p", Command::Deallocate),
            ("do $$ begin null; end $$", Command::Do),
            ("call f(1)", Command::Call),
            ("copy t from stdin", Command::Copy),
            ("show all", Command::Show),
            ("explain select 1", Command::Explain),
        ] {
            let found = of(sql);
            assert_eq!((found.command, found.kind), (Some(expected), StatementKind::Utility), "{sql}");
        }
        assert_eq!(of("declare c cursor for select * from b where x = 1").tables, ["b"]);
        assert!(of("").is_ping && of(" ; ").is_ping && of("-- ping").is_ping && !of("begin").is_ping);
    }

    #[test]
    fn several_statements_and_blocks_have_a_hash_of_their_text() {
        let several = of("select 1; select 2");
        assert!(several.is_several && several.text_hash.is_some() && several.kind == StatementKind::Utility);
        assert_ne!(several.text_hash, of("select 1; update t set a = 2").text_hash);
        assert!(of("do $$ begin null; end $$").text_hash.is_some());
        assert!(!of("select 1;").is_several && of("select 1").text_hash.is_none());
    }

    #[test]
    fn texts_that_were_cut_or_are_none() {
        for cut in [
            "select * from orders where name = 'O''Br",
            "select * from orders where id = 1 and (",
            "select * from orders where id = 1 order by",
            "select a, b fro",
            "select \"a",
        ] {
            let found = of(cut);
            if found.kind == StatementKind::Unparsed {
                assert!(found.is_truncated, "{cut}");
                assert_eq!(found.fingerprint_kind, FingerprintKind::Shape);
            }
        }
        let cut = of("select * from orders o join s.items i on true where id in (1, 2) and (");
        assert!(cut.is_truncated);
        assert_eq!(cut.tables, ["orders", "s.items"]);
        let wrong = of("selec * frm orders where a = 1");
        assert!(!wrong.is_truncated && wrong.kind == StatementKind::Unparsed);
        // the shape is the identity: a list of another length is no other query
        let fingerprint = |sql: &str| of(sql).fingerprint;
        assert_eq!(
            fingerprint("select * from t where a in (1, 2) and ("),
            fingerprint("select * from t where a in (1, 2, 3) and (")
        );
    }

    #[test]
    fn what_the_typed_tree_does_not_read_is_known_still() {
        for (sql, kind, tables) in [
            ("update t set arr[1] = 5 where id = 1", StatementKind::Update, vec!["t"]),
            ("select * from f(1) as (x int, y int) join t on true", StatementKind::Select, vec!["t"]),
            ("table t", StatementKind::Select, vec!["t"]),
            (
                "with recursive r as (select 1 union all select * from s.t) search depth first by a set o select * from r",
                StatementKind::Select,
                vec!["s.t"],
            ),
        ] {
            let found = of(sql);
            assert_eq!((found.kind, found.tables), (kind, tables.into_iter().map(str::to_owned).collect()), "{sql}");
            assert_eq!(found.fingerprint_kind, FingerprintKind::PgQuery);
        }
    }

    #[test]
    fn the_identity_is_that_of_pg_stat_statements() {
        let in_statements = crate::fingerprint::normalise_all(&["SELECT * FROM t WHERE a = $1 AND b IN ($2, $3)"]);
        let in_log = of("select  * from t -- x\nwhere a='canary' and b in (1,2,3,4)");
        assert_eq!(in_log.fingerprint, in_statements[0].fingerprint);
        // texts of one shape are told alike, whichever came first
        assert_eq!(in_log.text, of("SELECT * FROM t WHERE a = 'x' AND b IN (7, 8)").text);
    }

    #[test]
    fn no_literal_is_kept() {
        for sql in [
            "select * from t where a = 'canary' and b = 73317331 /* canary */ -- canary",
            "insert into t values (E'can\\'ary', $$canary$$, $x$ canary $x$, U&'canary', 73317331)",
            "alter role app password 'canary'",
            "set app.token = 'canary'",
            "select 'canary' frm t whre (",
            "select 'unterminated canary",
            "select * from t where a in ('canary', 'canary') limit 73317331 offset 73317331",
            "do $$ begin perform 'canary'; end $$",
            "begin; insert into t values ('canary'); commit",
            "copy t from program 'curl canary'",
            "execute p('canary', 73317331)",
            "select * from t where a = interval '73317331 days' and b = date 'canary'",
        ] {
            let found = format!("{:?}", Analysis { limit: None, ..of(sql) });
            assert!(!found.contains("canary") && !found.contains("7331"), "{sql} became {found}");
        }
    }

    fn evidence(parent: &str, child: &str) -> String {
        match join_evidence(&of(parent), &of(child)) {
            Some(join) => format!(
                "{:?}{} {}.{} {}",
                join.kind,
                if join.is_weak { "?" } else { "" },
                join.parent_table.as_deref().unwrap_or("-"),
                join.parent_column.as_deref().unwrap_or("-"),
                join.child_column
            ),
            None => "-".to_owned(),
        }
    }

    #[test]
    fn parents_by_the_names_of_things() {
        for (parent, child, expected) in [
            (
                "select id, name from authors",
                "select * from books where author_id = 1",
                "OneToMany authors.- author_id",
            ),
            (
                "select id from library_author",
                "select * from library_book where author_id = 1",
                "OneToMany library_author.- author_id",
            ),
            (
                "select id from \"Authors\"",
                "select * from \"Books\" where \"AuthorId\" = 1",
                "OneToMany Authors.- AuthorId",
            ),
            (
                "select id from shop.orders",
                "select * from shop.items where fk_order = 1",
                "OneToMany shop.orders.- fk_order",
            ),
            (
                "select id from order_items",
                "select * from refunds where orderitem_id = 1",
                "OneToMany order_items.- orderitem_id",
            ),
            ("select id from people", "select * from phones where person_uuid = 'x'", "OneToMany people.- person_uuid"),
            (
                "select id from categories",
                "select count(*) from products where category_id = 1",
                "OneToMany categories.- category_id",
            ),
            (
                "select id from users",
                "select exists(select 1 from posts where author_user_id = 1)",
                "OneToMany users.- author_user_id",
            ),
            ("select id from nodes", "select * from nodes where parent_id = 1", "OneToMany nodes.- parent_id"),
            (
                "select id from books",
                "select t.* from tags t join book_tags bt on bt.tag_id = t.id where bt.book_id = 1",
                "ManyToMany books.- book_id",
            ),
            (
                "select id, author_id from books",
                "select * from authors where id = 1 limit 1",
                "ManyToOne books.author_id id",
            ),
            (
                "select b.id, b.author_id from books b",
                "select * from authors where author_id = 1",
                "ManyToOne books.author_id author_id",
            ),
            ("select id, owner_id from books", "select * from users where id = 1", "ManyToOne? books.owner_id id"),
            ("select * from books", "select * from authors where id = 1", "ManyToOne? books.- id"),
            ("select isbn from loans", "select * from books where isbn = 'x'", "SameColumn loans.isbn isbn"),
            (
                "select id from posts",
                "select * from comments where item_id = 1 and item_type = 'post'",
                "OneToMany? posts.- item_id",
            ),
            ("select id, title from books", "select * from authors where id = 1", "-"),
            ("select id, name from tags", "select * from books where author_id = 1", "-"),
            ("select id, status from orders", "select * from items where status = 'x'", "-"),
            // the parent's own rows have one author
            ("select id, author_id from books where author_id = 5", "select * from authors where id = 1", "-"),
            ("select id, author_id from books where author_id = 5", "select * from awards where author_id = 1", "-"),
            ("update authors set x = 1", "select * from books where author_id = 1", "-"),
            ("select id from authors", "select * from books where price > 5", "-"),
        ] {
            assert_eq!(evidence(parent, child), expected, "{parent} / {child}");
        }
    }

    #[test]
    fn words_and_their_plurals() {
        for (many, one) in [
            ("authors", "author"),
            ("categories", "category"),
            ("boxes", "box"),
            ("addresses", "address"),
            ("statuses", "status"),
            ("houses", "house"),
            ("movies", "movie"),
            ("people", "person"),
            ("news", "news"),
            ("order_items", "order_item"),
            ("address", "address"),
            ("buses", "bus"),
            ("batches", "batch"),
        ] {
            assert_eq!(singular(many), one);
        }
        for (name, expected) in
            [("authorId", "author_id"), ("AuthorID", "author_id"), ("HTTPLog", "http_log"), ("a b", "a_b")]
        {
            assert_eq!(snake(name), expected);
        }
        assert_eq!(stem("author_id").as_deref(), Some("author"));
        assert_eq!(stem("fk_author").as_deref(), Some("author"));
        assert_eq!(stem("fk_author_id").as_deref(), Some("author"));
        assert!(stem("id").is_none() && stem("paid").is_none() && stem("name").is_none() && stem("oid").is_none());
    }

    #[test]
    fn limits_are_read_from_the_end() {
        for (text, expected) in [
            ("select 1 limit 21", Some(21)),
            ("select 1 LIMIT 1;", Some(1)),
            ("select 1 limit 1 /*route='limit 5'*/", Some(1)),
            ("select 1 limit 1 offset 7", Some(1)),
            ("select 1 limit 3 for update of t skip locked", None),
            ("select 1 limit 3 for update skip locked", Some(3)),
            ("select 1 fetch next 4 rows only", Some(4)),
            ("select 1 offset 2 rows fetch first 4 rows only", Some(4)),
            ("select 1 limit $1", None),
            ("select 1 limit all", None),
            ("limit", None),
            ("", None),
        ] {
            assert_eq!(limit_of(text), expected, "{text}");
        }
    }

    #[test]
    fn depth_ends_nothing() {
        let deep = || {
            for sql in [
                format!("select {}1{}", "(".repeat(50_000), ")".repeat(50_000)),
                format!("select 1 {}", "+ 1 ".repeat(20_000)),
                format!("select * from t where a = 1 {}", "and b <> 2 ".repeat(5000)),
                format!("{}select 1{}", "select * from (".repeat(2000), ") x".repeat(2000)),
                format!("select * from t where a in ({})", vec!["1"; 50_000].join(",")),
            ] {
                assert_eq!(of(&sql).fingerprint.len(), 16);
            }
        };
        std::thread::Builder::new().stack_size(256 << 20).spawn(deep).unwrap().join().unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
        #[test]
        fn no_text_ends_the_process(
            text in "(select |from |where |insert into |values |update |set |limit |interval |in |[a-z\"$1=(),.*'; ]|é|\u{0}){0,30}",
            other in ".{0,30}",
        ) {
            for sql in [text.as_str(), other.as_str()] {
                let found = of(sql);
                prop_assert_eq!(found.fingerprint.len(), 16);
                // a shape that nobody made
                let _ = analyse(sql, sql);
                let _ = parseable(sql);
                let _ = join_evidence(&found, &found);
            }
        }
    }
}
