//! What a check is given: the facts, what they were compared with, and the thresholds. Nothing else can be reached.

pub(super) mod load;

use crate::catalog::Catalog;
use crate::facts::poolers::Pooler;
use crate::facts::roles::Role;
use crate::facts::server::Server as ServerFact;
use crate::facts::settings::Setting;
use crate::facts::{Database, Snapshot};
use crate::outcome::{Missing, Reason};
use crate::queries::Queries;
use crate::rule::{Meta, Param, Params};
use crate::time::Timestamp;
use crate::window::{Span, of_database};
use std::collections::BTreeSet;

/// What the configuration says about roles.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoleKinds {
    /// Patterns of the roles that are applications; where there are none, every login role is one that is neither a
    /// superuser nor for replication, monitoring or maintenance.
    pub application: Vec<String>,
    /// Patterns of the roles that do maintenance, backups, migrations or monitoring.
    pub maintenance: Vec<String>,
    /// Patterns of the `application_name`s whose sessions are never an application's.
    pub maintenance_applications: Vec<String>,
}

/// A statement somebody reviewed, from `reviews/*.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// pg_query's fingerprint of the statement.
    pub fingerprint: String,
    /// Who reviewed it.
    pub reviewer: String,
    /// When.
    pub date: Timestamp,
    /// The hash of the plan that was reviewed, where a plan was known.
    pub plan_hash: Option<String>,
    /// The file it stands in.
    pub file: String,
}

/// What a server says for a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSetting {
    /// The value.
    pub text: String,
    /// Whether only the configuration files say so: the auditor's own override hides what is in effect.
    pub by_file: bool,
}

/// What a check over the server is given.
#[derive(Debug, Clone, Copy)]
pub struct ServerContext<'a> {
    /// The facts.
    pub snapshot: &'a Snapshot,
    /// Earlier facts of the same server, if any were given.
    pub before: Option<&'a Snapshot>,
    /// Snapshots of its standbys: counters are kept by each server for itself.
    pub replicas: &'a [Snapshot],
    /// "Now": the snapshot's time, unless the user says otherwise.
    pub at: Timestamp,
    /// The statements, aggregated; or why there are none.
    pub queries: &'a Result<Queries, Missing>,
    /// The statements that a log counted, where one was given: calls and rates, and no other figure.
    pub logged: Option<&'a Queries>,
    /// The thresholds in effect.
    pub params: &'a Params,
    /// What the configuration says about roles.
    pub role_kinds: &'a RoleKinds,
    /// The statements somebody reviewed.
    pub reviews: &'a [Review],
    /// The managed service the server was recognised as.
    pub service: Option<&'a str>,
}

/// What a check over one database is given.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseContext<'a> {
    /// The server's side of it.
    pub server: ServerContext<'a>,
    /// The facts of the database.
    pub database: &'a Database,
    /// The same, joined.
    pub catalog: &'a Catalog<'a>,
}

impl<'a> ServerContext<'a> {
    /// A threshold, as configured or by default.
    pub fn param(&self, meta: &Meta, param: &Param) -> f64 {
        self.params.get(meta.id, param)
    }

