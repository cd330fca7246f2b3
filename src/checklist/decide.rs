//! How an item is decided, as data, and the one function that reads it.
//!
//! The order of what wins: a proven violation, then a weaker one, then a pass, and *unknown* where none of them is
//! certain. A violation is certain even where something else could not be judged; a pass is not.
//!
//! Some items can be proven by more than one input: how slow a query is, by the counters of a server or by its log. Such
//! rules are alternatives: the item passes where those of one input are complete, and a violation that any of them finds
//! counts. Where one finds what another, by stronger evidence, did not, the item warns: both speak of their own time.

use super::{Input, Inputs, Item, Ruling};
use crate::attest::{Attestation, Word};
use crate::config::document::one_line;
use crate::finding::{Finding, humane};
use crate::outcome::{Outcome, Reason, RuleResult};
use crate::report::{Assessment, Attested, State, Suppressed};
use crate::rule::{Evidence, RuleId, Severity};
use std::collections::HashMap;

/// How a rule takes part in an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its findings violate the item, and the item cannot pass before it looked at everything.
    Required,
    /// Its findings speak against the item; its silence says nothing.
    Symptom,
    /// It must have passed before the other rules' silence means anything. Its findings leave the item unknown.
    Premise,
    /// Something that only stands in for what the item asks, consulted where nothing and nobody else decided: where it
    /// holds the item warns, where it does not the item fails, both inferred.
    Backstop,
}

/// The time that a rule's silence must cover before it means anything.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Over {
    /// Seconds at least.
    pub seconds: f64,
    /// Whether only the time between two snapshots counts, and not counters that run since a reset.
    pub snapshots: bool,
}

/// One rule's part in one item.
#[derive(Debug, Clone, Copy)]
pub struct Decider {
    /// The rule.
    pub rule: &'static str,
    /// How it takes part.
    pub part: Part,
    /// What it is a rule over.
    pub input: &'static Input,
    /// Whether the rules of another input prove as much: the item needs those of one of its alternatives, and all of those
    /// that are none.
    pub is_alternative: bool,
    /// The severity from which a finding fails the item; a weaker one warns, and without one every finding only warns.
    pub fail_at: Option<&'static Severity>,
    /// The evidence below which a finding only warns.
    pub least: &'static Evidence,
    /// The evidence that the rule's silence amounts to.
    pub silence: &'static Evidence,
    /// What it looks at, plural: `foreign keys`.
    pub subjects: &'static str,
    /// What is wrong with some of them: `without an index`.
    pub wrong: &'static str,
    /// What its findings are, one and several, where they are none of the subjects: `N+1 pattern`, in so many requests.
    pub counted: Option<(&'static str, &'static str)>,
    /// What to say where there were no subjects at all and that is as good as a pass: `no foreign keys`. Without it, no
    /// subjects mean that nothing was seen.
    pub vacuous: Option<&'static str>,
    /// The time its silence must cover.
    pub over: Option<Over>,
}

impl Decider {
    /// A rule the item cannot pass without; its findings fail the item from `medium`.
    pub(super) const fn required(rule: &'static str, subjects: &'static str, wrong: &'static str) -> Self {
        Self {
            rule,
            part: Part::Required,
            input: &Input::Server,
            is_alternative: false,
            fail_at: Some(&Severity::Medium),
            least: &Evidence::Inferred,
            silence: &Evidence::Measured,
            subjects,
            wrong,
            counted: None,
            vacuous: None,
            over: None,
        }
    }

    /// A rule whose silence says nothing; its findings fail the item from `medium`.
    pub(super) const fn symptom(rule: &'static str, subjects: &'static str, wrong: &'static str) -> Self {
        Self { part: Part::Symptom, ..Self::required(rule, subjects, wrong) }
    }

    /// A rule that must have passed before the others mean anything.
    pub(super) const fn premise(rule: &'static str, subjects: &'static str, wrong: &'static str) -> Self {
        Self { part: Part::Premise, ..Self::required(rule, subjects, wrong) }
    }

    /// A rule about something that stands in for what the item asks.
    pub(super) const fn backstop(rule: &'static str, subjects: &'static str, wrong: &'static str) -> Self {
        Self { part: Part::Backstop, ..Self::required(rule, subjects, wrong) }
    }

