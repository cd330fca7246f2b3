//! Expressions: writing one back as SQL, and what it mentions.
//!
//! What is written parses to the same expression again, and no more is promised: operands stand in parentheses, names
//! that are keywords in quotes. An expression with a query in it, or with anything only summed up, is not written.

use super::command::{Expr, Literal, Name, TypeName};
use crate::sql::{literal, quote};
use std::collections::{BTreeSet, HashSet};

impl Expr {
    /// As SQL; none where it cannot be written again.
    pub fn sql(&self) -> Option<String> {
        let mut out = String::new();
        self.write(&mut out)?;
        Some(out)
    }

    /// Calls a function with this expression and every one in it, from the outside in.
    pub fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Expr)) {
        see(self);
        self.each_child(&mut |child| child.visit(see));
    }

    /// The names of the columns it mentions, without qualifiers; those of queries in it not.
    pub fn columns(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.visit(&mut |expression| {
            if let Self::Column(parts) = expression
                && let Some(last) = parts.last()
                && last != "*"
            {
                found.insert(last.clone());
            }
        });
        found
    }

    /// The functions it calls, those of queries in it too; a function may come more than once.
    pub fn functions(&self) -> Vec<&Name> {
        let mut found = Vec::new();
        self.visit(&mut |expression| match expression {
            Self::Call { name, .. } => found.push(name),
            Self::Query(reads) => found.extend(&reads.functions),
            _ => {}
        });
        found
    }

    /// The relations that queries in it read; a relation may come more than once.
    pub fn relations(&self) -> Vec<&Name> {
        let mut found = Vec::new();
        self.visit(&mut |expression| {
            if let Self::Query(reads) = expression {
                found.extend(&reads.relations);
            }
        });
        found
    }

    /// Whether it names no column and asks no query, and all of it is known. It may still call a function.
    pub fn is_constant(&self) -> bool {
        let mut is_constant = true;
        self.visit(&mut |expression| {
            is_constant &= !matches!(expression, Self::Column(_) | Self::Query(_) | Self::Other(_));
        });
        is_constant
    }

    /// Takes bare names that are no relations (common table expressions) out of the queries in it.
    pub(super) fn hide(&mut self, names: &HashSet<&str>) {
        if let Self::Query(reads) = self {
            reads.relations.retain(|name| name.schema.is_some() || !names.contains(name.name.as_str()));
        }
        self.each_child_mut(&mut |child| child.hide(names));
    }

    fn each_child<'a>(&'a self, see: &mut dyn FnMut(&'a Expr)) {
        match self {
            Self::Null | Self::Literal(_) | Self::Column(_) | Self::Parameter(_) | Self::Value(_) | Self::Query(_) => {}
            Self::Call { arguments, .. }
            | Self::Test { arguments, .. }
            | Self::And(arguments)
            | Self::Or(arguments)
            | Self::Array(arguments)
            | Self::Row(arguments)
            | Self::Choice(_, arguments)
            | Self::Other(arguments) => arguments.iter().for_each(see),
            Self::Operator { left, right, .. } => left.iter().chain([right]).for_each(|side| see(side)),
            Self::Not(inner)
            | Self::IsNull(inner)
            | Self::IsNotNull(inner)
            | Self::IsBoolean(inner, _)
            | Self::Cast(inner, _)
            | Self::Collate(inner, _) => see(inner),
            Self::Case { argument, arms, otherwise } => {
                argument.iter().for_each(|argument| see(argument));
                for (when, then) in arms {
                    see(when);
                    see(then);
                }
                otherwise.iter().for_each(|otherwise| see(otherwise));
            }
        }
    }

    fn each_child_mut(&mut self, see: &mut dyn FnMut(&mut Expr)) {
        match self {
            Self::Null | Self::Literal(_) | Self::Column(_) | Self::Parameter(_) | Self::Value(_) | Self::Query(_) => {}
            Self::Call { arguments, .. }
            | Self::Test { arguments, .. }
            | Self::And(arguments)
            | Self::Or(arguments)
            | Self::Array(arguments)
            | Self::Row(arguments)
            | Self::Choice(_, arguments)
            | Self::Other(arguments) => arguments.iter_mut().for_each(see),
            Self::Operator { left, right, .. } => left.iter_mut().chain([right]).for_each(|side| see(side)),
            Self::Not(inner)
            | Self::IsNull(inner)
            | Self::IsNotNull(inner)
            | Self::IsBoolean(inner, _)
            | Self::Cast(inner, _)
            | Self::Collate(inner, _) => see(inner),
            Self::Case { argument, arms, otherwise } => {
                argument.iter_mut().for_each(|argument| see(argument));
                for (when, then) in arms {
                    see(when);
                    see(then);
                }
                otherwise.iter_mut().for_each(|otherwise| see(otherwise));
            }
        }
    }

    fn write(&self, out: &mut String) -> Option<()> {
        match self {
            Self::Null => out.push_str("null"),
            Self::Literal(value) => write_literal(value, out)?,
            Self::Column(parts) => {
                let written = parts.iter().map(|part| if part == "*" { part.clone() } else { quote(part) });
                out.push_str(&written.collect::<Vec<_>>().join("."));
            }
            Self::Parameter(number) => out.push_str(&format!("${number}")),
            Self::Call { name, arguments, is_special: false } => {
                out.push_str(&name.sql());
                list(arguments, "(", ")", out)?;
            }
            Self::Operator { name, left, right } => {
                if let Some(left) = left {
                    left.operand(out)?;
                    out.push(' ');
                }
                out.push_str(&operator(name));
                out.push(' ');
                right.operand(out)?;
            }
            Self::Test { kind, arguments } => test(kind, arguments, out)?,
            Self::Not(inner) => {
                out.push_str("not ");
                inner.operand(out)?;
            }
            Self::And(parts) => joined(parts, " and ", out)?,
            Self::Or(parts) => joined(parts, " or ", out)?,
            Self::IsNull(inner) => after(inner, " is null", out)?,
            Self::IsNotNull(inner) => after(inner, " is not null", out)?,
            Self::IsBoolean(inner, what) => after(inner, &format!(" {what}"), out)?,
            Self::Cast(inner, to) => after(inner, &format!("::{}", to.sql()?), out)?,
            Self::Collate(inner, collation) => after(inner, &format!(" collate {}", collation.sql()), out)?,
            Self::Value(word) => out.push_str(word),
            Self::Array(items) => list(items, "array[", "]", out)?,
            Self::Row(items) => list(items, "row(", ")", out)?,
            Self::Choice(word, items) => {
                out.push_str(word);
                list(items, "(", ")", out)?;
            }
            Self::Case { argument, arms, otherwise } => {
                out.push_str("case");
                if let Some(argument) = argument {
                    out.push(' ');
                    argument.write(out)?;
                }
                for (when, then) in arms {
                    out.push_str(" when ");
                    when.write(out)?;
                    out.push_str(" then ");
                    then.write(out)?;
                }
                if let Some(otherwise) = otherwise {
                    out.push_str(" else ");
                    otherwise.write(out)?;
                }
                out.push_str(" end");
            }
            Self::Call { is_special: true, .. } | Self::Query(_) | Self::Other(_) => return None,
        }
        Some(())
    }

    /// As a part of something that binds tighter, or may.
    fn operand(&self, out: &mut String) -> Option<()> {
        if self.is_atom() {
            return self.write(out);
        }
        out.push('(');
        self.write(out)?;
        out.push(')');
        Some(())
    }

    fn is_atom(&self) -> bool {
        match self {
            Self::Literal(Literal::Number(number)) => !number.starts_with('-'),
            Self::Test { kind, .. } => kind == "nullif",
            Self::Null
            | Self::Literal(_)
            | Self::Column(_)
            | Self::Parameter(_)
            | Self::Call { .. }
            | Self::Cast(..)
            | Self::Value(_)
            | Self::Array(_)
            | Self::Row(_)
            | Self::Choice(..)
            | Self::Case { .. } => true,
            _ => false,
        }
    }
}

