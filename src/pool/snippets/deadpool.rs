//! deadpool-postgres. Age and idleness are only known to it when asked: a task of your own retires connections.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "deadpool",
    title: "deadpool-postgres 0.14, deadpool 0.12 and 0.13",
    answers: Answers {
        acquire: Answer::Key("wait"),
        lifetime: Answer::Code("metrics.age() < Duration::from_secs(25 * 60)"),
        idle: Answer::Code("metrics.last_used() < Duration::from_secs(5 * 60)"),
        leaks: Answer::Lacks("deadpool has no leak detection"),
    },
    files: &[
        Template {
            path: "src/database.rs",
            format: Format::Rust,
            // apart, since it names what no file of this module may
            text: include_str!("deadpool.txt"),
        },
        Template {
            path: "config.toml (with the serde feature, read into Config)",
            format: Format::Toml,
            text: "\
[pg.pool]
max_size = @size@

[pg.pool.timeouts]
wait = { secs = 10, nanos = 0 }
create = { secs = 5, nanos = 0 }
recycle = { secs = 5, nanos = 0 }
",
        },
    ],
};
