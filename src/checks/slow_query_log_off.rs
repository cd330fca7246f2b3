//! Slow statements are not logged
//!
//! ## Why it matters
//! The log is the only exact record of how long a statement took. Without it a slow request of last night cannot be
//! explained, and a 99th percentile is a guess from averages.
//!
//! ## How it is decided
//! The value of `log_min_duration_statement` in effect for every application's login role in every audited database it
//! may enter, found as for `no-statement-timeout`. 0 up to the limit passes. Above the limit is *low*. Off (-1) is
//! *medium*; *low* where a part is logged all the same: by `log_min_duration_sample` with `log_statement_sample_rate`, by
//! `log_transaction_sample_rate`, or by auto_explain at or below the limit. `log_min_messages` of `fatal` or `panic`
//! drops the durations too, and counts as off. What the server, all roles or a database says is reported once, as the
//! setting; what a role says, for the role.
//!
//! ## What to do
//! Set it to 100 ms. At 0 every statement is written, with its literals: bound parameters by
//! `log_parameter_max_length`, and mind who may read the log.
//!
//! ## Limits
//! That lines are written does not mean that anybody keeps them: with `logging_collector` off they go wherever the server's
//! standard error goes. Superusers can change the value for their own sessions.

use super::prelude::*;
use crate::effective_settings::{Effective, InEffect, Login, Scope, Standing, logins};
use std::collections::BTreeMap;

/// Slow statements leave no trace.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "slow-query-log-off",
        category: Category::Settings,
        severity: Severity::Medium,
        source: include_str!("slow_query_log_off.rs"),
    },
    params: &[&LIMIT],
    run: Run::Server(run),
};

static LIMIT: Param = Param {
    name: "max_ms",
    doc: "statements from this duration on must be logged; the checklist's own figure",
    default: 100.0,
    unit: Unit::Milliseconds,
};

/// The parameters that together say what is logged.
struct Log<'a> {
    threshold: Effective<'a>,
    sample: Effective<'a>,
    statement_rate: Effective<'a>,
    transaction_rate: Effective<'a>,
    explain: Effective<'a>,
    preloaded: Effective<'a>,
    messages: Effective<'a>,
}

