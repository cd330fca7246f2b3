//! The README: what is generated is current, what is a sample is accepted by the program, what it names is there.
//!
//! `PGASSAY_UPDATE_README=1 cargo test --test integration readme` makes the generated parts anew, from the registries and from
//! a run of the demo.

use crate::harness::{majors, pgassay, pgassay_command};
use crate::shape::{read, root};
use pgassay::render;
use std::fs;
use unicode_width::UnicodeWidthStr;

/// What stands between two marks, with where it begins and ends.
fn between<'t>(text: &'t str, begin: &str, end: &str) -> (usize, usize, &'t str) {
    let from = text.find(begin).unwrap_or_else(|| panic!("README.md has no {begin}")) + begin.len();
    let to = from + text[from..].find(end).unwrap_or_else(|| panic!("README.md has no {end}"));
    (from, to, &text[from..to])
}

fn generated<'t>(text: &'t str, name: &str) -> (usize, usize, &'t str) {
    between(text, &format!("<!-- {name}: generated -->\n"), &format!("<!-- /{name} -->"))
}

fn replace(text: &mut String, name: &str, content: &str) {
    let (from, to, _) = generated(text, name);
    text.replace_range(from..to, content);
}

fn sample(text: &str, name: &str) -> String {
    let (_, _, block) = between(text, &format!("<!-- sample: {name} -->\n"), "<!-- /sample -->");
    block.trim().strip_prefix("```toml\n").and_then(|block| block.strip_suffix("```")).unwrap().to_owned()
}

fn rules() -> String {
    pgassay(&["list", "--markdown"]).stdout
}

/// What the README shows of a run of the demo.
struct Demo {
    summary: String,
    foreign_key: String,
    n_plus_one: String,
}

/// The summary of the demo, its finding about a foreign key, and the one that its log shows: cut at whole lines, changed nowhere but in the directory of
/// the throw-away server, which is another one every time.
fn demo() -> Demo {
    let major = majors().iter().max().unwrap().to_string();
    let output = pgassay(&["demo", "--pg-version", &major]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let text = output.stdout;
    let directory = text.split_once("pgassay audit · ").unwrap().1.split_once(":5432/").unwrap().0.to_owned();
    let text = text.replace(&directory, "/tmp/pgassay-demo");
    let details = ["\nNotes\n", "\nFindings "].iter().filter_map(|head| text.find(head)).min().unwrap();
    let summary = &text[..details];
    let block = |content: &str| format!("```text\n{}\n```\n", content.trim());
    let finding =
        |of: &str| block(text.split("\n\n").find(|found| found.contains(of)).unwrap_or_else(|| panic!("{of}")));
    Demo {
        summary: block(summary),
        foreign_key: finding("  foreign-key-without-index · "),
        n_plus_one: finding("  n-plus-one · "),
    }
}

/// What the README shows of a review: all of it, as somebody in the folder sees it.
fn review() -> String {
    let folder = root().join("tests/migrations/readme");
    let output = pgassay_command(&["review", "migrations"], &[]).current_dir(folder).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let shown: Vec<&str> = text.lines().take_while(|line| *line != "Notes").collect();
    format!("```text\n{}\n```\n", shown.join("\n").trim())
}

#[test]
fn the_readme_is_current() {
    let mut text = read("README.md");
    if std::env::var_os("PGASSAY_UPDATE_README").is_some() {
        let demo = demo();
        replace(&mut text, "rules", &rules());
        replace(&mut text, "review", &review());
        replace(&mut text, "demo", &demo.summary);
        replace(&mut text, "finding", &demo.foreign_key);
        replace(&mut text, "n-plus-one", &demo.n_plus_one);
        fs::write(root().join("README.md"), &text).unwrap();
    }
    let again = "run PGASSAY_UPDATE_README=1 cargo test --test integration readme";
    assert!(generated(&text, "rules").2 == rules(), "README.md: the table of rules is not current: {again}");
    assert!(generated(&text, "review").2 == review(), "README.md: the review is not current: {again}");
    let (_, _, summary) = generated(&text, "demo");
    let (_, _, finding) = generated(&text, "finding");
    assert!((8..=17).contains(&finding.lines().count()), "README.md: the finding: {again}\n{finding}");
    let (_, _, repeated) = generated(&text, "n-plus-one");
    for words in ["n-plus-one · ", "times 15 a request", " in 120 of 120 requests", "after select", "= ANY("] {
        assert!(repeated.contains(words), "README.md: the N+1 has no {words}: {again}\n{repeated}");
    }
    assert!(summary.lines().count() <= 42 && summary.contains("pgassay audit · "), "README.md: the demo: {again}");
    for id in pgassay::checklist::items().filter(|item| ["2", "4"].contains(&item.section())).map(|item| item.id) {
        assert!(summary.contains(&format!(" {id} ")), "README.md: the demo has no item {id}: {again}");
    }
    for line in summary.lines().chain(finding.lines()).chain(repeated.lines()) {
        assert!(line.width() <= 100, "README.md: {line}");
    }
}

#[test]
fn samples_of_the_readme_are_accepted() {
    let text = read("README.md");
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("readme-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join("pgassay.toml");
    fs::write(&path, sample(&text, "pgassay.toml")).unwrap();
    let checked = pgassay(&["config", "check", "--config", path.to_str().unwrap()]);
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""), "pgassay.toml of README.md");
    let items = pgassay::checklist::ids();
    let at = pgassay::time::Timestamp::parse("2026-11-22T00:00:00Z").unwrap();
    let said =
        pgassay::attest::Attestations::parse("README.md", &sample(&text, "attestations.toml"), &items, at, &|path| {
            Err(format!("{path} is not there"))
        });
    let said = said.unwrap_or_else(|problems| panic!("attestations of README.md: {problems}"));
    assert!(matches!(said.word("4.3", "", &[]), pgassay::attest::Word::Counts(_)));
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn what_the_readme_names_is_there() {
    let text = read("README.md");
    for renderer in render::ALL {
        assert!(text.contains(&format!("| `{}` |", renderer.name)), "README.md: the format {}", renderer.name);
    }
    for code in ["0", "1", "2", "3", "4", "130"] {
        assert!(text.contains(&format!("\n| {code} | ")), "README.md: exit code {code}");
    }
    let tests = ["shape", "cli"].map(|name| read(format!("tests/integration/{name}.rs"))).concat();
    for name in text.split('`').filter(|word| word.matches('_').count() > 3 && !word.contains([' ', '/', '.'])) {
        assert!(tests.contains(&format!("fn {name}()")), "README.md names the test {name}");
    }
    for flag in text.split([' ', '`', '\n', '(', ')']).filter(|word| word.starts_with("--") && word.len() > 3) {
        // what a sample cuts short is the beginning of one
        let flag = flag.trim_end_matches([',', '.', ';', ':', '…']);
        let known = ["audit", "logs", "review", "pool", "list", "snapshot"]
            .iter()
            .any(|verb| pgassay(&[verb, "--help"]).stdout.contains(flag));
        let others = ["--locked", "--path", "--test", "--schema-only", "--sql"];
        assert!(known || others.contains(&flag) || flag.starts_with("-->"), "README.md names {flag}");
    }
    for path in ["docs/report.schema.json", "docker/Dockerfile", "LICENSE", "src/checks/duplicate_index.rs", "Makefile"]
    {
        assert!(root().join(path).exists(), "README.md names {path}");
    }
    let makefile = read("Makefile");
    for target in ["deps", "demo", "test", "matrix", "lint"] {
        assert!(makefile.contains(&format!("\n{target}:")), "README.md names make {target}");
    }
}
