//! Values in the log
//!
//! ## Why it matters
//! Names, addresses and amounts that stand in statements are in the log too, and in every copy of it, for longer than
//! in the database and readable by others.
//!
//! ## How it is decided
//! The share of executions whose text holds literals, or beside which parameters were logged: *low* from 1 % on, *info*
//! below. Whether a value is sensitive is not known; secrets that can be told from other values are `secret-in-log`.
//!
//! ## What to do
//! Let the application send values as parameters. Then `log_parameter_max_length = 0` (13 and later, superuser) keeps
//! them out of the log, and `log_parameter_max_length_on_error` is 0 by default. Literals in the text stay in it: a
//! higher `log_min_duration_statement` logs fewer of them. It is a trade-off. Without values nobody can tell an N+1
//! from the same query asked twice, and no slow call can be repeated: log them for an hour of a test system, or keep
//! the log where the database's own rules hold.
//!
//! ## Limits
//! A number that a programmer wrote (`limit 10`) counts as a value. Failed statements and the details of constraint
//! violations hold values as well and are not counted. What is stored of a log (`--save`) never holds values.

use super::confidence::whole;
use super::prelude::*;

/// Statements with their values.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "literals-in-log",
        category: Category::Security,
        severity: Severity::Low,
        source: include_str!("literals_in_log.rs"),
    },
    params: &[&SHARE],
    run: Run::Log(run),
};

static SHARE: Param = Param {
    name: "low_share",
    doc: "below this share of executions the values may be the programmer's own, and are only worth knowing; a proposal",
    default: 0.01,
    unit: Unit::Ratio,
};

fn run(cx: &Context<'_>) -> Result<Verdict, Missing> {
    let coverage = &cx.workload.coverage;
    if coverage.executions == 0 {
        let because = "no statement is in the log, so nothing tells what would be in it with its values";
        return Err(Missing::new("statements", Reason::Observation, because));
    }
    let mut verdict = Verdict { examined: coverage.executions, ..Verdict::default() };
    if coverage.with_literals == 0 {
        return Ok(verdict);
    }
    let low = cx.param(&DETECTOR.meta, &SHARE);
    let share = coverage.with_literals as f64 / coverage.executions as f64;
    let message = format!("{} of the statements in the log have values with them", humane(share, &Unit::Ratio));
    verdict.find(
        Finding::new(&DETECTOR.meta, Subject::server(), message)
            .severity(if share >= low { DETECTOR.meta.severity.clone() } else { Severity::Info })
            .count("with_values", whole(coverage.with_literals), Unit::Count)
            .count("executions", whole(coverage.executions), Unit::Count)
            .number("share", share, Unit::Ratio)
            .number("threshold", low, Unit::Ratio)
            .advice(
                "values that are sent as parameters stay out of the log with log_parameter_max_length = 0; but the analysis of \
                 N+1 needs values, so log them where that is allowed, for as long as it takes",
            ),
    );
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::Lab;
    use super::*;

    fn lab(with: u64, of: u64) -> Lab {
        let mut lab = Lab::new();
        (lab.workload.coverage.with_literals, lab.workload.coverage.executions) = (with, of);
        lab
    }

    #[test]
    fn the_share_decides() {
        assert_eq!(lab(10, 1000).found(&DETECTOR), ["low 1 % of the statements in the log have values with them"]);
        assert!(lab(1000, 1000).found(&DETECTOR)[0].starts_with("low 100 %"));
        assert!(lab(9, 1000).found(&DETECTOR)[0].starts_with("info 0.9 %"));
        assert!(lab(0, 1000).found(&DETECTOR).is_empty());
    }

    #[test]
    fn no_statement_is_no_pass() {
        assert!(lab(0, 0).run(&DETECTOR).is_err());
        assert_eq!(lab(0, 5).run(&DETECTOR).unwrap().examined, 5);
    }

    #[test]
    fn the_trade_off_is_said() {
        let finding = lab(5, 5).run(&DETECTOR).unwrap().findings.remove(0);
        let hint = finding.hint.unwrap();
        assert!(hint.sql.is_none() && hint.text.contains("N+1"));
        assert_eq!(finding.key, "literals-in-log:server");
    }
}
