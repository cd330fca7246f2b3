//! Sqitch: <https://sqitch.org/docs/manual/sqitchtutorial/>, and `sqitchchanges(1)` for the plan.
//!
//! `deploy/x.sql` and `revert/x.sql` are run by psql as they are, in the order of `sqitch.plan`; a transaction is what
//! they begin themselves. A change that was reworked has its former scripts in `x@tag.sql`. Scripts in `verify` change
//! nothing that stays and are left out.

use super::common::{Planned, View, included};
use super::{Direction, Half, Wrap};
use crate::migrations::source::Note;

const BECAUSE: &str = "sqitch: psql runs the script, which begins its own transaction or has none";

pub(super) fn plan(view: &View<'_>) -> Planned {
    let mut planned = Planned::default();
    let names = match view.root.sidecar("sqitch.plan") {
        Some(plan) => changes(plan),
        None => {
            let message = "there is no sqitch.plan: the order is that of the names".into();
            planned.notes.push(Note { path: view.root.path.clone(), message });
            let name = |path: &str| Some(path.strip_prefix("deploy/")?.strip_suffix(".sql")?.to_owned());
            view.files.iter().filter_map(|entry| name(entry.path)).collect()
        }
    };
    for name in names {
        let deployed = half(view, "deploy", &name, Direction::Up);
        if deployed.is_none() {
            let message = format!("sqitch.plan names {name}, and deploy/{name}.sql is not here");
            planned.notes.push(Note { path: view.root.path.clone(), message });
        }
        planned.halves.extend(deployed);
        planned.halves.extend(half(view, "revert", &name, Direction::Down));
    }
    planned.notes.extend(view.files.iter().flat_map(included));
    planned
}

fn half(view: &View<'_>, folder: &str, name: &str, direction: Direction) -> Option<Half> {
    let path = format!("{folder}/{name}.sql");
    let at = view.files.binary_search_by(|entry| entry.path.cmp(&path)).ok()?;
    let mut half = view.files.get(at)?.whole(direction, Wrap::Nothing, BECAUSE);
    name.clone_into(&mut half.name);
    name.clone_into(&mut half.pair);
    Some(half)
}

/// The changes of a plan as their scripts are named: with the tag that followed where a change was reworked later.
fn changes(plan: &str) -> Vec<String> {
    // each with how many tags came before it
    let mut changes: Vec<(&str, usize)> = Vec::new();
    let mut tags: Vec<&str> = Vec::new();
    for line in plan.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('%') {
            continue;
        }
        let word = line.trim_start_matches('+').split_ascii_whitespace().next().unwrap_or_default();
        match word.strip_prefix('@') {
            Some(tag) => tags.push(tag),
            None => changes.push((word, tags.len())),
        }
    }
    let mut last: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    for (index, (name, _)) in changes.iter().enumerate() {
        last.insert(name, index);
    }
    let script = |(index, (name, before)): (usize, &(&str, usize))| match tags.get(*before) {
        Some(tag) if last.get(name) != Some(&index) => format!("{name}@{tag}"),
        _ => (*name).to_owned(),
    };
    changes.iter().enumerate().map(script).collect()
}

#[cfg(test)]
mod tests {
    use super::super::common::lab::Lab;

    const PLAN: &str = "%syntax-version=1.0.0\n%project=p\n\nschema 2024-01-01T00:00:00Z A <a@b> # first\n\
        users [schema] 2024-01-02T00:00:00Z A <a@b>\n@v1 2024-01-03T00:00:00Z A <a@b>\n\nusers [users@v1] 2024-01-04T00:00:00Z A <a@b> # again\n\
        gone 2024-01-05T00:00:00Z A <a@b>\n";

    #[test]
    fn the_plan_orders() {
        let lab = Lab::new(&[
            ("sqitch.plan", PLAN),
            ("deploy/users.sql", "new"),
            ("deploy/users@v1.sql", "old"),
            ("deploy/schema.sql", "BEGIN; s; COMMIT"),
            ("revert/schema.sql", "r"),
            ("verify/schema.sql", "v"),
            ("deploy/other.sql", "o"),
        ]);
        assert_eq!(
            lab.halves(),
            [
                "schema Nothing: BEGIN; s; COMMIT",
                "users@v1 Nothing: old",
                "users Nothing: new",
                "schema down Nothing: r"
            ]
        );
        assert_eq!(lab.pairs(), ["schema"]);
        assert_eq!(
            lab.notes(),
            [
                "m: sqitch.plan names gone, and deploy/gone.sql is not here",
                "m/deploy/other.sql: not reviewed: sqitch does not run it"
            ]
        );
    }
}
