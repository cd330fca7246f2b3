//! Attestations: what people say about items that no server can show, in a form an auditor accepts.
//!
//! Each names its item, an owner who answers for it, a reviewer who is somebody else, a date, an end (90 days later
//! unless it says), and evidence: files by their SHA-256, or addresses. An attestation that has expired counts for
//! nothing; one whose evidence is gone or was altered counts against the item. A measurement outweighs it.
//!
//! ```toml
//! [[attest]]
//! item = "4.3"
//! status = "pass"                 # pass, fail, not_applicable
//! owner = "Ada"
//! reviewer = "Grace"
//! date = 2026-11-01
//! expires = 2027-01-30            # default: 90 days after the date
//! evidence = [{ path = "evidence/hikari.properties", sha256 = "…" }, { url = "https://…" }]
//! scope = ["shop*", "db1:5432/*"] # databases, or host:port/database; default: everything
//! note = "connectionTimeout is 5 s"
//! ```

use crate::config::document::{Document, Fields, Located, day, did_you_mean, one_line};
use crate::config::{Pattern, Problems};
use crate::report::{Attested, State};
use crate::time::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;

/// How long an attestation counts that does not say.
pub const DEFAULT_DAYS: i64 = 90;

/// What somebody said about an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Attestation {
    /// The item's id.
    pub item: String,
    /// What was said: pass, fail or not applicable.
    pub status: State,
    /// Who answers for it.
    pub owner: String,
    /// Who looked at it: somebody else.
    pub reviewer: String,
    /// When it was said.
    pub date: Date,
    /// The last day on which it counts.
    pub expires: Date,
    /// What it rests on.
    pub evidence: Vec<Exhibit>,
    /// The databases it speaks of; everything where it is empty.
    pub scope: Vec<Pattern>,
    /// In the owner's words.
    pub note: Option<String>,
    /// Where it is written: the line.
    pub line: usize,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhibit {
    /// Its path or address, as written.
    pub place: String,
    /// The SHA-256 it had when it was reviewed, lower-case hexadecimal.
    pub sha256: Option<String>,
    /// What is wrong with it now, in one clause.
    pub broken: Option<String>,
}

impl Attestation {
    /// Whether it speaks of a database of a target `host:port/database`.
    fn covers(&self, target: &str, database: &str) -> bool {
        let host = target.rsplit_once('/').map_or(target, |(host, _)| host);
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let matches = |pattern: &Pattern| match pattern.as_str().contains('/') {
            true => pattern.matches(&format!("{host}/{database}")) || pattern.matches(&format!("{name}/{database}")),
            false => pattern.matches(database),
        };
        self.scope.is_empty() || self.scope.iter().any(matches)
    }

    fn broken(&self) -> Option<&str> {
        self.evidence.iter().find_map(|exhibit| exhibit.broken.as_deref())
    }

    /// `: note`, or nothing.
    pub(crate) fn note_clause(&self) -> String {
        self.note.as_ref().map_or_else(String::new, |note| format!(": {note}"))
    }
}

impl From<&Attestation> for Attested {
    fn from(attestation: &Attestation) -> Self {
        Self {
            owner: attestation.owner.clone(),
            reviewer: attestation.reviewer.clone(),
            date: attestation.date.to_string(),
            expires: attestation.expires.to_string(),
            state: attestation.status.clone(),
            evidence: attestation.evidence.iter().map(|exhibit| exhibit.place.clone()).collect(),
        }
    }
}

/// What was said about one item, for one run.
#[derive(Debug, Clone, PartialEq)]
pub enum Word<'a> {
    /// Nothing.
    None,
    /// Something that does not count, and why.
    Ignored(String),
    /// Something that counts.
    Counts(&'a Attestation),
    /// Something whose evidence is gone or altered, and how.
    Broken(&'a Attestation, String),
}

/// Everything that was said, and the day it is judged on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attestations {
    /// In the order of the file.
    pub all: Vec<Attestation>,
    today: Option<Date>,
}

