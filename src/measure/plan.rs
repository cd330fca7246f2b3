//! Plan evidence: the generic plan of statements that are nothing but one plain `select`.
//!
//! This and the proof of rewrites (`logs::prove`) are the places where text that came from elsewhere is sent to the server.
//! Here it is never executed, only planned; only
//! text that PostgreSQL's own parser reads as a single `select` without locks, without data-modifying parts and without
//! `into`; in a read-only transaction; never as a superuser unless that was asked for, because planning may call the
//! functions that a statement names.

use crate::facts::plans::{Plan, PlanNode};
use crate::facts::{Fact, Snapshot};
use crate::fingerprint::StatementKind;
use crate::measure::Plans;
use crate::outcome::{Missing, Reason};
use crate::pg::{Door, ReadError, Session};
use crate::queries::{Queries, QueryStats};
use std::collections::HashSet;
use std::time::Instant;

const FACT: &str = "plans";

/// Statements that are planned at most, in each database: the most expensive ones and the most frequent ones.
const AT_MOST: usize = 100;

/// Plans the statements of one database that are worth it.
pub(super) async fn plans(
    door: &Door,
    snapshot: &Snapshot,
    index: usize,
    queries: Option<&Queries>,
    plans: Plans,
    until: Instant,
) -> Fact<Vec<Plan>> {
    let refuse =
        |reason, because: &str, unlock: &str| Fact::Missing(Missing::new(FACT, reason, because).unlocked_by(unlock));
    match plans {
        Plans::Off => return refuse(Reason::Disabled, "no plans were asked for", "--plans"),
        Plans::On if door.is_superuser() => {
            return refuse(
                Reason::Privilege,
                "statements are not planned as a superuser: planning may call functions they name",
                "run as a role that is no superuser, or --plans=always",
            );
        }
        Plans::On | Plans::Always => {}
    }
    let Some(queries) = queries else {
        return refuse(
            Reason::Extension,
            "no statements were read, so there is nothing to plan",
            "create extension pg_stat_statements;",
        );
    };
    let database = &snapshot.databases[index].name;
    let wanted = worth_planning(queries, database);
    let handle = door.database(database);
    let mut session = match handle.session().await {
        Ok(session) => session,
        Err(error) => return Fact::Missing(Missing::new(FACT, Reason::Failed, format!("{FACT}: {error}"))),
    };
    let generic = door.version().major() >= 16;
    let mut rows = Vec::with_capacity(wanted.len());
    for query in wanted {
        let nodes = match Instant::now() < until {
            true => plan(&mut session, snapshot, query, generic).await,
            false => Err(Missing::new(FACT, Reason::Budget, "measuring ran out of time before this statement")),
        };
        let lost = matches!(&nodes, Err(missing) if missing.reason == Reason::Failed);
        rows.push(Plan { fingerprint: query.fingerprint.clone(), nodes });
        if lost {
            // whatever state the session is in, the next statement gets a clean one
            match handle.session().await {
                Ok(fresh) => session = fresh,
                Err(_) => break,
            }
        }
    }
    // what the session held is rolled back whether or not the server still answers
    drop(session.finish().await);
    Fact::Read { at: snapshot.captured_at, rows }
}

/// The statements worth a plan: half the places for the most time, the rest for the most calls.
fn worth_planning<'a>(queries: &'a Queries, database: &str) -> Vec<&'a QueryStats> {
    let candidates: Vec<&QueryStats> = queries
        .queries
        .iter()
        .filter(|query| query.database == database && query.kind == StatementKind::Select && query.is_top_level)
        .collect();
    let mut by_calls = candidates.clone();
    by_calls.sort_by_key(|query| std::cmp::Reverse(query.calls));
    let mut seen = HashSet::new();
    let by_time = candidates.into_iter().take(AT_MOST / 2);
    by_time.chain(by_calls).filter(|query| seen.insert(query.fingerprint.clone())).take(AT_MOST).collect()
}

async fn plan(
    session: &mut Session,
    snapshot: &Snapshot,
    query: &QueryStats,
    generic: bool,
) -> Result<Vec<PlanNode>, Missing> {
    let parameters = plain_select(&query.text).map_err(|because| Missing::new(FACT, Reason::Input, because))?;
    let path = common_search_path(snapshot, query)?;
    let result = explain(session, &query.text, parameters, &path, generic).await;
    let text = match result {
        Ok(text) => text,
        Err(error) => {
            let restarted = session.restart().await;
            return Err(match (restarted, error) {
                (Err(error), _) => Missing::new(FACT, Reason::Failed, error.to_string()),
                (Ok(()), ReadError::Denied { message }) => Missing::new(FACT, Reason::Privilege, message)
                    .unlocked_by(snapshot.grant("select on the tables of the statement")),
                (Ok(()), ReadError::Locked { .. }) => Missing::new(FACT, Reason::Locked, "a table of it was locked"),
                (Ok(()), error) => Missing::new(FACT, Reason::Input, format!("it could not be planned: {error}")),
            });
        }
    };
    session.restart().await.map_err(|error| Missing::new(FACT, Reason::Failed, error.to_string()))?;
    nodes(&text).ok_or_else(|| Missing::new(FACT, Reason::Version, "the plan is in a form this version does not know"))
}

