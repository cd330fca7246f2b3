-- a row is a server process at this instant; query text only where this role may see it
-- from 14; pg_read_all_stats for the state of others; cheap
-- https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
select
  a.pid as pid,
  a.backend_type as backend_type,
  a.datname::text as database,
  a.usename::text as role,
  a.application_name as application,
  pg_catalog.host(a.client_addr) as client_address,
  a.client_port as client_port,
  a.backend_start as started_at,
  a.xact_start as transaction_started_at,
  a.query_start as query_started_at,
  a.state_change as state_changed_at,
  a.state as state,
  a.wait_event_type as wait_event_type,
  a.wait_event as wait_event,
  pg_catalog.age(a.backend_xid) as xid_age,
  pg_catalog.age(a.backend_xmin) as xmin_age,
  a.leader_pid as leader_pid,
  a.query_id::text as query_id,
  pg_catalog.left(a.query, 4096) as query,
  case
    when a.wait_event_type = 'Lock' then pg_catalog.pg_blocking_pids(a.pid)
    else '{}'::int4[]
  end as blocked_by,
  a.pid = pg_catalog.pg_backend_pid() as is_own,
  pg_catalog.now() as read_at
from pg_catalog.pg_stat_activity as a
order by
  a.backend_start,
  a.pid
