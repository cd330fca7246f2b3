//! sqlx: <https://docs.rs/sqlx/latest/sqlx/migrate/trait.MigrationSource.html>, and `sqlx-core/src/migrate/source.rs`.
//!
//! `1_x.sql`, or `1_x.up.sql` and `1_x.down.sql`, in the order of their numbers, each in a transaction. A file that
//! begins with `-- no-transaction` is sent as one query instead; two statements in it are a transaction nevertheless
//! (<https://github.com/launchbadge/sqlx/issues/3693>).

use super::common::{Planned, View, ordered, versioned};
use super::{Direction, Problem, Wrap};

const MARK: &str = "-- no-transaction";

pub(super) fn plan(view: &View<'_>) -> Planned {
    let keyed = view.files.iter().filter_map(|entry| {
        let (number, pair, direction) = versioned(entry)?;
        let text = entry.text();
        let (wrap, because) = match text.starts_with(MARK) {
            true => (Wrap::OneQuery, "sqlx: -- no-transaction, the file sent as one query"),
            false => (Wrap::Transaction, "sqlx: one transaction a migration"),
        };
        let mut half = entry.whole(direction, wrap, because);
        pair.clone_into(&mut half.pair);
        if wrap == Wrap::Transaction {
            let late = entry.lines().take_while(|(_, line)| line.trim().is_empty() || line.starts_with("--"));
            if let Some((at, line)) = late.into_iter().find(|(_, line)| line.starts_with(MARK)) {
                half.problems.push(Problem {
                    span: at..at + line.len(),
                    message: "sqlx sees -- no-transaction only where the file begins with it".into(),
                });
            }
        }
        // `x.sql` and `x.up.sql` of one number are two ups
        Some(((number, direction == Direction::Down), half))
    });
    ordered(keyed.collect(), "sqlx fails at it: it has", view)
}

#[cfg(test)]
mod tests {
    use super::super::common::lab::Lab;

    #[test]
    fn the_first_line_leaves_the_transaction_out() {
        let lab = Lab::new(&[
            ("1_a.sql", "-- no-transaction\ncreate index concurrently i on t (a);"),
            ("2_b.up.sql", "-- c\n-- no-transaction\nb"),
            ("2_b.down.sql", "d"),
            ("x.sql", ""),
        ]);
        assert_eq!(
            lab.halves(),
            [
                "1_a OneQuery: create index concurrently i on t (a)",
                "2_b.up Transaction: b",
                "2_b.down down Transaction: d"
            ]
        );
        assert_eq!((lab.pairs(), lab.problems().len(), lab.notes().len()), (vec!["2_b".to_owned()], 1, 1));
    }
}
