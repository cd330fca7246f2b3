//! One configuration file as it is written: every key known, every value of its kind and in its bounds, each with its
//! line. Merging and meaning are the parent's.

use super::document::{Document, Fields, Located, Problems, Scalar, did_you_mean};
use super::gate::{Gate, parse_severity};
use super::quantity::quantity;
use super::{NEWEST, OLDEST, Pattern, Plans, RUNNERS, RuleInfo, Selector, Target};
use crate::finding::{SubjectKind, Unit};
use crate::rule::Severity;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// A value that may be written.
pub(super) type Key<T> = Option<Located<T>>;

#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) team: Key<String>,
    pub(super) reviewer: Key<String>,
    pub(super) fail_on: Key<Gate>,
    pub(super) only: Key<Vec<Selector>>,
    pub(super) skip: Key<Vec<Selector>>,
    pub(super) audit: Audit,
    pub(super) application: Application,
    pub(super) logs: Logs,
    pub(super) review: Review,
    pub(super) rules: BTreeMap<&'static str, Rule>,
    pub(super) suppress: Vec<Suppress>,
}

#[derive(Debug, Default)]
pub(super) struct Audit {
    pub(super) measure_budget_bytes: Key<f64>,
    pub(super) measure_budget_seconds: Key<f64>,
    pub(super) connections: Key<f64>,
    pub(super) statement_timeout: Key<f64>,
    pub(super) plans: Key<Plans>,
    pub(super) all_databases: Key<bool>,
    pub(super) reviews: Key<String>,
}

#[derive(Debug, Default)]
pub(super) struct Application {
    pub(super) roles: Key<Vec<Pattern>>,
    pub(super) maintenance_roles: Key<Vec<Pattern>>,
    pub(super) maintenance_applications: Key<Vec<Pattern>>,
}

#[derive(Debug, Default)]
pub(super) struct Logs {
    pub(super) prefix: Key<String>,
    pub(super) timezone: Key<String>,
    pub(super) min_duration: Key<f64>,
    pub(super) pooled: Key<bool>,
    pub(super) max_queries_per_request: Key<f64>,
    pub(super) routes: Key<Vec<(String, f64)>>,
}

#[derive(Debug, Default)]
pub(super) struct Review {
    pub(super) runner: Key<String>,
    pub(super) pg_version: Key<f64>,
    pub(super) runner_lock_timeout: Key<f64>,
    pub(super) runner_statement_timeout: Key<f64>,
    pub(super) timezone: Key<String>,
    pub(super) require_down: Key<bool>,
    pub(super) pedantic: Key<bool>,
    pub(super) schema: Key<String>,
    pub(super) exclude: Key<Vec<Pattern>>,
}

#[derive(Debug, Default)]
pub(super) struct Rule {
    pub(super) severity: Key<Severity>,
    pub(super) enabled: Key<bool>,
    pub(super) params: BTreeMap<&'static str, Located<f64>>,
}

#[derive(Debug)]
pub(super) struct Suppress {
    pub(super) line: usize,
    pub(super) target: Target,
    pub(super) reason: String,
    pub(super) expires: Option<Date>,
}

/// Reads one file.
pub(super) fn read(path: &str, text: &str, known: &[RuleInfo]) -> Result<File, Problems> {
    let document = Document::new(path, text);
    let mut file = File::default();
    if let Some(mut root) = document.root() {
        file.team = root.text("team");
        file.reviewer = root.text("reviewer");
        file.fail_on = words(&mut root, "fail_on", |words| Gate::parse(words, known));
        file.only = words(&mut root, "only", |words| Selector::parse(words, known));
        file.skip = words(&mut root, "skip", |words| Selector::parse(words, known));
        if let Some(table) = root.table("audit") {
            file.audit = audit(table);
        }
        if let Some(table) = root.table("application") {
            file.application = application(table);
        }
        if let Some(table) = root.table("logs") {
            file.logs = logs(table);
        }
        if let Some(table) = root.table("review") {
            file.review = review(table);
        }
        if let Some(table) = root.table("rules") {
            file.rules = rules(table, known);
        }
        file.suppress = root.tables("suppress").into_iter().filter_map(|table| suppress(table, known)).collect();
        root.finish();
    }
    document.finish(file)
}

fn words<T>(fields: &mut Fields<'_, '_>, key: &str, parse: impl Fn(&[String]) -> Result<T, String>) -> Key<T> {
    let Located { value, line } = fields.texts(key)?;
    checked(fields, key, line, parse(&value))
}

fn checked<T>(fields: &Fields<'_, '_>, key: &str, line: usize, result: Result<T, String>) -> Key<T> {
    match result {
        Ok(value) => Some(Located { value, line }),
        Err(why) => {
            fields.problem(line, format!("{key}: {why}"));
            None
        }
    }
}

