//! Transaction ids that are running out
//!
//! ## Why it matters
//! Transaction ids are 32 bits wide and go round. Before the oldest one that is still in use is lapped, the server stops
//! accepting writes in that database until it has been vacuumed; on a large table that takes hours or days.
//!
//! ## How it is decided
//! For each database, templates included, the age of its oldest transaction id, and of its oldest multixact.
//! Autovacuum begins to freeze at `autovacuum_freeze_max_age` (200 million by default), so an age well beyond it says that
//! freezing does not keep up: *medium* beyond `freeze_factor` times that, or beyond `warn_age`, whichever comes first, but
//! never before autovacuum's own point. *High* beyond `fail_age`; from `vacuum_failsafe_age` (1.6 billion) on vacuum drops
//! everything else to save the server, near 2.1 billion it stops. Multixacts likewise.
//! The tables that are oldest, materialized views and toast tables included, are listed for the databases that were read; where
//! none is known to be as old as its database a catalog is, and that is said. Listed too is whatever holds the horizon back:
//! sessions, prepared transactions, replication slots, standbys.
//!
//! ## What to do
//! First let go of what holds the horizon: end the session or the prepared transaction, bring the standby back or drop its
//! slot; until then vacuum cannot freeze. Then vacuum the oldest tables, before anything else; the whole database where no
//! user's table is that old.
//!
//! ## Limits
//! Where settings are hidden the defaults are assumed, and said so. What sessions hold back is hidden from a role that may
//! not read their statistics. In a database that was not read the tables are not known.

use super::prelude::*;
use crate::facts::databases::DatabaseInfo;
use crate::facts::tables::Table;

/// A database whose oldest transaction id is too old.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "xid-wraparound",
        category: Category::Vacuum,
        severity: Severity::Medium,
        source: include_str!("xid_wraparound.rs"),
    },
    params: &[&FREEZE_FACTOR, &WARN_AGE, &FAIL_AGE],
    run: Run::Server(run),
};

static FREEZE_FACTOR: Param = Param {
    name: "freeze_factor",
    doc: "medium beyond so many times the age at which autovacuum begins: it has not kept up",
    default: 2.0,
    unit: Unit::Count,
};

static WARN_AGE: Param = Param {
    name: "warn_age",
    doc: "medium beyond this age, a quarter of all there are, where autovacuum should have begun by then",
    default: 500_000_000.0,
    unit: Unit::Transactions,
};

static FAIL_AGE: Param = Param {
    name: "fail_age",
    doc: "high beyond this age; the field's alerts lie between 1.2 and 1.4 billion, the failsafe at 1.6",
    default: 1_200_000_000.0,
    unit: Unit::Transactions,
};

/// Where the ids have gone round.
const LAP: i64 = 2_147_483_648;

/// The most tables and holders that are told.
const TOLD: usize = 5;

/// The work of minutes, in transactions: what is younger holds nothing, and ages that are closer may be one.
const YOUNG: f64 = 1_000_000.0;

/// What runs out: transaction ids or multixacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Xid,
    Mxid,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Xid => "transactions",
            Self::Mxid => "multixacts",
        }
    }

    /// The setting at which autovacuum begins, and its default.
    fn freeze_setting(self) -> (&'static str, f64) {
        match self {
            Self::Xid => ("autovacuum_freeze_max_age", 200_000_000.0),
            Self::Mxid => ("autovacuum_multixact_freeze_max_age", 400_000_000.0),
        }
    }

    fn failsafe_setting(self) -> (&'static str, f64) {
        match self {
            Self::Xid => ("vacuum_failsafe_age", 1_600_000_000.0),
            Self::Mxid => ("vacuum_multixact_failsafe_age", 1_600_000_000.0),
        }
    }

    fn of_database(self, database: &DatabaseInfo) -> i32 {
        match self {
            Self::Xid => database.frozen_xid_age,
            Self::Mxid => database.min_mxid_age,
        }
    }

    /// The age of a table's ids and of its toast table's, where they are known.
    fn of_table(self, table: &Table) -> [Option<i32>; 2] {
        match self {
            Self::Xid => [table.frozen_xid_age, table.toast_frozen_xid_age],
            Self::Mxid => [table.min_mxid_age, None],
        }
    }
}