/// Reads an evidence file by its path as written: its bytes, or why not in one clause.
pub type ReadFile<'r> = &'r dyn Fn(&str) -> Result<Vec<u8>, String>;

impl Attestations {
    /// Reads a file of attestations. `items` are the ids there are, `as_of` is the instant they are judged at; `read` reads evidence files, whose
    /// paths are relative to this file.
    ///
    /// # Errors
    /// Every problem of the file, each on its line.
    pub fn parse(
        path: &str,
        text: &str,
        items: &[&str],
        as_of: Timestamp,
        read: ReadFile<'_>,
    ) -> Result<Self, Problems> {
        let document = Document::new(path, text);
        let mut all = Vec::new();
        if let Some(mut root) = document.root() {
            for table in root.tables("attest") {
                all.extend(attestation(table, items, read));
            }
            root.finish();
        }
        document.finish(Self { all, today: Some(day(as_of)) })
    }

    /// What was said about an item, for the databases of a target. Of several that count, the latest does; of two of
    /// one day, the one that claims less.
    pub fn word(&self, item: &str, target: &str, databases: &[String]) -> Word<'_> {
        let about: Vec<&Attestation> = self.all.iter().filter(|attestation| attestation.item == item).collect();
        let mut ignored = None;
        let mut counting: Vec<&Attestation> = Vec::new();
        for attestation in about {
            match self.objection(attestation, target, databases) {
                None => counting.push(attestation),
                Some(why) => ignored = Some(why),
            }
        }
        let modesty = |attestation: &Attestation| attestation.broken().is_some() || attestation.status == State::Fail;
        match (counting.into_iter().max_by_key(|attestation| (attestation.date, modesty(attestation))), ignored) {
            (Some(attestation), _) => match attestation.broken() {
                Some(why) => Word::Broken(attestation, why.to_owned()),
                None => Word::Counts(attestation),
            },
            (None, Some(why)) => Word::Ignored(why),
            (None, None) => Word::None,
        }
    }

    /// Why an attestation does not count in this run.
    fn objection(&self, attestation: &Attestation, target: &str, databases: &[String]) -> Option<String> {
        let by = format!("the attestation by {}", attestation.owner);
        if let Some(today) = self.today {
            if attestation.expires < today {
                return Some(format!("{by} expired on {}", attestation.expires));
            }
            if attestation.date > today {
                return Some(format!("{by} is dated {}, which is yet to come", attestation.date));
            }
        }
        if attestation.scope.is_empty() {
            return None;
        }
        let outside: Vec<&String> = databases.iter().filter(|database| !attestation.covers(target, database)).collect();
        match (databases, outside.as_slice()) {
            ([], _) => Some(format!("{by} speaks of certain databases, and none was looked at")),
            (_, []) => None,
            (_, [one]) => Some(format!("{by} does not speak of database {one}")),
            (_, many) => Some(format!("{by} does not speak of {} of the {} databases", many.len(), databases.len())),
        }
    }
}

