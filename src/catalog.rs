//! The facts of one database, joined: tables with their columns, indexes, counters and partitions.
//!
//! Built once for each database, so that no check searches through lists. Pure: it holds references into the snapshot.

use crate::facts::Database;
use crate::facts::columns::Column;
use crate::facts::constraints::Constraint;
use crate::facts::index_expressions::IndexExpression;
use crate::facts::index_stats::IndexStats;
use crate::facts::indexes::Index;
use crate::facts::key_operators::KeyOperator;
use crate::facts::table_stats::TableStats;
use crate::facts::tables::Table;
use crate::finding::{Subject, SubjectKind};
use crate::outcome::{Missing, Reason};
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

pub use crate::sql::{literal, qualified, quote};

/// The facts of one database by oid. What was not read is simply absent here: a check asks the fact itself first.
#[derive(Debug, Default)]
pub struct Catalog<'a> {
    database: &'a str,
    tables: HashMap<u32, &'a Table>,
    table_stats: HashMap<u32, &'a TableStats>,
    columns: HashMap<u32, Vec<&'a Column>>,
    indexes: HashMap<u32, &'a Index>,
    indexes_of: HashMap<u32, Vec<&'a Index>>,
    index_stats: HashMap<u32, &'a IndexStats>,
    expressions: HashMap<u32, &'a IndexExpression>,
    constraints_of: HashMap<u32, Vec<&'a Constraint>>,
    constraint_of_index: HashMap<u32, &'a Constraint>,
    referenced: HashSet<u32>,
    parents: HashMap<u32, u32>,
    children: HashMap<u32, Vec<u32>>,
    locked: HashSet<u32>,
    operators: HashSet<(u32, u32)>,
    key_operators: &'a [KeyOperator],
    /// By the oid of a table or index that has partitions or children.
    below: OnceLock<HashMap<u32, Below>>,
    /// By schema and name.
    names: OnceLock<Names<'a>>,
}

/// All below a partitioned table or index, added up once: a few partitioned tables are looked at by very many checks.
#[derive(Debug)]
struct Below {
    leaves: Vec<u32>,
    rows: Option<f64>,
    pages: i64,
    changes: Option<Changes>,
}

/// What happened to the rows of a table with all below it, since the counters began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Rows updated.
    pub updates: i64,
    /// Rows deleted.
    pub deletes: i64,
}

#[derive(Debug)]
struct Names<'a> {
    tables: HashMap<(&'a str, &'a str), &'a Table>,
    indexes: HashSet<(&'a str, &'a str)>,
}

fn list<T>(fact: &crate::facts::Fact<Vec<T>>) -> &[T] {
    fact.ok().map_or(&[], Vec::as_slice)
}

