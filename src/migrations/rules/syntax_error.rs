//! Statement that does not parse, or that nobody can read
//!
//! ## Why it matters
//! A statement with a syntax error fails, and in a transaction everything before it is undone. What cannot be read at
//! all, SQL that a function puts together at run time, is not reviewed, and silence about it would look like approval.
//!
//! ## How it is decided
//! By PostgreSQL's own parser, that of the newest version: *high* for a statement it refuses, for a placeholder that
//! nobody filled where a value or a name must be, and for a command of psql in a file that another runner sends. *info*
//! for what may well run but is not reviewed: a statement nested too deep to analyse, dynamic SQL, a language that is
//! not read. The statements around it are reviewed all the same.
//!
//! ## What to do
//! Correct it. Fill placeholders before the review. For dynamic SQL, review what it builds by
//! hand, or let a trace run it.
//!
//! ## Limits
//! Grammar that an extension or a fork of PostgreSQL adds does not parse. What is right in the newest grammar and
//! missing in an older target is `not-available-in-version`. After a quote without an end, where the next statement
//! begins is a guess.

use super::prelude::*;
use crate::finding::{Subject, SubjectKind};
use crate::migrations::script::{Parsed, Statement};

/// A statement that is not understood.
pub(super) static RULE: Rule = Rule {
    meta: Meta {
        id: "syntax-error",
        category: Category::Schema,
        severity: Severity::High,
        source: include_str!("syntax_error.rs"),
    },
    params: &[],
    is_opinion: false,
    both_ways: true,
    run: Run::Script(run),
};

fn run(end: &AtEnd<'_>) -> Vec<Finding> {
    let statements = end.script.statements.iter().enumerate();
    let mut found: Vec<Finding> = statements.filter_map(|(number, one)| broken(end, number, one)).collect();
    found.extend(end.script.problems.iter().map(|problem| {
        end.finding_at(&RULE.meta, Some(problem.span.clone()), problem.message.clone())
            .advice("correct it, or fill it in before the review")
    }));
    for step in end.steps {
        found.extend(step.effects.unread.iter().map(|because| {
            let finding = end.finding(&RULE.meta, step.statement, itself(), format!("could not be read: {because}"));
            finding.severity(Severity::Info).advice("review what it runs by hand, or let a trace run it")
        }));
    }
    found
}

fn broken(end: &AtEnd<'_>, number: usize, statement: &Statement) -> Option<Finding> {
    let at = |position: Option<usize>, message: String| {
        let mut finding = end.finding(&RULE.meta, number, itself(), message);
        let position = position.filter(|position| statement.span.contains(position));
        if let (Some(file), Some(position)) = (end.file(), position) {
            let rest = file.text.get(position..statement.span.end).unwrap_or_default();
            let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let first = rest.chars().next().map_or(0, char::len_utf8);
            finding.location = Some(super::moment::locate(file, position..position + word.max(first)));
        }
        finding
    };
    Some(match &statement.parsed {
        Parsed::Command(_) => return None,
        Parsed::SyntaxError { message, position } => {
            at(*position, message.clone()).text("sqlstate", "42601").advice("correct the statement: it fails as it is")
        }
        Parsed::TooDeep => at(None, "too deep to analyse: what it does is not known".to_owned())
            .severity(Severity::Info)
            .advice("write it with less nesting, or review it by hand"),
        Parsed::Placeholder { text, position } => {
            at(Some(*position), format!("{text} is not filled: what the statement says is not known"))
                .text("placeholder", text.clone())
                .advice("give the placeholder a value before the review, as the runner does")
        }
    })
}

fn itself() -> Subject {
    Subject::new(SubjectKind::Statement)
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::{findings, fixture, says};
    use super::*;
    use crate::migrations::replay::replay;
    use crate::migrations::script::Problem;

    #[test]
    fn the_error_is_pointed_at_and_the_rest_is_read() {
        let found =
            findings(&RULE, "create table t (a int);\nselect 1 fromm t t2 t3;\ncreat table u (a int);\nselect 1;");
        let lines: Vec<u32> = found.iter().map(|one| one.location.clone().unwrap().line).collect();
        assert_eq!(lines, [2, 3]);
        assert!(found[1].message.contains("syntax error"), "{}", found[1].message);
        assert!(says(&RULE, "select 1;").is_empty());
    }

    #[test]
    fn what_is_too_deep_is_no_error() {
        let deep = format!("select {}1{};", "(".repeat(20_000), ")".repeat(20_000));
        for said in says(&RULE, &deep) {
            assert_eq!(said, "info too deep to analyse: what it does is not known");
        }
    }

    #[test]
    fn placeholders_and_problems_are_told() {
        let mut made = fixture("select 1;");
        let script = &mut made.project.scripts[0];
        script.problems.push(Problem { span: 0..6, message: "\\d is a command of psql".to_owned() });
        script.statements[0].parsed = Parsed::Placeholder { text: "${a}".to_owned(), position: 7 };
        let found = replay(&made.project, &[&RULE]).findings;
        let said: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
        assert_eq!(said, ["${a} is not filled: what the statement says is not known", "\\d is a command of psql"]);
        assert_eq!(found[0].location.as_ref().unwrap().column, 8);
    }

    #[test]
    fn dynamic_sql_is_info() {
        let found = says(&RULE, "do $$ declare t text; begin execute 'drop table ' || t; end $$;");
        assert!(found.iter().all(|said| said.starts_with("info could not be read: ")), "{found:?}");
        assert_eq!(found.len(), 1);
    }
}
