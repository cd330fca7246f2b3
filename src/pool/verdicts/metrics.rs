//! What a metrics endpoint shows of a pool: the connections in use, those idle, and the clients that wait.
//!
//! The names are those of the libraries and exporters in use, of OpenTelemetry, and of the checklist itself, which calls a gauge
//! `_total`; that breaks the naming rules of Prometheus, and counts.

/// The metrics that were recognised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Of connections in use.
    pub active: Option<String>,
    /// Of idle ones.
    pub idle: Option<String>,
    /// Of clients that wait.
    pub waiting: Option<String>,
}

impl Shown {
    /// The names that were found.
    pub fn found(&self) -> Vec<&str> {
        [&self.active, &self.idle, &self.waiting].into_iter().flatten().map(String::as_str).collect()
    }

    /// What none was found for.
    pub fn missing(&self) -> Vec<&'static str> {
        let all = [(&self.active, "active"), (&self.idle, "idle"), (&self.waiting, "waiting")];
        all.into_iter().filter(|(found, _)| found.is_none()).map(|(_, name)| name).collect()
    }
}

/// Parts of a name by which a metric is one of a pool of connections.
const POOLS: &[&str] = &[
    "hikaricp_connections",
    "db_client_connection",
    "pgbouncer_",
    "pgxpool",
    "go_sql_",
    "prisma_pool",
    "jdbc_connections",
    "db_pool",
    "connection_pool",
    "pg_pool",
    "pool_connections",
    "r2dbc_pool",
    "agroal_",
];

const ACTIVE: &[&str] = &["active", "busy", "in_use", "inuse", "used", "acquired", "usage_used"];
const IDLE: &[&str] = &["idle", "available", "free"];
const WAITING: &[&str] = &[
    "waiting",
    "pending",
    "wait_duration",
    "wait_time",
    "waited_for",
    "wait_count",
    "queries_wait",
    "empty_acquire",
    "awaiting",
];

/// From the text of an endpoint, in the format of Prometheus or of OpenMetrics.
pub fn read(text: &str) -> Shown {
    let mut shown = Shown::default();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let end = line.find(|c: char| c == '{' || c.is_whitespace()).unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        let lower = name.to_ascii_lowercase();
        let is_pool = POOLS.iter().any(|part| lower.contains(part)) || lower == "prisma_client_queries_wait";
        if !is_pool || lower.ends_with("_max") || lower.ends_with("_min") {
            continue;
        }
        // a label tells only where the name does not: db_client_connection_count{state="idle"}
        let states = if has_any(&lower) { Vec::new() } else { states(rest) };
        let tells = |words: &[&str]| match states.as_slice() {
            [] => words.iter().any(|word| lower.split("connection").any(|part| has_word(part, word))),
            states => states.iter().any(|state| words.contains(&state.to_ascii_lowercase().as_str())),
        };
        let (active, idle, waiting) = (tells(ACTIVE), tells(IDLE), tells(WAITING));
        let slot = match (waiting, idle, active) {
            (true, _, _) => &mut shown.waiting,
            (false, true, _) => &mut shown.idle,
            (false, false, true) => &mut shown.active,
            _ => continue,
        };
        if slot.is_none() {
            let name: String = name.chars().take(80).collect();
            *slot = Some(if states.is_empty() { name } else { format!("{name}{{{}}}", states.join(",")) });
        }
    }
    shown
}

/// The values of the labels that say in what state the connections are.
fn states(labels: &str) -> Vec<&str> {
    const LABELS: &[&str] = &["state", "status", "db_client_connection_state", "connection_state"];
    let Some((labels, _)) = labels.strip_prefix('{').and_then(|rest| rest.split_once('}')) else { return Vec::new() };
    let pairs = labels.split(',').filter_map(|label| label.split_once('='));
    let states = pairs.filter(|(key, _)| LABELS.contains(&key.trim()));
    states.map(|(_, value)| value.trim().trim_matches('"')).collect()
}

fn has_any(name: &str) -> bool {
    [ACTIVE, IDLE, WAITING].iter().any(|words| words.iter().any(|word| has_word(name, word)))
}

/// Whether a name has a word, bounded by `_` or its ends.
fn has_word(name: &str, word: &str) -> bool {
    name.match_indices(word).any(|(at, _)| {
        let before = name.get(..at).unwrap_or("");
        let after = name.get(at + word.len()..).unwrap_or("");
        (before.is_empty() || before.ends_with('_')) && (after.is_empty() || after.starts_with('_') || after == "s")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libraries_call_them() {
        for text in [
            "hikaricp_connections_active{pool=\"a\"} 1.0\nhikaricp_connections_idle{pool=\"a\"} 1\nhikaricp_connections_pending 0\n",
            "db_client_connection_count{state=\"used\"} 1\ndb_client_connection_count{state=\"idle\"} 1\ndb_client_connection_pending_requests 0\n",
            "pgbouncer_pools_server_active_connections{database=\"idle\"} 1\npgbouncer_pools_server_idle_connections 1\n\
             pgbouncer_pools_client_waiting_connections 0\n",
            "db_pool_connections_total{state=\"active\"} 1\ndb_pool_connections_total{state=\"idle\"} 1\ndb_pool_wait_duration_seconds_sum 1\n",
            "prisma_pool_connections_busy 1\nprisma_pool_connections_idle 3\nprisma_client_queries_wait 0\n",
            "go_sql_stats_connections_in_use{db_name=\"x\"} 1\ngo_sql_stats_connections_idle 1\ngo_sql_stats_connections_waited_for 0\n",
            "pgxpool_acquired_conns 1\npgxpool_idle_conns 1\npgxpool_empty_acquire 1\n",
        ] {
            let shown = read(text);
            assert_eq!(shown.missing(), Vec::<&str>::new(), "{text} {shown:?}");
        }
    }

    #[test]
    fn what_is_missing_and_what_is_none() {
        let shown = read(
            "# HELP hikaricp_connections_idle x\nhikaricp_connections_active 1\nhikaricp_connections_max 10\nhttp_idle 1\n",
        );
        assert_eq!((shown.found(), shown.missing()), (vec!["hikaricp_connections_active"], vec!["idle", "waiting"]));
        assert_eq!(read("<html>idle active waiting</html>").missing().len(), 3);
        assert_eq!(read("thread_pool_active 1\nthread_pool_idle 1\n").missing().len(), 3);
        assert_eq!(read("").missing().len(), 3);
        let labelled = read("db_client_connection_count{pool=\"p\",state=\"idle\"} 1\n");
        assert_eq!(labelled.idle.as_deref(), Some("db_client_connection_count{idle}"));
    }
}
