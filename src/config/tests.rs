use super::*;
use crate::finding::{Subject, SubjectKind, Unit};
use proptest::prelude::*;
use std::io;

static MIN_SIZE: Param = Param { name: "min_size", doc: "x", default: 8192.0, unit: Unit::Bytes };
static MAX_AGE: Param = Param { name: "max_age", doc: "x", default: 600.0, unit: Unit::Seconds };

fn known() -> Vec<RuleInfo> {
    let info = |id, category, params| RuleInfo { id, category, severity: Severity::Medium, params };
    vec![
        info("bloated-index", Category::Indexes, const { &[&MIN_SIZE] }),
        info("unused-index", Category::Indexes, &[]),
        info("idle-in-transaction", Category::Connections, const { &[&MAX_AGE] }),
    ]
}

fn source(level: Level, path: &str, text: &str) -> Source {
    Source { level, path: path.into(), text: text.to_owned() }
}

fn config(text: &str) -> Config {
    Config::read(&[source(Level::Nearest, "/w/pgassay.toml", text)], &known()).unwrap()
}

fn error(text: &str) -> String {
    Config::read(&[source(Level::Nearest, "pgassay.toml", text)], &known()).unwrap_err().to_string()
}

fn finding(rule: &'static str, severity: Severity, name: &str) -> Finding {
    let meta = Meta { id: rule, category: Category::Indexes, severity, source: "//! x" };
    Finding::new(&meta, Subject::of_table(SubjectKind::Index, "shop", "public", "orders", name), "x")
}

#[test]
fn nothing_configured_is_the_default() {
    let config = Config::default();
    assert_eq!(config.audit.connections.value, 3);
    assert_eq!(config.audit.measure_budget_bytes.value, 2 << 30);
    assert_eq!(config.audit.statement_timeout.value, Duration::from_secs(10));
    assert_eq!(config.param("bloated-index", &MIN_SIZE), 8192.0);
    assert!(config.is_enabled("bloated-index", &Category::Indexes));
    assert!(config.explain().iter().all(|line| line.origin == Origin::Default));
    assert_eq!(config, Config::read(&[], &known()).unwrap());
}

#[test]
fn routes_are_tried_in_the_order_they_are_written_in() {
    let budgets =
        config("[logs]\nmax_queries_per_request = 20\n[logs.routes]\n\"/reports/*\" = 60\n\"/*\" = 8\n").logs.budgets();
    let expected = [("/reports/*", 60.0), ("/*", 8.0), ("*", 20.0)];
    assert_eq!(budgets, expected.map(|(route, budget)| (route.to_owned(), budget)));
}

#[test]
fn every_key_is_read() {
    let config = config(
        r#"
team = "Shop"
fail_on = ["medium", "unused-index:high"]
only = ["indexes"]
skip = ["bloated-index"]
[audit]
measure_budget_bytes = "1 GB"
measure_budget_seconds = "2 min"
connections = 5
statement_timeout = "500 ms"
plans = "always"
all_databases = true
reviews = "docs/reviews"
[application]
roles = ["shop_*"]
maintenance_roles = ["shop_migrator"]
maintenance_applications = ["pg_dump*"]
[rules.bloated-index]
severity = "low"
min_size = "10 MB"
[rules.unused-index]
enabled = false
[[suppress]]
key = "unused-index:shop/*"
reason = "yearly report"
expires = 2027-01-31
[[suppress]]
rule = "unused-*"
table = "orders"
reason = "x"
"#,
    );
    assert_eq!(config.team.value.as_deref(), Some("Shop"));
    assert_eq!(config.team.origin.to_string(), "/w/pgassay.toml:2");
    assert_eq!(config.audit.measure_budget_bytes.value, 1 << 30);
    assert_eq!(config.audit.measure_budget_time.value, Duration::from_secs(120));
    assert_eq!(config.audit.statement_timeout.value, Duration::from_millis(500));
    assert_eq!(config.audit.plans.value, Plans::Always);
    assert_eq!(config.audit.reviews.value, Path::new("/w/docs/reviews"));
    assert_eq!(config.param("bloated-index", &MIN_SIZE), 10_485_760.0);
    assert_eq!(config.severity_override("bloated-index"), Some(&Severity::Low));
    assert_eq!(config.severity_override("unused-index"), None);
    assert!(!config.is_enabled("bloated-index", &Category::Indexes), "skipped");
    assert!(!config.is_enabled("unused-index", &Category::Indexes), "switched off");
    assert!(!config.is_enabled("idle-in-transaction", &Category::Connections), "not selected");
    let application = &config.application;
    assert!(application.roles.value[0].matches("shop_web"));
    assert!(application.maintenance_roles.value[0].matches("shop_migrator"));
    assert!(application.maintenance_applications.value[0].matches("pg_dump"));
    assert_eq!(config.suppressions.len(), 2);
    assert_eq!(config.suppressions[0].target.to_string(), "unused-index:shop/*");
    assert_eq!(config.suppressions[1].target.to_string(), "rule unused-*, table orders");
    assert!(config.suppressions.iter().all(|one| one.target.matches(&finding("unused-index", Severity::Low, "i"))));
    assert!(!config.suppressions[1].target.matches(&finding("bloated-index", Severity::Low, "i")));
}

