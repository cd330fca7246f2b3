//! A review becomes a report: findings are accepted by comments, configuration or a baseline, items decided, statements
//! listed with what they do. Pure.

use super::top;
use crate::attest::Attestations;
use crate::checklist::{self, Inputs};
use crate::config::Config;
use crate::finding::{Finding, Location, sorted};
use crate::logs::secret::Scanner;
use crate::migrations::allow;
use crate::migrations::effects::{Effects, Work};
use crate::migrations::project::Project;
use crate::migrations::replay::{Replayed, Step};
use crate::migrations::rules::{self, Rule};
use crate::migrations::script::{Direction, Parsed, SourceFile};
use crate::migrations::session::Began;
use crate::outcome::RuleResult;
use crate::report::review::{self, Lock, Review, Statement};
use crate::report::{Body, FORMAT, Kind, Note, Report, Source, Suppressed, Tool};
use crate::rule::Severity;
use crate::suppress;
use crate::time::Timestamp;
use std::collections::{BTreeSet, HashMap};

/// What a report is made from.
#[derive(Debug)]
pub struct Given<'a> {
    /// What came of the replay.
    pub replayed: &'a Replayed<'a>,
    /// What a trace saw, where there was one.
    pub traced: Option<&'a Traced>,
    /// The configuration in effect.
    pub config: &'a Config,
    /// Severities that a configuration nearer to a file says, by path and rule.
    pub severities: &'a Severities,
    /// What people said.
    pub attestations: &'a Attestations,
    /// Keys of findings that were there before somebody began to look: accepted.
    pub baseline: Option<&'a BTreeSet<String>>,
    /// What was read, as the user called it.
    pub target: &'a str,
    /// When the report is written, and "now" of the judgement.
    pub generated_at: Timestamp,
    /// Where the sizes of tables come from.
    pub sizes: Option<String>,
}

/// What configurations nearer to a file than the run's own say of rules there: off, or of another severity.
#[derive(Debug, Clone, Default)]
pub struct Severities {
    /// By path and rule; none where the rule is off.
    pub of: HashMap<(String, String), Option<Severity>>,
}

/// What a trace adds to a report.
#[derive(Debug, Clone, Default)]
pub struct Traced {
    /// What it ran on, and what came of it.
    pub trace: review::Trace,
    /// By file and statement of a script, in the order of the steps: what the server did, and whether it is what the review says.
    pub statements: HashMap<(usize, usize), (review::Effects, review::Verification)>,
    /// What only the trace could find.
    pub findings: Vec<Finding>,
}

/// The rules that run: enabled, and of opinion only where that is asked for.
pub fn enabled(config: &Config) -> Vec<&'static Rule> {
    let asked = |rule: &Rule| {
        let named = config.rules.get(rule.meta.id).and_then(|own| own.enabled.as_ref());
        !rule.is_opinion || config.review.pedantic.value || named.is_some_and(|enabled| enabled.value)
    };
    let enabled = |rule: &&&'static Rule| config.is_enabled(rule.meta.id, &rule.meta.category) && asked(rule);
    rules::ALL.iter().filter(enabled).copied().collect()
}

/// What the rules had to say, with what comments and a baseline accept taken out.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// A row for each rule.
    pub results: Vec<RuleResult>,
    /// What counts, worst first.
    pub findings: Vec<Finding>,
    /// What is accepted on the spot.
    pub suppressed: Vec<Suppressed>,
    /// Comments that accept nothing, and why.
    pub notes: Vec<Note>,
}

/// Severities, items and sources of the findings, and what comments accept.
pub fn judge(given: &Given<'_>) -> Judged {
    let project = given.replayed.project;
    let results = given.replayed.results.clone();
    let mut findings = given.replayed.findings.clone();
    if let Some(traced) = given.traced {
        verify(&mut findings, given.replayed, traced);
        findings.extend(traced.findings.iter().cloned());
    }
    findings.retain_mut(|finding| {
        let path = finding.location.as_ref().map_or("", |location| &location.file);
        match given.severities.of.get(&(path.to_owned(), finding.rule.as_str().to_owned())) {
            Some(None) => return false,
            Some(Some(severity)) => finding.severity = severity.clone(),
            None => {
                if let Some(severity) = given.config.severity_override(finding.rule.as_str()) {
                    finding.severity = severity.clone();
                }
            }
        }
        finding.items = checklist::items_of(finding.rule.as_str()).into_iter().map(str::to_owned).collect();
        true
    });
    let allowed = allow::apply(project, findings, &results);
    let (mut findings, mut suppressed) = (allowed.kept, allowed.suppressed);
    let sources = Sources::new(project);
    findings.iter_mut().chain(suppressed.iter_mut().map(|one| &mut one.finding)).for_each(|one| sources.fill(one));
    let findings = sorted(findings);
    Judged { results, findings, suppressed, notes: allowed.notes }
}

