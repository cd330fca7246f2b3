//! How often an expression may give another answer.
//!
//! Of a column's default only one thing matters, whether it is volatile: then every row of the table gets its own value, and
//! `add column` writes them all. Whether it is stable or immutable decides elsewhere, in a generated column or an index.
//!
//! What is not known is said: a function that no statement made and no server has is unknown, not immutable.

mod builtin;

use super::catalog::{Catalog, Function};
use super::command::{Expr, Name, Volatility};
use std::collections::HashMap;
use std::sync::LazyLock;

/// How often an expression may give another answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is known; and what in the expression makes it so, where it is not immutable: `random()`.
    Known(Volatility, Option<String>),
    /// It is not known, since nothing is known of this: a function, as `app.next_code()`, or a query.
    Unknown(String),
}

impl Answer {
    /// Whether it is known to be volatile.
    pub fn is_volatile(&self) -> bool {
        matches!(self, Self::Known(Volatility::Volatile, _))
    }

    /// The greater of two: volatile above all, then unknown.
    fn and(self, other: Self) -> Self {
        let rank = |answer: &Self| match answer {
            Self::Known(Volatility::Immutable, _) => 0,
            Self::Known(Volatility::Stable, _) => 1,
            Self::Unknown(_) => 2,
            Self::Known(Volatility::Volatile, _) => 3,
        };
        if rank(&other) > rank(&self) { other } else { self }
    }
}

const IMMUTABLE: Answer = Answer::Known(Volatility::Immutable, None);

/// How deep functions that are put in place of calls are followed.
const DEEPEST: u8 = 8;

/// How often an expression may give another answer, with the functions that the catalog knows.
pub fn volatility(expr: &Expr, catalog: &Catalog) -> Answer {
    of(expr, catalog, DEEPEST)
}

fn of(expr: &Expr, catalog: &Catalog, depth: u8) -> Answer {
    let mut worst = IMMUTABLE;
    expr.visit(&mut |part| {
        if worst.is_volatile() {
            return;
        }
        let answer = match part {
            Expr::Call { name, arguments, .. } => call(name, arguments.len(), catalog, depth),
            // `current_date`, `current_user` and the like: fixed for the statement
            Expr::Value(word) => Answer::Known(Volatility::Stable, Some(word.clone())),
            Expr::Query(_) => Answer::Unknown("a query".to_owned()),
            // no operator of PostgreSQL's is volatile, and of these some are stable for some types
            Expr::Operator { name, .. } if STABLE_OPERATORS.contains(&name.name.as_str()) => {
                Answer::Known(Volatility::Stable, Some(format!("the operator {}", name.name)))
            }
            Expr::Operator { name, .. } if !is_of_system(name) => Answer::Unknown(format!("the operator {name}")),
            // text becomes a time or a table by the session's settings
            Expr::Cast(_, to) if is_by_settings(&to.name.name) => {
                Answer::Known(Volatility::Stable, Some(format!("the cast to {}", to.name.name)))
            }
            _ => IMMUTABLE,
        };
        let before = std::mem::replace(&mut worst, IMMUTABLE);
        worst = before.and(answer);
    });
    worst
}

/// The operators of PostgreSQL's that are stable for some types.
const STABLE_OPERATORS: &[&str] = &["+", "-", "<", "<=", "<=>", "<>", "=", ">", ">=", "@@", "||"];

fn is_of_system(name: &Name) -> bool {
    name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog")
}

fn is_by_settings(type_name: &str) -> bool {
    matches!(type_name, "date" | "time" | "timetz" | "timestamp" | "timestamptz" | "money" | "xml")
        || type_name.starts_with("reg")
}

