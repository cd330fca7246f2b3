//! PostgreSQL's table-level lock modes, spelled as `pg_locks.mode` spells them.
//! <https://www.postgresql.org/docs/current/explicit-locking.html>

use serde::{Deserialize, Serialize};
use std::fmt;

/// A table-level lock mode, weakest first: the order is the one of the manual's table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockMode {
    /// Taken by every read.
    AccessShare,
    /// `select … for update`.
    RowShare,
    /// `insert`, `update`, `delete`.
    RowExclusive,
    /// `create index concurrently`, `vacuum`, `analyze`.
    ShareUpdateExclusive,
    /// `create index`.
    Share,
    /// `create trigger`, `alter table … add foreign key`.
    ShareRowExclusive,
    /// `refresh materialized view concurrently`.
    Exclusive,
    /// Most of `alter table`, `drop table`, `truncate`.
    AccessExclusive,
    /// A mode this version of the tool does not know.
    Other(String),
}

impl LockMode {
    /// The name in `pg_locks.mode`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::AccessShare => "AccessShareLock",
            Self::RowShare => "RowShareLock",
            Self::RowExclusive => "RowExclusiveLock",
            Self::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            Self::Share => "ShareLock",
            Self::ShareRowExclusive => "ShareRowExclusiveLock",
            Self::Exclusive => "ExclusiveLock",
            Self::AccessExclusive => "AccessExclusiveLock",
            Self::Other(name) => name,
        }
    }

    /// What the mode stops, in the words of an application developer.
    pub fn blocks(&self) -> &'static str {
        match self {
            Self::AccessShare | Self::RowShare | Self::RowExclusive => "reads and writes go on",
            Self::ShareUpdateExclusive => "reads and writes go on; vacuum and other schema changes wait",
            Self::Share | Self::ShareRowExclusive | Self::Exclusive => "writes wait, reads go on",
            Self::AccessExclusive => "reads and writes wait",
            Self::Other(_) => "what it blocks is not known to this version",
        }
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&str> for LockMode {
    fn from(name: &str) -> Self {
        match name {
            "AccessShareLock" => Self::AccessShare,
            "RowShareLock" => Self::RowShare,
            "RowExclusiveLock" => Self::RowExclusive,
            "ShareUpdateExclusiveLock" => Self::ShareUpdateExclusive,
            "ShareLock" => Self::Share,
            "ShareRowExclusiveLock" => Self::ShareRowExclusive,
            "ExclusiveLock" => Self::Exclusive,
            "AccessExclusiveLock" => Self::AccessExclusive,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl Serialize for LockMode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for LockMode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_order_follows_the_manual() {
        let names = [
            "AccessShareLock",
            "RowShareLock",
            "RowExclusiveLock",
            "ShareUpdateExclusiveLock",
            "ShareLock",
            "ShareRowExclusiveLock",
            "ExclusiveLock",
            "AccessExclusiveLock",
            "SIReadLock",
        ];
        let modes: Vec<LockMode> = names.iter().map(|name| LockMode::from(*name)).collect();
        assert!(modes.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(modes.iter().map(LockMode::as_str).collect::<Vec<_>>(), names);
    }
}
