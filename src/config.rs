//! The configuration in effect: every value valid, with where it came from.
//!
//! `pgassay.toml` is read at three places, nearest first: from the working directory upwards, the user's
//! (`$XDG_CONFIG_HOME/pgassay/pgassay.toml`), the machine's (`/etc/pgassay/pgassay.toml`). They are merged key by key:
//! for each key the nearest file that has it decides. Suppressions are not one value but many, so those of all files
//! count.
//!
//! ```toml
//! team = "Shop"
//! reviewer = "Grace"
//! fail_on = ["high", "unused-index:low"]
//! only = []                       # rules or categories
//! skip = ["replication"]
//!
//! [audit]
//! measure_budget_bytes = "2GiB"
//! measure_budget_seconds = 30
//! connections = 3
//! statement_timeout = "10 s"
//! plans = true                    # false, true, "always"
//! all_databases = false
//! reviews = "reviews"
//!
//! [application]
//! roles = ["shop_*"]              # default: every login role but superusers, replication and monitors
//! maintenance_roles = ["migrator"]
//! maintenance_applications = ["pg_dump", "psql"]
//!
//! [logs]
//! prefix = "%m [%p] %q%u@%d "     # default: found by looking at the log
//! timezone = "Asia/Kolkata"
//! min_duration = "0 ms"
//! pooled = false
//! max_queries_per_request = 30
//! [logs.routes]
//! "/reports/*" = 100
//!
//! [review]
//! runner = "goose"                # default: found by looking at the folder
//! pg_version = 17
//! runner_lock_timeout = "5 s"     # the runner sets it, so that no file need to
//! runner_statement_timeout = "15 min"
//! timezone = "UTC"                # of the runner's session
//! require_down = true             # default: where most migrations have one
//! pedantic = false
//! schema = "db/schema.sql"        # what is there before the first migration; relative to this file
//! exclude = ["migrations/legacy/*"]
//!
//! [rules.bloated-index]
//! severity = "low"
//! enabled = true
//! # and the rule's own parameters, numbers with units: "10 min", "20 %", 10000
//!
//! [[suppress]]
//! key = "unused-index:shop/public/orders/*"
//! reason = "used by the yearly report"
//! expires = 2027-01-31
//! ```
//!
//! Everything here is pure: texts go in, and [`discover()`] asks its caller to read files.

mod discover;
pub(crate) mod document;
mod file;
mod gate;
mod pattern;
mod quantity;

pub use discover::{Environment, FILE_NAME, Level, Source, Unreadable, discover};
pub use document::{Problem, Problems};
pub use gate::Gate;
pub use pattern::Pattern;

/// A length of time as people write it (`5m`, `10 min`, `90`) in seconds.
///
/// # Errors
/// One clause that says what would be right.
pub fn seconds(text: &str) -> Result<f64, String> {
    quantity::quantity(&document::Scalar::Text(text.to_owned()), &crate::finding::Unit::Seconds)
}

/// `; did you mean "…"?` where a known word is close to one that is not, else nothing.
pub fn suggestion<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> String {
    did_you_mean(word, known)
}

/// A size as people write it (`2GiB`, `500 MB`, `1048576`) in bytes.
///
/// # Errors
/// One clause that says what would be right.
pub fn bytes(text: &str) -> Result<f64, String> {
    quantity::quantity(&document::Scalar::Text(text.to_owned()), &crate::finding::Unit::Bytes)
}

use crate::finding::{Finding, SubjectKind, humane};
use crate::rule::{Category, Meta, Param, Severity, words};
use document::{Located, did_you_mean};
use file::{File, Key};
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the configuration has to know of a rule.
#[derive(Debug, Clone)]
pub struct RuleInfo {
    /// Its id.
    pub id: &'static str,
    /// The part of the database it looks at.
    pub category: Category,
    /// Its usual severity.
    pub severity: Severity,
    /// Its thresholds.
    pub params: &'static [&'static Param],
}

