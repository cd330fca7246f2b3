//! asyncpg. Its pool knows no age and no acquire timeout of its own.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "asyncpg",
    title: "asyncpg 0.29 and later",
    answers: Answers {
        acquire: Answer::Code("pool.acquire(timeout=10)"),
        lifetime: Answer::Code("pool.expire_connections()"),
        idle: Answer::Key("max_inactive_connection_lifetime"),
        leaks: Answer::Code("held for %d s"),
    },
    files: &[Template {
        path: "database.py",
        format: Format::Python,
        text: "\
import asyncio
import contextlib
import logging
import os

import asyncpg

HELD = 30
tasks = set()


async def connect():
    pool = await asyncpg.create_pool(
        os.environ[\"DATABASE_URL\"],
        min_size=@minimum@,
        max_size=@size@,
        max_inactive_connection_lifetime=300,
        command_timeout=30,
    )
    # a task that nothing refers to may be collected
    tasks.add(asyncio.create_task(retire(pool)))
    return pool


async def retire(pool):
    \"\"\"The pool has no maximum lifetime: after 20 minutes each connection is replaced when it is next taken, or closed when
    it has been idle for 5 more.\"\"\"
    while True:
        await asyncio.sleep(20 * 60)
        await pool.expire_connections()


@contextlib.asynccontextmanager
async def connection(pool):
    \"\"\"Use this in place of pool.acquire(), which waits for ever: 10 seconds at most, and a word of who holds for long.\"\"\"
    async with pool.acquire(timeout=10) as taken:
        timer = asyncio.get_running_loop().call_later(
            HELD, logging.warning, \"a connection is held for %d s\", HELD
        )
        try:
            yield taken
        finally:
            timer.cancel()
",
    }],
};
