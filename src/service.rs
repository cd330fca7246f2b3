//! Managed services: recognised by settings and roles only they have.
//!
//! What a service hides from everybody is *not applicable*, not a privilege to be granted.

use crate::facts::Snapshot;
use crate::outcome::{Missing, Reason};

/// A managed service, and what gives it away.
struct Service {
    name: &'static str,
    settings: &'static [&'static str],
    roles: &'static [&'static str],
}

/// The more special first: Aurora has the settings of RDS too.
const SERVICES: &[Service] = &[
    Service { name: "Amazon Aurora", settings: &["apg_", "aurora_", "aurora."], roles: &[] },
    Service { name: "Amazon RDS", settings: &["rds."], roles: &["rds_superuser", "rdsadmin"] },
    Service {
        name: "Google AlloyDB",
        settings: &["alloydb.", "google_columnar_engine."],
        roles: &["alloydbsuperuser"],
    },
    Service { name: "Google Cloud SQL", settings: &["cloudsql."], roles: &["cloudsqlsuperuser"] },
    Service { name: "Azure Database for PostgreSQL", settings: &["azure."], roles: &["azure_pg_admin"] },
    Service { name: "Supabase", settings: &["supautils.", "supabase."], roles: &["supabase_admin"] },
    Service { name: "Neon", settings: &["neon."], roles: &["neon_superuser"] },
];

/// Facts that no customer of a managed service may read.
const HIDDEN: &[&str] = &["file_settings"];

/// The service a server is run by, if it is one of the known ones.
pub fn recognise(snapshot: &Snapshot) -> Option<&'static str> {
    let settings = snapshot.server.settings.ok().map_or(&[][..], Vec::as_slice);
    let roles = snapshot.server.roles.ok().map_or(&[][..], Vec::as_slice);
    let known = SERVICES.iter().find(|service| {
        let by_setting = |prefix: &&str| settings.iter().any(|setting| setting.name.starts_with(*prefix));
        let by_role = |name: &&str| roles.iter().any(|role| role.name == *name);
        service.settings.iter().any(by_setting) || service.roles.iter().any(by_role)
    });
    known.map(|service| service.name)
}

/// The reason as it is on a managed service: what the service hides from everybody cannot be granted.
pub fn on_service(missing: Missing, service: Option<&str>) -> Missing {
    match service {
        Some(service) if missing.reason == Reason::Privilege && HIDDEN.contains(&missing.fact.as_str()) => Missing {
            because: format!("{service} does not show {} to its customers", missing.fact),
            reason: Reason::Service,
            unlock: None,
            fact: missing.fact,
        },
        _ => missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Lab;

    #[test]
    fn services_are_recognised_by_what_only_they_have() {
        let mut lab = Lab::new();
        assert_eq!(recognise(&lab.snapshot), None);
        lab.role("rds_superuser");
        assert_eq!(recognise(&lab.snapshot), Some("Amazon RDS"));
        lab.setting("apg_plan_mgmt.x", "on", None);
        assert_eq!(recognise(&lab.snapshot), Some("Amazon Aurora"));
        let hidden = on_service(Missing::new("file_settings", Reason::Privilege, "denied"), Some("Neon"));
        assert_eq!((hidden.reason, hidden.unlock), (Reason::Service, None));
    }
}
