//! Configuration parameters, as the auditing session sees them.

use crate::pg::Query;

/// `sql/facts/settings.sql`
pub static QUERY: Query = Query { name: "settings", variants: &[(14, include_str!("../../sql/facts/settings.sql"))] };

crate::row! {
    /// A configuration parameter.
    pub struct Setting {
        /// Its name.
        pub name: String,
        /// The value in effect for this session, in `unit`.
        pub setting: String,
        /// The unit of `setting`: `ms`, `8kB`, …
        pub unit: Option<String>,
        /// `bool`, `enum`, `integer`, `real` or `string`.
        pub vartype: String,
        /// Who may change it, and when.
        pub context: String,
        /// Where the value comes from: `default`, `configuration file`, `database`, `user`, …
        pub source: String,
        /// The compiled-in default.
        pub boot_value: Option<String>,
        /// What `reset` would go back to.
        pub reset_value: Option<String>,
        /// Whether the configuration files say something else that needs a restart.
        pub pending_restart: bool,
    }
}

/// What stands for a value that is not told.
pub const WITHHELD: &str = "(withheld)";

/// Whether the value of a parameter may hold a secret: connection strings, commands, passphrases, and every parameter that
/// is nobody's but the user's own, which applications fill with tokens.
pub fn is_secret(name: &str) -> bool {
    const PARTS: &[&str] =
        &["conninfo", "password", "passphrase", "secret", "token", "_command", "credential", "apikey", "api_key"];
    const KNOWN_PREFIXES: &[&str] = &[
        "auto_explain",
        "pg_stat_statements",
        "pg_stat_monitor",
        "pg_qualstats",
        "pgaudit",
        "pg_hint_plan",
        "rds",
        "apg",
        "aurora",
        "cloudsql",
        "alloydb",
        "azure",
        "neon",
        "supautils",
        "plpgsql",
        "pg_wait_sampling",
        "timescaledb",
    ];
    let name = name.to_ascii_lowercase();
    // the one command-like name that holds no command, and the settings that only say how passwords are hashed
    if matches!(name.as_str(), "password_encryption" | "md5_password_warnings" | "scram_iterations") {
        return false;
    }
    match name.split_once('.') {
        Some((prefix, _)) if !KNOWN_PREFIXES.contains(&prefix) => true,
        _ => PARTS.iter().any(|part| name.contains(part)),
    }
}

/// The value as it may be told: an empty one says that nothing is set, and is kept.
pub fn tellable(name: &str, value: String) -> String {
    if value.is_empty() || !is_secret(name) { value } else { WITHHELD.to_owned() }
}

/// Withholds what may be secret.
pub fn redact(rows: Vec<Setting>) -> Vec<Setting> {
    rows.into_iter()
        .map(|row| Setting {
            setting: tellable(&row.name, row.setting),
            boot_value: row.boot_value.map(|value| tellable(&row.name, value)),
            reset_value: row.reset_value.map(|value| tellable(&row.name, value)),
            ..row
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_withheld_and_the_rest_is_not() {
        for name in ["primary_conninfo", "archive_command", "ssl_passphrase_command", "app.jwt_secret", "my.colour"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["statement_timeout", "password_encryption", "auto_explain.log_min_duration", "rds.extensions"] {
            assert!(!is_secret(name), "{name}");
        }
        assert_eq!(tellable("archive_command", String::new()), "");
        assert_eq!(tellable("archive_command", "curl -u x:y".into()), WITHHELD);
    }
}
