//! What a rule sees: a statement, what it does, and the schema and the session before it; and how a finding about it is made.

use crate::finding::{Finding, Location, Subject, SubjectKind, Unit};
use crate::migrations::catalog::{Catalog, QName};
use crate::migrations::command::{ActionKind, Command, Inner};
use crate::migrations::effects::Effects;
use crate::migrations::project::{Options, Project};
use crate::migrations::replay::Step;
use crate::migrations::script::{Direction, Script, SourceFile, Statement};
use crate::migrations::session::{Held, Session};
use crate::migrations::split;
use crate::migrations::weight::{self, Weight, WorkKind};
use crate::rule::{Evidence, Meta, Param, Severity};
use std::ops::Range;

/// A statement at the moment it runs.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// Everything that was given.
    pub project: &'a Project,
    /// The script it is in.
    pub script: &'a Script,
    /// The statement.
    pub statement: &'a Statement,
    /// What it says.
    pub command: &'a Command,
    /// What it does.
    pub effects: &'a Effects,
    /// Where it is in the replay, in which transaction, under which timeouts.
    pub step: &'a Step,
    /// The steps before it, of all scripts.
    pub earlier: &'a [Step],
    /// The schema before it.
    pub catalog: &'a Catalog,
    /// The session before it.
    pub session: &'a Session,
    /// Where it stands in the body of a `do`; the command, what it does and the state before it are then its own, the
    /// statement and the step the `do`'s.
    pub inner: Option<&'a Inner>,
}

/// Where in a statement a finding points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The whole statement.
    Statement,
    /// A member of its list: an action of `alter table`, a name of `drop`; from 0.
    Action(usize),
    /// A byte of the file: the word there; the whole statement where it is not known.
    At(Option<usize>),
}

impl<'a> Moment<'a> {
    /// The major version that is reviewed for.
    pub fn major(&self) -> u16 {
        self.project.options.major
    }