/// From where on an age is found, and what is known of the settings.
#[derive(Debug)]
struct Limits {
    freeze: f64,
    /// Whether the settings were hidden and the defaults stand in.
    assumed: bool,
    failsafe: f64,
    warn: f64,
    fail: f64,
}

fn limits(cx: &ServerContext<'_>, kind: Kind) -> Limits {
    let number = |(name, default): (&str, f64)| {
        let value = cx.setting(name).ok().and_then(|setting| setting.setting.parse::<f64>().ok());
        (value.unwrap_or(default), value.is_none())
    };
    let (freeze, assumed) = number(kind.freeze_setting());
    let (failsafe, _) = number(kind.failsafe_setting());
    let warn_age = cx.param(&CHECK.meta, &WARN_AGE);
    // who lets ids grow older on purpose is not behind before autovacuum even begins
    let warn = (freeze * cx.param(&CHECK.meta, &FREEZE_FACTOR)).min(warn_age.max(freeze));
    Limits { freeze, assumed, failsafe, warn, fail: cx.param(&CHECK.meta, &FAIL_AGE) }
}

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let databases = cx.snapshot.server.databases.read()?;
    let kinds = [Kind::Xid, Kind::Mxid].map(|kind| (kind, limits(cx, kind)));
    let mut verdict = Verdict::default();
    for database in databases {
        verdict.examine();
        // one finding a database: of the two kinds the one that is further gone
        let worst = kinds
            .iter()
            .filter_map(|(kind, limits)| {
                let age = f64::from(kind.of_database(database));
                let found = age > limits.warn.min(limits.fail);
                found.then_some((age, *kind, limits))
            })
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, kind, limits)) = worst {
            verdict.find(finding(cx, database, kind, limits));
        }
    }
    Ok(verdict)
}

