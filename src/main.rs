//! The program: hands the command line to the library.

#![allow(clippy::disallowed_methods, reason = "the program's edge: its arguments are read here")]

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    match arguments.get(1) {
        // the supervisor of a throw-away server is this program again, before any other word is read
        Some(verb) if verb == "__supervise" => pgassay::scratch::supervise(&arguments[2..]),
        _ => pgassay::cli::run(arguments),
    }
}
