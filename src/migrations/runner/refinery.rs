//! refinery: <https://docs.rs/refinery/latest/refinery/>, and `refinery_core/src/util.rs` and `runner.rs`.
//!
//! `V1__x.sql` and `U1__x.sql` are both migrations up: `V` is versioned strictly, `U` is not. They run in the order of
//! their numbers, in this folder and those below, each in a transaction of its own; `set_grouped` makes it one over
//! all, which the files do not show. There are no downs.

use super::common::{Number, Planned, View, ordered};
use super::{Direction, Wrap};

pub(super) fn plan(view: &View<'_>) -> Planned {
    let because = "refinery: one transaction a migration, assumed without set_grouped";
    let keyed = view.files.iter().filter_map(|entry| {
        let (head, _) = entry.stem().split_once("__")?;
        let digits = head.strip_prefix(['V', 'U'])?;
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let key: Vec<Number> = digits.split('.').filter(|part| is_number(part)).map(Number::new).collect();
        (!key.is_empty()).then(|| (key, entry.whole(Direction::Up, Wrap::Transaction, because)))
    });
    ordered(keyed.collect(), "refinery refuses it: it has", view)
}

#[cfg(test)]
mod tests {
    use super::super::Runner;
    use super::super::common::lab::Lab;

    #[test]
    fn both_letters_are_ups_in_one_order() {
        let lab = Lab::new(&[
            ("V2__b.sql", "b"),
            ("U10__c.sql", "c"),
            ("V1__a.sql", "a"),
            ("R__x.sql", "x"),
            ("V2__d.sql", "d"),
        ]);
        assert_eq!(
            lab.forced(Runner::Refinery),
            ["V1__a Transaction: a", "V2__b Transaction: b", "V2__d Transaction: d", "U10__c Transaction: c"]
        );
    }
}
