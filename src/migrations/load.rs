//! From what was gathered to a project: each root's plan, its halves split and parsed, the way back of a migration right
//! after its way forward.

use super::catalog::{Birth, Catalog, QName, Statistics};
use super::command::{Command, CreateIndex, CreateTable, Drop, Name, ObjectKind};
use super::directive;
use super::project::{Options, Project};
use super::replay::replay;
use super::runner::{self, Half, Plan, Runner};
use super::script::{Direction, Parsed, Problem, Script, SourceFile, Statement, Wrap};
use super::session::Settings;
use super::source::Gathered;
use super::split::{self, Piece, PieceKind, Split};
use super::statement;
use crate::report::Note;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// A project, and what should be known of how it was read.
#[derive(Debug)]
pub struct Loaded {
    /// The project.
    pub project: Project,
    /// Remarks: files that do not run, versions that are there twice.
    pub notes: Vec<Note>,
}

/// Makes a project. Within [`statement::with_parser`], please.
pub fn project(gathered: Gathered, forced: Option<Runner>, options: Options, seed: Catalog) -> Loaded {
    let plans = runner::plans(&gathered, forced);
    let mut notes = Vec::new();
    for index in &gathered.dumps {
        if let Some(file) = gathered.files.get(*index) {
            let text = format!(
                "{}: a dump of a schema beside migrations is not reviewed; --schema {} takes it for what is there before them",
                file.path, file.path
            );
            notes.push(Note { text, warning: false });
        }
    }
    for note in plans.iter().flat_map(|plan| &plan.notes) {
        let path = if note.path.is_empty() { "." } else { &note.path };
        notes.push(Note { text: format!("{path}: {}", note.message), warning: true });
    }
    let halves: Vec<&Half> = plans.iter().flat_map(in_order).collect();
    let splits: Vec<Split> = halves
        .iter()
        .map(|half| gathered.files.get(half.file).map_or_else(Split::default, |file| runner::pieces(half, file)))
        .collect();
    let mut parsed = parse(&gathered.files, &halves, &splits).into_iter();
    let files = &gathered.files;
    let runners: HashMap<usize, Runner> =
        plans.iter().flat_map(|plan| plan.halves.iter().map(|half| (half.file, plan.runner))).collect();
    // directives of a file are said once, by its first script
    let mut told: BTreeSet<usize> = BTreeSet::new();
    let scripts = halves.iter().zip(splits).filter_map(|(half, split)| {
        let file = files.get(half.file)?;
        let is_psql =
            runners.get(&half.file).is_none_or(|runner| *runner == Runner::Plain || *runner == Runner::Sqitch);
        let mut script = script(half, file, &split, &mut parsed, is_psql);
        if told.insert(half.file) {
            let whole = split::split_with_comments(&file.text, 0..file.text.len());
            script.directives = directive::directives(&file.text, &whole.comments);
        }
        Some(script)
    });
    let scripts: Vec<Script> = scripts.collect();
    let (seed, sizes) = without_what_scripts_make(seed, &scripts, options.major);
    let runners = plans.iter().map(|plan| {
        let root = if plan.root.is_empty() { String::new() } else { format!("{}: ", plan.root) };
        format!("{root}{} ({})", plan.runner, plan.because)
    });
    let has_downs = |plan: &Plan| has_convention(&plan.runner);
    let project = Project {
        runners: runners.collect(),
        has_down_convention: plans.iter().any(has_downs),
        scripts,
        files: gathered.files,
        seed,
        sizes,
        options,
    };
    Loaded { project, notes }
}