/// How much of what is slow is logged.
#[derive(Debug, Clone, PartialEq)]
enum Logged {
    Enough,
    /// From a duration above the limit on.
    TooLate(f64),
    /// A part, by the parameter named.
    Partly(&'static str),
    /// Nothing, because of the parameter named.
    Nothing(&'static str),
}

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let log = Log {
        threshold: Effective::new(cx, "log_min_duration_statement")?,
        sample: Effective::new(cx, "log_min_duration_sample")?,
        statement_rate: Effective::new(cx, "log_statement_sample_rate")?,
        transaction_rate: Effective::new(cx, "log_transaction_sample_rate")?,
        explain: Effective::new(cx, "auto_explain.log_min_duration")?,
        preloaded: Effective::new(cx, "session_preload_libraries")?,
        messages: Effective::new(cx, "log_min_messages")?,
    };
    let limit = cx.param(&CHECK.meta, &LIMIT);
    let logins: Vec<Login<'_>> =
        logins(cx)?.into_iter().filter(|login| login.standing != Standing::SuperuserAtWork).collect();
    let mut verdict = Verdict::default();
    // one finding for each place, with the logins it reaches
    let mut places: BTreeMap<(Scope, &'static str), (InEffect, Logged, Vec<String>)> = BTreeMap::new();
    let mut examine = |role: Option<&str>, database: Option<&str>| -> Result<(), Missing> {
        let (value, logged) = judge(cx, &log, role, database, limit)?;
        let culprit = match &logged {
            Logged::Enough => return Ok(()),
            Logged::Nothing(name) => name,
            Logged::TooLate(_) | Logged::Partly(_) => "log_min_duration_statement",
        };
        let scope = match culprit {
            "log_min_messages" => log.messages.of(role, database).map(|messages| messages.scope)?,
            _ => value.scope.clone(),
        };
        let place = places.entry((scope, culprit)).or_insert_with(|| (value, logged.clone(), Vec::new()));
        // what reaches several logins is as bad as the worst of them
        if rank(&logged) > rank(&place.1) {
            place.1 = logged;
        }
        if let (Some(role), Some(database)) = (role, database) {
            place.2.push(format!("{role} in {database}"));
        }
        Ok(())
    };
    if logins.is_empty() {
        // nobody to ask for: what the server says is still what the next application gets
        verdict.examine();
        if let Err(missing) = examine(None, None) {
            verdict.examined = 0;
            verdict.cannot_tell(setting_subject(None), missing);
        }
    }
    for login in &logins {
        match examine(Some(&login.role.name), Some(login.database)) {
            Ok(()) => verdict.examine(),
            Err(missing) => verdict.cannot_tell(crate::effective_settings::login_subject(login), missing),
        }
    }
    for ((scope, culprit), (value, logged, reached)) in places {
        verdict.find(finding(cx, &scope, culprit, &value, &logged, reached, limit));
    }
    Ok(verdict)
}

fn rank(logged: &Logged) -> u8 {
    match logged {
        Logged::Enough => 0,
        Logged::Partly(_) => 1,
        Logged::TooLate(_) => 2,
        Logged::Nothing(_) => 3,
    }
}

fn judge(
    cx: &ServerContext<'_>,
    log: &Log<'_>,
    role: Option<&str>,
    database: Option<&str>,
    limit: f64,
) -> Result<(InEffect, Logged), Missing> {
    let value = log.threshold.of(role, database)?;
    let messages = log.messages.of(role, database)?;
    if matches!(messages.text.to_ascii_lowercase().as_str(), "fatal" | "panic") {
        return Ok((value, Logged::Nothing("log_min_messages")));
    }
    let threshold = value.milliseconds()?;
    if (0.0..=limit).contains(&threshold) {
        return Ok((value, Logged::Enough));
    }
    // where one of these is hidden, it is not assumed to help
    let duration =
        |setting: &Effective<'_>| setting.of(role, database).ok().and_then(|value| value.milliseconds().ok());
    let rate = |setting: &Effective<'_>| {
        setting.of(role, database).ok().and_then(|value| value.text.trim().parse::<f64>().ok()).unwrap_or(0.0)
    };
    let partly = if duration(&log.sample).is_some_and(|sample| sample >= 0.0) && rate(&log.statement_rate) > 0.0 {
        Some("log_min_duration_sample")
    } else if rate(&log.transaction_rate) > 0.0 {
        Some("log_transaction_sample_rate")
    } else if duration(&log.explain).is_some_and(|explain| (0.0..=limit).contains(&explain))
        && auto_explain_is_loaded(cx, log, role, database)
    {
        Some("auto_explain.log_min_duration")
    } else {
        None
    };
    let logged = match partly {
        Some(by) => Logged::Partly(by),
        None if threshold >= 0.0 => Logged::TooLate(threshold),
        None => Logged::Nothing("log_min_duration_statement"),
    };
    Ok((value, logged))
}

/// Its parameter may be set for a role without the library being there.
fn auto_explain_is_loaded(cx: &ServerContext<'_>, log: &Log<'_>, role: Option<&str>, database: Option<&str>) -> bool {
    let names = |text: &str| text.split(',').any(|library| library.trim().trim_matches('"').ends_with("auto_explain"));
    cx.server_setting("shared_preload_libraries").is_ok_and(|text| names(&text))
        || log.preloaded.of(role, database).is_ok_and(|value| names(&value.text))
}

fn setting_subject(database: Option<&str>) -> Subject {
    Subject::named(SubjectKind::Setting, database, "log_min_duration_statement")
}

fn finding(
    cx: &ServerContext<'_>,
    scope: &Scope,
    culprit: &'static str,
    value: &InEffect,
    logged: &Logged,
    reached: Vec<String>,
    limit: f64,
) -> Finding {
    let subject = match scope.role() {
        Some(role) => Subject::named(SubjectKind::Role, scope.database(), role),
        None => Subject::named(SubjectKind::Setting, scope.database(), culprit),
    };
    let place = scope.describe();
    let limit_text = humane(limit, &Unit::Milliseconds);
    let (severity, message) = match logged {
        Logged::Nothing("log_min_messages") => {
            (Severity::Medium, format!("log_min_messages for {place} keeps the durations of statements out of the log"))
        }
        Logged::Nothing(_) | Logged::Enough => {
            (Severity::Medium, format!("slow statements are not logged: log_min_duration_statement is off for {place}"))
        }
        Logged::TooLate(threshold) => (
            Severity::Low,
            format!(
                "statements are logged only from {} on for {place}, not from {limit_text}",
                humane(*threshold, &Unit::Milliseconds)
            ),
        ),
        Logged::Partly(by) => (Severity::Low, format!("slow statements are logged only in part, by {by}, for {place}")),
    };
    let mut finding = Finding::new(&CHECK.meta, subject, message)
        .severity(severity)
        .text("log_min_duration_statement", &*value.text)
        .text("set_for", value.set_for())
        .number("threshold", limit, Unit::Milliseconds)
        .count("logins", reached.len() as i64, Unit::Count);
    if !reached.is_empty() {
        finding = finding.list("reaches", reached.into_iter().take(20).collect());
    }
    for name in ["logging_collector", "log_destination"] {
        if let Ok(setting) = cx.setting(name) {
            finding = finding.text(name, &*setting.setting);
        }
    }
    let mut advice = match culprit {
        "log_min_messages" => "durations are written at level log: keep log_min_messages at error or below",
        _ => "log what is slow; each line holds the statement's literals, so mind who may read the log",
    }
    .to_owned();
    if let (Some(service), Scope::Server) = (cx.service, scope) {
        advice.push_str(&format!("; on {service} the server's settings are changed in its own console"));
    }
    let sql = match culprit {
        "log_min_messages" => scope.alter(culprit, Some("warning")),
        _ => scope.alter(culprit, Some(&format!("{limit}ms"))),
    };
    finding.fix(advice, sql, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lab, rows};

    fn lab(value: &str) -> Lab {
        let mut lab = Lab::new();
        lab.setting("log_min_duration_statement", value, Some("ms"));
        lab.setting("log_min_duration_sample", "-1", Some("ms"));
        lab.setting("log_statement_sample_rate", "1", None);
        lab.setting("log_transaction_sample_rate", "0", None);
        lab.setting("log_min_messages", "warning", None);
        lab.setting("shared_preload_libraries", "", None);
        lab.setting("session_preload_libraries", "", None);
        lab.setting("logging_collector", "off", None);
        lab.role("app");
        lab
    }

    fn change(lab: &mut Lab, name: &str, value: &str) {
        let settings = rows(&mut lab.snapshot.server.settings);
        settings.iter_mut().find(|setting| setting.name == name).unwrap().setting = value.into();
    }

    #[test]
    fn the_servers_threshold() {
        assert!(lab("0").found(&CHECK).is_empty());
        assert!(lab("100").found(&CHECK).is_empty());
        assert_eq!(lab("101").found(&CHECK), ["low log_min_duration_statement"]);
        assert_eq!(lab("-1").found(&CHECK), ["medium log_min_duration_statement"]);
        let hint = lab("-1").run(&CHECK).unwrap().findings.remove(0).hint.unwrap();
        assert_eq!(
            hint.sql.unwrap(),
            "alter system set log_min_duration_statement = '100ms';\nselect pg_reload_conf();"
        );
    }

    #[test]
    fn a_part_is_better_than_nothing() {
        let mut sampled = lab("-1");
        change(&mut sampled, "log_min_duration_sample", "50");
        assert_eq!(sampled.found(&CHECK), ["low log_min_duration_statement"]);
        change(&mut sampled, "log_statement_sample_rate", "0");
        assert_eq!(sampled.found(&CHECK), ["medium log_min_duration_statement"]);
        change(&mut sampled, "log_transaction_sample_rate", "0.01");
        assert_eq!(sampled.found(&CHECK), ["low log_min_duration_statement"]);
    }

    #[test]
    fn auto_explain_counts_where_it_is_loaded() {
        let mut lab = lab("-1");
        lab.set(Some("app"), None, "auto_explain.log_min_duration", "100ms");
        assert_eq!(lab.found(&CHECK), ["medium log_min_duration_statement"]);
        lab.set(Some("app"), None, "session_preload_libraries", "auto_explain");
        assert_eq!(lab.found(&CHECK), ["low log_min_duration_statement"]);
    }

    #[test]
    fn what_a_role_says_is_the_roles() {
        let mut lab = lab("100");
        lab.set(Some("app"), None, "log_min_duration_statement", "-1");
        assert_eq!(lab.found(&CHECK), ["medium app"]);
        lab.set(Some("app"), Some("shop"), "log_min_duration_statement", "1s");
        assert_eq!(lab.found(&CHECK), ["low shop/app"]);
        lab.set(Some("app"), Some("shop"), "log_min_duration_statement", "50ms");
        rows(&mut lab.snapshot.server.setting_overrides).remove(1);
        assert!(lab.found(&CHECK).is_empty());
    }

    #[test]
    fn a_level_above_log_hides_everything() {
        let mut lab = lab("0");
        change(&mut lab, "log_min_messages", "panic");
        assert_eq!(lab.found(&CHECK), ["medium log_min_messages"]);
        change(&mut lab, "log_min_messages", "error");
        assert!(lab.found(&CHECK).is_empty());
    }

    #[test]
    fn without_an_application_the_servers_value_is_judged() {
        let mut lab = lab("-1");
        rows(&mut lab.snapshot.server.roles).clear();
        assert_eq!(lab.found(&CHECK), ["medium log_min_duration_statement"]);
    }

    #[test]
    fn a_hidden_value_is_not_judged() {
        let mut lab = lab("-1");
        rows(&mut lab.snapshot.server.settings).clear();
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.examined, verdict.unjudged.len()), (0, 1));
    }
}
