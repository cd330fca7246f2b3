//! What makes a run fail: `none`, a severity, or a rule with a severity of its own.

use super::RuleInfo;
use super::document::did_you_mean;
use crate::finding::Finding;
use crate::rule::Severity;
use std::collections::BTreeMap;
use std::fmt;

/// The thresholds of `--fail-on`, together.
///
/// The weakest severity named counts for all rules; a rule named with a severity has its own instead, be it weaker or
/// stronger, and a rule named alone fails at any finding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gate {
    /// From this severity on, whatever the rule; none for never.
    pub severity: Option<Severity>,
    /// Rules that have their own.
    pub rules: BTreeMap<String, Severity>,
}

impl Gate {
    /// Fails from a severity on.
    pub fn from_severity(severity: Severity) -> Self {
        Self { severity: Some(severity), rules: BTreeMap::new() }
    }

    /// From the words of the command line or the configuration.
    ///
    /// # Errors
    /// One clause that names the word and what would be right.
    pub fn parse<S: AsRef<str>>(words: &[S], known: &[RuleInfo]) -> Result<Self, String> {
        let mut gate = Self::default();
        for word in words.iter().map(|word| word.as_ref().trim()) {
            let (rule, severity) = match word.split_once(':') {
                Some((rule, severity)) => (Some(rule), Some(parse_severity(severity)?)),
                None if word == "none" => continue,
                None if Severity::ALL.iter().any(|known| known.as_str() == word) => (None, Some(Severity::from(word))),
                None => (Some(word), None),
            };
            match rule {
                None => gate.severity = gate.severity.into_iter().chain(severity).min(),
                Some(rule) => {
                    let known_rule = known.iter().find(|info| info.id == rule).ok_or_else(|| unknown(rule, known))?;
                    let wanted = severity.unwrap_or(Severity::Info);
                    let entry = gate.rules.entry(known_rule.id.to_owned()).or_insert_with(|| wanted.clone());
                    *entry = wanted.min(entry.clone());
                }
            }
        }
        Ok(gate)
    }

    /// Whether a finding is at or above its threshold. One that is suspected only never is.
    pub fn fails_by(&self, finding: &Finding) -> bool {
        let threshold = self.rules.get(finding.rule.as_str()).or(self.severity.as_ref());
        !finding.is_suspected() && threshold.is_some_and(|threshold| finding.severity >= *threshold)
    }

    /// Whether any finding is.
    pub fn fails(&self, findings: &[Finding]) -> bool {
        findings.iter().any(|finding| self.fails_by(finding))
    }

    /// The words it would be written with.
    pub fn words(&self) -> Vec<String> {
        let general = self.severity.iter().map(Severity::to_string);
        let own = self.rules.iter().map(|(rule, severity)| format!("{rule}:{severity}"));
        let words: Vec<String> = general.chain(own).collect();
        if words.is_empty() { vec!["none".to_owned()] } else { words }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.words().join(", "))
    }
}

/// A severity by its word.
pub(crate) fn parse_severity(word: &str) -> Result<Severity, String> {
    match Severity::from(word) {
        Severity::Other(other) => {
            let suggestion = did_you_mean(&other, Severity::ALL.iter().map(Severity::as_str));
            Err(format!("\"{other}\" is not a severity (info, low, medium, high){suggestion}"))
        }
        known => Ok(known),
    }
}

fn unknown(word: &str, known: &[RuleInfo]) -> String {
    let words = ["none", "info", "low", "medium", "high"].into_iter().chain(known.iter().map(|info| info.id));
    format!("\"{word}\" is neither none, info, low, medium or high nor a rule{}", did_you_mean(word, words))
}
