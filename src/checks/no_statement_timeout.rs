//! Application role without a statement timeout
//!
//! ## Why it matters
//! A statement that nobody waits for any more goes on until it is done: it keeps its connection, its locks and its memory.
//! A few of them use up a pool, and then every request waits.
//!
//! ## How it is decided
//! For every application's login role, in every audited database it may enter, the value that a session begins with: the
//! first of `alter role … in database`, `alter role`, `alter database`, `alter role all` and the server's own that says
//! anything. 0 is *medium*, for the role in that database; *low* where `transaction_timeout` (17 and later) bounds the
//! statement. Roles for maintenance, replication and monitoring are not asked for one. A superuser that an application is
//! logged in as is *info*; where only superusers log in, they are judged instead, as *low*. Databases that were not
//! audited are not looked at.
//!
//! ## What to do
//! Set it for the application's role. A value for the whole server also cuts off dumps, migrations and index builds.
//!
//! ## Limits
//! What sessions set for themselves, what a connection string asks for, and a pooler's `query_timeout` are not visible.
//! Who may enter a database is what privileges say; `pg_hba.conf` may say less.

use super::prelude::*;
use crate::effective_settings::{Effective, judge_logins, login_subject};

/// An application's statements may run forever.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "no-statement-timeout",
        category: Category::Settings,
        severity: Severity::Medium,
        source: include_str!("no_statement_timeout.rs"),
    },
    params: &[],
    run: Run::Server(run),
};

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let statements = Effective::new(cx, "statement_timeout")?;
    // unknown to a server before 17
    let transactions = if cx.major() >= 17 { Some(Effective::new(cx, "transaction_timeout")?) } else { None };
    judge_logins(cx, &CHECK.meta, |login| {
        let asked = (Some(login.role.name.as_str()), Some(login.database));
        let value = statements.of(asked.0, asked.1)?;
        if value.milliseconds()? > 0.0 {
            return Ok(None);
        }
        // a bound that is not known is no bound
        let bound = transactions.as_ref().and_then(|setting| setting.of(asked.0, asked.1).ok()?.milliseconds().ok());
        let bound = bound.filter(|bound| *bound > 0.0);
        let label = login.label();
        let message = match bound {
            Some(bound) => format!(
                "{label} has no statement timeout in database {}, only a transaction timeout of {}",
                login.database,
                humane(bound, &Unit::Milliseconds)
            ),
            None => format!("{label} has no statement timeout in database {}", login.database),
        };
        let severity = if bound.is_some() { Severity::Low } else { CHECK.meta.severity.clone() };
        let finding = Finding::new(&CHECK.meta, login_subject(login), message)
            .severity(severity)
            .number("statement_timeout", 0.0, Unit::Milliseconds)
            .text("set_for", value.set_for());
        let finding = match bound {
            Some(bound) => finding.number("transaction_timeout", bound, Unit::Milliseconds),
            None => finding,
        };
        Ok(Some(finding.fix(
            "set it for the role, a little above its slowest wanted statement; sessions opened from then on have it; a value \
             for the whole server would cut off dumps and migrations too",
            login.alter("statement_timeout", "30s"),
            None,
        )))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lab, rows};

    fn lab() -> Lab {
        let mut lab = Lab::new();
        lab.setting("statement_timeout", "0", Some("ms"));
        lab.setting("transaction_timeout", "0", Some("ms"));
        lab.role("app");
        lab
    }

    #[test]
    fn the_value_in_effect_decides() {
        let mut lab = lab();
        assert_eq!(lab.found(&CHECK), ["medium shop/app"]);
        lab.set(None, Some("shop"), "statement_timeout", "30s");
        assert!(lab.found(&CHECK).is_empty());
        lab.set(Some("app"), None, "statement_timeout", "0");
        let finding = lab.run(&CHECK).unwrap().findings.remove(0);
        assert_eq!(finding.detail[1].value.to_string(), "role app");
        assert_eq!(
            finding.hint.unwrap().sql.unwrap(),
            "alter role app in database shop set statement_timeout = '30s';"
        );
        lab.set(Some("app"), Some("shop"), "statement_timeout", "100us");
        assert_eq!(lab.found(&CHECK), ["medium shop/app"], "which the server rounds to nothing");
    }

    #[test]
    fn a_transaction_timeout_bounds_it() {
        let mut lab = lab();
        lab.set(Some("app"), None, "transaction_timeout", "1min");
        assert_eq!(lab.found(&CHECK), ["low shop/app"]);
    }

    #[test]
    fn others_are_not_asked() {
        let mut lab = lab();
        lab.set(Some("app"), None, "statement_timeout", "5s");
        lab.role("walreceiver").replication = true;
        lab.role("monitors").member_of = vec!["pg_monitor".into()];
        lab.role("exporter").member_of = vec!["monitors".into()];
        lab.role("dump");
        lab.role("postgres").is_superuser = true;
        lab.role_kinds.maintenance = vec!["dump".into()];
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.examined, verdict.findings.len()), (1, 0));
        lab.session("postgres", "idle", 1.0);
        assert_eq!(lab.found(&CHECK), ["info shop/postgres"]);
        rows(&mut lab.snapshot.server.activity).clear();
        lab.role("auditor");
        assert_eq!(lab.found(&CHECK), ["medium shop/auditor"], "an application's role that runs the audit is judged");
    }

    #[test]
    fn membership_passes_nothing_on() {
        let mut lab = lab();
        let group = lab.role("group");
        group.can_login = false;
        lab.role("member").member_of = vec!["group".into()];
        lab.set(Some("group"), None, "statement_timeout", "5s");
        lab.set(Some("app"), None, "statement_timeout", "5s");
        assert_eq!(lab.found(&CHECK), ["medium shop/member"]);
    }

    #[test]
    fn superusers_alone_are_low_and_nobody_is_no_verdict() {
        let mut lab = lab();
        rows(&mut lab.snapshot.server.roles)[0].is_superuser = true;
        assert_eq!(lab.found(&CHECK), ["low shop/app"]);
        rows(&mut lab.snapshot.server.roles).clear();
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.examined, verdict.unjudged.len()), (0, 1));
    }

    #[test]
    fn a_server_value_hidden_by_the_auditors_own_is_not_guessed() {
        let mut lab = lab();
        lab.role("web");
        rows(&mut lab.snapshot.server.settings)[0].source = "user".into();
        rows(&mut lab.snapshot.server.settings)[0].setting = "5000".into();
        lab.set(Some("web"), None, "statement_timeout", "5s");
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.examined, verdict.findings.len(), verdict.unjudged.len()), (1, 0, 1));
        assert_eq!(verdict.unjudged[0].subject.label(), "role app");
        let judged = |lab: &Lab| lab.with_server(|cx| crate::checks::run(&CHECK, cx, &[]).remove(0).result);
        assert_eq!(judged(&lab).unjudged[0].reason, Reason::Privilege);
        lab.service = Some("Neon");
        assert_eq!(judged(&lab).unjudged[0].reason, Reason::Service, "nobody can grant it there");
        // the files may be read and say nothing: the command line may
        rows(&mut lab.snapshot.server.file_settings).clear();
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.findings.len(), verdict.unjudged[0].reason.reason.clone()), (0, Reason::Input));
        rows(&mut lab.snapshot.server.file_settings).push(crate::facts::file_settings::FileSetting {
            name: "statement_timeout".into(),
            setting: Some("0".into()),
            applied: true,
            error: None,
        });
        let finding = lab.run(&CHECK).unwrap().findings.remove(0);
        let set_for = finding.detail.iter().find(|measure| measure.name == "set_for").unwrap();
        assert_eq!(set_for.value.to_string(), "the server, by the configuration file");
    }
}