/// EXPLAIN of the generic plan: by its own option from 16 on, before that by way of a prepared statement with nulls for
/// its parameters.
async fn explain(
    session: &mut Session,
    text: &str,
    parameters: usize,
    search_path: &str,
    generic: bool,
) -> Result<String, ReadError> {
    const NAME: &str = "pgassay_plan";
    session.batch(&format!("set local search_path = {search_path}")).await?;
    let rows = if generic {
        session.text(&format!("explain (generic_plan, verbose, format json) {text}")).await?
    } else {
        session.batch("set local plan_cache_mode = force_generic_plan").await?;
        session.prepare(NAME, text).await?;
        let nulls = vec!["null"; parameters].join(", ");
        let arguments = if parameters == 0 { String::new() } else { format!("({nulls})") };
        session.text(&format!("explain (verbose, format json) execute {NAME}{arguments}")).await?
    };
    Ok(rows.into_iter().filter_map(|mut row| row.pop().flatten()).collect::<Vec<_>>().join("\n"))
}

/// Whether a text is one plain `select`, and how many parameters it has.
///
/// # Errors
/// Why it is not, in a few words.
fn plain_select(text: &str) -> Result<usize, String> {
    use pg_query::NodeRef;
    let parsed = pg_query::parse(text, 0).map_err(|_| "the text that was kept of it does not parse".to_owned())?;
    let [only] = parsed.protobuf.stmts.as_slice() else { return Err("it is more than one statement".to_owned()) };
    let Some(NodeRef::SelectStmt(_)) =
        only.stmt.as_ref().and_then(|node| node.node.as_ref()).map(pg_query::NodeEnum::to_ref)
    else {
        return Err("it is not a select".to_owned());
    };
    let mut parameters = 0;
    for (node, _, _, _) in parsed.protobuf.nodes() {
        match node {
            NodeRef::SelectStmt(select) if !select.locking_clause.is_empty() => {
                return Err("it locks rows".to_owned());
            }
            NodeRef::SelectStmt(select) if select.into_clause.is_some() => return Err("it creates a table".to_owned()),
            NodeRef::InsertStmt(_) | NodeRef::UpdateStmt(_) | NodeRef::DeleteStmt(_) | NodeRef::MergeStmt(_) => {
                return Err("a part of it modifies data".to_owned());
            }
            NodeRef::ParamRef(parameter) => parameters = parameters.max(usize::try_from(parameter.number).unwrap_or(0)),
            _ => {}
        }
    }
    Ok(parameters)
}

/// The search path that all roles of a query have, so that its names mean the same tables to each of them.
///
/// # Errors
/// They have different ones.
fn common_search_path(snapshot: &Snapshot, query: &QueryStats) -> Result<String, Missing> {
    let path = |role: Option<&str>| search_path(snapshot, role, &query.database);
    let tables = snapshot.database(&query.database).and_then(|database| database.tables.ok());
    // a schema of the role's own name that holds no table decides nothing
    let decides = |role: &str| tables.is_none_or(|tables| tables.iter().any(|table| table.schema == role));
    let effective = |role: &String| {
        let own = crate::catalog::quote(role);
        let path = path(Some(role.as_str()));
        let schemas = path.split(", ").filter(|schema| *schema != own || decides(role));
        schemas.map(str::to_owned).collect::<Vec<_>>()
    };
    let distinct: HashSet<Vec<String>> = query.roles.iter().map(effective).collect();
    match distinct.len() {
        0 | 1 => Ok(path(query.roles.iter().next().map(String::as_str))),
        _ => Err(Missing::new(FACT, Reason::Input, "its roles have different search paths")),
    }
}

/// The search path a role has in a database, as `set` takes it: what is set for the role there, for the role, for the
/// database, for all, or by the server.
fn search_path(snapshot: &Snapshot, role: Option<&str>, database: &str) -> String {
    let overrides = snapshot.server.setting_overrides.ok().map_or(&[][..], Vec::as_slice);
    let of = |wanted_role: Option<&str>, wanted_database: Option<&str>| {
        let entry = overrides.iter().find(|entry| {
            entry.name == "search_path"
                && entry.role.as_deref() == wanted_role
                && entry.database.as_deref() == wanted_database
        });
        entry.map(|entry| entry.value.clone())
    };
    let known = role.and_then(|role| of(Some(role), Some(database)).or_else(|| of(Some(role), None)));
    let path = known.or_else(|| of(None, Some(database))).or_else(|| of(None, None)).or_else(|| {
        let settings = snapshot.server.settings.ok()?;
        let setting = settings.iter().find(|setting| setting.name == "search_path")?;
        setting
            .boot_value
            .clone()
            .filter(|_| setting.source != "configuration file")
            .or_else(|| Some(setting.setting.clone()))
    });
    let path = path.unwrap_or_else(|| "\"$user\", public".to_owned());
    let schemas = path.split(',').map(|schema| schema.trim().trim_matches('"'));
    let named =
        schemas.map(|schema| crate::catalog::quote(if schema == "$user" { role.unwrap_or("public") } else { schema }));
    named.collect::<Vec<_>>().join(", ")
}

