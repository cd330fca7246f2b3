//! What every rule is, whichever family it belongs to: a check over a snapshot, a detector over a workload, a rule over
//! a migration. A rule is a value; its documentation is the head of its own file.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// The identity of a rule: kebab-case, states the bad pattern, reads as "allow …".
/// Equal to the file stem (with `-` for `_`), the fixture folder, the documentation anchor and the configuration key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub Cow<'static, str>);

impl RuleId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for RuleId {
    fn from(id: &'static str) -> Self {
        Self(Cow::Borrowed(id))
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant,)+
            /// A word written by another version of the tool.
            Other(String) }
        impl $name {
            /// Every word this version knows, in their order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The word used in every output.
            pub fn as_str(&self) -> &str {
                match self { $(Self::$variant => $word,)+ Self::Other(word) => word }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.pad(self.as_str()) }
        }
        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word { $($word => Self::$variant,)+ other => Self::Other(other.to_owned()) }
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::from(<String as serde::Deserialize>::deserialize(deserializer)?.as_str()))
            }
        }
    };
}
pub(crate) use words;

words! {
    /// How much a finding matters, weakest first.
    Severity {
        /// Worth knowing; never a reason to act tonight.
        Info = "info",
        /// Costs something, breaks nothing.
        Low = "low",
        /// Will hurt as the system grows.
        Medium = "medium",
        /// Hurts now, or stops the system when it strikes.
        High = "high",
    }
}

words! {
    /// How a statement about the server came to be known, weakest first: the stronger one wins.
    Evidence {
        /// A person said so, with a date.
        Attested = "attested",
        /// A bound or a pattern: true of what is known, not read off.
        Inferred = "inferred",
        /// A statistical model.
        Estimated = "estimated",
        /// The number itself was read.
        Measured = "measured",
    }
}

words! {
    /// The part of the database a rule looks at; `--only` and `--skip` take it in place of a rule.
    Category {
        /// Indexes and the keys they serve.
        Indexes = "indexes",
        /// Tables, columns, keys.
        Tables = "tables",
        /// Vacuum, freezing, bloat.
        Vacuum = "vacuum",
        /// Statements and their plans.
        Queries = "queries",
        /// Sessions, pools, limits.
        Connections = "connections",
        /// Standbys, slots, archiving.
        Replication = "replication",
        /// Configuration parameters.
        Settings = "settings",
        /// Roles, grants, encryption.
        Security = "security",
        /// Locks and what waits for them.
        Locking = "locking",
        /// Migrations.
        Schema = "schema",
    }
}

/// What a rule says about itself.
#[derive(Debug)]
pub struct Meta {
    /// Its identity.
    pub id: &'static str,
    /// The part of the database it looks at.
    pub category: Category,
    /// The severity of its usual finding; a finding may be weaker or stronger where the facts say so.
    pub severity: Severity,
    /// The source of the rule's own file, whose leading `//!` lines are its documentation.
    pub source: &'static str,
}

impl Meta {
    /// The first line of the documentation: what is wrong, in a few words.
    pub fn title(&self) -> &'static str {
        self.source.lines().next().map_or("", |line| line.trim_start_matches("//!").trim())
    }

    /// The documentation as Markdown: the leading `//!` lines, without the title.
    pub fn documentation(&self) -> String {
        let lines = self.source.lines().take_while(|line| line.starts_with("//!")).skip(1);
        let text: Vec<&str> = lines.map(|line| line.strip_prefix("//! ").unwrap_or(&line[3..])).collect();
        text.join("\n").trim().to_owned()
    }
}

/// A threshold a user can change in `pgassay.toml` under `[rules.<id>]`. Its value is printed with the finding.
#[derive(Debug)]
pub struct Param {
    /// The key in the configuration: snake_case.
    pub name: &'static str,
    /// One sentence: what it decides and where the default comes from.
    pub doc: &'static str,
    /// The value when nothing is configured.
    pub default: f64,
    /// What the number counts.
    pub unit: crate::finding::Unit,
}

/// The thresholds that were configured; every other one has its default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Params {
    overrides: std::collections::BTreeMap<(String, String), f64>,
}

impl Params {
    /// Sets a threshold of a rule.
    pub fn set(&mut self, rule: &str, param: &str, value: f64) {
        self.overrides.insert((rule.to_owned(), param.to_owned()), value);
    }

    /// The threshold in effect.
    pub fn get(&self, rule: &str, param: &Param) -> f64 {
        self.overrides.get(&(rule.to_owned(), param.name.to_owned())).copied().unwrap_or(param.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_is_read_from_the_head_of_the_file() {
        let meta = Meta {
            id: "x",
            category: Category::Indexes,
            severity: Severity::Low,
            source: "//! A title\n//!\n//! ## Why it matters\n//! Because.\nuse x;\n//! not this\n",
        };
        assert_eq!(meta.title(), "A title");
        assert_eq!(meta.documentation(), "## Why it matters\nBecause.");
    }

    #[test]
    fn unknown_words_survive_a_round_trip() {
        let severity: Severity = serde_json::from_str("\"critical\"").unwrap();
        assert_eq!(severity, Severity::Other("critical".into()));
        assert_eq!(serde_json::to_string(&severity).unwrap(), "\"critical\"");
        assert!(Severity::High > Severity::Info && Evidence::Measured > Evidence::Attested);
    }
}