fn attestation(mut fields: Fields<'_, '_>, items: &[&str], read: ReadFile<'_>) -> Option<Attestation> {
    let begin = fields.line;
    let item = fields.text("item");
    let item = fields.required("item", item);
    let status = fields.text("status");
    let status = fields.required("status", status);
    let owner = person(&mut fields, "owner");
    let reviewer = person(&mut fields, "reviewer");
    let date = fields.date("date");
    let date = fields.required("date", date);
    let expires = fields.date("expires");
    let evidence = fields.tables("evidence").into_iter().filter_map(|table| exhibit(table, read)).collect();
    let scope = fields.texts("scope");
    let note = fields.text("note");

    if let Some(Located { value, line }) = &item
        && !items.contains(&value.as_str())
    {
        let suggestion = did_you_mean(value, items.iter().copied());
        fields.problem(*line, format!("\"{value}\" is not an item of the checklist{suggestion}"));
    }
    let state = status.as_ref().map(|Located { value, line }| {
        let state = State::from(value.as_str());
        if !matches!(state, State::Pass | State::Fail | State::NotApplicable) {
            fields.problem(*line, format!("status \"{value}\" has to be pass, fail or not_applicable"));
        }
        state
    });
    if let (Some(owner), Some(reviewer)) = (&owner, &reviewer)
        && owner.value.to_lowercase() == reviewer.value.to_lowercase()
    {
        fields.problem(reviewer.line, format!("the reviewer has to be somebody else than the owner, {}", owner.value));
    }
    let expires = match (&date, expires) {
        (Some(date), Some(expires)) => {
            if expires.value <= date.value {
                fields.problem(
                    expires.line,
                    format!("expires {} has to lie after the date {}", expires.value, date.value),
                );
            }
            Some(expires.value)
        }
        (Some(date), None) => Some(date.value.saturating_add(DEFAULT_DAYS.days())),
        (None, _) => None,
    };
    if let Some(scope) = &scope
        && (scope.value.is_empty() || scope.value.iter().any(|pattern| pattern.trim().is_empty()))
    {
        fields.problem(scope.line, "an empty scope speaks of nothing: leave the key out to speak of everything");
    }
    fields.finish();
    Some(Attestation {
        item: item?.value,
        status: state?,
        owner: owner?.value,
        reviewer: reviewer?.value,
        date: date?.value,
        expires: expires?,
        evidence,
        scope: scope.map_or_else(Vec::new, |scope| scope.value.iter().map(|text| Pattern::new(text)).collect()),
        note: note.map(|note| one_line(&note.value)).filter(|note| !note.is_empty()),
        line: begin,
    })
}

fn person(fields: &mut Fields<'_, '_>, key: &str) -> Option<Located<String>> {
    let name = fields.text(key);
    let mut name = fields.required(key, name)?;
    name.value = one_line(&name.value);
    if name.value.is_empty() {
        fields.problem(name.line, format!("\"{key}\" is empty: somebody has to answer for it"));
        return None;
    }
    Some(name)
}

fn exhibit(mut fields: Fields<'_, '_>, read: ReadFile<'_>) -> Option<Exhibit> {
    let path = fields.text("path");
    let url = fields.text("url");
    let sha256 = fields.text("sha256");
    let begin = fields.line;
    if let Some(Located { value, line }) = &sha256
        && (value.len() != 64 || !value.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        fields.problem(*line, "sha256 has to be 64 hexadecimal digits, as sha256sum prints them");
    }
    let sha256 = sha256.map(|hash| hash.value.to_lowercase());
    let exhibit = match (path, url, &sha256) {
        (Some(path), None, Some(hash)) => {
            let broken = altered(&path.value, hash, read);
            Some(Exhibit { place: path.value, sha256, broken })
        }
        (Some(path), None, None) => {
            let text = format!("the evidence file \"{}\" needs its sha256, as sha256sum prints it", path.value);
            fields.problem(path.line, text);
            None
        }
        (None, Some(url), _) => {
            if carries_password(&url.value) {
                fields.problem(url.line, "the url carries a password: leave it out");
            }
            Some(Exhibit { place: url.value, sha256, broken: None })
        }
        (None, None, _) | (Some(_), Some(_), _) => {
            fields.problem(begin, "a piece of evidence has either a path or a url");
            None
        }
    };
    fields.finish();
    exhibit
}

/// Whether an address names a user with a password, which would end up in every report.
fn carries_password(url: &str) -> bool {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

/// What is wrong with an evidence file, if anything.
fn altered(path: &str, sha256: &str, read: ReadFile<'_>) -> Option<String> {
    match read(path) {
        Err(why) => Some(format!("the evidence file {path} cannot be read: {why}")),
        Ok(bytes) => {
            let now = crate::hash::sha256(&bytes);
            (now != sha256).then(|| format!("the evidence file {path} was altered: its SHA-256 is {now}"))
        }
    }
}

#[cfg(test)]
mod tests;
