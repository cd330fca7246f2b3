//! Server processes at the instant of the snapshot.

use crate::fingerprint::normalise_all;
use crate::pg::Query;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// `sql/facts/activity.sql`
pub static QUERY: Query = Query { name: "activity", variants: &[(14, include_str!("../../sql/facts/activity.sql"))] };

crate::row! {
    /// A process as the server shows it, with the raw text of its query.
    pub struct RawActivity {
        /// Its process id.
        pub pid: i32,
        /// `client backend`, `autovacuum worker`, … ; none where this role may not see it.
        pub backend_type: Option<String>,
        /// Its database.
        pub database: Option<String>,
        /// Its role.
        pub role: Option<String>,
        /// Its application_name.
        pub application: Option<String>,
        /// Where the client is; none for a Unix socket.
        pub client_address: Option<String>,
        /// The client's port; -1 for a Unix socket.
        pub client_port: Option<i32>,
        /// When it started.
        pub started_at: Option<Timestamp>,
        /// When its transaction started.
        pub transaction_started_at: Option<Timestamp>,
        /// When its query started.
        pub query_started_at: Option<Timestamp>,
        /// When its state changed.
        pub state_changed_at: Option<Timestamp>,
        /// `active`, `idle`, `idle in transaction`, …
        pub state: Option<String>,
        /// What kind of thing it waits for.
        pub wait_event_type: Option<String>,
        /// What it waits for.
        pub wait_event: Option<String>,
        /// The age of its transaction id.
        pub xid_age: Option<i32>,
        /// The age of the horizon it holds back.
        pub xmin_age: Option<i32>,
        /// The leader, for a parallel worker.
        pub leader_pid: Option<i32>,
        /// The server's identity of its query.
        pub query_id: Option<String>,
        /// The text of its query.
        pub query: Option<String>,
        /// The processes that block it.
        pub blocked_by: Vec<i32>,
        /// Whether it is the auditing session itself.
        pub is_own: bool,
        /// The server's clock.
        pub read_at: Option<Timestamp>,
    }
}

/// A server process: a session, or one of the server's own. Its query is without literals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// Everything but the query's text.
    #[serde(flatten)]
    pub process: RawActivity,
    /// pg_query's fingerprint of its current or last query.
    #[serde(default)]
    pub fingerprint: Option<String>,
}

impl Activity {
    /// Whether it is a client's session, and not one of this program's.
    pub fn is_client(&self) -> bool {
        self.process.backend_type.as_deref() == Some("client backend") && !self.is_ours()
    }

    /// Whether it belongs to this program, by pid or by name.
    pub fn is_ours(&self) -> bool {
        let name = self.process.application.as_deref().unwrap_or_default();
        self.process.is_own || name.starts_with(concat!(env!("CARGO_PKG_NAME"), "/"))
    }

    /// Whether this role may see what it does: the state of others needs pg_read_all_stats.
    pub fn is_visible(&self) -> bool {
        self.process.backend_type.is_some()
    }

    /// Seconds from one of its times to the moment it was read.
    pub fn seconds_since(&self, at: Option<Timestamp>) -> Option<f64> {
        self.process.read_at?.seconds_since(at?)
    }
}

/// Takes the literals out of the queries.
pub fn redact(rows: Vec<RawActivity>) -> Vec<Activity> {
    let texts: Vec<&str> = rows.iter().map(|row| row.query.as_deref().unwrap_or_default()).collect();
    let normalised = normalise_all(&texts);
    let redacted = rows.into_iter().zip(normalised).map(|(mut process, normalised)| {
        let told = process.query.as_deref().is_some_and(|text| !text.is_empty() && text != "<insufficient privilege>");
        process.query = told.then_some(normalised.text);
        Activity { process, fingerprint: told.then_some(normalised.fingerprint) }
    });
    redacted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_seen_has_no_query_and_what_may_has_no_literal() {
        let row = |query: &str| RawActivity { query: Some(query.to_owned()), ..RawActivity::default() };
        let rows = redact(vec![row("select 'canary'"), row("<insufficient privilege>"), row("")]);
        assert_eq!(rows[0].process.query.as_deref(), Some("select $1"));
        assert!(rows[0].fingerprint.is_some());
        assert!(rows[1..].iter().all(|row| row.process.query.is_none() && row.fingerprint.is_none()));
    }
}
