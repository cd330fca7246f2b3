//! What a statement of a migration says, in this program's own words: a command and what it names.
//!
//! Nothing here knows how it was parsed; [`super::statement`] is the only place that sees the parser's tree. Names are as
//! the catalog has them: folded, unquoted. A position is a byte offset into the text of the file.

use std::fmt;

/// A name as a statement writes it; without a schema where the `search_path` decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The schema, where the statement says one.
    pub schema: Option<String>,
    /// The name itself.
    pub name: String,
}

impl Name {
    /// A name without a schema.
    pub fn bare(name: impl Into<String>) -> Self {
        Self { schema: None, name: name.into() }
    }

    /// A name in a schema.
    pub fn qualified(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: Some(schema.into()), name: name.into() }
    }

    /// Quoted where it must be, to be pasted into SQL.
    pub fn sql(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", crate::sql::quote(schema), crate::sql::quote(&self.name)),
            None => crate::sql::quote(&self.name),
        }
    }
}

/// Plain, as messages show it.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// A type as a statement writes it.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeName {
    /// Its name: `int4`, `varchar`, `numeric`, as the catalog has it, in `pg_catalog` where the grammar says so.
    pub name: Name,
    /// Its modifiers, as written: `50` of `varchar(50)`, `10, 2` of `numeric(10, 2)`; of an interval the fields and the precision as the
    /// parser numbers them.
    pub modifiers: Vec<String>,
    /// How many dimensions of an array it has; 0 where it is none.
    pub dimensions: usize,
    /// Whether it is `setof`.
    pub is_set: bool,
}

/// An expression, as far as a migration's effects depend on it.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// `null`.
    Null,
    /// A literal: its text, without quotes.
    Literal(Literal),
    /// A column, its qualifiers first; `*` is a part.
    Column(Vec<String>),
    /// A parameter, `$1`.
    Parameter(i32),
    /// A call of a function.
    Call {
        /// The function.
        name: Name,
        /// Its arguments.
        arguments: Vec<Expr>,
        /// Whether it is an aggregate's or a window's form: `distinct`, `filter`, `over`, `*`.
        is_special: bool,
    },
    /// An operator with one argument or two: `left` is none where it is a prefix.
    Operator {
        /// Its name: `=`, `||`.
        name: Name,
        /// Before it.
        left: Option<Box<Expr>>,
        /// After it.
        right: Box<Expr>,
    },
    /// `x in (…)`, `not in`, `any`, `between`, `like` …: an operator over a list; never volatile by itself.
    Test {
        /// `in`, `not in`, `any`, `all`, `between`, `not between`, `like`, `ilike`, `similar`, `is distinct from`, `is not distinct from`, `nullif`.
        kind: String,
        /// What it works on, left first.
        arguments: Vec<Expr>,
    },
    /// `not x`.
    Not(Box<Expr>),
    /// `x and y and z`.
    And(Vec<Expr>),
    /// `x or y or z`.
    Or(Vec<Expr>),
    /// `x is null`.
    IsNull(Box<Expr>),
    /// `x is not null`.
    IsNotNull(Box<Expr>),
    /// `x is true` and the like: the test, as SQL, after the argument.
    IsBoolean(Box<Expr>, &'static str),
    /// `x::t`, `cast(x as t)`.
    Cast(Box<Expr>, TypeName),
    /// `x collate c`.
    Collate(Box<Expr>, Name),
    /// `current_date`, `current_user` and the like, in lower case.
    Value(String),
    /// `array[…]`.
    Array(Vec<Expr>),
    /// `row(…)`.
    Row(Vec<Expr>),
    /// `coalesce`, `greatest`, `least`: the word and the arguments.
    Choice(&'static str, Vec<Expr>),
    /// `case`: argument, arms, otherwise.
    Case {
        /// What is compared, where something is.
        argument: Option<Box<Expr>>,
        /// When and then.
        arms: Vec<(Expr, Expr)>,
        /// Else.
        otherwise: Option<Box<Expr>>,
    },
    /// A query within the expression: the functions it calls and the relations it reads.
    Query(Box<Reads>),
    /// Anything else, with the expressions in it; it cannot be written again.
    Other(Vec<Expr>),
}

/// A literal of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `5`, `-1` where the parser folds it, `1.5`.
    Number(String),
    /// `'x'`.
    Text(String),
    /// `true`, `false`.
    Bool(bool),
    /// `b'1'`, `x'f'`: as the parser has it.
    Bits(String),
}