/// A server on which some of the scripts have run has what they make: the replay makes it again, from the beginning, so it
/// is taken out of the state that the replay begins with. What the server says of its sizes is kept.
fn without_what_scripts_make(
    mut seed: Catalog,
    scripts: &[Script],
    major: u16,
) -> (Catalog, BTreeMap<QName, Statistics>) {
    let mut sizes = BTreeMap::new();
    if seed.relations().next().is_none() {
        return (seed, sizes);
    }
    // what a statement takes for granted before another makes it was there: `drop view v; create view v …`
    let mut needed: BTreeSet<QName> = BTreeSet::new();
    let ups = scripts.iter().filter(|script| script.direction == Direction::Up);
    for command in ups.flat_map(|script| &script.statements).filter_map(Statement::command) {
        needed.extend(takes_for_granted(command).map(|name| seed.resolve(name)));
        let (kind, name) = match command {
            // it is there already, so that nothing is made, or made again
            Command::CreateTable(CreateTable { if_not_exists: true, .. })
            | Command::CreateTableAs { if_not_exists: true, .. }
            | Command::CreateIndex(CreateIndex { if_not_exists: true, .. })
            | Command::CreateView { replace: true, .. } => continue,
            Command::CreateTable(create) => (ObjectKind::Table, create.name.clone()),
            Command::CreateTableAs { name, is_materialized_view: true, .. } => {
                (ObjectKind::MaterializedView, name.clone())
            }
            Command::CreateTableAs { name, .. } => (ObjectKind::Table, name.clone()),
            Command::CreateView { name, .. } => (ObjectKind::View, name.clone()),
            Command::CreateType { name, .. } => (ObjectKind::Type, name.clone()),
            Command::CreateDomain { name, .. } => (ObjectKind::Domain, name.clone()),
            Command::CreateIndex(create) => match &create.name {
                Some(name) => (ObjectKind::Index, Name { schema: create.table.schema.clone(), name: name.clone() }),
                None => continue,
            },
            _ => continue,
        };
        let resolved = seed.resolve(&name);
        if needed.contains(&resolved) {
            continue;
        }
        if let Some(known) = seed.get(&resolved).known()
            && let Some(statistics) = &known.statistics
        {
            sizes.insert(resolved, statistics.clone());
        }
        let drop = Drop { kind, names: vec![name], table: None, if_exists: true, cascade: true, concurrently: false };
        let long_ago = Birth { script: 0, statement: 0, transaction: None };
        seed.apply(&Command::Drop(drop), long_ago, &Settings::default(), major);
    }
    (seed, sizes)
}

/// What a statement names that must be there before it.
fn takes_for_granted(command: &Command) -> impl Iterator<Item = &Name> {
    let (one, many): (Option<&Name>, &[Name]) = match command {
        Command::Drop(drop) => (drop.table.as_ref(), &drop.names),
        Command::AlterTable { name, .. } | Command::SetSchema { name, .. } => (Some(name), &[]),
        Command::Rename(rename) => (Some(&rename.object), &[]),
        Command::CreateIndex(create) => (Some(&create.table), &[]),
        Command::CreateTable(create) => (None, &create.parents),
        Command::CreateView { reads, .. } | Command::CreateTableAs { reads, .. } => (None, &reads.relations),
        Command::Dml(dml) => (dml.target.as_ref(), &dml.reads.relations),
        Command::Truncate { tables, .. } => (None, tables),
        _ => (None, &[]),
    };
    one.into_iter().chain(many)
}

/// Whether a runner's convention has ways back at all.
fn has_convention(runner: &Runner) -> bool {
    !matches!(
        runner,
        Runner::Plain
            | Runner::Refinery
            | Runner::Prisma
            | Runner::Drizzle
            | Runner::Rails
            | Runner::Alembic
            | Runner::Django
            | Runner::Supabase
    )
}

/// The halves of a plan, each way back right after its way forward.
fn in_order(plan: &Plan) -> Vec<&Half> {
    let mut downs: HashMap<&str, Vec<&Half>> = HashMap::new();
    for half in plan.halves.iter().filter(|half| half.direction == Direction::Down) {
        downs.entry(&half.pair).or_default().push(half);
    }
    let mut order = Vec::new();
    for half in plan.halves.iter().filter(|half| half.direction == Direction::Up) {
        order.push(half);
        order.extend(downs.remove(half.pair.as_str()).unwrap_or_default());
    }
    // ways back from nowhere, in their own order
    let left = plan.halves.iter().filter(|half| downs.contains_key(half.pair.as_str()));
    order.extend(left.filter(|half| half.direction == Direction::Down));
    order
}

/// Statements that are worth a thread of their own.
const WORTH_A_THREAD: usize = 200;

