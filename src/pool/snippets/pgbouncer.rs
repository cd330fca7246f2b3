//! PgBouncer. One pool for all instances: its size is that of all connections together, for each database and user.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "pgbouncer",
    title: "PgBouncer 1.18 and later",
    answers: Answers {
        acquire: Answer::Key("query_wait_timeout"),
        lifetime: Answer::Key("server_lifetime"),
        idle: Answer::Key("server_idle_timeout"),
        leaks: Answer::Key("idle_transaction_timeout"),
    },
    files: &[Template {
        path: "/etc/pgbouncer/pgbouncer.ini",
        format: Format::Ini,
        text: "\
[databases]
@database@ = host=127.0.0.1 port=5432@dbname@

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = 6432
auth_type = scram-sha-256
auth_file = /etc/pgbouncer/userlist.txt

; no SET without LOCAL, LISTEN, session advisory locks, WITH HOLD cursors,
; or temporary tables that outlive a transaction
pool_mode = transaction
; for each database and user
default_pool_size = @shared@
reserve_pool_size = @reserve@
reserve_pool_timeout = 3
; all users of a database together
max_db_connections = @shared_with_reserve@
max_client_conn = 1000
; protocol-level prepared statements, from 1.21 on:
; max_prepared_statements = 200

; seconds
query_wait_timeout = 10
server_lifetime = 1500
server_idle_timeout = 300
; ends a client that forgets its transaction
idle_transaction_timeout = 60

; SHOW POOLS and SHOW STATS have cl_waiting, maxwait, sv_active and sv_idle
stats_users = pgbouncer_stats
",
    }],
};
