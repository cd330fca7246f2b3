//! Comments that speak to this program: `-- pgassay: allow rule-id because reason`.
//!
//! `allow` is said of one statement: of the one the comment stands in, else of the one on whose last line it stands,
//! else of the one that follows. `allow-file` is said of the whole file. Several rules are separated by commas; a
//! reason is required. A comment that speaks to this program and cannot be understood is a directive with a fault: it
//! allows nothing, and is reported.

use super::script::Directive;
use std::ops::Range;

/// The directives among the comments of a text, in order.
pub fn directives(text: &str, comments: &[Range<usize>]) -> Vec<Directive> {
    comments.iter().filter_map(|span| directive(text, span)).collect()
}

/// The statement that a comment speaks of: an index into the spans of the statements, which are in order.
pub fn statement_of(text: &str, comment: &Range<usize>, statements: &[Range<usize>]) -> Option<usize> {
    let next = statements.partition_point(|statement| statement.start < comment.start);
    if let Some(before) = next.checked_sub(1) {
        let end = statements.get(before).map_or(0, |statement| statement.end);
        let between = text.as_bytes().get(end..comment.start);
        // the comment is within the statement, or no line ends between the two
        if between.is_none_or(|between| memchr::memchr(b'\n', between).is_none()) {
            return Some(before);
        }
    }
    (next < statements.len()).then_some(next)
}

fn directive(text: &str, span: &Range<usize>) -> Option<Directive> {
    let comment = text.get(span.clone())?;
    let said = match comment.strip_prefix("--") {
        Some(line) => line.trim_start_matches('-'),
        None => comment.strip_prefix("/*")?.trim_end_matches('/').trim_end_matches('*').trim_start_matches('*'),
    };
    let said = said.trim();
    let (name, rest) = said.split_at_checked("pgassay".len())?;
    if !name.eq_ignore_ascii_case("pgassay") {
        return None;
    }
    let mut directive =
        Directive { span: span.clone(), is_of_file: false, rules: Vec::new(), reason: String::new(), fault: None };
    let Some(rest) = rest.trim_start().strip_prefix(':') else {
        // `pgassay finds this slow` is about this program, not to it
        let word = rest.split_ascii_whitespace().next().unwrap_or_default();
        let is_meant = rest.starts_with([' ', '\t']) && matches!(word, "allow" | "allow-file" | "ignore" | "disable");
        directive.fault = is_meant.then(|| "it lacks the colon: pgassay: allow … because …".to_owned());
        return is_meant.then_some(directive);
    };
    match parse(rest, &mut directive) {
        Ok(()) => {}
        Err(fault) => directive.fault = Some(fault),
    }
    Some(directive)
}

fn parse(rest: &str, directive: &mut Directive) -> Result<(), String> {
    let rest = rest.trim_start();
    let (word, rest) =
        rest.split_at_checked(rest.find(char::is_whitespace).unwrap_or(rest.len())).unwrap_or((rest, ""));
    directive.is_of_file = match word {
        "allow" => false,
        "allow-file" => true,
        word => return Err(format!("{word:?} is not known: pgassay: allow … or pgassay: allow-file …")),
    };
    let (rules, reason) = because(rest);
    for rule in rules.split(',').map(str::trim) {
        let is_rule =
            !rule.is_empty() && rule.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        match is_rule {
            true if directive.rules.iter().any(|known| known == rule) => {}
            true => directive.rules.push(rule.to_owned()),
            false if rule.is_empty() && rules.trim().is_empty() => return Err("it names no rule".into()),
            false if rule.is_empty() => return Err("there is a comma too many".into()),
            false if rule.contains(char::is_whitespace) && reason.is_none() => {
                return Err(format!(
                    "{rule:?} is no rule: a reason begins with because, rules are separated by commas"
                ));
            }
            false => return Err(format!("{rule:?} is no rule: rules are separated by commas")),
        }
    }
    match reason.map(|reason| reason.trim_start_matches(':').trim()) {
        None => Err("it gives no reason: … because …".into()),
        Some("") => Err("it gives no reason after because".into()),
        Some(reason) => {
            directive.reason = reason.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            Ok(())
        }
    }
}

