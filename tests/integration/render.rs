//! Every format against its golden file, its schema, and hostile names. The samples are `tests/render/report.json`, of an
//! audit, and `tests/render/logs.json`, made by hand, which are also what the format json must write. `PGASSAY_UPDATE_GOLDENS=1` rewrites the golden files.

use pgassay::finding::{Finding, Hint, Location, Measure, Subject, SubjectKind, Unit, Value, key};
use pgassay::outcome::{Missing, Outcome, Reason};
use pgassay::render::{self, Options, Renderer};
use pgassay::report::{Body, Kind, LogCoverage, Report, State, Unread};
use pgassay::rule::{Evidence, Severity};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use unicode_width::UnicodeWidthStr;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/render")
}

fn sample() -> Report {
    serde_json::from_str(include_str!("../render/report.json")).unwrap()
}

/// A report of logs: two repetitions that are found, one that is suspected, a slow query, errors, lines not understood.
fn logs() -> Report {
    serde_json::from_str(include_str!("../render/logs.json")).unwrap()
}

/// A report of a log in which there was nothing.
fn empty_logs() -> Report {
    let body = Body::Logs { queries: Vec::new(), requests: Vec::new(), coverage: LogCoverage::default() };
    Report { kind: Kind::Logs, body, ..empty() }
}

/// A report of a log that has statements of 100 ms and more, of two databases, without sessions or SQLSTATEs.
fn slow_logs() -> Report {
    let mut report = logs();
    report.findings.clear();
    report.suppressed.clear();
    report.top.clear();
    report.source.databases = vec![String::new(), "shop".into(), "stock".into()];
    let Body::Logs { queries, requests, coverage } = &mut report.body else { panic!("no logs") };
    requests.clear();
    queries.truncate(3);
    for query in queries {
        (query.p50_ms, query.p95_ms, query.p99_ms, query.p99_low_ms, query.p99_high_ms) =
            (None, None, None, None, None);
        query.errors = Some(0);
    }
    coverage.threshold_ms = Some(100.0);
    (coverage.unread_lines, coverage.share) = (0, 1.0);
    coverage.unread.clear();
    coverage.failures = [("ERROR".to_owned(), 4321)].into();
    report
}

/// The measure by which a finding is suspected only.
fn is_suspected(finding: &Finding) -> bool {
    finding.detail.iter().any(|measure| measure.name == "suspected")
}

/// A report of a run that reached nothing: no score, no rule, no finding.
fn empty() -> Report {
    let mut report = sample();
    report.score = None;
    report.items.clear();
    report.rules.clear();
    report.findings.clear();
    report.suppressed.clear();
    report.missing.clear();
    report.top.clear();
    report.notes.clear();
    report.window = None;
    report.body = Body::Audit { queries: Vec::new() };
    report
}

/// Five hundred findings that are all listed in full.
fn crowded() -> Report {
    let mut report = sample();
    let one = report.findings[0].clone();
    report.findings = (0..500)
        .map(|number| {
            let subject = Subject::of_table(
                SubjectKind::Constraint,
                "shop",
                "public",
                &format!("table_{number}"),
                &format!("fk_{number}"),
            );
            Finding { key: key(one.rule.as_str(), &subject), subject, ..one.clone() }
        })
        .collect();
    report
}

/// The sample with findings in files, and reads that failed.
fn located() -> Report {
    let mut report = sample();
    let at = |file: &str, line, column, end_line, end_column| {
        Some(Location { file: file.to_owned(), line, column, end_line, end_column, source: None })
    };
    report.findings[0].location = at("./migrations/0007 add: lines.sql", 3, 1, 3, 48);
    report.findings[1].location = at("migrations/0007 add: lines.sql", 5, 12, 9, 2);
    report.findings[3].location = at("/srv/logs/50%,\n::error::x.log", 1, 1, 1, 1);
    report.suppressed[0].finding.location = at("migrations/0001.sql", 2, 1, 2, 9);
    let failed = Missing::new("sequences", Reason::Failed, "canceling statement due to statement timeout");
    report.missing.push(Unread { database: Some("shop".into()), missing: failed.clone() });
    for rule in &mut report.rules {
        if rule.id.as_str() == "blocked-session" {
            rule.reason = Some(failed.clone());
        }
    }
    report
}

