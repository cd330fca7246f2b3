//! dbmate: <https://github.com/amacneil/dbmate#creating-migrations>, and `pkg/dbmate/migration.go`.
//!
//! `-- migrate:up` and `-- migrate:down` begin the halves, each with options of its own; `transaction:false` leaves the
//! transaction out. All of a half is sent as one query. Files run in the order of their names, whose beginning must be
//! a number.

use super::common::{Entry, Planned, View, next_line, numbered, ordered};
use super::{Direction, Half, Problem, Wrap};

pub(super) fn plan(view: &View<'_>) -> Planned {
    let mut keyed = Vec::new();
    for entry in view.files.iter().filter(|entry| numbered(entry.name()).is_some()) {
        let digits = entry.name().bytes().take_while(u8::is_ascii_digit).count();
        let version = entry.name().get(..digits).unwrap_or_default();
        keyed.extend(halves(entry).into_iter().map(|half| (version, half)));
    }
    // names order, not numbers: equal as far as the names begin with digits of one length
    ordered(keyed, "dbmate fails at it: it has", view)
}

/// What a line begins, with its options: `-- migrate:up transaction:false`.
pub(super) fn block(line: &str) -> Option<(Direction, &str)> {
    let rest = line.strip_prefix("--")?.trim_start().strip_prefix("migrate:")?;
    let (direction, options) = match rest.strip_prefix("up") {
        Some(options) => (Direction::Up, options),
        None => (Direction::Down, rest.strip_prefix("down")?),
    };
    (options.is_empty() || options.starts_with([' ', '\t'])).then_some((direction, options))
}

fn halves(entry: &Entry<'_>) -> Vec<Half> {
    let text = entry.text();
    let mut blocks: Vec<(Direction, &str, usize)> = Vec::new();
    let mut before = None;
    for (at, line) in entry.lines() {
        if let Some((direction, options)) = block(line) {
            blocks.push((direction, options, at));
        } else if blocks.is_empty() && before.is_none() {
            let is_blank = line.trim().is_empty() || line.trim_start().starts_with("--");
            before = (!is_blank).then(|| at..at + line.len());
        }
    }
    let mut halves = Vec::new();
    let ends = blocks.iter().skip(1).map(|block| block.2).chain([text.len()]);
    for ((direction, options, at), end) in blocks.iter().zip(ends) {
        let has_transaction = !options.split_ascii_whitespace().any(|option| option == "transaction:false");
        let (wrap, because) = match has_transaction {
            true => (Wrap::Transaction, "dbmate: one transaction a migration"),
            false => (Wrap::OneQuery, "dbmate: transaction:false, all of it sent as one query"),
        };
        let from = next_line(text, *at).min(end);
        halves.push(entry.half(*direction, wrap, because, std::iter::once(from..end).collect()));
    }
    if let (Some(span), Some(first)) = (before, halves.first_mut()) {
        let message = "dbmate refuses the file: there is a statement before `-- migrate:up`".to_owned();
        first.problems.push(Problem { span, message });
    }
    if !halves.iter().any(|half| half.direction == Direction::Up) {
        let mut half = entry.half(Direction::Up, Wrap::Transaction, "dbmate: one transaction a migration", Vec::new());
        let message = "dbmate refuses the file: there is no `-- migrate:up`".to_owned();
        half.problems.push(Problem { span: 0..0, message });
        halves.insert(0, half);
    }
    halves
}

#[cfg(test)]
mod tests {
    use super::super::common::lab::Lab;

    #[test]
    fn blocks_have_their_own_options() {
        let text = "-- c\n-- migrate:up transaction:false\ncreate index concurrently i on t (a);\n\n--migrate:down\ndrop index i;";
        let lab = Lab::new(&[("20240102_a.sql", text), ("20240101_b.sql", "-- migrate:up\nx;\n-- migrate:down\n")]);
        assert_eq!(lab.runner(), "dbmate");
        assert_eq!(
            lab.halves(),
            [
                "20240101_b Transaction: x",
                "20240102_a OneQuery: create index concurrently i on t (a)",
                "20240102_a down Transaction: drop index i",
                "20240101_b down Transaction: "
            ]
        );
        assert_eq!((lab.pairs().len(), lab.problems().len()), (2, 0));
    }

    #[test]
    fn what_dbmate_refuses_is_said() {
        let lab = Lab::new(&[
            ("1_a.sql", "select 1;\n-- migrate:up\nx;"),
            ("2_a.sql", "-- migrate:down\nx;"),
            ("a.sql", "-- migrate:up"),
        ]);
        assert_eq!(lab.problems().len(), 2);
        assert_eq!(lab.notes(), ["m/a.sql: not reviewed: dbmate does not run it"]);
        assert!(super::block("-- migrate:upper").is_none());
    }
}