fn finding(cx: &ServerContext<'_>, database: &DatabaseInfo, kind: Kind, limits: &Limits) -> Finding {
    let age = i64::from(kind.of_database(database));
    let is_high = age as f64 > limits.fail;
    let message = format!(
        "database {}: the oldest id is {} {} old, {} are left",
        database.name,
        humane(age as f64, &Unit::Transactions),
        kind.words(),
        humane((LAP - age).max(0) as f64, &Unit::Transactions)
    );
    let (freeze_setting, _) = kind.freeze_setting();
    let mut finding = Finding::new(&CHECK.meta, Subject::database(&database.name), message)
        .severity(if is_high { Severity::High } else { Severity::Medium })
        .count("age", age, Unit::Transactions)
        .number("threshold", if is_high { limits.fail } else { limits.warn.min(limits.fail) }, Unit::Transactions)
        .number(freeze_setting, limits.freeze, Unit::Transactions)
        .number("failsafe_age", limits.failsafe, Unit::Transactions)
        .count("left", (LAP - age).max(0), Unit::Transactions);
    if limits.assumed {
        finding = finding.text("assumed", format!("{freeze_setting} is hidden from this role: its default is assumed"));
    }
    finding = match kind {
        Kind::Xid => finding.count("mxid_age", i64::from(database.min_mxid_age), Unit::Transactions),
        Kind::Mxid => finding.count("xid_age", i64::from(database.frozen_xid_age), Unit::Transactions),
    };
    let worst = worst_tables(cx, database, kind, limits);
    // what is read a little later has aged meanwhile, never grown younger
    let oldest = worst.iter().flatten().map(|(age, ..)| *age).fold(0.0, f64::max);
    let is_catalog = worst.as_ref().is_some_and(|_| oldest + YOUNG < age as f64);
    if is_catalog && oldest > 0.0 {
        let because = "no user's table is known to be as old as the database: a catalog of the system is, or the last \
                       vacuum could not record its work";
        finding = finding.text("oldest", because);
    }
    finding = match &worst {
        None => finding.text("tables", "not known: the database was not read"),
        Some(tables) if tables.is_empty() => finding.text(
            "tables",
            "no user's table is that old: a catalog of the system is, or the last vacuum could not record its work",
        ),
        Some(tables) => finding.list(
            "tables",
            tables
                .iter()
                .map(|(age, table, toast)| {
                    let part = if *toast { " (toast)" } else { "" };
                    format!("{}.{}{part}: {}", table.schema, table.name, humane(*age, &Unit::Transactions))
                })
                .collect(),
        ),
    };
    let (holders, hidden) = holders(cx, &database.name, kind);
    if hidden {
        let unlock = cx.snapshot.grant("pg_read_all_stats");
        finding = finding.text("sessions", format!("what sessions hold back is hidden from this role: {unlock}"));
    }
    let held = !holders.is_empty();
    if held {
        finding = finding.list("held_by", holders.clone());
    }
    let place = if cx.server().is_ok_and(|server| server.in_recovery) { " on the primary," } else { "" };
    let first = match holders.first() {
        Some(holder) => format!("first let go of what holds the horizon back, such as {holder}; then,"),
        None => String::new(),
    };
    let what =
        if is_catalog { "vacuum all of it: no user's table is known to be that old" } else { "vacuum what is oldest" };
    let text = format!("{first}{place} in database {}, {what}", database.name).trim_start().to_owned();
    match worst {
        Some(tables) if !tables.is_empty() && !is_catalog => {
            // a toast table is vacuumed with its table
            let mut names: Vec<String> =
                tables.iter().map(|(_, table, _)| qualified(&table.schema, &table.name)).collect();
            let mut seen = std::collections::HashSet::new();
            names.retain(|name| seen.insert(name.clone()));
            let sql = names.iter().map(|name| format!("vacuum (freeze) {name};")).collect::<Vec<_>>().join("\n");
            finding.fix(text, sql, Some(LockMode::ShareUpdateExclusive))
        }
        _ if !database.allows_connections => finding.advice(format!(
            "{text}; nobody may connect to it: autovacuum alone works there, unless you allow connections for a while"
        )),
        _ => finding.fix(text, "vacuum (freeze);", Some(LockMode::ShareUpdateExclusive)),
    }
}

/// The oldest tables of a database beyond the point where autovacuum begins, oldest first; none where it was not read.
fn worst_tables<'a>(
    cx: &ServerContext<'a>,
    database: &DatabaseInfo,
    kind: Kind,
    limits: &Limits,
) -> Option<Vec<(f64, &'a Table, bool)>> {
    let tables = cx.snapshot.database(&database.name)?.tables.ok()?;
    let mut worst: Vec<(f64, &Table, bool)> = tables
        .iter()
        .flat_map(|table| {
            let [own, toast] = kind.of_table(table);
            [(own, false), (toast, true)]
                .into_iter()
                .filter_map(move |(age, is_toast)| Some((f64::from(age?), table, is_toast)))
        })
        .filter(|(age, ..)| *age > limits.freeze)
        .collect();
    worst.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (&a.1.schema, &a.1.name).cmp(&(&b.1.schema, &b.1.name))));
    worst.truncate(TOLD);
    Some(worst)
}

