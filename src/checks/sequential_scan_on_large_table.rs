//! Sequential scan on a large table in a hot path
//!
//! ## Why it matters
//! A sequential scan reads the whole table, so it takes twice as long when the table is twice as large; run often, it
//! pushes everything else out of the cache.
//!
//! ## How it is decided
//! The table has more rows than the limit (the greater of the planner's estimate and the counter), its sequential scans
//! read more than the limit each on average, and there are enough of them a day, by the lower bound of their rate in a
//! known window: *medium*. Where there certainly are fewer, *low*: a report or a dump may be right to read everything.
//! Where the window does not tell, the table is not judged; counts of less than a day are taken as a sample of it.
//! Tables that are not large are no subjects of it.
//! A partitioned table is judged once: one statement may scan many partitions, so its scans are known as bounds.
//! The statements are named by their plans where plans are known (`--plans`: a sequential scan that throws rows away),
//! else by their text, which is a guess and says so.
//!
//! ## What to do
//! Look at the plans of the statements named, and index what they filter on, if they return few of the rows. An index in
//! the hint is a candidate from the text of one statement, not verified.
//!
//! ## Limits
//! Counters cannot tell a scan that throws most rows away from one that returns them all, which is the right plan for that;
//! nor which role scanned. Each worker of a parallel scan counts as one scan of its share, and a statement with `limit` may
//! stop early: both lower the rows of a scan. Building an index and checking a constraint count as scans.

use super::context::load;
use super::prelude::*;
use crate::facts::table_stats::TableStats;
use crate::facts::tables::Table;
use crate::fingerprint::StatementKind;
use crate::queries::{QueryStats, counted};
use crate::statement_shape::{Shape, shapes};
use crate::time::Timestamp;
use crate::window::{Daily, Span, SpanKind};
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};

/// A large table that is often read from end to end.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "sequential-scan-on-large-table",
        category: Category::Queries,
        severity: Severity::Medium,
        source: include_str!("sequential_scan_on_large_table.rs"),
    },
    params: &[&LARGE_TABLE, &HOT],
    run: Run::Database(run),
};

static LARGE_TABLE: Param = Param {
    name: "large_table_rows",
    doc: "a table, and what one scan reads of it, is large from so many rows on; the checklist's own figure",
    default: 10_000.0,
    unit: Unit::Rows,
};

static HOT: Param = Param {
    name: "hot_scans_per_day",
    doc: "a path is hot from so many scans a day on; the checklist leaves it open, this is four an hour around the clock",
    default: 100.0,
    unit: Unit::PerDay,
};

/// How many statements are named with a finding.
const NAMED: usize = 5;

/// Sequential scans of a table in the window.
#[derive(Debug, Clone, Copy, Default)]
struct Scans {
    /// Scans of the table's parts, together.
    all: i64,
    /// Scans of the part that was scanned most: so many statements there were at least.
    most: i64,
    /// Rows they read.
    rows: i64,
    /// The last of them.
    last: Option<Timestamp>,
}

/// What names the statements behind a finding; made once, when there is a finding. The maps lead to places in `load`.
struct Suspects {
    load: Vec<QueryStats>,
    shapes: Vec<Option<Shape>>,
    /// By schema, where the plan says one, and name: the statements whose plans scan the relation and throw rows away.
    scanning: HashMap<(Option<String>, String), Vec<usize>>,
    /// By `schema.name` or name: the statements that read the table, as far as their texts tell.
    mentioning: HashMap<String, Vec<usize>>,
}

