use super::*;
use crate::finding::{Subject, SubjectKind};
use crate::hash::hexadecimal;
use crate::outcome::{Missing, Reason, UnjudgedGroup, Verdict};
use crate::report::State;
use crate::rule::{Category, Evidence, Meta, Severity};
use crate::time::Timestamp;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

// --- the texts ---------------------------------------------------------------------------------------------------

#[test]
fn the_checklist_has_the_structure_of_its_source() {
    let shape: Vec<(&str, usize)> = SECTIONS.iter().map(|section| (section.id, section.items.len())).collect();
    let source = [("1", 6), ("2", 8), ("3", 8), ("4", 10), ("5", 8), ("6", 10), ("7", 8), ("8", 8), ("9", 5)];
    assert_eq!(shape, source);
    for section in SECTIONS.iter().chain(OTHERS) {
        for (index, item) in section.items.iter().enumerate() {
            assert_eq!(item.id, format!("{}.{}", section.id, index + 1));
            assert_eq!(item.section(), section.id);
        }
    }
    assert_eq!(items().map(|item| item.id).collect::<BTreeSet<_>>().len(), items().count());
}

#[test]
fn the_texts_are_those_of_the_source() {
    // SHA-256 of the rows of the source's nine tables, mis-decoded characters repaired.
    let rows: String = SECTIONS
        .iter()
        .flat_map(|section| section.items)
        .map(|item| format!("{}{}{}\n", item.id, item.title, item.threshold))
        .collect();
    assert_eq!(hexadecimal(&Sha256::digest(rows)), "758035068fecad56944d4c75fe419619190071d9dfaa41cddaa55ac38503ce4f");
}

#[test]
fn every_text_is_readable_and_every_item_says_how_to_supply_it() {
    for item in items() {
        for text in [item.title, item.threshold, item.supply] {
            // UTF-8 read as another encoding leaves letters of Latin-1 Supplement and Latin Extended behind.
            let foreign =
                |c: char| ('\u{80}'..='\u{24F}').contains(&c) && c != '×' || c == '\u{FFFD}' || c.is_control();
            assert!(!text.contains(foreign), "{}: {text}", item.id);
        }
        assert!(!item.needs.is_empty() && !item.supply.is_empty() && !item.supply.ends_with('.'), "{}", item.id);
        assert!(item.section().len() > 1 || !item.threshold.is_empty(), "{}", item.id);
        let provable = item.decide.unprovable.is_none() && !item.decide.deciders.is_empty();
        let required = item.decide.deciders.iter().any(|decider| decider.part == Part::Required);
        assert!(!provable || required, "{} would pass without any rule", item.id);
        let rules: BTreeSet<&str> = item.decide.deciders.iter().map(|decider| decider.rule).collect();
        assert_eq!(rules.len(), item.decide.deciders.len(), "{} names a rule twice", item.id);
    }
    assert_eq!(items_of("foreign-key-without-index"), ["2.2", "002.23", "003.2"]);
    assert_eq!(items_of("idle-in-transaction"), ["4.6", "4.8", "4.9"]);
}

// --- the decisions -----------------------------------------------------------------------------------------------

/// A run, built by hand.
#[derive(Debug, Default)]
struct Run {
    rules: Vec<RuleResult>,
    findings: Vec<Finding>,
    suppressed: Vec<Suppressed>,
    attestations: Attestations,
    databases: Vec<String>,
    window: Option<Window>,
    service: Option<&'static str>,
    /// Only logs were read.
    only_logs: bool,
    log: Option<Window>,
}

impl Run {
    fn new() -> Self {
        Self { databases: vec!["shop".to_owned()], ..Self::default() }
    }

    fn passed(self, rule: &'static str, database: Option<&str>, examined: u64) -> Self {
        self.row(rule, database, &Ok(Verdict { examined, ..Verdict::default() }))
    }

    fn skipped(self, rule: &'static str, database: Option<&str>, missing: Missing) -> Self {
        self.row(rule, database, &Err(missing))
    }

    fn row(mut self, rule: &'static str, database: Option<&str>, verdict: &Result<Verdict, Missing>) -> Self {
        self.rules.push(RuleResult::new(rule, database, verdict));
        self
    }

    /// A row with findings of these severities, examined as many as said.
    fn found(mut self, rule: &'static str, examined: u64, found: &[(Severity, Evidence)]) -> Self {
        let findings: Vec<Finding> =
            found.iter().enumerate().map(|(n, (severity, evidence))| finding(rule, n, severity, evidence)).collect();
        self.findings.extend(findings.clone());
        self.row(rule, Some("shop"), &Ok(Verdict { examined, findings, unjudged: Vec::new() }))
    }

    fn unjudged(mut self, count: u64, unlock: Option<&str>) -> Self {
        if let Some(row) = self.rules.last_mut() {
            if row.outcome == crate::outcome::Outcome::Passed {
                row.outcome = crate::outcome::Outcome::Partial;
            }
            row.unjudged.push(UnjudgedGroup {
                reason: Reason::Privilege,
                because: "the role may not read it".to_owned(),
                count,
                unlock_sql: unlock.map(str::to_owned),
                examples: Vec::new(),
            });
        }
        self
    }

