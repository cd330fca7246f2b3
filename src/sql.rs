//! Names and values as SQL needs them: for the statements that hints and unlocks show. A leaf: no facts, no server.

use std::collections::HashSet;
use std::sync::LazyLock;

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

/// Whether a lower-case word means something to PostgreSQL's grammar in the place of a name; every keyword is quoted, the
/// harmless ones too.
fn is_reserved(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| KEYWORDS.split_ascii_whitespace().collect());
    WORDS.contains(word)
}

/// The words that mean something to PostgreSQL's grammar, of every major up to 18: `pg_get_keywords()`. In order, to be
/// looked up; a test asks the parser's own scanner for each.
const KEYWORDS: &str = "\
    abort absent absolute access action add admin after aggregate all also alter always analyse analyze and any \
    array as asc asensitive assertion assignment asymmetric at atomic attach attribute authorization backward before \
    begin between bigint binary bit boolean both breadth by cache call called cascade cascaded case cast catalog \
    chain char character characteristics check checkpoint class close cluster coalesce collate collation column \
    columns comment comments commit committed compression concurrently conditional configuration conflict connection \
    constraint constraints content continue conversion copy cost create cross csv cube current current_catalog \
    current_date current_role current_schema current_time current_timestamp current_user cursor cycle data database \
    day deallocate dec decimal declare default defaults deferrable deferred definer delete delimiter delimiters \
    depends depth desc detach dictionary disable discard distinct do document domain double drop each else empty \
    enable encoding encrypted end enforced enum error escape event except exclude excluding exclusive execute exists \
    explain expression extension external extract false family fetch filter finalize first float following for force \
    foreign format forward freeze from full function functions generated global grant granted greatest group \
    grouping groups handler having header hold hour identity if ilike immediate immutable implicit import in include \
    including increment indent index indexes inherit inherits initially inline inner inout input insensitive insert \
    instead int integer intersect interval into invoker is isnull isolation join json json_array json_arrayagg \
    json_exists json_object json_objectagg json_query json_scalar json_serialize json_table json_value keep key keys \
    label language large last lateral leading leakproof least left level like limit listen load local localtime \
    localtimestamp location lock locked logged mapping match matched materialized maxvalue merge merge_action method \
    minute minvalue mode month move name names national natural nchar nested new next nfc nfd nfkc nfkd no none \
    normalize normalized not nothing notify notnull nowait null nullif nulls numeric object objects of off offset \
    oids old omit on only operator option options or order ordinality others out outer over overlaps overlay \
    overriding owned owner parallel parameter parser partial partition passing password path period placing plan \
    plans policy position preceding precision prepare prepared preserve primary prior privileges procedural \
    procedure procedures program publication quote quotes range read real reassign recursive ref references \
    referencing refresh reindex relative release rename repeatable replace replica reset restart restrict return \
    returning returns revoke right role rollback rollup routine routines row rows rule savepoint scalar schema \
    schemas scroll search second security select sequence sequences serializable server session session_user set \
    setof sets share show similar simple skip smallint snapshot some source sql stable standalone start statement \
    statistics stdin stdout storage stored strict string strip subscription substring support symmetric sysid system \
    system_user table tables tablesample tablespace target temp template temporary text then ties time timestamp to \
    trailing transaction transform treat trigger trim true truncate trusted type types uescape unbounded uncommitted \
    unconditional unencrypted union unique unknown unlisten unlogged until update user using vacuum valid validate \
    validator value values varchar variadic varying verbose version view views virtual volatile when where \
    whitespace window with within without work wrapper write xml xmlattributes xmlconcat xmlelement xmlexists \
    xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable year yes zone";

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

    /// The list is the parser's own: every word of it is a keyword to the scanner, and what is near them is none.
    #[test]
    fn keywords_are_those_of_the_scanner() {
        use pg_query::protobuf::KeywordKind;
        let is_keyword = |word: &str| {
            let tokens = pg_query::scan(word).unwrap().tokens;
            tokens.iter().any(|token| token.keyword_kind() != KeywordKind::NoKeyword)
        };
        for word in KEYWORDS.split_ascii_whitespace() {
            assert!(is_keyword(word), "{word}");
            let longer = format!("{word}_x");
            assert!(!is_keyword(&longer) && !is_reserved(&longer));
        }
        assert!(KEYWORDS.split_ascii_whitespace().is_sorted() && KEYWORDS.split_ascii_whitespace().count() > 480);
    }
}