    /// A rule over logs.
    pub(super) const fn in_logs(self) -> Self {
        Self { input: &Input::Logs, ..self }
    }

    /// One of those of its input that do for the item what those of another input do as well.
    pub(super) const fn alternative(self) -> Self {
        Self { is_alternative: true, ..self }
    }

    /// Finding something else than the subjects it looks at.
    pub(super) const fn counting(self, one: &'static str, several: &'static str) -> Self {
        Self { counted: Some((one, several)), ..self }
    }

    /// Failing from another severity.
    pub(super) const fn fails_at(self, severity: &'static Severity) -> Self {
        Self { fail_at: Some(severity), ..self }
    }

    /// Never failing: every finding only warns.
    pub(super) const fn only_warns(self) -> Self {
        Self { fail_at: None, ..self }
    }

    /// Whether a finding is severe and certain enough to fail the item.
    fn fails(&self, finding: &Finding) -> bool {
        self.fail_at.is_some_and(|least| finding.severity >= *least) && finding.evidence >= *self.least
    }

    /// Failing only by findings of at least this evidence.
    pub(super) const fn proven_by(self, evidence: &'static Evidence) -> Self {
        Self { least: evidence, ..self }
    }

    /// Passing with weaker evidence than measured.
    pub(super) const fn passes_as(self, evidence: &'static Evidence) -> Self {
        Self { silence: evidence, ..self }
    }

    /// Passing where there are no subjects.
    pub(super) const fn vacuous(self, text: &'static str) -> Self {
        Self { vacuous: Some(text), ..self }
    }

    /// Passing only over a time between two snapshots, of so many seconds at least.
    pub(super) const fn between_snapshots(self, seconds: f64) -> Self {
        Self { over: Some(Over { seconds, snapshots: true }), ..self }
    }

    /// Passing only over a time of known length, of so many seconds at least: that of the counters, or of the log.
    pub(super) const fn over(self, seconds: f64) -> Self {
        Self { over: Some(Over { seconds, snapshots: false }), ..self }
    }
}

/// How an item is decided.
#[derive(Debug, Clone, Copy)]
pub struct Decide {
    /// The rules that take part.
    pub deciders: &'static [Decider],
    /// Why no rule's silence can prove the item, in one clause; none where the required rules can.
    pub unprovable: Option<&'static str>,
}

impl Decide {
    /// By nothing but somebody's word.
    pub const ATTESTED: Self = Self { deciders: &[], unprovable: None };

    /// By rules that can both prove and disprove it.
    pub(super) const fn by(deciders: &'static [Decider]) -> Self {
        Self { deciders, unprovable: None }
    }

    /// By rules that can disprove it, never prove it; `because` says why.
    pub(super) const fn against(deciders: &'static [Decider], because: &'static str) -> Self {
        Self { deciders, unprovable: Some(because) }
    }
}

/// What is known of an item before anybody's word is heard.
struct Decision {
    state: State,
    evidence: Option<Evidence>,
    because: String,
    /// Whether it only stands in until somebody says what is the case.
    stand_in: bool,
}

impl Decision {
    fn new(state: State, evidence: Option<Evidence>, because: impl Into<String>) -> Self {
        Self { state, evidence, because: because.into(), stand_in: false }
    }

    fn unknown(because: impl Into<String>) -> Self {
        Self::new(State::Unknown, None, because)
    }
}

/// What was said, by rule: every decider of every item looks its own up.
pub(super) struct ByRule<'a> {
    results: HashMap<&'a str, Vec<&'a RuleResult>>,
    findings: HashMap<&'a str, Vec<&'a Finding>>,
    suppressed: HashMap<&'a str, Vec<&'a Suppressed>>,
}

impl<'a> ByRule<'a> {
    pub(super) fn of(inputs: &Inputs<'a>) -> Self {
        let (mut results, mut findings, mut suppressed): (HashMap<_, Vec<_>>, HashMap<_, Vec<_>>, HashMap<_, Vec<_>>) =
            Default::default();
        inputs.rules.iter().for_each(|row| results.entry(row.id.as_str()).or_default().push(row));
        inputs.findings.iter().for_each(|one| findings.entry(one.rule.as_str()).or_default().push(one));
        inputs.suppressed.iter().for_each(|one| suppressed.entry(one.finding.rule.as_str()).or_default().push(one));
        Self { results, findings, suppressed }
    }
}