    /// The server and the session that read it.
    ///
    /// # Errors
    /// It was not read.
    pub fn server(&self) -> Result<&'a ServerFact, Missing> {
        self.snapshot.server.server.read()
    }

    /// The server's major version; 0 where it is not known.
    pub fn major(&self) -> i32 {
        self.server().map_or(0, |server| server.version_number / 10_000)
    }

    /// The poolers before the server.
    ///
    /// # Errors
    /// None was given.
    pub fn poolers(&self) -> Result<&'a [Pooler], Missing> {
        match self.snapshot.poolers.as_slice() {
            [] => {
                Err(Missing::new("poolers", Reason::Input, "no PgBouncer was given")
                    .unlocked_by("--pgbouncer CONNINFO"))
            }
            poolers => Ok(poolers),
        }
    }

    /// Bytes a page.
    pub fn block_size(&self) -> i64 {
        self.server().map_or(8192, |server| i64::from(server.block_size).max(1))
    }

    /// A configuration parameter as the auditing session sees it. Where its source is a role, a database or the session,
    /// that is not what the server says: see [`Self::server_setting`].
    ///
    /// # Errors
    /// The settings were not read, or this one is hidden or unknown to the server.
    pub fn setting(&self, name: &str) -> Result<&'a Setting, Missing> {
        let settings = self.snapshot.server.settings.read()?;
        settings.iter().find(|setting| setting.name == name).ok_or_else(|| {
            Missing::new(
                "settings",
                Reason::Privilege,
                format!("the parameter {name} is unknown to the server or hidden from this role"),
            )
            .unlocked_by(self.snapshot.grant("pg_read_all_settings"))
        })
    }

    /// The text of [`Self::told_by_server`].
    ///
    /// # Errors
    /// It is hidden, with what would show it.
    pub fn server_setting(&self, name: &str) -> Result<String, Missing> {
        self.told_by_server(name).map(|told| told.text)
    }

    /// What the server says for a parameter where no role or database says otherwise, in the parameter's own base unit as
    /// `pg_settings.setting` has it or as the file writes it. The auditor's own override hides it: then an entry of the
    /// configuration files stands in, and where there is none nothing does, since a command line or an environment wins over
    /// the files and is listed nowhere.
    ///
    /// # Errors
    /// It is hidden, with what would show it.
    pub fn told_by_server(&self, name: &str) -> Result<ServerSetting, Missing> {
        let setting = self.setting(name)?;
        let seen = |text: &str| Ok(ServerSetting { text: text.to_owned(), by_file: false });
        match setting.source.as_str() {
            "user" | "database" | "database user" | "client" => {}
            // the audit's own `set local` of its limits: below it lies what the session began with
            "session" if !self.is_overridden(name) => return seen(setting.reset_value.as_deref().unwrap_or_default()),
            "session" => {}
            _ => return seen(&setting.setting),
        }
        let hidden =
            format!("{name} is set for the audit's own role, database or connection, which hides what the server says");
        let Some(files) = self.snapshot.server.file_settings.ok() else {
            return Err(Missing::new("file_settings", Reason::Privilege, hidden).unlocked_by(format!(
                "{}\n{}",
                self.snapshot.grant("select on pg_file_settings"),
                self.snapshot.grant("execute on function pg_show_all_file_settings()")
            )));
        };
        let written = files.iter().rev().find(|entry| entry.name == name && entry.applied);
        match written.and_then(|entry| entry.setting.clone()) {
            Some(text) => Ok(ServerSetting { text, by_file: true }),
            None => Err(Missing::new(
                "file_settings",
                Reason::Input,
                format!("{hidden}; the configuration files say nothing, and a command line is not listed"),
            )
            .unlocked_by(format!("run the audit as a role, and in a database, that {name} is not set for"))),
        }
    }

    /// Whether a parameter is set for the auditing role, for its database, or for all roles.
    fn is_overridden(&self, name: &str) -> bool {
        let Ok(server) = self.server() else { return true };
        // what was not read may hold anything
        let Some(overrides) = self.snapshot.server.setting_overrides.ok() else { return true };
        overrides.iter().any(|entry| {
            entry.name == name
                && entry.role.as_ref().is_none_or(|role| *role == server.role)
                && entry.database.as_ref().is_none_or(|database| *database == server.database)
        })
    }

    /// Whether a role is an application's, as the configuration says or by default.
    pub fn is_application(&self, role: &Role) -> bool {
        let matches = |patterns: &[String]| patterns.iter().any(|pattern| crate::glob::matches(pattern, &role.name));
        if !role.can_login || role.name.starts_with("pg_") || matches(&self.role_kinds.maintenance) {
            return false;
        }
        match self.role_kinds.application.as_slice() {
            [] => !role.is_superuser && !role.replication && !self.is_monitor(role),
            patterns => matches(patterns),
        }
    }

    /// Whether a role is made for monitoring: a member, through other roles too, of those that see everybody's statistics.
    /// The role the audit runs as is judged like any other.
    pub fn is_monitor(&self, role: &Role) -> bool {
        let roles = self.snapshot.server.roles.ok().map_or(&[][..], Vec::as_slice);
        let mut open: Vec<&str> = role.member_of.iter().map(String::as_str).collect();
        let mut seen = BTreeSet::new();
        while let Some(group) = open.pop() {
            if matches!(group, "pg_monitor" | "pg_read_all_stats") {
                return !role.is_superuser;
            }
            if seen.insert(group) {
                let group = roles.iter().find(|role| role.name == group);
                open.extend(group.into_iter().flat_map(|group| group.member_of.iter().map(String::as_str)));
            }
        }
        false
    }

    /// Whether a role of this name is an application's; a role that is gone is not.
    pub fn is_application_named(&self, name: &str) -> bool {
        let roles = self.snapshot.server.roles.ok();
        roles.is_some_and(|roles| roles.iter().any(|role| role.name == name && self.is_application(role)))
    }

    /// Whether standbys exist, by what streams from here.
    pub fn has_standbys(&self) -> bool {
        let replicas = self.snapshot.server.replication.ok();
        replicas.is_some_and(|replicas| !replicas.is_empty()) || !self.replicas.is_empty()
    }
}

impl<'a> DatabaseContext<'a> {
    /// A threshold, as configured or by default.
    pub fn param(&self, meta: &Meta, param: &Param) -> f64 {
        self.server.param(meta, param)
    }

    /// The name of the database.
    pub fn name(&self) -> &'a str {
        &self.database.name
    }

    /// The same database in the earlier snapshot, where the two may be compared.
    pub fn before(&self) -> Option<&'a Database> {
        let before = self.server.before?;
        crate::window::comparable(before, self.server.snapshot).ok()?;
        before.database(self.name())
    }

    /// The window of the counters of tables and indexes.
    ///
    /// # Errors
    /// What it is known from was not read.
    pub fn span(&self) -> Result<Span, Missing> {
        of_database(self.server.snapshot, self.server.before, self.name())
    }

    /// Bytes of so many pages.
    pub fn bytes(&self, pages: i64) -> i64 {
        pages.saturating_mul(self.server.block_size())
    }
}
