//! For a wiki page or a comment on a pull request: the terminal's content as GitHub-flavoured Markdown, the bulk folded.
//!
//! Nothing a name holds becomes markup, a mention, a reference or a link: prose is escaped, names stand in code spans,
//! SQL in fences longer than any fence inside it.

mod logs;
mod pool;
mod review;

use super::digest::{self, Gap};
use super::logs::Logs;
use super::pool::Sized;
use super::review::Reviewed;
use super::text::visible;
use super::{Options, Renderer};
use crate::finding::{Finding, Hint};
use crate::report::{Assessment, Report};
use crate::rule::Evidence;
use crate::score::Points;
use std::borrow::Cow;
use std::io::{self, Write};

/// The format.
pub(super) static RENDERER: Renderer = Renderer { name: "markdown", extension: "md", render };

/// A comment on GitHub holds 65,536 characters; beyond this many no further finding is written out unless asked for.
const COMMENT: usize = 56_000;

/// Rows of a folded table that are written out unless asked for more.
const ROWS: usize = 100;

/// Queries listed, the most expensive first.
const QUERIES: usize = 10;

fn render(report: &Report, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { report, options, out, written: 0 };
    if let Some(logs) = Logs::of(report) {
        return page.logs(&logs);
    }
    if let Some(reviewed) = Reviewed::of(report) {
        return page.review(&reviewed);
    }
    if let Some(sized) = Sized::of(report) {
        return page.pool(&sized);
    }
    page.head()?;
    page.score()?;
    page.items()?;
    page.top()?;
    page.not_judged()?;
    page.notes()?;
    page.findings()?;
    page.accepted()?;
    page.rules()?;
    page.queries()
}

/// Text as prose, in a table or out of it: shown as it is, whatever it holds.
pub(super) fn prose(text: &str) -> String {
    let text = visible(text);
    let mut escaped = String::with_capacity(text.len() + 16);
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        let rest = &text[at + character.len_utf8()..];
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '|' => escaped.push_str("&#124;"),
            '\\' => escaped.push_str("&#92;"),
            '$' => escaped.push_str("&#36;"),
            '`' | '*' | '[' | ']' | '~' => escaped.extend(['\\', character]),
            // inside a word an underscore is no emphasis
            '_' if before.is_alphanumeric() && rest.starts_with(char::is_alphanumeric) => escaped.push('_'),
            '_' => escaped.push_str("\\_"),
            // a mention, an address
            '@' => escaped.push_str("@&#8203;"),
            // an issue, by number or as GH-1
            '#' => escaped.push_str("#&#8203;"),
            '-' if before.eq_ignore_ascii_case(&'h') && rest.starts_with(|c: char| c.is_ascii_digit()) => {
                escaped.push_str("-&#8203;");
            }
            // a link without markup
            ':' if rest.starts_with("//") => escaped.push_str(":&#8203;"),
            '.' if before.eq_ignore_ascii_case(&'w') => escaped.push_str(".&#8203;"),
            _ => escaped.push(character),
        }
        before = character;
    }
    escaped
}

/// Text as a code span.
fn code(text: &str) -> String {
    let text = visible(text);
    if text.is_empty() {
        return String::new();
    }
    // a pipe ends a cell even inside a code span, and renderers differ on how to escape one there
    if text.contains(['|', '\\', '`']) {
        let mut entities = String::with_capacity(text.len() * 2);
        for character in text.chars() {
            if character.is_ascii_punctuation() && !matches!(character, '.' | ',' | '(' | ')') {
                entities.push_str(&format!("&#{};", u32::from(character)));
            } else {
                entities.push(character);
            }
        }
        return format!("<code>{entities}</code>");
    }
    // one space at both ends is taken off again
    let pad = if text.starts_with(' ') || text.ends_with(' ') { " " } else { "" };
    format!("`{pad}{text}{pad}`")
}

