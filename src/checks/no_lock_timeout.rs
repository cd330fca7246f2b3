//! Application role without a lock timeout
//!
//! ## Why it matters
//! A statement that waits for a lock queues everybody who comes after it. One migration behind one long transaction stops
//! a table for all, for as long as the wait lasts.
//!
//! ## How it is decided
//! The value in effect for every application's login role in every audited database it may enter, found as for
//! `no-statement-timeout`. 0 is *low*: the statement timeout, where there is one, ends the wait too, but later. Where
//! only superusers log in, and for superusers that applications are logged in as, it is *info*.
//!
//! ## What to do
//! Set it for the role, well below its statement timeout. A role that runs migrations needs its own, and a short one.
//!
//! ## Limits
//! What sessions set for themselves is not visible; migration tools often do.

use super::prelude::*;
use crate::effective_settings::{Effective, judge_logins, login_subject};

/// An application waits for locks without end.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "no-lock-timeout",
        category: Category::Settings,
        severity: Severity::Low,
        source: include_str!("no_lock_timeout.rs"),
    },
    params: &[],
    run: Run::Server(run),
};

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let locks = Effective::new(cx, "lock_timeout")?;
    judge_logins(cx, &CHECK.meta, |login| {
        let value = locks.of(Some(&login.role.name), Some(login.database))?;
        if value.milliseconds()? > 0.0 {
            return Ok(None);
        }
        let message = format!("{} has no lock timeout in database {}", login.label(), login.database);
        let finding = Finding::new(&CHECK.meta, login_subject(login), message)
            .number("lock_timeout", 0.0, Unit::Milliseconds)
            .text("set_for", value.set_for());
        Ok(Some(finding.fix(
            "set it for the role, below its statement timeout; sessions opened from then on have it",
            login.alter("lock_timeout", "5s"),
            None,
        )))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Lab;

    #[test]
    fn the_value_in_effect_decides() {
        let mut lab = Lab::new();
        lab.setting("lock_timeout", "0", Some("ms"));
        lab.role("app");
        assert_eq!(lab.found(&CHECK), ["low shop/app"]);
        lab.set(Some("app"), None, "lock_timeout", "5s");
        assert!(lab.found(&CHECK).is_empty());
        lab.set(Some("app"), Some("shop"), "lock_timeout", "0");
        assert_eq!(lab.found(&CHECK), ["low shop/app"]);
    }

    #[test]
    fn superusers_alone_are_info() {
        let mut lab = Lab::new();
        lab.setting("lock_timeout", "0", Some("ms"));
        lab.role("app").is_superuser = true;
        assert_eq!(lab.found(&CHECK), ["info shop/app"]);
    }
}