fn render(renderer: &Renderer, report: &Report, options: &Options) -> String {
    let mut out = Vec::new();
    (renderer.render)(report, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn by_name(name: &str) -> &'static Renderer {
    render::by_name(name).unwrap()
}

fn at(width: usize) -> Options {
    Options { width: Some(width), ..Options::default() }
}

fn compare(name: &str, actual: &str) {
    let path = folder().join(name);
    if std::env::var_os("PGASSAY_UPDATE_GOLDENS").is_some() {
        fs::write(&path, actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if let Some((line, (want, got))) =
        expected.lines().zip(actual.lines()).enumerate().find(|(_, (want, got))| want != got)
    {
        panic!("{name}, line {}:\n  want {want}\n  got  {got}\n(PGASSAY_UPDATE_GOLDENS=1 rewrites it)", line + 1);
    }
    assert_eq!(expected.lines().count(), actual.lines().count(), "{name} (PGASSAY_UPDATE_GOLDENS=1 rewrites it)");
}

#[test]
fn every_format_has_its_golden_file() {
    let report = sample();
    for renderer in render::ALL {
        let name = match renderer.name {
            "json" => "report.json".to_owned(),
            name => format!("expected.{name}.{}", renderer.extension),
        };
        compare(&name, &render(renderer, &report, &Options::default()));
        let name = match renderer.name {
            "json" => "logs.json".to_owned(),
            name => format!("logs.{name}.{}", renderer.extension),
        };
        compare(&name, &without_documentation(renderer, render(renderer, &logs(), &Options::default())));
    }
}

/// What the detectors say about themselves is no part of a golden file: that of the checks is in the other one.
fn without_documentation(renderer: &Renderer, text: String) -> String {
    if renderer.name != "sarif" {
        return text;
    }
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    for rule in json["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap() {
        *rule = rule["id"].take();
    }
    format!("{}\n", serde_json::to_string_pretty(&json).unwrap())
}

#[test]
fn variants_have_golden_files() {
    let report = sample();
    compare("expected.terminal.80.txt", &render(by_name("terminal"), &report, &at(80)));
    compare("expected.terminal.40.txt", &render(by_name("terminal"), &report, &at(40)));
    let verbose = Options { verbose: 1, ..Options::default() };
    compare("expected.terminal.verbose.txt", &render(by_name("terminal"), &report, &verbose));
    compare("expected.markdown.verbose.md", &render(by_name("markdown"), &report, &verbose));
    let colour = Options { colour: true, ..Options::default() };
    compare("expected.terminal.colour.txt", &render(by_name("terminal"), &report, &colour));
    compare("logs.terminal.80.txt", &render(by_name("terminal"), &logs(), &at(80)));
    compare("logs.terminal.40.txt", &render(by_name("terminal"), &logs(), &at(40)));
    compare("logs.terminal.verbose.txt", &render(by_name("terminal"), &logs(), &verbose));
    compare("logs.markdown.verbose.md", &render(by_name("markdown"), &logs(), &verbose));
    compare("logs.terminal.colour.txt", &render(by_name("terminal"), &logs(), &colour));
    compare("logs-slow.terminal.txt", &render(by_name("terminal"), &slow_logs(), &Options::default()));
    compare("logs-empty.terminal.txt", &render(by_name("terminal"), &empty_logs(), &Options::default()));
    compare("logs-empty.markdown.md", &render(by_name("markdown"), &empty_logs(), &Options::default()));
    let signed = Options {
        team: Some("Payments".into()),
        reviewer: Some("A. Reviewer".into()),
        date: Some("2026-11-23".into()),
        ..Options::default()
    };
    compare("expected.scorecard.signed.txt", &render(by_name("scorecard"), &report, &signed));
    for name in ["terminal", "markdown", "scorecard", "sarif", "junit", "github", "gitlab"] {
        let renderer = by_name(name);
        compare(&format!("empty.{name}.{}", renderer.extension), &render(renderer, &empty(), &Options::default()));
    }
    for name in ["junit", "github", "gitlab"] {
        let renderer = by_name(name);
        compare(&format!("located.{name}.{}", renderer.extension), &render(renderer, &located(), &Options::default()));
    }
}

/// The summary is what stands above the first heading of the details.
#[test]
fn the_summary_fits_on_one_screen() {
    for report in [sample(), crowded(), worst_summary()] {
        let text = render(by_name("terminal"), &report, &at(100));
        let summary: Vec<&str> =
            text.lines().take_while(|line| *line != "Notes" && !line.starts_with("Findings")).collect();
        let lines = summary.iter().rposition(|line| !line.is_empty()).unwrap() + 1;
        assert!(lines <= 40, "{lines} lines:\n{}", summary.join("\n"));
        for item in report.items.iter().filter(|item| ["2", "4"].contains(&&*item.section)) {
            assert!(summary.iter().any(|line| line.contains(&format!(" {} ", item.id))), "{} is missing", item.id);
        }
        for word in ["Top three", "Not judged", "strict", "at most", "coverage", "not banded"] {
            assert!(summary.iter().any(|line| line.contains(word)), "no {word}");
        }
    }
}

/// A log decides few items, and says nothing of the others: its summary is shorter.
#[test]
fn the_summary_of_logs_is_of_what_logs_know() {
    let text = render(by_name("terminal"), &logs(), &at(100));
    let summary: Vec<&str> = text.lines().take_while(|line| *line != "Notes").collect();
    assert!(summary.len() <= 40, "{}", summary.len());
    for words in ["log_line_prefix", "230 MB, 1,514,438 lines, 99.2 % understood", "12 failed", " 2.1 ", " 2.4 "] {
        assert!(summary.iter().any(|line| line.contains(words)), "no {words}");
    }
    assert!(!text.contains(" 4.3 ") && !text.contains("strict") && !text.contains("API Performance"));
    let verbose = render(by_name("terminal"), &logs(), &Options { verbose: 1, ..at(100) });
    assert!(verbose.contains("strict") && !verbose.contains(" 4.3 "));
}

/// What is less sure is hidden until it is asked for, and no format calls it a failure.
#[test]
fn what_is_suspected_fails_nothing() {
    let mut report = logs();
    // a configuration may say that a rule is high whatever it finds
    report.findings.iter_mut().filter(|one| is_suspected(one)).for_each(|one| one.severity = Severity::High);
    let suspected = "a row is inserted into events";
    for name in ["terminal", "markdown"] {
        let text = render(by_name(name), &report, &Options::default());
        assert!(!text.contains(suspected) && text.contains("suspected"), "{name}");
        let text = render(by_name(name), &report, &Options { verbose: 1, ..Options::default() });
        assert!(text.contains(suspected) && text.contains("confidence 0.45 = "), "{name}");
    }
    let all = |name: &str| render(by_name(name), &report, &Options::default());
    let line = |text: &str| text.lines().find(|line| line.contains(suspected)).unwrap().to_owned();
    assert!(line(&all("github")).starts_with("::notice "));
    assert!(line(&all("junit")).trim_start().starts_with("<system-out>"));
    let issues: Vec<serde_json::Value> = serde_json::from_str(&all("gitlab")).unwrap();
    let issue = issues.iter().find(|issue| issue["description"].as_str().unwrap().contains(suspected)).unwrap();
    assert_eq!(issue["severity"], "info");
    let json = sarif(&report);
    let results = json["runs"][0]["results"].as_array().unwrap();
    let result = results.iter().find(|result| result["message"]["text"].as_str().unwrap().contains(suspected)).unwrap();
    assert_eq!(result["level"], "note");
    assert_eq!(result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], "shop.b07c5d2e91fa6384");
    report.top = report.findings.iter().filter(|one| is_suspected(one)).map(|one| one.key.clone()).collect();
    assert!(!render(by_name("scorecard"), &report, &Options::default()).contains(suspected));
}

/// A repetition says what it follows, what it costs and what takes its place in every format that has room for it.
#[test]
fn a_repetition_is_told_with_what_replaces_it() {
    for name in ["terminal", "markdown", "junit", "github", "sarif"] {
        let text = render(by_name(name), &logs(), &Options::default());
        for words in [
            "books is looked up 37 times per request, once for each row of authors",
            "from authors where country = $1",
            "from books where author_id = $1",
            "37 a request at the median",
            "in 8,391 of 8,433 requests",
            "wall 4.47 min",
            "save about 4.03 min",
            "author_id = any ($1)",
            "prefetch_related('books')",
            "GET /authors",
        ] {
            assert!(text.contains(words), "{name} has no {words}");
        }
    }
}

/// Everything in the summary at its longest.
fn worst_summary() -> Report {
    let mut report = sample();
    let long = "a very long text that has to be cut somewhere, ".repeat(10);
    report.source.target = long.clone();
    report.source.service = Some(long.clone());
    report.notes.push(report.notes[0].clone());
    if let Some(score) = &mut report.score {
        for points in &mut score.sections {
            points.band = "high risk to significant technical debt (10 unknown)".into();
        }
    }
    for item in &mut report.items {
        item.title.clone_from(&long);
        item.because.clone_from(&long);
        item.contradiction = true;
    }
    for finding in &mut report.findings {
        finding.message.clone_from(&long);
        finding.hint = Some(Hint { text: long.clone(), sql: Some(long.clone()), lock: None });
    }
    for number in 0..30 {
        let mut rule = report.rules[0].clone();
        rule.outcome = Outcome::Skipped;
        rule.reason = Some(pgassay::outcome::Missing::new("x", Reason::Failed, format!("{number} {long}")));
        report.rules.push(rule);
    }
    report
}

#[test]
fn no_colour_means_no_escape_and_colour_changes_nothing_else() {
    for (report, width, verbose) in [(sample(), 100, 0), (logs(), 100, 0), (logs(), 80, 0), (logs(), 100, 1)] {
        let plain = render(by_name("terminal"), &report, &Options { verbose, ..at(width) });
        assert!(!plain.contains('\x1b'));
        let coloured = render(by_name("terminal"), &report, &Options { colour: true, verbose, ..at(width) });
        assert!(coloured.contains("\x1b[1;31m"));
        assert_eq!(without_sgr(&coloured), plain);
    }
}

#[test]
fn json_loads_again_as_the_same_report() {
    for report in [sample(), empty(), crowded(), logs(), empty_logs(), slow_logs()] {
        let json = render(by_name("json"), &report, &Options::default());
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }
}

#[test]
fn json_is_valid_against_the_published_schema() {
    let validator = validator();
    for report in [
        sample(),
        empty(),
        crowded(),
        worst_summary(),
        unfinished(),
        logs(),
        empty_logs(),
        slow_logs(),
        unfinished_logs(),
    ] {
        let json: serde_json::Value =
            serde_json::from_str(&render(by_name("json"), &report, &Options::default())).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
    }
}

/// A report with numbers that JSON cannot carry.
fn unfinished() -> Report {
    let mut report = sample();
    for value in [f64::NAN, f64::INFINITY] {
        report.findings[0].detail.push(Measure { name: "x".into(), value: Value::Number(value), unit: Unit::Rows });
    }
    report.window.as_mut().unwrap().seconds = Some(f64::NEG_INFINITY);
    let Body::Audit { queries } = &mut report.body else { panic!("no audit") };
    queries[0].mean_ms = f64::NAN;
    queries[0].p99_ms = Some(f64::INFINITY);
    report
}

fn unfinished_logs() -> Report {
    let mut report = logs();
    for measure in report.findings.iter_mut().flat_map(|finding| &mut finding.detail) {
        if let Value::Number(number) = &mut measure.value {
            *number = f64::INFINITY;
        }
    }
    report.window.as_mut().unwrap().seconds = Some(f64::NAN);
    let Body::Logs { queries, requests, coverage } = &mut report.body else { panic!("no logs") };
    (queries[0].mean_ms, queries[0].total_ms, queries[0].p99_ms) = (f64::NAN, f64::INFINITY, Some(f64::INFINITY));
    queries[1].p99_high_ms = Some(f64::INFINITY);
    requests[0].wall_p95_ms = Some(f64::INFINITY);
    coverage.threshold_ms = Some(f64::INFINITY);
    report
}

#[test]
fn no_format_ever_prints_a_number_that_is_none() {
    let verbose = Options { verbose: 1, ..Options::default() };
    for renderer in render::ALL {
        for report in [unfinished(), unfinished_logs()] {
            let text = render(renderer, &report, &verbose);
            for word in ["NaN", "inf ", "inf\n", "infinity"] {
                assert!(!text.contains(word), "{} prints {word}", renderer.name);
            }
        }
    }
}

fn schema() -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.schema.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::new(&schema()).unwrap()
}

/// The schema is closed: what this version does not write is refused.
#[test]
fn the_schema_refuses_what_is_not_in_it() {
    let validator = validator();
    let good = serde_json::to_value(sample()).unwrap();
    type Breakage = (&'static str, fn(&mut serde_json::Value));
    let breakages: [Breakage; 9] = [
        ("an unknown state", |report| report["items"][0]["state"] = "skipped".into()),
        ("an unknown severity", |report| report["findings"][0]["severity"] = "critical".into()),
        ("an unknown unit", |report| report["findings"][0]["detail"][0]["unit"] = "parsecs".into()),
        ("an unknown field of a finding", |report| report["findings"][0]["oid"] = 16384.into()),
        ("an unknown field of a suppressed finding", |report| report["suppressed"][0]["oid"] = 1.into()),
        ("an unknown field of the report", |report| report["password"] = "x".into()),
        ("a missing key", |report| {
            report["findings"][0].as_object_mut().unwrap().remove("key");
        }),
        ("a ratio above one", |report| report["score"]["total"]["strict"] = 1.5.into()),
        ("a time without a zone", |report| report["generated_at"] = "2026-11-22 05:43:00".into()),
    ];
    let good_logs = serde_json::to_value(logs()).unwrap();
    let breakages_of_logs: [Breakage; 7] = [
        ("logs without coverage", |report| {
            report.as_object_mut().unwrap().remove("coverage");
        }),
        ("an audit with requests", |report| report["kind"] = "audit".into()),
        ("an unknown field of requests", |report| report["requests"][0]["user"] = "x".into()),
        ("an unknown field of the coverage", |report| report["coverage"]["values"] = 1.into()),
        ("more than all understood", |report| report["coverage"]["share"] = 1.5.into()),
        ("a line before the first", |report| report["coverage"]["unread"][0]["line"] = 0.into()),
        ("a fingerprint that is none", |report| report["requests"][1]["fingerprint"] = "others".into()),
    ];
    for (what, breakage) in breakages_of_logs {
        let mut bad = good_logs.clone();
        breakage(&mut bad);
        assert_ne!(bad, good_logs);
        assert!(!validator.is_valid(&bad), "the schema allows {what}");
    }
    for (what, breakage) in breakages {
        let mut bad = good.clone();
        breakage(&mut bad);
        assert_ne!(bad, good);
        assert!(!validator.is_valid(&bad), "the schema allows {what}");
    }
}

/// The closed lists of the schema are the words of the program.
#[test]
fn the_schema_has_the_words_of_the_program() {
    let schema = schema();
    let listed = |name: &str| -> Vec<String> {
        let words = schema["$defs"][name]["enum"].as_array().unwrap_or_else(|| panic!("no list {name}"));
        words.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    fn words<T: ToString>(all: &[T]) -> Vec<String> {
        all.iter().map(ToString::to_string).collect()
    }
    assert_eq!(listed("state"), words(State::ALL));
    assert_eq!(listed("severity"), words(Severity::ALL));
    assert_eq!(listed("evidence"), words(Evidence::ALL));
    assert_eq!(listed("unit"), words(Unit::ALL));
    assert_eq!(listed("outcome"), words(Outcome::ALL));
    assert_eq!(listed("reason"), words(Reason::ALL));
    assert_eq!(listed("kind"), words(Kind::ALL));
    assert_eq!(listed("subject_kind"), words(SubjectKind::ALL));
}

/// The template of the checklist: nine sections, the total of 71, never 0 or a blank where nothing is known.
#[test]
fn the_scorecard_is_the_template() {
    let report = sample();
    for (report, known) in [(report, true), (empty(), false)] {
        let text = render(by_name("scorecard"), &report, &Options::default());
        let row = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}"));
        for (name, max) in [
            ("1. API Performance", 6),
            ("2. Database", 8),
            ("3. Caching", 8),
            ("4. Connection Management", 10),
            ("5. Observability", 8),
            ("6. Security", 10),
            ("7. Reliability", 8),
            ("8. Scalability", 8),
            ("9. Development Practices", 5),
            ("TOTAL", 71),
        ] {
            let cells: Vec<&str> = row(name)[name.len()..].split_whitespace().collect();
            assert_eq!(cells[1], max.to_string(), "{name}");
            assert!(cells.len() >= 3, "{name} has a blank");
            let nothing_known = !known || !["2", "3", "4", "T"].contains(&&name[..1]);
            assert_eq!(cells[0] == "?" && cells[2] == "?", nothing_known, "{}", row(name));
        }
        assert!(text.contains("Team: ?") && text.contains("Reviewer: ?") && text.contains("Date: 2026-11-22"));
        assert!(text.contains("Top 3 action items:\n1. "));
    }
}

/// A comment on GitHub holds 65,536 characters; what does not fit is counted, not dropped.
#[test]
fn markdown_of_many_findings_fits_into_a_comment() {
    let text = render(by_name("markdown"), &crowded(), &Options::default());
    assert!(text.chars().count() < 65_536, "{}", text.chars().count());
    assert!(text.contains("Counted only"));
    let all = render(by_name("markdown"), &crowded(), &Options { verbose: 1, ..Options::default() });
    assert_eq!(all.matches("<details><summary><b>high</b>").count(), 500);
    let terminal = render(by_name("terminal"), &crowded(), &at(100));
    assert_eq!(terminal.lines().filter(|line| line.starts_with("high    foreign-key-without-index")).count(), 500);
}

/// A reader that goes away is reported as what it is.
#[test]
fn a_broken_pipe_is_passed_on() {
    struct Gone;
    impl io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for renderer in render::ALL {
        for report in [sample(), logs()] {
            let error = (renderer.render)(&report, &Options::default(), &mut Gone).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{}", renderer.name);
        }
    }
}

fn without_sgr(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        let end = after.find(|c: char| !(c.is_ascii_digit() || c == ';')).unwrap_or(after.len());
        assert!(after[end..].starts_with('m'), "an escape that is no colour");
        rest = &after[end + 1..];
    }
    plain.push_str(rest);
    plain
}

/// The sample of an audit with every name, sentence and statement replaced.
fn with_text(text: &str) -> Report {
    replaced(sample(), text)
}

/// The sample of logs, likewise.
fn logs_with_text(text: &str) -> Report {
    replaced(logs(), text)
}

/// A report with every name, sentence and statement replaced.
fn replaced(mut report: Report, text: &str) -> Report {
    let own = || text.to_owned();
    report.source.target = own();
    report.source.server_version = Some(own());
    report.source.role = Some(own());
    report.source.databases = vec![own(), own()];
    report.notes.iter_mut().for_each(|note| note.text = own());
    for item in &mut report.items {
        item.title = own();
        item.threshold = own();
        item.because = own();
        item.id = format!("{}{text}", item.section);
    }
    let replace = |finding: &mut Finding| {
        let subject = &mut finding.subject;
        for name in [&mut subject.database, &mut subject.schema, &mut subject.relation, &mut subject.query] {
            *name = Some(own());
        }
        subject.name = Some(own());
        finding.message = own();
        finding.verification = Some(own());
        for measure in &mut finding.detail {
            match &mut measure.value {
                Value::Text(word) => *word = own(),
                Value::List(words) => *words = vec![own(), own()],
                _ => {}
            }
        }
        finding.detail.push(Measure { name: own().into(), value: Value::List(vec![own()]), unit: Unit::Text });
        let lock = finding.hint.as_ref().and_then(|hint| hint.lock.clone());
        finding.hint = Some(Hint { text: own(), sql: Some(format!("select \"{text}\"; -- {text}")), lock });
    };
    report.findings.iter_mut().for_each(replace);
    for suppressed in &mut report.suppressed {
        replace(&mut suppressed.finding);
        suppressed.reason = own();
        suppressed.expires = Some(own());
    }
    for rule in &mut report.rules {
        rule.database = Some(own());
        for group in &mut rule.unjudged {
            group.because = own();
            group.unlock_sql = Some(own());
            group.examples = vec![own()];
        }
        if let Some(missing) = &mut rule.reason {
            missing.because = own();
            missing.unlock = Some(own());
        }
    }
    let queries = match &mut report.body {
        Body::Audit { queries } => queries,
        Body::Logs { queries, requests, coverage } => {
            for request in requests {
                request.database = own();
                request.route = request.route.as_ref().map(|_| own());
                request.query = request.query.as_ref().map(|_| own());
            }
            for log in &mut coverage.logs {
                (log.path, log.format) = (own(), own());
                (log.prefix, log.trouble) = (Some(own()), Some(own()));
            }
            for line in &mut coverage.unread {
                (line.path, line.text) = (own(), own());
            }
            coverage.failures = [(own(), 3)].into();
            coverage.other_programs = [(own(), 4)].into();
            queries
        }
        Body::Review { .. } | Body::Pool { .. } => return report,
    };
    for query in queries {
        query.query = own();
        query.database = own();
    }
    if let Some(score) = &mut report.score {
        for points in score.sections.iter_mut().chain([&mut score.total]) {
            points.title = own();
            points.band = own();
        }
    }
    report
}

/// The same with everything in files of that name.
fn in_files(text: &str) -> Report {
    placed(with_text(text), text)
}

fn placed(mut report: Report, text: &str) -> Report {
    let accepted = report.suppressed.iter_mut().map(|accepted| &mut accepted.finding);
    for (number, finding) in report.findings.iter_mut().chain(accepted).enumerate() {
        // numbers as only another program would write them
        let [line, column, end_line, end_column] = [0, 1, 2, 3].map(|part| (number as u32 >> part) % 2 * 7);
        finding.location = Some(Location { file: text.to_owned(), line, column, end_line, end_column, source: None });
        finding.key = format!("{number}:{text}");
    }
    report
}

/// A sample with that text everywhere, and in files of that name where it says so.
fn any_with_text(text: &str, files: bool, of_logs: bool) -> Report {
    let report = if of_logs { logs_with_text(text) } else { with_text(text) };
    if files { placed(report, text) } else { report }
}

/// The schema of SARIF 2.1.0 is OASIS's, © OASIS Open (its address is its `$id`); the file is that of the crate serde-sarif
/// 0.8.0 (MIT), `src/schema.json`, byte for byte.
pub(crate) fn sarif_validator() -> jsonschema::Validator {
    let mut schema: serde_json::Value =
        serde_json::from_str(include_str!("../render/sarif-schema-2.1.0.json")).unwrap();
    // the pattern of a language has a bracket too many, which a strict reader of patterns refuses; no language is written
    for element in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][element]["properties"]["language"];
        language.as_object_mut().unwrap().remove("pattern").unwrap();
    }
    let options = jsonschema::options().with_draft(jsonschema::Draft::Draft7).should_validate_formats(true);
    options.build(&schema).unwrap()
}

