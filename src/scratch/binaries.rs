//! Where a PostgreSQL installation may be, and what it can load.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::account;

/// The server programs of one PostgreSQL installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The directory that holds `initdb` and `postgres`.
    pub directory: PathBuf,
    /// The major version, for example 17.
    pub major: u16,
    /// The version as the server prints it, for example `17.10` or `19beta1`.
    pub version: String,
}

impl Binaries {
    /// Looks into one directory; `None` when it holds no server, or one that cannot say its version.
    #[must_use]
    pub fn at(directory: &Path) -> Option<Self> {
        // A link in a directory of PATH leads to the installation; its libraries are beside the program itself.
        let resolved = directory.join("postgres").canonicalize().ok();
        let directory = resolved
            .as_deref()
            .and_then(Path::parent)
            .filter(|home| home.join("postgres").is_file() && home.join("initdb").is_file())
            .unwrap_or(directory);
        let postgres = directory.join("postgres");
        if !postgres.is_file() || !directory.join("initdb").is_file() {
            return None;
        }
        let printed = output_of(&postgres, "--version")?;
        let version = parse_version(&printed)?;
        Some(Self { directory: directory.to_owned(), major: parse_major(version)?, version: version.to_owned() })
    }

    /// Whether a loadable library (`pg_stat_statements`, `auto_explain`, …) is part of this installation.
    ///
    /// A library named in `shared_preload_libraries` that is missing keeps the server from starting.
    #[must_use]
    pub fn has_library(&self, name: &str) -> bool {
        self.library_directories()
            .iter()
            .any(|directory| ["so", "dylib"].iter().any(|suffix| directory.join(format!("{name}.{suffix}")).is_file()))
    }

    fn library_directories(&self) -> Vec<PathBuf> {
        // Beside `bin`: Debian and PGDG's RPMs, a plain `make install`, Fedora; anything else is asked of pg_config.
        let prefix = self.directory.parent().unwrap_or(Path::new("/"));
        let mut directories: Vec<PathBuf> =
            ["lib", "lib/postgresql", "lib64/pgsql", "lib/pgsql"].iter().map(|place| prefix.join(place)).collect();
        if let Some(printed) = output_of(&self.directory.join("pg_config"), "--pkglibdir") {
            directories.push(PathBuf::from(printed.trim()));
        }
        directories
    }
}

/// Every PostgreSQL installation on this machine, newest major first, one for each major.
///
/// Where a major is installed more than once the first of these wins: the directories in `extra`, `PATH`, what
/// `pg_config` points to, the places of the packages (Debian, RPM, Homebrew, Postgres.app), the cache that
/// `make matrix` fills.
#[must_use]
pub fn find_binaries(extra: &[PathBuf]) -> Vec<Binaries> {
    let mut found: BTreeMap<u16, Binaries> = BTreeMap::new();
    for directory in candidates(extra) {
        if let Some(binaries) = Binaries::at(&directory) {
            found.entry(binaries.major).or_insert(binaries);
        }
    }
    found.into_values().rev().collect()
}

fn candidates(extra: &[PathBuf]) -> Vec<PathBuf> {
    let mut directories = extra.to_vec();
    if let Some(path) = variable("PATH") {
        directories.extend(std::env::split_paths(&path));
    }
    if let Some(printed) = output_of(Path::new("pg_config"), "--bindir") {
        directories.push(PathBuf::from(printed.trim()));
    }
    let patterns = [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
        ("/usr/local/pgsql", "bin", ""),
    ];
    for (parent, prefix, below) in patterns {
        directories.extend(entries(Path::new(parent), prefix).map(|entry| entry.join(below)));
    }
    for cache in caches() {
        directories.extend(entries(&cache, "").map(|entry| entry.join("bin")));
    }
    directories
}

/// The directories `tests/servers.sh` may have filled; it chooses by the same rule.
fn caches() -> Vec<PathBuf> {
    if let Some(chosen) = variable("PGASSAY_SERVERS") {
        return vec![PathBuf::from(chosen)];
    }
    let mut caches = Vec::new();
    // A home of mode 0700 hides the programs from the user a root process drops to: root's cache is not in its home.
    if !account::is_root() {
        if let Some(cache) = variable("XDG_CACHE_HOME") {
            caches.push(PathBuf::from(cache).join("pgassay/servers"));
        } else if let Some(home) = variable("HOME") {
            caches.push(PathBuf::from(home).join(".cache/pgassay/servers"));
        }
    }
    caches.push(PathBuf::from("/var/cache/pgassay/servers"));
    caches
}

fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn entries(parent: &Path, prefix: &str) -> impl Iterator<Item = PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found.into_iter()
}

fn output_of(program: &Path, argument: &str) -> Option<String> {
    let output =
        Command::new(program).arg(OsStr::new(argument)).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is `15.18`.
fn parse_version(printed: &str) -> Option<&str> {
    printed.trim().strip_prefix("postgres (PostgreSQL) ")?.split_whitespace().next()
}

/// `15.18` is 15, `19beta1` is 19; the three-part versions before 10 have a major of one digit and end below 14 too.
fn parse_major(version: &str) -> Option<u16> {
    let digits = version.find(|character: char| !character.is_ascii_digit()).map_or(version, |end| &version[..end]);
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_servers_print_them() {
        for (printed, version, major) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", "15.18", 15),
            ("postgres (PostgreSQL) 18.4\n", "18.4", 18),
            ("postgres (PostgreSQL) 19beta1\n", "19beta1", 19),
            ("postgres (PostgreSQL) 20devel\n", "20devel", 20),
            ("postgres (PostgreSQL) 9.6.24\n", "9.6.24", 9),
        ] {
            assert_eq!(parse_version(printed), Some(version));
            assert_eq!(parse_major(version), Some(major));
        }
        assert_eq!(parse_version("psql (PostgreSQL) 15.18"), None);
        assert_eq!(parse_major("unknown"), None);
    }

    #[test]
    fn a_directory_without_a_server_is_nothing() {
        assert_eq!(Binaries::at(Path::new("/nonexistent")), None);
        assert_eq!(Binaries::at(Path::new("/")), None);
    }

    #[test]
    fn newest_first_and_one_of_each_major() {
        let found = find_binaries(&[]);
        assert!(found.windows(2).all(|pair| pair[0].major > pair[1].major), "{found:?}");
    }
}
