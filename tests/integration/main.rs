//! The server ring and the whole-program ring of the tests: one binary, so that its tests share their servers.
#![allow(dead_code, unreachable_pub, reason = "a harness offers more than the tests of one day use")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test that cannot go on panics, says which majors it ran on, and reads its environment"
)]

mod audit_logs;
mod auditing;
mod checks;
mod cli;
mod effects;
mod facts;
mod fuzz;
mod harness;
mod logs;
mod logs_apps;
mod manners;
mod pool;
mod prove;
mod readme;
mod render;
mod review;
mod scratch_server;
mod shape;
