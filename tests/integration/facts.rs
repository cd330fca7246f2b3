//! The queries behind the facts, on real servers: every variant fits its struct, an odd database is read whole, what a role
//! may not see is missing with the SQL that would show it, and there are as many queries for many tables as for few.

use std::collections::{BTreeMap, BTreeSet};

use pgassay::checks::ALL;
use pgassay::collect::Databases;
use pgassay::facts::statements::{RawStatement, StatementsInfo, VARIANTS};
use pgassay::facts::{self, QUERIES, Snapshot, index_pages};
use pgassay::outcome::Reason;
use pgassay::pg::FromRow;
use pgassay::render;

use crate::auditing::{collected, config, failures, judge, missing, snapshot};
use crate::harness::{Database, Server, Session, each_major, majors, pgassay, server};

// ---------------------------------------------------------------------------------------------------- names and types

/// The fields of the struct that a fact's rows become.
fn fields(fact: &str) -> Option<&'static [&'static str]> {
    use facts as f;
    Some(match fact {
        "server" => f::server::Server::COLUMNS,
        "control" => f::control::Control::COLUMNS,
        "settings" => f::settings::Setting::COLUMNS,
        "setting_overrides" => f::setting_overrides::SettingOverride::COLUMNS,
        "file_settings" => f::file_settings::FileSetting::COLUMNS,
        "roles" => f::roles::Role::COLUMNS,
        "databases" => f::databases::DatabaseInfo::COLUMNS,
        "role_databases" => f::role_databases::RoleDatabase::COLUMNS,
        "database_stats" => f::database_stats::DatabaseStats::COLUMNS,
        "activity" => f::activity::RawActivity::COLUMNS,
        "clients" => f::clients::Client::COLUMNS,
        "ssl_sessions" => f::ssl_sessions::SslSession::COLUMNS,
        "replication" => f::replication::Replica::COLUMNS,
        "replication_slots" => f::replication_slots::ReplicationSlot::COLUMNS,
        "prepared_transactions" => f::prepared_transactions::PreparedTransaction::COLUMNS,
        "archiver" => f::archiver::Archiver::COLUMNS,
        "extensions" => f::extensions::Extension::COLUMNS,
        "tables" => f::tables::Table::COLUMNS,
        "table_stats" => f::table_stats::TableStats::COLUMNS,
        "columns" => f::columns::Column::COLUMNS,
        "indexes" => f::indexes::Index::COLUMNS,
        "index_stats" => f::index_stats::IndexStats::COLUMNS,
        "index_expressions" => f::index_expressions::IndexExpression::COLUMNS,
        "constraints" => f::constraints::Constraint::COLUMNS,
        "key_operators" => f::key_operators::KeyOperator::COLUMNS,
        "inheritance" => f::inheritance::Inheritance::COLUMNS,
        "sequences" => f::sequences::Sequence::COLUMNS,
        "sequence_uses" => f::sequence_uses::SequenceUse::COLUMNS,
        "locked_relations" => f::locked_relations::LockedRelation::COLUMNS,
        "index_builds" => f::index_builds::IndexBuild::COLUMNS,
        _ => return None,
    })
}

/// The result's columns, each with its type, as the server describes them; an error where it does not accept the text.
fn described(session: &Session, sql: &str) -> Result<Vec<(String, String)>, String> {
    session.described(sql).map_err(|error| match error.as_db_error() {
        Some(error) => error.to_string(),
        None => format!("{error:?}"),
    })
}

/// What every variant of each fact has returned so far, on whichever major.
type Shapes = BTreeMap<String, (String, Vec<(String, String)>)>;

fn same_shape(shapes: &mut Shapes, fact: &str, place: String, shape: Vec<(String, String)>, names: &[&str]) {
    let found: Vec<&str> = shape.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(found, names, "{fact}, {place}: the columns are not the fields of the struct");
    for (column, kind) in &shape {
        // the audit decodes built-in types only, and asks the server for none
        assert!(!kind.contains("Other"), "{fact}.{column}, {place}: {kind} is no built-in type");
    }
    let (first, known) = shapes.entry(fact.to_owned()).or_insert_with(|| (place.clone(), shape.clone()));
    assert_eq!(*known, shape, "{fact}: {first} and {place} return different columns or types");
}