fn write_literal(value: &Literal, out: &mut String) -> Option<()> {
    match value {
        Literal::Number(number) => out.push_str(number),
        Literal::Text(text) => out.push_str(&literal(text)),
        Literal::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Literal::Bits(bits) => {
            // the parser keeps the letter before the digits
            let (letter, digits) = bits.split_at_checked(1)?;
            out.push_str(&format!("{letter}'{digits}'"));
        }
    }
    Some(())
}

fn operator(name: &Name) -> String {
    match &name.schema {
        Some(schema) => format!("operator({}.{})", quote(schema), name.name),
        None => name.name.clone(),
    }
}

fn list(items: &[Expr], open: &str, close: &str, out: &mut String) -> Option<()> {
    out.push_str(open);
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            out.push_str(", ");
        }
        item.write(out)?;
    }
    out.push_str(close);
    Some(())
}

fn joined(parts: &[Expr], word: &str, out: &mut String) -> Option<()> {
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            out.push_str(word);
        }
        part.operand(out)?;
    }
    Some(())
}

fn after(inner: &Expr, what: &str, out: &mut String) -> Option<()> {
    inner.operand(out)?;
    out.push_str(what);
    Some(())
}

fn test(kind: &str, arguments: &[Expr], out: &mut String) -> Option<()> {
    let (left, rest) = arguments.split_first()?;
    if kind == "nullif" {
        out.push_str("nullif");
        return list(arguments, "(", ")", out);
    }
    left.operand(out)?;
    out.push(' ');
    match (kind, rest) {
        ("in" | "not in", items) => {
            out.push_str(kind);
            list(items, " (", ")", out)?;
        }
        ("any", [right]) => list(std::slice::from_ref(right), "= any (", ")", out)?,
        ("all", [right]) => list(std::slice::from_ref(right), "<> all (", ")", out)?,
        ("like" | "ilike" | "not like" | "not ilike", _) => pattern(kind, rest, out)?,
        ("similar", _) => pattern("similar to", rest, out)?,
        ("not similar", _) => pattern("not similar to", rest, out)?,
        ("is distinct from" | "is not distinct from", [right]) => {
            out.push_str(kind);
            out.push(' ');
            right.operand(out)?;
        }
        (_, [low, high]) if kind.contains("between") => {
            out.push_str(kind);
            out.push(' ');
            low.operand(out)?;
            out.push_str(" and ");
            high.operand(out)?;
        }
        (_, [right]) if kind.ends_with(" any") || kind.ends_with(" all") => {
            out.push_str(kind);
            list(std::slice::from_ref(right), " (", ")", out)?;
        }
        _ => return None,
    }
    Some(())
}

