//! The bodies of functions and of `do`: the statements in them, and what of them cannot be read.
//!
//! PL/pgSQL is read by its own parser as the crate has it. That one knows no catalog: it is given a routine around the
//! body whose arguments, results and trigger variables are declared with types it knows. What it still refuses, what it
//! cannot hand over and every string that is put together only when it runs is said to be unread, never left out.
//!
//! The statements come in the order of the text. Expressions (assignments, conditions, results) are among them, as the
//! selects they are, where they read a relation or call a function. One in a branch may not run, nor may one that comes
//! after a `return`, `exit` or `raise exception` within a branch; a loop may run more than once, or never.

use super::command::{Body, Command, Dml, Expr, Inner, Literal, Name, Transaction, TypeName, Unread};
use super::script::Parsed;
use super::statement::{self, LEVELS, Surroundings};
use crate::sql::{literal, quote};
use serde_json::Value;
use std::collections::HashSet;
use std::ops::Range;

/// What a body is the body of.
pub(super) enum Code<'a> {
    /// `do`.
    Block,
    /// A function or a procedure.
    Routine(&'a Routine),
}

/// What a body can see of its routine.
pub(super) struct Routine {
    /// Its parameters.
    pub(super) arguments: Vec<Parameter>,
    /// What it returns, where that is said and no table.
    pub(super) returns: Option<TypeName>,
    /// Whether it is a procedure.
    pub(super) is_procedure: bool,
    /// `returns table`.
    pub(super) returns_table: bool,
}

/// A parameter of a routine.
pub(super) struct Parameter {
    /// Its name, where it has one.
    pub(super) name: Option<String>,
    /// Its type.
    pub(super) type_name: TypeName,
    /// Which way it goes.
    pub(super) mode: ParameterMode,
}

/// Which way a parameter goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ParameterMode {
    /// `in`, `variadic`.
    In,
    /// `out`.
    Out,
    /// `inout`.
    InOut,
    /// A column of `returns table`.
    Table,
}

/// The variables that a trigger function finds.
const OF_TRIGGER: &str = "new record, old record, tg_name text, tg_when text, tg_level text, tg_op text, tg_relid oid, \
    tg_relname text, tg_table_name text, tg_table_schema text, tg_nargs int, tg_argv text[]";

/// Reads a body that stands within `level` others.
pub(super) fn body(code: &Code<'_>, language: &str, source: &str, level: usize) -> Body {
    let mut reader = Reader::new(level);
    if level >= LEVELS {
        reader.unread(1, "code within code within code".to_owned());
        return reader.made;
    }
    match language {
        "sql" => reader.sql(code, source),
        "plpgsql" => reader.plpgsql(code, source),
        other => reader.unread(1, format!("language {other}")),
    }
    reader.made
}

/// The parser's number for an expression on its own.
const EXPRESSION: i32 = 2;

struct Reader {
    made: Body,
    level: usize,
    variables: HashSet<String>,
    in_loop: bool,
    in_branch: bool,
    /// A branch may have left the routine.
    may_have_left: bool,
    /// A branch may have left the loop.
    may_have_left_loop: bool,
}

impl Reader {
    fn new(level: usize) -> Self {
        Self {
            made: Body::default(),
            level,
            variables: HashSet::new(),
            in_loop: false,
            in_branch: false,
            may_have_left: false,
            may_have_left_loop: false,
        }
    }

    fn unread(&mut self, line: u32, because: String) {
        self.made.unread.push(Unread { line, because });
    }

    fn add(&mut self, line: u32, command: Command) {
        let in_branch = self.in_branch || self.may_have_left || self.may_have_left_loop;
        self.made.statements.push(Inner { command, line, in_loop: self.in_loop, in_branch });
    }

    /// A body in SQL: its statements one after the other.
    fn sql(&mut self, code: &Code<'_>, source: &str) {
        if let Code::Routine(routine) = code {
            self.variables = routine.arguments.iter().filter_map(|argument| argument.name.clone()).collect();
        }
        let around = Surroundings { variables: Some(&self.variables), level: self.level + 1 };
        match statement::parse_all(source, around) {
            Ok(statements) => statements.into_iter().for_each(|(command, line)| self.add(line, command)),
            Err(message) => self.unread(1, message),
        }
    }

