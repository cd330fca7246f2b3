//! The casts between types that PostgreSQL brings along, and the types themselves.
//!
//! Read from `pg_cast` and `pg_type` of PostgreSQL 14.23, 15.18, 16.14, 17.10 and 18.4, all of them together. Casts of a
//! type to itself (they fit a value to a length or a precision) are not here.

/// How a value becomes one of another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Its bytes already are one.
    Binary,
    /// By a function, or by way of its text.
    Converted,
}

/// Where PostgreSQL applies a cast by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// Where a value is stored, and everywhere else.
    Assignment,
    /// Where it is asked for only.
    Explicit,
}

/// The cast of a built-in type to another, where there is one in a version.
pub(super) fn cast(from: &str, to: &str, major: u16) -> Option<(Method, Context)> {
    // a cast of numbers to bytes came with 18
    if major < 18 && (from == "bytea" || to == "bytea") {
        return None;
    }
    let at = CASTS.binary_search_by(|(known, _)| (*known).cmp(from)).ok()?;
    let (_, targets) = CASTS.get(at)?;
    targets.split_ascii_whitespace().find_map(|entry| {
        let (target, kind) = entry.split_once(':')?;
        (target == to).then_some(match kind {
            "b" => (Method::Binary, Context::Assignment),
            "f" => (Method::Converted, Context::Assignment),
            _ => (Method::Converted, Context::Explicit),
        })
    })
}

/// The built-in type of a name.
pub(super) fn built_in(name: &str) -> Option<&'static str> {
    TYPES.binary_search(&name).ok().and_then(|at| TYPES.get(at).copied())
}

/// By source: the targets, each with `b` where its bytes stay, `f` where it is converted when it is stored, `e` where it
/// is converted on request only.
static CASTS: &[(&str, &str)] = &[
    ("bit", "int4:e int8:e varbit:b"),
    ("bool", "bpchar:f int4:e text:f varchar:f"),
    ("box", "circle:e lseg:e point:e polygon:f"),
    ("bpchar", "char:f name:f text:f varchar:f xml:e"),
    ("bytea", "int2:e int4:e int8:e"),
    ("char", "bpchar:f int4:e text:f varchar:f"),
    ("cidr", "bpchar:f inet:b text:f varchar:f"),
    ("circle", "box:e point:e polygon:e"),
    ("date", "timestamp:f timestamptz:f"),
    ("daterange", "datemultirange:e"),
    ("float4", "float8:f int2:f int4:f int8:f numeric:f"),
    ("float8", "float4:f int2:f int4:f int8:f numeric:f"),
    ("inet", "bpchar:f cidr:f text:f varchar:f"),
    (
        "int2",
        "bytea:e float4:f float8:f int4:f int8:f numeric:f oid:f regclass:f regcollation:f regconfig:f regdictionary:f regnamespace:f regoper:f regoperator:f regproc:f regprocedure:f regrole:f regtype:f",
    ),
    (
        "int4",
        "bit:e bool:e bytea:e char:e float4:f float8:f int2:f int8:f money:f numeric:f oid:b regclass:b regcollation:b regconfig:b regdictionary:b regnamespace:b regoper:b regoperator:b regproc:b regprocedure:b regrole:b regtype:b",
    ),
    ("int4range", "int4multirange:e"),
    (
        "int8",
        "bit:e bytea:e float4:f float8:f int2:f int4:f money:f numeric:f oid:f regclass:f regcollation:f regconfig:f regdictionary:f regnamespace:f regoper:f regoperator:f regproc:f regprocedure:f regrole:f regtype:f",
    ),
    ("int8range", "int8multirange:e"),
    ("interval", "time:f"),
    ("json", "jsonb:f"),
    ("jsonb", "bool:e float4:e float8:e int2:e int4:e int8:e json:f numeric:e"),
    ("lseg", "point:e"),
    ("macaddr", "macaddr8:f"),
    ("macaddr8", "macaddr:f"),
    ("money", "numeric:f"),
    ("name", "bpchar:f text:f varchar:f"),
    ("numeric", "float4:f float8:f int2:f int4:f int8:f money:f"),
    ("numrange", "nummultirange:e"),
    (
        "oid",
        "int4:b int8:f regclass:b regcollation:b regconfig:b regdictionary:b regnamespace:b regoper:b regoperator:b regproc:b regprocedure:b regrole:b regtype:b",
    ),
    ("path", "point:e polygon:f"),
    ("point", "box:f"),
    ("polygon", "box:e circle:e path:f point:e"),
    ("regclass", "int4:b int8:f oid:b"),
    ("regcollation", "int4:b int8:f oid:b"),
    ("regconfig", "int4:b int8:f oid:b"),
    ("regdictionary", "int4:b int8:f oid:b"),
    ("regnamespace", "int4:b int8:f oid:b"),
    ("regoper", "int4:b int8:f oid:b regoperator:b"),
    ("regoperator", "int4:b int8:f oid:b regoper:b"),
    ("regproc", "int4:b int8:f oid:b regprocedure:b"),
    ("regprocedure", "int4:b int8:f oid:b regproc:b"),
    ("regrole", "int4:b int8:f oid:b"),
    ("regtype", "int4:b int8:f oid:b"),
    ("text", "bpchar:b char:f name:f regclass:f varchar:b xml:e"),
    ("time", "interval:f timetz:f"),
    ("timestamp", "date:f time:f timestamptz:f"),
    ("timestamptz", "date:f time:f timestamp:f timetz:f"),
    ("timetz", "time:f"),
    ("tsrange", "tsmultirange:e"),
    ("tstzrange", "tstzmultirange:e"),
    ("varbit", "bit:b"),
    ("varchar", "bpchar:b char:f name:f regclass:f text:b xml:e"),
    ("xid8", "xid:e"),
    ("xml", "bpchar:b text:b varchar:b"),
];

/// The names of base types, ranges and multiranges.
static TYPES: &[&str] = &[
    "aclitem",
    "bit",
    "bool",
    "box",
    "bpchar",
    "bytea",
    "char",
    "cid",
    "cidr",
    "circle",
    "date",
    "datemultirange",
    "daterange",
    "float4",
    "float8",
    "inet",
    "int2",
    "int2vector",
    "int4",
    "int4multirange",
    "int4range",
    "int8",
    "int8multirange",
    "int8range",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "nummultirange",
    "numrange",
    "oid",
    "oidvector",
    "path",
    "pg_lsn",
    "pg_snapshot",
    "point",
    "polygon",
    "refcursor",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "text",
    "tid",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "uuid",
    "varbit",
    "varchar",
    "xid",
    "xid8",
    "xml",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_can_be_searched() {
        assert!(CASTS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(TYPES.is_sorted_by(|a, b| a < b));
        assert_eq!(cast("varchar", "text", 18), Some((Method::Binary, Context::Assignment)));
        assert_eq!(cast("int4", "bytea", 17), None);
        assert_eq!(cast("int4", "bytea", 18), Some((Method::Converted, Context::Explicit)));
        assert_eq!(cast("int4", "bool", 14), Some((Method::Converted, Context::Explicit)));
    }
}
