//! Look-ups by key that follow another query, one for each row
//!
//! ## Why it matters
//! A list of a hundred rows and one more query for each of them is a hundred and one round trips, each cheap, together
//! slower than any index can mend; and the list grows.
//!
//! ## How it is decided
//! A look-up is a `select` from one table by a key that equals a parameter: its primary key, returning one row at most, or
//! a foreign key, returning few. It is suspected when it is called often, in the same window at least so many times as
//! often as a query on the other side of the key (the table the foreign key references; for a primary key, a table that
//! references it), for at least half of the rows that query returned and not more often than for each of them, with half
//! as much again allowed for. *Medium* when it says nothing but the key, over one window for both, and no query that
//! returns one row is called as often as it and would explain it as well; *low* otherwise.
//! Never more than *inferred*.
//!
//! ## What to do
//! Fetch what belongs to all the rows at once: a join, `where key = any ($1)`, or the mapper's eager loading.
//!
//! ## Limits
//! `pg_stat_statements` knows no sessions and no order, so the counts of two queries can agree by chance, and one that
//! follows several others agrees with none of them. Only a log of all statements proves it:
//! `pgassay logs FILES`. A list of many look-ups in one statement is none of them. Look-ups of which the application keeps more than
//! half in a cache of its own are not seen. Names without a schema are looked for in all schemas, and not judged where several have them. An import that
//! looks every row up is no request, and looks the same.

use super::context::load;
use super::prelude::*;
use crate::facts::tables::Table;
use crate::fingerprint::StatementKind;
use crate::queries::QueryStats;
use crate::statement_shape::{Shape, TableName, shapes};
use std::collections::HashMap;

/// Look-ups that come in the number of another query's rows.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "n-plus-one-suspected",
        category: Category::Queries,
        severity: Severity::Medium,
        source: include_str!("n_plus_one_suspected.rs"),
    },
    params: &[&CALLS_FOR_EACH, &MINIMUM_RATE, &FEW_ROWS],
    run: Run::Database(run),
};

static CALLS_FOR_EACH: Param = Param {
    name: "calls_for_each",
    doc: "look-ups for each call of the other query, at least; the checklist allows ten queries a request",
    default: 10.0,
    unit: Unit::Count,
};

static MINIMUM_RATE: Param = Param {
    name: "calls_per_day",
    doc: "a look-up called more rarely is not suspected; the checklist's own figure for a query that matters",
    default: 1000.0,
    unit: Unit::PerDay,
};

static FEW_ROWS: Param = Param {
    name: "few_rows",
    doc: "a look-up by foreign key returns so many rows at most on average; more is a list of its own",
    default: 100.0,
    unit: Unit::Rows,
};

/// Calls of a look-up for each row of the other query, at most: look-ups from elsewhere are among them.
const AT_MOST: f64 = 1.5;
/// … and at least: any look-up is called more rarely than an export returns rows.
const AT_LEAST: f64 = 0.5;

/// A query with what it looks up.
struct Known<'q> {
    query: &'q QueryStats,
    shape: Option<&'q Shape>,
}

/// A key that a look-up goes by, and the tables on the other side of it.
struct Key {
    column: String,
    is_primary: bool,
    others: Vec<u32>,
}

struct Names<'a>(HashMap<&'a str, Vec<&'a Table>>);

impl<'a> Names<'a> {
    /// The one table of a name; none where several schemas have it and the statement does not say which.
    fn resolve(&self, name: &TableName) -> Option<&'a Table> {
        let mut tables = self
            .0
            .get(name.name.as_str())?
            .iter()
            .filter(|table| name.schema.as_deref().is_none_or(|schema| schema == table.schema));
        tables.next().filter(|_| tables.next().is_none()).copied()
    }
}