/// The state of an item, from everything given.
pub(super) fn assess(item: &Item, inputs: &Inputs<'_>, by_rule: &ByRule<'_>) -> Assessment {
    let tally = |decider| Tally::of(decider, inputs, by_rule);
    let tallies: Vec<Tally<'_>> = item.decide.deciders.iter().map(tally).collect();
    let is_ruled = tallies.iter().any(Tally::took_part);
    let ruling = inputs.pool.iter().find(|ruling| ruling.item == item.id);
    let decision = beside(decide(item, &tallies, inputs), is_ruled, ruling);
    let rules =
        tallies.iter().filter(|tally| tally.took_part()).map(|tally| RuleId::from(tally.decider.rule)).collect();
    let assessment = Assessment {
        id: item.id.to_owned(),
        section: item.section().to_owned(),
        title: item.title.to_owned(),
        threshold: item.threshold.to_owned(),
        state: decision.state,
        evidence: decision.evidence,
        because: decision.because,
        rules,
        contradiction: false,
        attestation: None,
    };
    hear(assessment, decision.stand_in, &inputs.attestations.word(item.id, inputs.target, inputs.databases))
}

/// What the rules say, beside what is known of the pool: what is known stands before what is not, and of two the worse.
fn beside(rules: Decision, is_ruled: bool, pool: Option<&Ruling>) -> Decision {
    let Some(pool) = pool else { return rules };
    let told = || Decision::new(pool.state.clone(), pool.evidence.clone(), pool.because.clone());
    let rank = |state: &State| match state {
        State::Fail => 3,
        State::Warn => 2,
        State::Pass | State::NotApplicable => 1,
        State::Unknown | State::Other(_) => 0,
    };
    let (by_rules, by_pool) = (rank(&rules.state), rank(&pool.state));
    match (by_rules, by_pool) {
        // what rules lack comes first, where there are any
        (0, 0) if is_ruled => Decision::unknown(format!("{}; {}", rules.because, pool.because)),
        (0, 0) => Decision::unknown(pool.because.clone()),
        (_, 0) => rules,
        // what only stands in gives way to the thing itself
        (0, _) => told(),
        (_, 1..) if rules.stand_in => told(),
        _ if by_pool > by_rules => {
            let because = format!("{}; {}", pool.because, rules.because);
            Decision { because, ..told() }
        }
        _ => Decision { because: format!("{}; {}", rules.because, pool.because), ..rules },
    }
}

