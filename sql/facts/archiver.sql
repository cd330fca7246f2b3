-- one row: what the archiver of write-ahead log has done
-- from 14; any role; constant cost
-- https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ARCHIVER-VIEW
select
  a.archived_count as archived,
  a.last_archived_time as last_archived_at,
  a.failed_count as failed,
  a.last_failed_time as last_failed_at,
  a.stats_reset as stats_reset
from pg_catalog.pg_stat_archiver as a
order by 1