fn run(cx: &DatabaseContext<'_>) -> Result<Verdict, Missing> {
    let tables = cx.database.tables.read()?;
    cx.database.constraints.read()?;
    cx.database.columns.read()?;
    let load = load::of_database(cx)?;
    let texts: Vec<&str> = load.iter().map(|query| query.text.as_str()).collect();
    let shapes = shapes(&texts);
    let known: Vec<Known<'_>> =
        load.iter().zip(&shapes).map(|(query, shape)| Known { query, shape: shape.as_ref() }).collect();
    let mut names = Names(HashMap::new());
    for table in tables {
        names.0.entry(table.name.as_str()).or_default().push(table);
    }
    let referencing = referencing(cx);
    let readers = readers(&known, tables);
    let minimum = cx.param(&CHECK.meta, &MINIMUM_RATE);
    let mut verdict = Verdict::default();
    for child in known.iter().filter(|child| child.query.kind == StatementKind::Select) {
        let rate = child.query.calls_per_day().reaches(minimum);
        if rate == Some(false) {
            verdict.examine();
            continue;
        }
        let subject = || Subject::query(&child.query.database, &child.query.fingerprint, &child.query.text);
        let Some(shape) = child.shape.filter(|shape| shape.is_complete) else {
            let because = "its text does not parse, so what it looks up is not known";
            verdict.cannot_tell(subject(), Missing::new("statements", Reason::Observation, because));
            continue;
        };
        let suspicion = suspect(cx, child.query, shape, &names, &readers, &referencing);
        match (suspicion, rate) {
            (Some(finding), Some(_)) => {
                verdict.examine();
                verdict.find(finding);
            }
            (Some(_), None) => verdict.cannot_tell(
                subject(),
                Missing::new(
                    "window",
                    Reason::Observation,
                    format!("the window does not tell whether it is called {}", humane(minimum, &Unit::PerDay)),
                )
                .unlocked_by("take two snapshots: pgassay audit --since OLD, or --watch 5m"),
            ),
            (None, _) => verdict.examine(),
        }
    }
    load::note_unseen(cx, &load, &mut verdict);
    Ok(verdict)
}

/// The tables with a foreign key to each table.
fn referencing(cx: &DatabaseContext<'_>) -> HashMap<u32, Vec<u32>> {
    let mut referencing: HashMap<u32, Vec<u32>> = HashMap::new();
    for constraint in cx.database.constraints.ok().into_iter().flatten() {
        if constraint.r#type == 'f' && constraint.parent_oid == 0 {
            referencing.entry(constraint.referenced_table_oid).or_default().push(constraint.table_oid);
        }
    }
    referencing
}

/// The keys a query looks one table up by.
fn keys(cx: &DatabaseContext<'_>, table: &Table, columns: &[&str], referencing: &HashMap<u32, Vec<u32>>) -> Vec<Key> {
    let mut keys = Vec::new();
    for name in columns {
        let Some(column) = cx.catalog.columns(table.oid).iter().find(|column| column.name == *name) else { continue };
        let mut others = Vec::new();
        let mut is_primary = false;
        for constraint in cx.catalog.constraints(table.oid) {
            match (constraint.r#type, constraint.columns.as_deref()) {
                ('p', Some([only])) if *only == column.number => is_primary = true,
                ('f', Some([first, ..])) if *first == column.number => others.push(constraint.referenced_table_oid),
                _ => {}
            }
        }
        if is_primary {
            others.extend(referencing.get(&table.oid).into_iter().flatten());
        }
        if !others.is_empty() {
            keys.push(Key { column: (*name).to_owned(), is_primary, others });
        }
    }
    keys
}