fn pattern(words: &str, rest: &[Expr], out: &mut String) -> Option<()> {
    let (pattern, escape) = rest.split_first()?;
    out.push_str(words);
    out.push(' ');
    pattern.operand(out)?;
    if let Some(escape) = escape.first() {
        out.push_str(" escape ");
        escape.operand(out)?;
    }
    Some(())
}

impl TypeName {
    /// As SQL; none for `%type` and where the statement has none.
    pub fn sql(&self) -> Option<String> {
        if self.name.name.is_empty() || self.name.name.ends_with("%type") {
            return None;
        }
        let mut out = String::new();
        if self.is_set {
            out.push_str("setof ");
        }
        match self.name.schema.as_deref() {
            Some("pg_catalog") => out.push_str(&self.own_word()?),
            // keywords, but not where a type stands
            None if matches!(self.name.name.as_str(), "text" | "xml" | "name") => out.push_str(&self.name.name),
            _ => {
                out.push_str(&self.name.sql());
                out.push_str(&self.in_parentheses(&self.modifiers));
            }
        }
        out.push_str(&"[]".repeat(self.dimensions));
        Some(out)
    }

    fn in_parentheses(&self, modifiers: &[String]) -> String {
        let is_number = |word: &str| word.trim_start_matches('-').chars().all(|c| c.is_ascii_digit());
        let written = modifiers.iter().map(|word| if is_number(word) { word.clone() } else { quote(word) });
        match modifiers {
            [] => String::new(),
            _ => format!("({})", written.collect::<Vec<_>>().join(", ")),
        }
    }

    /// The types that the grammar has words for: `int4` by itself would parse to a name without a schema.
    fn own_word(&self) -> Option<String> {
        let with = |word: &str| format!("{word}{}", self.in_parentheses(&self.modifiers));
        Some(match self.name.name.as_str() {
            "bool" => with("boolean"),
            "int2" => with("smallint"),
            "int4" => with("integer"),
            "int8" => with("bigint"),
            "float4" => with("real"),
            "float8" => with("double precision"),
            "numeric" => with("numeric"),
            "varchar" => with("varchar"),
            // the words `char` and `bit` alone are of length one
            "bpchar" if !self.modifiers.is_empty() => with("char"),
            "bit" if !self.modifiers.is_empty() => with("bit"),
            "varbit" => with("bit varying"),
            "json" => with("json"),
            "timestamp" => with("timestamp"),
            "timestamptz" => format!("{} with time zone", with("timestamp")),
            "time" => with("time"),
            "timetz" => format!("{} with time zone", with("time")),
            "interval" => self.interval()?,
            _ => format!("{}{}", self.name.sql(), self.in_parentheses(&self.modifiers)),
        })
    }

