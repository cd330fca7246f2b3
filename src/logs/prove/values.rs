//! Values from the log: what the look-ups of a group were called with. A second pass over the same logs, in memory only;
//! nothing here is stored, printed, or shown by `Debug`.
//!
//! A value is taken from a statement only where the lexer's own hash of its slot says that it is that value: what cannot be
//! told for sure is left out, and so is what the server cut.

use super::STACK;
use crate::logs::carrier;
use crate::logs::feed::{Feed, FeedOptions};
use crate::logs::lexer::{self, Lexer, Parameters, Slot, SlotKind, SlotValue};
use crate::logs::message::{self, Message, Step};
use crate::logs::prefix::Clock;
use crate::logs::reader::Reader;
use crate::logs::record::Record;
use crate::logs::select::Selection;
use crate::logs::{Options, Source};
use crate::pg::{Literal, Written};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Different keys of a group that are tried.
pub const KEYS: usize = 20;

/// Combinations of the values that do not vary: the one with the most keys is tried.
const COMBINATIONS: usize = 8;

/// Statements of a group whose values are looked into.
const ATTEMPTS: usize = 2000;

/// Members of a list that are read.
const MEMBERS: usize = 100;

/// A value of a statement. Its text is somebody's: it has no way out but to the server.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Value {
    text: Option<String>,
    literal: Literal,
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("literal", &self.literal).finish_non_exhaustive()
    }
}

impl Value {
    /// For the server.
    pub(super) fn written(&self) -> Written<'_> {
        Written { text: self.text.as_deref(), literal: self.literal }
    }

    /// What it is taken for.
    pub(super) fn literal(&self) -> Literal {
        self.literal
    }

    /// Its text.
    pub(super) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    fn new(text: String, kind: SlotKind) -> Self {
        let literal = match kind {
            SlotKind::Integer if text.parse::<i32>().is_ok() => Literal::Int,
            SlotKind::Integer if text.parse::<i64>().is_ok() => Literal::BigInt,
            SlotKind::Integer | SlotKind::Number => Literal::Numeric,
            _ => Literal::Unknown,
        };
        Self { text: Some(text), literal }
    }

    /// An array of texts, in the server's words.
    pub(super) fn array<'a>(members: impl IntoIterator<Item = &'a str>) -> Self {
        let mut text = String::from("{");
        for (at, member) in members.into_iter().enumerate() {
            text.push_str(if at == 0 { "\"" } else { ",\"" });
            for c in member.chars() {
                if matches!(c, '"' | '\\') {
                    text.push('\\');
                }
                text.push(c);
            }
            text.push('"');
        }
        text.push('}');
        Self { text: Some(text), literal: Literal::Unknown }
    }
}

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The database; entries that do not say theirs count too.
    pub database: String,
    /// The text of the shape.
    pub shape: String,
    /// The slots that are keys, from 1.
    pub keys: Vec<usize>,
}

/// Executions of one statement that differ in their keys only: for each the values of all its slots.
#[derive(Debug, Clone, Default)]
pub struct Values {
    /// One for each key, in the order of the log.
    pub executions: Vec<Vec<Value>>,
    /// Executions that were seen, whether or not their values could be read.
    pub seen: u64,
}

/// Executions with the same values but for the keys.
#[derive(Default)]
struct Combination {
    constants: Vec<Value>,
    keys: HashSet<Vec<Option<String>>>,
    executions: Vec<Vec<Value>>,
}

struct Group<'w> {
    wanted: &'w Wanted,
    combinations: Vec<Combination>,
    known: HashSet<Vec<SlotValue>>,
    seen: u64,
}

impl Group<'_> {
    fn is_full(&self) -> bool {
        self.known.len() >= ATTEMPTS || self.combinations.iter().any(|one| one.executions.len() >= KEYS)
    }

    fn add(&mut self, values: Vec<Value>) {
        let is_key = |at: usize| self.wanted.keys.contains(&(at + 1));
        let part =
            |keys: bool| values.iter().enumerate().filter(move |(at, _)| is_key(*at) == keys).map(|(_, value)| value);
        let keys: Vec<Option<String>> = part(true).map(|value| value.text.clone()).collect();
        // nothing equals null, so nothing is found by it
        if keys.iter().any(Option::is_none) {
            return;
        }
        let constants: Vec<Value> = part(false).cloned().collect();
        let at = match self.combinations.iter().position(|known| known.constants == constants) {
            Some(at) => at,
            None if self.combinations.len() < COMBINATIONS => {
                self.combinations.push(Combination { constants, ..Combination::default() });
                self.combinations.len() - 1
            }
            None => return,
        };
        if let Some(combination) = self.combinations.get_mut(at)
            && combination.executions.len() < KEYS
            && combination.keys.insert(keys)
        {
            combination.executions.push(values);
        }
    }
}

