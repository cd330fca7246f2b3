//! Ring 2: the shape of the house. No server is asked anything; the registries, the files beside them and the documents
//! made from them are compared with each other, so that a line that was forgotten fails here.

use pgassay::checklist;
use pgassay::checks;
use pgassay::facts;
use pgassay::facts::statements;
use pgassay::fingerprint::normalise_all;
use pgassay::logs::detectors;
use pgassay::measure::index_size::IndexColumn;
use pgassay::migrations;
use pgassay::pg::FromRow;
use pgassay::rule::{Meta, Param};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names in a directory of the repository, sorted.
fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(directory)).unwrap_or_else(|error| panic!("{directory}: {error}"));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().expect("a name in UTF-8")).collect();
    names.sort();
    names
}

/// Every file below a directory, as paths from the root, sorted; what a build or git leaves there aside.
fn files(directory: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![root().join(directory)];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let entry = entry.unwrap();
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let name = entry.file_name();
            if kind.is_dir() && name != "target" && name != ".git" {
                left.push(path);
            } else if kind.is_file() {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn stem_of(id: &str) -> String {
    id.replace('-', "_")
}

// --------------------------------------------------------------------------------------------------------------- rules

/// A family of rules: where its files are, and what lies beside them and is no rule.
struct Family {
    folder: &'static str,
    beside: &'static [&'static str],
    rules: Vec<(&'static Meta, &'static [&'static Param])>,
}

fn families() -> [Family; 3] {
    [
        Family {
            folder: "src/checks",
            beside: &["context", "context.rs", "prelude.rs"],
            rules: checks::ALL.iter().map(|check| (&check.meta, check.params)).collect(),
        },
        Family {
            folder: "src/logs/detectors",
            beside: &["confidence.rs", "context.rs", "prelude.rs"],
            rules: detectors::ALL.iter().map(|detector| (&detector.meta, detector.params)).collect(),
        },
        Family {
            folder: "src/migrations/rules",
            beside: &[
                "advice.rs",
                "around.rs",
                "inside.rs",
                "laboratory.rs",
                "moment.rs",
                "over_rows.rs",
                "prelude.rs",
            ],
            rules: migrations::rules::ALL.iter().map(|rule| (&rule.meta, rule.params)).collect(),
        },
    ]
}

/// The rules of all families.
fn rules() -> Vec<(&'static Meta, &'static [&'static Param])> {
    families().into_iter().flat_map(|family| family.rules).collect()
}

#[test]
fn every_file_of_a_rule_is_in_its_list_and_the_other_way_round() {
    for family in families() {
        let listed: BTreeSet<String> =
            family.rules.iter().map(|(meta, _)| format!("{}.rs", stem_of(meta.id))).collect();
        assert_eq!(listed.len(), family.rules.len(), "{}: two rules have one id", family.folder);
        let there: BTreeSet<String> =
            names(family.folder).into_iter().filter(|name| !family.beside.contains(&name.as_str())).collect();
        assert_eq!(there, listed, "files in {} (left) and its list (right)", family.folder);
    }
}

#[test]
fn ids_are_unique_over_all_families() {
    let mut seen = BTreeSet::new();
    for (meta, _) in rules() {
        assert!(seen.insert(meta.id), "{} is there twice", meta.id);
        assert_eq!(pgassay::rules::meta(meta.id).map(|known| known.source), Some(meta.source), "{}", meta.id);
    }
    assert_eq!(pgassay::rules::all().count(), seen.len(), "src/rules.rs has every family");
}

#[test]
fn ids_are_kebab_case_and_their_source_is_their_own_file() {
    let ids = families().into_iter().flat_map(|family| {
        let folder = family.folder;
        family.rules.into_iter().map(move |(meta, _)| (folder, meta))
    });
    for (folder, meta) in ids {
        let id = meta.id;
        let word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        assert!(id.split('-').all(word) && id.starts_with(|c: char| c.is_ascii_lowercase()), "{id}");
        let file = format!("{folder}/{}.rs", stem_of(id));
        assert_eq!(meta.source, read(file), "{id}: the source of another file");
        let known = checks::by_id(id).map(|check| check.meta.id);
        let known = known.or(detectors::by_id(id).map(|detector| detector.meta.id));
        assert_eq!(known.or(migrations::rules::by_id(id).map(|rule| rule.meta.id)), Some(id));
    }
}

#[test]
fn documentation_is_complete_and_in_order() {
    const HEADINGS: [&str; 4] = ["## Why it matters", "## How it is decided", "## What to do", "## Limits"];
    for (meta, _) in rules() {
        let (id, title, text) = (meta.id, meta.title(), meta.documentation());
        assert!(!title.is_empty() && !title.ends_with('.') && !title.starts_with('#'), "{id}: the title \"{title}\"");
        assert!(title.chars().count() <= 80, "{id}: a title is a short phrase");
        let headings: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(headings, HEADINGS, "{id}");
        for section in text.split("## ").skip(1) {
            let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
            assert!(body.trim().len() > 20, "{id}: there is next to nothing under \"{heading}\"");
            assert!(
                body.trim().ends_with(['.', ':', '`', ')']),
                "{id}: \"{heading}\" ends in the middle of a sentence"
            );
        }
    }
}

#[test]
fn parameters_are_named_once_and_explained() {
    for (meta, params) in rules() {
        let mut seen = BTreeSet::new();
        for param in params {
            let name = format!("{}.{}", meta.id, param.name);
            assert!(seen.insert(param.name), "{name} is there twice");
            assert!(param.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{name}");
            assert!(!["severity", "enabled"].contains(&param.name), "{name} is a key of every rule");
            assert!(param.doc.len() > 20 && !param.doc.ends_with('.'), "{name}: \"{}\"", param.doc);
            assert!(param.doc.starts_with(char::is_lowercase), "{name}: \"{}\"", param.doc);
            assert!(param.default.is_finite(), "{name}");
        }
    }
}

/// Rules that the checklist names and that no family has yet: each with what it waits for.
const COMING: [(&str, &str); 0] = [];

#[test]
fn the_checklist_names_rules_that_there_are() {
    let coming: BTreeSet<&str> = COMING.iter().map(|(rule, _)| *rule).collect();
    let missing: BTreeSet<&str> = checklist::items()
        .flat_map(|item| item.decide.deciders.iter().map(|decider| decider.rule))
        .filter(|rule| pgassay::rules::by_id(rule).is_none())
        .collect();
    assert_eq!(missing, coming, "rules that items name and nobody has written (left), those said to come (right)");
}

#[test]
fn the_checklist_names_the_input_of_each_rule() {
    use pgassay::checklist::Input;
    for item in checklist::items() {
        for decider in item.decide.deciders {
            let input = match pgassay::rules::by_id(decider.rule).map(|rule| rule.looks_at) {
                Some("log") => Input::Logs,
                Some("migration") => Input::Migrations,
                _ => Input::Server,
            };
            assert_eq!(*decider.input, input, "{}: {}", item.id, decider.rule);
            assert!(item.needs.contains(&input), "{} does not say that it needs: {input}", item.id);
        }
    }
}

#[test]
fn every_detector_has_fixtures_that_expect_it() {
    let folders: BTreeSet<String> =
        names("tests/logs").into_iter().filter(|name| root().join("tests/logs").join(name).is_dir()).collect();
    let ids: BTreeSet<String> = detectors::ALL.iter().map(|detector| detector.meta.id.to_owned()).collect();
    let beside = ["apps", "compressed"];
    let there: BTreeSet<String> = folders.into_iter().filter(|name| !beside.contains(&name.as_str())).collect();
    assert_eq!(there, ids, "folders in tests/logs (left) and detectors::ALL (right)");
    for id in &ids {
        assert_eq!(names(&format!("tests/logs/{id}")), ["bad.expect", "bad.log", "good.expect", "good.log"], "{id}");
        let expects = |name: &str| read(format!("tests/logs/{id}/{name}.expect"));
        assert!(expects("bad").lines().any(|line| line.starts_with(&format!("{id} "))), "{id}: bad.expect");
        assert_eq!(
            expects("good").lines().filter(|line| !line.starts_with("options: ")).collect::<Vec<_>>(),
            ["nothing"]
        );
    }
}

#[test]
fn every_rule_over_migrations_has_fixtures_that_expect_it() {
    let beside = ["effects.sql", "effects.tsv", "histories", "readme"];
    let there: BTreeSet<String> =
        names("tests/migrations").into_iter().filter(|name| !beside.contains(&name.as_str())).collect();
    let ids: BTreeSet<String> = migrations::rules::ALL.iter().map(|rule| rule.meta.id.to_owned()).collect();
    assert_eq!(there, ids, "folders in tests/migrations (left) and migrations::rules::ALL (right)");
    for id in &ids {
        assert_eq!(names(&format!("tests/migrations/{id}")), ["bad.sql", "good.sql"], "{id}");
        let expects =
            |name: &str| read(format!("tests/migrations/{id}/{name}.sql")).lines().next().unwrap_or("").to_owned();
        assert!(expects("bad").starts_with(&format!("-- expect: {id}:")), "{id}: {}", expects("bad"));
        assert_eq!(expects("good"), "-- expect: nothing", "{id}");
    }
}

#[test]
fn only_one_place_sees_the_parsers_tree_of_a_migration() {
    for path in files("src/migrations") {
        let sees = code(&path).contains("protobuf");
        let may = path.starts_with("src/migrations/statement") || path == Path::new("src/migrations/statement.rs");
        assert!(!sees || may, "{}", path.display());
    }
}

#[test]
fn every_check_has_fixtures_or_a_reason_why_not() {
    let by_hand: BTreeMap<String, String> = read("tests/checks/by-hand.txt")
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (id, reason) = line.split_once(": ").unwrap_or_else(|| panic!("by-hand.txt: \"{line}\" has no reason"));
            assert!(reason.len() > 20, "by-hand.txt: \"{reason}\" is no reason");
            (id.to_owned(), reason.to_owned())
        })
        .collect();
    let order: Vec<String> = read("tests/checks/by-hand.txt").lines().map(str::to_owned).collect();
    assert!(order.is_sorted(), "by-hand.txt is sorted");
    let folders: BTreeSet<String> =
        names("tests/checks").into_iter().filter(|name| root().join("tests/checks").join(name).is_dir()).collect();
    let ids: BTreeSet<String> = checks::ALL.iter().map(|check| check.meta.id.to_owned()).collect();
    let unknown: Vec<&String> = folders.iter().chain(by_hand.keys()).filter(|name| !ids.contains(*name)).collect();
    assert_eq!(unknown, Vec::<&String>::new(), "fixtures or reasons of checks that there are not");
    for id in &ids {
        match (folders.contains(id), by_hand.contains_key(id)) {
            (true, false) => {
                assert_eq!(names(&format!("tests/checks/{id}")), ["bad.sql", "good.sql"], "{id}");
                let bad = read(format!("tests/checks/{id}/bad.sql"));
                assert!(bad.contains(&format!("-- expect: {id} ")), "{id}: bad.sql does not expect its own rule");
                let good = read(format!("tests/checks/{id}/good.sql"));
                assert!(!good.contains(&format!("-- expect: {id} ")), "{id}: good.sql expects its own rule");
                assert!(good.contains("-- expect: "), "{id}: good.sql says nothing of what to expect");
            }
            (false, true) => {}
            (true, true) => panic!("{id} has fixtures and a reason in by-hand.txt not to have any"),
            (false, false) => panic!("{id} has neither fixtures in tests/checks/{id} nor a reason in by-hand.txt"),
        }
    }
}

// ----------------------------------------------------------------------------------------------------------------- SQL

/// The columns of every SQL file of a stem.
fn columns() -> BTreeMap<&'static str, &'static [&'static str]> {
    let mut columns: BTreeMap<&str, &[&str]> = facts::COLUMNS.iter().copied().collect();
    assert_eq!(columns.len(), facts::COLUMNS.len(), "facts::COLUMNS has a stem twice");
    columns.insert("index_columns", IndexColumn::COLUMNS);
    columns
}

/// Every compiled-in text, by the path it must have.
fn compiled() -> BTreeMap<String, &'static str> {
    let mut texts = BTreeMap::new();
    let mut add = |path: String, text: &'static str| {
        assert!(texts.insert(path.clone(), text).is_none(), "{path} is there twice");
    };
    for query in facts::QUERIES {
        let oldest = query.minimum().expect("a variant");
        for (minimum, text) in query.variants {
            match *minimum == oldest {
                true => add(format!("sql/facts/{}.sql", query.name), text),
                false => add(format!("sql/facts/{}.pg{minimum}.sql", query.name), text),
            }
        }
    }
    for (number, ((major, minor), text)) in statements::VARIANTS.iter().enumerate() {
        match number {
            0 => add("sql/facts/statements.sql".to_owned(), text),
            _ => add(format!("sql/facts/statements.v{major}_{minor}.sql"), text),
        }
    }
    add("sql/facts/statements_info.sql".to_owned(), statements::INFO);
    add("sql/measures/index_pages.sql".to_owned(), facts::index_pages::SQL);
    texts
}

/// The files of facts and measures: path, stem, text.
fn sql_files() -> Vec<(String, String, String)> {
    let files = files("sql/facts").into_iter().chain(files("sql/measures"));
    files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let stem = name.split('.').next().unwrap().to_owned();
            (path.to_str().unwrap().to_owned(), stem, read(&path))
        })
        .collect()
}