    /// What was asked for and configured.
    pub fn options(&self) -> &'a Options {
        &self.project.options
    }

    /// The file.
    pub fn file(&self) -> Option<&'a SourceFile> {
        self.project.files.get(self.script.file)
    }

    /// The threshold in effect.
    pub fn param(&self, meta: &Meta, param: &Param) -> f64 {
        self.project.options.params.get(meta.id, param)
    }

    /// Whether the script goes back.
    pub fn is_down(&self) -> bool {
        self.script.direction == Direction::Down
    }

    /// The text of the statement; none where it stands in the body of a `do`.
    pub fn text(&self) -> &'a str {
        if self.inner.is_some() {
            return "";
        }
        self.file().map_or("", |file| self.script.text_of(self.statement, file))
    }

    /// The actions of an `alter table`, with their number; none of any other command.
    pub fn actions(&self) -> impl Iterator<Item = (usize, &'a ActionKind)> + use<'a> {
        let actions = match self.command {
            Command::AlterTable { actions, .. } => actions.as_slice(),
            _ => &[],
        };
        actions.iter().enumerate().map(|(number, action)| (number, &action.kind))
    }

    /// The relation of an `alter table`, resolved.
    pub fn altered(&self) -> Option<QName> {
        match self.command {
            Command::AlterTable { name, .. } => Some(self.catalog.resolve(name)),
            _ => None,
        }
    }

    /// Whether a relation came to be where nobody else can be using it: in this script, or in one released with it, or for
    /// this session alone.
    pub fn is_new(&self, relation: &QName) -> bool {
        self.catalog.get(relation).known().is_some_and(|relation| {
            self.session.is_new(relation.born)
                || relation.persistence == crate::migrations::command::Persistence::Temporary
        })
    }

    /// Locks held from earlier statements of the transaction that stop readers or writers of tables that others use.
    pub fn blocking_held(&self) -> impl Iterator<Item = &'a Held> + use<'a> {
        let held = self.session.held.iter();
        held.filter(|held| !held.is_new && !held.is_index && held.mode >= crate::lock::LockMode::Share)
    }

    /// The line on which a step stands, as `line 3`, or `V1__x.sql line 3` where it is another file's.
    pub fn line_of(&self, step: usize) -> String {
        let Some(step) = self.earlier.get(step) else { return "an earlier line".to_owned() };
        let Some(script) = self.project.scripts.get(step.script) else { return "an earlier line".to_owned() };
        let file = self.project.files.get(script.file);
        let (Some(file), Some(statement)) = (file, script.statements.get(step.statement)) else {
            return "an earlier line".to_owned();
        };
        let line = file.line_column(statement.span.start).0;
        match script.file == self.script.file {
            true => format!("line {line}"),
            false => format!("{} line {line}", file.path),
        }
    }

    /// A finding of a rule at its usual severity.
    pub fn finding(&self, meta: &Meta, place: Place, subject: Subject, message: impl Into<String>) -> Finding {
        let mut finding = Finding::new(meta, subject, message).evidence(Evidence::Inferred);
        let range = self.range(place);
        finding.location = self.file().map(|file| locate(file, range));
        finding.key = self.project.key(meta.id, self.script, self.statement, &finding.subject);
        finding
    }

    /// A finding whose work is over the rows of a relation: its severity follows what is known of their number. None where
    /// there are no rows.
    pub fn weighed(&self, finding: Finding, relation: &QName, kind: WorkKind) -> Option<Finding> {
        weigh(finding, weight::weigh(self.catalog.get(relation).known(), None, kind), kind)
    }

    /// Likewise, for work over the rows of several relations, one after the other.
    pub fn weighed_all(&self, finding: Finding, relations: &[QName], kind: WorkKind) -> Option<Finding> {
        let weights = relations.iter().map(|one| weight::weigh(self.catalog.get(one).known(), None, kind));
        weigh(finding, weights.reduce(add).unwrap_or(Weight::Unknown), kind)
    }

    /// Whether a relation is known to have no rows.
    pub fn is_empty(&self, relation: &QName) -> bool {
        weight::weigh(self.catalog.get(relation).known(), None, WorkKind::Scan) == Weight::Nothing
    }

    /// The bytes of a place.
    pub fn range(&self, place: Place) -> Range<usize> {
        let whole = self.statement.span.clone();
        let Some(file) = self.file() else { return whole };
        let text = &*file.text;
        if let Some(inner) = self.inner {
            return line_of_body(text, &whole, inner.line).unwrap_or(whole);
        }
        let position = match place {
            Place::Statement => return whole,
            Place::At(position) => position,
            Place::Action(number) => {
                let own = match self.command {
                    Command::AlterTable { actions, .. } | Command::AlterCompositeType { actions, .. } => {
                        if actions.len() < 2 {
                            return whole;
                        }
                        None::<usize>
                    }
                    _ => None,
                };
                let positions = split::list_positions(text, whole.clone());
                match own.or_else(|| positions.get(number).copied()) {
                    Some(start) if number > 0 => {
                        let end = positions.get(number + 1).map_or(whole.end, |next| before_comma(text, start, *next));
                        return start..end.max(start);
                    }
                    // the first member goes with the words before it
                    Some(start) => {
                        let end = positions.get(1).map_or(whole.end, |next| before_comma(text, start, *next));
                        return whole.start..end.max(start);
                    }
                    None => return whole,
                }
            }
        };
        match position.filter(|position| whole.contains(position)) {
            Some(start) => {
                let rest = text.get(start..whole.end).unwrap_or_default();
                let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '"' || c == '.'));
                start..start + word.unwrap_or(rest.len()).max(1)
            }
            None => whole,
        }
    }

    /// A relation as a subject.
    pub fn table(&self, relation: &QName) -> Subject {
        named(SubjectKind::Table, relation, None)
    }

    /// A column as a subject.
    pub fn column(&self, relation: &QName, column: &str) -> Subject {
        named(SubjectKind::Column, relation, None).with_columns(vec![column.to_owned()])
    }

    /// A constraint as a subject.
    pub fn constraint(&self, relation: &QName, name: &str) -> Subject {
        named(SubjectKind::Constraint, relation, Some(name))
    }

    /// An index as a subject.
    pub fn index(&self, relation: &QName, name: &str) -> Subject {
        named(SubjectKind::Index, relation, Some(name))
    }

    /// Anything else as a subject: the statement itself.
    pub fn itself(&self) -> Subject {
        Subject::new(SubjectKind::Statement)
    }
}

