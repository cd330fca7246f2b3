//! Which object-relational mapper wrote a statement, by the dialect of its text, and what that mapper calls the remedy.
//!
//! Only a dialect that one mapper alone speaks is named; where two write the same text, none is.

use super::analysis::{Join, JoinKind, bare, singular, snake, stem};

/// A mapper whose dialect is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the name")]
pub enum Mapper {
    ActiveRecord,
    Django,
    Doctrine,
    Ecto,
    Eloquent,
    EntityFramework,
    Gorm,
    Hibernate5,
    Hibernate6,
    Peewee,
    Prisma,
    Sequelize,
    SqlAlchemy,
    TypeOrm,
}

impl Mapper {
    /// All of them.
    const ALL: [Self; 14] = [
        Self::ActiveRecord,
        Self::Django,
        Self::Doctrine,
        Self::Ecto,
        Self::Eloquent,
        Self::EntityFramework,
        Self::Gorm,
        Self::Hibernate5,
        Self::Hibernate6,
        Self::Peewee,
        Self::Prisma,
        Self::Sequelize,
        Self::SqlAlchemy,
        Self::TypeOrm,
    ];

    /// The one of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mapper| mapper.as_str() == name)
    }

    /// The name it gives itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ActiveRecord => "Active Record",
            Self::Django => "Django",
            Self::Doctrine => "Doctrine",
            Self::Ecto => "Ecto",
            Self::Eloquent => "Eloquent",
            Self::EntityFramework => "Entity Framework Core",
            Self::Gorm => "GORM",
            Self::Hibernate5 => "Hibernate 5",
            Self::Hibernate6 => "Hibernate 6",
            Self::Peewee => "Peewee",
            Self::Prisma => "Prisma",
            Self::Sequelize => "Sequelize",
            Self::SqlAlchemy => "SQLAlchemy",
            Self::TypeOrm => "TypeORM",
        }
    }
}

/// What of a statement is looked at: the rest is values and lists.
const LOOKED_AT: usize = 8 << 10;

/// The mapper that wrote a text. The text as it was sent: case, line feeds and quoting tell.
pub fn mapper(text: &str) -> Option<Mapper> {
    let mut end = text.len().min(LOOKED_AT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = without_leading_comments(text.get(..end)?);
    let words = words(text);
    let first = words.first().map(|word| word.text)?;
    let lower = first.starts_with(|c: char| c.is_ascii_lowercase());
    if !["select", "insert", "update", "delete", "with"].iter().any(|verb| first.eq_ignore_ascii_case(verb)) {
        return None;
    }
    if text.contains("__prisma_data__") {
        return Some(Mapper::Prisma);
    }
    let qualified: Vec<(&Word<'_>, &Word<'_>)> =
        words.windows(3).filter(|three| three.get(1).is_some_and(|dot| dot.text == ".")).filter_map(ends).collect();
    let has_quotes = words.iter().any(|word| word.is_quoted);
    if let Some(found) = by_aliases(&words, &qualified, lower) {
        return Some(found);
    }
    if has_quotes { by_quoting(text, &words, &qualified, lower) } else { by_layout(text, &words, &qualified) }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Word<'a> {
    text: &'a str,
    is_quoted: bool,
    /// Whether it follows the one before without a space.
    is_joined: bool,
}

/// The words, quoted names and signs of a text; literals and comments are left out.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start();
        let is_joined = trimmed.len() == rest.len();
        let Some(first) = trimmed.chars().next() else { return found };
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let close = |sign: char| trimmed.get(1..).and_then(|tail| tail.find(sign)).map_or(trimmed.len(), |end| end + 2);
        let (length, word) = match first {
            '"' => {
                let length = close('"');
                let name = trimmed.get(1..length).unwrap_or_default().trim_end_matches('"');
                (length, Some(Word { text: name, is_quoted: true, is_joined }))
            }
            '\'' => (close('\''), None),
            '/' if trimmed.starts_with("/*") => (trimmed.find("*/").map_or(trimmed.len(), |end| end + 2), None),
            c if is_word(c) => {
                let length = trimmed.find(|c: char| !is_word(c)).unwrap_or(trimmed.len());
                (length, trimmed.get(..length).map(|text| Word { text, is_quoted: false, is_joined }))
            }
            c => {
                let text = trimmed.get(..c.len_utf8());
                (c.len_utf8(), text.map(|text| Word { text, is_quoted: false, is_joined }))
            }
        };
        found.extend(word);
        rest = trimmed.get(length..).unwrap_or_default();
    }
}

