//! Application role without a timeout for idle transactions
//!
//! ## Why it matters
//! A transaction that its client forgot keeps its locks and its connection, and vacuum may not remove what it could still
//! see. Nothing ends it but this timeout, a restart, or a person.
//!
//! ## How it is decided
//! The value of `idle_in_transaction_session_timeout` in effect for every application's login role in every audited
//! database it may enter, found as for `no-statement-timeout`. 0 is *medium*, unless `transaction_timeout` (17 and later)
//! bounds the transaction as a whole. Where only superusers log in it is *low*; for superusers that applications are
//! logged in as, *info*.
//!
//! ## What to do
//! Set it for the role. It is the server's backstop for leaked connections; the pool's leak detection says where they leak.
//!
//! ## Limits
//! A pooler's `idle_transaction_timeout`, a pool's own leak detection and what sessions set for themselves are not visible.

use super::prelude::*;
use crate::effective_settings::{Effective, judge_logins, login_subject};

/// An application's forgotten transactions stay open.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "no-idle-in-transaction-timeout",
        category: Category::Settings,
        severity: Severity::Medium,
        source: include_str!("no_idle_in_transaction_timeout.rs"),
    },
    params: &[],
    run: Run::Server(run),
};

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let idle = Effective::new(cx, "idle_in_transaction_session_timeout")?;
    // unknown to a server before 17
    let transactions = if cx.major() >= 17 { Some(Effective::new(cx, "transaction_timeout")?) } else { None };
    judge_logins(cx, &CHECK.meta, |login| {
        let asked = (Some(login.role.name.as_str()), Some(login.database));
        let value = idle.of(asked.0, asked.1)?;
        if value.milliseconds()? > 0.0 {
            return Ok(None);
        }
        if let Some(transactions) = &transactions
            && transactions.of(asked.0, asked.1)?.milliseconds()? > 0.0
        {
            return Ok(None);
        }
        let message = format!("{} may leave transactions idle forever in database {}", login.label(), login.database);
        let finding = Finding::new(&CHECK.meta, login_subject(login), message)
            .number("idle_in_transaction_session_timeout", 0.0, Unit::Milliseconds)
            .text("set_for", value.set_for());
        Ok(Some(finding.fix(
            "set it for the role; sessions opened from then on have it, and a session it ends is an error its client must \
             handle by connecting again",
            login.alter("idle_in_transaction_session_timeout", "1min"),
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
        lab.setting("idle_in_transaction_session_timeout", "0", Some("ms"));
        lab.setting("transaction_timeout", "0", Some("ms"));
        lab.role("app");
        lab
    }

    #[test]
    fn either_timeout_serves() {
        let mut lab = lab();
        assert_eq!(lab.found(&CHECK), ["medium shop/app"]);
        lab.set(Some("app"), None, "transaction_timeout", "1min");
        assert!(lab.found(&CHECK).is_empty());
        rows(&mut lab.snapshot.server.setting_overrides).clear();
        lab.set(None, None, "idle_in_transaction_session_timeout", "60000");
        assert!(lab.found(&CHECK).is_empty());
    }

    #[test]
    fn a_server_before_17_has_only_the_one() {
        let mut lab = lab();
        rows(&mut lab.snapshot.server.settings).truncate(1);
        let crate::facts::Fact::Read { rows: server, .. } = &mut lab.snapshot.server.server else { unreachable!() };
        server.version_number = 150_018;
        assert_eq!(lab.found(&CHECK), ["medium shop/app"]);
    }
}
