//! What the formats that people read in the end have in common: the rows they show, in the order they show them, before
//! any layout.

use super::logs::{self, Logs};
use super::repetition::Repetition;
use super::text::{line, visible};
use crate::finding::{Finding, Hint, Location, Measure, SubjectKind, Unit, Value, humane};
use crate::lock::LockMode;
use crate::outcome::{Outcome, Reason};
use crate::report::{Assessment, Body, Kind, Query, Report, State, Suppressed};
use crate::rule::{RuleId, Severity};
use crate::time::Timestamp;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A state as a sign and a word: never the sign alone, never a colour alone.
pub(super) fn state(state: &State) -> (&'static str, &str) {
    match state {
        State::Pass => ("✓", "pass"),
        State::Warn => ("!", "warn"),
        State::Fail => ("✗", "fail"),
        State::Unknown => ("?", "unknown"),
        State::NotApplicable => ("–", "n/a"),
        State::Other(word) => ("?", word),
    }
}

/// A part of one in per cent, rounded down to one decimal: 89.96 % is not 90 %, where a band begins.
pub(super) fn percent(ratio: f64) -> String {
    let tenths = (ratio * 1000.0 + 1e-6).floor() / 10.0;
    if tenths.fract() == 0.0 { format!("{tenths:.0} %") } else { format!("{tenths:.1} %") }
}

/// An instant to the second, `2026-11-22 05:43:00 UTC`.
pub(super) fn instant(timestamp: Timestamp) -> String {
    let text = timestamp.to_string();
    match text.split_once('T') {
        Some((date, time)) => {
            let seconds: String = time.chars().take_while(|c| c.is_ascii_digit() || *c == ':').collect();
            format!("{date} {seconds} UTC")
        }
        None => text,
    }
}

/// `1 rule`, `2 rules`.
pub(super) fn plural(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// What was looked at, as whom, and when, in short parts, the most important first.
pub(super) fn source(report: &Report) -> Vec<String> {
    let source = &report.source;
    let mut parts = vec![source.target.clone()];
    // the packager's remark, `17.2 (Debian 17.2-1.pgdg120+1)`, is in the json
    let number = |version: &String| version.split(" (").next().unwrap_or_default().to_owned();
    parts.extend(source.server_version.iter().map(|version| format!("PostgreSQL {}", number(version))));
    parts.extend(source.service.clone());
    if source.in_recovery {
        parts.push("standby".to_owned());
    }
    if let Some(role) = &source.role {
        parts.push(format!("as {role}{}", if source.superuser { " (superuser)" } else { "" }));
    }
    parts.extend(Logs::of(report).iter().flat_map(Logs::formats));
    let databases = databases(report);
    if databases > 1 {
        parts.push(plural(databases, "database"));
    }
    parts
}

/// How many databases were looked at, as far as they have names: a log need not say them.
pub(super) fn databases(report: &Report) -> u64 {
    report.source.databases.iter().filter(|database| !database.is_empty()).count() as u64
}

/// When the facts were read, and what time the counters speak of; of logs, the time they cover and how their lines begin.
pub(super) fn times(report: &Report) -> Vec<String> {
    if let Some(logs) = Logs::of(report) {
        let unknown = || vec!["no line of it has a time".to_owned()];
        let mut parts = report.window.as_ref().map_or_else(unknown, logs::window);
        parts.extend(logs.prefix());
        return parts;
    }
    let mut parts = Vec::new();
    match report.source.captured_at {
        Some(captured_at) => parts.push(format!("captured {}", instant(captured_at))),
        None => parts.push(format!("written {}", instant(report.generated_at))),
    }
    if let Some(window) = &report.window {
        let length = window.seconds.filter(|seconds| seconds.is_finite());
        let length = length.map_or("an unknown time".to_owned(), |s| humane(s, &Unit::Seconds));
        let minute = |from: Timestamp| instant(from).chars().take(16).collect::<String>();
        let since = window.from.map(|from| format!(" since {}", minute(from))).unwrap_or_default();
        parts.push(format!("{} over {length}{since}", window.kind));
        if !window.because.is_empty() {
            parts.push(window.because.clone());
        }
    }
    parts
}

/// Whether a finding is less sure than one that counts: shown on demand, and never as a failure.
pub(super) fn is_suspected(finding: &Finding) -> bool {
    finding.is_suspected()
}

/// How many findings are suspected only.
pub(super) fn suspected(report: &Report) -> u64 {
    report.findings.iter().filter(|finding| is_suspected(finding)).count() as u64
}

/// What to do first. Nothing that is suspected only is.
pub(super) fn top(report: &Report) -> Vec<&Finding> {
    report.top_findings().filter(|finding| !is_suspected(finding)).take(3).collect()
}

/// How many findings of each severity, the worst first; severities without one are left out, and so is what is suspected.
pub(super) fn severities(findings: &[Finding]) -> Vec<(Severity, u64)> {
    let mut counts: BTreeMap<Severity, u64> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| !is_suspected(finding)) {
        *counts.entry(finding.severity.clone()).or_default() += 1;
    }
    counts.into_iter().rev().collect()
}

