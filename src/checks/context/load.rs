//! What counts as normal load: the statements that applications send, and no others.
//!
//! Left out are utility statements; what functions run, since it is counted with the statement that called them; roles
//! that the configuration names as maintenance; roles that only monitor; and what the auditing role itself asks as an
//! audit: the texts of this program by their fingerprints, and where it is no application's role, all that asks the
//! system's tables. A role the configuration names as an application is load whatever else it asks.

use super::{DatabaseContext, ServerContext};
use crate::facts::{Snapshot, statements};
use crate::finding::Subject;
use crate::fingerprint::normalise_all;
use crate::outcome::{Missing, Reason, Verdict};
use crate::queries::{Part, QueryStats};
use crate::statement_shape::{Shape, shapes};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// How the statements of a role count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Load,
    /// Load, but for what an audit asks.
    Auditor,
    Other,
}

/// The load of a database, most expensive first, each query without the calls of roles that are no part of it.
///
/// # Errors
/// The statements were not read.
pub(in crate::checks) fn of_database(cx: &DatabaseContext<'_>) -> Result<Vec<QueryStats>, Missing> {
    let queries = cx.server.queries.as_ref().map_err(Clone::clone)?;
    let mut kinds: BTreeMap<Option<&str>, Kind> = BTreeMap::new();
    for query in queries.of(cx.name()) {
        for part in &query.parts {
            let role = part.role.as_deref();
            kinds.entry(role).or_insert_with(|| role.map_or(Kind::Load, |role| kind(&cx.server, role)));
        }
    }
    let counts = |part: &Part| part.is_top_level && kinds.get(&part.role.as_deref()) != Some(&Kind::Other);
    let own_role = cx.server.server().map_or("", |server| server.role.as_str());
    let is_own = |part: &Part| part.role.as_deref() == Some(own_role);
    let own = own_fingerprints(cx.server.snapshot);
    let is_auditor = |part: &Part| kinds.get(&part.role.as_deref()) == Some(&Kind::Auditor);
    let load: Vec<QueryStats> = queries
        .of(cx.name())
        .filter(|query| query.is_planned())
        .filter_map(|query| match own.contains(&query.fingerprint) || asks_for_greatest(&query.text) {
            true => query.only(|part| counts(part) && !is_own(part)),
            false => query.only(counts),
        })
        .collect();
    let asked: Vec<&str> =
        load.iter().filter(|query| query.parts.iter().any(is_auditor)).map(|query| query.text.as_str()).collect();
    let of_the_system: BTreeSet<String> = asked
        .iter()
        .zip(shapes(&asked))
        .filter(|(text, shape)| is_of_the_audit(text, shape.as_ref()))
        .map(|(text, _)| (*text).to_owned())
        .collect();
    let mut load: Vec<QueryStats> = load
        .into_iter()
        .filter_map(|query| match of_the_system.contains(&query.text) {
            true => query.only(|part| !is_auditor(part)),
            false => Some(query),
        })
        .collect();
    load.sort_by(|a, b| b.total_ms.total_cmp(&a.total_ms).then_with(|| a.fingerprint.cmp(&b.fingerprint)));
    Ok(load)
}

fn kind(cx: &ServerContext<'_>, name: &str) -> Kind {
    let matches = |patterns: &[String]| patterns.iter().any(|pattern| crate::glob::matches(pattern, name));
    if matches(&cx.role_kinds.maintenance) {
        return Kind::Other;
    }
    if matches(&cx.role_kinds.application) {
        return Kind::Load;
    }
    let roles = cx.snapshot.server.roles.ok();
    let role = roles.and_then(|roles| roles.iter().find(|role| role.name == name));
    let is_self = cx.server().is_ok_and(|server| server.role == name);
    match role {
        Some(role) if cx.is_monitor(role) => Kind::Other,
        // the role of an application, or a superuser that does everything, may be the one that audits
        _ if is_self => Kind::Auditor,
        _ => Kind::Load,
    }
}

/// Whether an audit asks this: of the system's tables and functions.
fn is_of_the_audit(text: &str, shape: Option<&Shape>) -> bool {
    let reads_nothing = shape.is_none_or(|shape| shape.tables.is_empty()) && text.contains("pg_catalog.");
    shape.is_some_and(Shape::is_of_the_system) || reads_nothing
}

/// Whether this program's own measuring asks it, for the greatest value of a key; its table may be any.
fn asks_for_greatest(text: &str) -> bool {
    text.starts_with("select max(") && text.contains(")::int8 as value from ")
}

