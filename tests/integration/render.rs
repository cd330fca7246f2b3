//! Every format against its golden file, its schema, and hostile names. The sample is `tests/render/report.json`, made
//! by hand, which is also what the format json must write. `PGASSAY_UPDATE_GOLDENS=1` rewrites the golden files.

use pgassay::finding::{Finding, Hint, Measure, Subject, SubjectKind, Unit, Value, key};
use pgassay::outcome::{Outcome, Reason};
use pgassay::render::{self, Options, Renderer};
use pgassay::report::{Body, Kind, Report, State};
use pgassay::rule::{Evidence, Severity};
use proptest::prelude::*;
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
    for name in ["terminal", "markdown", "scorecard"] {
        let renderer = by_name(name);
        compare(&format!("empty.{name}.{}", renderer.extension), &render(renderer, &empty(), &Options::default()));
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
