//! Whether all pools together fit into what the server lets in.
//!
//! What is added up is the most each pool may open, at the worst moment: while instances are replaced one after another, old and
//! new ones run side by side. Standbys and the server's own workers do not count against `max_connections`.

use serde::{Deserialize, Serialize};

/// The limits of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// `max_connections`.
    pub max_connections: u32,
    /// `superuser_reserved_connections`.
    pub superuser_reserved: u32,
    /// `reserved_connections`, 16 and later.
    pub reserved: u32,
    /// Kept free for people, monitors and migrations.
    pub others: u32,
    /// Roles with a `rolconnlimit`.
    pub roles: Vec<Limit>,
    /// Databases with a `datconnlimit`.
    pub databases: Vec<Limit>,
}

/// A limit of one role or database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Its name.
    pub name: String,
    /// The most connections; -1 is no limit.
    pub connections: i64,
}

/// The pools of one application, or of a pooler.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pools {
    /// What it is called: `web`, `pgbouncer shop/app`.
    pub name: String,
    /// The role it connects as, where one is known.
    pub role: Option<String>,
    /// The database it connects to, where one is known.
    pub database: Option<String>,
    /// Connections of each pool at most, overflow and reserve included.
    pub size: u32,
    /// Instances that have one.
    pub instances: u32,
    /// Instances that run besides while a deployment replaces them.
    pub surge: u32,
    /// The most that all of its pools to the database may open together: PgBouncer's `max_db_connections`; none where nothing caps.
    pub cap: Option<u32>,
}

impl Pools {
    /// Connections at the worst moment.
    pub fn most(&self) -> u64 {
        let all = u64::from(self.size).saturating_mul(u64::from(self.instances) + u64::from(self.surge));
        self.cap.map_or(all, |cap| all.min(u64::from(cap)))
    }
}

/// A line of the sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Whose.
    pub name: String,
    /// Connections of each pool.
    pub size: u32,
    /// Instances.
    pub instances: u32,
    /// More of them while deploying.
    pub surge: u32,
    /// Connections at the worst moment.
    pub connections: u64,
}

/// The sum, and what it is held against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// What each opens.
    pub shares: Vec<Share>,
    /// All of them.
    pub connections: u64,
    /// What the server has for them.
    pub available: u64,
    /// How that comes about, in words.
    pub formula: String,
    /// Whether everything fits.
    pub fits: bool,
    /// What does not fit, in words.
    pub problems: Vec<String>,
}

/// Adds up.
pub fn budget(limits: &Limits, pools: &[Pools]) -> Budget {
    let kept = u64::from(limits.superuser_reserved) + u64::from(limits.reserved) + u64::from(limits.others);
    let available = u64::from(limits.max_connections).saturating_sub(kept);
    let formula = format!(
        "max_connections {} − superuser_reserved_connections {} − reserved_connections {} − others {}",
        limits.max_connections, limits.superuser_reserved, limits.reserved, limits.others
    );
    let share = |pools: &Pools| Share {
        name: pools.name.clone(),
        size: pools.size,
        instances: pools.instances,
        surge: pools.surge,
        connections: pools.most(),
    };
    let shares: Vec<Share> = pools.iter().map(share).collect();
    let connections = shares.iter().map(|share| share.connections).fold(0, u64::saturating_add);
    let mut problems = Vec::new();
    if connections > available {
        let worst = match pools.iter().any(|pools| pools.surge > 0) {
            true => " while a deployment runs",
            false => "",
        };
        problems.push(format!(
            "the pools open up to {connections} connections{worst}, the server has {available} for them: {}",
            way_out(pools, available)
        ));
    }
    for (kind, setting, limits, of) in [
        (
            "role",
            "rolconnlimit",
            &limits.roles,
            &(|pools: &Pools| pools.role.clone()) as &dyn Fn(&Pools) -> Option<String>,
        ),
        ("database", "datconnlimit", &limits.databases, &|pools: &Pools| pools.database.clone()),
    ] {
        for limit in limits.iter() {
            let Ok(most) = u64::try_from(limit.connections) else { continue };
            let own = pools.iter().filter(|pools| of(pools).as_deref() == Some(limit.name.as_str()));
            let sum = own.map(Pools::most).fold(0, u64::saturating_add);
            if sum > most {
                problems.push(format!(
                    "the pools of {kind} {} open up to {sum} connections, its {setting} is {most}",
                    limit.name
                ));
            }
        }
    }
    Budget { shares, connections, available, formula, fits: problems.is_empty(), problems }
}

/// How large a pool each instance may have, or that a pooler is due.
fn way_out(pools: &[Pools], available: u64) -> String {
    match pools {
        [only] => {
            let each = available / (u64::from(only.instances) + u64::from(only.surge)).max(1);
            match each {
                0 => "more instances than connections; put PgBouncer before the server".to_owned(),
                each => format!("at most {each} in each instance, or PgBouncer before the server"),
            }
        }
        _ => "make the largest smaller, or put PgBouncer before the server".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { max_connections: 100, superuser_reserved: 3, others: 5, ..Limits::default() }
    }

    fn pools(name: &str, size: u32, instances: u32, surge: u32) -> Pools {
        Pools {
            name: name.into(),
            role: Some("app".into()),
            database: Some("shop".into()),
            size,
            instances,
            surge,
            cap: None,
        }
    }

    #[test]
    fn the_surge_of_a_deployment_counts() {
        let fits = budget(&limits(), &[pools("web", 20, 4, 0)]);
        assert!(fits.fits && fits.problems.is_empty());
        assert_eq!((fits.connections, fits.available), (80, 92));
        let bursts = budget(&limits(), &[pools("web", 20, 4, 1)]);
        assert!(!bursts.fits);
        assert_eq!(
            bursts.problems,
            [
                "the pools open up to 100 connections while a deployment runs, the server has 92 for them: at most 18 in each \
              instance, or PgBouncer before the server"
            ]
        );
    }

    #[test]
    fn reserved_connections_are_not_there() {
        let limits = Limits { reserved: 60, ..limits() };
        let budget = budget(&limits, &[pools("web", 20, 1, 0), pools("worker", 20, 1, 0)]);
        assert_eq!(budget.available, 32);
        assert!(budget.problems[0].ends_with("make the largest smaller, or put PgBouncer before the server"));
        let none = Limits { max_connections: 2, ..limits };
        assert_eq!(super::budget(&none, &[pools("web", 1, 9, 0)]).available, 0);
    }

    #[test]
    fn limits_of_roles_and_databases() {
        let limits = Limits {
            roles: vec![
                Limit { name: "app".into(), connections: 30 },
                Limit { name: "other".into(), connections: 0 },
                Limit { name: "free".into(), connections: -1 },
            ],
            databases: vec![Limit { name: "shop".into(), connections: 50 }],
            ..limits()
        };
        let budget = budget(&limits, &[pools("web", 20, 1, 0), pools("worker", 20, 1, 0)]);
        assert_eq!(budget.problems, ["the pools of role app open up to 40 connections, its rolconnlimit is 30"]);
    }

    #[test]
    fn a_cap_is_a_cap() {
        let bouncer = Pools { cap: Some(50), ..pools("pgbouncer", 20, 10, 0) };
        assert_eq!(bouncer.most(), 50);
        assert_eq!(pools("web", u32::MAX, u32::MAX, u32::MAX).most(), u64::MAX);
    }
}