fn decide(item: &Item, tallies: &[Tally<'_>], inputs: &Inputs<'_>) -> Decision {
    if item.decide.deciders.is_empty() {
        return Decision::unknown(format!("no input decides it; to supply it: {}", item.supply));
    }
    if tallies.iter().all(|tally| !tally.took_part() && !inputs.has(tally.decider.input)) {
        let of_migrations = tallies.iter().all(|tally| *tally.decider.input == Input::Migrations);
        let why = match (inputs.audited, inputs.log.is_some()) {
            _ if of_migrations => "no migration was reviewed",
            // of what was given, nothing is looked at
            (false, false) if tallies.iter().all(|tally| *tally.decider.input == Input::Logs) => "no log was read",
            (false, false) => "no server was audited",
            (false, true) => "no log decides it",
            (true, _) => item.decide.unprovable.unwrap_or("only a log decides it"),
        };
        return Decision::unknown(format!("{why}; to supply it: {}", item.supply));
    }
    let speaking = || tallies.iter().filter(|tally| matches!(tally.decider.part, Part::Required | Part::Symptom));
    let proof = Proof::of(tallies, inputs);
    let left_open =
        || if proof.gaps.is_empty() { String::new() } else { format!("; besides, {}", describe(&proof.gaps)) };

    let failing: Vec<&Tally<'_>> = speaking().filter(|tally| !tally.failing.is_empty()).collect();
    if !failing.is_empty() {
        let because = join(failing.iter().map(|tally| tally.violations(&tally.failing)));
        // One violation is enough, so the state rests on the best known of them.
        let evidence = failing.iter().flat_map(|tally| &tally.failing).map(|finding| &finding.evidence).max().cloned();
        if failing.iter().all(|tally| tally.decider.is_alternative)
            && let Some(way) = proof.ways.first().filter(|way| Some(way.evidence) > evidence.as_ref())
        {
            let known = evidence.as_ref().map_or("", Evidence::as_str);
            let because = format!("{because} ({known}); {} ({})", way.silence(), way.evidence);
            return Decision::new(State::Warn, evidence, because + &left_open());
        }
        return Decision::new(State::Fail, evidence, because + &left_open());
    }
    let warning: Vec<&Tally<'_>> =
        speaking().filter(|tally| !tally.weaker.is_empty() || !tally.accepted.is_empty()).collect();
    if !warning.is_empty() {
        let because = join(warning.iter().flat_map(|tally| tally.warnings()));
        let evidence =
            warning.iter().flat_map(|tally| tally.warned_by()).map(|finding| &finding.evidence).max().cloned();
        return Decision::new(State::Warn, evidence, because + &left_open());
    }
    if let (Some(hidden), None) = (hidden(tallies, inputs), item.decide.unprovable) {
        return hidden;
    }
    if let Some(backstop) = tallies.iter().find_map(Tally::backstop) {
        return backstop;
    }
    match item.decide.unprovable {
        Some(why) => Decision::unknown(format!("{}{why}; to supply it: {}", seen(tallies), item.supply)),
        None if proof.gaps.is_empty() => {
            let common = || tallies.iter().filter(|tally| is_required(tally) && !tally.decider.is_alternative);
            let own = common().map(|tally| tally.decider.silence);
            let evidence = own.chain(proof.ways.first().map(|way| way.evidence)).min().cloned();
            let silence = common().map(Tally::silence).chain(proof.ways.iter().map(Way::silence));
            Decision::new(State::Pass, evidence, join(silence))
        }
        None if proof.lacks_input => {
            Decision::unknown(format!("{}{}; to supply it: {}", seen(tallies), describe(&proof.gaps), item.supply))
        }
        None => {
            let unlock = proof.gaps.iter().find_map(|gap| gap.unlock.as_deref()).unwrap_or(item.supply);
            Decision::unknown(format!("{}; to supply it: {}", describe(&proof.gaps), one_line(unlock)))
        }
    }
}

fn is_required(tally: &Tally<'_>) -> bool {
    tally.decider.part == Part::Required
}

/// The alternatives of one input, complete and silent.
struct Way<'t> {
    required: Vec<&'t Tally<'t>>,
    evidence: &'static Evidence,
}

impl Way<'_> {
    fn silence(&self) -> String {
        join(self.required.iter().map(|tally| tally.silence()))
    }
}

/// How far the silence of the rules proves an item.
struct Proof<'t> {
    /// The alternatives that prove their part of it, by the strongest evidence first.
    ways: Vec<Way<'t>>,
    /// What is left open; where there are alternatives, only if none of them does.
    gaps: Vec<Gap>,
    /// Whether a whole input is missing: the first gap says so.
    lacks_input: bool,
}