/// The relations and functions that a query or an expression names, anywhere in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reads {
    /// Tables, views and the like; common table expressions not.
    pub relations: Vec<Name>,
    /// Functions that are called.
    pub functions: Vec<Name>,
    /// Of a view's query the names of columns in it, without their qualifiers, once each; `*` where it takes all.
    pub columns: Vec<String>,
}

/// A constraint, of a column, a table or a domain.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    /// Its name, where the statement says one.
    pub name: Option<String>,
    /// What it asks.
    pub kind: ConstraintKind,
    /// Its columns; of a column's own constraint that column.
    pub columns: Vec<String>,
    /// `not valid`.
    pub is_not_valid: bool,
    /// `not enforced` (18).
    pub is_not_enforced: bool,
    /// `deferrable`.
    pub is_deferrable: bool,
    /// `no inherit`.
    pub is_no_inherit: bool,
    /// `using index`.
    pub using_index: Option<String>,
    /// `nulls not distinct` (15).
    pub nulls_not_distinct: bool,
    /// `without overlaps`, `period` (18).
    pub is_temporal: bool,
    /// Where it is written, where known.
    pub position: Option<usize>,
}

/// What a constraint asks.
#[derive(Debug, Clone, PartialEq)]
pub enum ConstraintKind {
    /// `check (…)`.
    Check(Box<Expr>),
    /// `not null`.
    NotNull,
    /// `unique`.
    Unique,
    /// `primary key`.
    PrimaryKey,
    /// `exclude`.
    Exclusion,
    /// `references`, `foreign key`.
    ForeignKey {
        /// The referenced table.
        references: Name,
        /// Its columns; empty where its primary key is meant.
        columns: Vec<String>,
        /// The action on delete: `no action`, `restrict`, `cascade`, `set null`, `set default`.
        on_delete: &'static str,
        /// The action on update.
        on_update: &'static str,
    },
}

/// How a generated column is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generated {
    /// `stored`.
    Stored,
    /// `virtual` (18, and its default there).
    Virtual,
}

/// A column as a statement defines it.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDef {
    /// Its name.
    pub name: String,
    /// Its type; `serial` and its kin are written out as such: `serial`, `bigserial`, `smallserial`.
    pub type_name: TypeName,
    /// Its default.
    pub default: Option<Expr>,
    /// Whether `not null` is said, or follows from identity, serial or primary key.
    pub is_not_null: bool,
    /// How it is generated, and from what.
    pub generated: Option<(Generated, Expr)>,
    /// `generated … as identity`.
    pub is_identity: bool,
    /// `collate`.
    pub collation: Option<Name>,
    /// Its own constraints but `not null`: check, unique, primary key, references.
    pub constraints: Vec<Constraint>,
    /// Where it is written.
    pub position: Option<usize>,
}

impl ColumnDef {
    /// `serial`, `bigserial`, `smallserial` or their numbered names.
    pub fn is_serial(&self) -> bool {
        let named = |one| self.type_name.name.name == one;
        self.type_name.dimensions == 0
            && ["serial", "bigserial", "smallserial", "serial4", "serial8", "serial2"].into_iter().any(named)
    }
}

/// The kinds of objects that commands name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "PostgreSQL's own words")]
pub enum ObjectKind {
    Table,
    ForeignTable,
    View,
    MaterializedView,
    Index,
    Sequence,
    Schema,
    Type,
    Domain,
    Function,
    Procedure,
    Aggregate,
    Trigger,
    Rule,
    Policy,
    Extension,
    Column,
    Constraint,
    DomainConstraint,
    Attribute,
    EnumValue,
    Collation,
    Operator,
    Cast,
    Statistics,
    Publication,
    Subscription,
    Role,
    Database,
    Tablespace,
    Server,
    Language,
    LargeObject,
    EventTrigger,
    Other,
}

