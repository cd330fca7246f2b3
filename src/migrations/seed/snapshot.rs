//! A catalog from a snapshot of `pgassay snapshot`: tables with their columns, keys, foreign keys, indexes and partitions,
//! and how large and how busy each is.
//!
//! A snapshot does not hold everything: no check constraints, views, triggers, types of the users' and functions, and of
//! defaults only that they are there. So no relation of it counts as complete, and neither does the catalog: what is not
//! in it may be there all the same.

use crate::facts::columns::Column as ColumnFact;
use crate::facts::constraints::Constraint as ConstraintFact;
use crate::facts::index_expressions::IndexExpression;
use crate::facts::indexes::Index as IndexFact;
use crate::facts::table_stats::TableStats;
use crate::facts::tables::Table;
use crate::facts::{Database, Fact, Snapshot};
use crate::migrations::catalog::{
    Catalog, Column, Index, IndexStatistics, QName, Relation, RelationKind, Statistics, TableConstraint,
};
use crate::migrations::command::{
    Bound, Command, Constraint, ConstraintKind, Expr, Generated, Literal, Name, PartitionBy, Persistence,
    ReplicaIdentity, TypeName,
};
use crate::migrations::script::Parsed;
use crate::migrations::statement::{parse, parse_expression};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The catalog of a database of a snapshot: the one that is named, else the one that the snapshot was taken through, else
/// the only one. Empty where there is no such database. On a thread of [`crate::migrations::statement::with_parser`], please.
pub fn from_snapshot(snapshot: &Snapshot, database: Option<&str>) -> Catalog {
    let through = snapshot.server.server.ok().map(|server| server.database.as_str());
    let found = match database {
        Some(name) => snapshot.database(name),
        None => through.and_then(|name| snapshot.database(name)).or(match snapshot.databases.as_slice() {
            [only] => Some(only),
            _ => None,
        }),
    };
    found.map_or_else(Catalog::default, |database| Reader::new(snapshot, database).read())
}

fn list<T>(fact: &Fact<Vec<T>>) -> &[T] {
    fact.ok().map_or(&[], Vec::as_slice)
}

struct Reader<'a> {
    database: &'a Database,
    /// Bytes a page.
    page: u64,
    /// Where the sizes come from.
    source: Arc<str>,
    /// Seconds that the counters of the database have counted, where that is known.
    window: Option<f64>,
    names: HashMap<u32, QName>,
    columns: HashMap<u32, Vec<&'a ColumnFact>>,
    counters: HashMap<u32, &'a TableStats>,
    parents: HashMap<u32, Vec<u32>>,
    /// Types as they were read: most columns are of a few.
    types: HashMap<&'a str, Option<TypeName>>,
}

impl<'a> Reader<'a> {
    fn new(snapshot: &'a Snapshot, database: &'a Database) -> Self {
        let server = snapshot.server.server.ok();
        let page = server.and_then(|server| u64::try_from(server.block_size).ok()).filter(|size| *size > 0);
        let stats = list(&snapshot.server.database_stats).iter().find(|stats| stats.database == database.name);
        let read_at = database.table_stats.at().unwrap_or(snapshot.captured_at);
        let window = stats.and_then(|stats| stats.stats_reset).and_then(|reset| read_at.seconds_since(reset));
        let mut columns: HashMap<u32, Vec<&ColumnFact>> = HashMap::new();
        for column in list(&database.columns) {
            columns.entry(column.table_oid).or_default().push(column);
        }
        let mut parents: HashMap<u32, Vec<u32>> = HashMap::new();
        for link in list(&database.inheritance) {
            parents.entry(link.child_oid).or_default().push(link.parent_oid);
        }
        Self {
            database,
            page: page.unwrap_or(8192),
            source: format!("{} as of {}", snapshot.target, snapshot.captured_at.date()).into(),
            window: window.filter(|seconds| *seconds > 0.0),
            names: list(&database.tables).iter().map(|t| (t.oid, QName::new(&t.schema, &t.name))).collect(),
            columns,
            counters: list(&database.table_stats).iter().map(|stats| (stats.oid, stats)).collect(),
            parents,
            types: HashMap::new(),
        }
    }