#[test]
fn the_command_line_wins_and_names_itself() {
    let mut config =
        config("skip = [\"connections\"]\n[rules.unused-index]\nenabled = false\n[audit]\nconnections = 5\n");
    config.audit.connections.flag("--connections", None);
    assert_eq!(config.audit.connections.value, 5);
    config.audit.connections.flag("--connections", Some(1));
    assert_eq!(
        (config.audit.connections.value, config.audit.connections.origin.to_string()),
        (1, "--connections".into())
    );
    config.only.flag("--only", Some(Selector::parse(&["unused-index"], &known()).unwrap()));
    assert!(config.is_enabled("unused-index", &Category::Indexes), "named on the command line");
    assert!(!config.is_enabled("bloated-index", &Category::Indexes));
    config.only.flag("--only", Some(Selector::parse(&["indexes"], &known()).unwrap()));
    assert!(!config.is_enabled("unused-index", &Category::Indexes), "only its category was named");
    config.only.flag("--only", Some(Selector::parse(&["idle-in-transaction"], &known()).unwrap()));
    assert!(config.is_enabled("idle-in-transaction", &Category::Connections), "a file skips it, the flag names it");
    config.skip.flag("--skip", Some(Selector::parse(&["connections"], &known()).unwrap()));
    assert!(!config.is_enabled("idle-in-transaction", &Category::Connections), "both flags: skip wins");
}

#[test]
fn files_merge_key_by_key_and_the_nearest_wins() {
    let sources = [
        source(
            Level::Nearest,
            "/w/pgassay.toml",
            "team = \"near\"\n[rules.bloated-index]\nmin_size = 1\n[[suppress]]\nkey = \"unused-index:a\"\nreason = \"x\"\n",
        ),
        source(Level::User, "/u/pgassay.toml", "team = \"user\"\nreviewer = \"R\"\n[audit]\nconnections = 2\n"),
        source(
            Level::System,
            "/etc/pgassay.toml",
            "[audit]\nconnections = 9\nplans = true\n[rules.bloated-index]\nmin_size = 2\nseverity = \"high\"\n[[suppress]]\nkey = \"unused-index:b\"\nreason = \"y\"\n",
        ),
    ];
    let config = Config::read(&sources, &known()).unwrap();
    let origin = |key: &str| {
        let line = config.explain().into_iter().find(|line| line.key == key).unwrap();
        format!("{} {}", line.value, line.origin)
    };
    assert_eq!(origin("team"), "near /w/pgassay.toml:1");
    assert_eq!(origin("reviewer"), "R /u/pgassay.toml:2");
    assert_eq!(origin("audit.connections"), "2 /u/pgassay.toml:4");
    assert_eq!(origin("audit.plans"), "on /etc/pgassay.toml:3");
    assert_eq!(origin("rules.bloated-index.min_size"), "1 /w/pgassay.toml:3");
    assert_eq!(origin("rules.bloated-index.severity"), "high /etc/pgassay.toml:6");
    assert_eq!(config.suppressions.len(), 2);
    assert_eq!(config.files.len(), 3);
}

