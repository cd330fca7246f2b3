//! Reads what the arguments of a review name: files, folders with all below them, standard input.
//!
//! What cannot be read is a fault of its own; everything else is read. A folder is read once, by whatever link it is
//! reached, and so is a file.

use super::super::script::SourceFile;
use super::foreign::{self, Other};
use super::{Fault, Gathered, Hint, Note, Root, Sidecar, decode, roots};
use crate::migrations::runner::Runner;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Files greater than this are not read: no migration is, and a text is held in memory.
const GREATEST: u64 = 1 << 30;

/// How much of a file that only hints at something is read.
const HINT: u64 = 256 << 10;

/// How much of a migration in another language is read.
const HEAD: u64 = 4 << 10;

/// Reads the arguments; `-` is the standard input that is given.
pub fn gather(arguments: &[PathBuf], standard_input: Option<Vec<u8>>) -> Gathered {
    let mut walk = Walk::default();
    let mut standard_input = standard_input;
    for argument in arguments {
        let shown = shown(argument);
        if shown == "-" {
            walk.add_text("-", "", standard_input.take().unwrap_or_default());
        } else if argument.is_dir() {
            let (files, others) = (walk.files.len(), walk.others.len());
            let shown = if shown == "." { String::new() } else { shown };
            walk.folder(argument, &shown, &shown);
            if walk.files.len() == files && walk.others.len() == others && walk.faults.is_empty() {
                walk.fault(&shown, "holds no SQL file");
            }
        } else if let Some(name) = foreign_name(argument) {
            walk.other(argument, &shown, &name);
        } else {
            walk.file(argument, &shown, &shown);
            walk.beside(argument, &shown);
        }
    }
    walk.finish()
}

/// A file as it was found.
struct Found {
    file: SourceFile,
    argument: String,
}

#[derive(Default)]
struct Walk {
    files: Vec<Found>,
    sidecars: BTreeMap<String, String>,
    others: BTreeMap<String, Vec<Other>>,
    faults: Vec<Fault>,
    notes: Vec<Note>,
    seen: BTreeSet<PathBuf>,
    /// Where folders are on the disk, by how they are shown.
    places: BTreeMap<String, PathBuf>,
}

impl Walk {
    fn fault(&mut self, path: &str, message: impl ToString) {
        let path = if path.is_empty() { "." } else { path };
        self.faults.push(Fault { path: path.to_owned(), message: message.to_string() });
    }

    fn note(&mut self, path: &str, message: impl Into<String>) {
        self.notes.push(Note { path: path.to_owned(), message: message.into() });
    }

    /// Whether a file or folder was not read before.
    fn is_new(&mut self, path: &Path) -> bool {
        path.canonicalize().is_ok_and(|path| self.seen.insert(path))
    }

