//! Facts by hand, for the tests of the checks: a small database in a few lines, without a server.

use crate::catalog::Catalog;
use crate::checks::context::{DatabaseContext, RoleKinds, ServerContext};
use crate::checks::{Check, Run};
use crate::facts::activity::{Activity, RawActivity};
use crate::facts::columns::Column;
use crate::facts::constraints::Constraint;
use crate::facts::control::Control;
use crate::facts::database_stats::DatabaseStats;
use crate::facts::databases::DatabaseInfo;
use crate::facts::index_expressions::IndexExpression;
use crate::facts::indexes::Index;
use crate::facts::key_operators::KeyOperator;
use crate::facts::role_databases::RoleDatabase;
use crate::facts::roles::Role;
use crate::facts::server::Server as ServerFact;
use crate::facts::setting_overrides::SettingOverride;
use crate::facts::settings::Setting;
use crate::facts::statements::{RawStatement, Statement, StatementsInfo};
use crate::facts::table_stats::TableStats;
use crate::facts::tables::Table;
use crate::facts::{Database, FORMAT, Fact, Server, Snapshot};
use crate::outcome::{Missing, Verdict};
use crate::report::Tool;
use crate::rule::Params;
use crate::time::Timestamp;

/// When every snapshot made here was taken.
pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T12:00:00Z").unwrap()
}

pub(crate) fn read<T>(rows: T) -> Fact<T> {
    Fact::Read { at: now(), rows }
}

/// The rows of a fact, to add to.
pub(crate) fn rows<T>(fact: &mut Fact<Vec<T>>) -> &mut Vec<T> {
    if matches!(fact, Fact::Missing(_)) {
        *fact = read(Vec::new());
    }
    match fact {
        Fact::Read { rows, .. } => rows,
        Fact::Missing(_) => unreachable!(),
    }
}

/// A server with one database `shop`, every fact read and empty; counters reset ten days ago, server up for twenty.
pub(crate) struct Lab {
    pub(crate) snapshot: Snapshot,
    pub(crate) before: Option<Snapshot>,
    pub(crate) replicas: Vec<Snapshot>,
    pub(crate) logged: Option<crate::queries::Queries>,
    pub(crate) params: Params,
    pub(crate) role_kinds: RoleKinds,
    pub(crate) reviews: Vec<crate::checks::context::Review>,
    pub(crate) service: Option<&'static str>,
    next_oid: u32,
}

pub(crate) const INT4: u32 = 23;
pub(crate) const INT8: u32 = 20;
pub(crate) const INT4_EQUALS: u32 = 96;
pub(crate) const INTEGER_FAMILY: u32 = 1976;

impl Lab {
    /// The PgBouncer before the server: one pool of twenty for `app` in `shop`.
    pub(crate) fn pooler(&mut self) -> &mut crate::facts::poolers::Pooler {
        use crate::facts::poolers::{Pool, Pooler};
        if self.snapshot.poolers.is_empty() {
            let pool = Pool {
                database: "shop".into(),
                user: "app".into(),
                mode: "transaction".into(),
                most: 20,
                ..Pool::default()
            };
            let pooler = Pooler { host: "bouncer:6432".into(), read_at: now(), pools: vec![pool], ..Pooler::default() };
            self.snapshot.poolers.push(pooler);
        }
        self.snapshot.poolers.first_mut().unwrap()
    }

    pub(crate) fn new() -> Self {
        let day = 86_400.0;
        let server = Server {
            server: read(ServerFact {
                version_number: 180_004,
                version: "18.4".into(),
                read_at: Some(now()),
                started_at: Some(now().plus_seconds(-20.0 * day)),
                block_size: 8192,
                database: "shop".into(),
                role: "auditor".into(),
                has_monitor: true,
                reads_all_stats: true,
                reads_all_settings: true,
                scans_tables: true,
                ..ServerFact::default()
            }),
            control: read(Control { system_identifier: "7400000000000000000".into(), timeline: 1 }),
            settings: read(vec![]),
            setting_overrides: read(vec![]),
            roles: read(vec![]),
            databases: read(vec![DatabaseInfo {
                name: "shop".into(),
                allows_connections: true,
                connection_limit: -1,
                connectable: true,
                ..DatabaseInfo::default()
            }]),
            role_databases: read(vec![]),
            database_stats: read(vec![DatabaseStats {
                database: "shop".into(),
                stats_reset: Some(now().plus_seconds(-10.0 * day)),
                ..DatabaseStats::default()
            }]),
            activity: read(vec![]),
            ssl_sessions: read(vec![]),
            replication: read(vec![]),
            replication_slots: read(vec![]),
            prepared_transactions: read(vec![]),
            statements: read(vec![]),
            statements_info: read(StatementsInfo { evicted: 0, stats_reset: Some(now().plus_seconds(-10.0 * day)) }),
            ..Server::default()
        };
        let database = Database {
            name: "shop".into(),
            extensions: read(vec![]),
            tables: read(vec![]),
            table_stats: read(vec![]),
            columns: read(vec![]),
            indexes: read(vec![]),
            index_stats: read(vec![]),
            index_expressions: read(vec![]),
            constraints: read(vec![]),
            key_operators: read(vec![KeyOperator {
                operator: INT4_EQUALS,
                operator_family: INTEGER_FAMILY,
                method: "btree".into(),
                default_types: vec![INT8, INT4],
            }]),
            inheritance: read(vec![]),
            sequences: read(vec![]),
            unread_sequences: read(vec![]),
            sequence_uses: read(vec![]),
            locked_relations: read(vec![]),
            index_builds: read(vec![]),
            index_pages: read(vec![]),
            key_values: read(vec![]),
            plans: read(vec![]),
        };
        Self {
            snapshot: Snapshot {
                format: FORMAT,
                tool: Tool::this(),
                captured_at: now(),
                target: "localhost:5432/shop as auditor".into(),
                server,
                databases: vec![database],
                left_out: vec![],
                samples: vec![],
                poolers: Vec::new(),
            },
            before: None,
            replicas: vec![],
            logged: None,
            params: Params::default(),
            role_kinds: RoleKinds::default(),
            reviews: vec![],
            service: None,
            next_oid: 20_000,
        }
    }