    fn plpgsql(&mut self, code: &Code<'_>, source: &str) {
        let parsed = match parse(code, source) {
            Err(message) if message.contains("Not implemented") => match without_foreign_types(source) {
                Some(changed) => parse(code, &changed),
                None => Err(message),
            },
            other => other,
        };
        let functions = match parsed {
            Ok(functions) => functions,
            Err(message) => return self.unread(1, because(&message)),
        };
        for function in functions.as_array().into_iter().flatten() {
            let Some(function) = function.get("PLpgSQL_function") else { continue };
            let datums = function.get("datums").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            for datum in datums {
                self.variables.extend(datum_of(datum).and_then(|of| of.get("refname")?.as_str()).map(str::to_owned));
            }
            for datum in datums {
                if let Some(of) = datum_of(datum) {
                    self.expression(of, "default_val");
                    self.query(of, "cursor_explicit_expr");
                }
            }
            self.defaults_of_records(datums, source);
            self.statement(function.get("action"));
        }
    }

    /// What records begin with, which the parser keeps to itself.
    fn defaults_of_records(&mut self, datums: &[Value], source: &str) {
        let records = datums.iter().filter_map(|datum| datum.get("PLpgSQL_rec")?.get("refname")?.as_str());
        let records: HashSet<&str> = records.collect();
        if records.is_empty() {
            return;
        }
        let mut line = 1;
        let mut counted = 0;
        for declaration in declarations(source) {
            let Some(default) = declaration.default else { continue };
            let name = source.get(declaration.name.clone()).unwrap_or_default();
            let name = match name.strip_prefix('"') {
                Some(quoted) => quoted.trim_end_matches('"').replace("\"\"", "\""),
                None => name.to_lowercase(),
            };
            let before = source.as_bytes().get(counted..declaration.name.start).unwrap_or_default();
            line += u32::try_from(memchr::memchr_iter(b'\n', before).count()).unwrap_or_default();
            counted = declaration.name.start;
            if records.contains(name.as_str())
                && let Some(text) = source.get(default)
            {
                self.procedural(line, text, EXPRESSION);
            }
        }
    }

    fn statements(&mut self, of: &Value, key: &str) {
        for statement in of.get(key).and_then(Value::as_array).into_iter().flatten() {
            self.statement(Some(statement));
        }
    }

    fn branch(&mut self, of: &Value, key: &str) {
        let outer = std::mem::replace(&mut self.in_branch, true);
        self.statements(of, key);
        self.in_branch = outer;
    }

    fn repeated(&mut self, of: &Value) {
        let outer = (self.in_loop, self.may_have_left_loop);
        self.in_loop = true;
        self.statements(of, "body");
        (self.in_loop, self.may_have_left_loop) = outer;
    }

    fn statement(&mut self, statement: Option<&Value>) {
        let Some((kind, of)) = statement.and_then(Value::as_object).and_then(|only| only.iter().next()) else { return };
        match kind.strip_prefix("PLpgSQL_stmt_").unwrap_or(kind) {
            "block" => self.block(of),
            "if" => {
                self.expression(of, "cond");
                self.branch(of, "then_body");
                for other in nodes(of, "elsif_list", "PLpgSQL_if_elsif") {
                    self.expression(other, "cond");
                    self.branch(other, "stmts");
                }
                self.branch(of, "else_body");
            }
            "case" => {
                self.expression(of, "t_expr");
                for when in nodes(of, "case_when_list", "PLpgSQL_case_when") {
                    self.expression(when, "expr");
                    self.branch(when, "stmts");
                }
                self.branch(of, "else_stmts");
            }
            "loop" => self.repeated(of),
            "while" => {
                self.expression(of, "cond");
                self.repeated(of);
            }
            "fori" => {
                ["lower", "upper", "step"].into_iter().for_each(|key| self.expression(of, key));
                self.repeated(of);
            }
            "fors" => {
                self.query(of, "query");
                self.repeated(of);
            }
            "forc" => {
                self.expression(of, "argquery");
                self.repeated(of);
            }
            "foreach_a" => {
                self.expression(of, "expr");
                self.repeated(of);
            }
            "dynfors" => {
                self.dynamic(of, "query");
                self.repeated(of);
            }
            "execsql" => self.query(of, "sqlstmt"),
            "perform" => self.query(of, "expr"),
            "call" => self.query(of, "expr"),
            "dynexecute" => self.dynamic(of, "query"),
            "return_query" => {
                self.query(of, "query");
                self.dynamic(of, "dynquery");
            }
            "open" => {
                self.query(of, "query");
                self.dynamic(of, "dynquery");
                self.expression(of, "argquery");
            }
            "commit" => self.add(line(of), Command::Transaction(Transaction::Commit { chain: is_on(of, "chain") })),
            "rollback" => self.add(line(of), Command::Transaction(Transaction::Rollback { chain: is_on(of, "chain") })),
            "return" => {
                self.expression(of, "expr");
                self.may_have_left |= self.in_branch;
            }
            "exit" => {
                self.expression(of, "cond");
                self.may_have_left_loop |= self.in_branch || of.get("cond").is_some();
            }
            "raise" => self.raise(of),
            "assign" | "return_next" => self.expression(of, "expr"),
            "assert" => self.expression(of, "cond"),
            "fetch" => self.expression(of, "expr"),
            "close" | "getdiag" => {}
            other => self.unread(line(of), format!("a statement that is not known: {other}")),
        }
    }