impl Suspects {
    fn new(cx: &DatabaseContext<'_>) -> Self {
        let load = load::of_database(cx).unwrap_or_default();
        let texts: Vec<&str> = load.iter().map(|query| query.text.as_str()).collect();
        let shapes = shapes(&texts);
        let places: HashMap<&str, usize> =
            load.iter().enumerate().map(|(place, query)| (query.fingerprint.as_str(), place)).collect();
        let mut scanning: HashMap<_, Vec<usize>> = HashMap::new();
        for plan in cx.database.plans.ok().into_iter().flatten() {
            let Some(place) = places.get(plan.fingerprint.as_str()) else { continue };
            for node in plan.filtered_scans() {
                if let Some(relation) = &node.relation {
                    scanning.entry((node.schema.clone(), relation.clone())).or_default().push(*place);
                }
            }
        }
        let mut mentioning: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, (query, shape)) in load.iter().zip(&shapes).enumerate() {
            if reads(query) {
                for table in shape.iter().flat_map(|shape| &shape.tables) {
                    mentioning.entry(table.clone()).or_default().push(place);
                }
            }
        }
        Self { load, shapes, scanning, mentioning }
    }

    /// The statements at these places, each once, in the order of the load: most expensive first.
    fn at<'s>(&'s self, places: impl Iterator<Item = &'s usize>) -> Vec<(&'s QueryStats, Option<&'s Shape>)> {
        let places: BTreeSet<usize> = places.copied().collect();
        places.into_iter().map(|place| (&self.load[place], self.shapes[place].as_ref())).collect()
    }

    /// Those whose plans scan one of these tables.
    fn scanning(&self, tables: &[&Table]) -> Vec<(&QueryStats, Option<&Shape>)> {
        let keys = tables
            .iter()
            .flat_map(|table| [(Some(table.schema.clone()), table.name.clone()), (None, table.name.clone())]);
        self.at(keys.filter_map(|key| self.scanning.get(&key)).flatten())
    }

    /// Those whose texts name the table.
    fn mentioning(&self, table: &Table) -> Vec<(&QueryStats, Option<&Shape>)> {
        let names = [format!("{}.{}", table.schema, table.name), table.name.clone()];
        self.at(names.iter().filter_map(|name| self.mentioning.get(name)).flatten())
    }
}

/// Whether a statement reads what it names.
fn reads(query: &QueryStats) -> bool {
    matches!(query.kind, StatementKind::Select | StatementKind::Update | StatementKind::Delete | StatementKind::Merge)
}

struct Judge<'a, 'b> {
    cx: &'b DatabaseContext<'a>,
    span: Span,
    before: HashMap<u32, &'a TableStats>,
    suspects: OnceCell<Suspects>,
}

fn run(cx: &DatabaseContext<'_>) -> Result<Verdict, Missing> {
    let tables = cx.database.tables.read()?;
    cx.database.table_stats.read()?;
    cx.database.inheritance.read()?;
    let span = cx.span()?;
    let before = cx.before().filter(|_| span.kind == SpanKind::Snapshots).and_then(|before| before.table_stats.ok());
    let judge = Judge {
        cx,
        span,
        before: before.into_iter().flatten().map(|stats| (stats.oid, stats)).collect(),
        suspects: OnceCell::new(),
    };
    let limit = cx.param(&CHECK.meta, &LARGE_TABLE);
    let mut verdict = Verdict::default();
    for table in tables {
        // a partition is judged with its table; a foreign table is scanned elsewhere
        if table.owned_by_extension || table.is_partition || table.kind == 'f' {
            continue;
        }
        let parts = judge.parts(table);
        let size = judge.size(&parts);
        if parts.is_empty() || size.is_some_and(|rows| rows <= limit) {
            continue;
        }
        match judge.table(table, &parts, size) {
            Ok(finding) => {
                verdict.examine();
                verdict.findings.extend(finding);
            }
            Err(missing) => verdict.cannot_tell(cx.catalog.table_subject(table), missing),
        }
    }
    Ok(verdict)
}