    fn window(mut self, kind: &str, seconds: Option<f64>) -> Self {
        let because = "two snapshots".to_owned();
        self.window = Some(Window { kind: kind.to_owned(), from: None, to: None, seconds, because });
        self
    }

    /// With a log of so many seconds, of which everything was understood.
    fn logged(mut self, seconds: f64) -> Self {
        let because = "the first and the last time in the logs".to_owned();
        self.log = Some(Window { kind: "log".to_owned(), from: None, to: None, seconds: Some(seconds), because });
        self.passed("log-partly-understood", None, 1)
    }

    /// With nothing but a log.
    fn of_logs() -> Self {
        Self { only_logs: true, ..Self::new() }.logged(86_400.0)
    }

    /// The findings that were added last are suspected only.
    fn suspected(mut self) -> Self {
        for finding in &mut self.findings {
            finding.detail.push(crate::finding::Measure {
                name: "suspected".into(),
                value: crate::finding::Value::Bool(true),
                unit: crate::finding::Unit::Text,
            });
        }
        self
    }

    fn attested(mut self, toml: &str) -> Self {
        let as_of = Timestamp::parse("2026-11-22").unwrap();
        let read = |path: &str| if path == "there" { Ok(b"x".to_vec()) } else { Err("no such file".to_owned()) };
        self.attestations = Attestations::parse("a.toml", toml, &ids(), as_of, &read).unwrap();
        self
    }

    fn says(&self, item: &str) -> Assessment {
        let inputs = Inputs {
            audited: !self.only_logs,
            rules: &self.rules,
            findings: &self.findings,
            suppressed: &self.suppressed,
            attestations: &self.attestations,
            target: "db1:5432/shop",
            databases: &self.databases,
            service: self.service,
            window: self.window.as_ref(),
            log: self.log.as_ref(),
            reviewed: false,
            pool: &[],
        };
        super::item(item).unwrap().assess(&inputs)
    }

    #[track_caller]
    fn expect(&self, item: &str, state: State, evidence: Option<Evidence>, because: &str) -> Assessment {
        let said = self.says(item);
        assert_eq!((&said.state, &said.evidence), (&state, &evidence), "{}", said.because);
        assert_eq!(said.because, because);
        said
    }
}

fn finding(rule: &'static str, number: usize, severity: &Severity, evidence: &Evidence) -> Finding {
    let meta = Meta { id: rule, category: Category::Indexes, severity: Severity::Medium, source: "//! x" };
    let subject = Subject::of_table(SubjectKind::Constraint, "shop", "public", "orders", &format!("fk{number}"));
    Finding::new(&meta, subject, format!("fk{number} on public.orders has no index"))
        .severity(severity.clone())
        .evidence(evidence.clone())
}

const FK: &str = "foreign-key-without-index";

const MEASURED: Option<Evidence> = Some(Evidence::Measured);
const INFERRED: Option<Evidence> = Some(Evidence::Inferred);
const ATTESTED: Option<Evidence> = Some(Evidence::Attested);

fn word(item: &str, status: &str) -> String {
    format!(
        "[[attest]]\nitem = \"{item}\"\nstatus = \"{status}\"\nowner = \"Ada\"\nreviewer = \"Grace\"\ndate = 2026-11-01\n"
    )
}

#[test]
fn fail_by_a_finding_at_the_items_severity() {
    let run = Run::new().found(
        FK,
        41,
        &[
            (Severity::Low, Evidence::Measured),
            (Severity::High, Evidence::Measured),
            (Severity::Info, Evidence::Measured),
        ],
    );
    let said = run.expect(
        "2.2",
        State::Fail,
        MEASURED,
        "2 of 41 foreign keys without an index in shop, worst: fk1 on public.orders has no index",
    );
    assert_eq!(said.rules, [crate::rule::RuleId::from(FK)]);
}

#[test]
fn fail_wins_over_unjudged_and_says_both() {
    let run = Run::new().found(FK, 41, &[(Severity::Low, Evidence::Measured)]).unjudged(5, None);
    run.expect(
        "2.2",
        State::Fail,
        MEASURED,
        "1 of 41 foreign keys without an index in shop: fk0 on public.orders has no index; besides, 5 foreign keys could \
         not be judged in shop: the role may not read it",
    );
}

#[test]
fn warn_by_weaker_findings_only() {
    Run::new().found(FK, 41, &[(Severity::Info, Evidence::Measured)]).expect(
        "2.2",
        State::Warn,
        MEASURED,
        "1 of 41 foreign keys without an index in shop: fk0 on public.orders has no index (info, measured)",
    );
}

