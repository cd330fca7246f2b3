use super::*;
use proptest::prelude::*;

const ITEMS: &[&str] = &["2.2", "4.3", "4.10", "002.4"];

fn read(path: &str) -> Result<Vec<u8>, String> {
    if path == "proof.txt" { Ok(b"proof".to_vec()) } else { Err("no such file".to_owned()) }
}

fn parse(text: &str, as_of: &str) -> Result<Attestations, Problems> {
    Attestations::parse("attestations.toml", text, ITEMS, Timestamp::parse(as_of).unwrap(), &read)
}

/// The problems of a good attestation with its lines replaced or added to.
fn problems(changes: &[(&str, &str)]) -> Vec<String> {
    let mut lines = vec![
        ("item", "item = \"4.3\"".to_owned()),
        ("status", "status = \"pass\"".to_owned()),
        ("owner", "owner = \"Ada\"".to_owned()),
        ("reviewer", "reviewer = \"Grace\"".to_owned()),
        ("date", "date = 2026-11-01".to_owned()),
    ];
    for (key, line) in changes {
        match lines.iter_mut().find(|(known, _)| known == key) {
            Some(known) => known.1 = (*line).to_owned(),
            None => lines.push((key, (*line).to_owned())),
        }
    }
    let text: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
    match parse(&format!("[[attest]]\n{text}"), "2026-11-22") {
        Ok(_) => Vec::new(),
        Err(Problems(problems)) => problems.iter().map(Problem::to_string).collect(),
    }
}

use crate::config::Problem;

#[test]
fn a_full_attestation_is_read() {
    let hash = crate::hash::sha256(b"proof");
    let text = format!(
        "[[attest]]\nitem = \"4.3\"\nstatus = \"pass\"\nowner = \" Ada \"\nreviewer = \"Grace\"\ndate = \"2026-11-01\"\n\
         expires = 2027-01-01\nevidence = [{{ path = \"proof.txt\", sha256 = \"{}\" }}, {{ url = \"https://wiki/1\" }}]\n\
         scope = [\"shop*\"]\nnote = \"5 s\"\n",
        hash.to_uppercase()
    );
    let attestations = parse(&text, "2026-11-22").unwrap();
    let Word::Counts(attestation) = attestations.word("4.3", "db:5432/shop", &["shop_eu".to_owned()]) else {
        panic!("{attestations:?}")
    };
    assert_eq!((attestation.owner.as_str(), attestation.line), ("Ada", 2));
    let attested = Attested::from(attestation);
    assert_eq!((attested.date.as_str(), attested.expires.as_str()), ("2026-11-01", "2027-01-01"));
    assert_eq!(attested.evidence, ["proof.txt", "https://wiki/1"]);
    assert_eq!(attestations.word("2.2", "", &[]), Word::None);
}

#[test]
fn every_rule_is_enforced_on_its_line() {
    let at = |line: usize, text: &str| vec![format!("attestations.toml:{line}: {text}")];
    assert_eq!(problems(&[]), Vec::<String>::new());
    assert_eq!(
        problems(&[("item", "item = \"4.33\"")]),
        at(2, "\"4.33\" is not an item of the checklist, did you mean \"4.3\"?")
    );
    assert_eq!(
        problems(&[("status", "status = \"unknown\"")]),
        at(3, "status \"unknown\" has to be pass, fail or not_applicable")
    );
    assert_eq!(
        problems(&[("reviewer", "reviewer = \"ADA \"")]),
        at(5, "the reviewer has to be somebody else than the owner, Ada")
    );
    assert_eq!(
        problems(&[("reviewer", "reviewer = \"\"")]),
        at(5, "\"reviewer\" is empty: somebody has to answer for it")
    );
    assert_eq!(problems(&[("date", "date = \"1.11.2026\"")]), at(6, "[attest] \"date\" is not a date, YYYY-MM-DD"));
    assert_eq!(
        problems(&[("date", "date = 2026-11-01T10:00:00Z")]),
        at(6, "[attest] \"date\" is not a date, YYYY-MM-DD")
    );
    assert_eq!(
        problems(&[("date", "date = 20261101")]),
        at(6, "[attest] \"date\" has to be a date, YYYY-MM-DD, not an integer")
    );
    assert_eq!(problems(&[("owner", "")]), at(2, "[attest] \"owner\" is missing"));
    assert_eq!(
        problems(&[("expires", "expires = 2026-11-01")]),
        at(7, "expires 2026-11-01 has to lie after the date 2026-11-01")
    );
    assert_eq!(
        problems(&[("evidnce", "evidnce = []")]),
        at(7, "[attest] unknown key \"evidnce\", did you mean \"evidence\"?")
    );
    assert_eq!(
        problems(&[("evidence", "evidence = [{ path = \"proof.txt\" }]")]),
        at(7, "the evidence file \"proof.txt\" needs its sha256, as sha256sum prints it")
    );
    assert_eq!(
        problems(&[("evidence", "evidence = [{ path = \"a\", url = \"b\", sha256 = \"12\" }]")]),
        [
            "attestations.toml:7: sha256 has to be 64 hexadecimal digits, as sha256sum prints them",
            "attestations.toml:7: a piece of evidence has either a path or a url",
        ]
    );
    assert_eq!(
        problems(&[("evidence", "evidence = [{ url = \"https://ada:secret@wiki/1\" }]")]),
        at(7, "the url carries a password: leave it out")
    );
    assert_eq!(
        problems(&[("scope", "scope = []")]),
        at(7, "an empty scope speaks of nothing: leave the key out to speak of everything")
    );
    // Several at once, in the order of their lines.
    assert_eq!(problems(&[("item", "item = 43"), ("status", "state = \"pass\"")]).len(), 3);
    let error = parse("[[attest]]\nitem = \"4.3", "2026-11-22").unwrap_err().to_string();
    assert!(error.starts_with("attestations.toml:2: not valid TOML: "), "{error}");
    let error = parse("[attest]\nitem = \"4.3\"", "2026-11-22").unwrap_err().to_string();
    assert_eq!(error, "attestations.toml:1: \"attest\" has to be written [[attest]], not a table");
}