fn call(name: &Name, arguments: usize, catalog: &Catalog, depth: u8) -> Answer {
    let shown = format!("{}()", name.name);
    // bare names are looked up in pg_catalog first; a function of the users' of the same name has other types, which are
    // not known here, so that both count
    let own: Vec<&Function> = catalog.functions(name).iter().filter(|own| own.takes(arguments)).collect();
    let built_in = (is_of_system(name)).then(|| server(&name.name, arguments)).flatten();
    let built_in = built_in.map(|volatility| Answer::Known(volatility, Some(shown.clone())));
    let users = own.iter().map(|own| function(own, catalog, depth));
    let mut answers = built_in.into_iter().chain(users);
    let Some(first) = answers.next() else {
        return match extension(&name.name) {
            Some(volatility) => Answer::Known(volatility, Some(shown)),
            None => Answer::Unknown(format!("{name}()")),
        };
    };
    let mut all = first;
    for other in answers {
        if other.is_volatile() != all.is_volatile() {
            return Answer::Unknown(format!("{name}(), of which there are several"));
        }
        all = all.and(other);
    }
    all
}

/// A function of the users', which may be put in place of its call: then its body counts and not what it is labelled.
fn function(own: &Function, catalog: &Catalog, depth: u8) -> Answer {
    let label = Answer::Known(own.volatility, Some(format!("{}()", own.name)));
    let Some(body) = own.inlined.as_deref().filter(|_| depth > 0) else { return label };
    match (of(body, catalog, depth - 1), own.volatility) {
        // a body that is less constant than the label says is not put in place
        (Answer::Known(body, _), label_says) if body > label_says => label,
        (body @ Answer::Known(..), _) => body,
        // whichever it is, it is not volatile
        (Answer::Unknown(_), Volatility::Immutable | Volatility::Stable) => label,
        (Answer::Unknown(what), Volatility::Volatile) => Answer::Unknown(what),
    }
}

impl Function {
    /// Whether it can be called with so many arguments.
    fn takes(&self, arguments: usize) -> bool {
        let most = self.arguments.len();
        (most.saturating_sub(self.defaults)..=most).contains(&arguments)
    }
}

/// A function of PostgreSQL's own.
fn server(name: &str, arguments: usize) -> Option<Volatility> {
    if name == "ts_rewrite" {
        return Some(if arguments == 2 { Volatility::Volatile } else { Volatility::Immutable });
    }
    SERVER.get(name).copied()
}

/// A function of an extension, in whatever schema that was put.
fn extension(name: &str) -> Option<Volatility> {
    EXTENSIONS.get(name).copied()
}

type Names = HashMap<&'static str, Volatility>;

static SERVER: LazyLock<Names> = LazyLock::new(|| {
    named(&[
        (builtin::IMMUTABLE, Volatility::Immutable),
        (builtin::STABLE, Volatility::Stable),
        (builtin::VOLATILE, Volatility::Volatile),
    ])
});

static EXTENSIONS: LazyLock<Names> = LazyLock::new(|| {
    named(&[
        (builtin::EXTENSIONS_OTHER, Volatility::Stable),
        (builtin::EXTENSIONS_VOLATILE, Volatility::Volatile),
        (COMMON, Volatility::Volatile),
    ])
});

/// Volatile functions of extensions that are not PostgreSQL's own, as their documentation has them: pg_uuidv7, pgx_ulid.
const COMMON: &str = "uuid_generate_v7 gen_ulid gen_monotonic_ulid";

