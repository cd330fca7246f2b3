//! Facts: what was read from a server, as plain serialisable values. No judgement, no thresholds, no secrets.
//!
//! A [`Snapshot`] is the facts of one server taken together. It can be stored and judged on a machine that never saw the
//! server; that is what makes a score defensible. Each fact carries the time it was read, or the reason why it was not.

pub mod activity;
pub mod archiver;
pub mod clients;
pub mod columns;
pub mod constraints;
pub mod control;
pub mod database_stats;
pub mod databases;
pub mod extensions;
pub mod file_settings;
pub mod index_builds;
pub mod index_expressions;
pub mod index_pages;
pub mod index_stats;
pub mod indexes;
pub mod inheritance;
pub mod key_operators;
pub mod key_values;
pub mod locked_relations;
pub mod plans;
pub mod poolers;
pub mod prepared_transactions;
pub mod replication;
pub mod replication_slots;
pub mod role_databases;
pub mod roles;
pub mod sequence_uses;
pub mod sequences;
pub mod server;
pub mod setting_overrides;
pub mod settings;
pub mod ssl_sessions;
pub mod statements;
pub mod table_stats;
pub mod tables;
pub mod unread_sequences;

use crate::outcome::{Missing, Reason};
use crate::pg::{FromRow, Query};
use crate::report::Tool;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The majors whose catalogs the facts are read from; newer ones are read with the newest queries.
pub use crate::pg::KNOWN_MAJORS;

/// The version of the stored form of snapshots. Fields are added to it, never renamed.
pub const FORMAT: u32 = 1;

/// What was read, and when; or why it was not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact<T> {
    /// It was read.
    Read {
        /// The server's clock.
        at: Timestamp,
        /// What was read.
        rows: T,
    },
    /// It was not.
    Missing(Missing),
}

impl<T> Fact<T> {
    /// What was read, or why nothing was: `?` on it skips a check with that reason.
    ///
    /// # Errors
    /// The reason why it was not read.
    pub fn read(&self) -> Result<&T, Missing> {
        match self {
            Self::Read { rows, .. } => Ok(rows),
            Self::Missing(missing) => Err(missing.clone()),
        }
    }

    /// What was read, if anything.
    pub fn ok(&self) -> Option<&T> {
        match self {
            Self::Read { rows, .. } => Some(rows),
            Self::Missing(_) => None,
        }
    }

    /// When it was read.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Read { at, .. } => Some(*at),
            Self::Missing(_) => None,
        }
    }

    /// Why it was not read.
    pub fn missing(&self) -> Option<&Missing> {
        match self {
            Self::Read { .. } => None,
            Self::Missing(missing) => Some(missing),
        }
    }

    /// The same fact, its rows made into something else.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Read { at, rows } => Fact::Read { at, rows: change(rows) },
            Self::Missing(missing) => Fact::Missing(missing),
        }
    }
}

/// A fact that a stored snapshot does not have was not read by the version that wrote it.
impl<T> Default for Fact<T> {
    fn default() -> Self {
        Self::Missing(Missing::new(
            "fact",
            Reason::Input,
            "the snapshot does not hold it: the version of the tool that took it did not read it",
        ))
    }
}

/// The facts of one server, taken together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`FORMAT`].
    pub format: u32,
    /// The program that took it.
    pub tool: Tool,
    /// The server's clock when it was begun: "now" of every judgement.
    pub captured_at: Timestamp,
    /// Where it was taken: `host:port/database`.
    pub target: String,
    /// The facts of the server.
    pub server: Server,
    /// The facts of each database that was read.
    pub databases: Vec<Database>,
    /// The databases that were asked for and could not be entered, each with the reason.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// The sessions, sampled more than once where the run lasted.
    #[serde(default)]
    pub samples: Vec<Sample>,
    /// The poolers before it that were asked too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub poolers: Vec<poolers::Pooler>,
}

/// A database that was asked for and not read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub database: String,
    /// Why, and what would change that.
    pub reason: Missing,
}

/// The sessions at one of several instants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The server's clock.
    pub at: Timestamp,
    /// The sessions.
    pub sessions: Vec<activity::Activity>,
}

