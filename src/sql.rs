//! Names and values as SQL needs them: for the statements that hints and unlocks show. A leaf: no facts, no server.

/// A name as SQL needs it: quoted wherever a keyword, a capital or a quote in it would change its meaning.
pub fn quote(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !is_reserved(name);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// A name in its schema as SQL needs it.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote(schema), quote(name))
}

/// A value as SQL needs it.
pub fn literal(value: &str) -> String {
    let quoted = value.replace('\'', "''");
    if value.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// Whether a lower-case word means something to PostgreSQL's grammar in the place of a name. The scanner is asked, so the
/// list is the parser's own; every keyword is quoted, the harmless ones too.
fn is_reserved(word: &str) -> bool {
    use pg_query::protobuf::KeywordKind;
    pg_query::scan(word).map_or(true, |result| {
        result.tokens.iter().any(|token| token.keyword_kind() != KeywordKind::NoKeyword || token.start != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_sql_needs_it() {
        for (name, quoted) in [
            ("orders", "orders"),
            ("order", "\"order\""),
            ("user", "\"user\""),
            ("Orders", "\"Orders\""),
            ("a b", "\"a b\""),
            ("a\"b", "\"a\"\"b\""),
            ("1st", "\"1st\""),
            ("😀", "\"😀\""),
            ("_x1", "_x1"),
        ] {
            assert_eq!(quote(name), quoted);
        }
        assert_eq!(qualified("public", "select"), "public.\"select\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\'b"), "E'a\\\\''b'");
    }
}