/// Reads entries one after another and keeps the values of the statements it is to look for.
struct Collector<'w> {
    lexer: Lexer,
    groups: Vec<Group<'w>>,
    /// Groups by the hash of their shape.
    by_shape: HashMap<u64, Vec<usize>>,
}

impl<'w> Collector<'w> {
    fn new(wanted: &'w [Wanted]) -> Self {
        let mut lexer = Lexer::new();
        let mut by_shape: HashMap<u64, Vec<usize>> = HashMap::new();
        for (at, wanted) in wanted.iter().enumerate() {
            by_shape.entry(lexer.lex(wanted.shape.as_bytes(), false).shape).or_default().push(at);
        }
        let group = |wanted| Group { wanted, combinations: Vec::new(), known: HashSet::new(), seen: 0 };
        Self { lexer, groups: wanted.iter().map(group).collect(), by_shape }
    }

    fn is_full(&self) -> bool {
        self.groups.iter().all(Group::is_full)
    }

    fn record(&mut self, record: &Record<'_>) {
        let Message::Statement { step, sql, .. } = message::classify(record) else { return };
        // what a function ran is no statement of a client, and parse and bind come before the execution
        if !matches!(step, Step::Simple | Step::Execute) || !record.context.is_empty() {
            return;
        }
        let lexed = self.lexer.lex(sql, record.is_tabbed);
        let Some(places) = self.by_shape.get(&lexed.shape).cloned() else { return };
        if lexed.is_truncated {
            return;
        }
        let slots = lexed.slots.to_vec();
        let database = String::from_utf8_lossy(record.database);
        let mut found: Option<Option<Vec<Value>>> = None;
        for at in places {
            let Some(group) = self.groups.get_mut(at) else { continue };
            if group.is_full() || !(database.is_empty() || database == group.wanted.database.as_str()) {
                continue;
            }
            group.seen += 1;
            let values = found.get_or_insert_with(|| values(&mut self.lexer, sql, record, &slots, &mut group.known));
            if let Some(values) = values {
                group.add(values.clone());
            }
        }
    }

    fn finish(self) -> Vec<Values> {
        let best = |group: Group<'_>| {
            // the first of equals, so that the same log gives the same values
            let most = group.combinations.iter().map(|one| one.executions.len()).max().unwrap_or(0);
            let best = group.combinations.into_iter().find(|one| one.executions.len() == most);
            Values { executions: best.map(|one| one.executions).unwrap_or_default(), seen: group.seen }
        };
        self.groups.into_iter().map(best).collect()
    }
}

/// The values of all slots of a statement; none where one of them cannot be told, or where all of them were seen before.
fn values(
    lexer: &mut Lexer,
    sql: &[u8],
    record: &Record<'_>,
    slots: &[Slot],
    known: &mut HashSet<Vec<SlotValue>>,
) -> Option<Vec<Value>> {
    let mut hashes = Vec::new();
    let mut raw = Vec::new();
    if let Some(list) = message::parameters_of(record.detail) {
        if lexer::parameters(list, record.is_tabbed, &mut hashes) == Parameters::Cut {
            return None;
        }
        raw = lexer::raw_parameters(list, record.is_tabbed);
    }
    let parameter = |number: u16| usize::from(number).checked_sub(1);
    let hash = |slot: &Slot| match slot.kind {
        SlotKind::Parameter(number) => parameter(number).and_then(|at| hashes.get(at)).copied(),
        _ => Some(slot.value),
    };
    if !known.insert(slots.iter().map(hash).collect::<Option<Vec<_>>>()?) {
        return None;
    }
    let has_literals = slots.iter().any(|slot| !matches!(slot.kind, SlotKind::Parameter(_)));
    let constants = if has_literals { Constants::of(lexer, sql, record.is_tabbed)? } else { Constants::default() };
    slots
        .iter()
        .map(|slot| match slot.kind {
            SlotKind::Parameter(number) => match raw.get(parameter(number)?)? {
                Some(bytes) => {
                    let text = std::str::from_utf8(bytes).ok()?.to_owned();
                    Some(Value { text: Some(text), literal: Literal::Unknown })
                }
                None => Some(Value { text: None, literal: Literal::Unknown }),
            },
            SlotKind::Integer | SlotKind::Number | SlotKind::String => {
                constants.one(slot.value).map(|text| Value::new(text.to_owned(), slot.kind))
            }
            SlotKind::List { members } => constants.list(lexer, slot.value, usize::try_from(members).ok()?),
            SlotKind::Bits | SlotKind::Word => None,
        })
        .collect()
}