/// The nodes of a plan in EXPLAIN's JSON, from the top, without conditions.
fn nodes(text: &str) -> Option<Vec<PlanNode>> {
    let json: serde_json::Value = serde_json::from_str(text).ok()?;
    let mut nodes = Vec::new();
    let mut open = vec![(json.get(0)?.get("Plan")?, 0)];
    while let Some((plan, depth)) = open.pop() {
        let text = |key: &str| plan.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
        let number = |key: &str| plan.get(key).and_then(serde_json::Value::as_f64).unwrap_or(0.0);
        let parallel = plan.get("Parallel Aware").and_then(serde_json::Value::as_bool) == Some(true);
        let node = text("Node Type")?;
        nodes.push(PlanNode {
            node: if parallel && node == "Seq Scan" { "Parallel Seq Scan".to_owned() } else { node },
            depth,
            schema: text("Schema"),
            relation: text("Relation Name"),
            index: text("Index Name"),
            has_filter: plan.get("Filter").is_some(),
            rows: number("Plan Rows"),
            cost: number("Total Cost"),
        });
        let below = plan.get("Plans").and_then(serde_json::Value::as_array).into_iter().flatten();
        open.extend(below.rev().map(|plan| (plan, depth + 1)));
    }
    Some(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_selects_are_planned() {
        assert_eq!(plain_select("select * from t where a = $1 and b = $2"), Ok(2));
        assert_eq!(plain_select("with a as (select 1) select * from a"), Ok(0));
        for text in [
            "select * from t for update",
            "select * from (select * from t for share) as x",
            "with d as (delete from t returning *) select * from d",
            "select * into x from t",
            "select 1; select 2",
            "update t set a = 1",
            "explain analyze select 1",
            "selec",
            "",
        ] {
            assert!(plain_select(text).is_err(), "{text}");
        }
    }

    #[test]
    fn plans_are_read_without_conditions() {
        let text = r#"[{"Plan": {"Node Type": "Limit", "Plan Rows": 1, "Total Cost": 2.5, "Plans": [
            {"Node Type": "Seq Scan", "Parallel Aware": true, "Schema": "public", "Relation Name": "t",
             "Filter": "(secret = 'canary')", "Plan Rows": 7}]}}]"#;
        let nodes = nodes(text).unwrap();
        assert_eq!((nodes[0].node.as_str(), nodes[1].node.as_str()), ("Limit", "Parallel Seq Scan"));
        assert!(nodes[1].has_filter && !format!("{nodes:?}").contains("canary"));
    }

    #[test]
    fn roles_with_different_search_paths_are_not_planned() {
        use crate::facts::setting_overrides::SettingOverride;
        use crate::testing::{Lab, rows};
        let mut lab = Lab::new();
        lab.statement("app", "select * from t", 5, 1.0);
        lab.statement("web", "select * from t", 5, 1.0);
        let path = |lab: &Lab| {
            let queries = crate::queries::aggregate(&lab.snapshot, None).unwrap();
            common_search_path(&lab.snapshot, &queries.queries[0])
        };
        assert_eq!(path(&lab).as_deref(), Ok("app, public"), "neither has a schema of its own");
        let own = lab.table("t", &["id"], 5.0);
        lab.table_row(own).schema = "web".into();
        assert_eq!(path(&lab).unwrap_err().because, "its roles have different search paths");
        lab.table_row(own).schema = "public".into();
        rows(&mut lab.snapshot.server.setting_overrides).push(SettingOverride {
            database: None,
            role: Some("web".into()),
            name: "search_path".into(),
            value: "sales".into(),
        });
        assert_eq!(path(&lab).unwrap_err().reason, Reason::Input);
    }

    #[test]
    fn the_search_path_is_the_roles_own() {
        use crate::facts::setting_overrides::SettingOverride;
        use crate::testing::{Lab, rows};
        let mut lab = Lab::new();
        assert_eq!(search_path(&lab.snapshot, Some("app"), "shop"), "app, public");
        rows(&mut lab.snapshot.server.setting_overrides).push(SettingOverride {
            database: None,
            role: Some("app".into()),
            name: "search_path".into(),
            value: "sales, \"Odd Name\"".into(),
        });
        assert_eq!(search_path(&lab.snapshot, Some("app"), "shop"), "sales, \"Odd Name\"");
        assert_eq!(search_path(&lab.snapshot, Some("other"), "shop"), "other, public");
    }
}
