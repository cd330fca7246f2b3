//! The value a login role's session starts with, in a database it may enter: what PostgreSQL itself works out at login.
//!
//! Of what `alter role … in database`, `alter role`, `alter database`, `alter role all` and the server say, the first that
//! says anything counts. Membership passes nothing on. What a session sets for itself later, or asks for in its connection
//! string, is not in the catalog.

use crate::catalog::quote;
use crate::checks::context::{ServerContext, ServerSetting};
use crate::facts::roles::Role;
use crate::finding::{Finding, Subject};
use crate::outcome::{Missing, Reason, Verdict};
use crate::rule::{Meta, Severity};
use std::collections::{BTreeSet, HashMap};

/// Where a value is set, most general first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The configuration files, the command line, or the compiled-in default.
    Server,
    /// `alter role all set`
    Everyone,
    /// `alter database … set`
    Database(String),
    /// `alter role … set`
    Role(String),
    /// `alter role … in database … set`
    RoleInDatabase {
        /// The role.
        role: String,
        /// The database.
        database: String,
    },
}

impl Scope {
    /// The scope of a row of `pg_db_role_setting`.
    pub fn of_override(role: Option<&str>, database: Option<&str>) -> Self {
        match (role, database) {
            (None, None) => Self::Everyone,
            (None, Some(database)) => Self::Database(database.to_owned()),
            (Some(role), None) => Self::Role(role.to_owned()),
            (Some(role), Some(database)) => {
                Self::RoleInDatabase { role: role.to_owned(), database: database.to_owned() }
            }
        }
    }

    /// The role it is set for, if it is set for one.
    pub fn role(&self) -> Option<&str> {
        match self {
            Self::Role(role) | Self::RoleInDatabase { role, .. } => Some(role),
            _ => None,
        }
    }

    /// The database it is set for, if it is set for one.
    pub fn database(&self) -> Option<&str> {
        match self {
            Self::Database(database) | Self::RoleInDatabase { database, .. } => Some(database),
            _ => None,
        }
    }

    /// In words: `the server`, `role app in database shop`.
    pub fn describe(&self) -> String {
        match self {
            Self::Server => "the server".to_owned(),
            Self::Everyone => "all roles".to_owned(),
            Self::Database(database) => format!("database {database}"),
            Self::Role(role) => format!("role {role}"),
            Self::RoleInDatabase { role, database } => format!("role {role} in database {database}"),
        }
    }

    /// The SQL that sets a parameter here, or takes it back. It locks no table; sessions opened afterwards have the value.
    pub fn alter(&self, name: &str, value: Option<&str>) -> String {
        // parameters of extensions have a dot, each part is a name of its own
        let name = name.split('.').map(quote).collect::<Vec<_>>().join(".");
        let change = match value {
            Some(value) => format!("set {name} = {}", crate::catalog::literal(value)),
            None => format!("reset {name}"),
        };
        match self {
            Self::Server => format!("alter system {change};\nselect pg_reload_conf();"),
            Self::Everyone => format!("alter role all {change};"),
            Self::Database(database) => format!("alter database {} {change};", quote(database)),
            Self::Role(role) => format!("alter role {} {change};", quote(role)),
            Self::RoleInDatabase { role, database } => {
                format!("alter role {} in database {} {change};", quote(role), quote(database))
            }
        }
    }
}

/// A value in effect, and who said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InEffect {
    /// The parameter.
    pub name: String,
    /// The value as it was written; the server's is in the parameter's own base unit.
    pub text: String,
    /// Where it is set.
    pub scope: Scope,
    /// Whether it is the server's as far as the configuration files tell, what is in effect being hidden.
    pub by_file: bool,
}

impl InEffect {
    /// Who said so, in words: `role app`, `the server`, `the server, by the configuration file`.
    pub fn set_for(&self) -> String {
        let scope = self.scope.describe();
        if self.by_file { format!("{scope}, by the configuration file") } else { scope }
    }

    /// The value as milliseconds; 0 is off for every timeout, and -1 for the thresholds of the log.
    ///
    /// # Errors
    /// The value is no duration, which no server would have accepted.
    pub fn milliseconds(&self) -> Result<f64, Missing> {
        milliseconds(&self.text).ok_or_else(|| {
            Missing::new(
                "settings",
                Reason::Failed,
                format!("the value of {} for {} is not a duration", self.name, self.scope.describe()),
            )
        })
    }
}