fn sarif(report: &Report) -> serde_json::Value {
    serde_json::from_str(&render(by_name("sarif"), report, &Options::default())).unwrap()
}

#[test]
fn sarif_is_valid_against_its_schema() {
    let validator = sarif_validator();
    let mut broken = sarif(&sample());
    assert!(validator.is_valid(&broken));
    broken["runs"][0]["results"][0]["level"] = "medium".into();
    assert!(!validator.is_valid(&broken), "the schema allows anything");
    let hostile = in_files("\u{1b}[2J\n\r\t\0\u{202e} a/../b:c?d#e%41 {0} [x](y) é🐘\\\"</b>");
    let hostile_logs = placed(logs_with_text("{0}\u{1b}\n a:b"), "{0}\u{1b}\n a:b");
    let of_logs = [logs(), empty_logs(), slow_logs(), unfinished_logs(), hostile_logs];
    let of_audits = [sample(), empty(), crowded(), worst_summary(), unfinished(), located(), hostile];
    for report in of_audits.into_iter().chain(of_logs) {
        let json = sarif(&report);
        let errors: Vec<String> =
            validator.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
    }
}

/// What the schema does not ask for and code scanning does.
#[test]
fn sarif_refers_to_its_rules_and_keeps_the_keys() {
    let report = located();
    let json = sarif(&report);
    let run = &json["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), report.findings.len() + report.suppressed.len());
    for result in results {
        let number = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[number]["id"], result["ruleId"]);
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        assert_eq!(result["locations"].as_array().unwrap().len(), 1);
        let accepted = !result["suppressions"].as_array().unwrap().is_empty();
        let key = result["partialFingerprints"]["pgassayKey/v1"].as_str().unwrap();
        assert_eq!(accepted, report.suppressed.iter().any(|accepted| accepted.finding.key == key), "{key}");
        // a producer writes no HTML
        assert!(!result["message"]["markdown"].as_str().unwrap().contains("<code>"));
    }
    for rule in rules {
        let id = rule["id"].as_str().unwrap();
        assert!(rule["help"]["markdown"].as_str().unwrap().contains("## What to do"), "{id}");
        assert!(rule["fullDescription"]["text"].as_str().unwrap().chars().count() <= 1024, "{id}: it is cut there");
    }
    let place = serde_json::json!({
        "artifactLocation": { "uri": "migrations/0007%20add%3A%20lines.sql", "uriBaseId": "%SRCROOT%" },
        "region": { "startLine": 3, "startColumn": 1, "endLine": 3, "endColumn": 48 }
    });
    assert_eq!(results[0]["locations"][0]["physicalLocation"], place);
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let in_files = results.iter().filter(|result| result["locations"][0]["physicalLocation"].is_object()).count();
    assert_eq!(in_files, 4);
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert_eq!(sarif(&empty())["runs"][0]["invocations"][0]["executionSuccessful"], true);
}

