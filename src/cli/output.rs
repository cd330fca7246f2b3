//! Where a report goes, in which format, and what is said beside it.

use super::{Exit, Failure};
use crate::config::{Config, Gate};
use crate::render::{self, Options, Renderer};
use crate::report::Report;
use crate::rule::Severity;
use clap::{Args, ValueEnum};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The flags of every verb that makes a report.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct Output {
    /// Format of the report: terminal, json, markdown, scorecard, sarif, junit, github or gitlab
    #[arg(long, default_value = "terminal", value_parser = format)]
    format: &'static Renderer,
    /// Write the report to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// When to colour
    #[arg(long, value_enum, default_value = "auto")]
    color: Colour,
    /// List every finding, and every rule that passed or was skipped
    #[arg(long, short, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Exit with 1 when something is found at or above: none, info, low, medium, high, RULE or RULE:SEVERITY; repeatable
    #[arg(long, value_name = "GATE")]
    fail_on: Vec<String>,
    /// Exit with 0 whatever was found; failures to run keep their codes
    #[arg(long)]
    exit_zero: bool,
    /// Exit with 3 when anything could not be judged
    #[arg(long)]
    strict_coverage: bool,
    /// Team on the scorecard
    #[arg(long)]
    team: Option<String>,
    /// Reviewer on the scorecard
    #[arg(long)]
    reviewer: Option<String>,
    /// Date on the scorecard
    #[arg(long)]
    date: Option<String>,
}

fn format(name: &str) -> Result<&'static Renderer, String> {
    render::by_name(name).ok_or_else(|| {
        let names: Vec<&str> = render::ALL.iter().map(|renderer| renderer.name).collect();
        format!("the formats are {}", names.join(", "))
    })
}

impl Output {
    /// Whether the command line names a gate.
    pub(super) fn has_gate(&self) -> bool {
        !self.fail_on.is_empty()
    }

    /// The gate in effect: of the command line, of the configuration, or high.
    pub(super) fn gate(&self, config: &Config) -> Result<Gate, Failure> {
        if !self.fail_on.is_empty() {
            let known = super::input::rules();
            return Gate::parse(&self.fail_on, &known)
                .map_err(|error| Failure::usage(anyhow::anyhow!("--fail-on: {error}")));
        }
        Ok(config.fail_on.value.clone().unwrap_or_else(|| Gate::from_severity(Severity::High)))
    }

    /// Refuses what could only fail after the work: a gate that is none, a file that cannot be written.
    pub(super) fn check(&self, config: &Config) -> Result<(), Failure> {
        self.gate(config)?;
        self.output.as_deref().map_or(Ok(()), check_writable)
    }

    /// Whether the report is written for people, on standard output: then something may follow it.
    pub(super) fn is_for_people(&self) -> bool {
        self.format.name == "terminal" && self.output.is_none()
    }

    /// Writes another report behind one for people; what it found is no gate's.
    pub(super) fn also(&self, report: &Report) -> Result<(), Failure> {
        let to_terminal = io::stdout().is_terminal();
        let options = Options {
            width: to_terminal.then(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))).flatten(),
            colour: self.colour(to_terminal),
            ..Options::default()
        };
        to_stdout(|out| {
            writeln!(out)?;
            (self.format.render)(report, &options, out)
        })
    }

    /// Writes a report where it belongs, and says how the run ended.
    pub(super) fn write(&self, report: &Report, config: &Config) -> Result<Exit, Failure> {
        let gate = self.gate(config)?;
        let to_terminal = self.output.is_none() && io::stdout().is_terminal();
        let options = Options {
            width: to_terminal.then(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))).flatten(),
            colour: self.colour(to_terminal),
            verbose: self.verbose,
            team: self.team.clone().or_else(|| config.team.value.clone()),
            reviewer: self.reviewer.clone().or_else(|| config.reviewer.value.clone()),
            date: self.date.clone(),
            ..Options::default()
        };
        let render = |out: &mut dyn Write| (self.format.render)(report, &options, out).and_then(|()| out.flush());
        match &self.output {
            None => forgiving(render(&mut io::BufWriter::new(io::stdout().lock()))),
            Some(path) => to_file(path, render),
        }?;
        Ok(self.exit(report, &gate))
    }

    fn colour(&self, to_terminal: bool) -> bool {
        match self.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => {
                let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
                to_terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        }
    }

    fn exit(&self, report: &Report, gate: &Gate) -> Exit {
        let found = if gate.fails(&report.findings) && !self.exit_zero { Exit::Found } else { Exit::Clean };
        let complete = !report.has_failures() && (!self.strict_coverage || report.is_complete());
        found.and(if complete { Exit::Clean } else { Exit::Incomplete })
    }
}