#[test]
fn every_sql_file_is_compiled_in_under_its_own_name() {
    let compiled = compiled();
    let included: BTreeSet<String> = files("src")
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .flat_map(|path| {
            let text = read(&path);
            let paths = text.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next());
            paths.filter_map(|path| Some(format!("sql/{}", path.split_once("sql/")?.1))).collect::<Vec<_>>()
        })
        .collect();
    let there: BTreeSet<String> = files("sql").into_iter().map(|path| path.to_str().unwrap().to_owned()).collect();
    assert_eq!(there, included, "files below sql (left) and the include_str! of src (right)");
    for (path, text) in &compiled {
        assert_eq!(read(path), *text, "{path} is compiled in under another name");
    }
    // what the registries do not hold is the file of a private constant
    let registered: BTreeSet<String> = compiled.into_keys().collect();
    let apart: Vec<String> =
        sql_files().into_iter().map(|(path, ..)| path).filter(|path| !registered.contains(path)).collect();
    assert_eq!(apart, ["sql/measures/index_columns.sql"], "files that no registry holds");
}

#[test]
fn every_variant_is_known_by_a_major_and_older_ones_come_first() {
    for query in facts::QUERIES {
        let majors: Vec<u16> = query.variants.iter().map(|(minimum, _)| *minimum).collect();
        assert!(majors.is_sorted() && majors.iter().collect::<BTreeSet<_>>().len() == majors.len(), "{}", query.name);
        assert!(majors.iter().all(|major| facts::KNOWN_MAJORS.contains(major)), "{}: {majors:?}", query.name);
        assert_eq!(query.minimum(), Some(*facts::KNOWN_MAJORS.start()), "{} cannot be read everywhere", query.name);
    }
    assert!(statements::VARIANTS.iter().map(|(version, _)| version).is_sorted());
}

