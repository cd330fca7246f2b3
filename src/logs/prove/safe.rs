//! What may be run: one `select` that takes no locks and makes no table, and calls nothing that PostgreSQL counts as
//! volatile. Names are looked up on the server, in every schema they may be found in; of a name that several functions have
//! all have to be harmless. Views and row security are looked into as the text itself is.

use crate::pg::{Parameter, ReadError, Session};
use std::collections::BTreeSet;

/// Views that are looked into at most.
const VIEWS: usize = 50;

/// The names in a statement, however they are used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Functions that it calls by their parentheses.
    called: BTreeSet<String>,
    /// All names of columns, functions, types and operators, and the schemas before them.
    all: BTreeSet<String>,
    /// Relations.
    relations: BTreeSet<String>,
}

impl Names {
    /// Of a text that may be run as far as the text alone can tell. As deep as the text nests.
    ///
    /// # Errors
    /// Why it may not be run.
    pub(super) fn of(text: &str) -> Result<Self, String> {
        let mut names = Self::default();
        names.add(text)?;
        Ok(names)
    }

    /// Adds those of another text.
    ///
    /// # Errors
    /// Why it may not be run.
    pub(super) fn add(&mut self, text: &str) -> Result<(), String> {
        let parsed = pg_query::parse(text, 0).map_err(|_| "its text does not parse")?;
        let [only] = parsed.protobuf.stmts.as_slice() else { return Err("it is more than one statement".to_owned()) };
        let is_select = only.stmt.as_ref().and_then(|node| node.node.as_ref()).map(pg_query::NodeEnum::to_ref);
        if !matches!(is_select, Some(pg_query::NodeRef::SelectStmt(_))) {
            return Err("it is not a select".to_owned());
        }
        let tree = serde_json::to_value(&parsed.protobuf).map_err(|_| "its tree cannot be walked")?;
        let mut open = vec![&tree];
        while let Some(node) = open.pop() {
            match node {
                serde_json::Value::Array(members) => open.extend(members),
                serde_json::Value::Object(fields) => {
                    for (name, value) in fields {
                        self.node(name, value)?;
                        open.push(value);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn node(&mut self, name: &str, node: &serde_json::Value) -> Result<(), String> {
        let refuse = |why: &str| Err(why.to_owned());
        let text = |field: &str| node.get(field).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty());
        match name {
            "InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt" => return refuse("a part of it changes rows"),
            "LockingClause" => return refuse("it locks rows"),
            "into_clause" | "IntoClause" if !node.is_null() => return refuse("it makes a table"),
            "String" => self.all.extend(text("sval").map(str::to_owned)),
            "FuncCall" => {
                let parts = node.get("funcname").and_then(serde_json::Value::as_array);
                let last = parts.and_then(|parts| parts.last()?.pointer("/node/String/sval")?.as_str());
                let Some(last) = last else { return refuse("it calls something without a name") };
                self.called.insert(last.to_owned());
            }
            // the tree has relations both as nodes and as fields of others
            _ if node.get("relname").is_some() => {
                self.relations.extend(text("relname").map(str::to_owned));
                self.all.extend(text("schemaname").map(str::to_owned));
            }
            _ => {}
        }
        Ok(())
    }
}

crate::row! {
    /// Something that stands in the way.
    struct Harm {
        /// Its name, as a sentence has it.
        name: String,
    }
}

crate::row! {
    /// A relation that a statement may read.
    struct Relation {
        /// `r`, `v`, …
        kind: char,
        /// Its name.
        name: String,
        /// What it selects, of a view.
        text: Option<String>,
        /// The conditions of its row security.
        policies: Vec<String>,
    }
}

/// Volatile functions, volatile operators, aggregates of volatile functions, and volatile casts. `$1` what is called, `$2`
/// all names, `$3` the schemas that are searched. Read with a search path of `pg_catalog`, so that nobody's operators are
/// those of this text, and views come with their names qualified.
const HARM: &str = "\
with s as (
  select n.oid from pg_catalog.pg_namespace as n
  where n.nspname::pg_catalog.text = any ($3) or n.nspname::pg_catalog.text = any ($2)
)
select p.proname || '() is volatile' as name
from pg_catalog.pg_proc as p
left join pg_catalog.pg_type as a on a.oid = p.proargtypes[0]
where p.pronamespace in (select s.oid from s)
  and p.proname::pg_catalog.text = any ($2)
  and (
    p.provolatile = 'v'
    or exists (
      select from pg_catalog.pg_aggregate as g
      join pg_catalog.pg_proc as t on t.oid in (g.aggtransfn, g.aggfinalfn, g.aggmtransfn, g.aggmfinalfn)
      where g.aggfnoid = p.oid and t.provolatile = 'v'
    )
  )
  and (
    p.proname::pg_catalog.text = any ($1)
    or (p.pronargs - p.pronargdefaults <= 1 and p.pronargs > 0 and (a.typtype in ('c', 'p')))
  )
union all
select 'the operator ' || o.oprname || ' is volatile'
from pg_catalog.pg_operator as o
join pg_catalog.pg_proc as p on p.oid = o.oprcode
where o.oprname::pg_catalog.text = any ($2) and p.provolatile = 'v' and o.oprnamespace in (select s.oid from s)
union all
select 'the cast function ' || p.proname || '() is volatile'
from pg_catalog.pg_cast as c
join pg_catalog.pg_proc as p on p.oid = c.castfunc
where p.provolatile = 'v'
limit 1";

/// The relations of these names. `$1` names, `$2` schemas among other names, `$3` the schemas that are searched.
const RELATIONS: &str = "\
select c.relkind as kind, c.relname::pg_catalog.text as name,
  case when c.relkind in ('v', 'm') then pg_catalog.pg_get_viewdef(c.oid) end as text,
  array(
    select pg_catalog.pg_get_expr(p.polqual, p.polrelid) from pg_catalog.pg_policy as p
    where p.polrelid = c.oid and p.polqual is not null and c.relrowsecurity
  ) as policies
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relname::pg_catalog.text = any ($1)
  and (n.nspname::pg_catalog.text = any ($3) or n.nspname::pg_catalog.text = any ($2))
  and c.relkind in ('r', 'v', 'm', 'f', 'p')
limit 1000";

/// Why something has not been run.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It must not be.
    Harm(String),
    /// It could not be found out whether it may be.
    Read(ReadError),
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// Looks the names up on the server, those behind views and row security too. `schemas` are those that a name without one
/// is searched in.
///
/// # Errors
/// Why what the names stand in may not be run.
pub(super) async fn check(session: &mut Session, mut names: Names, schemas: &[String]) -> Result<(), Refusal> {
    let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>();
    let mut looked_into = BTreeSet::new();
    loop {
        let fresh: Vec<String> = names.relations.difference(&looked_into).cloned().collect();
        if fresh.is_empty() {
            break;
        }
        looked_into.extend(fresh.iter().cloned());
        if looked_into.len() > VIEWS {
            return Err(Refusal::Harm("it reads too many relations to look into all of them".to_owned()));
        }
        let all = list(&names.all);
        let parameters = [Parameter::Texts(&fresh), Parameter::Texts(&all), Parameter::Texts(schemas)];
        let found: Vec<Relation> = session.read(RELATIONS, &parameters).await?;
        let mut behind = Vec::new();
        for relation in found {
            if relation.kind == 'f' {
                return Err(Refusal::Harm(format!("{} is a foreign table: it reads somewhere else", relation.name)));
            }
            // what a materialised view selects is not run when it is read
            behind.extend(relation.text.filter(|_| relation.kind == 'v').map(|text| (relation.name.clone(), text)));
            let policy = |text: String| (relation.name.clone(), format!("select {text}"));
            behind.extend(relation.policies.into_iter().map(policy));
        }
        names = deep(names, behind).map_err(Refusal::Harm)?;
    }
    let (called, all) = (list(&names.called), list(&names.all));
    let parameters = [Parameter::Texts(&called), Parameter::Texts(&all), Parameter::Texts(schemas)];
    match session.read::<Harm>(HARM, &parameters).await?.pop() {
        Some(harm) => Err(Refusal::Harm(harm.name)),
        None => Ok(()),
    }
}

/// Adds the names of what stands behind views and row security.
fn deep(mut names: Names, texts: Vec<(String, String)>) -> Result<Names, String> {
    if texts.is_empty() {
        return Ok(names);
    }
    super::on_large_stack(move || {
        for (relation, text) in texts {
            names.add(&text).map_err(|why| format!("behind {relation}: {why}"))?;
        }
        Ok(names)
    })
    .unwrap_or_else(|| Err("views could not be looked into".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_select_that_takes_nothing_may_be_run() {
        for (text, why) in [
            ("select * from t for update", "locks"),
            ("select * from (select * from t for share) as x", "locks"),
            ("select (select a from t for no key update)", "locks"),
            ("with d as (delete from t returning *) select * from d", "changes"),
            ("with d as (insert into t values (1) returning *) select * from d", "changes"),
            ("select * into x from t", "makes a table"),
            ("select 1; select 2", "more than one"),
            ("update t set a = 1", "not a select"),
            ("explain analyze select 1", "not a select"),
            ("do $$ begin end $$", "not a select"),
            ("selec", "parse"),
            ("", "more than one"),
        ] {
            let found = Names::of(text).unwrap_err();
            assert!(found.contains(why), "{text}: {found}");
        }
        for text in ["select 1", "values (1)", "table t", "select a from t union select b from u order by 1"] {
            assert!(Names::of(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn every_name_is_seen_wherever_it_stands() {
        let text = "with q as (select s1.f1(a) from r1) \
            select count(*) filter (where f2(b) > 1), sum(c) over (partition by f3(d)), t.f4, (r).f5, x ~~~ y, \
              array(select f6(1)), case when f7() then 1 end, coalesce(f8(1), 2), z operator(s2.@@@) z, \
              cast(a as s3.t1), f9(a => f10(1)) \
            from only s4.r2 as t join lateral f11(1) as l on f12(1) cross join q \
            where (a, b) in (select f13(1), 2 from r3) group by grouping sets ((f14(1)), ()) having f15() \
            window w as (order by f16(1)) order by f17(1) using <<< limit f18() offset f19()";
        let names = Names::of(text).unwrap();
        for number in [1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19] {
            assert!(names.called.contains(&format!("f{number}")), "f{number} in {names:?}");
        }
        for name in ["f4", "f5", "s1", "s2", "s3", "s4", "t1", "~~~", "@@@", "<<<"] {
            assert!(names.all.contains(name), "{name} in {names:?}");
        }
        assert!(["r1", "r2", "r3", "q"].iter().all(|name| names.relations.contains(*name)), "{names:?}");
        let sampled = Names::of("select * from t tablesample f20(f21(1)) repeatable (f22())").unwrap();
        assert!(["f21", "f22"].iter().all(|name| sampled.called.contains(*name)), "{sampled:?}");
        assert!(sampled.all.contains("f20"));
    }
}
