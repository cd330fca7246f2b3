//! What each check costs on schemas made to be hard on it, and how that grows: `cargo bench --bench hard_shapes`.
//!
//! No server takes part: the facts are made by hand, in one size and in four times that size. A check whose time grows by
//! far more than four goes through a list inside a list. Measures only: nothing is asserted about time.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program that measures: it prints, it reads clocks, and it ends where something fails"
)]

use pgassay::catalog::Catalog;
use pgassay::checks::context::{DatabaseContext, RoleKinds, ServerContext};
use pgassay::checks::{self, Check, Run};
use pgassay::facts::columns::Column;
use pgassay::facts::constraints::Constraint;
use pgassay::facts::index_stats::IndexStats;
use pgassay::facts::indexes::Index;
use pgassay::facts::inheritance::Inheritance;
use pgassay::facts::key_operators::KeyOperator;
use pgassay::facts::sequence_uses::SequenceUse;
use pgassay::facts::sequences::Sequence;
use pgassay::facts::statements::{RawStatement, redact};
use pgassay::facts::table_stats::TableStats;
use pgassay::facts::tables::Table;
use pgassay::facts::{Database, Fact, Snapshot};
use pgassay::queries::aggregate;
use pgassay::rule::Params;
use pgassay::time::Timestamp;
use std::time::Instant;

const INT8: u32 = 20;
const INT8_EQUALS: u32 = 410;
const INTEGER_OPERATORS: u32 = 1976;
const INT8_OPERATORS: u32 = 3124;
/// Columns of each table.
const COLUMNS: i16 = 150;

/// The facts of a database, as they grow.
#[derive(Default)]
struct Facts {
    tables: Vec<Table>,
    table_stats: Vec<TableStats>,
    columns: Vec<Column>,
    indexes: Vec<Index>,
    index_stats: Vec<IndexStats>,
    constraints: Vec<Constraint>,
    inheritance: Vec<Inheritance>,
    sequences: Vec<Sequence>,
    sequence_uses: Vec<SequenceUse>,
    statements: Vec<RawStatement>,
    last: u32,
}

impl Facts {
    fn oid(&mut self) -> u32 {
        self.last += 1;
        16_384 + self.last
    }

    fn table(&mut self, kind: char, columns: i16) -> u32 {
        let oid = self.oid();
        let name = format!("table_{oid}");
        self.tables.push(Table {
            oid,
            schema: "public".into(),
            name,
            kind,
            persistence: 'p',
            pages: 10_000,
            row_estimate: 1e6,
            ..Table::default()
        });
        self.table_stats.push(TableStats {
            oid,
            inserts: 5,
            deletes: 5,
            live_rows: 1_000_000,
            ..TableStats::default()
        });
        self.columns.extend((1..=columns).map(|number| Column {
            table_oid: oid,
            number,
            name: format!("column_{number}"),
            type_oid: INT8,
            base_type_oid: INT8,
            r#type: "int8".into(),
            ..Column::default()
        }));
        oid
    }

    fn index(&mut self, table_oid: u32, columns: &[i16], parent: Option<u32>) -> u32 {
        let oid = self.oid();
        let keys = columns.len();
        self.indexes.push(Index {
            oid,
            table_oid,
            name: format!("index_{oid}"),
            method: "btree".into(),
            kind: 'i',
            is_partition: parent.is_some(),
            pages: 5000,
            row_estimate: 1e6,
            is_valid: true,
            is_ready: true,
            is_live: true,
            key_count: i16::try_from(keys).unwrap(),
            columns: columns.to_vec(),
            collations: vec![0; keys],
            operator_classes: vec![INT8_OPERATORS; keys],
            operator_families: vec![INTEGER_OPERATORS; keys],
            options: vec![0; keys],
            ..Index::default()
        });
        self.index_stats.push(IndexStats { oid, ..IndexStats::default() });
        self.inheritance.extend(parent.map(|parent_oid| Inheritance { child_oid: oid, parent_oid }));
        oid
    }

    fn foreign_key(&mut self, table_oid: u32, column: i16, referenced_table_oid: u32) {
        let oid = self.oid();
        self.constraints.push(Constraint {
            oid,
            table_oid,
            name: format!("key_{oid}"),
            r#type: 'f',
            columns: Some(vec![column]),
            referenced_table_oid,
            referenced_columns: Some(vec![1]),
            equality_operators: Some(vec![INT8_EQUALS]),
            on_delete: 'c',
            on_update: 'a',
            r#match: 's',
            is_validated: true,
            is_enforced: true,
            ..Constraint::default()
        });
    }

