//! Django. Without `pool` it opens a connection for every request.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "django",
    title: "Django 5.1 and later with psycopg 3",
    answers: Answers {
        acquire: Answer::Key("timeout"),
        lifetime: Answer::Key("max_lifetime"),
        idle: Answer::Key("max_idle"),
        leaks: Answer::Lacks("neither Django nor psycopg's pool has leak detection"),
    },
    files: &[Template {
        path: "settings.py",
        format: Format::Python,
        text: "\
import os

DATABASES = {
    \"default\": {
        \"ENGINE\": \"django.db.backends.postgresql\",
        \"NAME\": os.environ[\"PGDATABASE\"],
        \"USER\": os.environ[\"PGUSER\"],
        \"PASSWORD\": os.environ[\"PGPASSWORD\"],
        \"HOST\": os.environ[\"PGHOST\"],
        \"PORT\": os.environ.get(\"PGPORT\", \"5432\"),
        # a pool and persistent connections exclude each other
        \"CONN_MAX_AGE\": 0,
        \"OPTIONS\": {
            # one pool in each process: with n workers of gunicorn there are n
            \"pool\": {
                \"min_size\": @minimum@,
                \"max_size\": @size@,
                \"timeout\": 10,
                \"max_waiting\": @waiting@,
                \"max_lifetime\": 1500,
                \"max_idle\": 300,
            },
        },
    },
}
# neither Django nor psycopg's pool has leak detection. A request gives its connection back when it ends; threads and commands
# of your own must call django.db.connection.close(). Add idle_in_transaction_session_timeout for the role, which ends what is
# forgotten in a transaction, and a gauge of connection.pool.get_stats()[\"requests_waiting\"].
",
    }],
};