/// The names, each as code.
fn codes<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|name| code(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// Code of several lines in a fence that nothing inside can close. Lines stay as they are; every other character that
/// would act is shown escaped, and then the code says that it must not be pasted.
pub(super) fn fence(language: &str, text: &str, indent: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let ticks = "`".repeat(3.max(longest + 1));
    let mut fenced = format!("{indent}{ticks}{language}\n");
    let mut exact = true;
    for line in text.trim_end().split('\n') {
        let line = line.trim_end_matches('\r');
        let code = line.trim_start_matches('\t');
        let line = format!("{}{code}", "    ".repeat(line.len() - code.len()));
        let shown = visible(&line);
        exact &= matches!(shown, Cow::Borrowed(_));
        fenced.push_str(&format!("{indent}{shown}\n"));
    }
    fenced.push_str(&format!("{indent}{ticks}\n"));
    if !exact {
        fenced.push_str(&format!("\n{indent}Characters are shown escaped here: take it from `--format json`.\n"));
    }
    fenced
}

/// The row of a table.
fn row<S: AsRef<str>>(cells: &[S]) -> String {
    let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The head of a table; a column whose title begins with a space holds numbers.
fn columns(titles: &[&str]) -> String {
    let rule: Vec<&str> = titles.iter().map(|title| if title.starts_with(' ') { "--:" } else { "---" }).collect();
    let titles: Vec<&str> = titles.iter().map(|title| title.trim()).collect();
    format!("{}{}", row(&titles), row(&rule))
}

fn evidence(evidence: Option<&Evidence>) -> String {
    evidence.map_or("–".to_owned(), |evidence| prose(evidence.as_str()))
}

struct Page<'a> {
    report: &'a Report,
    options: &'a Options,
    out: &'a mut dyn Write,
    written: usize,
}

impl Page<'_> {
    fn put(&mut self, text: &str) -> io::Result<()> {
        self.written += text.chars().count();
        self.out.write_all(text.as_bytes())
    }

    fn verbose(&self) -> bool {
        self.options.verbose > 0
    }

    fn head(&mut self) -> io::Result<()> {
        let report = self.report;
        let name = format!("{} {}", prose(&report.tool.name), prose(report.kind.as_str()));
        let source: Vec<String> = digest::source(report).iter().skip(1).map(|part| prose(part)).collect();
        let times: Vec<String> = digest::times(report).iter().map(|part| prose(part)).collect();
        self.put(&format!("## {name}: {}\n\n", code(&report.source.target)))?;
        if !source.is_empty() {
            self.put(&format!("{}  \n", source.join(" · ")))?;
        }
        self.put(&format!("{}\n", times.join(" · ")))
    }

    fn score(&mut self) -> io::Result<()> {
        let Some(score) = &self.report.score else {
            let why = digest::no_score(self.report).map(|why| format!("\n### Score\n\n{}\n", prose(why)));
            return self.put(&why.unwrap_or_default());
        };
        let mut text = String::from("\n### Score\n\n");
        let titles =
            ["Section", " Points", " Strict", " At most", " Assessed", " Coverage", " Measured", " Attested", "Band"];
        text.push_str(&columns(&titles));
        let (verbose, sections) = (self.verbose(), self.options.sections);
        let listed = |points: &&Points| verbose || sections.contains(&&*points.id);
        for points in score.sections.iter().filter(listed).chain([&score.total]) {
            let name = match points.id.as_str() {
                "total" => prose(&points.title),
                id => format!("{} {}", prose(id), prose(&points.title)),
            };
            text.push_str(&row(&[
                name,
                format!("{} of {}", points.pass, points.max),
                digest::percent(points.strict),
                digest::percent(points.at_most),
                points.assessed.map_or("n/a".to_owned(), digest::percent),
                digest::percent(points.coverage),
                points.measured.to_string(),
                points.attested.to_string(),
                prose(&points.band),
            ]));
        }
        self.put(&text)
    }

    fn items(&mut self) -> io::Result<()> {
        let listed = digest::listed(self.report, self.options.sections);
        let is_listed = |item: &&Assessment| listed.iter().any(|known| std::ptr::eq(*known, *item));
        let others: Vec<&Assessment> = self.report.items.iter().filter(|item| !is_listed(item)).collect();
        let table = |items: &[&Assessment]| {
            let mut text = columns(&["State", "Item", "Threshold", "Evidence", "Because"]);
            for item in items {
                let (sign, word) = digest::state(&item.state);
                let mut because = prose(&digest::because(item));
                if let Some(attested) = digest::attestation(item) {
                    because.push_str(&format!(" ({})", prose(&attested)));
                }
                text.push_str(&row(&[
                    format!("{sign} {}", prose(word)),
                    format!("{} {}", prose(&item.id), prose(&item.title)),
                    prose(&item.threshold),
                    evidence(item.evidence.as_ref()),
                    because,
                ]));
            }
            text
        };
        if !listed.is_empty() {
            let text = format!("\n### Items\n\n{}", table(&listed));
            self.put(&text)?;
        }
        if self.verbose() && !others.is_empty() {
            let text = table(&others);
            self.folded(&format!("The other {}", digest::plural(others.len() as u64, "item")), &text)?;
        }
        Ok(())
    }

    fn top(&mut self) -> io::Result<()> {
        self.put(&format!("\n### Top three\n\n{}\n", prose(&digest::tally(self.report))))?;
        for (rank, finding) in digest::top(self.report).into_iter().enumerate() {
            let text = format!(
                "\n{}. **{}** {} ({}): {}\n",
                rank + 1,
                prose(finding.severity.as_str()),
                code(&digest::about(finding)),
                code(finding.rule.as_str()),
                prose(&finding.message)
            );
            let fix = finding.hint.as_ref().map(|hint| fix(hint, "   ")).unwrap_or_default();
            self.put(&format!("{text}{}{fix}", if fix.is_empty() { "" } else { "\n" }))?;
        }
        Ok(())
    }

    fn not_judged(&mut self) -> io::Result<()> {
        let gaps = digest::gaps(self.report);
        self.put(&format!("\n### Not judged\n\n{}\n", prose(&digest::not_judged(self.report, &gaps))))?;
        if gaps.is_empty() {
            return Ok(());
        }
        let text = reasons(&gaps);
        self.put(&format!("\n{text}"))
    }

    fn notes(&mut self) -> io::Result<()> {
        if self.report.notes.is_empty() {
            return Ok(());
        }
        let notes = self.report.notes.iter().map(|note| {
            let sign = if note.warning { "**Warning:** " } else { "Note: " };
            format!("* {sign}{}\n", prose(&note.text))
        });
        let text = format!("\n### Notes\n\n{}", notes.collect::<String>());
        self.put(&text)
    }

    /// Those that matter in full, as many as a comment holds; the others counted. All of them when asked for.
    fn findings(&mut self) -> io::Result<()> {
        self.put(&format!("\n### Findings\n\n{}\n", prose(&digest::tally(self.report))))?;
        let titled = |finding: &Finding| format!("{}: {}", digest::about(finding), finding.message);
        self.listed(digest::worst_first(self.report), titled)
    }

    /// Findings under titles.
    fn listed(&mut self, all: Vec<&Finding>, title: impl Fn(&Finding) -> String) -> io::Result<()> {
        let verbose = self.verbose();
        let (full, mut counted): (Vec<&Finding>, Vec<&Finding>) =
            all.into_iter().partition(|finding| verbose || digest::matters(finding));
        let mut left = full.into_iter();
        for finding in left.by_ref() {
            let text = details(finding, &title(finding));
            if !verbose && self.written + text.chars().count() > COMMENT {
                counted.push(finding);
                break;
            }
            self.put(&text)?;
        }
        counted.extend(left);
        if counted.is_empty() {
            return Ok(());
        }
        let mut text = columns(&["Severity", "Rule", " Findings"]);
        for (severity, rule, count) in digest::by_rule(counted.iter().copied()) {
            text.push_str(&row(&[prose(severity.as_str()), code(rule.as_str()), count.to_string()]));
        }
        self.put(&format!("\nCounted only; `-v` or `--format json` lists them:\n\n{text}"))
    }

    fn accepted(&mut self) -> io::Result<()> {
        if self.report.suppressed.is_empty() {
            return Ok(());
        }
        let mut text = columns(&["Reason", "Expires", " Findings", "Keys"]);
        for (reason, expires, findings) in digest::accepted(&self.report.suppressed) {
            let shown = if self.verbose() { findings.len() } else { findings.len().min(3) };
            let keys: Vec<&str> = findings.iter().take(shown).map(|finding| finding.key.as_str()).collect();
            let more = if shown < findings.len() { ", …" } else { "" };
            text.push_str(&row(&[
                prose(reason),
                expires.map_or("never".to_owned(), prose),
                findings.len().to_string(),
                format!("{}{more}", codes(&keys)),
            ]));
        }
        self.folded(&format!("{} suppressed", digest::plural(self.report.suppressed.len() as u64, "finding")), &text)
    }

    fn rules(&mut self) -> io::Result<()> {
        if self.report.rules.is_empty() {
            return Ok(());
        }
        let mut text = columns(&["Rule", "Database", "Outcome", " Examined", " Findings", " Not judged", "Why"]);
        let shown = if self.verbose() { self.report.rules.len() } else { ROWS };
        for rule in self.report.rules.iter().take(shown) {
            let unjudged: u64 = rule.unjudged.iter().map(|group| group.count).sum();
            text.push_str(&row(&[
                code(rule.id.as_str()),
                rule.database.as_deref().map_or("–".to_owned(), code),
                prose(rule.outcome.as_str()),
                rule.examined.to_string(),
                rule.findings.to_string(),
                unjudged.to_string(),
                rule.reason.as_ref().map_or("–".to_owned(), |missing| prose(&missing.because)),
            ]));
        }
        if shown < self.report.rules.len() {
            text.push_str(&format!("\nand {} more\n", self.report.rules.len() - shown));
        }
        self.folded("What became of each rule", &text)
    }

    fn queries(&mut self) -> io::Result<()> {
        let queries = digest::queries(self.report);
        if queries.is_empty() || !self.verbose() {
            return Ok(());
        }
        let mut text = String::new();
        for query in queries.iter().take(QUERIES) {
            let parts: Vec<String> = digest::query(query).iter().map(|part| prose(part)).collect();
            text.push_str(&format!("{}\n\n{}\n", parts.join(" · "), fence("sql", &query.query, "")));
        }
        self.folded("The most expensive queries", &text)
    }

    fn folded(&mut self, summary: &str, text: &str) -> io::Result<()> {
        self.put(&format!("\n<details><summary>{}</summary>\n\n{text}\n</details>\n", prose(summary)))
    }
}