    fn oid(&mut self) -> u32 {
        self.next_oid += 1;
        self.next_oid
    }

    /// The database's facts, to change.
    pub(crate) fn db(&mut self) -> &mut Database {
        &mut self.snapshot.databases[0]
    }

    /// A table in `public` of int4 columns, so many rows in it; analyzed.
    pub(crate) fn table(&mut self, name: &str, columns: &[&str], row_count: f64) -> u32 {
        let oid = self.oid();
        rows(&mut self.db().tables).push(Table {
            oid,
            schema: "public".into(),
            name: name.into(),
            kind: 'r',
            persistence: 'p',
            owner: "owner".into(),
            pages: (row_count / 100.0).ceil() as i32,
            row_estimate: row_count,
            replica_identity: 'd',
            frozen_xid_age: Some(1000),
            ..Table::default()
        });
        rows(&mut self.db().table_stats).push(TableStats { oid, live_rows: row_count as i64, ..TableStats::default() });
        for (position, column) in columns.iter().enumerate() {
            rows(&mut self.db().columns).push(Column {
                table_oid: oid,
                number: position as i16 + 1,
                name: (*column).into(),
                type_oid: INT4,
                base_type_oid: INT4,
                r#type: "int4".into(),
                identity: '\0',
                generated: '\0',
                ..Column::default()
            });
        }
        oid
    }

    /// The row of a table, to change.
    pub(crate) fn table_row(&mut self, oid: u32) -> &mut Table {
        rows(&mut self.db().tables).iter_mut().find(|table| table.oid == oid).unwrap()
    }

    /// The counters of a table, to change.
    pub(crate) fn stats_row(&mut self, oid: u32) -> &mut TableStats {
        rows(&mut self.db().table_stats).iter_mut().find(|stats| stats.oid == oid).unwrap()
    }

    /// A valid B-tree index on columns of a table.
    pub(crate) fn index(&mut self, table_oid: u32, name: &str, columns: &[i16]) -> u32 {
        let oid = self.oid();
        let keys = columns.len();
        rows(&mut self.db().indexes).push(Index {
            oid,
            table_oid,
            name: name.into(),
            method: "btree".into(),
            kind: 'i',
            pages: 100,
            row_estimate: 10_000.0,
            is_valid: true,
            is_ready: true,
            is_live: true,
            key_count: keys as i16,
            columns: columns.to_vec(),
            collations: vec![0; keys],
            operator_classes: vec![1978; keys],
            operator_families: vec![INTEGER_FAMILY; keys],
            has_default_classes: true,
            is_immediate: true,
            options: vec![0; keys],
            ..Index::default()
        });
        oid
    }

    /// The row of an index, to change.
    pub(crate) fn index_row(&mut self, oid: u32) -> &mut Index {
        rows(&mut self.db().indexes).iter_mut().find(|index| index.oid == oid).unwrap()
    }

    /// Gives an index the text of its expressions and predicate.
    pub(crate) fn expression(&mut self, oid: u32, expressions: Option<&str>, predicate: Option<&str>) {
        self.index_row(oid).has_expressions = expressions.is_some();
        self.index_row(oid).has_predicate = predicate.is_some();
        rows(&mut self.db().index_expressions).push(IndexExpression {
            oid,
            expressions: expressions.map(str::to_owned),
            predicate: predicate.map(str::to_owned),
        });
    }

    /// A foreign key from columns of a table to columns of another.
    pub(crate) fn foreign_key(&mut self, name: &str, from: (u32, &[i16]), to: (u32, &[i16])) -> u32 {
        let oid = self.oid();
        rows(&mut self.db().constraints).push(Constraint {
            oid,
            table_oid: from.0,
            name: name.into(),
            r#type: 'f',
            columns: Some(from.1.to_vec()),
            referenced_table_oid: to.0,
            referenced_columns: Some(to.1.to_vec()),
            equality_operators: Some(vec![INT4_EQUALS; from.1.len()]),
            on_delete: 'a',
            on_update: 'a',
            r#match: 's',
            is_validated: true,
            is_enforced: true,
            ..Constraint::default()
        });
        oid
    }

