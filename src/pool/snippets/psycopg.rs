//! psycopg's pool.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "psycopg",
    title: "psycopg_pool 3.2 and 3.3",
    answers: Answers {
        acquire: Answer::Key("timeout"),
        lifetime: Answer::Key("max_lifetime"),
        idle: Answer::Key("max_idle"),
        leaks: Answer::Code("held for %d s"),
    },
    files: &[Template {
        path: "database.py",
        format: Format::Python,
        text: "\
import logging
import os
import threading

from psycopg_pool import ConnectionPool

HELD = 30


class WatchedPool(ConnectionPool):
    \"\"\"The pool has no leak detection: this one tells of connections that are held for long.\"\"\"

    def getconn(self, timeout=None):
        connection = super().getconn(timeout)
        timer = threading.Timer(HELD, logging.warning, (\"a connection is held for %d s\", HELD))
        timer.daemon = True
        timer.start()
        connection.held = timer
        return connection

    def putconn(self, conn):
        timer = getattr(conn, \"held\", None)
        if timer:
            timer.cancel()
        super().putconn(conn)


# pool.get_stats() has pool_size, pool_available and requests_waiting for the metrics endpoint
pool = WatchedPool(
    os.environ[\"DATABASE_URL\"],
    min_size=@minimum@,
    max_size=@size@,
    timeout=10,
    max_waiting=@waiting@,
    max_lifetime=1500,
    max_idle=300,
    check=ConnectionPool.check_connection,
    open=True,
)
",
    }],
};