impl ObjectKind {
    /// PostgreSQL's word for it, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::ForeignTable => "foreign table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Index => "index",
            Self::Sequence => "sequence",
            Self::Schema => "schema",
            Self::Type => "type",
            Self::Domain => "domain",
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Aggregate => "aggregate",
            Self::Trigger => "trigger",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::Extension => "extension",
            Self::Column => "column",
            Self::Constraint => "constraint",
            Self::DomainConstraint => "domain constraint",
            Self::Attribute => "attribute",
            Self::EnumValue => "enum value",
            Self::Collation => "collation",
            Self::Operator => "operator",
            Self::Cast => "cast",
            Self::Statistics => "statistics",
            Self::Publication => "publication",
            Self::Subscription => "subscription",
            Self::Role => "role",
            Self::Database => "database",
            Self::Tablespace => "tablespace",
            Self::Server => "server",
            Self::Language => "language",
            Self::LargeObject => "large object",
            Self::EventTrigger => "event trigger",
            Self::Other => "object",
        }
    }
}

/// How a partitioned table parts its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionBy {
    /// `range`, `list`, `hash`.
    pub strategy: String,
    /// The columns of the key; none for an expression.
    pub key: Vec<Option<String>>,
}

/// Which rows a partition takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// `default`.
    Default,
    /// `for values in (…)`.
    In(Vec<Expr>),
    /// `for values from (…) to (…)`; none for `minvalue` and `maxvalue`.
    Range {
        /// Inclusive.
        from: Vec<Option<Expr>>,
        /// Exclusive.
        to: Vec<Option<Expr>>,
    },
    /// `with (modulus …, remainder …)`.
    Hash {
        /// Modulus.
        modulus: i32,
        /// Remainder.
        remainder: i32,
    },
    /// Not known: a snapshot does not say.
    Unknown,
}

/// How long a relation lives and how it is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Persistence {
    /// The usual.
    #[default]
    Permanent,
    /// `unlogged`.
    Unlogged,
    /// `temporary`.
    Temporary,
}

/// `create table`, `create foreign table`.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateTable {
    /// Its name.
    pub name: Name,
    /// Whether it is a foreign table.
    pub is_foreign: bool,
    /// Its persistence.
    pub persistence: Persistence,
    /// `if not exists`.
    pub if_not_exists: bool,
    /// Its columns.
    pub columns: Vec<ColumnDef>,
    /// Its table constraints.
    pub constraints: Vec<Constraint>,
    /// `inherits (…)`, or the parent of `partition of`.
    pub parents: Vec<Name>,
    /// `partition of … <bound>`.
    pub bound: Option<Bound>,
    /// `partition by`.
    pub partition_by: Option<PartitionBy>,
    /// `like …`: the tables, and what is included, in lower case.
    pub like: Vec<(Name, Vec<String>)>,
}

/// One action of `alter table`.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// What it does.
    pub kind: ActionKind,
    /// Where it is written, where known.
    pub position: Option<usize>,
}