/// Every message of a parse tree with its name, outermost first.
fn walk<'t>(tree: &'t Value, visit: &mut impl FnMut(&str, &'t Value)) {
    match tree {
        Value::Array(list) => list.iter().for_each(|value| walk(value, visit)),
        Value::Object(members) => {
            for (name, value) in members {
                visit(name, value);
                walk(value, visit);
            }
        }
        _ => {}
    }
}

fn parse(path: &str, text: &str) -> Value {
    let parsed =
        pg_query::parse(text, pg_query::ParserOptions::default()).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::to_value(&parsed.protobuf).unwrap()
}

/// The one select of a file.
fn select<'t>(path: &str, tree: &'t Value) -> &'t Value {
    let statements = tree["stmts"].as_array().unwrap();
    assert_eq!(statements.len(), 1, "{path}: one statement");
    let select = &statements[0]["stmt"]["node"]["SelectStmt"];
    assert!(select.is_object(), "{path}: {}", statements[0]["stmt"]["node"]);
    select
}

/// The words of a list of string nodes: `pg_catalog`, `now`.
fn words(list: &Value) -> Vec<String> {
    let word = |node: &Value| node["node"]["String"]["sval"].as_str().map(str::to_owned);
    list.as_array().into_iter().flatten().filter_map(word).collect()
}

