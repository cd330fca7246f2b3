//! `tests/logs/<rule>/{bad,good}.log`: what each detector finds, and what only looks like it. `tests/logs/fixtures.md`
//! says how they are written.

use super::{findings, measure, report};
use pgassay::logs::detectors;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders of `tests/logs` that belong to no rule.
const OTHER: [&str; 2] = ["apps", "compressed"];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs")
}

/// What an `.expect` file says.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    options: Vec<String>,
    /// Severity and name of each finding.
    findings: Vec<(String, String)>,
}

impl Expected {
    fn parse(rule: &str, text: &str) -> Result<Self, String> {
        let mut lines = text.lines().peekable();
        let options = lines.next_if(|line| line.starts_with("options: "));
        let options = options.map(|line| line["options: ".len()..].split(' ').map(str::to_owned).collect());
        let lines: Vec<&str> = lines.collect();
        let finding = |line: &&str| {
            let mut words = line.splitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some(first), Some(severity @ ("info" | "low" | "medium" | "high")), Some(name))
                    if first == rule && !name.is_empty() =>
                {
                    Ok((severity.to_owned(), name.to_owned()))
                }
                _ => Err(format!("\"{line}\" is no finding of {rule}")),
            }
        };
        let findings = match lines.as_slice() {
            ["nothing"] => Vec::new(),
            [] => return Err("it expects neither something nor nothing".to_owned()),
            lines => lines.iter().map(finding).collect::<Result<_, _>>()?,
        };
        Ok(Self { options: options.unwrap_or_default(), findings })
    }

    /// What differs between this and the findings of the rule.
    fn compare(&self, found: &[&Value]) -> Vec<String> {
        let wants_info = self.findings.iter().any(|(severity, _)| severity == "info");
        let found: Vec<&&Value> = found
            .iter()
            .filter(|finding| wants_info || finding["severity"] != "info" && measure(finding, "suspected") != true)
            .collect();
        // a name may be a word of several texts: which is which is searched for
        let fits: Vec<Vec<usize>> = self
            .findings
            .iter()
            .map(|(severity, name)| {
                let fits = |(place, finding): (usize, &&&Value)| {
                    (finding["severity"] == severity.as_str() && is_called(finding, name)).then_some(place)
                };
                found.iter().enumerate().filter_map(fits).collect()
            })
            .collect();
        let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
        let mut faults = Vec::new();
        for (wanted, (severity, name)) in self.findings.iter().enumerate() {
            if !place(wanted, &fits, &mut taken, &mut Vec::new()) {
                faults.push(format!("not found: {severity} {name}"));
            }
        }
        for (place, finding) in found.iter().enumerate().filter(|(place, _)| !taken.contains_key(place)) {
            let (severity, subject) = (&finding["severity"], &finding["subject"]);
            faults.push(format!("found ({place}): {severity} {}: {subject}", finding["message"]));
        }
        faults
    }
}

/// Gives an expected finding one that was found, moving others where that makes room.
fn place(wanted: usize, fits: &[Vec<usize>], taken: &mut BTreeMap<usize, usize>, seen: &mut Vec<usize>) -> bool {
    for place_ in &fits[wanted] {
        if seen.contains(place_) {
            continue;
        }
        seen.push(*place_);
        let is_free = match taken.get(place_).copied() {
            None => true,
            Some(other) => place(other, fits, taken, seen),
        };
        if is_free {
            taken.insert(*place_, wanted);
            return true;
        }
    }
    false
}

/// Whether a finding goes by a name: its subject's, a table of its text, its database, or `server`.
fn is_called(finding: &Value, name: &str) -> bool {
    let subject = &finding["subject"];
    if let Some(own) = subject["name"].as_str() {
        return own == name;
    }
    if let Some(text) = subject["query"].as_str() {
        return text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).any(|word| word == name);
    }
    subject["database"].as_str().unwrap_or("server") == name
}

#[test]
fn every_detector_has_fixtures_or_a_reason() {
    let by_hand = fs::read_to_string(directory().join("by-hand.txt")).unwrap_or_default();
    let reasons: BTreeMap<&str, &str> = by_hand
        .lines()
        .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("by-hand.txt: \"{line}\" has no reason")))
        .collect();
    assert!(by_hand.lines().is_sorted(), "by-hand.txt is sorted");
    let folders: Vec<String> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !OTHER.contains(&name.as_str()))
        .collect();
    let known = |id: &str| detectors::ALL.iter().any(|detector| detector.meta.id == id);
    for id in folders.iter().map(String::as_str).chain(reasons.keys().copied()) {
        assert!(known(id), "{id} is no detector");
    }
    for detector in detectors::ALL {
        let id = detector.meta.id;
        match (folders.iter().any(|folder| folder == id), reasons.get(id)) {
            (true, None) => {
                for name in ["bad.log", "bad.expect", "good.log", "good.expect"] {
                    assert!(directory().join(id).join(name).exists(), "{id} has no {name}");
                }
            }
            (false, Some(reason)) => assert!(reason.len() > 20, "by-hand.txt: \"{reason}\" is no reason"),
            (true, Some(_)) => panic!("{id} has fixtures and a reason not to have any"),
            (false, None) => panic!("{id} has neither fixtures in tests/logs/{id} nor a reason in by-hand.txt"),
        }
    }
}

#[test]
fn each_finds_what_it_should_and_nothing_else() {
    let mut faults = Vec::new();
    for detector in detectors::ALL {
        let id = detector.meta.id;
        for name in ["bad", "good"] {
            let path = directory().join(id).join(name);
            let Ok(text) = fs::read_to_string(path.with_extension("expect")) else { continue };
            let expected = Expected::parse(id, &text).unwrap_or_else(|error| panic!("{id}/{name}.expect: {error}"));
            assert_eq!(expected.findings.is_empty(), name == "good", "{id}: bad is bad and good is good");
            let log = path.with_extension("log");
            let options: Vec<&str> = expected.options.iter().map(String::as_str).collect();
            let report = report(&[log.to_str().unwrap()], &options);
            let own = findings(&report, id);
            faults.extend(expected.compare(&own).into_iter().map(|fault| format!("{id}/{name}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn expectations_are_understood_or_refused() {
    let parsed = |text| Expected::parse("deadlock", text);
    assert_eq!(parsed("nothing\n").unwrap(), Expected::default());
    let two = parsed("options: --pooled --top 3\ndeadlock high a b\n").unwrap();
    assert_eq!(two.options, ["--pooled", "--top", "3"]);
    assert_eq!(two.findings, [("high".to_owned(), "a b".to_owned())]);
    for text in ["", "nothing\nnothing", "slow-query high x", "deadlock worst x", "deadlock high", "deadlock"] {
        assert!(parsed(text).is_err(), "{text}");
    }
    let found = |text: &str| serde_json::json!({"severity": "low", "detail": [], "subject": {"query": text}});
    let (one, other) = (found("select from a join b"), found("select from a"));
    let expected = parsed("deadlock low a\ndeadlock low b\n").unwrap();
    assert_eq!(expected.compare(&[&one, &other]), [""; 0]);
    assert_eq!(expected.compare(&[&other]).len(), 1);
    assert_eq!(expected.compare(&[&one, &other, &other]).len(), 1);
}