    fn block(&mut self, of: &Value) {
        self.statements(of, "body");
        let handlers = of.get("exceptions").and_then(|exceptions| exceptions.get("PLpgSQL_exception_block"));
        for handler in handlers.into_iter().flat_map(|block| nodes(block, "exc_list", "PLpgSQL_exception")) {
            self.branch(handler, "action");
        }
    }

    fn raise(&mut self, of: &Value) {
        /// `exception`: the server's number for an error.
        const ERROR: i64 = 21;
        for parameter in of.get("params").and_then(Value::as_array).into_iter().flatten() {
            self.read(line(of), parameter);
        }
        for option in nodes(of, "options", "PLpgSQL_raise_option") {
            if let Some(expression) = option.get("expr") {
                self.read(line(of), expression);
            }
        }
        self.may_have_left |= self.in_branch && of.get("elog_level").and_then(Value::as_i64) == Some(ERROR);
    }

    /// An expression, where it reads or calls something.
    fn expression(&mut self, of: &Value, key: &str) {
        if let Some(expression) = of.get(key) {
            self.read(line(of), expression);
        }
    }

    fn read(&mut self, line: u32, expression: &Value) {
        if let Some((text, mode)) = text_and_mode(expression) {
            self.procedural(line, text, mode);
        }
    }

    fn procedural(&mut self, line: u32, text: &str, mode: i32) {
        match statement::parse_procedural(text, mode) {
            Ok(read) if reads_something(&read) => self.add(line, Command::Dml(read)),
            Ok(_) => {}
            Err(message) => self.unread(line, message),
        }
    }

    /// A statement of SQL.
    fn query(&mut self, of: &Value, key: &str) {
        let Some((text, _)) = of.get(key).and_then(text_and_mode) else { return };
        let around = Surroundings { variables: Some(&self.variables), level: self.level + 1 };
        match statement::parse_within(text, None, around) {
            Parsed::Command(command) => self.add(line(of), command),
            Parsed::SyntaxError { message, .. } => self.unread(line(of), message),
            Parsed::TooDeep => self.unread(line(of), "it nests deeper than the parser goes".to_owned()),
            Parsed::Placeholder { text, .. } => self.unread(line(of), format!("the placeholder {text}")),
        }
    }

    /// A string that is executed: read where it is the same whenever it runs.
    fn dynamic(&mut self, of: &Value, key: &str) {
        let Some((text, _)) = of.get(key).and_then(text_and_mode) else { return };
        for parameter in of.get("params").and_then(Value::as_array).into_iter().flatten() {
            self.read(line(of), parameter);
        }
        let expression = statement::procedural_expression(text);
        let Some(constant) = expression.as_ref().and_then(constant) else {
            // what puts the string together may itself read tables
            self.expression(of, key);
            let beginning = expression.as_ref().map(beginning).unwrap_or_default();
            return self.unread(line(of), built(&beginning));
        };
        let around = Surroundings { variables: Some(&self.variables), level: self.level + 1 };
        match statement::parse_all(&constant, around) {
            Ok(statements) => {
                statements.into_iter().for_each(|(command, _)| self.add(line(of), command));
            }
            Err(message) => self.unread(line(of), format!("execute: {message}")),
        }
    }
}