/// The tags of an XML document with their attributes, opened and closed; panics on what is not well-formed.
fn elements(xml: &str) -> Vec<(String, Vec<(String, String)>)> {
    let text = |text: &str| {
        assert!(!text.contains(['<', '>']) && text.chars().all(|c| c >= ' ' || c == '\n'), "{text:?}");
        for reference in text.split('&').skip(1) {
            let name = reference.split_once(';').unwrap_or_else(|| panic!("an & in {text:?}")).0;
            assert!(["amp", "lt", "gt", "quot"].contains(&name), "&{name};");
        }
    };
    let mut rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
    let (mut found, mut open) = (Vec::new(), Vec::new());
    while let Some((before, after)) = rest.split_once('<') {
        text(before);
        let (tag, after) = after.split_once('>').unwrap();
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, mut left) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut attributes: Vec<(String, String)> = Vec::new();
        while !left.is_empty() {
            let (attribute, after) = left.split_once("=\"").unwrap();
            let (value, after) = after.split_once('"').unwrap();
            assert!(attribute.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{attribute:?}");
            assert!(!value.contains('\n'));
            text(value);
            assert!(attributes.iter().all(|(name, _)| name != attribute), "{attribute} twice");
            attributes.push((attribute.to_owned(), value.to_owned()));
            left = after.trim_start();
        }
        found.push((name.to_owned(), attributes));
        if !closed {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty() && rest == "\n", "{open:?} {rest:?}");
    found
}

#[test]
fn junit_is_well_formed_and_counts_what_it_holds() {
    let hostile = "]]><a b=\"c\"> &amp; \u{ffff}\0";
    let of_audits = [sample(), empty(), crowded(), worst_summary(), located(), in_files(hostile)];
    for report in of_audits.into_iter().chain([logs(), empty_logs(), slow_logs(), logs_with_text(hostile)]) {
        let xml = render(by_name("junit"), &report, &Options::default());
        let elements = elements(&xml);
        let count = |name: &str| elements.iter().filter(|(element, _)| element == name).count().to_string();
        let attribute = |element: &str, name: &str| {
            let (_, attributes) = elements.iter().find(|(found, _)| found == element).unwrap();
            attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone()).unwrap()
        };
        for suite in ["testsuites", "testsuite"] {
            for (name, element) in
                [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
            {
                assert_eq!(attribute(suite, name), count(element), "{name}");
            }
        }
        let failures = report.findings.iter().filter(|finding| !is_suspected(finding)).count();
        assert_eq!(count("failure"), failures.to_string());
        assert_ne!(count("testcase"), "0");
    }
    let tests = elements(&render(by_name("junit"), &located(), &Options::default()));
    let names: Vec<&Vec<(String, String)>> =
        tests.iter().filter(|(name, _)| name == "testcase").map(|(_, attributes)| attributes).collect();
    assert_eq!(
        names.len(),
        names.iter().map(|test| &test[..2]).collect::<BTreeSet<_>>().len(),
        "a test is named twice"
    );
}

/// A list of findings that is empty says that all is well: a read that failed is in every format.
#[test]
fn a_failed_read_is_no_success_anywhere() {
    let mut report = located();
    report.findings.clear();
    let because = "canceling statement due to statement timeout";
    for renderer in render::ALL.iter().filter(|renderer| renderer.name != "scorecard") {
        assert!(render(renderer, &report, &Options::default()).contains(because), "{}", renderer.name);
    }
    let xml = render(by_name("junit"), &report, &Options::default());
    assert_eq!(elements(&xml).iter().filter(|(name, _)| name == "error").count(), 3);
}

#[test]
fn gitlab_has_a_file_a_line_and_a_fingerprint_of_each() {
    for report in [sample(), empty(), crowded(), located(), in_files("\u{1b}\n\""), logs(), empty_logs()] {
        let json = render(by_name("gitlab"), &report, &Options::default());
        let issues: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
        assert!(issues.len() >= report.findings.len());
        let fingerprints: BTreeSet<&str> = issues.iter().map(|issue| issue["fingerprint"].as_str().unwrap()).collect();
        assert_eq!(fingerprints.len(), issues.len());
        for issue in &issues {
            assert!(["info", "minor", "major", "critical"].contains(&issue["severity"].as_str().unwrap()));
            assert!(issue["location"]["lines"]["begin"].as_u64().unwrap() >= 1);
            let path = issue["location"]["path"].as_str().unwrap();
            assert!(!path.is_empty() && !path.starts_with("./"), "{path}");
            assert!(!issue["description"].as_str().unwrap().is_empty() && !issue["check_name"].is_null());
        }
    }
}

/// A line of Markdown without its code spans, which hold no backtick here, and without the marks of entities.
fn outside_code(line: &str) -> String {
    line.replace("\\`", "").replace("&#", "").split('`').step_by(2).collect()
}

/// Text as an attacker or an accident would have it.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\x1b[2J"),
        Just("\x1b]0;title\x07"),
        Just("\u{9b}2J"),
        Just("\n"),
        Just("\r"),
        Just("\t"),
        Just("\0"),
        Just("\u{202e}"),
        Just("\u{2066}"),
        Just("\u{200d}"),
        Just("\u{fe0f}"),
        Just("\u{feff}"),
        Just("\u{2028}"),
        Just("👩‍👩‍👧"),
        Just("🇵🇱"),
        Just("表"),
        Just("a\u{301}"),
        Just("لا"),
        Just("|"),
        Just("\\|"),
        Just("`"),
        Just("```"),
        Just("</details>"),
        Just("<!--"),
        Just("@team"),
        Just("#1"),
        Just("::set-output name=x::y"),
        Just("::stop-commands::x"),
        Just("##[error]"),
        Just("%0A"),
        Just("%"),
        Just("::"),
        Just(","),
        Just("&"),
        Just("]]>"),
        Just("{0}"),
        Just("[x](y)"),
        Just("\u{ffff}"),
        Just("--"),
        Just("/*"),
        Just("$$"),
        Just("'"),
        Just("\""),
        Just(" "),
        Just("a_long_name_that_goes_on_and_on_to_the_sixty_third_byte_of_it"),
    ];
    prop_oneof![
        any::<String>(),
        prop::collection::vec(piece.prop_map(str::to_owned), 0..8).prop_map(|pieces| pieces.concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_terminal_is_never_escaped_to_nor_overrun(
        text in hostile(), width in 20usize..160, colour: bool, verbose in 0u8..2, of_logs: bool,
    ) {
        let options = Options { colour, verbose, ..at(width) };
        let report = any_with_text(&text, false, of_logs);
        let rendered = render(by_name("terminal"), &report, &options);
        let plain = without_sgr(&rendered);
        prop_assert!(!plain.chars().any(|c| c.is_control() && c != '\n'));
        for line in plain.lines() {
            prop_assert!(line.width() <= width.max(40), "{} > {width}: {line:?}", line.width());
        }
    }

    #[test]
    fn the_scorecard_keeps_its_width(text in hostile(), width in 40usize..160, of_logs: bool) {
        let report = any_with_text(&text, false, of_logs);
        let rendered = render(by_name("scorecard"), &report, &at(width));
        for line in rendered.lines() {
            prop_assert!(!line.chars().any(char::is_control));
            prop_assert!(line.width() <= width, "{} > {width}: {line:?}", line.width());
        }
    }

    /// The runner takes a line that begins with `::` for a command; every line is one of ours, whole.
    #[test]
    fn github_lines_are_commands_of_ours(text in hostile(), files: bool, of_logs: bool) {
        let report = any_with_text(&text, files, of_logs);
        let rendered = render(by_name("github"), &report, &Options::default());
        prop_assert!(!rendered.chars().any(|c| c.is_control() && c != '\n'));
        prop_assert!(rendered.lines().count() > report.findings.len());
        for line in rendered.lines() {
            let command = ["::error ", "::warning ", "::notice "].iter().find_map(|ours| line.strip_prefix(ours));
            prop_assert!(command.is_some(), "{}", line);
            let (properties, data) = command.unwrap().split_once("::").unwrap();
            prop_assert!(!data.is_empty());
            for property in properties.split(',') {
                let name = property.split_once('=').unwrap().0;
                prop_assert!(["file", "line", "endLine", "col", "title"].contains(&name), "{}", property);
            }
        }
    }

    #[test]
    fn junit_and_json_hold_any_text(text in hostile(), files: bool, of_logs: bool) {
        let report = any_with_text(&text, files, of_logs);
        elements(&render(by_name("junit"), &report, &Options::default()));
        for name in ["sarif", "gitlab", "json"] {
            let json = render(by_name(name), &report, &Options::default());
            let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            prop_assert!(!json.chars().any(acts), "{}", name);
            let _: serde_json::Value = serde_json::from_str(&json).unwrap();
        }
        let json = sarif(&report);
        for result in json["runs"][0]["results"].as_array().unwrap() {
            for form in ["text", "markdown"] {
                let plain = result["message"][form].as_str().unwrap().replace("{{", "").replace("}}", "");
                prop_assert!(!plain.contains(['{', '}']), "{}", plain);
            }
            prop_assert!(!result["message"]["text"].as_str().unwrap().contains("]("));
        }
    }

    #[test]
    fn markdown_tables_keep_their_columns(text in hostile(), verbose in 0u8..2, of_logs: bool) {
        let options = Options { verbose, ..Options::default() };
        let rendered = render(by_name("markdown"), &any_with_text(&text, false, of_logs), &options);
        prop_assert!(!rendered.chars().any(|c| c.is_control() && c != '\n'));
        let mut columns = None;
        let mut fence: Option<String> = None;
        let mut folds = 0i32;
        for line in rendered.lines() {
            let ticks: String = line.trim_start().chars().take_while(|c| *c == '`').collect();
            match &fence {
                Some(open) => {
                    if ticks.len() >= open.len() && line.trim() == ticks {
                        fence = None;
                    }
                    continue;
                }
                None if ticks.len() >= 3 => {
                    fence = Some(ticks);
                    continue;
                }
                None => {}
            }
            let bare = outside_code(line);
            folds += i32::from(bare.contains("<details>")) - i32::from(bare.contains("</details>"));
            prop_assert!((0..=1).contains(&folds), "{}", line);
            prop_assert!(!bare.contains("<!--") && !bare.contains("@team") && !bare.contains("#1"), "{}", line);
            if line.starts_with('|') {
                let pipes = line.matches('|').count();
                prop_assert_eq!(*columns.get_or_insert(pipes), pipes, "{}", line);
            } else {
                prop_assert!(!line.contains('|'), "{}", line);
                columns = None;
            }
        }
        prop_assert!(fence.is_none());
        prop_assert_eq!(folds, 0);
    }

    #[test]
    fn json_survives_any_text(text in hostile(), of_logs: bool) {
        let report = any_with_text(&text, false, of_logs);
        let json = render(by_name("json"), &report, &Options::default());
        let acts = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{2066}' | '\u{feff}');
        prop_assert!(!json.contains(acts));
        prop_assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }
}