#[test]
fn the_fingerprint_is_of_values_not_of_places() {
    let a = config("team = \"x\"\n[audit]\nconnections = 5\n").fingerprint();
    let b = config("\n\nteam = 'x'\naudit.connections = 5\n").fingerprint();
    assert_eq!((a.len(), &a), (64, &b));
    // what judges is in it, to the last digit; how a server was read is not, so that a replay has the same
    assert_ne!(a, config("team = \"y\"\n").fingerprint());
    let bytes = |number: u64| config(&format!("[rules.bloated-index]\nmin_size = {number}\n")).fingerprint();
    assert_ne!(bytes(1 << 40), bytes((1 << 40) + 1));
    assert_eq!(a, config("team = \"x\"\n[audit]\nconnections = 6\n").fingerprint());
    assert_eq!(Config::default().fingerprint(), config("[audit]\nconnections = 3\n").fingerprint());
}

#[test]
fn every_mistake_is_named_on_its_line() {
    for (text, said) in [
        ("teem = \"x\"", "pgassay.toml:1: unknown key \"teem\", did you mean \"team\"?"),
        (
            "[audit]\nconections = 3",
            "pgassay.toml:2: [audit] unknown key \"conections\", did you mean \"connections\"?",
        ),
        ("team = 3", "pgassay.toml:1: \"team\" has to be text in quotes, not an integer"),
        ("only = \"x\"", "pgassay.toml:1: \"only\" has to be a list of texts, [\"…\"], not a string"),
        ("only = [\"indexes\", 3]", "pgassay.toml:1: \"only\" has to be a list of texts, [\"…\"], not an integer"),
        (
            "skip = [\"indexs\"]",
            "pgassay.toml:1: skip: \"indexs\" is neither a rule nor a category, did you mean \"indexes\"?",
        ),
        (
            "fail_on = [\"hihg\"]",
            "pgassay.toml:1: fail_on: \"hihg\" is neither none, info, low, medium or high nor a rule, did you mean \"high\"?",
        ),
        (
            "fail_on = [\"unused-index:hgih\"]",
            "pgassay.toml:1: fail_on: \"hgih\" is not a severity (info, low, medium, high), did you mean \"high\"?",
        ),
        (
            "[rules.unusd-index]",
            "pgassay.toml:1: [rules] \"unusd-index\" is not a rule, did you mean \"unused-index\"?",
        ),
        (
            "[rules.unused_index]",
            "pgassay.toml:1: [rules] \"unused_index\" is not a rule, did you mean \"unused-index\"?",
        ),
        (
            "[rules.bloated-index]\nmax_size = 3",
            "pgassay.toml:2: [rules.bloated-index] unknown key \"max_size\", did you mean \"min_size\"?",
        ),
        (
            "[rules.bloated-index]\nmin_size = \"10 min\"",
            "pgassay.toml:2: min_size: \"10 min\" is in the wrong unit: it counts bytes, such as \"10 MB\"",
        ),
        (
            "[rules.idle-in-transaction]\nmax_age = -1",
            "pgassay.toml:2: max_age: has to be 0 or more, such as \"10 min\"",
        ),
        ("[audit]\nconnections = 0", "pgassay.toml:2: connections: has to lie between 1 and 100"),
        ("[audit]\nconnections = 2.5", "pgassay.toml:2: connections: has to be a whole number"),
        ("[audit]\nplans = \"sometimes\"", "pgassay.toml:2: plans: has to be true, false or \"always\""),
        ("[audit]\nstatement_timeout = 0", "pgassay.toml:2: statement_timeout: has to lie between 1 ms and 24 h"),
        ("audit = 3", "pgassay.toml:1: \"audit\" has to be a table, [audit], not an integer"),
        ("[application]\nroles = [\"\"]", "pgassay.toml:2: roles: an empty pattern matches nothing"),
        ("\n[[suppress]]\nkey = \"unused-index:x\"", "pgassay.toml:3: [suppress] \"reason\" is missing"),
        (
            "[[suppress]]\nkey = \"unused-index:x\"\nreason = \" \"",
            "pgassay.toml:3: the reason is empty: an accepted finding needs one",
        ),
        (
            "[[suppress]]\nreason = \"x\"",
            "pgassay.toml:2: [[suppress]] needs a key (as findings print it, * and ? allowed) or a rule",
        ),
        (
            "[[suppress]]\nkey = \"unused-index\"\nreason = \"x\"",
            "pgassay.toml:2: [[suppress]] a key reads rule:subject; for every finding of a rule write \"unused-index:*\"",
        ),
        ("\"\\u001b[31m\" = 1", "pgassay.toml:1: unknown key \" [31m\""),
        (
            "[[suppress]]\nkey = \"unused-indx:*\"\nreason = \"x\"",
            "pgassay.toml:2: [[suppress]] \"unused-indx\" is not a rule, did you mean \"unused-index\"?",
        ),
        (
            "[[suppress]]\nkey = \"unused-index:*\"\ntable = \"t\"\nreason = \"x\"",
            "pgassay.toml:2: [[suppress]] takes either a key, or a rule with parts of its subject, not both",
        ),
        (
            "[[suppress]]\nkey = \"unused-index:*\"\nreason = \"x\"\nexpires = \"soon\"",
            "pgassay.toml:4: [suppress] \"expires\" is not a date, YYYY-MM-DD",
        ),
        (
            "[[suppress]]\nrule = \"unused-index\"\nkind = \"tabel\"\nreason = \"x\"",
            "pgassay.toml:3: \"tabel\" is not a kind of subject, did you mean \"table\"?",
        ),
    ] {
        assert_eq!(error(text), said, "{text}");
    }
    assert!(error("team = ").starts_with("pgassay.toml:1: not valid TOML: "));
    assert!(error("team = \"a\"\nteam = \"b\"").starts_with("pgassay.toml:2: not valid TOML: duplicate key"));
    // All of them, of all files, in order.
    let sources =
        [source(Level::Nearest, "a.toml", "x = 1\nteam = 2\n"), source(Level::User, "b.toml", "\u{feff}\n\ny = 1\n")];
    let Problems(problems) = Config::read(&sources, &known()).unwrap_err();
    let places: Vec<(&str, Option<usize>)> =
        problems.iter().map(|problem| (problem.path.as_str(), problem.line)).collect();
    assert_eq!(places, [("a.toml", Some(1)), ("a.toml", Some(2)), ("b.toml", Some(3))]);
}

