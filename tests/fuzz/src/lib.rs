//! What has to hold for any bytes. Fuzz targets call these without end, and `cargo test` for as long as it has patience
//! (`tests/integration/fuzz.rs`).

use pgassay::assess;
use pgassay::attest::Attestations;
use pgassay::config::Config;
use pgassay::logs::carrier::{self, Carrier, Chain};
use pgassay::logs::lexer::{self, Lexer};
use pgassay::logs::prefix::{self, Clock, Prefix};
use pgassay::logs::reader::{Format, Reader, stderr::Stderr};
use pgassay::logs::workload::Workload;
use pgassay::logs::{Options, Source, comment, merge, plan};
use pgassay::migrations::catalog::Catalog;
use pgassay::migrations::project::Options as ReviewOptions;
use pgassay::migrations::runner::Runner;
use pgassay::migrations::script::SourceFile;
use pgassay::migrations::source::{self, Gathered, Root};
use pgassay::migrations::{fix, load, replay, statement};
use pgassay::render;
use pgassay::time::Timestamp;
use std::io::{Cursor, Read};
use std::sync::atomic::AtomicBool;

/// A name, and what is done with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target by its name.
pub const ALL: [Target; 9] = [
    ("lexer", lexer),
    ("prefix", prefix),
    ("stderr", stderr),
    ("csvlog", csvlog),
    ("jsonlog", jsonlog),
    ("carriers", carriers),
    ("plan", plan),
    ("pipeline", pipeline),
    ("review", review),
];

/// A statement has a shape, which is the same whenever it is asked for; parameters and comments are read or not.
pub fn lexer(bytes: &[u8]) {
    let mut lexer = Lexer::default();
    for is_tabbed in [false, true] {
        let shape = lexer.shape_text(bytes, is_tabbed);
        assert_eq!(lexer.shape_text(bytes, is_tabbed), shape);
        let hash = lexer.lex(bytes, is_tabbed).shape;
        assert_eq!(Lexer::default().lex(bytes, is_tabbed).shape, hash);
        lexer::parameters(bytes, is_tabbed, &mut Vec::new());
        lexer::raw_parameters(bytes, is_tabbed);
    }
    comment::tags([bytes]);
}

/// The first line is a `log_line_prefix`, the rest a log; and all of it is one of an unknown prefix.
pub fn prefix(bytes: &[u8]) {
    prefix::detect(bytes);
    let (first, rest) = halves(bytes);
    if let Ok(prefix) = Prefix::compile(&String::from_utf8_lossy(first)) {
        read(&Format::Stderr(Stderr::new(prefix, rest)), rest);
    }
}

/// A log of a usual prefix.
pub fn stderr(bytes: &[u8]) {
    for text in ["%m [%p] %q%u@%d ", "%t:%r:%u@%d:[%p]:", ""] {
        if let Ok(prefix) = Prefix::compile(text) {
            read(&Format::Stderr(Stderr::new(prefix, bytes)), bytes);
        }
    }
}

/// A csvlog.
pub fn csvlog(bytes: &[u8]) {
    read(&Format::Csvlog, bytes);
}

/// A jsonlog.
pub fn jsonlog(bytes: &[u8]) {
    read(&Format::Jsonlog, bytes);
}

/// No byte is read twice, and what comes out does not depend on who read before.
fn read(format: &Format, bytes: &[u8]) {
    let mut reader = Reader::new(Clock::default());
    let entries = |reader: &mut Reader| {
        let mut entries = 0;
        let reading = reader.read(format, bytes, |record| {
            assert!(record.offset <= bytes.len());
            entries += 1;
        });
        assert!(reading.unread_lines <= reading.lines);
        assert_eq!(reading.bytes, bytes.len() as u64);
        entries
    };
    assert_eq!(entries(&mut reader), entries(&mut reader));
    assert!(format.cut(bytes).is_none_or(|end| end <= bytes.len()));
}

