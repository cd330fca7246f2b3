//! pgxpool. It waits as long as the context says, which is for ever where that says nothing.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "pgx",
    title: "pgx 5",
    answers: Answers {
        acquire: Answer::Code("context.WithTimeout(ctx, 10*time.Second)"),
        lifetime: Answer::Key("pool_max_conn_lifetime"),
        idle: Answer::Key("pool_max_conn_idle_time"),
        leaks: Answer::Code("held for"),
    },
    files: &[
        Template {
            path: ".env",
            format: Format::Url,
            text: "\
# with the jitter a connection lives for 28 minutes at most
DATABASE_URL=\"postgres://user@host:5432/database?pool_max_conns=@size@&pool_max_conn_lifetime=25m\
&pool_max_conn_lifetime_jitter=3m&pool_max_conn_idle_time=5m&pool_health_check_period=30s\"
",
        },
        Template {
            path: "database.go",
            format: Format::Go,
            text: "\
package database

import (
\t\"context\"
\t\"log\"
\t\"time\"

\t\"github.com/jackc/pgx/v5/pgxpool\"
)

const held = 30 * time.Second

// Do takes a connection, 10 seconds at most, and gives it back whatever happens. pgxpool has no acquire timeout and no leak
// detection of its own; pool.Stat() has AcquiredConns, IdleConns and EmptyAcquireCount for the metrics endpoint.
func Do(ctx context.Context, pool *pgxpool.Pool, work func(context.Context, *pgxpool.Conn) error) error {
\twait, cancel := context.WithTimeout(ctx, 10*time.Second)
\tdefer cancel()
\tconn, err := pool.Acquire(wait)
\tif err != nil {
\t\treturn err
\t}
\tdefer conn.Release()
\ttimer := time.AfterFunc(held, func() { log.Printf(\"a connection is held for %s\", held) })
\tdefer timer.Stop()
\treturn work(ctx, conn)
}
",
        },
    ],
};