/// From a replay to a report.
pub fn report(given: &Given<'_>, mut notes: Vec<Note>) -> Report {
    let project = given.replayed.project;
    // what is accepted on the spot, then by the configuration, then as known
    let Judged { mut results, findings, mut suppressed, notes: more } = judge(given);
    notes.extend(more);
    let applied = suppress::apply(findings, &given.config.suppressions, &results, given.generated_at);
    notes.extend(applied.notes);
    suppressed.extend(applied.suppressed);
    let (mut kept, mut known) = (applied.kept, Vec::new());
    if let Some(baseline) = given.baseline {
        (known, kept) = kept.into_iter().partition(|finding| baseline.contains(&finding.key));
    }
    let reason = "in the baseline";
    suppressed.extend(known.into_iter().map(|finding| Suppressed { finding, reason: reason.into(), expires: None }));
    // a rule's row counts what there is to see now: a nearer configuration may have taken some away
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for finding in kept.iter().chain(suppressed.iter().map(|one| &one.finding)) {
        *counts.entry(finding.rule.as_str()).or_default() += 1;
    }
    for row in &mut results {
        row.findings = counts.get(row.id.as_str()).copied().unwrap_or_default();
        if row.findings == 0 && row.outcome == crate::outcome::Outcome::Found {
            row.outcome = match row.unjudged.is_empty() {
                true => crate::outcome::Outcome::Passed,
                false => crate::outcome::Outcome::Partial,
            };
        }
    }
    let items = checklist::assess(&Inputs {
        reviewed: true,
        rules: &results,
        findings: &kept,
        suppressed: &suppressed,
        target: given.target,
        ..Inputs::attested(given.attestations)
    });
    let (review, statements) = body(given);
    notes.extend(about(project, &review));
    Report {
        format: FORMAT,
        kind: Kind::Review,
        tool: Tool::this(),
        generated_at: given.generated_at,
        source: Source {
            target: given.target.to_owned(),
            config_sha256: Some(given.config.fingerprint()),
            ..Source::default()
        },
        window: None,
        score: Some(checklist::score(&items)),
        top: top(&kept, &items),
        items,
        notes,
        rules: results,
        findings: kept,
        suppressed,
        missing: Vec::new(),
        body: Body::Review { review, statements },
    }
}

/// What the reader has to know of the review before believing it.
fn about(project: &Project, review: &Review) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |warning, text: String| notes.push(Note { text, warning });
    if review.unread > 0 {
        note(true, format!("{} of {} statements could not be read", review.unread, review.statements_reviewed));
    }
    if review.sizes.is_none() {
        let text = "nothing says how large the tables are: every table that was there before counts as large; \
                    --snapshot FILE or --url adds sizes";
        note(false, text.to_owned());
    }
    for script in project.scripts.iter().filter(|script| project.is_reviewed(script)) {
        for problem in &script.problems {
            let Some(file) = project.files.get(script.file) else { continue };
            let line = file.line_column(problem.span.start).0;
            note(true, format!("{}:{line}: {}", file.path, problem.message));
        }
    }
    notes
}

fn body(given: &Given<'_>) -> (Review, Vec<Statement>) {
    let project = given.replayed.project;
    let reviewed = |file: &&SourceFile| file.is_reviewed;
    let own = || project.scripts.iter().filter(|script| project.is_reviewed(script));
    let all = || own().flat_map(|script| &script.statements);
    let review = Review {
        major: project.options.major,
        major_because: project.options.major_because.clone(),
        runners: project.runners.clone(),
        files: project.files.iter().filter(reviewed).count() as u64,
        replayed_files: project.files.iter().filter(|file| !file.is_reviewed).count() as u64,
        scripts: own().count() as u64,
        statements_reviewed: all().count() as u64,
        unread: all().filter(|one| !matches!(one.parsed, Parsed::Command(_))).count() as u64,
        sizes: given.sizes.clone(),
        trace: given.traced.map(|traced| traced.trace.clone()),
    };
    let statements = given.replayed.steps.iter().filter_map(|step| statement(given, step)).collect();
    (review, statements)
}

fn statement(given: &Given<'_>, step: &Step) -> Option<Statement> {
    let project = given.replayed.project;
    let script = project.scripts.get(step.script).filter(|script| project.is_reviewed(script))?;
    let file = project.files.get(script.file)?;
    let own = script.statements.get(step.statement)?;
    let traced = given.traced.and_then(|traced| traced.statements.get(&(step.script, step.statement)));
    let effects = effects(&step.effects);
    Some(Statement {
        file: file.path.clone(),
        line: file.line_column(own.span.start).0,
        kind: own.command().map_or_else(String::new, |command| command.tag().to_owned()),
        direction: match script.direction {
            Direction::Up => "up".to_owned(),
            Direction::Down => "down".to_owned(),
        },
        transaction: step.transaction.map(|transaction| {
            let began = match transaction.began {
                Began::Script => "script",
                Began::Runner => "runner",
                Began::Implicit => "implicit",
            };
            format!("{} ({began})", transaction.id)
        }),
        traced: traced.map(|(seen, _)| seen.clone()).filter(|seen| *seen != effects),
        verification: traced.map(|(_, verification)| verification.clone()),
        effects,
    })
}