impl RuleInfo {
    /// Of a rule that says it about itself.
    pub fn new(meta: &Meta, params: &'static [&'static Param]) -> Self {
        Self { id: meta.id, category: meta.category.clone(), severity: meta.severity.clone(), params }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A line of a file.
    File {
        /// How near the file is.
        level: Level,
        /// Its path.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The command line or the environment: the name of the flag or variable.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, .. } => write!(f, "{}:{line}", path.display()),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

impl<T> Setting<T> {
    /// A value nobody configured.
    pub fn default(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }

    /// Replaces the value by one of the command line, where one was given.
    pub fn flag(&mut self, name: &str, value: Option<T>) {
        if let Some(value) = value {
            *self = Self { value, origin: Origin::Flag(name.to_owned()) };
        }
    }
}

words! {
    /// Whether plans are asked of the server.
    Plans {
        /// Never.
        Off = "off",
        /// For statements that are safe, and not as a superuser.
        On = "on",
        /// As a superuser too.
        Always = "always",
    }
}

/// A rule or a category, as `--only` and `--skip` take them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// One rule.
    Rule(&'static str),
    /// All rules of a category.
    Category(Category),
}

impl Selector {
    /// From words, each a rule or a category.
    ///
    /// # Errors
    /// One clause that names the word and what is near it.
    pub fn parse<S: AsRef<str>>(words: &[S], known: &[RuleInfo]) -> Result<Vec<Self>, String> {
        words.iter().map(|word| Self::parse_one(word.as_ref().trim(), known)).collect()
    }

    fn parse_one(word: &str, known: &[RuleInfo]) -> Result<Self, String> {
        if let Some(info) = known.iter().find(|info| info.id == word) {
            return Ok(Self::Rule(info.id));
        }
        match Category::from(word) {
            Category::Other(_) => {
                let words = known.iter().map(|info| info.id).chain(Category::ALL.iter().map(Category::as_str));
                Err(format!("\"{word}\" is neither a rule nor a category{}", did_you_mean(word, words)))
            }
            category => Ok(Self::Category(category)),
        }
    }

    fn selects(&self, rule: &str, category: &Category) -> bool {
        match self {
            Self::Rule(id) => *id == rule,
            Self::Category(own) => own == category,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(id) => f.pad(id),
            Self::Category(category) => category.fmt(f),
        }
    }
}

/// How an audit reads a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// Bytes that measuring may read.
    pub measure_budget_bytes: Setting<u64>,
    /// Time that measuring may take.
    pub measure_budget_time: Setting<Duration>,
    /// Connections to one server at most.
    pub connections: Setting<usize>,
    /// The `statement_timeout` of every query of the audit.
    pub statement_timeout: Setting<Duration>,
    /// Whether plans are asked of the server.
    pub plans: Setting<Plans>,
    /// Whether every database of the server is audited.
    pub all_databases: Setting<bool>,
    /// The directory of reviewed plans; written in a file, it is relative to that file.
    pub reviews: Setting<PathBuf>,
}

/// Which roles and sessions belong to the application.
#[derive(Debug, Clone, PartialEq)]
pub struct Application {
    /// Patterns of login roles; empty for every one but superusers and those for replication and monitoring.
    pub roles: Setting<Vec<Pattern>>,
    /// Patterns of login roles that migrate, dump or report: never the application's.
    pub maintenance_roles: Setting<Vec<Pattern>>,
    /// Patterns of `application_name` whose sessions are never the application's.
    pub maintenance_applications: Setting<Vec<Pattern>>,
}

/// How logs are read and what requests may cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Logs {
    /// The server's `log_line_prefix`; found by looking where there is none.
    pub prefix: Setting<Option<String>>,
    /// The zone of times whose abbreviation does not tell it.
    pub timezone: Setting<Option<String>>,
    /// What `log_min_duration_statement` was.
    pub min_duration: Setting<Option<Duration>>,
    /// Whether clients share server connections.
    pub pooled: Setting<bool>,
    /// Statements a request may have, where no route says otherwise; more is high.
    pub max_queries_per_request: Setting<Option<f64>>,
    /// The same for routes, by pattern; the first that matches counts.
    pub routes: Setting<Vec<(String, f64)>>,
}

