//! The sessions of clients at one instant, light enough to be read several times a second.

use crate::pg::Query;
use crate::time::Timestamp;

/// `sql/facts/clients.sql`
pub static QUERY: Query = Query { name: "clients", variants: &[(14, include_str!("../../sql/facts/clients.sql"))] };

crate::row! {
    /// A client's session.
    pub struct Client {
        /// Its process id.
        pub pid: i32,
        /// Its database.
        pub database: Option<String>,
        /// Its role.
        pub role: Option<String>,
        /// Its application_name.
        pub application: Option<String>,
        /// Where the client is; none for a Unix socket, or where this role may not see it.
        pub client_address: Option<String>,
        /// `active`, `idle`, `idle in transaction`, …; none where this role may not see it.
        pub state: Option<String>,
        /// When it was connected.
        pub started_at: Option<Timestamp>,
        /// When its transaction started.
        pub transaction_started_at: Option<Timestamp>,
        /// When its state changed.
        pub state_changed_at: Option<Timestamp>,
        /// Whether this role may see what it does.
        pub is_visible: bool,
        /// Whether it is the reading session itself.
        pub is_own: bool,
        /// The server's clock.
        pub read_at: Option<Timestamp>,
    }
}

impl Client {
    /// Whether it belongs to this program, by pid or by name.
    pub fn is_ours(&self) -> bool {
        let name = self.application.as_deref().unwrap_or_default();
        self.is_own || name.starts_with(concat!(env!("CARGO_PKG_NAME"), "/"))
    }

    /// Seconds from one of its times to the moment it was read.
    pub fn seconds_since(&self, at: Option<Timestamp>) -> Option<f64> {
        self.read_at?.seconds_since(at?)
    }
}
