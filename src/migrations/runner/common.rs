//! What the runners share: names, versions, lines.

use super::{Half, Runner};
use crate::migrations::script::{Direction, Problem, SourceFile, Wrap};
use crate::migrations::source::{Gathered, Note, Root};
use crate::migrations::split::{PieceKind, split};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A root and its files.
pub(super) struct View<'a> {
    pub(super) root: &'a Root,
    /// In the order of their paths.
    pub(super) files: Vec<Entry<'a>>,
}

/// A file of a root.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) index: usize,
    pub(super) file: &'a SourceFile,
    /// Its path below the root.
    pub(super) path: &'a str,
}

/// What a runner makes of a root.
#[derive(Default)]
pub(super) struct Planned {
    pub(super) halves: Vec<Half>,
    pub(super) notes: Vec<Note>,
}

impl<'a> View<'a> {
    pub(super) fn new(gathered: &'a Gathered, root: &'a Root) -> Self {
        let entry = |index: &usize| {
            let file = gathered.files.get(*index)?;
            Some(Entry { index: *index, file, path: root.below(&file.path) })
        };
        let mut files: Vec<Entry<'a>> = root.files.iter().filter_map(entry).collect();
        files.sort_by(|a, b| a.path.cmp(b.path));
        Self { root, files }
    }

    /// The version of a runner that the project names, as its first two numbers.
    pub(super) fn version(&self, runner: Runner) -> Option<(u32, u32)> {
        let hint = self.root.hints.iter().find(|hint| hint.runner == runner && hint.version.is_some())?;
        let mut numbers = hint.version.as_deref().unwrap_or_default().split('.').map(|part| part.parse().unwrap_or(0));
        Some((numbers.next()?, numbers.next().unwrap_or(0)))
    }
}

impl<'a> Entry<'a> {
    pub(super) fn text(&self) -> &'a str {
        &self.file.text
    }

    /// The name of the file.
    pub(super) fn name(&self) -> &'a str {
        self.path.rsplit_once('/').map_or(self.path, |(_, name)| name)
    }

    /// The path of the folder below the root; empty where it is the root.
    pub(super) fn folder(&self) -> &'a str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The name of the file without `.sql` and what follows it.
    pub(super) fn stem(&self) -> &'a str {
        let name = self.name();
        let dot = [".sql", ".SQL", ".pgsql", ".psql", ".ddl"].into_iter().find_map(|ending| name.rfind(ending));
        dot.filter(|dot| *dot > 0).and_then(|dot| name.get(..dot)).unwrap_or(name)
    }

    /// All of the file as one migration.
    pub(super) fn whole(&self, direction: Direction, wrap: Wrap, because: &str) -> Half {
        self.half(direction, wrap, because, std::iter::once(0..self.text().len()).collect())
    }

    /// A part of the file as one migration, by its stem.
    pub(super) fn half(&self, direction: Direction, wrap: Wrap, because: &str, ranges: Vec<Range<usize>>) -> Half {
        Half {
            file: self.index,
            name: self.stem().to_owned(),
            pair: self.stem().to_owned(),
            direction,
            wrap,
            wrap_because: because.to_owned(),
            ranges,
            text: None,
            problems: Vec::new(),
        }
    }

    /// Its lines with their beginnings.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
        lines(self.text())
    }

    pub(super) fn note(&self, message: impl Into<String>) -> Note {
        Note { path: self.file.path.clone(), message: message.into() }
    }
}

/// The lines of a text with their beginnings, without their ends.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let at = start;
        start += line.len();
        (at, line.trim_end_matches(['\n', '\r']))
    })
}

/// The end of the line that begins at a byte, with its line end.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    memchr::memchr(b'\n', rest).map_or(text.len(), |end| at + end + 1)
}

/// A number of any length: without leading zeros, so that the longer one is greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Number {
    length: usize,
    digits: String,
}

