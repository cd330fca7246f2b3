//! The waist of the hourglass: one rule, one subject, one message, its numbers as data.

use crate::lock::LockMode;
use crate::rule::{Evidence, Meta, RuleId, Severity, words};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

words! {
    /// The kind of thing a finding is about.
    SubjectKind {
        /// The whole server.
        Server = "server",
        /// One database.
        Database = "database",
        /// A role.
        Role = "role",
        /// A schema.
        Schema = "schema",
        /// A table, partitioned table or materialized view.
        Table = "table",
        /// A column.
        Column = "column",
        /// An index.
        Index = "index",
        /// A constraint.
        Constraint = "constraint",
        /// A sequence.
        Sequence = "sequence",
        /// A function or procedure.
        Function = "function",
        /// A configuration parameter.
        Setting = "setting",
        /// A session, or a group of like sessions.
        Session = "session",
        /// A replication slot.
        Slot = "slot",
        /// A standby.
        Replica = "replica",
        /// A connection pooler.
        Pooler = "pooler",
        /// One normalised query.
        Query = "query",
        /// Several queries that belong together.
        QueryGroup = "query-group",
        /// A file.
        File = "file",
        /// A statement in a file.
        Statement = "statement",
    }
}

/// What a finding is about, named so that it can be found again. Names are plain, unquoted; oids never appear.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// The kind of thing.
    pub kind: SubjectKind,
    /// The database it lives in, for everything that lives in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The schema, for everything that lives in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The table it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// Its own name, where it is not the table or the database itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The columns concerned, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// pg_query's fingerprint of the query, 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The fingerprint of the query that drives it, for a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_fingerprint: Option<String>,
    /// The normalised text of the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

impl Subject {
    /// A subject of a kind, with nothing else said.
    pub fn new(kind: SubjectKind) -> Self {
        Self {
            kind,
            database: None,
            schema: None,
            relation: None,
            name: None,
            columns: Vec::new(),
            fingerprint: None,
            parent_fingerprint: None,
            query: None,
        }
    }

    /// The whole server.
    pub fn server() -> Self {
        Self::new(SubjectKind::Server)
    }

    /// A database of the server.
    pub fn database(database: &str) -> Self {
        Self { database: Some(database.to_owned()), ..Self::new(SubjectKind::Database) }
    }

    /// A table, partitioned table or materialized view.
    pub fn table(database: &str, schema: &str, table: &str) -> Self {
        Self { kind: SubjectKind::Table, ..Self::within(database, schema, table) }
    }

    /// Something named that belongs to a table: an index, a constraint.
    pub fn of_table(kind: SubjectKind, database: &str, schema: &str, table: &str, name: &str) -> Self {
        Self { kind, name: Some(name.to_owned()), ..Self::within(database, schema, table) }
    }

    /// Something named that lives in a schema but in no table: a sequence, a function.
    pub fn in_schema(kind: SubjectKind, database: &str, schema: &str, name: &str) -> Self {
        Self {
            database: Some(database.to_owned()),
            schema: Some(schema.to_owned()),
            name: Some(name.to_owned()),
            ..Self::new(kind)
        }
    }

    /// Something named that lives in no schema, such as a role or a setting; in a database where that matters.
    pub fn named(kind: SubjectKind, database: Option<&str>, name: &str) -> Self {
        Self { database: database.map(str::to_owned), name: Some(name.to_owned()), ..Self::new(kind) }
    }

    /// A normalised query of a database.
    pub fn query(database: &str, fingerprint: &str, text: &str) -> Self {
        Self {
            database: Some(database.to_owned()),
            fingerprint: Some(fingerprint.to_owned()),
            query: Some(text.to_owned()),
            ..Self::new(SubjectKind::Query)
        }
    }

    /// The same subject with its columns named.
    #[must_use]
    pub fn with_columns(mut self, columns: Vec<String>) -> Self {
        self.columns = columns;
        self
    }