/// A number with its unit, within bounds.
fn number(fields: &mut Fields<'_, '_>, key: &str, unit: &Unit, least: f64, most: f64) -> Key<f64> {
    let Located { value, line } = fields.scalar(key)?;
    let result = quantity(&value, unit).and_then(|number| {
        let shown = |bound| crate::finding::humane(bound, unit);
        if (least..=most).contains(&number) {
            Ok(number)
        } else {
            Err(format!("has to lie between {} and {}", shown(least), shown(most)))
        }
    });
    checked(fields, key, line, result)
}

fn patterns(fields: &mut Fields<'_, '_>, key: &str) -> Key<Vec<Pattern>> {
    words(fields, key, |words| match words.iter().find(|word| word.is_empty()) {
        Some(_) => Err("an empty pattern matches nothing".to_owned()),
        None => Ok(words.iter().map(|word| Pattern::new(word)).collect()),
    })
}

fn audit(mut fields: Fields<'_, '_>) -> Audit {
    const DAY: f64 = 86_400.0;
    let audit = Audit {
        measure_budget_bytes: number(&mut fields, "measure_budget_bytes", &Unit::Bytes, 0.0, 2_f64.powi(50)),
        measure_budget_seconds: number(&mut fields, "measure_budget_seconds", &Unit::Seconds, 0.0, DAY),
        connections: number(&mut fields, "connections", &Unit::Count, 1.0, 100.0),
        statement_timeout: number(&mut fields, "statement_timeout", &Unit::Seconds, 0.001, DAY),
        plans: plans(&mut fields),
        all_databases: fields.flag("all_databases"),
        reviews: fields.text("reviews"),
    };
    if let Some(connections) = &audit.connections
        && connections.value.fract() != 0.0
    {
        fields.problem(connections.line, "connections: has to be a whole number");
    }
    fields.finish();
    audit
}

fn plans(fields: &mut Fields<'_, '_>) -> Key<Plans> {
    let Located { value, line } = fields.scalar("plans")?;
    let plans = match &value {
        Scalar::Flag(true) => Ok(Plans::On),
        Scalar::Flag(false) => Ok(Plans::Off),
        Scalar::Text(word) if word == "always" => Ok(Plans::Always),
        _ => Err("has to be true, false or \"always\"".to_owned()),
    };
    checked(fields, "plans", line, plans)
}

fn application(mut fields: Fields<'_, '_>) -> Application {
    let application = Application {
        roles: patterns(&mut fields, "roles"),
        maintenance_roles: patterns(&mut fields, "maintenance_roles"),
        maintenance_applications: patterns(&mut fields, "maintenance_applications"),
    };
    fields.finish();
    application
}

fn logs(mut fields: Fields<'_, '_>) -> Logs {
    const MOST: f64 = 1e9;
    let logs = Logs {
        prefix: fields.text("prefix"),
        timezone: fields.text("timezone"),
        min_duration: number(&mut fields, "min_duration", &Unit::Seconds, 0.0, 86_400.0),
        pooled: fields.flag("pooled"),
        max_queries_per_request: number(&mut fields, "max_queries_per_request", &Unit::Count, 1.0, MOST),
        routes: fields.table("routes").map(|mut routes| {
            let line = routes.line;
            // the first that matches counts, and first is what stands first
            let mut patterns = routes.keys();
            patterns.sort_by_key(|(_, line)| *line);
            let budgets: Vec<(String, f64)> = patterns
                .into_iter()
                .filter_map(|(pattern, _)| {
                    let budget = number(&mut routes, &pattern, &Unit::Count, 1.0, MOST)?.value;
                    Some((pattern, budget))
                })
                .collect();
            routes.finish();
            Located { value: budgets, line }
        }),
    };
    fields.finish();
    logs
}

fn review(mut fields: Fields<'_, '_>) -> Review {
    let runner = fields.text("runner").and_then(|Located { value, line }| {
        let known = RUNNERS.contains(&value.as_str());
        let suggestion = did_you_mean(&value, RUNNERS.iter().copied());
        let result = known.then_some(value).ok_or_else(|| format!("is none of {}{suggestion}", RUNNERS.join(", ")));
        checked(&fields, "runner", line, result)
    });
    let review = Review {
        runner,
        pg_version: number(&mut fields, "pg_version", &Unit::Count, f64::from(OLDEST), f64::from(NEWEST)),
        runner_lock_timeout: number(&mut fields, "runner_lock_timeout", &Unit::Seconds, 0.001, 86_400.0),
        runner_statement_timeout: number(&mut fields, "runner_statement_timeout", &Unit::Seconds, 0.001, 86_400.0),
        timezone: fields.text("timezone"),
        require_down: fields.flag("require_down"),
        pedantic: fields.flag("pedantic"),
        schema: fields.text("schema"),
        exclude: patterns(&mut fields, "exclude"),
    };
    fields.finish();
    review
}