/// The constants of a statement as PostgreSQL's parser reads them, in the order they stand in.
#[derive(Default)]
struct Constants {
    /// The text they stand in.
    sql: String,
    texts: Vec<String>,
    /// Where each begins in `sql`.
    places: Vec<usize>,
    by_value: HashMap<SlotValue, usize>,
}

impl Constants {
    fn of(lexer: &mut Lexer, sql: &[u8], is_tabbed: bool) -> Option<Self> {
        let sql = std::str::from_utf8(sql).ok()?;
        let sql = if is_tabbed { sql.replace("\n\t", "\n") } else { sql.to_owned() };
        let parsed = pg_query::parse(&sql, 0).ok()?;
        let tree = serde_json::to_value(&parsed.protobuf).ok()?;
        let mut found: Vec<(i64, String)> = Vec::new();
        let mut open = vec![&tree];
        while let Some(node) = open.pop() {
            match node {
                serde_json::Value::Array(members) => open.extend(members),
                serde_json::Value::Object(fields) => {
                    found.extend(fields.get("AConst").and_then(constant));
                    open.extend(fields.values());
                }
                _ => {}
            }
        }
        found.sort();
        let places = found.iter().map(|(place, _)| usize::try_from(*place).unwrap_or(sql.len())).collect();
        let texts = found.into_iter().map(|(_, text)| text).collect();
        let mut constants = Self { sql, texts, places, by_value: HashMap::new() };
        for (at, text) in constants.texts.iter().enumerate() {
            let plain = quoted_alone(lexer, text);
            // `E'…'`, `U&'…'`, `$$…$$`: the value of the slot is that of what was written
            let spelled = constants.spelled(at, 1).filter(|text| !text.starts_with(['\'', '-', '+']));
            let spelled = spelled.and_then(|text| lexer.lex(format!("select {text}").as_bytes(), false).slots.first());
            for slot in [plain, spelled.map(|slot| slot.value)].into_iter().flatten() {
                constants.by_value.entry(slot).or_insert(at);
            }
        }
        Some(constants)
    }

    /// The text from a constant to the one that follows so many of them, or to the end.
    fn spelled(&self, at: usize, members: usize) -> Option<&str> {
        let end = self.places.get(at + members).copied().unwrap_or(self.sql.len());
        self.sql.get(*self.places.get(at)?..end)
    }

    /// The constant whose value this is.
    fn one(&self, value: SlotValue) -> Option<&str> {
        self.by_value.get(&value).and_then(|at| self.texts.get(*at)).map(String::as_str)
    }

    /// The constants that follow each other and make the list whose value this is.
    fn list(&self, lexer: &mut Lexer, value: SlotValue, members: usize) -> Option<Value> {
        if !(2..=MEMBERS).contains(&members) {
            return None;
        }
        self.texts.windows(members).enumerate().find_map(|(at, window)| {
            let quoted: Vec<String> = window.iter().map(|text| quote(text)).collect();
            let mut is_own = |list: &str| {
                let sql = format!("select 1 where x in ({list}");
                lexer.lex(sql.as_bytes(), false).slots.get(1).is_some_and(|slot| slot.value == value)
            };
            let is_found = is_own(&format!("{})", quoted.join(", "))) || self.spelled(at, members).is_some_and(is_own);
            is_found.then(|| Value::array(window.iter().map(String::as_str)))
        })
    }
}

fn constant(constant: &serde_json::Value) -> Option<(i64, String)> {
    let value = constant.get("val")?;
    let text = |kind: &str, name: &str| Some(value.get(kind)?.get(name)?.as_str()?.to_owned());
    let number = || Some(value.get("Ival")?.get("ival")?.as_i64()?.to_string());
    let text = text("Sval", "sval").or_else(|| text("Fval", "fval")).or_else(number)?;
    Some((constant.get("location")?.as_i64()?, text))
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The lexer's value of a text.
fn quoted_alone(lexer: &mut Lexer, text: &str) -> Option<SlotValue> {
    let sql = format!("select {}", quote(text));
    lexer.lex(sql.as_bytes(), false).slots.first().map(|slot| slot.value)
}

/// Reads logs again, in their order, for the values of some of their statements.
pub fn collect(sources: Vec<Source>, options: &Options, wanted: &[Wanted], stop: &AtomicBool) -> Vec<Values> {
    let work = || {
        let mut collector = Collector::new(wanted);
        for source in sources {
            if collector.is_full() || stop.load(Ordering::Relaxed) {
                break;
            }
            read(source, options, &mut collector, stop);
        }
        collector.finish()
    };
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().name("values".into()).stack_size(STACK).spawn_scoped(scope, work);
        worker.ok().and_then(|worker| worker.join().ok()).unwrap_or_default()
    })
}