    /// The parser numbers the fields of an interval.
    fn interval(&self) -> Option<String> {
        const FIELDS: &[(&str, &str)] = &[
            ("4", "year"),
            ("2", "month"),
            ("8", "day"),
            ("1024", "hour"),
            ("2048", "minute"),
            ("4096", "second"),
            ("6", "year to month"),
            ("1032", "day to hour"),
            ("3080", "day to minute"),
            ("7176", "day to second"),
            ("3072", "hour to minute"),
            ("7168", "hour to second"),
            ("6144", "minute to second"),
        ];
        let words = |mask: &str| FIELDS.iter().find(|(number, _)| *number == mask).map(|(_, words)| *words);
        Some(match self.modifiers.as_slice() {
            [] => "interval".to_owned(),
            [all, precision] if all == "32767" => format!("interval({precision})"),
            [mask] => format!("interval {}", words(mask)?),
            [mask, precision] => format!("interval {}({precision})", words(mask)?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::statement::{parse_expression, with_parser};

    fn parsed(text: &str) -> Expr {
        with_parser(|| parse_expression(text)).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn what_is_written_is_the_same_expression() {
        for text in [
            "null",
            "1",
            "-1",
            "- a",
            "+ 1",
            "1.5e10",
            "99999999999999",
            "'it''s'",
            "E'a\\\\b\\n'",
            "true",
            "b'101'",
            "x'1f'",
            "a",
            "t.\"A b\".\"select\"",
            "$1",
            "now()",
            "pg_catalog.lower('X')",
            "\"left\"(a, 1)",
            "now() at time zone 'utc'",
            "extract(year from a)",
            "substring(a from 1 for 2)",
            "trim(both ' ' from a)",
            "position('a' in b)",
            "overlay(a placing b from 1)",
            "a + b * c - (d + e)",
            "(a - b) - c",
            "a - (b - c)",
            "a - -1",
            "(-1)::text",
            "-(1::int)",
            "a || 'x' || b",
            "a operator(pg_catalog.+) b",
            "a @> '{1}' and not b",
            "(a or b) and (c or d)",
            "a or (b or c)",
            "a is null and b is not null",
            "a is true or b is not true or c is false or d is not false or e is unknown or f is not unknown",
            "a in (1, 2, 3)",
            "a not in (1, -2)",
            "(a, b) in ((1, 2), (3, 4))",
            "row(a, b) = row(1, 2)",
            "a = any ('{1,2}'::int[])",
            "a <> all (array[1, 2])",
            "a < any ($1)",
            "a >= all ($1)",
            "a operator(s.<) any ($1)",
            "a between 1 and 2",
            "a not between b - 1 and -2",
            "a between symmetric 1 and 2",
            "a not between symmetric 1 and 2",
            "a like 'x%'",
            "a not like 'x!%' escape '!'",
            "a ilike b",
            "a not ilike b",
            "a similar to 'x'",
            "a not similar to 'x' escape '!'",
            "a ~ '^x' and b !~* 'y'",
            "a is distinct from b",
            "a is not distinct from null",
            "nullif(a, b) + 1",
            "a::int::text",
            "cast(a as numeric(10, 2))",
            "a::varchar(5)[]",
            "a::char + b::char(3)",
            "a::bpchar",
            "a::bit",
            "a::bit(3)",
            "a::bit varying(3)",
            "a::bool::int2::int8::float4::float8",
            "a::timestamp(3) with time zone",
            "a::timestamptz",
            "a::time(2) with time zone",
            "'1'::interval",
            "interval '1' day to second(3)",
            "interval(3) '1'",
            "interval '1' month",
            "a::s.\"T\"",
            "a::json::jsonb",
            "a::public.geometry(point, 4326)",
            "a collate \"C\"",
            "a collate s.\"x\" < b",
            "current_date",
            "current_timestamp(3)",
            "localtime",
            "current_user || session_user",
            "array[1, array[2, 3]]",
            "array[]::int[]",
            "coalesce(a, greatest(b, 1), least(c, 2))",
            "case when a then 1 when b then 2 else 3 end",
            "case a when 1 then 'x' end",
            "value > 0",
            "(case when a then b end)::int",
            "date_trunc('day', created_at) + interval '1 day'",
        ] {
            let first = parsed(text);
            let written = first.sql().unwrap_or_else(|| panic!("{text}: {first:?}"));
            assert_eq!(parsed(&written), first, "{text} -> {written}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_not() {
        for text in [
            "(select 1)",
            "a in (select 1)",
            "count(*)",
            "sum(a) filter (where b)",
            "rank() over ()",
            "f(variadic a)",
            "f(a => 1)",
            "a[1]",
            "(a).b",
            "xmlelement(name x)",
        ] {
            assert_eq!(parsed(text).sql(), None, "{text}");
        }
    }

    #[test]
    fn what_an_expression_mentions() {
        let made = parsed(
            "lower(t.a) || coalesce(b, s.f(c)) and d[e] > 1 and x in (select y from s.z where g(1) and t.* is null)",
        );
        assert_eq!(made.columns(), ["a", "b", "c", "d", "e", "x"].map(str::to_owned).into());
        let functions: Vec<_> = made.functions().iter().map(ToString::to_string).collect();
        assert_eq!(functions, ["lower", "s.f", "g"]);
        assert_eq!(made.relations(), [&Name::qualified("s", "z")]);
        assert!(!made.is_constant());
        assert!(parsed("now() - interval '1 day' * $1").is_constant());
        assert!(!parsed("a + 1").is_constant() && !parsed("(select 1)").is_constant());
        let mut made = parsed("a in (select 1 from c, s.c, d)");
        made.hide(&["c"].into());
        assert_eq!(made.relations(), [&Name::qualified("s", "c"), &Name::bare("d")]);
    }
}
