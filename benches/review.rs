//! What a review costs, set against PostgreSQL's own parser on the same statements: CPU time of the process, all threads.
//!
//! ```sh
//! cargo bench --bench review
//! ```
//!
//! `parse` is `pg_query` alone on each statement of a folder of 10,000 lines; `json`, `sarif` and `terminal` are the whole
//! way from the texts of the files to the bytes of the report. The sizes below it show how the cost grows with statements.
//! Measures only: nothing is asserted about time.

#![allow(clippy::disallowed_methods, reason = "a program that measures reads clocks")]

mod review_input;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkId, Criterion, Throughput};
use pgassay::assess::review::{Given, Severities, enabled, report};
use pgassay::attest::Attestations;
use pgassay::config::Config;
use pgassay::migrations::catalog::Catalog;
use pgassay::migrations::project::Options;
use pgassay::migrations::replay::replay;
use pgassay::migrations::script::SourceFile;
use pgassay::migrations::source::{Gathered, Root};
use pgassay::migrations::{load, split, statement};
use pgassay::render;
use pgassay::time::Timestamp;
use std::hint::black_box;
use std::time::Duration;

/// CPU time of the process.
struct Cpu;

impl Measurement for Cpu {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
    }

    fn end(&self, start: Duration) -> Duration {
        self.start().saturating_sub(start)
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn gathered(files: &[(String, String)]) -> Gathered {
    let files: Vec<SourceFile> =
        files.iter().map(|(name, text)| SourceFile::new(format!("m/{name}"), text.as_str())).collect();
    let root = Root { path: "m".to_owned(), files: (0..files.len()).collect(), ..Root::default() };
    Gathered { files, roots: vec![root], ..Gathered::default() }
}

/// The whole of a review, in one format.
fn review(files: &[(String, String)], format: &str) -> Vec<u8> {
    let report = statement::with_parser(|| {
        let project = load::project(gathered(files), None, Options::default(), Catalog::default()).project;
        let config = Config::default();
        let replayed = replay(&project, &enabled(&config));
        let given = Given {
            replayed: &replayed,
            traced: None,
            config: &config,
            severities: &Severities::default(),
            attestations: &Attestations::default(),
            baseline: None,
            target: "m",
            generated_at: Timestamp::from_unix_micros(0),
            sizes: None,
        };
        report(&given, Vec::new())
    });
    let mut out = Vec::new();
    if let Some(renderer) = render::by_name(format) {
        drop((renderer.render)(&report, &render::Options::default(), &mut out));
    }
    out
}

/// PostgreSQL's parser alone, statement by statement.
fn parse(texts: &[String]) -> usize {
    let parsed = || texts.iter().filter(|text| black_box(pg_query::parse(text, 0)).is_ok()).count();
    statement::with_parser(parsed)
}

fn statements(files: &[(String, String)]) -> Vec<String> {
    let of = |(_, text): &(String, String)| -> Vec<String> {
        split::split(text, 0..text.len()).into_iter().map(|piece| text[piece.span].to_owned()).collect()
    };
    files.iter().flat_map(of).collect()
}

fn main() {
    let mut criterion = Criterion::default().with_measurement(Cpu).configure_from_args();
    let files = review_input::history(10_000);
    let texts = statements(&files);
    let mut group = criterion.benchmark_group("review of 10,000 lines");
    group.sample_size(20).throughput(Throughput::Elements(texts.len() as u64));
    group.bench_function("parse", |bencher| bencher.iter(|| parse(&texts)));
    for format in ["json", "sarif", "terminal", "markdown"] {
        group.bench_function(format, |bencher| bencher.iter(|| review(&files, format)));
    }
    group.finish();
    let mut group = criterion.benchmark_group("review by lines");
    group.sample_size(10);
    for lines in [2_500, 5_000, 10_000, 20_000, 40_000] {
        let files = review_input::history(lines);
        group.throughput(Throughput::Elements(lines as u64));
        for format in ["json", "terminal"] {
            let id = BenchmarkId::new(format, lines);
            group.bench_with_input(id, &files, |bencher, files| bencher.iter(|| review(files, format)));
        }
    }
    group.finish();
    criterion.final_summary();
}
