-- a row is a database and its counters since the last reset
-- from 14; any role; cheap
-- https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-DATABASE-VIEW
select
  s.datname::text as database,
  s.numbackends as backends,
  s.xact_commit as commits,
  s.xact_rollback as rollbacks,
  s.blks_read as blocks_read,
  s.blks_hit as blocks_hit,
  s.tup_returned as rows_returned,
  s.tup_fetched as rows_fetched,
  s.tup_inserted as rows_inserted,
  s.tup_updated as rows_updated,
  s.tup_deleted as rows_deleted,
  s.conflicts as conflicts,
  s.temp_files as temp_files,
  s.temp_bytes as temp_bytes,
  s.deadlocks as deadlocks,
  s.checksum_failures as checksum_failures,
  s.session_time as session_ms,
  s.active_time as active_ms,
  s.idle_in_transaction_time as idle_in_transaction_ms,
  s.sessions as sessions,
  s.sessions_abandoned as sessions_abandoned,
  s.sessions_fatal as sessions_fatal,
  s.sessions_killed as sessions_killed,
  s.stats_reset as stats_reset
from pg_catalog.pg_stat_database as s
where s.datname is not null
order by s.datname