#[test]
fn the_example_in_the_documentation_is_valid() {
    let documentation: String = include_str!("../config.rs")
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .map(|line| line.trim_start_matches("//!").trim_start())
        .skip_while(|line| *line != "```toml")
        .skip(1)
        .take_while(|line| *line != "```")
        .map(|line| format!("{line}\n"))
        .collect();
    let config = config(&documentation);
    assert_eq!(config.team.value.as_deref(), Some("Shop"));
    assert_eq!(config.suppressions.len(), 1);
}

// --- gates -------------------------------------------------------------------------------------------------------

#[test]
fn gates() {
    let gate = |words: &[&str]| Gate::parse(words, &known()).unwrap();
    let low = finding("unused-index", Severity::Low, "i");
    let high = finding("bloated-index", Severity::High, "i");
    assert!(!gate(&["none"]).fails(std::slice::from_ref(&high)) && !gate(&[]).fails(std::slice::from_ref(&high)));
    assert!(gate(&["high"]).fails(&[low.clone(), high.clone()]) && !gate(&["high"]).fails(std::slice::from_ref(&low)));
    assert!(gate(&["high", "low"]).fails(std::slice::from_ref(&low)), "the weakest severity counts");
    assert!(
        gate(&["unused-index"]).fails(std::slice::from_ref(&low))
            && !gate(&["unused-index"]).fails(std::slice::from_ref(&high))
    );
    assert!(
        !gate(&["low", "unused-index:high"]).fails(std::slice::from_ref(&low)),
        "a rule's own severity replaces the general one"
    );
    assert!(gate(&["low", "unused-index:high"]).fails(&[high]));
    assert!(gate(&["info"]).fails(&[low.severity(Severity::Other("fatal".into()))]));
    assert!(!gate(&["info"]).fails(&[]));
    assert_eq!(gate(&["none", "high", "unused-index"]).to_string(), "high, unused-index:info");
    assert_eq!(gate(&[]).to_string(), "none");
    assert_eq!(
        gate(&["unused-index:low", "unused-index:high"]).to_string(),
        "unused-index:low",
        "the weakest here too"
    );
    assert!(Gate::parse(&["unused-indx"], &known()).unwrap_err().ends_with("did you mean \"unused-index\"?"));
}