/// One parameter, resolved for any role in any database.
#[derive(Debug, Clone)]
pub struct Effective<'a> {
    name: &'a str,
    server: Result<ServerSetting, Missing>,
    overrides: HashMap<(Option<&'a str>, Option<&'a str>), &'a str>,
}

impl<'a> Effective<'a> {
    /// Gathers what is said about a parameter.
    ///
    /// # Errors
    /// The overrides were not read: then no value is certain.
    pub fn new(cx: &ServerContext<'a>, name: &'a str) -> Result<Self, Missing> {
        let overrides = cx.snapshot.server.setting_overrides.read()?.iter();
        let overrides = overrides
            .filter(|row| row.name.eq_ignore_ascii_case(name))
            .map(|row| ((row.role.as_deref(), row.database.as_deref()), row.value.as_str()))
            .collect();
        Ok(Self { name, server: cx.told_by_server(name), overrides })
    }

    /// The value for a role in a database; with neither, for nobody in particular.
    ///
    /// # Errors
    /// Nobody overrides the server's value, and that is hidden.
    pub fn of(&self, role: Option<&str>, database: Option<&str>) -> Result<InEffect, Missing> {
        let asked = [(role, database), (role, None), (None, database), (None, None)];
        for (role, database) in asked {
            if let Some(text) = self.overrides.get(&(role, database)) {
                return Ok(self.value((*text).to_owned(), Scope::of_override(role, database)));
            }
        }
        let server = self.server.clone()?;
        Ok(InEffect { by_file: server.by_file, ..self.value(server.text, Scope::Server) })
    }

    /// The overrides alone, each with its scope, most general first.
    pub fn overrides(&self) -> Vec<InEffect> {
        let mut overrides: Vec<InEffect> = self
            .overrides
            .iter()
            .map(|((role, database), text)| self.value((*text).to_owned(), Scope::of_override(*role, *database)))
            .collect();
        overrides.sort_by(|a, b| a.scope.cmp(&b.scope));
        overrides
    }

    fn value(&self, text: String, scope: Scope) -> InEffect {
        InEffect { name: self.name.to_owned(), text, scope, by_file: false }
    }
}

/// A duration as PostgreSQL reads it for a parameter in milliseconds: `30s`, `1.5min`, `0x1e`; a bare number is
/// milliseconds. As there, a fraction is rounded to a multiple of the next smaller unit (so `0.0001d` is nothing), and then
/// to whole milliseconds (so `100us` is nothing). None for what the server refuses.
pub fn milliseconds(text: &str) -> Option<f64> {
    let text = text.trim_start_matches(is_space);
    let (number, rest) = number(text)?;
    let rest = rest.trim_matches(is_space);
    // each unit with the next smaller one
    let value = match rest {
        "" => number,
        "d" => to_multiple(number, 86_400_000.0, 3_600_000.0),
        "h" => to_multiple(number, 3_600_000.0, 60_000.0),
        "min" => to_multiple(number, 60_000.0, 1000.0),
        "s" => to_multiple(number, 1000.0, 1.0),
        "ms" => to_multiple(number, 1.0, 0.001),
        "us" => number * 0.001,
        _ => return None,
    };
    let value = value.round_ties_even();
    (value.abs() <= f64::from(i32::MAX)).then_some(value)
}

/// Whether a duration was written without a unit.
pub fn is_bare(text: &str) -> bool {
    let text = text.trim_matches(is_space);
    number(text).is_some_and(|(_, rest)| rest.is_empty())
}