/// A reader that has seen enough closes the pipe: that is success.
fn forgiving(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::incomplete(anyhow::Error::new(error).context("cannot write to standard output")))
        }
        _ => Ok(()),
    }
}

/// Whether a file can be written, before there is anything to write.
pub(super) fn check_writable(path: &Path) -> Result<(), Failure> {
    let cannot = |error: io::Error| {
        Failure::usage(anyhow::Error::new(error).context(format!("cannot write {}", path.display())))
    };
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(cannot(io::Error::from(io::ErrorKind::IsADirectory))),
        Ok(metadata) if !metadata.is_file() => Ok(()),
        _ => {
            let temporary = beside(path);
            std::fs::File::create(&temporary).and_then(|_| std::fs::remove_file(&temporary)).map_err(cannot)
        }
    }
}

/// A name for what is not whole yet, in the same directory.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// Writes a file whole or not at all: a reader never sees half a report.
pub(super) fn to_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let complain = |error: io::Error| {
        Failure::usage(anyhow::Error::new(error).context(format!("cannot write {}", path.display())))
    };
    // a device or a pipe cannot be replaced by a new file
    let is_special = path.metadata().is_ok_and(|metadata| !metadata.is_file());
    if is_special {
        let mut file = std::fs::OpenOptions::new().write(true).open(path).map_err(complain)?;
        return write(&mut file).map_err(complain);
    }
    // a link is written through, not replaced
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let temporary = beside(path);
    let written = std::fs::File::create(&temporary).and_then(|file| {
        let mut out = io::BufWriter::new(file);
        write(&mut out)?;
        out.flush()
    });
    written.and_then(|()| std::fs::rename(&temporary, path)).map_err(|error| {
        drop(std::fs::remove_file(&temporary));
        complain(error)
    })
}

/// Writes to standard output.
pub(super) fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    forgiving(write(&mut out).and_then(|()| out.flush()))
}

/// Prints text on standard output.
pub(super) fn print(text: &str) -> Result<Exit, Failure> {
    let mut out = io::stdout().lock();
    forgiving(out.write_all(text.as_bytes()).and_then(|()| out.flush()))?;
    Ok(Exit::Clean)
}

/// Says something beside the report, on standard error. Whatever was typed where it does not belong, no password is
/// repeated.
pub(super) fn say(text: &str) {
    // a server's words, names and arguments must not steer the terminal
    let plain: String = without_passwords(text).chars().flat_map(told).collect();
    drop(writeln!(io::stderr().lock(), "{plain}"));
}

/// A character as it may be shown: line feeds as they are, other controls and what turns text around by their escapes.
fn told(character: char) -> impl Iterator<Item = char> {
    let shown = character == '\n'
        || !(character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    let (plain, escaped) = if shown { (Some(character), None) } else { (None, Some(character.escape_unicode())) };
    plain.into_iter().chain(escaped.into_iter().flatten())
}

/// The text, with `…` for the user and password of every address, and for the value of every `password=`.
fn without_passwords(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        // the last @ before white space: a password may hold one, and a slash
        let word = after.find(char::is_whitespace).map_or(after, |end| &after[..end]);
        match word.rfind('@') {
            Some(end) => {
                clean.push('…');
                rest = &after[end..];
            }
            None => rest = after,
        }
    }
    clean.push_str(rest);
    let mut text = std::mem::take(&mut clean);
    for name in ["password=", "password = "] {
        let parts: Vec<String> = text.split(name).map(str::to_owned).collect();
        text = parts[0].clone();
        for part in &parts[1..] {
            let end = match part.strip_prefix('\'') {
                Some(quoted) => quoted.find('\'').map_or(part.len(), |end| end + 2),
                None => part.find([' ', '&', '\'', '"', '\n']).unwrap_or(part.len()),
            };
            text.push_str(name);
            text.push('…');
            text.push_str(&part[end..]);
        }
    }
    text
}

/// Says why a run ended early.
pub(super) fn complain(failure: &Failure) {
    say(&format!("pgassay: {failure}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_repeated() {
        for (text, clean) in [
            ("unrecognized subcommand 'postgres://ada:canary@h/db'", "unrecognized subcommand 'postgres://…@h/db'"),
            ("cannot read postgres://a:can@a/ry@h", "cannot read postgres://…@h"),
            ("a://h/x and b://u:canary@h", "a://h/x and b://…@h"),
            ("\"host=h password=canary user=x\"", "\"host=h password=… user=x\""),
            ("password = 'can ary' user=x", "password = … user=x"),
            ("postgres://h/db?password=canary&x=1", "postgres://h/db?password=…&x=1"),
            ("refused the password of user \"ada\"", "refused the password of user \"ada\""),
            ("stop it at 20 %, see https://example.com", "stop it at 20 %, see https://example.com"),
        ] {
            assert_eq!(without_passwords(text), clean);
        }
    }
}
