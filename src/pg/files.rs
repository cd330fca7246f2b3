//! libpq's two small files: passwords (`~/.pgpass`) and services (`pg_service.conf`).

use std::path::{Path, PathBuf};

use super::conninfo;
use super::environment::Environment;
use super::secret::Secret;
use super::target::TargetError;

/// One line of a password file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PassEntry {
    /// Host, port, database, user; `None` matches everything.
    patterns: [Option<String>; 4],
    password: Secret,
}

/// Splits at colons that no backslash protects, and takes the backslashes away; what follows the fifth field is ignored.
fn split(line: &str) -> Vec<(String, bool)> {
    let mut fields = vec![(String::new(), false)];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let Some((field, escaped)) = fields.last_mut() else {
            break;
        };
        match c {
            '\\' => {
                *escaped = true;
                field.push(chars.next().unwrap_or('\\'));
            }
            ':' => fields.push((String::new(), false)),
            c => field.push(c),
        }
    }
    fields
}

/// Reads the lines of a password file; lines that are comments or have too few fields match nothing.
pub(super) fn pass_entries(text: &str) -> Vec<PassEntry> {
    text.lines()
        .map(|line| line.trim_end_matches('\r'))
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| {
            let mut fields = split(line).into_iter();
            // `*` alone is the wildcard; `\*` is a star
            let mut pattern = || fields.next().map(|(field, escaped)| (field != "*" || escaped).then_some(field));
            let patterns = [pattern()?, pattern()?, pattern()?, pattern()?];
            let (password, _) = fields.next()?;
            Some(PassEntry { patterns, password: Secret::new(password) })
        })
        .collect()
}

/// The first entry that fits.
pub(super) fn find_password<'a>(
    entries: &'a [PassEntry],
    host: &str,
    port: u16,
    database: &str,
    user: &str,
) -> Option<&'a Secret> {
    let port = port.to_string();
    let wanted = [host, &port, database, user];
    entries
        .iter()
        .find(|entry| {
            entry
                .patterns
                .iter()
                .zip(wanted)
                .all(|(pattern, wanted)| pattern.as_deref().is_none_or(|pattern| pattern == wanted))
        })
        .map(|entry| &entry.password)
}

/// Reads the password file, under libpq's rule: one that others can read is ignored, with a warning.
pub(super) fn read_passfile(path: &Path, environment: &Environment, warnings: &mut Vec<String>) -> Vec<PassEntry> {
    let Some(stat) = environment.stat(path) else {
        return Vec::new();
    };
    let shown = path.display();
    if !stat.plain {
        warnings.push(format!("password file \"{shown}\" is not a plain file, so it was ignored"));
        return Vec::new();
    }
    if stat.mode & 0o077 != 0 {
        warnings
            .push(format!("password file \"{shown}\" was ignored because others can read it: run chmod 0600 on it"));
        return Vec::new();
    }
    match environment.read(path) {
        Ok(text) => pass_entries(&text),
        Err(error) => {
            warnings.push(format!("password file \"{shown}\" could not be read: {error}"));
            Vec::new()
        }
    }
}

/// Where Debian, the PostgreSQL project's own packages and a build from source keep the system's service file.
const SYSTEM_DIRECTORIES: [&str; 3] = ["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/usr/local/pgsql/etc"];