fn to_multiple(value: f64, unit: f64, smaller: f64) -> f64 {
    (value * unit / smaller).round_ties_even() * smaller
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// The number at the head of a text, and what follows it: a whole number as C's `strtol` reads it with any base, or, where
/// a point or an exponent follows, a decimal one.
fn number(text: &str) -> Option<(f64, &str)> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let digits = |text: &str, base: u32| text.chars().take_while(|digit| digit.is_digit(base)).count();
    let hexadecimal = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X"));
    let (body, base) = match hexadecimal {
        Some(body) if digits(body, 16) > 0 => (body, 16),
        _ if unsigned.starts_with('0') => (unsigned, 8),
        _ => (unsigned, 10),
    };
    let length = digits(body, base);
    let rest = &body[length..];
    if rest.starts_with(['.', 'e', 'E']) {
        // a hexadecimal fraction is not worth the trouble
        return if base == 16 { None } else { decimal(unsigned).map(|(value, rest)| (sign * value, rest)) };
    }
    if length == 0 {
        return None;
    }
    let mut value = 0.0;
    for digit in body[..length].chars().filter_map(|digit| digit.to_digit(base)) {
        value = value * f64::from(base) + f64::from(digit);
    }
    Some((sign * value, rest))
}

/// An unsigned decimal number with a point or an exponent, the longest there is.
fn decimal(text: &str) -> Option<(f64, &str)> {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
    let mut end = digits(text);
    let mut any = end > 0;
    if text[end..].starts_with('.') {
        let fraction = digits(&text[end + 1..]);
        any |= fraction > 0;
        end += 1 + fraction;
    }
    if !any {
        return None;
    }
    if text[end..].starts_with(['e', 'E']) {
        let exponent = &text[end + 1..];
        let signed = usize::from(exponent.starts_with(['+', '-']));
        let length = digits(&exponent[signed..]);
        if length > 0 {
            end += 1 + signed + length;
        }
    }
    let value: f64 = text[..end].parse().ok()?;
    Some((value, &text[end..]))
}

/// What a login role is to a judgement of its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// An application's role.
    Application,
    /// A superuser that an application is logged in as, at this instant.
    SuperuserAtWork,
    /// A superuser, where no other role could be an application's.
    OnlySuperuser,
}

/// A login role and a database it may enter.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// The role.
    pub role: &'a Role,
    /// The database.
    pub database: &'a str,
    /// What it is.
    pub standing: Standing,
}

impl Login<'_> {
    /// The severity of a finding about it, where `usual` is an application's.
    pub fn severity(&self, usual: &Severity) -> Severity {
        match self.standing {
            Standing::Application => usual.clone(),
            Standing::SuperuserAtWork => Severity::Info,
            Standing::OnlySuperuser if *usual > Severity::Low => Severity::Low,
            Standing::OnlySuperuser => Severity::Info,
        }
    }

    /// The SQL that sets a parameter for it and for nobody else.
    pub fn alter(&self, name: &str, value: &str) -> String {
        Scope::of_override(Some(&self.role.name), Some(self.database)).alter(name, Some(value))
    }

    /// How it is called in a message.
    pub fn label(&self) -> String {
        match self.standing {
            Standing::Application => format!("role {}", self.role.name),
            _ => format!("superuser {}", self.role.name),
        }
    }
}

/// The databases that are judged: those that were audited. What holds in another is told by the audit of that one.
pub fn is_application_database(cx: &ServerContext<'_>, database: &str) -> bool {
    cx.snapshot.database(database).is_some()
}

/// Every application's role in every database it may enter; with the superusers that applications are logged in as. Where
/// no role could be an application's, the superusers.
///
/// # Errors
/// The roles, or where they may enter, were not read.
pub fn logins<'a>(cx: &ServerContext<'a>) -> Result<Vec<Login<'a>>, Missing> {
    let roles: HashMap<&str, &'a Role> =
        cx.snapshot.server.roles.read()?.iter().map(|role| (role.name.as_str(), role)).collect();
    let entries = cx.snapshot.server.role_databases.read()?;
    let entries: Vec<(&'a Role, &'a str)> = entries
        .iter()
        .filter(|entry| is_application_database(cx, &entry.database))
        .filter_map(|entry| Some((*roles.get(entry.role.as_str())?, entry.database.as_str())))
        .collect();
    let superusers = entries.iter().filter(|(role, _)| role.is_superuser && !is_maintenance(cx, role));
    let applications: Vec<Login<'a>> = entries
        .iter()
        .filter(|(role, _)| cx.is_application(role))
        .map(|(role, database)| Login { role, database, standing: Standing::Application })
        .collect();
    if applications.is_empty() {
        return Ok(superusers
            .map(|(role, database)| Login { role, database, standing: Standing::OnlySuperuser })
            .collect());
    }
    let sessions = cx.snapshot.server.activity.ok().map_or(&[][..], Vec::as_slice);
    let at_work: BTreeSet<(&str, &str)> = sessions
        .iter()
        .filter(|session| session.is_client() && !crate::sessions::is_somebodys(cx, session))
        .filter_map(|session| Some((session.process.role.as_deref()?, session.process.database.as_deref()?)))
        .collect();
    let at_work = superusers
        .filter(|(role, database)| !cx.is_application(role) && at_work.contains(&(role.name.as_str(), *database)))
        .map(|(role, database)| Login { role, database, standing: Standing::SuperuserAtWork });
    let at_work: Vec<Login<'a>> = at_work.collect();
    Ok(applications.into_iter().chain(at_work).collect())
}

