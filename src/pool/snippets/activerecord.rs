//! ActiveRecord. Before 8.1 connections live for ever, and the size is `pool`.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "activerecord",
    title: "Rails 8.1 (before: pool in place of max_connections, and no max_age)",
    answers: Answers {
        acquire: Answer::Key("checkout_timeout"),
        lifetime: Answer::Key("max_age"),
        idle: Answer::Key("idle_timeout"),
        leaks: Answer::Key("reaping_frequency"),
    },
    files: &[Template {
        path: "config/database.yml",
        format: Format::Yaml,
        text: "\
production:
  adapter: postgresql
  url: <%= ENV[\"DATABASE_URL\"] %>
  # seconds; at least as many connections as the threads of one process (RAILS_MAX_THREADS)
  max_connections: @size@
  checkout_timeout: 5
  idle_timeout: 300
  max_age: 1500
  # takes back the connections of threads that ended without giving them back; of a thread that lives it does not know
  reaping_frequency: 60
  variables:
    idle_in_transaction_session_timeout: 60000
",
    }],
};