/// What an action of `alter table` does.
#[derive(Debug, Clone, PartialEq)]
pub enum ActionKind {
    /// `add column`.
    AddColumn {
        /// The column.
        column: ColumnDef,
        /// `if not exists`.
        if_not_exists: bool,
    },
    /// `drop column`.
    DropColumn {
        /// The column.
        column: String,
        /// `if exists`.
        if_exists: bool,
        /// `cascade`.
        cascade: bool,
    },
    /// `alter column … type`.
    AlterType {
        /// The column.
        column: String,
        /// Its new type.
        type_name: TypeName,
        /// `collate`.
        collation: Option<Name>,
        /// `using`.
        using: Option<Expr>,
    },
    /// `set default`.
    SetDefault(String, Expr),
    /// `drop default`.
    DropDefault(String),
    /// `set not null`.
    SetNotNull(String),
    /// `drop not null`.
    DropNotNull(String),
    /// `set expression as` (17).
    SetExpression(String, Expr),
    /// `drop expression`.
    DropExpression(String),
    /// `add generated … as identity`.
    AddIdentity(String),
    /// `set generated`, `restart` of an identity.
    SetIdentity(String),
    /// `drop identity`.
    DropIdentity(String),
    /// `set statistics`.
    SetStatistics(String),
    /// `set storage`.
    SetStorage(String),
    /// `set compression`.
    SetCompression(String),
    /// `alter column … set (…)`, `reset (…)`.
    SetColumnOptions(String),
    /// `add constraint`.
    AddConstraint(Constraint),
    /// `validate constraint`.
    ValidateConstraint(String),
    /// `drop constraint`.
    DropConstraint {
        /// Its name.
        name: String,
        /// `if exists`.
        if_exists: bool,
        /// `cascade`.
        cascade: bool,
    },
    /// `alter constraint`.
    AlterConstraint {
        /// Its name.
        name: String,
        /// `enforced`, `not enforced` (18), where said.
        enforced: Option<bool>,
        /// `inherit`, `no inherit` (18), where said.
        inherit: Option<bool>,
    },
    /// `attach partition`.
    AttachPartition {
        /// The table that becomes one.
        partition: Name,
        /// The rows it takes.
        bound: Bound,
    },
    /// `alter index … attach partition`.
    AttachIndex(Name),
    /// `detach partition`.
    DetachPartition {
        /// The partition.
        partition: Name,
        /// `concurrently`.
        concurrently: bool,
        /// `finalize`.
        finalize: bool,
    },
    /// `inherit`.
    Inherit(Name),
    /// `no inherit`.
    NoInherit(Name),
    /// `set logged`.
    SetLogged,
    /// `set unlogged`.
    SetUnlogged,
    /// `set tablespace`.
    SetTablespace(String),
    /// `set access method`; none is the default.
    SetAccessMethod(Option<String>),
    /// `set (…)`: the names.
    SetOptions(Vec<String>),
    /// `reset (…)`: the names.
    ResetOptions(Vec<String>),
    /// `replica identity`.
    ReplicaIdentity(ReplicaIdentity),
    /// `enable row level security` and the like, in SQL's words.
    RowSecurity(&'static str),
    /// `owner to`.
    OwnerTo,
    /// `cluster on`.
    ClusterOn(String),
    /// `set without cluster`.
    SetWithoutCluster,
    /// `enable`, `disable trigger`: which one, none for `all` and `user`.
    Trigger {
        /// Whether it is enabled (in any manner).
        enable: bool,
        /// Its name; `all` and `user` are none.
        name: Option<String>,
    },
    /// `enable`, `disable rule`.
    Rule {
        /// Whether it is enabled.
        enable: bool,
        /// Its name.
        name: String,
    },
    /// `of`, `not of`.
    OfType,
    /// `options (…)` of a foreign table.
    ForeignOptions,
    /// Anything else, by the parser's word.
    Other(String),
}

/// What logical decoding knows an old row by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplicaIdentity {
    /// The primary key.
    Default,
    /// Nothing.
    Nothing,
    /// All columns.
    Full,
    /// An index.
    Index(String),
}

/// A member of an index's key.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexKey {
    /// The column; none for an expression.
    pub column: Option<String>,
    /// The expression; none for a column.
    pub expression: Option<Expr>,
}

/// `create index`.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateIndex {
    /// Its name, where said.
    pub name: Option<String>,
    /// Its table.
    pub table: Name,
    /// `on only`.
    pub only: bool,
    /// `unique`.
    pub is_unique: bool,
    /// `nulls not distinct` (15).
    pub nulls_not_distinct: bool,
    /// `concurrently`.
    pub concurrently: bool,
    /// `if not exists`.
    pub if_not_exists: bool,
    /// The access method: `btree` where nothing is said.
    pub method: String,
    /// Its key.
    pub keys: Vec<IndexKey>,
    /// `include`.
    pub include: Vec<String>,
    /// `where`.
    pub predicate: Option<Expr>,
}

/// `drop …`.
#[derive(Debug, Clone, PartialEq)]
pub struct Drop {
    /// What is dropped.
    pub kind: ObjectKind,
    /// Which ones.
    pub names: Vec<Name>,
    /// The table of a trigger, a rule or a policy.
    pub table: Option<Name>,
    /// `if exists`.
    pub if_exists: bool,
    /// `cascade`.
    pub cascade: bool,
    /// `concurrently`.
    pub concurrently: bool,
}

/// `… rename to`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rename {
    /// What is renamed.
    pub kind: ObjectKind,
    /// The object itself, or the one that the column, constraint, trigger, policy or value belongs to.
    pub object: Name,
    /// The old name, where it is a part of the object.
    pub part: Option<String>,
    /// The new name.
    pub to: String,
    /// `if exists`.
    pub if_exists: bool,
}

/// What a `create type` makes.
#[derive(Debug, Clone, PartialEq)]
pub enum TypeKind {
    /// An enum, with its values.
    Enum(Vec<String>),
    /// A row type.
    Composite(Vec<ColumnDef>),
    /// A range.
    Range,
    /// A base type or a shell.
    Base,
}