    fn read(mut self) -> Catalog {
        let mut relations: BTreeMap<u32, Relation> = BTreeMap::new();
        for table in list(&self.database.tables) {
            let relation = self.relation(table);
            relations.insert(table.oid, relation);
        }
        self.indexes(&mut relations);
        self.constraints(&mut relations);
        self.children(&mut relations);
        self.sequences(&mut relations);
        self.sums(&mut relations);
        let mut catalog = Catalog::default();
        for relation in relations.into_values() {
            catalog.put(relation);
        }
        catalog
    }

    fn relation(&mut self, table: &'a Table) -> Relation {
        let kind = match table.kind {
            'p' => RelationKind::PartitionedTable,
            'f' => RelationKind::ForeignTable,
            'm' => RelationKind::MaterializedView,
            _ => RelationKind::Table,
        };
        let mut relation = Relation::new(QName::new(&table.schema, &table.name), kind);
        if table.persistence == 'u' {
            relation.persistence = Persistence::Unlogged;
        }
        relation.replica_identity = match table.replica_identity {
            'n' => ReplicaIdentity::Nothing,
            'f' => ReplicaIdentity::Full,
            // an index is named where the indexes are read
            _ => ReplicaIdentity::Default,
        };
        let columns = self.columns.get(&table.oid).cloned().unwrap_or_default();
        if kind == RelationKind::PartitionedTable {
            // by what strategy is not in the snapshot
            let keys = columns.iter().filter(|column| column.is_partition_key);
            let key = keys.map(|column| Some(column.name.clone())).collect();
            relation.partition_by = Some(PartitionBy { strategy: String::new(), key });
        }
        for column in columns {
            let type_name = self.type_of(column);
            relation.columns.push(column_of(column, type_name));
        }
        relation.statistics = self.statistics(table);
        relation
    }

    fn type_of(&mut self, column: &'a ColumnFact) -> Option<TypeName> {
        if column.full_type.is_empty() {
            return Some(without_length(column));
        }
        let read = |text: &str| match parse(&format!("create table t (a {text})"), 0) {
            Parsed::Command(Command::CreateTable(create)) => create.columns.into_iter().next().map(|own| own.type_name),
            _ => None,
        };
        self.types.entry(&column.full_type).or_insert_with(|| read(&column.full_type)).clone()
    }

    /// Sizes as of the last vacuum or analyze. A table that never saw one, or that was filled since it was seen empty, is
    /// of unknown size.
    fn statistics(&self, table: &Table) -> Option<Statistics> {
        if matches!(table.kind, 'p' | 'f') {
            return None;
        }
        let counters = self.counters.get(&table.oid);
        let pages = u64::try_from(table.pages).unwrap_or_default();
        let rows = (table.row_estimate >= 0.0).then_some(table.row_estimate);
        let is_filled = counters.is_some_and(|counters| counters.live_rows > 0 || counters.changed_since_analyze > 0);
        if pages == 0 && (rows.is_none() || is_filled) {
            return None;
        }
        let toast = table.toast_pages.and_then(|pages| u64::try_from(pages).ok()).unwrap_or_default();
        let written = counters
            .map(|counters| counters.inserts.saturating_add(counters.updates).saturating_add(counters.deletes) as f64);
        Some(Statistics {
            bytes: pages.saturating_add(toast).saturating_mul(self.page),
            index_bytes: 0,
            rows,
            writes_per_second: written.zip(self.window).map(|(written, seconds)| written / seconds),
            source: Arc::clone(&self.source),
        })
    }

    fn indexes(&self, relations: &mut BTreeMap<u32, Relation>) {
        let facts = list(&self.database.indexes);
        let texts: HashMap<u32, &IndexExpression> =
            list(&self.database.index_expressions).iter().map(|text| (text.oid, text)).collect();
        let scans: HashMap<u32, i64> =
            list(&self.database.index_stats).iter().map(|stats| (stats.oid, stats.scans)).collect();
        let by_oid: HashMap<u32, &IndexFact> = facts.iter().map(|index| (index.oid, index)).collect();
        for fact in facts {
            let Some(relation) = relations.get_mut(&fact.table_oid) else { continue };
            let mut index = self.index(fact, texts.get(&fact.oid).copied());
            let above = self.parents.get(&fact.oid).and_then(|parents| parents.first());
            index.part_of = above.and_then(|above| by_oid.get(above)).map(|above| above.name.clone());
            let bytes = u64::try_from(fact.pages).unwrap_or_default().saturating_mul(self.page);
            if fact.kind == 'i' {
                index.statistics = Some(IndexStatistics { bytes, scans: scans.get(&fact.oid).copied() });
                if let Some(statistics) = &mut relation.statistics {
                    statistics.index_bytes = statistics.index_bytes.saturating_add(bytes);
                }
            }
            if fact.is_replica_identity {
                relation.replica_identity = ReplicaIdentity::Index(fact.name.clone());
            }
            relation.indexes.push(index);
        }
    }