fn suspect(
    cx: &DatabaseContext<'_>,
    child: &QueryStats,
    shape: &Shape,
    names: &Names<'_>,
    readers: &HashMap<u32, Vec<&Known<'_>>>,
    referencing: &HashMap<u32, Vec<u32>>,
) -> Option<Finding> {
    let single = shape.single.as_ref()?;
    let table = names.resolve(&single.table).filter(|table| !table.owned_by_extension)?;
    let columns = shape.equalities_of(&table.schema, &table.name);
    let few = cx.param(&CHECK.meta, &FEW_ROWS);
    let times = cx.param(&CHECK.meta, &CALLS_FOR_EACH);
    let mut best: Option<(f64, &QueryStats, Key, &Table)> = None;
    for key in keys(cx, table, &columns, referencing) {
        // a key with a hair more than a row a call is no primary key's look-up, whatever the text says
        if child.rows_per_call() > if key.is_primary { 1.0 } else { few } {
            continue;
        }
        for other in key.others.iter().filter_map(|other| cx.catalog.table(*other)) {
            let parents = readers.get(&other.oid).into_iter().flatten();
            // one that reads the table of the look-ups too has no need of them
            let drives = |parent: &&&Known<'_>| {
                parent.query.fingerprint != child.fingerprint
                    && (other.oid == table.oid
                        || !parent.shape.is_some_and(|shape| shape.mentions(&table.schema, &table.name)))
            };
            for parent in parents.filter(drives) {
                let (calls, rows) = (parent.query.calls as f64, parent.query.rows as f64);
                let share = child.calls as f64 / rows;
                if (child.calls as f64) < times * calls || !(AT_LEAST..=AT_MOST).contains(&share) {
                    continue;
                }
                // the one whose rows agree best
                let distance = share.ln().abs();
                if best.as_ref().is_none_or(|(known, ..)| distance < known.ln().abs()) {
                    let key = Key { column: key.column.clone(), is_primary: key.is_primary, others: Vec::new() };
                    best = Some((share, parent.query, key, other));
                }
            }
        }
    }
    let (share, parent, key, other) = best?;
    let one_window = same_window(child, parent);
    // a query on the other table that is called as often, one row each time, explains the look-ups as well
    let is_explained = readers.get(&other.oid).into_iter().flatten().any(|page| {
        let ratio = page.query.calls as f64 / child.calls as f64;
        page.query.fingerprint != child.fingerprint
            && (0.8..=1.25).contains(&ratio)
            && page.query.rows_per_call() <= 1.0
    });
    let is_strong = !is_explained && one_window && columns.len() == 1 && !single.has_other_conditions;
    let subject = Subject {
        kind: SubjectKind::QueryGroup,
        parent_fingerprint: Some(parent.fingerprint.clone()),
        ..Subject::query(&child.database, &child.fingerprint, &child.text)
    };
    let each = child.calls as f64 / parent.calls as f64;
    let message = format!(
        "{}.{} is looked up by {} about {} times for each call of a query on {}.{}",
        table.schema,
        table.name,
        key.column,
        humane(each, &Unit::Count),
        other.schema,
        other.name
    );
    let finding = Finding::new(&CHECK.meta, subject, message)
        .severity(if is_strong { Severity::Medium } else { Severity::Low })
        .evidence(Evidence::Inferred)
        .count("calls", child.calls, Unit::Count)
        .count("parent_calls", parent.calls, Unit::Count)
        .count("parent_rows", parent.rows, Unit::Rows)
        .number("calls_for_each_call", each, Unit::Count)
        .number("threshold", times, Unit::Count)
        .number("calls_for_each_row", share, Unit::Ratio)
        .number("rows_per_call", child.rows_per_call(), Unit::Rows)
        .number("total_time", child.total_ms, Unit::Milliseconds)
        .text("key", if key.is_primary { "primary key" } else { "foreign key" })
        .text("parent_query", parent.text.clone())
        .text("window", child.span.describe());
    let finding = if one_window { finding } else { finding.text("parent_window", parent.span.describe()) };
    Some(finding.advice(format!(
        "if one request does both, fetch the rows for all at once: a join, where {} = any ($1), or the mapper's eager \
         loading; a log of all statements proves or refutes it: pgassay logs FILES",
        quote(&key.column)
    )))
}

/// The queries that read each table, by what their texts name.
fn readers<'k, 'q>(known: &'k [Known<'q>], tables: &[Table]) -> HashMap<u32, Vec<&'k Known<'q>>> {
    let mut oids: HashMap<String, Option<u32>> = HashMap::new();
    for table in tables {
        oids.insert(format!("{}.{}", table.schema, table.name), Some(table.oid));
        // a name that several schemas have says nothing by itself
        oids.entry(table.name.clone()).and_modify(|known| *known = None).or_insert(Some(table.oid));
    }
    let mut readers: HashMap<u32, Vec<&Known<'_>>> = HashMap::new();
    for query in known.iter().filter(|known| known.query.kind == StatementKind::Select) {
        for table in query.shape.iter().flat_map(|shape| &shape.tables) {
            if let Some(Some(oid)) = oids.get(table) {
                readers.entry(*oid).or_default().push(query);
            }
        }
    }
    readers
}

