//! What the configuration files say, for where a role's own setting hides it.

use crate::pg::Query;

/// `sql/facts/file_settings.sql`
pub static QUERY: Query =
    Query { name: "file_settings", variants: &[(14, include_str!("../../sql/facts/file_settings.sql"))] };

crate::row! {
    /// An entry of the configuration files.
    pub struct FileSetting {
        /// The parameter.
        pub name: String,
        /// Its value as it was written.
        pub setting: Option<String>,
        /// Whether it would take effect.
        pub applied: bool,
        /// What is wrong with it.
        pub error: Option<String>,
    }
}

/// Withholds what may be secret.
pub fn redact(rows: Vec<FileSetting>) -> Vec<FileSetting> {
    rows.into_iter()
        .map(|row| FileSetting { setting: row.setting.map(|value| super::settings::tellable(&row.name, value)), ..row })
        .collect()
}