    fn within(database: &str, schema: &str, relation: &str) -> Self {
        Self {
            database: Some(database.to_owned()),
            schema: Some(schema.to_owned()),
            relation: Some(relation.to_owned()),
            ..Self::new(SubjectKind::Table)
        }
    }

    /// The parts that make its identity, outermost first.
    fn parts(&self) -> impl Iterator<Item = &str> {
        [&self.database, &self.schema, &self.relation, &self.name, &self.parent_fingerprint, &self.fingerprint]
            .into_iter()
            .filter_map(Option::as_deref)
    }

    /// The subject in words, for messages: `public.orders`, `role app`, `query 0123456789abcdef`.
    pub fn label(&self) -> String {
        let qualified = |name: &str| match &self.schema {
            Some(schema) => format!("{schema}.{name}"),
            None => name.to_owned(),
        };
        match (&self.relation, &self.name, &self.fingerprint) {
            (Some(relation), Some(name), _) => format!("{} on {}", name, qualified(relation)),
            (Some(relation), None, _) => qualified(relation),
            (None, Some(name), _) if self.schema.is_some() => qualified(name),
            (None, Some(name), _) => format!("{} {name}", self.kind),
            (None, None, Some(fingerprint)) => format!("{} {fingerprint}", self.kind),
            (None, None, None) => match &self.database {
                Some(database) => format!("database {database}"),
                None => self.kind.to_string(),
            },
        }
    }
}

words! {
    /// What a number counts: the closed list of units of every output.
    Unit {
        /// Plain things.
        Count = "count",
        /// Rows.
        Rows = "rows",
        /// Bytes.
        Bytes = "bytes",
        /// Pages of the server's block size.
        Pages = "pages",
        /// Seconds.
        Seconds = "seconds",
        /// Milliseconds.
        Milliseconds = "milliseconds",
        /// A part of one: 0 to 1.
        Ratio = "ratio",
        /// A part of a hundred.
        Percent = "percent",
        /// Events a second.
        PerSecond = "per_second",
        /// Events a day.
        PerDay = "per_day",
        /// Transactions (an age of transaction ids).
        Transactions = "transactions",
        /// Not a number.
        Text = "text",
    }
}

/// The value of a measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number, finite.
    Number(f64),
    /// Words.
    Text(String),
    /// Several.
    List(Vec<String>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
            Self::List(values) => f.write_str(&values.join(", ")),
        }
    }
}

/// One number of a finding, with its unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// snake_case, stable.
    pub name: Cow<'static, str>,
    /// The value.
    pub value: Value,
    /// What it counts.
    pub unit: Unit,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.replace('_', " ");
        let number = match &self.value {
            Value::Integer(value) => Some(*value as f64),
            Value::Number(value) => Some(*value),
            _ => None,
        };
        match (number, &self.unit) {
            (Some(value), unit) => write!(f, "{name} {}", humane(value, unit)),
            (None, _) => write!(f, "{name} {}", self.value),
        }
    }
}

/// A number with its unit as a person reads it: `12 MiB`, `3.4 s`, `41 %`.
pub fn humane(value: f64, unit: &Unit) -> String {
    match unit {
        Unit::Bytes => bytes(value),
        Unit::Seconds => seconds(value),
        Unit::Milliseconds if value.abs() >= 10_000.0 => seconds(value / 1000.0),
        Unit::Milliseconds => format!("{} ms", number(value)),
        Unit::Ratio => format!("{} %", number(value * 100.0)),
        Unit::Percent => format!("{} %", number(value)),
        Unit::PerSecond => format!("{}/s", number(value)),
        Unit::PerDay => format!("{}/day", number(value)),
        Unit::Pages => format!("{} pages", number(value)),
        Unit::Rows | Unit::Count | Unit::Transactions | Unit::Text | Unit::Other(_) => number(value),
    }
}

fn bytes(value: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = value;
    let mut unit = 0;
    while value.abs() >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", number(value), units[unit])
}

