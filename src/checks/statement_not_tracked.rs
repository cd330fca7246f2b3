//! Statements not tracked
//!
//! ## Why it matters
//! Without `pg_stat_statements` nothing says which statements are slow, frequent or new; every other look at queries
//! begins with it.
//!
//! ## How it is decided
//! *Medium* where the library is not loaded, the extension exists in none of the databases that were read, its version is
//! older than any this program knows, or statements are not counted: `pg_stat_statements.track` or `compute_query_id`
//! switched off, for the server or for a database or an application's role that overrides it. *Low* where statements were forgotten
//! because there were more than `pg_stat_statements.max`. Texts that the audit's role may not see are not judged.
//!
//! ## What to do
//! Load the library, create the extension in one database, keep `track` at `top`.
//!
//! ## Limits
//! One database of a server is enough for the extension, and only the databases that were read are looked through. Roles
//! that set `track` in their own sessions are invisible. Statements are also forgotten when texts that differ in the length
//! of a list, or in names made for one use, take up the room: then a larger maximum only moves the problem.

use super::prelude::*;

/// Statements are not counted, or not all of them.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "statement-not-tracked",
        category: Category::Queries,
        severity: Severity::Medium,
        source: include_str!("statement_not_tracked.rs"),
    },
    params: &[],
    run: Run::Server(run),
};

const LIBRARY: &str = "pg_stat_statements";
const TRACK: &str = "pg_stat_statements.track";
const MAXIMUM: &str = "pg_stat_statements.max";
const QUERY_ID: &str = "compute_query_id";

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::default();
    match cx.snapshot.server.statements.read() {
        Ok(_) => {
            verdict.examine();
            switched_off(cx, &mut verdict);
            forgotten(cx, &mut verdict);
            if let Some(missing) = cx.queries.as_ref().ok().and_then(|queries| queries.hidden(cx.snapshot)) {
                verdict.cannot_tell(Subject::server(), missing);
            }
        }
        Err(missing) => match missing.reason {
            Reason::Extension | Reason::Disabled => {
                verdict.examine();
                absent(cx, &missing, &mut verdict);
            }
            Reason::Version if is_too_old(cx) => {
                verdict.examine();
                verdict.find(Finding::new(&CHECK.meta, Subject::server(), missing.because).fix(
                    "bring the extension to the version of the server's library",
                    "alter extension pg_stat_statements update;",
                    None,
                ));
            }
            // the read failed or was refused, or the snapshot is of another version: nothing is known of the server
            _ => return Err(missing),
        },
    }
    Ok(verdict)
}

/// Whether the extension is installed in a version that has nothing to read.
fn is_too_old(cx: &ServerContext<'_>) -> bool {
    let extensions = cx.snapshot.databases.iter().filter_map(|database| database.extensions.ok()).flatten();
    extensions
        .filter(|extension| extension.name == LIBRARY)
        .any(|extension| crate::facts::statements::sql(&extension.version).is_none())
}