    fn index(&self, fact: &IndexFact, text: Option<&IndexExpression>) -> Index {
        let keys = usize::try_from(fact.key_count).unwrap_or_default();
        let name = |number: &i16| self.column_name(fact.table_oid, *number).map(str::to_owned);
        let texts = text.into_iter().flat_map(|text| text.expressions.iter().chain(&text.predicate));
        Index {
            keys: fact.columns.iter().take(keys).map(name).collect(),
            include: fact.columns.iter().skip(keys).filter_map(name).collect(),
            mentions: texts.flat_map(|text| self.mentions(fact.table_oid, text)).collect(),
            is_unique: fact.is_unique,
            is_partial: fact.has_predicate,
            has_expressions: fact.has_expressions,
            method: fact.method.clone(),
            is_valid: fact.is_valid,
            is_only: fact.kind == 'I' && !fact.is_valid,
            ..Index::new(fact.name.clone())
        }
    }

    /// The columns that the text of expressions names.
    fn mentions(&self, table: u32, text: &str) -> BTreeSet<String> {
        if let Some(expression) = parse_expression(&format!("row({text})")) {
            return expression.columns();
        }
        // what does not parse: every column whose name is in it as a word
        let words: BTreeSet<&str> = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        let columns = self.columns.get(&table).into_iter().flatten();
        columns.filter(|column| words.contains(column.name.as_str())).map(|column| column.name.clone()).collect()
    }