impl Logs {
    /// The budgets, by pattern of route: the first that matches counts.
    pub fn budgets(&self) -> Vec<(String, f64)> {
        let everywhere = self.max_queries_per_request.value.map(|budget| ("*".to_owned(), budget));
        self.routes.value.iter().cloned().chain(everywhere).collect()
    }
}

/// The runners of migrations that the configuration may name.
pub const RUNNERS: &[&str] = &[
    "plain",
    "flyway",
    "sqlx",
    "refinery",
    "diesel",
    "goose",
    "dbmate",
    "golang-migrate",
    "prisma",
    "drizzle",
    "rails",
    "alembic",
    "django",
    "liquibase",
    "sqitch",
    "node-pg-migrate",
    "supabase",
];

/// The oldest major version that migrations can be reviewed for.
pub const OLDEST: u16 = 14;

/// The newest major version that migrations can be reviewed for.
pub const NEWEST: u16 = 18;

/// How migrations are reviewed.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// The runner; found by looking at the folder where there is none.
    pub runner: Setting<Option<String>>,
    /// The major version they will run on.
    pub pg_version: Setting<Option<u16>>,
    /// The `lock_timeout` that the runner sets.
    pub runner_lock_timeout: Setting<Option<Duration>>,
    /// The `statement_timeout` that the runner sets.
    pub runner_statement_timeout: Setting<Option<Duration>>,
    /// The `TimeZone` of the runner's session.
    pub timezone: Setting<Option<String>>,
    /// Whether every migration must have a way back.
    pub require_down: Setting<Option<bool>>,
    /// Whether rules that are a matter of opinion run.
    pub pedantic: Setting<bool>,
    /// A dump of what is there before the first migration; written in a file, it is relative to that file.
    pub schema: Setting<Option<PathBuf>>,
    /// Patterns of files that are replayed and not reported on.
    pub exclude: Setting<Vec<Pattern>>,
}

/// What is configured of one rule.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleConfig {
    /// The severity of all its findings.
    pub severity: Option<Setting<Severity>>,
    /// Whether it runs.
    pub enabled: Option<Setting<bool>>,
    /// Its thresholds, in their own units.
    pub params: BTreeMap<&'static str, Setting<f64>>,
}

/// Which findings a suppression accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Those whose key matches.
    Key(Pattern),
    /// Those of rules and subjects that match in every part that is given. Names here are plain, not escaped.
    Subject {
        /// The rule.
        rule: Pattern,
        /// The kind of subject.
        kind: Option<SubjectKind>,
        /// The database.
        database: Option<Pattern>,
        /// The schema.
        schema: Option<Pattern>,
        /// The table it is, or belongs to.
        table: Option<Pattern>,
        /// Its own name.
        name: Option<Pattern>,
        /// The fingerprint of the query.
        fingerprint: Option<Pattern>,
    },
}

impl Target {
    /// Whether a finding is among them.
    pub fn matches(&self, finding: &Finding) -> bool {
        match self {
            Self::Key(pattern) => pattern.matches(&finding.key),
            Self::Subject { rule, kind, database, schema, table, name, fingerprint } => {
                let subject = &finding.subject;
                let agrees = |pattern: &Option<Pattern>, value: &Option<String>| {
                    pattern.as_ref().is_none_or(|pattern| value.as_ref().is_some_and(|value| pattern.matches(value)))
                };
                rule.matches(finding.rule.as_str())
                    && kind.as_ref().is_none_or(|kind| *kind == subject.kind)
                    && agrees(database, &subject.database)
                    && agrees(schema, &subject.schema)
                    && agrees(table, &subject.relation)
                    && agrees(name, &subject.name)
                    && agrees(fingerprint, &subject.fingerprint)
            }
        }
    }