/// What the parser makes of a body with a routine around it.
fn parse(code: &Code<'_>, source: &str) -> Result<Value, String> {
    let tag = tag(source);
    let text = match code {
        Code::Block => format!("do {tag}{source}{tag}"),
        Code::Routine(routine) => {
            let word = if routine.is_procedure { "procedure" } else { "function" };
            let (arguments, returns) = header(routine);
            format!("create {word} f({arguments}) {returns} language plpgsql as {tag}{source}{tag}")
        }
    };
    pg_query::parse_plpgsql(&text).map_err(|error| error.to_string())
}

/// A dollar quote that the source does not hold.
fn tag(source: &str) -> String {
    let mut tag = "$body$".to_owned();
    while source.contains(&tag) || source.ends_with(&tag[..tag.len() - 1]) {
        tag.insert(tag.len() - 1, 'y');
    }
    tag
}

/// The arguments and the result that make the parser accept what the body does with them.
fn header(routine: &Routine) -> (String, String) {
    let returned = routine.returns.as_ref().map(|returns| returns.name.name.as_str());
    if returned == Some("trigger") {
        return (OF_TRIGGER.to_owned(), "returns record".to_owned());
    }
    if returned == Some("event_trigger") {
        return ("tg_event text, tg_tag text".to_owned(), "returns void".to_owned());
    }
    let written = |parameter: &Parameter, word: &str| {
        let name = parameter.name.as_ref().map(|name| format!("{} ", quote(name))).unwrap_or_default();
        format!("{word}{name}{}", known_type(&parameter.type_name))
    };
    let arguments = routine.arguments.iter().filter_map(|parameter| match parameter.mode {
        ParameterMode::In => Some(written(parameter, "")),
        ParameterMode::Out => Some(written(parameter, "out ")),
        ParameterMode::InOut => Some(written(parameter, "inout ")),
        ParameterMode::Table => None,
    });
    let arguments = arguments.collect::<Vec<_>>().join(", ");
    let is_out = |parameter: &&Parameter| matches!(parameter.mode, ParameterMode::Out | ParameterMode::InOut);
    let mut outs = routine.arguments.iter().filter(is_out);
    let is_set = routine.returns.as_ref().is_some_and(|returns| returns.is_set);
    let returns = match (routine.is_procedure, outs.next(), outs.next()) {
        (true, ..) => String::new(),
        _ if routine.returns_table => {
            let columns = routine.arguments.iter().filter(|parameter| parameter.mode == ParameterMode::Table);
            format!("returns table ({})", columns.map(|column| written(column, "")).collect::<Vec<_>>().join(", "))
        }
        (_, Some(only), None) if is_set => format!("returns setof {}", known_type(&only.type_name)),
        (_, Some(_), _) if !is_set => String::new(),
        _ if is_set => "returns setof record".to_owned(),
        _ if returned == Some("void") => "returns void".to_owned(),
        _ => "returns record".to_owned(),
    };
    (arguments, returns)
}

/// A type as the parser knows it, which knows those of the system and takes any bare name; a record does for others.
fn known_type(of: &TypeName) -> String {
    let is_known = matches!(of.name.schema.as_deref(), None | Some("pg_catalog"));
    let single = TypeName { is_set: false, ..of.clone() };
    match single.sql() {
        Some(written) if is_known => written,
        _ => "record".to_owned(),
    }
}

/// A variable as the source declares it.
struct Declaration {
    name: Range<usize>,
    of_type: Range<usize>,
    /// Whether the type has a schema, or is one of `%type` and `%rowtype`.
    is_foreign: bool,
    default: Option<Range<usize>>,
}

