//! Supabase's command line: <https://supabase.com/docs/guides/deployment/database-migrations>.
//!
//! `20240101000000_x.sql`, in the order of their names. The statements of a file are sent together, which makes a
//! transaction of them (<https://github.com/supabase/cli/issues/2898>). From version 2.109 on a statement that cannot
//! run in one is sent for itself (<https://github.com/supabase/cli/pull/6276>); the files do not show the version, and
//! a recent one is assumed.

use super::common::{Planned, View, ordered, versioned};
use super::prisma::has_concurrently;
use super::{Direction, Wrap};

pub(super) fn plan(view: &View<'_>) -> Planned {
    let keyed = view.files.iter().filter_map(|entry| {
        let (number, pair, direction) = versioned(entry)?;
        let (wrap, because) = match has_concurrently(entry.text()) {
            true => (
                Wrap::Nothing,
                "supabase: each statement for itself, as one of them is concurrent; assumed 2.109 or later",
            ),
            false => (Wrap::OneQuery, "supabase: the statements of a file are sent together"),
        };
        let mut half = entry.whole(direction, wrap, because);
        pair.clone_into(&mut half.pair);
        Some(((number, direction == Direction::Down), half))
    });
    ordered(keyed.collect(), "supabase fails at it: it has", view)
}

#[cfg(test)]
mod tests {
    use super::super::Runner;
    use super::super::common::lab::Lab;

    #[test]
    fn files_are_sent_whole() {
        let lab = Lab::new(&[("2_b.sql", "drop index concurrently i; x"), ("1_a.sql", "a; b")]);
        assert_eq!(lab.forced(Runner::Supabase), ["1_a OneQuery: a; b", "2_b Nothing: drop index concurrently i; x"]);
    }
}