/// Parses every statement, in order, on as many threads as there are processors.
fn parse(files: &[SourceFile], halves: &[&Half], splits: &[Split]) -> Vec<Parsed> {
    let jobs: Vec<(&str, usize)> = halves
        .iter()
        .zip(splits)
        .filter_map(|(half, split)| Some((half.text(files.get(half.file)?), split)))
        .flat_map(|(text, split)| {
            let sql = split.pieces.iter().filter(|piece| piece.kind == PieceKind::Sql);
            sql.map(move |piece| (text.get(piece.span.clone()).unwrap_or_default(), piece.span.start))
        })
        .collect();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let share = jobs.len().div_ceil(processors).max(WORTH_A_THREAD);
    let work = |jobs: &[(&str, usize)]| -> Vec<Parsed> { jobs.iter().map(|(text, at)| one(text, *at)).collect() };
    if jobs.len() <= share {
        return work(&jobs);
    }
    std::thread::scope(|scope| {
        let start = |jobs| scope.spawn(move || statement::with_parser(|| work(jobs)));
        let threads: Vec<_> = jobs.chunks(share).map(start).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Vec<Parsed>>| match thread.join() {
            Ok(parsed) => parsed,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        threads.into_iter().flat_map(join).collect()
    })
}

/// One statement; where it does not parse because of a placeholder, that is said in place of a syntax error.
fn one(text: &str, at: usize) -> Parsed {
    let parsed = statement::parse(text, at);
    if matches!(parsed, Parsed::SyntaxError { .. })
        && let Some((span, written)) = split::placeholders(text, 0..text.len()).into_iter().next()
    {
        return Parsed::Placeholder { text: written, position: at + span.start };
    }
    parsed
}

fn script(
    half: &Half,
    file: &SourceFile,
    split: &Split,
    parsed: &mut impl Iterator<Item = Parsed>,
    is_psql: bool,
) -> Script {
    let mut statements = Vec::new();
    let mut problems = half.problems.clone();
    for Piece { span, kind, .. } in &split.pieces {
        match kind {
            PieceKind::Sql => {
                if let Some(parsed) = parsed.next() {
                    statements.push(Statement { span: span.clone(), parsed });
                }
            }
            PieceKind::CopyData => {}
            PieceKind::Meta => {
                if !is_psql {
                    let words = file.text.get(span.clone()).unwrap_or_default().lines().next().unwrap_or_default();
                    let message =
                        format!("{words} is a command of psql: a runner sends it to the server, which refuses it");
                    problems.push(Problem { span: span.clone(), message });
                }
            }
            PieceKind::Unterminated { what, at } => {
                let message = format!("{} that does not end", what.as_str());
                statements.push(Statement {
                    span: span.clone(),
                    parsed: Parsed::SyntaxError { message, position: Some(*at) },
                });
            }
        }
    }
    Script {
        file: half.file,
        name: half.name.clone(),
        pair: half.pair.clone(),
        direction: half.direction,
        wrap: half.wrap,
        wrap_because: half.wrap_because.clone(),
        text: half.text.clone(),
        statements,
        problems,
        directives: Vec::new(),
    }
}

/// A dump of a schema, read.
#[derive(Debug)]
pub struct Dump {
    /// What it makes.
    pub catalog: Catalog,
    /// Its statements, for a server to run.
    pub statements: Vec<String>,
    /// What of it could not be read.
    pub notes: Vec<Note>,
}

/// Reads the output of `pg_dump --schema-only`: commands of psql and rows are left out. Within
/// [`statement::with_parser`], please.
pub fn dump(path: &str, text: &str, major: u16) -> Dump {
    let file = SourceFile::new(path, Arc::<str>::from(text));
    let split = split::split_with_comments(&file.text, 0..file.text.len());
    let sql = split.pieces.iter().filter(|piece| piece.kind == PieceKind::Sql);
    let spans: Vec<Range<usize>> = sql.map(|piece| piece.span.clone()).collect();
    let statements: Vec<Statement> = spans
        .into_iter()
        .map(|span| Statement { parsed: one(file.text.get(span.clone()).unwrap_or_default(), span.start), span })
        .collect();
    let mut notes = Vec::new();
    for broken in statements.iter().filter(|one| one.command().is_none()) {
        let line = file.line_column(broken.span.start).0;
        notes.push(Note {
            text: format!("{path}:{line}: could not be read; what it makes is not known"),
            warning: true,
        });
    }
    let texts = statements.iter().filter_map(|one| file.text.get(one.span.clone()).map(str::to_owned)).collect();
    let script = Script {
        file: 0,
        name: path.to_owned(),
        pair: path.to_owned(),
        direction: Direction::Up,
        wrap: Wrap::Nothing,
        wrap_because: "a dump".to_owned(),
        text: None,
        statements,
        problems: Vec::new(),
        directives: Vec::new(),
    };
    let options = Options { major, ..Options::default() };
    let project = Project { files: vec![file], scripts: vec![script], options, ..Project::default() };
    let mut catalog = replay(&project, &[]).catalog;
    catalog.was_always_there(notes.is_empty());
    Dump { catalog, statements: texts, notes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::source::Root;

    fn loaded(files: &[(&str, &str)]) -> Project {
        let files: Vec<SourceFile> = files.iter().map(|(path, text)| SourceFile::new(*path, *text)).collect();
        let root = Root { path: "m".into(), files: (0..files.len()).collect(), ..Root::default() };
        let gathered = Gathered { files, roots: vec![root], ..Gathered::default() };
        statement::with_parser(|| project(gathered, None, Options::default(), Catalog::default()).project)
    }

    #[test]
    fn the_way_back_stands_after_the_way_forward() {
        let up = "-- +goose Up\ncreate table a (id int);\n-- +goose Down\ndrop table a;\n";
        let other = "-- +goose Up\ncreate table b (id int);\n-- +goose Down\ndrop table b;\n";
        let project = loaded(&[("m/00001_a.sql", up), ("m/00002_b.sql", other)]);
        let order: Vec<(usize, Direction)> = project.scripts.iter().map(|one| (one.file, one.direction)).collect();
        assert_eq!(order, [(0, Direction::Up), (0, Direction::Down), (1, Direction::Up), (1, Direction::Down)]);
        assert!(project.has_down_convention && project.runners[0].contains("goose"));
    }

    #[test]
    fn what_cannot_be_read_is_kept_as_such() {
        let text = "create table a (id int);\ncreate tabel b;\ncreate table ${x} (id int);\nselect 'open";
        let project = loaded(&[("m/1.sql", text)]);
        let kinds: Vec<&str> = project.scripts[0]
            .statements
            .iter()
            .map(|one| match one.parsed {
                Parsed::Command(_) => "command",
                Parsed::SyntaxError { .. } => "syntax",
                Parsed::TooDeep => "deep",
                Parsed::Placeholder { .. } => "placeholder",
            })
            .collect();
        assert_eq!(kinds, ["command", "syntax", "placeholder", "syntax"]);
    }

    #[test]
    fn what_scripts_make_is_made_by_them_unless_it_is_there_already() {
        let seeded = |text: &str| {
            let dump =
                "create table t (id int, v int);\ncreate index i on t (id);\ncreate view w as select id from t;\n";
            let file = SourceFile::new("m/1.sql", text);
            let root = Root { path: "m".into(), files: vec![0], ..Root::default() };
            let gathered = Gathered { files: vec![file], roots: vec![root], ..Gathered::default() };
            let seed = dump_of(dump);
            let project = statement::with_parser(|| project(gathered, None, Options::default(), seed).project);
            project
                .seed
                .relations()
                .map(|one| (one.name.name.to_string(), one.indexes.iter().count()))
                .collect::<Vec<_>>()
        };
        let all = [("t".to_owned(), 1), ("w".to_owned(), 0)];
        assert_eq!(seeded("create table t (id int);"), []);
        assert_eq!(seeded("create index i on t (id);"), [("t".to_owned(), 0), ("w".to_owned(), 0)]);
        for there in [
            "create table if not exists t (id int);",
            "create index if not exists i on t (id);",
            "create or replace view w as select id from t;",
            "drop view w; create view w as select id from t;",
            "drop index i; create index i on t (v);",
            "begin; alter table t rename to old; create table t (id int); commit;",
            "drop table if exists t; create table t (id int);",
            "select 1;",
        ] {
            assert_eq!(seeded(there), all, "{there}");
        }
    }

    fn dump_of(text: &str) -> Catalog {
        statement::with_parser(|| dump("schema.sql", text, 17)).catalog
    }

    #[test]
    fn a_dump_is_what_was_there() {
        let text = "\\restrict x\nset search_path = '';\ncreate table public.a (id bigint not null);\n\
                    alter table only public.a add constraint a_pkey primary key (id);\n\\unrestrict x\n";
        let dump = statement::with_parser(|| dump("schema.sql", text, 17));
        let table = dump.catalog.relations().next().unwrap();
        assert!(table.born.is_none() && table.is_complete && dump.catalog.is_complete());
        assert_eq!((dump.statements.len(), dump.notes.len()), (3, 0));
    }
}
