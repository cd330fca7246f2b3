//! What other modules say of expressions and types, as effects ask it.

use super::super::catalog::Column;
use super::super::command::{Expr, Name, TypeName};
use super::super::type_change::{self, Change};
use super::super::volatility::{self, Answer};
use super::tally::Tally;

/// How often a default gives another value.
pub(super) fn volatility(tally: &Tally<'_>, expr: &Expr) -> Answer {
    volatility::volatility(expr, tally.before.catalog)
}

/// Types of extensions that are no domains, by name.
const OF_EXTENSIONS: [&str; 14] = [
    "citext",
    "cube",
    "geography",
    "geometry",
    "halfvec",
    "hstore",
    "isn",
    "lquery",
    "ltree",
    "ltxtquery",
    "raster",
    "seg",
    "sparsevec",
    "vector",
];

/// Whether a type may be a domain of which nothing is known.
pub(super) fn may_be_domain(tally: &Tally<'_>, name: &Name) -> bool {
    !tally.before.catalog.is_complete()
        && tally.before.catalog.type_of(name).is_none()
        && !type_change::is_built_in(name)
        && !OF_EXTENSIONS.contains(&name.name.as_str())
}

/// What a change of a column's type comes to.
pub(super) fn change(
    tally: &Tally<'_>,
    table: &str,
    name: &str,
    column: Option<&Column>,
    to: (&TypeName, Option<&Name>, Option<&Expr>),
) -> Change {
    let (type_name, collation, using) = to;
    let Some((column, from)) = column.and_then(|column| Some((column, column.type_name.as_ref()?))) else {
        return Change::Unknown(format!("the type of {table}.{name} is not known"));
    };
    let timezone = tally.before.session.settings.values.get("timezone").and_then(|parts| parts.first());
    type_change::change(
        tally.before.catalog,
        from,
        column.collation.as_ref(),
        type_name,
        collation,
        using,
        name,
        timezone.map(String::as_str),
        tally.major(),
    )
}
