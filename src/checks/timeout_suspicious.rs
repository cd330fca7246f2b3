//! Timeout that is not what it seems
//!
//! ## Why it matters
//! A timeout that was written wrong is worse than none: everybody believes in it. `30` means thirty milliseconds, a day
//! bounds nothing, and of two timeouts the shorter one makes the other idle.
//!
//! ## How it is decided
//! Every place a timeout is set in (the server, all roles, a database, a role, a role in a database) is looked at once:
//! too short to be meant (*medium* when it was written without a unit, else *low*; `lock_timeout` has its own bound, since
//! short ones are good practice), a day or more (*low*), or set for a role that cannot log in, whose members do not inherit
//! it (*low*).
//! Then the values in effect together, for every login role in every database it may enter: `lock_timeout` not below
//! `statement_timeout`, and either of `statement_timeout` and `idle_in_transaction_session_timeout` not below
//! `transaction_timeout` (17 and later), are *low*, in the more specific of the two places. `idle_session_timeout` in
//! effect for an application is *info*: it ends the idle connections a pool keeps.
//!
//! ## What to do
//! Write the unit. Keep `lock_timeout` below `statement_timeout`, and both below `transaction_timeout`.
//!
//! ## Limits
//! Whether the server's own value was written without a unit is known only where the configuration files may be read. A
//! timeout that a session sets for itself is not visible.

use super::context::ServerSetting;
use super::prelude::*;
use crate::effective_settings::{Effective, InEffect, Scope, is_bare, milliseconds};
use std::collections::{BTreeMap, BTreeSet};

/// A timeout that is not what it seems.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "timeout-suspicious",
        category: Category::Settings,
        severity: Severity::Low,
        source: include_str!("timeout_suspicious.rs"),
    },
    params: &[&TOO_SHORT, &TOO_SHORT_LOCK, &TOO_LONG],
    run: Run::Server(run),
};

static TOO_SHORT: Param = Param {
    name: "too_short_ms",
    doc: "a timeout below this was hardly meant: values meant in seconds but written bare, such as 30, lie below a second",
    default: 1000.0,
    unit: Unit::Milliseconds,
};

static TOO_SHORT_LOCK: Param = Param {
    name: "too_short_lock_ms",
    doc: "a lock timeout below this was hardly meant; tools that try again use 50 ms and more on purpose",
    default: 50.0,
    unit: Unit::Milliseconds,
};

static TOO_LONG: Param = Param {
    name: "too_long_seconds",
    doc: "a timeout from this on bounds nothing: no request, and hardly a job, lasts a day",
    default: 86_400.0,
    unit: Unit::Seconds,
};

const TIMEOUTS: [&str; 5] = [
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
    "idle_session_timeout",
];