impl Judge<'_, '_> {
    /// Judges a table that is large, or of which nobody knows.
    fn table(&self, table: &Table, parts: &[u32], size: Option<f64>) -> Result<Option<Finding>, Missing> {
        let cx = self.cx;
        let limit = cx.param(&CHECK.meta, &LARGE_TABLE);
        let hot = cx.param(&CHECK.meta, &HOT);
        let scans = self.scans(parts)?;
        let rate = Daily {
            at_least: self.span.daily(scans.most as f64).at_least,
            at_most: self.span.daily(scans.all as f64).at_most,
        };
        let open = |because: String| {
            Err(Missing::new("window", Reason::Observation, because)
                .unlocked_by("take two snapshots: pgassay audit --since OLD, or --watch 5m"))
        };
        if scans.all <= 0 {
            return match rate.reaches(hot) {
                Some(false) => Ok(None),
                _ => open("no scan was counted, in a window too short to tell".to_owned()),
            };
        }
        // of one statement: if each scanned one part, and if each scanned them all
        let (least_rows, most_rows) = (scans.rows as f64 / scans.all as f64, scans.rows as f64 / scans.most as f64);
        if most_rows <= limit {
            return Ok(None);
        }
        if least_rows <= limit {
            return open("nothing tells how many of its partitions one statement scans".to_owned());
        }
        let Some(is_hot) = rate.reaches(hot) else {
            return open(format!("the window does not tell whether it is scanned {}", humane(hot, &Unit::PerDay)));
        };
        let name = format!("{}.{}", table.schema, table.name);
        let read = humane(least_rows, &Unit::Rows);
        let message = if is_hot {
            format!(
                "{name} is scanned sequentially at least {}, {read} rows each",
                humane(rate.at_least, &Unit::PerDay)
            )
        } else {
            format!("{name} is scanned sequentially now and then, {read} rows each")
        };
        let finding = Finding::new(&CHECK.meta, cx.catalog.table_subject(table), message)
            .severity(if is_hot { Severity::Medium } else { Severity::Low })
            .count("sequential_scans", scans.all, Unit::Count)
            .number("scans_per_day_at_least", rate.at_least, Unit::PerDay)
            .number("rows_per_scan", least_rows, Unit::Rows)
            .number("threshold", limit, Unit::Rows)
            .number("hot_threshold", hot, Unit::PerDay)
            .text("window", self.span.describe());
        let finding = match rate.at_most {
            Some(most) => finding.number("scans_per_day_at_most", most, Unit::PerDay),
            None => finding,
        };
        let finding = match size {
            Some(rows) => finding.number("rows", rows, Unit::Rows),
            None => finding,
        };
        let finding = match self.index_scans(parts) {
            Some(by_index) if scans.all + by_index > 0 => {
                finding.number("share_of_scans", scans.all as f64 / (scans.all + by_index) as f64, Unit::Ratio)
            }
            _ => finding,
        };
        let finding = match scans.last {
            Some(at) => finding.text("last_sequential_scan", at.to_string()),
            None => finding,
        };
        Ok(Some(self.name_statements(table, parts, finding)))
    }

    /// The tables that store the rows: the leaves of a partitioned table, else the table itself.
    fn parts(&self, table: &Table) -> Vec<u32> {
        let catalog = self.cx.catalog;
        match table.kind {
            'p' => {
                let stored = |leaf: &u32| catalog.table(*leaf).is_some_and(|leaf| !matches!(leaf.kind, 'p' | 'f'));
                catalog.leaves(table.oid).into_iter().filter(stored).collect()
            }
            _ => vec![table.oid],
        }
    }

    /// Rows, where any part was ever counted. Of the parts alone: children by inheritance are tables of their own.
    fn size(&self, parts: &[u32]) -> Option<f64> {
        let known = parts.iter().filter_map(|part| {
            let estimate = self.cx.catalog.table(*part).map(|table| table.row_estimate).filter(|rows| *rows >= 0.0);
            let counted = self.cx.catalog.stats(*part).map(|stats| stats.live_rows as f64).filter(|rows| *rows > 0.0);
            match (estimate, counted) {
                (Some(estimate), Some(counted)) => Some(estimate.max(counted)),
                (estimate, counted) => estimate.or(counted),
            }
        });
        known.fold(None, |sum, rows| Some(sum.unwrap_or(0.0) + rows))
    }

    fn scans(&self, parts: &[u32]) -> Result<Scans, Missing> {
        let unknown = |because: &str| Err(Missing::new("table_stats", Reason::Observation, because));
        let mut scans = Scans::default();
        for part in parts {
            let Some(now) = self.cx.catalog.stats(*part) else {
                return unknown("it has no counters and was never counted");
            };
            let before = self.before.get(part);
            let earlier = before.map_or((0, 0), |before| (before.sequential_scans, before.sequential_rows));
            let (count, rows) = (now.sequential_scans - earlier.0, now.sequential_rows - earlier.1);
            if count < 0 || rows < 0 {
                return unknown("its counters were reset between the two snapshots");
            }
            scans.all += count;
            scans.most = scans.most.max(count);
            scans.rows += rows;
            scans.last = scans.last.max(now.last_sequential_scan);
        }
        Ok(scans)
    }