impl<'a> Catalog<'a> {
    /// Joins the facts of a database.
    pub fn new(database: &'a Database) -> Self {
        let mut catalog = Self {
            database: &database.name,
            tables: list(&database.tables).iter().map(|table| (table.oid, table)).collect(),
            table_stats: list(&database.table_stats).iter().map(|stats| (stats.oid, stats)).collect(),
            indexes: list(&database.indexes).iter().map(|index| (index.oid, index)).collect(),
            index_stats: list(&database.index_stats).iter().map(|stats| (stats.oid, stats)).collect(),
            expressions: list(&database.index_expressions).iter().map(|text| (text.oid, text)).collect(),
            locked: list(&database.locked_relations).iter().map(|relation| relation.oid).collect(),
            operators: list(&database.key_operators)
                .iter()
                .map(|known| (known.operator, known.operator_family))
                .collect(),
            key_operators: list(&database.key_operators),
            ..Self::default()
        };
        for column in list(&database.columns) {
            catalog.columns.entry(column.table_oid).or_default().push(column);
        }
        for index in list(&database.indexes) {
            catalog.indexes_of.entry(index.table_oid).or_default().push(index);
        }
        for constraint in list(&database.constraints) {
            catalog.constraints_of.entry(constraint.table_oid).or_default().push(constraint);
            // a foreign key names the index of the table it references, which is not the one behind it
            if constraint.r#type == 'f' {
                catalog.referenced.insert(constraint.index_oid);
            } else if constraint.index_oid != 0 {
                catalog.constraint_of_index.insert(constraint.index_oid, constraint);
            }
        }
        for link in list(&database.inheritance) {
            catalog.parents.entry(link.child_oid).or_insert(link.parent_oid);
            catalog.children.entry(link.parent_oid).or_default().push(link.child_oid);
        }
        catalog
    }

    /// The name of the database.
    pub fn database(&self) -> &'a str {
        self.database
    }

    /// A table.
    pub fn table(&self, oid: u32) -> Option<&'a Table> {
        self.tables.get(&oid).copied()
    }

    /// A table by its name.
    pub fn table_named(&self, schema: &str, name: &str) -> Option<&'a Table> {
        self.names().tables.get(&(schema, name)).copied()
    }

    /// Whether a table or index of a name exists in a schema.
    pub fn has_relation(&self, schema: &str, name: &str) -> bool {
        self.table_named(schema, name).is_some() || self.names().indexes.contains(&(schema, name))
    }

    /// Made when first asked for: measuring needs a catalog too, and none of its names.
    fn names(&self) -> &Names<'a> {
        self.names.get_or_init(|| Names {
            tables: self.tables.values().map(|table| ((table.schema.as_str(), table.name.as_str()), *table)).collect(),
            indexes: self
                .indexes
                .values()
                .filter_map(|index| Some((self.table(index.table_oid)?.schema.as_str(), index.name.as_str())))
                .collect(),
        })
    }

    /// The counters of a table.
    pub fn stats(&self, table: u32) -> Option<&'a TableStats> {
        self.table_stats.get(&table).copied()
    }

    /// The columns of a table, by number.
    pub fn columns(&self, table: u32) -> &[&'a Column] {
        self.columns.get(&table).map_or(&[], Vec::as_slice)
    }

    /// A column by its number.
    pub fn column(&self, table: u32, number: i16) -> Option<&'a Column> {
        self.columns(table).iter().find(|column| column.number == number).copied()
    }

    /// The names of columns, in the order given; `?` for one that is gone.
    pub fn column_names(&self, table: u32, numbers: &[i16]) -> Vec<String> {
        let name =
            |number: &i16| self.column(table, *number).map_or_else(|| "?".to_owned(), |column| column.name.clone());
        numbers.iter().map(name).collect()
    }

    /// The indexes of a table, by name.
    pub fn indexes(&self, table: u32) -> &[&'a Index] {
        self.indexes_of.get(&table).map_or(&[], Vec::as_slice)
    }

    /// An index.
    pub fn index(&self, oid: u32) -> Option<&'a Index> {
        self.indexes.get(&oid).copied()
    }

    /// The counters of an index.
    pub fn index_stats(&self, index: u32) -> Option<&'a IndexStats> {
        self.index_stats.get(&index).copied()
    }

    /// The text of an index's expressions and predicate, where it has any and they could be read.
    pub fn expression(&self, index: u32) -> Option<&'a IndexExpression> {
        self.expressions.get(&index).copied()
    }

    /// The constraints of a table.
    pub fn constraints(&self, table: u32) -> &[&'a Constraint] {
        self.constraints_of.get(&table).map_or(&[], Vec::as_slice)
    }

    /// The primary key, unique or exclusion constraint that an index stands behind.
    pub fn constraint_of(&self, index: u32) -> Option<&'a Constraint> {
        self.constraint_of_index.get(&index).copied()
    }

    /// Whether a foreign key relies on an index to find the row it references.
    pub fn is_referenced(&self, index: u32) -> bool {
        self.referenced.contains(&index)
    }

    /// What a partition or child (table or index) belongs to.
    pub fn parent(&self, oid: u32) -> Option<u32> {
        self.parents.get(&oid).copied()
    }

    /// The partitions or children of a table or index.
    pub fn children(&self, oid: u32) -> &[u32] {
        self.children.get(&oid).map_or(&[], Vec::as_slice)
    }

    /// All leaves below a partitioned table or index; itself where it has none, or is not partitioned: the children of
    /// plain inheritance are tables of their own.
    pub fn leaves(&self, table: u32) -> Vec<u32> {
        match self.below(table) {
            Some(below) => below.leaves.clone(),
            None => vec![table],
        }
    }

    fn below(&self, oid: u32) -> Option<&Below> {
        let below = self.below.get_or_init(|| {
            let of = |oid: &u32| {
                let leaves = self.find_leaves(*oid);
                let rows = leaves.iter().filter_map(|leaf| self.own_rows(*leaf));
                let rows = rows.fold(None, |sum: Option<f64>, rows| Some(sum.unwrap_or(0.0) + rows));
                let pages =
                    leaves.iter().filter_map(|leaf| self.table(*leaf)).map(|table| i64::from(table.pages)).sum();
                let changes = leaves.iter().try_fold(Changes::default(), |sum, leaf| {
                    let own = self.own_changes(*leaf)?;
                    Some(Changes { updates: sum.updates + own.updates, deletes: sum.deletes + own.deletes })
                });
                (*oid, Below { leaves, rows, pages, changes })
            };
            self.children.keys().map(of).collect()
        });
        below.get(&oid)
    }

    /// Whether a table or index is partitioned, and so holds no rows itself.
    fn is_partitioned(&self, oid: u32) -> bool {
        self.table(oid).is_some_and(|table| table.kind == 'p') || self.index(oid).is_some_and(|index| index.kind == 'I')
    }

    fn find_leaves(&self, oid: u32) -> Vec<u32> {
        let mut leaves = Vec::new();
        let mut open = vec![oid];
        // a damaged snapshot may hold a cycle
        let mut seen = HashSet::new();
        while let Some(oid) = open.pop() {
            if !seen.insert(oid) {
                continue;
            }
            match self.children(oid) {
                [] => leaves.push(oid),
                children if self.is_partitioned(oid) => open.extend(children),
                _ => leaves.push(oid),
            }
        }
        leaves.sort_unstable();
        leaves
    }

    /// Whether somebody held the relation in AccessExclusiveLock, or waited for it, when the facts were read.
    pub fn is_locked(&self, oid: u32) -> bool {
        self.locked.contains(&oid)
    }

    /// Whether an operator family can search for an equality, by its operator or the commutator of it.
    pub fn can_search(&self, operator: u32, family: u32) -> bool {
        self.operators.contains(&(operator, family))
    }

    /// Whether an index on a column of a type, made by a method and with no operator class named, can search for an equality.
    pub fn finds_by_default(&self, operator: u32, method: &str, base_type: u32) -> bool {
        // an operator of a polymorphic type belongs to all of its types
        const POLYMORPHIC: [u32; 5] = [2277, 3500, 3831, 4537, 2249];
        let uses = |known: &KeyOperator| {
            known.default_types.iter().any(|known| *known == base_type || POLYMORPHIC.contains(known))
        };
        self.key_operators.iter().any(|known| known.operator == operator && known.method == method && uses(known))
    }

    /// Rows of a table, of a partitioned one with all below it: the greater of the planner's estimate and the counter, since the estimate is
    /// old and the counter is lost in a crash. None where nothing was ever counted.
    pub fn rows(&self, table: u32) -> Option<f64> {
        self.below(table).map_or_else(|| self.own_rows(table), |below| below.rows)
    }

    fn own_rows(&self, table: u32) -> Option<f64> {
        let estimate = self.table(table).map(|table| table.row_estimate).filter(|rows| *rows >= 0.0);
        let counted = self.stats(table).map(|stats| stats.live_rows as f64).filter(|rows| *rows > 0.0);
        match (estimate, counted) {
            (Some(estimate), Some(counted)) => Some(estimate.max(counted)),
            (estimate, counted) => estimate.or(counted),
        }
    }

    /// What happened to the rows of a table with all below it; none where the counters of a part of it were not read.
    pub fn changes(&self, table: u32) -> Option<Changes> {
        self.below(table).map_or_else(|| self.own_changes(table), |below| below.changes)
    }

    fn own_changes(&self, table: u32) -> Option<Changes> {
        self.stats(table).map(|stats| Changes { updates: stats.updates, deletes: stats.deletes })
    }

    /// Pages of a table, of a partitioned one with all below it, as of the last vacuum or analyze.
    pub fn pages(&self, table: u32) -> i64 {
        match self.below(table) {
            Some(below) => below.pages,
            None => self.table(table).map_or(0, |table| i64::from(table.pages)),
        }
    }

    /// The subject of a table.
    pub fn table_subject(&self, table: &Table) -> Subject {
        Subject::table(self.database, &table.schema, &table.name)
    }

    /// The subject of an index.
    pub fn index_subject(&self, index: &Index) -> Subject {
        self.part(SubjectKind::Index, index.table_oid, &index.name)
    }

    /// The subject of a constraint.
    pub fn constraint_subject(&self, constraint: &Constraint) -> Subject {
        self.part(SubjectKind::Constraint, constraint.table_oid, &constraint.name)
    }

    fn part(&self, kind: SubjectKind, table: u32, name: &str) -> Subject {
        match self.table(table) {
            Some(table) => Subject::of_table(kind, self.database, &table.schema, &table.name, name),
            None => Subject::named(kind, Some(self.database), name),
        }
    }

    /// Why the expressions or the predicate of an index are not known: its table was locked, or they could not be read.
    pub fn why_no_expression(&self, index: &Index) -> Missing {
        match self.is_locked(index.table_oid) {
            true => Missing::new("index_expressions", Reason::Locked, "its table was held in AccessExclusiveLock")
                .unlocked_by("run the audit again when no migration is running"),
            false => {
                Missing::new("index_expressions", Reason::Failed, "its expressions and predicate could not be read")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_in_a_damaged_snapshot_ends() {
        use crate::facts::Fact;
        use crate::facts::inheritance::Inheritance;
        let links = vec![
            Inheritance { child_oid: 1, parent_oid: 2 },
            Inheritance { child_oid: 2, parent_oid: 1 },
            Inheritance { child_oid: 3, parent_oid: 1 },
        ];
        let partitioned = |oid: u32| Table { oid, kind: 'p', ..Table::default() };
        let at = crate::time::Timestamp::default();
        let database = Database {
            tables: Fact::Read { at, rows: vec![partitioned(1), partitioned(2)] },
            inheritance: Fact::Read { at, rows: links },
            ..Database::default()
        };
        assert_eq!(Catalog::new(&database).leaves(1), [3]);
    }

    #[test]
    fn a_child_by_inheritance_is_a_table_of_its_own() {
        use crate::facts::inheritance::Inheritance;
        use crate::testing::{Lab, rows};
        let mut lab = Lab::new();
        let parent = lab.table("big", &["id"], 50_000.0);
        let child = lab.table("big_archive", &["id"], 10.0);
        rows(&mut lab.db().inheritance).push(Inheritance { child_oid: child, parent_oid: parent });
        let seen = |lab: &mut Lab| {
            let catalog = Catalog::new(lab.db());
            (catalog.leaves(parent), catalog.rows(parent), catalog.pages(parent))
        };
        assert_eq!(seen(&mut lab), (vec![parent], Some(50_000.0), 500));
        lab.table_row(parent).kind = 'p';
        assert_eq!(seen(&mut lab), (vec![child], Some(10.0), 1));
    }
}
