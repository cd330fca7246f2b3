//! Reviews of a few lines of SQL, for the tests of the rules and for their fixtures.
//!
//! A fixture is one text that may hold several files, in order:
//! ```sql
//! -- expect: index-without-concurrently:7          rule and line, for each finding; or: nothing
//! -- major: 17                                     the newest where it is not said
//! -- file: 001_old.sql released                    what is there already; not reported on
//! create table orders (id bigint primary key, total int);
//! -- file: 002_new.sql transaction                 how the runner sends it: nothing (default), transaction, query
//! create index on orders (total);
//! -- file: 002_new.down.sql down                   the way back of the file before
//! drop index orders_total_idx;
//! ```
//! Lines are those of the fixture itself. What stands before the first `-- file:` is a file of its own.

use super::Rule;
use crate::finding::Finding;
use crate::migrations::command::Command;
use crate::migrations::project::{Options, Project};
use crate::migrations::replay::replay;
use crate::migrations::script::{Direction, Parsed, Script, SourceFile, Statement, Wrap};
use crate::migrations::{split, statement};

/// A fixture, read.
pub(crate) struct Fixture {
    /// `rule:line`, sorted.
    pub(crate) expected: Vec<String>,
    /// What it reviews.
    pub(crate) project: Project,
}

/// Reads a fixture.
pub(crate) fn fixture(text: &str) -> Fixture {
    let mut expected = Vec::new();
    let mut options = Options::default();
    // each file is the whole text with all other lines blank, so that lines are the fixture's
    let mut parts: Vec<(String, Vec<String>, Vec<String>)> = vec![("fixture.sql".into(), Vec::new(), Vec::new())];
    for (number, line) in text.lines().enumerate() {
        if let Some(list) = line.strip_prefix("-- expect:") {
            expected.extend(list.split_whitespace().filter(|one| *one != "nothing").map(str::to_owned));
        } else if let Some(major) = line.strip_prefix("-- major:") {
            options.major = major.trim().parse().unwrap();
        } else if let Some(file) = line.strip_prefix("-- file:") {
            let mut words = file.split_whitespace().map(str::to_owned);
            parts.push((words.next().unwrap(), words.collect(), vec![String::new(); number + 1]));
            continue;
        }
        parts.last_mut().unwrap().2.push(line.to_owned());
    }
    expected.sort();
    let mut project = Project { options, ..Project::default() };
    for (path, words, lines) in parts {
        let has = |word: &str| words.iter().any(|one| one == word);
        let mut file = SourceFile::new(path.clone(), lines.join("\n") + "\n");
        file.is_reviewed = !has("released");
        let index = project.files.len();
        let wrap = match () {
            () if has("transaction") => Wrap::Transaction,
            () if has("query") => Wrap::OneQuery,
            () => Wrap::Nothing,
        };
        let direction = if has("down") { Direction::Down } else { Direction::Up };
        project.has_down_convention |= direction == Direction::Down;
        let script = script(&file, index, direction, wrap);
        project.files.push(file);
        if !script.statements.is_empty() || !script.problems.is_empty() {
            project.scripts.push(script);
        }
    }
    Fixture { expected, project }
}

/// One file as one script, as `psql -f` reads it.
pub(crate) fn script(file: &SourceFile, index: usize, direction: Direction, wrap: Wrap) -> Script {
    let name = file.path.trim_end_matches(".sql").trim_end_matches(".down").to_owned();
    let pieces = split::split(&file.text, 0..file.text.len());
    let sql = pieces.into_iter().filter(|piece| piece.kind == split::PieceKind::Sql);
    let statements = sql.map(|piece| Statement {
        parsed: statement::parse(&file.text[piece.span.clone()], piece.span.start),
        span: piece.span,
    });
    Script {
        file: index,
        pair: name.clone(),
        name,
        direction,
        wrap,
        wrap_because: "as the fixture says".into(),
        statements: statements.collect(),
        problems: Vec::new(),
        directives: Vec::new(),
    }
}

/// `rule:line` of each finding, sorted.
pub(crate) fn found(project: &Project, rules: &[&'static Rule]) -> Vec<String> {
    let mut found: Vec<String> = replay(project, rules).findings.iter().map(at).collect();
    found.sort();
    found
}

fn at(finding: &Finding) -> String {
    format!("{}:{}", finding.rule, finding.location.as_ref().map_or(0, |location| location.line))
}

/// `severity message` of each finding of one rule in a fixture's text.
pub(crate) fn says(rule: &'static Rule, text: &str) -> Vec<String> {
    let fixture = fixture(text);
    let findings = replay(&fixture.project, &[rule]).findings;
    findings.iter().map(|finding| format!("{} {}", finding.severity, finding.message)).collect()
}

/// The findings of one rule in a fixture's text.
pub(crate) fn findings(rule: &'static Rule, text: &str) -> Vec<Finding> {
    let fixture = fixture(text);
    replay(&fixture.project, &[rule]).findings
}

/// The SQL of a hint in the place of the statement it speaks of, reviewed by all rules that are no matter of opinion: what they
/// find in it from medium on, as `rule: message`. A hint that does not parse is one too.
pub(crate) fn objections(project: &Project, finding: &Finding, rules: &[&'static Rule]) -> Vec<String> {
    let Some(sql) = finding.hint.as_ref().and_then(|hint| hint.sql.clone()) else { return Vec::new() };
    let Some(location) = &finding.location else { return Vec::new() };
    let mut revised = Project { seed: project.seed.clone(), options: project.options.clone(), ..Project::default() };
    revised.files = project.files.clone();
    for file in &mut revised.files {
        file.is_reviewed = false;
    }
    for own in &project.scripts {
        let mut own = own.clone();
        let file = &project.files[own.file];
        let is_here = file.path == location.file;
        if is_here {
            own.statements.retain(|one| file.line_column(one.span.start) < (location.line, location.column));
            // the hint is sent apart: what is before it has been committed
            own.statements.retain(|one| !matches!(one.command(), Some(Command::Transaction(_))));
        }
        revised.scripts.push(own);
        if is_here {
            break;
        }
    }
    let file = SourceFile::new("hint.sql", sql);
    let hint = script(&file, revised.files.len(), Direction::Up, Wrap::Nothing);
    let broken = hint.statements.iter().filter(|one| !matches!(one.parsed, Parsed::Command(_)));
    let mut objections: Vec<String> = broken.map(|one| format!("does not parse: {:?}", one.parsed)).collect();
    if hint.statements.is_empty() {
        objections.push("has no statement".into());
    }
    revised.files.push(file);
    revised.scripts.push(hint);
    let serious = replay(&revised, rules).findings.into_iter();
    let serious = serious.filter(|one| one.severity >= crate::rule::Severity::Medium);
    objections.extend(serious.map(|one| format!("{}: {}", one.rule, one.message)));
    objections
}