    /// Scans of its indexes in the window, where they were read.
    fn index_scans(&self, parts: &[u32]) -> Option<i64> {
        self.cx.database.index_stats.ok()?;
        let before = self.cx.before().filter(|_| self.span.kind == SpanKind::Snapshots);
        let before: HashMap<u32, i64> = match before {
            Some(before) => before.index_stats.ok()?.iter().map(|stats| (stats.oid, stats.scans)).collect(),
            None => HashMap::new(),
        };
        let indexes = parts.iter().flat_map(|part| self.cx.catalog.indexes(*part));
        let scans = indexes.filter_map(|index| {
            let now = self.cx.catalog.index_stats(index.oid)?.scans;
            Some((now - before.get(&index.oid).copied().unwrap_or(0)).max(0))
        });
        Some(scans.sum())
    }

    fn suspects(&self) -> &Suspects {
        self.suspects.get_or_init(|| Suspects::new(self.cx))
    }

    /// Names the statements behind the scans, and what could be done about them.
    fn name_statements(&self, table: &Table, parts: &[u32], finding: Finding) -> Finding {
        let suspects = self.suspects();
        let stored = parts.iter().filter_map(|part| self.cx.catalog.table(*part));
        let planned = suspects.scanning(&stored.chain([table]).collect::<Vec<_>>());
        let describe = |queries: &[(&QueryStats, Option<&Shape>)]| {
            let line = |query: &QueryStats| {
                format!("{} ({}): {}", query.fingerprint, counted(query.calls, "call"), short(&query.text))
            };
            queries.iter().take(NAMED).map(|(query, _)| line(query)).collect::<Vec<_>>()
        };
        if !planned.is_empty() {
            let finding =
                finding.list("statements", describe(&planned)).text("statements_known_by", "their generic plans");
            return match planned.iter().find_map(|(query, shape)| Some((query, self.candidate(table, (*shape)?)?))) {
                Some((query, columns)) => finding.fix(
                    format!(
                        "an index on what statement {} filters on is a candidate, not verified: check that it returns few \
                         of the rows, and its plan with the index, before building it",
                        query.fingerprint
                    ),
                    format!("create index concurrently on {} ({columns});", qualified(&table.schema, &table.name)),
                    Some(LockMode::ShareUpdateExclusive),
                ),
                None => finding.advice(
                    "look at the plans of these statements: index what they filter on, if they return few of the rows",
                ),
            };
        }
        let mentioning = suspects.mentioning(table);
        let finding = match mentioning.is_empty() {
            true => finding,
            false => finding.list("statements", describe(&mentioning)).text(
                "statements_known_by",
                "their text, which names the table: inferred, not all of them need scan it",
            ),
        };
        finding.advice(
            "find the statement that scans: run the audit with --plans, or look at the plans of what reads the table; index \
             what it filters on, if it returns few of the rows, and leave it where it needs them all",
        )
    }

    /// The columns an index could have, from what the text compares with parameters. None where some index begins with one
    /// of them, since then the planner had its reasons; nor for a partitioned table, which takes more than one statement.
    fn candidate(&self, table: &Table, shape: &Shape) -> Option<String> {
        let catalog = self.cx.catalog;
        let names = shape.equalities_of(&table.schema, &table.name);
        let columns: Option<Vec<_>> = names
            .iter()
            .map(|name| catalog.columns(table.oid).iter().find(|column| column.name == *name).copied())
            .collect();
        let columns = columns.filter(|columns| (1..=3).contains(&columns.len()) && table.kind != 'p')?;
        let begins = catalog.indexes(table.oid).iter().any(|index| {
            index.columns.first().is_some_and(|first| columns.iter().any(|column| column.number == *first))
        });
        (!begins).then(|| columns.iter().map(|column| quote(&column.name)).collect::<Vec<_>>().join(", "))
    }
}