/// `26 findings: 3 high, 7 medium, 2 low`, `no findings`; with the number of suspected and of suppressed ones where there
/// are any.
pub(super) fn tally(report: &Report) -> String {
    let counts = severities(&report.findings);
    let words: Vec<String> = counts.iter().map(|(severity, count)| format!("{count} {severity}")).collect();
    let mut apart = String::new();
    for (count, word) in [(suspected(report), "suspected"), (report.suppressed.len() as u64, "suppressed")] {
        if count > 0 {
            apart.push_str(&format!("; {count} {word}"));
        }
    }
    match counts.iter().map(|(_, count)| count).sum() {
        0 if report.rules.is_empty() => format!("nothing was looked for{apart}"),
        0 => format!("no findings{apart}"),
        count => format!("{}: {}{apart}", plural(count, "finding"), words.join(", ")),
    }
}

/// Whether a finding is shown in full without being asked for: medium and above, unknown severities among them.
pub(super) fn matters(finding: &Finding) -> bool {
    finding.severity >= Severity::Medium && !is_suspected(finding)
}

/// The findings, worst first, each severity in the order of keys.
pub(super) fn worst_first(report: &Report) -> Vec<&Finding> {
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by(|a, b| a.order(b));
    findings
}

/// Findings counted by rule and severity, worst first.
pub(super) fn by_rule<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<(Severity, &'a RuleId, u64)> {
    let mut counts: BTreeMap<(std::cmp::Reverse<Severity>, &RuleId), u64> = BTreeMap::new();
    for finding in findings {
        *counts.entry((std::cmp::Reverse(finding.severity.clone()), &finding.rule)).or_default() += 1;
    }
    counts.into_iter().map(|((severity, rule), count)| (severity.0, rule, count)).collect()
}

/// A number of a finding, `rows 12,345`; `None` where it is no number any output could carry, or says nothing.
pub(super) fn fact(measure: &Measure) -> Option<String> {
    match &measure.value {
        Value::Number(value) if !value.is_finite() => None,
        Value::List(list) if list.is_empty() => None,
        Value::Text(text) if text.is_empty() => None,
        _ => Some(measure.to_string()),
    }
}

/// The numbers of a finding in the order it has them; those of a repetition in words, what it costs behind how often it is.
pub(super) fn facts(finding: &Finding) -> Vec<String> {
    match Repetition::of(finding) {
        Some(repetition) => {
            let proof = repetition.proof().into_iter().collect();
            [repetition.times(), repetition.cost(), proof].concat()
        }
        None => finding.detail.iter().filter_map(fact).collect(),
    }
}

/// The subject and the message of a finding, the subject only where the message does not name it already.
pub(super) fn sentence(finding: &Finding) -> String {
    let named = finding.subject.name.as_ref().or(finding.subject.relation.as_ref());
    match named.is_some_and(|name| finding.message.contains(name.as_str())) {
        true => finding.message.clone(),
        false => format!("{}: {}", finding.subject.label(), finding.message),
    }
}

/// Columns of a query that is named in a sentence.
const NAMED: usize = 160;

/// What a finding is about, in a few words: of requests their route, where they name one.
pub(super) fn about(finding: &Finding) -> String {
    let place = Repetition::of(finding).and_then(|repetition| repetition.place());
    match (&finding.subject.kind, place, &finding.subject.name, &finding.subject.fingerprint) {
        (SubjectKind::QueryGroup, Some(route), ..) => route,
        (SubjectKind::QueryGroup, None, Some(route), _) => route.clone(),
        (SubjectKind::QueryGroup, None, None, Some(fingerprint)) => format!("query {fingerprint}"),
        _ => finding.subject.label(),
    }
}