/// The library is not loaded, or the extension exists nowhere; one of them can be told without the other.
fn absent(cx: &ServerContext<'_>, missing: &Missing, verdict: &mut Verdict) {
    let loaded = cx.server_setting("shared_preload_libraries").map(|libraries| {
        let name = |library: &str| library.trim().trim_matches('"').rsplit('/').next() == Some(LIBRARY);
        (libraries.split(',').any(name), libraries)
    });
    let is_loaded = match (&loaded, &missing.reason) {
        (_, Reason::Disabled) => Some(false),
        (Ok((is_loaded, _)), _) => Some(*is_loaded),
        (Err(_), _) => None,
    };
    if is_loaded == Some(false) {
        let others = loaded.map(|(_, libraries)| libraries).unwrap_or_default();
        let subject = Subject::named(SubjectKind::Setting, None, "shared_preload_libraries");
        let finding = Finding::new(&CHECK.meta, subject, "the server does not load pg_stat_statements")
            .text("shared_preload_libraries", others.clone());
        verdict.find(match (cx.service, others.as_str()) {
            (Some(service), _) => finding.advice(format!(
                "add pg_stat_statements to shared_preload_libraries in the parameters of {service}, and restart"
            )),
            // what is there already must stay, and only its names tell how it is written
            (None, "") => finding.fix(
                "load it, and restart the server",
                "alter system set shared_preload_libraries = pg_stat_statements;",
                None,
            ),
            (None, others) => finding.fix(
                "load it with what is loaded already, and restart the server",
                format!("alter system set shared_preload_libraries = {};", libraries(others)),
                None,
            ),
        });
    }
    if missing.reason == Reason::Extension {
        let finding = Finding::new(&CHECK.meta, Subject::server(), missing.because.clone())
            .list("databases", cx.snapshot.databases.iter().map(|database| database.name.clone()).collect());
        verdict.find(match is_loaded {
            Some(true) => {
                finding.fix("create it in one database, as a superuser", "create extension pg_stat_statements;", None)
            }
            _ => finding.fix(
                "create it in one database, as a superuser, once the server loads the library",
                "create extension pg_stat_statements;",
                None,
            ),
        });
    }
}

/// The list with the library added, each name quoted for `alter system`.
fn libraries(others: &str) -> String {
    let names = others.split(',').map(|name| name.trim().trim_matches('"')).filter(|name| !name.is_empty());
    names.chain([LIBRARY]).map(quote).collect::<Vec<_>>().join(", ")
}

/// Statements are seen but not counted, on the server or for some.
fn switched_off(cx: &ServerContext<'_>, verdict: &mut Verdict) {
    let is_off = |name: &str, value: &str| match name {
        TRACK => value.eq_ignore_ascii_case("none"),
        _ => ["off", "false", "no", "0"].iter().any(|off| value.eq_ignore_ascii_case(off)),
    };
    for (name, on) in [(TRACK, "top"), (QUERY_ID, "auto")] {
        let setting = |database: Option<&str>| Subject::named(SubjectKind::Setting, database, name);
        match cx.server_setting(name) {
            Ok(value) if is_off(name, &value) => {
                let finding =
                    Finding::new(&CHECK.meta, setting(None), format!("{name} is {value}: nothing is counted"))
                        .text("value", value);
                verdict.find(match cx.service {
                    Some(service) => finding.advice(format!("set it to {on} in the parameters of {service}")),
                    None => finding.fix(
                        "count what clients send",
                        format!("alter system set {name} = '{on}';\nselect pg_reload_conf();"),
                        None,
                    ),
                });
            }
            Ok(_) => {}
            Err(missing) => verdict.cannot_tell(setting(None), missing),
        }
        let overrides = match cx.snapshot.server.setting_overrides.read() {
            Ok(overrides) => overrides,
            Err(missing) => {
                verdict.cannot_tell(setting(None), missing);
                continue;
            }
        };
        for written in overrides.iter().filter(|written| written.name == name && is_off(name, &written.value)) {
            let (database, role) = (written.database.as_deref(), written.role.as_deref());
            // a monitor or a backup that keeps itself out of the statistics does them good
            if role.is_some_and(|role| !cx.is_application_named(role)) {
                continue;
            }
            let (subject, whose) = match (database, role) {
                (Some(database), None) => (setting(Some(database)), format!("database {database}")),
                (database, Some(role)) => (Subject::named(SubjectKind::Role, database, role), format!("role {role}")),
                // one for all roles and databases cannot be written
                (None, None) => (setting(None), "all".to_owned()),
            };
            let target = match (database, role) {
                (Some(database), Some(role)) => format!("role {} in database {}", quote(role), quote(database)),
                (None, Some(role)) => format!("role {}", quote(role)),
                (Some(database), None) => format!("database {}", quote(database)),
                (None, None) => "role all".to_owned(),
            };
            verdict.find(
                Finding::new(
                    &CHECK.meta,
                    subject,
                    format!("{name} is {} for {whose}: nothing of it is counted", written.value),
                )
                .text("setting", name)
                .text("value", written.value.clone())
                .fix(
                    "let it follow the server; sessions that are open keep the old value",
                    format!("alter {target} reset {name};"),
                    None,
                ),
            );
        }
    }
}

