//! The checklist as data: the 71 items of the backend audit checklist, `1.1` to `9.5`, each with its threshold in the
//! checklist's own words, and the database items of three more production-readiness documents (`000.…`, `002.…`,
//! `003.…`), which are listed apart and never scored.
//!
//! An item is decided from everything a run was given. It *fails* by a rule's finding at or above the severity the item
//! names; a weaker finding, a symptom without proof or an accepted finding makes it *warn*; it *passes* only where every
//! rule it needs looked at everything, everywhere, and saw enough to mean something. Otherwise it is *unknown*, with
//! what is missing and how to supply it. How each is decided is data beside its text: see [`Decide`].

mod caching;
mod connections;
mod database;
mod decide;
mod development;
mod migrations;
mod observability;
mod performance;
mod pragmatic_audit;
mod production_readiness;
mod production_ready;
mod reliability;
mod scalability;
mod security;

pub use decide::{Decide, Decider, Over, Part};

use crate::attest::Attestations;
use crate::finding::Finding;
use crate::outcome::RuleResult;
use crate::report::{Assessment, State, Suppressed, Window};
use crate::rule::{Evidence, words};
use crate::score::Score;

words! {
    /// A kind of thing that can decide an item.
    Input {
        /// A server, or its snapshot.
        Server = "server",
        /// Two snapshots of one server, so that counters are rates.
        Window = "window",
        /// Server logs.
        Logs = "logs",
        /// Migration files.
        Migrations = "migrations",
        /// A connection pooler, or the application's pool configuration.
        Pool = "pool",
        /// Somebody's dated word.
        Attestation = "attestation",
    }
}

/// One line of a checklist.
#[derive(Debug)]
pub struct Item {
    /// `section.number`, such as `2.2`.
    pub id: &'static str,
    /// The check, in the document's own words.
    pub title: &'static str,
    /// The threshold, in the document's own words; empty where the document states none.
    pub threshold: &'static str,
    /// The kinds of things that can decide it, best first; some of them this version does not read yet.
    pub needs: &'static [Input],
    /// One line: how to supply what decides it.
    pub supply: &'static str,
    /// How it is decided.
    pub decide: Decide,
}

impl Item {
    /// The section it belongs to: what stands before the point.
    pub fn section(&self) -> &'static str {
        self.id.split_once('.').map_or(self.id, |(section, _)| section)
    }

    /// Its state, from everything given.
    pub fn assess(&self, inputs: &Inputs<'_>) -> Assessment {
        decide::assess(self, inputs, &decide::ByRule::of(inputs))
    }

    /// An item that lies outside what any input of this program can decide: somebody has to say so.
    const fn attested(id: &'static str, title: &'static str, threshold: &'static str, supply: &'static str) -> Self {
        Self { id, title, threshold, needs: &[Input::Attestation], supply, decide: Decide::ATTESTED }
    }

    /// An item that a review of migrations decides.
    const fn reviewed(
        id: &'static str,
        title: &'static str,
        threshold: &'static str,
        deciders: &'static [Decider],
        supply: &'static str,
    ) -> Self {
        let needs = &[Input::Migrations, Input::Attestation];
        Self { id, title, threshold, needs, supply, decide: Decide::by(deciders) }
    }
}

/// A section of a checklist.
#[derive(Debug)]
pub struct Section {
    /// `1` to `9`, or `000` and the like.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Its items, in order.
    pub items: &'static [Item],
}

/// The nine scored sections: 71 items.
pub static SECTIONS: &[&Section] = &[
    &performance::SECTION,
    &database::SECTION,
    &caching::SECTION,
    &connections::SECTION,
    &observability::SECTION,
    &security::SECTION,
    &reliability::SECTION,
    &scalability::SECTION,
    &development::SECTION,
];

/// The database items of the other documents: assessed and listed, never scored.
pub static OTHERS: &[&Section] =
    &[&pragmatic_audit::SECTION, &production_readiness::SECTION, &production_ready::SECTION];

/// Every item, the scored ones first, in the order of the documents.
pub fn items() -> impl Iterator<Item = &'static Item> {
    SECTIONS.iter().chain(OTHERS).flat_map(|section| section.items)
}

/// The id of every item, in order: what attestations can speak of.
pub fn ids() -> Vec<&'static str> {
    items().map(|item| item.id).collect()
}

/// The item of an id.
pub fn item(id: &str) -> Option<&'static Item> {
    items().find(|item| item.id == id)
}

/// The ids of the items a rule takes part in deciding, in order. Said here only: a rule does not know
/// which checklists name it.
pub fn items_of(rule: &str) -> Vec<&'static str> {
    let takes_part = |item: &&Item| item.decide.deciders.iter().any(|decider| decider.rule == rule);
    items().filter(takes_part).map(|item| item.id).collect()
}

/// Everything a run was given to decide the items from. All of it is plain data: the same inputs give the same states.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// Whether a server, live or stored, was looked at.
    pub audited: bool,
    /// What became of every rule that was asked for, by database.
    pub rules: &'a [RuleResult],
    /// The findings that count.
    pub findings: &'a [Finding],
    /// The accepted ones.
    pub suppressed: &'a [Suppressed],
    /// What people said.
    pub attestations: &'a Attestations,
    /// `host:port/database` of what was looked at, for the scope of attestations; empty where nothing was.
    pub target: &'a str,
    /// The databases that were read: a rule over databases must have run in each.
    pub databases: &'a [String],
    /// The managed service that was recognised.
    pub service: Option<&'a str>,
    /// The time the counters speak of.
    pub window: Option<&'a Window>,
    /// The time the logs speak of; none where no log was read.
    pub log: Option<&'a Window>,
    /// Whether migrations were reviewed.
    pub reviewed: bool,
    /// What pools, their configurations and their pooler say of items.
    pub pool: &'a [Ruling],
}

/// What something that is no rule says of an item: a measured pool, or its configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruling {
    /// The item.
    pub item: String,
    /// Its state as far as that tells.
    pub state: State,
    /// How that is known; none where it is unknown.
    pub evidence: Option<Evidence>,
    /// The numbers behind it, or what would supply them.
    pub because: String,
}

impl<'a> Inputs<'a> {
    /// Whether rules over this input could have run.
    fn has(&self, input: &Input) -> bool {
        match input {
            Input::Server => self.audited,
            Input::Logs => self.log.is_some(),
            Input::Migrations => self.reviewed,
            Input::Pool => !self.pool.is_empty(),
            _ => false,
        }
    }

    /// Nothing but what people said.
    pub fn attested(attestations: &'a Attestations) -> Self {
        Self {
            audited: false,
            rules: &[],
            findings: &[],
            suppressed: &[],
            attestations,
            target: "",
            databases: &[],
            service: None,
            window: None,
            log: None,
            reviewed: false,
            pool: &[],
        }
    }
}

/// The state of every item, scored and listed, in order.
pub fn assess(inputs: &Inputs<'_>) -> Vec<Assessment> {
    let by_rule = decide::ByRule::of(inputs);
    items().map(|item| decide::assess(item, inputs, &by_rule)).collect()
}

/// The score of the nine sections.
pub fn score(assessments: &[Assessment]) -> Score {
    let sections: Vec<(&str, &str)> = SECTIONS.iter().map(|section| (section.id, section.title)).collect();
    Score::of(&sections, assessments)
}

#[cfg(test)]
mod tests;