    fn folder(&mut self, path: &Path, shown: &str, argument: &str) {
        // without recursion: folders may be as deep as they like
        let mut open = vec![(path.to_path_buf(), shown.to_owned())];
        while let Some((path, shown)) = open.pop() {
            if !self.is_new(&path) {
                continue;
            }
            self.places.insert(shown.clone(), path.clone());
            let entries = match std::fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) => {
                    self.fault(&shown, because(&error));
                    continue;
                }
            };
            let mut names: Vec<std::ffi::OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
            names.sort();
            let has_own = names.iter().any(|name| is_ours(&name.to_string_lossy()));
            let mut folders = Vec::new();
            for name in names {
                let (inner, name) = (path.join(&name), name.to_string_lossy().into_owned());
                let inner_shown = join(&shown, &name);
                if inner.is_dir() {
                    if has_own && is_of_another_database(&name) {
                        self.note(&inner_shown, "left out: beside the migrations for PostgreSQL, for another database");
                    } else if !is_skipped(&name) {
                        folders.push((inner, inner_shown));
                    }
                } else if is_sql(&name) {
                    self.file(&inner, &inner_shown, argument);
                } else {
                    self.other(&inner, &inner_shown, &name);
                }
            }
            // the first of them is the next one to be read
            open.extend(folders.into_iter().rev());
        }
    }

    fn file(&mut self, path: &Path, shown: &str, argument: &str) {
        if !self.is_new(path) && path.exists() {
            return;
        }
        // a pipe in a folder would be waited for; one that is named has someone who writes
        if shown != argument && path.exists() && !path.is_file() {
            self.fault(shown, "is no file: not read");
            return;
        }
        match read(path, GREATEST) {
            Ok(bytes) => self.add_text(shown, argument, bytes),
            Err(message) => self.fault(shown, message),
        }
    }

    fn add_text(&mut self, shown: &str, argument: &str, bytes: Vec<u8>) {
        match decode(bytes) {
            Ok(decoded) => {
                for note in decoded.notes {
                    self.note(shown, note);
                }
                let file = SourceFile::new(shown, decoded.text);
                self.files.push(Found { file, argument: argument.to_owned() });
            }
            Err(error) => self.fault(shown, error),
        }
    }

    /// A file that is not SQL: one that says how others run, or a migration in another language.
    fn other(&mut self, path: &Path, shown: &str, name: &str) {
        if is_sidecar(name) {
            match read(path, GREATEST).map(decode) {
                Ok(Ok(decoded)) => drop(self.sidecars.insert(shown.to_owned(), decoded.text)),
                Ok(Err(error)) => self.fault(shown, error),
                Err(message) => self.fault(shown, message),
            }
        } else if foreign::may_be(name) {
            let head = head(path, HEAD).unwrap_or_default();
            let others = self.others.entry(roots::parent(shown).to_owned()).or_default();
            others.push(Other { name: name.to_owned(), head });
        }
    }

    /// The sidecars of a file that was named itself: in its folder and the one above.
    fn beside(&mut self, path: &Path, shown: &str) {
        let (mut folder, mut shown) = (path.parent(), roots::parent(shown));
        for _ in 0..2 {
            let Some(place) = folder else { return };
            let place = if place.as_os_str().is_empty() { Path::new(".") } else { place };
            self.places.insert(shown.to_owned(), place.to_path_buf());
            let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
            let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
            let mut names: Vec<String> = names.filter(|name| is_sidecar(name)).collect();
            names.sort();
            for name in names {
                self.other(&place.join(&name), &join(shown, &name), &name);
            }
            let journal = place.join("meta/_journal.json");
            if journal.is_file() {
                self.other(&journal, &join(shown, "meta/_journal.json"), "_journal.json");
            }
            if shown.is_empty() {
                return;
            }
            (folder, shown) = (place.parent(), roots::parent(shown));
        }
    }

    fn finish(self) -> Gathered {
        let mut gathered = Gathered { faults: self.faults, notes: self.notes, ..Gathered::default() };
        for (folder, others) in &self.others {
            gathered.foreign.extend(foreign::of_folder(folder, others));
        }
        let marked: BTreeSet<&str> = self.sidecars.keys().filter_map(|path| roots::marked_by(path)).collect();
        let mut by_root: BTreeMap<String, Root> = BTreeMap::new();
        for (index, found) in self.files.into_iter().enumerate() {
            let path = found.file.path.as_str();
            let root = roots::root_of(path, &found.argument, &marked, &found.file.text);
            let is_named = found.argument == path;
            if !is_named && is_dump(path, &found.file.text) {
                gathered.dumps.push(index);
            } else if !is_named && is_of_queries(&found.file.text) {
                let message = "left out: it holds named queries, not a migration".into();
                gathered.notes.push(Note { path: path.to_owned(), message });
            } else {
                by_root.entry(root.to_owned()).or_default().files.push(index);
            }
            gathered.files.push(found.file);
        }
        // a dump alone is what there is to review
        if by_root.is_empty() {
            for index in std::mem::take(&mut gathered.dumps) {
                let path = gathered.files.get(index).map_or("", |file| file.path.as_str());
                by_root.entry(roots::parent(path).to_owned()).or_default().files.push(index);
            }
        }
        for (path, mut root) in by_root {
            let place = match self.places.get(&path) {
                Some(place) => Some(place.clone()),
                // the folder above a folder that was named
                None => self.places.iter().find_map(|(shown, place)| {
                    (roots::parent(shown) == path).then(|| place.parent().map(Path::to_path_buf)).flatten()
                }),
            };
            root.hints = place.map(|place| hints(&place)).unwrap_or_default();
            let is_below = |sidecar: &str| {
                path.is_empty() || sidecar.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/'))
            };
            root.sidecars = self
                .sidecars
                .iter()
                .filter(|(sidecar, _)| is_below(sidecar))
                .map(|(path, text)| Sidecar { path: path.clone(), text: text.clone() })
                .collect();
            root.path = path;
            gathered.roots.push(root);
        }
        gathered
    }
}

