//! Plans that auto_explain logs, in its four formats: the statement they belong to and what each node read.
//!
//! Conditions and output lists are passed over: they hold literals. In the text format nothing but SQL's own rules tells the
//! statement from the plan after it, so quotes and comments are followed until a line outside them is a node: a statement can
//! quote plan lines, it cannot consist of them.

use crate::logs::reader::jsonlog::unescape;
use memchr::{memchr, memchr_iter, memchr2, memmem};
use std::borrow::Cow;

/// `auto_explain.log_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `text`.
    Text,
    /// `json`.
    Json,
    /// `yaml`.
    Yaml,
    /// `xml`.
    Xml,
}

/// A logged plan. One that was cut short has the nodes before the cut.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// `Query Text`, as it was sent.
    pub query: Vec<u8>,
    /// `Query Parameters` (16 on): `$1 = '…', $2 = NULL`.
    pub parameters: Option<Vec<u8>>,
    /// `Query Identifier` (16 on, with `log_verbose` and `compute_query_id`).
    pub query_identifier: Option<i64>,
    /// What it was read from.
    pub format: Format,
    /// Top down, children after their parent.
    pub nodes: Vec<Node>,
}

/// A node of a plan. Row counts are averages of one loop, and of one process under a `Gather`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// How many nodes are above it.
    pub depth: usize,
    /// The node type as the formats other than text name it: `Seq Scan` whether parallel or not, `Aggregate` for `HashAggregate`,
    /// `ModifyTable` for `Update`, `Hash Join` for `Hash Left Join`.
    pub kind: String,
    /// Whether several processes share its work.
    pub is_parallel: bool,
    /// The table, view or foreign table it reads or writes.
    pub relation: Option<String>,
    /// The relation's schema, with `log_verbose` only.
    pub schema: Option<String>,
    /// What the statement calls the relation, function or subquery.
    pub alias: Option<String>,
    /// The index it reads.
    pub index: Option<String>,
    /// Rows the planner expected.
    pub plan_rows: f64,
    /// Rows it gave, with `log_analyze` only.
    pub actual_rows: Option<f64>,
    /// How often it ran, over all processes; 0 where it never did. With `log_analyze` only.
    pub loops: Option<f64>,
    /// Rows its filter dropped; `None` where there is no filter, and in the text format where it dropped none.
    pub rows_removed_by_filter: Option<f64>,
    /// The planner's cost of all of its rows.
    pub total_cost: f64,
}

impl Node {
    /// Rows a scan read over all of its loops, near enough: the log rounds the averages. `None` without `log_analyze`.
    pub fn rows_read(&self) -> Option<f64> {
        Some((self.actual_rows? + self.rows_removed_by_filter.unwrap_or(0.0)) * self.loops?)
    }
}

impl Plan {
    /// The sequential scans, with the rows that each read, where they are known.
    pub fn seq_scans(&self) -> impl Iterator<Item = (&Node, Option<f64>)> {
        self.nodes.iter().filter(|node| node.kind == "Seq Scan").map(|node| (node, node.rows_read()))
    }

    /// Rows the statement gave; 0 for a data-modifying one without `returning`. `None` without `log_analyze`.
    pub fn root_rows(&self) -> Option<f64> {
        let root = self.nodes.first()?;
        Some(root.actual_rows? * root.loops?)
    }
}

/// The plan in a message after `plan:`; `is_tabbed` as [`Record::is_tabbed`](super::record::Record) says.
pub fn plan(body: &[u8], is_tabbed: bool) -> Option<Plan> {
    let body = if is_tabbed { Cow::Owned(untab(body)) } else { Cow::Borrowed(body) };
    let body = body.trim_ascii();
    match body.first()? {
        b'{' => Some(json(body)),
        b'<' => Some(xml(body)),
        _ => {
            let rest = body.strip_prefix(QUERY_TEXT)?;
            Some(if is_yaml(rest) { yaml(body) } else { text(rest) })
        }
    }
}

/// Takes away the tab after each line feed.
fn untab(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut lines = text.split_inclusive(|&byte| byte == b'\n');
    plain.extend_from_slice(lines.next().unwrap_or_default());
    for line in lines {
        plain.extend_from_slice(line.strip_prefix(b"\t").unwrap_or(line));
    }
    plain
}

// ---- text

const QUERY_TEXT: &[u8] = b"Query Text: ";
const QUERY_PARAMETERS: &[u8] = b"Query Parameters: ";
const QUERY_IDENTIFIER: &[u8] = b"Query Identifier: ";