#[test]
fn warn_by_a_symptom_without_proof() {
    // An estimate never decides 2.8, and call ratios never decide 2.4, whatever their severity.
    let run = Run::new().found("bloated-index", 9, &[(Severity::High, Evidence::Estimated)]);
    assert_eq!(run.says("2.8").state, State::Warn);
    assert_eq!(run.says("2.8").evidence, Some(Evidence::Estimated));
    let run = Run::new().found("n-plus-one-suspected", 9, &[(Severity::High, Evidence::Inferred)]);
    assert_eq!(run.says("2.4").state, State::Warn);
    // A measured one does.
    let run = Run::new().found("bloated-index", 9, &[(Severity::Medium, Evidence::Measured)]);
    assert_eq!(run.says("2.8").state, State::Fail);
}

#[test]
fn warn_by_an_accepted_finding_never_pass() {
    let mut run = Run::new().found(FK, 41, &[(Severity::High, Evidence::Measured)]);
    let reason = "the parent is never deleted from".to_owned();
    run.suppressed =
        run.findings.drain(..).map(|finding| Suppressed { finding, reason: reason.clone(), expires: None }).collect();
    run.expect(
        "2.2",
        State::Warn,
        MEASURED,
        "1 of 41 foreign keys without an index in shop, accepted: the parent is never deleted from",
    );
}

#[test]
fn pass_when_every_rule_looked_at_everything_everywhere() {
    Run::new().passed(FK, Some("shop"), 41).expect(
        "2.2",
        State::Pass,
        MEASURED,
        "0 of 41 foreign keys without an index",
    );
    // The weakest of what it rests on: the p99 is a bound.
    let run = Run::new().passed("slow-statement", Some("shop"), 7);
    run.expect("2.1", State::Pass, INFERRED, "0 of 7 statements with a p99 above the limit");
    let all = run.passed("sequential-scan-on-large-table", Some("shop"), 3).passed("statement-not-tracked", None, 1);
    assert_eq!(all.says("003.9").state, State::Pass);
    assert_eq!(all.says("003.9").evidence, INFERRED);
}

#[test]
fn nothing_to_judge_passes_only_where_that_means_something() {
    Run::new().passed(FK, Some("shop"), 0).expect("2.2", State::Pass, MEASURED, "no foreign keys");
    Run::new().passed("slow-statement", Some("shop"), 0).expect(
        "2.1",
        State::Unknown,
        None,
        "slow-statement saw none of the statements it judges; to supply it: pg_stat_statements and a window of normal \
         load: pgassay snapshot before, pgassay audit --since after; a log of that time (--logs FILES) decides it exactly",
    );
}

#[test]
fn unknown_when_a_database_was_left_out() {
    let mut run = Run::new().passed(FK, Some("shop"), 41);
    run.databases.push("billing".to_owned());
    run.expect(
        "2.2",
        State::Unknown,
        None,
        "foreign-key-without-index was not run in billing; to supply it: pgassay audit of every database that serves the \
         application (--all-databases)",
    );
    Run::new().expect(
        "2.2",
        State::Unknown,
        None,
        "foreign-key-without-index was not run; to supply it: pgassay audit of every database that serves the \
         application (--all-databases)",
    );
}

#[test]
fn unknown_when_skipped_or_partial_names_the_reason_and_the_key() {
    let missing = Missing::new("statements", Reason::Extension, "pg_stat_statements is not installed")
        .unlocked_by("create extension\n  pg_stat_statements");
    let mut run = Run::new().skipped("slow-statement", Some("shop"), missing.clone());
    run.databases.push("billing".to_owned());
    run.skipped("slow-statement", Some("billing"), missing).expect(
        "2.1",
        State::Unknown,
        None,
        "slow-statement could not run in billing and shop: pg_stat_statements is not installed; to supply it: create \
         extension pg_stat_statements",
    );
    Run::new().passed(FK, Some("shop"), 30).unjudged(11, Some("grant pg_monitor to audit")).expect(
        "2.2",
        State::Unknown,
        None,
        "11 foreign keys could not be judged in shop: the role may not read it; to supply it: grant pg_monitor to audit",
    );
}

#[test]
fn a_partial_outcome_never_passes_even_without_a_reason() {
    let mut run = Run::new().passed(FK, Some("shop"), 30);
    run.rules[0].outcome = crate::outcome::Outcome::Partial;
    assert_eq!(run.says("2.2").state, State::Unknown);
    run.rules[0].outcome = crate::outcome::Outcome::Found;
    assert_eq!(run.says("2.2").state, State::Unknown, "found, but no finding is there");
    run.rules[0].outcome = crate::outcome::Outcome::Other("later".to_owned());
    assert_eq!(run.says("2.2").state, State::Unknown);
}