// --- discovery ---------------------------------------------------------------------------------------------------

fn discovered(environment: &Environment, files: &[&str]) -> Result<Vec<String>, Unreadable> {
    let read = |path: &Path| match path.to_str() {
        Some("/denied/pgassay.toml") => Err(io::Error::from(io::ErrorKind::PermissionDenied)),
        Some(path) if files.contains(&path) => Ok(String::new()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let sources = discover(environment, &read)?;
    Ok(sources.iter().map(|source| format!("{} {}", source.level, source.path.display())).collect())
}

#[test]
fn files_are_found_nearest_first() {
    let environment = Environment {
        working_directory: "/home/ada/shop/src".into(),
        config_home: None,
        home: Some("/home/ada".into()),
        explicit: None,
    };
    let files = [
        "/home/ada/shop/pgassay.toml",
        "/home/ada/pgassay.toml",
        "/home/ada/.config/pgassay/pgassay.toml",
        "/etc/pgassay/pgassay.toml",
        "/x/pgassay/pgassay.toml",
    ];
    let found = |environment: &Environment| discovered(environment, &files).unwrap();
    assert_eq!(
        found(&environment),
        [
            "nearest /home/ada/shop/pgassay.toml",
            "user /home/ada/.config/pgassay/pgassay.toml",
            "system /etc/pgassay/pgassay.toml"
        ]
    );
    let elsewhere = Environment { config_home: Some("/x".into()), ..environment.clone() };
    assert_eq!(found(&elsewhere)[1], "user /x/pgassay/pgassay.toml");
    let relative = Environment { config_home: Some("x".into()), ..environment.clone() };
    assert_eq!(found(&relative)[1], "user /home/ada/.config/pgassay/pgassay.toml");
    let within = Environment { working_directory: "/home/ada/.config/pgassay".into(), ..environment.clone() };
    assert_eq!(
        found(&within),
        ["nearest /home/ada/.config/pgassay/pgassay.toml", "system /etc/pgassay/pgassay.toml"],
        "one file counts once"
    );
    let named = Environment { explicit: Some("/x/pgassay/pgassay.toml".into()), ..environment.clone() };
    assert_eq!(found(&named)[0], "nearest /x/pgassay/pgassay.toml");
    let missing = Environment { explicit: Some("/nowhere.toml".into()), ..environment.clone() };
    assert!(
        discovered(&missing, &files)
            .unwrap_err()
            .to_string()
            .starts_with("cannot read the configuration /nowhere.toml")
    );
    let denied = Environment { working_directory: "/denied/below".into(), ..environment };
    assert!(discovered(&denied, &files).is_err(), "a file that is there and cannot be read is not skipped");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_on_a_line(
        text in "((\\[|\\[\\[)?(audit|suppress|rules\\.bloated-index|application)(\\]|\\]\\])?\n|(team|only|connections|key|reason|min_size|plans|roles) = [0-9a-z\"\\[\\]{}. -]{0,10}\n){0,8}|.{0,60}",
    ) {
        match Config::read(&[source(Level::Nearest, "pgassay.toml", &text)], &known()) {
            Ok(config) => prop_assert_eq!(config.fingerprint().len(), 64),
            Err(Problems(problems)) => {
                let lines = text.split('\n').count();
                prop_assert!(!problems.is_empty());
                prop_assert!(problems.iter().all(|problem| problem.line.is_none_or(|line| (1..=lines).contains(&line))));
                prop_assert!(problems.iter().all(|problem| !problem.text.contains(char::is_control)));
            }
        }
    }
}