/// What was not judged, a row a reason.
fn reasons(gaps: &[Gap<'_>]) -> String {
    let mut text = columns(&["Reason", "How much", "Because", "Rules", "Unlocked by"]);
    for gap in gaps {
        let mut because = prose(gap.because);
        if !gap.examples.is_empty() {
            because.push_str(&format!(": {}", codes(&gap.examples[..gap.examples.len().min(3)])));
        }
        text.push_str(&row(&[
            prose(gap.reason.as_str()),
            gap.extent(),
            because,
            if gap.rules.is_empty() { "–".to_owned() } else { codes(&gap.rules) },
            gap.unlock.map_or("–".to_owned(), code),
        ]));
    }
    text
}

/// One finding, folded: its severity and its title, which names subject and message, are seen, the rest on opening it.
fn details(finding: &Finding, title: &str) -> String {
    let severity = prose(finding.severity.as_str());
    let mut text = format!("\n<details><summary><b>{severity}</b> {}</summary>\n\n", summary(title));
    let mut facts = vec![("Rule", code(finding.rule.as_str())), ("Evidence", prose(finding.evidence.as_str()))];
    if !finding.items.is_empty() {
        facts.push(("Items", prose(&finding.items.join(", "))));
    }
    facts.extend(finding.subject.database.as_ref().map(|database| ("Database", code(database))));
    facts.extend(finding.verification.as_ref().map(|word| ("Verification", prose(word))));
    facts.extend(
        finding.location.as_ref().map(|at| ("Location", code(&format!("{}:{}:{}", at.file, at.line, at.column)))),
    );
    let numbers: Vec<String> = digest::facts(finding).iter().map(|fact| prose(fact)).collect();
    if !numbers.is_empty() {
        facts.push(("Detail", numbers.join(" · ")));
    }
    facts.push(("Key", code(&finding.key)));
    text.push_str(&columns(&["Fact", "Value"]));
    facts.iter().for_each(|(name, value)| text.push_str(&row(&[*name, value])));
    if let Some(query) = &finding.subject.query {
        text.push_str(&format!("\n{}", fence("sql", query, "")));
    }
    if let Some(hint) = &finding.hint {
        text.push_str(&format!("\n{}", fix(hint, "")));
    }
    text.push_str("\n</details>\n");
    text
}

/// Text inside `<summary>`, where Markdown is not read but references and mentions are.
fn summary(text: &str) -> String {
    // prose's backslashes would be shown there
    prose(text)
        .replace("\\`", "&#96;")
        .replace("\\*", "&#42;")
        .replace("\\[", "&#91;")
        .replace("\\]", "&#93;")
        .replace("\\~", "&#126;")
        .replace("\\_", "&#95;")
}

/// The advice, its SQL, and the lock that takes.
fn fix(hint: &Hint, indent: &str) -> String {
    let mut text = format!("{indent}Fix: {}\n", prose(&hint.text));
    if let Some(sql) = &hint.sql {
        text.push_str(&format!("\n{}", fence("sql", sql, indent)));
    }
    if let Some(lock) = digest::lock(hint) {
        text.push_str(&format!("\n{indent}Takes {}: {}.\n", code(lock.as_str()), lock.blocks()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_never_become_markup() {
        assert_eq!(prose("a|b <b>@team #1 *x* [l](u)"), "a&#124;b &lt;b&gt;@&#8203;team #&#8203;1 \\*x\\* \\[l\\](u)");
        assert_eq!(prose("see https://x.test and www.x.test"), "see https:&#8203;//x.test and www.&#8203;x.test");
        assert_eq!(prose("snake_case and _x_"), "snake_case and \\_x\\_");
        assert_eq!(code("orders"), "`orders`");
        assert_eq!(code("a|b`c"), "<code>a&#124;b&#96;c</code>");
        assert_eq!(code(" x"), "`  x `");
        assert_eq!(fence("sql", "a ````\nb", ""), "`````sql\na ````\nb\n`````\n");
        assert!(fence("sql", "drop \x1b", "").contains("escaped"));
    }

    proptest! {
        #[test]
        fn a_cell_is_one_cell(text in any::<String>()) {
            for cell in [prose(&text), code(&text), summary(&text)] {
                prop_assert!(!cell.contains(['|', '\n', '\r']), "{cell:?}");
            }
        }

        #[test]
        fn nothing_inside_closes_a_fence(text in "[`~\nab]{0,60}") {
            let fenced = fence("sql", &text, "");
            let ticks: String = fenced.chars().take_while(|c| *c == '`').collect();
            prop_assert_eq!(fenced.lines().filter(|line| line.trim().starts_with(&ticks)).count(), 2);
        }
    }
}