/// Nodes that a statement which only reads does not have.
const WRITING: [&str; 10] = [
    "InsertStmt",
    "UpdateStmt",
    "DeleteStmt",
    "MergeStmt",
    "IntoClause",
    "LockingClause",
    "CallStmt",
    "CopyStmt",
    "VariableSetStmt",
    "DoStmt",
];

#[test]
fn every_sql_file_is_one_select_that_only_reads() {
    for (path, _, text) in sql_files() {
        let tree = parse(&path, &text);
        let select = select(&path, &tree);
        assert!(select["into_clause"].is_null(), "{path}: into");
        walk(select, &mut |name, value| {
            assert!(!WRITING.contains(&name), "{path}: {name}");
            if name == "locking_clause" {
                assert_eq!(value.as_array().map(Vec::len), Some(0), "{path}: a locking clause");
            }
        });
        let sorted = select["sort_clause"].as_array().is_some_and(|clause| !clause.is_empty());
        assert!(sorted, "{path}: without order by the same facts come in another order every time");
    }
}

/// Functions of the catalog that change something, wait, or signal: none of them belongs into a fact.
const ACTING: [&str; 12] = [
    "set_config",
    "nextval",
    "setval",
    "pg_sleep",
    "pg_terminate_backend",
    "pg_cancel_backend",
    "pg_reload_conf",
    "pg_stat_reset",
    "pg_stat_statements_reset",
    "pg_switch_wal",
    "lo_import",
    "dblink",
];