/// What holds back the horizon that vacuum freezes up to, oldest first, and whether sessions were hidden. Multixacts are
/// held by running transactions, whose age in multixacts nothing tells: the oldest are told all the same.
fn holders(cx: &ServerContext<'_>, database: &str, kind: Kind) -> (Vec<String>, bool) {
    let mut holders: Vec<(i32, String)> = Vec::new();
    let server = &cx.snapshot.server;
    let sessions = server.activity.ok().map_or(&[][..], Vec::as_slice);
    for session in sessions {
        let process = &session.process;
        // what standbys hold is told below; a worker of a parallel query holds what its leader does; vacuum itself nothing
        let counts_elsewhere = matches!(process.backend_type.as_deref(), Some("walsender" | "autovacuum worker"))
            || process.leader_pid.is_some();
        // a session of another database holds back its own tables and the shared ones only
        let is_elsewhere = process.database.as_deref().is_some_and(|name| name != database);
        if session.is_ours() || counts_elsewhere || is_elsewhere {
            continue;
        }
        if let Some(age) = process.xmin_age.max(process.xid_age) {
            let role = process.role.as_deref().unwrap_or("a background process");
            holders.push((age, format!("the session {} of {role}", process.pid)));
        }
    }
    for prepared in server.prepared_transactions.ok().into_iter().flatten() {
        if prepared.database == database {
            holders.push((prepared.xid_age, format!("the prepared transaction {}", literal(&prepared.name))));
        }
    }
    if kind == Kind::Xid {
        for slot in server.replication_slots.ok().into_iter().flatten() {
            // the horizon of the catalogs holds back the catalogs of all databases
            if let Some(age) = slot.xmin_age.max(slot.catalog_xmin_age) {
                holders.push((age, format!("the replication slot {}", slot.name)));
            }
        }
        for replica in server.replication.ok().into_iter().flatten() {
            if let Some(age) = replica.xmin_age {
                let name = replica.application.as_deref().unwrap_or("without a name");
                holders.push((age, format!("the standby {name}, by its feedback")));
            }
        }
    }
    holders.retain(|(age, _)| f64::from(*age) >= YOUNG);
    holders.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let hidden = server.activity.ok().is_none_or(|sessions| sessions.iter().any(|session| !session.is_visible()));
    let told = holders
        .into_iter()
        .take(TOLD)
        .map(|(age, holder)| format!("{holder} ({} transactions)", humane(f64::from(age), &Unit::Transactions)));
    (told.collect(), hidden)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::prepared_transactions::PreparedTransaction;
    use crate::facts::replication_slots::ReplicationSlot;
    use crate::testing::{Lab, rows};

    const NOTHING: [&str; 0] = [];
    const MILLION: i32 = 1_000_000;

    fn with(xid: i32, mxid: i32, change: impl FnOnce(&mut Lab)) -> Lab {
        let mut lab = Lab::new();
        let info = &mut rows(&mut lab.snapshot.server.databases)[0];
        (info.frozen_xid_age, info.min_mxid_age) = (xid, mxid);
        change(&mut lab);
        lab
    }

    #[test]
    fn ages_against_what_autovacuum_should_have_done() {
        assert_eq!(with(199 * MILLION, 0, |_| {}).found(&CHECK), NOTHING);
        assert_eq!(with(390 * MILLION, 0, |_| {}).found(&CHECK), NOTHING);
        assert_eq!(with(410 * MILLION, 0, |_| {}).found(&CHECK), ["medium shop"]);
        assert_eq!(with(1300 * MILLION, 0, |_| {}).found(&CHECK), ["high shop"]);
        assert_eq!(with(0, 450 * MILLION, |_| {}).found(&CHECK), NOTHING);
        assert_eq!(with(0, 550 * MILLION, |_| {}).found(&CHECK), ["medium shop"]);
        assert_eq!(with(0, 1300 * MILLION, |_| {}).found(&CHECK), ["high shop"]);
        assert_eq!(with(1300 * MILLION, 1400 * MILLION, |_| {}).found(&CHECK), ["high shop"], "one finding");
        let patient = |lab: &mut Lab| lab.setting("autovacuum_freeze_max_age", "1000000000", None);
        assert_eq!(with(900 * MILLION, 0, patient).found(&CHECK), NOTHING, "autovacuum has not begun");
        assert_eq!(with(1100 * MILLION, 0, patient).found(&CHECK), ["medium shop"]);
        let eager = |lab: &mut Lab| lab.setting("autovacuum_freeze_max_age", "100000000", None);
        assert_eq!(with(250 * MILLION, 0, eager).found(&CHECK), ["medium shop"]);
    }

    #[test]
    fn templates_count_and_need_no_connection() {
        let lab = with(0, 0, |lab| {
            let template = DatabaseInfo {
                name: "template0".into(),
                is_template: true,
                frozen_xid_age: 600 * MILLION,
                ..DatabaseInfo::default()
            };
            rows(&mut lab.snapshot.server.databases).push(template);
        });
        assert_eq!(lab.found(&CHECK), ["medium template0"]);
        assert!(lab.run(&CHECK).unwrap().findings[0].hint.as_ref().unwrap().sql.is_none());
    }

    #[test]
    fn the_oldest_tables_and_the_holders_are_named() {
        let lab = with(600 * MILLION, 0, |lab| {
            for (number, age) in [600, 580, 10, 500, 400, 300, 250].into_iter().enumerate() {
                let table = lab.table(&format!("t{number}"), &["id"], 10.0);
                lab.table_row(table).frozen_xid_age = Some(age * MILLION);
            }
            let view = lab.table("view", &["id"], 10.0);
            lab.table_row(view).kind = 'm';
            lab.table_row(view).toast_frozen_xid_age = Some(590 * MILLION);
            lab.session("app", "idle in transaction", 9000.0).xmin_age = Some(550 * MILLION);
            lab.session("app", "active", 1.0).xmin_age = Some(100);
            let sender = lab.session("standby", "active", 9000.0);
            (sender.backend_type, sender.database) = (Some("walsender".into()), None);
            sender.xmin_age = Some(598 * MILLION);
            let slot = ReplicationSlot { name: "old".into(), xmin_age: Some(599 * MILLION), ..Default::default() };
            rows(&mut lab.snapshot.server.replication_slots).push(slot);
            let elsewhere = PreparedTransaction { database: "b".into(), xid_age: 599 * MILLION, ..Default::default() };
            rows(&mut lab.snapshot.server.prepared_transactions).push(elsewhere);
        });
        let finding = lab.run(&CHECK).unwrap().findings.remove(0);
        let list = |name: &str| {
            let measure = finding.detail.iter().find(|measure| measure.name == name).unwrap();
            measure.value.to_string()
        };
        assert_eq!(
            list("tables"),
            "public.t0: 600,000,000, public.view (toast): 590,000,000, public.t1: 580,000,000, public.t3: 500,000,000, \
             public.t4: 400,000,000"
        );
        assert!(list("held_by").starts_with("the replication slot old (599,000,000 transactions), the session "));
        let hint = finding.hint.unwrap();
        assert!(hint.text.contains("such as the replication slot old"), "{}", hint.text);
        assert_eq!(hint.sql.unwrap().lines().next(), Some("vacuum (freeze) public.t0;"));
    }

    #[test]
    fn catalogs_older_than_every_table_need_the_whole_database() {
        let lab = with(600 * MILLION, 0, |lab| {
            let table = lab.table("t", &["id"], 10.0);
            lab.table_row(table).frozen_xid_age = Some(300 * MILLION);
        });
        let finding = lab.run(&CHECK).unwrap().findings.remove(0);
        assert!(finding.detail.iter().any(|measure| measure.name == "oldest"));
        let hint = finding.hint.unwrap();
        assert!(hint.text.contains("no user's table is known"), "{}", hint.text);
        assert_eq!(hint.sql.as_deref(), Some("vacuum (freeze);"));
    }

    #[test]
    fn hidden_settings_are_assumed_and_said() {
        let finding = with(450 * MILLION, 0, |_| {}).run(&CHECK).unwrap().findings.remove(0);
        assert!(finding.detail.iter().any(|measure| measure.name == "assumed"));
    }
}
