//! node-postgres. By default its pool waits for ever.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "node-postgres",
    title: "pg 8 with pg-pool 3",
    answers: Answers {
        acquire: Answer::Key("connectionTimeoutMillis"),
        lifetime: Answer::Key("maxLifetimeSeconds"),
        idle: Answer::Key("idleTimeoutMillis"),
        leaks: Answer::Code("held for"),
    },
    files: &[Template {
        path: "database.js",
        format: Format::JavaScript,
        text: "\
const { Pool } = require('pg')

const pool = new Pool({
  connectionString: process.env.DATABASE_URL,
  max: @size@,
  connectionTimeoutMillis: 10000,
  idleTimeoutMillis: 300000,
  maxLifetimeSeconds: 1500,
})

// a client that breaks while idle must not end the process
pool.on('error', (error) => console.error('idle client', error))

// leak detection, which the pool does not have
const HELD = 30000
const held = new WeakMap()
pool.on('acquire', (client) => {
  const { stack } = new Error(`a connection is held for ${HELD} ms`)
  held.set(client, setTimeout(() => console.warn(stack), HELD).unref())
})
pool.on('release', (error, client) => clearTimeout(held.get(client)))

// pool.totalCount, pool.idleCount and pool.waitingCount for the metrics endpoint
module.exports = pool
",
    }],
};
