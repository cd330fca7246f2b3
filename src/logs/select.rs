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

/// What a selection can be narrowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Narrow {
    /// Databases.
    Databases,
    /// Roles or applications.
    Clients,
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

    /// Whether words say that of some databases only, or of some roles or applications only, anything counts.
    pub fn narrows(words: &[String], to: Narrow) -> bool {
        let starts: &[&str] = match to {
            Narrow::Databases => &["only database "],
            Narrow::Clients => &["only user ", "only application "],
        };
        words.iter().any(|word| starts.iter().any(|start| word.starts_with(start)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_tell_what_was_selected() {
        let selection = Selection { from: Some(0), databases: vec!["shop".into()], ..Selection::default() };
        let words = selection.words();
        assert!(Selection::narrows(&words, Narrow::Databases) && !Selection::narrows(&words, Narrow::Clients));
    }
}