/// The finding in one sentence that says enough to act on. A log's queries have no name but their text: that of a query is
/// cut to be one, and of a repetition its tables are named already, and its route is told, also beside an audit.
pub(super) fn told(report: &Report, finding: &Finding) -> String {
    let message = &finding.message;
    let is_of_log = report.kind == Kind::Logs || finding.subject.kind == SubjectKind::QueryGroup;
    match (is_of_log, Repetition::of(finding), &finding.subject.query) {
        (true, Some(repetition), _) => match repetition.place() {
            Some(place) if !message.contains(&place) => match message.strip_prefix("suspected: ") {
                Some(message) => format!("suspected: {place}: {message}"),
                None => format!("{place}: {message}"),
            },
            _ => message.clone(),
        },
        (true, None, Some(query)) if finding.subject.name.is_none() => format!("{message}: {}", line(query, NAMED)),
        _ => sentence(finding),
    }
}

/// All a finding has to say, in lines of plain text with nothing in them that acts: the sentence, its numbers, the query
/// and the one it follows, the advice with its SQL, and the lock that takes.
pub(super) fn explained(report: &Report, finding: &Finding) -> Vec<String> {
    let mut lines = vec![told(report, finding)];
    let numbers = facts(finding);
    lines.extend((!numbers.is_empty()).then(|| numbers.join(" · ")));
    let repetition = Repetition::of(finding);
    lines.extend(repetition.filter(|_| is_suspected(finding)).map(|repetition| repetition.confidence().join(" · ")));
    lines.extend(repetition.and_then(|repetition| repetition.parent()).map(|parent| format!("after: {parent}")));
    lines.extend(finding.subject.query.as_ref().map(|query| format!("query: {query}")));
    lines.iter_mut().for_each(|line| *line = visible(line).into_owned());
    let Some(hint) = &finding.hint else { return lines };
    lines.push(format!("fix: {}", visible(&hint.text)));
    let mut exact = true;
    for line in hint.sql.iter().flat_map(|sql| sql.trim().lines()) {
        let shown = visible(line);
        exact &= matches!(shown, Cow::Borrowed(_));
        lines.push(format!("  {shown}"));
    }
    if !exact {
        lines.push("characters are shown escaped here: take it from --format json".to_owned());
    }
    lines.extend(lock(hint).map(|lock| format!("takes {}: {}", visible(lock.as_str()), lock.blocks())));
    lines
}

/// The lock that what is advised takes, where it says anything: every read takes the weakest.
pub(super) fn lock(hint: &Hint) -> Option<&LockMode> {
    hint.lock.as_ref().filter(|lock| **lock != LockMode::AccessShare)
}

/// The file of a location as programs that know the repository name it: without a `./` in front.
pub(super) fn path(location: &Location) -> &str {
    location.file.strip_prefix("./").unwrap_or(&location.file)
}

/// What was not judged for one reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gap<'a> {
    /// The kind of reason.
    pub(super) reason: &'a Reason,
    /// In words.
    pub(super) because: &'a str,
    /// What would unlock it.
    pub(super) unlock: Option<&'a str>,
    /// Rules, by database, that could not run at all.
    pub(super) skipped: u64,
    /// Subjects that rules which ran could not judge.
    pub(super) subjects: u64,
    /// The rules concerned, each once, in the order of the report.
    pub(super) rules: Vec<&'a str>,
    /// Some of the subjects.
    pub(super) examples: Vec<&'a str>,
    /// The databases concerned.
    pub(super) databases: Vec<&'a str>,
}

impl Gap<'_> {
    /// How much it is: `2 rules`, `14 subjects`, both, or `a fact` where no rule needed it.
    pub(super) fn extent(&self) -> String {
        extent(self.skipped, self.subjects)
    }

    /// Whether it is a read that should have worked: exit code 3.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self.reason, Reason::Failed | Reason::Locked)
    }

    /// In one line: the reason, how much was left open by it, and what would unlock it.
    pub(super) fn line(&self) -> String {
        let examples = match self.examples.is_empty() {
            true => String::new(),
            false => format!(": {}", self.examples[..self.examples.len().min(3)].join(", ")),
        };
        let unlock = self.unlock.map(|unlock| format!("; unlock: {unlock}")).unwrap_or_default();
        visible(&format!("{} ({}{examples}){unlock}", self.because, self.extent())).into_owned()
    }
}