/// What `alter domain` does.
#[derive(Debug, Clone, PartialEq)]
pub enum DomainAction {
    /// `add`.
    Add(Constraint),
    /// `drop constraint`.
    Drop(String),
    /// `validate constraint`.
    Validate(String),
    /// `set not null`.
    SetNotNull,
    /// `drop not null`.
    DropNotNull,
    /// `set default`, `drop default`.
    Default(Option<Expr>),
}

/// How often a function may give another answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volatility {
    /// Always the same.
    Immutable,
    /// The same within a statement.
    Stable,
    /// Any.
    Volatile,
}

/// `create function`, `create procedure`.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateFunction {
    /// Its name.
    pub name: Name,
    /// Whether it is a procedure.
    pub is_procedure: bool,
    /// `or replace`.
    pub replace: bool,
    /// Its input arguments: names where said, types, and whether they have a default.
    pub arguments: Vec<(Option<String>, TypeName, bool)>,
    /// What it returns; none for a procedure and for `returns table`.
    pub returns: Option<TypeName>,
    /// Output columns: of `returns table` and `out` arguments.
    pub outputs: Vec<(Option<String>, TypeName)>,
    /// Its language, in lower case.
    pub language: String,
    /// Its volatility: volatile where nothing is said.
    pub volatility: Volatility,
    /// `strict`.
    pub is_strict: bool,
    /// `security definer`.
    pub is_security_definer: bool,
    /// Whether it has `set` clauses.
    pub has_settings: bool,
    /// Its body as text; none for a SQL-standard body and for C.
    pub body: Option<String>,
    /// The statements of its body, where they could be read.
    pub statements: Body,
}

/// What a piece of procedural code does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Body {
    /// The statements in it, in order of appearance; whether a branch runs is not known.
    pub statements: Vec<Inner>,
    /// What could not be read: where, and why (`execute of a string that is built`, `language plpython3u`).
    pub unread: Vec<Unread>,
    /// Where its text begins in the file, the opening quote not counted: line 1 is the rest of that line. None where it has no text of its own
    /// (`begin atomic`, `return`): then its lines are those of the statement.
    pub position: Option<usize>,
}

/// A statement within procedural code.
#[derive(Debug, Clone, PartialEq)]
pub struct Inner {
    /// What it says.
    pub command: Command,
    /// The line within the body, from 1.
    pub line: u32,
    /// Whether it stands in a loop.
    pub in_loop: bool,
    /// Whether it stands in a branch: it may not run.
    pub in_branch: bool,
}

/// A part of procedural code that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The line within the body, from 1.
    pub line: u32,
    /// Why, lower case, no full stop.
    pub because: String,
}

/// What a data statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DmlKind {
    /// `select`, `values`, `table`.
    Select,
    /// `insert`.
    Insert,
    /// `update`.
    Update,
    /// `delete`.
    Delete,
    /// `merge`.
    Merge,
}

/// A data statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Dml {
    /// What it is.
    pub kind: DmlKind,
    /// What it writes to.
    pub target: Option<Name>,
    /// What common table expressions within it write to.
    pub writes: Vec<(DmlKind, Name)>,
    /// The condition of an update or a delete.
    pub condition: Option<Expr>,
    /// Whether a `limit`, a `tablesample` or a list of keys bounds the rows it changes.
    pub is_bounded: bool,
    /// Of an insert: how many rows of `values`; none where a query supplies them.
    pub rows: Option<usize>,
    /// The columns an insert or an update names.
    pub columns: Vec<String>,
    /// What it reads and calls.
    pub reads: Reads,
    /// `for update`, `for share` and the like.
    pub locks_rows: bool,
    /// String literals in it, in order: an enum's new value may be among them. At most 64.
    pub literals: Vec<String>,
    /// Whether it is `select … into`: the table.
    pub into: Option<Name>,
    /// Whether it is a `merge` with `returning` (17).
    pub merge_returns: bool,
}

/// What a `set` says.
#[derive(Debug, Clone, PartialEq)]
pub enum SetTo {
    /// A value: its parts, as text.
    Value(Vec<String>),
    /// `to default`, `reset`.
    Default,
    /// `from current`.
    Current,
}