/// A path as messages show it.
fn shown(path: &Path) -> String {
    let shown = path.to_string_lossy();
    let shown = if std::path::MAIN_SEPARATOR == '/' { shown.into_owned() } else { shown.replace('\\', "/") };
    let shown = shown.strip_prefix("./").unwrap_or(&shown).to_owned();
    let shown = shown.strip_suffix("/.").unwrap_or(&shown).to_owned();
    match shown.trim_end_matches('/') {
        "" if !shown.is_empty() => shown,
        trimmed => trimmed.to_owned(),
    }
}

fn join(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        "/" => format!("/{name}"),
        folder => format!("{folder}/{name}"),
    }
}

fn because(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist".into(),
        std::io::ErrorKind::PermissionDenied => "cannot be read: permission denied".into(),
        _ => format!("cannot be read: {error}"),
    }
}

fn read(path: &Path, greatest: u64) -> Result<Vec<u8>, String> {
    let metadata = std::fs::metadata(path).map_err(|error| because(&error))?;
    // a pipe has no size, and may be what a shell made of a command
    if metadata.is_file() && metadata.len() > greatest {
        return Err("is greater than 1 GiB: not read".into());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| because(&error))?;
    file.take(greatest).read_to_end(&mut bytes).map_err(|error| because(&error))?;
    Ok(bytes)
}

fn head(path: &Path, length: u64) -> Option<String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    file.take(length).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The name of a file that is a migration in another language, and not SQL.
fn foreign_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    if is_sql(&name) || !path.is_file() || !foreign::may_be(&name) {
        return None;
    }
    let other = Other { head: head(path, HEAD).unwrap_or_default(), name };
    foreign::of_folder("", std::slice::from_ref(&other)).map(|_| other.name)
}

