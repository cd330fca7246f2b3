//! Every format against its golden file, its schema, and hostile names. The sample is `tests/render/report.json`, made
//! by hand, which is also what the format json must write. `PGASSAY_UPDATE_GOLDENS=1` rewrites the golden files.

use pgassay::finding::{Finding, Hint, Location, Measure, Subject, SubjectKind, Unit, Value, key};
use pgassay::outcome::{Missing, Outcome, Reason};
use pgassay::render::{self, Options, Renderer};
use pgassay::report::{Body, Kind, Report, State, Unread};
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
        Some(Location { file: file.to_owned(), line, column, end_line, end_column })
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
    }
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
    let report = sample();
    let plain = render(by_name("terminal"), &report, &at(100));
    assert!(!plain.contains('\x1b'));
    let coloured = render(by_name("terminal"), &report, &Options { colour: true, ..at(100) });
    assert!(coloured.contains("\x1b[1;31m"));
    assert_eq!(without_sgr(&coloured), plain);
}

#[test]
fn json_loads_again_as_the_same_report() {
    for report in [sample(), empty(), crowded()] {
        let json = render(by_name("json"), &report, &Options::default());
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }
}

#[test]
fn json_is_valid_against_the_published_schema() {
    let validator = validator();
    for report in [sample(), empty(), crowded(), worst_summary(), unfinished()] {
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
    let Body::Audit { queries } = &mut report.body;
    queries[0].mean_ms = f64::NAN;
    queries[0].p99_ms = Some(f64::INFINITY);
    report
}

#[test]
fn no_format_ever_prints_a_number_that_is_none() {
    let verbose = Options { verbose: 1, ..Options::default() };
    for renderer in render::ALL {
        let text = render(renderer, &unfinished(), &verbose);
        for word in ["NaN", "inf ", "inf\n", "infinity"] {
            assert!(!text.contains(word), "{} prints {word}", renderer.name);
        }
    }
}

fn schema() -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.schema.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn validator() -> jsonschema::Validator {
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
        let error = (renderer.render)(&sample(), &Options::default(), &mut Gone).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{}", renderer.name);
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

/// The sample with every name, sentence and statement replaced.
fn with_text(text: &str) -> Report {
    let mut report = sample();
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
    let Body::Audit { queries } = &mut report.body;
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
    let mut report = with_text(text);
    let accepted = report.suppressed.iter_mut().map(|accepted| &mut accepted.finding);
    for (number, finding) in report.findings.iter_mut().chain(accepted).enumerate() {
        // numbers as only another program would write them
        let [line, column, end_line, end_column] = [0, 1, 2, 3].map(|part| (number as u32 >> part) % 2 * 7);
        finding.location = Some(Location { file: text.to_owned(), line, column, end_line, end_column });
        finding.key = format!("{number}:{text}");
    }
    report
}

/// The schema of SARIF 2.1.0 is OASIS's, © OASIS Open (its address is its `$id`); the file is that of the crate serde-sarif
/// 0.8.0 (MIT), `src/schema.json`, byte for byte.
fn sarif_validator() -> jsonschema::Validator {
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
    for report in [sample(), empty(), crowded(), worst_summary(), unfinished(), located(), hostile] {
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
    for report in
        [sample(), empty(), crowded(), worst_summary(), located(), in_files("]]><a b=\"c\"> &amp; \u{ffff}\0")]
    {
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
        assert_eq!(count("failure"), report.findings.len().to_string());
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
    for report in [sample(), empty(), crowded(), located(), in_files("\u{1b}\n\"")] {
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
    fn the_terminal_is_never_escaped_to_nor_overrun(text in hostile(), width in 20usize..160, colour: bool, verbose in 0u8..2) {
        let options = Options { colour, verbose, ..at(width) };
        let rendered = render(by_name("terminal"), &with_text(&text), &options);
        let plain = without_sgr(&rendered);
        prop_assert!(!plain.chars().any(|c| c.is_control() && c != '\n'));
        for line in plain.lines() {
            prop_assert!(line.width() <= width.max(40), "{} > {width}: {line:?}", line.width());
        }
    }

    #[test]
    fn the_scorecard_keeps_its_width(text in hostile(), width in 40usize..160) {
        let rendered = render(by_name("scorecard"), &with_text(&text), &at(width));
        for line in rendered.lines() {
            prop_assert!(!line.chars().any(char::is_control));
            prop_assert!(line.width() <= width, "{} > {width}: {line:?}", line.width());
        }
    }

    /// The runner takes a line that begins with `::` for a command; every line is one of ours, whole.
    #[test]
    fn github_lines_are_commands_of_ours(text in hostile(), files: bool) {
        let report = if files { in_files(&text) } else { with_text(&text) };
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
    fn junit_and_json_hold_any_text(text in hostile(), files: bool) {
        let report = if files { in_files(&text) } else { with_text(&text) };
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
    fn markdown_tables_keep_their_columns(text in hostile(), verbose in 0u8..2) {
        let options = Options { verbose, ..Options::default() };
        let rendered = render(by_name("markdown"), &with_text(&text), &options);
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
    fn json_survives_any_text(text in hostile()) {
        let report = with_text(&text);
        let json = render(by_name("json"), &report, &Options::default());
        let acts = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{2066}' | '\u{feff}');
        prop_assert!(!json.contains(acts));
        prop_assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }
}