#[test]
fn every_name_in_sql_is_qualified() {
    for (path, _, text) in sql_files() {
        let tree = parse(&path, &text);
        let select = select(&path, &tree);
        let mut own = BTreeSet::new();
        walk(select, &mut |name, value| {
            if name == "CommonTableExpr" {
                own.insert(value["ctename"].as_str().unwrap().to_owned());
            }
        });
        let schemas = ["pg_catalog", "extension_schema"];
        walk(select, &mut |name, value| match name {
            "RangeVar" => {
                let (schema, relation) = (value["schemaname"].as_str().unwrap(), value["relname"].as_str().unwrap());
                let known = schemas.contains(&schema) || (schema.is_empty() && own.contains(relation));
                assert!(known, "{path}: relation {schema}.{relation}");
            }
            "FuncCall" => {
                let name = words(&value["funcname"]);
                assert!(name.len() == 2 && schemas.contains(&name[0].as_str()), "{path}: function {name:?}");
                assert!(!ACTING.contains(&name[1].as_str()), "{path}: {name:?} does something");
            }
            "operator_name" | "AExpr" => {}
            _ => {}
        });
    }
}

#[test]
fn columns_are_named_and_equal_the_fields_in_every_variant() {
    let columns = columns();
    let mut seen = BTreeSet::new();
    for (path, stem, text) in sql_files() {
        let tree = parse(&path, &text);
        // the first arm of a union names its columns
        let mut first = select(&path, &tree);
        while first["larg"].is_object() {
            first = &first["larg"];
        }
        let targets = first["target_list"].as_array().unwrap();
        let names: Vec<&str> = targets
            .iter()
            .map(|target| {
                let target = &target["node"]["ResTarget"];
                let name = target["name"].as_str().unwrap_or_default();
                assert!(!name.is_empty(), "{path}: a column without a name: {target}");
                name
            })
            .collect();
        let expected = columns.get(stem.as_str()).unwrap_or_else(|| panic!("{path}: no columns are known of {stem}"));
        assert_eq!(names, *expected, "{path} (left) and the fields of its struct (right)");
        seen.insert(stem);
    }
    let known: BTreeSet<String> = columns.keys().map(|stem| (*stem).to_owned()).collect();
    assert_eq!(seen, known);
    for query in facts::QUERIES {
        assert!(columns.contains_key(query.name), "{} is missing in facts::COLUMNS", query.name);
    }
}

