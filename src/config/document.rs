//! TOML with line numbers: every key is asked for by name, what was not asked for is an unknown key, and every problem
//! of a file is reported at once, on its line. Shared by the configuration and the attestations.

use crate::time::Timestamp;
use jiff::civil::Date;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use toml::de::{DeTable, DeValue};

/// Something wrong in a file, on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was named.
    pub path: String,
    /// The line, from 1; none where it concerns the whole file.
    pub line: Option<usize>,
    /// What is wrong and what would be right: lower case, no full stop.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.text),
            None => write!(f, "{}: {}", self.path, self.text),
        }
    }
}

/// Every problem of one or several files, at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct Problems(pub Vec<Problem>);

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// A value and the line it was written on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) line: usize,
}

/// A value that is neither a list nor a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Text(String),
    Number(f64),
    Flag(bool),
    Date(Date),
}

/// One file: where its lines begin, and what is wrong with it.
pub(crate) struct Document<'t> {
    path: &'t str,
    text: &'t str,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> Document<'t> {
    pub(crate) fn new(path: &'t str, text: &'t str) -> Self {
        Self { path, text, problems: RefCell::default() }
    }

    /// The outermost table; nothing where the text is not TOML.
    pub(crate) fn root<'d>(&'d self) -> Option<Fields<'d, 't>> {
        let (table, errors) = DeTable::parse_recoverable(self.text.trim_start_matches('\u{feff}'));
        let mut told = None;
        for error in &errors {
            let line = error.span().map(|span| self.line(span.start));
            // what follows on the same line follows from the first
            if told != Some(line) {
                self.problem(line, format!("not valid TOML: {}", error.message()));
            }
            told = Some(line);
        }
        errors.is_empty().then(|| Fields::new(self, String::new(), 1, table.into_inner()))
    }

    /// Everything that was wrong, or what was read.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, Problems> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line);
        if problems.is_empty() { Ok(value) } else { Err(Problems(problems)) }
    }

    pub(crate) fn problem(&self, line: Option<usize>, text: impl Into<String>) {
        let problem = Problem { path: self.path.to_owned(), line, text: one_line(&text.into()) };
        self.problems.borrow_mut().push(problem);
    }

    fn line(&self, offset: usize) -> usize {
        let skipped = self.text.len() - self.text.trim_start_matches('\u{feff}').len();
        let before = self.text.as_bytes().get(..offset + skipped).unwrap_or(self.text.as_bytes());
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }
}

/// The keys of one table, taken one by one.
pub(crate) struct Fields<'d, 't> {
    document: &'d Document<'t>,
    /// `audit`, or nothing for the outermost.
    name: String,
    /// The line the table begins on.
    pub(crate) line: usize,
    entries: BTreeMap<String, (usize, DeValue<'t>)>,
    /// Every key that was there, taken or not.
    written: BTreeSet<String>,
    /// Every key that was asked for.
    asked: Vec<String>,
}

impl<'d, 't> Fields<'d, 't> {
    fn new(document: &'d Document<'t>, name: String, line: usize, table: DeTable<'t>) -> Self {
        let entries: BTreeMap<String, (usize, DeValue<'t>)> = table
            .into_iter()
            .map(|(key, value)| {
                let line = document.line(key.span().start);
                (key.into_inner().into_owned(), (line, value.into_inner()))
            })
            .collect();
        // What is missing from a table is best reported where its own keys begin: of several [[tables]], the right one.
        let line = entries.values().map(|(line, _)| *line).min().unwrap_or(line);
        let written = entries.keys().cloned().collect();
        Self { document, name, line, entries, written, asked: Vec::new() }
    }

    pub(crate) fn problem(&self, line: usize, text: impl Into<String>) {
        self.document.problem(Some(line), text);
    }

    /// The names of all keys, for tables whose keys are names themselves.
    pub(crate) fn keys(&self) -> Vec<(String, usize)> {
        self.entries.iter().map(|(key, (line, _))| (key.clone(), *line)).collect()
    }

    fn take(&mut self, key: &str) -> Option<Located<DeValue<'t>>> {
        self.asked.push(key.to_owned());
        self.entries.remove(key).map(|(line, value)| Located { value, line })
    }

    /// A key that must be there; one that was, but wrong, has been reported already.
    pub(crate) fn required<T>(&mut self, key: &str, found: Option<Located<T>>) -> Option<Located<T>> {
        if found.is_none() && !self.written.contains(key) {
            let within = self.within();
            self.problem(self.line, format!("{within}\"{key}\" is missing"));
        }
        found
    }

    fn within(&self) -> String {
        if self.name.is_empty() { String::new() } else { format!("[{}] ", self.name) }
    }