#[test]
fn a_premise_that_does_not_hold_leaves_the_item_unknown() {
    let run = Run::new().passed("plan-not-reviewed", Some("shop"), 4).window("snapshots", Some(86_400.0));
    assert_eq!(run.says("2.7").because.split("; to supply").next(), Some("statement-not-tracked was not run"));
    let tracked = run.passed("statement-not-tracked", None, 1);
    tracked.expect("2.7", State::Pass, MEASURED, "0 of 4 statements above 1,000 calls a day without a current review");
    let untracked = Run::new()
        .passed("plan-not-reviewed", Some("shop"), 4)
        .found("statement-not-tracked", 1, &[(Severity::High, Evidence::Measured)])
        .window("snapshots", Some(86_400.0));
    assert_eq!(untracked.says("2.7").state, State::Unknown);
}

#[test]
fn silence_means_something_only_over_time() {
    let sample = || Run::new().passed("idle-in-transaction", None, 12);
    assert_eq!(sample().says("4.9").state, State::Unknown);
    assert_eq!(sample().window("counters", Some(1e9)).says("4.9").state, State::Unknown);
    sample().window("snapshots", Some(300.0)).expect(
        "4.9",
        State::Unknown,
        None,
        "idle-in-transaction says too little over 5 min: at least 60 min between two snapshots are needed; to supply it: \
         pgassay snapshot now, pgassay audit --since that file later",
    );
    let long = sample().window("snapshots", Some(7200.0));
    long.expect("4.9", State::Pass, INFERRED, "0 of 12 sessions idle in a transaction");
    // One sample can prove a violation.
    let run = Run::new().found("idle-in-transaction", 12, &[(Severity::Medium, Evidence::Measured)]);
    assert_eq!(run.says("4.9").state, State::Fail);
    assert_eq!(run.says("4.6").state, State::Fail);
    assert_eq!(run.says("4.8").state, State::Warn, "only a long one is proof of a missing release");
}

#[test]
fn what_no_server_can_prove_stays_unknown_and_says_what_was_seen() {
    Run::new().passed("n-plus-one-suspected", Some("shop"), 20).expect(
        "2.4",
        State::Unknown,
        None,
        "0 of 20 statements called like an N+1 query, but only a log decides it; to supply it: a log of normal load with \
         every statement in it (log_min_duration_statement = 0 for a while): pgassay logs FILES, or pgassay audit --logs \
         FILES",
    );
    for id in ["1.1", "3.4", "4.2", "4.3", "4.7", "4.8", "4.10", "6.2", "7.7", "9.4", "002.1"] {
        let said = Run::new().passed("idle-in-transaction", None, 5).says(id);
        assert_eq!((said.state, said.evidence), (State::Unknown, None), "{id}");
        assert!(said.because.contains("to supply it: "), "{id}: {}", said.because);
    }
}

#[test]
fn leak_detection_by_its_stand_in_until_somebody_says() {
    const TIMEOUT: &str = "no-idle-in-transaction-timeout";
    let set = Run::new().passed("idle-in-transaction", None, 5).passed(TIMEOUT, Some("shop"), 3);
    set.expect(
        "4.6",
        State::Warn,
        INFERRED,
        "only a stand-in on the server: 0 of 3 logins (role and database) without an idle_in_transaction_session_timeout",
    );
    let unset = || Run::new().found(TIMEOUT, 3, &[(Severity::Medium, Evidence::Measured)]);
    assert_eq!((unset().says("4.6").state, unset().says("4.6").evidence), (State::Fail, INFERRED));
    let said = unset().attested(&word("4.6", "pass")).says("4.6");
    assert_eq!((said.state, said.evidence, said.contradiction), (State::Pass, ATTESTED, false));
    assert_eq!(Run::new().says("4.6").state, State::Unknown);
    // A stand-in that could not be judged stands for nothing.
    let partial = Run::new().passed(TIMEOUT, Some("shop"), 3).unjudged(1, None);
    assert_eq!(partial.says("4.6").state, State::Unknown);
}

#[test]
fn what_a_managed_service_hides_does_not_apply() {
    let hidden = || Missing::new("settings", Reason::Service, "the service keeps its log settings to itself");
    let mut run = Run::new().skipped("slow-query-log-off", None, hidden());
    run.service = Some("Neon");
    run.expect("2.6", State::NotApplicable, INFERRED, "Neon: the service keeps its log settings to itself");
    // Hidden in part only is not hidden.
    let mut run = Run::new().skipped(FK, Some("shop"), hidden()).passed(FK, Some("billing"), 1);
    run.databases.push("billing".to_owned());
    assert_eq!(run.says("2.2").state, State::Unknown);
}

#[test]
fn without_an_audit_nothing_is_known_but_what_was_said() {
    let run = Run::new().attested(&word("2.2", "pass"));
    let all = assess(&Inputs::attested(&run.attestations));
    assert_eq!(all.len(), items().count());
    for assessment in &all {
        let expected = if assessment.id == "2.2" { State::Pass } else { State::Unknown };
        assert_eq!(assessment.state, expected, "{}", assessment.id);
    }
    assert!(all.iter().any(|one| one.because.starts_with("no server was audited; to supply it: ")));
    let score = score(&all);
    assert_eq!((score.total.max, score.total.pass, score.total.attested, score.total.unknown), (71, 1, 1, 70));
    assert_eq!(score.total.band, "not banded: coverage 1 %");
}