#[test]
fn variants_return_the_same_columns_and_types() {
    let mut shapes = Shapes::new();
    each_major(|server| {
        let major = server.major;
        let database = server.database();
        let session = database.connect();
        for query in QUERIES {
            let names = fields(query.name).unwrap_or_else(|| panic!("fields() does not know {}", query.name));
            let chosen = query.sql(major).unwrap_or_else(|| panic!("{} has no variant for {major}", query.name));
            for (minimum, sql) in query.variants.iter().filter(|(minimum, _)| *minimum <= major) {
                let place = format!("variant {minimum} on PostgreSQL {major}");
                match described(&session, sql) {
                    Ok(shape) => same_shape(&mut shapes, query.name, place, shape, names),
                    // an older variant may read what a newer server no longer has
                    Err(_) if *sql != chosen => {}
                    Err(error) => panic!("{}, {place}: {error}", query.name),
                }
            }
        }
        // the extension's version decides, and one server has many
        let versions = session.rows(
            "select version from pg_available_extension_versions
             where name = 'pg_stat_statements' and string_to_array(version, '.')::int[] >= '{1,8}'
             order by string_to_array(version, '.')::int[]",
        );
        assert!(!versions.is_empty(), "PostgreSQL {major} has no pg_stat_statements");
        for version in versions.into_iter().filter_map(|row| row.into_iter().next().flatten()) {
            session.execute("drop schema if exists \"odd schema\" cascade; create schema \"odd schema\"");
            session.execute(&format!("create extension pg_stat_statements schema \"odd schema\" version '{version}'"));
            let chosen = facts::statements::sql(&version).unwrap();
            for ((_, _), sql) in VARIANTS {
                let text = sql.replace("extension_schema.", "\"odd schema\".");
                let place = format!("pg_stat_statements {version} on PostgreSQL {major}");
                match described(&session, &text) {
                    Ok(shape) => same_shape(&mut shapes, "statements", place, shape, RawStatement::COLUMNS),
                    Err(_) if *sql != chosen => {}
                    Err(error) => panic!("statements, {place}: {error}"),
                }
            }
            let text = facts::statements::INFO.replace("extension_schema.", "\"odd schema\".");
            match described(&session, &text) {
                Ok(shape) => same_shape(&mut shapes, "statements_info", version, shape, StatementsInfo::COLUMNS),
                Err(error) => assert_eq!(version, "1.8", "{error}"),
            }
            // and what is chosen decodes
            let (snapshot, _) = collected(&database.url(), Databases::Connected);
            let read = snapshot.server.statements.read().unwrap_or_else(|missing| panic!("{missing}"));
            assert!(read.iter().any(|statement| statement.counters.calls > 0 && statement.fingerprint.is_some()));
        }
        session.execute("create schema measures; create extension pgstattuple schema measures");
        let text = index_pages::SQL.replace("extension_schema.", "measures.");
        let shape = described(&session, &text).unwrap();
        same_shape(&mut shapes, "index_pages", format!("PostgreSQL {major}"), shape, index_pages::IndexPages::COLUMNS);
    });
    assert!(majors().is_empty() || shapes.len() == QUERIES.len() + 3);
}

// -------------------------------------------------------------------------------------------------------- odd objects