/// What stands before the word `because`, and what after it.
fn because(text: &str) -> (&str, Option<&str>) {
    const WORD: &str = "because";
    let is_edge = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || matches!(c, ':' | ','));
    for (at, _) in text.match_indices(WORD) {
        let (before, rest) = text.split_at(at);
        let after = rest.get(WORD.len()..).unwrap_or_default();
        if is_edge(before.chars().next_back()) && is_edge(after.chars().next()) {
            return (before, Some(after));
        }
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::super::split::split_with_comments;
    use super::*;

    fn all(text: &str) -> Vec<Directive> {
        directives(text, &split_with_comments(text, 0..text.len()).comments)
    }

    fn one(text: &str) -> Directive {
        let mut all = all(text);
        assert_eq!(all.len(), 1, "{text}");
        all.remove(0)
    }

    #[test]
    fn a_directive_names_rules_and_a_reason() {
        let found = one("-- pgassay: allow column-dropped because nothing reads it any more");
        assert_eq!((found.rules.as_slice(), found.is_of_file), (&["column-dropped".to_owned()][..], false));
        assert_eq!((found.reason.as_str(), found.fault), ("nothing reads it any more", None));
        let found = one("select 1; /* pgassay: allow-file a, b,c because\n   the table is\n   small */");
        assert_eq!((found.rules.join(" "), found.is_of_file), ("a b c".into(), true));
        assert_eq!((found.reason.as_str(), found.fault), ("the table is small", None));
        assert_eq!(one("--PGASSAY : allow a because b").reason, "b");
        assert_eq!(one("/** pgassay: allow a because: of b **/").reason, "of b");
        assert_eq!(one("-- pgassay: allow a, a because b").rules, ["a"]);
        assert_eq!(one("-- pgassay: allow a because it is because").reason, "it is because");
    }

    #[test]
    fn what_cannot_be_understood_is_said() {
        let fault = |text: &str| one(text).fault.unwrap();
        assert_eq!(fault("-- pgassay: allow a"), "it gives no reason: … because …");
        assert_eq!(fault("-- pgassay: allow a because  "), "it gives no reason after because");
        assert_eq!(fault("-- pgassay: allow because x"), "it names no rule");
        assert_eq!(fault("-- pgassay: allow a,, b because x"), "there is a comma too many");
        assert!(fault("-- pgassay: allow a b because x").contains("separated by commas"));
        assert!(fault("-- pgassay: allow a the table is small").contains("begins with because"));
        assert!(fault("-- pgassay: alow a because x").starts_with("\"alow\" is not known"));
        assert!(fault("-- pgassay:").contains("is not known"));
        assert!(fault("-- pgassay allow a because x").contains("colon"));
    }

    #[test]
    fn other_comments_are_none() {
        for text in [
            "-- pgassay finds this slow",
            "-- see pgassay: allow",
            "select '-- pgassay: allow a because b'",
            "-- pg",
            "/*",
        ] {
            assert!(all(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_directive_belongs_to_one_statement() {
        let text = "-- pgassay: allow a because 0\nselect 1; -- pgassay: allow a because 0\n\n-- pgassay: allow a because 1\n\
                    select\n 2, -- pgassay: allow a because 1\n 3\n;\n-- pgassay: allow a because 2\n\nselect 4 -- pgassay: allow a because 2\n;\
                    -- pgassay: allow a because nothing\n-- pgassay: allow a because nothing\n";
        let split = split_with_comments(text, 0..text.len());
        let spans: Vec<_> = split.pieces.iter().map(|piece| piece.span.clone()).collect();
        for found in directives(text, &split.comments) {
            let statement = statement_of(text, &found.span, &spans);
            let expected = found.reason.parse::<usize>().ok();
            let at = found.span.start;
            // the comment after the semicolon on the line below the statement speaks of nothing
            assert_eq!(statement, expected, "{}", &text[at..]);
        }
        assert_eq!(statement_of("-- x", &(0..4), &[]), None);
    }
}