// --- logs --------------------------------------------------------------------------------------------------------

const LOW: (Severity, Evidence) = (Severity::Low, Evidence::Measured);
const MEDIUM: (Severity, Evidence) = (Severity::Medium, Evidence::Measured);
const HIGH: (Severity, Evidence) = (Severity::High, Evidence::Measured);

#[test]
fn slow_queries_by_the_log_or_by_the_counters() {
    // either proves it, by its own evidence
    let counters = || Run::new().passed("slow-statement", Some("shop"), 7);
    counters().logged(3600.0).passed("slow-query", Some("shop"), 9).expect(
        "2.1",
        State::Pass,
        MEASURED,
        "0 of 9 logged queries with a p99 above the limit; 0 of 7 statements with a p99 above the limit",
    );
    let said = Run::of_logs().passed("slow-query", Some("shop"), 9).says("2.1");
    assert_eq!((said.state, said.evidence), (State::Pass, MEASURED));
    // one that could not tell does not hinder the other
    let log = |run: Run| run.logged(3600.0).passed("slow-query", Some("shop"), 9).unjudged(3, None);
    assert_eq!((log(counters()).says("2.1").state, log(counters()).says("2.1").evidence), (State::Pass, INFERRED));
    let blind = log(Run::new().passed("slow-statement", Some("shop"), 7).unjudged(2, None)).says("2.1");
    assert_eq!(blind.state, State::Unknown);
    assert!(blind.because.contains("3 logged queries") && blind.because.contains("2 statements"), "{}", blind.because);
    // either disproves it
    let slow = |run: Run| run.logged(3600.0).found("slow-query", 9, &[MEDIUM]);
    let said = slow(counters()).says("2.1");
    assert_eq!((said.state, said.evidence), (State::Fail, MEASURED));
    let inferred = (Severity::Medium, Evidence::Inferred);
    let bounded = || Run::new().found("slow-statement", 7, std::slice::from_ref(&inferred));
    assert_eq!((bounded().says("2.1").state, bounded().says("2.1").evidence), (State::Fail, INFERRED));
    assert_eq!(slow(bounded()).says("2.1").evidence, MEASURED);
    // what stronger evidence did not find warns
    bounded().logged(3600.0).passed("slow-query", Some("shop"), 9).expect(
        "2.1",
        State::Warn,
        INFERRED,
        "1 of 7 statements with a p99 above the limit in shop: fk0 on public.orders has no index (inferred); 0 of 9 \
         logged queries with a p99 above the limit (measured)",
    );
    // a log of which much is not understood proves nothing
    let mut run = Run::of_logs().passed("slow-query", Some("shop"), 9);
    run.rules.retain(|row| row.id.as_str() != "log-partly-understood");
    let run = run.row(
        "log-partly-understood",
        None,
        &Ok(Verdict {
            examined: 1,
            findings: vec![finding("log-partly-understood", 0, &MEDIUM.0, &MEDIUM.1)],
            unjudged: vec![],
        }),
    );
    let run = Run { findings: vec![finding("log-partly-understood", 0, &MEDIUM.0, &MEDIUM.1)], ..run };
    assert_eq!(run.says("2.1").state, State::Unknown);
}

#[test]
fn n_plus_one_by_the_order_of_statements() {
    let good = || {
        Run::of_logs().passed("n-plus-one", Some("shop"), 240).passed("too-many-queries-per-request", Some("shop"), 240)
    };
    good().expect(
        "2.4",
        State::Pass,
        MEASURED,
        "0 N+1 patterns in 240 requests; 0 kinds of requests with too many queries in 240 requests",
    );
    let few = Run::of_logs()
        .passed("n-plus-one", Some("shop"), 60)
        .unjudged(1, None)
        .passed("too-many-queries-per-request", Some("shop"), 60)
        .unjudged(1, None);
    assert_eq!(few.says("2.4").state, State::Unknown);
    let found = |rule, what| {
        let other = if rule == "n-plus-one" { "too-many-queries-per-request" } else { "n-plus-one" };
        Run::of_logs().found(rule, 240, &[what]).passed(other, Some("shop"), 240).says("2.4").state
    };
    assert_eq!(found("n-plus-one", HIGH), State::Fail);
    assert_eq!(found("n-plus-one", MEDIUM), State::Warn);
    assert_eq!(found("n-plus-one", LOW), State::Warn);
    assert_eq!(found("too-many-queries-per-request", MEDIUM), State::Fail);
    assert_eq!(found("too-many-queries-per-request", LOW), State::Warn);
    // call ratios warn beside a log as well
    let ratios = good().found("n-plus-one-suspected", 9, &[(Severity::Medium, Evidence::Inferred)]);
    assert_eq!(ratios.says("2.4").state, State::Warn);
}