fn seconds(value: f64) -> String {
    match value.abs() {
        v if v >= 2.0 * 86_400.0 => format!("{} days", number(value / 86_400.0)),
        v if v >= 2.0 * 3600.0 => format!("{} h", number(value / 3600.0)),
        v if v >= 120.0 => format!("{} min", number(value / 60.0)),
        v if v >= 1.0 || v == 0.0 => format!("{} s", number(value)),
        _ => format!("{} ms", number(value * 1000.0)),
    }
}

/// Three significant digits below a thousand, thousands grouped above.
fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs();
    if magnitude < 1000.0 {
        let decimals = (2 - magnitude.log10().floor() as i32).clamp(0, 6) as usize;
        let text = format!("{value:.decimals$}");
        return if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text };
    }
    let digits = format!("{:.0}", magnitude);
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if value < 0.0 { format!("-{grouped}") } else { grouped }
}

/// What to do about it. `sql` is complete, quoted, and can be pasted; `lock` is what it takes while it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hint {
    /// The advice, one or two sentences.
    pub text: String,
    /// The statements that carry it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// The strongest table lock that SQL takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockMode>,
}

/// Where in a file; lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The path as given.
    pub file: String,
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column after the last.
    pub end_column: u32,
    /// The lines themselves, from the first to the last, where the file is the user's own source; cut where there are many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A change of the user's own text that carries the hint out: the text that takes the place of what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// What is replaced; nothing where beginning and end are one.
    pub location: Location,
    /// What takes its place.
    pub text: String,
}

/// One rule, one subject, one message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule that found it.
    pub rule: RuleId,
    /// The checklist items the rule takes part in, filled from the checklist when the report is made.
    #[serde(default)]
    pub items: Vec<String>,
    /// How much it matters, here.
    pub severity: Severity,
    /// How it came to be known.
    pub evidence: Evidence,
    /// The stable identity: survives a re-run and a change of wording.
    pub key: String,
    /// What it is about.
    pub subject: Subject,
    /// Whether a second method agreed: `confirmed`, `refuted`, `trace_only`, or nothing.
    #[serde(default)]
    pub verification: Option<String>,
    /// One terse line, no full stop.
    pub message: String,
    /// Its numbers.
    #[serde(default)]
    pub detail: Vec<Measure>,
    /// What to do.
    #[serde(default)]
    pub hint: Option<Hint>,
    /// Where in a file, for rules over files.
    #[serde(default)]
    pub location: Option<Location>,
    /// The changes of that file that carry the hint out, in order, where they are purely textual.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
}

impl Finding {
    /// A finding of a rule at its usual severity, measured, with nothing but a message.
    pub fn new(meta: &Meta, subject: Subject, message: impl Into<String>) -> Self {
        Self {
            rule: RuleId::from(meta.id),
            items: Vec::new(),
            severity: meta.severity.clone(),
            evidence: Evidence::Measured,
            key: key(meta.id, &subject),
            subject,
            verification: None,
            message: message.into(),
            detail: Vec::new(),
            hint: None,
            location: None,
            edits: Vec::new(),
        }
    }

    /// With another severity than the rule's usual one.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// With weaker evidence than measured.
    #[must_use]
    pub fn evidence(mut self, evidence: Evidence) -> Self {
        self.evidence = evidence;
        self
    }

    /// With one more whole number.
    #[must_use]
    pub fn count(mut self, name: &'static str, value: i64, unit: Unit) -> Self {
        self.detail.push(Measure { name: name.into(), value: Value::Integer(value), unit });
        self
    }

    /// With one more number; one that is not finite is left out, since no output could carry it.
    #[must_use]
    pub fn number(mut self, name: &'static str, value: f64, unit: Unit) -> Self {
        if value.is_finite() {
            self.detail.push(Measure { name: name.into(), value: Value::Number(value), unit });
        }
        self
    }

    /// With one more fact in words.
    #[must_use]
    pub fn text(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.detail.push(Measure { name: name.into(), value: Value::Text(value.into()), unit: Unit::Text });
        self
    }

    /// With one more list.
    #[must_use]
    pub fn list(mut self, name: &'static str, values: Vec<String>) -> Self {
        self.detail.push(Measure { name: name.into(), value: Value::List(values), unit: Unit::Text });
        self
    }

