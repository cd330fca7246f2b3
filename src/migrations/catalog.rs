//! The schema as the migrations so far have left it: tables, their columns, constraints, indexes and partitions, types,
//! functions. It begins empty, or as a dump, a snapshot or a server says.
//!
//! A catalog is cheap to copy (its maps are persistent), so that a transaction that is rolled back, or the way back of a
//! migration, costs what it changes and no more. What no statement has made is unknown, and every question may be
//! answered so: see [`Catalog::relation`].

mod alter;
mod apply;
mod constraints;
mod create;
mod drop;
#[cfg(test)]
mod dump;
mod expressions;
mod list;
mod names;
mod registry;
mod rename;
mod types;

pub use list::List;

use super::command::{
    Body, Bound, Expr, Generated, Name, ObjectKind, Persistence, ReplicaIdentity, TypeName, Volatility,
};
use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

/// A name with its schema: how the catalog keeps things.
#[derive(Debug, Clone)]
pub struct QName {
    /// The schema.
    pub schema: Arc<str>,
    /// The name.
    pub name: Arc<str>,
}

impl QName {
    /// Of a schema and a name.
    pub fn new(schema: &str, name: &str) -> Self {
        // nearly all names are of one schema: one text of it for all makes them quick to compare
        static PUBLIC: LazyLock<Arc<str>> = LazyLock::new(|| "public".into());
        let schema = if schema == "public" { Arc::clone(&PUBLIC) } else { schema.into() };
        Self { schema, name: name.into() }
    }

    /// Quoted where it must be; without the schema where that is `public`.
    pub fn sql(&self) -> String {
        match &*self.schema {
            "public" => crate::sql::quote(&self.name),
            schema => format!("{}.{}", crate::sql::quote(schema), crate::sql::quote(&self.name)),
        }
    }
}

impl std::hash::Hash for QName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.schema.hash(state);
        self.name.hash(state);
    }
}

impl Ord for QName {
    fn cmp(&self, other: &Self) -> Ordering {
        let schemas = match Arc::ptr_eq(&self.schema, &other.schema) {
            true => Ordering::Equal,
            false => self.schema.cmp(&other.schema),
        };
        schemas.then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for QName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for QName {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && (Arc::ptr_eq(&self.schema, &other.schema) || self.schema == other.schema)
    }
}

impl Eq for QName {}

/// As messages show it: without the schema where that is `public`.
impl fmt::Display for QName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.schema {
            "public" => f.write_str(&self.name),
            schema => write!(f, "{schema}.{}", self.name),
        }
    }
}

/// A set of names that is cheap to copy however large it is: a table may have thousands of partitions.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct QNames(RedBlackTreeSetSync<QName>);

impl QNames {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.size()
    }

    /// Whether it is one of them.
    pub fn contains(&self, name: &QName) -> bool {
        self.0.contains(name)
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &QName> {
        self.0.iter()
    }

    /// The first in order.
    pub fn first(&self) -> Option<&QName> {
        self.0.first()
    }

    pub(super) fn insert(&mut self, name: QName) {
        self.0.insert_mut(name);
    }

    pub(super) fn remove(&mut self, name: &QName) -> bool {
        // a tree copies its way down even where there is nothing to remove
        self.0.contains(name) && self.0.remove_mut(name)
    }
}

impl fmt::Debug for QNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<QName> for QNames {
    fn from_iter<I: IntoIterator<Item = QName>>(names: I) -> Self {
        let mut all = Self::default();
        names.into_iter().for_each(|name| all.insert(name));
        all
    }
}

impl<'a> IntoIterator for &'a QNames {
    type Item = &'a QName;
    type IntoIter = <&'a RedBlackTreeSetSync<QName> as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        (&self.0).into_iter()
    }
}

/// The kinds of relations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    /// A table.
    Table,
    /// A partitioned table.
    PartitionedTable,
    /// A foreign table.
    ForeignTable,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A sequence.
    Sequence,
}

/// When something came to be, in the order of the replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Birth {
    /// The script: an index into the scripts of the review, in the order of the replay.
    pub script: usize,
    /// The statement of that script.
    pub statement: usize,
    /// The transaction, where there is one: numbered over the whole replay.
    pub transaction: Option<u32>,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, `serial` and its kin as the integers they are; none where it is not known.
    pub type_name: Option<TypeName>,
    /// Its collation, where one was said.
    pub collation: Option<Name>,
    /// Whether it is `not null` (of a not null constraint that is not valid: no).
    pub is_not_null: bool,
    /// Its default.
    pub default: Option<Expr>,
    /// How it is generated, and from what.
    pub generated: Option<(Generated, Expr)>,
    /// Whether it is an identity.
    pub is_identity: bool,
    /// When it was added, where that was seen.
    pub born: Option<Birth>,
}