#[test]
fn every_sql_file_has_its_head_and_its_manners() {
    use pg_query::protobuf::{KeywordKind, Token};
    for (path, _, text) in sql_files() {
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with("--")).collect();
        assert_eq!(head.len(), 3, "{path}: a head of three lines");
        let says = |line: &str, starts: &[&str]| starts.iter().any(|start| line.starts_with(start));
        assert!(says(head[0], &["-- a row is ", "-- one row: ", "-- one row"]), "{path}: what a row is: {}", head[0]);
        assert!(says(head[1], &["-- from "]), "{path}: {}", head[1]);
        assert_eq!(head[1].matches(';').count(), 2, "{path}: major; privilege; cost: {}", head[1]);
        assert!(says(head[2], &["-- https://www.postgresql.org/docs/"]), "{path}: {}", head[2]);
        assert!(head.iter().all(|line| !line.ends_with('.')), "{path}: a head without full stops");
        assert!(text.ends_with('\n') && !text.contains('\t') && !text.contains("\n\n"), "{path}: white space");
        assert_eq!(
            text.lines().position(|line| line.starts_with("select") || line.starts_with("with")),
            Some(3),
            "{path}"
        );
        assert_eq!(text.matches("--").count(), 3, "{path}: prose belongs into the head, or into Rust");
        assert!(
            !text.contains(';') || text.trim_end().lines().skip(3).all(|line| !line.contains(';')),
            "{path}: a semicolon"
        );
        let scanned = pg_query::scan(&text).unwrap();
        let mut before = None;
        for token in &scanned.tokens {
            let word = &text[usize::try_from(token.start).unwrap()..usize::try_from(token.end).unwrap()];
            if token.keyword_kind() != KeywordKind::NoKeyword {
                assert_eq!(word, word.to_lowercase(), "{path}: {word}");
            }
            // count(*) counts, select * does not say what
            let star = token.token() == Token::Ascii42;
            let spread = matches!(before, Some(Token::Select | Token::Ascii44 | Token::Ascii46 | Token::Distinct));
            assert!(!(star && spread), "{path}: *");
            before = Some(token.token());
        }
    }
}

// ------------------------------------------------------------------------------------------------------------- imports

/// Who may import whom: a module, and the modules it may name. DESIGN: producers left, formats right, the report between.
const LEAVES: &[&str] = &["finding", "glob", "hash", "lock", "outcome", "report", "rule", "score", "sql", "time"];
/// What checks stand on: facts joined, dated, aggregated; pure.
const VIEWS: &[&str] = &[
    "catalog",
    "effective_settings",
    "fingerprint",
    "foreign_keys",
    "indexes",
    "queries",
    "sessions",
    "statement_shape",
    "window",
];

/// The table: a module, the modules beside the leaves that it may use.
const IMPORTS: &[(&str, &[&str])] = &[
    ("pg", &["row"]),
    ("facts", &["pg", "row", "fingerprint"]),
    ("catalog", &["facts"]),
    ("fingerprint", &[]),
    ("foreign_keys", &["facts", "catalog"]),
    ("indexes", &["facts", "catalog"]),
    ("effective_settings", &["facts", "catalog", "checks", "sessions"]),
    ("sessions", &["facts", "checks", "effective_settings", "window"]),
    ("statement_shape", &[]),
    ("queries", &["facts", "fingerprint", "window"]),
    ("window", &["facts"]),
    ("checks", &["facts", "VIEWS", "config", "service"]),
    ("config", &[]),
    ("attest", &["config"]),
    ("suppress", &["config"]),
    ("checklist", &["attest", "config"]),
    // of a log detectors and readers; none of them asks a server, or knows what a check is
    ("logs", &["fingerprint", "statement_shape"]),
    // a snapshot is one of the things that a schema can begin with
    ("migrations", &["config", "facts", "VIEWS"]),
    ("reviews", &["facts", "checks"]),
    // the advice is the body of a report; what it is made from may be a log, a server or a pooler
    ("report", &["pool"]),
    ("pool", &["logs"]),
    ("service", &["facts"]),
    ("audit", &["facts", "VIEWS", "checks", "config", "service"]),
    ("assess", &["facts", "audit", "attest", "checklist", "config", "suppress", "logs", "migrations", "pool", "VIEWS"]),
    ("collect", &["facts", "pg"]),
    ("measure", &["facts", "pg", "row", "VIEWS", "collect"]),
    ("rules", &["checks", "logs", "migrations"]),
    ("render", &["rules", "pool"]),
    ("scratch", &[]),
    ("demo", &[]),
];

