//! The operating system user a server runs as. PostgreSQL refuses to run as root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A user to start the server programs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// The user and group that "nobody" has by convention where no account file says so.
const NOBODY: Account = Account { uid: 65534, gid: 65534 };

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whom to become: `None` when this process is not root and so stays who it is.
pub(super) fn to_drop_to() -> Option<Account> {
    is_root().then(|| {
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        choose(&accounts)
    })
}

fn choose(passwd: &str) -> Account {
    ["postgres", "nobody"].iter().find_map(|name| look_up(passwd, name)).unwrap_or(NOBODY)
}

/// A line is `name:password:uid:gid:comment:home:shell`.
fn look_up(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        // An account that is root under another name would be refused as root is.
        (uid != 0).then_some(Account { uid, gid })
    })
}

/// The first ancestor of `path`, or `path` itself, that other users cannot pass through.
///
/// Group membership is left out on purpose: supplementary groups are dropped together with the user.
pub(super) fn first_closed(path: &Path) -> Option<PathBuf> {
    let resolved = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut ancestors: Vec<&Path> = resolved.ancestors().collect();
    ancestors.reverse();
    ancestors
        .into_iter()
        .find(|ancestor| !fs::metadata(ancestor).is_ok_and(|found| found.permissions().mode() & 0o001 != 0))
        .map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n\
        postgres:x:101:104:PostgreSQL administrator:/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn postgres_before_nobody_before_the_convention() {
        assert_eq!(choose(PASSWD), Account { uid: 101, gid: 104 });
        let without = PASSWD.replace("postgres:", "other:");
        assert_eq!(choose(&without), Account { uid: 65534, gid: 65533 });
        assert_eq!(choose(""), NOBODY);
    }

    #[test]
    fn root_by_another_name_is_not_chosen() {
        assert_eq!(look_up("postgres:x:0:0::/:/bin/sh", "postgres"), None);
        assert_eq!(look_up("postgres:x:abc:0::/:/bin/sh", "postgres"), None);
    }

    #[test]
    fn the_closed_directory_is_named() {
        let base = std::env::temp_dir().join(format!("pgassay-account-{}", std::process::id()));
        let below = base.join("below");
        fs::create_dir_all(&below).expect("a temporary directory");
        fs::set_permissions(&base, fs::Permissions::from_mode(0o700)).expect("a mode");
        let closed = first_closed(&below);
        fs::remove_dir_all(&base).expect("removal");
        let closed = closed.expect("mode 0700 closes it");
        assert!(base.canonicalize().unwrap_or(base).starts_with(&closed));
        assert_eq!(first_closed(Path::new("/")), None);
    }
}