impl<'t> Proof<'t> {
    fn of(tallies: &'t [Tally<'t>], inputs: &Inputs<'_>) -> Self {
        let (alternatives, common): (Vec<&Tally<'_>>, Vec<&Tally<'_>>) =
            tallies.iter().partition(|tally| tally.decider.is_alternative);
        let mut ways: Vec<Way<'t>> = Vec::new();
        let mut candidates: Vec<Vec<&Tally<'t>>> = Vec::new();
        for tally in alternatives {
            match candidates.iter_mut().find(|way| way.iter().any(|one| one.decider.input == tally.decider.input)) {
                Some(way) => way.push(tally),
                None => candidates.push(vec![tally]),
            }
        }
        for way in &candidates {
            let required: Vec<&Tally<'_>> = way.iter().copied().filter(|tally| is_required(tally)).collect();
            let is_proven =
                way.iter().all(|tally| tally.gaps().is_empty() && (tally.is_silent() || !is_required(tally)));
            if let (true, Some(evidence)) = (is_proven, required.iter().map(|tally| tally.decider.silence).min()) {
                ways.push(Way { required, evidence });
            }
        }
        ways.sort_by(|a, b| b.evidence.cmp(a.evidence));
        let mut open = common;
        if ways.is_empty() {
            // of what was not looked at for another reason than that it was not given, something could have come
            let of = |keep: &dyn Fn(&Tally<'_>) -> bool| -> Vec<&Tally<'t>> {
                let ways = candidates.iter().filter(|way| way.iter().any(|tally| keep(tally)));
                ways.flatten().copied().collect()
            };
            let took_part = of(&|tally| tally.took_part());
            let given = of(&|tally| inputs.has(tally.decider.input));
            open.extend(match (took_part.is_empty(), given.is_empty()) {
                (false, _) => took_part,
                (true, false) => given,
                (true, true) => of(&|_| true),
            });
        }
        let is_needed = |tally: &&Tally<'_>| matches!(tally.decider.part, Part::Required | Part::Premise);
        let (absent, present): (Vec<&Tally<'_>>, Vec<&Tally<'_>>) = open
            .into_iter()
            .partition(|tally| is_needed(tally) && !tally.took_part() && !inputs.has(tally.decider.input));
        let mut gaps = Vec::new();
        let is_begun = tallies.iter().any(|tally| is_required(tally) && tally.took_part());
        let whole = if is_begun { "the rest" } else { "it" };
        let lacks = |input: &Input| absent.iter().any(|tally| tally.decider.input == input);
        if lacks(&Input::Logs) {
            gaps.push(Gap::new(format!("only a log decides {whole}")));
        }
        if lacks(&Input::Server) {
            gaps.push(Gap::new(format!("no log decides {whole}")));
        }
        if lacks(&Input::Migrations) {
            gaps.push(Gap::new(format!("only a review of the migrations decides {whole}")));
        }
        let lacks_input = !gaps.is_empty();
        gaps.extend(present.iter().flat_map(|tally| tally.gaps()));
        Self { ways, gaps, lacks_input }
    }
}