/// Whether a file of a folder is SQL, by its name; templates of SQL are.
fn is_sql(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = [".tmpl", ".tpl", ".template", ".j2", ".jinja", ".erb"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(&name);
    !name.starts_with('.') && [".sql", ".pgsql", ".psql", ".ddl"].iter().any(|ending| name.ends_with(ending))
}

fn is_sidecar(name: &str) -> bool {
    name.ends_with(".sql.conf")
        || matches!(
            name,
            "metadata.toml" | "_journal.json" | "sqitch.plan" | "sqitch.conf" | "atlas.sum" | "migration_lock.toml"
        )
}

fn is_skipped(folder: &str) -> bool {
    folder.starts_with('.') || matches!(folder, "node_modules" | "target" | "vendor" | "__pycache__" | "venv")
}

fn is_ours(folder: &str) -> bool {
    matches!(folder, "postgres" | "postgresql" | "pg" | "psql" | "pgsql")
}

fn is_of_another_database(folder: &str) -> bool {
    matches!(
        folder,
        "mysql"
            | "mariadb"
            | "sqlite"
            | "sqlite3"
            | "mssql"
            | "sqlserver"
            | "oracle"
            | "clickhouse"
            | "cassandra"
            | "h2"
            | "hsqldb"
            | "snowflake"
            | "bigquery"
            | "cockroach"
            | "cockroachdb"
    )
}

/// Whether a file is a dump of a schema that a runner keeps beside its migrations.
fn is_dump(path: &str, text: &str) -> bool {
    let end = (text.len().min(8192)..=text.len()).find(|end| text.is_char_boundary(*end));
    let head = end.and_then(|end| text.get(..end)).unwrap_or(text);
    matches!(roots::name(path), "schema.sql" | "structure.sql" | "init_structure.sql")
        && (head.contains("PostgreSQL database dump")
            || head.contains("SET statement_timeout = 0;")
            || text.contains("Dbmate schema migrations")
            || text.contains("INSERT INTO \"schema_migrations\""))
}

/// Whether a file holds queries for a generator of code: `-- name: GetUser :one`.
fn is_of_queries(text: &str) -> bool {
    text.lines().take(50).any(|line| {
        let name =
            line.trim_start().strip_prefix("--").map(str::trim_start).and_then(|line| line.strip_prefix("name:"));
        name.is_some_and(|name| name.contains(" :"))
    })
}

/// What the files of the project around a folder say about its runner: from the folder up to the root of the
/// repository.
fn hints(folder: &Path) -> Vec<Hint> {
    let mut hints: Vec<Hint> = Vec::new();
    let start = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    for folder in start.ancestors().take(6) {
        for (file, words) in PROJECT {
            let Some(text) = head(&folder.join(file), HINT) else { continue };
            for (word, runner) in words {
                // a word may be a key of something else before it is a dependency
                let places = || text.match_indices(word).map(|(at, word)| at + word.len());
                let version = places().find_map(|at| version_after(text.get(at..).unwrap_or_default()));
                if places().next().is_none() {
                    continue;
                }
                let name = Path::new(file).file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
                let word = word.trim_matches(['"', '\n']);
                let because =
                    if word.is_empty() { format!("there is a {name}") } else { format!("{name} names {word}") };
                hints.push(Hint { runner: *runner, version, because });
            }
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    hints
}

/// The version that follows a dependency: `": "^7.4.1"`, ` = "0.8"`.
fn version_after(text: &str) -> Option<String> {
    let line = text.lines().next().unwrap_or_default();
    let start = line.find(|c: char| c.is_ascii_digit())?;
    let rest = line.get(start..).unwrap_or_default();
    let version: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    (start < 24).then_some(version)
}

/// Files of a project, and what in them speaks of which runner.
const PROJECT: [(&str, &[(&str, Runner)]); 15] = [
    ("sqitch.conf", &[("", Runner::Sqitch)]),
    ("diesel.toml", &[("", Runner::Diesel)]),
    ("flyway.conf", &[("", Runner::Flyway)]),
    ("flyway.toml", &[("", Runner::Flyway)]),
    ("liquibase.properties", &[("", Runner::Liquibase)]),
    ("alembic.ini", &[("", Runner::Alembic)]),
    ("manage.py", &[("django", Runner::Django)]),
    ("drizzle.config.ts", &[("", Runner::Drizzle)]),
    ("schema.prisma", &[("", Runner::Prisma)]),
    ("Cargo.toml", &[("\nrefinery", Runner::Refinery), ("\ndiesel", Runner::Diesel), ("\nsqlx", Runner::Sqlx)]),
    (
        "package.json",
        &[
            ("\"node-pg-migrate\"", Runner::NodePgMigrate),
            ("\"drizzle-orm\"", Runner::Drizzle),
            ("\"prisma\"", Runner::Prisma),
        ],
    ),
    (
        "go.mod",
        &[
            ("pressly/goose", Runner::Goose),
            ("golang-migrate/migrate", Runner::GolangMigrate),
            ("amacneil/dbmate", Runner::Dbmate),
        ],
    ),
    ("pom.xml", &[("flyway", Runner::Flyway), ("liquibase", Runner::Liquibase)]),
    ("build.gradle", &[("flyway", Runner::Flyway), ("liquibase", Runner::Liquibase)]),
    ("build.gradle.kts", &[("flyway", Runner::Flyway), ("liquibase", Runner::Liquibase)]),
];

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A folder that is gone at the end of a test.
    pub(in super::super) struct Folder(pub(in super::super) PathBuf);

    impl Folder {
        pub(in super::super) fn new(name: &str) -> Self {
            let unique = format!("pgassay-migrations-{name}-{}", std::process::id());
            #[allow(clippy::disallowed_methods, reason = "tests make their files where the system wants them")]
            let path = std::env::temp_dir().join(unique);
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        pub(in super::super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
            let path = self.0.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, bytes).unwrap();
        }

        /// What is gathered of paths below the folder.
        fn gather(&self, arguments: &[&str]) -> Gathered {
            let arguments: Vec<PathBuf> = arguments.iter().map(|argument| self.0.join(argument)).collect();
            gather(&arguments, None)
        }

        fn below<'a>(&self, path: &'a str) -> &'a str {
            let top = self.0.to_string_lossy().into_owned();
            path.strip_prefix(&top).unwrap_or(path).trim_start_matches('/')
        }

        /// Each root with its files.
        fn roots(&self, gathered: &Gathered) -> Vec<String> {
            let show = |root: &Root| {
                let files: Vec<&str> =
                    root.files.iter().map(|index| root.below(&gathered.files[*index].path)).collect();
                format!("{}: {}", self.below(&root.path), files.join(" "))
            };
            gathered.roots.iter().map(show).collect()
        }

        fn faults(&self, gathered: &Gathered) -> Vec<String> {
            gathered.faults.iter().map(|fault| format!("{} {}", self.below(&fault.path), fault.message)).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_folder_is_read_with_all_below_it() {
        let folder = Folder::new("folder");
        for name in
            ["1_a.sql", "10_b.SQL", "c.sql.tmpl", ".d.sql", "e.txt", "x/f.pgsql", "node_modules/g.sql", ".git/h.sql"]
        {
            folder.write(&format!("m/{name}"), "select 1;");
        }
        folder.write("m/1_a.sql.conf", "x=1");
        let gathered = folder.gather(&["m"]);
        assert_eq!(folder.roots(&gathered), ["m: 10_b.SQL 1_a.sql c.sql.tmpl x/f.pgsql"]);
        assert_eq!(gathered.roots[0].sidecar("1_a.sql.conf"), Some("x=1"));
        assert_eq!(gathered.faults, []);
        // a file is read once, and by its own name if it has to be
        let gathered = folder.gather(&["m", "m/1_a.sql", "m/e.txt"]);
        assert_eq!((gathered.files.len(), gathered.files[4].path.ends_with("m/e.txt")), (5, true));
    }

    #[test]
    fn a_repository_has_a_root_for_each_history() {
        let folder = Folder::new("repository");
        for name in [
            "a/migrations/001_x.up.sql",
            "a/migrations/001_x.down.sql",
            "a/queries/users.sql",
            "b/db/migration/V1__x.sql",
            "b/db/migration/more/V2__y.sql",
            "c/prisma/migrations/2024_x/migration.sql",
            "c/prisma/migrations/migration_lock.toml",
            "d/migrations/postgres/1_a.sql",
            "d/migrations/sqlite/1_a.sql",
        ] {
            folder.write(name, "select 1;");
        }
        folder.write("a/queries/users.sql", "-- name: GetUser :one\nselect 1;");
        folder.write("b/db/schema.sql", "--\n-- PostgreSQL database dump\n--\n");
        folder.write("a/Cargo.toml", "[dependencies]\nsqlx = { version = \"0.8\" }\n");
        let gathered = folder.gather(&["."]);
        assert_eq!(
            folder.roots(&gathered),
            [
                "a/migrations: 001_x.down.sql 001_x.up.sql",
                "b/db/migration: V1__x.sql more/V2__y.sql",
                "c/prisma/migrations: 2024_x/migration.sql",
                "d/migrations/postgres: 1_a.sql"
            ]
        );
        assert_eq!(gathered.dumps.len(), 1);
        assert_eq!(gathered.notes.len(), 2, "{:?}", gathered.notes);
        let hint = &gathered.roots[0].hints[0];
        assert_eq!(
            (hint.runner, hint.version.as_deref(), hint.because.as_str()),
            (Runner::Sqlx, Some("0.8"), "Cargo.toml names sqlx")
        );
        assert!(gathered.roots[1].hints.is_empty());
        // alone it is what there is
        assert_eq!(folder.roots(&folder.gather(&["b/db/schema.sql"])), ["b/db: schema.sql"]);
    }

    #[test]
    fn one_migration_of_a_folder_knows_its_neighbours() {
        let folder = Folder::new("neighbours");
        folder.write("m/2024_x/up.sql", "select 1;");
        folder.write("m/2024_x/metadata.toml", "run_in_transaction = false");
        folder.write("d/0000_x.sql", "select 1;");
        folder.write("d/meta/_journal.json", "{}");
        let gathered = folder.gather(&["m/2024_x/up.sql", "d/0000_x.sql"]);
        assert_eq!(folder.roots(&gathered), ["d: 0000_x.sql", "m: 2024_x/up.sql"]);
        assert!(gathered.roots[0].sidecar("meta/_journal.json").is_some());
        assert!(gathered.roots[1].sidecar("2024_x/metadata.toml").is_some());
        assert_eq!(folder.roots(&folder.gather(&["m/2024_x"])), ["m: 2024_x/up.sql"]);
    }

    #[test]
    fn what_cannot_be_read_is_a_fault_and_the_rest_is_read() {
        let folder = Folder::new("faults");
        folder.write("m/1.sql", "select 1;");
        folder.write("m/2.sql", b"\x00\x01 binary");
        folder.write("m/3.sql", b"-- caf\xe9");
        folder.write("m/deep/er/4.sql", "");
        std::os::unix::fs::symlink("..", folder.0.join("m/deep/loop")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.0.join("m/5.sql")).unwrap();
        std::os::unix::fs::symlink("6.sql", folder.0.join("m/6.sql")).unwrap();
        std::os::unix::fs::symlink("1.sql", folder.0.join("m/7.sql")).unwrap();
        let gathered = folder.gather(&["m", "gone.sql", "empty"]);
        assert_eq!(folder.roots(&gathered), ["m: 1.sql 3.sql", "m/deep/er: 4.sql"]);
        let faults = folder.faults(&gathered);
        assert_eq!(faults.len(), 5, "{faults:?}");
        assert_eq!(faults[0], "m/2.sql is not text: there is a NUL byte in line 1");
        assert_eq!(faults[1], "m/5.sql does not exist");
        assert!(faults[2].starts_with("m/6.sql cannot be read"));
        assert_eq!(faults[3], "gone.sql does not exist");
        assert!(gathered.notes[0].message.starts_with("line 1 is not UTF-8"));
        std::fs::create_dir(folder.0.join("empty")).unwrap();
        assert_eq!(folder.faults(&folder.gather(&["empty"])), ["empty holds no SQL file"]);
    }

    #[test]
    fn migrations_that_are_not_sql_are_known() {
        let folder = Folder::new("foreign");
        folder.write("shop/migrations/0001_initial.py", "from django.db import migrations\n");
        folder.write("shop/migrations/__init__.py", "");
        let gathered = folder.gather(&["shop/migrations"]);
        assert_eq!((gathered.files.len(), gathered.faults.len()), (0, 0));
        assert_eq!(gathered.foreign[0].command, "python manage.py sqlmigrate shop 0001_initial");
        let named = folder.gather(&["shop/migrations/0001_initial.py"]);
        assert_eq!((named.files.len(), named.faults.len(), &named.foreign), (0, 0, &gathered.foreign));
    }

    #[test]
    fn standard_input_is_a_file() {
        let mut gathered = gather(&[PathBuf::from("-")], Some(b"select 1;".to_vec()));
        assert_eq!((gathered.files[0].path.as_str(), gathered.roots[0].path.as_str()), ("-", ""));
        gathered.review_only(|path| path != "-");
        assert!(!gathered.files[0].is_reviewed);
        assert_eq!(shown(Path::new("./a//b/")), "a//b");
        assert_eq!((shown(Path::new(".")), shown(Path::new("/"))), (".".into(), "/".into()));
    }
}