    fn into_snapshot(self) -> Snapshot {
        let at = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        // what is not read here is missing, and skips the checks that need it
        let mut snapshot: Snapshot = serde_json::from_str(
            r#"{"format": 1, "tool": {"name": "pgassay", "version": "0"}, "captured_at": "2026-11-22T12:00:00Z",
                "target": "made by hand", "databases": [],
                "server": {"settings": {"read": {"at": "2026-11-22T12:00:00Z", "rows": []}},
                  "roles": {"read": {"at": "2026-11-22T12:00:00Z", "rows": []}},
                  "server": {"read": {"at": "2026-11-22T12:00:00Z", "rows":
                    {"version_number": 150000, "block_size": 8192, "started_at": "2026-11-01T12:00:00Z"}}},
                  "statements_info": {"read": {"at": "2026-11-22T12:00:00Z", "rows":
                    {"evicted": 0, "stats_reset": "2026-11-12T12:00:00Z"}}},
                  "database_stats": {"read": {"at": "2026-11-22T12:00:00Z", "rows":
                    [{"database": "shop", "stats_reset": "2026-11-12T12:00:00Z"}]}}}}"#,
        )
        .unwrap();
        fn read<T>(at: Timestamp, rows: Vec<T>) -> Fact<Vec<T>> {
            Fact::Read { at, rows }
        }
        snapshot.server.statements = read(at, redact(self.statements));
        snapshot.databases.push(Database {
            name: "shop".into(),
            extensions: read(at, Vec::new()),
            tables: read(at, self.tables),
            table_stats: read(at, self.table_stats),
            columns: read(at, self.columns),
            indexes: read(at, self.indexes),
            index_stats: read(at, self.index_stats),
            index_expressions: read(at, Vec::new()),
            constraints: read(at, self.constraints),
            key_operators: read(
                at,
                vec![KeyOperator {
                    operator: INT8_EQUALS,
                    operator_family: INTEGER_OPERATORS,
                    method: "btree".into(),
                    ..KeyOperator::default()
                }],
            ),
            inheritance: read(at, self.inheritance),
            sequences: read(at, self.sequences),
            sequence_uses: read(at, self.sequence_uses),
            locked_relations: read(at, Vec::new()),
            index_builds: read(at, Vec::new()),
            index_pages: read(at, Vec::new()),
            key_values: read(at, Vec::new()),
            ..Database::default()
        });
        snapshot
    }
}

/// `size` indexes on one table: of one column, of two, and each pair again the other way round.
fn one_table(size: usize) -> Facts {
    let mut facts = Facts::default();
    let table = facts.table('r', COLUMNS);
    for number in 0..size {
        let column = |number: usize| 1 + i16::try_from(number % 150).unwrap();
        match number {
            0..150 => facts.index(table, &[column(number)], None),
            _ => facts.index(table, &[column(number), column(number / 150 + number)], None),
        };
    }
    facts
}

/// `size / 4` partitions with four indexes each, and a foreign key from each of as many other tables to the parent.
fn partitions(size: usize) -> Facts {
    let mut facts = Facts::default();
    let parent = facts.table('p', 8);
    let above: Vec<u32> = (1..=4).map(|column| facts.index(parent, &[column], None)).collect();
    facts.indexes.iter_mut().for_each(|index| index.kind = 'I');
    for _ in 0..size / 4 {
        let partition = facts.table('r', 8);
        facts.tables.last_mut().unwrap().is_partition = true;
        facts.inheritance.push(Inheritance { child_oid: partition, parent_oid: parent });
        for (column, above) in (1..).zip(&above) {
            facts.index(partition, &[column], Some(*above));
        }
        let child = facts.table('r', 4);
        facts.foreign_key(child, 2, parent);
    }
    facts.foreign_key(parent, 7, parent);
    facts
}