    fn column_name(&self, table: u32, number: i16) -> Option<&'a str> {
        let columns = self.columns.get(&table)?;
        // they are in order, with gaps where some were dropped
        let at = columns.binary_search_by_key(&number, |column| column.number).ok()?;
        columns.get(at).map(|column| column.name.as_str())
    }

    fn constraints(&self, relations: &mut BTreeMap<u32, Relation>) {
        let facts = list(&self.database.constraints);
        let table_of: HashMap<u32, u32> = facts.iter().map(|fact| (fact.oid, fact.table_oid)).collect();
        let indexes: HashMap<u32, &str> =
            list(&self.database.indexes).iter().map(|index| (index.oid, index.name.as_str())).collect();
        for fact in facts {
            // what a foreign key to a partitioned table has for each of its partitions is not a constraint of its own
            if table_of.get(&fact.parent_oid) == Some(&fact.table_oid) {
                continue;
            }
            let Some(constraint) = self.constraint(fact, &indexes) else { continue };
            let Some(relation) = relations.get_mut(&fact.table_oid) else { continue };
            let name = relation.name.clone();
            relation.constraints.push(constraint);
            if fact.r#type == 'f'
                && let Some(referenced) = relations.get_mut(&fact.referenced_table_oid)
            {
                referenced.referenced_by.insert(name);
            }
        }
    }

    fn constraint(&self, fact: &ConstraintFact, indexes: &HashMap<u32, &str>) -> Option<TableConstraint> {
        let names = |table: u32, numbers: &Option<Vec<i16>>| -> Vec<String> {
            let numbers = numbers.iter().flatten();
            numbers.filter_map(|number| self.column_name(table, *number)).map(str::to_owned).collect()
        };
        let columns = names(fact.table_oid, &fact.columns);
        let mut references = None;
        let kind = match fact.r#type {
            'p' => ConstraintKind::PrimaryKey,
            'u' => ConstraintKind::Unique,
            'x' => ConstraintKind::Exclusion,
            'f' => {
                let to = self.names.get(&fact.referenced_table_oid)?.clone();
                let referenced = names(fact.referenced_table_oid, &fact.referenced_columns);
                references = Some((to.clone(), referenced.clone()));
                ConstraintKind::ForeignKey {
                    references: Name::qualified(&*to.schema, &*to.name),
                    columns: referenced,
                    on_delete: action(fact.on_delete),
                    on_update: action(fact.on_update),
                }
            }
            _ => return None,
        };
        let index = (fact.r#type != 'f').then(|| indexes.get(&fact.index_oid)).flatten();
        Some(TableConstraint {
            name: fact.name.clone(),
            definition: Constraint {
                name: Some(fact.name.clone()),
                kind,
                columns,
                is_not_valid: !fact.is_validated,
                is_not_enforced: !fact.is_enforced,
                is_deferrable: false,
                is_no_inherit: false,
                using_index: None,
                nulls_not_distinct: false,
                is_temporal: false,
                position: None,
            },
            is_valid: fact.is_validated && fact.is_enforced,
            references,
            index: index.map(|name| (*name).to_owned()),
            born: None,
        })
    }

    fn children(&self, relations: &mut BTreeMap<u32, Relation>) {
        let is_partition: HashMap<u32, bool> =
            list(&self.database.tables).iter().map(|table| (table.oid, table.is_partition)).collect();
        for (child, parents) in &self.parents {
            let Some(name) = self.names.get(child) else { continue };
            for parent in parents {
                let Some(above) = self.names.get(parent) else { continue };
                if let Some(relation) = relations.get_mut(parent) {
                    relation.children.insert(name.clone());
                }
                if let Some(relation) = relations.get_mut(child) {
                    relation.parents.push(above.clone());
                    if is_partition.get(child) == Some(&true) {
                        relation.partition_of = Some((above.clone(), Bound::Unknown));
                    }
                }
            }
        }
    }

    fn sequences(&self, relations: &mut BTreeMap<u32, Relation>) {
        let mut uses: HashMap<u32, Vec<(u32, i16)>> = HashMap::new();
        for one in list(&self.database.sequence_uses) {
            uses.entry(one.sequence_oid).or_default().push((one.table_oid, one.column_number));
        }
        for fact in list(&self.database.sequences) {
            let name = QName::new(&fact.schema, &fact.name);
            let mut sequence = Relation::new(name.clone(), RelationKind::Sequence);
            sequence.is_complete = true;
            // one column that takes its values and no other is its owner, as far as the snapshot says
            if let Some([(table, number)]) = uses.get(&fact.oid).map(Vec::as_slice)
                && let (Some(column), Some(relation)) = (self.column_name(*table, *number), relations.get_mut(table))
            {
                sequence.owned_by = Some((relation.name.clone(), column.to_owned()));
                relation.owns.insert(name.clone());
                if let Some(fed) = relation.columns.find_mut(|own| own.name == column && own.default.is_some()) {
                    fed.default = Some(nextval(&name));
                }
            }
            relations.insert(fact.oid, sequence);
        }
    }

    /// A partitioned table is as large as its partitions together, where all of them were counted.
    fn sums(&self, relations: &mut BTreeMap<u32, Relation>) {
        let oids: HashMap<&QName, u32> = self.names.iter().map(|(oid, name)| (name, *oid)).collect();
        let partitioned = list(&self.database.tables).iter().filter(|table| table.kind == 'p');
        // leaves are added to every table above them: once for each level, not once for each pair
        let mut sums: HashMap<u32, Option<Statistics>> = partitioned.map(|table| (table.oid, self.nothing())).collect();
        for table in list(&self.database.tables).iter().filter(|table| table.is_partition && table.kind != 'p') {
            let own = relations.get(&table.oid).and_then(|relation| relation.statistics.clone());
            let mut at = table.oid;
            // as deep as no hierarchy is
            for _ in 0..64 {
                let Some(parent) = relations.get(&at).and_then(|relation| relation.parents.first()) else { break };
                let Some(oid) = oids.get(parent) else { break };
                at = *oid;
                if let Some(sum) = sums.get_mut(&at) {
                    *sum = sum.take().zip(own.as_ref()).map(|(sum, own)| add(sum, own));
                }
            }
        }
        for (oid, sum) in sums {
            if let Some(relation) = relations.get_mut(&oid) {
                relation.statistics = sum.filter(|_| !relation.children.is_empty());
            }
        }
    }

    fn nothing(&self) -> Option<Statistics> {
        Some(Statistics {
            bytes: 0,
            index_bytes: 0,
            rows: Some(0.0),
            writes_per_second: Some(0.0),
            source: Arc::clone(&self.source),
        })
    }
}

