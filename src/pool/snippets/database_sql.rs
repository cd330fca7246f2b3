//! Go's database/sql. By default it opens as many connections as are asked for, and keeps two.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "database-sql",
    title: "Go database/sql",
    answers: Answers {
        acquire: Answer::Code("context.WithTimeout(ctx, 10*time.Second)"),
        lifetime: Answer::Key("SetConnMaxLifetime"),
        idle: Answer::Key("SetConnMaxIdleTime"),
        leaks: Answer::Code("held for"),
    },
    files: &[Template {
        path: "database.go",
        format: Format::Go,
        text: "\
package database

import (
\t\"context\"
\t\"database/sql\"
\t\"log\"
\t\"time\"

\t_ \"github.com/jackc/pgx/v5/stdlib\"
)

func Open(url string) (*sql.DB, error) {
\tdb, err := sql.Open(\"pgx\", url)
\tif err != nil {
\t\treturn nil, err
\t}
\tdb.SetMaxOpenConns(@size@)
\tdb.SetMaxIdleConns(@size@)
\tdb.SetConnMaxLifetime(25 * time.Minute)
\tdb.SetConnMaxIdleTime(5 * time.Minute)
\treturn db, nil
}

const held = 30 * time.Second

// Do takes a connection, 10 seconds at most, and gives it back whatever happens. database/sql has no acquire timeout and no
// leak detection of its own; db.Stats() has InUse, Idle and WaitCount for the metrics endpoint.
func Do(ctx context.Context, db *sql.DB, work func(context.Context, *sql.Conn) error) error {
\twait, cancel := context.WithTimeout(ctx, 10*time.Second)
\tdefer cancel()
\tconn, err := db.Conn(wait)
\tif err != nil {
\t\treturn err
\t}
\tdefer conn.Close()
\ttimer := time.AfterFunc(held, func() { log.Printf(\"a connection is held for %s\", held) })
\tdefer timer.Stop()
\treturn work(ctx, conn)
}
",
    }],
};
