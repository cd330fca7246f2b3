//! Parameters set for a role, a database, or a role in a database.

use crate::pg::Query;

/// `sql/facts/setting_overrides.sql`
pub static QUERY: Query =
    Query { name: "setting_overrides", variants: &[(14, include_str!("../../sql/facts/setting_overrides.sql"))] };

crate::row! {
    /// A parameter set by `alter role` or `alter database`.
    pub struct SettingOverride {
        /// The database it holds in; none for all.
        pub database: Option<String>,
        /// The role it holds for; none for all.
        pub role: Option<String>,
        /// The parameter.
        pub name: String,
        /// Its value as it was written: `30s`, `5000`, `on`.
        pub value: String,
    }
}

/// Withholds what may be secret.
pub fn redact(rows: Vec<SettingOverride>) -> Vec<SettingOverride> {
    rows.into_iter()
        .map(|row| SettingOverride { value: super::settings::tellable(&row.name, row.value), ..row })
        .collect()
}
