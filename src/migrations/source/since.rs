//! Which files a branch adds or changes, as git says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why the files of a branch are not known.
#[derive(Debug, thiserror::Error)]
pub enum SinceError {
    /// There is no git.
    #[error("git cannot be run: {0}")]
    NoGit(std::io::Error),
    /// The folder is in no repository.
    #[error("{} is in no git repository", .0.display())]
    NoRepository(PathBuf),
    /// The reference names no commit.
    #[error("git knows no commit {0}; a clone of a pipeline may lack it: fetch it, or clone with the whole history")]
    UnknownReference(String),
    /// The two have no common ancestor here.
    #[error(
        "{0} and the current commit have no common ancestor here: the clone may be shallow, fetch the whole history"
    )]
    NoCommonAncestor(String),
    /// git failed otherwise.
    #[error("git {command} failed: {message}")]
    Failed {
        /// The command.
        command: String,
        /// What it said.
        message: String,
    },
}

/// The files that were added, changed or renamed since a branch left a reference, committed or not, untracked ones too:
/// absolute paths.
pub fn changed_since(folder: &Path, reference: &str) -> Result<BTreeSet<PathBuf>, SinceError> {
    let top = git(folder, &["rev-parse", "--show-toplevel"]);
    let top = match top {
        Ok(top) => PathBuf::from(top.trim_end_matches(['\n', '\r'])),
        Err(SinceError::Failed { .. }) => return Err(SinceError::NoRepository(folder.to_path_buf())),
        Err(error) => return Err(error),
    };
    let unknown = || SinceError::UnknownReference(reference.to_owned());
    // it would be an option
    if reference.is_empty() || reference.starts_with('-') {
        return Err(unknown());
    }
    let failed = |error: SinceError, otherwise: SinceError| match error {
        SinceError::Failed { .. } => otherwise,
        error => error,
    };
    git(&top, &["rev-parse", "--verify", "--quiet", &format!("{reference}^{{commit}}")])
        .map_err(|error| failed(error, unknown()))?;
    let base = git(&top, &["merge-base", reference, "HEAD"])
        .map_err(|error| failed(error, SinceError::NoCommonAncestor(reference.to_owned())))?;
    let changed = git(&top, &["diff", "--name-only", "--diff-filter=ACMR", "--no-ext-diff", "-z", base.trim(), "--"])?;
    let untracked = git(&top, &["ls-files", "--others", "--exclude-standard", "-z"])?;
    let paths = changed.split('\0').chain(untracked.split('\0')).filter(|path| !path.is_empty());
    Ok(paths.map(|path| top.join(path)).collect())
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String, SinceError> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        // within a hook these are set, relative to where git was called
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .env_remove("GIT_PREFIX")
        .stdin(Stdio::null())
        .output()
        .map_err(SinceError::NoGit)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    let message = message.lines().next().unwrap_or("it said nothing").to_owned();
    Err(SinceError::Failed { command: arguments.first().copied().unwrap_or_default().to_owned(), message })
}

#[cfg(test)]
mod tests {
    use super::super::gather::tests::Folder;
    use super::*;

    fn run(folder: &Folder, arguments: &[&str]) {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
        let mut all = identity.to_vec();
        all.extend(arguments);
        git(&folder.0, &all).unwrap();
    }

    fn names(folder: &Folder, reference: &str) -> Vec<String> {
        let top = folder.0.canonicalize().unwrap();
        let changed = changed_since(&folder.0.join("m"), reference).unwrap();
        changed.iter().map(|path| path.strip_prefix(&top).unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_branch_adds_what_differs_from_where_it_began() {
        if Command::new("git").arg("--version").output().is_err() {
            return;
        }
        let folder = Folder::new("since");
        assert!(matches!(changed_since(&folder.0, "main"), Err(SinceError::NoRepository(_))));
        for name in ["m/1.sql", "m/2.sql", "m/3.sql"] {
            folder.write(name, "select 1;");
        }
        run(&folder, &["init", "--quiet", "--initial-branch=main"]);
        run(&folder, &["add", "."]);
        run(&folder, &["commit", "--quiet", "-m", "a"]);
        run(&folder, &["checkout", "--quiet", "-b", "branch"]);
        folder.write("m/2.sql", "select 2;");
        folder.write("m/4 é.sql", "select 4;");
        std::fs::remove_file(folder.0.join("m/1.sql")).unwrap();
        run(&folder, &["add", "."]);
        run(&folder, &["commit", "--quiet", "-m", "b"]);
        folder.write("m/5.sql", "select 5;");
        folder.write("other.sql", "select 6;");
        // what main does meanwhile is not the branch's
        run(&folder, &["checkout", "--quiet", "main"]);
        folder.write("m/3.sql", "select 3;");
        run(&folder, &["commit", "--quiet", "-am", "c"]);
        run(&folder, &["checkout", "--quiet", "branch"]);
        assert_eq!(names(&folder, "main"), ["m/2.sql", "m/4 é.sql", "m/5.sql", "other.sql"]);
        assert_eq!(names(&folder, "HEAD"), ["m/5.sql", "other.sql"]);
        let error = |reference: &str| changed_since(&folder.0, reference).unwrap_err().to_string();
        assert!(error("nowhere").starts_with("git knows no commit nowhere"));
        assert!(error("--output=x").starts_with("git knows no commit"));
        run(&folder, &["checkout", "--quiet", "--orphan", "alone"]);
        run(&folder, &["commit", "--quiet", "-am", "d"]);
        assert!(error("main").contains("no common ancestor"));
    }
}