/// A plan in the text format, from after `Query Text: `.
fn text(body: &[u8]) -> Plan {
    let end = statement_end(body).or_else(|| first_node(body)).unwrap_or(body.len());
    let mut plan = Plan {
        // a query may end with line feeds of its own; the last one is the format's
        query: body.get(..end).map(|query| query.strip_suffix(b"\n").unwrap_or(query)).unwrap_or_default().to_vec(),
        parameters: None,
        query_identifier: None,
        format: Format::Text,
        nodes: Vec::new(),
    };
    let mut rest = body.get(end..).unwrap_or_default();
    if let Some(after) = rest.strip_prefix(QUERY_PARAMETERS) {
        let end = line_outside(after, b"'").unwrap_or_else(|| line_length(after));
        let parameters = after.get(..end).unwrap_or_default();
        plan.parameters = Some(parameters.strip_suffix(b"\n").unwrap_or(parameters).to_vec());
        rest = after.get(end..).unwrap_or_default();
    }
    // where the names of the open nodes begin
    let mut columns: Vec<usize> = Vec::new();
    let mut is_quoted_by_rule = true;
    while !rest.is_empty() {
        let outside = if is_quoted_by_rule { line_outside(rest, b"'\"") } else { None };
        is_quoted_by_rule = outside.is_some();
        let end = outside.unwrap_or_else(|| line_length(rest));
        let line = rest.get(..end).unwrap_or_default().trim_ascii_end();
        if let Some((column, mut node)) = node_line(line) {
            if column == 0 && !plan.nodes.is_empty() {
                break;
            }
            while columns.last().is_some_and(|&open| open >= column) {
                columns.pop();
            }
            node.depth = columns.len();
            columns.push(column);
            plan.nodes.push(node);
        } else if !line.starts_with(b" ") {
            break;
        } else if let Some(removed) = line.trim_ascii_start().strip_prefix(b"Rows Removed by Filter: ")
            && let Some(node) = plan.nodes.last_mut()
        {
            node.rows_removed_by_filter = number(removed);
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    // settings come first in what follows, and their values are not quoted by SQL's rules
    let mut lines = rest.split(|&byte| byte == b'\n');
    plan.query_identifier = lines.find_map(|line| line.strip_prefix(QUERY_IDENTIFIER)).and_then(integer);
    plan
}

/// Where the statement ends: at the first line outside quotes and comments that cannot be its own.
fn statement_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at = match byte {
            b'\'' if is_escape_string(text, at) => escaped_end(text, at + 1)?,
            b'\'' | b'"' => at + 2 + memchr(byte, text.get(at + 1..)?)?,
            b'$' => dollar_end(text, at)?,
            b'-' if text.get(at + 1) == Some(&b'-') => at + memchr(b'\n', text.get(at..)?)?,
            b'/' if text.get(at + 1) == Some(&b'*') => comment_end(text, at)?,
            b'\n' => {
                let line = text.get(at + 1..)?;
                if line.starts_with(QUERY_PARAMETERS) || is_root(line) {
                    return Some(at + 1);
                }
                at + 1
            }
            _ => at + 1,
        };
    }
    None
}

/// The first line that is a node, for statements whose quotes are not understood (`standard_conforming_strings` is off).
fn first_node(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr(b'\n', text.get(at..)?)? + 1;
        if is_root(text.get(at..)?) {
            return Some(at);
        }
    }
}