/// What a statement does to the transaction it runs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transaction {
    /// `begin`, `start transaction`.
    Begin,
    /// `commit`, `end`; and chain.
    Commit {
        /// `and chain`.
        chain: bool,
    },
    /// `rollback`, `abort`.
    Rollback {
        /// `and chain`.
        chain: bool,
    },
    /// `savepoint`.
    Savepoint(String),
    /// `release`.
    Release(String),
    /// `rollback to`.
    RollbackTo(String),
    /// `prepare transaction`.
    Prepare,
    /// `commit prepared`, `rollback prepared`.
    Prepared,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// `begin`, `commit` and the like.
    Transaction(Transaction),
    /// `set`, `reset`.
    Set {
        /// The setting, in lower case; `*` for `reset all`.
        name: String,
        /// What it is set to.
        to: SetTo,
        /// `set local`.
        is_local: bool,
    },
    /// `discard`.
    Discard,
    /// `create table`.
    CreateTable(CreateTable),
    /// `create table as`, `create materialized view`.
    CreateTableAs {
        /// Its name.
        name: Name,
        /// Whether it is a materialized view.
        is_materialized_view: bool,
        /// `if not exists`.
        if_not_exists: bool,
        /// Its persistence.
        persistence: Persistence,
        /// `with no data` is false.
        with_data: bool,
        /// The names of its columns, where they can be told.
        columns: Vec<String>,
        /// What it reads.
        reads: Reads,
    },
    /// `alter table`, and the forms of `alter index`, `alter view`, `alter materialized view`, `alter sequence` and `alter
    /// foreign table` that the parser treats alike.
    AlterTable {
        /// What the statement calls it.
        kind: ObjectKind,
        /// The relation.
        name: Name,
        /// `only`.
        only: bool,
        /// `if exists`.
        if_exists: bool,
        /// Its actions.
        actions: Vec<Action>,
    },
    /// `alter … all in tablespace`.
    MoveAll,
    /// `drop`.
    Drop(Drop),
    /// `… rename`.
    Rename(Rename),
    /// `… set schema`.
    SetSchema {
        /// What moves.
        kind: ObjectKind,
        /// Which one.
        name: Name,
        /// Where to.
        schema: String,
    },
    /// `… owner to` but for relations.
    OwnerTo(ObjectKind, Name),
    /// `create index`.
    CreateIndex(CreateIndex),
    /// `reindex`.
    Reindex {
        /// Index, table, schema, database (`system` is a database).
        kind: ObjectKind,
        /// Which one; none where it is the current database.
        name: Option<Name>,
        /// `concurrently`.
        concurrently: bool,
    },
    /// `cluster`; without a table all that were clustered before.
    Cluster(Option<Name>),
    /// `vacuum`, `analyze`.
    Vacuum {
        /// False for a mere `analyze`.
        is_vacuum: bool,
        /// `full`.
        is_full: bool,
        /// Which tables; empty is all.
        tables: Vec<Name>,
    },
    /// `refresh materialized view`.
    Refresh {
        /// Which one.
        name: Name,
        /// `concurrently`.
        concurrently: bool,
        /// `with no data` is false.
        with_data: bool,
    },
    /// `create type`.
    CreateType {
        /// Its name.
        name: Name,
        /// What it is.
        kind: TypeKind,
    },
    /// `alter type … add value`.
    AddEnumValue {
        /// The enum.
        name: Name,
        /// The value.
        value: String,
        /// `if not exists`.
        if_not_exists: bool,
    },
    /// `alter type … rename value`.
    RenameEnumValue {
        /// The enum.
        name: Name,
        /// The old value.
        from: String,
        /// The new one.
        to: String,
    },
    /// `alter type` of a row type: its actions as a table's.
    AlterCompositeType {
        /// The type.
        name: Name,
        /// Its actions.
        actions: Vec<Action>,
    },
    /// `create domain`.
    CreateDomain {
        /// Its name.
        name: Name,
        /// What it is made of.
        base: TypeName,
        /// Its constraints.
        constraints: Vec<Constraint>,
        /// Its default.
        default: Option<Expr>,
        /// `collate`.
        collation: Option<Name>,
    },
    /// `alter domain`.
    AlterDomain {
        /// The domain.
        name: Name,
        /// What it does.
        action: DomainAction,
    },
    /// `create view`.
    CreateView {
        /// Its name.
        name: Name,
        /// `or replace`.
        replace: bool,
        /// Its persistence.
        persistence: Persistence,
        /// The names of its columns, in order, where all can be told.
        columns: Option<Vec<String>>,
        /// What it reads.
        reads: Reads,
        /// `with (…)`: the names.
        options: Vec<String>,
    },
    /// `create function`, `create procedure`.
    CreateFunction(CreateFunction),
    /// `alter function`, its volatility where that is said.
    AlterFunction {
        /// The function.
        name: Name,
        /// Its new volatility.
        volatility: Option<Volatility>,
    },
    /// `create trigger`.
    CreateTrigger {
        /// Its name.
        name: String,
        /// Its table.
        table: Name,
        /// `or replace`.
        replace: bool,
        /// The function it calls.
        function: Name,
        /// `from …` of a constraint trigger.
        references: Option<Name>,
        /// Whether it fires for each row.
        for_each_row: bool,
        /// `insert`, `update`, `delete`, `truncate`.
        events: Vec<&'static str>,
    },
    /// `create rule`.
    CreateRule {
        /// Its name.
        name: String,
        /// Its table.
        table: Name,
    },
    /// `create policy`, `alter policy`.
    Policy {
        /// Its name.
        name: String,
        /// Its table.
        table: Name,
        /// Whether it is new.
        is_new: bool,
    },
    /// `create sequence`.
    CreateSequence {
        /// Its name.
        name: Name,
        /// `if not exists`.
        if_not_exists: bool,
        /// Its persistence.
        persistence: Persistence,
        /// `owned by`: the table and the column.
        owned_by: Option<(Name, String)>,
    },
    /// `alter sequence`.
    AlterSequence {
        /// Its name.
        name: Name,
        /// `owned by`: the table and the column.
        owned_by: Option<(Name, String)>,
    },
    /// `create schema`, with what it makes in itself.
    CreateSchema {
        /// Its name.
        name: String,
        /// `if not exists`.
        if_not_exists: bool,
        /// The commands in it.
        elements: Vec<Command>,
    },
    /// `create statistics`.
    CreateStatistics(Vec<Name>),
    /// `create extension`.
    CreateExtension(String),
    /// `comment on`.
    Comment {
        /// What it speaks of; of a column the table is `name`.
        kind: ObjectKind,
        /// Which one.
        name: Name,
    },
    /// `grant`, `revoke`.
    Grant {
        /// Whether it takes away.
        is_revoke: bool,
        /// What on; a role where roles are granted.
        kind: ObjectKind,
        /// Which ones.
        objects: Vec<Name>,
        /// The privileges in lower case; empty is all.
        privileges: Vec<String>,
        /// To whom or from whom.
        grantees: Vec<String>,
        /// `all tables in schema`, `alter default privileges`.
        is_wholesale: bool,
    },
    /// `truncate`.
    Truncate {
        /// Which tables.
        tables: Vec<Name>,
        /// `cascade`.
        cascade: bool,
        /// `restart identity`.
        restart_identity: bool,
    },
    /// `lock table`.
    Lock {
        /// Which tables.
        tables: Vec<Name>,
        /// Those of them without what is below: `only`.
        only: Vec<Name>,
        /// The mode.
        mode: crate::lock::LockMode,
        /// `nowait`.
        nowait: bool,
    },
    /// `select`, `insert`, `update`, `delete`, `merge`.
    Dml(Dml),
    /// `copy`.
    Copy {
        /// The table; none for a query.
        table: Option<Name>,
        /// Whether it writes to the table.
        is_from: bool,
        /// Whether the rows follow in the file.
        is_stdin: bool,
        /// What its query reads.
        reads: Reads,
    },
    /// `do`.
    Do {
        /// Its language, in lower case.
        language: String,
        /// What it does.
        body: Body,
    },
    /// `call`.
    Call(Name),
    /// `explain`: what it explains, and whether it runs it.
    Explain {
        /// `analyze`.
        runs: bool,
        /// The statement.
        command: Box<Command>,
    },
    /// `prepare`: what it prepares.
    Prepare(Box<Command>),
    /// `create publication`, `alter publication`.
    Publication {
        /// Whether it is new.
        is_new: bool,
        /// Its name.
        name: String,
        /// The tables it names.
        tables: Vec<Name>,
        /// `for all tables`.
        all_tables: bool,
        /// Whether a table has a list of columns or a `where` (15).
        has_filter: bool,
    },
    /// `create subscription`, `alter subscription`, `drop subscription`: the slot on the other side makes it unfit for a transaction.
    Subscription {
        /// Whether it cannot run in a transaction, as written.
        no_transaction: bool,
        /// Its words.
        words: &'static str,
    },
    /// What only the server as a whole has, and never in a transaction: `create database`, `drop database`, `create tablespace`, `alter system`, …
    OfServer(&'static str),
    /// `alter database`, `alter role` and the like: no relation is concerned.
    Settings(&'static str),
    /// `alter extension`.
    AlterExtension(String),
    /// Anything else, by its first words.
    Other(String),
}

impl Command {
    /// What it is, as PostgreSQL's command tags say it, in lower case.
    pub fn tag(&self) -> &str {
        match self {
            Self::Transaction(transaction) => match transaction {
                Transaction::Begin => "begin",
                Transaction::Commit { .. } => "commit",
                Transaction::Rollback { .. } => "rollback",
                Transaction::Savepoint(_) => "savepoint",
                Transaction::Release(_) => "release",
                Transaction::RollbackTo(_) => "rollback to savepoint",
                Transaction::Prepare => "prepare transaction",
                Transaction::Prepared => "commit prepared",
            },
            Self::Set { .. } => "set",
            Self::Discard => "discard",
            Self::CreateTable(create) if create.is_foreign => "create foreign table",
            Self::CreateTable(_) => "create table",
            Self::CreateTableAs { is_materialized_view: true, .. } => "create materialized view",
            Self::CreateTableAs { .. } => "create table as",
            Self::AlterTable { kind, .. } => match kind {
                ObjectKind::Index => "alter index",
                ObjectKind::View => "alter view",
                ObjectKind::MaterializedView => "alter materialized view",
                ObjectKind::Sequence => "alter sequence",
                ObjectKind::ForeignTable => "alter foreign table",
                _ => "alter table",
            },
            Self::MoveAll => "alter … all in tablespace",
            Self::Drop(_) => "drop",
            Self::Rename(_) => "rename",
            Self::SetSchema { .. } => "set schema",
            Self::OwnerTo(..) => "owner to",
            Self::CreateIndex(_) => "create index",
            Self::Reindex { .. } => "reindex",
            Self::Cluster(_) => "cluster",
            Self::Vacuum { is_vacuum: true, .. } => "vacuum",
            Self::Vacuum { .. } => "analyze",
            Self::Refresh { .. } => "refresh materialized view",
            Self::CreateType { .. } => "create type",
            Self::AddEnumValue { .. } | Self::RenameEnumValue { .. } | Self::AlterCompositeType { .. } => "alter type",
            Self::CreateDomain { .. } => "create domain",
            Self::AlterDomain { .. } => "alter domain",
            Self::CreateView { .. } => "create view",
            Self::CreateFunction(create) if create.is_procedure => "create procedure",
            Self::CreateFunction(_) => "create function",
            Self::AlterFunction { .. } => "alter function",
            Self::CreateTrigger { .. } => "create trigger",
            Self::CreateRule { .. } => "create rule",
            Self::Policy { is_new: true, .. } => "create policy",
            Self::Policy { .. } => "alter policy",
            Self::CreateSequence { .. } => "create sequence",
            Self::AlterSequence { .. } => "alter sequence",
            Self::CreateSchema { .. } => "create schema",
            Self::CreateStatistics(_) => "create statistics",
            Self::CreateExtension(_) => "create extension",
            Self::Comment { .. } => "comment",
            Self::Grant { is_revoke: true, .. } => "revoke",
            Self::Grant { .. } => "grant",
            Self::Truncate { .. } => "truncate",
            Self::Lock { .. } => "lock table",
            Self::Dml(dml) => match dml.kind {
                DmlKind::Select => "select",
                DmlKind::Insert => "insert",
                DmlKind::Update => "update",
                DmlKind::Delete => "delete",
                DmlKind::Merge => "merge",
            },
            Self::Copy { .. } => "copy",
            Self::Do { .. } => "do",
            Self::Call(_) => "call",
            Self::Explain { .. } => "explain",
            Self::Prepare(_) => "prepare",
            Self::Publication { is_new: true, .. } => "create publication",
            Self::Publication { .. } => "alter publication",
            Self::Subscription { words, .. } => words,
            Self::OfServer(words) | Self::Settings(words) => words,
            Self::AlterExtension(_) => "alter extension",
            Self::Other(words) => words,
        }
    }
}
