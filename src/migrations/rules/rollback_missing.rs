//! Migration without a way back where the others have one
//!
//! ## Why it matters
//! The one release that must be rolled back is the one whose migration cannot be.
//!
//! ## How it is decided
//! Where the runner's convention has ways back (`down.sql`, `-- +goose Down`, `revert/`, `-- rollback` …) and more than
//! half of the migrations have one with statements in it, or where the configuration requires them: every migration
//! without, *medium*. Where the configuration says that none is wanted, where the convention has none, or where most
//! migrations have none, the rule does not apply, and says so.
//!
//! ## What to do
//! Write the way back, even where it is only the note that a restore from backup is the way, or accept the finding with
//! the reason that the change is undone by a migration forward.
//!
//! ## Limits
//! Whether a way back is ever used is not known. Whether it works is `rollback-irreversible`'s, and a trace runs it.

use super::moment::about_file;
use super::prelude::*;
use crate::migrations::replay::Replayed;
use crate::migrations::script::{Direction, Script};
use crate::outcome::{Missing, Reason, Verdict};
use std::collections::HashSet;

/// No way back.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "rollback-missing",
        category: Category::Schema,
        severity: Severity::Medium,
        source: include_str!("rollback_missing.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Folder(run),
};

fn run(replayed: &Replayed<'_>) -> Result<Verdict, Missing> {
    let project = replayed.project;
    let missing = |because: &str| Err(Missing::new("rollbacks", Reason::Inapplicable, because));
    // a way back that is there and empty is another rule's
    let downs = project.scripts.iter().filter(|script| script.direction == Direction::Down);
    let downs: HashSet<(&str, &str)> = downs.map(|script| (folder(replayed, script), script.pair.as_str())).collect();
    let ups: Vec<&Script> = project.scripts.iter().filter(|script| script.direction == Direction::Up).collect();
    let has_down = |script: &Script| downs.contains(&(folder(replayed, script), script.pair.as_str()));
    let with = ups.iter().filter(|script| has_down(script)).count();
    match project.options.require_down {
        Some(false) => return missing("the configuration wants no ways back"),
        Some(true) => {}
        None if !project.has_down_convention => return missing("the runner has no ways back"),
        None if with * 2 <= ups.len() => {
            return missing("most migrations have no way back, so that seems to be the custom");
        }
        None => {}
    }
    let mut verdict = Verdict::default();
    for script in ups {
        if !project.is_reviewed(script) || script.statements.is_empty() {
            continue;
        }
        verdict.examine();
        if !has_down(script) {
            let message = match project.options.require_down {
                Some(true) => format!("{} has no way back, and the configuration requires one", script.name),
                _ => format!("{} has no way back; {with} of the migrations have one", script.name),
            };
            verdict.find(
                about_file(project, &RULE.meta, script, message)
                    .count("with_way_back", i64::try_from(with).unwrap_or(i64::MAX), Unit::Count)
                    .advice("write the way back beside it, or accept this with the reason why it is undone forward"),
            );
        }
    }
    Ok(verdict)
}

/// The folder of a script: two of them may number their migrations alike. The halves of one migration may have folders of
/// their own (`deploy/`, `revert/`), which do not count.
fn folder<'a>(replayed: &Replayed<'a>, script: &Script) -> &'a str {
    let path = replayed.project.files.get(script.file).map_or("", |file| file.path.as_str());
    let parent = |path: &'a str| path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let own = parent(path);
    let last = own.rsplit('/').next().unwrap_or_default();
    match last {
        "deploy" | "revert" | "up" | "down" => parent(own),
        // one folder for each migration
        _ if !script.pair.is_empty() && last == script.pair => parent(own),
        _ => own,
    }
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{fixture, says};
    use super::*;
    use crate::migrations::replay::replay;
    use crate::outcome::Outcome;

    const TWO: &str = "-- file: 1.sql\ncreate table a (i int);\n-- file: 1.down.sql down\ndrop table a;\n\
        -- file: 2.sql\ncreate table b (i int);\n-- file: 2.down.sql down\ndrop table b;\n";

    #[test]
    fn the_one_without_is_told() {
        assert_eq!(
            says(&RULE, &format!("{TWO}-- file: 3.sql\ncreate table c (i int);")),
            ["medium 3 has no way back; 2 of the migrations have one"]
        );
        assert!(says(&RULE, TWO).is_empty());
    }

    #[test]
    fn custom_and_configuration_decide() {
        let outcome = |text: &str, require: Option<bool>| {
            let mut made = fixture(text);
            made.project.options.require_down = require;
            let replayed = replay(&made.project, &[&RULE]);
            (replayed.results[0].outcome.clone(), replayed.findings.len())
        };
        let none = "-- file: 1.sql\nselect 1;\n-- file: 2.sql\nselect 2;";
        assert_eq!(outcome(none, None), (Outcome::Skipped, 0));
        assert_eq!(outcome(none, Some(true)), (Outcome::Found, 2));
        assert_eq!(outcome(TWO, Some(false)), (Outcome::Skipped, 0));
        let few = "-- file: 1.sql\nselect 1;\n-- file: 1.down.sql down\nselect 1;\n-- file: 2.sql\nselect 2;";
        assert_eq!(outcome(few, None), (Outcome::Skipped, 0));
    }
}
