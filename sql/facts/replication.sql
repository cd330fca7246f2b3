-- a row is a standby or other receiver that streams from this server
-- from 14; pg_read_all_stats for the columns beyond the pid; cheap
-- https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-REPLICATION-VIEW
select
  r.pid as pid,
  r.usename::text as role,
  r.application_name as application,
  pg_catalog.host(r.client_addr) as client_address,
  r.state as state,
  r.sync_state as sync_state,
  r.sent_lsn::text as sent_lsn,
  r.replay_lsn::text as replay_lsn,
  case
    when not pg_catalog.pg_is_in_recovery()
      then pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), r.replay_lsn)::int8
  end as replay_lag_bytes,
  extract(epoch from r.replay_lag)::float8 as replay_lag_seconds,
  pg_catalog.age(r.backend_xmin) as xmin_age
from pg_catalog.pg_stat_replication as r
order by
  r.application_name,
  r.pid
