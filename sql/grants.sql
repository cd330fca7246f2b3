-- What an audit can use, and nothing more. Run as a superuser (or the service's administrator), once on the server for the
-- role, and once in each database for the rest.
create role pgassay login connection limit 4;
alter role pgassay set default_transaction_read_only = on;

-- where connect was taken from public, in each database: grant connect on database <name> to pgassay;

-- statistics, settings and the state of other sessions; index pages through pgstattuple
grant pg_monitor to pgassay;

-- for the statements and their counts, and for exact index bloat; both are part of PostgreSQL
create extension if not exists pg_stat_statements;
create extension if not exists pgstattuple;
-- where they live in a schema of their own: grant usage on schema <schema> to pgassay;

-- the server's own timeouts, where the role has an override that hides them; not on managed services
grant select on pg_catalog.pg_file_settings to pgassay;
grant execute on function pg_catalog.pg_show_all_file_settings() to pgassay;

-- Optional: the last values of sequences, the planner's statistics and plan evidence need select on tables, and
-- pg_read_all_data gives that for all of them. It also lets the role read the data itself; leave it out where that is too
-- much, and what needs it is reported as not judged.
-- grant pg_read_all_data to pgassay;