/// The variables that a source declares, but for cursors and aliases.
fn declarations(source: &str) -> Vec<Declaration> {
    let tokens = statement::tokens(source);
    let word = |at: usize| tokens.get(at).and_then(|range| source.get(range.clone())).unwrap_or_default();
    let is = |at: usize, words: &[&str]| words.iter().any(|expected| word(at).eq_ignore_ascii_case(expected));
    let span = |from: usize, to: usize| Some(tokens.get(from)?.start..tokens.get(to.checked_sub(1)?)?.end);
    let mut made = Vec::new();
    let mut is_declaring = false;
    let mut at = 0;
    while at < tokens.len() {
        if is(at, &["declare", "begin"]) {
            is_declaring = is(at, &["declare"]);
        } else if is_declaring {
            // the name, then perhaps `constant`, then the type up to what may follow it, then perhaps a default
            let start = at + if is(at + 1, &["constant"]) { 2 } else { 1 };
            let end_of =
                |from: usize, words: &[&str]| (from..tokens.len()).find(|at| is(*at, words)).unwrap_or(tokens.len());
            let end = end_of(start, &[";"]);
            let end_of_type = end_of(start, &[";", ":=", "=", "default", "not", "collate"]);
            let default = end_of(start, &[";", ":=", "=", "default"]) + 1;
            if let (Some(name), Some(of_type)) = (tokens.get(at), span(start, end_of_type))
                && start < end_of_type
                && !is(start, &["cursor", "alias", "no", "scroll"])
            {
                made.push(Declaration {
                    name: name.clone(),
                    of_type,
                    is_foreign: (start..end_of_type).any(|at| is(at, &[".", "%"])),
                    default: if default < end { span(default, end) } else { None },
                });
            }
            at = end;
        }
        at += 1;
    }
    made
}

/// The source with a record for each declared type that has a schema: the parser knows no schemas but the system's.
fn without_foreign_types(source: &str) -> Option<String> {
    let mut out = String::with_capacity(source.len());
    let mut copied = 0;
    for declaration in declarations(source).into_iter().filter(|declaration| declaration.is_foreign) {
        let Range { start, end } = declaration.of_type;
        out.push_str(source.get(copied..start)?);
        out.push_str("record");
        // lines stay where they are
        out.push_str(&"\n".repeat(source.get(start..end)?.matches('\n').count()));
        copied = end;
    }
    out.push_str(source.get(copied..)?);
    (copied > 0).then_some(out)
}

/// The parser's message without what the crate puts before it.
fn because(message: &str) -> String {
    let message = message.strip_prefix("Invalid statement: ").unwrap_or(message);
    if message.contains("recursion limit") || statement::is_too_deep(message) {
        return "it nests deeper than is read".to_owned();
    }
    if message.starts_with("Error parsing JSON") {
        return "the parser cannot hand it over".to_owned();
    }
    format!("it does not parse: {message}")
}

fn datum_of(datum: &Value) -> Option<&Value> {
    datum.as_object()?.values().next()
}

fn nodes<'a>(of: &'a Value, key: &str, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    of.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(move |node| node.get(kind))
}

fn line(of: &Value) -> u32 {
    of.get("lineno").and_then(Value::as_u64).and_then(|line| u32::try_from(line).ok()).unwrap_or(1).max(1)
}

fn is_on(of: &Value, key: &str) -> bool {
    of.get(key).and_then(Value::as_bool).unwrap_or(false)
}

fn text_and_mode(expression: &Value) -> Option<(&str, i32)> {
    let expression = expression.get("PLpgSQL_expr")?;
    let mode = expression.get("parseMode").and_then(Value::as_i64).and_then(|mode| i32::try_from(mode).ok());
    Some((expression.get("query")?.as_str()?, mode.unwrap_or(0)))
}

fn reads_something(read: &Dml) -> bool {
    !read.reads.relations.is_empty() || !read.reads.functions.is_empty()
}

fn built(beginning: &str) -> String {
    let words = beginning.split_ascii_whitespace().take(3);
    let words: Vec<_> = words.take_while(|word| word.chars().all(|c| c.is_ascii_alphabetic())).collect();
    match words.as_slice() {
        [] => "execute of a string that is built".to_owned(),
        words => format!("execute of a string that is built: {} …", words.join(" ").to_ascii_lowercase()),
    }
}

/// The string that an expression is whenever it runs.
fn constant(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Literal(Literal::Text(text) | Literal::Number(text)) => Some(text.clone()),
        Expr::Cast(inner, to) if matches!(to.name.name.as_str(), "text" | "varchar") && to.modifiers.is_empty() => {
            constant(inner)
        }
        Expr::Operator { name, left: Some(left), right } if name.name == "||" => {
            Some(constant(left)? + &constant(right)?)
        }
        Expr::Call { name, arguments, is_special: false } => call(name, arguments),
        _ => None,
    }
}