/// A constraint of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableConstraint {
    /// Its name: PostgreSQL's own choice where the statement said none.
    pub name: String,
    /// What it asks; columns are its own.
    pub definition: super::command::Constraint,
    /// Whether it has been validated.
    pub is_valid: bool,
    /// Of a foreign key the referenced table, resolved; its columns, resolved where they could be.
    pub references: Option<(QName, Vec<String>)>,
    /// The index behind a primary key, a unique or an exclusion constraint.
    pub index: Option<String>,
    /// When it was added, where that was seen.
    pub born: Option<Birth>,
}

/// An index.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    /// Its name; it lives in the schema of its table.
    pub name: String,
    /// Its key: columns, none for an expression.
    pub keys: Vec<Option<String>>,
    /// Included columns.
    pub include: Vec<String>,
    /// The columns its expressions and its predicate name.
    pub mentions: BTreeSet<String>,
    /// Whether it is unique.
    pub is_unique: bool,
    /// Whether it has a predicate.
    pub is_partial: bool,
    /// Whether it has an expression.
    pub has_expressions: bool,
    /// The access method.
    pub method: String,
    /// Whether it is valid, as far as is known.
    pub is_valid: bool,
    /// Whether it is on a partitioned table alone, waiting for its partitions' to be attached.
    pub is_only: bool,
    /// The index of the partitioned table that it is a part of.
    pub part_of: Option<String>,
    /// Its size and use, where a server said so.
    pub statistics: Option<IndexStatistics>,
    /// When it was made, where that was seen.
    pub born: Option<Birth>,
}

/// What a server says of an index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndexStatistics {
    /// Bytes.
    pub bytes: u64,
    /// Scans since the counters began.
    pub scans: Option<i64>,
}

/// What a server says of a table: it decides how much a scan of it matters.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// Bytes of the table itself, without indexes.
    pub bytes: u64,
    /// Bytes of its indexes.
    pub index_bytes: u64,
    /// Rows, as the planner knows them.
    pub rows: Option<f64>,
    /// Rows written each second, over the window of the counters.
    pub writes_per_second: Option<f64>,
    /// Where it comes from: `snapshot shop.json of 2026-11-22`.
    pub source: Arc<str>,
}

/// A relation.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// Its name.
    pub name: QName,
    /// What it is.
    pub kind: RelationKind,
    /// Its persistence.
    pub persistence: Persistence,
    /// Its columns, in order.
    pub columns: List<Column>,
    /// Whether all its columns, constraints and indexes are known: made by a statement, or told by a server. Where it is
    /// not, only what statements said of it is here, what is not here may be there, and a plain table may as well be
    /// another kind of relation.
    pub is_complete: bool,
    /// Its constraints.
    pub constraints: List<TableConstraint>,
    /// Its indexes.
    pub indexes: List<Index>,
    /// How it parts its rows.
    pub partition_by: Option<super::command::PartitionBy>,
    /// What it is a partition of, and which rows it takes.
    pub partition_of: Option<(QName, Bound)>,
    /// What it inherits from.
    pub parents: Vec<QName>,
    /// Its default partition.
    pub default_partition: Option<QName>,
    /// Its partitions and children.
    pub children: QNames,
    /// Tables with a foreign key to it.
    pub referenced_by: QNames,
    /// Views and materialized views that read it.
    pub read_by: QNames,
    /// Of a view: what it reads.
    pub reads: Vec<QName>,
    /// Of a view: the names of the columns in its query, without qualifiers; `*` where it takes all.
    pub mentions: BTreeSet<String>,
    /// Its triggers, names and functions.
    pub triggers: Vec<(String, Name)>,
    /// Those of them that fire for each row: the partitions of a partitioned table have them too.
    pub row_triggers: BTreeSet<String>,
    /// What logical decoding knows its rows by.
    pub replica_identity: ReplicaIdentity,
    /// Of a sequence: the table and the column that own it.
    pub owned_by: Option<(QName, String)>,
    /// Sequences that its columns own.
    pub owns: QNames,
    /// What a server says of it.
    pub statistics: Option<Statistics>,
    /// Whether a migration wrote rows into it.
    pub has_rows: bool,
    /// When it was made, where that was seen.
    pub born: Option<Birth>,
}

