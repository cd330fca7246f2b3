//! Prisma. From 7 on its pool is node-postgres' own; before, it had a size and a timeout only.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "prisma",
    title: "Prisma 7 with @prisma/adapter-pg",
    answers: Answers {
        acquire: Answer::Key("connectionTimeoutMillis"),
        lifetime: Answer::Key("maxLifetimeSeconds"),
        idle: Answer::Key("idleTimeoutMillis"),
        leaks: Answer::Lacks("Prisma has no leak detection"),
    },
    files: &[
        Template {
            path: "src/database.ts",
            format: Format::TypeScript,
            text: "\
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from './generated/prisma/client'

const adapter = new PrismaPg({
  connectionString: process.env.DATABASE_URL,
  max: @size@,
  connectionTimeoutMillis: 10000,
  idleTimeoutMillis: 300000,
  maxLifetimeSeconds: 1500,
})

export const prisma = new PrismaClient({
  adapter,
  // milliseconds: how long an interactive transaction waits for its connection, and may hold it
  transactionOptions: { maxWait: 10000, timeout: 30000 },
})
// Prisma has no leak detection: a client is given back when its query or transaction ends, and an interactive transaction is
// ended by its timeout. Add idle_in_transaction_session_timeout for the role as well.
",
        },
        Template {
            path: ".env (Prisma 6 and earlier)",
            format: Format::Url,
            text: "\
# Prisma 6 has no lifetime and no idle timeout: upgrade, or put PgBouncer with server_lifetime before the server
DATABASE_URL=\"postgresql://user@host:5432/database?connection_limit=@size@&pool_timeout=10\"
",
        },
    ],
};