/// More statements than there was room for.
fn forgotten(cx: &ServerContext<'_>, verdict: &mut Verdict) {
    let Some(info) = cx.snapshot.server.statements_info.ok() else { return };
    // between two snapshots of one count, only what was forgotten since
    let earlier = cx
        .before
        .filter(|before| crate::window::comparable(before, cx.snapshot).is_ok())
        .and_then(|before| before.server.statements_info.ok())
        .filter(|before| before.stats_reset == info.stats_reset && before.evicted <= info.evicted);
    let times = info.evicted - earlier.map_or(0, |before| before.evicted);
    if times <= 0 {
        return;
    }
    let subject = Subject::named(SubjectKind::Setting, None, MAXIMUM);
    let message = format!(
        "statements were forgotten {} because there were more than {MAXIMUM}",
        if times == 1 { "once".to_owned() } else { format!("{} times", humane(times as f64, &Unit::Count)) }
    );
    let finding = Finding::new(&CHECK.meta, subject, message).severity(Severity::Low).count(
        "times_forgotten",
        times,
        Unit::Count,
    );
    let maximum = cx.setting(MAXIMUM).ok().and_then(|setting| setting.setting.parse::<i64>().ok());
    let text =
        "make room, which takes a restart, and see that lists of many lengths or names made for one use do not fill it";
    verdict.find(match (maximum, cx.service) {
        (Some(maximum), None) => finding.count("threshold", maximum, Unit::Count).fix(
            text,
            format!("alter system set {MAXIMUM} = {};", maximum.saturating_mul(2)),
            None,
        ),
        (Some(maximum), Some(_)) => finding.count("threshold", maximum, Unit::Count).advice(text),
        (None, _) => finding.advice(text),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Fact;
    use crate::facts::setting_overrides::SettingOverride;
    use crate::facts::statements::StatementsInfo;
    use crate::testing::{Lab, now, read, rows};

    fn lab() -> Lab {
        let mut lab = Lab::new();
        for (name, value) in
            [(TRACK, "top"), (QUERY_ID, "auto"), (MAXIMUM, "5000"), ("shared_preload_libraries", "pg_stat_statements")]
        {
            lab.setting(name, value, None);
        }
        lab
    }

    fn set(lab: &mut Lab, name: &str, value: &str) {
        let settings = rows(&mut lab.snapshot.server.settings);
        settings.iter_mut().find(|setting| setting.name == name).unwrap().setting = value.into();
    }

    fn without(lab: &mut Lab, reason: Reason) {
        lab.snapshot.server.statements = Fact::Missing(Missing::new("statements", reason, "no statements"));
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn a_server_that_tracks_passes() {
        let verdict = lab().run(&CHECK).unwrap();
        assert_eq!((verdict.findings.len(), verdict.examined, verdict.unjudged.len()), (0, 1, 0));
    }

    #[test]
    fn what_is_absent_is_told_apart() {
        let mut lab = lab();
        without(&mut lab, Reason::Extension);
        assert_eq!(lab.found(&CHECK), ["medium server"]);
        set(&mut lab, "shared_preload_libraries", "auto_explain, \"pg_stat_statements\"");
        assert_eq!(lab.found(&CHECK), ["medium server"]);
        set(&mut lab, "shared_preload_libraries", "auto_explain,$libdir/pg_stat_statements");
        assert_eq!(lab.found(&CHECK), ["medium server"]);
        set(&mut lab, "shared_preload_libraries", "auto_explain");
        assert_eq!(lab.found(&CHECK), ["medium shared_preload_libraries", "medium server"]);
        let sql = lab.run(&CHECK).unwrap().findings[0].hint.clone().unwrap().sql.unwrap();
        assert_eq!(sql, "alter system set shared_preload_libraries = auto_explain, pg_stat_statements;");
        without(&mut lab, Reason::Disabled);
        assert_eq!(lab.found(&CHECK), ["medium shared_preload_libraries"]);
        without(&mut lab, Reason::Version);
        assert!(lab.run(&CHECK).is_err(), "the snapshot does not have it");
        rows(&mut lab.db().extensions).push(crate::facts::extensions::Extension {
            name: LIBRARY.into(),
            version: "1.6".into(),
            schema: "public".into(),
            usable: true,
        });
        assert_eq!(lab.found(&CHECK), ["medium server"]);
        lab.service = Some("Amazon RDS");
        without(&mut lab, Reason::Disabled);
        assert_eq!(lab.run(&CHECK).unwrap().findings[0].hint.clone().unwrap().sql, None);
    }

    #[test]
    fn what_could_not_be_read_is_not_judged() {
        for reason in [Reason::Failed, Reason::Privilege, Reason::Locked] {
            let mut lab = lab();
            without(&mut lab, reason.clone());
            assert_eq!(lab.run(&CHECK).unwrap_err().reason, reason);
        }
        let mut lab = lab();
        rows(&mut lab.snapshot.server.settings).retain(|setting| setting.name != TRACK);
        assert_eq!(lab.run(&CHECK).unwrap().unjudged.len(), 1);
        lab.statement("x", "select 1", 5, 1.0).query_id = None;
        assert_eq!(lab.run(&CHECK).unwrap().unjudged.len(), 2);
    }

    #[test]
    fn counting_that_is_switched_off() {
        let mut lab = lab();
        set(&mut lab, TRACK, "none");
        assert_eq!(lab.found(&CHECK), ["medium pg_stat_statements.track"]);
        set(&mut lab, TRACK, "all");
        set(&mut lab, QUERY_ID, "off");
        assert_eq!(lab.found(&CHECK), ["medium compute_query_id"]);
        set(&mut lab, QUERY_ID, "on");
        lab.role("app");
        lab.role("Etl");
        lab.role("exporter").member_of = vec!["pg_monitor".into()];
        for (database, role) in
            [(None, Some("exporter")), (Some("shop"), None), (None, Some("app")), (Some("shop"), Some("Etl"))]
        {
            rows(&mut lab.snapshot.server.setting_overrides).push(SettingOverride {
                database: database.map(str::to_owned),
                role: role.map(str::to_owned),
                name: TRACK.into(),
                value: "none".into(),
            });
        }
        assert_eq!(lab.found(&CHECK), ["medium shop/pg_stat_statements.track", "medium app", "medium shop/Etl"]);
        let sql: Vec<_> =
            lab.run(&CHECK).unwrap().findings.into_iter().map(|finding| finding.hint.unwrap().sql.unwrap()).collect();
        assert_eq!(sql[2], "alter role \"Etl\" in database shop reset pg_stat_statements.track;");
    }

    #[test]
    fn statements_that_were_forgotten() {
        let mut lab = lab();
        let info = |evicted| read(StatementsInfo { evicted, stats_reset: Some(now().plus_seconds(-86_400.0)) });
        lab.snapshot.server.statements_info = info(3);
        assert_eq!(lab.found(&CHECK), ["low pg_stat_statements.max"]);
        let mut before = lab.snapshot.clone();
        before.captured_at = now().plus_seconds(-60.0);
        lab.before = Some(before);
        assert_eq!(lab.found(&CHECK), NOTHING, "none since");
        lab.snapshot.server.statements_info = info(4);
        let finding = lab.run(&CHECK).unwrap().findings.remove(0);
        assert_eq!(finding.measured("times_forgotten"), Some(1.0));
        assert_eq!(finding.hint.unwrap().sql.as_deref(), Some("alter system set pg_stat_statements.max = 10000;"));
    }
}