#[test]
fn what_is_suspected_decides_nothing() {
    let suspected = Run::of_logs()
        .found("n-plus-one", 240, &[(Severity::Info, Evidence::Inferred), HIGH])
        .suspected()
        .passed("too-many-queries-per-request", Some("shop"), 240);
    suspected.expect(
        "2.4",
        State::Pass,
        MEASURED,
        "0 N+1 patterns in 240 requests (2 suspected); 0 kinds of requests with too many queries in 240 requests",
    );
    let mut accepted = suspected;
    accepted.suppressed =
        accepted.findings.drain(..).map(|finding| Suppressed { finding, reason: "r".into(), expires: None }).collect();
    assert_eq!(accepted.says("2.4").state, State::Pass);
}

#[test]
fn of_a_log_alone_an_item_says_what_it_lacks() {
    let run = Run::of_logs().passed("n-plus-one", Some("shop"), 240);
    let said = run.says("2.2");
    assert!(said.because.starts_with("no log decides it; to supply it: pgassay audit of every"), "{}", said.because);
    let run = run.passed("too-many-queries-per-request", Some("shop"), 240).passed("slow-query", Some("shop"), 9);
    for (id, because) in [
        (
            "003.2",
            "0 N+1 patterns in 240 requests; 0 kinds of requests with too many queries in 240 requests, but no log decides \
             the rest; to supply it: ",
        ),
        ("003.9", "0 of 9 logged queries with a p99 above the limit, but no log decides the rest; to supply it: "),
        ("2.3", "no log decides it; to supply it: "),
        ("4.4", "no log decides it; to supply it: "),
    ] {
        let said = run.says(id);
        assert_eq!((said.state, said.evidence), (State::Unknown, None));
        assert!(said.because.starts_with(because), "{id}: {}", said.because);
    }
    // a log rule that was not asked for is not what no log decides
    let said = Run::of_logs().says("2.4");
    assert!(said.because.starts_with("n-plus-one was not run"), "{}", said.because);
    for run in [Run::of_logs(), run] {
        for item in items() {
            let said = run.says(item.id);
            assert!(!said.because.contains("no server was audited"), "{}: {}", item.id, said.because);
        }
    }
    // and of a server alone
    let server = Run::new().passed(FK, Some("shop"), 5).passed("sequential-scan-on-large-table", Some("shop"), 3);
    let said = server.says("002.23");
    let because = "0 of 5 foreign keys without an index; 0 of 3 large tables read sequentially in a hot path, but only a log \
                   decides the rest; to supply it: a log of normal load";
    assert!(said.because.starts_with(because), "{}", said.because);
    let said = server.says("002.8");
    assert!(said.because.starts_with("only a log decides it; to supply it: "), "{}", said.because);
}

#[test]
fn both_together_prove_what_neither_does_alone() {
    let both = Run::new()
        .passed(FK, Some("shop"), 5)
        .passed("sequential-scan-on-large-table", Some("shop"), 3)
        .logged(3600.0)
        .passed("n-plus-one", Some("shop"), 240)
        .passed("too-many-queries-per-request", Some("shop"), 240)
        .passed("slow-query", Some("shop"), 9);
    for id in ["002.23", "003.2", "003.9"] {
        assert_eq!((both.says(id).state, both.says(id).evidence), (State::Pass, MEASURED), "{id}");
    }
    // a plan in the log speaks against the item, its absence for nothing
    let scanned = Run { ..both }.found("sequential-scan-in-hot-query", 4, &[LOW]);
    assert_eq!(scanned.says("003.9").state, State::Warn);
    assert_eq!(scanned.says("2.3").state, State::Warn);
    let scanned = scanned.found("sequential-scan-in-hot-query", 4, &[MEDIUM]);
    assert_eq!(scanned.says("2.3").state, State::Fail);
    let silent = Run::of_logs().passed("sequential-scan-in-hot-query", Some("shop"), 4).says("2.3");
    assert_eq!(silent.state, State::Unknown);
}

#[test]
fn a_log_speaks_of_every_database_it_names() {
    let mut run = Run::new().logged(3600.0).passed("n-plus-one", Some("shop"), 240).passed(
        "too-many-queries-per-request",
        Some("shop"),
        240,
    );
    run.databases.push("billing".to_owned());
    assert_eq!(run.says("2.4").state, State::Pass);
    let mut nameless = Run::of_logs().found("n-plus-one", 240, &[HIGH]);
    nameless.findings[0].subject.database = Some(String::new());
    assert!(!nameless.says("2.4").because.contains(" in :"), "{}", nameless.says("2.4").because);
}

#[test]
fn symptoms_of_the_log_never_prove() {
    for (id, rule) in [("1.4", "slow-tail"), ("8.7", "deep-offset"), ("8.8", "large-result-logged")] {
        let silent = Run::of_logs().passed(rule, Some("shop"), 9).says(id);
        assert_eq!((silent.state, silent.evidence), (State::Unknown, None), "{id}");
        assert!(silent.because.starts_with("0 of 9 logged queries"), "{id}: {}", silent.because);
        for what in [LOW, HIGH] {
            assert_eq!(Run::of_logs().found(rule, 9, &[what]).says(id).state, State::Warn, "{id}");
        }
        let word = Run::of_logs().passed(rule, Some("shop"), 9).attested(&word(id, "pass")).says(id);
        assert_eq!((word.state, word.evidence), (State::Pass, ATTESTED), "{id}");
        assert_eq!(Run::new().says(id).state, State::Unknown);
    }
}