fn read(source: Source, options: &Options, collector: &mut Collector<'_>, stop: &AtomicBool) {
    let feed_options = FeedOptions {
        prefix: options.prefix.clone(),
        carrier: carrier::Options { reference: source.written, utc_offset: 0 },
    };
    // what cannot be read was said when it was read first
    let Ok(input) = (source.open)() else { return };
    let Ok(mut feed) = Feed::open(&source.name, input, &feed_options) else { return };
    let mut reader = Reader::new(Clock::new(options.zone.clone()));
    let selection: &Selection = &options.selection;
    let mut bytes = Vec::new();
    while let Some(chunk) = feed.next(bytes) {
        reader.read(&chunk.format, &chunk.bytes, |record| {
            if selection.takes(record) {
                collector.record(record);
            }
        });
        bytes = chunk.bytes;
        if collector.is_full() || stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::record::Severity;

    fn entry<'a>(message: &'a str, detail: &'a str) -> Record<'a> {
        Record {
            message: message.as_bytes(),
            detail: detail.as_bytes(),
            database: b"shop",
            severity: Severity::Log,
            ..Record::default()
        }
    }

    fn wanted(like: &str, keys: &[usize]) -> Vec<Wanted> {
        let shape = Lexer::new().shape_text(like.as_bytes(), false);
        vec![Wanted { database: "shop".into(), shape, keys: keys.to_vec() }]
    }

    fn collected(wanted: &[Wanted], entries: &[(&str, &str)]) -> Values {
        let mut collector = Collector::new(wanted);
        for (sql, detail) in entries {
            collector.record(&entry(&format!("duration: 0.1 ms  execute <unnamed>: {sql}"), detail));
        }
        collector.finish().remove(0)
    }

    fn texts(values: &Values) -> Vec<Vec<Option<&str>>> {
        values.executions.iter().map(|one| one.iter().map(Value::text).collect()).collect()
    }

    #[test]
    fn literals_are_taken_from_the_text() {
        let wanted = wanted("select * from b where a = 1 and c = 'x' and n > 1.5", &[1]);
        let values = collected(
            &wanted,
            &[
                ("SELECT * FROM b WHERE a = 5 AND c = 'it''s' AND n > 1.50 /* 7 */", ""),
                ("select * from b where a=5 and c='it''s' and n>1.50", ""),
                ("select * from b where a = -6 and c = 'it''s' and n > 1.50", ""),
                ("select * from b where a = '7' and c = 'it''s' and n > 1.50", ""),
                ("select * from b where a = 11 and c = $$it's$$ and n > 1.50", ""),
                ("select * from b where a = 12 and c = E'it\\'s' and n > 1.50", ""),
                ("select * from b where a = 13 and c = $t$it's$t$ and n > 1.50", ""),
                ("select * from b where a = 14 and c = U&'it\\0027s' and n > 1.50", ""),
                ("select * from b where a = 8 and c = 'other' and n > 1.50", ""),
                ("select * from b where a = 9 and c = 'it''s", ""),
                ("select * from b where a = null and c = 'it''s' and n > 1.50", ""),
                ("select * from d where a = 10 and c = 'it''s' and n > 1.50", ""),
            ],
        );
        let row = |key| vec![Some(key), Some("it's"), Some("1.50")];
        let keys = ["5", "-6", "7", "11", "12", "13", "14"];
        assert_eq!(texts(&values), keys.map(row));
        let literals: Vec<Literal> = values.executions[0].iter().map(Value::literal).collect();
        assert_eq!(literals, [Literal::Int, Literal::Unknown, Literal::Numeric]);
    }

    #[test]
    fn parameters_are_taken_from_the_detail() {
        let wanted = wanted("select * from b where a = 1 and c = 2 limit 3", &[1]);
        let sql = "select * from b where a = $2 and c = $1 limit 10";
        let values = collected(
            &wanted,
            &[
                (sql, "Parameters: $1 = 'x''y', $2 = '5'"),
                (sql, "parameters: $1 = 'x''y', $2 = '6'"),
                (sql, "Parameters: $1 = 'x''y', $2 = NULL"),
                (sql, "Parameters: $1 = 'cut...', $2 = '7'"),
                (sql, "Parameters: $1 = 'x''y'"),
                (sql, ""),
            ],
        );
        assert_eq!(texts(&values), [[Some("5"), Some("x'y"), Some("10")], [Some("6"), Some("x'y"), Some("10")]]);
        assert_eq!(values.executions[0][0].literal(), Literal::Unknown);
        assert_eq!(values.seen, 6);
        // a null that is no key is a value
        let sql = "select * from b where a = $1 and c = $2 limit 10";
        let values = collected(&wanted, &[(sql, "Parameters: $1 = '1', $2 = NULL")]);
        assert_eq!(texts(&values), [[Some("1"), None, Some("10")]]);
    }

    #[test]
    fn lists_are_arrays() {
        let wanted = wanted("select * from b where s in ('a', 'b') and a = 1 and t in ('c', 'd')", &[2]);
        let sql = r#"select * from b where s in ('x "q" \', 'y', 'z') and a = 5 and t in (1, 2)"#;
        let values = collected(&wanted, &[(sql, "")]);
        assert_eq!(texts(&values), [[Some(r#"{"x \"q\" \\","y","z"}"#), Some("5"), Some(r#"{"1","2"}"#)]]);
        let sql = r"select * from b where s in ($$x'$$, E'\ty') and a = $k$6$k$ and t in (1, 2)";
        assert_eq!(
            texts(&collected(&wanted, &[(sql, "")])),
            [[Some("{\"x'\",\"\ty\"}"), Some("6"), Some(r#"{"1","2"}"#)]]
        );
        // of parameters nothing is known but that they are there
        let sql = "select * from b where s in ($1, $2) and a = 5 and t in (1, 2)";
        assert!(collected(&wanted, &[(sql, "Parameters: $1 = 'a', $2 = 'b'")]).executions.is_empty());
    }

    #[test]
    fn the_combination_with_the_most_keys_is_kept_and_no_more_than_enough() {
        let wanted = wanted("select * from b where a = 1 and tenant = 2", &[1]);
        let statements: Vec<String> =
            (0..60).map(|at| format!("select * from b where a = {at} and tenant = {}", at % 3 / 2)).collect();
        let entries: Vec<(&str, &str)> = statements.iter().map(|sql| (sql.as_str(), "")).collect();
        let values = collected(&wanted, &entries);
        assert_eq!(values.executions.len(), KEYS);
        assert!(values.executions.iter().all(|one| one[1].text() == Some("0")));
    }

    #[test]
    fn what_is_no_execution_of_the_database_is_none() {
        let wanted = wanted("select * from b where a = 1", &[1]);
        let mut collector = Collector::new(&wanted);
        let statement = |message: &str, database: &'static str, context: &'static str, sql: &str| {
            (format!("{message}{sql}"), database.as_bytes(), context.as_bytes())
        };
        for (message, database, context) in [
            statement("duration: 0.1 ms  parse <unnamed>: ", "shop", "", "select * from b where a = 1"),
            statement("duration: 0.1 ms  bind <unnamed>: ", "shop", "", "select * from b where a = 2"),
            statement("duration: 0.1 ms  statement: ", "other", "", "select * from b where a = 3"),
            statement("duration: 0.1 ms  statement: ", "shop", "SQL function \"f\"", "select * from b where a = 4"),
            statement("", "shop", "", "select * from b where a = 5"),
            statement("duration: 0.1 ms  statement: ", "", "", "select * from b where a = 6"),
            statement("statement: ", "shop", "", "select *\n\tfrom b where a = '7\n\t8'"),
        ] {
            let record = Record { database, context, is_tabbed: true, ..entry(&message, "") };
            collector.record(&record);
        }
        let values = collector.finish().remove(0);
        assert_eq!(texts(&values), [[Some("6")], [Some("7\n8")]]);
    }

    #[test]
    fn nothing_shows_a_value() {
        let wanted = wanted("select * from b where a = 1", &[1]);
        let values = collected(&wanted, &[("select * from b where a = 'canary'", "")]);
        assert_eq!(texts(&values), [[Some("canary")]]);
        let shown = format!("{values:?} {:?}", values.executions[0][0].written());
        assert!(!shown.contains("canary"), "{shown}");
    }
}
