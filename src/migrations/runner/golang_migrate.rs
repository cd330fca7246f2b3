//! golang-migrate: <https://github.com/golang-migrate/migrate/blob/master/MIGRATIONS.md> and
//! `database/postgres/README.md`.
//!
//! `1_x.up.sql` and `1_x.down.sql` run in the order of their numbers. A file is sent as it is, as one query; with
//! `x-multi-statement` in the address of the database it is cut at semicolons, which the files do not show.

use super::Wrap;
use super::common::{Planned, View, direction_of, numbered, ordered};

pub(super) fn plan(view: &View<'_>) -> Planned {
    let because = "golang-migrate: the file is one query, assumed without x-multi-statement";
    let keyed = view.files.iter().filter_map(|entry| {
        let (number, _) = numbered(entry.name())?;
        let (stem, direction) = direction_of(entry.stem())?;
        let mut half = entry.whole(direction, Wrap::OneQuery, because);
        stem.clone_into(&mut half.pair);
        Some((number, half))
    });
    ordered(keyed.collect(), "golang-migrate refuses it: it has", view)
}

#[cfg(test)]
mod tests {
    use super::super::common::lab::Lab;

    #[test]
    fn pairs_run_by_number() {
        let lab = Lab::new(&[
            ("10_b.up.sql", "b"),
            ("2_a.up.sql", "a; c"),
            ("2_a.down.sql", "d"),
            ("x.up.sql", ""),
            ("02_z.up.sql", "z"),
        ]);
        assert_eq!(
            lab.halves(),
            ["02_z.up OneQuery: z", "2_a.up OneQuery: a; c", "10_b.up OneQuery: b", "2_a.down down OneQuery: d"]
        );
        assert_eq!(lab.pairs(), ["2_a"]);
        assert_eq!(lab.problems(), ["golang-migrate refuses it: it has the same version as m/02_z.up.sql"]);
    }
}
