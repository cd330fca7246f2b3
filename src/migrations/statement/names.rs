//! Names, types and the small things of the parser's tree.

use super::super::command::{Name, Persistence, TypeName};
use pg_query::protobuf::{self, a_const};
use pg_query::{Node, NodeEnum};

/// The text of a string node.
pub(super) fn text(node: &Node) -> Option<&str> {
    match node.node.as_ref()? {
        NodeEnum::String(string) => Some(&string.sval),
        _ => None,
    }
}

/// The texts of string nodes.
pub(super) fn texts(nodes: &[Node]) -> Vec<String> {
    nodes.iter().filter_map(text).map(str::to_owned).collect()
}

/// A text, where it is not empty: the tree has no other way to say "none".
pub(super) fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A dotted name: the last part and its schema; a database before that is dropped.
pub(super) fn name(nodes: &[Node]) -> Name {
    let mut parts = nodes.iter().rev().filter_map(text);
    let last = parts.next().unwrap_or_default().to_owned();
    Name { name: last, schema: parts.next().map(str::to_owned) }
}

/// What a dotted name says before its last part, and that part.
pub(super) fn owner_and_part(nodes: &[Node]) -> (Name, String) {
    match nodes.split_last() {
        Some((last, owner)) => (name(owner), text(last).unwrap_or_default().to_owned()),
        None => (Name::bare(""), String::new()),
    }
}

/// A relation's name.
pub(super) fn relation(relation: &protobuf::RangeVar) -> Name {
    Name { schema: said(&relation.schemaname), name: relation.relname.clone() }
}

/// A relation's name, where there is a relation.
pub(super) fn relation_of(relation: Option<&protobuf::RangeVar>) -> Name {
    relation.map_or_else(|| Name::bare(""), self::relation)
}

/// The names of relations in a list.
pub(super) fn relations(nodes: &[Node]) -> Vec<Name> {
    let of_node = |node: &Node| match node.node.as_ref()? {
        NodeEnum::RangeVar(range) => Some(relation(range)),
        _ => None,
    };
    nodes.iter().filter_map(of_node).collect()
}

/// How long a relation lives: the tree has a letter for it.
pub(super) fn persistence(relation: Option<&protobuf::RangeVar>) -> Persistence {
    match relation.map(|relation| (relation.relpersistence.as_str(), relation.schemaname.as_str())) {
        // `create table pg_temp.x` is a temporary one whatever else is said
        Some(("t", _) | (_, "pg_temp")) => Persistence::Temporary,
        Some(("u", _)) => Persistence::Unlogged,
        _ => Persistence::Permanent,
    }
}

/// A type; without a name where the statement leaves it to another table (`partition of`, `of`).
pub(super) fn type_name(node: Option<&protobuf::TypeName>) -> TypeName {
    let Some(node) = node else {
        return TypeName { name: Name::bare(""), modifiers: Vec::new(), dimensions: 0, is_set: false };
    };
    let mut name = name(&node.names);
    if node.pct_type {
        // `orders.total%type`: no type has such a name, so nobody takes it for one
        name.name.push_str("%type");
    }
    TypeName {
        name,
        modifiers: node.typmods.iter().filter_map(word).collect(),
        dimensions: node.array_bounds.len(),
        is_set: node.setof,
    }
}

/// A constant, a name or a type as a plain word: modifiers, options, settings.
pub(super) fn word(node: &Node) -> Option<String> {
    Some(match node.node.as_ref()? {
        NodeEnum::String(string) => string.sval.clone(),
        NodeEnum::Integer(integer) => integer.ival.to_string(),
        NodeEnum::Float(float) => float.fval.clone(),
        NodeEnum::Boolean(boolean) => boolean.boolval.to_string(),
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            a_const::Val::Ival(integer) => integer.ival.to_string(),
            a_const::Val::Fval(float) => float.fval.clone(),
            a_const::Val::Boolval(boolean) => boolean.boolval.to_string(),
            a_const::Val::Sval(string) => string.sval.clone(),
            a_const::Val::Bsval(bits) => bits.bsval.clone(),
        },
        NodeEnum::ColumnRef(column) => column.fields.iter().filter_map(text).collect::<Vec<_>>().join("."),
        NodeEnum::TypeName(named) => name(&named.names).to_string(),
        NodeEnum::TypeCast(cast) => word(cast.arg.as_ref()?)?,
        NodeEnum::List(list) => list.items.iter().filter_map(text).collect::<Vec<_>>().join("."),
        _ => return None,
    })
}

/// An option of a list in parentheses.
pub(super) fn option(node: &Node) -> Option<&protobuf::DefElem> {
    match node.node.as_ref()? {
        NodeEnum::DefElem(option) => Some(option),
        _ => None,
    }
}

/// What an option of a name says; empty where it only is there.
pub(super) fn option_word(options: &[Node], name: &str) -> Option<String> {
    // the last one counts where it is said twice and allowed
    let found = options.iter().filter_map(option).rfind(|option| option.defname == name)?;
    Some(found.arg.as_ref().and_then(|argument| word(argument)).unwrap_or_default())
}

/// Whether an option is on, as `defGetBoolean` reads it; none where it is not there.
pub(super) fn option_is_on(options: &[Node], name: &str) -> Option<bool> {
    let said = option_word(options, name)?;
    Some(!matches!(said.to_ascii_lowercase().as_str(), "false" | "off" | "0" | "no"))
}

/// The names of options.
pub(super) fn option_names(nodes: Option<&Node>) -> Vec<String> {
    let Some(NodeEnum::List(list)) = nodes.and_then(|node| node.node.as_ref()) else { return Vec::new() };
    let full = |option: &protobuf::DefElem| match option.defnamespace.as_str() {
        "" => option.defname.clone(),
        namespace => format!("{namespace}.{}", option.defname),
    };
    list.items.iter().filter_map(option).map(full).collect()
}