macro_rules! facts {
    ($(#[$meta:meta])* $name:ident { $($(#[$own:meta])* $own_field:ident : $own_type:ty),* ; $($(#[$doc:meta])* $field:ident : $type:ty,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$own])* pub $own_field: $own_type,)*
            $($(#[$doc])* pub $field: Fact<$type>,)+
        }
        impl $name {
            /// Without any fact, all for one reason.
            pub fn unread($($own_field: $own_type,)* missing: &Missing) -> Self {
                Self {
                    $($own_field,)*
                    $($field: Fact::Missing(Missing { fact: stringify!($field).to_owned(), ..missing.clone() }),)+
                }
            }

            /// Why each fact that could not be read was not.
            pub fn missing(&self) -> impl Iterator<Item = &Missing> {
                [$(self.$field.missing()),+].into_iter().flatten()
            }
        }
    };
}

facts! {
    /// The facts of a server, whichever database they were read from.
    Server { ;
        /// The server and the session that read it.
        server: server::Server,
        /// The identity of the cluster.
        control: control::Control,
        /// Configuration parameters, as the auditing session sees them.
        settings: Vec<settings::Setting>,
        /// Parameters set for roles and databases.
        setting_overrides: Vec<setting_overrides::SettingOverride>,
        /// What the configuration files say.
        file_settings: Vec<file_settings::FileSetting>,
        /// Roles.
        roles: Vec<roles::Role>,
        /// Databases.
        databases: Vec<databases::DatabaseInfo>,
        /// Who may enter which database.
        role_databases: Vec<role_databases::RoleDatabase>,
        /// The counters of each database.
        database_stats: Vec<database_stats::DatabaseStats>,
        /// Server processes.
        activity: Vec<activity::Activity>,
        /// The encryption of sessions.
        ssl_sessions: Vec<ssl_sessions::SslSession>,
        /// Receivers of write-ahead log.
        replication: Vec<replication::Replica>,
        /// Replication slots.
        replication_slots: Vec<replication_slots::ReplicationSlot>,
        /// Prepared transactions.
        prepared_transactions: Vec<prepared_transactions::PreparedTransaction>,
        /// The archiver.
        archiver: archiver::Archiver,
        /// The statements of all databases.
        statements: Vec<statements::Statement>,
        /// Since when statements are counted, and how many were forgotten.
        statements_info: statements::StatementsInfo,
    }
}

facts! {
    /// The facts of one database.
    Database {
        /// Its name.
        name: String ;
        /// Extensions.
        extensions: Vec<extensions::Extension>,
        /// Tables.
        tables: Vec<tables::Table>,
        /// Their counters.
        table_stats: Vec<table_stats::TableStats>,
        /// Columns.
        columns: Vec<columns::Column>,
        /// Indexes.
        indexes: Vec<indexes::Index>,
        /// Their counters.
        index_stats: Vec<index_stats::IndexStats>,
        /// Their expressions and predicates.
        index_expressions: Vec<index_expressions::IndexExpression>,
        /// Constraints.
        constraints: Vec<constraints::Constraint>,
        /// What can search for the equality of foreign keys.
        key_operators: Vec<key_operators::KeyOperator>,
        /// Parents of partitions and children.
        inheritance: Vec<inheritance::Inheritance>,
        /// Sequences.
        sequences: Vec<sequences::Sequence>,
        /// Measured: those whose last value could not be read.
        unread_sequences: Vec<unread_sequences::UnreadSequence>,
        /// The columns they feed.
        sequence_uses: Vec<sequence_uses::SequenceUse>,
        /// Relations that could not be read.
        locked_relations: Vec<locked_relations::LockedRelation>,
        /// Index builds in progress.
        index_builds: Vec<index_builds::IndexBuild>,
        /// Measured: the pages of indexes.
        index_pages: Vec<index_pages::IndexMeasure>,
        /// Measured: the greatest values of integer primary keys that no sequence feeds.
        key_values: Vec<key_values::KeyValue>,
        /// Measured: generic plans of statements.
        plans: Vec<plans::Plan>,
    }
}

/// The queries behind the facts, each with its variants: what the tests of `sql/facts` go through.
pub static QUERIES: &[&Query] = &[
    &server::QUERY,
    &control::QUERY,
    &settings::QUERY,
    &setting_overrides::QUERY,
    &file_settings::QUERY,
    &roles::QUERY,
    &databases::QUERY,
    &role_databases::QUERY,
    &database_stats::QUERY,
    &activity::QUERY,
    &clients::QUERY,
    &ssl_sessions::QUERY,
    &replication::QUERY,
    &replication_slots::QUERY,
    &prepared_transactions::QUERY,
    &archiver::QUERY,
    &extensions::QUERY,
    &tables::QUERY,
    &table_stats::QUERY,
    &columns::QUERY,
    &indexes::QUERY,
    &index_stats::QUERY,
    &index_expressions::QUERY,
    &constraints::QUERY,
    &key_operators::QUERY,
    &inheritance::QUERY,
    &sequences::QUERY,
    &sequence_uses::QUERY,
    &locked_relations::QUERY,
    &index_builds::QUERY,
];

/// The columns of every result, by the stem of its SQL file: what the tests compare each variant with.
pub static COLUMNS: &[(&str, &[&str])] = &[
    ("server", server::Server::COLUMNS),
    ("control", control::Control::COLUMNS),
    ("settings", settings::Setting::COLUMNS),
    ("setting_overrides", setting_overrides::SettingOverride::COLUMNS),
    ("file_settings", file_settings::FileSetting::COLUMNS),
    ("roles", roles::Role::COLUMNS),
    ("databases", databases::DatabaseInfo::COLUMNS),
    ("role_databases", role_databases::RoleDatabase::COLUMNS),
    ("database_stats", database_stats::DatabaseStats::COLUMNS),
    ("activity", activity::RawActivity::COLUMNS),
    ("clients", clients::Client::COLUMNS),
    ("ssl_sessions", ssl_sessions::SslSession::COLUMNS),
    ("replication", replication::Replica::COLUMNS),
    ("replication_slots", replication_slots::ReplicationSlot::COLUMNS),
    ("prepared_transactions", prepared_transactions::PreparedTransaction::COLUMNS),
    ("archiver", archiver::Archiver::COLUMNS),
    ("extensions", extensions::Extension::COLUMNS),
    ("tables", tables::Table::COLUMNS),
    ("table_stats", table_stats::TableStats::COLUMNS),
    ("columns", columns::Column::COLUMNS),
    ("indexes", indexes::Index::COLUMNS),
    ("index_stats", index_stats::IndexStats::COLUMNS),
    ("index_expressions", index_expressions::IndexExpression::COLUMNS),
    ("constraints", constraints::Constraint::COLUMNS),
    ("key_operators", key_operators::KeyOperator::COLUMNS),
    ("inheritance", inheritance::Inheritance::COLUMNS),
    ("sequences", sequences::Sequence::COLUMNS),
    ("sequence_uses", sequence_uses::SequenceUse::COLUMNS),
    ("locked_relations", locked_relations::LockedRelation::COLUMNS),
    ("index_builds", index_builds::IndexBuild::COLUMNS),
    ("statements", statements::RawStatement::COLUMNS),
    ("statements_info", statements::StatementsInfo::COLUMNS),
    ("index_pages", index_pages::IndexPages::COLUMNS),
];

impl Snapshot {
    /// The identity of the cluster, where it could be read: the same for a primary and its standbys.
    pub fn system_identifier(&self) -> Option<&str> {
        self.server.control.ok().map(|control| control.system_identifier.as_str())
    }

    /// The SQL that would give a role's privileges to the role the snapshot was taken as.
    pub fn grant(&self, group: &str) -> String {
        let role =
            self.server.server.ok().map_or("<the audit role>".to_owned(), |server| crate::sql::quote(&server.role));
        format!("grant {group} to {role};")
    }

    /// The database of a name.
    pub fn database(&self, name: &str) -> Option<&Database> {
        self.databases.iter().find(|database| database.name == name)
    }
}