/// What is odd about a setting in one place.
#[derive(Debug)]
struct Oddity {
    severity: Severity,
    text: String,
    fix: Option<(&'static str, String)>,
}

/// The settings in one place, with all that is odd about each, and the value.
type Oddities = BTreeMap<(&'static str, Scope), (String, Vec<Oddity>)>;

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let mut settings: BTreeMap<&'static str, Effective<'_>> = BTreeMap::new();
    for name in TIMEOUTS {
        if name != "transaction_timeout" || cx.major() >= 17 {
            settings.insert(name, Effective::new(cx, name)?);
        }
    }
    let mut verdict = Verdict::default();
    let mut odd = Oddities::new();
    for (name, setting) in &settings {
        let server = setting_of_server(cx, name);
        if let Err(missing) = &server {
            verdict.cannot_tell(Subject::named(SubjectKind::Setting, None, name), missing.clone());
        }
        for value in server.ok().flatten().into_iter().chain(setting.overrides()) {
            verdict.examine();
            alone(cx, name, &value, &mut odd);
        }
    }
    together(cx, &settings, &mut odd)?;
    for ((name, scope), (text, oddities)) in odd {
        verdict.find(finding(cx, name, &scope, &text, oddities));
    }
    Ok(verdict)
}

/// The server's value where somebody set it; as it was written, where the configuration files may be read.
fn setting_of_server(cx: &ServerContext<'_>, name: &str) -> Result<Option<InEffect>, Missing> {
    let ServerSetting { text, by_file } = cx.told_by_server(name)?;
    let source = cx.setting(name)?.source.as_str();
    // what `alter role all` says is among the overrides
    if matches!(source, "default" | "global") {
        return Ok(None);
    }
    let files = cx.snapshot.server.file_settings.ok();
    let written = files.and_then(|files| files.iter().rev().find(|entry| entry.name == name && entry.applied));
    let written = written.and_then(|entry| entry.setting.clone());
    // a command line may say something else than the files
    let written = written.filter(|written| milliseconds(written) == milliseconds(&text));
    Ok(Some(InEffect { name: name.to_owned(), text: written.unwrap_or(text), scope: Scope::Server, by_file }))
}

/// What is odd about a value by itself.
fn alone(cx: &ServerContext<'_>, name: &'static str, value: &InEffect, odd: &mut Oddities) {
    let Some(duration) = milliseconds(&value.text).filter(|duration| *duration > 0.0) else { return };
    let mut add = |severity: Severity, text: String, fix: Option<(&'static str, String)>| {
        let place = odd.entry((name, value.scope.clone())).or_insert_with(|| (value.text.clone(), Vec::new()));
        place.1.push(Oddity { severity, text, fix });
    };
    let humane = humane(duration, &Unit::Milliseconds);
    let short = match name {
        "lock_timeout" => cx.param(&CHECK.meta, &TOO_SHORT_LOCK),
        _ => cx.param(&CHECK.meta, &TOO_SHORT),
    };
    // the files tell how the server's value was written; without them it comes in milliseconds whatever was written
    let known = value.scope != Scope::Server || cx.snapshot.server.file_settings.ok().is_some();
    if duration < short && known && is_bare(&value.text) {
        let seconds = format!("{}s", value.text.trim());
        add(
            Severity::Medium,
            format!("is {} without a unit: {humane}", value.text.trim()),
            Some((
                "a bare number is milliseconds; if seconds were meant, write them",
                value.scope.alter(name, Some(&seconds)),
            )),
        );
    } else if duration < short {
        add(Severity::Low, format!("is only {humane}"), None);
    }
    if duration >= cx.param(&CHECK.meta, &TOO_LONG) * 1000.0 {
        add(Severity::Low, format!("is {humane}, which bounds nothing"), None);
    }
    let roles = cx.snapshot.server.roles.ok();
    let role = value.scope.role().and_then(|name| roles?.iter().find(|role| role.name == name));
    if role.is_some_and(|role| !role.can_login) {
        add(
            Severity::Low,
            "has no effect: the role cannot log in, and its members do not inherit settings".to_owned(),
            Some(("set it for the roles that log in instead", value.scope.alter(name, None))),
        );
    }
}

/// What is odd about values that are in effect together.
fn together(
    cx: &ServerContext<'_>,
    settings: &BTreeMap<&'static str, Effective<'_>>,
    odd: &mut Oddities,
) -> Result<(), Missing> {
    // each: the one that should be shorter, and the one it never outlives
    const PAIRS: [(&str, &str, &str); 3] = [
        ("lock_timeout", "statement_timeout", "so the statement timeout always comes first"),
        ("statement_timeout", "transaction_timeout", "so the transaction timeout always comes first"),
        ("idle_in_transaction_session_timeout", "transaction_timeout", "so the transaction timeout always comes first"),
    ];
    let application: BTreeSet<&str> = cx
        .snapshot
        .server
        .roles
        .read()?
        .iter()
        .filter(|role| cx.is_application(role))
        .map(|role| role.name.as_str())
        .collect();
    for entry in cx.snapshot.server.role_databases.read()? {
        let value = |name: &str| {
            // a server's value that is hidden was said to be so already
            let value = settings.get(name)?.of(Some(&entry.role), Some(&entry.database)).ok()?;
            let duration = milliseconds(&value.text).filter(|duration| *duration > 0.0)?;
            Some((value, duration))
        };
        let mut add = |name: &'static str, scope: Scope, value: &str, severity: Severity, text: String| {
            let place = odd.entry((name, scope)).or_insert_with(|| (value.to_owned(), Vec::new()));
            if place.1.iter().all(|oddity| oddity.text != text) {
                place.1.push(Oddity { severity, text, fix: None });
            }
        };
        for (shorter, longer, so) in PAIRS {
            let (Some((first, duration)), Some((second, bound))) = (value(shorter), value(longer)) else { continue };
            if duration >= bound {
                let text = format!(
                    "is {}, not below the {longer} of {} set for {}, {so}",
                    humane(duration, &Unit::Milliseconds),
                    humane(bound, &Unit::Milliseconds),
                    second.scope.describe()
                );
                let scope = first.scope.max(second.scope);
                add(shorter, scope, &first.text, Severity::Low, text);
            }
        }
        if application.contains(entry.role.as_str())
            && let Some((idle, duration)) = value("idle_session_timeout")
        {
            let text = format!(
                "ends the connections a pool keeps idle after {}, which its clients see as errors",
                humane(duration, &Unit::Milliseconds)
            );
            add("idle_session_timeout", idle.scope, &idle.text, Severity::Info, text);
        }
    }
    Ok(())
}