/// Names that a careless query, renderer or parser trips over; the last one has 63 bytes.
fn odd_names() -> Vec<String> {
    [
        "quo\"te",
        "apo'strophe",
        "sp ace",
        "new\nline",
        "tab\tbed",
        "emoji 🐘",
        "100%_wild*card?",
        "Select",
        "back\\slash",
        "a.b",
        "$1",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(["é".repeat(31) + "x"])
    .collect()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Every kind of object that a fact could trip over.
const OBJECTS: &str = r#"
create schema one;
create schema two;
create table one.same (id int primary key, note text);
create table two.same (id int primary key, note text unique, other text);
alter table two.same add constraint "self / reference" foreign key (other) references two.same (note) not valid;
create table parted (id bigint generated by default as identity, region int not null, day date not null) partition by list (region);
create table parted_1 partition of parted for values in (1) partition by range (day);
create table parted_1_2025 partition of parted_1 for values from ('2025-01-01') to ('2026-01-01');
create table parted_1_rest partition of parted_1 default;
create table parted_2 partition of parted for values in (2);
create index on parted (day, region);
alter table parted add primary key (id, region, day);
create table ancestor (id int, note text);
create table descendant (extra int) inherits (ancestor, one.same);
create domain positive as int check (value > 0);
create type mood as enum ('sad', 'ok');
create type pair as (a int, b text);
create table typed (id positive primary key, m mood, p pair, tags text[], j jsonb, span int4range, v int generated always as (length(tags[1])) stored);
create index on typed using gin (tags);
create index on typed using brin (v);
create index on typed using hash (m);
create unique index on typed ((j ->> 'key'), v desc nulls last) include (m) where v > 0;
create table booked (room int, during tsrange, exclude using gist (during with &&));
create unlogged table fleeting (id serial primary key);
create materialized view summary as select count(*) as n from typed;
create materialized view empty_view as select 1 as n with no data;
create view looked as select * from typed;
create foreign data wrapper dummy;
create server elsewhere foreign data wrapper dummy options (host 'nowhere');
create foreign table abroad (id int) server elsewhere options (table_name 'x');
create table nothing ();
create table dropped (a int, b int, c int);
alter table dropped drop column b;
create index on dropped (c, a);
create sequence lonely as smallint increment -1 cycle;
create table uses (id int default nextval('lonely'), other int generated always as identity);
create function twice(int) returns int language sql immutable as 'select $1 * 2';
create index on uses (twice(id));
create table statless (id int primary key) with (autovacuum_enabled = off, fillfactor = 10);
create statistics together on id, other from uses;
create publication everything for all tables;
insert into parted (region, day) select 1 + n % 2, date '2025-06-01' from generate_series(1, 100) as n;
insert into typed values (1, 'ok', (1, 'x'), '{a}', '{"key": 1}', '[1,2)');
"#;

/// A database with all of these, and a table of every odd name in a schema of the same.
fn odd(server: &Server) -> Database<'_> {
    let database = server.database();
    let session = database.connect();
    session.execute(OBJECTS);
    for name in odd_names() {
        let name = quoted(&name);
        session.execute(&format!(
            "create schema {name};
             create table {name}.{name} ({name} int primary key, parent int constraint {name} references {name}.{name});
             create sequence {name}.\"of {}\" owned by {name}.{name}.{name};
             insert into {name}.{name} values (1)",
            // so that this one is not too long
            name.trim_matches('"').chars().take(20).collect::<String>()
        ));
    }
    session.execute("analyze; create extension pg_stat_statements; create extension pgstattuple");
    database
}

#[test]
fn an_odd_database_is_read_whole() {
    each_major(|server| {
        let database = odd(server);
        // what no other session can see is no part of the database
        let other = database.connect();
        other.execute("create temporary table passing (id serial primary key); create temporary table same ()");
        let snapshot = snapshot(&database.url(), None);
        let nothing: Vec<String> = missing(&snapshot).iter().map(|(_, missing)| missing.to_string()).collect();
        assert_eq!(nothing, Vec::<String>::new(), "the superuser sees everything");

        let facts = &snapshot.databases[0];
        let tables: BTreeSet<(&str, &str)> =
            facts.tables.ok().unwrap().iter().map(|table| (table.schema.as_str(), table.name.as_str())).collect();
        let odd_names = odd_names();
        let mut expected: BTreeSet<(&str, &str)> =
            odd_names.iter().map(|name| (name.as_str(), name.as_str())).collect();
        expected.extend([("one", "same"), ("two", "same")]);
        for table in [
            "parted",
            "parted_1",
            "parted_1_2025",
            "parted_1_rest",
            "parted_2",
            "ancestor",
            "descendant",
            "typed",
            "booked",
            "fleeting",
            "summary",
            "empty_view",
            "abroad",
            "nothing",
            "dropped",
            "uses",
            "statless",
        ] {
            expected.insert(("public", table));
        }
        assert_eq!(tables, expected);
        assert_eq!(odd_names.last().map(String::len), Some(63));

        let oid = |name: &str| {
            let found = facts.tables.ok().unwrap().iter().find(|table| table.name == name && table.schema == "public");
            found.unwrap_or_else(|| panic!("{name}")).oid
        };
        let kind = |name: &str| facts.tables.ok().unwrap().iter().find(|table| table.name == name).unwrap().kind;
        assert_eq!([kind("parted"), kind("abroad"), kind("summary"), kind("typed")], ['p', 'f', 'm', 'r']);
        let parents = facts.inheritance.ok().unwrap();
        let parent = |child: &str| -> BTreeSet<u32> {
            parents.iter().filter(|row| row.child_oid == oid(child)).map(|row| row.parent_oid).collect()
        };
        assert_eq!(parent("parted_1_2025"), [oid("parted_1")].into());
        assert_eq!(parent("parted_1"), [oid("parted")].into());
        assert_eq!(parent("descendant").len(), 2);
        let expressions = facts.index_expressions.ok().unwrap();
        // what stands in a predicate is data, and stays behind
        let predicates: Vec<&str> = expressions.iter().filter_map(|text| text.predicate.as_deref()).collect();
        assert!(matches!(predicates[..], [predicate] if predicate.starts_with("(v > ") && !predicate.contains('0')));
        let keys = facts.constraints.ok().unwrap();
        assert!(keys.iter().any(|key| key.name == "self / reference" && !key.is_validated));
        assert!(keys.iter().any(|key| key.name == "new\nline" && key.r#type == 'f'));
        let columns = facts.columns.ok().unwrap();
        assert!(columns.iter().any(|column| column.name == "emoji 🐘"));
        assert!(
            !columns
                .iter()
                .any(|column| column.table_oid == oid("dropped") && column.name != "a" && column.name != "c")
        );

        // every check has an opinion on it, every format can say it, and nothing is lost on the way to a file
        let report = judge(&snapshot, None, &config(""));
        let stored: Snapshot = serde_json::from_slice(&serde_json::to_vec(&snapshot).unwrap()).unwrap();
        assert_eq!(judge(&stored, None, &config("")), report);
        for format in render::ALL.iter().map(|renderer| renderer.name) {
            let output = pgassay(&["audit", &database.url(), "--format", format, "--exit-zero", "-v"]);
            assert_eq!(output.code, Some(0), "{format}: {}", output.stderr);
            assert!(!output.stdout.contains('\u{1b}'), "{format}");
            // one line is one line, but for the SQL of a code block
            assert!(format == "markdown" || !output.stdout.contains("new\nline"), "{format}");
        }
        drop(other);
    });
}

#[test]
fn a_database_without_tables_is_read() {
    each_major(|server| {
        let database = server.database();
        let snapshot = snapshot(&database.url(), None);
        assert_eq!(failures(&snapshot), Vec::<String>::new());
        for (_, missing) in missing(&snapshot) {
            assert_eq!(missing.reason, Reason::Extension, "{missing}");
        }
        assert_eq!(snapshot.databases[0].tables.ok().map(Vec::len), Some(0));
        let report = judge(&snapshot, None, &config(""));
        assert_eq!(report.rules.iter().map(|rule| rule.id.as_str()).collect::<BTreeSet<_>>().len(), ALL.len());
    });
}

// --------------------------------------------------------------------------------------------------------- privileges

/// Roles of one test, gone with it.
struct Roles<'a>(&'a Server, Vec<String>);

impl Drop for Roles<'_> {
    fn drop(&mut self) {
        if let Ok(session) = crate::harness::try_connect(&self.0.url("postgres")) {
            for role in &self.1 {
                let _ = session.try_rows(&format!("drop role {role}"));
            }
        }
    }
}

#[test]
fn what_a_role_may_not_see_is_missing_with_what_unlocks_it() {
    each_major(|server| {
        let (monitor, nobody) = (format!("m_{}", server.major), format!("n_{}", server.major));
        let roles = Roles(server, vec![monitor.clone(), nobody.clone()]);
        let database = odd(server);
        database.execute(&format!("create role {monitor} login in role pg_monitor; create role {nobody} login"));
        // something that is worth measuring
        database
            .execute("create table large (id int primary key); insert into large select generate_series(1, 100000)");
        database.execute("analyze large; revoke all on schema public from public");
        for role in [&monitor, &nobody] {
            let url = database.url_as(role);
            let facts = snapshot(&url, None);
            assert_eq!(failures(&facts), Vec::<String>::new(), "as {role}");
            let report = judge(&facts, None, &config(""));
            let mut unlocks = BTreeSet::new();
            for (database, missing) in missing(&facts) {
                let expected = [Reason::Privilege, Reason::Extension, Reason::Disabled, Reason::Version];
                assert!(expected.contains(&missing.reason), "as {role}, {database:?}: {missing:?}");
                let unlock = missing.unlock.clone();
                unlocks.insert(unlock.unwrap_or_else(|| panic!("as {role}: nothing unlocks {missing:?}")));
            }
            for result in &report.rules {
                for group in result.unjudged.iter().filter(|group| group.reason == Reason::Privilege) {
                    let unlock = group.unlock_sql.clone();
                    unlocks.insert(unlock.unwrap_or_else(|| panic!("as {role}: {} {group:?}", result.id)));
                }
                if let Some(reason) = result.reason.as_ref().filter(|reason| reason.reason == Reason::Privilege) {
                    unlocks
                        .insert(reason.unlock.clone().unwrap_or_else(|| panic!("as {role}: {} {reason}", result.id)));
                }
            }
            assert!(!unlocks.is_empty(), "as {role}");
            // the SQL it names is the SQL that helps: after all of it nothing is hidden any more
            for round in 0..4 {
                let session = database.connect();
                for unlock in &unlocks {
                    // others are flags of the program, or a change of the server
                    if unlock.starts_with("grant ") {
                        session.execute(unlock);
                    }
                }
                let facts = snapshot(&url, None);
                let hidden: Vec<String> = missing(&facts)
                    .iter()
                    .filter(|(_, missing)| missing.reason == Reason::Privilege)
                    .map(|(_, missing)| format!("{missing:?}"))
                    .collect();
                assert_eq!(hidden, Vec::<String>::new(), "still hidden from {role} after {unlocks:#?}");
                let report = judge(&facts, None, &config(""));
                let unjudged: Vec<_> = report
                    .rules
                    .iter()
                    .flat_map(|result| result.unjudged.iter().filter(|group| group.reason == Reason::Privilege))
                    .collect();
                if unjudged.is_empty() {
                    break;
                }
                // one lock behind another
                assert!(round < 3, "still not judged as {role}: {unjudged:#?}");
                unlocks = unjudged.iter().filter_map(|group| group.unlock_sql.clone()).collect();
            }
        }
        database.execute(&format!("drop owned by {monitor}, {nobody}"));
        drop(database);
        drop(roles);
    });
}

// -------------------------------------------------------------------------------------------------------------- bounds

#[test]
fn many_tables_take_as_many_queries_as_few() {
    let server = server(*majors().last().unwrap());
    let asked = |tables: usize| {
        let database = server.database();
        database.execute(&format!(
            "create extension pg_stat_statements;
             do $$ begin for n in 1 .. {tables} loop
               execute format('create table t_%s (id serial primary key, parent int references t_%s, note text)',
                              n, greatest(1, n - 1));
               execute format('create index on t_%s (lower(note))', n);
             end loop; end $$"
        ));
        let (snapshot, costs) = collected(&database.url(), Databases::Connected);
        assert_eq!(snapshot.databases[0].tables.ok().map(Vec::len), Some(tables));
        let mut facts: Vec<&str> = costs.iter().map(|cost| cost.fact).collect();
        facts.sort_unstable();
        facts
    };
    let few = asked(10);
    assert_eq!(few, asked(500));
    assert_eq!(few.iter().collect::<BTreeSet<_>>().len(), few.len(), "each fact is read once");
    // sessions of clients are what a watch samples, and no part of a snapshot
    assert_eq!(few.len() + 1, QUERIES.len() + 2, "the queries, and two of pg_stat_statements");
}
