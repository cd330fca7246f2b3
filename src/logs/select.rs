//! Which entries count: those of a time, of databases, roles, applications.

use super::record::Record;
use crate::glob;

/// What is looked at. Everything where nothing is said.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Microseconds since 1970: not before.
    pub from: Option<i64>,
    /// Microseconds since 1970: before this.
    pub to: Option<i64>,
    /// Patterns of databases, `*` and `?` allowed.
    pub databases: Vec<String>,
    /// Patterns of roles.
    pub users: Vec<String>,
    /// Patterns of `application_name`.
    pub applications: Vec<String>,
}

impl Selection {
    /// Whether an entry counts.
    pub fn takes(&self, record: &Record<'_>) -> bool {
        if let (Some(from), Some(time)) = (self.from, record.time)
            && time < from
        {
            return false;
        }
        if let (Some(to), Some(time)) = (self.to, record.time)
            && time >= to
        {
            return false;
        }
        let matches = |patterns: &[String], name: &[u8]| {
            patterns.is_empty() || {
                let name = String::from_utf8_lossy(name);
                patterns.iter().any(|pattern| glob::matches(pattern, &name))
            }
        };
        matches(&self.databases, record.database)
            && matches(&self.users, record.user)
            && matches(&self.applications, record.application)
    }

    /// What was left out, in words.
    pub fn words(&self) -> Vec<String> {
        let time = |at: i64| crate::time::Timestamp::from_unix_micros(at).to_string();
        let list = |what: &str, patterns: &[String]| {
            (!patterns.is_empty()).then(|| format!("only {what} {}", patterns.join(", ")))
        };
        [
            self.from.map(|from| format!("from {}", time(from))),
            self.to.map(|to| format!("to {}", time(to))),
            list("database", &self.databases),
            list("user", &self.users),
            list("application", &self.applications),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
