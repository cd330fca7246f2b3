//! The formats: a [`Report`] in, bytes out. Formats know nothing of servers, logs or migrations, and producers know
//! nothing of formats. A new one is a file in `src/render`, two lines here, and a golden file in `tests/render`.
//!
//! What a report holds is foreign text: names, queries and comments of whoever may create them on the audited server.
//! Each format escapes it by its own rules, and none passes a control character or an invisible one through.

use crate::report::Report;
use std::io;

mod digest;
mod github;
mod gitlab;
mod json;
mod junit;
mod logs;
mod markdown;
mod pool;
mod repetition;
mod review;
mod sarif;
mod scorecard;
mod terminal;
mod text;

/// How to render; no format heeds all of it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Columns of the terminal; [`DEFAULT_WIDTH`] where unknown, never less than [`MINIMUM_WIDTH`].
    pub width: Option<usize>,
    /// Whether to colour: only formats for a terminal do, and never as the only signal.
    pub colour: bool,
    /// How much detail: 0 lists what matters, 1 everything.
    pub verbose: u8,
    /// The sections of the checklist whose items the summary lists; of a log it lists those that a log can decide.
    pub sections: &'static [&'static str],
    /// The team named on the scorecard.
    pub team: Option<String>,
    /// The reviewer named on the scorecard.
    pub reviewer: Option<String>,
    /// The date on the scorecard; the day the facts were read where none is given.
    pub date: Option<String>,
}

impl Default for Options {
    /// An audit's: the two sections a database can answer, no colour, nothing named.
    fn default() -> Self {
        Self { width: None, colour: false, verbose: 0, sections: &["2", "4"], team: None, reviewer: None, date: None }
    }
}

/// Columns where the width of the terminal is not known, as in a pipe.
pub const DEFAULT_WIDTH: usize = 100;

/// Columns below which no layout is attempted.
pub const MINIMUM_WIDTH: usize = 40;

impl Options {
    /// The columns to lay out for.
    pub fn columns(&self) -> usize {
        self.width.unwrap_or(DEFAULT_WIDTH).max(MINIMUM_WIDTH)
    }
}

/// One output format.
#[derive(Debug)]
pub struct Renderer {
    /// Its name: the value of `--format`.
    pub name: &'static str,
    /// The extension of its files, without the dot.
    pub extension: &'static str,
    /// Writes the report, in many small pieces: hand it a buffered writer. Fails only where writing does.
    pub render: fn(&Report, &Options, &mut dyn io::Write) -> io::Result<()>,
}

/// Every format, in the order of the documentation.
pub static ALL: &[&Renderer] = &[
    &terminal::RENDERER, //
    &json::RENDERER,
    &markdown::RENDERER,
    &scorecard::RENDERER,
    &sarif::RENDERER,
    &junit::RENDERER,
    &github::RENDERER,
    &gitlab::RENDERER,
];

/// The format of that name.
pub fn by_name(name: &str) -> Option<&'static Renderer> {
    ALL.iter().copied().find(|renderer| renderer.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for renderer in ALL {
            assert!(std::ptr::eq(by_name(renderer.name).unwrap(), *renderer));
            assert!(renderer.name.chars().all(|c| c.is_ascii_lowercase()));
            assert!(!renderer.extension.starts_with('.'));
        }
        assert!(by_name("pdf").is_none());
    }
}