impl Index {
    /// A plain B-tree index of no columns: what is to be said of it is said by its fields.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            keys: Vec::new(),
            include: Vec::new(),
            mentions: BTreeSet::new(),
            is_unique: false,
            is_partial: false,
            has_expressions: false,
            method: "btree".to_owned(),
            is_valid: true,
            is_only: false,
            part_of: None,
            statistics: None,
            born: None,
        }
    }

    /// Whether a column is in it: in its key, included, or in an expression of it.
    pub fn uses(&self, column: &str) -> bool {
        self.keys.iter().flatten().any(|key| key == column)
            || self.include.iter().any(|included| included == column)
            || self.mentions.contains(column)
    }
}

impl Column {
    /// A column of which nothing but its name is known.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            type_name: None,
            collation: None,
            is_not_null: false,
            default: None,
            generated: None,
            is_identity: false,
            born: None,
        }
    }
}

impl Relation {
    /// A permanent relation of which nothing but its name and its kind is known.
    pub fn new(name: QName, kind: RelationKind) -> Self {
        Self {
            name,
            kind,
            persistence: Persistence::Permanent,
            columns: List::default(),
            is_complete: false,
            constraints: List::default(),
            indexes: List::default(),
            partition_by: None,
            partition_of: None,
            default_partition: None,
            parents: Vec::new(),
            children: QNames::default(),
            referenced_by: QNames::default(),
            read_by: QNames::default(),
            reads: Vec::new(),
            mentions: BTreeSet::new(),
            triggers: Vec::new(),
            row_triggers: BTreeSet::new(),
            replica_identity: ReplicaIdentity::Default,
            owned_by: None,
            owns: QNames::default(),
            statistics: None,
            has_rows: false,
            born: None,
        }
    }

    /// A column of a name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// A constraint of a name.
    pub fn constraint(&self, name: &str) -> Option<&TableConstraint> {
        self.constraints.iter().find(|constraint| constraint.name == name)
    }

    /// An index of a name.
    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    /// Whether it is partitioned.
    pub fn is_partitioned(&self) -> bool {
        self.kind == RelationKind::PartitionedTable
    }
}

/// A type of the user's.
#[derive(Debug, Clone, PartialEq)]
pub struct Type {
    /// Its name.
    pub name: QName,
    /// What it is.
    pub kind: TypeDefinition,
    /// When it was made, where that was seen.
    pub born: Option<Birth>,
}

/// What a type of the user's is.
#[derive(Debug, Clone, PartialEq)]
pub enum TypeDefinition {
    /// An enum: its values, and when each was added by `add value`.
    Enum(Vec<(String, Option<Birth>)>),
    /// A domain.
    Domain {
        /// What it is made of.
        base: TypeName,
        /// Its constraints (check and not null).
        constraints: Vec<super::command::Constraint>,
        /// Its default.
        default: Option<Expr>,
    },
    /// A row type.
    Composite,
    /// A range.
    Range,
    /// Anything else.
    Base,
}

/// A function of the user's. Overloads are told apart by their argument types as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Its name.
    pub name: QName,
    /// Its argument types, as written.
    pub arguments: Vec<TypeName>,
    /// Its volatility.
    pub volatility: Volatility,
    /// Its language.
    pub language: String,
    /// Whether PostgreSQL may put its body in place of a call: SQL, one select without a from, not strict, no settings, not security definer.
    /// Then the body's volatility counts, not the label.
    pub inlined: Option<Box<Expr>>,
    /// Whether it is a procedure.
    pub is_procedure: bool,
    /// How many of its arguments, the last ones, have a default.
    pub defaults: usize,
    /// Whether only a trigger can call it.
    pub is_of_trigger: bool,
    /// What its body does.
    pub body: Arc<Body>,
    /// When it was made, where that was seen.
    pub born: Option<Birth>,
}

/// What the catalog says to a name.
#[derive(Debug, Clone, Copy)]
pub enum Lookup<'a> {
    /// It is there.
    Known(&'a Relation),
    /// It is not there, and nothing says that it should not: no dump, no server.
    Unknown,
    /// It is not there, and everything that is there is known.
    Absent,
}

impl<'a> Lookup<'a> {
    /// The relation, where it is known.
    pub fn known(self) -> Option<&'a Relation> {
        match self {
            Self::Known(relation) => Some(relation),
            Self::Unknown | Self::Absent => None,
        }
    }
}

