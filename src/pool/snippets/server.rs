//! What the server itself limits, for each role of an application: the net below every pool.

use serde::{Deserialize, Serialize};

/// What goes into the limits of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backstop {
    /// The role.
    pub role: String,
    /// The server's major version.
    pub major: u32,
    /// The most connections of the role: all pools while a deployment runs, and a few for people; none sets no limit.
    pub connections: Option<u32>,
}

/// The statements for one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statements {
    /// The role.
    pub role: String,
    /// SQL.
    pub sql: String,
}

/// Writes the statements.
pub fn statements(backstop: &Backstop) -> Statements {
    let role = quoted(&backstop.role);
    let mut lines = vec![
        "-- new sessions of the role have these; migrations and dumps use another role".to_owned(),
        format!("alter role {role} set statement_timeout = '30s';"),
        format!("alter role {role} set lock_timeout = '5s';"),
        format!("alter role {role} set idle_in_transaction_session_timeout = '60s';"),
    ];
    if backstop.major >= 17 {
        lines.push(format!("alter role {role} set transaction_timeout = '5min';"));
    }
    if let Some(connections) = backstop.connections {
        lines.push(format!("alter role {role} connection limit {connections};"));
    }
    lines.push("-- not idle_session_timeout: it ends the idle connections of a pool behind its back".to_owned());
    Statements { role: backstop.role.clone(), sql: lines.join("\n") + "\n" }
}

/// As an identifier: always quoted, so that no name means anything else.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\0', "").replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_timeout_where_there_is_one() {
        let sql = |major| statements(&Backstop { role: "app".into(), major, connections: Some(23) }).sql;
        assert_eq!(
            sql(17),
            "-- new sessions of the role have these; migrations and dumps use another role\n\
             alter role \"app\" set statement_timeout = '30s';\n\
             alter role \"app\" set lock_timeout = '5s';\n\
             alter role \"app\" set idle_in_transaction_session_timeout = '60s';\n\
             alter role \"app\" set transaction_timeout = '5min';\n\
             alter role \"app\" connection limit 23;\n\
             -- not idle_session_timeout: it ends the idle connections of a pool behind its back\n"
        );
        assert!(!sql(16).contains("transaction_timeout ="));
    }

    #[test]
    fn names_are_quoted() {
        let hostile = Backstop { role: "a\"; drop table x; --\0".into(), major: 15, connections: None };
        assert!(statements(&hostile).sql.contains("alter role \"a\"\"; drop table x; --\" set lock_timeout"));
    }
}