/// What a carrier holds does not depend on the pieces that it comes in.
pub fn carriers(bytes: &[u8]) {
    let options = carrier::Options { reference: Some(1_795_312_816_000_000), utc_offset: 0 };
    let Ok(chain) = Chain::detect(bytes, options) else { return };
    let (whole, notes) = chain.start(options).all(bytes);
    let mut pieces = chain.start(options);
    let mut out = Vec::new();
    for piece in bytes.chunks(7) {
        pieces.feed(piece, &mut out);
    }
    pieces.finish(&mut out);
    assert!(out == whole, "{}", String::from_utf8_lossy(&out));
    assert_eq!(pieces.notes(), notes);
}

/// A plan of auto_explain.
pub fn plan(bytes: &[u8]) {
    for is_tabbed in [false, true] {
        if let Some(plan) = plan::plan(bytes, is_tabbed) {
            plan.root_rows();
            plan.seq_scans().count();
        }
    }
}

/// A log, from its bytes to a report: the same with several threads, in every format of a report, stored and read again.
pub fn pipeline(bytes: &[u8]) {
    let workload = logs(bytes, 1);
    let stored = serde_json::to_vec(&workload).unwrap();
    assert!(serde_json::to_vec(&logs(bytes, 3)).unwrap() == stored, "threads change something");
    assert!(
        merge::merge(vec![merge::parse(&stored).unwrap()]).unwrap().workload == workload,
        "storing changes something"
    );
    let at = Timestamp::from_unix_micros(1_795_312_816_000_000);
    let (config, attestations) = (Config::default(), Attestations::default());
    let given = assess::logs::Given {
        workload: &workload,
        config: &config,
        attestations: &attestations,
        at,
        generated_at: at,
        top: 20,
    };
    let report = assess::logs::report(&given, Vec::new());
    for renderer in render::ALL {
        let mut text = Vec::new();
        (renderer.render)(&report, &render::Options::default(), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        if renderer.name == "json" {
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
    }
}

fn logs(bytes: &[u8], jobs: usize) -> Workload {
    let input = bytes.to_vec();
    let open = move || -> std::io::Result<Box<dyn Read + Send>> { Ok(Box::new(Cursor::new(input))) };
    let source = Source { name: "fuzz".to_owned(), stream: 1, written: None, until: None, open: Box::new(open) };
    let options = Options { jobs, ..Options::default() };
    pgassay::logs::read(vec![source], &options, &AtomicBool::new(false)).workload
}

/// Up to the first line feed, and behind it.
fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    (&bytes[..end], bytes.get(end + 1..).unwrap_or_default())
}

/// The whole of a static review: the bytes are files, parted by form feeds, that any runner may send. Whatever they hold, each
/// is reviewed or refused, every format can be written, and what is fixed is still text.
pub fn review(bytes: &[u8]) {
    let (first, rest) = bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest));
    let runner = Runner::ALL.get(usize::from(first)).map(|(runner, _)| *runner);
    let major = 14 + u16::from(first % 5);
    let files: Vec<SourceFile> = rest
        .split(|byte| *byte == 0x0c)
        .enumerate()
        .filter_map(|(number, part)| source::decode(part.to_vec()).ok().map(|decoded| (number, decoded.text)))
        .map(|(number, text)| SourceFile::new(format!("m/{number:03}_x.sql"), text))
        .collect();
    let root = Root { path: "m".to_owned(), files: (0..files.len()).collect(), ..Root::default() };
    let gathered = Gathered { files, roots: vec![root], ..Gathered::default() };
    let report = statement::with_parser(|| {
        let options = ReviewOptions { major, ..ReviewOptions::default() };
        let project = load::project(gathered, runner, options, Catalog::default()).project;
        let config = Config::default();
        let replayed = replay::replay(&project, &assess::review::enabled(&config));
        let given = assess::review::Given {
            replayed: &replayed,
            traced: None,
            config: &config,
            severities: &assess::review::Severities::default(),
            attestations: &Attestations::default(),
            baseline: None,
            target: "m",
            generated_at: Timestamp::from_unix_micros(0),
            sizes: None,
        };
        let mut report = assess::review::report(&given, Vec::new());
        fix::add_edits(&replayed, &mut report.findings);
        for fixed in fix::apply(&project, &report.findings) {
            fixed.diff();
        }
        report
    });
    for renderer in render::ALL {
        let mut out = Vec::new();
        (renderer.render)(&report, &render::Options::default(), &mut out).expect("memory can be written to");
        std::str::from_utf8(&out).expect("every format is text");
    }
}