/// Effects as the report has them: names of relations that were there before, nothing else.
pub fn effects(effects: &Effects) -> review::Effects {
    let names = |work: &[Work]| {
        let names: BTreeSet<String> =
            work.iter().filter(|work| !work.is_new).map(|work| work.relation.to_string()).collect();
        names.into_iter().collect::<Vec<_>>()
    };
    review::Effects {
        locks: effects
            .locks
            .iter()
            .filter(|locked| !locked.is_new)
            .map(|locked| Lock { relation: locked.relation.to_string(), mode: locked.mode.clone() })
            .collect(),
        rewrite: names(&effects.rewrites),
        scan: names(&effects.scans),
        index_build: names(&effects.builds),
        fk_validation: names(&effects.validations),
        not_in_transaction: effects.no_transaction,
        fails: effects.failures.iter().map(|failure| format!("{}: {}", failure.sqlstate, failure.message)).collect(),
        unread: effects.unread.clone(),
    }
}

/// A finding about a statement on which the server agrees with the review is confirmed; on which it does not, refuted.
fn verify(findings: &mut [Finding], replayed: &Replayed<'_>, traced: &Traced) {
    let mut by_line: HashMap<(&str, u32), &review::Verification> = HashMap::new();
    let project = replayed.project;
    for ((script, statement), (_, verification)) in &traced.statements {
        let Some(script) = project.scripts.get(*script) else { continue };
        let (Some(file), Some(own)) = (project.files.get(script.file), script.statements.get(*statement)) else {
            continue;
        };
        by_line.insert((&file.path, file.line_column(own.span.start).0), verification);
    }
    for finding in findings {
        let Some(location) = &finding.location else { continue };
        // a finding may point into a statement: the nearest beginning at or before its line, as far as it reaches
        let found = (0..=location.line.min(400)).find_map(|back| {
            let line = location.line.checked_sub(back)?;
            by_line.get(&(location.file.as_str(), line))
        });
        finding.verification = found.map(|verification| verification.as_str().to_owned());
    }
}

/// The lines that findings point at.
struct Sources<'a> {
    files: HashMap<&'a str, &'a SourceFile>,
    scanner: Scanner,
}

/// Lines of source that go with a finding.
const LINES: u32 = 12;

/// Bytes of a line of source that go with a finding.
const WIDTH: usize = 400;

impl<'a> Sources<'a> {
    fn new(project: &'a Project) -> Self {
        Self { files: project.files.iter().map(|file| (file.path.as_str(), file)).collect(), scanner: Scanner::new() }
    }

    fn fill(&self, finding: &mut Finding) {
        if let Some(location) = &mut finding.location {
            location.source = self.lines(location);
        }
        if let Some(sql) = finding.hint.as_mut().and_then(|hint| hint.sql.as_mut()) {
            *sql = self.without_secrets(sql);
        }
    }

    fn lines(&self, location: &Location) -> Option<String> {
        let file = self.files.get(location.file.as_str())?;
        let last = location.end_line.min(location.line.saturating_add(LINES - 1));
        let mut text = String::new();
        for line in location.line.max(1)..=last {
            let start = *file.lines.get(line as usize - 1)?;
            let end = file.lines.get(line as usize).copied().unwrap_or(file.text.len());
            let whole = file.text.get(start..end)?.trim_end_matches(['\n', '\r']);
            let cut = whole.char_indices().map(|(at, _)| at).take_while(|at| *at <= WIDTH).last().unwrap_or_default();
            let shown = if whole.len() > WIDTH { whole.get(..cut)? } else { whole };
            if line > location.line {
                text.push('\n');
            }
            text.push_str(&self.without_secrets(shown));
        }
        Some(text)
    }

    /// The text with its literals blanked, width for width, where it gives a secret away.
    fn without_secrets(&self, text: &str) -> String {
        // nearly all lines have neither a literal nor anything that looks like a secret
        let is_quoted = memchr::memchr(b'\'', text.as_bytes()).is_some();
        if !is_quoted && self.scanner.scan(text.as_bytes()).is_none() {
            return text.to_owned();
        }
        let lower = text.to_ascii_lowercase();
        let tells =
            ["password", "passwd", "secret", "api_key", "apikey", "access_key", "private_key", "token", "pgp_sym"]
                .iter()
                .any(|word| lower.contains(word));
        let looks = self.scanner.scan(text.as_bytes()).is_some();
        if !(looks || tells && is_quoted) {
            return text.to_owned();
        }
        let mut inside = false;
        text.chars()
            .map(|c| match c {
                '\'' => {
                    inside = !inside;
                    c
                }
                '\n' => c,
                _ if inside || (looks && !c.is_whitespace() && !is_quoted) => '*',
                c => c,
            })
            .collect()
    }
}
