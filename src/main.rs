//! The command line of `pgassay`.

#![allow(clippy::disallowed_methods, reason = "the program's edge: its arguments are read here")]

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some((verb, rest)) = arguments.split_first()
        && verb == "__supervise"
    {
        return pgassay::scratch::supervise(rest);
    }
    let usage = "usage: pgassay __supervise";
    let _ = writeln!(std::io::stderr(), "{usage}");
    ExitCode::from(2)
}