fn add(sum: Statistics, own: &Statistics) -> Statistics {
    let both = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a + b);
    Statistics {
        bytes: sum.bytes.saturating_add(own.bytes),
        index_bytes: sum.index_bytes.saturating_add(own.index_bytes),
        rows: both(sum.rows, own.rows),
        writes_per_second: both(sum.writes_per_second, own.writes_per_second),
        source: sum.source,
    }
}

fn column_of(fact: &ColumnFact, type_name: Option<TypeName>) -> Column {
    // what a default or a generated column is made of is not in the snapshot
    let something = || Expr::Other(Vec::new());
    let generated = match fact.generated {
        's' => Some((Generated::Stored, something())),
        'v' => Some((Generated::Virtual, something())),
        _ => None,
    };
    Column {
        type_name,
        is_not_null: fact.not_null,
        default: (fact.has_default && generated.is_none()).then(something),
        generated,
        is_identity: matches!(fact.identity, 'a' | 'd'),
        ..Column::new(fact.name.clone())
    }
}

/// The type of a column whose length or precision was not read: one that may have any is not taken for one without.
fn without_length(column: &ColumnFact) -> TypeName {
    let element = column.r#type.strip_prefix('_');
    let name = element.unwrap_or(&column.r#type);
    let has_length = matches!(
        name,
        "varchar"
            | "bpchar"
            | "bit"
            | "varbit"
            | "numeric"
            | "time"
            | "timetz"
            | "timestamp"
            | "timestamptz"
            | "interval"
    );
    TypeName {
        name: Name::bare(name),
        modifiers: if has_length { vec!["?".to_owned()] } else { Vec::new() },
        dimensions: usize::from(element.is_some()),
        is_set: false,
    }
}

fn nextval(sequence: &QName) -> Expr {
    let text = Expr::Literal(Literal::Text(crate::sql::qualified(&sequence.schema, &sequence.name)));
    Expr::Call { name: Name::bare("nextval"), arguments: vec![text], is_special: false }
}

/// What a foreign key does, as SQL says it.
fn action(letter: char) -> &'static str {
    match letter {
        'r' => "restrict",
        'c' => "cascade",
        'n' => "set null",
        'd' => "set default",
        _ => "no action",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::index_expressions::IndexExpression;
    use crate::facts::inheritance::Inheritance;
    use crate::facts::sequence_uses::SequenceUse;
    use crate::facts::sequences::Sequence;
    use crate::migrations::statement::with_parser;
    use crate::testing::{Lab, rows};

    fn column(lab: &mut Lab, table: u32, number: i16) -> &mut ColumnFact {
        let mut all = rows(&mut lab.db().columns).iter_mut();
        all.find(|column| column.table_oid == table && column.number == number).unwrap()
    }

    fn table<'a>(catalog: &'a Catalog, name: &str) -> &'a Relation {
        catalog.relation(&Name::bare(name)).known().unwrap()
    }

    #[test]
    fn tables_keys_and_indexes_are_told() {
        let mut lab = Lab::new();
        let users = lab.table("users", &["id", "email"], 1000.0);
        let orders = lab.table("orders", &["id", "user_id", "state"], 5_000_000.0);
        column(&mut lab, users, 1).not_null = true;
        column(&mut lab, users, 1).has_default = true;
        column(&mut lab, users, 2).r#type = "varchar".into();
        column(&mut lab, users, 2).full_type = "character varying(50)".into();
        column(&mut lab, orders, 3).r#type = "varchar".into();
        rows(&mut lab.db().indexes).extend([
            IndexFact {
                oid: 1,
                table_oid: users,
                name: "users_pkey".into(),
                kind: 'i',
                method: "btree".into(),
                columns: vec![1],
                key_count: 1,
                is_unique: true,
                is_primary: true,
                is_valid: true,
                pages: 10,
                ..IndexFact::default()
            },
            IndexFact {
                oid: 2,
                table_oid: orders,
                name: "orders_open".into(),
                kind: 'i',
                method: "btree".into(),
                columns: vec![2, 0, 1],
                key_count: 2,
                is_valid: true,
                has_predicate: true,
                has_expressions: true,
                pages: 20,
                ..IndexFact::default()
            },
        ]);
        rows(&mut lab.db().index_expressions).push(IndexExpression {
            oid: 2,
            expressions: Some("lower((state)::text)".into()),
            predicate: Some("((state)::text = $1::text) /* 1 */".into()),
        });
        let constraint = |oid, table_oid, name: &str, kind| ConstraintFact {
            oid,
            table_oid,
            name: name.into(),
            r#type: kind,
            is_validated: true,
            is_enforced: true,
            ..ConstraintFact::default()
        };
        rows(&mut lab.db().constraints).extend([
            ConstraintFact { columns: Some(vec![1]), index_oid: 1, ..constraint(11, users, "users_pkey", 'p') },
            ConstraintFact {
                columns: Some(vec![2]),
                index_oid: 1,
                referenced_table_oid: users,
                referenced_columns: Some(vec![1]),
                on_delete: 'c',
                is_validated: false,
                ..constraint(12, orders, "orders_user_id_fkey", 'f')
            },
        ]);
        rows(&mut lab.db().sequences).push(Sequence {
            oid: 30,
            schema: "public".into(),
            name: "users_id_seq".into(),
            ..Sequence::default()
        });
        rows(&mut lab.db().sequence_uses).push(SequenceUse { sequence_oid: 30, table_oid: users, column_number: 1 });
        let stats = rows(&mut lab.db().table_stats).iter_mut().find(|stats| stats.oid == orders).unwrap();
        (stats.inserts, stats.updates) = (8_640_000, 864_000);

        let catalog = with_parser(|| from_snapshot(&lab.snapshot, None));
        let users = table(&catalog, "users");
        assert!(!users.is_complete && users.column("id").unwrap().is_not_null);
        assert!(users.column("id").unwrap().default.is_some());
        let email = users.column("email").unwrap().type_name.as_ref().unwrap();
        assert_eq!((email.name.name.as_str(), email.modifiers.as_slice()), ("varchar", &["50".to_owned()][..]));
        assert_eq!(users.key().unwrap(), ["id"]);
        assert!(users.referenced_by.contains(&QName::new("public", "orders")));
        assert!(users.owns.contains(&QName::new("public", "users_id_seq")));
        let orders = table(&catalog, "orders");
        // a snapshot without lengths does not say that there are none
        assert_eq!(orders.column("state").unwrap().type_name.as_ref().unwrap().modifiers, ["?"]);
        let open = orders.index("orders_open").unwrap();
        assert_eq!(open.keys, [Some("user_id".to_owned()), None]);
        assert_eq!(open.include, ["id"]);
        assert!(open.is_partial && open.mentions.contains("state"));
        let foreign_key = orders.constraint("orders_user_id_fkey").unwrap();
        assert!(!foreign_key.is_valid);
        assert_eq!(foreign_key.references, Some((QName::new("public", "users"), vec!["id".to_owned()])));
        let statistics = orders.statistics.as_ref().unwrap();
        assert_eq!((statistics.bytes, statistics.index_bytes), (50_000 * 8192, 20 * 8192));
        assert_eq!(statistics.writes_per_second, Some(11.0));
        assert!(!catalog.is_complete());
        assert!(from_snapshot(&lab.snapshot, Some("other")).relations().next().is_none());
    }

    #[test]
    fn partitions_add_up_and_what_was_not_counted_is_not_known() {
        let mut lab = Lab::new();
        let parent = lab.table("events", &["id"], 0.0);
        let parts: Vec<u32> = ["events_1", "events_2"].iter().map(|name| lab.table(name, &["id"], 1000.0)).collect();
        let never = lab.table("never_analyzed", &["id"], -1.0);
        for table in rows(&mut lab.db().tables) {
            if table.oid == parent {
                table.kind = 'p';
            }
            if table.oid == never {
                table.pages = 0;
            }
            table.is_partition = parts.contains(&table.oid);
        }
        let links = parts.iter().map(|child_oid| Inheritance { child_oid: *child_oid, parent_oid: parent });
        rows(&mut lab.db().inheritance).extend(links);
        let catalog = with_parser(|| from_snapshot(&lab.snapshot, Some("shop")));
        let events = table(&catalog, "events");
        assert!(events.is_partitioned() && events.children.len() == 2);
        let statistics = events.statistics.as_ref().unwrap();
        assert_eq!((statistics.bytes, statistics.rows), (20 * 8192, Some(2000.0)));
        let part = table(&catalog, "events_1");
        assert_eq!(part.partition_of, Some((QName::new("public", "events"), Bound::Unknown)));
        assert_eq!(table(&catalog, "never_analyzed").statistics, None);
    }
}