#[test]
fn connections_by_the_log_or_by_the_counters() {
    let said = Run::of_logs().passed("short-lived-sessions", Some("shop"), 2).says("4.1");
    assert_eq!((said.state, said.evidence), (State::Pass, INFERRED));
    assert_eq!(Run::of_logs().found("short-lived-sessions", 2, &[MEDIUM]).says("4.1").state, State::Fail);
    let counters = Run::new().passed("connection-per-request", Some("shop"), 1);
    assert_eq!(counters.says("4.1").state, State::Pass);
    // pauses inside transactions, over an hour of log
    let held = |seconds| Run { only_logs: true, ..Run::new() }.logged(seconds);
    const HELD: &str = "connection-held-while-idle";
    held(3600.0).passed(HELD, Some("shop"), 1).expect(
        "4.9",
        State::Pass,
        INFERRED,
        "0 statements after which transactions wait for their client in 1 databases",
    );
    let short = held(600.0).passed(HELD, Some("shop"), 1).says("4.9");
    assert!(short.because.starts_with("connection-held-while-idle says too little over 10 min of a log"), "{short:?}");
    assert_eq!(held(60.0).found(HELD, 1, &[LOW]).says("4.9").state, State::Warn);
    assert_eq!(held(60.0).found(HELD, 1, &[MEDIUM]).says("4.9").state, State::Fail);
}

#[test]
fn what_is_logged_speaks_for_the_log_that_was_read() {
    let clean = Run::of_logs().passed("secret-in-log", None, 900).passed("literals-in-log", None, 300);
    clean.expect(
        "002.8",
        State::Pass,
        INFERRED,
        "0 places or kinds of secrets in 900 entries; 0 logs with values beside their statements in 300 statements",
    );
    let values = Run::of_logs().passed("secret-in-log", None, 900).found("literals-in-log", 300, &[HIGH]);
    assert_eq!(values.says("002.8").state, State::Warn);
    let secret = Run::of_logs().found("secret-in-log", 900, &[(Severity::High, Evidence::Inferred)]);
    assert_eq!(secret.says("002.8").state, State::Fail);
}

// --- attestations against measurements ---------------------------------------------------------------------------

#[test]
fn an_attestation_fills_what_is_unknown() {
    let said = Run::new().attested(&format!("{}note = \"5 s\"\n", word("4.3", "pass"))).expect(
        "4.3",
        State::Pass,
        ATTESTED,
        "pass, attested by Ada, reviewed by Grace on 2026-11-01, until 2027-01-30: 5 s",
    );
    assert_eq!(said.attestation.map(|attested| attested.state), Some(State::Pass));
    let said = Run::new().attested(&word("4.10", "not_applicable")).says("4.10");
    assert_eq!((said.state, said.evidence), (State::NotApplicable, ATTESTED));
    let said = Run::new().attested(&word("4.10", "fail")).says("4.10");
    assert_eq!(said.state, State::Fail);
}

#[test]
fn a_measurement_outweighs_an_attestation_and_says_so() {
    let bad = || Run::new().found(FK, 41, &[(Severity::High, Evidence::Measured)]);
    for status in ["pass", "not_applicable"] {
        let said = bad().attested(&word("2.2", status)).says("2.2");
        assert_eq!((said.state, said.evidence, said.contradiction), (State::Fail, MEASURED, true));
        assert!(said.because.contains("; this contradicts: "), "{}", said.because);
    }
    let said = bad().attested(&word("2.2", "fail")).says("2.2");
    assert_eq!((said.state, said.contradiction), (State::Fail, false));
    let good = || Run::new().passed(FK, Some("shop"), 41);
    let said = good().attested(&word("2.2", "fail")).says("2.2");
    assert_eq!((said.state, said.contradiction), (State::Pass, true));
    let said = good().attested(&word("2.2", "pass")).says("2.2");
    assert_eq!((said.state, said.evidence, said.contradiction), (State::Pass, MEASURED, false));
    let warn = Run::new().found(FK, 41, &[(Severity::Info, Evidence::Measured)]).attested(&word("2.2", "pass"));
    let said = warn.says("2.2");
    assert_eq!((said.state, said.contradiction), (State::Warn, false));
    assert!(said.because.contains("; not outweighed by: pass, attested by Ada"), "{}", said.because);
}