/// Where a module that is pure otherwise opens files, or asks a server: how the paths begin, and what they may name besides.
const DOORS: &[(&str, &[&str])] = &[
    ("src/logs/input", &[]),
    ("src/logs/prove", &["pg", "row"]),
    ("src/migrations/source/gather", &[]),
    ("src/migrations/source/since", &[]),
    ("src/migrations/trace", &["pg"]),
    ("src/pool/console", &["pg"]),
    ("src/pool/watch", &["pg", "facts", "collect"]),
];

/// The doors that a file belongs to.
fn doors(path: &Path) -> impl Iterator<Item = &'static [&'static str]> {
    let path = path.to_str().unwrap().to_owned();
    DOORS.iter().filter(move |(door, _)| path.starts_with(door)).map(|(_, more)| *more)
}

/// Modules that are pure: no runtime, socket, file, environment, clock or print, by whatever path.
const IMPURE: &[&str] = &["pg", "collect", "measure", "scratch", "demo", "cli", "main"];

/// The text of a file without comments and tests.
fn code(path: &Path) -> String {
    let text = read(path);
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The sources of each module at the top of `src`, but for those of tests.
fn modules() -> BTreeMap<String, Vec<PathBuf>> {
    let mut modules: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in files("src") {
        let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
        let is_test = path.file_name().is_some_and(|name| name == "tests.rs") || parts[1] == "testing.rs";
        if !is_test && parts[1] != "lib.rs" {
            modules.entry(parts[1].trim_end_matches(".rs").to_owned()).or_default().push(path.clone());
        }
    }
    modules
}

/// The modules that a text names by `crate::`.
fn named(text: &str) -> BTreeSet<String> {
    let first = |path: &str| path.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let mut names = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => {
                names.insert(first(rest));
            }
            Some(group) => {
                // only the first level of a group names modules
                let (mut depth, mut start) = (0, true);
                for (at, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && !c.is_whitespace() => {
                            names.insert(first(&group[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn groups_of_imports_are_read_right() {
    let text =
        "use crate::{checklist, checks::{self, Check},\n finding};\nuse crate::pg;\nlet x = crate::sql::quote(y);";
    assert_eq!(named(text).into_iter().collect::<Vec<_>>(), ["checklist", "checks", "finding", "pg", "sql"]);
}

#[test]
fn modules_import_what_the_table_allows() {
    let modules = modules();
    let mut wrong = Vec::new();
    for (module, paths) in &modules {
        if ["cli", "main"].contains(&module.as_str()) {
            continue;
        }
        let own = IMPORTS.iter().find(|(name, _)| name == module).map(|(_, allowed)| *allowed);
        if own.is_none() && !LEAVES.contains(&module.as_str()) {
            wrong.push(format!("{module} is missing in the table"));
            continue;
        }
        let allowed = |name: &str| {
            name == module
                || LEAVES.contains(&name)
                || own
                    .into_iter()
                    .flatten()
                    .any(|allowed| *allowed == name || (*allowed == "VIEWS" && VIEWS.contains(&name)))
        };
        for path in paths {
            let more: BTreeSet<&str> = doors(path).flatten().copied().collect();
            for name in named(&code(path)).iter().filter(|name| !allowed(name) && !more.contains(name.as_str())) {
                wrong.push(format!("{} may not use {name}", path.display()));
            }
        }
    }
    for (name, _) in IMPORTS {
        if !modules.contains_key(*name) {
            wrong.push(format!("the table has {name}, which is no module"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_pure_touches_nothing() {
    let touches = [
        "tokio::",
        "std::fs",
        "std::env",
        "std::net",
        "std::process",
        "std::io::stdout",
        "SystemTime::now",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
        "println!",
        "eprintln!",
        "unsafe {",
        "unsafe fn",
        "unsafe impl",
    ];
    for (module, paths) in modules() {
        let is_rust = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "rs");
        let pure = |path: &&PathBuf| !IMPURE.contains(&module.as_str()) && doors(path).next().is_none();
        for path in paths.iter().filter(is_rust).filter(pure) {
            let code = code(path);
            for word in touches {
                assert!(!code.contains(word), "{}: {word}", path.display());
            }
        }
    }
}

// ----------------------------------------------------------------------------------------------------------- documents

/// A definition of the schema as a validator of its own.
fn definition(name: &str) -> jsonschema::Validator {
    let mut schema: Value = serde_json::from_str(&read("docs/report.schema.json")).unwrap();
    let definitions = schema["$defs"].take();
    let schema = serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": format!("#/$defs/{name}"), "$defs": definitions
    });
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn the_schema_knows_every_id_the_code_has() {
    let item = definition("item_id");
    for id in checklist::ids() {
        assert!(item.is_valid(&Value::from(id)), "{id}");
    }
    let rule = definition("rule_id");
    for (meta, _) in rules() {
        assert!(rule.is_valid(&Value::from(meta.id)), "{}", meta.id);
    }
    let fingerprint = definition("fingerprint");
    for normalised in normalise_all(&["select 1", "selec 1 fro", "", "\u{1}"]) {
        assert!(fingerprint.is_valid(&Value::from(normalised.fingerprint.clone())), "{}", normalised.fingerprint);
    }
    for wrong in ["2", "x.1", "2.2 "] {
        assert!(!item.is_valid(&Value::from(wrong)), "{wrong}");
    }
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    // the directories that this checkout lies in, and the home of whoever runs the tests
    let above: PathBuf = root().iter().take(3).collect();
    let home = std::env::var("HOME").unwrap_or_default();
    let mut needles = vec![root().to_str().unwrap().to_owned(), above.to_str().unwrap().to_owned()];
    needles.push(format!("{home}/.cargo"));
    // a checkout right below the root has a name too short to look for
    needles.retain(|needle| needle.matches('/').count() > 1);
    for path in files(".") {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for needle in &needles {
            let line = text.lines().position(|line| line.contains(needle.as_str()));
            assert_eq!(line, None, "{}:{} has {needle}", path.display(), line.unwrap_or(0) + 1);
        }
    }
}

#[test]
fn the_license_is_there_and_named() {
    let license = read("LICENSE");
    assert!(license.contains("MIT License") || license.contains("The MIT License"), "LICENSE: MIT");
    assert!(license.contains("Apache License"), "LICENSE: Apache-2.0");
    assert!(read("Cargo.toml").contains("license = \"MIT OR Apache-2.0\""));
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let manifest = read("Cargo.toml");
    let mut section = "";
    let mut before = "";
    let mut explained = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let is_dependency = ["[dependencies]", "[dev-dependencies]", "[build-dependencies]"].contains(&section)
            && line.starts_with(|c: char| c.is_ascii_lowercase());
        if is_dependency {
            // a comment may stand for a few lines that belong together
            explained = before.starts_with("# ") || (explained && !before.is_empty() && !before.starts_with('['));
            assert!(explained, "Cargo.toml: no comment above {line}");
        }
        before = line;
    }
    assert!(read("Cargo.lock").contains("name = \"pgassay\""));
}

#[test]
fn the_stated_rust_version_is_the_same_everywhere() {
    let manifest = read("Cargo.toml");
    let version =
        manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")).unwrap().trim_end_matches('"');
    assert!(read("README.md").contains(&format!("Rust {version}")), "README.md does not name Rust {version}");
}