/// `size / 2` tables, each with a foreign key that nothing serves and with a sequence that is nearly at its end.
fn tables(size: usize) -> Facts {
    let mut facts = Facts::default();
    for _ in 0..size / 2 {
        let table = facts.table('r', 6);
        facts.index(table, &[1], None);
        facts.foreign_key(table, 2, table);
        let oid = facts.oid();
        facts.sequences.push(Sequence {
            oid,
            schema: "public".into(),
            name: format!("sequence_{oid}"),
            r#type: "int8".into(),
            start: 1,
            minimum: 1,
            maximum: 1000,
            increment: 1,
            readable: true,
            last_value: Some(990),
            ..Sequence::default()
        });
        facts.sequence_uses.push(SequenceUse { sequence_oid: oid, table_oid: table, column_number: 1 });
    }
    facts
}

/// `size / 4` statements over one pair of tables, each a look-up that could be the child of any other.
fn statements(size: usize) -> Facts {
    let mut facts = Facts::default();
    let tables = [facts.table('r', COLUMNS), facts.table('r', COLUMNS)];
    for number in 0..size / 4 {
        let (table, column) = (tables[number % 2], 1 + number % 150);
        // as many different statements as there are triples of columns, all of one length
        let list: Vec<String> = (0..20).map(|term| format!("column_{}", 1 + (number / 150 + term) % 150)).collect();
        facts.statements.push(RawStatement {
            database: Some("shop".into()),
            role: Some("app".into()),
            query_id: Some(number.to_string()),
            is_top_level: true,
            query: Some(format!("select {} from table_{table} where column_{column} = $1", list.join(", "))),
            is_truncated: Some(false),
            calls: 1000 * (1 + number as i64 % 20),
            total_ms: 5000.0,
            min_ms: 1.0,
            max_ms: 50.0,
            mean_ms: 5.0,
            stddev_ms: 1.0,
            rows: 1000 * (1 + number as i64 % 20),
            ..RawStatement::default()
        });
    }
    facts
}

fn seconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let started = Instant::now();
    let result = work();
    (started.elapsed().as_secs_f64(), result)
}

/// The name and seconds of everything that is done with the facts, and what the checks found.
fn costs(facts: Facts) -> Vec<(&'static str, f64, usize)> {
    let (redacting, snapshot) = seconds(|| facts.into_snapshot());
    let (aggregating, queries) = seconds(|| aggregate(&snapshot, None));
    let (joining, catalog) = seconds(|| Catalog::new(&snapshot.databases[0]));
    let mut costs = vec![("(redacting)", redacting, 0), ("(aggregating)", aggregating, 0), ("(joining)", joining, 0)];
    let (params, role_kinds) = (Params::default(), RoleKinds::default());
    let server = ServerContext {
        snapshot: &snapshot,
        before: None,
        replicas: &[],
        at: snapshot.captured_at,
        queries: &queries,
        params: &params,
        role_kinds: &role_kinds,
        reviews: &[],
        logged: None,
        service: None,
    };
    let database = DatabaseContext { server, database: &snapshot.databases[0], catalog: &catalog };
    let run = |check: &&'static Check| {
        let (took, found) = seconds(|| match check.run {
            Run::Server(run) => run(&server),
            Run::Database(run) => run(&database),
        });
        (check.meta.id, took, found.map_or(0, |verdict| verdict.findings.len()))
    };
    costs.extend(checks::ALL.iter().map(run));
    costs
}

fn main() {
    let size = std::env::args().skip(1).find_map(|word| word.strip_prefix("--size=").map(|size| size.parse().unwrap()));
    let size: usize = size.unwrap_or(20_000);
    type Shape = (&'static str, fn(usize) -> Facts);
    let shapes: [Shape; 4] = [
        ("indexes on one table", one_table),
        ("indexes on partitions", partitions),
        ("tables and foreign keys, together", tables),
        ("/ 4 statements", statements),
    ];
    for (name, make) in shapes {
        println!(
            "\n{size} {name}\n{:<32} {:>10} {:>12} {:>8} {:>9}",
            "", "size/4, ms", "size, ms", "growth", "findings"
        );
        for ((what, quarter, _), (_, whole, found)) in costs(make(size / 4)).into_iter().zip(costs(make(size))) {
            if whole >= 0.005 {
                let growth = whole / quarter;
                println!("{what:<32} {:>10.1} {:>12.1} {growth:>7.1}x {found:>9}", quarter * 1e3, whole * 1e3);
            }
        }
    }
}