    fn wrong(&self, key: &str, line: usize, wanted: &str, found: &DeValue<'_>) {
        let text =
            format!("{}\"{key}\" has to be {wanted}, not {} {}", self.within(), article(found), found.type_str());
        self.problem(line, text);
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<Located<String>> {
        let Located { value, line } = self.take(key)?;
        match value {
            DeValue::String(text) => Some(Located { value: text.into_owned(), line }),
            other => {
                self.wrong(key, line, "text in quotes", &other);
                None
            }
        }
    }

    pub(crate) fn texts(&mut self, key: &str) -> Option<Located<Vec<String>>> {
        let Located { value, line } = self.take(key)?;
        let DeValue::Array(array) = value else {
            self.wrong(key, line, "a list of texts, [\"…\"]", &value);
            return None;
        };
        let mut texts = Vec::new();
        for element in array {
            let line = self.document.line(element.span().start);
            match element.into_inner() {
                DeValue::String(text) => texts.push(text.into_owned()),
                other => self.wrong(key, line, "a list of texts, [\"…\"]", &other),
            }
        }
        Some(Located { value: texts, line })
    }

    pub(crate) fn flag(&mut self, key: &str) -> Option<Located<bool>> {
        let Located { value, line } = self.take(key)?;
        match value {
            DeValue::Boolean(value) => Some(Located { value, line }),
            other => {
                self.wrong(key, line, "true or false", &other);
                None
            }
        }
    }

    pub(crate) fn scalar(&mut self, key: &str) -> Option<Located<Scalar>> {
        let Located { value, line } = self.take(key)?;
        let scalar = match &value {
            DeValue::String(text) => Some(Scalar::Text(text.clone().into_owned())),
            DeValue::Boolean(value) => Some(Scalar::Flag(*value)),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| Scalar::Number(number as f64))
            }
            DeValue::Float(number) => {
                number.as_str().parse::<f64>().ok().filter(|number| number.is_finite()).map(Scalar::Number)
            }
            DeValue::Datetime(date) => date.to_string().parse().ok().map(Scalar::Date),
            DeValue::Array(_) | DeValue::Table(_) => None,
        };
        if scalar.is_none() {
            self.wrong(key, line, "one finite value", &value);
        }
        scalar.map(|value| Located { value, line })
    }

    pub(crate) fn date(&mut self, key: &str) -> Option<Located<Date>> {
        let Located { value, line } = self.take(key)?;
        let parsed = match &value {
            DeValue::String(text) => date(text),
            DeValue::Datetime(written) => date(&written.to_string()),
            other => {
                self.wrong(key, line, "a date, YYYY-MM-DD", other);
                return None;
            }
        };
        if parsed.is_none() {
            self.problem(line, format!("{}\"{key}\" is not a date, YYYY-MM-DD", self.within()));
        }
        parsed.map(|value| Located { value, line })
    }

    pub(crate) fn table(&mut self, key: &str) -> Option<Fields<'d, 't>> {
        let Located { value, line } = self.take(key)?;
        let name = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        match value {
            DeValue::Table(table) => Some(Fields::new(self.document, name, line, table)),
            other => {
                self.wrong(key, line, &format!("a table, [{name}]"), &other);
                None
            }
        }
    }

    pub(crate) fn tables(&mut self, key: &str) -> Vec<Fields<'d, 't>> {
        let Some(Located { value, line }) = self.take(key) else { return Vec::new() };
        let DeValue::Array(array) = value else {
            self.wrong(key, line, &format!("written [[{key}]]"), &value);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for element in array {
            let line = self.document.line(element.span().start);
            match element.into_inner() {
                DeValue::Table(table) => tables.push(Fields::new(self.document, key.to_owned(), line, table)),
                other => self.wrong(key, line, &format!("written [[{key}]]"), &other),
            }
        }
        tables
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn finish(self) {
        for (key, (line, _)) in &self.entries {
            let suggestion = did_you_mean(key, self.asked.iter().map(String::as_str));
            self.problem(*line, format!("{}unknown key \"{}\"{suggestion}", self.within(), key));
        }
    }
}

fn article(value: &DeValue<'_>) -> &'static str {
    if matches!(value, DeValue::Integer(_) | DeValue::Array(_)) { "an" } else { "a" }
}

/// A calendar date, `YYYY-MM-DD` and nothing else.
pub(crate) fn date(text: &str) -> Option<Date> {
    let text = text.trim();
    if text.len() == 10 { text.parse().ok() } else { None }
}

/// The day an instant falls on in UTC; the infinities are the ends of the calendar.
pub(crate) fn day(instant: Timestamp) -> Date {
    match instant.date().parse() {
        Ok(date) => date,
        Err(_) if instant > Timestamp::from_unix_micros(0) => Date::MAX,
        Err(_) => Date::MIN,
    }
}

/// Text of others on one line, without what would steer a terminal.
pub(crate) fn one_line(text: &str) -> String {
    let mut words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
    }
    line
}

/// `, did you mean "…"?`, or nothing where no known word is near.
pub(crate) fn did_you_mean<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> String {
    let folded = |text: &str| text.to_lowercase().replace('_', "-");
    let near = known
        .map(|candidate| (distance(&folded(word), &folded(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min();
    near.map_or_else(String::new, |(_, candidate)| format!(", did you mean \"{candidate}\"?"))
}

/// Insertions, deletions, replacements and swaps of neighbours from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows: Vec<Vec<usize>> = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len()][b.len()]
}
