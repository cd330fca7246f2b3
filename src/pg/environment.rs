//! What a connection string is completed from: variables, the home directory, the user's name, and a few small files.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Everything [`Target::resolve`](super::Target::resolve) may look at besides the connection string.
///
/// [`Environment::from_process`] is the real one; [`Environment::empty`] and the `with_` methods make one by hand, so
/// that a test needs neither the process's variables nor its files.
#[derive(Clone)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    home: Option<PathBuf>,
    user: Option<String>,
    files: Files,
}

/// Where files are read from.
#[derive(Clone)]
enum Files {
    Disk,
    Given(BTreeMap<PathBuf, (String, u32)>),
}

impl fmt::Debug for Environment {
    /// Names only: `PGPASSWORD` and the files hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("home", &self.home)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Environment {
    /// The process's own `PG*` variables, home directory and user, and the real files.
    #[must_use]
    pub fn from_process() -> Self {
        let variables: BTreeMap<_, _> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("PG"))
            .collect();
        let account = account();
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            variables,
            home: std::env::var_os("HOME")
                .filter(|home| !home.is_empty())
                .map(PathBuf::from)
                .or_else(|| account.as_ref().map(|account| account.home.clone())),
            // libpq asks for the effective user and never the variables, which sudo and cron leave wrong
            user: account.map(|account| account.name).or_else(|| variable("USER")).or_else(|| variable("LOGNAME")),
            files: Files::Disk,
        }
    }

    /// No variables, no files, no home, no user.
    #[must_use]
    pub fn empty() -> Self {
        Self { variables: BTreeMap::new(), home: None, user: None, files: Files::Given(BTreeMap::new()) }
    }

    /// Sets a variable.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets the home directory.
    #[must_use]
    pub fn with_home(mut self, home: impl Into<PathBuf>) -> Self {
        self.home = Some(home.into());
        self
    }

    /// Sets the name of the operating system's user.
    #[must_use]
    pub fn with_user(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    /// Adds a file with its permission bits. Only what is added exists then.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<PathBuf>, mode: u32, text: &str) -> Self {
        let mut files = match self.files {
            Files::Given(files) => files,
            Files::Disk => BTreeMap::new(),
        };
        files.insert(path.into(), (text.to_owned(), mode));
        self.files = Files::Given(files);
        self
    }

    /// Reads the real files, whatever was added before.
    #[must_use]
    pub fn with_real_files(mut self) -> Self {
        self.files = Files::Disk;
        self
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    pub(crate) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// A file's text; bytes that are not UTF-8 become replacement characters, which match nothing.
    pub(crate) fn read(&self, path: &Path) -> io::Result<String> {
        match &self.files {
            Files::Disk => Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned()),
            Files::Given(files) => {
                files.get(path).map(|(text, _)| text.clone()).ok_or_else(|| io::ErrorKind::NotFound.into())
            }
        }
    }

    /// Whether a path is there, and if so whether it is a plain file and its permission bits.
    pub(crate) fn stat(&self, path: &Path) -> Option<Stat> {
        match &self.files {
            Files::Disk => {
                let metadata = std::fs::metadata(path).ok()?;
                Some(Stat { plain: metadata.is_file(), mode: mode(&metadata) })
            }
            Files::Given(files) => files.get(path).map(|(_, mode)| Stat { plain: true, mode: *mode }),
        }
    }
}

/// What the permission rule of a password file needs to know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stat {
    pub(crate) plain: bool,
    pub(crate) mode: u32,
}

#[cfg(unix)]
fn mode(metadata: &std::fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata)
}

/// Windows has no such bits, and libpq does not look at them there.
#[cfg(not(unix))]
fn mode(_: &std::fs::Metadata) -> u32 {
    0o600
}

/// The effective user's line of the account file.
struct Account {
    name: String,
    home: PathBuf,
}

/// The effective user, without a call into libc: the owner of the process's own directory, looked up in the account
/// file. `None` where there is no such directory, or the account comes from a directory service.
fn account() -> Option<Account> {
    #[cfg(unix)]
    {
        let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").ok()?).to_string();
        let accounts = std::fs::read("/etc/passwd").ok()?;
        String::from_utf8_lossy(&accounts).lines().find_map(|line| {
            let fields: Vec<_> = line.split(':').collect();
            match fields[..] {
                [name, _, id, _, _, home, _] if id == uid => {
                    Some(Account { name: name.to_owned(), home: PathBuf::from(home) })
                }
                _ => None,
            }
        })
    }
    #[cfg(not(unix))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_names_only() {
        let environment = Environment::empty().with_variable("PGPASSWORD", "canary").with_file(
            "/home/a/.pgpass",
            0o600,
            "*:*:*:*:canary",
        );
        let text = format!("{environment:?}");
        assert!(text.contains("PGPASSWORD") && !text.contains("canary"), "{text}");
    }

    #[test]
    fn given_files_hide_the_disk() {
        let environment = Environment::empty().with_file("/a", 0o644, "x");
        assert_eq!(environment.read(Path::new("/a")).unwrap(), "x");
        assert!(environment.read(Path::new("/etc/passwd")).is_err());
        assert!(environment.stat(Path::new("/etc/passwd")).is_none());
    }
}