/// Whether the counts of two queries began together, but for a twentieth of the time. Where their windows are bounds,
/// nothing says so.
fn same_window(a: &QueryStats, b: &QueryStats) -> bool {
    let (a, b) = (&a.span, &b.span);
    if a == b {
        return true;
    }
    a.is_exact() && b.is_exact() && (a.at_least - b.at_least).abs() <= 0.05 * a.at_least.max(b.at_least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::constraints::Constraint;
    use crate::testing::{Lab, now, rows};

    const LIST: &str = "select * from orders where state = 1";
    const BY_FOREIGN_KEY: &str = "select * from items where order_id = 1";
    const BY_PRIMARY_KEY: &str = "select * from customers where id = 1";

    /// Orders with items, of customers.
    fn lab() -> Lab {
        let mut lab = Lab::new();
        let customers = lab.table("customers", &["id", "name"], 1000.0);
        let orders = lab.table("orders", &["id", "customer_id", "state"], 100_000.0);
        let items = lab.table("items", &["id", "order_id", "note"], 1_000_000.0);
        lab.foreign_key("items_order", (items, &[2]), (orders, &[1]));
        lab.foreign_key("orders_customer", (orders, &[2]), (customers, &[1]));
        for table in [customers, orders, items] {
            rows(&mut lab.db().constraints).push(Constraint {
                oid: table + 1000,
                table_oid: table,
                name: "pkey".into(),
                r#type: 'p',
                columns: Some(vec![1]),
                ..Constraint::default()
            });
        }
        lab
    }

    fn query(lab: &mut Lab, text: &str, calls: i64, rows: i64) -> String {
        lab.statement("app", text, calls, 1.0).rows = rows;
        crate::testing::rows(&mut lab.snapshot.server.statements).last().unwrap().fingerprint.clone().unwrap()
    }

    /// The severity of what is found when the child is called so often, after a list of 1000 calls and 50,000 rows.
    fn found(child: &str, calls: i64, child_rows: i64) -> Vec<String> {
        let mut lab = lab();
        let parent = query(&mut lab, LIST, 1000, 50_000);
        let child = query(&mut lab, child, calls, child_rows);
        let end = format!(" shop/{parent}/{child}");
        lab.found(&CHECK).into_iter().map(|key| key.strip_suffix(&end).unwrap_or(&key).to_owned()).collect()
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn look_ups_in_the_number_of_the_rows() {
        assert_eq!(found(BY_FOREIGN_KEY, 50_000, 150_000), ["medium"]);
        assert_eq!(found(BY_PRIMARY_KEY, 50_000, 50_000), ["medium"]);
        assert_eq!(found("select * from items where order_id in (1) limit 5", 50_000, 9), ["medium"]);
        assert_eq!(found("select count(*) from public.items i where i.order_id = 1", 50_000, 9), ["medium"]);
        assert_eq!(found("select * from items where order_id = 1 and note is null", 50_000, 9), ["low"]);
    }

    #[test]
    fn counts_that_do_not_agree() {
        assert_eq!(found(BY_PRIMARY_KEY, 9999, 9999), NOTHING, "less than ten for each call");
        assert_eq!(found(BY_PRIMARY_KEY, 24_999, 24_999), NOTHING, "less than half of the rows");
        assert_eq!(found(BY_PRIMARY_KEY, 25_000, 25_000), ["medium"]);
        assert_eq!(found(BY_PRIMARY_KEY, 75_001, 75_001), NOTHING, "more than there were rows");
        assert_eq!(found(BY_FOREIGN_KEY, 50_000, 5_050_000), NOTHING, "lists of their own");
        assert_eq!(found(BY_PRIMARY_KEY, 50_000, 60_000), NOTHING, "no primary key's look-up");
    }

    #[test]
    fn statements_that_are_no_look_up() {
        for text in [
            "select * from items where note = 1",
            "select * from items where order_id = any('{1}')",
            "select * from items where order_id > 1",
            "select * from items where order_id in ($1 /*, ... */)",
            "select * from items i join orders o on o.id = i.order_id where i.order_id = 1",
            "update items set note = 1 where order_id = 1",
            "select * from elsewhere where id = 1",
        ] {
            assert_eq!(found(text, 50_000, 9), NOTHING, "{text}");
        }
    }

    #[test]
    fn an_export_does_not_make_every_look_up_suspect() {
        let mut lab = lab();
        query(&mut lab, "select * from orders", 1, 200_000);
        query(&mut lab, BY_PRIMARY_KEY, 20_000, 20_000);
        query(&mut lab, BY_FOREIGN_KEY, 30_000, 60_000);
        assert!(lab.found(&CHECK).is_empty());
    }

    #[test]
    fn other_explanations() {
        let mut lab = lab();
        query(
            &mut lab,
            "select * from orders o join customers c on c.id = o.customer_id where o.state = 1",
            1000,
            50_000,
        );
        let child = query(&mut lab, BY_PRIMARY_KEY, 50_000, 50_000);
        assert!(lab.found(&CHECK).is_empty(), "it has the customers already");
        let parent = query(&mut lab, LIST, 1000, 50_000);
        assert_eq!(lab.found(&CHECK), [format!("medium shop/{parent}/{child}")]);
        query(&mut lab, "select * from orders where id = 1", 49_000, 49_000);
        assert_eq!(lab.found(&CHECK), [format!("low shop/{parent}/{child}")], "a page with its owner");
    }

    #[test]
    fn a_finding_names_both_and_is_inferred() {
        let mut lab = lab();
        query(&mut lab, "select * from orders limit 1", 3, 3);
        let parent = query(&mut lab, LIST, 1000, 50_000);
        let child = query(&mut lab, BY_FOREIGN_KEY, 49_000, 49_000);
        let finding = lab.run(&CHECK).unwrap().findings.remove(0);
        assert_eq!(finding.evidence, Evidence::Inferred);
        assert_eq!(finding.subject.kind, SubjectKind::QueryGroup);
        assert_eq!(
            (finding.subject.parent_fingerprint.clone(), finding.subject.fingerprint.clone()),
            (Some(parent), Some(child))
        );
        assert_eq!(finding.measured("calls_for_each_call"), Some(49.0));
    }

    #[test]
    fn windows_must_be_the_same_and_known() {
        let mut lab = lab();
        query(&mut lab, LIST, 1000, 50_000);
        query(&mut lab, BY_FOREIGN_KEY, 50_000, 50_000);
        let since = |lab: &mut Lab, index: usize, days: f64| {
            let statements = rows(&mut lab.snapshot.server.statements);
            statements[index].counters.since = Some(now().plus_seconds(-days * 86_400.0));
        };
        since(&mut lab, 0, 2.0);
        assert!(lab.found(&CHECK)[0].starts_with("low "), "the list was seen for a shorter time");
        since(&mut lab, 1, 2.0);
        assert!(lab.found(&CHECK)[0].starts_with("medium "));
        lab.params.set(CHECK.meta.id, "calls_per_day", 50_000.0);
        assert!(lab.found(&CHECK).is_empty());
        rows(&mut lab.snapshot.server.statements)[1].counters.since = Some(now().plus_seconds(-3600.0));
        lab.params.set(CHECK.meta.id, "calls_per_day", 60_000.0);
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.findings.len(), verdict.unjudged.len()), (0, 1));
    }

    #[test]
    fn a_name_in_several_schemas_is_nobodys() {
        let mut lab = lab();
        let copy = lab.table("items", &["id"], 5.0);
        lab.table_row(copy).schema = "archive".into();
        let parent = query(&mut lab, LIST, 1000, 50_000);
        query(&mut lab, BY_FOREIGN_KEY, 50_000, 50_000);
        assert!(lab.found(&CHECK).is_empty());
        let child = query(&mut lab, "select id from public.items where order_id = 1", 50_000, 50_000);
        assert_eq!(lab.found(&CHECK), [format!("medium shop/{parent}/{child}")]);
    }
}