    /// The pattern of the rules it concerns.
    pub fn rule(&self) -> Pattern {
        match self {
            Self::Key(key) => Pattern::new(key.as_str().split_once(':').map_or(key.as_str(), |(rule, _)| rule)),
            Self::Subject { rule, .. } => rule.clone(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(pattern) => f.write_str(pattern.as_str()),
            Self::Subject { rule, kind, database, schema, table, name, fingerprint } => {
                write!(f, "rule {rule}")?;
                let kind = kind.as_ref().map(|kind| Pattern::new(kind.as_str()));
                let parts = [
                    ("kind", &kind),
                    ("database", database),
                    ("schema", schema),
                    ("table", table),
                    ("name", name),
                    ("fingerprint", fingerprint),
                ];
                for (part, pattern) in parts {
                    if let Some(pattern) = pattern {
                        write!(f, ", {part} {pattern}")?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// Findings that somebody accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Suppression {
    /// Which.
    pub target: Target,
    /// Why: never empty.
    pub reason: String,
    /// The last day on which it counts.
    pub expires: Option<Date>,
    /// Where it is written.
    pub origin: Origin,
}

/// The configuration in effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The team on the scorecard.
    pub team: Setting<Option<String>>,
    /// The reviewer on the scorecard.
    pub reviewer: Setting<Option<String>>,
    /// What makes a run fail; nothing configured leaves it to the verb.
    pub fail_on: Setting<Option<Gate>>,
    /// Rules to run, and no others; empty for all.
    pub only: Setting<Vec<Selector>>,
    /// Rules not to run.
    pub skip: Setting<Vec<Selector>>,
    /// How an audit reads a server.
    pub audit: Audit,
    /// Which roles belong to the application.
    pub application: Application,
    /// How logs are read.
    pub logs: Logs,
    /// How migrations are reviewed.
    pub review: Review,
    /// What is configured of rules, by id.
    pub rules: BTreeMap<&'static str, RuleConfig>,
    /// What was accepted, the nearest file's first.
    pub suppressions: Vec<Suppression>,
    /// The files it was read from, nearest first.
    pub files: Vec<(Level, PathBuf)>,
}

impl Default for Config {
    fn default() -> Self {
        Self::merge(&[])
    }
}

/// One value of the configuration in effect, for `config check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The key as it would be written: `audit.connections`.
    pub key: String,
    /// The value in words, rounded as people read it.
    pub value: String,
    /// The value to the last digit, for comparison.
    pub exact: String,
    /// Where it comes from.
    pub origin: Origin,
}

impl Config {
    /// Reads and merges files, nearest first. Rules and parameters that are not among `known` are errors.
    ///
    /// # Errors
    /// Every problem of every file, each on its line.
    pub fn read(sources: &[Source], known: &[RuleInfo]) -> Result<Self, Problems> {
        let mut files = Vec::new();
        let mut problems = Vec::new();
        for source in sources {
            match file::read(&source.path.to_string_lossy(), &source.text, known) {
                Ok(file) => files.push((source.level.clone(), source.path.clone(), file)),
                Err(Problems(more)) => problems.extend(more),
            }
        }
        if problems.is_empty() { Ok(Self::merge(&files)) } else { Err(Problems(problems)) }
    }

    fn merge(files: &[(Level, PathBuf, File)]) -> Self {
        let mut rules: BTreeMap<&'static str, RuleConfig> = BTreeMap::new();
        let mut suppressions = Vec::new();
        for (level, path, file) in files {
            let at = |line| Origin::File { level: level.clone(), path: path.clone(), line };
            for (id, written) in &file.rules {
                let rule = rules.entry(id).or_default();
                // The nearest file comes first: what is there already stays.
                fill(&mut rule.severity, &written.severity, at);
                fill(&mut rule.enabled, &written.enabled, at);
                for (name, Located { value, line }) in &written.params {
                    rule.params.entry(name).or_insert_with(|| Setting { value: *value, origin: at(*line) });
                }
            }
            suppressions.extend(file.suppress.iter().map(|written| Suppression {
                target: written.target.clone(),
                reason: written.reason.clone(),
                expires: written.expires,
                origin: at(written.line),
            }));
        }
        let audit = Audit {
            measure_budget_bytes: nearest(files, |f| &f.audit.measure_budget_bytes, 2.0 * 1_073_741_824.0)
                .map(|bytes| bytes as u64),
            measure_budget_time: nearest(files, |f| &f.audit.measure_budget_seconds, 30.0).map(Duration::from_secs_f64),
            connections: nearest(files, |f| &f.audit.connections, 3.0).map(|number| number as usize),
            statement_timeout: nearest(files, |f| &f.audit.statement_timeout, 10.0).map(Duration::from_secs_f64),
            plans: nearest(files, |f| &f.audit.plans, Plans::Off),
            all_databases: nearest(files, |f| &f.audit.all_databases, false),
            reviews: beside(nearest(files, |f| &f.audit.reviews, "reviews".to_owned())),
        };
        let application = Application {
            roles: nearest(files, |f| &f.application.roles, Vec::new()),
            maintenance_roles: nearest(files, |f| &f.application.maintenance_roles, Vec::new()),
            maintenance_applications: nearest(files, |f| &f.application.maintenance_applications, Vec::new()),
        };
        let logs = Logs {
            prefix: optional(files, |f| &f.logs.prefix),
            timezone: optional(files, |f| &f.logs.timezone),
            min_duration: optional(files, |f| &f.logs.min_duration).map(|time| time.map(Duration::from_secs_f64)),
            pooled: nearest(files, |f| &f.logs.pooled, false),
            max_queries_per_request: optional(files, |f| &f.logs.max_queries_per_request),
            routes: nearest(files, |f| &f.logs.routes, Vec::new()),
        };
        let duration = |time: Setting<Option<f64>>| time.map(|time| time.map(Duration::from_secs_f64));
        let review = Review {
            runner: optional(files, |f| &f.review.runner),
            pg_version: optional(files, |f| &f.review.pg_version).map(|major| major.map(|major| major as u16)),
            runner_lock_timeout: duration(optional(files, |f| &f.review.runner_lock_timeout)),
            runner_statement_timeout: duration(optional(files, |f| &f.review.runner_statement_timeout)),
            timezone: optional(files, |f| &f.review.timezone),
            require_down: optional(files, |f| &f.review.require_down),
            pedantic: nearest(files, |f| &f.review.pedantic, false),
            schema: beside_one(optional(files, |f| &f.review.schema)),
            exclude: nearest(files, |f| &f.review.exclude, Vec::new()),
        };
        Self {
            team: optional(files, |f| &f.team),
            reviewer: optional(files, |f| &f.reviewer),
            fail_on: optional(files, |f| &f.fail_on),
            only: nearest(files, |f| &f.only, Vec::new()),
            skip: nearest(files, |f| &f.skip, Vec::new()),
            audit,
            application,
            logs,
            review,
            rules,
            suppressions,
            files: files.iter().map(|(level, path, _)| (level.clone(), path.clone())).collect(),
        }
    }

    /// A threshold of a rule, in its own unit.
    pub fn param(&self, rule: &str, param: &Param) -> f64 {
        let configured = self.rules.get(rule).and_then(|rule| rule.params.get(param.name));
        configured.map_or(param.default, |setting| setting.value)
    }

    /// The severity configured for all findings of a rule.
    pub fn severity_override(&self, rule: &str) -> Option<&Severity> {
        self.rules.get(rule)?.severity.as_ref().map(|setting| &setting.value)
    }

    /// Whether a rule runs: selected by `only` where there is any, not by `skip`, and not switched off. A rule that the
    /// command line names runs even where a file skips it or switches it off.
    pub fn is_enabled(&self, rule: &str, category: &Category) -> bool {
        let by = |selectors: &[Selector]| selectors.iter().any(|selector| selector.selects(rule, category));
        let selected = self.only.value.is_empty() || by(&self.only.value);
        let demanded = matches!(self.only.origin, Origin::Flag(_))
            && self.only.value.iter().any(|selector| matches!(selector, Selector::Rule(id) if *id == rule));
        let enabled = self.rules.get(rule).and_then(|rule| rule.enabled.as_ref()).is_none_or(|setting| setting.value);
        let skipped = by(&self.skip.value);
        let skipped_by_flag = skipped && matches!(self.skip.origin, Origin::Flag(_));
        selected && !skipped_by_flag && (demanded || (enabled && !skipped))
    }

    /// Every value in effect with where it comes from, in the order of the documentation; of rules only what is
    /// configured.
    pub fn explain(&self) -> Vec<Explained> {
        let mut lines = Lines(Vec::new());
        let optional = |text: &Option<String>| text.clone().unwrap_or_else(|| "not set".to_owned());
        lines.add("team", &self.team, optional);
        lines.add("reviewer", &self.reviewer, optional);
        lines.add("fail_on", &self.fail_on, |gate| {
            gate.as_ref().map_or_else(|| "left to the verb".to_owned(), Gate::to_string)
        });
        lines.add("only", &self.only, |list| listed(list, "all rules"));
        lines.add("skip", &self.skip, |list| listed(list, "none"));
        let Audit { measure_budget_bytes, measure_budget_time, connections, statement_timeout, .. } = &self.audit;
        let bytes = |bytes: &u64| humane(*bytes as f64, &crate::finding::Unit::Bytes);
        let time = |time: &Duration| humane(time.as_secs_f64(), &crate::finding::Unit::Seconds);
        lines.add("audit.measure_budget_bytes", measure_budget_bytes, bytes);
        lines.add("audit.measure_budget_seconds", measure_budget_time, time);
        lines.add("audit.connections", connections, usize::to_string);
        lines.add("audit.statement_timeout", statement_timeout, time);
        lines.add("audit.plans", &self.audit.plans, Plans::to_string);
        lines.add("audit.all_databases", &self.audit.all_databases, bool::to_string);
        lines.add("audit.reviews", &self.audit.reviews, |path| path.display().to_string());
        let Application { roles, maintenance_roles, maintenance_applications } = &self.application;
        lines.add("application.roles", roles, |list| {
            listed(list, "every login role but superusers, replication and monitors")
        });
        lines.add("application.maintenance_roles", maintenance_roles, |list| listed(list, "none"));
        lines.add("application.maintenance_applications", maintenance_applications, |list| listed(list, "none"));
        let Logs { prefix, timezone, min_duration, pooled, max_queries_per_request, routes } = &self.logs;
        lines.add("logs.prefix", prefix, |text| {
            text.clone().unwrap_or_else(|| "found by looking at the log".to_owned())
        });
        lines.add("logs.timezone", timezone, optional);
        let told = |value: &Option<Duration>| value.as_ref().map_or_else(|| "recognised".to_owned(), time);
        lines.add("logs.min_duration", min_duration, told);
        lines.add("logs.pooled", pooled, bool::to_string);
        lines.add("logs.max_queries_per_request", max_queries_per_request, |budget| {
            budget.map_or_else(|| "not set".to_owned(), |budget| budget.to_string())
        });
        lines.add("logs.routes", routes, |routes| {
            let each: Vec<String> = routes.iter().map(|(route, budget)| format!("{route} {budget}")).collect();
            listed(&each, "none")
        });
        let review = &self.review;
        let seconds = |value: &Option<Duration>| value.as_ref().map_or_else(|| "not set".to_owned(), time);
        lines.add("review.runner", &review.runner, |name| {
            name.clone().unwrap_or_else(|| "found by looking at the folder".to_owned())
        });
        lines.add("review.pg_version", &review.pg_version, |major| {
            major.map_or_else(|| format!("the newest known, {NEWEST}"), |major| major.to_string())
        });
        lines.add("review.runner_lock_timeout", &review.runner_lock_timeout, seconds);
        lines.add("review.runner_statement_timeout", &review.runner_statement_timeout, seconds);
        lines.add("review.timezone", &review.timezone, optional);
        lines.add("review.require_down", &review.require_down, |is| {
            is.map_or_else(|| "where most migrations have one".to_owned(), |is| is.to_string())
        });
        lines.add("review.pedantic", &review.pedantic, bool::to_string);
        lines.add("review.schema", &review.schema, |path| {
            path.as_ref().map_or_else(|| "not set".to_owned(), |path| path.display().to_string())
        });
        lines.add("review.exclude", &review.exclude, |list| listed(list, "none"));
        for (id, rule) in &self.rules {
            if let Some(severity) = &rule.severity {
                lines.add(&format!("rules.{id}.severity"), severity, Severity::to_string);
            }
            if let Some(enabled) = &rule.enabled {
                lines.add(&format!("rules.{id}.enabled"), enabled, bool::to_string);
            }
            for (name, value) in &rule.params {
                lines.add(&format!("rules.{id}.{name}"), value, f64::to_string);
            }
        }
        for suppression in &self.suppressions {
            let Suppression { target, reason, expires, origin } = suppression;
            let until = expires.map_or_else(String::new, |date| format!(" until {date}"));
            lines.0.push(Explained {
                key: "suppress".to_owned(),
                value: format!("{target}{until}: {}", document::one_line(reason)),
                exact: format!("{target:?} {expires:?} {reason:?}"),
                origin: origin.clone(),
            });
        }
        lines.0
    }

    /// SHA-256 of the configuration in effect, hexadecimal: equal where every value is, wherever it was written.
    pub fn fingerprint(&self) -> String {
        // how a server was read does not change how it is judged
        let judges = self.explain().into_iter().filter(|line| !line.key.starts_with("audit."));
        let values: Vec<(String, String)> = judges.map(|line| (line.key, line.exact)).collect();
        // Debug quotes and escapes both parts, so that no value can pass for two.
        crate::hash::sha256(format!("{values:?}").as_bytes())
    }
}

struct Lines(Vec<Explained>);

impl Lines {
    fn add<T: fmt::Debug>(&mut self, key: &str, setting: &Setting<T>, show: impl Fn(&T) -> String) {
        let Setting { value, origin } = setting;
        let (value, exact, origin) = (show(value), format!("{value:?}"), origin.clone());
        self.0.push(Explained { key: key.to_owned(), value, exact, origin });
    }
}

fn listed<T: fmt::Display>(list: &[T], empty: &str) -> String {
    match list {
        [] => empty.to_owned(),
        list => list.iter().map(T::to_string).collect::<Vec<_>>().join(", "),
    }
}

impl<T> Setting<T> {
    fn map<U>(self, f: impl FnOnce(T) -> U) -> Setting<U> {
        Setting { value: f(self.value), origin: self.origin }
    }
}

fn fill<T: Clone>(slot: &mut Option<Setting<T>>, written: &Key<T>, at: impl Fn(usize) -> Origin) {
    if let (None, Some(Located { value, line })) = (&slot, written) {
        *slot = Some(Setting { value: value.clone(), origin: at(*line) });
    }
}

fn optional<T: Clone>(files: &[(Level, PathBuf, File)], key: impl Fn(&File) -> &Key<T>) -> Setting<Option<T>> {
    let mut found = None;
    for (level, path, file) in files {
        fill(&mut found, key(file), |line| Origin::File { level: level.clone(), path: path.clone(), line });
    }
    found.map_or_else(|| Setting::default(None), |setting| setting.map(Some))
}

fn nearest<T: Clone>(files: &[(Level, PathBuf, File)], key: impl Fn(&File) -> &Key<T>, default: T) -> Setting<T> {
    let Setting { value, origin } = optional(files, key);
    Setting { value: value.unwrap_or(default), origin }
}

/// A path written in a file is relative to that file.
fn beside_one(setting: Setting<Option<String>>) -> Setting<Option<PathBuf>> {
    let Setting { value, origin } = setting;
    match value {
        Some(text) => beside(Setting { value: text, origin }).map(Some),
        None => Setting { value: None, origin },
    }
}

fn beside(setting: Setting<String>) -> Setting<PathBuf> {
    let directory = match &setting.origin {
        Origin::File { path, .. } => path.parent().map(Path::to_path_buf),
        _ => None,
    };
    setting.map(|text| directory.unwrap_or_default().join(text))
}

#[cfg(test)]
mod tests;