fn named(lists: &[(&'static str, Volatility)]) -> Names {
    lists
        .iter()
        .flat_map(|(names, volatility)| names.split_ascii_whitespace().map(move |name| (name, *volatility)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::catalog::Birth;
    use super::super::script::Parsed;
    use super::super::session::Settings;
    use super::super::statement::{parse, parse_expression, with_parser};
    use super::*;

    const BORN: Birth = Birth { script: 0, statement: 0, transaction: None };

    fn catalog() -> Catalog {
        let mut catalog = Catalog::default();
        for sql in [
            "create function vol() returns int language plpgsql volatile as 'begin return 1; end'",
            "create function unlabelled() returns int language plpgsql as 'begin return 1; end'",
            "create function stab() returns int language plpgsql stable as 'begin return 1; end'",
            "create function constant() returns int language sql volatile as 'select 1'",
            "create function dice() returns float language sql volatile as 'select random()'",
            "create function lies() returns float language sql immutable as 'select random()'",
            "create function strict_one(a int) returns int language sql volatile strict as 'select a'",
            "create function outer_one() returns int language sql volatile as 'select constant() + 1'",
            "create function strange() returns int language sql volatile as 'select elsewhere()'",
            "create function twice(a int, b int default 2) returns int language plpgsql as 'begin return a; end'",
            "create function either(a int) returns int language plpgsql immutable as 'begin return a; end'",
            "create function either(a text) returns int language plpgsql volatile as 'begin return 1; end'",
            "create function recursive_one() returns int language sql as 'select recursive_one()'",
        ] {
            match parse(sql, 0) {
                Parsed::Command(command) => catalog.apply(&command, BORN, &Settings::default(), 18),
                other => panic!("{other:?}"),
            }
        }
        catalog
    }

    fn letter(catalog: &Catalog, sql: &str) -> &'static str {
        match volatility(&parse_expression(sql).unwrap_or_else(|| panic!("{sql}")), catalog) {
            Answer::Known(Volatility::Immutable, _) => "i",
            Answer::Known(Volatility::Stable, _) => "s",
            Answer::Known(Volatility::Volatile, _) => "v",
            Answer::Unknown(_) => "?",
        }
    }

    #[test]
    fn it_says_what_servers_say() {
        with_parser(|| {
            let catalog = catalog();
            for (sql, expected) in [
                ("1", "i"),
                ("-1", "i"),
                ("(1)", "i"),
                ("'x'", "i"),
                ("'x'::text", "i"),
                ("lower('X')", "i"),
                ("now()", "s"),
                ("pg_catalog.now()", "s"),
                ("current_date", "s"),
                ("current_timestamp", "s"),
                ("current_user", "s"),
                ("now() at time zone 'utc'", "s"),
                ("timezone('utc', now())", "s"),
                ("now() + interval '1 day'", "s"),
                ("'2020-01-01'::timestamptz", "s"),
                ("coalesce(null, now())", "s"),
                ("case when true then 1 else 2 end", "i"),
                ("array[1, 2]", "i"),
                ("'{}'::jsonb", "i"),
                ("jsonb_build_object('a', 1)", "s"),
                ("clock_timestamp()", "v"),
                ("timeofday()", "v"),
                ("random()", "v"),
                ("floor(random() * 10)::int", "v"),
                ("coalesce(null, random())", "v"),
                ("gen_random_uuid()", "v"),
                ("uuidv7()", "v"),
                ("nextval('s')", "v"),
                ("nextval('s'::regclass)", "v"),
                ("md5(random()::text)", "v"),
                ("uuid_generate_v4()", "v"),
                ("extensions.uuid_generate_v4()", "v"),
                ("uuid_generate_v5(uuid_ns_url(), 'x')", "s"),
                ("encode(gen_random_bytes(16), 'hex')", "v"),
                ("uuid_generate_v7()", "v"),
                ("txid_current()", "s"),
                ("make_id()", "?"),
                ("app.make_id()", "?"),
                ("make_id() + random()", "v"),
                ("(select 1)", "?"),
                // of the users'
                ("vol()", "v"),
                ("unlabelled()", "v"),
                ("stab()", "s"),
                ("constant()", "i"),
                ("dice()", "v"),
                ("lies()", "i"),
                ("strict_one(1)", "v"),
                ("outer_one()", "s"),
                ("strange()", "?"),
                ("twice(1)", "v"),
                ("twice(1, 2)", "v"),
                ("twice()", "?"),
                ("either(1)", "?"),
                ("recursive_one()", "v"),
            ] {
                assert_eq!(letter(&catalog, sql), expected, "{sql}");
            }
        });
    }

    #[test]
    fn it_says_why() {
        with_parser(|| {
            let why = |sql: &str| volatility(&parse_expression(sql).unwrap(), &catalog());
            assert_eq!(why("now() + f()"), Answer::Unknown("f()".into()));
            assert_eq!(why("1 + random()"), Answer::Known(Volatility::Volatile, Some("random()".into())));
            assert_eq!(why("vol()"), Answer::Known(Volatility::Volatile, Some("vol()".into())));
        });
    }

    #[test]
    fn the_lists_do_not_overlap() {
        let lists = [builtin::IMMUTABLE, builtin::STABLE, builtin::VOLATILE];
        let total: usize = lists.iter().map(|list| list.split_ascii_whitespace().count()).sum();
        assert_eq!(SERVER.len(), total);
        assert!(total > 2500);
    }
}