/// What the rules that took part saw, where their silence proves nothing.
fn seen(tallies: &[Tally<'_>]) -> String {
    let speaks = |tally: &&Tally<'_>| !matches!(tally.decider.part, Part::Backstop | Part::Premise);
    let silent: Vec<String> =
        tallies.iter().filter(|tally| tally.examined > 0).filter(speaks).map(Tally::silence).collect();
    if silent.is_empty() { String::new() } else { format!("{}, but ", silent.join("; ")) }
}

/// The item does not apply where a managed service hides everything its required rules look at, or what they ask for is not
/// what is done here.
fn hidden(tallies: &[Tally<'_>], inputs: &Inputs<'_>) -> Option<Decision> {
    let required: Vec<&RuleResult> = tallies
        .iter()
        .filter(|tally| tally.decider.part == Part::Required)
        .flat_map(|tally| tally.results.iter().copied())
        .collect();
    let by_service = |result: &&RuleResult| {
        result.outcome == Outcome::Skipped
            && result.reason.as_ref().is_some_and(|missing| missing.reason == Reason::Service)
    };
    let because = &required.first()?.reason.as_ref()?.because;
    let is_inapplicable =
        |result: &&RuleResult| result.reason.as_ref().is_some_and(|missing| missing.reason == Reason::Inapplicable);
    if let Some(result) = required.iter().find(|result| is_inapplicable(result)) {
        let because = result.reason.as_ref().map_or("", |missing| missing.because.as_str());
        return Some(Decision::new(State::NotApplicable, Some(Evidence::Inferred), because));
    }
    let service = inputs.service.unwrap_or("the managed service");
    required
        .iter()
        .all(by_service)
        .then(|| Decision::new(State::NotApplicable, Some(Evidence::Inferred), format!("{service}: {because}")))
}

/// Adds what somebody said. A measurement outweighs it; where nothing was measured it decides.
fn hear(mut assessment: Assessment, stand_in: bool, word: &Word<'_>) -> Assessment {
    let (attestation, broken) = match word {
        Word::None => return assessment,
        Word::Ignored(why) => {
            assessment.because = format!("{}; {why}", assessment.because);
            return assessment;
        }
        Word::Counts(attestation) => (*attestation, None),
        Word::Broken(attestation, why) => (*attestation, Some(why)),
    };
    // Evidence that is gone or altered speaks against what it was given for.
    let said = if broken.is_some() { State::Fail } else { attestation.status.clone() };
    let open = matches!(assessment.state, State::Unknown | State::NotApplicable | State::Other(_)) || stand_in;
    if open {
        assessment.because = match broken {
            Some(why) => format!("{} is void: {why}", spoken(attestation)),
            None => format!("{}{}", spoken(attestation), attestation.note_clause()),
        };
        assessment.state = said;
        assessment.evidence = Some(Evidence::Attested);
    } else {
        assessment.contradiction = match assessment.state {
            State::Fail => said != State::Fail,
            State::Pass => said == State::Fail,
            _ => false,
        };
        let void = broken.map_or_else(String::new, |why| format!(", void: {why}"));
        if assessment.contradiction {
            assessment.because = format!("{}; this contradicts: {}{void}", assessment.because, spoken(attestation));
        } else if said != assessment.state {
            assessment.because = format!("{}; not outweighed by: {}{void}", assessment.because, spoken(attestation));
        }
    }
    assessment.attestation = Some(Attested::from(attestation));
    assessment
}

/// `pass, attested by A, reviewed by B on 2026-01-01, until 2026-04-01`
fn spoken(attestation: &Attestation) -> String {
    format!(
        "{}, attested by {}, reviewed by {} on {}, until {}",
        attestation.status.as_str().replace('_', " "),
        attestation.owner,
        attestation.reviewer,
        attestation.date,
        attestation.expires
    )
}

/// What one rule has to say about one item.
struct Tally<'a> {
    decider: &'static Decider,
    results: Vec<&'a RuleResult>,
    failing: Vec<&'a Finding>,
    weaker: Vec<&'a Finding>,
    accepted: Vec<&'a Suppressed>,
    /// Findings that are suspected only: they are shown, and speak neither for the item nor against it.
    suspected: u64,
    examined: u64,
    inputs: &'a Inputs<'a>,
}

impl<'a> Tally<'a> {
    fn of(decider: &'static Decider, inputs: &'a Inputs<'a>, by_rule: &ByRule<'a>) -> Self {
        let results = by_rule.results.get(decider.rule).cloned().unwrap_or_default();
        let own = || by_rule.findings.get(decider.rule).into_iter().flatten().copied();
        let suspected = own().filter(|finding| finding.is_suspected()).count() as u64;
        let own = own().filter(|finding| !finding.is_suspected());
        let (mut failing, mut weaker): (Vec<&Finding>, Vec<&Finding>) = own.partition(|finding| decider.fails(finding));
        failing.sort_by(|a, b| a.order(b));
        weaker.sort_by(|a, b| a.order(b));
        let accepted = by_rule.suppressed.get(decider.rule).into_iter().flatten().copied();
        let (doubted, accepted): (Vec<&Suppressed>, Vec<&Suppressed>) =
            accepted.partition(|one| one.finding.is_suspected());
        let suspected = suspected + doubted.len() as u64;
        let examined = results.iter().map(|row| row.examined).sum();
        Self { decider, results, failing, weaker, accepted, suspected, examined, inputs }
    }

    fn took_part(&self) -> bool {
        !(self.results.is_empty() && self.is_silent())
    }

    fn is_silent(&self) -> bool {
        self.failing.is_empty() && self.weaker.is_empty() && self.accepted.is_empty()
    }

    fn warned_by(&self) -> impl Iterator<Item = &'a Finding> {
        self.weaker.iter().copied().chain(self.accepted.iter().map(|one| &one.finding))
    }

    /// `3 of 41 foreign keys without an index in shop, worst: …`
    fn violations(&self, findings: &[&Finding]) -> String {
        let worst = findings.first().map_or("", |finding| finding.message.as_str());
        let lead = if findings.len() > 1 { ", worst: " } else { ": " };
        format!("{}{}{lead}{worst}", self.count(findings.len()), within(findings.iter().copied()))
    }

    fn count(&self, findings: usize) -> String {
        let found = findings as u64;
        let Decider { subjects, wrong, .. } = self.decider;
        match self.decider.counted {
            Some((one, several)) => {
                format!("{found} {} in {} {subjects}", if found == 1 { one } else { several }, self.examined)
            }
            None => format!("{found} of {} {subjects} {wrong}", self.examined.max(found)),
        }
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.weaker.is_empty() {
            let severest = self.weaker.first().map_or("", |finding| finding.severity.as_str());
            let evidence = self.weaker.iter().map(|finding| &finding.evidence).max();
            let evidence = evidence.map_or("", Evidence::as_str);
            warnings.push(format!("{} ({severest}, {evidence})", self.violations(&self.weaker)));
        }
        if let Some(first) = self.accepted.first() {
            let accepted = self.accepted.iter().map(|one| &one.finding);
            let text = format!("{}{}", self.count(self.accepted.len()), within(accepted));
            warnings.push(format!("{text}, accepted: {}", one_line(&first.reason)));
        }
        warnings
    }

    /// What a rule that found nothing has to say.
    fn silence(&self) -> String {
        match (self.examined, self.decider.vacuous) {
            (0, Some(vacuous)) => vacuous.to_owned(),
            _ if self.suspected > 0 => format!("{} ({} suspected)", self.count(0), self.suspected),
            _ => self.count(0),
        }
    }

    /// What stands in for the item where nothing decided it.
    fn backstop(&self) -> Option<Decision> {
        if self.decider.part != Part::Backstop || !self.took_part() {
            return None;
        }
        let decision =
            |state, because| Decision { stand_in: true, ..Decision::new(state, Some(Evidence::Inferred), because) };
        if !self.failing.is_empty() {
            let because = format!("{}, and nothing else is known to do it", self.violations(&self.failing));
            return Some(decision(State::Fail, because));
        }
        if !self.weaker.is_empty() || !self.accepted.is_empty() {
            return Some(decision(State::Warn, join(self.warnings().into_iter())));
        }
        let holds = self.open().is_empty() && self.examined > 0;
        holds.then(|| decision(State::Warn, format!("only a stand-in on the server: {}", self.silence())))
    }

    /// Why the rule's silence does not prove the item.
    fn gaps(&self) -> Vec<Gap> {
        match self.decider.part {
            Part::Symptom | Part::Backstop => Vec::new(),
            Part::Required => self.open(),
            Part::Premise => {
                let mut gaps = self.open();
                let found: Vec<&Finding> = self.failing.iter().chain(&self.weaker).copied().collect();
                let accepted: Vec<&Finding> = self.accepted.iter().map(|one| &one.finding).collect();
                for findings in [found, accepted].iter().filter(|findings| !findings.is_empty()) {
                    gaps.push(Gap::new(self.violations(findings)));
                }
                gaps
            }
        }
    }

    /// Everything that a complete run of the rule still lacks.
    fn open(&self) -> Vec<Gap> {
        let Decider { rule, subjects, .. } = self.decider;
        let mut gaps = Gaps::default();
        let per_database = self.results.iter().any(|row| row.database.is_some());
        if self.results.is_empty() {
            gaps.add(format!("{rule} was not run"), None, None, 0);
        } else if per_database && *self.decider.input == Input::Server {
            // a log speaks of every database that anything happened in
            for database in self.inputs.databases {
                if !self.results.iter().any(|row| row.database.as_deref() == Some(database)) {
                    gaps.add(format!("{rule} was not run"), Some(database), None, 0);
                }
            }
        }
        for row in &self.results {
            let database = row.database.as_deref();
            match (&row.outcome, &row.reason) {
                (Outcome::Passed | Outcome::Found | Outcome::Partial, _) => {}
                (_, Some(missing)) => {
                    let text = format!("{rule} could not run: {}", missing.because);
                    gaps.add(text, database, missing.unlock.as_deref(), 0);
                }
                (outcome, None) => gaps.add(format!("{rule} was left {outcome}"), database, None, 0),
            }
            if row.outcome == Outcome::Partial && row.unjudged.is_empty() {
                gaps.add(format!("{rule} did not judge everything"), database, None, 0);
            }
            for group in &row.unjudged {
                gaps.add(
                    format!("{subjects} could not be judged: {}", group.because),
                    database,
                    group.unlock_sql.as_deref(),
                    group.count,
                );
            }
        }
        if gaps.0.is_empty() && self.is_silent() {
            if self.suspected == 0 && self.results.iter().any(|row| row.outcome == Outcome::Found) {
                gaps.add(format!("{rule} found something that is not among the findings"), None, None, 0);
            } else if self.examined == 0 && self.decider.vacuous.is_none() {
                gaps.add(format!("{rule} saw none of the {subjects} it judges"), None, None, 0);
            }
            if let Some(over) = self.decider.over {
                gaps.0.extend(self.too_short(over));
            }
        }
        gaps.0
    }

    fn too_short(&self, over: Over) -> Option<Gap> {
        let is_log = *self.decider.input == Input::Logs;
        let least = humane(over.seconds, &crate::finding::Unit::Seconds);
        let span = if over.snapshots { "between two snapshots" } else { "of a known length" };
        let window = if is_log { self.inputs.log } else { self.inputs.window };
        let window = window.filter(|window| !over.snapshots || window.kind == "snapshots");
        let known = window.and_then(|window| window.seconds);
        let rule = self.decider.rule;
        let text = match known {
            Some(seconds) if seconds >= over.seconds => return None,
            Some(seconds) => {
                let seen = humane(seconds, &crate::finding::Unit::Seconds);
                match is_log {
                    true => format!("{rule} says too little over {seen} of a log: at least {least} are needed"),
                    false => format!("{rule} says too little over {seen}: at least {least} {span} are needed"),
                }
            }
            None => format!("{rule} proves nothing without a time {span}, at least {least}"),
        };
        let unlock = match is_log {
            true => "more of the log: pgassay logs takes folders, and merges what --save kept of other days",
            false => "pgassay snapshot now, pgassay audit --since that file later",
        };
        Some(Gap { unlock: Some(unlock.to_owned()), ..Gap::new(text) })
    }
}