/// The schema at one moment of the replay.
#[derive(Debug, Clone)]
pub struct Catalog {
    pub(super) relations: RedBlackTreeMapSync<QName, Arc<Relation>>,
    /// Indexes by name: their table.
    pub(super) indexes: RedBlackTreeMapSync<QName, QName>,
    pub(super) types: RedBlackTreeMapSync<QName, Arc<Type>>,
    pub(super) functions: RedBlackTreeMapSync<QName, Arc<Vec<Function>>>,
    pub(super) schemas: RedBlackTreeSetSync<String>,
    /// Names of constraints, hashed, and how many have them: PostgreSQL's own choice of a name avoids those of the schema.
    constraint_names: RedBlackTreeMapSync<u64, usize>,
    /// Tables that have, or had, a column of a type.
    type_users: RedBlackTreeMapSync<QName, QNames>,
    /// Relations that are known not to be there: dropped, renamed or moved away.
    gone: RedBlackTreeSetSync<QName>,
    /// Relations that may have been dropped, or not.
    doubtful: RedBlackTreeSetSync<QName>,
    /// Whether a statement made a cast: then types become others in ways that are not known.
    has_own_casts: bool,
    /// Whether it holds everything there is: told by a server, a snapshot or a dump.
    pub(super) is_complete: bool,
    /// The schemas that a bare name is looked up in.
    pub(super) search_path: Vec<String>,
}

impl Default for Catalog {
    fn default() -> Self {
        let mut schemas = RedBlackTreeSetSync::new_sync();
        schemas.insert_mut("public".to_owned());
        Self {
            relations: RedBlackTreeMapSync::new_sync(),
            indexes: RedBlackTreeMapSync::new_sync(),
            types: RedBlackTreeMapSync::new_sync(),
            functions: RedBlackTreeMapSync::new_sync(),
            schemas,
            constraint_names: RedBlackTreeMapSync::new_sync(),
            type_users: RedBlackTreeMapSync::new_sync(),
            gone: RedBlackTreeSetSync::new_sync(),
            doubtful: RedBlackTreeSetSync::new_sync(),
            has_own_casts: false,
            is_complete: false,
            search_path: vec!["public".to_owned()],
        }
    }
}

impl Catalog {
    /// Where bare names are looked up; none is the default.
    pub fn set_search_path(&mut self, schemas: Option<&[String]>) {
        let given = schemas.unwrap_or_default().iter().flat_map(|part| part.split(','));
        let given = given.map(|part| part.trim().trim_matches('"')).filter(|part| !matches!(*part, "" | "$user"));
        let given: Vec<String> = given.map(str::to_owned).collect();
        self.search_path = if schemas.is_some() { given } else { vec!["public".to_owned()] };
    }

    /// The name as the catalog would keep it: the first schema of the path that has it, else the first of the path.
    pub fn resolve(&self, name: &Name) -> QName {
        if let Some(schema) = &name.schema {
            return QName::new(schema, &name.name);
        }
        let candidates = || self.search_path.iter().map(|schema| QName::new(schema, &name.name));
        let temporary = QName::new("pg_temp", &name.name);
        if self.relations.contains_key(&temporary) {
            return temporary;
        }
        let known = candidates().find(|name| self.relations.contains_key(name));
        let known = known.or_else(|| is_of_system(&name.name).then(|| QName::new("pg_catalog", &name.name)));
        known.or_else(|| candidates().next()).unwrap_or_else(|| QName::new("public", &name.name))
    }