fn call(name: &Name, arguments: &[Expr]) -> Option<String> {
    let mut constants = arguments.iter().map(constant);
    match (name.name.as_str(), arguments.len()) {
        ("concat", _) => constants.collect(),
        ("quote_ident", 1) => constants.next()?.map(|name| quote(&name)),
        ("quote_literal" | "quote_nullable", 1) => constants.next()?.map(|value| literal(&value)),
        ("format", 1..) => format(&constants.next()??, constants),
        _ => None,
    }
}

/// `format` with `%s`, `%I`, `%L` and `%%` alone.
fn format(pattern: &str, mut arguments: impl Iterator<Item = Option<String>>) -> Option<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match (c, (c == '%').then(|| rest.next())) {
            (_, None) => out.push(c),
            (_, Some(Some('%'))) => out.push('%'),
            (_, Some(Some('s'))) => out.push_str(&arguments.next()??),
            (_, Some(Some('I'))) => out.push_str(&quote(&arguments.next()??)),
            (_, Some(Some('L'))) => out.push_str(&literal(&arguments.next()??)),
            _ => return None,
        }
    }
    Some(out)
}

/// What a string that is built begins with.
fn beginning(expression: &Expr) -> String {
    match expression {
        Expr::Operator { name, left: Some(left), .. } if name.name == "||" => beginning(left),
        Expr::Call { name, arguments, .. } if matches!(name.name.as_str(), "format" | "concat") => {
            let first = arguments.first().and_then(constant).unwrap_or_default();
            // the last word may go on in what follows
            let whole = first.split('%').next().unwrap_or_default();
            whole.rfind(char::is_whitespace).and_then(|end| whole.get(..end)).unwrap_or_default().to_owned()
        }
        Expr::Cast(inner, _) => beginning(inner),
        Expr::Literal(Literal::Text(text)) => {
            text.rfind(char::is_whitespace).and_then(|end| text.get(..end)).unwrap_or_default().to_owned()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::command::CreateFunction;
    use statement::{parse, with_parser};

    fn read(text: &str) -> Body {
        match with_parser(|| parse(text, 0)) {
            Parsed::Command(Command::Do { body, .. }) => body,
            Parsed::Command(Command::CreateFunction(CreateFunction { statements, .. })) => statements,
            other => panic!("{text}: {other:?}"),
        }
    }

    /// Each statement as `line tag`, `L` in a loop, `B` in a branch.
    fn told(body: &Body) -> Vec<String> {
        let mark = |is: bool, letter: &'static str| if is { letter } else { "" };
        let one = |inner: &Inner| {
            format!(
                "{} {}{}{}",
                inner.line,
                inner.command.tag(),
                mark(inner.in_loop, " L"),
                mark(inner.in_branch, " B")
            )
        };
        body.statements.iter().map(one).collect()
    }

    fn unread(body: &Body) -> Vec<String> {
        body.unread.iter().map(|unread| format!("{} {}", unread.line, unread.because)).collect()
    }

    #[test]
    fn every_statement_is_found_with_its_line() {
        let body = read(
            "do $$
            <<outer>>
            declare
              r record; n int := (select count(*) from d1); c cursor (k int) for select * from d2 where id = k;
              x int; rc refcursor;
            begin
              insert into a1 values (1) returning id into x;
              perform f1();
              x := (select max(id) from a2);
              x := x + 1;
              if exists (select 1 from a3) then
                update a4 set v = 1;
              elsif x > f2() then
                delete from a5;
              else
                create table a6 (id int);
              end if;
              case x when 1 then truncate a7; else drop table a8; end case;
              for r in select * from a9 loop
                update a10 set v = r.v where id = r.id;
                begin alter table a11 add b int; exception when others then lock table a12; end;
              end loop;
              for i in 1..(select 3 from a13) loop create index on a14 (b); end loop;
              while x < 3 loop x := x + 1; call p1(x); commit; end loop;
              loop exit when x > 1; delete from a15; end loop;
              foreach x in array array[1, 2] loop null; end loop;
              for r in execute 'select 1 from a16' loop null; end loop;
              open c (1); open rc for select 1 from a17; fetch rc into x; close rc;
              for r in c (f3()) loop vacuum a18; end loop;
              get diagnostics x = row_count;
              raise notice 'x % %', x, f4();
              assert x > 0;
              rollback and chain;
              set local lock_timeout = '1s';
            exception when unique_violation or others then
              reindex table a19;
            end outer $$",
        );
        assert_eq!(unread(&body), Vec::<String>::new());
        let expected = [
            "4 select",
            "4 select",
            "7 insert",
            "8 select",
            "9 select",
            "11 select",
            "12 update B",
            "13 select",
            "14 delete B",
            "16 create table B",
            "18 truncate B",
            "18 drop B",
            "19 select",
            "20 update L",
            "21 alter table L",
            "21 lock table L B",
            "23 select",
            "23 create index L",
            "24 call L",
            "24 commit L",
            "25 delete L B",
            "27 select",
            "28 select",
            "29 select",
            "29 vacuum L",
            "31 select",
            "33 rollback",
            "34 set",
            "36 reindex B",
        ];
        assert_eq!(told(&body), expected);
        // a variable bounds as a constant does
        let bounded = |at: usize| matches!(&body.statements[at].command, Command::Dml(dml) if dml.is_bounded);
        assert!(bounded(13) && !bounded(6));
    }

    #[test]
    fn what_comes_after_a_conditional_end_may_not_run() {
        let body = read("do $$ begin if f() then return; end if; drop table a; end $$");
        assert_eq!(told(&body), ["1 select", "1 drop B"]);
        let body = read("do $$ begin if x then raise exception 'x'; end if; drop table a; end $$");
        assert_eq!(told(&body), ["1 drop B"]);
        let body = read("do $$ begin if x then raise notice 'x'; end if; drop table a; end $$");
        assert_eq!(told(&body), ["1 drop"]);
        let body = read("do $$ begin loop drop table a; exit when x; drop table b; end loop; drop table c; end $$");
        assert_eq!(told(&body), ["1 drop L", "1 drop L B", "1 drop"]);
        let body = read("do $$ begin drop table a; return; end $$");
        assert_eq!(told(&body), ["1 drop"]);
    }

    #[test]
    fn strings_that_are_executed() {
        for (expression, expected) in [
            ("'create index z on t (a)'", "create index"),
            ("'create index z ' || 'on t (a)'", "create index"),
            ("format('create index z on t (a)')", "create index"),
            ("format('create index %I on %s (%%)', 'Z', 't')", ""),
            ("format('drop table %I', 'Z')", "drop"),
            ("format('set x = %L', 'it''s')", "set"),
            ("'drop table a'::text", "drop"),
            ("concat('drop ', 'table ', 'a')", "drop"),
            ("'drop table ' || quote_ident('A')", "drop"),
            ("$x$insert into t values ('a')$x$", "insert"),
        ] {
            let body = read(&format!("do $$ begin execute {expression}; end $$"));
            match expected {
                "" => assert_eq!(body.unread.len(), 1, "{expression}"),
                tag => {
                    assert_eq!(told(&body), [format!("1 {tag}")], "{expression}");
                    assert!(body.unread.is_empty(), "{expression}");
                }
            }
        }
        let body = read("do $$ begin execute 'drop table a; drop table b'; end $$");
        assert_eq!(told(&body), ["1 drop", "1 drop"]);
        for (expression, because) in [
            ("x", "execute of a string that is built"),
            ("'drop table ' || x", "execute of a string that is built: drop table …"),
            ("format('alter table %I add b int', x)", "execute of a string that is built: alter table …"),
            ("format('create index %s_idx on t (a)', x)", "execute of a string that is built: create index …"),
            ("'selec 1'", "execute: syntax error at or near \"selec\""),
        ] {
            let body = read(&format!("do $$ begin\n execute {expression}; end $$"));
            assert_eq!(unread(&body), [format!("2 {because}")], "{expression}");
        }
        let body = read("do $$ begin execute (select 'drop table ' || n from names) using f(1); end $$");
        assert_eq!(told(&body), ["1 select", "1 select"]);
        assert_eq!(body.unread.len(), 1);
    }

    #[test]
    fn routines_of_every_shape_are_read() {
        let heads = [
            "function f() returns trigger",
            "function f() returns event_trigger",
            "function f() returns void",
            "function f(a int, text default 'x') returns int",
            "function f(a app.money, b other.t[]) returns app.money",
            "function f(out a int) returns int",
            "function f(out a int, out b text)",
            "function f(inout a int, out b text) returns setof record",
            "function f(inout a int) returns setof int",
            "function f() returns table (a int, b app.x)",
            "function f() returns setof app.t",
            "function f(variadic a text[]) returns int",
            "function f(a anyelement) returns anyelement",
            "function f(a t.c%type) returns t.c%type",
            "function s.\"F\"(\"A b\" int) returns int",
            "procedure f(a int, inout b int)",
            "procedure f()",
        ];
        for head in heads {
            let body = read(&format!("create {head} language plpgsql as $$ begin delete from t; end $$"));
            assert_eq!((told(&body), unread(&body)), (vec!["1 delete".to_owned()], vec![]), "{head}");
        }
        let body = read(
            "create function f() returns trigger language plpgsql as $$ begin
                if tg_op = 'DELETE' then return old; end if;
                new.x := nextval('s'); if new.a <> old.a then insert into h values (1); end if; return new; end $$",
        );
        assert_eq!((told(&body), unread(&body)), (vec!["3 select B".to_owned(), "3 insert B".to_owned()], vec![]));
        let returns = [
            ("returns table (a int)", "return query select 1 from t; return next"),
            ("returns setof t", "return query select 1 from t"),
            ("returns int", "return (select 1 from t)"),
            ("returns setof int", "return next f(1)"),
            ("returns setof int", "return query execute 'select 1 from t' using 1"),
        ];
        for (head, statement) in returns {
            let body = read(&format!(
                "create function f() {head} language plpgsql as 'begin {}; end'",
                statement.replace('\'', "''")
            ));
            assert_eq!((told(&body), unread(&body)), (vec!["1 select".to_owned()], vec![]), "{head} {statement}");
        }
    }

    #[test]
    fn declarations_of_types_that_the_parser_does_not_know() {
        let body = read(
            "do $$ declare
                a app.money; b constant app.money := (select 1 from d); c app.t%rowtype; d app.t.x%type
                  not null default f(1); e other.x[]; k t.c%type[];
             begin delete from t; end $$",
        );
        assert_eq!(unread(&body), Vec::<String>::new());
        assert_eq!(told(&body), ["2 select", "2 select", "4 delete"]);
    }

    #[test]
    fn other_languages() {
        assert_eq!(unread(&read("do language plpython3u $$ x $$")), ["1 language plpython3u"]);
        let body = read(
            "create function f(a int) returns int language sql as $$\n-- one\nupdate t set b = 1 \
             where id = a;\n\nselect 1;\n$$",
        );
        assert_eq!(told(&body), ["3 update", "5 select"]);
        assert!(matches!(&body.statements[0].command, Command::Dml(dml) if dml.is_bounded));
        assert_eq!(
            unread(&read("create function f() returns int language sql as 'selec'")),
            ["1 syntax error at or near \"selec\""]
        );
        assert_eq!(unread(&read("do 'begin x y z; end'")), ["1 it does not parse: syntax error at or near \"x\""]);
    }

    #[test]
    fn hostile_bodies() {
        let level = |inner: String, number: usize| {
            format!("do $a{number}$ begin execute $b{number}$ {inner} $b{number}$; end $a{number}$")
        };
        let body = read(&(0..12).fold("drop table a".to_owned(), level));
        let mut innermost = body;
        let mut levels = 0;
        while let Some(Command::Do { body, .. }) = innermost.statements.first().map(|inner| inner.command.clone()) {
            innermost = body;
            levels += 1;
        }
        assert_eq!((levels, unread(&innermost)), (LEVELS, vec!["1 code within code within code".to_owned()]));
        for (open, close) in [("if x then ", "end if; "), ("begin ", "end; "), ("loop ", "end loop; ")] {
            for times in [20, 100, 3000, 20_000] {
                let body =
                    read(&format!("do $$ begin {}drop table a; {}end $$", open.repeat(times), close.repeat(times)));
                assert_eq!(body.statements.len() + body.unread.len(), 1, "{open} {times}: {:?}", body.unread);
            }
        }
        let deep = format!("do $$ begin x := {}1{}; drop table a; end $$", "(".repeat(20_000), ")".repeat(20_000));
        assert!(!read(&deep).unread.is_empty());
        let tagged = read("do $q$ begin perform $body$ $body$, '$bodyy$'; drop table a; end $q$");
        assert_eq!(told(&tagged).last().map(String::as_str), Some("1 drop"));
        assert_eq!(read("do ''").statements.len(), 0);
        let long = format!("do $$ begin {} end $$", "update t set a = 1 where id = 2;\n".repeat(2_000));
        assert_eq!(read(&long).statements.len(), 2_000);
    }
}