    /// With advice in words only.
    #[must_use]
    pub fn advice(mut self, text: impl Into<String>) -> Self {
        self.hint = Some(Hint { text: text.into(), sql: None, lock: None });
        self
    }

    /// With advice and the SQL that carries it out, and the strongest table lock that SQL takes.
    #[must_use]
    pub fn fix(mut self, text: impl Into<String>, sql: impl Into<String>, lock: Option<LockMode>) -> Self {
        self.hint = Some(Hint { text: text.into(), sql: Some(sql.into()), lock });
        self
    }

    /// The order of every list of findings: worst first, then by key.
    pub fn order(&self, other: &Self) -> std::cmp::Ordering {
        other.severity.cmp(&self.severity).then_with(|| self.key.cmp(&other.key))
    }

    /// Whether it is suspected only: shown where everything is, and no gate fails on it.
    pub fn is_suspected(&self) -> bool {
        self.detail.iter().any(|measure| measure.name == "suspected" && measure.value == Value::Bool(true))
    }

    /// The measure of a name, as a number.
    pub fn measured(&self, name: &str) -> Option<f64> {
        self.detail.iter().find(|measure| measure.name == name).and_then(|measure| match measure.value {
            Value::Integer(value) => Some(value as f64),
            Value::Number(value) => Some(value),
            _ => None,
        })
    }
}

/// Findings in the order of every list. They are large: their places are sorted, and each is moved once.
pub fn sorted(findings: Vec<Finding>) -> Vec<Finding> {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by(|a, b| match (findings.get(*a), findings.get(*b)) {
        (Some(a), Some(b)) => a.order(b),
        _ => std::cmp::Ordering::Equal,
    });
    let mut left: Vec<Option<Finding>> = findings.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| left.get_mut(at).and_then(Option::take)).collect()
}

/// `rule:database/schema/relation/name`, parts percent-escaped: readable, stable, and one line whatever the names hold.
pub fn key(rule: &str, subject: &Subject) -> String {
    let parts: Vec<String> = subject.parts().map(escape).collect();
    if parts.is_empty() { format!("{rule}:{}", subject.kind) } else { format!("{rule}:{}", parts.join("/")) }
}

/// Percent-escapes what would break a key apart or a line: separators, wildcards of suppressions, controls, spaces.
pub(crate) fn escape(part: &str) -> String {
    let mut escaped = String::with_capacity(part.len());
    for character in part.chars() {
        if character.is_control()
            || matches!(character, '%' | '/' | ':' | '*' | '?' | '"' | '#')
            || character.is_whitespace()
        {
            let mut buffer = [0; 4];
            for byte in character.encode_utf8(&mut buffer).bytes() {
                escaped.push_str(&format!("%{byte:02X}"));
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_one_line_and_unambiguous() {
        let plain = Subject::of_table(SubjectKind::Index, "shop", "public", "orders", "orders_pkey");
        assert_eq!(key("unused-index", &plain), "unused-index:shop/public/orders/orders_pkey");
        let odd = Subject::table("a/b", "s c", "new\nline:*é");
        assert_eq!(key("x", &odd), "x:a%2Fb/s%20c/new%0Aline%3A%2Aé");
        assert_eq!(key("x", &Subject::server()), "x:server");
    }

    #[test]
    fn numbers_read_like_a_person_writes_them() {
        assert_eq!(humane(12.0 * 1024.0 * 1024.0, &Unit::Bytes), "12 MiB");
        assert_eq!(humane(0.4137, &Unit::Ratio), "41.4 %");
        assert_eq!(humane(1_234_567.0, &Unit::Rows), "1,234,567");
        assert_eq!(humane(90.0, &Unit::Seconds), "90 s");
        assert_eq!(humane(0.0123, &Unit::Seconds), "12.3 ms");
        assert_eq!(humane(100.0, &Unit::Count), "100");
        assert_eq!(humane(172_800.0, &Unit::Seconds), "2 days");
    }
}