/// The fingerprints of what this program itself sends: the facts, and what measuring reads. The rest of what it sends are
/// utility statements, which are no load anyway.
fn own_fingerprints(snapshot: &Snapshot) -> BTreeSet<String> {
    static PLAIN: OnceLock<BTreeSet<String>> = OnceLock::new();
    let fingerprints = |texts: &[String]| -> BTreeSet<String> {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        normalise_all(&texts).into_iter().map(|normalised| normalised.fingerprint).collect()
    };
    let plain = PLAIN.get_or_init(|| {
        let facts = crate::facts::QUERIES.iter().flat_map(|query| query.variants);
        let mut texts: Vec<String> = facts.map(|(_, sql)| (*sql).to_owned()).collect();
        texts.push(include_str!("../../../sql/measures/index_columns.sql").to_owned());
        fingerprints(&texts)
    });
    // a fingerprint tells schemas apart, and these are sent with the one the extension is in
    let extensions = snapshot.databases.iter().filter_map(|database| database.extensions.ok()).flatten();
    let schemas: BTreeSet<&str> = extensions
        .filter(|extension| matches!(extension.name.as_str(), "pg_stat_statements" | "pgstattuple"))
        .map(|extension| extension.schema.as_str())
        .collect();
    let templates: Vec<&str> = statements::VARIANTS
        .iter()
        .map(|(_, sql)| *sql)
        .chain([statements::INFO, include_str!("../../../sql/measures/index_pages.sql")])
        .collect();
    let in_schemas: Vec<String> = schemas
        .into_iter()
        .map(|schema| format!("{}.", crate::sql::quote(schema)))
        .flat_map(|schema| {
            templates.iter().map(move |sql| sql.replace("extension_schema.", &schema)).collect::<Vec<_>>()
        })
        .collect();
    plain.union(&fingerprints(&in_schemas)).cloned().collect()
}

/// Says of a database what part of its load cannot be seen at all: hidden texts, lost ones, and where nothing was counted.
pub(in crate::checks) fn note_unseen(cx: &DatabaseContext<'_>, load: &[QueryStats], verdict: &mut Verdict) {
    let Ok(queries) = cx.server.queries else { return };
    let mut cannot_tell = |missing| verdict.cannot_tell(Subject::database(cx.name()), missing);
    if let Some(missing) = queries.hidden_in(cx.name(), cx.server.snapshot) {
        cannot_tell(missing);
    }
    if let Some(missing) = queries.lost() {
        cannot_tell(missing);
    }
    if load.is_empty() {
        cannot_tell(
            Missing::new(
                "statements",
                Reason::Observation,
                format!("no statement of an application was counted in {}", queries.span.describe()),
            )
            .unlocked_by("run the audit while the application runs"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::testing::{Lab, rows};

    fn texts(lab: &Lab) -> Vec<String> {
        let queries = crate::queries::aggregate(&lab.snapshot, None);
        let catalog = Catalog::new(&lab.snapshot.databases[0]);
        let server = ServerContext {
            snapshot: &lab.snapshot,
            before: None,
            replicas: &[],
            at: lab.snapshot.captured_at,
            queries: &queries,
            logged: None,
            params: &lab.params,
            role_kinds: &lab.role_kinds,
            reviews: &[],
            service: None,
        };
        let cx = DatabaseContext { server, database: &lab.snapshot.databases[0], catalog: &catalog };
        of_database(&cx).unwrap().into_iter().map(|query| format!("{} {}", query.calls, query.text)).collect()
    }

    #[test]
    fn only_what_applications_send_is_load() {
        let mut lab = Lab::new();
        lab.role("app");
        lab.role("exporter").member_of = vec!["pg_monitor".into()];
        lab.role("postgres").is_superuser = true;
        lab.role_kinds.maintenance = vec!["dump*".into()];
        lab.statement("app", "select * from orders where id = 1", 10, 9.0);
        lab.statement("dumper", "select * from orders where id = 1", 1, 9000.0);
        lab.statement("dumper", "select * from orders", 1, 9000.0);
        lab.statement("exporter", "select * from pg_stat_activity", 10, 8.0);
        lab.statement("app", "vacuum orders", 10, 7.0);
        lab.statement("app", "select sum(total) from orders", 10, 6.0).is_top_level = false;
        lab.statement("postgres", "select * from customers", 10, 5.0);
        assert_eq!(texts(&lab), ["10 select * from orders where id = $1", "10 select * from customers"]);
    }

    #[test]
    fn the_auditing_role_is_load_but_for_the_systems_tables() {
        let mut lab = Lab::new();
        lab.role("auditor").is_superuser = true;
        lab.statement("auditor", "select * from orders", 10, 9.0);
        lab.statement("auditor", "select * from pg_catalog.pg_class", 10, 8.0);
        lab.statement("app", "select * from pg_catalog.pg_class", 4, 8.0);
        lab.statement("auditor", "select pg_catalog.current_setting('x')", 10, 8.0);
        lab.statement("auditor", "select max(id)::int8 as value from public.orders", 10, 8.0);
        assert_eq!(texts(&lab), ["10 select * from orders", "4 select * from pg_catalog.pg_class"]);
        lab.role_kinds.application = vec!["aud*".into()];
        assert_eq!(texts(&lab).len(), 3);
    }

    #[test]
    fn what_this_program_asks_is_no_load_whoever_runs_it() {
        let mut lab = Lab::new();
        lab.role_kinds.application = vec!["aud*".into()];
        rows(&mut lab.db().extensions).push(crate::facts::extensions::Extension {
            name: "pg_stat_statements".into(),
            version: "1.10".into(),
            schema: "Stats".into(),
            usable: true,
        });
        let own = crate::facts::QUERIES.iter().flat_map(|query| query.variants).map(|(_, sql)| (*sql).to_owned());
        let own: Vec<String> = own.chain([statements::INFO.replace("extension_schema.", "\"Stats\".")]).collect();
        for text in &own {
            lab.statement("auditor", text, 10, 9.0);
        }
        assert_eq!(texts(&lab), [""; 0]);
        lab.statement("app", &own[0], 4, 9.0);
        assert_eq!(texts(&lab).len(), 1, "of another role it is load");
        assert!(texts(&lab)[0].starts_with("4 "));
    }
}
