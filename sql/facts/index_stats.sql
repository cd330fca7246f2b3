-- a row is an index that stores entries, and its counters since the last reset
-- from 14; any role; a few function calls an index
-- https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ALL-INDEXES-VIEW
select
  i.indexrelid as oid,
  pg_catalog.pg_stat_get_numscans(i.indexrelid) as scans,
  pg_catalog.pg_stat_get_tuples_returned(i.indexrelid) as entries_read,
  pg_catalog.pg_stat_get_tuples_fetched(i.indexrelid) as rows_fetched,
  null::timestamptz as last_scan
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indexrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'i'
  and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname !~ '^pg_(toast|temp|toast_temp)'
order by i.indexrelid