    /// What is known of a relation.
    pub fn relation(&self, name: &Name) -> Lookup<'_> {
        self.get(&self.resolve(name))
    }

    /// What is known of a relation of a resolved name.
    pub fn get(&self, name: &QName) -> Lookup<'_> {
        match self.relations.get(name) {
            Some(relation) => Lookup::Known(relation),
            None if is_system_schema(&name.schema) || self.doubtful.contains(name) => Lookup::Unknown,
            None if self.is_complete || self.gone.contains(name) => Lookup::Absent,
            None => Lookup::Unknown,
        }
    }

    /// Every relation, by name.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values().map(|relation| &**relation)
    }

    /// The table of an index.
    pub fn table_of_index(&self, index: &Name) -> Option<&Relation> {
        let find = |schema: &str| self.indexes.get(&QName::new(schema, &index.name));
        let table = match &index.schema {
            Some(schema) => find(schema),
            None => self.search_path.iter().find_map(|schema| find(schema)),
        };
        table.and_then(|table| self.get(table).known())
    }

    /// A type of the user's.
    pub fn type_of(&self, name: &Name) -> Option<&Type> {
        // most columns are of PostgreSQL's own types, and many schemas have no others
        if self.types.is_empty() || name.schema.as_deref() == Some("pg_catalog") {
            return None;
        }
        let find = |schema: &str| self.types.get(&QName::new(schema, &name.name));
        match &name.schema {
            Some(schema) => find(schema),
            None => self.search_path.iter().find_map(|schema| find(schema)),
        }
        .map(|found| &**found)
    }

    /// The functions of a name.
    pub fn functions(&self, name: &Name) -> &[Function] {
        let find = |schema: &str| self.functions.get(&QName::new(schema, &name.name));
        match &name.schema {
            Some(schema) => find(schema),
            None => self.search_path.iter().find_map(|schema| find(schema)),
        }
        .map_or(&[], |found| found.as_slice())
    }

    /// The table of an index of a resolved name.
    pub fn table_of(&self, index: &QName) -> Option<&Relation> {
        self.indexes.get(index).and_then(|table| self.get(table).known())
    }

    /// Whether a statement made a cast of its own.
    pub fn has_own_casts(&self) -> bool {
        self.has_own_casts
    }

    /// Whether a schema is known to be there.
    pub fn has_schema(&self, name: &str) -> bool {
        self.schemas.contains(name)
    }

    /// Every type of the users', by name.
    pub fn types(&self) -> impl Iterator<Item = &Type> {
        self.types.values().map(|found| &**found)
    }

    /// Says how large a table is.
    pub fn set_statistics(&mut self, name: &QName, statistics: Statistics) {
        if let Some(relation) = self.relations.get(name) {
            let mut relation = (**relation).clone();
            relation.statistics = Some(statistics);
            self.relations.insert_mut(name.clone(), Arc::new(relation));
        }
    }

    /// Takes everything in it for older than the first script: the state that a dump, or a server, tells. `is_complete` says
    /// whether that is all there is.
    pub fn was_always_there(&mut self, is_complete: bool) {
        let old: Vec<Arc<Relation>> = self.relations.values().cloned().collect();
        for relation in old {
            let mut relation = (*relation).clone();
            relation.born = None;
            relation.has_rows = true;
            relation.columns.change(|_| true, |column| column.born = None);
            relation.constraints.change(|_| true, |constraint| constraint.born = None);
            relation.indexes.change(|_| true, |index| index.born = None);
            self.relations.insert_mut(relation.name.clone(), Arc::new(relation));
        }
        let types: Vec<Arc<Type>> = self.types.values().cloned().collect();
        for own in types {
            let mut own = (*own).clone();
            own.born = None;
            if let TypeDefinition::Enum(values) = &mut own.kind {
                values.iter_mut().for_each(|(_, born)| *born = None);
            }
            self.types.insert_mut(own.name.clone(), Arc::new(own));
        }
        let functions: Vec<(QName, Arc<Vec<Function>>)> =
            self.functions.iter().map(|(name, own)| (name.clone(), Arc::clone(own))).collect();
        for (name, own) in functions {
            let mut own = (*own).clone();
            own.iter_mut().for_each(|function| function.born = None);
            self.functions.insert_mut(name, Arc::new(own));
        }
        self.is_complete = is_complete;
    }

    /// Whether it holds everything there is.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Marks it as holding everything there is: after a dump, a snapshot or a server has told it.
    pub fn complete(&mut self) {
        self.is_complete = true;
    }
}

/// Whether a relation of a bare name is PostgreSQL's own, as far as the name tells.
fn is_of_system(name: &str) -> bool {
    name.starts_with("pg_")
}

/// Whether a schema holds what PostgreSQL itself has: no migration makes that, and no dump tells it.
fn is_system_schema(name: &str) -> bool {
    matches!(name, "pg_catalog" | "information_schema" | "pg_toast")
}

/// What an object kind is as a relation, where it is one.
impl RelationKind {
    /// The word of PostgreSQL for it.
    pub fn object(self) -> ObjectKind {
        match self {
            Self::Table | Self::PartitionedTable => ObjectKind::Table,
            Self::ForeignTable => ObjectKind::ForeignTable,
            Self::View => ObjectKind::View,
            Self::MaterializedView => ObjectKind::MaterializedView,
            Self::Sequence => ObjectKind::Sequence,
        }
    }
}