    /// The row of a constraint, to change.
    pub(crate) fn constraint_row(&mut self, oid: u32) -> &mut Constraint {
        rows(&mut self.db().constraints).iter_mut().find(|constraint| constraint.oid == oid).unwrap()
    }

    /// A configuration parameter from the configuration file.
    pub(crate) fn setting(&mut self, name: &str, value: &str, unit: Option<&str>) {
        rows(&mut self.snapshot.server.settings).push(Setting {
            name: name.into(),
            setting: value.into(),
            unit: unit.map(str::to_owned),
            source: "configuration file".into(),
            boot_value: Some("0".into()),
            ..Setting::default()
        });
    }

    /// A login role that may enter the database.
    pub(crate) fn role(&mut self, name: &str) -> &mut Role {
        rows(&mut self.snapshot.server.role_databases)
            .push(RoleDatabase { role: name.into(), database: "shop".into() });
        let roles = rows(&mut self.snapshot.server.roles);
        roles.push(Role { name: name.into(), can_login: true, connection_limit: -1, ..Role::default() });
        roles.last_mut().unwrap()
    }

    /// A client's session that began so many seconds ago.
    pub(crate) fn session(&mut self, role: &str, state: &str, seconds: f64) -> &mut RawActivity {
        let at = Some(now().plus_seconds(-seconds));
        let pid = self.oid() as i32;
        let sessions = rows(&mut self.snapshot.server.activity);
        sessions.push(Activity {
            process: RawActivity {
                pid,
                backend_type: Some("client backend".into()),
                database: Some("shop".into()),
                role: Some(role.into()),
                application: Some("app".into()),
                client_address: Some("10.0.0.1".into()),
                started_at: at,
                state_changed_at: at,
                query_started_at: at,
                state: Some(state.into()),
                read_at: Some(now()),
                ..RawActivity::default()
            },
            fingerprint: None,
        });
        &mut sessions.last_mut().unwrap().process
    }

    /// A statement of `shop` run by `role`; its text goes through the same redaction as a server's.
    pub(crate) fn statement(&mut self, role: &str, text: &str, calls: i64, mean_ms: f64) -> &mut RawStatement {
        let id = self.oid().to_string();
        let raw = RawStatement {
            database: Some("shop".into()),
            role: Some(role.into()),
            query_id: Some(id),
            is_top_level: true,
            query: Some(text.into()),
            calls,
            total_ms: calls as f64 * mean_ms,
            min_ms: mean_ms,
            max_ms: mean_ms,
            mean_ms,
            ..RawStatement::default()
        };
        let statement: Statement = crate::facts::statements::redact(vec![raw]).remove(0);
        let statements = rows(&mut self.snapshot.server.statements);
        statements.push(statement);
        &mut statements.last_mut().unwrap().counters
    }

    /// A parameter set for a role, a database, or a role in a database.
    pub(crate) fn set(&mut self, role: Option<&str>, database: Option<&str>, name: &str, value: &str) {
        rows(&mut self.snapshot.server.setting_overrides).push(SettingOverride {
            database: database.map(str::to_owned),
            role: role.map(str::to_owned),
            name: name.into(),
            value: value.into(),
        });
    }

    /// What a function makes of the server.
    pub(crate) fn with_server<T>(&self, judge: impl FnOnce(&ServerContext<'_>) -> T) -> T {
        let queries = crate::queries::aggregate(&self.snapshot, self.before.as_ref());
        judge(&ServerContext {
            snapshot: &self.snapshot,
            before: self.before.as_ref(),
            replicas: &self.replicas,
            at: self.snapshot.captured_at,
            queries: &queries,
            logged: self.logged.as_ref(),
            params: &self.params,
            role_kinds: &self.role_kinds,
            reviews: &self.reviews,
            service: self.service,
        })
    }

    /// Runs a check over the server, or over the database `shop`.
    pub(crate) fn run(&self, check: &Check) -> Result<Verdict, Missing> {
        self.with_server(|server| {
            let catalog = Catalog::new(&self.snapshot.databases[0]);
            match check.run {
                Run::Server(run) => run(server),
                Run::Database(run) => {
                    run(&DatabaseContext { server: *server, database: &self.snapshot.databases[0], catalog: &catalog })
                }
            }
        })
    }

    /// The keys of what a check finds, without the rule, with the severity: `medium shop/public/orders/fk`.
    pub(crate) fn found(&self, check: &Check) -> Vec<String> {
        let verdict = self.run(check).unwrap();
        let key = |key: &str| key.split_once(':').unwrap().1.to_owned();
        verdict.findings.iter().map(|finding| format!("{} {}", finding.severity, key(&finding.key))).collect()
    }
}