impl Number {
    pub(super) fn new(digits: &str) -> Self {
        let digits = digits.trim_start_matches('0').to_owned();
        Self { length: digits.len(), digits }
    }
}

/// The number a name begins with, and the rest of the name.
pub(super) fn numbered(name: &str) -> Option<(Number, &str)> {
    let length = name.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = name.split_at_checked(length)?;
    (length > 0).then(|| (Number::new(digits), rest))
}

/// A stem without what says which way it goes, and which way that is; nothing where it does not say.
pub(super) fn direction_of(stem: &str) -> Option<(&str, Direction)> {
    let lower = stem.to_ascii_lowercase();
    let of = |endings: &[&str]| endings.iter().find(|ending| lower.ends_with(**ending)).map(|ending| ending.len());
    let cut = |length: usize| stem.get(..stem.len() - length).unwrap_or(stem);
    if let Some(length) = of(&[".up", "_up", "-up"]) {
        return Some((cut(length), Direction::Up));
    }
    let downs =
        [".down", "_down", "-down", ".undo", "_undo", ".rollback", "_rollback", "-rollback", ".revert", "_revert"];
    of(&downs).map(|length| (cut(length), Direction::Down))
}

/// Orders by key; equal keys of one direction are a problem, of which `what` says what the runner makes.
pub(super) fn ordered<K: Ord>(mut keyed: Vec<(K, Half)>, what: &str, view: &View<'_>) -> Planned {
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    let mut planned = Planned::default();
    let mut before: BTreeMap<Direction, (K, usize)> = BTreeMap::new();
    let paths: BTreeMap<usize, &str> = view.files.iter().map(|entry| (entry.index, entry.file.path.as_str())).collect();
    for (key, mut half) in keyed {
        if let Some((_, file)) = before.get(&half.direction).filter(|(other, file)| *other == key && *file != half.file)
        {
            let other = paths.get(file).copied().unwrap_or_default();
            half.problems.push(Problem { span: 0..0, message: format!("{what} the same version as {other}") });
        }
        before.insert(half.direction, (key, half.file));
        planned.halves.push(half);
    }
    planned
}

/// What psql is told to run that the file does not hold.
pub(super) fn included(entry: &Entry<'_>) -> Vec<Note> {
    let text = entry.text();
    // hardly any file has a backslash: then there is no need to split it
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return Vec::new();
    }
    let pieces = split(text, 0..text.len());
    let commands = pieces.iter().filter(|piece| piece.kind == PieceKind::Meta).filter_map(|piece| {
        let written = text.get(piece.span.clone())?;
        let (line, _) = entry.file.line_column(piece.span.start);
        let why = match written.split_ascii_whitespace().next()? {
            "\\i" | "\\ir" | "\\include" | "\\include_relative" => {
                "is another file, reviewed only where it is named itself"
            }
            "\\gexec" => "runs what a query returns, which is not reviewed",
            _ => return None,
        };
        Some(entry.note(format!("line {line}: {written} {why}")))
    });
    commands.collect()
}

/// Files of a root of which no half is made, save those that say why themselves.
pub(super) fn left_out(view: &View<'_>, runner: Runner, halves: &[Half]) -> Vec<Note> {
    let used: BTreeSet<usize> = halves.iter().map(|half| half.file).collect();
    let unused = view.files.iter().filter(|entry| !used.contains(&entry.index));
    // Sqitch has scripts that check, and they are files of their own
    let is_known = |entry: &&Entry<'_>| !(runner == Runner::Sqitch && entry.path.starts_with("verify/"));
    unused.filter(is_known).map(|entry| entry.note(format!("not reviewed: {runner} does not run it"))).collect()
}

/// The ups of pairs named `x.up.sql` and `x.down.sql`, and files that say neither.
pub(super) fn versioned<'a>(entry: &Entry<'a>) -> Option<(Number, &'a str, Direction)> {
    let (number, _) = numbered(entry.name())?;
    let (stem, direction) = direction_of(entry.stem()).unwrap_or((entry.stem(), Direction::Up));
    Some((number, stem, direction))
}