fn extent(skipped: u64, subjects: u64) -> String {
    match (skipped, subjects) {
        (0, 0) => "a fact".to_owned(),
        (0, subjects) => plural(subjects, "subject"),
        (skipped, 0) => plural(skipped, "rule"),
        (skipped, subjects) => format!("{}, {}", plural(skipped, "rule"), plural(subjects, "subject")),
    }
}

/// What was not judged, by reason: reads that should have worked first, then what stopped the most.
pub(super) fn gaps(report: &Report) -> Vec<Gap<'_>> {
    let mut gaps: Vec<Gap<'_>> = Vec::new();
    for rule in &report.rules {
        let database = rule.database.as_deref();
        if let Some(missing) = &rule.reason {
            let gap = gap(&mut gaps, &missing.reason, &missing.because, missing.unlock.as_deref(), database);
            gap.skipped += 1;
            add(&mut gap.rules, rule.id.as_str());
        }
        for group in &rule.unjudged {
            let gap = gap(&mut gaps, &group.reason, &group.because, group.unlock_sql.as_deref(), database);
            gap.subjects += group.count;
            add(&mut gap.rules, rule.id.as_str());
            group.examples.iter().take(3).for_each(|example| add(&mut gap.examples, example));
        }
    }
    for unread in &report.missing {
        let missing = &unread.missing;
        gap(&mut gaps, &missing.reason, &missing.because, missing.unlock.as_deref(), unread.database.as_deref());
    }
    gaps.sort_by_key(|gap| (!gap.is_failure(), std::cmp::Reverse((gap.skipped, gap.subjects))));
    gaps
}

/// The gap of that reason, made where there is none yet.
fn gap<'a, 'b>(
    gaps: &'b mut Vec<Gap<'a>>,
    reason: &'a Reason,
    because: &'a str,
    unlock: Option<&'a str>,
    database: Option<&'a str>,
) -> &'b mut Gap<'a> {
    let known = gaps.iter().position(|gap| gap.reason == reason && gap.because == because && gap.unlock == unlock);
    let at = known.unwrap_or_else(|| {
        let (rules, examples, databases) = (Vec::new(), Vec::new(), Vec::new());
        gaps.push(Gap { reason, because, unlock, skipped: 0, subjects: 0, rules, examples, databases });
        gaps.len() - 1
    });
    let gap = &mut gaps[at];
    if let Some(database) = database {
        add(&mut gap.databases, database);
    }
    gap
}

/// How much was left open for each kind of reason, in the order of the gaps: `privilege (2 rules)`.
pub(super) fn extents(gaps: &[Gap<'_>]) -> Vec<String> {
    let mut kinds: Vec<(&Reason, u64, u64)> = Vec::new();
    for gap in gaps {
        match kinds.iter_mut().find(|(reason, _, _)| *reason == gap.reason) {
            Some((_, skipped, subjects)) => (*skipped, *subjects) = (*skipped + gap.skipped, *subjects + gap.subjects),
            None => kinds.push((gap.reason, gap.skipped, gap.subjects)),
        }
    }
    kinds.into_iter().map(|(reason, skipped, subjects)| format!("{reason} ({})", extent(skipped, subjects))).collect()
}

fn add<'a>(list: &mut Vec<&'a str>, word: &'a str) {
    if !list.contains(&word) {
        list.push(word);
    }
}

