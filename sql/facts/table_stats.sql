-- a row is a table that stores rows, and its counters since the last reset; read by function, the view joins too much
-- from 14; any role; a dozen function calls a table
-- https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ALL-TABLES-VIEW
select
  c.oid as oid,
  pg_catalog.pg_stat_get_numscans(c.oid) as sequential_scans,
  pg_catalog.pg_stat_get_tuples_returned(c.oid) as sequential_rows,
  pg_catalog.pg_stat_get_tuples_inserted(c.oid) as inserts,
  pg_catalog.pg_stat_get_tuples_updated(c.oid) as updates,
  pg_catalog.pg_stat_get_tuples_hot_updated(c.oid) as hot_updates,
  pg_catalog.pg_stat_get_tuples_deleted(c.oid) as deletes,
  pg_catalog.pg_stat_get_live_tuples(c.oid) as live_rows,
  pg_catalog.pg_stat_get_dead_tuples(c.oid) as dead_rows,
  pg_catalog.pg_stat_get_mod_since_analyze(c.oid) as changed_since_analyze,
  pg_catalog.pg_stat_get_last_vacuum_time(c.oid) as last_vacuum,
  pg_catalog.pg_stat_get_last_autovacuum_time(c.oid) as last_autovacuum,
  pg_catalog.pg_stat_get_last_analyze_time(c.oid) as last_analyze,
  pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid) as last_autoanalyze,
  null::timestamptz as last_sequential_scan
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'm')
  and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname !~ '^pg_(toast|temp|toast_temp)'
order by c.oid