/// Roots made of texts, and plans as short texts, for the tests of the runners.
#[cfg(test)]
pub(super) mod lab {
    use super::super::{Plan, Runner, pieces, plan};
    use super::*;
    use crate::migrations::source::{Hint, Sidecar};

    pub(in super::super) struct Lab {
        pub(in super::super) gathered: Gathered,
        pub(in super::super) root: Root,
    }

    impl Lab {
        /// Files and sidecars of the folder `m`; sidecars are what is not SQL.
        pub(in super::super) fn new(files: &[(&str, &str)]) -> Self {
            let mut lab = Self { gathered: Gathered::default(), root: Root { path: "m".into(), ..Root::default() } };
            for (path, text) in files {
                let path = format!("m/{path}");
                if path.ends_with(".sql") {
                    lab.root.files.push(lab.gathered.files.len());
                    lab.gathered.files.push(SourceFile::new(path, *text));
                } else {
                    lab.root.sidecars.push(Sidecar { path, text: (*text).into() });
                }
            }
            lab
        }

        pub(in super::super) fn hint(mut self, runner: Runner, version: Option<&str>) -> Self {
            let version = version.map(str::to_owned);
            self.root.hints.push(Hint { runner, version, because: "the project says so".into() });
            self
        }

        pub(in super::super) fn plan(&self) -> Plan {
            plan(&self.gathered, &self.root, None)
        }

        pub(in super::super) fn runner(&self) -> &'static str {
            self.plan().runner.as_str()
        }

        /// Each half: its name, the direction where it is down, the wrap and the statements.
        pub(in super::super) fn halves(&self) -> Vec<String> {
            self.shown(&self.plan())
        }

        pub(in super::super) fn forced(&self, runner: Runner) -> Vec<String> {
            self.shown(&plan(&self.gathered, &self.root, Some(runner)))
        }

        fn shown(&self, plan: &Plan) -> Vec<String> {
            let show = |half: &Half| {
                let file = &self.gathered.files[half.file];
                let text = half.text(file);
                assert_eq!(text.len(), file.text.len());
                let statements: Vec<_> =
                    pieces(half, file).pieces.iter().map(|piece| text[piece.span.clone()].replace('\n', "|")).collect();
                let down = if half.direction == Direction::Down { " down" } else { "" };
                format!("{}{down} {:?}: {}", half.name, half.wrap, statements.join("; "))
            };
            plan.halves.iter().map(show).collect()
        }

        /// The up and the down of each pair that has both.
        pub(in super::super) fn pairs(&self) -> Vec<String> {
            let plan = self.plan();
            let of = |direction| plan.halves.iter().filter(move |half| half.direction == direction);
            let has_down = |up: &&Half| of(Direction::Down).any(|down| down.pair == up.pair);
            of(Direction::Up).filter(has_down).map(|up| up.pair.clone()).collect()
        }

        pub(in super::super) fn problems(&self) -> Vec<String> {
            self.plan().halves.into_iter().flat_map(|half| half.problems).map(|problem| problem.message).collect()
        }

        pub(in super::super) fn notes(&self) -> Vec<String> {
            self.plan().notes.into_iter().map(|note| format!("{}: {}", note.path, note.message)).collect()
        }
    }

    #[test]
    fn numbers_of_any_length_order() {
        assert!(Number::new("9") < Number::new("10") && Number::new("010") == Number::new("10"));
        assert!(Number::new("20240101000000") < Number::new("99999999999999999999999999"));
        assert_eq!(direction_of("001_x.up"), Some(("001_x", Direction::Up)));
        assert_eq!(direction_of("x_DOWN"), Some(("x", Direction::Down)));
        assert_eq!(direction_of("cleanup"), None);
        let found: Vec<_> = lines("a\r\n\nb").collect();
        assert_eq!(found, [(0, "a"), (3, ""), (4, "b")]);
    }
}