fn rules(mut fields: Fields<'_, '_>, known: &[RuleInfo]) -> BTreeMap<&'static str, Rule> {
    let mut rules = BTreeMap::new();
    for (id, line) in fields.keys() {
        match known.iter().find(|info| info.id == id) {
            Some(info) => {
                if let Some(table) = fields.table(&id) {
                    rules.insert(info.id, rule(table, info));
                }
            }
            None => {
                // Taken, so that it is not reported twice.
                let _ = fields.table(&id);
                let suggestion = did_you_mean(&id, known.iter().map(|info| info.id));
                fields.problem(line, format!("[rules] \"{}\" is not a rule{suggestion}", id));
            }
        }
    }
    fields.finish();
    rules
}

fn rule(mut fields: Fields<'_, '_>, info: &RuleInfo) -> Rule {
    let severity = fields.text("severity").and_then(|Located { value, line }| {
        let parsed = parse_severity(&value);
        checked(&fields, "severity", line, parsed)
    });
    let enabled = fields.flag("enabled");
    let mut params = BTreeMap::new();
    for param in info.params {
        if let Some(number) = number(&mut fields, param.name, &param.unit, 0.0, f64::MAX) {
            params.insert(param.name, number);
        }
    }
    fields.finish();
    Rule { severity, enabled, params }
}

fn suppress(mut fields: Fields<'_, '_>, known: &[RuleInfo]) -> Option<Suppress> {
    let key = fields.text("key");
    let rule = fields.text("rule");
    let mut part = |name: &str| fields.text(name);
    let (kind, database, schema) = (part("kind"), part("database"), part("schema"));
    let (table, name, query) = (part("table"), part("name"), part("fingerprint"));
    let reason = fields.text("reason");
    let reason = fields.required("reason", reason);
    let expires = fields.date("expires");
    let line = fields.line;

    if let Some(reason) = &reason
        && reason.value.trim().is_empty()
    {
        fields.problem(reason.line, "the reason is empty: an accepted finding needs one");
    }
    if let Some(kind) = &kind
        && matches!(SubjectKind::from(kind.value.as_str()), SubjectKind::Other(_))
    {
        let suggestion = did_you_mean(&kind.value, SubjectKind::ALL.iter().map(SubjectKind::as_str));
        fields.problem(kind.line, format!("\"{}\" is not a kind of subject{suggestion}", kind.value));
    }
    // A misspelt rule would silently accept nothing.
    let named = match (&key, &rule) {
        (Some(key), _) => Some((key.value.split_once(':').map_or(key.value.as_str(), |(rule, _)| rule), key.line)),
        (None, Some(rule)) => Some((rule.value.as_str(), rule.line)),
        (None, None) => None,
    };
    if let Some((id, line)) = named
        && !known.iter().any(|info| Pattern::new(id).matches(info.id))
    {
        let suggestion = did_you_mean(id, known.iter().map(|info| info.id));
        fields.problem(line, format!("[[suppress]] \"{}\" is not a rule{suggestion}", id));
    }
    if let Some(key) = &key
        && !key.value.contains([':', '*'])
    {
        let text =
            format!("[[suppress]] a key reads rule:subject; for every finding of a rule write \"{}:*\"", key.value);
        fields.problem(key.line, text);
    }
    let parts = [&kind, &database, &schema, &table, &name, &query];
    let subject = parts.iter().any(|part| part.is_some());
    let pattern = |part: Key<String>| part.map(|text| Pattern::new(&text.value));
    let target = match (key, rule) {
        (Some(key), None) if !subject => Some(Target::Key(Pattern::new(&key.value))),
        (None, Some(rule)) => Some(Target::Subject {
            rule: Pattern::new(&rule.value),
            kind: kind.map(|kind| SubjectKind::from(kind.value.as_str())),
            database: pattern(database),
            schema: pattern(schema),
            table: pattern(table),
            name: pattern(name),
            fingerprint: pattern(query),
        }),
        (Some(key), _) => {
            fields.problem(key.line, "[[suppress]] takes either a key, or a rule with parts of its subject, not both");
            None
        }
        (None, None) => {
            fields.problem(line, "[[suppress]] needs a key (as findings print it, * and ? allowed) or a rule");
            None
        }
    };
    fields.finish();
    Some(Suppress { line, target: target?, reason: reason?.value, expires: expires.map(|date| date.value) })
}