fn ends<'a, 'b>(three: &'b [Word<'a>]) -> Option<(&'b Word<'a>, &'b Word<'a>)> {
    match three {
        [owner, _, name] => Some((owner, name)),
        _ => None,
    }
}

fn without_leading_comments(text: &str) -> &str {
    let mut text = text.trim_start();
    loop {
        let after = match text.get(..2) {
            Some("/*") => text.find("*/").and_then(|end| text.get(end + 2..)),
            Some("--") => text.find('\n').and_then(|end| text.get(end..)),
            _ => None,
        };
        match after {
            Some(after) => text = after.trim_start(),
            None => return text,
        }
    }
}

/// Letters, then digits, and nothing else.
fn letters_and_digits(text: &str) -> Option<(&str, &str)> {
    let at = text.find(|c: char| c.is_ascii_digit())?;
    let (letters, digits) = text.split_at(at);
    let plain = !letters.is_empty()
        && letters.bytes().all(|byte| byte.is_ascii_lowercase())
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then_some((letters, digits))
}

/// Aliases that a mapper makes up.
fn by_aliases(words: &[Word<'_>], qualified: &[(&Word<'_>, &Word<'_>)], lower: bool) -> Option<Mapper> {
    for (owner, name) in qualified {
        if !owner.is_quoted {
            // `b1_0`
            if lower
                && let Some((letters, digits)) = owner.text.rsplit_once('_')
                && letters_and_digits(letters).is_some()
                && !digits.is_empty()
                && digits.bytes().all(|byte| byte.is_ascii_digit())
            {
                return Some(Mapper::Hibernate6);
            }
            // `book0_`
            if let Some(before) = owner.text.strip_suffix('_')
                && before.ends_with(|c: char| c.is_ascii_digit())
                && before.starts_with(|c: char| c.is_ascii_alphabetic())
            {
                return Some(if lower { Mapper::Hibernate5 } else { Mapper::Doctrine });
            }
            // `b."Id"`, `b0."id"`
            if name.is_quoted && !lower {
                if name.text.starts_with(|c: char| c.is_ascii_uppercase()) {
                    return Some(Mapper::EntityFramework);
                }
                if letters_and_digits(owner.text).is_some_and(|(letters, _)| letters.len() == 1) {
                    return Some(Mapper::Ecto);
                }
            }
        } else if name.is_quoted && !lower {
            // `"t1"."id"` of `"book" AS "t1"`
            let aliased = words.windows(2).any(|two| match two {
                [as_word, alias] => as_word.text == "AS" && alias.is_quoted && alias.text == owner.text,
                _ => false,
            });
            if aliased && letters_and_digits(owner.text).is_some_and(|(letters, _)| letters == "t") {
                return Some(Mapper::Peewee);
            }
        }
    }
    // `t0.id AS id_1` of `book t0`
    let numbered = |name: &str, alias: &str| {
        alias
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('_'))
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let doctrine = words.windows(5).any(|five| match five {
        [owner, dot, name, as_word, alias] => {
            dot.text == "."
                && as_word.text == "AS"
                && !name.is_quoted
                && numbered(name.text, alias.text)
                && owner.text.starts_with('t')
                && letters_and_digits(owner.text).is_some()
        }
        _ => false,
    });
    doctrine.then_some(Mapper::Doctrine)
}

/// Dialects that quote every name.
fn by_quoting(text: &str, words: &[Word<'_>], qualified: &[(&Word<'_>, &Word<'_>)], lower: bool) -> Option<Mapper> {
    // `"public"."User"."id"`
    let three = words.windows(5).any(|five| match five {
        [schema, dot, table, second, column] => {
            (dot.text, second.text) == (".", ".") && schema.is_quoted && table.is_quoted && column.is_quoted
        }
        _ => false,
    });
    if three {
        return (!lower).then_some(Mapper::Prisma);
    }
    if lower {
        let star = text.starts_with("select * from \"") || text.starts_with("select exists(select * from \"");
        let through = text.contains("laravel_through_key") || text.contains("pivot_");
        let aggregate =
            text.starts_with("select count(*) as \"aggregate\"") || text.contains(" as \"aggregate\" from \"");
        return (star || through || aggregate).then_some(Mapper::Eloquent);
    }
    let pair = |first: &str, second: &str| {
        words.windows(2).any(|two| match two {
            [one, two] => one.text == first && two.text == second && !one.is_quoted,
            _ => false,
        })
    };
    // `"Book"."id" AS "Book_id"`
    let typeorm = words.windows(5).any(|five| match five {
        [owner, dot, name, as_word, alias] => {
            dot.text == "."
                && as_word.text == "AS"
                && owner.is_quoted
                && name.is_quoted
                && alias.is_quoted
                && alias.text.strip_prefix(owner.text).and_then(|rest| rest.strip_prefix('_')) == Some(name.text)
        }
        _ => false,
    });
    if typeorm || text.contains("\"distinctAlias\"") {
        return Some(Mapper::TypeOrm);
    }
    // `FROM "Books" AS "Book"`
    let sequelize = words.windows(4).any(|four| match four {
        [from, table, as_word, alias] => {
            matches!(from.text, "FROM" | "JOIN")
                && as_word.text == "AS"
                && table.is_quoted
                && alias.is_quoted
                && alias.text.starts_with(|c: char| c.is_alphabetic())
                && letters_and_digits(alias.text).is_none()
        }
        _ => false,
    });
    if sequelize {
        return Some(Mapper::Sequelize);
    }
    let verb = words.first().map_or("", |word| word.text);
    let after = words.get(1).map_or("", |word| word.text);
    let has_parameters = words.iter().any(|word| !word.is_quoted && word.text.starts_with('$'));
    let is_called = |name: &str| text.contains(name);
    match verb {
        "SELECT" if after == "*" => Some(Mapper::Gorm),
        "SELECT" => {
            let whole_rows = words.windows(3).any(|three| match three {
                [table, dot, star] => table.is_quoted && (dot.text, star.text) == (".", "*"),
                _ => false,
            });
            if whole_rows || pair("AS", "one") || is_called("t0_r0") {
                return Some(Mapper::ActiveRecord);
            }
            if is_called("\"__count\"") || is_called(" AS \"a\" FROM") || is_called("LIMIT 21") || is_called("ON (\"") {
                return Some(Mapper::Django);
            }
            let listed = qualified.iter().filter(|(owner, name)| owner.is_quoted && name.is_quoted).count() > 2;
            // one condition in parentheses is what others write
            let parenthesis = is_called("WHERE (\"") && !is_called(" AND ") && !is_called(" OR ");
            match (listed, has_parameters) {
                (true, false) if !parenthesis => Some(Mapper::Django),
                (true, true) if is_called("LIMIT $") => Some(Mapper::ActiveRecord),
                _ => None,
            }
        }
        "INSERT" => {
            let returns = words.iter().position(|word| word.text == "RETURNING").and_then(|at| words.get(at + 1..));
            let owned = returns.is_some_and(|words| words.get(1).is_some_and(|dot| dot.text == "."));
            let tight = words.windows(2).any(|two| match two {
                [comma, name] => comma.text == "," && name.is_quoted && name.is_joined,
                _ => false,
            });
            match (owned, tight, returns.is_some()) {
                (true, _, _) => Some(Mapper::Django),
                (_, true, _) => Some(Mapper::Gorm),
                (false, false, true) if has_parameters => Some(Mapper::ActiveRecord),
                _ => None,
            }
        }
        "UPDATE" => {
            let tight = words.windows(2).any(|two| match two {
                [name, equals] => name.is_quoted && equals.text == "=" && equals.is_joined,
                _ => false,
            });
            tight.then_some(Mapper::Gorm)
        }
        _ => None,
    }
}

/// Dialects that quote only what they must.
fn by_layout(text: &str, words: &[Word<'_>], qualified: &[(&Word<'_>, &Word<'_>)]) -> Option<Mapper> {
    // `books.id AS books_id`, and a space before each line feed
    let labelled = words.windows(5).any(|five| match five {
        [owner, dot, name, as_word, alias] => {
            dot.text == "."
                && as_word.text == "AS"
                && alias.text.strip_prefix(owner.text).and_then(|rest| rest.strip_prefix('_')) == Some(name.text)
        }
        _ => false,
    });
    let lines = [" \nFROM ", " \n\tFROM ", " \nWHERE ", " \n\tWHERE "].iter().any(|line| text.contains(line));
    let casts = ["::INTEGER", "::VARCHAR", "::BIGINT"].iter().any(|cast| text.contains(cast));
    let names = [" AS anon_", " AS count_1"].iter().any(|name| text.contains(name));
    if labelled || lines || casts || names {
        return Some(Mapper::SqlAlchemy);
    }
    // `INSERT … RETURNING books.id`, `UPDATE books SET title=… WHERE books.id = …`
    let verb = words.first().map_or("", |word| word.text);
    let returned = words.iter().position(|word| word.text == "RETURNING").and_then(|at| words.get(at + 2));
    let tight = words.windows(2).any(|two| match two {
        [_, equals] => equals.text == "=" && equals.is_joined,
        _ => false,
    });
    let loose = words.windows(2).any(|two| match two {
        [_, equals] => equals.text == "=" && !equals.is_joined,
        _ => false,
    });
    match verb {
        "INSERT" if returned.is_some_and(|dot| dot.text == ".") => Some(Mapper::SqlAlchemy),
        "UPDATE" if tight && loose && !qualified.is_empty() => Some(Mapper::SqlAlchemy),
        // `FROM books AS b`, on a line of its own
        "SELECT" if text.contains("\nFROM ") || text.contains("\n\tFROM ") => {
            let letter = words.windows(3).any(|three| match three {
                [from, as_word, alias] => {
                    as_word.text == "AS"
                        && alias.text.len() <= 2
                        && !from.text.is_empty()
                        && qualified.iter().any(|(owner, _)| owner.text == alias.text)
                }
                _ => false,
            });
            letter.then_some(Mapper::EntityFramework)
        }
        _ => None,
    }
}

/// What the mapper calls the remedy for rows of one table that are looked up one by one for the rows of another.
pub fn hint(mapper: Mapper, join: Option<&Join>) -> String {
    let Some(relation) = join.and_then(|join| Relation::of(mapper, join)) else { return general(mapper).to_owned() };
    let Relation { parent, child, one, many, is_single } = &relation;
    match mapper {
        Mapper::Django if *is_single => format!("select_related('{one}')"),
        Mapper::Django => match join.map(|join| join.kind) {
            Some(JoinKind::ManyToMany) => format!("prefetch_related('{many}')"),
            _ => format!("prefetch_related('{}_set'), or the relation's related_name", one.replace('_', "")),
        },
        Mapper::ActiveRecord => format!("includes(:{})", if *is_single { one } else { many }),
        Mapper::SqlAlchemy if *is_single => format!("options(joinedload({parent}.{one}))"),
        Mapper::SqlAlchemy => format!("options(selectinload({parent}.{many}))"),
        Mapper::Hibernate5 | Mapper::Hibernate6 => {
            let name = camel(if *is_single { one } else { many });
            format!(
                "JOIN FETCH {}.{name}, @EntityGraph(attributePaths = \"{name}\"), or @BatchSize on {name}",
                initial(parent)
            )
        }
        Mapper::Prisma => format!("include: {{ {}: true }}", camel(if *is_single { one } else { many })),
        Mapper::EntityFramework => {
            let (letter, name) = (initial(parent), pascal(if *is_single { one } else { many }));
            match is_single {
                true => format!("Include({letter} => {letter}.{name})"),
                false => format!("Include({letter} => {letter}.{name}), with AsSplitQuery() where it includes several"),
            }
        }
        Mapper::Eloquent => format!("with('{}')", camel(if *is_single { one } else { many })),
        Mapper::Sequelize => format!("include: [{child}]"),
        Mapper::TypeOrm => format!("relations: {{ {}: true }}", camel(if *is_single { one } else { many })),
        Mapper::Ecto => format!("preload: [:{}]", if *is_single { one } else { many }),
        Mapper::Gorm => format!("Preload(\"{}\")", pascal(if *is_single { one } else { many })),
        Mapper::Peewee if *is_single => format!("join({child}) with its columns selected"),
        Mapper::Peewee => format!("prefetch({parent}.select(), {child})"),
        Mapper::Doctrine => {
            let name = camel(if *is_single { one } else { many });
            format!("leftJoin('{0}.{name}', 'x')->addSelect('x')", initial(parent))
        }
    }
}

/// The remedy where it is not known what belongs to what.
fn general(mapper: Mapper) -> &'static str {
    match mapper {
        Mapper::Django => "select_related() for a single object, prefetch_related() for many",
        Mapper::ActiveRecord => "includes() or preload()",
        Mapper::SqlAlchemy => "selectinload() for collections, joinedload() for a single object",
        Mapper::Hibernate5 | Mapper::Hibernate6 => "JOIN FETCH, @EntityGraph or @BatchSize",
        Mapper::Prisma => "include, or one findMany with `in`",
        Mapper::EntityFramework => "Include(), with AsSplitQuery() where it includes several",
        Mapper::Eloquent => "with(), or load() on what was read already",
        Mapper::Sequelize => "include",
        Mapper::TypeOrm => "relations, or leftJoinAndSelect()",
        Mapper::Ecto => "preload",
        Mapper::Gorm => "Preload() or Joins()",
        Mapper::Peewee => "prefetch(), or join() with the columns selected",
        Mapper::Doctrine => "a join with addSelect(), or fetch: 'EAGER'",
    }
}

/// The names that the classes and attributes of an application most likely have.
struct Relation {
    /// The class of the parent.
    parent: String,
    /// The class of the child.
    child: String,
    /// The attribute where a parent has one child, `snake_case`.
    one: String,
    /// The attribute where it has many.
    many: String,
    is_single: bool,
}

impl Relation {
    fn of(mapper: Mapper, join: &Join) -> Option<Self> {
        let is_single = join.kind == JoinKind::ManyToOne;
        let child_table = join.child_table.as_deref().map(entity)?;
        let parent_table = join.parent_table.as_deref().map(entity)?;
        let (child_table, parent_table) = match mapper {
            // `library_book`: the table of a model begins with its application, and that of its neighbours too
            Mapper::Django => {
                let application = |name: &str| name.split_once('_').map(|(application, _)| application.len() + 1);
                match (application(&child_table), application(&parent_table)) {
                    (Some(at), Some(own)) if child_table.get(..at) == parent_table.get(..own) => {
                        (child_table.get(at..)?.to_owned(), parent_table.get(own..)?.to_owned())
                    }
                    _ => (child_table, parent_table),
                }
            }
            _ => (child_table, parent_table),
        };
        let one = match join.parent_column.as_deref().and_then(stem).filter(|_| is_single) {
            Some(stem) => stem,
            None => singular(&child_table),
        };
        let many = plural(&singular(&child_table));
        let known = [&one, &many, &parent_table].iter().all(|name| is_name(name));
        (join.kind != JoinKind::SameColumn && known).then(|| Self {
            parent: pascal(&singular(&parent_table)),
            child: pascal(&singular(&child_table)),
            one: one.clone(),
            many,
            is_single,
        })
    }
}

/// What a table holds: its name without schema and prefixes, in `snake_case`.
fn entity(table: &str) -> String {
    let name = snake(bare(table));
    ["tbl_", "tb_", "t_"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(&name).to_owned()
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 63 && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn plural(word: &str) -> String {
    match word {
        "person" => return "people".to_owned(),
        "child" => return "children".to_owned(),
        _ => {}
    }
    let vowel = |end: &str| ["ay", "ey", "oy", "uy"].iter().any(|vowel| end.ends_with(vowel));
    match word.strip_suffix('y') {
        Some(before) if !vowel(word) => format!("{before}ies"),
        _ if ["s", "x", "sh", "ch", "z"].iter().any(|end| word.ends_with(end)) => format!("{word}es"),
        _ => format!("{word}s"),
    }
}

fn pascal(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for part in name.split('_') {
        let mut letters = part.chars();
        out.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        out.push_str(letters.as_str());
    }
    out
}

fn camel(name: &str) -> String {
    let pascal = pascal(name);
    let mut letters = pascal.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters.as_str().chars()).collect()
}

fn initial(class: &str) -> String {
    class.chars().take(1).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::analysis::{analyse, join_evidence};
    use crate::logs::lexer::Lexer;
    use proptest::prelude::*;

    #[test]
    fn dialects() {
        use Mapper::*;
        for (expected, text) in [
            (
                Django,
                r#"SELECT "library_book"."id", "library_book"."title" FROM "library_book" WHERE "library_book"."author_id" = 1"#,
            ),
            (Django, r#"SELECT "a"."id" FROM "a" WHERE "a"."id" = 1 LIMIT 21"#),
            (Django, r#"SELECT COUNT(*) AS "__count" FROM "books" WHERE "books"."author_id" = 5"#),
            (Django, r#"SELECT 1 AS "a" FROM "books" WHERE "books"."author_id" = 5 LIMIT 1"#),
            (Django, r#"SELECT "t"."id" FROM "t" INNER JOIN "bt" ON ("t"."id" = "bt"."t_id") WHERE "bt"."b_id" = 1"#),
            (Django, r#"INSERT INTO "e" ("kind", "payload") VALUES ('x', 'y') RETURNING "e"."id""#),
            (ActiveRecord, r#"SELECT "books".* FROM "books" WHERE "books"."author_id" = $1"#),
            (ActiveRecord, r#"SELECT 1 AS one FROM "books" WHERE "books"."author_id" = $1 LIMIT $2"#),
            (
                ActiveRecord,
                r#"SELECT "b"."id" AS t0_r0, "a"."id" AS t1_r0 FROM "b" LEFT OUTER JOIN "a" ON "a"."id" = "b"."a_id""#,
            ),
            (ActiveRecord, r#"INSERT INTO "books" ("title", "author_id") VALUES ($1, $2) RETURNING "id""#),
            (
                SqlAlchemy,
                "SELECT books.id AS books_id, books.title AS books_title \nFROM books \nWHERE books.author_id = 5",
            ),
            (SqlAlchemy, "SELECT books.id, books.title \nFROM books \nWHERE books.author_id = 5"),
            (SqlAlchemy, "SELECT books.id \n\tFROM books \n\tWHERE books.author_id = $1::INTEGER"),
            (SqlAlchemy, "UPDATE books SET price=5 WHERE books.id = 1"),
            (SqlAlchemy, "INSERT INTO books (title) VALUES ('x') RETURNING books.id"),
            (Hibernate6, "select b1_0.id,b1_0.title from book b1_0 where b1_0.author_id=$1"),
            (Hibernate6, "/* select b */ select b1_0.id from book b1_0 where b1_0.author_id=$1"),
            (
                Hibernate5,
                "select books0_.author_id as author_i3_0_0_, books0_.id as id1_0_0_ from book books0_ where books0_.author_id=$1",
            ),
            (
                Prisma,
                r#"SELECT "public"."User"."id", "public"."User"."name" FROM "public"."User" WHERE "public"."User"."id" = $1 LIMIT $2 OFFSET $3"#,
            ),
            (Prisma, r#"SELECT "t1"."id", "U"."__prisma_data__" AS "posts" FROM "public"."User" AS "t1""#),
            (EntityFramework, "SELECT b.\"Id\", b.\"Title\"\nFROM \"Books\" AS b\nWHERE b.\"AuthorId\" = $1"),
            (EntityFramework, "SELECT b.id, b.title\nFROM books AS b\nWHERE b.author_id = $1"),
            (Eloquent, r#"select * from "books" where "books"."author_id" = 1 and "books"."author_id" is not null"#),
            (Eloquent, r#"select count(*) as "aggregate" from "books" where "author_id" = 1"#),
            (Sequelize, r#"SELECT "Book"."id", "Book"."title" FROM "Books" AS "Book" WHERE "Book"."authorId" = 1;"#),
            (
                TypeOrm,
                r#"SELECT "Book"."id" AS "Book_id", "Book"."title" AS "Book_title" FROM "book" "Book" WHERE "Book"."authorId" = $1"#,
            ),
            (Ecto, r#"SELECT b0."id", b0."title" FROM "books" AS b0 WHERE (b0."author_id" = $1)"#),
            (Gorm, r#"SELECT * FROM "books" WHERE "books"."author_id" = 1 AND "books"."deleted_at" IS NULL"#),
            (Gorm, r#"UPDATE "books" SET "title"='x',"updated_at"='y' WHERE "id" = 1"#),
            (Gorm, r#"INSERT INTO "books" ("title","author_id") VALUES ('x',1) RETURNING "id""#),
            (Peewee, r#"SELECT "t1"."id", "t1"."title" FROM "book" AS "t1" WHERE ("t1"."author_id" = 1)"#),
            (Doctrine, "SELECT t0.id AS id_1, t0.title AS title_2 FROM book t0 WHERE t0.author_id = 5"),
            (Doctrine, "SELECT b0_.id AS id_0, b0_.title AS title_1 FROM book b0_ WHERE b0_.author_id = 5"),
        ] {
            assert_eq!(mapper(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "select * from books where author_id = 1",
            "SELECT * FROM books WHERE author_id = 1",
            "select b.id, b.title from books b where b.author_id = 5",
            r#"UPDATE "books" SET "title" = 'x' WHERE "books"."id" = 1"#,
            r#"DELETE FROM "books" WHERE "books"."id" = 1"#,
            r#"SELECT "books"."id", "books"."title" FROM "books" WHERE ("books"."author_id" = $1)"#,
            "BEGIN",
            "select 'b1_0.id' from books",
        ] {
            assert_eq!(mapper(text), None, "{text}");
        }
    }

    #[test]
    fn remedies_name_the_relation() {
        let hinted = |mapper: Mapper, parent: &str, child: &str| {
            let of = |sql: &str| analyse(&Lexer::default().shape_text(sql.as_bytes(), false), sql);
            hint(mapper, join_evidence(&of(parent), &of(child)).as_ref())
        };
        let (authors, books) = ("select id from authors", "select * from books where author_id = 1");
        let (some, one) = ("select id, author_id from books", "select * from authors where id = 1");
        for (mapper, many, single) in [
            (
                Mapper::Django,
                "prefetch_related('book_set'), or the relation's related_name",
                "select_related('author')",
            ),
            (Mapper::ActiveRecord, "includes(:books)", "includes(:author)"),
            (Mapper::SqlAlchemy, "options(selectinload(Author.books))", "options(joinedload(Book.author))"),
            (
                Mapper::Hibernate6,
                "JOIN FETCH a.books, @EntityGraph(attributePaths = \"books\"), or @BatchSize on books",
                "JOIN FETCH b.author, @EntityGraph(attributePaths = \"author\"), or @BatchSize on author",
            ),
            (Mapper::Prisma, "include: { books: true }", "include: { author: true }"),
            (
                Mapper::EntityFramework,
                "Include(a => a.Books), with AsSplitQuery() where it includes several",
                "Include(b => b.Author)",
            ),
            (Mapper::Eloquent, "with('books')", "with('author')"),
            (Mapper::Ecto, "preload: [:books]", "preload: [:author]"),
            (Mapper::Gorm, "Preload(\"Books\")", "Preload(\"Author\")"),
            (Mapper::TypeOrm, "relations: { books: true }", "relations: { author: true }"),
        ] {
            assert_eq!(hinted(mapper, authors, books), many);
            assert_eq!(hinted(mapper, some, one), single);
        }
        assert_eq!(
            hinted(Mapper::Django, "select id from library_author", "select * from library_book where author_id = 1"),
            "prefetch_related('book_set'), or the relation's related_name"
        );
        assert_eq!(
            hinted(
                Mapper::Django,
                "select id from books",
                "select t.* from tags t join book_tags x on true where x.book_id = 1"
            ),
            "prefetch_related('tags')"
        );
        assert!(hint(Mapper::Hibernate5, None).contains("@BatchSize"));
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in "(SELECT |FROM |AS |[a-z\"$1=(),.*'; \n]|é|/\\*|\\*/|--){0,40}", other in ".{0,40}") {
            let _ = mapper(&text);
            let _ = mapper(&other);
            let _ = mapper(&format!("SELECT {other}"));
        }
    }
}