/// A line of the body that a `do` has, without the blanks around it.
fn line_of_body(text: &str, statement: &Range<usize>, line: u32) -> Option<Range<usize>> {
    let mut tokens = split::tokens::Tokens::new(text, statement.start, statement.end);
    let body = tokens.find(|token| matches!(token.kind, split::tokens::Kind::Dollar | split::tokens::Kind::Text))?;
    let within = text.get(body.start..body.end)?;
    let before: usize =
        within.split_inclusive('\n').take(usize::try_from(line).ok()?.saturating_sub(1)).map(str::len).sum();
    let rest = within.get(before..)?;
    let own = rest.lines().next().unwrap_or_default();
    let start = body.start + before + (own.len() - own.trim_start().len());
    (!own.trim().is_empty()).then(|| start..start + own.trim().len())
}

/// The end of a member of a list: before the comma that parts it from the next.
fn before_comma(text: &str, start: usize, next: usize) -> usize {
    let member = text.get(start..next).unwrap_or_default();
    start + member.trim_end().trim_end_matches(',').trim_end().len()
}

fn named(kind: SubjectKind, relation: &QName, name: Option<&str>) -> Subject {
    Subject {
        schema: Some(relation.schema.to_string()),
        relation: Some(relation.name.to_string()),
        name: name.map(str::to_owned),
        ..Subject::new(kind)
    }
}

/// A finding about a statement of a script, from where no moment is at hand.
pub fn about_statement(
    project: &Project,
    meta: &Meta,
    script: &Script,
    statement: usize,
    subject: Subject,
    message: impl Into<String>,
) -> Finding {
    let mut finding = Finding::new(meta, subject, message).evidence(Evidence::Inferred);
    if let Some(statement) = script.statements.get(statement) {
        finding.location = project.files.get(script.file).map(|file| locate(file, statement.span.clone()));
        finding.key = project.key(meta.id, script, statement, &finding.subject);
    }
    finding
}

/// A finding about a script as a whole: it points at its first statement.
pub fn about_file(project: &Project, meta: &Meta, script: &Script, message: impl Into<String>) -> Finding {
    let mut finding = about_statement(project, meta, script, 0, Subject::new(SubjectKind::File), message);
    finding.key = project.key_of_text(meta.id, script, "");
    finding.subject.name = project.files.get(script.file).map(|file| file.path.clone());
    finding
}

/// A place in a file as lines and columns.
pub fn locate(file: &SourceFile, range: Range<usize>) -> Location {
    let (line, column) = file.line_column(range.start);
    let (end_line, end_column) = file.line_column(range.end);
    Location { file: file.path.clone(), line, column, end_line, end_column, source: None }
}

/// Seconds under a lock from which it is more than a blink.
const BRIEF: f64 = 0.2;

/// Seconds under a lock from which requests time out.
const LONG: f64 = 2.0;

/// Both, one after the other; not known where one is not.
fn add(one: Weight, other: Weight) -> Weight {
    match (one, other) {
        (Weight::Nothing, weight) | (weight, Weight::Nothing) => weight,
        (
            Weight::Estimated { bytes, rows, seconds, how },
            Weight::Estimated { bytes: more_bytes, rows: more_rows, seconds: more_seconds, .. },
        ) => Weight::Estimated {
            bytes: bytes.saturating_add(more_bytes),
            rows: rows.zip(more_rows).map(|(rows, more)| rows + more),
            seconds: seconds + more_seconds,
            how,
        },
        _ => Weight::Unknown,
    }
}