#[test]
fn an_attestation_counts_from_its_date_to_the_end_of_its_last_day() {
    let text =
        "[[attest]]\nitem = \"4.3\"\nstatus = \"pass\"\nowner = \"Ada\"\nreviewer = \"Grace\"\ndate = 2026-11-01\n";
    let counts = |as_of: &str| matches!(parse(text, as_of).unwrap().word("4.3", "", &[]), Word::Counts(_));
    assert!(counts("2026-11-01"));
    assert!(counts("2027-01-30T23:59:59Z"), "90 days by default");
    assert!(!counts("2027-01-31"));
    assert!(!counts("2026-10-31T23:59:59Z"));
    assert!(!counts("infinity") && !counts("-infinity"));
    let ignored = parse(text, "2027-01-31").unwrap().word("4.3", "", &[])
        == Word::Ignored("the attestation by Ada expired on 2027-01-30".into());
    assert!(ignored);
}

#[test]
fn scope_is_every_database_that_was_looked_at() {
    let text = |scope: &str| {
        format!(
            "[[attest]]\nitem = \"4.3\"\nstatus = \"pass\"\nowner = \"A\"\nreviewer = \"B\"\ndate = 2026-11-01\nscope = [{scope}]\n"
        )
    };
    let counts = |scope: &str, databases: &[&str]| {
        let databases: Vec<String> = databases.iter().map(|name| (*name).to_owned()).collect();
        let attestations = parse(&text(scope), "2026-11-22").unwrap();
        matches!(attestations.word("4.3", "db1:5432/shop", &databases), Word::Counts(_))
    };
    assert!(counts("\"shop*\"", &["shop", "shop_eu"]));
    assert!(!counts("\"shop*\"", &["shop", "billing"]));
    assert!(counts("\"shop*\", \"billing\"", &["shop", "billing"]));
    assert!(counts("\"db1/*\"", &["shop", "billing"]) && counts("\"db1:5432/shop\"", &["shop"]));
    assert!(!counts("\"db2/*\"", &["shop"]));
    assert!(!counts("\"*\"", &[]), "nothing was looked at");
}

#[test]
fn the_latest_word_counts_and_of_two_the_one_that_claims_less() {
    let one = |status: &str, owner: &str, date: &str| {
        format!(
            "[[attest]]\nitem = \"4.3\"\nstatus = \"{status}\"\nowner = \"{owner}\"\nreviewer = \"R\"\ndate = {date}\n"
        )
    };
    let owner = |text: String| match parse(&text, "2026-11-22").unwrap().word("4.3", "", &[]) {
        Word::Counts(attestation) => attestation.owner.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(owner(one("pass", "new", "2026-11-02") + &one("fail", "old", "2026-11-01")), "new");
    assert_eq!(owner(one("fail", "no", "2026-11-01") + &one("pass", "yes", "2026-11-01")), "no");
    assert_eq!(owner(one("pass", "now", "2026-11-01") + &one("pass", "later", "2026-12-01")), "now");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_on_a_line(text in "(\\[\\[attest\\]\\]\n)?([a-z]{1,8} = [0-9a-z\"\\[\\]{}. -]{0,12}\n){0,6}|.{0,60}") {
        if let Err(Problems(problems)) = parse(&text, "2026-11-22") {
            prop_assert!(!problems.is_empty());
            let lines = text.split('\n').count();
            prop_assert!(problems.iter().all(|problem| problem.line.is_none_or(|line| (1..=lines).contains(&line))));
        }
    }
}