/// The beginning of a text, for a list.
fn short(text: &str) -> String {
    const LENGTH: usize = 200;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::inheritance::Inheritance;
    use crate::facts::plans::{Plan, PlanNode};
    use crate::finding::Value;
    use crate::testing::{Lab, now, rows};

    const NOTHING: [&str; 0] = [];

    /// A table scanned so often in the ten days of the laboratory, each time from end to end.
    fn lab(rows: f64, scans: i64) -> (Lab, u32) {
        let mut lab = Lab::new();
        let table = lab.table("orders", &["id", "customer", "state"], rows);
        scan(&mut lab, table, scans, rows);
        (lab, table)
    }

    fn scan(lab: &mut Lab, table: u32, scans: i64, rows: f64) {
        let stats = lab.stats_row(table);
        stats.sequential_scans += scans;
        stats.sequential_rows += scans * rows as i64;
    }

    fn open(lab: &Lab) -> Vec<String> {
        lab.run(&CHECK).unwrap().unjudged.into_iter().map(|open| open.reason.because).collect()
    }

    #[test]
    fn size_rows_a_scan_and_rate_decide() {
        assert_eq!(lab(20_000.0, 1000).0.found(&CHECK), ["medium shop/public/orders"]);
        assert_eq!(lab(20_000.0, 999).0.found(&CHECK), ["low shop/public/orders"]);
        assert_eq!(lab(10_000.0, 100_000).0.found(&CHECK), NOTHING, "not large");
        let examined = |rows: f64| lab(rows, 100_000).0.run(&CHECK).unwrap().examined;
        assert_eq!((examined(4.0), examined(20_000.0)), (0, 1), "what is not large is no subject");
        assert_eq!(lab(20_000.0, 0).0.found(&CHECK), NOTHING);
        assert!(open(&lab(20_000.0, 0).0).is_empty());
        let (mut early, table) = lab(20_000.0, 1000);
        early.stats_row(table).sequential_rows = 1000;
        assert_eq!(early.found(&CHECK), NOTHING, "they stop early");
        let (mut crashed, table) = lab(20_000.0, 1000);
        crashed.stats_row(table).live_rows = 0;
        assert_eq!(crashed.found(&CHECK).len(), 1);
        crashed.table_row(table).row_estimate = -1.0;
        assert_eq!(crashed.found(&CHECK).len(), 1, "a scan that read so many rows has counted them");
    }

    #[test]
    fn a_table_without_any_index_is_found_too() {
        let finding = lab(20_000.0, 5000).0.run(&CHECK).unwrap().findings.remove(0);
        assert_eq!(finding.measured("share_of_scans"), Some(1.0));
        assert_eq!((finding.measured("threshold"), finding.measured("hot_threshold")), (Some(10_000.0), Some(100.0)));
        assert_eq!(finding.evidence, Evidence::Measured);
    }

    #[test]
    fn what_the_window_does_not_tell_is_not_judged() {
        let (mut lab, table) = lab(20_000.0, 5);
        let Some(stats) = rows(&mut lab.snapshot.server.database_stats).first_mut() else { panic!() };
        stats.stats_reset = Some(now().plus_seconds(-60.0));
        assert_eq!(lab.found(&CHECK), NOTHING);
        assert_eq!(open(&lab), ["the window does not tell whether it is scanned 100/day"]);
        scan(&mut lab, table, 95, 20_000.0);
        assert_eq!(lab.found(&CHECK), ["medium shop/public/orders"], "a hundred within a minute");
        let stats = lab.stats_row(table);
        (stats.sequential_scans, stats.sequential_rows) = (0, 0);
        assert_eq!(open(&lab), ["no scan was counted, in a window too short to tell"]);
        rows(&mut lab.snapshot.server.database_stats)[0].stats_reset = None;
        scan(&mut lab, table, 10_000, 20_000.0);
        assert_eq!(open(&lab), ["the window does not tell whether it is scanned 100/day"], "never reset: bounds only");
        rows(&mut lab.db().table_stats).clear();
        assert_eq!(open(&lab), ["it has no counters and was never counted"]);
    }

    #[test]
    fn two_snapshots_are_a_window() {
        let (mut lab, table) = lab(20_000.0, 100_000);
        let mut before = lab.snapshot.clone();
        before.captured_at = now().plus_seconds(-2.0 * 86_400.0);
        lab.before = Some(before);
        assert_eq!(lab.found(&CHECK), NOTHING, "nothing since");
        scan(&mut lab, table, 100, 20_000.0);
        assert_eq!(lab.found(&CHECK), ["low shop/public/orders"]);
        scan(&mut lab, table, 100, 20_000.0);
        assert_eq!(lab.found(&CHECK), ["medium shop/public/orders"]);
        // one table's counters reset: the sums still grow
        let other = lab.table("other", &["id"], 20_000.0);
        scan(&mut lab, other, 1_000_000, 1.0);
        lab.stats_row(table).sequential_scans = 5;
        assert_eq!(open(&lab), ["its counters were reset between the two snapshots"]);
    }

    #[test]
    fn a_partitioned_table_is_one() {
        let partitioned = |rows_each: f64, scans: i64| {
            let mut lab = Lab::new();
            let parent = lab.table("events", &["id"], 0.0);
            lab.table_row(parent).kind = 'p';
            rows(&mut lab.db().table_stats).clear();
            for number in 0..4 {
                let leaf = lab.table(&format!("events_{number}"), &["id"], rows_each);
                lab.table_row(leaf).is_partition = true;
                rows(&mut lab.db().inheritance).push(Inheritance { child_oid: leaf, parent_oid: parent });
                scan(&mut lab, leaf, scans, rows_each);
            }
            lab
        };
        assert_eq!(partitioned(20_000.0, 1000).found(&CHECK), ["medium shop/public/events"]);
        assert_eq!(partitioned(20_000.0, 100).found(&CHECK), ["low shop/public/events"]);
        assert_eq!(open(&partitioned(20_000.0, 300)).len(), 1, "between 30 and 120 a day");
        assert_eq!(open(&partitioned(5000.0, 1000)), ["nothing tells how many of its partitions one statement scans"]);
        assert_eq!(partitioned(2000.0, 1000).run(&CHECK).unwrap().examined, 0, "not large together");
    }

    fn plan(lab: &mut Lab, has_filter: bool) {
        let fingerprint = rows(&mut lab.snapshot.server.statements)[0].fingerprint.clone().unwrap();
        let node = PlanNode {
            node: "Seq Scan".into(),
            schema: Some("public".into()),
            relation: Some("orders".into()),
            has_filter,
            ..PlanNode::default()
        };
        rows(&mut lab.db().plans).push(Plan { fingerprint, nodes: Ok(vec![node]) });
    }

    fn known_by(finding: &Finding) -> Option<(usize, String)> {
        let value =
            |name: &str| finding.detail.iter().find(|measure| measure.name == name).map(|measure| &measure.value);
        match (value("statements")?, value("statements_known_by")?) {
            (Value::List(statements), Value::Text(by)) => Some((statements.len(), by.clone())),
            _ => None,
        }
    }

    #[test]
    fn plans_name_the_statement_and_a_candidate() {
        let (mut lab, table) = lab(20_000.0, 5000);
        lab.statement("app", "select * from orders where customer = 7 and \"state\" = 1", 5000, 9.0);
        lab.statement("app", "select * from orders where id = 7", 5000, 1.0);
        lab.statement("app", "insert into orders values (1, 2, 3)", 5000, 1.0);
        let finding = |lab: &Lab| lab.run(&CHECK).unwrap().findings.remove(0);
        let (count, by) = known_by(&finding(&lab)).unwrap();
        assert!(count == 2 && by.contains("inferred"), "{count} {by}");
        assert_eq!(finding(&lab).hint.unwrap().sql, None);
        plan(&mut lab, false);
        assert_eq!(known_by(&finding(&lab)).unwrap().0, 2, "a scan that returns all it reads proves nothing");
        rows(&mut lab.db().plans).clear();
        plan(&mut lab, true);
        assert_eq!(known_by(&finding(&lab)).unwrap(), (1, "their generic plans".into()));
        let hint = finding(&lab).hint.unwrap();
        assert_eq!(hint.sql.as_deref(), Some("create index concurrently on public.orders (customer, state);"));
        assert!(hint.text.contains("not verified"));
        lab.index(table, "i", &[2]);
        assert_eq!(finding(&lab).hint.unwrap().sql, None, "the planner had its reasons");
    }

    #[test]
    fn without_the_facts_there_is_no_verdict() {
        let mut lab = Lab::new();
        lab.db().table_stats = Default::default();
        assert!(lab.run(&CHECK).is_err());
    }
}
