//! Transaction that the script does not end, or ends for someone else
//!
//! ## Why it matters
//! A `begin` without its `commit` is undone when the session ends: the runner reports success and nothing happened. A
//! `begin` within the runner's transaction only warns, but the script's `commit` then ends the runner's: what follows
//! runs without one, and the runner can no longer undo the migration or record it together with what it did.
//!
//! ## How it is decided
//! The transactions are followed statement by statement. *high*: a transaction that the script began is open at its
//! end. *medium*: a `commit` or `rollback` that ends the runner's transaction; a `begin` within a transaction where no
//! such end follows is *low*, as is a `commit` where no transaction is open: each only warns.
//!
//! ## What to do
//! End what was begun. Under a runner that wraps the script, leave `begin` and `commit` away, or tell the runner not
//! to.
//!
//! ## Limits
//! The wrap is what the runner's conventions and the files say. `savepoint` and `prepare transaction` are followed;
//! transactions of a procedure that is called are not.

use super::prelude::*;
use crate::finding::{Subject, SubjectKind};
use crate::migrations::command::Transaction;
use crate::migrations::session::Began;

/// A transaction in the wrong hands.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "unclosed-transaction",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("unclosed_transaction.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Script(run),
};

fn run(end: &AtEnd<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let tell = |statement: usize, severity: Severity, message: String, advice: &str| {
        let itself = Subject::new(SubjectKind::Statement);
        end.finding(&RULE.meta, statement, itself, message).severity(severity).advice(advice)
    };
    // the statement that began the transaction which is open
    let mut opened = None;
    // a begin within a transaction: it matters less than the end that belongs to it
    let mut inner = None;
    for step in end.steps {
        let Some(Command::Transaction(transaction)) = end.command(step) else { continue };
        let began = step.transaction.map(|open| open.began);
        match (transaction, began) {
            (Transaction::Begin, None | Some(Began::Implicit)) => opened = Some(step.statement),
            (Transaction::Begin, Some(Began::Runner)) => inner = Some((step.statement, "the runner's")),
            (Transaction::Begin, Some(Began::Script)) => inner = Some((step.statement, "another")),
            (Transaction::Commit { .. } | Transaction::Rollback { .. }, Some(Began::Runner)) => {
                let does = match transaction {
                    Transaction::Commit { .. } => "commit ends",
                    _ => "rollback undoes and ends",
                };
                inner = None;
                found.push(tell(
                    step.statement,
                    Severity::Medium,
                    format!(
                        "{does} the transaction of the runner ({}): what follows runs without",
                        end.script.wrap_because
                    ),
                    "leave begin and commit to the runner, or tell it not to wrap this migration",
                ));
            }
            (Transaction::Commit { .. } | Transaction::Rollback { .. }, None) => found.push(tell(
                step.statement,
                Severity::Low,
                "no transaction is open here: the server warns and does nothing".to_owned(),
                "remove it, or begin the transaction it was meant to end",
            )),
            (Transaction::Commit { chain } | Transaction::Rollback { chain }, Some(_)) => {
                found.extend(inner.take().map(|inner| nested(&tell, inner)));
                opened = chain.then_some(step.statement);
            }
            (Transaction::Prepare, _) => opened = None,
            _ => {}
        }
    }
    found.extend(inner.map(|inner| nested(&tell, inner)));
    if end.session.transaction.as_ref().is_some_and(|open| open.began == Began::Script)
        && let Some(statement) = opened
    {
        found.push(tell(
            statement,
            Severity::High,
            "the transaction begun here is open at the end of the script: it is rolled back and nothing of it stays"
                .to_owned(),
            "end it with commit",
        ));
    }
    found
}

fn nested(tell: &impl Fn(usize, Severity, String, &str) -> Finding, (statement, whose): (usize, &str)) -> Finding {
    let message = format!("begin within {whose} transaction: the server warns and does nothing");
    tell(statement, Severity::Low, message, "remove it; a part that can be undone alone is a savepoint")
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::says;
    use super::*;

    #[test]
    fn an_open_end_is_high() {
        assert_eq!(
            says(&RULE, "begin; create table t (a int);"),
            [
                "high the transaction begun here is open at the end of the script: it is rolled back and nothing of it stays"
            ]
        );
        assert_eq!(says(&RULE, "begin; commit and chain;").len(), 1);
        assert_eq!(says(&RULE, "-- file: a.sql query\nselect 1; begin; select 1;").len(), 1);
    }

    #[test]
    fn the_runners_transaction_is_its_own() {
        assert_eq!(
            says(&RULE, "-- file: a.sql transaction\nbegin; select 1; commit;"),
            ["medium commit ends the transaction of the runner (as the fixture says): what follows runs without"]
        );
        assert_eq!(
            says(&RULE, "-- file: a.sql transaction\nbegin; select 1;"),
            ["low begin within the runner's transaction: the server warns and does nothing"]
        );
    }

    #[test]
    fn what_only_warns_is_low() {
        assert_eq!(says(&RULE, "commit;"), ["low no transaction is open here: the server warns and does nothing"]);
        assert_eq!(
            says(&RULE, "begin; begin; commit;"),
            ["low begin within another transaction: the server warns and does nothing"]
        );
    }

    #[test]
    fn pairs_are_silent() {
        for sql in [
            "begin; savepoint a; rollback to a; commit;",
            "begin; rollback; begin; commit;",
            "select 1;",
            "begin; prepare transaction 'x';",
            "-- file: a.sql transaction\nselect 1;",
            "-- file: a.sql query\nselect 1; begin; select 1; commit;",
        ] {
            assert!(says(&RULE, sql).is_empty(), "{sql}");
        }
    }
}