/// Whether the quote at `at` opens an `E'…'`.
fn is_escape_string(text: &[u8], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| text.get(at)).copied();
    matches!(before(1), Some(b'e' | b'E')) && !before(2).is_some_and(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

/// The end of an `E'…'` whose text begins at `at`.
fn escaped_end(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at;
    loop {
        at += memchr2(b'\'', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'\'') {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The end of a dollar-quoted string that begins at `at`, or the next byte where none does.
fn dollar_end(text: &[u8], at: usize) -> Option<usize> {
    if at.checked_sub(1).and_then(|before| text.get(before)).copied().is_some_and(is_name_byte) {
        return Some(at + 1);
    }
    let rest = text.get(at + 1..)?;
    let length = rest.iter().take_while(|&&byte| is_name_byte(byte) && byte != b'$').count();
    if rest.get(length) != Some(&b'$') || rest.first().is_some_and(u8::is_ascii_digit) {
        return Some(at + 1 + length);
    }
    let tag = text.get(at..=at + 1 + length)?;
    let from = at + tag.len();
    Some(from + memmem::find(text.get(from..)?, tag)? + tag.len())
}

/// The end of a comment that begins at `at`; such comments nest.
fn comment_end(text: &[u8], at: usize) -> Option<usize> {
    let mut depth = 1;
    let mut at = at + 2;
    while depth > 0 {
        at += memchr2(b'*', b'/', text.get(at..)?)?;
        match text.get(at..at + 2)? {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
    }
    Some(at)
}

/// The length of a line and its line feed, where line feeds between quotes are part of it; `None` where a quote is not closed.
fn line_outside(text: &[u8], quotes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        if byte == b'\n' {
            break;
        }
        if quotes.contains(&byte) {
            at += memchr(byte, text.get(at..)?)? + 1;
        }
    }
    Some(at)
}

/// The length of a line and its line feed.
fn line_length(text: &[u8]) -> usize {
    memchr(b'\n', text).map_or(text.len(), |length| length + 1)
}

/// Whether a text begins with the line of a root node.
fn is_root(text: &[u8]) -> bool {
    let line = text.get(..line_length(text)).unwrap_or_default();
    matches!(node_line(line.trim_ascii_end()), Some((0, _)))
}

/// A node's first line, `  ->  Seq Scan on t  (cost=0.00..1.00 rows=1 width=4) (actual time=0.01..0.02 rows=1 loops=1)`, and the
/// column in which its name begins.
fn node_line(line: &[u8]) -> Option<(usize, Node)> {
    const COST: &[u8] = b"  (cost=";
    // a name may hold anything between its quotes
    let mut end = memmem::find(line, COST)?;
    let mut is_quoted = is_odd(line.get(..end)?);
    while is_quoted {
        let next = end + 1 + memmem::find(line.get(end + 1..)?, COST)?;
        is_quoted ^= is_odd(line.get(end..next)?);
        end = next;
    }
    let described = line.get(..end)?;
    let name = described.trim_ascii_start();
    let spaces = described.len() - name.len();
    let (column, name) = match name.strip_prefix(b"->  ") {
        Some(name) => (spaces + 4, name),
        None if spaces == 0 && name.first().is_some_and(u8::is_ascii_uppercase) => (0, name),
        None => return None,
    };
    let (estimate, actual) = parenthesis(line.get(end + COST.len()..)?)?;
    let costs = estimate.split(|&byte| byte == b' ').next()?;
    let total = memmem::find(costs, b"..").and_then(|dots| costs.get(dots + 2..))?;
    let mut node = described_node(name);
    node.total_cost = number(total)?;
    node.plan_rows = member(estimate, b"rows=")?;
    member(estimate, b"width=")?;
    match actual.strip_prefix(b" (") {
        None if actual.is_empty() => {}
        None => return None,
        Some(b"never executed)") => (node.actual_rows, node.loops) = (Some(0.0), Some(0.0)),
        Some(actual) => {
            let (actual, b"") = parenthesis(actual.strip_prefix(b"actual ")?)? else { return None };
            node.actual_rows = Some(member(actual, b"rows=")?);
            node.loops = Some(member(actual, b"loops=")?);
        }
    }
    Some((column, node))
}

/// Whether a text has an odd number of quotes.
fn is_odd(text: &[u8]) -> bool {
    memchr_iter(b'"', text).count() % 2 == 1
}

/// What comes before a closing parenthesis, and after it.
fn parenthesis(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr(b')', text)?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// The number after a name, in words separated by spaces.
fn member(words: &[u8], name: &[u8]) -> Option<f64> {
    words.split(|&byte| byte == b' ').find_map(|word| word.strip_prefix(name)).and_then(number)
}

/// A node from what the text format writes before the costs: `Parallel Index Scan using i on s.t a`.
fn described_node(text: &[u8]) -> Node {
    let mut node = Node::default();
    let mut text = text.strip_prefix(b"Async ").unwrap_or(text);
    if let Some(rest) = text.strip_prefix(b"Parallel ") {
        (node.is_parallel, text) = (true, rest);
    }
    let using = memmem::find(text, b" using ");
    let on = memmem::find(text, b" on ");
    let kind = text.get(..using.into_iter().chain(on).min().unwrap_or(text.len())).unwrap_or_default();
    node.kind = kind_of(&String::from_utf8_lossy(kind)).to_owned();
    let mut names = None;
    if let Some(using) = using.filter(|&using| on.is_none_or(|on| using < on)) {
        let (index, rest) = identifier(text.get(using + 7..).unwrap_or_default());
        node.index = Some(index);
        names = rest.strip_prefix(b" on ");
    } else if let Some(on) = on {
        names = text.get(on + 4..);
    }
    let Some(names) = names else { return node };
    let (mut relation, mut rest) = identifier(names);
    let mut schema = None;
    if let Some(after) = rest.strip_prefix(b".") {
        schema = Some(relation);
        (relation, rest) = identifier(after);
    }
    // the alias is left out where it is the name
    let alias = rest.strip_prefix(b" ").map_or_else(|| relation.clone(), |rest| identifier(rest).0);
    match node.kind.as_str() {
        "Bitmap Index Scan" => node.index = Some(relation),
        kind if has_relation(kind) => {
            (node.relation, node.schema, node.alias) = (Some(relation), schema, Some(alias));
        }
        _ => node.alias = Some(alias),
    }
    node
}

/// Whether what a node is `on` is a relation, not a function, a subquery or a common table expression.
fn has_relation(kind: &str) -> bool {
    matches!(
        kind,
        "Seq Scan"
            | "Sample Scan"
            | "Index Scan"
            | "Index Only Scan"
            | "Bitmap Heap Scan"
            | "Tid Scan"
            | "Tid Range Scan"
            | "Foreign Scan"
            | "Custom Scan"
            | "ModifyTable"
    )
}

/// The node type behind the text format's words.
fn kind_of(words: &str) -> &str {
    let words = words.strip_suffix(" Backward").unwrap_or(words);
    match words {
        "Insert" | "Update" | "Delete" | "Merge" => "ModifyTable",
        "Foreign Insert" | "Foreign Update" | "Foreign Delete" => "Foreign Scan",
        _ if words.ends_with("Aggregate") => "Aggregate",
        _ if words.starts_with("SetOp ") || words.starts_with("HashSetOp") => "SetOp",
        _ if words.starts_with("Custom Scan") => "Custom Scan",
        _ if words.starts_with("Nested Loop") => "Nested Loop",
        _ if words.starts_with("Hash ") && words.ends_with(" Join") => "Hash Join",
        _ if words.starts_with("Merge ") && words.ends_with(" Join") => "Merge Join",
        _ => words,
    }
}

/// A name as SQL writes it, and what follows.
fn identifier(text: &[u8]) -> (String, &[u8]) {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = memchr2(b'.', b' ', text).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        return (String::from_utf8_lossy(name).into_owned(), rest);
    };
    let mut end = 0;
    while let Some(quote) = quoted.get(end..).and_then(|rest| memchr(b'"', rest)) {
        end += quote;
        if quoted.get(end + 1) != Some(&b'"') {
            break;
        }
        end += 2;
    }
    let name = String::from_utf8_lossy(quoted.get(..end).unwrap_or(quoted)).replace("\"\"", "\"");
    (name, quoted.get(end + 1..).unwrap_or_default())
}

// ---- the formats with names and values

/// What is open around a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Outermost,
    Node(usize),
    Plans,
    /// Workers, sort keys, settings: whatever says nothing of a node itself.
    Other,
}

/// Takes names and values as they come and makes a plan of them.
#[derive(Debug)]
struct Builder {
    plan: Plan,
    open: Vec<Group>,
    /// Nodes among them.
    depth: usize,
}

impl Builder {
    fn new(format: Format) -> Self {
        let plan = Plan { query: Vec::new(), parameters: None, query_identifier: None, format, nodes: Vec::new() };
        Self { plan, open: Vec::new(), depth: 0 }
    }

    fn open(&mut self, name: &[u8]) {
        let group = match (self.open.last(), name) {
            (None, _) => Group::Outermost,
            (Some(Group::Outermost), b"Plan") | (Some(Group::Plans), _) => {
                self.plan.nodes.push(Node { depth: self.depth, ..Node::default() });
                self.depth += 1;
                Group::Node(self.plan.nodes.len() - 1)
            }
            (Some(Group::Node(_)), b"Plans") => Group::Plans,
            _ => Group::Other,
        };
        self.open.push(group);
    }

    fn close(&mut self) {
        if let Some(Group::Node(_)) = self.open.pop() {
            self.depth -= 1;
        }
    }

    fn value(&mut self, name: &[u8], value: &[u8]) {
        match (self.open.last(), name) {
            (Some(Group::Outermost), b"Query Text") => self.plan.query = value.to_vec(),
            (Some(Group::Outermost), b"Query Parameters") => self.plan.parameters = Some(value.to_vec()),
            (Some(Group::Outermost), b"Query Identifier") => self.plan.query_identifier = integer(value),
            (Some(&Group::Node(node)), _) => {
                let Some(node) = self.plan.nodes.get_mut(node) else { return };
                let text = || String::from_utf8_lossy(value).into_owned();
                match name {
                    b"Node Type" => node.kind = text(),
                    b"Parallel Aware" => node.is_parallel = value == b"true",
                    b"Relation Name" => node.relation = Some(text()),
                    b"Schema" => node.schema = Some(text()),
                    b"Alias" => node.alias = Some(text()),
                    b"Index Name" => node.index = Some(text()),
                    b"Plan Rows" => node.plan_rows = number(value).unwrap_or_default(),
                    b"Total Cost" => node.total_cost = number(value).unwrap_or_default(),
                    b"Actual Rows" => node.actual_rows = number(value),
                    b"Actual Loops" => node.loops = number(value),
                    b"Rows Removed by Filter" => node.rows_removed_by_filter = number(value),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn plan(mut self) -> Plan {
        // functions have a schema too
        for node in self.plan.nodes.iter_mut().filter(|node| node.relation.is_none()) {
            node.schema = None;
        }
        self.plan
    }
}

/// A plan in JSON; written without recursion, a plan may be deep.
fn json(body: &[u8]) -> Plan {
    let mut builder = Builder::new(Format::Json);
    let mut name: &[u8] = b"";
    let mut scratch = Vec::new();
    let mut at = 0;
    while let Some(&byte) = body.get(at) {
        match byte {
            b'{' | b'[' => {
                builder.open(name);
                name = b"";
                at += 1;
            }
            b'}' | b']' => {
                builder.close();
                at += 1;
            }
            b'"' => {
                let Some((string, end)) = json_string(body, at) else { break };
                at = end;
                let gap = body.get(at..).and_then(|rest| rest.iter().position(|byte| !byte.is_ascii_whitespace()));
                if gap.is_some_and(|gap| body.get(at + gap) == Some(&b':')) {
                    name = string;
                } else {
                    scratch.clear();
                    unescape(string, &mut scratch);
                    builder.value(name, &scratch);
                    name = b"";
                }
            }
            b',' | b':' | b' ' | b'\n' | b'\t' | b'\r' => at += 1,
            _ => {
                let rest = body.get(at..).unwrap_or_default();
                let length = rest.iter().take_while(|byte| !matches!(byte, b',' | b'}' | b']' | b'\n' | b' ' | b'\r'));
                let value = rest.get(..length.count()).unwrap_or_default();
                builder.value(name, value);
                name = b"";
                at += value.len().max(1);
            }
        }
    }
    builder.plan()
}

/// What is between the quote at `at` and the one that closes it, still escaped, and where that ends.
fn json_string(text: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let mut end = at + 1;
    loop {
        end += memchr2(b'"', b'\\', text.get(end..)?)?;
        if text.get(end) == Some(&b'"') {
            return Some((text.get(at + 1..end)?, end + 1));
        }
        end += 2;
    }
}

/// Whether what follows `Query Text: ` is YAML's string and another line of YAML. A statement in the text format may begin with a
/// quote as well: an expression of PL/pgSQL.
fn is_yaml(rest: &[u8]) -> bool {
    let string = if rest.first() == Some(&b'"') { json_string(rest, 0) } else { None };
    let next = string.and_then(|(_, end)| rest.get(end..)).map(<[u8]>::trim_ascii_start);
    next.is_some_and(|next| {
        next.starts_with(b"Plan:") || next.strip_prefix(QUERY_PARAMETERS).is_some_and(|value| value.starts_with(b"\""))
    })
}

/// A plan in the server's YAML: `name: value` lines, strings as in JSON, groups by indentation, `- ` before the members of lists.
fn yaml(body: &[u8]) -> Plan {
    let mut builder = Builder::new(Format::Yaml);
    builder.open(b"");
    let mut columns: Vec<usize> = Vec::new();
    let mut scratch = Vec::new();
    for line in body.split(|&byte| byte == b'\n') {
        let mut rest = line.trim_ascii();
        let column = line.len() - line.trim_ascii_start().len();
        if rest.is_empty() {
            continue;
        }
        while columns.last().is_some_and(|&open| open >= column) {
            columns.pop();
            builder.close();
        }
        if let Some(member) = rest.strip_prefix(b"- ") {
            if member.starts_with(b"\"") {
                continue;
            }
            columns.push(column);
            builder.open(b"");
            rest = member;
        }
        let Some(colon) = memchr(b':', rest) else { continue };
        let name = rest.get(..colon).unwrap_or_default();
        match rest.get(colon + 1..).unwrap_or_default().trim_ascii() {
            [] => {
                // a group that opens with a list's member is within it
                columns.push(if rest.len() == line.trim_ascii().len() { column } else { column + 2 });
                builder.open(name);
            }
            value if value.starts_with(b"\"") => {
                let Some((string, _)) = json_string(value, 0) else { continue };
                scratch.clear();
                unescape(string, &mut scratch);
                builder.value(name, &scratch);
            }
            value => builder.value(name, value),
        }
    }
    builder.plan()
}

/// A plan in the server's XML: elements without attributes that hold either text or elements.
fn xml(body: &[u8]) -> Plan {
    let mut builder = Builder::new(Format::Xml);
    let mut scratch = Vec::new();
    let mut at = 0;
    while let Some(tag) = body.get(at..).and_then(|rest| memchr(b'<', rest)).map(|length| at + length + 1) {
        let Some(end) = body.get(tag..).and_then(|rest| memchr(b'>', rest)).map(|length| tag + length) else { break };
        let element = body.get(tag..end).unwrap_or_default();
        at = end + 1;
        if element.starts_with(b"/") {
            builder.close();
            continue;
        }
        if element.ends_with(b"/") {
            continue;
        }
        let name = element.split(|&byte| byte == b' ').next().unwrap_or_default();
        let name: Vec<u8> = name.iter().map(|&byte| if byte == b'-' { b' ' } else { byte }).collect();
        let rest = body.get(at..).unwrap_or_default();
        let length = memchr(b'<', rest).unwrap_or(rest.len());
        if rest.get(length..).is_some_and(|next| next.starts_with(b"</")) {
            scratch.clear();
            decode_entities(rest.get(..length).unwrap_or_default(), &mut scratch);
            builder.value(&name, &scratch);
            let closing = rest.get(length..).and_then(|closing| memchr(b'>', closing));
            at += closing.map_or(rest.len(), |end| length + end + 1);
        } else {
            builder.open(&name);
        }
    }
    builder.plan()
}

/// Replaces `&lt;` and its like; what is none of them stays.
fn decode_entities(text: &[u8], into: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(start) = memchr(b'&', rest) {
        into.extend_from_slice(rest.get(..start).unwrap_or_default());
        let entity = rest.get(start..).unwrap_or_default();
        // the longest is that of a character's number
        let end = memchr(b';', entity.get(..12).unwrap_or(entity)).unwrap_or(0);
        let decoded = match entity.get(1..end).unwrap_or_default() {
            b"lt" => Some('<'),
            b"gt" => Some('>'),
            b"amp" => Some('&'),
            b"quot" => Some('"'),
            b"apos" => Some('\''),
            name => name.strip_prefix(b"#").and_then(|number| std::str::from_utf8(number).ok()).and_then(|number| {
                let code = match number.strip_prefix('x') {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)
            }),
        };
        if let Some(character) = decoded {
            into.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            rest = entity.get(end + 1..).unwrap_or_default();
        } else {
            into.push(b'&');
            rest = entity.get(1..).unwrap_or_default();
        }
    }
    into.extend_from_slice(rest);
}

fn number(text: &[u8]) -> Option<f64> {
    let digits = text.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !digits {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse::<f64>().ok().filter(|number| number.is_finite())
}

fn integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(body: &str) -> Plan {
        let read = plan(body.as_bytes(), false).unwrap();
        // stderr carries the same body with a tab after each line feed
        let tabbed = format!("\n{body}").replace('\n', "\n\t");
        assert_eq!(plan(tabbed.as_bytes(), true).as_ref(), Some(&read));
        read
    }

    fn query(plan: &Plan) -> &str {
        std::str::from_utf8(&plan.query).unwrap()
    }

    fn kinds(plan: &Plan) -> Vec<(usize, &str)> {
        plan.nodes.iter().map(|node| (node.depth, node.kind.as_str())).collect()
    }

    const NODES: &str = "Limit  (cost=580.38..581.35 rows=3 width=52) (actual time=7.888..7.995 rows=3 loops=1)
  Output: c.id, ($2)
  CTE c
    ->  Seq Scan on public.books  (cost=0.00..31.00 rows=2000 width=13) (actual time=0.003..0.123 rows=2000 loops=1)
          Output: books.id
  InitPlan 3 (returns $2)
    ->  Result  (cost=0.23..0.24 rows=1 width=4) (actual time=0.034..0.035 rows=1 loops=1)
          InitPlan 2 (returns $1)
            ->  Index Only Scan Backward using authors_pkey on public.authors authors_1  (cost=0.14..16.64 rows=200 width=4) (never executed)
  ->  Hash Left Join  (cost=549.14..834.19 rows=880 width=52) (actual time=7.888..7.992 rows=3 loops=1)
        ->  Parallel Seq Scan on orders o  (cost=0.00..234.00 rows=42 width=0) (actual time=0.010..0.549 rows=3333 loops=3)
              Filter: ((o.id % 2) = 0)
              Rows Removed by Filter: 3334
              Worker 0:  actual time=0.015..0.180 rows=926 loops=1
        ->  Bitmap Index Scan on books_i  (cost=0.00..4.35 rows=10 width=0) (actual rows=10.50 loops=1)
              Index Cond: (b.author_id = 7)
Settings: work_mem = '64kB'
Query Identifier: -7493765633537579929
Trigger tr on part1: time=0.300 calls=1
JIT:
  Functions: 5
";

    #[test]
    fn text_with_everything() {
        let plan = read(&format!("Query Text: select 1\nQuery Parameters: $1 = 'it''s\n', $2 = NULL\n{NODES}"));
        assert_eq!(query(&plan), "select 1");
        assert_eq!(plan.parameters.as_deref(), Some(&b"$1 = 'it''s\n', $2 = NULL"[..]));
        assert_eq!(plan.query_identifier, Some(-7_493_765_633_537_579_929));
        assert_eq!(plan.format, Format::Text);
        let expected = [
            (0, "Limit"),
            (1, "Seq Scan"),
            (1, "Result"),
            (2, "Index Only Scan"),
            (1, "Hash Join"),
            (2, "Seq Scan"),
            (2, "Bitmap Index Scan"),
        ];
        assert_eq!(kinds(&plan), expected);
        let [_, books, _, authors, _, orders, bitmap] = &plan.nodes[..] else { panic!() };
        let names = |node: &Node| {
            let names = [&node.schema, &node.relation, &node.alias, &node.index];
            names.map(|name| name.clone().unwrap_or_default())
        };
        assert_eq!(names(books), ["public", "books", "books", ""]);
        assert_eq!(names(authors), ["public", "authors", "authors_1", "authors_pkey"]);
        assert_eq!(names(orders), ["", "orders", "o", ""]);
        assert_eq!(names(bitmap), ["", "", "", "books_i"]);
        assert_eq!((authors.actual_rows, authors.loops, authors.rows_read()), (Some(0.0), Some(0.0), Some(0.0)));
        assert_eq!((orders.plan_rows, orders.total_cost, orders.is_parallel), (42.0, 234.0, true));
        assert_eq!(orders.rows_removed_by_filter, Some(3334.0));
        assert_eq!(bitmap.actual_rows, Some(10.5));
        assert_eq!(plan.root_rows(), Some(3.0));
        let scans: Vec<_> = plan.seq_scans().map(|(node, rows)| (node.relation.as_deref(), rows)).collect();
        assert_eq!(scans, [(Some("books"), Some(2000.0)), (Some("orders"), Some(20001.0))]);
    }

    #[test]
    fn without_analyze_nothing_is_said_of_rows() {
        let plan = read("Query Text: select * from t\nSeq Scan on t  (cost=0.00..35.50 rows=2550 width=4)");
        assert_eq!(plan.root_rows(), None);
        assert_eq!(plan.seq_scans().next().map(|(node, rows)| (node.plan_rows, rows)), Some((2550.0, None)));
    }

    #[test]
    fn a_statement_may_quote_a_plan() {
        let fake = "\nQuery Parameters: $1 = x\nSeq Scan on fake  (cost=0.00..35.50 rows=2550 width=4)\n  ->  Seq Scan on fake2  (cost=0.00..35.50 rows=2550 width=4)\n";
        let real = "Seq Scan on t  (cost=0.00..1.00 rows=1 width=4)\n  Filter: ";
        for statement in [
            format!("select '{fake}' from t"),
            format!("select 'it''s {fake}''' from t"),
            format!("select E'\\'{fake}\\\\' from t"),
            format!("select \"a{fake}\"\"\" from t"),
            format!("select $${fake}'$$ from t"),
            format!("select $a$ $$ {fake} $a $a$ from t"),
            format!("select $1, a$b, $2 /* '{fake}/* nested {fake} */ \" */ from t"),
            format!("-- it's (cost=0.00..35.50 rows=2550 width=4)\nselect U&'{fake}' from t -- it's"),
            format!("select e'{fake}' from t\n\n"),
            "select name'a', $1-2 / 3 * 4 from t".to_owned(),
            String::new(),
        ] {
            for filter in ["(a = 'b'::text)".to_owned(), format!("(a = '{fake}'::text)"), format!("(\"{fake}\" = '')")]
            {
                let plan = read(&format!(
                    "Query Text: {statement}\n{real}{filter}\n  ->  Result  (cost=0.00..1.00 rows=1 width=4)"
                ));
                assert_eq!(query(&plan), statement);
                assert_eq!(kinds(&plan), [(0, "Seq Scan"), (1, "Result")], "{statement} {filter}");
                let with = format!(
                    "Query Text: {statement}\nQuery Parameters: $1 = '{fake}'\n{real}{filter}\n  ->  Result  (cost=0.00..1.00 rows=1 width=4)"
                );
                let plan = read(&with);
                assert_eq!(query(&plan), statement);
                assert_eq!(plan.parameters, Some(format!("$1 = '{fake}'").into_bytes()));
                assert_eq!(plan.nodes.len(), 2);
            }
        }
    }

    #[test]
    fn a_statement_whose_quotes_are_not_understood() {
        let plan = read("Query Text: select 'a\\'' from t\nSeq Scan on t  (cost=0.00..1.00 rows=1 width=4)");
        assert_eq!((query(&plan), plan.nodes.len()), ("select 'a\\'' from t", 1));
        let plan = read("Query Text: select '");
        assert_eq!((query(&plan), plan.nodes.len()), ("select '", 0));
    }

    #[test]
    fn what_the_text_format_calls_nodes() {
        for (words, kind, names) in [
            ("Seq Scan on t", "Seq Scan", ["t", "t", ""]),
            (
                "Seq Scan on \"My.T (cost=1.00..2.00 rows=3 width=4)\" \"al (x)\"",
                "Seq Scan",
                ["My.T (cost=1.00..2.00 rows=3 width=4)", "al (x)", ""],
            ),
            (
                "Seq Scan on \"  (cost=1.00..2.00 rows=3 width=4)\"",
                "Seq Scan",
                ["  (cost=1.00..2.00 rows=3 width=4)", "  (cost=1.00..2.00 rows=3 width=4)", ""],
            ),
            ("Seq Scan on \"a \"\"on\"\" b\".\"c \" d", "Seq Scan", ["c ", "d", ""]),
            ("Index Scan using \"i on x\" on t a", "Index Scan", ["t", "a", "i on x"]),
            ("Parallel Index Only Scan Backward using i on s.t", "Index Only Scan", ["t", "t", "i"]),
            ("Bitmap Heap Scan on t", "Bitmap Heap Scan", ["t", "t", ""]),
            ("Tid Range Scan on t", "Tid Range Scan", ["t", "t", ""]),
            ("Sample Scan on t", "Sample Scan", ["t", "t", ""]),
            ("Async Foreign Scan on public.f x", "Foreign Scan", ["f", "x", ""]),
            ("Foreign Update on f", "Foreign Scan", ["f", "f", ""]),
            ("Foreign Scan", "Foreign Scan", ["", "", ""]),
            ("Custom Scan (Citus Adaptive)", "Custom Scan", ["", "", ""]),
            ("Insert on s.t", "ModifyTable", ["t", "t", ""]),
            ("Merge on t m", "ModifyTable", ["t", "m", ""]),
            ("Merge Append", "Merge Append", ["", "", ""]),
            ("Merge Anti Join", "Merge Join", ["", "", ""]),
            ("Nested Loop Left Join", "Nested Loop", ["", "", ""]),
            ("Hash Right Semi Join", "Hash Join", ["", "", ""]),
            ("Hash", "Hash", ["", "", ""]),
            ("Partial HashAggregate", "Aggregate", ["", "", ""]),
            ("HashSetOp Except All", "SetOp", ["", "", ""]),
            ("Function Scan on pg_catalog.generate_series g", "Function Scan", ["", "g", ""]),
            ("CTE Scan on c", "CTE Scan", ["", "c", ""]),
            ("Subquery Scan on \"*SELECT* 1\"", "Subquery Scan", ["", "*SELECT* 1", ""]),
            ("Values Scan on \"*VALUES*\"", "Values Scan", ["", "*VALUES*", ""]),
            ("WorkTable Scan on r r_1", "WorkTable Scan", ["", "r_1", ""]),
        ] {
            let plan = read(&format!("Query Text: x\n{words}  (cost=0.00..1.00 rows=1 width=4)"));
            let node = &plan.nodes[0];
            assert_eq!(node.kind, kind, "{words}");
            let found = [&node.relation, &node.alias, &node.index].map(|name| name.as_deref().unwrap_or_default());
            assert_eq!(found, names, "{words}");
        }
    }

    #[test]
    fn the_formats_agree() {
        let text = "Query Text: select \"q\" < 'a&\\b'\nfrom t\nQuery Parameters: $1 = '1'
Update on s.t a  (cost=0.00..359.00 rows=0 width=0) (actual time=3.122..3.123 rows=0 loops=1)
  ->  Index Scan using i on s.t a  (cost=0.00..2.50 rows=1 width=6) (actual time=0.007..3.109 rows=1 loops=2)
        Filter: (x = 'a'::text)
        Rows Removed by Filter: 4
  ->  Function Scan on pg_catalog.f g  (cost=0.00..3.50 rows=9 width=6) (actual time=0.007..3.109 rows=8 loops=2)
Query Identifier: -5
";
        let json = r#"{
  "Query Text": "select \"q\" < 'a&\\b'\nfrom t",
  "Query Parameters": "$1 = '1'",
  "Plan": {
    "Node Type": "ModifyTable", "Operation": "Update", "Parallel Aware": false,
    "Relation Name": "t", "Schema": "s", "Alias": "a",
    "Startup Cost": 0.00, "Total Cost": 359.00, "Plan Rows": 0, "Plan Width": 0, "Actual Rows": 0, "Actual Loops": 1,
    "Target Tables": [{"Operation": "Update", "Relation Name": "no"}],
    "Plans": [
      { "Node Type": "Index Scan", "Parallel Aware": false, "Index Name": "i", "Relation Name": "t", "Schema": "s",
        "Alias": "a", "Total Cost": 2.50, "Plan Rows": 1, "Actual Rows": 1, "Actual Loops": 2,
        "Output": ["Plan Rows", "a: b"], "Filter": "(x = 'a'::text)", "Rows Removed by Filter": 4,
        "Workers": [ {"Worker Number": 0, "Actual Rows": 77, "Actual Loops": 1} ] },
      { "Node Type": "Function Scan", "Function Name": "f", "Schema": "pg_catalog", "Alias": "g", "Total Cost": 3.50,
        "Plan Rows": 9, "Actual Rows": 8, "Actual Loops": 2 }
    ]
  },
  "Settings": { "work_mem": "64kB" },
  "Query Identifier": -5,
  "Triggers": [
  ]
}"#;
        let yaml = r#"Query Text: "select \"q\" < 'a&\\b'\nfrom t"
Query Parameters: "$1 = '1'"
Plan: 
  Node Type: "ModifyTable"
  Operation: "Update"
  Parallel Aware: false
  Relation Name: "t"
  Schema: "s"
  Alias: "a"
  Total Cost: 359.00
  Plan Rows: 0
  Actual Rows: 0
  Actual Loops: 1
  Target Tables: 
    - Operation: "Update"
      Relation Name: "no"
  Plans: 
    - Node Type: "Index Scan"
      Parallel Aware: false
      Index Name: "i"
      Relation Name: "t"
      Schema: "s"
      Alias: "a"
      Total Cost: 2.50
      Plan Rows: 1
      Actual Rows: 1
      Actual Loops: 2
      Output: 
        - "Plan Rows: 5"
        - "a: b"
      Filter: "(x = 'a'::text)"
      Rows Removed by Filter: 4
      Workers: 
        - Worker Number: 0
          Actual Rows: 77
          Actual Loops: 1
    - Node Type: "Function Scan"
      Function Name: "f"
      Schema: "pg_catalog"
      Alias: "g"
      Total Cost: 3.50
      Plan Rows: 9
      Actual Rows: 8
      Actual Loops: 2
Settings: 
  work_mem: "64kB"
Query Identifier: -5
Triggers: 
"#;
        let xml = r#"<explain xmlns="http://www.postgresql.org/2009/explain">
  <Query-Text>select "q" &lt; 'a&amp;\b'
from t</Query-Text>
  <Query-Parameters>$1 = '1'</Query-Parameters>
  <Plan>
    <Node-Type>ModifyTable</Node-Type>
    <Parallel-Aware>false</Parallel-Aware>
    <Relation-Name>t</Relation-Name>
    <Schema>s</Schema>
    <Alias>a</Alias>
    <Total-Cost>359.00</Total-Cost>
    <Plan-Rows>0</Plan-Rows>
    <Actual-Rows>0</Actual-Rows>
    <Actual-Loops>1</Actual-Loops>
    <Target-Tables>
      <Target-Table>
        <Relation-Name>no</Relation-Name>
      </Target-Table>
    </Target-Tables>
    <Plans>
      <Plan>
        <Node-Type>Index Scan</Node-Type>
        <Index-Name>i</Index-Name>
        <Relation-Name>t</Relation-Name>
        <Schema>s</Schema>
        <Alias>a</Alias>
        <Total-Cost>2.50</Total-Cost>
        <Plan-Rows>1</Plan-Rows>
        <Actual-Rows>1</Actual-Rows>
        <Actual-Loops>2</Actual-Loops>
        <Output>
          <Item>a</Item>
        </Output>
        <Empty/>
        <Filter>(x = 'a'::text)</Filter>
        <Rows-Removed-by-Filter>4</Rows-Removed-by-Filter>
        <Workers>
          <Worker>
            <Actual-Rows>77</Actual-Rows>
          </Worker>
        </Workers>
      </Plan>
      <Plan>
        <Node-Type>Function Scan</Node-Type>
        <Schema>pg_catalog</Schema>
        <Alias>g</Alias>
        <Total-Cost>3.50</Total-Cost>
        <Plan-Rows>9</Plan-Rows>
        <Actual-Rows>8</Actual-Rows>
        <Actual-Loops>2</Actual-Loops>
      </Plan>
    </Plans>
  </Plan>
  <Query-Identifier>-5</Query-Identifier>
  <Triggers>
  </Triggers>
</explain>"#;
        let text = read(text);
        assert_eq!(text.nodes.len(), 3);
        for (other, format) in [(json, Format::Json), (yaml, Format::Yaml), (xml, Format::Xml)] {
            assert_eq!(read(other), Plan { format, ..text.clone() });
        }
    }

    #[test]
    fn entities() {
        let mut decoded = Vec::new();
        decode_entities(b"&lt;&gt;&amp;lt;&quot;&apos;&#13;&#x0d;&#x1F600;&no;&;&#xffffffff;& &", &mut decoded);
        assert_eq!(decoded, "<>&lt;\"'\r\r😀&no;&;&#xffffffff;& &".as_bytes());
    }

    #[test]
    fn a_plan_cut_short_has_what_came_before() {
        let whole = format!("Query Text: select 1\n{NODES}");
        assert_eq!(plan(&whole.as_bytes()[..300], false).map(|plan| plan.nodes.len()), Some(2));
        assert_eq!(
            plan(b"{\"Query Text\": \"select 1\", \"Plan\": {\"Node Type\": \"Limit\", \"Al", false)
                .map(|plan| plan.nodes.len()),
            Some(1)
        );
        assert_eq!(plan(b"", true), None);
        assert_eq!(plan(b"SELECT 1", true), None);
    }

    #[test]
    fn a_plan_may_be_deep() {
        let json = format!("{{\"Plan\":{}", "{\"Node Type\":\"Append\",\"Plans\":[".repeat(20_000));
        assert_eq!(read(&json).nodes.last().map(|node| node.depth), Some(19_999));
    }

    proptest! {
        #[test]
        fn any_statement_in_any_format(text in "[a '\"\\n\\t\\\\$<&;:{}é-]{0,60}") {
            // quotes are closed and the tabs of stderr are not the statement's own
            let statement = format!("select '{}' -- x", text.replace('\'', "''").replace("\n\t", "\n"));
            let quoted = serde_json::to_string(&statement).unwrap();
            let escaped = statement.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            for body in [
                format!("Query Text: {statement}\nResult  (cost=0.00..0.01 rows=1 width=32)"),
                format!("{{\n  \"Query Text\": {quoted},\n  \"Plan\": {{\n    \"Node Type\": \"Result\"\n  }}\n}}"),
                format!("Query Text: {quoted}\nPlan: \n  Node Type: \"Result\"\n"),
                format!("<explain>\n  <Query-Text>{escaped}</Query-Text>\n  <Plan>\n    <Node-Type>Result</Node-Type>\n  </Plan>\n</explain>"),
            ] {
                let plan = read(&body);
                prop_assert_eq!(query(&plan), &statement);
                prop_assert_eq!(kinds(&plan), [(0, "Result")]);
            }
        }

        #[test]
        fn nothing_panics(pieces in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", "\"", "'", "\\", "\n", "\t", "  ", "- ", ": ", "<", ">", "</", "/>", "&", ";", "$", "$a$", "--", "/*", "*/",
            "Query Text: ", "\nQuery Parameters: ", "Plan", "Plans", "é", "  (cost=0.00..1.00 rows=1 width=4)", "->  ", " on ", " using ",
            "\nSeq Scan on t  (cost=0.00..1.00 rows=1 width=4)", " (actual rows=1 loops=1)", " (never executed)",
        ]), 0..40)) {
            let body = pieces.concat();
            for body in [body.clone(), format!("Query Text: {body}"), format!("{{{body}"), format!("<{body}")] {
                plan(body.as_bytes(), body.len() % 2 == 0);
            }
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            plan(&bytes, true);
            plan(&[QUERY_TEXT, &bytes].concat(), false);
        }
    }
}