/// Whether the configuration says that a role does maintenance, backups, migrations or monitoring.
pub fn is_maintenance(cx: &ServerContext<'_>, role: &Role) -> bool {
    cx.role_kinds.maintenance.iter().any(|pattern| crate::glob::matches(pattern, &role.name))
}

/// Judges every login by a function that says what is wrong with it, if anything.
///
/// # Errors
/// The roles, or where they may enter, were not read.
pub fn judge_logins<'a>(
    cx: &ServerContext<'a>,
    meta: &Meta,
    judge: impl Fn(&Login<'a>) -> Result<Option<Finding>, Missing>,
) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::default();
    for login in logins(cx)? {
        match judge(&login) {
            Ok(finding) => {
                verdict.examine();
                if let Some(finding) = finding {
                    let severity = login.severity(&finding.severity);
                    verdict.find(finding.severity(severity));
                }
            }
            Err(missing) => verdict.cannot_tell(login_subject(&login), missing),
        }
    }
    if verdict.examined == 0 && verdict.unjudged.is_empty() {
        verdict.cannot_tell(Subject::server(), nobody(meta.id));
    }
    Ok(verdict)
}

/// The subject of a role in a database.
pub fn login_subject(login: &Login<'_>) -> Subject {
    Subject::named(crate::finding::SubjectKind::Role, Some(login.database), &login.role.name)
}

