//! What an application's own configuration says about its pool: sizes, timeouts, leak detection.
//!
//! A server sees none of it, and items 4.2 to 4.6 ask for it. Files are read as they are written, in properties, YAML, INI,
//! TOML, JSON, connection strings, or the source that builds the pool; that last is not run, so what it computes stays
//! *unreadable*, with its line. Nothing but numbers and the names of keys is kept.

mod entries;
mod known;
mod quantity;

use crate::rule::words;
use known::{KNOWN, Known, Meaning};
use serde::{Deserialize, Serialize};

words! {
    /// What a setting is about.
    What {
        /// The most connections.
        Size = "size",
        /// Connections beyond that.
        Overflow = "overflow",
        /// Connections that are kept whatever happens.
        Minimum = "minimum",
        /// How long a client waits for a connection.
        AcquireTimeout = "acquire_timeout",
        /// How long a connection lives.
        Lifetime = "lifetime",
        /// How long it stays idle.
        IdleTimeout = "idle_timeout",
        /// Whether somebody hears of connections that are not given back.
        LeakDetection = "leak_detection",
    }
}

/// A number of connections, or of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// So many.
    Number(f64),
    /// Without end.
    Unlimited,
    /// The pool has no such thing, or it is switched off.
    Off,
}

impl Amount {
    /// The number, where it is one.
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Unlimited | Self::Off => None,
        }
    }
}

/// How a setting was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "found")]
pub enum Reading {
    /// It is written there.
    Set {
        /// In connections or seconds.
        amount: Amount,
        /// The line, 1-based.
        line: usize,
    },
    /// It is not written, so the pool's own default holds.
    NotSet {
        /// In connections or seconds.
        default: Amount,
    },
    /// It is written, but what it comes to shows only when the application runs.
    Unreadable {
        /// The line, 1-based.
        line: usize,
        /// Why.
        because: String,
    },
}

impl Reading {
    /// What holds; none where that cannot be read.
    pub fn amount(&self) -> Option<Amount> {
        match self {
            Self::Set { amount, .. } => Some(*amount),
            Self::NotSet { default } => Some(*default),
            Self::Unreadable { .. } => None,
        }
    }
}

/// One setting of a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// What it is about.
    pub what: What,
    /// The pool's name for it; empty where it has none.
    pub key: String,
    /// How it was found.
    pub reading: Reading,
}

/// What a file says about a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplicationConfig {
    /// The pool's id, as `--for` takes it.
    pub pool: String,
    /// Its settings, each of [`What`] once.
    pub settings: Vec<Setting>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

impl ApplicationConfig {
    /// The setting of a kind.
    pub fn setting(&self, what: &What) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.what == *what)
    }

    /// What holds for a kind; none where it cannot be read.
    pub fn amount(&self, what: &What) -> Option<Amount> {
        self.setting(what).and_then(|setting| setting.reading.amount())
    }

    /// The most connections of one pool, overflow included; none where that cannot be read.
    pub fn most(&self) -> Option<Amount> {
        let size = self.amount(&What::Size)?;
        match (size, self.amount(&What::Overflow)?) {
            (Amount::Number(size), Amount::Number(overflow)) => Some(Amount::Number(size + overflow)),
            (Amount::Number(_), Amount::Unlimited) => Some(Amount::Unlimited),
            (size, _) => Some(size),
        }
    }

    /// Whether as many connections are always kept as there may be, so that an idle timeout never ends one.
    pub fn is_constant(&self) -> bool {
        match (self.amount(&What::Minimum), self.amount(&What::Size)) {
            (Some(Amount::Number(minimum)), Some(Amount::Number(size))) => minimum >= size,
            _ => false,
        }
    }
}

/// Why a file says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// No key of any pool is in it.
    NoPool,
    /// The pool that was named is none that is known.
    UnknownPool(String),
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoPool => f.write_str("no setting of a known connection pool is in it"),
            Self::UnknownPool(name) => write!(f, "\"{name}\" is no pool that is known"),
        }
    }
}

impl std::error::Error for Unread {}

/// Reads a file; its name tells the format, `pool` which pool it is of where that is known.
///
/// # Errors
/// Nothing in it is a setting of a pool.
pub fn read(name: &str, text: &str, pool: Option<&str>) -> Result<ApplicationConfig, Unread> {
    let entries = entries::read(name, text);
    let known = match pool {
        Some(id) => {
            let known = KNOWN.iter().find(|known| known.id == id);
            *known.ok_or_else(|| Unread::UnknownPool(id.chars().take(40).collect()))?
        }
        None => {
            let best = KNOWN.iter().map(|known| (known.score(&entries, text), *known)).filter(|(score, _)| *score > 0);
            // of equals the first: max_by_key would take the last
            best.reduce(|best, other| if other.0 > best.0 { other } else { best }).ok_or(Unread::NoPool)?.1
        }
    };
    let settings = What::ALL.iter().map(|what| setting(known, what, &entries)).collect();
    let notes = known.notes.iter().filter(|note| note.applies(&entries)).map(|note| note.text.to_owned()).collect();
    let config = ApplicationConfig { pool: known.id.to_owned(), settings, notes };
    Ok(config)
}

fn setting(known: &Known, what: &What, entries: &[entries::Entry]) -> Setting {
    let default = || Reading::NotSet { default: known.default(what) };
    let meanings = || known.meanings.iter().filter(|meaning| meaning.what == *what);
    let found = meanings().find_map(|meaning| Some((meaning, meaning.entry(entries)?)));
    match found {
        Some((meaning, entry)) => {
            Setting { what: what.clone(), key: entry.key.clone(), reading: reading(meaning, entry) }
        }
        None => Setting {
            what: what.clone(),
            key: meanings().next().map_or(String::new(), |meaning| meaning.name.to_owned()),
            reading: default(),
        },
    }
}

fn reading(meaning: &Meaning, entry: &entries::Entry) -> Reading {
    match quantity::read(&entry.value, meaning.unit, meaning.zero) {
        Ok(amount) => Reading::Set { amount, line: entry.line },
        Err(because) => Reading::Unreadable { line: entry.line, because },
    }
}

#[cfg(test)]
mod tests;
