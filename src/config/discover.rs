//! Where configuration lies: nearest, then user, then system. Which files exist is asked of the caller, so that nothing
//! here touches the disk or the environment.

use crate::rule::words;
use std::io;
use std::path::{Path, PathBuf};

/// The name of the file everywhere.
pub const FILE_NAME: &str = "pgassay.toml";

words! {
    /// How near a configuration file is; the nearer one wins.
    Level {
        /// Named on the command line, or found from the working directory upwards.
        Nearest = "nearest",
        /// Of the user.
        User = "user",
        /// Of the machine.
        System = "system",
    }
}

/// What decides where configuration is looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Where the search upwards begins.
    pub working_directory: PathBuf,
    /// `$XDG_CONFIG_HOME`; one that is not absolute does not count.
    pub config_home: Option<PathBuf>,
    /// `$HOME`.
    pub home: Option<PathBuf>,
    /// A file named on the command line, in place of the search upwards; it has to exist.
    pub explicit: Option<PathBuf>,
}

/// One file, found and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// How near it is.
    pub level: Level,
    /// Where it lies.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// A configuration file that is there and cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the configuration {}", path.display())]
pub struct Unreadable {
    /// Where it lies.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

impl Environment {
    /// The places, nearest first, and of each the candidates of which the first that exists counts.
    pub fn candidates(&self) -> Vec<(Level, Vec<PathBuf>)> {
        let nearest = match &self.explicit {
            Some(path) => vec![path.clone()],
            None => self.working_directory.ancestors().map(|directory| directory.join(FILE_NAME)).collect(),
        };
        let home = || self.home.as_ref().filter(|home| home.is_absolute()).map(|home| home.join(".config"));
        let user = self.config_home.clone().filter(|home| home.is_absolute()).or_else(home);
        let mut places = vec![(Level::Nearest, nearest)];
        places.extend(user.map(|home| (Level::User, vec![home.join("pgassay").join(FILE_NAME)])));
        places.push((Level::System, vec![Path::new("/etc/pgassay").join(FILE_NAME)]));
        places
    }
}

/// The files there are, nearest first, each once. `read` reads a file as text.
///
/// # Errors
/// A file that exists and cannot be read, or one named on the command line that does not exist.
pub fn discover(
    environment: &Environment,
    read: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<Vec<Source>, Unreadable> {
    let mut sources: Vec<Source> = Vec::new();
    for (level, paths) in environment.candidates() {
        for path in paths {
            if sources.iter().any(|source| source.path == path) {
                break;
            }
            match read(&path) {
                Ok(text) => {
                    sources.push(Source { level, path, text });
                    break;
                }
                Err(error) if absent(&error) && environment.explicit.as_ref() != Some(&path) => {}
                Err(source) => return Err(Unreadable { path, source }),
            }
        }
    }
    Ok(sources)
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