/// Nobody was there to judge.
fn nobody(rule: &str) -> Missing {
    Missing::new(
        "roles",
        Reason::Input,
        format!("{rule} looks at applications' login roles, and no role here could be one that may enter a database"),
    )
    .unlocked_by("name the applications' roles in pgassay.toml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lab, rows};

    /// What PostgreSQL 15 itself made of each, by `set_config('statement_timeout', …)` and `pg_settings.setting`.
    const ASKED: &[(&str, Option<f64>)] = &[
        ("30s", Some(30_000.0)),
        ("5min", Some(300_000.0)),
        ("1d", Some(86_400_000.0)),
        ("1h", Some(3_600_000.0)),
        ("100us", Some(0.0)),
        ("500us", Some(0.0)),
        ("1500us", Some(2.0)),
        ("0.4us", Some(0.0)),
        ("30", Some(30.0)),
        ("0.5s", Some(500.0)),
        (".5s", Some(500.0)),
        ("0.5", Some(0.0)),
        ("1.5", Some(2.0)),
        ("2.5", Some(2.0)),
        ("5.", Some(5.0)),
        ("30 s", Some(30_000.0)),
        (" 30s ", Some(30_000.0)),
        ("+5s", Some(5000.0)),
        ("0x1e", Some(30.0)),
        ("010", Some(8.0)),
        ("1e3", Some(1000.0)),
        ("1e3ms", Some(1000.0)),
        ("1.5e0s", Some(1500.0)),
        ("1.5min", Some(90_000.0)),
        ("0.0001d", Some(0.0)),
        ("1.2345s", Some(1234.0)),
        ("2147483647", Some(2_147_483_647.0)),
        ("-1", Some(-1.0)), // refused by statement_timeout for its range, meant by the thresholds of the log
        ("2147483648", None),
        ("25d", None),
        ("30s x", None),
        ("30S", None),
        ("30ss", None),
        ("", None),
        ("'30s'", None),
        ("1e", None),
        ("1_000", None),
        ("08", None),
        ("- 1", None),
        ("0xg", None),
        ("nan", None),
        ("inf", None),
        ("1d2h", None),
    ];

    #[test]
    fn durations_are_what_the_server_makes_of_them() {
        for (text, expected) in ASKED {
            assert_eq!(milliseconds(text), *expected, "{text:?}");
        }
        assert!(is_bare("30") && is_bare(" 1.5 ") && !is_bare("30s") && !is_bare("x"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(text in ".*") {
            let _ = milliseconds(&text);
        }

        #[test]
        fn whole_milliseconds_are_themselves(value in 0..i32::MAX) {
            proptest::prop_assert_eq!(milliseconds(&value.to_string()), (value.to_string().parse::<f64>()).ok());
        }
    }

    fn effective(lab: &Lab, role: &str, database: &str) -> Result<(String, Scope), Missing> {
        lab.with_server(|cx| {
            let value = Effective::new(cx, "statement_timeout")?.of(Some(role), Some(database))?;
            Ok((value.text, value.scope))
        })
    }

    #[test]
    fn the_most_specific_scope_counts() {
        let mut lab = Lab::new();
        lab.setting("statement_timeout", "1", Some("ms"));
        let mut steps = vec![(Scope::Server, "1".to_owned())];
        let scopes = [
            (None, None),
            (None, Some("shop")),
            (Some("app"), None),
            (Some("app"), Some("shop")),
            // none of these is about app in shop
            (Some("other"), Some("shop")),
            (Some("app"), Some("other")),
        ];
        for (number, (role, database)) in scopes.into_iter().enumerate() {
            let value = format!("{}s", number + 2);
            lab.set(role, database, "statement_timeout", &value);
            if number < 4 {
                steps.push((Scope::of_override(role, database), value));
            }
            let (scope, text) = steps.last().unwrap().clone();
            assert_eq!(effective(&lab, "app", "shop"), Ok((text, scope)));
        }
        assert_eq!(effective(&lab, "nobody", "elsewhere").unwrap().1, Scope::Everyone);
    }

    #[test]
    fn a_hidden_server_value_hides_only_what_nothing_overrides() {
        let mut lab = Lab::new();
        lab.setting("statement_timeout", "5000", Some("ms"));
        rows(&mut lab.snapshot.server.settings)[0].source = "user".into();
        lab.set(Some("app"), None, "statement_timeout", "30s");
        assert_eq!(effective(&lab, "app", "shop").unwrap().0, "30s");
        assert_eq!(effective(&lab, "web", "shop").unwrap_err().reason, Reason::Privilege);
    }

    #[test]
    fn the_sql_names_the_scope() {
        let alter = |role, database| Scope::of_override(role, database).alter("statement_timeout", Some("30s"));
        assert_eq!(alter(None, None), "alter role all set statement_timeout = '30s';");
        assert_eq!(alter(None, Some("a b")), "alter database \"a b\" set statement_timeout = '30s';");
        assert_eq!(alter(Some("app"), Some("shop")), "alter role app in database shop set statement_timeout = '30s';");
        assert_eq!(
            Scope::Role("app".into()).alter("auto_explain.log_min_duration", None),
            "alter role app reset auto_explain.log_min_duration;"
        );
    }

    #[test]
    fn superusers_are_judged_where_nobody_else_could_be_meant() {
        let mut lab = Lab::new();
        lab.role("postgres").is_superuser = true;
        lab.role("auditor").member_of = vec!["pg_monitor".into()];
        let names = |lab: &Lab| {
            lab.with_server(|cx| {
                logins(cx).unwrap().iter().map(|login| (login.role.name.clone(), login.standing)).collect::<Vec<_>>()
            })
        };
        assert_eq!(names(&lab), [("postgres".to_owned(), Standing::OnlySuperuser)]);
        lab.role("app");
        lab.role("dump");
        lab.role_kinds.maintenance = vec!["dump".into()];
        assert_eq!(names(&lab), [("app".to_owned(), Standing::Application)]);
        lab.session("postgres", "idle", 5.0).application = Some("psql".into());
        assert_eq!(names(&lab).len(), 1);
        lab.session("postgres", "idle", 5.0);
        assert_eq!(names(&lab)[1], ("postgres".to_owned(), Standing::SuperuserAtWork));
        lab.role_kinds.maintenance_applications = vec!["ap?".into()];
        assert_eq!(names(&lab).len(), 1, "the configuration says that it is no application");
    }
}