fn finding(
    cx: &ServerContext<'_>,
    name: &'static str,
    scope: &Scope,
    value: &str,
    mut oddities: Vec<Oddity>,
) -> Finding {
    oddities.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.text.cmp(&b.text)));
    let subject = Subject::named(
        SubjectKind::Setting,
        scope.database(),
        &match (scope, scope.role()) {
            (Scope::Everyone, _) => format!("all.{name}"),
            (_, Some(role)) => format!("{role}.{name}"),
            (_, None) => name.to_owned(),
        },
    );
    let (severity, text) =
        oddities.first().map_or((Severity::Info, ""), |odd| (odd.severity.clone(), odd.text.as_str()));
    let mut finding = Finding::new(&CHECK.meta, subject, format!("{name} for {} {text}", scope.describe()))
        .severity(severity)
        .text("value", value)
        .text("set_for", scope.describe());
    // the threshold that applies to this value, if it is one that makes it odd
    if let Some(duration) = milliseconds(value).filter(|duration| *duration > 0.0) {
        let (name, short) = match name {
            "lock_timeout" => ("too_short_lock", cx.param(&CHECK.meta, &TOO_SHORT_LOCK)),
            _ => ("too_short", cx.param(&CHECK.meta, &TOO_SHORT)),
        };
        let long = cx.param(&CHECK.meta, &TOO_LONG);
        if duration < short {
            finding = finding.number(name, short, Unit::Milliseconds);
        } else if duration >= long * 1000.0 {
            finding = finding.number("too_long", long, Unit::Seconds);
        }
    }
    if oddities.len() > 1 {
        finding = finding.list("also", oddities[1..].iter().map(|odd| odd.text.clone()).collect());
    }
    match oddities.into_iter().find_map(|odd| odd.fix) {
        Some((advice, sql)) => finding.fix(advice, sql, None),
        None if name == "idle_session_timeout" => {
            finding.advice("let the pool retire its idle connections, and keep this for roles that people use")
        }
        None => finding.advice("write down what the timeout is for, and give it a value with a unit that serves it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::file_settings::FileSetting;
    use crate::testing::{Lab, rows};

    fn lab() -> Lab {
        let mut lab = Lab::new();
        for name in TIMEOUTS {
            lab.setting(name, "0", Some("ms"));
            rows(&mut lab.snapshot.server.settings).last_mut().unwrap().source = "default".into();
        }
        lab.role("app");
        lab
    }

    fn message(lab: &Lab) -> String {
        lab.run(&CHECK).unwrap().findings.remove(0).message
    }

    #[test]
    fn a_missing_unit() {
        let mut lab = lab();
        assert!(lab.found(&CHECK).is_empty());
        lab.set(Some("app"), Some("shop"), "statement_timeout", "30");
        assert_eq!(lab.found(&CHECK), ["medium shop/app.statement_timeout"]);
        assert_eq!(message(&lab), "statement_timeout for role app in database shop is 30 without a unit: 30 ms");
        let hint = lab.run(&CHECK).unwrap().findings.remove(0).hint.unwrap();
        assert_eq!(hint.sql.unwrap(), "alter role app in database shop set statement_timeout = '30s';");
        rows(&mut lab.snapshot.server.setting_overrides)[0].value = "200ms".into();
        assert_eq!(lab.found(&CHECK), ["low shop/app.statement_timeout"]);
        rows(&mut lab.snapshot.server.setting_overrides)[0].value = "5000".into();
        assert!(lab.found(&CHECK).is_empty(), "five seconds, however written");
        rows(&mut lab.snapshot.server.setting_overrides)[0].value = "1d".into();
        assert_eq!(lab.found(&CHECK), ["low shop/app.statement_timeout"]);
        let finding = lab.run(&CHECK).unwrap().findings.remove(0);
        assert!(finding.measured("too_long").is_some() && finding.measured("too_short").is_none());
    }

    #[test]
    fn lock_timeouts_may_be_short() {
        let mut lab = lab();
        lab.set(Some("app"), None, "lock_timeout", "200");
        assert!(lab.found(&CHECK).is_empty());
        rows(&mut lab.snapshot.server.setting_overrides)[0].value = "5".into();
        assert_eq!(lab.found(&CHECK), ["medium app.lock_timeout"]);
    }

    #[test]
    fn the_servers_own_is_bare_only_where_the_files_say_so() {
        let mut lab = lab();
        rows(&mut lab.snapshot.server.settings)[0].setting = "30".into();
        rows(&mut lab.snapshot.server.settings)[0].source = "configuration file".into();
        assert_eq!(lab.found(&CHECK), ["low statement_timeout"]);
        rows(&mut lab.snapshot.server.file_settings).push(FileSetting {
            name: "statement_timeout".into(),
            setting: Some("30".into()),
            applied: true,
            error: None,
        });
        assert_eq!(lab.found(&CHECK), ["medium statement_timeout"]);
        rows(&mut lab.snapshot.server.file_settings)[0].setting = Some("30ms".into());
        assert_eq!(lab.found(&CHECK), ["low statement_timeout"]);
    }

    #[test]
    fn relations_are_found_once_where_they_were_made() {
        let mut lab = lab();
        lab.role("web");
        lab.set(None, Some("shop"), "statement_timeout", "30s");
        lab.set(None, None, "lock_timeout", "30s");
        assert_eq!(lab.found(&CHECK), ["low shop/lock_timeout"], "for both roles, once");
        lab.set(Some("app"), None, "lock_timeout", "5s");
        lab.set(Some("web"), None, "lock_timeout", "5s");
        assert!(lab.found(&CHECK).is_empty(), "nobody has it in effect");
        lab.set(Some("web"), None, "transaction_timeout", "10s");
        assert_eq!(lab.found(&CHECK), ["low web.statement_timeout"]);
    }

    #[test]
    fn pools_keep_idle_connections() {
        let mut lab = lab();
        lab.role("human").is_superuser = true;
        lab.set(Some("human"), None, "idle_session_timeout", "10min");
        assert!(lab.found(&CHECK).is_empty());
        lab.set(Some("app"), None, "idle_session_timeout", "10min");
        assert_eq!(lab.found(&CHECK), ["info app.idle_session_timeout"]);
    }

    #[test]
    fn a_group_passes_nothing_on() {
        let mut lab = lab();
        lab.role("group").can_login = false;
        lab.set(Some("group"), None, "statement_timeout", "30s");
        assert_eq!(lab.found(&CHECK), ["low group.statement_timeout"]);
    }

    #[test]
    fn several_oddities_of_one_setting_are_one_finding() {
        let mut lab = lab();
        lab.set(Some("app"), None, "statement_timeout", "20");
        lab.set(Some("app"), None, "lock_timeout", "30");
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!(verdict.findings.len(), 2);
        let lock = verdict.findings.iter().find(|finding| finding.message.starts_with("lock")).unwrap();
        assert_eq!(lock.severity, Severity::Medium);
        assert!(lock.detail.iter().any(|measure| measure.name == "also"));
    }

    #[test]
    fn before_17_there_is_no_transaction_timeout() {
        let mut lab = lab();
        rows(&mut lab.snapshot.server.settings).retain(|setting| setting.name != "transaction_timeout");
        let crate::facts::Fact::Read { rows: server, .. } = &mut lab.snapshot.server.server else { unreachable!() };
        server.version_number = 150_018;
        assert!(lab.run(&CHECK).unwrap().unjudged.is_empty());
    }
}
