-- a row is a client's session at this instant, and what state it is in; the reading session is always one of them
-- from 14; pg_read_all_stats for the state of others; cheap
-- https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
select
  a.pid as pid,
  a.datname::text as database,
  a.usename::text as role,
  a.application_name as application,
  pg_catalog.host(a.client_addr) as client_address,
  a.state as state,
  a.backend_start as started_at,
  a.xact_start as transaction_started_at,
  a.state_change as state_changed_at,
  a.backend_type is not null as is_visible,
  a.pid = pg_catalog.pg_backend_pid() as is_own,
  pg_catalog.clock_timestamp() as read_at
from pg_catalog.pg_stat_activity as a
where
  a.backend_type = 'client backend'
  or (a.backend_type is null and a.datid is not null)
order by a.pid