/// What was not judged, in one line: how many rules could not run, how many subjects were left open.
pub(super) fn not_judged(report: &Report, gaps: &[Gap<'_>]) -> String {
    let skipped = report.rules.iter().filter(|rule| rule.outcome == Outcome::Skipped).count() as u64;
    let subjects: u64 = gaps.iter().map(|gap| gap.subjects).sum();
    match (report.rules.is_empty(), skipped, subjects) {
        (true, _, _) => "everything: no rule was run".to_owned(),
        (false, 0, 0) if gaps.is_empty() => "nothing: every rule that was run judged all it should".to_owned(),
        (false, 0, 0) => "facts that no rule needed".to_owned(),
        (false, 0, subjects) => plural(subjects, "subject"),
        (false, skipped, 0) => format!("{} skipped", plural(skipped, "rule")),
        (false, skipped, subjects) => format!("{} skipped, {}", plural(skipped, "rule"), plural(subjects, "subject")),
    }
}

/// The accepted findings by reason and expiry, in order of first appearance.
pub(super) fn accepted(suppressed: &[Suppressed]) -> Vec<(&str, Option<&str>, Vec<&Finding>)> {
    let mut groups: Vec<(&str, Option<&str>, Vec<&Finding>)> = Vec::new();
    for Suppressed { finding, reason, expires } in suppressed {
        let (reason, expires) = (reason.as_str(), expires.as_deref());
        match groups.iter_mut().find(|(r, e, _)| *r == reason && *e == expires) {
            Some((_, _, findings)) => findings.push(finding),
            None => groups.push((reason, expires, vec![finding])),
        }
    }
    groups
}

/// The sentence of an item, a contradiction named first.
pub(super) fn because(item: &Assessment) -> String {
    match (item.contradiction, item.because.is_empty()) {
        (true, _) => format!("contradicts its attestation: {}", item.because),
        (false, true) => "no reason given".to_owned(),
        (false, false) => item.because.clone(),
    }
}

/// Who attested what, in words.
pub(super) fn attestation(item: &Assessment) -> Option<String> {
    item.attestation.as_ref().map(|said| {
        let (_, word) = state(&said.state);
        let evidence = match said.evidence.is_empty() {
            true => String::new(),
            false => format!("; evidence {}", said.evidence.join(", ")),
        };
        format!(
            "attested {word} by {}, reviewed by {}, on {} until {}{evidence}",
            said.owner, said.reviewer, said.date, said.expires
        )
    })
}

/// The items of the sections of the score, and those listed apart (of the other documents), each in the report's order.
pub(super) fn items(report: &Report) -> (Vec<&Assessment>, Vec<&Assessment>) {
    let scored = |item: &&Assessment| match &report.score {
        Some(score) => score.section(&item.section).is_some(),
        None => item.section.len() == 1,
    };
    report.items.iter().partition(scored)
}

/// The items of a report that its summary lists: of logs those that something was known of, and the two that a log is read
/// for; of anything else those of the sections that were asked for.
pub(super) fn listed<'a>(report: &'a Report, sections: &[&str]) -> Vec<&'a Assessment> {
    let is_told = |item: &&Assessment| item.state != State::Unknown || !item.rules.is_empty();
    let listed = |item: &&Assessment| match report.kind {
        Kind::Logs => is_told(item) || ["2.1", "2.4"].contains(&&*item.id),
        Kind::Review => is_told(item),
        Kind::Pool => item.section == "4",
        _ => sections.contains(&&*item.section),
    };
    report.items.iter().filter(listed).collect()
}

/// Whether the report has a score to show: no log knows a section, so that of a log is shown on demand only.
pub(super) fn has_score(report: &Report, verbose: bool) -> bool {
    !matches!(report.kind, Kind::Logs | Kind::Review | Kind::Pool) || verbose
}

/// What to say in place of a score that an audit should have.
pub(super) fn no_score(report: &Report) -> Option<&'static str> {
    (report.score.is_none() && report.kind == Kind::Audit).then_some("none: no item was assessed")
}

/// The queries of the report.
pub(super) fn queries(report: &Report) -> &[Query] {
    match &report.body {
        Body::Audit { queries } | Body::Logs { queries, .. } => queries,
        Body::Review { .. } | Body::Pool { .. } => &[],
    }
}

/// What a query costs, in short parts.
pub(super) fn query(query: &Query) -> Vec<String> {
    let times = [
        ("total", Some(query.total_ms)),
        ("mean", Some(query.mean_ms)),
        ("p99", query.p99_ms),
        ("p99 at least", query.p99_low_ms),
        ("p99 at most", query.p99_high_ms),
        ("max", query.max_ms),
    ];
    let mut parts = vec![query.fingerprint.clone(), format!("database {}", query.database)];
    parts.push(format!("calls {}", humane(query.calls as f64, &Unit::Count)));
    let finite = times.iter().filter_map(|(word, ms)| ms.filter(|ms| ms.is_finite()).map(|ms| (word, ms)));
    parts.extend(finite.map(|(word, ms)| format!("{word} {}", humane(ms, &Unit::Milliseconds))));
    parts.extend(query.errors.filter(|errors| *errors > 0).map(|errors| format!("errors {errors}")));
    parts
}