/// Parameters with their values, in the order they were written.
pub(super) type Pairs = Vec<(&'static str, String)>;

/// The parameters of a service, first occurrence first.
pub(super) fn service(name: &str, file: Option<&str>, environment: &Environment) -> Result<Pairs, TargetError> {
    let mut candidates: Vec<PathBuf> = Vec::new();
    match file.or_else(|| environment.variable("PGSERVICEFILE")) {
        Some(named) => {
            let path = PathBuf::from(named);
            if environment.stat(&path).is_none() {
                return Err(TargetError::ServiceFile { path, reason: "not found".to_owned() });
            }
            candidates.push(path);
        }
        None => candidates.extend(environment.home().map(|home| home.join(".pg_service.conf"))),
    }
    match environment.variable("PGSYSCONFDIR") {
        Some(directory) => candidates.push(Path::new(directory).join("pg_service.conf")),
        None => {
            candidates.extend(SYSTEM_DIRECTORIES.iter().map(|directory| Path::new(directory).join("pg_service.conf")));
        }
    }
    candidates.retain(|path| environment.stat(path).is_some());
    for path in &candidates {
        let text = environment
            .read(path)
            .map_err(|error| TargetError::ServiceFile { path: path.clone(), reason: error.to_string() })?;
        if let Some(found) = service_section(name, &text).map_err(|(line, reason)| TargetError::ServiceFile {
            path: path.clone(),
            reason: format!("line {line}: {reason}"),
        })? {
            return Ok(found);
        }
    }
    Err(TargetError::ServiceNotFound { name: name.to_owned(), searched: candidates })
}

/// The parameters of one section, or `None` where the file has no such section. Errors are (line, reason).
fn service_section(name: &str, text: &str) -> Result<Option<Pairs>, (usize, String)> {
    let mut found: Option<Pairs> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(section) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if section.strip_suffix(']').unwrap_or(section) == name {
                found = Some(Vec::new());
            }
            continue;
        }
        let Some(parameters) = &mut found else {
            continue;
        };
        let at = |reason: &str| (index + 1, reason.to_owned());
        if line.starts_with("ldap") {
            return Err(at("services looked up in LDAP are not supported: write the parameters into the file"));
        }
        let (key, value) = line.split_once('=').ok_or_else(|| at("expected name=value"))?;
        match conninfo::known(key) {
            Some("service" | "servicefile") => {
                return Err(at("a service cannot name another service"));
            }
            // the first of two counts, as libpq has it
            Some(key) if parameters.iter().all(|(seen, _)| *seen != key) => parameters.push((key, value.to_owned())),
            Some(_) => {}
            None => return Err(at("unknown connection parameter")),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str, host: &str, port: u16, database: &str, user: &str) -> Option<String> {
        find_password(&pass_entries(text), host, port, database, user).map(|secret| secret.reveal().to_owned())
    }

    #[test]
    fn first_fitting_line_wins() {
        let text = "# comment\n\nh:1:d:u:exact\nh:*:*:u:any\n*:*:*:*:last\r\n";
        assert_eq!(password(text, "h", 1, "d", "u").as_deref(), Some("exact"));
        assert_eq!(password(text, "h", 2, "d", "u").as_deref(), Some("any"));
        assert_eq!(password(text, "x", 2, "d", "v").as_deref(), Some("last"));
        assert_eq!(password("h:1:d:u:p", "h", 1, "d", "other"), None);
        assert_eq!(password("h:1:d:u", "h", 1, "d", "u"), None);
    }

    #[test]
    fn escapes() {
        assert_eq!(password(r"\:\:1:*:*:*:a\:b\\c", "::1", 1, "d", "u").as_deref(), Some(r"a:b\c"));
        assert_eq!(password(r"h:1:d:u:a:ignored", "h", 1, "d", "u").as_deref(), Some("a"));
        assert_eq!(password(r"\*:1:d:u:p", "h", 1, "d", "u"), None);
        assert_eq!(password(r"\*:1:d:u:p", "*", 1, "d", "u").as_deref(), Some("p"));
        assert_eq!(password("h:1:d:ü:пароль", "h", 1, "d", "ü").as_deref(), Some("пароль"));
    }

    #[test]
    fn others_must_not_read_it() {
        let path = Path::new("/p");
        for (mode, entries) in [(0o600, 1), (0o400, 1), (0o640, 0), (0o604, 0), (0o610, 0)] {
            let environment = Environment::empty().with_file(path, mode, "*:*:*:*:canary");
            let mut warnings = Vec::new();
            assert_eq!(read_passfile(path, &environment, &mut warnings).len(), entries, "{mode:o}");
            assert_eq!(warnings.is_empty(), entries == 1);
            assert!(!warnings.concat().contains("canary"));
        }
    }

    #[test]
    fn services() {
        let text = "# c\n[a]\nhost=h1\n host = x\n[b]\nhost=h2\nhost=ignored\nport=1\n\n[c]\nnonsense\n[d]\nservice=a\n[e]\nldap://x\n";
        assert_eq!(service_section("b", text), Ok(Some(vec![("host", "h2".into()), ("port", "1".into())])));
        assert_eq!(service_section("z", text), Ok(None));
        assert_eq!(service_section("c", text).unwrap_err().0, 11);
        assert!(service_section("d", text).is_err());
        assert!(service_section("e", text).unwrap_err().1.contains("LDAP"));
        // "host " with a blank is no parameter's name, as in libpq
        assert_eq!(service_section("a", text).unwrap_err().0, 4);
    }

    #[test]
    fn service_files_in_order() {
        let base =
            Environment::empty().with_home("/home/a").with_file("/home/a/.pg_service.conf", 0o644, "[mine]\nhost=m\n");
        let both = base.with_variable("PGSYSCONFDIR", "/etc/x").with_file(
            "/etc/x/pg_service.conf",
            0o644,
            "[ours]\nhost=o\n[mine]\nhost=n\n",
        );
        assert_eq!(service("mine", None, &both).unwrap(), [("host", "m".to_owned())]);
        assert_eq!(service("ours", None, &both).unwrap(), [("host", "o".to_owned())]);
        assert!(
            matches!(service("none", None, &both), Err(TargetError::ServiceNotFound { searched, .. }) if searched.len() == 2)
        );
        assert!(matches!(service("mine", Some("/nowhere"), &both), Err(TargetError::ServiceFile { .. })));
    }
}
