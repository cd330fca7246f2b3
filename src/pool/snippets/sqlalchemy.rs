//! SQLAlchemy. Its own pool closes nothing that is idle, so its connections come from psycopg's.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "sqlalchemy",
    title: "SQLAlchemy 2 with psycopg 3.3",
    answers: Answers {
        acquire: Answer::Key("timeout"),
        lifetime: Answer::Key("max_lifetime"),
        idle: Answer::Key("max_idle"),
        leaks: Answer::Code("held for %d s"),
    },
    files: &[
        Template {
            path: "database.py",
            format: Format::Python,
            text: "\
import logging
import os
import threading

from psycopg_pool import ConnectionPool
from sqlalchemy import create_engine, event
from sqlalchemy.pool import NullPool

# SQLAlchemy's own pool has no idle timeout; psycopg's has one. close_returns (psycopg_pool 3.3) gives a connection
# back to it where SQLAlchemy would close it.
pool = ConnectionPool(
    os.environ[\"DATABASE_URL\"],
    min_size=@minimum@,
    max_size=@size@,
    timeout=10,
    max_waiting=@waiting@,
    max_lifetime=1500,
    max_idle=300,
    check=ConnectionPool.check_connection,
    close_returns=True,
    open=True,
)
engine = create_engine(\"postgresql+psycopg://\", creator=pool.getconn, poolclass=NullPool)

# leak detection
HELD = 30


@event.listens_for(engine, \"checkout\")
def checked_out(connection, record, proxy):
    timer = threading.Timer(HELD, logging.warning, (\"a connection is held for %d s\", HELD))
    timer.daemon = True
    timer.start()
    record.info[\"held\"] = timer


@event.listens_for(engine, \"checkin\")
def checked_in(connection, record):
    timer = record.info.pop(\"held\", None)
    if timer:
        timer.cancel()
",
        },
        Template {
            path: "database.py (with SQLAlchemy's own pool)",
            format: Format::Python,
            text: "\
import os

from sqlalchemy import create_engine

engine = create_engine(
    os.environ[\"DATABASE_URL\"],
    pool_size=@size@,
    max_overflow=0,
    pool_timeout=10,
    pool_recycle=1500,
    pool_pre_ping=True,
    pool_use_lifo=True,
)
# SQLAlchemy's own pool has no idle timeout: what is idle stays open, and pool_recycle looks only when a connection is taken.
# Nor has it leak detection: add the two events of the file above.
",
        },
    ],
};