fn weigh(finding: Finding, weight: Weight, kind: WorkKind) -> Option<Finding> {
    match weight {
        Weight::Unknown => Some(finding),
        Weight::Nothing => None,
        Weight::Estimated { bytes, rows, seconds, how } => {
            let usual = finding.severity.clone();
            let severity = match seconds {
                seconds if seconds < BRIEF => Severity::Low.min(usual),
                seconds if seconds < LONG => Severity::Medium.min(usual),
                _ => usual,
            };
            let mut finding = finding.severity(severity).evidence(Evidence::Estimated);
            finding = finding.number("estimated_duration", seconds, Unit::Seconds);
            finding = finding.count("bytes", i64::try_from(bytes).unwrap_or(i64::MAX), Unit::Bytes);
            if let Some(rows) = rows {
                finding = finding.number("rows", rows, Unit::Rows);
            }
            let _ = kind;
            Some(finding.text("estimated_from", how))
        }
    }
}

/// A script that has ended.
#[derive(Debug, Clone, Copy)]
pub struct AtEnd<'a> {
    /// Everything that was given.
    pub project: &'a Project,
    /// The script.
    pub script: &'a Script,
    /// Its index.
    pub index: usize,
    /// Its steps, in order.
    pub steps: &'a [Step],
    /// The schema before it.
    pub before: &'a Catalog,
    /// The schema after it.
    pub after: &'a Catalog,
    /// The session as it is left, before the runner's own `commit`.
    pub session: &'a Session,
}

impl<'a> AtEnd<'a> {
    /// The file.
    pub fn file(&self) -> Option<&'a SourceFile> {
        self.project.files.get(self.script.file)
    }

    /// The threshold in effect.
    pub fn param(&self, meta: &Meta, param: &Param) -> f64 {
        self.project.options.params.get(meta.id, param)
    }

    /// The statement of a step.
    pub fn statement(&self, step: &Step) -> Option<&'a Statement> {
        self.script.statements.get(step.statement)
    }

    /// The command of a step.
    pub fn command(&self, step: &Step) -> Option<&'a Command> {
        self.statement(step).and_then(Statement::command)
    }

    /// A finding about a statement of the script.
    pub fn finding(&self, meta: &Meta, statement: usize, subject: Subject, message: impl Into<String>) -> Finding {
        let mut finding = Finding::new(meta, subject, message).evidence(Evidence::Inferred);
        if let Some(statement) = self.script.statements.get(statement) {
            finding.location = self.file().map(|file| locate(file, statement.span.clone()));
            finding.key = self.project.key(meta.id, self.script, statement, &finding.subject);
        }
        finding
    }

    /// A finding about bytes of the script's file, or about the file as a whole.
    pub fn finding_at(&self, meta: &Meta, range: Option<Range<usize>>, message: impl Into<String>) -> Finding {
        let mut finding = Finding::new(meta, Subject::new(SubjectKind::File), message).evidence(Evidence::Inferred);
        let file = self.file();
        let text = range.clone().and_then(|range| file.and_then(|file| file.text.get(range))).unwrap_or_default();
        finding.key = self.project.key_of_text(meta.id, self.script, text);
        finding.subject.name = file.map(|file| file.path.clone());
        finding.location = file.map(|file| locate(file, range.unwrap_or(0..0)));
        finding
    }

    /// A relation as a subject.
    pub fn table(&self, relation: &QName) -> Subject {
        named(SubjectKind::Table, relation, None)
    }

    /// A column, or several, as a subject.
    pub fn columns(&self, relation: &QName, columns: Vec<String>) -> Subject {
        named(SubjectKind::Column, relation, None).with_columns(columns)
    }

    /// A constraint as a subject.
    pub fn constraint(&self, relation: &QName, name: &str) -> Subject {
        named(SubjectKind::Constraint, relation, Some(name))
    }
}