/// One reason why an item is not proven, over all databases it holds in.
struct Gap {
    text: String,
    databases: Vec<String>,
    unlock: Option<String>,
    /// Subjects concerned; 0 where it concerns the whole rule.
    count: u64,
}

impl Gap {
    fn new(text: String) -> Self {
        Self { text, databases: Vec::new(), unlock: None, count: 0 }
    }
}

#[derive(Default)]
struct Gaps(Vec<Gap>);

impl Gaps {
    fn add(&mut self, text: String, database: Option<&str>, unlock: Option<&str>, count: u64) {
        let index = match self.0.iter().position(|gap| gap.text == text) {
            Some(index) => index,
            None => {
                self.0.push(Gap { unlock: unlock.map(str::to_owned), ..Gap::new(text) });
                self.0.len() - 1
            }
        };
        if let Some(gap) = self.0.get_mut(index) {
            gap.count += count;
            gap.databases.extend(database.map(str::to_owned));
        }
    }
}

/// How many reasons are spelt out; the report's rules have them all.
const REASONS: usize = 2;

fn describe(gaps: &[Gap]) -> String {
    let mut order: Vec<&Gap> = gaps.iter().collect();
    // What concerns a whole rule first, then what concerns most subjects.
    order.sort_by_key(|gap| (gap.count > 0, std::cmp::Reverse(gap.count)));
    let mut texts: Vec<String> = order
        .iter()
        .take(REASONS)
        .map(|gap| {
            let place = places(gap.databases.iter().map(String::as_str));
            let count = if gap.count > 0 { format!("{} ", gap.count) } else { String::new() };
            match gap.text.split_once(": ") {
                Some((what, why)) => format!("{count}{what}{place}: {}", one_line(why)),
                None => format!("{count}{}{place}", gap.text),
            }
        })
        .collect();
    match order.len().saturating_sub(REASONS) {
        0 => {}
        1 => texts.push("and 1 more reason".to_owned()),
        more => texts.push(format!("and {more} more reasons")),
    }
    texts.join("; ")
}

fn within<'f>(findings: impl Iterator<Item = &'f Finding>) -> String {
    places(findings.filter_map(|finding| finding.subject.database.as_deref()))
}

/// ` in shop`, ` in billing and shop`, ` in 7 databases`, or nothing.
fn places<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: std::collections::BTreeSet<&str> = names.filter(|name| !name.is_empty()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!(" in {}", one_line(one)),
        [one, two] => format!(" in {} and {}", one_line(one), one_line(two)),
        many => format!(" in {} databases", many.len()),
    }
}

fn join(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join("; ")
}