#[test]
fn an_attestation_that_does_not_count_is_named() {
    let expired = word("4.3", "pass") + "expires = 2026-11-21\n";
    let said = Run::new().attested(&expired).says("4.3");
    assert_eq!((said.state, said.evidence), (State::Unknown, None));
    assert!(said.because.ends_with("; the attestation by Ada expired on 2026-11-21"), "{}", said.because);
    let said = Run::new().attested(&(word("4.3", "pass") + "scope = [\"other*\"]\n")).says("4.3");
    assert!(said.because.ends_with("; the attestation by Ada does not speak of database shop"), "{}", said.because);
}

#[test]
fn evidence_that_is_gone_or_altered_fails_the_item() {
    let exhibit = |path: &str, hash: &str| {
        format!("{}evidence = [{{ path = \"{path}\", sha256 = \"{hash}\" }}]\n", word("4.3", "pass"))
    };
    let right = hexadecimal(&Sha256::digest(b"x"));
    let good = Run::new().attested(&exhibit("there", &right)).says("4.3");
    assert_eq!(good.state, State::Pass);
    let altered = Run::new().attested(&exhibit("there", &"0".repeat(64))).says("4.3");
    assert_eq!((altered.state, altered.evidence), (State::Fail, ATTESTED));
    assert!(altered.because.contains(&format!("is void: the evidence file there was altered: its SHA-256 is {right}")));
    let gone = Run::new().attested(&exhibit("gone", &right)).says("4.3");
    assert_eq!(gone.state, State::Fail);
    assert!(gone.because.ends_with("is void: the evidence file gone cannot be read: no such file"), "{}", gone.because);
}

// --- for any input -----------------------------------------------------------------------------------------------

fn any_run() -> impl Strategy<Value = Run> {
    let rules: Vec<&'static str> = items()
        .flat_map(|item| item.decide.deciders)
        .map(|decider| decider.rule)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let severity = prop::sample::select(Severity::ALL);
    let evidence = prop::sample::select(Evidence::ALL);
    let found = prop::collection::vec((severity, evidence), 0..3);
    let row = (prop::sample::select(rules), 0_u8..4, 0_u64..5, found, prop::bool::ANY);
    (prop::collection::vec(row, 0..20), prop::option::of(0.0..2e5), prop::bool::ANY).prop_map(
        |(rows, seconds, accept)| {
            let mut run = Run::new();
            for (rule, kind, examined, found, partial) in rows {
                run = match kind {
                    0 => run.passed(rule, Some("shop"), examined),
                    1 => run.skipped(rule, None, Missing::new("x", Reason::Service, "hidden")),
                    _ => run.found(rule, examined, &found),
                };
                if partial {
                    run = run.unjudged(2, None);
                }
            }
            if accept {
                let accepted =
                    run.findings.drain(..).map(|finding| Suppressed { finding, reason: "r".into(), expires: None });
                run.suppressed = accepted.collect();
            }
            match seconds {
                Some(_) => run.window("snapshots", seconds),
                None => run,
            }
        },
    )
}

proptest! {
    /// Unknown never counts as pass: whatever a run holds, a pass needs complete rules without findings.
    #[test]
    fn a_pass_is_always_earned(run in any_run()) {
        for item in items() {
            let said = run.says(item.id);
            prop_assert_eq!(said.evidence.is_none(), said.state == State::Unknown);
            prop_assert!(!said.because.is_empty() && !said.because.contains('\n'));
            let own = |decider: &&Decider| matches!(decider.part, Part::Required | Part::Symptom);
            let disproves = |decider: &&Decider| {
                run.findings.iter().any(|finding| {
                    finding.rule.as_str() == decider.rule
                        && decider.fail_at.is_some_and(|least| finding.severity >= *least)
                        && finding.evidence >= *decider.least
                })
            };
            let mut disproving = item.decide.deciders.iter().filter(own).filter(disproves).peekable();
            let proven = disproving.peek().is_some();
            let is_doubted = proven && disproving.all(|decider| decider.is_alternative) && said.state == State::Warn;
            let only_stand_in = item.decide.deciders.iter().any(|decider| decider.part == Part::Backstop);
            prop_assert!(!proven || said.state == State::Fail || is_doubted);
            prop_assert!(proven || only_stand_in || said.state != State::Fail);
            if said.state == State::Pass {
                prop_assert!(item.decide.unprovable.is_none());
                let required = || item.decide.deciders.iter().filter(|decider| decider.part == Part::Required);
                let is_earned = |decider: &Decider| {
                    let mut rows = run.rules.iter().filter(|row| row.id.as_str() == decider.rule).peekable();
                    rows.peek().is_some() && rows.all(|row| row.is_complete() && row.findings == 0)
                };
                prop_assert!(required().filter(|decider| !decider.is_alternative).all(is_earned));
                let mut alternatives = required().filter(|decider| decider.is_alternative).peekable();
                let way = |input: &Input| {
                    required().filter(|decider| decider.is_alternative && decider.input == input).all(is_earned)
                };
                let is_proven = alternatives.peek().is_none() || alternatives.any(|decider| way(decider.input));
                prop_assert!(is_proven);
            }
        }
    }
}
